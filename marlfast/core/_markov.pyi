"""Signatures of ``src/_markov.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Markov(Game):
    def __init__(self, actions: NDArray[np.int32], first: NDArray[np.int64] | None, successors: NDArray[np.int32],
                 sums: NDArray[np.float64] | None, rewards: NDArray[np.float64], start: NDArray[np.float64],
                 terminal: NDArray[np.bool_], obs: NDArray[np.int32] | None = None,
                 *, movers: NDArray[np.int32] | None = None) -> None: ...
