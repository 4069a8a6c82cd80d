"""Kernels of Nim. Twin: ``marlfast/reference/nim.py``."""
import math

cimport marlfast.core.nim as leaf
from marlfast.core._kernels cimport Game, check

include "marlfast/core/ranges.pxi"
include "marlfast/core/turns.pxi"


cdef class Nim(Game):
    """Nim: see :class:`marlfast.games.Nim` for its rules and source.

    Parameters
    ----------
    piles : int32 [n]
        What is in each of 1 to 16 piles at the start, at least 1; with at most 2**31 - 1 positions.
    misere : bool
        Whether who takes the last loses.
    """
    cdef leaf.Data game

    def __init__(self, piles, misere):
        check(piles, "piles", "int32", (-1,), False)
        n = len(piles)
        positions = math.prod(1 + int(k) for k in piles)
        if not 1 <= n <= leaf.MAX_PILES or min(piles) < 1 or positions >= 2**31:
            raise ValueError(f"piles: expected 1 to {leaf.MAX_PILES} of at least 1, with less than 2**31 positions, got "
                             f"{piles.tolist()}")
        self.game = leaf.Data(agents=2, state_size=n + 1, observation_size=1, max_actions=n * int(max(piles)), n_piles=n,
                              misere=bool(misere))
        for k in range(n):
            self.game.pile[k] = piles[k]
        self._declare(&self.game, 2, n + 1, 1, 1, (0, 0, 0, 0))
        self.max_actions = self.game.max_actions
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.to_act = _to_act
        self.operations.legal = _legal
        self.operations.counterfactual = NULL
