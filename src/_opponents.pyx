"""Opponents that follow a fixed rule, or learn by one of their own. Twin: ``marlfast/reference/opponents.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.opponents as leaf
from marlfast.core._kernels cimport Learner, ids, longs, reals
from marlfast.core.operations cimport Status, Transition
from marlfast.core.tabular cimport first_greatest, sample
from marlfast.declarations.opponents import (
    EXP3, FICTITIOUS_PLAY, FIXED_POLICY, OPPONENT, REGRET_MATCHING, TIT_FOR_TAT, WIN_STAY_LOSE_SHIFT)


cdef struct Data:
    int64_t n_agents            # N, of the whole team
    int64_t n_ids                 # L, how many of them this learner controls
    const int32_t *agent_ids        # [L] which
    const int32_t *n_actions    # [N] actions of each agent
    int64_t max_actions               # A, the greatest number of actions in the learner's arrays
    int64_t draws               # K
    int64_t learning
    # A fixed policy.
    int64_t n_rows              # 1: the same in every row
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
    for i in range(d.n_agents):
        if <uint32_t> actions[i] >= <uint32_t> d.n_actions[i]:
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
                actions[r * d.n_agents + i] = <int32_t> (u * <double> d.n_actions[i])
                continue
            row = 0
            if d.n_rows > 1:
                row = rows[r * d.n_agents + i]
                if <uint32_t> rows[r * d.n_agents + i] >= <uint64_t> d.n_rows:
                    return Status.BAD_ROW
            actions[r * d.n_agents + i] = <int32_t> sample(d.policy + (j * d.n_rows + row) * d.max_actions,
                                                           d.n_actions[i], u)
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
            if <uint32_t> kept > <uint32_t> d.n_actions[i]:
                return Status.BAD_ACTION
            actions[r * d.n_agents + i] = kept - 1 if kept else <int32_t> d.opening
    return 0


cdef int _copy(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j
    cdef int32_t other
    for r in range(count):
        for j in range(d.n_ids):
            other = t.actions[r * d.n_agents + d.of[j]]
            if <uint32_t> other >= <uint32_t> d.n_actions[d.agent_ids[j]]:
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
            own = t.actions[r * d.n_agents + i]
            if <uint32_t> own >= <uint32_t> d.n_actions[i]:
                return Status.BAD_ACTION
            if not t.rewards[r * d.n_agents + i] >= d.threshold[first + r]:
                own = own + 1 if own + 1 < d.n_actions[i] else 0
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
            actions[r * d.n_agents + i] = first_greatest(d.totals + ((first + r) * d.n_ids + j) * d.max_actions,
                                                       d.n_actions[i])
    return 0


cdef int _best_replies(void *context, int64_t first, int64_t count, const Transition *t,
                       uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef const int32_t *actions
    cdef double *totals
    cdef int32_t best
    for r in range(count):
        actions = t.actions + r * d.n_agents
        if not _known(d, actions):
            return Status.BAD_ACTION
        for i in range(d.n_agents):
            d.counts[((first + r) * d.n_agents + i) * d.most + actions[i]] += 1
        for j in range(d.n_ids):
            i = d.agent_ids[j]
            totals = d.totals + ((first + r) * d.n_ids + j) * d.max_actions
            best = first_greatest(totals, d.n_actions[i])
            if not leaf.add_payoffs(totals, d.payoffs + j * d.joint + leaf.others(actions, d.strides, d.n_agents, i),
                                    d.strides[i], d.n_actions[i], 0.0):
                return Status.BAD_VALUE
            changed[r] |= best != first_greatest(totals, d.n_actions[i])
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
            if <uint64_t> kept > <uint64_t> d.n_actions[i]:
                return Status.BAD_ACTION
            if d.conditions == 1:
                action = leaf.by_regret(regret, d.n_actions[i], u)
            elif kept == 0:
                action = <int64_t> (u * <double> d.n_actions[i])
            else:
                action = leaf.switch_by_regret(regret + (kept - 1) * d.max_actions, d.n_actions[i], kept - 1,
                                               d.inertia[j] * <double> d.steps[first + r], u)
            actions[r * d.n_agents + i] = <int32_t> action
    return 0


cdef int _regret(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Data *d = <const Data *> context
    cdef int64_t r, j, i
    cdef const int32_t *actions
    cdef const double *payoffs
    cdef double *regret
    cdef int32_t best
    for r in range(count):
        actions = t.actions + r * d.n_agents
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
            payoffs = d.payoffs + j * d.joint + leaf.others(actions, d.strides, d.n_agents, i)
            best = first_greatest(regret, d.n_actions[i])
            if not leaf.add_payoffs(regret, payoffs, d.strides[i], d.n_actions[i], payoffs[actions[i] * d.strides[i]]):
                return Status.BAD_VALUE
            changed[r] |= best != first_greatest(regret, d.n_actions[i])
        if d.learning:
            d.steps[first + r] += 1
            d.counts[(first + r) * d.joint + leaf.others(actions, d.strides, d.n_agents, -1)] += 1
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
            actions[r * d.n_agents + i] = <int32_t> leaf.exp3_sample(
                d.totals + ((first + r) * d.n_ids + j) * d.max_actions, d.n_actions[i], d.gamma[first + r], u)
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
            own = t.actions[r * d.n_agents + i]
            if <uint64_t> own >= <uint64_t> d.n_actions[i]:
                return Status.BAD_ACTION
            weights = d.totals + ((first + r) * d.n_ids + j) * d.max_actions
            total = leaf.total_weight(weights, d.n_actions[i], &top)
            chance = leaf.exp3_probability(weights[own], top, total, d.gamma[first + r], d.n_actions[i])
            gain = leaf.within(t.rewards[r * d.n_agents + i], d.low, d.high) / chance
            gain = weights[own] + d.gamma[first + r] * gain / <double> d.n_actions[i]
            if gain - gain != 0.0:
                return Status.BAD_VALUE
            best = first_greatest(weights, d.n_actions[i])
            weights[own] = gain
            changed[r] |= best != first_greatest(weights, d.n_actions[i])
    return 0


# -- classes -------------------------------------------------------------------------------------

cdef class Opponent(Learner):
    """What opponents have in common.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    cdef Data data

    def __init__(self, **given):
        self._take(OPPONENT.check(given))

    cdef object _take(self, object a):
        self.held, self.runs, self.agents, self.draws = a.kept, a.R, a.N, a.draws
        self.data.n_agents, self.data.n_ids, self.data.draws, self.data.max_actions = a.N, a.L, a.draws, a.A
        self.data.n_actions, self.data.agent_ids = ids(a.n_actions), ids(a.agent_ids)
        self.data.n_rows, self.data.conditions = 1, 1
        self.operations.context = &self.data
        self.operations.act = NULL
        self.operations.update = NULL
        self.operations.tick = NULL

    cdef object _remember(self, object a):
        """What those have in common that remember an action to come."""
        self.data.memory, self.data.opening = ids(a.memory), a.opening
        self.operations.act = _act_remembered
        self.operations.tick = _forget

    cdef object _pay(self, object a):
        """What those have in common that know the payoffs."""
        self.data.payoffs, self.data.joint, self.data.strides = reals(a.payoffs), a.joint, longs(a.strides)
        self.held = (self.held, a.strides)


cdef class FixedPolicy(Opponent):
    """Draws its actions from probabilities that never change.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    def __init__(self, **given):
        self._take(FIXED_POLICY.check(given))

    cdef object _take(self, object a):
        Opponent._take(self, a)
        self.data.policy = reals(a.policy)
        if a.policy is not None:
            self.data.n_rows = a.n_rows
        self.operations.act = _act_fixed


cdef class TitForTat(Opponent):
    """Does what another agent did in the step before.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    def __init__(self, **given):
        self._take(TIT_FOR_TAT.check(given))

    cdef object _take(self, object a):
        Opponent._take(self, a)
        self._remember(a)
        self.data.of = ids(a.of)
        self.operations.update = _copy


cdef class WinStayLoseShift(Opponent):
    """Repeats its action where the reward reaches a threshold; else takes the next one, after the last the first.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    def __init__(self, **given):
        self._take(WIN_STAY_LOSE_SHIFT.check(given))

    cdef object _take(self, object a):
        Opponent._take(self, a)
        self._remember(a)
        self.data.threshold = reals(a.threshold)
        self.operations.update = _stay_or_shift


cdef class FictitiousPlay(Opponent):
    """Best replies to how often the others have taken each of their joint actions.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    def __init__(self, **given):
        self._take(FICTITIOUS_PLAY.check(given))

    cdef object _take(self, object a):
        Opponent._take(self, a)
        self._pay(a)
        self.data.totals, self.data.counts, self.data.most = reals(a.totals), longs(a.counts), a.M
        self.operations.act = _act_best
        if a.learning:
            self.operations.update = _best_replies


cdef class RegretMatching(Opponent):
    """Actions by how much better they would have done.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    def __init__(self, **given):
        self._take(REGRET_MATCHING.check(given))

    cdef object _take(self, object a):
        Opponent._take(self, a)
        self._pay(a)
        self.data.memory, self.data.counts = ids(a.memory), longs(a.counts)
        self.data.totals, self.data.conditions = reals(a.regrets), a.conditions
        self.data.steps, self.data.inertia, self.data.learning = longs(a.steps), reals(a.inertia), a.learning
        self.operations.act = _act_regretful
        self.operations.update = _regret


cdef class Exp3(Opponent):
    """Exponential weights for exploring and exploiting.

    Parameters
    ----------
    See ``marlfast/declarations/opponents.py``.
    """
    def __init__(self, **given):
        self._take(EXP3.check(given))

    cdef object _take(self, object a):
        Opponent._take(self, a)
        self.data.totals, self.data.gamma = reals(a.weights), reals(a.gamma)
        self.data.low, self.data.high = a.low, a.high
        self.operations.act = _act_weighted
        if a.learning:
            self.operations.update = _weigh
