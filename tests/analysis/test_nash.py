"""Nash tests on and off the path, and what played actions lose."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from analysis import plain
from analysis.plain import DILEMMA, TIT_FOR_TAT, model_of
from marlfast import analysis

GRIM = np.array([[0, 0], [1, 1], [1, 1], [1, 1]])
games = st.tuples(st.integers(0, 999), st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple),
                  st.integers(1, 3), st.booleans(), st.booleans())


def test_grim_trigger_is_subgame_perfect_and_tit_for_tat_is_not():
    both = np.stack([GRIM, np.array(TIT_FOR_TAT)])
    test = analysis.nash_test(DILEMMA, both, 0.9, start=0)
    assert test.on_path.tolist() == [True, True] and test.everywhere.tolist() == [True, False]
    assert test.path.tolist() == [[True, False, False, False]] * 2 and test.exact
    # After CD agent 0 defects, worth 5 / .19; to cooperate would make peace, worth 30. So it is for both after DD.
    assert test.best[1].tolist() == [[True, True], [False, True], [True, False], [False, False]]
    assert test.loss_on_path.tolist() == [[0, 0], [0, 0]] and test.share_off_path[0].tolist() == [1, 1]


def test_losses_by_hand():
    # Both defect after anything, with discount .2: worth 1.25. Who cooperates once loses 1 of that.
    always = np.ones((4, 2), int)
    kind = always.copy()
    kind[2, 0] = 0          # agent 0 cooperates after DC, which leads to CD, where both defect
    test = analysis.nash_test(DILEMMA, np.stack([always, kind]), 0.2, start=3)
    assert test.everywhere.tolist() == [True, False] and test.on_path.tolist() == [True, True]
    assert test.loss[1, 2] == pytest.approx([1 / 1.25, 0.0]) and test.loss[0].tolist() == [[0, 0]] * 4
    assert test.loss_off_path == pytest.approx(np.array([[0, 0], [0.8 / 3, 0]]))
    assert test.share_off_path[1] == pytest.approx([2 / 3, 1])
    assert (analysis.q_loss(DILEMMA, np.stack([always, kind]), 0.2) == test.loss).all()
    # A more patient rival would cooperate once, to be let off: .5 * (5 + .5 * 2) = 3 > 2.
    assert not analysis.nash_test(DILEMMA, kind, 0.5, start=3).on_path[0]
    on = analysis.nash_test(DILEMMA, kind, 0.2, start=2)        # from DC to CD, which leads to DD for ever
    assert on.path.tolist() == [[False, False, False, True]]


def test_a_patient_agent_would_leave_defection_for_a_rival_who_forgives():
    """One-shot deviations from always defecting lose, though to cooperate for ever would gain."""
    strategies = np.array([[1, 0], [1, 0], [1, 1], [1, 1]])     # agent 1: tit for tat, agent 0: always defects
    frozen = analysis.nash_test(DILEMMA, strategies, 0.9, start=3)
    best = analysis.nash_test(DILEMMA, strategies, 0.9, start=3, continuation="best")
    # Frozen: to cooperate once earns 0, then 5, then 1s: 4.5 + .81 * 10 > 10. It is refused by both.
    assert not frozen.on_path[0] and not best.on_path[0]
    # With discount .4 it is 0 + .4 * 5 + .16 / .6 > 1 / .6 as well; with .2, .2 * 5 + .04 / .8 < 1 / .8.
    assert analysis.nash_test(DILEMMA, strategies, 0.2, start=3).on_path[0]


def test_one_shot_and_full_deviations_differ_on_the_path():
    """An agent whose own play off the path is bad: no single departure pays, but a lasting one does."""
    # State 0: stay (action 0, pays 1) or go to 1 (pays 0). State 1: action 0 goes back and pays 0, action 1 stays, 5.
    game = mf.games.MarkovGame(np.array([[0, 1], [0, 1]]), np.array([[1.0, 0.0], [0.0, 5.0]]), (2,), horizon=9)
    timid = np.array([[0], [0]])
    frozen = analysis.nash_test(game, timid, 0.5)
    assert frozen.on_path[0] and not frozen.everywhere[0]       # 0 + .5 * (0 + .5 * 2) = .5 < 2
    best = analysis.nash_test(game, timid, 0.5, continuation="best")
    assert not best.on_path[0] and not best.everywhere[0]       # 0 + .5 * 10 = 5 > 1 + .5 * 5 = 3.5
    assert best.loss_on_path[0, 0] == pytest.approx((5 - 3.5) / 5)


def test_tolerance():
    game = mf.games.MatrixGame([[1.0, 1.01]], horizon=0)
    row = np.array([[0, 0]])
    assert not analysis.nash_test(game, row, 0.0).on_path[0]
    assert analysis.nash_test(game, row, 0.0, tolerance=0.01).on_path[0]
    assert analysis.q_loss(game, row, 0.0)[0, 0, 1] == pytest.approx(0.01 / 1.01)


def test_mixed_equilibria_and_values_of_zero():
    pennies = mf.games.MatchingPennies(horizon=0)
    half = [np.array([[0.5, 0.5]])] * 2
    test = analysis.nash_test(pennies, half, 0.9)
    assert test.on_path[0] and test.everywhere[0] and test.loss[0].tolist() == [[0, 0]]
    assert np.isnan(test.loss_off_path).all()           # there is no state off the path
    assert not analysis.nash_test(pennies, [half[0], np.array([[0.6, 0.4]])], 0.9).on_path[0]
    free = mf.games.MatrixGame([[0.0], [-1.0]], horizon=0)
    assert analysis.q_loss(free, np.array([[1, 0]]), 0.0)[0].tolist() == [[np.inf, 0.0]]


@settings(max_examples=25)
@given(games, st.sampled_from([0.0, 0.5, 0.9]))
def test_everywhere_means_that_no_other_strategy_is_better(game, discount):
    m = model_of(*game)
    rng = np.random.default_rng(game[0])
    actions = plain.random_actions(rng, m, 4)
    # One of them at least is made of best replies, so that both answers come up.
    for _ in range(5):
        for agent in range(m.agents):
            actions[0] = plain.with_agent(actions[0], agent,
                                          analysis.best_reply(m, actions[0], agent, discount).actions[0])
    one = analysis.nash_test(m, actions, discount, tolerance=1e-9)
    other = analysis.nash_test(m, actions, discount, tolerance=1e-9, continuation="best")
    assert (one.everywhere == other.everywhere).all() and (other.on_path <= one.on_path).all()
    v = analysis.state_values(m, actions, discount)
    for r in range(4):
        gains = [analysis.best_reply(m, actions[r], i, discount).values[0] - v[r, :, i] for i in range(m.agents)]
        assert one.everywhere[r] == (np.max(gains) < 1e-8)
        assert other.on_path[r] == (np.max(np.array(gains)[:, one.path[r]], initial=0.0) < 1e-8)


def test_a_game_that_ends_has_the_path_from_its_start():
    strategies = np.zeros((2, 4, 2), int)
    strategies[:, 2] = 1, 0             # in 2B the second agent misses the 8
    strategies[1, 0] = 1, 0             # only run 1 goes there
    test = analysis.nash_test(mf.games.TwoStep(), strategies, 0.9)
    assert test.path.tolist() == [[True, True, False, False], [True, False, True, False]]
    assert test.off.tolist() == [[False, False, True, False], [False, True, False, False]]
    assert test.best[0, 2].tolist() == [True, False] and test.share_off_path.tolist() == [[1, 0], [1, 1]]
    assert test.on_path.tolist() == [True, False] and test.everywhere.tolist() == [False, False]
    assert test.loss_off_path[0].tolist() == [0.0, 7 / 8] and test.loss_on_path[1, 1] == 7 / 16
    mixed = [np.eye(2)[strategies[:, :, i]] for i in range(2)]
    again = analysis.nash_test(mf.games.TwoStep(), mixed, 0.9)
    assert (again.path == test.path).all() and (again.best == test.best).all()


def test_a_result_of_a_game_that_ends_is_judged_from_the_start():
    run = mf.train(mf.games.TwoStep(), mf.IQL(0.5), episodes=400, runs=20, seed=0)
    test = analysis.nash_test(mf.games.TwoStep(), run, 0.95)
    assert test.path[:, 0].all() and (test.path.sum(axis=1) == 2).all() and test.on_path.any()


@pytest.mark.parametrize("arguments, words", [
    ({"discount": 1.0}, "discount: with 1.0 all play must end"),
    ({"discount": 0.5, "tolerance": -1.0}, "tolerance: expected at least 0"),
    ({"discount": 0.5, "continuation": "both"}, "continuation: expected one of 'frozen', 'best', got 'both'"),
    ({"discount": 0.5, "start": 9}, "start: expected states 0 to 3"),
])
def test_invalid_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        analysis.nash_test(DILEMMA, GRIM, **arguments)


def test_the_summary():
    text = analysis.nash_test(DILEMMA, GRIM, 0.9, start=0).summary()
    assert text == "Nash on path in 1.000 of 1 runs, everywhere in 1.000; mean loss on path 0"
