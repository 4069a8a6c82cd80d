/* Epsilon-greedy Q-learning for the common case: all agents have the same few actions, and what belongs
 * to a cell lies side by side. The number of actions is a constant in each variant, so that comparing
 * them is unrolled; src/_td.pyx has the same rules for every other case, and gives the same bits. */
#ifndef MARLFAST_QLEARNING_H
#define MARLFAST_QLEARNING_H

#include "greatest.h"

typedef struct {
    int64_t agents;         /* of the whole team: the width of rows, actions and rewards */
    int64_t led;            /* agents that this learner leads */
    const int32_t *leads;   /* [led] which */
    const int64_t *table;   /* [agents] bytes from the start of a row to the agent's cell */
    int64_t bound;          /* rows of a run */
    int64_t row_bytes;      /* from one row to the next */
    int64_t run_bytes;      /* from one run to the next */
    char *cells;            /* action values of the first cell; below, from there: */
    int64_t greedy;         /* bytes to the greedy action, int32 */
    int64_t visits;         /* bytes to the visits, int32 */
    int64_t draws;          /* exploration draws per agent */
} mf_qlearning;

enum { MF_FINE = 0, MF_BAD_ACTION = 3, MF_BAD_DRAW = 4, MF_BAD_ROW = 5, MF_BAD_VALUE = 6 };

MF_INLINE int mf_act_of(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws, double level,
                        int32_t *actions, const uint32_t choices) {
    const char *cells = c->cells + run * c->run_bytes + c->greedy;
    const int32_t *leads = c->leads;
    const int64_t *table = c->table;
    const int64_t led = c->led, bound = c->bound, row_bytes = c->row_bytes, width = c->draws;
    int64_t j;
    for (j = 0; j < led; j++) {
        const int64_t i = leads[j];
        const double *draw = draws + i * width;
        const uint32_t row = (uint32_t)rows[i];
        /* Both actions, and a mask in place of a branch: whether an agent explores cannot be predicted. */
        const int explores = draw[0] < level;
        const uint32_t mask = 0u - (uint32_t)explores;
        const uint32_t random = (uint32_t)(int32_t)(draw[1] * (double)choices);
        const uint32_t known = *(const uint32_t *)(cells + (row < (uint64_t)bound ? row : 0u) * row_bytes + table[i]);
        const uint32_t action = (random & mask) | (known & ~mask);
        if (row >= (uint64_t)bound && !explores)
            return MF_BAD_ROW;
        if (action >= choices || (explores && !(draw[1] >= 0.0)))
            return explores ? MF_BAD_DRAW : MF_BAD_ACTION;
        actions[i] = (int32_t)action;
    }
    return MF_FINE;
}

MF_INLINE int mf_update_of(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                           const int32_t *actions, const double *rewards, const int over, const double rate,
                           const double discount, uint8_t *changed, const uint32_t choices) {
    char *cells = c->cells + run * c->run_bytes;
    const int32_t *leads = c->leads;
    const int64_t *table = c->table;
    const int64_t led = c->led, bound = c->bound, row_bytes = c->row_bytes, greedy = c->greedy, visits = c->visits;
    uint32_t moved = 0;
    int64_t j;
    for (j = 0; j < led; j++) {
        const int64_t i = leads[j];
        const uint32_t action = (uint32_t)actions[i];
        char *cell = cells + (uint32_t)rows[i] * row_bytes + table[i];
        const char *next = cells + (uint32_t)next_rows[i] * row_bytes + table[i];
        double target = rewards[i], old, value, most;
        int32_t best, before, wins;
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
        best = mf_greatest_but((const double *)cell, (int)choices, action, &most);
        before = *(int32_t *)(cell + greedy);
        old = ((double *)cell)[action];
        value = old + rate * (target - old);
        if (value - value != 0.0)
            return MF_BAD_VALUE;
        ((double *)cell)[action] = value;
        *(int32_t *)(cell + visits) += *(int32_t *)(cell + visits) < INT32_MAX;
        /* All ones where the written action is the first of the greatest now. */
        wins = -(int32_t)((value > most) | ((value == most) & ((int32_t)action < best)));
        best = (best & ~wins) | ((int32_t)action & wins);
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
#define MF_CALL(n) mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, n)
    MF_CASES(MF_CALL)
#undef MF_CALL
}

#endif
