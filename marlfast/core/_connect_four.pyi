"""Signatures of ``src/_connect_four.pyx``."""
from marlfast.core._kernels import Game

class ConnectFour(Game):
    def __init__(self, height: int, columns: int, connect: int) -> None: ...
