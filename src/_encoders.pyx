"""Encoders: observation to table row. Twin: ``marlfast/reference/encoders.py``."""
import numpy as np

from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.encoders as leaf
from marlfast.core._kernels cimport Encoder, check
from marlfast.core.operations cimport Status

cdef double LIMIT = 2251799813685248.0      # 2**51: up to here rounding is exact
cdef enum:
    MOST_FEATURES = 64


cdef inline void _share(int64_t agents, int64_t views, int64_t view, int32_t row, int32_t *rows) noexcept nogil:
    """Give a view's row to the agents that see it."""
    cdef int64_t i
    if views == agents:
        rows[view] = row
    else:
        for i in range(agents):
            rows[i] = row


cdef int _grid(void *context, int64_t first, int64_t count, const double *observation,
               int32_t *rows) noexcept nogil:
    cdef const leaf.Grid *grid = <const leaf.Grid *> context
    cdef int64_t r, v, row
    for r in range(count):
        for v in range(grid.views):
            row = leaf.grid_row(grid, observation + (r * grid.views + v) * grid.features)
            if row < 0:
                return Status.BAD_OBSERVATION
            _share(grid.agents, grid.views, v, <int32_t> row, rows + r * grid.agents)
    return 0


cdef int _discrete(void *context, int64_t first, int64_t count, const double *observation,
                   int32_t *rows) noexcept nogil:
    cdef const leaf.Grid *grid = <const leaf.Grid *> context
    cdef int64_t r, v, row
    cdef double y
    for r in range(count):
        for v in range(grid.views):
            y = observation[r * grid.views + v]
            if not (y >= 0.0 and y < <double> grid.bins[0]):
                return Status.BAD_OBSERVATION
            row = <int64_t> y
            if <double> row != y:
                return Status.BAD_OBSERVATION
            _share(grid.agents, grid.views, v, <int32_t> row, rows + r * grid.agents)
    return 0


cdef int _rounding(void *context, int64_t first, int64_t count, const double *observation,
                   int32_t *rows) noexcept nogil:
    cdef const leaf.Rounding *table = <const leaf.Rounding *> context
    cdef int64_t[MOST_FEATURES] key
    cdef int64_t r, v, d, row
    cdef double y
    for r in range(count):
        for v in range(table.views):
            for d in range(table.features):
                y = observation[(r * table.views + v) * table.features + d] * table.scale
                if not fabs(y) <= LIMIT:
                    return Status.BAD_OBSERVATION
                key[d] = <int64_t> leaf.round_half_even(y)
            row = leaf.rounding_find(table, first + r, key)
            if row < 0:
                return Status.TABLE_FULL
            _share(table.agents, table.views, v, <int32_t> row, rows + r * table.agents)
    return 0


cdef object _check_runs(runs):
    if runs < 1:
        raise ValueError(f"runs: expected at least 1, got {runs}")


cdef object _check_views(agents, views, features):
    if agents < 1 or features < 1 or views not in (1, agents):
        raise ValueError(
            f"agents, views, features: expected at least 1, and views 1 or agents, got {agents}, {views}, {features}")


cdef class Discrete(Encoder):
    """Observations that are row numbers already.

    Parameters
    ----------
    runs, agents, views : int
    rows : int
        Observations are 0 to rows - 1.
    """
    cdef leaf.Grid grid

    def __init__(self, runs, agents, views, rows):
        _check_runs(runs)
        _check_views(agents, views, 1)
        if not 1 <= rows < 2**31:
            raise ValueError(f"rows: expected 1 to 2**31 - 1, got {rows}")
        bins = np.array([rows], np.int64)
        cdef const int64_t[::1] b = bins
        self.held = bins
        self.runs, self.agents, self.views, self.features = runs, agents, views, 1
        self.grid.agents, self.grid.views, self.grid.features = agents, views, 1
        self.grid.bins = &b[0]
        self.operations.context = &self.grid
        self.operations.encode = _discrete
        self.operations.used = NULL
        self.operations.rows = rows
        self.operations.views = views


cdef class Grid(Encoder):
    """A dense grid of cells: ``floor((x - low) * scale)`` in every feature; the outer bins are open.

    Parameters
    ----------
    runs, agents, views : int
    low, scale : float64 [D]
        ``scale`` is the number of bins per unit.
    bins : int64 [D]
    """
    cdef leaf.Grid grid

    def __init__(self, runs, agents, views, low, scale, bins):
        cdef const double[::1] least = check(low, "low", "float64", (-1,), False)
        cdef int64_t features = least.shape[0]
        _check_runs(runs)
        _check_views(agents, views, features)
        cdef const double[::1] s = check(scale, "scale", "float64", (features,), False)
        cdef const int64_t[::1] b = check(bins, "bins", "int64", (features,), False)
        rows = 1
        for n in bins.tolist():
            if n < 1:
                raise ValueError(f"bins: expected at least 1, got {n}")
            rows *= n
        if rows >= 2**31:
            raise ValueError(f"bins: {rows} cells are more than the 2**31 - 1 that can be numbered")
        self.held = (low, scale, bins)
        self.runs, self.agents, self.views, self.features = runs, agents, views, features
        self.grid.agents, self.grid.views, self.grid.features = agents, views, features
        self.grid.low, self.grid.scale, self.grid.bins = &least[0], &s[0], &b[0]
        self.operations.context = &self.grid
        self.operations.encode = _grid
        self.operations.used = NULL
        self.operations.rows = rows
        self.operations.views = views


cdef class Rounding(Encoder):
    """Rows in the order in which rounded observations are first seen, found by a hash table.

    Parameters
    ----------
    agents, views : int
    scale : float
        10 ** decimals.
    keys : int64 [R, rows, D]
        Written: the rounded observation of each row, times scale.
    table : int32 [R, slots]
        Written: row + 1, or 0 where a slot is empty. ``slots`` is a power of two, more than rows.
    used : int64 [R]
        Written: rows in use.
    """
    cdef leaf.Rounding rounding

    def __init__(self, agents, views, scale, keys, table, used):
        cdef int64_t[:, :, ::1] k = check(keys, "keys", "int64", (-1, -1, -1), True)
        cdef int64_t runs = k.shape[0], rows = k.shape[1], features = k.shape[2]
        _check_views(agents, views, features)
        if features > MOST_FEATURES:
            raise ValueError(f"keys: expected at most {MOST_FEATURES} features, got {features}")
        cdef int32_t[:, ::1] t = check(table, "table", "int32", (runs, -1), True)
        cdef int64_t slots = t.shape[1]
        cdef int64_t[::1] u = check(used, "used", "int64", (runs,), True)
        if runs < 1 or rows < 1 or rows >= 2**31 - 1:
            raise ValueError(f"keys: expected at least one run and 1 to 2**31 - 2 rows, got {runs}, {rows}")
        if slots <= rows or slots & (slots - 1):
            raise ValueError(f"table: expected slots a power of two greater than {rows} rows, got {slots}")
        if used.min() < 0 or used.max() > rows:
            raise ValueError(f"used: expected 0 to {rows} rows in use, got {used.min()} to {used.max()}")
        # As many slots are filled as rows are in use, so that one is empty and a search ends.
        if table.min() < 0 or (table.max(axis=1) > used).any() or (np.count_nonzero(table, axis=1) > used).any():
            raise ValueError("table: expected row numbers in use, plus 1")
        self.held = (keys, table, used)
        self.runs, self.agents, self.views, self.features = runs, agents, views, features
        self.rounding.agents, self.rounding.views, self.rounding.features = agents, views, features
        self.rounding.rows, self.rounding.slots, self.rounding.scale = rows, slots, scale
        self.rounding.keys, self.rounding.table, self.rounding.used = &k[0, 0, 0], &t[0, 0], &u[0]
        self.operations.context = &self.rounding
        self.operations.encode = _rounding
        self.operations.used = &u[0]
        self.operations.rows = rows
        self.operations.views = views

    def rebuild(self):
        """Fill the empty hash table from ``keys`` and ``used``, after the rows moved to larger arrays."""
        cdef leaf.Rounding *table = &self.rounding
        cdef int64_t run, row, n, status = 0
        with nogil:
            for run in range(self.runs):
                n = table.used[run]
                table.used[run] = 0
                for row in range(n):
                    if leaf.rounding_find(table, run, table.keys + (run * table.rows + row) * table.features) != row:
                        status = 1
                table.used[run] = n
        if status:
            raise ValueError("keys: the same key stands in two rows")
