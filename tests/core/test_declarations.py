"""Whatever is declared of a kernel's arguments is checked, alike in both backends, before anything is touched."""
import inspect

import numpy as np
import pytest

from marlfast.backends import BACKENDS, kernels
from marlfast.declarations import stubs
from marlfast.declarations.base import Array, Cells, Flag, Kernel, Number, Part

from .make import S, drift, env_arguments, loop_arguments, loop_arrays, markov_arguments, schedule

SIZES = {"R": 2, "n_rows": 4, "T": 2, "A": 3, "N": 2, "L": 2, "cells": 3, "slots": 8, "tables": 1}
DECLARED = {kernel.name: (stem, kernel) for stem, several in stubs.modules().items() for kernel in several}
NUMBERS = {"draws": 2, "n_runs": 2, "n_agents": 2, "views": 1}
OTHER = {"float64": np.float32, "int32": np.int64, "int64": np.int32, "uint64": np.int64, "bool": np.uint8}


def _inner(module):
    return module("q_learning").QLearning(**good("QLearning", module))


def _loop(module):
    return loop_arguments(module)[0] | loop_arrays() | {"loop": None}


def _levels(module):
    from .test_hierarchy import Levels

    return Levels(module, agents=2, runs=2).arguments


def _grid_of_one(module):
    return module("encoders").Grid(2, 1, 1, np.zeros(S), np.ones(S), np.full(S, 2))


# What goes together, where zeros (or the least that is allowed) do not: {argument: value, or True for an array of
# zeros in place of None, or a function of the backend's modules}; or that of all arguments.
TOGETHER = {
    "QLearning": {"agent_ids": np.arange(2, dtype=np.int32), "ties": 0},
    "DoubleQ": {"draws": 3},
    "Traces": {"cutoff": 0.1, "waiting": True, "waiting_reward": True, "late": True},
    "PolicyHillClimbing": {"average": True},
    "Lenient": {"boldness": np.ones(2), "lenience": np.ones(2)},
    "Mixing": {"members": np.arange(2, dtype=np.int32), "starts": np.array([0, 1, 2]), "target_q": True,
               "since": True, "target_every": 1},
    "MeanField": {"inner": _inner, "agent_ids": np.arange(2, dtype=np.int32), "n_near_actions": 2, "bins": 1,
                  "n_rows": 2, "group": True},
    "MeanFieldActorCritic": {"kind": 1, "n_near_actions": 2, "bins": 1, "edges": np.array([0, 1, 2]),
                             "neighbours": np.array([1, 0], np.int32)},
    "Joint": {"rule": 1, "weights": np.array([[3, 1], [1, 3]]), "n_choices": np.array([3, 3]),
              "steps": np.array([3, 3]), "n_actions": np.array([3, 3], np.int32), "kind": 0, "ties": 0,
              "together": False, "draws": 3},
    "Tiles": {"members": np.zeros(2, np.int64), "ends": np.array([0, 1, 2]), "starts": np.array([0, 1, 2])},
    "Repeated": {"actions": np.array([3, 3], np.int32), "chances": True, "memory": 1},
    "Markov": lambda module: markov_arguments(False), "Foraging": {
        "agents": 2, "rows": 3, "columns": 3, "foods": 1, "min_player": np.ones(2, np.int32),
        "max_player": np.ones(2, np.int32),
        "min_food": np.ones(1, np.int32), "max_food": np.ones(1, np.int32)},
    "Congestion": {"first_choice": np.array([0, 2], np.int32), "first_use": np.array([0, 1, 2], np.int32)},
    "Observed": {"within": _grid_of_one}, "Known": {"keys": np.arange(8).reshape(4, 2)},
    "Softmax": {"agent_ids": np.arange(2, dtype=np.int32), "exploration": True},
    "Opponent": {"n_runs": 2, "agent_ids": np.arange(2, dtype=np.int32), "n_actions": np.array([3, 3], np.int32)},
    "RegretMatching": {"inertia": np.ones(2)}, "Exp3": {"gamma": np.ones(2), "low": 0.0, "high": 1.0},
    "Loop": _loop, "Hierarchy": _levels, "Env": env_arguments,
    "PolicyGradient": {"agent_ids": np.arange(2, dtype=np.int32), "counterfactual": False, "epochs": 1, "critic": True,
                       "clip": True, "value_clip": True, "unit_of": np.arange(2, dtype=np.int32)},
}
LENGTHS = {"Repeated": {"J": 9}, "Joint": {"J": 9, "policy_actions": 3, "C": 0},
           "PolicyGradient": {"states": 4, "U": 2},
           "Mixing": {"edges": 3}, "RegretMatching": {"conditions": 3}}


def good(name, module):
    """Arguments of a kernel that fit together, made from its declaration."""
    kernel = DECLARED[name][1]
    special = TOGETHER.get(name, {})
    if callable(special):
        return special(module)
    special = (TOGETHER.get(kernel.base.name, {}) if kernel.base else {}) | special
    known, given = dict(LENGTHS.get(name, {})), {}
    for key, one in kernel.arguments.items():
        value = special.get(key, one.default if one.default is not inspect.Parameter.empty else True)
        if callable(value):
            value = value(module)
        elif value is True and isinstance(one, Array):
            for axis in one.sizes():
                known.setdefault(axis, SIZES.get(axis, 2))
            low = one.values[0] if one.values else 0
            value = np.full(one.shape(known), low, one.dtype)
        elif value is True and isinstance(one, Part):
            value = drift(module) if one.of == "Game" else module("encoders").Grid(**good("Grid", module)) \
                if one.of == "Encoder" else schedule(module("schedules"), 0.5, SIZES["R"])
            known |= {size: getattr(value, attribute) for size, attribute in one.gives.items()}
        elif value is True and isinstance(one, Number):
            value = NUMBERS.get(key, (one.choices or (one.low or 0,))[0])
        if isinstance(value, np.ndarray):
            known |= {axis: n for axis, n in zip(one.axes, value.shape, strict=True) if isinstance(axis, str)}
            value = value.copy()
        elif isinstance(one, Number):
            known[key] = value
        given[key] = value
        if key == "rule":
            known["P"] = SIZES["T"]
        known |= {"room": 1, "means": 2, "M": 2} if key in ("starts", "bins") else {}
        known |= {"joint": 9, "M": 3, "A": 3} if key == "n_runs" else {}
    return given


def wrong(one, value, kernel):
    """{how: what does not fit in the place of an argument}."""
    found = {} if isinstance(one, (Array, Flag)) else {"a word": "no"}
    if isinstance(one, Number) and one.choices:
        found |= {"below": one.choices[0] - 1, "above": one.choices[-1] + 1}
    elif isinstance(one, Number) and one.low is not None:
        found |= {"below": one.low - 1}
    if not isinstance(one, Array) or value is None:
        return found
    firsts = set()
    for other in kernel.arguments.values():
        if other is one:
            break
        firsts |= set(other.sizes())
    found |= {"a list": value.tolist(), "a number": 1.0, "another dtype": value.astype(OTHER[one.dtype]),
              "objects": value.astype(object), "another axis": value[None].copy(), "no axis": np.zeros((), value.dtype)}
    if value.dtype.itemsize > 1:
        found["another byte order"] = value.astype(value.dtype.newbyteorder())
    if one.default is inspect.Parameter.empty:
        found["None"] = None
    for axis, length in enumerate(one.axes):
        if not isinstance(length, str) or length in firsts:
            shape = [n + (k == axis) for k, n in enumerate(value.shape)]
            found[f"longer in axis {axis}"] = np.zeros(shape, value.dtype) + (value.flat[0] if value.size else 0)
    if value.size and len(value) > 1:
        found |= {"backwards": np.ascontiguousarray(value[::-1])[::-1],
                  "every second": np.repeat(value, 2, axis=0)[::2]}
    if one.values and isinstance(one.values[0], int) and value.size:
        found["below what is allowed"] = np.full_like(value, one.values[0] - 1)
    if one.written:
        found["read-only"] = value.copy()
        found["read-only"].flags.writeable = False
    return found


ARGUMENTS = [(name, key) for name, (_, kernel) in DECLARED.items() for key, one in kernel.arguments.items()
             if not isinstance(one, Flag)]


@pytest.mark.parametrize("name", DECLARED)
def test_what_fits_is_taken(name):
    for backend in BACKENDS:
        def module(stem, backend=backend):
            return kernels(backend, stem)

        made = getattr(module(DECLARED[name][0]), name)(**good(name, module))
        assert DECLARED[name][1].family in (None, "Game") or made.runs == SIZES["R"]


@pytest.mark.parametrize("name, key", ARGUMENTS)
def test_what_does_not_fit_is_refused(name, key):
    stem, kernel = DECLARED[name]
    one, said = kernel.arguments[key], []
    for backend in BACKENDS:
        def module(stem, backend=backend):
            return kernels(backend, stem)

        make, given = getattr(module(stem), name), good(name, module)
        for how, value in wrong(one, given.get(key), kernel).items():
            arrays = {k: a for k, a in (given | {key: value}).items() if isinstance(a, np.ndarray)}
            before = {k: a.tobytes() for k, a in arrays.items()}
            with pytest.raises((TypeError, ValueError)) as caught:
                make(**given | {key: value})
            assert {k: a.tobytes() for k, a in arrays.items()} == before
            said.append((how, caught.type, str(caught.value)))
    half = len(said) // 2
    assert said[:half] == said[half:]
    assert half or given.get(key) is None or isinstance(one, Number)
    # Where it is the first to say how long an axis is, another array may be the one that does not fit.
    for how, _, message in said:
        assert message.startswith(f"{key}: expected") or how.startswith("longer") or key in message, (how, message)


@pytest.mark.parametrize("name", [name for name, (_, kernel) in DECLARED.items() if kernel.family])
def test_arguments_are_given_by_name(name):
    stem, kernel = DECLARED[name]
    said = []
    for backend in BACKENDS:
        def module(stem, backend=backend):
            return kernels(backend, stem)

        make, given = getattr(module(stem), name), good(name, module)
        if kernel.by_position:
            first, named = list(given.values())[:kernel.by_position], dict(list(given.items())[kernel.by_position:])
            assert kernel.by_position <= 8 and make(*first, **named)
            with pytest.raises(TypeError):
                make(*first, 0)
        else:
            with pytest.raises(TypeError):
                make(*given.values())
        with pytest.raises(TypeError) as caught:
            make(**given | {"exploratoin": 1})
        said.append(str(caught.value))
        needed = next(key for key, one in kernel.arguments.items() if one.default is inspect.Parameter.empty)
        with pytest.raises(TypeError) as caught:
            make(**{key: value for key, value in given.items() if key != needed})
        said.append(str(caught.value))
        assert said[-1] == f"{name}: {needed} is missing"
    assert said[:2] == said[2:] and said[0].startswith(f"unknown argument of {name} 'exploratoin'")


# -- the declarations themselves ------------------------------------------------------------------

def test_a_declaration_checks_in_order_and_says_the_sizes():
    kernel = Kernel("Some", Cells("q", "float64", "R n_rows T A"), Array("more", "int32", "R 2*A+1 3", written=True),
                    Number("k", low=1, high="n_rows"), lambda n: {"both": n.k + n.A}, Flag("on", default=False))
    q = np.zeros((2, 4, 1, 3))
    a = kernel.check({"q": q, "more": np.zeros((2, 7, 3), np.int32), "k": 4})
    assert (a.R, a.n_rows, a.T, a.A, a.both, a.on, a.q_step) == (2, 4, 1, 3, 7, False, 3)
    assert a.q is q and list(a.arguments) == ["q", "more", "k", "on"] and a.kept[0] is q
    with pytest.raises(ValueError, match=r"^more: expected shape \(2, 7, 3\), got \(2, 6, 3\)$"):
        kernel.check({"q": q, "more": np.zeros((2, 6, 3), np.int32), "k": 4})
    with pytest.raises(ValueError, match="^k: expected 1 to 4, got 5$"):
        kernel.check({"q": q, "more": np.zeros((2, 7, 3), np.int32), "k": 5})
    with pytest.raises(TypeError, match="^k: expected a whole number, got 1.5$"):
        kernel.check({"q": q, "more": np.zeros((2, 7, 3), np.int32), "k": 1.5})


def test_the_docstring_of_a_twin_says_what_is_declared():
    twin = kernels("numpy", "one_step").OneStep
    assert inspect.signature(twin) == DECLARED["OneStep"][1].signature
    for line in ("    As of :class:`QLearning`.", "rule : int", "second : Schedule or None"):
        assert line in twin.__doc__
    whole = kernels("numpy", "q_learning").QLearning.__doc__
    assert "    visits : int32 [R, n_rows, T]\n        Modified: how often" in whole
