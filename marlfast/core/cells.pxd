# cython: language_level=3
"""Whole numbers in a state or made from draws: leaves for games on boards and in tables.

A kernel may be called with any state and any draw, so each number is looked at before it becomes a place. Twins of
the same names: ``marlfast/reference/kernels.py``.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef inline int64_t whole(double x, int64_t n) noexcept nogil:
    """x, if it is one of 0, 1, ..., n - 1; else -1."""
    cdef int64_t k
    if not (x >= 0.0 and x < <double> n):       # NaN fails too
        return -1
    k = <int64_t> x
    return k if <double> k == x else -1


cdef inline int64_t pick(double u, int64_t n) noexcept nogil:
    """One of 0, 1, ..., n - 1, equally likely, by a uniform u; -1 where u is outside [0, 1)."""
    if not (u >= 0.0 and u < 1.0):
        return -1
    return <int64_t> (u * <double> n)


cdef inline bint allowed(const int32_t *actions, int64_t n_agents, int64_t n) noexcept nogil:
    """Whether every action is one of 0, 1, ..., n - 1."""
    cdef int64_t i
    for i in range(n_agents):
        if <uint32_t> actions[i] >= <uint32_t> n:
            return False
    return True


cdef inline int64_t row_move(int64_t action) noexcept nogil:
    """Rows that a move goes down, where the actions are 0 north, 1 south, 2 east, 3 west, 4 stand."""
    return (1 if action == 1 else 0) - (1 if action == 0 else 0)


cdef inline int64_t column_move(int64_t action) noexcept nogil:
    """Columns that a move goes to the right, by the same actions."""
    return (1 if action == 2 else 0) - (1 if action == 3 else 0)


cdef inline int64_t bits_of(uint64_t x) noexcept nogil:
    """How many bits are 1."""
    x = x - ((x >> 1) & <uint64_t> 0x5555555555555555)
    x = (x & <uint64_t> 0x3333333333333333) + ((x >> 2) & <uint64_t> 0x3333333333333333)
    x = (x + (x >> 4)) & <uint64_t> 0x0F0F0F0F0F0F0F0F
    return <int64_t> ((x * <uint64_t> 0x0101010101010101) >> 56)
