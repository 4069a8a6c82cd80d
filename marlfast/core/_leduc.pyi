"""Signatures of ``src/_leduc.pyx``."""
from marlfast.core._kernels import Game

class LeducPoker(Game):
    def __init__(self) -> None: ...
