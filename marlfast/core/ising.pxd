# cython: language_level=3
"""The Ising game, one run: the leaves of ``src/_ising.pyx``. The state is the spins, row by row: -1 down, 1 up."""
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.cells cimport allowed
from marlfast.core.operations cimport Status

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t height
    int64_t width
    double itself           # what an agent earns by being its own neighbour: 1 for a torus of one row, 1 for one column


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t i, bad = 0
    for i in range(game.agents):
        bad += not (uniforms[i] >= 0.0 and uniforms[i] < 1.0)
    if bad:
        return Status.BAD_DRAW
    for i in range(game.agents):
        state[i] = 1.0 if uniforms[i] >= 0.5 else -1.0
    return 0


cdef inline void neighbours(const Data *game, const double *spins, double *sums) noexcept nogil:
    """The sum of each agent's four neighbours' spins. On a torus of one or two rows or columns some are the same."""
    cdef int64_t height = game.height, width = game.width, y, x
    cdef const double *here
    cdef const double *above
    cdef const double *below
    cdef double *out
    for y in range(height):
        here = spins + y * width
        above = spins + (y - 1 if y > 0 else height - 1) * width
        below = spins + (y + 1 if y < height - 1 else 0) * width
        out = sums + y * width
        # The first and the last column reach around; what lies between needs no test.
        out[0] = above[0] + below[0] + here[width - 1] + here[1 if width > 1 else 0]
        for x in range(1, width - 1):
            out[x] = above[x] + below[x] + here[x - 1] + here[x + 1]
        if width > 1:
            out[width - 1] = above[width - 1] + below[width - 1] + here[width - 2] + here[0]


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t i
    if not allowed(actions, game.agents, 2):
        return Status.BAD_ACTION
    for i in range(game.agents):
        state[i] = <double> (2 * actions[i] - 1)
    neighbours(game, state, rewards)
    for i in range(game.agents):
        rewards[i] = 0.5 * state[i] * rewards[i]
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t i, bad = 0
    for i in range(game.agents):
        bad += fabs(state[i]) != 1.0       # no branch on which of the two: spins are close to random
    if bad:
        return Status.BAD_STATE
    neighbours(game, state, observation)
    for i in range(game.agents):
        observation[i] = 0.5 * observation[i] + 2.0
    return 0


cdef inline void counterfactual(const Data *game, const double *rewards, double *others_total) noexcept nogil:
    """The others' total reward, had agent i's square been empty: each neighbour loses what i had from it."""
    cdef int64_t i
    cdef double total = 0.0
    for i in range(game.agents):
        total += rewards[i]
    for i in range(game.agents):
        others_total[i] = total - 2.0 * rewards[i] + game.itself
