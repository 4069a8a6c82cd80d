"""Encoders: rows by hand, the hash table, refused observations, and equality of both backends."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marlfast.backends import kernels

BAD = "^encode: an observation is not finite or lies outside what the encoder can number$"
FULL = "^encode: the table has no room for a new row$"


def encode(encoder, observation):
    """Rows of an observation [R, V, D]; -9 stands where nothing was written."""
    rows = np.full((encoder.runs, encoder.agents), -9, np.int32)
    encoder.encode(np.array(observation, np.float64), rows)
    return rows.tolist()


# -- numbered observations -----------------------------------------------------------------------

def test_discrete_rows_are_the_observations(module):
    one_view = module("encoders").Discrete(2, 3, 1, 5)
    assert (one_view.runs, one_view.agents, one_view.views, one_view.features, one_view.rows) == (2, 3, 1, 1, 5)
    assert encode(one_view, [[[4.0]], [[0.0]]]) == [[4, 4, 4], [0, 0, 0]]
    own_views = module("encoders").Discrete(1, 3, 3, 5)
    assert encode(own_views, [[[4.0], [-0.0], [2.0]]]) == [[4, 0, 2]]


@pytest.mark.parametrize("bad", [-1.0, 5.0, 0.5, 4.999, -1e-300, np.nan, np.inf, -np.inf, 2.0**31, 1e300])
def test_discrete_refuses_what_is_not_a_row(module, bad):
    with pytest.raises(ValueError, match=BAD):
        encode(module("encoders").Discrete(1, 1, 1, 5), [[[bad]]])
    with pytest.raises(ValueError, match=BAD):
        encode(module("encoders").Discrete(1, 2, 2, 5), [[[1.0], [bad]]])


# -- grids ---------------------------------------------------------------------------------------

def grid(module, low, scale, bins, runs=1, agents=1, views=1):
    return module("encoders").Grid(runs, agents, views, np.array(low, float), np.array(scale, float),
                                   np.array(bins, np.int64))


@pytest.mark.parametrize("x, row", [
    # From -1 to 1 in 4 bins, 2 per unit: floor((x + 1) * 2). The outer bins are open.
    (-1.0, 0), (-0.75, 0), (np.nextafter(-0.5, -1), 0), (-0.5, 1), (-0.0, 2), (0.0, 2), (0.499, 2), (0.5, 3),
    (0.999, 3), (1.0, 3), (1.5, 3), (1e300, 3), (-1.001, 0), (-1e300, 0), (-5e-324, 2),
])
def test_a_grid_of_one_feature(module, x, row):
    assert encode(grid(module, [-1.0], [2.0], [4]), [[[x]]]) == [[row]]


def test_the_first_feature_is_the_most_significant(module):
    # 2 x 3 x 4 cells: row = (k0 * 3 + k1) * 4 + k2.
    encoder = grid(module, [0.0] * 3, [1.0] * 3, [2, 3, 4])
    assert encoder.rows == 24
    for k0 in range(2):
        for k1 in range(3):
            for k2 in range(4):
                assert encode(encoder, [[[k0 + 0.5, k1 + 0.5, k2 + 0.5]]]) == [[(k0 * 3 + k1) * 4 + k2]]


def test_views_of_a_grid(module):
    own = grid(module, [0.0], [1.0], [9], runs=2, agents=2, views=2)
    assert encode(own, [[[1.5], [2.5]], [[3.5], [4.5]]]) == [[1, 2], [3, 4]]
    shared = grid(module, [0.0], [1.0], [9], runs=2, agents=3)
    assert encode(shared, [[[1.5]], [[3.5]]]) == [[1, 1, 1], [3, 3, 3]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_grid_refuses_what_is_not_finite(module, bad):
    with pytest.raises(ValueError, match=BAD):
        encode(grid(module, [0.0] * 2, [1.0] * 2, [2, 2]), [[[0.0, bad]]])
    # So large that the cell cannot be computed.
    with pytest.raises(ValueError, match=BAD):
        encode(grid(module, [0.0], [1e10], [2]), [[[1e300]]])


def test_the_largest_grid_numbers_its_last_cell(module):
    encoder = grid(module, [0.0, 0.0], [1.0, 1.0], [2**30 - 1, 2])
    assert encoder.rows == 2**31 - 2
    assert encode(encoder, [[[1e12, 1.0]]]) == [[2**31 - 3]]


# -- rounding ------------------------------------------------------------------------------------

class Rows:
    """A rounding encoder and its arrays."""

    def __init__(self, module, runs=1, agents=1, views=1, features=1, rows=8, slots=16, scale=10.0):
        self.keys, self.table = np.zeros((runs, rows, features), np.int64), np.zeros((runs, slots), np.int32)
        self.used = np.zeros(runs, np.int64)
        self.kernel = module("encoders").Rounding(agents, views, scale, self.keys, self.table, self.used)

    def encode(self, observation):
        return encode(self.kernel, observation)

    def check(self):
        """Every row in use stands in exactly one slot, can be found, and no key comes twice."""
        for keys, table, used in zip(self.keys, self.table, self.used, strict=True):
            assert sorted(table[table > 0].tolist()) == list(range(1, used + 1))
            assert len({tuple(key) for key in keys[:used].tolist()}) == used


def test_rows_are_numbered_as_they_are_first_seen(module):
    rows = Rows(module)
    obs = [0.5, 0.3, 0.5, -0.3, 0.3, 0.31, 0.29, 7.0, 0.5]
    assert [rows.encode([[[x]]])[0][0] for x in obs] == [0, 1, 0, 2, 1, 1, 1, 3, 0]
    assert rows.keys[0, :4, 0].tolist() == [5, 3, -3, 70] and rows.used.tolist() == [4]
    assert rows.kernel.rows == 8
    rows.check()


@pytest.mark.parametrize("x, key", [
    (0.5, 0), (1.5, 2), (2.5, 2), (3.5, 4), (-0.5, 0), (-1.5, -2), (-2.5, -2), (0.49999999999999994, 0),
    (-0.0, 0), (0.0, 0), (-0.4, 0), (1e15, 10**15), (2.0**51, 2**51), (-(2.0**51), -(2**51)),
    (1234567890123.5, 1234567890124), (1234567890122.5, 1234567890122),
])
def test_rounding_is_half_to_even_and_knows_one_zero(module, x, key):
    rows = Rows(module, scale=1.0)
    rows.encode([[[x]]])
    assert rows.keys[0, 0, 0] == key == int(np.round(x))


def test_the_two_zeros_are_one_row(module):
    rows = Rows(module)
    assert [rows.encode([[[x]]]) for x in (0.0, -0.0, 0.04, -0.04, 0.05, -0.05)] == [[[0]]] * 6


def test_rounding_agrees_with_numpy(module):
    # NumPy's round multiplies by 10, rounds half to even and divides.
    x = np.random.default_rng(0).normal(size=300) * 3
    rows = Rows(module, rows=512, slots=1024)
    got = [rows.encode([[[v]]])[0][0] for v in x]
    assert (rows.keys[0, got, 0] / 10.0 == np.round(x, 1)).all()
    assert rows.used[0] == len(set(np.round(x, 1)))
    rows.check()


def test_features_runs_and_views(module):
    rows = Rows(module, runs=2, agents=2, views=2, features=2)
    # Views in order: agent 1's is new after agent 0's; runs number by themselves.
    assert rows.encode([[[0.1, 0.2], [0.2, 0.1]], [[0.2, 0.1], [0.2, 0.1]]]) == [[0, 1], [0, 0]]
    assert rows.used.tolist() == [2, 1]
    assert rows.encode([[[0.2, 0.1], [0.1, 0.2]], [[0.1, 0.2], [0.2, 0.2]]]) == [[1, 0], [1, 2]]
    rows.check()
    shared = Rows(module, runs=1, agents=4)
    assert shared.encode([[[0.3]]]) == [[0, 0, 0, 0]]


def test_collisions_in_the_smallest_tables(module):
    # 3 rows in 4 slots: probing passes over others' slots and wraps around the end of the table.
    generator = np.random.default_rng(5)
    wrapped = 0
    for _ in range(60):
        keys = generator.choice(10**6, 3, replace=False) - 5 * 10**5
        rows = Rows(module, rows=3, slots=4, scale=1.0)
        for _ in range(3):
            assert [rows.encode([[[float(k)]]])[0][0] for k in keys] == [0, 1, 2]
        rows.check()
        wrapped += rows.table[0, 0] == 3
    assert wrapped > 5


def test_a_single_row_in_two_slots(module):
    rows = Rows(module, rows=1, slots=2)
    assert [rows.encode([[[x]]]) for x in (1.0, 1.0)] == [[[0]], [[0]]]
    with pytest.raises(ValueError, match=FULL):
        rows.encode([[[2.0]]])
    assert rows.encode([[[1.0]]]) == [[0]]


def test_a_full_table_still_finds_what_it_knows(module):
    rows = Rows(module, rows=4, slots=8)
    for k in range(4):
        assert rows.encode([[[k / 10]]]) == [[k]]
    before = [a.copy() for a in (rows.keys, rows.table, rows.used)]
    with pytest.raises(ValueError, match=FULL):
        rows.encode([[[0.4]]])
    assert all((a == b).all() for a, b in zip(before, (rows.keys, rows.table, rows.used), strict=True))
    assert [rows.encode([[[k / 10]]]) for k in range(4)] == [[[k]] for k in range(4)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, 2.0**51 + 1, -(2.0**51) - 1])
def test_rounding_refuses_what_it_cannot_number_and_adds_nothing(module, bad):
    rows = Rows(module, features=2, scale=1.0)
    with pytest.raises(ValueError, match=BAD):
        rows.encode([[[1.0, bad]]])
    assert not rows.used.any() and not rows.table.any() and not rows.keys.any()


def test_the_most_features(module):
    rows = Rows(module, features=64)
    first, second = np.zeros((2, 1, 1, 64))
    second[..., 63] = 0.1
    assert [rows.encode(x) for x in (first, second, first)] == [[[0]], [[1]], [[0]]]
    with pytest.raises(ValueError, match="^keys: expected at most 128 features, got 129$"):
        Rows(module, features=129)


def test_growth_keeps_the_rows(module):
    # As ``Rounding.grow`` does: larger arrays, the same keys, an empty hash table that is rebuilt.
    small = Rows(module, runs=3, features=2, rows=16, slots=32)
    generator = np.random.default_rng(2)
    obs = generator.integers(0, 4, (40, 3, 1, 2)) / 10
    numbers = [small.encode(x) for x in obs]
    large = Rows(module, runs=3, features=2, rows=40, slots=128)
    large.keys[:, :16], large.used[:] = small.keys, small.used
    large.kernel.rebuild()
    assert (large.used == small.used).all() and len(set(small.used.tolist())) > 1
    large.check()
    assert [large.encode(x) for x in obs] == numbers
    assert large.encode(np.full((3, 1, 2), 9.9)) == small.used[:, None].tolist()


def test_rebuild_refuses_a_key_that_stands_twice(module):
    rows = Rows(module, rows=4, slots=8)
    rows.keys[0, :, 0], rows.used[:] = [5, 6, 5, 7], 4
    with pytest.raises(ValueError, match="^keys: the same key stands in two rows$"):
        rows.kernel.rebuild()
    assert rows.used.tolist() == [4]


def test_rebuild_of_nothing(module):
    rows = Rows(module, runs=2)
    rows.kernel.rebuild()
    assert not rows.table.any() and not rows.used.any()


# -- both backends -------------------------------------------------------------------------------

VALUES = st.floats(-1e4, 1e4) | st.sampled_from([0.0, -0.0, 0.05, 0.15, 0.25, -0.05, -0.15, 1e300, np.inf, np.nan])


def outcome(encoder, observation, arrays=()):
    rows = np.full((encoder.runs, encoder.agents), -9, np.int32)
    try:
        encoder.encode(observation, rows)
    except ValueError as error:
        return str(error)
    return [a.tobytes() for a in (rows, *arrays)]


@given(st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(1, 3), st.data())
def test_both_backends_find_the_same_cells(runs, agents, own, features, data):
    views = agents if own else 1
    low = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=features, max_size=features)))
    scale = np.array(data.draw(st.lists(st.floats(0.01, 50), min_size=features, max_size=features)))
    bins = np.array(data.draw(st.lists(st.integers(1, 9), min_size=features, max_size=features)), np.int64)
    size = runs * views * features
    x = np.array(data.draw(st.lists(VALUES, min_size=size, max_size=size))).reshape(runs, views, features)
    encoders = [kernels(b, "encoders").Grid(runs, agents, views, low, scale, bins) for b in ("cython", "numpy")]
    assert encoders[0].rows == encoders[1].rows == bins.prod()
    assert outcome(encoders[0], x) == outcome(encoders[1], x)


@given(st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(1, 3), st.integers(1, 12),
       st.sampled_from([0.01, 1.0, 10.0, 1e15]), st.integers(0, 2**32 - 1))
def test_both_backends_number_alike(runs, agents, own, features, room, scale, seed):
    views = agents if own else 1
    generator = np.random.default_rng(seed)
    slots = 1 << int(room).bit_length()
    sides = [Rows(lambda name, b=b: kernels(b, name), runs, agents, views, features, room, slots, scale)
             for b in ("cython", "numpy")]
    for _ in range(8):
        x = generator.integers(-2, 3, (runs, views, features)) / scale
        # Runs that cannot go on are not compared any more: the loop would stop them.
        results = [outcome(side.kernel, x, (side.keys, side.table, side.used)) for side in sides]
        assert results[0] == results[1]
        if isinstance(results[0], str):
            assert results[0] == "encode: the table has no room for a new row"
            break
        sides[0].check()
