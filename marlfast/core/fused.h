/* The fused loop: draws, acting, the game's step, encoding, rewards, learning, schedules and books of Q-learners in
 * one function, from one template. src/_loop.pyx has the staged loop, which serves everything and gives the same bits.
 *
 * Whoever includes this header instantiates the template, and defines the hooks below: how the game is stepped, its
 * observations encoded, and so on (marlfast/core/fused.pxi does that by the pointers of operations.pxd; a game that
 * is worth it puts its own leaf in their place). What is the same for a whole block is a constant of an instance, or
 * a branch that is always taken the same way. */
#ifndef MARLFAST_FUSED_H
#define MARLFAST_FUSED_H

#include "q_learning.h"

enum { MF_BAD_REWARD = 2, MF_AMOUNTS = 4, MF_PAD = 8 };

typedef struct mf_fused {
    /* Of the session. */
    void *parts;                /* what the hooks work on */
    const mf_qlearning *learner;
    int64_t n_agents;             /* N; the learner controls all of them */
    int64_t few;                /* actions of every agent, where they are at most 8; else 0 */
    int64_t one_row;            /* 1: all agents see the same, and are few; they act and learn in order */
    int64_t wide;               /* 1: 8 to 16 actions, and a processor with wide registers */
    int64_t explore, step_uniforms, step_normals;       /* draws of a step */
    int64_t horizon, horizon_ends, max_steps, max_stable;
    int64_t strict;             /* explore iff u < epsilon; else iff u <= epsilon */
    int64_t several;            /* 1: one draw says whether an agent explores, another what it does then */
    int64_t lanes;              /* agents of a row of the table, padded, where they stand in lanes; else 0 */
    int64_t observes;           /* 0: the state is what is seen */
    int64_t ticks;              /* schedules may tick: 1 at the end of an episode, 2 after each step */
    int64_t paid;               /* 1: rewards take more than the amounts below */
    int64_t amounts;            /* components that add what only depends on how many different actions were taken */
    const double *amount[MF_AMOUNTS];   /* [N + 1] */
    const double *rate, *discount, *epsilon;            /* [R] in force */
    const int64_t *stable_after;        /* [R] steps that do not count as steps without a change */
    const int64_t *used;        /* [R] rows in use of an encoder that grows; NULL: all exist */
    int64_t fits;               /* as many may be in use for a step to find room */
    int64_t kind;               /* of the encoder, where its leaf stands in the hooks; else 0 */
    int64_t foreign;            /* 1: draws come from outside, and may be anything */
    int64_t state_size;
    int64_t record_every;       /* episodes that share an entry of the records; 0: nothing is recorded */
    int64_t start_uniforms, start_normals;              /* draws of a start */
    /* Of the run under way. */
    int64_t run;
    double *state, *observation;
    double *raw, *rewards;      /* [N], room for MF_PAD at least */
    int32_t *actions;           /* the same */
    int32_t *rows, *next_rows;  /* [N], exchanged at every step; room for MF_PAD at least */
    int64_t *steps, *episodes, *episode_steps, *stable, *fault;
    double *episode_return, *episode_shaped;            /* [N] */
    /* Of one call. */
    int64_t more;               /* episodes that may begin before the loop is left */
    const double *uniforms, *normals;                   /* draws of the first of their starts; others follow */
    double *returns, *shaped_returns;                   /* [N] the entry under way */
    int64_t *length;            /* the same */
    int64_t entered;            /* episodes that it holds */
    uint8_t terminated, truncated, ended, full;         /* full: the encoder may have no room for another step */
} mf_fused;

/* Takes the run up to `count` steps further: to the end of an episode after which no other may begin here, to where a
 * rule stops it, to where it needs room, or to a failure, whose status it returns. The draws of the first of these
 * steps: others follow. */
typedef int mf_advance(mf_fused *f, int64_t count, const double *explore, const double *uniforms,
                       const double *normals);

/* The hooks. Those that return an int return a status; they work on the run under way. Numbers of agents and of state
 * variables are constants in some instances. */
MF_INLINE int mf_hook_play(mf_fused *f, int64_t n_agents, int64_t size, double *state, const int32_t *actions,
                           const double *uniforms, const double *normals, double *raw, uint8_t *terminated);
MF_INLINE int mf_hook_start(mf_fused *f, int64_t n_agents, int64_t size, double *state, const double *uniforms,
                            const double *normals);
/* The same from one whole number to the next, which it returns, or minus a status; which number a state is, or -1. */
MF_INLINE int64_t mf_hook_turn(mf_fused *f, int64_t n_agents, int64_t here, const int32_t *actions,
                               const double *uniforms, double *raw, uint8_t *terminated);
MF_INLINE int64_t mf_hook_number(const mf_fused *f, const double *state);
MF_INLINE int mf_hook_observe(mf_fused *f);
MF_INLINE int mf_hook_encode(mf_fused *f, int32_t *rows);
/* The same, where all agents are in one row; what is seen has so many features, or (0) as many as the encoder takes. */
MF_INLINE int mf_hook_encode_one(mf_fused *f, int64_t features, const double *observation, int64_t *row);
MF_INLINE int64_t mf_hook_distinct(int64_t n_agents, const int32_t *actions);
MF_INLINE int mf_hook_pay(mf_fused *f);
MF_INLINE void mf_hook_tick(mf_fused *f);

/* ---- books: what every instance does between its own parts ---- */

/* By what agents explore, as long as their epsilon stays as it is. */
MF_INLINE mf_chance mf_fused_chance(const mf_fused *f) {
    return mf_epsilon(f->epsilon[f->run], (int)f->strict, (int)f->several);
}

/* A span of steps between which nothing has to be looked at: how long it may be, and how its last step ends. */
typedef struct {
    int64_t length;
    int64_t counts;     /* all ones: steps count as such without a change; 0: not yet */
    uint8_t ends;       /* 1: its last step is the last of the episode, and then the game */
    uint8_t terminal;   /* is over */
} mf_span;

MF_INLINE mf_span mf_fused_span(const mf_fused *f, int64_t length, int64_t steps, int64_t episode_steps,
                                int64_t stable, int64_t after) {
    mf_span span;
    if (f->max_steps - steps < length)
        length = f->max_steps - steps;
    if (f->max_stable - stable < length)
        length = f->max_stable - stable;
    if (after > steps && after - steps < length)
        length = after - steps;
    if (length < 1)
        length = 1;
    span.ends = f->horizon > episode_steps && f->horizon - episode_steps <= length;
    span.length = span.ends ? f->horizon - episode_steps : length;
    span.terminal = span.ends & (uint8_t)f->horizon_ends;
    span.counts = after > steps ? 0 : -1;
    return span;
}

/* Writes down the episode that is over, of `agents` agents. */
MF_INLINE void mf_fused_record(mf_fused *f, int64_t n_agents, int64_t length, double *returns, double *shaped) {
    int64_t i;
    if (f->record_every) {
        const int whole = ++f->entered == f->record_every;
        *f->length += length;
        for (i = 0; i < n_agents; i++) {
            f->returns[i] += returns[i];
            f->shaped_returns[i] += shaped[i];
        }
        if (whole) {
            for (i = 0; i < n_agents && f->record_every > 1; i++) {
                f->returns[i] = f->returns[i] / (double)f->record_every;
                f->shaped_returns[i] = f->shaped_returns[i] / (double)f->record_every;
            }
            f->entered = 0;
            f->returns += n_agents;
            f->shaped_returns += n_agents;
            f->length++;
        }
    }
    ++*f->episodes;
    --f->more;
}

MF_FUNCTION int mf_fused_bad_reward(const mf_fused *f, const double *raw) {
    int64_t i;
    for (i = 0; i < f->n_agents; i++)
        if (raw[i] - raw[i] != 0.0) {
            *f->fault = i;
            break;
        }
    return MF_BAD_REWARD;
}

/* What an instance knows of its sessions, in bits. */
enum {
    MF_ANYTHING = 0,
    MF_STATE_SEEN = 1,  /* the state is what is seen, the encoder does not grow, and rewards take no more than amounts */
    MF_NUMBERED = 2     /* and it is one whole number, which is its row; nor are there amounts */
};
enum { MF_GRID = 1, MF_DISCRETE = 2 };  /* kinds of encoders, as in operations.pxd */

#define MF_STATE_MOST 4

MF_INLINE int mf_state_seen(const mf_fused *f) {
    return f->learner->rule == MF_Q && !f->observes && !f->used && !f->paid && f->kind && f->state_size <= MF_STATE_MOST;
}

/* Whether states are numbers that are their own rows, as they are where the run stands. */
MF_INLINE int mf_numbered(const mf_fused *f) {
    return mf_state_seen(f) && f->kind == MF_DISCRETE && f->state_size == 1 && !f->amounts &&
           mf_hook_number(f, f->state) == f->rows[0];
}

/* ---- the template, one agent after the other ---- */

/* An mf_advance; `few`, `scan` and `tie` as in q_learning's leaves: constants. */
MF_INLINE int mf_fused_each(mf_fused *f, const int64_t count, const double *explore, const double *uniforms,
                            const double *normals, const uint32_t few, const int rule, const mf_scan scan, mf_tie *tie) {
    const mf_qlearning c = *f->learner;
    const int64_t run = f->run, n_agents = f->n_agents, first = *f->steps, size = f->state_size;
    const int64_t after = f->stable_after[run], ticks = f->ticks;
    const double discount = f->discount[run];
    double *const raw = f->raw, *const rewards = f->rewards;
    mf_chance chance = mf_fused_chance(f);
    double rate = f->rate[run];
    int64_t steps = first, episode_steps = *f->episode_steps, stable = *f->stable, i, k;
    int status = MF_FINE;
    f->ended = f->full = 0;
    while (steps - first < count) {
        const mf_span span = mf_fused_span(f, count - (steps - first), steps, episode_steps, stable, after);
        int64_t left = span.length;
        while (left) {
            double finite = 0.0;
            uint8_t changed = 0;
            int last;
            if (f->used && f->used[run] > f->fits) {
                f->full = 1;
                break;
            }
            status = mf_act_of(&c, run, f->rows, explore, &chance, f->actions, few, c.drawn != 0, tie);
            if (status)
                break;
            status = mf_hook_play(f, n_agents, size, f->state, f->actions, uniforms, normals, raw, &f->terminated);
            if (status)
                break;
            if (f->observes) {
                status = mf_hook_observe(f);
                if (status)
                    break;
            }
            for (i = 0; i < n_agents; i++)
                finite += raw[i] * 0.0;
            if (finite != 0.0) {
                status = mf_fused_bad_reward(f, raw);
                break;
            }
            last = --left == 0 && span.ends;
            f->truncated = last & !f->terminated & !span.terminal;
            f->terminated |= last & span.terminal;
            status = mf_hook_encode(f, f->next_rows);
            if (status)
                break;
            if (f->paid) {
                status = mf_hook_pay(f);
                if (status)
                    break;
            } else {
                const int64_t distinct = f->amounts ? mf_hook_distinct(n_agents, f->actions) : 0;
                if (distinct < 0) {
                    status = MF_BAD_ACTION;
                    break;
                }
                for (i = 0; i < n_agents; i++)
                    rewards[i] = raw[i];
                for (k = 0; k < f->amounts; k++)
                    for (i = 0; i < n_agents; i++)
                        rewards[i] += f->amount[k][distinct];
            }
            status = mf_update_of(&c, run, f->rows, f->next_rows, f->actions, rewards, f->terminated, rate, discount,
                                  &changed, few, rule, scan);
            if (status)
                break;
            f->ended = f->terminated | last;
            if (ticks > !f->ended) {
                mf_hook_tick(f);
                chance = mf_fused_chance(f);
                rate = f->rate[run];
            }
            stable = (changed ? 1 : stable + 1) & span.counts;
            for (i = 0; i < n_agents; i++) {
                f->episode_return[i] += raw[i];
                f->episode_shaped[i] += rewards[i];
            }
            explore += f->explore;
            uniforms += f->step_uniforms;
            normals += f->step_normals;
            if (f->ended)
                break;
            {
                int32_t *const rows = f->rows;
                f->rows = f->next_rows;
                f->next_rows = rows;
            }
        }
        steps += span.length - left;
        episode_steps += span.length - left;
        if (status || f->full || steps >= f->max_steps || stable >= f->max_stable)
            break;
        if (f->ended) {
            if (f->more == 0)
                break;
            mf_fused_record(f, n_agents, episode_steps, f->episode_return, f->episode_shaped);
            for (i = 0; i < n_agents; i++)
                f->episode_return[i] = f->episode_shaped[i] = 0.0;
            episode_steps = 0;
            f->ended = 0;
            status = mf_hook_start(f, n_agents, size, f->state, f->uniforms, f->normals);
            f->uniforms += f->start_uniforms;
            f->normals += f->start_normals;
            if (status == MF_FINE && f->observes)
                status = mf_hook_observe(f);
            if (status == MF_FINE)
                status = mf_hook_encode(f, f->rows);
            if (status)
                break;
        }
    }
    *f->steps = steps;
    *f->episode_steps = episode_steps;
    *f->stable = stable;
    return status;
}

/* ---- the template, one agent after the other, all in one row ---- */

/* Whether the cells of a row are those of agents with A actions each, one after the other, and nothing else. */
MF_INLINE int mf_shaped(const mf_fused *f, int64_t n_agents, int64_t A) {
    const mf_qlearning *c = f->learner;
    int64_t i, same = c->row_bytes == n_agents * (A + 1) * 8 && c->greedy == A * 8 && c->visits == A * 8 + 4;
    for (i = 0; i < n_agents; i++)
        same &= c->agents[i].n_actions == A && c->agents[i].table == i * (A + 1) * 8 &&
                c->agents[i].draw == i * (f->explore / n_agents);
    return (int)same && f->explore == n_agents * (f->several ? 2 : 1);
}

/* As mf_fused_each, where the state is known to be what is seen; the number of agents and `size` are constants, and so
 * may be that of actions, A (else 0), and `each`: draws of an agent, 1 where ties are drawn and 2 where they are not. */
MF_INLINE int mf_fused_row(mf_fused *f, const int64_t count, const double *explore, const double *uniforms,
                           const double *normals, const int64_t n_agents, const int64_t size, const int known,
                           const uint32_t few, const uint32_t A, const int each, const mf_scan scan, mf_tie *tie) {
    const int numbered = known & MF_NUMBERED;
    const mf_qlearning c = *f->learner;
    const int64_t run = f->run, first = *f->steps, ticks = f->ticks, amounts = numbered ? 0 : f->amounts, bound = c.bound;
    const int64_t after = f->stable_after[run], row_bytes = A ? n_agents * (A + 1) * 8 : c.row_bytes;
    const int64_t greedy = A ? A * 8 : c.greedy, visits = A ? A * 8 + 4 : c.visits;
    const int64_t explores_step = A ? n_agents * each : f->explore;
    const int64_t uniforms_step = f->step_uniforms, normals_step = f->step_normals;
    const uint32_t around = c.around;
    const int drawn = A ? each == 1 : c.drawn != 0;
    const double discount = f->discount[run];
    char *const cells = c.cells + run * c.run_bytes;
    double state[MF_STATE_MOST] = {0.0}, raw[MF_PAD] = {0.0}, rewards[MF_PAD] = {0.0};
    double returns[MF_PAD] = {0.0}, shaped[MF_PAD] = {0.0};
    int64_t table[MF_PAD], draw[MF_PAD];
    uint32_t n[MF_PAD];
    int32_t actions[MF_PAD] = {0};
    uint8_t terminated = 0;
    mf_chance chance = A ? mf_epsilon(f->epsilon[run], (int)f->strict, each == 2) : mf_fused_chance(f);
    double rate = f->rate[run];
    int64_t steps = first, episode_steps = *f->episode_steps, stable = *f->stable, i, k;
    int64_t at = (uint32_t)f->rows[0], row = 0, now = -1;  /* now: the state's number, if it is no longer `state` */
    uint32_t lost = 0u - (uint32_t)(at >= bound);
    int status = MF_FINE, ended = 0;
MF_UNROLL
    for (i = 0; i < n_agents; i++) {
        table[i] = A ? i * (A + 1) * 8 : c.agents[i].table;
        draw[i] = A ? i * each : c.agents[i].draw;
        n[i] = few ? few : A ? A : (uint32_t)c.agents[i].n_actions;
        returns[i] = f->episode_return[i];
        shaped[i] = f->episode_shaped[i];
    }
    for (k = 0; k < size; k++)
        state[k] = f->state[k];
    f->ended = f->full = 0;
    while (steps - first < count) {
        const mf_span span = mf_fused_span(f, count - (steps - first), steps, episode_steps, stable, after);
        int64_t left = span.length;
        while (left) {
            char *const here = cells + (lost ? 0 : at) * row_bytes;
            const char *next;
            double finite = 0.0;
            mf_pace pace;
            uint32_t moved = 0;
MF_UNROLL
            for (i = 0; i < n_agents && status == MF_FINE; i++)
                status = mf_act_one(here + table[i], greedy, n[i], lost, explore + draw[i], &chance, drawn, tie,
                                    actions + i);
            if (status)
                break;
            if (numbered) {
                row = mf_hook_turn(f, n_agents, at, actions, uniforms, raw, &terminated);
                status = row < 0 ? (int)-row : MF_FINE;
                now = row < 0 ? now : row;
            } else {
                status = mf_hook_play(f, n_agents, size, state, actions, uniforms, normals, raw, &terminated);
            }
            if (status)
                break;
MF_UNROLL
            for (i = 0; i < n_agents; i++)
                finite += raw[i] * 0.0;
            if (finite != 0.0) {
                status = mf_fused_bad_reward(f, raw);
                break;
            }
            ended = --left == 0 && span.ends;
            terminated |= ended & span.terminal;
            ended |= terminated;
            if (!numbered)
                status = mf_hook_encode_one(f, size, state, &row);
            if (status)
                break;
MF_UNROLL
            for (i = 0; i < n_agents; i++)
                rewards[i] = raw[i];
            if (amounts) {
                const int64_t distinct = mf_hook_distinct(n_agents, actions);
                if (distinct < 0) {
                    status = MF_BAD_ACTION;
                    break;
                }
                for (k = 0; k < amounts; k++)
MF_UNROLL
                    for (i = 0; i < n_agents; i++)
                        rewards[i] += f->amount[k][distinct];
            }
            if (lost || (uint64_t)row >= (uint64_t)bound) {
                status = MF_BAD_ROW;
                break;
            }
            next = cells + row * row_bytes;
            pace = mf_pace_of(&c, run, rate, discount, MF_Q);
MF_UNROLL
            for (i = 0; i < n_agents && status == MF_FINE; i++)
                status = mf_update_one(here + table[i], next + table[i], greedy, visits, n[i], (uint32_t)actions[i],
                                       rewards[i], terminated, pace, around, few, MF_Q, scan, &moved);
            if (status)
                break;
            if (ticks > !ended) {
                f->ended = (uint8_t)ended;
                mf_hook_tick(f);
                chance = A ? mf_epsilon(f->epsilon[run], (int)f->strict, each == 2) : mf_fused_chance(f);
                rate = f->rate[run];
            }
            stable = (moved ? 1 : stable + 1) & span.counts;
MF_UNROLL
            for (i = 0; i < n_agents; i++) {
                returns[i] += raw[i];
                shaped[i] += rewards[i];
            }
            explore += explores_step;
            uniforms += uniforms_step;
            normals += normals_step;
            if (ended)
                break;
            at = row;
        }
        steps += span.length - left;
        episode_steps += span.length - left;
        f->ended = (uint8_t)ended;
        if (status || steps >= f->max_steps || stable >= f->max_stable)
            break;
        if (ended) {
            if (f->more == 0)
                break;
            mf_fused_record(f, n_agents, episode_steps, returns, shaped);
MF_UNROLL
            for (i = 0; i < n_agents; i++)
                returns[i] = shaped[i] = 0.0;
            episode_steps = 0;
            now = -1;
            f->ended = 0;
            ended = 0;
            status = mf_hook_start(f, n_agents, size, state, f->uniforms, f->normals);
            f->uniforms += f->start_uniforms;
            f->normals += f->start_normals;
            if (status == MF_FINE)
                status = mf_hook_encode_one(f, size, state, &at);
            if (status)
                break;
            lost = 0u - (uint32_t)((uint64_t)at >= (uint64_t)bound);
        }
    }
    if (numbered && now >= 0)
        state[0] = (double)now;
    for (k = 0; k < size; k++)
        f->state[k] = state[k];
MF_UNROLL
    for (i = 0; i < n_agents; i++) {
        f->rows[i] = (int32_t)at;
        f->episode_return[i] = returns[i];
        f->episode_shaped[i] = shaped[i];
    }
    *f->steps = steps;
    *f->episode_steps = episode_steps;
    *f->stable = stable;
    return status;
}

#define MF_ROW_OF(name, n_agents, size, known, few, A, scan, tie) \
    MF_FUNCTION int name(mf_fused *f, int64_t count, const double *explore, const double *uniforms, \
                         const double *normals) { \
        if (((known) & MF_NUMBERED) && mf_numbered(f)) { \
            if ((A) && mf_shaped(f, n_agents, A) && f->several != f->learner->drawn) \
                return f->several \
                    ? mf_fused_row(f, count, explore, uniforms, normals, n_agents, size, known, few, A, 2, scan, tie) \
                    : mf_fused_row(f, count, explore, uniforms, normals, n_agents, size, known, few, A, 1, scan, tie); \
            return mf_fused_row(f, count, explore, uniforms, normals, n_agents, size, known, few, 0, 0, scan, tie); \
        } \
        return mf_fused_row(f, count, explore, uniforms, normals, n_agents, size, MF_STATE_SEEN, few, 0, 0, scan, \
                            tie); \
    }

/* ---- the template, agents side by side ---- */

#if MF_HAVE_AVX2_VARIANT
/* Both parts of a step one agent after the other, by the leaves of q_learning.h: all are in the same row. */
MF_FUNCTION int mf_lanes_act(mf_fused *f, int64_t row, const double *explore, const mf_chance *chance) {
    int32_t rows[MF_PAD];
    int64_t i;
    for (i = 0; i < MF_PAD; i++)
        rows[i] = (int32_t)row;
    return mf_act_lanes(f->learner, f->run, rows, explore, chance, f->actions);
}

MF_FUNCTION int mf_lanes_update(mf_fused *f, int64_t row, int64_t next_row, uint8_t *changed) {
    int32_t rows[MF_PAD], next_rows[MF_PAD];
    int64_t i;
    for (i = 0; i < MF_PAD; i++) {
        rows[i] = (int32_t)row;
        next_rows[i] = (int32_t)next_row;
    }
    return mf_update_lanes(f->learner, f->run, rows, next_rows, f->actions, f->rewards, f->terminated,
                           f->rate[f->run], f->discount[f->run], changed);
}

#define MF_MASKS 0
#define MF_W 2
#include "fused_lanes.h"
#undef MF_W
#define MF_W 4
#include "fused_lanes.h"
#undef MF_W
#undef MF_MASKS
#define MF_MASKS 1
#define MF_W 2
#include "fused_lanes.h"
#undef MF_W
#define MF_W 4
#include "fused_lanes.h"
#undef MF_W
#undef MF_MASKS
#endif

/* ---- instances ---- */

#define MF_EACH(name, few, rule, scan, tie) \
    MF_FUNCTION int name(mf_fused *f, int64_t count, const double *explore, const double *uniforms, \
                         const double *normals) { \
        return mf_fused_each(f, count, explore, uniforms, normals, few, rule, scan, tie); \
    }

/* Two of each: for registers of 256 bits, and for those that have masks, too. */
#define MF_SIDE(width, A, H, n_agents, size, known) \
    MF_FUNCTION MF_WIDE int mf_lanes_##width##_##A##_##H(mf_fused *f, int64_t count, const double *explore, \
                                                         const double *uniforms, const double *normals) { \
        if (((known) & MF_NUMBERED) && mf_numbered(f)) \
            return mf_lanes_##width(f, count, explore, uniforms, normals, A, H, n_agents, size, known); \
        return mf_lanes_##width(f, count, explore, uniforms, normals, A, H, n_agents, size, (known) & ~MF_NUMBERED); \
    } \
    MF_FUNCTION __attribute__((MF_AVX512)) int mf_lanes_masks_##width##_##A##_##H( \
        mf_fused *f, int64_t count, const double *explore, const double *uniforms, const double *normals) { \
        if (((known) & MF_NUMBERED) && mf_numbered(f)) \
            return mf_lanes_masks_##width(f, count, explore, uniforms, normals, A, H, n_agents, size, known); \
        return mf_lanes_masks_##width(f, count, explore, uniforms, normals, A, H, n_agents, size, \
                                      (known) & ~MF_NUMBERED); \
    }
#define MF_SIDE_OF(width, A, H) (mf_width() == 2 ? mf_lanes_masks_##width##_##A##_##H : mf_lanes_##width##_##A##_##H)

/* A game that has its own instances says which, by MF_FUSED_GAME: it includes a choice of them. */
#ifdef MF_FUSED_GAME
#include MF_FUSED_GAME
#else

MF_EACH(mf_fused_many, 0, MF_Q, mf_no_scan, 0)
/* Of the other rules: the numbers of actions that are common. */
MF_EACH(mf_rule_many, 0, (int)f->learner->rule, mf_no_scan, 0)
MF_EACH(mf_rule_2, 2, (int)f->learner->rule, mf_no_scan, 0)
MF_EACH(mf_rule_3, 3, (int)f->learner->rule, mf_no_scan, 0)
MF_EACH(mf_rule_4, 4, (int)f->learner->rule, mf_no_scan, 0)
MF_EACH(mf_rule_5, 5, (int)f->learner->rule, mf_no_scan, 0)
MF_EACH(mf_rule_6, 6, (int)f->learner->rule, mf_no_scan, 0)
MF_EACH(mf_fused_2, 2, MF_Q, mf_no_scan, 0)
MF_EACH(mf_fused_3, 3, MF_Q, mf_no_scan, 0)
MF_EACH(mf_fused_4, 4, MF_Q, mf_no_scan, 0)
MF_EACH(mf_fused_5, 5, MF_Q, mf_no_scan, 0)
MF_EACH(mf_fused_6, 6, MF_Q, mf_no_scan, 0)
MF_EACH(mf_fused_7, 7, MF_Q, mf_no_scan, 0)
MF_EACH(mf_fused_8, 8, MF_Q, mf_no_scan, 0)
#if MF_HAVE_AVX2_VARIANT
MF_WIDE MF_EACH(mf_fused_wide, 0, MF_Q, mf_scan_wide, mf_tied_wide)
#define MF_SIDES(A) MF_SIDE(2, A, 1, 2, f->state_size, MF_ANYTHING) \
    MF_SIDE(4, A, 1, f->n_agents, f->state_size, MF_ANYTHING) MF_SIDE(4, A, 2, f->n_agents, f->state_size, MF_ANYTHING)
MF_SIDES(2) MF_SIDES(3) MF_SIDES(4) MF_SIDES(5) MF_SIDES(6) MF_SIDES(7) MF_SIDES(8)
#undef MF_SIDES
#endif

/* The instance that serves a session. */
MF_FUNCTION mf_advance *mf_fused_choose(const mf_fused *f) {
    static mf_advance *const by_actions[9] = {mf_fused_many, mf_fused_many, mf_fused_2, mf_fused_3, mf_fused_4,
                                              mf_fused_5, mf_fused_6, mf_fused_7, mf_fused_8};
    static mf_advance *const by_rule[7] = {mf_rule_many, mf_rule_many, mf_rule_2, mf_rule_3,
                                           mf_rule_4,    mf_rule_5,    mf_rule_6};
#if MF_HAVE_AVX2_VARIANT
#define MF_ROW(W, H) {mf_lanes_##W##_2_##H, mf_lanes_##W##_3_##H, mf_lanes_##W##_4_##H, mf_lanes_##W##_5_##H, \
                      mf_lanes_##W##_6_##H, mf_lanes_##W##_7_##H, mf_lanes_##W##_8_##H}
    static mf_advance *const by_lanes[2][3][7] = {{MF_ROW(2, 1), MF_ROW(4, 1), MF_ROW(4, 2)},
                                                  {MF_ROW(masks_2, 1), MF_ROW(masks_4, 1), MF_ROW(masks_4, 2)}};
#undef MF_ROW
    if (f->lanes)
        return by_lanes[mf_width() == 2][f->lanes / 4][f->few - 2];
    if (f->wide && f->learner->rule == MF_Q)
        return mf_fused_wide;
#endif
    if (f->learner->rule != MF_Q)
        return f->few <= 6 ? by_rule[f->few] : mf_rule_many;
    return by_actions[f->few];
}
#endif

#endif
