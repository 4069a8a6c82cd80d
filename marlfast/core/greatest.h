/* Which of some values is the first of the greatest.
 *
 * Which action is greedy is close to random while a team still learns, so a branch on it is
 * mispredicted half of the time; for few actions comparing all of them without a branch is cheaper. */
#ifndef MARLFAST_GREATEST_H
#define MARLFAST_GREATEST_H

#include <math.h>
#include <stdint.h>

#include "draws.h" /* MF_INLINE */

/* The first of some places (bits), going round from one of them: from, from + 1, ..., and then from 0 on. There is at
 * least one, but where nothing was to compare: then it is `from`. */
MF_INLINE int32_t mf_first_from(const uint32_t places, const uint32_t from) {
#if defined(__GNUC__) || defined(__clang__)
    const uint32_t above = places >> from;
    const int32_t next = (int32_t)from + __builtin_ctz(above | 0x80000000u), first = __builtin_ctz(places | 1u << from);
    return above ? next : first;
#else
    uint32_t k = from;
    while (k < 32 && !(places >> k & 1))
        k++;
    if (k < 32)
        return (int32_t)k;
    for (k = 0; k < from && !(places >> k & 1); k++)
        ;
    return (int32_t)k;
#endif
}

/* The greatest value but that of one action, and the first place where it stands, going round from `from`.
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

MF_INLINE int32_t mf_greatest_but(const double *value, const int n, const uint32_t but, const uint32_t from,
                                  double *most) {
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
    for (k = 0; k < n; k += 2)
        mask |= (_mm_movemask_pd(_mm_cmpeq_pd(pair[k / 2], top)) & (k + 1 < n ? 3 : 1)) << k;
    *most = _mm_cvtsd_f64(top);
    return mf_first_from((uint32_t)mask, from);
}
#else
MF_INLINE int32_t mf_greatest_but(const double *value, const int n, const uint32_t but, const uint32_t from,
                                  double *most) {
    uint32_t mask = 0;
    int k;
    *most = -HUGE_VAL;
    for (k = 0; k < n; k++)
        *most = k != (int)but && value[k] > *most ? value[k] : *most;
    for (k = 0; k < n; k++)
        mask |= (uint32_t)(k != (int)but && value[k] == *most) << k;
    return mf_first_from(mask, from);
}
#endif

/* Of 8 to 16 values, whose number is no constant: four registers, which overlap where there are fewer. */
#if MF_HAVE_AVX2_VARIANT
#define MF_WIDE __attribute__((target("avx2,bmi,bmi2")))
#define MF_WIDE_INLINE static inline MF_WIDE __attribute__((always_inline, unused))

/* The places, as bits, of those that equal one of them; of all, where there is none to compare with, of the greatest. */
MF_WIDE_INLINE uint32_t mf_places_wide(const double *value, const int64_t n, const double *equal) {
    const int64_t third = n < 12 ? n - 4 : 8, fourth = n - 4;
    const __m256d a = _mm256_loadu_pd(value), b = _mm256_loadu_pd(value + 4);
    const __m256d c = _mm256_loadu_pd(value + third), d = _mm256_loadu_pd(value + fourth);
    __m256d top;
    if (equal) {
        top = _mm256_broadcast_sd(equal);
    } else {
        top = _mm256_max_pd(_mm256_max_pd(a, b), _mm256_max_pd(c, d));
        top = _mm256_max_pd(top, _mm256_permute2f128_pd(top, top, 1));
        top = _mm256_max_pd(top, _mm256_permute_pd(top, 5));
    }
    return (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(a, top, _CMP_EQ_OQ)) |
           (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(b, top, _CMP_EQ_OQ)) << 4 |
           (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(c, top, _CMP_EQ_OQ)) << third |
           (uint32_t)_mm256_movemask_pd(_mm256_cmp_pd(d, top, _CMP_EQ_OQ)) << fourth;
}
#endif

/* Of many values first the greatest, in four chains that do not wait for each other, then its place. A first value
 * that is not a number is beaten by none, a later one beats none. */
#if MF_HAVE_SSE2_VARIANT
MF_FUNCTION int32_t mf_first_of_many_portable(const double *value, int64_t n) {
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
MF_FUNCTION int32_t mf_first_of_many_portable(const double *value, int64_t n) {
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

/* The same, four values a register. The place is looked for in 16 at a time: masks of two bytes a value, in order. */
#if MF_HAVE_AVX2_VARIANT
MF_FUNCTION MF_WIDE int32_t mf_first_of_many_wide(const double *value, int64_t n) {
    const __m256d first = _mm256_broadcast_sd(value);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256d top[4] = {first, first, first, first};
    int64_t k;
    if (value[0] != value[0])
        return 0;
    for (k = 0; k + 16 <= n; k += 16) {
        top[0] = _mm256_max_pd(_mm256_loadu_pd(value + k), top[0]);
        top[1] = _mm256_max_pd(_mm256_loadu_pd(value + k + 4), top[1]);
        top[2] = _mm256_max_pd(_mm256_loadu_pd(value + k + 8), top[2]);
        top[3] = _mm256_max_pd(_mm256_loadu_pd(value + k + 12), top[3]);
    }
    for (; k < n; k += 4) /* the last four may be looked at twice */
        top[0] = _mm256_max_pd(_mm256_loadu_pd(value + (k + 4 <= n ? k : n - 4)), top[0]);
    top[0] = _mm256_max_pd(_mm256_max_pd(top[0], top[1]), _mm256_max_pd(top[2], top[3]));
    top[0] = _mm256_max_pd(top[0], _mm256_permute2f128_pd(top[0], top[0], 1));
    top[0] = _mm256_max_pd(top[0], _mm256_permute_pd(top[0], 5));
    for (k = 0; k + 16 <= n; k += 16) {
        const __m256i a = _mm256_castpd_si256(_mm256_cmp_pd(_mm256_loadu_pd(value + k), top[0], _CMP_EQ_OQ));
        const __m256i b = _mm256_castpd_si256(_mm256_cmp_pd(_mm256_loadu_pd(value + k + 4), top[0], _CMP_EQ_OQ));
        const __m256i c = _mm256_castpd_si256(_mm256_cmp_pd(_mm256_loadu_pd(value + k + 8), top[0], _CMP_EQ_OQ));
        const __m256i d = _mm256_castpd_si256(_mm256_cmp_pd(_mm256_loadu_pd(value + k + 12), top[0], _CMP_EQ_OQ));
        const __m256i all = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        const uint32_t mask = (uint32_t)_mm256_movemask_epi8(_mm256_permutevar8x32_epi32(all, order));
        if (mask)
            return (int32_t)(k + __builtin_ctz(mask) / 2);
    }
    while (k < n - 1 && value[k] != _mm256_cvtsd_f64(top[0]))
        k++;
    return (int32_t)k;
}
#endif

MF_INLINE int mf_has_wide(void) { return mf_width() >= 1; }

MF_FUNCTION int32_t mf_first_of_many(const double *value, int64_t n) {
#if MF_HAVE_AVX2_VARIANT
    if (n >= 16 && mf_has_wide())
        return mf_first_of_many_wide(value, n);
#endif
    return mf_first_of_many_portable(value, n);
}

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

/* The first of the greatest, going round from one place, which is at least 0. */
MF_INLINE int32_t mf_greatest_from(const double *value, int64_t n, int32_t from) {
    const int32_t first = mf_first_greatest(value, n);
    int64_t k;
    for (k = from; first < from && k < n; k++)
        if (value[k] == value[first])
            return (int32_t)k;
    return first;
}

#if MF_HAVE_AVX2_VARIANT
/* The same of 8 to 16 values, which are finite, on a processor with wide registers. */
MF_WIDE_INLINE int32_t mf_greatest_from_wide(const double *value, int64_t n, int32_t from) {
    return mf_first_from(mf_places_wide(value, n, 0), (uint32_t)from);
}

#define MF_LOW -__builtin_inf()
#define MF_HIGH __builtin_inf()
static const double mf_but_wide[32] __attribute__((unused)) = {
    MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH,
    MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_LOW,  MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH,
    MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH, MF_HIGH};
#undef MF_LOW
#undef MF_HIGH

/* The greatest of the others. */
MF_WIDE_INLINE double mf_most_but_wide(const double *value, int64_t n, int32_t but) {
    const double *bound = mf_but_wide + 16 - but;
    const int64_t third = n < 12 ? n - 4 : 8, fourth = n - 4;
    const __m256d a = _mm256_min_pd(_mm256_loadu_pd(value), _mm256_loadu_pd(bound));
    const __m256d b = _mm256_min_pd(_mm256_loadu_pd(value + 4), _mm256_loadu_pd(bound + 4));
    const __m256d c = _mm256_min_pd(_mm256_loadu_pd(value + third), _mm256_loadu_pd(bound + third));
    const __m256d d = _mm256_min_pd(_mm256_loadu_pd(value + fourth), _mm256_loadu_pd(bound + fourth));
    const __m256d most = _mm256_max_pd(_mm256_max_pd(a, b), _mm256_max_pd(c, d));
    const __m128d half = _mm_max_pd(_mm256_castpd256_pd128(most), _mm256_extractf128_pd(most, 1));
    return _mm_cvtsd_f64(_mm_max_sd(half, _mm_unpackhi_pd(half, half)));
}
#endif

/* How the first of the greatest is found, going round from one place; how great the others are. */
typedef struct {
    int32_t (*from)(const double *value, int64_t n, int32_t from);
    double (*most_but)(const double *value, int64_t n, int32_t but);
} mf_scan;

/* The greedy action, once the value of `action` is no longer `old`; `best` was it before. */
MF_INLINE int32_t mf_greedy_after(const double *q, int64_t n_actions, int32_t best, int32_t action, double old,
                                  uint32_t around) {
    const double value = q[action];
    if (action == best)
        return value < old ? mf_greatest_from(q, n_actions, (int32_t)((uint32_t)best & around)) : best;
    return value > q[best] || (value == q[best] && action < best && !around) ? action : best;
}

#if MF_HAVE_AVX2_VARIANT
/* Of 1 to 16 values, by two registers of 512 bits. */
#define MF_MASKS_INLINE static inline __attribute__((MF_AVX512, always_inline, unused))

MF_MASKS_INLINE double mf_most_of_masks(const double *value, const uint32_t which) {
    const __m512d low = _mm512_set1_pd(-__builtin_inf());
    const __m512d most = _mm512_max_pd(_mm512_mask_loadu_pd(low, (__mmask8)which, value),
                                       _mm512_mask_loadu_pd(low, (__mmask8)(which >> 8), value + 8));
    const __m256d half = _mm256_max_pd(_mm512_castpd512_pd256(most), _mm512_extractf64x4_pd(most, 1));
    const __m128d pair = _mm_max_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
    return _mm_cvtsd_f64(_mm_max_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

MF_MASKS_INLINE uint32_t mf_places_masks(const double *value, const int64_t n, const double equal) {
    const uint32_t which = (1u << n) - 1;
    const __m512d as = _mm512_set1_pd(equal);
    const __m512d a = _mm512_maskz_loadu_pd((__mmask8)which, value);
    const __m512d b = _mm512_maskz_loadu_pd((__mmask8)(which >> 8), value + 8);
    return (uint32_t)_mm512_mask_cmp_pd_mask((__mmask8)which, a, as, _CMP_EQ_OQ) |
           (uint32_t)_mm512_mask_cmp_pd_mask((__mmask8)(which >> 8), b, as, _CMP_EQ_OQ) << 8;
}

MF_MASKS_INLINE int32_t mf_greatest_from_masks(const double *value, int64_t n, int32_t from) {
    return mf_first_from(mf_places_masks(value, n, mf_most_of_masks(value, (1u << n) - 1)), (uint32_t)from);
}

MF_MASKS_INLINE double mf_most_but_masks(const double *value, int64_t n, int32_t but) {
    return mf_most_of_masks(value, ((1u << n) - 1) & ~(1u << but));
}
#endif

static const mf_scan mf_no_scan __attribute__((unused)) = {0, 0};
#if MF_HAVE_AVX2_VARIANT
static const mf_scan mf_scan_wide __attribute__((unused)) = {mf_greatest_from_wide, mf_most_but_wide};
static const mf_scan mf_scan_masks __attribute__((unused)) = {mf_greatest_from_masks, mf_most_but_masks};
#endif

/* The next greater number of a finite value that is at least 0. */
MF_INLINE double mf_next_double(double value) {
    return mf_from_bits((mf_to_bits(value) & 0x7FFFFFFFFFFFFFFFull) + 1); /* -0.0 counts as 0.0 */
}

#endif
