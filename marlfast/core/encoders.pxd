# cython: language_level=3
"""From observations to table rows, one view of one run: the leaves of ``src/_encoders.pyx``."""
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from marlfast.core.operations cimport EncoderOperations, GameOperations, Status

cdef extern from *:
    """
    /* Adding and subtracting 1.5 * 2^52 rounds half to even, as numpy.rint does. */
    #define MF_RINT(x) (((x) + 6755399441055744.0) - 6755399441055744.0)
    """
    double round_half_even "MF_RINT"(double x) noexcept nogil

ctypedef struct Grid:
    int64_t n_agents, views, features
    const double *low           # [D]
    const double *scale         # [D] bins per unit
    const int64_t *bins         # [D]

ctypedef struct Tiles:
    int64_t n_agents, views, features
    int64_t active              # k, tilings
    const double *low           # [D]
    const double *scale         # [D] tiles per unit
    const int64_t *bins         # [D]
    const int64_t *members      # [ends[k]] features that the tilings look at
    const double *offsets       # [ends[k]] displacement, in tiles
    const int64_t *ends         # [k + 1] where the members of each tiling end
    const int64_t *starts       # [k + 1] rows at which the tilings begin
    const int64_t *tiles        # [k] tiles of each

ctypedef struct AgentIndex:
    EncoderOperations *within
    int64_t n_agents
    int64_t active              # k of the encoder within
    int64_t views, observation_size        # V, V * D
    int64_t common              # 1: a row for all agents, too

ctypedef struct Observed:
    EncoderOperations *within
    GameOperations *game
    int64_t state_size, observation_size   # S, V * D
    double *observation         # [R, pitch] room
    int64_t pitch

ctypedef struct Rounding:
    int64_t n_agents, views, features
    int64_t n_rows              # rows there is room for
    int64_t slots               # slots of a run's hash table: a power of two, more than rows
    double scale                # 10 ** decimals
    int64_t *keys               # [R, rows, D] rounded observations, times scale
    int32_t *table              # [R, slots] row + 1; 0: empty
    int64_t *used               # [R] rows in use

ctypedef struct Known:
    int64_t n_agents, views, features
    int64_t n_rows              # keys there are; the row of all that is none of them, too
    int64_t slots               # of the hash table: a power of two, more than rows
    double scale                # 10 ** decimals
    const int64_t *keys         # [rows, D] rounded observations, times scale
    const int32_t *table        # [slots] row + 1; 0: empty


cdef inline int64_t grid_row(const Grid *grid, const double *observation) noexcept nogil:
    """Row of a cell, the first feature the most significant; -1 if not finite. Outer bins are open."""
    cdef int64_t d, row = 0, features = grid.features
    cdef double y, last
    cdef double sound = 0.0
    for d in range(features):
        y = (observation[d] - grid.low[d]) * grid.scale[d]
        sound += y * 0.0            # stays 0 as long as all are finite
        last = <double> (grid.bins[d] - 1)
        y = y if y > 0.0 else 0.0
        y = y if y < last else last
        row = row * grid.bins[d] + <int64_t> y
    return row if sound == 0.0 else -1


cdef inline int64_t discrete_row(const Grid *grid, const double *observation) noexcept nogil:
    """Row of an observation that is its number already; -1 if it is none."""
    cdef double y = observation[0]
    cdef int64_t row
    if not (y >= 0.0 and y < <double> grid.bins[0]):
        return -1
    row = <int64_t> y
    return row if <double> row == y else -1


cdef inline void share_row(int64_t n_agents, int64_t views, int64_t view, int32_t row, int32_t *rows) noexcept nogil:
    """Give a view's row to the agents that see it."""
    cdef int64_t i
    if views == n_agents:
        rows[view] = row
    else:
        for i in range(n_agents):
            rows[i] = row


cdef inline int grid_rows(const Grid *grid, const double *observation, int32_t *rows) noexcept nogil:
    """Rows of all agents of a run; a status."""
    cdef int64_t v, row
    for v in range(grid.views):
        row = grid_row(grid, observation + v * grid.features)
        if row < 0:
            return Status.BAD_OBSERVATION
        share_row(grid.n_agents, grid.views, v, <int32_t> row, rows)
    return Status.FINE


cdef inline int discrete_rows(const Grid *grid, const double *observation, int32_t *rows) noexcept nogil:
    """Rows of all agents of a run; a status."""
    cdef int64_t v, row
    for v in range(grid.views):
        row = discrete_row(grid, observation + v)
        if row < 0:
            return Status.BAD_OBSERVATION
        share_row(grid.n_agents, grid.views, v, <int32_t> row, rows)
    return Status.FINE


cdef inline uint64_t rounding_hash(const int64_t *key, int64_t n) noexcept nogil:
    """Multiply and fold, one feature after the other."""
    cdef uint64_t h = 0x9E3779B97F4A7C15ULL
    cdef int64_t d
    for d in range(n):
        h = (h ^ <uint64_t> key[d]) * 0xD6E8FEB86659FD93ULL
        h = h ^ (h >> 32)
    return h


cdef inline bint tile_rows(const Tiles *tiles, const double *observation, int32_t *rows) noexcept nogil:
    """Row of the tile of each tiling, k in all; false if not finite. Outer tiles are open."""
    cdef int64_t t, m, d, n, most
    cdef int64_t[2] key
    cdef double y, last, sound = 0.0
    for t in range(tiles.active):
        n = 0
        for m in range(tiles.ends[t], tiles.ends[t + 1]):
            d = tiles.members[m]
            y = (observation[d] - tiles.low[d]) * tiles.scale[d] + tiles.offsets[m]
            sound += y * 0.0            # stays 0 as long as all are finite
            last = <double> (tiles.bins[d] - 1)
            y = y if y > 0.0 else 0.0
            y = y if y < last else last
            n = n * tiles.bins[d] + <int64_t> y
        most = tiles.starts[t + 1] - tiles.starts[t]
        if tiles.tiles[t] > most:
            key[0], key[1] = t, n
            n = <int64_t> (rounding_hash(key, 2) % <uint64_t> most)
        rows[t] = <int32_t> (tiles.starts[t] + n)
    return sound == 0.0


cdef inline int64_t rounding_find(const Rounding *table, int64_t run, const int64_t *key) noexcept nogil:
    """Row of a key, which is added if it is new; -2 if there is no room. Open addressing, linear probing."""
    cdef uint64_t mask = <uint64_t> table.slots - 1
    cdef uint64_t slot = rounding_hash(key, table.features) & mask
    cdef int32_t *slots = table.table + run * table.slots
    cdef int64_t *keys = table.keys + run * table.n_rows * table.features
    cdef int64_t row, d
    while slots[slot] != 0:
        row = slots[slot] - 1
        d = 0
        while d < table.features and keys[row * table.features + d] == key[d]:
            d += 1
        if d == table.features:
            return row
        slot = (slot + 1) & mask
    row = table.used[run]
    if row >= table.n_rows:
        return -2
    for d in range(table.features):
        keys[row * table.features + d] = key[d]
    slots[slot] = <int32_t> (row + 1)
    table.used[run] = row + 1
    return row


cdef inline int64_t known_row(const Known *known, const int64_t *key) noexcept nogil:
    """Row of a key; one past the last where it is none. Nothing is added."""
    cdef uint64_t mask = <uint64_t> known.slots - 1
    cdef uint64_t slot = rounding_hash(key, known.features) & mask
    cdef int64_t row, d
    while known.table[slot] != 0:
        row = known.table[slot] - 1
        d = 0
        while d < known.features and known.keys[row * known.features + d] == key[d]:
            d += 1
        if d == known.features:
            return row
        slot = (slot + 1) & mask
    return known.n_rows
