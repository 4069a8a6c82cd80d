"""The one place that words errors about arguments.

A message names the argument, says what came and what to do.
"""
import math
import numbers

from marlfast.limits import MAX_STEPS

__all__ = ["FileError", "MarlfastWarning", "TrainingError"]


class TrainingError(RuntimeError):
    """Training could not go on. Nothing learned so far is lost.

    Parameters
    ----------
    message : str
        What went wrong.
    result : Result
        All runs as they stood.

    Attributes
    ----------
    result : Result
        All runs as they stood; it can be saved, looked at and resumed.

    See Also
    --------
    train : Raises it.

    Examples
    --------
    >>> import numpy as np
    >>> import marlfast as mf
    >>> def step(state, actions, uniforms, normals):
    ...     return state, np.full(actions.shape, np.nan), False
    >>> game = mf.games.NumPyGame(step, lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=1, actions=2,
    ...                           state_size=1, observations=1, horizon=5, terminates=False)
    >>> try:
    ...     mf.train(game, mf.IQL(), episodes=1, seed=0)
    ... except mf.TrainingError as error:
    ...     print(error.result.steps.tolist())
    [0]
    """

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result


class MarlfastWarning(UserWarning):
    """Something a person should know about an experiment or its result, such as exploration that can never decay.

    Warned once a call, and never for what has no remedy. ``warnings.filterwarnings("ignore",
    category=marlfast.MarlfastWarning)`` silences all of them.

    See Also
    --------
    train : Warns so.

    Examples
    --------
    >>> import warnings
    >>> import marlfast as mf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", mf.MarlfastWarning)
    ...     run = mf.train(mf.games.StagHunt(), mf.IQL(), episodes=100, seed=0)
    """


class FileError(ValueError):
    """What is raised for a file that is not a result that this version can read.

    See Also
    --------
    load : Raises it.

    Examples
    --------
    >>> import marlfast as mf
    >>> with open("run.npz", "w") as file:
    ...     _ = file.write("not a result")
    >>> try:
    ...     mf.load("run.npz")
    ... except mf.FileError:
    ...     print("no result")
    no result
    """


def unknown(what, name, known, also=None, elsewhere=""):
    """Error for a name that does not exist, with the nearest that does, however it is written.

    Parameters
    ----------
    what : str
        Such as ``"game"``.
    name : str
        What came.
    known : sequence of str
    also : dict of str to str, optional
        What people call those that are known: other name to name.
    elsewhere : str
        What to say where none is near, before those that are known.
    """
    import difflib

    known = sorted(known)
    names = {_letters(other): one for other, one in (also or {}).items()} | {_letters(one): one for one in known}
    near = difflib.get_close_matches(_letters(name), names, n=1, cutoff=0.6)
    listed = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
    hint = f"did you mean {names[near[0]]!r}?" if near else elsewhere or (
        f"known: {listed}" if known else "there are none")
    return ValueError(f"unknown {what} {shown(name)}; {hint}")


def _letters(name):
    """A name without what people write differently: capitals, underscores, blanks."""
    return "".join(c for c in str(name)[:200].lower() if c.isalnum())


def shown(value):
    """What came, in one short line."""
    if isinstance(value, (str, bytes, list, tuple)) and len(value) > 400:       # repr would write all of it
        value = value[:400]
    try:
        text = " ".join(repr(value).split())
    except ValueError:              # Python writes no whole number of more than 4,300 digits
        text = f"a {type(value).__name__} with a number of too many digits" if not isinstance(value, int) else \
            f"a whole number of about {int(value.bit_length() * 0.30103) + 1:,} digits"
    except RecursionError:
        text = f"a {type(value).__name__} that is nested too deeply"
    return text if len(text) <= 80 else text[:77] + "..."


MAX_PATH = 4096       # no system but Windows opens longer ones
_MAX = MAX_STEPS      # whole numbers are kept in 64 bits


def integer(name, value, minimum=None, maximum=_MAX):
    """``value`` as an int, if it is a whole number in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        if isinstance(value, numbers.Real) and not isinstance(value, bool) and float(value).is_integer():
            pass
        else:
            raise TypeError(f"{name}: expected a whole number, got {shown(value)}")
    value = int(value)
    _bounds(name, value, minimum, maximum)
    return value


def real(name, value, minimum=None, maximum=None):
    """``value`` as a float, if it is finite and in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name}: expected a finite number, got {shown(value)}") from None
    value = number
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value}")
    _bounds(name, value, minimum, maximum)
    return value


def real_per_run(name, value, minimum=None, maximum=None, one=real):
    """``value`` as a number, or as a read-only float64 [R] where it is a sequence: one number per run."""
    import numpy as np

    if several(name, value):
        if np.ndim(value) != 1 or len(value) == 0:
            raise ValueError(f"{name}: expected a number, or one per run, got shape {np.shape(value)}")
        array = np.array([float(one(f"{name}[{k}]", v, minimum, maximum)) for k, v in enumerate(value)])
        array.flags.writeable = False
        return array
    return one(name, value, minimum, maximum)


def several(name, value):
    """Whether ``value`` is a list, tuple or array of values, not a single one; ragged lists are refused."""
    import numpy as np

    try:
        return isinstance(value, (list, tuple, np.ndarray)) and np.ndim(value) > 0
    except ValueError:
        raise ValueError(f"{name}: expected a number, or numbers in lists as long as each other, got {shown(value)}"
                         ) from None


def _bounds(name, value, minimum, maximum):
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        wanted = (f"at least {minimum}" if maximum in (None, _MAX) and value < minimum else f"at most {maximum}"
                  if minimum is None
                  else f"{minimum} to {maximum}")
        raise ValueError(f"{name}: expected {wanted}, got {shown(value)}")


def choice(name, value, known):
    """``value``, if it is one of ``known``."""
    if not among(value, known):
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, known))}, got {shown(value)}")
    return value


def flag(name, value):
    """``value`` as a bool, if it is True or False."""
    if not isinstance(value, bool) and not (str(getattr(value, "dtype", "")) == "bool" and value.ndim == 0):
        raise TypeError(f"{name}: expected True or False, got {shown(value)}")
    return bool(value)


def sequence(name, value, wanted, length=None):
    """The entries of ``value`` as a list, if it has any (text is none), and as many as there should be."""
    try:
        found = None if isinstance(value, (str, bytes, dict)) else list(value)
    except TypeError:
        found = None
    if found is None:
        raise TypeError(f"{name}: expected {wanted}, got {shown(value)}")
    if length not in (None, len(found)):
        raise ValueError(f"{name}: expected {wanted}, got {len(found)} entries")
    return found


def among(value, known):
    """Whether ``value`` is one of ``known``; an array or a list is not, whatever its entries are."""
    try:
        return bool(value in known)
    except (TypeError, ValueError):     # cannot be hashed, or is compared entry by entry
        return False


def path(value, name="path", wanted="a path, as text or path-like"):
    """``value`` as a ``pathlib.Path``, if it is text or path-like (a number would be taken for an open file)."""
    import os
    from pathlib import Path

    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise TypeError(f"{name}: expected {wanted}, got {shown(value)}")
    if "\0" in os.fspath(value):
        raise ValueError(f"{name}: expected a path without the character 0, got {shown(value)}")
    if len(os.fspath(value)) > MAX_PATH:
        raise ValueError(f"{name}: expected a path of at most {MAX_PATH:,} characters, got {shown(os.fspath(value))}")
    return Path(value)


def extra(module, extra_name, purpose):
    """Import an optional dependency, or say which extra brings it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{purpose} needs {module.partition('.')[0]}: "
                          f"pip install 'marlfast[{extra_name}]'") from error
