"""Opponent shaping in iterated games: cooperation by something like tit for tat, and matching pennies learned."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real
from marlfast.games.classic import MatchingPennies, PrisonersDilemma
from marlfast.reproduce.base import Figure, Study, mean, share
from marlfast.solvers.shaping import lola

PUBLISHED_RUNS = 50
# Mean and standard deviation of what a round earns (table 3, the rows of exact gradients).
PUBLISHED = {("dilemma", 0): (-1.98, 0.14), ("dilemma", 1): (-1.06, 0.19), ("pennies", 0): (0.0, 0.37),
             ("pennies", 1): (0.0, 0.02)}
WORDS = ("naive learning", "LOLA")


@dataclass(frozen=True, repr=False, eq=False)
class Lola2018(Study):
    """Two learners with exact gradients in the iterated prisoner's dilemma and in iterated matching pennies.

    Parameters
    ----------
    rate, shaping : float
        See :func:`marlfast.solvers.lola`.
    steps : int
        Of learning.
    dilemma_discount, pennies_discount : float
        What later rounds count.

    See Also
    --------
    marlfast.solvers.lola : The rule.

    References
    ----------
    J. Foerster, R. Y. Chen, M. Al-Shedivat, S. Whiteson, P. Abbeel and I. Mordatch, "Learning with opponent-learning
    awareness", AAMAS 2018, table 3 and the program that its authors published.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> [figure.what for figure in reproduce.Lola2018(steps=10).run(runs=2).figures][:1]
    ['dilemma, naive learning: a round earns']
    """

    name = "lola2018"
    source = ('J. Foerster, R. Y. Chen, M. Al-Shedivat, S. Whiteson, P. Abbeel and I. Mordatch, "Learning with '
              'opponent-learning awareness", AAMAS 2018')
    runs = PUBLISHED_RUNS
    cheap = PUBLISHED_RUNS
    rate: float = 1.0
    shaping: float = 1.0
    steps: int = 200
    dilemma_discount: float = 0.96
    pennies_discount: float = 0.9

    def __post_init__(self):
        for name in ("rate", "shaping"):
            self._set(**{name: real(name, getattr(self, name), 0.0)})
        for name in ("dilemma_discount", "pennies_discount"):
            self._set(**{name: real(name, getattr(self, name), 0.0, 1.0)})
        self._set(steps=integer("steps", self.steps, 1))

    def found(self, game, shaping, runs, seed=0):
        """Let pairs of learners learn.

        Parameters
        ----------
        game : {"dilemma", "pennies"}
            Which game.
        shaping : bool
            Whether they shape each other; else they are naive.
        runs : int
            Pairs.
        seed : int
            Of their first strategies.

        Returns
        -------
        Shaped
            Strategies and returns.
        """
        played = (PrisonersDilemma(reward=-1.0, sucker=-3.0, temptation=0.0, punishment=-2.0) if game == "dilemma"
                  else MatchingPennies())
        discount = self.dilemma_discount if game == "dilemma" else self.pennies_discount
        return lola(played, steps=self.steps, discount=discount, rate=self.rate,
                    shaping=self.shaping if shaping else 0.0, runs=runs, seed=seed)

    def figures(self, runs, seed, threads=None, progress=False):
        figures = []
        for game in ("dilemma", "pennies"):
            for shaping in (0, 1):
                found, (layer, spread) = self.found(game, shaping, runs, seed), PUBLISHED[game, shaping]
                word, first = f"{game}, {WORDS[shaping]}", found.returns[:, 0]
                figures.append(mean(f"{word}: a round earns", first, self.published(layer),
                                    spread / np.sqrt(PUBLISHED_RUNS), rounding=0.005, digits=3))
                # The standard error of a standard deviation, where runs are normal.
                error = first.std() / np.sqrt(2.0 * max(runs - 1, 1))
                figures.append(Figure(f"{word}: its standard deviation", float(first.std()), float(error),
                                      self.published(spread), spread / np.sqrt(2.0 * PUBLISHED_RUNS), rounding=0.005,
                                      why="runs are far from normal"))
                if game == "dilemma":
                    figures.append(share(f"{word}: both cooperate", (found.returns > -1.2).all(axis=1)))
                    figures.append(share(f"{word}: the first plays tit for tat", tit_for_tat(found.probabilities),
                                         digits=2))
                else:
                    near = (np.abs(found.probabilities - 0.5) < 0.05).all(axis=(1, 2))
                    figures.append(share(f"{word}: both within .05 of the equilibrium", near, digits=2))
        return figures, ["How often a strategy is tit for tat (published: 20.8 and 81.0 per cent) and near the "
                         "equilibrium (0.0 and 98.8) depends on what is called so, which the paper does not say; ours "
                         "is printed."]


def tit_for_tat(probabilities):
    """Whether the first player is more likely than not to do what the second did last, and to begin well: bool [R]."""
    likely = probabilities[:, 0] > 0.5
    return (likely == np.array([True, False, True, False, True])).all(axis=1)
