# cython: language_level=3
"""Harvest and clean-up, one run: the leaves of ``src/_commons.pyx``.

The state is row, column and direction of each agent, then whether there is an apple on each square of the orchard (its
columns are the last), then whether there is waste on each square of the river (its columns are the first; none in
harvest). Squares are counted row by row. Directions are those of the moves: 0 north, 1 south, 2 east, 3 west.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.cells cimport allowed, column_move, pick, row_move, whole
from marlfast.core.operations cimport Status

cdef enum:
    STAND = 4
    FINE = 5
    CLEAN = 6
    MAX_AGENTS = 64
    MAX_COUNTED = 12        # squares nearby whose apples are counted

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t rows, columns
    int64_t river           # columns of the river; 0: harvest
    int64_t orchard         # columns of the orchard
    int64_t reach           # squares that a beam goes
    int64_t view            # squares that an agent sees to each side
    double fine, cost
    double depletion, restoration, apple_rate, waste_rate, start_waste
    double regrowth[MAX_COUNTED + 1]        # by the apples nearby


cdef inline bint sound(const Data *game, const double *state) noexcept nogil:
    """Whether this is a state: agents on the board, the rest 0 or 1."""
    cdef int64_t i
    for i in range(game.agents):
        if (whole(state[3 * i], game.rows) | whole(state[3 * i + 1], game.columns) | whole(state[3 * i + 2], 4)) < 0:
            return False
    for i in range(3 * game.agents, game.state_size):
        if whole(state[i], 2) < 0:
            return False
    return True


cdef inline double *apple_at(const Data *game, double *state, int64_t row, int64_t column) noexcept nogil:
    """Whether there is an apple; NULL: outside the orchard."""
    cdef int64_t first = game.columns - game.orchard
    if row < 0 or row >= game.rows or column < first or column >= game.columns:
        return NULL
    return state + 3 * game.agents + row * game.orchard + column - first


cdef inline double *waste_at(const Data *game, double *state, int64_t row, int64_t column) noexcept nogil:
    """Whether there is waste; NULL: outside the river."""
    if row < 0 or row >= game.rows or column < 0 or column >= game.river:
        return NULL
    return state + 3 * game.agents + game.rows * game.orchard + row * game.river + column


cdef inline int64_t standing(const Data *game, const double *state, int64_t n_agents, int64_t row,
                             int64_t column) noexcept nogil:
    """The first of so many agents who stands on a square; -1: none."""
    cdef int64_t i
    for i in range(n_agents):
        if state[3 * i] == <double> row and state[3 * i + 1] == <double> column:
            return i
    return -1


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t i, k, square, squares = game.rows * game.columns, row, column, polluted
    cdef double *apple
    for i in range(game.agents):
        if pick(uniforms[i], 1) < 0:
            return Status.BAD_DRAW
    for i in range(game.agents):
        # One draw for both: the k-th square on which none of the others stands, and a direction.
        k = pick(uniforms[i], 4 * (squares - i))
        state[3 * i + 2], k = <double> (k % 4), k // 4
        square = 0
        while True:
            if standing(game, state, i, square // game.columns, square % game.columns) < 0:
                if k == 0:
                    break
                k -= 1
            square += 1
        state[3 * i], state[3 * i + 1] = <double> (square // game.columns), <double> (square % game.columns)
    for row in range(game.rows):
        for column in range(game.columns - game.orchard, game.columns):
            apple = apple_at(game, state, row, column)
            apple[0] = <double> (game.river == 0 and standing(game, state, game.agents, row, column) < 0)
    polluted = <int64_t> (game.start_waste * <double> (game.rows * game.river))
    state += 3 * game.agents + game.rows * game.orchard
    for k in range(game.rows * game.river):
        state[k] = <double> (k < polluted)
    return 0


cdef inline void move(const Data *game, double *state, int64_t i, int64_t action) noexcept nogil:
    """Turn, and go where nobody stands."""
    cdef int64_t row, column
    if action >= STAND:
        return
    row, column = <int64_t> state[3 * i] + row_move(action), <int64_t> state[3 * i + 1] + column_move(action)
    state[3 * i + 2] = <double> action
    if (0 <= row < game.rows and 0 <= column < game.columns and standing(game, state, game.agents, row, column) < 0):
        state[3 * i], state[3 * i + 1] = <double> row, <double> column


cdef inline bint in_beam(const Data *game, const double *from_, const double *to) noexcept nogil:
    """Whether one stands in the beam of another: ahead, at most one square to the side."""
    cdef int64_t direction = <int64_t> from_[2]
    cdef int64_t down = <int64_t> (to[0] - from_[0]), right = <int64_t> (to[1] - from_[1])
    cdef int64_t ahead = down * row_move(direction) + right * column_move(direction)
    cdef int64_t aside = down * column_move(direction) + right * row_move(direction)
    return 1 <= ahead <= game.reach and -1 <= aside <= 1


cdef inline void clean(const Data *game, double *state, int64_t i) noexcept nogil:
    """In each of the three lines of a beam the first waste is gone."""
    cdef int64_t direction = <int64_t> state[3 * i + 2], aside, ahead
    cdef int64_t down = row_move(direction), right = column_move(direction)
    cdef double *waste
    for aside in range(-1, 2):
        for ahead in range(1, game.reach + 1):
            waste = waste_at(game, state, <int64_t> state[3 * i] + ahead * down + aside * right,
                             <int64_t> state[3 * i + 1] + ahead * right + aside * down)
            if waste != NULL and waste[0] != 0.0:
                waste[0] = 0.0
                break


cdef inline int64_t apples_nearby(const Data *game, const double *apples, int64_t row, int64_t column) noexcept nogil:
    """Apples on other squares at a distance of at most 2; `apples` is 1 where there is one, or -1 where it has grown
    only now."""
    cdef int64_t down, right, r, c, count = 0, first = game.columns - game.orchard
    for down in range(-2, 3):
        for right in range(-2, 3):
            r, c = row + down, column + right
            if (0 < down * down + right * right <= 4 and 0 <= r < game.rows and first <= c < game.columns):
                count += apples[r * game.orchard + c - first] == 1.0
    return count


cdef inline void grow(const Data *game, double *state, const double *uniforms) noexcept nogil:
    """Apples and waste, by what there was before either."""
    cdef int64_t squares = game.rows * game.orchard, polluted = 0, row, column, k, first = game.columns - game.orchard
    cdef double *apples = state + 3 * game.agents
    cdef double *waste = apples + squares
    cdef double chance = 0.0, density = 0.0
    if game.river:
        for k in range(game.rows * game.river):
            polluted += waste[k] != 0.0
        density = <double> polluted / <double> (game.rows * game.river)
        if density <= game.restoration:
            chance = game.apple_rate
        elif density < game.depletion:
            chance = game.apple_rate * (1.0 - (density - game.restoration) / (game.depletion - game.restoration))
    for row in range(game.rows):
        for column in range(first, game.columns):
            k = row * game.orchard + column - first
            if apples[k] != 0.0 or standing(game, state, game.agents, row, column) >= 0:
                continue
            if game.river == 0:
                chance = game.regrowth[apples_nearby(game, apples, row, column)]
            if uniforms[k] < chance:
                apples[k] = -1.0
    for k in range(squares):
        apples[k] = 1.0 if apples[k] != 0.0 else 0.0
    if game.river and density < game.depletion and uniforms[squares] < game.waste_rate:
        k = pick(uniforms[squares + 1], game.rows * game.river - polluted)
        while waste[0] != 0.0 or k > 0:
            k -= waste[0] == 0.0
            waste += 1
        waste[0] = 1.0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t i, j, n_agents = game.agents, first
    cdef int64_t draws = 1 + game.rows * game.orchard + (2 if game.river else 0)
    cdef double *apple
    if not sound(game, state):
        return Status.BAD_STATE
    if not allowed(actions, n_agents, 7 if game.river else 6):
        return Status.BAD_ACTION
    for i in range(draws):
        if pick(uniforms[i], 1) < 0:
            return Status.BAD_DRAW
    first = pick(uniforms[0], n_agents)
    for i in range(n_agents):
        move(game, state, (first + i) % n_agents, actions[(first + i) % n_agents])
    for i in range(n_agents):
        rewards[i] = 0.0
        apple = apple_at(game, state, <int64_t> state[3 * i], <int64_t> state[3 * i + 1])
        if apple != NULL and apple[0] != 0.0:
            rewards[i] = 1.0
            apple[0] = 0.0
    for i in range(n_agents):
        if actions[i] == FINE:
            rewards[i] -= game.cost
            for j in range(n_agents):
                if j != i and in_beam(game, state + 3 * i, state + 3 * j):
                    rewards[j] -= game.fine
        elif actions[i] == CLEAN:
            clean(game, state, i)
    grow(game, state, uniforms + 1)
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    """Squares around each agent, row by row: 0 empty, 1 an apple, 2 waste, 3 an agent, 4 beyond the edge; then where it
    is turned to."""
    cdef int64_t i, down, right, row, column
    cdef double *there
    cdef double *all_ = <double *> state
    if not sound(game, state):
        return Status.BAD_STATE
    for i in range(game.agents):
        for down in range(-game.view, game.view + 1):
            for right in range(-game.view, game.view + 1):
                row, column = <int64_t> state[3 * i] + down, <int64_t> state[3 * i + 1] + right
                if row < 0 or row >= game.rows or column < 0 or column >= game.columns:
                    observation[0] = 4.0
                elif standing(game, state, game.agents, row, column) >= 0:
                    observation[0] = 3.0
                else:
                    observation[0] = 0.0
                    there = apple_at(game, all_, row, column)
                    if there != NULL and there[0] != 0.0:
                        observation[0] = 1.0
                    there = waste_at(game, all_, row, column)
                    if there != NULL and there[0] != 0.0:
                        observation[0] = 2.0
                observation += 1
        observation[0] = state[3 * i + 2]
        observation += 1
    return 0
