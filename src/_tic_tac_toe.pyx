"""Kernels of tic-tac-toe. Twin: ``marlfast/reference/tic_tac_toe.py``."""
cimport marlfast.core.tic_tac_toe as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"
include "marlfast/core/turns.pxi"


cdef class TicTacToe(Game):
    """Tic-tac-toe: see :class:`marlfast.games.TicTacToe` for its rules and source."""
    cdef leaf.Data game

    def __init__(self):
        self.game = leaf.Data(agents=2, state_size=2, observation_size=1, max_actions=leaf.SQUARES)
        for own in range(leaf.FULL + 1):
            self.game.number[own] = sum([3 ** k for k in range(leaf.SQUARES) if own >> k & 1])
            # Three rows, three columns, two diagonals.
            self.game.line[own] = any([own & line == line for line in (7, 56, 448, 73, 146, 292, 273, 84)])
        self._declare(&self.game, 2, 2, 1, 1, (0, 0, 0, 0))
        self.max_actions = self.game.max_actions
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.to_act = _to_act
        self.operations.legal = _legal
        self.operations.counterfactual = NULL
