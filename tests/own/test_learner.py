"""A package of someone else's, with a learner: in NumPy first, then in Cython.

Its files are those that docs/howto/own_learner.md shows.
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_docs import fences
from test_downstream import ROOT, needs_compiler
from test_packaging import checkout, installed, sdist, wheel  # noqa: F401 - fixtures

PACKAGE = Path(__file__).with_name("learner")
PAGE = ROOT / "docs" / "howto" / "own_learner.md"

pytest.importorskip("Cython")


def in_copy(site, tmp_path, *commands):
    """Run commands in a copy of the package, against the marlfast in ``site``; what each printed."""
    copy = tmp_path / "learner"
    if not copy.exists():
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c", "build"))
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    printed = []
    for arguments in commands:
        done = subprocess.run([sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=600)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        printed.append(done.stdout)
    return printed


def shown(language):
    return [text for kind, text in fences(PAGE) if kind == language]


def built_and_played(site, tmp_path):
    _, printed, played = in_copy(site, tmp_path, ("setup.py", "build_ext", "--inplace"), ("alike.py",), ("play.py",))
    found = json.loads(printed)
    assert Path(found["marlfast"]).parent.parent == Path(site)
    assert Path(found["package"]).is_relative_to(tmp_path / "learner")
    # Action 1 is greedy and earns 0: 4 -> 2, the others lose a quarter: [1.5, 2, 0.75]; once more: [1.125, 1, 0.5625].
    assert found["by_hand"] == {"cython": [1.125, 1.0, 0.5625], "numpy": [1.125, 1.0, 0.5625]}
    assert found["same"] == [True] * 4 and found["loaded"] and found["evaluated"]
    assert found["resumed"] == [700] * 4
    assert played == shown("text")[-1]


def test_a_learner_in_numpy_needs_no_compiler(tmp_path):
    (program,) = shown("py")
    printed, = in_copy(ROOT, tmp_path, ("-c", program))
    assert printed == shown("text")[0]


@needs_compiler
def test_a_learner_in_cython_builds_against_the_checkout(tmp_path):
    built_and_played(ROOT, tmp_path)


@needs_compiler
@pytest.mark.slow
def test_a_learner_in_cython_builds_against_the_wheel(installed, tmp_path):  # noqa: F811
    built_and_played(installed, tmp_path)


def test_the_page_shows_the_files_that_are_built():
    files = ["forgetting/__init__.py", "forgetting/twin.py", "forgetting/_learner.pyx", "setup.py", "play.py"]
    assert shown("cython") == [(PACKAGE / name).read_text(encoding="utf-8") for name in files]
