"""Solvers of games that can be listed: regret minimisation, fictitious play, best replies, judges of populations."""
from marlfast.solvers.histories import tree
from marlfast.solvers.populations import AlphaRank, NashAverage, alpha_rank, nash_averaging
from marlfast.solvers.psro import Populations, psro
from marlfast.solvers.regret import Solution, cfr, fictitious_play, mccfr
from marlfast.solvers.shaping import Shaped, lola
from marlfast.solvers.tree import Tree

__all__ = ["AlphaRank", "NashAverage", "Populations", "Shaped", "Solution", "Tree", "alpha_rank", "cfr",
           "fictitious_play", "lola", "mccfr", "nash_averaging", "psro", "tree"]
