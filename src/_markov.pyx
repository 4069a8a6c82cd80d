"""Kernels of a game given as arrays. Twin: ``marlfast/reference/markov.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.markov as leaf
from marlfast.core._kernels cimport Game, flags, ids, longs, reals
from marlfast.declarations.markov import MARKOV

cdef extern from *:
    """
    #define MF_FUSED_GAME "fused_markov.h"
    """

include "marlfast/core/inlined.pxi"
include "marlfast/core/ranges.pxi"
include "marlfast/core/to_act.pxi"
include "marlfast/core/fused_game.pxi"
include "marlfast/core/fused_numbered.pxi"


cdef class Markov(Game):
    """A game given as arrays: see :class:`marlfast.games.MarkovGame`.

    S states, J joint actions, hence S * J cells, K outcomes.

    Parameters
    ----------
    See ``marlfast/declarations/markov.py``.
    """
    cdef leaf.Data game

    def __init__(self, *by_position, **given):
        a = MARKOV.check(given, by_position)
        self.held = a.kept
        self.game = leaf.Data(
            agents=a.N, state_size=1, observation_size=a.V, states=a.S, joint=a.J, own=a.n_rewards == a.K,
            n_actions=ids(a.actions), first=longs(a.first), successors=ids(a.successors), sums=reals(a.sums),
            rewards=reals(a.rewards), start=reals(a.start), terminal=flags(a.terminal), obs=ids(a.obs),
            movers=ids(a.movers))
        self._declare(&self.game, a.N, 1, a.V, 1, (0 if a.first is None else 1, 0, 1, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = NULL          # the state as it is
        if a.obs is not None:
            self.operations.observe = _observe
        self.operations.counterfactual = NULL
        self.operations.fused = <void *> _choose
        if a.movers is not None:
            self.operations.to_act, self.operations.fused = _to_act, NULL
