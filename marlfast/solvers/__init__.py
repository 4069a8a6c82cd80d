"""Solvers of games that can be listed: regret minimisation, fictitious play, best replies, and judges of populations."""
from marlfast.solvers.histories import tree
from marlfast.solvers.regret import Solution, cfr, fictitious_play, mccfr
from marlfast.solvers.tree import Tree

__all__ = ["Solution", "Tree", "cfr", "fictitious_play", "mccfr", "tree"]
