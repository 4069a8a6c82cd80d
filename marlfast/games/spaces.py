"""Spaces of environments in Python, as numbers: what is observed becomes a row of them, and an action one number.

===================  =========================================  ==========================================
space                observed: numbers, in this order           an action is
===================  =========================================  ==========================================
``Discrete``         one, from 0 (less the space's ``start``)   one number, from 0
``MultiDiscrete``    its own, from 0, the last axis fastest     one number for all parts together
``MultiBinary``      0 or 1 each, the last axis fastest         one number for all parts together
``Box``              its own, the last axis fastest             refused: there are no finitely many
``Tuple``            those of its parts, one after the other    one number for all parts together
``Dict``             those of its parts, in the space's order   one number for all parts together
===================  =========================================  ==========================================

Joint numbers of actions count like ``numpy.ravel_multi_index``: the last part runs fastest.
"""
import math

import numpy as np

from marlfast.errors import extra, integer, shown

MAX_CHOICES = 2**31 - 1
MAX_DEPTH = 32              # of spaces within spaces


class Space:
    """One agent's space, described by plain values.

    Attributes
    ----------
    kind : {"discrete", "multi_discrete", "multi_binary", "box", "tuple", "dict"}
        Which.
    shape : tuple of int
        Of its values; () of discrete ones. Of no use for tuples and dictionaries.
    counts, first : int64 array or None
        How many values each number has, and which is the first; None: reals.
    low, high : float64 array or None
        The bounds of reals; None where they are not known.
    dtype : str
        Of its values.
    parts : list of (str or None, Space)
        Of a tuple or a dictionary, in order.
    """

    def __init__(self, kind, shape=(), counts=None, first=None, low=None, high=None, dtype="float64", parts=()):
        self.kind, self.shape, self.dtype = kind, tuple(shape), dtype
        self.counts, self.first, self.low, self.high, self.parts = counts, first, low, high, list(parts)
        #: Numbers in what is observed.
        self.size = sum(part.size for _, part in self.parts) if kind in ("tuple", "dict") else \
            math.prod(self.shape)

    @classmethod
    def of(cls, space, where, depth=0):
        """Describe a space of Gymnasium's.

        Parameters
        ----------
        space : gymnasium.spaces.Space
            Which.
        where : str
            Whose it is, for the error.

        Returns
        -------
        Space
            Its description.
        """
        if isinstance(space, cls):
            return space
        spaces = extra("gymnasium.spaces", "gymnasium", "an environment as a game")
        if isinstance(space, spaces.Discrete):
            return cls("discrete", (), np.array([space.n], np.int64), np.array([space.start], np.int64), dtype="int64")
        if isinstance(space, spaces.MultiDiscrete):
            start = getattr(space, "start", np.zeros(space.nvec.shape, np.int64))
            return cls("multi_discrete", space.nvec.shape, np.array(space.nvec, np.int64).ravel(),
                       np.array(start, np.int64).ravel(), dtype=str(space.dtype))
        if isinstance(space, spaces.MultiBinary):
            size = math.prod(space.shape)
            return cls("multi_binary", space.shape, np.full(size, 2, np.int64), np.zeros(size, np.int64), dtype="int8")
        if isinstance(space, spaces.Box):
            return cls("box", space.shape, None, None, np.array(space.low, np.float64).ravel(),
                       np.array(space.high, np.float64).ravel(), dtype=str(space.dtype))
        inner = getattr(space, "spaces", None)
        if isinstance(inner, (dict, tuple, list)) and depth < MAX_DEPTH:
            several = isinstance(inner, dict)
            parts = [(name if several else None, cls.of(part, where, depth + 1)) for name, part in (
                inner.items() if several else enumerate(inner))]
            if parts:
                return cls("dict" if several else "tuple", parts=parts)
        raise ValueError(f"make: expected Discrete, MultiDiscrete, MultiBinary, Box, or a Tuple or Dict of them, but "
                         f"{where} {shown(space)}")

    # -- what is observed -----------------------------------------------------------------------

    @property
    def numbers(self):
        """(counts int64 [size], first int64 [size]); 0 values where a number is a real one."""
        if self.parts:
            both = [part.numbers for _, part in self.parts]
            return tuple(np.concatenate(arrays) for arrays in zip(*both, strict=True))
        if self.counts is None:
            return np.zeros(self.size, np.int64), np.zeros(self.size, np.int64)
        return self.counts, self.first

    @property
    def bounds(self):
        """(least float64 [size], greatest) of the numbers observed."""
        if self.parts:
            both = [part.bounds for _, part in self.parts]
            return tuple(np.concatenate(arrays) for arrays in zip(*both, strict=True))
        if self.counts is not None:
            return np.zeros(self.size), self.counts - 1.0
        low = np.full(self.size, -np.inf) if self.low is None else self.low
        return low, np.full(self.size, np.inf) if self.high is None else self.high

    def flat(self, value):
        """Write what is observed as numbers.

        Parameters
        ----------
        value : object
            As an environment gives it.

        Returns
        -------
        float64 [size]
            In the order above.

        Raises
        ------
        ValueError
            It is of another shape, or no number.
        """
        if self.kind == "dict":
            if not isinstance(value, dict) or set(value) != {name for name, _ in self.parts}:
                raise ValueError(f"expected a dictionary of {', '.join(repr(name) for name, _ in self.parts)}, got "
                                 f"{shown(value)}")
            return np.concatenate([part.flat(value[name]) for name, part in self.parts])
        if self.kind == "tuple":
            if isinstance(value, (str, dict)) or not hasattr(value, "__len__") or len(value) != len(self.parts):
                raise ValueError(f"expected {len(self.parts)} parts, got {shown(value)}")
            return np.concatenate([part.flat(one) for one, (_, part) in zip(value, self.parts, strict=True)])
        try:
            array = np.asarray(value, np.float64).ravel()
        except (TypeError, ValueError, OverflowError):
            array = None
        if array is None or array.size != self.size:
            raise ValueError(f"expected {self.size} numbers, got {shown(value)}")
        return array if self.counts is None else array - self.first

    def stray(self, numbers):
        """Find what is not in the space.

        Parameters
        ----------
        numbers : float64 [size]
            As :meth:`flat` wrote them.

        Returns
        -------
        int or None
            The first number that lies outside.
        """
        if self.parts:
            at = 0
            for _, part in self.parts:
                found = part.stray(numbers[at:at + part.size])
                if found is not None:
                    return at + found
                at += part.size
            return None
        low, high = self.bounds
        if self.counts is not None:
            bad = ~((numbers >= low) & (numbers <= high) & (np.floor(numbers) == numbers))
        else:
            if self.dtype == "float32":     # what was within before it was rounded still is
                numbers = numbers.astype(np.float32)
            bad = ~((numbers >= low) & (numbers <= high))
        return int(bad.argmax()) if bad.any() else None

    # -- what is done -----------------------------------------------------------------------------

    @property
    def choices(self):
        """How many actions there are; None: not finitely many."""
        if self.parts:
            each = [part.choices for _, part in self.parts]
            return None if None in each else math.prod(each)
        return None if self.counts is None else math.prod(self.counts.tolist())

    def decoded(self, number):
        """Make an action of its number.

        Parameters
        ----------
        number : int
            0 to ``choices - 1``.

        Returns
        -------
        object
            As the environment takes it.
        """
        if self.parts:
            rest, found = int(number), []
            for name, part in reversed(self.parts):
                rest, own = divmod(rest, part.choices)
                found.append((name, part.decoded(own)))
            found.reverse()
            return dict(found) if self.kind == "dict" else tuple(value for _, value in found)
        if self.kind == "discrete":
            return int(self.first[0]) + int(number)
        values, rest = [], int(number)
        for count in reversed(self.counts.tolist()):
            rest, own = divmod(rest, count)
            values.append(own)
        return (np.array(values[::-1], np.int64) + self.first).reshape(self.shape).astype(self.dtype)

    # -- files ------------------------------------------------------------------------------------

    @property
    def simple(self):
        """Whether numbers are as the environment has them, but for where they begin."""
        return not self.parts and (self.kind in ("discrete", "box") or not self.first.any())

    def to_dict(self):
        """Give it as plain values, without the bounds of reals.

        Returns
        -------
        dict of str to object
            What :meth:`from_dict` takes.
        """
        if self.parts:
            return {"kind": self.kind, "parts": [[name, part.to_dict()] for name, part in self.parts]}
        values = {"kind": self.kind, "shape": list(self.shape)}
        if self.counts is not None:
            values |= {"counts": self.counts.tolist(), "first": self.first.tolist(), "dtype": self.dtype}
        return values

    @classmethod
    def from_dict(cls, values, depth=0):
        """Make one of plain values, which may come from a file of somebody else's.

        Parameters
        ----------
        values : dict of str to object
            As :meth:`to_dict` gave them.

        Returns
        -------
        Space
            An equal one.
        """
        if not isinstance(values, dict) or depth > MAX_DEPTH:
            raise ValueError(f"spaces: expected the description of a space, got {shown(values)}")
        kind = values.get("kind")
        if kind in ("tuple", "dict"):
            parts = values.get("parts")
            if not isinstance(parts, list) or not parts or not all(isinstance(p, list) and len(p) == 2 for p in parts):
                raise ValueError(f"spaces: expected the parts of a {kind}, got {shown(parts)}")
            return cls(kind, parts=[(name, cls.from_dict(part, depth + 1)) for name, part in parts])
        if kind not in ("discrete", "multi_discrete", "multi_binary", "box"):
            raise ValueError(f"spaces: expected the kind of a space, got {shown(kind)}")
        shape = tuple(integer("spaces", n, 0, 2**31) for n in values.get("shape", ()))
        if kind == "box":
            return cls(kind, shape)
        counts, first = (np.array([integer("spaces", n, -2**62, 2**62) for n in values.get(name, ())], np.int64)
                         for name in ("counts", "first"))
        if not len(counts) == len(first) == math.prod(shape) or (counts < 1).any():
            raise ValueError(f"spaces: expected as many counts as numbers, got {shown(values)}")
        if values.get("dtype") not in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
            raise ValueError(f"spaces: expected a type of whole numbers, got {shown(values.get('dtype'))}")
        return cls(kind, shape, counts, first, dtype=values["dtype"])


def numbered(space):
    """The spaces of one agent who observes numbers from 0: for games that are no library's."""
    return Space("discrete", (), np.array([space], np.int64), np.zeros(1, np.int64), dtype="int64")


def reals(size):
    """Those of one who observes real numbers."""
    return Space("box", (size,))
