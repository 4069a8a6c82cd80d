"""VDN and QMIX: what they must learn and what they cannot, teams, and whole trainings in both backends."""
import numpy as np
import pytest
from training_helpers import random_markov

import marlfast as mf
from learners.example import Example
from marlfast.analysis.decomposition import joint_values
from marlfast.games.pursuit import Pursuit
from marlfast.games.two_step import TwoStep
from marlfast.learners.base import LearnerContext
from marlfast.learners.joint import CentralQ
from marlfast.learners.mixing import QMIX, VDN, WeightedQMIX

S = mf.schedules
RANDOM = mf.EpsilonGreedy(1.0)
ONE = {"buffer": 0, "optimizer": "sgd", "double": False}        # each transition learned from once, by plain steps
ONCE = {"learning_rate": 0.02, "mixing_rate": 0.02} | ONE
QTRAN = mf.games.MatrixGame([[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]])
# Values of the joint actions in the two-step game, where both play as well as they can.
TRUE = {0: [[6.93, 6.93], [7.92, 7.92]], 1: [[7.0, 7.0], [7.0, 7.0]], 2: [[0.0, 1.0], [1.0, 8.0]]}


def train(learners, game=None, **options):
    game = random_markov(4, (3, 3), terminal=True) if game is None else game
    one, several = (None, learners) if isinstance(learners, list) else (learners, None)
    return mf.train(game, one, learners=several, **{"steps": 150, "runs": 3, "seed": 3, "record_every": 0} | options)


# -- published figures ---------------------------------------------------------------------------

def two_steps(learner, runs, episodes, seed=0):
    return mf.train(TwoStep(), learner, episodes=episodes, runs=runs, seed=seed, record_every=0)


def learned(result, state):
    """Values of the joint actions of every run: [R, 2, 2]."""
    return np.array([joint_values(result, state, run=r) for r in range(len(result.steps))])


def takes_the_8(result):
    assert result.experiment.game == TwoStep()
    returns = mf.evaluate(TwoStep(), result, episodes=1).returns[:, 0, 0]
    assert set(returns) <= {0.0, 1.0, 7.0, 8.0}
    return returns == 8.0


def qmix_of_the_two_step_game(runs, seed):
    result = two_steps(QMIX(discount=0.99, explore=RANDOM, **ONCE), runs, 10_000, seed)
    for state, true in TRUE.items():
        assert abs(learned(result, state) - true).max() < 0.05
    assert takes_the_8(result).all()
    # The same by the tables: the first agent goes to 2B, where both do 1.
    assert (result.q[:, 0, 0].argmax(axis=1) == 1).all() and (result.q[:, 2].argmax(axis=2) == 1).all()


def test_qmix_learns_the_two_step_game_in_every_run():
    qmix_of_the_two_step_game(30, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_qmix_learns_the_two_step_game_in_every_one_of_many_runs(seed):
    qmix_of_the_two_step_game(200, seed)


def test_by_default_qmix_takes_the_8_in_every_run():
    """Its steps do not end with its errors, so that values are nearly those of the game."""
    result = two_steps(QMIX(discount=0.99, explore=RANDOM), 30, 5000)
    assert takes_the_8(result).all()
    for state, true in TRUE.items():
        assert abs(learned(result, state) - true).max() < 0.4


def test_vdn_takes_the_7_in_every_run():
    # Of the sums, the one that errs least in [[0, 1], [1, 8]]: means of rows .5 and 4.5, of columns the same, of all
    # 2.5; so .5 + .5 - 2.5 = -1.5, 2.5, and 6.5.
    result = two_steps(VDN(S.Exponential(0.05, 0.9999, minimum=2e-4), 0.99, RANDOM), 30, 40_000)
    assert abs(learned(result, 2) - [[-1.5, 2.5], [2.5, 6.5]]).max() < 0.1
    assert abs(learned(result, 1) - 7.0).max() < 1e-6
    assert abs(learned(result, 0) - [[6.93, 6.93], [6.435, 6.435]]).max() < 0.1
    assert not takes_the_8(result).any()


def test_what_is_not_monotone_neither_can_say():
    """Son et al. 2019: the 8 is next to -12, which monotone values cannot have beside the zeros."""
    central = train(CentralQ(0.1, 0.0, RANDOM), QTRAN, steps=3000, runs=30)
    assert not central.tables(0)["greedy"].any()                # (0, 0) in all runs
    vdn = train(VDN(S.Harmonic(0.03, 1e-3), 0.0, RANDOM), QTRAN, steps=50_000, runs=30)
    qmix = train(QMIX(discount=0.0, explore=RANDOM, **ONCE), QTRAN, steps=20_000, runs=30)
    values = {run: np.array([joint_values(run, 0, run=r) for r in range(30)]) for run in (vdn, qmix)}
    # Means: -16 / 3 of row 0, -4 of the others, -40 / 9 of all; -16 / 3 * 2 + 40 / 9 = -56 / 9, and so on.
    assert abs(values[vdn].mean(axis=0) - np.array([[-56, -44, -44], [-44, -32, -32], [-44, -32, -32]]) / 9).max() < 0.2
    assert (vdn.q[:, 0].argmax(axis=2) > 0).all()
    # A monotone table errs little in two ways: with -8 where any plays 0 and else 0, as published (squared errors add
    # up to 320), which most runs come to; and with 8 and else -6 (288). In every run some value is far off.
    assert abs(values[qmix] - [[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]]).max(axis=(1, 2)).min() > 4.0
    fails = (qmix.q[:, 0].argmax(axis=2) > 0).all(axis=1)
    assert fails.sum() >= 25
    typical = np.median(values[qmix][fails], axis=0)
    assert abs(typical - [[-8.0, -8.0, -8.0], [-8.0, 0.0, 0.0], [-8.0, 0.0, 0.0]]).max() < 1.5


def test_utilities_that_add_up_are_found_by_both():
    # Three agents of two, three and two actions: the sum of (0, 2), (0, 1, 3) and (1, 0).
    parts = np.array([0.0, 2.0])[:, None, None] + np.array([0.0, 1.0, 3.0])[:, None] + np.array([1.0, 0.0])
    for learner in (VDN(0.1, 0.0, RANDOM), QMIX(discount=0.0, explore=RANDOM)):
        result = mf.train(mf.games.MatrixGame(parts), learner, steps=20_000, runs=3, record_every=0)
        for r in range(3):
            values = joint_values(result, 0, run=r)
            assert values.shape == (2, 3, 2)
            assert abs(values - parts).max() < (1e-6 if learner.name == "vdn" else 0.3)
            assert np.unravel_index(values.argmax(), values.shape) == (1, 2, 0)
        assert [int(result.q[0, 0, i, :n].argmax()) for i, n in enumerate((2, 3, 2))] == [1, 2, 0]


# -- teams ---------------------------------------------------------------------------------------

class TestTeams:
    """Four agents in teams of {0, 2} and {1, 3}; each team is paid if both of its own do 1."""

    numbers = np.indices((2, 2, 2, 2)).reshape(4, -1)
    first, second = numbers[0] * numbers[2], numbers[1] * numbers[3]
    game = mf.games.MatrixGame(*(np.reshape(p, (2, 2, 2, 2)).astype(float) for p in (
        first - second, second - first, first - second, second - first)))
    structure = mf.rewards.mixed([[0, 2], [1, 3]])

    @pytest.mark.parametrize("learner", [VDN(0.1, 0.0, mf.EpsilonGreedy(0.3)),
                                         QMIX(discount=0.0, explore=mf.EpsilonGreedy(0.3))])
    def test_two_teams_train_against_each_other(self, learner):
        result = train(learner, self.game, rewards=self.structure, steps=8000, runs=4)
        assert (result.q[:, 0].argmax(axis=2) == 1).all()
        if learner.name == "qmix":
            assert result.arrays["learner.mixer"].shape == (4, 1, 2, (2 + 2) * 8 + 1)
            first, second = np.moveaxis(result.arrays["learner.mixer"], 2, 0)
            assert (first != second).any(axis=2).all()
        assert joint_values(result, 0, agent=3).shape == (2, 2)

    def test_a_team_among_the_led_agents_is_as_a_team_alone(self, backend):
        # Everyone acts at random, so that what a team learns does not depend on who controls the others.
        explore = {"explore": RANDOM, "hidden": 3}
        both = train(QMIX(0.1, 0.1, **explore), self.game, rewards=self.structure, backend=backend)
        apart = train([(QMIX(0.1, 0.1, **explore), [0, 2]), (VDN(explore=RANDOM), [1]), (mf.IQL(explore=RANDOM), [3])],
                      self.game, rewards=self.structure, backend=backend)
        assert (apart.arrays["learner.0.mixer"][:, :, 0] == both.arrays["learner.mixer"][:, :, 0]).all()
        assert (apart.tables(0)["q"] == both.q[:, :, [0, 2]]).all()
        assert joint_values(apart, 0, agent=2).tolist() == joint_values(both, 0, agent=0).tolist()
        assert joint_values(apart, 0, agent=1).shape == (2,)
        with pytest.raises(ValueError, match="learner 'iql' of agent 3 has no joint values"):
            joint_values(apart, 0, agent=3)

    def test_rewards_that_differ_within_a_team_count_by_their_mean(self, backend):
        game = random_markov(7, (2, 3), terminal=True)
        own = train(QMIX(explore=RANDOM), game, backend=backend)
        mean = train(QMIX(explore=RANDOM), game, rewards=mf.rewards.cooperative(), backend=backend)
        np.testing.assert_allclose(own.arrays["learner.mixer"], mean.arrays["learner.mixer"], rtol=1e-12)


# -- both backends, bit for bit ------------------------------------------------------------------

MORE = (2, 4, 3)
EXAMPLES = {
    "vdn": Example(VDN(0.3), MORE, alike=True),
    "vdn, ties": Example(VDN(0.5, share="all", initial_q=0.5, explore=mf.EpsilonGreedy(0.3, ties="random",
                                                                                         strict=False)), alike=True),
    "vdn, targets": Example(VDN(S.Harmonic(0.5, 0.1), target_every=7, initial_q=-1.0), (9, 9), alike=True),
    "vdn, replay": Example(VDN(0.3, buffer=20, batch=4, update_every=3, target_every=5), MORE, alike=True),
    "vdn, adam": Example(VDN(0.05, buffer=15, batch=3, update_every=2, steps=3, optimizer="adam", share="all",
                             max_norm=0.7), alike=True),
    "qmix": Example(QMIX(0.03, 0.03, **ONE), MORE, alike=True),
    "qmix, schedules": Example(QMIX(S.Linear(0.1, 0.0, 90), S.Exponential(0.1, 0.9, per="episode"), hidden=3,
                                    share="all", explore=mf.Boltzmann(0.7), **ONE), alike=True),
    "qmix, targets": Example(QMIX(0.2, 0.05, target_every=13, hidden=1, explore=mf.EpsilonGreedy(
        0.8, decay=0.9, per="step"), buffer=0, optimizer="sgd"), (9, 9), alike=True),
    "qmix, free": Example(QMIX(0.02, 0.02, hidden=2, bounded=False, **ONE), alike=True),
    "qmix, runs": Example(QMIX([0.1, 0.2, 0.0], [0.0, 0.1, 0.05], discount=[0.0, 0.5, 1.0], hidden=5, **ONE),
                          alike=True),
    "qmix, beside another": Example([(QMIX(0.1, 0.1, **ONE), [0, 2]), (mf.IQL(), [1])], (3, 2, 3)),
    "qmix, teams": Example(QMIX(0.1, 0.1, hidden=3, **ONE), (2, 2, 2, 2), teams=[[0, 2], [1, 3]]),
    "qmix, replay": Example(QMIX(hidden=3, buffer=30, batch=5, update_every=4, target_every=9), MORE, alike=True),
    "qmix, lambda": Example(QMIX(0.05, 0.02, hidden=2, buffer=12, batch=3, update_every=1, steps=4, trace_decay=[
        0.0, 0.7, 1.0], double=False, target_every=7, max_norm=2.0), alike=True),
    "qmix, adam": Example(QMIX(0.02, 0.01, hidden=4, buffer=16, batch=4, update_every=2, optimizer="adam",
                               target_every=0), alike=True),
    "qmix, rmsprop": Example(QMIX(0.02, 0.01, hidden=3, buffer=30, batch=5, update_every=4, target_every=9,
                                  optimizer="rmsprop"), MORE, alike=True),
    "vdn, normalised": Example(VDN(0.4, optimizer="normalised"), (3, 2, 2)),
    "weighted, optimistic": Example(WeightedQMIX(
        0.2, 0.1, hidden=3, buffer=30, batch=5, update_every=4, target_every=9), MORE, alike=True),
    "weighted, central": Example(WeightedQMIX(0.2, 0.1, hidden=2, weighting="central", alpha=0.3, target_every=0,
                                              buffer=0, optimizer="sgd"), (3, 2, 2)),
    "weighted, lambda": Example(WeightedQMIX(0.05, 0.02, hidden=2, buffer=12, batch=3, update_every=1, steps=3,
                                             weighting="central", optimizer="rmsprop"), alike=True),
    "weighted, teams": Example(WeightedQMIX(0.1, 0.1, hidden=3, buffer=8, batch=2, update_every=1), (2, 2, 2, 3),
                               teams=[[0, 2], [1, 3]]),
    "qmix, adam at once": Example(QMIX(0.02, 0.01, hidden=2, buffer=0, optimizer="adam", target_every=5), alike=True),
    "qmix, replay of teams": Example([(QMIX(0.1, 0.1, hidden=3, buffer=9, batch=2, update_every=1), [0, 2]),
                                      (VDN(0.2, buffer=9, batch=2, update_every=1), [1, 3])], (2, 2, 2, 2)),
}
ALL = {name: one.learner for name, one in EXAMPLES.items() if not isinstance(one.learner, list)}


# -- what is learned, looked at ------------------------------------------------------------------

def test_joint_values_are_made_of_utilities():
    run = train(ALL["vdn"])
    q = run.q[1, 2]
    assert joint_values(run, 2, run=1).tolist() == (q[0][:, None] + q[1]).tolist()
    assert (joint_values(train(ALL["qmix"]), 1).argmax() == np.ravel_multi_index(
        train(ALL["qmix"]).q[0, 1].argmax(axis=1), (3, 3))).all()        # rising in each utility


def test_joint_values_are_what_the_next_update_starts_from(backend):
    """With the game over, a reward equal to the joint value changes nothing."""
    game = random_markov(4, (3, 3), terminal=True)
    learner = QMIX(0.03, 0.03, **ONE)
    run = train(learner, game, runs=1)
    team = learner.team(game, backend=backend)
    for name, array in team.arrays.items():
        array[...] = run.arrays[f"learner.{name}"]
    before = team.arrays["mixer"].copy()
    obs = np.full((1, 1, 1), 1.0)
    for a, b in np.ndindex(3, 3):
        value = joint_values(run, 1)[a, b]
        team.act(obs)
        team.update(obs, np.array([[a, b]]), np.full((1, 2), value), obs, True)
        assert team.arrays["mixer"].tobytes() == before.tobytes()
    team.act(obs)
    team.update(obs, np.array([[a, b]]), np.full((1, 2), value + 1.0), obs, True)
    assert team.arrays["mixer"].tobytes() != before.tobytes()


def test_joint_values_where_the_state_is_encoded_apart():
    game = mf.games.Drift(agents=2, state_size=1, actions=2, horizon=9)
    run = train(QMIX(0.1, 0.1, hidden=2), game, encoder=mf.Grid(-1.0, 1.0, 2), central=mf.Rounding(1))
    known, state = joint_values(run, [0.0], [0.1]), run.arrays["central.keys"][0, 0] / 10.0
    assert known.shape == (2, 2)
    mixer = run.arrays["learner.mixer"].copy()
    run.arrays["learner.mixer"][0, 0, 0, -1] += 5.0             # the last bias of the first state seen
    np.testing.assert_allclose(joint_values(run, [0.0], state), 5.0 + joint_values(
        mf.Result(run.experiment, run.arrays | {"learner.mixer": mixer}), [0.0], state), rtol=1e-12)
    # A state that was never seen has the network that every state begins with.
    fresh = run.experiment.learner._first(run.experiment.resolved.context)
    run.arrays["learner.mixer"][:] = fresh
    assert joint_values(run, [0.0], [1e6]).tolist() == joint_values(run, [0.0], state).tolist()
    with pytest.raises(ValueError, match="state: expected the 1 numbers of the game's whole state"):
        joint_values(run, [0.0])
    with pytest.raises(ValueError, match="observation: expected shape"):
        joint_values(run, [0.0, 1.0], [0.0])
    with pytest.raises(ValueError, match="run: expected 0 to 2"):
        joint_values(run, [0.0], [0.0], run=3)


def test_bounded_steps_settle_whatever_the_rate():
    """Values some twenty times the rewards: by plain steps most of these runs stop or settle for less."""
    parts = np.array([0.0, 2.0, -1.0])
    game = mf.games.MatrixGame(parts[:, None, None] + parts[:, None] + parts)
    for rate in (0.02, 0.2, 1.0):
        result = train(QMIX(rate, rate, explore=mf.EpsilonGreedy(0.2), **ONE), game, steps=3000, runs=10)
        assert (result.q[:, 0].argmax(axis=2) == 1).all()


def test_networks_begin_different_in_every_unit():
    for learner, agents in ((QMIX(), 2), (QMIX(hidden=64), 5)):
        game = mf.games.MatrixGame(np.zeros((2,) * agents))
        first = learner.allocate(LearnerContext(game, mf.rewards.individual(), central=1), 1)["mixer"][0, 0, 0]
        h = learner.hidden
        weights, bias, second = first[:agents * h], first[agents * h:agents * h + h], first[-h - 1:-1]
        assert len(set(weights.tolist())) == agents * h and len(set(bias.tolist())) == h
        assert weights.min() >= 0.5 and weights.max() < 1.5 and abs(bias).max() < 1.0 and first[-1] == 0.0
        assert 0.5 / h <= second.min() < second.max() < 1.5 / h
    # f(0) = .618..., f(1) = .236...
    first = QMIX(hidden=2)._first(LearnerContext(mf.games.MatrixGame(np.zeros((2, 2))), mf.rewards.individual()))
    assert first[0] == pytest.approx([1.1180340, 0.7360680, 1.3541020, 0.9721360, 0.2360680, -0.5278640, 0.5590170,
                                      0.3680340, 0.0], abs=1e-6)


# -- what fits several active rows ---------------------------------------------------------------

def test_initial_utilities_are_sums_over_active_rows():
    game = mf.games.MatrixGame(np.zeros((2, 3)))
    context = LearnerContext(game, mf.rewards.individual(), active=4, central=5, central_active=2)
    learner = QMIX(initial_q=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], hidden=1, target_every=3)
    arrays = learner.allocate(context, 7)
    assert arrays["q"].shape == (1, 7, 2, 3) and arrays["q"][0, 3].tolist() == [[0.25, 0.5, 0.75], [1.0, 1.25, 1.5]]
    values = learner.joint_values(context, arrays, [0, 1, 2, 3, 3, 4, 5, -1], [0, -1])
    alone = QMIX(initial_q=learner.initial_q, hidden=1)
    one = LearnerContext(game, mf.rewards.individual(), central=5)
    expected = alone.joint_values(one, alone.allocate(one, 7), [0, 0], [0])
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    learner.derive(context, arrays, "numpy")
    assert learner.actions(context, arrays, np.array([0, 1, 2, 3, 3, 4, 5, -1])).tolist() == [1, 2]
    larger = learner.grow(LearnerContext(game, mf.rewards.individual(), active=4, central=9, central_active=2), arrays,
                          11,
                          "numpy")
    assert larger["q"].shape[1] == larger["target_q"].shape[1] == 11
    assert larger["mixer"].shape[1] == larger["target_mixer"].shape[1] == 9
    assert (larger["q"] == larger["q"][:, :1]).all() and (larger["mixer"] == larger["mixer"][:, :1]).all()


def test_networks_never_shrink():
    game, learner = mf.games.MatrixGame(np.zeros((2, 2))), QMIX()
    arrays = learner.allocate(LearnerContext(game, mf.rewards.individual(), central=9), 4)
    assert learner.grow(LearnerContext(game, mf.rewards.individual(), central=3), arrays, 8,
                        "numpy")["mixer"].shape[1] == 9


@pytest.mark.parametrize("learner", [VDN(0.3), QMIX(0.1, 0.1, hidden=3)])
def test_frozen_by_several_rows_it_plays_the_greatest_sums(learner, backend):
    game = mf.games.MatrixGame(np.zeros((2, 3)))
    context = LearnerContext(game, mf.rewards.individual(), runs=2, active=2, central=3, central_active=2)
    arrays = learner.allocate(context, 5)
    arrays["q"][:] = np.random.default_rng(1).normal(size=arrays["q"].shape)
    learner.derive(context, arrays, backend)
    kernel, = learner.bind(context, arrays, backend, learning=False, exploration=mf.EpsilonGreedy(0.0))
    assert (kernel.active, kernel.central, kernel.active_rows) == (2, 0, 4)
    actions = np.zeros((2, 2), np.int32)
    rows = np.array([[0, 1, 2, 4], [3, 1, 0, 2]], np.int32)
    kernel.act(rows, np.full((2, 2, 1), 0.5), actions)
    for r in range(2):
        sums = [arrays["q"][r, rows[r, 2 * i:2 * i + 2], i].sum(axis=0) for i in range(2)]
        assert actions[r].tolist() == [int(sums[0][:2].argmax()), int(sums[1].argmax())]
    first = replace_runs(arrays)
    assert learner.actions(context, first, rows[0]).tolist() == actions[0].tolist()


def replace_runs(arrays):
    return {name: array[:1] for name, array in arrays.items()}


# -- what goes wrong -----------------------------------------------------------------------------

@pytest.mark.parametrize("learner", [QMIX([0.01, 1.0, 0.01], [0.01, 1.0, 0.01], 0.0, RANDOM, bounded=False, **ONE),
                                     VDN([0.1, 1.0, 0.1], explore=RANDOM, initial_q=1e280)])
def test_a_run_that_diverges_stops_alone(learner, backend):
    parts = np.array([0.0, 2.0, -1.0])
    game = mf.games.MatrixGame(parts[:, None, None] + parts[:, None] + parts * parts, horizon=0)
    with pytest.warns(RuntimeWarning, match="1 of 3 runs diverged.*; smaller .*, optimizer='normalised' .*may help"):
        result = train(learner, game, backend=backend, seed=10)     # with others QMIX's units are dead before
    assert [reason == "steps" for reason in result.stop_reason] == [True, False, True]
    assert all(np.isfinite(array).all() for name, array in result.arrays.items() if name.startswith("learner."))
    alone = train(learner.of_run(0), game, runs=1, backend=backend, seed=10)
    assert alone.q[0].tobytes() == result.q[0].tobytes()


@pytest.mark.parametrize("learner", [VDN, QMIX])
@pytest.mark.parametrize("options, error, words", [
    ({"learning_rate": 1.5}, ValueError, "learning_rate: expected"),
    ({"learning_rate": "fast"}, ValueError, "learning_rate: expected a number, or the name of a schedule"),
    ({"discount": -0.1}, ValueError, "discount: expected"),
    ({"explore": 0.1}, TypeError, "explore: expected"),
    ({"initial_q": np.nan}, ValueError, "initial_q: expected finite"),
    ({"target_every": -1}, ValueError, "target_every: expected"),
    ({"target_every": 1.5}, TypeError, "target_every: expected"),
    ({"share": 3}, TypeError, "share: expected"), ({"buffer": -1}, ValueError, "buffer: expected"),
    ({"batch": 0}, ValueError, "batch: expected"), ({"update_every": 0}, ValueError, "update_every: expected"),
    ({"buffer": 31, "batch": 32}, ValueError, "batch: expected at most the 31 transitions of the buffer, got 32; give"),
    ({"buffer": 0, "steps": 2}, ValueError, "steps: 2 rewards are looked up in a buffer, and there is none"),
    ({"trace_decay": 1.1}, ValueError, "trace_decay: expected"), ({"double": 3}, ValueError, "double: expected"),
    ({"optimizer": "sdg"}, ValueError, "optimizer: expected one of 'sgd', 'rmsprop', 'adam', 'normalised', got 'sdg'"),
    ({"max_norm": -0.5}, ValueError, "max_norm: expected"),
])
def test_arguments_that_make_no_sense(learner, options, error, words):
    with pytest.raises(error, match=words):
        learner(**options)


@pytest.mark.parametrize("options, error, words", [
    ({"mixing_rate": -0.1}, ValueError, "mixing_rate: expected"),
    ({"hidden": 0}, ValueError, "hidden: expected at least 1|hidden: expected 1 to"),
    ({"hidden": 10**6}, ValueError, "hidden: expected 1 to 4096"),
    ({"hidden": 2.5}, TypeError, "hidden: expected"), ({"bounded": 2}, ValueError, "bounded: expected"),
])
def test_networks_that_make_no_sense(options, error, words):
    with pytest.raises(error, match=words):
        QMIX(**options)


@pytest.mark.parametrize("learner", [VDN(), QMIX()])
def test_agents_who_do_not_want_the_same_are_refused(learner):
    pennies = mf.games.MatrixGame([[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]])
    with pytest.raises(ValueError, match=f"{learner.name}: trusts that its agents want the same"):
        mf.train(pennies, learner, steps=10)
    mf.train(pennies, learner, steps=10, rewards=mf.rewards.cooperative())
    mf.train(pennies, learners=[learner, learner], steps=10)        # each a team of one
    mf.train(pennies, learner, steps=10, rewards=mf.rewards.mixed([[0], [1]]))
    with pytest.raises(ValueError, match="share: agents .* different numbers of actions"):
        mf.train(mf.games.MatrixGame(np.zeros((2, 3))), type(learner)(share="all"), steps=10)


def test_a_game_whose_agents_see_different_things_numbers_its_states():
    game = Pursuit(height=3, width=3, hunters=2, depth=1, horizon=5)
    by_itself, given = (mf.train(game, QMIX(), steps=50, seed=1, **more) for more in ({}, {"central": mf.Rounding(0)}))
    assert (by_itself.arrays["learner.mixer"] == given.arrays["learner.mixer"]).all()
    assert mf.train(game, VDN(), steps=10).steps.tolist() == [10]
    with pytest.raises(ValueError, match="central: no learner here looks at the whole state"):
        mf.train(game, VDN(), central=mf.Rounding(0), steps=10)


def test_a_buffer_larger_than_memory_is_refused_with_its_size():
    words = "buffer: 2,000,000,000 transitions for 1,000 runs need 72,000.0 GB, more than .*; give a smaller buffer="
    with pytest.raises(MemoryError, match=words):
        mf.train(QTRAN, VDN(buffer=2 * 10**9), steps=1, runs=1000)


def test_what_is_replayed_depends_on_the_seed_and_number_of_the_run_alone():
    """Other seeds, runs and learners of a team draw others; what is kept is what happened."""
    learner = VDN(0.3, 0.0, RANDOM, buffer=50, batch=5, update_every=5)
    run, other = (train(learner, steps=40, seed=seed, runs=2) for seed in (3, 4))
    assert (run.q[0] != run.q[1]).any() and (run.q[0] != other.q[0]).any()
    assert run.arrays["learner.replay_kept"].tolist() == [40, 40]
    assert run.arrays["learner.replay_updates"].tolist() == [8, 8]
    # Ten transitions fit: the last ten of forty, in a ring.
    short = train(VDN(0.3, 0.0, RANDOM, buffer=10, batch=5, update_every=5), steps=40, seed=3, runs=2)
    for name in ("replay_rows", "replay_next_rows", "replay_actions", "replay_rewards", "replay_over"):
        assert (short.arrays[f"learner.{name}"] == run.arrays[f"learner.{name}"][:, 30:40]).all()


def grid():
    """Two agents on a 3 x 3 board want to swap corners: -1 a step, 10 when both have. It starts (0, 8)."""
    moves, board = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)), [(r, c) for r in range(3) for c in range(3)]
    to = np.array([[3 * min(max(r + a, 0), 2) + min(max(c + b, 0), 2) for a, b in moves] for r, c in board])
    one, two = np.divmod(np.arange(81), 9)
    next_one, next_two = np.repeat(to[one], 5, axis=1), np.tile(to[two], 5)
    stay = next_one == next_two
    next_state = np.where(stay, np.arange(81)[:, None], 9 * next_one + next_two)
    return mf.games.MarkovGame(next_state, np.where(next_state == 72, 10.0, -1.0), (5, 5), start=np.eye(81)[8],
                               terminal=np.arange(81) == 72, horizon=40)


def runs_of_the_grid(runs, episodes):
    explore = mf.EpsilonGreedy(1.0, decay=0.998, minimum=0.05)
    run = mf.train(grid(), QMIX(explore=explore), episodes=episodes, runs=runs, seed=0, record_every=40,
                   rewards=mf.rewards.cooperative())
    assert run.stop_reason == ["episodes"] * runs
    # Three steps of -1, then 10.
    assert mf.evaluate(grid(), run, episodes=1).team_returns.ravel().tolist() == [7.0] * runs


def test_no_run_diverges_on_a_board_by_default():
    runs_of_the_grid(4, 2500)


@pytest.mark.slow
def test_no_run_diverges_on_a_board_in_many():
    runs_of_the_grid(30, 8000)


@pytest.mark.parametrize("agents", [40, 70, 200])
def test_joint_actions_that_cannot_be_listed(agents):
    """Counts of NumPy's integers would overflow, and seem to be small."""
    game = mf.games.PublicGoods(agents)
    with pytest.raises(MemoryError, match="the arrays of 3 runs need .* more than there is"):
        train(WeightedQMIX(), game, rewards=mf.rewards.cooperative())
    with pytest.raises(MemoryError, match=f"joint_q: {2**agents:,} joint actions of a team in 1 states"):
        WeightedQMIX().allocate(LearnerContext(game, mf.rewards.cooperative(), central=1), 1)


def test_memory_that_is_not_there():
    with pytest.raises(MemoryError, match="more than there is"):
        QMIX(hidden=4096).allocate(LearnerContext(mf.games.MatrixGame(np.zeros((2, 2))), mf.rewards.individual(),
                                                  runs=2**20,
                                                  central=2**30), 1)


def test_targets_that_are_renewed_rarely_keep_it_from_diverging():
    """What docs/teams/mixing.md says of task allocation: ever newer targets lead away, older ones do not."""
    game = mf.games.TaskAllocation(credit="own")
    options = {"episodes": 200, "runs": 4, "seed": 0, "rewards": mf.rewards.cooperative(), "record_every": 10,
               "threads": 1}
    explore = mf.EpsilonGreedy(1.0, decay=0.01 ** 0.002, minimum=0.01)
    with pytest.raises(mf.TrainingError, match="stopped being finite"):
        mf.train(game, QMIX(discount=0.95, explore=explore, target_every=0, **ONCE), **options)
    run = mf.train(game, QMIX(discount=0.95, explore=explore, **ONCE), **options)
    assert run.stop_reason == ["episodes"] * 4 and np.isfinite(run.team_returns).all()


@pytest.mark.slow
def test_foraging_is_learned_at_defaults():
    """Level-based foraging, cooperative, 5 x 5: .5 is the most that a team can get. Half of its 2 million steps do."""
    game = mf.games.LevelForaging(players=2, size=5, food=1, cooperative=True)
    for learner in (mf.IQL(), VDN(), QMIX(), mf.learners.IPPO(), mf.learners.MAPPO()):
        result = train(learner, game, encoder=mf.Rounding(0), steps=1_000_000, runs=2, rewards=mf.rewards.cooperative())
        assert mf.evaluate(game, result, episodes=200, seed=1).team_returns.mean() >= 0.45, learner.name
