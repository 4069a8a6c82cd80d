"""Signatures of ``src/_env.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Env:
    runs: int
    agents: int

    def __init__(self, *, game: Game, state: NDArray[np.float64], action_counts: NDArray[np.int32],
                 observation: NDArray[np.float64], rewards: NDArray[np.float64], terminated: NDArray[np.bool_],
                 truncated: NDArray[np.bool_], steps: NDArray[np.int64], starts: NDArray[np.int64],
                 episode_steps: NDArray[np.int64], run_numbers: NDArray[np.int64], horizon: int, horizon_ends: bool,
                 seeds: NDArray[np.uint64], purpose: int, ends_are_limits: bool = False) -> None: ...
    def reset(self, which: NDArray[np.bool_]) -> None: ...
    def step(self, actions: NDArray[np.int32], which: NDArray[np.bool_] | None = None) -> None: ...
