/* Which of some values is the first of the greatest.
 *
 * Which action is greedy is close to random while a team still learns, so a branch on it is
 * mispredicted half of the time; for few actions comparing all of them without a branch is cheaper. */
#ifndef MARLFAST_GREATEST_H
#define MARLFAST_GREATEST_H

#include <math.h>
#include <stdint.h>

#include "draws.h" /* MF_INLINE */

/* The greatest value but that of one action, and the first place where it stands.
 *
 * A learner writes one action's value: what the others hold is known before that value is, so that only
 * one comparison waits for it. n is a constant (1 to 8), so that the loops unroll. */
#if !defined(MARLFAST_PORTABLE) && defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
#define MF_HAVE_SSE2_VARIANT 1
#else
#define MF_HAVE_SSE2_VARIANT 0
#endif

#if MF_HAVE_SSE2_VARIANT
#include <emmintrin.h>
#define MF_I __builtin_inf()
static const double mf_but[8][8] __attribute__((aligned(16), unused)) = {
    {-MF_I, MF_I, MF_I, MF_I, MF_I, MF_I, MF_I, MF_I}, {MF_I, -MF_I, MF_I, MF_I, MF_I, MF_I, MF_I, MF_I},
    {MF_I, MF_I, -MF_I, MF_I, MF_I, MF_I, MF_I, MF_I}, {MF_I, MF_I, MF_I, -MF_I, MF_I, MF_I, MF_I, MF_I},
    {MF_I, MF_I, MF_I, MF_I, -MF_I, MF_I, MF_I, MF_I}, {MF_I, MF_I, MF_I, MF_I, MF_I, -MF_I, MF_I, MF_I},
    {MF_I, MF_I, MF_I, MF_I, MF_I, MF_I, -MF_I, MF_I}, {MF_I, MF_I, MF_I, MF_I, MF_I, MF_I, MF_I, -MF_I}};
#undef MF_I

MF_INLINE int32_t mf_greatest_but(const double *value, const int n, const uint32_t but, double *most) {
    __m128d pair[4], top;
    int mask = 0, k;
    for (k = 0; k < n; k += 2) {
        /* Two loads a pair: one load of both would wait for a recent write of one to reach the cache. */
        pair[k / 2] = k + 1 < n ? _mm_loadh_pd(_mm_load_sd(value + k), value + k + 1) : _mm_load1_pd(value + k);
        pair[k / 2] = _mm_min_pd(pair[k / 2], k + 1 < n ? _mm_load_pd(mf_but[but] + k) : _mm_load1_pd(mf_but[but] + k));
    }
    top = pair[0];
    for (k = 2; k < n; k += 2)
        top = _mm_max_pd(top, pair[k / 2]);
    top = _mm_max_pd(top, _mm_shuffle_pd(top, top, 1));
    for (k = 0; k + 1 < n; k += 2)
        mask |= _mm_movemask_pd(_mm_cmpeq_pd(pair[k / 2], top)) << k;
    if (n % 2)
        mask |= 1 << (n - 1); /* if nowhere before, then here */
    *most = _mm_cvtsd_f64(top);
    return (int32_t)__builtin_ctz((unsigned)mask);
}
#else
MF_INLINE int32_t mf_greatest_but(const double *value, const int n, const uint32_t but, double *most) {
    int32_t best = -1;
    int k;
    *most = -HUGE_VAL;
    for (k = 0; k < n; k++)
        if (k != (int)but && (best < 0 || value[k] > *most)) {
            *most = value[k];
            best = k;
        }
    return best < 0 ? (int32_t)but : best;
}
#endif

/* Of many values first the greatest, in four chains that do not wait for each other, then its place. A first value
 * that is not a number is beaten by none, a later one beats none. */
#if MF_HAVE_SSE2_VARIANT
static int32_t mf_first_of_many(const double *value, int64_t n) {
    const __m128d first = _mm_load1_pd(value);
    __m128d top[4] = {first, first, first, first};
    int64_t k;
    if (value[0] != value[0])
        return 0;
    for (k = 0; k + 8 <= n; k += 8) {
        top[0] = _mm_max_pd(_mm_loadu_pd(value + k), top[0]); /* the second, where one is not a number */
        top[1] = _mm_max_pd(_mm_loadu_pd(value + k + 2), top[1]);
        top[2] = _mm_max_pd(_mm_loadu_pd(value + k + 4), top[2]);
        top[3] = _mm_max_pd(_mm_loadu_pd(value + k + 6), top[3]);
    }
    for (; k < n; k++)
        top[0] = _mm_max_pd(_mm_load1_pd(value + k), top[0]);
    top[0] = _mm_max_pd(_mm_max_pd(top[0], top[1]), _mm_max_pd(top[2], top[3]));
    top[0] = _mm_max_pd(top[0], _mm_shuffle_pd(top[0], top[0], 1));
    for (k = 0; k + 4 <= n; k += 4) {
        const int mask = _mm_movemask_pd(_mm_cmpeq_pd(_mm_loadu_pd(value + k), top[0])) |
                         _mm_movemask_pd(_mm_cmpeq_pd(_mm_loadu_pd(value + k + 2), top[0])) << 2;
        if (mask)
            return (int32_t)(k + __builtin_ctz((unsigned)mask));
    }
    while (k < n - 1 && value[k] != _mm_cvtsd_f64(top[0]))
        k++;
    return (int32_t)k;
}
#else
static int32_t mf_first_of_many(const double *value, int64_t n) {
    double most = value[0];
    int32_t best = 0;
    int64_t k;
    for (k = 1; k < n; k++)
        if (value[k] > most) {
            most = value[k];
            best = (int32_t)k;
        }
    return best;
}
#endif

MF_INLINE int32_t mf_first_greatest(const double *value, int64_t n) {
    double most = value[0];
    int32_t best = 0;
    int64_t k;
    if (n >= 12)
        return mf_first_of_many(value, n);
    for (k = 1; k < n; k++)
        if (value[k] > most) {
            most = value[k];
            best = (int32_t)k;
        }
    return best;
}

/* Whether no value but one is as great as `value`: that one is greater, as the value that `value` will replace. */
#if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
MF_INLINE int mf_none_beats(const double *q, const int64_t n, const double value) {
    const __m128d all = _mm_set1_pd(value);
    __m128i found[4] = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    int64_t k = 0;
    int j, more = 0;
    for (; k + 8 <= n; k += 8)
        for (j = 0; j < 4; j++)
            found[j] = _mm_add_epi64(found[j], _mm_castpd_si128(_mm_cmple_pd(all, _mm_loadu_pd(q + k + 2 * j))));
    for (; k + 2 <= n; k += 2)
        found[0] = _mm_add_epi64(found[0], _mm_castpd_si128(_mm_cmple_pd(all, _mm_loadu_pd(q + k))));
    if (k < n)
        more = q[k] >= value;
    found[0] = _mm_add_epi64(_mm_add_epi64(found[0], found[1]), _mm_add_epi64(found[2], found[3]));
    found[0] = _mm_add_epi64(found[0], _mm_unpackhi_epi64(found[0], found[0]));
    return more - _mm_cvtsi128_si32(found[0]) == 1;
}
#else
MF_INLINE int mf_none_beats(const double *q, const int64_t n, const double value) {
    int64_t k, found = 0;
    for (k = 0; k < n; k++)
        found += q[k] >= value;
    return found == 1;
}
#endif

/* The next greater number of a finite value that is at least 0. */
MF_INLINE double mf_next_double(double value) {
    return mf_from_bits((mf_to_bits(value) & 0x7FFFFFFFFFFFFFFFull) + 1); /* -0.0 counts as 0.0 */
}

#endif
