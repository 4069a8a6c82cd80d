"""A package of someone else's, with a game in Cython made from the headers that marlfast ships.

Its files are those that docs/own_games/cython.md shows.
"""
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from test_docs import fences
from test_packaging import checkout, installed, sdist, wheel  # noqa: F401 - fixtures

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).with_name("downstream")

pytest.importorskip("Cython")
needs_compiler = pytest.mark.skipif(
    sys.platform != "win32" and not shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]),
    reason="needs a C compiler")


def built_and_played(site, tmp_path):
    """Build the package against the marlfast in ``site``, in a folder of its own, and play."""
    copy = tmp_path / "downstream"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c", "build"))
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in (("setup.py", "build_ext", "--inplace"), ("play.py",)):
        done = subprocess.run([sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=600)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found = json.loads(done.stdout)
    assert Path(found["marlfast"]).parent.parent == Path(site) and Path(found["rope"]).is_relative_to(copy)
    return found


def as_by_hand(found):
    # Slip 1/4: run 0 is pulled by 2 - 1, run 1 slips; runs 2 and 3 are won at +-3. Pulling costs 0.05 a unit.
    assert found["state"] == [1.0, 0.0, 3.0, -4.0]
    assert sum(found["rewards"], []) == pytest.approx([-0.1, -0.05, -0.1, -0.05, 0.95, -1.0, -1.0, 0.9])
    assert found["over"] == [False, False, True, True]
    assert found["obs"] == [5.0, 4.0, 7.0, 0.0]
    assert found["refused"] == "step: an action lies outside the agent's actions"
    assert found["same"] and found["loaded"] and found["returns"] == [4, 300, 2]


@needs_compiler
def test_a_game_in_cython_builds_against_the_checkout(tmp_path):
    as_by_hand(built_and_played(ROOT, tmp_path))


@needs_compiler
@pytest.mark.slow
def test_a_game_in_cython_builds_against_the_wheel(installed, tmp_path):  # noqa: F811
    as_by_hand(built_and_played(installed, tmp_path))


def test_the_page_shows_the_files_that_are_built():
    shown = [text for language, text in fences(ROOT / "docs" / "own_games" / "cython.md") if language == "cython"]
    files = ["ropes/rope.pxd", "ropes/_rope.pyx", "ropes/__init__.py", "setup.py", "ropes/twin.py"]
    assert shown == [(PACKAGE / name).read_text(encoding="utf-8") for name in files]
