"""Signatures of ``src/_table_policy.pyx``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Encoder

class TablePolicy:
    agents: int
    views: int
    features: int
    groups: int

    def __init__(self, encoder: Encoder, views: int, group: NDArray[np.int32], first: NDArray[np.int32],
                 stride: NDArray[np.int64], count: NDArray[np.int64], choices: NDArray[np.int32] | None = None,
                 sums: NDArray[np.float64] | None = None) -> None: ...
    def act(self, observation: NDArray[np.float64], uniforms: NDArray[np.float64] | None,
            actions: NDArray[np.int32]) -> None: ...
    def rows(self, observation: NDArray[np.float64], rows: NDArray[np.int32]) -> None: ...
