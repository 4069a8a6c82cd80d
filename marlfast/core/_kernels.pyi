"""Signatures of ``src/_kernels.pyx``."""
import numpy as np
from numpy.typing import NDArray

_Reals = NDArray[np.float64]
_Ids = NDArray[np.int32]
_Flags = NDArray[np.bool_]

STATUS_TEXT: dict[int, str]

class Game:
    agents: int
    state_size: int
    views: int
    features: int
    step_uniforms: int
    step_normals: int
    start_uniforms: int
    start_normals: int
    held: object
    failures: dict[int, BaseException] | None
    serial: bool
    participation: tuple[str, ...]
    max_actions: int

    def present(self, state: _Reals, present: _Flags) -> None: ...
    def to_act(self, state: _Reals, to_act: _Flags) -> None: ...
    def legal(self, state: _Reals, legal: _Flags) -> None: ...
    def truncated(self, state: _Reals, truncated: _Flags) -> None: ...
    def step(self, state: _Reals, actions: _Ids, uniforms: _Reals, normals: _Reals, rewards: _Reals,
             terminated: _Flags) -> None: ...
    def start(self, state: _Reals, uniforms: _Reals, normals: _Reals) -> None: ...
    def observe(self, state: _Reals, observation: _Reals) -> None: ...
    def counterfactual(self, state: _Reals, actions: _Ids, rewards: _Reals, counterfactual: _Reals) -> None: ...

class Encoder:
    runs: int
    agents: int
    views: int
    features: int
    active: int
    held: object

    @property
    def rows(self) -> int: ...
    @property
    def grows(self) -> bool: ...
    def encode(self, observation: _Reals, rows: _Ids) -> None: ...

class Reward:
    runs: int
    agents: int
    views: int
    features: int
    state_size: int
    held: object

    def begin(self, rows: _Ids, observation: _Reals) -> None: ...
    def apply(self, rows: _Ids, actions: _Ids, raw: _Reals, rewards: _Reals, next_rows: _Ids, state: _Reals,
              observation: _Reals, terminated: _Flags, truncated: _Flags) -> None: ...

class Learner:
    runs: int
    agents: int
    draws: int
    active: int
    central: int
    held: object

    @property
    def active_rows(self) -> int: ...
    def act(self, rows: _Ids, draws: _Reals, actions: _Ids) -> None: ...
    def update(self, rows: _Ids, actions: _Ids, rewards: _Reals, next_rows: _Ids, terminated: _Flags,
               changed: _Flags) -> None: ...
    def tick(self, ended: _Flags) -> None: ...
