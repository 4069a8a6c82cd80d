"""Games: multi-agent environments (Markov games). One file per game or family."""
from marlfast.games.allocation import TaskAllocation
from marlfast.games.auctions import SealedBidAuction
from marlfast.games.base import Game
from marlfast.games.classic import (
    BattleOfTheSexes,
    Chicken,
    Climbing,
    CoordinationGame,
    MatchingPennies,
    Penalty,
    PrisonersDilemma,
    Qtran,
    RockPaperScissors,
    Shapley,
    StagHunt,
)
from marlfast.games.coins import CoinGame
from marlfast.games.congestion import Braess, CongestionGame, ElFarol, Pigou, PublicGoods
from marlfast.games.drift import Drift
from marlfast.games.foraging import LevelForaging
from marlfast.games.ising import Ising
from marlfast.games.markov import MarkovGame, Tabular
from marlfast.games.matrix import MatrixGame, NormalForm
from marlfast.games.outcomes import Outcomes
from marlfast.games.pricing import LogitBertrand
from marlfast.games.pursuit import Pursuit
from marlfast.games.pushing import BoxPushing
from marlfast.games.sequential import SequentialPricing
from marlfast.games.soccer import Soccer
from marlfast.games.tabulate import Tabulated, tabulate
from marlfast.games.two_step import TwoStep

__all__ = [
    "BattleOfTheSexes", "BoxPushing", "Braess", "Chicken", "Climbing", "CoinGame", "CongestionGame",
    "CoordinationGame", "Drift", "ElFarol", "Game", "Ising", "LevelForaging", "LogitBertrand", "MarkovGame",
    "MatchingPennies", "MatrixGame", "NormalForm", "Outcomes", "Penalty", "Pigou", "PrisonersDilemma",
    "PublicGoods", "Pursuit", "Qtran", "RockPaperScissors", "SealedBidAuction", "SequentialPricing", "Shapley",
    "Soccer", "StagHunt", "Tabular", "Tabulated", "TaskAllocation", "TwoStep", "tabulate",
]
