"""Training and sweeps that are killed at any moment, and disks that are full."""
import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf

GAME = mf.games.Drift(agents=3, noise=2.0, horizon=13)
LEARNER = mf.IQL(mf.schedules.Harmonic(0.9, 0.01, minimum=0.05), explore=mf.EpsilonGreedy(1.0, decay=0.97, minimum=0.1))
ROOT = Path(__file__).resolve().parents[1]


def train(**options):
    options = {"encoder": mf.Rounding(0), "shaping": mf.rewards.Diversity(), "runs": 3, "episodes": 60} | options
    return mf.train(GAME, LEARNER, **options)


class Killed(BaseException):
    """Stands for a kill: nothing in the program handles it."""


def kill_after(blocks):
    left = [blocks]

    def callback(session):
        left[0] -= 1
        if left[0] < 0:
            raise Killed
    return callback


# -- checkpoints ---------------------------------------------------------------------------------

@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_killed_again_and_again_ends_with_the_same_numbers(tmp_path, backend):
    whole, kills = train(), 0
    for _ in range(100):
        try:
            rest = train(checkpoint=tmp_path / "c.npz", interval_seconds=0.0, block=20, callback=kill_after(5),
                         backend=backend)
            break
        except Killed:
            kills += 1
    assert kills > 5
    assert_same(rest, whole)
    assert_same(mf.load(tmp_path / "c.npz"), whole)
    assert [p.name for p in tmp_path.iterdir()] == ["c.npz"]


def test_a_checkpoint_at_the_end_and_then_nothing_left_to_do(tmp_path):
    whole = train(checkpoint=tmp_path / "c.npz")
    assert_same(mf.load(tmp_path / "c.npz"), whole)
    again = train(checkpoint=tmp_path / "c.npz", callback=lambda session: 1 / 0)
    assert_same(again, whole)
    assert again.seconds >= whole.seconds


def test_checkpoints_come_every_so_many_seconds(tmp_path, monkeypatch):
    saved = []
    genuine = mf.Result.save
    monkeypatch.setattr(mf.Result, "save", lambda self, path: saved.append(self.steps.max()) or genuine(self, path))
    train(checkpoint=tmp_path / "c.npz", block=20)
    assert saved == [780]                               # once in a minute, and at the end
    train(checkpoint=tmp_path / "d.npz", interval_seconds=0.0, block=100)
    assert saved[1:] == [100, 200, 300, 400, 500, 600, 700, 780, 780]


def test_ctrl_c_keeps_a_checkpoint(tmp_path):
    whole = train()
    part = train(checkpoint=tmp_path / "c.npz", block=50, callback=lambda session: signal.raise_signal(signal.SIGINT))
    assert part.interrupted and mf.load(tmp_path / "c.npz").interrupted
    assert_same(train(checkpoint=tmp_path / "c.npz"), whole)


def test_a_checkpoint_while_resuming(tmp_path):
    half = train(episodes=30)
    with pytest.raises(Killed):
        mf.train(resume=half, episodes=30, checkpoint=tmp_path / "c.npz", interval_seconds=0.0, block=50,
                 callback=kill_after(3))
    rest = mf.train(resume=half, episodes=30, checkpoint=tmp_path / "c.npz")
    assert_same(rest, train())


def test_a_checkpoint_of_a_game_with_functions_of_its_own(tmp_path):
    game = mf.games.NumPyGame(
        step=lambda state, actions, uniforms, normals: (state, actions.astype(float), False), agents=2, actions=3,
        start=lambda uniforms, normals: np.zeros((len(uniforms), 1)), state_size=1, observations=1, horizon=2)
    whole = mf.train(game, mf.IQL(), steps=100)
    with pytest.raises(Killed):
        mf.train(game, mf.IQL(), steps=100, checkpoint=tmp_path / "c.npz", interval_seconds=0.0, block=10,
                 callback=kill_after(3))
    assert_same(mf.train(game, mf.IQL(), steps=100, checkpoint=tmp_path / "c.npz"), whole)


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    (tmp_path / ".c.npz.x1.part").write_bytes(b"PK")
    (tmp_path / ".other.npz.x1.part").write_bytes(b"PK")
    train(checkpoint=tmp_path / "c.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".other.npz.x1.part", "c.npz"]


def test_checkpoints_that_are_refused(tmp_path):
    train(checkpoint=tmp_path / "c.npz", episodes=5)
    with pytest.raises(ValueError, match="checkpoint: .* holds another experiment; choose another file"):
        train(checkpoint=tmp_path / "c.npz", episodes=6)
    (tmp_path / "x.npz").write_text("mine")
    with pytest.raises(mf.FileError, match="not a marlfast result"):
        train(checkpoint=tmp_path / "x.npz")
    with pytest.raises(OSError, match="cannot write in .*nowhere"):
        train(checkpoint=tmp_path / "nowhere" / "c.npz")
    with pytest.raises(ValueError, match="interval_seconds: expected at least 0"):
        train(checkpoint=tmp_path / "d.npz", interval_seconds=-1.0)
    mf.sweep(GAME, LEARNER, encoder=mf.Rounding(0), episodes=1, out=tmp_path / "s")
    with pytest.raises(ValueError, match="checkpoint: .* is a folder; give a file"):
        train(checkpoint=tmp_path / "s")
    assert (tmp_path / "x.npz").read_text() == "mine"


# -- whatever leaves a game ----------------------------------------------------------------------

class Armed:
    """A game that raises in a step, once training is under way."""

    def __init__(self, kind, at=17):
        self.kind, self.left, self.armed = kind, at, False

    def step(self, state, actions, uniforms, normals):
        self.left -= self.armed
        if self.kind is not None and self.left == 0:
            raise self.kind("out")
        return state, actions + uniforms, False

    def arm(self, session):
        self.armed = True

    def game(self):
        return mf.games.NumPyGame(
            step=self.step, start=lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2, actions=3,
            state_size=1, observations=1, horizon=4, step_uniforms=2)


class Odd(BaseException):
    """An exception that takes no attributes."""

    __slots__ = ()

    def __setattr__(self, name, value):
        raise AttributeError(name)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, Killed, Odd])
def test_whatever_leaves_a_game_what_was_learned_is_kept(tmp_path, kind):
    learner = mf.IQL(0.3, explore=mf.EpsilonGreedy(0.5, decay=0.99))
    options = {"steps": 60, "runs": 3, "seed": 0, "block": 13}
    whole = mf.train(Armed(None).game(), learner, **options)
    armed = Armed(kind)
    with pytest.raises(kind) as caught:
        mf.train(armed.game(), learner, callback=armed.arm, checkpoint=tmp_path / "c.npz", **options)
    if kind is not Odd:
        assert 13 < caught.value.result.steps.max() < 60
        game = Armed(None).game()
        for part in (caught.value.result, mf.load(tmp_path / "c.npz", game=game)):
            part = mf.Result(part.experiment.replace(game=game), part.arrays)
            assert_same(mf.train(resume=part), whole)
    assert_same(mf.train(Armed(None).game(), learner, checkpoint=tmp_path / "c.npz", **options), whole)


@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit])
def test_an_exit_out_of_a_game_fails_its_run_alone(tmp_path, kind):
    armed = Armed(kind, at=1000)
    armed.armed = True
    found = mf.sweep(armed.game(), mf.IQL(), over={"learner.discount": [0.0, 0.5, 0.9]}, seeds=1, seed=0, steps=400,
                     out=tmp_path / "s", chunk_seconds=1e-9, block=10)
    whole = mf.sweep(Armed(None).game(), mf.IQL(), over={"learner.discount": [0.0, 0.5, 0.9]}, seeds=1, seed=0,
                     steps=400, out=tmp_path / "whole").table()
    table = found.table()
    assert found.missing == 0 and table["failed"].sum() == 1
    assert table["stop_reason"][table["failed"]].tolist() == ["failed: own code"]
    for name in ("return_0", "return_1", "steps"):
        np.testing.assert_array_equal(table[name][~table["failed"]], whole[name][~table["failed"]])


# -- full disks ----------------------------------------------------------------------------------

def test_a_checkpoint_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch):
    train(checkpoint=tmp_path / "c.npz", block=100, interval_seconds=0.0, episodes=60)
    content = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "c.npz").rename(tmp_path / "d.npz")
    genuine = np.savez

    def full(file, **arrays):
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Killed):
        train(checkpoint=tmp_path / "c.npz", block=100, interval_seconds=0.0, callback=kill_after(1))
    early = (tmp_path / "c.npz").read_bytes()
    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(RuntimeWarning, match="checkpoint: cannot write .*c.npz: No space left on device; what stood "
                                            "there before is untouched; training goes on"):
        rest = train(checkpoint=tmp_path / "c.npz", block=500)
    assert (tmp_path / "c.npz").read_bytes() == early
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.npz", "d.npz"]
    monkeypatch.setattr(np, "savez", genuine)
    assert_same(rest, mf.load(tmp_path / "d.npz"))
    assert len(content) > len(early) > 0


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 kB, where one can be made."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or shutil.which("mount") is None or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("needs to mount a disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_sweep_on_a_disk_that_is_full(small_disk, tmp_path, monkeypatch):
    """It waits, and goes on when there is room: here because the disk becomes larger."""
    over = {"learner.discount": np.linspace(0.0, 0.9, 40).tolist()}
    options = {"encoder": mf.Rounding(0), "episodes": 20, "over": over, "seeds": 2, "keep": "results",
               "out": small_disk / "s", "workers": 1, "chunk_seconds": 1e-9}
    there = []

    def more_room():
        part = mf.load(small_disk / "s")
        there.append(80 - part.missing)
        assert not list(small_disk.rglob("*.part")) and len(part.table()["seed"]) == there[-1]
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)

    monkeypatch.setattr("marlfast.sweeps.run._pause", more_room)
    with pytest.warns(RuntimeWarning, match="No space left on device; .* it waits until there is room, and goes on"):
        found = mf.sweep(GAME, LEARNER, **options)
    assert found.missing == 0 and 0 < there[0] < 80
    mf.sweep(GAME, LEARNER, **{**options, "out": tmp_path / "s"})
    assert [(tmp_path / "s" / name).read_bytes() == (small_disk / "s" / name).read_bytes()
            for name in ("table.csv", "sweep.json", "results/00000079.npz")] == [True] * 3


# -- kill -9 -------------------------------------------------------------------------------------

TRAINING = """
import marlfast as mf
print("begun", flush=True)
mf.train(mf.games.Drift(agents=3, noise=2.0, horizon=13), mf.IQL(), encoder=mf.Rounding(0), episodes=200_000, runs=3,
         threads=1, record_every=100, checkpoint="c.npz", interval_seconds=0.02, block=5_000)
"""
SWEEP = """
import marlfast as mf, sys
if __name__ == "__main__":
    print("begun", flush=True)
    mf.sweep(mf.games.PrisonersDilemma(memory=1, horizon=10), mf.IQL(explore=mf.EpsilonGreedy(0.1)), steps=200_000,
             over={"learner.learning_rate": [k / 50 for k in range(1, 41)], "game.temptation": [4.0, 5.0]}, seeds=3,
             out="s", workers=2, chunk_seconds=0.1, engine=sys.argv[1], keep="results")
"""


def kill_until_it_ends(program, folder, kills, *arguments):
    """Run a program in a folder, killing it at random moments until it has been killed often enough."""
    rng, killed = random.Random(0), 0
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    (folder / "program.py").write_text(program)
    while True:
        with subprocess.Popen([sys.executable, "program.py", *arguments], cwd=folder, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout.readline() == b"begun\n", process.stderr.read().decode()
            try:
                process.wait(None if killed >= kills else rng.uniform(0.0, 0.5))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed += 1
                continue
            assert process.returncode == 0, process.stderr.read().decode()
            return killed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_training_killed_at_random_moments(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    kill_until_it_ends(TRAINING, whole, 0)
    assert kill_until_it_ends(TRAINING, parts, 30) >= 10
    assert_same(mf.load(parts / "c.npz"), mf.load(whole / "c.npz"))
    assert sorted(p.name for p in parts.iterdir()) == ["c.npz", "program.py"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
@pytest.mark.parametrize("engine, kills", [("threads", 30), ("processes", 10)])
def test_a_sweep_killed_at_random_moments(tmp_path, engine, kills):
    import json

    def files(folder):
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in (folder / "s").rglob("*")
                if p.is_file() and p.name != "log.jsonl"}

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    kill_until_it_ends(SWEEP, whole, 0, engine)
    killed = kill_until_it_ends(SWEEP, parts, kills, engine)
    assert killed == kills
    assert files(parts) == files(whole)
    # A chunk is written before it is noted: what is noted was never done again.
    noted = [json.loads(line) for line in (parts / "s" / "log.jsonl").read_text().splitlines()]
    runs = [run for entry in noted for run in range(entry["lo"], entry["hi"])]
    assert len(runs) == len(set(runs))
    deadline = time.monotonic() + 60.0
    while engine == "processes" and _workers(parts) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _workers(parts)                          # none is left behind


def _workers(folder):
    """Processes that still run in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [process] if os.readlink(process) == str(folder) else []
        except OSError:
            pass
    return found
