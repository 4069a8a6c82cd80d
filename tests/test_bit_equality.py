"""Both backends give the same numbers, bit for bit, whatever the experiment."""
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from training_helpers import assert_same, differing, experiments

import marlfast as mf

MANY = settings(derandomize=True, deadline=None, max_examples=250, database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@MANY
@given(experiment=experiments(), block=st.sampled_from([7, 64, 1000]))
def test_backends_give_the_same_bits(experiment, block):
    compiled = mf.train(experiment, threads=1, block=block)
    reference = mf.train(experiment, backend="numpy")
    assert_same(compiled, reference)
    # What is recorded is not left out of the comparison by accident.
    assert "learner.q" in compiled.arrays and compiled.steps.min() >= 1


@pytest.mark.slow
@settings(MANY, max_examples=5000)
@given(experiment=experiments(), block=st.sampled_from([1, 7, 64, 1000]))
def test_backends_give_the_same_bits_at_length(experiment, block):
    assert_same(mf.train(experiment, threads=1, block=block), mf.train(experiment, backend="numpy"))


@settings(MANY, max_examples=30)
@given(experiment=experiments(), share=st.floats(0.1, 3.0))
@example(experiment=mf.Experiment(mf.games.Drift(agents=2), mf.IQL(), encoder=mf.Rounding(2), steps=400), share=1.0)
def test_evaluation_gives_the_same_bits(experiment, share):
    run = mf.train(experiment, threads=1)
    game = experiment.game
    limits = {"episodes": 3, "seed": 5, "max_steps": 1000}
    if not game.horizon:
        return
    for policy in (run, run.policy(0), "random"):
        compiled = mf.evaluate(game, policy, threads=1, **limits)
        reference = mf.evaluate(game, policy, backend="numpy", **limits)
        assert compiled.returns.tobytes() == reference.returns.tobytes()
        assert compiled.lengths.tobytes() == reference.lengths.tobytes()


CASES = {
    "rows grow many times": mf.Experiment(
        mf.games.Drift(agents=3, noise=5.0),
        mf.IQL(explore=mf.EpsilonGreedy(0.5, ties="random"), initial_q=[1.0, 0, 2, 1, 2]),
        encoder=mf.Rounding(1), steps=1500, runs=2),
    "more than 64 actions": mf.Experiment(
        mf.games.Drift(agents=5, actions=130), mf.IQL(), encoder=mf.Grid(-2, 2, 5), steps=200,
        shaping=[mf.rewards.Diversity(), mf.rewards.Redundancy()], rewards=mf.rewards.cooperative()),
    "70 agents, one table": mf.Experiment(
        mf.games.Drift(agents=70), mf.IQL(0.5, share="all"), encoder=mf.Grid(-2, 2, 3), steps=50, runs=2),
    "64 features": mf.Experiment(
        mf.games.Drift(agents=2, state_size=64), mf.IQL(), encoder=mf.Rounding(0), steps=50),
    "a temperature near 0, and large values": mf.Experiment(
        mf.games.MatrixGame([[0.0, 1e10], [1.0, -1e10]], horizon=3),
        mf.IQL(explore=mf.Boltzmann(1e-300)), steps=100, runs=3),
    "a huge temperature": mf.Experiment(
        mf.games.MatrixGame([[0.0, 1.0], [1.0, 2.0]], horizon=3), mf.IQL(explore=mf.Boltzmann(1e300)), steps=100),
    "values near the largest": mf.Experiment(
        mf.games.MatrixGame([[1e307, -1e307], [0.0, 1.0]], horizon=0),
        mf.IQL(1.0, discount=0.9, explore=mf.EpsilonGreedy(0.5)), steps=60),
    "a learning rate that sinks below the normal numbers": mf.Experiment(
        mf.games.MatrixGame([[1.0, 2.0], [0.0, 1.0]]),
        mf.IQL(mf.schedules.Exponential(1.0, 1e-30), explore=mf.EpsilonGreedy(1.0)), steps=40),
    "a drift that rounding can hardly number": mf.Experiment(
        mf.games.Drift(agents=1, push=1e12, horizon=0), mf.IQL(), encoder=mf.Rounding(2), steps=5),
}


@pytest.mark.parametrize("name", CASES)
def test_extremes_give_the_same_bits(name):
    assert_same(mf.train(CASES[name], threads=1), mf.train(CASES[name], backend="numpy"))


@pytest.mark.parametrize("game,learner,encoder", [
    # The state leaves what can be rounded; values overflow; no row is left.
    (mf.games.Drift(agents=2, push=1e14, horizon=0), mf.IQL(), mf.Rounding(1)),
    (mf.games.MatrixGame([[1e308, 1e308]], horizon=0), mf.IQL(1.0, discount=1.0), None),
    (mf.games.Drift(agents=2, noise=9.0, horizon=0), mf.IQL(), mf.Rounding(0, max_rows=20)),
])
def test_failures_leave_the_same_bits(game, learner, encoder):
    """A run that fails stops at the same place, with the same words, and leaves the same arrays."""
    results, messages = [], []
    for backend in ("cython", "numpy"):
        with pytest.raises(mf.TrainingError) as error:
            mf.train(game, learner, encoder=encoder, steps=300, runs=2, block=300, threads=1, backend=backend)
        results.append(error.value.result)
        messages.append(str(error.value))
    assert differing(*results) == []
    assert messages[0] == messages[1]
    assert results[0].stop_reason == results[1].stop_reason


def test_the_reference_needs_no_compiled_code(tmp_path):
    """Training, evaluating, saving, loading and stepping with backend="numpy" where nothing is compiled."""
    program = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("marlfast.core."):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import marlfast as mf
game = mf.games.Drift(agents=2, horizon=5)
for encoder in (mf.Rounding(0), mf.Grid(-1, 1, 3)):
    run = mf.train(game, mf.IQL(), encoder=encoder, episodes=3, runs=2, shaping=[mf.rewards.Diversity()],
                   backend="numpy")
    run.save({str(tmp_path / "run.npz")!r})
    run = mf.load({str(tmp_path / "run.npz")!r}, backend="numpy")
    run = mf.train(resume=run, episodes=2, backend="numpy")
    mf.evaluate(game, run, episodes=2, backend="numpy")
    env = game.env(backend="numpy")
    team = mf.IQL().team(game, encoder=encoder, backend="numpy")
    obs = env.reset()
    actions = team.act(obs)
    next_obs, rewards, terminated, truncated = env.step(actions)
    team.update(obs, actions, rewards, next_obs, terminated, truncated)
    mf.draws.stream(0, 0, "explore", 0, 5, backend="numpy")
    run.policy(0)([0.0, 0.0])
print(run.steps.tolist())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[25, 25]"


def test_one_seed_is_not_another():
    """The comparison can fail: other seeds and other runs give other numbers."""
    game = mf.games.Drift(agents=2)
    one, other = (mf.train(game, mf.IQL(), encoder=mf.Rounding(1), episodes=2, runs=2, seed=s) for s in (0, 1))
    assert "learner.q" in differing(one, other)
    assert not np.array_equal(one.returns[0], one.returns[1])
