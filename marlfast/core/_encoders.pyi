"""Signatures of ``src/_encoders.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Encoder, Game

class Discrete(Encoder):
    def __init__(self, n_runs: int, n_agents: int, views: int, n_rows: int) -> None: ...

class Grid(Encoder):
    def __init__(self, n_runs: int, n_agents: int, views: int, low: NDArray[np.float64], scale: NDArray[np.float64],
                 bins: NDArray[np.int64]) -> None: ...

class Tiles(Encoder):
    def __init__(self, *, n_runs: int, n_agents: int, views: int, low: NDArray[np.float64], scale: NDArray[np.float64],
                 bins: NDArray[np.int64], members: NDArray[np.int64], offsets: NDArray[np.float64],
                 ends: NDArray[np.int64], starts: NDArray[np.int64]) -> None: ...

class AgentIndex(Encoder):
    def __init__(self, within: Encoder, common: bool) -> None: ...
    def rebuild(self) -> None: ...

class Observed(Encoder):
    def __init__(self, game: Game, within: Encoder) -> None: ...

class Rounding(Encoder):
    def __init__(self, n_agents: int, views: int, scale: float, keys: NDArray[np.int64], table: NDArray[np.int32],
                 used: NDArray[np.int64]) -> None: ...
    def rebuild(self) -> None: ...

class Known(Encoder):
    def __init__(self, n_runs: int, n_agents: int, views: int, scale: float, keys: NDArray[np.int64]) -> None: ...
