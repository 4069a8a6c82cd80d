"""Mutated arguments: of every kernel that is declared or called by a test, and of every definition that is registered.

``python tests/fuzz/arguments.py FIRST COUNT [SECONDS]`` makes so many calls (or for so long) and prints how many there
were and how many were refused. Each is the same for the same number. Whatever numbers arrays hold, a kernel gives an
answer or refuses them with a ValueError or TypeError; a definition says what is wrong in one short line, within 5 s.
The process has a gigabyte: what would take more must be refused by a sentence of this package, not of NumPy.
Reading outside an array, or a number that no integer holds, is seen in a build with sanitizers: ``sanitized.py``.
"""
import dataclasses
import sys
import time
import traceback
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:        # run as a script
    sys.path.insert(0, str(HERE.parent))

import conftest  # noqa: E402
import numpy as np  # noqa: E402
import test_every_part  # noqa: E402
from core import test_declarations as declared  # noqa: E402
from core import test_kernels_bad_input as called  # noqa: E402

from fuzz.limited import memory  # noqa: E402
from marlfast import core, registry  # noqa: E402, F401 - compiled modules are loaded
from marlfast.backends import kernels  # noqa: E402

REALS = [np.nan, np.inf, -np.inf, -1.0, -0.0, 1.0, 0.5, 2.0**31, -2.0**31, 2.0**63, 1e300, 5e-324, 1.0 - 2**-53]
WHOLE = [0, 1, -1, 2, 7, 2**31 - 1, -(2**31), 2**30, 255]
ODD = [None, True, "", "x", -1, 0, 1, 2, 3, 10**5, 10**7, 2**31 - 1, 2**31, 2**62, 2**64, 10**400, 0.5, -0.5, 1e308,
       float("nan"), float("inf"), [], [[]], [1.0], [[1.0, 2.0]], [0] * 500, {}, {"name": "iql"}, object(), "x" * 5000,
       np.zeros((2, 2)), np.ones(3), np.zeros(0), b"x", 1j, (1, 2, 3), [10**400]]
# What NumPy and Python say of values they cannot take, without naming an argument of ours.
FOREIGN = ["truth value", "unhashable", "broadcast", "only integer", "only length-1", "not supported between",
           "float()", "int()", "object is not", "unsupported operand", "cannot convert", "inhomogeneous", "has no len",
           "element with a sequence", "'NoneType'", "must be real number", "not iterable", "to unpack", "out of bounds",
           "has no attribute", "ufunc"]
DEFINITIONS = [one for kind in ("learner", "game") for one in (
    [example.learner for several in conftest.LEARNER_EXAMPLES.values() for example in several.values()
     if not isinstance(example.learner, list)] if kind == "learner" else
    [game for games in conftest.GAME_EXAMPLES.values() for game in games])] + [
    one for examples in test_every_part.EXAMPLES.values() for one in examples.values()]


def module(stem):
    """The compiled kernels of a stem."""
    return kernels("cython", stem)


def spoilt(rng, value):
    """An array with other numbers in some places, or in all; anything else as it is, or odd."""
    if not isinstance(value, np.ndarray):
        return ODD[int(rng.integers(len(ODD)))] if rng.random() < 0.3 and not hasattr(value, "tick") else value
    array = value.copy()
    if array.size and array.dtype.kind in "fiu":
        odd = REALS if array.dtype.kind == "f" else WHOLE
        for _ in range(int(rng.integers(1, 4))):
            with np.errstate(all="ignore"):
                one = np.array(odd[int(rng.integers(len(odd)))]).astype(array.dtype)
                array.flat[int(rng.integers(array.size))] = one
    elif array.size and array.dtype == bool:
        array.flat[int(rng.integers(array.size))] ^= True
    if rng.random() < 0.1:
        axis = int(rng.integers(array.ndim)) if array.ndim else 0
        array = [array[:0], array[None], np.concatenate([array, array], axis=axis), array.T, array.astype(np.float32),
                 array.ravel()][int(rng.integers(6))] if array.ndim else array
    return array


def kernel_call(rng):
    """Make a kernel, or call one, with some arguments spoilt; what a learner does is then tried with odd numbers."""
    if rng.random() < 0.5:
        name = list(called.CALLS)[int(rng.integers(len(called.CALLS)))]
        target, arguments, *_ = called.CALLS[name]
        given = arguments(module)
        call = target(module)
    else:
        names = list(declared.DECLARED)
        name = names[int(rng.integers(len(names)))]
        given, call = declared.good(name, module), getattr(module(declared.DECLARED[name][0]), name)
    some = [key for key in given if rng.random() < 0.5] or list(given)[:1]
    made = call(**given | {key: spoilt(rng, given[key]) for key in some})
    if hasattr(made, "act") and hasattr(made, "update"):
        runs, agents, active_rows = made.runs, made.agents, made.active_rows
        if runs * agents * max(active_rows, made.draws) > 10**6:
            return
        rows = spoilt(rng, np.zeros((runs, active_rows), np.int32))
        draws = spoilt(rng, rng.random((runs, agents, made.draws)))
        made.act(rows, draws, np.zeros((runs, agents), np.int32))
        made.update(rows, spoilt(rng, np.zeros((runs, agents), np.int32)), spoilt(rng, np.ones((runs, agents))),
                    spoilt(rng, np.zeros((runs, active_rows), np.int32)), np.zeros(runs, bool), np.zeros(runs, bool))
        made.tick(np.zeros(runs, bool))


def definition_made(rng):
    """Make a registered definition with one option changed."""
    one = DEFINITIONS[int(rng.integers(len(DEFINITIONS)))]
    fields = [f for f in dataclasses.fields(one) if not f.metadata.get("function")]
    if not fields:
        return
    field = fields[int(rng.integers(len(fields)))]
    value = ODD[int(rng.integers(len(ODD)))]
    try:
        dataclasses.replace(one, **{field.name: value})
    except (ValueError, TypeError) as error:
        text = str(error)
        assert not any(words in text for words in FOREIGN), f"{type(one).__name__}.{field.name} = {value!r:.60}: {text}"
        raise


def judged(number):
    """The call of a number: "taken" or "refused"; anything else is a failure."""
    rng = np.random.default_rng(number)
    begun = time.process_time()
    try:
        kernel_call(rng) if number % 2 else definition_made(rng)
        said = "taken"
    except (ValueError, TypeError, MemoryError, NotImplementedError) as error:
        text = str(error)
        assert number % 2 or "\n" not in text and len(text) < 700, text
        assert not isinstance(error, MemoryError) or "Unable to allocate" not in text, text
        said = "refused"
    except (OverflowError, AttributeError) as error:
        assert number % 2, error            # of a kernel: a number or kind of object that no C type takes
        said = "refused"
    assert time.process_time() - begun < 5.0, f"{time.process_time() - begun:.1f} s"
    return said


def main(first, count, seconds=None):
    """Make mutated calls; prints how many there were, and returns how many failed."""
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"), memory():
        return _tried(first, count, seconds)


def _tried(first, count, seconds):
    counts, failed, slowest, number, begun = {"taken": 0, "refused": 0}, [], (0.0, None), first, time.monotonic()
    while number < first + count and (seconds is None or time.monotonic() - begun < seconds):
        at = time.process_time()
        try:
            counts[judged(number)] += 1
        except Exception as error:
            failed.append(number)
            if len(failed) <= 20:
                print(f"call {number}: {type(error).__name__}: {str(error)[:300]}")
                traceback.print_exc()
        slowest = max(slowest, (time.process_time() - at, number))
        number += 1
    print(f"{number - first} mutated calls from {first} on: {counts['taken']} taken, {counts['refused']} refused, "
          f"{len(failed)} failed {failed[:20]}; the longest answer took {slowest[0]:.2f} s ({slowest[1]})")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
