"""Rows: what training is made of, and games stepped from outside."""
import os
import statistics
import time

import numpy as np

import marlfast as mf
from marlfast.bench.measuring import enough, in_turn, rate, ratios, row, runs_in_words, seconds
from marlfast.bench.peers import ACTIONS, AGENTS, HORIZON, STATE_SIZE, Unavailable, experiment, load_peer, train
from marlfast.games.foraging import LevelForaging


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
    yield row("threads", f"training, {runs_in_words(runs)}, 2 threads / 1 thread", ratios(a, b), target=1.8,
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
