"""The plan of a sweep: its runs, in the order in which they are trained, and how they are cut into tasks.

A run is a point and a seed; its number is ``point * seeds + k``. Runs whose parameters may differ within one compiled
call make a group. A group's runs stand side by side in the *order* of the plan, and a task is a stretch of it: where
it is cut, and who trains it, changes no run.
"""
from dataclasses import dataclass, field

import numpy as np

from marlfast.errors import integer, shown
from marlfast.sweeps.order import Grid, Sample
from marlfast.sweeps.parts import Changes, StudyChanges
from marlfast.sweeps.points import column

MAX_CHECKED = 1000         # points that are made before the first of them is trained


@dataclass(frozen=True)
class Segment:
    """Runs of a task that one compiled call may train.

    Parameters
    ----------
    fixed : dict
        Values by name, the same for all of them.
    packed : dict of str to list [n]
        Values that differ from run to run.
    seeds : list of int [n]
    runs : int64 [n]
    points : int64 [n]
    """

    fixed: dict
    packed: dict
    seeds: list
    runs: np.ndarray
    points: np.ndarray

    def some(self, lo, hi):
        """The same with some of its runs."""
        return Segment(self.fixed, {name: values[lo:hi] for name, values in self.packed.items()}, self.seeds[lo:hi],
                       self.runs[lo:hi], self.points[lo:hi])


@dataclass(frozen=True)
class Task:
    """What a worker needs for runs ``lo`` to ``hi`` in the order of the plan."""

    lo: int
    hi: int
    changes: Changes
    segments: list
    how: dict = field(default_factory=dict)     # bins, measure, keep, backend, block


class Plan:
    """Runs and their order. What it holds does not grow with them, but for points that were drawn.

    Parameters
    ----------
    experiment : Experiment
        What all points have in common; of its runs and seeds nothing is used.
    values : dict of str to list
    points : Grid, Sample or int32 [P, names]
    seeds : sequence of int [S]
    shard : (int, int), optional
        Only part i of n, from 1 to n.
    study : Study, optional
        Whose experiment it is: its options are what is swept over.
    """

    def __init__(self, experiment, values, points, seeds, shard=None, study=None):
        self.changes = Changes(experiment) if study is None else StudyChanges(study, experiment)
        self.names, self.values = list(values), list(values.values())
        self.points = points if isinstance(points, (Grid, Sample)) else Sample(points)
        self.seeds = short(seeds)
        self.changes.check_names(self.names)
        self.total = self.points.count * len(self.seeds)
        i, n = shard or (1, 1)
        self.lo, self.hi = self.total * (i - 1) // n, self.total * i // n
        self.packed = self._packed()
        self.order = self.points.by([k for k, name in enumerate(self.names) if name not in self.packed])
        self._columns = {}

    def changes_at(self, point, names=None):
        """Values by name at a point."""
        digits = self.points.digits(np.array([point]))[0].tolist()
        return {name: self.values[k][digits[k]] for k, name in enumerate(self.names) if names is None or name in names}

    def experiment_at(self, point, seed=0):
        """The experiment of one run."""
        return self.changes.make(self.changes_at(point), runs=1, seed=seed, first_run=0)

    def runs(self, lo, hi):
        """Numbers of the runs that stand at ``lo`` to ``hi`` in the order: int64 [hi - lo]."""
        places, k = np.divmod(np.arange(lo, hi), len(self.seeds))
        return self.order.point(places) * len(self.seeds) + k

    def positions(self, runs):
        """Where runs stand in the order: int64 [n]."""
        points, k = np.divmod(np.asarray(runs, np.int64), len(self.seeds))
        return self.order.place(points) * len(self.seeds) + k

    def seeds_of(self, k):
        """Seeds by their numbers: int64 [n], or uint64 where one needs that."""
        most = self.seeds[-1] if isinstance(self.seeds, range) else max(self.seeds)
        kind = np.int64 if most < 2**63 else np.uint64
        if isinstance(self.seeds, range):
            return np.asarray(k).astype(kind) + kind(self.seeds[0])
        return np.array(self.seeds, kind)[k]

    def column(self, name, points):
        """Values of a swept name at points, as in the table."""
        k = self.names.index(name)
        if name not in self._columns:
            self._columns[name] = column(self.values[k])
        return self._columns[name][self.points.digits(points)[:, k]]

    def _packed(self):
        """Names whose values may differ within one call, whatever the others are."""
        numeric = [name for name, values in zip(self.names, self.values, strict=True)
                   if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)]
        columns = [k for k, name in enumerate(self.names) if name not in numeric]
        # Each combination of names and the like has parameters of its own.
        kinds = self.points.combinations(columns, MAX_CHECKED).tolist() if columns else [0]
        packed = set(numeric)
        for point in kinds:
            structure = self.changes_at(point, [self.names[k] for k in columns])
            packed = {name for name in packed if self._may_differ(name, structure, point)}
        return packed

    def _may_differ(self, name, structure, point):
        try:
            return self.changes.may_differ(name, structure)
        except (TypeError, ValueError):         # it needs the others too
            return self.changes.may_differ(name, self.changes_at(point))

    def check(self):
        """Make points that together have every value, so that what is refused is refused now."""
        chosen = []
        for k, values in enumerate(self.values):
            first = self.points.first(k)
            if len(first) > MAX_CHECKED and all(isinstance(v, (int, float)) for v in values):
                numbers = np.array(values, np.float64)[self.points.digits(first)[:, k]]
                first = first[[numbers.argmin(), numbers.argmax()]]
            chosen += list(first)[:MAX_CHECKED]
        for point in dict.fromkeys(int(p) for p in chosen or [0]):
            try:
                self.experiment_at(point)
            except (TypeError, ValueError) as error:
                raise type(error)(f"over: {error} (at {self.words(point)})") from None

    def words(self, point):
        """A point in a few words."""
        text = ", ".join(f"{name}={shown(value)}" for name, value in self.changes_at(point).items())
        return f"point {point} ({text})" if text else "the experiment"

    def missing(self, done):
        """Stretches of the order that are not done: list of (lo, hi).

        Parameters
        ----------
        done : list of (int, int)
            Stretches that do not overlap.
        """
        stretches, at = [], self.lo
        for lo, hi in [*sorted(done), (self.hi, self.hi)]:
            if at < lo:
                stretches.append((at, lo))
            at = max(at, hi)
        return stretches

    @staticmethod
    def cut(stretches, out):
        """Stretches without some that lie in them: list of (lo, hi)."""
        left = []
        for lo, hi in stretches:
            for a, b in sorted(out):
                if lo <= a < hi:
                    left += [(lo, a)] if lo < a else []
                    lo = b
            left += [(lo, hi)] if lo < hi else []
        return left

    def task(self, lo, hi, how):
        """What a worker needs for runs ``lo`` to ``hi`` of the order."""
        places, k = np.divmod(np.arange(lo, hi), len(self.seeds))
        points, groups = self.order.point(places), self.order.group(places)
        runs = points * len(self.seeds) + k
        edges = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(runs)]
        segments = []
        for a, b in zip(edges, edges[1:], strict=False):
            fixed = self.changes_at(points[a], [name for name in self.names if name not in self.packed])
            digits = self.points.digits(points[a:b])
            packed = {name: [self.values[j][v] for v in digits[:, j].tolist()]
                      for j, name in enumerate(self.names) if name in self.packed}
            segments.append(Segment(fixed, packed, [self.seeds[j] for j in k[a:b].tolist()], runs[a:b], points[a:b]))
        return Task(lo, hi, self.changes, segments, how)


def shard_of(given):
    """``"i/n"`` or a pair as (i, n)."""
    if given is None:
        return None
    pair = given.split("/") if isinstance(given, str) else given
    try:
        i, n = (int(x) if isinstance(x, str) else x for x in pair)
    except (TypeError, ValueError):
        raise ValueError(f"shard: expected i/n, such as 1/8, got {shown(given)}") from None
    n = integer("shard: n", n, 1)
    if not 1 <= integer("shard: i", i) <= n:
        raise ValueError(f"shard: expected 1/{n} to {n}/{n}, got {i}/{n}; shards are counted from 1")
    return i, n


def short(seeds):
    """Seeds that follow one another as a range, which takes no room; others as a list."""
    if len(seeds) > 1 and isinstance(seeds, range) and seeds.step == 1:
        return seeds
    seeds = list(seeds)
    return range(seeds[0], seeds[-1] + 1) if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[0] + len(seeds))) \
        else seeds
