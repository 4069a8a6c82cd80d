"""Games: multi-agent environments (Markov games). One file per game or family."""
from marlfast.games.base import Game
from marlfast.games.coins import CoinGame
from marlfast.games.drift import Drift
from marlfast.games.markov import MarkovGame, MatrixGame
from marlfast.games.soccer import Soccer

__all__ = ["CoinGame", "Drift", "Game", "MarkovGame", "MatrixGame", "Soccer"]
