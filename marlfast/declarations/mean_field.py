"""Arguments of ``mean_field``."""
import math

import numpy as np

from marlfast.declarations.base import Array, Kernel, Number, Part
from marlfast.declarations.q_learning import AGENT_IDS, BOLTZMANN, Q_LEARNING


def _grid(n):
    """How many mean actions there are, and the binomial coefficients that number them."""
    if n.n_near_actions < 1 or n.bins < 1 or n.bins > 2**20 or n.n_near_actions > 2**20:
        raise ValueError(f"n_near_actions, bins: expected 1 to 2**20, got {n.n_near_actions}, {n.bins}")
    # Of more than 31 of each there are more; the number itself would take long to find.
    means = 2**31 if min(n.bins, n.n_near_actions - 1) > 31 else \
        math.comb(n.bins + n.n_near_actions - 1, n.n_near_actions - 1)
    if means > 2**31 - 1 or (n.bins + n.n_near_actions) * n.n_near_actions > 2**24:
        raise ValueError(f"bins: {n.bins} bins of {n.n_near_actions} actions have more than 2**31 - 1 means")
    ranks = [[math.comb(t, a + 1) if t <= n.bins + a else 0 for t in range(n.bins + n.n_near_actions - 1)]
             for a in range(n.n_near_actions - 1)]
    there = [n.given.get(name) is not None for name in ("edges", "neighbours", "group")]
    if there not in ([True, True, False], [False, False, True]):
        raise ValueError("edges, neighbours, group: expected either lists of neighbours or groups")
    return {"means": means, "ranks": np.array(ranks or [[0]], np.int64)}


def _lists(n):
    if n.edges is not None and (n.edges[0] != 0 or np.diff(n.edges).min() < 0 or n.edges[-1] != len(n.neighbours)):
        raise ValueError(f"edges: expected to rise from 0 to {len(n.neighbours)}")
    if n.neighbours is not None and len(n.neighbours) and (n.neighbours.min() < 0 or n.neighbours.max() >= n.N):
        raise ValueError(f"neighbours: expected agents 0 to {n.N - 1}, got {n.neighbours.min()} to "
                         f"{n.neighbours.max()}")


NEAR = (
    Number("n_near_actions", "M, actions of every neighbour"),
    Number("bins", "shares are multiples of 1 / bins; so there are ``means`` = (bins + M - 1 over M - 1) mean actions"),
    _grid,
    Array("edges", "int64", "L+1", "where in ``neighbours`` those of each controlled agent begin, and where the last "
                                   "end",
          optional=True),
    Array("neighbours", "int32", "E", "agents", optional=True),
    _lists,
    Array("group", "int32", "N", "in place of lists: an agent's neighbours are the others of its group; -1: it is in "
          "none",
          values=(-1, "N-1", "{low} to {high}"), optional=True))


def _inner(n):
    if n.inner.active != 1 or n.inner.central != 0:
        raise ValueError("inner: expected a learner of one row of each agent")


def _rows(n):
    if n.n_rows < 1 or n.n_rows * n.means > 2**31 - 1:
        raise ValueError(f"n_rows: expected at least 1, and at most 2**31 - 1 in all with {n.means} means, "
                         f"got {n.n_rows}")


def _softmax(n):
    if n.kind != BOLTZMANN:
        raise ValueError(f"kind: expected 1, got {n.kind}")


MEAN_FIELD = Kernel(
    "MeanField",
    Part("inner", "Learner", "of as many runs and agents, over tables with ``means`` rows for each of ``n_rows``",
         gives={"R": "runs", "N": "agents"}),
    _inner,
    Array("mean", "int32", "R N", "one more than the number of the last mean action; 0 at the start of an episode",
          written=True),
    AGENT_IDS,
    *NEAR,
    Number("n_rows", "of the table without mean actions"),
    _rows)

MEAN_FIELD_ACTOR_CRITIC = Kernel(
    "MeanFieldActorCritic",
    _softmax,
    *NEAR,
    Array("values", "float64", "R n_rows means T A", "what the critic knows; ``q`` are the logits", written=True),
    Part("critic", "Schedule", "learning rate of the critic"),
    base=Q_LEARNING, without=("active",))

KERNELS = MEAN_FIELD, MEAN_FIELD_ACTOR_CRITIC
