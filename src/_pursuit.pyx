"""Kernels of hunters and prey. Twin: ``marlfast/reference/pursuit.py``."""
cimport marlfast.core.pursuit as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef class Pursuit(Game):
    """Hunters and prey: see :class:`marlfast.games.Pursuit` for its rules and source.

    Parameters
    ----------
    height, width, hunters, prey : int
        1 to 1000.
    depth : int
        0 to 1000.
    scout : int
        -1: no scout; else the depth of what it sees.
    joint, sharing, see_partner : bool
    """
    cdef leaf.Data game

    def __init__(self, *, height, width, hunters, prey, depth, scout, joint, sharing, see_partner):
        if not (1 <= min(height, width, hunters, prey) and max(height, width, hunters, prey) <= 1000):
            raise ValueError(f"height, width, hunters, prey: expected 1 to 1000, "
                             f"got {height}, {width}, {hunters}, {prey}")
        if not (0 <= depth <= 1000 and -1 <= scout <= 1000):
            raise ValueError(f"depth, scout: expected 0 to 1000 (no scout: -1), got {depth}, {scout}")
        told = scout >= 0 or sharing
        moving = prey + (scout >= 0)
        size = 2 * (hunters + moving)
        self.game = leaf.Data(agents=hunters, state_size=size, observation_size=hunters, height=height, width=width,
                              prey=prey,
                              scouts=scout >= 0, depth=depth, scout_depth=scout,
                              reach=max(height, width) - 1 if told else depth, joint=joint, sharing=sharing,
                              see_partner=see_partner)
        self._declare(&self.game, hunters, size, hunters, 1, (moving, 0, hunters + moving, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
