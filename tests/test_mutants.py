"""The default tests notice one-line bugs: each of ``mutants/mutants.toml`` is planted, and its tests must fail."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "mutants"))
from plant import ROOT, Tree, mutants, planted

MUTANTS = mutants()


def test_every_mutant_applies_and_has_tests():
    """Where a line was changed, its slip is planted in what took its place, and not dropped."""
    assert len(MUTANTS) >= 40 and sum(one.get("blind", False) for one in MUTANTS) >= 10
    assert len({one["name"] for one in MUTANTS}) == len(MUTANTS)
    for one in MUTANTS:
        assert planted(ROOT, one) and (ROOT / "src" / f"{one['build']}.pyx").exists(), one["name"]
        assert one["tests"] and all((ROOT / "tests" / name).exists() for name in one["tests"]), one["name"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    if not list((ROOT / "marlfast" / "core").glob("_loop.*.so")):
        pytest.skip("needs a tree that was built in place")
    return Tree(tmp_path_factory.mktemp("mutants"))


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one["name"])
def test_default_tests_notice(tree, mutant):
    killer = tree.killed_by(mutant)
    assert killer, f"{mutant['name']}: {mutant['tests']} pass with it"
