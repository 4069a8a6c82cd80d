# cython: language_level=3
"""Softmax policies and their gradients, one agent in one observation: the leaves of ``src/_gradients.pyx``.

``logits`` points at the A logits of an observation, those of its active rows added up; ``best`` is the first of the
greatest of them. A policy takes action a with probability exp(logits[a] - logits[best]) / sum_b of the same.
"""
from libc.stdint cimport int64_t

from marlfast.core.draws cimport log_

cdef extern from "gradients.h" nogil:
    void softmax "mf_softmax"(const double *logits, int64_t actions, int64_t best, double *policy) noexcept


cdef inline double clipped(double advantage, double ratio, double clip) noexcept nogil:
    """d min(ratio * advantage, clip(ratio, 1 - clip, 1 + clip) * advantage) / d log ratio (Schulman et al. 2017)."""
    if (ratio > 1.0 + clip) if advantage >= 0.0 else (ratio < 1.0 - clip):
        return 0.0
    return advantage * ratio


cdef inline void ascent(const double *logits, const double *policy, int64_t actions, int64_t best, int64_t action,
                        double weight, double entropy, double *gradient) noexcept nogil:
    """d (weight * log policy[action] + entropy * H(policy)) / d logits. ``gradient`` may be ``policy`` itself."""
    cdef int64_t a
    cdef double lead, spread = 0.0
    if entropy == 0.0:
        for a in range(actions):
            gradient[a] = weight * (<double> (a == action) - policy[a])
        return
    lead = log_(policy[best])       # log policy[a] = logits[a] - logits[best] + lead
    for a in range(actions):
        spread -= policy[a] * ((logits[a] - logits[best]) + lead)
    for a in range(actions):
        gradient[a] = weight * (<double> (a == action) - policy[a]) - (
            entropy * policy[a]) * (((logits[a] - logits[best]) + lead) + spread)


cdef inline double mean_value(const double *policy, const double *q, int64_t stride, int64_t actions) noexcept nogil:
    """What a policy is worth by action values that lie ``stride`` apart."""
    cdef int64_t a
    cdef double total = 0.0
    for a in range(actions):
        total += policy[a] * q[a * stride]
    return total
