"""Replicator and Q-learning dynamics: equations by hand, rest points, conserved quantities, known solutions."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marlfast as mf
from marlfast import analysis
from marlfast.analysis.dynamics import payoffs_of_actions

PENNIES, DILEMMA = mf.games.MatchingPennies(), mf.games.PrisonersDilemma()


def test_payoffs_of_actions_by_hand():
    a, b = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[0.0, 1, 0], [2, 0, 1]])
    game = mf.games.MatrixGame(a, b)
    x, y = np.array([0.25, 0.75]), np.array([0.5, 0.5, 0.0])
    assert payoffs_of_actions(game.expected, [x, y], 0).tolist() == (a @ y).tolist()
    assert payoffs_of_actions(game.expected, [x, y], 1).tolist() == (x @ b).tolist()
    three = np.random.default_rng(0).normal(size=(2, 3, 2))
    z = np.array([0.1, 0.9])
    found = payoffs_of_actions(mf.games.MatrixGame(three).expected, [x, y, z], 1)
    assert found == pytest.approx(np.einsum("abc,a,c->b", three, x, z))


def test_a_dominant_action_grows_by_the_logistic_curve():
    # Rewards of two actions that differ by 1 whatever the other does: x' = x (1 - x).
    game = mf.games.MatrixGame([[1.0, 1.0], [0.0, 0.0]], np.zeros((2, 2)))
    path = analysis.replicator(game, [[0.1, 0.9], [0.3, 0.7]], steps=500, dt=0.01)
    wanted = 1.0 / (1.0 + 9.0 * np.exp(-path.times))
    assert np.abs(path.strategies[0][:, 0] - wanted).max() < 1e-9
    assert np.abs(path.strategies[1] - [0.3, 0.7]).max() < 1e-15 and path.times[-1] == pytest.approx(5.0)


def test_matching_pennies_goes_round():
    """x (1 - x) y (1 - y) does not change in a zero-sum game with this centre."""
    path = analysis.replicator(PENNIES, [[0.7, 0.3], [0.5, 0.5]], steps=1000, dt=0.02)
    x, y = path.strategies[0][:, 0], path.strategies[1][:, 0]
    kept = x * (1 - x) * y * (1 - y)
    assert np.abs(kept / kept[0] - 1).max() < 1e-6
    assert x.min() < 0.31 and x.max() > 0.69 and y.max() > 0.69 and y.min() < 0.31


def test_the_error_falls_with_the_fourth_power_of_the_step():
    start = [[0.2, 0.8], [0.6, 0.4]]
    fine = analysis.replicator(PENNIES, start, steps=800, dt=0.01).end[0]
    errors = [np.abs(analysis.replicator(PENNIES, start, steps=int(8 / dt), dt=dt).end[0] - fine).max()
              for dt in (0.2, 0.1)]
    assert 12 < errors[0] / errors[1] < 20


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_rest_points_of_q_learning_are_logit_equilibria(temperature):
    path = analysis.faq_dynamics(DILEMMA, [[0.9, 0.1], [0.2, 0.8]], temperature=temperature, steps=800, dt=0.03)
    x = path.end
    for i in range(2):
        logit = np.exp(payoffs_of_actions(DILEMMA.expected, x, i) / temperature)
        assert x[i] == pytest.approx(logit / logit.sum(), abs=1e-6)


def test_q_dynamics_by_hand():
    x = np.array([0.25, 0.75])
    path = analysis.faq_dynamics(mf.games.MatrixGame([2.0, 0.0]), [x], alpha=0.5, temperature=4.0, steps=1, dt=1e-6)
    u, log = np.array([2.0, 0.0]), np.log(x)
    rate = 0.5 * x * ((u - 0.5) / 4.0 - log + (x * log).sum())
    assert (path.end[0] - x) / 1e-6 == pytest.approx(rate, rel=1e-4)


def test_an_action_that_is_never_played_stays_so():
    path = analysis.faq_dynamics(DILEMMA, [[1.0, 0.0], [0.5, 0.5]], steps=10)
    assert (path.strategies[0] == [1.0, 0.0]).all() and path.strategies[1][-1, 1] > 0.5


def test_many_starts_are_as_many_single_ones():
    starts = [np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5]]), np.array([[0.3, 0.7], [0.2, 0.8], [0.9, 0.1]])]
    together = analysis.faq_dynamics(PENNIES, starts, steps=50)
    for b in range(3):
        alone = analysis.faq_dynamics(PENNIES, [s[b] for s in starts], steps=50)
        assert together.strategies[0][:, b] == pytest.approx(alone.strategies[0], abs=1e-13)
    assert together.end[1].shape == (3, 2) and together.summary().startswith("50 steps to time 0.5")


@settings(max_examples=20)
@given(st.integers(0, 999), st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_strategies_stay_strategies(seed, actions):
    rng = np.random.default_rng(seed)
    game = mf.games.MatrixGame(*[rng.normal(size=actions) for _ in actions])
    start = [rng.dirichlet(np.ones(n)) for n in actions]
    for path in (analysis.replicator(game, start, 50), analysis.faq_dynamics(game, start, steps=50, temperature=0.5)):
        for x, n in zip(path.strategies, actions, strict=True):
            assert x.shape == (51, n) and (x >= 0).all() and np.abs(x.sum(axis=1) - 1).max() < 1e-12
    assert not path.exact


def test_q_learning_comes_to_where_its_dynamics_lead():
    """At a low rate, Boltzmann Q-learning in a stateless game ends at the rest point of the dynamics."""
    run = mf.train(DILEMMA, mf.IQL(0.01, discount=0.0, explore=mf.Boltzmann(1.0)), episodes=4000, runs=50, seed=0)
    q = run.q[:, 0]
    learned = (np.exp(q) / np.exp(q).sum(axis=2, keepdims=True)).mean(axis=0)
    path = analysis.faq_dynamics(DILEMMA, [[0.5, 0.5]] * 2, steps=1000, dt=0.04)
    for i in range(2):
        assert learned[i] == pytest.approx(path.end[i], abs=0.03)


def test_the_field_of_matching_pennies_by_hand():
    found = analysis.field(PENNIES, points=5)
    # Agent 0 wants to match: x' = x (1 - x) (2 (2 y - 1)); agent 1 the reverse.
    x, y = np.meshgrid(found.x, found.y, indexing="ij")
    assert found.dx == pytest.approx(x * (1 - x) * 2 * (2 * y - 1))
    assert found.dy == pytest.approx(-y * (1 - y) * 2 * (2 * x - 1))
    assert found.x.tolist() == [0, 0.25, 0.5, 0.75, 1] and found.exact and "5 x 5 points" in found.summary()
    mixed = analysis.field(PENNIES, points=3, dynamics="faq", alpha=2.0, temperature=0.5)
    assert mixed.dx[1, 1] == pytest.approx(0.0) and np.isfinite(mixed.dx).all()
    one = analysis.faq_dynamics(PENNIES, [[0.5, 0.5], [1.0, 0.0]], alpha=2.0, temperature=0.5, steps=1, dt=1e-7)
    assert (one.end[0][0] - 0.5) / 1e-7 == pytest.approx(mixed.dx[1, 2], rel=1e-4)


HALF = [[0.5, 0.5]] * 2


@pytest.mark.parametrize("call, words", [
    (lambda: analysis.replicator(mf.games.TwoStep(), HALF), "game: expected a game in normal form"),
    (lambda: analysis.replicator(DILEMMA, HALF[:1]), "start: expected a mixed strategy of each of 2 agents"),
    (lambda: analysis.replicator(DILEMMA, "uniform"), "start: expected a mixed strategy of each of 2 agents"),
    (lambda: analysis.replicator(DILEMMA, [[0.5, 0.6], [1, 0]]), r"start\[0\]: expected probabilities that sum to 1"),
    (lambda: analysis.replicator(DILEMMA, [[0.5, 0.5], [2, -1]]), r"start\[1\]: expected probabilities that sum to 1"),
    (lambda: analysis.replicator(DILEMMA, [[0.5, 0.5], [1]]), r"start\[1\]: expected probabilities of 2 actions"),
    (lambda: analysis.replicator(DILEMMA, [[0.5, 0.5], ["a", "b"]]), r"start\[1\]: expected probabilities of 2"),
    (lambda: analysis.replicator(DILEMMA, [[[0.5, 0.5]] * 2, [[1, 0]] * 3]), "start: expected as many starts"),
    (lambda: analysis.replicator(DILEMMA, HALF, steps=0), "steps: expected at least 1"),
    (lambda: analysis.replicator(DILEMMA, HALF, dt=0.0), "dt: expected greater than 0"),
    (lambda: analysis.replicator(mf.games.Penalty(-1000), [[0.9, 0.05, 0.05]] * 2, dt=1.0), "dt: a step of 1.0 is too"),
    (lambda: analysis.faq_dynamics(DILEMMA, HALF, alpha=0.0), "alpha: expected greater than 0"),
    (lambda: analysis.faq_dynamics(DILEMMA, HALF, temperature=-1.0), "temperature: expected greater than 0"),
    (lambda: analysis.field(mf.games.Climbing()), "game: expected two agents with two actions each"),
    (lambda: analysis.field(DILEMMA, points=1), "points: expected at least 2"),
    (lambda: analysis.field(DILEMMA, dynamics="logit"), "dynamics: expected 'replicator' or 'faq', got 'logit'"),
])
def test_invalid_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
