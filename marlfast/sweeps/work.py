"""What a worker does with a task: train its runs, and put what the sweep keeps of each into arrays.

All arrays have one entry per run and depend on nothing but that run, so that it does not matter with which others it
was trained.
"""
import contextlib
import io
import math
import socket
import sys
import time
from pathlib import Path

import numpy as np

from marlfast.disk import write_atomically
from marlfast.doubts import of_runs
from marlfast.errors import TrainingError, shown
from marlfast.files import load, write
from marlfast.registry import functions_of
from marlfast.result import Result
from marlfast.session import Session, allocate
from marlfast.stop import FAILED, UNLIMITED
from marlfast.sweeps.chunks import name_of

MAX_BYTES = 2**27          # of tables and records in one call
COLUMNS = ("point", "seed", "steps", "episodes", "stop_reason", "failed", "team_return")


class Stopped(Exception):
    """Ctrl-C, or the sweep is over: what was under way is given up."""


def work(task, stop=None):
    """Train the runs of a task.

    Parameters
    ----------
    task : Task
    stop : threading.Event, optional
        Set: give up.

    Returns
    -------
    arrays : dict of str to ndarray [n, ...]
    results : dict of int to bytes
        The file of each run, where results are kept.
    seconds : float
    node : str
        Where it was done.
    """
    begun, at = time.perf_counter(), task.lo
    parts, results = [], {}
    for segment in task.segments:
        for experiment, some in calls(task, segment):
            session = _train(experiment, task.how, stop, name_of(at, at + len(some.runs)))
            at += len(some.runs)
            result = Result(experiment, session.arrays)
            arrays = {"run": some.runs, "doubts": of_runs(result), **summary(result, task.how["bins"])}
            if task.how["measure"] is not None:
                arrays |= _measured(task.how["measure"], result)
            if task.how["keep"] == "results":
                results |= _files(result, some.runs)
            parts.append(arrays)
    return join(parts), results, time.perf_counter() - begun, node()


def calls(task, segment):
    """Experiments and their runs: as many in one call as there is room for."""
    runs = len(segment.runs)
    try:
        experiment = _packed(task, segment)
    except (TypeError, ValueError):
        # Something does not let runs differ in it: each point goes alone, and says what is wrong with it, if anything.
        experiment = None
    if experiment is not None:
        most = _most_runs(experiment, task.how["backend"]) if runs > 1 else 1
        edges = [*range(0, runs, most), runs]
    else:
        edges = [0, *(np.flatnonzero(np.diff(segment.points)) + 1).tolist(), runs]
    for lo, hi in zip(edges, edges[1:], strict=False):
        if experiment is not None:
            yield experiment if hi - lo == runs else _packed(task, segment.some(lo, hi)), segment.some(lo, hi)
            continue
        point = segment.some(lo, hi)
        alone = task.changes.make(point.fixed | {name: values[0] for name, values in point.packed.items()},
                                  runs=hi - lo, seed=point.seeds, first_run=0)
        most = _most_runs(alone, task.how["backend"])
        for a in range(0, hi - lo, most):
            some = point.some(a, a + most)
            yield alone.replace(runs=len(some.seeds), seed=some.seeds), some


def _packed(task, segment):
    values = {name: values[0] if len(set(values)) == 1 else values for name, values in segment.packed.items()}
    return task.changes.make(segment.fixed | values, runs=len(segment.runs), seed=segment.seeds, first_run=0)


def _most_runs(experiment, backend):
    """Runs whose arrays fit into ``MAX_BYTES``."""
    one = sum(array.nbytes for array in allocate(experiment.of_run(0).resolved, backend).values())
    max_steps, max_episodes, *_ = experiment.resolved.limits
    record_every, agents = experiment.record_every, experiment.game.agents
    if record_every:
        # Where only steps are limited, a session makes room for 1,024 entries, and then for twice what it had.
        entries = max_episodes // record_every if max_episodes < UNLIMITED else \
            min(max(1024, 2 * (max_steps // record_every)),
                -(-max_steps // record_every)) if max_steps < UNLIMITED else 2**16
        one += 8 * (2 * agents + 1) * entries
    return max(1, MAX_BYTES // one)


def _train(experiment, how, stop, name):
    """All runs to their ends. One that fails does not stop the others: why it ended is in its reason."""
    kept = _Kept(experiment, how, name)

    def on_block(session):
        if stop is not None and stop.is_set():
            kept.save(session.arrays)
            raise Stopped
        kept.now_and_then(session.arrays)

    session = Session(experiment, kept.earlier(), how["backend"])
    while True:
        try:
            if session.work(1, how["block"], on_block):
                kept.save(session.arrays)
                raise Stopped
            return session
        except TrainingError:
            failed = set(np.flatnonzero(session.arrays["reason"] >= FAILED).tolist())
            if not failed - session.failed_before:
                kept.save(session.arrays)
                raise
            session = Session(experiment, session.arrays, how["backend"])
        except Stopped:
            raise
        except BaseException:           # whatever leaves a game: what was learned is not its to lose
            kept.save(session.arrays)
            raise


class _Kept:
    """What runs that take long have learned so far, in a file beside the chunks: where that folder can be seen.

    Parameters
    ----------
    experiment : Experiment
    how : dict
    name : str
        Of the file: where the runs stand in the plan's order.
    """

    def __init__(self, experiment, how, name):
        self.experiment, self.backend = experiment, how["backend"]
        self.seconds = how.get("interval_seconds", math.inf)
        self.path = Path(how["running"]) / f"{name}.npz" if how.get("running") else None
        self.last = time.perf_counter()

    def earlier(self):
        """Arrays that were kept when the sweep, or a worker, ended; None: there are none of this experiment."""
        if self.path is None or not self.path.exists():
            return None
        game = self.experiment.game
        try:
            found = load(self.path, self.backend, game if functions_of(game.to_dict()) else None)
        except (OSError, ValueError):
            return None                         # not whole, or of something else: it is trained from the start
        return found.arrays if found.experiment.to_dict() == self.experiment.to_dict() else None

    def now_and_then(self, arrays):
        """Called after each block."""
        if time.perf_counter() - self.last >= self.seconds:
            self.save(arrays)

    def save(self, arrays):
        """Write, where that can be done; what cannot be written now may be later."""
        if self.path is not None and (self.path.parent.parent / "sweep.json").exists():
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(exist_ok=True)
                result = Result(self.experiment, arrays)
                write_atomically(self.path, lambda file: write(result, file))
        self.last = time.perf_counter()


def node():
    """The name of this machine, and in a cluster of Ray or Dask that of its part of it."""
    name = socket.gethostname()
    ray, distributed = sys.modules.get("ray"), sys.modules.get("distributed")
    with contextlib.suppress(Exception):        # whatever they say where this is no worker of theirs
        if ray is not None and ray.is_initialized():
            return f"{name}/{ray.get_runtime_context().get_node_id()[:6]}"
        if distributed is not None:
            return f"{name}/{distributed.get_worker().name}"
    return name


def summary(result, bins):
    """What is kept of each run: its ends, its last returns and its learning curve."""
    e, arrays = result.experiment, result.arrays
    runs, agents = len(result.steps), e.game.agents
    entries = arrays["episodes"] // e.record_every if e.record_every else np.zeros(runs, np.int64)
    found = {"steps": arrays["steps"].copy(), "episodes": arrays["episodes"].copy(), "reason": arrays["reason"].copy(),
             "agents": np.full(runs, agents, np.int64), "entries": entries,
             "width": np.array([bin_width(n, bins) for n in entries.tolist()], np.int64),
             "returns": np.full((runs, agents), np.nan)}
    most = max((-(-n // w) for n, w in zip(entries.tolist(), found["width"].tolist(), strict=True)), default=0)
    found["sums"] = np.full((runs, most, agents), np.nan)
    for n in np.unique(entries[entries > 0]).tolist():
        here = np.flatnonzero(entries == n)
        returns = arrays["returns"][:, :n] if len(here) == runs else arrays["returns"][here, :n]
        tail = max(1, int(round(n * 0.1)))
        # Unlike sum and mean, reduceat adds along the axis in an order that no other axis has a part in.
        found["returns"][here] = np.add.reduceat(returns, [n - tail], axis=1)[:, 0] / tail
        starts = np.arange(0, n, bin_width(n, bins))
        found["sums"][here, :len(starts)] = np.add.reduceat(returns, starts, axis=1)
    return found


def bin_width(entries, bins):
    """Entries per bin: 1, 2, 10, 20, 100 and so on, of which each divides the next; the first that gives few enough."""
    width, factor = 1, 2
    while -(-entries // width) > bins:
        width, factor = width * factor, 7 - factor
    return width


def _measured(measure, result):
    """Columns that a user's function adds."""
    runs = len(result.steps)
    found = measure(result)
    if not isinstance(found, dict):
        raise TypeError(f"measure: expected a dictionary of arrays, got {shown(found)}")
    columns = {}
    for name, values in found.items():
        if not isinstance(name, str) or name in COLUMNS or name.startswith("return_"):
            raise ValueError(f"measure: {name!r} cannot be the name of a column; the sweep has one, or it is no word")
        array = np.asarray(values)
        if array.shape != (runs,) or array.dtype.kind not in "biufU":
            raise ValueError(f"measure: {name}: expected one number or word per run, shape ({runs},), got "
                             f"{array.dtype.name} {array.shape}")
        kind = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}.get(array.dtype.kind)
        columns[f"measure.{name}"] = array.astype(kind) if kind else array
    return columns


def _files(result, runs):
    """The file of each run, as if it had been trained alone."""
    files = {}
    for r, run in enumerate(runs.tolist()):
        alone = Result(result.experiment.of_run(r), {name: array[r:r + 1] for name, array in result.arrays.items()})
        file = io.BytesIO()
        write(alone, file)
        files[run] = file.getvalue()
    return files


def join(parts):
    """Arrays of several calls one after the other; where some have more bins or agents, the rest is NaN."""
    if len(parts) == 1:
        return parts[0]
    joined = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts if name in part]
        if len(arrays) < len(parts):
            raise ValueError(f"measure: {name.partition('.')[2]} is not there for all runs")
        shape = np.max([array.shape[1:] for array in arrays], axis=0).astype(int) if arrays[0].ndim > 1 else ()
        padded = [array if array.shape[1:] == tuple(shape) else _padded(array, shape) for array in arrays]
        joined[name] = np.concatenate(padded)
    more = {name for part in parts for name in part} - set(joined)
    if more:
        raise ValueError(f"measure: {sorted(more)[0].partition('.')[2]} is not there for all runs")
    return joined


def _padded(array, shape):
    larger = np.full((len(array), *shape), np.nan)
    larger[tuple(slice(n) for n in array.shape)] = array
    return larger
