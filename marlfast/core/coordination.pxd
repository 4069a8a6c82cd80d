# cython: language_level=3
"""Learners that forgive the others' exploration, one agent in one row: the leaves of ``src/_coordination.pyx``."""
from libc.stdint cimport int64_t

from marlfast.core.draws cimport exp_


cdef inline double mean_temperature(const double *temperature, int64_t n_actions) noexcept nogil:
    cdef int64_t a
    cdef double total = 0.0
    for a in range(n_actions):
        total += temperature[a]
    return total / <double> n_actions


cdef inline bint believes(double temperature, double moderation, double u) noexcept nogil:
    """Whether a bad outcome is learned from: with probability exp(-1 / (moderation * temperature)) it is forgiven."""
    return u < 1.0 - exp_(-1.0 / (moderation * temperature))


cdef inline double frequency_after(double frequency, double rate, double target, double greatest) noexcept nogil:
    """How often an action brings its greatest outcome, after one more outcome."""
    if target > greatest:
        return 1.0
    if target == greatest:
        return frequency + rate * (1.0 - frequency)
    return frequency - rate * frequency
