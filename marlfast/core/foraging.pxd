# cython: language_level=3
"""Level-based foraging, one run: the leaves of ``src/_foraging.pyx``.

A state holds row, column and level of each agent, then of each food, then the levels of all food at the start
together. Food that is eaten has level 0, and so has an agent who has left. Foods stand in reading order and never on the border.

Inside, a place is one number, ``128 * row + column``: a step north, south, west or east adds -128, 128, -1 or 1, and
what lies beyond a border is never the place of a food.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    MAX_SIDE = 64               # agents, foods, rows, columns: a row is one word of bits
    LEVELS = 1000           # a level is below this
    ACTIONS = 6
    LOAD = 5
    NOWHERE = -8192         # place of eaten food: beside no place
    GONE = -32768           # place of an agent who has left: beside no place either
    FULL_TOTAL = 64000      # levels of all food are below this: MAX_SIDE * LEVELS

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t rows
    int64_t columns
    int64_t foods
    int64_t cooperative                 # 1: food has its greatest level
    int64_t normalize
    int64_t levels_seen                 # 1: an observation holds the agents' levels
    int64_t leaves                      # 1: who has loaded a food leaves with it
    double reach                        # how many rows and columns away an agent sees
    double penalty
    int32_t move[ACTIONS]               # what each action adds to a place
    int32_t min_player[MAX_SIDE]
    int32_t max_player[MAX_SIDE]
    int32_t min_food[MAX_SIDE]
    int32_t max_food[MAX_SIDE]              # 0: the sum of the three lowest levels of agents


cdef inline int64_t select(const uint64_t *free, int64_t rows, int64_t k) noexcept nogil:
    """The place of free square number k, in reading order; there are more than k."""
    cdef int64_t row, column, here, _bit
    cdef uint64_t word
    for row in range(rows):
        here = cells.bits_of(free[row])
        if k < here:
            word = free[row]
            for _bit in range(k):
                word &= word - 1        # takes out the lowest bit
            column = cells.bits_of((word & (~word + 1)) - 1)
            return row * 128 + column
        k -= here
    return 0


cdef inline void shuffle(int32_t *order, int64_t n, const double *uniforms) noexcept nogil:
    """0, ..., n - 1 in random order, by every third uniform."""
    cdef int64_t i, j
    for i in range(n):
        order[i] = <int32_t> i
    for i in range(n):
        j = i + cells.pick(uniforms[3 * i], n - i)
        order[i], order[j] = order[j], order[i]


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    cdef int64_t n_agents = game.agents, foods = game.foods, rows = game.rows, i, k, place, row, column, left, level
    cdef int64_t lowest = LEVELS, second = LEVELS, third = LEVELS, high, total = 0, shift
    cdef uint64_t free[MAX_SIDE]
    cdef uint64_t square, inside
    cdef int32_t order[MAX_SIDE]
    cdef int32_t places[MAX_SIDE]
    cdef int32_t levels[MAX_SIDE]
    for i in range(3 * (n_agents + foods)):
        if not (uniforms[i] >= 0.0 and uniforms[i] < 1.0):
            return Status.BAD_DRAW
    inside = ~<uint64_t> 0 >> (64 - game.columns)
    for row in range(rows):
        free[row] = inside
    left = rows * game.columns
    shuffle(order, n_agents, uniforms)
    for i in range(n_agents):
        place = select(free, rows, cells.pick(uniforms[3 * i + 1], left))
        left -= 1
        row, column = place >> 7, place & 127
        free[row] &= ~(<uint64_t> 1 << column)
        level = game.min_player[order[i]]
        level += cells.pick(uniforms[3 * i + 2], game.max_player[order[i]] - level + 1)
        state[3 * i], state[3 * i + 1], state[3 * i + 2] = <double> row, <double> column, <double> level
        if level < lowest:
            lowest, second, third = level, lowest, second
        elif level < second:
            second, third = level, second
        elif level < third:
            third = level
    if n_agents < 3:
        third = 0
        if n_agents < 2:
            second = 0
    uniforms += 3 * n_agents
    state += 3 * n_agents
    # No food on the border, none beside or diagonally beside another, none two squares straight away from another.
    inside = (inside >> 1) & ~<uint64_t> 1
    for row in range(rows):
        free[row] = free[row] & inside if 0 < row < rows - 1 else 0
    shuffle(order, foods, uniforms)
    k = 0
    for i in range(foods):
        left = 0
        for row in range(1, rows - 1):
            left += cells.bits_of(free[row])
        if left == 0:
            break
        place = select(free, rows, cells.pick(uniforms[3 * i + 1], left))
        row, column = place >> 7, place & 127
        square = <uint64_t> 1 << column
        inside = square | square << 1 | square >> 1
        for shift in range(max(row - 1, 0), min(row + 2, rows)):
            free[shift] &= ~inside
        free[row] &= ~(square << 2 | square >> 2)
        if row >= 2:
            free[row - 2] &= ~square
        if row + 2 < rows:
            free[row + 2] &= ~square
        high = game.max_food[order[i]]
        if high == 0:
            high = lowest + second + third
        level = high if game.cooperative else game.min_food[order[i]]
        level += cells.pick(uniforms[3 * i + 2], high - level + 1)
        total += level
        k = i
        while k > 0 and places[k - 1] > place:
            places[k], levels[k] = places[k - 1], levels[k - 1]
            k -= 1
        places[k], levels[k] = <int32_t> place, <int32_t> level
        k = i + 1
    for i in range(k):
        state[3 * i] = <double> (places[i] >> 7)
        state[3 * i + 1] = <double> (places[i] & 127)
        state[3 * i + 2] = <double> levels[i]
    for i in range(3 * k, 3 * foods):
        state[i] = 0.0
    state[3 * foods] = <double> total
    return 0


cdef inline int64_t read(const Data *game, const double *state, int64_t *places, int64_t *levels) noexcept nogil:
    """Places and levels of agents and then of foods; returns the levels of all food at the start, or -1: no state."""
    cdef int64_t n_agents = game.agents, i, row, column, level, place, last = -1, present = 0, total
    for i in range(n_agents):
        row, column = cells.whole(state[3 * i], game.rows), cells.whole(state[3 * i + 1], game.columns)
        level = cells.whole(state[3 * i + 2], LEVELS)
        if (row | column | level) < 0:
            return -1
        places[i], levels[i] = row * 128 + column, level
        if game.leaves and level == 0:
            places[i] = GONE
    for i in range(n_agents, n_agents + game.foods):
        row, column = cells.whole(state[3 * i], game.rows), cells.whole(state[3 * i + 1], game.columns)
        level = cells.whole(state[3 * i + 2], LEVELS)
        if (row | column | level) < 0:
            return -1
        place = row * 128 + column
        if level > 0:
            if (place <= last or row == 0 or column == 0 or row == game.rows - 1 or column == game.columns - 1):
                return -1
            last = place
        else:
            place = NOWHERE
        places[i], levels[i] = place, level
        present += level
    total = cells.whole(state[3 * (n_agents + game.foods)], FULL_TOTAL)
    return total if total >= present else -1


cdef inline int64_t beside(int64_t place, const int64_t *foods, int64_t n) noexcept nogil:
    """The food north, south, west or east of a place, looked for in this order; -1: none."""
    cdef int64_t f, north = -1, south = -1, west = -1, east = -1
    for f in range(n):
        if foods[f] == place - 128:
            north = f
        elif foods[f] == place + 128:
            south = f
        elif foods[f] == place - 1:
            west = f
        elif foods[f] == place + 1:
            east = f
    return north if north >= 0 else south if south >= 0 else west if west >= 0 else east


cdef inline bint adjacent(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t d = a - b
    return d == 1 or d == -1 or d == 128 or d == -128


cdef inline bint may(const Data *game, const double *state, const int32_t *actions) noexcept nogil:
    """Whether every action is one that there is; those of agents who have left do not matter."""
    cdef int64_t i
    for i in range(game.agents):
        if <uint32_t> actions[i] >= <uint32_t> ACTIONS and not (game.leaves and state[3 * i + 2] == 0.0):
            return False
    return True


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t n_agents = game.agents, foods = game.foods, i, j, f, to, total, strength, food, present
    cdef int64_t places[2 * MAX_SIDE]
    cdef int64_t levels[2 * MAX_SIDE]
    cdef int64_t targets[MAX_SIDE]
    cdef uint64_t loading = 0, group
    cdef bint moves
    if not may(game, state, actions):
        return Status.BAD_ACTION
    total = read(game, state, places, levels)
    if total < 0:
        return Status.BAD_STATE
    for i in range(n_agents):
        rewards[i] = 0.0
        if game.leaves and levels[i] == 0:
            targets[i] = places[i]
            continue
        to = places[i] + game.move[actions[i]]
        # One comparison of unsigned numbers each: a row or column below 0 is a huge one.
        moves = (<uint64_t> (to >> 7) < <uint64_t> game.rows) & (<uint64_t> (to & 127) < <uint64_t> game.columns)
        for f in range(n_agents, n_agents + foods):
            moves &= places[f] != to
        targets[i] = to if moves else places[i]
        if actions[i] == LOAD and beside(places[i], places + n_agents, foods) >= 0:
            loading |= <uint64_t> 1 << i
    # Who wants to go where another wants to go, or stays, does not move; who leaves makes room even where it then
    # cannot leave.
    for i in range(n_agents):
        if targets[i] == places[i]:
            continue
        moves = True
        for j in range(n_agents):
            moves &= (j == i) | (targets[j] != targets[i])
        if moves:
            places[i] = targets[i]
            state[3 * i], state[3 * i + 1] = <double> (places[i] >> 7), <double> (places[i] & 127)
    if loading:
        for i in range(n_agents):
            if not (loading >> i) & 1:
                continue
            f = beside(places[i], places + n_agents, foods)
            if f < 0:       # food so dense that others have just eaten it
                continue
            f += n_agents
            food, strength, group = levels[f], 0, 0
            for j in range(n_agents):
                if (loading >> j) & 1 and adjacent(places[j], places[f]):
                    strength += levels[j]
                    group |= <uint64_t> 1 << j
            loading &= ~group
            for j in range(n_agents):
                if not (group >> j) & 1:
                    continue
                if strength < food:
                    rewards[j] = 0.0 - game.penalty
                elif game.normalize:
                    rewards[j] = <double> (levels[j] * food) / <double> (strength * total)
                else:
                    rewards[j] = <double> (levels[j] * food)
            if strength >= food:
                places[f], levels[f] = NOWHERE, 0
                state[3 * f + 2] = 0.0
                for j in range(n_agents if game.leaves else 0):
                    if (group >> j) & 1:
                        places[j], levels[j] = GONE, 0
                        state[3 * j + 2] = 0.0
    present = 0
    for f in range(n_agents, n_agents + foods):
        present |= levels[f]
    terminated[0] = present == 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t n_agents = game.agents, foods = game.foods, per_agent = 2 + game.levels_seen, i, j, k, f
    cdef int64_t places[2 * MAX_SIDE]
    cdef int64_t levels[2 * MAX_SIDE]
    cdef const double *them
    cdef const double *it
    cdef double *out = observation
    cdef double reach = game.reach, row, column, top, left
    cdef bint all_seen = game.rows - 1 <= <int64_t> reach and game.columns - 1 <= <int64_t> reach
    if read(game, state, places, levels) < 0:
        return Status.BAD_STATE
    them = state + 3 * n_agents
    for i in range(n_agents):
        row, column = state[3 * i], state[3 * i + 1]
        # Places are told from the corner of what is seen, which lies on the board.
        top = row - reach if row > reach else 0.0
        left = column - reach if column > reach else 0.0
        if i > 0 and all_seen:
            memcpy(out, observation, 3 * foods * sizeof(double))
        else:
            k = 0
            for f in range(foods):
                it = them + 3 * f
                # Written in any case: what is not seen is written over.
                out[3 * k], out[3 * k + 1], out[3 * k + 2] = it[0] - top, it[1] - left, it[2]
                k += ((it[2] > 0.0) & (it[0] >= top) & (it[1] >= left) & (it[0] <= row + reach)
                      & (it[1] <= column + reach))
            for f in range(k, foods):
                out[3 * f], out[3 * f + 1], out[3 * f + 2] = -1.0, -1.0, 0.0
        out += 3 * foods
        out[0], out[1] = row - top, column - left
        if per_agent == 3:
            out[2] = state[3 * i + 2]
        k = 1
        for j in range(n_agents):
            if j == i:
                continue
            it = state + 3 * j
            # Seen is who stands in a square of 2 * reach + 1 from that corner: near the border further than food.
            out[per_agent * k], out[per_agent * k + 1] = it[0] - top, it[1] - left
            if per_agent == 3:
                out[3 * k + 2] = it[2]
            k += ((it[0] >= top) & (it[1] >= left) & (it[0] - top <= 2.0 * reach) & (it[1] - left <= 2.0 * reach)
                  & (it[2] > 0.0))
        for j in range(k, n_agents):
            out[per_agent * j], out[per_agent * j + 1] = -1.0, -1.0
            if per_agent == 3:
                out[3 * j + 2] = 0.0
        out += per_agent * n_agents
    return 0
