"""Kernels of repeated games: histories and outcomes by hand, hostile input, and equality of both backends.

Joint action j of two agents with 2 and 3 actions is ``3 * a0 + a1``; the state is the number of the last joint actions.
"""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marlfast.backends import kernels

BELOW_ONE = 1.0 - 2.0**-53
COUNTS = np.array([2, 3], np.int32)


def made(module, memory=0, shorter=False, begin=0, rewards=None, chances=None, counts=COUNTS):
    """A game whose rewards are 10 * joint action + outcome for agent 0, and one half less for each further agent."""
    joint = int(np.prod(counts))
    if rewards is None:
        outcomes = 1 if chances is None else chances.shape[-1]
        rewards = (10.0 * np.arange(joint)[:, None, None] + np.arange(outcomes)[:, None] - np.arange(len(counts)) / 2.0)
        rewards = np.ascontiguousarray(rewards)
    return module("matrix").Repeated(counts, rewards, chances, memory, shorter, begin)


def stepped(game, state, actions, uniforms=None):
    """State, rewards and terminated after one step of every run."""
    state = np.array(state, np.float64).reshape(-1, 1)
    runs = len(state)
    rewards, terminated = np.full((runs, game.agents), np.nan), np.ones(runs, bool)
    uniforms = np.zeros((runs, game.step_uniforms)) if uniforms is None else np.array(uniforms, float).reshape(runs, -1)
    game.step(state, np.array(actions, np.int32), uniforms, np.zeros((runs, 0)), rewards, terminated)
    return state.ravel().tolist(), rewards.tolist(), terminated.tolist()


def walked(game, state, joints, counts=COUNTS):
    """States after each of several joint actions, by number."""
    states = []
    for joint in joints:
        state = stepped(game, [state], [np.unravel_index(joint, counts)])[0][0]
        states.append(state)
    return states


def started(game, uniforms=()):
    state = np.full((1, 1), np.nan)
    game.start(state, np.array(uniforms, float).reshape(1, -1), np.zeros((1, 0)))
    return state[0, 0]


# -- by hand --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, draws", [
    ({}, (0, 0)), ({"memory": 2}, (0, 0)), ({"memory": 1, "begin": -1}, (0, 1)),
    ({"chances": np.array([0.5, 2.0])}, (1, 0)), ({"chances": np.full((6, 3), 2.0), "begin": -1}, (1, 1)),
])
def test_facts(module, options, draws):
    game = made(module, **options)
    assert (game.agents, game.state_size, game.views, game.features) == (2, 1, 1, 1)
    assert (game.step_uniforms, game.start_uniforms) == draws
    assert (game.step_normals, game.start_normals) == (0, 0)


def test_without_memory_there_is_one_state(module):
    game = made(module)
    assert started(game) == 0.0
    for joint in range(6):
        # Rewards 10 j and 10 j - 1/2; nothing ends.
        assert stepped(game, [0], [divmod(joint, 3)]) == ([0.0], [[10.0 * joint, 10.0 * joint - 0.5]], [False])


def test_one_round_is_its_joint_action(module):
    assert walked(made(module, 1), 4.0, [5, 0, 3, 3]) == [5.0, 0.0, 3.0, 3.0]


def test_two_rounds_are_two_digits(module):
    # Six joint actions, the most recent the least significant: 5 then 1 is 5 * 6 + 1; what came before is gone.
    assert walked(made(module, 2), 0.0, [5, 1, 0, 4]) == [5.0, 31.0, 6.0, 4.0]


def test_three_rounds(module):
    # 35 = (5, 5) in two digits of three; 0 5 5 -> 5 5 2 = (5 * 6 + 5) * 6 + 2 -> 5 2 1 = (5 * 6 + 2) * 6 + 1.
    assert walked(made(module, 3), 35.0, [2, 1]) == [212.0, 193.0]


def test_shorter_histories_follow_the_full_ones(module):
    # 36 full ones, then the empty one (36), then those of one round (37 + j). From there to two digits.
    game = made(module, 2, shorter=True, begin=36)
    assert started(game) == 36.0
    for first in range(6):
        assert walked(game, 36.0, [first, 4, 2]) == [37.0 + first, 6.0 * first + 4.0, 26.0]


def test_a_history_of_three_grows_through_every_length(module):
    # Two joint actions: 8 full, then 8 (empty), 9 + j, 11 + (2 j + k); joint actions 1, 0, 1 are 101 = 5, then 011 = 3.
    game = made(module, 3, shorter=True, begin=8, counts=np.array([2], np.int32))
    assert walked(game, 8.0, [1, 0, 1, 1], counts=(2,)) == [10.0, 13.0, 5.0, 3.0]


def test_with_a_single_joint_action_only_the_length_grows(module):
    game = made(module, 3, shorter=True, begin=1, counts=np.array([1, 1], np.int32))
    assert walked(game, 1.0, [0] * 5, counts=(1, 1)) == [2.0, 3.0, 0.0, 0.0, 0.0]
    assert walked(made(module, 3, counts=np.array([1], np.int32)), 0.0, [0, 0], counts=(1,)) == [0.0, 0.0]


def test_tit_for_tat_by_the_numbers(module):
    # Agent 1 copies what agent 0 did in the round that the state remembers: state // 2 is agent 0's action.
    game, state, copied = made(module, 1, counts=np.array([2, 2], np.int32)), 0.0, []
    for own in (1, 0, 0, 1, 1, 0):
        reply = int(state) // 2
        copied.append(reply)
        state = stepped(game, [state], [[own, reply]])[0][0]
    assert copied == [0, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("u, state", [(0.0, 0), (1 / 36 - 1e-9, 0), (1 / 36 + 1e-9, 1), (0.5, 18), (BELOW_ONE, 35)])
def test_a_start_at_any_history(module, u, state):
    assert started(made(module, 2, begin=-1), [u]) == state


def test_a_start_at_any_history_never_takes_a_shorter_one(module):
    game = made(module, 1, shorter=True, begin=-1)
    assert {started(game, [u]) for u in np.linspace(0.0, BELOW_ONE, 50)} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}


def test_a_given_start(module):
    assert started(made(module, 2, begin=17)) == 17.0


@pytest.mark.parametrize("u, outcome", [(0.0, 0), (np.nextafter(0.25, 0), 0), (0.25, 1), (0.5, 2), (BELOW_ONE, 2)])
def test_outcomes_by_inverse_transform(module, u, outcome):
    # Probabilities 1/4, 1/4, 1/2.
    game = made(module, chances=np.array([0.25, 0.5, 2.0]))
    assert stepped(game, [0], [[1, 1]], [u])[1] == [[40.0 + outcome, 39.5 + outcome]]


def test_outcomes_have_the_chances_of_their_joint_action(module):
    chances = np.full((6, 2), 2.0)
    chances[4, 0], chances[5, 0] = 0.5, 0.0     # joint action 4: a coin; 5: always the second; all else: the first
    game = made(module, chances=chances)
    actions = [[0, 0], [1, 1], [1, 1], [1, 2], [1, 2]]
    assert [r[0] for r in stepped(game, [0] * 5, actions, [0.9, 0.4, 0.6, 0.0, 0.9])[1]] == [0, 40, 41, 51, 51]


def test_all_see_the_state(module):
    game, observation = made(module, 2), np.zeros((3, 1, 1))
    game.observe(np.array([[3.0], [35.0], [0.0]]), observation)
    assert observation.ravel().tolist() == [3.0, 35.0, 0.0]


def test_as_many_histories_as_can_be_numbered(module):
    # 2**30 full histories and 2**30 - 1 shorter ones: the last is all ones, 30 rounds of which the oldest goes.
    counts = np.array([2], np.int32)
    game = made(module, 30, shorter=True, begin=2**30, counts=counts)
    assert walked(game, 2.0**30 - 1, [1, 0], counts=(2,)) == [2.0**30 - 1, 2.0**30 - 2]
    # The last of the shorter ones is 29 ones: then 30.
    assert walked(game, 2.0**31 - 2, [1], counts=(2,)) == [2.0**30 - 1]
    game = made(module, 3, counts=np.array([1290], np.int32))       # 1290 ** 3 = 2,146,689,000
    assert walked(game, 2146688999.0, [7], counts=(1290,)) == [1289 * 1290**2 + 1289 * 1290 + 7]


def test_no_runs(module):
    assert stepped(made(module, 1), [], np.zeros((0, 2))) == ([], [], [])


def test_it_cannot_say_what_were_without_an_agent(module):
    with pytest.raises(ValueError, match="^counterfactual: this game cannot say"):
        made(module).counterfactual(np.zeros((1, 1)), np.zeros((1, 2), np.int32), np.zeros((1, 2)), np.zeros((1, 2)))


# -- hostile input --------------------------------------------------------------------------------

STATE, ACTION, DRAW = "the state is not one", "an action lies outside", "a draw lies outside"


@pytest.mark.parametrize("state, actions, u, message", [
    *((s, [0, 0], 0.5, STATE) for s in (-1.0, 43.0, 0.5, np.nan, np.inf, -np.inf, 1e300, -1e300, 2.0**63)),
    *((0.0, a, 0.5, ACTION) for a in ([2, 0], [0, 3], [-1, 0], [0, -1], [2**31 - 1, 0], [0, -(2**31)])),
    *((0.0, [0, 0], u, DRAW) for u in (-1e-9, 1.0, np.nan, np.inf, -np.inf, 1e300)),
    (-1.0, [9, 9], 7.0, STATE), (0.0, [9, 9], 7.0, ACTION),       # what is looked at first
])
def test_what_cannot_be_played_is_refused_and_changes_nothing(module, state, actions, u, message):
    game = made(module, 2, shorter=True, begin=36, chances=np.array([0.5, 2.0]))
    states, rewards, terminated = np.array([[state]]), np.full((1, 2), 7.0), np.ones(1, bool)
    with pytest.raises(ValueError, match=f"^step: {message}"):
        game.step(states, np.array([actions], np.int32), np.array([[u]]), np.zeros((1, 0)), rewards, terminated)
    assert states.tobytes() == np.array([[state]]).tobytes() and rewards.tolist() == [[7.0, 7.0]] and terminated[0]


@pytest.mark.parametrize("u", [-1e-9, 1.0, np.nan, np.inf])
def test_a_start_by_no_draw_is_refused(module, u):
    state = np.full((1, 1), 3.0)
    with pytest.raises(ValueError, match="^start: a draw lies outside"):
        made(module, 1, begin=-1).start(state, np.array([[u]]), np.zeros((1, 0)))
    assert state[0, 0] == 3.0


def test_shorter_histories_without_numbers_are_no_states(module):
    with pytest.raises(ValueError, match=STATE):
        stepped(made(module, 1), [6.0], [[0, 0]])


BAD = [
    ({"counts": np.zeros(0, np.int32), "rewards": np.zeros((1, 1, 0))}, ValueError, "actions: expected at least one"),
    ({"counts": np.array([2, 0], np.int32)}, ValueError, "actions: agent 1 needs at least 1 action"),
    ({"counts": COUNTS.astype(np.int64)}, TypeError, "actions: expected int32"),
    ({"rewards": np.zeros((5, 1, 2))}, ValueError, "rewards: expected shape"),
    ({"rewards": np.zeros((6, 1, 3))}, ValueError, "rewards: expected shape"),
    ({"rewards": np.zeros((6, 2))}, ValueError, "rewards: expected shape"),
    ({"rewards": np.zeros((6, 0, 2))}, ValueError, "rewards: expected at least one outcome"),
    ({"rewards": np.zeros((6, 1, 2), np.float32)}, TypeError, "rewards: expected float64"),
    ({"rewards": np.zeros((6, 1, 4))[:, :, ::2]}, ValueError, "rewards: expected a C-contiguous"),
    ({"rewards": np.zeros((6, 2, 2))}, TypeError, "chances: expected a NumPy array"),
    ({"rewards": np.zeros((6, 2, 2)), "chances": np.zeros(3)}, ValueError, "chances: expected shape"),
    ({"rewards": np.zeros((6, 2, 2)), "chances": np.zeros((5, 2))}, ValueError, "chances: expected shape"),
    ({"rewards": np.zeros((6, 2, 2)), "chances": np.zeros((6, 2, 1))}, ValueError, "chances: expected shape"),
    ({"counts": np.array([2**31 - 1] * 5, np.int32), "rewards": np.zeros((1, 1, 5))}, ValueError, "rewards: expected"),
    ({"memory": -1}, ValueError, "memory: expected 0 or more"),
    ({"memory": 12}, ValueError, "memory: expected 0 or more, and at most 2147483647"),
    ({"memory": 10**9}, ValueError, "memory: expected 0 or more"),
    ({"memory": 31, "counts": np.array([2], np.int32)}, ValueError, "memory: expected 0 or more"),
    ({"memory": 2**31, "counts": np.array([1], np.int32)}, ValueError, "memory: expected 0 or more"),
    ({"begin": -2}, ValueError, "begin: expected a state from 0 to 0, or -1, got -2"),
    ({"memory": 1, "begin": 6}, ValueError, "begin: expected a state from 0 to 5"),
    ({"memory": 1, "begin": 7, "shorter": True}, ValueError, "begin: expected a state from 0 to 6"),
]


@pytest.mark.parametrize("options, error, message", BAD, ids=range(len(BAD)))
def test_what_cannot_be_a_game_is_refused(module, options, error, message):
    with pytest.raises(error, match=f"^{message}"):
        made(module, **options)


def test_both_backends_refuse_in_the_same_words():
    for options, error, _ in BAD:
        texts = []
        for backend in ("cython", "numpy"):
            with pytest.raises(error) as caught:
                made(lambda name, backend=backend: kernels(backend, name), **options)
            texts.append(str(caught.value))
        assert texts[0] == texts[1]


# -- both backends --------------------------------------------------------------------------------

STRANGE = st.sampled_from([np.nan, np.inf, -np.inf, -1.0, -0.0, 0.5, 1e300, 2.0**53, 2.0**31])


def tried(game, state, actions, uniforms):
    """State, rewards, ends and error of one run's step, as bytes."""
    state, rewards, ends, error = state.copy(), np.full((1, game.agents), 5.0), np.ones(1, bool), ""
    try:
        game.step(state, actions, uniforms, np.zeros((1, 0)), rewards, ends)
    except ValueError as refusal:
        error = str(refusal)
    return state.tobytes(), rewards.tobytes(), ends.tobytes(), error


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 4), st.booleans(), st.integers(1, 4),
       st.booleans(), st.integers(0, 2**32 - 1), st.lists(STRANGE, min_size=3, max_size=3))
def test_both_backends_play_alike(actions, memory, shorter, outcomes, each, seed, strange):
    generator = np.random.default_rng(seed)
    counts, joint = np.array(actions, np.int32), int(np.prod(actions))
    rewards = generator.normal(size=(joint, outcomes, len(actions)))
    # Not even in order: the kernels only have to agree, and to stay inside.
    chances = generator.integers(0, 9, (joint, outcomes) if each else outcomes) / 8.0
    chances.flat[0] = strange[0]
    runs = 5
    games = [kernels(backend, "matrix").Repeated(counts, rewards, chances, memory, shorter, -1)
             for backend in ("cython", "numpy")]
    states = [np.zeros((runs, 1)) for _ in games]
    begin, draws = generator.random((runs, 1)), generator.integers(0, 8, (9, runs, games[0].step_uniforms)) / 8.0
    most = joint**memory + (sum(joint**m for m in range(memory)) if shorter else 0)
    for k in range(2):
        games[k].start(states[k], begin, np.zeros((runs, 0)))
        states[k][0] = most - 1
    for step in range(9):
        taken = (generator.random((runs, len(actions))) * counts).astype(np.int32)
        traces = []
        for game, state in zip(games, states, strict=True):
            paid, ends = np.zeros((runs, len(actions))), np.ones(runs, bool)
            game.step(state, taken, draws[step], np.zeros((runs, 0)), paid, ends)
            assert (state >= 0).all() and (state < most).all() and not ends.any()
            traces.append([a.tobytes() for a in (state, paid, ends)])
        assert traces[0] == traces[1]
    bad = taken[:1].copy()
    bad.flat[seed % bad.size] = generator.choice([-1, counts.max(), 2**31 - 1, -(2**31)])
    for state in (np.array([[s]]) for s in (*strange, float(most), 0.0)):
        for played in (taken[:1], bad):
            for u in (draws[0, :1], np.full_like(draws[0, :1], strange[1])):
                assert tried(games[0], state, played, u) == tried(games[1], state, played, u)
