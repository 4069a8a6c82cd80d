"""Signatures of ``src/_mean_field.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner
from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class MeanField(Learner):
    def __init__(self, *, inner: Learner, mean: NDArray[np.int32], agent_ids: NDArray[np.int32], n_near_actions: int,
                 bins: int, edges: NDArray[np.int64] | None = None, neighbours: NDArray[np.int32] | None = None,
                 group: NDArray[np.int32] | None = None, n_rows: int) -> None: ...

class MeanFieldActorCritic(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, n_near_actions: int, bins: int,
                 edges: NDArray[np.int64] | None = None, neighbours: NDArray[np.int32] | None = None,
                 group: NDArray[np.int32] | None = None, values: NDArray[np.float64], critic: Schedule) -> None: ...
