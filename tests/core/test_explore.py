"""One draw decides all: exploring, which action, which of the tied; and incumbents, by hand."""
import numpy as np
import pytest

from core.make import Tables, modules

ONE = {"kind": 2, "draws": 1}
BELOW_ONE = 1.0 - 2.0**-52


@pytest.fixture(params=["cython", "packed", "numpy"])
def module(request):
    return modules("numpy" if request.param == "numpy" else "cython", request.param == "packed")


def acted(module, us, q=(0.0, 0.0, 0.0, 9.0), **options):
    t = Tables(module, np.broadcast_to(np.array(q), (len(us), 1, 1, len(q))), **ONE | options)
    return t.act([[0]] * len(us), [[[u]] for u in us]).ravel().tolist()


def test_below_epsilon_the_draw_says_which_action(module):
    # epsilon 1/2: u = 0, 1/8, 1/4, 3/8 are the first of each quarter of it; from 1/2 on the greedy action.
    us = [0.0, np.nextafter(0.125, 0), 0.125, 0.25, np.nextafter(0.375, 0), 0.375, np.nextafter(0.5, 0), 0.5, BELOW_ONE]
    assert acted(module, us, exploration=0.5) == [0, 0, 1, 2, 2, 3, 3, 3, 3]


def test_epsilon_zero_and_one(module):
    assert acted(module, [0.0, 0.5, BELOW_ONE], exploration=0.0) == [3, 3, 3]
    assert acted(module, [0.0, 0.3, 0.5, BELOW_ONE], q=(9.0, 0.0, 0.0, 0.0), exploration=1.0) == [0, 1, 2, 3]


def test_not_strict_explores_at_epsilon_too(module):
    assert acted(module, [0.25, np.nextafter(0.25, 1)], q=(9.0, 0.0, 0.0, 0.0), exploration=0.25, strict=False) == [3,
                                                                                                                    0]
    assert acted(module, [0.0, 2.0**-52], exploration=0.0, strict=False) == [0, 3]


def test_an_epsilon_whose_inverse_overflows_is_met_by_zero_alone(module):
    assert acted(module, [0.0, 2.0**-52], exploration=5e-324) == [0, 3]
    assert acted(module, [0.0, 2.0**-52], exploration=1e-310, strict=False) == [0, 3]


@pytest.mark.parametrize("bad", [-0.25, -np.inf])
def test_a_draw_that_is_no_uniform_is_refused(module, bad):
    with pytest.raises(ValueError, match="draw"):
        acted(module, [bad], exploration=0.5)


def test_from_epsilon_on_the_draw_says_which_of_the_tied(module):
    # epsilon 1/2, two tied: [1/2, 3/4) is the first of them, [3/4, 1) the second.
    us = [0.5, np.nextafter(0.75, 0), 0.75, BELOW_ONE]
    assert acted(module, us, q=(1.0, 7.0, 0.0, 7.0), exploration=0.5, ties=3) == [1, 1, 3, 3]
    assert acted(module, us, q=(1.0, 7.0, 0.0, 7.0), exploration=0.5, ties=0) == [1, 1, 1, 1]
    assert acted(module, us, q=(1.0, 7.0, 0.0, 6.0), exploration=0.5, ties=3) == [1, 1, 1, 1]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 9, 16, 17])
def test_an_incumbent_stays_until_another_is_greater_and_ties_go_round_from_it(module, count):
    rng = np.random.default_rng(count)
    t = Tables(module, np.zeros((1, 1, 1, count)), ties=2, rate=1.0, discount=0.0, **ONE)
    t.greedy[:] = best = int(rng.integers(count))
    values = np.zeros(count)
    for _ in range(200):
        action, value = int(rng.integers(count)), float(rng.integers(-1, 2))
        t.update([[0]], [[action]], [[value]], [[0]], [True])
        values[action] = value
        if values[best] < values.max():
            best = next((best + k) % count for k in range(count) if values[(best + k) % count] == values.max())
        assert t.greedy[0, 0, 0] == best
