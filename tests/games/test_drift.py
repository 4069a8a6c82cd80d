"""The drift game by hand, and equality of both backends.

``state += noise * normals``, then ``state[0] += push * (sum of actions)``; reward ``-|state[0]|``, plus the bonus
for actions below ``bonus_below``.
"""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import kernels

EXAMPLES = [
    mf.games.Drift(),
    mf.games.Drift(agents=1, state_size=1, actions=1, horizon=3),
    mf.games.Drift(agents=7, state_size=3, actions=4, horizon=0, noise=0.3, push=-0.2, bonus=1.5, bonus_below=3),
]


def stepped(game, state, actions, normals):
    """State and rewards after one step; runs that ended show as True."""
    state = np.array(state, np.float64)
    rewards, terminated = np.full((len(state), game.agents), np.nan), np.ones(len(state), bool)
    game.step(state, np.array(actions, np.int32), np.zeros((len(state), 0)), np.array(normals, np.float64), rewards,
              terminated)
    return state, rewards, terminated


def test_facts(module):
    game = module("drift").Drift(3, 2, 0.1, 0.05, 0.1, 2)
    assert (game.agents, game.state_size, game.views, game.features) == (3, 2, 1, 2)
    assert (game.step_uniforms, game.step_normals, game.start_uniforms, game.start_normals) == (0, 2, 0, 2)


def test_a_step_by_hand(module):
    # Noise 1/2, push 1/4, bonus 1/8 below action 2; actions 3, 1, 2 add up to 6.
    # state[0] = -5 + 1/2 * 2 + 1/4 * 6 = -2.5; state[1] = 1 - 1/2 * 4 = -1. Rewards -2.5, and 1/8 more for agent 1.
    game = module("drift").Drift(3, 2, 0.5, 0.25, 0.125, 2)
    state, rewards, terminated = stepped(game, [[-5.0, 1.0]], [[3, 1, 2]], [[2.0, -4.0]])
    assert state.tolist() == [[-2.5, -1.0]]
    assert rewards.tolist() == [[-2.5, -2.375, -2.5]]
    assert terminated.tolist() == [False]


def test_the_articles_numbers(module):
    # state[0] = 0.3 + 0.1 * -1 + 0.05 * (4 + 0 + 1 + 2) = 0.55; bonus 0.1 to actions 0 and 1.
    game = module("drift").Drift(4, 2, 0.1, 0.05, 0.1, 2)
    state, rewards, _ = stepped(game, [[0.3, 0.0]], [[4, 0, 1, 2]], [[-1.0, 1.0]])
    assert state[0] == pytest.approx([0.55, 0.1], abs=1e-15)
    assert rewards[0] == pytest.approx([-0.55, -0.45, -0.45, -0.55], abs=1e-15)


def test_only_the_first_variable_is_pushed_and_rewarded(module):
    game = module("drift").Drift(1, 3, 1.0, 2.0, 0.0, 0)
    state, rewards, _ = stepped(game, [[0.0, 10.0, -10.0]], [[1]], [[0.0, 1.0, 2.0]])
    assert state.tolist() == [[2.0, 11.0, -8.0]] and rewards.tolist() == [[-2.0]]


@pytest.mark.parametrize("bonus_below, earns", [(0, [False] * 3), (1, [True, False, False]), (3, [True] * 3)])
def test_who_earns_the_bonus(module, bonus_below, earns):
    game = module("drift").Drift(3, 1, 0.0, 0.0, 1.0, bonus_below)
    assert stepped(game, [[4.0]], [[0, 1, 2]], [[0.0]])[1].tolist() == [[-3.0 if e else -4.0 for e in earns]]


def test_a_negative_bonus_at_rest_is_alike_in_both_backends():
    # At a state of exactly 0 an agent without the bonus earns a zero, of the same sign in both backends.
    rewards = [stepped(kernels(backend, "drift").Drift(2, 1, 0.0, 0.0, -0.5, 1), [[0.0]], [[0, 1]], [[0.0]])[1]
               for backend in ("cython", "numpy")]
    assert rewards[0].tolist() == [[-0.5, 0.0]]
    assert rewards[0].tobytes() == rewards[1].tobytes()


def test_a_start_is_standard_normals(module):
    game = module("drift").Drift(2, 3, 0.1, 0.05, 0.1, 2)
    state, normals = np.full((2, 3), 9.0), np.array([[0.5, -1.5, 2.0], [-0.0, 3.0, 1.0]])
    game.start(state, np.zeros((2, 0)), normals)
    assert state.tobytes() == normals.tobytes()
    normals[:] = 7.0
    assert state[0, 0] == 0.5


def test_all_see_the_state(module):
    game = module("drift").Drift(2, 3, 0.1, 0.05, 0.1, 2)
    state, observation = np.arange(6.0).reshape(2, 3), np.zeros((2, 1, 3))
    game.observe(state, observation)
    assert observation[:, 0].tolist() == state.tolist()


def test_the_others_by_hand(module):
    # Push 1/2, state -1 after actions 2, 0: without agent 0 the state were -2, and agent 1 has its bonus: -1.75;
    # without agent 1 it stays -1 and agent 0 has none: -1.
    game = module("drift").Drift(2, 1, 0.1, 0.5, 0.25, 1)
    others = np.zeros((1, 2))
    game.counterfactual(np.array([[-1.0]]), np.array([[2, 0]], np.int32), np.zeros((1, 2)), others)
    assert others.tolist() == [[-1.75, -1.0]]


def test_without_the_only_agent_there_is_nothing(module):
    game = module("drift").Drift(1, 1, 0.1, 0.5, 0.25, 1)
    others = np.full((1, 1), 9.0)
    game.counterfactual(np.array([[-1.0]]), np.array([[0]], np.int32), np.zeros((1, 1)), others)
    assert others.tolist() == [[0.0]]


def test_a_sum_of_many_large_actions_does_not_overflow(module):
    # 5 agents times 2**31 - 1 is more than 32 bits hold.
    game = module("drift").Drift(5, 1, 0.0, 1.0, 0.0, 0)
    state, _, _ = stepped(game, [[0.0]], [[2**31 - 1] * 5], [[0.0]])
    assert state.tolist() == [[5.0 * (2**31 - 1)]]


def test_no_runs(module):
    game = module("drift").Drift(2, 3, 0.1, 0.05, 0.1, 2)
    state, rewards, terminated = stepped(game, np.zeros((0, 3)), np.zeros((0, 2)), np.zeros((0, 3)))
    assert state.shape == (0, 3) and rewards.shape == (0, 2) and terminated.shape == (0,)


NUMBER = st.floats(-2.0, 2.0)


@given(st.integers(0, 5), st.integers(1, 9), st.integers(1, 4), NUMBER, NUMBER, NUMBER, st.integers(0, 6),
       st.integers(0, 2**32 - 1))
def test_both_backends_step_alike(runs, agents, size, noise, push, bonus, bonus_below, seed):
    generator = np.random.default_rng(seed)
    steps = [(generator.integers(0, 6, (runs, agents)), generator.normal(size=(runs, size))) for _ in range(6)]
    traces = []
    for backend in ("cython", "numpy"):
        game = kernels(backend, "drift").Drift(agents, size, noise, push, bonus, bonus_below)
        state, trace = np.zeros((runs, size)), []
        for actions, normals in steps:
            state, rewards, terminated = stepped(game, state, actions, normals)
            others = np.zeros((runs, agents))
            game.counterfactual(state, actions.astype(np.int32), rewards, others)
            trace.append([a.tobytes() for a in (state, rewards, terminated, others)])
        traces.append(trace)
    assert traces[0] == traces[1]
