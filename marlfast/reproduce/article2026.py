"""The article this package began with: its remedies beside its independent learners, on its game and on its task."""
import sys
from dataclasses import dataclass, field

import numpy as np

from marlfast import learners
from marlfast.encoders import Rounding
from marlfast.errors import integer
from marlfast.evaluate import evaluate
from marlfast.exploration import EpsilonGreedy
from marlfast.games.allocation import TaskAllocation
from marlfast.games.drift import Drift
from marlfast.learners.q_learning import IQL
from marlfast.reproduce.base import Report, Study, mean
from marlfast.rewards import Diversity, Redundancy, competitive, cooperative, mixed
from marlfast.train import train

SETTINGS = ("cooperative", "competitive", "mixed")
EVALUATION_EPISODES = 20
POINTS = 50                     # of a learning curve


@dataclass(frozen=True)
class Comparison(Report):
    """What the article's comparison gave.

    Attributes
    ----------
    greedy : dict of (game, setting, learner, shaped) to float64 [R]
        Team return of what was learned, played greedily: a mean over episodes, without shaping.
    curves : dict of the same to float64 [R, points]
        Team return while learning, without shaping.
    others : dict of str to dict of str to float
        By game: the team return of policies that learn nothing.
    """

    greedy: dict = field(default_factory=dict)
    curves: dict = field(default_factory=dict)
    others: dict = field(default_factory=dict)

    def __str__(self):
        lines = ["Team return (mean over agents) of the greedy policies, without shaping; in brackets the standard "
                 f"error over {self.runs} runs"]
        names = list(dict.fromkeys(key[2] for key in self.greedy))
        for game, known in self.others.items():
            lines += ["", f"{game}: " + ", ".join(f"{name} {value:.1f}" for name, value in known.items())]
            cells = [("", "", *names)]
            for setting in SETTINGS:
                for shaped in (False, True):
                    row = [setting if not shaped else "", "the article's shaping" if shaped else "no shaping"]
                    for name in names:
                        values = self.greedy[game, setting, name, shaped]
                        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
                        row.append(f"{values.mean():.1f} ({error:.1f})")
                    cells.append(tuple(row))
            widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
            lines += ["  ".join(cell.ljust(w) if k < 2 else cell.rjust(w) for k, (cell, w) in
                                enumerate(zip(row, widths, strict=True))).rstrip() for row in cells]
        return "\n".join([*lines, "", *self.notes])

    def table(self):
        """A row for each team: game, setting, method, whether it was shaped, mean greedy team return, its error."""
        keys = list(self.greedy)
        values = list(self.greedy.values())
        return {**{name: np.array([key[k] for key in keys]) for k, name in enumerate(
                    ("game", "setting", "method", "shaped"))},
                "team_return": np.array([own.mean() for own in values]),
                "error": np.array([own.std(ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan for own in values])}

    def draw(self, path):
        """Save the learning curves as a picture: a row for each game, a column for each setting.

        Parameters
        ----------
        path : str or path-like
            The file to write; ends in .png, .svg or .pdf.
        """
        from marlfast.plotting import style

        games = list(self.others)
        picture = style.figure((11.0, 2.9 * len(games) + 0.6))
        axes = picture.subplots(len(games), len(SETTINGS), squeeze=False, sharex="row", sharey="row")
        names = list(dict.fromkeys(key[2] for key in self.greedy))
        colours = style.colours(len(names))
        for (game, setting, name, shaped), values in self.curves.items():
            ax = axes[games.index(game)][SETTINGS.index(setting)]
            at = (np.arange(values.shape[1]) + 0.5) * self.study.episodes / values.shape[1]
            colour, middle = colours[names.index(name)], values.mean(axis=0)
            ax.plot(at, middle, color=colour, linewidth=1.5, linestyle="--" if shaped else "-",
                    label=name + (", shaped" if shaped else ""))
            if len(values) > 1:
                error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
                ax.fill_between(at, middle - 2.0 * error, middle + 2.0 * error, color=colour, alpha=0.15, linewidth=0)
        for k, game in enumerate(games):
            for j, setting in enumerate(SETTINGS):
                ax = axes[k][j]
                ax.set_title(f"{game}, {setting}", fontsize=10)
                style.quiet(ax, grid="both")
                style.labels(ax, x="episode" if k == len(games) - 1 else "")
            style.labels(axes[k][0], y="team return")
        handles, labels = axes[0][0].get_legend_handles_labels()
        picture.legend(handles, labels, loc="outside lower center", ncols=len(names), fontsize=9, frameon=False)
        style.save_picture(picture, path)


@dataclass(frozen=True, repr=False, eq=False)
class Article2026(Study):
    """The article's comparison: whether shared parameters, central training and shaping help a team that learns.

    Parameters
    ----------
    episodes : int
        Of each training.
    decimals : int
        The article rounds what the agents of its game see to one decimal; with 0, there are episodes enough for the
        rows.

    See Also
    --------
    marlfast.games.Drift : The article's game.
    Study.run : Runs it.

    Notes
    -----
    The article promises these methods and publishes no numbers, so that there is nothing to compare with: the
    comparison itself is what is missing there.

    References
    ----------
    "Multi-Agent Reinforcement Learning for Task Optimization: Agents That Improve Together", CallSphere
    blog, 2026.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> sorted(reproduce.Article2026().games())
    ['drift', 'task allocation']
    """

    name = "article2026"
    source = ("\"Multi-Agent Reinforcement Learning for Task Optimization: Agents That Improve Together\", CallSphere "
              "blog, 2026")
    runs = 100
    cheap = 30
    report = Comparison
    episodes: int = 2000
    decimals: int = 0

    def __post_init__(self):
        self._set(episodes=integer("episodes", self.episodes, POINTS),
                  decimals=integer("decimals", self.decimals, -3, 3))

    def games(self):
        """Give the games of the comparison.

        Returns
        -------
        dict of str to (Game, Encoder or None)
            Each with the encoder of its observations.
        """
        return {"drift": (Drift(), Rounding(self.decimals)), "task allocation": (TaskAllocation(credit="own"), None)}

    def learners(self):
        """Give the learners of the comparison; each explores less and less, over the first half of the training.

        Returns
        -------
        dict of str to Learner
            By the name that tables and pictures have.
        """
        explore = EpsilonGreedy(1.0, decay=0.01 ** (2.0 / self.episodes), minimum=0.01, ties="first", draws=2)
        return {
            "independent": IQL(0.1, 0.95, explore), "shared table": IQL(0.1, 0.95, explore, share="all"),
            "VDN": learners.VDN(0.1, discount=0.95, explore=explore),
            "QMIX": learners.QMIX(0.1, 0.002, discount=0.95, explore=explore, buffer=0, optimizer="sgd",
                                  double=False),
            "MAPPO": learners.MAPPO(discount=0.95),
        }

    def structures(self, game):
        """Give the settings: all for all, each for itself, two teams.

        Parameters
        ----------
        game : Game
            Its agents are divided.

        Returns
        -------
        dict of str to (Structure, tuple or None)
            Of each setting the reward structure and the teams.
        """
        agents = list(range(game.agents))
        half = len(agents) // 2
        two = [agents[:half], agents[half:]]
        return {"cooperative": (cooperative(), [agents]), "competitive": (competitive(), [[i] for i in agents]),
                "mixed": (mixed(two), two)}

    def figures(self, runs, seed, threads=None, progress=False):
        greedy, curves, others = {}, {}, {}
        record_every = max(1, self.episodes // POINTS)
        for title, (game, encoder) in self.games().items():
            others[title] = self._others(game, seed, threads)
            for setting, (rewards, teams) in self.structures(game).items():
                for name, one in self.learners().items():
                    for shaped in (False, True):
                        if progress:
                            print(f"{title}, {setting}, {name}{', shaped' if shaped else ''}", file=sys.stderr)
                        done = train(
                            game, one, encoder=encoder, rewards=rewards, teams=teams, runs=runs, seed=seed,
                            shaping=(Diversity(0.2), Redundancy(0.1)) if shaped else (), episodes=self.episodes,
                            record_every=record_every, threads=threads)
                        key = title, setting, name, shaped
                        curves[key] = done.team_returns
                        greedy[key] = evaluate(game, done, EVALUATION_EPISODES, seed=seed,
                                               threads=threads).team_returns.mean(axis=1)
        figures = tuple(mean(", ".join([*key[:3], "shaped" if key[3] else "not shaped"]), values, digits=1)
                        for key, values in greedy.items())
        notes = (f"{self.episodes:,} episodes of training; {EVALUATION_EPISODES} episodes of evaluation for each run.",
                 "Nothing was published to compare with.")
        return figures, notes, greedy, curves, others

    @staticmethod
    def _others(game, seed, threads):
        """Team returns of who learns nothing: random actions, and always the first action."""
        still = np.zeros(game.agents, np.int32)
        return {"random actions": evaluate(game, "random", 200, seed=seed, threads=threads).mean,
                "always action 0": evaluate(game, lambda observation: still, 200, seed=seed).mean}
