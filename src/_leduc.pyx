"""Kernels of Leduc poker. Twin: ``marlfast/reference/leduc.py``."""
cimport marlfast.core.leduc as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"
include "marlfast/core/turns.pxi"


cdef class LeducPoker(Game):
    """Leduc poker: see :class:`marlfast.games.LeducPoker` for its rules and source."""
    cdef leaf.Data game

    def __init__(self):
        self.game = leaf.Data(agents=2, state_size=5, observation_size=2, max_actions=leaf.ACTIONS)
        self._declare(&self.game, 2, 5, 2, 1, (1, 0, 2, 0))
        self.max_actions = self.game.max_actions
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.to_act = _to_act
        self.operations.legal = _legal
        self.operations.counterfactual = NULL
