"""Mean field learning: an agent learns what its actions are worth beside the mean action of its neighbours.

Twin: ``marlfast/reference/mean_field.py``.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.mean_field as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core._kernels cimport Learner, ids, longs, reals
from marlfast.core._schedules cimport Schedule
from marlfast.core._q_learning cimport QLearning
from marlfast.core.draws cimport exp_
from marlfast.core.inner cimport Inner, act_within, learn_within, within
from marlfast.core.mean_field cimport Neighbourhoods
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport BOLTZMANN, Context, count_visit, look
from marlfast.declarations.mean_field import MEAN_FIELD, MEAN_FIELD_ACTOR_CRITIC


cdef struct FieldContext:
    Neighbourhoods near
    Inner inner
    int32_t *mean               # [R, N] one more than the number of the last mean action; 0: there is none yet


cdef struct ActorContext:
    Context actor               # first, so that a pointer to this is one to it; its values are the logits
    Neighbourhoods near
    double *q                   # [R, rows, means, tables, max_actions]
    ScheduleData *critic
    int32_t *points             # [R, N] scratch: numbers of mean actions
    double *weights             # [R, width] scratch
    void (*tick)(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil      # of the actor


cdef object fill(Neighbourhoods *n, object a):
    """Set up neighbourhoods from arguments that were checked; returns what they point into beside these."""
    sizes = None if a.group is None else np.bincount(a.group + 1, minlength=2)[1:].astype(np.int64)
    counts = np.zeros((a.R, 1 if sizes is None else len(sizes), a.n_near_actions), np.int64)
    n.n_agents, n.n_ids, n.agent_ids = a.N, a.L, ids(a.agent_ids)
    n.n_near_actions, n.bins, n.means = a.n_near_actions, a.bins, a.means
    n.edges, n.neighbours, n.group, n.sizes = longs(a.edges), ids(a.neighbours), ids(a.group), longs(sizes)
    n.groups = 0 if sizes is None else len(sizes)
    n.ranks, n.counts = longs(a.ranks), longs(counts)
    n.start = 0
    for k in range(1, a.n_near_actions):
        n.start += a.ranks[k - 1, (2 * k * a.bins + a.n_near_actions) // (2 * a.n_near_actions) + k - 1]
    return a.ranks, counts, sizes


# -- a learner of action values, whose rows say the mean action ----------------------------------

cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const FieldContext *c = <const FieldContext *> context
    cdef int64_t r, j, i, at, run, n_agents = c.near.n_agents, last
    cdef int status
    for r in range(count):
        run = first + r
        for j in range(c.near.n_ids):
            i = c.near.agent_ids[j]
            at = run * n_agents + i
            last = c.mean[at] - 1 if c.mean[at] != 0 else leaf.first_point(&c.near, j)
            c.inner.now[at] = within(&c.inner, rows[r * n_agents + i], last)
        status = act_within(&c.inner, run, draws + r * stride, stride, actions + r * n_agents)
        if status:
            return status
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Learn what the action was worth beside the neighbours' actions of the same step, and remember these."""
    cdef const FieldContext *c = <const FieldContext *> context
    cdef int64_t r, j, i, at, run, n_agents = c.near.n_agents
    cdef int32_t mean
    cdef int status
    for r in range(count):
        run = first + r
        status = leaf.means(&c.near, run, t.actions + r * n_agents, c.inner.now + run * n_agents)
        if status:
            return status
        for j in range(c.near.n_ids):
            i = c.near.agent_ids[j]
            at = run * n_agents + i
            mean = c.inner.now[at]
            c.inner.now[at] = within(&c.inner, t.rows[r * n_agents + i], mean)
            c.inner.next_rows[at] = within(&c.inner, t.next_rows[r * n_agents + i], mean)
            c.mean[at] = mean + 1
        status = learn_within(&c.inner, run, t, r, t.rewards + r * n_agents, changed + r)
        if status:
            return status
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const FieldContext *c = <const FieldContext *> context
    cdef int64_t r, j
    for r in range(count):
        if ended[r]:
            for j in range(c.near.n_ids):
                c.mean[(first + r) * c.near.n_agents + c.near.agent_ids[j]] = 0
    if c.inner.operations.tick != NULL:
        c.inner.operations.tick(c.inner.operations.context, first, count, ended)


cdef class MeanField(Learner):
    """A learner whose rows say the mean action of an agent's neighbours too: row * means + mean action.

    It acts by the mean action of the step before, and learns by that of the step that is learned from, in the row and
    in its successor. The first step of an episode is acted in as if all actions had had the same share.

    Parameters
    ----------
    See ``marlfast/declarations/mean_field.py``.
    """
    cdef FieldContext field

    def __init__(self, **given):
        a = MEAN_FIELD.check(given)
        cdef Learner inner = a.inner
        if inner.operations.act == NULL:
            raise ValueError("inner: expected a learner of one row of each agent")
        held = fill(&self.field.near, a)
        now, next_rows = np.zeros((a.R, a.N), np.int32), np.zeros((a.R, a.N), np.int32)
        self.field.inner = Inner(&inner.operations, a.N, a.L, ids(a.agent_ids), a.n_rows, a.means, ids(now),
                                 ids(next_rows))
        self.field.mean = ids(a.mean)
        self.held = (a.kept, held, now, next_rows)
        self.runs, self.agents, self.draws = a.R, a.N, inner.draws
        self.operations.context = &self.field
        self.operations.act, self.operations.update, self.operations.tick = _act, _update, _tick


# -- an actor and a critic -----------------------------------------------------------------------

cdef inline double worth(const Context *b, int64_t actor, const double *q, int64_t n_actions,
                         double *weights) noexcept nogil:
    """Expected value of ``q`` under the softmax policy of an actor's cell, whose probabilities go to ``weights``."""
    cdef const double *logits = b.q + actor * b.q_step
    cdef int64_t a, best = b.greedy[actor * b.greedy_step]
    cdef double total = 0.0, value = 0.0
    for a in range(n_actions):
        weights[a] = exp_(logits[a] - logits[best])
        total += weights[a]
    for a in range(n_actions):
        weights[a] = weights[a] / total
        value += weights[a] * q[a]
    return value


cdef int _criticise(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Agents in order: the critic learns, then the actor from what the critic says now."""
    cdef const ActorContext *c = <const ActorContext *> context
    cdef const Context *b = &c.actor
    cdef int64_t r, j, i, a, at, run, action, n_actions, here, ahead, table, tables = b.tables
    cdef double target, old, value, advantage, moved
    cdef double *q
    cdef double *logits
    cdef double *weights
    cdef int32_t best
    cdef int status
    cdef bint over
    for r in range(count):
        run, over = first + r, t.terminated[r]
        weights = c.weights + run * b.max_actions
        status = leaf.means(&c.near, run, t.actions + r * b.n_agents, c.points + run * b.n_agents)
        if status:
            return status
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at, n_actions, table = r * b.n_agents + i, b.n_actions[i], b.table_of[i]
            action = t.actions[at]
            status = look(b, run, i, action, t.rows[at], t.next_rows[at], over, &here, &ahead)
            if status:
                return status
            target = t.rewards[at]
            if not over:
                q = c.q + ((ahead // tables * c.near.means + c.points[run * b.n_agents + i]) * tables +
                           table) * b.max_actions
                target += b.discount[run] * worth(b, ahead, q, n_actions, weights)
            q = c.q + b.max_actions * (
                (here // tables * c.near.means + c.points[run * b.n_agents + i]) * tables + table)
            old = q[action]
            value = old + c.critic.value[run] * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            q[action] = value
            advantage = value - worth(b, here, q, n_actions, weights)
            logits = b.q + here * b.q_step
            moved = 0.0
            for a in range(n_actions):
                weights[a] = logits[a] + b.rate.value[run] * (advantage * ((1.0 if a == action else 0.0) - weights[a]))
                moved += weights[a] - weights[a]
            if moved != 0.0:
                q[action] = old         # an agent learns all or nothing
                return Status.BAD_VALUE
            for a in range(n_actions):
                logits[a] = weights[a]
            count_visit(b, here)
            best = tabular.greatest_from(logits, n_actions, b.greedy[here * b.greedy_step] if b.around else 0)
            changed[r] |= best != b.greedy[here * b.greedy_step]
            b.greedy[here * b.greedy_step] = best
    return 0


cdef void _actor_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const ActorContext *c = <const ActorContext *> context
    cdef int64_t r
    if c.tick != NULL:
        c.tick(context, first, count, ended)
    for r in range(count):
        schedule_follow(c.critic, first + r, ended[r])


cdef class MeanFieldActorCritic(QLearning):
    """Softmax policies over rows, which climb action values over rows and the mean action m of the neighbours.

    ``q[row, m, action] += critic * (reward + discount * v(next row, m) - q[row, m, action])``, where v is the expected
    value under the policy; then ``logits[row, a] += rate * (q[row, m, action] - v(row, m)) * ((a == action) - p(a))``.

    Parameters
    ----------
    See ``marlfast/declarations/mean_field.py``.
    """
    cdef ActorContext field

    def __init__(self, **given):
        a = MEAN_FIELD_ACTOR_CRITIC.check(given)
        cdef Schedule critic = a.critic
        self._take(a)
        held = fill(&self.field.near, a)
        points, weights = np.zeros((a.R, a.N), np.int32), np.zeros((a.R, a.A))
        self.field.actor, self.field.q, self.field.critic = self.context, reals(a.values), &critic.data
        self.field.points, self.field.weights, self.field.tick = ids(points), reals(weights), self.operations.tick
        self.held = (self.held, held, points, weights)
        self.operations.context = &self.field
        if a.learning:
            self.operations.update = _criticise
        if critic.data.kind != CONSTANT:
            self.operations.tick = _actor_tick
