"""Opponents that follow a fixed rule, or learn by one of their own. Twin: ``marlfast/reference/opponents.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.opponents as leaf
from marlfast.core._kernels cimport Learner, check
from marlfast.core.operations cimport Status, Transition
from marlfast.core.tabular cimport first_greatest, sample


cdef struct Data:
    int64_t agents              # N, of the whole team
    int64_t n_ids                 # L, how many of them this learner controls
    const int32_t *agent_ids        # [L] which
    const int32_t *actions      # [N] actions of each agent
    int64_t max_actions               # A, the greatest number of actions in the learner's arrays
    int64_t draws               # K
    int64_t learning
    # A fixed policy.
    int64_t rows                # 1: the same in every row
    const double *policy        # [L, rows, A]; NULL: every action as likely
    # What is remembered.
    int32_t *memory             # [R, L] one more than an action; 0: none
    const int32_t *of           # [L] whose actions are copied
    const double *threshold     # [R]
    int64_t opening             # action of an episode's first step
    # Payoffs and what they add up to.
    const double *payoffs       # [L, joint actions]
    int64_t joint
    const int64_t *strides      # [N]
    double *totals              # [R, L, conditions, A]
    int64_t conditions          # 1; or A: apart for each own action
    const double *inertia       # [L]
    int64_t *counts             # [R, N, most actions of the game], or [R, joint actions]
    int64_t most
    int64_t *steps              # [R]
    # Exponential weights.
    const double *gamma         # [R]
    double low, high


cdef inline bint _known(const Data *d, const int32_t *actions) noexcept nogil:
    """Whether every agent's action is one of its own."""
    cdef int64_t i
    for i in range(d.agents):
        if <uint32_t> actions[i] >= <uint32_t> d.actions[i]:
            return False
    return True


# -- fixed policies ------------------------------------------------------------------------------

cdef int _act_fixed(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                    int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i, row
    cdef double u
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            u = draws[r * stride + i * d.draws]
            if not 0.0 <= u < 1.0:
                return Status.BAD_DRAW
            if d.policy == NULL:
                actions[r * d.agents + i] = <int32_t> (u * <double> d.actions[i])
                continue
            row = 0
            if d.rows > 1:
                row = rows[r * d.agents + i]
                if <uint32_t> rows[r * d.agents + i] >= <uint64_t> d.rows:
                    return Status.BAD_ROW
            actions[r * d.agents + i] = <int32_t> sample(d.policy + (j * d.rows + row) * d.max_actions, d.actions[i], u)
    return 0


# -- those that remember the last step -----------------------------------------------------------

cdef int _act_remembered(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                         int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef int32_t kept
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            kept = d.memory[(first + r) * d.n_ids + j]
            if <uint32_t> kept > <uint32_t> d.actions[i]:
                return Status.BAD_ACTION
            actions[r * d.agents + i] = kept - 1 if kept else <int32_t> d.opening
    return 0


cdef int _copy(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j
    cdef int32_t other
    for r in range(count):
        for j in range(d.n_ids):
            other = t.actions[r * d.agents + d.of[j]]
            if <uint32_t> other >= <uint32_t> d.actions[d.agent_ids[j]]:
                return Status.BAD_ACTION
            d.memory[(first + r) * d.n_ids + j] = other + 1
    return 0


cdef int _stay_or_shift(void *context, int64_t first, int64_t count, const Transition *t,
                        uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef int32_t own
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            own = t.actions[r * d.agents + i]
            if <uint32_t> own >= <uint32_t> d.actions[i]:
                return Status.BAD_ACTION
            if not t.rewards[r * d.agents + i] >= d.threshold[first + r]:
                own = own + 1 if own + 1 < d.actions[i] else 0
            d.memory[(first + r) * d.n_ids + j] = own + 1
    return 0


cdef void _forget(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j
    for r in range(count):
        if ended[r]:
            for j in range(d.n_ids):
                d.memory[(first + r) * d.n_ids + j] = 0


# -- those that know their payoffs ---------------------------------------------------------------

cdef int _act_best(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                   int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            actions[r * d.agents + i] = first_greatest(d.totals + ((first + r) * d.n_ids + j) * d.max_actions,
                                                       d.actions[i])
    return 0


cdef int _best_replies(void *context, int64_t first, int64_t count, const Transition *t,
                       uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef const int32_t *actions
    cdef double *totals
    cdef int32_t best
    for r in range(count):
        actions = t.actions + r * d.agents
        if not _known(d, actions):
            return Status.BAD_ACTION
        for i in range(d.agents):
            d.counts[((first + r) * d.agents + i) * d.most + actions[i]] += 1
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            totals = d.totals + ((first + r) * d.n_ids + j) * d.max_actions
            best = first_greatest(totals, d.actions[i])
            if not leaf.add_payoffs(totals, d.payoffs + j * d.joint + leaf.others(actions, d.strides, d.agents, i),
                                    d.strides[i], d.actions[i], 0.0):
                return Status.BAD_VALUE
            changed[r] |= best != first_greatest(totals, d.actions[i])
    return 0


cdef int _act_regretful(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                        int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i, action, kept
    cdef const double *regret
    cdef double u
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            u = draws[r * stride + i * d.draws]
            if not 0.0 <= u < 1.0:
                return Status.BAD_DRAW
            regret = d.totals + ((first + r) * d.n_ids + j) * d.conditions * d.max_actions
            kept = d.memory[(first + r) * d.n_ids + j]
            if <uint64_t> kept > <uint64_t> d.actions[i]:
                return Status.BAD_ACTION
            if d.conditions == 1:
                action = leaf.by_regret(regret, d.actions[i], u)
            elif kept == 0:
                action = <int64_t> (u * <double> d.actions[i])
            else:
                action = leaf.switch_by_regret(regret + (kept - 1) * d.max_actions, d.actions[i], kept - 1,
                                               d.inertia[j] * <double> d.steps[first + r], u)
            actions[r * d.agents + i] = <int32_t> action
    return 0


cdef int _regret(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef const int32_t *actions
    cdef const double *payoffs
    cdef double *regret
    cdef int32_t best
    for r in range(count):
        actions = t.actions + r * d.agents
        if not _known(d, actions):
            return Status.BAD_ACTION
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            d.memory[(first + r) * d.n_ids + j] = actions[i] + 1
            if not d.learning:
                continue
            regret = d.totals + ((first + r) * d.n_ids + j) * d.conditions * d.max_actions
            if d.conditions > 1:
                regret += actions[i] * d.max_actions
            payoffs = d.payoffs + j * d.joint + leaf.others(actions, d.strides, d.agents, i)
            best = first_greatest(regret, d.actions[i])
            if not leaf.add_payoffs(regret, payoffs, d.strides[i], d.actions[i], payoffs[actions[i] * d.strides[i]]):
                return Status.BAD_VALUE
            changed[r] |= best != first_greatest(regret, d.actions[i])
        if d.learning:
            d.steps[first + r] += 1
            d.counts[(first + r) * d.joint + leaf.others(actions, d.strides, d.agents, -1)] += 1
    return 0


# -- exponential weights -------------------------------------------------------------------------

cdef int _act_weighted(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                       int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef double u
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            u = draws[r * stride + i * d.draws]
            if not 0.0 <= u < 1.0:
                return Status.BAD_DRAW
            actions[r * d.agents + i] = <int32_t> leaf.exp3_sample(
                d.totals + ((first + r) * d.n_ids + j) * d.max_actions, d.actions[i], d.gamma[first + r], u)
    return 0


cdef int _weigh(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i, own
    cdef double *weights
    cdef double top, total, chance, gain
    cdef int32_t best
    for r in range(count):
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            own = t.actions[r * d.agents + i]
            if <uint64_t> own >= <uint64_t> d.actions[i]:
                return Status.BAD_ACTION
            weights = d.totals + ((first + r) * d.n_ids + j) * d.max_actions
            total = leaf.total_weight(weights, d.actions[i], &top)
            chance = leaf.exp3_probability(weights[own], top, total, d.gamma[first + r], d.actions[i])
            gain = leaf.within(t.rewards[r * d.agents + i], d.low, d.high) / chance
            gain = weights[own] + d.gamma[first + r] * gain / <double> d.actions[i]
            if gain - gain != 0.0:
                return Status.BAD_VALUE
            best = first_greatest(weights, d.actions[i])
            weights[own] = gain
            changed[r] |= best != first_greatest(weights, d.actions[i])
    return 0


# -- classes -------------------------------------------------------------------------------------

cdef class Opponent(Learner):
    """What opponents have in common.

    Parameters
    ----------
    runs : int
    actions : int32 [N]
        Number of actions of every agent of the team.
    agent_ids : int32 [L]
        The agents that are controlled.
    draws : int
        K, exploration draws per agent in the whole team.
    """
    cdef Data data

    def __init__(self, runs, actions, agent_ids, draws):
        cdef const int32_t[::1] a = check(actions, "actions", "int32", (-1,), False)
        cdef const int32_t[::1] own_ids = check(agent_ids, "agent_ids", "int32", (-1,), False)
        cdef int64_t agents = a.shape[0]
        if runs < 1:
            raise ValueError(f"runs: expected at least 1, got {runs}")
        if agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        if actions.min() < 1:
            raise ValueError(f"actions: expected at least 1 action, got {actions.min()}")
        if own_ids.shape[0] < 1 or agent_ids.min() < 0 or agent_ids.max() >= agents:
            raise ValueError(f"agent_ids: expected at least one agent from 0 to {agents - 1}")
        if draws < 1:
            raise ValueError(f"draws: expected at least 1, got {draws}")
        self.runs, self.agents, self.draws = runs, agents, draws
        self.data.agents, self.data.n_ids, self.data.draws = agents, own_ids.shape[0], draws
        self.data.actions, self.data.agent_ids = &a[0], &own_ids[0]
        self.data.max_actions = actions[agent_ids].max()
        self.held = (actions, agent_ids)
        self.operations.context = &self.data
        self.operations.act = NULL
        self.operations.update = NULL
        self.operations.tick = NULL

    cdef object _remember(self, object memory):
        cdef int32_t[:, ::1] m = check(memory, "memory", "int32", (self.runs, self.data.n_ids), True)
        self.held = (self.held, memory)
        self.data.memory = &m[0, 0]

    cdef object _open(self, object actions, object agent_ids, object opening):
        least = actions[agent_ids].min()
        if not 0 <= opening < least:
            raise ValueError(f"opening: expected 0 to {least - 1}, got {opening}")
        self.data.opening = opening

    cdef object _pay(self, object actions, object payoffs):
        """Check payoffs [L, joint actions], and say how far apart an agent's actions lie in them."""
        strides = np.ones(len(actions), np.int64)
        joint = 1
        for i in range(len(actions) - 1, -1, -1):
            strides[i] = joint
            joint *= int(actions[i])
        cdef const int64_t[::1] s = strides
        cdef const double[:, ::1] p = check(payoffs, "payoffs", "float64", (self.data.n_ids, joint), False)
        self.data.payoffs, self.data.joint, self.data.strides = &p[0, 0], joint, &s[0]
        self.held = (self.held, payoffs, strides)


cdef class FixedPolicy(Opponent):
    """Draws its actions from probabilities that never change.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    policy : float64 [L, rows, A] or None
        Probabilities; one row: the same in all. None: every action as likely.
    """
    def __init__(self, runs, actions, agent_ids, draws, policy):
        Opponent.__init__(self, runs, actions, agent_ids, draws)
        cdef const double[:, :, ::1] p
        self.data.policy, self.data.rows = NULL, 1
        if policy is not None:
            p = check(policy, "policy", "float64", (self.data.n_ids, -1, self.data.max_actions), False)
            if p.shape[1] < 1:
                raise ValueError("policy: expected at least one row, got none")
            self.data.policy, self.data.rows = &p[0, 0, 0], p.shape[1]
            self.held = (self.held, policy)
        self.operations.act = _act_fixed


cdef class TitForTat(Opponent):
    """Does what another agent did in the step before.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    memory : int32 [R, L]
        Modified: one more than the action to come, 0 at the start of an episode.
    of : int32 [L]
        Whose actions are copied.
    opening : int
        Action of an episode's first step.
    """
    def __init__(self, runs, actions, agent_ids, draws, memory, of, opening):
        Opponent.__init__(self, runs, actions, agent_ids, draws)
        cdef const int32_t[::1] o = check(of, "of", "int32", (self.data.n_ids,), False)
        self._open(actions, agent_ids, opening)
        self._remember(memory)
        if of.min() < 0 or of.max() >= self.agents:
            raise ValueError(f"of: expected agents from 0 to {self.agents - 1}, got {of.min()} to {of.max()}")
        self.data.of = &o[0]
        self.held = (self.held, of)
        self.operations.act = _act_remembered
        self.operations.update = _copy
        self.operations.tick = _forget


cdef class WinStayLoseShift(Opponent):
    """Repeats its action where the reward reaches a threshold; else takes the next one, after the last the first.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    memory : int32 [R, L]
        Modified: one more than the action to come, 0 at the start of an episode.
    threshold : float64 [R]
    opening : int
        Action of an episode's first step.
    """
    def __init__(self, runs, actions, agent_ids, draws, memory, threshold, opening):
        Opponent.__init__(self, runs, actions, agent_ids, draws)
        cdef const double[::1] t = check(threshold, "threshold", "float64", (self.runs,), False)
        self._open(actions, agent_ids, opening)
        self._remember(memory)
        self.data.threshold = &t[0]
        self.held = (self.held, threshold)
        self.operations.act = _act_remembered
        self.operations.update = _stay_or_shift
        self.operations.tick = _forget


cdef class FictitiousPlay(Opponent):
    """Best replies to how often the others have taken each of their joint actions.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    learning : bool
        False: totals stay as they are.
    payoffs : float64 [L, joint actions]
        Of each agent that is controlled; the first agent's action is the most significant.
    totals : float64 [R, L, A]
        Modified: what each action would have earned in all steps together.
    counts : int64 [R, N, most actions]
        Modified: how often every agent took each action.
    """
    def __init__(self, runs, actions, agent_ids, draws, learning, payoffs, totals, counts):
        Opponent.__init__(self, runs, actions, agent_ids, draws)
        cdef double[:, :, ::1] t = check(totals, "totals", "float64",
                                         (self.runs, self.data.n_ids, self.data.max_actions),
                                         True)
        cdef int64_t[:, :, ::1] c = check(counts, "counts", "int64", (self.runs, self.agents, actions.max()), True)
        self._pay(actions, payoffs)
        self.data.totals, self.data.conditions = &t[0, 0, 0], 1
        self.data.counts, self.data.most = &c[0, 0, 0], c.shape[2]
        self.held = (self.held, totals, counts)
        self.operations.act = _act_best
        if learning:
            self.operations.update = _best_replies


cdef class RegretMatching(Opponent):
    """Actions by how much better they would have done.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    learning : bool
        False: regrets stay as they are.
    payoffs : float64 [L, joint actions]
        Of each agent that is controlled; the first agent's action is the most significant.
    regrets : float64 [R, L, A, A] or [R, L, 1, A]
        Modified: what the action of the last axis would have earned more, added up over the steps in which the
        action of the axis before was taken; or over all steps.
    memory : int32 [R, L]
        Modified: one more than the action of the step before, 0 before the first.
    steps : int64 [R]
        Modified: steps learned from.
    inertia : float64 [L]
        By which mean regrets are divided; greater than 0. Only read with [R, L, A, A].
    counts : int64 [R, joint actions]
        Modified: how often every joint action was learned from.
    """
    def __init__(self, runs, actions, agent_ids, draws, learning, payoffs, regrets, memory, steps, inertia, counts):
        Opponent.__init__(self, runs, actions, agent_ids, draws)
        cdef double[:, :, :, ::1] g = check(
            regrets, "regrets", "float64", (self.runs, self.data.n_ids, -1, self.data.max_actions), True)
        cdef int64_t[::1] s = check(steps, "steps", "int64", (self.runs,), True)
        cdef const double[::1] m = check(inertia, "inertia", "float64", (self.data.n_ids,), False)
        if g.shape[2] not in (1, self.data.max_actions):
            raise ValueError(f"regrets: expected 1 or {self.data.max_actions} conditions, got {g.shape[2]}")
        if not (inertia > 0.0).all():
            raise ValueError(f"inertia: expected greater than 0, got {inertia.min()}")
        self._pay(actions, payoffs)
        cdef int64_t[:, ::1] n = check(counts, "counts", "int64", (self.runs, self.data.joint), True)
        self._remember(memory)
        self.data.counts = &n[0, 0]
        self.data.totals, self.data.conditions = &g[0, 0, 0, 0], g.shape[2]
        self.data.steps, self.data.inertia, self.data.learning = &s[0], &m[0], 1 if learning else 0
        self.held = (self.held, regrets, steps, inertia, counts)
        self.operations.act = _act_regretful
        self.operations.update = _regret


cdef class Exp3(Opponent):
    """Exponential weights for exploring and exploiting.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    learning : bool
        False: weights stay as they are.
    weights : float64 [R, L, A]
        Modified: logarithms of the actions' weights.
    gamma : float64 [R]
        Share of steps in which any action is taken.
    low, high : float
        Range of rewards; those outside count as the nearer end.
    """
    def __init__(self, runs, actions, agent_ids, draws, learning, weights, gamma, low, high):
        Opponent.__init__(self, runs, actions, agent_ids, draws)
        cdef double[:, :, ::1] w = check(
            weights, "weights", "float64", (self.runs, self.data.n_ids, self.data.max_actions), True)
        cdef const double[::1] g = check(gamma, "gamma", "float64", (self.runs,), False)
        if not ((gamma > 0.0) & (gamma <= 1.0)).all():
            raise ValueError(f"gamma: expected greater than 0 and at most 1, got {gamma.min()} to {gamma.max()}")
        if not low < high:
            raise ValueError(f"low, high: expected low < high, got {low}, {high}")
        self.data.totals, self.data.gamma, self.data.low, self.data.high = &w[0, 0, 0], &g[0], low, high
        self.held = (self.held, weights, gamma)
        self.operations.act = _act_weighted
        if learning:
            self.operations.update = _weigh
