"""What a team plays, looked up in tables. Twin: ``marlfast/reference/table_policy.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from marlfast.core._kernels cimport Encoder, check, check_status, ids, longs, reals
from marlfast.core.operations cimport EncoderOperations, Status

cdef enum:
    AT_ONCE = 1024          # rows that are found before they are used: they stay in the cache

ctypedef struct Tables:
    const EncoderOperations *encoder
    int64_t n_agents, views, features
    int64_t n_rows, n_groups, n_joint
    const int32_t *group        # [N] who draws with whom
    const int32_t *first        # [G] an agent of each group: its row is the group's
    const int64_t *stride       # [N] an agent's action is choice / stride % count of its group's choice
    const int64_t *count        # [N]
    const int32_t *choices      # [rows, G] where nothing is left to chance; else NULL
    const double *sums          # [rows, G, J] probabilities added up, of all choices up to the last possible one


cdef inline int64_t chosen(const Tables *t, int64_t row, int64_t g, const double *uniforms) noexcept nogil:
    """The choice of a group in a row."""
    cdef const double *sums
    cdef int64_t j = 0
    cdef double u
    if t.choices != NULL:
        return t.choices[row * t.n_groups + g]
    sums, u = t.sums + (row * t.n_groups + g) * t.n_joint, uniforms[g]
    # Beyond the last choice that is possible all sums are infinite.
    while j < t.n_joint - 1 and u >= sums[j]:
        j += 1
    return j


cdef int act(const Tables *t, int64_t n, const double *observation, const double *uniforms, int32_t *actions,
             int32_t *rows) noexcept nogil:
    """Actions [n, N] for observations [n, V, D]; ``rows`` has room for AT_ONCE, or one decision of each agent."""
    cdef int64_t at_once = AT_ONCE // t.views if t.views < AT_ONCE else 1
    cdef int64_t at = 0, few, b, g, i, c
    cdef int32_t *row = rows
    cdef int status
    while at < n:
        few = n - at if n - at < at_once else at_once
        status = t.encoder.encode(t.encoder.context, 0, few * t.views, observation + at * t.views * t.features, rows)
        if status:
            return status
        for b in range(few):
            row = rows + b * t.views
            for i in range(t.n_agents):
                g = t.group[i]
                c = chosen(t, row[t.first[g] if t.views > 1 else 0], g, uniforms)
                actions[i] = <int32_t> (c if t.stride[i] == 1 and t.count[i] == t.n_joint
                                        else c // t.stride[i] % t.count[i])
            actions += t.n_agents
            if uniforms != NULL:
                uniforms += t.n_groups
        at += few
    return Status.FINE


cdef class TablePolicy:
    """Actions of a team by tables: nothing is learned, and nothing is remembered.

    Parameters
    ----------
    encoder : Encoder
        Of one view for one agent; its rows are those of the tables.
    views : int
        V: 1, where all agents see the same, or N.
    group : int32 [N]
        Who draws with whom, 0 to G - 1.
    first : int32 [G]
        The first agent of each group, whose row is the group's.
    stride, count : int64 [N]
        An agent's action is ``choice // stride % count``, of its group's choice.
    choices : int32 [rows, G], optional
        Of each group in each row; where ``sums`` is not given.
    sums : float64 [rows, G, J], optional
        Probabilities of a group's choices, added up; infinite from the last possible one on.
    """
    cdef Tables tables
    cdef readonly int64_t agents, views, features, groups
    cdef object held

    def __init__(self, Encoder encoder not None, views, group, first, stride, count, choices=None, sums=None):
        check(group, "group", "int32", (-1,), False)
        cdef int64_t n = len(group), n_rows = encoder.operations.n_rows
        if encoder.operations.encode == NULL or encoder.agents != 1 or encoder.active != 1 \
                or encoder.operations.used != NULL:
            raise ValueError("encoder: expected one of a single agent, with one row for what it sees, that does not "
                             "grow")
        check(first, "first", "int32", (-1,), False)
        cdef int64_t groups = len(first)
        check(stride, "stride", "int64", (n,), False)
        check(count, "count", "int64", (n,), False)
        if n < 1 or views not in (1, n):
            raise ValueError(f"views: expected 1, or {n} agents' own, got {views}")
        if groups < 1 or group.min() < 0 or group.max() >= groups or first.min() < 0 or first.max() >= n:
            raise ValueError(f"group, first: expected groups 0 to {groups - 1} of agents 0 to {n - 1}")
        if stride.min() < 1 or count.min() < 1:
            raise ValueError("stride, count: expected at least 1")
        if (choices is None) == (sums is None):
            raise ValueError("choices, sums: expected one of them")
        cdef int64_t joint = 0
        if choices is not None:
            check(choices, "choices", "int32", (n_rows, groups), False)
            if choices.min() < 0:
                raise ValueError(f"choices: expected at least 0, got {choices.min()}")
        else:
            joint = check(sums, "sums", "float64", (n_rows, groups, -1), False).shape[2]
            if joint < 1:
                raise ValueError("sums: expected at least one choice, got none")
        self.held = (encoder, group, first, stride, count, choices, sums)
        self.agents, self.views, self.features, self.groups = n, views, encoder.features, groups
        self.tables = Tables(&encoder.operations, n, views, encoder.features, n_rows, groups, joint, ids(group),
                             ids(first), longs(stride), longs(count), ids(choices), reals(sums))

    def act(self, observation, uniforms, actions):
        """Actions of all agents in B copies.

        Parameters
        ----------
        observation : float64 [B, V, D]
        uniforms : float64 [B, G], or None where nothing is left to chance
            In [0, 1).
        actions : int32 [B, N]
            Written.
        """
        if self.tables.encoder == NULL:
            raise TypeError("act: this kernel was never made")
        check(observation, "observation", "float64", (-1, self.views, self.features), False)
        cdef int64_t n = len(observation)
        cdef const double *o = reals(observation)
        cdef const double *u = NULL
        if self.tables.sums != NULL:
            u = reals(check(uniforms, "uniforms", "float64", (n, self.groups), False))
        cdef int32_t *a = ids(check(actions, "actions", "int32", (n, self.agents), True))
        cdef int64_t at_once = AT_ONCE if self.views < AT_ONCE else self.views
        cdef int32_t *rows
        cdef int status
        if n == 0:
            return
        rows = <int32_t *> malloc(min(at_once, n * self.views) * sizeof(int32_t))
        if rows == NULL:
            raise MemoryError("act: no memory for the rows")
        if n * self.views < 64:             # not worth letting go of Python's lock
            status = act(&self.tables, n, o, u, a, rows)
        else:
            with nogil:
                status = act(&self.tables, n, o, u, a, rows)
        free(rows)
        check_status(status, "observation")

    def rows(self, observation, rows):
        """Rows int32 [B, V] (written) of observations float64 [B, V, D]."""
        if self.tables.encoder == NULL:
            raise TypeError("rows: this kernel was never made")
        check(observation, "observation", "float64", (-1, self.views, self.features), False)
        cdef int64_t n = len(observation)
        cdef const double *o = reals(observation)
        cdef int32_t *r = ids(check(rows, "rows", "int32", (n, self.views), True))
        cdef int status = 0
        if n:
            status = self.tables.encoder.encode(self.tables.encoder.context, 0, n * self.views, o, r)
        check_status(status, "observation")
