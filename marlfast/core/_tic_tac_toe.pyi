"""Signatures of ``src/_tic_tac_toe.pyx``."""
from marlfast.core._kernels import Game

class TicTacToe(Game):
    def __init__(self) -> None: ...
