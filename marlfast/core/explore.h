/* Exploring by epsilon, and ties: from one draw, or from several as published programs do. Twin: marlfast/reference/q_learning.py.
 *
 * By one draw u an agent explores iff u < bound. Then u / bound is as likely to be anywhere in [0, 1), and says which
 * action it takes; else (u - bound) / (1 - bound) is, and says which of several tied actions. By several draws the
 * first says whether it explores, the second which action, the third which of the tied. */
#ifndef MARLFAST_EXPLORE_H
#define MARLFAST_EXPLORE_H

#include "greatest.h" /* draws.h, mf_next_double */

/* Ties, in bits: one of the equals is drawn at each use; the greedy action keeps to the incumbent (else: to the first). */
enum { MF_TIES_DRAWN = 1, MF_TIES_INCUMBENT = 2 };

typedef struct {        /* of one run, as long as its epsilon stays as it is */
    double bound;       /* u < bound says u < epsilon, or u <= epsilon where it is not strict */
    double scale;       /* what makes a uniform below the bound one in [0, 1) */
    double rest;        /* what makes one from the bound on such a one, once the bound is subtracted */
    double shift;       /* what is subtracted */
    int64_t which;      /* place of the draw that says which action; of the one that says which of the tied: */
    int64_t tied;
} mf_chance;

/* 1 / x, but finite where x is 0 or close to it: nothing is ever multiplied by it there. */
MF_INLINE double mf_inverse(double x) { return 1.0 / (x > 0x1p-1000 ? x : 0x1p-1000); }

MF_INLINE mf_chance mf_epsilon(double epsilon, int strict, int several) {
    const double bound = strict ? epsilon : mf_next_double(epsilon);
    mf_chance chance;
    chance.bound = bound;
    chance.scale = several ? 1.0 : mf_inverse(bound);
    chance.rest = several ? 1.0 : mf_inverse(1.0 - bound);
    chance.shift = several ? 0.0 : bound;
    chance.which = several ? 1 : 0;
    chance.tied = several ? 2 : 0;
    return chance;
}

/* Which of n, for a share in [0, 1) of them: the product is rounded, and may reach n. */
MF_INLINE int64_t mf_share(double share, int64_t n) {
    const double x = share * (double)n, top = (double)(n - 1), within = x < top ? x : top;
    return (int64_t)(within > 0.0 ? within : 0.0);
}

/* Any of n choices, by the draws of an agent who explores; -1 where its draw is no uniform. */
MF_INLINE int64_t mf_random_choice(const mf_chance *chance, const double *draw, int64_t n) {
    const double u = draw[chance->which];
    const int64_t choice = mf_share(u * chance->scale, n);
    return (u >= 0.0) & (u < 1.0) ? choice : -1;
}

/* The share in [0, 1) by which an agent who does not explore draws: one of the tied, or of a mixed policy. */
MF_INLINE double mf_tie_share(const mf_chance *chance, const double *draw) {
    return (draw[chance->tied] - chance->shift) * chance->rest;
}

/* One of n actions whose value equals that of `best`, each as likely, by a share in [0, 1). */
MF_INLINE int64_t mf_tied(const double *q, int64_t n, int64_t best, double share) {
    int64_t k, ties = 0, which;
    for (k = 0; k < n; k++)
        ties += q[k] == q[best];
    if (ties == 1)
        return best;
    which = mf_share(share, ties);
    for (k = 0; k < n; k++)
        if (q[k] == q[best] && which-- == 0)
            return k;
    return best;
}

/* How one of the equals is found. */
typedef int64_t mf_tie(const double *q, int64_t n, int64_t best, double share);

#if MF_HAVE_AVX2_VARIANT
/* One of some places (bits), by a share of them. */
MF_INLINE int64_t mf_one_of(uint32_t places, double share) {
    if (places & (places - 1)) {
        int64_t which = mf_share(share, __builtin_popcount(places));
        for (; which > 0; which--)
            places &= places - 1;
    }
    return __builtin_ctz(places);
}

/* The same of 8 to 16 actions, on a processor with wide registers; with masks. */
MF_WIDE_INLINE int64_t mf_tied_wide(const double *q, int64_t n, int64_t best, double share) {
    return mf_one_of(mf_places_wide(q, n, q + best), share);
}

MF_MASKS_INLINE int64_t mf_tied_masks(const double *q, int64_t n, int64_t best, double share) {
    return mf_one_of(mf_places_masks(q, n, q[best]), share);
}
#endif

#endif
