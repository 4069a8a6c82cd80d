"""Q-learning's kernel, for others to derive from: they replace `operations.update` and keep the rest.

`QLearning.__init__` sets everything up; a derived class calls it, and then puts its own functions into `operations`.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core._kernels cimport Learner
from marlfast.core.operations cimport Transition
from marlfast.core.schedules cimport ScheduleData

cdef extern from "qlearning.h" nogil:
    ctypedef struct Cells "mf_qlearning":
        int64_t agents, led
        const int32_t *leads
        const int64_t *table
        int64_t bound, row_bytes, run_bytes
        char *cells
        int64_t greedy, visits, draws

cdef enum Exploration:
    EPSILON_GREEDY = 0
    BOLTZMANN = 1

cdef enum:
    MOST_VISITS = 2147483647


cdef struct Context:
    int64_t agents              # N, of the whole team
    int64_t led                 # how many of them this learner leads
    const int32_t *leads        # [led] which
    const int32_t *table_of     # [N]
    const int32_t *actions      # [N] actions of each agent
    int64_t rows, tables, width
    double *q                   # [R, rows, tables, width]; cells lie q_step apart
    int32_t *greedy             # [R, rows, tables], greedy_step apart
    int32_t *visits             # [R, rows, tables], visits_step apart
    int64_t q_step, greedy_step, visits_step
    const double *discount      # [R]
    ScheduleData *rate
    ScheduleData *exploration
    int64_t kind
    int64_t strict              # 1: explore iff u < epsilon; 0: iff u <= epsilon
    int64_t random_ties
    int64_t draws               # K
    int64_t choices             # actions that every agent has, where they are few and the table is in one piece
    Cells cells                 # then: where its cells are


cdef class QLearning(Learner):
    cdef Context context
    cdef object _few(self, object q, object greedy, object visits, object table_of)
