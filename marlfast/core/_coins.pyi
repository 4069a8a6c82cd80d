"""Signatures of ``src/_coins.pyx``."""
from marlfast.core._kernels import Game

class Coins(Game):
    def __init__(self, agents: int, size: int, stay: bool, alternate: bool, numbered: bool) -> None: ...
