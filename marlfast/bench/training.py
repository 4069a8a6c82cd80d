"""Rows: training, beside other programs."""
import statistics
import time

import marlfast as mf
from marlfast.bench.measuring import enough, in_turn, rate, ratios, row, runs_in_words
from marlfast.bench.peers import HORIZON, experiment, load_peer, train
from marlfast.games.foraging import LevelForaging
from marlfast.reproduce import Calvano2020
from marlfast.session import Session

PERIODS = 1_750_000                             # about as many as a run of Calvano et al. takes
NUMPY_TARGETS = ((1, 100.0), (256, 8.0))        # runs, and how many times faster than backend="numpy"


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
    return row(name, f"training, {runs_in_words(runs)}, 1 thread / {who}", ratios(a, b), target=target,
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
        yield row("own", f"training, {runs_in_words(runs)}, {what} / compiled here", ratios(b, a), target=target,
                  at_least=False, note=f"{steps} steps a run")


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
        yield row("numpy", f'training, {runs_in_words(runs)}, 1 thread / backend="numpy"', ratios(a, b), target=target,
                  note=f"{rate(a)} / {rate(b)} agent-steps/s")


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
    yield row("pricing", f"pricing, {runs_in_words(runs)}, 1 thread / numba, fused by hand", ratios(a, b),
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
