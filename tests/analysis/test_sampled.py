"""Replies that are learned: what they gain beside what a best reply gains, and what they are refused."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis
from marlfast import learners as L

ROUNDS = 10


def test_a_learned_reply_gains_what_a_best_one_does():
    """Against rock, paper earns 1 a round; against who cooperates always, who played tit for tat gains 2 a round."""
    game = mf.games.RockPaperScissors(horizon=ROUNDS)
    run = mf.train(game, [L.FixedPolicy([1.0, 0.0, 0.0]), L.Random()], steps=10, runs=2, seed=0)
    found = analysis.sampled_exploitability(game, run, steps=5000, episodes=400)
    exact = analysis.exploitability(game, run, 1.0, horizon=ROUNDS)
    assert exact.gains.tolist() == [[0.0, ROUNDS]] * 2
    assert (found.gains <= exact.gains + 4.5 * found.standard_errors).all()
    assert (found.gains[:, 1] >= 0.95 * ROUNDS - 4.5 * found.standard_errors[:, 1]).all()
    assert not found.exact and "2 runs" in repr(found) and "standard error" in repr(found)
    dilemma = mf.games.PrisonersDilemma(memory=1, horizon=ROUNDS)
    run = mf.train(dilemma, [L.TitForTat(), L.FixedPolicy([1.0, 0.0])], steps=100, seed=0)
    found = analysis.sampled_exploitability(dilemma, run, steps=20_000, episodes=20)
    assert found.gains.tolist() == [[2.0 * ROUNDS, 0.0]] and found.nash_conv.tolist() == [2.0 * ROUNDS]


@pytest.mark.parametrize("learner", [
    L.JointActionLearner(0.3), L.CorrelatedQ(0.3), L.PHC(), L.MeanFieldQ(0.3), L.IPPO(steps=16),
    L.Hierarchy(mf.IQL(0.3), goals=2, goal_every=2, teams="all"), mf.IQL(share="all")], ids=lambda one: one.name)
def test_whatever_it_is_nobody_gains_more_than_by_a_best_reply(learner):
    game = mf.games.PrisonersDilemma(horizon=3)
    run = mf.train(game, learner, steps=300, runs=2, seed=1, record_every=0)
    found = analysis.sampled_exploitability(game, run, steps=3000, episodes=400, seed=2)
    exact = analysis.exploitability(game, run, 1.0, horizon=3, deviations="coarse")
    # What a reply could gain is to defect in all three rounds, which is soon learned.
    assert (found.gains <= exact.gains + 4.5 * found.standard_errors + 1e-6).all()
    assert (found.gains >= exact.gains - 4.5 * found.standard_errors - 1e-6).all()


def test_what_exact_analysis_refuses_names_it_and_it_takes_it():
    game = mf.games.Drift(agents=2)
    run = mf.train(game, mf.IQL(), encoder=mf.Tiles(2, -2.0, 6.0, 3), episodes=20, runs=2, seed=0)
    with pytest.raises(ValueError, match="let marlfast.evaluate play .*, and analysis.sampled_exploitability look for"):
        analysis.exploitability(game, run, 0.9)
    found = analysis.sampled_exploitability(game, run, steps=5000, episodes=20, agents=[1])
    assert np.isnan(found.gains[:, 0]).all() and np.isfinite(found.gains[:, 1]).all()
    assert "not asked for" in repr(found)
    one = analysis.sampled_exploitability(game, run.policy(1), steps=5000, episodes=20, agents=[1])
    assert one.gains.shape == (1, 2)


def test_threads_change_nothing_and_the_team_learns_nothing():
    game = mf.games.Soccer(horizon=20)
    run = mf.train(game, mf.IQL(), steps=2000, runs=3, seed=0)
    before = {name: array.copy() for name, array in run.arrays.items()}
    one, two = (analysis.sampled_exploitability(game, run, steps=2000, episodes=10, threads=threads)
                for threads in (1, 2))
    assert one.gains.tobytes() == two.gains.tobytes()
    assert all((run.arrays[name] == array).all() for name, array in before.items())


def test_failed_runs_are_left_out():
    huge = mf.games.MatrixGame(np.full((2, 2), 1e307), horizon=2)
    with pytest.warns(RuntimeWarning, match="1 of 3 runs diverged"):
        run = mf.train(huge, mf.IQL(1.0, discount=[0.0, 1.0, 0.0]), episodes=20, runs=3, seed=0)
    found = analysis.sampled_exploitability(huge, run, steps=20, episodes=5, learner=mf.IQL(0.5, discount=0.0))
    assert found.left_out.tolist() == [False, True, False] and "2 of 3 runs" in repr(found)
    assert np.isnan(found.gains[1]).all() and found.gains[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("arguments, words", [
    ({"given": np.zeros((1, 2), int)}, "given: expected a Result or a Policy, got "),
    ({"steps": 0}, "steps: expected at least 1, got 0"), ({"episodes": 1}, "episodes: expected at least 2, got 1"),
    ({"agents": [2]}, "agents[0]: expected 0 to 1, got 2"), ({"seed": 0.5}, "seed: expected"),
    ({"learner": 3}, "learner: expected a learner"),
])
def test_bad_input_is_refused_in_one_sentence(arguments, words):
    game = mf.games.PrisonersDilemma()
    run = mf.train(game, mf.IQL(), episodes=10, seed=0)
    with pytest.raises((TypeError, ValueError)) as caught:
        analysis.sampled_exploitability(game, **{"given": run} | arguments)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="given: a policy of kind 'policy' is challenged, got 'greedy'"):
        analysis.sampled_exploitability(game, run.policy(0, kind="greedy"))
