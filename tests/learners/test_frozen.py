"""Frozen learners: their examples; what they are for is tested in ``tests/test_league.py``."""
import marlfast as mf
from learners.example import Example
from marlfast.learners import QMIX, SARSA, Frozen, WoLFPHC

EXAMPLES = {
    "frozen": Example([(Frozen(mf.IQL(initial_q=1.0)), [0, 2]), (mf.IQL(0.3), [1])], (2, 4, 3)),
    "frozen, policy": [Frozen(WoLFPHC()), SARSA(0.3)],
    "frozen, explores": Example(Frozen(mf.IQL(), explore=mf.EpsilonGreedy(0.5, ties="random")), learns=False),
    "frozen, mixing": Example([(Frozen(QMIX()), [0, 1]), (mf.IQL(0.3), [2])], (3, 3, 3)),
}
