"""Schedules: every kind by hand, what a tick is, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marlfast.backends import kernels

CONSTANT, LINEAR, EXPONENTIAL, HARMONIC, TABLE = range(5)

# kind, start, final, rate, table, values after 0, 1, 2, ... ticks. Numbers that are exact in binary.
BY_HAND = {
    "constant": (CONSTANT, 0.3, 0.0, 0.0, (), [0.3, 0.3, 0.3]),
    # start + (final - start) * ticks / rate: 1 - 3/4 * t/4 = 1, .8125, .625, .4375, then final.
    "linear down": (LINEAR, 1.0, 0.25, 4.0, (), [1.0, 0.8125, 0.625, 0.4375, 0.25, 0.25, 0.25]),
    "linear up": (LINEAR, -1.0, 1.0, 2.0, (), [-1.0, 0.0, 1.0, 1.0]),
    "linear at once": (LINEAR, 5.0, 2.0, 1.0, (), [5.0, 2.0, 2.0]),
    # times 1/2: 1, .5, .25, .125, and 0.1 in place of .0625.
    "exponential": (EXPONENTIAL, 1.0, 0.1, 0.5, (), [1.0, 0.5, 0.25, 0.125, 0.1, 0.1]),
    "exponential to zero": (EXPONENTIAL, 2.0, 0.0, 0.0, (), [2.0, 0.0, 0.0]),
    # 1 / (1 + t): 1, 1/2, 1/3, 1/4; then at least 0.22 in place of 1/5.
    "harmonic": (HARMONIC, 1.0, 0.22, 1.0, (), [1.0, 1 / 2, 1 / 3, 1 / 4, 0.22, 0.22]),
    # 2 / (1 + t / 4): 2, 1.6, 4/3.
    "harmonic slowly": (HARMONIC, 2.0, 0.0, 0.25, (), [2.0, 2 / 1.25, 2 / 1.5]),
    "table": (TABLE, 9.0, 0.0, 0.0, (9.0, 4.0, 6.0), [9.0, 4.0, 6.0, 6.0, 6.0]),
    "table of one": (TABLE, 3.0, 0.0, 0.0, (3.0,), [3.0, 3.0]),
}


@pytest.mark.parametrize("power, expected", [(1.0, [0.5, 0.5 / 1.25, 0.5 / 1.5, 0.2]),
                                             (0.5, [0.5, 0.5 / 1.25**0.5, 0.5 / 1.5**0.5, 0.5 / 3.0**0.5]),
                                             (0.0, [0.5] * 4)])
def test_a_schedule_by_visits(module, power, expected):
    """What Q-learning's kernel makes of it, row by row: .5 / (1 + visits / 4) ** power, at least .2."""
    q, greedy = np.zeros((1, 4, 1, 1)), np.zeros((1, 4, 1), np.int32)
    visits = np.array([[[0], [1], [2], [8]]], np.int32)
    arrays = [np.array([value]) for value in (0.5, 0.2, 0.25)]
    rate = module("schedules").Schedule(5, False, *arrays, np.array([power]), np.array([0.5]), np.zeros(1, np.int64))
    zero = np.zeros(1)
    exploration = module("schedules").Schedule(0, False, zero, zero, zero, np.zeros(0), zero.copy(),
                                               np.zeros(1, np.int64))
    ids = np.zeros(1, np.int32)
    kernel = module("q_learning").QLearning(
        q=q, greedy=greedy, visits=visits, table_of=ids, n_actions=np.ones(1, np.int32), agent_ids=ids, discount=zero,
        rate=rate, exploration=exploration, kind=0, strict=True, ties=0, draws=2, learning=True, active=1)
    for row in range(4):
        at = np.array([[row]], np.int32)
        kernel.update(at, ids[None], np.ones((1, 1)), at, np.array([True]), np.zeros(1, bool))
        kernel.tick(np.array([True]))
    assert q[0, :, 0, 0].tolist() == pytest.approx(expected, rel=1e-15)
    assert visits[0, :, 0].tolist() == [1, 2, 3, 9]


def ended(*values):
    return np.array(values, bool)


def made(backend, kind, start, final, rate, table, per_episode, runs=1):
    arrays = {"value": np.full(runs, start), "ticks": np.zeros(runs, np.int64)}
    kernel = kernels(backend, "schedules").Schedule(
        kind, per_episode, np.full(runs, start), np.full(runs, final), np.full(runs, rate),
        np.array(table, np.float64), arrays["value"], arrays["ticks"])
    return kernel, arrays


@pytest.mark.parametrize("name", BY_HAND)
def test_a_schedule_per_step(backend, name):
    *parameters, expected = BY_HAND[name]
    kernel, arrays = made(backend, *parameters, per_episode=False)
    values = [arrays["value"][0]]
    for _ in expected[1:]:
        kernel.tick(ended(False))
        values.append(arrays["value"][0])
    assert values == expected
    assert arrays["ticks"][0] == (0 if parameters[0] == CONSTANT else len(expected) - 1)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_schedule_per_episode_moves_only_where_an_episode_ends(backend, name):
    *parameters, expected = BY_HAND[name]
    kernel, arrays = made(backend, *parameters, per_episode=True, runs=2)
    values = [arrays["value"].tolist()]
    for _ in expected[1:]:
        kernel.tick(ended(False, False))
        kernel.tick(ended(True, False))
        values.append(arrays["value"].tolist())
    # The second run never ends an episode: its value stays the first.
    assert values == [[value, expected[0]] for value in expected]
    assert arrays["ticks"][1] == 0


def test_an_episode_end_is_one_tick_of_a_schedule_per_step(backend):
    kernel, arrays = made(backend, TABLE, 0.0, 0.0, 0.0, (0.0, 1.0, 2.0), per_episode=False, runs=2)
    kernel.tick(ended(True, False))
    assert arrays["value"].tolist() == [1.0, 1.0] and arrays["ticks"].tolist() == [1, 1]


def test_runs_have_their_own_parameters(module):
    value, ticks = np.array([1.0, 1.0, 8.0]), np.zeros(3, np.int64)
    kernel = module("schedules").Schedule(EXPONENTIAL, False, value.copy(), np.array([0.0, 0.75, 0.0]),
                                          np.array([0.5, 0.5, 0.25]), np.zeros(0), value, ticks)
    assert kernel.runs == 3
    kernel.tick(np.zeros(3, bool))
    assert value.tolist() == [0.5, 0.75, 2.0]
    kernel.tick(np.zeros(3, bool))
    assert value.tolist() == [0.25, 0.75, 0.5]


def test_it_goes_on_where_its_arrays_stand(module):
    # A schedule bound anew to arrays that have ticked goes on from there.
    value, ticks = np.array([0.625]), np.array([2])
    kernel = module("schedules").Schedule(LINEAR, False, np.array([1.0]), np.array([0.25]), np.array([4.0]),
                                          np.zeros(0), value, ticks)
    kernel.tick(ended(False))
    assert (value[0], ticks[0]) == (0.4375, 3)


FINITE = st.floats(0.0, 10.0)


@given(st.integers(0, 4), st.booleans(),
       st.lists(st.tuples(FINITE, FINITE, st.floats(0.0, 5.0)), min_size=1, max_size=4),
       st.lists(FINITE, min_size=1, max_size=4), st.lists(st.integers(0, 15), max_size=30))
def test_both_backends_tick_alike(kind, per_episode, runs, table, ends):
    start, final, rate = (np.array(column) for column in zip(*runs, strict=True))
    table = np.array(table)
    outcomes = []
    for backend in ("cython", "numpy"):
        value, ticks = start.copy(), np.zeros(len(runs), np.int64)
        kernel = kernels(backend, "schedules").Schedule(kind, per_episode, start, final, rate, table, value, ticks)
        trace = [value.tobytes()]
        for end in ends:
            kernel.tick((end >> np.arange(len(runs)) & 1).astype(bool))
            trace.append((value.tobytes(), ticks.tobytes()))
        outcomes.append(trace)
    assert outcomes[0] == outcomes[1]
