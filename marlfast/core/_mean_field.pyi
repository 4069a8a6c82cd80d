"""Signatures of ``src/_mean_field.pyx``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner
from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class MeanField(Learner):
    def __init__(self, inner: Learner, mean: NDArray[np.int32], rows: int, leads: NDArray[np.int32], choices: int,
                 bins: int, edges: NDArray[np.int64] | None, neighbours: NDArray[np.int32] | None,
                 group: NDArray[np.int32] | None) -> None: ...

class MeanFieldActorCritic(QLearning):
    def __init__(self, logits: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], actions: NDArray[np.int32], leads: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 random_ties: bool, draws: int, learning: bool, q: NDArray[np.float64], critic: Schedule, choices: int,
                 bins: int, edges: NDArray[np.int64] | None, neighbours: NDArray[np.int32] | None,
                 group: NDArray[np.int32] | None) -> None: ...
