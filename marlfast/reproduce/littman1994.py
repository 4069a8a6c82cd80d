"""Soccer players that learn against a random player or a copy of themselves, and those who learn to beat them."""
import dataclasses
from dataclasses import dataclass

import numpy as np

from marlfast.errors import choice, integer, real
from marlfast.exploration import EpsilonGreedy
from marlfast.games.soccer import Soccer
from marlfast.learners.frozen import Frozen
from marlfast.learners.q_learning import IQL
from marlfast.registry import from_dict, names
from marlfast.reproduce.base import Study, mean
from marlfast.result import Result
from marlfast.schedules import Exponential
from marlfast.session import Session
from marlfast.train import train

TEST_STEPS = 100_000
# Who learns, by which learner, and against whom; games won of those won or lost, in per cent, and how many those were.
PLAYERS = {"MR": ("minimax_q", "random", 99.3, 6500), "MM": ("minimax_q", "copy", 99.3, 7200),
           "QR": ("iql", "random", 99.4, 11300), "QQ": ("iql", "copy", 99.5, 8600)}
# Against a challenger that learned to beat it: games won, in per cent, and how many were won or lost.
CHALLENGED = {"MR": (35.0, 4300), "MM": (37.5, 4400), "QR": (0.0, 5500), "QQ": (0.0, 1200)}
GOALS = {"ends": {}, "steps": {"restart": True}}        # of Soccer
STILL = EpsilonGreedy(0.0, ties="first", draws=2)
# A player whose moves are all drawn, each as likely, and who learns nothing.
RANDOM = IQL(0.0, explore=EpsilonGreedy(1.0, ties="first", draws=2))


@dataclass(frozen=True, repr=False, eq=False)
class Littman1994(Study):
    """Players that learn soccer by minimax-Q or Q-learning win nearly every game against a random player.

    Parameters
    ----------
    steps : int
        Of training.
    epsilon : float
        Of exploration in training.
    discount : float
        In [0, 1].
    last_rate : float
        The learning rate falls from 1 to this in geometric steps.
    initial_q : float
        Value of every action at first.
    goals : {"ends", "steps"}
        What a goal is in training: the end of a game, after which nothing is worth anything; or one more step, after
        which play goes on from the middle of the board, and is worth what that is worth.
    challenger_goals : {"ends", "steps"}, optional
        The same in the training of challengers. Default: ``goals``.

    See Also
    --------
    marlfast.games.Soccer : The game.
    marlfast.learners.MinimaxQ : The learner.

    References
    ----------
    M. L. Littman, "Markov games as a framework for multi-agent reinforcement learning", ICML 1994, section 5.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> study = reproduce.Littman1994(steps=2000)
    >>> won, lost = study.test(study.train("minimax_q", "random", seed=0), seed=0)
    >>> won.shape
    (1,)
    """

    name = "littman1994"
    source = ("M. L. Littman, \"Markov games as a framework for multi-agent reinforcement learning\", ICML 1994, "
              "section 5")
    runs = 100
    cheap = 10
    steps: int = 1_000_000
    epsilon: float = 0.2
    discount: float = 0.9
    last_rate: float = 0.01
    initial_q: float = 1.0
    goals: str = "ends"
    challenger_goals: str | None = None

    def __post_init__(self):
        self._set(steps=integer("steps", self.steps, 1, 2**62), epsilon=real("epsilon", self.epsilon, 0.0, 1.0),
                  discount=real("discount", self.discount, 0.0, 1.0), initial_q=real("initial_q", self.initial_q),
                  last_rate=real("last_rate", self.last_rate, 1e-300, 1.0))
        choice("goals", self.goals, tuple(GOALS))
        choice("challenger_goals", self.challenger_goals, (None, *GOALS))

    def learner(self, name):
        """Make a learner with the parameters of this study.

        Parameters
        ----------
        name : str
            Its registered name.

        Returns
        -------
        Learner
            With those parameters that it has.
        """
        rate = Exponential(1.0, self.last_rate ** (1.0 / self.steps))
        return from_dict("learner", {
            "name": name, "learning_rate": rate.to_dict(), "discount": self.discount, "initial_q": self.initial_q,
            "explore": EpsilonGreedy(self.epsilon, ties="first", draws=2).to_dict()})

    def train(self, name, against, runs=1, seed=0, **options):
        """Train one of the players: agent 0 is tested later.

        Parameters
        ----------
        name, against : str
            Registered names of the learner and of its opponent while it learns.
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
        own = self.learner(name)
        other = {"random": RANDOM, "copy": own}[against]
        return train(Soccer(horizon=0, **GOALS[self.goals]), learners=[own, other], steps=self.steps, runs=runs,
                     seed=seed, record_every=0, **options)

    def challenge(self, result, seed=0, threads=None, goals=None):
        """Train a challenger by Q-learning against each run's player, which plays on as it does.

        Parameters
        ----------
        result : Result
            Of ``train``; agent 0 is challenged.
        seed : int
            Of all runs.
        threads : int, optional
            How many; default: as many as there are processors.
        goals : {"ends", "steps"}, optional
            Default: as the study says.

        Returns
        -------
        Result
            In it agent 1 is the challenger.
        """
        champion = result.experiment.learner.learners[0]
        goals = choice("goals", goals or self.challenger_goals or self.goals, tuple(GOALS))
        experiment = result.experiment.replace(
            game=Soccer(horizon=0, **GOALS[goals]), seed=seed,
            learner=[Frozen(champion, explore=STILL), self.learner("iql")])
        arrays = Session(experiment).arrays
        arrays |= {key: array.copy() for key, array in result.arrays.items() if key.startswith("learner.0.")}
        session = Session(experiment, arrays)
        if session.work(threads):
            raise KeyboardInterrupt
        return Result(experiment, session.arrays)

    def test(self, result, seed=0, threads=None, still=True, against="random"):
        """Play without learning or exploring.

        Parameters
        ----------
        result : Result
            Of ``train`` or ``challenge``; agent 0 plays.
        seed : int
            Of the episodes.
        threads : int, optional
            As of :func:`marlfast.train`.
        still : bool
            False: it explores as in training.
        against : {"random", "challenger"}
            A random player; or agent 1 of the result, which does not explore either.

        Returns
        -------
        won : int64 [R]
            Games that the player won, of each run; draws are not counted.
        lost : int64 [R]
            Games that it lost.
        """
        runs = len(result.steps)
        own, other = result.experiment.learner.learners
        own = own.learner if isinstance(own, Frozen) else own
        met = ("0.",) if choice("against", against, ("random", "challenger")) == "random" else ("0.", "1.")
        experiment = result.experiment.replace(
            game=Soccer(draw_probability=0.1, horizon=0), steps=TEST_STEPS, seed=seed, record_every=1,
            learner=[_still(own) if still else own, RANDOM if len(met) == 1 else _still(other)])
        arrays = dict(Session(experiment, purpose=1, learning=False).arrays)
        kept = (".rate.", ".epsilon.", ".win.", ".lose.")
        for key, array in result.arrays.items():
            if key.startswith(tuple(f"learner.{k}" for k in met)) and not any(word in key for word in kept):
                arrays[key] = array.copy()
        session = Session(experiment, arrays, purpose=1, learning=False)
        session.loop.begin(0, runs)
        if session.work(threads):
            raise KeyboardInterrupt
        returns = Result(experiment, session.arrays).returns[:, :, 0]
        return (returns > 0).sum(axis=1), (returns < 0).sum(axis=1)

    def figures(self, runs, seed, threads=None, progress=False):
        present, figures, missing = names("learner"), [], []
        for player, (name, against, known, games) in PLAYERS.items():
            if name not in present:
                missing.append(player)
                continue
            result = self.train(name, against, runs, seed, threads=threads, progress=progress)
            figures += self._played(f"{player}", self.test(result, seed, threads), known, games)
            goals = self.challenger_goals or self.goals
            other = next(one for one in GOALS if one != goals)
            challenged, otherwise = (self.test(self.challenge(result, seed, threads, one), seed, threads,
                                               against="challenger") for one in (goals, other))
            figures += self._played(f"{player}, challenged", challenged, *CHALLENGED[player])
            beside = self._played(f"  by one to whom goals are {other}", otherwise, 0.0, 0)[0]
            figures.append(dataclasses.replace(beside, published=None, published_error=0.0))
        notes = ["M: minimax-Q, Q: Q-learning; second letter: against a random player, or a copy of itself. Played "
                 "against a random player; challenged: against a player that has learned to beat it. The published "
                 "figures are of one run each, and one player is better than another."]
        if missing:
            notes.append(f"Left out, because there is no learner 'minimax_q' here: {', '.join(missing)}.")
        return figures, notes

    def _played(self, who, played, known, games):
        """Figures of games that were played: (won, lost) int64 [R]. Published are those of one player."""
        won, lost = played
        return [mean(f"{who}: games won, per cent", 100.0 * won / np.maximum(won + lost, 1), self.published(known),
                     over=1, rounding=0.05, digits=1),
                mean(f"{who}: games won or lost", won + lost, self.published(games), over=1, rounding=50.0, digits=0)]


def _still(learner):
    """The same learner, without exploration."""
    return from_dict("learner", learner.to_dict() | {"explore": STILL.to_dict()})
