"""Games whose agents see the round."""
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import marlfast as mf
from marlfast import games

EXAMPLES = [games.WithRound(games.PrisonersDilemma(horizon=3)),
            games.WithRound(games.Climbing(chance="partial", memory=1, horizon=2)),
            games.WithRound(games.SequentialPricing(k=2, horizon=4))]

def test_rows_of_a_game_with_rounds():
    game = games.WithRound(games.PrisonersDilemma(memory=1, horizon=3))
    env = game.env(seed=0)
    inner = games.PrisonersDilemma(memory=1, horizon=3)
    assert env.reset().item() == inner.number([])
    assert env.step([0, 1])[0].item() == 5 + inner.number([(0, 1)])
    assert env.step([1, 1])[0].item() == 10 + inner.number([(1, 1)])
    observation, _, terminated, truncated = env.step([1, 0])
    assert (observation.item(), terminated.item(), truncated.item()) == (15, True, False)
    assert game.observations == 16
    assert env.render() == "all 3 rounds are over"
    assert game.render(np.array([6.0])).startswith("round 2 of 3: played:")


def test_turns_stay_turns(backend):
    inner = games.MarkovGame([[1, 1], [0, 0]], np.ones((2, 2, 2)), (2, 1), to_act=[0, 1], discounting="move", horizon=3)
    game = games.WithRound(inner)
    assert (game.participation, game.discounting) == (("to_act",), "move")
    env = game.env(seed=0, backend=backend)
    env.reset()
    acted = [env.to_act[0].tolist()]
    for _ in range(2):
        env.step([[0, 0]])
        acted.append(env.to_act[0].tolist())
    assert acted == [[True, False], [False, True], [True, False]] and env.step([[0, 0]])[2].all()
    assert games.WithRound(games.SequentialPricing(k=2, horizon=4)).participation == ()


def test_learners_see_the_last_round():
    """Values by hand: both defect in every round, so 1 is to come, then 1.5, then 1.75 (discount .5)."""
    game = games.WithRound(games.PrisonersDilemma(horizon=3))
    run = mf.train(game, mf.IQL(discount=0.5, explore=mf.EpsilonGreedy(1.0, decay=0.997)), episodes=6000, seed=0)
    assert_allclose(run.q[0, :3].max(axis=2), np.broadcast_to([[1.75], [1.5], [1.0]], (3, 2)), atol=1e-6)
    assert_array_equal(run.q[0, 3], np.zeros((2, 2)))


@pytest.mark.parametrize("inner", [games.PrisonersDilemma(memory=1, horizon=4), games.TwoStep(),
                                   games.Climbing(chance="partial", horizon=3)], ids=lambda game: game.name)
def test_rounds_change_nothing_else(inner):
    """Against the game itself with the same actions: the same rewards in every round (chance has other draws)."""
    if not inner.horizon:
        inner = games.MarkovGame(inner.markov.transitions, inner.markov.rewards, (2, 2), terminal=inner.markov.terminal,
                                 horizon=4)
    game, generator = games.WithRound(inner), np.random.default_rng(0)
    assert (game.agents, game.setting) == (inner.agents, inner.setting)
    one, other = game.env(runs=200, seed=0), inner.env(runs=200, seed=0)
    one.reset(), other.reset()
    for t in range(4):
        actions = generator.integers(0, game.action_counts, (200, game.agents))
        obs, paid, over, _ = one.step(actions)
        own, own_paid, own_over, cut = other.step(actions)
        assert abs(paid.mean() - own_paid.mean()) < (1.5 if isinstance(inner, games.Climbing) else 1e-12)
        assert_array_equal(over, own_over | cut)
        if over.any():
            break
        assert_array_equal(obs, (t + 1) * inner.observations + own)
