/* Softmax policies of some agents at once, and their gradients. Twin: marlfast/reference/gradients.py.
 *
 * An exponential is a long chain of operations that wait for each other: those of all actions of all agents are
 * worked out side by side. The arithmetic is the same, operation by operation, in every variant. For few actions
 * their number is a constant, so that the loops unroll. */
#ifndef MARLFAST_GRADIENTS_H
#define MARLFAST_GRADIENTS_H

#include <stdint.h>

#include "draws.h"

#define MF_TOGETHER 8 /* agents at once */

/* The first of the greatest, without a branch: while a policy is still mixed, none could be predicted. */
MF_INLINE int64_t mf_likeliest_of(const double *logits, const int64_t n_actions) {
    double most = logits[0];
    int64_t best = 0, a;
    for (a = 1; a < n_actions; a++) {
        best = logits[a] > most ? a : best;
        most = logits[a] > most ? logits[a] : most;
    }
    return best;
}

/* mf_exp of four numbers. In vectors, as a compiler would make branches of its comparisons. */
#if defined(__GNUC__) || defined(__clang__)
typedef double mf_four __attribute__((vector_size(32), aligned(8)));
typedef int64_t mf_four_bits __attribute__((vector_size(32), aligned(8)));
#define MF_WHERE(mask, a, b) ((mf_four)(((mf_four_bits)(a) & (mask)) | ((mf_four_bits)(b) & ~(mask))))

MF_INLINE void mf_exp_four(double *at) {
    const mf_four x = *(const mf_four *)at, none = {0.0, 0.0, 0.0, 0.0};
    const mf_four most = none + 709.0, least = none - 708.0;
    mf_four y = MF_WHERE((mf_four_bits)(x < most), x, most), k, r, p, scale;
    y = MF_WHERE((mf_four_bits)(y > least), y, least);
    k = (y * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0;
    r = (y - k * 0x1.62e42feep-1) - k * 1.9082149292705877e-10;
    p = none + 2.0914679376583935e-09;
    p = p * r + 2.510520637395701e-08;
    p = p * r + 2.7557273661348637e-07;
    p = p * r + 2.7557255425746435e-06;
    p = p * r + 2.4801587325533363e-05;
    p = p * r + 0.00019841269874800493;
    p = p * r + 0.0013888888888883752;
    p = p * r + 0.008333333333326141;
    p = p * r + 0.04166666666666667;
    p = p * r + 0.1666666666666667;
    p = p * r + 0.5;
    p = (p * r) * r + r;
    scale = (mf_four)((((mf_four_bits)((k + 1023.0) + 4503599627370496.0)) & 0xFFF) << 52);
    *(mf_four *)at = MF_WHERE((mf_four_bits)(x > least), scale + scale * p, none);
}
#else
MF_INLINE void mf_exp_four(double *at) {
    int k;
    for (k = 0; k < 4; k++)
        at[k] = mf_exp(at[k]);
}
#endif

MF_INLINE void mf_exps(double *x, const int64_t n) {
    double rest[4] = {-1e4, -1e4, -1e4, -1e4};
    int64_t a, k;
    for (a = 0; a + 4 <= n; a += 4)
        mf_exp_four(x + a);
    if (a == n)
        return;
    for (k = 0; k < n - a; k++)
        rest[k] = x[a + k];
    mf_exp_four(rest);
    for (k = 0; k < n - a; k++)
        x[a + k] = rest[k];
}

/* exp(logits[a] - greatest), 0 beyond an agent's own actions; and the greatest of each agent. */
MF_INLINE void mf_weights_of(const double *const *logits, const int64_t *n_actions, int64_t n_agents,
                             const int64_t max_actions,
                             const int even, double *weight, double *top) {
    int64_t j, a;
    for (j = 0; j < n_agents; j++) {
        const double *z = logits[j];
        double *w = weight + j * max_actions;
        double most = z[0];
        for (a = 1; a < max_actions; a++)
            most = z[a] > most && (even || a < n_actions[j]) ? z[a] : most;
        for (a = 0; a < max_actions; a++)
            w[a] = even || a < n_actions[j] ? z[a] - most : -1e4;
        top[j] = most;
    }
    mf_exps(weight, n_agents * max_actions);
}

/* Actions drawn by inverse transform of the uniforms u. */
MF_INLINE void mf_draw_of(const double *const *logits, const int64_t *n_actions, int64_t n_agents,
                          const int64_t max_actions,
                          const int even, const double *u, double *weight, int64_t *action) {
    double top[MF_TOGETHER];
    int64_t j, a;
    mf_weights_of(logits, n_actions, n_agents, max_actions, even, weight, top);
    for (j = 0; j < n_agents; j++) {
        const double *w = weight + j * max_actions;
        double total = 0.0, running = 0.0, mark;
        int64_t chosen = 0;
        for (a = 0; a < max_actions; a++)
            total += w[a];
        mark = u[j] * total;
        for (a = 0; a < max_actions - 1; a++) {
            running += w[a];
            chosen += !(mark < running) & (even || a < n_actions[j] - 1); /* what is added up never falls */
        }
        action[j] = chosen;
    }
}

MF_INLINE void mf_policies_of(const double *const *logits, const int64_t *n_actions, int64_t n_agents,
                              const int64_t max_actions,
                              const int even, double *policy, double *top, double *share) {
    int64_t j, a;
    mf_weights_of(logits, n_actions, n_agents, max_actions, even, policy, top);
    for (j = 0; j < n_agents; j++) {
        double *p = policy + j * max_actions;
        double total = 0.0;
        for (a = 0; a < max_actions; a++)
            total += p[a];
        share[j] = 1.0 / total;
        for (a = 0; a < max_actions; a++)
            p[a] *= share[j];
    }
}

/* d min(ratio * advantage, clip(ratio, 1 - clip, 1 + clip) * advantage) / d log ratio (Schulman et al. 2017). */
MF_INLINE double mf_clipped(double advantage, double ratio, double clip) {
    const int flat = advantage >= 0.0 ? ratio > 1.0 + clip : ratio < 1.0 - clip;
    return flat ? 0.0 : advantage * ratio;
}

/* d (weight * log policy[action] + entropy * H(policy)) / d logits, in place of the policies. With clip >= 0 the
 * weights are advantages of a clipped surrogate, whose policies had the probabilities `old`. */
MF_INLINE void mf_ascent_of(const double *const *logits, const int64_t *n_actions, int64_t n_agents,
                            const int64_t max_actions,
                            const int even, const int64_t *action, const double *weight, const double *old,
                            double clip, double entropy, int fresh, double *policy) {
    double top[MF_TOGETHER], share[MF_TOGETHER], lead[MF_TOGETHER];
    int64_t j, a;
    if (!fresh)
        mf_policies_of(logits, n_actions, n_agents, max_actions, even, policy, top, share);
    else if (entropy != 0.0)
        for (j = 0; j < n_agents; j++) {
            const int64_t best = mf_likeliest_of(logits[j], n_actions[j]);
            top[j] = logits[j][best];
            share[j] = policy[j * max_actions + best];
        }
    if (entropy != 0.0) {
        for (j = n_agents; j < MF_TOGETHER; j++)
            share[j] = 1.0;
        for (j = 0; j < 4; j++)
            lead[j] = mf_log(share[j]); /* log policy[a] = logits[a] - top + lead */
        for (j = 4; n_agents > 4 && j < MF_TOGETHER; j++)
            lead[j] = mf_log(share[j]);
    }
    for (j = 0; j < n_agents; j++) {
        double *p = policy + j * max_actions;
        const double factor = clip >= 0.0 ? mf_clipped(weight[j], p[action[j]] / old[j], clip) : weight[j];
        double spread = 0.0;
        if (entropy == 0.0) {
            for (a = 0; a < max_actions; a++)
                p[a] = factor * ((double)(a == action[j]) - p[a]);
            continue;
        }
        for (a = 0; a < max_actions; a++)
            spread -= even || a < n_actions[j] ? p[a] * ((logits[j][a] - top[j]) + lead[j]) : 0.0;
        for (a = 0; a < max_actions; a++)
            p[a] = factor * ((double)(a == action[j]) - p[a]) -
                   (entropy * p[a]) * (((logits[j][a] - top[j]) + lead[j]) + spread);
    }
}

/* Adds rate * gradient to all of an agent's logits, or (one of them would not be finite) to none; whether it did. */
MF_INLINE int mf_climb_of(double *logits, const double *gradient, const int64_t n_actions, const double rate) {
    double odd = 0.0;
    int64_t a;
    for (a = 0; a < n_actions; a++) {
        const double value = logits[a] + rate * gradient[a];
        odd += value - value;
    }
    if (odd != 0.0)
        return 0;
    for (a = 0; a < n_actions; a++)
        logits[a] += rate * gradient[a];
    return 1;
}

/* Whether all of the agents have as many actions as there is room for. */
MF_INLINE int mf_even(const int64_t *n_actions, int64_t n_agents, int64_t max_actions) {
    int even = 1;
    int64_t j;
    for (j = 0; j < n_agents; j++)
        even &= n_actions[j] == max_actions;
    return even;
}

#define MF_COUNTS(CALL)                                                                                               \
    switch (mf_even(n_actions, n_agents, max_actions) ? max_actions : 0) {                                             \
    case 2: CALL(2, 1); break;                                                                                        \
    case 3: CALL(3, 1); break;                                                                                        \
    case 4: CALL(4, 1); break;                                                                                        \
    case 5: CALL(5, 1); break;                                                                                        \
    case 6: CALL(6, 1); break;                                                                                        \
    default: CALL(max_actions, 0);                                                                                    \
    }

#define MF_VARIANT(name, attribute)                                                                                   \
    attribute static void mf_draw_##name(const double *const *logits, const int64_t *n_actions, int64_t n_agents,      \
                                         int64_t max_actions, const double *u, double *weight,                        \
                                         int64_t *action) {                                                           \
        MF_COUNTS(MF_DRAW)                                                                                            \
    }                                                                                                                 \
    attribute static void mf_policies_##name(const double *const *logits, const int64_t *n_actions, int64_t n_agents,  \
                                             int64_t max_actions,                                                     \
                                             double *policy) {                                                        \
        double top[MF_TOGETHER], share[MF_TOGETHER];                                                                  \
        MF_COUNTS(MF_POLICIES)                                                                                        \
    }                                                                                                                 \
    attribute static void mf_ascent_##name(const double *const *logits, const int64_t *n_actions, int64_t n_agents,    \
                                           int64_t max_actions, const int64_t *action, const double *weight,          \
                                           const double *old, double clip, double entropy, int fresh,                \
                                           double *policy) {                                                          \
        MF_COUNTS(MF_ASCENT)                                                                                          \
    }
#define MF_DRAW(n, even) mf_draw_of(logits, n_actions, n_agents, n, even, u, weight, action)
#define MF_POLICIES(n, even) mf_policies_of(logits, n_actions, n_agents, n, even, policy, top, share)
#define MF_ASCENT(n, even)                                                                                                  \
    mf_ascent_of(logits, n_actions, n_agents, n, even, action, weight, old, clip, entropy, fresh, policy)

MF_VARIANT(portable, )
#if MF_HAVE_AVX2_VARIANT
MF_VARIANT(avx2, __attribute__((target("avx2"))))
#define MF_CHOOSE(call) (__builtin_cpu_supports("avx2") ? mf_##call##_avx2 : mf_##call##_portable)
#else
#define MF_CHOOSE(call) mf_##call##_portable
#endif

/* The same with the number of actions as a constant, where there are few. */
MF_INLINE int64_t mf_likeliest(const double *logits, int64_t n_actions) {
    switch (n_actions) {
    case 2: return mf_likeliest_of(logits, 2);
    case 3: return mf_likeliest_of(logits, 3);
    case 4: return mf_likeliest_of(logits, 4);
    case 5: return mf_likeliest_of(logits, 5);
    case 6: return mf_likeliest_of(logits, 6);
    default: return mf_likeliest_of(logits, n_actions);
    }
}

MF_INLINE int mf_climb(double *logits, const double *gradient, int64_t n_actions, double rate) {
    switch (n_actions) {
    case 2: return mf_climb_of(logits, gradient, 2, rate);
    case 3: return mf_climb_of(logits, gradient, 3, rate);
    case 4: return mf_climb_of(logits, gradient, 4, rate);
    case 5: return mf_climb_of(logits, gradient, 5, rate);
    case 6: return mf_climb_of(logits, gradient, 6, rate);
    default: return mf_climb_of(logits, gradient, n_actions, rate);
    }
}

MF_INLINE void mf_draw(const double *const *logits, const int64_t *n_actions, int64_t n_agents, int64_t max_actions,
                       const double *u, double *weight, int64_t *action) {
    MF_CHOOSE(draw)(logits, n_actions, n_agents, max_actions, u, weight, action);
}

MF_INLINE void mf_policies(const double *const *logits, const int64_t *n_actions, int64_t n_agents, int64_t max_actions,
                           double *policy) {
    MF_CHOOSE(policies)(logits, n_actions, n_agents, max_actions, policy);
}

MF_INLINE void mf_ascent(const double *const *logits, const int64_t *n_actions, int64_t n_agents, int64_t max_actions,
                         const int64_t *action, const double *weight, const double *old, double clip, double entropy,
                         int fresh, double *policy) {
    MF_CHOOSE(ascent)(logits, n_actions, n_agents, max_actions, action, weight, old, clip, entropy, fresh, policy);
}

#endif
