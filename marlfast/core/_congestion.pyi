"""Signatures of ``src/_congestion.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Congestion(Game):
    def __init__(self, *, kind_of_agent: NDArray[np.int32], first_choice: NDArray[np.int32], choices: NDArray[np.int32],
                 first_use: NDArray[np.int32], used: NDArray[np.int32], counted: NDArray[np.bool_],
                 cost: NDArray[np.float64], sees_loads: bool = False, memory: int = 0, watched: int = 0,
                 threshold: int = 0) -> None: ...
