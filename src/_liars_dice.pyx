"""Kernels of liar's dice with a die each. Twin: ``marlfast/reference/liars_dice.py``."""
cimport marlfast.core.liars_dice as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"
include "marlfast/core/turns.pxi"


cdef class LiarsDice(Game):
    """Liar's dice with a die each: see :class:`marlfast.games.LiarsDice` for its rules and source.

    Parameters
    ----------
    sides : int
        Of each die, 2 to 6.
    """
    cdef leaf.Data game

    def __init__(self, sides):
        if not 2 <= sides <= leaf.MAX_SIDES:
            raise ValueError(f"sides: expected 2 to {leaf.MAX_SIDES}, got {sides}")
        self.game = leaf.Data(agents=2, state_size=4, observation_size=2, max_actions=2 * sides + 1, sides=sides,
                              bids=2 * sides)
        self._declare(&self.game, 2, 4, 2, 1, (0, 0, 2, 0))
        self.max_actions = self.game.max_actions
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.to_act = _to_act
        self.operations.legal = _legal
        self.operations.counterfactual = NULL
