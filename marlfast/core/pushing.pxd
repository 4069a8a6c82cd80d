# cython: language_level=3
"""Cooperative box pushing, one run: the leaves of ``src/_pushing.pyx``.

The state is the first agent's column and heading, the second's, and what has been pushed into the goal. The first
agent is always left of the second: nobody can pass.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core cimport cells
from marlfast.core.operations cimport Status

cdef enum Action:
    LEFT = 0            # turn
    RIGHT = 1
    FORWARD = 2
    STAY = 3

cdef enum Heading:
    NORTH = 0
    EAST = 1
    SOUTH = 2
    WEST = 3

cdef enum Pushed:
    NOTHING = 0         # 1: the left small box, 2: the right one, 3: both
    LARGE = 4

cdef enum Seen:
    EMPTY = 0
    WALL = 1
    AGENT = 2
    SMALL_BOX = 3
    LARGE_BOX = 4

ctypedef struct Data:
    int64_t agents          # 2
    int64_t state_size      # 5
    int64_t observation_size
    bint full               # everybody sees the whole state
    bint on_success         # rewards for what happened, not for what was tried
    bint continuing         # the next step puts everything back
    double success          # probability


cdef inline bint valid(const double *state) noexcept nogil:
    """Whether this is a state: then each number is a small whole one."""
    return (cells.whole(state[0], 4) >= 0 and cells.whole(state[1], 4) >= 0 and cells.whole(state[2], 4) >= 0
            and cells.whole(state[3], 4) >= 0 and cells.whole(state[4], 5) >= 0 and state[0] < state[2])


cdef inline int64_t ahead(int64_t column, int64_t heading) noexcept nogil:
    """The column of the square in front."""
    return column + <int64_t> (heading == EAST) - <int64_t> (heading == WEST)


cdef inline double forward(int64_t *columns, const int64_t *headings, const bint *goes, int64_t *pushed) noexcept nogil:
    """Let some agents move forward, both at once; what that earns but for the cost of time."""
    cdef int64_t bumps = 0, small = 0, i, front
    cdef int64_t[2] moved
    moved[0], moved[1] = columns[0], columns[1]
    pushed[0] = NOTHING
    if (goes[0] and goes[1] and headings[0] == NORTH and headings[1] == NORTH
            and columns[0] == 1 and columns[1] == 2):
        pushed[0] = LARGE
        return 100.0
    for i in range(2):
        if not goes[i]:
            continue
        front = ahead(columns[i], headings[i])
        if headings[i] == NORTH and columns[i] == 3 * i:        # only this agent can stand below that small box
            small += 1
            pushed[0] += i + 1
        elif (headings[i] == NORTH or headings[i] == SOUTH or front < 0 or front > 3 or front == columns[1 - i]
                or (goes[1 - i] and ahead(columns[1 - i], headings[1 - i]) == front
                    and headings[1 - i] != NORTH and headings[1 - i] != SOUTH)):
            bumps += 1
        else:
            moved[i] = front
    columns[0], columns[1] = moved[0], moved[1]
    return -5.0 * <double> bumps + 10.0 * <double> small


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    state[0], state[1] = 0.0, <double> <int64_t> EAST
    state[2], state[3] = 3.0, <double> <int64_t> WEST
    state[4] = <double> <int64_t> NOTHING
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t[2] columns, headings, tried
    cdef bint[2] tries, goes
    cdef int64_t pushed = NOTHING, i
    cdef double earned
    if not valid(state):
        return Status.BAD_STATE
    if not cells.allowed(actions, 2, 4):
        return Status.BAD_ACTION
    if not (0.0 <= uniforms[0] < 1.0 and 0.0 <= uniforms[1] < 1.0):
        return Status.BAD_DRAW
    terminated[0] = 0
    if <int64_t> state[4] != NOTHING:
        rewards[0] = rewards[1] = 0.0
        return start(game, state, uniforms, normals)
    for i in range(2):
        columns[i] = tried[i] = <int64_t> state[2 * i]
        headings[i] = <int64_t> state[2 * i + 1]
        tries[i] = actions[i] == FORWARD
        goes[i] = tries[i] and uniforms[i] < game.success
    earned = forward(tried, headings, tries, &pushed)
    if game.on_success:
        earned = forward(columns, headings, goes, &pushed)
    else:
        forward(columns, headings, goes, &pushed)
    for i in range(2):
        if uniforms[i] < game.success:
            if actions[i] == LEFT:
                headings[i] = (headings[i] + 3) % 4
            elif actions[i] == RIGHT:
                headings[i] = (headings[i] + 1) % 4
        state[2 * i], state[2 * i + 1] = <double> columns[i], <double> headings[i]
    state[4] = <double> pushed
    rewards[0] = rewards[1] = -0.2 + earned
    terminated[0] = <uint8_t> (pushed != NOTHING and not game.continuing)
    return 0


cdef inline int64_t number(const double *state) noexcept nogil:
    """The number of a state, 0 to 99, in the order of the published model."""
    cdef int64_t first = <int64_t> state[0], second = <int64_t> state[2], pushed = <int64_t> state[4], before
    if pushed != NOTHING:
        return pushed - 1
    before = 4 if first == 0 else 52 if first == 1 else 84
    return before + (4 * (3 - first) * <int64_t> state[1] + 4 * (second - first - 1) + <int64_t> state[3])


cdef inline int64_t front_of(const double *state, int64_t i) noexcept nogil:
    """What agent i sees on the square in front of it."""
    cdef int64_t column = <int64_t> state[2 * i], heading = <int64_t> state[2 * i + 1], front = ahead(column, heading)
    if <int64_t> state[4] != NOTHING:
        return EMPTY
    if heading == NORTH:
        return SMALL_BOX if column == 0 or column == 3 else LARGE_BOX
    if heading == SOUTH or front < 0 or front > 3:
        return WALL
    return AGENT if front == <int64_t> state[2 * (1 - i)] else EMPTY


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    if not valid(state):
        return Status.BAD_STATE
    if game.full:
        observation[0] = <double> number(state)
    else:
        observation[0], observation[1] = <double> front_of(state, 0), <double> front_of(state, 1)
    return 0
