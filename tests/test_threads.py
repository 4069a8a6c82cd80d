"""Results depend neither on threads nor on blocks nor on how runs are split."""
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
