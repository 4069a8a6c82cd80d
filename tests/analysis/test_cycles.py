"""Limit cycles, long-run play, cooperation, profit gain and basins."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from analysis import plain
from analysis.plain import DILEMMA, TIT_FOR_TAT, model_of
from marlfast import analysis

games = st.tuples(st.integers(0, 999), st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
                  st.integers(1, 6), st.just(True), st.booleans())
# In state s the single agent goes where it likes: any map of states into states is a strategy.
FREE = mf.games.MarkovGame(np.tile(np.arange(5), (5, 1)), np.arange(25.0).reshape(5, 5), (5,), horizon=9)


def test_a_way_into_a_cycle_by_hand():
    there = np.array([[3], [0], [4], [2], [3]])       # 1 -> 0 -> 3 -> 2 -> 4 -> 3
    cycles = analysis.limit_cycles(FREE, there, start=1)
    assert cycles.length.tolist() == [3] and cycles.transient.tolist() == [2]
    assert cycles.states.tolist() == [[2, 4, 3]] and cycles.actions.tolist() == [[[4], [3], [2]]]
    assert cycles.rewards[0, :, 0].tolist() == [14.0, 23.0, 17.0] and cycles.mean_rewards[0, 0] == 18.0
    assert cycles.on(5).tolist() == [[False, False, True, True, True]] and cycles.exact


def test_runs_with_cycles_of_different_lengths():
    there = np.array([[[0]] * 5, [[1], [2], [3], [4], [0]], [[1], [0], [0], [0], [0]]])
    cycles = analysis.limit_cycles(FREE, there, start=[3, 3, 4])
    assert cycles.length.tolist() == [1, 5, 2] and cycles.transient.tolist() == [1, 0, 1]
    assert cycles.states.tolist() == [[0, -1, -1, -1, -1], [0, 1, 2, 3, 4], [0, 1, -1, -1, -1]]
    assert (cycles.actions[2, 2:] == -1).all() and np.isnan(cycles.rewards[2, 2:]).all()
    assert cycles.shares() == {1: pytest.approx(1 / 3), 2: pytest.approx(1 / 3), 5: pytest.approx(1 / 3)}
    assert "3 runs; share by length of cycle 1: 0.333" in cycles.summary()


@settings(max_examples=40)
@given(games)
def test_cycles_of_random_games_are_where_walks_end(game):
    m = model_of(*game)
    rng = np.random.default_rng(game[0])
    actions, begin = plain.random_actions(rng, m, 4), rng.integers(m.size, size=4)
    cycles = analysis.limit_cycles(m, actions, begin)
    end = analysis.long_run(m, actions, begin)
    for r in range(4):
        visited, rewards = plain.walk(m, actions[r], begin[r], 120)
        n, before = cycles.length[r], cycles.transient[r]
        assert visited[before] == visited[before + n] and len(set(visited[:before + n])) == before + n
        assert sorted(cycles.states[r, :n]) == sorted(visited[before:before + n]) and cycles.states[r, 0] == min(
            visited[before:before + n])
        assert rewards[before:before + n].mean(axis=0) == pytest.approx(cycles.mean_rewards[r])
        assert end.rewards[r] == pytest.approx(cycles.mean_rewards[r])
        assert (end.occupancy[r] > 0).tolist() == cycles.on(m.size)[r].tolist()
        for k in range(n):
            (_, successor, paid), = m.outcomes(cycles.states[r, k], cycles.actions[r, k])
            assert successor == cycles.states[r, (k + 1) % n] and paid == pytest.approx(cycles.rewards[r, k])


def test_where_training_ended_is_where_cycles_begin():
    run = mf.train(DILEMMA, mf.IQL(0.5, discount=0.5), steps=50, runs=4, seed=3)
    begin = run.arrays["state"][:, 0].astype(int)
    cycles, again = analysis.limit_cycles(DILEMMA, run), analysis.limit_cycles(DILEMMA, run, begin)
    assert (cycles.states == again.states).all() and (cycles.transient == again.transient).all()


def test_cycles_need_certainty_and_a_start():
    with pytest.raises(ValueError, match="limit_cycles: the strategies are mixed, so play has no limit cycle"):
        analysis.limit_cycles(DILEMMA, [np.full((4, 2), 0.5)] * 2, 0)
    m = model_of(0, (2,), 3)
    with pytest.raises(ValueError, match="transitions are left to chance, so play has no limit cycle; use long_run"):
        analysis.limit_cycles(m, np.zeros((3, 1), int), 0)
    with pytest.raises(ValueError, match="start: game 'prisoners_dilemma' starts in one of 4 states"):
        analysis.limit_cycles(DILEMMA, np.array(TIT_FOR_TAT))
    for start, words in ((7, "start: expected states 0 to 3"), (0.5, "start: expected a state"),
                         ([0, 1], "start: expected a state, one for each of 1 runs"), ("first", "start: expected")):
        with pytest.raises(ValueError, match=words):
            analysis.limit_cycles(DILEMMA, np.array(TIT_FOR_TAT), start)


# -- the long run ------------------------------------------------------------------------------------

def test_two_recurrent_classes_by_hand():
    # From state 0: to 1, which stays, with probability 1/4; else to 2 and 3, of which 2 is left with probability 1/2.
    p = np.array([[0, .25, .75, 0], [0, 1, 0, 0], [0, 0, .5, .5], [0, 0, 1, 0]])[:, None, :]
    game = mf.games.MarkovGame(p, np.array([[9.0], [1.0], [2.0], [5.0]]), (1,), horizon=3)
    end = analysis.long_run(game, np.zeros((4, 1), int))
    assert end.occupancy[0] == pytest.approx([0, 0.25, 0.5, 0.25])
    assert end.rewards[0] == pytest.approx([0.25 * 1 + 0.5 * 2 + 0.25 * 5]) and end.exact
    assert end.joint.tolist() == [[pytest.approx(1.0)]]
    assert analysis.long_run(game, np.zeros((4, 1), int), start=3).occupancy[0] == pytest.approx([0, 0, 2 / 3, 1 / 3])


def test_a_chain_with_a_period_has_time_averages():
    game = mf.games.MarkovGame(np.array([[1], [0]]), np.array([[4.0], [0.0]]), (1,), horizon=3)
    end = analysis.long_run(game, [np.ones((2, 1))])         # mixed in form only: solved as a chain
    assert end.occupancy[0] == pytest.approx([0.5, 0.5]) and end.rewards[0] == pytest.approx([2.0])


@settings(max_examples=20)
@given(games)
def test_the_long_run_is_the_same_by_cycles_and_by_equations(game):
    m = model_of(*game)
    rng = np.random.default_rng(game[0])
    actions = plain.random_actions(rng, m, 3)
    mixed = [np.eye(n)[actions[:, :, i]] for i, n in enumerate(m.actions)]
    begin = rng.dirichlet(np.ones(m.size))
    one, other = analysis.long_run(m, actions, begin), analysis.long_run(m, mixed, begin)
    for name in ("occupancy", "joint", "rewards"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-10)
    assert one.occupancy.sum(axis=1) == pytest.approx(1.0) and one.joint.sum(axis=1) == pytest.approx(1.0)


@settings(max_examples=15)
@given(st.integers(0, 999))
def test_the_long_run_of_random_chains_is_the_limit_of_averages(seed):
    m = model_of(seed, (2, 2), 4)
    mixed = plain.random_mixed(np.random.default_rng(seed), m)
    end = analysis.long_run(m, mixed)
    joint = analysis.strategies(m, mixed).joint(0)
    p = np.einsum("sj,sjt->st", joint, m.game.transitions)
    assert end.occupancy[0] @ p == pytest.approx(end.occupancy[0], abs=1e-10)
    assert end.occupancy[0] == pytest.approx(m.start @ np.linalg.matrix_power(p, 2000), abs=1e-6)
    # The average reward is what (1 - discount) times the value tends to.
    near = (m.start[:, None] * analysis.state_values(m, mixed, 1 - 1e-7)[0]).sum(axis=0) * 1e-7
    assert end.rewards[0] == pytest.approx(near, abs=1e-5)
    assert "average rewards by agent" in end.summary()


# -- cooperation, profit gain, basins -------------------------------------------------------------

def test_cooperation_by_hand():
    tit_for_tat = analysis.strategies(DILEMMA, np.array([TIT_FOR_TAT] * 4))
    cycles = analysis.limit_cycles(DILEMMA, tit_for_tat, start=[0, 1, 2, 3])
    wanted = [[1, 1], [0.5, 0.5], [0.5, 0.5], [0, 0]]
    assert analysis.cooperation_rate(DILEMMA, cycles, 0).tolist() == wanted
    assert analysis.cooperation_rate(DILEMMA, tit_for_tat, 0, start=[0, 1, 2, 3]) == pytest.approx(np.array(wanted))
    assert analysis.cooperation_rate(DILEMMA, tit_for_tat, [0, 1]) == pytest.approx(np.ones((4, 2)))
    assert analysis.cooperation_rate(DILEMMA, tit_for_tat, [[0], [1]], start=0) == pytest.approx(
        np.array([[1, 0]] * 4))
    recorded = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 1]]])
    assert analysis.cooperation_rate(DILEMMA, recorded, 0).tolist() == [[0.5, 0.0], [1.0, 0.5]]
    random = analysis.cooperation_rate(DILEMMA, [np.full((4, 2), 0.5), np.array([[0.2, 0.8]] * 4)], 0)
    assert random == pytest.approx(np.array([[0.5, 0.2]]))


@pytest.mark.parametrize("played, cooperate, words", [
    (np.zeros((3, 3), int), 0, r"played: expected actions of shape \(..., 2\)"),
    (np.zeros((3, 2), int), 2, r"cooperate\[0\]: expected 0 to 1, got 2"),
    (np.zeros((3, 2), int), [[0], [1], [0]], "cooperate: expected a set of actions for each of 2 agents, got 3"),
])
def test_arguments_of_the_cooperation_rate(played, cooperate, words):
    with pytest.raises(ValueError, match=words):
        analysis.cooperation_rate(DILEMMA, played, cooperate)


def test_profit_gain():
    game = mf.games.LogitBertrand()
    nash, monopoly = game.nash_profits, game.monopoly_profits
    gain = analysis.profit_gain(game, np.stack([nash, monopoly, 0.25 * nash + 0.75 * monopoly]))
    assert gain.gain == pytest.approx([0, 1, 0.75]) and gain.by_agent == pytest.approx(
        np.array([[0, 0], [1, 1], [0.75, 0.75]]))
    assert gain.mean == pytest.approx(1.75 / 3)
    assert gain.standard_error == pytest.approx(np.std([0, 1, 0.75], ddof=1) / 3**0.5)
    assert "(standard error" in gain.summary() and np.isnan(analysis.profit_gain(game, nash[None]).deviation)
    own = analysis.profit_gain(DILEMMA, np.array([[3.0, 3.0], [5.0, 0.0]]), nash=1.0, monopoly=[3.0, 3.0])
    assert own.gain.tolist() == [1.0, 0.75] and own.by_agent.tolist() == [[1, 1], [2, -0.5]]
    ends = analysis.limit_cycles(DILEMMA, np.array(TIT_FOR_TAT), 0)
    assert analysis.profit_gain(DILEMMA, ends, 1, 3).gain.tolist() == [1.0]
    assert analysis.profit_gain(DILEMMA, analysis.long_run(DILEMMA, np.array(TIT_FOR_TAT), 0), 1, 3).gain == [1.0]


@pytest.mark.parametrize("arguments, words", [
    (([[1.0, 1.0]],), "nash: game 'prisoners_dilemma' has no nash_profits; give nash="),
    (([[1.0, 1.0]], 1.0), "monopoly: game 'prisoners_dilemma' has no monopoly_profits"),
    (([1.0, 1.0], 1.0, 2.0), r"profits: expected shape \(runs, 2\), got \(2,\)"),
    (([[1.0, 1.0]], 2.0, 2.0), "monopoly: expected more than the Nash profits"),
    (([[1.0, 1.0]], [1.0] * 3, 2.0), "nash: expected one profit, or one for each of 2 agents"),
])
def test_arguments_of_profit_gain(arguments, words):
    with pytest.raises(ValueError, match=words):
        analysis.profit_gain(DILEMMA, *arguments)


def test_basins_by_hand():
    tit_for_tat = analysis.strategies(DILEMMA, np.array([TIT_FOR_TAT] * 5))
    found = analysis.basins(analysis.limit_cycles(DILEMMA, tit_for_tat, start=[2, 3, 1, 0, 3]))
    assert [(b.joint, b.runs.tolist(), b.share) for b in found] == [
        (((0, 1), (1, 0)), [0, 2], 0.4), (((1, 1),), [1, 4], 0.4), (((0, 0),), [3], 0.2)]
    assert found[0].rewards.tolist() == [2.5, 2.5]
    assert found[0].summary() == "0.400 of the runs end in 0 1, then 1 0"
    with pytest.raises(TypeError, match="cycles: expected what limit_cycles gives"):
        analysis.basins([1])
