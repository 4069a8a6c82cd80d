"""The Ising game's kernels. Twin: ``marlfast/reference/ising.py``."""
from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.ising as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef int _counterfactual(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                         const double *rewards, double *counterfactual) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    for r in range(count):
        leaf.counterfactual(game, rewards + r * game.agents, counterfactual + r * game.agents)
    return 0


cdef class Ising(Game):
    """The Ising game: see :class:`marlfast.games.ising.Ising` for its rules and source.

    Parameters
    ----------
    height, width : int
        At least 1.
    """
    cdef leaf.Data game

    def __init__(self, height, width):
        if height < 1 or width < 1:
            raise ValueError(f"height, width: expected at least 1, got {height}, {width}")
        agents = height * width
        self.game = leaf.Data(agents=agents, state_size=agents, observation_size=agents, height=height, width=width,
                              itself=(height == 1) + (width == 1))
        self._declare(&self.game, agents, agents, agents, 1, (0, 0, agents, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = _counterfactual
