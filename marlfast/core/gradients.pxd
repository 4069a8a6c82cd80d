# cython: language_level=3
"""Softmax policies and their gradients, some agents at a time: the leaves of ``src/_gradients.pyx``.

``logits[j]`` points at the logits of agent j where it is, those of its active rows added up; of ``max_actions``
numbers the first ``n_actions[j]`` are its own. A policy takes action a with probability exp(logits[a]) / sum_b
exp(logits[b]).
"""
from libc.stdint cimport int64_t

cdef extern from "gradients.h" nogil:
    enum:
        TOGETHER "MF_TOGETHER"
    int64_t likeliest "mf_likeliest"(const double *logits, int64_t n_actions) noexcept
    bint climb "mf_climb"(double *logits, const double *gradient, int64_t n_actions, double rate) noexcept
    void draw "mf_draw"(const double **logits, const int64_t *n_actions, int64_t n_agents, int64_t max_actions,
                        const double *u,
                        double *weight, int64_t *action) noexcept
    void policies "mf_policies"(const double **logits, const int64_t *n_actions, int64_t n_agents,
                                int64_t max_actions,
                                double *policy) noexcept
    void ascent "mf_ascent"(const double **logits, const int64_t *n_actions, int64_t n_agents, int64_t max_actions,
                            const int64_t *action, const double *weight, const double *old, double clip,
                            double entropy, int fresh, double *policy) noexcept


cdef inline double mean_value(const double *policy, const double *q, int64_t stride, int64_t n_actions) noexcept nogil:
    """What a policy is worth by action values that lie ``stride`` apart."""
    cdef int64_t a
    cdef double total = 0.0
    for a in range(n_actions):
        total += policy[a] * q[a * stride]
    return total
