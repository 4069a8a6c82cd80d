# cython: language_level=3
"""A monotone mixing network, one team of one run: the leaves of ``src/_mixing.pyx``.

Its numbers, in this order: first weights [members, hidden], first biases [hidden], second weights [hidden], last bias.
There may be room for more members than a team has. Weights count by their absolute values.
"""
from libc.math cimport fabs
from libc.stdint cimport int64_t

from marlfast.core.draws cimport exp_


cdef inline int64_t mixer_size(int64_t room, int64_t hidden) noexcept nogil:
    return (room + 2) * hidden + 1


cdef inline double mix(const double *w, int64_t room, int64_t hidden, const double *utilities, int64_t members,
                       double *out, double *slope) noexcept nogil:
    """The team's value; ``out`` [hidden]: of the hidden units, ``slope`` [hidden]: its derivative by their sums."""
    cdef const double *b = w + room * hidden
    cdef const double *second = b + hidden
    cdef double total = second[hidden], z, power
    cdef int64_t h, j
    for h in range(hidden):
        out[h] = b[h]
    for j in range(members):
        for h in range(hidden):
            out[h] += utilities[j] * fabs(w[j * hidden + h])
    for h in range(hidden):
        z = out[h]
        if not z <= 0.0:        # what is no number must not become one
            slope[h] = fabs(second[h])
        else:
            power = exp_(z)
            out[h] = power - 1.0
            slope[h] = fabs(second[h]) * power
        total += out[h] * fabs(second[h])
    return total


cdef inline double by_utility(const double *w, int64_t hidden, int64_t member, const double *slope) noexcept nogil:
    """Derivative of the team's value by one member's utility."""
    cdef double total = 0.0
    cdef int64_t h
    for h in range(hidden):
        total += slope[h] * fabs(w[member * hidden + h])
    return total


cdef inline double along(double value, double weight) noexcept nogil:
    """``value`` by the sign of a weight: the derivative of the weight's absolute value is 0 at 0."""
    return value if weight > 0.0 else -value if weight < 0.0 else 0.0


cdef inline void by_weights(const double *w, int64_t room, int64_t hidden, const double *utilities, int64_t members,
                            const double *out, const double *slope, double *gradient) noexcept nogil:
    """Derivative of the team's value by every number of the network; 0 for members that the team does not have."""
    cdef int64_t h, j, b = room * hidden
    for j in range(members):
        for h in range(hidden):
            gradient[j * hidden + h] = along(slope[h] * utilities[j], w[j * hidden + h])
    for h in range(members * hidden, b):
        gradient[h] = 0.0
    for h in range(hidden):
        gradient[b + h] = slope[h]
        gradient[b + hidden + h] = along(out[h], w[b + hidden + h])
    gradient[b + 2 * hidden] = 1.0
