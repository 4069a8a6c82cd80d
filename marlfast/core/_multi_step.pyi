"""Signatures of ``src/_multi_step.pyx``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class Traces(QLearning):
    def __init__(self, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], actions: NDArray[np.int32], leads: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 random_ties: bool, draws: int, learning: bool, on_policy: bool,
                 accumulate: bool, cutoff: float, decay: NDArray[np.float64], cells: NDArray[np.int32],
                 eligibility: NDArray[np.float64], eligible: NDArray[np.int32],
                 waiting: NDArray[np.int32] | None, waiting_reward: NDArray[np.float64] | None,
                 late: NDArray[np.int32] | None, active: int = 1) -> None: ...

class Episodes(QLearning):
    def __init__(self, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], actions: NDArray[np.int32], leads: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 random_ties: bool, draws: int, learning: bool,
                 cells: NDArray[np.int32], rewards: NDArray[np.float64], known: NDArray[np.int32],
                 last: NDArray[np.int32], late: NDArray[np.int32], active: int = 1) -> None: ...
