"""Opponents: fixed rules and learners of their own, by hand; and what they are known to do."""
import math

import numpy as np
import pytest

import marlfast as mf
from marlfast.declarations.opponents import KERNELS
from marlfast.learners.opponents import (
    Exp3,
    FictitiousPlay,
    FixedPolicy,
    Random,
    RegretMatching,
    TitForTat,
    WinStayLoseShift,
)
from marlfast.learners.phc import PHC

BELOW_ONE = 1.0 - 2.0**-53
DILEMMA = np.array([[3, 0], [5, 1]], float)       # 0 cooperates, 1 defects
CHICKEN = np.array([[0, 4], [1, 3]], float)
PENNIES = np.array([[1, -1], [-1, 1]], float)
SHAPLEY = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float), np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], float)


def matrix(payoffs, horizon=0):
    return mf.games.MatrixGame(payoffs, payoffs.T, horizon=horizon)


def remembering(joint_payoffs, horizon):
    """A repeated game of two agents with two actions each, who see the last joint action; state 4: there was none."""
    transitions = np.zeros((5, 4, 5))
    transitions[:, np.arange(4), np.arange(4)] = 1.0
    rewards = np.stack([joint_payoffs.ravel(), joint_payoffs.T.ravel()], axis=1)
    return mf.games.MarkovGame(transitions, np.repeat(rewards[None], 5, axis=0), (2, 2), start=[0, 0, 0, 0, 1],
                               horizon=horizon)


def made(module, name, *arguments):
    """A kernel, of its arguments in the order in which they are declared."""
    declared = next(kernel for kernel in KERNELS if kernel.name == name)
    return getattr(module("opponents"), name)(**dict(zip(declared.arguments, arguments, strict=True)))


class Player:
    """A kernel of two agents (or more) with as many actions each as ``counts`` says; it controls agent 0."""

    def __init__(self, module, name, counts, *own, agent_ids=(0,), draws=1):
        self.counts = np.array(counts, np.int32)
        self.kernel = made(module, name, 1, self.counts, np.array(agent_ids, np.int32), draws, *own)

    def act(self, u=0.5, row=0):
        actions = np.full((1, len(self.counts)), -9, np.int32)
        draws = np.full((1, len(self.counts), self.kernel.draws), float(u))
        self.kernel.act(np.full(actions.shape, row, np.int32), draws, actions)
        return actions[0].tolist()

    def update(self, actions, rewards=None, ended=False):
        changed, rows = np.zeros(1, bool), np.zeros((1, len(actions)), np.int32)
        rewards = np.zeros((1, len(actions))) if rewards is None else np.array([rewards], float)
        self.kernel.update(rows, np.array([actions], np.int32), rewards, rows, np.zeros(1, bool), changed)
        self.kernel.tick(np.array([ended]))
        return bool(changed[0])


# -- fixed policies ------------------------------------------------------------------------------

def test_random_play_is_the_floor_of_draw_times_actions(module):
    player = Player(module, "FixedPolicy", [3, 2], None, agent_ids=(0, 1))
    assert [player.act(u) for u in (0.0, 0.34, 0.5, BELOW_ONE)] == [[0, 0], [1, 0], [1, 1], [2, 1]]


def test_a_fixed_policy_draws_by_its_rows(module):
    policy = np.array([[[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]]])
    player = Player(module, "FixedPolicy", [3, 2], policy)
    assert [player.act(u, 0)[0] for u in (0.0, 0.2499, 0.25, BELOW_ONE)] == [0, 0, 2, 2]
    assert [player.act(u, 1) for u in (0.0, BELOW_ONE)] == [[1, -9], [1, -9]]
    for row in (-1, 2):
        with pytest.raises(ValueError, match="act: a row lies outside the table"):
            player.act(0.5, row)
    assert Player(module, "FixedPolicy", [3, 2], policy[:, :1]).act(0.9, 77) == [2, -9]      # one row: the same in all


def test_each_agent_reads_its_own_first_draw(module):
    player = Player(module, "FixedPolicy", [4, 4], None, agent_ids=(1, 0), draws=3)
    actions = np.zeros((1, 2), np.int32)
    player.kernel.act(np.zeros((1, 2), np.int32), np.array([[[0.3, 0.9, 0.9], [0.8, 0.0, 0.0]]]), actions)
    assert actions.tolist() == [[1, 3]]


# -- tit for tat and win-stay lose-shift -----------------------------------------------------------

def test_tit_for_tat_does_what_the_other_did(module):
    player = Player(module, "TitForTat", [2, 2], np.zeros((1, 1), np.int32), np.array([1], np.int32), 0)
    noted = []
    for other in (1, 1, 0, 1):
        noted.append(player.act()[0])
        assert player.update([noted[-1], other]) is False
    assert noted == [0, 1, 1, 0]
    player.update([1, 1], ended=True)
    assert player.act() == [0, -9]


def test_tit_for_tat_may_open_otherwise_and_copy_any_agent(module):
    player = Player(module, "TitForTat", [3, 2, 3], np.zeros((1, 1), np.int32), np.array([2], np.int32), 2)
    assert player.act()[0] == 2
    player.update([0, 1, 1])
    assert player.act()[0] == 1


def test_win_stay_lose_shift(module):
    # Threshold 2, three actions: 2 is enough to stay; after the last action comes the first.
    player = Player(module, "WinStayLoseShift", [3, 2], np.zeros((1, 1), np.int32), np.array([2.0]), 1)
    noted = []
    for reward in (2.0, 1.9, 0.0, 5.0):
        noted.append(player.act()[0])
        player.update([noted[-1], 0], [reward, 0.0])
    assert noted == [1, 1, 2, 0] and player.act()[0] == 0
    player.update([2, 0], [0.0, 0.0], ended=True)
    assert player.act()[0] == 1


def test_what_was_played_counts_not_what_was_chosen(module):
    player = Player(module, "WinStayLoseShift", [2, 2], np.zeros((1, 1), np.int32), np.array([2.0]), 0)
    player.act()
    player.update([1, 0], [3.0, 0.0])
    assert player.act()[0] == 1


# -- fictitious play -----------------------------------------------------------------------------

def test_fictitious_play_by_hand(module):
    # Own payoffs [[1, 2], [3, 0]]. The other plays 1, 1, 0: totals (2, 0), (4, 0), (5, 3): best 0 throughout.
    # It plays 0 twice more: (6, 6), a tie for the first, then (7, 9): best 1.
    totals, counts = np.zeros((1, 1, 2)), np.zeros((1, 2, 2), np.int64)
    player = Player(module, "FictitiousPlay", [2, 2], True, np.array([[1.0, 2.0, 3.0, 0.0]]), totals, counts)
    for other, expected, best, changed in ((1, (2, 0), 0, False), (1, (4, 0), 0, False), (0, (5, 3), 0, False),
                                           (0, (6, 6), 0, False), (0, (7, 9), 1, True)):
        assert player.update([0, other]) is changed
        assert totals.ravel().tolist() == list(expected) and player.act()[0] == best
    assert counts.tolist() == [[[5, 0], [3, 2]]]


def test_payoffs_of_three_agents_are_read_in_their_places(module):
    # Agent 1 of (2, 3, 2) agents' actions; payoff 100 a0 + 10 a1 + a2. Others play (1, ., 1): 101, 111, 121.
    payoffs = np.add.outer(np.add.outer([0, 100], [0, 10, 20]), [0, 1]).astype(float)
    totals = np.zeros((1, 1, 3))
    player = Player(module, "FictitiousPlay", [2, 3, 2], True, payoffs.reshape(1, -1), totals,
                    np.zeros((1, 3, 3), np.int64), agent_ids=(1,))
    player.update([1, 0, 1])
    assert totals.ravel().tolist() == [101.0, 111.0, 121.0] and player.act() == [-9, 2, -9]


def test_fictitious_play_finds_the_frequencies_of_matching_pennies():
    learners = [FictitiousPlay(PENNIES), FictitiousPlay(-PENNIES)]
    run = mf.train(mf.games.MatrixGame(PENNIES, -PENNIES, horizon=0), learners=learners, steps=10_000)
    frequencies = run.tables(0)["counts"][0] / 10_000
    assert np.abs(frequencies - 0.5).max() < 0.02
    assert (run.tables(0)["counts"] == run.tables(1)["counts"]).all()


def test_fictitious_play_goes_round_in_shapleys_game():
    # The equilibrium is (1/3, 1/3, 1/3); stretches of one joint action grow, so that frequencies never settle there.
    game = mf.games.MatrixGame(*SHAPLEY, horizon=0)
    learners = [FictitiousPlay(SHAPLEY[0], initial=[1.0, 0.5, 0.0]), FictitiousPlay(SHAPLEY[1])]
    run = mf.train(game, learners=learners, steps=1000)
    far = []
    for k in range(12):
        run = mf.train(resume=run, steps=1000 * 2**k // 2)
        far.append(np.abs(run.tables(0)["counts"][0, 0] / run.steps[0] - 1 / 3).max())
    assert min(far) > 0.1
    # Whereas in rock-paper-scissors, which is zero-sum, they do.
    payoffs = SHAPLEY[0] - SHAPLEY[0].T
    learners = [FictitiousPlay(payoffs, initial=[1.0, 0.5, 0.0]), FictitiousPlay(-payoffs)]
    run = mf.train(mf.games.MatrixGame(payoffs, -payoffs, horizon=0), learners=learners, steps=100_000)
    assert np.abs(run.tables(0)["counts"][0] / 1e5 - 1 / 3).max() < 0.02


# -- regret matching -----------------------------------------------------------------------------

def test_internal_regret_by_hand(module):
    # Own payoffs [[1, 2], [3, 0]], inertia 4. After (0, 0): action 1 would have earned 2 more. Mean regret 2 / 1; it
    # switches with probability 2 / 4. After (0, 1) the sum is 0; after (1, 1): 0 would have earned 2 more, mean 2 / 3.
    regrets, memory, steps = np.zeros((1, 1, 2, 2)), np.zeros((1, 1), np.int32), np.zeros(1, np.int64)
    counts = np.zeros((1, 4), np.int64)
    player = Player(module, "RegretMatching", [2, 2], True, np.array([[1.0, 2.0, 3.0, 0.0]]), regrets, memory, steps,
                    np.array([4.0]), counts)
    assert [player.act(u)[0] for u in (0.0, 0.5)] == [0, 1]       # the first action is drawn from all
    assert player.update([0, 0]) is True
    assert regrets.tolist() == [[[[0.0, 2.0], [0.0, 0.0]]]] and memory.tolist() == [[1]] and steps.tolist() == [1]
    assert [player.act(u)[0] for u in (0.0, 0.499, 0.5)] == [1, 1, 0]
    player.update([0, 1])
    assert regrets[0, 0, 0].tolist() == [0.0, 0.0] and player.act(0.0)[0] == 0
    player.update([1, 1])
    assert regrets[0, 0, 1].tolist() == [2.0, 0.0]
    assert [player.act(u)[0] for u in (0.16, 0.17)] == [0, 1]       # (2 / 3) / 4 = 1 / 6
    assert counts.tolist() == [[1, 1, 0, 1]]


def test_external_regret_by_hand(module):
    # Own payoffs of actions 0, 1, 2 against the other's 0: 1, 4, 2. Having played 0: regrets 0, 3, 1.
    regrets = np.zeros((1, 1, 1, 3))
    payoffs = np.array([[1.0, 0.0, 4.0, 0.0, 2.0, 0.0]])
    player = Player(module, "RegretMatching", [3, 2], True, payoffs, regrets, np.zeros((1, 1), np.int32),
                    np.zeros(1, np.int64), np.ones(1), np.zeros((1, 6), np.int64))
    assert [player.act(u)[0] for u in (0.0, 0.4, 0.7)] == [0, 1, 2]       # no regret yet: any
    player.update([0, 0])
    assert regrets.ravel().tolist() == [0.0, 3.0, 1.0]
    assert [player.act(u)[0] for u in (0.0, 0.74, 0.75, BELOW_ONE)] == [1, 1, 2, 2]


def test_frozen_regret_matching_still_knows_its_last_action(module):
    regrets, memory = np.array([[[[0.0, 2.0], [0.0, 0.0]]]]), np.array([[1]], np.int32)
    counts = np.zeros((1, 4), np.int64)
    player = Player(module, "RegretMatching", [2, 2], False, np.array([[1.0, 2.0, 3.0, 0.0]]), regrets, memory,
                    np.ones(1, np.int64), np.ones(1), counts)
    assert player.act(0.0)[0] == 1
    player.update([1, 0])
    assert memory.tolist() == [[2]] and player.act(0.0)[0] == 1 and regrets.ravel().tolist() == [0.0, 2.0, 0.0, 0.0]
    assert not counts.any()


def test_the_default_inertia_is_that_of_the_range():
    context = mf.learners.base.LearnerContext(matrix(CHICKEN), mf.rewards.individual())
    learner = RegretMatching(CHICKEN)
    assert learner._inertia(context, learner._own(context)).tolist() == [1.01 * 4.0] * 2


@pytest.mark.parametrize("name, payoffs", [("chicken", (CHICKEN, CHICKEN.T)), ("shapley", SHAPLEY),
                                           ("pennies", (PENNIES, -PENNIES))])
def test_joint_play_of_regret_matching_is_a_correlated_equilibrium(name, payoffs):
    # Hart and Mas-Colell's theorem: all mean internal regrets fall below any positive number, here 3 % of the payoffs'
    # range after 100,000 steps, where after 1,000 some are greater. So joint play is nearly a correlated equilibrium.
    game = mf.games.MatrixGame(*payoffs, horizon=0)
    run = mf.train(game, RegretMatching(np.stack(payoffs)), steps=1000, runs=5, seed=2, record_every=0)
    most = 0.03 * np.ptp(payoffs[0])
    early = (run.arrays["learner.regrets"] / 1000).max()
    run = mf.train(resume=run, steps=99_000)
    assert (run.arrays["learner.regrets"] / 1e5).max() < most
    assert early > most or name == "chicken"      # which settles in a pure equilibrium early


def test_external_regret_vanishes():
    game = mf.games.MatrixGame(*SHAPLEY, horizon=0)
    run = mf.train(game, RegretMatching(np.stack(SHAPLEY), regret="external"), steps=100_000, runs=5, seed=2,
                   record_every=0)
    assert (run.arrays["learner.regrets"] / 1e5).max() < 0.01


# -- exponential weights -------------------------------------------------------------------------

def test_exp3_by_hand(module):
    # Two actions, gamma 1/2, rewards from -1 to 3. Equal weights: p = 1/2 each. Reward 1 is x = 1/2:
    # log w += 1/2 * (1/2 / (1/2)) / 2 = 1/4. Then p[0] = 1/2 * e^(1/4) / (e^(1/4) + 1) + 1/4 = 0.531.
    weights = np.zeros((1, 1, 2))
    player = Player(module, "Exp3", [2, 2], True, weights, np.array([0.5]), -1.0, 3.0)
    assert [player.act(u)[0] for u in (0.0, 0.499, 0.5)] == [0, 0, 1]
    assert player.update([0, 1], [1.0, 0.0]) is False
    assert weights.ravel().tolist() == [0.25, 0.0]
    p = 0.5 * math.exp(0.25) / (math.exp(0.25) + 1.0) + 0.25
    assert [player.act(u)[0] for u in (p - 1e-9, p + 1e-9)] == [0, 1]
    # Action 1, the greatest reward and more: x = 1. It overtakes.
    assert player.update([1, 0], [7.0, 0.0]) is True
    assert weights[0, 0, 1] == pytest.approx(0.5 / (1.0 - p) / 2.0, rel=1e-14)
    before = weights.copy()
    player.update([1, 0], [-9.0, 0.0])      # below the range: x = 0
    assert (weights == before).all()


def test_exp3_stays_within_its_regret_bound():
    # Auer et al. 2002, corollary 3.2: with gamma = sqrt(K ln K / ((e - 1) T)) the expected regret is at most
    # 2 sqrt(e - 1) sqrt(T K ln K), here 873; a player who never learned would have 10,500.
    steps, payoffs = 20_000, [0.1, 0.2, 0.9, 0.3]
    gamma = math.sqrt(4 * math.log(4) / ((math.e - 1) * steps))
    run = mf.train(mf.games.MatrixGame(payoffs, horizon=steps), Exp3(gamma), episodes=1, runs=20, seed=1)
    assert 0.0 < (0.9 * steps - run.returns).mean() < 2 * math.sqrt(math.e - 1) * math.sqrt(steps * 4 * math.log(4))
    assert (run.tables()["weights"][:, 0].argmax(axis=1) == 2).all()


# -- against learners ----------------------------------------------------------------------------

@pytest.mark.parametrize("discount, least, most", [(0.95, 2.9, 3.0), (0.0, 1.0, 1.1)])
def test_a_far_sighted_learner_cooperates_with_tit_for_tat_and_a_short_sighted_one_defects(discount, least, most):
    # Cooperating for ever is worth 3 / (1 - 0.95) = 60; defecting 5 + 0.95 / (1 - 0.95) = 24; in turn, beginning with
    # defecting, 5 / (1 - 0.95**2) = 51. Without a future defecting is worth more. Mean payoff of the last episodes,
    # which are played greedily.
    explore = mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.0)
    learner = mf.IQL(0.2, discount=discount, explore=explore)
    run = mf.train(remembering(DILEMMA, 50), learners=[learner, TitForTat()], episodes=1500, runs=10, seed=1)
    last = run.returns[:, -10:, 0].mean(axis=1) / 50
    assert (last >= least).all() and (last <= most).all()


def test_pavlov_exploits_one_who_always_cooperates_once_it_has_erred():
    # Opening by defecting against cooperation: 5 wins, so it goes on.
    learners = [WinStayLoseShift(threshold=2.0, opening=1), FixedPolicy([1.0, 0.0])]
    run = mf.train(matrix(DILEMMA, 10), learners=learners, episodes=3)
    assert run.returns.tolist() == [[[50.0, 0.0]] * 3]
    # Two of them: mutual defection loses for both, then they cooperate.
    run = mf.train(matrix(DILEMMA, 10), WinStayLoseShift(threshold=2.0, opening=1), episodes=3)
    assert run.returns.tolist() == [[[1.0 + 9 * 3.0] * 2] * 3]


def test_tit_for_tat_answers_in_turn_and_begins_anew(backend):
    learners = [TitForTat(opening=1), TitForTat()]
    run = mf.train(matrix(DILEMMA, 4), learners=learners, episodes=2, backend=backend)
    assert run.returns.tolist() == [[[10.0, 10.0]] * 2]       # 5, 0, 5, 0 and 0, 5, 0, 5


def test_frozen_opponents_go_on_answering(backend):
    run = mf.train(matrix(DILEMMA, 4), learners=[TitForTat(opening=1), TitForTat()], episodes=2)
    assert mf.evaluate(matrix(DILEMMA, 4), run, episodes=3, backend=backend).returns.tolist() == [[[10.0, 10.0]] * 3]
    assert [run.policy(0)([0.0]).tolist()] == [[1, 0]]
    run = mf.train(matrix(DILEMMA, 4), learners=[TitForTat(), PHC()], steps=7)
    learner, context = run.experiment.resolved.parts[0][1:]
    arrays = {"memory": run.arrays["learner.0.memory"]}
    assert arrays["memory"].any()
    learner.begin(context, arrays)
    assert not arrays["memory"].any()


def test_opponents_that_learn_nothing_let_greedy_actions_stay_stable():
    learners = [TitForTat(), WinStayLoseShift(), Random(), FixedPolicy([0.5, 0.5])]
    game = mf.games.MatrixGame(np.zeros((2, 2, 2, 2)), horizon=0)
    run = mf.train(game, learners=[TitForTat(of=3), *learners[1:]], steps=500, stop=mf.GreedyStable(20))
    assert run.steps.tolist() == [20]


def test_a_learned_policy_plays_on_as_an_opponent():
    game = remembering(DILEMMA, 20)
    trained = mf.train(game, mf.IQL(discount=0.5), episodes=30, runs=2, seed=6)
    for run in (0, 1):
        for agent in (0, 1):
            fixed = FixedPolicy.of(trained, agent, run)
            assert fixed.policy.shape == (5, 2) and set(fixed.policy.ravel().tolist()) == {0.0, 1.0}
            assert (fixed.policy.argmax(axis=1) == trained.q[run, :, agent].argmax(axis=1)).all()
            assert FixedPolicy.of(trained.policy(run), agent) == fixed
    alone = mf.evaluate(game, trained.policy(1), episodes=3)
    fixed = mf.train(game, learners=[FixedPolicy.of(trained, i, 1) for i in (0, 1)], episodes=3)
    assert (fixed.returns == alone.returns).all()
    mixed = mf.train(game, learners=[PHC(), Random()], steps=200)
    assert (FixedPolicy.of(mixed, 0).policy == mixed.tables(0)["policy"][0, :, 0]).all()
    with pytest.raises(ValueError, match="learned: its encoder 'rounding' numbers rows as it first sees them"):
        FixedPolicy.of(mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=1))
    with pytest.raises(TypeError, match="learned: expected a Result or a Policy, got 3"):
        FixedPolicy.of(3)
    with pytest.raises(ValueError, match="agent: expected 0 to 1, got 2"):
        FixedPolicy.of(trained, 2)


def test_what_a_team_would_do_next():
    payoffs = np.stack([CHICKEN, CHICKEN.T])
    for learner in (Random(), FixedPolicy([0.0, 1.0]), TitForTat(), WinStayLoseShift(), FictitiousPlay(payoffs),
                    RegretMatching(payoffs), RegretMatching(payoffs, regret="external"), Exp3(low=0.0, high=4.0)):
        run = mf.train(matrix(CHICKEN), learner, steps=50, seed=2)
        actions = run.policy(0)([0.0])
        assert actions.dtype == np.int32 and actions.shape == (2,) and set(actions.tolist()) <= {0, 1}
        assert run.policy(0)([0.0]).tolist() == actions.tolist()
    run = mf.train(matrix(CHICKEN), FixedPolicy([0.0, 1.0]), steps=5)
    assert run.policy(0)([0.0]).tolist() == [1, 1]


# -- bad input -----------------------------------------------------------------------------------

@pytest.mark.parametrize("make, error, message", [
    (lambda: FixedPolicy([0.5, 0.6]), ValueError, r"policy: expected probabilities that sum to 1, row 0 sums to 1\.1"),
    (lambda: FixedPolicy([[1.0, 0.0], [0.5, 0.4]]), ValueError, r"row 1 sums to 0\.9"),
    (lambda: FixedPolicy([1.5, -0.5]), ValueError, r"policy: expected probabilities, got -0\.5"),
    (lambda: FixedPolicy([np.nan, 1.0]), ValueError, r"policy\[0\]: expected a finite number"),
    (lambda: FixedPolicy("all"), TypeError, "policy: expected an array of numbers, got 'all'"),
    (lambda: FixedPolicy(1.0), ValueError, r"policy: expected shape \(actions,\) or \(rows, actions\), got \(\)"),
    (lambda: TitForTat(of=-1), ValueError, "of: expected at least 0"),
    (lambda: TitForTat(of="other"), TypeError, "of: expected a whole number"),
    (lambda: TitForTat(opening=-1), ValueError, "opening: expected"),
    (lambda: WinStayLoseShift(threshold=math.inf), ValueError, "threshold: expected a finite number"),
    (lambda: WinStayLoseShift(opening=0.5), TypeError, "opening: expected a whole number"),
    (lambda: FictitiousPlay([[1.0, math.nan]]), ValueError, r"payoffs\[0, 1\]: expected a finite number"),
    (lambda: FictitiousPlay(1.0), ValueError, r"payoffs: expected one axis per agent .* got shape \(\)"),
    (lambda: FictitiousPlay([1e200]), ValueError, "payoffs: expected numbers up to 1e100"),
    (lambda: FictitiousPlay(PENNIES, initial=PENNIES), ValueError, "initial: expected a number or one per action"),
    (lambda: RegretMatching(PENNIES, regret="swap"), ValueError, "regret: expected one of 'internal', 'external'"),
    (lambda: RegretMatching(PENNIES, inertia=0.0), ValueError, "inertia: expected greater than 0, got 0.0"),
    (lambda: RegretMatching(PENNIES, regret="external", inertia=1.0), ValueError, "inertia: only means something with"),
    (lambda: Exp3(gamma=0.0), ValueError, "gamma: expected greater than 0, got 0.0"),
    (lambda: Exp3(gamma=[0.1, 1.5]), ValueError, r"gamma\[1\]: expected at most 1.0, got 1.5"),
    (lambda: Exp3(low=1.0, high=1.0), ValueError, "low, high: expected low < high, got 1.0 and 1.0"),
])
def test_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


THREE = mf.games.MatrixGame(np.zeros((2, 3, 2)), horizon=1)


@pytest.mark.parametrize("game, learners, message", [
    (matrix(DILEMMA), [FixedPolicy([1.0, 0.0, 0.0]), Random()], r"has 3 actions, the agents it controls have \[2\]"),
    (matrix(DILEMMA), [FixedPolicy(np.eye(2)), Random()], "policy: has 2 rows, the table has 1; give as many"),
    (THREE, [TitForTat(), Random(), Random()], "of: the game has 3 agents; say whose actions are copied"),
    (THREE, [TitForTat(of=1), Random(), Random()], "of: agent 0 has 2 actions and cannot copy agent 1, which has 3"),
    (THREE, [TitForTat(of=0), Random(), Random()], "of: agent 0 would copy itself"),
    (THREE, [TitForTat(of=3), Random(), Random()], "of: the game has the agents 0 to 2, got 3"),
    (THREE, [TitForTat(of=2, opening=2), Random(), Random()], "opening: an agent has the actions 0 to 1, got 2"),
    (THREE, [WinStayLoseShift(opening=2), Random(), Random()], "opening: an agent has the actions 0 to 1, got 2"),
    (THREE, [FictitiousPlay(PENNIES), Random(), Random()], r"joint action, shape \(2, 3, 2\), or \(1, 2, 3, 2\)"),
    (matrix(DILEMMA), [FictitiousPlay(PENNIES, initial=[0.0] * 3), Random()], "initial: expected one number"),
    (matrix(DILEMMA), [RegretMatching(np.zeros((3, 3))), Random()], "payoffs: expected its own payoff"),
    (matrix(DILEMMA), [WinStayLoseShift([1.0, 2.0]), Random()], "threshold: expected one value per run, 1, got 2"),
])
def test_games_that_do_not_fit_are_refused(game, learners, message):
    with pytest.raises(ValueError, match=message):
        mf.train(game, learners=learners, steps=1)


def test_a_policy_of_rows_needs_rows_with_numbers():
    drift = mf.games.Drift(agents=1, actions=2, state_size=1)
    with pytest.raises(ValueError, match="policy: rows are numbered as they are first seen"):
        mf.train(drift, FixedPolicy(np.eye(2)), encoder=mf.Rounding(0), episodes=1)
    assert mf.train(drift, FixedPolicy([0.5, 0.5]), encoder=mf.Rounding(1), episodes=30).used[0] > 64


def test_exp3_asks_for_the_range_of_rewards_where_the_game_says_it():
    class Known(mf.games.Drift):
        reward_bounds = (-2.0, 5.0)

    with pytest.raises(ValueError, match=r"give low=-2.0, high=5.0"):
        Exp3().check(mf.learners.base.LearnerContext(Known(), mf.rewards.individual()))
    Exp3(low=-2.0, high=5.0).check(mf.learners.base.LearnerContext(Known(), mf.rewards.individual()))


def test_bad_input_is_refused_by_the_kernels(module):
    def make(name, *arguments):
        return made(module, name, *arguments)

    two, lead, memory = np.array([2, 2], np.int32), np.array([0], np.int32), np.zeros((1, 1), np.int32)
    payoffs, totals, counts = np.zeros((1, 4)), np.zeros((1, 1, 2)), np.zeros((1, 2, 2), np.int64)
    regrets, steps, one = np.zeros((1, 1, 2, 2)), np.zeros(1, np.int64), np.ones(1)
    for call, message in (
            (lambda: make("FixedPolicy", 0, two, lead, 1, None), "runs: expected at least 1, got 0"),
            (lambda: make("FixedPolicy", 1, two[:0], lead, 1, None), "actions: expected at least one agent, got shape"),
            (lambda: make("FixedPolicy", 1, two * 0, lead, 1, None), "actions: expected at least 1 action, got 0"),
            (lambda: make("FixedPolicy", 1, two, lead + 2, 1, None),
             "agent_ids: expected at least one agent from 0 to 1"),
            (lambda: make("FixedPolicy", 1, two, lead[:0], 1, None),
             "agent_ids: expected at least one agent from 0 to 1"),
            (lambda: make("FixedPolicy", 1, two, lead, 0, None), "draws: expected at least 1, got 0"),
            (lambda: make("FixedPolicy", 1, two, lead, 1, np.zeros((1, 0, 2))), "policy: expected at least one row"),
            (lambda: make("FixedPolicy", 1, two, lead, 1, np.zeros((1, 1, 3))), "policy: expected shape"),
            (lambda: make("TitForTat", 1, two, lead, 1, memory, lead + 2, 0),
             "of: expected agents from 0 to 1, got 2 to 2"),
            (lambda: make("TitForTat", 1, two, lead, 1, memory, lead, 2), "opening: expected 0 to 1, got 2"),
            (lambda: make("TitForTat", 1, two, lead, 1, memory[:, :0], lead, 0), "memory: expected shape"),
            (lambda: make("WinStayLoseShift", 1, two, lead, 1, memory, np.zeros(2), 0), "threshold: expected shape"),
            (lambda: make("FictitiousPlay", 1, two, lead, 1, True, payoffs[:, 1:] + 0, totals, counts), "payoffs: exp"),
            (lambda: make("FictitiousPlay", 1, two, lead, 1, True, payoffs, totals, counts[:, :1]),
             "counts: expected shape"),
            (lambda: make("RegretMatching", 1, two, lead, 1, True, payoffs, np.zeros((1, 1, 3, 2)), memory, steps, one,
                          counts[:, 0]),
             "regrets: expected 1 or 2 conditions, got 3"),
            (lambda: make("RegretMatching", 1, two, lead, 1, True, payoffs, regrets, memory, steps, one * 0, counts[0]),
             "inertia: expected greater than 0"),
            (lambda: make("RegretMatching", 1, two, lead, 1, True, payoffs, regrets, memory, steps, one, counts[0]),
             r"counts: expected shape"),
            (lambda: make("Exp3", 1, two, lead, 1, True, totals, one * 0, 0.0, 1.0), "gamma: expected greater than 0"),
            (lambda: make("Exp3", 1, two, lead, 1, True, totals, one, 1.0, 0.0), "low, high: expected low < high"),
            (lambda: make("Exp3", 1, two, lead, 1, True, np.zeros((1, 1, 3)), one, 0.0, 1.0),
             "weights: expected shape")):
        with pytest.raises(ValueError, match=message):
            call()
