"""Mutated files, handed to everything that reads one: results, policies, teams, experiment files and sweeps.

``python tests/fuzz/files.py FIRST COUNT [SECONDS]`` reads so many (or for so long) and prints how many there were, how
many were refused, the longest answer and the memory. Each is the same for the same number. A failure is: what is
neither read nor refused by a FileError (or ValueError) of one short line that names the file; an answer after more
than 5 s; more than twice the memory that the sound file takes; and a file changed by accident whose numbers are read
and differ from those that were saved. In a build with sanitizers: see ``sanitized.py``.
"""
import contextlib
import io
import json
import resource
import shutil
import struct
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:        # run as a script
    sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402

import marlfast as mf  # noqa: E402
from fuzz.limited import memory  # noqa: E402
from marlfast import files, sweeps, toml  # noqa: E402

MAX_SECONDS = 5.0
MEASURED_EVERY = 16         # of so many inputs, the memory of one is measured to the byte; of others, where it grows
AGAIN_EVERY = 8             # of so many changes of a sweep that is not finished, one is worked on again
SLACK = 2**18               # what errors and text of the interpreter take
ODD = [0, -1, 1, 2, 3, 10**6, 10**9, 2**31 - 1, 2**31, 2**62, 2**64, 10**30, 0.5, -0.0, 1e308, float("nan"),
       float("inf"), None, True, False, "", "x", "drift", "iql", "x" * 5000, [], [[]], [0] * 1000, {}, {"name": "iql"},
       {"name": "drift", "agents": 10**8}, "\0", "=1+1", 10**400, [1e308] * 3, {"function": "os.system"}]
ODD_TOML = ["1" * 5000, "[" * 3000, "{a = " * 3000, "nan", "-inf", "1e999", "'''", '"\\ud800"', "\ufeff", "\x00",
            "2020-01-01", "0x" + "f" * 40, "[[[]]]", "# " + "=" * 4000]


class Sample:
    """A sound file, and how it is read.

    Attributes
    ----------
    kind : str
        ``result``, ``policy``, ``team``, ``toml``; of a sweep, the file of its folder that is changed.
    data : bytes
    memory : int
        Most bytes at a time that reading it takes.
    """

    def __init__(self, kind, data, folder=None):
        self.kind, self.data, self.folder, self.memory, self.arrays, self.manifest = kind, data, folder, 0, {}, None
        if data[:2] == b"PK":
            with np.load(io.BytesIO(data)) as held:
                self.arrays = {name: held[name] for name in held.files}
            self.manifest = json.loads(bytes(self.arrays.pop("manifest", b"null")))

    def place(self, root):
        """Where its changed forms are written."""
        return root / self.folder / self.kind if self.folder else root / "file"

    def read(self, root, again=False):
        """Read it as everybody would; returns numbers that follow from it alone, by name."""
        path = self.place(root)
        if again:
            a_sweep(root / self.folder)
        if self.folder:
            return self._sweep(root / self.folder)
        if self.kind == "toml":
            return mf.Experiment.from_dict(toml.read(path)).to_dict()
        if self.kind == "policy":
            found = mf.Policy.load(path)
            return found._arrays()
        if self.kind == "team":
            return mf.Team.load(path)._result().arrays
        files.check(path)
        return mf.load(path, "numpy").arrays

    @staticmethod
    def _sweep(folder):
        sweeps.check(folder)
        found = mf.load(folder)
        columns = found.table() | found.curves()
        columns.pop("episodes")
        return {(int(run), name): column[row] for name, column in columns.items()
                for row, run in enumerate(found._there().numbers)}


def a_sweep(folder, keep=None):
    """Begin a small sweep, or go on with it."""
    mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over={"learner.discount": [0.0] if keep else [0.0, 0.9]},
             seeds=1 if keep else 2, seed=0, steps=50, out=folder, keep=keep, workers=1)


def samples(root):
    """Sound files of every kind; sweeps are made in a folder."""
    games = [(mf.games.Drift(agents=2, horizon=5), mf.Rounding(0)), (mf.games.Climbing(), None),
             (mf.games.Drift(agents=3), mf.Grid(-1, 1, 3))]
    learners = [mf.IQL(), mf.learners.SARSA(trace_decay=0.5), mf.learners.WoLFPHC(), mf.learners.DoubleQ()]
    found = []
    for k, (game, encoder) in enumerate(games):
        for learner in learners[: 4 - k]:
            run = mf.train(game, learner, encoder=encoder, steps=20, runs=2, seed=k)
            found.append(Sample("result", _saved(run, root)))
            found.append(Sample("toml", toml.dumps(run.experiment.to_dict()).encode()))
    found.append(Sample("policy", _saved(run.policy(0), root)))
    team = mf.Team(mf.IQL(), mf.games.Drift(agents=2), runs=2, seed=0, encoder=mf.Rounding(0))
    env = mf.games.Drift(agents=2).env(runs=2, seed=0)
    obs = env.reset()
    for _ in range(5):
        actions = team.act(obs)
        next_obs, *came = env.step(actions)
        team.update(obs, actions, came[0], next_obs, *came[1:])
        obs = next_obs
    found.append(Sample("team", _saved(team, root)))
    for folder, keep in (("whole", None), ("part", None), ("kept", "results")):
        a_sweep(root / folder, keep)
        if folder == "part":        # as it is before its end
            (root / folder / "table.csv").unlink()
            manifest = json.loads((root / folder / "sweep.json").read_text())
            (root / folder / "sweep.json").write_text(json.dumps(manifest | {"finished": None}))
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.stat().st_size:
                found.append(Sample(str(path.relative_to(root / folder)), path.read_bytes(), folder))
        shutil.copytree(root / folder, root / "spare" / folder)
    for sample in found:
        _measured(sample, root)
    return found


def _saved(thing, root):
    thing.save(root / "file")
    return (root / "file").read_bytes()


@contextlib.contextmanager
def _there(sample, data, root, again=False):
    """Have a file there in the place of a sound one."""
    path = sample.place(root)
    path.write_bytes(data)
    try:
        yield path
    finally:
        if again:
            shutil.rmtree(root / sample.folder)
            shutil.copytree(root / "spare" / sample.folder, root / sample.folder)
        else:
            path.write_bytes(sample.data)


def _measured(sample, root):
    """Read a sound file, and note what it takes and what numbers it has."""
    with _there(sample, sample.data, root):
        sample.read(root)               # what is set up once
        tracemalloc.start()
        sample.numbers = sample.read(root)
        sample.memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


# -- changes -----------------------------------------------------------------------------------------

def bytes_changed(rng, data):
    """Some bytes changed, cut out, put in or said twice."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at, how = int(rng.integers(0, len(data) + 1)), int(rng.integers(0, 5))
        if how == 0 and at < len(data):
            data[at] = int(rng.integers(0, 256))
        elif how == 1:
            del data[at:at + int(rng.integers(1, 64))]
        elif how == 2:
            data[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 16)), np.uint8))
        elif how == 3:
            data = data[:at]
        elif at < len(data) - 8:
            data[at:at + 8] = struct.pack("<q", int(rng.choice([0, -1, 2**31, 2**62, 255])))
    return bytes(data)


def value_changed(rng, value):
    """One place of plain values changed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = list(value)[int(rng.integers(len(value)))]
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: value_changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = int(rng.integers(len(value)))
        return [*value[:at], value_changed(rng, value[at]), *value[at + 1:]]
    return ODD[int(rng.integers(len(ODD)))]


def archive_changed(rng, sample):
    """A sound archive with another manifest, array, header or member; its checksums fit, as if by intent."""
    arrays, manifest = dict(sample.arrays), sample.manifest
    how, names = int(rng.integers(0, 5)), list(arrays)
    name = names[int(rng.integers(len(names)))] if names else "choices"
    if manifest is not None and (how == 0 or not names):
        manifest = value_changed(rng, manifest)
    elif how < 2:
        array = arrays[name].copy()
        if array.size and array.dtype.kind in "biuf":
            odd = [0, 1, -1, 127] if array.dtype.itemsize < 4 else [0, -1, 2**31 - 1, 5]
            with np.errstate(all="ignore"):
                odd = [np.nan, np.inf, -1e308, 0.0, -1.0, 2.0] if array.dtype.kind == "f" else odd
                one = np.array(odd[int(rng.integers(len(odd)))]).astype(array.dtype)
                array.flat[int(rng.integers(array.size))] = one
        arrays[name] = array
    elif how == 2:
        array = arrays[name]
        arrays[name] = [array[:0], array.astype(np.float32), array.ravel(), array[None], array.astype("U3"),
                        np.concatenate([array, array[:1]])][int(rng.integers(6))]
    elif how == 3:
        arrays.pop(name)
    if isinstance(manifest, dict) and "sha256" in manifest:
        manifest = manifest | {"sha256": {key: files.checksum(np.ascontiguousarray(a)) if a.dtype.kind in "biuf" else ""
                              for key, a in arrays.items()}}
    out = io.BytesIO()
    if manifest is not None:
        arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    np.savez(out, **arrays)
    if how == 4:
        return header_changed(rng, out.getvalue())
    if rng.random() < 0.1:
        inside = io.BytesIO()
        with zipfile.ZipFile(out) as source, zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as packed:
            for member in source.infolist():
                packed.writestr(member.filename, source.read(member))
        return inside.getvalue()
    return out.getvalue()


HEADERS = [(b"(", b"(0, 9223372036854775808, "), (b"(", b"(0, 4611686018427387904, "), (b"(", b"(-1, "),
           (b"(2", b"(4611686018427387904"), (b"(", b"(1, 1, 1, 1, 1, " * 3), (b"'<f8'", b"'|O'"), (b"'<f8'", b"'<U0'"),
           (b"'<i8'", b"'>i8'"), (b"'<f8'", b"'<c16'"), (b"'<f8'", b"'<M8[ns]'"), (b"'<i4'", b"'<f4'"),
           (b"'<f8'", b"[('a', '<f8')]"), (b"False", b"True"), (b"{", b"[" * 1000), (b"(2", b"(True"), (b"(2", b"(2.0"),
           (b"shape", b"shapes"), (b"(", b"(" + b"9" * 5000 + b", "), (b"'<f8'", b"'<f2'"), (b"'<f8'", b"'<V8'")]


def header_changed(rng, data):
    """An archive one of whose headers says something else; its member and checksum are made to fit."""
    old, new = HEADERS[int(rng.integers(len(HEADERS)))]
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as packed:
        chosen = int(rng.integers(len(source.infolist())))
        for k, member in enumerate(source.infolist()):
            content = source.read(member)
            if k == chosen or rng.random() < 0.2:
                ends = 10 + int.from_bytes(content[8:10], "little")
                header = content[10:ends].replace(old, new, 1)
                content = content[:8] + struct.pack("<H", len(header)) + header + content[ends:]
            packed.writestr(member.filename, content)
    return out.getvalue()


def toml_changed(rng, data):
    """An experiment file with another value, or text that no TOML is."""
    if rng.random() < 0.5:
        try:
            return toml.dumps(value_changed(rng, toml.loads(data.decode()))).encode()
        except (TypeError, ValueError, AttributeError):
            pass
    lines = data.decode().split("\n")
    at = int(rng.integers(len(lines)))
    key = lines[at].partition("=")[0]
    lines[at] = f"{key}= {ODD_TOML[int(rng.integers(len(ODD_TOML)))]}" if rng.random() < 0.8 else lines[at] * 2
    return "\n".join(lines).encode("utf-8", "replace")


def mutated(number, known):
    """(sample, bytes, whether it was changed by accident) of a number."""
    rng = np.random.default_rng(number)
    sample = known[number % len(known)]
    if rng.random() < 0.5 or sample.kind.endswith((".csv", ".jsonl")):
        return sample, bytes_changed(rng, sample.data), True
    if sample.kind == "toml":
        return sample, toml_changed(rng, sample.data), False
    if sample.kind.endswith(".json"):
        return sample, json.dumps(value_changed(rng, json.loads(sample.data))).encode(), False
    return sample, archive_changed(rng, sample), False


def resident(what):
    """A line of this process's status, in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(what))


def judged(number, known, root):
    """Read the file of a number: "read" or "refused"; an AssertionError says what is wrong with the answer."""
    sample, data, accident = mutated(number, known)
    most = 2 * sample.memory + 4 * max(len(data) - len(sample.data), 0) + SLACK
    again = sample.folder == "part" and number // len(known) % AGAIN_EVERY == 1
    with _there(sample, data, root, again) as path:
        exact = number // len(known) % MEASURED_EVERY == 0
        said, grown = _answer(sample, root, path, accident, exact, again)
        if again:
            return said
        if grown > most:            # of the process as a whole, or with what is imported once: what is this file's?
            said, grown = _answer(sample, root, path, accident, True)
    assert grown <= most, f"{grown:,} bytes, {sample.memory:,} if sound"
    return said


def _answer(sample, root, path, accident, exact, again=False):
    """"read" or "refused", and the bytes that it took."""
    if exact:
        tracemalloc.start()
    elif sys.platform == "linux":
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")       # the greatest size is that of now
    begun = time.process_time()
    try:
        try:
            numbers, said = sample.read(root, again), "read"
        finally:
            seconds = time.process_time() - begun
            if exact:
                grown = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            else:
                grown = resident("VmHWM") - before if sys.platform == "linux" else 0
    except (mf.FileError, ValueError, TypeError, MemoryError) as error:
        text, said, named = str(error), "refused", str(root / sample.folder) if sample.folder else str(path)
        assert sample.kind == "toml" or named in text and isinstance(error, mf.FileError), (type(error), text)
        assert "\n" not in text and len(text) < 600 + len(str(path)), text
        assert not isinstance(error, MemoryError) or "than there is" in text or " GB" in text or "bytes" in text, text
    else:
        assert not accident or sample.kind == "toml" or _same(sample, numbers, again), "other numbers were read"
    assert seconds < MAX_SECONDS, f"{seconds:.1f} s"
    return said, grown


def _same(sample, numbers, whole):
    """Whether numbers are those of the sound file; of a sweep that is not whole, those of the runs that are there."""
    names = numbers.keys() if sample.folder and not whole else sample.numbers.keys() | numbers.keys()
    return all(name in sample.numbers and name in numbers
               and np.array_equal(numbers[name], sample.numbers[name], np.asarray(numbers[name]).dtype.kind == "f")
               for name in names)


def main(first, count, seconds=None):
    """Read mutated files; prints how many there were, and returns how many failed."""
    warnings.simplefilter("ignore")
    quick = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=quick if quick.is_dir() else None) as folder:
        root = Path(folder)
        known = samples(root)
        with memory():
            return _tried(first, count, seconds, known, root)


def _tried(first, count, seconds, known, root):
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    counts, failed, slowest, number = {"read": 0, "refused": 0}, [], (0.0, None), first
    while number < first + count and (seconds is None or time.monotonic() - begun < seconds):
        at = time.process_time()
        try:
            counts[judged(number, known, root)] += 1
        except Exception as error:
            failed.append(number)
            if len(failed) <= 20:
                sample = known[number % len(known)]
                print(f"file {number} ({sample.folder or ''} {sample.kind}): {type(error).__name__}: "
                      f"{str(error)[:300]}", flush=True)
                traceback.print_exc()
        slowest = max(slowest, (time.process_time() - at, number))
        number += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{number - first} mutated files from {first} on: {counts['read']} read, {counts['refused']} refused, "
          f"{len(failed)} failed {failed[:20]}; the longest answer took {slowest[0]:.2f} s ({slowest[1]}); memory grew "
          f"by {grown:.0f} MB")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
