# cython: language_level=3
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.cells cimport allowed
from marlfast.core.operations cimport Status

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size           # numbers that all views hold together
    double reach            # who pulls the knot this far has won
    double slip             # probability that the rope slips, and nobody moves it


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    state[0] = 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef double won
    if not allowed(actions, 2, 3):
        return Status.BAD_ACTION
    if uniforms[0] >= game.slip:
        state[0] += <double> (actions[0] - actions[1])
    terminated[0] = fabs(state[0]) >= game.reach
    won = 0.0
    if terminated[0]:
        won = 1.0 if state[0] > 0.0 else -1.0
    rewards[0] = won - 0.05 * <double> actions[0]           # pulling is tiring
    rewards[1] = -won - 0.05 * <double> actions[1]
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef double place = state[0] + game.reach + 1.0
    observation[0] = min(max(place, 0.0), 2.0 * game.reach + 2.0)
    return 0
