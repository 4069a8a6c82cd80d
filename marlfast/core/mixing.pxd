# cython: language_level=3
"""A monotone mixing network, and optimisers, one team of one run: the leaves of ``src/_mixing.pyx`` (``mixing.h``)."""
from libc.stdint cimport int64_t

cdef extern from "mixing.h" nogil:
    enum Optimizer:
        SGD "MF_SGD"
        RMSPROP "MF_RMSPROP"
        ADAM "MF_ADAM"
        NORMALISED "MF_NORMALISED"
    int mixes_wide "mf_mixes_wide"() noexcept
    double mix "mf_mix"(int wide, const double *w, int64_t room, int64_t hidden, const double *utilities,
                        int64_t members, double *out, double *slope, double *products) noexcept
    void derive "mf_derive"(int wide, const double *w, int64_t room, int64_t hidden, double *utilities, int64_t members,
                            const double *out, const double *slope, double *gradient, double *products) noexcept
    void scale_weights "mf_scale_weights"(int wide, int64_t room, int64_t hidden, double by, double *gradient) noexcept
    double along_network "mf_along_network"(int wide, int64_t room, int64_t hidden, double by, const double *a,
                                            const double *b) noexcept
    double rmsprop "mf_rmsprop"(double gradient, double *square) noexcept
    double adam "mf_adam"(double gradient, double first, double second, double *mean, double *square) noexcept
    int move "mf_move"(int wide, int64_t optimizer, int64_t size, double rate, double error, const double *gradient,
                       double *cells, double *mean, double *square, double first, double second, double *room) noexcept


cdef inline int64_t mixer_size(int64_t room, int64_t hidden) noexcept nogil:
    return (room + 2) * hidden + 1
