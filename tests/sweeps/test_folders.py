"""The folder of a sweep: what is damaged, full or cut off, and what is read of it by column and by part."""
import errno
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast.sweeps import chunks, manifest, merge, points, resume, store, tables
from marlfast.sweeps import folder as folders
from marlfast.sweeps import run as running
from marlfast.sweeps import work as working
from marlfast.sweeps.order import Grid, Sample
from marlfast.sweeps.plan import Plan
from sweeps.test_sweep import GAME, InTurn, files, quarter, sweep


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    """36 runs are five chunks in the end."""
    monkeypatch.setattr(chunks, "part_rows", lambda plan, bins: 8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished sweep of five chunks."""
    place = tmp_path_factory.mktemp("whole") / "s"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "part_rows", lambda plan, bins: 8)
        sweep(place, measure=quarter)
    return place


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "s"))


def numbers(folder):
    """Files that have numbers in them."""
    return {name: content for name, content in files(folder).items() if not name.startswith("damaged")}


# -- the same bytes ------------------------------------------------------------------------------

def test_the_edges_of_chunks_depend_on_the_plan_alone(whole, tmp_path):
    names = sorted(path.name for path in (whole / "chunks").iterdir())
    assert names == [f"{lo:08d}-{min(lo + 8, 36):08d}.npz" for lo in range(0, 36, 8)]
    sweep(tmp_path / "a", measure=quarter, chunk_seconds=1e-9)
    assert files(tmp_path / "a") == files(whole)
    for i in (2, 3, 1):
        sweep(tmp_path / "b", measure=quarter, shard=(i, 3))
    merge(tmp_path / "b")
    assert {name: content for name, content in files(tmp_path / "b").items() if "shard-" not in name} == files(whole)


@pytest.mark.parametrize("kills", range(1, 8))
def test_killed_while_it_cuts_the_chunks_anew(whole, tmp_path, monkeypatch, kills):
    genuine, left = folders.write_atomically, [kills]

    def write(path, function):
        if left[0] < kills or (tmp_path / "s" / "chunks" / "00000035-00000036.npz").exists():
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
        genuine(path, function)

    monkeypatch.setattr(folders, "write_atomically", write)
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path / "s", measure=quarter, workers=1, chunk_seconds=1e-9)
    assert mf.load(tmp_path / "s").missing == 0 and len(mf.load(tmp_path / "s").table()["seed"]) == 36
    monkeypatch.setattr(folders, "write_atomically", genuine)
    sweep(tmp_path / "s", measure=quarter)
    assert files(tmp_path / "s") == files(whole)


@pytest.mark.parametrize("bins, rows", [(1, 65536), (100, 8192), (2**20, 64)])
def test_runs_of_a_part(bins, rows, monkeypatch):
    monkeypatch.undo()
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), {}, Grid([]), range(10))
    assert chunks.part_rows(plan, bins) == rows


# -- damage --------------------------------------------------------------------------------------

def rewrite(change):
    """Damage: the arrays of the second chunk, changed."""
    def damage(folder):
        path = folder / "chunks" / "00000008-00000016.npz"
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        change(arrays)
        np.savez(path, **arrays)
    return damage


def put(name, value):
    return rewrite(lambda arrays: arrays.__setitem__(name, value))


def cut_off(folder):
    path = folder / "chunks" / "00000008-00000016.npz"
    path.write_bytes(path.read_bytes()[:-700])


def flip(folder):
    path = folder / "chunks" / "00000008-00000016.npz"
    content = bytearray(path.read_bytes())
    content[content.index(b"sums.npy") + 400] ^= 1
    path.write_bytes(content)


def renamed(folder):
    (folder / "chunks" / "00000016-00000024.npz").replace(folder / "chunks" / "00000008-00000016.npz")


def of_another_sweep(folder):
    sweep(folder.parent / "other", steps=201, measure=quarter)
    shutil.copy(folder.parent / "other" / "chunks" / "00000008-00000016.npz", folder / "chunks")


def compressed(folder):
    path = folder / "chunks" / "00000008-00000016.npz"
    with np.load(path) as archive:
        np.savez_compressed(path.with_suffix(".new"), **{name: archive[name] for name in archive.files})
    path.with_suffix(".new.npz").replace(path)


def lying(folder):
    """A header that promises a thousand gigabytes."""
    path, out = folder / "chunks" / "00000008-00000016.npz", io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, data.replace(b"'shape': (8,", b"'shape': (9999999999999,")
                         if info.filename == "returns.npy" else data)
    path.write_bytes(out.getvalue())


DAMAGE = {
    "cut off": (cut_off, "BadZipFile"), "flipped": (flip, "is damaged or of another kind (BadZipFile)"),
    "compressed": (compressed, "compressed"),
    "lying": (lying, "its array 'returns'"), "renamed": (renamed, "its array span has other runs"),
    "another sweep's": (of_another_sweep, "it is of another sweep"),
    "wrong shape": (put("returns", np.zeros((8, 3))), "its array returns is (8, 3), expected (8, 2)"),
    "rows": (put("returns", np.zeros((5, 2))), "its array returns is float64 (5, 2), which no chunk of 8 runs has"),
    "type": (put("steps", np.zeros(8)), "its array steps is float64 (8,)"),
    "negative": (put("steps", np.full(8, -1)), "its array steps holds numbers outside 0 to"),
    "reason": (put("reason", np.full(8, 77, np.int32)), "reasons"),
    "entries": (put("entries", np.full(8, 10**6)), "entries"),
    "missing": (rewrite(lambda arrays: arrays.pop("episodes")), "it has no array episodes"),
    "unsigned": (rewrite(lambda arrays: arrays.pop("sweep")), "it is of another sweep"),
    "objects": (put("measure.x", np.array([None] * 8)), "holds Python objects, which are never loaded"),
}


def unfinish(folder):
    values = json.loads((folder / "sweep.json").read_text())
    values.pop("finished")
    (folder / "sweep.json").write_text(json.dumps(values))


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_chunk_is_found_at_the_start_set_aside_and_made_again(copy, whole, monkeypatch, kind):
    """Where it was not finished yet, too: without its checksums, a chunk is compared with what the plan implies."""
    damage, words = DAMAGE[kind]
    damage(copy)
    unfinish(copy)
    began = []
    genuine = working.work
    monkeypatch.setattr(running._Work, "__init__", lambda self, folder, *rest, genuine=running._Work.__init__: (
        began.append(sorted(path.name for path in (folder.path / "damaged").iterdir())),
        genuine(self, folder, *rest))[1])
    trained = []
    monkeypatch.setattr("marlfast.sweeps.engines.work", lambda task, stop=None: (
        trained.extend(range(task.lo, task.hi)), genuine(task, stop))[1])
    with pytest.warns(RuntimeWarning) as caught:
        found = sweep(copy, measure=quarter)
    (text,) = {str(w.message) for w in caught}
    assert text.startswith(f"{copy / 'chunks' / '00000008-00000016.npz'}: is damaged (") and words in text
    assert "set aside as" in text and "\n" not in text
    assert began == [["00000008-00000016.npz"]]         # before anything was trained
    assert set(range(8, 16)) <= set(trained) <= set(range(8, 24)) and found.missing == 0
    assert numbers(copy) == files(whole)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if kind != "another sweep's"])
def test_no_number_of_a_damaged_chunk_is_in_a_table(copy, kind, finished):
    """A finished sweep opens at once; what is read is compared with its checksums then."""
    damage, words = DAMAGE[kind]
    damage(copy)
    if not finished:
        unfinish(copy)
    try:
        table = mf.load(copy).table() | mf.load(copy).curves()
    except mf.FileError as error:
        assert "00000008-00000016.npz: is damaged" in str(error) and "run the sweep again" in str(error)
        return
    raise AssertionError(f"{kind}: {table['steps']}")


@pytest.mark.parametrize("name", ["a-b.npz", "00000036-00000044.npz", "00000030-00000050.npz", "0-0.npz"])
def test_files_among_the_chunks_that_are_none(copy, whole, name):
    shutil.copy(copy / "chunks" / "00000008-00000016.npz", copy / "chunks" / name)
    with pytest.raises(mf.FileError, match=rf"{name}: is damaged \(it"):
        mf.load(copy)
    with pytest.warns(RuntimeWarning, match=rf"{name}: is damaged .* set aside"):
        assert sweep(copy, measure=quarter).missing == 0
    assert numbers(copy) == files(whole) and (copy / "damaged" / name).exists()


def test_chunks_that_overlap_are_read_once(copy, whole):
    """A kill may leave them: their runs are the same."""
    plan = mf.load(whole).plan
    with np.load(copy / "chunks" / "00000000-00000008.npz") as archive:
        arrays = {name: np.broadcast_to(archive[name], (8, *archive[name].shape[1:]))[4:]
                  for name in archive.files if name not in ("span", "sweep")}
    identity = manifest.identity(manifest.read_manifest(copy))
    (copy / "chunks" / "00000004-00000008.npz").write_bytes(chunks.content(identity, 4, 8, arrays))
    found = mf.load(copy)
    assert found.missing == 0 and "36 of 36" in repr(found)
    np.testing.assert_array_equal(found.table()["return_0"], mf.load(whole).table()["return_0"])
    assert [(p.lo, p.hi) for p in found._store.pieces] == [(lo, min(lo + 8, 36)) for lo in range(0, plan.total, 8)]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("point\n0\n")])
def test_a_table_is_made_again_from_the_chunks(copy, whole, damage):
    damage(copy / "table.csv")
    if (copy / "table.csv").exists():
        with pytest.warns(RuntimeWarning, match=r"table.csv: is damaged \(its checksum is another\)"):
            sweep(copy, measure=quarter)
    else:
        sweep(copy, measure=quarter)
    assert numbers(copy) == files(whole)


@pytest.mark.parametrize("kind", ["cut off", "negative"])
def test_a_finished_sweep_with_a_damaged_chunk_is_made_whole_again(copy, whole, kind):
    DAMAGE[kind][0](copy)
    with pytest.warns(RuntimeWarning, match="00000008-00000016.npz: is damaged .* set aside"):
        sweep(copy, measure=quarter)
    assert numbers(copy) == files(whole)


def test_a_name_that_is_set_aside_twice(copy):
    for k in ("", "-2"):
        cut_off(copy)
        with pytest.warns(RuntimeWarning, match=f"set aside as .*00000008-00000016{k}.npz"):
            sweep(copy, measure=quarter)


def test_measures_that_differ_name_file_and_array(tmp_path, monkeypatch):
    monkeypatch.setattr(running._Work, "_next", lambda self, genuine=running._Work._next: (
        None if self.folder.chunks else genuine(self)))
    sweep(tmp_path / "s", measure=quarter, workers=1)
    monkeypatch.undo()
    def other(result):
        return {**quarter(result), "more": result.steps}

    other.__module__, other.__qualname__ = quarter.__module__, quarter.__qualname__
    with pytest.raises(mf.FileError, match=r"measure: more is not there for all runs: .*\.npz has the array "
                                           r"measure.more, .*chunks/0000000.-0000000.\.npz has not"):
        sweep(tmp_path / "s", measure=other)


def test_measures_of_words_and_numbers(tmp_path):
    def odd(result):
        even = np.atleast_1d(result.experiment.seed)[0] % 2 == 0
        return {"x": np.full(len(result.steps), 1.5) if even else np.array(["a"] * len(result.steps))}

    with pytest.raises(mf.FileError, match="measure: x is words in some runs and numbers in others: see the array "
                                           "measure.x of"):
        sweep(tmp_path / "s", over={}, measure=odd, workers=1, chunk_seconds=1e-9)


def test_measures_that_are_whole_numbers_in_some_runs(tmp_path):
    """Their type in the end is that of all, wherever the chunks were cut."""
    def mixed(result):
        seeds = np.atleast_1d(np.array(result.experiment.seed))
        return {"x": seeds.astype(float) if seeds[0] > 1 else seeds, "w": np.array(["ab" * (s + 1) for s in seeds])}

    found = sweep(tmp_path / "s", over={}, seeds=20, measure=mixed, workers=1, chunk_seconds=1e-9)
    assert found.table()["x"].dtype == np.float64 and found.table()["x"].tolist() == list(range(20))
    assert found.table()["w"][3] == "abababab"
    assert found.table("x", slice(0, 2))["x"].dtype == np.float64
    with np.load(tmp_path / "s" / "chunks" / "00000000-00000008.npz") as archive:
        assert archive["measure.x"].dtype == np.float64 and archive["measure.w"].dtype == "<U16"


# -- sweep.json ----------------------------------------------------------------------------------

EDITS = {
    "seeds": [[], [1, 1], [-1], [0.5], [True], 3, {"first": 0}, {"first": 0, "count": 0}, {"first": 2**64, "count": 1}],
    "over": [[], {"learner.learning_rate": []}, {"learner.learning_rate": [10**400]},
             {"learner.learning_rate": 3}, {"learner.learning_rate": [0.1, 0.1]},
             {"a": [[[]] * 3] * 2}, {str(k): list(range(100)) for k in range(9)}],
    "points": [[], [[0]], [[0, 0, 9]], [[0, 0, -1]], [[0, 0, 0.0]], "all", 3], "bins": [0, "a", 2.5, True],
    "measure": [3, []], "keep": ["all", True], "shard": [[0, 1], [2, 1], [1], "1/2", [1, 1.5]], "marlfast": [3],
    "numpy": [None], "experiment": [[], {}, {"game": 3}], "version": [0, "2", True], "format": ["x"],
    "finished": [3, {"facts": {}, "files": {}}, {"facts": {"agents": 2, "entries": 1, "width": 0, "measure": {}},
                                                 "files": {}}],
}


@pytest.mark.parametrize("key, value", [(key, value) for key, values in EDITS.items() for value in values])
def test_sweep_json_edited_by_hand(copy, key, value):
    values = json.loads((copy / "sweep.json").read_text())
    (copy / "sweep.json").write_text(json.dumps({**values, key: value}))
    for call in (lambda: mf.load(copy), lambda: sweep(copy, measure=quarter)):
        with pytest.raises(mf.FileError) as caught:
            call()
        assert str(copy) in str(caught.value) and len(str(caught.value)) < 600 and "\n" not in str(caught.value)
        if key not in ("version", "format"):
            assert "its sweep.json is damaged: " in str(caught.value) and f": {key}: " in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "{\"format\": " + "9" * 5000 + "}", "\0", "\ufeff{",
                                  "{\"version\": NaN}"], ids=["deep", "digits", "zero", "bom", "nan"])
def test_sweep_json_that_is_none(copy, text):
    (copy / "sweep.json").write_text(text, encoding="utf-8")
    with pytest.raises(mf.FileError, match="its sweep.json (cannot be read|is of another kind)"):
        mf.load(copy)


@pytest.mark.parametrize("key, value", [
    ("agents", 1), ("agents", 2**40), ("width", 10**9), ("entries", 2**62), ("measure", {}), ("measure", {"x": "U"})])
def test_facts_in_sweep_json_are_those_of_the_chunks(copy, key, value):
    values = json.loads((copy / "sweep.json").read_text())
    values["finished"]["facts"][key] = value
    (copy / "sweep.json").write_text(json.dumps(values))
    found = mf.load(copy)
    for read in (found.table, found.curves, lambda: found.to_csv(copy / "other.csv")):
        with pytest.raises(mf.FileError, match=rf"sweep.json: finished.facts.{key} is .*, in the chunks"):
            read()
    assert not (copy / "other.csv").exists()


def test_sweep_json_of_an_editor_that_writes_a_bom(copy):
    (copy / "sweep.json").write_bytes(b"\xef\xbb\xbf" + (copy / "sweep.json").read_bytes())
    assert mf.load(copy).missing == 0


def test_an_experiment_that_cannot_be_made_again(copy):
    values = json.loads((copy / "sweep.json").read_text())
    values["experiment"]["learner"] = {"name": "iql", "discount": 7}
    (copy / "sweep.json").write_text(json.dumps(values))
    with pytest.raises(mf.FileError, match="its sweep cannot be made again: .*discount: expected 0.0 to 1.0, got 7"):
        mf.load(copy)


def test_many_seeds_are_told_in_two_numbers(tmp_path):
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), {}, Grid([]), range(5, 10**7))
    how = {"bins": 1, "measure": None, "keep": None}
    told = manifest.manifest_of(plan, how, None)
    assert told["seeds"] == {"first": 5, "count": 10**7 - 5}
    again = manifest.plan_of(told)
    assert again.seeds == plan.seeds == range(5, 10**7) and again.seeds_of(np.array([3])).tolist() == [8]


# -- full disks ----------------------------------------------------------------------------------

def test_a_full_disk_is_waited_for(whole, tmp_path, monkeypatch):
    genuine, waits, writes = folders.write_atomically, [], []

    def write(path, function):
        writes.append(path.name)
        if len(writes) % 3 == 2 and path.name != "sweep.json":
            raise OSError(errno.ENOSPC, f"cannot write {path}: No space left on device")
        genuine(path, function)

    monkeypatch.setattr(folders, "write_atomically", write)
    monkeypatch.setattr(running, "_pause", lambda: waits.append(len(writes)))
    with pytest.warns(RuntimeWarning, match="sweep: cannot write .*No space left on device; it waits until there is "
                                            "room, and goes on"):
        found = sweep(tmp_path / "s", measure=quarter, workers=1, chunk_seconds=1e-9)
    assert found.missing == 0 and len(waits) > 5 and files(tmp_path / "s") == files(whole)


def test_ctrl_c_ends_the_wait_for_room(tmp_path, monkeypatch):
    import signal

    def full(path, function):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folders, "put", lambda path, content: full(path, None))
    monkeypatch.setattr(running, "_pause", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.warns(RuntimeWarning, match="waits until there is room"):
        found = sweep(tmp_path / "s", workers=1)
    assert found.interrupted and found.missing == 36
    monkeypatch.undo()
    assert sweep(tmp_path / "s").missing == 0


def test_other_troubles_with_the_disk_end_the_sweep(tmp_path, monkeypatch):
    def broken(path, content):
        raise OSError(errno.EIO, "cannot write: Input/output error")

    monkeypatch.setattr(folders, "put", broken)
    with pytest.raises(OSError, match="Input/output error"):
        sweep(tmp_path / "s")


# -- runs that take long -------------------------------------------------------------------------

class Killed(BaseException):
    """Stands for a kill: nothing in the program handles it."""


@pytest.mark.parametrize("options", [{}, {"over": {"learner.name": ["iql", "wolf_phc"]}, "learner": mf.IQL()},
                                     {"chunk_seconds": 1e9}])
def test_a_long_run_goes_on_in_the_middle(tmp_path, monkeypatch, options):
    """Killed every third block: each time the runs under way are where they were, and no byte differs."""
    options = {"steps": 2000, "block": 100, "workers": 1, "keep": "results", **options}
    sweep(tmp_path / "whole", **options)
    genuine, left, steps = working._Kept.save, [3], []

    def save(self, arrays):
        genuine(self, arrays)
        steps.append(int(arrays["steps"].sum()))
        left[0] -= 1
        if left[0] <= 0:
            left[0] = 3
            raise Killed

    monkeypatch.setattr(working._Kept, "save", save)
    kills = 0
    while kills < 2000:
        try:
            found = sweep(tmp_path / "s", interval_seconds=0.0, **options)
            break
        except Killed:
            kills += 1
            assert list((tmp_path / "s" / "running").glob("*.npz"))
    assert kills > 10 and found.missing == 0 and files(tmp_path / "s") == files(tmp_path / "whole")
    assert not (tmp_path / "s" / "running").exists()


def test_what_was_kept_of_another_experiment_is_not_used(tmp_path, whole):
    (tmp_path / "s" / "running").mkdir(parents=True)
    for name in ("00000000-00000004.npz", "00000004-00000005.npz"):
        mf.train(GAME, mf.IQL(), steps=7, runs=4).save(tmp_path / "s" / "running" / name)
    (tmp_path / "s" / "running" / "00000005-00000006.npz").write_bytes(b"PK")
    (tmp_path / "s" / "running" / "00000003-00000006.npz").write_bytes(b"PK")
    sweep(tmp_path / "s", measure=quarter)
    assert files(tmp_path / "s") == files(whole)


def test_ctrl_c_keeps_what_was_under_way(tmp_path, monkeypatch):
    import signal

    pressed = []

    def press(session):
        if not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)

    genuine = working.Session.work
    monkeypatch.setattr(working.Session, "work", lambda self, threads, block, on_block: genuine(
        self, threads, block, lambda session: (on_block(session), press(session))))
    options = {"steps": 100_000, "over": {}, "seeds": 1, "block": 1000, "engine": InTurn()}
    found = sweep(tmp_path / "s", **options)
    assert found.interrupted and found.missing == 1
    (kept,) = (tmp_path / "s" / "running").iterdir()
    assert 0 < mf.load(kept).steps[0] < 100_000
    assert sweep(tmp_path / "s", **options).missing == 0
    sweep(tmp_path / "whole", **options)
    assert files(tmp_path / "s") == files(tmp_path / "whole")


def test_resume_goes_on_with_what_the_folder_says(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(running._Work, "_next", lambda self, genuine=running._Work._next: (
        None if self.folder.chunks else genuine(self)))
    sweep(tmp_path / "s", measure=quarter, workers=1)
    monkeypatch.undo()
    monkeypatch.setattr(chunks, "part_rows", lambda plan, bins: 8)
    with pytest.raises(ValueError, match="measure: .* was begun with .*quarter; give the same"):
        resume(tmp_path / "s")
    assert resume(tmp_path / "s", measure=quarter).missing == 0
    assert files(tmp_path / "s") == files(whole)


# -- reading -------------------------------------------------------------------------------------

def test_columns_and_parts_are_read_alone(whole, monkeypatch):
    found, asked = mf.load(whole), []
    table, curves = found.table(), found.curves()
    genuine = chunks._arrays
    monkeypatch.setattr(chunks, "_arrays", lambda path, rows, names=None, known=None, kinds=None: (
        asked.append((path.name, names)), genuine(path, rows, names, known, kinds))[1])
    found = mf.load(whole)
    assert asked == []                                  # it opens at once
    some = found.table(["seed", "return_1"], slice(3, 7))
    assert list(some) == ["seed", "return_1"] and {tuple(names) for _, names in asked} == {
        ("returns",), ("agents", "entries", "width")}
    np.testing.assert_array_equal(some["return_1"], table["return_1"][3:7])
    assert found.table("first", slice(-5, None))["first"].tolist() == table["first"][-5:].tolist()
    part = found.curves(slice(10, 20, 3))
    np.testing.assert_array_equal(part["returns"], curves["returns"][10:20:3])
    np.testing.assert_array_equal(part["episodes"], curves["episodes"])
    assert found.table(rows=slice(40, 50))["seed"].tolist() == []
    with pytest.raises(ValueError, match="unknown column 'retrn_1'; did you mean 'return_1'?"):
        found.table("retrn_1")
    with pytest.raises(TypeError, match="rows: expected a slice"):
        found.table(rows=3)


@pytest.mark.parametrize("size", [1, 5, 36, 100])
def test_batches_are_the_table(whole, size, monkeypatch):
    found = mf.load(whole)
    table = found.table()
    monkeypatch.setattr(store, "BLOCK", 7)
    batches = list(found.batches(["seed", "team_return", "name"], size))
    assert [len(batch["seed"]) for batch in batches] == [min(size, 36 - lo) for lo in range(0, 36, size)]
    for name in ("seed", "team_return", "name"):
        np.testing.assert_array_equal(np.concatenate([batch[name] for batch in batches]), table[name])


def test_a_table_in_many_blocks_is_the_same(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS", 5)
    monkeypatch.setattr(tables, "LINES", 2)
    monkeypatch.setattr(tables, "CURVE_BYTES", 1)
    mf.load(whole).to_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == (whole / "table.csv").read_bytes()
    np.testing.assert_array_equal(mf.load(whole).curves()["returns"].shape, (36, 20, 2))


def test_a_spreadsheet_runs_no_formula(tmp_path):
    def words(result):
        return {"w": np.array(["=1+1", "@x", "+1", "-1", "a=1"])[np.arange(len(result.steps)) % 5]}

    found = sweep(tmp_path / "s", over={}, seeds=5, measure=words, workers=1, engine=InTurn())
    assert set(found.table()["w"]) <= {"=1+1", "@x", "+1", "-1", "a=1"}
    cells = {line.split(",")[-1] for line in (tmp_path / "s" / "table.csv").read_text().splitlines()[1:]}
    assert cells <= {"'=1+1", "'@x", "'+1", "'-1", "a=1"} and "'=1+1" in cells


def test_ten_million_runs_are_planned_without_a_list_of_them():
    import tracemalloc

    over = points.lists({"game.temptation": np.linspace(4.0, 5.0, 1000).tolist(),
                         "learner.learning_rate": np.linspace(0.1, 0.9, 100).tolist()})
    tracemalloc.start()
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), over, points.points(over)[1], range(100))
    plan.check()
    runs = plan.runs(5_000_000, 5_000_100)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert plan.total == 10**7 and plan.positions(runs).tolist() == list(range(5_000_000, 5_000_100))


@pytest.mark.parametrize("columns", [[], [0], [1], [2], [0, 2], [1, 2], [0, 1, 2]])
def test_a_grid_is_ordered_as_a_list_of_its_points(columns):
    grid = Grid([3, 4, 2])
    sample = Sample(grid.digits(np.arange(24)))
    places = np.arange(24)
    for one, other in ((grid.by(columns), sample.by(columns)),):
        np.testing.assert_array_equal(one.point(places), other.point(places))
        np.testing.assert_array_equal(one.place(places), other.place(places))
        np.testing.assert_array_equal(one.group(places), other.group(places))
        np.testing.assert_array_equal(one.place(one.point(places)), places)
    for k in range(3):
        np.testing.assert_array_equal(grid.first(k), sample.first(k))
    np.testing.assert_array_equal(grid.combinations(columns, 5) if columns else [0],
                                  sample.combinations(columns, 5) if columns else [0])


# -- Parquet -------------------------------------------------------------------------------------

def test_parquet_is_the_table(whole, tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(tables, "GROUP_ROWS", 10)
    monkeypatch.setattr(tables, "ROWS", 20)
    table = mf.load(whole).table()
    sweep(tmp_path / "a", measure=quarter, table="parquet")
    sweep(tmp_path / "b", measure=quarter, table="parquet", chunk_seconds=1e-9, workers=1)
    assert files(tmp_path / "a") == files(tmp_path / "b") and "table.csv" not in files(tmp_path / "a")
    file = parquet.ParquetFile(tmp_path / "a" / "table.parquet")
    assert [file.metadata.row_group(k).num_rows for k in range(4)] == [10, 10, 10, 6]
    read = file.read()
    assert read.column_names == list(table)
    for name, column in table.items():
        np.testing.assert_array_equal(read[name].to_numpy(), column)
    assert parquet.read_table(tmp_path / "a" / "table.parquet", columns=["team_return"]).num_columns == 1
    sweep(tmp_path / "a", measure=quarter)              # the same sweep, as text too
    assert (tmp_path / "a" / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    mf.load(tmp_path / "a").to_parquet(tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes() == (tmp_path / "a" / "table.parquet").read_bytes()


def test_an_unfinished_sweep_is_a_dataset_by_chunk(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset")
    monkeypatch.setattr(running._Work, "_next", lambda self, genuine=running._Work._next: (
        None if len(self.folder.chunks) > 5 else genuine(self)))
    found = sweep(tmp_path / "s", workers=1, chunk_seconds=1e-9, table="parquet")
    rows = dataset.dataset(tmp_path / "s" / "table").to_table()
    assert found.missing and rows.num_rows == 36 - found.missing
    monkeypatch.undo()
    sweep(tmp_path / "s", table="parquet")
    assert not (tmp_path / "s" / "table").exists() and (tmp_path / "s" / "table.parquet").exists()


def test_other_libraries_read_it(tmp_path):
    pytest.importorskip("pyarrow")
    over = {"game.agents": [1, 2], "learner.name": ["iql", "wolf_phc"]}
    found = mf.sweep(mf.games.Drift(horizon=2), mf.IQL(), encoder=mf.Rounding(0), over=over, seeds=2, episodes=5,
                     out=tmp_path / "s", table="parquet")
    path, table = str(tmp_path / "s" / "table.parquet"), found.table()
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(path)
    assert frame["learner.name"].tolist() == table["learner.name"].tolist()
    np.testing.assert_array_equal(frame["return_1"], table["return_1"])
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(path)
    assert frame["return_1"].null_count() == 4 and frame["team_return"].to_list() == table["team_return"].tolist()
    duckdb = pytest.importorskip("duckdb")
    (found,) = duckdb.sql(f"select avg(return_1), count(*), count(return_1) from '{path}'").fetchall()
    assert found == (pytest.approx(np.nanmean(table["return_1"])), 8, 4)


def test_parquet_without_the_library(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"table='parquet' needs pyarrow: pip install 'marlfast\[parquet\]'"):
        sweep(tmp_path / "s", table="parquet")
    assert not (tmp_path / "s").exists()
    with pytest.raises(ValueError, match="table: expected one of 'csv', 'parquet'"):
        sweep(tmp_path / "s", table="xlsx")
