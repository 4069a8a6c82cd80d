"""Independent learners with a common reward: which of them find the best joint action."""
import dataclasses
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real
from marlfast.exploration import Boltzmann
from marlfast.games.classic import Climbing, Penalty
from marlfast.registry import from_dict, names
from marlfast.reproduce.base import Study, share
from marlfast.schedules import Exponential
from marlfast.train import train

GAMES = {"penalty 0": Penalty(k=0.0), "penalty -100": Penalty(k=-100.0), "climbing": Climbing(),
         "climbing, partly by chance": Climbing(chance="partial"), "climbing, by chance": Climbing(chance="full")}
# Shares of trials that end in a best joint action, by game in the order above; None: not published.
PUBLISHED = {
    "iql": (1.00, 0.97, 0.16, None, None),
    "distributed_q": (1.00, 1.00, 1.00, 0.07, None),
    "hysteretic_q": (1.00, 1.00, 1.00, 0.82, 0.00),
    "wolf_phc": (1.00, 0.00, 0.00, None, None),
    "recursive_fmq": (1.00, 1.00, 1.00, 1.00, 0.58),
}
WORDS = {"iql": "decentralised Q", "distributed_q": "distributed Q", "hysteretic_q": "hysteretic Q",
         "wolf_phc": "WoLF-PHC", "recursive_fmq": "recursive FMQ"}
PARAMETERS_UNKNOWN = ("distributed_q", "wolf_phc", "recursive_fmq")
# Learners with rates and an exploration of their own, and how many rounds they get (None: as many as the others).
ON_THEIR_OWN = {"wolf_phc": None, "recursive_fmq": 10_000}


@dataclass(frozen=True, repr=False, eq=False)
class Matignon2012(Study):
    """Two agents with a common reward, who do not see each other's actions, look for the best joint action.

    Parameters
    ----------
    learning_rate, decrease_rate : float
        Those of the paper: alpha and, of hysteretic Q-learning, beta.
    temperature, decay : float
        Softmax at ``temperature * decay ** t``.
    repetitions : int
        Rounds of a trial.

    See Also
    --------
    marlfast.learners.HystereticQ : One of the learners compared.
    marlfast.games.Climbing : One of the games.

    References
    ----------
    L. Matignon, G. J. Laurent and N. Le Fort-Piat, "Independent reinforcement learners in cooperative Markov
    games: a survey regarding coordination problems", Knowledge Engineering Review 27 (2012).

    Examples
    --------
    >>> from marlfast import games, reproduce
    >>> study = reproduce.Matignon2012(repetitions=1000)
    >>> float(study.best("hysteretic_q", games.Climbing(), runs=20, seed=0).mean())
    1.0
    """

    name = "matignon2012"
    source = ("L. Matignon, G. J. Laurent and N. Le Fort-Piat, \"Independent reinforcement learners in cooperative "
              "Markov games: a survey regarding coordination problems\", Knowledge Engineering Review 27 (2012)")
    learning_rate: float = 0.1
    decrease_rate: float = 0.01
    temperature: float = 5000.0
    decay: float = 0.997
    repetitions: int = 3000

    def __post_init__(self):
        for name in ("learning_rate", "decrease_rate", "decay"):
            self._set(**{name: real(name, getattr(self, name), 0.0, 1.0)})
        self._set(temperature=real("temperature", self.temperature),
                  repetitions=integer("repetitions", self.repetitions, 1, 2**62))
        # A falling temperature needs a minimum: one that these repetitions do not reach.
        least = max(1e-12, self.temperature * self.decay ** (self.repetitions + 1))
        self._set(softmax=Boltzmann(Exponential(self.temperature, self.decay, minimum=min(least, self.temperature))))

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
        ours = {"learning_rate": self.learning_rate, "decrease_rate": self.decrease_rate, "discount": 0.0,
                "explore": self.softmax.to_dict(), "initial_q": 0.0}
        if name in ON_THEIR_OWN:
            ours = {"discount": 0.0, "initial_q": 0.0} | (
                {"learning_rate": self.learning_rate} if name == "wolf_phc" else {})
        known = {field.name for field in dataclasses.fields(names("learner")[name])}
        return from_dict("learner", {"name": name} | {key: value for key, value in ours.items() if key in known})

    def best(self, name, game, runs=100, seed=0, **options):
        """Find the trials in which the agents end in a best joint action.

        Parameters
        ----------
        name : str
            Registered name of the learner.
        game : NormalForm
            What they play.
        runs : int
            R, how many trials.
        seed : int
            Of all trials.
        **options
            Of :func:`marlfast.train`.

        Returns
        -------
        bool [R]
            Of each trial.
        """
        result = train(game, self.learner(name), steps=ON_THEIR_OWN.get(name) or self.repetitions, runs=runs,
                       seed=seed, record_every=0, **options)
        joint = np.array([result.policy(run, kind="greedy")([[0.0]]) for run in range(runs)])
        worth = game.expected[..., 0]
        return worth[tuple(joint.T)] == worth.max()

    def figures(self, runs, seed, threads=None, progress=False):
        present = names("learner")
        figures = []
        for name, published in PUBLISHED.items():
            if name in present:
                for (word, game), known in zip(GAMES.items(), published, strict=True):
                    found = self.best(name, game, runs, seed, threads=threads, progress=progress)
                    # How many repetitions and what temperatures there were is not known for certain.
                    figures.append(share(f"{WORDS[name]}, {word}", found, self.published(known), self.runs,
                                         rounding=0.05, digits=2))
        notes = ["Five points of every difference count as what the unknown number of repetitions may make."]
        if set(PARAMETERS_UNKNOWN) & set(present):
            notes.append("Of " + ", ".join(WORDS[name] for name in PARAMETERS_UNKNOWN if name in present)
                         + " the published parameters could not be read: they have ours.")
        missing = [name for name in PUBLISHED if name not in present]
        if missing:
            notes.append("Left out, because there is no such learner here: " + ", ".join(missing) + ".")
        return figures, notes
