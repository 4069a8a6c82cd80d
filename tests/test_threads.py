"""Results depend neither on threads nor on blocks nor on how runs are split."""
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_helpers import assert_same, differing, experiments, part_of, random_markov

import marlfast as mf

SOME = settings(derandomize=True, deadline=None, max_examples=25, database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

# Long enough that rows grow, records grow and schedules move, and that threads do run at the same time.
DRIFT = mf.Experiment(
    mf.games.Drift(agents=3, noise=1.0, horizon=9),
    mf.IQL(mf.schedules.Linear(0.5, 0.1, 500), explore=mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.1, ties="random")),
    encoder=mf.Rounding(1), rewards=mf.rewards.cooperative(),
    shaping=[mf.rewards.Diversity(), mf.rewards.PotentialBased(mf.rewards.Distance(0.5))],
    steps=2000, runs=9, seed=7, stop=[mf.GreedyStable(25)])
MARKOV = mf.Experiment(
    random_markov(3, (2, 3), states=6, horizon=4, terminal=True), mf.IQL(explore=mf.Boltzmann(0.5)),
    rewards=mf.rewards.competitive(), episodes=300, runs=9, record_every=7, stop=[mf.ReturnReached(1.0, window=10)])


@pytest.fixture(scope="module")
def alone():
    """The two experiments by one thread."""
    return {experiment: mf.train(experiment, threads=1) for experiment in (DRIFT, MARKOV)}


@pytest.mark.parametrize("experiment", [DRIFT, MARKOV], ids=["drift", "markov"])
@pytest.mark.parametrize("threads, block", [(2, 33), (7, None), (64, 33)])
def test_threads_do_not_matter(alone, experiment, threads, block):
    assert_same(mf.train(experiment, threads=threads, block=block), alone[experiment])


@pytest.mark.parametrize("experiment", [DRIFT, MARKOV], ids=["drift", "markov"])
@pytest.mark.parametrize("block", [1, 17, 100_000])
def test_blocks_do_not_matter(alone, experiment, block):
    assert_same(mf.train(experiment, threads=1, block=block), alone[experiment])


@pytest.mark.parametrize("block", [1, 17])
def test_blocks_do_not_matter_to_the_reference(block):
    short = DRIFT.replace(steps=60, runs=3)
    assert_same(mf.train(short, block=block, backend="numpy"), mf.train(short, backend="numpy"))


def test_the_reference_by_threads():
    short = DRIFT.replace(steps=60, runs=5)
    assert_same(mf.train(short, threads=7, block=16, backend="numpy"), mf.train(short, backend="numpy"))


@pytest.mark.parametrize("experiment", [DRIFT, MARKOV], ids=["drift", "markov"])
def test_runs_do_not_know_each_other(alone, experiment):
    """Runs 0 to 8 together are runs 0 to 3 and 4 to 8 apart."""
    for first, last in ((0, 4), (4, 9), (8, 9)):
        apart = mf.train(experiment.replace(runs=last - first, first_run=first), threads=1)
        together = part_of(alone[experiment], first, last)
        assert differing(apart, together) == []
        assert apart.stop_reason == together.stop_reason


@SOME
@given(experiment=experiments(), threads=st.sampled_from([2, 7]), block=st.sampled_from([1, 3, 17, None]))
def test_any_experiment_by_any_threads_and_blocks(experiment, threads, block):
    assert_same(mf.train(experiment, threads=threads, block=block), mf.train(experiment, threads=1, block=1000))


@SOME
@given(experiment=experiments(), data=st.data())
def test_any_experiment_split_by_runs(experiment, data):
    whole = mf.train(experiment, threads=1)
    cut = data.draw(st.integers(0, experiment.runs - 1), label="first run of the second part")
    part = mf.train(experiment.replace(runs=experiment.runs - cut, first_run=experiment.first_run + cut), threads=1)
    assert differing(part, part_of(whole, cut, experiment.runs)) == []


def test_the_same_again():
    assert_same(mf.train(DRIFT), mf.train(DRIFT))


# -- errors name the same run, too ---------------------------------------------------------------

WANDER = mf.games.NumPyGame(lambda state, actions, uniforms, normals: (
    normals, np.where(uniforms < 0.0003, np.nan, 0.0), False), lambda uniforms, normals: np.zeros((len(uniforms), 1)),
    agents=1, actions=2, state_size=1, step_uniforms=1, step_normals=1, horizon=0)
WRONG = {
    # Rates alone tell how soon a run diverges: the third, and with it the last, is the first of all.
    "all diverge": (mf.Experiment(mf.games.MatrixGame([1e307], horizon=0), mf.IQL(
        [0.3, 0.5, 1.0, 0.7, 1.0], discount=1.0), steps=500, runs=5, seed=0), "run 2, step "),
    "too many rows": (mf.Experiment(mf.games.Drift(noise=1.0, horizon=0), mf.IQL(), steps=5000, runs=9, seed=3,
                                    encoder=mf.Rounding(1, max_rows=300)), "max_rows: run "),
    "rows grow until rewards fail": (mf.Experiment(WANDER, mf.IQL(), encoder=mf.Rounding(6), steps=20000, runs=9,
                                                   seed=3), "a reward is not finite"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_the_same_run_by_any_threads_and_blocks(name):
    experiment, words = WRONG[name]
    told = set()
    for threads, block in ((1, None), (2, None), (1, 1000), (2, 1000), (2, 7), (1, 1), (7, 7)):
        with pytest.raises(mf.TrainingError, match=words) as error:
            mf.train(experiment, threads=threads, block=block)
        told.add(str(error.value))
    assert len(told) == 1


def test_errors_name_the_run_that_failed_first():
    alone = []
    for run in range(9):
        with pytest.raises(mf.TrainingError) as error:
            mf.train(WRONG["rows grow until rewards fail"][0].replace(runs=1, first_run=run), threads=1)
        alone.append((int(error.value.result.steps[0]), run, str(error.value)))
    with pytest.raises(mf.TrainingError) as error:
        mf.train(WRONG["rows grow until rewards fail"][0], threads=2)
    assert str(error.value) == min(alone)[2] and min(alone)[0] > 256 and min(alone)[1] > 0
