/* The first of the greatest of n values, without branches that depend on the values.
 *
 * Which action is greedy is close to random while a team still learns, so a branch on it is
 * mispredicted half of the time; for the usual few actions comparing all of them is cheaper. */
#ifndef MARLFAST_GREATEST_H
#define MARLFAST_GREATEST_H

#include <stdint.h>

#include "draws.h" /* MF_INLINE */

#if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
#include <emmintrin.h>
/* Two neighbours by two loads: one of them was just written, and a load of both would have to wait
 * until that write has reached the cache. */
#define MF_PAIR(p) _mm_loadh_pd(_mm_load_sd(p), (p) + 1)

/* The greatest, then the first place where it stands. n is a constant, so the loops unroll. */
MF_INLINE int32_t mf_greatest_of(const double *value, const int n) {
    __m128d most = _mm_load_sd(value);
    int mask = 0, k;
    most = _mm_unpacklo_pd(most, most);
    for (k = 0; k + 1 < n; k += 2)
        most = _mm_max_pd(most, MF_PAIR(value + k));
    if (n % 2)
        most = _mm_max_pd(most, _mm_load1_pd(value + n - 1));
    most = _mm_max_pd(most, _mm_shuffle_pd(most, most, 1));
    for (k = 0; k + 1 < n; k += 2)
        mask |= _mm_movemask_pd(_mm_cmpeq_pd(MF_PAIR(value + k), most)) << k;
    if (n % 2)
        mask |= 1 << (n - 1); /* if nowhere before, then here */
    return (int32_t)__builtin_ctz((unsigned)mask);
}
#else
MF_INLINE int32_t mf_greatest_of(const double *value, const int n) {
    double most = value[0];
    int32_t best = 0;
    int k;
    for (k = 1; k < n; k++) {
        /* All ones where value[k] is greater: masks, since compilers turn a selection into a branch. */
        const int32_t greater = -(int32_t)(value[k] > most);
        best = (best & ~greater) | (k & greater);
        most = value[k] > most ? value[k] : most;
    }
    return best;
}
#endif

/* With n known to the compiler the comparisons are unrolled. */
MF_INLINE int32_t mf_first_greatest(const double *value, int64_t n) {
    int64_t k;
    double most;
    int32_t best;
    switch (n) {
    case 1: return 0;
    case 2: return mf_greatest_of(value, 2);
    case 3: return mf_greatest_of(value, 3);
    case 4: return mf_greatest_of(value, 4);
    case 5: return mf_greatest_of(value, 5);
    case 6: return mf_greatest_of(value, 6);
    case 7: return mf_greatest_of(value, 7);
    case 8: return mf_greatest_of(value, 8);
    }
    most = value[0];
    best = 0;
    for (k = 1; k < n; k++)
        if (value[k] > most) {
            most = value[k];
            best = (int32_t)k;
        }
    return best;
}

/* The next greater number of a finite value that is at least 0. */
MF_INLINE double mf_next_double(double value) {
    return mf_from_bits((mf_to_bits(value) & 0x7FFFFFFFFFFFFFFFull) + 1); /* -0.0 counts as 0.0 */
}

#endif
