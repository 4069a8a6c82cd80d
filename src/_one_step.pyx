"""Value-based learners beyond Q-learning that learn from one step at once: other targets, other rates, two tables.

All of them act, explore, keep their greedy actions and move their schedules on as Q-learning does
(``src/_q_learning.pyx``), whose kernel they derive from; only what a transition teaches differs. Twin:
``marlfast/reference/one_step.py``.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.tabular as leaf
from marlfast.core._kernels cimport check, check_cells
from marlfast.core._q_learning cimport QLearning
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport (
    EPSILON_GREEDY, Context, View, count_visit, look_at, policy_value, put, see_in, shift, value_of)

ctypedef int (*Act)(void *, int64_t, int64_t, const int32_t *, const double *, int64_t, int32_t *) noexcept nogil
ctypedef void (*Tick)(void *, int64_t, int64_t, const uint8_t *) noexcept nogil

cdef enum Rule:
    EXPECTED = 0
    DISTRIBUTED = 1
    HYSTERETIC = 2
    FREQUENCY = 3

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


cdef int _one_step(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const OneStepContext *c = <const OneStepContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, best, action, run, k = b.active
    cdef double target, old, value, step, second = 0.0
    cdef double *q
    cdef int status
    cdef bint over, moved
    cdef View here, ahead
    for r in range(count):
        run, over, moved = first + r, t.terminated[r], False
        if c.second != NULL:
            second = c.second.value[run]
        for j in range(b.led):
            i = b.leads[j]
            at = r * b.agents + i
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
            old, best, step = q[action], here.greedy[0], b.rate.value[run]
            if c.rule == DISTRIBUTED:
                value = target
            else:
                if c.rule == HYSTERETIC:
                    if not target - old >= 0.0:
                        step = second
                elif c.rule == FREQUENCY:
                    value = second / leaf.boltzmann_probability(q, b.actions[i], best, b.exploration.value[run], action)
                    step = (value if value < 1.0 else 1.0) * step
                value = old + step * (target - old)
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
    q, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict, random_ties, draws, learning
        As of :class:`QLearning`; so is ``active``, the last.
    rule : int
        0 to 3, as above.
    second : Schedule or None
        For rules 2 and 3.
    """
    cdef OneStepContext own

    def __init__(self, q, greedy, visits, table_of, actions, leads, discount, Schedule rate not None,
                 Schedule exploration not None, kind, strict, random_ties, draws, learning, rule, Schedule second,
                 active=1):
        super().__init__(q, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict,
                         random_ties, draws, learning, active)
        if rule not in (EXPECTED, DISTRIBUTED, HYSTERETIC, FREQUENCY):
            raise ValueError(f"rule: expected 0 to 3, got {rule}")
        if (second is not None) != (rule in (HYSTERETIC, FREQUENCY)):
            raise ValueError("second: expected a schedule for rules 2 and 3, and None for the others")
        if second is not None and second.runs != self.runs:
            raise ValueError(f"second: expected {self.runs} runs, got {second.runs}")
        if rule == DISTRIBUTED and active > 1:
            raise ValueError("active: expected 1 for rule 1, which replaces values")
        self.held = (self.held, second)
        self.own = OneStepContext(self.context, rule, NULL, self.operations.tick)
        self.operations.context = &self.own
        if second is not None:
            self.own.second = &second.data
            if second.data.kind != CONSTANT:
                self.operations.tick = _one_step_tick
        if learning:
            self.operations.update = _one_step


# -- two tables ----------------------------------------------------------------------------------

cdef int _double_act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                     int64_t stride, int32_t *actions) noexcept nogil:
    cdef const DoubleContext *c = <const DoubleContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i
    cdef int status
    for r in range(count):
        status = c.act(context, first + r, 1, rows + r * b.agents * b.active, draws + r * stride, stride,
                       actions + r * b.agents)
        if status:
            return status
        for j in range(b.led):
            i = b.leads[j]
            c.coins[(first + r) * b.agents + i] = draws[r * stride + i * b.draws + c.coin] < 0.5
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
        for j in range(b.led):
            i = b.leads[j]
            at = r * b.agents + i
            action, rows, next_rows = t.actions[at], t.rows + at * k, t.next_rows + at * k
            status = look_at(b, run, i, action, rows, next_rows, True, &here, &ahead)
            if status:
                return status
            one = 0 if c.coins[run * b.agents + i] else 1
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
            value = old + b.rate.value[run] * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            if k == 1:
                leaf.write_value(mine.q, mine.greedy, b.actions[i], action, value)
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
    q, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict, random_ties, draws, learning
        As of :class:`QLearning`; so is ``active``, the last. One draw more for each agent, after those of the
        exploration: the coin.
    first, second : float64 [R, rows, T, A]
        Modified.
    first_greedy, second_greedy : int32 [R, rows, T]
        Modified: the first of the greatest values of each.
    coins : int32 [R, N]
        Modified: 1 where the last draw said heads.
    """
    cdef DoubleContext own

    def __init__(self, q, greedy, visits, table_of, actions, leads, discount, Schedule rate not None,
                 Schedule exploration not None, kind, strict, random_ties, draws, learning, first, first_greedy,
                 second, second_greedy, coins, active=1):
        super().__init__(q, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict,
                         random_ties, draws, learning, active)
        cdef Context *b = &self.context
        cdef int64_t coin = 1 if kind != EPSILON_GREEDY else 3 if random_ties else 2
        if draws < coin + 1:
            raise ValueError(f"draws: expected at least {coin + 1}, got {draws}")
        cdef double[:, :, :, :] q_
        cdef int32_t[:, :, :] g
        cdef int k
        for k, (name, values, best) in enumerate((("first", first, first_greedy), ("second", second, second_greedy))):
            self.own.q_step[k] = check_cells(values, name, "float64", (self.runs, b.rows, b.tables, b.width))
            self.own.greedy_step[k] = check_cells(best, f"{name}_greedy", "int32", (self.runs, b.rows, b.tables))
            q_, g = values, best
            self.own.q[k], self.own.greedy[k] = &q_[0, 0, 0, 0], &g[0, 0, 0]
        cdef int32_t[:, ::1] coins_ = check(coins, "coins", "int32", (self.runs, self.agents), True)
        self.held = (self.held, first, first_greedy, second, second_greedy, coins)
        self.own.base, self.own.coins, self.own.coin, self.own.act = b[0], &coins_[0, 0], coin, self.operations.act
        self.operations.context = &self.own
        if learning:
            self.operations.act, self.operations.update = _double_act, _double
