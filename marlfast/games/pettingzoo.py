"""PettingZoo's environments as games, so that marlfast's learners play them."""
from dataclasses import dataclass, field

from marlfast.errors import flag, shown
from marlfast.games.environments import EnvironmentGame, named


@dataclass(frozen=True, repr=False, eq=False)
class PettingZooGame(EnvironmentGame):
    """A PettingZoo environment as a game: all agents act at once (``ParallelEnv``), or in turns (``AECEnv``).

    Each run has an environment object of its own. Since these are Python, a step takes as long as theirs does; the
    learning beside it is compiled.

    Dynamics
        The environment's ``step``.
    Observation
        What the environment shows to each agent, one view per agent. Where all agents observe ``Discrete`` spaces,
        observations are numbered from 0; else they are flattened (:mod:`marlfast.games.spaces`), and shorter ones end
        with zeros.
    Action
        0 to n - 1 for an agent with ``n`` discrete actions, whatever the space counts from; of several parts, one
        number for all of them (:mod:`marlfast.games.spaces`).
    Reward
        The environment's.
    Start
        The environment's ``reset``, with a seed that is drawn: the same seed of training gives the same episodes, if
        the environment is one that keeps to its seed.
    End
        Terminated where the environment terminates all agents; truncated after ``horizon`` steps. With ``leaves`` an
        agent that the environment terminates has left, and the others go on.

    Parameters
    ----------
    make : callable
        ``make()`` gives a new environment, such as ``pettingzoo.classic.rps_v2.parallel_env``. A file has its name
        only: ``load(path, game=game)`` is given the game again.
    horizon : int, optional
        Steps after which an episode is truncated; 0: never. Default: the environment's ``max_cycles``, where it has
        one. An environment that truncates an episode at any other step is an error, since learners bootstrap from what
        a truncated episode would have come to, and from nothing where a game is over.
    at_horizon : optional
        Refused: the environment says it.
    masks : bool, optional
        Some actions are not legal: the environment says which by an ``"action_mask"`` in its ``infos``, or in
        observations that are dictionaries of it and of ``"observation"``. Default: whether it does at its first reset.
        False: what it says is not looked at.
    strict : bool
        False: observations outside their space are taken as they come.
    workers : int
        In how many processes the environments are; 0: in this one. ``make`` must be a function that can be imported by
        its name. The numbers are the same.
    leaves : bool
        Agents may end before others, or come later, and the environment's limit may vary; always so of an ``AECEnv``.

    See Also
    --------
    tabulate : Explores a small environment once, and needs it no more.
    marlfast.adapters.pettingzoo.parallel_env : The other way round.

    Notes
    -----
    What goes on inside an environment is not in marlfast's arrays. A result that was resumed between two episodes is
    as if it had never stopped; one that was stopped within an episode goes on with another one, from its start, for
    the steps that were left.

    References
    ----------
    J. K. Terry et al., "PettingZoo: Gym for multi-agent reinforcement learning", NeurIPS (2021).

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.adapters.pettingzoo import parallel_env
    >>> game = mf.games.PettingZooGame(lambda: parallel_env(mf.games.RockPaperScissors(horizon=5)))
    >>> mf.train(game, mf.IQL(), episodes=3, seed=0).returns.shape
    (1, 3, 2)
    """

    leaves: bool = field(default=False, kw_only=True)

    library = "pettingzoo"
    remedy = "give leaves=True where agents end before others, or limits vary"

    def adapted(self, environment):
        for needed in ("possible_agents", "observation_space", "action_space", "reset", "step"):
            if not hasattr(environment, needed):
                raise TypeError(f"make: expected a function that gives a PettingZoo ParallelEnv or AECEnv, it gave "
                                f"{shown(environment)}")
        return _Turns(environment) if hasattr(environment, "agent_iter") else environment

    def settle(self, environment):
        self._set(leaves=flag("leaves", self.leaves) or self.turns)

    @property
    def varies(self):
        return self.leaves


class _Turns:
    """An ``AECEnv`` with the interface of a ``ParallelEnv``: in each step the agent whose turn it is acts."""

    def __init__(self, environment):
        self.environment = self.unwrapped = environment
        self.possible_agents = environment.possible_agents
        self.observation_space, self.action_space = environment.observation_space, environment.action_space
        self.close = environment.close

    def __str__(self):
        return named(self.environment)

    @property
    def agents(self):
        return self.environment.agents

    @property
    def selected(self):
        """Whose turn it is; None: nobody is there."""
        return self.environment.agent_selection if self.environment.agents else None

    def reset(self, seed=None):
        self.environment.reset(seed=seed)
        return self._told()

    def step(self, actions):
        environment, there = self.environment, list(self.environment.agents)
        environment.step(actions[environment.agent_selection])
        rewards, over, cut = ({agent: given.get(agent, default) for agent in there} for given, default in (
            (environment.rewards, 0.0), (environment.terminations, True), (environment.truncations, False)))
        while environment.agents and (environment.terminations[environment.agent_selection]
                                      or environment.truncations[environment.agent_selection]):
            environment.step(None)          # who is out says so
        return self._told(over, cut, rewards)

    def _told(self, over=None, cut=None, rewards=None):
        environment = self.environment
        there = list(environment.agents) if over is None else [
            agent for agent in over if agent in environment.agents or cut[agent]]
        observations = {agent: environment.observe(agent) for agent in there}
        infos = dict(environment.infos)
        return (observations, infos) if over is None else (observations, rewards, over, cut, infos)
