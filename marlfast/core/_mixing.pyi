"""Signatures of ``src/_mixing.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._q_learning import QLearning
from marlfast.core._schedules import Schedule

class Mixing(QLearning):
    def __init__(self, *, q: NDArray[np.float64], greedy: NDArray[np.int32], visits: NDArray[np.int32],
                 table_of: NDArray[np.int32], n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 discount: NDArray[np.float64], rate: Schedule, exploration: Schedule, kind: int, strict: bool,
                 ties: int, draws: int, learning: bool, moves: bool = False, active: int = 1, central: int,
                 members: NDArray[np.int32], starts: NDArray[np.int64], hidden: int, target_every: int = 0,
                 mixer: NDArray[np.float64] | None = None, mixing: Schedule | None = None,
                 target_q: NDArray[np.float64] | None = None, target_mixer: NDArray[np.float64] | None = None,
                 since: NDArray[np.int64] | None = None, bounded: bool = False, double: bool = False,
                 optimizer: int = 0, max_norm: float = 0.0, q_mean: NDArray[np.float64] | None = None,
                 q_square: NDArray[np.float64] | None = None, mixer_mean: NDArray[np.float64] | None = None,
                 mixer_square: NDArray[np.float64] | None = None, powers: NDArray[np.float64] | None = None,
                 weighting: int = 0, alpha: float = 1.0, joint_q: NDArray[np.float64] | None = None,
                 target_joint_q: NDArray[np.float64] | None = None, replay_rows: NDArray[np.int32] | None = None,
                 replay_next_rows: NDArray[np.int32] | None = None, replay_actions: NDArray[np.int32] | None = None,
                 replay_rewards: NDArray[np.float64] | None = None, replay_over: NDArray[np.int32] | None = None,
                 replay_kept: NDArray[np.int64] | None = None, replay_updates: NDArray[np.int64] | None = None,
                 seeds: NDArray[np.uint64] | None = None, run_numbers: NDArray[np.int64] | None = None,
                 trace_decay: NDArray[np.float64] | None = None, stream: int = 0, batch: int = 1, update_every: int = 1,
                 steps: int = 1) -> None: ...
