"""A run that goes on is the run that never stopped, bit for bit."""
import signal

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from training_helpers import actions_as_draws, assert_same, differing, experiments, random_markov

import marlfast as mf

SOME = settings(derandomize=True, deadline=None, max_examples=80, database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large,
                                       HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])

GAMES = {
    "drift": (mf.games.Drift(agents=3, noise=2.0, horizon=13), mf.Rounding(0)),
    "grid": (mf.games.Drift(agents=2, horizon=5), mf.Grid(-2.0, 2.0, 7)),
    "markov": (random_markov(11, (2, 3), states=5, horizon=4, terminal=True), None),
}
LEARNER = mf.IQL(mf.schedules.Harmonic(0.9, 0.01, minimum=0.05),
                 explore=mf.EpsilonGreedy(1.0, decay=0.97, minimum=0.1, ties="random", draws=2), initial_q=0.5)


def experiment(name, **options):
    game, encoder = GAMES[name]
    return mf.Experiment(game, LEARNER, encoder=encoder, shaping=[
        mf.rewards.Diversity(), mf.rewards.PotentialBased(mf.rewards.Distance(1.0, order=2))], runs=4, seed=3,
        **options)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("backend, record_every", [("cython", 4), ("numpy", 1)])
def test_half_saved_loaded_resumed_is_the_whole(name, backend, record_every, tmp_path):
    n = 15
    whole = mf.train(experiment(name, episodes=2 * n, record_every=record_every), backend=backend)
    half = mf.train(experiment(name, episodes=n, record_every=record_every), backend=backend)
    half.save(tmp_path / "half.npz")
    rest = mf.train(resume=mf.load(tmp_path / "half.npz"), episodes=n, backend=backend)
    assert rest.episodes.tolist() == [2 * n] * 4
    assert_same(rest, whole)
    assert_same(mf.train(resume=half, episodes=n, backend=backend), whole)


@pytest.mark.parametrize("name", GAMES)
def test_resume_by_steps_in_the_middle_of_an_episode(name, tmp_path):
    """Stopped after 101 steps, in the middle of an episode: the shaping's memory and the sums go on."""
    whole = mf.train(experiment(name, steps=303))
    part = mf.train(experiment(name, steps=101))
    assert (part.arrays["episode_steps"] > 0).any()
    for _ in range(2):
        part.save(tmp_path / "part.npz")
        part = mf.train(resume=mf.load(tmp_path / "part.npz"), steps=101)
    assert part.steps.tolist() == [303] * 4
    assert_same(part, whole)


def test_resume_changes_neither_the_result_nor_the_file(tmp_path):
    half = mf.train(experiment("drift", episodes=5))
    before = {name: array.copy() for name, array in half.arrays.items()}
    mf.train(resume=half, episodes=5)
    assert half.episodes.tolist() == [5] * 4
    for name, array in half.arrays.items():
        assert array.tobytes() == before[name].tobytes(), name


@SOME
@given(whole=experiments(saved=True), data=st.data())
def test_any_experiment_resumed(whole, data, tmp_path):
    """Cut anywhere by steps, with or without a file in between, with another backend or thread count for the rest."""
    steps = whole.steps
    assume(steps >= 2)
    cut = data.draw(st.integers(1, steps - 1), label="steps before the cut")
    reference = mf.train(whole, threads=1)
    part = mf.train(whole.replace(steps=cut), threads=1)
    # A limit in episodes that was reached makes way when more steps are asked for; a rule stays.
    assume(whole.episodes is None or (part.episodes < whole.episodes).all())
    assume(all(rule.n > cut for rule in whole.stop if rule.name == "steps"))
    assume((part.arrays["reason"] == 1).any())
    if data.draw(st.booleans(), label="through a file"):
        part.save(tmp_path / "part.npz")
        part = mf.load(tmp_path / "part.npz")
    backend, threads = data.draw(st.sampled_from([("cython", 2), ("numpy", 1)]), label="how to go on")
    rest = mf.train(resume=part, steps=steps - cut, backend=backend, threads=threads)
    assert_same(rest, reference)


class Interrupt:
    """A callback that presses Ctrl-C after some blocks."""

    def __init__(self, blocks):
        self.left = blocks

    def __call__(self, session):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_interrupted_saved_and_resumed_is_the_whole(name, backend, tmp_path):
    whole = mf.train(experiment(name, episodes=30))
    before = signal.getsignal(signal.SIGINT)
    part = mf.train(experiment(name, episodes=30), backend=backend, block=10, callback=Interrupt(4))
    assert signal.getsignal(signal.SIGINT) is before
    assert part.interrupted
    assert part.steps.tolist() == [40] * 4
    assert part.stop_reason == ["interrupted"] * 4
    assert (part.returns.shape[1] == part.episodes.max()) and part.episodes.max() < 30
    part.save(tmp_path / "part.npz")
    part = mf.load(tmp_path / "part.npz")
    assert part.interrupted and part.stop_reason == ["interrupted"] * 4
    rest = mf.train(resume=part)
    assert not rest.interrupted
    assert_same(rest, whole)


def test_interrupted_then_more_episodes_than_first_asked_for():
    part = mf.train(experiment("grid", episodes=30), block=10, callback=Interrupt(2))
    rest = mf.train(resume=part, episodes=6)
    assert_same(rest, mf.train(experiment("grid", episodes=36)))


def test_ctrl_c_in_the_last_block_is_no_interruption():
    run = mf.train(experiment("grid", steps=20), block=10, callback=Interrupt(2))
    assert not run.interrupted
    assert run.stop_reason == ["steps"] * 4


def test_a_second_ctrl_c_interrupts_at_once():
    def twice(session):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        mf.train(experiment("grid", steps=1000), block=10, callback=twice)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_a_callback_comes_through():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError):
        mf.train(experiment("grid", steps=1000), block=10, callback=lambda session: 1 / 0)
    assert signal.getsignal(signal.SIGINT) is before


def test_seconds_add_up():
    half = mf.train(experiment("grid", episodes=5))
    rest = mf.train(resume=half, episodes=5)
    assert rest.seconds > half.seconds > 0.0


def test_episodes_ended_by_a_rule_go_on_under_another():
    """A run that was stable goes on where the rule is made stricter, as if the stricter rule had been there before."""
    game = mf.games.MatrixGame([[1.0, 0.0], [0.0, 2.0]])
    learner = mf.IQL(0.3, explore=mf.EpsilonGreedy(0.5, ties="first", draws=2))
    first = mf.train(game, learner, steps=500, runs=3, stop=mf.GreedyStable(10))
    assert first.stop_reason == ["greedy stable"] * 3
    rest = mf.train(resume=first, stop=mf.GreedyStable(60))
    whole = mf.train(game, learner, steps=500, runs=3, stop=mf.GreedyStable(60))
    assert_same(rest, whole)


COIN = mf.games.MatrixGame([0.0, 1.0])      # one agent, one step an episode: its action is its return


def test_runs_that_a_rule_ended_stay_ended():
    """Resuming gives more episodes to the runs that lacked them, and none to those that reached their return."""
    run = mf.train(COIN, mf.IQL(), episodes=6, runs=8, stop=mf.ReturnReached(1.0, window=3))
    reasons = np.array(run.stop_reason)
    assert set(reasons) == {"episodes", "return reached"}
    rest = mf.train(resume=run, episodes=6)
    done = reasons == "return reached"
    assert (rest.steps[done] == run.steps[done]).all()
    lacked = ~done & ~(run.returns[:, 3:, 0] == 1.0).all(axis=1)
    assert (rest.steps[lacked] > run.steps[lacked]).all()


@pytest.mark.parametrize("backend", ["cython", "numpy"])
@pytest.mark.parametrize("limit", ["episodes", "steps"])
def test_a_rule_that_held_together_with_the_old_limit_ends_the_run_there(limit, backend):
    """Episode 3 is the last of the first part and reaches the return: without the limit the run had ended there."""
    draws = {"explore": actions_as_draws([[0], [1], [1], [0], [0], [0]], [2])}
    options = {"stop": mf.ReturnReached(1.0, window=2), "draws": draws, "backend": backend}
    learner = mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.995, minimum=0.05, ties="first", draws=2))
    whole = mf.train(COIN, learner, **{limit: 6}, **options)
    assert whole.steps.tolist() == [3] and whole.stop_reason == ["return reached"]
    half = mf.train(COIN, learner, **{limit: 3}, **options)
    assert half.stop_reason == [limit]
    assert_same(mf.train(resume=half, **{limit: 3}, draws=draws, backend=backend), whole)


@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_a_stable_run_at_the_old_limit_ends_there(backend):
    """No greedy action changes: after 4 steps the run is stable, and resuming must not add a fifth."""
    learner = mf.IQL(0.0)
    whole = mf.train(COIN, learner, steps=8, stop=mf.GreedyStable(4), backend=backend)
    assert whole.steps.tolist() == [4] and whole.stop_reason == ["greedy stable"]
    half = mf.train(COIN, learner, steps=4, stop=mf.GreedyStable(4), backend=backend)
    assert half.stop_reason == ["steps"]
    assert_same(mf.train(resume=half, steps=4, backend=backend), whole)


def test_a_step_limit_that_was_reached_makes_way_for_episodes():
    """Ended by steps, resumed by episodes: so many more episodes, without the old limit."""
    run = mf.train(experiment("grid", steps=12))
    assert run.episodes.tolist() == [2] * 4
    rest = mf.train(resume=run, episodes=3)
    assert rest.episodes.tolist() == [5] * 4
    assert differing(rest, mf.train(experiment("grid", episodes=5))) == []


@pytest.mark.parametrize("options,error,words", [
    ({"runs": 5}, ValueError, ["runs", "resuming"]),
    ({"seed": 1}, ValueError, ["seed", "resuming"]),
    ({"encoder": mf.Rounding(2)}, ValueError, ["encoder", "resuming"]),
    ({"rewards": mf.rewards.cooperative()}, ValueError, ["rewards", "resuming"]),
    ({"shaping": [mf.rewards.Diversity()]}, ValueError, ["shaping", "resuming"]),
    ({"record_every": 2}, ValueError, ["record_every", "resuming"]),
    ({"first_run": 2}, ValueError, ["first_run", "resuming"]),
    ({"game": mf.games.Drift()}, ValueError, ["resume", "game"]),
    ({"learner": mf.IQL()}, ValueError, ["resume", "learner"]),
    ({}, ValueError, ["episodes", "reached its end"]),
    ({"episodes": 0}, ValueError, ["episodes", "0"]),
    ({"episodes": -3}, ValueError, ["episodes", "-3"]),
    ({"steps": 0}, ValueError, ["steps", "0"]),
    ({"steps": True}, TypeError, ["steps", "True"]),
    ({"episodes": 1.5}, TypeError, ["episodes", "1.5"]),
    ({"episodes": "3"}, TypeError, ["episodes", "'3'"]),
    ({"stop": [mf.ReturnReached(0.0, window=3)], "episodes": 1}, ValueError, ["stop", "window"]),
])
def test_what_resuming_refuses(options, error, words):
    run = mf.train(experiment("grid", episodes=2))
    with pytest.raises(error) as caught:
        mf.train(resume=run, **options)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("value", ["run.npz", 3, {"game": 1}, [mf.games.Drift()]])
def test_resuming_something_else(value):
    with pytest.raises(TypeError) as caught:
        mf.train(resume=value, episodes=1)
    assert "resume" in str(caught.value) and "Result" in str(caught.value)
