"""Independent learners that forgive the others' exploration, to find an optimum together: lenient learning and
recursive FMQ. Twin: ``marlfast/reference/coordination.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cimport marlfast.core.coordination as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core._kernels cimport reals
from marlfast.core._schedules cimport Schedule
from marlfast.core._q_learning cimport QLearning
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport EPSILON_GREEDY, Context, cell_of, count_visit, look
from marlfast.declarations.coordination import LENIENT, RECURSIVE_FMQ

# Each context begins with Q-learning's own, so that Q-learning's functions can be called with it as it is.

cdef struct LenientContext:
    Context base
    double *temperature         # [R, rows, tables, max_actions]
    double *coins               # [R, N] drawn when acting, for the update of the same step
    const double *decay         # [R], as all below
    const double *min_temperature
    const double *diffusion
    const double *boldness
    const double *lenience


cdef struct FrequentContext:
    Context base
    double *mean                # [R, rows, tables, max_actions], as the two below
    double *greatest
    double *frequency
    ScheduleData *second
    void (*tick)(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil      # of the base


cdef int _lenient_act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                      int64_t stride, int32_t *actions) noexcept nogil:
    cdef const LenientContext *c = <const LenientContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, cell, best
    cdef double temperature
    cdef const double *draw
    cdef const double *q
    for r in range(count):
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            draw = draws + r * stride + i * b.draws
            if not (0.0 <= draw[0] < 1.0 and 0.0 <= draw[1] < 1.0):
                return Status.BAD_DRAW
            cell = cell_of(b, first + r, rows[r * b.n_agents + i], i)
            if cell < 0:
                return Status.BAD_ROW
            best = b.greedy[cell * b.greedy_step]
            if <uint32_t> best >= <uint32_t> b.n_actions[i]:
                return Status.BAD_ACTION
            q = b.q + cell * b.q_step
            temperature = leaf.mean_temperature(c.temperature + cell * b.max_actions, b.n_actions[i])
            if temperature < c.min_temperature[first + r] or not temperature > 0.0:
                actions[r * b.n_agents + i] = <int32_t> tabular.random_greatest(q, b.n_actions[i], best, draw[0])
            else:
                actions[r * b.n_agents + i] = <int32_t> tabular.boltzmann(
                    q, b.n_actions[i], best, c.boldness[first + r] * temperature, draw[0])
            c.coins[(first + r) * b.n_agents + i] = draw[1]
    return 0


cdef int _lenient(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const LenientContext *c = <const LenientContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, here, ahead, action, run
    cdef double target, old, value, heat
    cdef double *q
    cdef double *temperature
    cdef int status
    cdef bint over
    for r in range(count):
        run, over = first + r, t.terminated[r]
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at = r * b.n_agents + i
            action = t.actions[at]
            status = look(b, run, i, action, t.rows[at], t.next_rows[at], over, &here, &ahead)
            if status:
                return status
            q, temperature = b.q + here * b.q_step, c.temperature + here * b.max_actions
            target, old, heat = t.rewards[at], q[action], temperature[action]
            if not over:
                target += b.discount[run] * b.q[ahead * b.q_step + b.greedy[ahead * b.greedy_step]]
            value = old + b.rate.value[run] * (target - old)
            if target < old and not leaf.believes(heat, c.lenience[run], c.coins[run * b.n_agents + i]):
                value = old
            if value - value != 0.0:
                return Status.BAD_VALUE
            if not over:
                heat = ((1.0 - c.diffusion[run]) * heat
                        + c.diffusion[run] * leaf.mean_temperature(c.temperature + ahead * b.max_actions,
                                                                   b.n_actions[i]))
            temperature[action] = c.decay[run] * heat
            count_visit(b, here)
            changed[r] |= tabular.write_value(q, b.greedy + here * b.greedy_step, b.n_actions[i], action, value,
                                              b.around)
    return 0


cdef int _frequent(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const FrequentContext *c = <const FrequentContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, at, here, ahead, action, run, k
    cdef double target, top, mean, greatest, frequency, value
    cdef int status
    cdef bint over
    for r in range(count):
        run, over = first + r, t.terminated[r]
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at = r * b.n_agents + i
            action = t.actions[at]
            status = look(b, run, i, action, t.rows[at], t.next_rows[at], over, &here, &ahead)
            if status:
                return status
            target = top = t.rewards[at]
            if not over and b.discount[run] != 0.0:
                ahead *= b.max_actions
                target += b.discount[run] * c.mean[ahead + tabular.first_greatest(c.mean + ahead, b.n_actions[i])]
                top += b.discount[run] * c.greatest[ahead + tabular.first_greatest(c.greatest + ahead, b.n_actions[i])]
            k = here * b.max_actions + action
            mean = c.mean[k] + b.rate.value[run] * (target - c.mean[k])
            frequency = leaf.frequency_after(c.frequency[k], c.second.value[run], top, c.greatest[k])
            greatest = top if top > c.greatest[k] else c.greatest[k]
            value = (1.0 - frequency) * mean + frequency * greatest
            if value - value != 0.0:
                return Status.BAD_VALUE
            c.mean[k], c.greatest[k], c.frequency[k] = mean, greatest, frequency
            count_visit(b, here)
            changed[r] |= tabular.write_value(b.q + here * b.q_step, b.greedy + here * b.greedy_step, b.n_actions[i],
                                              action,
                                         value, b.around)
    return 0


cdef void _frequent_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const FrequentContext *c = <const FrequentContext *> context
    cdef int64_t r
    if c.tick != NULL:
        c.tick(context, first, count, ended)
    for r in range(count):
        schedule_follow(c.second, first + r, ended[r])


cdef class Lenient(QLearning):
    """Lenient learning, LMRL2 (Wei and Luke 2016).

    Every action of every row has a temperature. An agent acts by Boltzmann's rule at ``boldness`` times their mean, or
    greedily (ties at random) where the mean is below ``min_temperature``. A target below the old value is learned from
    with probability ``1 - exp(-1 / (lenience * temperature))`` only. Then the temperature becomes ``decay`` times
    itself, of which a part, ``diffusion``, is first replaced by the mean temperature of the successor, if the game
    goes on.

    Parameters
    ----------
    See ``marlfast/declarations/coordination.py``.
    """
    cdef LenientContext lenient

    def __init__(self, **given):
        a = LENIENT.check(given)
        self._take(a)
        self.lenient = LenientContext(self.context, reals(a.temperature), reals(a.coins), reals(a.decay),
                                      reals(a.min_temperature), reals(a.diffusion), reals(a.boldness),
                                      reals(a.lenience))
        self.operations.context = &self.lenient
        self.operations.act = _lenient_act
        if a.learning:
            self.operations.update = _lenient


cdef class RecursiveFMQ(QLearning):
    """Recursive frequency maximum Q (Matignon, Laurent and Le Fort-Piat 2008).

    Each action has a mean value, its greatest value so far, and how often it brings that one; ``q`` holds the
    evaluations ``(1 - frequency) * mean + frequency * greatest``, by which an agent acts as in Q-learning.

    Parameters
    ----------
    See ``marlfast/declarations/coordination.py``.
    """
    cdef FrequentContext frequent

    def __init__(self, **given):
        a = RECURSIVE_FMQ.check(given)
        cdef Schedule second = a.second
        self._take(a)
        self.frequent = FrequentContext(self.context, reals(a.mean), reals(a.greatest), reals(a.frequency),
                                        &second.data, self.operations.tick)
        self.operations.context = &self.frequent
        if a.learning:
            self.operations.update = _frequent
        if second.data.kind != CONSTANT:
            self.operations.tick = _frequent_tick
