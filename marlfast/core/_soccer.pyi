"""Signatures of ``src/_soccer.pyx``."""
from marlfast.core._kernels import Game

class Soccer(Game):
    def __init__(self, height: int, width: int, draw_probability: float, restart: bool, mirrored: bool) -> None: ...
