"""Signatures of ``src/_drift.pyx``."""
from marlfast.core._kernels import Game

class Drift(Game):
    def __init__(self, agents: int, state_size: int, noise: float, push: float, bonus: float,
                 bonus_below: int) -> None: ...
