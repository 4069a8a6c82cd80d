"""The points of a sweep: every combination of some values, or a random sample."""
import json
import math

import numpy as np

from marlfast import draws, toml
from marlfast.errors import integer, real, shown, unknown
from marlfast.registry import Definition
from marlfast.sweeps.order import Grid, Sample

RANGE = ("low", "high", "log", "whole")
MAX_POINTS = 10_000_000


def lists(over):
    """``over`` checked: values or a range by name, without tables inside tables, as TOML makes of dotted names."""
    if over is None:
        return {}
    if not isinstance(over, dict):
        raise TypeError(f"over: expected values by name, such as {{'learner.learning_rate': [0.1, 0.2]}}, "
                        f"got {shown(over)}")
    found = {}

    def visit(name, value):
        if isinstance(value, dict) and not {"low", "high"} & set(value) and value:
            for key, inner in value.items():
                visit(f"{name}.{key}" if name else str(key), inner)
            return
        if name in found:
            raise ValueError(f"over: {name} is there twice")
        found[name] = _range(name, value) if isinstance(value, dict) else _values(name, value)

    for name, value in over.items():
        visit(name if isinstance(name, str) else repr(name), value)
    return found


def _values(name, values):
    if not isinstance(values, (list, tuple, range, np.ndarray)):
        raise TypeError(f"over: {name}: expected a list of values, got {shown(values)}")
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if not values:
        raise ValueError(f"over: {name}: expected at least one value, got none")
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    met = set()
    for k, value in enumerate(values):
        if isinstance(value, (int, float)):        # finite, and no whole number that no real one comes near
            real(f"over: {name}[{k}]", float(value) if isinstance(value, bool) else value)
        key = _identity(value, f"over: {name}[{k}]")
        if key in met:
            raise ValueError(f"over: {name}: {shown(value)} is there twice; give each value once")
        met.add(key)
    return values


def _identity(value, where):
    if isinstance(value, (bool, str, type(None))):
        return type(value).__name__, value
    if isinstance(value, (int, float)):
        return "number", value
    try:
        return "plain", json.dumps(plain(value), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        raise TypeError(f"{where}: expected a number, a word, a table or a definition, got {shown(value)}") from None


def plain(value):
    """A value as a file can hold it."""
    if isinstance(value, Definition):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def _range(name, table):
    for key in table:
        if key not in RANGE:
            raise ValueError(f"over: {name}: {unknown('key of a range', key, RANGE)}")
    for key in ("low", "high"):
        if key not in table:
            raise ValueError(f"over: {name}: a range needs low and high, got {shown(table)}")
    checked = {key: table.get(key, False) for key in ("log", "whole")}
    for key, value in checked.items():
        if not isinstance(value, bool):
            raise TypeError(f"over: {name}.{key}: expected true or false, got {shown(value)}")
    one = integer if checked["whole"] else real
    low, high = one(f"over: {name}.low", table["low"]), one(f"over: {name}.high", table["high"])
    if low >= high:
        raise ValueError(f"over: {name}: expected low less than high, got {low} and {high}")
    if checked["log"] and low <= 0:
        raise ValueError(f"over: {name}.low: expected greater than 0, whose logarithm is a number, got {low}")
    return {"low": low, "high": high, **checked}


def points(over, samples=None, sample_seed=0):
    """Which value each point has of each name.

    Parameters
    ----------
    over : dict
        Of :func:`lists`.
    samples : int, optional
        A random sample of so many points. Default: every combination.
    sample_seed : int

    Returns
    -------
    values : dict of str to list
        All values of each name; of a range, those that were drawn.
    points : Grid or Sample
        Which of them. In a grid the last name changes fastest.
    """
    ranges = [name for name, values in over.items() if isinstance(values, dict)]
    sizes = [len(values) for name, values in over.items() if name not in ranges]
    total = math.prod(sizes)
    if samples is None:
        if ranges:
            raise ValueError(f"over: {ranges[0]} is a range, from which values can only be drawn; give samples=")
        if total > MAX_POINTS:
            raise ValueError(f"over: makes {total:,} points, more than {MAX_POINTS:,}; give samples= for some of them")
        return dict(over), Grid(sizes)
    samples = integer("samples", samples, 1, MAX_POINTS)
    if not over:
        raise ValueError("samples: nothing to draw from; give over=")
    if not ranges:
        if samples > total:
            raise ValueError(f"samples: expected at most {total:,}, as many as there are points, got {samples:,}")
        numbers = _some_of(total, samples, sample_seed)
        index = [list(column) for column in zip(*map(lambda n: _digits(n, sizes), numbers), strict=True)]
        return dict(over), Sample(np.array(index, np.int32).T.copy())
    return _draw(over, samples, sample_seed)


def _digits(number, sizes):
    digits = []
    for size in reversed(sizes):
        number, digit = divmod(number, size)
        digits.append(digit)
    return digits[::-1]


def _some_of(total, count, seed):
    """``count`` different numbers below ``total``, by the first steps of a shuffle."""
    uniforms, moved, chosen = draws.stream(seed, 0, "explore", 0, count), {}, []
    for k, u in enumerate(uniforms.tolist()):
        j = k + min(int(u * (total - k)), total - k - 1)
        chosen.append(moved.get(j, j))
        moved[j] = moved.get(k, k)
    return chosen


def _draw(over, samples, seed):
    """Points of which some names have ranges: drawn until there are enough different ones."""
    met, first = {}, 0
    while len(met) < samples:
        if first > 100 * samples + 1000:
            raise ValueError(f"samples: only {len(met):,} different points could be drawn, not {samples:,}")
        uniforms = [draws.stream(seed, k, "explore", first, samples).tolist() for k in range(len(over))]
        first += samples
        for us in zip(*uniforms, strict=True):
            point = tuple(_pick(values, u) for values, u in zip(over.values(), us, strict=True))
            if len(met) < samples:
                met.setdefault(point)
    values, columns = {}, []
    for k, (name, given) in enumerate(over.items()):
        drawn = [point[k] for point in met]
        if not isinstance(given, dict):
            values[name] = given
            columns.append(drawn)
            continue
        places = {}
        columns.append([places.setdefault(value, len(places)) for value in drawn])
        values[name] = list(places)
    return values, Sample(np.array(columns, np.int32).T.copy())


def _pick(values, u):
    """A place in a list, or a number of a range."""
    if not isinstance(values, dict):
        return min(int(u * len(values)), len(values) - 1)
    low, high = values["low"], values["high"]
    if values["whole"]:
        number = low * ((high + 1) / low) ** u if values["log"] else low + (high + 1 - low) * u
        return min(int(math.floor(number)), high)
    return min(low * (high / low) ** u if values["log"] else low + (high - low) * u, high)


def column(values):
    """Values of a parameter as an array: numbers where they are, else words."""
    if all(isinstance(v, bool) for v in values):
        return np.array(values, bool)
    if all(isinstance(v, int) and not isinstance(v, bool) and -2**63 <= v < 2**63 for v in values):
        return np.array(values, np.int64)
    if all(v is None or isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.array([np.nan if v is None else v for v in values], np.float64)
    values = [plain(v) for v in values]
    names = [v["name"] if isinstance(v, dict) and "name" in v else v for v in values]
    short = len({str(n) for n in names}) == len(names)      # the names alone tell them apart
    return np.array([_word(n if short else v) for n, v in zip(names, values, strict=True)])


def _word(value):
    return value if isinstance(value, str) else "none" if value is None else toml.inline(value)
