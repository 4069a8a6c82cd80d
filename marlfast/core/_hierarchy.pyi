"""Signatures of ``src/_hierarchy.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner
from marlfast.core._q_learning import QLearning

class Hierarchy(Learner):
    def __init__(self, *, members: Learner, coordinator: QLearning, n_rows: int, goals: int, goal_every: int,
                 gathered: NDArray[np.float64], agent_ids: NDArray[np.int32], chooser_of: NDArray[np.int32],
                 member_of: NDArray[np.int32], head: NDArray[np.int32], team_of: NDArray[np.int32], offset: int,
                 goal: NDArray[np.int32], since: NDArray[np.int32], last: NDArray[np.int32], clock: NDArray[np.int64],
                 power: NDArray[np.float64], late: NDArray[np.int32],
                 goal_reward: NDArray[np.float64] | None = None) -> None: ...
