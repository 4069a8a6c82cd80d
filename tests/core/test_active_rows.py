"""Observations in several rows: encoders that give them, and kernels that add up what they say, by hand and alike."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marlfast.backends import kernels
from marlfast.games.pursuit import Pursuit

from .make import MODULE_OF, schedule

BAD = "^encode: an observation is not finite or lies outside what the encoder can number$"


def tiles(module, runs=1, agents=1, views=1, **changes):
    """Two tilings of one feature from 0 to 1: 1.5 tiles a unit, displaced by nothing and by half a tile."""
    arguments = {"low": [0.0], "scale": [1.5], "bins": [2], "members": [0, 0], "offsets": [0.0, 0.5], "ends": [0, 1, 2],
                 "starts": [0, 2, 4]} | changes
    real = ("low", "scale", "offsets")
    return module("encoders").Tiles(n_runs=runs, n_agents=agents, views=views, **{
        name: np.array(value, np.float64 if name in real else np.int64) for name, value in arguments.items()})


def encode(encoder, observation):
    rows = np.full((encoder.runs, encoder.agents * encoder.active), -9, np.int32)
    encoder.encode(np.array(observation, np.float64), rows)
    return rows.tolist()


@pytest.fixture
def module(backend):
    return lambda name: kernels(backend, name)


# -- tiles ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("x, rows", [
    # The first tiling's edge is at 2/3; the second's, half a tile of 2/3 further down, at 1/3.
    (0.0, [0, 2]), (0.333, [0, 2]), (0.334, [0, 3]), (0.666, [0, 3]), (0.667, [1, 3]), (1.0, [1, 3]), (-5.0, [0, 2]),
    (1e300, [1, 3]), (-1e300, [0, 2]),
])
def test_two_tilings_of_one_feature(module, x, rows):
    assert encode(tiles(module), [[[x]]]) == [rows]


def test_tilings_look_at_features_of_their_own(module):
    # One tiling of 3 x 2 tiles over features 2 and 0, one of feature 1 alone.
    encoder = tiles(module, low=[0.0] * 3, scale=[1.0] * 3, bins=[2, 4, 3], members=[2, 0, 1], offsets=[0.0] * 3,
                    ends=[0, 2, 3], starts=[0, 6, 10])
    assert (encoder.active, encoder.features) == (2, 3)
    assert encode(encoder, [[[1.5, 3.5, 2.5]]]) == [[2 * 2 + 1, 6 + 3]]
    assert encode(encoder, [[[0.5, 0.5, 1.5]]]) == [[1 * 2 + 0, 6 + 0]]


def test_views_of_tiles(module):
    assert encode(tiles(module, runs=2, agents=2, views=2), [[[0.0], [1.0]], [[0.5], [0.0]]]) == [
        [0, 2, 1, 3], [0, 3, 0, 2]]
    assert encode(tiles(module, runs=2, agents=3), [[[0.0]], [[0.5]]]) == [[0, 2] * 3, [0, 3] * 3]


def test_hashed_tiles_stay_within_their_tiling(module):
    encoder = tiles(module, scale=[1.0], bins=[1000], starts=[0, 7, 12])
    rows = np.array([encode(encoder, [[[x + 0.25]]])[0] for x in range(1000)])
    assert set(rows[:, 0]) == set(range(7)) and set(rows[:, 1]) == set(range(7, 12))
    assert np.bincount(rows[:, 0]).max() < 2 * 1000 / 7         # spread out
    assert encode(tiles(module, scale=[1.0], bins=[1000], starts=[0, 1000, 1005]), [[[123.25]]])[0][0] == 123


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_tiles_refuse_what_is_not_finite(module, bad):
    with pytest.raises(ValueError, match=BAD):
        encode(tiles(module), [[[bad]]])
    with pytest.raises(ValueError, match=BAD):
        encode(tiles(module, runs=1, agents=2, views=2), [[[0.0], [bad]]])
    with pytest.raises(ValueError, match=BAD):
        encode(tiles(module, scale=[1e10]), [[[1e300]]])
    # A feature at which no tiling looks may be anything.
    blind = tiles(module, low=[0.0] * 2, scale=[1.0] * 2, bins=[2, 2], members=[0], offsets=[0.0], ends=[0, 1],
                  starts=[0, 2])
    assert encode(blind, [[[1.0, bad]]]) == [[1]]


@pytest.mark.parametrize("changes, message", [
    ({"bins": [0]}, "bins: expected at least 1, got 0"),
    ({"members": [0, 1]}, "members: expected features 0 to 0"),
    ({"members": [0, -1]}, "members: expected features 0 to 0"),
    ({"ends": [0, 1, 1]}, "ends: expected rising numbers from 0 to 2"),
    ({"ends": [1, 1, 2]}, "ends: expected rising numbers from 0 to 2"),
    ({"ends": [0, 2], "starts": [0, 2, 4]}, "starts: expected shape"),
    ({"starts": [0, 2, 2]}, "starts: expected rising numbers"),
    ({"starts": [1, 2, 4]}, "starts: expected rising numbers"),
    ({"starts": [0, 2, 2**31], "bins": [2**31]}, "starts: expected rising numbers from 0 to at most"),
    ({"starts": [0, 2, 5]}, "starts: expected no more rows than tiles"),
    ({"offsets": [0.0, 1.0]}, r"offsets: expected numbers in \[0, 1\)"),
    ({"offsets": [-0.1, 0.5]}, r"offsets: expected numbers in \[0, 1\)"),
    ({"offsets": [np.nan, 0.5]}, r"offsets: expected numbers in \[0, 1\)"),
    ({"bins": [2**62]}, "bins: 4611686018427387904 tiles are more than the"),
    ({"runs": 0}, "n_runs: expected at least 1, got 0"),
    ({"agents": 3, "views": 2}, "n_agents, views, features: expected"),
])
def test_tiles_that_make_no_sense(module, changes, message):
    with pytest.raises(ValueError, match="^" + message):
        tiles(module, **changes)


@given(st.data())
def test_both_backends_find_the_same_tiles(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    features, groups, agents = rng.integers(1, 5), rng.integers(1, 6), int(rng.integers(1, 4))
    views, runs, common = int(rng.choice([1, agents])), int(rng.integers(1, 5)), bool(rng.integers(2))
    bins = rng.integers(1, 6, features)
    members, ends, starts = [], [0], [0]
    for _ in range(groups):
        members += rng.permutation(features)[:rng.integers(1, features + 1)].tolist()
        count = int(np.prod(bins[members[ends[-1]:]]))
        ends.append(len(members))
        starts.append(starts[-1] + int(rng.integers(1, count + 1)))
    changes = {"low": rng.normal(size=features), "scale": rng.exponential(size=features), "bins": bins,
               "members": members, "offsets": rng.random(len(members)), "ends": ends, "starts": starts}
    observation = rng.normal(size=(runs, views, features)) * rng.choice([1.0, 10.0, 1e300], (runs, views, features))
    observation[rng.random(observation.shape) < rng.choice([0.0, 0.0, 0.1])] = rng.choice([np.nan, np.inf, -0.0])
    found = []
    for backend in ("cython", "numpy"):
        def module(name, backend=backend):
            return kernels(backend, name)

        encoder = module("encoders").AgentIndex(tiles(module, runs, agents, views, **changes), common)
        try:
            found.append(encode(encoder, observation))
        except ValueError as error:
            found.append(str(error))
    assert found[0] == found[1]
    if not isinstance(found[0], str):
        own = np.array(found[0]).reshape(runs * agents, -1)
        assert all(len(set(row)) == groups * (1 + common) for row in own.tolist())
        assert own.min() >= 0 and own.max() < starts[-1] * (agents + common)


# -- the agent's number --------------------------------------------------------------------------

def test_rows_of_each_agent(module):
    def within(agents, views):
        return module("encoders").Discrete(1, agents, views, 5)

    index = module("encoders").AgentIndex
    assert encode(index(within(3, 3), False), [[[0.0], [4.0], [2.0]]]) == [[0, 13, 8]]
    assert encode(index(within(3, 1), False), [[[4.0]]]) == [[12, 13, 14]]
    assert encode(index(within(3, 3), True), [[[0.0], [4.0], [2.0]]]) == [[0, 1, 16, 18, 8, 11]]
    # Two tiles each: 0 and 3 for the first agent, 1 and 3 for the second. First what is common, then what is not.
    assert encode(index(tiles(module, agents=2, views=2), True), [[[0.5], [1.0]]]) == [[0, 9, 1, 10, 3, 9, 5, 11]]


def test_states_are_encoded_by_what_all_agents_see_of_them(module):
    """Two hunters of a 3 x 3 board, by the pair of numbers that they see; and what is no state, or no such encoder."""
    game = Pursuit(3, 3, 2, depth=1).kernel("numpy" if ".reference." in module("encoders").__name__ else "cython")
    keys, table, used = np.zeros((1, 8, 2), np.int64), np.zeros((1, 16), np.int32), np.zeros(1, np.int64)
    within = module("encoders").Rounding(1, 1, 1.0, keys, table, used)
    obs, state, rows = module("encoders").Observed(game, within), np.zeros((1, 1, game.state_size)), []
    for first in (0.0, 2.0, 0.0):
        state[0, 0] = first, 0.0, 2.0, 2.0, 1.0, 1.0
        rows += encode(obs, state)
        observation = np.zeros((1, 2, 1))
        game.observe(state[:, 0], observation)
        assert keys[0, rows[-1][0]].tolist() == observation[0, :, 0].tolist()
    assert rows == [[0], [1], [0]] and used.tolist() == [2]
    state[0, 0, 0] = 0.5
    with pytest.raises(ValueError):
        encode(obs, state)
    with pytest.raises(ValueError, match="within: expected an encoder of one agent, 2 features and one row"):
        module("encoders").Observed(game, module("encoders").Discrete(1, 1, 1, 5))


def test_the_agent_index_passes_errors_on_and_refuses_too_many_rows(module):
    encoders = module("encoders")
    with pytest.raises(ValueError, match=BAD):
        encode(encoders.AgentIndex(encoders.Discrete(1, 2, 2, 5), False), [[[0.0], [5.0]]])
    with pytest.raises(ValueError, match="^within: 3221225472 rows are more than the 2"):
        encoders.AgentIndex(encoders.Discrete(1, 2, 2, 2**30), True)


# -- learners ------------------------------------------------------------------------------------

def learner(module, what, q, active, table_of, rate=0.5, discount=0.5, exploration=0.0, kind=0, ties=False, draws=None,
            **more):
    """A kernel over float64 [R, rows, T, A] and its arrays; ``more``: what it takes beside Q-learning's arguments."""
    q = np.array(q, np.float64)
    runs, rows, tables, n_actions = q.shape
    table_of = np.array(table_of, np.int32)
    agents = len(table_of)
    visits = np.zeros((runs, rows, tables), np.int32)
    kernel = getattr(module(MODULE_OF[what]), what)(
        q=q, greedy=np.zeros_like(visits), visits=visits, table_of=table_of,
        n_actions=np.full(agents, n_actions, np.int32),
        agent_ids=np.arange(agents, dtype=np.int32), discount=np.full(runs, discount),
        rate=schedule(module("schedules"), rate, runs), exploration=schedule(module("schedules"), exploration, runs),
        kind=kind, strict=True, ties=int(ties), draws=draws or (1 if kind else 3 if ties else 2), learning=True,
        active=active, **more)
    return kernel, q, visits


def step(kernel, rows, actions, rewards, next_rows, over=False):
    """One step of one run, and its tick."""
    changed = np.zeros(1, bool)
    kernel.update(*(np.array([a], t) for a, t in ((rows, np.int32), (actions, np.int32), (rewards, np.float64),
                                                  (next_rows, np.int32))), np.array([over]), changed)
    kernel.tick(np.array([over]))
    return bool(changed[0])


# Weights of two actions in six rows: rows 0 to 2 add up to [3, 0], rows 3 to 5 to [0, 6].
WEIGHTS = [[[[1.0, 0.0]], [[2.0, 1.0]], [[0.0, -1.0]], [[1.0, 4.0]], [[0.0, 2.0]], [[-1.0, 0.0]]]]


def test_q_learning_by_hand(module):
    kernel, q, visits = learner(module, "QLearning", WEIGHTS, 3, [0])
    assert (kernel.active, kernel.active_rows) == (3, 3)
    # Target 2 + 1/2 * 6 = 5; 3 + 1/2 (5 - 3) = 4, so that each of three rows gets a third of 1.
    assert not step(kernel, [0, 1, 2], [0], [2.0], [3, 4, 5])
    assert q[0, :3, 0] == pytest.approx(np.array([[4 / 3, 0], [7 / 3, 1], [1 / 3, -1]])) and q[0, 3:].tolist() == \
        WEIGHTS[0][3:]
    assert visits.ravel().tolist() == [1, 1, 1, 0, 0, 0]
    # Rows 0, 4, 5: [1/3, 2]. Terminal reward -8 for action 1: 2 + 1/2 (-8 - 2) = -3 < 1/3: the greedy action moves.
    assert step(kernel, [0, 4, 5], [1], [-8.0], [3, 4, 5], over=True)
    assert q[0, [0, 4, 5], 0].sum(axis=0) == pytest.approx([1 / 3, -3.0])


def test_acting_by_the_sums(module):
    draws = np.array([[[0.9, 0.0, 0.0]]])
    for kind, ties, exploration in ((0, False, 0.0), (0, True, 0.0), (1, False, 1e-6)):
        kernel, *_ = learner(module, "QLearning", WEIGHTS, 3, [0], kind=kind, ties=ties, exploration=exploration)
        # Of the last, a tie, the first; or the one that a draw says.
        for rows, wanted in (([0, 1, 2], 0), ([3, 4, 5], 1), ([0, 1, 4], 0))[:3 - kind]:
            actions = np.full((1, 1), -9, np.int32)
            kernel.act(np.array([rows], np.int32), np.ascontiguousarray(draws[:, :, :kernel.draws]), actions)
            assert actions.tolist() == [[wanted]]


def test_agents_who_share_see_each_others_steps(module):
    # Both in row 0; one row apart. Rate 1, terminal: the first makes the sum 3, the second finds 1.5 in row 0.
    kernel, q, _ = learner(module, "QLearning", np.zeros((1, 3, 1, 1)), 2, [0, 0], rate=1.0)
    step(kernel, [0, 1, 0, 2], [0, 0], [3.0, 2.5], [0, 1, 0, 2], over=True)
    assert q.ravel().tolist() == [2.0, 1.5, 0.5]


@pytest.mark.parametrize("rows, actions, message", [
    ([0, 1, 6], [0], "a row lies outside"), ([0, -1, 2], [0], "a row lies outside"),
    ([0, 1, 2], [2], "an action lies outside"), ([0, 1, 2], [-1], "an action lies outside"),
])
def test_rows_and_actions_that_are_none(module, rows, actions, message):
    for what, more in KERNELS.items():
        kernel, q, _ = learner(module, what, WEIGHTS, 3, [0], **more(module, 1, 6, 1, 2, 3), draws=3)
        with pytest.raises(ValueError, match=message):
            step(kernel, rows, actions, [0.0], [3, 4, 5])
        if actions == [0]:
            with pytest.raises(ValueError, match=message):
                step(kernel, [3, 4, 5], actions, [0.0], rows)
            with pytest.raises(ValueError, match=message):
                kernel.act(np.array([rows], np.int32), np.full((1, 1, 3), 0.5), np.zeros((1, 1), np.int32))
        assert q.tolist() == WEIGHTS


def test_a_weight_that_overflows_is_a_status(module):
    # The sum is finite, a weight would not be.
    kernel, *_ = learner(module, "QLearning", [[[[1.7e308]], [[-1.7e308]]]], 2, [0], rate=1.0, discount=0.0)
    with pytest.raises(ValueError, match="^update: a learned value stopped being finite"):
        step(kernel, [0, 1], [0], [1.7e308], [0, 1])


@pytest.mark.parametrize("active", [0, 7])
def test_more_active_rows_than_there_are(module, active):
    with pytest.raises(ValueError, match=f"^active: expected 1 to 6 rows, got {active}"):
        learner(module, "QLearning", WEIGHTS, active, [0])


def test_what_kernels_of_several_rows_refuse(module):
    with pytest.raises(ValueError, match="^active: expected 1 for rule 1, which replaces values"):
        learner(module, "OneStep", WEIGHTS, 3, [0], rule=1)
    with pytest.raises(ValueError, match="^eligibility: expected room for at least 3 cells"):
        learner(module, "Traces", WEIGHTS, 3, [0], **_traces(module, 1, 6, 1, 2, 3, length=2))
    with pytest.raises(ValueError, match="^waiting: expected shape"):
        learner(module, "Traces", WEIGHTS, 3, [0], **_traces(module, 1, 6, 1, 2, 1, length=3))


# -- against plain linear function approximation --------------------------------------------------

def _rule(rule, second=False):
    return lambda m, runs, rows, agents, n_actions, k: {
        "rule": rule, "second": schedule(m("schedules"), 0.125, runs) if second else None}


def _double(m, runs, rows, agents, n_actions, k):
    tables = 1
    return {"first": np.zeros((runs, rows, tables, n_actions)),
            "first_greedy": np.zeros((runs, rows, tables), np.int32),
            "second": np.zeros((runs, rows, tables, n_actions)),
            "second_greedy": np.zeros((runs, rows, tables), np.int32),
            "coins": np.zeros((runs, agents), np.int32)}


def _traces(m, runs, rows, agents, n_actions, k, on_policy=True, accumulate=False, cutoff=1e-13, decay=0.8, length=120):
    shape = runs, agents
    own = {"waiting": np.zeros((*shape, 2 + 2 * k), np.int32), "waiting_reward": np.zeros(shape),
           "late": np.zeros(runs, np.int32)}
    return {"on_policy": on_policy, "accumulate": accumulate, "cutoff": cutoff, "decay": np.full(runs, decay),
            "cells": np.zeros((*shape, length, 2), np.int32), "eligibility": np.zeros((*shape, length)),
            "eligible": np.zeros(shape, np.int32)} | (own if on_policy else {})


def _episodes(m, runs, rows, agents, n_actions, k, length=50):
    shape = runs, agents
    return {"cells": np.zeros((*shape, length, k + 1), np.int32), "rewards": np.zeros((*shape, length)),
            "known": np.zeros(shape, np.int32), "last": np.zeros((runs, agents * k), np.int32),
            "late": np.zeros(runs, np.int32)}


KERNELS = {"QLearning": lambda *_: {}, "OneStep": _rule(0), "DoubleQ": _double, "Traces": _traces,
           "Episodes": _episodes}


def walk(seed, steps=40, rows=12, k=3, n_actions=3):
    """A random walk: rows, action, reward, next rows, over; the next step goes on from there unless it is over."""
    rng = np.random.default_rng(seed)
    here = rng.permutation(rows)[:k]
    for _ in range(steps):
        there, over = rng.permutation(rows)[:k], rng.random() < 0.15
        yield here.tolist(), int(rng.integers(n_actions)), rng.normal(), there.tolist(), over
        here = rng.permutation(rows)[:k] if over else there


def both(module, what, more, plain, seed=0, k=3, **options):
    """Weights that a kernel learns on a walk, and those that ``plain(w, value, walk)`` does."""
    start = np.random.default_rng(seed + 100).normal(size=(12, 3))
    kernel, q, _ = learner(module, what, start[None, :, None], k, [0], **more(module, 1, 12, 1, 3, k), draws=3,
                           **options)
    steps = list(walk(seed, k=k))
    for rows, action, reward, next_rows, over in steps:
        step(kernel, rows, [action], [reward], next_rows, over)
    w = start.copy()
    plain(w, lambda rows: w[rows].sum(axis=0), steps)
    return q[0, :, 0], w


RATE, GAMMA, LAMBDA, K = 0.5, 0.5, 0.8, 3


def one_step(ahead, rate=lambda error, values, action: RATE):
    """A semi-gradient step, as in Sutton and Barto (2018), equation 10.1: alpha / k on each active weight."""
    def plain(w, value, steps):
        for rows, action, reward, next_rows, over in steps:
            error = reward + (0.0 if over else GAMMA * ahead(value(next_rows))) - value(rows)[action]
            w[rows, action] += rate(error, value(rows), action) / K * error
    return plain


def boltzmann(values):
    weights = np.exp(values - values.max())
    return weights / weights.sum()


ONE_STEP = {
    "q-learning": ("QLearning", lambda *_: {}, one_step(np.max), {}),
    "expected sarsa": ("OneStep", _rule(0), one_step(lambda v: 0.75 * v.max() + 0.25 * v.mean()),
                       {"exploration": 0.25}),
    "expected sarsa, Boltzmann":
    ("OneStep", _rule(0), one_step(lambda v: boltzmann(v) @ v), {"exploration": 1.0, "kind": 1}),
    "hysteretic": ("OneStep", _rule(2, True), one_step(
        np.max, lambda error, values, action: RATE if error >= 0 else 0.125), {}),
    "frequency adjusted": ("OneStep", _rule(3, True), one_step(
        np.max, lambda error, values, action: RATE * min(1, 0.125 / boltzmann(values)[action])),
        {"exploration": 1.0, "kind": 1}),
}


@pytest.mark.parametrize("name", ONE_STEP)
def test_one_step_rules_are_semi_gradient_steps(module, name):
    what, more, plain, options = ONE_STEP[name]
    learned, wanted = both(module, what, more, plain, **options)
    assert learned == pytest.approx(wanted, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("accumulate", [False, True])
def test_sarsa_lambda_of_the_book(module, accumulate):
    # Sutton and Barto (2018), section 12.7: Sarsa(lambda) with binary features; step size alpha / k.
    def plain(w, value, steps):
        z = np.zeros_like(w)
        for t, (rows, action, reward, next_rows, over) in enumerate(steps):
            if not over and t + 1 == len(steps):
                break           # its next action is not known
            error = reward - value(rows)[action]
            z[rows, action] = z[rows, action] + 1 if accumulate else 1
            if over:
                w += RATE / K * error * z
                z[:] = 0
                continue
            error += GAMMA * value(next_rows)[steps[t + 1][1]]
            w += RATE / K * error * z
            z *= GAMMA * LAMBDA

    learned, wanted = both(module, "Traces", lambda *a: _traces(*a, accumulate=accumulate), plain)
    assert learned == pytest.approx(wanted, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("accumulate", [False, True])
def test_watkins_q_lambda(module, accumulate):
    def plain(w, value, steps):
        z = np.zeros_like(w)
        for rows, action, reward, next_rows, over in steps:
            if value(rows)[action] < value(rows).max():
                z[:] = 0
            error = reward + (0.0 if over else GAMMA * value(next_rows).max()) - value(rows)[action]
            z[rows, action] = z[rows, action] + 1 if accumulate else 1
            w += RATE / K * error * z
            z *= 0 if over else GAMMA * LAMBDA

    learned, wanted = both(module, "Traces", lambda *a: _traces(*a, on_policy=False, accumulate=accumulate), plain)
    assert learned == pytest.approx(wanted, rel=1e-10, abs=1e-12)


def test_gradient_monte_carlo(module):
    # Sutton and Barto (2018), section 9.3, with the episode's steps from the last to the first.
    def plain(w, value, steps):
        episode = []
        for rows, action, reward, _, over in steps:
            episode.append((rows, action, reward))
            if over:
                g = 0.0
                for r, a, earned in reversed(episode):
                    g = earned + GAMMA * g
                    w[r, a] += RATE / K * (g - value(r)[a])
                episode = []

    learned, wanted = both(module, "Episodes", _episodes, plain)
    assert learned == pytest.approx(wanted, rel=1e-10, abs=1e-12)


def test_double_q_learning(module):
    first, second = np.random.default_rng(1).normal(size=(2, 1, 12, 1, 3))
    greedy, coins = np.zeros((2, 1, 12, 1), np.int32), np.zeros((1, 1), np.int32)
    kernel, q, _ = learner(module, "DoubleQ", 0.5 * first + 0.5 * second, 3, [0], first=first, first_greedy=greedy[0],
                           second=second, second_greedy=greedy[1], coins=coins, draws=3)
    tables = first[0, :, 0].copy(), second[0, :, 0].copy()
    for t, (rows, action, reward, next_rows, over) in enumerate(walk(3)):
        coins[0, 0] = heads = t * 7 % 3 == 0
        one, other = tables if heads else tables[::-1]
        best = one[next_rows].sum(axis=0).argmax()
        error = reward + (0.0 if over else GAMMA * other[next_rows].sum(axis=0)[best]) - one[rows].sum(axis=0)[action]
        one[rows, action] += RATE / K * error
        step(kernel, rows, [action], [reward], next_rows, over)
    assert first[0, :, 0] == pytest.approx(tables[0], rel=1e-10)
    assert second[0, :, 0] == pytest.approx(tables[1], rel=1e-10)
    assert q == pytest.approx(0.5 * first + 0.5 * second, rel=1e-9, abs=1e-12)


# -- both backends -------------------------------------------------------------------------------

ALL = KERNELS | {"hysteretic": _rule(2, True), "frequency": _rule(3, True),
                 "accumulating": lambda *a: _traces(*a, accumulate=True, length=5, cutoff=0.05),
                 "q lambda": lambda *a: _traces(*a, on_policy=False, length=4, cutoff=0.05),
                 "short episodes": lambda *a: _episodes(*a, length=3)}
CLASS = {"hysteretic": "OneStep", "frequency": "OneStep", "accumulating": "Traces", "q lambda": "Traces",
         "short episodes": "Episodes"}


@settings(max_examples=30)
@given(st.sampled_from(sorted(ALL)), st.integers(0, 2**32), st.booleans())
def test_both_backends_learn_alike_whatever_they_are_given(name, seed, hostile):
    found = []
    for backend in ("cython", "numpy"):
        def module(which, backend=backend):
            return kernels(backend, which)

        rng = np.random.default_rng(seed)
        runs, agents, n_actions, rows, k = 2, *rng.integers((1, 1), (4, 12)).tolist(), 6, int(rng.integers(2, 4))
        kind = int(rng.integers(2)) if name != "frequency" else 1
        ties = not kind and bool(rng.integers(2))
        more = ALL[name](module, runs, rows, agents, n_actions, k)
        if hostile and len(more) > 4:
            for array in more.values():
                if isinstance(array, np.ndarray) and array.dtype.kind == "i" and rng.random() < 0.3:
                    array.ravel()[rng.integers(array.size)] = rng.choice([-1, 1, 2, 7, 2**31 - 1, -2**31])
        start = rng.normal(size=(runs, rows, 1, n_actions)) * rng.choice([1.0, 1.0, 2e307])
        kernel, q, visits = learner(module, CLASS.get(name, name), start, k, [0] * agents, **more, kind=kind, ties=ties,
                                    exploration=0.5, draws=4, rate=rng.random(), discount=rng.random())
        told = []
        for _ in range(7):
            where, there = (np.stack([np.concatenate([rng.permutation(rows)[:k] for _ in range(agents)])
                                      for _ in range(runs)]).astype(np.int32) for _ in range(2))
            if hostile and rng.random() < 0.2:
                where[rng.integers(runs), rng.integers(agents * k)] = rng.choice([-1, rows, 2**31 - 1])
            actions, changed = np.full((runs, agents), -9, np.int32), np.zeros(runs, bool)
            over, ended = rng.random(runs) < 0.2, rng.random(runs) < 0.1
            try:
                kernel.act(where, rng.random((runs, agents, 4)), actions)
                told.append(actions.tolist())
            except ValueError as error:
                told.append(str(error))
            chosen, rewards = rng.integers(0, n_actions,
                                           (runs, agents)).astype(np.int32), rng.normal(size=(runs, agents))
            if hostile and rng.random() < 0.1:
                chosen[rng.integers(runs), rng.integers(agents)] = rng.choice([-1, n_actions])
            try:
                kernel.update(where, chosen, rewards, there, over, changed)
                told.append(changed.tolist())
            except ValueError as error:
                told.append(str(error))
                break           # the compiled kernel has not gone on to the next run
            kernel.tick(over | ended)
        found.append((told, q.tobytes(), visits.tolist(),
                      [a.tolist() for a in more.values() if isinstance(a, np.ndarray)]))
    assert found[0][0] == found[1][0]
    if not isinstance(told[-1], str):       # else the compiled kernel has not gone on to the next run, the other has
        assert found[0] == found[1]
