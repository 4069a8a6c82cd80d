"""A warehouse: robots carry shelves to where they are asked for, and back."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, shown
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark

PAYS = ("global", "individual", "two_stage")
SIZES = {"tiny": (1, 3), "small": (2, 3), "medium": (2, 5), "large": (3, 5)}       # rows and columns of shelves


@dataclass(frozen=True, repr=False, eq=False)
class Warehouse(Game):
    """Robots carry requested shelves to the goals, and back, without getting into each other's way.

    Dynamics
        All act at once. A robot that goes forward gets to the cell ahead unless it is off the board; carrying a shelf,
        it cannot go under another one, unless that is carried away itself. Robots in a circle of three or more all
        move; two that want to change places stay. Of robots that head for the same free cell, alone or with others
        queueing behind, the longest queue moves on by one; of as long ones that whose cell was named first, where the
        cells in which the robots are and want to be are named robot by robot. Loading takes up the shelf that one is
        under, or puts down the one carried, where shelves stand. A requested shelf that is carried to a goal is
        delivered: another one is requested instead.
    Observation
        Each its own: column and row, whether it carries a shelf, where it heads (four numbers, one of them 1: up,
        down, left, right), whether it is on the highway; then for each cell up to ``reach`` away, itself among them,
        row by row: whether a robot is there, where that heads (up, where there is none), what it said, whether a shelf
        is there and whether it is requested.
    Action
        0 none, 1 forward, 2 left, 3 right, 4 load; plus 5 times what is said, a number below ``2 ** bits``.
    Reward
        For each delivery 1 to who delivers (``"individual"``), to all (``"global"``), or half of that, and half once it
        has put a shelf down again (``"two_stage"``).
    Start
        Robots in any cells, heading anywhere; shelves in their places, of which any are requested.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    robots : int
        1 to 16.
    size : {"tiny", "small", "medium", "large"} or (int, int)
        Rows and columns of blocks of shelves, an odd number of columns; at most 1024 cells.
    column_height : int
        How high a block is.
    requests : int, optional
        How many shelves are requested at a time. Default: as many as robots.
    reach : int
        0 to 16.
    bits : int
        0 to 4, of what robots say.
    pay : {"individual", "global", "two_stage"}
        Who is paid for what.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    LevelForaging : Food instead of shelves.

    References
    ----------
    G. Papoudakis, F. Christianos, L. Schäfer and S. Albrecht, "Benchmarking multi-agent deep reinforcement learning
    algorithms in cooperative tasks" (NeurIPS 2021), and the rules of its program, ``rware`` 2.0.0: positions, rewards
    and (flattened) observations are those of that program. It calls an episode that reaches its step limit
    *terminated*: ``at_horizon="terminated"`` does as that does. Which of several queues of the same length moves is
    there left to another library's order of things, which depends on its version and on hashes; with two robots it is
    that given above.

    Examples
    --------
    >>> from marlfast import games
    >>> games.Warehouse().env(seed=0).reset().shape
    (1, 2, 71)
    """

    name = "warehouse"
    also = ("rware", "robots")
    measures = ("deliveries",)
    integer_state = True
    robots: int = 2
    size: str | tuple = "tiny"
    column_height: int = 8
    requests: int | None = None
    reach: int = 1
    bits: int = 0
    pay: str = "individual"
    horizon: int = 500

    def __post_init__(self):
        size = self.size
        if isinstance(size, (list, tuple)):
            if len(size) != 2:
                raise ValueError(f"size: expected rows and columns of blocks, got {shown(size)}")
            size = integer("size[0]", size[0], 1), integer("size[1]", size[1], 1)
            if size[1] % 2 == 0:
                raise ValueError(f"size: expected an odd number of columns of blocks, got {size[1]}")
        else:
            choice("size", size, tuple(SIZES))
        self._set(size=size, robots=integer("robots", self.robots, 1, 16), reach=integer("reach", self.reach, 0, 16),
                  column_height=integer("column_height", self.column_height, 1), bits=integer("bits", self.bits, 0, 4),
                  pay=choice("pay", self.pay, PAYS), **self.checked_horizon())
        rows, columns = SIZES[size] if isinstance(size, str) else size
        cells = ((self.column_height + 1) * rows + 2) * (3 * columns + 1)
        if cells > 1024:
            raise ValueError(f"size, column_height: expected at most 1024 cells, got {cells:,}")
        shelves = int((~self.highway).sum())
        if not 2 <= shelves <= 512:
            raise ValueError(f"size, column_height: expected 2 to 512 shelves, got {shelves}")
        if self.requests is not None:
            self._set(requests=integer("requests", self.requests, 1, min(64, shelves - 1)))
        elif self.robots >= shelves:
            raise ValueError(f"robots: expected fewer than the {shelves} shelves, got {self.robots}; or give requests")

    @property
    def highway(self):
        """Where no shelf stands: bool [height, width]."""
        rows, columns = SIZES[self.size] if isinstance(self.size, str) else self.size
        height, width = (self.column_height + 1) * rows + 2, 3 * columns + 1
        y, x = np.arange(height)[:, None], np.arange(width)
        queue = (y > height - (self.column_height + 3)) & ((x == width // 2 - 1) | (x == width // 2))
        return (x % 3 == 0) | (y % (self.column_height + 1) == 0) | (y == height - 1) | queue

    @property
    def goals(self):
        """Where shelves are delivered: cells, row by row, int32 [2]."""
        height, width = self.highway.shape
        return np.array([(height - 1) * width + width // 2 - 1, (height - 1) * width + width // 2], np.int32)

    @property
    def agents(self):
        return self.robots

    @property
    def views(self):
        return self.robots

    @property
    def action_counts(self):
        return np.full(self.robots, 5 << self.bits, np.int32)

    @property
    def features(self):
        return 8 + (2 * self.reach + 1) ** 2 * (7 + self.bits)

    @property
    def bounds(self):
        height, width = self.highway.shape
        high = np.ones(self.features)
        high[:2] = width - 1, height - 1
        return np.zeros(self.features), high

    @property
    def reward_bounds(self):
        return (0.0, 2.0 if self.pay == "global" else 1.5)

    @property
    def ends(self):
        return self.horizon > 0

    def board(self, state):
        height, width = self.highway.shape
        split = 5 * self.robots
        robots, wanted = state[:split].reshape(-1, 5).astype(int), set(state[-self._requests:].astype(int).tolist())
        marks = [Mark(*divmod(int(cell), width), "g", "goal") for cell in self.goals]
        for k, cell in enumerate(state[split:-self._requests].astype(int).tolist(), 1):
            marks.append(Mark(*divmod(cell, width), "R" if k in wanted else "s", "target" if k in wanted else "object"))
        marks += [Mark(*divmod(int(cell), width), "^v<>"[heading], "agent") for cell, heading, *_ in robots]
        return Board(height, width, tuple(marks))

    @property
    def _requests(self):
        return self.robots if self.requests is None else self.requests

    def kernel(self, backend="cython"):
        return kernels(backend, "warehouse").Warehouse(self.robots, self.highway, self.goals, self._requests, self.bits,
                                                       self.reach, PAYS.index(self.pay))
