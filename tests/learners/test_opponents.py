"""Opponents: their examples; the rules are tested in ``tests/core/test_opponents.py``."""
import numpy as np

import marlfast as mf
from learners.example import Example
from marlfast.learners.opponents import (
    Exp3,
    FictitiousPlay,
    FixedPolicy,
    Random,
    RegretMatching,
    TitForTat,
    WinStayLoseShift,
)

PAYOFFS = np.random.default_rng(5).normal(size=(2, 3, 3))
WIDE = np.random.default_rng(6).normal(size=(2, 4, 3))
IQL = mf.IQL(0.3)
EXAMPLES = {
    "random": Example(Random(), (2, 4, 3), learns=False),
    "fixed_policy": [FixedPolicy([0.2, 0.0, 0.8]), IQL],
    "fixed_policy, rows": Example([FixedPolicy(np.random.default_rng(1).dirichlet(np.ones(2), 4)), IQL, IQL], (2, 4, 3),
                                  numbered=True),
    "tit_for_tat": [TitForTat(opening=1), IQL],
    "tit_for_tat, of one": Example([(TitForTat(of=1), [0, 2]), (IQL, [1])], (3, 3, 3)),
    "win_stay_lose_shift": Example(WinStayLoseShift(threshold=[0.0, 0.5, -0.5], opening=1), (2, 4, 3)),
    "fictitious_play": [FictitiousPlay(PAYOFFS[0], initial=[0.0, 0.5, 0.1]), IQL],
    "fictitious_play, of all": Example(FictitiousPlay(np.stack([WIDE, -WIDE, 0.5 * WIDE])), (2, 4, 3)),
    "regret_matching": [RegretMatching(PAYOFFS[1]), IQL],
    "regret_matching, of all": Example(RegretMatching(np.stack([WIDE, -WIDE, 0.5 * WIDE])), (2, 4, 3)),
    "regret_matching, external": RegretMatching(PAYOFFS, regret="external"),
    "regret_matching, inert": [IQL, RegretMatching(PAYOFFS[0], inertia=0.5)],
    "exp3": Example(Exp3([0.05, 0.5, 1.0], low=-4.0, high=4.0), (2, 4, 3)),
}
