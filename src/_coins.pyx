"""The coin game's kernels. Twin: ``marlfast/reference/coins.py``."""
cimport marlfast.core.coins as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef class Coins(Game):
    """The coin game: see :class:`marlfast.games.coins.CoinGame` for its rules and source.

    Parameters
    ----------
    agents, size : int
        From 1 to 64 and to 1,024; ``size * size`` is more than ``agents``.
    stay, alternate : bool
    numbered : bool
        Only where there are fewer than 2**31 - 1 numbers.
    """
    cdef leaf.Data game

    def __init__(self, agents, size, stay, alternate, numbered):
        if not 1 <= agents <= 64 or not 1 <= size <= 1024 or size * size <= agents:
            raise ValueError("agents, size: expected 1 to 64 agents and at most 1024, with more squares than agents, "
                             f"got {agents}, {size}")
        if numbered and size ** (2 * agents + 2) * agents >= 2**31 - 1:
            raise ValueError("numbered: there are too many observations to number them")
        features = 1 if numbered else 2 * agents + 3
        self.game = leaf.Data(agents=agents, state_size=2 * agents + 3, observation_size=features, size=size,
                              n_actions=5 if stay else 4, alternate=alternate, numbered=numbered)
        self._declare(&self.game, agents, 2 * agents + 3, 1, features, (1, 0, agents + 1, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
