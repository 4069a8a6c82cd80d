# cython: language_level=3
"""Draws, and windows over a stream of draws. See ``draws.h`` for the generator."""
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "draws.h" nogil:
    const int GROUP "MF_GROUP"
    void philox "mf_philox"(const uint32_t *counter, const uint32_t *key, uint32_t *out) noexcept
    void fill_groups "mf_fill"(int normal, uint64_t seed, uint32_t run, uint32_t stream, int64_t group,
                               int64_t groups, double *out) noexcept
    double exp_ "mf_exp"(double x) noexcept
    double log_ "mf_log"(double x) noexcept


# A window holds the draws of some consecutive records (steps or episodes) of one
# stream of one run. It is filled on demand, a group of 16 at a time, so that
# what is in it never depends on when it was filled.
ctypedef struct Window:
    double *buffer          # room for width * records + 2 * GROUP doubles; owned by whoever made it
    const double *data      # draws of record `first`
    int64_t n_draws           # draws per record; 0: nothing is ever read
    int64_t records         # records that fit into the buffer; 0: supplied draws, never refilled
    int64_t first           # first record held
    int64_t count           # records held
    int normal
    uint32_t stream
    uint32_t run
    uint64_t seed


cdef inline void window_of_run(Window *window, uint64_t seed, uint32_t run) noexcept nogil:
    """Point at another run; its draws are filled when first asked for."""
    window.seed, window.run = seed, run
    window.count = 0


cdef inline const double *window_at(Window *window, int64_t record, int64_t wanted) noexcept nogil:
    """Draws of one record, and of up to ``wanted`` from there on; NULL where supplied draws do not reach."""
    cdef int64_t start, group, records
    if <uint64_t> (record - window.first) >= <uint64_t> window.count:
        if window.records == 0:
            return NULL
        records = min(window.records, wanted)
        start = record * window.n_draws
        group = start // GROUP
        fill_groups(window.normal, window.seed, window.run, window.stream, group,
                    (start - group * GROUP + records * window.n_draws + GROUP - 1) // GROUP,
                    window.buffer)
        window.data = window.buffer + (start - group * GROUP)
        window.first = record
        window.count = records
    return window.data + (record - window.first) * window.n_draws


cdef inline int64_t window_records(int64_t n_draws, int64_t most) noexcept nogil:
    """Records worth holding at once: about 2048 draws, which stay in the first-level cache."""
    cdef int64_t records
    if n_draws == 0:
        return <int64_t> 1 << 61        # nothing is ever filled
    records = 2048 // n_draws
    if records < 1:
        records = 1
    return records if records < most else most
