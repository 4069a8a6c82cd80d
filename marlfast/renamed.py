"""Modules under the names they had in 0.1, for one release: importing one works, and says what it is called now."""
import importlib
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
