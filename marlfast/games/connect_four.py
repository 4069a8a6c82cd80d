"""Connect four, on boards of any small size."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer
from marlfast.games.board import Board, Mark
from marlfast.games.turns import TurnGame


@dataclass(frozen=True, repr=False, eq=False)
class ConnectFour(TurnGame):
    """Two players drop pieces into columns in turn; four in a line win.

    Dynamics
        In turn each drops a piece into a column that is not full; it falls to the lowest free square.
    Observation
        A number for each square, the same for both, row by row from the upper left: 0 free, 1 the first player's, 2
        the second's.
    Action
        The column, from the left.
    Reward
        1 to who has so many in a row, column or diagonal, -1 to the other.
    Start
        Empty.
    End
        Terminated with so many in a line, or when the board is full.

    Parameters
    ----------
    height, columns : int
        At least 1; ``(height + 1) * columns`` is at most 53, as on the usual board of 6 x 7.
    connect : int
        How many in a line win: at least 2, at most the longer side.
    horizon : int
        Steps of an episode; 0: no limit, as every play ends.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    TicTacToe : Without gravity.

    References
    ----------
    Rules as everywhere (Milton Bradley, 1974), and as in OpenSpiel's ``connect_four``.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> solvers.tree(games.ConnectFour(3, 3, connect=3))
    Tree(connect_four: 2 players, 3,278 histories, 1,968 information sets)
    """

    name = "connect_four"
    also = ("four_in_a_row",)
    measures = ("wins", "losses", "draws")
    height: int = 4
    columns: int = 5
    connect: int = 4
    horizon: int = 0

    def __post_init__(self):
        height, columns = integer("height", self.height, 1, 52), integer("columns", self.columns, 1, 26)
        if (height + 1) * columns > 53:
            raise ValueError("height, columns: expected (height + 1) * columns to be at most 53, got "
                             f"{height}, {columns}")
        self._set(height=height, columns=columns, connect=integer("connect", self.connect, 2, max(2, height, columns)),
                  **self.checked_horizon())

    @property
    def action_counts(self):
        return np.full(2, self.columns, np.int32)

    @property
    def features(self):
        return self.height * self.columns

    @property
    def observations(self):
        return None

    @property
    def bounds(self):
        return np.zeros(self.features), np.full(self.features, 2.0)

    def board(self, state):
        marks = [Mark(self.height - 1 - row, column, text, kind)
                 for own, text, kind in zip(state, "XO", ("agent", "rival"), strict=True)
                 for column in range(self.columns) for row in range(self.height)
                 if int(own) >> (column * (self.height + 1) + row) & 1]
        return Board(self.height, self.columns, tuple(marks))

    def kernel(self, backend="cython"):
        return kernels(backend, "connect_four").ConnectFour(self.height, self.columns, self.connect)
