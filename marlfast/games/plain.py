"""Plain classes of Python, with ``reset`` and ``step``, as games."""
import inspect
from dataclasses import dataclass, field

import numpy as np

from marlfast.errors import integer, shown
from marlfast.games.environments import EnvironmentGame
from marlfast.games.spaces import numbered, reals
from marlfast.limits import MAX_AGENTS, MAX_NUMBERS


@dataclass(frozen=True, repr=False, eq=False)
class PythonGame(EnvironmentGame):
    """An object of a plain class as a game: what :func:`from_python` makes.

    Parameters
    ----------
    make : callable
        See :func:`from_python`, as of all that it has, too.
    horizon : int, optional
        Steps after which an episode is truncated.
    at_horizon : optional
        Refused: the object says it.
    masks : bool, optional
        Whether some actions are not legal.
    strict : bool
        Of no use here: what is observed has no bounds but the count of numbers.
    workers : int
        In how many processes the objects are.
    actions : int, or sequence of int
        How many each agent has.
    agents : int, or sequence of str, optional
        How many there are, or their names.
    observations : int, optional
        How many there are, where what is observed is one whole number.

    See Also
    --------
    from_python : Makes it.

    Examples
    --------
    >>> from marlfast import games
    >>> class Coin:
    ...     def reset(self, seed=None):
    ...         return 0
    ...     def step(self, action):
    ...         return 0, float(action == 1), True
    >>> game = games.from_python(Coin, actions=2, observations=1)
    >>> type(game).__name__, game.name, game.agents
    ('PythonGame', 'python:Coin', 1)
    """

    actions: int | tuple = field(default=None, kw_only=True)
    agents: int | tuple | None = field(default=None, kw_only=True)
    observations: int | None = field(default=None, kw_only=True)

    remedy = "an object says the same of all its agents"
    varies = True

    def __repr__(self):
        return (f"PythonGame(make={self.make!r}, horizon={self.horizon}, actions={self.actions!r}, "
                f"agents={self.names!r}, observations={self.observations!r})")

    def __post_init__(self):
        given = self.agents
        if given is not None and not isinstance(given, (tuple, list)):
            given = [f"agent_{i}" for i in range(integer("agents", given, 1, MAX_AGENTS))]
        if given is not None and (not given or not all(isinstance(name, str) for name in given)
                                  or len(set(given)) < len(given)):
            raise ValueError(f"agents: expected how many there are, or a name for each, got {shown(self.agents)}")
        several = np.iterable(self.actions) and not isinstance(self.actions, str)
        if self.actions is None:
            raise TypeError("actions: expected how many actions an agent has, or such a number for each agent, got "
                            "None")
        names = tuple(given) if given is not None else \
            tuple(f"agent_{i}" for i in range(len(self.actions) if several else 1))
        counts = [integer(f"actions[{i}]", n, 1, 2**31 - 1) for i, n in enumerate(self.actions)] if several else \
            [integer("actions", self.actions, 1, 2**31 - 1)] * len(names)
        if len(counts) != len(names):
            raise ValueError(f"actions: expected one number, or one for each of {len(names)} agents, got {len(counts)}")
        if self.observations is not None:
            integer("observations", self.observations, 1, 2**31 - 2)
        self._set(alone=self.agents is None and not several, told=names, counts=tuple(counts), whole=self.observations,
                  actions=tuple(counts) if several else counts[0])
        super().__post_init__()

    def adapted(self, environment):
        for needed in ("reset", "step"):
            if not callable(getattr(environment, needed, None)):
                raise TypeError(f"make: expected a class or a function that gives an object with reset and step, it "
                                f"gave {shown(environment)}")
        return _Plain(environment, self)

    def limit_of(self, environment):
        return 0


def from_python(make, *, actions, agents=None, observations=None, horizon=None, masks=None, workers=0):
    """Make a game of a plain Python class that has ``reset`` and ``step``.

    Parameters
    ----------
    make : callable
        The class, or a function that gives a new object of it. Each run has one of its own, with

        - ``reset()``, or ``reset(seed)``: what is observed. With ``seed``, all chance should follow from it; without,
          the same seed of training does not give the same episodes where there is chance.
        - ``step(action)``: ``(observed, rewards, over)``, or ``(observed, rewards, terminated, truncated)``, where
          truncated says that a limit was reached, and the game would have gone on. A dictionary may follow either, and
          what ``reset`` gives, too.

        With ``agents``, ``step`` gets a list of actions, and what is observed is a list of what each of them observes
        (or a dictionary by their names; then actions are one, too); rewards are a number for each, or one for all.
    actions : int, or sequence of int
        How many each agent has; they are numbered from 0.
    agents : int, or sequence of str, optional
        How many there are, or their names. Default: a single one; as many as ``actions`` is long.
    observations : int, optional
        Where what an agent observes is one whole number: how many there are, from 0. Default: it observes numbers, as
        many as the first ``reset`` shows.
    horizon : int, optional
        Steps after which marlfast truncates an episode. Default: never.
    masks : bool, optional
        Some actions are not legal: the dictionary has an ``"action_mask"``, for each agent. Default: whether it has
        after the first ``reset``.
    workers : int
        In how many processes the objects are; 0: in this one. The class must then be one that can be imported by its
        name.

    Returns
    -------
    PythonGame
        The game.

    See Also
    --------
    GymnasiumGame : Environments that say their spaces.
    NumPyGame : Functions for many runs at once, which is faster.

    Examples
    --------
    >>> import marlfast as mf
    >>> class Corridor:
    ...     def reset(self, seed=None):
    ...         self.place = 0
    ...         return self.place
    ...     def step(self, action):
    ...         self.place = max(0, self.place + (1 if action == 1 else -1))
    ...         return self.place, -1.0, self.place == 4
    >>> game = mf.games.from_python(Corridor, actions=2, observations=5, horizon=50)
    >>> run = mf.train(game, mf.IQL(0.5), episodes=100, seed=0)
    >>> mf.evaluate(game, run, episodes=1).mean
    -4.0
    """
    return PythonGame(make, horizon, actions=actions, agents=agents, observations=observations, masks=masks,
                      workers=workers)


class _Plain:
    """An object of a plain class with the interface of a ``ParallelEnv``."""

    def __init__(self, environment, game):
        self.environment, self.names, self.alone = environment, list(game.told), game.alone
        self.unwrapped, self.possible_agents = environment, self.names
        self.agents, self.counts, self.observations = self.names, game.counts, game.whole
        self.limit = game.horizon or 0
        try:
            self.seeded = bool(set(inspect.signature(environment.reset).parameters) & {"seed", "kwargs"})
        except (TypeError, ValueError):     # a function of C
            self.seeded = False
        self.by_name, self.steps = False, 0

    def __str__(self):
        return type(self.environment).__name__

    def action_space(self, agent):
        return numbered(self.counts[self.names.index(agent)])

    def observation_space(self, agent):
        if self.observations is not None:
            return numbered(self.observations)
        obs, _ = self.reset(seed=0)
        try:
            size = np.asarray(obs[agent], np.float64).size
        except (TypeError, ValueError, OverflowError):
            size = 0
        if not 1 <= size <= MAX_NUMBERS:
            raise ValueError(f"make: expected numbers as what {agent!r} observes, got {shown(obs[agent])} of reset")
        return reals(size)

    def reset(self, seed=None):
        answer = self.environment.reset(seed=seed) if self.seeded else self.environment.reset()
        obs, info = answer if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict) else (
            answer, {})
        self.steps = 0
        return self._each(obs, "reset: expected what each agent observes"), self._infos(info)

    def step(self, actions):
        given = actions[self.names[0]] if self.alone else actions if self.by_name else [
            actions.get(name, -1) for name in self.names]
        answer = self.environment.step(given)
        *parts, info = answer if isinstance(answer, tuple) and isinstance(answer[-1], dict) else (*answer, {}) if \
            isinstance(answer, tuple) else (answer, {})
        if len(parts) not in (3, 4):
            raise TypeError("expected (observed, rewards, over) or (observed, rewards, terminated, truncated) of step, "
                            f"got {shown(answer)}")
        obs, rewards, over, cut = (*parts, False)[:4]
        self.steps += 1
        cut = (bool(cut) or self.steps == self.limit) and not over
        obs = self._each(obs, "step: expected what each agent observes")
        rewards = {self.names[0]: rewards} if self.alone else dict.fromkeys(self.names, rewards) if np.ndim(
            rewards) == 0 and not isinstance(rewards, dict) else self._each(rewards, "step: expected rewards of each")
        return obs, rewards, dict.fromkeys(self.names, bool(over)), dict.fromkeys(self.names, cut), self._infos(info)

    def _each(self, given, what):
        if self.alone:
            return {self.names[0]: given}
        if isinstance(given, dict):
            if set(given) != set(self.names):
                raise ValueError(f"{what}, {', '.join(self.names)}, got {shown(given)}")
            self.by_name = True
            return given
        if not np.iterable(given) or isinstance(given, str) or len(given) != len(self.names):
            raise ValueError(f"{what} of {len(self.names)} agents, got {shown(given)}")
        return dict(zip(self.names, given, strict=True))

    def _infos(self, info):
        masks = info.get("action_mask")
        if masks is None:
            return {name: {} for name in self.names}
        return {name: {"action_mask": mask} for name, mask in self._each(masks, "action_mask: expected one").items()}
