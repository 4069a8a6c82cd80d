"""Policies: what a team does, without learning any more."""
import numpy as np

from marlfast.errors import integer
from marlfast.session import part_of


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
        e = self.experiment
        game, views = e.game, e.game.views
        observation = np.array(observation, np.float64)
        if observation.size != views * game.features:
            raise ValueError(f"observation: expected shape {(views, game.features)}, got {observation.shape}")
        rows = e.encoder.find(game, part_of(self.arrays, "encoder"), observation.reshape(views, game.features))
        return e.learner.actions(e.seats(), part_of(self.arrays, "learner"), rows)


class RandomPolicy:
    """Every action as likely, whatever is observed."""
