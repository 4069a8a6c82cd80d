"""Level-based foraging: agents of different strength gather food that is too heavy for some of them."""
import string
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real, shown
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark

ACTIONS = ("none", "north", "south", "west", "east", "load")
MAX_SIDE = 64               # agents, foods, rows, columns
MAX_LEVEL = 99         # of an agent

_LETTERS = string.ascii_letters + "αβγδεζηθικλμ"       # one for each of 64 agents


@dataclass(frozen=True, repr=False, eq=False)
class LevelForaging(Game):
    """Agents of different strength gather food that is too heavy for some of them.

    Dynamics
        All act at once. A move off the board or onto food, and loading beside no food, count as staying. Two or more
        agents that want to be on the same square (those that stay want their own) all stay where they are; agents may
        change places, and who leaves makes room even where it then cannot leave, so that two may come to share a
        square. Then, beside each food, the agents that load it add up their levels: with at least the food's level it
        is gone, and with ``leaves`` those who loaded it are, too: they carry it away. Who loads turns to the food
        north, south, west or east of it, in this order (food never starts so close to other food that this matters).
    Observation
        Each agent its own: for each food it sees, in reading order, row, column and level; then for itself and the
        others it sees, row, column and (with ``observe_agent_levels``) level; -1, -1 and 0 for the rest. Places are
        told from the corner of what it sees, ``sight`` squares up and left, or at the border. Food is seen up to
        ``sight`` squares away; agents in a square of ``2 * sight + 1`` from that corner, which near the upper and left
        border reaches further.
    Action
        0 none, 1 north, 2 south, 3 west, 4 east, 5 load.
    Reward
        Each of those who loaded a food: own level times the food's; with ``normalize_reward`` divided by the levels
        of those who loaded it and by the levels of all food at the start, so that a cleared board gives all agents
        together 1. ``-penalty`` to those who loaded in vain.
    Start
        Agents on different squares, any as likely as another; then food, one after the other, on any square that is
        not on the border, not taken, not beside or diagonally beside food and not two squares straight away from
        food. Where no such square is left, the rest of the food is missing. Levels are any from the least to the
        greatest alike; with ``cooperative`` food has its greatest. Where levels are given one by one, agents (and
        foods) take them in random order.
    End
        Terminated when no food is left, or (``leaves``) nobody; truncated after ``horizon`` steps.

    Parameters
    ----------
    players : int
        1 to 64.
    size : int or (int, int)
        Rows and columns, 3 to 64.
    food : int
        1 to 64; the most that there is at the start.
    sight : int, optional
        At least 0. Default: the whole board.
    cooperative : bool
        Food has its greatest level: with the default levels it takes three agents, or all of fewer.
    min_player_level, max_player_level : int or sequence of int
        1 to 99; one for all, or one for each.
    min_food_level, max_food_level : int or sequence of int
        1 to 999. ``max_food_level`` None: the sum of the three lowest levels of agents.
    normalize_reward : bool
        Whether a cleared board gives all agents together 1.
    penalty : float
        At least 0.
    observe_agent_levels : bool
        Whether agents see each other's levels.
    horizon : int
        Steps of an episode; 0: no limit.
    leaves : bool
        Whether those who have loaded a food leave the game with it. Learners then have to take games whose agents leave
        (``Game.participation``).
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    BoxPushing : Two agents and a box that takes both.

    References
    ----------
    Papoudakis, Christianos, Schäfer, Albrecht, "Benchmarking Multi-Agent Deep Reinforcement Learning Algorithms
    in Cooperative Tasks" (NeurIPS 2021), and the rules of its program, ``lbforaging`` 2.0.0. The state is row, column
    and level of each agent, the same of each food in reading order (level 0: gone), and the levels of all food at the
    start together; its steps, rewards and observations are those of that program. Four things differ. The largest:
    that program calls an episode that reaches its step limit *terminated*, so that its learners take the end of the
    clock, which they do not see, for the end of the game; here it is truncated, and ``at_horizon="terminated"`` does
    as that program does. It gives up placing food after 1000 squares drawn in vain, all food together, so that on a
    crowded board it may leave out some that would still fit. From its second episode on, agents do not start where
    those not yet placed ended the last one. And on boards of more rows than columns its bounds of rows and columns are
    exchanged.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.LevelForaging(players=2, size=5, food=1)
    >>> env = game.env(seed=0)
    >>> env.reset().shape
    (1, 2, 9)
    """

    name = "level_foraging"
    also = ("foraging", "lbf", "lbforaging")
    measures = ("food_collected", "episode_length")
    integer_state = True
    players: int = 2
    size: int | tuple = 8
    food: int = 2
    sight: int | None = None
    cooperative: bool = False
    min_player_level: int | tuple = 1
    max_player_level: int | tuple = 2
    min_food_level: int | tuple = 1
    max_food_level: int | tuple | None = None
    normalize_reward: bool = True
    penalty: float = 0.0
    observe_agent_levels: bool = True
    horizon: int = 50
    leaves: bool = False

    def __post_init__(self):
        self._set(players=integer("players", self.players, 1, MAX_SIDE), food=integer("food", self.food, 1, MAX_SIDE),
                  size=_size(self.size), penalty=real("penalty", self.penalty, 0.0),
                  **self.checked_horizon())
        if self.sight is not None:
            self._set(sight=integer("sight", self.sight, 0))
        for name in ("cooperative", "normalize_reward", "observe_agent_levels", "leaves"):
            self._set(**{name: _flag(name, getattr(self, name))})
        rows, columns = self._shape
        if self.players > rows * columns:
            raise ValueError(f"players: expected at most one for each of the {rows * columns} squares, "
                             f"got {self.players}")
        for name, count, most in (("min_player_level", self.players, MAX_LEVEL),
                                  ("max_player_level", self.players, MAX_LEVEL),
                                  ("min_food_level", self.food, 999), ("max_food_level", self.food, 999)):
            if getattr(self, name) is not None or name != "max_food_level":
                self._set(**{name: _levels(name, getattr(self, name), count, most)})
        self._check_order("player", self.players)
        if self.max_food_level is not None:
            self._check_order("food", self.food)
        elif not self.cooperative:
            least, most = max(self._each("min_food_level")), sum(sorted(self._each("min_player_level"))[:3])
            if least > most:
                raise ValueError(f"min_food_level: expected at most {most}, the least that the three lowest levels of "
                                 f"players can add up to, got {least}; or give max_food_level")

    def _check_order(self, whose, count):
        names = f"min_{whose}_level", f"max_{whose}_level"
        for k, (low, high) in enumerate(zip(*(self._each(name) for name in names), strict=True)):
            if low > high:
                raise ValueError(f"{names[0]}: expected at most {names[1]}, got {low} and {high}"
                                 + (f" for {whose} {k}" if count > 1 else ""))

    def _each(self, name):
        """One level for each player or food: int32 [N] or [F]."""
        count = self.players if "player" in name else self.food
        return np.array(np.broadcast_to(np.asarray(getattr(self, name), np.int32), count))

    @property
    def _shape(self):
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def _greatest_food(self):
        if self.max_food_level is None:
            return int(sum(sorted(self._each("max_player_level").tolist())[:3]))
        return int(self._each("max_food_level").max())

    @property
    def agents(self):
        return self.players

    @property
    def views(self):
        return self.players

    @property
    def participation(self):
        """With ``leaves`` the game says who is in it."""
        return ("present",) if self.leaves else ()

    @property
    def action_counts(self):
        return np.full(self.players, len(ACTIONS), np.int32)

    @property
    def features(self):
        return 3 * self.food + (3 if self.observe_agent_levels else 2) * self.players

    @property
    def bounds(self):
        rows, columns = self._shape
        agent = [rows - 1, columns - 1, self._each("max_player_level").max()]
        width = 3 if self.observe_agent_levels else 2
        low = [-1, -1, 0] * self.food + [-1, -1, 0][:width] * self.players
        high = [rows - 1, columns - 1, self._greatest_food] * self.food + agent[:width] * self.players
        return np.array(low, np.float64), np.array(high, np.float64)

    @property
    def reward_bounds(self):
        most = 1.0 if self.normalize_reward else float(self._each("max_player_level").max() * self._greatest_food)
        return -self.penalty, most

    def board(self, state):
        rows, columns = self._shape
        things = np.asarray(state)[:-1].reshape(-1, 3).astype(int).tolist()
        marks = [Mark(row, column, str(level), "target") for row, column, level in things[self.players:] if level]
        marks += [Mark(row, column, f"{_LETTERS[i]}{level}") for i, (row, column, level)
                  in enumerate(things[:self.players]) if level]
        left = sum(level for *_, level in things[self.players:])
        return Board(rows, columns, tuple(marks), f"food left: level {left} of {int(state[-1])}")

    def kernel(self, backend="cython"):
        rows, columns = self._shape
        sight = max(rows, columns) if self.sight is None else self.sight
        return kernels(backend, "foraging").Foraging(
            agents=self.players, rows=rows, columns=columns, foods=self.food, sight=sight,
            cooperative=self.cooperative, normalize=self.normalize_reward, observe_levels=self.observe_agent_levels,
            penalty=self.penalty, min_player=self._each("min_player_level"), max_player=self._each("max_player_level"),
            min_food=self._each("min_food_level"),
            max_food=None if self.max_food_level is None else self._each("max_food_level"), leaves=self.leaves)


def _flag(name, value):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {shown(value)}")
    return bool(value)


def _size(value):
    """A number of rows and columns, or the two of them."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return integer("size", value, 3, MAX_SIDE)
    if len(value) != 2:
        raise ValueError(f"size: expected one number, or rows and columns, got {shown(value)}")
    return tuple(integer(f"size[{k}]", n, 3, MAX_SIDE) for k, n in enumerate(value))


def _levels(name, value, count, most):
    """One level for all, or one for each."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return integer(name, value, 1, most)
    if len(value) != count:
        raise ValueError(f"{name}: expected one number, or {count}, got {len(value)}")
    return tuple(integer(f"{name}[{k}]", level, 1, most) for k, level in enumerate(value))
