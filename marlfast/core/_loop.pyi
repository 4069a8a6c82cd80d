"""Signatures of ``src/_loop.pyx``: written by ``marlfast.declarations.stubs``."""
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Encoder, Game, Learner, Reward

class Loop:
    runs: int
    staged: str | None

    def __init__(self, *, game: Game, state: NDArray[np.float64], encoder: Encoder, central: Encoder | None = None,
                 rewards: Sequence[Reward], learners: Sequence[Learner], observation: NDArray[np.float64],
                 rows: NDArray[np.int32], steps: NDArray[np.int64], episodes: NDArray[np.int64],
                 episode_steps: NDArray[np.int64], episode_return: NDArray[np.float64],
                 episode_shaped: NDArray[np.float64], returns: NDArray[np.float64], shaped_returns: NDArray[np.float64],
                 lengths: NDArray[np.int64], stable: NDArray[np.int64], recent: NDArray[np.float64],
                 recent_sum: NDArray[np.float64], reason: NDArray[np.int32], fault: NDArray[np.int64],
                 run_numbers: NDArray[np.int64], horizon: int, horizon_ends: bool, record_every: int, max_steps: int,
                 max_episodes: int, max_stable: int, stable_after: NDArray[np.int64], min_return: float,
                 seeds: NDArray[np.uint64], purpose: int,
                 supplied: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]], loop: str | None = None,
                 ends_are_limits: bool = False, action_counts: NDArray[np.int32] | None = None,
                 discounts: NDArray[np.float64] | None = None, by_move: bool = False,
                 present: NDArray[np.bool_] | None = None, acts: NDArray[np.bool_] | None = None,
                 legal: NDArray[np.bool_] | None = None, last_obs: NDArray[np.float64] | None = None,
                 waits: NDArray[np.bool_] | None = None, moved_rows: NDArray[np.int32] | None = None,
                 moved_actions: NDArray[np.int32] | None = None, moved_legal: NDArray[np.bool_] | None = None,
                 moved_rewards: NDArray[np.float64] | None = None, moved_ahead: NDArray[np.float64] | None = None,
                 agent_steps: NDArray[np.int64] | None = None,
                 agent_lengths: NDArray[np.int64] | None = None) -> None: ...
    def begin(self, lo: int, hi: int) -> int: ...
    def advance(self, lo: int, hi: int, target: NDArray[np.int64]) -> int: ...

def has_lanes() -> bool: ...
