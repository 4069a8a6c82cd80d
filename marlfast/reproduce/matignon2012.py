"""Independent learners with a common reward: which of them find the best joint action."""
import dataclasses
from dataclasses import dataclass

import numpy as np

from marlfast.errors import choice, integer, real
from marlfast.exploration import Boltzmann, EpsilonGreedy
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
FIRST_POLICIES = {"random": "incumbent", "action 0": "first"}       # and what they are to an exploration
# Those whose figures the first policy decides, and in which game.
DECIDED = {("distributed_q", "climbing, partly by chance"), ("recursive_fmq", "climbing, by chance")}


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
    epsilon : float
        Exploration of distributed Q-learning and of recursive FMQ; WoLF-PHC has its default.
    fmq_rate : float
        The rate at which recursive FMQ learns frequencies.
    fmq_repetitions : int
        Rounds of a trial of recursive FMQ.
    first_policy : {"random", "action 0"}
        Which of equal values is greedy before anything was learned: any, as likely, or the first action of all agents,
        which in the climbing game is the optimum already.

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
    epsilon: float = 0.1
    fmq_rate: float = 0.01
    fmq_repetitions: int = 5000
    first_policy: str = "random"

    def __post_init__(self):
        for name in ("learning_rate", "decrease_rate", "decay", "epsilon", "fmq_rate"):
            self._set(**{name: real(name, getattr(self, name), 0.0, 1.0)})
        for name in ("repetitions", "fmq_repetitions"):
            self._set(**{name: integer(name, getattr(self, name), 1, 2**62)})
        self._set(temperature=real("temperature", self.temperature))
        choice("first_policy", self.first_policy, tuple(FIRST_POLICIES))
        # A falling temperature needs a minimum: one that these repetitions do not reach.
        least = max(1e-12, self.temperature * self.decay ** (self.repetitions + 1))
        ties = FIRST_POLICIES[self.first_policy]
        self._set(softmax=Boltzmann(Exponential(self.temperature, self.decay, minimum=min(least, self.temperature)),
                                    ties=ties), greedy=EpsilonGreedy(self.epsilon, ties=ties))

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
        explore = self.greedy if name in ("distributed_q", "recursive_fmq") else self.softmax
        ours = {"learning_rate": self.learning_rate, "decrease_rate": self.decrease_rate,
                "frequency_rate": self.fmq_rate, "discount": 0.0, "explore": explore.to_dict(), "initial_q": 0.0}
        if name == "wolf_phc":
            ours["explore"] = EpsilonGreedy(0.05, ties=FIRST_POLICIES[self.first_policy]).to_dict()
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
        steps = self.fmq_repetitions if name == "recursive_fmq" else self.repetitions
        result = train(game, self.learner(name), steps=steps, runs=runs, seed=seed, record_every=0, **options)
        joint = np.array([result.policy(run, kind="greedy")([[0.0]]) for run in range(runs)])
        worth = game.expected[..., 0]
        return worth[tuple(joint.T)] == worth.max()

    def figures(self, runs, seed, threads=None, progress=False):
        present = names("learner")
        figures, other = [], next(one for one in FIRST_POLICIES if one != self.first_policy)
        otherwise = dataclasses.replace(self, first_policy=other)
        for name, published in PUBLISHED.items():
            if name in present:
                for (word, game), known in zip(GAMES.items(), published, strict=True):
                    found = self.best(name, game, runs, seed, threads=threads, progress=progress)
                    # How many repetitions and what temperatures there were is not known for certain.
                    figures.append(share(f"{WORDS[name]}, {word}", found, self.published(known), self.runs,
                                         rounding=0.05, digits=2))
                    if (name, word) in DECIDED:
                        figures.append(share(f"  first policy: {other}", otherwise.best(
                            name, game, runs, seed, threads=threads, progress=progress), digits=2))
        notes = ["Five points of every difference count as what the unknown number of repetitions may make."]
        if set(PARAMETERS_UNKNOWN) & set(present):
            notes.append("Of " + ", ".join(WORDS[name] for name in PARAMETERS_UNKNOWN if name in present)
                         + " the published parameters could not be read: they have ours. What they do before anything "
                         "was learned decides two of the figures; it was not told, and a random first policy fits.")
        missing = [name for name in PUBLISHED if name not in present]
        if missing:
            notes.append("Left out, because there is no such learner here: " + ", ".join(missing) + ".")
        return figures, notes
