"""The two-step game, in which a team's value is not a sum of its agents' values."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.decomposition import joint_values
from marlfast.errors import integer, real
from marlfast.exploration import EpsilonGreedy
from marlfast.games.markov import MarkovGame
from marlfast.games.two_step import TwoStep
from marlfast.learners.mixing import QMIX, VDN
from marlfast.learners.q_learning import IQL
from marlfast.reproduce.base import Study, mean, share
from marlfast.schedules import Harmonic
from marlfast.train import train

# What was learned: values of the joint actions (first agent's action, second's) in three states, as far as we know.
PUBLISHED = {
    "qmix": {"1": (6.93, 6.93, 7.92, 7.92), "2A": (7.00, 7.00, 7.00, 7.00), "2B": (0.00, 1.00, 1.00, 8.00)},
    "vdn": {"1": (6.94, 6.94, 6.35, 6.36), "2A": None, "2B": (-1.87, 2.31, 2.33, 6.51)},
}
NOT_A_SUM = ("VDN: published are one network's values, and what no sum can say is a matter of how it was trained. The "
             "sum that errs least in 2B, all joint actions as likely, says -1.5, 2.5, 2.5 and 6.5, and of the risky "
             "branch in state 1 0.99 * 6.5 = 6.435; where both take action 1 with probability p, it says -6 p**2 of "
             "(0, 0) and 2 + 12 p - 6 p**2 of (1, 1), which are never -1.87 and 6.51 at once")
EXPLORING = EpsilonGreedy(1.0, ties="first", draws=2)


@dataclass(frozen=True, repr=False, eq=False)
class Qmix2018(Study):
    """One agent's first choice leads to a safe 7, or to a risky 8 for which both must agree.

    Parameters
    ----------
    learning_rate : float
        Of the central and the independent learners.
    discount : float
        Of all of them, in [0, 1].
    episodes : int
        Played at random, all actions as likely.
    mixing_rate : float
        Of QMIX: of its utilities and of its networks.
    hidden : int
        Hidden units of QMIX's networks.
    vdn_rate, vdn_slowing : float
        Of VDN: ``vdn_rate / (1 + vdn_slowing * steps)``, as its errors never end.

    See Also
    --------
    marlfast.games.TwoStep : The game.
    marlfast.learners.QMIX : The learner.

    References
    ----------
    T. Rashid et al., "QMIX: monotonic value function factorisation for deep multi-agent reinforcement
    learning", ICML 2018, section 5.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> reproduce.Qmix2018().central().agents
    1
    """

    name = "qmix2018"
    source = ("T. Rashid et al., \"QMIX: monotonic value function factorisation for deep multi-agent reinforcement "
              "learning\", ICML 2018, section 5")
    runs = 100
    learning_rate: float = 0.1
    discount: float = 0.99
    episodes: int = 10_000
    mixing_rate: float = 0.02
    hidden: int = 8
    vdn_rate: float = 0.1
    vdn_slowing: float = 1e-3

    def __post_init__(self):
        for name in ("learning_rate", "discount", "mixing_rate", "vdn_rate"):
            self._set(**{name: real(name, getattr(self, name), 0.0, 1.0)})
        self._set(episodes=integer("episodes", self.episodes, 1), hidden=integer("hidden", self.hidden, 1),
                  vdn_slowing=real("vdn_slowing", self.vdn_slowing, 0.0))

    def central(self):
        """Make the game for one agent that chooses for both.

        Returns
        -------
        Game
            With an action for every joint action.
        """
        game = TwoStep().arrays()
        rewards = np.asarray(game.rewards)
        rewards = rewards[..., 0] if rewards.ndim == 3 else rewards         # the same for both
        return MarkovGame(game.transitions, rewards, (4,), terminal=game.terminal)

    def figures(self, runs, seed, threads=None, progress=False):
        options = {"episodes": self.episodes, "runs": runs, "seed": seed, "threads": threads, "record_every": 0,
                   "progress": progress}
        learner, figures = IQL(self.learning_rate, self.discount, EXPLORING), []
        q = train(self.central(), learner, **options).q[:, :3, 0]
        figures += self._values("central", {name: q[:, k] for k, name in enumerate(PUBLISHED["qmix"])},
                                PUBLISHED["qmix"])
        for one in (QMIX(self.mixing_rate, self.mixing_rate, self.discount, EXPLORING, hidden=self.hidden, buffer=0,
                         optimizer="sgd", double=False),
                    VDN(Harmonic(self.vdn_rate, self.vdn_slowing), self.discount, EXPLORING)):
            result, known = train(TwoStep(), one, **options), PUBLISHED[one.name]
            learned = {name: np.array([joint_values(result, k, run=r).ravel() for r in range(runs)])
                       for k, name in enumerate(known)}
            figures += self._values(one.name, learned, known)
            figures.append(share(f"{one.name}: runs that choose the 8", self._take_the_8(result.q),
                                 self.published(float(one.name == "qmix"))))
        q = train(TwoStep(), learner, **options).q[:, :3]
        figures.append(share("independent: runs that choose the risky branch",
                             q[:, 0, 0, 1] > q[:, 0, 0, 0]))
        for agent in range(2):
            for a in range(2):
                figures.append(mean(f"independent: value of {a} to agent {agent} in 2B", q[:, 2, agent, a], digits=2))
        return figures, ["The central learner is held against the values of QMIX, which are the true ones."]

    def _values(self, who, learned, known):
        """Figures of all joint actions' values, {state: [R, 4]}."""
        return [mean(f"{who}: value of ({a // 2}, {a % 2}) in {name}", values[:, a],
                     None if known[name] is None else self.published(known[name][a]), rounding=5e-3, digits=2,
                     why=NOT_A_SUM if who == "vdn" else "")
                for name, values in learned.items() for a in range(4)]

    @staticmethod
    def _take_the_8(q):
        """Where greedy play goes to the risky branch and agrees there: bool [R]."""
        return (q[:, 0, 0].argmax(axis=1) == 1) & (q[:, 2].argmax(axis=2) == 1).all(axis=1)
