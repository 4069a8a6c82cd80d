"""Signatures of ``src/_equilibria.pyx``."""
import numpy as np
from numpy.typing import NDArray

def solve_zero_sum(payoffs: NDArray[np.float64], value: NDArray[np.float64], row_policy: NDArray[np.float64],
                   column_policy: NDArray[np.float64]) -> None: ...
def solve_nash(payoffs: NDArray[np.float64], other: NDArray[np.float64], values: NDArray[np.float64],
               row_policy: NDArray[np.float64], column_policy: NDArray[np.float64]) -> None: ...
def solve_correlated(payoffs: NDArray[np.float64], other: NDArray[np.float64], objective: int,
                     values: NDArray[np.float64], joint: NDArray[np.float64]) -> None: ...
