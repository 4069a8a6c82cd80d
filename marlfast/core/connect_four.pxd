# cython: language_level=3
"""Connect four, one run: the leaves of ``src/_connect_four.pyx``.

A state holds the squares of both players as bits: ``column * (height + 1) + row``, row 0 at the bottom. The bit above
each column is never 1, so that lines cannot go round a border.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    MAX_BITS = 53                   # what a double holds

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t max_actions             # columns
    int64_t height
    int64_t connect                 # how many in a line win
    int64_t board                   # all squares


cdef inline bint line(const Data *game, int64_t own) noexcept nogil:
    """Whether so many are in a line."""
    cdef int64_t shift, k, found, d
    for k in range(4):
        shift = 1 if k == 0 else game.height + k - 1        # up, down and right, right, up and right
        found = own
        for d in range(1, game.connect):
            found &= own >> min(d * shift, 63)
        if found:
            return True
    return False


cdef inline bint read(const Data *game, const double *state, int64_t *own) noexcept nogil:
    cdef int64_t more, taken, bottom
    own[0], own[1] = cells.whole(state[0], game.board + 1), cells.whole(state[1], game.board + 1)
    if (own[0] | own[1]) < 0 or own[0] & own[1]:
        return False
    taken = own[0] | own[1]
    bottom = game.board & ~(game.board << 1)
    # Nothing hangs in the air, nothing stands outside.
    if taken & ~game.board or (taken & ~bottom) & ~(taken << 1):
        return False
    more = cells.bits_of(<uint64_t> own[0]) - cells.bits_of(<uint64_t> own[1])
    return more == 0 or more == 1


cdef inline int64_t mover(const int64_t *own) noexcept nogil:
    return cells.bits_of(<uint64_t> (own[0] | own[1])) & 1


cdef inline bint over(const Data *game, const int64_t *own) noexcept nogil:
    return (own[0] | own[1]) == game.board or line(game, own[0]) or line(game, own[1])


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    state[0] = state[1] = 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t own[2]
    cdef int64_t who, action, column, taken
    if not read(game, state, own) or over(game, own):
        return Status.BAD_STATE
    who = mover(own)
    action = actions[who]
    if action < 0 or action >= game.max_actions:
        return Status.BAD_ACTION
    taken = own[0] | own[1]
    column = ((<int64_t> 1 << game.height) - 1) << (action * (game.height + 1))
    if taken & column == column:
        return Status.ILLEGAL
    # One more than what is taken in the column sets its lowest free bit.
    own[who] |= ((taken & column) + (<int64_t> 1 << (action * (game.height + 1)))) & column & ~taken
    state[who] = <double> own[who]
    rewards[who] = 1.0 if line(game, own[who]) else 0.0
    rewards[1 - who] = 0.0 - rewards[who]
    terminated[0] = rewards[who] != 0.0 or (own[0] | own[1]) == game.board
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t own[2]
    cdef int64_t row, column, bit, k = 0
    if not read(game, state, own):
        return Status.BAD_STATE
    for row in range(game.height - 1, -1, -1):
        for column in range(game.max_actions):
            bit = column * (game.height + 1) + row
            observation[k] = <double> ((own[0] >> bit & 1) + 2 * (own[1] >> bit & 1))
            k += 1
    return 0


cdef inline int to_act(const Data *game, const double *state, uint8_t *acts) noexcept nogil:
    cdef int64_t own[2]
    cdef bint on
    if not read(game, state, own):
        return Status.BAD_STATE
    on = not over(game, own)
    acts[0] = on and mover(own) == 0
    acts[1] = on and mover(own) == 1
    return 0


cdef inline int legal(const Data *game, const double *state, uint8_t *allowed) noexcept nogil:
    cdef int64_t own[2]
    cdef int64_t a, top
    cdef bint on
    if not read(game, state, own):
        return Status.BAD_STATE
    on = not over(game, own)
    for a in range(game.max_actions):
        top = a * (game.height + 1) + game.height - 1
        allowed[a] = on and not (own[0] | own[1]) >> top & 1
        allowed[game.max_actions + a] = allowed[a]
    return 0
