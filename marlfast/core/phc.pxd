# cython: language_level=3
"""Mixed policies, one agent in one row: the leaves of ``src/_phc.pyx``.

A policy is an array of probabilities, one for each of the agent's actions.
"""
from libc.stdint cimport int64_t


cdef inline double worth(const double *policy, const double *q, int64_t n_actions) noexcept nogil:
    """What a policy earns by these action values."""
    cdef int64_t a
    cdef double total = 0.0
    for a in range(n_actions):
        total += policy[a] * q[a]
    return total


cdef inline void take_in(double *average, const double *policy, int64_t n_actions, double count) noexcept nogil:
    """Make the mean of ``count - 1`` policies that of ``count``."""
    cdef int64_t a
    for a in range(n_actions):
        average[a] += (policy[a] - average[a]) / count


cdef inline void climb(double *policy, int64_t n_actions, int64_t best, double step) noexcept nogil:
    """Move probability to the action ``best``: from each other one its share of ``step``, or what it has."""
    cdef int64_t a
    cdef double share = step / <double> (n_actions - 1) if n_actions > 1 else 0.0
    cdef double rest = 0.0
    for a in range(n_actions):
        if a != best:
            policy[a] -= policy[a] if policy[a] < share else share
            rest += policy[a]
    # In place of adding what was moved: so that rounding does not add up over millions of steps.
    rest = 1.0 - rest
    policy[best] = rest if rest > 0.0 else 0.0
