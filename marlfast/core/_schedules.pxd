from libc.stdint cimport int64_t

from marlfast.core.schedules cimport ScheduleData


cdef class Schedule:
    cdef ScheduleData data
    cdef readonly int64_t runs
    cdef readonly object held
