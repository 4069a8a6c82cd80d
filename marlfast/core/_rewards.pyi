"""Signatures of ``src/_rewards.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game, Reward

class Mix(Reward):
    def __init__(self, n_runs: int, game: Game, own: float, weights: NDArray[np.float64],
                 team_of_agent: NDArray[np.int32]) -> None: ...

class Difference(Reward):
    def __init__(self, n_runs: int, game: Game) -> None: ...

class Diversity(Reward):
    def __init__(self, n_runs: int, game: Game, n_actions: int, weight: float) -> None: ...

class Redundancy(Reward):
    def __init__(self, n_runs: int, game: Game, n_actions: int, penalty: float) -> None: ...

class PotentialTable(Reward):
    def __init__(self, n_runs: int, game: Game, discount: float, table: NDArray[np.float64]) -> None: ...

class PotentialDistance(Reward):
    def __init__(self, n_runs: int, game: Game, discount: float, target: NDArray[np.float64],
                 weights: NDArray[np.float64], order: int) -> None: ...
