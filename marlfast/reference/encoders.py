"""Encoders in NumPy: the twin of ``src/_encoders.pyx``."""
import numpy as np

from marlfast.declarations.encoders import AGENT_INDEX, DISCRETE, GRID, KNOWN, OBSERVED, ROUNDING, TILES
from marlfast.reference.kernels import BAD_OBSERVATION, TABLE_FULL, Encoder, fine

LIMIT = 2.0**51     # up to here rounding is exact
MAX_ROW = 2**31 - 2


def _hash(key):
    """Multiply and fold, one column of int64 after the other."""
    h = np.uint64(0x9E3779B97F4A7C15)
    for column in key:
        h = (h ^ column.astype(np.uint64)) * np.uint64(0xD6E8FEB86659FD93)
        h = h ^ (h >> np.uint64(32))
    return h


class _Dense(Encoder):
    """Every row exists: an observation's row follows from the observation alone."""

    def stage_encode(self, runs, observation, rows):
        row = self._rows(observation)
        good = (row >= 0).all(axis=1)
        rows[good] = row[good]      # one view: every agent gets its row
        return np.where(good, 0, BAD_OBSERVATION).astype(np.int32)


@DISCRETE.document
class Discrete(_Dense):
    """Observations that are row numbers already."""

    def __init__(self, *by_position, **given):
        self._shaped(DISCRETE.check(given, by_position))

    def _rows(self, observation):
        y = observation[:, :, 0]
        inside = (y >= 0.0) & (y < self.rows)
        row = np.where(inside, y, 0.0).astype(np.int64)
        return np.where(inside & (row == y), row, -1)


@GRID.document
class Grid(_Dense):
    """A dense grid of cells: ``floor((x - low) * scale)`` in every feature; the outer bins are open."""

    def __init__(self, *by_position, **given):
        a = self._shaped(GRID.check(given, by_position))
        self.low, self.scale, self.bins = a.low, a.scale, a.bins
        self.strides = np.append(np.cumprod(a.bins[:0:-1])[::-1], 1)      # the last feature counts by ones

    def _rows(self, observation):
        with np.errstate(invalid="ignore", over="ignore"):
            y = (observation - self.low) * self.scale
        finite = np.isfinite(y)
        k = np.where(finite, np.minimum(np.maximum(y, 0.0), self.bins - 1.0), 0.0).astype(np.int64)
        return np.where(finite.all(axis=2), k @ self.strides, -1)


@TILES.document
class Tiles(Encoder):
    """Tile coding: in each tiling a tile, ``floor((x - low) * scale + offset)`` in every feature that it looks at.

    The outer tiles are open. Where a tiling has more tiles than rows, a hash function says which row a tile has.
    """

    def __init__(self, **given):
        a = self._shaped(TILES.check(given))
        self.low, self.scale, self.bins, self.members = a.low, a.scale, a.bins, a.members
        self.offsets, self.ends, self.starts = a.offsets, a.ends.tolist(), a.starts.tolist()
        self.tiles, self.active = a.tiles, len(a.tiles)

    def stage_encode(self, runs, observation, rows):
        at = self.members
        with np.errstate(invalid="ignore", over="ignore"):
            y = (observation[:, :, at] - self.low[at]) * self.scale[at] + self.offsets
        finite = np.isfinite(y)
        tile = np.where(finite, np.minimum(np.maximum(y, 0.0), self.bins[at] - 1.0), 0.0).astype(np.int64)
        status = np.where(finite.all(axis=(1, 2)), 0, BAD_OBSERVATION).astype(np.int32)
        good = np.flatnonzero(status == 0)
        out = np.zeros((len(good), self.views, self.active), np.int64)
        for t, count in enumerate(self.tiles):
            n = np.zeros(out.shape[:2], np.int64)
            for m in range(self.ends[t], self.ends[t + 1]):
                n = n * self.bins[at[m]] + tile[good][:, :, m]
            most = self.starts[t + 1] - self.starts[t]
            if count > most:
                n = (_hash([np.full(n.shape, t), n]) % np.uint64(most)).astype(np.int64)
            out[:, :, t] = self.starts[t] + n
        rows.reshape(len(rows), self.agents, self.active)[good] = out       # one view: every agent gets its rows
        return status


@AGENT_INDEX.document
class AgentIndex(Encoder):
    """Rows of another encoder, told apart by agent: ``row * N + i``."""

    def __init__(self, *by_position, **given):
        a = AGENT_INDEX.check(given, by_position)
        self.runs, self.agents, self.views, self.features = a.R, a.N, a.V, a.D
        self.within, self.common, self.active = a.within, a.common, a.within.active * (1 + a.common)
        self.used, self.rows = a.within.used, a.n_rows

    def rebuild(self):
        """Fill the hash table of the encoder within."""
        self.within.rebuild()

    def stage_encode(self, runs, observation, rows):
        inner = np.zeros((len(runs), self.agents * self.within.active), np.int32)
        status = self.within.stage_encode(runs, observation, inner)
        each = self.agents + self.common
        row = inner.reshape(len(runs), self.agents, -1).astype(np.int64) * each
        status[(status == 0) & (row > MAX_ROW - each).any(axis=(1, 2))] = TABLE_FULL
        own = row + self.common + np.arange(self.agents)[:, None]
        good = status == 0
        rows[good] = (np.concatenate([row, own], axis=2) if self.common else own).reshape(len(runs), -1)[good]
        return status


@OBSERVED.document
class Observed(Encoder):
    """Rows of what all agents see together, by another encoder, from the state of their game."""

    def __init__(self, *by_position, **given):
        a = OBSERVED.check(given, by_position)
        self.runs, self.agents, self.views, self.features, self.active = a.R, 1, 1, a.S, 1
        self.game, self.within, self.used, self.rows = a.game, a.within, a.within.used, a.within.rows

    def stage_encode(self, runs, observation, rows):
        game, state = self.game, observation[:, 0]
        obs = np.zeros((len(runs), game.views, game.features))
        status = game.stage_observe(runs, state, obs)
        good = np.flatnonzero(status == 0)
        part = rows[good]
        status[good] = self.within.stage_encode(runs[good], obs[good].reshape(len(good), 1, -1), part)
        rows[good] = part
        return status


@ROUNDING.document
class Rounding(Encoder):
    """Rows in the order in which rounded observations are first seen, found by a hash table."""

    def __init__(self, *by_position, **given):
        a = self._shaped(ROUNDING.check(given, by_position))
        self.scale, self.keys, self.table, self.used = a.scale, a.keys, a.table, a.used

    def _find(self, runs, key):
        """Rows of one key [n, D] in each of some runs, added where new; -2 where there is no room."""
        mask = np.uint64(self.table.shape[1] - 1)
        slot = (_hash(key.T) & mask).astype(np.int64)
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


@KNOWN.document
class Known(Encoder):
    """Rows of rounded observations that are known; all others are in one more row, after them. Nothing is added."""

    def __init__(self, *by_position, **given):
        a = self._shaped(KNOWN.check(given, by_position))
        self.places = {key.tobytes(): row for row, key in enumerate(a.keys)}
        if len(self.places) < a.n_rows:
            raise ValueError("keys: the same key stands in two rows")
        self.rows, self.scale = a.n_rows + 1, a.scale          # all that is none of them

    def stage_encode(self, runs, observation, rows):
        with np.errstate(invalid="ignore", over="ignore"):
            y = observation * self.scale
            good = (np.abs(y) <= LIMIT).all(axis=(1, 2))
        keys, last = np.rint(y[good]).astype(np.int64), self.rows - 1
        found = [[self.places.get(key.tobytes(), last) for key in views] for views in keys]
        rows[good] = np.array(found, np.int32).reshape(len(keys), self.views)   # one view: every agent gets its row
        return np.where(good, 0, BAD_OBSERVATION).astype(np.int32)
