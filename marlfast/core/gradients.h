/* The softmax of a few logits. Twin: `softmax` in marlfast/reference/gradients.py. */
#ifndef MARLFAST_GRADIENTS_H
#define MARLFAST_GRADIENTS_H

#include <stdint.h>

#include "draws.h"

MF_INLINE void mf_softmax(const double *logits, int64_t actions, int64_t best, double *policy) {
    double total = 0.0, share;
    int64_t a;
    for (a = 0; a < actions; a++)
        policy[a] = mf_exp(logits[a] - logits[best]);
    for (a = 0; a < actions; a++)
        total += policy[a];
    share = 1.0 / total;
    for (a = 0; a < actions; a++)
        policy[a] *= share;
}

#endif
