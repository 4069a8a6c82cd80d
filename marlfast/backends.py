"""Where kernels come from: compiled (``"cython"``) or the NumPy reference (``"numpy"``)."""
import importlib
import sys

from marlfast.errors import choice

BACKENDS = ("cython", "numpy")


def at_hand():
    """The backend in use, for what both do alike: the compiled one once any of it is loaded."""
    return "cython" if "marlfast.core._kernels" in sys.modules else "numpy"


def kernels(backend, name):
    """The module of kernels ``name`` of a backend.

    Parameters
    ----------
    backend : {"cython", "numpy"}
    name : str or pair of str
        Such as ``"q_learning"``: ``marlfast.core._q_learning`` or ``marlfast.reference.q_learning``. A pair: the
        dotted names of two modules of someone else's package, the compiled one and its twin.
    """
    choice("backend", backend, BACKENDS)
    if not isinstance(name, str):
        return importlib.import_module(name[BACKENDS.index(backend)])
    return importlib.import_module(f"marlfast.core._{name}" if backend == "cython" else f"marlfast.reference.{name}")
