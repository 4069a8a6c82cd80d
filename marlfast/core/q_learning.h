/* Epsilon-greedy Q-learning for the common case: what belongs to a cell lies side by side. Where all agents
 * have the same few actions, their number is a constant in each variant, so that comparing them is unrolled;
 * src/_q_learning.pyx has the same rules for every other case, and gives the same bits. */
#ifndef MARLFAST_QLEARNING_H
#define MARLFAST_QLEARNING_H

#include <float.h>
#include <math.h>

#include "greatest.h"

typedef struct {            /* of an agent that this learner leads */
    int64_t agent;          /* its number in the team: its place in rows, actions and rewards */
    int64_t table;          /* bytes from the start of a row to its cell */
    int64_t draw;           /* place of its first draw among those of the team */
    int64_t choices;        /* how many actions it has */
} mf_seat;

typedef struct {
    int64_t led;            /* agents that this learner leads */
    const mf_seat *seats;   /* [led] */
    int64_t bound;          /* rows of a run */
    int64_t row_bytes;      /* from one row to the next */
    int64_t run_bytes;      /* from one run to the next */
    char *cells;            /* action values of the first cell; below, from there: */
    int64_t greedy;         /* bytes to the greedy action, int32 */
    int64_t visits;         /* bytes to the visits, int32 */
    int64_t lanes;          /* 0; or the agents of a row stand side by side: [A + 1][lanes], A of at most 8 for all */
} mf_qlearning;

enum { MF_FINE = 0, MF_BAD_ACTION = 3, MF_BAD_DRAW = 4, MF_BAD_ROW = 5, MF_BAD_VALUE = 6 };

/* Below, `few` is the number of actions of all agents, or 0 where each has its own. */

MF_INLINE int mf_act_of(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws, double level,
                        int32_t *actions, const uint32_t few) {
    const char *cells = c->cells + run * c->run_bytes + c->greedy;
    const int64_t bound = c->bound, row_bytes = c->row_bytes;
    const mf_seat *seat = c->seats, *end = seat + c->led;
    for (; seat < end; seat++) {
        const uint32_t choices = few ? few : (uint32_t)seat->choices;
        const double *draw = draws + seat->draw;
        const uint32_t row = (uint32_t)rows[seat->agent];
        /* Both actions, and masks in place of branches: whether an agent explores cannot be predicted. */
        const uint32_t explores = 0u - (uint32_t)(draw[0] < level);
        const uint32_t lost = 0u - (uint32_t)(row >= (uint64_t)bound), wrong = 0u - (uint32_t)!(draw[1] >= 0.0);
        const uint32_t random = (uint32_t)(int32_t)(draw[1] * (double)(int32_t)choices);
        const uint32_t known = *(const uint32_t *)(cells + (row & ~lost) * row_bytes + seat->table);
        const uint32_t action = ((random | wrong) & explores) | ((known | lost) & ~explores);
        if (action >= choices)
            return explores ? MF_BAD_DRAW : lost ? MF_BAD_ROW : MF_BAD_ACTION;
        actions[seat->agent] = (int32_t)action;
    }
    return MF_FINE;
}

/* The first of the greatest, once the value of `action` is no longer `old`; `best` was it before. */
MF_INLINE int32_t mf_greatest_after(const double *q, int64_t choices, int32_t best, int32_t action, double old) {
    const double value = q[action];
    if (action == best)
        return value < old ? mf_first_greatest(q, choices) : best;
    return value > q[best] || (value == q[best] && action < best) ? action : best;
}

/* The greatest value of a cell but that of one action, and the first place where it stands. */
typedef int32_t mf_others(const double *value, int64_t n, uint32_t but, double *most);

MF_INLINE int mf_update_of(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                           const int32_t *actions, const double *rewards, const int over, const double rate,
                           const double discount, uint8_t *changed, const uint32_t few, mf_others *others) {
    char *cells = c->cells + run * c->run_bytes;
    const int64_t bound = c->bound, row_bytes = c->row_bytes, greedy = c->greedy, visits = c->visits;
    const mf_seat *seat = c->seats, *end = seat + c->led;
    uint32_t moved = 0;
    for (; seat < end; seat++) {
        const int64_t i = seat->agent;
        const uint32_t choices = few ? few : (uint32_t)seat->choices, action = (uint32_t)actions[i];
        char *cell = cells + (uint32_t)rows[i] * row_bytes + seat->table;
        char *next = cells + (uint32_t)next_rows[i] * row_bytes + seat->table;
        double target = rewards[i], old, value, most = 0.0;
        int32_t best = 0, before;
        if (action >= choices)
            return MF_BAD_ACTION;
        if ((uint32_t)rows[i] >= (uint64_t)bound || (uint32_t)next_rows[i] >= (uint64_t)bound)
            return MF_BAD_ROW;
        if (*(const uint32_t *)(cell + greedy) >= choices)
            return MF_BAD_ACTION;
        if (!over) {
            const uint32_t ahead = *(const uint32_t *)(next + greedy);
            if (ahead >= choices)
                return MF_BAD_ACTION;
            target += discount * ((const double *)next)[ahead];
        }
        before = *(int32_t *)(cell + greedy);
        /* What the other actions hold is known before this one's value is: nothing waits for a branch. */
        if (few)
            best = mf_greatest_but((const double *)cell, (int)few, action, &most);
        else if (others)
            best = others((const double *)cell, choices, action, &most);
        old = ((double *)cell)[action];
        value = old + rate * (target - old);
        if (!(fabs(value) <= DBL_MAX))
            return MF_BAD_VALUE;
        *(int32_t *)(cell + visits) += *(int32_t *)(cell + visits) < INT32_MAX;
        ((double *)cell)[action] = value;
        if (few || others) {
            /* All ones where the written action is the first of the greatest now. */
            const int32_t wins = -(int32_t)((value > most) | ((value == most) & ((int32_t)action < best)));
            best = (best & ~wins) | ((int32_t)action & wins);
        } else {
            best = mf_greatest_after((const double *)cell, choices, before, (int32_t)action, old);
        }
        *(int32_t *)(cell + greedy) = best;
        moved |= (uint32_t)(best ^ before);
    }
    *changed |= moved != 0;
    return MF_FINE;
}

#define MF_FEW_ACTIONS 8
#define MF_CASES(call) \
    switch (choices) { \
    case 1: return call(1); \
    case 2: return call(2); \
    case 3: return call(3); \
    case 4: return call(4); \
    case 5: return call(5); \
    case 6: return call(6); \
    case 7: return call(7); \
    default: return call(8); \
    }

MF_FUNCTION int mf_act(const mf_qlearning *c, int64_t choices, int64_t run, const int32_t *rows, const double *draws,
                       double level, int32_t *actions) {
#define MF_CALL(n) mf_act_of(c, run, rows, draws, level, actions, n)
    MF_CASES(MF_CALL)
#undef MF_CALL
}

MF_FUNCTION int mf_update(const mf_qlearning *c, int64_t choices, int64_t run, const int32_t *rows,
                          const int32_t *next_rows, const int32_t *actions, const double *rewards, int over,
                          double rate, double discount, uint8_t *changed) {
#define MF_CALL(n) mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, n, 0)
    MF_CASES(MF_CALL)
#undef MF_CALL
}

/* Any numbers of actions. */
MF_INLINE int mf_act_many(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws, double level,
                          int32_t *actions) {
    return mf_act_of(c, run, rows, draws, level, actions, 0);
}

MF_INLINE int mf_update_many(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                             const int32_t *actions, const double *rewards, int over, double rate, double discount,
                             uint8_t *changed) {
    return mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, 0, 0);
}

/* A place of a cell: an action value, or the greedy action and the visits. */
typedef union {
    double value;
    int32_t half[2];
} mf_place;

/* Where agents stand side by side: one after the other, by the leaf above, on copies of its two cells. */
MF_FUNCTION int mf_update_lanes(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                                const int32_t *actions, const double *rewards, int over, double rate, double discount,
                                uint8_t *changed) {
    mf_place pair[2][MF_FEW_ACTIONS + 1];
    mf_seat seat = {0, 0, 0, c->seats[0].choices};
    const int64_t choices = seat.choices, step = c->lanes * 8;
    const mf_qlearning one = {.led = 1, .seats = &seat, .bound = 2, .row_bytes = sizeof pair[0], .cells = (char *)pair,
                              .greedy = choices * 8, .visits = choices * 8 + 4};
    int64_t j, k, n;
    memset(pair, 0, sizeof pair);
    for (j = 0; j < c->led; j++) {
        const int64_t i = c->seats[j].agent, row = (uint32_t)rows[i], next = (uint32_t)next_rows[i];
        char *const cell = c->cells + run * c->run_bytes + c->seats[j].table;
        const int32_t here = row < c->bound ? 0 : 2, ahead = next < c->bound ? 1 : 2;
        int status;
        if (here == 0 && ahead == 1)
            for (n = 0; n < 2; n++)
                for (k = 0; k <= choices; k++)
                    memcpy(&pair[n][k], cell + (n ? next : row) * c->row_bytes + k * step, 8);
        status = mf_update_of(&one, 0, &here, &ahead, actions + i, rewards + i, over, rate, discount, changed, 0, 0);
        if (status)
            return status;
        for (k = 0; k <= choices; k++)
            memcpy(cell + row * c->row_bytes + k * step, &pair[0][k], 8);
    }
    return MF_FINE;
}

/* 8 to 16 actions of every agent that is led, on a processor with wide registers. */
#if MF_HAVE_AVX2_VARIANT
MF_FUNCTION MF_WIDE int mf_update_wide(const mf_qlearning *c, int64_t run, const int32_t *rows,
                                       const int32_t *next_rows, const int32_t *actions, const double *rewards,
                                       int over, double rate, double discount, uint8_t *changed) {
    return mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, 0,
                        mf_greatest_but_wide);
}
#else
MF_FUNCTION int mf_update_wide(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                               const int32_t *actions, const double *rewards, int over, double rate,
                               double discount, uint8_t *changed) {
    return mf_update_many(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed);
}
#endif

#endif
