# cython: language_level=3
"""Leduc poker, one run: the leaves of ``src/_leduc.pyx``.

A state holds both private cards, the public one (6: not yet there), how the first round of bets ended (a number of
``End``; 5: it has not), and what was bet in the round under way (a number of ``Bets``). Card c has rank c / 2.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.cells as cells
from marlfast.core.operations cimport Status

cdef enum:
    CARDS = 6
    FOLD = 0
    CALL = 1
    RAISE = 2
    ACTIONS = 3
    ENDS = 5
    FIRST_ROUND = 5         # where the end of the first round would stand
    OBSERVATIONS = 1117     # 6 * 6 in the first round, 6 * 6 * 5 * 6 in the second, one when it is over

# What was bet in a round: c a call (or check), r a raise.
cdef enum Bets:
    NOTHING = 0
    C = 1
    R = 2
    CR = 3
    RR = 4
    CRR = 5
    OVER = 6

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t max_actions


cdef inline int64_t mover(int64_t bets) noexcept nogil:
    return 1 if bets == Bets.C or bets == Bets.R or bets == Bets.CRR else 0


cdef inline int64_t raises_of_end(int64_t end) noexcept nogil:
    """Raises that both have paid: ends are cc, rc, crc, rrc, crrc."""
    return 0 if end == 0 else 1 if end <= 2 else 2


cdef inline int64_t end_of(int64_t bets) noexcept nogil:
    """How the round ends by a call."""
    return bets - 1


cdef inline int64_t paid_before(int64_t bets) noexcept nogil:
    """Raises that who folds has paid in this round."""
    return 1 if bets == Bets.RR or bets == Bets.CRR else 0


cdef inline bint may(int64_t bets, int64_t action) noexcept nogil:
    """Whether an action is legal: none folds for nothing, nobody raises a third time."""
    if action == FOLD:
        return bets >= Bets.R
    return action == CALL or bets < Bets.RR


cdef inline int64_t raised(int64_t bets) noexcept nogil:
    """What was bet once there is a raise."""
    return Bets.R if bets == Bets.NOTHING else Bets.CR if bets == Bets.C else Bets.RR if bets == Bets.R else Bets.CRR


cdef inline bint read(const double *state, int64_t *at) noexcept nogil:
    at[0], at[1], at[2] = cells.whole(state[0], CARDS), cells.whole(state[1], CARDS), cells.whole(state[2], CARDS + 1)
    at[3], at[4] = cells.whole(state[3], ENDS + 1), cells.whole(state[4], Bets.OVER + 1)
    return ((at[0] | at[1] | at[2] | at[3] | at[4]) >= 0 and at[0] != at[1] and at[0] != at[2] and at[1] != at[2]
            and ((at[2] == CARDS) == (at[3] == FIRST_ROUND)))


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t card = cells.pick(uniforms[0], CARDS), other = cells.pick(uniforms[1], CARDS - 1)
    if card < 0 or other < 0:
        return Status.BAD_DRAW
    other += other >= card
    state[0], state[1], state[2] = <double> card, <double> other, <double> CARDS
    state[3], state[4] = <double> FIRST_ROUND, 0.0
    return 0


cdef inline int64_t showdown(int64_t card, int64_t other, int64_t public) noexcept nogil:
    """1, 0 or -1: whether the first player's hand is better."""
    card, other, public = card // 2, other // 2, public // 2
    if card == other:
        return 0
    if card == public or other == public:
        return 1 if card == public else -1
    return 1 if card > other else -1


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t at[5]
    cdef int64_t action, who, public, lost, low, high
    if not read(state, at) or at[4] == Bets.OVER:
        return Status.BAD_STATE
    who = mover(at[4])
    action = actions[who]
    if action < 0 or action >= ACTIONS:
        return Status.BAD_ACTION
    if not may(at[4], action):
        return Status.ILLEGAL
    public = cells.pick(uniforms[0], CARDS - 2)
    if public < 0:
        return Status.BAD_DRAW
    rewards[0] = rewards[1] = 0.0
    terminated[0] = 0
    if action == RAISE:
        state[4] = <double> raised(at[4])
        return 0
    if action == CALL and at[4] == Bets.NOTHING:
        state[4] = <double> Bets.C
        return 0
    if action == CALL and at[3] == FIRST_ROUND:
        # The public card is one of the four that are left.
        low, high = min(at[0], at[1]), max(at[0], at[1])
        public += public >= low
        public += public >= high
        state[2], state[3], state[4] = <double> public, <double> end_of(at[4]), 0.0
        return 0
    # Over: 1 was paid at the start, 2 for each raise of the first round and 4 for each of the second.
    lost = 1
    if at[3] != FIRST_ROUND:
        lost += 2 * raises_of_end(at[3])
    if action == FOLD:
        lost += (2 if at[3] == FIRST_ROUND else 4) * paid_before(at[4])
        rewards[1 - who] = <double> lost
    else:
        lost += 4 * raises_of_end(end_of(at[4]))
        lost *= showdown(at[0], at[1], at[2])
        rewards[0] = <double> lost
        who = 1
    rewards[who] = 0.0 - rewards[1 - who]
    state[4] = <double> Bets.OVER
    terminated[0] = 1
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t at[5]
    cdef int64_t i
    if not read(state, at):
        return Status.BAD_STATE
    for i in range(2):
        if at[4] == Bets.OVER:
            observation[i] = <double> (OBSERVATIONS - 1)
        elif at[3] == FIRST_ROUND:
            observation[i] = <double> (6 * at[i] + at[4])
        else:
            observation[i] = <double> (36 + ((at[i] * CARDS + at[2]) * ENDS + at[3]) * 6 + at[4])
    return 0


cdef inline int to_act(const Data *game, const double *state, uint8_t *acts) noexcept nogil:
    cdef int64_t at[5]
    if not read(state, at):
        return Status.BAD_STATE
    acts[0] = at[4] != Bets.OVER and mover(at[4]) == 0
    acts[1] = at[4] != Bets.OVER and mover(at[4]) == 1
    return 0


cdef inline int legal(const Data *game, const double *state, uint8_t *allowed) noexcept nogil:
    cdef int64_t at[5]
    cdef int64_t i, a
    if not read(state, at):
        return Status.BAD_STATE
    for i in range(2):
        for a in range(ACTIONS):
            allowed[ACTIONS * i + a] = at[4] != Bets.OVER and may(at[4], a)
    return 0
