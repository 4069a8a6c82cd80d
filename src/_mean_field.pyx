"""Mean field learning: an agent learns what its actions are worth beside the mean action of its neighbours.

Twin: ``marlfast/reference/mean_field.py``.
"""
import math

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.mean_field as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core._kernels cimport Learner, check
from marlfast.core._schedules cimport Schedule
from marlfast.core._q_learning cimport QLearning
from marlfast.core.draws cimport exp_
from marlfast.core.inner cimport Inner, act_within, learn_within, within
from marlfast.core.mean_field cimport Neighbourhoods
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport BOLTZMANN, Context, count_visit, look


cdef struct FieldContext:
    Neighbourhoods near
    Inner inner
    int32_t *mean               # [R, N] one more than the number of the last mean action; 0: there is none yet


cdef struct ActorContext:
    Context actor               # first, so that a pointer to this is one to it; its values are the logits
    Neighbourhoods near
    double *q                   # [R, rows, means, tables, width]
    ScheduleData *critic
    int32_t *points             # [R, N] scratch: numbers of mean actions
    double *weights             # [R, width] scratch
    void (*tick)(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil      # of the actor


cdef object fill(Neighbourhoods *n, int64_t runs, int64_t agents, object leads, object choices, object bins,
                 object edges, object neighbours, object group):
    """Check and set up neighbourhoods; returns what they point into."""
    cdef const int32_t[::1] led = check(leads, "leads", "int32", (-1,), False)
    if led.shape[0] < 1 or leads.min() < 0 or leads.max() >= agents:
        raise ValueError(f"leads: expected at least one agent from 0 to {agents - 1}")
    if choices < 1 or bins < 1 or bins > 2**20 or choices > 2**20:
        raise ValueError(f"choices, bins: expected 1 to 2**20, got {choices}, {bins}")
    means = math.comb(bins + choices - 1, choices - 1)
    if means > 2**31 - 1:
        raise ValueError(f"bins: {bins} bins of {choices} actions have more than 2**31 - 1 means")
    ranks = np.array([[math.comb(t, a + 1) if t <= bins + a else 0 for t in range(bins + choices - 1)]
                      for a in range(choices - 1)] or [[0]], np.int64)
    counts = np.zeros((runs, 1, choices), np.int64)
    if (group is None) == (edges is None) or (edges is None) != (neighbours is None):
        raise ValueError("edges, neighbours, group: expected either lists of neighbours or groups")
    cdef const int64_t[::1] e
    cdef const int32_t[::1] m
    cdef const int32_t[::1] g
    cdef const int64_t[::1] s
    cdef const int64_t[:, ::1] k = ranks
    n.edges, n.neighbours, n.group, n.sizes, n.groups = NULL, NULL, NULL, NULL, 0
    sizes = None
    if group is None:
        e = check(edges, "edges", "int64", (led.shape[0] + 1,), False)
        check(neighbours, "neighbours", "int32", (-1,), False)
        if edges[0] != 0 or np.diff(edges).min() < 0 or edges[led.shape[0]] != len(neighbours):
            raise ValueError(f"edges: expected to rise from 0 to {len(neighbours)}")
        if len(neighbours) and (neighbours.min() < 0 or neighbours.max() >= agents):
            raise ValueError(f"neighbours: expected agents 0 to {agents - 1}, got {neighbours.min()} to "
                             f"{neighbours.max()}")
        neighbours = neighbours if len(neighbours) else np.zeros(1, np.int32)
        m = neighbours
        n.edges, n.neighbours = &e[0], &m[0]
    else:
        g = check(group, "group", "int32", (agents,), False)
        if group.min() < -1 or group.max() >= agents:
            raise ValueError(f"group: expected -1 to {agents - 1}, got {group.min()} to {group.max()}")
        sizes = np.bincount(group + 1, minlength=2)[1:].astype(np.int64)
        counts = np.zeros((runs, len(sizes), choices), np.int64)
        s = sizes
        n.group, n.groups, n.sizes = &g[0], len(sizes), &s[0]
    cdef int64_t[:, :, ::1] c = counts
    n.agents, n.led, n.leads, n.choices, n.bins, n.means = agents, led.shape[0], &led[0], choices, bins, means
    n.ranks, n.counts = &k[0, 0], &c[0, 0, 0]
    n.start = 0
    for a in range(1, choices):
        n.start += ranks[a - 1, (2 * a * bins + choices) // (2 * choices) + a - 1]
    return leads, ranks, counts, edges, neighbours, group, sizes


# -- a learner of action values, whose rows say the mean action ----------------------------------

cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const FieldContext *c = <const FieldContext *> context
    cdef int64_t r, j, i, at, run, agents = c.near.agents, last
    cdef int status
    for r in range(count):
        run = first + r
        for j in range(c.near.led):
            i = c.near.leads[j]
            at = run * agents + i
            last = c.mean[at] - 1 if c.mean[at] != 0 else leaf.first_point(&c.near, j)
            c.inner.now[at] = within(&c.inner, rows[r * agents + i], last)
        status = act_within(&c.inner, run, draws + r * stride, stride, actions + r * agents)
        if status:
            return status
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Learn what the action was worth beside the neighbours' actions of the same step, and remember these."""
    cdef const FieldContext *c = <const FieldContext *> context
    cdef int64_t r, j, i, at, run, agents = c.near.agents
    cdef int32_t mean
    cdef int status
    for r in range(count):
        run = first + r
        status = leaf.means(&c.near, run, t.actions + r * agents, c.inner.now + run * agents)
        if status:
            return status
        for j in range(c.near.led):
            i = c.near.leads[j]
            at = run * agents + i
            mean = c.inner.now[at]
            c.inner.now[at] = within(&c.inner, t.rows[r * agents + i], mean)
            c.inner.then[at] = within(&c.inner, t.next_rows[r * agents + i], mean)
            c.mean[at] = mean + 1
        status = learn_within(&c.inner, run, t, r, t.rewards + r * agents, changed + r)
        if status:
            return status
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const FieldContext *c = <const FieldContext *> context
    cdef int64_t r, j
    for r in range(count):
        if ended[r]:
            for j in range(c.near.led):
                c.mean[(first + r) * c.near.agents + c.near.leads[j]] = 0
    if c.inner.operations.tick != NULL:
        c.inner.operations.tick(c.inner.operations.context, first, count, ended)


cdef class MeanField(Learner):
    """A learner whose rows say the mean action of an agent's neighbours too: row * means + mean action.

    It acts by the mean action of the step before, and learns by that of the step that is learned from, in the row and
    in its successor. The first step of an episode is acted in as if all actions had had the same share.

    Parameters
    ----------
    inner : Learner
        Of as many runs and agents, over tables with ``means`` rows for each of ``rows``.
    mean : int32 [R, N]
        Modified: one more than the number of the last mean action; 0 at the start of an episode.
    rows : int
        Of the table without mean actions.
    leads : int32 [L]
        The agents that ``inner`` leads.
    choices : int
        M, actions of every neighbour.
    bins : int
        Shares are multiples of 1 / bins; so there are ``means`` = (bins + M - 1 over M - 1) mean actions.
    edges, neighbours : int64 [L + 1], int32 [E]; or None
        Neighbours of led agent j: ``neighbours[edges[j]:edges[j + 1]]``.
    group : int32 [N] or None
        In place of lists: an agent's neighbours are the others of its group; -1: it is in none.
    """
    cdef FieldContext field

    def __init__(self, Learner inner not None, mean, rows, leads, choices, bins, edges, neighbours, group):
        cdef int64_t runs = inner.runs, agents = inner.agents
        if inner.operations.act == NULL or inner.active != 1 or inner.central != 0:
            raise ValueError("inner: expected a learner of one row of each agent")
        cdef int32_t[:, ::1] m = check(mean, "mean", "int32", (runs, agents), True)
        held = fill(&self.field.near, runs, agents, leads, choices, bins, edges, neighbours, group)
        if rows < 1 or rows * self.field.near.means > 2**31 - 1:
            raise ValueError(f"rows: expected at least 1, and at most 2**31 - 1 in all with "
                             f"{self.field.near.means} means, got {rows}")
        now, then = np.zeros((runs, agents), np.int32), np.zeros((runs, agents), np.int32)
        cdef int32_t[:, ::1] n = now
        cdef int32_t[:, ::1] s = then
        self.field.inner = Inner(&inner.operations, agents, self.field.near.led, self.field.near.leads, rows,
                                 self.field.near.means, &n[0, 0], &s[0, 0])
        self.field.mean = &m[0, 0]
        self.held = (inner, mean, held, now, then)
        self.runs, self.agents, self.draws = runs, agents, inner.draws
        self.operations.context = &self.field
        self.operations.act, self.operations.update, self.operations.tick = _act, _update, _tick


# -- an actor and a critic -----------------------------------------------------------------------

cdef inline double worth(const Context *b, int64_t actor, const double *q, int64_t choices,
                         double *weights) noexcept nogil:
    """Expected value of ``q`` under the softmax policy of an actor's cell, whose probabilities go to ``weights``."""
    cdef const double *logits = b.q + actor * b.q_step
    cdef int64_t a, best = b.greedy[actor * b.greedy_step]
    cdef double total = 0.0, value = 0.0
    for a in range(choices):
        weights[a] = exp_(logits[a] - logits[best])
        total += weights[a]
    for a in range(choices):
        weights[a] = weights[a] / total
        value += weights[a] * q[a]
    return value


cdef int _criticise(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Agents in order: the critic learns, then the actor from what the critic says now."""
    cdef const ActorContext *c = <const ActorContext *> context
    cdef const Context *b = &c.actor
    cdef int64_t r, j, i, a, at, run, action, choices, here, ahead, table, tables = b.tables
    cdef double target, old, value, advantage, moved
    cdef double *q
    cdef double *logits
    cdef double *weights
    cdef int32_t best
    cdef int status
    cdef bint over
    for r in range(count):
        run, over = first + r, t.terminated[r]
        weights = c.weights + run * b.width
        status = leaf.means(&c.near, run, t.actions + r * b.agents, c.points + run * b.agents)
        if status:
            return status
        for j in range(b.led):
            i = b.leads[j]
            at, choices, table = r * b.agents + i, b.actions[i], b.table_of[i]
            action = t.actions[at]
            status = look(b, run, i, action, t.rows[at], t.next_rows[at], over, &here, &ahead)
            if status:
                return status
            target = t.rewards[at]
            if not over:
                q = c.q + ((ahead // tables * c.near.means + c.points[run * b.agents + i]) * tables + table) * b.width
                target += b.discount[run] * worth(b, ahead, q, choices, weights)
            q = c.q + ((here // tables * c.near.means + c.points[run * b.agents + i]) * tables + table) * b.width
            old = q[action]
            value = old + c.critic.value[run] * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            q[action] = value
            advantage = value - worth(b, here, q, choices, weights)
            logits = b.q + here * b.q_step
            moved = 0.0
            for a in range(choices):
                weights[a] = logits[a] + b.rate.value[run] * (advantage * ((1.0 if a == action else 0.0) - weights[a]))
                moved += weights[a] - weights[a]
            if moved != 0.0:
                q[action] = old         # an agent learns all or nothing
                return Status.BAD_VALUE
            for a in range(choices):
                logits[a] = weights[a]
            count_visit(b, here)
            best = tabular.first_greatest(logits, choices)
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
    logits, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict, random_ties, draws,
    learning
        As those of ``marlfast.core._q_learning.QLearning``; ``kind`` is 1, and the temperature 1.
    q : float64 [R, rows, means, T, A]
        Modified.
    critic : Schedule
        Learning rate of the critic.
    choices, bins, edges, neighbours, group
        As those of :class:`MeanField`.
    """
    cdef ActorContext field

    def __init__(self, logits, greedy, visits, table_of, actions, leads, discount, Schedule rate not None,
                 Schedule exploration not None, kind, strict, random_ties, draws, learning, q, Schedule critic not None,
                 choices, bins, edges, neighbours, group):
        QLearning.__init__(self, logits, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind,
                           strict, random_ties, draws, learning)
        cdef Context *b = &self.context
        if kind != BOLTZMANN:
            raise ValueError(f"kind: expected 1, got {kind}")
        if critic.runs != self.runs:
            raise ValueError(f"critic: expected {self.runs} runs, got {critic.runs}")
        held = fill(&self.field.near, self.runs, self.agents, leads, choices, bins, edges, neighbours, group)
        cdef double[:, :, :, :, ::1] v = check(
            q, "q", "float64", (self.runs, b.rows, self.field.near.means, b.tables, b.width), True)
        points, weights = np.zeros((self.runs, self.agents), np.int32), np.zeros((self.runs, b.width))
        cdef int32_t[:, ::1] p = points
        cdef double[:, ::1] w = weights
        self.field.actor, self.field.q, self.field.critic = b[0], &v[0, 0, 0, 0, 0], &critic.data
        self.field.points, self.field.weights, self.field.tick = &p[0, 0], &w[0, 0], self.operations.tick
        self.held = (self.held, q, critic, held, points, weights)
        self.operations.context = &self.field
        if learning:
            self.operations.update = _criticise
        if critic.data.kind != CONSTANT:
            self.operations.tick = _actor_tick
