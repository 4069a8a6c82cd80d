"""Encoders in NumPy: the twin of ``src/_encoders.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_OBSERVATION, TABLE_FULL, Encoder, check, fine

LIMIT = 2.0**51     # up to here rounding is exact
MOST_FEATURES = 64


def _check_runs(runs):
    if runs < 1:
        raise ValueError(f"runs: expected at least 1, got {runs}")


def _check_views(agents, views, features):
    if agents < 1 or features < 1 or views not in (1, agents):
        raise ValueError(
            f"agents, views, features: expected at least 1, and views 1 or agents, got {agents}, {views}, {features}")


class _Dense(Encoder):
    """Every row exists: an observation's row follows from the observation alone."""

    def stage_encode(self, runs, observation, rows):
        row = self._rows(observation)
        status = np.where((row < 0).any(axis=1), BAD_OBSERVATION, 0).astype(np.int32)
        good = status == 0
        rows[good] = row[good]      # one view: every agent gets its row
        return status


class Discrete(_Dense):
    """Observations that are row numbers already.

    Parameters
    ----------
    runs, agents, views : int
    rows : int
        Observations are 0 to rows - 1.
    """

    def __init__(self, runs, agents, views, rows):
        _check_runs(runs)
        _check_views(agents, views, 1)
        if not 1 <= rows < 2**31:
            raise ValueError(f"rows: expected 1 to 2**31 - 1, got {rows}")
        self.runs, self.agents, self.views, self.features, self.rows = runs, agents, views, 1, rows

    def _rows(self, observation):
        y = observation[:, :, 0]
        inside = (y >= 0.0) & (y < self.rows)
        row = np.where(inside, y, 0.0).astype(np.int64)
        return np.where(inside & (row == y), row, -1)


class Grid(_Dense):
    """A dense grid of cells: ``floor((x - low) * scale)`` in every feature; the outer bins are open.

    Parameters
    ----------
    runs, agents, views : int
    low, scale : float64 [D]
        ``scale`` is the number of bins per unit.
    bins : int64 [D]
    """

    def __init__(self, runs, agents, views, low, scale, bins):
        check(low, "low", "float64", (-1,), False)
        _check_runs(runs)
        _check_views(agents, views, len(low))
        check(scale, "scale", "float64", (len(low),), False)
        check(bins, "bins", "int64", (len(low),), False)
        rows = 1
        for n in bins.tolist():
            if n < 1:
                raise ValueError(f"bins: expected at least 1, got {n}")
            rows *= n
        if rows >= 2**31:
            raise ValueError(f"bins: {rows} cells are more than the 2**31 - 1 that can be numbered")
        self.runs, self.agents, self.views, self.features, self.rows = runs, agents, views, len(low), rows
        self.low, self.scale, self.bins = low, scale, bins

    def _rows(self, observation):
        with np.errstate(invalid="ignore", over="ignore"):
            y = (observation - self.low) * self.scale
        finite = np.isfinite(y)
        k = np.where(finite, np.minimum(np.maximum(y, 0.0), self.bins - 1.0), 0.0).astype(np.int64)
        row = np.zeros(y.shape[:2], np.int64)
        for d, n in enumerate(self.bins.tolist()):
            row = row * n + k[:, :, d]
        return np.where(finite.all(axis=2), row, -1)


class Rounding(Encoder):
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

    def __init__(self, agents, views, scale, keys, table, used):
        check(keys, "keys", "int64", (-1, -1, -1), True)
        runs, rows, features = keys.shape
        _check_views(agents, views, features)
        if features > MOST_FEATURES:
            raise ValueError(f"keys: expected at most {MOST_FEATURES} features, got {features}")
        check(table, "table", "int32", (runs, -1), True)
        slots = table.shape[1]
        check(used, "used", "int64", (runs,), True)
        if runs < 1 or rows < 1 or rows >= 2**31 - 1:
            raise ValueError(f"keys: expected at least one run and 1 to 2**31 - 2 rows, got {runs}, {rows}")
        if slots <= rows or slots & (slots - 1):
            raise ValueError(f"table: expected slots a power of two greater than {rows} rows, got {slots}")
        if used.min() < 0 or used.max() > rows:
            raise ValueError(f"used: expected 0 to {rows} rows in use, got {used.min()} to {used.max()}")
        # As many slots are filled as rows are in use, so that one is empty and a search ends.
        if table.min() < 0 or (table.max(axis=1) > used).any() or (np.count_nonzero(table, axis=1) > used).any():
            raise ValueError("table: expected row numbers in use, plus 1")
        self.runs, self.agents, self.views, self.features, self.rows = runs, agents, views, features, rows
        self.scale, self.keys, self.table, self.used = scale, keys, table, used

    def _find(self, runs, key):
        """Rows of one key [n, D] in each of some runs, added where new; -2 where there is no room."""
        mask = np.uint64(self.table.shape[1] - 1)
        h = np.full(len(runs), 0x9E3779B97F4A7C15, np.uint64)
        for d in range(self.features):
            h = (h ^ key[:, d].astype(np.uint64)) * np.uint64(0xD6E8FEB86659FD93)
            h = h ^ (h >> np.uint64(32))
        slot = (h & mask).astype(np.int64)
        found = np.full(len(runs), -1, np.int64)
        left = np.arange(len(runs))
        while len(left):
            held = self.table[runs[left], slot[left]]
            row = held.astype(np.int64) - 1
            same = (held > 0) & (self.keys[runs[left], np.maximum(row, 0)] == key[left]).all(axis=1)
            found[left[same]] = row[same]
            new = left[held == 0]
            fits = self.used[runs[new]] < self.rows
            found[new[~fits]] = -2
            new = new[fits]
            at = self.used[runs[new]]
            self.keys[runs[new], at] = key[new]
            self.table[runs[new], slot[new]] = at + 1
            self.used[runs[new]] = at + 1
            found[new] = at
            left = left[found[left] == -1]
            slot[left] = (slot[left] + 1) & int(mask)
        return found

    def stage_encode(self, runs, observation, rows):
        status = fine(len(runs))
        with np.errstate(invalid="ignore", over="ignore"):
            y = observation * self.scale
            inside = np.abs(y) <= LIMIT
        for v in range(self.views):
            status[(status == 0) & ~inside[:, v].all(axis=1)] = BAD_OBSERVATION
            good = np.flatnonzero(status == 0)
            row = self._find(runs[good], np.rint(y[good, v]).astype(np.int64))
            status[good[row < 0]] = TABLE_FULL
            good, row = good[row >= 0], row[row >= 0]
            if self.views == self.agents:
                rows[good, v] = row
            else:
                rows[good] = row[:, None]
        return status

    def rebuild(self):
        """Fill the empty hash table from ``keys`` and ``used``, after the rows moved to larger arrays."""
        most = self.used.copy()
        self.used[:] = 0
        bad = False
        for row in range(int(most.max())):
            runs = np.flatnonzero(most > row)
            bad |= bool((self._find(runs, self.keys[runs, row]) != row).any())
        self.used[:] = most
        if bad:
            raise ValueError("keys: the same key stands in two rows")
