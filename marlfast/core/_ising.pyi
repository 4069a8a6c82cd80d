"""Signatures of ``src/_ising.pyx``."""
from marlfast.core._kernels import Game

class Ising(Game):
    def __init__(self, height: int, width: int) -> None: ...
