"""Games: multi-agent environments (Markov games). One file per game or family."""
from marlfast.games.base import Game
from marlfast.games.coins import CoinGame
from marlfast.games.drift import Drift
from marlfast.games.markov import MarkovGame, MatrixGame
from marlfast.games.pursuit import Pursuit
from marlfast.games.pushing import BoxPushing
from marlfast.games.soccer import Soccer

__all__ = ["BoxPushing", "CoinGame", "Drift", "Game", "MarkovGame", "MatrixGame", "Pursuit", "Soccer"]
