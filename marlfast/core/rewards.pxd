# cython: language_level=3
"""Reward structure and shaping, one run: the leaves of ``src/_rewards.pyx``."""
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

ctypedef struct Distinct:
    int64_t n_agents, n_actions, words
    const double *amounts       # [N + 1] what so many different actions add
    uint64_t *marked              # [R, words] scratch


cdef inline void mix(int64_t n_agents, int64_t teams, double own, const double *weights, const int32_t *team_of_agent,
                     const double *raw, double *sums, double *rewards) noexcept nogil:
    """rewards[i] = own * raw[i] + sum over teams k of weights[team of i, k] * (sum of raw over team k)."""
    cdef int64_t i, k
    cdef double total
    for k in range(teams):
        sums[k] = 0.0
    if teams == 0:
        for i in range(n_agents):
            rewards[i] = own * raw[i]
        return
    for i in range(n_agents):
        sums[team_of_agent[i]] += raw[i]
    for i in range(n_agents):
        total = own * raw[i]
        for k in range(teams):
            total += weights[team_of_agent[i] * teams + k] * sums[k]
        rewards[i] = total


cdef inline int64_t distinct(int64_t n_agents, int64_t n_actions, const int32_t *taken,
                             uint64_t *marked) noexcept nogil:
    """How many different actions were taken; -1 if one is out of range. seen: ceil(actions / 64) words."""
    cdef int64_t i, count = 0
    cdef uint64_t word, bit, first = 0
    if n_actions <= 64:
        for i in range(n_agents):
            if <uint32_t> taken[i] >= <uint32_t> n_actions:
                return -1
            first |= <uint64_t> 1 << taken[i]
        # Bits set, counted in parallel.
        first = first - ((first >> 1) & 0x5555555555555555ULL)
        first = (first & 0x3333333333333333ULL) + ((first >> 2) & 0x3333333333333333ULL)
        first = (first + (first >> 4)) & 0x0F0F0F0F0F0F0F0FULL
        return <int64_t> ((first * 0x0101010101010101ULL) >> 56)
    for i in range((n_actions + 63) // 64):
        marked[i] = 0
    for i in range(n_agents):
        if <uint32_t> taken[i] >= <uint32_t> n_actions:
            return -1
        bit = <uint64_t> 1 << (taken[i] & 63)
        word = marked[taken[i] >> 6]
        count += (word & bit) == 0
        marked[taken[i] >> 6] = word | bit
    return count


cdef inline double distance(int64_t features, int64_t order, const double *target, const double *weights,
                            const double *observation) noexcept nogil:
    """sum over features of weight * |x - target| ** order, order 1 or 2."""
    cdef int64_t d
    cdef double gap, total = 0.0
    for d in range(features):
        gap = fabs(observation[d] - target[d])
        total += weights[d] * (gap * gap if order == 2 else gap)
    return total
