# cython: language_level=3
"""Tic-tac-toe, one run: the leaves of ``src/_tic_tac_toe.pyx``.

A state holds the squares of both players as bits, those of a row side by side.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    SQUARES = 9
    FULL = 511

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t max_actions
    int32_t number[512]             # of a set of squares: the sum of 3 ** square
    uint8_t line[512]               # whether three of them are in a line


cdef inline bint read(const Data *game, const double *state, int64_t *own) noexcept nogil:
    cdef int64_t more
    own[0], own[1] = cells.whole(state[0], FULL + 1), cells.whole(state[1], FULL + 1)
    if (own[0] | own[1]) < 0 or own[0] & own[1]:
        return False
    more = cells.bits_of(<uint64_t> own[0]) - cells.bits_of(<uint64_t> own[1])
    return more == 0 or more == 1


cdef inline int64_t mover(const int64_t *own) noexcept nogil:
    return cells.bits_of(<uint64_t> (own[0] | own[1])) & 1


cdef inline bint over(const Data *game, const int64_t *own) noexcept nogil:
    return game.line[own[0]] or game.line[own[1]] or (own[0] | own[1]) == FULL


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    state[0] = state[1] = 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t own[2]
    cdef int64_t who, action
    if not read(game, state, own) or over(game, own):
        return Status.BAD_STATE
    who = mover(own)
    action = actions[who]
    if action < 0 or action >= SQUARES:
        return Status.BAD_ACTION
    if (own[0] | own[1]) >> action & 1:
        return Status.ILLEGAL
    own[who] |= <int64_t> 1 << action
    state[who] = <double> own[who]
    rewards[who] = 1.0 if game.line[own[who]] else 0.0
    rewards[1 - who] = 0.0 - rewards[who]
    terminated[0] = over(game, own)
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t own[2]
    if not read(game, state, own):
        return Status.BAD_STATE
    observation[0] = <double> (game.number[own[0]] + 2 * game.number[own[1]])
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
    cdef int64_t a, taken
    if not read(game, state, own):
        return Status.BAD_STATE
    taken = FULL if over(game, own) else own[0] | own[1]
    for a in range(SQUARES):
        allowed[a] = not taken >> a & 1
        allowed[SQUARES + a] = allowed[a]
    return 0
