"""Rows: importing, memory, and what a sweep adds."""
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast.bench.measuring import Row, row, runs_in_words, seconds
from marlfast.bench.peers import BINS, HORIZON, ROOT, Unavailable, experiment
from marlfast.session import Session


def _fresh(code, *arguments):
    """What a fresh Python prints when it runs some code; this package is the one it imports."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    # Compiled once and kept, as an installed package is: else it would be compiled at every import.
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
                          env=environment)
    if done.returncode:
        raise Unavailable(f"a fresh Python failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout


_IMPORT = "import time; begun = time.thread_time(); import {}; print(time.thread_time() - begun)"


def bench_import(effort):
    """How much longer ``import marlfast`` takes than ``import numpy``, in fresh processes."""
    both = [_IMPORT.format(module) for module in ("marlfast", "numpy")]
    for code in both:       # once, so that files are cached and byte code is written
        _fresh(code)
    values, base = [], []
    for _ in range(effort.pairs if effort.quick else 3 * effort.pairs):
        ours, theirs = (float(_fresh(code)) * 1e3 for code in both)
        values.append(ours - theirs)
        base.append(theirs)
    yield row("import", "import marlfast - import numpy", values, unit="ms", target=50.0, at_least=False,
              note=f"import numpy {statistics.median(base):.0f} ms")


# Prints the greatest memory of its own process, as Linux counts it since the process began. (ru_maxrss
# will not do: a child begins with its parent's.) Few cells, so that new cells do not count as growth.
_PEAK = """
import sys
from marlfast import train
from marlfast.bench.peers import experiment
train(experiment(int(sys.argv[1]), 4, bins=(20, 4), record_every=0), threads=1)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def bench_memory(effort):
    """Peak memory of ten times the steps; what is held beside the tables."""
    yield _peak_of_process(effort)
    yield _peak_of_steps(effort)
    yield _beside_tables(effort)


def _peak_of_process(effort):
    what = "peak of the process, 10 times the steps / once"
    if not Path("/proc/self/status").exists():
        return Row("memory", what, target=1.02, at_least=False, skipped=True, note="needs /proc (Linux)")
    episodes = 200 if effort.quick else 5000
    values, peaks = [], []
    for _ in range(2 if effort.quick else 3):
        once, more = (float(_fresh(_PEAK, n)) / 1024 for n in (episodes, 10 * episodes))
        values.append(more / once)
        peaks.append(once)
    return row("memory", what, values, target=1.02, at_least=False,
               note=f"{statistics.median(peaks):.1f} MB after {4 * HORIZON * episodes:,} steps")


@contextlib.contextmanager
def _traced():
    """Count what Python and NumPy allocate."""
    already = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        yield
    finally:
        if not already:
            tracemalloc.stop()


def _growth(episodes, runs, bins):
    """Bytes that a training holds at its most beyond what it holds after its first block."""
    first = []

    def after_block(_):
        if not first:
            tracemalloc.reset_peak()
            first.append(tracemalloc.get_traced_memory()[0])

    with _traced():
        mf.train(experiment(episodes, runs, bins, record_every=0), threads=1, callback=after_block)
        return tracemalloc.get_traced_memory()[1] - first[0]


def _peak_of_steps(effort):
    episodes, values, peaks = 200 if effort.quick else 2000, [], []
    for _ in range(3):
        both = []
        for n in (episodes, 10 * episodes):
            with _traced():
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                mf.train(experiment(n, 4, (20, 4), record_every=0), threads=1)
                both.append(tracemalloc.get_traced_memory()[1] - before)
        values.append(both[1] / both[0])
        peaks.append(both[0])
    return row("memory", "Python's peak, 10 times the steps / once", values, target=1.02, at_least=False,
               note=f"{statistics.median(peaks) / 1024:.0f} kB after {4 * HORIZON * episodes:,} steps")


def _beside_tables(effort):
    runs = 64
    values = [_growth(20 if effort.quick else 500, runs, BINS) / runs for _ in range(3)]
    # Draws of one block, were they held for every run: 2048 of each of five streams.
    return row("memory", "Python's peak beyond the first block, a run", values, unit="B", target=5 * 2048 * 8.0,
               at_least=False, note=runs_in_words(runs))


def bench_sweep(effort):
    """What a sweep adds to its compiled calls: planning, handing out, tables and files."""
    seeds, steps = (1, 5_000) if effort.quick else (2, 100_000)
    rates, levels = np.linspace(0.05, 0.95, 20).tolist(), np.linspace(0.01, 0.5, 20).tolist()
    base = mf.Experiment(mf.games.PrisonersDilemma(), mf.IQL(explore=mf.EpsilonGreedy(0.1)), steps=steps,
                         record_every=100)
    together = base.replace(
        learner=mf.IQL(np.repeat(rates, 20 * seeds), explore=mf.EpsilonGreedy(np.tile(np.repeat(levels, seeds), 20))),
        runs=400 * seeds, seed=list(range(seeds)) * 400)
    over = {"learner.learning_rate": rates, "learner.explore.epsilon": levels}
    values, swept = [], []
    for _ in range(min(3, effort.pairs)):
        session = Session(together)
        bare = seconds(lambda _, session=session: session.work(1), 1, time.process_time)
        with tempfile.TemporaryDirectory() as folder:
            swept.append(seconds(lambda _, folder=folder: mf.sweep(base, over=over, seeds=seeds, out=f"{folder}/sweep",
                                                                   workers=1), 1, time.process_time))
        values.append(100.0 * (swept[-1] / bare - 1.0))
    yield row("sweep", f"a sweep - its compiled calls, {400 * seeds} runs of {steps:,} steps", values, unit="%",
              target=None if effort.quick else 5.0, at_least=False,
              note=f"the sweep {statistics.median(swept):.1f} s of processor time")
