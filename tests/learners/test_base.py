"""Teams whose agents learn in different ways, and parameters that differ from run to run."""
import pytest

import marlfast as mf
from learners.example import Example

GAME = mf.games.Drift(agents=3, state_size=1, actions=3, horizon=9)
GRID = mf.Grid(-3.0, 6.0, 6)
SLOW = mf.IQL(0.05, discount=0.5, explore=mf.EpsilonGreedy(0.3))
FAST = mf.IQL(0.5, discount=0.9, explore=mf.EpsilonGreedy(0.3), initial_q=1.0)
EXAMPLES = {
    "each": Example([SLOW, FAST, SLOW], (2, 4, 3)),
    "each, agent_ids": Example([(mf.IQL(0.2, share="all"), [0, 2]), (mf.IQL(0.4, explore=mf.Boltzmann(0.7)), [1])],
                               (3, 2, 3)),
}


def train(learner=None, **options):
    options = {"encoder": GRID, "episodes": 12, "runs": 4, "seed": 3} | options
    return mf.train(GAME, learner, **options)


def same(a, b):
    assert set(a.arrays) == set(b.arrays)
    for name, array in a.arrays.items():
        assert array.tobytes() == b.arrays[name].tobytes(), name


# -- several learners ----------------------------------------------------------------------------

def test_a_learner_for_each_agent_is_as_one_for_all_when_they_are_alike(backend):
    apart, together = train(learners=[SLOW, SLOW, SLOW], backend=backend), train(SLOW, backend=backend)
    assert apart.returns.tobytes() == together.returns.tobytes()
    for agent in range(3):
        assert (apart.tables(agent)["q"][:, :, 0] == together.q[:, :, agent]).all()


def test_each_agent_learns_by_its_own_rule(backend):
    # With random actions and rewards of its own, what an agent learns does not depend on the others' learners.
    free = mf.EpsilonGreedy(1.0)
    slow, fast = mf.IQL(0.05, discount=0.5, explore=free), mf.IQL(0.5, discount=0.9, explore=free)
    mixed, slows, fasts = train([slow, fast, slow], backend=backend), train(slow, backend=backend), train(
        fast, backend=backend)
    assert (mixed.tables(0)["q"][:, :, 0] == slows.q[:, :, 0]).all()
    assert (mixed.tables(1)["q"][:, :, 0] == fasts.q[:, :, 1]).all()
    assert (mixed.tables(2)["q"][:, :, 0] == slows.q[:, :, 2]).all()
    assert not (mixed.tables(1)["q"][:, :, 0] == slows.q[:, :, 1]).all()


def test_an_evaluation_plays_every_agents_own_policy():
    run = train(learners=[SLOW, FAST, SLOW], episodes=300)
    by_tables = mf.evaluate(GAME, run.policy(1), episodes=5, seed=4)
    by_hand = mf.evaluate(GAME, lambda obs: run.policy(1)(obs), episodes=5, seed=4)
    assert (by_tables.returns == by_hand.returns).all()


def test_which_tables_are_meant_must_be_said():
    run = train(learners=[SLOW, FAST, SLOW], episodes=2)
    with pytest.raises(ValueError, match=r"q: this team has 3 learners; look at result\.tables\(agent\)"):
        run.q.any()
    with pytest.raises(ValueError, match="agent: expected 0 to 2, got 3"):
        run.tables(3)


@pytest.mark.parametrize("learners, error, message", [
    ([SLOW, SLOW], ValueError, "learners: game 'drift' has 3 agents, the learners control 2"),
    ([], ValueError, "learners: expected at least one"),
    (SLOW, TypeError, "learners: expected a list of learners"),
    ([SLOW, SLOW, "ikl"], ValueError, "unknown learner 'ikl'; did you mean 'iql'"),
    ([SLOW, 3, SLOW], TypeError, r"learners\[1\]: expected a learner"),
    ([(SLOW, [0, 1]), SLOW], ValueError, "not both in one list"),
    ([(SLOW, [0, 1]), (FAST, [1])], ValueError, "agent_ids: expected every agent from 0 on exactly once"),
    ([(SLOW, [0, 1]), (FAST, [])], ValueError, "agent_ids: expected at least one agent for each"),
    ([(SLOW,)], ValueError, r"learners\[0\]: expected a pair"),
    ([mf.learners.Each((SLOW,)), SLOW, SLOW], ValueError, r"learners\[0\]: is itself made of several"),
    ([SLOW, mf.IQL(initial_q=[[1.0, 2.0]]), SLOW], ValueError, r"learners\[1\]: initial_q"),
])
def test_learners_that_make_no_team_are_refused(learners, error, message):
    with pytest.raises(error, match=message):
        train(learners=learners)


def test_one_learner_or_several_but_not_both():
    with pytest.raises(ValueError, match="learners: give either learner"):
        train(SLOW, learners=[SLOW])


def test_shaping_needs_to_know_which_discount():
    shaping = mf.rewards.PotentialBased(mf.rewards.Distance(0.0))
    with pytest.raises(ValueError, match="discount; give PotentialBased its discount="):
        train(learners=[SLOW, FAST, SLOW], shaping=shaping)
    shaping = mf.rewards.PotentialBased(mf.rewards.Distance(0.0), discount=0.9)
    assert train(learners=[SLOW, FAST, SLOW], shaping=shaping).returns.shape == (4, 12, 3)


# -- parameters of each run ----------------------------------------------------------------------

RATES, DISCOUNTS = [0.1, 0.5, 0.1, 0.9], [0.0, 0.5, 0.9, 0.99]
LEVELS, DECAYS = [0.1, 0.2, 0.3, 1.0], [0.9, 0.99, 1.0, 0.5]


@pytest.mark.parametrize("learner, single", [
    (mf.IQL(RATES, discount=DISCOUNTS, explore=mf.EpsilonGreedy(LEVELS)),
     lambda r: mf.IQL(RATES[r], discount=DISCOUNTS[r], explore=mf.EpsilonGreedy(LEVELS[r]))),
    (mf.IQL(0.2, explore=mf.EpsilonGreedy(1.0, decay=DECAYS, minimum=[0.0, 0.1, 0.2, 0.3])),
     lambda r: mf.IQL(0.2, explore=mf.EpsilonGreedy(1.0, decay=DECAYS[r], minimum=[0.0, 0.1, 0.2, 0.3][r]))),
    (mf.IQL(mf.schedules.Linear(RATES, 0.0, [3, 30, 300, 3000]), explore=mf.Boltzmann(LEVELS)),
     lambda r: mf.IQL(mf.schedules.Linear(RATES[r], 0.0, [3, 30, 300, 3000][r]), explore=mf.Boltzmann(LEVELS[r]))),
    (mf.IQL(mf.schedules.Harmonic(0.5, LEVELS), explore=mf.EpsilonGreedy(mf.schedules.Exponential(LEVELS, 0.9))),
     lambda r: mf.IQL(mf.schedules.Harmonic(0.5, LEVELS[r]),
                      explore=mf.EpsilonGreedy(mf.schedules.Exponential(LEVELS[r], 0.9)))),
])
def test_a_grid_of_parameters_in_one_call_is_the_single_experiments(learner, single, backend):
    together = train(learner, backend=backend)
    for r in range(4):
        alone = train(single(r), runs=1, first_run=r, backend=backend)
        for name in ("returns", "learner.q", "learner.visits", "learner.rate.value",
                     f"learner.{learner.explore.parameter}.value"):
            assert together.arrays[name][r].tobytes() == alone.arrays[name][0].tobytes(), (name, r)
        assert together.policy(r).experiment.learner == single(r)


def test_parameters_of_each_run_are_saved_and_go_on(tmp_path):
    learner = mf.IQL(RATES, discount=DISCOUNTS, explore=mf.EpsilonGreedy(LEVELS, decay=DECAYS, per="step"))
    half = train(learner, episodes=5)
    half.save(tmp_path / "half.npz")
    loaded = mf.load(tmp_path / "half.npz")
    assert loaded.experiment.to_dict() == half.experiment.to_dict()
    same(train(learner, episodes=12), mf.train(resume=loaded, episodes=7))


def test_runs_with_parameters_of_their_own_can_be_evaluated():
    run = train(mf.IQL(RATES, discount=DISCOUNTS), episodes=50)
    everything = mf.evaluate(GAME, run, episodes=3, seed=1)
    assert everything.returns.shape == (4, 3, 3)
    assert mf.evaluate(GAME, run.policy(2), episodes=3, seed=1, runs=2).returns.shape == (2, 3, 3)


@pytest.mark.parametrize("make, message", [
    (lambda: train(mf.IQL([0.1, 0.2])), "learner.learning_rate: expected one value per run, 4, got 2"),
    (lambda: train(mf.IQL(explore=mf.EpsilonGreedy([0.1] * 5))),
     "learner.explore.epsilon: expected one value per run, 4, got 5"),
    (lambda: train(learners=[SLOW, mf.IQL(discount=[0.5] * 3), SLOW]),
     "discount: expected one value per run, 4, got 3"),
    (lambda: mf.IQL([[0.1]]), r"learning_rate: expected a number, or one per run, got shape \(1, 1\)"),
    (lambda: mf.IQL([]), r"learning_rate: expected a number, or one per run, got shape \(0,\)"),
    (lambda: mf.IQL([0.1, 1.5]), r"learning_rate\[1\]: expected 0.0 to 1.0, got 1.5"),
    (lambda: mf.EpsilonGreedy([0.1, 0.2], decay=[0.9, 0.9, 0.9]), "expected as many values of each, one per run"),
    (lambda: mf.schedules.Linear([1.0, 2.0], 0.0, [5]), "start, duration: expected as many values of each"),
])
def test_parameters_that_are_not_one_per_run_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_each_run_has_the_seed_it_is_given(backend, tmp_path):
    seeds = [7, 2**64 - 1, 0, 7]
    learner = mf.IQL(explore=mf.EpsilonGreedy(0.5))
    together = train(learner, seed=seeds, backend=backend)
    for r, seed in enumerate(seeds):
        alone = train(learner, seed=seed, runs=1, backend=backend)
        assert together.arrays["learner.q"][r].tobytes() == alone.arrays["learner.q"][0].tobytes()
    assert "4 seeds" in together.summary()
    half = train(learner, seed=seeds, episodes=5, backend=backend)
    half.save(tmp_path / "half.npz")
    same(together, mf.train(resume=mf.load(tmp_path / "half.npz"), episodes=7, backend=backend))


@pytest.mark.parametrize("seed, message", [
    ([1, 2], "seed: expected one value per run, 4, got 2"), ([1, 2, 3, -1], r"seed\[3\]: expected 0 to"),
    ([1, 2, 3, 2**64], r"seed\[3\]: expected 0 to"),
])
def test_seeds_that_are_not_one_per_run_are_refused(seed, message):
    with pytest.raises(ValueError, match=message):
        train(SLOW, seed=seed)
