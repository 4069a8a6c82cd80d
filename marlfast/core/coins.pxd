# cython: language_level=3
"""The coin game, one run: the leaves of ``src/_coins.pyx``.

The state is the row and column of each agent, those of the coin, and the coin's colour.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from marlfast.core.cells cimport allowed, column_move, pick, row_move, whole
from marlfast.core.operations cimport Status

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t size
    int64_t n_actions       # 4, or 5 with standing still
    bint alternate          # a coin has the colour after the last one's
    bint numbered


cdef inline int64_t square(const Data *game, const double *place) noexcept nogil:
    """Squares are counted row by row."""
    return <int64_t> place[0] * game.size + <int64_t> place[1]


cdef inline int64_t next_occupied(const Data *game, const double *state, int64_t n_agents, int64_t last) noexcept nogil:
    """The first square after ``last`` on which one of the first ``agents`` agents is; ``size * size``: none."""
    cdef int64_t i, here, found = game.size * game.size
    for i in range(n_agents):
        here = square(game, state + 2 * i)
        found = here if (here > last) & (here < found) else found
    return found


cdef inline int64_t empty_squares(const Data *game, const double *state, int64_t n_agents) noexcept nogil:
    """How many squares are free of the first ``agents`` agents."""
    cdef int64_t squares = game.size * game.size, empty = squares
    cdef int64_t occupied = next_occupied(game, state, n_agents, -1)
    while occupied < squares:
        empty -= 1
        occupied = next_occupied(game, state, n_agents, occupied)
    return empty


cdef inline void put(const Data *game, const double *state, int64_t n_agents, int64_t k, double *place) noexcept nogil:
    """Write the row and column of the k-th square, from 0, that is free of the first ``agents`` agents."""
    cdef int64_t occupied = next_occupied(game, state, n_agents, -1)
    while occupied <= k:
        k += 1
        occupied = next_occupied(game, state, n_agents, occupied)
    place[0], place[1] = <double> (k // game.size), <double> (k % game.size)


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    cdef int64_t i, k, n_agents = game.agents, squares = game.size * game.size
    for i in range(n_agents + 1):
        if pick(uniforms[i], 1) < 0:
            return Status.BAD_DRAW
    for i in range(n_agents):
        put(game, state, i, pick(uniforms[i], squares - i), state + 2 * i)
    k = pick(uniforms[n_agents], (squares - n_agents) * n_agents)
    put(game, state, n_agents, k // n_agents, state + 2 * n_agents)
    state[2 * n_agents + 2] = <double> (k % n_agents)
    return 0


cdef inline bint sound(const Data *game, const double *state) noexcept nogil:
    """Whether this is a state: every row and column on the board, the colour an agent's."""
    cdef int64_t k
    for k in range(2 * game.agents + 2):
        if whole(state[k], game.size) < 0:
            return False
    return whole(state[2 * game.agents + 2], game.agents) >= 0


cdef inline double around(double x, int64_t move, double size) noexcept nogil:
    """One row or column further, where the last is followed by the first."""
    x += <double> move
    return x + size * <double> ((x < 0.0) - (x >= size))        # no branch: where an agent goes is close to random


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t i, k, n_agents = game.agents, colour
    cdef double size = <double> game.size
    cdef double *place
    cdef double *coin = state + 2 * n_agents
    cdef int64_t collects, collected = 0
    if not sound(game, state):
        return Status.BAD_STATE
    if not allowed(actions, n_agents, game.n_actions):
        return Status.BAD_ACTION
    if pick(uniforms[0], 1) < 0:
        return Status.BAD_DRAW
    colour = <int64_t> coin[2]
    for i in range(n_agents):
        rewards[i] = 0.0
    for i in range(n_agents):
        place = state + 2 * i
        place[0] = around(place[0], row_move(actions[i]), size)
        place[1] = around(place[1], column_move(actions[i]), size)
        collects = (place[0] == coin[0]) & (place[1] == coin[1])
        collected |= collects
        rewards[i] += <double> collects
        rewards[colour] -= 2.0 * <double> (collects & (i != colour))
    if collected:
        k = empty_squares(game, state, n_agents)
        if game.alternate:
            coin[2] = <double> ((colour + 1) % n_agents)
            k = pick(uniforms[0], k)
        else:
            # One draw for both: each colour on each empty square is equally likely.
            k = pick(uniforms[0], k * n_agents)
            coin[2] = <double> (k % n_agents)
            k = k // n_agents
        put(game, state, n_agents, k, coin)
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t i, number = 0
    if not sound(game, state):
        return Status.BAD_STATE
    if not game.numbered:
        memcpy(observation, state, game.observation_size * sizeof(double))
        return 0
    for i in range(game.agents + 1):
        number = number * game.size * game.size + square(game, state + 2 * i)
    observation[0] = <double> (number * game.agents + <int64_t> state[2 * game.agents + 2])
    return 0
