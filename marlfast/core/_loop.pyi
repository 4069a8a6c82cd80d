"""Signatures of ``src/_loop.pyx``."""
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Encoder, Game, Learner, Reward

class Loop:
    runs: int
    staged: str | None

    def __init__(self, game: Game, encoder: Encoder, central: Encoder | None, rewards: Sequence[Reward],
                 learners: Sequence[Learner], arrays: Mapping[str, NDArray[Any]], horizon: int, horizon_ends: bool,
                 record_every: int, max_steps: int, max_episodes: int, max_stable: int, stable_after: NDArray[np.int64],
                 min_return: float, seeds: NDArray[np.uint64], purpose: int,
                 supplied: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]],
                 loop: str | None = None, ends_are_limits: bool = False) -> None: ...
    def begin(self, lo: int, hi: int) -> int: ...
    def advance(self, lo: int, hi: int, target: NDArray[np.int64]) -> int: ...

def has_lanes() -> bool: ...
