"""Chunks: files of a sweep's runs in the order of its plan, each whole or not there.

An array has one row per run, or a single one where all rows are the same. Beside them stand ``span``, which says which
runs they are, and ``sweep``, by which a chunk of another sweep is known. Nothing in a file is believed: names, types
and shapes are compared with what the plan implies, and contents with their checksums.
"""
import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marlfast.archive import NUMBERS, Archive, directory
from marlfast.errors import FileError, shown
from marlfast.stop import FAILED, FAILURES, REASONS

# Arrays that every run has: their types, and their axes after the run's.
FIXED = {"steps": ("<i8", 0), "episodes": ("<i8", 0), "reason": ("<i4", 0), "agents": ("<i8", 0), "entries": ("<i8", 0),
         "width": ("<i8", 0), "returns": ("<f8", 1), "sums": ("<f8", 2)}
KINDS = {"b": np.bool_, "i": np.int64, "f": np.float64}
PART_BYTES = 2**25          # of a finished sweep's chunks, at most


class Damaged(FileError):
    """A chunk that holds no whole data of its runs."""


@dataclass(frozen=True)
class Piece:
    """Runs ``lo`` to ``hi`` of the order, from the file of runs ``first`` to ``last``."""

    lo: int
    hi: int
    first: int
    last: int
    path: Path
    known: int | None = None    # checksum of its checksums, where sweep.json has it

    def read(self, names=None):
        """Arrays of all runs of the file, by name; read-only."""
        return _arrays(self.path, self.last - self.first, names, self.known)

    def facts(self):
        """As :func:`facts_of`, of the file; of measures, the headers alone are read."""
        kinds = {}
        arrays = _arrays(self.path, self.last - self.first, ("agents", "entries", "width"), self.known, kinds)
        return facts_of(arrays) | {"measure": kinds}


def name_of(lo, hi):
    """The name of a chunk, without its ending."""
    return f"{lo:08d}-{hi:08d}"


def listed(folder, kind="chunks"):
    """(lo, hi, file) of every chunk in a folder, and files that are none by their names."""
    found, odd = [], []
    for file in (Path(folder) / kind).glob("*.npz"):
        lo, _, hi = file.stem.partition("-")
        if file.name.startswith("."):
            continue
        if lo.isdecimal() and hi.isdecimal() and len(lo) < 20 and len(hi) < 20 and int(lo) < int(hi):
            found.append((int(lo), int(hi), file))
        else:
            odd.append(file)
    return sorted(found), sorted(odd)


def cover(chunks, known=None):
    """Pieces that hold each run once. Of chunks that overlap, which a kill may leave, it does not matter which.

    Parameters
    ----------
    chunks : list of (int, int, Path)
    known : dict of str to [int, int], optional
        Sizes and checksums by the files' names.
    """
    pieces, at = [], 0
    for lo, hi, path in sorted(chunks, key=lambda chunk: (chunk[0], -chunk[1])):
        if hi > at:
            _, checksum = (known or {}).get(f"chunks/{path.name}", (0, None))
            pieces.append(Piece(max(lo, at), hi, lo, hi, path, checksum))
            at = hi
    return pieces


# -- writing -------------------------------------------------------------------------------------

def content(identity, lo, hi, arrays):
    """The bytes of a chunk."""
    file = io.BytesIO()
    kept = {name: _once(np.ascontiguousarray(array)) for name, array in arrays.items() if name != "run"}
    np.savez(file, span=np.array([lo, hi], np.int64), sweep=np.frombuffer(identity, np.uint8), **kept)
    return file.getvalue()


def _once(array):
    """A single row where all are the same, to the bit."""
    if len(array) > 1 and array[-1].tobytes() == array[0].tobytes():
        rows = array.view(np.uint8).reshape(len(array), -1) if array.size else array
        if array.size == 0 or (rows == rows[0]).all():
            return array[:1]
    return array


def normal(arrays, facts):
    """Arrays as they would be had no other runs ever been beside these: as narrow as can be, of the sweep's types."""
    agents = int(arrays["agents"].max())
    bins = int((-(-arrays["entries"] // arrays["width"])).max())
    found = {name: arrays[name] for name in FIXED}
    found["returns"], found["sums"] = arrays["returns"][:, :agents], arrays["sums"][:, :bins, :agents]
    for name, kind in sorted(facts["measure"].items(), key=lambda item: list(arrays).index(f"measure.{item[0]}")):
        array = arrays[f"measure.{name}"]
        long = max(1, int(np.char.str_len(array).max())) if kind == "U" else 0
        found[f"measure.{name}"] = array.astype(f"U{long}" if kind == "U" else KINDS[kind])
    return found


def part_rows(plan, bins):
    """Runs of a chunk of a finished sweep: a power of two that only the plan and the number of bins have a part in."""
    most = PART_BYTES // (8 * (bins + 8) * (plan.changes.experiment.game.agents + 1))
    return 2 ** max(6, min(16, int(math.log2(max(most, 1)))))


# -- reading -------------------------------------------------------------------------------------

def checksum(content):
    """[bytes, checksum] of a chunk, for ``sweep.json``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [len(content), directory(archive)]


def _arrays(path, rows, names=None, known=None, kinds=None):
    try:
        with Archive(path, "a chunk", kinds=NUMBERS + "U") as archive:
            if known is not None and archive.checksum() != known:
                raise damaged(path, "its checksums are not those in sweep.json")
            found = {name: archive.read(name) for name in archive.headers if names is None or name in names}
            if kinds is not None:
                kinds |= {name.partition(".")[2]: header.dtype.kind for name, header in archive.headers.items()
                          if name.startswith("measure.")}
    except Damaged:
        raise
    except FileError as error:
        raise damaged(path, str(error).removeprefix(f"{path}: ")) from None
    for name in names or ():
        if name not in found:
            raise damaged(path, f"it has no array {name}")
    return {name: _rows(path, name, array, rows) for name, array in found.items()}


def _rows(path, name, array, rows):
    if name in ("span", "sweep"):
        return array
    if name in FIXED:
        kind, axes = FIXED[name]
        fits = array.dtype == kind and array.ndim == 1 + axes
    else:
        fits = array.ndim == 1 and (name == "run" or name.startswith("measure.") and array.dtype.kind in "bifU")
    if not fits or len(array) not in (1, rows):
        raise damaged(path, f"its array {name} is {array.dtype.name} {array.shape}, which no chunk of {rows} runs has")
    return array if len(array) == rows else np.broadcast_to(array, (rows, *array.shape[1:]))


def damaged(path, why):
    """The error for a chunk, with what to do."""
    return Damaged(f"{path}: is damaged ({why}); run the sweep again: it sets the file aside, and trains its runs anew")


def checked(plan, identity, lo, hi, path, known=None):
    """Arrays of a chunk, compared with all that the plan, and ``sweep.json`` where it has its checksum, say of them.

    Raises
    ------
    Damaged
        They are not whole data of runs ``lo`` to ``hi`` of this sweep.
    """
    if lo < plan.lo or hi > plan.hi:
        raise damaged(path, f"it says to hold runs {lo} to {hi}, of a sweep with {plan.lo} to {plan.hi}")
    found = _arrays(path, hi - lo, None, known)
    if "run" in found:                          # of 0.1
        if (found.pop("run") != plan.runs(lo, hi)).any():
            raise damaged(path, "its array run has other runs than its name says")
    elif found.get("span", np.empty(0)).tolist() != [lo, hi]:
        raise damaged(path, f"its array span has other runs than its name says: {shown(found.get('span'))}")
    elif found["sweep"].tobytes() != identity if "sweep" in found else True:
        raise damaged(path, "it is of another sweep")
    for name in FIXED:
        if name not in found:
            raise damaged(path, f"it has no array {name}")
    agents, entries, width = found["agents"], found["entries"], found["width"]
    for name, least, most in (("steps", 0, 2**62), ("episodes", 0, 2**62), ("agents", 1, 2**20), ("width", 1, 2**62)):
        if found[name].min() < least or found[name].max() > most:
            raise damaged(path, f"its array {name} holds numbers outside {least} to {most}")
    if (entries < 0).any() or (entries > found["episodes"]).any():
        raise damaged(path, "its array entries holds more than there were episodes")
    if not np.isin(found["reason"], _reasons()).all():
        raise damaged(path, "its array reason holds numbers that are no reasons")
    shapes = {"returns": (agents.max(),), "sums": ((-(-entries // width)).max(), agents.max())}
    for name, shape in shapes.items():
        if found[name].shape[1:] != tuple(map(int, shape)):
            raise damaged(path, f"its array {name} is {found[name].shape}, expected "
                                f"{(hi - lo, *map(int, shape))}")
    return {name: array for name, array in found.items() if name not in ("span", "sweep")}


def _reasons():
    return [*REASONS, *(FAILED + status for status in FAILURES)]


# -- facts ---------------------------------------------------------------------------------------

def facts_of(arrays):
    """What must be known of all runs before a table or a curve of some can be made."""
    return {**{name: int(arrays[name].max()) for name in ("agents", "entries", "width")},
            "measure": {name.partition(".")[2]: array.dtype.kind for name, array in arrays.items()
                        if name.startswith("measure.")}}


def together(one, other, file, first):
    """Facts of more runs.

    Parameters
    ----------
    one : dict or None
        Of those before.
    other : dict
    file, first : str or path-like
        Where the others stand, and where the first of those before, for the message.
    """
    if one is None:
        return other
    for name in sorted(set(one["measure"]) ^ set(other["measure"])):
        here, there = (file, first) if name in other["measure"] else (first, file)
        raise FileError(f"measure: {name} is not there for all runs: {here} has the array measure.{name}, {there} has "
                        "not; delete the files that an older measure made, or sweep into another folder")
    kinds = {}
    for name, kind in one["measure"].items():
        pair = {kind, other["measure"][name]}
        if "U" in pair and len(pair) > 1:
            raise FileError(f"measure: {name} is words in some runs and numbers in others: see the array "
                            f"measure.{name} of {first} and {file}")
        kinds[name] = max(pair, key="bifU".index)
    return {**{name: max(one[name], other[name]) for name in ("agents", "entries", "width")}, "measure": kinds}
