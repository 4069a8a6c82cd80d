"""Signatures of ``src/_particles.pyx``."""
from marlfast.core._kernels import Game

class Particles(Game):
    def __init__(self, kind: int, agents: int, landmarks: int, chasers: int, local_ratio: float) -> None: ...
