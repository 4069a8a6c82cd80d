# cython: language_level=3
"""Softmax policies of some agents in a table of logits: the leaves of ``src/_gradients.pyx`` that act and climb."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from marlfast.core.gradients cimport TOGETHER, climb
from marlfast.core.operations cimport Status
from marlfast.core.schedules cimport ScheduleData

ctypedef const double *Logits

ctypedef struct Actors:
    int64_t n_agents            # N, of the whole team
    int64_t n_ids               # L
    const int32_t *agent_ids    # [L]
    const int32_t *table_of     # [N]
    const int32_t *n_actions    # [N]
    const int64_t *n_own_actions    # [L] the same, of those controlled
    int64_t n_rows, tables, max_actions  # of the logits
    double *logits              # [R, rows, tables, max_actions]
    int64_t active              # k
    int64_t stride              # W, rows of a run
    int64_t draws               # K
    ScheduleData *exploration   # NULL: actions are drawn from the policy
    int64_t strict
    int64_t several             # 1: exploring takes two draws
    double *room                # [R, TOGETHER + 1, max_actions] sums of agents' active rows
    double *weight              # [R, TOGETHER, max_actions]


cdef inline const double *logits_of(const Actors *c, int64_t run, int64_t agent, const int32_t *rows,
                                    int64_t place) noexcept nogil:
    """Logits of an agent that sees these k rows; NULL where one of them lies outside the table. ``place``: of sums."""
    cdef int64_t j, a
    cdef const double *one
    cdef double *total
    if <uint32_t> rows[0] >= <uint64_t> c.n_rows:
        return NULL
    one = c.logits + ((run * c.n_rows + rows[0]) * c.tables + c.table_of[agent]) * c.max_actions
    if c.active == 1:
        return one
    total = c.room + (run * (TOGETHER + 1) + place) * c.max_actions
    memcpy(total, one, c.max_actions * sizeof(double))
    for j in range(1, c.active):
        if <uint32_t> rows[j] >= <uint64_t> c.n_rows:
            return NULL
        one = c.logits + ((run * c.n_rows + rows[j]) * c.tables + c.table_of[agent]) * c.max_actions
        for a in range(c.max_actions):
            total[a] += one[a]
    return total


cdef inline int some_of(const Actors *c, int64_t run, const int32_t *rows, int64_t begin, const double **logits,
                        int64_t *count) noexcept nogil:
    """Logits of the next few agents that are controlled, from number ``begin`` on."""
    cdef int64_t j, i
    count[0] = min(c.n_ids - begin, <int64_t> TOGETHER)
    for j in range(count[0]):
        i = c.agent_ids[begin + j]
        logits[j] = logits_of(c, run, i, rows + i * c.active, j)
        if logits[j] == NULL:
            return Status.BAD_ROW
    return 0


cdef inline int climb_rows(const Actors *a, int64_t run, int64_t agent, const int32_t *rows, const double *gradient,
               double rate) noexcept nogil:
    """Move the logits of an agent's active rows along a gradient; all actions of a row, or (not finite) none."""
    cdef int64_t x
    for x in range(a.active):
        if not climb(a.logits + ((run * a.n_rows + rows[x]) * a.tables + a.table_of[agent]) * a.max_actions,
                          gradient, a.n_actions[agent], rate):
            return Status.BAD_VALUE
    return 0
