"""Arguments of ``markov``."""
import numpy as np

from marlfast.declarations.base import Array, Kernel
from marlfast.declarations.matrix import ACTIONS


def _states(n):
    if not n.S:
        raise ValueError("start: expected at least one state, got none")


def _cells(n):
    """How many cells there are, of a state and a joint action each."""
    cells, first = n.S * n.J, n.first
    if first is None and n.sums is not None:
        raise ValueError("first: expected an array, as sums is one, or None for both")
    if first is None and n.K != cells:
        raise ValueError(f"successors: expected shape ({cells},), got {n.successors.shape}")
    if first is not None:
        if len(first) != cells + 1:
            raise ValueError(f"first: expected shape ({cells + 1},), got {first.shape}")
        if first[0] != 0 or first[-1] != n.K or (np.diff(first) < 1).any():
            raise ValueError(f"first: expected numbers that rise from 0 to {n.K}, an outcome for every cell")
        if n.sums is None:
            raise TypeError("sums: expected a NumPy array of float64, got NoneType")
    if n.successors.min() < 0 or n.successors.max() >= n.S:
        raise ValueError(f"successors: expected states from 0 to {n.S - 1}")
    if n.n_rewards not in (n.K, cells):
        raise ValueError(f"rewards: expected a row for each of {n.K} outcomes or {cells} cells, got {n.n_rewards}")
    return {"n_cells": cells}


def _views(n):
    if n.obs is not None and n.V not in (1, n.N):
        raise ValueError(f"obs: expected 1 or {n.N} columns, got {n.V}")
    return None if n.obs is not None else {"V": 1}


MARKOV = Kernel(
    "Markov",
    *ACTIONS,
    Array("first", "int64", "firsts", "first outcome of each of the S * J cells, and K; a cell has at least one. None: "
          "each has exactly one", optional=True),
    Array("successors", "int32", "K", "the next state"),
    Array("sums", "float64", "K", "running sums of the probabilities of each cell's outcomes; None where ``first`` is",
          optional=True),
    Array("rewards", "float64", "n_rewards N", "of the K outcomes, or of the S * J cells"),
    Array("start", "float64", "S", "running sums of the start distribution"), _states,
    Array("terminal", "bool", "S"),
    _cells,
    Array("obs", "int32", "S V", "what all agents (V is 1), or each of them, observe in a state; None: the state's "
          "number", optional=True),
    _views,
    Array("movers", "int32", "S", "who acts in a state, what the others would do counts as their action 0; None: all "
          "act", values=(0, "N-1", "agents from {low} to {high}"), optional=True),
    family="Game", by_position=8)

KERNELS = (MARKOV,)
