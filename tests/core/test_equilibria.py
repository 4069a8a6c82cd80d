"""Equilibria of matrix games: by hand, against linear programs and equilibria of other libraries, and degenerate ones.

What makes a solution right is checked on the solution itself: that no deviation gains. So nothing here depends on which
of several equilibria another library would give.
"""
import numpy as np
import pytest

from marlfast.backends import BACKENDS, kernels

UTILITARIAN, EGALITARIAN, REPUBLICAN, LIBERTARIAN = range(4)
PENNIES = [[1.0, -1.0], [-1.0, 1.0]]
# Chicken (dare, yield) as in R. J. Aumann, "Subjectivity and correlation in randomized strategies" (1974).
CHICKEN = [[0.0, 7.0], [2.0, 6.0]]


def zero_sum(backend, payoff):
    payoff = np.array([payoff], np.float64)
    value, x, y = np.zeros(1), np.zeros(payoff.shape[:2]), np.zeros(payoff.shape[::2])
    kernels(backend, "equilibria").solve_zero_sum(payoff, value, x, y)
    return value[0], x[0], y[0]


def nash(backend, p, q):
    p, q = np.array([p], np.float64), np.array([q], np.float64)
    values, x, y = np.zeros((1, 2)), np.zeros(p.shape[:2]), np.zeros(p.shape[::2])
    kernels(backend, "equilibria").solve_nash(p, q, values, x, y)
    return values[0], x[0], y[0]


def correlated(backend, p, q, objective):
    p, q = np.array([p], np.float64), np.array([q], np.float64)
    values, joint = np.zeros((1, 2)), np.zeros(p.shape)
    kernels(backend, "equilibria").solve_correlated(p, q, objective, values, joint)
    return values[0], joint[0]


KINDS = ("normal", "few values", "zeros and ones", "repeated rows and columns", "any size", "far from 0", "one entry",
         "almost tied", "in a circle")


def random_matrix(generator, kind, m, n):
    """A matrix of one of the KINDS, most of which are degenerate."""
    normal = generator.normal(size=(m, n))
    if kind == "few values":
        return generator.integers(0, 3, (m, n)).astype(float)
    if kind == "zeros and ones":
        return generator.integers(0, 2, (m, n)).astype(float)
    if kind == "repeated rows and columns":
        normal[generator.integers(m)] = normal[generator.integers(m)]
        normal[:, generator.integers(n)] = normal[:, generator.integers(n)]
    elif kind == "any size":
        normal *= 10.0 ** generator.integers(-300, 300)
    elif kind == "far from 0":
        normal = 1e6 + 1e-3 * normal
    elif kind == "one entry":
        normal[:] = 0.0
        normal[generator.integers(m), generator.integers(n)] = generator.normal()
    elif kind == "almost tied":
        return generator.integers(0, 3, (m, n)) + 1e-13 * normal
    elif kind == "in a circle":
        k = max(m, n)
        circle = np.zeros((k, k))
        circle[np.arange(k), np.arange(1, k + 1) % k] = 1.0
        return (circle - circle.T)[:m, :n]
    return normal


def games(seed, count, most):
    """(kind, p, q): any two matrices, zero-sum ones and common payoffs."""
    generator = np.random.default_rng(seed)
    for k in range(count):
        kind = KINDS[k % len(KINDS)]
        m, n = generator.integers(1, most + 1, 2)
        p, q = random_matrix(generator, kind, m, n), random_matrix(generator, kind, m, n)
        yield kind, p, -p if k % 3 == 0 else p.copy() if k % 7 == 0 else q


def unit(payoff):
    """Payoffs from 0 to 1: so that rounding in the test itself is small beside what it asks for."""
    span = np.ptp(payoff)
    return (payoff - payoff.min()) / (span if span > 0.0 else 1.0)


def is_distribution(x):
    return (x >= 0.0).all() and abs(x.sum() - 1.0) < 1e-12


# -- zero-sum games ------------------------------------------------------------------------------

def test_matching_pennies(backend):
    value, x, y = zero_sum(backend, PENNIES)
    assert (value, x.tolist(), y.tolist()) == (0.0, [0.5, 0.5], [0.5, 0.5])


def test_two_by_two_without_a_saddle(backend):
    # p (3) + (1 - p) 0 = p 1 + (1 - p) 2: p = 1/2, value 3/2; q 3 + (1 - q) 1 = (1 - q) 2: q = 1/4.
    value, x, y = zero_sum(backend, [[3.0, 1.0], [0.0, 2.0]])
    assert value == pytest.approx(1.5, abs=1e-15)
    assert x == pytest.approx([0.5, 0.5], abs=1e-15) and y == pytest.approx([0.25, 0.75], abs=1e-15)


def test_rock_paper_scissors_with_weights(backend):
    # Paper beats rock by 1, rock beats scissors by 2, scissors beat paper by 3. Indifference against rock says
    # paper = 2 scissors, against paper rock = 3 scissors: (3, 2, 1) / 6.
    value, x, y = zero_sum(backend, [[0.0, -1.0, 2.0], [1.0, 0.0, -3.0], [-2.0, 3.0, 0.0]])
    assert value == pytest.approx(0.0, abs=1e-14)
    assert x == pytest.approx([1 / 2, 1 / 3, 1 / 6], abs=1e-14) and y == pytest.approx(x, abs=1e-14)


def test_more_rows_than_columns(backend):
    # Against (y, 1 - y) the rows earn 5 - 5 y, 3 - y and 4 y. The greatest of them is least where the last two cross,
    # at y = 3/5: 12/5, where the first earns 2.
    # x over rows 1 and 2: 2 x + 4 (1 - x) = 3 x: x = 4/5.
    value, x, y = zero_sum(backend, [[0.0, 5.0], [2.0, 3.0], [4.0, 0.0]])
    assert value == pytest.approx(2.4, abs=1e-14)
    assert x == pytest.approx([0.0, 0.8, 0.2], abs=1e-14) and y == pytest.approx([0.6, 0.4], abs=1e-14)


def test_a_pure_saddle_is_exact_and_the_first_one(backend):
    value, x, y = zero_sum(backend, [[3.0, 1.0, 1.0], [0.3, 0.1, 0.2], [3.0, 1.0, 1.0]])
    assert (value, x.tolist(), y.tolist()) == (1.0, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1)])
def test_where_one_has_no_choice_the_other_takes_the_best(backend, shape):
    payoff = np.arange(12.0).reshape(3, 4)[:shape[0], :shape[1]]
    value, x, y = zero_sum(backend, payoff)
    assert value == payoff.min(axis=1).max()
    assert x.tolist() == np.eye(shape[0])[-1].tolist() and y.tolist() == np.eye(shape[1])[0].tolist()


@pytest.mark.parametrize("number", [0.0, -0.0, -7.25, 1e300])
def test_equal_payoffs_are_played_uniformly(backend, number):
    value, x, y = zero_sum(backend, np.full((4, 3), number))
    assert (value, x.tolist(), y.tolist()) == (number, [0.25] * 4, [1.0 / 3.0] * 3)


def test_thousands_of_zero_sum_games_against_highs():
    linprog = pytest.importorskip("scipy.optimize").linprog
    for kind, p, _ in games(1, 1800, 8):
        value, x, y = zero_sum("cython", p)
        assert is_distribution(x) and is_distribution(y)
        scaled = unit(p)
        low, high = (x @ scaled).min(), (scaled @ y).max()
        assert 0.0 <= high - low + 1e-15 <= 1e-9, (kind, p.shape)       # strong duality: nothing more to prove
        m, n = p.shape
        found = linprog(np.r_[np.zeros(m), -1.0], A_ub=np.c_[-scaled.T, np.ones(n)], b_ub=np.zeros(n),
                        A_eq=[np.r_[np.ones(m), 0.0]], b_eq=[1.0], bounds=[(0, None)] * m + [(None, None)],
                        method="highs")
        assert -found.fun == pytest.approx(low, abs=2e-7), (kind, p.shape)
        span = np.ptp(p)
        assert value == pytest.approx(p.min() + span * low, abs=1e-9 * span + 1e-12 * np.abs(p).max())


def test_games_as_large_as_a_coalition():
    generator = np.random.default_rng(5)
    for shape in ((64, 64), (125, 25), (5, 300)):
        payoff = generator.integers(0, 3, shape) + generator.normal(size=shape) * (shape[0] == 125)
        _, x, y = zero_sum("cython", payoff)
        assert 0.0 <= (payoff @ y).max() - (x @ payoff).min() + 1e-14 <= 1e-9


# -- Nash equilibria -----------------------------------------------------------------------------

@pytest.mark.parametrize("name, p, q, x, y", [
    ("prisoners' dilemma", [[3, 0], [5, 1]], [[3, 5], [0, 1]], [0, 1], [0, 1]),
    ("battle of the sexes: the first of two equal sums", [[3, 0], [0, 2]], [[2, 0], [0, 3]], [1, 0], [1, 0]),
    ("stag hunt: the greater sum", [[1, 1], [0, 2]], [[1, 0], [1, 2]], [0, 1], [0, 1]),
    ("climbing", [[11, -30, 0], [-30, 7, 6], [0, 0, 5]], [[11, -30, 0], [-30, 7, 6], [0, 0, 5]], [1, 0, 0], [1, 0, 0]),
    ("pennies", PENNIES, [[-1, 1], [1, -1]], [0.5, 0.5], [0.5, 0.5]),
    # x makes the other indifferent: 2 x = 1 - x; y likewise: y = 3 (1 - y).
    ("unequal pennies", [[1, 0], [0, 3]], [[0, 2], [1, 0]], [1 / 3, 2 / 3], [3 / 4, 1 / 4]),
    ("Shapley", [[0, 0, 1], [1, 0, 0], [0, 1, 0]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], [1 / 3] * 3, [1 / 3] * 3),
    ("nothing matters", [[2, 2, 2]] * 2, [[1, 1, 1]] * 2, [1 / 2] * 2, [1 / 3] * 3),
    ("only the second cares", [[2, 2], [2, 2]], [[0, 1], [3, 0]], [0, 1], [1, 0]),
])
def test_which_nash_equilibrium(backend, name, p, q, x, y):
    values, found_x, found_y = nash(backend, p, q)
    assert found_x == pytest.approx(x, abs=1e-12) and found_y == pytest.approx(y, abs=1e-12), name
    assert values == pytest.approx([np.array(x) @ p @ y, np.array(x) @ q @ y], abs=1e-12)


def test_nobody_gains_by_deviating_in_thousands_of_games():
    pure = 0
    for kind, p, q in games(2, 4500, 8):
        values, x, y = nash("cython", p, q)
        assert is_distribution(x) and is_distribution(y)
        ours, theirs = unit(p), unit(q)
        assert (ours @ y).max() - x @ ours @ y <= 1.1e-9, (kind, p.shape)
        assert (x @ theirs).max() - x @ theirs @ y <= 1.1e-9, (kind, p.shape)
        assert values[0] == pytest.approx(x @ p @ y, rel=1e-9, abs=1e-12 * np.abs(p).max())
        pure += x.max() == 1.0 and y.max() == 1.0
    assert 1000 < pure < 4400


@pytest.mark.filterwarnings("ignore::RuntimeWarning")      # nashpy, of an even number of equilibria
def test_supports_are_those_of_nashpy():
    nashpy = pytest.importorskip("nashpy")
    generator = np.random.default_rng(3)
    mixed = 0
    for _ in range(60):
        p, q = generator.normal(size=(2, 3, 3))
        _, x, y = nash("cython", p, q)
        theirs = list(nashpy.Game(p, q).support_enumeration())
        if len(theirs) % 2 == 0:
            continue        # it missed one: its tolerance is 1e-16
        assert any(np.allclose(x, a, atol=1e-8) and np.allclose(y, b, atol=1e-8) for a, b in theirs)
        assert any(((x > 0) == (a > 1e-9)).all() and ((y > 0) == (b > 1e-9)).all() for a, b in theirs)
        mixed += x.max() < 1.0
    assert mixed > 5


def test_equilibria_and_values_are_those_of_gambit():
    gambit = pytest.importorskip("pygambit")        # whole numbers, solved in fractions; half of the games degenerate
    generator = np.random.default_rng(11)
    for k in range(100):
        shape = generator.integers(1, 5, 2)
        p, q = generator.integers(-2, 3, (2, *shape)) if k % 2 else generator.integers(-50, 51, (2, *shape))
        _, x, y = nash("cython", p, q)
        found = gambit.nash.enummixed_solve(gambit.Game.from_arrays(p, q), rational=True).equilibria
        theirs = [[np.array([float(weight) for _, weight in one[side]]) for side in "12"] for one in found]
        assert any(np.allclose(x, a, atol=1e-8) and np.allclose(y, b, atol=1e-8) for a, b in theirs)
        value, *_ = zero_sum("cython", p)
        (best,) = gambit.nash.lp_solve(gambit.Game.from_arrays(p, -p), rational=True).equilibria
        assert value == pytest.approx(float(best.payoff("1")), abs=1e-9)


# -- correlated equilibria -----------------------------------------------------------------------

def test_chicken(backend):
    # Told to yield, daring would gain if 2 P(yield, dare) < P(yield, yield): the best that this allows is
    # (yield, yield) 1/2 and the mixed outcomes 1/4 each: (6 + 2/2 + 7/2) / 2 = 5.25 for both.
    for objective in (UTILITARIAN, EGALITARIAN):
        values, joint = correlated(backend, CHICKEN, np.transpose(CHICKEN), objective)
        assert values == pytest.approx([5.25, 5.25], abs=1e-7)
        assert joint == pytest.approx(np.array([[0.0, 0.25], [0.25, 0.5]]), abs=1e-7)
    # Best for one of them: it dares, the other yields. The first of equals is the row player.
    values, joint = correlated(backend, CHICKEN, np.transpose(CHICKEN), REPUBLICAN)
    assert values.tolist() == [7.0, 2.0] and joint.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    # Each plays its part of what is best for itself: both dare.
    values, joint = correlated(backend, CHICKEN, np.transpose(CHICKEN), LIBERTARIAN)
    assert values.tolist() == [0.0, 0.0] and joint.tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_egalitarian_shares_where_utilitarian_does_not(backend):
    # Battle of the sexes with 5 and 1 against 2 and 3: the sum is greatest at (0, 0), 6; the smaller payoff where
    # 5 s + 2 (1 - s) = s + 3 (1 - s): s = 1/5, 13/5 for both.
    p, q = [[5.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 3.0]]
    assert correlated(backend, p, q, UTILITARIAN)[0].tolist() == [5.0, 1.0]
    values, joint = correlated(backend, p, q, EGALITARIAN)
    assert values == pytest.approx([2.6, 2.6], abs=1e-7)
    assert joint == pytest.approx(np.array([[0.2, 0.0], [0.0, 0.8]]), abs=1e-7)


def constraints(p, q):
    """What each earns more by doing otherwise than told, for every joint action: at most 0 in expectation."""
    rows = []
    for payoff, axis in ((p, 0), (q.T, 1)):
        for i in range(len(payoff)):
            for other in range(len(payoff)):
                if other != i:
                    gain = np.zeros(payoff.shape)
                    gain[i] = payoff[other] - payoff[i]
                    rows.append((gain if axis == 0 else gain.T).ravel())
    return np.array(rows).reshape(-1, p.size)


def test_nobody_is_tempted_in_thousands_of_games():
    for kind, p, q in games(4, 2700, 5):
        for objective in (UTILITARIAN, EGALITARIAN, REPUBLICAN):
            values, joint = correlated("cython", p, q, objective)
            assert is_distribution(joint.ravel())
            tempted = constraints(unit(p), unit(q)) @ joint.ravel()
            assert tempted.max(initial=0.0) <= 1e-7, (kind, p.shape, objective)
            assert values[0] == pytest.approx((joint * p).sum(), rel=1e-9, abs=1e-12 * np.abs(p).max())


def test_correlated_equilibria_are_the_best_by_highs():
    linprog = pytest.importorskip("scipy.optimize").linprog
    for kind, p, q in games(6, 270, 4):
        if kind in ("any size", "far from 0", "almost tied"):
            continue        # HiGHS's tolerances are absolute
        gains = constraints(p, q)
        limits = {"A_eq": [np.ones(p.size)], "b_eq": [1.0], "method": "highs"}
        if len(gains):
            limits |= {"A_ub": gains, "b_ub": np.zeros(len(gains))}
        most = {name: -linprog(-c.ravel(), **limits).fun for name, c in (("both", p + q), ("p", p), ("q", q))}
        near = 1e-6 * max(np.ptp(p), np.ptp(q), 1e-9)
        values, _ = correlated("cython", p, q, UTILITARIAN)
        assert values.sum() == pytest.approx(most["both"], abs=near), (kind, p.shape)
        values, _ = correlated("cython", p, q, REPUBLICAN)
        assert values.max() == pytest.approx(max(most["p"], most["q"]), abs=near), (kind, p.shape)
        # The greatest t with both payoffs at least t.
        above = np.r_[np.c_[gains, np.zeros(len(gains))], [np.r_[-p.ravel(), 1.0], np.r_[-q.ravel(), 1.0]]]
        found = linprog(np.r_[np.zeros(p.size), -1.0], A_ub=above, b_ub=np.zeros(len(above)),
                        A_eq=[np.r_[np.ones(p.size), 0.0]], b_eq=[1.0],
                        bounds=[(0, None)] * p.size + [(None, None)], method="highs")
        values, _ = correlated("cython", p, q, EGALITARIAN)
        assert values.min() == pytest.approx(-found.fun, abs=near), (kind, p.shape)


def test_large_zero_sum_games_have_a_correlated_equilibrium_too():
    p = np.random.default_rng(1).normal(size=(2, 16, 16))
    for payoff in p:
        values, _ = correlated("cython", payoff, -payoff, UTILITARIAN)
        assert values[0] == pytest.approx(zero_sum("cython", payoff)[0], abs=1e-6)


def test_numbers_of_very_different_size_still_have_an_answer():
    generator = np.random.default_rng(8)
    for _ in range(500):
        m, n = generator.integers(2, 8, 2)
        p, q = generator.normal(size=(2, m, n)) * 10.0 ** generator.integers(-9, 3, (2, m, n))
        _, x, y = nash("cython", p, q)
        assert (unit(p) @ y).max() - x @ unit(p) @ y <= 2e-5
        _, joint = correlated("cython", p, q, UTILITARIAN)
        assert (constraints(unit(p), unit(q)) @ joint.ravel()).max() <= 2e-5


# -- both backends, bad input --------------------------------------------------------------------

def outcome(function, *arguments):
    try:
        return [np.asarray(part).tobytes() for part in function(*arguments)]
    except ValueError as error:
        return str(error)


def test_backends_agree_bit_for_bit_on_any_numbers():
    hostile = (np.nan, np.inf, -np.inf, 1.7e308, -1.7e308, 5e-324, -0.0)
    generator, refused = np.random.default_rng(11), 0
    for k, (_, p, q) in enumerate(games(10, 600, 5)):
        if k % 6 == 0:
            for payoff in (p, q):
                payoff.ravel()[generator.integers(p.size)] = hostile[generator.integers(len(hostile))]
        for solve, *more in ((lambda b, p, q: zero_sum(b, p),), (nash,), (correlated, k % 4)):
            both = [outcome(solve, backend, p, q, *more) for backend in BACKENDS]
            assert both[0] == both[1], (solve, k)
            refused += isinstance(both[0], str)
    assert refused > 50


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(backend, number):
    bad = [[number, 1.0], [0.0, 2.0]]
    for call in (lambda: zero_sum(backend, bad), lambda: nash(backend, PENNIES, bad),
                 lambda: correlated(backend, bad, PENNIES, 0)):
        with pytest.raises(ValueError, match=r"^payoffs\[0\]: expected finite numbers"):
            call()


def test_payoffs_too_far_apart_are_refused(backend):
    with pytest.raises(ValueError, match="not too far apart"):
        zero_sum(backend, [[1.7e308, -1.7e308]])


def test_wrong_arrays_are_refused(module):
    solver = module("equilibria")
    p, v, x, y = np.zeros((1, 2, 3)), np.zeros(1), np.zeros((1, 2)), np.zeros((1, 3))
    with pytest.raises(ValueError, match=r"row_policy: expected shape \(1, 2\), got \(1, 3\)"):
        solver.solve_zero_sum(p, v, y, y)
    with pytest.raises(ValueError, match=r"other: expected shape \(1, 2, 3\), got \(1, 3, 2\)"):
        solver.solve_nash(p, np.zeros((1, 3, 2)), np.zeros((1, 2)), x, y)
    with pytest.raises(ValueError, match="objective: expected 0, 1, 2 or 3, got 4"):
        solver.solve_correlated(p, p, 4, np.zeros((1, 2)), p.copy())
    with pytest.raises(TypeError, match="payoffs: expected float64"):
        solver.solve_zero_sum(p.astype(np.float32), v, x, y)
    for solve in (lambda p: solver.solve_zero_sum(p, np.zeros(1), np.zeros((1, 0)), y),
                  lambda p: solver.solve_nash(p, p, np.zeros((1, 2)), np.zeros((1, 0)), y),
                  lambda p: solver.solve_correlated(p, p, 0, np.zeros((1, 2)), p.copy())):
        with pytest.raises(ValueError, match="payoffs: expected at least one action of each player"):
            solve(np.zeros((1, 0, 3)))


def test_no_games_at_all(module):
    arrays = np.zeros((0, 2, 3)), np.zeros(0), np.zeros((0, 2)), np.zeros((0, 3))
    assert module("equilibria").solve_zero_sum(*arrays) is None
    with pytest.raises(ValueError, match="^value: expected shape"):        # of no game at all there is no value
        module("equilibria").solve_zero_sum(arrays[0], np.zeros(1), *arrays[2:])
