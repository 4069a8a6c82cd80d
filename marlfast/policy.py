"""Policies: what a team does, without learning any more."""
import numpy as np

from marlfast.errors import integer
from marlfast.resolved import part_of


class Policy:
    """The greedy policy of one team: each agent's action from its own observation.

    An observation that was never seen in training gets the initial action values' first greatest.

    Attributes
    ----------
    experiment : Experiment
        Of one run.
    arrays : dict of str to ndarray
        ``encoder.*`` and ``learner.*``; the first axis, of length 1, is the run.
    """

    def __init__(self, experiment, arrays):
        self.experiment, self.arrays = experiment, arrays

    @classmethod
    def of_result(cls, result, run):
        runs = len(result.steps)
        run = integer("run", run, 0, runs - 1)
        arrays = {name: array[run:run + 1].copy() for name, array in result.arrays.items()
                  if name.startswith(("encoder.", "learner."))}
        return cls(result.experiment.of_run(run), arrays)

    def __call__(self, observation):
        """Actions of all agents.

        Parameters
        ----------
        observation : float64 [V, D], or [D] where all agents see the same

        Returns
        -------
        int32 [N]
        """
        game, views = self.experiment.game, self.experiment.game.views
        observation = np.array(observation, np.float64)
        if observation.size != views * game.features:
            raise ValueError(f"observation: expected shape {(views, game.features)}, got {observation.shape}")
        return self._actions(self._rows(observation.reshape(views, game.features)))

    def agent(self, agent):
        """The policy of one agent of the team.

        Parameters
        ----------
        agent : int
            0 to N - 1.

        Returns
        -------
        AgentPolicy
        """
        return AgentPolicy(self, integer("agent", agent, 0, self.experiment.game.agents - 1))

    def _actions(self, rows):
        """Actions int32 [N] of agents whose observations are in these rows."""
        e = self.experiment
        return e.learner.actions(e.resolved.seats, part_of(self.arrays, "learner"), rows)

    def _rows(self, observation):
        """Active rows of each agent, -1 where its observation [V, D] was never seen; nothing is added."""
        e = self.experiment
        return e.encoder.find(e.game, part_of(self.arrays, "encoder"), observation)


class AgentPolicy:
    """The greedy policy of one agent, as it is carried out: from what this agent observes, and nothing else.

    Attributes
    ----------
    policy : Policy
        Of its team.
    agent : int
    """

    def __init__(self, policy, agent):
        self.policy, self.agent = policy, agent

    def __call__(self, observation):
        """The action of the agent.

        Parameters
        ----------
        observation : float64 [D]
            Its own.

        Returns
        -------
        int
        """
        game = self.policy.experiment.game
        observation = np.array(observation, np.float64)
        if observation.shape != (game.features,):
            raise ValueError(f"observation: expected what agent {self.agent} observes, shape {(game.features,)}, "
                             f"got {observation.shape}")
        # In the others' places stands what it sees itself; where they see something else, nobody knows what they see.
        rows = self.policy._rows(np.tile(observation, (game.views, 1)))
        if game.views > 1:
            own = rows.reshape(game.agents, -1)[self.agent].copy()
            rows[:] = -1
            rows.reshape(game.agents, -1)[self.agent] = own
        return int(self.policy._actions(rows)[self.agent])


class RandomPolicy:
    """Every action as likely, whatever is observed."""
