"""The kernels of harvest and clean-up. Twin: ``marlfast/reference/commons.py``."""
from libc.stdint cimport int64_t

cimport marlfast.core.commons as leaf
from marlfast.core._kernels cimport Game, check, reals

include "marlfast/core/ranges.pxi"


cdef class Commons(Game):
    """Harvest and clean-up: see :class:`marlfast.games.Harvest` and :class:`marlfast.games.Cleanup` for their rules.

    Parameters
    ----------
    agents : int
        1 to 64, with room on the board.
    rows, columns, river, orchard : int
        The board's, 1 to 32; columns of the river (0: harvest) and of the orchard, side by side at most all.
    reach, view : int
        0 to 32.
    fine, cost : float
    depletion, restoration, apple_rate, waste_rate, start_waste : float
        0 to 1; ``restoration`` below ``depletion``.
    regrowth : float64 [13]
        Chances by the number of apples nearby, 0 to 12.
    """
    cdef leaf.Data game

    def __init__(self, *, agents, rows, columns, river, orchard, reach, view, fine, cost, depletion, restoration,
                 apple_rate, waste_rate, start_waste, regrowth):
        cdef const double *chances = reals(check(regrowth, "regrowth", "float64", (13,), False))
        cdef int64_t k
        if not (1 <= rows <= 32 and 1 <= columns <= 32 and 1 <= agents <= min(64, rows * columns)):
            raise ValueError("agents, rows, columns: expected 1 to 32 rows and columns with room for 1 to 64 agents, "
                             f"got {agents}, {rows}, {columns}")
        if not (river >= 0 and orchard >= 1 and river + orchard <= columns):
            raise ValueError(f"river, orchard: expected at most {columns} columns together, got {river}, {orchard}")
        if not (0 <= reach <= 32 and 0 <= view <= 32):
            raise ValueError(f"reach, view: expected 0 to 32, got {reach}, {view}")
        if not (0.0 <= restoration < depletion <= 1.0 and 0.0 <= start_waste <= 1.0):
            raise ValueError("depletion, restoration, start_waste: expected 0 to 1, restoration below depletion, got "
                             f"{depletion}, {restoration}, {start_waste}")
        size = 3 * agents + rows * (orchard + river)
        features = (2 * view + 1) ** 2 + 1
        self.game.agents, self.game.state_size, self.game.observation_size = agents, size, agents * features
        self.game.rows, self.game.columns, self.game.river, self.game.orchard = rows, columns, river, orchard
        self.game.reach, self.game.view, self.game.fine, self.game.cost = reach, view, fine, cost
        self.game.depletion, self.game.restoration = depletion, restoration
        self.game.apple_rate, self.game.waste_rate, self.game.start_waste = apple_rate, waste_rate, start_waste
        for k in range(13):
            self.game.regrowth[k] = chances[k]
        self._declare(&self.game, agents, size, agents, features,
                      (1 + rows * orchard + (2 if river else 0), 0, agents, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
