"""Draws from Python. Twin: ``marlfast/reference/draws.py``.

Generator: Philox4x32-10 (Salmon et al., SC'11); normals by Box and Muller (1958).
See ``marlfast/core/draws.h``.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from marlfast.core._kernels cimport check
from marlfast.core.draws cimport GROUP, exp_, fill_groups, log_, philox


cdef enum:
    CHOICES = 512           # at once: what is written between them stays in the cache


def philox4x32(counter, key):
    """Philox4x32-10 of one counter, for known-answer tests.

    Parameters
    ----------
    counter : uint32 [4]
    key : uint32 [2]

    Returns
    -------
    uint32 [4]
    """
    out = np.empty(4, np.uint32)
    cdef const uint32_t[::1] c = check(counter, "counter", "uint32", (4,), False)
    cdef const uint32_t[::1] k = check(key, "key", "uint32", (2,), False)
    cdef uint32_t[::1] o = out
    philox(&c[0], &k[0], &o[0])
    return out


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
    cdef uint64_t seed_ = seed
    cdef uint32_t stream_ = stream
    cdef int normal_ = 1 if normal else 0
    cdef double[:, ::1] o = check(out, "out", "float64", (-1, -1), True)
    cdef int64_t count = o.shape[0], n = o.shape[1], r, group, offset, groups
    cdef const int64_t[::1] runs_ = check(runs, "runs", "int64", (count,), False)
    cdef const int64_t[::1] first_ = check(first, "first", "int64", (count,), False)
    for r in range(count):
        if not 0 <= runs_[r] < 2**32:
            raise ValueError(f"runs: expected run numbers from 0 to 2**32 - 1, got {runs_[r]}")
        if not 0 <= first_[r] < 2**62:
            raise ValueError(f"first: expected positions from 0 to 2**62 - 1, got {first_[r]}")
    if count == 0 or n == 0:
        return
    cdef double *buffer = <double *> malloc((n + 2 * GROUP) * sizeof(double))
    if buffer == NULL:
        raise MemoryError("fill: no memory for the draws")
    with nogil:
        for r in range(count):
            group = first_[r] // GROUP
            offset = first_[r] - group * GROUP
            groups = (offset + n + GROUP - 1) // GROUP
            if offset == 0 and n == groups * GROUP:
                fill_groups(normal_, seed_, <uint32_t> runs_[r], stream_, group, groups, &o[r, 0])
            else:
                fill_groups(normal_, seed_, <uint32_t> runs_[r], stream_, group, groups, buffer)
                memcpy(&o[r, 0], buffer + offset, n * sizeof(double))
    free(buffer)


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
    cdef const uint64_t[::1] seeds_ = check(seeds, "seeds", "uint64", (-1,), False)
    cdef int64_t n_runs = seeds_.shape[0], at, n_streams
    cdef const int64_t[::1] streams_ = check(streams, "streams", "int64", (-1,), False)
    n_streams = streams_.shape[0]
    cdef const int64_t[::1] runs_ = check(runs, "runs", "int64", (n_runs,), False)
    cdef const int64_t[::1] counts_ = check(counts, "counts", "int64", (n_streams,), False)
    if out.dtype != np.int32 or out.ndim != 3 or out.shape[0] != n_runs or out.shape[2] != n_streams:
        raise ValueError(f"out: expected int32 [{n_runs}, n, {n_streams}], got {out.dtype} {list(out.shape)}")
    cdef int32_t[:, :, :] o = out
    at = first
    if not 0 <= at < 2**62:
        raise ValueError(f"first: expected a position from 0 to 2**62 - 1, got {first}")
    cdef int64_t n = o.shape[1], r, k, j, begin, some, group, groups
    for r in range(n_runs):
        if not 0 <= runs_[r] < 2**32:
            raise ValueError(f"runs: expected run numbers from 0 to 2**32 - 1, got {runs_[r]}")
    for k in range(n_streams):
        if not 0 <= streams_[k] < 2**32:
            raise ValueError(f"streams: expected 0 to 2**32 - 1, got {streams_[k]}")
        if not 1 <= counts_[k] < 2**31:
            raise ValueError(f"counts: expected 1 to 2**31 - 1, got {counts_[k]}")
    cdef double[CHOICES + 2 * GROUP] buffer
    cdef double *given
    cdef double many, top, x
    cdef char *to
    cdef int64_t stride = out.strides[1]
    with nogil:
        for r in range(n_runs):
            for begin from 0 <= begin < n by CHOICES:
                some = min(CHOICES, n - begin)
                for k in range(n_streams):
                    group = (at + begin) // GROUP
                    given = buffer + (at + begin - group * GROUP)
                    groups = (given - buffer + some + GROUP - 1) // GROUP
                    fill_groups(0, seeds_[r], <uint32_t> runs_[r], <uint32_t> streams_[k], group, groups, buffer)
                    many = <double> counts_[k]
                    top = many - 1.0
                    to = <char *> &o[r, begin, k]
                    for j in range(some):
                        x = given[j] * many
                        (<int32_t *> (to + j * stride))[0] = <int32_t> (x if x < top else top)


def exp(x, out):
    """The kernels' own exponential: exp of ``x`` (float64 [n]) into ``out`` (float64 [n])."""
    cdef const double[::1] x_ = check(x, "x", "float64", (-1,), False)
    cdef double[::1] o = check(out, "out", "float64", (x_.shape[0],), True)
    cdef int64_t i
    with nogil:
        for i in range(x_.shape[0]):
            o[i] = exp_(x_[i])


def log(x, out):
    """The kernels' own logarithm: log of ``x`` (float64 [n], positive, normal) into ``out`` (float64 [n])."""
    cdef const double[::1] x_ = check(x, "x", "float64", (-1,), False)
    cdef double[::1] o = check(out, "out", "float64", (x_.shape[0],), True)
    cdef int64_t i
    with nogil:
        for i in range(x_.shape[0]):
            o[i] = log_(x_[i])
