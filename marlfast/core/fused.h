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
    int64_t agents;             /* N; the learner controls all of them */
    int64_t few;                /* actions of every agent, where they are at most 8; else 0 */
    int64_t wide;               /* 1: 8 to 16 actions, and a processor with wide registers */
    int64_t explore, step_uniforms, step_normals;       /* draws of a step */
    int64_t horizon, horizon_ends, most_steps, most_stable;
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
    /* Of the run under way. */
    int64_t run;
    double *state, *observation;
    double *raw, *rewards;      /* [N], room for MF_PAD at least */
    int32_t *actions;           /* the same */
    int32_t *rows, *next_rows;  /* [N], exchanged at every step; room for MF_PAD at least */
    int64_t *steps, *episode_steps, *stable, *fault;
    double *episode_return, *episode_shaped;            /* [N] */
    /* Of one call. */
    uint8_t terminated, truncated, ended, full;         /* full: the encoder may have no room for another step */
} mf_fused;

/* Takes the run up to `count` steps further: to the end of an episode, to where a rule stops it, to where it needs
 * room, or to a failure, whose status it returns. The draws of the first of these steps: others follow. */
typedef int mf_advance(mf_fused *f, int64_t count, const double *explore, const double *uniforms,
                       const double *normals);

/* The hooks. Those that return an int return a status; they work on the run under way. */
MF_INLINE int mf_hook_play(mf_fused *f, int64_t agents, const double *uniforms, const double *normals);
MF_INLINE int mf_hook_observe(mf_fused *f);
MF_INLINE int mf_hook_encode(mf_fused *f, int32_t *rows);
MF_INLINE int mf_hook_encode_one(mf_fused *f, int64_t *row);     /* where all agents are in the same row */
MF_INLINE int64_t mf_hook_distinct(mf_fused *f, int64_t agents);
MF_INLINE int mf_hook_pay(mf_fused *f);
MF_INLINE void mf_hook_tick(mf_fused *f);

/* ---- books: what every instance does between its own parts ---- */

/* By what agents explore, as long as their epsilon stays as it is. */
MF_INLINE mf_chance mf_fused_chance(const mf_fused *f) {
    return mf_epsilon(f->epsilon[f->run], (int)f->strict, (int)f->several);
}

/* Counts a step, whose rewards are finite, and says whether it is the last of its episode. */
MF_INLINE void mf_fused_count(mf_fused *f, int64_t *steps, int64_t *episode_steps) {
    ++*steps;
    ++*episode_steps;
    f->truncated = 0;
    if (!f->terminated && *episode_steps == f->horizon) {
        f->terminated = f->horizon_ends;
        f->truncated = !f->horizon_ends;
    }
    f->ended = f->terminated | f->truncated;
}

/* Steps since a greedy action last changed. */
MF_INLINE int64_t mf_fused_stable(int64_t stable, int64_t steps, int64_t after, int changed) {
    return steps <= after ? 0 : changed ? 1 : stable + 1;
}

MF_FUNCTION int mf_fused_bad_reward(const mf_fused *f) {
    int64_t i;
    for (i = 0; i < f->agents; i++)
        if (f->raw[i] - f->raw[i] != 0.0) {
            *f->fault = i;
            break;
        }
    return MF_BAD_REWARD;
}

/* ---- the template, one agent after the other ---- */

/* An mf_advance; `few` and `others` as in q_learning's leaves: constants. */
MF_INLINE int mf_fused_each(mf_fused *f, const int64_t count, const double *explore, const double *uniforms,
                            const double *normals, const uint32_t few, mf_others *others) {
    const mf_qlearning c = *f->learner;
    const int64_t run = f->run, agents = f->agents, first = *f->steps;
    const int64_t most_steps = f->most_steps, most_stable = f->most_stable, after = f->stable_after[run];
    const double discount = f->discount[run];
    double *const raw = f->raw, *const rewards = f->rewards;
    mf_chance chance = mf_fused_chance(f);
    double rate = f->rate[run];
    int64_t steps = first, episode_steps = *f->episode_steps, stable = *f->stable, i, k;
    int status = MF_FINE;
    f->ended = f->full = 0;
    while (steps - first < count) {
        double finite = 0.0;
        uint8_t changed = 0;
        if (f->used && f->used[run] > f->fits) {
            f->full = 1;
            break;
        }
        status = mf_act_of(&c, run, f->rows, explore, &chance, f->actions, few, c.drawn != 0);
        if (status)
            break;
        status = mf_hook_play(f, agents, uniforms, normals);
        if (status)
            break;
        if (f->observes) {
            status = mf_hook_observe(f);
            if (status)
                break;
        }
        for (i = 0; i < agents; i++)
            finite += raw[i] * 0.0;
        if (finite != 0.0) {
            status = mf_fused_bad_reward(f);
            break;
        }
        mf_fused_count(f, &steps, &episode_steps);
        status = mf_hook_encode(f, f->next_rows);
        if (status)
            break;
        if (f->paid) {
            status = mf_hook_pay(f);
            if (status)
                break;
        } else {
            const int64_t distinct = f->amounts ? mf_hook_distinct(f, agents) : 0;
            if (distinct < 0) {
                status = MF_BAD_ACTION;
                break;
            }
            for (i = 0; i < agents; i++)
                rewards[i] = raw[i];
            for (k = 0; k < f->amounts; k++)
                for (i = 0; i < agents; i++)
                    rewards[i] += f->amount[k][distinct];
        }
        status = mf_update_of(&c, run, f->rows, f->next_rows, f->actions, rewards, f->terminated, rate, discount,
                              &changed, few, others);
        if (status)
            break;
        if (f->ticks > !f->ended) {
            mf_hook_tick(f);
            chance = mf_fused_chance(f);
            rate = f->rate[run];
        }
        stable = mf_fused_stable(stable, steps, after, changed);
        for (i = 0; i < agents; i++) {
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
        if (steps >= most_steps || stable >= most_stable)
            break;
    }
    *f->steps = steps;
    *f->episode_steps = episode_steps;
    *f->stable = stable;
    return status;
}

/* ---- the template, agents side by side ---- */

#if MF_HAVE_AVX2_VARIANT
#define MF_LANES_INLINE static inline __attribute__((always_inline, unused, target("avx2,bmi,bmi2")))

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

#define MF_W 2
#include "fused_lanes.h"
#undef MF_W
#define MF_W 4
#include "fused_lanes.h"
#undef MF_W
#endif

/* ---- instances ---- */

#define MF_EACH(name, few, others) \
    MF_FUNCTION int name(mf_fused *f, int64_t count, const double *explore, const double *uniforms, \
                         const double *normals) { \
        return mf_fused_each(f, count, explore, uniforms, normals, few, others); \
    }

#define MF_SIDE(width, A, H, agents) \
    MF_FUNCTION MF_WIDE int mf_lanes_##width##_##A##_##H(mf_fused *f, int64_t count, const double *explore, \
                                                         const double *uniforms, const double *normals) { \
        return mf_lanes_##width(f, count, explore, uniforms, normals, A, H, agents); \
    }

/* A game that has its own instances says which, by MF_FUSED_GAME: it includes a choice of them. */
#ifdef MF_FUSED_GAME
#include MF_FUSED_GAME
#else

MF_EACH(mf_fused_many, 0, 0)
MF_EACH(mf_fused_2, 2, 0)
MF_EACH(mf_fused_3, 3, 0)
MF_EACH(mf_fused_4, 4, 0)
MF_EACH(mf_fused_5, 5, 0)
MF_EACH(mf_fused_6, 6, 0)
MF_EACH(mf_fused_7, 7, 0)
MF_EACH(mf_fused_8, 8, 0)
#if MF_HAVE_AVX2_VARIANT
MF_WIDE MF_EACH(mf_fused_wide, 0, mf_greatest_but_wide)
#define MF_SIDES(A) MF_SIDE(2, A, 1, 2) MF_SIDE(4, A, 1, f->agents) MF_SIDE(4, A, 2, f->agents)
MF_SIDES(2) MF_SIDES(3) MF_SIDES(4) MF_SIDES(5) MF_SIDES(6) MF_SIDES(7) MF_SIDES(8)
#undef MF_SIDES
#endif

/* The instance that serves a session. */
MF_FUNCTION mf_advance *mf_fused_choose(const mf_fused *f) {
    static mf_advance *const by_actions[9] = {mf_fused_many, mf_fused_many, mf_fused_2, mf_fused_3, mf_fused_4,
                                              mf_fused_5, mf_fused_6, mf_fused_7, mf_fused_8};
#if MF_HAVE_AVX2_VARIANT
#define MF_ROW(W, H) {mf_lanes_##W##_2_##H, mf_lanes_##W##_3_##H, mf_lanes_##W##_4_##H, mf_lanes_##W##_5_##H, \
                      mf_lanes_##W##_6_##H, mf_lanes_##W##_7_##H, mf_lanes_##W##_8_##H}
    static mf_advance *const by_lanes[3][7] = {MF_ROW(2, 1), MF_ROW(4, 1), MF_ROW(4, 2)};
#undef MF_ROW
    if (f->lanes)
        return by_lanes[f->lanes / 4][f->few - 2];
    if (f->wide)
        return mf_fused_wide;
#endif
    return by_actions[f->few];
}
#endif

#endif
