"""Hunters and prey by hand, published averages, and equality of both backends.

Actions and draws: 0 up, 1 down, 2 right, 3 left; a uniform in [k / 4, (k + 1) / 4) is move k. A state is a row and a
column of each hunter, of each prey, of the scout.
"""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_helpers import by_name

import marlfast as mf
from marlfast.backends import kernels
from marlfast.games.pursuit import Pursuit

EXAMPLES = [
    Pursuit(),
    Pursuit(height=1, width=2, hunters=1, depth=0),
    Pursuit(height=3, width=5, hunters=3, prey=2, depth=1, capture="joint", sharing=True, horizon=9),
    Pursuit(height=4, width=2, hunters=2, prey=3, depth=2, see_partner=True, horizon=20),
    Pursuit(height=6, width=6, hunters=1, depth=1, scout=3, horizon=40),
    Pursuit(height=5, width=4, capture="joint", depth=1, scout=0, sharing=True, see_partner=True, horizon=30),
]

UP, DOWN, RIGHT, LEFT = range(4)
MOVE = np.array([0.0, 0.25, 0.5, 0.9999])       # a uniform of each move


@pytest.fixture
def make(module):
    """``make(...)``: a kernel of the backend under test; by default one hunter and one prey on 10 by 10 squares."""
    def make(height=10, width=10, hunters=1, prey=1, depth=2, scout=-1, joint=False, sharing=False, see_partner=False):
        return by_name(module("pursuit").Pursuit, height, width, hunters, prey, depth, scout, joint, sharing,
                       see_partner)
    return make


def stepped(game, state, actions, draws):
    """State, rewards and end of one run after one step; ``draws``: moves of the prey and the scout."""
    state, rewards, terminated = np.array([state], np.float64), np.full((1, game.agents), np.nan), np.zeros(1, bool)
    game.step(state, np.array([actions], np.int32), MOVE[[draws]], np.zeros((1, 0)), rewards, terminated)
    return state[0].tolist(), rewards[0].tolist(), bool(terminated[0])


def obs_of(game, state):
    observation = np.full((1, game.agents, 1), np.nan)
    game.observe(np.array([state], np.float64), observation)
    return observation[0, :, 0].astype(int).tolist()


def test_moves_and_edges(make):
    game = make(3, 4)
    for k, next_state in ((UP, (0, 1)), (DOWN, (2, 1)), (RIGHT, (1, 2)), (LEFT, (1, 0))):
        assert stepped(game, [1, 1, 0, 3], [k], [UP])[0] == [*next_state, 0, 3]
        assert stepped(game, [0, 3, 1, 1], [UP], [k])[0] == [0, 3, *next_state]
    # Into every edge: nobody moves.
    for k, place in ((UP, (0, 1)), (DOWN, (2, 1)), (RIGHT, (1, 3)), (LEFT, (1, 0))):
        other = (2, 3) if place != (1, 3) else (2, 0)
        assert stepped(game, [*place, *other], [k], [DOWN])[0] == [*place, *other]
        assert stepped(game, [*other, *place], [DOWN], [k])[0] == [*other, *place]


def test_a_capture_by_the_hunters_move_leaves_the_prey_where_it_is(make):
    # The hunter goes right onto the prey, which would have gone left past it.
    assert stepped(make(), [5, 4, 5, 5], [RIGHT], [LEFT]) == ([5, 5, 5, 5], [1.0], True)


def test_a_capture_by_the_preys_move(make):
    # The hunter goes right to (5, 5), the prey comes from (6, 5) up to it.
    assert stepped(make(), [5, 4, 6, 5], [RIGHT], [UP]) == ([5, 5, 5, 5], [1.0], True)


def test_a_prey_that_gets_away(make):
    assert stepped(make(), [5, 4, 5, 6], [RIGHT], [RIGHT]) == ([5, 5, 5, 7], [-0.1], False)
    # Standing on it from the start is no capture; here both leave, in opposite directions.
    assert stepped(make(), [5, 5, 5, 5], [RIGHT], [LEFT]) == ([5, 6, 5, 4], [-0.1], False)


def test_each_hunter_on_the_preys_square_is_paid_and_no_other(make):
    game = make(hunters=3, prey=2)
    state = [5, 4, 5, 6, 0, 0, 9, 9, 5, 5]
    assert stepped(game, state, [RIGHT, LEFT, UP], [DOWN, DOWN])[1:] == ([1.0, 1.0, -0.1], True)
    # Two prey at once: still 1 each.
    assert stepped(game, [5, 4, 5, 6, 0, 0, 5, 5, 5, 5], [RIGHT, UP, UP], [DOWN, DOWN])[1:] == ([1.0, -0.1, -0.1], True)


def test_a_joint_capture_needs_two_in_or_next_to_the_square(make):
    game = make(hunters=3, joint=True)
    # After all moves the prey is at (5, 5); the first hunter comes to a corner of the eight squares around it.
    def outcome(second, third=(0, 0), draw=UP):
        return stepped(game, [4, 3, *second, *third, 6, 5], [RIGHT, RIGHT, UP], [draw])[1:]

    assert outcome((6, 5)) == ([1.0, 1.0, -0.1], True)              # at (6, 6): the opposite corner
    assert outcome((5, 4)) == ([1.0, 1.0, -0.1], True)              # on the prey's square
    assert outcome((6, 6)) == ([-0.1, -0.1, -0.1], False)           # at (6, 7): too far
    assert outcome((5, 4), (7, 5)) == ([1.0, 1.0, 1.0], True)       # all three
    # In between both were next to the prey at (6, 5); it went down to (7, 5), away from the first.
    assert stepped(game, [5, 3, 6, 3, 0, 0, 6, 5], [RIGHT, RIGHT, UP], [DOWN])[1:] == ([-0.1, -0.1, -0.1], False)


def test_two_hunters_next_to_different_prey_capture_none(make):
    game = make(hunters=2, prey=2, joint=True)
    assert stepped(game, [5, 4, 0, 1, 5, 6, 0, 3], [RIGHT, RIGHT], [UP, UP])[1:] == ([-0.1, -0.1], False)


def test_a_scout_moves_last_and_captures_nothing(make):
    game = make(scout=2)
    assert stepped(game, [0, 0, 5, 5, 5, 4], [DOWN], [LEFT, RIGHT]) == ([1, 0, 5, 4, 5, 5], [-0.1], False)
    assert stepped(game, [0, 0, 5, 5, 5, 3], [DOWN], [LEFT, RIGHT]) == ([1, 0, 5, 4, 5, 4], [-0.1], False)


def test_a_start_is_a_square_for_each(make):
    # Three by four squares: 0.5 is square 6, (1, 2); the last is (2, 3).
    game, state = make(3, 4, 1, 1, scout=1), np.zeros((1, 6))
    game.start(state, np.array([[0.0, 0.5, 1.0 - 2.0 ** -52]]), np.zeros((1, 0)))
    assert state.tolist() == [[0, 0, 1, 2, 2, 3]]


def test_offsets_are_numbered_row_by_row(make):
    # Depth 2: five by five offsets, from two rows above and two columns to the left; 25 means none.
    game = make(depth=2)
    for rows in range(-3, 4):
        for columns in range(-3, 4):
            visible = max(abs(rows), abs(columns)) <= 2
            assert obs_of(game, [5, 5, 5 + rows, 5 + columns]) == [5 * (rows + 2) + columns + 2 if visible else 25]
    assert obs_of(make(depth=0), [5, 5, 5, 5]) == [0] and obs_of(make(depth=0), [5, 5, 5, 6]) == [1]


def test_the_closest_prey_is_seen(make):
    game = make(depth=2, prey=3)

    def closest(*places):
        return obs_of(game, [5, 5, *places])[0]

    assert closest(7, 7, 5, 6, 5, 3) == 13                  # 4, 1 and 2 moves away: one to the right
    assert closest(5, 8, 9, 9, 7, 7) == 24                  # three moves, but out of sight; so the one four moves away
    assert closest(6, 5, 5, 6, 4, 5) == 17                  # equally close: the first, one row below
    assert closest(9, 9, 9, 9, 9, 9) == 25


def test_who_sees_none_is_told(make):
    # Offsets reach 9 now: 19 by 19, and 361 means none. Tan's example: the prey at row -2, column 2 of the scout.
    game = make(depth=2, scout=4)
    assert obs_of(game, [2, 2, 7, 2, 9, 4]) == [19 * (5 + 9) + 0 + 9]
    assert obs_of(game, [2, 2, 3, 3, 9, 4]) == [19 * (1 + 9) + 1 + 9]         # its own, though the scout sees none
    assert obs_of(game, [2, 2, 7, 2, 2, 3]) == [361]
    # Its own sight first, even where the scout sees a prey with less distance: (4, 4) against (5, 2).
    assert obs_of(make(depth=2, prey=2, scout=1), [2, 2, 5, 2, 4, 4, 5, 2]) == [19 * (2 + 9) + 2 + 9]
    # The scout's depth is its own.
    assert obs_of(make(depth=5, scout=0), [0, 0, 9, 9, 9, 8]) == [361]
    assert obs_of(make(depth=5, scout=1), [0, 0, 9, 9, 9, 8]) == [19 * 18 + 18]


def test_hunters_may_tell_each_other(make):
    # The second hunter sees the prey one to its right, the first is nine columns away.
    assert obs_of(make(hunters=2), [0, 0, 0, 8, 0, 9]) == [25, 13]
    assert obs_of(make(hunters=2, sharing=True), [0, 0, 0, 8, 0, 9]) == [19 * 9 + 18, 19 * 9 + 10]
    # A third one does not see the prey nearest to it, and is told of it by the second, not of the first's.
    game = make(hunters=3, prey=2, depth=1, sharing=True)
    assert obs_of(game, [0, 0, 5, 5, 9, 9, 0, 1, 5, 6])[2] == 19 * (5 - 9 + 9) + (6 - 9 + 9)


def test_a_partner_in_sight(make):
    # Own number times 26, plus the partner's: the first sees the prey one below (17) and its partner two to the right.
    game = make(hunters=2, see_partner=True)
    assert obs_of(game, [5, 5, 5, 7, 6, 5]) == [17 * 26 + 14, 15 * 26 + 10]
    assert obs_of(game, [5, 5, 5, 8, 6, 5]) == [17 * 26 + 25, 25 * 26 + 25]
    # Of two others the closer; sharing tells where it is at any distance.
    assert obs_of(make(hunters=3, see_partner=True), [5, 5, 5, 7, 5, 4, 6, 5])[0] == 17 * 26 + 11
    shared = make(hunters=2, see_partner=True, sharing=True)
    assert obs_of(shared, [0, 0, 9, 9, 0, 1]) == [(19 * 9 + 10) * 362 + 19 * 18 + 18, (19 * 0 + 1) * 362 + 0]


@pytest.mark.parametrize("arguments, published", [
    ({"hunters": 1}, 123.08), ({"hunters": 2}, 56.47), ({"capture": "joint"}, 354.45),
    ({"capture": "joint", "prey": 2}, 224.92)])
def test_random_hunters_need_the_published_number_of_steps(arguments, published):
    # The published ones are means over 200 trials: within twice the standard error of such a mean.
    lengths = mf.evaluate(Pursuit(**arguments), "random", episodes=20, runs=200, seed=0).lengths
    assert abs(lengths.mean() - published) < 2.0 * lengths.std() * np.sqrt(1 / 200 + 1 / lengths.size)
    assert abs(lengths.mean() - published) < 0.15 * published


def test_one_random_hunter_needs_122_96_steps():
    # Solved from the chain of 10,000 pairs of places: 122.9600. Within three standard errors.
    lengths = mf.evaluate(Pursuit(hunters=1), "random", episodes=100, runs=200, seed=4).lengths
    assert abs(lengths.mean() - 122.96) < 3.0 * lengths.std() / np.sqrt(lengths.size)


def test_hunters_learn():
    game = Pursuit(height=6, width=6)
    run = mf.train(game, mf.IQL(0.8, 0.9, mf.Boltzmann(0.4)), episodes=500, runs=8, seed=0)
    random = mf.evaluate(game, "random", episodes=100, runs=8, seed=1)
    assert random.lengths.mean() > 17.0 and run.lengths[:, -100:].mean() < 0.6 * random.lengths.mean()


def test_what_a_scout_and_a_partner_are_good_for():
    def late(**arguments):
        run = mf.train(Pursuit(**arguments), mf.IQL(0.8, 0.9, mf.Boltzmann(0.2)), episodes=1500, runs=8, seed=0)
        return run.lengths[:, -300:].mean()

    alone = late(hunters=1, depth=2)
    assert late(hunters=1, depth=2, scout=4) < 0.85 * alone
    joint = {"capture": "joint", "prey": 2, "depth": 3}
    assert late(**joint, see_partner=True) < 0.85 * late(**joint)


def _agree(generator, arguments, runs=8, hostile=0.02):
    """Both backends on the same states, actions and draws, some of them not of the game, one run at a time."""
    height, width, hunters, prey, _, scout, *_ = arguments
    beings = hunters + prey + (scout >= 0)
    states = np.stack([generator.integers(0, n, (runs, beings)) for n in (height, width)], axis=2)
    states = states.reshape(runs, -1).astype(float)
    actions = generator.integers(0, 4, (runs, hunters)).astype(np.int32)
    draws, starts = generator.random((runs, beings - hunters)), generator.random((runs, beings))
    for array, odd in ((states, [-1.0, 0.5, height, 1e300, -1e300, np.nan, np.inf]), (draws, [1.0, -0.1, np.nan]),
                       (starts, [1.0, -0.1, np.nan]), (actions, [-1, 4, 2**31 - 1, -2**31])):
        wrong = generator.random(array.shape) < hostile
        array[wrong] = generator.choice(odd, wrong.sum())
    traces = []
    for backend in ("cython", "numpy"):
        game, trace = by_name(kernels(backend, "pursuit").Pursuit, *arguments), []
        for k in range(runs):
            one, none = slice(k, k + 1), np.zeros((1, 0))
            state, rewards, terminated = states[one].copy(), np.full((1, hunters), 7.0), np.zeros(1, bool)
            fresh, obs = np.full_like(state, 7.0), np.full((1, hunters, 1), 7.0)
            for method, arrays in ((game.observe, (state.copy(), obs)), (game.start, (fresh, starts[one], none)),
                                   (game.step, (state, actions[one], draws[one], none, rewards, terminated))):
                try:
                    method(*arrays)
                    trace.append("fine")
                except ValueError as error:
                    trace.append(str(error))
            if trace[-1] != "fine":         # nothing half done
                assert state.tobytes() == states[one].tobytes()
            trace += [array.tobytes() for array in (state, rewards, terminated, fresh, obs)]
        traces.append(trace)
    assert traces[0] == traces[1]


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 4), st.integers(1, 4), st.integers(0, 4),
       st.integers(-1, 3), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_are_alike(height, width, hunters, prey, depth, scout, joint, sharing, partner, seed):
    _agree(np.random.default_rng(seed), (height, width, hunters, prey, depth, scout, joint, sharing, partner))


@pytest.mark.parametrize("arguments", [
    (1000, 1, 1, 1, 1000, 1000, False, False, False), (1, 1, 1, 1, 0, -1, True, True, True),
    (1000, 1000, 2, 1, 1000, -1, True, True, True), (2, 3, 40, 12, 1, 2, True, True, True)])
def test_extreme_sizes(arguments):
    _agree(np.random.default_rng(0), arguments, runs=4, hostile=0.002)


def test_exchanging_hunters_exchanges_what_they_get(make):
    game, generator = make(4, 4, 2, 2, 1, -1, True, True, True), np.random.default_rng(2)
    for _ in range(200):
        state, actions, draws = generator.integers(0, 4, 8), generator.integers(0, 4, 2), generator.integers(0, 4, 2)
        swapped = state[[2, 3, 0, 1, 4, 5, 6, 7]]
        next_state, rewards, over = stepped(game, state, actions, draws)
        again, earned, ended = stepped(game, swapped, actions[::-1], draws)
        assert (again[:2], again[2:4], again[4:], earned, ended) == (next_state[2:4], next_state[:2], next_state[4:],
                                                                     rewards[::-1], over)
        assert obs_of(game, swapped) == obs_of(game, state)[::-1]


def test_a_board_on_its_head_is_the_same_game(make):
    game, generator = make(5, 6, 2, 2, 2), np.random.default_rng(3)
    upside = np.array([DOWN, UP, RIGHT, LEFT])
    for _ in range(200):
        state = generator.integers(0, 5, 8)
        actions, draws = generator.integers(0, 4, 2), generator.integers(0, 4, 2)
        turned = state.copy()
        turned[::2] = 4 - turned[::2]
        next_state, rewards, over = stepped(game, state, actions, draws)
        again, earned, ended = stepped(game, turned, upside[actions], upside[draws])
        assert [4 - row for row in again[::2]] == next_state[::2] and again[1::2] == next_state[1::2]
        assert (earned, ended) == (rewards, over)


def test_bad_states_actions_and_draws_are_named(make):
    game = make(3, 3)
    for state in ([3, 0, 0, 0], [0, -1, 0, 0], [0, 0, np.nan, 0], [0, 0, 0, 0.5]):
        with pytest.raises(ValueError, match="step: the state is not one of the game's"):
            stepped(game, state, [0], [0])
        with pytest.raises(ValueError, match="observe: the state is not one of the game's"):
            obs_of(game, state)
    with pytest.raises(ValueError, match="step: an action lies outside"):
        stepped(game, [0, 0, 2, 2], [4], [0])
    with pytest.raises(ValueError, match="start: a draw lies outside"):
        game.start(np.zeros((1, 4)), np.array([[0.0, 1.0]]), np.zeros((1, 0)))


@pytest.mark.parametrize("arguments", [
    (0, 1, 1, 1, 1, -1), (1, 1001, 1, 1, 1, -1), (1, 1, 0, 1, 1, -1), (1, 1, 1, 2**70, 1, -1), (1, 1, 1, 1, -1, -1),
    (1, 1, 1, 1, 1, -2), (1, 1, 1, 1, 1, 1001)])
def test_a_kernel_refuses_sizes_it_was_not_made_for(module, arguments):
    with pytest.raises(ValueError, match="expected"):
        by_name(module("pursuit").Pursuit, *arguments, False, False, False)


@pytest.mark.parametrize("arguments, named", [
    ({"height": 0}, "height: expected 1 to 1000, got 0"), ({"width": 1001}, "width: expected 1 to 1000, got 1001"),
    ({"hunters": 0}, "hunters: expected 1 to 1000"), ({"prey": 1.5}, "prey: expected a whole number, got 1.5"),
    ({"depth": -1}, "depth: expected 0 to 1000"), ({"scout": -1}, "scout: expected 0 to 1000"),
    ({"scout": True}, "scout: expected a whole number, got True"), ({"horizon": -1}, "horizon: expected at least 0"),
    ({"capture": "double"}, "capture: expected one of 'single', 'joint', got 'double'"),
    ({"sharing": "yes"}, "sharing: expected one of"), ({"see_partner": None}, "see_partner: expected one of"),
    ({"hunters": 1, "capture": "joint"}, "capture: 'joint' needs at least 2 hunters, got 1"),
    ({"hunters": 1, "sharing": True}, "sharing: True needs at least 2 hunters, got 1"),
    ({"hunters": 1, "see_partner": True}, "see_partner: True needs at least 2 hunters, got 1")])
def test_arguments(arguments, named):
    with pytest.raises((TypeError, ValueError), match=named):
        Pursuit(**arguments)


def test_how_many_observations_there_are():
    assert Pursuit(depth=2).observations == 26 and Pursuit(depth=4).observations == 82
    assert Pursuit(hunters=1, depth=2, scout=2).observations == Pursuit(sharing=True).observations == 362
    assert Pursuit(see_partner=True).observations == 82 ** 2 and Pursuit(height=3, width=7, scout=1).observations == 170


def test_who_always_earns_alike_is_said():
    assert Pursuit(hunters=1).setting == Pursuit(capture="joint").setting == "cooperative"
    assert Pursuit().setting == Pursuit(hunters=3, capture="joint").setting == "mixed"


def test_it_can_be_drawn():
    game = Pursuit(height=2, width=3, hunters=2, prey=1, scout=1)
    assert game.render(np.array([0.0, 0, 1, 2, 1, 2, 0, 1])).splitlines() == ["H1   S    .", ".    .    H2+P"]
