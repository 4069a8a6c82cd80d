# The kernels of a game whose leaves, for one run, stand in a header that is known here as `leaf`:
#
#     cimport marlfast.core.NAME as leaf
#     include "marlfast/core/ranges.pxi"
#
# The header has a struct `Data` with the members `agents`, `state_size` and `observation_size` (numbers that all views hold
# together), and the functions `start`, `step` and `observe`, as they are called below. A status other than 0 ends
# the call. `observe` may stay unused: a game that shows its state as it is leaves `operations.observe` NULL.
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.operations cimport Draws


cdef int _start(void *context, int64_t first, int64_t count, double *state, const Draws *draws) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.start(game, state + r * game.state_size, draws.uniforms + r * draws.uniform_stride,
                            draws.normals + r * draws.normal_stride)
        if status:
            return status
    return 0


cdef int _step(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
               const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.step(game, state + r * game.state_size, actions + r * game.agents,
                           draws.uniforms + r * draws.uniform_stride, draws.normals + r * draws.normal_stride,
                           rewards + r * game.agents, terminated + r)
        if status:
            return status
    return 0


cdef int _observe(void *context, int64_t first, int64_t count, const double *state,
                  double *observation) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.observe(game, state + r * game.state_size, observation + r * game.observation_size)
        if status:
            return status
    return 0
