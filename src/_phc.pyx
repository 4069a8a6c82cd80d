"""Policy hill climbing: action values, and a mixed policy that climbs them.

Twin: ``marlfast/reference/phc.py``.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.phc as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core._kernels cimport reals
from marlfast.core._schedules cimport Schedule
from marlfast.core._q_learning cimport QLearning
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport Context, chance_of
from marlfast.declarations.phc import POLICY_HILL_CLIMBING


cdef struct Policies:
    Context values              # first, so that a pointer to this is one to it
    int (*learn)(void *context, int64_t first, int64_t count, const Transition *transition,
                 uint8_t *changed) noexcept nogil       # the update of the action values
    double *policy              # [R, rows, tables, max_actions]
    double *average             # likewise; NULL: the rate is the same whether it wins or loses
    ScheduleData *win
    ScheduleData *lose


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Policies *p = <const Policies *> context
    cdef const Context *c = &p.values
    cdef int64_t r, j, i, cell, action
    cdef const double *draw
    cdef double share
    cdef tabular.Chance chance
    for r in range(count):
        chance = chance_of(c, first + r)
        for j in range(c.n_ids):
            i = c.agent_ids[j]
            draw = draws + r * stride + i * c.draws
            if not 0.0 <= draw[c.several] < 1.0:
                return Status.BAD_DRAW
            if draw[0] < chance.bound:
                action = tabular.random_choice(&chance, draw, c.n_actions[i])
            else:
                if <uint32_t> rows[r * c.n_agents + i] >= <uint64_t> c.n_rows:
                    return Status.BAD_ROW
                cell = ((first + r) * c.n_rows + rows[r * c.n_agents + i]) * c.tables + c.table_of[i]
                # By several draws the second says which action, whether it explores or not.
                share = draw[1] if c.several else tabular.tie_share(&chance, draw)
                action = tabular.sample(p.policy + cell * c.max_actions, c.n_actions[i], share)
            actions[r * c.n_agents + i] = <int32_t> action
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Agents in order, each its action values and then its policy."""
    cdef const Policies *p = <const Policies *> context
    cdef const Context *c = &p.values
    cdef Context one = c[0]         # the same learner, but of a single agent at a time
    cdef Transition step = t[0]
    cdef int64_t r, j, i, cell
    cdef double rate
    cdef const double *q
    cdef double *policy
    cdef double *average
    cdef int status
    one.n_ids, one.cells.n_ids = 1, 1
    for r in range(count):
        step.rows, step.next_rows = t.rows + r * c.n_agents, t.next_rows + r * c.n_agents
        step.actions, step.rewards = t.actions + r * c.n_agents, t.rewards + r * c.n_agents
        step.terminated = t.terminated + r
        for j in range(c.n_ids):
            one.agent_ids, one.cells.agents = c.agent_ids + j, c.cells.agents + j
            status = p.learn(&one, first + r, 1, &step, changed + r)
            if status:
                return status
            i = c.agent_ids[j]
            cell = ((first + r) * c.n_rows + step.rows[i]) * c.tables + c.table_of[i]
            policy, rate = p.policy + cell * c.max_actions, p.lose.value[first + r]
            if p.average != NULL:
                q, average = c.q + cell * c.q_step, p.average + cell * c.max_actions
                leaf.take_in(average, policy, c.n_actions[i], <double> c.visits[cell * c.visits_step])
                if leaf.worth(policy, q, c.n_actions[i]) > leaf.worth(average, q, c.n_actions[i]):
                    rate = p.win.value[first + r]
            leaf.climb(policy, c.n_actions[i], c.greedy[cell * c.greedy_step], rate)
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const Policies *p = <const Policies *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(p.values.rate, first + r, ended[r])
        schedule_follow(p.values.exploration, first + r, ended[r])
        schedule_follow(p.lose, first + r, ended[r])
        if p.win != p.lose:
            schedule_follow(p.win, first + r, ended[r])


cdef class PolicyHillClimbing(QLearning):
    """Policy hill climbing (Bowling and Veloso 2002): Q-learning, and a mixed policy that climbs the action values.

    An agent takes an action drawn from its policy, or (exploring) any. After each update of its action values, the
    policy moves probability to the greedy action: every other action gives ``rate / (actions - 1)``, or what it has.
    With ``average`` it wins or learns fast: the rate is ``win`` where the policy is worth more than the average
    policy by the action values, else ``lose``; without, it is ``lose``.

    Parameters
    ----------
    See ``marlfast/declarations/phc.py``.
    """
    cdef Policies policies

    def __init__(self, **given):
        a = POLICY_HILL_CLIMBING.check(given)
        cdef Schedule win = a.win, lose = a.lose
        self._take(a)
        self.policies = Policies(self.context, self.operations.update, reals(a.policy), reals(a.average), &win.data,
                                 &lose.data)
        self.operations.context = &self.policies
        self.operations.act = _act
        if a.learning:
            self.operations.update = _update
        self.operations.tick = _tick
        if self.context.rate.kind == self.context.exploration.kind == win.data.kind == lose.data.kind == CONSTANT:
            self.operations.tick = NULL
