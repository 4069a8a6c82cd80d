"""Signatures of ``src/_allocation.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Allocation(Game):
    def __init__(self, *, skills: NDArray[np.int32], arrivals: NDArray[np.float64], capacity: int, size: int,
                 practice: int, value: float, waiting: float, effort: float, switching: float, own: bool,
                 sees_last: bool, numbered: bool) -> None: ...
