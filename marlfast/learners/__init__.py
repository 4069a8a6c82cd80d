"""Learners: update rules with their tables. One file per family, imported when one of its learners is asked for."""
from marlfast.learners.base import Each, Learner  # noqa: F401
from marlfast.learners.q_learning import IQL  # noqa: F401
from marlfast.registry import on_demand

# What each file gives.
_GIVES = {
    "coordination": "LMRL2 RecursiveFMQ",
    "frozen": "Frozen",
    "gradients": "COMA IA2C IPPO MAA2C MAPPO Reinforce",
    "hierarchy": "Hierarchy",
    "joint": "CentralQ CorrelatedQ FriendOrFoe JointActionLearner MinimaxQ NashQ",
    "mean_field": "MeanFieldAC MeanFieldQ",
    "mixing": "QMIX VDN WeightedQMIX",
    "multi_step": "MonteCarlo QLambda SARSA",
    "one_step": "DistributedQ DoubleQ ExpectedSARSA FrequencyAdjustedQ HystereticQ",
    "opponents": "Exp3 FictitiousPlay FixedPolicy Random RegretMatching TitForTat WinStayLoseShift",
    "phc": "PHC WoLFPHC",
}

__all__, __getattr__, __dir__ = on_demand(__name__, _GIVES, ["IQL", "Each", "Learner"])
