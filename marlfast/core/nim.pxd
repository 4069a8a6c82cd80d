# cython: language_level=3
"""Nim, one run: the leaves of ``src/_nim.pyx``.

A state holds what is left in each pile, and whose turn it is.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    MAX_PILES = 16

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t max_actions
    int64_t n_piles
    int64_t misere                  # 1: who takes the last loses
    int64_t pile[MAX_PILES]         # at the start


cdef inline int64_t read(const Data *game, const double *state, int64_t *left, int64_t *who) noexcept nogil:
    """How much is left in all; -1: no state."""
    cdef int64_t k, total = 0
    for k in range(game.n_piles):
        left[k] = cells.whole(state[k], game.pile[k] + 1)
        if left[k] < 0:
            return -1
        total += left[k]
    who[0] = cells.whole(state[game.n_piles], 2)
    return total if who[0] >= 0 else -1


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t k
    for k in range(game.n_piles):
        state[k] = <double> game.pile[k]
    state[game.n_piles] = 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t left[MAX_PILES]
    cdef int64_t who = 0, total = read(game, state, left, &who), action, pile, take
    if total <= 0:
        return Status.BAD_STATE
    action = actions[who]
    if action < 0 or action >= game.max_actions:
        return Status.BAD_ACTION
    pile, take = action % game.n_piles, action // game.n_piles + 1
    if take > left[pile]:
        return Status.ILLEGAL
    state[pile] = <double> (left[pile] - take)
    state[game.n_piles] = <double> (1 - who)
    terminated[0] = take == total
    rewards[who] = 0.0 if take < total else -1.0 if game.misere else 1.0
    rewards[1 - who] = 0.0 - rewards[who]
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t left[MAX_PILES]
    cdef int64_t who = 0, number = 0, k
    if read(game, state, left, &who) < 0:
        return Status.BAD_STATE
    for k in range(game.n_piles):
        number = number * (game.pile[k] + 1) + left[k]
    observation[0] = <double> number
    return 0


cdef inline int to_act(const Data *game, const double *state, uint8_t *acts) noexcept nogil:
    cdef int64_t left[MAX_PILES]
    cdef int64_t who = 0, total = read(game, state, left, &who)
    if total < 0:
        return Status.BAD_STATE
    acts[0] = total > 0 and who == 0
    acts[1] = total > 0 and who == 1
    return 0


cdef inline int legal(const Data *game, const double *state, uint8_t *allowed) noexcept nogil:
    cdef int64_t left[MAX_PILES]
    cdef int64_t who = 0, a
    if read(game, state, left, &who) < 0:
        return Status.BAD_STATE
    for a in range(game.max_actions):
        allowed[a] = a // game.n_piles < left[a % game.n_piles]
        allowed[game.max_actions + a] = allowed[a]
    return 0
