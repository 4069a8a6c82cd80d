from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from marlfast.core.operations cimport (
    EncoderOperations, GameOperations, LearnerOperations, RewardOperations)


cdef object check(object array, str name, str dtype, tuple shape, bint writable)
cdef int64_t check_cells(object array, str name, str dtype, tuple shape) except -1
cdef object check_status(int status, str what)

# Where an array begins that was checked before; NULL for None. Whoever keeps the pointer keeps the array.
cdef double *reals(object array) except? NULL
cdef int32_t *ids(object array) except? NULL
cdef int64_t *longs(object array) except? NULL
cdef uint8_t *flags(object array) except? NULL


cdef class Game:
    cdef GameOperations operations
    cdef readonly int64_t agents, state_size, views, features
    cdef readonly int64_t step_uniforms, step_normals, start_uniforms, start_normals
    cdef readonly int64_t max_actions   # A, set by games that have `legal`; else 0
    cdef readonly object held           # what the context points into
    cdef readonly dict failures         # run: the exception, of a game whose own code can fail; None: of the others
    cdef readonly bint serial           # its code runs under Python's global lock: more threads gain nothing
    cdef object _declare(self, void *context, int64_t n_agents, int64_t state_size, int64_t views, int64_t features,
                         tuple draws)
    cdef object _raise(self, int status, str what)


cdef class Encoder:
    cdef EncoderOperations operations
    cdef readonly int64_t runs, agents, views, features
    cdef readonly int64_t active        # k, rows that an observation is in
    cdef readonly object held


cdef class Reward:
    cdef RewardOperations operations
    cdef readonly int64_t runs, agents, views, features, state_size
    cdef readonly object held


cdef class Learner:
    cdef LearnerOperations operations
    cdef readonly int64_t runs, agents, draws
    cdef readonly int64_t active        # k, rows of each agent
    cdef readonly int64_t central       # C, rows of the whole state that follow them; 0: it reads none
    cdef readonly object held
