/* The first of the greatest of n values, without branches that depend on the values.
 *
 * Which action is greedy is close to random while a team still learns, so a branch on it is
 * mispredicted half of the time; for the usual few actions comparing all of them is cheaper. */
#ifndef MARLFAST_GREATEST_H
#define MARLFAST_GREATEST_H

#include <stdint.h>

#include "draws.h" /* MF_INLINE */

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

#if defined(__GNUC__) || defined(__clang__)
#define MF_PREFETCH(address) __builtin_prefetch((address), 1)
#else
#define MF_PREFETCH(address) ((void)(address))
#endif

#endif
