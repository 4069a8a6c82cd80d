"""Kernels of congestion games. Twin: ``marlfast/reference/congestion.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.congestion as leaf
from marlfast.core._kernels cimport Game, flags, ids, reals
from marlfast.declarations.congestion import CONGESTION

include "marlfast/core/ranges.pxi"


cdef int _counterfactual(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                         const double *rewards, double *counterfactual) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.counterfactual(game, state + r * game.state_size, actions + r * game.agents,
                                     counterfactual + r * game.agents)
        if status:
            return status
    return 0


cdef class Congestion(Game):
    """A congestion game: see :class:`marlfast.games.congestion.CongestionGame`.

    Parameters
    ----------
    See ``marlfast/declarations/congestion.py``.
    """
    cdef leaf.Data game

    def __init__(self, **given):
        a = CONGESTION.check(given)
        self.held = a.kept
        n_strategies = len(a.first_use) - 1
        features = a.resources if a.sees_loads else 1
        self.game = leaf.Data(
            agents=a.N, state_size=a.history + (a.memory > 0), observation_size=features, resources=a.resources,
            strategies=n_strategies, payers=a.resources if a.apart else 0, history=a.history, histories=2**a.memory,
            watched=a.watched, threshold=a.threshold, sees_loads=a.sees_loads, few=n_strategies <= min(leaf.FEW, a.N),
            kind=ids(a.kind_of_agent), first_choice=ids(a.first_choice), choices=ids(a.choices),
            first_use=ids(a.first_use), used=ids(a.used), counted=flags(a.counted), cost=reals(a.cost))
        self._declare(&self.game, a.N, self.game.state_size, 1, features, (0, 0, 0, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = _counterfactual
