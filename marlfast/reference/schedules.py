"""Schedules in NumPy: the twin of ``src/_schedules.pyx``."""
import numpy as np

from marlfast.reference.draws import exp_values, log_values
from marlfast.reference.kernels import check

CONSTANT, LINEAR, EXPONENTIAL, HARMONIC, TABLE, VISITS = range(6)


class Schedule:
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
        check(start, "start", "float64", (-1,), False)
        n_runs = len(start)
        if n_runs < 1:
            raise ValueError("start: expected at least one run, got none")
        check(final, "final", "float64", (n_runs,), False)
        check(rate, "rate", "float64", (n_runs,), False)
        check(table, "table", "float64", (-1,), False)
        check(value, "value", "float64", (n_runs,), True)
        check(ticks, "ticks", "int64", (n_runs,), True)
        if not CONSTANT <= kind <= VISITS:
            raise ValueError(f"kind: expected 0 to 5, got {kind}")
        if kind >= TABLE and len(table) < 1:
            raise ValueError("table: expected at least one value, got none")
        if kind == VISITS and (not rate.min() >= 0.0 or not table[0] >= 0.0):
            raise ValueError(f"rate, table: expected at least 0, got {rate.min()} and {table[0]}")
        if ticks.min() < 0:
            raise ValueError(f"ticks: expected at least 0, got {ticks.min()}")
        self.runs, self.kind, self.per_episode = n_runs, kind, bool(per_episode)
        self.start, self.final, self.rate, self.table = start, final, rate, table
        self.value, self.ticks = value, ticks

    def stage_tick(self, runs, ended):
        if self.per_episode:
            runs = runs[ended]
        if self.kind in (CONSTANT, VISITS) or len(runs) == 0:
            return
        self.ticks[runs] += 1
        ticks, start, final, rate = self.ticks[runs], self.start[runs], self.final[runs], self.rate[runs]
        if self.kind == EXPONENTIAL:
            value = np.maximum(self.value[runs] * rate, final)
        elif self.kind == LINEAR:
            value = np.where(ticks >= rate, final, start + (final - start) * (ticks / np.where(rate > 0, rate, 1.0)))
        elif self.kind == HARMONIC:
            value = np.maximum(start / (1.0 + rate * ticks), final)
        else:
            value = self.table[np.minimum(ticks, len(self.table) - 1)]
        self.value[runs] = value

    def stage_at(self, runs, visits):
        """Values in force [n, ...] for rows that were visited so often (int32 [n, ...])."""
        run = runs.reshape(-1, *[1] * (visits.ndim - 1))
        if self.kind != VISITS:
            return np.broadcast_to(self.value[run], visits.shape)
        x = 1.0 + self.rate[run] * visits
        value = self.start[run] / x if self.table[0] == 1.0 else self.start[run] * exp_values(
            -(self.table[0] * log_values(x)))
        return np.maximum(value, self.final[run])

    def tick(self, ended):
        """Move on by one step; ``ended`` (bool [R]): an episode is over."""
        check(ended, "ended", "bool", (self.runs,), False)
        self.stage_tick(np.arange(self.runs), ended)
