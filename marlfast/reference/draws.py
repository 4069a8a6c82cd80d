"""Draws in NumPy: the twin of ``src/_draws.pyx`` and ``marlfast/core/draws.h``.

Generator: Philox4x32-10 (J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC'11). Normals: G. E. P. Box and M. E. Muller (1958). Every operation stands in the same order
as in the header, so that both give the same bits.
"""
import numpy as np

from marlfast.reference.kernels import check

GROUP = 16
LANES = 8
LOW = np.uint64(0xFFFFFFFF)
M0, M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
W0, W1 = 0x9E3779B9, 0xBB67AE85
ONE_BITS = np.uint64(0x3FF0000000000000)
MAGIC = 6755399441055744.0      # 1.5 * 2**52: adding and subtracting it rounds half to even


def _philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds on arrays of uint64 whose low 32 bits count."""
    for _ in range(10):
        p0, p1 = (c0 & LOW) * M0, (c2 & LOW) * M1
        c0, c2 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1)
        c1, c3 = p1 & LOW, p0 & LOW
        k0, k1 = (k0 + W0) & 0xFFFFFFFF, (k1 + W1) & 0xFFFFFFFF
    return c0, c1, c2, c3


def philox4x32(counter, key):
    """Philox4x32-10 of one counter (uint32 [4]) under a key (uint32 [2]); returns uint32 [4]."""
    check(counter, "counter", "uint32", (4,), False)
    check(key, "key", "uint32", (2,), False)
    words = _philox(*counter.astype(np.uint64), int(key[0]), int(key[1]))
    return np.array(words, np.uint64).astype(np.uint32)


def _log(x):
    root_half = np.uint64(0x3FE6A09E667F3BCD)
    shifted = x.view(np.uint64) + np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
    k = ((shifted >> np.uint64(52)) | np.uint64(0x4330000000000000)).view(np.float64) - (4503599627370496.0 + 1023.0)
    m = ((shifted & np.uint64(0x000FFFFFFFFFFFFF)) + root_half).view(np.float64)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    h = float.fromhex
    p = (((h("0x1.0c039c49989c6p-3") * z + h("0x1.0fbe95d716020p-3")) * w
          + (h("0x1.3b1c355a8f7a2p-3") * z + h("0x1.745cf9048dd95p-3"))) * (w * w)
         + ((h("0x1.c71c720159177p-3") * z + h("0x1.2492492476cccp-2")) * w
            + (h("0x1.9999999999a38p-2") * z + h("0x1.5555555555555p-1"))))
    return k * h("0x1.62e42feep-1") + (f - (s * (f - z * p) - k * 1.9082149292705877e-10))


def exp_values(x):
    """The kernels' exponential of an array; 0 below -708, capped at exp(709) above."""
    y = np.where(x < 709.0, x, 709.0)
    y = np.where(y > -708.0, y, -708.0)
    k = (y * 1.4426950408889634 + MAGIC) - MAGIC
    r = (y - k * float.fromhex("0x1.62e42feep-1")) - k * 1.9082149292705877e-10
    p = np.full_like(r, 2.0914679376583935e-09)
    for c in (2.510520637395701e-08, 2.7557273661348637e-07, 2.7557255425746435e-06, 2.4801587325533363e-05,
              0.00019841269874800493, 0.0013888888888883752, 0.008333333333326141, 0.04166666666666667,
              0.1666666666666667, 0.5):
        p = p * r + c
    p = (p * r) * r + r
    scale = (((k + 1023.0) + 4503599627370496.0).view(np.uint64) & np.uint64(0xFFF)) << np.uint64(52)
    scale = scale.view(np.float64)
    return np.where(x > -708.0, scale + scale * p, 0.0)


def log_values(x):
    """The kernels' logarithm of an array of positive, finite, normal numbers."""
    return _log(np.ascontiguousarray(x, np.float64))


def _box_muller(u, v):
    radius = np.sqrt(-2.0 * _log(1.0 - u))
    t = 4.0 * v
    rounded = t + MAGIC
    q = rounded.view(np.uint64)
    f = t - (rounded - MAGIC)
    z = f * f
    w = z * z
    s = (((5.633933781537854e-08 * z + -3.59864335298231e-06) * w
          + (0.0001604411507421909 * z + -0.004681754132340976)) * (w * z)
         + ((0.07969262624604301 * w + -0.6459640975062443 * z) + 1.5707963267948966))
    s = s * f
    c = (((-6.321256869628588e-09 * z + 4.710609726757823e-07) * w
          + (-2.520203677046026e-05 * z + 0.0009192602741831558)) * (w * w)
         + ((-0.02086348076331121 * z + 0.2536695079010467) * w + (-1.2337005501361697 * z + 1.0)))
    odd = (q & np.uint64(1)) == 1
    first = np.where((q + np.uint64(1)) & np.uint64(2), -1.0, 1.0) * np.where(odd, s, c)
    second = np.where(q & np.uint64(2), -1.0, 1.0) * np.where(odd, c, s)
    return radius * first, radius * second


def _groups(seed, stream, runs, group, groups, normal):
    """Draws [R, groups * 16] from each run's group number ``group`` on."""
    lanes = np.arange(groups * LANES, dtype=np.uint64)
    block = (group.astype(np.uint64) * np.uint64(LANES))[:, None] + lanes
    shape = block.shape
    words = _philox(block & LOW, block >> np.uint64(32), np.broadcast_to(runs.astype(np.uint64)[:, None], shape),
                    np.uint64(stream), seed & 0xFFFFFFFF, seed >> 32)
    halves = []
    for a, b in (words[:2], words[2:]):
        bits = ((a & LOW) << np.uint64(20)) | (b >> np.uint64(12)) | ONE_BITS
        halves.append(bits.view(np.float64) - 1.0)
    if normal:
        halves = _box_muller(*halves)
    # A group's first eight positions are the first halves of its eight blocks.
    return np.stack([half.reshape(len(runs), groups, LANES) for half in halves], axis=2).reshape(len(runs), -1)


def fill(seed, stream, runs, first, out, normal):
    """Fill rows of draws, each from its own run and position of one stream.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.
    stream : int
        0 to 2**32 - 1.
    runs : int64 [R]
        Run numbers, 0 to 2**32 - 1.
    first : int64 [R]
        Position of the first draw of each row, at least 0.
    out : float64 [R, n]
        Written: uniforms in [0, 1), multiples of 2**-52, or standard normals.
    normal : bool
    """
    if not 0 <= seed < 2**64 or not 0 <= stream < 2**32:
        raise OverflowError(f"seed, stream: expected 0 to 2**64 - 1 and 0 to 2**32 - 1, got {seed}, {stream}")
    check(out, "out", "float64", (-1, -1), True)
    count, n = out.shape
    check(runs, "runs", "int64", (count,), False)
    check(first, "first", "int64", (count,), False)
    for r in range(count):
        if not 0 <= runs[r] < 2**32:
            raise ValueError(f"runs: expected run numbers from 0 to 2**32 - 1, got {runs[r]}")
        if not 0 <= first[r] < 2**62:
            raise ValueError(f"first: expected positions from 0 to 2**62 - 1, got {first[r]}")
    if count == 0 or n == 0:
        return
    group = first // GROUP
    offset = first - group * GROUP
    groups = int((offset.max() + n + GROUP - 1) // GROUP)
    draws = _groups(seed, stream, runs, group, groups, normal)
    if (offset == offset[0]).all():
        out[:] = draws[:, offset[0]:offset[0] + n]
    else:
        out[:] = np.take_along_axis(draws, offset[:, None] + np.arange(n), axis=1)


def fill_choices(seeds, streams, runs, first, counts, out):
    """Choices from 0 to ``counts[k] - 1``, each as likely, from the uniforms of some streams of some runs.

    Parameters
    ----------
    seeds : uint64 [R]
    streams : int64 [T]
        0 to 2**32 - 1.
    runs : int64 [R]
        Run numbers, 0 to 2**32 - 1.
    first : int
        Position of the first uniform, at least 0.
    counts : int64 [T]
        At least 1.
    out : int32 [R, n, T]
        Written; any strides.
    """
    check(seeds, "seeds", "uint64", (-1,), False)
    check(streams, "streams", "int64", (-1,), False)
    check(runs, "runs", "int64", (len(seeds),), False)
    check(counts, "counts", "int64", (len(streams),), False)
    if out.dtype != np.int32 or out.ndim != 3 or out.shape[0] != len(seeds) or out.shape[2] != len(streams):
        raise ValueError(f"out: expected int32 [{len(seeds)}, n, {len(streams)}], got {out.dtype} {list(out.shape)}")
    if not 0 <= first < 2**62:
        raise ValueError(f"first: expected a position from 0 to 2**62 - 1, got {first}")
    for run in runs.tolist():
        if not 0 <= run < 2**32:
            raise ValueError(f"runs: expected run numbers from 0 to 2**32 - 1, got {run}")
    for stream, count in zip(streams.tolist(), counts.tolist(), strict=True):
        if not 0 <= stream < 2**32:
            raise ValueError(f"streams: expected 0 to 2**32 - 1, got {stream}")
        if not 1 <= count < 2**31:
            raise ValueError(f"counts: expected 1 to 2**31 - 1, got {count}")
    draws = np.empty((1, out.shape[1]))
    for r, (seed, run) in enumerate(zip(seeds.tolist(), runs, strict=True)):
        for k, (stream, count) in enumerate(zip(streams.tolist(), counts.tolist(), strict=True)):
            fill(seed, stream, np.array([run], np.int64), np.array([first], np.int64), draws, False)
            out[r, :, k] = np.minimum(draws[0] * count, count - 1.0)


def exp(x, out):
    """The kernels' own exponential: exp of ``x`` (float64 [n]) into ``out`` (float64 [n])."""
    check(x, "x", "float64", (-1,), False)
    check(out, "out", "float64", x.shape, True)
    out[:] = exp_values(x)


def log(x, out):
    """The kernels' own logarithm: log of ``x`` (float64 [n], positive, normal) into ``out`` (float64 [n])."""
    check(x, "x", "float64", (-1,), False)
    check(out, "out", "float64", x.shape, True)
    out[:] = _log(x)
