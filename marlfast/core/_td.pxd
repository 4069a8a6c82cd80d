"""Q-learning's kernel, for others to derive from: they replace `operations.update` and keep the rest.

`QLearning.__init__` sets everything up; a derived class calls it, and then puts its own functions into `operations`.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from marlfast.core._kernels cimport Learner
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport ScheduleData

cdef extern from "qlearning.h" nogil:
    ctypedef struct Seat "mf_seat":
        int64_t agent, table, draw, choices
    ctypedef struct Cells "mf_qlearning":
        int64_t led
        const Seat *seats
        int64_t bound, row_bytes, run_bytes
        char *cells
        int64_t greedy, visits

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
    Cells cells                 # where they are, if the table is in one piece; then, for one run of a range:
    int (*act)(void *, int64_t, int64_t, const int32_t *, const double *, int64_t, int32_t *) noexcept nogil
    int (*update)(void *, int64_t, int64_t, const Transition *, uint8_t *) noexcept nogil


cdef inline int64_t cell_of(const Context *c, int64_t run, int32_t row, int64_t agent) noexcept nogil:
    """Number of the cell of an agent's row among those of all runs; -1 where the row lies outside the table."""
    if <uint32_t> row >= <uint64_t> c.rows:
        return -1
    return (run * c.rows + row) * c.tables + c.table_of[agent]


cdef inline int look(const Context *c, int64_t run, int64_t agent, int64_t action, int32_t row, int32_t next_row,
                     bint over, int64_t *here, int64_t *ahead) noexcept nogil:
    """The cells that an agent's update reads, once all that leads to them is known to lie inside; a status."""
    if <uint64_t> action >= <uint64_t> c.actions[agent]:
        return Status.BAD_ACTION
    here[0], ahead[0] = cell_of(c, run, row, agent), cell_of(c, run, next_row, agent)
    if here[0] < 0 or ahead[0] < 0:
        return Status.BAD_ROW
    if <uint32_t> c.greedy[here[0] * c.greedy_step] >= <uint32_t> c.actions[agent]:
        return Status.BAD_ACTION
    if not over and <uint32_t> c.greedy[ahead[0] * c.greedy_step] >= <uint32_t> c.actions[agent]:
        return Status.BAD_ACTION
    return Status.FINE


cdef inline void count_visit(const Context *c, int64_t cell) noexcept nogil:
    c.visits[cell * c.visits_step] += c.visits[cell * c.visits_step] < MOST_VISITS


cdef class QLearning(Learner):
    cdef Context context
    cdef object _packed(self, object table_of, object actions, object leads)
