"""Kernels of repeated games in normal form. Twin: ``marlfast/reference/matrix.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.matrix as leaf
from marlfast.core._kernels cimport Game, ids, reals
from marlfast.core.operations cimport Draws
from marlfast.declarations.matrix import REPEATED

cdef extern from *:
    """
    #define MF_FUSED_GAME "fused_matrix.h"
    """

include "marlfast/core/inlined.pxi"
include "marlfast/core/ranges.pxi"
include "marlfast/core/fused_game.pxi"
include "marlfast/core/fused_numbered.pxi"

cdef int _step_one(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
                   const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    """The loop asks for one run at a time."""
    if count != 1:
        return _step(context, first, count, state, actions, draws, rewards, terminated)
    return leaf.step(<const leaf.Data *> context, state, actions, draws.uniforms, draws.normals, rewards, terminated)


cdef class Repeated(Game):
    """A game in normal form, played again and again: see :class:`marlfast.games.matrix.NormalForm`.

    Parameters
    ----------
    See ``marlfast/declarations/matrix.py``.
    """
    cdef leaf.Data game

    def __init__(self, *by_position, **given):
        a = REPEATED.check(given, by_position)
        self.held = a.kept
        self.game = leaf.Data(
            agents=a.N, state_size=1, observation_size=1, memory=a.memory, joint=a.J, outcomes=a.K,
            histories=a.histories, shorter=a.n_shorter, begin=a.begin, kept=max(1, a.histories // a.J),
            n_actions=ids(a.actions), rewards=reals(a.rewards), chances=reals(a.chances),
            chances_step=a.K if a.chances is not None and a.chances.ndim == 2 else 0)
        self._declare(&self.game, a.N, 1, 1, 1, (1 if a.K > 1 else 0, 0, 1 if a.begin < 0 else 0, 0))
        self.operations.step = _step_one
        self.operations.start = _start
        self.operations.observe = NULL      # the state as it is
        self.operations.counterfactual = NULL
        self.operations.fused = <void *> _choose
