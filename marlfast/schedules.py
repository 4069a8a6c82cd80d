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
import dataclasses
import numbers
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real, real_per_run, shown, unknown
from marlfast.registry import Definition, names, option, require, spread

__all__ = ["Constant", "Exponential", "Harmonic", "Linear", "Schedule", "Table"]

_PER = ("step", "episode")


def together(definition):
    """Refuse parameters that are given for different numbers of runs."""
    given = definition.runs_given()
    if len(set(given.values())) > 1:
        raise ValueError(f"{', '.join(given)}: expected as many values of each, one per run, got "
                         f"{', '.join(map(str, given.values()))}")


class Schedule(Definition):
    """Base of schedules. ``parameters()`` gives (kind, start, final, rate, table) of the kernel.

    The numbers of a schedule may differ from run to run: a sequence has one per run. The values of a table are
    those of its ticks, the same in every run.

    See Also
    --------
    Linear, Exponential, Harmonic, Table : Those there are.

    Examples
    --------
    >>> from marlfast import schedules
    >>> schedules.Linear(1.0, 0.1, 1000).bounds()
    (0.1, 1.0)
    """

    kind = "schedule"

    def bounds(self):
        """Say between which values it stays.

        Returns
        -------
        (float, float)
            Least and greatest value it can take.
        """
        raise NotImplementedError

    def allocate(self, runs):
        """Make the arrays that change.

        Parameters
        ----------
        runs : int
            R.

        Returns
        -------
        dict of str to ndarray
            ``value`` float64 [R] and ``ticks`` int64 [R].
        """
        kind, start, final, rate, table = self.parameters()
        return {"value": spread(table[0] if kind == 4 else start, runs), "ticks": np.zeros(runs, np.int64)}

    def bind(self, arrays, backend):
        """Make the kernel over these arrays.

        Parameters
        ----------
        arrays : dict of str to ndarray
            As ``allocate`` makes them.
        backend : {"cython", "numpy"}
            Which kernel.

        Returns
        -------
        object
            The kernel, which ticks.
        """
        kind, start, final, rate, table = self.parameters()
        n_runs = len(arrays["value"])
        return kernels(backend, "schedules").Schedule(
            kind, getattr(self, "per", "step") == "episode", spread(start, n_runs), spread(final, n_runs),
            spread(rate, n_runs), np.asarray(table, np.float64), arrays["value"], arrays["ticks"])

    @property
    def waits_for_ends(self):
        """Whether it changes, and does so only where an episode ends."""
        low, high = self.bounds()
        return getattr(self, "per", "step") == "episode" and low < high

    def reaches(self, value):
        """Find the first tick at which it is at most ``value``, up to rounding.

        Parameters
        ----------
        value : float
            To be reached from above.

        Returns
        -------
        float, or float64 [R]
            Infinite: never.
        """
        kind, start, final, rate, table = self.parameters()
        if kind == 5:
            return np.inf
        if kind == 4:
            return next((float(t) for t, v in enumerate(table) if v <= value), np.inf)
        start, final, rate = (np.asarray(x, np.float64) for x in (start, final, rate))
        with np.errstate(divide="ignore", invalid="ignore"):
            ticks = {0: np.full_like(start, np.inf), 1: (start - value) / (start - final) * rate,
                     2: np.log(value / start) / np.log(rate), 3: (start / value - 1.0) / rate}[kind]
        never = (final > value) | ~np.isfinite(ticks)
        if kind == 2:
            ticks, never = np.where(rate == 0.0, 1.0, ticks), never & ((rate != 0.0) | (final > value))
        return np.where(start <= value, 0.0, np.where(never, np.inf, np.ceil(ticks)))


@dataclass(frozen=True, repr=False, eq=False)
class Constant(Schedule):
    """The same value always.

    Parameters
    ----------
    value : float, or sequence of float [R]
        Always the same, or the same of each run.

    See Also
    --------
    Linear : Falls or rises.

    Examples
    --------
    >>> from marlfast import schedules
    >>> schedules.Constant(0.1).bounds()
    (0.1, 0.1)
    """

    name = "constant"
    value: float = option(per_run=True)

    def __post_init__(self):
        self._set(value=real_per_run("value", self.value))

    def bounds(self):
        return float(np.min(self.value)), float(np.max(self.value))

    def parameters(self):
        """Give it as its kernel takes it.

        Returns
        -------
        tuple
            Kind, start, final value, rate, and table.
        """
        return 0, self.value, self.value, 0.0, ()


@dataclass(frozen=True, repr=False, eq=False)
class Linear(Schedule):
    """From ``start`` to ``end`` in ``duration`` ticks, then ``end``.

    Parameters
    ----------
    start, end : float, or sequence of float [R]
        At first, and at last.
    duration : int, or sequence of int [R]
        Ticks in between, at least 1.
    per : {"step", "episode"}
        What a tick is.

    See Also
    --------
    Exponential : Falls by a factor.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.IQL(explore=mf.EpsilonGreedy(mf.schedules.Linear(1.0, 0.0, 400)))
    >>> mf.train(mf.games.StagHunt(), learner, episodes=500, seed=0).policy(0)(0).tolist()
    [1, 1]
    """

    name = "linear"
    start: float = option(per_run=True)
    end: float = option(per_run=True)
    duration: int = option(per_run=True)
    per: str = "step"

    def __post_init__(self):
        self._set(start=real_per_run("start", self.start), end=real_per_run("end", self.end),
                  duration=real_per_run("duration", self.duration, 1, 2**62, integer),
                  per=choice("per", self.per, _PER))
        together(self)

    def bounds(self):
        return (float(min(np.min(self.start), np.min(self.end))),
                float(max(np.max(self.start), np.max(self.end))))

    def parameters(self):
        """Give it as its kernel takes it.

        Returns
        -------
        tuple
            Kind, start, final value, rate, and table.
        """
        return 1, self.start, self.end, self.duration, ()


@dataclass(frozen=True, repr=False, eq=False)
class Exponential(Schedule):
    """Multiplied by ``decay`` at every tick, never below ``minimum``.

    Parameters
    ----------
    start : float, or sequence of float [R]
        At first.
    decay : float, or sequence of float [R]
        Factor of every tick.
    minimum : float, or sequence of float [R]
        It never falls below.
    per : {"step", "episode"}
        What a tick is.

    See Also
    --------
    Harmonic : Falls more and more slowly.

    Examples
    --------
    >>> from marlfast import schedules
    >>> schedules.Exponential(1.0, 0.99, minimum=0.05).reaches(0.5).item()
    69.0
    """

    name = "exponential"
    start: float = option(per_run=True)
    decay: float = option(per_run=True)
    minimum: float = option(0.0, per_run=True)
    per: str = "step"

    def __post_init__(self):
        self._set(start=real_per_run("start", self.start), decay=real_per_run("decay", self.decay, 0.0, 1.0),
                  minimum=real_per_run("minimum", self.minimum), per=choice("per", self.per, _PER))
        together(self)
        if np.any(np.asarray(self.minimum) > self.start):
            raise ValueError(f"minimum: expected at most start ({shown(self.start)}), got {shown(self.minimum)}")

    def bounds(self):
        return float(np.min(self.minimum)), float(np.max(self.start))

    def parameters(self):
        """Give it as its kernel takes it.

        Returns
        -------
        tuple
            Kind, start, final value, rate, and table.
        """
        return 2, self.start, self.minimum, self.decay, ()


@dataclass(frozen=True, repr=False, eq=False)
class Harmonic(Schedule):
    """``start / (1 + rate * t)``, never below ``minimum``.

    Parameters
    ----------
    start : float, or sequence of float [R]
        At first.
    rate : float, or sequence of float [R]
        How fast it falls.
    minimum : float, or sequence of float [R]
        It never falls below.
    per : {"step", "episode"}
        What a tick is.

    See Also
    --------
    Exponential : Falls by a factor.

    Examples
    --------
    >>> from marlfast import schedules
    >>> schedules.Harmonic(1.0, 0.1).reaches(0.5).item()
    10.0
    """

    name = "harmonic"
    start: float = option(per_run=True)
    rate: float = option(per_run=True)
    minimum: float = option(0.0, per_run=True)
    per: str = "step"

    def __post_init__(self):
        self._set(start=real_per_run("start", self.start), rate=real_per_run("rate", self.rate, 0.0),
                  minimum=real_per_run("minimum", self.minimum), per=choice("per", self.per, _PER))
        together(self)
        if np.any(np.asarray(self.minimum) > self.start):
            raise ValueError(f"minimum: expected at most start ({shown(self.start)}), got {shown(self.minimum)}")

    def bounds(self):
        return float(np.min(self.minimum)), float(np.max(self.start))

    def parameters(self):
        """Give it as its kernel takes it.

        Returns
        -------
        tuple
            Kind, start, final value, rate, and table.
        """
        return 3, self.start, self.minimum, self.rate, ()


@dataclass(frozen=True, repr=False, eq=False)
class Table(Schedule):
    """``values[t]`` at tick t; the last value from then on.

    Parameters
    ----------
    values : sequence of float
        One of each tick, the same in every run.
    per : {"step", "episode"}
        What a tick is.

    See Also
    --------
    Linear : Two values and all in between.

    Examples
    --------
    >>> from marlfast import schedules
    >>> schedules.Table([1.0, 0.5, 0.1]).bounds()
    (0.1, 1.0)
    """

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
        """Give it as its kernel takes it.

        Returns
        -------
        tuple
            Kind, start, final value, rate, and table.
        """
        return 4, self.values[0], 0.0, 0.0, self.values


@dataclass(frozen=True, repr=False, eq=False)
class VisitCount(Schedule):
    """``start / (1 + rate * visits) ** power`` in each row of a table, never below ``minimum``; a learning rate.

    Parameters
    ----------
    start : float or sequence of float [R]
        In a row that was never visited. A sequence has one number per run, here as for ``rate`` and ``minimum``.
    rate : float or sequence of float [R]
        At least 0.
    power : float
        At least 0. Values with ``0.5 < power <= 1`` fall slowly enough for whatever is to be learned to be reached, and
        fast enough for chance to average out.
    minimum : float or sequence of float [R]
        At most ``start``.

    See Also
    --------
    Harmonic : The same by steps or episodes.
    IQL : Which counts the visits of a row: how often its action values were updated.

    Notes
    -----
    Visits are those of a row, whatever was done there: an action that is rarely taken counts the others. Where an
    observation is in several rows, those of the first one count. Learners that take it: ``iql``, ``expected_sarsa``,
    ``hysteretic_q``, ``frequency_adjusted_q``, ``double_q``.

    References
    ----------
    H. Robbins, S. Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22 (1951); for
    Q-learning: E. Even-Dar, Y. Mansour, "Learning rates for Q-learning", JMLR 5 (2003).

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.IQL(mf.schedules.VisitCount(power=0.7))
    >>> mf.train(mf.games.StagHunt(), learner, episodes=1000, seed=0).visits[0, 0].tolist()
    [1000, 1000]
    """

    name = "visit_count"
    start: float = option(1.0, per_run=True)
    rate: float = option(1.0, per_run=True)
    power: float = 1.0
    minimum: float = option(0.0, per_run=True)

    def __post_init__(self):
        self._set(start=real_per_run("start", self.start), rate=real_per_run("rate", self.rate, 0.0),
                  power=real("power", self.power, 0.0), minimum=real_per_run("minimum", self.minimum))
        together(self)
        if np.any(np.asarray(self.minimum) > self.start):
            raise ValueError(f"minimum: expected at most start ({shown(self.start)}), got {shown(self.minimum)}")

    def bounds(self):
        return float(np.min(self.minimum)), float(np.max(self.start))

    def parameters(self):
        return 5, self.start, self.minimum, self.rate, (self.power,)


def schedules_of(definition, where=""):
    """All schedules of a definition and its parts: list of (place such as ``"explore.epsilon"``, Schedule)."""
    if definition.kind == "exploration" and hasattr(definition, "schedule"):
        return [(where + definition.parameter, definition.schedule)]
    found = []
    for f in dataclasses.fields(definition):
        value = getattr(definition, f.name)
        several = isinstance(value, tuple)
        for k, part in enumerate(value if several else (value,)):
            if isinstance(part, Schedule):
                found.append((where + f.name, part))
            elif isinstance(part, Definition):
                found += schedules_of(part, where + (f"{f.name}.{k}." if several else f"{f.name}."))
    return found


def known_schedule(name, value):
    """Refuse a text that names no schedule where a number could stand too."""
    if isinstance(value, str) and value not in names("schedule"):
        hint = str(unknown("schedule", value, names("schedule"))).partition("; ")[2]
        raise ValueError(f"{name}: expected a number, or the name of a schedule ({', '.join(names('schedule'))}), "
                         f"got {shown(value)}" + (f"; {hint}" if hint.startswith("did you mean") else ""))


def schedule(name, value, minimum=None, maximum=None, visits=False):
    """``value`` as a schedule (a number is a constant one) of values in [minimum, maximum]; of ``visits``, or not."""
    if isinstance(value, (list, tuple, np.ndarray)) or isinstance(value, numbers.Real) and not isinstance(value, bool):
        return Constant(real_per_run(name, value, minimum, maximum))
    known_schedule(name, value)
    value = require("schedule", value, name)
    if isinstance(value, VisitCount) and not visits:
        raise ValueError(f"{name}: visit_count counts the visits of a table's rows, which nobody counts here; give "
                         "another schedule, such as harmonic (the learning_rate of iql, expected_sarsa, hysteretic_q, "
                         "frequency_adjusted_q and double_q may count them)")
    for bound in value.bounds():
        real(f"{name} (a value of its schedule)", bound, minimum, maximum)
    return value


def per_run_field(name, value):
    """A field that may be a schedule: a sequence becomes one number per run, all else stays as it is."""
    return real_per_run(name, value) if isinstance(value, (list, tuple, np.ndarray)) else value
