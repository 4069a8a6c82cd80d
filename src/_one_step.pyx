"""Value-based learners beyond Q-learning that learn from one step at once: other targets, other rates, two tables.

All of them act, explore, keep their greedy actions and move their schedules on as Q-learning does
(``src/_q_learning.pyx``), whose kernel they derive from; only what a transition teaches differs. Twin:
``marlfast/reference/one_step.py``.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.tabular as leaf
from marlfast.core._kernels cimport ids, reals
from marlfast.core._q_learning cimport QLearning
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Moves, Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_at, schedule_follow
from marlfast.core.tabular cimport (
    DISTRIBUTED_RULE, EPSILON_GREEDY, EXPECTED_RULE, HYSTERETIC_RULE, Q_RULE, Context, Legal, View, count_visit,
    legal_value, look_at, moved_value, own_transition, policy_value, put, put_legal, see_in, shift, value_of)
from marlfast.declarations.one_step import DOUBLE_Q, ONE_STEP, ONE_STEP_SIDE_BY_SIDE
from marlfast.declarations.q_learning import lanes_of

ctypedef int (*Act)(void *, int64_t, int64_t, const int32_t *, const double *, int64_t, int32_t *) noexcept nogil
ctypedef void (*Tick)(void *, int64_t, int64_t, const uint8_t *) noexcept nogil

cdef enum Rule:
    EXPECTED = 0
    DISTRIBUTED = 1
    HYSTERETIC = 2
    FREQUENCY = 3

cdef int *rules = [EXPECTED_RULE, DISTRIBUTED_RULE, HYSTERETIC_RULE]

# Each context begins with Q-learning's own, so that Q-learning's functions can be called with it as it is.


cdef struct OneStepContext:
    Context base
    int64_t rule
    ScheduleData *second
    Tick tick               # of the base


cdef struct DoubleContext:
    Context base
    double *q[2]
    int32_t *greedy[2]
    int64_t q_step[2]
    int64_t greedy_step[2]
    int32_t *coins          # [R, N]
    int64_t coin            # which of an agent's draws is the coin
    Act act                 # of the base


cdef inline double _moved(const OneStepContext *c, int64_t run, const double *q, int64_t n, int64_t best, int64_t action,
                          double target, double second, int32_t visits) noexcept nogil:
    """What becomes of one of n action values."""
    cdef const Context *b = &c.base
    cdef double old = q[action], step = schedule_at(b.rate, run, visits), scale
    if c.rule == FREQUENCY:
        scale = second / leaf.boltzmann_probability(q, n, best, b.exploration.value[run], action)
        step = (scale if scale < 1.0 else 1.0) * step
    return moved_value(old, step, second, target, <int> b.cells.rule)


cdef int _one_step(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const OneStepContext *c = <const OneStepContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, best, action, run, k = b.active
    cdef double target, old, value, second = 0.0
    cdef double *q
    cdef int status
    cdef bint over, moved
    cdef View here, ahead
    for r in range(count):
        run, over, moved = first + r, t.terminated[r], False
        if c.second != NULL:
            second = c.second.value[run]
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at = r * b.n_agents + i
            action = t.actions[at]
            status = look_at(b, run, i, action, t.rows + at * k, t.next_rows + at * k, over, &here, &ahead)
            if status:
                return status
            target = t.rewards[at]
            if not over:
                if c.rule == EXPECTED:
                    target += b.discount[run] * policy_value(b, run, i, &ahead)
                else:
                    target += b.discount[run] * ahead.q[ahead.greedy[0]]
            q = here.q
            old, best = q[action], here.greedy[0]
            value = _moved(c, run, q, b.n_actions[i], best, action, target, second,
                           b.visits[here.cell * b.visits_step])
            if value - value != 0.0:
                return Status.BAD_VALUE
            if c.rule != DISTRIBUTED:
                status = put(b, run, i, t.rows + at * k, &here, action, value, &moved)
                if status:
                    return status
                continue
            count_visit(b, here.cell)
            if value > old:
                # The policy changes only where the greatest value rises, so that all agents keep to one optimum.
                if action != best and value > q[best]:
                    here.greedy[0] = <int32_t> action
                    moved = True
                q[action] = value
        changed[r] |= moved
    return 0


cdef int _one_step_some(void *context, int64_t run, const Transition *t, const Moves *moves,
                        uint8_t *changed) noexcept nogil:
    """Those whose own transition is complete, among what is legal."""
    cdef const OneStepContext *c = <const OneStepContext *> context
    cdef const Context *b = &c.base
    cdef int64_t j, i, at, k = b.active
    cdef double target, value, second = c.second.value[run] if c.second != NULL else 0.0
    cdef int status
    cdef bint moved = False
    cdef View here
    cdef Legal found, ahead
    for j in range(b.n_ids):
        i = b.agent_ids[j]
        if not moves.learns[i]:
            continue
        status = own_transition(b, run, i, t, moves, &here, &found, &ahead, &at)
        if status:
            return status
        target = moves.rewards[i]
        if not moves.over[i]:
            value = legal_value(b, run, &ahead) if c.rule == EXPECTED else ahead.q[ahead.best]
            target += b.discount[run] * moves.ahead[i] * value
        value = _moved(c, run, found.q, found.n, found.best, at, target, second, b.visits[here.cell * b.visits_step])
        if value - value != 0.0:
            return Status.BAD_VALUE
        if c.rule != DISTRIBUTED:
            status = put_legal(b, run, i, moves.rows + i * k, &here, &found, at, value, &moved)
            if status:
                return status
            continue
        count_visit(b, here.cell)
        if value > found.q[at]:
            if at != found.best and value > found.q[found.best]:
                moved = True
                found.best = at
            here.greedy[0] = found.places[found.best]
            here.q[moves.actions[i]] = value
    changed[0] |= moved
    return 0


cdef void _one_step_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const OneStepContext *c = <const OneStepContext *> context
    cdef int64_t r
    if c.tick != NULL:
        c.tick(context, first, count, ended)
    for r in range(count):
        schedule_follow(c.second, first + r, ended[r])


cdef class OneStep(QLearning):
    """Learners that differ from Q-learning in one line: the target, or the rate.

    With ``target = reward + discount * ahead`` and ``error = target - q[row, action]``:

    0, Expected SARSA: ``ahead`` is the expected value of the successor under the exploring policy.
    1, distributed: ``q[row, action] = max(q[row, action], target)``, and the greedy action changes only where the
    greatest value of the row rises. 2, hysteretic: the rate is ``rate`` for errors of at least 0, else ``second``.
    3, frequency adjusted: the rate is ``min(second / x, 1) * rate``, where x is the action's Boltzmann probability.
    All but the first look ahead as Q-learning does, at the greatest value of the successor.

    Parameters
    ----------
    See ``marlfast/declarations/one_step.py``.
    """
    cdef OneStepContext own

    def __init__(self, **given):
        cdef int64_t lanes = lanes_of(given)
        self.context.cells.lanes = lanes
        a = (ONE_STEP_SIDE_BY_SIDE if lanes else ONE_STEP).check(given)
        cdef Schedule second = a.second
        self._take(a)
        # A frequency adjusted rate is Q-learning's rule with another rate.
        self.context.cells.rule = Q_RULE if a.rule == FREQUENCY else rules[<int> a.rule]
        self.context.cells.epsilon = self.context.exploration.value
        if second is not None:
            self.second, self.context.cells.second = &second.data, second.data.value
        self.own = OneStepContext(self.context, a.rule, self.second, self.operations.tick)
        self.operations.context = &self.own
        if second is not None and second.data.kind != CONSTANT:
            self.operations.tick = _one_step_tick
        # By cells as Q-learning learns, where that can be: epsilon-greedy, one row an observation, everybody in each step.
        self.learns_by_cells = (self.context.act != NULL and self.operations.act == self.context.act
                                and a.rule != FREQUENCY and not a.moves)
        if a.learning and not self.learns_by_cells:
            self.operations.update = _one_step
            if a.moves:
                self.operations.update_some = _one_step_some
        if a.rule == DISTRIBUTED:       # who keeps to what was greatest first
            self.own.base.incumbent = True


# -- two tables ----------------------------------------------------------------------------------

cdef int _double_act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                     int64_t stride, int32_t *actions) noexcept nogil:
    cdef const DoubleContext *c = <const DoubleContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i
    cdef int status
    for r in range(count):
        status = c.act(context, first + r, 1, rows + r * b.n_agents * b.active, draws + r * stride, stride,
                       actions + r * b.n_agents)
        if status:
            return status
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            c.coins[(first + r) * b.n_agents + i] = draws[r * stride + i * b.draws + c.coin] < 0.5
    return 0


cdef int _double(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const DoubleContext *c = <const DoubleContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, action, run, one, other, k = b.active
    cdef double target, old, value
    cdef const int32_t *rows
    cdef const int32_t *next_rows
    cdef int status
    cdef bint over, moved
    cdef View here, mine, ahead
    for r in range(count):
        run, over, moved = first + r, t.terminated[r], False
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at = r * b.n_agents + i
            action, rows, next_rows = t.actions[at], t.rows + at * k, t.next_rows + at * k
            status = look_at(b, run, i, action, rows, next_rows, True, &here, &ahead)
            if status:
                return status
            one = 0 if c.coins[run * b.n_agents + i] else 1
            other = 1 - one
            status = see_in(b, c.q[one], c.q_step[one], c.greedy[one], c.greedy_step[one], run, i, rows, 1, &mine)
            if status:
                return status
            target = t.rewards[at]
            if not over:
                status = see_in(b, c.q[one], c.q_step[one], c.greedy[one], c.greedy_step[one], run, i, next_rows, 2,
                                &ahead)
                if status:
                    return status
                target += b.discount[run] * value_of(b, c.q[other], c.q_step[other], run, i, next_rows, ahead.greedy[0])
            old = mine.q[action]
            value = old + schedule_at(b.rate, run, b.visits[here.cell * b.visits_step]) * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            if k == 1:
                leaf.write_value(mine.q, mine.greedy, b.n_actions[i], action, value, b.around)
            elif not shift(b, c.q[one], c.q_step[one], run, i, rows, action, value - old):
                return Status.BAD_VALUE
            value = 0.5 * value + 0.5 * value_of(b, c.q[other], c.q_step[other], run, i, rows, action)
            status = put(b, run, i, rows, &here, action, value, &moved)
            if status:
                return status
        changed[r] |= moved
    return 0


cdef class DoubleQ(QLearning):
    """Double Q-learning: two tables, each of which judges the other's greedy action; acts by their mean, ``q``.

    Heads: ``first[row, action] += rate * (reward + discount * second[next, greedy of first] - first[row, action])``;
    tails: the same with the tables exchanged.

    Parameters
    ----------
    See ``marlfast/declarations/one_step.py``.
    """
    cdef DoubleContext own

    def __init__(self, **given):
        a = DOUBLE_Q.check(given)
        self._take(a)
        self.own.base, self.own.act = self.context, self.operations.act
        self.own.q[0], self.own.q[1] = reals(a.first), reals(a.second)
        self.own.greedy[0], self.own.greedy[1] = ids(a.first_greedy), ids(a.second_greedy)
        self.own.q_step[0], self.own.q_step[1] = a.first_step, a.second_step
        self.own.greedy_step[0], self.own.greedy_step[1] = a.first_greedy_step, a.second_greedy_step
        self.own.coins, self.own.coin = ids(a.coins), a.coin
        self.operations.context = &self.own
        if a.learning:
            self.operations.act, self.operations.update = _double_act, _double
            self.operations.act_some = NULL         # its two tables are judged by all actions
