"""Arguments of ``q_learning``."""
import numpy as np

from marlfast.declarations.base import Array, Cells, Flag, Kernel, Number, Part, check_kind

EPSILON_GREEDY, BOLTZMANN, ONE_DRAW = range(3)
DRAWN, INCUMBENT = 1, 2         # ties, in bits: see marlfast/core/explore.h
KINDS = "0: epsilon-greedy, by several draws (explores?, which action, which of the tied); 1: Boltzmann; 2: " \
    "epsilon-greedy, by one draw"
TIES = "which of several greatest values is greedy: 0 the first, 2 the one that was it before, until another is " \
    "greater. 1 more: when acting, one of them is drawn"


def exploring(n):
    """How ``kind`` and ``ties`` are told to kernels, beside them."""
    return {"several": int(n.kind == EPSILON_GREEDY), "drawn": n.ties & DRAWN,
            "around": 0xFFFFFFFF if n.ties & INCUMBENT else 0}


def needed_draws(kind, ties):
    """Draws of an agent in a step."""
    return 1 if kind != EPSILON_GREEDY else 3 if ties & DRAWN else 2


def _draws(n):
    needed = needed_draws(n.kind, n.ties)
    if n.draws < needed:
        raise ValueError(f"draws: expected at least {needed}, got {n.draws}")


def _shares(n):
    if n.shares is not None and not ((n.shares >= 0.0) & (n.shares < 1.0)).all():
        raise ValueError("shares: expected numbers in [0, 1)")


AGENT_IDS = Array("agent_ids", "int32", "L", "the agents that this learner controls",
              values=(0, "N-1", "at least one agent from {low} to {high}"))

_OTHERS = (
    Array("table_of", "int32", "N", "table of every agent of the team", values=(0, "T-1", "tables {low} to {high}")),
    Array("n_actions", "int32", "N", "number of actions of every agent", values=(1, "A", "{low} to {high} actions")),
    AGENT_IDS,
    Array("discount", "float64", "R"),
    Part("rate", "Schedule", "learning rate"),
    Part("exploration", "Schedule", "epsilon or temperature"),
    Number("kind", KINDS, choices=(EPSILON_GREEDY, BOLTZMANN, ONE_DRAW)),
    Flag("strict", "explore iff u < epsilon; else iff u <= epsilon"),
    Number("ties", TIES, choices=(0, 1, 2, 3)),
    Number("draws", "K, exploration draws per agent in the whole team"),
    Flag("learning", "False: the tables are frozen"),
    Flag("moves", "whether the game says who is there, who acts or what is legal", default=False),
    Number("active", "k, rows that an observation is in. With more than one, an action value is the sum over them, and "
           "each takes its k-th part of a change; ``greedy`` then stays as it is: with ties 2 they go round from that "
           "of the first row", low=1, high="n_rows",
           words="{low} to {high} rows", default=1),
    exploring, _draws)

Q_LEARNING = Kernel(
    "QLearning",
    Cells("q", "float64", "R n_rows T A", "action values of T tables", filled="run, row, table and action"),
    Cells("greedy", "int32", "R n_rows T", "the greedy actions"),
    Cells("visits", "int32", "R n_rows T", "how often each row of each table was updated, up to 2**31 - 1"),
    *_OTHERS)


class _Lanes(Cells):
    """One of the arrays that :func:`lanes_of` has looked at."""

    def fit(self, value, known):
        check_kind(value, self.name, self.dtype, self.shape(known))
        known[f"{self.name}_step"] = 0


def lanes_of(given):
    """Agents of a row, padded, where the tables of a row stand side by side, [A + 1][agents]; 0 where they do not.

    See ``packed_tables`` of ``marlfast/learners/tabular.py``.
    """
    q, greedy, visits = (given.get(name) for name in ("q", "greedy", "visits"))
    for array, dtype, axes in ((q, np.float64, 4), (greedy, np.int32, 3), (visits, np.int32, 3)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != axes or not array.flags.writeable:
            return 0
    n_runs, n_rows, tables, n_actions = q.shape
    step = q.strides[3]
    row = (n_actions + 1) * step
    first = q.__array_interface__["data"][0]
    if (step not in (16, 32, 64) or not 2 <= tables <= step // 8 or not 2 <= n_actions <= 8 or first % 32
            or q.strides != (n_rows * row, row, 8, step) or not greedy.shape == visits.shape == q.shape[:3]
            or not greedy.strides == visits.strides == q.strides[:3]
            or greedy.__array_interface__["data"][0] != first + n_actions * step
            or visits.__array_interface__["data"][0] != first + n_actions * step + 4):
        return 0
    return step // 8


def _together(n):
    own = list(range(n.T))
    fits = n.kind == ONE_DRAW or n.kind == EPSILON_GREEDY and not n.drawn
    if (not fits or n.active > 1 or (n.n_actions != n.A).any()
            or n.agent_ids.tolist() != own or n.table_of.tolist() != own):
        raise ValueError("q: agents stand side by side, which takes epsilon-greedy exploration (by several draws: no "
                         "random ties), one active row, and a table and as many actions for every agent")


SIDE_BY_SIDE = Kernel(
    "QLearning",
    _Lanes("q", "float64", "R n_rows T A", "action values of T tables", filled="run, row, table and action"),
    _Lanes("greedy", "int32", "R n_rows T"),
    _Lanes("visits", "int32", "R n_rows T"),
    *_OTHERS, _together)

FIND_GREEDY = Kernel(
    "find_greedy",
    Array("q", "float64", "cells A", "action values"),
    Array("n_actions", "int32", "cells", "actions of each cell", values=(1, "A", "{low} to {high} actions"),
          empty=True),
    Array("greedy", "int32", "cells", "one of the greatest", written=True),
    Array("shares", "float64", "cells", "in [0, 1): which of several greatest values it is; None: the first",
          optional=True),
    _shares,
    family=None)

KERNELS = Q_LEARNING, FIND_GREEDY
