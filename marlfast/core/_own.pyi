"""Signatures of ``src/_own.pyx``."""
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marlfast.core._kernels import Game

class Compiled(Game):
    def __init__(self, *, step: int, start: int, observe: int, parameters: NDArray[np.float64], agents: int,
                 state_size: int, views: int, features: int, draws: Sequence[int],
                 repeat: Callable[..., BaseException | None] | None, functions: Any, present: int = 0,
                 to_act: int = 0, legal: int = 0, max_actions: int = 0) -> None: ...

class Python(Game):
    player: Any

    def __init__(self, player: Any, agents: int, state_size: int, views: int, features: int, draws: Sequence[int],
                 lockstep: bool, max_actions: int = 0) -> None: ...
