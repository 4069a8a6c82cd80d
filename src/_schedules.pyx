"""Schedules. Twin: ``marlfast/reference/schedules.py``."""
from libc.stdint cimport int64_t, uint8_t

from marlfast.core._kernels cimport check
from marlfast.core.schedules cimport CONSTANT, TABLE, VISITS, ScheduleData, schedule_follow


cdef class Schedule:
    """A value per run that changes from tick to tick.

    Parameters
    ----------
    kind : int
        0 constant, 1 linear (start to final in ``rate`` ticks), 2 exponential (times ``rate``, at
        least ``final``), 3 harmonic (start / (1 + rate * ticks), at least ``final``), 4 table, 5 by visits of a row
        (start / (1 + rate * visits) ** table[0], at least ``final``; ``value`` never changes).
    per_episode : bool
        A tick is the end of an episode; else a step.
    start, final, rate : float64 [R]
    table : float64 [length]
        Only read by kinds 4 and 5; then at least one value.
    value : float64 [R]
        Written: the value in force.
    ticks : int64 [R]
        Written: ticks so far.
    """

    def __init__(self, kind, per_episode, start, final, rate, table, value, ticks):
        cdef const double[::1] s = check(start, "start", "float64", (-1,), False)
        cdef int64_t n_runs = s.shape[0]
        if n_runs < 1:
            raise ValueError("start: expected at least one run, got none")
        cdef const double[::1] f = check(final, "final", "float64", (n_runs,), False)
        cdef const double[::1] r = check(rate, "rate", "float64", (n_runs,), False)
        cdef const double[::1] t = check(table, "table", "float64", (-1,), False)
        cdef double[::1] v = check(value, "value", "float64", (n_runs,), True)
        cdef int64_t[::1] n = check(ticks, "ticks", "int64", (n_runs,), True)
        if not CONSTANT <= kind <= VISITS:
            raise ValueError(f"kind: expected 0 to 5, got {kind}")
        if kind >= TABLE and t.shape[0] < 1:
            raise ValueError("table: expected at least one value, got none")
        if kind == VISITS and (not rate.min() >= 0.0 or not t[0] >= 0.0):
            raise ValueError(f"rate, table: expected at least 0, got {rate.min()} and {table[0]}")
        if ticks.min() < 0:
            raise ValueError(f"ticks: expected at least 0, got {ticks.min()}")
        self.held = (start, final, rate, table, value, ticks)
        self.runs = n_runs
        self.data = ScheduleData(kind, 1 if per_episode else 0, &s[0], &f[0], &r[0],
                                 NULL, t.shape[0], &v[0], &n[0])
        if t.shape[0]:
            self.data.table = &t[0]

    def tick(self, ended):
        """Move on by one step; ``ended`` (bool [R]): an episode is over."""
        cdef const uint8_t[::1] e = check(ended, "ended", "bool", (self.runs,), False).view("uint8")
        cdef int64_t r
        with nogil:
            for r in range(self.runs):
                schedule_follow(&self.data, r, e[r])
