# cython: language_level=3
"""Tables of action values, one agent of one run: the leaves of all kernels that have some. Twin:
``marlfast/reference/tabular.py``.

A *cell* is one row of one table: ``q`` points at its A action values, ``greedy``
at its greedy one. ``greedy`` is kept up to date at every write, so that acting
and bootstrapping never scan the actions. Of several greatest values it is the
first, or (``around``) the one that was it before: another takes its place only
once that one's value is greater, and where several are, the first of them,
going round from it.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from marlfast.core.draws cimport exp_
from marlfast.core.operations cimport Moves, Status, Transition
from marlfast.core.schedules cimport ScheduleData


cdef extern from "explore.h" nogil:
    ctypedef struct Chance "mf_chance":
        double bound, scale, rest, shift
        int64_t which, tied
    int32_t first_greatest "mf_first_greatest"(const double *q, int64_t n_actions) noexcept
    int32_t greatest_from "mf_greatest_from"(const double *q, int64_t n_actions, int32_t start) noexcept
    int32_t greedy_after "mf_greedy_after"(const double *q, int64_t n_actions, int32_t best, int32_t action, double old,
                                           uint32_t around) noexcept
    Chance epsilon_chance "mf_epsilon"(double epsilon, int strict, int several) noexcept
    int64_t random_greatest "mf_tied"(const double *q, int64_t n_actions, int64_t best, double share) noexcept
    int64_t random_choice "mf_random_choice"(const Chance *chance, const double *draw, int64_t n) noexcept
    double tie_share "mf_tie_share"(const Chance *chance, const double *draw) noexcept

cdef enum Ties:         # bits
    DRAWN = 1           # one of the equals is drawn at each use
    INCUMBENT = 2       # `greedy` keeps to the one that was it before; else it is the first

cdef enum:
    KEPT = 64           # weights of a policy that are not worked out twice


cdef inline bint write_value(double *q, int32_t *greedy, int64_t n_actions, int64_t action, double value,
                             uint32_t around) noexcept nogil:
    """Write one action value and keep ``greedy``; true if the greedy action changed."""
    cdef int32_t best = greedy[0]
    cdef double old = q[action]
    q[action] = value
    greedy[0] = greedy_after(q, n_actions, best, <int32_t> action, old, around)
    return greedy[0] != best


cdef inline int64_t boltzmann(const double *q, int64_t n_actions, int64_t best, double temperature,
                              double u) noexcept nogil:
    """Action a with probability proportional to exp((q[a] - q[best]) / temperature), by inverse transform."""
    cdef int64_t a
    cdef double weight, total = 0.0, running = 0.0
    cdef double[KEPT] kept
    for a in range(n_actions):
        weight = exp_((q[a] - q[best]) / temperature)
        if a < KEPT:
            kept[a] = weight
        total += weight
    u = u * total
    for a in range(n_actions - 1):
        running += kept[a] if a < KEPT else exp_((q[a] - q[best]) / temperature)
        if u < running:
            return a
    return n_actions - 1


cdef inline double boltzmann_value(const double *q, int64_t n_actions, int64_t best, double temperature) noexcept nogil:
    """Expected action value if action a is taken with probability proportional to exp(q[a] / temperature)."""
    cdef int64_t a
    cdef double weight, total = 0.0, value = 0.0
    for a in range(n_actions):
        weight = exp_((q[a] - q[best]) / temperature)
        total += weight
        value += weight * q[a]
    return value / total


cdef inline double boltzmann_probability(const double *q, int64_t n_actions, int64_t best, double temperature,
                                         int64_t action) noexcept nogil:
    """Probability of an action, if action a is taken with probability proportional to exp(q[a] / temperature)."""
    cdef int64_t a
    cdef double total = 0.0
    for a in range(n_actions):
        total += exp_((q[a] - q[best]) / temperature)
    return exp_((q[action] - q[best]) / temperature) / total


cdef inline int64_t sample(const double *policy, int64_t n_actions, double u) noexcept nogil:
    """Action a with probability policy[a], by inverse transform of the uniform u; never one of probability 0."""
    cdef int64_t a, last = 0
    cdef double running = 0.0
    for a in range(n_actions):
        if policy[a] > 0.0:
            last = a
            running += policy[a]
            if u < running:
                return a
    return last                 # the probabilities were rounded to less than 1 together


# -- what a kernel knows of its tables, and leaves that work on it ---------------------------------

cdef extern from "q_learning.h" nogil:
    ctypedef struct Agent "mf_agent":
        int64_t agent, table, draw, n_actions
    ctypedef struct Cells "mf_qlearning":
        int64_t n_ids
        const Agent *agents
        int64_t bound, row_bytes, run_bytes
        char *cells
        int64_t greedy, visits, lanes
        uint32_t around, drawn
        int64_t rule
        const double *second
        const double *epsilon
    double epsilon_greedy_value "mf_expected"(const double *q, int64_t n_actions, int64_t best, double epsilon) noexcept
    double moved_value "mf_moved"(double old, double rate, double second, double target, int rule) noexcept
    enum:
        Q_RULE "MF_Q"
        EXPECTED_RULE "MF_EXPECTED"
        DISTRIBUTED_RULE "MF_DISTRIBUTED"
        HYSTERETIC_RULE "MF_HYSTERETIC"

cdef enum Exploration:
    EPSILON_GREEDY = 0          # by several draws, where a kernel is made: as published programs draw
    BOLTZMANN = 1
    ONE_DRAW = 2                # epsilon-greedy, by one draw

cdef enum:
    MAX_VISITS = 2147483647


cdef struct Context:
    int64_t n_agents            # N, of the whole team
    int64_t n_ids                 # how many of them this learner controls
    const int32_t *agent_ids        # [n_ids] which
    const int32_t *table_of     # [N]
    const int32_t *n_actions    # [N] actions of each agent
    int64_t n_rows, tables, max_actions
    double *q                   # [R, rows, tables, max_actions]; cells lie q_step apart
    int32_t *greedy             # [R, rows, tables], greedy_step apart
    int32_t *visits             # [R, rows, tables], visits_step apart
    int64_t q_step, greedy_step, visits_step
    const double *discount      # [R]
    ScheduleData *rate
    ScheduleData *exploration
    int64_t kind                # EPSILON_GREEDY or BOLTZMANN
    int64_t strict              # 1: explore iff u < epsilon; 0: iff u <= epsilon
    int64_t several             # draws: by one each decides all; 1: a second says which action, a third which tied one
    int64_t drawn               # 1: one of several greatest is drawn at each use
    uint32_t around             # all ones where ties go to the incumbent, else 0
    int64_t draws               # K
    int64_t few                 # actions that every agent has, where they are few and the table is in one piece
    Cells cells                 # where they are, if the table is in one piece; then, for its leaves:
    int (*act_in_cells)(const Cells *, int64_t, const int32_t *, const double *, const Chance *,
                        int32_t *) noexcept nogil
    int (*update_in_cells)(const Cells *, int64_t, const int32_t *, const int32_t *, const int32_t *, const double *,
                           int, double, double, uint8_t *) noexcept nogil
    # And what calls these, as in LearnerOperations:
    int (*act)(void *, int64_t, int64_t, const int32_t *, const double *, int64_t, int32_t *) noexcept nogil
    int (*update)(void *, int64_t, int64_t, const Transition *, uint8_t *) noexcept nogil
    int64_t active              # k, rows that an observation is in, whose values add up
    double *sums                # [R, 3, pitch] room for such sums, where k > 1
    int64_t pitch
    # Where games say who acts or what is legal; else NULL:
    double *gathered            # [R, 2, pitch] room for values of legal actions
    int32_t *places             # [R, 2, 2 * pitch] and for which actions they are
    bint incumbent              # whether the greedy one of them is looked for from the stored one on


# What an agent knows of an observation.
cdef struct View:
    double *q                   # [A] action values: those of the cell, or sums over the active rows
    int32_t *greedy             # the greedy one
    int64_t cell                # with one active row


cdef inline int64_t cell_of(const Context *c, int64_t run, int32_t row, int64_t agent) noexcept nogil:
    """Number of the cell of an agent's row among those of all runs; -1 where the row lies outside the table."""
    if <uint32_t> row >= <uint64_t> c.n_rows:
        return -1
    return (run * c.n_rows + row) * c.tables + c.table_of[agent]


cdef inline int look(const Context *c, int64_t run, int64_t agent, int64_t action, int32_t row, int32_t next_row,
                     bint over, int64_t *here, int64_t *ahead) noexcept nogil:
    """The cells that an agent's update reads, once all that leads to them is known to lie inside; a status."""
    if <uint64_t> action >= <uint64_t> c.n_actions[agent]:
        return Status.BAD_ACTION
    here[0], ahead[0] = cell_of(c, run, row, agent), cell_of(c, run, next_row, agent)
    if here[0] < 0 or ahead[0] < 0:
        return Status.BAD_ROW
    if <uint32_t> c.greedy[here[0] * c.greedy_step] >= <uint32_t> c.n_actions[agent]:
        return Status.BAD_ACTION
    if not over and <uint32_t> c.greedy[ahead[0] * c.greedy_step] >= <uint32_t> c.n_actions[agent]:
        return Status.BAD_ACTION
    return Status.FINE


cdef inline void count_visit(const Context *c, int64_t cell) noexcept nogil:
    c.visits[cell * c.visits_step] += c.visits[cell * c.visits_step] < MAX_VISITS


cdef inline bint inside(const Context *c, const int32_t *rows) noexcept nogil:
    """Whether all active rows of an observation lie in the table."""
    cdef int64_t j
    if c.active == 1:
        return <uint32_t> rows[0] < <uint64_t> c.n_rows
    for j in range(c.active):
        if <uint32_t> rows[j] >= <uint64_t> c.n_rows:
            return False
    return True


cdef inline int32_t greedy_sum(const Context *c, const double *sums, int64_t cell, int64_t agent) noexcept nogil:
    """The first of the greatest sums, going round from the greedy action of the first active row, which never moves."""
    return greatest_from(sums, c.n_actions[agent], c.greedy[cell * c.greedy_step] if c.around else 0)


cdef inline void add_up(const Context *c, const double *q, int64_t q_step, int64_t run, int64_t agent,
                        const int32_t *rows, int64_t place, View *view) noexcept nogil:
    """Sums over several active rows, in one of three places."""
    cdef int64_t j, a, n_actions = c.n_actions[agent], cell = cell_of(c, run, rows[0], agent)
    cdef double *sums = c.sums + (3 * run + place) * c.pitch
    cdef const double *own = q + cell * q_step
    for a in range(n_actions):
        sums[a] = own[a]
    for j in range(1, c.active):
        own = q + cell_of(c, run, rows[j], agent) * q_step
        for a in range(n_actions):
            sums[a] += own[a]
    view.cell, view.q, view.greedy = cell, sums, <int32_t *> (sums + c.max_actions)
    view.greedy[0] = greedy_sum(c, sums, cell, agent)


cdef inline int see_in(const Context *c, double *q, int64_t q_step, int32_t *greedy, int64_t greedy_step, int64_t run,
                       int64_t agent, const int32_t *rows, int64_t place, View *view) noexcept nogil:
    """How an observation, whose rows lie inside, looks in some table. What lies beyond one row stays out of line."""
    if c.active > 1:
        add_up(c, q, q_step, run, agent, rows, place, view)
        return Status.FINE
    view.cell = (run * c.n_rows + rows[0]) * c.tables + c.table_of[agent]
    view.q, view.greedy = q + view.cell * q_step, greedy + view.cell * greedy_step
    return Status.BAD_ACTION if <uint32_t> view.greedy[0] >= <uint32_t> c.n_actions[agent] else Status.FINE


cdef inline int see(const Context *c, int64_t run, int64_t agent, const int32_t *rows, int64_t place,
                    View *view) noexcept nogil:
    return see_in(c, c.q, c.q_step, c.greedy, c.greedy_step, run, agent, rows, place, view)


cdef inline int look_at(const Context *c, int64_t run, int64_t agent, int64_t action, const int32_t *rows,
                        const int32_t *next_rows, bint over, View *here, View *ahead) noexcept nogil:
    """What an agent's update reads, once all that leads to it is known to lie inside; a status."""
    cdef int status
    if <uint64_t> action >= <uint64_t> c.n_actions[agent]:
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
        for j in range(c.active):
            count_visit(c, cell_of(c, run, rows[j], agent))
        here.q[action] = value
        moved[0] |= greedy_sum(c, here.q, here.cell, agent) != here.greedy[0]
        return Status.FINE
    count_visit(c, here.cell)
    moved[0] |= write_value(here.q, here.greedy, c.n_actions[agent], action, value, c.around)
    return Status.FINE


# Values of an observation's legal actions, one after the other, as if there were no others: all rules go by these.
cdef struct Legal:
    double *q                   # [n]
    int32_t *places             # [n] which actions they are
    int64_t n
    int64_t start               # where the search for the greedy one of them begins
    int64_t best                # that one


cdef inline int gather(const Context *c, int64_t run, int64_t agent, const View *view, const uint8_t *legal,
                       int64_t place, Legal *found) noexcept nogil:
    """Into one of two places. A status."""
    cdef int64_t a, n = 0, start = 0, known = c.greedy[view.cell * c.greedy_step]
    cdef double *q = c.gathered + (2 * run + place) * c.pitch
    cdef int32_t *places = c.places + 2 * (2 * run + place) * c.pitch
    # Without branches: which actions are legal is close to random. What is written for one that is not is overwritten.
    for a in range(c.n_actions[agent]):
        start = n if a == known else start
        q[n], places[n] = view.q[a], <int32_t> a
        n += legal[a] != 0
    found.q, found.places, found.n = q, places, n
    if n == 0:
        return Status.NO_LEGAL
    found.start = start if c.incumbent and start < n else 0
    found.best = greatest_from(q, n, <int32_t> found.start)
    return Status.FINE


cdef inline int64_t place_of(const Legal *found, int64_t action) noexcept nogil:
    """Which of the legal actions one is; -1: it is not legal."""
    cdef int64_t k, at = -1
    for k in range(found.n):
        at = k if found.places[k] == action else at
    return at


cdef inline int own_transition(const Context *c, int64_t run, int64_t agent, const Transition *t, const Moves *moves,
                               View *here, Legal *found, Legal *ahead, int64_t *at) noexcept nogil:
    """What an agent learns from whose own transition is complete, among what is legal; a status.

    ``at``: the place of its action in ``found``.
    """
    cdef int64_t k = c.active, legal = agent * moves.max_actions
    cdef View next_view
    cdef int status = look_at(c, run, agent, moves.actions[agent], moves.rows + agent * k, t.next_rows + agent * k,
                              moves.over[agent], here, &next_view)
    if status == 0:
        status = gather(c, run, agent, here, moves.moved_legal + legal, 0, found)
    if status:
        return status
    ahead[0] = found[0]         # where the game is over, nobody looks at it
    if not moves.over[agent]:
        status = gather(c, run, agent, &next_view, moves.next_legal + legal, 1, ahead)
        if status:
            return status
    at[0] = place_of(found, moves.actions[agent])
    return Status.ILLEGAL if at[0] < 0 else Status.FINE


cdef inline int put_legal(const Context *c, int64_t run, int64_t agent, const int32_t *rows, const View *here,
                          const Legal *found, int64_t at, double value, bint *moved) noexcept nogil:
    """Give one of the legal actions its new value, and keep which of them is greedy; a status."""
    cdef int64_t j, action = found.places[at], best, start = found.start
    if c.active > 1:
        if not shift(c, c.q, c.q_step, run, agent, rows, action, value - found.q[at]):
            return Status.BAD_VALUE
        for j in range(c.active):
            count_visit(c, cell_of(c, run, rows[j], agent))
    else:
        count_visit(c, here.cell)
        here.q[action] = value
        start = found.best if c.incumbent else 0
    found.q[at] = value
    best = greatest_from(found.q, found.n, <int32_t> start)
    moved[0] |= best != found.best
    if c.active == 1:
        here.greedy[0] = found.places[best]
    return Status.FINE


cdef inline Chance chance_of(const Context *c, int64_t run) noexcept nogil:
    """How a run explores now, by epsilon."""
    return epsilon_chance(c.exploration.value[run], c.strict, c.several)


cdef inline double policy_value(const Context *c, int64_t run, int64_t agent, const View *view) noexcept nogil:
    """Expected action value of what is seen under the policy that explores as it does now."""
    if c.kind == EPSILON_GREEDY:
        return epsilon_greedy_value(view.q, c.n_actions[agent], view.greedy[0], c.exploration.value[run])
    return boltzmann_value(view.q, c.n_actions[agent], view.greedy[0], c.exploration.value[run])


cdef inline double legal_value(const Context *c, int64_t run, const Legal *found) noexcept nogil:
    """The same where some actions are not legal."""
    if c.kind == EPSILON_GREEDY:
        return epsilon_greedy_value(found.q, found.n, found.best, c.exploration.value[run])
    return boltzmann_value(found.q, found.n, found.best, c.exploration.value[run])
