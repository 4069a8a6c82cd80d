"""Where kernels come from: compiled (``"cython"``) or the NumPy reference (``"numpy"``)."""
import importlib

from marlfast.errors import choice

BACKENDS = ("cython", "numpy")


def kernels(backend, name):
    """The module of kernels ``name`` of a backend.

    Parameters
    ----------
    backend : {"cython", "numpy"}
    name : str
        Such as ``"td"``: ``marlfast.core._td`` or ``marlfast.reference.td``.
    """
    choice("backend", backend, BACKENDS)
    return importlib.import_module(f"marlfast.core._{name}" if backend == "cython" else f"marlfast.reference.{name}")
