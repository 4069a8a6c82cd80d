"""Arguments of ``q_learning``."""
from marlfast.declarations.base import Array, Cells, Flag, Kernel, Number, Part

EPSILON_GREEDY, BOLTZMANN = range(2)


def _draws(n):
    needed = 1 if n.kind == BOLTZMANN else 3 if n.random_ties else 2
    if n.draws < needed:
        raise ValueError(f"draws: expected at least {needed}, got {n.draws}")


LEADS = Array("leads", "int32", "L", "the agents that this learner leads",
              values=(0, "N-1", "at least one agent from {low} to {high}"))

Q_LEARNING = Kernel(
    "QLearning",
    Cells("q", "float64", "R rows T A", "action values of T tables", filled="run, row, table and action"),
    Cells("greedy", "int32", "R rows T", "the first of the greatest action values"),
    Cells("visits", "int32", "R rows T", "how often each row of each table was updated, up to 2**31 - 1"),
    Array("table_of", "int32", "N", "table of every agent of the team", values=(0, "T-1", "tables {low} to {high}")),
    Array("actions", "int32", "N", "number of actions of every agent", values=(1, "A", "{low} to {high} actions")),
    LEADS,
    Array("discount", "float64", "R"),
    Part("rate", "Schedule", "learning rate"),
    Part("exploration", "Schedule", "epsilon or temperature"),
    Number("kind", "0: epsilon-greedy; 1: Boltzmann", choices=(EPSILON_GREEDY, BOLTZMANN)),
    Flag("strict", "explore iff u < epsilon; else iff u <= epsilon"),
    Flag("random_ties", "ties broken by a third draw; else the first of the greatest"),
    Number("draws", "K, exploration draws per agent in the whole team"),
    Flag("learning", "False: the tables are frozen"),
    Number("active", "k, rows that an observation is in. With more than one, an action value is the sum over them, and "
           "each takes its k-th part of a change; ``greedy`` is then not used", low=1, high="rows",
           words="{low} to {high} rows", default=1),
    _draws)

FIND_GREEDY = Kernel(
    "find_greedy",
    Array("q", "float64", "cells A", "action values"),
    Array("actions", "int32", "cells", "actions of each cell", values=(1, "A", "{low} to {high} actions"), empty=True),
    Array("greedy", "int32", "cells", "the first of the greatest", written=True),
    family=None)

KERNELS = Q_LEARNING, FIND_GREEDY
