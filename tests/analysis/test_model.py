"""Explicit models: the numbers of small games by hand, and of all others by their own kernels."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from analysis.plain import DILEMMA, model_of
from marlfast import analysis


def test_the_prisoners_dilemma_with_memory_by_hand():
    m = analysis.model(DILEMMA)
    assert (m.agents, m.actions, m.size, m.joint, m.rows, m.certain) == (2, (2, 2), 4, 4, 4, True)
    for state in range(4):              # whatever was played before, what is played now is the next state
        for joint, paid in enumerate([(3, 3), (0, 5), (5, 0), (1, 1)]):
            (p, successor, rewards), = m.outcomes(state, joint)
            assert (p, successor, tuple(rewards)) == (1.0, joint, paid)
    assert m.outcomes(0, (1, 0))[0][1] == 2
    assert m.start.tolist() == [0.25] * 4 and not m.terminal.any()


def test_a_start_without_a_history():
    m = analysis.model(mf.games.PrisonersDilemma(memory=2, horizon=0))
    assert m.size == 16 + 1 + 4 and m.start.tolist() == [0.0] * 16 + [1.0] + [0.0] * 4
    assert m.outcomes(16, (0, 1))[0][1] == 17 + 1           # one round: cooperate, defect
    assert m.outcomes(18, (1, 1))[0][1] == 4 * 1 + 3        # and now two of them


def test_a_start_with_a_given_history():
    game = mf.games.PrisonersDilemma(memory=1, start=(1, 0), horizon=0)
    assert analysis.model(game).start.tolist() == [0, 0, 1, 0]


def test_payoffs_drawn_by_chance_count_with_their_mean():
    game = mf.games.MatrixGame([[[14, 0], [2, 4]]], probabilities=[0.5, 0.5])
    m = analysis.model(game)
    assert m.certain and m.expected[0, :, 0].tolist() == [7.0, 3.0]
    assert m.outcomes(0, 0)[0][2].tolist() == [7.0, 7.0]


def test_a_markov_game_with_chance_by_hand():
    transitions = np.array([[[0.25, 0.75], [0, 1]], [[1, 0], [0.5, 0.5]]])
    rewards = np.zeros((2, 2, 2, 1))
    rewards[0, 0, :, 0] = 4.0, 8.0
    m = analysis.model(mf.games.MarkovGame(transitions, rewards, (2,)))
    assert not m.certain and m.expected[0, 0, 0] == 0.25 * 4 + 0.75 * 8
    assert [(p, s, r.tolist()) for p, s, r in m.outcomes(0, 0)] == [(0.25, 0, [4.0]), (0.75, 1, [8.0])]


def test_ways_to_the_same_state_are_one():
    outcomes = mf.games.Outcomes(1, [0, 0], [0, 0], [0, 0], [0.5, 0.5], [1.0, 3.0])
    m = analysis.model(mf.games.MarkovGame(outcomes, "own", (1,), horizon=3))
    assert m.certain and m.outcomes(0, 0)[0][2].tolist() == [2.0]


def test_what_is_over_stays_over_and_pays_nothing():
    game = mf.games.MarkovGame(np.array([[1], [0]]), np.array([[5.0], [7.0]]), (1,), terminal=[False, True])
    m = analysis.model(game)
    assert m.outcomes(0, 0)[0][1:] == (1, [5.0]) and m.outcomes(1, 0)[0][1:] == (1, [0.0])


def test_what_agents_see_is_their_row():
    game = mf.games.MarkovGame(np.zeros((3, 2), int), np.zeros((3, 2)), (2, 1), obs=[[0, 1], [0, 0], [1, 0]],
                               horizon=2)
    m = analysis.model(game)
    assert m.obs.tolist() == [[0, 1], [0, 0], [1, 0]] and m.rows == 2
    s = analysis.strategies(m, np.array([[0, 0], [1, 0]]))
    assert s.actions[0, :, 0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("game", [
    mf.games.TwoStep(), mf.games.SequentialPricing(k=3), mf.games.LogitBertrand(2, 4), mf.games.Climbing(horizon=0),
    mf.games.SealedBidAuction(bids=(0.2, 0.5), memory=1), mf.games.PrisonersDilemma(memory=2, horizon=7),
])
def test_a_model_agrees_with_the_kernel(game):
    """Every cell, stepped by the kernel with random draws: the next state is one that the model has."""
    m, kernel = analysis.model(game), game.kernel()
    rng = np.random.default_rng(0)
    here = np.repeat(np.flatnonzero(~m.terminal), m.joint)
    joint = np.tile(np.arange(m.joint), (~m.terminal).sum())
    paid = np.zeros((len(here), m.agents))
    rounds = 200
    for _ in range(rounds):
        state, rewards, over = here[:, None].astype(float), np.zeros((len(here), m.agents)), np.zeros(len(here), bool)
        kernel.step(state, m.digits[joint].copy(), rng.random((len(here), kernel.step_uniforms)),
                    np.zeros((len(here), 0)), rewards, over)
        paid += rewards / rounds
        if m.certain:
            assert (state[:, 0] == m.successors[here * m.joint + joint]).all()
        assert (over == m.terminal[state[:, 0].astype(int)]).all()
    assert np.abs(paid - m.expected[here, joint]).max() < 0.15


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 4), st.booleans(),
       st.booleans())
def test_random_markov_games_come_out_as_they_went_in(seed, actions, states, certain, terminal):
    m = model_of(seed, tuple(actions), states, certain, terminal)
    game = m.game
    for s in range(states):
        for j in range(m.joint):
            outcomes = m.outcomes(s, j)
            if m.terminal[s]:
                assert [(p, successor, paid.tolist()) for p, successor,
                        paid in outcomes] == [(1.0, s, [0.0] * m.agents)]
                continue
            probabilities = np.zeros(states)
            for p, successor, paid in outcomes:
                probabilities[successor] += p
                assert (paid == game.rewards[s, j]).all()
            assert np.abs(probabilities - game.transitions[s, j]).max() < 1e-12


# -- games that are explored ----------------------------------------------------------------------

def test_soccer_is_explored():
    game = mf.games.Soccer()
    m = analysis.model(game, cuts=4)
    assert m.size == game.observations + 1 and m.terminal.sum() == 1
    assert sorted(m.start[m.start > 0]) == [0.5, 0.5]
    # Agent 0 sees each state as another number.
    assert sorted(m.obs[~m.terminal, 0]) == list(range(game.observations))
    # Player A at the goal of the left edge, with the ball, B out of the way: west scores, whoever moves first.
    at = m.numbers(np.array([[1, 0, 3, 4, 0.0]]))[0]
    (p, successor, paid), = m.outcomes(at, (3, 4))
    assert p == 1.0 and m.terminal[successor] and paid.tolist() == [1.0, -1.0]
    assert np.abs(m.expected.sum(axis=2)).max() == 0.0


def test_probabilities_of_an_explored_game_sum_to_one_and_draws_have_theirs():
    m = analysis.model(mf.games.Soccer(2, 3, draw_probability=0.1), cuts=(4, [0.1]), start_cuts=2)
    sums = np.bincount(m.cells, m.probabilities, m.size * m.joint)
    assert np.abs(sums - 1.0).max() < 1e-12
    over = m.terminal.argmax()
    standing = [p for p, successor, _ in m.outcomes(0, (4, 4)) if successor == over]
    assert standing == [pytest.approx(0.1)]


@pytest.mark.parametrize("game, cuts, start_cuts", [
    (mf.games.PublicGoods(agents=3, horizon=5), None, None),
    (mf.games.Ising(2, 2, horizon=4), None, 2),
    (mf.games.Ising(1, 2, horizon=3), None, 2),
    (mf.games.BoxPushing(), [0.9], None),
    (mf.games.Pursuit(1, 3, hunters=1, prey=1, depth=1, horizon=9), 12, 6),
    (mf.games.TaskAllocation(agents=1, kinds=1, arrivals=0.3, capacity=2, size=2, horizon=9), [0.15, 0.3], None),
])
def test_explored_games_are_played_as_their_models_say(game, cuts, start_cuts):
    m = analysis.model(game, cuts, start_cuts)
    env, rng, runs, met = game.env(runs=40, seed=0), np.random.default_rng(0), 40, 0
    env.reset()
    for _ in range(25):
        here = m.numbers(env.state)
        assert (m.start[here[env.episode_steps == 0]] > 0).all()
        joint = rng.integers(m.joint, size=runs)
        _, rewards, terminated, truncated = env.step(m.digits[joint])
        for r in range(runs):
            outcomes = m.outcomes(here[r], joint[r])
            if terminated[r]:
                found = [paid for _, successor, paid in outcomes if m.terminal[successor]]
            else:
                successor = m.numbers(env.state[r:r + 1])[0]
                found = [paid for _, other, paid in outcomes if other == successor]
            assert len(found) == 1 and rewards[r] == pytest.approx(found[0])
            met += len(outcomes) > 1
        if (terminated | truncated).any():
            env.reset(terminated | truncated)
    assert met > 0 or m.certain


def test_cuts_that_are_not_enough_are_found_out():
    with pytest.raises(ValueError, match="cuts: these are not all the places"):
        analysis.model(mf.games.Soccer(2, 3, draw_probability=0.1), cuts=4)
    with pytest.raises(ValueError, match="start_cuts: these are not all the places"):
        analysis.model(mf.games.Soccer(2, 3), cuts=4, start_cuts=1)


@pytest.mark.parametrize("arguments, words", [
    ({}, "cuts: the game reads 1 uniform draws here; say where they make a difference"),
    ({"cuts": (4, 4)}, "cuts: expected one of each of 1 uniform draws, got 2"),
    ({"cuts": 0}, "cuts: expected 1 to 1000000, got 0"),
    ({"cuts": [-0.5]}, r"cuts\[0\]: expected 0"),
    ({"cuts": [1.5]}, "cuts: expected a whole number, got 1.5"),
    ({"cuts": [[1.5]]}, r"cuts\[0\]: expected 0"),
    ({"cuts": "no"}, "cuts"),
    ({"cuts": 10**5}, "cuts: 2,500,000 cases to try in every state are more than 1,000,000; give fewer"),
    ({"cuts": 4, "max_states": 10}, "max_states: game 'soccer' has more than 10 states"),
    ({"cuts": 4, "max_states": 0}, "max_states: expected at least 1"),
])
def test_arguments_of_exploring(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        analysis.model(mf.games.Soccer(2, 3), **arguments)


def test_games_without_a_finite_list_of_states_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="'drift' draws normals, .* no finite list of states; .* marlfast.evaluate"):
        analysis.model(mf.games.Drift())
    with pytest.raises(ValueError, match="50,625 states with 225 joint actions, more than can be analysed"):
        analysis.model(mf.games.LogitBertrand(memory=2), max_states=1000)
    with pytest.raises(TypeError, match="game: expected a game"):
        analysis.model(3)


def test_outcomes_and_numbers_check_what_they_are_given():
    m = analysis.model(DILEMMA)
    for arguments, words in (((4, 0), "state: expected 0 to 3"), ((0, 4), "joint: expected 0 to 3"),
                             ((0, (0, 2)), r"joint\[1\]: expected 0 to 1"),
                             ((0, (0,)), "joint: expected an action of each of 2 agents")):
        with pytest.raises(ValueError, match=words):
            m.outcomes(*arguments)
    assert m.numbers(np.array([[3.0], [0.0]])).tolist() == [3, 0]
    with pytest.raises(ValueError, match=r"states\[1\]: is none of the model's 4 states"):
        m.numbers(np.array([[3.0], [4.0]]))
    with pytest.raises(ValueError, match=r"states: expected shape \(R, 1\)"):
        m.numbers(np.zeros((1, 2)))


def test_a_model_is_given_back_as_it_is_and_says_what_it_is():
    m = analysis.model(DILEMMA)
    assert analysis.model(m) is m
    assert m.summary() == "prisoners_dilemma: 2 agents with 2, 2 actions, 4 states (0 terminal), no chance"
    with pytest.raises(ValueError):
        m.successors[0] = 1
