"""Encoders: observation to table row. Twin: ``marlfast/reference/encoders.py``."""
import numpy as np

from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

cimport marlfast.core.encoders as leaf
from marlfast.core._kernels cimport Encoder, Game, check, reals
from marlfast.core.operations cimport DISCRETE_ENCODER, GRID_ENCODER, Status, show
from marlfast.declarations.base import zeros

cdef double LIMIT = 2251799813685248.0      # 2**51: up to here rounding is exact
cdef enum:
    MAX_FEATURES = 128
    MAX_ROW = 2147483646


cdef int _grid(void *context, int64_t first, int64_t count, const double *observation,
               int32_t *rows) noexcept nogil:
    cdef const leaf.Grid *grid = <const leaf.Grid *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.grid_rows(grid, observation + r * grid.views * grid.features, rows + r * grid.n_agents)
        if status:
            return status
    return 0


cdef int _discrete(void *context, int64_t first, int64_t count, const double *observation,
                   int32_t *rows) noexcept nogil:
    cdef const leaf.Grid *grid = <const leaf.Grid *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.discrete_rows(grid, observation + r * grid.views, rows + r * grid.n_agents)
        if status:
            return status
    return 0


cdef int _rounding(void *context, int64_t first, int64_t count, const double *observation,
                   int32_t *rows) noexcept nogil:
    cdef const leaf.Rounding *table = <const leaf.Rounding *> context
    cdef int64_t[MAX_FEATURES] key
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
            leaf.share_row(table.n_agents, table.views, v, <int32_t> row, rows + r * table.n_agents)
    return 0


cdef int _known(void *context, int64_t first, int64_t count, const double *observation,
                int32_t *rows) noexcept nogil:
    cdef const leaf.Known *known = <const leaf.Known *> context
    cdef int64_t[MAX_FEATURES] key
    cdef int64_t r, v, d
    cdef double y
    for r in range(count):
        for v in range(known.views):
            for d in range(known.features):
                y = observation[(r * known.views + v) * known.features + d] * known.scale
                if not fabs(y) <= LIMIT:
                    return Status.BAD_OBSERVATION
                key[d] = <int64_t> leaf.round_half_even(y)
            leaf.share_row(known.n_agents, known.views, v, <int32_t> leaf.known_row(known, key),
                           rows + r * known.n_agents)
    return 0


cdef int _tiles(void *context, int64_t first, int64_t count, const double *observation,
                int32_t *rows) noexcept nogil:
    cdef const leaf.Tiles *tiles = <const leaf.Tiles *> context
    cdef int64_t r, v, i, active = tiles.active
    cdef int32_t *own
    for r in range(count):
        own = rows + r * tiles.n_agents * active
        for v in range(tiles.views):
            if not leaf.tile_rows(tiles, observation + (r * tiles.views + v) * tiles.features, own + v * active):
                return Status.BAD_OBSERVATION
        for i in range(tiles.views, tiles.n_agents):      # one view: all agents see it
            memcpy(own + i * active, own, active * sizeof(int32_t))
    return 0


cdef int _agent_index(void *context, int64_t first, int64_t count, const double *observation,
                      int32_t *rows) noexcept nogil:
    cdef const leaf.AgentIndex *index = <const leaf.AgentIndex *> context
    cdef int64_t r, i, j, k = index.active, each = index.n_agents + index.common, row
    cdef int64_t active_rows = k * (1 + index.common)
    cdef int32_t *own
    cdef int status
    for r in range(count):
        own = rows + r * index.n_agents * active_rows
        status = index.within.encode(index.within.context, first + r, 1, observation + r * index.observation_size, own)
        if status:
            return status
        # The last agent first: its rows move to where none is that still has to be read.
        for i in range(index.n_agents - 1, -1, -1):
            for j in range(k):
                row = own[i * k + j] * each
                if row > MAX_ROW - each:
                    return Status.TABLE_FULL
                if index.common:
                    own[i * active_rows + j] = <int32_t> row
                    own[i * active_rows + k + j] = <int32_t> (row + 1 + i)
                else:
                    own[i * k + j] = <int32_t> (row + i)
    return 0


cdef int _observed(void *context, int64_t first, int64_t count, const double *state, int32_t *rows) noexcept nogil:
    cdef const leaf.Observed *observed = <const leaf.Observed *> context
    cdef int64_t r
    cdef double *observation
    cdef int status
    for r in range(count):
        observation = observed.observation + (first + r) * observed.pitch
        status = show(observed.game, first + r, 1, state + r * observed.state_size, observed.observation_size,
                      observation)
        if status == 0:
            status = observed.within.encode(observed.within.context, first + r, 1, observation, rows + r)
        if status:
            return status
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
        self.grid.n_agents, self.grid.views, self.grid.features = agents, views, 1
        self.grid.bins = &b[0]
        self.operations.context = &self.grid
        self.operations.encode = _discrete
        self.operations.kind = DISCRETE_ENCODER
        self.operations.used = NULL
        self.operations.n_rows = rows
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
        self.grid.n_agents, self.grid.views, self.grid.features = agents, views, features
        self.grid.low, self.grid.scale, self.grid.bins = &least[0], &s[0], &b[0]
        self.operations.context = &self.grid
        self.operations.encode = _grid
        self.operations.kind = GRID_ENCODER
        self.operations.used = NULL
        self.operations.n_rows = rows
        self.operations.views = views


cdef class Tiles(Encoder):
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
    cdef leaf.Tiles tiles

    def __init__(self, *, runs, agents, views, low, scale, bins, members, offsets, ends, starts):
        cdef const double[::1] lowest = check(low, "low", "float64", (-1,), False)
        cdef int64_t features = lowest.shape[0]
        _check_runs(runs)
        _check_views(agents, views, features)
        cdef const double[::1] s = check(scale, "scale", "float64", (features,), False)
        cdef const int64_t[::1] b = check(bins, "bins", "int64", (features,), False)
        cdef const int64_t[::1] m = check(members, "members", "int64", (-1,), False)
        cdef const double[::1] o = check(offsets, "offsets", "float64", (len(members),), False)
        cdef const int64_t[::1] e = check(ends, "ends", "int64", (-1,), False)
        cdef const int64_t[::1] f = check(starts, "starts", "int64", (len(ends),), False)
        if bins.min() < 1:
            raise ValueError(f"bins: expected at least 1, got {bins.min()}")
        if len(members) < 1 or members.min() < 0 or members.max() >= features:
            raise ValueError(f"members: expected features 0 to {features - 1}")
        if len(ends) < 2 or ends[0] != 0 or ends[len(ends) - 1] != len(members) or (np.diff(ends) < 1).any():
            raise ValueError(f"ends: expected rising numbers from 0 to {len(members)}")
        if starts[0] != 0 or starts[len(starts) - 1] >= 2**31 or (np.diff(starts) < 1).any():
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
        counts = np.array(tiles, np.int64)
        if (np.diff(starts) > counts).any():
            raise ValueError("starts: expected no more rows than tiles")
        cdef const int64_t[::1] t = counts
        self.held = (low, scale, bins, members, offsets, ends, starts, counts)
        self.runs, self.agents, self.views, self.features = runs, agents, views, features
        self.active = len(counts)
        self.tiles = leaf.Tiles(agents, views, features, len(counts), &lowest[0], &s[0], &b[0], &m[0], &o[0],
                                &e[0], &f[0], &t[0])
        self.operations.context = &self.tiles
        self.operations.encode = _tiles
        self.operations.used = NULL
        self.operations.n_rows = starts[len(starts) - 1]
        self.operations.views = views


cdef class AgentIndex(Encoder):
    """Rows of another encoder, told apart by agent: ``row * N + i``.

    Parameters
    ----------
    within : Encoder
    common : bool
        Each row comes twice: as ``row * (N + 1)``, the same for all agents, and as ``row * (N + 1) + 1 + i``. First all
        of an agent's rows that are common, then its own.
    """
    cdef leaf.AgentIndex index

    def __init__(self, Encoder within not None, common):
        rows = within.operations.n_rows * (within.agents + (1 if common else 0))
        if within.operations.used == NULL and rows >= 2**31:
            raise ValueError(f"within: {rows} rows are more than the 2**31 - 1 that can be numbered")
        self.held = within
        self.runs, self.agents, self.views, self.features = within.runs, within.agents, within.views, within.features
        self.active = within.active * (2 if common else 1)
        self.index = leaf.AgentIndex(&within.operations, within.agents, within.active, within.views,
                                     within.views * within.features, 1 if common else 0)
        self.operations.context = &self.index
        self.operations.encode = _agent_index
        # How many rows are used, and may be, is said of the encoder within: its arrays are what grows.
        self.operations.used = within.operations.used
        self.operations.n_rows = within.operations.n_rows if within.operations.used != NULL else rows
        self.operations.views = within.operations.views

    def rebuild(self):
        """Fill the hash table of the encoder within."""
        self.held.rebuild()


cdef class Observed(Encoder):
    """Rows of what all agents see together, by another encoder, from the state of their game.

    Parameters
    ----------
    game : Game
    within : Encoder
        Of one agent, whose features are all that the agents of the game see: V * D.
    """
    cdef leaf.Observed observed

    def __init__(self, Game game not None, Encoder within not None):
        cdef int64_t observation_size = game.views * game.features
        if (within.agents, within.views, within.features, within.active) != (1, 1, observation_size, 1):
            raise ValueError(f"within: expected an encoder of one agent, {observation_size} features and one row")
        cdef int64_t pitch = (observation_size + 7) // 8 * 8       # whole cache lines: other threads work on other runs
        room = zeros("within", "observations", (within.runs, pitch))
        self.held = (game, within, room)
        self.runs, self.agents, self.views, self.features, self.active = within.runs, 1, 1, game.state_size, 1
        self.observed = leaf.Observed(&within.operations, &game.operations, game.state_size, observation_size,
                                      reals(room), pitch)
        self.operations.context = &self.observed
        self.operations.encode = _observed
        self.operations.used = within.operations.used
        self.operations.n_rows = within.operations.n_rows
        self.operations.views = 1


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
        cdef int64_t n_runs = k.shape[0], n_rows = k.shape[1], features = k.shape[2]
        _check_views(agents, views, features)
        if features > MAX_FEATURES:
            raise ValueError(f"keys: expected at most {MAX_FEATURES} features, got {features}")
        cdef int32_t[:, ::1] t = check(table, "table", "int32", (n_runs, -1), True)
        cdef int64_t slots = t.shape[1]
        cdef int64_t[::1] u = check(used, "used", "int64", (n_runs,), True)
        if n_runs < 1 or n_rows < 1 or n_rows >= 2**31 - 1:
            raise ValueError(f"keys: expected at least one run and 1 to 2**31 - 2 rows, got {n_runs}, {n_rows}")
        if slots <= n_rows or slots & (slots - 1):
            raise ValueError(f"table: expected slots a power of two greater than {n_rows} rows, got {slots}")
        if used.min() < 0 or used.max() > n_rows:
            raise ValueError(f"used: expected 0 to {n_rows} rows in use, got {used.min()} to {used.max()}")
        # As many slots are filled as rows are in use, so that one is empty and a search ends.
        if table.min() < 0 or (table.max(axis=1) > used).any() or (np.count_nonzero(table, axis=1) > used).any():
            raise ValueError("table: expected row numbers in use, plus 1")
        self.held = (keys, table, used)
        self.runs, self.agents, self.views, self.features = n_runs, agents, views, features
        self.rounding.n_agents, self.rounding.views, self.rounding.features = agents, views, features
        self.rounding.n_rows, self.rounding.slots, self.rounding.scale = n_rows, slots, scale
        self.rounding.keys, self.rounding.table, self.rounding.used = &k[0, 0, 0], &t[0, 0], &u[0]
        self.operations.context = &self.rounding
        self.operations.encode = _rounding
        self.operations.used = &u[0]
        self.operations.n_rows = n_rows
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
                    if leaf.rounding_find(table, run, table.keys + (run * table.n_rows + row) * table.features) != row:
                        status = 1
                table.used[run] = n
        if status:
            raise ValueError("keys: the same key stands in two rows")


cdef class Known(Encoder):
    """Rows of rounded observations that are known; all others are in one more row, after them. Nothing is added.

    Parameters
    ----------
    runs, agents, views : int
    scale : float
        10 ** decimals.
    keys : int64 [rows, D]
        The rounded observation of each row, times scale.
    """
    cdef leaf.Known known

    def __init__(self, runs, agents, views, scale, keys):
        cdef const int64_t[:, ::1] k = check(keys, "keys", "int64", (-1, -1), False)
        cdef int64_t n_rows = k.shape[0], features = k.shape[1], row, d
        _check_runs(runs)
        _check_views(agents, views, features)
        if features > MAX_FEATURES:
            raise ValueError(f"keys: expected at most {MAX_FEATURES} features, got {features}")
        if n_rows >= 2**31 - 1:
            raise ValueError(f"keys: expected at most 2**31 - 2 rows, got {n_rows}")
        slots = np.zeros(1 << int(2 * n_rows).bit_length(), np.int32)
        cdef int32_t[::1] s = slots
        cdef uint64_t mask = <uint64_t> s.shape[0] - 1, slot
        cdef bint twice = False
        self.held = (keys, slots)
        self.runs, self.agents, self.views, self.features = runs, agents, views, features
        self.known = leaf.Known(agents, views, features, n_rows, s.shape[0], scale, NULL, &s[0])
        if n_rows:
            self.known.keys = &k[0, 0]
        with nogil:
            for row in range(n_rows):
                if leaf.known_row(&self.known, &k[row, 0]) != n_rows:
                    twice = True
                    break
                slot = leaf.rounding_hash(&k[row, 0], features) & mask
                while s[slot] != 0:
                    slot = (slot + 1) & mask
                s[slot] = <int32_t> (row + 1)
        if twice:
            raise ValueError("keys: the same key stands in two rows")
        self.operations.context = &self.known
        self.operations.encode = _known
        self.operations.used = NULL
        self.operations.n_rows = n_rows + 1
        self.operations.views = views
