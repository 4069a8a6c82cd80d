"""Signatures of ``src/_warehouse.pyx``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Warehouse(Game):
    def __init__(self, agents: int, highway: NDArray[np.bool_], goals: NDArray[np.int32], requests: int, bits: int,
                 reach: int, pay: int) -> None: ...
