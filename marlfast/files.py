"""Results on disk: one ``.npz`` of arrays with a JSON manifest inside. Nothing in it is ever executed.

A file is written beside its place under another name, flushed to the disk, and then moved there, so that
what stands under the name is always whole.
"""
import sys
from dataclasses import MISSING, fields, replace

import numpy as np

from marlfast import errors
from marlfast.archive import Archive
from marlfast.disk import clear_way, write_atomically  # noqa: F401 - what writes files takes both from here
from marlfast.errors import FileError, shown
from marlfast.experiment import Experiment
from marlfast.limits import MAX_STEPS
from marlfast.registry import from_dict, functions_of, names
from marlfast.resolved import RECORDED, part_of
from marlfast.result import Result
from marlfast.stop import FAILED, FAILURES, REASONS

FORMAT = "marlfast result"
VERSION = 2

# What an earlier version did where its files say nothing, by the name of the definition: {version: {name: fields}}.
BEFORE = {
    1: {"epsilon_greedy": {"ties": "first", "draws": 2}, "boltzmann": {"ties": "first"},
        "vdn": {"buffer": 0, "optimizer": "sgd", "double": False},
        "qmix": {"buffer": 0, "optimizer": "sgd", "double": False}},
}

# Options that have another name since: {version that a file has at most: {definition: {old name: new name}}}.
RENAMED = {1: {"each": {"leads": "agent_ids"}, "hierarchy": {"every": "goal_every"}, "markov": {"seen": "obs"}}}
# Arrays that have another name since, by the parts of the names: {version: {old: new ones, of which one fits}}.
RENAMED_ARRAYS = {1: {"level": ("epsilon", "temperature"), "seen": ("rollout_rows",)}}
# Arrays in which numbers need not be finite: a game's own, and sums of rewards, which may become too large.
ANY_NUMBER = {"state", "observation", "episode_return", "episode_shaped", "returns", "shaped_returns", "recent",
              "recent_sum", "last_obs", "moved_rewards"}


def as_it_was(values, version):
    """Plain values of a definition, from a file of some version: what it says, and what was done where it says nothing.

    Parameters
    ----------
    values : dict, list or any plain value
    version : int
        Of the file.

    Returns
    -------
    dict, list or any plain value
        A copy, as this version writes it.
    """
    if isinstance(values, (list, tuple)):
        return [as_it_was(value, version) for value in values]
    if not isinstance(values, dict):
        return values
    filled, renamed, name = {}, {}, values.get("name")
    for since in BEFORE if isinstance(name, str) else ():
        if version <= since:
            filled |= BEFORE[since].get(name, {})
            renamed |= RENAMED[since].get(name, {})
    return filled | {renamed.get(key, key): as_it_was(value, version) for key, value in values.items()}


def save(result, path):
    """Write a result to one ``.npz`` file, all or nothing. See :meth:`Result.save`."""
    write_atomically(path, lambda file: write(result, file))


def write(result, file, format=FORMAT, more=None):
    """Write a result to an open binary file; or what looks like one, in a format of its own that says ``more``."""
    import json

    known = result.experiment.resolved
    used = known.used(result.arrays)
    entries = int(result.arrays["episodes"].max() // result.experiment.record_every) + 1 \
        if result.experiment.record_every else 0
    arrays = {}
    for name, array in result.arrays.items():
        if name in known.derived:
            continue
        if name in known.by_row:
            array = array[:, :used[known.by_row[name]]]
        elif name in RECORDED:
            array = array[:, :entries]
        arrays[name] = np.ascontiguousarray(array)
    from marlfast import __version__

    manifest = {"format": FORMAT, "version": VERSION, "marlfast": __version__, "numpy": np.__version__,
                "experiment": result.experiment.to_dict(), "seconds": result.seconds, "interrupted": result.interrupted,
                "sha256": {name: checksum(array) for name, array in arrays.items()}}
    text = json.dumps(manifest | {"format": format} | (more or {}), allow_nan=False)
    np.savez(file, manifest=np.frombuffer(text.encode(), np.uint8), **arrays)


def checksum(array):
    """SHA-256 of the numbers of a contiguous array, little end first: a str of hexadecimal digits."""
    import hashlib

    little = array if sys.byteorder == "little" or array.dtype.itemsize == 1 else array.byteswap()
    return hashlib.sha256(memoryview(little.reshape(-1).view(np.uint8))).hexdigest()


def load(path, backend="cython", game=None):
    """Read a result from one ``.npz`` file. See :func:`marlfast.load`."""
    return read(path, backend, game, FORMAT)[0]


def read(path, backend, game, format):
    """A result, and the manifest, of a file that :func:`write` wrote in this format."""
    path = errors.path(path)
    with Archive(path, f"a {format}") as archive:
        manifest = _manifest(archive, format)
        try:
            experiment = _experiment(path, manifest, game, archive.headers)
            names = _names(experiment, archive.headers, manifest["version"])
            added = _check_headers(path, experiment, {names[name]: one for name, one in archive.headers.items()})
            arrays = {name: archive.read(name) for name in archive.headers if name != "manifest"}
            _check_sums(path, manifest, arrays)
            arrays = {names[name]: array for name, array in arrays.items()}
            arrays = _arrays(path, experiment, arrays | {name: np.zeros(*one) for name, one in added.items()}, backend)
        except MemoryError as error:
            why = f" ({error})" if "than there is" in str(error) else ""
            raise FileError(f"{path}: its experiment asks for more memory than there is{why}") from None
    if manifest["version"] == 1:
        arrays["stable"] += arrays["stable"] < arrays["steps"]
    return Result(experiment, arrays, manifest["seconds"], manifest["interrupted"]), manifest


def _check_other(path, what, told):
    """What is wrong with the file of a policy or of a team."""
    from marlfast.policy import Policy
    from marlfast.team import Team

    try:
        (Policy if what == "policy" else Team).load(path)
    except FileError as error:      # of a game with functions of its own, only who has it can make the team again
        return [] if "its game has functions of its own" in str(error) else [("", told(error))]
    return []


def check(path):
    """Say what is wrong with the file of a result: whether every member is whole, and all of them fit together.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    list of tuple of str
        (member, what is wrong with it); the member is ``""`` where it is the file as a whole. Empty: it is whole.

    Raises
    ------
    OSError
        It cannot be read at all.
    """
    path = errors.path(path)

    def told(error):
        return str(error).removeprefix(f"{path}: ")

    try:
        archive = Archive(path, damaged=(damaged := {}))
    except FileError as error:
        return [("", told(error))]
    found = [(name, told(error)) for name, error in damaged.items()]
    with archive:
        try:
            manifest = _manifest(archive)
        except FileError as error:
            for what in ("policy", "team"):
                if str(error).endswith(f"marlfast.{what.title()}.load reads it)"):
                    return found + _check_other(path, what, told)
            if "manifest" not in damaged:
                found.append(("manifest", told(error)))
            manifest = {}
        for name in archive.headers:
            if name == "manifest":
                continue
            try:
                _check_sums(path, manifest, {name: archive.read(name)}, whole=False)
            except (FileError, MemoryError) as error:
                found.append((name, told(error)))
    if found:
        return found
    try:
        if not functions_of(manifest["experiment"]["game"]):     # else only who has the game can make it again
            load(path, "numpy")
    except FileError as error:
        found.append(("", told(error)))
    except (KeyError, TypeError):
        found.append(("manifest", "it names no game"))
    return found


# What else this package writes, and what reads it, by the format in the manifest.
OTHERS = {"marlfast policy": "Policy.load", "marlfast team": "Team.load"}


def manifest_of(archive, format, newest):
    """The manifest of an archive of this format, of a version up to ``newest``: a dict."""
    import json

    if "manifest" not in archive.headers:
        raise archive.refused("it has no manifest")
    try:
        manifest = json.loads(archive.text("manifest"))
    except FileError:
        raise
    except (ValueError, RecursionError):
        raise archive.refused("its manifest cannot be read") from None
    there = manifest.get("format") if isinstance(manifest, dict) else None
    if there != format:
        known = OTHERS | {FORMAT: "load"}
        hint = f"it is a {there.removeprefix('marlfast ')}: marlfast.{known[there]} reads it" \
            if isinstance(there, str) and there in known else "its manifest is of another kind"
        raise archive.refused(hint)
    version = manifest.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise archive.refused(f"its version is {shown(version)}")
    if version > newest:
        raise FileError(f"{archive.path}: written by a newer marlfast ({shown(manifest.get('marlfast'))}, file version "
                        f"{shown(version)}); this one reads up to version {newest}: upgrade marlfast")
    return manifest


def _manifest(archive, format=FORMAT):
    path, manifest = archive.path, manifest_of(archive, format, VERSION)
    seconds = manifest.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0.0 <= seconds < MAX_STEPS \
            or not isinstance(manifest.get("interrupted"), bool):
        raise FileError(f"{path}: its manifest is incomplete")
    # Another number of runs than there are arrays for is refused before anything is made as large as that says.
    values = manifest.get("experiment")
    runs = values.get("runs", 1) if isinstance(values, dict) else None
    there = archive.headers["steps"].shape[:1] if "steps" in archive.headers else ()
    if isinstance(runs, int) and there and there != (runs,):
        raise FileError(f"{path}: its array steps has {there[0]} runs, its experiment {shown(runs)}")
    return manifest


def _names(experiment, there, version):
    """What the arrays of a file of some version are called now: {name in the file: name}."""
    renamed = {old: new for since in RENAMED_ARRAYS if version <= since for old, new in RENAMED_ARRAYS[since].items()}
    names, wanted = {}, experiment.resolved.shapes(experiment.game.kernel("numpy").state_size) if renamed else ()
    for name in there:
        parts = name.split(".")
        fits = [".".join([new if part == old else part for part in parts]) for old in renamed if old in parts
                for new in renamed[old]]
        names[name] = next((one for one in fits if one in wanted), name)
    return names


def _check_headers(path, experiment, headers):
    """Refuse arrays of other names, dtypes or shapes than the experiment has; {name: Shape} of those to be added."""
    known = experiment.resolved
    shapes = {name: one for name, one in known.shapes(experiment.game.kernel("numpy").state_size).items()
              if name not in known.derived}
    added = {name: shapes[name] for name in {f"learner.{added}" for added in experiment.learner.added}
             & set(shapes) - set(headers)}          # files of older versions have none
    if set(headers) - {"manifest"} != set(shapes) - set(added):
        odd = sorted((set(headers) - {"manifest"}) ^ (set(shapes) - set(added)))
        raise FileError(f"{path}: its arrays do not fit its experiment ({', '.join(map(shown, odd[:3]))})")
    free = {*RECORDED, *known.by_row}
    for name, (shape, dtype) in shapes.items():
        if name in added:
            continue
        there = headers[name]
        fits = there.dtype == np.dtype(dtype) and len(there.shape) == len(shape) and all(
            k == 1 and name in free or n == m for k, (n, m) in enumerate(zip(there.shape, shape, strict=True)))
        if not fits:
            raise FileError(f"{path}: its array {name} is {there.dtype.name} {shown(there.shape)}, "
                            f"expected {dtype} {tuple(shape)}")
    return added


def _check_sums(path, manifest, arrays, whole=True):
    """Refuse arrays whose checksum is not the one in the manifest; files before version 2 have none."""
    sums = manifest.get("sha256")
    if sums is None:
        return
    if not isinstance(sums, dict) or whole and set(sums) != set(arrays):
        raise FileError(f"{path}: its manifest has no checksum for every array")
    for name, array in arrays.items():
        if sums.get(name) != checksum(array):
            raise FileError(f"{path}: its array {name} is not what was saved (its checksum is another)")


def _check_game(path, runs, game, headers):
    """Refuse arrays that are not of a game with so many agents, who see so much: the rest may be as large as these."""
    expected = {"episode_return": (runs, game.agents), "observation": (runs, game.views, game.features)}
    for name, shape in expected.items():
        if name in headers and headers[name].shape != shape:
            raise FileError(f"{path}: its array {name} is {shown(headers[name].shape)}, its game's would be {shape}")


def _experiment(path, manifest, game, headers):
    try:
        values = as_it_was(manifest["experiment"], manifest["version"])
        functions = functions_of(values["game"])
        if game is None and functions:
            which = ", ".join(f"{key}: {name}" for key, name in functions.items())
            raise FileError(f"{path}: its game has functions of its own ({which}), which a file cannot hold; "
                            "give the game too: load(path, game=game)")
        if manifest["version"] == 1:
            values, game = _of_version_1(values, game)
        if game is not None:
            _same_game(path, values["game"], game.to_dict())
            values = {**values, "game": game}
        elif isinstance(values.get("game"), (dict, str)):
            values = {**values, "game": from_dict("game", values["game"], "game")}
        game = values["game"]
        if values.get("encoder") is not None:       # which may have agents remember what they observe
            game = from_dict("encoder", values["encoder"], "encoder").observed(game)
        _check_game(path, headers["steps"].shape[0] if "steps" in headers else 1, game, headers)
        return Experiment.from_dict(values)
    except FileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{path}: its experiment cannot be made again: {error}") from None


def _of_version_1(values, game):
    """An experiment of marlfast 0.1 (plain values, and a game that was given), told as what it did then."""
    values = {**values, "game": dict(values["game"])}
    if values["game"].get("horizon") == 1:      # a single round was a limit, too
        values["game"]["at_horizon"] = "truncated"
        if game is not None and game.at_horizon is None:
            game = replace(game, at_horizon="truncated")
    # The step in which a greedy action changed was not counted: a rule of n held one step later.
    values["stop"] = [{**rule, "n": rule["n"] + 1} if isinstance(rule, dict) and rule.get("name") == "greedy_stable"
                      else rule for rule in values.get("stop", ())]
    return values, game


def _same_game(path, theirs, ours):
    """Refuse a game whose facts are not those in the file. Functions are not compared: they have none."""
    functions = functions_of(theirs) | functions_of(ours)
    kind = names("game").get(ours.get("name"))
    if kind is not None and theirs.get("name") == ours["name"]:
        # What games did not have when the file was written is as it is where nothing is said.
        theirs = theirs | {f.name: f.default for f in fields(kind)
                           if f.name in ours and f.name not in theirs and f.default is not MISSING}
    for key in [*theirs, *ours]:
        if key not in functions and theirs.get(key) != ours.get(key):
            raise FileError(f"{path}: its game has {key}={shown(theirs.get(key))}, the game that was given has "
                            f"{shown(ours.get(key))}")


def _arrays(path, experiment, arrays, backend):
    """The arrays, whose numbers are checked, with what was left out made again."""
    learner, known = experiment.learner, experiment.resolved
    for name, array in arrays.items():
        if array.dtype.kind == "f" and name not in ANY_NUMBER and not np.isfinite(array).all():
            raise FileError(f"{path}: its array {name} holds numbers that are not finite")
    _ranges(path, experiment, arrays)
    before, grown = known.rooms(arrays), False
    for name, (encoder, source) in known.encoders().items():
        if not encoder.grows:
            continue
        part, grown = part_of(arrays, name), True
        rows = max(part["keys"].shape[1], 1)
        larger = encoder.allocate(source, experiment.runs, max(2 * rows, encoder.shapes(source, 1)["keys"].shape[1]))
        larger["keys"][:, :part["keys"].shape[1]] = part["keys"]
        larger["used"][:] = part["used"]
        try:
            encoder.bind(source, experiment.runs, larger, backend).rebuild()
        except ValueError as error:
            raise FileError(f"{path}: {error}") from None
        arrays |= {f"{name}.{key}": a for key, a in larger.items()}
    tables, room = part_of(arrays, "learner"), known.rooms(arrays)
    try:
        learner.derive(known.context_in(before), tables, backend)
    except ValueError as error:
        raise FileError(f"{path}: its tables do not fit its experiment: {error}") from None
    if grown:
        tables = learner.grow(known.context_in(room), tables, room["encoder"], backend)
    arrays |= {f"learner.{name}": a for name, a in tables.items()}
    return arrays


def _ranges(path, experiment, arrays):
    """Numbers that stand for places must be places."""
    known = experiment.resolved
    by_row, encoders = known.by_row, known.encoders()
    keys = {f"{name}.keys": arrays[f"{name}.keys"].shape[1] for name, (encoder, _) in encoders.items() if encoder.grows}
    sizes = known.rooms(arrays) | keys
    own = experiment.game.agents * known.active
    places = [("encoder", arrays["rows"][:, :own]), (known.whole, arrays["rows"][:, own:])]
    if "moved_rows" in arrays:
        places.append(("encoder", arrays["moved_rows"].reshape(len(arrays["steps"]), own)))
    limits = {"steps": (0, 2**62), "episodes": (0, 2**62), "episode_steps": (0, 2**62),
              "stable": (0, 2**62), "run_numbers": (0, 2**32 - 1), "reason": (0, 2**10),
              "fault": (-1, experiment.game.agents - 1)}
    limits |= {f"{name.partition('.')[0]}.used": (0, n) for name, n in keys.items()}
    limits |= {"moved_actions": (-1, experiment.game.max_actions - 1), "agent_steps": (0, 2**62)}
    for name, array in arrays.items():
        if name.startswith("learner.") and array.dtype.kind == "i":
            limits[name] = (0, 2**62 if array.dtype == np.int64 else 2**31)
    for name, (least, most) in limits.items():
        if name in arrays and arrays[name].size and (arrays[name].min() < least or arrays[name].max() > most):
            raise FileError(f"{path}: its array {name} holds numbers outside {least} to {most}")
    for name, rows in places:
        size = sizes[name]
        if rows.size and (rows.min() < 0 or rows.max() >= size):
            raise FileError(f"{path}: its array rows holds numbers outside 0 to {size - 1}")
    for name, array in arrays.items():
        size = sizes[by_row[name]] if name in by_row else None
        if size is not None and (size < 1 or array.shape[1] != size):
            raise FileError(f"{path}: its tables differ in length, or from the {size} rows of its encoder")
    if (arrays["run_numbers"] != known.run_numbers).any():
        raise FileError(f"{path}: its runs have other numbers than its experiment's")
    if not np.isin(arrays["reason"], [*REASONS, *(FAILED + status for status in FAILURES)]).all():
        raise FileError(f"{path}: its array reason holds numbers that are no reasons")
    for name, rows in places:
        encoder, source = encoders[name]
        if encoder.grows and (rows >= encoder.used(source, part_of(arrays, name))[:, None]).any():
            raise FileError(f"{path}: its array rows holds rows that are not in use")
    for name, bounds in experiment.learner.bounds().items():
        if (arrays[f"learner.{name}.value"] < bounds[0]).any() or (arrays[f"learner.{name}.value"] > bounds[1]).any():
            raise FileError(f"{path}: its array learner.{name}.value holds numbers outside {bounds[0]} to {bounds[1]}")
    entries = {arrays[name].shape[1] for name in RECORDED if name in arrays}
    record_every = experiment.record_every
    if len(entries) > 1 or (record_every and arrays["episodes"].max() // record_every > entries.pop()):
        raise FileError(f"{path}: its records differ in length")
