"""Schedules in NumPy: the twin of ``src/_schedules.pyx``."""
import numpy as np

from marlfast.declarations.schedules import CONSTANT, EXPONENTIAL, HARMONIC, LINEAR, SCHEDULE, VISITS
from marlfast.reference.draws import exp_values, log_values
from marlfast.reference.kernels import check


@SCHEDULE.document
class Schedule:
    """A value per run that changes from tick to tick."""

    def __init__(self, *by_position, **given):
        a = SCHEDULE.check(given, by_position)
        self.runs, self.kind, self.per_episode = a.R, a.kind, a.per_episode
        self.start, self.final, self.rate, self.table = a.start, a.final, a.rate, a.table
        self.value, self.ticks = a.value, a.ticks

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
            with np.errstate(over="ignore"):        # by a tiny rate, where the value is final anyhow
                value = start + (final - start) * (ticks / np.where(rate > 0, rate, 1.0))
            value = np.where(ticks >= rate, final, value)
        elif self.kind == HARMONIC:
            value = np.maximum(start / (1.0 + rate * ticks), final)
        else:
            value = self.table[np.minimum(ticks, len(self.table) - 1)]
        self.value[runs] = value

    def stage_at(self, runs, visits):
        """Values in force [n, ...] for rows that were visited so often (int32 [n, ...])."""
        run = runs.reshape(-1, *[1] * (visits.ndim - 1))
        if self.kind != VISITS:
            value = np.empty(visits.shape)
            value[:] = self.value[run]
            return value
        x = 1.0 + self.rate[run] * visits
        value = self.start[run] / x if self.table[0] == 1.0 else self.start[run] * exp_values(
            -(self.table[0] * log_values(x)))
        return np.maximum(value, self.final[run])

    def tick(self, ended):
        """Move on by one step; ``ended`` (bool [R]): an episode is over."""
        check(ended, "ended", "bool", (self.runs,), False)
        self.stage_tick(np.arange(self.runs), ended)
