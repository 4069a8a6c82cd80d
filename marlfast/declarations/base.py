"""How the arguments of a kernel are declared, once, for the compiled one and its twin.

A :class:`Kernel` is a list of arguments: arrays with their axes, numbers, flags, and other kernels. Both constructors
hand what they are given to :meth:`Kernel.check`, which refuses what does not fit and says how large everything is.
Their stubs, the parameters in their docstrings and the tests of bad input follow from the same list.
"""
import inspect
import numbers
import re
import textwrap
from types import SimpleNamespace

import numpy as np

from marlfast.errors import shown, unknown
from marlfast.memory import Shape, check_memory

NEEDED = inspect.Parameter.empty

# What several kernels keep, in words.
LATE = "what the last ``tick`` leaves to say: 0 nothing, 1 a greedy action changed, 2 it failed"


def check(array, name, dtype, shape, writable):
    """The array, if it is C-contiguous with this dtype and shape (-1: any length); else an error."""
    check_kind(array, name, dtype, shape)
    if not array.flags.c_contiguous:
        raise ValueError(f"{name}: expected a C-contiguous array; copy it with numpy.ascontiguousarray")
    if writable and not array.flags.writeable:
        raise ValueError(f"{name}: is written to, but the array is read-only")
    return array


def zeros(name, what, shape, dtype="float64"):
    """An array of zeros that follows from an argument of a kernel, as long as there is memory for it.

    Parameters
    ----------
    name : str
        The argument.
    what : str
        What the array holds, in the plural: ``"sums of teams"``.
    shape : tuple of int
    dtype : str
    """
    check_memory(f"{name}: {what}", Shape(tuple(map(int, shape)), dtype).bytes, f"{name} may be less")
    return np.zeros(shape, dtype)


def check_cells(array, name, dtype, shape):
    """Check an array [R, rows, T] or [R, rows, T, A] whose cells lie at equal distances; returns that in items.

    A table keeps the action values, the greedy action and the visits of a cell side by side, so that they share a
    cache line: each of the three arrays is then a view with gaps.
    """
    check_kind(array, name, dtype, shape)
    if not array.flags.writeable:
        raise ValueError(f"{name}: is written to, but the array is read-only")
    cell = array.strides[2]
    n_actions = array.shape[3] if array.ndim == 4 else 1
    if (cell % array.itemsize or cell < n_actions * array.itemsize or array.strides[1] != cell * array.shape[2]
            or array.strides[0] != cell * array.shape[2] * array.shape[1]
            or array.ndim == 4 and n_actions > 1 and array.strides[3] != array.itemsize):
        raise ValueError(f"{name}: expected a C-contiguous array, or one whose cells lie at equal distances")
    return cell // array.itemsize


# A dtype's name takes microseconds to find out; an object is compared at once.
_DTYPES = {name: np.dtype(name) for name in ("float64", "int32", "int64", "bool", "uint32", "uint64")}


def check_kind(array, name, dtype, shape):
    """Refuse what is no NumPy array of this dtype and shape (-1: any length)."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array of {dtype}, got {type(array).__name__}")
    if array.dtype is not _DTYPES[dtype] and array.dtype != _DTYPES[dtype]:
        raise TypeError(f"{name}: expected {dtype}, got {array.dtype}; convert it with .astype({dtype!r})")
    if array.ndim != len(shape) or any(n >= 0 and n != m for n, m in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {array.shape}")


class _Argument:
    """An argument by its name, and what it means.

    Parameters
    ----------
    name : str
    text : str
        For the docstring.
    default : object, optional
    optional : bool
        Whether None may stand in its place, which is then the default.
    """

    def __init__(self, name, text="", *, default=NEEDED, optional=False):
        self.name, self.text, self.optional = name, text, optional
        self.default = None if optional and default is NEEDED else default

    def sizes(self):
        """Names of the sizes that it may be the first to say."""
        return ()

    def check(self, value, known):
        raise NotImplementedError


class Array(_Argument):
    """An array of one dtype, C-contiguous.

    Parameters
    ----------
    name : str
    dtype : str
    axes : str
        Lengths, apart: names such as ``R``, numbers, or sums and products of both without spaces, such as ``2+2*k``.
        The first array that names one says how long it is.
    text : str
    written : bool
        The kernel writes to it.
    values : (low, high, str), optional
        Every entry lies between both (a number, or a size such as ``T-1``; None: no bound above), of which there is at
        least one; in words, such as ``"tables {low} to {high}"``.
    filled : str, optional
        It has at least one entry; in words, such as ``"run, row and table"``.
    empty : bool
        It may have no entries all the same.
    only : (str, str), optional
        Name of a flag without which it is not looked at, and when that is, in words.
    """

    def __init__(self, name, dtype, axes, text="", *, written=False, values=None, filled=None, only=None, empty=False,
                 **options):
        super().__init__(name, text, **options)
        self.dtype, self.written, self.values, self.filled, self.only = dtype, written, values, filled, only
        self.empty = empty
        if only:
            self.default = None
        self.axes = [int(axis) if axis.isdigit() else axis if axis.isidentifier() else compile(axis, axis, "eval")
                     for axis in axes.split()]
        self.shown = ", ".join(axes.split())

    def sizes(self):
        return [axis for axis in self.axes if isinstance(axis, str)]

    def shape(self, known):
        """Its shape, as far as it is known; -1 elsewhere."""
        return tuple(axis if isinstance(axis, int) else known.get(axis, -1) if isinstance(axis, str)
                     else max(eval(axis, {}, known), 0) for axis in self.axes)

    def fit(self, value, known):
        """Refuse what is not such an array."""
        check(value, self.name, self.dtype, self.shape(known), self.written)

    def check(self, value, known):
        if value is None and self.optional or self.only and not known[self.only[0]]:
            return None
        self.fit(value, known)
        for axis, length in zip(self.axes, value.shape, strict=True):
            if isinstance(axis, str) and known.setdefault(axis, length) != length:      # it names one twice
                raise ValueError(f"{self.name}: expected shape {self.shape(known)}, got {value.shape}")
        if self.filled and not value.size:
            raise ValueError(f"{self.name}: expected at least one {self.filled}, got shape {value.shape}")
        if self.values:
            low, high, words = self.values
            low, high = (eval(end, {}, known) if isinstance(end, str) else end for end in (low, high))
            least, most = (value.min(), value.max()) if value.size else ("none", None)
            if value.size and low <= least and (high is None or most <= high):
                return value
            if value.size or not self.empty:
                came = (least if high is None else f"{least} to {most}") if value.size else "none"
                raise ValueError(f"{self.name}: expected {words.format(low=low, high=high)}, got {came}")
        return value

    @property
    def kind(self):
        """What stands in the docstring."""
        return f"{self.dtype} [{self.shown}]"

    @property
    def annotation(self):
        return f"NDArray[np.{'bool_' if self.dtype == 'bool' else self.dtype}]"



class Cells(Array):
    """An array [R, rows, T] or [R, rows, T, A] that is written to, and whose cells lie at equal distances.

    The kernel is told the distance, in items, under the name of the array and ``_step``.
    """

    def __init__(self, name, dtype, axes, text="", **options):
        super().__init__(name, dtype, axes, text, written=True, **options)

    def fit(self, value, known):
        known[f"{self.name}_step"] = check_cells(value, self.name, self.dtype, self.shape(known))


class Number(_Argument):
    """A number.

    Parameters
    ----------
    name, text
    low, high : number or str, optional
        Bounds, which may be sizes.
    choices : sequence of int, optional
        All that it may be.
    words : str, optional
        Its bounds in words, such as ``"{low} to {high} rows"``.
    real : bool
        Not a whole one.
    """

    def __init__(self, name, text="", *, low=None, high=None, choices=None, words=None, real=False, **options):
        super().__init__(name, text, **options)
        self.low, self.high, self.choices, self.words, self.real = low, high, choices, words, real
        self.kind = self.annotation = "float" if real else "int"

    def check(self, value, known):
        if isinstance(value, bool) or not isinstance(value, numbers.Real if self.real else (numbers.Integral)):
            raise TypeError(f"{self.name}: expected a {'' if self.real else 'whole '}number, got {shown(value)}")
        value = float(value) if self.real else int(value)
        if self.choices is not None and value not in self.choices:
            *most, last = self.choices
            listed = f"{', '.join(map(str, most))} or {last}" if len(self.choices) < 3 else f"{most[0]} to {last}"
            raise ValueError(f"{self.name}: expected {listed}, got {value}")
        low, high = (eval(end, {}, known) if isinstance(end, str) else end for end in (self.low, self.high))
        if (low is not None and not value >= low) or (high is not None and not value <= high):
            words = self.words or ("{low} to {high}" if high is not None else "at least {low}")
            raise ValueError(f"{self.name}: expected {words.format(low=low, high=high)}, got {value}")
        return value



# How many runs a kernel is made for, where no array says it.
N_RUNS = Number("n_runs", low=1), lambda n: {"R": n.n_runs}


class Flag(_Argument):
    """Yes or no."""

    kind = annotation = "bool"

    def check(self, value, known):
        return bool(value)



class Part(_Argument):
    """Another kernel, of the same backend: ``of``, such as ``"Schedule"``, with as many runs.

    Parameters
    ----------
    name, of, text : str
    gives : dict of str to str, optional
        Sizes that it is the first to say, and its attributes that they are.
    runs : bool
        False: it is not made for a number of runs, as games are not.
    """

    def __init__(self, name, of, text="", *, gives=None, runs=True, **options):
        super().__init__(name, text, **options)
        self.kind = self.annotation = self.of = of
        self.gives, self.runs = gives or {}, runs

    def sizes(self):
        return self.gives

    def check(self, value, known):
        if value is None and self.optional:
            return None
        return self.fit(value, known, self.name)

    def fit(self, value, known, name):
        """Refuse what is no such kernel."""
        if not all(hasattr(value, attribute) for attribute in (*self.gives.values(), *["runs"] * self.runs)):
            raise TypeError(f"{name}: expected a {self.of}, got {shown(value)}")
        known |= {size: getattr(value, attribute) for size, attribute in self.gives.items()}
        if self.runs and value.runs != known["R"]:
            raise ValueError(f"{name}: expected {known['R']} runs, got {value.runs}")
        return value


class Parts(Part):
    """1 to ``most`` other kernels."""

    def __init__(self, name, of, text="", *, most, **options):
        super().__init__(name, of, text, **options)
        self.kind, self.annotation, self.most = f"list of {of}", f"Sequence[{of}]", most

    def check(self, value, known):
        if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= self.most:
            came = f"{len(value)}" if isinstance(value, (list, tuple)) else shown(value)
            raise (ValueError if came.isdigit() else TypeError)(
                f"{self.name}: expected a list of 1 to {self.most} kernels, got {came}")
        return [self.fit(one, known, f"{self.name}[{k}]") for k, one in enumerate(value)]


class Word(_Argument):
    """One of some words, or None."""

    kind, annotation = "str", "str"

    def __init__(self, name, text="", *, choices):
        super().__init__(name, text, optional=True)
        self.choices = choices

    def check(self, value, known):
        if value is not None and value not in self.choices:
            listed = " or ".join(map(repr, self.choices))
            raise ValueError(f"{self.name}: expected None, {listed}, got {value!r}")
        return value


class Mapped(_Argument):
    """Several things by name, each of which is as many as ``of`` lists; a callable after it looks at them."""

    def __init__(self, name, of, text=""):
        super().__init__(name, text)
        self.kind, self.annotation = "dict of str to tuple", f"Mapping[str, tuple[{of}]]"

    def check(self, value, known):
        if not isinstance(value, dict):
            raise TypeError(f"{self.name}: expected a dict, got {shown(value)}")
        return value


class Given(SimpleNamespace):
    """Arguments that were checked, and the sizes that they have, as attributes.

    Attributes
    ----------
    arguments : dict of str to object
    """

    def __init__(self, known, arguments):
        super().__init__(arguments=arguments, **known)

    @property
    def kept(self):
        """What a kernel holds on to, as long as it points into it: a tuple, which nobody can change."""
        return tuple(self.arguments.values())


class Kernel:
    """The arguments of one kernel.

    Parameters
    ----------
    name : str
        Of its class.
    own : sequence of Array, Number, Flag, Part or callable
        A callable is called with all that was checked before it, and with ``given``, all that was not. It refuses what
        does not go together, and may return further sizes, by name.
    base : Kernel, optional
        Whose arguments come first; it checks them as its own.
    without : sequence of str
        Arguments of the base that are not taken: they are what they are by default.
    family : str, optional
        Class of ``marlfast.core._kernels`` that it derives from, where it has no base; "": it derives from none; None:
        it is a function.
    methods, attributes : sequence of str
        Further public methods, and attributes, as they stand in the stub.
    returns : str
        What a function gives back.
    by_position : int or bool
        How many arguments may be given by position, from the first on; True: all. A function's all may be.
    """

    def __init__(self, name, *own, base=None, without=(), family="Learner", methods=(), attributes=(), returns="None",
                 by_position=False):
        self.name, self.own, self.base, self.without = name, own, base, without
        self.family, self.methods, self.attributes, self.returns = family, methods, attributes, returns
        self.arguments = {} if base is None else {k: v for k, v in base.arguments.items() if k not in without}
        self.arguments |= {one.name: one for one in own if isinstance(one, _Argument)}
        self.by_position = len(self.arguments) if by_position is True or family is None else int(by_position)
        if by_position:         # what stands before what has to be given has to be given, too, be it None
            for one, following in reversed(list(zip(self.arguments.values(), list(self.arguments.values())[1:],
                                                    strict=False))):
                one.default = NEEDED if following.default is NEEDED else one.default
        sizes = {size for one in self.arguments.values() for size in one.sizes()}
        if sizes & set(self.arguments):
            raise TypeError(f"{name}: {sorted(sizes & set(self.arguments))} are names of axes and of arguments")

    def check(self, given, by_position=()):
        """Everything that was given, checked, and the sizes, as attributes of one object.

        Parameters
        ----------
        given : dict of str to object
            The arguments by name.
        by_position : tuple
            The first of them.
        """
        if by_position:
            first = dict(zip(self.arguments, by_position, strict=False))
            if len(by_position) > self.by_position or first.keys() & given.keys():
                raise TypeError(f"{self.name}: expected {', '.join(self.arguments)}, each once")
            given = first | given
        for name in given:
            if name not in self.arguments:
                raise TypeError(str(unknown(f"argument of {self.name}", name, self.arguments)))
        for name, one in self.arguments.items():
            if name not in given and one.default is NEEDED:
                raise TypeError(f"{self.name}: {name} is missing")
        known = {}
        self._check(given, known)
        return Given(known, {name: known[name] for name in self.arguments})

    def _check(self, given, known):
        if self.base is not None:
            self.base._check(given, known)
        for one in self.own:
            if isinstance(one, _Argument):
                known[one.name] = one.check(given.get(one.name, one.default), known)
            else:
                known |= one(SimpleNamespace(given=given, **known)) or {}

    # -- what is written about it -----------------------------------------------------------------

    @property
    def signature(self):
        """As Python shows it."""
        kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature([inspect.Parameter(name, kinds[k >= self.by_position], default=one.default)
                                  for k, (name, one) in enumerate(self.arguments.items())])

    def parameters(self):
        """The section of the docstring."""
        lines = ["Parameters", "----------"]
        if self.base is not None:
            taken = ", ".join(name for name in self.base.arguments if name not in self.without)
            lines += [*textwrap.wrap(taken, 112), f"    As of :class:`{self.base.name}`."]
        for one in self.arguments.values():
            if self.base is not None and one in self.base.arguments.values():
                continue
            kind = one.kind + (" or None" if one.optional or one.default is None else "" if one.default is NEEDED else
                               f", default {one.default}")
            text = one.text[:1].upper() + one.text[1:] + "." if one.text else ""
            if isinstance(one, Array) and one.written:
                head = "Modified" + (f", {one.only[1]}" if one.only else "")
                text = f"{head}: {one.text}." if one.text else f"{head}."
            lines += [f"{one.name} : {kind}", *("    " + line for line in textwrap.wrap(text, 108))]
        return "\n".join(lines)

    def document(self, cls):
        """A decorator of the twin: the docstring gets its parameters, a class its signature and its declaration."""
        indent = re.search(r"\n( *)\S|$", cls.__doc__).group(1) or "    "
        section = "\n".join(indent + line if line else line for line in self.parameters().split("\n"))
        cls.__doc__ = f"{cls.__doc__.rstrip()}\n\n{section}\n{indent}"
        if self.family is not None:
            cls.__signature__, cls.declared = self.signature, self
        return cls
