from dataclasses import dataclass

import numpy as np

import marlfast as mf
from marlfast.errors import integer, real


@dataclass(frozen=True, repr=False, eq=False)
class Rope(mf.games.Game):
    """Two agents pull a rope, each by 0, 1 or 2; pulling is tiring, and at times the rope slips."""

    name = "rope"
    agents = 2
    features = 1
    reach: int = 3
    slip: float = 0.1
    horizon: int = 50

    def __post_init__(self):
        self._set(reach=integer("reach", self.reach, 1, 1000), slip=real("slip", self.slip, 0.0, 1.0),
                  **self.checked_horizon())

    @property
    def action_counts(self):
        return np.array([3, 3], np.int32)

    @property
    def observations(self):
        return 2 * self.reach + 3

    def kernel(self, backend="cython"):
        if backend == "numpy":
            from ropes.twin import Rope as Twin
            return Twin(self.reach, self.slip)
        from ropes._rope import Rope as Compiled
        return Compiled(self.reach, self.slip)
