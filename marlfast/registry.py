"""Definitions: frozen descriptions of games, learners, encoders and the rest, by kind and name.

A definition is data: it can be written to a file as a dictionary of plain values and made again
from one. A subclass that sets ``name`` registers itself, so that adding one edits no other file.
"""
import dataclasses
import functools
import importlib
import inspect

import numpy as np

from marlfast.errors import shown, unknown

_REGISTRY = {}
HINTS = {}          # by kind: a function of what came in place of one, that says in words which call takes it
#: What papers and other libraries call options; suggested where a definition has the option, and taken by studies.
SYMBOLS = {"alpha": "learning_rate", "lr": "learning_rate", "gamma": "discount", "delta": "discount",
           "exploration": "explore", "policy": "explore", "players": "agents", "firms": "agents", "n_agents": "agents",
           "num_agents": "agents", "n_actions": "actions", "prices": "actions", "mu": "differentiation",
           "xi": "margin", "beta": "decay", "max_steps": "horizon", "episode_length": "horizon"}


def spread(value, runs, dtype=np.float64):
    """A number, or one per run, as an array [R]."""
    array = np.empty(runs, dtype)
    array[:] = value
    return array


def option(default=dataclasses.MISSING, kind=None, many=False, per_run=False):
    """A field that holds another definition (``kind``), or a list of them (``many``), or may differ from run to run.

    ``per_run``: True, where an array has a number for each run; or how many axes an array has whose first is the run.
    """
    return dataclasses.field(default=default, metadata={"kind": kind, "many": many, "per_run": per_run})


def on_demand(package, gives, at_once):
    """``__all__``, ``__getattr__`` and ``__dir__`` of a package whose files are imported when first asked for.

    Parameters
    ----------
    package : str
        Its dotted name.
    gives : dict of str to str
        Public names of each file, in one string.
    at_once : sequence of str
        Public names that the package has anyway.
    """
    file_of = {name: file for file, names in gives.items() for name in names.split()}
    names = [*at_once, *sorted(file_of)]

    def getattr_(name):
        if name in gives:
            return importlib.import_module(f"{package}.{name}")
        if name not in file_of:
            raise AttributeError(f"{package} has no {name!r}; it has {', '.join(names)}")
        return getattr(importlib.import_module(f"{package}.{file_of[name]}"), name)

    return names, getattr_, lambda: names


class Definition:
    """Base of all frozen definitions. Subclasses are frozen dataclasses with ``kind`` and ``name``."""

    kind = None
    name = None
    also = ()       # what else people call it; only ever suggested

    def __new__(cls, *args, **kwargs):
        if kwargs and not kwargs.keys() <= getattr(cls, "__dataclass_fields__", {}).keys():
            refuse_unknown(cls, kwargs)
        return super().__new__(cls)

    # Of classes that have no arguments of their own, what help() shows.
    __new__.__signature__ = inspect.Signature([inspect.Parameter("cls", inspect.Parameter.POSITIONAL_ONLY)])

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "also" not in cls.__dict__:
            cls.also = ()       # people call the base so, not what is derived from it
        if cls.__dict__.get("name"):
            _REGISTRY.setdefault(cls.kind, {})[cls.name] = cls

    # Once here, in place of once a class: dataclass would write and compile these for each, which is most of
    # the time that an import takes.

    def __repr__(self):
        values = ", ".join(f"{f.name}={value!r}" for f in dataclasses.fields(self)
                           if (value := getattr(self, f.name)) is not None or not f.kw_only)
        return f"{type(self).__name__}({values})"

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in dataclasses.fields(self))

    def __hash__(self):
        return hash(type(self))     # fields may be arrays; equal definitions are of the same type

    def _set(self, **values):
        """Put checked values into a frozen instance; for ``__post_init__``."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def runs_given(self):
        """Find the parameters that are given run by run, here and in the parts.

        Returns
        -------
        dict of str to int
            How many values each has.
        """
        found = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if _by_run(f, value):
                found[f.name] = len(value)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Definition):
                    found |= {f"{f.name}.{name}": n for name, n in part.runs_given().items()}
        return found

    def of_run(self, run):
        """Make the same definition as one run has it: parameters that are given run by run become single numbers.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        Definition
            Itself, where nothing is given run by run.
        """
        changes = {}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if _by_run(f, value):
                changes[f.name] = float(value[run]) if value.ndim == 1 else value[run]
            elif isinstance(value, Definition) and value.runs_given():
                changes[f.name] = value.of_run(run)
            elif isinstance(value, tuple) and any(isinstance(part, Definition) for part in value):
                changes[f.name] = tuple(part.of_run(run) for part in value)
        return dataclasses.replace(self, **changes) if changes else self

    def to_dict(self):
        """Give it as plain values: numbers, strings, lists and dictionaries, with the ``name``.

        Of a function in a field made for one, only its name is noted: ``{"function": name}``.

        Returns
        -------
        dict of str to object
            What :func:`marlfast.registry.from_dict` makes it from.
        """
        values = {f.name: _note(getattr(self, f.name)) if f.metadata.get("function") else
                  _plain(f"{self.kind} {self.name}: {f.name}", getattr(self, f.name))
                  for f in dataclasses.fields(self)}
        return {"name": self.name, **{k: v for k, v in values.items() if v is not None}}


def _by_run(field, value):
    """Whether a field's value is one for each run."""
    given = field.metadata.get("per_run")
    return bool(given) and isinstance(value, np.ndarray) and value.ndim == int(given)


def _note(function):
    """What a file says of a function: its name. It is never looked up by it."""
    if function is None:
        return None
    inner = getattr(function, "py_func", function)
    name = getattr(inner, "__qualname__", None) or getattr(inner, "__name__", None) or type(inner).__qualname__
    return {"function": ".".join(filter(None, (getattr(inner, "__module__", None), name)))}


def functions_of(values):
    """Names of the functions that a definition's plain values only note: {field: name}."""
    found = values.items() if isinstance(values, dict) else ()
    return {key: value["function"] for key, value in found if isinstance(value, dict) and set(value) == {"function"}}


def _same(a, b):
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b


def _plain(where, value):
    if isinstance(value, Definition):
        return value.to_dict()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(where, v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{where}: a {type(value).__name__} cannot be written to a file; "
                    "give an array or a definition instead")


@functools.cache
def _load_all():
    """Import every module of this package that registers something."""
    import pkgutil

    for package in ("games", "learners", "rewards"):
        module = importlib.import_module(f"marlfast.{package}")
        for found in pkgutil.iter_modules(module.__path__, f"marlfast.{package}."):
            importlib.import_module(found.name)
    for module in ("encoders", "exploration", "initial", "schedules", "stop"):
        importlib.import_module(f"marlfast.{module}")


def names(kind):
    """Registered names of one kind (``"game"``, ``"learner"``, ...) and their classes."""
    _load_all()
    return dict(sorted(_REGISTRY.get(kind, {}).items()))


def lookup(kind, name):
    """The class registered under a name; an error that suggests the nearest name otherwise."""
    known = names(kind)
    if name not in known:
        also = {other: one for one, cls in known.items() for other in cls.also}
        raise unknown(kind, name, known, also, _elsewhere(kind, name))
    return known[name]


def _elsewhere(kind, name):
    """Where a name that is none of its kind does stand: among definitions of another kind."""
    for other, found in _REGISTRY.items():
        if other != kind and isinstance(name, str) and name.lower() in found:
            return f"{name.lower()!r} is a {other}"
    return ""


def refuse_unknown(cls, names):
    """Refuse arguments that a definition does not have; one with an ``__init__`` of its own knows better."""
    known = inspect.signature(cls.__init__).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in known):
        return
    taken = {p.name for p in known}
    for name in names:
        if name not in taken and name not in getattr(cls, "renamed", {}):
            raise TypeError(str(unknown_option(cls, name, f"option of {cls.__name__}")))


def unknown_option(cls, name, what, more=()):
    """Error for an option that a definition does not have, with the nearest that it has, also by what papers call it.

    Parameters
    ----------
    cls : type
    name : str
    what : str
        Such as ``"option of game 'drift'"``.
    more : sequence of str
        Known beside the definition's own.
    """
    known = {f.name for f in dataclasses.fields(cls) if f.init} | {*getattr(cls, "renamed", {}), *more}
    return unknown(what, name, known, {word: option for word, option in SYMBOLS.items() if option in known})


def from_dict(kind, values, where=None):
    """A definition from plain values, or from a name alone.

    Parameters
    ----------
    kind : str
    values : dict or str
        ``{"name": ..., field: value, ...}``; unknown fields are refused with the nearest known one. A definition is
        returned as it is.
    where : str, optional
        What to call it in errors.
    """
    where = where or kind
    if isinstance(values, Definition) and values.kind == kind:
        return values
    if isinstance(values, str):
        values = {"name": values}
    if not isinstance(values, dict) or not isinstance(values.get("name"), str):
        raise ValueError(f"{where}: expected a table with a name, got {shown(values)}")
    try:
        cls = lookup(kind, values["name"])
    except ValueError as error:
        raise error if where == kind else ValueError(f"{where}: {error}") from None
    if any(f.metadata.get("function") and f.default is dataclasses.MISSING for f in dataclasses.fields(cls)):
        raise ValueError(f"{where}: {kind} {cls.name!r} is made of functions, which plain values cannot hold; "
                         f"make it in Python")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    fields |= {old: fields[new] for old, new in getattr(cls, "renamed", {}).items()}
    arguments = {}
    for key, value in values.items():
        if key == "name":
            continue
        if key not in fields:
            raise unknown_option(cls, key, f"option of {kind} {cls.name!r} ({where})")
        arguments[key] = _build(fields[key].metadata, value, f"{where}.{key}")
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from None


def _build(metadata, value, where):
    kind = metadata.get("kind")
    if kind is None:
        return value
    if metadata.get("many"):
        return tuple(from_dict(kind, v, f"{where}[{k}]") for k, v in enumerate(value))
    return from_dict(kind, value, where) if isinstance(value, (dict, str)) else value


def require(kind, value, where):
    """``value``, if it is a definition of the right kind; a registered name or a dictionary makes one."""
    if isinstance(value, Definition) and value.kind == kind:
        return value
    if isinstance(value, (str, dict)):
        return from_dict(kind, value, where)
    if kind in HINTS and (hint := HINTS[kind](value)):
        raise TypeError(f"{where}: expected a {kind}, got {shown(value)}; {hint}")
    known = list(names(kind))
    listed = ", ".join(known[:8]) + (f" and {len(known) - 8} more" if len(known) > 8 else "")
    raise TypeError(f"{where}: expected a {kind} (one of {listed}), got {shown(value)}")
