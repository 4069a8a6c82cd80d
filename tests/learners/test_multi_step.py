"""SARSA, Q(lambda) and Monte Carlo: their examples; the rules are tested in ``tests/core/test_multi_step.py``."""
import marlfast as mf
from learners.example import Example
from marlfast.learners.multi_step import SARSA, MonteCarlo, QLambda

BOLD = mf.EpsilonGreedy(0.3)
EXAMPLES = {
    "sarsa": Example(SARSA(0.3, explore=BOLD), (2, 4, 3)),
    "sarsa, traces": SARSA(0.3, explore=mf.Boltzmann(0.7), trace_decay=0.9, trace_length=4, traces="accumulating",
                           initial_q=0.5),
    "sarsa, runs": SARSA(mf.schedules.Harmonic(0.5, 0.1), discount=[0.0, 0.5, 1.0], trace_decay=[0.0, 0.5, 1.0],
                         share="all"),
    "q_lambda": Example(QLambda(0.3, explore=mf.EpsilonGreedy(0.3, ties="random"), trace_length=5), (2, 4, 3)),
    "q_lambda, long traces": QLambda(0.3, explore=BOLD, trace_decay=1.0, discount=1.0, trace_cutoff=1e-9,
                                     initial_q=[1.0, 0.0, 0.0]),
    "monte_carlo": Example(MonteCarlo(0.3, explore=BOLD), (2, 4, 3)),
    "monte_carlo, short memory": MonteCarlo(0.3, longest=2, explore=mf.Boltzmann(0.5), share="all", initial_q=0.5),
}
