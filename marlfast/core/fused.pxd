# cython: language_level=3
"""The fused loop's state (``fused.h``), and what its hooks work on (``fused.pxi``)."""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.operations cimport Draws, EncoderOperations, GameOperations, RewardOperations, Transition
from marlfast.core.schedules cimport ScheduleData

cdef extern from "fused.h" nogil:
    enum:
        PAD "MF_PAD"
        AMOUNTS "MF_AMOUNTS"
    ctypedef struct Cells "mf_qlearning":
        pass
    ctypedef struct Fused "mf_fused":
        void *parts
        const Cells *learner
        int64_t n_agents, few, one_row, wide
        int64_t explore, step_uniforms, step_normals
        int64_t horizon, horizon_ends, max_steps, max_stable
        int64_t strict, several, lanes, observes, ticks, paid, amounts
        const double **amount
        const double *rate
        const double *discount
        const double *epsilon
        const int64_t *stable_after
        const int64_t *used
        int64_t fits, kind, foreign, state_size, record_every, start_uniforms, start_normals
        int64_t run
        double *state
        double *observation
        double *raw
        double *rewards
        int32_t *actions
        int32_t *rows
        int32_t *next_rows
        int64_t *steps
        int64_t *episodes
        int64_t *episode_steps
        int64_t *stable
        int64_t *fault
        double *episode_return
        double *episode_shaped
        int64_t more
        const double *uniforms
        const double *normals
        double *returns
        double *shaped_returns
        int64_t *length
        int64_t entered
        uint8_t terminated, truncated, ended, full
    ctypedef int Advance "mf_advance"(Fused *f, int64_t count, const double *explore, const double *uniforms,
                                      const double *normals) noexcept
    Advance *fused_choose "mf_fused_choose"(const Fused *f) noexcept

# Of a game: its own instance of the template for a session, or NULL.
ctypedef Advance *(*Choose)(const Fused *f) noexcept nogil

ctypedef struct Parts:
    GameOperations *game
    Draws draws                     # of the step under way
    Draws starts                    # of the start that follows
    EncoderOperations *encoder
    RewardOperations **rewards
    int64_t reward_count, plain
    Transition transition           # of the step under way
    int64_t distinct
    ScheduleData *rate              # NULL: constant
    ScheduleData *exploration
    ScheduleData *second            # NULL: constant, or none
