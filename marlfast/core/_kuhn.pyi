"""Signatures of ``src/_kuhn.pyx``."""
from marlfast.core._kernels import Game

class KuhnPoker(Game):
    def __init__(self) -> None: ...
