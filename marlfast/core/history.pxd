# cython: language_level=3
"""Games whose agents see their last observations, one run: the leaves of ``src/_history.pyx``.

The state is that of the game within, then k observations of all of its views, the newest first, then (where own actions
are remembered) the k actions of all agents that came before these, -1 where there was none.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memmove

from marlfast.core.operations cimport GameOperations

ctypedef struct Data:
    GameOperations *within
    int64_t n_agents
    int64_t n_remembered    # k
    int64_t within_size     # S of the game within
    int64_t state_size
    int64_t within_views, within_features
    int64_t views           # V: N where own actions are remembered
    int64_t max_actions     # A, of a game that says what is legal
    bint actions


cdef inline void shift(double *blocks, int64_t count, int64_t size) noexcept nogil:
    """Make room for the newest of some blocks; the oldest is forgotten."""
    memmove(blocks + size, blocks, (count - 1) * size * sizeof(double))


cdef inline double *newest(const Data *game, double *state) noexcept nogil:
    """Where the newest observation of a run is kept."""
    return state + game.within_size


cdef inline double *own_actions(const Data *game, double *state) noexcept nogil:
    return state + game.within_size + game.n_remembered * game.within_views * game.within_features


cdef inline void begin(const Data *game, double *state) noexcept nogil:
    """All observations are the first one, and nobody has acted."""
    cdef int64_t j, size = game.within_views * game.within_features
    cdef double *blocks = newest(game, state)
    for j in range(1, game.n_remembered):
        memcpy(blocks + j * size, blocks, size * sizeof(double))
    if game.actions:
        blocks = own_actions(game, state)
        for j in range(game.n_remembered * game.n_agents):
            blocks[j] = -1.0


cdef inline void remember(const Data *game, double *state, const int32_t *actions) noexcept nogil:
    """Make room for an observation, and keep the actions that came before it."""
    cdef int64_t i
    cdef double *blocks
    shift(newest(game, state), game.n_remembered, game.within_views * game.within_features)
    if game.actions:
        blocks = own_actions(game, state)
        shift(blocks, game.n_remembered, game.n_agents)
        for i in range(game.n_agents):
            blocks[i] = <double> actions[i]


cdef inline void observe(const Data *game, const double *state, double *observation) noexcept nogil:
    """What each view remembers, the newest first; after each observation the own action that came before it."""
    cdef int64_t v, j, at = 0, features = game.within_features
    cdef const double *blocks = newest(game, <double *> state)
    cdef const double *actions = own_actions(game, <double *> state)
    for v in range(game.views):
        for j in range(game.n_remembered):
            memcpy(observation + at, blocks + (j * game.within_views + (v if game.within_views > 1 else 0)) * features,
                   features * sizeof(double))
            at += features
            if game.actions:
                observation[at] = actions[j * game.n_agents + v]
                at += 1
