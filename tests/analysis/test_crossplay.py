"""Agents of different runs together: exact where there is a model, simulated where there is none."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from analysis import plain
from analysis.plain import DILEMMA, TIT_FOR_TAT, model_of
from marlfast import analysis

RUNS = np.array([TIT_FOR_TAT, [[0, 0]] * 4, [[1, 1]] * 4])     # tit for tat, always cooperate, always defect


def test_three_strategies_by_hand():
    cross = analysis.cross_play(DILEMMA, RUNS, start=0)
    assert cross.exact and cross.measure == "average reward" and cross.agents == (0,)
    assert cross.rewards[:, :, 0].tolist() == [[3, 3, 1], [3, 3, 0], [1, 5, 1]]
    assert (cross.rewards[:, :, 1] == cross.rewards[:, :, 0].T).all()
    assert cross.own == pytest.approx(7 / 3) and cross.others == pytest.approx((3 + 1 + 3 + 2.5 + 1 + 2.5) / 6)
    assert cross.summary().startswith("3 runs: average reward with their own 2.33333, with others 2.16667 (exact)")
    # From anywhere, two who play tit for tat earn 3, 2.5, 2.5 or 1.
    assert analysis.cross_play(DILEMMA, RUNS).rewards[0, 0].tolist() == [2.25, 2.25]


def test_discounted_values_by_hand():
    cross = analysis.cross_play(DILEMMA, RUNS, discount=0.5, start=0)
    assert cross.rewards[0, 2] == pytest.approx([0 + 0.5 / 0.5, 5 + 0.5 / 0.5])
    assert cross.measure == "value with discount 0.5"


def test_others_of_another_experiment():
    cross = analysis.cross_play(DILEMMA, RUNS, RUNS[:2], agents=[1], start=0)
    assert cross.rewards.shape == (3, 2, 2) and cross.agents == (1,)
    assert cross.rewards[2, 1].tolist() == [0.0, 5.0]           # the defector of run 2 is agent 1 here
    assert np.isnan(cross.own) and np.isnan(cross.others) and cross.summary().startswith("3 x 2 runs")


@settings(max_examples=15)
@given(st.tuples(st.integers(0, 999), st.lists(st.integers(1, 3), min_size=2, max_size=3).map(tuple),
                 st.integers(1, 3), st.booleans(), st.just(False)))
def test_random_games_pair_by_pair(game):
    m = model_of(*game)
    rng = np.random.default_rng(game[0])
    actions = plain.random_actions(rng, m, 3)
    mixed = [np.eye(n)[actions[:, :, i]] for i, n in enumerate(m.actions)]
    chosen = sorted(set(rng.integers(m.agents, size=m.agents - 1).tolist()))
    for discount in (None, 0.8):
        cross = analysis.cross_play(m, actions, agents=chosen, discount=discount)
        assert cross.rewards == pytest.approx(
            analysis.cross_play(m, mixed, agents=chosen, discount=discount).rewards, abs=1e-8)
        for i in range(3):
            for j in range(3):
                pair = actions[j].copy()
                pair[:, chosen] = actions[i][:, chosen]
                wanted = (analysis.long_run(m, pair).rewards[0] if discount is None else
                          m.start @ analysis.state_values(m, pair, discount)[0])
                assert cross.rewards[i, j] == pytest.approx(wanted, abs=1e-9)


def test_games_that_end_are_judged_by_their_return():
    runs = np.zeros((2, 4, 2), int)
    runs[1, 0, 0], runs[1, 2] = 1, 1            # run 0 takes the safe branch, run 1 meets at 8 in the other
    cross = analysis.cross_play(mf.games.TwoStep(), runs)
    assert cross.measure == "return" and cross.team.tolist() == [[7, 7], [1, 8]]


def test_games_without_a_model_are_simulated():
    game = mf.games.Soccer(2, 3, horizon=10)
    run = mf.train(game, mf.IQL(), steps=3000, runs=2, seed=0)
    cross = analysis.cross_play(game, run, episodes=10, seed=5)
    assert not cross.exact and cross.measure == "mean return" and "(simulated)" in cross.summary()
    own = mf.evaluate(game, run.policy(1), episodes=10, seed=5).returns[0].mean(axis=0)
    assert cross.rewards[1, 1] == pytest.approx(own)
    assert (cross.rewards == analysis.cross_play(game, run, run.policy(0), episodes=10, seed=5).rewards)[:, 0].all()
    # Exact values agree: the same pairs by the model, without the horizon.
    m = analysis.model(game, cuts=4)
    exact = analysis.cross_play(m, run, discount=0.999)
    assert exact.exact and exact.rewards.shape == cross.rewards.shape
    with pytest.raises(TypeError, match="given: the game has no explicit model, so a Result or a Policy is needed"):
        analysis.cross_play(game, RUNS)
    with pytest.raises(ValueError, match="discount, start, horizon: only with an exact analysis, and there is none"):
        analysis.cross_play(game, run, discount=0.5)


@pytest.mark.parametrize("arguments, words", [
    ({"agents": [0, 1]}, "agents: expected some of the 2 agents, but not all"),
    ({"agents": []}, "agents: expected some of the 2 agents"),
    ({"agents": [2]}, r"agents\[0\]: expected 0 to 1, got 2"),
    ({"discount": -1.0}, "discount: expected 0.0 to 1.0"),
    ({"discount": 1.0}, "discount: with 1.0 all play must end"),
    ({"start": 4}, "start: expected states 0 to 3"),
])
def test_invalid_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        analysis.cross_play(DILEMMA, RUNS, **arguments)
