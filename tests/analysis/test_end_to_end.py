"""From training to what was learned: a small duopoly whose firms learn prices, and a game with an obvious end."""
import numpy as np
import pytest

import marlfast as mf
from analysis import plain
from marlfast import analysis

GAME = mf.games.LogitBertrand(2, 5)


@pytest.fixture(scope="module")
def run():
    return mf.train(GAME, mf.IQL(0.15, discount=0.95, explore=mf.EpsilonGreedy(1.0, decay=0.9995, per="step"),
                                 initial_q=GAME.against_random(0.95)),
                    stop=mf.GreedyStable(2_000), steps=200_000, runs=40, seed=0)


def test_firms_that_learn_prices(run):
    assert run.stop_reason == ["greedy stable"] * 40
    m = analysis.model(GAME)
    cycles = analysis.limit_cycles(m, run)
    # By walking from where training ended.
    greedy = run.arrays["learner.greedy"]
    for r in range(40):
        state = int(run.arrays["state"][r, 0])
        visited, rewards = plain.walk(m, greedy[r], state, 60)
        n = cycles.length[r]
        assert visited[-1] == visited[-1 - n] and rewards[-n:].mean(axis=0) == pytest.approx(cycles.mean_rewards[r])
    gain = analysis.profit_gain(GAME, cycles)
    assert gain.gain == pytest.approx(GAME.profit_gain(cycles.mean_rewards).mean(axis=1))
    assert 0.5 < gain.mean < 0.95           # prices above those of competition, below those of a monopoly
    found = analysis.basins(cycles)
    assert sum(b.share for b in found) == pytest.approx(1.0) and found[0].share >= found[-1].share


def test_on_path_equilibria_are_those_by_definition(run):
    m = analysis.model(GAME)
    test, cycles = analysis.nash_test(m, run, 0.95), analysis.limit_cycles(m, run)
    assert (test.path == cycles.on(m.size)).all() and 0.0 < test.on_path.mean() < 1.0
    greedy = run.arrays["learner.greedy"]
    for r in range(0, 40, 5):
        v, best = plain.solved(m, greedy[r], 0.95), True
        for state in cycles.states[r, :cycles.length[r]]:
            for agent in range(2):
                worth = []
                for a in range(5):
                    moves = greedy[r, state].copy()
                    moves[agent] = a
                    (_, successor, paid), = m.outcomes(state, moves)
                    worth.append(paid[agent] + 0.95 * v[successor, agent])
                played = worth[greedy[r, state, agent]]
                best &= played > max(worth) - 1e-9
                assert test.loss[r, state, agent] == pytest.approx((max(worth) - played) / max(worth), abs=1e-9)
        assert test.on_path[r] == best
    assert (analysis.nash_test(m, run, 0.95, continuation="best").on_path <= test.on_path).all()


def test_a_price_cut_is_answered(run):
    path = analysis.deviation(GAME, run, 0, periods=1, length=10, numbers=GAME.prices)
    # The rival's prices fall after the cut, and come back.
    rival = path.mean_actions[:, 1]
    assert rival[0] == pytest.approx(path.before_actions[:, 1].mean()) and rival[1] < rival[0] - 0.02
    assert rival[-1] > rival[1] and path.back.mean() > 0.5
    assert (path.rewards[:, 0, 0] >= path.before_rewards[:, 0] - 1e-12).all()       # it pays at once


def test_firms_of_other_runs_are_strangers(run):
    cross = analysis.cross_play(GAME, run)
    assert cross.exact and cross.rewards.shape == (40, 40, 2) and cross.others < cross.own


def test_agents_who_learned_are_in_equilibrium_where_their_actions_are():
    game = mf.games.Climbing(horizon=0)
    run = mf.train(game, mf.IQL(0.1, discount=0.0, explore=mf.Boltzmann(mf.schedules.Exponential(
        100.0, 0.99, minimum=0.1, per="step"))), steps=3000, runs=30, seed=0)
    greedy = analysis.strategies(game, run, kind="greedy")
    test = analysis.nash_test(game, greedy, 0.0)
    ends = greedy.actions[:, 0]
    pure = np.array([tuple(joint) in game.pure_equilibria() for joint in ends.tolist()])
    assert (test.on_path == pure).all() and (analysis.exploitability(game, greedy, 0.0).nash_conv[pure] == 0).all()
    assert 0.2 < pure.mean() < 0.8      # both come up
