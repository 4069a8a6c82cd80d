"""Games: multi-agent environments (Markov games). One file per game or family.

A file is imported when one of its games is first asked for: there are many, and a program plays few.
"""
import importlib

from marlfast.games.base import Game

# What each file gives.
_GIVES = {
    "allocation": "TaskAllocation",
    "auctions": "SealedBidAuction",
    "classic": "BattleOfTheSexes Chicken Climbing CoordinationGame MatchingPennies "
               "Penalty PrisonersDilemma Qtran RockPaperScissors Shapley StagHunt",
    "coins": "CoinGame",
    "congestion": "Braess CongestionGame ElFarol Pigou PublicGoods",
    "drift": "Drift",
    "foraging": "LevelForaging",
    "ising": "Ising",
    "markov": "MarkovGame Tabular",
    "matrix": "MatrixGame NormalForm",
    "outcomes": "Outcomes",
    "own": "CompiledGame NumPyGame",
    "pettingzoo": "PettingZooGame",
    "pricing": "LogitBertrand",
    "pursuit": "Pursuit",
    "pushing": "BoxPushing",
    "sequential": "SequentialPricing",
    "soccer": "Soccer",
    "tabulation": "Tabulated tabulate",
    "two_step": "TwoStep",
}
_FILE_OF = {name: file for file, names in _GIVES.items() for name in names.split()}

__all__ = ["Game", *sorted(_FILE_OF)]


def __getattr__(name):
    if name in _GIVES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _FILE_OF:
        raise AttributeError(f"marlfast.games has no {name!r}; it has {', '.join(sorted(_FILE_OF))}")
    return getattr(importlib.import_module(f"{__name__}.{_FILE_OF[name]}"), name)


def __dir__():
    return __all__
