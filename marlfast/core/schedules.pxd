# cython: language_level=3
"""Values that change as training goes on, one run: the leaves of ``src/_schedules.pyx``."""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.draws cimport exp_, log_

cdef enum Kind:
    CONSTANT = 0
    LINEAR = 1          # start -> final in `rate` ticks
    EXPONENTIAL = 2     # times rate at every tick, never below final
    HARMONIC = 3        # start / (1 + rate * ticks), never below final
    TABLE = 4           # table[ticks], its last value from then on
    VISITS = 5          # start / (1 + rate * visits) ** table[0] of each row, never below final; value: where none was

ctypedef struct ScheduleData:
    int64_t kind
    int64_t per_episode     # 0: a tick is a step; 1: a tick is the end of an episode
    const double *start     # [R]
    const double *final     # [R]
    const double *rate      # [R]
    const double *table     # [length]
    int64_t length
    double *value           # [R] in force now
    int64_t *ticks          # [R] ticks so far


cdef inline void schedule_tick(const ScheduleData *s, int64_t run) noexcept nogil:
    cdef int64_t ticks
    cdef double value
    if s.kind == CONSTANT or s.kind == VISITS:
        return
    ticks = s.ticks[run] + 1
    s.ticks[run] = ticks
    if s.kind == EXPONENTIAL:
        value = s.value[run] * s.rate[run]
        s.value[run] = value if value > s.final[run] else s.final[run]
    elif s.kind == LINEAR:
        if <double> ticks >= s.rate[run]:
            s.value[run] = s.final[run]
        else:
            s.value[run] = s.start[run] + (s.final[run] - s.start[run]) * (<double> ticks / s.rate[run])
    elif s.kind == HARMONIC:
        value = s.start[run] / (1.0 + s.rate[run] * <double> ticks)
        s.value[run] = value if value > s.final[run] else s.final[run]
    else:
        s.value[run] = s.table[ticks if ticks < s.length else s.length - 1]


cdef inline double schedule_at(const ScheduleData *s, int64_t run, int32_t visits) noexcept nogil:
    """The value in force for a row that was visited so often."""
    cdef double x, value
    if s.kind != VISITS:
        return s.value[run]
    x = 1.0 + s.rate[run] * <double> visits
    value = s.start[run] / x if s.table[0] == 1.0 else s.start[run] * exp_(-(s.table[0] * log_(x)))
    return value if value > s.final[run] else s.final[run]


cdef inline void schedule_follow(const ScheduleData *s, int64_t run, uint8_t ended) noexcept nogil:
    """After a step: tick, if a tick is a step, or if the episode is over."""
    if ended or not s.per_episode:
        schedule_tick(s, run)
