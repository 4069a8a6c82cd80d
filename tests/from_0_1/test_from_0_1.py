"""What was made with 0.1 goes on: its results bit for bit, packages and programs written for it.

``make.py`` made the results with 0.1.0; the packages and pages stand as they stood there. What has to change in them is
shown in ``docs/from_0_1.md``, in ``diff`` blocks, each of which names a file here in its first line
(``--- learner/...``) and is applied before the file is built or run.
"""
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import numpy as np
import pytest
from lockstep import LOCKSTEP
from test_docs import fences
from training_helpers import assert_same

import marlfast as mf
from marlfast import sweeps

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "from_0_1.md"
OWN = ROOT / "tests" / "own"
LEARNERS = {
    "central_q", "coma", "correlated_q", "distributed_q", "double_q", "each", "exp3", "expected_sarsa",
    "fictitious_play", "fixed_policy", "frequency_adjusted_q", "friend_or_foe", "frozen", "hierarchy", "hysteretic_q",
    "ia2c", "ippo", "iql", "jal", "lmrl2", "maa2c", "mappo", "mean_field_ac", "mean_field_q", "minimax_q",
    "monte_carlo", "nash_q", "phc", "q_lambda", "qmix", "random", "recursive_fmq", "regret_matching", "reinforce",
    "sarsa", "tit_for_tat", "vdn", "win_stay_lose_shift", "wolf_phc"}
WAYS = ("states", "rounding", "lockstep")
MORE = 40


def _unpack(name, folder):
    with tarfile.open(HERE / name) as archive:
        assert not any(".." in name or name.startswith("/") for name in archive.getnames())
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))


needs_compiler = pytest.mark.skipif(
    sys.platform != "win32" and not shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]),
    reason="needs a C compiler")


# -- sweeps ----------------------------------------------------------------------------------------

@pytest.fixture
def left(tmp_path, monkeypatch):
    """A folder with the sweeps of 0.1; what measured them can be imported."""
    _unpack("sweeps.tar.xz", tmp_path)
    monkeypatch.syspath_prepend(HERE)
    return tmp_path


def _same(found, wanted):
    for one, other in ((found.table(), wanted.table()), (found.curves(), wanted.curves())):
        assert list(one) == list(other)
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_a_finished_sweep_loads(left):
    for name, runs in (("whole", 18), ("growing", 8)):
        assert repr(sweeps.check(left / name)) == f"Report({runs} of {runs} runs, 0 damaged)"
        found = mf.load(left / name)
        with open(left / name / "table.csv", newline="") as file:      # as 0.1 wrote it
            rows = list(csv.DictReader(file))
        table = found.table()
        assert len(rows) == runs and set(table) - set(rows[0]) == {"failed"}
        for key in rows[0]:
            assert [row[key] for row in rows] == ["" if value != value else str(value) for value in table[key].tolist()]
        bins = found.curves()["team_return"].shape
        assert bins[0] == runs and bins[1] > 0
    assert [mf.load(left / "growing").load_run(i).experiment.game.agents for i in (0, 7)] == [2, 3]


def test_a_half_done_sweep_goes_on_as_it_was(left):
    import make_sweeps

    chunks = {path.name: path.read_bytes() for path in (left / "part" / "chunks").iterdir()}
    assert mf.load(left / "part").missing == 18 - len(chunks) > 0
    found = sweeps.resume(left / "part", measure=make_sweeps.measure)
    _same(found, mf.load(left / "whole"))
    noted = [json.loads(line) for line in (left / "part" / "log.jsonl").read_text().splitlines()]
    trained = [run for entry in noted if "seconds" in entry for run in range(entry["lo"], entry["hi"])]
    assert sorted(trained) == list(range(len(chunks), 18))
    assert repr(sweeps.check(left / "part")) == "Report(18 of 18 runs, 0 damaged)"


def test_shards_of_0_1_go_on_and_are_put_together(left):
    import make_sweeps

    assert mf.load(left / "shards" / "shard-1-of-2").missing == 0
    sweeps.resume(left / "shards" / "shard-2-of-2", measure=make_sweeps.measure)
    _same(sweeps.merge(left / "shards"), mf.load(left / "whole"))


def test_a_sweep_of_0_1_called_again_with_defaults_of_now_is_refused_with_the_reason(left):
    import make_sweeps

    with pytest.raises(mf.FileError, match=r"another sweep \(experiment.learner.explore.ties is 'first' there and "
                                           r"'random' here\)"):
        make_sweeps.sweep(left / "part")


# -- results -------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A folder with the results of 0.1."""
    folder = tmp_path_factory.mktemp("frozen")
    _unpack("results.tar.xz", folder)
    return folder


def load(path, **options):
    return mf.load(path, game=LOCKSTEP if "-lockstep-" in path.name else None, **options)


def test_every_learner_of_0_1_is_there(frozen):
    names = {path.name.split("-")[0] for path in frozen.glob("*.npz")}
    assert LEARNERS <= names
    for name in LEARNERS:
        assert all((frozen / f"{name}-{way}-{what}.npz").exists() for way in WAYS for what in ("part", "whole"))


@pytest.mark.parametrize("name", sorted(LEARNERS | {"iql_first_ties", "iql_random_ties", "iql_boltzmann"}))
def test_results_of_0_1_go_on_as_they_did(frozen, name):
    """Saved in the middle of an episode, resumed here for as many steps as there: equal in every bit."""
    for way in WAYS:
        part, whole = (frozen / f"{name}-{way}-{what}.npz" for what in ("part", "whole"))
        ended = load(whole)
        for backend in ("cython", "numpy") if way == "states" else ("cython",):
            resumed = mf.train(resume=load(part, backend=backend), steps=MORE, backend=backend, threads=1)
            for added in resumed.experiment.learner.added:      # 0.1 did not keep it: it counts from here on
                resumed.arrays[f"learner.{added}"][:] = 0
            assert_same(resumed, ended)
        assert (load(part).arrays["episode_steps"] > 0).any() and (ended.steps > MORE).all()


def test_results_of_every_game_of_0_1_go_on_as_they_did(frozen):
    parts = sorted(frozen.glob("*-games-part.npz"))
    assert len(parts) > 60
    for part in parts:
        whole = load(part.with_name(part.name.replace("part", "whole")))
        assert_same(mf.train(resume=load(part), steps=MORE, threads=1), whole)


def test_results_of_0_1_are_saved_again_as_they_are(frozen, tmp_path):
    """Written by this version and read again, in its own format, they still go on as they did."""
    for name in ("iql_random_ties", "sarsa", "qmix", "hierarchy"):
        load(frozen / f"{name}-rounding-part.npz").save(tmp_path / "again.npz")
        assert_same(mf.train(resume=mf.load(tmp_path / "again.npz"), steps=MORE, threads=1),
                    load(frozen / f"{name}-rounding-whole.npz"))


# -- packages and programs -----------------------------------------------------------------------

def changes():
    """(file, old lines, new lines) of every hunk of the page's diffs."""
    found = []
    for language, text in fences(PAGE) if PAGE.exists() else ():
        if language == "diff" and text.startswith("--- "):
            name, _, body = text[4:].partition("\n")
            for hunk in re.split(r"^@@.*\n", body, flags=re.M):
                lines = hunk.splitlines()
                if lines:
                    found.append((name.strip(), "\n".join(line[1:] for line in lines if line[:1] != "+"),
                                  "\n".join(line[1:] for line in lines if line[:1] != "-")))
    return found


def copy_of(name, folder):
    """A copy of a package or page of 0.1, with the changes that the page shows."""
    copy = folder / name
    if (HERE / name).is_dir():
        shutil.copytree(HERE / name, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c", "build"))
    else:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / name, copy)
    for file, old, new in changes():
        if file == name or file.startswith(f"{name}/"):
            text = (folder / file).read_text(encoding="utf-8")
            (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return copy


def run(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def test_what_the_page_changes_stands_in_the_files_of_0_1():
    for file, old, new in changes():
        text = (HERE / file).read_text(encoding="utf-8")
        assert text.count(old) == 1 and old != new, f"{file}: expected once:\n{old}"


def as_today(name, today):
    """Whether a package of 0.1 is the one that another test builds today."""
    files = [path.relative_to(HERE / name) for path in (HERE / name).rglob("*.p*") if path.suffix != ".pyc"]
    return all((today / file).exists() and (today / file).read_bytes() == (HERE / name / file).read_bytes()
               for file in files) and not any(file.startswith(f"{name}/") for file, *_ in changes())


@needs_compiler
def test_a_game_in_cython_of_0_1_builds_and_plays(tmp_path):
    pytest.importorskip("Cython")
    if as_today("downstream", OWN / "downstream"):
        pytest.skip("it is the one of tests/own")
    copy = copy_of("downstream", tmp_path)
    run(copy, "setup.py", "build_ext", "--inplace")
    found = json.loads(run(copy, "play.py"))
    # Slip 1/4: run 0 is pulled by 2 - 1, run 1 slips; runs 2 and 3 are won at +-3. Pulling costs 0.05 a unit.
    assert found["state"] == [1.0, 0.0, 3.0, -4.0] and found["over"] == [False, False, True, True]
    assert sum(found["rewards"], []) == pytest.approx([-0.1, -0.05, -0.1, -0.05, 0.95, -1.0, -1.0, 0.9])
    assert found["refused"] == "step: an action lies outside the agent's actions"
    assert found["same"] and found["loaded"] and found["returns"] == [4, 300, 2]


@needs_compiler
def test_a_learner_in_cython_of_0_1_builds_and_trains(tmp_path):
    pytest.importorskip("Cython")
    if as_today("learner", OWN / "learner"):
        pytest.skip("it is the one of tests/own")
    copy = copy_of("learner", tmp_path)
    run(copy, "setup.py", "build_ext", "--inplace")
    found = json.loads(run(copy, "alike.py"))
    assert found["by_hand"] == {"cython": [1.125, 1.0, 0.5625], "numpy": [1.125, 1.0, 0.5625]}
    assert found["same"] == [True] * 4 and found["loaded"] and found["evaluated"] and found["resumed"] == [700] * 4
    run(copy, "play.py")


PROGRAM = """
import re, sys
from pathlib import Path
names = {"__name__": "document"}
for language, program in re.findall(r"^```(python|py)\\n(.*?)^```$", Path(sys.argv[1]).read_text("utf-8"), re.M | re.S):
    exec(compile(program, sys.argv[1], "exec"), names)
"""


@pytest.mark.parametrize("page, today", [("numpy", "own_games/numpy"), ("numba", "own_games/numba"),
                                         ("c", "own_games/c"), ("own_learner", "howto/own_learner")])
def test_programs_for_0_1_run(page, today, tmp_path):
    """Those of the pages on games and learners of one's own, as they stood in 0.1."""
    file = f"pages/{page}.md"
    if (ROOT / "docs" / f"{today}.md").read_bytes() == (HERE / file).read_bytes() and file not in {
            name for name, *_ in changes()}:
        pytest.skip("the page has not changed, and is run as it is")
    if page == "numba":
        pytest.importorskip("numba")
    if page == "c" and not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    copy = copy_of(file, tmp_path)
    for name, text in re.findall(r"`([\w.]+)`:\n\n```(?:c|toml|sh)\n(.*?)^```$", copy.read_text("utf-8"), re.M | re.S):
        (tmp_path / name).write_text(text, encoding="utf-8")
    if page == "own_learner":
        shutil.copytree(copy_of("learner", tmp_path) / "forgetting", tmp_path / "forgetting")
    run(tmp_path, "-c", PROGRAM, str(copy))
