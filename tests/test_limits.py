"""Sizes are said before they are paid: by memory, control groups, ulimit and the table of limits."""
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import limits, memory
from marlfast.games import Drift
from marlfast.memory import Shape, check_memory, memory_of_group, size
from marlfast.session import Session

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_shows_the_table():
    page = (ROOT / "docs/reference/limits.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "because" not in line]
    assert rows == [f"| {what} | {bound:,} | {why} |" for what, bound, why in limits.TABLE]


@pytest.mark.parametrize("count, text", [
    (10**7, "10.0 MB"), (10**9, "1.0 GB"), (10**12, "1,000.0 GB"), (10**40, "about 10**31 GB"),
    (10**1000, "about 10**990 GB")])
def test_sizes_in_words(count, text):
    assert size(count) == text


# -- how much there is ----------------------------------------------------------------------------

def group(tmp_path, version, path, limits):
    """A folder that looks like ``/``, with control groups of a version."""
    (tmp_path / "proc/self").mkdir(parents=True)
    line = f"0::{path}\n" if version == 2 else f"12:cpu:/x\n7:memory,hugetlb:{path}\n"
    (tmp_path / "proc/self/cgroup").write_text(line)
    base = tmp_path / "sys/fs/cgroup" / ("" if version == 2 else "memory")
    for place, limit in limits.items():
        (base / place).mkdir(parents=True, exist_ok=True)
        (base / place / ("memory.max" if version == 2 else "memory.limit_in_bytes")).write_text(f"{limit}\n")
    return tmp_path


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("places, found", [
    ({"a/b": 3 * 10**9}, 3 * 10**9), ({"a/b": 3 * 10**9, "a": 2 * 10**9}, 2 * 10**9), ({"a/b": "max"}, None),
    ({}, None), ({"": 5 * 10**8}, 5 * 10**8), ({"a/b": "max", "a": 7}, 7), ({"a/b": "nonsense"}, None)])
def test_control_groups(tmp_path, version, places, found):
    assert memory_of_group(group(tmp_path, version, "/a/b", places)) == found


def test_no_control_groups(tmp_path):
    assert memory_of_group(tmp_path) is None


def test_ulimit_is_a_bound():
    resource = pytest.importorskip("resource")
    code = """
        import resource
        import marlfast as mf
        from marlfast.memory import memory_there
        resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, resource.RLIM_INFINITY))
        assert 10**9 < memory_there() < 2 * 10**9
        try:
            mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Grid(-1, 1, 1000), steps=1, runs=20)
        except MemoryError as error:
            print(error)
    """
    assert resource
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("learner: tables for 20 runs x 1000000 rows x 4 tables x 5 actions need 3.8 GB, more "
                                  "than there is (1."), done.stdout + done.stderr


# -- what is refused ------------------------------------------------------------------------------

def experiment(game=None, learner=None, **options):
    return mf.Experiment(game or Drift(), learner or mf.IQL(), **{"encoder": mf.Grid(-1, 1, 2), "steps": 1} | options)


CASES = {
    "rows": lambda: experiment(encoder=mf.Grid(-1, 1, 2000)),
    "runs": lambda: experiment(runs=2_000_000),
    "runs beyond any memory": lambda: experiment(runs=2**31 - 1),
    "state": lambda: experiment(Drift(state_size=2**24), encoder=mf.Grid(0, 1, 1), runs=2),
    "actions": lambda: experiment(Drift(actions=10**8), mf.IQL(share="all"), encoder=mf.Grid(0, 1, 1)),
    "windows": lambda: experiment(stop=mf.ReturnReached(0.0, window=10**8), steps=None),
    "traces": lambda: experiment(learner=mf.learners.SARSA(trace_decay=0.5, trace_length=2**20), runs=50),
    "episodes that are kept": lambda: experiment(Drift(horizon=10**9), mf.learners.MonteCarlo(longest=2**20), runs=50),
    "rollouts": lambda: experiment(learner=mf.learners.IPPO(steps=2**20), runs=100),
    "counts": lambda: experiment(Drift(agents=1, actions=10**8), mf.learners.RegretMatching([1.0] * 10**5)),
    "joint actions": lambda: experiment(Drift(agents=12), mf.learners.CentralQ()),
    "pairs of teams": lambda: experiment(Drift(agents=20_000), mf.IQL(share="all"),
                                         rewards=mf.rewards.mixed([[i] for i in range(20_000)])),
}


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_fit_is_refused_unpaid(name, monkeypatch):
    monkeypatch.setattr(memory, "memory_there", lambda: 2 * 10**8)
    for module in ("joint", "gradients"):
        monkeypatch.setattr(f"marlfast.learners.{module}.memory_there", lambda: 2 * 10**8)
    tracemalloc.start()
    try:
        with pytest.raises((MemoryError, ValueError)) as caught:
            Session(CASES[name]())
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()
    assert "B" in str(caught.value) or "joint action" in str(caught.value)


def test_agents_beyond_the_limit():
    for game in (lambda n: Drift(agents=n), mf.games.ElFarol, mf.games.PublicGoods):
        with pytest.raises(ValueError, match=f"^agents: expected .* to {limits.MAX_AGENTS}, got 100000000"):
            game(10**8)


def test_setting_up_is_linear_in_the_agents():
    """Counted, not timed: memory at four times the agents is at most four times, and a little."""
    def peak(agents, **options):
        tracemalloc.start()
        try:
            session = Session(experiment(Drift(agents=agents, actions=2), mf.IQL(share="all"), **options))
            session.work(threads=1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    for options in ({}, {"rewards": mf.rewards.cooperative()}, {"rewards": mf.rewards.competitive()},
                    {"shaping": [mf.rewards.Diversity()]}, {"encoder": mf.Rounding(0)}):
        few, many = peak(20_000, **options), peak(80_000, **options)
        assert many < 5 * few and many < 80_000 * 2_000, (options, few, many)


def test_nothing_is_looked_up_for_what_is_small(monkeypatch):
    monkeypatch.setattr(memory, "memory_there", lambda: pytest.fail("looked"))
    check_memory("a", memory.UNCHECKED, "b")


def test_shapes():
    assert Shape((2, 3)).bytes == 48 and Shape((2, 3), "int32").bytes == 24 and Shape((5,), "bool").bytes == 5
    assert Shape((10**30,)).bytes == 8 * 10**30 and Shape(()).bytes == 8
    assert np.zeros(*Shape((2,), "int32")).dtype == np.int32
