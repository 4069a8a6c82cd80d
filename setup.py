"""Compiles ``src/_name.pyx`` to ``marlfast/core/_name``. Everything else is in pyproject.toml.

Modes, by environment variable (see CONTRIBUTING.md):
``MARLFAST_BUILD=debug`` checks every index; ``MARLFAST_BUILD=sanitize`` lets AddressSanitizer
and UndefinedBehaviorSanitizer watch (see tests/fuzz); ``MARLFAST_BUILD=annotate`` writes Cython's HTML annotation
beside the C files; ``MARLFAST_NATIVE=1`` compiles for
this processor only; ``MARLFAST_PORTABLE=1`` without what is written for x86-64
alone, as any other processor and compiler would have it; ``MARLFAST_WIDTH=1``
without registers of 512 bits, ``MARLFAST_WIDTH=0`` without those of 256 bits.
"""
import json
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

import Cython
from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MODE = os.environ.get("MARLFAST_BUILD", "release")
if MODE not in ("release", "debug", "annotate", "sanitize"):
    raise SystemExit(f"MARLFAST_BUILD: expected release, debug, annotate or sanitize, got {MODE!r}")
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
    if MODE == "sanitize":      # a number converted to a whole one that cannot hold it is not among "undefined"
        flags[flags.index("-O3")], flags[flags.index("-g0")] = "-O1", "-g1"
        flags += ["-fsanitize=address,undefined,float-cast-overflow", "-fno-omit-frame-pointer"]
    if os.environ.get("MARLFAST_NATIVE") == "1":
        flags.append("-march=native")

LINK = ["-fsanitize=address,undefined"] if MODE == "sanitize" else []
portable = os.environ.get("MARLFAST_PORTABLE") == "1"
width = os.environ.get("MARLFAST_WIDTH", "2")
macros = [("MARLFAST_PORTABLE", "1")] * portable + [("MF_MAX_WIDTH", width)] * (width != "2")

# What is called once in every step or more often; the rest is called once in a block or less.
HOT = {"_draws", "_drift", "_encoders", "_loop", "_mixing", "_multi_step", "_one_step", "_q_learning", "_rewards",
       "_table_policy", "_warehouse"}


def flags_of(name):
    """Compiler flags of a module: speed where it matters, a quick build elsewhere."""
    own = [("-O2" if flag == "-O3" and name not in HOT else flag) for flag in flags]
    if name != "_mixing":
        return own
    # Networks are loops over many units, which are; no flag of an exception is ever looked at.
    wide = [flag for flag in own if not flag.startswith("-fvect-cost-model")]
    return wide + ["-fno-trapping-math"] * (sys.platform != "win32")


CORE = Path("marlfast/core")
_headers = {}


def headers_of(path):
    """The C headers that a source uses: its own, those of what it cimports, and those that these include."""
    if path not in _headers:
        _headers[path] = set()      # files may name each other
        text = path.read_text()
        named = {CORE / name for name in re.findall(r'(?:from|#include) "([a-z_]+\.h)"', text)}
        named |= {CORE / f"{name}.pxd" for name in re.findall(r"\bmarlfast\.core\.(\w+)", text)}
        named |= {CORE / f"{path.stem}.pxd"}
        for one in filter(Path.is_file, named):
            _headers[path] |= headers_of(one) | ({one.as_posix()} if one.suffix == ".h" else set())
    return _headers[path]


# Cython's code for memoryviews, once for all modules instead of once in each.
SHARED = "marlfast.core._shared"

extensions = [Extension(SHARED, ["src/_shared.c"], extra_compile_args=flags_of("_shared"), extra_link_args=LINK)] + [
    Extension(
        f"marlfast.core.{path.stem}",
        [path.as_posix()],
        include_dirs=["marlfast/core"],
        extra_compile_args=flags_of(path.stem),
        extra_link_args=LINK,
        define_macros=macros,
        depends=sorted(headers_of(path)),
    )
    for path in sorted(Path("src").glob("_*.pyx"))
]

# All processors at once. Cython's own processes are forked: where they would be spawned, this file would run again.
processors = os.cpu_count() or 1
build_dir = Path(f"build/cython-{MODE}")
Options.emit_code_comments = MODE == "annotate"

# What was built another way is built again; else only what is older than its sources.
stamp, recipe = Path("build/recipe.json"), json.dumps([Cython.__version__, MODE, flags, macros, sorted(HOT)])
same_recipe = stamp.is_file() and stamp.read_text() == recipe


class BuildInPlace(build_ext):
    """Begins an editable build with the modules that stand in the tree: setuptools gives it an empty folder."""

    def run(self):
        self.force = self.force or not same_recipe
        super().run()
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(recipe)

    def build_extension(self, ext):
        built = Path(self.get_ext_fullpath(ext.name))
        there = Path(*ext.name.split(".")[:-1], built.name)
        if there.is_file() and not built.exists() and not self.force:
            built.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(there, built)
        super().build_extension(ext)


setup(
    options={"build_ext": {"parallel": processors}},
    cmdclass={"build_ext": BuildInPlace},
    ext_modules=cythonize(
        extensions,
        nthreads=processors if sys.platform == "linux" else 0,
        include_path=["."],
        build_dir=str(build_dir),
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=SHARED,
        annotate=MODE == "annotate",
        force=not same_recipe,
        show_all_warnings=False,
    )
)
