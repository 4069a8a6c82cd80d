"""The C that other processors and compilers get gives the same bits as what x86-64 gets."""
import ctypes
import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

HEADERS = Path(__file__).resolve().parents[2] / "marlfast" / "core"
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
SOURCE = """
#include "q_learning.h"
void fill(int normal, uint64_t seed, uint32_t run, uint32_t stream, int64_t group, int64_t groups, double *out) {
    mf_fill(normal, seed, run, stream, group, groups, out);
}
int width(void) { return mf_width(); }
int special(void) { return MF_HAVE_AVX2_VARIANT + MF_HAVE_SSE2_VARIANT; }
int32_t first(const double *value, int64_t n) { return mf_first_greatest(value, n); }
#define CASE(k) case k: return mf_greatest_but(value, k, but, from, most);
int32_t greatest_but(const double *value, int n, uint32_t but, uint32_t from, double *most) {
    switch (n) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) default: CASE(8) }
}
"""
real = ctypes.POINTER(ctypes.c_double)


def pointer(array):
    return array.ctypes.data_as(real)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """The headers compiled as they are, without what is written for x86-64, and with narrower registers."""
    folder = tmp_path_factory.mktemp("portable")
    (folder / "all.c").write_text(SOURCE, encoding="utf-8")
    found = []
    for name, flags in (("own", []), ("portable", ["-DMARLFAST_PORTABLE"]), ("narrow", ["-DMF_MAX_WIDTH=1"]),
                        ("narrowest", ["-DMF_MAX_WIDTH=0"])):
        out = folder / f"{name}.so"
        subprocess.run([COMPILER, "-O2", "-ffp-contract=off", "-shared", "-fPIC", f"-I{HEADERS}", *flags,
                        folder / "all.c", "-o", out], check=True, stdin=subprocess.DEVNULL)
        library = ctypes.CDLL(str(out))
        library.fill.argtypes = [ctypes.c_int, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_int64,
                                 ctypes.c_int64, real]
        library.fill.restype = None
        library.first.argtypes = [real, ctypes.c_int64]
        library.greatest_but.argtypes = [real, ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32, real]
        found.append(library)
    return found


def test_the_portable_one_has_nothing_special(libraries):
    assert libraries[1].special() == 0


def test_narrower_registers_are_used_where_that_is_asked_for(libraries):
    own, portable, narrow, narrowest = (library.width() for library in libraries)
    assert portable == narrowest == 0 and narrow == min(own, 1)


def test_draws(libraries):
    for normal, seed, run, stream, group in itertools.product(
            (0, 1), (0, 2**64 - 1), (0, 2**32 - 1), (0, 8), (0, 2**29 - 20, 2**58)):
        outs = [np.full(16 * 41, np.nan) for _ in libraries]
        for library, out in zip(libraries, outs, strict=True):
            library.fill(normal, seed, run, stream, group, 41, pointer(out))
        assert len({out.tobytes() for out in outs}) == 1 and np.isfinite(outs[0]).all()


def test_the_first_of_the_greatest_but_one(libraries):
    rng = np.random.default_rng(0)
    for n in range(1, 9):
        for _ in range(200):
            values, but, begin = rng.integers(-2, 3, n).astype(float), int(rng.integers(n)), int(rng.integers(n))
            others = [k for k in range(n) if k != but]
            most = [max((values[k] for k in others), default=-np.inf)]
            around = sorted(others, key=lambda k, begin=begin, n=n: (k - begin) % n)
            expected = next((k for k in around if values[k] == most[0]), begin)
            for library in libraries:
                found = np.zeros(1)
                assert library.greatest_but(pointer(values), n, but, begin, pointer(found)) == expected
                assert found.tolist() == most


def test_the_first_of_the_greatest(libraries):
    rng = np.random.default_rng(1)
    for n in (1, 2, 7, 11, 12, 13, 20, 31, 64, 101):
        for _ in range(100):
            values = rng.integers(-9, 3, n).astype(float)
            values[rng.random(n) < 0.1] = np.nan
            # Compared by > from the first on: one that is not a number is beaten by none, and beats none.
            expected = 0
            for k in range(1, n):
                expected = k if values[k] > values[expected] else expected
            assert {library.first(pointer(values), n) for library in libraries} == {expected}
