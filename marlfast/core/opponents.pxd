# cython: language_level=3
"""Opponents that follow a fixed rule, or learn by one of their own, one agent of one run: the leaves of
``src/_opponents.pyx``.

A payoff array holds an agent's own payoff of every joint action, the first agent's action the most significant.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t

from marlfast.core.draws cimport exp_
from marlfast.core.tabular cimport first_greatest


cdef inline int64_t others(const int32_t *actions, const int64_t *strides, int64_t n_agents,
                           int64_t agent) noexcept nogil:
    """Place, in a payoff array, of the joint action in which ``agent`` takes action 0 and the others what they do."""
    cdef int64_t i, place = 0
    for i in range(n_agents):
        if i != agent:
            place += strides[i] * actions[i]
    return place


cdef inline bint add_payoffs(double *totals, const double *payoffs, int64_t stride, int64_t n_actions,
                             double less) noexcept nogil:
    """Add to each action's total what it would have earned, less a number; whether all are finite."""
    cdef int64_t a
    cdef double unsound = 0.0
    for a in range(n_actions):
        totals[a] += payoffs[a * stride] - less
        unsound += totals[a] * 0.0
    return unsound == 0.0


cdef inline int64_t by_regret(const double *regret, int64_t n_actions, double u) noexcept nogil:
    """An action with probability proportional to its positive regret; any where none is."""
    cdef int64_t a, last = 0
    cdef double total = 0.0, running = 0.0
    for a in range(n_actions):
        if regret[a] > 0.0:
            total += regret[a]
    if not total > 0.0:
        return <int64_t> (u * <double> n_actions)
    u = u * total
    for a in range(n_actions):
        if regret[a] > 0.0:
            last = a
            running += regret[a]
            if u < running:
                return a
    return last


cdef inline int64_t switch_by_regret(const double *regret, int64_t n_actions, int64_t played, double scale,
                                     double u) noexcept nogil:
    """Another action with probability regret / scale where that is positive; else the one last played."""
    cdef int64_t a
    cdef double running = 0.0
    for a in range(n_actions):
        if a != played and regret[a] > 0.0:
            running += regret[a] / scale
            if u < running:
                return a
    return played


cdef inline double total_weight(const double *weights, int64_t n_actions, double *top) noexcept nogil:
    """Sum of exp(weights), each less the greatest, which is written to ``top``."""
    cdef int64_t a
    cdef double total = 0.0
    top[0] = weights[first_greatest(weights, n_actions)]
    for a in range(n_actions):
        total += exp_(weights[a] - top[0])
    return total


cdef inline double exp3_probability(double weight, double top, double total, double gamma,
                                    int64_t n_actions) noexcept nogil:
    """(1 - gamma) w / sum of w + gamma / actions, by the logarithm of a weight w."""
    return (1.0 - gamma) * (exp_(weight - top) / total) + gamma / <double> n_actions


cdef inline int64_t exp3_sample(const double *weights, int64_t n_actions, double gamma, double u) noexcept nogil:
    cdef int64_t a
    cdef double top, running = 0.0, total = total_weight(weights, n_actions, &top)
    for a in range(n_actions - 1):
        running += exp3_probability(weights[a], top, total, gamma, n_actions)
        if u < running:
            return a
    return n_actions - 1


cdef inline double within(double reward, double low, double high) noexcept nogil:
    """Where a reward stands between low and high, 0 to 1; rewards outside count as the nearer end."""
    if reward <= low:
        return 0.0
    if reward >= high:
        return 1.0
    return (reward - low) / (high - low)
