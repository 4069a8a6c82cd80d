"""How much memory there is, and the refusal of what would need more, before any of it is taken."""
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

# What is smaller than this is allocated without looking.
UNCHECKED = 2**26
# What processors of 64 bits can address: the bound where nothing says how much memory there is.
ADDRESSED = 2**47


class Shape(NamedTuple):
    """Shape and dtype of an array that is not made yet."""

    shape: tuple
    dtype: str = "float64"

    @property
    def bytes(self):
        """How long it would be: an int, however large."""
        return math.prod(map(int, self.shape)) * np.dtype(self.dtype).itemsize    # those of NumPy overflow


def total(shapes):
    """Bytes of arrays, {name: Shape}."""
    return sum(one.bytes for one in shapes.values())


def memory_of_machine():
    """Bytes of memory that this machine has, or None where that cannot be said."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):       # not on Windows
        return None


def memory_of_group(root="/"):
    """Bytes that the control groups of this process may have (as in a container or a batch job), or None.

    Parameters
    ----------
    root : path-like
        Where ``proc`` and ``sys`` are.
    """
    try:
        listed = (Path(root) / "proc/self/cgroup").read_text().splitlines()
    except (OSError, UnicodeDecodeError):               # not on Linux
        return None
    least = None
    for line in listed:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:           # version 2
            base, name = Path(root) / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, name = Path(root) / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.strip("/")
        # A group may have what all that it is in may have. In a container the path may be that outside of it.
        for place in [group, *(parent for parent in group.parents if base in (parent, *parent.parents)), base]:
            try:
                limit = int((place / name).read_text())
            except (OSError, ValueError):               # none, or "max"
                continue
            least = limit if least is None else min(least, limit)
    return least


def memory_of_process():
    """Bytes that this process may still take by its own limits (``ulimit -v`` and ``-d``), or None."""
    try:
        import resource
    except ImportError:                                 # not on Windows
        return None
    limits = [soft for soft, _ in map(resource.getrlimit, (resource.RLIMIT_AS, resource.RLIMIT_DATA))
              if soft != resource.RLIM_INFINITY]
    if not limits:
        return None
    try:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        taken = 0
    return max(min(limits) - taken, 0)


def memory_there():
    """Bytes that may be asked for: the least of what the machine, its control groups and ``ulimit`` say, or None."""
    known = [there for there in (memory_of_machine(), memory_of_group(), memory_of_process()) if there is not None]
    return min(known, default=None)


def size(count):
    """A number of bytes in words, such as ``"4.0 GB"``."""
    if count >= 10**15:
        digits = f"{count:.0e}" if count < 10**300 else f"1e+{len(hex(count)) * 120 // 100}"
        return f"about 10**{int(digits.partition('e+')[2]) - 9} GB"
    return f"{count / 1e9:,.1f} GB" if count >= 10**8 else f"{count / 1e6:,.1f} MB"


def check_memory(what, needed, remedy):
    """Refuse what would need more memory than there is, before any of it is taken.

    Parameters
    ----------
    what : str
        What needs it, in the plural, after the name of the argument: ``"learner: tables for 3 runs"``.
    needed : int
        Bytes.
    remedy : str
        What to do, such as ``"take fewer runs"``.

    Raises
    ------
    MemoryError
        With both numbers.
    """
    if needed <= UNCHECKED:
        return
    there = memory_there()
    there = ADDRESSED if there is None else there
    if needed > there:
        raise MemoryError(f"{what} need {size(needed)}, more than there is ({size(there)}); {remedy}")
