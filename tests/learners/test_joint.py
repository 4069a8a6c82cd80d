"""Learners over joint actions: what they must solve and others fail, what they refuse, and that both backends agree."""
import re

import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf
from learners.example import Example
from marlfast.games.soccer import Soccer
from marlfast.learners import joint as module
from marlfast.learners.base import LearnerContext
from marlfast.learners.joint import (
    CentralQ,
    CorrelatedQ,
    FriendOrFoe,
    JointActionLearner,
    MinimaxQ,
    NashQ,
)

PENNIES = mf.games.MatrixGame([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
CLIMBING = mf.games.MatrixGame([[11, -30, 0], [-30, 7, 6], [0, 0, 5]])
CHICKEN = mf.games.MatrixGame([[0, 7], [2, 6]], [[0, 2], [7, 6]])
DILEMMA = mf.games.MatrixGame([[3, 0], [5, 1]], [[3, 5], [0, 1]])
SEXES = mf.games.MatrixGame([[3, 0], [0, 2]], [[2, 0], [0, 3]])
RANDOM = mf.EpsilonGreedy(1.0)
ALONE = {"learning_rate": 0.2, "discount": 0.0}
SURE = {"learning_rate": 1.0, "discount": 0.0}      # the same actions always earn the same: once is enough


def worst(policy, payoff):
    """What a mixed policy earns against whoever knows it."""
    return (np.asarray(policy) @ np.asarray(payoff, float)).min()


# -- what they must solve ------------------------------------------------------------------------

def test_minimax_q_plays_pennies_evenly_and_independent_learners_do_not(backend):
    payoff = [[1, -1], [-1, 1]]
    run = mf.train(PENNIES, MinimaxQ(**SURE), episodes=60, runs=5, seed=1, backend=backend)
    for agent in range(2):
        assert (run.tables(agent)["policy"][:, 0, agent] == 0.5).all() and not run.tables(agent)["value"].any()
    iql = mf.train(PENNIES, mf.IQL(**ALONE), episodes=60, runs=5, seed=1, backend=backend)
    for r in range(5):
        assert worst(np.eye(2)[iql.q[r, 0, 0].argmax()], payoff) == -1.0
        assert worst(run.tables(0)["policy"][r, 0, 0], payoff) > -1e-6


def test_minimax_q_needs_only_a_random_opponent(backend):
    # Weighted rock-paper-scissors, whose equilibrium is (3, 2, 1) / 6, against a learner that always explores.
    payoff = np.array([[0.0, -1.0, 2.0], [1.0, 0.0, -3.0], [-2.0, 3.0, 0.0]])
    game = mf.games.MatrixGame(payoff, -payoff)
    run = mf.train(game, learners=[MinimaxQ(**SURE), mf.IQL(explore=RANDOM)], episodes=200, runs=3, seed=2,
                   backend=backend)
    assert np.abs(run.tables(0)["policy"][:, 0, 0] - np.array([3, 2, 1]) / 6).max() < 1e-12
    # It plays that policy, not its most likely action: so says an evaluation.
    played = mf.evaluate(game, run, episodes=500, seed=5, backend=backend)
    assert played.mean == 0.0 and played.returns[:, :, 0].std() > 0.5


def test_minimax_q_in_a_game_of_two_states():
    # State 0: a match pays 2 and leads to state 1, else -1. State 1: pennies for 3, then state 0. With discount 1/2
    # v1 = v0 / 2 (pennies are worth 0); the matrix of state 0, 2 + v1/2 on the diagonal and -1 + v0/2 off it, is worth
    # the mean of these: v0 = 1/2 + (v1 + v0) / 4 = 1/2 + 3 v0 / 8 = 4/5, v1 = 2/5.
    transitions = np.zeros((2, 4, 2))
    transitions[0, [0, 3], 1] = transitions[0, [1, 2], 0] = transitions[1, :, 0] = 1.0
    first = np.array([[2.0, -1.0, -1.0, 2.0], [3.0, -3.0, -3.0, 3.0]])
    game = mf.games.MarkovGame(transitions, np.stack([first, -first], axis=2), (2, 2))
    run = mf.train(game, MinimaxQ(mf.schedules.Harmonic(1.0, 0.02), discount=0.5, explore=RANDOM), steps=60000, seed=1)
    assert run.tables(0)["value"][0, :, 0] == pytest.approx([0.8, 0.4], abs=0.02)
    assert run.tables(0)["value"][0, :, 1] == pytest.approx([-0.8, -0.4], abs=0.02)
    assert run.tables(0)["policy"][0] == pytest.approx(0.5, abs=0.03)


def test_minimax_q_wins_at_soccer_as_often_as_in_the_paper():
    # Littman (1994), table 3: trained against a random player for 10^6 steps, the first player wins 99.3% of some 6500
    # games completed in 100,000 steps against one, each of which ends in a draw with probability 0.1.
    steps, anything = 10**6, mf.IQL(0.0, explore=RANDOM)
    learner = MinimaxQ(mf.schedules.Exponential(1.0, 10.0 ** (-2.0 / steps)), discount=0.9, initial_q=1.0)
    run = mf.train(Soccer(restart=True, horizon=0), learners=[learner, anything], steps=steps, seed=1, record_every=0)
    assert 0.2 < (run.tables(0)["policy"].max(axis=3) < 1.0).mean() < 0.8
    learned = MinimaxQ(0.0, explore=mf.EpsilonGreedy(0.0), initial_q=run.tables(0)["q"][0])
    games = mf.train(Soccer(draw_probability=0.1), learners=[learned, anything], steps=100_000, seed=3)
    goals = games.returns[0, :, 0]
    won, lost = int((goals > 0).sum()), int((goals < 0).sum())
    assert won / (won + lost) > 0.985 and 6000 < won + lost < 7200


def test_central_q_always_climbs_and_independent_learners_do_not():
    explore = mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.05)
    central = mf.train(CLIMBING, CentralQ(**ALONE, explore=explore), episodes=1500, runs=50, seed=1)
    alone = mf.train(CLIMBING, mf.IQL(**ALONE, explore=explore), episodes=1500, runs=50, seed=1)
    assert (mf.evaluate(CLIMBING, central, episodes=1).returns == 11.0).all()
    assert (mf.evaluate(CLIMBING, alone, episodes=1).returns == 11.0).mean() < 0.5


def test_joint_action_learners_learn_the_payoffs_whatever_the_other_does(backend):
    # Their values of joint actions are the payoffs themselves; independent learners' depend on the other.
    run = mf.train(CLIMBING, JointActionLearner(**SURE, explore=RANDOM), episodes=200, seed=1, backend=backend)
    payoff = np.array([[11, -30, 0], [-30, 7, 6], [0, 0, 5.0]])
    assert run.tables(0)["q"][0, 0, 0].reshape(3, 3) == pytest.approx(payoff, abs=1e-6)
    assert run.tables(1)["q"][0, 0, 1].reshape(3, 3) == pytest.approx(payoff.T, abs=1e-6)
    counts = run.tables(0)["counts"][0, 0]
    assert counts.sum(axis=1).tolist() == [200, 200]
    expected = (payoff @ (counts[0] / 200)).tolist()
    assert run.tables(0)["expected"][0, 0, 0] == pytest.approx(expected, abs=1e-6)


def test_joint_action_learners_answer_a_fixed_opponent():
    # The column player does action 2 nine times of ten: rows are then worth about -2, 5 and 4.5.
    payoff = np.array([[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]])
    stubborn = mf.IQL(0.0, explore=mf.EpsilonGreedy(0.15), initial_q=[[0.0, 0.0, 1.0]])
    learner = JointActionLearner(0.5, discount=0.0, explore=mf.EpsilonGreedy(0.3))
    run = mf.train(CLIMBING, learners=[learner, stubborn], episodes=2000, seed=1)
    share = run.tables(0)["counts"][0, 0, 0] / 2000
    assert share == pytest.approx([0.05, 0.05, 0.9], abs=0.02)
    assert run.tables(0)["greedy"][0, 0, 0] == (payoff @ share).argmax() == 2 - (share @ payoff[1] > share @ payoff[2])
    assert mf.evaluate(CLIMBING, run, episodes=1).mean in (5.0, 6.0)


def test_friends_coordinate_and_foes_play_safe(backend):
    # In the climbing game friends take 11. Who fears the other plays safe: the first player its third action, for 0;
    # the second gains by daring the first at times, 11 x = -30 x + 6 (1 - x): x = 6/47, for 66/47.
    friends = mf.train(CLIMBING, FriendOrFoe(**SURE, friends="all"), episodes=300, seed=1, backend=backend)
    foes = mf.train(CLIMBING, FriendOrFoe(**SURE, friends="none", explore=RANDOM), episodes=100, seed=1,
                    backend=backend)
    assert mf.evaluate(CLIMBING, friends, episodes=1, backend=backend).mean == 11.0
    assert friends.tables(0)["value"][0, 0] == pytest.approx([11.0, 11.0])
    assert foes.tables(0)["value"][0, 0] == pytest.approx([0.0, 66 / 47], abs=1e-12)
    assert foes.tables(0)["policy"][0, 0, 1] == pytest.approx([6 / 47, 0.0, 41 / 47], abs=1e-12)
    assert foes.policy(0)([0]).tolist() == [2, 2]


def test_teams_of_the_reward_structure_are_friends():
    # Agents 0 and 1 against 2: if all three match, the team learns from 1 less the other's -1. Mixing is the best that
    # they can do: worth 2/2.
    same = np.zeros((2, 2, 2))
    same[0, 0, 0] = same[1, 1, 1] = 1.0
    game = mf.games.MatrixGame(same, same, -same)
    run = mf.train(game, FriendOrFoe(**SURE, explore=RANDOM), rewards=mf.rewards.mixed([[0, 1], [2]]), episodes=100,
                   seed=1)
    tables = run.tables(0)
    assert tables["value"][0, 0] == pytest.approx([1.0, 1.0, -1.0])
    assert tables["policy"][0, 0, 0] == pytest.approx([0.5, 0.0, 0.0, 0.5])
    # Playing by the same number the friends always match each other: half of the time all three do.
    assert mf.evaluate(game, run, episodes=4000, seed=1).returns[:, :, 0].mean() == pytest.approx(0.5, abs=0.04)


def test_nash_q_finds_the_equilibria_it_says(backend):
    run = mf.train(DILEMMA, NashQ(**SURE, explore=RANDOM), episodes=60, seed=1, backend=backend)
    assert run.tables()["value"][0, 0].tolist() == [1.0, 1.0]
    assert run.policy(0)([0]).tolist() == [1, 1]
    run = mf.train(SEXES, NashQ(**SURE, explore=RANDOM), episodes=60, runs=5, seed=1, backend=backend)
    assert (run.tables()["value"][:, 0] == [3.0, 2.0]).all()        # of two with equal sums the first
    played = mf.evaluate(SEXES, run, episodes=20, backend=backend).returns.sum(axis=2)
    assert (played == 5.0).all()


def test_correlated_q_learns_the_best_correlation_of_chicken():
    # By a linear program: told to yield, nobody may gain by daring. See tests/core/test_equilibria.py: 5.25 for both.
    run = mf.train(CHICKEN, CorrelatedQ(**SURE, explore=RANDOM), episodes=100, runs=4, seed=1)
    values, told = run.tables()["value"][:, 0], run.tables()["policy"][:, 0, 0]
    assert values == pytest.approx(5.25, abs=1e-7)
    assert told == pytest.approx(np.array([[0.0, 0.25, 0.25, 0.5]] * 4), abs=1e-7)
    played = mf.evaluate(CHICKEN, run, episodes=4000, seed=2).returns
    assert not (played.sum(axis=2) == 0.0).any()        # never do both dare
    assert played.mean() == pytest.approx(5.25, abs=0.05)
    # Nash-Q does worse: the sum of a pure equilibrium is 9.
    nash = mf.train(CHICKEN, NashQ(**ALONE, explore=RANDOM), episodes=500, seed=1)
    assert nash.tables()["value"][0, 0].sum() == pytest.approx(9.0, abs=1e-3)


def test_rewards_of_the_structure_are_what_is_learned():
    run = mf.train(DILEMMA, NashQ(**ALONE, explore=RANDOM), rewards=mf.rewards.cooperative(), episodes=400, seed=1)
    assert run.tables()["value"][0, 0] == pytest.approx([3.0, 3.0], abs=1e-6)       # with shared rewards they cooperate


# -- both backends, threads, files ---------------------------------------------------------------

MORE = (2, 4, 3)
EXAMPLES = {name: Example(learner, actions, common=True) for name, learner, actions in (
    ("central_q", CentralQ(0.3), MORE),
    ("central_q, runs", CentralQ([0.1, 0.2, 0.3], discount=[0.5, 0.9, 0.99],
                                 explore=mf.Boltzmann([0.3, 1.0, 2.0])), (2, 3)),
    ("jal", JointActionLearner(0.3, initial_q=0.3), MORE),
    ("jal, ties", JointActionLearner(0.2, explore=mf.EpsilonGreedy(0.3, ties="random")), (3, 3)),
    ("minimax_q", MinimaxQ(mf.schedules.Harmonic(1.0, 0.05)), (2, 3)),
    ("minimax_q, initial", MinimaxQ(0.3, initial_q=1.0), (3, 3)),
    ("friend_or_foe", FriendOrFoe(0.3, friends="all"), (2, 3)),
    ("friend_or_foe, foes", FriendOrFoe(0.3, friends="none", explore=mf.EpsilonGreedy([0.1, 0.5, 1.0])), (2, 3)),
    ("nash_q", NashQ(0.3), (2, 3)), ("nash_q, initial", NashQ(0.3, initial_q=[[1.0], [2.0]]), (3, 3)),
    ("correlated_q", CorrelatedQ(0.3), (2, 3)),
    ("correlated_q, egalitarian", CorrelatedQ(0.3, objective="egalitarian"), (3, 3)),
    ("correlated_q, republican", CorrelatedQ(0.3, objective="republican"), (2, 2)),
    ("correlated_q, libertarian", CorrelatedQ(0.3, objective="libertarian"), (2, 3)))} | {
    "friend_or_foe, teams": Example(FriendOrFoe(0.3), (2, 2, 2), teams=[[0, 2], [1]], common=True),
    "minimax_q, beside another": Example([(MinimaxQ(0.3), [1]), (JointActionLearner(0.3), [0])], (2, 3), common=True),
}
LEARNERS = [example.learner for example in EXAMPLES.values() if example.actions in ((2, 3), (3, 3))
            and not isinstance(example.learner, list)]
_generator = np.random.default_rng(0)
MARKOV = mf.games.MarkovGame(_generator.dirichlet(np.ones(4), (4, 6)), _generator.integers(-2, 3, (4, 6, 2)), (2, 3),
                             terminal=[False] * 3 + [True], horizon=9)
DRIFT = mf.games.Drift(agents=2, state_size=1, actions=3, horizon=9)
identify = pytest.mark.parametrize("learner", LEARNERS, ids=lambda one: f"{one.name}")


@identify
def test_a_policy_says_the_most_likely_actions(learner):
    run = mf.train(DRIFT, learner, encoder=mf.Rounding(0), episodes=20, runs=3, seed=4)
    for r in range(3):
        policy, greedy = run.policy(r, kind="greedy"), run.tables()["greedy"][r]
        for row, obs in enumerate(run.rows[r]):
            actions = policy(obs).tolist()
            if learner.name in ("central_q", "correlated_q"):
                assert actions == [greedy[row, 0] // 3, greedy[row, 0] % 3]
            elif "policy" not in run.tables() and "expected" not in run.tables():      # own action first
                assert actions == [greedy[row, 0] // 3, greedy[row, 1] % 3]
            else:
                assert actions == greedy[row].tolist()
        unseen = policy([1e6]).tolist()                 # the initial values say, or the first incumbents
        assert unseen == policy([2e6]).tolist() and (learner.explore.keeps or unseen == [0, 0])


def test_different_learners_in_one_team():
    learners = [(MinimaxQ(0.3), [1]), (JointActionLearner(0.3), [0])]
    runs = [mf.train(MARKOV, learners=learners, episodes=20, runs=2, seed=3, backend=backend)
            for backend in ("cython", "numpy")]
    assert_same(*runs)
    assert runs[0].tables(1)["policy"].shape == (2, 4, 1, 3) and runs[0].tables(0)["expected"].shape == (2, 4, 1, 2)


def test_runs_fail_where_values_stop_being_finite():
    game = mf.games.MatrixGame(np.full((2, 2), 1e308), horizon=0)
    with pytest.raises(mf.TrainingError, match="a learned value stopped being finite"):
        mf.train(game, CentralQ(1.0, discount=1.0), steps=10, seed=1)


# -- what they refuse ----------------------------------------------------------------------------

THREE = mf.games.Drift(agents=3, state_size=1, actions=3, horizon=9)


@pytest.mark.parametrize("learner, game, message", [
    (MinimaxQ(), THREE, "minimax_q: is for two players, game 'drift' has 3 agents; friend_or_foe fits any number in "
                        "teams, central_q and jal any number, iql anything"),
    (NashQ(), THREE, "nash_q: is for two players, game 'drift' has 3 agents"),
    (CorrelatedQ(), THREE, "correlated_q: is for two players"),
    (FriendOrFoe(), THREE, r"friends: 'team' needs teams; use rewards=marlfast.rewards.mixed\(teams\), or friends="),
    (CentralQ(), Soccer(mirrored=True), r"central_q: its agents share one table, but game 'soccer' shows each its own"),
    (NashQ(), Soccer(mirrored=True), "nash_q: its agents share one table"),
    (NashQ(), mf.games.MatrixGame(np.zeros((65, 64))), "nash_q: finds an equilibrium at every step, of matrices of at "
                                                       r"most 4096 entries; here they have 4,160 \(65 x 64 actions\)"),
    (MinimaxQ(), mf.games.MatrixGame(np.eye(65, 64), -np.eye(65, 64)), "minimax_q: finds an equilibrium at every step"),
    (CorrelatedQ(), mf.games.MatrixGame(np.zeros((17, 16))), "correlated_q: .* at most 256 entries; here .* 272"),
    (CentralQ(initial_q=[1.0, 2.0]), PENNIES, r"initial_q: expected a shape that broadcasts to \(rows, tables, joint "
                                              r"actions\) = \(1, 1, 4\), got \(2,\)"),
])
def test_games_that_do_not_fit_are_refused(learner, game, message):
    with pytest.raises(ValueError, match=message):
        mf.train(game, learner, encoder=None if game.observations else mf.Grid(-1.0, 1.0, 2), episodes=1)


def test_equilibrium_learners_lead_both():
    with pytest.raises(ValueError, match=r"learners\[0\]: nash_q: learns both players' values from both players' re"):
        mf.train(PENNIES, learners=[NashQ(), mf.IQL()], episodes=1)


@pytest.mark.parametrize("make, error, message", [
    (lambda: CentralQ(1.5), ValueError, "learning_rate"), (lambda: MinimaxQ(discount=-0.1), ValueError, "discount"),
    (lambda: NashQ(explore=3), TypeError, "explore"), (lambda: CentralQ(initial_q=np.nan), ValueError, "initial_q"),
    (lambda: FriendOrFoe(friends="foes"), ValueError, "unknown friends 'foes'"),
    (lambda: MinimaxQ(friends="all"), ValueError, "friends: expected one of 'none', got 'all'"),
    (lambda: CorrelatedQ(objective="fair"), ValueError, "objective: expected one of 'utilitarian', 'egalitarian'"),
    (lambda: mf.train(PENNIES, MinimaxQ(explore=mf.Boltzmann()), episodes=1), ValueError,
     "explore: minimax_q plays mixed policies"),
    (lambda: mf.train(PENNIES, CorrelatedQ(explore=mf.Boltzmann()), episodes=1), ValueError,
     "explore: correlated_q plays mixed policies"),
    (lambda: mf.train(PENNIES, FriendOrFoe(friends="none", explore=mf.Boltzmann()), episodes=1), ValueError,
     "explore: friend_or_foe plays mixed policies"),
    (lambda: mf.train(DRIFT, CentralQ(initial_q=np.zeros((5, 1, 9))), encoder=mf.Rounding(1), episodes=1), ValueError,
     r"initial_q: .*expected a shape that broadcasts to \(tables, joint actions\) = \(1, 9\)"),
])
def test_wrong_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_cost_of_joint_tables_is_said_before_it_is_paid(monkeypatch):
    # 5 actions of 12 agents: 244,140,625 joint actions; 1000 rows of 8 bytes each are 1,953 GB.
    game = mf.games.Drift(agents=12, state_size=1, actions=5, horizon=9)
    context, learner = LearnerContext(game, mf.rewards.individual(), 2), CentralQ()
    assert learner.memory(context, 500) == 8 * 2 * 500 * (5**12 + 2)
    said = (r"central_q: tables for 2 runs x 500 rows x 1 tables x 244,140,625 joint actions \(5( x 5){7} x \.\.\. of "
            r"12 agents\) need 1,953.1 GB, this machine has [\d.,]+ GB; take fewer agents, actions, rows or runs, or "
            r"learners without joint tables \(iql\)")
    monkeypatch.setattr(module, "memory_there", lambda: 10**12)
    with pytest.raises(ValueError, match=said):
        learner.check(context, 500)
    monkeypatch.setattr(module, "memory_there", lambda: None)       # where the machine does not say, it must be tried
    learner.check(context, 500)
    # Numbers of joint actions that no integer holds are refused all the same.
    many = LearnerContext(mf.games.Drift(agents=60, state_size=1, actions=5), mf.rewards.individual())
    for one in (learner, JointActionLearner(), FriendOrFoe(friends="all")):
        with pytest.raises(ValueError, match=rf"{one.name}: tables for 1 runs .* need about 10\*\*\d+ GB; take fewer"):
            one.check(many, 1)


def test_tables_that_cannot_be_made_say_what_they_need():
    context = LearnerContext(mf.games.Drift(agents=13, state_size=1, actions=5), mf.rewards.individual(), 10**6)
    with pytest.raises(MemoryError, match=re.escape("central_q: tables for 1,000,000 runs x 100,000 rows x 1 tables x "
                                                    "1,220,703,125 joint actions")):
        CentralQ().allocate(context, 10**5)


def test_all_of_them_have_a_name_and_plain_values():
    for learner in LEARNERS:
        again = mf.registry.from_dict("learner", learner.to_dict())
        assert again == learner and type(again) is type(learner)
