"""Games given as arrays: by hand, chance by inverse transform, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import kernels

BELOW_ONE = 1.0 - 2.0**-53


def chance_game():
    """Three agents with 2, 1 and 3 actions, chance in the moves and in the start, one terminal state."""
    generator = np.random.default_rng(7)
    transitions = generator.dirichlet(np.ones(4), size=(4, 6))
    rewards = generator.integers(-3, 4, size=(4, 6, 3)).astype(float)
    return mf.games.MarkovGame(transitions, rewards, (2, 1, 3), start=[0.5, 0.25, 0.25, 0.0],
                               terminal=[False, False, False, True], horizon=9)


def certain_game():
    """One agent walks a ring of three states until the horizon."""
    transitions = np.zeros((3, 2, 3))
    for state in range(3):
        transitions[state, 0, state] = transitions[state, 1, (state + 1) % 3] = 1.0
    return mf.games.MarkovGame(transitions, [[0.0, 1.0], [0.5, -1.0], [0.0, 2.0]], (2,), horizon=4)


EXAMPLES = [chance_game(), certain_game(), mf.games.MatrixGame([[11, -30, 0], [-30, 7, 6], [0, 0, 5]], horizon=2)]


def stepped(game, state, actions, uniforms=None):
    """State, rewards and terminated after one step."""
    state = np.array(state, np.float64).reshape(-1, 1)
    runs = len(state)
    rewards, terminated = np.full((runs, game.agents), np.nan), np.zeros(runs, bool)
    uniforms = np.zeros((runs, game.step_uniforms)) if uniforms is None else np.array(uniforms).reshape(-1, 1)
    game.step(state, np.array(actions, np.int32), uniforms, np.zeros((runs, 0)), rewards, terminated)
    return state.ravel().tolist(), rewards.tolist(), terminated.tolist()


def certain(module):
    """Two agents, 2 and 3 actions. Joint action j leads from state 0 to (0, 1, 2, 0, 1, 2)[j], from others to 0."""
    successor = np.zeros((3, 6), np.int32)
    successor[0] = [0, 1, 2, 0, 1, 2]
    rewards = np.arange(36.0).reshape(3, 6, 2)
    return module("markov").Markov(np.array([2, 3], np.int32), successor, None, rewards, np.array([2.0, 2.0, 2.0]),
                                   np.array([False, False, True]))


def chance(module, probabilities, start=(2.0, 2.0, 2.0)):
    """One agent with one action; from every state the same chances."""
    sums = np.cumsum(probabilities)
    sums[len(sums) - 1 - (np.array(probabilities)[::-1] > 0).argmax():] = 2.0
    return module("markov").Markov(np.array([1], np.int32), None, np.tile(sums, (len(sums), 1, 1)),
                                   np.zeros((len(sums), 1, 1)), np.array(start), np.zeros(len(sums), bool))


def test_facts(module):
    game = certain(module)
    assert (game.agents, game.state_size, game.views, game.features) == (2, 1, 1, 1)
    assert (game.step_uniforms, game.step_normals, game.start_uniforms, game.start_normals) == (0, 0, 1, 0)
    assert chance(module, [0.5, 0.25, 0.25]).step_uniforms == 1


def test_the_first_agents_action_is_the_most_significant(module):
    # Joint action 3 a0 + a1; rewards [0, j] are 2j and 2j + 1; action 2 or 5 leads to state 2, which ends the game.
    game = certain(module)
    for first in range(2):
        for second in range(3):
            joint = 3 * first + second
            state, rewards, terminated = stepped(game, [0], [[first, second]])
            assert rewards == [[2.0 * joint, 2.0 * joint + 1.0]]
            assert state == [float(joint % 3)] and terminated == [joint % 3 == 2]


def test_rewards_belong_to_the_state_before_the_step(module):
    state, rewards, terminated = stepped(certain(module), [1, 2, 0], [[0, 0], [1, 2], [0, 2]])
    assert rewards == [[12.0, 13.0], [34.0, 35.0], [4.0, 5.0]]
    assert state == [0.0, 0.0, 2.0] and terminated == [False, False, True]


@pytest.mark.parametrize("u, state", [
    # Probabilities 1/2, 1/4, 1/4: the first k with u < 1/2, 3/4, 1.
    (0.0, 0), (np.nextafter(0.5, 0), 0), (0.5, 1), (np.nextafter(0.75, 0), 1), (0.75, 2), (BELOW_ONE, 2),
])
def test_chance_by_inverse_transform(module, u, state):
    game = chance(module, [0.5, 0.25, 0.25], start=(0.5, 0.75, 2.0))
    assert stepped(game, [1], [[0]], [u])[0] == [state]
    start = np.zeros((1, 1))
    game.start(start, np.array([[u]]), np.zeros((1, 0)))
    assert start.tolist() == [[state]]


@pytest.mark.parametrize("u, state", [(0.0, 1), (0.3, 1), (0.5, 3), (BELOW_ONE, 3)])
def test_the_impossible_is_never_drawn(module, u, state):
    assert stepped(chance(module, [0.0, 0.5, 0.0, 0.5, 0.0], (2.0,) * 5), [2], [[0]], [u])[0] == [state]


@pytest.mark.parametrize("states", [1, 2, 3, 7, 64, 65])
def test_every_state_can_be_drawn(module, states):
    # Equal chances: the middle of each interval, which bisection must find in tables of any length.
    game = chance(module, np.full(states, 1 / states), (2.0,) * states)
    us = (np.arange(states) + 0.5) / states
    assert stepped(game, np.zeros(states), np.zeros((states, 1)), us)[0] == list(range(states))


def test_the_chances_are_those_of_the_state_and_joint_action(module):
    # Two states, two actions: (0, a) goes to a; (1, a) to 1 - a. Written as chances, not as successors.
    cumulative = np.array([[[2.0, 2.0], [0.0, 2.0]], [[0.0, 2.0], [2.0, 2.0]]])
    game = module("markov").Markov(np.array([2], np.int32), None, cumulative, np.zeros((2, 2, 1)), np.array([2.0, 2.0]),
                                   np.zeros(2, bool))
    assert stepped(game, [0, 0, 1, 1], [[0], [1], [0], [1]], [0.5] * 4)[0] == [0.0, 1.0, 1.0, 0.0]


def test_the_definition_and_its_kernel_agree(backend):
    # A dilemma, by its definition: both defect, one defects, both cooperate.
    game = mf.games.MatrixGame([[3, 0], [5, 1]], [[3, 5], [0, 1]]).kernel(backend)
    assert stepped(game, [0, 0, 0, 0], [[0, 0], [0, 1], [1, 0], [1, 1]])[1] == [[3, 3], [0, 5], [5, 0], [1, 1]]


def test_observation_is_the_state(module):
    game, observation = certain(module), np.zeros((2, 1, 1))
    game.observe(np.array([[2.0], [1.0]]), observation)
    assert observation.ravel().tolist() == [2.0, 1.0]


@pytest.mark.parametrize("actions", [[2, 0], [0, 3], [-1, 0], [0, -1], [2**31 - 1, 0], [-(2**31), 0]])
def test_actions_outside_are_refused_and_change_nothing(module, actions):
    state, rewards, terminated = np.array([[0.0]]), np.full((1, 2), 7.0), np.ones(1, bool)
    with pytest.raises(ValueError, match="^step: an action lies outside the agent's actions$"):
        certain(module).step(state, np.array([actions], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards,
                             terminated)
    assert state.tolist() == [[0.0]] and rewards.tolist() == [[7.0, 7.0]] and terminated.tolist() == [True]


@pytest.mark.parametrize("state", [-1.0, 3.0, np.nan, np.inf, -np.inf, 1e300])
def test_states_outside_are_refused_and_change_nothing(module, state):
    states, rewards = np.array([[state]]), np.full((1, 2), 7.0)
    with pytest.raises(ValueError, match="^step: an observation is not finite or lies outside"):
        certain(module).step(states, np.zeros((1, 2), np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards,
                             np.zeros(1, bool))
    assert states.tobytes() == np.array([[state]]).tobytes() and rewards.tolist() == [[7.0, 7.0]]


def test_it_cannot_say_what_were_without_an_agent(module):
    with pytest.raises(ValueError, match="^without: this game cannot say"):
        certain(module).without(np.zeros((1, 1)), np.zeros((1, 2), np.int32), np.zeros((1, 2)), np.zeros((1, 2)))


def test_no_runs(module):
    assert stepped(certain(module), [], np.zeros((0, 2))) == ([], [], [])


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 5), st.booleans(),
       st.integers(0, 2**32 - 1))
def test_both_backends_step_alike(actions, states, runs, is_certain, seed):
    generator = np.random.default_rng(seed)
    joint, agents = int(np.prod(actions)), len(actions)
    counts = np.array(actions, np.int32)
    successor = generator.integers(0, states, (states, joint)).astype(np.int32) if is_certain else None
    # Chances in eighths, so that some are 0 and some draws fall on an edge.
    cumulative = None if is_certain else np.sort(generator.integers(0, 9, (states, joint, states)), axis=2) / 8.0
    rewards, start = generator.normal(size=(states, joint, agents)), np.sort(generator.random(states))
    terminal = generator.random(states) < 0.3
    steps = [((generator.random((runs, agents)) * counts).astype(np.int32), generator.integers(0, 8, (runs, 1)) / 8.0)
             for _ in range(8)]
    traces = []
    for backend in ("cython", "numpy"):
        game = kernels(backend, "markov").Markov(counts, successor, cumulative, rewards, start, terminal)
        state, trace = np.zeros((runs, 1)), []
        game.start(state, steps[0][1], np.zeros((runs, 0)))
        for taken, uniforms in steps:
            got, ends = np.zeros((runs, agents)), np.zeros(runs, bool)
            game.step(state, taken, uniforms[:, :game.step_uniforms], np.zeros((runs, 0)), got, ends)
            trace.append([a.tobytes() for a in (state, got, ends)])
        traces.append(trace)
    assert traces[0] == traces[1]
