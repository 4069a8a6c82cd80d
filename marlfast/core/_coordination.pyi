"""Signatures of ``src/_coordination.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class Lenient(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, temperature: NDArray[np.float64],
                 coins: NDArray[np.float64], decay: NDArray[np.float64], min_temperature: NDArray[np.float64],
                 diffusion: NDArray[np.float64], boldness: NDArray[np.float64],
                 lenience: NDArray[np.float64]) -> None: ...

class RecursiveFMQ(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, mean: NDArray[np.float64],
                 greatest: NDArray[np.float64], frequency: NDArray[np.float64], second: Schedule) -> None: ...
