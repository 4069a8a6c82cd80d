"""Cooperative box pushing: rows and optimal values of the published model, invariants, and equality of both backends.

A state is [column, heading, column, heading, pushed]; headings 0 to 3 are north, east, south, west.
"""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import kernels
from marlfast.games.pushing import BoxPushing

EXAMPLES = [
    BoxPushing(),
    BoxPushing(sight="full", reward_for="success", horizon=7),
    BoxPushing(success=0.35, continuing=True, horizon=0),
    BoxPushing(success=1.0, sight="full", continuing=True, horizon=3),
]

LEFT, RIGHT, FORWARD, STAY = range(4)
START = [0, 1, 3, 3, 0]
STATES = [[a, h, b, k, 0] for a in range(3) for b in range(a + 1, 4) for h in range(4) for k in range(4)]
STATES += [[0, 0, 3, 0, pushed] for pushed in (1, 2, 3, 4)]


def stepped(game, states, actions, uniforms=(0.0, 0.0)):
    """States, rewards and ends after one step of each state."""
    state = np.array(states, np.float64)
    rewards, terminated = np.full((len(state), 2), np.nan), np.zeros(len(state), bool)
    actions = np.broadcast_to(np.array(actions, np.int32), (len(state), 2)).copy()
    uniforms = np.broadcast_to(np.array(uniforms, np.float64), (len(state), 2)).copy()
    game.step(state, actions, uniforms, np.zeros((len(state), 0)), rewards, terminated)
    return state, rewards, terminated


def obs_of(game, states):
    observation = np.full((len(states), game.views, 1), np.nan)
    game.observe(np.array(states, np.float64), observation)
    return observation[:, :, 0].astype(int)


@pytest.fixture
def make(module):
    """``make(success, full, on_success, continuing)``: a kernel of the backend under test."""
    return lambda success=0.9, full=False, on_success=False, continuing=False: module("pushing").BoxPushing(
        success, full, on_success, continuing)


@pytest.fixture
def model(make):
    """Transitions [16, 100, 100], rewards [16, 100], observations [100, 2] of the continuing game, by state number."""
    game = make(0.9, True, False, True)
    numbers = obs_of(game, STATES)[:, 0]
    assert sorted(numbers) == list(range(100))
    transitions, rewards, sights = np.zeros((16, 100, 100)), np.zeros((16, 100)), np.zeros((100, 2), int)
    sights[numbers] = obs_of(make(), STATES)
    for joint, first, second in itertools.product(range(16), (True, False), (True, False)):
        chance = (0.9 if first else 0.1) * (0.9 if second else 0.1)
        uniforms = (0.5 if first else 0.95, 0.5 if second else 0.95)
        next_state, earned, terminated = stepped(game, STATES, divmod(joint, 4), uniforms)
        np.add.at(transitions[joint], (numbers, obs_of(game, next_state)[:, 0]), chance)
        rewards[joint, numbers] = earned[:, 0]
        assert not terminated.any() and (earned[:, 0] == earned[:, 1]).all()
    return transitions, rewards, sights


# Rows of boxPushingUAI07.dpomdp: actions, state, what may follow, reward.
PUBLISHED = [
    ((0, 0), 4, {4: 0.01, 7: 0.09, 40: 0.09, 43: 0.81}, -0.2),
    ((2, 2), 4, {0: 0.9, 4: 0.1}, 4.8),
    ((0, 2), 5, {5: 0.01, 9: 0.09, 41: 0.09, 45: 0.81}, -0.2),
    ((2, 2), 12, {0: 0.09, 1: 0.09, 2: 0.81, 12: 0.01}, 19.8),
    ((2, 2), 17, {17: 0.1, 21: 0.9}, -5.2),
    ((2, 2), 23, {19: 0.09, 23: 0.82, 63: 0.09}, -10.2),
    ((2, 2), 24, {1: 0.9, 24: 0.01, 64: 0.09}, 9.8),
    ((2, 2), 27, {23: 0.09, 27: 0.01, 63: 0.81, 67: 0.09}, -0.2),
    ((1, 2), 35, {31: 0.09, 35: 0.01, 43: 0.81, 47: 0.09}, -0.2),
    ((2, 2), 52, {3: 0.81, 52: 0.19}, 99.8),
    ((2, 1), 52, {52: 0.1, 53: 0.9}, -5.2),
    ((2, 2), 56, {1: 0.9, 56: 0.1}, 4.8),
    ((2, 2), 61, {61: 0.1, 65: 0.9}, -5.2),
    ((2, 2), 67, {63: 0.09, 67: 0.82, 91: 0.09}, -10.2),
    ((2, 2), 96, {1: 0.9, 80: 0.09, 96: 0.01}, 9.8),
    ((2, 0), 99, {82: 0.81, 83: 0.09, 98: 0.09, 99: 0.01}, -0.2),
    ((1, 2), 2, {27: 1.0}, 0.0),
]


def test_rows_of_the_published_model(model):
    transitions, rewards, _ = model
    for (first, second), state, next_state, reward in PUBLISHED:
        row = transitions[4 * first + second, state]
        assert {int(k): round(row[k], 12) for k in np.flatnonzero(row)} == next_state, state
        assert rewards[4 * first + second, state] == pytest.approx(reward, abs=1e-12), state


def test_observations_of_the_published_model(model):
    published = {0: (0, 0), 3: (0, 0), 5: (3, 0), 12: (3, 3), 16: (2, 4), 19: (2, 2), 20: (0, 4), 22: (0, 1),
                 27: (0, 0), 35: (1, 0), 52: (4, 4), 54: (4, 1), 56: (4, 3), 59: (4, 0), 62: (2, 1), 87: (4, 2),
                 88: (2, 3), 99: (0, 2)}
    assert {k: tuple(model[2][k].tolist()) for k in published} == published


def _reply(model, horizon, me, other):
    """Value and policy of the best reply to a partner; policies map an agent's past observations to an action."""
    transitions, rewards, sights = model

    def best(past, belief, left):
        found = (-np.inf, {})
        for action in range(4):
            value, next_state = 0.0, {}
            for (state, partner), chance in belief.items():
                theirs = other.get(partner, STAY)         # a past that could not be while they chose
                joint = 4 * action + theirs if me == 0 else 4 * theirs + action
                value += chance * rewards[joint, state]
                for k in np.flatnonzero(transitions[joint, state]) if left > 1 else ():
                    mine, key = next_state.setdefault(int(sights[k, me]), {}), (int(k),
                                                                                (*partner, int(sights[k, 1 - me])))
                    mine[key] = mine.get(key, 0.0) + chance * transitions[joint, state, k]
            policy = {past: action}
            for sight, later in sorted(next_state.items()):
                more, rest = best((*past, sight), later, left - 1)
                value += more
                policy |= rest
            found = max(found, (value, policy), key=lambda pair: round(pair[0], 9))
        return found

    return best((), {(27, ()): 1.0}, horizon)


@pytest.mark.parametrize("horizon, published", [(2, 17.6), (3, 66.081), (4, 98.593613)])
def test_the_published_optimal_values(model, horizon, published):
    # Best replies in turn, until neither agent can do better, from: push the box in front, else turn; with time to get
    # to the large box, go forward first. (Others have proved that nothing is better.)
    pasts = [past for steps in range(horizon) for past in itertools.product(range(5), repeat=steps)]
    first = {past: FORWARD if past and past[-1] in (3, 4) or not past and horizon > 2 else LEFT for past in pasts}
    for _ in range(4):
        _, second = _reply(model, horizon, 1, first)
        value, first = _reply(model, horizon, 0, second)
    assert value == pytest.approx(published, abs=1e-6)


def test_a_perfect_plan_earns_the_large_box_in_three_steps(make):
    # Forward, turn to the north (left for the first agent, right for the second), forward.
    game, state, earned = make(), [START], []
    for actions in ((FORWARD, FORWARD), (LEFT, RIGHT), (FORWARD, FORWARD)):
        state, rewards, terminated = stepped(game, state, actions)
        earned.append(rewards[0].tolist())
    assert earned == [[-0.2] * 2, [-0.2] * 2, [99.8] * 2]
    assert state.tolist() == [[1, 0, 2, 0, 4]] and terminated.tolist() == [True]


def test_an_attempt_or_a_success_is_paid(make):
    # Under the large box, both go north, and the second agent's action fails: an attempt earns 100; where success
    # counts, the first agent has bumped into a box too heavy for one. The same under two small boxes: 20, or 10.
    for state, attempt, success, next_state in (([1, 0, 2, 0, 0], 99.8, -5.2, 0), ([0, 0, 3, 0, 0], 19.8, 9.8, 1)):
        for on_success, earned in ((False, attempt), (True, success)):
            after, rewards, terminated = stepped(make(0.5, False, on_success), [state], (FORWARD, FORWARD), (0.4, 0.5))
            assert rewards.tolist() == [[earned] * 2] and after.tolist() == [[*state[:4], next_state]]
            assert terminated.tolist() == [next_state > 0]


def test_who_meets_nobody_because_the_other_failed_does_not_bump(make):
    # Both head for the second column from the left and from the right.
    for on_success, earned in ((False, -10.2), (True, -0.2)):
        after, rewards, _ = stepped(make(0.9, False, on_success), [[0, 1, 2, 3, 0]], (FORWARD, FORWARD), (0.0, 0.95))
        assert rewards.tolist() == [[earned] * 2] and after.tolist() == [[1, 1, 2, 3, 0]]


def test_an_episode_goes_on_where_that_is_asked_for(make):
    states, _, terminated = stepped(make(0.9, False, False, True), [[1, 0, 2, 0, 0]], (FORWARD, FORWARD))
    assert states.tolist() == [[1, 0, 2, 0, 4]] and not terminated[0]
    states, rewards, terminated = stepped(make(0.9, False, False, True), states, (LEFT, FORWARD))
    assert states.tolist() == [START] and rewards.tolist() == [[0.0, 0.0]] and not terminated[0]


def test_a_start(make):
    state = np.full((3, 5), 9.0)
    make().start(state, np.zeros((3, 0)), np.zeros((3, 0)))
    assert state.tolist() == [START] * 3


def _mirrored(states):
    """Left and right exchanged, and with them the agents."""
    first, heading, second, other, pushed = np.array(states).T
    turned = np.array([0, 3, 2, 1])
    return np.stack([3 - second, turned[other.astype(int)], 3 - first, turned[heading.astype(int)],
                     np.array([0, 2, 1, 3, 4])[pushed.astype(int)]], axis=1)


@pytest.mark.parametrize("on_success", [False, True])
def test_left_and_right_are_alike(make, on_success):
    game, turned = make(0.9, False, on_success), [RIGHT, LEFT, FORWARD, STAY]
    for first, second in itertools.product(range(4), repeat=2):
        for chance in itertools.product((0.0, 0.95), repeat=2):
            states, rewards, terminated = stepped(game, STATES, (first, second), chance)
            mirror, same, also = stepped(game, _mirrored(STATES), (turned[second], turned[first]), chance[::-1])
            live = np.array(STATES)[:, 4] == 0
            assert (mirror[live] == _mirrored(states)[live]).all()
            assert (same == rewards).all() and (also == terminated).all()
            assert (obs_of(game, mirror)[live] == obs_of(game, states)[live][:, ::-1]).all()


@pytest.mark.parametrize("on_success", [False, True])
def test_what_always_holds(make, on_success):
    # From every state by every joint action and chance: nobody passes or shares a square, at most one square is
    # moved, boxes go to the goal only from below, and no reward is another than these.
    game, states = make(0.9, False, on_success), np.array([s for s in STATES if s[4] == 0], float)
    possible = np.array([-10.2, -5.2, -0.2, 4.8, 9.8, 19.8, 99.8])
    for joint, *chance in itertools.product(range(16), (0.0, 0.95), (0.0, 0.95)):
        next_state, rewards, terminated = stepped(game, states, divmod(joint, 4), chance)
        assert (next_state[:, 0] < next_state[:, 2]).all() and (np.abs(next_state - states)[:, 0:4:2] <= 1).all()
        assert np.isclose(rewards[:, :1], possible, atol=1e-12).any(axis=1).all()
        assert (terminated == (next_state[:, 4] > 0)).all()
        below = ((states[:, 1] == 0) & (states[:, 0] == 0), (states[:, 3] == 0) & (states[:, 2] == 3),
                 (states[:, :4] == (1, 0, 2, 0)).all(axis=1))
        assert not (np.isin(next_state[:, 4], (1, 3)) & ~below[0]).any()
        assert not (np.isin(next_state[:, 4], (2, 3)) & ~below[1]).any() and not ((next_state[:, 4] == 4) &
                                                                                  ~below[2]).any()


BAD = [({"states": [[0, 1, 0, 3, 0]]}, "state"), ({"states": [[2, 1, 1, 3, 0]]}, "state"),
       ({"states": [[0, 4, 3, 3, 0]]}, "state"), ({"states": [[0, 1, 3, 3, 5]]}, "state"),
       ({"states": [[0, np.nan, 3, 3, 0]]}, "state"), ({"states": [[-1, 1, 3, 3, 0]]}, "state"),
       ({"states": [[0, 1, 1e300, 3, 0]]}, "state"), ({"states": [[0.5, 1, 3, 3, 0]]}, "state"),
       ({"actions": (0, 4)}, "action"), ({"actions": (-1, 0)}, "action"),
       ({"uniforms": (0.0, 1.0)}, "draw"), ({"uniforms": (np.nan, 0.0)}, "draw"), ({"uniforms": (0.0, -1e-9)}, "draw")]


@pytest.mark.parametrize("change, named", BAD)
def test_what_is_not_of_the_game_is_refused(make, change, named):
    with pytest.raises(ValueError, match=f"step: .*{named}"):
        stepped(make(), **{"states": [START], "actions": (0, 0)} | change)
    if named == "state":
        for full in (False, True):
            with pytest.raises(ValueError, match="observe: .*state"):
                obs_of(make(0.9, full), change["states"])


ODD = np.array([-1.0, 0.5, 1.0, 5.0, 1e300, -1e300, np.nan, np.inf])


@given(st.floats(0.0, 1.0), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_are_alike(success, full, on_success, continuing, seed):
    generator, traces = np.random.default_rng(seed), []
    states = np.array(STATES, float)[generator.integers(0, 100, 30)]
    actions, uniforms = generator.integers(0, 4, (30, 2)).astype(np.int32), generator.random((30, 2))
    for array, odd in ((states, ODD), (uniforms, ODD), (actions, np.array([-1, 4, 2**31 - 1, -2**31]))):
        wrong = generator.random(array.shape) < 0.03
        array[wrong] = generator.choice(odd, wrong.sum())
    for backend in ("cython", "numpy"):
        game, trace = kernels(backend, "pushing").BoxPushing(success, full, on_success, continuing), []
        for k in range(30):         # one by one: each has a status of its own
            state, rewards, terminated = states[k:k + 1].copy(), np.full((1, 2), 7.0), np.zeros(1, bool)
            obs = np.full((1, game.views, 1), 7.0)
            for call in (lambda: game.step(state, actions[k:k + 1], uniforms[k:k + 1], np.zeros((1, 0)), rewards,  # noqa: B023
                                           terminated), lambda: game.observe(state, obs)):  # noqa: B023
                try:
                    call()
                    trace.append("fine")
                except ValueError as error:
                    trace.append(str(error))
            trace += [array.tobytes() for array in (state, rewards, terminated, obs)]
        traces.append(trace)
    assert traces[0] == traces[1]


def test_agents_who_see_all_learn_to_push_the_large_box():
    game = BoxPushing(sight="full", reward_for="success", horizon=30)
    # Optimistic initial values: both keep trying the large box until the other is there too.
    run = mf.train(game, mf.IQL(0.1, 0.95, mf.EpsilonGreedy(0.3), initial_q=100.0), episodes=5000, runs=6, seed=1)
    greedy = mf.evaluate(game, run, episodes=50, seed=2)
    random = mf.evaluate(game, "random", episodes=50, runs=6, seed=2)
    assert random.mean < 0.0 and greedy.mean > 95.0


@pytest.mark.parametrize("arguments, named", [
    ({"success": 1.5}, "success: expected 0.0 to 1.0, got 1.5"), ({"success": float("nan")}, "success: .*finite"),
    ({"success": "yes"}, "success: expected a number"), ({"sight": "all"}, "sight: expected one of 'front', 'full'"),
    ({"reward_for": "luck"}, "reward_for: expected one of"), ({"continuing": 2}, "continuing: expected one of"),
    ({"horizon": -1}, "horizon: expected at least 0"), ({"horizon": 1.5}, "horizon: expected a whole number")])
def test_arguments(arguments, named):
    with pytest.raises((TypeError, ValueError), match=named):
        BoxPushing(**arguments)


def test_a_kernel_refuses_what_is_no_probability(make):
    for success in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="success: expected 0 to 1"):
            make(success)


def test_it_can_be_drawn():
    game = BoxPushing()
    assert game.render(np.array(START, float)).splitlines() == ["g g g g", "s L L s", "> . . <"]
    assert game.render(np.array([1.0, 0, 2, 0, 4])).splitlines() == [
        "g   g+L g+L g", "s   ^   ^   s", ".   .   .   ."]
    assert game.render(np.array([0.0, 0, 2, 2, 1])).splitlines() == ["g+s g   g   g", "^   L   L   s", ".   .   v   ."]
    assert not BoxPushing(continuing=True, horizon=0).ends and BoxPushing(horizon=0).ends
