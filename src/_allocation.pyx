"""Kernels of task allocation. Twin: ``marlfast/reference/allocation.py``."""
from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.allocation as leaf
from marlfast.core._kernels cimport Game, ids, reals
from marlfast.declarations.allocation import ALLOCATION

include "marlfast/core/ranges.pxi"


cdef int _counterfactual(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                         const double *rewards, double *counterfactual) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.counterfactual(game, state + r * game.state_size, actions + r * game.agents,
                                     counterfactual + r * game.agents)
        if status:
            return status
    return 0


cdef class Allocation(Game):
    """Task allocation: see :class:`marlfast.games.allocation.TaskAllocation` for its rules.

    Parameters
    ----------
    See ``marlfast/declarations/allocation.py``.
    """
    cdef leaf.Data game

    def __init__(self, **given):
        a = ALLOCATION.check(given)
        self.held = a.kept
        self.game = leaf.Data(
            agents=a.N, state_size=a.state_size, observation_size=a.V * a.D, kinds=a.kinds, capacity=a.capacity,
            size=a.size, practice=a.practice, own=a.own, sees_last=a.sees_last, numbered=a.numbered, value=a.value,
            waiting=a.waiting, effort=a.effort, switching=a.switching, arrivals=reals(a.arrivals), skills=ids(a.skills))
        self._declare(&self.game, a.N, a.state_size, a.V, a.D, (a.kinds, 0, a.kinds, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = _counterfactual
