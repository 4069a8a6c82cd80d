"""Reward structure and shaping by hand, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.backends import kernels
from marlfast.rewards import competitive, cooperative, individual, matrix, mixed

from .make import Transitions


def drift(backend, agents=3, state_size=1, push=0.5, bonus=0.25, bonus_below=1):
    return kernels(backend, "drift").Drift(agents, state_size, 0.1, push, bonus, bonus_below)


def made(backend, name, *arguments, runs=1, agents=3, **facts):
    """A reward kernel of the drift game, and transitions to give it."""
    game = drift(backend, agents, **facts)
    return getattr(kernels(backend, "rewards"), name)(runs, game, *arguments), Transitions(game, runs)


# -- structure -----------------------------------------------------------------------------------

def test_mix_by_hand(backend):
    # own 2; teams {0, 2} and {1}; weights [[1, -1], [1/2, 4]]; rewards 1, 10, 100.
    # Sums 101 and 10. Agent 0: 2 + 101 - 10 = 93; agent 1: 20 + 50.5 + 40 = 110.5; agent 2: 200 + 91 = 291.
    mix, t = made(backend, "Mix", 2.0, np.array([[1.0, -1.0], [0.5, 4.0]]), np.array([0, 1, 0], np.int32))
    assert t.apply(mix, raw=[1.0, 10.0, 100.0]) == [[93.0, 110.5, 291.0]]
    # The structure writes: what stood in rewards before does not count.
    assert t.apply(mix, raw=[1.0, 10.0, 100.0], rewards=1e9) == [[93.0, 110.5, 291.0]]
    assert t.arrays["raw"].tolist() == [[1.0, 10.0, 100.0]]


def test_mix_without_teams(backend):
    mix, t = made(backend, "Mix", 0.5, np.zeros((0, 0)), np.zeros(3, np.int32))
    assert t.apply(mix, raw=[1.0, 10.0, 100.0]) == [[0.5, 5.0, 50.0]]


@pytest.mark.parametrize("structure, expected", [
    # Rewards 1, 2, 3, 10 of four agents.
    (individual(), [1.0, 2.0, 3.0, 10.0]),
    (cooperative(), [4.0, 4.0, 4.0, 4.0]),
    # Own minus the mean of the others: 1 - 5, 2 - 14/3, 3 - 13/3, 10 - 2.
    (competitive(), [-4.0, 2 - 14 / 3, 3 - 13 / 3, 8.0]),
    # Team means 1.5 and 6.5, each minus the other's.
    (mixed([[0, 1], [2, 3]]), [-5.0, -5.0, 5.0, 5.0]),
    # Teams {3} and {0, 1, 2}: 10 - 2 and 2 - 10.
    (mixed([[3], [2, 0, 1]]), [-8.0, -8.0, -8.0, 8.0]),
    # Three teams {0}, {1}, {2, 3}: 1 - 15/3, 2 - 14/3, 6.5 - 3/2.
    (mixed([[0], [1], [2, 3]]), [-4.0, 2 - 14 / 3, 5.0, 5.0]),
    (mixed([[0, 1, 2, 3]]), [4.0] * 4),
    # Row times rewards: 10; 2 * 1 - 3; 1 + 2 + 3 + 10; 0.
    (matrix([[0, 0, 0, 1], [2, 0, -1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]), [10.0, -1.0, 16.0, 0.0]),
])
def test_structures_by_hand(backend, structure, expected):
    game = mf.games.Drift(agents=4)
    kernel = game.kernel(backend)
    raw = [1.0, 2.0, 3.0, 10.0]
    got = Transitions(kernel, 1).apply(structure.bind(game, kernel, 1, backend), raw=raw)[0]
    assert got == pytest.approx(expected, abs=1e-12)
    # The same as its N x N matrix says.
    product = [sum(m * r for m, r in zip(row, raw, strict=True)) for row in structure.matrix(game).tolist()]
    assert product == pytest.approx(expected, abs=1e-12)


def test_difference_by_hand(backend):
    # Push 1/2, state 2 after actions 1, 0, 3; bonus 1/4 for actions below 1: agent 1 alone earns it.
    # Raw -2, -1.75, -2: in all -5.75. Without agent 0 the state is 1.5: 2 * -1.5 + .25 = -2.75, so it is worth -3;
    # without agent 1 it stays 2: -4, so -1.75; without agent 2 it is .5: -1 + .25 = -.75, so -5.
    kernel, t = made(backend, "Difference")
    assert t.apply(kernel, raw=[-2.0, -1.75, -2.0], actions=[1, 0, 3], state=2.0) == [[-3.0, -1.75, -5.0]]


@pytest.mark.parametrize("agents, state_size", [(1, 1), (2, 3), (5, 2)])
def test_difference_is_a_step_simulated_without_the_agent(backend, agents, state_size):
    """Play the step again with one agent fewer and the same noise: the others' rewards are what it takes away."""
    facts = dict(state_size=state_size, push=0.3, bonus=0.7, bonus_below=2)
    game, fewer = drift(backend, agents, **facts), drift(backend, max(agents - 1, 1), **facts)
    difference = kernels(backend, "rewards").Difference(4, game)
    generator = np.random.default_rng(agents)
    none = np.zeros((4, 0))
    for _ in range(20):
        start, noise = generator.normal(size=(2, 4, state_size))
        actions = generator.integers(0, 5, (4, agents)).astype(np.int32)
        state, raw, over = start.copy(), np.zeros((4, agents)), np.zeros(4, bool)
        game.step(state, actions, none, noise, raw, over)
        got = Transitions(game, 4).apply(difference, raw=raw, actions=actions, state=state)
        for i in range(agents):
            without = np.zeros(4)
            if agents > 1:
                others, rewards = np.delete(actions, i, axis=1), np.zeros((4, agents - 1))
                fewer.step(start.copy(), np.ascontiguousarray(others), none, noise, rewards, over)
                without = rewards.sum(axis=1)
            assert np.array(got)[:, i] == pytest.approx(raw.sum(axis=1) - without, abs=1e-12)


def test_difference_needs_a_game_that_can_say(backend):
    game = mf.games.MatrixGame([[1, 2], [3, 4]]).kernel(backend)
    with pytest.raises(ValueError, match="^game: cannot say what would have happened without an agent$"):
        kernels(backend, "rewards").Difference(1, game)


# -- diversity and redundancy --------------------------------------------------------------------

# The article's shaping with 4 agents: 0.2 * distinct / 4 and -0.1 * (4 - distinct).
ARTICLE = [([0, 0, 0, 0], 0.05, -0.3), ([0, 1, 0, 1], 0.1, -0.2), ([4, 1, 0, 1], 0.15, -0.1), ([3, 1, 0, 2], 0.2, 0.0)]


@pytest.mark.parametrize("actions, bonus, penalty", ARTICLE)
def test_the_articles_shaping_by_hand(backend, actions, bonus, penalty):
    diversity, t = made(backend, "Diversity", 5, 0.2, agents=4)
    assert t.apply(diversity, actions=actions)[0] == pytest.approx([bonus] * 4, abs=1e-15)
    # It adds to what stands there.
    assert t.apply(diversity, actions=actions, rewards=[1.0, 2.0, 3.0, 4.0])[0] == pytest.approx(
        [1 + bonus, 2 + bonus, 3 + bonus, 4 + bonus], abs=1e-15)
    redundancy, t = made(backend, "Redundancy", 5, 0.1, agents=4)
    assert t.apply(redundancy, actions=actions, rewards=7.0)[0] == pytest.approx([7 + penalty] * 4, abs=1e-15)


@pytest.mark.parametrize("actions", [63, 64, 65, 128, 129, 1000])
def test_distinct_actions_beyond_one_word(backend, actions):
    # 64 actions fit into one machine word; 0 and 64, or 63 and 127, must not be taken for each other.
    taken = [k % actions for k in (0, 64, 128, 63, 127, 191, 0, actions - 1, actions - 1)]
    diversity, t = made(backend, "Diversity", actions, 9.0, agents=9, runs=2)
    distinct = len(set(taken))
    assert t.apply(diversity, actions=[taken, [5] * 9]) == [[pytest.approx(distinct)] * 9, [pytest.approx(1)] * 9]
    redundancy, t = made(backend, "Redundancy", actions, 1.0, agents=9, runs=2)
    assert t.apply(redundancy, actions=[[5] * 9, taken]) == [[-8.0] * 9, [distinct - 9.0] * 9]
    # Nothing is left over from the step before.
    assert t.apply(redundancy, actions=[taken, [5] * 9], rewards=0.0) == [[distinct - 9.0] * 9, [-8.0] * 9]


def test_one_agent_is_always_distinct(backend):
    diversity, t = made(backend, "Diversity", 1, 0.2, agents=1)
    assert t.apply(diversity) == [[0.2]]
    redundancy, t = made(backend, "Redundancy", 1, 0.2, agents=1)
    assert t.apply(redundancy, rewards=3.0) == [[3.0]]


# -- potentials ----------------------------------------------------------------------------------

def test_a_potential_table_by_hand(backend):
    # Potentials 1, 4, 16; discount 1/2. Row 0 to 2: 8 - 1 = 7; 2 to 1: 2 - 16 = -14; 1 to its end: -4.
    kernel, t = made(backend, "PotentialTable", 0.5, np.array([[1.0, 4.0, 16.0]]), agents=2)
    rows, observation = np.zeros((1, 2), np.int32), np.zeros((1, 1, 1))
    kernel.begin(rows, observation)
    assert t.apply(kernel, rows=0, next_rows=2, rewards=[10.0, 20.0]) == [[17.0, 27.0]]
    assert t.apply(kernel, rows=2, next_rows=1, rewards=0.0) == [[-14.0, -14.0]]
    assert t.apply(kernel, rows=1, next_rows=2, rewards=0.0, terminated=True) == [[-4.0, -4.0]]
    # The next episode begins in row 2: 1/2 * 1 - 16.
    kernel.begin(rows + 2, observation)
    assert t.apply(kernel, rows=2, next_rows=0, rewards=0.0, terminated=False) == [[-15.5, -15.5]]


def test_a_truncated_episode_has_its_successors_potential(backend):
    kernel, t = made(backend, "PotentialTable", 0.5, np.array([[1.0, 4.0]]), agents=1)
    kernel.begin(np.zeros((1, 1), np.int32), np.zeros((1, 1, 1)))
    assert t.apply(kernel, next_rows=1, truncated=True) == [[1.0]]


def test_a_potential_table_per_agent(backend):
    # Agent 0: 1/2 * 2 - 1 = 0; agent 1: 1/2 * 10 - 20 = -15, from rows of its own.
    kernel, t = made(backend, "PotentialTable", 0.5, np.array([[1.0, 2.0], [10.0, 20.0]]), agents=2)
    kernel.begin(np.array([[0, 1]], np.int32), np.zeros((1, 1, 1)))
    assert t.apply(kernel, rows=[0, 1], next_rows=[1, 0]) == [[0.0, -15.0]]


@pytest.mark.parametrize("order, expected", [
    # Target (1, -1), weights (2, 1/2); from (3, 1) to (0, 0), discount 1/2.
    # Order 1: -(2 * 2 + 2 / 2) = -5, then -(2 + 1/2) = -2.5: -1.25 + 5 = 3.75.
    (1, 3.75),
    # Order 2: -(2 * 4 + 4 / 2) = -10, then -2.5: -1.25 + 10 = 8.75.
    (2, 8.75),
])
def test_a_potential_distance_by_hand(backend, order, expected):
    kernel, t = made(backend, "PotentialDistance", 0.5, np.array([1.0, -1.0]), np.array([2.0, 0.5]), order, agents=2,
                     state_size=2)
    rows = np.zeros((1, 2), np.int32)
    kernel.begin(rows, np.array([[[3.0, 1.0]]]))
    assert t.apply(kernel, observation=[0.0, 0.0], rewards=[1.0, 2.0]) == [[1 + expected, 2 + expected]]
    # It remembers -2.5: a step on the spot gives 1/2 * -2.5 + 2.5 = 1.25; a terminal one 2.5.
    assert t.apply(kernel, rewards=0.0) == [[1.25, 1.25]]
    assert t.apply(kernel, rewards=0.0, terminated=True) == [[2.5, 2.5]]
    kernel.begin(rows, np.array([[[1.0, -1.0]]]))
    assert t.apply(kernel, rewards=0.0, terminated=False, observation=[1.0, 0.0]) == [[-0.25, -0.25]]


def test_runs_begin_by_themselves(backend):
    kernel, t = made(backend, "PotentialTable", 1.0, np.array([[0.0, 1.0, 2.0]]), agents=1, runs=3)
    kernel.begin(np.array([[0], [1], [2]], np.int32), np.zeros((3, 1, 1)))
    assert t.apply(kernel, next_rows=[[2], [2], [2]], terminated=[False, True, False]) == [[2.0], [-1.0], [0.0]]


def test_shaping_sums_to_the_ends_of_an_episode(backend):
    """With discount 1 the terms of a terminated episode add up to minus the first potential (telescoping)."""
    generator = np.random.default_rng(4)
    potential = generator.integers(-8, 8, (1, 6)).astype(float)
    kernel, t = made(backend, "PotentialTable", 1.0, potential, agents=1)
    path = generator.integers(0, 6, 12)
    kernel.begin(np.array([[path[0]]], np.int32), np.zeros((1, 1, 1)))
    total = 0.0
    for k, (here, there) in enumerate(zip(path, path[1:], strict=False)):
        total += t.apply(kernel, rows=here, next_rows=there, rewards=0.0, terminated=k == len(path) - 2)[0][0]
    assert total == -potential[0, path[0]]


# -- both backends -------------------------------------------------------------------------------

@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 3), st.sampled_from([1, 2, 63, 64, 65, 200]),
       st.integers(0, 2**32 - 1))
def test_both_backends_reward_alike(runs, agents, features, actions, seed):
    generator = np.random.default_rng(seed)
    teams = int(generator.integers(0, agents + 1))
    team_of_agent = generator.integers(0, max(teams, 1), agents).astype(np.int32)
    weights, rows = generator.normal(size=(teams, teams)), 5
    tables = [generator.normal(size=(n, rows)) for n in (1, agents)]
    target, scale = generator.normal(size=(2, features))
    steps = [{"rows": generator.integers(0, rows, (runs, agents)),
              "actions": generator.integers(0, actions, (runs, agents)), "raw": generator.normal(size=(runs, agents)),
              "next_rows": generator.integers(0, rows, (runs, agents)),
              "state": generator.normal(size=(runs, features)),
              "observation": generator.normal(size=(runs, 1, features)), "terminated": generator.random(runs) < 0.3}
             for _ in range(5)]
    outcomes = []
    for backend in ("cython", "numpy"):
        module, game = kernels(backend, "rewards"), drift(backend, agents, features)
        parts = [module.Mix(runs, game, 0.7, weights, team_of_agent), module.Difference(runs, game),
                 module.Diversity(runs, game, actions, 0.2), module.Redundancy(runs, game, actions, 0.1),
                 *(module.PotentialTable(runs, game, 0.9, table) for table in tables),
                 *(module.PotentialDistance(runs, game, 0.9, target, scale, order) for order in (1, 2))]
        trace = []
        for part in parts:
            t = Transitions(game, runs)
            part.begin(steps[0]["rows"].astype(np.int32), steps[0]["observation"])
            for step in steps:
                t.apply(part, **step)
                trace.append(t.arrays["rewards"].tobytes())
        outcomes.append(trace)
    assert outcomes[0] == outcomes[1]
    assert len(set(outcomes[0])) > 20
