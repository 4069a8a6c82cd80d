"""Independent Q-learning: its examples; the rule itself is tested in ``tests/core/test_q_learning.py``."""
import numpy as np

import marlfast as mf
from learners.example import Example

S = mf.schedules
EXAMPLES = {
    "iql, visits": Example(mf.IQL(mf.schedules.VisitCount(power=0.7, minimum=0.05)), (2, 4, 3)),
    "iql, visits, shared": Example(mf.IQL(mf.schedules.VisitCount([0.5, 0.8, 1.0], 0.5), share="all",
                                          explore=mf.EpsilonGreedy(0.4, ties="incumbent"))),
    "defaults": mf.IQL(),
    "numbers of actions": Example(mf.IQL(S.Harmonic(0.5, 0.05), explore=mf.EpsilonGreedy(0.8, decay=0.9, per="step")),
                                  (2, 4, 3)),
    "nine actions": Example(mf.IQL(0.3, initial_q=1.0), (9, 9)),
    "one action": Example(mf.IQL(0.3), (1, 3)),
    "twenty actions": Example(mf.IQL(0.3, explore=mf.Boltzmann(0.5)), (20, 2)),
    "random ties": mf.IQL(0.5, explore=mf.EpsilonGreedy(0.3, ties="random", strict=False), share="all"),
    "runs": Example(mf.IQL([0.1, 0.5, 0.9], discount=[0.0, 0.5, 1.0], explore=mf.EpsilonGreedy([0.1, 0.5, 1.0]),
                           initial_q=[[0.0, 1.0, 1.0], [0.5, 0.0, 0.0]]), (3, 3)),
    "boltzmann, runs": mf.IQL(0.3, explore=mf.Boltzmann(S.Exponential([2.0, 1.0, 0.5], 0.95, minimum=0.2))),
    "values of each row": Example(mf.IQL(initial_q=np.arange(24.0).reshape(4, 2, 3) % 5), numbered=True),
    "some share": Example(mf.IQL(0.3, share=(0, 1, 0)), (3, 2, 3)),
}
