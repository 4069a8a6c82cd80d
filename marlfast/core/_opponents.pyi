"""Signatures of ``src/_opponents.pyx``: written by ``marlfast.declarations.stubs``."""
import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Learner

class Opponent(Learner):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32],
                 draws: int) -> None: ...

class FixedPolicy(Opponent):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32], draws: int,
                 policy: NDArray[np.float64] | None = None) -> None: ...

class TitForTat(Opponent):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32], draws: int,
                 memory: NDArray[np.int32], of: NDArray[np.int32], opening: int) -> None: ...

class WinStayLoseShift(Opponent):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32], draws: int,
                 memory: NDArray[np.int32], threshold: NDArray[np.float64], opening: int) -> None: ...

class FictitiousPlay(Opponent):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32], draws: int,
                 learning: bool, payoffs: NDArray[np.float64], totals: NDArray[np.float64],
                 counts: NDArray[np.int64]) -> None: ...

class RegretMatching(Opponent):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32], draws: int,
                 learning: bool, payoffs: NDArray[np.float64], regrets: NDArray[np.float64], memory: NDArray[np.int32],
                 steps: NDArray[np.int64], inertia: NDArray[np.float64], counts: NDArray[np.int64]) -> None: ...

class Exp3(Opponent):
    def __init__(self, *, n_runs: int, n_actions: NDArray[np.int32], agent_ids: NDArray[np.int32], draws: int,
                 learning: bool, weights: NDArray[np.float64], gamma: NDArray[np.float64], low: float,
                 high: float) -> None: ...
