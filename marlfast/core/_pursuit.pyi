"""Signatures of ``src/_pursuit.pyx``."""
from marlfast.core._kernels import Game

class Pursuit(Game):
    def __init__(self, *, height: int, width: int, hunters: int, prey: int, depth: int, scout: int, joint: bool,
                 sharing: bool, see_partner: bool) -> None: ...
