"""Teams with a coordinator that sets sub-goals, and members that learn what to do under each of them.

Twin: ``marlfast/reference/hierarchy.py``.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from marlfast.core._kernels cimport Learner, check
from marlfast.core._q_learning cimport QLearning
from marlfast.core.inner cimport Inner, act_within, learn_within, within
from marlfast.core.operations cimport LearnerOperations, Status, Transition

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
    cdef int64_t r, j, i, n, k, run, agents = c.inner.agents
    cdef const double *given
    cdef int status
    for r in range(count):
        run = first + r
        if c.clock[run] == 0:
            for n in range(c.choosers):
                c.since[run * c.choosers + n] = rows[r * agents + c.head[n]]
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
            c.inner.now[run * agents + i] = within(&c.inner, rows[r * agents + i],
                                                   c.goal[run * c.choosers + c.chooser_of[i]])
        status = act_within(&c.inner, run, draws + r * stride, stride, actions + r * agents)
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
    cdef int64_t r, j, i, n, run, goal, agents = c.inner.agents
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
        rewards, totals = c.rewards + run * agents, c.gathered + run * c.teams
        for n in range(c.teams):
            c.shares[run * c.choosers + n] = 0.0
        for j in range(c.inner.n_ids):
            i = c.inner.agent_ids[j]
            goal = c.goal[run * c.choosers + c.chooser_of[i]]
            c.inner.now[run * agents + i] = within(&c.inner, t.rows[r * agents + i], goal)
            c.inner.next_rows[run * agents + i] = within(&c.inner, t.next_rows[r * agents + i], goal)
            rewards[i] = t.rewards[r * agents + i]
            c.shares[run * c.choosers + c.member_of[i]] += rewards[i]
            if c.goal_reward != NULL:
                row = <uint32_t> t.next_rows[r * agents + i]
                if row < <uint64_t> c.inner.rows and <uint64_t> goal < <uint64_t> c.goals:
                    rewards[i] += c.goal_reward[goal * c.inner.rows + row]
        status = learn_within(&c.inner, run, t, r, rewards, changed + r)
        if status:
            return status
        for n in range(c.teams):
            totals[n] += c.power[run] * (c.shares[run * c.choosers + n] / c.sizes[n])
        for n in range(c.choosers):
            c.last[run * c.choosers + n] = t.next_rows[r * agents + c.head[n]]
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
    members : Learner
        Over tables with G rows for each of ``rows``.
    coordinator : QLearning
        Of the choosers, as agents with G actions. It takes ``power`` for its discount.
    rows, goals, goal_every : int
        Rows of the table without goals; G; k.
    agent_ids : int32 [L]
        The agents that ``members`` leads.
    chooser_of, member_of : int32 [N]
        Who sets an agent's goal, and its team.
    head, team_of : int32 [C]
        Whose row a chooser looks at, and its team; as many choosers as teams, or more.
    goal_reward : float64 [G, rows] or None
        Added to the reward of a member with that goal whose successor is in that row.
    goal, since, last : int32 [R, C]
        Modified: goals, the rows when they were set, and the rows now.
    clock : int64 [R]
        Modified: steps since then; 0: goals are to be set.
    gathered : float64 [R, teams]
        Modified: the teams' discounted rewards since then.
    power : float64 [R]
        Modified: discount ** clock.
    late : int32 [R]
        Modified: what the last ``tick`` leaves to say: 0 nothing, 1 a greedy goal changed, 2 it failed.
    offset : int
        Of the draws of an agent, where the coordinator's begin.
    """
    cdef Context hierarchy

    def __init__(self, Learner members not None, QLearning coordinator not None, rows, goals, goal_every, agent_ids,
                 chooser_of,
                 member_of, head, team_of, goal_reward, goal, since, last, clock, gathered, power, late, offset):
        cdef int64_t runs = members.runs, agents = members.agents, choosers = coordinator.agents
        if members.operations.act == NULL or members.active != 1 or members.central != 0:
            raise ValueError("members: expected a learner of one row of each agent")
        if coordinator.operations.act == NULL or coordinator.runs != runs:
            raise ValueError(f"coordinator: expected {runs} runs, got {coordinator.runs}")
        if goals < 1 or goal_every < 1 or rows < 1 or rows * goals > 2**31 - 1:
            raise ValueError(f"rows, goals, goal_every: expected at least 1, and at most 2**31 - 1 rows in all, got "
                             f"{rows}, "
                             f"{goals}, {goal_every}")
        if offset < 0 or offset + coordinator.draws > members.draws:
            raise ValueError(f"offset: expected room for {coordinator.draws} of {members.draws} draws, got {offset}")
        cdef const int32_t[::1] own_ids = check(agent_ids, "agent_ids", "int32", (-1,), False)
        cdef const int32_t[::1] b = check(chooser_of, "chooser_of", "int32", (agents,), False)
        cdef const int32_t[::1] m = check(member_of, "member_of", "int32", (agents,), False)
        cdef const int32_t[::1] h = check(head, "head", "int32", (choosers,), False)
        cdef const int32_t[::1] o = check(team_of, "team_of", "int32", (choosers,), False)
        cdef double[:, ::1] v = check(gathered, "gathered", "float64", (runs, -1), True)
        cdef int64_t teams = v.shape[1]
        if not 1 <= teams <= choosers:
            raise ValueError(f"gathered: expected 1 to {choosers} teams, got {teams}")
        for name, array, most in (("agent_ids", agent_ids, agents), ("chooser_of", chooser_of, choosers),
                                  ("member_of", member_of, teams), ("head", head, agents),
                                  ("team_of", team_of, teams)):
            if len(array) < 1 or array.min() < 0 or array.max() >= most:
                raise ValueError(f"{name}: expected at least one number from 0 to {most - 1}")
        sizes = np.bincount(member_of[agent_ids], minlength=teams).astype(np.float64)
        if sizes.min() < 1.0:
            raise ValueError("member_of: expected a controlled agent in every team")
        cdef const double[::1] n = sizes
        cdef int32_t[:, ::1] g = check(goal, "goal", "int32", (runs, choosers), True)
        cdef int32_t[:, ::1] s = check(since, "since", "int32", (runs, choosers), True)
        cdef int32_t[:, ::1] w = check(last, "last", "int32", (runs, choosers), True)
        cdef int64_t[::1] k = check(clock, "clock", "int64", (runs,), True)
        cdef double[::1] p = check(power, "power", "float64", (runs,), True)
        cdef int32_t[::1] d = check(late, "late", "int32", (runs,), True)
        now, next_rows = np.zeros((runs, agents), np.int32), np.zeros((runs, agents), np.int32)
        rewards, shares = np.zeros((runs, agents)), np.zeros((runs, choosers))
        drawn = np.zeros((runs, choosers, coordinator.draws))
        cdef int32_t[:, ::1] now_ = now
        cdef int32_t[:, ::1] next_rows_ = next_rows
        cdef double[:, ::1] rewards_ = rewards
        cdef double[:, ::1] shares_ = shares
        cdef double[:, :, ::1] drawn_ = drawn
        cdef const double[:, ::1] x
        self.hierarchy.goal_reward = NULL
        if goal_reward is not None:
            x = check(goal_reward, "goal_reward", "float64", (goals, rows), False)
            self.hierarchy.goal_reward = &x[0, 0]
        self.hierarchy.inner = Inner(&members.operations, agents, own_ids.shape[0], &own_ids[0], rows, goals,
                                     &now_[0, 0],
                                     &next_rows_[0, 0])
        self.hierarchy.coordinator, self.hierarchy.choosers = &coordinator.operations, choosers
        self.hierarchy.teams, self.hierarchy.goals, self.hierarchy.goal_every = teams, goals, goal_every
        self.hierarchy.draws, self.hierarchy.offset = members.draws, offset
        self.hierarchy.taken = coordinator.draws
        self.hierarchy.chooser_of, self.hierarchy.head, self.hierarchy.team_of = &b[0], &h[0], &o[0]
        self.hierarchy.member_of, self.hierarchy.sizes = &m[0], &n[0]
        self.hierarchy.discount = coordinator.context.discount
        coordinator.context.discount = &p[0]
        self.hierarchy.goal, self.hierarchy.since, self.hierarchy.last = &g[0, 0], &s[0, 0], &w[0, 0]
        self.hierarchy.clock, self.hierarchy.gathered, self.hierarchy.power = &k[0], &v[0, 0], &p[0]
        self.hierarchy.late, self.hierarchy.rewards, self.hierarchy.shares = &d[0], &rewards_[0, 0], &shares_[0, 0]
        self.hierarchy.drawn = &drawn_[0, 0, 0]
        self.held = (members, coordinator, agent_ids, chooser_of, member_of, head, team_of, goal_reward, goal, since,
                     last,
                     clock, gathered, power, late, sizes, now, next_rows, rewards, shares, drawn)
        self.runs, self.agents, self.draws = runs, agents, members.draws
        self.operations.context = &self.hierarchy
        self.operations.act, self.operations.update, self.operations.tick = _act, _update, _tick
