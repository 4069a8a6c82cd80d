"""Signatures of ``src/_q_learning.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner
from marlfast.core._schedules import Schedule

class QLearning(Learner):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, active: int = 1) -> None: ...

def find_greedy(q: NDArray[np.float64], n_actions: NDArray[np.int32], greedy: NDArray[np.int32],
                shares: NDArray[np.float64] | None = None) -> None: ...
