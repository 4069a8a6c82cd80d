"""Hunters that learn, each for itself, to capture prey on squares."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import choice, integer, real
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
# What a capture is to those who learn: the game's word for it, and ours.
CAPTURES = {"step": ("truncated", "one more step"), "end": ("terminated", "the end")}


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
    capture : {"step", "end"}
        What a capture is to hunters who learn: one more step, so that the place where the prey was caught is worth what
        it is worth at other times; or the end, after which nothing is worth anything.

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
    8
    """

    name = "tan1993"
    source = "M. Tan, \"Multi-agent reinforcement learning: independent vs. cooperative agents\", ICML 1993"
    learning_rate: float = 0.8
    discount: float = 0.9
    temperature: float = 0.4
    depth: int = 4
    trials: int = 2000
    last: int = 500
    capture: str = "step"

    def __post_init__(self):
        self._set(trials=integer("trials", self.trials, 1), depth=integer("depth", self.depth, 0, 1000))
        self._set(last=integer("last", self.last, 1, self.trials))
        choice("capture", self.capture, tuple(CAPTURES))
        learner = IQL(real("learning_rate", self.learning_rate, 0.0, 1.0), real("discount", self.discount, 0.0, 1.0),
                      Boltzmann(real("temperature", self.temperature)))
        self._set(learner=learner)

    def figures(self, runs, seed, threads=None, progress=False):
        figures, other = [], next(one for one in CAPTURES if one != self.capture)
        for what, options, known in RANDOM:
            played = evaluate(Pursuit(depth=self.depth, **options), "random", episodes=TRIALS, seed=seed, runs=runs,
                              threads=threads, max_steps=10**8)
            # A run here is as many trials as there were; it says how much their mean varies.
            figures.append(mean(f"{what}, at random", played.lengths.mean(axis=1), known, over=1, rounding=5e-3,
                                digits=2))
        for what, options, known in LEARNED:
            lengths = {capture: self.steps(options, capture, runs, seed, threads=threads, progress=progress)
                       for capture in (self.capture, other)}
            figures += [mean(what, lengths[self.capture], self.published(known), over=1, rounding=5e-3, digits=2),
                        mean(f"  a capture as {CAPTURES[other][1]}", lengths[other], digits=2)]
        return figures, ["Steps to a capture. The update printed in the article has no case for the end of a trial; "
                         "what a capture is to those who learn decides the figures that they reach."]

    def steps(self, options, capture=None, runs=100, seed=0, **training):
        """Let hunters learn, and count the steps to a capture in the last trials.

        Parameters
        ----------
        options : dict
            Of :class:`~marlfast.games.pursuit.Pursuit`.
        capture : {"step", "end"}, optional
            Default: as the study says.
        runs : int
            R.
        seed : int
            Of all runs.
        **training
            Of :func:`marlfast.train`.

        Returns
        -------
        float64 [R]
            Mean over the last trials of each run.
        """
        game = Pursuit(depth=self.depth, at_capture=CAPTURES[capture or self.capture][0], **options)
        result = train(game, self.learner, episodes=self.trials, runs=runs, seed=seed, **training)
        return np.asarray(result.lengths[:, -self.last:]).mean(axis=1)
