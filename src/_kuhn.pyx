"""Kernels of Kuhn poker. Twin: ``marlfast/reference/kuhn.py``."""
cimport marlfast.core.kuhn as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"
include "marlfast/core/turns.pxi"


cdef class KuhnPoker(Game):
    """Kuhn poker: see :class:`marlfast.games.KuhnPoker` for its rules and source."""
    cdef leaf.Data game

    def __init__(self):
        self.game = leaf.Data(agents=2, state_size=3, observation_size=2, max_actions=2)
        self._declare(&self.game, 2, 3, 2, 1, (0, 0, 2, 0))
        self.max_actions = self.game.max_actions
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.to_act = _to_act
        self.operations.legal = _legal
        self.operations.counterfactual = NULL
