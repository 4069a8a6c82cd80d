"""Signatures of ``src/_one_step.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class OneStep(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, active: int = 1, rule: int,
                 second: Schedule | None = None) -> None: ...

class DoubleQ(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, active: int = 1,
                 first: NDArray[np.float64], first_greedy: NDArray[np.int32], second: NDArray[np.float64],
                 second_greedy: NDArray[np.int32], coins: NDArray[np.int32]) -> None: ...
