"""Signatures of ``src/_gradients.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner
from marlfast.core._schedules import Schedule

class Softmax(Learner):
    def __init__(self, *, logits: NDArray[np.float64], table_of: NDArray[np.int32], n_actions: NDArray[np.int32],
                 agent_ids: NDArray[np.int32], exploration: Schedule | None = None, strict: bool = True,
                 several: bool = False, active: int, draws: int) -> None: ...

class PolicyGradient(Softmax):
    def __init__(self, *, logits: NDArray[np.float64], table_of: NDArray[np.int32], n_actions: NDArray[np.int32],
                 agent_ids: NDArray[np.int32], active: int, draws: int, units: NDArray[np.int32],
                 unit_of: NDArray[np.int32], weights: NDArray[np.int64], discount: NDArray[np.float64],
                 decay: NDArray[np.float64], central: int, rollout_rows: NDArray[np.int32], ahead: NDArray[np.int32],
                 taken: NDArray[np.int32], over: NDArray[np.int32], rewards: NDArray[np.float64],
                 known: NDArray[np.int32], late: NDArray[np.int32], critic: NDArray[np.float64] | None = None,
                 counterfactual: bool, value_mean: NDArray[np.float64] | None = None,
                 value_square: NDArray[np.float64] | None = None, value_weight: NDArray[np.float64] | None = None,
                 rate: Schedule, critic_rate: Schedule, entropy: Schedule, epochs: int, minibatch: int,
                 clip: NDArray[np.float64] | None = None, value_clip: NDArray[np.float64] | None = None,
                 normalise: bool, across: bool) -> None: ...
