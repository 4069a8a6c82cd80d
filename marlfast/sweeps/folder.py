"""The folder of a sweep: what is done of it, in files that are whole or not there.

========================  =============================================================================
``sweep.json``            what is swept over what; written first
``chunks/LO-HI.npz``      runs LO to HI in the order of the plan; once all are there they become
``table.csv``             a row per run
``table.npz``             the same as arrays; written last, so that it says that the sweep is finished
``curves.npz``            learning curves
``results/RUN.npz``       with ``keep="results"``: the result of each run
``shard-I-of-N/``         with shards: a folder like this one for each, without the last four
``log.jsonl``             when what was trained, and what failed; the only file with times in it
========================  =============================================================================
"""
import contextlib
import json
import time
from pathlib import Path

import numpy as np

from marlfast.errors import FileError, shown
from marlfast.files import as_it_was, write_atomically
from marlfast.sweeps.plan import Plan
from marlfast.sweeps.points import plain
from marlfast.sweeps.tables import consolidate, csv_text, table
from marlfast.sweeps.work import join

FORMAT, VERSION = "marlfast sweep", 2
_OURS = ("sweep.json", "log.jsonl", ".lock", "chunks", "results")


def manifest_of(plan, how, shard):
    """What ``sweep.json`` says: all that the numbers depend on."""
    from marlfast import __version__

    measure = how["measure"]
    return {"format": FORMAT, "version": VERSION, "marlfast": __version__, "numpy": np.__version__,
            "experiment": plan.changes.experiment.to_dict(),
            "over": {name: plain(values) for name, values in zip(plan.names, plan.values, strict=True)},
            "points": plan.index.tolist() if how["sampled"] else None, "seeds": plan.seeds, "bins": how["bins"],
            "measure": None if measure is None else f"{getattr(measure, '__module__', '')}."
                                                    f"{getattr(measure, '__qualname__', type(measure).__qualname__)}",
            "keep": how["keep"], "shard": list(shard) if shard else None}


class Folder:
    """A sweep's folder, locked while it is open.

    Parameters
    ----------
    path : str or path-like
    manifest : dict
        Of the sweep that is to be here.
    merging : bool
        Whether its shards may stand in it.
    """

    def __init__(self, path, manifest, merging=False):
        self.path, self.manifest, self.merging = Path(path), manifest, merging
        self._lock = None

    def __enter__(self):
        self._look()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path / ".lock")
        except OSError as error:
            raise OSError(error.errno, f"out: cannot write in {self.path}: {error.strerror}") from None
        if self._lock is None:
            raise ValueError(f"out: another sweep is at work in {self.path}; wait for it, or choose another folder")
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._lock.close()

    def _look(self):
        """Refuse a place that holds something else, before anything is written there."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ValueError(f"out: {self.path} is a file; give a folder")
        if (self.path / "sweep.json").exists():
            _compare(self.path, read_manifest(self.path), self.manifest)
            return
        shards = {p.name for p in self.path.glob("shard-*-of-*")}
        if shards and not self.merging:
            raise ValueError(f"out: {self.path} holds shards; put them together by: marlfast merge {self.path}")
        others = sorted(p.name for p in self.path.iterdir()
                        if p.name not in _OURS and p.name not in shards and not _is_part(p))
        if others:
            raise ValueError(f"out: {self.path} holds something else ({', '.join(others[:3])}"
                             f"{' and more' if len(others) > 3 else ''}); choose a new or an empty folder")

    def _begin(self):
        for folder in (self.path, self.path / "chunks", self.path / "results"):
            for part in folder.glob(".*.part"):     # what a killed process was writing
                part.unlink(missing_ok=True)
        if (self.path / "sweep.json").exists():
            _compare(self.path, read_manifest(self.path), self.manifest)
        else:
            text = json.dumps(self.manifest, allow_nan=False)
            write_atomically(self.path / "sweep.json", lambda file: file.write(text.encode()))

    @property
    def finished(self):
        """Whether all runs are in the table."""
        return (self.path / "table.npz").exists()

    def done(self):
        """Stretches of the plan's order whose chunks are there: list of (lo, hi)."""
        return [(lo, hi) for lo, hi, _ in chunks(self.path)]

    def add(self, lo, hi, arrays, results):
        """Write a chunk; from then on its runs are done."""
        for run, content in results.items():
            (self.path / "results").mkdir(exist_ok=True)
            _put(self.path / "results" / f"{run:08d}.npz", content)
        (self.path / "chunks").mkdir(exist_ok=True)
        write_atomically(self.path / "chunks" / f"{lo:08d}-{hi:08d}.npz", lambda file: np.savez(file, **arrays))

    def note(self, **entry):
        """Add a line to the log, which may be lost: nothing depends on it."""
        with contextlib.suppress(OSError), open(self.path / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **entry}) + "\n")

    def finish(self, plan):
        """Put the chunks together."""
        if not self.finished:
            write_whole(self.path, plan, join([_read(path) for *_, path in chunks(self.path)]), self.manifest)
        for *_, path in chunks(self.path):
            path.unlink()
        with contextlib.suppress(OSError):
            (self.path / "chunks").rmdir()


def write_whole(path, plan, arrays, manifest):
    """The files of a finished sweep, the one that says so last."""
    arrays, curves = consolidate(arrays, plan.changes.experiment.record_every)
    if len(arrays["run"]) != plan.total or (arrays["run"] != np.arange(plan.total)).any():
        raise FileError(f"{path}: its chunks do not hold every run once; delete the folder, and sweep again")
    columns = csv_text(table(plan, arrays))
    write_atomically(path / "curves.npz", lambda file: np.savez(file, **curves))
    write_atomically(path / "table.csv", lambda file: file.write(columns.encode()))
    write_atomically(path / "table.npz", lambda file: np.savez(file, **arrays))


def read_manifest(path):
    """What ``sweep.json`` of a folder says."""
    try:
        manifest = json.loads((Path(path) / "sweep.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        if any(Path(path).glob("shard-*-of-*")):
            raise FileError(f"{path}: holds shards that are not put together yet; do so by: marlfast merge {path}") \
                from None
        raise FileError(f"{path}: not the folder of a sweep (it has no sweep.json)") from None
    except (ValueError, UnicodeDecodeError):
        raise FileError(f"{path}: not the folder of a sweep (its sweep.json cannot be read)") from None
    wanted = {"format", "version", "marlfast", "numpy", "experiment", "over", "points", "seeds", "bins", "measure",
              "keep", "shard"}
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if version is None or manifest.get("format") != FORMAT or not isinstance(version, int):
        raise FileError(f"{path}: not the folder of a sweep (its sweep.json is of another kind)")
    if version > VERSION:
        raise FileError(f"{path}: written by a newer marlfast ({manifest.get('marlfast')}, file version {version}); "
                        f"this one reads up to version {VERSION}: upgrade marlfast")
    if not wanted <= set(manifest):
        raise FileError(f"{path}: its sweep.json is incomplete")
    return manifest | {"experiment": as_it_was(manifest["experiment"], version)}


def _compare(path, theirs, ours):
    """Refuse to go on with another sweep, or with other software."""
    for what in ("marlfast", "numpy"):
        if theirs[what] != ours[what]:
            raise FileError(f"{path}: begun with {what} {theirs[what]}, this is {ours[what]}, whose numbers may "
                            f"differ; go on with {what}=={theirs[what]}, or sweep into another folder")
    different = _difference(theirs, json.loads(json.dumps(ours)))
    if different:
        where, one, other = different
        raise FileError(f"{path}: holds another sweep ({where} is {shown(one)} there and {shown(other)} here); choose "
                        "another folder, or delete that one")


def _difference(one, other, where=""):
    """The first place in which plain values differ: (where, one, other), or None."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            found = _difference(one.get(key), other.get(key), f"{where}.{key}" if where else key)
            if found:
                return found
        return None
    return None if one == other and type(one) is type(other) else (where, one, other)


def chunks(path):
    """(lo, hi, file) of every chunk in a folder, in order."""
    found = []
    for file in sorted((Path(path) / "chunks").glob("*-*.npz")):
        lo, _, hi = file.stem.partition("-")
        if not lo.isdecimal() or not hi.isdecimal():
            raise FileError(f"{file}: not a chunk of a sweep; delete it")
        found.append((int(lo), int(hi), file))
    found.sort()
    for (_, end, _), (begin, _, file) in zip(found, found[1:], strict=False):
        if begin < end:
            raise FileError(f"{file}: overlaps with the chunk before it; delete one of them, and sweep again")
    return found


def _read(path):
    try:
        # The file is ours, so that it is closed whatever is wrong with it.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except OSError:
        raise
    except Exception as error:
        raise FileError(f"{path}: is damaged ({type(error).__name__}); delete it, and run the sweep again") from None


def read_arrays(path):
    """Arrays of all runs that are there, in any order; None if there are none yet."""
    path = Path(path)
    if (path / "table.npz").exists():
        return _read(path / "table.npz")
    parts = [_read(file) for *_, file in chunks(path)]
    return join(parts) if parts else None


def plan_of(manifest, game=None):
    """The plan that a manifest tells of."""
    from marlfast.experiment import Experiment
    from marlfast.registry import functions_of

    values = manifest["experiment"]
    if game is not None:
        values = {**values, "game": game}
    elif functions_of(values["game"]):
        raise FileError("its game has functions of its own, which a file cannot hold; give the game too: "
                        "load(folder, game=game)")
    try:
        experiment = Experiment.from_dict(values)
        names = list(manifest["over"])
        if manifest["points"] is None:
            sizes = [len(manifest["over"][name]) for name in names]
            index = np.stack(np.unravel_index(np.arange(np.prod(sizes, dtype=np.int64)), sizes), axis=1) \
                if sizes else np.zeros((1, 0))
        else:
            index = np.array(manifest["points"])
        index = index.astype(np.int32).reshape(len(index), len(names))
        return Plan(experiment, manifest["over"], index, manifest["seeds"], manifest["shard"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"its sweep cannot be made again: {error}") from None


def merge(folder, shards=None, game=None):
    """Put the shards of a sweep together: the folder is then as if one machine had done it all.

    Parameters
    ----------
    folder : str or path-like
        Where the whole is to be.
    shards : sequence of str or path-like, optional
        Folders of the shards. Default: all ``shard-I-of-N`` in ``folder``.
    game : Game, optional
        Needed where it has functions of its own.

    Returns
    -------
    Sweep
        The whole.

    Raises
    ------
    FileError
        Shards that overlap, are missing or are not finished, or that are not of one sweep.

    See Also
    --------
    sweep : Makes shards, with ``shard="i/n"``.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import sweeps
    >>> game, over = mf.games.PrisonersDilemma(), {"learner.learning_rate": [0.1, 0.5]}
    >>> for shard in ("1/2", "2/2"):
    ...     _ = mf.sweep(game, mf.IQL(), over=over, seeds=3, seed=0, steps=50, out="parts", shard=shard)
    >>> sweeps.merge("parts").missing
    0
    """
    from marlfast.sweeps.results import load

    folder = Path(folder)
    paths = [Path(p) for p in shards] if shards is not None else [
        p.parent for p in folder.glob("shard-*-of-*/sweep.json")]
    if not paths:
        raise FileError(f"{folder}: has no shards; give their folders, or make them by: marlfast sweep --shard 1/8")
    found = {}
    for path in paths:
        manifest = read_manifest(path)
        if manifest["shard"] is None:
            raise FileError(f"{path}: is no shard, but a whole sweep")
        i, n = manifest["shard"]
        found.setdefault((n, i), []).append((path, manifest))
    (first_path, first), *_ = found[min(found)]
    for (n, i), many in sorted(found.items()):
        if len(many) > 1:
            raise FileError(f"shards overlap: {many[0][0]} and {many[1][0]} are both shard {i}/{n}; leave one out")
        path, manifest = many[0]
        if n != first["shard"][1]:
            raise FileError(f"shards overlap: {first_path} is one of {first['shard'][1]}, {path} one of {n}; give "
                            "those of one division")
        _compare(path, {**manifest, "shard": None}, {**first, "shard": None})
    n = first["shard"][1]
    missing = [str(i) for i in range(1, n + 1) if (n, i) not in found]
    if missing:
        raise FileError(f"shards are missing: {', '.join(missing[:8])}{' and more' if len(missing) > 8 else ''} of {n}")
    whole = {**first, "shard": None}
    plan, parts = plan_of(whole, game), []
    with Folder(folder, whole, merging=True) as place:
        if not place.finished:
            for (_, i), [(path, manifest)] in sorted(found.items()):
                shard = plan_of(manifest, game)
                there = sum(hi - lo for lo, hi, _ in chunks(path))
                if there < shard.hi - shard.lo:
                    raise FileError(f"{path}: shard {i}/{n} is not finished, {there:,} of {shard.hi - shard.lo:,} runs "
                                    "are there; run it again, and it goes on")
                parts.append(read_arrays(path))
                for file in sorted((path / "results").glob("*.npz")):
                    (folder / "results").mkdir(exist_ok=True)
                    _put(folder / "results" / file.name, file.read_bytes())
            write_whole(folder, plan, join([part for part in parts if part is not None]), whole)
    return load(folder, game)


def _put(path, content):
    write_atomically(path, lambda file: file.write(content))


def _is_part(path):
    return path.name.startswith(".") and path.name.endswith(".part")


def _locked(path):
    """The open lock file, or None where another process holds it. The lock ends with the process, however it ends."""
    file = open(path, "a+b")
    try:
        try:
            import fcntl
        except ImportError:
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if isinstance(error, (BlockingIOError, PermissionError)):
            return None
        raise
    return file
