"""What the commands print alike."""
import dataclasses
import inspect
import sys

import numpy as np

from marlfast import toml
from marlfast.cli.changes import default_of
from marlfast.evaluate import evaluate

WIDTH = 100
MAX_SIDES = 8

MEANING = ("Team return: the rewards of one episode added up, without shaping, mean over the agents; "
            "higher is better.")
MEANING_OF_SIDES = ("Return: the rewards of one episode added up, without shaping; of each side by itself, as they "
                    "play against each other.")


def fail(error, status):
    print(f"marlfast: error: {sentence(error)}", file=sys.stderr)
    return status


def sentence(error):
    """An exception in one line."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
    if isinstance(error, MemoryError) and "than there is" not in text:      # which says what to do
        text = f"not enough memory ({text}); use fewer runs, agents or table rows"
    return " ".join(text.split())


def plural(n, word):
    return word if n == 1 else f"{word}s"


def in_words(part):
    """A definition's dictionary in a line."""
    options = ", ".join(f"{key} {short(value)}" for key, value in part.items() if key != "name")
    return f"{part['name']}: {options}" if options else part["name"]


def short(value):
    if isinstance(value, dict):
        return f"({in_words(value)})"
    if isinstance(value, str):
        return value
    text = toml.inline(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def play(game, policy, episodes, seed, runs, how, sides):
    """Mean return of each side (of a Result) in each run: {side: float64 [R]}, NaN of one that failed."""
    returns = evaluate(game, policy, episodes=episodes, seed=seed, runs=runs, **how).returns
    return {side: returns[:, :, who].mean(axis=(1, 2)) for side, who in list(sides.items())[:MAX_SIDES]}


def lines_of(label, by_side):
    """Lines of a table: one, or one for each side."""
    return [(label if len(by_side) == 1 else f"{label}: {side}", values) for side, values in by_side.items()]


def meaning(sides):
    """What the numbers of a table are."""
    return MEANING if len(sides) == 1 else MEANING_OF_SIDES


def table(rows, word="team return"):
    """Aligned lines of (label, float64 [R]): mean over runs, lowest and highest, without those that are NaN."""
    runs = max(len(values) for _, values in rows)
    rows = [(label if np.isfinite(values).all() else f"{label} ({np.isfinite(values).sum()} of {len(values)} runs)",
             values[np.isfinite(values)]) for label, values in rows]
    most = max(float(np.abs(values).max()) for _, values in rows)
    decimals = 1 if most >= 100 else 2 if most >= 1 else 4
    cells = [(f"{word} per episode", *((f"mean of {runs} runs", "lowest run", "highest run") if runs > 1
                                           else ("one run",)))]
    for label, values in rows:
        numbers = (values.mean(), values.min(), values.max()) if runs > 1 else (values.mean(),)
        cells.append((f"  {label}", *(f"{number:,.{decimals}f}" for number in numbers)))
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    lines = ["   ".join(cell.ljust(width) if k == 0 else cell.rjust(width)
                        for k, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in cells]
    return "\n".join(lines) + "\n"


def first_line(cls):
    """The first sentence of a definition's docstring."""
    return " ".join(inspect.getdoc(cls).split("\n\n")[0].split()).replace("``", "")


def show(cls, place):
    """One definition in full: its docstring, then its options with their defaults."""
    prefix = f"{place}." if place else ""
    print(f"{cls.name}\n\n{inspect.getdoc(cls)}\n\nOptions, as --set {prefix}OPTION=VALUE\n")
    for field in dataclasses.fields(cls):
        for key, default in options(field.name, field):
            print(f"    {key} = {default}")


def options(key, field):
    """Pairs of key and default of one field, with those inside its default."""
    if field.default is dataclasses.MISSING:
        return [(key, "(needed)")]
    default = default_of(field)
    if default is None:
        return [(key, "(not set)")]
    if isinstance(default, dict):
        return [(f"{key}.{inner}", toml.inline(value)) for inner, value in default.items()]
    return [(key, toml.inline(default))]
