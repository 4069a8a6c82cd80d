"""Q-learning's kernel, for others to derive from: they replace `operations.update` and keep the rest.

`QLearning.__init__` sets everything up; a derived class calls it, and then puts its own functions into `operations`.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.td as leaf
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
    int64_t active              # k, rows that an observation is in, whose values add up
    double *sums                # [R, 3, pitch] room for such sums, where k > 1
    int64_t pitch


# What an agent knows of an observation.
cdef struct View:
    double *q                   # [A] action values: those of the cell, or sums over the active rows
    int32_t *greedy             # the first of the greatest of them
    int64_t cell                # with one active row


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


cdef inline bint inside(const Context *c, const int32_t *rows) noexcept nogil:
    """Whether all active rows of an observation lie in the table."""
    cdef int64_t j
    if c.active == 1:
        return <uint32_t> rows[0] < <uint64_t> c.rows
    for j in range(c.active):
        if <uint32_t> rows[j] >= <uint64_t> c.rows:
            return False
    return True


cdef inline void add_up(const Context *c, const double *q, int64_t q_step, int64_t run, int64_t agent,
                        const int32_t *rows, int64_t place, View *view) noexcept nogil:
    """Sums over several active rows, in one of three places."""
    cdef int64_t j, a, choices = c.actions[agent], cell = cell_of(c, run, rows[0], agent)
    cdef double *sums = c.sums + (3 * run + place) * c.pitch
    cdef const double *own = q + cell * q_step
    for a in range(choices):
        sums[a] = own[a]
    for j in range(1, c.active):
        own = q + cell_of(c, run, rows[j], agent) * q_step
        for a in range(choices):
            sums[a] += own[a]
    view.cell, view.q, view.greedy = cell, sums, <int32_t *> (sums + c.width)
    view.greedy[0] = leaf.first_greatest(sums, choices)


cdef inline int see_in(const Context *c, double *q, int64_t q_step, int32_t *greedy, int64_t greedy_step, int64_t run,
                       int64_t agent, const int32_t *rows, int64_t place, View *view) noexcept nogil:
    """How an observation, whose rows lie inside, looks in some table. What lies beyond one row stays out of line."""
    if c.active > 1:
        add_up(c, q, q_step, run, agent, rows, place, view)
        return Status.FINE
    view.cell = (run * c.rows + rows[0]) * c.tables + c.table_of[agent]
    view.q, view.greedy = q + view.cell * q_step, greedy + view.cell * greedy_step
    return Status.BAD_ACTION if <uint32_t> view.greedy[0] >= <uint32_t> c.actions[agent] else Status.FINE


cdef inline int see(const Context *c, int64_t run, int64_t agent, const int32_t *rows, int64_t place,
                    View *view) noexcept nogil:
    return see_in(c, c.q, c.q_step, c.greedy, c.greedy_step, run, agent, rows, place, view)


cdef inline int look_at(const Context *c, int64_t run, int64_t agent, int64_t action, const int32_t *rows,
                        const int32_t *next_rows, bint over, View *here, View *ahead) noexcept nogil:
    """What an agent's update reads, once all that leads to it is known to lie inside; a status."""
    cdef int status
    if <uint64_t> action >= <uint64_t> c.actions[agent]:
        return Status.BAD_ACTION
    if not (inside(c, rows) and inside(c, next_rows)):
        return Status.BAD_ROW
    status = see(c, run, agent, rows, 0, here)
    if status:
        return status
    if over:
        ahead[0] = here[0]      # which nobody looks at
        return Status.FINE
    return see(c, run, agent, next_rows, 1, ahead)


cdef inline double value_of(const Context *c, const double *q, int64_t q_step, int64_t run, int64_t agent,
                            const int32_t *rows, int64_t action) noexcept nogil:
    """An action value in some table."""
    cdef int64_t j
    cdef double value = q[cell_of(c, run, rows[0], agent) * q_step + action]
    for j in range(1, c.active):
        value += q[cell_of(c, run, rows[j], agent) * q_step + action]
    return value


cdef inline bint shift(const Context *c, double *q, int64_t q_step, int64_t run, int64_t agent, const int32_t *rows,
                       int64_t action, double by) noexcept nogil:
    """Move an action value by its active rows, each by the k-th part; false where one stops being finite."""
    cdef int64_t j, cell
    cdef double value
    by = by / <double> c.active
    for j in range(c.active):
        cell = cell_of(c, run, rows[j], agent) * q_step + action
        value = q[cell] + by
        if value - value != 0.0:
            return False
        q[cell] = value
    return True


cdef inline int put(const Context *c, int64_t run, int64_t agent, const int32_t *rows, const View *here,
                    int64_t action, double value, bint *moved) noexcept nogil:
    """Give an action of an observation that was looked at its new value; a status."""
    cdef int64_t j
    if c.active > 1:
        if not shift(c, c.q, c.q_step, run, agent, rows, action, value - here.q[action]):
            return Status.BAD_VALUE
        for j in range(1, c.active):
            count_visit(c, cell_of(c, run, rows[j], agent))
    count_visit(c, here.cell)
    moved[0] |= leaf.write_value(here.q, here.greedy, c.actions[agent], action, value)
    return Status.FINE


cdef class QLearning(Learner):
    cdef Context context
    cdef object _packed(self, object table_of, object actions, object leads)
