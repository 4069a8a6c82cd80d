"""Mutated files, handed to everything that reads one: results, policies and experiment files.

``python tests/fuzz/files.py FIRST COUNT [SECONDS]`` reads so many (or for so long) and prints how many there were, how
many were refused, the longest answer and the memory. Each is the same for the same number. What is neither read nor
refused by a FileError (or ValueError) of one short line that names the file is a failure, as is an answer after more
than 5 s. In a build with sanitizers: see ``sanitized.py``.
"""
import io
import json
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:        # run as a script
    sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402

import marlfast as mf  # noqa: E402
from marlfast import files, toml  # noqa: E402

MAX_SECONDS = 5.0
ODD = [0, -1, 1, 2, 3, 10**6, 10**9, 2**31 - 1, 2**31, 2**62, 2**64, 10**30, 0.5, -0.0, 1e308, float("nan"),
       float("inf"), None, True, False, "", "x", "drift", "iql", "x" * 5000, [], [[]], [0] * 1000, {}, {"name": "iql"},
       {"name": "drift", "agents": 10**8}, "\0", "=1+1", 10**400, [1e308] * 3, {"function": "os.system"}]
ODD_TOML = ["1" * 5000, "[" * 3000, "{a = " * 3000, "nan", "-inf", "1e999", "'''", '"\\ud800"', "\ufeff", "\x00",
            "2020-01-01", "0x" + "f" * 40, "[[[]]]", "# " + "=" * 4000]


def samples():
    """(how it is read, bytes of a sound file) of every kind."""
    games = [(mf.games.Drift(agents=2, horizon=5), mf.Rounding(0)), (mf.games.Climbing(), None),
             (mf.games.Drift(agents=3), mf.Grid(-1, 1, 3))]
    learners = [mf.IQL(), mf.learners.SARSA(trace_decay=0.5), mf.learners.WoLFPHC(), mf.learners.DoubleQ()]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        return _saved(found, games, learners, Path(folder))


def _saved(found, games, learners, folder):
    for k, (game, encoder) in enumerate(games):
        for learner in learners[: 4 - k]:
            run = mf.train(game, learner, encoder=encoder, steps=20, runs=2, seed=k)
            run.save(folder / "a.npz")
            found.append(("result", (folder / "a.npz").read_bytes()))
            found.append(("toml", toml.dumps(run.experiment.to_dict()).encode()))
    run.policy(0).save(folder / "p.npz")
    found.append(("policy", (folder / "p.npz").read_bytes()))
    return found


def read(kind, path):
    """Read a file as everybody would."""
    if kind == "toml":
        return mf.Experiment.from_dict(toml.read(path))
    files.check(path)
    return mf.Policy.load(path) if kind == "policy" else mf.load(path, "numpy")


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


def archive_changed(rng, data):
    """A sound archive with another manifest, array, header or member; its checksums fit, as if by intent."""
    with np.load(io.BytesIO(data)) as held:
        arrays = {name: held[name] for name in held.files}
    manifest = json.loads(bytes(arrays.pop("manifest")))
    how, names = int(rng.integers(0, 4)), list(arrays)
    name = names[int(rng.integers(len(names)))] if names else "choices"
    if how == 0 or not names:
        manifest = value_changed(rng, manifest)
    elif how == 1:
        array = arrays[name].copy()
        if array.size:
            odd = [0, 1, -1, 127] if array.dtype.itemsize < 4 else [0, -1, 2**31 - 1, 5]
            with np.errstate(all="ignore"):
                odd = [np.nan, np.inf, -1e308, 0.0, -1.0, 2.0] if array.dtype.kind == "f" else odd
                array.flat[int(rng.integers(array.size))] = odd[int(rng.integers(len(odd)))]
        arrays[name] = array
    elif how == 2:
        array = arrays[name]
        arrays[name] = [array[:0], array.astype(np.float32), array.ravel(), array[None], array.astype("U3"),
                        np.concatenate([array, array[:1]])][int(rng.integers(6))]
    else:
        arrays.pop(name)
    if isinstance(manifest, dict) and "sha256" in manifest:
        manifest["sha256"] = {key: files.checksum(np.ascontiguousarray(a)) if a.dtype.kind in "biuf" else ""
                              for key, a in arrays.items()}
    out = io.BytesIO()
    np.savez(out, manifest=np.frombuffer(json.dumps(manifest).encode(), np.uint8), **arrays)
    if rng.random() < 0.1:
        inside = io.BytesIO()
        with zipfile.ZipFile(out) as source, zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as packed:
            for member in source.infolist():
                packed.writestr(member.filename, source.read(member))
        return inside.getvalue()
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
    """(how it is read, bytes) of a number."""
    rng = np.random.default_rng(number)
    kind, data = known[number % len(known)]
    if rng.random() < 0.5:
        return kind, bytes_changed(rng, data)
    return kind, toml_changed(rng, data) if kind == "toml" else archive_changed(rng, data)


def judged(number, known, path):
    """Read the file of a number: "read" or "refused"; an AssertionError says what is wrong with the answer."""
    kind, data = mutated(number, known)
    path.write_bytes(data)
    begun = time.monotonic()
    try:
        read(kind, path)
        said = "read"
    except (mf.FileError, ValueError, TypeError, MemoryError) as error:
        text = str(error)
        assert kind == "toml" or str(path) in text and isinstance(error, mf.FileError), (type(error), text)
        assert "\n" not in text and len(text) < 600 + len(str(path)), text
        assert not isinstance(error, MemoryError) or "than there is" in text or " GB" in text or "bytes" in text, text
        said = "refused"
    assert time.monotonic() - begun < MAX_SECONDS, f"{time.monotonic() - begun:.1f} s"
    return said


def main(first, count, seconds=None):
    """Read mutated files; prints how many there were, and returns how many failed."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        return _tried(first, count, seconds, samples(), Path(folder) / "file")


def _tried(first, count, seconds, known, path):
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    counts, failed, slowest, number = {"read": 0, "refused": 0}, [], (0.0, None), first
    while number < first + count and (seconds is None or time.monotonic() - begun < seconds):
        at = time.monotonic()
        try:
            counts[judged(number, known, path)] += 1
        except Exception as error:
            failed.append(number)
            if len(failed) <= 20:
                print(f"file {number} ({known[number % len(known)][0]}): {type(error).__name__}: {str(error)[:300]}")
                traceback.print_exc()
        slowest = max(slowest, (time.monotonic() - at, number))
        number += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{number - first} mutated files from {first} on: {counts['read']} read, {counts['refused']} refused, "
          f"{len(failed)} failed {failed[:20]}; the longest answer took {slowest[0]:.2f} s ({slowest[1]}); memory grew "
          f"by {grown:.0f} MB")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
