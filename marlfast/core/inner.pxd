# cython: language_level=3
"""A learner within another, which tells it more than the rows say: its table has several rows for each of theirs."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from marlfast.core.operations cimport LearnerOperations, Transition

ctypedef struct Inner:
    const LearnerOperations *operations
    int64_t n_agents            # N, of the whole team
    int64_t n_ids                 # how many of them are controlled
    const int32_t *agent_ids        # [n_ids] which
    int64_t n_rows              # of the outer table
    int64_t parts               # rows of the inner table for each of them
    int32_t *now                # [R, N] scratch: rows of the inner table
    int32_t *next_rows               # [R, N]


cdef inline int32_t within(const Inner *inner, int32_t row, int64_t part) noexcept nogil:
    """The row of the inner table; -1, which every learner refuses, where the row or the part of it is none."""
    if <uint32_t> row >= <uint64_t> inner.n_rows or <uint64_t> part >= <uint64_t> inner.parts:
        return -1
    return <int32_t> (row * inner.parts + part)


cdef inline int act_within(const Inner *inner, int64_t run, const double *draws, int64_t stride,
                           int32_t *actions) noexcept nogil:
    """Act by the rows in ``now``, in one run."""
    return inner.operations.act(inner.operations.context, run, 1, inner.now + run * inner.n_agents, draws, stride,
                                actions)


cdef inline int learn_within(const Inner *inner, int64_t run, const Transition *t, int64_t r, double *rewards,
                             uint8_t *changed) noexcept nogil:
    """Learn by the rows in ``now`` and ``next_rows`` from entry r of a transition, in one run."""
    cdef Transition step = t[0]
    if inner.operations.update == NULL:
        return 0
    step.rows, step.next_rows = inner.now + run * inner.n_agents, inner.next_rows + run * inner.n_agents
    step.actions, step.rewards, step.terminated = t.actions + r * inner.n_agents, rewards, t.terminated + r
    return inner.operations.update(inner.operations.context, run, 1, &step, changed)
