"""Signatures of ``src/_multi_step.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class Traces(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, active: int = 1, on_policy: bool,
                 accumulate: bool, cutoff: float, decay: NDArray[np.float64], eligibility: NDArray[np.float64],
                 cells: NDArray[np.int32], eligible: NDArray[np.int32], waiting: NDArray[np.int32] | None = None,
                 waiting_reward: NDArray[np.float64] | None = None, late: NDArray[np.int32] | None = None) -> None: ...

class Episodes(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, active: int = 1,
                 rewards: NDArray[np.float64], cells: NDArray[np.int32], known: NDArray[np.int32],
                 last: NDArray[np.int32], late: NDArray[np.int32]) -> None: ...
