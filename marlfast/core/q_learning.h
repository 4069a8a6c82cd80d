/* Epsilon-greedy Q-learning for the common case: what belongs to a cell lies side by side. Where all agents
 * have the same few actions, their number is a constant in each variant, so that comparing them is unrolled;
 * src/_q_learning.pyx has the same rules for every other case, and gives the same bits. */
#ifndef MARLFAST_QLEARNING_H
#define MARLFAST_QLEARNING_H

#include <float.h>
#include <math.h>

#include "explore.h"

typedef struct {            /* of an agent that this learner controls */
    int64_t agent;          /* its number in the team: its place in rows, actions and rewards */
    int64_t table;          /* bytes from the start of a row to its cell */
    int64_t draw;           /* place of its first draw among those of the team */
    int64_t n_actions;        /* how many actions it has */
} mf_agent;

typedef struct {
    int64_t n_ids;            /* agents that this learner controls */
    const mf_agent *agents;   /* [n_ids] */
    int64_t bound;          /* rows of a run */
    int64_t row_bytes;      /* from one row to the next */
    int64_t run_bytes;      /* from one run to the next */
    char *cells;            /* action values of the first cell; below, from there: */
    int64_t greedy;         /* bytes to the greedy action, int32 */
    int64_t visits;         /* bytes to the visits, int32 */
    int64_t lanes;          /* 0; or the agents of a row stand side by side: [A + 1][lanes], A of at most 8 for all */
    uint32_t around;        /* all ones where the greedy action stays until another is greater, else 0: the first is it */
    uint32_t drawn;         /* 1 where one of several greatest is drawn at each use */
    int64_t rule;           /* below */
    const double *second;   /* [R] the rate of a rule that has two */
    const double *epsilon;  /* [R] in force, of a rule that judges by what is played */
} mf_qlearning;

enum { MF_FINE = 0, MF_BAD_ACTION = 3, MF_BAD_DRAW = 4, MF_BAD_ROW = 5, MF_BAD_VALUE = 6 };

/* The rules. Each says what the successor is worth, and what a value becomes; all else is the same for all of them:
 *
 *     Q-learning      ahead = max q[next]                          q += rate * (target - q)
 *     expected SARSA  ahead = mean of q[next] under the policy     as Q-learning
 *     distributed     as Q-learning                                q = max(q, target)
 *     hysteretic      as Q-learning                                q += (target < q ? second : rate) * (target - q)
 *
 * where target = reward + discount * ahead. */
enum { MF_Q = 0, MF_EXPECTED = 1, MF_DISTRIBUTED = 2, MF_HYSTERETIC = 3 };

/* Of one number, or of one register. */
#define MF_TARGET(reward, discount, ahead) ((reward) + (discount) * (ahead))
#define MF_MOVED(old, rate, target) ((old) + (rate) * ((target) - (old)))

/* By what a rule learns, in one step of one run. */
typedef struct {
    double rate, second, discount, epsilon;
} mf_pace;

MF_INLINE mf_pace mf_pace_of(const mf_qlearning *c, int64_t run, double rate, double discount, const int rule) {
    mf_pace pace;
    pace.rate = rate;
    pace.discount = discount;
    pace.second = rule == MF_HYSTERETIC ? c->second[run] : rate;
    pace.epsilon = rule == MF_EXPECTED ? c->epsilon[run] : 0.0;
    return pace;
}

/* Expected action value if any action, each as likely, is taken with probability epsilon, else `best`. */
MF_INLINE double mf_expected(const double *q, int64_t n_actions, int64_t best, double epsilon) {
    /* Four sums side by side: one would wait for itself at every action. */
    double first = 0.0, second = 0.0, third = 0.0, fourth = 0.0;
    int64_t a;
    for (a = 0; a + 4 <= n_actions; a += 4) {
        first += q[a];
        second += q[a + 1];
        third += q[a + 2];
        fourth += q[a + 3];
    }
    if (a < n_actions)
        first += q[a];
    if (a + 1 < n_actions)
        second += q[a + 1];
    if (a + 2 < n_actions)
        third += q[a + 2];
    return (1.0 - epsilon) * q[best] + epsilon * (((first + second) + (third + fourth)) / (double)n_actions);
}

/* What a successor is worth. */
MF_INLINE double mf_ahead(const double *q, int64_t n_actions, int64_t best, double epsilon, const int rule) {
    return rule == MF_EXPECTED ? mf_expected(q, n_actions, best, epsilon) : q[best];
}

/* What a value becomes; of the distributed rule, if it is more than that. */
MF_INLINE double mf_moved(double old, double rate, double second, double target, const int rule) {
    if (rule == MF_DISTRIBUTED)
        return target;
    if (rule == MF_HYSTERETIC)
        return MF_MOVED(old, target - old >= 0.0 ? rate : second, target);
    return MF_MOVED(old, rate, target);
}

/* Below, `few` is the number of actions of all agents, or 0 where each has its own; `scan` and `tie`, for 8 to 16 of them
 * on a processor with wide registers, are how they are compared; else they are empty: all constants. */

/* What one agent does; `lost`: all ones where its row is none, 0 else. A status. */
MF_INLINE int mf_act_one(const char *cell, const int64_t greedy, const uint32_t n_actions, const uint32_t lost,
                         const double *draw, const mf_chance *chance, const int drawn, mf_tie *tie, int32_t *taken) {
    const uint32_t explores = 0u - (uint32_t)(draw[0] < chance->bound);
    uint32_t known = *(const uint32_t *)(cell + greedy), action;
    if (drawn && tie && explores) { /* there is much to compare, and later seldom a surprise */
        action = (uint32_t)mf_random_choice(chance, draw, (int32_t)n_actions);
    } else {
        /* Both actions, and masks in place of branches: whether an agent explores cannot be predicted. */
        const uint32_t random = (uint32_t)mf_random_choice(chance, draw, (int32_t)n_actions);
        if (drawn && known < n_actions)
            known = (uint32_t)(tie ? tie : mf_tied)((const double *)cell, n_actions, known, mf_tie_share(chance, draw));
        action = (random & explores) | ((known | lost) & ~explores);
    }
    *taken = (int32_t)action;
    return action < n_actions ? MF_FINE : explores ? MF_BAD_DRAW : lost ? MF_BAD_ROW : MF_BAD_ACTION;
}

/* What one agent learns in a cell, of another that comes next; whether its greedy action changed, in `moved`. `rule` is
 * a constant where speed matters. A status. */
MF_INLINE int mf_update_one(char *cell, const char *next, const int64_t greedy, const int64_t visits,
                            const uint32_t n_actions, const uint32_t action, double target, const int over,
                            const mf_pace pace, const uint32_t around, const uint32_t few, const int rule,
                            const mf_scan scan, uint32_t *moved) {
    const int32_t before = *(int32_t *)(cell + greedy);
    double old, value, most = 0.0;
    int32_t best = 0;
    if ((uint32_t)before >= n_actions)
        return MF_BAD_ACTION;
    if (!over) {
        const uint32_t ahead = *(const uint32_t *)(next + greedy);
        if (ahead >= n_actions)
            return MF_BAD_ACTION;
        target = MF_TARGET(target, pace.discount, mf_ahead((const double *)next, n_actions, ahead, pace.epsilon, rule));
    }
    if (rule == MF_DISTRIBUTED) {
        /* The policy changes only where the greatest value rises, so that all agents keep to one optimum. */
        value = mf_moved(0.0, 0.0, 0.0, target, rule);
        if (!(fabs(value) <= DBL_MAX))
            return MF_BAD_VALUE;
        *(int32_t *)(cell + visits) += *(int32_t *)(cell + visits) < INT32_MAX;
        if (value > ((double *)cell)[action]) {
            if (action != (uint32_t)before && value > ((double *)cell)[before]) {
                *(int32_t *)(cell + greedy) = (int32_t)action;
                *moved = 1;
            }
            ((double *)cell)[action] = value;
        }
        return MF_FINE;
    }
    /* What the other actions hold is known before this one's value is: nothing waits for a branch. */
    if (few)
        best = mf_greatest_but((const double *)cell, (int)few, action, action & around, &most);
    else if (scan.most_but && action == (uint32_t)before)
        most = scan.most_but((const double *)cell, n_actions, before);
    old = ((double *)cell)[action];
    value = mf_moved(old, pace.rate, pace.second, target, rule);
    if (!(fabs(value) <= DBL_MAX))
        return MF_BAD_VALUE;
    *(int32_t *)(cell + visits) += *(int32_t *)(cell + visits) < INT32_MAX;
    ((double *)cell)[action] = value;
    if (few) {
        /* All ones where the written action is the greedy one now: of equals the incumbent is, or the first. */
        const uint32_t same = 0u - (uint32_t)((int32_t)action == before);
        const uint32_t first = 0u - (uint32_t)((int32_t)action < best);
        const uint32_t keeps = (same & around) | (first & ~around);
        const int32_t wins = -(int32_t)((value > most) | ((value == most) & keeps & 1u));
        best = (int32_t)(((uint32_t)before & around & ~same) | ((uint32_t)best & ~(around & ~same)));
        best = (best & ~wins) | ((int32_t)action & wins);
        if (best != before) { /* written seldom: what is read next need not wait for it */
            *(int32_t *)(cell + greedy) = best;
            *moved = 1;
        }
        return MF_FINE;
    }
    /* Whether the greatest value falls cannot be predicted; that it seldom falls below another, can. */
    if (scan.most_but && action == (uint32_t)before) {
        if (value > most || (value == most && around))
            return MF_FINE;
        best = scan.from((const double *)cell, n_actions, (int32_t)(action & around));
    } else {
        best = mf_greedy_after((const double *)cell, n_actions, before, (int32_t)action, old, around);
    }
    if (best != before) {
        *(int32_t *)(cell + greedy) = best;
        *moved = 1;
    }
    return MF_FINE;
}

MF_INLINE int mf_act_of(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws,
                        const mf_chance *chance, int32_t *actions, const uint32_t few, const int drawn,
                        mf_tie *tie) {
    const char *cells = c->cells + run * c->run_bytes;
    const int64_t bound = c->bound, row_bytes = c->row_bytes, greedy = c->greedy;
    const mf_agent *own = c->agents, *end = own + c->n_ids;
    for (; own < end; own++) {
        const uint32_t row = (uint32_t)rows[own->agent], lost = 0u - (uint32_t)(row >= (uint64_t)bound);
        int32_t action;
        const int status = mf_act_one(cells + (row & ~lost) * row_bytes + own->table, greedy,
                                      few ? few : (uint32_t)own->n_actions, lost, draws + own->draw, chance, drawn, tie,
                                      &action);
        if (status)
            return status;
        actions[own->agent] = action;
    }
    return MF_FINE;
}

MF_INLINE int mf_update_of(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                           const int32_t *actions, const double *rewards, const int over, const double rate,
                           const double discount, uint8_t *changed, const uint32_t few, const int rule,
                           const mf_scan scan) {
    const mf_pace pace = mf_pace_of(c, run, rate, discount, rule);
    char *cells = c->cells + run * c->run_bytes;
    const int64_t bound = c->bound, row_bytes = c->row_bytes;
    const mf_agent *own = c->agents, *end = own + c->n_ids;
    uint32_t moved = 0;
    for (; own < end; own++) {
        const int64_t i = own->agent;
        const uint32_t n_actions = few ? few : (uint32_t)own->n_actions, action = (uint32_t)actions[i];
        int status;
        if (action >= n_actions)
            return MF_BAD_ACTION;
        if ((uint32_t)rows[i] >= (uint64_t)bound || (uint32_t)next_rows[i] >= (uint64_t)bound)
            return MF_BAD_ROW;
        status = mf_update_one(cells + (uint32_t)rows[i] * row_bytes + own->table,
                               cells + (uint32_t)next_rows[i] * row_bytes + own->table, c->greedy, c->visits, n_actions,
                               action, rewards[i], over, pace, c->around, few, rule, scan, &moved);
        if (status)
            return status;
    }
    *changed |= moved != 0;
    return MF_FINE;
}

#define MF_FEW_ACTIONS 8
#define MF_CASES(call) \
    switch (c->agents->n_actions) { \
    case 1: return call(1); \
    case 2: return call(2); \
    case 3: return call(3); \
    case 4: return call(4); \
    case 5: return call(5); \
    case 6: return call(6); \
    case 7: return call(7); \
    default: return call(8); \
    }

/* As many actions for every agent that is controlled, and few. */
MF_FUNCTION int mf_act_few(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws,
                           const mf_chance *chance, int32_t *actions) {
#define MF_CALL(n) \
    (c->drawn ? mf_act_of(c, run, rows, draws, chance, actions, n, 1, 0) \
              : mf_act_of(c, run, rows, draws, chance, actions, n, 0, 0))
    MF_CASES(MF_CALL)
#undef MF_CALL
}

/* Any rule, any numbers of actions. */
MF_FUNCTION int mf_update_rule(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                               const int32_t *actions, const double *rewards, int over, double rate, double discount,
                               uint8_t *changed) {
    return mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, 0, (int)c->rule,
                        mf_no_scan);
}

MF_FUNCTION int mf_update_few(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                              const int32_t *actions, const double *rewards, int over, double rate, double discount,
                              uint8_t *changed) {
#define MF_CALL(n) \
    mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, n, MF_Q, mf_no_scan)
    if (c->rule != MF_Q)
        return mf_update_rule(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed);
    MF_CASES(MF_CALL)
#undef MF_CALL
}

/* Any numbers of actions. */
MF_INLINE int mf_act_many(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws,
                          const mf_chance *chance, int32_t *actions) {
    return c->drawn ? mf_act_of(c, run, rows, draws, chance, actions, 0, 1, 0)
                    : mf_act_of(c, run, rows, draws, chance, actions, 0, 0, 0);
}

MF_INLINE int mf_update_many(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                             const int32_t *actions, const double *rewards, int over, double rate, double discount,
                             uint8_t *changed) {
    if (c->rule != MF_Q)
        return mf_update_rule(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed);
    return mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, 0, MF_Q, mf_no_scan);
}

/* A place of a cell: an action value, or the greedy action and the visits. */
typedef union {
    double value;
    int32_t half[2];
} mf_place;

/* Acting where agents stand side by side: one after the other, by the leaf above, on copies of their cells. */
MF_FUNCTION int mf_act_lanes(const mf_qlearning *c, int64_t run, const int32_t *rows, const double *draws,
                             const mf_chance *chance, int32_t *actions) {
    mf_place cell[MF_FEW_ACTIONS + 1];
    int64_t j, k;
    memset(cell, 0, sizeof cell);
    for (j = 0; j < c->n_ids; j++) {
        const int64_t i = c->agents[j].agent, row = (uint32_t)rows[i], n_actions = c->agents[j].n_actions;
        const mf_agent own = {0, 0, c->agents[j].draw, n_actions};
        const mf_qlearning one =
        {.n_ids = 1, .agents = &own, .bound = 1, .row_bytes = sizeof cell, .cells = (char *)cell,
                                  .greedy = n_actions * 8, .drawn = c->drawn};
        const int32_t here = row < c->bound ? 0 : 1;
        int status;
        for (k = 0; here == 0 && k <= n_actions; k++)
            memcpy(&cell[k], c->cells + run * c->run_bytes + row * c->row_bytes + c->agents[j].table + k * c->lanes * 8,
                   8);
        status = mf_act_of(&one, 0, &here, draws, chance, actions + i, 0, c->drawn != 0, 0);
        if (status)
            return status;
    }
    return MF_FINE;
}

/* Where agents stand side by side: one after the other, by the leaf above, on copies of its two cells. */
MF_FUNCTION int mf_update_lanes(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                                const int32_t *actions, const double *rewards, int over, double rate, double discount,
                                uint8_t *changed) {
    mf_place pair[2][MF_FEW_ACTIONS + 1];
    mf_agent own = {0, 0, 0, c->agents[0].n_actions};
    const int64_t n_actions = own.n_actions, step = c->lanes * 8;
    const mf_qlearning one = {.n_ids = 1, .agents = &own, .bound = 2, .row_bytes = sizeof pair[0],
                              .cells = (char *)pair,
                              .greedy = n_actions * 8, .visits = n_actions * 8 + 4, .around = c->around,
                              .rule = c->rule, .second = c->second ? c->second + run : 0,
                              .epsilon = c->epsilon ? c->epsilon + run : 0};
    int64_t j, k, n;
    memset(pair, 0, sizeof pair);
    for (j = 0; j < c->n_ids; j++) {
        const int64_t i = c->agents[j].agent, row = (uint32_t)rows[i], next = (uint32_t)next_rows[i];
        char *const cell = c->cells + run * c->run_bytes + c->agents[j].table;
        const int32_t here = row < c->bound ? 0 : 2, ahead = next < c->bound ? 1 : 2;
        int status;
        if (here == 0 && ahead == 1)
            for (n = 0; n < 2; n++)
                for (k = 0; k <= n_actions; k++)
                    memcpy(&pair[n][k], cell + (n ? next : row) * c->row_bytes + k * step, 8);
        status = mf_update_rule(&one, 0, &here, &ahead, actions + i, rewards + i, over, rate, discount, changed);
        if (status)
            return status;
        for (k = 0; k <= n_actions; k++)
            memcpy(cell + row * c->row_bytes + k * step, &pair[0][k], 8);
    }
    return MF_FINE;
}

/* 8 to 16 actions of every agent that is controlled, on a processor with wide registers. */
#if MF_HAVE_AVX2_VARIANT
MF_FUNCTION MF_WIDE int mf_update_wide(const mf_qlearning *c, int64_t run, const int32_t *rows,
                                       const int32_t *next_rows, const int32_t *actions, const double *rewards,
                                       int over, double rate, double discount, uint8_t *changed) {
    if (c->rule != MF_Q)
        return mf_update_rule(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed);
    return mf_update_of(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed, 0, MF_Q, mf_scan_wide);
}
#else
MF_FUNCTION int mf_update_wide(const mf_qlearning *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                               const int32_t *actions, const double *rewards, int over, double rate,
                               double discount, uint8_t *changed) {
    return mf_update_many(c, run, rows, next_rows, actions, rewards, over, rate, discount, changed);
}
#endif

#endif
