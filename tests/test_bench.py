"""``marlfast bench``: everything about it but the timing."""
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import bench
from marlfast.backends import BACKENDS
from marlfast.bench import measuring, parts, peers, printed, space, training
from marlfast.profiling import PARTS, profile

ROOT = Path(__file__).resolve().parent.parent
KERNEL_BENCHMARKS = ROOT / "benchmarks" / "test_kernels.py"


def kernel_benchmarks():
    """The module ``benchmarks/test_kernels.py``."""
    spec = importlib.util.spec_from_file_location("kernel_benchmarks", KERNEL_BENCHMARKS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = kernel_benchmarks().CASES if KERNEL_BENCHMARKS.is_file() else {}
needs_checkout = pytest.mark.skipif(not CASES, reason="needs benchmarks/ of a checkout")


@pytest.fixture
def instant(monkeypatch):
    """Benchmarks that take no time: the least work, few runs, and two pairs."""
    monkeypatch.setattr(bench, "QUICK", measuring.Effort(2, 1e-6))
    monkeypatch.setattr(training, "NUMPY_TARGETS", ((1, 100.0), (3, 8.0)))


@pytest.fixture
def made_up(monkeypatch):
    """Two benchmarks of known outcome in place of the real ones."""
    def fast(effort):
        yield measuring.row("fast", "ours / theirs", [3.0, 1.0, 2.0], target=1.5, note="by hand")
        yield measuring.row("fast", "a time", [4.0, 2.0, 3.0], unit="us", target=2.5, at_least=False)
        yield measuring.row("fast", "a fact", [1234.0], unit="ms")

    def absent(effort):
        """Beside something; which is absent."""
        raise peers.Unavailable("it is not here")
        yield

    monkeypatch.setattr(bench, "BENCHMARKS", {"fast": fast, "absent": absent})


# -- numbers --------------------------------------------------------------------------------------------


def test_row_is_the_median_and_range():
    row = measuring.row("n", "w", [5.0, 1.0, 2.0])
    assert (row.value, row.low, row.high) == (2.0, 1.0, 5.0)


@pytest.mark.parametrize(("value", "target", "at_least", "met"), [
    (600.0, 600.0, True, True), (599.9, 600.0, True, False), (3.0, 3.0, False, True), (3.1, 3.0, False, False),
    (5.0, None, True, None), (None, 5.0, True, None),
])
def test_met(value, target, at_least, met):
    assert measuring.Row("n", "w", value, target=target, at_least=at_least).met is met


def test_ratios_are_taken_pair_by_pair():
    # Medians of each side would give 2: pairs give what a change of the machine's speed leaves alone.
    ratios = measuring.ratios([1.0, 10.0, 2.0], [3.0, 30.0, 6.0])
    assert ratios == [3.0, 3.0, 3.0]


def test_in_turn_alternates_and_divides_by_the_amount():
    calls, times = [], iter([0.0, 6.0, 10.0, 14.0, 20.0, 23.0, 30.0, 38.0])
    ours, theirs = measuring.in_turn(lambda n: calls.append(("ours", n)), lambda n: calls.append(("theirs", n)), 3, 2,
                                     2, clock=lambda: next(times))
    assert calls == [("ours", 3), ("theirs", 2), ("ours", 3), ("theirs", 2)]
    assert (ours, theirs) == ([2.0, 1.0], [2.0, 4.0])


def test_enough_grows_until_the_work_takes_long_enough(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(measuring.time, "perf_counter", lambda: now[0])

    def work(amount):
        now[0] += 0.01 * amount

    amount = measuring.enough(work, 0.5, amount=1)
    assert 50 <= amount <= 100      # takes long enough, and not much longer


# -- what is printed ------------------------------------------------------------------------------------


def test_lines_of_the_table():
    met = measuring.Row("seed", "ours / theirs", 701.26, 650.0, 1234.5, target=600.0, note="numbers behind it")
    missed = measuring.Row("env", "env.step", 3.456, 3.0, 12.34, unit="us", target=3.0, at_least=False)
    skipped = measuring.Row("jax", "Beside JAX", skipped=True, note="jax is not installed")
    first, second = printed.format_row(met).splitlines()
    assert first.split() == "seed ours / theirs 701x 650x - 1,234x >= 600x yes".split()
    assert second.strip() == "numbers behind it"
    assert printed.format_row(missed).split() == "env env.step 3.46 us 3.00 us - 12.3 us <= 3.00 us NO".split()
    assert printed.format_row(skipped).split() == "jax Beside JAX skipped jax is not installed".split()


def test_columns_stand_below_their_titles():
    title, rule = printed.header().splitlines()
    line = printed.format_row(measuring.Row("seed", "ours / theirs", 701.26, 650.0, 700.0, target=600.0))
    assert len(title) == len(rule)
    for name, cell in (("median", "701x"), ("least - greatest", "650x - 700x"), ("target", ">= 600x"), ("met", "yes")):
        assert title.index(name) + len(name) == line.index(cell) + len(cell)


def test_summary_counts():
    rows = [measuring.Row("a", "", 2.0, target=1.0), measuring.Row("b", "", 2.0, target=3.0),
            measuring.Row("c", "", 1.0), measuring.Row("d", "", skipped=True)]
    assert printed.summary(rows) == "1 of 2 targets met, 1 missed; 1 skipped."
    assert printed.summary(rows[:1]) == "1 of 1 targets met."


# -- peers ----------------------------------------------------------------------------------------------


def test_absent_peers_are_skipped_and_say_why(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    assert bench.main(["--quick", *(x for name in ("seed", "numba", "jax", "foraging") for x in ("--only", name))]) == 0
    text = capsys.readouterr().out
    for name in ("seed_style", "numba_fused", "jax_vmap", "lbforaging_loop"):
        assert f"needs benchmarks/peers/{name}.py beside the package" in text
    assert "0 of 0 targets met; 4 skipped." in text


@pytest.mark.parametrize(("name", "remedy"), [("numba_fused", "pip install 'marlfast[bench]'"),
                                              ("jax_vmap", "pip install jax"),
                                              ("lbforaging_loop", "pip install lbforaging==2.0.0"),
                                              ("numba_calvano", "pip install 'marlfast[bench]'"),
                                              ("numba_markov", "pip install 'marlfast[bench]'"),
                                              ("numba_foraging", "pip install 'marlfast[bench]'"),
                                              ("numba_ia2c", "pip install 'marlfast[bench]'"),
                                              ("other", "other cannot run here")])
def test_peer_that_is_not_installed_says_what_to_install(tmp_path, name, remedy):
    folder = tmp_path / "benchmarks" / "peers"
    folder.mkdir(parents=True)
    (folder / f"{name}.py").write_text("def available():\n    return False\n")
    with pytest.raises(peers.Unavailable, match=remedy.replace("[", r"\[")):
        peers.load_peer(name, tmp_path)


def test_peer_that_can_run_is_loaded(tmp_path):
    folder = tmp_path / "benchmarks" / "peers"
    folder.mkdir(parents=True)
    (folder / "fine.py").write_text("NAME = 'fine'\ndef available():\n    return True\n")
    assert peers.load_peer("fine", tmp_path).NAME == "fine"


@needs_checkout
def test_peers_and_marlfast_train_as_many_runs_and_episodes():
    peer = peers.load_peer("seed_style")
    for train in (peers.train, peer.train):
        returns = train(3, 2)
        assert returns.shape == (2, 3) and returns.dtype == np.float64
        # Random play pushes the state up by 0.4 a step: a team return near -sum of 0.4 t, t to 100.
        assert (returns < -1000.0).all() and (returns > -3000.0).all()


@needs_checkout
@pytest.mark.skipif(importlib.util.find_spec("lbforaging") is None, reason="needs lbforaging")
def test_lbforaging_and_marlfast_play_on():
    theirs = peers.load_peer("lbforaging_loop").Player(2, 8, 2)
    ours = parts._Steps(parts.LevelForaging(players=2, size=8, food=2), runs=3)
    ours.work(60)
    assert ours.calls == 60 and (ours.env.steps == 60).all() and (ours.env.starts > 1).all()
    assert theirs.work(120) >= 0.0 and theirs.steps == 120 and theirs.env.current_step < 50


@needs_checkout
@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="needs numba")
def test_numba_peers_learn_what_marlfast_learns():
    markov, foraging, actors = (peers.load_peer(f"numba_{name}") for name in ("markov", "foraging", "ia2c"))
    given = markov.game(4, agents=2, actions=2)
    ours = mf.train(mf.games.MarkovGame(*given, (2, 2)), mf.IQL(0.1, 0.9, mf.EpsilonGreedy(0.2)), steps=20_000, seed=0)
    theirs = markov.train(given, 20_000, runs=3, actions=2, discount=0.9, epsilon=0.2)
    assert abs(ours.q.mean() - theirs.mean()) < 1.0                 # values of some 5 after 10 / (1 - discount) steps
    returns, used = foraging.train(4000)
    assert returns.min() >= 0.0 and 0.02 < returns.mean() <= returns.max() <= 1.0 + 1e-9 and used > 1000
    logits = actors.train(50_000)
    assert (logits[3, :, 1] > logits[3, :, 0]).all()                # after mutual defection both defect


# -- where the time goes --------------------------------------------------------------------------------


def test_profile_says_which_loop_runs_and_where_the_time_goes():
    experiment = mf.Experiment(mf.games.Drift(agents=3, horizon=20), mf.IQL(), encoder=mf.Rounding(0), episodes=9,
                               seed=0)
    found = profile(experiment, seconds=0.02)
    assert found.loop == "the fused loop" and set(found.steps) == {"fused", "staged"}
    assert set(found.nanoseconds) == set(PARTS) and all(took >= 0.0 for took in found.nanoseconds.values())
    assert abs(sum(found.shares.values()) - 1.0) < 1e-9 and "It runs by the fused loop." in str(found)
    staged = profile(experiment.replace(learner=mf.learners.SARSA()), seconds=0.02)
    assert set(staged.steps) == {"staged"} and staged.loop.startswith("the staged loop, as the learner's kernel is")


def test_profile_of_a_file(tmp_path, capsys):
    path = tmp_path / "one.toml"
    path.write_text('steps = 100\ngame = "matching_pennies"\nlearner = "iql"\n')
    assert bench.main(["--profile", str(path)]) == 0
    assert "It runs by the fused loop." in capsys.readouterr().out
    assert bench.main(["--profile", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err


# -- the command ----------------------------------------------------------------------------------------


def test_main_prints_a_table_and_writes_json(made_up, tmp_path, capsys):
    path = tmp_path / "bench.json"
    assert bench.main(["--quick", "--json", str(path)]) == 0
    text = capsys.readouterr().out
    assert "2.00x 1.00x - 3.00x >= 1.50x yes" in " ".join(text.split())
    assert "by hand" in text and "it is not here" in text
    assert text.endswith("1 of 2 targets met, 1 missed; 1 skipped.\n")
    written = json.loads(path.read_text())
    assert set(written) == {"versions", "quick", "rows"} and written["quick"] is True
    assert {"marlfast", "python", "numpy", "processor", "processors"} <= set(written["versions"])
    fast, time, fact, absent = written["rows"]
    assert fast == {"name": "fast", "what": "ours / theirs", "value": 2.0, "low": 1.0, "high": 3.0, "unit": "x",
                    "target": 1.5, "at_least": True, "note": "by hand", "skipped": False, "met": True}
    assert (time["met"], fact["met"], absent["met"]) == (False, None, None)
    assert absent["skipped"] and absent["what"] == "Beside something" and absent["value"] is None


def test_only_runs_what_is_named(made_up, capsys):
    assert bench.main(["--quick", "--only", "absent"]) == 0
    text = capsys.readouterr().out
    assert "it is not here" in text and "ours" not in text.partition("median")[2]


def test_unknown_name_is_refused_with_those_known(capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(["--only", "speed"])
    message = capsys.readouterr().err
    assert "--only" in message and "'speed'" in message and "threads" in message


def test_folder_for_json_is_checked_before_anything_is_measured(made_up, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        bench.main(["--json", str(tmp_path / "nowhere" / "bench.json")])
    streams = capsys.readouterr()
    assert "does not exist" in streams.err and streams.out == ""


def test_json_that_cannot_be_written_is_reported(made_up, tmp_path, capsys):
    assert bench.main(["--json", str(tmp_path)]) == 1       # a folder stands there
    assert "--json: cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "rows", "unit"), [
    ("seed", 1, "x"), ("numpy", 2, "x"), ("normals", 3, "x"), ("env", 2, "us"), ("import", 1, "ms"),
    ("memory", 3, None), ("sweep", 1, "%"),
    pytest.param("foraging", 2, "x", marks=pytest.mark.skipif(importlib.util.find_spec("lbforaging") is None,
                                                              reason="needs lbforaging")),
    pytest.param("pricing", 2, None, marks=pytest.mark.skipif(importlib.util.find_spec("numba") is None,
                                                              reason="needs numba")),
])
def test_benchmark_runs_and_prints_its_rows(name, rows, unit, instant, monkeypatch, tmp_path, capsys):
    path = tmp_path / "bench.json"
    assert bench.main(["--only", name, "--quick", "--json", str(path)]) == 0
    text, written = capsys.readouterr().out, json.loads(path.read_text())["rows"]
    assert len(written) == rows and {row["name"] for row in written} == {name}
    for row in written:
        assert row["what"] in text
        if row["skipped"]:
            assert row["note"]      # no checkout, or no /proc here
            continue
        assert np.isfinite([row["value"], row["low"], row["high"]]).all()
        assert row["low"] <= row["value"] <= row["high"]
        assert unit is None or row["unit"] == unit


def test_memory_does_not_grow_with_steps():
    # One byte a step would be 8000 bytes a run.
    assert space._growth(80, 16, (20, 4)) < 16 * 2000


# -- benchmarks/test_kernels.py -------------------------------------------------------------------------


@needs_checkout
def test_every_module_of_kernels_has_a_benchmark():
    modules = {path.stem[1:] for path in (ROOT / "src").glob("_*.pyx")} - {"kernels"}
    assert modules and modules == {module for module, _ in CASES}


@needs_checkout
@pytest.mark.parametrize("key", CASES, ids=[" ".join(key) for key in CASES])
def test_both_sides_of_a_kernel_benchmark_do_the_same(key):
    sides = []
    for backend in BACKENDS:
        function, written = CASES[key](backend, 3)
        for _ in range(5):
            function()
        sides.append([array.copy() for array in written])
    for compiled, twin in zip(*sides, strict=True):
        np.testing.assert_array_equal(compiled, twin)
        assert np.isfinite(compiled).all()
    assert any(array.any() for array in sides[0])       # something was written
