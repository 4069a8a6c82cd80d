"""The drift game's kernels. Twin: ``marlfast/reference/drift.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.drift as leaf
from marlfast.core._kernels cimport Game
from marlfast.core.operations cimport Draws


cdef int _start(void *context, int64_t first, int64_t count, double *state,
                const Draws *draws) noexcept nogil:
    cdef const leaf.Drift *game = <const leaf.Drift *> context
    cdef int64_t r
    for r in range(count):
        leaf.drift_start(game, state + r * game.state_size, draws.normals + r * draws.normal_stride)
    return 0


cdef int _step(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
               const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef const leaf.Drift *game = <const leaf.Drift *> context
    cdef int64_t r
    for r in range(count):
        leaf.drift_step(game, state + r * game.state_size, actions + r * game.agents,
                        draws.normals + r * draws.normal_stride, rewards + r * game.agents)
        terminated[r] = 0
    return 0


cdef int _without(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                  const double *rewards, double *without) noexcept nogil:
    cdef const leaf.Drift *game = <const leaf.Drift *> context
    cdef int64_t r
    for r in range(count):
        leaf.drift_without(game, state + r * game.state_size, actions + r * game.agents,
                           without + r * game.agents)
    return 0


cdef class Drift(Game):
    """The drift game: see :class:`marlfast.games.Drift` for its rules and source.

    Parameters
    ----------
    agents, state_size : int
        At least 1.
    noise, push, bonus : float
    bonus_below : int
        Actions below this earn the bonus.
    """
    cdef leaf.Drift game

    def __init__(self, agents, state_size, noise, push, bonus, bonus_below):
        if agents < 1 or state_size < 1:
            raise ValueError(f"agents, state_size: expected at least 1, got {agents}, {state_size}")
        self.game = leaf.Drift(agents=agents, state_size=state_size, noise=noise, push=push, bonus=bonus,
                               bonus_below=bonus_below)
        self.agents, self.state_size, self.views, self.features = agents, state_size, 1, state_size
        self.step_uniforms, self.step_normals = 0, state_size
        self.start_uniforms, self.start_normals = 0, state_size
        self.operations.context = &self.game
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = NULL
        self.operations.without = _without
