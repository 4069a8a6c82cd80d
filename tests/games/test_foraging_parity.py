"""Level-based foraging step by step beside the program it follows: needs ``pip install lbforaging==2.0.0``.

Positions, rewards, observations and ends are equal to the last bit, from starts of ours and starts of theirs. Starts
themselves come from other draws: their distributions are compared.
"""
import collections

import numpy as np
import pytest

from marlfast.games.foraging import LevelForaging

try:    # not importorskip: tests/conftest.py imports this module too
    import lbforaging.foraging as lbforaging
except ImportError:
    lbforaging = None

pytestmark = pytest.mark.skipif(lbforaging is None, reason="needs lbforaging==2.0.0")

NONE, NORTH, SOUTH, WEST, EAST, LOAD = range(6)
MOVES = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)])

GAMES = {
    "5x5-1p-1f": LevelForaging(players=1, size=5, food=1),
    "5x5-3p-4f": LevelForaging(players=3, size=5, food=4),      # never room for four
    "8x8-2p-2f": LevelForaging(),
    "8x8-2p-2f-coop": LevelForaging(cooperative=True),
    "8x8-4p-2f-pen": LevelForaging(players=4, penalty=0.1, min_food_level=2, horizon=30),
    "2s-8x8-2p-2f": LevelForaging(sight=2),
    "3s-9x9-3p-3f-coop-pen": LevelForaging(players=3, size=9, food=3, sight=3, cooperative=True, penalty=0.5),
    "10x10-3p-3f": LevelForaging(players=3, size=10, food=3),
    "15x15-4p-5f": LevelForaging(players=4, size=15, food=5),
    "1s-12x12-6p-6f": LevelForaging(players=6, size=12, food=6, sight=1, max_player_level=4),
    "8x8-2p-3f-raw": LevelForaging(food=3, normalize_reward=False, max_player_level=3),
    "2s-7x7-3p-2f-blind": LevelForaging(players=3, size=7, sight=2, observe_agent_levels=False),
    "8x8-3p-3f-levels": LevelForaging(players=3, food=3, min_player_level=(1, 2, 3), max_player_level=(1, 4, 5),
                                      min_food_level=(1, 2, 6), max_food_level=(1, 5, 9)),
    "6x6-8p-2f-crowd": LevelForaging(players=8, size=6, food=2, horizon=40),
    "4x4-2p-1f": LevelForaging(size=4, food=1, max_food_level=3, cooperative=True, horizon=12),
    "0s-6x6-5p-2f": LevelForaging(players=5, size=6, sight=0, horizon=20),
}


def original(game, seed):
    """The other program, made from a game of ours."""
    plain = {name: getattr(game, name) for name in ("min_player_level", "max_player_level", "min_food_level",
                                                    "max_food_level", "normalize_reward", "observe_agent_levels",
                                                    "penalty", "players")}
    env = lbforaging.ForagingEnv(
        **plain, field_size=(game.size, game.size), max_num_food=game.food, max_episode_steps=game.horizon,
        sight=game.size if game.sight is None else game.sight, force_coop=game.cooperative)
    env.reset(seed=seed)
    return env


def put(env, state):
    """Begin an episode of the other program in a state of ours; returns its observations."""
    agents = len(env.players)
    things = state[:-1].reshape(-1, 3).astype(int)
    env.field = np.zeros(env.field_size, np.int32)
    for player, (row, column, level) in zip(env.players, things[:agents].tolist(), strict=True):
        player.setup((row, column), np.int64(level), env.field_size)
        player.reward = 0
    for row, column, level in things[agents:]:
        if level:
            env.field[row, column] = level
    env._food_spawned = np.int64(state[-1])
    env.current_step, env._game_over = 0, False
    env._gen_valid_moves()
    return env._make_gym_obs()


def taken(env):
    """The state of ours in which an episode of the other program begins."""
    food = [(row, column, env.field[row, column]) for row, column in zip(*np.nonzero(env.field), strict=True)]
    food += [(0, 0, 0)] * (env.max_num_food - len(food))
    return np.array([*(x for p in env.players for x in (*p.position, p.level)), *(x for f in food for x in f),
                     env._food_spawned], np.float64)


def reset_afresh(env):
    """A first episode: players not yet placed have no place where an earlier episode ended."""
    for player in env.players:
        player.position = None
    env.reset()


def wanted(states, agents, together, generator):
    """Actions for states [R, S]: beside food most load, others walk at random or to the nearest food (the first)."""
    things = states[:, :-1].reshape(len(states), -1, 3)
    actions = generator.integers(0, 6, (len(states), agents), dtype=np.int32)
    mood = generator.random((len(states), agents))
    for r in range(len(states)):
        food = things[r, agents:][things[r, agents:, 2] > 0, :2]
        if not len(food):
            continue
        for i in range(agents):
            away = food - things[r, i, :2]
            down, right = away[0 if together else np.abs(away).sum(axis=1).argmin()]
            if abs(down) + abs(right) == 1:
                actions[r, i] = LOAD if mood[r, i] < 0.75 else actions[r, i]
            elif mood[r, i] < 0.6:
                # The longer way first, or on the diagonal either: agents meet, block each other and change places.
                along = abs(down) > abs(right) or (abs(down) == abs(right) and mood[r, i] < 0.3)
                actions[r, i] = (SOUTH if down > 0 else NORTH) if along else (EAST if right > 0 else WEST)
    return actions


def count(events, before, after, actions, rewards, agents):
    """Count what happened in one step of one run."""
    old, new = before[:-1].reshape(-1, 3), after[:-1].reshape(-1, 3)
    events["steps"] += 1
    gone = (old[agents:, 2] > 0) & (new[agents:, 2] == 0)
    events["loads"] += int(gone.sum())
    events["loads together"] += int(gone.sum() == 1 and (rewards > 0).sum() > 1)
    events["loads in vain"] += int(((actions == LOAD) & (rewards < 0)).sum())
    places = [tuple(place) for place in old[:agents, :2].astype(int).tolist()]
    moved = [tuple(place) for place in new[:agents, :2].astype(int).tolist()]
    events["shared squares"] += len(set(moved)) < agents
    food = {tuple(f) for f in old[agents:][old[agents:, 2] > 0, :2].astype(int).tolist()}
    for i in range(agents):
        to = tuple((MOVES[actions[i]] + places[i]).tolist())
        events["collisions"] += to in [p for j, p in enumerate(places) if j != i] and moved[i] == places[i] != to
        events["moves onto food"] += to in food and actions[i] != LOAD
        for j in range(i):
            events["swaps"] += moved[i] == places[j] != places[i] == moved[j]


def compare(game, episodes, seed, events):
    """Play episodes with both programs; every other one begins in a state of theirs."""
    generator = np.random.default_rng(seed)
    ours = game.env(runs=episodes, seed=seed)
    theirs = [original(game, seed * 100003 + r) for r in range(episodes)]
    ours.reset()
    for r in range(1, episodes, 2):
        ours.state[r] = taken(theirs[r])
    kernel = game.kernel()
    observation = np.zeros((episodes, game.views, game.features))
    kernel.observe(ours.state, observation)
    for r in range(episodes):
        first = put(theirs[r], ours.state[r]) if r % 2 == 0 else theirs[r]._make_gym_obs()
        assert (np.array(first) == observation[r]).all()
    low, high = game.bounds
    space = theirs[0].observation_space[0]
    assert (space.low == low).all() and (space.high == high).all()
    going = np.ones(episodes, bool)
    while going.any():
        before, actions = ours.state.copy(), wanted(ours.state, game.players, game.cooperative, generator)
        ended = np.flatnonzero(~going)
        if len(ended):      # an environment steps all its runs: those that ended play on, unwatched
            ours.reset(~going)
        observed, rewards, terminated, truncated = ours.step(actions)
        for r in np.flatnonzero(going):
            obs, earned, done, *_ = theirs[r].step(actions[r].tolist())
            assert (ours.state[r] == np.array([
                *(x for p in theirs[r].players for x in (*p.position, p.level)), *ours.state[r, 3 * game.players:]])
            ).all()
            field = np.zeros(theirs[r].field_size)
            for row, column, level in ours.state[r, 3 * game.players:-1].reshape(-1, 3):
                field[int(row), int(column)] += level
            assert (field == theirs[r].field).all()
            assert np.array(earned, np.float64).tobytes() == rewards[r].tobytes()
            assert (np.array(obs) == observed[r]).all()
            assert (terminated[r], terminated[r] or truncated[r]) == (theirs[r].field.sum() == 0, done)
            count(events, before[r], ours.state[r], actions[r], rewards[r], game.players)
            events["cleared"] += int(terminated[r])
            going[r] = not done
    events["episodes"] += episodes


@pytest.mark.parametrize("name", GAMES)
def test_every_step_is_that_of_lbforaging(name):
    events = collections.Counter()
    compare(GAMES[name], 40, 5, events)
    assert events["loads"] >= 15 and events["episodes"] == 40


def test_its_step_limit_counts_as_an_end():
    """The largest difference: at the limit that program says terminated, never truncated; at_horizon does so too."""
    game = LevelForaging(horizon=3, at_horizon="terminated")
    ours, theirs = game.env(seed=0), original(game, 0)
    ours.reset()
    for step in range(3):
        *_, terminated, truncated = ours.step([0, 0])
        *_, done, cut, _ = theirs.step([0, 0])
        assert (terminated.item(), truncated.item()) == (done, cut) == (step == 2, False)


def test_what_is_rare_happens_in_these_episodes():
    events = collections.Counter()
    for k, name in enumerate(("8x8-2p-2f-coop", "8x8-4p-2f-pen", "6x6-8p-2f-crowd", "4x4-2p-1f")):
        compare(GAMES[name], 32, 70 + k, events)
    for event, least in (("loads", 100), ("loads together", 80), ("loads in vain", 300), ("collisions", 200),
                         ("swaps", 10), ("shared squares", 20), ("moves onto food", 100), ("cleared", 50)):
        assert events[event] >= least, (event, events)


def test_food_denser_than_it_starts():
    # One agent (with more, whose turn it is depends on addresses in memory there) among food on every square.
    game = LevelForaging(players=1, size=6, food=8, max_player_level=3, max_food_level=4)
    env, kernel, generator, loads = original(game, 1), game.kernel(), np.random.default_rng(4), 0
    for _ in range(60):
        squares = np.sort(generator.permutation(16)[:9])
        place, food = squares[4], np.delete(squares, 4)
        things = [(1 + place // 4, 1 + place % 4, 3)]
        things += [(1 + square // 4, 1 + square % 4, generator.integers(1, 5)) for square in food]
        state = np.array([[*np.ravel(things), sum(level for *_, level in things[1:])]], np.float64)
        put(env, state[0])
        for action in generator.choice([1, 2, 3, 4, 5, 5, 5, 5], 12).astype(np.int32):
            before, rewards, terminated = state[0, 5::3].sum(), np.zeros((1, 1)), np.zeros(1, bool)
            kernel.step(state, np.array([[action]]), np.zeros((1, 0)), np.zeros((1, 0)), rewards, terminated)
            _, earned, *_ = env.step([int(action)])
            assert earned == rewards[0].tolist() and (env.players[0].position == state[0, :2]).all()
            food = state[0, 3:-1].reshape(-1, 3)
            assert all(env.field[int(row), int(column)] == level for row, column, level in food)
            loads += state[0, 5::3].sum() < before
    assert loads > 40


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("seed", range(100, 110))
def test_thousands_of_episodes(name, seed):
    events = collections.Counter()
    compare(GAMES[name], 50, seed, events)
    assert events["loads"] > 0


# -- starts ---------------------------------------------------------------------------------------------


def far_apart(ours, theirs):
    """Chi-square of two samples of outcomes, less its mean, in standard deviations; alike if below about 3."""
    ours, theirs = collections.Counter(ours), collections.Counter(theirs)
    a, b = ours.total(), theirs.total()
    statistic = sum((ours[k] * (b / a) ** 0.5 - theirs[k] * (a / b) ** 0.5) ** 2 / (ours[k] + theirs[k])
                    for k in ours | theirs)
    freedom = len(ours | theirs) - 1
    return (statistic - freedom) / (2 * freedom) ** 0.5


STARTS = {
    "5x5-2p-2f": LevelForaging(players=2, size=5, food=2),          # one food in the middle leaves no room for another
    "6x6-1p-2f": LevelForaging(players=1, size=6, food=2, max_player_level=3),
    "5x5-3p-2f-levels": LevelForaging(players=3, size=5, food=2, min_player_level=(1, 3, 5),
                                      max_player_level=(2, 3, 7), min_food_level=(1, 6), max_food_level=(3, 6)),
    "4x4-4p-1f-coop": LevelForaging(players=4, size=4, food=1, cooperative=True),
    "3x3-3p-1f": LevelForaging(players=3, size=3, food=1),          # a third of the starts have no food
}


@pytest.mark.parametrize("name", STARTS)
def test_starts_are_as_likely_as_those_of_lbforaging(name):
    # Where no food fits, the other program draws 1000 squares before it gives up: fewer starts of these.
    compare_starts(STARTS[name], {"3x3-3p-1f": 200, "5x5-2p-2f": 800, "5x5-3p-2f-levels": 800}.get(name, 2000))


@pytest.mark.slow
@pytest.mark.parametrize("name", STARTS)
def test_many_starts_are_as_likely_as_those_of_lbforaging(name):
    compare_starts(STARTS[name], 20000)


def compare_starts(game, starts):
    env, ours = original(game, 3), game.env(runs=max(20000, 4 * starts), seed=2)
    ours.reset()
    theirs = []
    for _ in range(starts):
        reset_afresh(env)
        theirs.append(taken(env))
    agents = game.players
    for what in (lambda s: tuple(s[:2]),                                            # where the first agent stands
                 lambda s: tuple(s[3 * agents - 3:3 * agents - 1]),                 # and the last
                 lambda s: tuple(s[2:3 * agents:3]),                                # all their levels
                 lambda s: tuple(map(tuple, s[3 * agents:-1].reshape(-1, 3)[:, :2])),       # where food is
                 lambda s: (*s[2:3 * agents:3], *s[3 * agents + 2::3], s[-1]),      # levels of all
                 lambda s: (*s[:2], *s[3 * agents:3 * agents + 2])):                # an agent and a food
        assert far_apart(map(what, ours.state), map(what, theirs)) < 4.0


def test_the_comparison_of_starts_sees_a_difference():
    generator = np.random.default_rng(0)
    fair, biased = generator.integers(0, 20, 20000), generator.integers(0, 20, 5000)
    assert far_apart(fair.tolist(), biased.tolist()) < 4.0
    biased[::10] = 0
    assert far_apart(fair.tolist(), biased.tolist()) > 10.0
