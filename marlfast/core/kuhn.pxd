# cython: language_level=3
"""Kuhn poker, one run: the leaves of ``src/_kuhn.pyx``.

A state holds both cards and what was played, a number of ``History``.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    CARDS = 3
    PLAYING = 4             # histories below this are not over
    HISTORIES = 9
    OBSERVATIONS = 13

cdef enum History:
    NOTHING = 0
    PASSED = 1
    BET = 2
    PASSED_BET = 3
    PASSED_PASSED = 4
    BET_PASSED = 5
    BET_BET = 6
    PASSED_BET_PASSED = 7
    PASSED_BET_BET = 8

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t max_actions


cdef inline int64_t following(int64_t history, int64_t action) noexcept nogil:
    """What was played once that is added."""
    if history == History.NOTHING:
        return History.BET if action else History.PASSED
    if history == History.PASSED:
        return History.PASSED_BET if action else History.PASSED_PASSED
    if history == History.BET:
        return History.BET_BET if action else History.BET_PASSED
    return History.PASSED_BET_BET if action else History.PASSED_BET_PASSED


cdef inline int64_t mover(int64_t history) noexcept nogil:
    return 1 if history == History.PASSED or history == History.BET else 0


cdef inline int64_t won(int64_t history, bint first_is_higher) noexcept nogil:
    """What the first player earns where it is over."""
    cdef int64_t stake
    if history == History.BET_PASSED:
        return 1
    if history == History.PASSED_BET_PASSED:
        return -1
    stake = 1 if history == History.PASSED_PASSED else 2
    return stake if first_is_higher else -stake


cdef inline bint read(const double *state, int64_t *card, int64_t *other, int64_t *history) noexcept nogil:
    card[0], other[0] = cells.whole(state[0], CARDS), cells.whole(state[1], CARDS)
    history[0] = cells.whole(state[2], HISTORIES)
    return (card[0] | other[0] | history[0]) >= 0 and card[0] != other[0]


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t card = cells.pick(uniforms[0], CARDS), other = cells.pick(uniforms[1], CARDS - 1)
    if card < 0 or other < 0:
        return Status.BAD_DRAW
    other += other >= card
    state[0], state[1], state[2] = <double> card, <double> other, 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t card, other, history, action
    if not read(state, &card, &other, &history) or history >= PLAYING:
        return Status.BAD_STATE
    action = actions[mover(history)]
    if action < 0 or action > 1:
        return Status.BAD_ACTION
    history = following(history, action)
    state[2] = <double> history
    terminated[0] = history >= PLAYING
    rewards[0] = <double> won(history, card > other) if history >= PLAYING else 0.0
    rewards[1] = 0.0 - rewards[0]
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t card, other, history
    if not read(state, &card, &other, &history):
        return Status.BAD_STATE
    if history >= PLAYING:
        observation[0] = observation[1] = <double> (OBSERVATIONS - 1)
    else:
        observation[0], observation[1] = <double> (PLAYING * card + history), <double> (PLAYING * other + history)
    return 0


cdef inline int to_act(const Data *game, const double *state, uint8_t *acts) noexcept nogil:
    cdef int64_t card, other, history
    if not read(state, &card, &other, &history):
        return Status.BAD_STATE
    acts[0] = history < PLAYING and mover(history) == 0
    acts[1] = history < PLAYING and mover(history) == 1
    return 0


cdef inline int legal(const Data *game, const double *state, uint8_t *allowed) noexcept nogil:
    cdef int64_t k
    for k in range(4):
        allowed[k] = 1
    return 0
