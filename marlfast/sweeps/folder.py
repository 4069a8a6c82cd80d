"""The folder of a sweep: what is done of it, in files that are whole or not there.

========================  =============================================================================
``sweep.json``            what is swept over what; written first, and once more when all is done, with checksums
``chunks/LO-HI.npz``      runs LO to HI in the order of the plan; of a finished sweep, always the same ones
``table.csv``             a row per run, when all are there; or ``table.parquet``
``table/LO-HI.parquet``   with ``table="parquet"``, the rows of a chunk until then
``results/RUN.npz``       with ``keep="results"``: the result of each run
``running/LO-HI.npz``     what runs that take long have learned so far
``damaged/``              files that were not whole, set aside under their names
``shard-I-of-N/``         with shards: a folder like this one for each, without a table
``log.jsonl``             when what was trained, and what failed; the only file with times in it
========================  =============================================================================
"""
import contextlib
import json
import os
import time
import zlib
from pathlib import Path

from marlfast.disk import write_atomically
from marlfast.errors import FileError
from marlfast.sweeps import chunks as chunks_of
from marlfast.sweeps.manifest import compare, identity, plan_of, read_manifest
from marlfast.sweeps.old import OldStore
from marlfast.sweeps.store import Store
from marlfast.sweeps.tables import Table

TABLES = {"csv": "table.csv", "parquet": "table.parquet"}
_OURS = ("sweep.json", "log.jsonl", ".lock", "chunks", "results", "running", "damaged", "table")


class Folder:
    """A sweep's folder, locked while it is open.

    Parameters
    ----------
    path : str or path-like
    plan : Plan
    manifest : dict
        Of the sweep that is to be here.
    table : {"csv", "parquet"}
    merging : bool
        Whether its shards may stand in it.
    warn : callable
        Is told, in a sentence, what was set aside.
    """

    def __init__(self, path, plan, manifest, table="csv", merging=False, warn=None):
        self.path, self.plan, self.manifest = Path(path), plan, manifest
        self.table, self.merging, self.warn = table, merging, warn or (lambda text: None)
        self.identity, self.facts, self.first, self.chunks = identity(manifest), None, None, []
        self._lock, self._cut = None, {}

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

    # -- what stands there ----------------------------------------------------------------------

    def _look(self):
        """Refuse a place that holds something else, before anything is written there."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ValueError(f"out: {self.path} is a file; give a folder")
        if (self.path / "sweep.json").exists():
            compare(self.path, read_manifest(self.path), self.manifest)
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
        for folder in ("", "chunks", "results", "running", "table"):
            for part in (self.path / folder).glob(".*.part"):       # what a killed process was writing
                part.unlink(missing_ok=True)
        if (self.path / "sweep.json").exists():
            there = read_manifest(self.path)
            compare(self.path, there, self.manifest)
            self.manifest = {**self.manifest, **{key: there[key] for key in ("marlfast", "finished")}}
        else:
            self._say(None)
        self.old = (self.path / "table.npz").exists()       # of a finished sweep of 0.1, which is left as it is
        if self.old:
            try:
                OldStore(self.path, self.plan).read(("run",), [0])
            except FileError as error:
                self.old = False
                self._aside(self.path / "table.npz", str(error).partition("(")[2].rpartition(")")[0])
        if not self.old:
            self._take_stock()

    def _say(self, finished):
        """Write ``sweep.json``."""
        self.manifest = {**self.manifest, "finished": finished}
        said = {key: value for key, value in self.manifest.items() if value is not None or key != "finished"}
        text = json.dumps(said, allow_nan=False)
        write_atomically(self.path / "sweep.json", lambda file: file.write(text.encode()))

    def _take_stock(self):
        """Look at every chunk that is there, and set aside what is not whole."""
        found, odd = chunks_of.listed(self.path)
        known = (self.manifest.get("finished") or {"files": {}})["files"]
        for path in odd:
            self._aside(path, "its name is not that of a chunk")
        for lo, hi, path in found:
            _, checksum_there = known.get(f"chunks/{path.name}", (0, None))
            try:
                arrays = chunks_of.checked(self.plan, self.identity, lo, hi, path, checksum_there)
            except chunks_of.Damaged as error:
                self._aside(path, str(error).partition("(")[2].rpartition(")")[0])
                continue
            self._count(lo, hi, path, arrays)
        for name in TABLES.values():
            path = self.path / name
            if name in known and path.exists() and checksum(path) != known[name]:
                self._aside(path, "its checksum is another")
        if known and self.missing():
            self._say(None)                     # it is finished no more

    def _aside(self, path, why):
        place = self.path / "damaged"
        place.mkdir(exist_ok=True)
        name, k = path.name, 1
        while (place / name).exists():
            k += 1
            name = f"{path.stem}-{k}{path.suffix}"
        path.rename(place / name)
        self.note(damaged=str(path.relative_to(self.path)), why=why)
        self.warn(f"{path}: is damaged ({why}); it was set aside as {place / name}, and is made again")

    def _count(self, lo, hi, path, arrays):
        self.facts = chunks_of.together(self.facts, chunks_of.facts_of(arrays), path, self.first)
        self.first = self.first or path
        self.chunks.append((lo, hi, path))

    @property
    def finished(self):
        """Whether all runs are there, and the table that is asked for."""
        if self.old:
            return True
        known = (self.manifest.get("finished") or {"files": {}})["files"]
        return TABLES[self.table] in known and (self.path / TABLES[self.table]).exists() and not self.missing()

    def missing(self):
        """Stretches of the plan's order that are not there: list of (lo, hi)."""
        return self.plan.missing([(piece.lo, piece.hi) for piece in chunks_of.cover(self.chunks)])

    def running(self):
        """Stretches that are not done, and of which something was kept when the sweep ended: list of (lo, hi)."""
        missing, at, found = self.missing(), 0, []
        for lo, hi, path in chunks_of.listed(self.path, "running")[0]:
            if lo >= at and any(a <= lo and hi <= b for a, b in missing):
                found.append((lo, hi))
                at = hi
            else:
                path.unlink(missing_ok=True)
        return found

    # -- what is added --------------------------------------------------------------------------

    def add(self, lo, hi, arrays, results):
        """Write a chunk; from then on its runs are done."""
        path = self.path / "chunks" / f"{chunks_of.name_of(lo, hi)}.npz"
        facts = chunks_of.together(self.facts, chunks_of.facts_of(arrays), path, self.first)
        for run, content in results.items():
            (self.path / "results").mkdir(exist_ok=True)
            put(self.path / "results" / f"{run:08d}.npz", content)
        path.parent.mkdir(exist_ok=True)
        put(path, chunks_of.content(self.identity, lo, hi, arrays))
        self.facts, self.first = facts, self.first or path
        self.chunks.append((lo, hi, path))
        for a, b, path in chunks_of.listed(self.path, "running")[0]:
            if lo <= a and b <= hi:
                path.unlink(missing_ok=True)
        if self.table == "parquet":
            place = self.path / "table"
            place.mkdir(exist_ok=True)
            part = Table(Store(self.plan, [(lo, hi, path)], self.identity))
            write_atomically(place / f"{chunks_of.name_of(lo, hi)}.parquet", part.write_parquet)

    def note(self, **entry):
        """Add a line to the log, which may be lost: nothing depends on it."""
        with contextlib.suppress(OSError), open(self.path / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **entry}) + "\n")

    # -- the end --------------------------------------------------------------------------------

    def finish(self, chunks=None):
        """Cut the chunks anew, at places that depend on the plan alone, and write the table.

        Parameters
        ----------
        chunks : list of (int, int, Path), optional
            From other folders: those of shards.
        """
        if self.old or chunks is None and self.finished:
            return
        rows, plan = chunks_of.part_rows(self.plan, self.manifest["bins"]), self.plan
        if chunks is None:                      # again, after the disk was full: some are spent
            self.chunks = [chunk for chunk in set(self.chunks) if chunk[2].exists()]
        source = Store(plan, chunks or self.chunks, self.identity, self.facts)
        known, whole = self._cut, []
        spent = sorted(self.chunks, key=lambda chunk: chunk[1]) if chunks is None else []
        (self.path / "chunks").mkdir(exist_ok=True)
        for lo in range(plan.lo, plan.hi, rows):
            hi = min(lo + rows, plan.hi)
            path = self.path / "chunks" / f"{chunks_of.name_of(lo, hi)}.npz"
            if f"chunks/{path.name}" not in known:
                content = self._part(source, lo, hi)
                put(path, content)
                known[f"chunks/{path.name}"] = chunks_of.checksum(content)
                self.chunks.append((lo, hi, path))
            whole.append((lo, hi, path))
            while spent and spent[0][1] <= hi:
                _, _, old = spent.pop(0)
                if old != path:
                    old.unlink(missing_ok=True)
        self.chunks = whole
        name = TABLES[self.table]
        table = Table(Store(plan, whole, self.identity, self.facts))
        write_atomically(self.path / name, table.write_csv if self.table == "csv" else table.write_parquet)
        known[name] = checksum(self.path / name)
        for other in set(TABLES.values()) - {name}:
            if (self.path / other).exists():
                known[other] = checksum(self.path / other)
        self._say({"facts": self.facts, "files": known})
        for folder in ("table", "running"):
            _remove(self.path / folder)

    def _part(self, source, lo, hi):
        """The content of a chunk of a finished sweep."""
        names = [*chunks_of.FIXED, *(f"measure.{name}" for name in self.facts["measure"])]
        arrays = source.read(names, self.plan.runs(lo, hi))
        return chunks_of.content(self.identity, lo, hi, chunks_of.normal(arrays, self.facts))


def merge(folder, shards=None, game=None, table="csv"):
    """Put the shards of a sweep together: the folder is then as if one machine had done it all.

    Parameters
    ----------
    folder : str or path-like
        Where the whole is to be.
    shards : sequence of str or path-like, optional
        Folders of the shards. Default: all ``shard-I-of-N`` in ``folder``.
    game : Game, optional
        Needed where it has functions of its own.
    table : {"csv", "parquet"}
        As what the table is written.

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
    from marlfast.errors import choice
    from marlfast.sweeps.results import load

    choice("table", table, tuple(TABLES))
    folder = Path(folder)
    found, first = _shards(folder, shards)
    n = first["shard"][1]
    whole = {**first, "shard": None, "finished": None}
    with Folder(folder, plan_of(whole, game), whole, table, merging=True) as place:
        if not place.finished:
            parts, facts = [], None
            for (_, i), [(path, manifest)] in sorted(found.items()):
                plan = plan_of(manifest, game)
                there = Store.of(path, plan, manifest)
                if there.count < plan.hi - plan.lo:
                    raise FileError(f"{path}: shard {i}/{n} is not finished, {there.count:,} of {plan.hi - plan.lo:,} "
                                    "runs are there; run it again, and it goes on")
                for piece in there.pieces:
                    arrays = chunks_of.checked(plan, place.identity, piece.first, piece.last, piece.path)
                    facts = chunks_of.together(facts, chunks_of.facts_of(arrays), piece.path,
                                               parts[0][2] if parts else None)
                    parts.append((piece.first, piece.last, piece.path))
                for file in sorted((path / "results").glob("*.npz")):
                    (folder / "results").mkdir(exist_ok=True)
                    put(folder / "results" / file.name, file.read_bytes())
            place.facts = facts
            place.finish(parts)
    return load(folder, game)


def _shards(folder, shards):
    """Manifests by (n, i), and that of the first; all shards of one division of one sweep."""
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
        compare(path, {**manifest, "shard": None}, {**first, "shard": None}, f"that of {first_path}")
    n = first["shard"][1]
    missing = [str(i) for i in range(1, n + 1) if (n, i) not in found] if n <= 2**20 else ["most"]
    if missing:
        raise FileError(f"shards are missing: {', '.join(missing[:8])}{' and more' if len(missing) > 8 else ''} of {n}")
    return found, first


def put(path, content):
    """Write bytes, all or nothing."""
    write_atomically(path, lambda file: file.write(content))


def checksum(path):
    """[bytes, CRC-32] of a file, read a piece at a time."""
    crc, size = 0, 0
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
    return [size, crc]


def _remove(folder):
    """Delete a folder of files."""
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.rmdir(folder)


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
