# cython: language_level=3
"""Liar's dice with a die each, one run: the leaves of ``src/_liars_dice.pyx``.

A state holds both dice, the bids so far as bits (they only rise, so the set says the order), and whether somebody
called.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    MAX_SIDES = 6

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t max_actions             # bids, and to call the last one a lie
    int64_t sides
    int64_t bids                    # one or two dice of each side


cdef inline int64_t highest(int64_t bids) noexcept nogil:
    """The greatest of the bits that are 1; -1: none is."""
    cdef int64_t k = -1
    while bids:
        bids >>= 1
        k += 1
    return k


cdef inline bint read(const Data *game, const double *state, int64_t *at) noexcept nogil:
    at[0], at[1] = cells.whole(state[0], game.sides), cells.whole(state[1], game.sides)
    at[2], at[3] = cells.whole(state[2], <int64_t> 1 << game.bids), cells.whole(state[3], 2)
    return (at[0] | at[1] | at[2] | at[3]) >= 0 and (at[2] > 0 or at[3] == 0)


cdef inline int64_t mover(int64_t bids) noexcept nogil:
    return cells.bits_of(<uint64_t> bids) & 1


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t die = cells.pick(uniforms[0], game.sides), other = cells.pick(uniforms[1], game.sides)
    if die < 0 or other < 0:
        return Status.BAD_DRAW
    state[0], state[1], state[2], state[3] = <double> die, <double> other, 0.0, 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t at[4]
    cdef int64_t who, action, last, face, there
    if not read(game, state, at) or at[3]:
        return Status.BAD_STATE
    who, last = mover(at[2]), highest(at[2])
    action = actions[who]
    if action < 0 or action > game.bids:
        return Status.BAD_ACTION
    if action <= last or (action == game.bids and last < 0):
        return Status.ILLEGAL
    rewards[0] = rewards[1] = 0.0
    terminated[0] = action == game.bids
    if not terminated[0]:
        state[2] = <double> (at[2] | <int64_t> 1 << action)
        return 0
    state[3] = 1.0
    # The highest side counts as any.
    face = last % game.sides
    there = (at[0] == face or at[0] == game.sides - 1) + (at[1] == face or at[1] == game.sides - 1)
    rewards[who] = -1.0 if there >= 1 + last // game.sides else 1.0
    rewards[1 - who] = 0.0 - rewards[who]
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t at[4]
    cdef int64_t i
    if not read(game, state, at):
        return Status.BAD_STATE
    for i in range(2):
        observation[i] = <double> ((game.sides << game.bids) if at[3] else (at[i] << game.bids) + at[2])
    return 0


cdef inline int to_act(const Data *game, const double *state, uint8_t *acts) noexcept nogil:
    cdef int64_t at[4]
    if not read(game, state, at):
        return Status.BAD_STATE
    acts[0] = at[3] == 0 and mover(at[2]) == 0
    acts[1] = at[3] == 0 and mover(at[2]) == 1
    return 0


cdef inline int legal(const Data *game, const double *state, uint8_t *allowed) noexcept nogil:
    cdef int64_t at[4]
    cdef int64_t last, i, a
    if not read(game, state, at):
        return Status.BAD_STATE
    last = highest(at[2])
    for i in range(2):
        for a in range(game.bids + 1):
            allowed[i * (game.bids + 1) + a] = at[3] == 0 and a > last and (a < game.bids or last >= 0)
    return 0
