"""Equilibria of games of two players: by hand, beside nashpy and (where installed) pygambit."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis


def _keys(pairs):
    return {tuple(np.round(np.concatenate(pair), 5) + 0.0) for pair in pairs}


def test_extreme_equilibria_are_those_of_nashpy():
    nashpy = pytest.importorskip("nashpy")
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(size=(2, *rng.integers(2, 5, size=2)))
        found = analysis.equilibria(mf.games.MatrixGame(a, b))
        assert found.complete and not found.degenerate and all(len(part) == 1 for part in found.components)
        assert _keys(one.strategies for one in found) == _keys(nashpy.Game(a, b).vertex_enumeration())
        assert max(one.regret.max() for one in found) < 1e-9


def test_pygambit_finds_as_many():
    gambit = pytest.importorskip("pygambit")
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, b = rng.integers(-9, 10, size=(2, 3, 3)).astype(float)
        found = analysis.equilibria(mf.games.MatrixGame(a, b))
        theirs = gambit.nash.enummixed_solve(gambit.Game.from_arrays(a, b), rational=False).equilibria
        assert len(found) == len(theirs)


def test_degenerate_games_say_so():
    found = analysis.equilibria(mf.games.MatrixGame([[1.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]))
    assert found.degenerate and found.components == ((0, 1),) and "the game is degenerate" in repr(found)
    assert [one.payoffs.tolist() for one in found] == [[1.0, 1.0]] * 2


def test_of_a_large_game_there_is_one():
    a, b = np.random.default_rng(2).normal(size=(2, 12, 12))
    found = analysis.equilibria(mf.games.MatrixGame(a, b))
    assert not found.complete and len(found) == 1 and found[0].regret.max() < 1e-8


def test_correlated_equilibria_of_chicken():
    game = mf.games.Chicken()
    best = analysis.correlated_equilibrium(game)
    assert best.payoffs == pytest.approx([8 / 3, 8 / 3], abs=1e-6) and best.regret.max() < 1e-7
    assert analysis.correlated_equilibrium(game, "republican").payoffs.tolist() == [4.0, 1.0]
    with pytest.raises(ValueError, match="game: equilibria are found for two players"):
        analysis.correlated_equilibrium(mf.games.MatrixGame(np.zeros((2, 2, 2))))
    with pytest.raises(ValueError, match="game: expected one in normal form"):
        analysis.equilibria(mf.games.TwoStep())


def test_pure_equilibria_forgive_rounding():
    payoff = np.array([[0.1 + 0.2, 0.0], [0.3, 0.0]])
    assert mf.games.MatrixGame(payoff).pure_equilibria() == [(0, 0), (1, 0)]
    assert mf.games.MatrixGame(payoff).pure_equilibria(tolerance=0.0) == [(0, 0)]
