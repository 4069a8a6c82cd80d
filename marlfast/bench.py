"""``marlfast bench``: one table of ratios, each of two programs timed in turn in this process.

Machines differ and are noisy, so that a time alone says little: what is reported is how many times faster
one program is than another. The two are run in turn (A B A B ...); the ratio is the median over the pairs,
shown with the least and the greatest. Compiling, warming up and finding out how much work is worth timing
come before the first pair. Where one thread does all the work its own processor time is counted, which
other programs on the machine disturb less than they do the clock on the wall.
"""
import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast.disk import write_atomically
from marlfast.games.foraging import LevelForaging
from marlfast.reproduce import Calvano2020
from marlfast.session import Session

ROOT = Path(__file__).resolve().parent.parent
AGENTS, STATE_SIZE, ACTIONS, HORIZON = 4, 2, 5, 100
LOW, HIGH, BINS = (-2.0, -4.0), (80.0, 4.0), (200, 40)
PERIODS = 1_750_000                             # about as many as a run of Calvano et al. takes
NUMPY_TARGETS = ((1, 100.0), (256, 8.0))        # runs, and how many times faster than backend="numpy"


# -- what is trained ------------------------------------------------------------------------------------


def experiment(episodes, runs=1, bins=BINS, record_every=1):
    """The training that every program here is timed on."""
    return mf.Experiment(
        mf.games.Drift(agents=AGENTS, state_size=STATE_SIZE, actions=ACTIONS, horizon=HORIZON),
        mf.IQL(learning_rate=0.1, discount=0.95, explore=mf.EpsilonGreedy(1.0, decay=0.995, minimum=0.05)),
        encoder=mf.Grid(LOW, HIGH, bins), rewards=mf.rewards.individual(),
        shaping=(mf.rewards.Diversity(0.2), mf.rewards.Redundancy(0.1)), episodes=episodes, runs=runs, seed=0,
        record_every=record_every)


def train(episodes, runs=1, threads=1, backend="cython"):
    """Train as the peers do. Returns the mean over agents of each episode's return, float64 [runs, episodes]."""
    return mf.train(experiment(episodes, runs), threads=threads, backend=backend).returns.mean(axis=2)


class Unavailable(Exception):
    """Why a row of the table cannot be measured here."""


def load_peer(name, root=ROOT):
    """A program to compare with: the module ``benchmarks/peers/name.py`` of a checkout.

    Raises
    ------
    Unavailable
        Where there is no checkout, or what the program needs is not installed.
    """
    path = Path(root) / "benchmarks" / "peers" / f"{name}.py"
    if not path.is_file():
        raise Unavailable(f"needs benchmarks/peers/{name}.py beside the package: run it from a checkout of the source")
    spec = importlib.util.spec_from_file_location(f"marlfast_peer_{name}", path)
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    if not peer.available():
        remedy = {"numba_fused": "numba is not installed: pip install 'marlfast[bench]'",
                  "own_games": "numba is not installed: pip install 'marlfast[bench]'",
                  **dict.fromkeys(("numba_calvano", "numba_markov", "numba_foraging", "numba_ia2c"),
                                  "numba is not installed: pip install 'marlfast[bench]'"),
                  "jax_vmap": "jax is not installed: pip install jax",
                  "openspiel_iql": "OpenSpiel is not installed: pip install open_spiel",
                  "pettingzoo_loop": "pettingzoo is not installed: pip install 'marlfast[pettingzoo]'",
                  "lbforaging_loop": "lbforaging is not installed: pip install lbforaging==2.0.0"}
        raise Unavailable(remedy.get(name, f"{name} cannot run here"))
    return peer


# -- measuring ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effort:
    """How long to measure: pairs per row, and seconds that the faster side of a pair takes at least."""

    pairs: int
    seconds: float

    @property
    def quick(self):
        return self.seconds < 0.5


FULL, QUICK = Effort(7, 0.5), Effort(5, 0.03)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    name : str
        The benchmark it belongs to.
    what : str
    value, low, high : float, optional
        Median, least and greatest.
    unit : str
    target : float, optional
        None: the row only informs.
    at_least : bool
        Whether the target is a lower bound.
    note : str
        Times and sizes behind the value; why it was skipped.
    skipped : bool
    """

    name: str
    what: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = "x"
    target: float | None = None
    at_least: bool = True
    note: str = ""
    skipped: bool = False

    @property
    def met(self):
        """Whether the target was met; None without a target or a value."""
        if self.target is None or self.value is None:
            return None
        return bool(self.value >= self.target if self.at_least else self.value <= self.target)

    def to_dict(self):
        return {**asdict(self), "met": self.met}


def row(name, what, values, **options):
    """A row of the median and range of some values."""
    return Row(name, what, statistics.median(values), min(values), max(values), **options)


def seconds(work, amount, clock=time.thread_time):
    """How long ``work(amount)`` takes, by the clock on the wall or (default) by this thread's processor time."""
    begun = clock()
    work(amount)
    return clock() - begun


def enough(work, least, amount=1):
    """An amount for which ``work(amount)`` takes at least ``least`` seconds; warms it up on the way."""
    while True:
        took = seconds(work, amount, time.perf_counter)
        if took >= least:
            return amount
        amount = math.ceil(amount * min(20.0, 1.2 * least / max(took, 1e-7)))


def in_turn(ours, theirs, our_amount, their_amount, pairs, clock=time.thread_time):
    """Seconds per unit of work of two programs run in turn: two lists of as many as there are pairs."""
    a, b = [], []
    for _ in range(pairs):
        a.append(seconds(ours, our_amount, clock) / our_amount)
        b.append(seconds(theirs, their_amount, clock) / their_amount)
    return a, b


def ratios(ours, theirs):
    """How many times faster ours is, pair by pair."""
    return [b / a for a, b in zip(ours, theirs, strict=True)]


def rate(per_step):
    """Steps of a team per second in words, from the seconds that each took."""
    return f"{AGENTS / statistics.median(per_step):,.0f}"


# -- the rows -------------------------------------------------------------------------------------------


def bench_seed(effort):
    """Beside the article's style of program; as many episodes a run on both sides."""
    peer, episodes = load_peer("seed_style"), 100 if effort.quick else 1000
    peer.warm_up()
    runs = enough(lambda n: train(episodes, n), effort.seconds)
    a, b = in_turn(lambda n: train(episodes, n), lambda n: peer.train(episodes, n), runs, 1, effort.pairs)
    a, b = ([t / (episodes * HORIZON) for t in side] for side in (a, b))
    yield row("seed", "training, 1 thread / seed-style program", ratios(a, b), target=600.0,
              note=f"{rate(a)} / {rate(b)} agent-steps/s, {episodes} episodes a run")


def bench_numba(effort):
    """Beside one function fused by hand and compiled by numba."""
    peer = load_peer("numba_fused")
    peer.warm_up()
    for runs in (1, 8):
        yield _beside("numba", peer, runs, effort, "numba, fused by hand", 1.2)


def bench_jax(effort):
    """Beside JAX, which has all runs side by side in arrays."""
    peer, runs = load_peer("jax_vmap"), 256
    peer.warm_up(runs=runs)
    yield _beside("jax", peer, runs, effort, "JAX (vmap, all processors)", None, fewest=10 if effort.quick else 300,
                  clock=time.perf_counter)


def _beside(name, peer, runs, effort, who, target, fewest=10, clock=time.thread_time):
    """Whole training of some runs beside a peer, as many episodes on both sides; set-up included."""
    def ours(episodes):
        train(episodes, runs)

    def theirs(episodes):
        peer.train(episodes, runs)

    episodes = max(enough(ours, effort.seconds, fewest), enough(theirs, effort.seconds, fewest))
    a, b = in_turn(ours, theirs, episodes, episodes, effort.pairs, clock)
    a, b = ([t / (runs * HORIZON) for t in side] for side in (a, b))
    return row(name, f"training, {_runs(runs)}, 1 thread / {who}", ratios(a, b), target=target,
               note=f"{rate(a)} / {rate(b)} agent-steps/s, {episodes} episodes a run")


def bench_own(effort):
    """Games of one's own, in numba and in NumPy, beside the same games compiled here; set-up included."""
    peer = load_peer("own_games")
    for what, ours, theirs, encoder, runs, target in peer.pairs():
        for game in (ours, theirs):
            peer.train(game, encoder, 1000, 1)      # compiled, and checked by itself

        def of(game, encoder=encoder, runs=runs):
            return lambda amount: peer.train(game, encoder, amount, runs)

        steps = enough(of(ours), effort.seconds, 100)
        a, b = in_turn(of(ours), of(theirs), steps, steps, effort.pairs, time.process_time)
        yield row("own", f"training, {_runs(runs)}, {what} / compiled here", ratios(b, a), target=target,
                  at_least=False, note=f"{steps} steps a run")


def _runs(n):
    return f"{n} run{'s' if n > 1 else ''}"


class _Continued:
    """Training that goes on and on; ``work(steps)`` takes every run so many steps further."""

    def __init__(self, setting, arrays, backend):
        self.session = Session(setting, arrays, backend)
        self.target = self.session.arrays["steps"].copy()

    def work(self, steps):
        self.target += steps
        if self.session.loop.advance(0, len(self.target), self.target) or (self.session.arrays["reason"] != 0).any():
            raise RuntimeError("bench: a run paused or stopped while it was timed")


def bench_numpy(effort):
    """Beside the NumPy reference: both go on from the same trained teams."""
    for runs, target in NUMPY_TARGETS:
        # Long enough that no run ends; unrecorded, so that no room for records is needed.
        setting = experiment(2**40, runs, record_every=0)
        ours = _Continued(setting, None, "cython")
        ours.work(HORIZON * (20 if effort.quick else 200))
        arrays = {name: array.copy() for name, array in ours.session.arrays.items()}
        theirs = _Continued(setting, arrays, "numpy")
        # Draws are filled for 256 steps at a time: whole multiples waste none.
        our_steps = 256 * -(-enough(ours.work, effort.seconds, 1024) // 256)
        their_steps = 64 * -(-enough(theirs.work, effort.seconds, 64) // 64)
        a, b = in_turn(ours.work, theirs.work, our_steps, their_steps, effort.pairs)
        a, b = ([t / runs for t in side] for side in (a, b))
        yield row("numpy", f'training, {_runs(runs)}, 1 thread / backend="numpy"', ratios(a, b), target=target,
                  note=f"{rate(a)} / {rate(b)} agent-steps/s")


def bench_normals(effort):
    """Filling arrays with normals beside NumPy's generator."""
    fill = mf.backends.kernels("cython", "draws").fill
    for count in (1024, 65536, 1048576):
        out, generator = np.empty((1, count)), np.random.default_rng(0)
        flat, runs, first = np.empty(count), np.zeros(1, np.int64), np.zeros(1, np.int64)

        def ours(calls, out=out, runs=runs, first=first):
            for _ in range(calls):
                fill(0, 2, runs, first, out, True)

        def theirs(calls, normal=generator.standard_normal, flat=flat):
            for _ in range(calls):
                normal(out=flat)

        least = effort.seconds / 5
        calls = max(enough(ours, least), enough(theirs, least))
        a, b = in_turn(ours, theirs, calls, calls, effort.pairs)
        a, b = ([t / count for t in side] for side in (a, b))
        yield row("normals", f"{count} normals / Generator.standard_normal(out=)", ratios(a, b), target=3.0,
                  note=f"{statistics.median(a) * 1e9:.2f} / {statistics.median(b) * 1e9:.2f} ns each")


def bench_threads(effort):
    """Two threads beside one."""
    if (os.cpu_count() or 1) < 2:
        raise Unavailable("needs two processors")
    runs = 16
    episodes = enough(lambda n: train(n, runs), effort.seconds, 500)
    work = []

    def two(episodes):
        work.append(seconds(lambda n: train(n, runs, threads=2), episodes, time.process_time))

    def one(episodes):
        work.append(seconds(lambda n: train(n, runs), episodes, time.process_time))

    a, b = in_turn(two, one, episodes, episodes, effort.pairs, time.perf_counter)
    a, b = ([t / (runs * HORIZON) for t in side] for side in (a, b))
    # Two threads that wait for each other, or for a processor that another program has, do no more work than
    # one; threads that disturb each other's caches do.
    extra = statistics.median(ratios(work[1::2], work[::2]))
    yield row("threads", f"training, {_runs(runs)}, 2 threads / 1 thread", ratios(a, b), target=1.8,
              note=f"{rate(a)} / {rate(b)} agent-steps/s; processor time of 2 threads {extra:.2f} of 1 thread's")


def bench_env(effort):
    """One step of an environment from Python."""
    actions = np.zeros((1, AGENTS), np.int32)
    for copy, target in ((True, 3.0), (False, None)):
        env = mf.games.Drift(agents=AGENTS, state_size=STATE_SIZE, actions=ACTIONS, horizon=0).env(runs=1, copy=copy)
        env.reset()

        def work(calls, step=env.step):
            for _ in range(calls):
                step(actions)

        calls = enough(work, effort.seconds / 5, 1000)
        values = [seconds(work, calls) / calls * 1e6 for _ in range(effort.pairs)]
        what = "env.step, 1 run" if copy else "env.step, 1 run, copy=False"
        yield row("env", what, values, unit="us", target=target, at_least=False)


def bench_policy(effort):
    """Decisions of a learned policy from Python; one observation, and many at once."""
    policy = mf.train(experiment(20), threads=1).policy(0)
    obs = np.random.default_rng(0).normal(0.0, 2.0, (2**16, 1, STATE_SIZE))

    def one(calls, observation=obs[0]):
        for _ in range(calls):
            policy(observation)

    def many(calls):
        for _ in range(calls):
            policy(obs)

    calls = enough(one, effort.seconds / 5, 1000)
    values = [seconds(one, calls) / calls * 1e6 for _ in range(effort.pairs)]
    yield row("policy", "policy(observation), 4 agents", values, unit="us", target=5.0, at_least=False)
    calls = enough(many, effort.seconds / 5)
    values = [calls * len(obs) * AGENTS / seconds(many, calls) / 1e6 for _ in range(effort.pairs)]
    yield row("policy", f"policy(observations), {len(obs):,} of 4 agents", values, unit="M/s", target=20.0,
              note="millions of decisions a second")


class _Steps:
    """Many runs of a game under random actions, nothing learned; ``work(calls)`` steps all of them so often."""

    def __init__(self, game, runs=1024):
        self.env, self.runs = game.env(runs=runs, copy=False), runs
        self.env.reset()
        self.actions = np.random.default_rng(0).integers(
            0, np.asarray(game.action_counts), (64, runs, game.agents), dtype=np.int32)
        self.calls = 0

    def work(self, calls):
        for k in range(self.calls, self.calls + calls):
            _, _, terminated, truncated = self.env.step(self.actions[k % 64])
            ended = terminated | truncated
            if ended.any():
                self.env.reset(ended)
        self.calls += calls


def bench_foraging(effort):
    """Beside lbforaging; observations and new episodes included."""
    peer = load_peer("lbforaging_loop")
    peer.warm_up()
    for players, size, food in ((2, 8, 2), (4, 15, 5)):
        ours, theirs = _Steps(LevelForaging(players=players, size=size, food=food)), peer.Player(players, size, food)
        calls, steps = enough(ours.work, effort.seconds), enough(theirs.work, effort.seconds)
        a, b = in_turn(ours.work, theirs.work, calls, steps, effort.pairs)
        a = [t / ours.runs for t in a]
        yield row("foraging", f"foraging {size}x{size}-{players}p-{food}f, 1 thread / lbforaging", ratios(a, b),
                  target=500.0, note=f"{1 / statistics.median(a):,.0f} / {1 / statistics.median(b):,.0f} steps of a "
                                     f"board/s, {ours.runs} boards / 1")


def bench_pettingzoo(effort):
    """A game given as arrays beside a PettingZoo environment over the same arrays, both under random actions."""
    peer = load_peer("pettingzoo_loop")
    generator, actions = np.random.default_rng(1), (3, 3)
    transitions, rewards = generator.dirichlet(np.ones(16), (16, 9)), generator.standard_normal((16, 9, 2))
    ours = _Steps(mf.games.MarkovGame(transitions, rewards, actions))
    theirs = peer.Player(transitions, rewards, actions)
    calls, steps = enough(ours.work, effort.seconds), enough(theirs.work, effort.seconds)
    a, b = in_turn(ours.work, theirs.work, calls, steps, effort.pairs)
    a = [t / ours.runs for t in a]
    yield row("pettingzoo", "MarkovGame, 16 states, 1 thread / PettingZoo", ratios(a, b), target=50.0,
              note=f"{1 / statistics.median(a):,.0f} / {1 / statistics.median(b):,.0f} steps/s, {ours.runs} runs / 1")


def bench_openspiel(effort):
    """Independent Q-learners on the prisoner's dilemma beside OpenSpiel's; one round is one episode."""
    peer = load_peer("openspiel_iql")
    game, learner = mf.games.PrisonersDilemma(), mf.IQL(0.1, explore=mf.EpsilonGreedy(0.1))
    theirs = peer.Players()

    def ours(episodes):
        mf.train(game, learner, episodes=episodes, record_every=0, threads=1)

    our_rounds, their_rounds = enough(ours, effort.seconds, 1000), enough(theirs.work, effort.seconds, 10)
    a, b = in_turn(ours, theirs.work, our_rounds, their_rounds, effort.pairs)
    yield row("openspiel", "training, prisoner's dilemma, 1 thread / OpenSpiel", ratios(a, b), target=1000.0,
              note=f"{2 / statistics.median(a):,.0f} / {2 / statistics.median(b):,.0f} agent-steps/s")


def bench_pricing(effort):
    """Pricing by Q-learning, beside one function fused by hand and compiled by numba; whole runs."""
    peer = load_peer("numba_calvano")
    peer.warm_up()
    periods = 200_000 if effort.quick else PERIODS
    study = Calvano2020(decay=7.0 / periods)        # exploration ends with the run, however short

    def ours(runs):
        study.train(runs, threads=1, stop=(), steps=periods)

    def theirs(runs):
        peer.train(runs, decay=study.decay, stable=periods + 1, most=periods)

    runs = max(enough(ours, effort.seconds), enough(theirs, effort.seconds))
    a, b = ([t / periods for t in side] for side in in_turn(ours, theirs, runs, runs, effort.pairs))
    yield row("pricing", f"pricing, {_runs(runs)}, 1 thread / numba, fused by hand", ratios(a, b),
              note=f"{1 / statistics.median(a):,.0f} / {1 / statistics.median(b):,.0f} periods/s")
    yield row("pricing", f"a run of {PERIODS:,} periods, 1 thread", [1000.0 * PERIODS * t for t in a], unit="ms",
              target=160.0, at_least=False)


def bench_markov(effort):
    """Q-learning in a game given as arrays, beside one function fused by hand and compiled by numba."""
    peer = load_peer("numba_markov")
    peer.warm_up()
    given, actions = peer.game(50), (3, 3, 3)
    game = mf.games.MarkovGame(*given, actions)

    def ours(steps):
        mf.train(game, mf.IQL(0.1, 0.95, mf.EpsilonGreedy(0.1)), steps=steps, seed=0, threads=1)

    yield _by_steps("markov", "game as arrays (50 states, 3 agents)", ours, lambda n: peer.train(given, n), 3, effort,
                    1.2)


def bench_hashed(effort):
    """Foraging by Q-learning over hashed observations, beside one function fused by hand and compiled by numba."""
    peer, horizon = load_peer("numba_foraging"), 50
    peer.warm_up()
    game = LevelForaging(players=2, size=5, food=2, horizon=horizon)

    def ours(episodes):
        mf.train(game, mf.IQL(0.1, 0.95), encoder=mf.Rounding(0), episodes=episodes, seed=0, threads=1)

    # Episodes are as long as the players make them, and those of both learn to be shorter: as many on both sides.
    episodes = max(enough(ours, effort.seconds, 500), enough(peer.train, effort.seconds, 500))
    a, b = in_turn(ours, peer.train, episodes, episodes, effort.pairs)
    yield row("hashed", "foraging, hashed observations, 1 thread / numba, fused by hand", ratios(a, b),
              note=f"{1 / statistics.median(a):,.0f} / {1 / statistics.median(b):,.0f} episodes/s, {episodes} episodes")


def bench_ia2c(effort):
    """IA2C in a repeated 2 x 2 game, beside one function fused by hand and compiled by numba."""
    peer = load_peer("numba_ia2c")
    peer.warm_up()
    game = mf.games.PrisonersDilemma(memory=1, horizon=0)

    def ours(steps):
        mf.train(game, mf.learners.IA2C(), steps=steps, seed=0, threads=1)

    yield _by_steps("ia2c", "IA2C, repeated 2 x 2 game", ours, peer.train, 2, effort, None)


def _by_steps(name, what, ours, theirs, agents, effort, target):
    """A row of two programs that take as many steps each, set-up included."""
    steps = max(enough(ours, effort.seconds, 20_000), enough(theirs, effort.seconds, 20_000))
    a, b = in_turn(ours, theirs, steps, steps, effort.pairs)
    return row(name, f"{what}, 1 thread / numba, fused by hand", ratios(a, b), target=target,
               note=f"{agents / statistics.median(a):,.0f} / {agents / statistics.median(b):,.0f} agent-steps/s")


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
from marlfast import bench, train
train(bench.experiment(int(sys.argv[1]), 4, bins=(20, 4), record_every=0), threads=1)
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
               at_least=False, note=_runs(runs))


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


BENCHMARKS = {"seed": bench_seed, "numba": bench_numba, "jax": bench_jax, "openspiel": bench_openspiel,
              "own": bench_own, "pettingzoo": bench_pettingzoo, "foraging": bench_foraging,
              "pricing": bench_pricing, "markov": bench_markov,
              "hashed": bench_hashed, "ia2c": bench_ia2c, "numpy": bench_numpy, "normals": bench_normals,
              "threads": bench_threads, "env": bench_env, "policy": bench_policy,
              "import": bench_import, "memory": bench_memory,
              "sweep": bench_sweep}


def measure(names, effort):
    """Rows of some benchmarks, as they are measured; a benchmark that cannot run gives a row that says why."""
    for name in names:
        try:
            yield from BENCHMARKS[name](effort)
        except Unavailable as error:
            what = (BENCHMARKS[name].__doc__ or name).partition(";")[0].partition(",")[0].rstrip(".")
            yield Row(name, what, skipped=True, note=str(error))


# -- what is printed ------------------------------------------------------------------------------------

_COLUMNS = ((8, "", "<"), (64, "what", "<"), (10, "median", ">"), (19, "least - greatest", ">"), (11, "target", ">"),
            (7, "met", ">"))


def _number(value, unit):
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{'' if unit == 'x' else ' '}{unit}"


def _line(cells):
    return " ".join(f"{cell:{side}{width}}" for cell, (width, _, side) in zip(cells, _COLUMNS, strict=True)).rstrip()


def header():
    """The table's head: what the columns are."""
    line = _line([title for _, title, _ in _COLUMNS])
    return f"{line}\n{'-' * len(line)}"


def format_row(r):
    """One line of the table; a second one below it where there is more to say."""
    if r.skipped:
        return f"{_line([r.name, r.what, 'skipped', '', '', ''])}\n{'':9}{r.note}"
    target = "" if r.target is None else f"{'>=' if r.at_least else '<='} {_number(r.target, r.unit)}"
    met = {None: "", True: "yes", False: "NO"}[r.met]
    span = f"{_number(r.low, r.unit)} - {_number(r.high, r.unit)}"
    line = _line([r.name, r.what, _number(r.value, r.unit), span, target, met])
    return f"{line}\n{'':9}{r.note}" if r.note else line


def summary(rows):
    """How many targets were met, in one sentence."""
    met = [r.met for r in rows if r.met is not None]
    skipped = sum(r.skipped for r in rows)
    return (f"{sum(met)} of {len(met)} targets met" + (f", {len(met) - sum(met)} missed" if not all(met) else "")
            + (f"; {skipped} skipped" if skipped else "") + ".")


def versions():
    """What the figures were measured with."""
    found = {"marlfast": mf.__version__, "python": platform.python_version(), "numpy": np.__version__,
             "processor": _processor(), "processors": os.cpu_count()}
    for module in ("numba", "jax", "lbforaging"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[module] = importlib.metadata.version(module)
    return found


def _processor():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _profile(path):
    """Print where the time of an experiment goes; an exit status."""
    from marlfast import toml
    from marlfast.profiling import profile

    try:
        print(profile(mf.Experiment.from_dict({"seed": 0} | toml.read(path))))
    except (OSError, ValueError, TypeError, mf.errors.TrainingError) as error:
        print(f"--profile: {error}", file=sys.stderr)
        return 1
    return 0


def main(argv=None):
    """Measure, and print a table of ratios with the target of each.

    Parameters
    ----------
    argv : list of str, optional
        Default: the command line's.

    Returns
    -------
    int
        0: measured (whether or not targets were met); 1: the JSON file could not be written.
    """
    parser = argparse.ArgumentParser(
        prog="marlfast bench", description="Measure speed and memory: a table of ratios, with the target of each.",
        epilog="Each ratio is the median over pairs that were run in turn. A missed target is no error.")
    parser.add_argument("--quick", action="store_true", help="seconds in place of minutes; ratios are rougher")
    parser.add_argument("--only", action="append", metavar="NAME", choices=list(BENCHMARKS),
                        help=f"only this one (can be given again): {', '.join(BENCHMARKS)}")
    parser.add_argument("--profile", metavar="EXPERIMENT.toml",
                        help="in place of all that: where the time of a training goes, and which loop runs")
    parser.add_argument("--json", metavar="FILE", help="also write the rows to a JSON file")
    options = parser.parse_args(argv)
    if options.profile:
        return _profile(options.profile)
    if options.json and not Path(options.json).absolute().parent.is_dir():
        parser.error(f"--json: the folder of {options.json} does not exist")
    effort, with_ = QUICK if options.quick else FULL, versions()
    print(", ".join(f"{name} {version}" for name, version in with_.items()))
    print(f"Ratios: ours / theirs in turn, {effort.pairs} pairs"
          f"{', quick: rough' if effort.quick else ''}; 4 agents, 2 state variables, 5 actions.\n")
    print(header(), flush=True)
    rows = []
    for r in measure(options.only or list(BENCHMARKS), effort):
        rows.append(r)
        print(format_row(r), flush=True)
    print(f"\n{summary(rows)}")
    if options.json:
        text = json.dumps({"versions": with_, "quick": effort.quick, "rows": [r.to_dict() for r in rows]}, indent=2)
        try:
            write_atomically(options.json, lambda file: file.write(text.encode() + b"\n"))
        except OSError as error:
            print(f"--json: {error.strerror or error}", file=sys.stderr)
            return 1
    return 0
