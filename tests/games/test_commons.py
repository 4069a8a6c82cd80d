"""Harvest and clean-up by hand, what always holds, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.games.commons import Cleanup, Harvest

EXAMPLES = [
    Harvest(rows=3, columns=4, horizon=6), Harvest(agents=5, rows=4, columns=5, view=2, reach=2, regrowth=(0.1, 0.5,
    0.9)), Harvest(agents=1, rows=1, columns=1, horizon=3), Cleanup(horizon=8), Cleanup(agents=6, rows=4, columns=4,
    river=3, orchard=1, view=0, reach=1, apple_rate=0.6, waste_rate=1.0, depletion=1.0,
            restoration=0.3, start_waste=0.25, fine=2.5, cost=0.5, horizon=0),
]
N, S, E, W, STAND, FINE, CLEAN = range(7)


def stepped(game, backend, agents, apples, actions, waste=(), draws=None):
    """(agents, apples, waste, rewards) after a step from a state told by its parts; draws: 1 - 2**-52 unless given."""
    kernel = game.kernel(backend)
    state = np.concatenate([np.ravel(part) for part in (agents, apples, waste)]).astype(np.float64)[None]
    uniforms = np.full((1, kernel.step_uniforms), 1 - 2.0**-52)
    uniforms[0, 0] = 0.0                # agent 0 moves first
    for k, u in (draws or {}).items():
        uniforms[0, k] = u
    rewards, terminated = np.zeros((1, game.agents)), np.ones(1, bool)
    kernel.step(state, np.array([actions], np.int32), uniforms, np.zeros((1, 0)), rewards, terminated)
    assert not terminated.any()
    ends = 3 * game.agents, 3 * game.agents + game.rows * game._orchard
    return tuple(state[0, a:b].astype(int).tolist() for a, b in zip((0, *ends), (*ends, None), strict=True)) + (
        rewards[0].tolist(),)


def test_moves_and_apples_by_hand(backend):
    game = Harvest(rows=2, columns=3, regrowth=[0.0])
    # Agent 0 on the upper left goes right and eats; agent 1 wants to go where it now stands, and only turns.
    after = stepped(game, backend, [0, 0, N, 1, 1, E], [0, 1, 1, 1, 0, 0], [E, N])
    assert after == ([0, 1, E, 1, 1, N], [0, 0, 1, 1, 0, 0], [], [1.0, 0.0])
    # Agent 1 first: it is the one who eats.
    after = stepped(game, backend, [0, 0, N, 1, 1, E], [0, 1, 1, 1, 0, 0], [E, N], draws={0: 0.5})
    assert after == ([0, 0, E, 0, 1, N], [0, 0, 1, 1, 0, 0], [], [0.0, 1.0])
    # Off the board nobody goes; who stands keeps where it is turned to, and eats what lies there.
    after = stepped(game, backend, [0, 0, S, 1, 2, W], [1, 0, 0, 0, 0, 0], [N, STAND])
    assert after == ([0, 0, N, 1, 2, W], [0] * 6, [], [1.0, 0.0])


def test_fines_by_hand(backend):
    # Agent 0 in the middle of the left border, turned east, reaches two columns, three rows.
    game = Harvest(agents=4, rows=3, columns=5, reach=2, fine=50.0, cost=1.0, regrowth=[0.0])
    agents = [1, 0, E, 0, 1, S, 2, 2, N, 1, 3, W]
    assert stepped(game, backend, agents, [0] * 15, [FINE, STAND, STAND, STAND])[3] == [-1.0, -50.0, -50.0, 0.0]
    # Three beams: agent 3, turned west, has 1 and 2 in it; agent 1, turned south, has 0 and 2.
    assert stepped(game, backend, agents, [0] * 15, [FINE, FINE, STAND, FINE])[3] == [-51.0, -101.0, -150.0, -1.0]
    # And agent 2, turned north, has 1 and 3.
    assert stepped(game, backend, agents, [0] * 15, [FINE] * 4)[3] == [-51.0, -151.0, -151.0, -51.0]


@pytest.mark.parametrize("square, chance", [(0, 0.02), (2, 0.05), (4, 0.0), (9, 0.05), (14, 0.005)])
def test_how_apples_grow_back_by_hand(backend, square, chance):
    """Apples nearby (distance at most 2) of a square: a cross of its rows and columns, and diagonals of one."""
    #  . a . a .      square 0: (0, 1) and (1, 1); 2: (0, 1), (0, 3), (1, 1), (1, 3); 9 : (0, 3), (1, 3), (2, 3)
    #  . a . a .      14: (2, 3) and none else within 2 but (1, 3): diagonal; 4 is agent 0's
    #  . . . a .
    apples = [0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0]
    game = Harvest(agents=1, rows=3, columns=5, regrowth=[0.0, 0.005, 0.02, 0.05])
    if square == 14:
        apples = [0] * 13 + [1, 0]
    for u, grows in ((chance - 1e-12, chance > 0.0), (chance, False)):
        if 0.0 <= u:
            after = stepped(game, backend, [0, 4, N], apples, [STAND], draws={1 + square: u})[1]
            assert after[square] == grows and sum(after) == sum(apples) + grows


def test_apples_grow_by_what_was_there_before(backend):
    """Of a row of four with one apple, its neighbours grow by it, not by each other."""
    game = Harvest(agents=1, rows=2, columns=5, regrowth=[0.0, 0.5, 0.0])
    after = stepped(game, backend, [1, 4, N], [1] + [0] * 9, [STAND], draws={k: 0.4 for k in range(1, 11)})[1]
    assert after == [1, 1, 1, 0, 0, 1, 1, 0, 0, 0]


def test_the_river_by_hand(backend):
    game = Cleanup(agents=1, rows=2, columns=5, river=2, orchard=2, apple_rate=0.8, depletion=0.5, restoration=0.25)
    state = {"agents": [1, 2, W], "apples": [0, 0, 0, 0], "actions": [STAND]}
    # One of four squares is polluted: apples at the full rate; three: none, and no more waste.
    assert stepped(game, backend, **state, waste=[1, 0, 0, 0], draws={1: 0.79, 4: 0.8})[1] == [1, 0, 0, 0]
    assert stepped(game, backend, **state, waste=[1, 1, 1, 0], draws={1: 0.0, 5: 0.0})[1:3] == ([0] * 4, [1, 1, 1, 0])
    # Waste with probability .5, on the second of three clean squares.
    for u, waste in ((0.49, [1, 0, 1, 0]), (0.5, [1, 0, 0, 0])):
        assert stepped(game, backend, **state, waste=[1, 0, 0, 0], draws={5: u, 6: 0.4})[2] == waste
    # In between in proportion: 2 of 8 squares at depletion .5 and restoration 0 give half of the rate.
    game = Cleanup(agents=1, rows=4, columns=5, river=2, orchard=2, apple_rate=0.8, depletion=0.5)
    for u, apples in ((0.399, 1), (0.4, 0)):
        assert sum(stepped(game, backend, [1, 2, W], [0] * 8, [STAND], [1, 1] + [0] * 6, {3: u})[1]) == apples


def test_cleaning_by_hand(backend):
    # Turned west, from the third column: in each of three rows the first waste ahead goes, and no more.
    game = Cleanup(agents=1, rows=4, columns=6, river=3, orchard=1, reach=2, waste_rate=0.0)
    waste = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1]
    after = stepped(game, backend, [1, 3, W], [0] * 4, [CLEAN], waste)
    assert after[2] == [1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1] and after[3] == [0.0]
    assert stepped(game, backend, [1, 3, E], [0] * 4, [CLEAN], waste)[2] == waste


def test_observations_by_hand(backend):
    game = Cleanup(agents=2, rows=2, columns=4, river=1, orchard=1, view=1)
    state = np.array([[0, 0, S, 1, 2, E, 1, 0, 0, 1]], np.float64)
    observation = np.zeros((1, 2, 10))
    game.kernel(backend).observe(state, observation)
    assert observation[0].tolist() == [[4, 4, 4, 4, 3, 0, 4, 2, 0, S], [0, 0, 1, 0, 3, 0, 4, 4, 4, E]]


def test_starts_are_equally_likely(backend):
    kernel = Harvest(agents=2, rows=1, columns=2).kernel(backend)
    found = set()
    for a in range(8):
        for b in range(4):
            state = np.zeros((1, kernel.state_size))
            kernel.start(state, np.array([[(a + 0.5) / 8, (b + 0.5) / 4]]), np.zeros((1, 0)))
            found.add(tuple(state[0].astype(int)))
    assert len(found) == 32 and all(one[1] != one[4] and one[6:] == (0, 0) for one in found)


@pytest.mark.parametrize("game", EXAMPLES)
def test_what_always_holds(game, backend):
    env = game.env(runs=20, seed=3, backend=backend)
    env.reset()
    generator, split = np.random.default_rng(4), 3 * game.agents + game.rows * game._orchard
    for _ in range(25):
        before = env.state.copy()
        actions = (generator.random((20, game.agents)) * game.action_counts).astype(np.int32)
        _, rewards, _, truncated = env.step(actions)
        agents = env.state[:, :3 * game.agents].reshape(20, game.agents, 3)
        for r in range(20):
            assert len({tuple(one[:2]) for one in agents[r]}) == game.agents
        moved = np.abs(agents[..., :2] - before[:, :3 * game.agents].reshape(20, -1, 3)[..., :2])
        assert (moved.sum(axis=2) <= 1).all() and np.isin(env.state[:, 3 * game.agents:], (0, 1)).all()
        assert (env.state[:, split:].sum(axis=1) - before[:, split:].sum(axis=1) <= 1).all()
        low, high = game.reward_bounds
        assert (rewards >= low).all() and (rewards <= high).all()
        if truncated.any():
            env.reset(truncated)


def test_greed_destroys_the_common():
    """Four who always eat leave nothing in the long run; apples that are left alone come back."""
    game = Harvest(agents=4, rows=4, columns=4, horizon=0, regrowth=(0.0, 0.005, 0.02, 0.05))
    env = game.env(runs=50, seed=0)
    env.reset()
    generator = np.random.default_rng(1)
    for _ in range(399):
        env.step(generator.integers(0, 4, (50, 4)).astype(np.int32))
    assert env.state[:, 12:].sum(axis=1).mean() < 0.5
    env.state[:, 12:] = np.tile([1, 1, 0, 0], 4)
    for _ in range(300):
        env.step(np.full((50, 4), STAND, np.int32))
    assert env.state[:, 12:].sum(axis=1).mean() > 10


@given(st.integers(0, 2**32 - 1), st.integers(0, len(EXAMPLES) - 1))
def test_both_backends_take_anything(seed, which):
    """The same error or the same numbers, whatever stands in the arrays; a refused run keeps its state."""
    generator, game, results = np.random.default_rng(seed), EXAMPLES[which], []
    size, draws = game.kernel().state_size, game.kernel().step_uniforms
    state = generator.integers(0, 2, (1, size)).astype(np.float64)
    for i in range(game.agents):
        state[0, 3 * i:3 * i + 3] = generator.integers(0, (game.rows, game.columns, 4))
    actions = (generator.random((1, game.agents)) * game.action_counts).astype(np.int32)
    uniforms, starts = generator.random((1, draws)), generator.random((1, game.agents))
    bad = [np.nan, 1.0, -1.0, 1e300]
    for array, hostile in ((state, [np.nan, np.inf, -1.0, 0.5, 1e300, -0.0, 40.0]), (actions, [-1, 7, 2**31 - 1]),
                           (uniforms, bad), (starts, bad)):
        if generator.random() < 0.3:
            array[0, generator.integers(array.shape[1])] = generator.choice(hostile)
    for backend in ("cython", "numpy"):
        kernel, nothing, found = game.kernel(backend), np.zeros((1, 0)), []
        own, rewards = state.copy(), np.zeros((1, game.agents))
        for call, arrays in ((kernel.step, (own, actions, uniforms, nothing, rewards, np.zeros(1, bool))),
                             (kernel.observe, (state.copy(), np.zeros((1, game.agents, game.features)))),
                             (kernel.start, (np.zeros((1, size)), starts, nothing))):
            try:
                call(*arrays)
                said = ""
            except ValueError as error:
                said = str(error)
            found.append((said, [array.tobytes() for array in arrays]))
        assert not found[0][0] or own.tobytes() == state.tobytes()
        results.append(found)
    assert results[0] == results[1]


@pytest.mark.parametrize("make, message", [
    (lambda: Harvest(agents=0), "agents: expected 1 to 64, got 0"),
    (lambda: Harvest(rows=33), "rows: expected 1 to 32, got 33"),
    (lambda: Harvest(agents=5, rows=2, columns=2), "agents: expected at most one for each of the 4 squares, got 5"),
    (lambda: Harvest(regrowth=()), "regrowth: expected 1 to 13 probabilities, got 0"),
    (lambda: Harvest(regrowth=[0.0, 1.5]), "regrowth[1]: expected"),
    (lambda: Harvest(fine=-1.0), "fine: expected at least 0"),
    (lambda: Harvest(horizon=-1), "horizon: expected at least 0, got -1"),
    (lambda: Cleanup(columns=3), "columns: expected at least 4, for the river and the orchard, got 3"),
    (lambda: Cleanup(river=0), "river: expected 1 to 32, got 0"),
    (lambda: Cleanup(restoration=0.4), "restoration: expected less than depletion, 0.4, got 0.4"),
    (lambda: Cleanup(waste_rate=2.0), "waste_rate: expected"),
])
def test_what_a_game_refuses(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize("changes, message", [
    ({"agents": 0}, "agents, rows, columns: "), ({"rows": 33}, "agents, rows, columns: "),
    ({"agents": 17}, "agents, rows, columns: "), ({"orchard": 0}, "river, orchard: "),
    ({"river": 4}, "river, orchard: "), ({"reach": -1}, "reach, view: "), ({"view": 33}, "reach, view: "),
    ({"depletion": 0.0}, "depletion, restoration"), ({"start_waste": 1.5}, "depletion, restoration"),
    ({"regrowth": np.zeros(12)}, "regrowth: "),
])
def test_what_a_kernel_refuses(module, changes, message):
    given = {"agents": 2, "rows": 4, "columns": 4, "river": 1, "orchard": 2, "reach": 1, "view": 1, "fine": 1.0,
    "cost": 1.0,
             "depletion": 0.4, "restoration": 0.0, "apple_rate": 0.1, "waste_rate": 0.1, "start_waste": 0.5,
             "regrowth": np.zeros(13)}
    with pytest.raises(ValueError, match=f"^{message}"):
        module("commons").Commons(**given | changes)


def test_facts():
    game = Harvest(agents=3)
    assert (game.views, game.features, game.observations) == (3, 10, None) and game.reward_bounds == (-101.0, 1.0)
    assert game.setting == "mixed" and Harvest(agents=1).setting == "cooperative" and not Harvest(horizon=0).ends
    assert mf.games.Cleanup().action_counts.tolist() == [7, 7] and game.action_counts.tolist() == [6, 6, 6]
