"""Encoders in NumPy: the twin of ``src/_encoders.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_OBSERVATION, TABLE_FULL, Encoder, check, fine

LIMIT = 2.0**51     # up to here rounding is exact
MAX_FEATURES = 128
MAX_ROW = 2**31 - 2


def _hash(key):
    """Multiply and fold, one column of int64 after the other."""
    h = np.uint64(0x9E3779B97F4A7C15)
    for column in key:
        h = (h ^ column.astype(np.uint64)) * np.uint64(0xD6E8FEB86659FD93)
        h = h ^ (h >> np.uint64(32))
    return h


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
        n_rows = 1
        for n in bins.tolist():
            if n < 1:
                raise ValueError(f"bins: expected at least 1, got {n}")
            n_rows *= n
        if n_rows >= 2**31:
            raise ValueError(f"bins: {n_rows} cells are more than the 2**31 - 1 that can be numbered")
        self.runs, self.agents, self.views, self.features, self.rows = runs, agents, views, len(low), n_rows
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


class Tiles(Encoder):
    """Tile coding: in each tiling a tile, ``floor((x - low) * scale + offset)`` in every feature that it looks at.

    The outer tiles are open. Where a tiling has more tiles than rows, a hash function says which row a tile has.

    Parameters
    ----------
    runs, agents, views : int
    low, scale : float64 [D]
        ``scale`` is the number of tiles per unit.
    bins : int64 [D]
    members : int64 [M]
        Features that the tilings look at, one tiling after the other, the most significant first.
    offsets : float64 [M]
        Displacement in that feature, in tiles.
    ends : int64 [k + 1]
        Where the members of each tiling end; the first is 0.
    starts : int64 [k + 1]
        Row at which each tiling begins, and one past the last.
    """

    def __init__(self, *, runs, agents, views, low, scale, bins, members, offsets, ends, starts):
        check(low, "low", "float64", (-1,), False)
        features = len(low)
        _check_runs(runs)
        _check_views(agents, views, features)
        check(scale, "scale", "float64", (features,), False)
        check(bins, "bins", "int64", (features,), False)
        check(members, "members", "int64", (-1,), False)
        check(offsets, "offsets", "float64", (len(members),), False)
        check(ends, "ends", "int64", (-1,), False)
        check(starts, "starts", "int64", (len(ends),), False)
        if bins.min() < 1:
            raise ValueError(f"bins: expected at least 1, got {bins.min()}")
        if len(members) < 1 or members.min() < 0 or members.max() >= features:
            raise ValueError(f"members: expected features 0 to {features - 1}")
        if len(ends) < 2 or ends[0] != 0 or ends[-1] != len(members) or (np.diff(ends) < 1).any():
            raise ValueError(f"ends: expected rising numbers from 0 to {len(members)}")
        if starts[0] != 0 or starts[-1] >= 2**31 or (np.diff(starts) < 1).any():
            raise ValueError("starts: expected rising numbers from 0 to at most 2**31 - 1")
        if not (np.isfinite(offsets).all() and (offsets >= 0.0).all() and (offsets < 1.0).all()):
            raise ValueError("offsets: expected numbers in [0, 1)")
        tiles = []
        for first, last in zip(ends.tolist(), ends.tolist()[1:], strict=False):
            count = 1
            for d in members[first:last].tolist():
                count *= int(bins[d])
            tiles.append(count)
        if max(tiles) >= 2**62:
            raise ValueError(f"bins: {max(tiles)} tiles are more than the 2**62 - 1 that can be hashed")
        if (np.diff(starts) > np.array(tiles, np.int64)).any():
            raise ValueError("starts: expected no more rows than tiles")
        self.runs, self.agents, self.views, self.features, self.active = runs, agents, views, features, len(tiles)
        self.rows, self.low, self.scale, self.bins, self.members = int(starts[-1]), low, scale, bins, members
        self.offsets, self.ends, self.starts, self.tiles = offsets, ends.tolist(), starts.tolist(), tiles

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


class AgentIndex(Encoder):
    """Rows of another encoder, told apart by agent: ``row * N + i``.

    Parameters
    ----------
    within : Encoder
    common : bool
        Each row comes twice: as ``row * (N + 1)``, the same for all agents, and as ``row * (N + 1) + 1 + i``. First all
        of an agent's rows that are common, then its own.
    """

    def __init__(self, within, common):
        n_rows = within.rows * (within.agents + bool(common))
        if within.used is None and n_rows >= 2**31:
            raise ValueError(f"within: {n_rows} rows are more than the 2**31 - 1 that can be numbered")
        self.runs, self.agents, self.views, self.features = within.runs, within.agents, within.views, within.features
        self.within, self.common, self.active = within, bool(common), within.active * (1 + bool(common))
        # How many rows are used, and may be, is said of the encoder within: its arrays are what grows.
        self.used, self.rows = within.used, n_rows if within.used is None else within.rows

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


class Observed(Encoder):
    """Rows of what all agents see together, by another encoder, from the state of their game.

    Parameters
    ----------
    game : Game
    within : Encoder
        Of one agent, whose features are all that the agents of the game see: V * D.
    """

    def __init__(self, game, within):
        observation_size = game.views * game.features
        if (within.agents, within.views, within.features, within.active) != (1, 1, observation_size, 1):
            raise ValueError(f"within: expected an encoder of one agent, {observation_size} features and one row")
        self.runs, self.agents, self.views, self.features, self.active = within.runs, 1, 1, game.state_size, 1
        self.game, self.within, self.used, self.rows = game, within, within.used, within.rows

    def stage_encode(self, runs, observation, rows):
        game, state = self.game, observation[:, 0]
        obs = np.zeros((len(runs), game.views, game.features))
        status = game.stage_observe(runs, state, obs)
        good = np.flatnonzero(status == 0)
        part = rows[good]
        status[good] = self.within.stage_encode(runs[good], obs[good].reshape(len(good), 1, -1), part)
        rows[good] = part
        return status


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
        n_runs, n_rows, features = keys.shape
        _check_views(agents, views, features)
        if features > MAX_FEATURES:
            raise ValueError(f"keys: expected at most {MAX_FEATURES} features, got {features}")
        check(table, "table", "int32", (n_runs, -1), True)
        slots = table.shape[1]
        check(used, "used", "int64", (n_runs,), True)
        if n_runs < 1 or n_rows < 1 or n_rows >= 2**31 - 1:
            raise ValueError(f"keys: expected at least one run and 1 to 2**31 - 2 rows, got {n_runs}, {n_rows}")
        if slots <= n_rows or slots & (slots - 1):
            raise ValueError(f"table: expected slots a power of two greater than {n_rows} rows, got {slots}")
        if used.min() < 0 or used.max() > n_rows:
            raise ValueError(f"used: expected 0 to {n_rows} rows in use, got {used.min()} to {used.max()}")
        # As many slots are filled as rows are in use, so that one is empty and a search ends.
        if table.min() < 0 or (table.max(axis=1) > used).any() or (np.count_nonzero(table, axis=1) > used).any():
            raise ValueError("table: expected row numbers in use, plus 1")
        self.runs, self.agents, self.views, self.features, self.rows = n_runs, agents, views, features, n_rows
        self.scale, self.keys, self.table, self.used = scale, keys, table, used

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


class Known(Encoder):
    """Rows of rounded observations that are known; all others are in one more row, after them. Nothing is added.

    Parameters
    ----------
    runs, agents, views : int
    scale : float
        10 ** decimals.
    keys : int64 [rows, D]
        The rounded observation of each row, times scale.
    """

    def __init__(self, runs, agents, views, scale, keys):
        check(keys, "keys", "int64", (-1, -1), False)
        n_rows, features = keys.shape
        _check_runs(runs)
        _check_views(agents, views, features)
        if features > MAX_FEATURES:
            raise ValueError(f"keys: expected at most {MAX_FEATURES} features, got {features}")
        self.places = {key.tobytes(): row for row, key in enumerate(keys)}
        if len(self.places) < n_rows:
            raise ValueError("keys: the same key stands in two rows")
        self.runs, self.agents, self.views, self.features = runs, agents, views, features
        self.rows, self.scale = n_rows + 1, scale

    def stage_encode(self, runs, observation, rows):
        with np.errstate(invalid="ignore", over="ignore"):
            y = observation * self.scale
            good = (np.abs(y) <= LIMIT).all(axis=(1, 2))
        keys, last = np.rint(y[good]).astype(np.int64), self.rows - 1
        found = [[self.places.get(key.tobytes(), last) for key in views] for views in keys]
        rows[good] = np.array(found, np.int32).reshape(len(keys), self.views)   # one view: every agent gets its row
        return np.where(good, 0, BAD_OBSERVATION).astype(np.int32)
