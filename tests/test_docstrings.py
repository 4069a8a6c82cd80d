"""Docstrings of all that is public: numpydoc's own validation, examples that run, references that lead somewhere."""
import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re
from functools import cached_property
from pathlib import Path

import pytest
from numpydoc.validate import validate

import marlfast
from marlfast.registry import Definition

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reference"

# Checks of numpydoc's that are not ours.
EXCLUDED = {
    "ES01": "one sentence is often enough",
    "SS05": "it takes every first word that ends in s for a verb; many summaries begin with a noun",
}
OF_METHODS = {
    "EX01": "the example of a method is that of its class",
    "SA01": "what belongs together stands beside it in its class",
}
OF_OVERRIDES = {
    "PR01": "what a method takes stands where it is first defined", "PR02": "", "PR03": "", "RT01": "",
}
OF_RESULTS = {
    "EX01": "classes that a function returns are shown in its example; they are named in its See Also",
    "PR01": "what they are made of are their attributes: that all are documented is checked here",
}
EXAMPLES_THAT_NEED = {
    "marlfast.plotting": ["matplotlib"], "marlfast.reports": ["matplotlib", "jinja2"],
    "marlfast.adapters.gymnasium": ["gymnasium"], "marlfast.adapters.pettingzoo": ["pettingzoo"],
    "marlfast.games.pettingzoo": ["pettingzoo"], "marlfast.games.own": ["numba"],
    "marlfast.sweeps.tuning": ["optuna"],
}


def modules():
    """All public modules: those with ``__all__``, and those that the reference shows."""
    shown = {name for page in DOCS.glob("*.md") for name in re.findall(r"\{public\} (\S+)", page.read_text("utf-8"))}
    for found in pkgutil.walk_packages(marlfast.__path__, "marlfast."):
        source = Path(found.module_finder.path, *found.name.split(".")[-1:])
        source = source / "__init__.py" if found.ispkg else source.with_suffix(".py")
        if source.exists() and re.search(r"^__all__\b", source.read_text(encoding="utf-8"), re.M):
            shown.add(found.name)
    return sorted(shown | {"marlfast"})


def public_names(module):
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [name for name, thing in vars(module).items() if not name.startswith("_") and callable(thing)
            and getattr(thing, "__module__", None) == module.__name__]


def members(cls):
    """Methods and properties of a class that are its own or a base's of ours: (class that has it, name, as it is)."""
    for name in dir(cls):
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        if not name.startswith("_") and owner is not None and owner.__module__.startswith("marlfast"):
            raw = vars(owner)[name]
            if isinstance(raw, (staticmethod, classmethod, property, cached_property)) or inspect.isfunction(raw):
                yield owner, name, raw


def public():
    """{"module:qualified name": (what it is, class it belongs to)} of all that is public."""
    found = {}
    for module in map(importlib.import_module, modules()):
        for thing in (getattr(module, name) for name in public_names(module)):
            if not (inspect.isclass(thing) or inspect.isfunction(thing)) or not thing.__module__.startswith("marlfast"):
                continue
            found[f"{thing.__module__}:{thing.__qualname__}"] = thing, None
            if inspect.isclass(thing):
                for owner, name, raw in members(thing):
                    found[f"{owner.__module__}:{owner.__qualname__}.{name}"] = raw, owner
    return found


PUBLIC = public()
OWN = {name: one for name, one in PUBLIC.items() if name.startswith("marlfast")}


def text_of(thing):
    return getattr(thing, "__func__", thing).__doc__


def documented(cls, section):
    """Names in a section of a class's docstring."""
    heads = re.findall(r"^(\*{0,2}\w[\w, *]*?)(?: :.*)?$", section_of(cls.__doc__, section), re.M)
    return {name.strip() for head in heads for name in head.split(",")}


def section_of(text, name):
    """A section of a docstring, or "" where there is none."""
    found = re.search(rf"^{name}\n-+\n(.*?)(?=^\S[^\n]*\n-{{3,}}|\Z)", inspect.cleandoc(text or ""), re.M | re.S)
    return found.group(1) if found else ""


def is_overriding(owner, name):
    """Whether a base has it, and says there what it is."""
    bases = [base for base in owner.__mro__[1:] if name in vars(base) or name in documented(base, "Attributes")]
    return any(name in documented(base, "Attributes") or text_of(vars(base)[name]) for base in bases)


def problems(name, thing, owner):
    """What numpydoc finds, without what is excluded."""
    if owner is not None and is_overriding(owner, name.rpartition(".")[2]):
        if not text_of(thing):
            return []
        excluded = EXCLUDED | OF_METHODS | OF_OVERRIDES
    elif owner is not None:
        excluded = EXCLUDED | OF_METHODS
    elif inspect.isclass(thing) and documented(thing, "Attributes") and not documented(thing, "Parameters"):
        excluded = EXCLUDED | OF_RESULTS
    else:
        excluded = EXCLUDED
    return [f"{code} {said}" for code, said in validate(name.replace(":", "."))["errors"]
            if code not in excluded]


@pytest.mark.parametrize("module", sorted({name.partition(":")[0] for name in OWN}))
def test_numpydoc_has_nothing_to_say(module):
    said = {name: found for name, (thing, owner) in OWN.items()
            if name.startswith(f"{module}:") and (found := problems(name, thing, owner))}
    assert not said


def test_all_fields_of_what_is_returned_are_documented():
    for name, (thing, _) in OWN.items():
        if inspect.isclass(thing) and dataclasses.is_dataclass(thing):
            fields = {f.name for f in dataclasses.fields(thing) if f.init and not f.name.startswith("_")}
            assert fields <= documented(thing, "Parameters") | documented(thing, "Attributes"), name


KINDS = "learner", "game"
NOBODYS = {"CompiledGame", "Each", "FixedPolicy", "Frozen", "NumPyGame", "Random"}


def test_every_learner_and_game_has_an_example_of_its_own_and_its_source():
    for name, (thing, _) in OWN.items():
        if inspect.isclass(thing) and issubclass(thing, Definition) and thing.name and thing.kind in KINDS:
            assert thing.__name__ in section_of(thing.__doc__, "Examples"), name
            assert bool(section_of(thing.__doc__, "References")) is (thing.__name__ not in NOBODYS), name


def test_references_lead_somewhere():
    """Every name of a See Also is there: beside it, in its package, or in marlfast."""
    for name, (thing, _) in OWN.items():
        package = name.partition(":")[0]
        places = [package, package.rpartition(".")[0], "marlfast"]
        for one in see_also(text_of(thing)):
            found = exists(one) if one.startswith("marlfast") else any(exists(f"{place}.{one}") for place in places)
            assert found, f"{name}: {one}"


def see_also(text):
    heads = re.findall(r"^(\S[^:]*?)(?: :.*)?$", section_of(text, "See Also"), re.M)
    return [name.strip() for head in heads for name in head.split(",")]


def exists(path):
    thing, *parts = [marlfast, *path.split(".")[1:]]
    for part in parts:
        thing = getattr(thing, part, None) or submodule(thing, part)
    return thing is not None


def submodule(thing, part):
    try:
        return importlib.import_module(f"{thing.__name__}.{part}")
    except (ImportError, AttributeError):
        return None


WITH_EXAMPLES = sorted(name for name, (thing, _) in OWN.items() if ">>>" in (text_of(thing) or ""))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_print_what_they_say(name, tmp_path, monkeypatch):
    for start, needed in EXAMPLES_THAT_NEED.items():
        for library in needed if name.startswith(start) else ():
            pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    case = doctest.DocTestParser().get_doctest(text_of(OWN[name][0]), {"__name__": "__main__"}, name, None, None)
    said = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(case, out=said.append)
    assert not runner.failures, "".join(said)
