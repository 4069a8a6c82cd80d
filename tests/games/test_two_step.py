"""The two-step game by hand, and learned to its known values."""
import numpy as np
import pytest

import marlfast as mf
from marlfast.games.two_step import TwoStep

EXAMPLES = [TwoStep(), TwoStep(safe=-1.0, risky=((2.0, 0.5), (-3.0, 0.0)))]


def played(game, *joint, backend="cython"):
    """(states, rewards of the first agent, ends) of an episode of these joint actions."""
    env, states, rewards, ends = game.env(backend=backend), [], [], []
    states.append(int(env.reset()[0, 0, 0]))
    for actions in joint:
        observed, paid, terminated, _ = env.step(np.array([actions], np.int32))
        assert paid[0, 0] == paid[0, 1]
        states.append(int(observed[0, 0, 0]))
        rewards.append(float(paid[0, 0]))
        ends.append(bool(terminated[0]))
    return states, rewards, ends


@pytest.mark.parametrize("first, second, states, rewards", [
    ((0, 0), (0, 0), [0, 1, 3], [0, 7]), ((0, 1), (1, 1), [0, 1, 3], [0, 7]), ((0, 1), (1, 0), [0, 1, 3], [0, 7]),
    ((1, 0), (0, 0), [0, 2, 3], [0, 0]), ((1, 1), (0, 1), [0, 2, 3], [0, 1]), ((1, 0), (1, 0), [0, 2, 3], [0, 1]),
    ((1, 0), (1, 1), [0, 2, 3], [0, 8])])
def test_by_hand(backend, first, second, states, rewards):
    assert played(TwoStep(), first, second, backend=backend) == (states, rewards, [False, True])


def test_other_payoffs_stand_where_they_were_given():
    game = TwoStep(safe=2.0, risky=[[10, 20], [30, 40]])
    assert [played(game, (1, 0), (a, b))[1][1] for a in (0, 1) for b in (0, 1)] == [10, 20, 30, 40]
    assert played(game, (0, 0), (1, 0))[1] == [0, 2]


def test_facts():
    game = TwoStep()
    assert (game.agents, game.action_counts.tolist(), game.observations, game.horizon) == (2, [2, 2], 4, 0)
    assert (game.setting, game.reward_bounds, game.ends, game.views) == ("cooperative", (0.0, 8.0), True, 1)
    assert game.kernel().step_uniforms == 0
    assert game.to_dict() == {"name": "two_step", "safe": 7.0, "risky": [[0.0, 1.0], [1.0, 8.0]]}
    assert [game.render([s])[:8] for s in range(4)] == ["state 1:", "state 2A", "state 2B", "state ov"]


def test_the_values_of_independent_learners_under_uniform_play():
    # Play is uniform for ever, so the other agent's action in 2B is a coin: 0 and 1 are worth (0 + 1) / 2 and
    # (1 + 8) / 2. At the start branch 2A is worth 0.99 * 7, and 2B 0.99 * 4.5 alone.
    explore = mf.EpsilonGreedy(1.0, ties="first", draws=2)
    learner = mf.IQL(mf.schedules.Harmonic(1.0, 0.001), discount=0.99, explore=explore)
    q = mf.train(TwoStep(), learner, steps=200_000, seed=1).q[0]
    assert q[1] == pytest.approx(np.full((2, 2), 7.0))
    assert q[2, 0] == pytest.approx([0.5, 4.5], abs=0.2) and q[2, 1] == pytest.approx([0.5, 4.5], abs=0.2)
    assert q[0, 0] == pytest.approx([6.93, 0.99 * 4.5], abs=0.2)


@pytest.mark.parametrize("options, message", [
    ({"safe": np.nan}, "safe: expected a finite number"), ({"safe": "7"}, "safe: expected a number"),
    ({"risky": [1, 2]}, "risky: expected 2 dimensions"),
    ({"risky": np.ones((2, 3))}, "risky: expected shape (2, 2), got (2, 3)"),
    ({"risky": [[0, 1], [1, np.inf]]}, "risky[1, 1]: expected a finite number"),
    ({"risky": "x"}, "risky: expected an")])
def test_bad_input(options, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        TwoStep(**options)
    assert str(caught.value).startswith(message)
