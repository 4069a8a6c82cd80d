# cython: language_level=3
"""The drift game, one run: the leaves of ``src/_drift.pyx``."""
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t bonus_below     # actions below this earn the bonus
    double noise            # standard deviation of each variable's move
    double push             # how far one unit of action moves variable 0
    double bonus


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    cdef int64_t k
    for k in range(game.state_size):
        state[k] = normals[k]
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t n_agents = game.agents, below = game.bonus_below, i, k, total = 0
    cdef double team, bonus = game.bonus
    for k in range(game.state_size):
        state[k] += normals[k] * game.noise
    for i in range(n_agents):
        total += actions[i]
    state[0] += <double> total * game.push
    team = -fabs(state[0])
    for i in range(n_agents):
        # Sign bit and product in place of a branch: who earns the bonus is close to random.
        rewards[i] = team + bonus * <double> <int32_t> (<uint64_t> (actions[i] - below) >> 63)
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    memcpy(observation, state, game.observation_size * sizeof(double))
    return 0


cdef inline void counterfactual(const Data *game, const double *state, const int32_t *actions,
                                double *others_total) noexcept nogil:
    """The others' total reward, had agent i not pushed (its action taken out of the sum)."""
    cdef int64_t i, bonuses = 0, others
    for i in range(game.agents):
        bonuses += 1 if actions[i] < game.bonus_below else 0
    for i in range(game.agents):
        others = bonuses - (1 if actions[i] < game.bonus_below else 0)
        others_total[i] = (-fabs(state[0] - <double> actions[i] * game.push) * <double> (game.agents - 1)
                           + <double> others * game.bonus)
