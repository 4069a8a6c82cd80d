# cython: language_level=3
"""A warehouse of robots, one run: the leaves of ``src/_warehouse.pyx``.

A state holds of each robot its cell, where it heads (0 up, 1 down, 2 left, 3 right), the shelf it carries (0: none),
whether it has delivered that, and what it said last; the cell of each shelf; and the numbers of requested shelves, from 1.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memset

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    MAX_ROBOTS = 16
    MAX_CELLS = 1024
    MAX_SHELVES = 512
    MAX_GOALS = 16
    MAX_REQUESTS = 64
    PER_ROBOT = 5
    UP = 0
    DOWN = 1
    LEFT = 2
    RIGHT = 3
    FORWARD = 1
    TOGGLE = 4

cdef enum Pay:
    GLOBAL = 0
    INDIVIDUAL = 1
    TWO_STAGE = 2

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t features
    int64_t height
    int64_t columns
    int64_t n_cells
    int64_t shelves
    int64_t goals
    int64_t requests
    int64_t bits                        # of what a robot says
    int64_t reach                       # cells that its sensors reach
    int64_t pay
    int32_t goal[MAX_GOALS]
    uint8_t highway[MAX_CELLS]
    int16_t column[MAX_CELLS]           # of each cell
    int16_t row[MAX_CELLS]

# What a state says, as whole numbers.
ctypedef struct World:
    int64_t cell[MAX_ROBOTS]
    int64_t heading[MAX_ROBOTS]
    int64_t carried[MAX_ROBOTS]
    int64_t delivered[MAX_ROBOTS]
    int64_t said[MAX_ROBOTS]
    int16_t at[MAX_SHELVES]             # the cell of each shelf, from 0
    int64_t requested[MAX_REQUESTS]
    uint8_t wanted[MAX_SHELVES + 1]     # whether each shelf, from 1, is requested
    uint8_t robot[MAX_CELLS]            # who is in each cell, from 1; 0: nobody
    int16_t shelf[MAX_CELLS]            # which shelf is in each cell; 0: none


cdef inline bint read(const Data *game, const double *state, World *world) noexcept nogil:
    cdef int64_t i, k, place
    cdef int32_t small
    cdef double inside, most = <double> game.n_cells
    cdef bint wrong = False
    memset(world.robot, 0, game.n_cells)
    memset(world.shelf, 0, game.n_cells * sizeof(int16_t))
    memset(world.wanted, 0, game.shelves + 1)
    for i in range(game.agents):
        world.cell[i] = cells.whole(state[0], game.n_cells)
        world.heading[i] = cells.whole(state[1], 4)
        world.carried[i] = cells.whole(state[2], game.shelves + 1)
        world.delivered[i] = cells.whole(state[3], 2)
        world.said[i] = cells.whole(state[4], <int64_t> 1 << game.bits)
        if (world.cell[i] | world.heading[i] | world.carried[i] | world.delivered[i] | world.said[i]) < 0:
            return False
        if world.robot[world.cell[i]]:
            return False
        world.robot[world.cell[i]] = <uint8_t> (i + 1)
        state += PER_ROBOT
    # Without a branch for each: what is no cell is put into cell 0, and found out at the end.
    for k in range(game.shelves):
        inside = state[k] if state[k] >= 0.0 and state[k] < most else 0.0
        small = <int32_t> inside
        wrong |= <double> small != state[k]
        world.at[k] = <int16_t> small
        world.shelf[small] = <int16_t> (k + 1)
    if wrong:
        return False
    state += game.shelves
    for k in range(game.requests):
        place = cells.whole(state[k], game.shelves + 1)
        if place < 1 or world.wanted[place]:
            return False
        world.requested[k] = place
        world.wanted[place] = 1
    for i in range(game.agents):
        if world.carried[i] and world.at[world.carried[i] - 1] != world.cell[i]:
            return False
    return True


cdef inline int64_t among(int64_t k, int64_t *taken, int64_t count) noexcept nogil:
    """Number k of those that are not among ``count`` taken ones, which are in order; it joins them."""
    cdef int64_t n
    for n in range(count):
        if k >= taken[n]:
            k += 1
    n = count
    while n > 0 and taken[n - 1] > k:
        taken[n] = taken[n - 1]
        n -= 1
    taken[n] = k
    return k


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t taken[MAX_ROBOTS + MAX_REQUESTS]
    cdef int64_t i, k = 0
    for i in range(2 * game.agents + game.requests):
        if not (uniforms[i] >= 0.0 and uniforms[i] < 1.0):
            return Status.BAD_DRAW
    for i in range(game.agents):
        state[0] = <double> among(cells.pick(uniforms[2 * i], game.n_cells - i), taken, i)
        state[1] = <double> cells.pick(uniforms[2 * i + 1], 4)
        state[2] = state[3] = state[4] = 0.0
        state += PER_ROBOT
    for i in range(game.n_cells):
        if not game.highway[i]:
            state[k] = <double> i
            k += 1
    state += k
    uniforms += 2 * game.agents
    for i in range(game.requests):
        state[i] = <double> (1 + among(cells.pick(uniforms[i], game.shelves - i), taken, i))
    return 0


cdef inline int64_t ahead(const Data *game, int64_t cell, int64_t heading) noexcept nogil:
    """The cell in front; at the border the cell itself."""
    if heading == UP:
        return cell - game.columns if game.row[cell] > 0 else cell
    if heading == DOWN:
        return cell + game.columns if game.row[cell] < game.height - 1 else cell
    if heading == LEFT:
        return cell - 1 if game.column[cell] > 0 else cell
    return cell + 1 if game.column[cell] < game.columns - 1 else cell


cdef inline int64_t turned(int64_t heading, bint right) noexcept nogil:
    """Up, right, down, left, up, ... or the other way round."""
    if right:
        return RIGHT if heading == UP else DOWN if heading == RIGHT else LEFT if heading == DOWN else UP
    return LEFT if heading == UP else DOWN if heading == LEFT else RIGHT if heading == DOWN else UP


cdef inline void resolve(const Data *game, const World *world, const int64_t *target, uint8_t *moves) noexcept nogil:
    """Who of those that head for another cell gets there: writes moves [N].

    Robots in a circle of three or more all move, and nobody else who waits for them. Where a line of robots ends at a
    free cell, the longest line moves; of as long ones that whose cell was named first, counting where each robot is and
    wants to go in the order of robots. Whoever waits for one that stays, or for one that wants to change places, stays.
    """
    cdef int64_t n = game.agents, i, j, at, steps, best, length, order
    cdef int64_t behind[MAX_ROBOTS]     # robots of the longest line that ends with this one
    cdef int64_t named[MAX_ROBOTS]
    cdef bint grown = True
    for i in range(n):
        moves[i] = 0
        behind[i] = 1
        named[i] = 2 * i
        for j in range(i):
            if target[j] == world.cell[i]:
                named[i] = min(named[i], 2 * j + 1)
    for steps in range(n):
        if not grown:
            break
        grown = False
        for i in range(n):
            if target[i] == world.cell[i]:
                continue
            j = world.robot[target[i]] - 1
            if j >= 0 and behind[i] + 1 > behind[j] and behind[j] <= n:
                behind[j] = behind[i] + 1
                grown = True
    for i in range(n):
        if moves[i] or target[i] == world.cell[i]:
            continue
        if world.robot[target[i]]:
            # Round a circle that begins here? Then the way comes back to it.
            at, steps = i, 0
            while steps <= n:
                j = world.robot[target[at]] - 1
                if j < 0 or target[j] == world.cell[j]:
                    steps = n + 1
                    break
                at = j
                steps += 1
                if at == i:
                    break
            if at == i and 3 <= steps <= n:
                moves[i] = 1
            continue
        # A free cell: the longest line that ends there, from its head to its tail.
        at = target[i]
        while True:
            best, length, order = -1, 0, 0
            for j in range(n):
                if target[j] == at and world.cell[j] != at and (
                        behind[j] > length or behind[j] == length and named[j] < order):
                    best, length, order = j, behind[j], named[j]
            if best < 0 or moves[best]:
                break
            moves[best] = 1
            at = world.cell[best]


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef World world
    cdef int64_t n = game.agents, i, j, k, g, action, count, next_one
    cdef int64_t target[MAX_ROBOTS]
    cdef int64_t doing[MAX_ROBOTS]
    cdef uint8_t moves[MAX_ROBOTS]
    cdef double *robots = state
    cdef double *at = state + PER_ROBOT * n
    cdef double *queue = at + game.shelves
    if not cells.allowed(actions, n, 5 << game.bits):
        return Status.BAD_ACTION
    if not read(game, state, &world):
        return Status.BAD_STATE
    for g in range(game.goals):
        if not (uniforms[g] >= 0.0 and uniforms[g] < 1.0):
            return Status.BAD_DRAW
    for i in range(n):
        action = actions[i] % 5
        if game.bits:
            robots[PER_ROBOT * i + 4] = <double> (actions[i] // 5)
        doing[i] = action
        target[i] = world.cell[i]
        rewards[i] = 0.0
        if action == FORWARD:
            next_one = ahead(game, world.cell[i], world.heading[i])
            # Who carries a shelf cannot go under another, unless that is carried away itself.
            j = world.robot[next_one] - 1
            if (world.carried[i] and next_one != world.cell[i] and world.shelf[next_one]
                    and not (j >= 0 and world.carried[j])):
                continue
            target[i] = next_one
    resolve(game, &world, target, moves)
    for i in range(n):
        if moves[i]:
            world.cell[i] = target[i]
            robots[PER_ROBOT * i] = <double> target[i]
            if world.carried[i]:
                world.at[world.carried[i] - 1] = <int16_t> target[i]
                at[world.carried[i] - 1] = <double> target[i]
        elif doing[i] == 2 or doing[i] == 3:
            robots[PER_ROBOT * i + 1] = <double> turned(world.heading[i], doing[i] == 3)
        elif doing[i] == TOGGLE and world.carried[i] == 0:
            world.carried[i] = world.shelf[world.cell[i]]
            robots[PER_ROBOT * i + 2] = <double> world.carried[i]
        elif doing[i] == TOGGLE and not game.highway[world.cell[i]]:
            if world.delivered[i] and game.pay == Pay.TWO_STAGE:
                rewards[i] += 0.5
            world.carried[i] = world.delivered[i] = 0
            robots[PER_ROBOT * i + 2] = robots[PER_ROBOT * i + 3] = 0.0
    for g in range(game.goals):
        # Shelves stand nowhere but under a robot there: goals are on the highway.
        for i in range(n):
            if world.cell[i] != game.goal[g] or world.carried[i] == 0 or not world.wanted[world.carried[i]]:
                continue
            # Another shelf is requested instead, any of those that are not.
            count = cells.pick(uniforms[g], game.shelves - game.requests)
            for k in range(1, game.shelves + 1):
                if not world.wanted[k]:
                    if count == 0:
                        break
                    count -= 1
            world.wanted[world.carried[i]] = 0
            world.wanted[k] = 1
            for j in range(game.requests):
                if world.requested[j] == world.carried[i]:
                    world.requested[j] = k
                    queue[j] = <double> k
                    break
            if game.pay == Pay.GLOBAL:
                for j in range(n):
                    rewards[j] += 1.0
            elif game.pay == Pay.INDIVIDUAL:
                rewards[i] += 1.0
            else:
                world.delivered[i] = 1
                robots[PER_ROBOT * i + 3] = 1.0
                rewards[i] += 0.5
            break
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef World world
    cdef int64_t i, j, k, row, column, cell, top, left
    cdef double *out
    if not read(game, state, &world):
        return Status.BAD_STATE
    memset(observation, 0, game.observation_size * sizeof(double))
    for i in range(game.agents):
        out = observation + i * game.features
        cell = world.cell[i]
        out[0], out[1] = <double> game.column[cell], <double> game.row[cell]
        out[2] = <double> (world.carried[i] > 0)
        out[3 + world.heading[i]] = 1.0
        out[7] = <double> game.highway[cell]
        out += 8
        top, left = game.row[cell] - game.reach, game.column[cell] - game.reach
        for row in range(top, top + 2 * game.reach + 1):
            for column in range(left, left + 2 * game.reach + 1):
                if row < 0 or column < 0 or row >= game.height or column >= game.columns:
                    out[1] = 1.0
                    out += 7 + game.bits
                    continue
                cell = row * game.columns + column
                j = world.robot[cell] - 1
                if j < 0:
                    out[1] = 1.0
                else:
                    out[0] = 1.0
                    out[1 + world.heading[j]] = 1.0
                    for k in range(game.bits):
                        out[5 + k] = <double> (world.said[j] >> k & 1)
                out += 5 + game.bits
                # No shelf has number 0, and that is never wanted.
                out[0], out[1] = <double> (world.shelf[cell] != 0), <double> world.wanted[world.shelf[cell]]
                out += 2
    return 0
