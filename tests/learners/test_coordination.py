"""Lenient learning and recursive FMQ, and who may be controlled by those who trust each other.

The rules are tested in ``tests/core/test_coordination.py``.
"""
import re

import pytest
from training_helpers import random_markov

import marlfast as mf
from learners.example import Example
from marlfast.learners.coordination import LMRL2, RecursiveFMQ

EXAMPLES = {
    "lmrl2": Example(LMRL2(), (2, 4, 3), alike=True),
    "lmrl2, cold": Example(LMRL2(0.5, max_temperature=3.0, temperature_decay=0.9, diffusion=0.5, share="all",
                                 initial_q=2.0), alike=True),
    "lmrl2, runs": Example(LMRL2(
        max_temperature=[0.0, 1.0, 99.0], min_temperature=[0.0, 2.0, 1.0], diffusion=[0.0, 1.0, 0.5],
        temperature_decay=[1.0, 0.5, 0.99], action_moderation=[1e-9, 1.0, 9.0], lenience_moderation=[1e9, 1e-9, 1.0],
        discount=[0.0, 1.0, 0.5]), alike=True),
    "lmrl2, alone": [LMRL2(0.3), mf.IQL()],
    "recursive_fmq": Example(RecursiveFMQ(0.3, frequency_rate=0.1), (2, 4, 3), alike=True),
    "recursive_fmq, ahead": Example(RecursiveFMQ(
        0.3, frequency_rate=mf.schedules.Harmonic(0.9, 0.1), discount=[0.0, 0.9, 1.0], share="all",
        explore=mf.Boltzmann(0.5)), alike=True),
    "recursive_fmq, ties": Example(RecursiveFMQ(0.5, initial_q=1.0, explore=mf.EpsilonGreedy(0.2, ties="random")),
                                   alike=True),
}


# -- who trusts each other, of those who do --------------------------------------------------------

COMMON = [[3.0, 1.0], [0.0, 2.0]]
each_trusting = pytest.mark.parametrize("learner", [LMRL2(), RecursiveFMQ(), mf.learners.DistributedQ()],
                                        ids=lambda one: one.name)


@each_trusting
@pytest.mark.parametrize(("game", "why"), [
    (mf.games.MatchingPennies(), "one wins what the other loses in game 'matching_pennies'"),
    (mf.games.PrisonersDilemma(), "their rewards differ in game 'prisoners_dilemma'"),
    (mf.games.Drift(agents=3), "their rewards differ in game 'drift'"),
    (mf.games.MatrixGame(COMMON, [[3.0, 1.0], [0.0, 2.5]]), "their rewards differ in game 'matrix'"),
    (random_markov(4, (3, 3)), "their rewards differ in game 'markov'"),
], ids=lambda value: getattr(value, "name", ""))
def test_learners_who_trust_each_other_refuse_rewards_that_differ(learner, game, why):
    options = {"encoder": mf.Grid(-1.0, 1.0, 2)} if game.name == "drift" else {}
    told = re.escape(f"{learner.name}: trusts that its agents want the same, but {why}; train with "
                     "rewards=marlfast.rewards.cooperative()") + ".* iql, hysteretic_q, sarsa, wolf_phc, jal$"
    with pytest.raises(ValueError, match=f"^{told}"):
        mf.train(game, learner, episodes=1, **options)
    with pytest.raises(ValueError, match=f"^{told}"):
        learner.team(game, encoder=options.get("encoder"))
    mf.train(game, learner, rewards=mf.rewards.cooperative(), episodes=1, **options)
    others = [mf.IQL()] * (game.agents - 1)
    mf.train(game, learners=[learner, *others], episodes=1, **options)       # one alone trusts nobody
    if game.agents == 3:        # of two teams, each has rewards of its own
        options |= {"rewards": mf.rewards.mixed([[0, 2], [1]]), "episodes": 1}
        mf.train(game, learners=[(learner, [0, 2]), (mf.IQL(), [1])], **options)
        with pytest.raises(ValueError, match="trusts .* their rewards differ"):
            mf.train(game, learners=[(learner, [0, 1]), (mf.IQL(), [2])], **options)


@each_trusting
def test_learners_who_trust_each_other_take_games_in_which_all_earn_the_same(learner):
    one_for_both, one_for_each = mf.games.MatrixGame(COMMON), mf.games.MatrixGame(COMMON, COMMON)
    assert one_for_both.setting == one_for_each.setting == "cooperative"
    for game in (one_for_both, one_for_each):
        mf.train(game, learner, episodes=1)
        mf.train(game, learner, rewards=mf.rewards.matrix([[0.5, 0.5], [1.0, 0.0]]), episodes=1)
        for structure, name in ((mf.rewards.matrix([[1.0, 0.0], [0.0, 2.0]]), "matrix"),
                                (mf.rewards.matrix([[1.0, 1.0], [1.0, 0.0]]), "matrix")):
            with pytest.raises(ValueError, match=rf"trusts .* but rewards={name}\(\) gives them different rewards in "):
                mf.train(game, learner, rewards=structure, episodes=1)
    # In a game in which rewards differ, a matrix may still give both the same.
    mf.train(mf.games.PrisonersDilemma(), learner, rewards=mf.rewards.matrix([[0.3, 0.7]] * 2), episodes=1)
