"""Signatures of ``src/_joint.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner
from marlfast.core._schedules import Schedule

class Joint(Learner):
    def __init__(self, *, q: NDArray[np.float64], value: NDArray[np.float64], greedy: NDArray[np.int32],
                 visits: NDArray[np.int32], rule: int, policy: NDArray[np.float64], counts: NDArray[np.int64],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 weights: NDArray[np.int64], n_choices: NDArray[np.int64], steps: NDArray[np.int64],
                 reads: NDArray[np.int32], chooses_by: NDArray[np.int32], discount: NDArray[np.float64], objective: int,
                 kind: int, strict: bool, ties: int, together: bool, draws: int, rate: Schedule, exploration: Schedule,
                 learning: bool) -> None: ...
    def settle(self, first: int) -> None: ...
