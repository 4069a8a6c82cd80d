# cython: language_level=3
"""Mean actions of neighbours as numbers: the leaves of ``src/_mean_field.pyx``.

The shares of the actions among an agent's neighbours, rounded to multiples of 1 / bins, are a point of a grid on the
simplex. With s[a] the number of bins taken by the last a actions (s[1] <= s[2] <= ...), its number is the sum of the
binomial coefficients (s[a] + a - 1 over a): with two actions the share of action 1, in bins.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t

from marlfast.core.operations cimport Status

ctypedef struct Neighbourhoods:
    int64_t n_agents            # N, of the whole team
    int64_t n_ids
    const int32_t *agent_ids        # [n_ids]
    int64_t n_near_actions      # M, actions of every neighbour
    int64_t bins
    int64_t means               # points of the grid
    int64_t start               # the point where all actions have the same share
    const int64_t *ranks        # [M - 1, bins + M - 1] binomial coefficients
    # Either lists: the neighbours of controlled agent j are neighbours[edges[j]] to neighbours[edges[j + 1] - 1].
    const int64_t *edges        # [n_ids + 1]
    const int32_t *neighbours
    # Or groups: its neighbours are the others of its group. NULL: lists.
    const int32_t *group        # [N], -1: in none
    int64_t groups
    const int64_t *sizes        # [groups]
    int64_t *counts             # [R, groups or 1, M] scratch


cdef inline int64_t point(const Neighbourhoods *n, const int64_t *counts, int64_t own, int64_t size) noexcept nogil:
    """Number of the mean of ``size`` actions, of which ``counts`` counts one too many of ``own`` (-1: none)."""
    cdef int64_t a, below = 0, taken, index = 0, max_actions = n.bins + n.n_near_actions - 1
    if size == 0:
        return 0
    for a in range(1, n.n_near_actions):
        below += counts[n.n_near_actions - a] - (own == n.n_near_actions - a)
        # Halves are rounded up. Sums are rounded, in place of the shares, so that these still add up to one.
        taken = below if size == n.bins else (2 * below * n.bins + size) // (2 * size)
        index += n.ranks[(a - 1) * max_actions + taken + a - 1]
    return index


cdef inline int64_t first_point(const Neighbourhoods *n, int64_t j) noexcept nogil:
    """Before anybody acted every action has the same share; without neighbours there is one point only."""
    if n.group == NULL:
        return n.start if n.edges[j + 1] > n.edges[j] else 0
    if n.group[n.agent_ids[j]] < 0:
        return 0
    return n.start if n.sizes[n.group[n.agent_ids[j]]] > 1 else 0


cdef inline int means(const Neighbourhoods *n, int64_t run, const int32_t *actions, int32_t *out) noexcept nogil:
    """The mean action of the neighbours of every controlled agent, as a number, into its place in ``out`` [N]."""
    cdef int64_t *counts = n.counts + run * (n.groups if n.group != NULL else 1) * n.n_near_actions
    cdef int64_t i, j, k, g, ones, total, bad = 0
    if n.group != NULL:
        for k in range(n.groups * n.n_near_actions):
            counts[k] = 0
        for i in range(n.n_agents):
            g = n.group[i]
            if g >= 0:
                if <uint64_t> actions[i] >= <uint64_t> n.n_near_actions:
                    return Status.BAD_ACTION
                counts[g * n.n_near_actions + actions[i]] += 1
        for j in range(n.n_ids):
            i = n.agent_ids[j]
            g = n.group[i]
            out[i] = 0 if g < 0 else <int32_t> point(n, counts + g * n.n_near_actions, actions[i], n.sizes[g] - 1)
        return 0
    for j in range(n.n_ids):
        i, total, ones = n.agent_ids[j], n.edges[j + 1] - n.edges[j], 0
        if n.n_near_actions == 2:
            for k in range(n.edges[j], n.edges[j + 1]):
                bad |= <uint64_t> actions[n.neighbours[k]] > 1
                ones += actions[n.neighbours[k]]
            counts[1] = ones
        else:
            for k in range(n.n_near_actions):
                counts[k] = 0
            for k in range(n.edges[j], n.edges[j + 1]):
                if <uint64_t> actions[n.neighbours[k]] >= <uint64_t> n.n_near_actions:
                    return Status.BAD_ACTION
                counts[actions[n.neighbours[k]]] += 1
        if bad:
            return Status.BAD_ACTION
        out[i] = <int32_t> point(n, counts, -1, total)
    return 0
