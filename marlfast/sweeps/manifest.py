"""``sweep.json``: what is swept over what, and, when that is done, what the other files of the folder are.

All that stands there is checked before anything is made from it: a file that was edited by hand, or cut off, is refused
with the key, what it says and what was expected.
"""
import hashlib
import json
import math
from pathlib import Path

from marlfast.errors import FileError, shown
from marlfast.files import _of_version_1, as_it_was
from marlfast.sweeps.order import Grid, Sample
from marlfast.sweeps.plan import Plan, short
from marlfast.sweeps.points import MAX_POINTS, lists, plain

FORMAT, VERSION = "marlfast sweep", 2
# Versions whose numbers are this one's, where their experiments are read as they were: tests/from_0_1 shows it.
SAME_NUMBERS = {"0.1.0"}
MAX_LISTED = 1000          # seeds in a row that are listed one by one
_IDENTITY = ("experiment", "over", "points", "seeds", "bins", "measure", "keep")
_KEYS = {"format", "version", "marlfast", "numpy", *_IDENTITY, "shard"}


def manifest_of(plan, how, shard):
    """What ``sweep.json`` says at first: all that the numbers depend on."""
    import numpy as np

    from marlfast import __version__

    measure = how["measure"]
    return {"format": FORMAT, "version": VERSION, "marlfast": __version__, "numpy": np.__version__,
            "experiment": plan.changes.experiment.to_dict(),
            **({"study": plan.changes.study.to_dict()} if hasattr(plan.changes, "study") else {}),
            "over": {name: plain(values) for name, values in zip(plan.names, plan.values, strict=True)},
            "points": plan.points.index.tolist() if isinstance(plan.points, Sample) else None,
            "seeds": _told(plan.seeds), "bins": how["bins"],
            "measure": None if measure is None else f"{getattr(measure, '__module__', '')}."
                                                    f"{getattr(measure, '__qualname__', type(measure).__qualname__)}",
            "keep": how["keep"], "shard": list(shard) if shard else None}


def _told(seeds):
    if isinstance(seeds, range) and len(seeds) > MAX_LISTED:
        return {"first": seeds[0], "count": len(seeds)}
    return list(seeds)


def _identity(manifest):
    """What a sweep is known by: of studies the study, too."""
    return (*_IDENTITY, "study") if "study" in manifest else _IDENTITY


def identity(manifest):
    """16 bytes by which a chunk knows its sweep: the same in every shard, engine and version."""
    text = json.dumps({key: manifest[key] for key in _identity(manifest)}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).digest()[:16]


# -- reading -------------------------------------------------------------------------------------

def read_manifest(path):
    """What ``sweep.json`` of a folder says, as this version would have written it.

    Raises
    ------
    FileError
        It is not there, or does not say what a sweep's must.
    """
    path = Path(path)
    try:
        text = (path / "sweep.json").read_bytes().decode("utf-8-sig")
        manifest = json.loads(text, parse_constant=_no_number)
    except FileNotFoundError:
        if any(path.glob("shard-*-of-*")):
            raise FileError(f"{path}: holds shards that are not put together yet; do so by: marlfast merge {path}") \
                from None
        raise FileError(f"{path}: not the folder of a sweep (it has no sweep.json)") from None
    except (ValueError, UnicodeDecodeError, RecursionError):
        raise FileError(f"{path}: not the folder of a sweep (its sweep.json cannot be read)") from None
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if not _whole(version, 1) or manifest.get("format") != FORMAT:
        raise FileError(f"{path}: not the folder of a sweep (its sweep.json is of another kind)")
    if version > VERSION:
        raise FileError(f"{path}: written by a newer marlfast ({shown(manifest.get('marlfast'))}, file version "
                        f"{version}); this one reads up to version {VERSION}: upgrade marlfast")
    missing = sorted(_KEYS - set(manifest))
    if missing:
        raise FileError(f"{path}: its sweep.json is incomplete ({', '.join(missing[:3])} "
                        f"{'is' if len(missing) == 1 else 'are'} missing)")
    manifest.setdefault("finished", None)
    for key, expected in _faults(manifest):
        raise FileError(f"{path}: its sweep.json is damaged: {key}: expected {expected}, got "
                        f"{shown(manifest.get(key))}")
    return _as_it_was(manifest)


def _no_number(text):
    raise ValueError(f"{text} is no number")


def _whole(value, least=0, most=2**64 - 1):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _faults(m):
    """(key, what was expected) of whatever cannot be: a schema, told as code."""
    for key in ("marlfast", "numpy"):
        if not isinstance(m[key], str):
            yield key, "a version"
    if not isinstance(m["experiment"], dict) or not isinstance(m["experiment"].get("game"), dict):
        yield "experiment", "an experiment with a game"
    if "study" in m and not (isinstance(m["study"], dict) and isinstance(m["study"].get("name"), str)):
        yield "study", "a study by its name"
    over, seeds, points, shard = m["over"], m["seeds"], m["points"], m["shard"]
    if not isinstance(over, dict) or not all(isinstance(values, list) and values for values in over.values()):
        yield "over", "lists of values by name"
        return
    try:
        lists(over)
    except (TypeError, ValueError, RecursionError) as error:
        yield "over", f"lists of values that differ ({error})"
    if isinstance(seeds, dict):
        if set(seeds) != {"first", "count"} or not _whole(seeds["first"]) or not _whole(seeds["count"], 1, 2**31) \
                or seeds["first"] + seeds["count"] > 2**64:
            yield "seeds", "the first of them and their count"
    elif not isinstance(seeds, list) or not seeds or not all(map(_whole, seeds)) or len(set(seeds)) < len(seeds):
        yield "seeds", "a list of different whole numbers from 0 to 2**64 - 1"
    sizes = [len(values) for values in over.values()]
    if points is None:
        if math.prod(sizes) > MAX_POINTS:
            yield "over", f"at most {MAX_POINTS:,} combinations of values"
    elif not isinstance(points, list) or not points or not all(
            isinstance(point, list) and len(point) == len(sizes)
            and all(_whole(digit, 0, size - 1) for digit, size in zip(point, sizes, strict=True)) for point in points):
        yield "points", "for each point the number of its value of each name"
    if not _whole(m["bins"], 1, 2**20):
        yield "bins", "a whole number from 1 to 2**20"
    if m["measure"] is not None and not isinstance(m["measure"], str):
        yield "measure", "the name of a function, or null"
    if m["keep"] not in (None, "results"):
        yield "keep", "\"results\" or null"
    if shard is not None and not (isinstance(shard, list) and len(shard) == 2 and _whole(shard[1], 1, 2**62)
                                  and _whole(shard[0], 1, shard[1])):
        yield "shard", "[i, n] with i from 1 to n, or null"
    if m["finished"] is not None and not _is_finish(m["finished"]):
        yield "finished", "facts and files of a finished sweep, or null"


def _is_finish(finished):
    if not isinstance(finished, dict) or set(finished) != {"facts", "files"}:
        return False
    facts, files = finished["facts"], finished["files"]
    return (isinstance(facts, dict) and set(facts) == {"agents", "entries", "width", "measure"}
            and all(_whole(facts[key], least, 2**62) for key, least in (("agents", 1), ("entries", 0), ("width", 1)))
            and isinstance(facts["measure"], dict) and set(facts["measure"].values()) <= {"b", "i", "f", "U"}
            and isinstance(files, dict) and all(
                isinstance(known, list) and len(known) == 2 and _whole(known[0]) and _whole(known[1], 0, 2**32 - 1)
                for known in files.values()))


def _as_it_was(manifest):
    version = manifest["version"]
    experiment = as_it_was(manifest["experiment"], version)
    if version == 1:
        try:
            experiment, _ = _of_version_1(experiment, None)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise FileError(f"its experiment cannot be made again: {error}") from None
    return manifest | {"version": VERSION, "experiment": experiment, "over": as_it_was(manifest["over"], version)}


def plan_of(manifest, game=None):
    """The plan that a manifest tells of."""
    from marlfast.experiment import Experiment
    from marlfast.registry import from_dict, functions_of

    values = manifest["experiment"]
    try:
        if game is not None:
            values = {**values, "game": game}
        elif functions_of(values["game"]):
            raise FileError("its game has functions of its own, which a file cannot hold; give the game too: "
                            "load(folder, game=game)")
        experiment = Experiment.from_dict(values)
        over, seeds = manifest["over"], manifest["seeds"]
        points = Grid([len(v) for v in over.values()]) if manifest["points"] is None else Sample(manifest["points"])
        if isinstance(seeds, dict):
            seeds = range(seeds["first"], seeds["first"] + seeds["count"])
        study = None
        if "study" in manifest:
            from marlfast import reproduce  # noqa: F401  its studies

            study = from_dict("study", manifest["study"])
        return Plan(experiment, over, points, short(seeds), manifest["shard"], study)
    except FileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise FileError(f"its sweep cannot be made again: {error}") from None


# -- comparing -----------------------------------------------------------------------------------

def compare(path, theirs, ours, here="this"):
    """Refuse to go on with another sweep, or with other software; ``here`` is what is compared with."""
    for what in ("marlfast", "numpy"):
        if theirs[what] != ours[what] and not (what == "marlfast" and theirs[what] in SAME_NUMBERS):
            raise FileError(f"{path}: begun with {what} {theirs[what]}, {here} is {ours[what]}, whose numbers may "
                            f"differ; go on with {what}=={theirs[what]}, or sweep into another folder")
    same = {key: ours[key] for key in (*_identity(ours), "shard")}
    different = _difference({key: theirs[key] for key in (*_identity(theirs), "shard")}, json.loads(json.dumps(same)))
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
