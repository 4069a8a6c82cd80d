"""Tic-tac-toe."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.games.board import Board, Mark
from marlfast.games.turns import TurnGame


@dataclass(frozen=True, repr=False, eq=False)
class TicTacToe(TurnGame):
    """Two players take squares in turn; three in a line win.

    Dynamics
        In turn each takes a free square of 3 x 3.
    Observation
        One of 19683 numbers, the same for both: the sum of ``3 ** square`` over the first player's squares and twice
        that over the second's.
    Action
        The square, row by row from the upper left; only free ones.
    Reward
        1 to who has three in a row, column or diagonal, -1 to the other.
    Start
        Empty.
    End
        Terminated with three in a line, or when the board is full.

    Parameters
    ----------
    horizon : int
        Steps of an episode; 0: no limit, as every play ends.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    ConnectFour : With columns that fill from below.
    marlfast.solvers.tree : Lists all of its 549,946 plays.

    References
    ----------
    Rules as everywhere. Neither player loses who plays well: its value is 0.

    Examples
    --------
    >>> from marlfast import games
    >>> env = games.TicTacToe().env(seed=0)
    >>> _ = env.reset()
    >>> _ = env.step([[4, -1]])
    >>> print(env.render(0))
    . . .
    . X .
    . . .
    """

    name = "tic_tac_toe"
    also = ("noughts_and_crosses",)
    measures = ("wins", "losses", "draws")
    horizon: int = 0

    @property
    def action_counts(self):
        return np.full(2, 9, np.int32)

    @property
    def observations(self):
        return 3 ** 9

    def board(self, state):
        marks = [Mark(k // 3, k % 3, text, kind)
                 for own, text, kind in zip(state, "XO", ("agent", "rival"), strict=True)
                 for k in range(9) if int(own) >> k & 1]
        return Board(3, 3, tuple(marks))

    def kernel(self, backend="cython"):
        return kernels(backend, "tic_tac_toe").TicTacToe()
