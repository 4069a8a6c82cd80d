"""Tabular Q-learning for any number of agents and tables. Twin: ``marlfast/reference/td.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from marlfast.core cimport td as leaf
from marlfast.core._kernels cimport Learner, check, check_cells
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_tick

cdef enum Exploration:
    EPSILON_GREEDY = 0
    BOLTZMANN = 1


cdef struct Context:
    int64_t agents              # N, of the whole team
    int64_t led                 # how many of them this learner leads
    const int32_t *leads        # [led] which
    const int32_t *table_of     # [N]
    const int32_t *actions      # [N] actions of each agent
    int64_t rows, tables, width
    double *q                   # [R, rows, tables, width]; cells lie q_step apart
    int32_t *greedy             # [R, rows, tables], greedy_step apart
    int64_t *visits             # [R, rows, tables], visits_step apart
    int64_t q_step, greedy_step, visits_step
    const double *discount      # [R]
    ScheduleData *rate
    ScheduleData *exploration
    int64_t kind
    int64_t strict              # 1: explore iff u < epsilon; 0: iff u <= epsilon
    int64_t random_ties
    int64_t draws               # K


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, cell, action, choices
    cdef const double *draw
    cdef double level
    for r in range(count):
        level = c.exploration.value[first + r]
        for j in range(c.led):
            i = c.leads[j]
            choices = c.actions[i]
            draw = draws + r * stride + i * c.draws
            if c.kind == EPSILON_GREEDY and (draw[0] < level if c.strict else draw[0] <= level):
                action = <int64_t> (draw[1] * <double> choices)
                if <uint64_t> action >= <uint64_t> choices:
                    return Status.BAD_DRAW
            else:
                if <uint32_t> rows[r * c.agents + i] >= <uint64_t> c.rows:
                    return Status.BAD_ROW
                cell = ((first + r) * c.rows + rows[r * c.agents + i]) * c.tables + c.table_of[i]
                action = c.greedy[cell * c.greedy_step]
                if <uint64_t> action >= <uint64_t> choices:
                    return Status.BAD_ACTION
                if c.kind == BOLTZMANN:
                    action = leaf.boltzmann(c.q + cell * c.q_step, choices, action, level, draw[0])
                elif c.random_ties:
                    action = leaf.random_greatest(c.q + cell * c.q_step, choices, action, draw[2])
            actions[r * c.agents + i] = <int32_t> action
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, k, cell, next_, action, best
    cdef double rate, discount, target, old, value
    for r in range(count):
        rate = c.rate.value[first + r]
        discount = c.discount[first + r]
        for j in range(c.led):
            i = c.leads[j]
            k = r * c.agents + i
            action = t.actions[k]
            if <uint64_t> action >= <uint64_t> c.actions[i]:
                return Status.BAD_ACTION
            if <uint32_t> t.rows[k] >= <uint64_t> c.rows or <uint32_t> t.next_rows[k] >= <uint64_t> c.rows:
                return Status.BAD_ROW
            cell = ((first + r) * c.rows + t.rows[k]) * c.tables + c.table_of[i]
            target = t.rewards[k]
            if not t.terminated[r]:
                next_ = ((first + r) * c.rows + t.next_rows[k]) * c.tables + c.table_of[i]
                best = c.greedy[next_ * c.greedy_step]
                if <uint64_t> best >= <uint64_t> c.actions[i]:
                    return Status.BAD_ACTION
                target += discount * c.q[next_ * c.q_step + best]
            old = c.q[cell * c.q_step + action]
            value = old + rate * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            c.visits[cell * c.visits_step] += 1
            if leaf.write_value(c.q + cell * c.q_step, c.greedy + cell * c.greedy_step, c.actions[i], action, value):
                changed[r] = 1
    return 0


cdef void _prefetch(void *context, int64_t first, int64_t count, const int32_t *rows) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i
    for r in range(count):
        for j in range(c.led):
            i = c.leads[j]
            if <uint32_t> rows[r * c.agents + i] < <uint64_t> c.rows:
                leaf.prefetch(c.q + (((first + r) * c.rows + rows[r * c.agents + i]) * c.tables + c.table_of[i])
                              * c.q_step)


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r
    for r in range(count):
        if ended[r] or not c.rate.per_episode:
            schedule_tick(c.rate, first + r)
        if ended[r] or not c.exploration.per_episode:
            schedule_tick(c.exploration, first + r)


cdef class QLearning(Learner):
    """Q-learning (Watkins 1989), one table an agent or shared, as the index ``table_of`` says.

    ``q[row, action] += rate * (reward + discount * max q[next row] - q[row, action])``; agents in
    order, so that agents who share a table see each other's writes of the same step.

    Parameters
    ----------
    q : float64 [R, rows, T, A]
        Modified: action values of T tables.
    greedy : int32 [R, rows, T]
        Modified: the first of the greatest action values.
    visits : int64 [R, rows, T]
        Modified: how often each row of each table was updated.
    table_of, actions : int32 [N]
        Table, and number of actions, of every agent of the team.
    leads : int32 [L]
        The agents that this learner leads.
    discount : float64 [R]
    rate, exploration : Schedule
        Learning rate, and epsilon or temperature.
    kind : int
        0: epsilon-greedy; 1: Boltzmann.
    strict : bool
        Explore iff u < epsilon; else iff u <= epsilon.
    random_ties : bool
        Ties broken by a third draw; else the first of the greatest.
    draws : int
        K, exploration draws per agent in the whole team.
    learning : bool
        False: the tables are frozen.
    """
    cdef Context context

    def __init__(self, q, greedy, visits, table_of, actions, leads, discount, Schedule rate, Schedule exploration,
                 kind, strict, random_ties, draws, learning):
        cdef int64_t q_step = check_cells(q, "q", "float64", (-1, -1, -1, -1)), greedy_step, visits_step
        cdef double[:, :, :, :] q_ = q
        cdef int64_t runs = q_.shape[0], rows = q_.shape[1], tables = q_.shape[2], width = q_.shape[3]
        if runs < 1 or rows < 1 or tables < 1 or width < 1:
            raise ValueError(f"q: expected at least one run, row, table and action, got shape {q.shape}")
        greedy_step = check_cells(greedy, "greedy", "int32", (runs, rows, tables))
        visits_step = check_cells(visits, "visits", "int64", (runs, rows, tables))
        cdef int32_t[:, :, :] g = greedy
        cdef int64_t[:, :, :] v = visits
        cdef const int32_t[::1] t = check(table_of, "table_of", "int32", (-1,), False)
        cdef int64_t agents = t.shape[0]
        if agents < 1:
            raise ValueError("table_of: expected at least one agent, got none")
        cdef const int32_t[::1] a = check(actions, "actions", "int32", (agents,), False)
        cdef const int32_t[::1] l = check(leads, "leads", "int32", (-1,), False)
        cdef const double[::1] d = check(discount, "discount", "float64", (runs,), False)
        if table_of.min() < 0 or table_of.max() >= tables:
            raise ValueError(f"table_of: expected tables 0 to {tables - 1}, got {table_of.min()} to {table_of.max()}")
        if actions.min() < 1 or actions.max() > width:
            raise ValueError(f"actions: expected 1 to {width} actions, got {actions.min()} to {actions.max()}")
        if l.shape[0] < 1 or leads.min() < 0 or leads.max() >= agents:
            raise ValueError(f"leads: expected at least one agent from 0 to {agents - 1}")
        if rate.runs != runs or exploration.runs != runs:
            raise ValueError(f"rate, exploration: expected {runs} runs, got {rate.runs}, {exploration.runs}")
        if kind not in (EPSILON_GREEDY, BOLTZMANN):
            raise ValueError(f"kind: expected 0 or 1, got {kind}")
        needed = 1 if kind == BOLTZMANN else 3 if random_ties else 2
        if draws < needed:
            raise ValueError(f"draws: expected at least {needed}, got {draws}")
        self.held = (q, greedy, visits, table_of, actions, leads, discount, rate, exploration)
        self.runs, self.agents, self.draws = runs, agents, draws
        self.context = Context(agents, l.shape[0], &l[0], &t[0], &a[0], rows, tables, width, &q_[0, 0, 0, 0],
                               &g[0, 0, 0], &v[0, 0, 0], q_step, greedy_step, visits_step, &d[0], &rate.data, &exploration.data, kind,
                               1 if strict else 0, 1 if random_ties else 0, draws)
        self.operations.context = &self.context
        self.operations.act = _act
        self.operations.update = NULL
        if learning:
            self.operations.update = _update
        self.operations.prefetch = _prefetch
        self.operations.tick = _tick
        if rate.data.kind == CONSTANT and exploration.data.kind == CONSTANT:
            self.operations.tick = _no_tick


cdef void _no_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    pass


def find_greedy(q, actions, greedy):
    """The first of the greatest action values of every cell.

    Parameters
    ----------
    q : float64 [cells, A]
    actions : int32 [cells]
        Actions of each cell, 1 to A.
    greedy : int32 [cells]
        Written.
    """
    cdef const double[:, ::1] q_ = check(q, "q", "float64", (-1, -1), False)
    cdef int64_t cells = q_.shape[0], width = q_.shape[1], k
    cdef const int32_t[::1] a = check(actions, "actions", "int32", (cells,), False)
    cdef int32_t[::1] g = check(greedy, "greedy", "int32", (cells,), True)
    if cells == 0:
        return
    if actions.min() < 1 or actions.max() > width:
        raise ValueError(f"actions: expected 1 to {width} actions, got {actions.min()} to {actions.max()}")
    with nogil:
        for k in range(cells):
            g[k] = leaf.first_greatest(&q_[k, 0], a[k])
