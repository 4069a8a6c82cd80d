"""Games: multi-agent environments (Markov games). One file per game or family."""
from marlfast.games.base import Game
from marlfast.games.drift import Drift
from marlfast.games.markov import MarkovGame, MatrixGame

__all__ = ["Drift", "Game", "MarkovGame", "MatrixGame"]
