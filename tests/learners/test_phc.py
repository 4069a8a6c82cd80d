"""Policy hill climbing: its examples; the rule is tested in ``tests/core/test_phc.py``."""
import marlfast as mf
from learners.example import Example
from marlfast.learners.phc import PHC, WoLFPHC

S = mf.schedules
EXAMPLES = {
    "phc": Example(PHC(0.3, delta=0.1), (2, 4, 3)),
    "phc, schedules": PHC(S.Harmonic(0.5, 0.1), explore=mf.EpsilonGreedy(0.8, decay=0.9, per="step", strict=False),
                          delta=S.Linear(0.5, 0.0, 9, per="episode"), share="all"),
    "phc, runs": PHC([0.1, 0.2, 0.3], discount=[0.0, 0.5, 1.0], delta=[0.0, 0.5, 1.0], initial_q=[0.0, 1.0, 0.5]),
    "wolf_phc": WoLFPHC(0.3, delta_win=0.02, delta_lose=0.1, share="all"),
    "wolf_phc, numbers of actions": Example(WoLFPHC(0.3, delta_win=0.02, delta_lose=0.1), (3, 1, 5)),
    "wolf_phc, schedules": WoLFPHC(0.3, delta_win=S.Exponential(0.5, 0.9), delta_lose=[0.2, 0.4, 0.6], initial_q=-1.0),
}
