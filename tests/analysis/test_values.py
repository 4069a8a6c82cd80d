"""Values, best replies and exploitability: by hand, by enumeration and against each other."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from analysis import plain
from analysis.plain import DILEMMA, TIT_FOR_TAT, model_of
from marlfast import analysis

small = st.tuples(st.integers(0, 999), st.lists(st.integers(1, 2), min_size=1, max_size=3).map(tuple),
                  st.integers(1, 3), st.booleans(), st.booleans())


def test_two_who_play_tit_for_tat_by_hand():
    d = 0.9
    v = analysis.state_values(DILEMMA, np.array(TIT_FOR_TAT), d)[0]
    # After CC for ever 3; after DD for ever 1; after CD agent 0 defects, 1 cooperates, and so on in turns.
    turns = [(5 + d * 0) / (1 - d * d), (0 + d * 5) / (1 - d * d)]
    assert v == pytest.approx(np.array([[3 / (1 - d)] * 2, turns, turns[::-1], [1 / (1 - d)] * 2]), abs=1e-12)


def test_discount_zero_is_the_payoff_of_the_moment():
    v = analysis.state_values(DILEMMA, np.array(TIT_FOR_TAT), 0.0)[0]
    assert v.tolist() == [[3, 3], [5, 0], [0, 5], [1, 1]]


def test_discount_one_where_all_play_ends():
    game = mf.games.TwoStep()
    assert analysis.state_values(game, np.array([[1, 0], [0, 0], [1, 1], [0, 0]]), 1.0)[0, 0].tolist() == [8.0, 8.0]
    half = [np.full((4, 2), 0.5)] * 2
    assert analysis.state_values(game, half, 1.0)[0, 0, 0] == 0.5 * 7 + 0.5 * 10 / 4
    chance = mf.games.MarkovGame([[[0.5, 0.5]], [[0, 1]]], [[1.0], [0.0]], (1,), terminal=[False, True])
    assert analysis.state_values(chance, np.zeros((2, 1), int), 1.0)[0, 0, 0] == pytest.approx(2.0)     # 1 + 1/2 + ...


def test_discount_one_where_play_may_go_on_is_refused():
    with pytest.raises(ValueError, match="with 1.0 all play must end, and from state 0 it never does"):
        analysis.state_values(DILEMMA, np.array(TIT_FOR_TAT), 1.0)
    with pytest.raises(ValueError, match="with 1.0 all play must end, and from state 0 it never does"):
        analysis.state_values(DILEMMA, [np.full((4, 2), 0.5)] * 2, 1.0)


def test_a_discount_near_one():
    v = analysis.state_values(DILEMMA, np.array(TIT_FOR_TAT), 1 - 1e-7)[0]
    assert v[0] == pytest.approx(3e7, rel=1e-8) and v[1].sum() == pytest.approx(5e7, rel=1e-8)


@settings(max_examples=30)
@given(small, st.sampled_from([0.0, 0.5, 0.95]))
def test_values_of_random_games(game, discount):
    m = model_of(*game)
    actions = plain.random_actions(np.random.default_rng(game[0]), m, 3)
    v = analysis.state_values(m, actions, discount)
    for r in range(3):
        assert np.abs(v[r] - plain.solved(m, actions[r], discount)).max() < 1e-10
    assert np.abs(v[0] - plain.values(m, actions[0], discount, 500)).max() < 1e-8
    pure_as_mixed = [np.eye(n)[actions[:, :, i]] for i, n in enumerate(m.actions)]
    assert np.abs(analysis.state_values(m, pure_as_mixed, discount) - v).max() < 1e-10


def test_mixed_values_agree_with_simulation():
    m = model_of(5, (2, 3), 3)
    mixed = plain.random_mixed(np.random.default_rng(0), m)
    exact = analysis.state_values(m, mixed, 0.8)[0] @ np.eye(2)
    rng, runs = np.random.default_rng(1), 20_000
    kernel, state, total = m.game.kernel(), np.zeros((runs, 1)), np.zeros((runs, 2))
    for t in range(40):
        s = state[:, 0].astype(int)
        moves = np.stack([(rng.random(runs)[:, None] >= mixed[i][0].cumsum(axis=1)[s, :-1]).sum(axis=1)
                          for i in range(2)], axis=1).astype(np.int32)
        rewards = np.zeros((runs, 2))
        kernel.step(state, moves, rng.random((runs, kernel.step_uniforms)), np.zeros((runs, 0)), rewards,
                    np.zeros(runs, bool))
        total += 0.8**t * rewards
    assert (np.abs(total.mean(axis=0) - exact[0]) < 5 * total.std(axis=0) / np.sqrt(runs) + 1e-3).all()


def test_many_states_are_iterated(monkeypatch):
    m = model_of(1, (2, 2), 6)
    mixed = plain.random_mixed(np.random.default_rng(0), m)
    exact = analysis.state_values(m, mixed, 0.97)
    replies = [analysis.best_reply(m, mixed, i, 0.97).values for i in range(2)]
    monkeypatch.setattr("marlfast.analysis.values.DENSE", 1)
    assert np.abs(analysis.state_values(m, mixed, 0.97) - exact).max() < 1e-9
    for i in range(2):
        assert np.abs(analysis.best_reply(m, mixed, i, 0.97).values - replies[i]).max() < 1e-9


def test_runs_are_taken_in_groups(monkeypatch):
    m = analysis.model(mf.games.LogitBertrand(2, 4))
    actions = plain.random_actions(np.random.default_rng(0), m, 20)
    whole = (analysis.state_values(m, actions, 0.9), analysis.action_values(m, actions, 0.9, 1),
             analysis.best_reply(m, actions, 0, 0.9).values, analysis.q_loss(m, actions, 0.9))
    monkeypatch.setattr("marlfast.analysis.values.NUMBERS", 3 * 16 * 4)
    parts = (analysis.state_values(m, actions, 0.9), analysis.action_values(m, actions, 0.9, 1),
             analysis.best_reply(m, actions, 0, 0.9).values, analysis.q_loss(m, actions, 0.9))
    for one, other in zip(whole, parts, strict=True):
        assert (one == other).all()


# -- action values and best replies ---------------------------------------------------------------

def test_action_values_against_tit_for_tat_by_hand():
    d = 0.9
    q = analysis.action_values(DILEMMA, np.array(TIT_FOR_TAT), d, agent=0)[0]
    turns = [5 / (1 - d * d), d * 5 / (1 - d * d)]
    # After CC: cooperate, and all goes on; or defect, and then it goes on in turns, the other's first.
    assert q[0] == pytest.approx([3 / (1 - d), 5 + d * turns[1]])
    best = analysis.action_values(DILEMMA, np.array(TIT_FOR_TAT), d, agent=0, continuation="best")[0]
    assert best[0] == pytest.approx([30, 5 + d * max(0 + d * 30, 1 / (1 - d))])


@settings(max_examples=20)
@given(small, st.sampled_from([0.0, 0.6, 0.9]))
def test_best_replies_of_random_games_are_the_best_of_all_strategies(game, discount):
    m = model_of(*game)
    actions = plain.random_actions(np.random.default_rng(game[0]), m)
    for agent in range(m.agents):
        reply = analysis.best_reply(m, actions, agent, discount)
        best = plain.best_values(m, actions, agent, discount, 200)
        assert np.abs(reply.values[0] - best).max() < 1e-7
        # The strategy that is said to be best is worth what is said.
        changed = plain.with_agent(actions, agent, reply.actions[0])
        assert np.abs(plain.solved(m, changed, discount)[:, agent] - reply.values[0]).max() < 1e-9
        # No action is worth more than the best one, which is worth the state's value (the optimality equation).
        assert np.abs(reply.action_values[0].max(axis=1) - reply.values[0]).max() < 1e-9
        mixed = [np.eye(n)[actions[:, i]] for i, n in enumerate(m.actions)]
        assert np.abs(analysis.best_reply(m, mixed, agent, discount).values - reply.values).max() < 1e-9
        assert reply.gain[0] == pytest.approx(m.start @ (best - plain.solved(m, actions, discount)[:, agent]), abs=1e-7)


@settings(max_examples=15)
@given(small)
def test_a_best_reply_to_mixed_strategies_beats_random_ones(game):
    m = model_of(*game)
    rng = np.random.default_rng(game[0])
    mixed = plain.random_mixed(rng, m)
    for agent in range(m.agents):
        reply = analysis.best_reply(m, mixed, agent, 0.9)
        for _ in range(5):
            mixed[agent] = rng.dirichlet(np.ones(m.actions[agent]), size=(1, m.rows))
            assert (analysis.state_values(m, mixed, 0.9)[0, :, agent] <= reply.values[0] + 1e-9).all()


def test_actions_that_are_as_good_stay_as_they_are():
    game = mf.games.MatrixGame(np.ones((3, 2)), horizon=0)
    assert analysis.best_reply(game, np.array([[2, 1]]), 0, 0.9).actions.tolist() == [[2]]


def test_best_replies_are_for_agents_who_can_tell_states_apart():
    game = mf.games.MarkovGame(np.array([[1], [2], [0]]), np.zeros((3, 1)), (1, 1), obs=[[0, 0], [1, 1], [2, 1]],
                               horizon=3)
    strategies = np.zeros((3, 2), int)
    assert analysis.best_reply(game, strategies, 0, 0.5).values.tolist() == [[0, 0, 0]]
    for call in (lambda: analysis.best_reply(game, strategies, 1, 0.5), lambda: analysis.q_loss(game, strategies, 0.5),
                 lambda: analysis.exploitability(game, strategies, 0.5)):
        with pytest.raises(ValueError, match="agent: 1 sees the same in states 1 and 2"):
            call()


# -- exploitability ----------------------------------------------------------------------------------

def test_matching_pennies_by_hand():
    pennies = mf.games.MatchingPennies(horizon=0)
    half = [np.array([[0.5, 0.5]])] * 2
    assert analysis.exploitability(pennies, half, 0.0).nash_conv.tolist() == [0.0]
    # The first shows heads 3 times of 4: against it the second gains 1/2, and the first nothing against halves.
    tilted = analysis.exploitability(pennies, [np.array([[0.75, 0.25]]), half[1]], 0.0)
    assert tilted.gains[0] == pytest.approx([0.0, 0.5]) and tilted.exploitability == pytest.approx([0.25])
    assert tilted.nash_conv == pytest.approx([0.5]) and tilted.exact
    assert analysis.exploitability(pennies, [np.array([[0.75, 0.25]]), half[1]], 0.9).nash_conv[0] == pytest.approx(5)


def test_mutual_defection_is_an_equilibrium_and_so_is_grim_trigger():
    defect = np.ones((4, 2), int)
    grim = np.array([[0, 0], [1, 1], [1, 1], [1, 1]])
    assert analysis.exploitability(DILEMMA, np.stack([defect, grim]), 0.9).gains.tolist() == [[0, 0], [0, 0]]
    # An impatient agent would leave grim trigger: after CC it gains 5 + d / (1 - d) - 3 / (1 - d), else nothing.
    impatient = analysis.exploitability(DILEMMA, grim, 0.25)
    assert impatient.gains[0] == pytest.approx([0.25 * (5 + 0.25 / 0.75 - 3 / 0.75)] * 2)
    assert analysis.exploitability(DILEMMA, grim, 0.25, start=0).nash_conv[0] == pytest.approx(
        2 * (5 + 0.25 / 0.75 - 3 / 0.75))
    assert analysis.exploitability(DILEMMA, grim, 0.25, start=np.array([0, 1.0, 0, 0])).nash_conv.tolist() == [0.0]


@pytest.mark.parametrize("seed", range(4))
def test_a_zero_sum_game_solved_by_linear_programming_cannot_be_exploited(seed):
    optimize = pytest.importorskip("scipy.optimize")
    a = np.random.default_rng(seed).normal(size=(4, 3))

    def maximin(a):
        n, m = a.shape
        found = optimize.linprog(np.r_[np.zeros(n), -1.0], A_ub=np.c_[-a.T, np.ones(m)], b_ub=np.zeros(m),
                                 A_eq=[np.r_[np.ones(n), 0.0]], b_eq=[1.0], bounds=[(0, None)] * n + [(None, None)])
        return np.maximum(found.x[:n], 0.0) / np.maximum(found.x[:n], 0.0).sum(), found.x[n]

    x, value = maximin(a)
    y, _ = maximin(-a.T)
    game = mf.games.MatrixGame(a, -a, horizon=0)
    assert abs(analysis.exploitability(game, [x[None], y[None]], 0.0).nash_conv[0]) < 1e-7
    assert analysis.state_values(game, [x[None], y[None]], 0.0)[0, 0, 0] == pytest.approx(value, abs=1e-7)
    assert analysis.exploitability(game, [x[None], np.full((1, 3), 1 / 3)], 0.0).nash_conv[0] > 0.01


@pytest.mark.parametrize("game", [mf.games.BattleOfTheSexes(horizon=0), mf.games.Chicken(horizon=0),
                                  mf.games.Shapley(horizon=0)])
def test_equilibria_of_nashpy_have_no_exploitability(game):
    nashpy = pytest.importorskip("nashpy")
    equilibria = list(nashpy.Game(game.expected[..., 0], game.expected[..., 1]).support_enumeration())
    assert equilibria
    for x, y in equilibria:
        assert abs(analysis.exploitability(game, [x[None], y[None]], 0.5).nash_conv[0]) < 1e-9


@settings(max_examples=20)
@given(small)
def test_gains_are_never_negative(game):
    m = model_of(*game)
    mixed = plain.random_mixed(np.random.default_rng(game[0]), m, 2)
    gains = analysis.exploitability(m, mixed, 0.9)
    assert gains.gains.shape == (2, m.agents) and (gains.gains > -1e-9).all()
    assert gains.nash_conv == pytest.approx(gains.exploitability * m.agents)


@pytest.mark.parametrize("call, words", [
    (lambda s: analysis.state_values(DILEMMA, s, 1.5), "discount: expected 0.0 to 1.0"),
    (lambda s: analysis.action_values(DILEMMA, s, 1.0, 0), "discount: with 1.0 all play must end"),
    (lambda s: analysis.action_values(DILEMMA, s, 0.5, 2), "agent: expected 0 to 1, got 2"),
    (lambda s: analysis.action_values(DILEMMA, s, 0.5, 0, "none"), "continuation: expected one of 'frozen', 'best'"),
    (lambda s: analysis.best_reply(DILEMMA, s, 0, 1.0), "discount: with 1.0 all play must end"),
    (lambda s: analysis.best_reply(DILEMMA, s, 0, 0.5, start=4), "start: expected states 0 to 3"),
    (lambda s: analysis.best_reply(DILEMMA, s, 0, 0.5, start=np.full(4, 0.5)), "start: expected 4 probabilities"),
    (lambda s: analysis.exploitability(DILEMMA, s, 0.5, start=[0, 1]), "start: expected a state, one for each of 1"),
    (lambda s: analysis.exploitability(DILEMMA, s, -0.5), "discount: expected 0.0 to 1.0"),
])
def test_invalid_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.array(TIT_FOR_TAT))


def test_summaries():
    s = np.array(TIT_FOR_TAT)
    assert "agent 0 could gain" in analysis.best_reply(DILEMMA, s, 0, 0.5).summary()
    found = analysis.exploitability(DILEMMA, s, 0.9)
    assert found.summary().startswith("NashConv ") and repr(found) == f"Exploitability({found.summary()})"
