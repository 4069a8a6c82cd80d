"""Teams with a coordinator that sets sub-goals, and members that learn what to do under each of them.

Twin: ``marlfast/reference/hierarchy.py``.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from marlfast.core._kernels cimport Learner, ids, longs, reals
from marlfast.core._q_learning cimport QLearning
from marlfast.core.inner cimport Inner, act_within, learn_within, within
from marlfast.core.operations cimport LearnerOperations, Status, Transition
from marlfast.declarations.hierarchy import HIERARCHY

cdef enum Late:             # what a tick leaves to the next update to say
    NOTHING = 0
    MOVED = 1               # a greedy goal changed
    FAILED = 2              # a value stopped being finite


cdef struct Context:
    Inner inner                 # the members
    const LearnerOperations *coordinator
    int64_t choosers            # C
    int64_t teams
    int64_t goals               # G
    int64_t goal_every               # k
    int64_t draws               # K, of an agent in the whole team
    int64_t offset              # of them, where the coordinator's begin
    int64_t taken               # how many these are
    const int32_t *chooser_of   # [N]
    const int32_t *head         # [C] the agent whose row a chooser looks at
    const int32_t *team_of      # [C]
    const int32_t *member_of    # [N] team of each agent that is controlled
    const double *sizes         # [teams]
    const double *goal_reward   # [G, rows]; NULL: none
    const double *discount      # [R] of the coordinator
    int32_t *goal               # [R, C]
    int32_t *since              # [R, C] rows when the goals were set
    int32_t *last               # [R, C] rows now
    int64_t *clock              # [R] steps since then
    double *gathered            # [R, teams] discounted rewards since then
    double *power               # [R] discount ** clock
    int32_t *late               # [R]
    double *rewards             # [R, N] scratch
    double *shares              # [R, C] scratch: what the choosers learn from
    double *drawn               # [R, C, taken] scratch


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, n, k, run, n_agents = c.inner.n_agents
    cdef const double *given
    cdef int status
    for r in range(count):
        run = first + r
        if c.clock[run] == 0:
            for n in range(c.choosers):
                c.since[run * c.choosers + n] = rows[r * n_agents + c.head[n]]
                given = draws + r * stride + c.head[n] * c.draws + c.offset
                for k in range(c.taken):
                    c.drawn[(run * c.choosers + n) * c.taken + k] = given[k]
            status = c.coordinator.act(c.coordinator.context, run, 1, c.since + run * c.choosers,
                                       c.drawn + run * c.choosers * c.taken, c.choosers * c.taken,
                                       c.goal + run * c.choosers)
            if status:
                return status
        for j in range(c.inner.n_ids):
            i = c.inner.agent_ids[j]
            c.inner.now[run * n_agents + i] = within(&c.inner, rows[r * n_agents + i],
                                                   c.goal[run * c.choosers + c.chooser_of[i]])
        status = act_within(&c.inner, run, draws + r * stride, stride, actions + r * n_agents)
        if status:
            return status
    return 0


cdef int decide(const Context *c, int64_t run, uint8_t over, uint8_t *changed) noexcept nogil:
    """The goals are done with: the coordinator learns what came of them, and the next act sets others."""
    cdef Transition step
    cdef int64_t n, k
    cdef int status = 0
    if c.coordinator.update != NULL:
        for n in range(c.choosers):
            c.shares[run * c.choosers + n] = c.gathered[run * c.teams + c.team_of[n]]
        step.rows, step.next_rows = c.since + run * c.choosers, c.last + run * c.choosers
        step.actions, step.rewards = c.goal + run * c.choosers, c.shares + run * c.choosers
        step.terminated, step.truncated, step.raw = &over, NULL, NULL
        step.state, step.observation, step.distinct = NULL, NULL, NULL
        # Its kernel takes ``power`` for its discount, as more than one step lies between the rows.
        status = c.coordinator.update(c.coordinator.context, run, 1, &step, changed)
    c.clock[run], c.power[run] = 0, 1.0
    for k in range(c.teams):
        c.gathered[run * c.teams + k] = 0.0
    return status


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """The members learn first, then, where the goals are done with, the coordinator."""
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, n, run, goal, n_agents = c.inner.n_agents
    cdef double *rewards
    cdef double *totals
    cdef uint32_t row
    cdef int status
    for r in range(count):
        run = first + r
        if c.late[run] != NOTHING:
            if c.late[run] != MOVED:
                return Status.BAD_VALUE
            c.late[run] = NOTHING
            changed[r] |= 1
        rewards, totals = c.rewards + run * n_agents, c.gathered + run * c.teams
        for n in range(c.teams):
            c.shares[run * c.choosers + n] = 0.0
        for j in range(c.inner.n_ids):
            i = c.inner.agent_ids[j]
            goal = c.goal[run * c.choosers + c.chooser_of[i]]
            c.inner.now[run * n_agents + i] = within(&c.inner, t.rows[r * n_agents + i], goal)
            c.inner.next_rows[run * n_agents + i] = within(&c.inner, t.next_rows[r * n_agents + i], goal)
            rewards[i] = t.rewards[r * n_agents + i]
            c.shares[run * c.choosers + c.member_of[i]] += rewards[i]
            if c.goal_reward != NULL:
                row = <uint32_t> t.next_rows[r * n_agents + i]
                if row < <uint64_t> c.inner.n_rows and <uint64_t> goal < <uint64_t> c.goals:
                    rewards[i] += c.goal_reward[goal * c.inner.n_rows + row]
        status = learn_within(&c.inner, run, t, r, rewards, changed + r)
        if status:
            return status
        for n in range(c.teams):
            totals[n] += c.power[run] * (c.shares[run * c.choosers + n] / c.sizes[n])
        for n in range(c.choosers):
            c.last[run * c.choosers + n] = t.next_rows[r * n_agents + c.head[n]]
        c.clock[run] += 1
        c.power[run] = c.power[run] * c.discount[run]
        if t.terminated[r] or c.clock[run] >= c.goal_every:
            status = decide(c, run, t.terminated[r], changed + r)
            if status:
                return status
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    """A time limit ends the goals before their time; their successor is the last one seen."""
    cdef const Context *c = <const Context *> context
    cdef int64_t r, run
    cdef uint8_t moved
    for r in range(count):
        run, moved = first + r, 0
        if ended[r] and c.clock[run] != 0:
            if decide(c, run, 0, &moved):
                c.late[run] = FAILED
            elif moved:
                c.late[run] = MOVED
    if c.inner.operations.tick != NULL:
        c.inner.operations.tick(c.inner.operations.context, first, count, ended)
    if c.coordinator.tick != NULL:
        c.coordinator.tick(c.coordinator.context, first, count, ended)


cdef class Hierarchy(Learner):
    """Members whose rows say their sub-goal too, row * G + goal, and a coordinator that sets the goals.

    Every ``goal_every`` steps, and at the start of an episode, each chooser sets a goal by the row of its head. The
    coordinator learns from the steps between as from one (Sutton, Precup and Singh 1999): its reward is the sum of the
    team's mean rewards, discounted from step to step, and what follows is discounted by as many steps.

    Parameters
    ----------
    See ``marlfast/declarations/hierarchy.py``.
    """
    cdef Context hierarchy

    def __init__(self, **given):
        a = HIERARCHY.check(given)
        cdef Context *h = &self.hierarchy
        cdef Learner members = a.members
        cdef QLearning coordinator = a.coordinator
        if members.operations.act == NULL or coordinator.operations.act == NULL:
            raise ValueError("members, coordinator: expected learners that were made")
        now, next_rows = np.zeros((a.R, a.N), np.int32), np.zeros((a.R, a.N), np.int32)
        rewards, shares, drawn = np.zeros((a.R, a.N)), np.zeros((a.R, a.C)), np.zeros((a.R, a.C, coordinator.draws))
        h.inner = Inner(&members.operations, a.N, a.L, ids(a.agent_ids), a.n_rows, a.goals, ids(now), ids(next_rows))
        h.coordinator, h.choosers, h.taken = &coordinator.operations, a.C, coordinator.draws
        h.teams, h.goals, h.goal_every = a.teams, a.goals, a.goal_every
        h.draws, h.offset, h.goal_reward = members.draws, a.offset, reals(a.goal_reward)
        h.chooser_of, h.head, h.team_of = ids(a.chooser_of), ids(a.head), ids(a.team_of)
        h.member_of, h.sizes = ids(a.member_of), reals(a.sizes)
        h.discount = coordinator.context.discount
        coordinator.context.discount = reals(a.power)
        h.goal, h.since, h.last = ids(a.goal), ids(a.since), ids(a.last)
        h.clock, h.gathered, h.power, h.late = longs(a.clock), reals(a.gathered), reals(a.power), ids(a.late)
        h.rewards, h.shares, h.drawn = reals(rewards), reals(shares), reals(drawn)
        self.held = (a.kept, a.sizes, now, next_rows, rewards, shares, drawn)
        self.runs, self.agents, self.draws = a.R, a.N, members.draws
        self.operations.context = &self.hierarchy
        self.operations.act, self.operations.update, self.operations.tick = _act, _update, _tick
