"""Signatures of ``src/_commons.pyx``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Commons(Game):
    def __init__(self, *, agents: int, rows: int, columns: int, river: int, orchard: int, reach: int, view: int,
                 fine: float, cost: float, depletion: float, restoration: float, apple_rate: float,
                 waste_rate: float, start_waste: float, regrowth: NDArray[np.float64]) -> None: ...
