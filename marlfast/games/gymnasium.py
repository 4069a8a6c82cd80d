"""Gymnasium's environments as games: of one agent, or of several whose actions and observations are tuples."""
from dataclasses import dataclass, field

import numpy as np

from marlfast.errors import flag, integer, shown
from marlfast.games.environments import EnvironmentGame


@dataclass(frozen=True, repr=False, eq=False)
class GymnasiumGame(EnvironmentGame):
    """A Gymnasium environment as a game, of one agent or of several.

    Several agents have an environment whose actions and whose observations are ``Tuple`` spaces of as many parts, as
    those of ``lbforaging`` and ``rware`` are; its rewards are then a number for each, or one for all.

    Dynamics
        The environment's ``step``.
    Observation
        What the environment shows to each agent. ``Discrete`` spaces are numbered from 0; else they are flattened
        (:mod:`marlfast.games.spaces`).
    Action
        One number for each agent, also where it has several parts (:mod:`marlfast.games.spaces`).
    Reward
        The environment's.
    Start
        The environment's ``reset``, with a seed that is drawn: the same seed of training gives the same episodes, if
        the environment is one that keeps to its seed.
    End
        Terminated or truncated as the environment says.

    Parameters
    ----------
    make : callable
        ``make()`` gives a new environment, such as ``lambda: gymnasium.make("FrozenLake-v1")``. A file has its name
        only: ``load(path, game=game)`` is given the game again.
    horizon : int, optional
        Steps after which the environment truncates an episode; 0: never. Default: ``max_episode_steps`` of its
        ``spec``.
    at_horizon : optional
        Refused: the environment says it.
    masks : bool, optional
        Some actions are not legal: the environment says which by an ``"action_mask"`` in its ``info``. Default: whether
        it does at its first reset. False: what it says is not looked at.
    strict : bool
        False: observations outside their space are taken as they come.
    workers : int
        In how many processes the environments are; 0: in this one. ``make`` must be a function that can be imported by
        its name. The numbers are the same.
    varies : bool
        The environment may truncate an episode at any step.
    agents_in_tuples : bool, optional
        Whether the parts of its tuples are agents. Default: where actions and observations have as many.

    See Also
    --------
    PettingZooGame : Agents with names.
    tabulate : Explores a small environment once, and needs it no more.
    marlfast.adapters.gymnasium.env : The other way round.

    Notes
    -----
    What goes on inside an environment is not in marlfast's arrays, see :class:`PettingZooGame`. Of an environment of
    ``gymnasium.vector`` give its parts, one for each run: ``make`` makes one.

    References
    ----------
    M. Towers et al., "Gymnasium: a standard interface for reinforcement learning environments", arXiv:2407.17032
    (2024).

    Examples
    --------
    >>> import gymnasium
    >>> import marlfast as mf
    >>> game = mf.games.GymnasiumGame(lambda: gymnasium.make("FrozenLake-v1"))
    >>> mf.train(game, mf.IQL(), episodes=20, seed=0).returns.shape
    (1, 20, 1)
    """

    varies: bool = field(default=False, kw_only=True)
    agents_in_tuples: bool | None = field(default=None, kw_only=True)

    library = "gymnasium"
    remedy = "give varies=True where limits vary"

    def adapted(self, environment):
        if hasattr(environment, "num_envs") and hasattr(environment, "single_action_space"):
            raise TypeError(f"make: expected a function that gives a single environment, it gave {shown(environment)} "
                            f"of {environment.num_envs}; give what makes one of them, and runs={environment.num_envs}")
        for needed in ("observation_space", "action_space", "reset", "step"):
            if not hasattr(environment, needed):
                raise TypeError(f"make: expected a function that gives a Gymnasium environment, it gave "
                                f"{shown(environment)}")
        if callable(environment.action_space):
            raise TypeError(f"make: {shown(environment)} has agents with names, as PettingZoo's; give it to "
                            "PettingZooGame")
        parts = [getattr(space, "spaces", None) for space in (environment.observation_space, environment.action_space)]
        several = all(isinstance(part, (tuple, list)) for part in parts) and len(parts[0]) == len(parts[1]) > 0
        if self.agents_in_tuples is not None:
            if flag("agents_in_tuples", self.agents_in_tuples) and not several:
                raise ValueError("agents_in_tuples: expected Tuple spaces of as many observations as actions, got "
                                 f"{shown(environment.observation_space)} and {shown(environment.action_space)}")
            several = self.agents_in_tuples
        return _Tuples(environment) if several else _Single(environment)

    def settle(self, environment):
        self._set(varies=flag("varies", self.varies))

    def limit_of(self, environment):
        return integer("horizon", getattr(environment.spec, "max_episode_steps", None) or 0, 0)


class _Single:
    """An environment of one agent with the interface of a ``ParallelEnv``."""

    def __init__(self, environment):
        self.environment = environment
        self.unwrapped = getattr(environment, "unwrapped", environment)
        self.spec, self.close = getattr(environment, "spec", None), getattr(environment, "close", int)
        self.possible_agents = self.agents = self.names()

    def names(self):
        return ["agent_0"]

    def __str__(self):
        given = getattr(self.spec, "id", None)
        return given or type(self.unwrapped).__name__

    def observation_space(self, agent):
        return self.environment.observation_space

    def action_space(self, agent):
        return self.environment.action_space

    def reset(self, seed=None):
        answer = self.environment.reset(seed=seed)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise TypeError(f"expected (observation, info) of reset, got {shown(answer)}")
        return self.each(answer[0], "observations"), self.infos(answer[1])

    def step(self, actions):
        answer = self.environment.step(self.joint(actions))
        if not isinstance(answer, tuple) or len(answer) != 5:
            raise TypeError("expected (observation, reward, terminated, truncated, info) of step, got "
                            f"{shown(answer)}")
        obs, reward, terminated, truncated, info = answer
        return (self.each(obs, "observations"), self.alike(reward, "rewards"), self.alike(terminated, "terminated"),
                self.alike(truncated, "truncated"), self.infos(info))

    def joint(self, actions):
        return actions["agent_0"]

    def each(self, given, what):
        return {"agent_0": given}

    alike = each

    def infos(self, info):
        return {"agent_0": info}


class _Tuples(_Single):
    """An environment whose tuples have a part for each agent, with the interface of a ``ParallelEnv``."""

    def names(self):
        return [f"agent_{i}" for i in range(len(self.environment.action_space.spaces))]

    def observation_space(self, agent):
        return self.environment.observation_space.spaces[self.possible_agents.index(agent)]

    def action_space(self, agent):
        return self.environment.action_space.spaces[self.possible_agents.index(agent)]

    def joint(self, actions):
        return tuple(actions[name] for name in self.possible_agents)

    def each(self, given, what):
        if not isinstance(given, (tuple, list, np.ndarray)) or len(given) != len(self.possible_agents):
            raise ValueError(f"expected {what} of {len(self.possible_agents)} agents, got {shown(given)}")
        return dict(zip(self.possible_agents, given, strict=True))

    def alike(self, given, what):
        return dict.fromkeys(self.possible_agents, given) if np.ndim(given) == 0 else self.each(given, what)

    def infos(self, info):
        """What is said of legal actions, for each."""
        masks = info.get("action_mask") if isinstance(info, dict) else None
        if masks is None:
            return {name: {} for name in self.possible_agents}
        return {name: {"action_mask": mask} for name, mask in self.each(masks, "action_mask").items()}
