"""What had another name in 0.1: it is found under that for one release, with a warning that says the new one."""
import functools
import importlib
import operator
import sys
import warnings
from importlib.machinery import ModuleSpec

_KERNELS = {"td": "q_learning", "rules": "one_step multi_step", "policies": "phc", "repeated": "matrix",
            "random": "draws"}
# The module as it was, and where its parts stand today.
RENAMED = {
    "marlfast.changes": ("marlfast.cli.changes",), "marlfast.reports.commands": ("marlfast.cli.reports",),
    "marlfast.learners.iql": ("marlfast.learners.q_learning", "marlfast.learners.tabular"),
    "marlfast.learners.td": ("marlfast.learners.one_step", "marlfast.learners.multi_step"),
    **{f"marlfast.core._{old}": tuple(f"marlfast.core._{new}" for new in news.split())
       for old, news in _KERNELS.items()},
    **{f"marlfast.reference.{old}": tuple(f"marlfast.reference.{new}" for new in news.split())
       for old, news in _KERNELS.items()},
}


class Renamed:
    """Stands last in ``sys.meta_path``: it is asked for what nobody else has found."""

    def find_spec(self, fullname, path=None, target=None):
        return ModuleSpec(fullname, self) if fullname in RENAMED else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        new = RENAMED[module.__name__]
        for name in new:
            parts = vars(importlib.import_module(name))
            vars(module).update({key: part for key, part in parts.items() if not key.startswith("__")})
        warnings.warn(f"{module.__name__} is {' and '.join(new)} since marlfast 0.2", DeprecationWarning, stacklevel=2)


sys.meta_path.append(Renamed())


def attribute(old, new):
    """An attribute under its old name."""
    def get(self):
        warnings.warn(f"{old} is {new} since marlfast 0.2", DeprecationWarning, stacklevel=2)
        return getattr(self, new)

    return property(get, doc=f"Old name of ``{new}``.")


def keyword(function, old, new, warn=True):
    """A function that takes an argument under its old name, too; or, without a warning, under another one."""
    @functools.wraps(function)
    def wrapped(*arguments, **named):
        if old in named:
            if new in named:
                before = ", its name before marlfast 0.2" if warn else ""
                raise TypeError(f"{new}: given twice, as {old}= too{before}")
            if warn:
                warnings.warn(f"{old}= is {new}= since marlfast 0.2", DeprecationWarning, stacklevel=2)
            named[new] = named.pop(old)
        return function(*arguments, **named)

    return wrapped


def takes(**renamed):
    """Decorates a function that takes arguments under their old names, too: ``old="new"``."""
    def decorated(function):
        for old, new in renamed.items():
            function = keyword(function, old, new)
        return function

    return decorated


def argument(cls, old, new):
    """Let a class take an argument, and have an attribute, under its old name; a definition from plain values, too."""
    cls.__init__ = keyword(cls.__init__, old, new)
    setattr(cls, old, attribute(old, new))
    cls.renamed = {**getattr(cls, "renamed", {}), old: new}


def synonyms(cls, **names):
    """Let a class take arguments, and have attributes, under what papers call them, too: ``alpha="learning_rate"``."""
    for other, name in names.items():
        cls.__init__ = keyword(cls.__init__, other, name, warn=False)
        setattr(cls, other, property(operator.attrgetter(name), doc=f"The same as ``{name}``."))
    cls.renamed = {**getattr(cls, "renamed", {}), **names}


def parts(module, **renamed):
    """The ``__getattr__`` of a module that has parts under their old names, ``Old="New"``."""
    def get(name):
        if name not in renamed:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(f"{name} is {renamed[name]} since marlfast 0.2", DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[module], renamed[name])

    return get
