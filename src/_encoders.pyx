"""Encoders: observation to table row. Twin: ``marlfast/reference/encoders.py``."""
import numpy as np

from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

cimport marlfast.core.encoders as leaf
from marlfast.core._kernels cimport Encoder, Game, ids, longs, reals
from marlfast.core.operations cimport DISCRETE_ENCODER, GRID_ENCODER, Status, show
from marlfast.declarations.base import zeros
from marlfast.declarations.encoders import AGENT_INDEX, DISCRETE, GRID, KNOWN, OBSERVED, ROUNDING, TILES

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


cdef object _shaped(Encoder encoder, object a, object held):
    """What an encoder says of itself, and what it holds on to."""
    encoder.held = held
    encoder.runs, encoder.agents, encoder.views, encoder.features = a.R, a.n_agents, a.views, a.D
    encoder.operations.n_rows, encoder.operations.views = a.n_rows, a.views


cdef class Discrete(Encoder):
    """Observations that are row numbers already.

    Parameters
    ----------
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.Grid grid

    def __init__(self, *by_position, **given):
        a = DISCRETE.check(given, by_position)
        bins = np.array([a.n_rows], np.int64)
        _shaped(self, a, (a.kept, bins))
        self.grid = leaf.Grid(a.n_agents, a.views, 1, NULL, NULL, longs(bins))
        self.operations.context = &self.grid
        self.operations.encode = _discrete
        self.operations.kind = DISCRETE_ENCODER


cdef class Grid(Encoder):
    """A dense grid of cells: ``floor((x - low) * scale)`` in every feature; the outer bins are open.

    Parameters
    ----------
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.Grid grid

    def __init__(self, *by_position, **given):
        a = GRID.check(given, by_position)
        _shaped(self, a, a.kept)
        self.grid = leaf.Grid(a.n_agents, a.views, a.D, reals(a.low), reals(a.scale), longs(a.bins))
        self.operations.context = &self.grid
        self.operations.encode = _grid
        self.operations.kind = GRID_ENCODER


cdef class Tiles(Encoder):
    """Tile coding: in each tiling a tile, ``floor((x - low) * scale + offset)`` in every feature that it looks at.

    The outer tiles are open. Where a tiling has more tiles than rows, a hash function says which row a tile has.

    Parameters
    ----------
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.Tiles tiles

    def __init__(self, **given):
        a = TILES.check(given)
        counts = np.array(a.tiles, np.int64)
        _shaped(self, a, (a.kept, counts))
        self.active = len(counts)
        self.tiles = leaf.Tiles(a.n_agents, a.views, a.D, len(counts), reals(a.low), reals(a.scale), longs(a.bins),
                                longs(a.members), reals(a.offsets), longs(a.ends), longs(a.starts), longs(counts))
        self.operations.context = &self.tiles
        self.operations.encode = _tiles


cdef class AgentIndex(Encoder):
    """Rows of another encoder, told apart by agent: ``row * N + i``.

    Parameters
    ----------
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.AgentIndex index

    def __init__(self, *by_position, **given):
        a = AGENT_INDEX.check(given, by_position)
        cdef Encoder within = a.within
        self.held = within
        self.runs, self.agents, self.views, self.features = a.R, a.N, a.V, a.D
        self.active = within.active * (2 if a.common else 1)
        self.index = leaf.AgentIndex(&within.operations, a.N, within.active, a.V, a.V * a.D, a.common)
        self.operations.context = &self.index
        self.operations.encode = _agent_index
        self.operations.used, self.operations.n_rows = within.operations.used, a.n_rows
        self.operations.views = within.operations.views

    def rebuild(self):
        """Fill the hash table of the encoder within."""
        self.held.rebuild()


cdef class Observed(Encoder):
    """Rows of what all agents see together, by another encoder, from the state of their game.

    Parameters
    ----------
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.Observed observed

    def __init__(self, *by_position, **given):
        a = OBSERVED.check(given, by_position)
        cdef Game game = a.game
        cdef Encoder within = a.within
        cdef int64_t pitch = (a.observation_size + 7) // 8 * 8     # whole cache lines: other threads work on other runs
        room = zeros("within", "observations", (a.R, pitch))
        self.held = (game, within, room)
        self.runs, self.agents, self.views, self.features, self.active = a.R, 1, 1, a.S, 1
        self.observed = leaf.Observed(&within.operations, &game.operations, a.S, a.observation_size, reals(room), pitch)
        self.operations.context = &self.observed
        self.operations.encode = _observed
        self.operations.used, self.operations.n_rows = within.operations.used, within.operations.n_rows
        self.operations.views = 1


cdef class Rounding(Encoder):
    """Rows in the order in which rounded observations are first seen, found by a hash table.

    Parameters
    ----------
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.Rounding rounding

    def __init__(self, *by_position, **given):
        a = ROUNDING.check(given, by_position)
        _shaped(self, a, a.kept)
        self.rounding = leaf.Rounding(a.n_agents, a.views, a.D, a.n_rows, a.slots, a.scale, longs(a.keys), ids(a.table),
                                      longs(a.used))
        self.operations.context = &self.rounding
        self.operations.encode = _rounding
        self.operations.used = longs(a.used)

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
    See ``marlfast/declarations/encoders.py``.
    """
    cdef leaf.Known known

    def __init__(self, *by_position, **given):
        a = KNOWN.check(given, by_position)
        cdef int64_t n_rows = a.n_rows, features = a.D, row
        slots = np.zeros(1 << int(2 * n_rows).bit_length(), np.int32)
        cdef int32_t[::1] s = slots
        cdef const int64_t *key = longs(a.keys)
        cdef uint64_t mask = <uint64_t> s.shape[0] - 1, slot
        cdef bint twice = False
        _shaped(self, a, (a.kept, slots))
        self.known = leaf.Known(a.n_agents, a.views, features, n_rows, s.shape[0], a.scale, key, &s[0])
        with nogil:
            for row in range(n_rows):
                if leaf.known_row(&self.known, key) != n_rows:
                    twice = True
                    break
                slot = leaf.rounding_hash(key, features) & mask
                while s[slot] != 0:
                    slot = (slot + 1) & mask
                s[slot] = <int32_t> (row + 1)
                key += features
        if twice:
            raise ValueError("keys: the same key stands in two rows")
        self.operations.context = &self.known
        self.operations.encode = _known
        self.operations.n_rows = n_rows + 1         # all that is none of them
