"""Schedules: values that change as training goes on.

A tick is a step, or (``per="episode"``) the end of an episode. The value at tick t:

============= =============================================================
Constant      ``value``
Linear        ``start + (end - start) * t / duration``, then ``end``
Exponential   ``start * decay ** t`` (by repeated multiplication), at least ``minimum``
Harmonic      ``start / (1 + rate * t)``, at least ``minimum``
Table         ``values[t]``, the last one from then on
============= =============================================================
"""
import numbers
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real, shown
from marlfast.registry import Definition, require

__all__ = ["Constant", "Exponential", "Harmonic", "Linear", "Schedule", "Table"]

_PER = ("step", "episode")


class Schedule(Definition):
    """Base of schedules. ``parameters()`` gives (kind, start, final, rate, table) of the kernel."""

    kind = "schedule"

    def bounds(self):
        """Least and greatest value it can take."""
        raise NotImplementedError

    def allocate(self, runs):
        """Arrays that change: ``value`` float64 [R] and ``ticks`` int64 [R]."""
        kind, start, final, rate, table = self.parameters()
        return {"value": np.full(runs, table[0] if kind == 4 else start), "ticks": np.zeros(runs, np.int64)}

    def bind(self, arrays, backend):
        """The kernel over these arrays."""
        kind, start, final, rate, table = self.parameters()
        runs = len(arrays["value"])
        return kernels(backend, "schedules").Schedule(
            kind, getattr(self, "per", "step") == "episode", np.full(runs, start), np.full(runs, final),
            np.full(runs, rate), np.asarray(table, np.float64), arrays["value"], arrays["ticks"])


@dataclass(frozen=True, repr=False, eq=False)
class Constant(Schedule):
    """The same value always."""

    name = "constant"
    value: float

    def __post_init__(self):
        self._set(value=real("value", self.value))

    def bounds(self):
        return self.value, self.value

    def parameters(self):
        return 0, self.value, self.value, 0.0, ()


@dataclass(frozen=True, repr=False, eq=False)
class Linear(Schedule):
    """From ``start`` to ``end`` in ``duration`` ticks, then ``end``."""

    name = "linear"
    start: float
    end: float
    duration: int
    per: str = "step"

    def __post_init__(self):
        self._set(start=real("start", self.start), end=real("end", self.end),
                  duration=integer("duration", self.duration, 1), per=choice("per", self.per, _PER))

    def bounds(self):
        return min(self.start, self.end), max(self.start, self.end)

    def parameters(self):
        return 1, self.start, self.end, float(self.duration), ()


@dataclass(frozen=True, repr=False, eq=False)
class Exponential(Schedule):
    """Multiplied by ``decay`` at every tick, never below ``minimum``."""

    name = "exponential"
    start: float
    decay: float
    minimum: float = 0.0
    per: str = "step"

    def __post_init__(self):
        self._set(start=real("start", self.start), decay=real("decay", self.decay, 0.0, 1.0),
                  minimum=real("minimum", self.minimum), per=choice("per", self.per, _PER))
        if self.minimum > self.start:
            raise ValueError(f"minimum: expected at most start ({self.start}), got {self.minimum}")

    def bounds(self):
        return self.minimum, self.start

    def parameters(self):
        return 2, self.start, self.minimum, self.decay, ()


@dataclass(frozen=True, repr=False, eq=False)
class Harmonic(Schedule):
    """``start / (1 + rate * t)``, never below ``minimum``."""

    name = "harmonic"
    start: float
    rate: float
    minimum: float = 0.0
    per: str = "step"

    def __post_init__(self):
        self._set(start=real("start", self.start), rate=real("rate", self.rate, 0.0),
                  minimum=real("minimum", self.minimum), per=choice("per", self.per, _PER))
        if self.minimum > self.start:
            raise ValueError(f"minimum: expected at most start ({self.start}), got {self.minimum}")

    def bounds(self):
        return self.minimum, self.start

    def parameters(self):
        return 3, self.start, self.minimum, self.rate, ()


@dataclass(frozen=True, repr=False, eq=False)
class Table(Schedule):
    """``values[t]`` at tick t; the last value from then on."""

    name = "table"
    values: tuple
    per: str = "step"

    def __post_init__(self):
        if not np.iterable(self.values):
            raise TypeError(f"values: expected a sequence of numbers, got {shown(self.values)}")
        values = tuple(real(f"values[{k}]", v) for k, v in enumerate(self.values))
        if not values:
            raise ValueError("values: expected at least one value, got none")
        self._set(values=values, per=choice("per", self.per, _PER))

    def bounds(self):
        return min(self.values), max(self.values)

    def parameters(self):
        return 4, self.values[0], 0.0, 0.0, self.values


def schedule(name, value, least=None, most=None):
    """``value`` as a schedule (a number is a constant one) whose values lie in [least, most]."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return Constant(real(name, value, least, most))
    value = require("schedule", value, name)
    for bound in value.bounds():
        real(f"{name} (a value of its schedule)", bound, least, most)
    return value
