"""What of a sweep's folder is whole."""
import json
from pathlib import Path

from marlfast import errors, files
from marlfast.errors import FileError
from marlfast.sweeps import chunks as chunks_of
from marlfast.sweeps.folder import TABLES, checksum
from marlfast.sweeps.manifest import identity, plan_of, read_manifest
from marlfast.sweeps.old import OldStore


class Report:
    """What was found in a folder.

    Attributes
    ----------
    lines : list of str
        What is there, and how much of it.
    damaged : list of (str, str)
        Files that are not whole, and why.
    done, total : int
        Runs.

    See Also
    --------
    check : Makes it.
    """

    def __init__(self):
        self.lines, self.damaged, self.done, self.total = [], [], 0, 0

    def __repr__(self):
        return f"Report({self.done} of {self.total} runs, {len(self.damaged)} damaged)"


def check(folder, game=None):
    """Read every file of a sweep's folder, and compare it with its checksum and with what the sweep implies.

    Nothing is changed. The same sweep, called again, sets aside what is damaged and makes it again.

    Parameters
    ----------
    folder : str or path-like
        Of a sweep, of a shard, or of all shards.
    game : Game, optional
        Needed where it has functions of its own.

    Returns
    -------
    Report
        What is there, and what is damaged.

    See Also
    --------
    load : Reads it.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import sweeps
    >>> found = mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over={"learner.discount": [0.0, 0.9]}, seeds=3,
    ...                  seed=0, steps=50, out="checked")
    >>> sweeps.check("checked")
    Report(6 of 6 runs, 0 damaged)
    """
    folder, report = errors.path(folder, "folder"), Report()
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    shards = sorted(folder.glob("shard-*-of-*/sweep.json"))
    if (folder / "sweep.json").exists() or not shards:
        _one(folder, game, report)
    else:
        for shard in shards:
            _one(shard.parent, game, report)
    return report


def _one(folder, game, report):
    try:
        manifest = read_manifest(folder)
        plan = plan_of(manifest, game)
    except FileError as error:
        report.damaged.append((str(folder / "sweep.json"), str(error)))
        return
    total = plan.hi - plan.lo
    report.total += total
    if (folder / "table.npz").exists():
        try:
            OldStore(folder, plan).read(("run",), [0])
            OldStore(folder, plan).curves(slice(0, 1))
            report.done += total
            report.lines.append(f"{folder}: finished by {manifest['marlfast']}, {total:,} runs")
        except FileError as error:
            report.damaged.append((str(folder), str(error)))
        return
    known = (manifest["finished"] or {"files": {}})["files"]
    found, odd = chunks_of.listed(folder)
    whole, facts = [], None
    report.damaged += [(str(path), "its name is not that of a chunk") for path in odd]
    for lo, hi, path in found:
        _, expected = known.get(f"chunks/{path.name}", (0, None))
        try:
            arrays = chunks_of.checked(plan, identity(manifest), lo, hi, path, expected)
            facts = chunks_of.together(facts, chunks_of.facts_of(arrays), path, whole[0][2] if whole else None)
            whole.append((lo, hi, path))
        except FileError as error:
            report.damaged.append((str(path), str(error)))
    done = sum(piece.hi - piece.lo for piece in chunks_of.cover(whole))
    report.done += done
    state = "finished" if known and done == total else "a shard" if manifest["shard"] else "not finished"
    report.lines.append(f"{folder}: {state}, {done:,} of {total:,} runs in {len(whole):,} whole chunks")
    for name in sorted(set(known) - {f"chunks/{path.name}" for *_, path in found}):
        path = folder / name
        if not path.exists():
            report.damaged.append((str(path), "is not there"))
        elif checksum(path) != known[name]:
            report.damaged.append((str(path), "its checksum is not the one in sweep.json"))
        elif name in TABLES.values():
            report.lines.append(f"{path}: whole")
    _results(folder, plan, manifest, game, report)
    aside = sorted(path.name for path in (folder / "damaged").glob("*"))
    if aside:
        report.lines.append(f"{folder / 'damaged'}: {', '.join(aside[:5])}{' and more' if len(aside) > 5 else ''}, "
                            "set aside earlier")
    failed = _failed(folder)
    if failed:
        report.lines.append(f"{folder}: chunks that failed, and why, stand in {folder / 'log.jsonl'} ({failed:,})")


def _results(folder, plan, manifest, game, report):
    kept = sorted((folder / "results").glob("*.npz")) if manifest["keep"] == "results" else []
    whole = 0
    for path in kept:
        try:
            files.load(path, game=game)
            whole += 1
        except (FileError, OSError) as error:
            report.damaged.append((str(path), str(error)))
    if kept:
        report.lines.append(f"{folder / 'results'}: {whole:,} whole results")


def _failed(folder):
    try:
        lines = Path(folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    failed = set()
    for line in lines:
        try:
            entry = json.loads(line)
            failed = failed | {entry["chunk"]} if "failed" in entry else failed - {entry.get("chunk")}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue                    # a line that was cut off
    return len(failed)
