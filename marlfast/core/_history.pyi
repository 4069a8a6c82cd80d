"""Signatures of ``src/_history.pyx``."""
from marlfast.core._kernels import Game

class History(Game):
    def __init__(self, within: Game, k: int, actions: bool) -> None: ...
