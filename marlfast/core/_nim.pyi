"""Signatures of ``src/_nim.pyx``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Nim(Game):
    def __init__(self, piles: NDArray[np.int32], misere: bool) -> None: ...
