"""Initial values: what actions are worth to a learner before it has learned anything.

They are numbers, arrays, or drawn. What is drawn is a pure function of the seed and the number of the run, the row, the
table (by the first agent that uses it) and the action: tables that grow, and runs that are resumed, have the values
that they would have had.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from marlfast.errors import shown
from marlfast.registry import Definition, from_dict, option

__all__ = ["InitialValues", "Normal", "Uniform"]

MAX_AXES = 3           # rows, tables, actions; one more: runs
WANTED = "a number, an array of numbers, or one of marlfast.initial"


class InitialValues(Definition):
    """Base of initial values that are drawn.

    Attributes
    ----------
    normals : bool
        Whether they are made of standard normals, or of uniforms in [0, 1).

    See Also
    --------
    Uniform, Normal : Those that there are.
    """

    kind = "initial values"
    normals = False

    def made(self, draws):
        """Values from draws.

        Parameters
        ----------
        draws : float64 [R, rows, T, A]
            Normals or uniforms.

        Returns
        -------
        float64 [R, rows, T, A]
            What actions are worth at first.
        """
        raise NotImplementedError

    def parameters(self):
        """Arrays of its parameters, which broadcast to (rows, tables, actions) as ``initial_q`` does.

        Returns
        -------
        list of float64
            Of at most three axes.
        """
        raise NotImplementedError

    def _array(self, name):
        value = _checked(name, getattr(self, name))
        if np.ndim(value) > MAX_AXES:
            raise ValueError(f"{name}: expected at most (rows, tables, actions), got shape {value.shape}")
        self._set(**{name: value})
        return value

    def _fit(self, one, other):
        """Refuse arrays of two fields that cannot be broadcast."""
        shapes = np.shape(getattr(self, one)), np.shape(getattr(self, other))
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"{one}, {other}: expected numbers, or arrays whose shapes fit together, got shapes "
                             f"{shapes[0]} and {shapes[1]}") from None



@dataclass(frozen=True, repr=False, eq=False)
class Uniform(InitialValues):
    """Any value from ``low`` to ``high``, each as likely.

    Parameters
    ----------
    low, high : float or array
        Between which values lie; arrays are broadcast as an array of initial values is.

    See Also
    --------
    Normal : Values round a mean.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.IQL(initial_q=mf.initial.Uniform(0.0, 1.0))
    >>> run = mf.train(mf.games.PrisonersDilemma(), learner, episodes=1, runs=2, seed=0)
    >>> bool((run.q < 1.0).any())
    True
    """

    name = "uniform"
    low: Any = 0.0
    high: Any = 1.0

    def __post_init__(self):
        low, high = self._array("low"), self._array("high")
        self._fit("low", "high")
        if (np.asarray(low) > high).any():
            raise ValueError(f"low: expected at most high, got {shown(self.low)} and {shown(self.high)}")

    def made(self, draws):
        low = np.asarray(self.low)
        return low + draws * (self.high - low)

    def parameters(self):
        return [np.asarray(self.low), np.asarray(self.high)]


@dataclass(frozen=True, repr=False, eq=False)
class Normal(InitialValues):
    """Values that are spread normally round a mean.

    Parameters
    ----------
    mean, deviation : float or array
        Of each value; arrays are broadcast as an array of initial values is. The deviation is at least 0.

    See Also
    --------
    Uniform : Values between two numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.IQL(initial_q=mf.initial.Normal(10.0, 0.5)).initial_q
    Normal(mean=10.0, deviation=0.5)
    """

    name = "normal"
    normals = True
    mean: Any = 0.0
    deviation: Any = 1.0

    def __post_init__(self):
        self._array("mean")
        deviation = np.asarray(self._array("deviation"))
        self._fit("mean", "deviation")
        if (deviation < 0.0).any():
            raise ValueError(f"deviation: expected at least 0, got {shown(self.deviation)}")

    def made(self, draws):
        return self.mean + draws * self.deviation

    def parameters(self):
        return [np.asarray(self.mean), np.asarray(self.deviation)]


def initial_field():
    """A learner's field for its initial values: 0 unless they are given, and they may differ from run to run.

    Returns
    -------
    dataclasses.Field
        An array of four axes has one more than others: the first is the run.
    """
    return option(0.0, kind=InitialValues.kind, per_run=MAX_AXES + 1)


def _checked(name, value):
    """A number, or a read-only array of finite numbers."""
    if isinstance(value, str) or isinstance(value, Definition):
        raise TypeError(f"{name}: expected {WANTED}, got {shown(value)}")
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}: expected {WANTED}, got {shown(value)}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got {array[~np.isfinite(array)][0]}")
    array.flags.writeable = False
    return array if array.ndim else float(array)


def initial_values(value):
    """Initial values as a learner keeps them.

    Parameters
    ----------
    value : float, array, InitialValues, or its plain values
        An array has up to three axes (rows, tables, actions), or a fourth, the first, of runs.

    Returns
    -------
    float, float64 array or InitialValues
        Of an array with the same values for all runs: without that axis.
    """
    if isinstance(value, InitialValues):
        return value
    if isinstance(value, dict):
        return from_dict(InitialValues.kind, value, "initial_q")
    value = _checked("initial_q", value)
    if np.ndim(value) > MAX_AXES + 1:
        raise ValueError("initial_q: expected at most (rows, tables, actions), or (runs, rows, tables, actions), got "
                         f"shape {value.shape}")
    return value[0] if np.ndim(value) == MAX_AXES + 1 and len(value) == 1 else value


def check_shape(value, wanted, words):
    """Refuse initial values that do not broadcast to a table.

    Parameters
    ----------
    value : float, array or InitialValues
        As a learner keeps them.
    wanted : tuple of int or None
        (rows, tables, actions); None for rows that are numbered as they are first seen.
    words : str
        What these are called.
    """
    grows, cell = wanted[0] is None, wanted[1:]
    several = np.ndim(value) == MAX_AXES + 1 if not isinstance(value, InitialValues) else False
    shapes = [a.shape for a in value.parameters()] if isinstance(value, InitialValues) else [np.shape(value)]
    for shape in shapes:
        own = shape[1:] if several else shape
        if grows and several and own[0] == 1:
            own = own[1:]
        if grows and len(own) > len(cell):
            raise ValueError("initial_q: rows are numbered as they are first seen; expected a shape that broadcasts to "
                             f"({words}) = {cell}{', or (runs, 1, ...)' if several else ''}, got {shape}")
        whole = cell if grows else wanted
        try:
            fits = np.broadcast_shapes(own, whole) == whole
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"initial_q: expected a shape that broadcasts to ({'' if grows else 'rows, '}{words}) = "
                             f"{whole}, got {own}{' of each run' if several else ''}")


def is_zero(value):
    """Whether all of them are 0, so that fresh memory is as it should be."""
    return not isinstance(value, InitialValues) and not np.any(value)


def first_values(value, context, owners, counts, first, count, backend):
    """Initial values of some rows.

    Parameters
    ----------
    value : float, array or InitialValues
        As a learner keeps them.
    context : LearnerContext
        Whose runs and seeds they are.
    owners : sequence of int [T]
        The first agent that uses each table.
    counts : sequence of int [T]
        Actions of each table; what is drawn of a row stands at ``row * actions``.
    first, count : int
        First row, and how many.
    backend : {"cython", "numpy"}
        Which makes the draws; they are the same.

    Returns
    -------
    float64, broadcasts to [R, count, T, A]
        Of runs, rows, tables and actions.
    """
    if not isinstance(value, InitialValues):
        array = np.asarray(value, np.float64)
        if array.ndim >= MAX_AXES and array.shape[-MAX_AXES] > 1:
            array = array[..., first:first + count, :, :]
        return array
    draws = context.drawn(owners, counts, first, count, value.normals, backend)
    return value.made(draws)


def of_unseen(value, context, owners, counts, backend):
    """Initial values of an observation that was never seen, where rows are numbered as they are first seen.

    Parameters
    ----------
    value, context, owners, counts, backend
        As of :func:`first_values`.

    Returns
    -------
    float64, broadcasts to [R, 1, T, A]
        Those of a row that no table has.
    """
    if isinstance(value, InitialValues):
        return first_values(value, context, owners, counts, NO_ROW, 1, backend)
    array = np.asarray(value, np.float64)
    return array[..., :1, :, :] if array.ndim >= MAX_AXES else array


NO_ROW = 2**31 - 1      # a number that no row has
