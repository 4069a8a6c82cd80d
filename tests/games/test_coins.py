"""The coin game by hand, its symmetries, and equality of both backends.

A state is (row, column of each agent, row, column of the coin, colour). The edges of the board are joined.
"""
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import BACKENDS, kernels
from marlfast.games.coins import CoinGame

EXAMPLES = [
    CoinGame(),
    CoinGame(size=2, agents=1, horizon=5),
    CoinGame(size=5, stay=True, colours="alternate", horizon=0),
    CoinGame(size=3, agents=8, stay=True, horizon=20),
    CoinGame(size=4, agents=3, numbered=False, colours="alternate"),
    CoinGame(size=7, agents=2, stay=True),
]

N, S, E, W, STAND = range(5)


def coins(module, **changes):
    values = {"agents": 2, "size": 3, "stay": False, "alternate": False, "numbered": True} | changes
    return module("coins").Coins(**values)


def played(kernel, state, actions, u=0.0):
    """(state, rewards) of one run after one step; nothing terminates."""
    state, rewards = np.array([state], np.float64), np.full((1, kernel.agents), np.nan)
    terminated = np.ones(1, bool)
    kernel.step(state, np.array([actions], np.int32), np.array([[u]]), np.zeros((1, 0)), rewards, terminated)
    assert not terminated[0]
    return tuple(state[0].tolist()), tuple(rewards[0].tolist())


def begun(kernel, *uniforms):
    state = np.full((1, kernel.state_size), np.nan)
    kernel.start(state, np.array([uniforms]), np.zeros((1, 0)))
    return tuple(state[0].tolist())


def obs_of(kernel, state):
    observation = np.full((1, 1, kernel.features), np.nan)
    kernel.observe(np.array([state], np.float64), observation)
    return observation[0, 0].tolist()


def middles(count):
    """Uniforms in the middle of ``count`` equal parts of [0, 1)."""
    return (np.arange(count) + 0.5) / count


# -- moves and rewards ---------------------------------------------------------------------------

@pytest.mark.parametrize("before, actions, after", [
    ((1, 1, 0, 0, 2, 2, 0), (N, S), (0, 1, 1, 0)), ((1, 1, 0, 0, 2, 2, 0), (W, E), (1, 0, 0, 1)),
    # Around the edges.
    ((0, 0, 2, 1, 1, 1, 1), (N, S), (2, 0, 0, 1)), ((0, 0, 0, 2, 1, 1, 1), (W, E), (0, 2, 0, 0)),
    # They may meet on a square, and pass through each other.
    ((0, 0, 1, 1, 2, 2, 0), (E, N), (0, 1, 0, 1)), ((0, 0, 0, 1, 2, 2, 0), (E, W), (0, 1, 0, 0)),
    ((1, 1, 0, 0, 2, 2, 0), (STAND, STAND), (1, 1, 0, 0)),
])
def test_moves_that_collect_nothing(module, before, actions, after):
    kernel = coins(module, stay=True)
    assert played(kernel, before, actions, 0.9) == ((*after, *before[4:]), (0.0, 0.0))


# Agent 0 is one step west of the coin on (1, 1), agent 1 one step east.
AT_THE_COIN = (1, 0, 1, 2, 1, 1)


@pytest.mark.parametrize("colour, actions, rewards", [
    (0, (E, S), (1.0, 0.0)), (1, (E, S), (1.0, -2.0)), (0, (N, W), (-2.0, 1.0)), (1, (N, W), (0.0, 1.0)),
    # Both at once: both collect, and the owner loses what the other took.
    (0, (E, W), (-1.0, 1.0)), (1, (E, W), (1.0, -1.0)),
])
def test_who_gains_what(module, colour, actions, rewards):
    assert played(coins(module), (*AT_THE_COIN, colour), actions, 0.5)[1] == rewards


def test_a_coin_under_a_standing_agent_counts_too(module):
    # No such state follows from a start, but it may be set by hand: who stands on the coin collects it.
    assert played(coins(module, stay=True), (1, 1, 0, 0, 1, 1, 1), (STAND, STAND))[1] == (1.0, -2.0)


def test_three_agents_at_one_coin(module):
    kernel = coins(module, agents=3, size=3, numbered=False)
    around = (1, 0, 1, 2, 0, 1, 1, 1)
    for owner in range(3):
        wanted = [1.0, 1.0, 1.0]
        wanted[owner] = 1.0 - 2 * 2
        assert played(kernel, (*around, owner), (E, W, S))[1] == tuple(wanted)
    assert played(kernel, (*around, 2), (E, W, N))[1] == (1.0, 1.0, -4.0)


# -- where the next coin lies --------------------------------------------------------------------

def test_the_next_coin_by_hand(module):
    # Agent 0 collects at (1, 1) = square 4; agent 1 goes to (2, 2) = square 8. Free: 0 1 2 3 5 6 7, each twice.
    kernel, state = coins(module), (*AT_THE_COIN, 0)
    for u, coin in ((0.0, (0, 0, 0)), (1 / 14, (0, 0, 1)), (7.5 / 14, (1, 0, 1)), (8.5 / 14, (1, 2, 0)),
                    (1 - 2**-52, (2, 1, 1))):
        assert played(kernel, state, (E, S), u)[0] == (1, 1, 2, 2, *coin)
    # Both at square 4: eight are free.
    assert played(kernel, state, (E, W), 8.5 / 16)[0] == (1, 1, 1, 1, 1, 2, 0)
    # Taking turns, the draw is for the square alone.
    kernel = coins(module, alternate=True)
    assert played(kernel, (*AT_THE_COIN, 0), (E, S), 4.5 / 7)[0] == (1, 1, 2, 2, 1, 2, 1)
    assert played(kernel, (*AT_THE_COIN, 1), (E, S), 6.5 / 7)[0] == (1, 1, 2, 2, 2, 1, 0)


@pytest.mark.parametrize("agents, size", [(1, 2), (2, 2), (2, 3), (3, 2), (4, 3), (8, 3)])
@pytest.mark.parametrize("alternate", [False, True])
def test_every_free_square_and_colour_is_equally_likely(module, agents, size, alternate):
    """Draws in the middle of equal parts give each (square, colour) once, and no square with an agent."""
    kernel = coins(module, agents=agents, size=size, alternate=alternate, stay=True, numbered=False)
    generator = np.random.default_rng(agents)
    for _ in range(20):
        places = generator.integers(0, size, 2 * agents)
        if generator.random() < 0.5:
            places[-2:] = places[:2]
        owner = int(generator.integers(agents))
        state = (*places, *places[:2], owner)       # agent 0 stands on the coin
        occupied = {(places[2 * i], places[2 * i + 1]) for i in range(agents)}
        free = [square for square in product(range(size), repeat=2) if square not in occupied]
        colours = [(owner + 1) % agents] if alternate else list(range(agents))
        found = []
        for u in middles(len(free) * len(colours)):
            after, _ = played(kernel, state, (STAND,) * agents, u)
            assert after[:-3] == tuple(places)
            found.append(tuple(int(x) for x in after[-3:]))
        assert sorted(found) == sorted((*square, colour) for square in free for colour in colours)


def test_the_start_by_hand(module):
    # Agent 0 on square 4; agent 1 on the fifth of the others, 5; the coin on the fourth of seven, 3, colour 1.
    kernel = coins(module)
    assert kernel.start_uniforms == 3 and kernel.step_uniforms == 1
    assert begun(kernel, 4.5 / 9, 4.5 / 8, 7.5 / 14) == (1, 1, 1, 2, 1, 0, 1)


def test_every_start_is_equally_likely(module):
    kernel, found = coins(module, size=2, agents=2), []
    for draws in product(middles(4), middles(3), middles(4)):
        found.append(begun(kernel, *draws))
    squares = list(product(range(2), repeat=2))
    wanted = [(*a, *b, *c, colour) for a in squares for b in squares for c in squares for colour in (0, 1)
              if len({a, b, c}) == 3]
    assert sorted(found) == sorted(wanted)


# -- what is seen --------------------------------------------------------------------------------

def test_observations_by_hand(module):
    # Squares 4, 8, 3 and colour 1: ((4 * 9 + 8) * 9 + 3) * 2 + 1.
    assert obs_of(coins(module), (1, 1, 2, 2, 1, 0, 1)) == [799]
    assert obs_of(coins(module), (2, 2, 2, 2, 2, 2, 1)) == [1457]
    assert obs_of(coins(module, numbered=False), (1, 1, 2, 2, 1, 0, 1)) == [1, 1, 2, 2, 1, 0, 1]


def test_every_observation_is_one_state(module):
    for agents, size in ((1, 2), (2, 3), (3, 2)):
        kernel = coins(module, agents=agents, size=size)
        states = [(*places, colour) for places in product(range(size), repeat=2 * agents + 2)
                  for colour in range(agents)]
        observation = np.zeros((len(states), 1, 1))
        kernel.observe(np.array(states, np.float64), observation)
        assert CoinGame(size=size, agents=agents).observations == len(states)
        assert sorted(observation[:, 0, 0]) == list(range(len(states)))


def test_observations_are_numbered_where_they_are_few():
    assert CoinGame().observations == 1458 and CoinGame(size=6).observations == 36**3 * 2
    assert CoinGame(size=7).observations is None and CoinGame(size=7).features == 7
    assert CoinGame(size=7, numbered=True).observations == 49**3 * 2
    assert CoinGame(numbered=False).observations is None


# -- invariants ----------------------------------------------------------------------------------

def many(generator, game, count):
    """Random states, actions and draws."""
    state = generator.integers(0, game.size, (count, 2 * game.agents + 3)).astype(np.float64)
    state[:, -1] = generator.integers(0, game.agents, count)
    return (state, (generator.random((count, game.agents)) * game.action_counts).astype(np.int32),
            generator.random((count, 1)))


def stepped(kernel, state, actions, uniforms):
    state, rewards = state.copy(), np.zeros(actions.shape)
    kernel.step(state, np.ascontiguousarray(actions), uniforms, np.zeros((len(state), 0)), rewards,
                np.zeros(len(state), bool))
    return state, rewards


@pytest.mark.parametrize("colours", ["random", "alternate"])
def test_agents_and_colours_exchanged(backend, colours):
    game = CoinGame(stay=True, colours=colours)
    state, actions, uniforms = many(np.random.default_rng(1), game, 5000)
    swap = [2, 3, 0, 1, 4, 5, 6]
    exchanged = state[:, swap]
    exchanged[:, -1] = 1 - state[:, -1]
    after, rewards = stepped(game.kernel(backend), state, actions, uniforms)
    after2, rewards2 = stepped(game.kernel(backend), exchanged, actions[:, ::-1], uniforms)
    assert (rewards[:, ::-1] == rewards2).all() and (after[:, swap[:-1]] == after2[:, :-1]).all()
    # A colour that is drawn does not depend on who is who; all else does.
    same = (rewards == 0).all(axis=1) if colours == "random" else np.ones(5000, bool)
    assert (after[same, -1] == 1 - after2[same, -1]).all()
    assert (after[~same, -1] == after2[~same, -1]).all() and (rewards != 0).any()


def test_the_board_has_no_edge(backend):
    """All moved along by the same rows and columns: so is what follows, until a coin is drawn."""
    game = CoinGame(size=5, agents=3, stay=True, numbered=False)
    state, actions, uniforms = many(np.random.default_rng(2), game, 3000)
    shift = np.array([2, 4] * 4 + [0])
    moved = np.where(shift > 0, (state + shift) % 5, state)
    after, rewards = stepped(game.kernel(backend), state, actions, uniforms)
    after2, rewards2 = stepped(game.kernel(backend), moved, actions, uniforms)
    assert (rewards == rewards2).all() and (rewards != 0).any()
    rest = (rewards == 0).all(axis=1)
    assert (np.where(shift > 0, (after + shift) % 5, after)[rest] == after2[rest]).all()


@pytest.mark.parametrize("game", EXAMPLES)
def test_coins_lie_apart_and_rewards_add_up(game, backend):
    """A coin is never under an agent; each collector brings 1, and costs the owner 2 where it is another's."""
    env = game.env(runs=50, seed=3, backend=backend)
    env.reset()
    generator, n = np.random.default_rng(4), game.agents
    for _ in range(40):
        before = env.state.copy()
        assert ((before[:, 0:2 * n:2] != before[:, [2 * n]]) | (before[:, 1:2 * n:2] != before[:, [2 * n + 1]])).all()
        actions = (generator.random((50, n)) * game.action_counts).astype(np.int32)
        _, rewards, terminated, truncated = env.step(actions)
        assert not terminated.any()
        there = ((env.state[:, 0:2 * n:2] == before[:, [2 * n]])
                 & (env.state[:, 1:2 * n:2] == before[:, [2 * n + 1]]))
        owners = there[np.arange(50), before[:, -1].astype(int)]
        assert (rewards.sum(axis=1) == there.sum(axis=1) - 2 * (there.sum(axis=1) - owners)).all()
        # Without a collector the coin stays.
        assert (env.state[~there.any(axis=1), 2 * n:] == before[~there.any(axis=1), 2 * n:]).all()
        if game.colours == "alternate":
            taken = there.any(axis=1)
            assert (env.state[taken, -1] == (before[taken, -1] + 1) % n).all()
        if truncated.any():
            env.reset(truncated)


# -- known limits --------------------------------------------------------------------------------

def test_random_agents_earn_nothing_on_average():
    # Who collects does not depend on the colour: 1 - 2 * 1/2 on average, to each.
    env = CoinGame(horizon=0).env(runs=3000, seed=5)
    env.reset()
    generator, total = np.random.default_rng(6), np.zeros((3000, 2))
    for _ in range(300):
        total += env.step(generator.integers(0, 4, (3000, 2)).astype(np.int32))[1]
    error = total.std(axis=0) / np.sqrt(3000)
    assert (np.abs(total.mean(axis=0)) < 3 * error).all() and (error > 0.1).all()


def test_one_learner_takes_every_shortest_way():
    """Alone on 2 x 2, two of three coins are one step away and the third two: 3 coins in 4 steps, in the long run."""
    game = CoinGame(size=2, agents=1, horizon=100)
    run = mf.train(game, mf.IQL(learning_rate=0.2, discount=0.9), episodes=300, seed=7)
    coins_in = [0.0, 2 / 3]
    for _ in range(99):
        coins_in.append(2 / 3 * (1 + coins_in[-1]) + 1 / 3 * (1 + coins_in[-2]))
    result = mf.evaluate(game, run.policy(), episodes=500, seed=8)
    assert abs(result.mean - coins_in[100]) < 3 * result.standard_error
    assert 74.5 < coins_in[100] < 75


# -- arguments -----------------------------------------------------------------------------------

@pytest.mark.parametrize("values, message", [
    ({"size": 0}, "size: expected 1 to 1024, got 0"), ({"size": 1025}, "size: expected 1 to 1024, got 1025"),
    ({"agents": 0}, "agents: expected 1 to 64, got 0"), ({"agents": 65}, "agents: expected 1 to 64, got 65"),
    ({"size": 1, "agents": 1},
     "size: expected more squares than agents (1), so that there is room for a coin; got 1 x 1"),
    ({"size": 2, "agents": 4},
     "size: expected more squares than agents (4), so that there is room for a coin; got 2 x 2"),
    ({"stay": "no"}, "stay: expected one of False, True, got 'no'"),
    ({"colours": "red"}, "colours: expected one of 'random', 'alternate', got 'red'"),
    ({"numbered": 3}, "numbered: expected one of False, True, got 3"),
    ({"size": 1024, "agents": 64, "numbered": True},
     "numbered: there are more than 2147483646 observations, too many to number; use numbered=False"),
    ({"horizon": -1}, "horizon: expected at least 0, got -1"),
])
def test_what_a_game_refuses(values, message):
    with pytest.raises(ValueError) as caught:
        CoinGame(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize("values", [{"size": 2.5}, {"agents": "2"}, {"horizon": None}])
def test_what_is_no_number(values):
    with pytest.raises(TypeError, match=f"^{next(iter(values))}: expected a whole number, got "):
        CoinGame(**values)


@pytest.mark.parametrize("changes, message", [
    ({"agents": 0}, "expected 1 to 64 agents and at most 1024, with more squares than agents, got 0, 3"),
    ({"agents": 9}, "expected 1 to 64 agents and at most 1024, with more squares than agents, got 9, 3"),
    ({"agents": 65, "size": 9}, "expected 1 to 64 agents and at most 1024, with more squares than agents, got 65, 9"),
    ({"size": 2**20}, "expected 1 to 64 agents and at most 1024, with more squares than agents, got 2, 1048576"),
])
def test_what_a_kernel_refuses(module, changes, message):
    with pytest.raises(ValueError) as caught:
        coins(module, **changes)
    assert str(caught.value) == f"agents, size: {message}"


def test_a_kernel_refuses_to_number_too_many(module):
    with pytest.raises(ValueError, match="^numbered: there are too many observations to number them$"):
        coins(module, size=1024)


def test_the_largest_board(module):
    kernel = coins(module, agents=64, size=1024, numbered=False)
    state = begun(kernel, *[1 - 2**-52] * 65)
    # The last squares, from the end: agents on 1023, 1022, ... of the last row, the coin before them.
    assert state[:4] == (1023, 1023, 1023, 1022) and state[-3:] == (1023, 1023 - 64, 63)


def test_facts():
    assert CoinGame().setting == "mixed" and CoinGame(agents=1).setting == "cooperative"
    assert CoinGame(agents=4).reward_bounds == (-6.0, 1.0) and not CoinGame(horizon=0).ends


def test_the_text():
    assert CoinGame().render(np.array([0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 1.0])).splitlines() == [
        "0+1 .   .", ".   .   .", ".   c1  .", "c1: agent 1's coin"]


# -- both backends, whatever comes ---------------------------------------------------------------

@given(st.integers(1, 6), st.integers(1, 5), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_both_backends_agree_step_by_step(agents, size, stay, alternate, numbered, seed):
    size = max(size, int(agents**0.5) + 1)
    numbered = numbered and agents < 4
    generator = np.random.default_rng(seed)
    pair = [kernels(backend, "coins").Coins(agents, size, stay, alternate, numbered) for backend in BACKENDS]
    states, draws = [np.zeros((6, 2 * agents + 3)) for _ in pair], generator.random((6, agents + 1))
    for kernel, state in zip(pair, states, strict=True):
        kernel.start(state, draws, np.zeros((6, 0)))
    for _ in range(30):
        actions, uniforms = generator.integers(0, 4 + stay, (6, agents)).astype(np.int32), generator.random((6, 1))
        traces = []
        for kernel, state in zip(pair, states, strict=True):
            rewards, terminated = np.full((6, agents), np.nan), np.ones(6, bool)
            observation = np.zeros((6, 1, kernel.features))
            kernel.step(state, actions, uniforms, np.zeros((6, 0)), rewards, terminated)
            kernel.observe(state, observation)
            traces.append([x.tobytes() for x in (state, rewards, terminated, observation)])
        assert traces[0] == traces[1]


def outcome(call, *arrays):
    """What a call says and what it leaves in the arrays."""
    try:
        call(*arrays)
        said = ""
    except ValueError as error:
        said = str(error)
    return said, [a.tobytes() for a in arrays]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans(), st.booleans())
def test_both_backends_take_anything(seed, agents, alternate, numbered):
    """One run at a time: the same error or the same numbers, and a refused run keeps its state."""
    generator = np.random.default_rng(seed)
    game = CoinGame(size=3, agents=agents, colours="alternate" if alternate else "random", numbered=numbered)
    state, actions, uniforms = many(generator, game, 1)
    draws = generator.random((1, agents + 1))
    hostile_draws = [np.nan, 1.0, -1.0, 1e300]
    for array, hostile in ((state, [np.nan, np.inf, -1.0, 0.5, 1e300, -1e300, -0.0, 3.0, 7.0]),
                           (actions, [-1, 4, 2**31 - 1, -2**31]), (uniforms, hostile_draws), (draws, hostile_draws)):
        if generator.random() < 0.4:
            array[0, generator.integers(array.shape[1])] = generator.choice(hostile)
    results = []
    for backend in BACKENDS:
        kernel, nothing = game.kernel(backend), np.zeros((1, 0))
        s, rewards, terminated = state.copy(), np.zeros((1, agents)), np.zeros(1, bool)
        stepped = outcome(kernel.step, s, actions, uniforms, nothing, rewards, terminated)
        assert not stepped[0] or s.tobytes() == state.tobytes()
        results.append((stepped, outcome(kernel.observe, state.copy(), np.zeros((1, 1, kernel.features))),
                        outcome(kernel.start, state.copy(), draws, nothing)))
    assert results[0] == results[1]
