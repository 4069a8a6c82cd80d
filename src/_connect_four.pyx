"""Kernels of connect four. Twin: ``marlfast/reference/connect_four.py``."""
cimport marlfast.core.connect_four as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"
include "marlfast/core/turns.pxi"


cdef class ConnectFour(Game):
    """Connect four: see :class:`marlfast.games.ConnectFour` for its rules and source.

    Parameters
    ----------
    height, columns : int
        At least 1; ``(height + 1) * columns`` is at most 53.
    connect : int
        How many in a line win, at least 2 and at most the longer side.
    """
    cdef leaf.Data game

    def __init__(self, height, columns, connect):
        if height < 1 or columns < 1 or (height + 1) * columns > leaf.MAX_BITS:
            raise ValueError(f"height, columns: expected at least 1, and (height + 1) * columns at most {leaf.MAX_BITS}, "
                             f"got {height}, {columns}")
        if not 2 <= connect <= max(height, columns):
            raise ValueError(f"connect: expected 2 to {max(height, columns)}, got {connect}")
        board = sum(((1 << height) - 1) << (k * (height + 1)) for k in range(columns))
        self.game = leaf.Data(agents=2, state_size=2, observation_size=height * columns, max_actions=columns,
                              height=height, connect=connect, board=board)
        self._declare(&self.game, 2, 2, 1, height * columns, (0, 0, 0, 0))
        self.max_actions = self.game.max_actions
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.to_act = _to_act
        self.operations.legal = _legal
        self.operations.counterfactual = NULL
