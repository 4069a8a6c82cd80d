"""Firms that set prices by Q-learning learn to charge more than in equilibrium."""
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marlfast import analysis
from marlfast.errors import integer, real, shown
from marlfast.exploration import EpsilonGreedy
from marlfast.games.matrix import per_agent
from marlfast.games.pricing import LogitBertrand
from marlfast.initial import Uniform
from marlfast.learners.q_learning import IQL
from marlfast.renamed import argument, synonyms
from marlfast.reproduce.base import Figure, Study, mean, share
from marlfast.schedules import Exponential
from marlfast.stop import GreedyStable
from marlfast.train import experiment_of, train

# Words for what prices are worth at first, and the numbers that they take.
BELIEFS = {"fixed": ("price",), "grim_trigger": ("cooperate", "punish"), "uniform": ("low", "high")}


@dataclass(frozen=True, repr=False, eq=False)
class Calvano2020(Study):
    """Two firms that remember the last prices learn to charge more than in equilibrium.

    Parameters
    ----------
    agents, actions, memory : int
        Firms, prices of each, and periods that are remembered.
    learning_rate, discount, decay : float or sequence of float [n]
        Of all firms, or of each. A firm explores with probability ``exp(-decay * t)`` in period t. The paper's names
        are taken as well: ``alpha``, ``delta``, ``beta``; and ``firms``, ``mu`` (differentiation), ``xi`` (margin).
    initial_q : "against_random", float, or a list
        What each price is worth at first. ``"against_random"``: what it earns for ever while the others draw theirs. A
        number. ``["fixed", price]``: all play the price of this number from the next period on. ``["grim_trigger",
        cooperate, punish]``: all play the first as long as all have, else the second. ``["uniform", low, high]``: any
        value between these, drawn. ``"trained"``: what sessions of the baseline ended with, another for each firm.
    quality, cost, outside, probabilities, differentiation, margin, decimals : float, sequence, or int
        Of the market: see :class:`~marlfast.games.pricing.LogitBertrand`.
    stable : int
        A run is over when no greedy action has changed for so many periods.
    max_periods : int
        And after so many in any case.

    See Also
    --------
    marlfast.games.LogitBertrand : The market.
    marlfast.analysis.profit_gain : How much they collude.

    References
    ----------
    E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020).

    Examples
    --------
    >>> from marlfast import reproduce
    >>> study = reproduce.Calvano2020(actions=3, decay=1e-3, stable=1000)
    >>> found = study.outcomes(study.train(runs=2, seed=0))
    >>> found["converged"].tolist(), found["gain"].shape
    ([True, True], (2, 2))
    """

    name = "calvano2020"
    source = ("E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, \"Artificial intelligence, algorithmic "
              "pricing, and collusion\", American Economic Review 110 (2020)")
    runs = 1000
    agents: int = 2
    actions: int = 15
    memory: int = 1
    learning_rate: Any = 0.15
    discount: Any = 0.95
    decay: Any = 4e-6
    initial_q: Any = "against_random"
    quality: Any = 2.0
    cost: Any = 1.0
    outside: Any = 0.0
    probabilities: Any = None
    differentiation: float = 0.25
    margin: float = 0.1
    decimals: int = 5
    stable: int = 100_000
    max_periods: int = 1_000_000_000

    def __post_init__(self):
        self._set(memory=integer("memory", self.memory, 0), stable=integer("stable", self.stable, 1, 2**62),
                  max_periods=integer("max_periods", self.max_periods, 1, 2**62))
        game = LogitBertrand(self.agents, self.actions, self.quality, self.cost, self.outside, self.probabilities,
                             self.differentiation, self.margin, decimals=self.decimals, memory=self.memory,
                             start="uniform")
        names = ("quality", "cost", "outside", "probabilities", "differentiation", "margin", "agents", "actions",
                 "decimals")
        self._set(game=game, _given={}, **{name: getattr(game, name) for name in names})
        for name, least, most in (("learning_rate", 0.0, 1.0), ("discount", 0.0, 1.0), ("decay", 0.0, None)):
            self._given[name] = per_agent(name, getattr(self, name), game.agents,
                                          lambda where, value, least=least, most=most: real(where, value, least, most))
            if np.iterable(getattr(self, name)):
                self._set(**{name: self._given[name]})
        if max(self.discounts) == 1.0:
            raise ValueError(f"discount: expected less than 1 (profits for ever have no sum), got {self.discount}")
        self._set(initial_q=self._beliefs(self.initial_q))
        if isinstance(self.initial_q, tuple):
            self.learners()             # what does not fit this market is refused now

    def _beliefs(self, given):
        """What prices are worth at first, checked: a word, a number, or a tuple of a word and its numbers."""
        if given in ("against_random", "trained") if isinstance(given, str) else False:
            return given
        if isinstance(given, (list, tuple)) and given and given[0] in BELIEFS:
            word, *numbers = given
            if len(numbers) != len(BELIEFS[word]):
                raise ValueError(f"initial_q: {word!r} takes {' and '.join(BELIEFS[word])}, got {shown(given)}")
            if word == "uniform":
                numbers = [real("initial_q", number) for number in numbers]
                Uniform(*numbers)
            else:
                numbers = [integer("initial_q", number, 0, self.actions - 1) for number in numbers]
            return (word, *numbers)
        if isinstance(given, str) or np.iterable(given):
            words = ", ".join(f"[{word!r}, {', '.join(names)}]" for word, names in BELIEFS.items())
            raise ValueError(f"initial_q: expected 'against_random', 'trained', a number, or one of {words}, got "
                             f"{shown(given)}")
        return real("initial_q", given)

    @property
    def discounts(self):
        """Of each firm: tuple of float [n]."""
        return self._given["discount"]

    def learners(self):
        """Give the firms' learners.

        Returns
        -------
        Learner or list of Learner
            One for all firms where they are alike, else one for each.
        """
        firms = list(zip(*(self._given[name] for name in ("learning_rate", "discount", "decay")), strict=True))
        alike = len(set(firms)) == 1
        if isinstance(self.initial_q, tuple) and self.initial_q[0] == "uniform":
            return [_learner(*firm, Uniform(*self.initial_q[1:])) for firm in (firms[:1] if alike else firms)]
        values = [self._worth(i, discount) for i, (_, discount, _) in enumerate(firms)]
        if alike:
            return [_learner(*firms[0], np.concatenate(values, axis=-2))]
        return [_learner(*firm, own) for firm, own in zip(firms, values, strict=True)]

    def _worth(self, firm, discount):
        """Initial values of one firm: float64 [1, A] or [rows, 1, A]."""
        game, given = self.game, self.initial_q
        if given in ("against_random", "trained"):
            return game.against_random(discount)[firm, None]
        if not isinstance(given, tuple):
            return np.full((1, game.max_actions), given)
        price = [[one] * game.agents for one in given[1:]]
        if given[0] == "fixed":
            return game.against_fixed(*price, discount)[firm, None]
        return game.against_grim_trigger(*price, discount)[:, firm, None]

    def _trained(self, learners, runs, seed, options):
        """The learners with what other sessions of the baseline ended with, another one for each firm."""
        baseline = replace(self, initial_q="against_random")
        found = baseline.train(runs, seed, **(options | {"first_run": options.get("first_run", 0) + runs}))
        for k, one in enumerate(learners):
            q = found.tables(k)["q"]
            firms = range(self.agents) if len(learners) == 1 else [k]
            tables = np.stack([np.roll(q[:, :, j], firm + 1, axis=0) for j, firm in enumerate(firms)], axis=2)
            learners[k] = replace(one, initial_q=tables)
        return learners

    def train(self, runs=100, seed=0, **options):
        """Train all runs to their ends.

        Parameters
        ----------
        runs : int
            R.
        seed : int
            Of all runs.
        **options
            Of :func:`marlfast.train`.

        Returns
        -------
        Result
            Of all runs.
        """
        learners = self.learners()
        if self.initial_q == "trained":
            learners = self._trained(learners, runs, seed, options)
        return train(self.game, _team(learners), runs=runs, seed=seed, **(self._how() | options))

    def _how(self):
        return {"record_every": 0, "stop": GreedyStable(self.stable), "steps": self.max_periods}

    def experiment(self):
        if self.initial_q == "trained":
            raise ValueError("initial_q: 'trained' needs sessions of the baseline first; use train")
        return experiment_of(self.game, _team(self.learners()), self._how() | {"runs": 1, "seed": 0})

    def outcomes(self, result):
        """Find out what becomes of the firms, once they no longer learn.

        Parameters
        ----------
        result : Result
            Of ``train``.

        Returns
        -------
        dict of str to ndarray
            ``converged`` bool [R]; ``periods`` [R] before those in which nothing changed; ``greedy`` [R, S, n];
            ``path`` [R, L] of the limit cycle (-1 after its end) and its ``length`` [R]; ``gain`` [R, n], the mean
            over the cycle; ``equilibrium`` bool [R], on the path.
        """
        game = self.game
        learned = analysis.strategies(game, result)
        cycles = analysis.limit_cycles(game, learned)
        equilibrium = np.ones(len(cycles.length), bool)
        for discount in set(self.discounts):
            test = analysis.nash_test(game, learned, discount)
            for agent in np.flatnonzero(np.array(self.discounts) == discount):
                equilibrium &= (test.best[:, :, agent] | ~test.path).all(axis=1)
        converged = np.array(result.stop_reason) == "greedy stable"
        return {"converged": converged, "periods": result.steps - np.where(converged, self.stable, 0),
                "greedy": learned.actions, "path": cycles.states, "length": cycles.length,
                "gain": game.profit_gain(cycles.mean_rewards), "equilibrium": equilibrium}

    def figures(self, runs, seed, threads=None, progress=False):
        found = self.outcomes(self.train(runs, seed, threads=threads, progress=progress))
        known, over = self.published, self.runs
        gains = found["gain"].mean(axis=1)
        figures = [
            share("runs that converge", found["converged"], known(1.0), over),
            mean("periods until then", found["periods"], known(1_751_250.0), over=over, digits=0),
            mean("profit gain", gains, known(0.849), 0.112 / math.sqrt(over), rounding=5e-4),
        ]
        if runs > 1:
            deviation = float(gains.std(ddof=1))
            figures.append(Figure("its standard deviation over runs", deviation, deviation / math.sqrt(2 * (runs - 1)),
                                  known(0.112), 0.112 / math.sqrt(2 * (over - 1)), rounding=5e-4))
        figures += [
            share("limit cycles of one period", found["length"] == 1, known(0.643), over, rounding=5e-4),
            share("limit cycles of two periods", found["length"] == 2, known(0.238), over, rounding=5e-4),
            share("equilibria on the path", found["equilibrium"], known(0.505), over, rounding=5e-4),
        ]
        return figures, []


argument(Calvano2020, "most_periods", "max_periods")
synonyms(Calvano2020, alpha="learning_rate", delta="discount", beta="decay", mu="differentiation", xi="margin",
         firms="agents")


def _team(learners):
    return learners[0] if len(learners) == 1 else learners


def _learner(learning_rate, discount, decay, initial_q):
    # The original explores where u <= epsilon, and multiplies epsilon by exp(-decay) after every use.
    # Which of equal values is greedy at first it draws, and then keeps to it until another is greater.
    return IQL(learning_rate, discount, EpsilonGreedy(Exponential(1.0, math.exp(-decay)), strict=False,
                                                      ties="incumbent", draws=2), initial_q=initial_q)
