"""Games: multi-agent environments (Markov games). One file per game or family."""
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
from marlfast.games.drift import Drift
from marlfast.games.markov import MarkovGame
from marlfast.games.matrix import MatrixGame, NormalForm
from marlfast.games.pricing import LogitBertrand
from marlfast.games.pursuit import Pursuit
from marlfast.games.pushing import BoxPushing
from marlfast.games.soccer import Soccer

__all__ = [
    "BattleOfTheSexes", "BoxPushing", "Chicken", "Climbing", "CoinGame", "CoordinationGame", "Drift", "Game",
    "LogitBertrand", "MarkovGame", "MatchingPennies", "MatrixGame", "NormalForm", "Penalty", "PrisonersDilemma",
    "Pursuit", "Qtran", "RockPaperScissors", "SealedBidAuction", "Shapley", "Soccer", "StagHunt",
]
