# cython: language_level=3
"""What states, or joint actions of teams, are worth: the leaves of ``src/_gradients.pyx`` that judge."""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from marlfast.core.operations cimport Status

ctypedef struct Critics:
    int64_t units               # U: agents, or teams, that a value is of
    double *values              # [R, rows, tables, joint]; NULL: nothing is worth anything
    int64_t n_rows, tables, joint
    int64_t active              # rows of a unit
    const int64_t *place        # [U] where they begin among a run's rows
    const int32_t *table        # [U]
    const int32_t *unit_of      # [N]
    const int64_t *begin        # [U + 1] where its members begin among
    const int64_t *members      # [L] places in `agent_ids`, unit after unit
    const int64_t *weights      # [N] what an agent's action counts for in a joint action's number
    double *mean                # [R, U] running mean of targets, of their squares, and the weight of both so far
    double *square
    double *weight              # NULL: values are what they stand for


cdef inline double value_centre(const Critics *c, int64_t run, int64_t unit) noexcept nogil:
    """What a value of 0 stands for."""
    cdef int64_t at = run * c.units + unit
    return c.mean[at] / c.weight[at] if c.weight != NULL and c.weight[at] > 0.0 else 0.0


cdef inline double value_spread(const Critics *c, int64_t run, int64_t unit) noexcept nogil:
    """What a value of 1 stands for, above that of 0: the standard deviation of targets, at least a tenth."""
    cdef int64_t at = run * c.units + unit
    cdef double mean, square
    if c.weight == NULL or not c.weight[at] > 0.0:
        return 1.0
    mean = c.mean[at] / c.weight[at]
    square = c.square[at] / c.weight[at] - mean * mean
    return sqrt(square if square > 0.01 else 0.01)


cdef inline int worth(const Critics *c, int64_t run, int64_t unit, const int32_t *rows, int64_t number,
                      double *value) noexcept nogil:
    """The value of a unit's joint action where the state is in these rows."""
    cdef int64_t j
    cdef uint32_t row
    cdef double total = 0.0, one
    value[0] = 0.0
    if c.values == NULL:
        return 0
    rows += c.place[unit]
    for j in range(c.active):
        row = <uint32_t> rows[j]
        if row >= <uint64_t> c.n_rows:
            return Status.BAD_ROW
        one = c.values[((run * c.n_rows + row) * c.tables + c.table[unit]) * c.joint + number]
        total = one if j == 0 else total + one
    value[0] = total if c.weight == NULL else total * value_spread(c, run, unit) + value_centre(c, run, unit)
    return 0
