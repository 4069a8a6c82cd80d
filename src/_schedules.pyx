"""Schedules. Twin: ``marlfast/reference/schedules.py``."""
from libc.stdint cimport int64_t, uint8_t

from marlfast.core._kernels cimport check, longs, reals
from marlfast.core.schedules cimport ScheduleData, schedule_follow
from marlfast.declarations.schedules import SCHEDULE


cdef class Schedule:
    """A value per run that changes from tick to tick.

    Parameters
    ----------
    See ``marlfast/declarations/schedules.py``.
    """

    def __init__(self, *by_position, **given):
        a = SCHEDULE.check(given, by_position)
        self.held, self.runs = a.kept, a.R
        self.data = ScheduleData(a.kind, a.per_episode, reals(a.start), reals(a.final), reals(a.rate), reals(a.table),
                                 a.length, reals(a.value), longs(a.ticks))

    def tick(self, ended):
        """Move on by one step; ``ended`` (bool [R]): an episode is over."""
        cdef const uint8_t[::1] e = check(ended, "ended", "bool", (self.runs,), False).view("uint8")
        cdef int64_t r
        with nogil:
            for r in range(self.runs):
                schedule_follow(&self.data, r, e[r])
