"""Reward structure and shaping. Twin: ``marlfast/reference/rewards.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cimport marlfast.core.rewards as leaf
from marlfast.core._kernels cimport Game, Reward, ids, longs, reals
from marlfast.core.operations cimport DISTINCT_ACTIONS, GameOperations, Status, Transition
from marlfast.declarations.base import zeros
from marlfast.declarations.rewards import (
    DIFFERENCE, DIVERSITY, MIX, POTENTIAL_DISTANCE, POTENTIAL_TABLE, REDUNDANCY)


cdef struct MixContext:
    int64_t n_agents, teams
    double own
    const double *weights
    const int32_t *team_of_agent
    double *sums                # [R, teams] scratch

cdef struct DifferenceContext:
    int64_t n_agents
    GameOperations *game

cdef struct PotentialContext:
    int64_t n_agents, views, features, n_rows, per_agent, order
    double discount
    const double *table         # [1 or N, rows]
    const double *target        # [D]
    const double *weights       # [D]
    double *previous            # [R, N] potential before the step


cdef int _mix(void *context, int64_t first, int64_t count, const Transition *t) noexcept nogil:
    cdef MixContext *c = <MixContext *> context
    cdef int64_t r
    for r in range(count):
        leaf.mix(c.n_agents, c.teams, c.own, c.weights, c.team_of_agent, t.raw + r * c.n_agents,
                 c.sums + (first + r) * c.teams, t.rewards + r * c.n_agents)
    return 0


cdef int _difference(void *context, int64_t first, int64_t count, const Transition *t) noexcept nogil:
    cdef DifferenceContext *c = <DifferenceContext *> context
    cdef int64_t r, i
    cdef double total
    cdef int status = c.game.counterfactual(c.game.context, first, count, t.state, t.actions, t.raw, t.rewards)
    for r in range(count):
        total = 0.0
        for i in range(c.n_agents):
            total += t.raw[r * c.n_agents + i]
        for i in range(c.n_agents):
            t.rewards[r * c.n_agents + i] = total - t.rewards[r * c.n_agents + i]
    return status


cdef int _distinct(void *context, int64_t first, int64_t count, const Transition *t) noexcept nogil:
    cdef leaf.Distinct *c = <leaf.Distinct *> context
    cdef int64_t n_agents = c.n_agents, r, i, n
    cdef double amount
    cdef double *rewards
    for r in range(count):
        # In the loop, the second component that asks finds them counted.
        n = t.distinct[0] if t.distinct != NULL else -1
        if n < 0:
            n = leaf.distinct(n_agents, c.n_actions, t.actions + r * n_agents, c.marked + (first + r) * c.words)
            if n < 0:
                return Status.BAD_ACTION
            if t.distinct != NULL:
                t.distinct[0] = n
        amount = c.amounts[n]
        rewards = t.rewards + r * n_agents
        for i in range(n_agents):
            rewards[i] += amount
    return 0


cdef inline double _table_potential(PotentialContext *c, int64_t i, const int32_t *rows, const double *observation,
                                    int *status) noexcept nogil:
    if <uint32_t> rows[i] >= <uint32_t> c.n_rows:
        status[0] = Status.BAD_ROW
        return 0.0
    return c.table[(i * c.n_rows if c.per_agent else 0) + rows[i]]


cdef inline double _distance_potential(PotentialContext *c, int64_t i, const int32_t *rows, const double *observation,
                                       int *status) noexcept nogil:
    return -leaf.distance(c.features, c.order, c.target, c.weights,
                          observation + (i * c.features if c.views > 1 else 0))

ctypedef double (*Potential)(PotentialContext *, int64_t, const int32_t *, const double *, int *) noexcept nogil


cdef inline int _remember(Potential potential, PotentialContext *c, int64_t first, int64_t count, const int32_t *rows,
                          const double *observation) noexcept nogil:
    cdef int64_t r, i
    cdef int status = 0
    for r in range(count):
        for i in range(c.n_agents):
            c.previous[(first + r) * c.n_agents + i] = potential(
                c, i, rows + r * c.n_agents, observation + r * c.views * c.features, &status)
    return status


cdef inline int _shape(Potential potential, PotentialContext *c, int64_t first, int64_t count,
                       const Transition *t) noexcept nogil:
    cdef int64_t r, i
    cdef double next_
    cdef double *previous
    cdef int status = 0
    for r in range(count):
        for i in range(c.n_agents):
            previous = c.previous + (first + r) * c.n_agents + i
            next_ = 0.0
            if not t.terminated[r]:
                next_ = potential(c, i, t.next_rows + r * c.n_agents, t.observation + r * c.views * c.features, &status)
            t.rewards[r * c.n_agents + i] += c.discount * next_ - previous[0]
            previous[0] = next_
    return status


cdef int _begin_table(void *context, int64_t first, int64_t count, const int32_t *rows,
                      const double *observation) noexcept nogil:
    return _remember(_table_potential, <PotentialContext *> context, first, count, rows, observation)


cdef int _shape_table(void *context, int64_t first, int64_t count, const Transition *t) noexcept nogil:
    return _shape(_table_potential, <PotentialContext *> context, first, count, t)


cdef int _begin_distance(void *context, int64_t first, int64_t count, const int32_t *rows,
                         const double *observation) noexcept nogil:
    return _remember(_distance_potential, <PotentialContext *> context, first, count, rows, observation)


cdef int _shape_distance(void *context, int64_t first, int64_t count, const Transition *t) noexcept nogil:
    return _shape(_distance_potential, <PotentialContext *> context, first, count, t)


cdef object _shaped(Reward reward, object a, object held):
    """What a reward says of itself, and what it holds on to."""
    reward.held = held
    reward.runs, reward.agents, reward.state_size, reward.views, reward.features = a.R, a.N, a.S, a.V, a.D


cdef object _count_actions(Reward reward, leaf.Distinct *context, object a, object amounts):
    """What is paid for how many different actions."""
    words = (a.n_actions + 63) // 64
    marked = zeros("runs", "flags of actions", (a.R, words), "uint64")
    _shaped(reward, a, (a.kept, marked, amounts))
    context[0] = leaf.Distinct(a.N, a.n_actions, words, reals(amounts), <uint64_t *> longs(marked))
    reward.operations.context = context
    reward.operations.apply = _distinct
    reward.operations.kind = DISTINCT_ACTIONS


cdef class Mix(Reward):
    """Linear reward structure.

    ``rewards[i] = own * raw[i] + sum_k weights[team of i, k] * (sum of raw over team k)``,
    agents and teams in order.

    Parameters
    ----------
    See ``marlfast/declarations/rewards.py``.
    """
    cdef MixContext context

    def __init__(self, *by_position, **given):
        a = MIX.check(given, by_position)
        sums = zeros("runs", "sums of teams", (a.R, a.T))
        _shaped(self, a, (a.kept, sums))
        self.context = MixContext(a.N, a.T, a.own, reals(a.weights), ids(a.team_of_agent), reals(sums))
        self.operations.context = &self.context
        self.operations.apply = _mix
        self.operations.plain = a.T == 0 and a.own == 1.0


cdef class Difference(Reward):
    """Difference rewards (Wolpert and Tumer 2002): the team's total, minus what it would be without agent i.

    Parameters
    ----------
    See ``marlfast/declarations/rewards.py``.
    """
    cdef DifferenceContext context

    def __init__(self, *by_position, **given):
        a = DIFFERENCE.check(given, by_position)
        cdef Game game = a.game
        if game.operations.counterfactual == NULL:
            raise ValueError("game: cannot say what would have happened without an agent")
        _shaped(self, a, a.kept)
        self.context = DifferenceContext(a.N, &game.operations)
        self.operations.context = &self.context
        self.operations.apply = _difference


cdef class Diversity(Reward):
    """Adds ``weight * distinct actions / agents`` to every agent.

    Parameters
    ----------
    See ``marlfast/declarations/rewards.py``.
    """
    cdef leaf.Distinct context

    def __init__(self, *by_position, **given):
        a = DIVERSITY.check(given, by_position)
        _count_actions(self, &self.context, a, a.weight * (np.arange(a.N + 1.0) / a.N))


cdef class Redundancy(Reward):
    """Takes ``penalty * (agents - distinct actions)`` from every agent.

    Parameters
    ----------
    See ``marlfast/declarations/rewards.py``.
    """
    cdef leaf.Distinct context

    def __init__(self, *by_position, **given):
        a = REDUNDANCY.check(given, by_position)
        _count_actions(self, &self.context, a, -(a.penalty * (a.N - np.arange(a.N + 1.0))))


cdef class PotentialTable(Reward):
    """Adds ``discount * potential(next row) - potential(row)``, 0 at a terminal state (Ng et al. 1999, eq. 2).

    Parameters
    ----------
    See ``marlfast/declarations/rewards.py``.
    """
    cdef PotentialContext context

    def __init__(self, *by_position, **given):
        a = POTENTIAL_TABLE.check(given, by_position)
        previous = zeros("runs", "potentials", (a.R, a.N))
        _shaped(self, a, (a.kept, previous))
        self.context = PotentialContext(a.N, a.V, a.D, a.n_rows, a.tables > 1, 0, a.discount, reals(a.table), NULL,
                                        NULL, reals(previous))
        self.operations.context = &self.context
        self.operations.begin = _begin_table
        self.operations.apply = _shape_table


cdef class PotentialDistance(Reward):
    """Potential-based shaping by a weighted distance: ``-sum_d weights[d] * |x[d] - target[d]| ** order``.

    Parameters
    ----------
    See ``marlfast/declarations/rewards.py``.
    """
    cdef PotentialContext context

    def __init__(self, *by_position, **given):
        a = POTENTIAL_DISTANCE.check(given, by_position)
        previous = zeros("runs", "potentials", (a.R, a.N))
        _shaped(self, a, (a.kept, previous))
        self.context = PotentialContext(a.N, a.V, a.D, 0, 0, a.order, a.discount, NULL, reals(a.target),
                                        reals(a.weights), reals(previous))
        self.operations.context = &self.context
        self.operations.begin = _begin_distance
        self.operations.apply = _shape_distance
