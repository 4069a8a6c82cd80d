# cython: language_level=3
"""A game given as arrays, one run: the leaves of ``src/_markov.pyx``."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

ctypedef struct Markov:
    int64_t agents
    int64_t states
    int64_t joint                   # joint actions
    const int32_t *actions          # [N] actions of each agent
    const int32_t *successor        # [states, joint], or NULL where chance decides
    const double *cumulative        # [states, joint, states] running sums of the transitions, or NULL
    const double *rewards           # [states, joint, N]
    const double *start             # [states] running sums of the start distribution
    const uint8_t *terminal         # [states]


cdef inline int64_t markov_draw(const double *cumulative, int64_t n, double u) noexcept nogil:
    """The first k with u < cumulative[k]: inverse transform by bisection."""
    cdef int64_t low = 0, high = n - 1, middle
    while low < high:
        middle = (low + high) // 2
        if u < cumulative[middle]:
            high = middle
        else:
            low = middle + 1
    return low


cdef inline int64_t markov_joint(const Markov *game, const int32_t *actions) noexcept nogil:
    """Number of a joint action, the first agent's action the most significant; -1 if out of range."""
    cdef int64_t i, joint = 0
    for i in range(game.agents):
        if <uint32_t> actions[i] >= <uint32_t> game.actions[i]:
            return -1
        joint = joint * game.actions[i] + actions[i]
    return joint
