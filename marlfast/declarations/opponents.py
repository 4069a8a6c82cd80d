"""Arguments of ``opponents``."""
import math

import numpy as np

from marlfast.declarations.base import N_RUNS, Array, Flag, Kernel, Number
from marlfast.declarations.q_learning import AGENT_IDS

MEMORY = Array("memory", "int32", "R L", "one more than the action to come, 0 at the start of an episode", written=True)
OPENING = Number("opening", "action of an episode's first step", low=0, high="least-1", words="{low} to {high}")
LEARNING = Flag("learning", "False: nothing is added up")
PAYOFFS = Array("payoffs", "float64", "L joint", "of each agent that is controlled; the first agent's action is the "
                "most significant")


def _sizes(n):
    """A, the greatest number of actions of those who are controlled, M of all; and how far apart actions lie."""
    own = n.n_actions[n.agent_ids]
    strides = np.ones(n.N, np.int64)
    counts = n.n_actions.tolist()
    for i in range(n.N - 2, -1, -1):
        strides[i] = strides[i + 1] * counts[i + 1]
    return {"A": int(own.max()), "least": int(own.min()), "M": max(counts), "joint": math.prod(counts),
            "strides": strides}


OPPONENT = Kernel(
    "Opponent",
    *N_RUNS,
    Array("n_actions", "int32", "N", "number of actions of every agent of the team", filled="agent",
          values=(1, None, "at least {low} action")),
    AGENT_IDS,
    Number("draws", "K, exploration draws per agent in the whole team", low=1),
    _sizes)

FIXED_POLICY = Kernel(
    "FixedPolicy",
    Array("policy", "float64", "L n_rows A", "probabilities; one row: the same in all. None: every action as likely",
          filled="row", optional=True),
    base=OPPONENT)

TIT_FOR_TAT = Kernel(
    "TitForTat", MEMORY,
    Array("of", "int32", "L", "whose actions are copied", values=(0, "N-1", "agents from {low} to {high}")), OPENING,
    base=OPPONENT)

WIN_STAY_LOSE_SHIFT = Kernel("WinStayLoseShift", MEMORY, Array("threshold", "float64", "R"), OPENING, base=OPPONENT)

FICTITIOUS_PLAY = Kernel(
    "FictitiousPlay", LEARNING, PAYOFFS,
    Array("totals", "float64", "R L A", "what each action would have earned in all steps together", written=True),
    Array("counts", "int64", "R N M", "how often every agent took each action", written=True),
    base=OPPONENT)


def _regrets(n):
    if n.conditions not in (1, n.A):
        raise ValueError(f"regrets: expected 1 or {n.A} conditions, got {n.conditions}")
    if not (n.inertia > 0.0).all():
        raise ValueError(f"inertia: expected greater than 0, got {n.inertia.min()}")


REGRET_MATCHING = Kernel(
    "RegretMatching", LEARNING, PAYOFFS,
    Array("regrets", "float64", "R L conditions A", "what the action of the last axis would have earned more, added up "
          "over the steps in which the action of the axis before was taken; or, with one condition, over all steps",
          written=True),
    Array("memory", "int32", "R L", "one more than the action of the step before, 0 before the first", written=True),
    Array("steps", "int64", "R", "steps learned from", written=True),
    Array("inertia", "float64", "L", "by which mean regrets are divided; greater than 0. Only read with a condition "
          "for each action"),
    _regrets,
    Array("counts", "int64", "R joint", "how often every joint action was learned from", written=True),
    base=OPPONENT)


def _shares(n):
    if not ((n.gamma > 0.0) & (n.gamma <= 1.0)).all():
        raise ValueError(f"gamma: expected greater than 0 and at most 1, got {n.gamma.min()} to {n.gamma.max()}")
    if not n.low < n.high:
        raise ValueError(f"low, high: expected low < high, got {n.low}, {n.high}")


EXP3 = Kernel(
    "Exp3", LEARNING,
    Array("weights", "float64", "R L A", "logarithms of the actions' weights", written=True),
    Array("gamma", "float64", "R", "share of steps in which any action is taken"),
    Number("low", "of the rewards; those below count as it", real=True),
    Number("high", "likewise", real=True),
    _shares,
    base=OPPONENT)

KERNELS = OPPONENT, FIXED_POLICY, TIT_FOR_TAT, WIN_STAY_LOSE_SHIFT, FICTITIOUS_PLAY, REGRET_MATCHING, EXP3
