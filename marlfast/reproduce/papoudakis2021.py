"""Level-based foraging, the benchmark of cooperative deep learners, by tables and tiles."""
import time
from dataclasses import dataclass

import numpy as np

from marlfast.encoders import Grid, Tiles
from marlfast.errors import choice, integer, real, shown, unknown
from marlfast.evaluate import evaluate
from marlfast.exploration import EpsilonGreedy
from marlfast.games.foraging import LevelForaging
from marlfast.learners.q_learning import IQL
from marlfast.reproduce.base import Study, mean
from marlfast.rewards import cooperative
from marlfast.train import train

TASKS = {
    "8x8-2p-2f-coop": {"players": 2, "size": 8, "food": 2, "cooperative": True},
    "2s-8x8-2p-2f-coop": {"players": 2, "size": 8, "food": 2, "cooperative": True, "sight": 2},
    "10x10-3p-3f": {"players": 3, "size": 10, "food": 3},
    "2s-10x10-3p-3f": {"players": 3, "size": 10, "food": 3, "sight": 2},
    "15x15-3p-5f": {"players": 3, "size": 15, "food": 5},
    "15x15-4p-3f": {"players": 4, "size": 15, "food": 3},
    "15x15-4p-5f": {"players": 4, "size": 15, "food": 5},
}
# What an agent looks at: how many foods, and whether at one of the others, or all.
FEATURES = {"first": (1, 1), "tiles": (1, 1), "places": (None, None)}
EVALUATED = 1000        # episodes of each run
ANY = 1e9               # beyond every feature: what is ignored is one cell


@dataclass(frozen=True, repr=False, eq=False)
class Papoudakis2021(Study):
    """Q-learning with one table for all agents on the foraging tasks of the EPyMARL benchmark.

    Parameters
    ----------
    tasks : sequence of str
        Names of the tasks, such as ``"8x8-2p-2f-coop"``, ``"2s-10x10-3p-3f"``.
    features : {"tiles", "first", "places"}
        What tables know of an observation: the places of the first food seen, oneself and the next agent, by tiles of
        two and four of these numbers, whose values are added up; the same by a row for each combination; or the places
        of all food and all agents. None knows levels.
    steps : int
        Of training, in each run.
    learning_rate, discount : float
        Of Q-learning.
    minimum : float
        What epsilon falls to from 1, by the middle of training.

    See Also
    --------
    marlfast.games.LevelForaging : The game.
    Study.run : Runs it.

    References
    ----------
    G. Papoudakis, F. Christianos, L. Schäfer, S. V. Albrecht, "Benchmarking multi-agent deep reinforcement learning
    algorithms in cooperative tasks", NeurIPS 2021 Datasets and Benchmarks.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> report = reproduce.Papoudakis2021(tasks=["8x8-2p-2f-coop"], steps=2000).run(runs=1)
    >>> [figure.what for figure in report.figures]
    ['8x8-2p-2f-coop, exploring', '8x8-2p-2f-coop, greedy']
    """

    name = "papoudakis2021"
    source = ('G. Papoudakis, F. Christianos, L. Schäfer, S. V. Albrecht, "Benchmarking multi-agent deep reinforcement '
              'learning algorithms in cooperative tasks", NeurIPS 2021')
    runs = 5
    cheap = 1
    tasks: tuple = tuple(TASKS)
    features: str = "tiles"
    steps: int = 10_000_000
    learning_rate: float = 0.1
    discount: float = 0.95
    minimum: float = 0.05

    def __post_init__(self):
        if isinstance(self.tasks, str) or not np.iterable(self.tasks) or not len(self.tasks):
            raise TypeError(f"tasks: expected names of tasks, such as '8x8-2p-2f-coop', got {shown(self.tasks)}")
        for task in self.tasks:
            if task not in TASKS:
                raise ValueError(f"tasks: {unknown('task', task, TASKS)}")
        self._set(tasks=tuple(self.tasks), features=choice("features", self.features, tuple(FEATURES)),
                  steps=integer("steps", self.steps, 1), discount=real("discount", self.discount, 0.0, 1.0),
                  learning_rate=real("learning_rate", self.learning_rate, 0.0, 1.0),
                  minimum=real("minimum", self.minimum, 1e-9, 1.0))

    def encoder(self, game):
        """Which numbers of an observation tables know, and how.

        Parameters
        ----------
        game : LevelForaging
            Whose observations they are.

        Returns
        -------
        Grid or Tiles
            What is ignored is one cell.
        """
        foods, others = FEATURES[self.features]
        foods, others = foods or game.food, game.players - 1 if others is None else others
        side = game.size if game.sight is None else 2 * game.sight + 1
        low, high = np.full((game.food + game.players, 3), -ANY), np.full((game.food + game.players, 3), ANY)
        bins = np.ones((game.food + game.players, 3), np.int64)
        for k in [*range(foods), *range(game.food, game.food + 1 + others)]:
            # Food never lies at the border, and the first is always there to those who see all; others may be unseen.
            never = game.sight is None and (k == 0 or k >= game.food) or k == game.food
            least = (1 if k == 0 and game.sight is None else 0) if never else -1
            most = side - 2 if k < game.food and game.sight is None else side - 1
            low[k, :2], high[k, :2], bins[k, :2] = least - 0.5, most + 0.5, most - least + 1
        arrays = [tuple(array.ravel().tolist()) for array in (low, high, bins)]
        if self.features != "tiles":
            return Grid(*arrays)
        own, other = 3 * game.food, 3 * game.food + 3
        return Tiles(1, *arrays, groups=((0, own), (1, own + 1), (0, 1, own, own + 1), (own, own + 1, other, other + 1),
                                         (0, 1, other, other + 1)))

    def figures(self, runs, seed, threads=None, progress=False):
        figures, notes = [], []
        for task in self.tasks:
            game, begun = LevelForaging(**TASKS[task]), time.perf_counter()
            trained = self.trained(task, runs, seed, threads=threads, progress=progress)
            seconds = time.perf_counter() - begun
            for word, kind in (("exploring", "behaviour"), ("greedy", "policy")):
                played = evaluate(game, trained, EVALUATED, seed=seed, kind=kind, threads=threads)
                # The team's return here is the mean over agents; published ones add agents up.
                figures.append(mean(f"{task}, {word}", game.agents * played.team_returns.mean(axis=1)))
            notes.append(f"{task}: {self.steps:,} steps of each of {runs} runs in {seconds:,.0f} s, "
                         f"{trained.q.shape[1]:,} rows.")
        return figures, ["Rewards of an episode, added up over agents; 1 is the greatest there can be.", *notes]

    def trained(self, task, runs=1, seed=0, **training):
        """Let agents learn a task.

        Parameters
        ----------
        task : str
            Its name.
        runs : int
            R.
        seed : int
            Of all runs.
        **training
            Of :func:`marlfast.train`.

        Returns
        -------
        Result
            What was learned.
        """
        game = LevelForaging(**TASKS[task])
        decay = self.minimum ** min(1.0, 2.0 / self.steps)
        learner = IQL(self.learning_rate, self.discount, EpsilonGreedy(1.0, decay=decay, minimum=self.minimum,
                                                                       per="step"), share="all")
        return train(game, learner, encoder=self.encoder(game), rewards=cooperative(), steps=self.steps, runs=runs,
                     seed=seed, record_every=0, **training)
