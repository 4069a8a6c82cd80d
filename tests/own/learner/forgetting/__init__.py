from dataclasses import dataclass
from typing import Any

from marlfast import EpsilonGreedy
from marlfast.errors import real
from marlfast.learners.tabular import Tabular


@dataclass(frozen=True, repr=False, eq=False)
class ForgettingQ(Tabular):
    """Q-learning that forgets: the values of actions that are not taken fade.

    The action taken learns as in Q-learning; for every other action b of the row, ``q[row, b] -= fade * q[row, b]``.

    Notes
    -----
    Source: M. Ito and K. Doya, "Validation of decision-making models and analysis of decision variables in the rat
    basal ganglia", Journal of Neuroscience 29 (2009).
    """

    name = "forgetting_q"
    kernels = ("forgetting._learner", "forgetting.twin")
    learning_rate: Any = 0.1
    discount: float = 0.95
    explore: Any = EpsilonGreedy(0.1, ties="first", draws=2)
    share: Any = "none"
    initial_q: Any = 0.0
    fade: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        self._set(fade=real("fade", self.fade, 0.0, 1.0))

    def _kernel(self, module, common, arrays, bound):
        return module.ForgettingQ(**common, fade=self.fade)
