"""Forced deviations: paths by hand, against walks step by step, and with chance."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from analysis import plain
from analysis.plain import DILEMMA, TIT_FOR_TAT, model_of
from marlfast import analysis

GRIM = np.array([[0, 0], [1, 1], [1, 1], [1, 1]])
games = st.tuples(st.integers(0, 999), st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
                  st.integers(1, 5), st.just(True), st.just(False))


def test_a_defection_from_tit_for_tat_by_hand():
    path = analysis.deviation(DILEMMA, np.array(TIT_FOR_TAT), 0, action=1, length=4, start=0)
    assert path.actions[0].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
    assert path.rewards[0].tolist() == [[5, 0], [0, 5], [5, 0], [0, 5]]
    assert path.before_actions.tolist() == [[0, 0]] and path.before_rewards.tolist() == [[3, 3]]
    assert path.back.tolist() == [False] and path.exact
    assert path.gain(0.5)[0] == pytest.approx([2 - 1.5 + 0.5 - 0.375, -3 + 1 - 0.75 + 0.25])


def test_two_periods_of_it_and_a_way_back():
    # After two defections in turn, tit for tat is where both defect, and stays there.
    path = analysis.deviation(DILEMMA, np.array(TIT_FOR_TAT), 0, action=1, periods=2, length=4, start=0)
    assert path.actions[0].tolist() == [[1, 0], [1, 1], [1, 1], [1, 1]]
    # Win-stay, lose-shift comes back: both defect once, then both cooperate.
    shift = np.array([[0, 0], [1, 1], [1, 1], [0, 0]])
    path = analysis.deviation(DILEMMA, shift, 1, action=1, length=3, start=0)
    assert path.actions[0].tolist() == [[0, 1], [1, 1], [0, 0]] and path.back.tolist() == [True]
    assert "agent 1 deviates for 1: its mean actions 1 1 0; the others' 0 1 0; back in 1.000" in path.summary()


def test_static_and_best_actions():
    static = analysis.deviation(DILEMMA, GRIM, 0, length=2, start=0)
    assert static.actions[0, 0].tolist() == [1, 0]              # the moment's best reply is always to defect
    patient = analysis.deviation(DILEMMA, GRIM, 0, action="best", length=2, start=0, discount=0.9)
    assert patient.actions[0, 0].tolist() == [0, 0]
    impatient = analysis.deviation(DILEMMA, GRIM, 0, action="best", length=2, start=0, discount=0.1)
    assert impatient.actions[0].tolist() == [[1, 0], [1, 1]]


def test_cycles_are_left_from_each_of_their_states():
    path = analysis.deviation(DILEMMA, np.array(TIT_FOR_TAT), 0, action=1, length=1, start=1)
    # In turns (CD, DC): from the one state agent 0 defects anyway, from the other it now defects with agent 1.
    assert path.rewards[0, 0].tolist() == [0.5 * (5 + 1), 0.5 * (0 + 1)]
    assert path.before_rewards[0].tolist() == [2.5, 2.5] and path.before_actions[0].tolist() == [0.5, 0.5]


def test_numbers_that_actions_stand_for():
    path = analysis.deviation(DILEMMA, GRIM, 0, action=1, length=2, start=0, numbers=[[1.5, 1.0], [2.5, 2.0]])
    assert path.actions[0].tolist() == [[1.0, 2.5], [1.0, 2.0]] and path.before_actions[0].tolist() == [1.5, 2.5]
    assert path.mean_actions.shape == path.mean_rewards.shape == (2, 2)


@settings(max_examples=30)
@given(games, st.integers(1, 3))
def test_random_games_step_by_step(game, periods):
    m = model_of(*game)
    rng = np.random.default_rng(game[0])
    actions, agent = plain.random_actions(rng, m, 3), int(rng.integers(m.agents))
    action, begin = int(rng.integers(m.actions[agent])), rng.integers(m.size, size=3)
    found = analysis.deviation(m, actions, agent, action, periods, 5, begin)
    mixed = [np.eye(n)[actions[:, :, i]] for i, n in enumerate(m.actions)]
    expected = analysis.deviation(m, mixed, agent, action, periods, 5, begin)
    cycles = analysis.limit_cycles(m, actions, begin)
    for r in range(3):
        on = cycles.states[r, :cycles.length[r]]
        paid, played, back = np.zeros((5, m.agents)), np.zeros((5, m.agents)), True
        for state in on:
            at = state
            for t in range(5):
                moves = actions[r, at].copy()
                if t < periods:
                    moves[agent] = action
                (_, at, rewards), = m.outcomes(at, moves)
                paid[t] += rewards / len(on)
                played[t] += moves / len(on)
            back &= at in on
        assert found.rewards[r] == pytest.approx(paid) and found.actions[r] == pytest.approx(played)
        assert found.back[r] == back and found.before_rewards[r] == pytest.approx(cycles.mean_rewards[r])
    for name in ("actions", "rewards", "before_actions", "before_rewards"):
        assert getattr(expected, name) == pytest.approx(getattr(found, name), abs=1e-9)
    assert (expected.back == found.back).all()


def test_mixed_strategies_and_static_replies_by_hand():
    # Agent 1 shows heads 3 times of 4: the best reply of the moment is heads, whatever agent 0 does in general.
    pennies = mf.games.MatchingPennies(horizon=0)
    mixed = [np.array([[0.5, 0.5]]), np.array([[0.75, 0.25]])]
    path = analysis.deviation(pennies, mixed, 0, periods=1, length=2)
    assert path.rewards[0] == pytest.approx(np.array([[0.5, -0.5], [0, 0]]))
    assert path.actions[0] == pytest.approx(np.array([[0, 0.25], [0.5, 0.25]]))


def test_play_that_ends_has_nothing_to_deviate_from():
    with pytest.raises(ValueError, match="deviation: play of 'two_step' comes to an end"):
        analysis.deviation(mf.games.TwoStep(), np.zeros((4, 2), int), 0)


@pytest.mark.parametrize("arguments, words", [
    ({"agent": 2}, "agent: expected 0 to 1"),
    ({"agent": 0, "action": 2}, "action: expected 0 to 1, got 2"),
    ({"agent": 0, "action": "worst"}, "action: expected an action's number, 'static' or 'best', got 'worst'"),
    ({"agent": 0, "action": "best"}, "discount: action='best' needs one"),
    ({"agent": 0, "action": "best", "discount": 1.0}, "discount: with 1.0 all play must end"),
    ({"agent": 0, "length": 0}, "length: expected at least 1"),
    ({"agent": 0, "length": 3, "periods": 4}, "periods: expected 1 to 3, got 4"),
    ({"agent": 0, "numbers": [1.0, 2.0]}, "numbers: expected a number for each action"),
    ({"agent": 0, "numbers": [[1.0, 2.0]]}, "numbers: expected a number for each action"),
    ({"agent": 0, "numbers": [[1.0, 2.0], [1.0]]}, "numbers: expected a number for each action"),
    ({"agent": 0, "numbers": "ab"}, "numbers: expected a number for each action"),
])
def test_invalid_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        analysis.deviation(DILEMMA, GRIM, **{"start": 0} | arguments)
