# cython: language_level=3
"""Soccer on squares, one run: the leaves of ``src/_soccer.pyx``.

The state is the row and column of player A, those of player B, and who has the ball (0: A, 1: B).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.cells cimport allowed, column_move, pick, row_move, whole
from marlfast.core.operations cimport Status

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t height
    int64_t width
    int64_t top                 # first row of the goals, and A's first row
    int64_t bottom              # last row of the goals, and B's first row
    int64_t column              # B's first column; A's is as far from the right edge
    double draw_probability
    bint restart
    bint mirrored

ctypedef struct Place:          # where everybody is; member [0] is player A's
    int64_t row[2]
    int64_t column[2]
    int64_t ball


cdef inline int read(const Data *game, const double *state, Place *place) noexcept nogil:
    """The state in whole numbers."""
    cdef int64_t i
    for i in range(2):
        place.row[i] = whole(state[2 * i], game.height)
        place.column[i] = whole(state[2 * i + 1], game.width)
    place.ball = whole(state[4], 2)
    if ((place.row[0] | place.row[1] | place.column[0] | place.column[1] | place.ball) < 0
            or (place.row[0] == place.row[1] and place.column[0] == place.column[1])):
        return Status.BAD_STATE
    return 0


cdef inline void write(const Place *place, double *state) noexcept nogil:
    cdef int64_t i
    for i in range(2):
        state[2 * i], state[2 * i + 1] = <double> place.row[i], <double> place.column[i]
    state[4] = <double> place.ball


cdef inline void begin(const Data *game, int64_t ball, Place *place) noexcept nogil:
    """Both players where a game begins."""
    place.row[0], place.column[0] = game.top, game.width - 1 - game.column
    place.row[1], place.column[1] = game.bottom, game.column
    place.ball = ball


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    cdef Place place
    cdef int64_t ball = pick(uniforms[0], 2)
    if ball < 0:
        return Status.BAD_DRAW
    begin(game, ball, &place)
    write(&place, state)
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef Place place
    cdef int64_t chance, k, i, action, down, right, row, column, bumps, steps
    cdef bint over = False
    if read(game, state, &place):
        return Status.BAD_STATE
    if not allowed(actions, 2, 5):
        return Status.BAD_ACTION
    # Two fair bits of one draw: who moves first, and who would have the ball after a goal.
    chance = pick(uniforms[0], 4)
    if chance < 0 or (game.draw_probability > 0.0 and not 0.0 <= uniforms[1] < 1.0):
        return Status.BAD_DRAW
    rewards[0] = rewards[1] = 0.0
    for k in range(2):
        i = (chance >> 1) ^ k
        # Arithmetic in place of branches: who moves first, where to and into what is close to random.
        action = actions[i]
        action ^= game.mirrored & i & (action < 4)      # B's north is south, its east is west
        down, right = row_move(action), column_move(action)
        row, column = place.row[i] + down, place.column[i] + right
        if ((column ^ (i * (game.width + 1) - 1)) | (place.ball ^ i)) == 0 and game.top <= row <= game.bottom:
            rewards[i], rewards[1 - i] = 1.0, -1.0
            over = True
            break
        bumps = ((row ^ place.row[1 - i]) | (column ^ place.column[1 - i])) == 0
        # The sign bit of any that is negative.
        steps = ((row | column | (game.height - 1 - row) | (game.width - 1 - column)) >= 0) & (1 - bumps)
        place.row[i] += down * steps
        place.column[i] += right * steps
        place.ball += (1 - i - place.ball) * bumps
    if not over and game.draw_probability > 0.0:
        over = uniforms[1] < game.draw_probability
    if over and game.restart:
        begin(game, chance & 1, &place)
    write(&place, state)
    terminated[0] = over and not game.restart
    return 0


cdef inline int64_t number(const Data *game, int64_t own, int64_t other, bint rivals_ball) noexcept nogil:
    """Number of what a player sees: own and other are squares, counted row by row."""
    cdef int64_t squares = game.height * game.width
    return (rivals_ball * squares + own) * (squares - 1) + other - (1 if other > own else 0)


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef Place place
    cdef int64_t a, b, last = game.height * game.width - 1
    if read(game, state, &place):
        return Status.BAD_STATE
    a = place.row[0] * game.width + place.column[0]
    b = place.row[1] * game.width + place.column[1]
    observation[0] = <double> number(game, a, b, place.ball != 0)
    if game.mirrored:
        observation[1] = <double> number(game, last - b, last - a, place.ball != 1)
    return 0
