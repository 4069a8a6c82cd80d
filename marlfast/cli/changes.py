"""Experiments as dictionaries: one value changed by its path, as in ``--set learner.explore.epsilon=0.1``.

What a dictionary leaves out has its default, so that defaults that follow from other options still follow.
"""
import dataclasses
import re

from marlfast import toml
from marlfast.errors import FileError, unknown
from marlfast.experiment import LISTS, PARTS, Experiment
from marlfast.registry import Definition, lookup, unknown_option
from marlfast.schedules import known_schedule

_REMOVED = object()


def assign(values, path, value):
    """Change one value of an experiment's dictionary.

    Parameters
    ----------
    values : dict
        Modified in place.
    path : str
        Such as ``"learner.learning_rate"`` or ``"shaping.0.weight"``. What the dictionary leaves out has its
        default. Another ``name`` takes the place of the whole table.
    value
        Plain values.

    Raises
    ------
    ValueError
        No such place; the message suggests the nearest.
    """
    head, *rest = path.split(".")
    known = {field.name for field in dataclasses.fields(Experiment)}
    if head not in known:
        raise unknown("key of the experiment", head, known)
    new = _put(values.get(head), PARTS.get(head), head in LISTS, rest, value)
    if new is _REMOVED:
        values.pop(head, None)
    else:
        values[head] = new


def _put(current, kind, many, keys, value):
    """``current``, plain values of a kind, with ``value`` at the place that ``keys`` name."""
    if not keys:
        return value
    if many or isinstance(current, (list, tuple)):
        return _put_entry(current, kind, keys, value)
    if kind:
        return put_option(current, kind, keys, value)
    raise ValueError(f"what stands before {keys[0]!r} is {current!r}, which has no parts")


def _put_entry(current, kind, keys, value):
    entries = list(current) if isinstance(current, (list, tuple)) else [] if current is None else [current]
    most = len(entries) if kind else len(entries) - 1            # one past the end adds a definition
    if not keys[0].isdecimal() or int(keys[0]) > most:
        raise ValueError(f"expected the number of an entry, 0 to {most}, got {keys[0]!r}")
    k = int(keys[0])
    new = _put(entries[k] if k < len(entries) else None, kind, False, keys[1:], value)
    entries[k:k + 1] = [] if new is _REMOVED else [new]
    return entries


def put_option(current, kind, keys, value):
    """A definition's table with ``value`` at the place that ``keys`` name."""
    key, *rest = keys
    table = {"name": current} if isinstance(current, str) else current
    if key == "name" and not rest:
        if not isinstance(value, str):
            raise ValueError(f"expected the name of the {kind}, got {'nothing' if value is _REMOVED else repr(value)}")
        lookup(kind, value)
        return table if isinstance(table, dict) and table.get("name") == value else {"name": value}
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        been = "not given" if table is None else repr(table)
        raise ValueError(f"the {kind} is {been}, which has no options; set its name first")
    cls = lookup(kind, table["name"])
    fields = {field.name: field for field in dataclasses.fields(cls)}
    key = getattr(cls, "renamed", {}).get(key, key)
    if key not in fields:
        raise unknown_option(cls, key, f"option of {kind} {table['name']!r}", ["name"])
    before = table.get(key, default_of(fields[key]))
    new = _put(before, fields[key].metadata.get("kind"), fields[key].metadata.get("many"), rest, value)
    table = {k: v for k, v in table.items() if k != key}
    return table if new is _REMOVED else {**table, key: new}


def default_of(field):
    """Default of a definition's field as plain values; None where there is none."""
    if field.default is dataclasses.MISSING:
        return None
    return field.default.to_dict() if isinstance(field.default, Definition) else field.default


def parse_value(text):
    """The value in ``--set KEY=VALUE``: TOML, or a bare word, which is a string."""
    text = text.strip()
    if not text:
        return _REMOVED
    if re.fullmatch(r"[A-Za-z_][\w-]*", text) and text not in ("true", "false", "inf", "nan"):
        return text
    try:
        values = toml.loads(f"value = {text}\n")
    except FileError:
        values = {}
    if set(values) != {"value"}:
        raise ValueError(f"{text!r} is not a value as in TOML; write a number such as 0.5, a word, true or false, "
                         "or in quotes for the shell a list such as '[0, 1]' or a table such as '{name = \"linear\"}'")
    return values["value"]


def apply_changes(values, changes, allowed=None):
    """Apply every ``--set``; returns the first keys of the paths."""
    heads = set()
    for change in changes:
        path, equals, text = change.partition("=")
        path = path.strip()
        head = path.partition(".")[0]
        try:
            if not equals:
                raise ValueError("expected KEY=VALUE, such as game.agents=8")
            if allowed and head not in allowed:
                raise ValueError(f"only {' and '.join(allowed)} can be changed here")
            assign(values, path, parse_value(text))
        except ValueError as error:
            raise ValueError(f"--set {path}: {error}") from None
        heads.add(head)
    return heads


def complete(kind, value, where):
    """Refuse definitions without the options that have no default, by name."""
    if isinstance(value, list):
        for k, entry in enumerate(value):
            complete(kind, entry, f"{where}.{k}")
        return
    if kind == "schedule":
        known_schedule(where, value)
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or "name" not in table:
        return                                  # absent, or refused where the definition is made
    if not isinstance(table["name"], str):
        raise ValueError(f"{where}: expected the name of the {kind}, got {table['name']!r}")
    fields = dataclasses.fields(lookup(kind, table["name"]))
    missing = [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in table]
    if missing:
        raise ValueError(f"{where}: {kind} {table['name']!r} needs {listed(missing)}; give each by "
                         f"--set {where}.{missing[0]}=VALUE or in an experiment file")
    for field in fields:
        if field.metadata.get("kind") and field.name in table:
            complete(field.metadata["kind"], table[field.name], f"{where}.{field.name}")


def listed(words):
    """Words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
