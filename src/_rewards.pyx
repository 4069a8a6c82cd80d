"""Reward structure and shaping. Twin: ``marlfast/reference/rewards.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cimport marlfast.core.rewards as leaf
from marlfast.core._kernels cimport Game, Reward, check
from marlfast.core.operations cimport DISTINCT_ACTIONS, GameOperations, Status, Transition
from marlfast.declarations.base import zeros


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


cdef object _shapes(Reward reward, runs, Game game):
    if runs < 1:
        raise ValueError(f"runs: expected at least 1, got {runs}")
    reward.runs, reward.agents, reward.state_size = runs, game.agents, game.state_size
    reward.views, reward.features = game.views, game.features


cdef class Mix(Reward):
    """Linear reward structure.

    ``rewards[i] = own * raw[i] + sum_k weights[team of i, k] * (sum of raw over team k)``,
    agents and teams in order.

    Parameters
    ----------
    runs : int
    game : Game
    own : float
    weights : float64 [T, T]
        T may be 0: each agent has its own rewards.
    team_of_agent : int32 [N]
        0 to T - 1; not read where T is 0.
    """
    cdef MixContext context

    def __init__(self, runs, Game game not None, own, weights, team_of_agent):
        _shapes(self, runs, game)
        cdef const double[:, ::1] w = check(weights, "weights", "float64", (-1, -1), False)
        cdef int64_t teams = w.shape[0]
        check(weights, "weights", "float64", (teams, teams), False)
        cdef const int32_t[::1] t = check(team_of_agent, "team_of_agent", "int32", (game.agents,), False)
        sums = zeros("runs", "sums of teams", (runs, teams))
        cdef double[:, ::1] s = sums
        self.held = (weights, team_of_agent, sums)
        self.context = MixContext(game.agents, 0, own, NULL, NULL, NULL)
        if teams:
            if team_of_agent.min() < 0 or team_of_agent.max() >= teams:
                raise ValueError(f"team_of_agent: expected teams 0 to {teams - 1}")
            self.context = MixContext(game.agents, teams, own, &w[0, 0], &t[0], &s[0, 0])
        self.operations.context = &self.context
        self.operations.begin = NULL
        self.operations.apply = _mix
        self.operations.plain = teams == 0 and own == 1.0


cdef class Difference(Reward):
    """Difference rewards (Wolpert and Tumer 2002): the team's total, minus what it would be without agent i.

    Parameters
    ----------
    runs : int
    game : Game
        One that can say what would have happened without an agent.
    """
    cdef DifferenceContext context

    def __init__(self, runs, Game game not None):
        _shapes(self, runs, game)
        if game.operations.counterfactual == NULL:
            raise ValueError("game: cannot say what would have happened without an agent")
        self.held = game
        self.context = DifferenceContext(game.agents, &game.operations)
        self.operations.context = &self.context
        self.operations.begin = NULL
        self.operations.apply = _difference


cdef class Diversity(Reward):
    """Adds ``weight * distinct actions / agents`` to every agent.

    Parameters
    ----------
    runs : int
    game : Game
    actions : int
        Actions are 0 to actions - 1.
    weight : float
    """
    cdef leaf.Distinct context

    def __init__(self, runs, Game game not None, actions, weight):
        _shapes(self, runs, game)
        counts = np.arange(game.agents + 1.0)
        self.held = _scratch(&self.context, runs, game.agents, actions, weight * (counts / game.agents))
        self.operations.context = &self.context
        self.operations.begin = NULL
        self.operations.apply = _distinct
        self.operations.kind = DISTINCT_ACTIONS


cdef class Redundancy(Reward):
    """Takes ``penalty * (agents - distinct actions)`` from every agent.

    Parameters
    ----------
    runs : int
    game : Game
    actions : int
        Actions are 0 to actions - 1.
    penalty : float
    """
    cdef leaf.Distinct context

    def __init__(self, runs, Game game not None, actions, penalty):
        _shapes(self, runs, game)
        counts = np.arange(game.agents + 1.0)
        self.held = _scratch(&self.context, runs, game.agents, actions, -(penalty * (game.agents - counts)))
        self.operations.context = &self.context
        self.operations.begin = NULL
        self.operations.apply = _distinct
        self.operations.kind = DISTINCT_ACTIONS


cdef object _scratch(leaf.Distinct *context, runs, agents, actions, amounts):
    if actions < 1:
        raise ValueError(f"actions: expected at least 1, got {actions}")
    words = (actions + 63) // 64
    marked = zeros("runs", "flags of actions", (runs, words), "uint64")
    cdef uint64_t[:, ::1] s = marked
    cdef const double[::1] a = amounts
    context[0] = leaf.Distinct(agents, actions, words, &a[0], &s[0, 0])
    return marked, amounts


cdef class PotentialTable(Reward):
    """Adds ``discount * potential(next row) - potential(row)``, 0 at a terminal state (Ng et al. 1999, eq. 2).

    Parameters
    ----------
    runs : int
    game : Game
    discount : float
    table : float64 [1 or N, rows]
    """
    cdef PotentialContext context

    def __init__(self, runs, Game game not None, discount, table):
        _shapes(self, runs, game)
        cdef const double[:, ::1] p = check(table, "table", "float64", (-1, -1), False)
        if p.shape[0] not in (1, game.agents) or p.shape[1] < 1:
            raise ValueError(f"table: expected shape (1 or {game.agents}, rows), got {table.shape}")
        previous = zeros("runs", "potentials", (runs, game.agents))
        cdef double[:, ::1] b = previous
        self.held = (table, previous)
        self.context = PotentialContext(game.agents, game.views, game.features, p.shape[1], p.shape[0] > 1, 0,
                                        discount, &p[0, 0], NULL, NULL, &b[0, 0])
        self.operations.context = &self.context
        self.operations.begin = _begin_table
        self.operations.apply = _shape_table


cdef class PotentialDistance(Reward):
    """Potential-based shaping by a weighted distance: ``-sum_d weights[d] * |x[d] - target[d]| ** order``.

    Parameters
    ----------
    runs : int
    game : Game
    discount : float
    target, weights : float64 [D]
    order : int
        1 or 2.
    """
    cdef PotentialContext context

    def __init__(self, runs, Game game not None, discount, target, weights, order):
        _shapes(self, runs, game)
        cdef const double[::1] t = check(target, "target", "float64", (game.features,), False)
        cdef const double[::1] w = check(weights, "weights", "float64", (game.features,), False)
        if order not in (1, 2):
            raise ValueError(f"order: expected 1 or 2, got {order}")
        previous = zeros("runs", "potentials", (runs, game.agents))
        cdef double[:, ::1] b = previous
        self.held = (target, weights, previous)
        self.context = PotentialContext(game.agents, game.views, game.features, 0, 0, order, discount, NULL, &t[0],
                                        &w[0], &b[0, 0])
        self.operations.context = &self.context
        self.operations.begin = _begin_distance
        self.operations.apply = _shape_distance
