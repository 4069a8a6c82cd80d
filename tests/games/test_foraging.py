"""Level-based foraging by hand, its start, what never changes, and equality of both backends.

A state is row, column and level of each agent, then of each food, then the levels of all food at the start.
"""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_helpers import assert_same, by_name

import marlfast as mf
from marlfast.backends import BACKENDS
from marlfast.games.foraging import LevelForaging

EXAMPLES = [
    LevelForaging(),
    LevelForaging(players=1, size=3, food=1, horizon=4),
    LevelForaging(players=3, size=(5, 8), food=4, sight=1, cooperative=True, penalty=0.25, horizon=20),
    LevelForaging(players=4, size=(9, 6), food=3, sight=2, min_player_level=(1, 2, 3, 4), max_player_level=(1, 5, 3, 9),
                  min_food_level=2, max_food_level=(2, 4, 30), normalize_reward=False, observe_agent_levels=False,
                  penalty=0.5),
    LevelForaging(players=12, size=4, food=2, horizon=0),
]

NONE, NORTH, SOUTH, WEST, EAST, LOAD = range(6)


@pytest.fixture
def made(backend):
    """``made(**options)``: a kernel of the backend under test."""
    return lambda **options: LevelForaging(**options).kernel(backend)


def stepped(kernel, state, actions):
    """State, rewards and end after one step of one run."""
    state = np.array([state], np.float64)
    rewards, terminated = np.full((1, kernel.agents), np.nan), np.zeros(1, bool)
    kernel.step(state, np.array([actions], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, terminated)
    return state[0].tolist(), rewards[0].tolist(), bool(terminated[0])


def places(state, agents):
    return [(int(state[3 * i]), int(state[3 * i + 1])) for i in range(agents)]


def moved(kernel, agents, actions, food=(5, 5)):
    """Where agents of level 1 stand after one step on a board with one food."""
    state = [x for row, column in agents for x in (row, column, 1)] + [*food, 1, 1]
    return places(stepped(kernel, state, actions)[0], len(agents))


# -- moves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action, to", [(NONE, (3, 3)), (NORTH, (2, 3)), (SOUTH, (4, 3)), (WEST, (3, 2)),
                                        (EAST, (3, 4)), (LOAD, (3, 3))])
def test_a_move(made, action, to):
    assert moved(made(players=1, food=1), [(3, 3)], [action]) == [to]


@pytest.mark.parametrize("place, action", [((0, 2), NORTH), ((4, 2), SOUTH), ((1, 0), WEST), ((1, 6), EAST)])
def test_nobody_leaves_the_board(made, place, action):
    assert moved(made(players=1, food=1, size=(5, 7)), [place], [action], food=(2, 3)) == [place]


@pytest.mark.parametrize("place, action", [((4, 3), NORTH), ((2, 3), SOUTH), ((3, 4), WEST), ((3, 2), EAST)])
def test_nobody_steps_onto_food(made, place, action):
    assert moved(made(players=1, food=1), [place], [action], food=(3, 3)) == [place]


def test_a_square_that_two_want_stays_empty(made):
    assert moved(made(food=1), [(2, 2), (2, 4)], [EAST, WEST]) == [(2, 2), (2, 4)]


def test_a_square_that_someone_keeps_is_taken(made):
    kernel = made(food=1)
    assert moved(kernel, [(2, 2), (2, 3)], [EAST, NONE]) == [(2, 2), (2, 3)]
    assert moved(kernel, [(2, 2), (2, 3)], [EAST, LOAD]) == [(2, 2), (2, 3)]
    # Who walks into the wall keeps its square too.
    assert moved(kernel, [(1, 2), (0, 2)], [NORTH, NORTH]) == [(1, 2), (0, 2)]


def test_two_change_places_and_four_go_round(made):
    assert moved(made(food=1), [(2, 2), (2, 3)], [EAST, WEST]) == [(2, 3), (2, 2)]
    assert moved(made(players=4, food=1), [(1, 1), (1, 2), (2, 2), (2, 1)], [EAST, SOUTH, WEST, NORTH]) == [
        (1, 2), (2, 2), (2, 1), (1, 1)]


def test_a_column_moves_as_one(made):
    assert moved(made(players=3, food=1), [(2, 1), (2, 2), (2, 3)], [EAST] * 3) == [(2, 2), (2, 3), (2, 4)]


def test_who_leaves_makes_room_even_where_it_cannot_leave(made):
    # Agents 0 and 2 want (2, 3), so both stay; agent 1 goes where agent 0 wanted to be gone: they share (2, 2).
    kernel = made(players=3, food=1)
    assert moved(kernel, [(2, 2), (2, 1), (2, 4)], [EAST, EAST, WEST]) == [(2, 2), (2, 2), (2, 4)]
    # Sharing lasts while both want the same, and ends when one goes.
    assert moved(kernel, [(2, 2), (2, 2), (2, 4)], [EAST, EAST, NONE]) == [(2, 2), (2, 2), (2, 4)]
    assert moved(kernel, [(2, 2), (2, 2), (2, 4)], [NORTH, NONE, NONE]) == [(1, 2), (2, 2), (2, 4)]


# -- loads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(2, 3), (4, 3), (3, 2), (3, 4)])
def test_one_agent_loads_alone(made, place):
    # Level 2 of food of level 2 of 5 together: 2 * 2 / (2 * 5).
    state, rewards, ended = stepped(made(players=1), [*place, 2, 3, 3, 2, 5, 6, 3, 5], [LOAD])
    assert state == [*place, 2, 3, 3, 0, 5, 6, 3, 5] and rewards == [0.4] and not ended


def test_two_share_by_their_levels(made):
    # Together 3 of 3; food 3 of 4 in all: 1 * 3 / (3 * 4) and 2 * 3 / (3 * 4).
    state, rewards, ended = stepped(made(), [2, 3, 1, 3, 4, 2, 3, 3, 3, 5, 6, 1, 4], [LOAD, LOAD])
    assert rewards == [0.25, 0.5] and state[8] == 0 and not ended


def test_rewards_that_are_not_normalised(made):
    _, rewards, _ = stepped(made(normalize_reward=False), [2, 3, 1, 3, 4, 2, 3, 3, 3, 5, 6, 1, 4], [LOAD, LOAD])
    assert rewards == [3.0, 6.0]


def test_too_weak(made):
    before = [2, 3, 1, 3, 4, 2, 3, 3, 4, 5, 6, 1, 5]
    for actions, rewards in (([LOAD, LOAD], [-0.5, -0.5]), ([LOAD, NONE], [-0.5, 0.0]), ([NONE, LOAD], [0.0, -0.5])):
        assert stepped(made(penalty=0.5), before, actions) == (before, rewards, False)
    assert np.signbit(stepped(made(), before, [LOAD, LOAD])[1]).tolist() == [False, False]


def test_only_who_loads_helps(made):
    before = [2, 3, 1, 3, 4, 2, 3, 3, 3, 5, 6, 1, 4]
    assert stepped(made(), before, [LOAD, NONE]) == (before, [0.0, 0.0], False)


def test_a_diagonal_neighbour_does_not_load(made):
    before = [2, 2, 2, 0, 0, 2, 3, 3, 1, 5, 6, 1, 2]
    assert stepped(made(penalty=1.0), before, [LOAD, LOAD]) == (before, [0.0, 0.0], False)


def test_who_is_about_to_arrive_does_not_load_and_the_loader_holds_its_square(made):
    state, rewards, _ = stepped(made(), [2, 3, 1, 1, 3, 2, 3, 3, 1, 5, 6, 1, 2], [LOAD, SOUTH])
    assert places(state, 2) == [(2, 3), (1, 3)] and rewards == [0.5, 0.0]


def test_two_foods_in_one_step_end_the_game(made):
    state, rewards, ended = stepped(made(), [1, 2, 1, 4, 5, 2, 2, 2, 1, 5, 5, 2, 3], [LOAD, LOAD])
    assert rewards == [1 / 3, 2 / 3] and ended and state[8] == state[11] == 0


def test_eaten_food_is_neither_in_the_way_nor_loaded_again(made):
    before = [1, 2, 1, 2, 3, 2, 2, 2, 0, 5, 5, 2, 3]
    state, rewards, _ = stepped(made(penalty=1.0), before, [SOUTH, LOAD])
    assert places(state, 2) == [(2, 2), (2, 3)] and rewards == [0.0, 0.0]


def test_food_is_tried_north_south_west_east(made):
    # Denser than food ever starts: an agent amid four foods takes them in this order.
    state, kernel, eaten = [2, 2, 3, 1, 2, 1, 2, 1, 1, 2, 3, 1, 3, 2, 1, 4], made(players=1, food=4), []
    for _ in range(4):
        before, (state, rewards, ended) = state, stepped(kernel, state, [LOAD])
        eaten += [f for f in range(4) if before[5 + 3 * f] and not state[5 + 3 * f]]
        assert rewards == [0.25]
    assert eaten == [0, 3, 1, 2] and ended


def test_food_that_others_have_just_eaten_gives_nothing(made):
    # Agent 0 turns to the food north of it and agent 1 to the one north of itself, which agent 0 loads with it.
    state = [3, 2, 1, 2, 3, 1, 2, 2, 1, 3, 3, 1, 2]
    after, rewards, ended = stepped(made(penalty=9.0), state, [LOAD, LOAD])
    assert after[8] == 0 and after[11] in (0, 1) and sum(rewards) > 0 and ended == (after[11] == 0)


def test_a_board_without_food_ends_at_the_first_step(made):
    assert stepped(made(players=1, food=1, size=3), [1, 1, 1, 0, 0, 0, 0], [NONE])[2] is True


# -- what is seen ---------------------------------------------------------------------------------------


def obs_of(kernel, state):
    observation = np.zeros((1, kernel.views, kernel.features))
    kernel.observe(np.array([state], np.float64), observation)
    return observation[0].tolist()


def test_all_is_seen_and_oneself_first(made):
    state = [0, 3, 1, 6, 7, 2, 2, 3, 3, 5, 6, 1, 4]
    assert obs_of(made(), state) == [[2, 3, 3, 5, 6, 1, 0, 3, 1, 6, 7, 2], [2, 3, 3, 5, 6, 1, 6, 7, 2, 0, 3, 1]]
    assert obs_of(made(observe_agent_levels=False), state) == [
        [2, 3, 3, 5, 6, 1, 0, 3, 6, 7], [2, 3, 3, 5, 6, 1, 6, 7, 0, 3]]
    state[8] = 0        # the first food is gone: the second moves up
    assert obs_of(made(), state)[0] == [5, 6, 1, -1, -1, 0, 0, 3, 1, 6, 7, 2]


def test_places_are_told_from_the_corner_of_what_is_seen(made):
    # Sight 1. Agent 0 at (4, 4) looks from (3, 3): the food at (5, 3) stands at (2, 0), that at (6, 6) is too far.
    # Agent 1 at (0, 1) looks from (0, 0): nothing near; agent 2 at (3, 5) is near agent 0 only.
    state = [4, 4, 1, 0, 1, 2, 3, 5, 3, 5, 3, 2, 6, 6, 1, 3]
    assert obs_of(made(players=3, sight=1), state) == [
        [2, 0, 2, -1, -1, 0, 1, 1, 1, 0, 2, 3, -1, -1, 0],
        [-1, -1, 0, -1, -1, 0, 0, 1, 2, -1, -1, 0, -1, -1, 0],
        [-1, -1, 0, -1, -1, 0, 1, 1, 3, 2, 0, 1, -1, -1, 0]]


def test_near_the_upper_left_border_agents_are_seen_further_than_food(made):
    # Sight 1 from (0, 0): an agent at (2, 2) is in the square of three from the corner; food at (2, 1) is not near.
    kernel = made(sight=1, food=1)
    assert obs_of(kernel, [0, 0, 1, 2, 2, 2, 2, 1, 1, 1])[0] == [-1, -1, 0, 0, 0, 1, 2, 2, 2]
    # Near the lower right border there is no such square.
    assert obs_of(kernel, [7, 7, 1, 5, 5, 2, 2, 1, 1, 1])[0] == [-1, -1, 0, 1, 1, 1, -1, -1, 0]


# -- starts ---------------------------------------------------------------------------------------------


def started(kernel, uniforms):
    state = np.zeros((1, kernel.state_size))
    kernel.start(state, np.array([uniforms], np.float64), np.zeros((1, 0)))
    return state[0].tolist()


def test_draws(made):
    kernel = made(players=3, food=4)
    assert (kernel.step_uniforms, kernel.step_normals, kernel.start_uniforms, kernel.start_normals) == (0, 0, 21, 0)


def test_a_start_by_hand(made):
    # 5 x 6 squares. Agent 0 on square 0 of 30, level 1 or 2: 2. Agent 1 on 15 of the other 29, which is square 16:
    # (2, 4), level 1. Food on the 3 x 4 squares inside, without (2, 4): the sixth of 11 is (2, 2), level 1 to 3: 3.
    # That leaves no square inside for the other food but (1, 4) and (3, 4): the second, level 1.
    kernel = made(size=(5, 6))
    uniforms = [0.0, 0.0, 0.5, 0.0, 15.5 / 29, 0.49, 0.0, 5.5 / 11, 0.99, 0.0, 0.5, 0.0]
    assert started(kernel, uniforms) == [0, 0, 2, 2, 4, 1, 2, 2, 3, 3, 4, 1, 4]


def test_food_comes_in_reading_order(made):
    # The first food on the last square inside, the second on the first.
    kernel = made(players=1, size=6, max_food_level=(2, 2), min_food_level=(1, 2), max_player_level=1)
    assert started(kernel, [0.0, 0.0, 0.0, 0.5, 0.999, 0.0, 0.0, 0.0, 0.0]) == [0, 0, 1, 1, 1, 1, 4, 4, 2, 3]
    assert started(kernel, [0.0, 0.0, 0.0, 0.0, 0.999, 0.0, 0.0, 0.0, 0.0]) == [0, 0, 1, 1, 1, 2, 4, 4, 1, 3]


def test_food_without_room_is_missing(made):
    # 5 x 5: food in the middle of the nine squares inside leaves no room for more.
    assert started(made(players=1, size=5, max_player_level=1), [0, 0, 0, 0, 0.5, 0, 0, 0, 0]) == [
        0, 0, 1, 2, 2, 1, 0, 0, 0, 1]
    assert started(made(players=1, size=3, food=1), [0, 0.5, 0, 0, 0, 0]) == [1, 1, 1, 0, 0, 0, 0]


def test_cooperative_food_takes_the_three_weakest(made):
    kernel = made(players=4, food=1, cooperative=True, min_player_level=(5, 1, 3, 2), max_player_level=(5, 1, 3, 2))
    state = started(kernel, np.random.default_rng(0).random(15).tolist())
    assert state[14] == 6 and sorted(state[2:12:3]) == [1, 2, 3, 5]


def test_levels_given_one_by_one_come_in_any_order(backend):
    game = LevelForaging(players=3, food=1, min_player_level=(1, 5, 9), max_player_level=(1, 5, 9))
    env = game.env(runs=600, backend=backend)
    env.reset()
    orders, counts = np.unique(env.state[:, [2, 5, 8]], axis=0, return_counts=True)
    assert len(orders) == 6 and counts.min() > 60


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_starts_are_sound(game, backend):
    env = game.env(runs=300, seed=4, backend=backend)
    env.reset()
    rows, columns = game._shape
    things = env.state[:, :-1].reshape(300, -1, 3)
    for agents, food in zip(things[:, :game.players], things[:, game.players:], strict=True):
        assert len({tuple(a[:2]) for a in agents}) == game.players
        food = food[food[:, 2] > 0]
        taken = {tuple(a[:2]) for a in agents}
        for f in food:
            assert 0 < f[0] < rows - 1 and 0 < f[1] < columns - 1 and tuple(f[:2]) not in taken
        for f in food:
            for g in food:
                down, right = sorted(abs(f[:2] - g[:2]))
                assert (f == g).all() or right > 2 or (down, right) in ((1, 2), (2, 2))
    assert (things[:, game.players:, 2].sum(axis=1) == env.state[:, -1]).all()


def test_every_square_is_as_likely(backend):
    env = LevelForaging(players=2, size=4, food=1).env(runs=4000, seed=1, backend=backend)
    env.reset()
    for i in range(2):
        counts = np.bincount((4 * env.state[:, 3 * i] + env.state[:, 3 * i + 1]).astype(int), minlength=16)
        assert ((counts - 250.0) ** 2 / 250.0).sum() < 15 + 4 * 30**0.5


# -- what never changes ---------------------------------------------------------------------------------


def greedy(state, game):
    """Everyone walks to the first food that is left, by rows first, and loads it; blocked ones mill about."""
    things = state[:-1].reshape(-1, 3)
    food = things[game.players:][things[game.players:, 2] > 0]
    actions = []
    for row, column, _ in things[:game.players]:
        down, right = food[0, :2] - (row, column)
        if abs(down) + abs(right) == 1:
            actions.append(LOAD)
        elif abs(down) > abs(right):
            actions.append(SOUTH if down > 0 else NORTH)
        else:
            actions.append(EAST if right > 0 else WEST)
    return actions


@pytest.mark.parametrize("seed", range(6))
def test_a_cleared_board_is_worth_one(seed, backend):
    game = LevelForaging(players=3, size=7, food=3, max_player_level=3, horizon=0)
    env, generator, total = game.env(seed=seed, backend=backend), np.random.default_rng(seed), 0.0
    env.reset()
    for _ in range(500):
        actions = greedy(env.state[0], game)
        for i in range(3):
            if generator.random() < 0.3:
                actions[i] = int(generator.integers(0, 6))
        _, rewards, terminated, _ = env.step(actions)
        total += rewards.sum()
        if terminated[0]:
            break
    assert terminated[0] and total == pytest.approx(1.0, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_agents_may_be_numbered_otherwise(seed):
    game, generator = LevelForaging(players=4, size=5, food=2, penalty=0.5), np.random.default_rng(seed)
    kernel = game.kernel()
    state = started(kernel, generator.random(kernel.start_uniforms))
    for _ in range(15):
        actions, order = generator.integers(0, 6, 4), generator.permutation(4)
        after, rewards, ended = stepped(kernel, state, actions)
        other = [x for i in order for x in state[3 * i:3 * i + 3]] + state[12:]
        swapped, earned, over = stepped(kernel, other, actions[order])
        assert swapped == [x for i in order for x in after[3 * i:3 * i + 3]] + after[12:]
        assert earned == [rewards[i] for i in order] and over == ended
        state = after


def test_a_board_on_its_side_is_the_same_game():
    # Rows for columns, north for west, south for east; foods come in another reading order.
    game, other, generator = LevelForaging(size=(6, 9)), LevelForaging(size=(9, 6)), np.random.default_rng(3)
    turn = np.array([NONE, WEST, EAST, NORTH, SOUTH, LOAD])

    def turned(state):
        things = np.array(state[:-1]).reshape(-1, 3)[:, [1, 0, 2]]
        food = sorted(things[2:].tolist())
        return [*things[:2].ravel().tolist(), *(x for f in food for x in f), state[-1]]

    env, kernel, loads = game.env(runs=200, seed=8), other.kernel(), 0
    env.reset()
    for _ in range(30):
        before = env.state.copy()
        actions = generator.integers(0, 6, (200, 2), dtype=np.int32)
        actions[generator.random((200, 2)) < 0.4] = LOAD
        _, rewards, terminated, truncated = env.step(actions)
        for r in range(0, 200, 10):
            after, earned, ended = stepped(kernel, turned(before[r]), turn[actions[r]])
            assert (after, earned, ended) == (turned(env.state[r]), rewards[r].tolist(), bool(terminated[r]))
        loads += (rewards > 0).sum()
        env.reset(terminated | truncated)
    assert loads > 20


def test_iql_learns_to_clear_a_small_board():
    # 3 x 3 with one food in the middle: the agent walks to a side of it (one or no step) and loads.
    game = LevelForaging(players=1, size=3, food=1, max_player_level=1, horizon=10)
    run = mf.train(game, mf.IQL(learning_rate=0.5, discount=0.9, explore=mf.EpsilonGreedy(0.3)),
                   encoder=mf.Rounding(0), episodes=600, seed=0)
    returns = mf.evaluate(game, run, episodes=200, seed=1).returns
    # A ninth of the starts have the agent in the middle and no food, worth nothing.
    assert 0.8 < returns.mean() < 0.97


# -- what cannot be -------------------------------------------------------------------------------------

BASE = [1, 1, 1, 3, 4, 2, 3, 3, 2, 5, 6, 1, 3]


@pytest.mark.parametrize("k, value", [
    (0, -1.0), (0, 8.0), (0, 0.5), (0, np.nan), (1, np.inf), (1, 8.0), (2, -1.0), (2, 1000.0), (2, 1e300),
    (6, 0.0), (6, 7.0), (7, 0.0), (7, 7.0), (7, -1e300), (8, 0.5), (8, np.nan), (9, 8.0), (12, 2.0), (12, np.nan),
    (12, 64000.0), (6, 6.0), (9, 3.0),
])
def test_what_is_no_state_is_refused_and_left_alone(made, k, value):
    kernel, state = made(), np.array([BASE], np.float64)
    if (k, value) == (9, 3.0):
        state[0, 10] = 3.0      # two foods on one square
    state[0, k] = value
    before = state.copy()
    rewards, terminated = np.full((1, 2), 7.0), np.ones(1, bool)
    with pytest.raises(ValueError, match="step: the state is not one of the game's"):
        kernel.step(state, np.array([[LOAD, EAST]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, terminated)
    assert state.tobytes() == before.tobytes() and rewards.tolist() == [[7.0, 7.0]]
    with pytest.raises(ValueError, match="observe: the state is not one of the game's"):
        kernel.observe(state, np.zeros((1, 2, 12)))


@pytest.mark.parametrize("action", [-1, 6, 2**31 - 1, -(2**31)])
def test_actions_outside_are_refused(made, action):
    kernel, state = made(), np.array([BASE], np.float64)
    with pytest.raises(ValueError, match="an action lies outside"):
        kernel.step(state, np.array([[0, action]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), np.zeros((1, 2)),
                    np.zeros(1, bool))
    assert state[0].tolist() == BASE


@pytest.mark.parametrize("draw", [-1e-9, 1.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("k", [0, 4, 8, 11])
def test_draws_outside_are_refused(made, k, draw):
    kernel, uniforms, state = made(), np.zeros((1, 12)), np.full((1, 13), 7.0)
    uniforms[0, k] = draw
    with pytest.raises(ValueError, match="a draw lies outside"):
        kernel.start(state, uniforms, np.zeros((1, 0)))
    assert (state == 7.0).all()


@pytest.mark.parametrize("options, error, message", [
    ({"players": 0}, ValueError, "players: expected 1 to 64, got 0"),
    ({"players": 65}, ValueError, "players: expected 1 to 64, got 65"),
    ({"players": 10, "size": 3}, ValueError, "players: expected at most one for each of the 9 squares, got 10"),
    ({"players": 1.5}, TypeError, "players: expected a whole number"),
    ({"food": 0}, ValueError, "food: expected 1 to 64, got 0"),
    ({"size": 2}, ValueError, "size: expected 3 to 64, got 2"),
    ({"size": 65}, ValueError, "size: expected 3 to 64, got 65"),
    ({"size": (5, 2)}, ValueError, r"size\[1\]: expected 3 to 64, got 2"),
    ({"size": (5, 5, 5)}, ValueError, "size: expected one number, or rows and columns"),
    ({"sight": -1}, ValueError, "sight: expected at least 0, got -1"),
    ({"cooperative": 1}, TypeError, "cooperative: expected True or False, got 1"),
    ({"normalize_reward": "yes"}, TypeError, "normalize_reward: expected True or False"),
    ({"observe_agent_levels": None}, TypeError, "observe_agent_levels: expected True or False"),
    ({"penalty": -0.1}, ValueError, "penalty: expected at least 0.0"),
    ({"penalty": np.nan}, ValueError, "penalty: expected a finite number"),
    ({"horizon": -1}, ValueError, "horizon: expected at least 0"),
    ({"min_player_level": 0}, ValueError, "min_player_level: expected 1 to 99, got 0"),
    ({"max_player_level": 100}, ValueError, "max_player_level: expected 1 to 99, got 100"),
    ({"max_player_level": None}, TypeError, "max_player_level: expected a whole number, got None"),
    ({"min_player_level": 3}, ValueError, "min_player_level: expected at most max_player_level, got 3 and 2"),
    ({"min_player_level": (1, 3)}, ValueError, "got 3 and 2 for player 1"),
    ({"min_player_level": (1, 1, 1)}, ValueError, "min_player_level: expected one number, or 2, got 3"),
    ({"max_food_level": (1, 0)}, ValueError, r"max_food_level\[1\]: expected 1 to 999, got 0"),
    ({"max_food_level": 1, "min_food_level": 2}, ValueError, "min_food_level: expected at most max_food_level"),
    ({"min_food_level": 3}, ValueError, "min_food_level: expected at most 2, the least that"),
])
def test_arguments_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        LevelForaging(**options)


def levels(*values):
    return np.array(values, np.int32)


@pytest.mark.parametrize("changes, message", [
    ({"agents": 0}, "agents, foods"), ({"agents": 65}, "agents, foods"), ({"foods": 0}, "agents, foods"),
    ({"foods": 65}, "agents, foods"), ({"rows": 2}, "rows, columns"), ({"columns": 65}, "rows, columns"),
    ({"agents": 10, "rows": 3, "columns": 3}, "rows, columns"), ({"sight": -1}, "sight"),
    ({"min_player": levels(0, 1)}, "min_player, max_player"), ({"max_player": levels(1, 1000)}, "max_player"),
    ({"min_player": levels(1, 9)}, "min_player, max_player"), ({"min_player": levels(1)}, "min_player: expected shape"),
    ({"max_player": levels(999, 2)}, "max_player: expected the three lowest"),
    ({"min_food": levels(0)}, "min_food, max_food"), ({"min_food": levels(3)}, "min_food, max_food"),
    ({"max_food": levels(1000)}, "min_food, max_food"), ({"max_food": levels(1), "min_food": levels(2)}, "min_food"),
])
def test_kernels_check_what_they_are_made_of(module, changes, message):
    good = {"agents": 2, "rows": 5, "columns": 5, "foods": 1, "sight": 5, "cooperative": False, "normalize": True,
            "observe_levels": True, "penalty": 0.0, "min_player": levels(1, 1), "max_player": levels(2, 2),
            "min_food": levels(1), "max_food": None}
    module("foraging").Foraging(**good)
    with pytest.raises(ValueError, match=message):
        module("foraging").Foraging(**good | changes)


# -- both backends --------------------------------------------------------------------------------------


def outcome(kernel, state, actions):
    """Bytes of all that one step and one look give, and the error of each: run by run."""
    results = []
    for r in range(len(state)):
        now = state[r:r + 1].copy()
        rewards, terminated = np.full((1, kernel.agents), 7.0), np.zeros(1, bool)
        observation, errors = np.full((1, kernel.views, kernel.features), 7.0), []
        try:
            kernel.step(now, actions[r:r + 1], np.zeros((1, 0)), np.zeros((1, 0)), rewards, terminated)
        except ValueError as error:
            errors.append(str(error))
        try:
            kernel.observe(now, observation)
        except ValueError as error:
            errors.append(str(error))
            observation[:] = 0.0
        results.append((errors, *(a.tobytes() for a in (now, rewards, terminated, observation))))
    return results


HOSTILE = np.array([-1.0, 0.5, 1e300, -1e300, np.nan, np.inf, -0.0, 64.0, 128.0, 1000.0, 2.0**63])


def some_game(generator):
    rows, columns = generator.integers(3, 12, 2).tolist() if generator.random() < 0.9 else (64, 64)
    players = int(generator.integers(1, min(rows * columns, 14) + 1)) if generator.random() < 0.9 else 9
    own, most = bool(generator.random() < 0.5), 1 + int(generator.integers(0, 4))
    food = int(generator.integers(1, 8))
    return LevelForaging(
        players=players, size=(rows, columns), food=food, horizon=0, max_player_level=most,
        sight=None if generator.random() < 0.4 else int(generator.integers(0, 6)),
        cooperative=bool(generator.random() < 0.3), penalty=float(generator.choice([0.0, 0.3])),
        max_food_level=tuple(generator.integers(1, 6, food).tolist()) if own else None,
        normalize_reward=bool(generator.random() < 0.7), observe_agent_levels=bool(generator.random() < 0.7),
        leaves=bool(generator.random() < 0.3))


@given(st.integers(0, 2**32 - 1))
def test_both_backends_play_alike(seed):
    generator = np.random.default_rng(seed)
    game = some_game(generator)
    envs = [game.env(runs=6, seed=seed, backend=backend) for backend in ("cython", "numpy")]
    assert envs[0].reset().tobytes() == envs[1].reset().tobytes()
    for _ in range(12):
        actions = generator.integers(0, 6, (6, game.players), dtype=np.int32)
        actions[generator.random(actions.shape) < 0.4] = LOAD
        parts = [env.step(actions) for env in envs]
        assert [a.tobytes() for a in parts[0]] == [a.tobytes() for a in parts[1]]
        assert envs[0].state.tobytes() == envs[1].state.tobytes()
        for env in envs:
            env.reset(parts[0][2])


@given(st.integers(0, 2**32 - 1))
def test_both_backends_refuse_alike(seed):
    """Crowded boards that no start gives, with numbers here and there that are no state at all."""
    generator = np.random.default_rng(seed)
    game, runs = some_game(generator), 12
    rows, columns = game._shape
    agents = generator.integers(0, (rows, columns, 4), (runs, game.players, 3))
    inside = (rows - 2) * (columns - 2)
    state = np.zeros((runs, 3 * (game.players + game.food) + 1))
    for r in range(runs):
        squares = np.sort(generator.permutation(inside)[:game.food])
        food = np.zeros((game.food, 3))
        food[:len(squares)] = np.stack([1 + squares // (columns - 2), 1 + squares % (columns - 2),
                                        generator.integers(0, 4, len(squares))], axis=1)
        state[r] = [*agents[r].ravel(), *food.ravel(), food[:, 2].sum() + generator.integers(0, 3)]
    actions = generator.integers(0, 6, (runs, game.players), dtype=np.int32)
    actions[generator.random(actions.shape) < 0.5] = LOAD
    for r in range(0, runs, 3):
        state[r, generator.integers(0, state.shape[1])] = generator.choice(HOSTILE)
    actions[1, generator.integers(0, game.players)] = generator.choice([-1, 6, 2**31 - 1])
    state[1, 0] = generator.choice([0.0, np.nan])
    both = [outcome(game.kernel(backend), state, actions) for backend in ("cython", "numpy")]
    assert both[0] == both[1]


@given(st.integers(0, 2**32 - 1))
def test_both_backends_start_alike(seed):
    generator = np.random.default_rng(seed)
    game = some_game(generator)
    ends = np.array([0.0, 1.0 - 2.0**-53, 0.5])
    shape = 8, 3 * (game.players + game.food)
    uniforms = np.where(generator.random(shape) < 0.2, generator.choice(ends, shape), generator.random(shape))
    states = []
    for backend in ("cython", "numpy"):
        state = np.full((8, shape[1] + 1), 7.0)
        game.kernel(backend).start(state, uniforms, np.zeros((8, 0)))
        states.append(state.tobytes())
    assert states[0] == states[1]


def test_the_largest_board():
    game = LevelForaging(players=64, size=64, food=64, max_player_level=99, sight=9)
    envs = [game.env(runs=2, backend=backend) for backend in ("cython", "numpy")]
    assert envs[0].reset().tobytes() == envs[1].reset().tobytes()
    assert (envs[0].state[:, 3 * 64 + 2:-1:3] > 0).all()
    actions = np.random.default_rng(0).integers(0, 6, (2, 64), dtype=np.int32)
    for _ in range(3):
        assert envs[0].step(actions)[0].tobytes() == envs[1].step(actions)[0].tobytes()


def test_no_runs(made):
    kernel, arrays = made(), {"state": np.zeros((0, 13)), "obs_of": np.zeros((0, 2, 12)), "rewards": np.zeros((0, 2))}
    assert kernel.start(arrays["state"], np.zeros((0, 12)), np.zeros((0, 0))) is None
    assert kernel.observe(arrays["state"], arrays["obs_of"]) is None
    assert kernel.step(arrays["state"], np.zeros((0, 2), np.int32), np.zeros((0, 0)), np.zeros((0, 0)),
                       arrays["rewards"], np.zeros(0, bool)) is None
    assert [array.shape for array in arrays.values()] == [(0, 13), (0, 2, 12), (0, 2)]


def test_kernels_keep_levels_of_their_own(module):
    # An array that is changed after the kernel was made changes nothing.
    most = levels(2, 2)
    kernel = by_name(module("foraging").Foraging, 2, 8, 8, 1, 8, False, True, True, 0.0, levels(1, 1), most, levels(1),
                     None)
    most[:] = -5
    assert started(kernel, [0.0, 0.0, 0.99] * 3) == [0, 0, 2, 0, 1, 2, 1, 1, 4, 4]


# -- what it looks like ---------------------------------------------------------------------------------


def test_the_board_as_text():
    game = LevelForaging(players=3, size=(3, 4), food=1)
    assert game.render(np.array([0.0, 0, 1, 2, 3, 2, 2, 3, 12, 1, 2, 3, 3])).splitlines() == [
        "a1     .      .      .", ".      .      3      .", ".      .      .      b2+c12", "food left: level 3 of 3"]


def test_facts():
    game = LevelForaging()
    assert game == LevelForaging(size=8) and game.views == game.agents == 2 and game.horizon == 50
    assert [b.tolist() for b in game.bounds] == [[-1, -1, 0] * 4, [7, 7, 4] * 2 + [7, 7, 2] * 2]
    assert LevelForaging(penalty=0.5).reward_bounds == (-0.5, 1.0)
    assert LevelForaging(normalize_reward=False).reward_bounds == (-0.0, 8.0)
    assert mf.registry.from_dict("game", {"name": "level_foraging", "size": [5, 6], "players": 3}).size == (5, 6)


# -- agents who leave --------------------------------------------------------------------------------

LEAVING = LevelForaging(players=3, size=(4, 5), food=2, max_player_level=1, max_food_level=1, leaves=True, horizon=0)


def test_who_loads_leaves_by_hand(backend):
    """Agents at (1, 1), (2, 4) and (3, 0), foods of level 2 at (1, 2) and 1 at (2, 3), west of the second agent."""
    kernel = LEAVING.kernel(backend)
    state = np.array([[1, 1, 1, 2, 4, 1, 3, 0, 1, 1, 2, 2, 2, 3, 1, 3]], np.float64)
    rewards, over, present = np.zeros((1, 3)), np.ones(1, bool), np.zeros((1, 3), bool)
    kernel.step(state, np.array([[5, 5, 1]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, over)
    # The first alone is too weak; the second loads, earns 1 * 1 / (1 * 3), and is gone.
    assert rewards.tolist() == [[0.0, 1 / 3, 0.0]] and not over[0]
    assert state.tolist() == [[1, 1, 1, 2, 4, 0, 2, 0, 1, 1, 2, 2, 2, 3, 0, 3]]
    kernel.present(state, present)
    assert present.tolist() == [[True, False, True]]
    # Whatever stands as the action of who has left; its square is free, and nobody sees it.
    kernel.step(state, np.array([[0, -1, 4]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, over)
    assert state[0, 3:9].tolist() == [2, 4, 0, 2, 1, 1]
    observation = np.zeros((1, 3, kernel.features))
    kernel.observe(state, observation)
    assert observation[0, 0].tolist() == [1, 2, 2, -1, -1, 0, 1, 1, 1, 2, 1, 1, -1, -1, 0]
    kernel.step(state, np.array([[5, -7, 1]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, over)
    assert state[0, 6:8].tolist() == [2, 1]          # who stays on (1, 1) is in the way
    with pytest.raises(ValueError, match="^step: an action lies outside the agent's actions$"):
        kernel.step(state, np.array([[-1, -1, 1]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, over)


def test_a_group_leaves_together_and_the_last_ends_the_game():
    game = LevelForaging(players=2, size=4, food=2, max_player_level=1, min_food_level=2, max_food_level=2, leaves=True)
    for backend in BACKENDS:
        kernel = game.kernel(backend)
        state = np.array([[1, 0, 1, 0, 1, 1, 1, 1, 2, 2, 2, 2, 4]], np.float64)
        rewards, over, present = np.zeros((1, 2)), np.ones(1, bool), np.ones((1, 2), bool)
        kernel.step(state, np.array([[5, 5]], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, over)
        kernel.present(state, present)
        assert rewards.tolist() == [[0.25, 0.25]] and not present.any() and state[0, [2, 5]].tolist() == [0, 0]
    run = mf.train(game, mf.IQL(0.3), encoder=mf.Rounding(0), episodes=300, seed=0)
    # The loop ends where nobody is left, though there is food.
    assert run.lengths.min() < game.horizon and run.returns.max() <= 0.5


@pytest.mark.parametrize("learner", [mf.IQL(0.2), mf.learners.HystereticQ(0.2, 0.05), mf.learners.ExpectedSARSA(0.2)],
                         ids=lambda one: one.name)
def test_learners_take_it(learner, tmp_path):
    game = LevelForaging(players=3, size=6, food=3, max_food_level=2, leaves=True, horizon=40)
    made = {"encoder": mf.Rounding(0), "runs": 3, "seed": 1}
    run = mf.train(game, learner, episodes=60, **made)
    assert_same(run, mf.train(game, learner, episodes=60, backend="numpy", **made))
    mf.train(game, learner, episodes=20, **made).save(tmp_path / "run.npz")
    assert_same(run, mf.train(resume=mf.load(tmp_path / "run.npz"), episodes=40))
    assert (run.agent_lengths.min(axis=2) < run.lengths).any() and (run.agent_lengths.max(axis=2) <= run.lengths).all()
    assert "\n" in game.render(game.env(seed=0).state[0])


def test_what_does_not_take_it():
    game = LevelForaging(leaves=True)
    assert game.participation == ("present",) and LevelForaging().participation == ()
    with pytest.raises(ValueError, match="agents come and go"):
        mf.train(game, mf.learners.QMIX(), encoder=mf.Rounding(0), episodes=2)
    with pytest.raises(TypeError, match="^leaves: expected True or False, got 3$"):
        LevelForaging(leaves=3)
