"""Signatures of ``src/_liars_dice.pyx``."""
from marlfast.core._kernels import Game

class LiarsDice(Game):
    def __init__(self, sides: int) -> None: ...
