"""Strategies from arrays, policies and results."""
import numpy as np
import pytest

import marlfast as mf
from analysis.plain import DILEMMA, TIT_FOR_TAT
from marlfast import analysis


def test_pure_and_mixed_are_told_apart():
    m = analysis.model(DILEMMA)
    pure = analysis.strategies(m, np.array(TIT_FOR_TAT))
    assert pure.pure and pure.runs == 1 and pure.certain
    mixed = analysis.strategies(m, [np.full((4, 2), 0.5), np.eye(2)[[0, 1, 0, 1]]])
    assert not mixed.pure and not mixed.certain
    assert mixed.joint(0)[1].tolist() == [0.0, 0.5, 0.0, 0.5]
    assert pure.joint(0)[1].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert pure.some([0, 0]).runs == 2 and mixed.some(slice(0, 1)).runs == 1


def test_one_run_of_an_agent_stands_for_all_of_the_others():
    s = analysis.strategies(DILEMMA, [np.full((4, 2), 0.5), np.full((3, 4, 2), 0.5)])
    assert s.runs == 3 and s.mixture(2, 0).shape == (4, 2)


def test_what_was_learned_is_read_from_tables_and_from_policies():
    game = mf.games.LogitBertrand(2, 3)
    learners = [mf.IQL(0.3, share=[0]), mf.IQL(0.1)]
    for team in (mf.IQL(0.3), mf.IQL(0.3, share="all"), learners):
        run = mf.train(game, team, steps=300, runs=3, seed=1)
        s = analysis.strategies(game, run)
        for r in range(3):
            policy = run.policy(r)
            for row in range(9):
                assert s.actions[r, row].tolist() == policy([row]).tolist()
        assert s.last.tolist() == run.arrays["state"][:, 0].tolist()
        one = analysis.strategies(game, run.policy(2))
        assert one.runs == 1 and (one.actions[0] == s.actions[2]).all() and one.last is None


def test_learners_with_a_rule_of_their_own_are_asked():
    class Stubborn(mf.IQL):
        """Does the least of what it has learned."""

        name = "stubborn_in_a_test"

        def actions(self, context, arrays, rows):
            return arrays["q"][0, rows[0], :, :].argmin(axis=1)

    run = mf.train(DILEMMA, Stubborn(0.3), steps=100, runs=2, seed=0)
    s = analysis.strategies(DILEMMA, run)
    assert (s.actions == run.q.argmin(axis=3)).all()

    class Mixed(Stubborn):
        """The same, and it says that it draws."""

        name = "mixed_in_a_test"

        def probabilities(self, context, arrays, agent):
            return np.tile([0.25, 0.75], (arrays["q"].shape[1], 1)) if agent else np.eye(2)[[0] * arrays["q"].shape[1]]

    mixed = analysis.strategies(DILEMMA, mf.train(DILEMMA, Mixed(0.3), steps=100, runs=2, seed=0))
    assert mixed.mixture(1, 1).tolist() == [[0.25, 0.75]] * 4 and mixed.last is not None


def test_learners_behind_an_encoder():
    game = mf.games.Soccer(2, 3)
    m = analysis.model(game, cuts=4)
    run = mf.train(game, mf.IQL(), steps=2000, runs=2, seed=0)
    s = analysis.strategies(m, run)
    state = np.flatnonzero(~m.terminal)[7]
    assert s.actions[1, state].tolist() == run.policy(1)(m.observation[state]).tolist()


def test_views_of_a_mirrored_board():
    game = mf.games.Soccer(2, 3, mirrored=True)
    m = analysis.model(game, cuts=4)
    run = mf.train(game, mf.IQL(share="all"), steps=2000, runs=1, seed=0)
    s = analysis.strategies(m, run)
    for state in np.flatnonzero(~m.terminal)[::9]:
        assert s.actions[0, state].tolist() == run.policy()(m.observation[state]).tolist()


@pytest.mark.parametrize("given, error, words", [
    (np.zeros((4, 3), int), ValueError, r"expected actions of shape \(4, 2\)"),
    (np.zeros((0, 4, 2), int), ValueError, r"expected actions of shape \(4, 2\)"),
    (np.full((4, 2), 2), ValueError, r"expected actions 0 to \[1, 1\], got 2 to 2"),
    (np.full((4, 2), -1), ValueError, r"expected actions 0 to \[1, 1\]"),
    (TIT_FOR_TAT, ValueError, "expected probabilities for each of 2 agents, got 4"),
    ([np.zeros((4, 2)), np.full((4, 2), 0.5)], ValueError, r"strategies\[0\]: expected probabilities that sum to 1"),
    ([np.array([[1.5, -0.5]] * 4), np.full((4, 2), 0.5)], ValueError, r"strategies\[0\]: expected probabilities that"),
    ([np.full((4, 2), np.nan), np.full((4, 2), 0.5)], ValueError, r"strategies\[0\]: expected probabilities that"),
    ([np.full((4, 3), 1 / 3), np.full((4, 2), 0.5)], ValueError, r"strategies\[0\]: expected probabilities of shape"),
    (["a", "b"], TypeError, r"strategies\[0\]: expected an array of numbers"),
    ([np.full((2, 4, 2), 0.5), np.full((3, 4, 2), 0.5)], ValueError, r"as many runs for every agent, got \[2, 3\]"),
    (0.5, TypeError, "strategies: expected a Result, a Policy, an int array"),
    (np.zeros((4, 2)), TypeError, "strategies: expected a Result, a Policy, an int array"),
])
def test_what_does_not_fit_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        analysis.strategies(DILEMMA, given)


def test_strategies_of_another_game_are_refused():
    run = mf.train(mf.games.StagHunt(memory=2, horizon=0), mf.IQL(), steps=20)
    with pytest.raises(ValueError, match="learned in a game with observations 21, this one has 4"):
        analysis.strategies(DILEMMA, run)
    other = analysis.strategies(mf.games.Climbing(), np.array([[0, 0]]))
    with pytest.raises(ValueError, match=r"are of a game with 2 states and actions \(3, 3\), this one has 4"):
        analysis.strategies(DILEMMA, other)
    hunt = mf.games.StagHunt(memory=1, start="uniform", horizon=0)
    same = analysis.strategies(hunt, analysis.strategies(DILEMMA, np.array(TIT_FOR_TAT)))     # the same shape
    assert same.model.game is hunt
    with pytest.raises(ValueError, match="learner 'iql' keeps no average over training"):
        analysis.strategies(hunt, mf.train(hunt, mf.IQL(), steps=5), kind="average")
