"""The table, and what it was measured with."""
import contextlib
import importlib.metadata
import os
import platform
from pathlib import Path

import numpy as np

import marlfast as mf

_COLUMNS = ((8, "", "<"), (64, "what", "<"), (10, "median", ">"), (19, "least - greatest", ">"), (11, "target", ">"),
            (7, "met", ">"))


def _number(value, unit):
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{'' if unit == 'x' else ' '}{unit}"


def _line(cells):
    return " ".join(f"{cell:{side}{width}}" for cell, (width, _, side) in zip(cells, _COLUMNS, strict=True)).rstrip()


def header():
    """The table's head: what the columns are."""
    line = _line([title for _, title, _ in _COLUMNS])
    return f"{line}\n{'-' * len(line)}"


def format_row(r):
    """One line of the table; a second one below it where there is more to say."""
    if r.skipped:
        return f"{_line([r.name, r.what, 'skipped', '', '', ''])}\n{'':9}{r.note}"
    target = "" if r.target is None else f"{'>=' if r.at_least else '<='} {_number(r.target, r.unit)}"
    met = {None: "", True: "yes", False: "NO"}[r.met]
    span = f"{_number(r.low, r.unit)} - {_number(r.high, r.unit)}"
    line = _line([r.name, r.what, _number(r.value, r.unit), span, target, met])
    return f"{line}\n{'':9}{r.note}" if r.note else line


def summary(rows):
    """How many targets were met, in one sentence."""
    met = [r.met for r in rows if r.met is not None]
    skipped = sum(r.skipped for r in rows)
    return (f"{sum(met)} of {len(met)} targets met" + (f", {len(met) - sum(met)} missed" if not all(met) else "")
            + (f"; {skipped} skipped" if skipped else "") + ".")


def versions():
    """What the figures were measured with."""
    found = {"marlfast": mf.__version__, "python": platform.python_version(), "numpy": np.__version__,
             "processor": _processor(), "processors": os.cpu_count()}
    for module in ("numba", "jax", "lbforaging"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[module] = importlib.metadata.version(module)
    return found


def _processor():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
