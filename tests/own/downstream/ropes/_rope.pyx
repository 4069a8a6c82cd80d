from libc.stdint cimport int32_t, int64_t, uint8_t

cimport ropes.rope as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef class Rope(Game):
    cdef leaf.Data game

    def __init__(self, reach, slip):
        self.game = leaf.Data(agents=2, state_size=1, observation_size=1, reach=reach, slip=slip)
        # Agents, state variables, views, features; uniforms and normals of a step, then of a start.
        self._declare(&self.game, 2, 1, 1, 1, (1, 0, 0, 0))
        self.operations.start = _start
        self.operations.step = _step
        self.operations.observe = _observe
