"""The battery: every learner on games of every kind, at its defaults. The evidence for defaults, run by one command."""
import warnings
from dataclasses import dataclass

import numpy as np

from marlfast import games, statistics
from marlfast.encoders import Grid, Rounding
from marlfast.errors import MarlfastWarning, TrainingError, real, unknown
from marlfast.evaluate import evaluate
from marlfast.registry import names
from marlfast.reproduce.base import Figure, Report, Study
from marlfast.rewards.structure import cooperative, individual
from marlfast.train import train

POINTS = 20         # of a learning curve
EPISODES = 50       # of an evaluation
GOOD = 0.95         # a score that counts as solved
# Learners of whole teams or single agents that have a default for everything.
LEARNERS = ("iql", "expected_sarsa", "sarsa", "q_lambda", "double_q", "monte_carlo", "hysteretic_q", "distributed_q",
            "frequency_adjusted_q", "lmrl2", "recursive_fmq", "phc", "wolf_phc", "central_q", "jal", "vdn", "qmix",
            "reinforce", "ia2c", "ippo", "maa2c", "coma", "mappo", "weighted_qmix")

# The team return of each game: of random play (8 runs), and of the best there is. Exact where it follows from the game
# (the greatest entry, all food eaten, the optimum by backward induction); else the greatest mean over 30 runs that any
# learner of the battery had, to be raised when one has more. Games in which one wins what another loses have none.
BOUNDS = {
    "climbing, 25 rounds": (-86.1, 275.0, "exact"),
    "penalty, 25 rounds": (-494.4, 250.0, "exact"),
    "two-step": (4.75, 8.0, "exact"),
    "foraging 5x5-2p-1f": (0.2316, 0.5, "exact"),
    "foraging 5x5-2p-1f-coop": (0.0139, 0.5, "exact"),
    "foraging 6x6-2p-1f-coop": (0.0066, 0.5, "exact"),
    "foraging 5x5-3p-1f-coop": (0.0001, 1.0 / 3.0, "exact"),
    "pursuit 5x5": (-0.657, 0.400, "hysteretic_q"),
    "box pushing": (-25.1, 18.32, "lmrl2"),
    "task allocation": (18.6, 35.65, "recursive_fmq"),
    "coin game": (0.0, 8.30, "frequency_adjusted_q"),
    "El Farol": (7.81, 100.0 / 6.0, "exact"),
    "Ising 3x3": (0.0, 50.0, "exact"),
    "drift": (-2014.0, -320.4, "frequency_adjusted_q"),
    "random Markov game": (4.54, 37.606, "exact"),
}


def score(title, team_return):
    """Place a return between random play (0) and the best there is (1); NaN for a game that has no such bounds."""
    random, best, _ = BOUNDS.get(title, (0.0, np.nan, ""))
    return (team_return - random) / (best - random)


def some_markov_game(states=8, seed=5):
    """Make a random game of two agents who earn the same."""
    random = np.random.default_rng(seed)
    transitions = random.dirichlet(np.full(states, 0.3), size=(states, 9))
    return games.MarkovGame(transitions, random.normal(size=(states, 9)), (3, 3), horizon=25)


@dataclass(frozen=True)
class BatteryReport(Report):
    """What a battery gave, game by game.

    Attributes
    ----------
    study : Battery
        What was run.
    figures : tuple of Figure
        Empty: nothing was published.
    notes : tuple of str
        What was left out, and what else there is to know.
    runs : int
        Of each game and learner.
    seed : int
        Of all runs.
    seconds : float
        How long it took.
    cells : tuple of dict
        Of each game and learner that took it: the columns of :meth:`table`.

    See Also
    --------
    Battery : Makes it.
    """

    cells: tuple = ()

    def table(self):
        """A row for each game and learner that took it.

        Returns
        -------
        dict of str to ndarray
            ``game``, ``learner``, ``team_return`` (of what is played after training, of agent 0 where two earn 0
            together: interquartile mean over runs that did not fail), ``low`` and ``high`` (its 95 % interval),
            ``score`` ((team return - random play) / (best - random play), by ``BOUNDS``; NaN in games without),
            ``area`` (mean return over training), ``failed`` (how many runs), ``runs``.
        """
        keys = ("game", "learner", "team_return", "low", "high", "score", "area", "failed", "runs")
        return {key: np.array([cell[key] for cell in self.cells]) for key in keys}

    def __str__(self):
        cells = self.cells
        lines = []
        for game in dict.fromkeys(cell["game"] for cell in cells):
            own = sorted((cell for cell in cells if cell["game"] == game),
                         key=lambda cell: -np.nan_to_num(cell["team_return"], nan=-np.inf))
            lines.append(game)
            lines += [f"  {cell['learner']:<22}{cell['team_return']:>10.3f}  [{cell['low']:.3f}, {cell['high']:.3f}]  "
                      + ("" if np.isnan(cell["score"]) else f"score {cell['score']:.2f}  ")
                      + f"area {cell['area']:.3f}" + (f"  failed {cell['failed']} of {cell['runs']}" if cell["failed"]
                                                    else "") for cell in own]
        return "\n".join([*lines, "", *self.notes])

    def draw(self, path):
        """Save a picture: each game's returns from the least (light) to the greatest (dark), failures crossed out.

        Parameters
        ----------
        path : str or path-like
            Ends in .png, .svg or .pdf.
        """
        from marlfast.plotting.style import axes_for, save_picture

        rows, columns = (list(dict.fromkeys(cell[key] for cell in self.cells)) for key in ("game", "learner"))
        values, failed = np.full((len(rows), len(columns)), np.nan), []
        for cell in self.cells:
            at = rows.index(cell["game"]), columns.index(cell["learner"])
            values[at] = cell["team_return"]
            failed += [at] * (cell["failed"] > 0)
        low, high = (limit(values, axis=1, keepdims=True) for limit in (np.nanmin, np.nanmax))
        ax = axes_for(None, "a picture", (1.5 + 0.36 * len(columns), 1.5 + 0.3 * len(rows)))
        ax.imshow((values - low) / np.where(high > low, high - low, 1.0), cmap="Blues", vmin=0.0, vmax=1.3,
                  aspect="auto")
        for row, column in failed:
            ax.text(column, row, "x", ha="center", va="center")
        ax.set_xticks(range(len(columns)), columns, rotation=90)
        ax.set_yticks(range(len(rows)), rows)
        save_picture(ax.figure, path)

    def summary(self):
        """Say in one sentence how many runs there were, and how many failed.

        Returns
        -------
        str
            Without a line break.
        """
        cells = self.cells
        failed = sum(cell["failed"] for cell in cells)
        good = sum(cell["score"] >= GOOD for cell in cells)
        scored = sum(not np.isnan(cell["score"]) for cell in cells)
        return (f"{len(cells)} pairs of a game and a learner, {self.runs} runs each: {failed} of "
                f"{len(cells) * self.runs} runs failed; {good} of {scored} pairs score {GOOD} or more.")


@dataclass(frozen=True, repr=False, eq=False)
class Battery(Study):
    """Every learner that has defaults for everything, on games of every kind that it takes.

    Parameters
    ----------
    share : float
        Of the steps that each game gets, such as .1 for a first look.
    only : sequence of str, optional
        Names of learners. Default: all.

    See Also
    --------
    Study.run : Runs it.

    Notes
    -----
    Nothing was published. Agents learn from the mean of what all earn, but where one wins what another loses. What is
    reported of a run is the team return (the mean over agents) of what it plays after training, without exploring.

    Examples
    --------
    >>> from marlfast import reproduce
    >>> len(reproduce.Battery().games())
    17
    >>> report = reproduce.Battery(share=0.01, only=["iql", "vdn"]).run(runs=2, seed=0)
    >>> sorted(set(report.table()["learner"].tolist()))
    ['iql', 'vdn']
    """

    name = "battery"
    source = "Not published: the evidence for the defaults of this library"
    runs = 30
    cheap = 5
    report = BatteryReport
    share: float = 1.0
    only: tuple | None = None

    def __post_init__(self):
        self._set(share=real("share", self.share, 1e-6, 1e3))
        if self.only is not None:
            only = (self.only,) if isinstance(self.only, str) else tuple(self.only)
            for one in only:
                if one not in LEARNERS:
                    raise unknown("learner of the battery", one, LEARNERS)
            self._set(only=only)

    def games(self):
        """Give the games, what agents see of them, and how many steps each gets.

        Returns
        -------
        dict of str to (Game, Encoder or None, int)
            By the name that the table has.
        """
        rounding, foraging = Rounding(0), games.LevelForaging
        return {
            "climbing, 25 rounds": (games.Climbing(horizon=25), None, 50_000),
            "penalty, 25 rounds": (games.Penalty(horizon=25), None, 50_000),
            "two-step": (games.TwoStep(), None, 20_000),
            "foraging 5x5-2p-1f": (foraging(2, 5, 1), rounding, 2_000_000),
            "foraging 5x5-2p-1f-coop": (foraging(2, 5, 1, cooperative=True), rounding, 2_000_000),
            "foraging 6x6-2p-1f-coop": (foraging(2, 6, 1, cooperative=True), rounding, 4_000_000),
            "foraging 5x5-3p-1f-coop": (foraging(3, 5, 1, cooperative=True), rounding, 4_000_000),
            "pursuit 5x5": (games.Pursuit(5, 5, hunters=2, horizon=50), None, 400_000),
            "box pushing": (games.BoxPushing(horizon=50), None, 200_000),
            "task allocation": (games.TaskAllocation(credit="own"), None, 200_000),
            "soccer": (games.Soccer(horizon=50), None, 50_000),
            "matching pennies": (games.MatchingPennies(horizon=25), None, 50_000),
            "coin game": (games.CoinGame(horizon=25), rounding, 200_000),
            "El Farol": (games.ElFarol(6, capacity=4, horizon=25), None, 200_000),
            "Ising 3x3": (games.Ising(3, 3, horizon=25), None, 200_000),
            "drift": (games.Drift(), Grid((-3.0, -4.0), (20.0, 4.0), (12, 4)), 200_000),
            "random Markov game": (some_markov_game(), None, 50_000),
        }

    def figures(self, runs, seed, threads=None, progress=False):
        cells, left = [], []
        for title, (game, encoder, steps) in self.games().items():
            rewards = individual() if game.setting == "competitive" else cooperative()
            for name in self.only or LEARNERS:
                options = {"encoder": encoder if game.observations is None else None, "rewards": rewards,
                           "steps": max(int(steps * self.share), POINTS), "runs": runs, "seed": seed}
                cell = self._cell(game, names("learner")[name](), options, threads)
                if cell is None:
                    left.append(f"{name}: {title}")
                    continue
                cells.append({"game": title, "learner": name, "runs": runs,
                              "score": score(title, cell["team_return"])} | cell)
                if progress:
                    print(f"{title}, {name}: {cell['team_return']:.3f}", flush=True)
        figures = [Figure(f"{cell['game']}, {cell['learner']}", cell["team_return"]) for cell in cells]
        notes = [f"{len(left)} of {len(left) + len(cells)} pairs are left out, as the learner refuses the game."]
        return figures, notes, tuple(cells)

    @staticmethod
    def _cell(game, learner, options, threads):
        """What comes of one learner in one game, or None where it does not take it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MarlfastWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                run = train(game, learner, threads=threads, record_every=1, **options)
            except ValueError:
                return None
            except TrainingError as error:
                run = error.result
            if run.failed.all():
                return dict.fromkeys(("team_return", "low", "high", "area"), np.nan) | {"failed": len(run.failed)}
            who = [0] if game.setting == "competitive" else slice(None)        # both together always earn 0
            area = np.nanmean(run.returns[~run.failed][:, :, who])
            played = evaluate(game, run, episodes=EPISODES, seed=options["seed"] + 1, threads=threads)
        means = np.nanmean(played.returns[:, :, who], axis=(1, 2))
        found = statistics.estimate(means[~run.failed])
        return {"team_return": float(found.value), "low": float(found.low), "high": float(found.high),
                "area": float(area), "failed": int(run.failed.sum())}

