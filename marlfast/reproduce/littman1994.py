"""Soccer players that learn against a random player or a copy of themselves, tested against a random one."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real
from marlfast.exploration import EpsilonGreedy
from marlfast.games.soccer import Soccer
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

    def __post_init__(self):
        self._set(steps=integer("steps", self.steps, 1, 2**62), epsilon=real("epsilon", self.epsilon, 0.0, 1.0),
                  discount=real("discount", self.discount, 0.0, 1.0), initial_q=real("initial_q", self.initial_q),
                  last_rate=real("last_rate", self.last_rate, 1e-300, 1.0))

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
        # A goal begins a new game, from which values are bootstrapped: one episode is the whole training.
        return train(Soccer(restart=True, horizon=0), learners=[own, other], steps=self.steps, runs=runs, seed=seed,
                     record_every=0, **options)

    def test(self, result, seed=0, threads=None, still=True):
        """Play against a random player, without learning or exploring.

        Parameters
        ----------
        result : Result
            Of ``train``; agent 0 plays.
        seed : int
            Of the episodes.
        threads : int, optional
            As of :func:`marlfast.train`.
        still : bool
            False: it explores as in training.

        Returns
        -------
        won : int64 [R]
            Games that the player won, of each run; draws are not counted.
        lost : int64 [R]
            Games that it lost.
        """
        runs = len(result.steps)
        own = result.experiment.learner.learners[0]
        experiment = result.experiment.replace(
            game=Soccer(draw_probability=0.1, horizon=0), steps=TEST_STEPS, seed=seed, record_every=1,
            learner=[_still(own) if still else own, RANDOM])
        arrays = dict(Session(experiment, purpose=1, learning=False).arrays)
        kept = (".rate.", ".level.", ".win.", ".lose.")
        for key, array in result.arrays.items():
            if key.startswith("learner.0.") and not any(word in key for word in kept):
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
            won, lost = self.test(result, seed, threads)
            share = known / 100.0
            figures += [
                mean(f"{player}: games won, per cent", 100.0 * won / np.maximum(won + lost, 1), self.published(known),
                     100.0 * (share * (1.0 - share) / games) ** 0.5, rounding=0.05, digits=1),
                mean(f"{player}: games won or lost", won + lost, self.published(games), over=1, rounding=50.0,
                     digits=0),
            ]
        notes = ["M: minimax-Q, Q: Q-learning; second letter: against a random player, or a copy of itself. The "
                 "published figures are of one run each."]
        if missing:
            notes.append(f"Left out, because there is no learner 'minimax_q' here: {', '.join(missing)}.")
        return figures, notes


def _still(learner):
    """The same learner, without exploration."""
    return from_dict("learner", learner.to_dict() | {"explore": EpsilonGreedy(0.0, ties="first", draws=2).to_dict()})
