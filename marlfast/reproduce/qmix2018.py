"""The two-step game, in which a team's value is not a sum of its agents' values."""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import integer, real
from marlfast.exploration import EpsilonGreedy
from marlfast.games.markov import MarkovGame
from marlfast.games.two_step import TwoStep
from marlfast.learners.iql import IQL
from marlfast.reproduce.base import Study, mean, share
from marlfast.train import train

# What QMIX learned: values of the joint actions (first agent's action, second's) in three states.
QMIX = {"1": (6.93, 6.93, 7.92, 7.92), "2A": (7.00, 7.00, 7.00, 7.00), "2B": (0.00, 1.00, 1.00, 8.00)}
EXPLORING = EpsilonGreedy(1.0)


@dataclass(frozen=True, repr=False, eq=False)
class Qmix2018(Study):
    """One agent's first choice leads to a safe 7, or to a risky 8 for which both must agree.

    Parameters
    ----------
    learning_rate, discount : float
    episodes : int
        Played at random, all actions as likely.

    Notes
    -----
    Source: T. Rashid et al., "QMIX: monotonic value function factorisation for deep multi-agent reinforcement
    learning", ICML 2018, section 5.
    """

    name = "qmix2018"
    source = ("T. Rashid et al., \"QMIX: monotonic value function factorisation for deep multi-agent reinforcement "
              "learning\", ICML 2018, section 5")
    runs = 100
    learning_rate: float = 0.1
    discount: float = 0.99
    episodes: int = 10_000

    def __post_init__(self):
        self._set(learning_rate=real("learning_rate", self.learning_rate, 0.0, 1.0),
                  discount=real("discount", self.discount, 0.0, 1.0), episodes=integer("episodes", self.episodes, 1))

    def central(self):
        """The game for one agent that chooses for both."""
        game = TwoStep().arrays()
        rewards = np.asarray(game.rewards)
        rewards = rewards[..., 0] if rewards.ndim == 3 else rewards         # the same for both
        return MarkovGame(game.transitions, rewards, (4,), terminal=game.terminal)

    def figures(self, runs, seed, threads=None, progress=False):
        options = {"episodes": self.episodes, "runs": runs, "seed": seed, "threads": threads, "record_every": 0,
                   "progress": progress}
        learner = IQL(self.learning_rate, self.discount, EXPLORING)
        q = train(self.central(), learner, **options).q[:, :3, 0]
        figures = []
        for state, (name, known) in enumerate(QMIX.items()):
            for a in range(4):
                figures.append(mean(f"central: value of ({a // 2}, {a % 2}) in {name}", q[:, state, a],
                                    self.published(known[a]), rounding=5e-3, digits=2))
        q = train(TwoStep(), learner, **options).q[:, :3]
        figures.append(share("independent: runs that choose the risky branch",
                             q[:, 0, 0, 1] > q[:, 0, 0, 0]))
        for agent in range(2):
            for a in range(2):
                figures.append(mean(f"independent: value of {a} to agent {agent} in 2B", q[:, 2, agent, a], digits=2))
        return figures, ["Published are the values of QMIX, which a central learner must have too; QMIX and VDN "
                         "themselves are left out."]
