"""A little of what ``tests/fuzz`` tries for hours: enough that the scripts stay sound; more with ``-m slow``."""
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from fuzz import arguments, files, random_experiments

ROOT = Path(__file__).resolve().parents[2]


def test_some_random_experiments(capsys):
    assert random_experiments.main(0, 12) == 0
    assert capsys.readouterr().out.startswith("12 random experiments from 0 on: ")
    assert random_experiments.main(0, 4, fused=True) == 0
    assert "4 fused" in capsys.readouterr().out


def test_some_mutated_files(capsys):
    assert files.main(0, 150) == 0
    assert capsys.readouterr().out.startswith("150 mutated files from 0 on: ")


def test_some_mutated_arguments(capsys):
    assert arguments.main(0, 400) == 0
    assert capsys.readouterr().out.startswith("400 mutated calls from 0 on: ")


def test_the_same_number_gives_the_same_experiment():
    one, other = (random_experiments.random_experiment(7).to_dict() for _ in range(2))
    assert str(one) == str(other)


@pytest.mark.slow
@pytest.mark.parametrize("script, count", [("random_experiments.py", 2000), ("files.py", 50_000),
                                           ("arguments.py", 50_000)])
def test_more_of_it(script, count):
    done = subprocess.run([sys.executable, ROOT / "tests/fuzz" / script, "1000", str(count)], cwd=ROOT, text=True,
                          capture_output=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or "gcc" not in (sysconfig.get_config_var("CC") or "")
                    or shutil.which("gcc") is None, reason="needs gcc on Linux")
@pytest.mark.parametrize("command", [["random_experiments.py", "0", "300"], ["arguments.py", "0", "3000"]], ids=str)
def test_sanitizers_have_nothing_to_say(command, tmp_path_factory):
    done = subprocess.run([sys.executable, ROOT / "tests/fuzz/sanitized.py", "tests/fuzz/" + command[0], *command[1:]],
                          cwd=ROOT, text=True, capture_output=True)
    print(done.stdout[-4000:])
    assert done.returncode == 0 and "0 reports" in done.stdout, done.stdout[-4000:]
