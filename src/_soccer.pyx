"""The kernels of soccer on squares. Twin: ``marlfast/reference/soccer.py``."""
cimport marlfast.core.soccer as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef class Soccer(Game):
    """Soccer on squares: see :class:`marlfast.games.soccer.Soccer` for its rules and source.

    Parameters
    ----------
    height, width : int
        At least 2 and 3; at most 32,767 squares.
    draw_probability : float
        In [0, 1].
    restart, mirrored : bool
    """
    cdef leaf.Data game

    def __init__(self, height, width, draw_probability, restart, mirrored):
        if height < 2 or width < 3 or height * width > 32767:
            raise ValueError("height, width: expected at least 2 and 3, and at most 32767 squares, "
                             f"got {height}, {width}")
        if not 0.0 <= draw_probability <= 1.0:
            raise ValueError(f"draw_probability: expected 0 to 1, got {draw_probability}")
        views = 2 if mirrored else 1
        self.game = leaf.Data(agents=2, state_size=5, observation_size=views, height=height, width=width,
                              top=(height - 1) // 2,
                              bottom=height // 2, column=1 if width > 3 else 0, draw_probability=draw_probability,
                              restart=restart, mirrored=mirrored)
        self._declare(&self.game, 2, 5, views, 1, (2 if draw_probability > 0.0 else 1, 0, 1, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
