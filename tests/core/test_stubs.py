"""The stubs of the compiled modules say what the modules, and their NumPy twins, really have."""
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marlfast.declarations import stubs

from .source import (
    SOURCES,
    STUBS,
    Stub,
    constructor_parameters,
    parameter,
    public_methods,
    public_parts,
    pyx_attributes,
    pyx_constructors,
    runtime_parameters,
)

NAMES = sorted(STUBS)


def compiled(name):
    return importlib.import_module(f"marlfast.core._{name}")


def twin(name):
    return importlib.import_module(f"marlfast.reference.{name}")


def test_every_compiled_module_has_a_stub_and_every_stub_a_module():
    assert NAMES, "no stubs were found beside the compiled modules"
    assert sorted(SOURCES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_stub_has_the_public_names_of_the_module(name):
    stub, (classes, functions, values) = Stub(STUBS[name]), public_parts(compiled(name))
    assert set(stub.classes) == set(classes)
    assert set(stub.functions) == set(functions)
    assert stub.values == values


@pytest.mark.parametrize("name", NAMES)
def test_stub_functions_and_methods_have_the_parameters_of_the_module(name):
    stub, (classes, functions, _) = Stub(STUBS[name]), public_parts(compiled(name))
    for function, parameters in stub.functions.items():
        assert parameters == runtime_parameters(functions[function], False), function
    for cls, (_, methods, _) in stub.classes.items():
        own = public_methods(classes[cls])
        assert set(methods) - {"__init__"} == set(own), cls
        for method, function in own.items():
            assert methods[method] == runtime_parameters(function, True), f"{cls}.{method}"


@pytest.mark.parametrize("name", NAMES)
def test_stub_classes_have_the_bases_and_attributes_of_the_module(name):
    stub, classes = Stub(STUBS[name]), public_parts(compiled(name))[0]
    for cls, (bases, _, attributes) in stub.classes.items():
        assert (bases or ["object"]) == [base.__name__ for base in classes[cls].__bases__], cls
        own = {n for n, part in vars(classes[cls]).items()
               if not n.startswith("_") and type(part).__name__ in ("getset_descriptor", "property")}
        assert attributes == own, cls


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_stub_constructors_and_attributes_are_those_of_the_source(name):
    # A compiled class has no signature at run time: its constructor is read in the source.
    stub = Stub(STUBS[name])
    constructors, attributes = pyx_constructors(SOURCES[name]), pyx_attributes(SOURCES[name])
    assert set(stub.classes) == set(constructors)
    for cls, parameters in constructors.items():
        assert stub.classes[cls][1].get("__init__") == parameters, cls
        assert stub.classes[cls][2] == attributes[cls], cls


@pytest.mark.parametrize("name", NAMES)
def test_stub_has_the_parameters_of_the_twin(name):
    stub, (classes, functions, values) = Stub(STUBS[name]), public_parts(twin(name))
    assert stub.values <= values
    for function, parameters in stub.functions.items():
        assert parameters == runtime_parameters(functions[function], False), function
    for cls, (_, methods, _) in stub.classes.items():
        for method, parameters in methods.items():
            wanted = constructor_parameters(classes[cls]) if method == "__init__" else runtime_parameters(
                getattr(classes[cls], method), True)
            assert parameters == wanted, f"{cls}.{method}"


@pytest.mark.parametrize("name", NAMES)
def test_no_list_of_arguments_by_position_is_longer_than_eight(name):
    classes, functions, _ = public_parts(twin(name))
    found = functions | {cls: part.__init__ for cls, part in classes.items()}
    for called, function in found.items():
        kinds = [p.kind for name, p in inspect.signature(function).parameters.items() if name != "self"]
        assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 8, called


@pytest.mark.parametrize("stem", sorted(stubs.modules()))
def test_stubs_of_what_is_declared_are_up_to_date(stem):
    """``python -m marlfast.declarations.stubs`` writes them."""
    assert STUBS[stem].read_text(encoding="utf-8") == stubs.stub(stem, stubs.modules()[stem])


@pytest.mark.slow
def test_stubs_are_what_mypy_finds_in_the_modules(tmp_path):
    pytest.importorskip("mypy")
    here = Path(__file__)
    names = [f"marlfast.core._{name}" for name in NAMES]
    # Compiled classes can be a base beside others only where layouts agree; nobody derives from two of them.
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "--concise", "--ignore-disjoint-bases", "--allowlist",
                           here.with_name("stubtest.txt"), *names], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"MYPYPATH": str(here.parents[2]), "PYTHONPATH": str(here.parents[2])})
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("text, expected", [
    ("q", ("q", None)), ("Schedule rate", ("rate", None)), ("Game game not None", ("game", None)),
    ("const int32_t[:, ::1] actions not None", ("actions", None)), ("int64_t lo=0", ("lo", "0")),
    ("double *out", ("out", None)), ("bint copy = True", ("copy", "True")),
])
def test_parameters_are_read_as_cython_writes_them(text, expected):
    assert parameter(text) == expected
