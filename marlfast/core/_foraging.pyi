"""Signatures of ``src/_foraging.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Foraging(Game):
    def __init__(self, *, agents: int, rows: int, columns: int, foods: int, sight: int, cooperative: bool,
                 normalize: bool, observe_levels: bool, penalty: float, min_player: NDArray[np.int32],
                 max_player: NDArray[np.int32], min_food: NDArray[np.int32], max_food: NDArray[np.int32] | None = None,
                 leaves: bool = False) -> None: ...
