"""The draws: known answers, where each draw stands, equality of both backends, and their statistics."""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marlfast.backends import kernels
from marlfast.core import _draws as compiled
from marlfast.reference import draws as twin

GROUP, LANES = 16, 8


def filled(module, seed, stream, run, first, n, normal=False):
    """One row of draws."""
    out = np.full((1, n), np.nan)
    module.fill(seed, stream, np.array([run], np.int64), np.array([first], np.int64), out, normal)
    return out[0]


def words(*values):
    return np.array(values, np.uint32)


# -- the generator -------------------------------------------------------------------------------

# kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
KNOWN = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
     [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
]


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_philox_gives_the_published_answers(module, counter, key, expected):
    got = module("draws").philox4x32(words(*counter), words(*key))
    assert got.dtype == np.uint32 and got.tolist() == expected


def by_hand(module, seed, stream, run, position):
    """The uniform at a position, from philox4x32 alone, as ``marlfast/core/draws.h`` says."""
    group, place = divmod(position, GROUP)
    block = group * LANES + place % LANES
    key = words(seed & 0xFFFFFFFF, seed >> 32)
    word = module.philox4x32(words(block & 0xFFFFFFFF, block >> 32, run, stream), key).tolist()
    high, low = word[:2] if place < LANES else word[2:]
    # 52 of 64 bits, as a multiple of 2**-52.
    return ((high << 20) | (low >> 12)) * 2.0**-52


@pytest.mark.parametrize("seed, stream, run, first", [
    (0, 0, 0, 0), (1, 3, 2, 5), (2**64 - 1, 2**32 - 1, 2**32 - 1, 2**62 - 100),
    # Block numbers that cross 2**32 within the row: positions from 2**33 on.
    (0x0123456789ABCDEF, 8, 77, 2**33 - 20),
])
def test_each_uniform_stands_where_the_header_says(module, seed, stream, run, first):
    module = module("draws")
    got = filled(module, seed, stream, run, first, 50)
    assert got.tolist() == [by_hand(module, seed, stream, run, first + k) for k in range(50)]


def test_the_first_uniform_by_hand(module):
    # Counter 0 under key 0 starts with the words 6627e8d5 e169c58d: their first 52 bits are 6627e8d5e169c.
    assert filled(module("draws"), 0, 0, 0, 0, 1)[0] == 0x6627E8D5E169C / 2**52


def test_normals_are_box_muller_of_the_uniforms(module):
    # First and second normal of a block: sqrt(-2 log(1 - u)) times cos and sin of 2 pi v, where u and v
    # stand eight places apart.
    module = module("draws")
    uniforms = filled(module, 9, 2, 1, 0, 160000).reshape(-1, 2, LANES)
    normals = filled(module, 9, 2, 1, 0, 160000, normal=True).reshape(-1, 2, LANES)
    u, v = uniforms[:, 0], uniforms[:, 1]
    radius = np.sqrt(-2.0 * np.log1p(-u))
    expected = np.stack([radius * np.cos(2.0 * np.pi * v), radius * np.sin(2.0 * np.pi * v)], axis=1)
    # 2 pi v is itself rounded, by up to 4.4e-16, in the expectation; normals reach about 5.
    assert np.abs(normals - expected).max() < 5e-15


# -- both backends, pieces and the whole ---------------------------------------------------------

SEEDS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
POSITIONS = st.integers(0, 200) | st.integers(0, 2**62 - 1) | st.sampled_from([15, 16, 17, 2**35 - 9, 2**62 - 1])
RUNS = st.integers(0, 2**32 - 1) | st.sampled_from([0, 2**31, 2**32 - 1])


@given(SEEDS, st.integers(0, 2**32 - 1), st.lists(st.tuples(RUNS, POSITIONS), max_size=4), st.integers(0, 70),
       st.booleans())
def test_both_backends_fill_alike(seed, stream, rows, n, normal):
    runs, first = (np.array([row[k] for row in rows], np.int64) for k in (0, 1))
    outs = [np.full((len(rows), n), np.nan) for _ in range(2)]
    for module, out in zip((compiled, twin), outs, strict=True):
        module.fill(seed, stream, runs, first, out, normal)
    assert outs[0].tobytes() == outs[1].tobytes()
    assert np.isfinite(outs[0]).all()
    # A row is what it would be alone.
    for r, (run, position) in enumerate(rows):
        assert filled(compiled, seed, stream, run, position, n, normal).tobytes() == outs[0][r].tobytes()


@given(POSITIONS.filter(lambda p: p < 2**62 - 400), st.lists(st.integers(0, 60), min_size=1, max_size=6), st.booleans())
def test_pieces_equal_the_whole(first, lengths, normal):
    for module in (compiled, twin):
        whole = filled(module, 5, 1, 3, first, sum(lengths), normal)
        at, pieces = first, []
        for n in lengths:
            pieces.append(filled(module, 5, 1, 3, at, n, normal))
            at += n
        assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_a_long_fill_is_alike_in_both_backends():
    for normal in (False, True):
        rows = [filled(module, 3, 4, 5, 6, 30001, normal).tobytes() for module in (compiled, twin)]
        assert rows[0] == rows[1]


def test_draws_next_to_the_row_are_left_alone(module):
    # A fill writes exactly its row, also where it begins and ends inside a group.
    out = np.full((3, 21), -7.0)
    module("draws").fill(1, 0, np.array([4], np.int64), np.array([3], np.int64), out[1:2], False)
    assert (out[[0, 2]] == -7.0).all() and (out[1] != -7.0).all()


# -- statistics ----------------------------------------------------------------------------------
# Both backends give the same bits (above), so that the compiled one alone is measured. Seeds are fixed:
# a bound is either always kept or never. Bounds are five standard errors unless said: a right generator
# misses one of them once in 1.7 million seeds.

N = 1 << 20


@pytest.fixture(scope="module")
def uniforms():
    return filled(compiled, 2024, 0, 0, 0, N)


@pytest.fixture(scope="module")
def normals():
    return filled(compiled, 2024, 2, 0, 0, 4 * N, normal=True)


def test_uniforms_lie_in_the_unit_interval_on_the_lattice(uniforms):
    assert uniforms.min() >= 0.0 and uniforms.max() < 1.0
    assert (uniforms * 2.0**52 == np.floor(uniforms * 2.0**52)).all()
    # Every one of the 52 bits is set in half of the draws.
    bits = (uniforms * 2.0**52).astype(np.uint64)
    for k in range(52):
        share = ((bits >> np.uint64(k)) & np.uint64(1)).mean()
        assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(N), k


def test_uniform_mean_and_variance(uniforms):
    assert abs(uniforms.mean() - 0.5) < 5 * math.sqrt(1 / 12 / N)
    # The variance of (u - 1/2)**2 is 1/80 - 1/144 = 1/180.
    assert abs(((uniforms - 0.5)**2).mean() - 1 / 12) < 5 * math.sqrt(1 / 180 / N)


# Chi-square with 255 degrees of freedom: its 1e-6 and 1 - 1e-6 quantiles.
CHI_LOW, CHI_HIGH = 161.65, 377.08


def chi_square(counts):
    expected = counts.sum() / counts.size
    return ((counts - expected)**2).sum() / expected


def test_uniforms_fill_256_bins_alike(uniforms):
    assert CHI_LOW < chi_square(np.bincount((uniforms * 256).astype(int), minlength=256)) < CHI_HIGH


def test_pairs_of_neighbours_fill_16_by_16_bins_alike(uniforms):
    # Neighbours in position, and the two uniforms of one block, which stand eight places apart.
    k = (uniforms * 16).astype(int)
    assert CHI_LOW < chi_square(np.bincount(16 * k[::2] + k[1::2], minlength=256)) < CHI_HIGH
    blocks = k.reshape(-1, 2, LANES)
    assert CHI_LOW < chi_square(np.bincount((16 * blocks[:, 0] + blocks[:, 1]).ravel(), minlength=256)) < CHI_HIGH


@pytest.mark.parametrize("lag", [1, 2, 3, 7, 8, 16, 17, 1000])
def test_uniforms_have_no_serial_correlation(uniforms, lag):
    assert abs(correlation(uniforms[:-lag], uniforms[lag:])) < 5 / math.sqrt(N - lag)


def correlation(x, y):
    return ((x - x.mean()) * (y - y.mean())).mean() / (x.std() * y.std())


def test_normal_moments(normals):
    # Variances of the first four powers' means: 1, 2, 15, 96 over n.
    n = normals.size
    assert abs(normals.mean()) < 5 * math.sqrt(1 / n)
    assert abs((normals**2).mean() - 1.0) < 5 * math.sqrt(2 / n)
    assert abs((normals**3).mean()) < 5 * math.sqrt(15 / n)
    assert abs((normals**4).mean() - 3.0) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize("sigmas", [0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5])
def test_normal_tails(normals, sigmas):
    # P(x > s) = erfc(s / sqrt 2) / 2, on either side.
    share, n = math.erfc(sigmas / math.sqrt(2)) / 2, normals.size
    bound = 5 * math.sqrt(n * share * (1 - share))
    assert abs((normals > sigmas).sum() - n * share) < bound
    assert abs((normals < -sigmas).sum() - n * share) < bound
    assert n * share > 10


def test_normals_are_finite_and_bounded(normals):
    # The largest radius: u is at most 1 - 2**-52, so that x is at most sqrt(2 * 52 * log 2) = 8.49.
    assert np.isfinite(normals).all()
    assert 4.5 < np.abs(normals).max() < 8.6


def test_normals_fill_256_equally_likely_bins_alike(normals):
    edges = np.array([_quantile(k / 256) for k in range(1, 256)])
    assert CHI_LOW < chi_square(np.bincount(np.searchsorted(edges, normals), minlength=256)) < CHI_HIGH


def _quantile(p):
    """Inverse of the normal distribution function, by bisection."""
    low, high = -9.0, 9.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(-middle / math.sqrt(2)) / 2 < p else (low, middle)
    return low


def test_the_two_normals_of_a_block_are_independent(normals):
    pairs = normals.reshape(-1, 2, LANES)
    x, y = pairs[:, 0].ravel(), pairs[:, 1].ravel()
    assert abs(correlation(x, y)) < 5 / math.sqrt(x.size)
    # Sizes too, which Box and Muller's method would couple if radius and angle were related.
    assert abs(correlation(x * x, y * y)) < 5 / math.sqrt(x.size)


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("other", [
    dict(stream=1), dict(stream=8), dict(stream=2**31), dict(run=1), dict(run=2), dict(run=2**32 - 1), dict(seed=1),
    dict(seed=2**32), dict(seed=2**63), dict(first=1 << 34),
])
def test_streams_runs_and_seeds_are_independent(normal, other):
    here = dict(seed=0, stream=0, run=0, first=0)
    n = 1 << 17
    x, y = (filled(compiled, *where.values(), n, normal) for where in (here, here | other))
    assert (x != y).mean() > 0.999
    assert abs(correlation(x, y)) < 5 / math.sqrt(n)
    # Not one shifted against the other either.
    for lag in (1, 8, 16):
        assert abs(correlation(x[lag:], y[:-lag])) < 5 / math.sqrt(n - lag)
        assert abs(correlation(x[:-lag], y[lag:])) < 5 / math.sqrt(n - lag)


def test_the_mean_over_runs_varies_as_it_should():
    # 4096 runs' first 64 uniforms: the variance of their means is 1/12/64, with relative error sqrt(2/4096).
    out = np.empty((4096, 64))
    compiled.fill(7, 0, np.arange(4096), np.zeros(4096, np.int64), out, False)
    ratio = out.mean(axis=1).var() / (1 / 12 / 64)
    assert abs(ratio - 1.0) < 5 * math.sqrt(2 / 4096)


# -- exp and log ---------------------------------------------------------------------------------

def apply(module, name, x):
    x = np.asarray(x, np.float64)
    out = np.full(x.shape, np.nan)
    getattr(module, name)(x, out)
    return out


def ulps(got, expected):
    return np.abs(got - expected) / np.spacing(np.abs(expected))


WIDE = np.random.default_rng(1)
EXPONENTS = np.concatenate([WIDE.uniform(-707.9, 709.0, 100000), WIDE.uniform(-1.0, 1.0, 100000),
                            WIDE.uniform(-40.0, 0.0, 100000), WIDE.normal(size=10000) * 1e-8,
                            np.arange(-2040, 2040) * (math.log(2) / 2)])
POSITIVE = np.concatenate([np.exp2(WIDE.uniform(-1021.0, 1023.9, 100000)), WIDE.uniform(0.5, 2.0, 100000),
                           1.0 + WIDE.uniform(-1e-6, 1e-6, 10000), WIDE.uniform(0.0, 1.0, 100000) + 2.0**-53,
                           np.exp2(np.arange(-1022.0, 1024.0)), np.sqrt(0.5) * (1 + np.arange(-50, 50) * 2.0**-52)])


def test_exp_is_within_two_ulps(module):
    assert ulps(apply(module("draws"), "exp", EXPONENTS), np.exp(EXPONENTS)).max() <= 2.0


def test_log_is_within_two_ulps(module):
    expected = np.log(POSITIVE)
    got = apply(module("draws"), "log", POSITIVE)
    assert (got[expected == 0.0] == 0.0).all()
    other = expected != 0.0
    assert ulps(got[other], expected[other]).max() <= 2.0


def test_exp_and_log_are_alike_in_both_backends():
    x = np.concatenate([EXPONENTS, [0.0, -0.0, -708.0, np.nextafter(-708.0, 0), 709.0, 710.0, 1e308, -1e308]])
    assert apply(compiled, "exp", x).tobytes() == apply(twin, "exp", x).tobytes()
    assert apply(compiled, "log", POSITIVE).tobytes() == apply(twin, "log", POSITIVE).tobytes()


def test_special_values(module):
    module = module("draws")
    assert apply(module, "exp", [0.0, -0.0, -1e9, -1e308, -708.0]).tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert apply(module, "exp", [709.0, 710.0, 1e308]).tolist() == [apply(module, "exp", [709.0])[0]] * 3
    assert apply(module, "exp", [709.0])[0] < math.inf
    assert apply(module, "log", [1.0])[0] == 0.0
    assert apply(module, "log", [2.0, 0.5]).tolist() == [math.log(2.0), -math.log(2.0)]


@pytest.mark.parametrize("rows, first", [(1100, 0), (40, 7), (5, 2**33 - 2), (0, 3)])
def test_choices_come_from_the_uniforms_of_their_streams(module, rows, first):
    module = module("draws")
    seeds, runs = np.array([3, 2**64 - 1], np.uint64), np.array([0, 2**32 - 1])
    streams, counts = np.array([21, 2**32 - 1, 37]), np.array([5, 1, 2])
    memory = np.full((2, rows, 4, 3), -7, np.int32)
    module.fill_choices(seeds, streams, runs, first, counts, memory[:, :, 1:, 1])      # any strides
    assert (memory[..., ::2] == -7).all() and (memory[:, :, 0] == -7).all()
    for r in range(2):
        for k in range(3):
            u = filled(module, int(seeds[r]), int(streams[k]), int(runs[r]), first, rows)
            assert memory[r, :, k + 1, 1].tolist() == np.floor(u * counts[k]).tolist()


@pytest.mark.parametrize("wrong, message", [
    ({"first": -1}, "first: expected a position"), ({"runs": np.array([2**32])}, "runs: expected run numbers"),
    ({"streams": np.array([-1, 0])}, "streams: expected 0 to"), ({"counts": np.array([1, 0])}, "counts: expected 1 to"),
    ({"out": np.zeros((1, 4, 3), np.int32)}, "out: expected int32"),
    ({"out": np.zeros((1, 4, 2))}, "out: expected int32"),
])
def test_choices_refuse_what_does_not_fit(module, wrong, message):
    given = {"seeds": np.zeros(1, np.uint64), "streams": np.array([0, 1]), "runs": np.array([0]), "first": 0,
             "counts": np.array([2, 2]), "out": np.zeros((1, 4, 2), np.int32)} | wrong
    with pytest.raises(ValueError, match=message):
        module("draws").fill_choices(*given.values())


def test_empty_arrays_are_fine(module):
    module = module("draws")
    assert apply(module, "exp", []).shape == (0,) and apply(module, "log", []).shape == (0,)
    none = np.zeros(0, np.int64)
    assert module.fill(0, 0, none, none, np.empty((0, 5)), True) is None
    assert module.fill(0, 0, np.zeros(2, np.int64), np.zeros(2, np.int64), np.empty((2, 0)), False) is None


def test_exp_never_increases_where_its_argument_falls():
    # Action probabilities must keep the order of action values.
    x = np.sort(WIDE.uniform(-709.0, 709.0, 200000))
    assert (np.diff(apply(kernels("cython", "draws"), "exp", x)) >= 0.0).all()
