"""Points by their numbers, and the order in which they are trained: worked out by a rule, or stored."""
import math

import numpy as np


class Grid:
    """Every combination of some values, the last name's changing fastest: numbers, of which none is stored.

    Parameters
    ----------
    sizes : sequence of int
        Values of each name.
    """

    def __init__(self, sizes):
        self.sizes = list(sizes)
        self.count = math.prod(self.sizes)

    def digits(self, points):
        """Which value of each name points have: int32 [n, names]."""
        points = np.asarray(points, np.int64)
        found = np.empty((len(points), len(self.sizes)), np.int32)
        for k in reversed(range(len(self.sizes))):
            points, found[:, k] = np.divmod(points, self.sizes[k])
        return found

    def first(self, k):
        """The first point with each value of name k: int64 [values]."""
        return np.arange(self.sizes[k]) * math.prod(self.sizes[k + 1:])

    def combinations(self, columns, most):
        """The first point with each combination of values of some names, the first ``most`` of them: int64 [n]."""
        sizes = [self.sizes[k] for k in columns]
        digits = Grid(sizes).digits(np.arange(min(most, math.prod(sizes))))
        return digits.astype(np.int64) @ np.array([math.prod(self.sizes[k + 1:]) for k in columns], np.int64)

    def by(self, columns):
        """The order in which points are trained: those that agree in some names stand side by side."""
        return _GridOrder(self, columns) if columns else _Same()


class _Same:
    """Points in the order of their numbers, all in one group."""

    def point(self, places):
        return places

    place = point

    def group(self, places):
        return np.zeros(len(places), np.int64)


class _GridOrder:
    """Points of a grid by the values of some names, and then by the others': worked out, not stored."""

    def __init__(self, grid, columns):
        self.grid, self.columns = grid, columns
        rest = [k for k in range(len(grid.sizes)) if k not in columns]
        self.members = math.prod(grid.sizes[k] for k in rest)
        self.one = [*columns, *rest]
        self.there = Grid([grid.sizes[k] for k in self.one])
        self.steps = [math.prod(grid.sizes[k + 1:]) for k in self.one]
        self.back = [math.prod(self.there.sizes[j + 1:]) for j in range(len(self.one))]

    def point(self, places):
        return self.there.digits(places).astype(np.int64) @ np.array(self.steps, np.int64)

    def place(self, points):
        return self.grid.digits(points)[:, self.one].astype(np.int64) @ np.array(self.back, np.int64)

    def group(self, places):
        return np.asarray(places, np.int64) // self.members


class Sample:
    """Points that were drawn, and are stored.

    Parameters
    ----------
    index : int32 [P, names]
        Which value of each name each has.
    """

    def __init__(self, index):
        self.index = np.asarray(index, np.int32)
        self.count = len(self.index)

    def digits(self, points):
        return self.index[points]

    def first(self, k):
        return np.unique(self.index[:, k], return_index=True)[1]

    def combinations(self, columns, most):
        return np.unique(self.index[:, columns], axis=0, return_index=True)[1][:most]

    def by(self, columns):
        return _SampleOrder(self.index[:, columns]) if columns else _Same()


class _SampleOrder:
    """Groups in the order in which they first come, and in each the points in theirs."""

    def __init__(self, index):
        _, first, group = np.unique(index, axis=0, return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        group = rank[group.ravel()]
        self.order = np.argsort(group, kind="stable")
        self.groups = group[self.order]
        self.places = np.empty(len(group), np.int64)
        self.places[self.order] = np.arange(len(group))

    def point(self, places):
        return self.order[places]

    def place(self, points):
        return self.places[points]

    def group(self, places):
        return self.groups[places]
