"""Results on disk: all or nothing, nothing executed, nothing lost."""
import errno
import io
import json
import os
import pickle
import re
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from training_helpers import assert_same, experiments, in_use, random_markov

import marlfast as mf

ROUNDED = mf.Experiment(
    mf.games.Drift(agents=2, horizon=7), mf.IQL(mf.schedules.Linear(0.5, 0.1, 50), initial_q=[1.0, 0, 0, 0, 2.0]),
    encoder=mf.Rounding(0, max_rows=10_000), rewards=mf.rewards.mixed([[1], [0]]), steps=40, runs=2, seed=2**64 - 1,
    shaping=[mf.rewards.Diversity(0.25),
             mf.rewards.PotentialBased(mf.rewards.Distance([0.5, 0.0], order=2), discount=0.5)],
    stop=[mf.GreedyStable(1000), mf.ReturnReached(1e9, window=4)], record_every=2, first_run=3)
DENSE = mf.Experiment(
    mf.games.Drift(agents=3),
    mf.IQL(share=[0, 1, 0], explore=mf.Boltzmann(mf.schedules.Harmonic(2.0, 0.1, minimum=0.5))),
    encoder=mf.Grid([-1, -2], [1, 2], [2, 3]), rewards=mf.rewards.matrix(np.eye(3)), episodes=2,
    shaping=[mf.rewards.PotentialBased(np.arange(6.0))])
MARKOV = mf.Experiment(
    random_markov(5, (2, 3), states=3, horizon=4, terminal=True),
    mf.IQL(mf.schedules.Table([0.5, 0.25]), explore=mf.EpsilonGreedy(0.5, ties="random", strict=False)), episodes=9)
ALL = {"rounded": ROUNDED, "dense": DENSE, "markov": MARKOV}


@pytest.fixture(scope="module")
def results():
    return {name: mf.train(experiment) for name, experiment in ALL.items()}


@pytest.fixture(scope="module")
def saved(results, tmp_path_factory):
    """The bytes of each result's file."""
    folder = tmp_path_factory.mktemp("saved")
    for name, result in results.items():
        result.save(folder / name)
    return {name: (folder / name).read_bytes() for name in results}


def assert_file_error(path, *words):
    """Loading gives a FileError of one line that names the file."""
    with pytest.raises(mf.FileError) as caught:
        mf.load(path)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text, text
    for word in words:
        assert word in text, text


# -- there and back ------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("backend", ["cython", "numpy"])
def test_there_and_back(results, name, backend, tmp_path):
    result = results[name]
    assert result.save(tmp_path / "run.npz") is None
    loaded = mf.load(tmp_path / "run.npz", backend=backend)
    assert_same(loaded, result)
    assert loaded.experiment.to_dict() == result.experiment.to_dict()
    assert loaded.seconds == result.seconds and loaded.interrupted is result.interrupted is False
    for attribute in ("returns", "shaped_returns", "team_returns", "lengths", "steps", "episodes", "q", "visits",
                      "used"):
        np.testing.assert_array_equal(getattr(loaded, attribute), getattr(result, attribute), strict=True)
    assert loaded.stop_reason == result.stop_reason
    # A file does not say which loop ran.
    assert loaded.summary() == re.sub(r"(?<=\d s)[^\n]*(?=, [\d,]+ agent-steps/s)", "", result.summary())
    for ours, theirs in zip(loaded.rows, result.rows, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)
    game = result.experiment.game
    for obs in result.rows[0][:3]:
        assert loaded.policy(0)(obs).tolist() == result.policy(0)(obs).tolist()
    played, wanted = (mf.evaluate(game, r, episodes=3) for r in (loaded, result))
    assert played.returns.tolist() == wanted.returns.tolist()


@settings(derandomize=True, deadline=None, max_examples=60, database=None,
          suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large])
@given(experiment=experiments(saved=True))
def test_any_experiment_there_and_back(experiment, tmp_path):
    result = mf.train(experiment, threads=1)
    result.save(tmp_path / "run.npz")
    loaded = mf.load(tmp_path / "run.npz")
    assert_same(loaded, result)
    assert json.dumps(loaded.experiment.to_dict()) == json.dumps(experiment.to_dict())
    # The experiment that was written is the one that was run.
    assert_same(mf.train(loaded.experiment, threads=1), result)


def test_paths_of_any_kind(results, tmp_path, monkeypatch):
    """Strings and paths, names with and without a suffix, the folder under way."""
    monkeypatch.chdir(tmp_path)
    for path in ("run.npz", str(tmp_path / "named"), tmp_path / "päth with spaces.result"):
        results["markov"].save(path)
        assert os.path.exists(path)
        assert_same(mf.load(path), results["markov"])
    assert sorted(os.listdir(tmp_path)) == ["named", "päth with spaces.result", "run.npz"]


def test_saving_again_replaces(results, tmp_path):
    results["dense"].save(tmp_path / "run.npz")
    results["markov"].save(tmp_path / "run.npz")
    assert_same(mf.load(tmp_path / "run.npz"), results["markov"])
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_the_file_has_ordinary_permissions(results, tmp_path):
    before = os.umask(0o027)
    try:
        results["markov"].save(tmp_path / "run.npz")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert os.stat(tmp_path / "run.npz").st_mode & 0o777 == 0o640


def test_a_file_is_arrays_and_plain_text(saved):
    """It can be read without marlfast."""
    with np.load(io.BytesIO(saved["rounded"]), allow_pickle=False) as archive:
        manifest = json.loads(bytes(archive["manifest"]))
        assert manifest["format"] == "marlfast result" and manifest["version"] == 2
        assert manifest["experiment"]["seed"] == 2**64 - 1
        assert archive["learner.q"].shape[0] == 2


# -- a disk that is full -------------------------------------------------------------------------

def _full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def _write_some_then_full(file, *_, **__):
    file.write(b"PK" + bytes(1000))
    _full()


@pytest.mark.parametrize("where", ["fsync", "savez", "replace", "mkstemp"])
@pytest.mark.parametrize("old", [True, False])
def test_a_full_disk(results, where, old, tmp_path, monkeypatch):
    """The old file stays, no other is left, the message says what happened."""
    path = tmp_path / "run.npz"
    if old:
        results["dense"].save(path)
        before = path.read_bytes()
    target = {"fsync": "os.fsync", "savez": "numpy.savez", "replace": "os.replace",
              "mkstemp": "tempfile.mkstemp"}[where]
    monkeypatch.setattr(target, _write_some_then_full if where == "savez" else _full)
    with pytest.raises(OSError) as caught:
        results["markov"].save(path)
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert str(tmp_path) in str(caught.value) and "No space left on device" in str(caught.value)
    assert os.listdir(tmp_path) == (["run.npz"] if old else [])
    if old:
        assert path.read_bytes() == before
        assert_same(mf.load(path), results["dense"])


def test_a_file_that_may_not_grow(tmp_path):
    """The operating system itself refuses to write on, in the middle of the arrays."""
    resource = pytest.importorskip("resource")
    result = mf.train(mf.games.Drift(agents=2), mf.IQL(), encoder=mf.Grid(-1, 1, 50), steps=5)      # 200 kB and more
    path = tmp_path / "run.npz"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            result.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG and str(path) in str(caught.value)
    assert os.listdir(tmp_path) == ["run.npz"] and path.read_bytes() == b"old"


def test_interrupted_while_saving(results, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        results["markov"].save(tmp_path / "run.npz")
    assert os.listdir(tmp_path) == []


def test_the_data_is_on_the_disk_before_the_name_is(results, tmp_path, monkeypatch):
    """Flushed before it takes its place: else a power cut could leave an empty file under the name."""
    done = []
    real = {name: getattr(os, name) for name in ("fsync", "replace")}
    for name in real:
        monkeypatch.setattr(os, name, lambda *a, name=name: (done.append(name), real[name](*a))[1])
    results["markov"].save(tmp_path / "run.npz")
    assert done[:2] == ["fsync", "replace"]


@pytest.mark.parametrize("path", ["missing/run.npz", "."])
def test_where_nothing_can_be_written(results, path, tmp_path):
    with pytest.raises(OSError) as caught:
        results["markov"].save(tmp_path / path)
    assert str(tmp_path) in str(caught.value)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", [None, 3, b"run.npz\0"])
def test_paths_that_are_none(results, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for action in (results["markov"].save, mf.load):
        with pytest.raises((TypeError, ValueError)):
            action(path)
    assert os.listdir(tmp_path) == []


def test_a_potential_given_as_a_function_cannot_be_saved_and_says_so(tmp_path):
    """It says what to do instead, and leaves no file."""
    run = mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Grid(-1, 1, 2), steps=5,
                   shaping=mf.rewards.PotentialBased(lambda centres: centres[:, 0]))
    with pytest.raises(TypeError, match="potential.*function.*array"):
        run.save(tmp_path / "run.npz")
    assert os.listdir(tmp_path) == []


# -- files that are not whole --------------------------------------------------------------------

@pytest.mark.parametrize("name", ALL)
def test_truncated_anywhere(saved, name, tmp_path):
    whole, path = saved[name], tmp_path / "run.npz"
    lengths = sorted({*range(0, 64), *range(64, len(whole), 61), *range(len(whole) - 64, len(whole))})
    for length in lengths:
        path.write_bytes(whole[:length])
        assert_file_error(path)


@pytest.mark.parametrize("name", ALL)
def test_a_byte_changed_anywhere(results, saved, name, tmp_path):
    """Either it is refused, or nothing that counts was changed."""
    whole, path = saved[name], tmp_path / "run.npz"
    refused = 0
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1:])
        try:
            loaded = mf.load(path)
        except mf.FileError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refused += 1
        else:
            assert_same(loaded, results[name])
    assert refused > 0.7 * len(range(0, len(whole), 37))


@pytest.mark.parametrize("content", [
    b"", b"PK", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x93NUMPY", b"hello world\n", bytes(1000),
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }" + b" " * 60 + b"\n" + bytes(24),
    pickle.dumps({"a": 1}), json.dumps({"format": "marlfast result"}).encode(), b"[game]\nname = 'drift'\n",
], ids=lambda content: repr(content[:12]))
def test_files_of_another_kind(content, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    assert_file_error(path, "not a marlfast result")


def test_archives_of_another_kind(tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, x=np.arange(3), y=np.eye(2))
    assert_file_error(path, "not a marlfast result", "manifest")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest", "{}")
        archive.writestr("readme.txt", "hello")
    assert_file_error(path, "not a marlfast result")
    np.savez(path, manifest=np.arange(5.0))
    assert_file_error(path, "not a marlfast result")
    np.savez(path, manifest=np.array("text"))
    assert_file_error(path, "not a marlfast result")


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.npz: no such file"):
        mf.load(tmp_path / "missing.npz")
    with pytest.raises(mf.FileError, match="not the folder of a sweep") as caught:
        mf.load(tmp_path)
    assert str(tmp_path) in str(caught.value)


# -- files that were made to do harm -------------------------------------------------------------

def rewrite(content, path, change=None, **arrays):
    """A file like another, with a changed manifest (``change`` modifies it) or other arrays (None: left out)."""
    with np.load(io.BytesIO(content)) as archive:
        held = {name: archive[name] for name in archive.files}
    manifest = json.loads(bytes(held.pop("manifest")))
    if change is not None:
        manifest = change(manifest) or manifest
    held |= arrays
    held = {name: array for name, array in held.items() if array is not None}
    if isinstance(manifest, dict) and "sha256" in manifest:     # whoever means harm makes them fit
        manifest["sha256"] = {name: mf.files.checksum(np.ascontiguousarray(array)) for name, array in held.items()
                              if not array.dtype.hasobject}
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    np.savez(path, manifest=np.frombuffer(text, np.uint8), **held)


class Harm:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture
def harm(tmp_path):
    """What would create a file, and the file: the test's own proof that it would."""
    trace = tmp_path / "executed"
    pickle.loads(pickle.dumps(Harm(trace))).close()
    assert trace.exists()
    trace.unlink()
    return Harm(trace), trace


@pytest.mark.parametrize("name", ["manifest", "learner.q", "state", "encoder.used", "extra"])
def test_pickled_objects_are_refused_unexecuted(saved, harm, name, tmp_path):
    path = tmp_path / "run.npz"
    payload = np.array([harm[0]], dtype=object)
    if name == "manifest":
        with np.load(io.BytesIO(saved["rounded"])) as archive:
            held = {key: archive[key] for key in archive.files if key != "manifest"}
        np.savez(path, manifest=payload, **held)
    else:
        rewrite(saved["rounded"], path, **{name: payload})
    assert_file_error(path, "not a marlfast result" if name == "manifest" else "Python objects")
    assert not harm[1].exists()


def test_a_bare_pickle_is_refused_unexecuted(harm, tmp_path):
    path = tmp_path / "run.npz"
    for content in (pickle.dumps(harm[0]), pickle.dumps([harm[0]], protocol=0)):
        path.write_bytes(content)
        assert_file_error(path, "not a marlfast result")
    np.save(path, np.array([harm[0]], dtype=object))
    assert_file_error(path, "not a marlfast result")
    assert not harm[1].exists()


def test_a_pickle_among_the_members_is_refused_unexecuted(saved, harm, tmp_path):
    """A member that is no array at all, beside a sound result."""
    path = tmp_path / "run.npz"
    for member in ("extra", "extra.npy", "learner.q.pkl"):
        path.write_bytes(saved["rounded"])
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(member, pickle.dumps(harm[0]))
        assert_file_error(path)
        assert not harm[1].exists()


@pytest.mark.parametrize("header", [
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f8', 'fortran_order': False}", "{'descr': (", "[" * 5000, "__import__('os').system('true')",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "{'descr': '<f7', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': 5, 'fortran_order': False, 'shape': (1,)}", "", "\0\0\0\0",
], ids=lambda header: repr(header[:40]))
def test_hostile_headers(saved, header, tmp_path):
    """An array's header that asks for terabytes, or is no header."""
    path = tmp_path / "run.npz"
    text = header.encode() + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(io.BytesIO(saved["markov"])) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, member if name == "state.npy" else old.read(name))
    assert_file_error(path)


def _set(**values):
    return lambda manifest: manifest.update(values)


def _experiment(**values):
    return lambda manifest: manifest["experiment"].update(values)


def _drop(*keys):
    def change(manifest):
        for key in keys[:-1]:
            manifest = manifest[key]
        del manifest[keys[-1]]
    return change


def _part(part, **values):
    return lambda manifest: manifest["experiment"][part].update(values)


@pytest.mark.parametrize("change,words", [
    (_set(version=3, marlfast="9.9"), ["newer", "9.9", "3", "upgrade"]), (_set(version=10**30), ["newer"]),
    (_set(version="1"), []), (_set(version=None), []), (_set(version=1.5), []), (_set(version=0), ["version"]),
    (_set(version=-1), ["version"]), (_set(format="another"), ["not a marlfast result"]),
    (_set(format=None), ["not a marlfast result"]),
    (_drop("format"), ["not a marlfast result"]), (_drop("version"), []), (_drop("experiment"), ["experiment"]),
    (_drop("seconds"), ["manifest"]), (_drop("interrupted"), ["manifest"]), (_set(seconds="long"), ["manifest"]),
    (_set(seconds=float("nan")), ["manifest"]), (_set(seconds=-1.0), ["manifest"]), (_set(interrupted=1), ["manifest"]),
    (_set(experiment=None), ["experiment"]), (_set(experiment=[1, 2]), ["experiment"]),
    (_set(experiment={}), ["experiment"]),
    (lambda manifest: b"{", ["manifest"]), (lambda manifest: b"\xff\xfe", ["manifest"]), (lambda manifest: b"[]", []),
    (lambda manifest: b"[" * 100_000, ["manifest"]), (lambda manifest: b"null", ["not a marlfast result"]),
    (_drop("experiment", "game"), ["game"]), (_drop("experiment", "learner"), ["learner"]),
    (_experiment(colour="red"), ["colour"]), (_experiment(game="drfit"), ["drfit", "drift"]),
    (_part("game", name="drfit"), ["drfit", "drift"]), (_part("game", name=["drift"]), ["game"]),
    (_part("game", agents=-1), ["agents", "-1"]), (_part("game", agents=3), ["array"]),
    (_part("game", state_size=3), ["array"]),
    (_part("game", actions=4), ["initial_q"]),
    (_part("game", agents=float("inf")), ["agents"]), (_part("game", agents=float("nan")), ["agents"]),
    (_part("game", wind=3), ["wind"]), (_part("learner", name="ikl"), ["ikl", "iql"]),
    (_part("learner", learning_rate=7), ["learning_rate", "7"]), (_part("learner", share="some"), ["share", "some"]),
    (_part("learner", explore={"name": "greedy"}), ["greedy"]),
    (_part("learner", initial_q=[[1.0]] * 3), ["initial_q"]),
    (_part("learner", initial_q={"a": 1}), ["initial_q"]),
    (_part("encoder", name="grid"), ["encoder"]), (_part("encoder", decimals=99), ["decimals", "99"]),
    (_part("encoder", max_rows=0), ["max_rows", "0"]), (_part("rewards", name="selfish"), ["selfish"]),
    (_part("rewards", teams=[[0], [0]]), ["teams"]), (_part("rewards", teams=3), ["teams"]),
    (_experiment(shaping=[{"name": "variety"}]), ["variety"]), (_experiment(shaping=3), ["shaping"]),
    (_experiment(stop=[{"name": "never"}]), ["never"]), (_experiment(stop=[]), []),
    (_experiment(runs=0), ["runs", "0"]),
    (_experiment(runs=3), ["array"]), (_experiment(runs=2**31 - 1), ["array"]), (_experiment(seed=-1), ["seed", "-1"]),
    (_experiment(record_every=-1), ["record_every", "-1"]), (_experiment(first_run=2**32), ["first_run"]),
    (_experiment(steps=0), ["steps", "0"]),
])
def test_manifests_that_are_refused(saved, change, words, tmp_path):
    path = tmp_path / "run.npz"
    rewrite(saved["rounded"], path, change)
    assert_file_error(path, *words)


@pytest.mark.parametrize("bins", [2**40, 2**15, [30_000, 30_000]])
def test_manifests_that_ask_for_memory(saved, bins, tmp_path):
    """A table of terabytes is refused by comparing shapes, not by trying."""
    path = tmp_path / "run.npz"
    rewrite(saved["dense"], path, _part("encoder", bins=bins, low=-1.0, high=1.0))
    assert_file_error(path)


def test_a_return_window_that_asks_for_memory(saved, tmp_path):
    path = tmp_path / "run.npz"
    rewrite(saved["rounded"], path, _experiment(stop=[{"name": "return_reached", "value": 0.0, "window": 2**45}]))
    assert_file_error(path)


def test_a_manifest_that_is_sound_again_is_read(saved, results, tmp_path):
    """The helper of these tests changes nothing by itself."""
    for name in ALL:
        rewrite(saved[name], tmp_path / "run.npz")
        assert_same(mf.load(tmp_path / "run.npz"), results[name])


def tampered(result):
    """Arrays that do not fit: name, array."""
    held = in_use(result)
    held = {name: array for name, array in held.items() if name != "learner.greedy"}
    for name, array in held.items():
        yield f"{name} missing", {name: None}
        yield f"{name} of another type", {name: array.astype(np.float32 if array.dtype.kind == "f" else np.int16)}
        yield f"{name} big-endian", {name: array.astype(array.dtype.newbyteorder(">"))}
        yield f"{name} of one run more", {name: np.concatenate([array, array[:1]])}
        yield f"{name} flat", {name: array.ravel() if array.ndim > 1 else array[:, None]}
        yield f"{name} empty", {name: array[:0]}
        yield f"{name} as text", {name: array.astype(str)}
        if array.ndim > 1 and array.size and name not in ("recent",):
            yield f"{name} cut", {name: array[..., :-1]}
        if array.dtype.kind == "f" and array.size and name not in mf.files.ANY_NUMBER:
            for value in (np.nan, np.inf):
                bad = array.copy()
                bad.flat[-1] = value
                yield f"{name} with {value}", {name: bad}
    yield "an array more", {"extra": np.zeros(2)}
    yield "a derived array", {"learner.greedy": np.zeros((2, 1, 2), np.int32)}

    def put(name, value, at=-1):
        array = held[name].copy()
        array.flat[at] = value
        return {name: array}

    rows = int(result.used.max())
    for name, values in {
            "rows": (-1, rows, 2**31 - 1), "steps": (-1, -2**63, 2**63 - 1), "episodes": (-1, 2**62, 10**6),
            "episode_steps": (-1, -5, 2**63 - 1), "stable": (-1,), "run_numbers": (-1, 2**32, 7),
            "reason": (-1, 5, 63, 2000),
            "fault": (-2, 2, 100), "learner.visits": (-1,), "learner.rate.ticks": (-1,), "learner.epsilon.ticks": (-1,),
            "encoder.used": (-1, 0, rows + 1), "learner.rate.value": (-0.5, 1.5),
            "learner.epsilon.value": (-0.1, 1.1)}.items():
        for value in values:
            yield f"{name} with {value}", put(name, value)


def _tampered_cases():
    return [name for name, _ in tampered(mf.train(ROUNDED))]


@pytest.mark.parametrize("case", _tampered_cases())
def test_tampered_arrays(results, saved, case, tmp_path):
    path = tmp_path / "run.npz"
    arrays = dict(tampered(results["rounded"]))[case]
    rewrite(saved["rounded"], path, **arrays)
    assert_file_error(path)


def test_duplicate_keys(results, saved, tmp_path):
    """The same rounded observation in two rows."""
    keys = in_use(results["rounded"])["encoder.keys"].copy()
    keys[1, 1] = keys[1, 0]
    path = tmp_path / "run.npz"
    rewrite(saved["rounded"], path, **{"encoder.keys": keys})
    assert_file_error(path, "two rows")


def test_rows_of_a_run_beyond_those_it_uses(results, saved, tmp_path):
    """Row numbers are checked against the rows that the very run uses, not those of the run with most."""
    result = results["rounded"]
    used = result.used.tolist()
    run = int(np.argmin(used))
    assert used[run] < max(used)
    rows = result.arrays["rows"].copy()
    rows[run] = used[run]
    path = tmp_path / "run.npz"
    rewrite(saved["rounded"], path, rows=rows)
    assert_file_error(path)


def test_numbered_states_outside_the_game(saved, tmp_path):
    """A Markov game's state is a row number: out of range it must not be followed into the arrays."""
    path = tmp_path / "run.npz"
    for bad in (-1.0, 3.0, 1e300, np.nan):
        rewrite(saved["markov"], path, state=np.full((1, 1), bad))
        try:
            loaded = mf.load(path)
        except mf.FileError:
            continue
        # Read, it must not be played on.
        with pytest.raises(mf.TrainingError, match="observation"):
            mf.train(resume=loaded, episodes=3)


def test_tampered_tables_do_not_crash(saved, results, tmp_path):
    """Values that could have been learned are taken as they are."""
    path = tmp_path / "run.npz"
    q = in_use(results["markov"])["learner.q"]
    rewrite(saved["markov"], path, **{"learner.q": np.full_like(q, -1e300)})
    assert mf.train(resume=mf.load(path), episodes=3).episodes.tolist() == [12]


def test_an_error_of_training_can_be_saved(tmp_path):
    """What training kept when it failed goes to a file and back."""
    with pytest.raises(mf.TrainingError) as caught:
        mf.train(mf.games.Drift(agents=2, noise=9.0), mf.IQL(), encoder=mf.Rounding(0, max_rows=50), steps=500, runs=2)
    caught.value.result.save(tmp_path / "run.npz")
    assert_same(mf.load(tmp_path / "run.npz"), caught.value.result)
