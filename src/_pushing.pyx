"""Kernels of cooperative box pushing. Twin: ``marlfast/reference/pushing.py``."""
cimport marlfast.core.pushing as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef class BoxPushing(Game):
    """Cooperative box pushing: see :class:`marlfast.games.BoxPushing` for its rules and source.

    Parameters
    ----------
    success : float
        In [0, 1].
    full, on_success, continuing : bool
        Everybody sees the whole state; rewards are for what happened and not for what was tried; the episode goes on.
    """
    cdef leaf.Data game

    def __init__(self, success, full, on_success, continuing):
        if not 0.0 <= success <= 1.0:
            raise ValueError(f"success: expected 0 to 1, got {success}")
        views = 1 if full else 2
        self.game = leaf.Data(agents=2, state_size=5, observation_size=views, full=full, on_success=on_success,
                              continuing=continuing, success=success)
        self._declare(&self.game, 2, 5, views, 1, (2, 0, 0, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
