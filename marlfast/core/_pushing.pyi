"""Signatures of ``src/_pushing.pyx``."""
from marlfast.core._kernels import Game

class BoxPushing(Game):
    def __init__(self, success: float, full: bool, on_success: bool, continuing: bool) -> None: ...
