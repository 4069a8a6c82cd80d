"""Games given as arrays: by hand, chance by inverse transform, and equality of both backends."""
import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import kernels
from marlfast.games.markov import Tabular
from marlfast.games.outcomes import Outcomes

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


def sparse_game():
    """Two agents; a lottery in state 0 that pays by its outcome, a state that ends the game, one nobody comes to.

    Agent 0 sees whether the state is even, agent 1 sees nothing.
    """
    outcomes = Outcomes(4, state=[0, 0, 0, 0, 0, 1, 1, 3, 3], joint=[1, 0, 0, 0, 1, 0, 1, 0, 1],
                        successor=[1, 0, 0, 2, 0, 0, 2, 3, 1], probability=[0.75, 0.5, 0.25, 0.25, 0.25, 1, 1, 1, 1],
                        rewards=[[1, -1], [14, -14], [0, 0], [2, -2], [-3, 3], [0, 0], [5, -5], [0, 0], [9, -9]])
    return mf.games.MarkovGame(outcomes, "own", (2, 1), terminal=[False, False, True, False],
                               obs=[[0, 0], [1, 0], [0, 0], [1, 0]])


def successor_game():
    """Three agents with one, two and two actions among five states, whose next states are listed."""
    generator = np.random.default_rng(1)
    return mf.games.MarkovGame(generator.integers(0, 5, (5, 4)), generator.integers(-2, 3, (5, 4)) / 2.0, (1, 2, 2),
                               start=[0.0, 0.5, 0.0, 0.0, 0.5], horizon=11, obs=[0, 1, 1, 0, 2])


EXAMPLES = [chance_game(), certain_game(), sparse_game(), successor_game(),
            mf.games.MatrixGame([[11, -30, 0], [-30, 7, 6], [0, 0, 5]], horizon=2)]


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
    successors = np.zeros(18, np.int32)
    successors[:6] = [0, 1, 2, 0, 1, 2]
    return module("markov").Markov(np.array([2, 3], np.int32), None, successors, None, np.arange(36.0).reshape(18, 2),
                                   np.array([2.0, 2.0, 2.0]), np.array([False, False, True]), None)


def chance(module, probabilities, start=(2.0, 2.0, 2.0)):
    """One agent with one action; from every state the same chances, of every state in turn."""
    n, sums = len(probabilities), np.cumsum(probabilities)
    sums[n - 1 - (np.array(probabilities)[::-1] > 0).argmax():] = 2.0
    successors = np.tile(np.arange(n, dtype=np.int32), n)
    return module("markov").Markov(np.array([1], np.int32), n * np.arange(n + 1), successors, np.tile(sums, n),
                                   np.zeros((n, 1)), np.array(start), np.zeros(n, bool), None)


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
    # Two states, two actions: (0, a) goes to a; (1, a) to 1 - a. Written as chances, some of them of one outcome only.
    game = module("markov").Markov(np.array([2], np.int32), np.array([0, 1, 3, 4, 6]),
                                   np.array([0, 0, 1, 1, 0, 1], np.int32), np.array([2.0, 0.0, 2.0, 2.0, 2.0, 2.0]),
                                   np.zeros((4, 1)), np.array([2.0, 2.0]), np.zeros(2, bool), None)
    assert stepped(game, [0, 0, 1, 1], [[0], [1], [0], [1]], [0.5] * 4)[0] == [0.0, 1.0, 1.0, 0.0]


def lottery(module, **changes):
    """One state, two agents with 2 and 1 actions: action 0 pays (14, 1) or (0, 2), half and half; action 1 (3, 3)."""
    return module("markov").Markov(**{
        "actions": np.array([2, 1], np.int32), "first": np.array([0, 2, 3]), "successors": np.zeros(3, np.int32),
        "sums": np.array([0.5, 2.0, 2.0]), "rewards": np.array([[14.0, 1.0], [0.0, 2.0], [3.0, 3.0]]),
        "start": np.array([2.0]), "terminal": np.zeros(1, bool), "obs": None} | changes)


def test_rewards_of_outcomes(module):
    _, rewards, _ = stepped(lottery(module), [0] * 4, [[0, 0], [0, 0], [1, 0], [1, 0]], [0.499, 0.5, 0.499, 0.5])
    assert rewards == [[14.0, 1.0], [0.0, 2.0], [3.0, 3.0], [3.0, 3.0]]


def test_rewards_of_cells_where_there_is_chance(module):
    game = lottery(module, rewards=np.array([[14.0, 1.0], [3.0, 3.0]]))
    assert stepped(game, [0] * 3, [[0, 0], [0, 0], [1, 0]], [0.499, 0.5, 0.9])[1] == [[14, 1], [14, 1], [3, 3]]


def in_turns(module):
    """Three agents with 2, 2 and 3 actions; agent 1 acts in state 0, agent 2 in state 1. A cell pays its number."""
    successors = np.arange(24, dtype=np.int32) % 2
    return module("markov").Markov(np.array([2, 2, 3], np.int32), None, successors, None,
                                   np.arange(24.0)[:, None].repeat(3, axis=1), np.array([2.0, 2.0]), np.zeros(2, bool),
                                   None, movers=np.array([1, 2], np.int32))


def test_what_the_others_would_do_counts_as_their_action_0(module):
    # Joint action 6 a0 + 3 a1 + a2: of agent 1 the action 1 is 3, of agent 2 the action 2 is 2, 12 cells on.
    game = in_turns(module)
    state, rewards, _ = stepped(game, [0, 0, 0, 1, 1], [[-1, 1, -1], [1, 1, 2], [9, 0, 9], [-1, -1, 2], [7, 7, 1]])
    assert [row[0] for row in rewards] == [3.0, 3.0, 0.0, 14.0, 13.0] and state == [1.0, 1.0, 0.0, 0.0, 1.0]
    acts = np.zeros((2, 3), bool)
    game.to_act(np.array([[0.0], [1.0]]), acts)
    assert acts.tolist() == [[False, True, False], [False, False, True]] and game.participation == ("to_act",)


def test_who_acts_may_not_do_what_there_is_not(module):
    game = in_turns(module)
    for state, actions in ((0, [0, 2, 0]), (0, [0, -1, 0]), (1, [0, 0, 3])):
        with pytest.raises(ValueError, match="^step: .*action"):
            stepped(game, [state], [actions])
    for state in (2.0, -1.0, 0.5, np.nan):
        with pytest.raises(ValueError, match="^to_act: the state is not one of the game's$"):
            game.to_act(np.array([[state]]), np.zeros((1, 3), bool))
        with pytest.raises(ValueError, match="^step: the state is not one of the game's$"):
            stepped(game, [state], [[0, 0, 0]])


@pytest.mark.parametrize("chance", [False, True])
def test_games_in_turns_are_learned_alike_in_both_backends_and_kept_in_files(chance, tmp_path):
    generator = np.random.default_rng(2)
    game = mf.games.MarkovGame(
        generator.dirichlet(np.ones(5), (5, 12)) if chance else generator.integers(0, 5, (5, 12)),
        generator.integers(-3, 4, (5, 12, 3)).astype(float), (2, 2, 3), to_act=[0, 2, 1, 2, 0], horizon=7,
        obs=generator.integers(0, 4, (5, 3)), discounting="move" if chance else "step")
    runs = [mf.train(game, mf.IQL(0.3, discount=0.9), episodes=30, runs=2, seed=4, backend=backend)
            for backend in ("cython", "numpy")]
    assert runs[0].q.tobytes() == runs[1].q.tobytes() and runs[0].returns.tobytes() == runs[1].returns.tobytes()
    runs[0].save(tmp_path / "run.npz")
    kept = mf.load(tmp_path / "run.npz").experiment.game
    assert kept == game and kept.participation == ("to_act",) and kept.discounting == game.discounting


def test_facts_of_games_in_turns_are_of_what_can_be_done():
    """Agent 0 acts in state 0, agent 1 in state 1; what both would do together (cell 3) cannot come."""
    rewards = np.zeros((2, 4, 2))
    rewards[:, 3] = [5.0, 7.0]
    rewards[0, 2], rewards[1, 1] = [1.0, -1.0], [-2.0, 2.0]
    given = np.array([[0, 0, 1, 0], [0, 1, 0, 1]]), rewards, (2, 2)
    game = mf.games.MarkovGame(*given, to_act=[0, 1], horizon=3)
    assert (game.setting, game.reward_bounds) == ("competitive", (-2.0, 2.0))
    assert mf.games.MarkovGame(*given, horizon=3).setting == "mixed"
    # State 1 leads only to itself whatever agent 1 does, and what agent 0 would do does not lead out of it.
    with pytest.raises(ValueError, match="terminal: state 1 leads only to itself"):
        mf.games.MarkovGame(np.array([[1, 1, 1, 1], [1, 1, 2, 2], [2, 2, 2, 2]]), np.zeros((3, 4, 2)), (2, 2),
                            to_act=[0, 1, 0], terminal=[False, False, True])


@pytest.mark.parametrize("u", [1.0, -1e-9, np.nan, np.inf, 1e300])
def test_draws_outside_are_refused_and_change_nothing(module, u):
    game, state, rewards, ended = lottery(module), np.zeros((1, 1)), np.full((1, 2), 7.0), np.ones(1, bool)
    with pytest.raises(ValueError, match=r"^step: a draw lies outside \[0, 1\)$"):
        game.step(state, np.zeros((1, 2), np.int32), np.array([[u]]), np.zeros((1, 0)), rewards, ended)
    with pytest.raises(ValueError, match=r"^start: a draw lies outside \[0, 1\)$"):
        game.start(state, np.array([[u]]), np.zeros((1, 0)))
    assert state.tolist() == [[0.0]] and rewards.tolist() == [[7.0, 7.0]] and ended.tolist() == [True]


@pytest.mark.parametrize("obs, expected", [
    ([[4], [0], [9]], [[9], [4]]), ([[4, 5], [0, 1], [9, 2**31 - 1]], [[9, 2**31 - 1], [4, 5]])])
def test_what_is_seen(module, obs, expected):
    game = module("markov").Markov(np.array([1, 1], np.int32), None, np.zeros(3, np.int32), None, np.zeros((3, 2)),
                                   np.array([2.0, 2.0, 2.0]), np.zeros(3, bool), np.array(obs, np.int32))
    observation = np.zeros((2, len(obs[0]), 1))
    game.observe(np.array([[2.0], [0.0]]), observation)
    assert observation[:, :, 0].tolist() == expected
    for state in (3.0, -1.0, 0.5, np.nan):
        with pytest.raises(ValueError, match="^observe: the state is not one of the game's$"):
            game.observe(np.array([[state]]), np.zeros((1, len(obs[0]), 1)))


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


@pytest.mark.parametrize("state", [-1.0, 3.0, 0.5, np.nan, np.inf, -np.inf, 1e300])
def test_states_outside_are_refused_and_change_nothing(module, state):
    states, rewards = np.array([[state]]), np.full((1, 2), 7.0)
    with pytest.raises(ValueError, match="^step: the state is not one of the game's$"):
        certain(module).step(states, np.zeros((1, 2), np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards,
                             np.zeros(1, bool))
    assert states.tobytes() == np.array([[state]]).tobytes() and rewards.tolist() == [[7.0, 7.0]]


def test_it_cannot_say_what_were_without_an_agent(module):
    with pytest.raises(ValueError, match="^counterfactual: this game cannot say"):
        certain(module).counterfactual(np.zeros((1, 1)), np.zeros((1, 2), np.int32), np.zeros((1, 2)), np.zeros((1, 2)))


def test_no_runs(module):
    assert stepped(certain(module), [], np.zeros((0, 2))) == ([], [], [])


HOSTILE = [-1.0, -0.0, 0.5, 1e300, -1e300, np.nan, np.inf, 2.0**31, 2.0**63]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(1, 6), st.booleans(), st.booleans(),
       st.sampled_from([None, "all", "each"]), st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_step_alike(actions, states, is_certain, own, obs, hostile, seed):
    """Run by run, so that a refused run is compared too: the same message, and whatever was written or not."""
    generator = np.random.default_rng(seed)
    agents, cells = len(actions), states * int(np.prod(actions))
    counts = np.array(actions, np.int32)
    first = None if is_certain else np.concatenate([[0], np.cumsum(generator.integers(1, 7, cells))])
    outcomes = cells if is_certain else int(first[-1])
    # Chances in eighths, so that some are 0 and some draws fall on an edge; not even in order where all is hostile.
    sums = None if is_certain else generator.integers(0, 9, outcomes) / 8.0
    if not is_certain and not hostile:
        for low, high in zip(first[:-1], first[1:], strict=True):
            sums[low:high].sort()
    arguments = (counts, first, generator.integers(0, states, outcomes).astype(np.int32), sums,
                 generator.normal(size=(outcomes if own else cells, agents)), np.sort(generator.random(states)),
                 generator.random(states) < 0.3,
                 None if obs is None else generator.integers(0, 9, (states, agents if obs == "each" else 1)).astype(
                     np.int32))
    steps = []
    for _ in range(20):
        taken, u = (generator.random((1, agents)) * counts).astype(np.int32), generator.integers(0, 8, (1, 1)) / 8.0
        state = None
        if hostile:
            state = generator.choice(HOSTILE) if generator.random() < 0.2 else None
            u[:] = generator.choice(HOSTILE) if generator.random() < 0.2 else u
            taken[0, 0] = generator.choice([-1, 3, 2**31 - 1, -(2**31)]) if generator.random() < 0.2 else taken[0, 0]
        steps.append((taken, u, state))
    traces = []
    for backend in ("cython", "numpy"):
        game, state, trace = kernels(backend, "markov").Markov(*arguments), np.zeros((1, 1)), []
        none, got, ends = np.zeros((1, 0)), np.zeros((1, agents)), np.zeros(1, bool)
        observation = np.zeros((1, game.views, 1))
        for taken, u, put in steps:
            state[:] = state if put is None else put
            for call in (lambda: game.step(state, taken, u[:, :game.step_uniforms], none, got, ends),     # noqa: B023
                         lambda: game.observe(state, observation), lambda: game.start(state, u, none)):   # noqa: B023
                try:
                    call()
                except ValueError as error:
                    trace.append(str(error))
                trace.append([a.tobytes() for a in (state, got, ends, observation)])
        traces.append(trace)
    assert traces[0] == traces[1]


# -- definitions ---------------------------------------------------------------------------------

def dense_of(game):
    """The same game with transitions [S, J, S]; outcomes that lead to the same state must pay the same."""
    table, states = game.table, len(game.terminal)
    joint = (len(table.first) - 1) // states
    transitions, rewards = np.zeros((states, joint, states)), np.zeros((states, joint, states, game.agents))
    for cell in range(states * joint):
        for k in range(table.first[cell], table.first[cell + 1]):
            at = (cell // joint, cell % joint, table.successors[k])
            transitions[at] += table.probabilities[k]
            rewards[at] = table.rewards[k if table.own else cell]
    return mf.games.MarkovGame(transitions, rewards, game.actions, start=game.start, terminal=game.terminal,
                               horizon=game.horizon, obs=game.obs)


def walked(game, backend="cython", steps=300):
    """Bytes of what a random team meets."""
    env, generator, trace = game.env(runs=3, seed=4, backend=backend), np.random.default_rng(2), []
    env.reset()
    for _ in range(steps):
        actions = (generator.random((3, game.agents)) * game.action_counts).astype(np.int32)
        observed, rewards, terminated, truncated = env.step(actions)
        trace += [np.array(a).tobytes() for a in (env.state, observed, rewards, terminated, truncated)]
        if (terminated | truncated).any():
            env.reset(terminated | truncated)
    return trace


def random_outcomes(generator, states, joint, agents, own):
    """Outcomes of every state and joint action, no successor twice, in any order."""
    rows = [(s, j, n, p) for s in range(states) for j in range(joint)
            for n, p in zip(*_chances(generator, states), strict=True)]
    generator.shuffle(rows)
    state, joint_action, successor, probability = zip(*rows, strict=True)
    rewards = generator.normal(size=(len(rows), agents)) if own else None
    return Outcomes(states, state, joint_action, successor, probability, rewards)


def _chances(generator, states):
    count = generator.integers(1, states + 1)
    return generator.choice(states, count, replace=False).tolist(), generator.dirichlet(np.ones(count)).tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("own", [False, True])
def test_lists_and_dense_arrays_are_the_same_game_draw_by_draw(seed, own):
    generator = np.random.default_rng(seed)
    outcomes = random_outcomes(generator, 5, 4, 2, own)
    game = mf.games.MarkovGame(outcomes, "own" if own else generator.normal(size=(5, 4, 2)), (2, 2), horizon=7,
                               start=generator.dirichlet(np.ones(5)))
    assert walked(game) == walked(dense_of(game)) == walked(game, "numpy", 300)


def test_successors_and_dense_arrays_are_the_same_game():
    game = successor_game()
    assert game.kernel().step_uniforms == 0 and walked(game) == walked(dense_of(game))


def test_a_sparse_matrix_is_taken():
    sparse = pytest.importorskip("scipy.sparse")
    game = chance_game()
    for kind in (sparse.csr_matrix, sparse.coo_array, sparse.csc_array):
        other = mf.games.MarkovGame(kind(game.transitions.reshape(24, 4)), game.rewards, game.actions,
                                    start=game.start, terminal=game.terminal, horizon=game.horizon)
        assert walked(other) == walked(game)
    with pytest.raises(ValueError, match=r"^transitions: expected a sparse matrix of shape \(S \* 6, S\).*\(23, 4\)"):
        mf.games.MarkovGame(sparse.csr_matrix(game.transitions.reshape(24, 4)[:23]), game.rewards, game.actions)


def test_entries_of_a_sparse_matrix_given_twice_are_added_up():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.coo_matrix(([0.25, 0.25, 0.5, 1.0], ([0, 0, 0, 1], [1, 1, 0, 0])), shape=(2, 2))
    game = mf.games.MarkovGame(matrix, np.ones((2, 1)), (1,), horizon=3)
    assert game.transitions.probability.tolist() == [0.5, 0.5, 1.0]


def test_outcomes_are_kept_in_order_without_impossible_ones():
    outcomes = Outcomes(2, [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1], [1, 0.25, 0.75, 0.0], [1, 2, 3, 4])
    assert (outcomes.state.tolist(), outcomes.successor.tolist()) == ([0, 0, 1], [0, 1, 0])
    assert (outcomes.probability.tolist(), outcomes.rewards.tolist()) == ([0.75, 0.25, 1.0], [3.0, 2.0, 1.0])


def test_rewards_of_the_next_state():
    # One state in two: who stays earns 1, who leaves 5.
    rewards = np.zeros((2, 1, 2, 1))
    rewards[:, 0, :, 0] = [[1.0, 5.0], [5.0, 1.0]]
    game = mf.games.MarkovGame(np.full((2, 1, 2), 0.5), rewards, (1,), horizon=3)
    kernel = game.kernel()
    assert stepped(kernel, [0, 0, 1, 1], [[0]] * 4, [0.2, 0.7, 0.2, 0.7])[:2] == (
        [0, 1, 0, 1], [[1.0], [5.0], [5.0], [1.0]])
    assert game.reward_bounds == (1.0, 5.0)
    assert mf.registry.from_dict("game", game.to_dict()) == game


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_through_plain_values_and_through_a_file(game, tmp_path):
    values = json.loads(json.dumps(game.to_dict()))
    again = mf.registry.from_dict("game", values)
    assert again == game and walked(again, steps=20) == walked(game, steps=20)
    run = mf.train(game, mf.IQL(), steps=50, seed=1)
    run.save(tmp_path / "run.npz")
    assert mf.load(tmp_path / "run.npz").experiment.game == game


def test_games_that_differ_in_outcomes_differ():
    game = sparse_game()
    other = Outcomes(**{k: v for k, v in game.transitions.to_dict().items() if k != "name"} | {
        "probability": [0.5, 0.25, 0.25, 0.5, 0.5, 1, 1, 1, 1]})
    assert mf.games.MarkovGame(other, "own", (2, 1), terminal=game.terminal, obs=game.obs) != game


@pytest.mark.parametrize("payoffs, setting", [
    (([[1, 2], [3, 4]],), "cooperative"), (([[1, -1], [-1, 1]], [[-1, 1], [1, -1]]), "competitive"),
    (([[3, 0], [5, 1]], [[3, 5], [0, 1]]), "mixed"), (([[0.1, 0.2]], [[-0.1, -0.2]]), "competitive"),
    ((np.ones((2, 2, 2)), -np.ones((2, 2, 2)), np.zeros((2, 2, 2))), "mixed")])
def test_setting_and_reward_bounds_follow_from_the_rewards(payoffs, setting):
    game = mf.games.MatrixGame(*payoffs)
    assert game.setting == setting
    assert game.reward_bounds == (np.min(payoffs), np.max(payoffs))


def test_terminal_states_pay_nobody():
    game = mf.games.MarkovGame([[1], [0]], [[2.0], [100.0]], (1,), terminal=[False, True])
    assert game.reward_bounds == (2.0, 2.0)


def test_a_thousand_states_take_little_memory():
    # Dense transitions would take 8 * 4 * 100_000**2 bytes, 320 GB.
    states = 100_000
    game = mf.games.MarkovGame(np.tile(np.arange(states)[:, None], 4), np.ones((states, 4)), (2, 2), horizon=5)
    assert mf.train(game, mf.IQL(), episodes=3).returns.shape == (1, 3, 2)


def test_what_cannot_fit_is_refused_with_its_bytes():
    outcomes = Outcomes(2**31 - 1, [0], [0], [0])
    with pytest.raises(MemoryError, match=r"^rewards: .* need about 10\*\*7 GB, more than there is"):
        mf.games.MarkovGame(outcomes, [[0.0]], (10**6,), horizon=1)


def listed(**changes):
    """Outcomes of a sound game of two states and one agent with two actions."""
    return Outcomes(**{"states": 2, "state": [0, 0, 1, 1], "joint": [0, 1, 0, 1], "successor": [0, 1, 1, 0],
                       "probability": [1, 1, 1, 1]} | changes)


def game_of(**changes):
    return mf.games.MarkovGame(**{"transitions": listed(), "rewards": np.ones((2, 2)), "actions": (2,)} | changes)


@pytest.mark.parametrize("make, message", [
    (lambda: listed(states=0), "states: expected 1 to 2147483647, got 0"),
    (lambda: listed(states=1), "state[2]: expected 0 to 0, got 1"),
    (lambda: listed(successor=[0, 1, 2, 0]), "successor[2]: expected 0 to 1, got 2"),
    (lambda: listed(successor=[0, 1, -1, 0]), "successor[2]: expected 0 to 1, got -1"),
    (lambda: listed(state=[0, 0, 0.5, 1]), "state: expected an array of whole numbers, got [0, 0, 0.5, 1]"),
    (lambda: listed(state=["a"]), "state: expected an array of whole numbers, got ['a']"),
    (lambda: listed(state=[[0], 1]), "state: expected an array of whole numbers, got [[0], 1]"),
    (lambda: listed(state=None), "state: expected an array of whole numbers, got None"),
    (lambda: listed(state=[np.nan] * 4), "state: expected an array of whole numbers, got [nan, nan, nan, nan]"),
    (lambda: listed(state=[1e30] * 4), "state: expected an array of whole numbers, got [1e+30, 1e+30, 1e+30, 1e+30]"),
    (lambda: listed(joint=[[0, 1, 0, 1]]), "joint: expected 1 dimensions, got 2 (shape (1, 4))"),
    (lambda: listed(joint=[0, -1, 0, 1]), "joint[1]: expected 0 to 4611686018427387903, got -1"),
    (lambda: listed(joint=[0, 1]),
     "outcomes: expected arrays of one length, got {'state': 4, 'joint': 2, 'successor': 4, 'probability': 4}"),
    (lambda: Outcomes(1, [], [], []), "outcomes: expected at least one, got none"),
    (lambda: listed(probability=[1, 1, np.nan, 1]), "probability[2]: expected a finite number, got nan"),
    (lambda: listed(probability=[1, 1, -1, 1]), "probability[2]: expected a probability, got -1.0"),
    (lambda: listed(probability=[1, 1, 1, 0.9]), "transitions[1, 1]: expected probabilities that sum to 1, got 0.9"),
    (lambda: listed(state=[0, 0, 0, 1], joint=[0, 1, 1, 1], probability=[1, 0.5, 0.5, 1]),
     "transitions[0, 1]: state 1 is listed twice; add the probabilities up"),
    (lambda: listed(rewards=[1, 2, np.inf, 3]), "rewards[2]: expected a finite number, got inf"),
    (lambda: game_of(transitions=listed(joint=[0, 1, 0, 2])), "transitions[1, 2]: expected joint actions 0 to 1"),
    (lambda: game_of(transitions=listed(probability=[1, 1, 1, 1], joint=[0, 1, 0, 0], state=[0, 0, 1, 1],
                                        successor=[0, 1, 1, 0])),
     "transitions[1, 0]: expected probabilities that sum to 1, got 2"),
    (lambda: game_of(transitions=Outcomes(2, [0, 0, 1], [0, 1, 1], [1, 0, 0])),
     "transitions[1, 0]: no outcome is listed; each joint action needs one in every state that is not terminal"),
    (lambda: game_of(transitions=listed(rewards=[1, 2, 3, 4])),
     "rewards: the outcomes have rewards of their own; give 'own' here, not array([[1., 1.],"),
    (lambda: game_of(transitions=listed(rewards=[[1, 2]] * 4), rewards="own"),
     "rewards: expected outcomes with rewards of shape (K,) or (K, 1), got (4, 2)"),
    (lambda: game_of(rewards=None), "rewards: expected"),
    (lambda: game_of(rewards="own"), "rewards: expected an array of float64, got 'own'"),
    (lambda: game_of(transitions=[[0, 1], [1, 2]]), "transitions[1, 1]: expected 0 to 1, got 2"),
    (lambda: game_of(transitions=[[0, 1], [1, -1]]), "transitions[1, 1]: expected 0 to 1, got -1"),
    (lambda: game_of(transitions=[[0, 1, 1]]),
     "transitions: expected next states of shape (S, 2), S at least 1, for actions (2,); got (1, 3)"),
    (lambda: game_of(transitions=[[0, 1], [1, 0]], rewards=np.zeros((2, 2, 2, 1))),
     "rewards: expected 2 or 3 dimensions, got 4 (shape (2, 2, 2, 1))"),
    (lambda: game_of(transitions=np.eye(2)[[[0, 1], [1, 0]]], rewards=np.zeros((2, 2, 1, 1))),
     "rewards: expected shape (2, 2, 1) or (2, 2) or (2, 2, 2, 1), got (2, 2, 1, 1)"),
    (lambda: game_of(transitions="outcomes"), "transitions: Outcomes.__init__() missing 4 required"),
    (lambda: game_of(transitions={"name": "outcome"}), "unknown transitions 'outcome'; did you mean 'outcomes'?"),
    (lambda: game_of(transitions="abc"), "transitions: expected an array or outcomes, got 'abc'"),
    (lambda: game_of(obs=[0]), "obs: expected shape (2,) or (2, 1), got (1,)"),
    (lambda: game_of(obs=[0, -1]), "obs[1]: expected 0 to 2147483646, got -1"),
    (lambda: game_of(transitions=[[0, 0], [1, 1]], rewards=[[0, 0], [0, 0]]),
     "terminal: state 0 leads only to itself and pays nothing, so an episode that comes there never ends; mark it in "
     "terminal, or give a horizon"),
    (lambda: game_of(transitions=[[0, 1], [1, 1]], rewards=[[1, 1], [0, 0]]),
     "terminal: state 1 leads only to itself and pays nothing, so an episode that comes there never ends; mark it in "
     "terminal, or give a horizon"),
    (lambda: game_of(transitions=[[0, 0], [1, 1]], terminal=[False, True]),
     "terminal: state 1 can never be reached from the start, nor can any other terminal state, and without a horizon "
     "no episode would end; give a horizon, or correct transitions, start or terminal"),
])
def test_bad_input(make, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_endless_games_that_are_meant():
    # A repeated game of one state that pays nothing; a state for ever that pays; one that nobody reaches; a horizon.
    for game in (mf.games.MarkovGame([[0, 0]], [[0, 0]], (2,)),
                 game_of(transitions=[[0, 1], [1, 1]], rewards=[[0, 0], [0, 1]]),
                 game_of(transitions=[[0, 0], [1, 1]], rewards=[[1, 0], [0, 0]])):
        assert mf.train(game, mf.IQL(), steps=7, seed=0).episodes.tolist() == [0]
    for game in (game_of(transitions=[[0, 1], [1, 1]], rewards=[[1, 1], [0, 0]], horizon=3),
                 game_of(transitions=[[0, 0], [1, 1]], terminal=[False, True], horizon=3)):
        assert mf.train(game, mf.IQL(), steps=7, seed=0).episodes.tolist() == [2]


def test_terminal_states_need_no_outcomes():
    outcomes = Outcomes(3, [0, 0, 0], [0, 1, 1], [0, 1, 2], [1.0, 0.25, 0.75], [[1, 0], [2, 0], [3, 0]])
    game = mf.games.MarkovGame(outcomes, "own", (2, 1), terminal=[False, True, True])
    kernel = game.kernel()
    assert stepped(kernel, [0, 0, 1, 2], [[1, 0]] * 4, [0.24, 0.25, 0.5, 0.5]) == (
        [1.0, 2.0, 1.0, 2.0], [[2, 0], [3, 0], [0, 0], [0, 0]], [True, True, True, True])


def test_reachable_states():
    # 0 -> 1 -> 2 (terminal, leads to 3), 4 leads to 0.
    game = mf.games.MarkovGame([[1], [2], [3], [3], [0]], np.ones((5, 1)), (1,), terminal=[0, 0, 1, 0, 0])
    happens, all_of_them = ~game.terminal, np.ones(5, bool)
    assert game.table.reachable(game.start > 0, happens).tolist() == [True, True, True, False, False]
    assert game.table.reachable(game.start > 0, all_of_them).tolist() == [True, True, True, True, False]
    assert game.table.reachable(np.arange(5) == 4, all_of_them).all()
    assert game.table.reachable(game.terminal, happens).tolist() == [False, False, True, False, False]


# -- games that become arrays --------------------------------------------------------------------

@dataclass(frozen=True, repr=False, eq=False)
class Corridor(Tabular):
    """One agent walks a corridor of some rooms to its end; not registered, it has no name."""

    rooms: int = 3
    horizon: int = 9

    def arrays(self):
        here = np.arange(self.rooms)
        successors = np.stack([np.maximum(here - 1, 0), np.minimum(here + 1, self.rooms - 1)], axis=1)
        return mf.games.MarkovGame(successors, np.full((self.rooms, 2), -1.0), (2,), terminal=here == self.rooms - 1,
                                   horizon=self.horizon)


def test_a_game_of_few_parameters_has_the_facts_of_its_arrays():
    game = Corridor(4)
    assert (game.agents, game.action_counts.tolist(), game.observations, game.views, game.features) == (1, [2], 4, 1, 1)
    assert (game.ends, game.horizon, game.setting, game.reward_bounds) == (True, 9, "cooperative", (-1.0, -1.0))
    assert game.markov is game.markov and game == Corridor(4) and game != Corridor(5)
    assert game.to_dict() == {"name": None, "rooms": 4, "horizon": 9}
    run = mf.train(game, mf.IQL(0.5), episodes=300)
    assert mf.evaluate(game, run, episodes=2).lengths.tolist() == [[3, 3]]
    with pytest.raises(NotImplementedError):
        Tabular().kernel()
