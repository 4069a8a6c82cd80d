# cython: language_level=3
"""Congestion games, one run: the leaves of ``src/_congestion.pyx``.

The state is the loads [resources]; then, in a game where some pay without being counted, how many pay for each
resource [resources]; then, in a game with a memory, which of the last steps were crowded, as one number.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from marlfast.core.cells cimport whole
from marlfast.core.operations cimport Status

cdef enum:
    FEW = 256                       # so many strategies are counted and priced on the stack

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t resources
    int64_t strategies
    int64_t payers                  # where the payers stand in the state; 0: they are the loads
    int64_t history                 # where the memory stands in the state
    int64_t histories               # 2 ** memory; 1: no memory
    int64_t watched                 # the resource that is remembered
    int64_t threshold               # it is crowded above this load
    int64_t sees_loads
    int64_t few                     # strategies are at most FEW, and no more than agents
    const int32_t *kind             # [N] of each agent
    const int32_t *first_choice     # [kinds + 1] where each kind's strategies begin in choices
    const int32_t *choices          # strategy of each kind's actions
    const int32_t *first_use        # [strategies + 1] where each strategy's resources begin in used
    const int32_t *used             # resources, in the order in which their costs are added up
    const uint8_t *counted          # beside used: whether the strategy adds to the resource's load
    const double *cost              # [resources, N + 1] of each resource at each load


cdef inline int64_t strategy(const Data *game, int64_t i, const int32_t *actions) noexcept nogil:
    """The strategy that agent i chose; its action is known to be allowed."""
    return game.choices[game.first_choice[game.kind[i]] + actions[i]]


cdef inline bint allowed(const Data *game, const int32_t *actions) noexcept nogil:
    """Whether every action is one of its agent's."""
    cdef int64_t i
    cdef const int32_t *first
    for i in range(game.agents):
        first = game.first_choice + game.kind[i]
        if <uint32_t> actions[i] >= <uint32_t> (first[1] - first[0]):
            return False
    return True


cdef inline void count(const Data *game, double *state, int64_t s, double agents) noexcept nogil:
    """Add so many agents with strategy s to the loads and the payers."""
    cdef int64_t e
    for e in range(game.first_use[s], game.first_use[s + 1]):
        if game.counted[e]:
            state[game.used[e]] += agents
        if game.payers:
            state[game.payers + game.used[e]] += agents


cdef inline double price(const Data *game, const double *state, int64_t s) noexcept nogil:
    """What strategy s costs at these loads, which are known to be whole numbers from 0 to N."""
    cdef int64_t e, r
    cdef double total = 0.0
    for e in range(game.first_use[s], game.first_use[s + 1]):
        r = game.used[e]
        total += game.cost[r * (game.agents + 1) + <int64_t> state[r]]
    return total


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t k
    for k in range(game.state_size):
        state[k] = 0.0
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t past = 0, i, k, s
    cdef int64_t[FEW] chosen
    cdef double[FEW] prices
    if game.histories > 1:
        past = whole(state[game.history], game.histories)
        if past < 0:
            return Status.BAD_STATE
    if not allowed(game, actions):
        return Status.BAD_ACTION
    for k in range(2 * game.resources if game.payers else game.resources):
        state[k] = 0.0
    if game.few:
        # All who choose the same pay the same: each strategy is priced once.
        for s in range(game.strategies):
            chosen[s] = 0
        for i in range(game.agents):
            chosen[strategy(game, i, actions)] += 1
        for s in range(game.strategies):
            count(game, state, s, <double> chosen[s])
        for s in range(game.strategies):
            prices[s] = 0.0 - price(game, state, s)
        for i in range(game.agents):
            rewards[i] = prices[strategy(game, i, actions)]
    else:
        for i in range(game.agents):
            count(game, state, strategy(game, i, actions), 1.0)
        for i in range(game.agents):
            rewards[i] = 0.0 - price(game, state, strategy(game, i, actions))
    if game.histories > 1:
        past = 2 * past + (state[game.watched] > <double> game.threshold)
        state[game.history] = <double> (past & (game.histories - 1))
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    if game.sees_loads:
        memcpy(observation, state, game.resources * sizeof(double))
    else:
        observation[0] = state[game.history] if game.histories > 1 else 0.0
    return 0


cdef inline int counterfactual(const Data *game, const double *state, const int32_t *actions,
                               double *others_total) noexcept nogil:
    """The others' total reward without agent i: what the team pays, less what changes by i's leaving."""
    cdef int64_t stride = game.agents + 1, i, e, r, s, load
    cdef double team = 0.0, change
    cdef const double *payers = state + game.payers
    cdef const double *cost
    if not allowed(game, actions):
        return Status.BAD_ACTION
    for r in range(game.resources):
        load = whole(state[r], stride)
        if load < 0 or whole(payers[r], stride) < 0:
            return Status.BAD_STATE
        team += payers[r] * game.cost[r * stride + load]
    for i in range(game.agents):
        s = strategy(game, i, actions)
        change = 0.0
        for e in range(game.first_use[s], game.first_use[s + 1]):
            r = game.used[e]
            load = <int64_t> state[r]
            if load < game.counted[e]:      # not the loads that these actions make
                return Status.BAD_STATE
            cost = game.cost + r * stride + load
            change += payers[r] * cost[0] - (payers[r] - 1.0) * (cost - game.counted[e])[0]
        others_total[i] = change - team
    return 0
