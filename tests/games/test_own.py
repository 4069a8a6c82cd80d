"""Games of one's own: functions in C (here ctypes), numba and NumPy; what is refused, what is found, what is raised.

The walk: agents stand at whole numbers of a line and go left (0) or right (1); a gust pushes all of them by one with
probability 1/4. Each earns how far it is right of the start. Whoever comes to +-3 ends the game.
"""
import ctypes
import dataclasses
import faulthandler
import os
import pickle
import re

import numpy as np
import pytest

import marlfast as mf
from marlfast.backends import kernels
from marlfast.games import own
from marlfast.games.own import CompiledGame, NumPyGame

try:
    import numba
except ImportError:         # an extra
    numba = None
needs_numba = pytest.mark.skipif(numba is None, reason="needs numba")

REALS, IDS, FLAGS = (ctypes.POINTER(kind) for kind in (ctypes.c_double, ctypes.c_int32, ctypes.c_uint8))
C = {"step": ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, IDS, REALS, REALS, REALS, FLAGS),
     "start": ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, REALS, REALS),
     "observe": ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, REALS)}
AGENTS = 2
WALK = dict(agents=AGENTS, actions=2, state_size=AGENTS, step_uniforms=1, start_uniforms=1, horizon=20)
DRIFT = dict(agents=4, actions=5, state_size=2, step_normals=2, start_normals=2, horizon=100, terminates=False)


# -- the walk, three times ------------------------------------------------------------------------------


def c_walk(**changes):
    """In C, but for the compiler; ``changes``: other functions, or other facts."""
    def start(parameters, state, uniforms, normals):
        for i in range(AGENTS):
            state[i] = -1.0 if uniforms[0] < 0.5 else 1.0
        return 0

    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        for i in range(AGENTS):
            state[i] += 2 * actions[i] - 1 + (uniforms[0] < 0.25)
            rewards[i] = state[i] * parameters[0]
        terminated[0] = any(abs(state[i]) >= 3 for i in range(AGENTS))
        return 0

    functions = {what: C[what](changes.pop(what, function)) for what, function in (("step", step), ("start", start))}
    if "observe" in changes:
        functions["observe"] = C["observe"](changes.pop("observe"))
    return CompiledGame(**functions, **{"parameters": [1.0], **WALK, **changes})


def numpy_start(uniforms, normals):
    return np.where(uniforms < 0.5, -1.0, 1.0) * np.ones(AGENTS)


def numpy_step(state, actions, uniforms, normals):
    state += 2 * actions - 1 + (uniforms < 0.25)
    return state, state, (np.abs(state) >= 3).any(axis=1)


def numpy_walk(**changes):
    return NumPyGame(**{"step": numpy_step, "start": numpy_start, **WALK, **changes})


if numba:
    @numba.njit
    def jitted_start(parameters, state, uniforms, normals):
        state[:] = -1.0 if uniforms[0] < 0.5 else 1.0

    @numba.njit
    def jitted_step(parameters, state, actions, uniforms, normals, rewards):
        over = False
        for i in range(state.size):
            state[i] += 2 * actions[i] - 1 + (uniforms[0] < 0.25)
            rewards[i] = state[i] * parameters[0]
            over |= abs(state[i]) >= 3
        return over

    @numba.njit
    def jitted_failure(parameters, state, actions, uniforms, normals, rewards):
        for i in range(state.size):
            state[i] += 2 * actions[i] - 1 + (uniforms[0] < 0.25)
            rewards[i] = state[i]
        if np.abs(state).max() >= 2:
            raise LookupError("step is lost")
        return False


def numba_walk(**changes):
    return CompiledGame(**{"step": jitted_step, "start": jitted_start, "parameters": [1.0], **WALK, **changes})


def two_views():
    """Each agent sees its own place, counted from -4."""
    def observe(parameters, state, observation):
        for i in range(AGENTS):
            observation[i] = state[i] + 4.0
        return 0
    return c_walk(observe=observe, views=AGENTS, observations=9)


EXAMPLES = [
    c_walk(), two_views(),
    numpy_walk(text=lambda state: f"at {state[0]:g} and {state[1]:g}", reward_bounds=(-5.0, 5.0)),
    numpy_walk(observe=lambda state: state[:, :, None] + 4.0, views=AGENTS, observations=9, bounds=([0.0], [8.0])),
    NumPyGame(lambda s, a, u, n: (s + 1, s, False), lambda u, n: np.zeros((len(u), 1)), agents=1, actions=(1,),
              state_size=1, horizon=2, setting="cooperative"),
    *([numba_walk(setting="mixed")] if numba else []),
]
MAKERS = [c_walk, numpy_walk, *([numba_walk] if numba else [])]
every_way = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


@every_way
def test_a_step_by_hand(make, backend):
    game = make().kernel(backend)
    state, rewards, over = np.array([[1.0, -1.0], [2.0, 0.0]]), np.full((2, 2), np.nan), np.ones(2, bool)
    game.step(state, np.array([[0, 1], [1, 0]], np.int32), np.array([[0.25], [0.75]]), np.zeros((2, 0)), rewards, over)
    assert state.tolist() == rewards.tolist() == [[0.0, 0.0], [3.0, -1.0]]
    assert over.tolist() == [False, True]
    game.step(state, np.array([[0, 1], [0, 0]], np.int32), np.array([[0.2], [0.2]]), np.zeros((2, 0)), rewards, over)
    assert state.tolist() == [[0.0, 2.0], [3.0, -1.0]] and over.tolist() == [False, True]
    game.start(state, np.array([[0.4], [0.5]]), np.zeros((2, 0)))
    assert state.tolist() == [[-1.0, -1.0], [1.0, 1.0]]
    obs = np.zeros((2, 1, 2))
    game.observe(state, obs)
    assert obs[:, 0].tolist() == state.tolist()


@needs_numba
def test_a_jitted_observation_has_two_axes(backend):
    @numba.njit
    def observe(parameters, state, observation):
        for i in range(observation.shape[0]):
            for k in range(observation.shape[1]):
                observation[i, k] = 10 * i + k + state[0]

    game = numba_walk(observe=observe, views=2, features=3).kernel(backend)
    obs = np.zeros((1, 2, 3))
    game.observe(np.array([[0.5, 0.0]]), obs)
    assert obs.tolist() == [[[0.5, 1.5, 2.5], [10.5, 11.5, 12.5]]]


@needs_numba
def test_a_jitted_step_that_returns_nothing_never_ends(backend):
    @numba.njit
    def step(parameters, state, actions, uniforms, normals, rewards):
        rewards[:] = 0.0

    game, over = numba_walk(step=step, terminates=False), np.ones(1, bool)
    game.kernel(backend).step(np.zeros((1, 2)), np.zeros((1, 2), np.int32), np.zeros((1, 1)), np.zeros((1, 0)),
                              np.zeros((1, 2)), over)
    assert not over[0]


# -- training -------------------------------------------------------------------------------------------


def c_drift():
    def start(parameters, state, uniforms, normals):
        state[0], state[1] = normals[0], normals[1]
        return 0

    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        total = sum(actions[i] for i in range(4))
        for k in range(2):
            state[k] += normals[k] * 0.1
        state[0] += total * 0.05
        for i in range(4):
            rewards[i] = -abs(state[0]) + 0.1 * (actions[i] < 2)
        return 0

    return CompiledGame(C["step"](step), C["start"](start), **DRIFT)


def numpy_drift():
    def step(state, actions, uniforms, normals):
        state += normals * 0.1
        state[:, 0] += actions.sum(axis=1) * 0.05
        return state, -np.abs(state[:, :1]) + 0.1 * (actions < 2), False

    return NumPyGame(step, lambda uniforms, normals: normals, **DRIFT)


def numba_drift():
    @numba.njit
    def start(parameters, state, uniforms, normals):
        state[:] = normals

    @numba.njit
    def step(parameters, state, actions, uniforms, normals, rewards):
        total = 0
        for k in range(state.size):
            state[k] += normals[k] * 0.1
        for action in actions:
            total += action
        state[0] += total * 0.05
        for i in range(rewards.size):
            rewards[i] = -abs(state[0]) + 0.1 * (actions[i] < 2)
        return False

    return CompiledGame(step, start, **DRIFT)


def trained(game, **options):
    options = {"episodes": 7, "runs": 5, "seed": 3, "encoder": mf.Rounding(1), **options}
    return mf.train(game, mf.IQL(initial_q=0.25), shaping=[mf.rewards.Diversity(0.2)], **options)


def bits(run):
    """Everything that two results have in common, however they were made."""
    used = int(run.used.max())
    return {name: (array[:, :used] if name in ("learner.q", "learner.visits", "learner.greedy", "encoder.keys")
                   else run.returns if name == "returns" else array).tobytes()
            for name, array in run.arrays.items()
            if name not in ("encoder.table", "shaped_returns", "lengths")}


@pytest.mark.parametrize("make", [c_drift, numpy_drift, *([numba_drift] if numba else [])],
                         ids=lambda make: make.__name__)
def test_drift_of_ones_own_trains_as_the_packages_to_the_last_bit(make):
    reference, game = bits(trained(mf.games.Drift(), threads=1)), make()
    for threads, block in ((1, None), (2, 7), (3, 1), (5, 250)):
        assert bits(trained(game, threads=threads, block=block)) == reference, (threads, block)
    assert bits(trained(game, backend="numpy")) == reference


@every_way
@pytest.mark.parametrize("rule", [mf.stop.GreedyStable(40), mf.stop.ReturnReached(0.5, 3)], ids=["stable", "return"])
def test_every_way_of_stepping_gives_the_same_bits(make, rule):
    # Runs end their episodes, and stop, at different steps: gaps come between the runs that are stepped together.
    options = {"steps": 300, "episodes": None, "stop": rule, "encoder": mf.Rounding(0)}
    reference = bits(trained(numpy_walk(), backend="numpy", **options))
    for threads, block in ((1, None), (2, 3)):
        run = trained(make(), threads=threads, block=block, **options)
        assert bits(run) == reference
    assert len(set(run.steps.tolist())) > 1


def test_runs_do_not_depend_on_who_is_beside_them():
    lockstep = trained(numpy_walk(), runs=6)
    alone = trained(numpy_walk(), runs=2, first_run=3)
    assert lockstep.returns[3:5].tobytes() == alone.returns[:, :lockstep.returns.shape[1]].tobytes()


def test_supplied_draws_and_pauses(backend):
    draws = {"dynamics": lambda run, first, n: np.random.default_rng([run, first]).random((n, 1))}
    runs = [trained(make(), draws=draws, block=16, backend=backend, record_every=2) for make in (c_walk, numpy_walk)]
    assert bits(runs[0]) == bits(runs[1])


@every_way
def test_resuming_goes_on_as_if_never_stopped(make, tmp_path):
    game = make()
    whole, part = trained(game, episodes=9), trained(game, episodes=4)
    part.save(tmp_path / "part.npz")
    loaded = mf.load(tmp_path / "part.npz", game=game)
    assert loaded.experiment.game is game and bits(loaded) == bits(part)
    assert bits(mf.train(resume=loaded, episodes=5)) == bits(whole)


@every_way
def test_evaluation(make, backend):
    game = make()
    run = trained(game)
    found = mf.evaluate(game, run, episodes=3, backend=backend)
    assert found.returns.shape == (5, 3, AGENTS) and np.isfinite(found.returns).all()
    assert mf.evaluate(game, "random", episodes=3, runs=4, backend=backend).lengths.max() <= 20
    assert mf.evaluate(game, lambda obs: [1, 1], episodes=2, backend=backend).mean > 0


def test_an_agent_learns_to_go_right():
    game = two_views()
    run = mf.train(game, mf.IQL(learning_rate=0.2, discount=0.0), episodes=200, seed=1)
    q = run.q[0]
    assert (q[2:7, :, 1] > q[2:7, :, 0]).all()


def test_ten_thousand_agents():
    n = 10_000

    def step(state, actions, uniforms, normals):
        return state, actions - 0.5, np.zeros(len(state), bool)

    game = NumPyGame(step, lambda u, normals: np.zeros((len(u), 1)), agents=n, actions=2, state_size=1, observations=1,
                     horizon=2)
    run = mf.train(game, mf.IQL(), episodes=2, runs=2, seed=0)
    assert run.returns.shape == (2, 2, n) and set(np.unique(run.returns)) == {-1.0, 0.0, 1.0}


@needs_numba
def test_ten_thousand_agents_in_numba():
    @numba.njit
    def start(parameters, state, uniforms, normals):
        state[0] = 0.0

    @numba.njit
    def step(parameters, state, actions, uniforms, normals, rewards):
        for i in range(rewards.size):
            rewards[i] = actions[i] - 0.5
        return False

    game = CompiledGame(step, start, agents=10_000, actions=2, state_size=1, observations=1, horizon=2)
    run = mf.train(game, mf.IQL(), episodes=2, runs=2, seed=0)
    assert set(np.unique(run.returns)) == {-1.0, 0.0, 1.0}


def test_more_state_than_fits_on_the_stack(backend):
    def start(parameters, state, uniforms, normals):
        for k in range(100):
            state[k] = k
        return 0

    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        state[99] += 1
        rewards[0] = state[99]
        return 3 if state[99] == 102 else 0

    game = CompiledGame(C["step"](step), C["start"](start), agents=1, actions=1, state_size=100)
    env = game.env(backend=backend)
    env.reset()
    assert [env.step([0])[1][0, 0] for _ in range(2)] == [100.0, 101.0]
    with pytest.raises(RuntimeError, match="^step returned 3$"):
        env.step([0])
    assert env.state[0, 99] == 101.0


# -- what goes wrong in the game's own code -------------------------------------------------------------


def failing_numpy(what):
    def fail(state):
        if (np.abs(state) >= 2).any():
            raise LookupError(f"{what} is lost at {state[np.abs(state) >= 2][0]:g}")
        return state

    def step(state, actions, uniforms, normals):
        state, rewards, over = numpy_step(state, actions, uniforms, normals)
        return (fail(state) if what == "step" else state), rewards, over
    return numpy_walk(step=step, observe=(lambda state: fail(state)[:, None]) if what == "observe" else None)


def failing_numba():
    return numba_walk(step=jitted_failure)


def failing_c():
    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        for i in range(AGENTS):
            state[i] += 2 * actions[i] - 1 + (uniforms[0] < 0.25)
            rewards[i] = state[i]
        return 7 if max(abs(state[i]) for i in range(AGENTS)) >= 2 else 0
    return c_walk(step=step)


FAILING = [("step", lambda: failing_numpy("step"), LookupError, "step is lost at -?2"),
           ("observe", lambda: failing_numpy("observe"), LookupError, "observe is lost at -?2"),
           ("C", failing_c, RuntimeError, "step returned 7"),
           *([("numba", failing_numba, LookupError, "step is lost")] if numba else [])]
each_failing = pytest.mark.parametrize("make, error, text", [case[1:] for case in FAILING],
                                       ids=[case[0] for case in FAILING])


@each_failing
def test_an_exception_reaches_the_caller_of_train_with_its_text(make, error, text):
    found = []
    for options in ({"backend": "numpy"}, {"threads": 1}, {"threads": 3}, {"threads": 1, "block": 1}):
        with pytest.raises(mf.TrainingError, match=f"own code failed, {error.__name__}: {text}") as caught:
            trained(make(), **options)
        cause, run = caught.value.__cause__, caught.value.result
        assert type(cause) is error and re.search(text, str(cause))
        failed = [r for r, reason in enumerate(run.stop_reason) if reason == "failed: own code"]
        first = min(failed, key=lambda r: (run.steps[r], r))
        assert re.match(rf"run {first}, step {run.steps[first]}: ", str(caught.value))
        found.append((str(caught.value), run.steps[first]))
    assert len(set(found)) == 1


def test_only_the_runs_at_fault_stop():
    def step(state, actions, uniforms, normals):
        state, rewards, over = numpy_step(state, actions, uniforms, normals)
        if (uniforms < 0.03).any():
            raise ArithmeticError("a draw this small")
        return state, rewards, over
    results = []
    for backend in ("cython", "numpy"):
        with pytest.raises(mf.TrainingError, match="ArithmeticError: a draw this small") as caught:
            trained(numpy_walk(step=step), runs=40, episodes=4, backend=backend, block=1000)
        results.append(caught.value.result)
    failed = np.array(results[0].stop_reason) == "failed: own code"
    assert 0 < failed.sum() < 20
    assert bits(results[0]) == bits(results[1])
    # Those that did not fail are as they would have been without the others.
    fine = trained(numpy_walk(), runs=40, episodes=4)
    assert (results[0].steps[~failed] == fine.steps[~failed]).all() and not failed.all()
    assert results[0].returns[~failed].tobytes() == fine.returns[~failed].tobytes()


@each_failing
def test_an_exception_reaches_the_caller_of_env_and_nothing_moves(make, error, text, backend):
    env = make().env(runs=3, seed=4, backend=backend)
    obs = env.reset()
    for _ in range(10):
        before = [a.copy() for a in (env.state, env.observation, env.steps, env.episode_steps, env.terminated)]
        try:
            obs, *_ = env.step([[1, 1], [1, 1], [0, 1]])
        except error as caught:
            assert re.search(text, str(caught))
            break
        assert obs.tobytes() == env.observation.tobytes()
    else:
        pytest.fail("it never failed")
    after = (env.state, env.observation, env.steps, env.episode_steps, env.terminated)
    assert [a.tolist() for a in after] == [b.tolist() for b in before]
    assert make().kernel(backend).failures == {}


def test_a_start_that_raises(backend):
    def start(uniforms, normals):
        if (uniforms > 0.8).any():
            raise OSError("no place to begin")
        return numpy_start(uniforms, normals)

    game = numpy_walk(start=start)
    with pytest.raises(mf.TrainingError, match="OSError: no place to begin"):
        trained(game, runs=20, backend=backend)
    env = game.env(runs=20, backend=backend)
    with pytest.raises(OSError, match="no place to begin"):
        env.reset()
    assert (env.starts == 0).all() and (env.state == 0).all()
    with pytest.raises(OSError, match="no place to begin"):
        game.kernel(backend).start(np.zeros((1, 2)), np.array([[0.9]]), np.zeros((1, 0)))


def test_a_later_start_that_raises(backend):
    # The first starts are fine; the failing one comes where an episode ends.
    with pytest.raises(mf.TrainingError, match="OSError: no place to begin") as caught:
        def start(uniforms, normals):
            if (uniforms > 0.97).any():
                raise OSError("no place to begin")
            return numpy_start(uniforms, normals)
        trained(numpy_walk(start=start), runs=4, episodes=100, backend=backend, block=5000)
    result = caught.value.result
    assert result.episodes.min() >= 1
    failed = np.array(result.stop_reason) == "failed: own code"
    assert failed.any() and (result.episodes[~failed] == 100).all()


def test_an_interrupt_in_a_step_is_no_failure_of_the_game(backend):
    def step(state, actions, uniforms, normals):
        raise KeyboardInterrupt
    game = numpy_walk(step=step)
    object.__setattr__(game, "_checked", True)
    with pytest.raises(KeyboardInterrupt):
        trained(game, backend=backend)


def test_a_reward_that_is_not_finite(backend):
    def step(parameters, state, actions, uniforms, normals, rewards, terminated):
        state[0] += 1
        rewards[0], rewards[1] = 0.0, float("nan") if state[0] > 3 else 0.0
        return 0
    with pytest.raises(mf.TrainingError, match=r"^run \d, step \d, agent 1: a reward is not finite"):
        trained(c_walk(step=step), backend=backend)


GOOD = np.zeros((1, 2))
RETURNS = [
    ("step", lambda s, a, u, n: (s, s), TypeError, r"step: expected (state, rewards, terminated), got (array"),
    ("step", lambda s, a, u, n: None, TypeError, r"step: expected (state, rewards, terminated), got None"),
    ("step", lambda s, a, u, n: (s[:, :1], s, False), ValueError,
     "step: state: expected shape (runs, state_size) = (3, 2), got (3, 1)"),
    ("step", lambda s, a, u, n: (s, s[:, 0], False), ValueError,
     "step: rewards: expected shape (runs, agents) = (3, 2), got (3,)"),
    ("step", lambda s, a, u, n: (s, s, np.zeros(4, bool)), ValueError,
     "step: terminated: expected shape (runs,) = (3,), got (4,)"),
    ("step", lambda s, a, u, n: (s, s, np.zeros(len(s))), TypeError, "step: terminated: expected bool, got float64"),
    ("step", lambda s, a, u, n: (s * np.nan, s, False), ValueError,
     "step: state: expected finite numbers, got nan at [0] of a run"),
    ("step", lambda s, a, u, n: (s * 1j, s, False), TypeError, "step: state: expected numbers, got complex128"),
    ("step", lambda s, a, u, n: (s.astype(object), s, False), TypeError, "step: state: expected numbers, got object"),
    ("start", lambda u, n: np.zeros(2), ValueError,
     "start: state: expected shape (runs, state_size) = (3, 2), got (2,)"),
    ("observe", lambda s: s, ValueError, "observe: observation: expected shape (runs, views, features) = (3, 1, 2)"),
]


@pytest.mark.parametrize("what, function, error, text", RETURNS, ids=[f"{c[0]}-{k}" for k, c in enumerate(RETURNS)])
def test_what_python_functions_return_is_checked(what, function, error, text, backend):
    game = numpy_walk(**{what: function})
    kernel, none = game.kernel(backend), np.zeros((3, 0))
    calls = {"step": lambda: kernel.step(np.ones((3, 2)), np.zeros((3, 2), np.int32), np.ones((3, 1)) / 2, none,
                                         np.zeros((3, 2)), np.zeros(3, bool)),
             "start": lambda: kernel.start(np.zeros((3, 2)), np.ones((3, 1)) / 2, none),
             "observe": lambda: kernel.observe(np.ones((3, 2)), np.zeros((3, 1, 2)))}
    with pytest.raises(error) as caught:
        calls[what]()
    # The NumPy backend asks again for one run in place of three, to find out whose fault it is.
    assert re.sub(r"\b[13]\b", "n", text) in re.sub(r"\b[13]\b", "n", str(caught.value))
    with pytest.raises(error):
        game.check()


# -- objects that play one run at a time ----------------------------------------------------------------


class Player:
    """Counts the calls for each run, and may keep things between them."""

    def __init__(self):
        self.calls = []
        self.observe = None

    def start(self, runs, uniforms, normals):
        self.calls.append(runs.tolist())
        return np.zeros((len(runs), 2))

    def step(self, runs, state, actions, uniforms, normals):
        self.calls.append(runs.tolist())
        if 2 in runs:
            raise LookupError("run two")
        return state + 1.0, np.zeros((len(runs), 2)), np.zeros(len(runs), bool)


@pytest.mark.parametrize("lockstep", [False, True])
def test_runs_are_told_and_called_alone_where_the_player_says_so(lockstep, backend):
    player = Player()
    kernel = kernels(backend, "own").Python(player, 2, 2, 1, 2, (0, 0, 0, 0), lockstep)
    assert kernel.serial
    state, none, over = np.ones((3, 2)), np.zeros((3, 0)), np.zeros(3, bool)
    kernel.start(state, none, none)
    assert player.calls == ([[0, 1, 2]] if lockstep else [[0], [1], [2]]) and (state == 0).all()
    with pytest.raises(LookupError, match="run two"):
        kernel.step(state, np.zeros((3, 2), np.int32), none, none, np.zeros((3, 2)), over)
    assert [2] in player.calls or lockstep
    assert state[2].tolist() == [0.0, 0.0]


BAD_ANSWERS = [
    (lambda s: [s, s, np.zeros(1, bool)], "step: expected (state, rewards, terminated)"),
    (lambda s: (s.astype(np.float32), s, np.zeros(1, bool)), "step: state: expected float64, got float32"),
    (lambda s: (s, s.T.copy(), np.zeros(1, bool)), "step: rewards: expected shape (1, 2), got (2, 1)"),
    (lambda s: (s, s, np.zeros(1)), "step: terminated: expected bool, got float64"),
    (lambda s: (np.zeros((1, 4))[:, ::2], s, np.zeros(1, bool)), "step: state: expected a C-contiguous array"),
    (lambda s: (s.tolist(), s, np.zeros(1, bool)), "step: state: expected a NumPy array of float64, got list"),
]


@pytest.mark.parametrize("answer, text", BAD_ANSWERS)
def test_a_player_that_answers_badly_is_refused(answer, text, backend):
    player = Player()
    player.step = lambda runs, state, actions, uniforms, normals: answer(state)
    kernel, none = kernels(backend, "own").Python(player, 2, 2, 1, 2, (0, 0, 0, 0), False), np.zeros((1, 0))
    with pytest.raises((TypeError, ValueError)) as caught:
        kernel.step(np.zeros((1, 2)), np.zeros((1, 2), np.int32), none, none, np.zeros((1, 2)), np.zeros(1, bool))
    assert text in str(caught.value)


# -- functions that are refused -------------------------------------------------------------------------


def address(kind, function=lambda *_: 0):
    made = C[kind](function)
    KEPT.append(made)
    return ctypes.cast(made, ctypes.c_void_p).value


KEPT = []
NOT_C = [
    (lambda: 12345, "nothing says what the function at address 12345 is given; marlfast.games.own.pointer"),
    (lambda: print, "expected a compiled function, got <built-in function print>; of cffi's lib, give ffi.addressof"),
    (lambda: numpy_step, "; decorate it with numba.njit, or use NumPyGame"),
    (lambda: "step", "expected a compiled function, got 'step'"),
    (lambda: None, "expected a compiled function, got None"),
    (lambda: True, "expected a compiled function, got True"),
    (lambda: C["start"](lambda *_: 0), "got int32_t (double *, double *, double *, double *)"),
    (lambda: C["observe"](lambda *_: 0), "got int32_t (double *, double *, double *)"),
    (lambda: ctypes.CFUNCTYPE(ctypes.c_int)(address("step")), "nothing says what this ctypes function is given; set"),
    (lambda: ctypes.CFUNCTYPE(ctypes.c_double, REALS, REALS, IDS, REALS, REALS, REALS, FLAGS)(address("step")),
     "got double (double *, double *, int32_t *, "),
    (lambda: ctypes.CFUNCTYPE(ctypes.c_int, REALS, REALS, REALS, REALS, REALS, REALS, FLAGS)(address("step")),
     "got int32_t (double *, double *, double *, "),
    (lambda: ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 7)(address("step")), "got int32_t (void *, void *"),
    (lambda: ctypes.PYFUNCTYPE(ctypes.c_int, REALS, REALS, IDS, REALS, REALS, REALS, FLAGS)(address("step")),
     "needs Python's lock, which training does not hold; load it with ctypes.CDLL"),
]


@pytest.mark.parametrize("make, text", NOT_C)
def test_a_function_of_another_kind_is_refused(make, text):
    with pytest.raises(TypeError, match="^step: ") as caught:
        CompiledGame(make(), C["start"](lambda *_: 0), **WALK)
    assert text in str(caught.value)
    if "got int32_t" in text:
        wanted = "int32_t (double *, double *, int32_t *, double *, double *, double *, uint8_t *)"
        assert f"expected a C function {wanted}, got" in str(caught.value)


def test_a_null_pointer_is_refused():
    with pytest.raises(ValueError, match="^step: its address is 0"):
        CompiledGame(C["step"](0), C["start"](lambda *_: 0), **WALK)
    with pytest.raises(ValueError, match="^address: expected"):
        own.pointer(0)


def capsule(address, name):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    KEPT.append(name)
    return new(address, name, None)


START = b"int (double const *, double *, const double *, double const*)"


@pytest.mark.parametrize("name", [START, b"int32_t (double *,double *,double *,double *)",
                                  b"int start(double *p, double *s, double *u, double *n)",
                                  b"int (*)(double *, double *, double *, double *)",
                                  b"signed int (double *, double *, double *, double *) noexcept nogil"])
def test_a_capsule_named_by_its_signature_is_taken(name):
    place = address("start")
    assert own._address("start", capsule(place, name)) == place


@pytest.mark.parametrize("name", [None, b"", b"start", b"int ()", b"int (double *, double *, double *)",
                                  b"int (double, double *, double *, double *)", b"long " + START[4:],
                                  b"int (float *, double *, double *, double *)",
                                  b"int (double **, double *, double *, double *)"])
def test_a_capsule_of_another_name_is_refused(name):
    with pytest.raises(TypeError, match="^start: expected a C function int32_t"):
        own._address("start", capsule(address("start"), name))


def test_an_address_is_taken_where_one_vouches_for_it():
    reference = c_walk()
    game = CompiledGame(own.pointer(ctypes.cast(reference.step, ctypes.c_void_p).value),
                        own.pointer(ctypes.cast(reference.start, ctypes.c_void_p).value), parameters=[1.0], **WALK)
    assert bits(trained(game)) == bits(trained(reference))


def test_functions_of_cffi():
    cffi = pytest.importorskip("cffi")
    ffi, reference = cffi.FFI(), c_walk()
    step = ffi.cast("int(*)(const double *, double *, const int32_t *, const double *, const double *, double *, "
                    "uint8_t *)", ctypes.cast(reference.step, ctypes.c_void_p).value)
    start = ffi.callback("int(const double *, double *, const double *, const double *)",
                         lambda p, s, u, n: reference.start(*(ctypes.cast(int(ffi.cast("intptr_t", x)), REALS)
                                                              for x in (p, s, u, n))))
    assert bits(trained(CompiledGame(step, start, parameters=[1.0], **WALK))) == bits(trained(reference))
    for kind in ("int(*)(double *)", "int *", "double"):
        with pytest.raises(TypeError, match="^start: expected a C"):
            own._address("start", ffi.cast(kind, 64))


def test_functions_of_scipy():
    scipy = pytest.importorskip("scipy")
    place = address("start")
    taken = scipy.LowLevelCallable(C["start"](place))
    assert own._address("start", taken) == place
    with pytest.raises(TypeError, match="^step: expected a C function"):
        own._address("step", taken)
    with pytest.raises(ValueError, match="user_data would not be passed on; use parameters="):
        own._address("start", scipy.LowLevelCallable(C["start"](place), ctypes.c_void_p(8)))


@needs_numba
def test_functions_of_numba_cfunc():
    pointer, real = numba.types.CPointer, numba.types.float64

    @numba.cfunc(numba.types.int32(*[pointer(real)] * 4))
    def start(parameters, state, uniforms, normals):
        state[0] = state[1] = -1.0 if uniforms[0] < 0.5 else 1.0
        return 0

    assert own._address("start", start) == own._address("start", start.ctypes) == start.address
    reference = c_walk()
    game = CompiledGame(reference.step, start, parameters=[1.0], **WALK)
    assert bits(trained(game)) == bits(trained(reference))
    with pytest.raises(TypeError, match=r"^step: expected a C function .*, got int32_t \(double \*, double \*, "):
        CompiledGame(start, start, **WALK)


@needs_numba
@pytest.mark.parametrize("what, function, text", [
    ("step", lambda p, s, a, u, n, r: s[0], "return True where the game is over, else False; it returns float64"),
    ("step", lambda p, s, a, u, n: True, "numba cannot compile it as step"),
    ("step", lambda p, s, a, u, n, r: s.nothing, "numba cannot compile it as step"),
    ("start", lambda s: None, "numba cannot compile it as start"),
])
def test_what_numba_cannot_compile_is_refused_at_first_use(what, function, text):
    game = numba_walk(**{what: numba.njit(function)})
    with pytest.raises(TypeError, match=f"^{what}: ") as caught:
        game.kernel()
    assert text in str(caught.value)


# -- arguments ------------------------------------------------------------------------------------------

ARGUMENTS = [
    ({"agents": 0}, "agents: expected 1 to"), ({"state_size": 0}, "state_size: expected 1 to"),
    ({"actions": 0}, "actions: expected 1 to"), ({"actions": (2, 0)}, r"actions\[1\]: expected 1 to"),
    ({"actions": (2, 2, 2)}, "actions: expected one number, or one for each of the 2 agents, got 3"),
    ({"views": 3}, "views: expected 1 .* or 2"), ({"features": 3}, "observe: without it all agents see the state"),
    ({"views": 2}, "observe: without it all agents see the state"),
    ({"observations": 4}, "observe: without it all agents see the state"),
    ({"observations": 4, "features": 2}, "observations: a number is seen alone"),
    ({"horizon": -1}, "horizon: expected at least 0"), ({"step_uniforms": -1}, "step_uniforms: expected 0 to"),
    ({"start_normals": 0.5}, "start_normals: expected a whole number"),
    ({"setting": "kind"}, "setting: expected one of"),
    ({"bounds": ([0.0], [1.0])}, r"bounds\[0\]: expected shape \(2,\)"),
    ({"bounds": ([1.0, 1.0], [0.0, 2.0])}, "bounds: expected the least values"),
    ({"reward_bounds": (1.0, 0.0)}, "reward_bounds: expected the least"), ({"text": "no"}, "text: expected a function"),
    ({"teams": [[0]]}, "teams: expected every agent"),
]


@pytest.mark.parametrize("make", [c_walk, numpy_walk])
@pytest.mark.parametrize("change, text", ARGUMENTS)
def test_facts_that_do_not_fit_are_refused(make, change, text):
    with pytest.raises((TypeError, ValueError), match=f"^{text}"):
        make(**change)


def test_other_arguments():
    with pytest.raises(ValueError, match="^parameters: expected one row of numbers, got shape"):
        c_walk(parameters=[[1.0]])
    with pytest.raises(ValueError, match="^parameters: expected numbers, got 'x'"):
        c_walk(parameters="x")
    with pytest.raises(ValueError, match="^setting: 'competitive' is for two agents, got 3"):
        numpy_walk(agents=3, setting="competitive")
    with pytest.raises(TypeError, match="^step: expected a function of arrays, got 3"):
        numpy_walk(step=3)
    with pytest.raises(ValueError, match="^horizon: game 'numpy' never ends"):
        mf.Experiment(numpy_walk(horizon=0, terminates=False), mf.IQL(), encoder=mf.Rounding(0), episodes=1)
    game = c_walk()
    with pytest.raises(ValueError):
        game.parameters[0] = 2.0


COMPILED = dict(step=1, start=1, observe=0, parameters=np.zeros(0), agents=2, state_size=2, views=1, features=2,
                draws=(0, 0, 0, 0), repeat=None, functions=None)


@pytest.mark.parametrize("change", [
    {"step": 0}, {"start": 0}, {"agents": 0}, {"state_size": 0}, {"views": 0}, {"views": 2}, {"features": 1},
    {"views": 3, "observe": 1}, {"draws": (0, 0, 0)}, {"draws": (0, -1, 0, 0)}, {"parameters": [1.0]},
    {"parameters": np.zeros((1, 1))}, {"parameters": np.zeros(1, np.float32)}], ids=str)
def test_kernels_refuse_what_does_not_fit(change, both):
    said = []
    for module in both("own"):
        module.Compiled(**COMPILED)
        with pytest.raises((TypeError, ValueError)) as caught:
            module.Compiled(**COMPILED | change)
        said.append(str(caught.value))
        if not {"step", "start", "observe", "parameters"} & set(change):
            facts = {k: v for k, v in (COMPILED | change).items() if k in (
                "agents", "state_size", "views", "features", "draws")}
            with pytest.raises(ValueError):
                module.Python(Player(), **facts, lockstep=True)
    assert said[0] == said[1]


# -- the shadow run -------------------------------------------------------------------------------------


def spoilt(what, spoil, **changes):
    """The walk, whose function ``what`` does one thing more."""
    good = {"step": c_walk().step, "start": c_walk().start,
            "observe": C["observe"](lambda p, s, o: put(o, 0, s[0]) or put(o, 1, s[1]) or 0)}

    def function(*arguments):
        good[what](*arguments)
        spoil(*arguments)
        return 0
    return c_walk(**{what: function}, **changes)


def put(array, place, value=1.25):
    array[place] = value


OUTSIDE = [
    ("step", lambda p, s, a, u, n, r, t: put(s, -1), "step writes before the beginning of state, which has 2 numbers"),
    ("step", lambda p, s, a, u, n, r, t: put(s, 2), "step writes past the end of state, which has 2 numbers"),
    ("step", lambda p, s, a, u, n, r, t: put(r, 2), "step writes past the end of rewards, which has 2 numbers"),
    ("step", lambda p, s, a, u, n, r, t: put(r, -1), "step writes before the beginning of rewards"),
    ("step", lambda p, s, a, u, n, r, t: put(r, 400), "step writes past the end of rewards"),
    ("step", lambda p, s, a, u, n, r, t: put(t, 1, 0), "step writes past the end of terminated, which has 1 numbers"),
    ("step", lambda p, s, a, u, n, r, t: put(a, 0, 9), "step writes into actions, which it may only read"),
    ("step", lambda p, s, a, u, n, r, t: put(a, 2, 9), "step writes past the end of actions"),
    ("step", lambda p, s, a, u, n, r, t: put(u, 0), "step writes into uniforms, which it may only read"),
    ("step", lambda p, s, a, u, n, r, t: put(n, 0), "step writes past the end of normals, which has 0 numbers"),
    ("step", lambda p, s, a, u, n, r, t: put(p, 0), "step writes into parameters, which it may only read"),
    ("step", lambda p, s, a, u, n, r, t: put(p, 1), "step writes past the end of parameters, which has 1 numbers"),
    ("start", lambda p, s, u, n: put(s, -1), "start writes before the beginning of state"),
    ("start", lambda p, s, u, n: put(s, 2), "start writes past the end of state"),
    ("start", lambda p, s, u, n: put(u, 0), "start writes into uniforms, which it may only read"),
    ("observe", lambda p, s, o: put(o, 2), "observe writes past the end of observation, which has 2 numbers"),
    ("observe", lambda p, s, o: put(o, -1), "observe writes before the beginning of observation"),
    ("observe", lambda p, s, o: put(s, 0), "observe writes into state, which it may only read"),
]


@pytest.mark.parametrize("what, spoil, text", OUTSIDE, ids=[c[2].replace(" ", "_") for c in OUTSIDE])
def test_a_function_that_writes_outside_is_found_at_first_use(what, spoil, text):
    game = spoilt(what, spoil)
    for use in (game.kernel, game.check, lambda: trained(game), lambda: game.kernel("numpy")):
        with pytest.raises(ValueError, match=f"^{text}"):
            use()


@needs_numba
def test_a_jitted_step_that_writes_outside_is_found_at_first_use():
    @numba.njit
    def step(parameters, state, actions, uniforms, normals, rewards):
        for i in range(rewards.size + 1):
            rewards[i] = 0.0
        return False
    with pytest.raises(ValueError, match="^step writes past the end of rewards, which has 2 numbers"):
        trained(numba_walk(step=step))


def test_what_is_kept_between_calls_is_found():
    count = [0]

    def counting(parameters, state, actions, uniforms, normals, rewards, terminated):
        count[0] += 1
        state[0], rewards[0], rewards[1] = count[0], 0.0, 0.0
        return 0
    text = "gives another {} when it is called again with the same numbers; it must keep nothing between calls"
    with pytest.raises(ValueError, match=f"^step {text.format('state')}"):
        c_walk(step=counting).kernel()
    chance = np.random.default_rng(0)
    with pytest.raises(ValueError, match=f"^start {text.format('state')}"):
        numpy_walk(start=lambda uniforms, normals: chance.random((len(uniforms), 2))).kernel()
    with pytest.raises(ValueError, match=f"^step {text.format('rewards')}"):
        numpy_walk(step=lambda s, a, u, n: (s, s + chance.random(), False)).kernel()
    with pytest.raises(ValueError, match=f"^observe {text.format('observation')}"):
        numpy_walk(observe=lambda s: s[:, None] + chance.random()).kernel()


@pytest.mark.parametrize("what, name, function", [
    ("step", "rewards", lambda p, s, a, u, n, r, t: put(r, 0, 1.0) or 0),
    ("step", "rewards", lambda p, s, a, u, n, r, t: put(r, 0, 1.0) or put(r, 1, r[1] + 1.0) or 0),
    ("start", "state", lambda p, s, u, n: put(s, 1) or 0)])
def test_what_is_left_unwritten_is_found(what, name, function):
    with pytest.raises(ValueError, match=f"^{what} leaves a part of {name} unwritten, or reads it before"):
        c_walk(**{what: function}).kernel()


LOOKS = [
    ({"reward_bounds": (0.0, 9.0)}, "step writes rewards .* outside reward_bounds"),
    ({"setting": "cooperative"}, "step writes rewards .* in a game whose setting is 'cooperative'"),
    ({"terminates": False}, "step says that the game is over, but the game says terminates=False"),
    ({"bounds": ([-1.0, -1.0], [1.0, 1.0])}, "step gives the observation .* outside bounds"),
    ({"observe": lambda s: s[:, :1, None], "observations": 3}, "observe gives the observation .*: expected whole"),
    ({"step": lambda s, a, u, n: (s, s * np.nan, False)}, "step writes rewards .nan, nan.: expected finite numbers"),
]


@pytest.mark.parametrize("change, text", LOOKS)
def test_checking_holds_a_game_to_what_it_says(change, text):
    game = numpy_walk(**change)
    game.kernel()           # this is not looked at in passing
    with pytest.raises(ValueError, match=f"^{text}"):
        game.check()
    with pytest.raises(ValueError, match=f"^{text}"):
        own.check(game, steps=500, seed=1)


@each_failing
def test_checking_raises_what_the_game_raises(make, error, text):
    game = make()
    game.kernel()
    with pytest.raises(error, match=text):
        game.check()


@pytest.mark.parametrize("game", EXAMPLES, ids=lambda game: game.name)
def test_good_games_pass_the_check(game):
    assert game.check(steps=100) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_crash_is_an_error_where_the_check_is_isolated():
    def crash(p, s, u, n):
        faulthandler.disable()      # in that process: what it would print is not wanted
        os.kill(os.getpid(), 11)
    with pytest.raises(ValueError, match=r"ended their process \(signal 11, SIGSEGV\)"):
        spoilt("start", crash).check(isolate=True)
    with pytest.raises(ValueError, match="^step writes past the end of state"):
        spoilt("step", OUTSIDE[1][1]).check(isolate=True)
    with pytest.raises(ValueError, match="^RuntimeError: step returned 7"):
        failing_c().check(isolate=True)
    c_walk().check(isolate=True, steps=20)


def test_check_takes_games_of_ones_own_only():
    with pytest.raises(TypeError, match="^game: expected a CompiledGame or a NumPyGame"):
        own.check(mf.games.Drift())
    with pytest.raises(ValueError, match="^steps: expected at least 1"):
        c_walk().check(steps=0)


# -- files ----------------------------------------------------------------------------------------------


def test_functions_are_noted_not_written():
    values = numpy_walk(text=repr).to_dict()
    assert values["step"] == {"function": f"{__name__}.numpy_step"}
    assert values["text"] == {"function": "builtins.repr"} and "observe" not in values
    assert c_walk().to_dict()["parameters"] == [1.0]
    assert c_walk().to_dict()["step"]["function"].endswith("CFunctionType")
    if numba:
        assert numba_walk().to_dict()["step"] == {"function": f"{__name__}.jitted_step"}


def test_definitions_are_equal_where_their_functions_are_the_same():
    assert numpy_walk() == numpy_walk() != numpy_walk(horizon=3)
    assert numpy_walk(bounds=([-9, -9], [9, 9])) == numpy_walk(bounds=([-9, -9], [9, 9])) != numpy_walk()
    assert numpy_walk() != numpy_walk(step=lambda *_: None)
    one = c_walk()
    assert one == dataclasses.replace(one) != c_walk()
    assert "step=" in repr(one) and "agents=2" in repr(one)


def test_loading_says_that_it_needs_the_game(tmp_path):
    game, path = numpy_walk(), tmp_path / "walk.npz"
    trained(game).save(path)
    with pytest.raises(mf.FileError) as caught:
        mf.load(path)
    assert str(caught.value) == (
        f"{path}: its game has functions of its own (step: {__name__}.numpy_step, start: {__name__}.numpy_start), "
        "which a file cannot hold; give the game too: load(path, game=game)")
    with pytest.raises(mf.FileError, match="its game has horizon=20, the game that was given has 21"):
        mf.load(path, game=numpy_walk(horizon=21))
    with pytest.raises(mf.FileError, match="its game has name='numpy', the game that was given has 'compiled'"):
        mf.load(path, game=c_walk())
    with pytest.raises(mf.FileError, match="its game has name='numpy', the game that was given has 'drift'"):
        mf.load(path, game=mf.games.Drift())
    with pytest.raises(TypeError, match="^game: expected a game"):
        mf.load(path, game=3)
    # Other functions may stand in their place: a file cannot tell.
    assert mf.load(path, game=numpy_walk(step=lambda *_: None)).steps.tolist() == trained(game).steps.tolist()


def test_a_failed_result_is_saved_too(tmp_path):
    game = failing_c()
    with pytest.raises(mf.TrainingError) as caught:
        trained(game)
    caught.value.result.save(tmp_path / "failed.npz")
    assert "failed: own code" in mf.load(tmp_path / "failed.npz", game=game).stop_reason


def test_a_game_of_arrays_can_be_given_as_well(tmp_path):
    run = mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=2)
    run.save(tmp_path / "drift.npz")
    assert mf.load(tmp_path / "drift.npz", game=mf.games.Drift()).steps.tolist() == run.steps.tolist()
    with pytest.raises(mf.FileError, match="its game has agents=4, the game that was given has 2"):
        mf.load(tmp_path / "drift.npz", game=mf.games.Drift(agents=2))


@pytest.mark.parametrize("name", ["compiled", "numpy"])
def test_plain_values_make_no_game_of_ones_own(name):
    for values in (name, {"name": name}, {"name": name, "step": {"function": "os.system"}, "agents": 2}):
        with pytest.raises(ValueError, match=f"^game: game '{name}' is made of functions, which plain values cannot"):
            mf.Experiment.from_dict({"game": values, "learner": "iql"})


def test_what_cannot_be_pickled_is_not_written_either(tmp_path):
    # Ctypes' functions have pointers; a result of such a game is saved all the same.
    game = c_walk()
    with pytest.raises((ValueError, TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(game)
    trained(game).save(tmp_path / "walk.npz")
