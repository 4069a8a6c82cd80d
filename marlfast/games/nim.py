"""Nim."""
import math
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, shown
from marlfast.games.turns import TurnGame


@dataclass(frozen=True, repr=False, eq=False)
class Nim(TurnGame):
    """Two players take from piles in turn; who takes the last loses, or wins.

    Dynamics
        In turn each takes one or more from one pile.
    Observation
        The same number for both: what is left in the piles, the first the most significant digit; digit k has base
        ``piles[k] + 1``.
    Action
        ``(n - 1) * len(piles) + pile`` takes n from a pile; there must be as many.
    Reward
        1 to the winner, -1 to the other.
    Start
        All piles are full.
    End
        Terminated when nothing is left.

    Parameters
    ----------
    piles : sequence of int
        What is in each of 1 to 16 piles, at least 1; together less than 2**31 positions.
    misere : bool
        Whether who takes the last loses; else it wins.
    horizon : int
        Steps of an episode; 0: no limit, as every play ends.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    TicTacToe : Another game that can be played without a mistake.

    References
    ----------
    C. L. Bouton, "Nim, a game with a complete mathematical theory", Annals of Mathematics 3 (1901). Actions are
    numbered as in OpenSpiel's ``nim``.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> tree = solvers.tree(games.Nim((1, 2), misere=False))
    >>> found = solvers.cfr(tree, iterations=200)       # who is first wins: takes 1 of the 2
    >>> round(float(found.values[0]), 2)
    1.0
    """

    name = "nim"
    also = ()
    measures = ("wins",)
    piles: tuple = (1, 3, 5, 7)
    misere: bool = True
    horizon: int = 0

    def __post_init__(self):
        if not isinstance(self.piles, (list, tuple, np.ndarray)) or not 1 <= len(self.piles) <= 16:
            raise ValueError(f"piles: expected 1 to 16 numbers, got {shown(self.piles)}")
        piles = tuple(integer(f"piles[{k}]", n, 1, 2**30) for k, n in enumerate(self.piles))
        if math.prod(n + 1 for n in piles) >= 2**31:
            raise ValueError(f"piles: expected less than 2**31 positions together, got {shown(piles)}")
        if not isinstance(self.misere, (bool, np.bool_)):
            raise TypeError(f"misere: expected True or False, got {shown(self.misere)}")
        self._set(piles=piles, misere=bool(self.misere), **self.checked_horizon())

    @property
    def action_counts(self):
        return np.full(2, len(self.piles) * max(self.piles), np.int32)

    @property
    def observations(self):
        return math.prod(n + 1 for n in self.piles)

    def render(self, state):
        *left, who = (int(x) for x in state)
        return f"piles {' '.join(map(str, left))}, player {who} to take"

    def kernel(self, backend="cython"):
        return kernels(backend, "nim").Nim(np.array(self.piles, np.int32), self.misere)
