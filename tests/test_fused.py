"""The fused loop, the staged loop and the NumPy twin give the same bits, and say which of them ran.

Every game's examples are trained with Q-learning by all three; then what is hard: equal values, values of -0.0,
saturated visits, every failure, pauses at every step, threads, and training that goes on in the other loop.
"""
import importlib

import numpy as np
import pytest
from training_helpers import assert_same, constant_draws, differing, encoder_for

import marlfast as mf
from marlfast.backends import kernels
from marlfast.errors import TrainingError
from marlfast.session import Session


def trained(experiment, loop=None, backend="cython", threads=1, block=None, arrays=None, draws=None):
    """The result of a session by one loop, and which loop that was: the staged one's reason, or None."""
    session = Session(experiment, arrays, backend, draws, loop=loop)
    session.work(threads, block)
    return mf.Result(experiment, session.arrays), session.loop.staged


def all_three(experiment, **options):
    """Train by all three, and compare them; the result of the fused loop, which must have run."""
    fused, why = trained(experiment, **options)
    assert why is None, why
    assert_same(trained(experiment, "staged", **options)[0], fused)
    assert_same(trained(experiment, backend="numpy", draws=options.get("draws"))[0], fused)
    return fused


def of(game, learner=None, **options):
    """An experiment with whatever encoder the game needs."""
    encoder = encoder_for(game, 0)
    # A large table for each of many agents would be most of what the test takes.
    learner = learner or mf.IQL(share="all" if game.agents * (game.observations or 1) > 10**6 else "none")
    return mf.Experiment(game, learner, encoder=encoder, **{"steps": 150, "seed": 3} | options)


def test_every_game_gives_the_same_bits(game_example):
    experiment = of(game_example, runs=2)
    fused, why = trained(experiment)
    if why is not None:
        assert why == "the game is stepped for many runs at once"
        return
    assert_same(trained(experiment, "staged")[0], fused)
    assert_same(trained(experiment, backend="numpy")[0], fused)


def drift(agents=4, actions=5, **options):
    learner = options.pop("learner", None) or mf.IQL(
        0.3, explore=mf.EpsilonGreedy(0.8, decay=0.9, minimum=0.1))
    if isinstance(learner, mf.learners.DistributedQ):       # its agents have to want the same
        options.setdefault("rewards", mf.rewards.cooperative())
    return mf.Experiment(
        mf.games.Drift(agents=agents, actions=actions, horizon=options.pop("horizon", 11)), learner,
        **{"encoder": mf.Grid((-2.0, -4.0), (20.0, 4.0), (7, 3)), "steps": 300, "runs": 2, "seed": 1} | options)


# As published programs draw.
TWO_DRAWS = mf.IQL(0.3, explore=mf.EpsilonGreedy(0.8, decay=0.9, minimum=0.1, ties="first", draws=2))


@pytest.mark.parametrize("agents", range(1, 10))
@pytest.mark.parametrize("actions", [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17])
def test_any_numbers_of_agents_and_actions(agents, actions):
    all_three(drift(agents, actions, steps=60, shaping=[mf.rewards.Diversity(), mf.rewards.Redundancy()]))


# Rules that differ from Q-learning's in what a successor is worth, or in what a value becomes.
CELLS = mf.Grid((-2.0, -4.0), (20.0, 4.0), (7, 3))
HALF = mf.EpsilonGreedy(0.5, decay=0.9, minimum=0.1)
RULES = {
    "hysteretic": mf.learners.HystereticQ(mf.schedules.Linear(0.9, 0.3, 100), mf.schedules.Harmonic(0.5, 0.1),
                                          explore=HALF),
    "hysteretic, rates of runs": mf.learners.HystereticQ([0.3, 0.9], [0.0, 0.1], explore=mf.EpsilonGreedy(
        0.5, ties="incumbent")),
    "hysteretic, ties first": mf.learners.HystereticQ(0.5, 0.1, explore=mf.EpsilonGreedy(0.5, ties="first", draws=2)),
    "distributed": mf.learners.DistributedQ(explore=HALF),
    "distributed, ties first": mf.learners.DistributedQ(explore=mf.EpsilonGreedy(0.5, ties="first", draws=2)),
    "expected": mf.learners.ExpectedSARSA(0.3, explore=HALF),
    "expected, incumbents": mf.learners.ExpectedSARSA(0.3, explore=mf.EpsilonGreedy(
        [0.0, 1.0], ties="incumbent"), initial_q=-0.5),
}
KINDS = {
    "schedules of steps": drift(learner=mf.IQL(
        mf.schedules.Harmonic(0.9, 0.1), explore=mf.EpsilonGreedy(mf.schedules.Linear(1.0, 0.1, 100)))),
    "rates of episodes": drift(learner=mf.IQL(
        mf.schedules.Exponential(0.9, 0.5, 0.01, per="episode"), explore=mf.EpsilonGreedy(0.5))),
    "nothing changes": drift(learner=mf.IQL(explore=mf.EpsilonGreedy(0.5))),
    "not strict": drift(learner=mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.5, per="step", strict=False))),
    "parameters of runs": drift(learner=mf.IQL(
        [0.1, 0.9], discount=[0.5, 1.0], explore=mf.EpsilonGreedy([1.0, 0.2], decay=[0.9, 0.99]))),
    "initial values": drift(learner=mf.IQL(initial_q=np.array([1.0, 2.0, 2.0, -3.0, 0.0]))),
    "never exploring": drift(learner=mf.IQL(explore=mf.EpsilonGreedy(0.0))),
    "rows that grow": drift(encoder=mf.Rounding(1), agents=3),
    "rows that grow, pairs": drift(
        encoder=mf.Rounding(1), agents=2, learner=mf.IQL(initial_q=[0.0, 1.0, 1.0, 0.0, 1.0])),
    "one shared table": drift(learner=mf.IQL(share="all")),
    "some share": drift(learner=mf.IQL(share=[0, 1, 1, 0])),
    "rows of agents": drift(encoder=mf.AgentIndex(mf.Grid((-2.0, -4.0), (20.0, 4.0), (7, 3)))),
    "cooperative": drift(rewards=mf.rewards.cooperative()),
    "teams": drift(teams=[[0, 1], [2, 3]]),
    "difference rewards": drift(rewards=mf.rewards.difference()),
    "potentials": drift(shaping=[mf.rewards.PotentialBased(mf.rewards.Distance(0.5)), mf.rewards.Diversity()]),
    "five components": drift(shaping=[mf.rewards.Diversity(0.1 * k) for k in range(1, 6)]),
    "one component": drift(shaping=[mf.rewards.Redundancy(0.3)], agents=3),
    "a rule that looks at returns": drift(stop=[mf.ReturnReached(-30.0, window=3)]),
    "a rule that looks at greedy actions": drift(stop=[mf.GreedyStable(9)], steps=1000),
    "no records": drift(record_every=0),
    "records of several": drift(record_every=3, episodes=10),
    "endless": drift(horizon=0),
    "one round": mf.Experiment(
        mf.games.PrisonersDilemma(horizon=1), mf.IQL(0.3, explore=mf.EpsilonGreedy(0.5)), steps=150, runs=2, seed=1),
    "one round, three actions, records of several": mf.Experiment(
        mf.games.Climbing(), mf.IQL(0.3, explore=mf.EpsilonGreedy(0.5, decay=0.9)), episodes=100, runs=2, seed=1,
        record_every=7),
    "rounds that are remembered": mf.Experiment(
        mf.games.PrisonersDilemma(memory=2, horizon=40), mf.IQL(0.3, explore=mf.EpsilonGreedy(0.5)), steps=150, runs=2,
        seed=1),
    "prices": mf.Experiment(
        mf.games.LogitBertrand(actions=15, memory=1, start="uniform"),
        mf.IQL(0.3, 0.9, mf.EpsilonGreedy(1.0, decay=0.98, per="step", strict=False, ties="first", draws=2)), steps=300,
        runs=2, seed=1, record_every=0),
    "prices, ties drawn": mf.Experiment(
        mf.games.LogitBertrand(actions=11, memory=1, start="uniform", horizon=30), mf.IQL(
            0.3, 0.9, mf.EpsilonGreedy(1.0, decay=0.98, per="step"), initial_q=[1.0] * 10 + [0.0]), steps=300, runs=2,
        seed=1, stop=[mf.GreedyStable(60)]),
    "prices of many kinds": mf.Experiment(
        mf.games.LogitBertrand(actions=8, memory=0, horizon=1), mf.IQL(0.3, 0.9, mf.EpsilonGreedy(0.3)), steps=300,
        runs=2, seed=1),
    "a game given as arrays": mf.Experiment(
        mf.games.MarkovGame(np.random.default_rng(0).dirichlet(np.ones(5), (5, 27)),
                            np.random.default_rng(1).normal(size=(5, 27, 3)), (3, 3, 3),
                            terminal=[0, 0, 0, 0, 1], horizon=9),
        mf.IQL(0.3, 0.9, mf.EpsilonGreedy(0.3)), steps=200, runs=2, seed=1),
    **{f"{name}{also}": drift(
        agents, actions, learner=learner, encoder=encoder) for name, learner in RULES.items()
       for also, agents, actions, encoder in (
           ("", 4, 5, CELLS), (", pairs", 2, 3, CELLS), (", many agents", 7, 2, CELLS),
           (", one after the other", 5, 4, CELLS), (", many actions", 2, 11, CELLS),
           (", rows that grow", 3, 4, mf.Rounding(1)))},
    "rewards of -0.0": mf.Experiment(
        mf.games.MatrixGame([[-0.0, 0.0], [0.0, -0.0]], memory=1, horizon=5), mf.IQL(
            0.5, discount=0.5, initial_q=np.array([-0.0, 0.0]), explore=mf.EpsilonGreedy(0.5)), steps=60),
    "values near the largest": mf.Experiment(
        mf.games.MatrixGame([[1e307, -1e307], [0.0, 1.0]], horizon=3), mf.IQL(
            1.0, discount=0.9, explore=mf.EpsilonGreedy(0.5)), steps=60),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_experiment(name):
    all_three(KINDS[name])


# The rules that the fused loop has: by what is hard for one, each is tried.
LEARNERS = {
    "Q-learning": mf.IQL,
    "hysteretic": mf.learners.HystereticQ,
    "distributed": mf.learners.DistributedQ,
    "expected SARSA": mf.learners.ExpectedSARSA,
}
by_rule = pytest.mark.parametrize("rule", LEARNERS)


# -- pauses, threads, and the other loop -----------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "hysteretic", "distributed, many agents", "expected, one after the other", "rows that grow", "schedules of steps",
    "potentials", "rates of episodes", "no records", "records of several",
    "one round", "one round, three actions, records of several", "rounds that are remembered", "prices, ties drawn",
    "a game given as arrays"])
@pytest.mark.parametrize("block", [1, 2, 7, 13])
def test_pauses_change_nothing(name, block):
    experiment = KINDS[name].replace(steps=100)
    assert_same(trained(experiment, block=block)[0], trained(experiment, "staged")[0])


@by_rule
@pytest.mark.parametrize("name", ["rows that grow", "not strict", "one component"])
def test_threads_change_nothing(name, rule):
    experiment = KINDS[name].replace(runs=5, learner=LEARNERS[rule](), rewards=mf.rewards.cooperative())
    fused, why = trained(experiment, threads=2, block=9)
    assert why is None
    assert_same(fused, trained(experiment)[0])
    assert_same(fused, trained(experiment, "staged", threads=2, block=9)[0])


@pytest.mark.parametrize("name", ["rows that grow", "some share", "one component", "endless", "one round", "prices",
                                  "a game given as arrays", "hysteretic", "distributed, pairs",
                                  "expected, many actions"])
@pytest.mark.parametrize("loops", [("fused", "staged"), ("staged", "fused"), ("staged", None)])
@pytest.mark.parametrize("pause", [1, 10, 11, 12, 37])
def test_training_goes_on_in_the_other_loop(name, loops, pause):
    experiment = KINDS[name].replace(steps=80)
    first = Session(experiment, loop=loops[0])
    first.loop.advance(0, 2, np.full(2, pause))
    while (first.arrays["steps"] < pause).any():
        first._grow()
        first._room()
        first._bind()
        first.loop.advance(0, 2, np.full(2, pause))
    later, _ = trained(experiment, loops[1], arrays=first.arrays)
    assert_same(later, trained(experiment, backend="numpy")[0])


def test_results_of_either_are_used_alike(tmp_path):
    """Files, policies and evaluation do not know how tables lie in memory."""
    experiment = KINDS["rows that grow"]
    fused, staged = mf.train(experiment, threads=1), trained(experiment, "staged")[0]
    alike = fused.arrays["learner.q"].strides == staged.arrays["learner.q"].strides
    assert alike != kernels("cython", "loop").has_lanes()       # some processors and compilers have no lanes
    for name in ("fused", "staged"):
        locals()[name].save(tmp_path / f"{name}.npz")
    again = mf.load(tmp_path / "fused.npz")
    assert_same(again, staged)
    assert_same(mf.train(resume=again, steps=50, threads=1), mf.train(resume=staged, steps=50, backend="numpy"))
    scores = [mf.evaluate(experiment.game, result, episodes=3, seed=2, threads=1).returns for result in (fused, staged)]
    assert scores[0].tobytes() == scores[1].tobytes()
    obs = np.zeros((3, 1, 2))
    obs[:, 0, 0] = [0.0, 1.0, 40.0]
    for one in obs:
        assert fused.policy(0)(one).tolist() == staged.policy(0)(one).tolist()


# -- what is hard ------------------------------------------------------------------------------------


def changed(experiment, loop, change):
    """A session whose fresh arrays were changed, taken to its end: its result."""
    session = Session(experiment, backend="numpy" if loop == "numpy" else "cython",
                      loop=None if loop == "numpy" else loop)
    change(session.arrays)
    try:
        session.work(threads=1)
    except TrainingError:
        pass
    return mf.Result(experiment, session.arrays)


def same_after(experiment, change):
    results = [changed(experiment, loop, change) for loop in (None, "staged", "numpy")]
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])
    return results[0]


@by_rule
@pytest.mark.parametrize("agents", [1, 2, 3, 4, 7])
def test_zeros_of_either_sign_are_equal(agents, rule):
    signs = np.resize([0.0, -0.0, -0.0, 0.0, -0.0], (21, agents, 5))

    def change(arrays):
        arrays["learner.q"][:] = signs

    game = mf.games.Drift(agents=agents, push=0.0, noise=0.0, bonus=0.0, horizon=5)
    learner = LEARNERS[rule](discount=0.5, explore=mf.EpsilonGreedy(0.5))
    experiment = drift(agents, learner=learner).replace(game=game)
    assert (same_after(experiment, change).arrays["learner.q"] == -0.0).any()


@by_rule
@pytest.mark.parametrize("agents", [1, 2, 3, 4, 6])
def test_visits_stay_at_the_greatest(agents, rule):
    most = 2**31 - 1

    def change(arrays):
        arrays["learner.visits"][:] = most - np.arange(21 * agents).reshape(21, agents) % 3

    visits = same_after(drift(agents, learner=LEARNERS[rule]()), change).arrays["learner.visits"]
    assert visits.max() == most and visits.min() >= most - 2


@by_rule
@pytest.mark.parametrize("agents", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("who", [0, -1])
def test_a_value_that_diverges(agents, who, rule):
    def change(arrays):
        arrays["learner.q"][:, :, who, 1:] = 1.7e308

    game = mf.games.Drift(agents=agents, horizon=7)
    options = {} if rule == "distributed" else {"learning_rate": 1.0}
    learner = LEARNERS[rule](**options, discount=1.0, initial_q=1.7e308, explore=mf.EpsilonGreedy(0.5))
    experiment = drift(agents, learner=learner).replace(
        game=game, shaping=[mf.rewards.Diversity(1e308)], steps=200)
    result = same_after(experiment, change)
    assert set(result.arrays["reason"].tolist()) == {70}


@by_rule
@pytest.mark.parametrize("agents", [2, 3, 4, 7])
@pytest.mark.parametrize("array, value", [("rows", 1000), ("rows", -1), ("learner.greedy", 5), ("learner.greedy", -1)])
def test_rows_and_greedy_actions_out_of_range(agents, array, value, rule):
    """A row that is none, or an action that is none, stops the run before anything is written outside."""
    def change(arrays):
        arrays[array][...] = value

    experiment = drift(agents, steps=30, learner=LEARNERS[rule]())
    assert (same_after(experiment, change).arrays["reason"] >= 64).all()


@by_rule
@pytest.mark.parametrize("agents", [2, 3, 4, 7])
@pytest.mark.parametrize("who", [0, -1])
def test_greedy_actions_ahead_out_of_range(agents, who, rule):
    """That of a row that comes next is looked at before its value is, and stops the run there."""
    def change(arrays):
        arrays["learner.greedy"][0, 1:, who] = 5
        arrays["learner.greedy"][1, :, who] = np.where(np.arange(21) % 5, 0, -1)

    reasons = same_after(drift(agents, steps=60, learner=LEARNERS[rule]()), change).arrays["reason"]
    assert (reasons == 67).all()


@by_rule
@pytest.mark.parametrize("agents", [1, 3, 4])
@pytest.mark.parametrize("bad", [-0.1, 1.0, np.nan, 7e300])
@pytest.mark.parametrize("place", [0, 1])
def test_draws_that_are_none(agents, bad, place, rule):
    """Direct use of the loop's kernels, whose supplied draws nobody has checked."""
    explore = np.random.default_rng(0).random((2, 40, agents, 2))
    explore[:, 20, agents - 1, place] = bad
    results = []
    for loop in (None, "staged"):
        experiment = drift(agents, steps=40, learner=LEARNERS[rule](explore=TWO_DRAWS.explore))
        session = Session(experiment, loop=loop)
        rebind(session, {"explore": (explore, np.zeros(2, np.int64))})
        session.loop.advance(0, 2, np.full(2, 40))
        results.append(mf.Result(experiment, session.arrays))
    assert_same(*results)


def rebind(session, supplied):
    """Make a session's loop again, over draws that are not checked."""
    make, kernels = session._bind, importlib.import_module("marlfast.session").kernels

    class Module:
        @staticmethod
        def Loop(**arguments):
            return kernels("cython", "loop").Loop(**arguments | {"supplied": supplied})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marlfast.session.kernels", lambda backend, name: Module if name == "loop" else
                      kernels(backend, name))
        make()


def test_supplied_draws_give_the_same_bits():
    rng = np.random.default_rng(5)
    draws = {"explore": constant_draws(rng.random((300, 4, 2))), "dynamics": constant_draws(rng.normal(size=(300, 2)))}
    all_three(drift(learner=TWO_DRAWS), draws=draws)
    one = {"explore": constant_draws(rng.random((300, 4, 1))), "dynamics": draws["dynamics"]}
    for ties in ("random", "incumbent", "first"):
        all_three(drift(learner=mf.IQL(explore=mf.EpsilonGreedy(0.5, ties=ties))), draws=one)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("rule", [rule for rule in LEARNERS if rule != "distributed"])   # whose sum fails before
@pytest.mark.parametrize("agents", [1, 2, 3, 4, 5])
def test_rewards_that_are_none(agents, rule):
    """The run stops, and names the agent: here all are paid -inf, and the first of them is named."""
    game = mf.games.Drift(agents=agents, push=1.7e308, horizon=50)
    experiment = drift(agents, steps=100, learner=LEARNERS[rule](explore=HALF)).replace(game=game)
    arrays = same_after(experiment, lambda arrays: None).arrays
    assert arrays["fault"].tolist() == [0, 0] and set(arrays["reason"].tolist()) == {66}


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@pytest.mark.parametrize("agents", [2, 3, 4, 6])
def test_a_reward_that_is_none_is_of_the_agent_that_is_named(agents):
    """Only those whose action is low lose more than there are numbers for."""
    game = mf.games.Drift(agents=agents, push=2e306, noise=0.0, bonus=-1.79e308, horizon=50)
    experiment = drift(agents, steps=40, learner=mf.IQL(0.0, explore=mf.EpsilonGreedy(1.0))).replace(game=game, runs=32)
    arrays = same_after(experiment, lambda arrays: None).arrays
    failed = arrays["reason"] == 66
    assert set(arrays["fault"][failed].tolist()) == set(range(agents))


# -- which loop runs -----------------------------------------------------------------------------------


STAGED = {
    "the game is stepped for many runs at once": None,
    "there are several learners": [mf.IQL(), mf.IQL(0.2), (mf.IQL()), mf.IQL()],
    "the learner's kernel is OneStep": mf.learners.FrequencyAdjustedQ(),
    "the learner's kernel is DoubleQ": mf.learners.DoubleQ(),
    "exploration is not epsilon-greedy": mf.IQL(explore=mf.Boltzmann()),
}


@pytest.mark.parametrize("why", [why for why, learner in STAGED.items() if learner is not None])
def test_what_does_not_fit_runs_staged_and_says_why(why):
    experiment = drift(learner=STAGED[why], steps=20)
    result = mf.train(experiment, threads=1)
    assert f"the staged loop, as {why}" in result.summary()
    with pytest.raises(ValueError, match="loop: the fused one cannot run here"):
        Session(experiment, loop="fused")


def test_what_fits_says_so():
    assert "s by the fused loop, " in mf.train(drift(steps=20), threads=1).summary()
    assert "s by the NumPy backend's loop, " in mf.train(drift(steps=20), backend="numpy").summary()
    with pytest.raises(ValueError, match="loop: expected None, 'fused' or 'staged', got 'fast'"):
        Session(drift(), loop="fast")


def test_differing_would_see_a_difference():
    one, other = trained(drift())[0], trained(drift(seed=2))[0]
    assert "learner.q" in differing(one, other)
