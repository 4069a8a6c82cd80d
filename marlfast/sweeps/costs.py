"""What a sweep will cost, measured on a few of its runs before it is begun."""
import inspect
import io
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marlfast.errors import choice, real
from marlfast.result import Result
from marlfast.session import Session
from marlfast.stop import UNLIMITED
from marlfast.sweeps.chunks import content
from marlfast.sweeps.engines import processors
from marlfast.sweeps.folder import TABLES
from marlfast.sweeps.run import prepare
from marlfast.sweeps.store import Store
from marlfast.sweeps.tables import Table
from marlfast.sweeps.work import _files, _measured, _packed, bin_width, summary

PLACES = 5                  # where in the plan runs are tried
MAX_RUNS = 4096            # of a place


@dataclass(frozen=True)
class Cost:
    """What a sweep will cost.

    Parameters
    ----------
    points, seeds, runs : int
        How many.
    seconds : float
        Of one core, for a run: the mean over the places that were tried.
    slowest : float
        The same at the place where it took longest.
    steps : float
        Of a run, on average; where runs may end early, at most.
    chunk_bytes, table_bytes, result_bytes : float
        Of a run, in each of these.
    tried : int
        Runs that were trained for it.
    finished : bool
        Whether these came to their ends; else how long that takes is told from how far they came.

    See Also
    --------
    cost : Measures it.

    Examples
    --------
    >>> from marlfast import sweeps
    >>> found = sweeps.Cost(points=4, seeds=1000, runs=4000, seconds=1.8, slowest=2.0, steps=1e6, chunk_bytes=800.0,
    ...                     table_bytes=100.0, result_bytes=0.0, tried=20, finished=True)
    >>> found.core_hours, found.bytes
    (2.0, 3600000.0)
    """

    points: int
    seeds: int
    runs: int
    seconds: float
    slowest: float
    steps: float
    chunk_bytes: float
    table_bytes: float
    result_bytes: float
    tried: int
    finished: bool

    @property
    def core_hours(self):
        """Of all runs."""
        return self.runs * self.seconds / 3600.0

    @property
    def bytes(self):
        """Of the folder, when all is done."""
        return self.runs * (self.chunk_bytes + self.table_bytes + self.result_bytes)

    def text(self):
        """Tell it in a few lines.

        Returns
        -------
        str
            Without an end of line.
        """
        each = f"{self.steps:,.0f} steps, {_time(self.seconds)} of a core"
        spread = f" ({_time(self.slowest)} where it takes longest)" if self.slowest > 1.2 * self.seconds else ""
        results = f", results {_size(self.runs * self.result_bytes)}" if self.result_bytes else ""
        here = processors()
        how = "" if self.finished else ", none of which came to its end: that is told from how far they came"
        return (f"{self.points:,} points x {self.seeds:,} seeds = {self.runs:,} runs\n"
                f"A run: {each}{spread}\n"
                f"All: {self.core_hours:,.3g} core hours; {_time(self.core_hours * 3600.0 / here)} on the {here} "
                f"processors here\n"
                f"Folder: {_size(self.bytes)} (chunks {_size(self.runs * self.chunk_bytes)}, table "
                f"{_size(self.runs * self.table_bytes)}{results})\n"
                f"Measured on {self.tried:,} runs{how}.")


def cost(experiment, learner=None, *, try_seconds=5.0, table="csv", **options):
    """Measure on a few runs what a sweep will cost; nothing is written.

    Parameters
    ----------
    experiment : Experiment, Game, dict or str
        What all points have in common; a game needs a ``learner``.
    learner : Learner, optional
        Of the whole team.
    try_seconds : float
        About how long to measure.
    table : {"csv", "parquet"}
        As what the table will be written.
    **options
        As for :func:`marlfast.sweep`: what is swept over what, and how long a run is.

    Returns
    -------
    Cost
        Core hours and bytes.

    See Also
    --------
    sweep : Does it.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import sweeps
    >>> found = sweeps.cost(mf.games.PrisonersDilemma(), mf.IQL(), over={"learner.discount": [0.0, 0.9]}, seeds=1000,
    ...                     seed=0, steps=50, try_seconds=0.1)
    >>> found.runs, found.steps
    (2000, 50.0)
    """
    known = set(inspect.signature(prepare).parameters)
    options = {name: value for name, value in options.items() if name in known or value is not None}
    plan, how, _, manifest = prepare(experiment, learner, **options)
    choice("table", table, tuple(TABLES))
    seconds = real("try_seconds", try_seconds, 0.0) / PLACES
    total, found = plan.hi - plan.lo, []
    for place in dict.fromkeys(plan.lo + total * (2 * k + 1) // (2 * PLACES) for k in range(PLACES)):
        one, ended = _tried(plan, how, place, 1, seconds / 2, table)
        if ended:
            runs = int(min(MAX_RUNS, plan.hi - place, max(1.0, seconds / 2 / max(one["seconds"], 1e-6))))
            if runs > 1:
                one, ended = _tried(plan, how, place, runs, math.inf, table)
        found.append((one, ended))
    mean = {key: float(np.mean([one[key] for one, _ in found])) for key in found[0][0]}
    return Cost(plan.points.count, len(plan.seeds), total, mean["seconds"], max(one["seconds"] for one, _ in found),
                mean["steps"], mean["chunk"], mean["table"], mean["result"], sum(int(one["runs"]) for one, _ in found),
                all(ended for _, ended in found))


def _tried(plan, how, place, runs, seconds, table):
    """What some runs from a place on cost, each, and whether they came to their ends."""
    begun, busy = time.perf_counter(), time.thread_time()       # what others take of the core is not the sweep's
    segment = plan.task(place, min(place + runs, plan.hi), how).segments[0]
    try:
        experiment = _packed(type("", (), {"changes": plan.changes}), segment)
    except (TypeError, ValueError):             # runs may not differ in it: the first goes alone
        experiment = plan.experiment_at(int(segment.points[0]), segment.seeds[0])
        segment = segment.some(0, 1)
    session = Session(experiment, None, how["backend"])
    n = len(segment.runs)

    class Enough(Exception):
        pass

    def on_block(session):
        if time.perf_counter() - begun > seconds:
            raise Enough

    ended = True
    try:
        session.work(1, how["block"], on_block)
    except Enough:
        ended = not session.running().any()
    arrays, limits = session.arrays, experiment.resolved.limits
    steps, episodes = float(arrays["steps"].mean()), float(arrays["episodes"].mean())
    share = 1.0 if ended else max(steps / limits.steps if limits.steps < UNLIMITED else 0.0,
                                  episodes / limits.episodes if limits.episodes < UNLIMITED else 0.0, 1e-12)
    result = Result(experiment, arrays)
    kept = {"run": segment.runs, **summary(result, how["bins"])}
    kept |= _measured(how["measure"], result) if how["measure"] else {}
    record_every = experiment.record_every
    final = int(episodes / share) // record_every if record_every else 0
    more = max(0, -(-final // bin_width(final, how["bins"])) - kept["sums"].shape[1]) if final and not ended else 0
    each = _files(result, segment.runs) if how["keep"] == "results" else {}
    taken = time.thread_time() - busy
    # The chunks that stay have thousands of runs: what a file holds beside them does not count.
    chunk = sum(array.nbytes for name, array in kept.items() if name != "run") / n + 8 * more * experiment.game.agents
    return {"seconds": taken / n / share, "steps": steps / share, "chunk": chunk, "runs": n,
            "table": _row(plan, place, n, kept, table), "result": sum(map(len, each.values())) / n}, ended


def _row(plan, place, n, arrays, table):
    """Bytes of a row of the table, without what stands there once; of Parquet, of the numbers that differ."""
    if table == "parquet":
        return 8.0 * (1 + arrays["returns"].shape[1] + sum(name.startswith("measure.") for name in arrays)) + 4.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        path.write_bytes(content(b"0" * 16, place, place + n, arrays))
        one, file = Table(Store(plan, [(place, place + n, path)], b"0" * 16)), io.BytesIO()
        one.write_csv(file)
        return (file.tell() - file.getvalue().index(b"\n") - 1) / n


def _time(seconds):
    if seconds < 1.0:
        return f"{1e6 * seconds:,.3g} us" if seconds < 1e-3 else f"{1e3 * seconds:,.3g} ms"
    if seconds < 120.0:
        return f"{seconds:.3g} s"
    return f"{seconds / 60.0:.3g} min" if seconds < 7200.0 else f"{seconds / 3600.0:,.3g} h"


def _size(size):
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000.0 or unit == "TB":
            return f"{size:.3g} {unit}"
        size /= 1000.0
