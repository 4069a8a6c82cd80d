"""Signatures of ``src/_matrix.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Repeated(Game):
    def __init__(self, actions: NDArray[np.int32], rewards: NDArray[np.float64], chances: NDArray[np.float64] | None,
                 memory: int, shorter: bool, begin: int) -> None: ...
