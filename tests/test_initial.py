"""Initial values: per run and drawn. The same bits however tables grow, runs are split, resumed, saved or judged."""
import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf
from marlfast import analysis, initial, registry
from marlfast import learners as L
from marlfast.backends import kernels
from marlfast.session import Session

DRIFT = mf.games.Drift(agents=2, state_size=2, actions=3, horizon=5)
DILEMMA = mf.games.PrisonersDilemma(memory=1, horizon=6)
EXPLORE = {"explore": mf.EpsilonGreedy(0.3)}
VALUES = initial.Normal(0.5, 0.3)

# Of every rule that keeps action values.
LEARNERS = [
    mf.IQL(0.3, **EXPLORE, initial_q=VALUES), mf.IQL(0.3, share="all", **EXPLORE, initial_q=VALUES),
    mf.IQL(0.3, explore=mf.Boltzmann(0.5), initial_q=VALUES), L.ExpectedSARSA(0.3, **EXPLORE, initial_q=VALUES),
    L.SARSA(0.3, **EXPLORE, initial_q=VALUES), L.QLambda(0.3, **EXPLORE, initial_q=VALUES),
    L.MonteCarlo(0.3, **EXPLORE, initial_q=VALUES), L.HystereticQ(0.3, **EXPLORE, initial_q=VALUES),
    L.DistributedQ(**EXPLORE, initial_q=VALUES), L.DoubleQ(0.3, **EXPLORE, initial_q=VALUES),
    L.FrequencyAdjustedQ(initial_q=VALUES), L.LMRL2(initial_q=VALUES), L.RecursiveFMQ(initial_q=VALUES),
    L.PHC(initial_q=VALUES), L.WoLFPHC(initial_q=VALUES), L.VDN(initial_q=VALUES), L.QMIX(initial_q=VALUES),
    L.CentralQ(0.3, **EXPLORE, initial_q=VALUES), L.JointActionLearner(0.3, **EXPLORE, initial_q=VALUES),
    L.FriendOrFoe(0.3, friends="all", **EXPLORE, initial_q=VALUES), L.MinimaxQ(0.3, initial_q=VALUES),
    L.NashQ(0.3, initial_q=VALUES), L.CorrelatedQ(0.3, initial_q=VALUES), L.MeanFieldQ(0.3, initial_q=VALUES),
    L.Hierarchy(mf.IQL(0.3, **EXPLORE, initial_q=VALUES), goals=2, goal_every=2, teams="all",
                coordinator=mf.IQL(0.3, **EXPLORE, initial_q=VALUES)),
]


def game_for(learner):
    """A game that it fits, and what else training needs."""
    if learner.name in ("minimax_q", "nash_q", "correlated_q"):
        return mf.games.MatchingPennies(memory=1, horizon=6), {}
    return DILEMMA, {"rewards": mf.rewards.cooperative()}


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: one.name)
def test_drawn_values_of_every_rule(learner, tmp_path):
    game, more = game_for(learner)
    given = {"game": game, "learner": learner, "runs": 3, "seed": 3, **more}
    whole = mf.train(**given, steps=40)
    assert_same(mf.train(**given, steps=40, backend="numpy"), whole)
    assert_same(mf.train(**given, steps=40, threads=2, block=7), whole)
    mf.train(**given, steps=17).save(tmp_path / "part.npz")
    part = mf.load(tmp_path / "part.npz")
    assert part.experiment.learner == learner
    assert_same(mf.train(resume=part, steps=23), whole)
    alone = mf.train(**(given | {"runs": 1, "first_run": 2}), steps=40)
    assert alone.arrays["state"][0].tobytes() == whole.arrays["state"][2].tobytes()
    exact = analysis.expected_return(whole).returns
    found = mf.evaluate(game, whole, episodes=400, seed=1).returns
    assert (np.abs(found.mean(axis=1) - exact) <= 5.0 * found.std(axis=1) / 20.0 + 1e-3).all()


def test_a_draw_is_a_function_of_seed_run_row_table_and_action():
    """Stream 16 * (first agent + 1) + 6 of the run, at row * actions + action."""
    learner = mf.IQL(0.0, explore=mf.EpsilonGreedy(0.0), initial_q=initial.Uniform(-1.0, 3.0))
    run = mf.train(DILEMMA, learner, steps=1, runs=3, seed=5)
    for r in range(3):
        for table in range(2):
            drawn = np.empty((1, 10))
            kernels("numpy", "draws").fill(5, 16 * (table + 1) + 6, np.array([r]), np.zeros(1, np.int64), drawn, False)
            assert (run.q[r, :, table] == -1.0 + drawn.reshape(5, 2) * 4.0).all()
    assert len(np.unique(run.q)) == run.q.size
    assert (run.arrays["learner.greedy"] == run.q.argmax(axis=3)).all()


@pytest.mark.parametrize("learner", [mf.IQL(0.0, initial_q=VALUES), L.CentralQ(0.0, initial_q=VALUES),
                                     L.QMIX(0.0, 0.0, initial_q=VALUES), L.MeanFieldQ(0.0, initial_q=VALUES)],
                         ids=lambda one: one.name)
def test_rows_that_are_grown_have_the_values_that_they_would_have_had(learner):
    given = {"rewards": mf.rewards.cooperative(), "seed": 3, "runs": 2}
    small = mf.train(DRIFT, learner, encoder=mf.Rounding(0), steps=20, **given)
    large = mf.train(DRIFT, learner, encoder=mf.Rounding(1), steps=400, **given)
    n = int(small.used.max())
    assert large.used.max() > 300 > n and (small.q[:, :n] == large.q[:, :n]).all()
    twin = mf.train(DRIFT, learner, encoder=mf.Rounding(1), steps=400, backend="numpy", **given)
    assert_same(twin, large)


@pytest.mark.parametrize("learner", [mf.IQL(0.3, **EXPLORE, initial_q=VALUES),
                                     mf.IQL(0.3, **EXPLORE, initial_q=np.arange(12.0).reshape(2, 1, 2, 3))],
                         ids=["drawn", "by run"])
@pytest.mark.parametrize("encoder", [mf.Rounding(0), mf.Grid(-2.0, 3.0, 4)], ids=lambda one: one.name)
def test_both_loops(learner, encoder):
    experiment = mf.Experiment(DRIFT, learner, encoder=encoder, steps=300, runs=2, seed=1)
    arrays = []
    for loop in ("fused", "staged"):
        session = Session(experiment, loop=loop)
        session.work(1)
        assert session.loop_used.startswith(f"the {loop} loop")
        arrays.append(mf.Result(experiment, session.arrays))
    assert_same(*arrays)


def test_values_of_each_run():
    values = np.arange(3.0)[:, None, None, None] + np.array([0.0, 0.5])
    learner = mf.IQL(0.0, explore=mf.EpsilonGreedy(0.0), initial_q=np.broadcast_to(values, (3, 1, 1, 2)))
    run = mf.train(DILEMMA, learner, steps=1, runs=3, seed=0)
    assert (run.q == values).all() and learner.runs_given() == {"initial_q": 3}
    assert learner.of_run(1).initial_q.tolist() == [[[1.0, 1.5]]]
    assert (mf.train(DILEMMA, learner.of_run(1), steps=1, seed=0, first_run=1).q == run.q[1:2]).all()
    with pytest.raises(ValueError, match="initial_q"):
        mf.train(DILEMMA, learner, steps=1, runs=2, seed=0)
    # Of trained tables: what an earlier training ended with.
    earlier = mf.train(DILEMMA, mf.IQL(0.3), steps=200, runs=3, seed=1)
    again = mf.train(DILEMMA, mf.IQL(0.0, explore=mf.EpsilonGreedy(0.0), initial_q=earlier.q), steps=1, runs=3, seed=0)
    assert (again.q == earlier.q).all() and (again.arrays["learner.greedy"] == earlier.q.argmax(axis=3)).all()
    same = np.zeros((1, 5, 2, 2))
    assert mf.IQL(initial_q=same).initial_q.shape == (5, 2, 2)         # the same for all runs


def test_by_run_in_joint_tables_and_in_tables_that_grow():
    values = np.arange(2.0).reshape(2, 1, 1, 1)
    run = mf.train(mf.games.MatchingPennies(memory=1, horizon=6), L.NashQ(0.0, initial_q=values), steps=3, runs=2,
                   seed=0)
    assert (run.q[0] == 0.0).all() and (run.q[1] == 1.0).all()
    run = mf.train(DRIFT, L.CentralQ(0.0, initial_q=values), encoder=mf.Rounding(1), steps=500, runs=2, seed=0,
                   rewards=mf.rewards.cooperative())
    assert (run.q[0] == 0.0).all() and (run.q[1] == 1.0).all()


def test_a_sweep_draws_as_training_does(tmp_path):
    learner = mf.IQL(0.0, explore=mf.EpsilonGreedy(0.0), initial_q=initial.Uniform(0.0, 1.0))

    def greatest(result):
        return {"greatest": result.q.max(axis=(1, 2, 3))}

    found = mf.sweep(DILEMMA, learner, over={"learner.initial_q.high": [1.0, 5.0]}, seeds=[3, 4], episodes=1,
                     measure=greatest, out=tmp_path / "s").table()["greatest"]
    for k, (high, seed) in enumerate(((1.0, 3), (1.0, 4), (5.0, 3), (5.0, 4))):
        own = mf.train(DILEMMA, mf.IQL(0.0, explore=mf.EpsilonGreedy(0.0), initial_q=initial.Uniform(0.0, high)),
                       episodes=1, seed=seed)
        assert found[k] == own.q.max()
    # Numbers are still one value for all actions of a point's runs.
    table = mf.sweep(DILEMMA, mf.IQL(0.0), over={"learner.initial_q": [1.0, 2.0]}, seeds=2, seed=0, episodes=1,
                     measure=greatest, out=tmp_path / "t").table()
    assert table["greatest"].tolist() == [1.0, 1.0, 2.0, 2.0]


def test_what_was_never_seen_is_worth_what_no_table_has():
    """A policy that meets a new observation: the same values, and the same action, in every call and copy."""
    learner = mf.IQL(0.0, explore=mf.Boltzmann(1.0), initial_q=initial.Normal(0.0, 2.0))
    run = mf.train(DRIFT, learner, encoder=mf.Rounding(0), steps=5, runs=3, seed=0)
    far = np.full((1, 2), 900.0)
    greedy = [run.policy(r, kind="greedy")(far).tolist() for r in range(3)]
    assert greedy == [run.policy(r, kind="greedy")(far).tolist() for r in range(3)]
    joint = mf.train(DRIFT, L.CentralQ(0.0, initial_q=initial.Normal(0.0, 2.0)), encoder=mf.Rounding(0), steps=5,
                     runs=3, seed=0, rewards=mf.rewards.cooperative())
    found = [joint.policy(r, kind="greedy")(far).tolist() for r in range(3)]
    assert found == [joint.policy(r, kind="greedy")(far).tolist() for r in range(3)] and len(set(map(str, found))) > 1


def test_plain_values_and_files_of_experiments():
    learner = mf.IQL(initial_q={"name": "uniform", "low": 1.0, "high": [2.0, 3.0]})
    assert learner.initial_q == initial.Uniform(1.0, [2.0, 3.0])
    assert registry.from_dict("learner", learner.to_dict()) == learner
    assert repr(learner.initial_q).startswith("Uniform(low=1.0, high=array([2., 3.])")


@pytest.mark.parametrize("values, error, words", [
    ("zero", TypeError, "initial_q: expected a number, an array of numbers, or one of marlfast.initial, got 'zero'"),
    ([[0.0], [1.0, 2.0]], TypeError, "initial_q: expected a number, an array of numbers"),
    (np.inf, ValueError, "initial_q: expected finite numbers, got inf"),
    (mf.EpsilonGreedy(), TypeError, "initial_q: expected a number, an array"),
    (np.zeros((1, 1, 1, 1, 1)), ValueError, "initial_q: expected at most (rows, tables, actions), or (runs, rows"),
    (np.zeros((2, 4, 2, 2)), ValueError,
     "initial_q: expected a shape that broadcasts to (rows, tables, actions) = (5, 2, 2), got (4, 2, 2) of each run"),
    (initial.Uniform([1.0, 2.0, 3.0], 4.0), ValueError,
     "initial_q: expected a shape that broadcasts to (rows, tables, actions) = (5, 2, 2), got (3,)"),
    ({"name": "unifrom"}, ValueError, "initial_q: unknown initial values 'unifrom'; did you mean 'uniform'?"),
])
def test_bad_input(values, error, words):
    with pytest.raises(error) as caught:
        mf.Experiment(DILEMMA, mf.IQL(initial_q=values), steps=1, runs=2, seed=0)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


@pytest.mark.parametrize("make, words", [
    (lambda: initial.Uniform(2.0, 1.0), "low: expected at most high, got 2.0 and 1.0"),
    (lambda: initial.Normal(0.0, -1.0), "deviation: expected at least 0, got -1.0"),
    (lambda: initial.Uniform(np.nan), "low: expected finite numbers, got nan"),
    (lambda: initial.Normal("a"), "mean: expected a number"),
])
def test_bad_distributions(make, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert str(caught.value).startswith(words)


def test_rows_that_grow_take_no_values_by_row():
    with pytest.raises(ValueError, match="rows are numbered as they are first seen"):
        mf.Experiment(DRIFT, mf.IQL(initial_q=np.zeros((4, 2, 3))), encoder=mf.Rounding(0), steps=1, seed=0)
    with pytest.raises(ValueError, match="rows are numbered as they are first seen"):
        mf.Experiment(DRIFT, mf.IQL(initial_q=np.zeros((2, 4, 2, 3))), encoder=mf.Rounding(0), steps=1, runs=2, seed=0)
