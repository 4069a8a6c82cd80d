"""The drift game's kernels. Twin: ``marlfast/reference/drift.py``."""
from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.drift as leaf
from marlfast.core._kernels cimport Game

cdef extern from *:
    """
    #define MF_FUSED_GAME "fused_drift.h"
    """

include "marlfast/core/inlined.pxi"
include "marlfast/core/ranges.pxi"
include "marlfast/core/fused_game.pxi"
include "marlfast/core/fused_unnumbered.pxi"


cdef int _counterfactual(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                         const double *rewards, double *counterfactual) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    for r in range(count):
        leaf.counterfactual(game, state + r * game.state_size, actions + r * game.agents,
                            counterfactual + r * game.agents)
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
    cdef leaf.Data game

    def __init__(self, agents, state_size, noise, push, bonus, bonus_below):
        if agents < 1 or state_size < 1:
            raise ValueError(f"agents, state_size: expected at least 1, got {agents}, {state_size}")
        self.game = leaf.Data(agents=agents, state_size=state_size, observation_size=state_size, noise=noise, push=push,
                              bonus=bonus, bonus_below=bonus_below)
        self._declare(&self.game, agents, state_size, 1, state_size, (0, state_size, 0, state_size))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = NULL      # the state as it is
        self.operations.counterfactual = _counterfactual
        self.operations.fused = <void *> _choose
