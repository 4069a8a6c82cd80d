"""Every compiled kernel beside its NumPy twin, with 1, 64 and 4096 runs: see README.md.

Each case is made for a backend and a number of runs; it gives the function that is timed and the arrays
that it writes. ``tests/test_bench.py`` calls every case with both backends and compares those arrays.
"""
import ctypes
import dataclasses
import itertools

import numpy as np
import pytest

import marlfast as mf
import marlfast.games.own
from marlfast import registry, solvers
from marlfast.backends import BACKENDS, kernels
from marlfast.learners.base import LearnerContext
from marlfast.session import Session

RUNS = (1, 64, 4096)
AGENTS, ACTIONS = 4, 5
DRIFT = mf.games.Drift(agents=AGENTS, state_size=2, actions=ACTIONS, horizon=0)
GRID = mf.Grid((-2.0, -4.0), (80.0, 4.0), (20, 4))
ROWS = 80

CASES = {}


def case(module, name):
    """Register a case: the name of its kernels' module (``drift`` for ``core/_drift`` and ``reference/drift``), and its
    own.
    """
    def register(make):
        assert (module, name) not in CASES
        CASES[module, name] = make
        return make
    return register


class Inputs:
    """Arrays that kernels read: the same for every backend."""

    def __init__(self, runs, game=DRIFT):
        self.generator = np.random.default_rng(0)
        self.game, self.runs, shape = game, runs, (runs, game.agents)
        self.state = self.generator.standard_normal((runs, 2))
        self.actions = self.integers(game.action_counts[0], shape)
        self.rows, self.next_rows = self.integers(ROWS, shape), self.integers(ROWS, shape)
        self.raw = self.generator.standard_normal(shape)
        self.normals = self.generator.standard_normal((runs, 2))
        self.observation = np.ascontiguousarray(self.state[:, None])
        self.rewards = np.zeros(shape)
        self.terminated, self.truncated = np.zeros(runs, bool), np.zeros(runs, bool)

    def integers(self, below, shape):
        return self.generator.integers(0, below, shape, dtype=np.int32)


# -- draws ----------------------------------------------------------------------------------------------


def _fill(normal):
    def make(backend, runs):
        numbers, first, out = np.arange(runs, dtype=np.int64), np.zeros(runs, np.int64), np.empty((runs, 256))
        fill = kernels(backend, "draws").fill
        return (lambda: fill(0, 2, numbers, first, out, normal)), [out]
    return make


case("draws", "fill, 256 uniforms a run")(_fill(False))
case("draws", "fill, 256 normals a run")(_fill(True))


# -- games ----------------------------------------------------------------------------------------------


def _steps(game):
    """One step and what is seen then, from a started state; random actions."""
    def make(backend, runs):
        generator, kernel = np.random.default_rng(0), game.kernel(backend)
        draws = [(generator.random((runs, uniforms)), generator.standard_normal((runs, normals)))
                 for uniforms, normals in ((kernel.start_uniforms, kernel.start_normals),
                                           (kernel.step_uniforms, kernel.step_normals))]
        state, observation = np.zeros((runs, kernel.state_size)), np.zeros((runs, kernel.views, kernel.features))
        actions = (generator.random((runs, game.agents)) * game.action_counts).astype(np.int32)
        rewards, terminated = np.zeros((runs, game.agents)), np.zeros(runs, bool)
        kernel.start(state, *draws[0])
        begun = state.copy()
        if "legal" in game.participation:       # the last that is
            legal = np.zeros((runs, game.agents, kernel.max_actions), bool)
            kernel.legal(state, legal)
            actions[:] = kernel.max_actions - 1 - legal[:, :, ::-1].argmax(axis=2)

        def step():
            state[:] = begun
            kernel.step(state, actions, *draws[1], rewards, terminated)
            kernel.observe(state, observation)
        return step, [begun, state, rewards, observation]
    return make


def _registered():
    """Every registered game that can be made without arguments, and the module of its kernel."""
    for name, cls in registry.names("game").items():
        if not any(f.default is f.default_factory is dataclasses.MISSING for f in dataclasses.fields(cls)):
            game = cls()
            yield type(game.kernel("numpy")).__module__.rpartition(".")[2], name, game


for module, name, game in _registered():
    case(module, f"step of {name}")(_steps(game))
case("history", "memory of three observations")(_steps(mf.games.WithHistory(DRIFT, 3)))


def _minimised(backend, runs):
    """So many iterations of CFR+ in Kuhn poker."""
    tree = solvers.tree(mf.games.KuhnPoker())
    kernel, arrays = tree.kernel(backend), [np.zeros(tree.slots), np.zeros(tree.slots), tree.uniform()]

    def iterate():
        for array, first in zip(arrays, (0.0, 0.0, tree.uniform()), strict=True):
            array[:] = first
        kernel.minimise_regret(1, runs, True, False, True, True, *arrays)
    return iterate, arrays


case("extensive", "iterations of CFR+ in Kuhn poker")(_minimised)


@case("drift", "start")
def _(backend, runs):
    x, kernel = Inputs(runs), DRIFT.kernel(backend)
    none = np.zeros((runs, 0))
    return (lambda: kernel.start(x.state, none, x.normals)), [x.state]


@case("drift", "observe")
def _(backend, runs):
    x, kernel = Inputs(runs), DRIFT.kernel(backend)
    observation = np.zeros_like(x.observation)
    return (lambda: kernel.observe(x.state, observation)), [observation]


@case("drift", "counterfactual")
def _(backend, runs):
    x, kernel = Inputs(runs), DRIFT.kernel(backend)
    counterfactual = np.zeros((runs, AGENTS))
    return (lambda: kernel.counterfactual(x.state, x.actions, x.raw, counterfactual)), [counterfactual]


@case("markov", "step, 16 states, chance moves")
def _(backend, runs):
    generator = np.random.default_rng(1)
    game = mf.games.MarkovGame(generator.dirichlet(np.ones(16), (16, 9)), generator.standard_normal((16, 9, 2)), (3, 3))
    x, kernel = Inputs(runs, game), game.kernel(backend)
    state, none = np.ascontiguousarray(x.rows[:, :1] % 16, np.float64), np.zeros((runs, 0))
    uniforms = generator.random((runs, 1))
    return (lambda: kernel.step(state, x.actions, uniforms, none, x.rewards, x.terminated)), [state, x.rewards]


def _own_drift(compiled):
    """The drift game by C functions (ctypes' callbacks: slow, but there without a compiler), or by NumPy functions."""
    def start(parameters, state, uniforms, normals):
        state[0], state[1] = normals[0], normals[1]
        return 0

    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        state[0] += 0.05 * (actions[0] + actions[1] + actions[2] + actions[3])
        for i in range(AGENTS):
            rewards[i] = -abs(state[0])
        return 0

    def step_many(state, actions, uniforms, normals):
        state[:, 0] += 0.05 * actions.sum(axis=1)
        return state, -np.abs(np.repeat(state[:, :1], AGENTS, axis=1)), False

    facts = {"agents": AGENTS, "actions": ACTIONS, "state_size": 2, "step_normals": 2, "start_normals": 2}
    if not compiled:
        return mf.games.own.NumPyGame(step_many, lambda uniforms, normals: normals, **facts)
    reals, ids, flags = (ctypes.POINTER(kind) for kind in (ctypes.c_double, ctypes.c_int32, ctypes.c_uint8))
    return mf.games.own.CompiledGame(
        ctypes.CFUNCTYPE(ctypes.c_int, reals, reals, ids, reals, reals, reals, flags)(step),
        ctypes.CFUNCTYPE(ctypes.c_int, *[reals] * 4)(start), **facts)


case("own", "step of C functions")(_steps(_own_drift(True)))
case("own", "step of NumPy functions")(_steps(_own_drift(False)))


@case("env", "step")
def _(backend, runs):
    x, env = Inputs(runs), DRIFT.env(runs=runs, seed=0, backend=backend, copy=False)
    env.reset()
    return (lambda: env.step(x.actions)), [env.observation, env.rewards]


# -- encoders -------------------------------------------------------------------------------------------


def _encode(encoder, observations, backend):
    """Observations float64 [n, R, 1, D], encoded in turn."""
    runs, turn = observations.shape[1], itertools.cycle(observations)
    game = DRIFT if encoder.name != "numbered" else mf.games.MarkovGame(
        np.full((ROWS, 1, ROWS), 1.0 / ROWS), np.zeros((ROWS, 1)), (1,) * AGENTS)
    arrays = encoder.allocate(game, runs)
    kernel, rows = encoder.bind(game, runs, arrays, backend), np.zeros((runs, AGENTS), np.int32)
    return (lambda: kernel.encode(next(turn), rows)), [rows]


@case("encoders", "grid")
def _(backend, runs):
    return _encode(GRID, Inputs(runs).generator.normal(10.0, 5.0, (16, runs, 1, 2)), backend)


@case("encoders", "rounding, 16 rows a run")
def _(backend, runs):
    return _encode(mf.Rounding(1), Inputs(runs).generator.normal(10.0, 5.0, (16, runs, 1, 2)), backend)


@case("encoders", "discrete")
def _(backend, runs):
    return _encode(mf.encoders.Numbered(), Inputs(runs).integers(ROWS, (16, runs, 1, 1)).astype(np.float64), backend)


@case("encoders", "known, 16 rows")
def _(backend, runs):
    obs = Inputs(runs).generator.normal(10.0, 5.0, (16, runs, 1, 2))
    keys = np.unique(np.rint(10.0 * obs[:, 0, 0]).astype(np.int64), axis=0)
    encoder, rows = kernels(backend, "encoders").Known(runs, AGENTS, 1, 10.0, keys), np.zeros((runs, AGENTS), np.int32)
    following = itertools.cycle(obs)
    return (lambda: encoder.encode(next(following), rows)), [rows]


@case("table_policy", "actions of 4 agents, drawn")
def _(backend, runs):
    generator = Inputs(runs).generator
    encoder = kernels(backend, "encoders").Discrete(1, 1, 1, ROWS)
    sums = np.cumsum(generator.dirichlet(np.ones(ACTIONS), (ROWS, AGENTS)), axis=2)
    sums[:, :, -1] = np.inf
    agents, ones = np.arange(AGENTS, dtype=np.int32), np.ones(AGENTS, np.int64)
    policy = kernels(backend, "table_policy").TablePolicy(encoder, 1, agents, agents, ones, ACTIONS * ones, None, sums)
    obs = generator.integers(0, ROWS, (runs, 1, 1)).astype(np.float64)
    uniforms, actions = generator.random((runs, AGENTS)), np.zeros((runs, AGENTS), np.int32)
    return (lambda: policy.act(obs, uniforms, actions)), [actions]


# -- rewards --------------------------------------------------------------------------------------------


def _reward(definition, *extra):
    def make(backend, runs):
        x, kernel = Inputs(runs), DRIFT.kernel(backend)
        middle = (GRID, 0.95) if extra else ()
        reward = definition.bind(DRIFT, kernel, *middle, runs, backend)
        reward.begin(x.rows, x.observation)
        return (lambda: reward.apply(x.rows, x.actions, x.raw, x.rewards, x.next_rows, x.state, x.observation,
                                     x.terminated, x.truncated)), [x.rewards]
    return make


case("rewards", "individual")(_reward(mf.rewards.individual()))
case("rewards", "cooperative")(_reward(mf.rewards.cooperative()))
case("rewards", "mixed, two teams")(_reward(mf.rewards.mixed([[0, 1], [2, 3]])))
case("rewards", "difference")(_reward(mf.rewards.difference()))
case("rewards", "diversity")(_reward(mf.rewards.Diversity(0.2), "shaping"))
case("rewards", "redundancy")(_reward(mf.rewards.Redundancy(0.1), "shaping"))
case("rewards", "potential, table")(_reward(mf.rewards.PotentialBased(np.linspace(0.0, 1.0, ROWS)), "shaping"))
case("rewards", "potential, distance")(_reward(mf.rewards.PotentialBased(mf.rewards.Distance()), "shaping"))


# -- schedules and learners -----------------------------------------------------------------------------


def _schedule(definition):
    def make(backend, runs):
        arrays, ended = definition.allocate(runs), np.zeros(runs, bool)
        kernel = definition.bind(arrays, backend)
        return (lambda: kernel.tick(ended)), [arrays["value"], arrays["ticks"]]
    return make


case("schedules", "tick, linear")(_schedule(mf.schedules.Linear(1.0, 0.0, 10**6)))
case("schedules", "tick, exponential")(_schedule(mf.schedules.Exponential(1.0, 0.9999, 0.01)))
case("schedules", "tick, harmonic")(_schedule(mf.schedules.Harmonic(1.0, 0.01)))
case("schedules", "tick, table")(_schedule(mf.schedules.Table((1.0, 0.5, 0.1))))


def _learner(explore, backend, runs):
    """A learner, the arrays it writes, and 16 different steps for it to take in turn."""
    initial = np.random.default_rng(1).standard_normal((ROWS, AGENTS, ACTIONS))
    learner, structure = mf.IQL(explore=explore, initial_q=initial), mf.rewards.individual()
    context = LearnerContext(DRIFT, structure, runs)
    arrays = learner.allocate(context, ROWS)
    learner.derive(context, arrays, backend)
    x = Inputs(runs)
    steps = [(x.integers(ROWS, (runs, AGENTS)), x.generator.random((runs, AGENTS, explore.n_draws)),
              x.integers(ACTIONS, (runs, AGENTS)), x.generator.standard_normal((runs, AGENTS)),
              x.integers(ROWS, (runs, AGENTS))) for _ in range(16)]
    return learner.bind(context, arrays, backend)[0], arrays, itertools.cycle(steps)


def _act(explore):
    def make(backend, runs):
        kernel, _, steps = _learner(explore, backend, runs)
        actions = np.zeros((runs, AGENTS), np.int32)

        def act():
            rows, draws, *_ = next(steps)
            kernel.act(rows, draws, actions)
        return act, [actions]
    return make


case("q_learning", "act, epsilon-greedy")(_act(mf.EpsilonGreedy(0.1)))
case("q_learning", "act, epsilon-greedy, random ties")(_act(mf.EpsilonGreedy(0.1, ties="random")))
case("q_learning", "act, Boltzmann")(_act(mf.Boltzmann(0.5)))


@case("q_learning", "update")
def _(backend, runs):
    kernel, arrays, steps = _learner(mf.EpsilonGreedy(0.1), backend, runs)
    terminated, changed = np.zeros(runs, bool), np.zeros(runs, bool)

    def update():
        rows, _, actions, rewards, next_rows = next(steps)
        kernel.update(rows, actions, rewards, next_rows, terminated, changed)
    return update, [arrays["q"], arrays["greedy"], changed]


def _played(definition, game):
    """Acting and learning, all agents, 16 different steps in turn."""
    def make(backend, runs):
        generator, agents, _counts = np.random.default_rng(0), game.agents, game.action_counts
        context = LearnerContext(game, mf.rewards.individual(), runs, central=ROWS if definition.central else 0)
        arrays = definition.allocate(context, ROWS)
        definition.derive(context, arrays, backend)
        learners, most = definition.bind(context, arrays, backend), definition.draws()
        width = max(one.active_rows for one in learners)     # with rows of the whole state, where it looks at that
        steps = itertools.cycle([(generator.integers(0, ROWS, (runs, width), dtype=np.int32),
                                  generator.random((runs, agents, most)), generator.standard_normal((runs, agents)),
                                  generator.integers(0, ROWS, (runs, width), dtype=np.int32)) for _ in range(16)])
        actions, changed, terminated = np.zeros((runs, agents), np.int32), np.zeros(runs, bool), np.zeros(runs, bool)

        def play():
            rows, draws, rewards, next_rows = next(steps)
            for learner in learners:
                learner.act(rows, draws, actions)
            for learner in learners:
                learner.update(rows, actions, rewards, next_rows, terminated, changed)
        return play, [actions, *arrays.values()]
    return make


def _fitting(definition, rows=ROWS):
    """The first of some games that a learner fits."""
    alike = np.full((1, 9, 1), 1.0)
    against = np.arange(9.0) % 4 - 1.0
    for game in (DRIFT, mf.games.MarkovGame(alike, np.arange(9.0)[None], (3, 3)),
                 mf.games.MarkovGame(alike, np.stack([against, -against], axis=1)[None], (3, 3)), mf.games.Soccer()):
        try:
            definition.check(LearnerContext(game, mf.rewards.individual()), rows)
            return game
        except ValueError:
            continue
    raise ValueError(f"no game here fits learner {definition.name!r}; add one")


for name, cls in registry.names("learner").items():
    if not any(f.default is f.default_factory is dataclasses.MISSING for f in dataclasses.fields(cls)):
        # What is learned from whole episodes: of 16 steps, so that it is learned from at all.
        short = {"longest": 16} if cls.kernels == "gradients" and hasattr(cls, "longest") else {}
        one = cls(teams="all") if name == "hierarchy" else cls(**short)       # a coordinator without a team is refused
        case(cls.kernels, f"act and update of {name}")(_played(one, _fitting(one)))


# -- equilibria -----------------------------------------------------------------------------------------


def _equilibria(solve):
    """Equilibria of as many games of 5 x 5 actions as there are runs."""
    def make(backend, runs):
        p, q = np.random.default_rng(0).standard_normal((2, runs, 5, 5))
        written = [np.zeros((runs, *shape)) for shape in ((2,), (5,), (5,), (5, 5), ())]
        module = kernels(backend, "equilibria")
        return (lambda: solve(module, p, q, *written)), written
    return make


case("equilibria", "zero-sum, 5 x 5")(_equilibria(lambda m, p, q, v, x, y, j, w: m.solve_zero_sum(p, w, x, y)))
case("equilibria", "Nash, 5 x 5")(_equilibria(lambda m, p, q, v, x, y, j, w: m.solve_nash(p, -p, v, x, y)))
case("equilibria", "correlated, 5 x 5")(_equilibria(lambda m, p, q, v, x, y, j, w: m.solve_correlated(p, q, 0, v, j)))


@case("q_learning", "find_greedy")
def _(backend, runs):
    q = np.random.default_rng(0).standard_normal((ROWS * runs, ACTIONS))
    counts, greedy = np.full(len(q), ACTIONS, np.int32), np.zeros(len(q), np.int32)
    find = kernels(backend, "q_learning").find_greedy
    return (lambda: find(q, counts, greedy)), [greedy]


@case("loop", "advance, 20 steps")
def _(backend, runs):
    session = Session(mf.Experiment(
        mf.games.Drift(agents=AGENTS, state_size=2, actions=ACTIONS), mf.IQL(), encoder=GRID, episodes=2**40,
        runs=runs, shaping=(mf.rewards.Diversity(0.2), mf.rewards.Redundancy(0.1)), record_every=0), backend=backend)
    arrays = session.arrays
    target = arrays["steps"].copy()

    def advance():
        target[:] += 20
        session.loop.advance(0, runs, target)
    return advance, [arrays["state"], arrays["learner.q"], arrays["steps"]]


# -- timing ---------------------------------------------------------------------------------------------


@pytest.mark.benchmark(max_time=0.1, min_time=2e-5, min_rounds=5, warmup="on", warmup_iterations=1)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize("key", CASES, ids=[f"{module}: {name}" for module, name in CASES])
def test_kernel(benchmark, key, runs, backend):
    benchmark.group = f"{key[0]}: {key[1]}, {runs} run{'s' if runs > 1 else ''}"
    benchmark.extra_info.update(backend=backend, runs=runs)
    function, written = CASES[key](backend, runs)
    benchmark(function)
    assert all(np.isfinite(array).all() for array in written)
