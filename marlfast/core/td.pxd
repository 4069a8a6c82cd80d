# cython: language_level=3
"""Tabular temporal-difference learning, one agent of one run: the leaves of ``src/_td.pyx``.

A *cell* is one row of one table: ``q`` points at its A action values, ``greedy``
at the first of the greatest of them. ``greedy`` is kept up to date at every
write, so that acting and bootstrapping never scan the actions.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t

from marlfast.core.draws cimport exp_


cdef extern from "greatest.h" nogil:
    int32_t first_greatest "mf_first_greatest"(const double *q, int64_t actions) noexcept
    double next_double "mf_next_double"(double value) noexcept

cdef enum:
    KEPT = 64           # weights of a policy that are not worked out twice


cdef inline bint write_value(double *q, int32_t *greedy, int64_t actions, int64_t action, double value) noexcept nogil:
    """Write one action value and keep ``greedy``; true if the greedy action changed."""
    cdef int32_t best = greedy[0], now = best
    cdef double old = q[action]
    q[action] = value
    if action == best:
        if value < old:
            now = first_greatest(q, actions)
    elif value > q[best] or (value == q[best] and action < best):
        now = <int32_t> action
    greedy[0] = now
    return now != best


cdef inline double below(double level, bint strict) noexcept nogil:
    """The bound b for which ``u < b`` says ``u < level`` (strict) or ``u <= level``; level is at least 0."""
    return level if strict else next_double(level)


cdef inline int64_t random_greatest(const double *q, int64_t actions, int64_t best, double u) noexcept nogil:
    """One of the actions whose value equals that of ``best``, each as likely, by the uniform ``u``."""
    cdef int64_t a, ties = 0, chosen
    for a in range(actions):
        ties += q[a] == q[best]
    if ties == 1:
        return best
    chosen = <int64_t> (u * <double> ties)
    for a in range(actions):
        if q[a] == q[best]:
            if chosen == 0:
                return a
            chosen -= 1
    return best


cdef inline int64_t boltzmann(const double *q, int64_t actions, int64_t best, double temperature,
                              double u) noexcept nogil:
    """Action a with probability proportional to exp((q[a] - q[best]) / temperature), by inverse transform."""
    cdef int64_t a
    cdef double weight, total = 0.0, running = 0.0
    cdef double[KEPT] kept
    for a in range(actions):
        weight = exp_((q[a] - q[best]) / temperature)
        if a < KEPT:
            kept[a] = weight
        total += weight
    u = u * total
    for a in range(actions - 1):
        running += kept[a] if a < KEPT else exp_((q[a] - q[best]) / temperature)
        if u < running:
            return a
    return actions - 1


cdef inline double epsilon_greedy_value(const double *q, int64_t actions, int64_t best, double epsilon) noexcept nogil:
    """Expected action value if any action, each as likely, is taken with probability epsilon, else ``best``."""
    cdef double first = 0.0, second = 0.0, third = 0.0, fourth = 0.0
    cdef int64_t a = 0
    # Four sums side by side: one would wait for itself at every action.
    while a + 4 <= actions:
        first += q[a]
        second += q[a + 1]
        third += q[a + 2]
        fourth += q[a + 3]
        a += 4
    if a < actions:
        first += q[a]
    if a + 1 < actions:
        second += q[a + 1]
    if a + 2 < actions:
        third += q[a + 2]
    return (1.0 - epsilon) * q[best] + epsilon * (((first + second) + (third + fourth)) / <double> actions)


cdef inline double boltzmann_value(const double *q, int64_t actions, int64_t best, double temperature) noexcept nogil:
    """Expected action value if action a is taken with probability proportional to exp(q[a] / temperature)."""
    cdef int64_t a
    cdef double weight, total = 0.0, value = 0.0
    for a in range(actions):
        weight = exp_((q[a] - q[best]) / temperature)
        total += weight
        value += weight * q[a]
    return value / total


cdef inline double boltzmann_probability(const double *q, int64_t actions, int64_t best, double temperature,
                                         int64_t action) noexcept nogil:
    """Probability of an action, if action a is taken with probability proportional to exp(q[a] / temperature)."""
    cdef int64_t a
    cdef double total = 0.0
    for a in range(actions):
        total += exp_((q[a] - q[best]) / temperature)
    return exp_((q[action] - q[best]) / temperature) / total
