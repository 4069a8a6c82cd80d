"""The kernels of level-based foraging. Twin: ``marlfast/reference/foraging.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.foraging as leaf
from marlfast.core._kernels cimport Game
from marlfast.declarations.foraging import FORAGING

include "marlfast/core/ranges.pxi"


cdef int _present(void *context, int64_t first, int64_t count, const double *state, uint8_t *present) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r, i
    for r in range(count):
        for i in range(game.agents):
            present[r * game.agents + i] = state[r * game.state_size + 3 * i + 2] != 0.0
    return 0


cdef class Foraging(Game):
    """Level-based foraging: see :class:`marlfast.games.foraging.LevelForaging` for its rules and source.

    Parameters
    ----------
    See ``marlfast/declarations/foraging.py``.
    """
    cdef leaf.Data game

    def __init__(self, **given):
        a = FORAGING.check(given)
        cdef int64_t i
        self.game = leaf.Data(
            agents=a.N, state_size=a.state_size, observation_size=a.N * a.D, rows=a.rows, columns=a.columns, foods=a.F,
            cooperative=a.cooperative, normalize=a.normalize, levels_seen=a.observe_levels, reach=min(a.sight, 64),
            penalty=a.penalty, leaves=a.leaves)
        self.game.move = [0, -128, 128, -1, 1, 0]
        for i in range(self.game.agents):
            self.game.min_player[i], self.game.max_player[i] = a.min_player[i], a.max_player[i]
        for i in range(self.game.foods):
            self.game.min_food[i] = a.min_food[i]
            self.game.max_food[i] = 0 if a.max_food is None else a.max_food[i]
        self._declare(&self.game, a.N, a.state_size, a.N, a.D, (0, 0, 3 * (a.N + a.F), 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
        if a.leaves:
            self.operations.present = _present
