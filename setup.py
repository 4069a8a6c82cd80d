"""Compiles ``src/_name.pyx`` to ``marlfast/core/_name``. Everything else is in pyproject.toml.

Modes, by environment variable (see CONTRIBUTING.md):
``MARLFAST_BUILD=debug`` checks every index; ``MARLFAST_BUILD=annotate`` writes
Cython's HTML annotation beside the C files; ``MARLFAST_NATIVE=1`` compiles for
this processor only; ``MARLFAST_PORTABLE=1`` without what is written for x86-64
alone, as any other processor and compiler would have it.
"""
import os
import sys
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

MODE = os.environ.get("MARLFAST_BUILD", "release")
if MODE not in ("release", "debug", "annotate"):
    raise SystemExit(f"MARLFAST_BUILD: expected release, debug or annotate, got {MODE!r}")
DEBUG = MODE == "debug"

# The only place where compiler directives are set.
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": True,
    "binding": True,
    "freethreading_compatible": True,
}

if sys.platform == "win32":
    flags = ["/O2", "/fp:precise"]
else:
    # No contraction and no fast-math: kernels and their NumPy twins give the same bits.
    # No errno from sqrt: else the normals are not vectorised.
    flags = ["-O1" if DEBUG else "-O3", "-ffp-contract=off", "-fno-math-errno", "-Wno-unused-function"]
    if sys.platform == "linux" and "gcc" in (os.environ.get("CC") or sysconfig.get_config_var("CC") or ""):
        # Loops over a few agents are not worth the checks that vectorising them takes.
        flags.append("-fvect-cost-model=very-cheap")
    # Without -g0 Python's own flags ask for debug information, which weighs three times what it describes.
    flags += ["-g", "-UNDEBUG"] if DEBUG else ["-g0"]
    if os.environ.get("MARLFAST_NATIVE") == "1":
        flags.append("-march=native")

portable = os.environ.get("MARLFAST_PORTABLE") == "1"

# Cython's code for memoryviews, once for all modules instead of once in each.
SHARED = "marlfast.core._shared"

extensions = [Extension(SHARED, ["src/_shared.c"], extra_compile_args=flags)] + [
    Extension(
        f"marlfast.core.{path.stem}",
        [path.as_posix()],
        include_dirs=["marlfast/core"],
        extra_compile_args=flags,
        define_macros=[("MARLFAST_PORTABLE", "1")] if portable else [],
        depends=sorted(path.as_posix() for path in Path("marlfast/core").glob("*.h")),
    )
    for path in sorted(Path("src").glob("_*.pyx"))
]

# All processors at once. Cython's own processes are forked: where they would be spawned, this file would run again.
processors = os.cpu_count() or 1

setup(
    options={"build_ext": {"parallel": processors}},
    ext_modules=cythonize(
        extensions,
        nthreads=processors if sys.platform == "linux" else 0,
        include_path=["."],
        build_dir=f"build/cython-{MODE}",
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=SHARED,
        annotate=MODE == "annotate",
        show_all_warnings=False,
    )
)
