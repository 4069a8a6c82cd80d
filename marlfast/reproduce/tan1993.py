"""Hunters that learn, each for itself, to capture prey on squares."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real
from marlfast.evaluate import evaluate
from marlfast.exploration import Boltzmann
from marlfast.games.pursuit import Pursuit
from marlfast.learners.q_learning import IQL
from marlfast.reproduce.base import Study, mean
from marlfast.train import train

TRIALS = 200        # behind each published mean of random hunters, at least
# What hunters do, the game, steps to a capture if they move at random.
RANDOM = (("one hunter, one prey", {"hunters": 1}, 123.08), ("two hunters, one prey", {}, 56.47),
          ("joint capture, one prey", {"capture": "joint"}, 354.45),
          ("joint capture, two prey", {"capture": "joint", "prey": 2}, 224.92))
# The same, if they have learned.
LEARNED = (("one hunter, one prey, learned", {"hunters": 1}, 25.32),
           ("two hunters, one prey, learned", {}, 12.21))


@dataclass(frozen=True, repr=False, eq=False)
class Tan1993(Study):
    """Hunters that learn need fewer steps to capture prey than those who move at random.

    Parameters
    ----------
    learning_rate, discount, temperature : float
        Of hunters that learn, each for itself.
    depth : int
        How far they see.
    trials : int
        Captures in training.
    last : int
        The last so many of them are averaged.

    See Also
    --------
    marlfast.games.Pursuit : The game.
    Study.run : Runs it.

    References
    ----------
    M. Tan, "Multi-agent reinforcement learning: independent vs. cooperative agents", ICML 1993.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> report = reproduce.Tan1993(trials=100, last=50).run(runs=2, seed=0)
    >>> len(report.figures)
    6
    """

    name = "tan1993"
    source = "M. Tan, \"Multi-agent reinforcement learning: independent vs. cooperative agents\", ICML 1993"
    learning_rate: float = 0.8
    discount: float = 0.9
    temperature: float = 0.4
    depth: int = 4
    trials: int = 2000
    last: int = 500

    def __post_init__(self):
        self._set(trials=integer("trials", self.trials, 1), depth=integer("depth", self.depth, 0, 1000))
        self._set(last=integer("last", self.last, 1, self.trials))
        learner = IQL(real("learning_rate", self.learning_rate, 0.0, 1.0), real("discount", self.discount, 0.0, 1.0),
                      Boltzmann(real("temperature", self.temperature)))
        self._set(learner=learner)

    def figures(self, runs, seed, threads=None, progress=False):
        figures = []
        for what, options, known in RANDOM:
            played = evaluate(Pursuit(depth=self.depth, **options), "random", episodes=TRIALS, seed=seed, runs=runs,
                              threads=threads, most_steps=10**8)
            # A run here is as many trials as there were; it says how much their mean varies.
            figures.append(mean(f"{what}, at random", played.lengths.mean(axis=1), known, over=1, rounding=5e-3,
                                digits=2))
        for what, options, known in LEARNED:
            game = Pursuit(depth=self.depth, **options)
            result = train(game, self.learner, episodes=self.trials, runs=runs, seed=seed, threads=threads,
                           progress=progress)
            lengths = np.asarray(result.lengths[:, -self.last:])
            figures.append(mean(what, lengths.mean(axis=1), self.published(known), over=1, rounding=5e-3, digits=2))
        return figures, ["Steps to a capture. That the learned figures differ was to be expected: what the article "
                         "leaves open is told in docs/reproduce/tan1993.md."]
