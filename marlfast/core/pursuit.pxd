# cython: language_level=3
"""Hunters and prey on squares, one run: the leaves of ``src/_pursuit.pyx``.

The state is a row and a column of each hunter, then of each prey, then of the scout.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core cimport cells
from marlfast.core.operations cimport Status

ctypedef struct Data:
    int64_t agents          # hunters
    int64_t state_size
    int64_t observation_size
    int64_t height
    int64_t width
    int64_t prey
    int64_t scouts          # 0 or 1
    int64_t depth           # of a hunter's visual field: squares to each side
    int64_t scout_depth
    int64_t reach           # offsets are numbered from -reach to reach
    bint joint
    bint sharing
    bint see_partner


cdef inline bint inside(const Data *game, const double *state) noexcept nogil:
    """Whether everybody stands on the board."""
    cdef int64_t k
    for k in range(game.agents + game.prey + game.scouts):
        if cells.whole(state[2 * k], game.height) < 0 or cells.whole(state[2 * k + 1], game.width) < 0:
            return False
    return True


cdef inline void move(const Data *game, double *place, int64_t k) noexcept nogil:
    """One move: 0 up, 1 down, 2 right, 3 left; into the edge of the board: none."""
    cdef int64_t row = <int64_t> place[0] + <int64_t> (k == 1) - <int64_t> (k == 0)
    cdef int64_t column = <int64_t> place[1] + <int64_t> (k == 2) - <int64_t> (k == 3)
    place[0] = <double> min(max(row, 0), game.height - 1)
    place[1] = <double> min(max(column, 0), game.width - 1)


cdef inline int64_t apart(const double *place, const double *other) noexcept nogil:
    """How many squares apart along the axis on which they are farther: 1 for all eight neighbours."""
    cdef int64_t rows = <int64_t> place[0] - <int64_t> other[0]
    cdef int64_t columns = <int64_t> place[1] - <int64_t> other[1]
    return max(max(rows, -rows), max(columns, -columns))


cdef inline bint capture(const Data *game, const double *state, double *rewards) noexcept nogil:
    """Pay the hunters who capture a prey; whether anybody does."""
    cdef const double *prey = state + 2 * game.agents
    cdef int64_t near = 1 if game.joint else 0, needed = 2 if game.joint else 1, i, j, there
    cdef bint captured = False
    for j in range(game.prey):
        there = 0
        for i in range(game.agents):
            there += <int64_t> (apart(state + 2 * i, prey + 2 * j) <= near)
        if there < needed:
            continue
        captured = True
        for i in range(game.agents):
            if apart(state + 2 * i, prey + 2 * j) <= near:
                rewards[i] = 1.0
    return captured


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    cdef int64_t places = game.agents + game.prey + game.scouts, squares = game.height * game.width, k, square
    for k in range(places):
        if cells.pick(uniforms[k], squares) < 0:
            return Status.BAD_DRAW
    for k in range(places):
        square = cells.pick(uniforms[k], squares)
        state[2 * k] = <double> (square // game.width)
        state[2 * k + 1] = <double> (square % game.width)
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t n_agents = game.agents, others = game.prey + game.scouts, i, k
    if not inside(game, state):
        return Status.BAD_STATE
    if not cells.allowed(actions, n_agents, 4):
        return Status.BAD_ACTION
    for k in range(others):
        if cells.pick(uniforms[k], 4) < 0:
            return Status.BAD_DRAW
    for i in range(n_agents):
        move(game, state + 2 * i, actions[i])
        rewards[i] = -0.1
    terminated[0] = 0
    if not game.joint and capture(game, state, rewards):
        terminated[0] = 1           # before the prey could move
        return 0
    for k in range(others):
        move(game, state + 2 * (n_agents + k), cells.pick(uniforms[k], 4))
    terminated[0] = <uint8_t> capture(game, state, rewards)
    return 0


cdef inline int64_t offset(const Data *game, const double *place, const double *other) noexcept nogil:
    """The number of where the other one is, as seen from a place."""
    cdef int64_t rows = <int64_t> other[0] - <int64_t> place[0]
    cdef int64_t columns = <int64_t> other[1] - <int64_t> place[1]
    return (rows + game.reach) * (2 * game.reach + 1) + columns + game.reach


cdef inline int64_t moves(const double *place, const double *other) noexcept nogil:
    """How many moves lead from one place to the other."""
    cdef int64_t rows = <int64_t> place[0] - <int64_t> other[0]
    cdef int64_t columns = <int64_t> place[1] - <int64_t> other[1]
    return max(rows, -rows) + max(columns, -columns)


cdef inline bint reported(const Data *game, const double *state, int64_t i, const double *prey) noexcept nogil:
    """Whether somebody tells hunter i of a prey."""
    cdef int64_t k
    if game.scouts and apart(state + 2 * (game.agents + game.prey), prey) <= game.scout_depth:
        return True
    if game.sharing:
        for k in range(game.agents):
            if k != i and apart(state + 2 * k, prey) <= game.depth:
                return True
    return False


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t side = 2 * game.reach + 1, i, j, obs, partner, best, distance
    cdef const double *prey = state + 2 * game.agents
    cdef const double *here
    if not inside(game, state):
        return Status.BAD_STATE
    for i in range(game.agents):
        here = state + 2 * i
        obs, best = side * side, 4 * (game.height + game.width)
        for j in range(game.prey):
            distance = moves(here, prey + 2 * j)
            if apart(here, prey + 2 * j) > game.depth:
                if not reported(game, state, i, prey + 2 * j):
                    continue
                distance += game.height + game.width        # farther than any that it sees itself
            if distance < best:
                obs, best = offset(game, here, prey + 2 * j), distance
        if game.see_partner:
            partner, best = side * side, game.height + game.width
            for j in range(game.agents):
                distance = moves(here, state + 2 * j)
                if j != i and distance < best and (game.sharing or apart(here, state + 2 * j) <= game.depth):
                    partner, best = offset(game, here, state + 2 * j), distance
            obs = obs * (side * side + 1) + partner
        observation[i] = <double> obs
    return 0
