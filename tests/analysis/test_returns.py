"""Expected returns, horizons and discounts: by hand."""
import numpy as np
import pytest

import marlfast as mf
from analysis.plain import DILEMMA, TIT_FOR_TAT
from marlfast import analysis
from marlfast.learners import FixedPolicy, RegretMatching, TitForTat

DEFECT = np.ones((4, 2), int)


def test_rounds_are_counted():
    found = analysis.expected_return(DILEMMA, np.array(TIT_FOR_TAT), horizon=3, start=1)
    assert found.returns.tolist() == [[10.0, 5.0]] and found.lengths.tolist() == [3.0]     # after CD: DC, CD, DC
    assert analysis.expected_return(DILEMMA, DEFECT, horizon=4, discount=0.5).returns.tolist() == [[1.875, 1.875]]
    assert "horizon 4, discount 0.5" in repr(analysis.expected_return(DILEMMA, DEFECT, horizon=4, discount=0.5))


def test_games_that_end_by_themselves_need_no_horizon():
    half = [np.full((4, 2), 0.5)] * 2
    found = analysis.expected_return(mf.games.TwoStep(), half)
    assert found.returns[0, 0] == 0.5 * 7 + 0.5 * 10 / 4 and found.lengths.tolist() == [2.0]
    coin = mf.games.MarkovGame([[[0.5, 0.5]], [[0, 1]]], [[1.0], [0.0]], (1,), terminal=[False, True])
    assert analysis.expected_return(coin, np.zeros((2, 1), int)).lengths[0] == pytest.approx(2.0)
    with pytest.raises(ValueError, match="discount: with 1.0 all play must end"):
        analysis.expected_return(DILEMMA, DEFECT)
    assert analysis.expected_return(DILEMMA, DEFECT, discount=0.9).returns[0] == pytest.approx([10.0, 10.0])
    assert np.isinf(analysis.expected_return(DILEMMA, DEFECT, discount=0.9).lengths).all()


def test_a_result_says_itself_what_game_it_is_of():
    game = mf.games.PrisonersDilemma(memory=1, horizon=10)
    run = mf.train(game, [TitForTat(), FixedPolicy([0.5, 0.5])], steps=100, seed=0)
    # Tit for tat cooperates first; then each does what is as likely as not: 1 + 9 rounds, 1.5 or 4, then 2.25.
    assert analysis.expected_return(run).returns.tolist() == [[1.5 + 9 * 2.25, 4.0 + 9 * 2.25]]
    with pytest.raises(ValueError, match="given: expected strategies, a Result or a Policy"):
        analysis.expected_return(game)


def test_what_outlasts_an_episode_is_averaged_over_episodes():
    game = mf.games.MatchingPennies()
    run = mf.train(game, RegretMatching(np.moveaxis(game.expected, -1, 0)), steps=50, runs=1, seed=3)
    # By brute force: a chain over both last actions, followed episode by episode.
    p = [one.chances(0, np.zeros((1, 2), np.int64))[0] for one in run.policy(0)._play().plays]
    at = np.zeros((3, 3))
    at[tuple(run.tables()["memory"][0])] = 1.0
    total = 0.0
    for k in range(40):
        joint = np.einsum("mn,ma,nb->ab", at, p[0], p[1])
        total += (joint * game.expected[..., 0]).sum()
        if k in (0, 39):
            assert analysis.expected_return(run, episodes=k + 1).returns[0, 0] == pytest.approx(total / (k + 1))
        at = np.zeros((3, 3))
        at[1:, 1:] = joint
    assert abs(analysis.expected_return(run).returns[0, 0]) <= 1.0


def test_a_single_round_is_judged_as_one():
    pennies = mf.games.MatchingPennies()
    heads = np.zeros((1, 2), int)
    for discount in (0.0, 0.95, 1.0):
        assert analysis.exploitability(pennies, heads, discount).nash_conv.tolist() == [2.0]
        assert analysis.state_values(pennies, heads, discount)[0, 0].tolist() == [1.0, -1.0]
    again = mf.games.MatchingPennies(horizon=0)
    assert analysis.exploitability(again, heads, 0.95).nash_conv[0] == pytest.approx(40.0)
    assert analysis.exploitability(again, heads, 0.95, horizon=1).nash_conv[0] == 2.0
    assert analysis.nash_test(pennies, heads, 0.95).everywhere.tolist() == [False]
    assert analysis.q_loss(pennies, heads, 0.95)[0, 0].tolist() == [0.0, 2.0]
    once = analysis.long_run(pennies, heads)
    assert once.rewards.tolist() == [[1.0, -1.0]] and "the game ends after 1 round" in repr(once)
    assert "ends" not in repr(analysis.long_run(DILEMMA, DEFECT))


def test_best_replies_that_know_the_round():
    # Against tit for tat in the last of three rounds: defect; before, cooperate as long as that is repaid.
    reply = analysis.best_reply(DILEMMA, np.array(TIT_FOR_TAT), 0, 1.0, start=0, horizon=3)
    assert reply.values[0, 0] == 3 + 3 + 5 and reply.gain[0] == 2.0 and "knows the round" in repr(reply)
    assert analysis.best_reply(DILEMMA, np.array(TIT_FOR_TAT), 0, 1.0, start=0, horizon=1).values[0, 0] == 5.0
    values = analysis.action_values(DILEMMA, np.array(TIT_FOR_TAT), 1.0, 0, horizon=2)[0, 0]
    assert values.tolist() == [6.0, 5.0]        # CC, CC; or DC and then tit for tat on both sides: CD
    test = analysis.nash_test(DILEMMA, np.array(TIT_FOR_TAT), 1.0, horizon=3)
    assert not test.everywhere[0] and analysis.nash_test(DILEMMA, DEFECT, 1.0, horizon=3).everywhere[0]
    for continuation in ("frozen", "best"):
        assert analysis.nash_test(DILEMMA, DEFECT, 1.0, horizon=3, continuation=continuation).everywhere[0]


def test_discount_one_where_an_agent_could_go_on_for_ever():
    # Action 0 stays, action 1 ends: strategies that end are worth something, but a reply need not end.
    game = mf.games.MarkovGame(np.array([[0, 1], [1, 1]]), np.array([[1.0, 5.0], [0.0, 0.0]]), (2,),
                               terminal=[False, True])
    ends = np.array([[1], [0]])
    assert analysis.state_values(game, ends, 1.0)[0, 0, 0] == 5.0
    with pytest.raises(ValueError, match="discount: with 1.0 play must end whatever agent 0 does, and from state 0"):
        analysis.best_reply(game, ends, 0, 1.0)
    two = mf.games.TwoStep()
    assert analysis.best_reply(two, np.zeros((4, 2), int), 0, 1.0).values[0, 0] == 7.0
    assert analysis.exploitability(two, np.array([[1, 0], [0, 0], [1, 1], [0, 0]]), 1.0).nash_conv.tolist() == [0.0]


def test_what_is_too_large_is_refused_with_numbers():
    with pytest.raises(ValueError, match=r"horizon: 10,000,000,000 rounds of 1 runs with 4 states and 16 outcomes are"):
        analysis.expected_return(DILEMMA, DEFECT, horizon=10**10)
