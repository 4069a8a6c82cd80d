"""Value-based learners that learn from more than one step: SARSA, traces, whole episodes.

All of them act, explore, keep their greedy actions and move their schedules on as Q-learning does
(``src/_q_learning.pyx``), whose kernel they derive from; only what a transition teaches differs, and when. Twin:
``marlfast/reference/multi_step.py``.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cimport marlfast.core.tabular as leaf
from marlfast.core._kernels cimport ids, reals
from marlfast.core._q_learning cimport QLearning
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Status, Transition
from marlfast.core.tabular cimport Context, View, cell_of, count_visit, inside, look_at, policy_value, put, see
from marlfast.declarations.multi_step import EPISODES, TRACES

ctypedef void (*Tick)(void *, int64_t, int64_t, const uint8_t *) noexcept nogil

cdef enum Late:             # what a tick leaves to the next update to say
    NOTHING = 0
    MOVED = 1               # a greedy action changed
    FAILED = 2              # a value stopped being finite

# Each context begins with Q-learning's own, so that Q-learning's functions can be called with it as it is.


cdef struct TracesContext:
    Context base
    int64_t on_policy
    int64_t accumulate
    int64_t length          # L
    double cutoff
    const double *decay     # [R]
    int32_t *cells          # [R, N, L, 2] row, action
    double *eligibility     # [R, N, L]
    int32_t *eligible       # [R, N] how many
    int32_t *waiting        # [R, N, 2 + 2 k] whether, rows, action, next rows
    double *waiting_reward  # [R, N]
    int32_t *late           # [R]
    Tick tick               # of the base


cdef struct EpisodeContext:
    Context base
    int64_t length          # H
    int32_t *cells          # [R, N, H, k + 1] rows, action
    double *rewards         # [R, N, H]
    int32_t *known          # [R, N] steps of the episode so far
    int32_t *last           # [R, N * k] the rows after them
    int32_t *late           # [R]
    Tick tick               # of the base


# -- traces --------------------------------------------------------------------------------------

cdef inline void forget(const TracesContext *c, int64_t who) noexcept nogil:
    """No cell of an agent is eligible any more."""
    cdef int64_t k, n = min(c.eligible[who], c.length)
    for k in range(n):
        c.eligibility[who * c.length + k] = 0.0
        c.cells[2 * (who * c.length + k)] = c.cells[2 * (who * c.length + k) + 1] = 0
    c.eligible[who] = 0


cdef inline void visit(const TracesContext *c, int64_t who, int32_t row, int32_t action) noexcept nogil:
    """Make a cell eligible; where there is no room for it, in place of the least eligible one."""
    cdef int64_t k, n = c.eligible[who], place = n
    cdef int32_t *cells = c.cells + 2 * who * c.length
    cdef double *eligibility = c.eligibility + who * c.length
    for k in range(n):
        if cells[2 * k] == row and cells[2 * k + 1] == action:
            eligibility[k] = eligibility[k] + 1.0 if c.accumulate else 1.0
            return
    if n == c.length:
        place = 0
        for k in range(1, n):
            if eligibility[k] < eligibility[place]:
                place = k
    else:
        c.eligible[who] = <int32_t> (n + 1)
    cells[2 * place], cells[2 * place + 1], eligibility[place] = row, action, 1.0


cdef inline int learn_from(const TracesContext *c, const int64_t k, int64_t run, int64_t agent, const int32_t *rows,
                           int32_t action, double target, bint *moved) noexcept nogil:
    """Move the values of all eligible cells, those just visited among them, by the error of these; k active rows."""
    cdef const Context *b = &c.base
    cdef int64_t who = run * b.n_agents + agent, m, n, kept = 0, cell
    cdef int32_t *cells = c.cells + 2 * who * c.length
    cdef double *eligibility = c.eligibility + who * c.length
    cdef double step, value, fade = b.discount[run] * c.decay[run]
    cdef uint32_t what
    cdef int32_t best
    cdef View own
    cdef int status = see(b, run, agent, rows, 0, &own)
    if status:
        return status
    best = own.greedy[0]
    step = b.rate.value[run] * (target - own.q[action])
    if <uint32_t> c.eligible[who] > <uint32_t> c.length:
        return Status.BAD_ROW
    if k > 1:
        step = step / <double> k
    for m in range(k):
        visit(c, who, rows[m], action)
    n = c.eligible[who]
    for m in range(n):
        cell, what = cell_of(b, run, cells[2 * m], agent), <uint32_t> cells[2 * m + 1]
        if cell < 0:
            return Status.BAD_ROW
        if what >= <uint32_t> b.n_actions[agent] or (
                k == 1 and <uint32_t> b.greedy[cell * b.greedy_step] >= <uint32_t> b.n_actions[agent]):
            return Status.BAD_ACTION
        value = b.q[cell * b.q_step + what] + step * eligibility[m]
        if value - value != 0.0:
            return Status.BAD_VALUE
        if k == 1:
            moved[0] |= leaf.write_value(b.q + cell * b.q_step, b.greedy + cell * b.greedy_step, b.n_actions[agent],
                                         what,
                                         value, b.around)
        else:
            b.q[cell * b.q_step + what] = value
        # It fades, and is kept, in the place of the first before it that was not.
        value = eligibility[m] * fade
        if value >= c.cutoff:
            cells[2 * kept], cells[2 * kept + 1], eligibility[kept] = cells[2 * m], <int32_t> what, value
            kept += 1
    for m in range(k):
        count_visit(b, cell_of(b, run, rows[m], agent))
    if k > 1:
        # Which other observations share the cells is not known: only the one that was learned from is looked at.
        see(b, run, agent, rows, 0, &own)
        moved[0] |= own.greedy[0] != best
    for m in range(kept, n):
        cells[2 * m], cells[2 * m + 1], eligibility[m] = 0, 0, 0.0
    c.eligible[who] = <int32_t> kept
    return 0


cdef int learn_from_one(const TracesContext *c, int64_t run, int64_t agent, const int32_t *rows, int32_t action,
                        double target, bint *moved) noexcept nogil:
    return learn_from(c, 1, run, agent, rows, action, target, moved)        # a constant, for which it is compiled


cdef int learn_from_many(const TracesContext *c, int64_t run, int64_t agent, const int32_t *rows, int32_t action,
                         double target, bint *moved) noexcept nogil:
    return learn_from(c, c.base.active, run, agent, rows, action, target, moved)


cdef inline int learn(const TracesContext *c, int64_t run, int64_t agent, const int32_t *rows, int32_t action,
                      double target, bint *moved) noexcept nogil:
    if c.base.active == 1:
        return learn_from_one(c, run, agent, rows, action, target, moved)
    return learn_from_many(c, run, agent, rows, action, target, moved)


cdef int finish(const TracesContext *c, int64_t run, int64_t agent, int64_t action, bint *moved) noexcept nogil:
    """Learn from the step that waits for the next action; -1: which will never be known."""
    cdef const Context *b = &c.base
    cdef int64_t who = run * b.n_agents + agent, k = b.active
    cdef int32_t *waiting = c.waiting + (2 + 2 * k) * who
    cdef const int32_t *rows = waiting + 1
    cdef double next_value
    cdef int status
    cdef View here, ahead
    if not waiting[0]:
        return 0
    status = look_at(b, run, agent, rows[k], rows, rows + k + 1, False, &here, &ahead)
    if status:
        return status
    next_value = policy_value(b, run, agent, &ahead) if action < 0 else ahead.q[action]
    status = learn(c, run, agent, rows, rows[k], c.waiting_reward[who] + b.discount[run] * next_value, moved)
    if status == 0:
        waiting[0] = 0
    return status


cdef int _traces(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const TracesContext *c = <const TracesContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, who, run, m, k = b.active
    cdef int32_t action
    cdef double target
    cdef int32_t *waiting
    cdef const int32_t *rows
    cdef const int32_t *next_rows
    cdef int status
    cdef bint over, moved
    cdef View here, ahead
    for r in range(count):
        run, over, moved = first + r, t.terminated[r], False
        if c.on_policy and c.late[run] != NOTHING:
            if c.late[run] != MOVED:
                return Status.BAD_VALUE
            c.late[run], moved = NOTHING, True
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at, who = r * b.n_agents + i, run * b.n_agents + i
            action, rows, next_rows = t.actions[at], t.rows + at * k, t.next_rows + at * k
            status = look_at(b, run, i, action, rows, next_rows, over, &here, &ahead)
            if status:
                return status
            target = t.rewards[at]
            if c.on_policy:
                status = finish(c, run, i, action, &moved)      # what was looked at may have changed
                if status:
                    return status
                if not over:
                    waiting = c.waiting + (2 + 2 * k) * who
                    waiting[0], waiting[1], waiting[1 + k], waiting[2 + k] = 1, rows[0], action, next_rows[0]
                    for m in range(1, k):
                        waiting[1 + m], waiting[2 + k + m] = rows[m], next_rows[m]
                    c.waiting_reward[who] = target
                    continue
            else:
                # What follows an action that is not greedy says nothing about the greedy policy.
                if here.q[action] < here.q[here.greedy[0]]:
                    forget(c, who)
                if not over:
                    target += b.discount[run] * ahead.q[ahead.greedy[0]]
            status = learn(c, run, i, rows, action, target, &moved)
            if status:
                return status
        changed[r] |= moved
    return 0


cdef void _traces_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    """The end of an episode: a step that still waits is followed by no action, and no cell stays eligible."""
    cdef const TracesContext *c = <const TracesContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, run
    cdef bint moved
    for r in range(count):
        if not ended[r]:
            continue
        run, moved = first + r, False
        for j in range(b.n_ids):
            if c.on_policy and finish(c, run, b.agent_ids[j], -1, &moved):
                c.late[run] = FAILED
            forget(c, run * b.n_agents + b.agent_ids[j])
        if moved and c.late[run] == NOTHING:
            c.late[run] = MOVED
    if c.tick != NULL:
        c.tick(context, first, count, ended)


cdef class Traces(QLearning):
    """SARSA(lambda) and Watkins's Q(lambda): an error also moves the values of cells that were visited before.

    ``q[cell] += rate * error * eligibility[cell]`` for all eligible cells of an agent, whose eligibility then falls by
    ``discount * decay``. SARSA's error needs the next action: a step waits for it until the next update, in which it
    comes first; where the episode is truncated, ``tick`` takes the expected value under the exploring policy instead.

    Parameters
    ----------
    See ``marlfast/declarations/multi_step.py``.
    """
    cdef TracesContext own

    def __init__(self, **given):
        a = TRACES.check(given)
        self._take(a)
        self.own = TracesContext(self.context, a.on_policy, a.accumulate, a.length, a.cutoff, reals(a.decay),
                                 ids(a.cells), reals(a.eligibility), ids(a.eligible), ids(a.waiting),
                                 reals(a.waiting_reward), ids(a.late), self.operations.tick)
        self.operations.context = &self.own
        if a.learning:
            self.operations.update, self.operations.tick = _traces, _traces_tick


# -- whole episodes ------------------------------------------------------------------------------

cdef int look_back(const EpisodeContext *c, int64_t run, int64_t agent, double value, bint *moved) noexcept nogil:
    """Learn from the returns of every step of an agent's episode, the last first; ``value``: of what follows it."""
    cdef const Context *b = &c.base
    cdef int64_t who = run * b.n_agents + agent, n = b.active, k
    cdef const int32_t *taken
    cdef double old, new
    cdef int status
    cdef View here, ahead
    if <uint32_t> c.known[who] > <uint32_t> c.length:
        return Status.BAD_ROW
    for k in range(c.known[who] - 1, -1, -1):
        taken = c.cells + (n + 1) * (who * c.length + k)
        status = look_at(b, run, agent, taken[n], taken, taken, True, &here, &ahead)
        if status:
            return status
        value = c.rewards[who * c.length + k] + b.discount[run] * value
        old = here.q[taken[n]]
        new = old + b.rate.value[run] * (value - old)
        if new - new != 0.0:
            return Status.BAD_VALUE
        status = put(b, run, agent, taken, &here, taken[n], new, moved)
        if status:
            return status
    c.known[who] = 0
    return 0


cdef int _episode(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const EpisodeContext *c = <const EpisodeContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, who, run, k, m, n = b.active
    cdef int32_t *taken
    cdef const int32_t *rows
    cdef const int32_t *next_rows
    cdef int status
    cdef bint over, moved
    cdef View here, ahead
    for r in range(count):
        run, over, moved = first + r, t.terminated[r], False
        if c.late[run] != NOTHING:
            if c.late[run] != MOVED:
                return Status.BAD_VALUE
            c.late[run], moved = NOTHING, True
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at, who = r * b.n_agents + i, run * b.n_agents + i
            rows, next_rows = t.rows + at * n, t.next_rows + at * n
            status = look_at(b, run, i, t.actions[at], rows, next_rows, over, &here, &ahead)
            if status:
                return status
            k = c.known[who]
            if <uint32_t> k >= <uint32_t> c.length:
                return Status.BAD_ROW
            taken = c.cells + (n + 1) * (who * c.length + k)
            for m in range(n):
                taken[m], c.last[who * n + m] = rows[m], next_rows[m]
            taken[n], c.rewards[who * c.length + k], c.known[who] = t.actions[at], t.rewards[at], <int32_t> (k + 1)
            if over:
                status = look_back(c, run, i, 0.0, &moved)
            elif k + 1 == c.length:
                status = look_back(c, run, i, policy_value(b, run, i, &ahead), &moved)
            if status:
                return status
        changed[r] |= moved
    return 0


cdef void _episode_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    """An episode that ended otherwise: what would have followed is worth what the policy makes of it."""
    cdef const EpisodeContext *c = <const EpisodeContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, run, who
    cdef const int32_t *last
    cdef bint moved
    cdef View ahead
    for r in range(count):
        if not ended[r]:
            continue
        run, moved = first + r, False
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            who = run * b.n_agents + i
            if c.known[who] == 0:
                continue
            last = c.last + who * b.active
            if not inside(b, last) or see(b, run, i, last, 1, &ahead) or (
                    look_back(c, run, i, policy_value(b, run, i, &ahead), &moved)):
                c.late[run] = FAILED
        if moved and c.late[run] == NOTHING:
            c.late[run] = MOVED
    if c.tick != NULL:
        c.tick(context, first, count, ended)


cdef class Episodes(QLearning):
    """Every-visit Monte-Carlo control: ``q[row, action] += rate * (return - q[row, action])``, once an episode ended.

    Steps are gone through from the last to the first. Where an episode is truncated, the return goes on with the
    expected value of its successor under the exploring policy.

    Parameters
    ----------
    See ``marlfast/declarations/multi_step.py``.
    """
    cdef EpisodeContext own

    def __init__(self, **given):
        a = EPISODES.check(given)
        self._take(a)
        self.own = EpisodeContext(self.context, a.H, ids(a.cells), reals(a.rewards), ids(a.known), ids(a.last),
                                  ids(a.late), self.operations.tick)
        self.operations.context = &self.own
        if a.learning:
            self.operations.update, self.operations.tick = _episode, _episode_tick
