"""Signatures of ``src/_schedules.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

class Schedule:
    runs: int
    held: object

    def __init__(self, kind: int, per_episode: bool, start: NDArray[np.float64], final: NDArray[np.float64],
                 rate: NDArray[np.float64], table: NDArray[np.float64], value: NDArray[np.float64],
                 ticks: NDArray[np.int64]) -> None: ...
    def tick(self, ended: NDArray[np.bool_]) -> None: ...
