"""Several results beside each other: one table, one figure, one page."""
import numpy as np

from marlfast import errors, measures, statistics
from marlfast.errors import among, choice, integer, shown, unknown
from marlfast.result import Result
from marlfast.tables import Tables


def compare(results, *more, measure=None, statistic="iqm", level=0.95, resamples=2000, seed=0):
    """Put results of the same game beside each other.

    Parameters
    ----------
    results : dict of str to Result, or Result
        By label; or results one after the other, which are then called by their learners. In place of a result, the
        path of one.
    *more : Result
        Further ones, where no dict was given.
    measure : str, optional
        What is compared: ``"team_return"``, the mean over the last tenth of each run's episodes; ``"return_0"`` and so
        on, that of one agent; ``"return"``, that of each side, where agents play against each other; or what users of
        the game look at, such as ``"profit_gain"`` (:mod:`marlfast.measures`). Default: the team return, or that of
        each side where the mean over all agents says nothing; where no episode ends, the first of the game's measures.
    statistic : {"iqm", "mean", "median"}
        Of the scores.
    level : float
        How sure the bootstrap intervals are, in (0, 1).
    resamples : int
        How often the bootstrap draws.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Comparison
        With a table, a figure and a page.

    Raises
    ------
    ValueError
        Results of different games, or one without a score.

    See Also
    --------
    marlfast.statistics.probability_of_improvement : How likely one scores higher than the other.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Climbing(horizon=25)
    >>> runs = {learner.name: mf.train(game, learner, rewards=mf.rewards.cooperative(), episodes=200, runs=8, seed=0)
    ...         for learner in (mf.IQL(), mf.learners.HystereticQ())}
    >>> found = mf.compare(runs)
    >>> found.names
    ('iql', 'hysteretic_q')
    """
    results = _named(results, more)
    return Comparison(results, _measure(results, measure), choice("statistic", statistic, ("iqm", "mean", "median")),
                      statistics.level_of(level), integer("resamples", resamples, 1), integer("seed", seed, 0))


class Comparison(Tables):
    """Results of one game beside each other; made by :func:`marlfast.compare`.

    Attributes
    ----------
    results : dict of str to Result
    names : tuple of str
        Their labels, in the order given.
    measure : str
        What is compared.
    scores : dict of str to float64 [R]
        By label, or by label and side, such as ``"iql, agent 0"``; NaN of runs that are left out.
    notes : list of str
        What a reader should know: failed runs, few runs, games with different options.

    See Also
    --------
    marlfast.compare : Makes one.
    """

    def __init__(self, results, measure, statistic, level, resamples, seed):
        self.results, self.names, self.measure = results, tuple(results), measure
        self.statistic, self.level, self.resamples, self.seed = statistic, level, resamples, seed
        self.notes = _notes(results)
        self._how = {"level": level, "resamples": resamples, "seed": seed}
        self._rows = [(f"{name}, {side}" if side else name, name, side, scores) for name, result in results.items()
                      for side, scores in _scores(result, measure)]
        self.scores = {label: scores for label, _, _, scores in self._rows}
        for _, name, _, scores in self._rows:
            if np.isnan(scores).all():
                why = "every run failed" if results[name].failed.all() else \
                    "no episode was recorded" if is_return(measure) else "its learner does not give it"
                raise ValueError(f"results[{name!r}]: has no {measure} to compare, because {why}")

    def __repr__(self):
        return f"Comparison({', '.join(self.names)})"

    def table(self):
        """A row for each result.

        Returns
        -------
        dict of str to ndarray
            ``name``, ``learner``, ``runs`` with a score and ``of`` how many; the statistic, ``low`` and ``high`` end
            of its interval; ``mean``, ``deviation`` (standard, over runs), ``lowest``, ``highest``; and
            ``beats_first``, the probability that a run scores higher than one of the first result. Where agents play
            against each other, each side has a row, whose name ends in it, and is compared with the same side of the
            first result.
        """
        rows, firsts = [], {side: scores for _, name, side, scores in self._rows if name == self.names[0]}
        for label, name, side, scores in self._rows:
            result = self.results[name]
            there = scores[~np.isnan(scores)]
            e = statistics.estimate(scores, self.statistic, **self._how)
            beats = statistics.probability_of_improvement(scores, firsts[side], **self._how).value
            rows.append({
                "name": label, "learner": result.experiment.learner.name, "runs": len(there), "of": len(scores),
                self.statistic: e.value, "low": e.low, "high": e.high, "mean": float(there.mean()),
                "deviation": float(there.std(ddof=1)) if len(there) > 1 else float("nan"),
                "lowest": float(there.min()), "highest": float(there.max()),
                "beats_first": beats if name != self.names[0] else float("nan")})
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}

    def improvement(self):
        """Probability that a run of the row's result scores higher than one of the column's.

        Returns
        -------
        float64 [K, K]
            Of K results (or sides of results, in the order of ``scores``); NaN on the diagonal. Ties count half.
        """
        found = np.full((len(self.scores),) * 2, np.nan)
        for i, one in enumerate(self.scores):
            for j, other in enumerate(self.scores):
                if i != j:
                    found[i, j] = statistics.probability_of_improvement(
                        self.scores[one], self.scores[other], self.level, resamples=1).value
        return found

    def __str__(self):
        columns = self.table()
        head = ("", "runs", statistics.NAMES[self.statistic], f"{100 * self.level:g} % interval", "lowest", "highest",
                f"beats {self.names[0]}")
        rows = [head]
        for k, name in enumerate(self.scores):
            row = {key: column[k] for key, column in columns.items()}
            rows.append((name, f"{row['runs']}" if row["runs"] == row["of"] else f"{row['runs']} of {row['of']}",
                         _text(row[self.statistic]), f"{_text(row['low'])} to {_text(row['high'])}",
                         _text(row["lowest"]), _text(row["highest"]),
                         "" if np.isnan(row["beats_first"]) else f"{row['beats_first']:.2f}"))
        widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
        lines = ["   ".join(cell.ljust(w) if k == 0 else cell.rjust(w)
                            for k, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
        return "\n".join([*lines, "", self.told(), *self.notes])

    def told(self):
        """Say what the scores are.

        Returns
        -------
        str
            A sentence.
        """
        if self.measure == "return":
            return "Scores: mean return of each side over the last tenth of each run's episodes."
        if is_return(self.measure):
            who = "team" if self.measure == "team_return" else f"agent {self.measure.rpartition('_')[2]}'s"
            return f"Scores: mean {who} return over the last tenth of each run's episodes."
        game = next(iter(self.results.values())).experiment.game
        return f"Scores: {measures.known(game)[self.measure]}."

    def plot(self, figure=None, title=None, size=(9.0, 6.5)):
        """Learning curves, scores with their intervals, and performance profiles, in one figure.

        Parameters
        ----------
        figure : matplotlib.figure.Figure, optional
            Where to draw. Default: a new one, made without ``pyplot``.
        title : str, optional
            Default: the game.
        size : (float, float)
            Of a new figure, in inches.

        Returns
        -------
        matplotlib.figure.Figure
            With three axes, or two where no episodes were recorded.
        """
        from marlfast import plotting

        if figure is None:
            figure = plotting.style.figure(size, "a comparison")
        elif not hasattr(figure, "subplot_mosaic"):
            raise TypeError(f"figure: expected a figure of Matplotlib, got {shown(figure)}")
        curves = all(result.team_returns.size for result in self.results.values())
        parts = figure.subplot_mosaic([["curves", "curves"], ["scores", "profiles"]] if curves else
                                      [["scores", "profiles"]])
        if curves:
            plotting.learning_curve(self.results, parts["curves"], self.statistic, runs=False, **self._how)
            parts["curves"].set_title("")
        plotting.intervals(self.scores, parts["scores"], self.statistic, **self._how)
        plotting.profiles(self.scores, parts["profiles"], level=self.level, resamples=min(self.resamples, 1000),
                          seed=self.seed)
        if not is_return(self.measure):
            parts["scores"].set_xlabel(self.measure.replace("_", " "))
            parts["profiles"].set_xlabel(f"threshold ({self.measure.replace('_', ' ')})")
        figure.suptitle(plotting.style.literal(self._game() if title is None else title), x=0.01, ha="left")
        return figure

    def report(self, path="comparison.html", title=None):
        """Write one HTML page that is read without a network. Needs ``marlfast[report]``.

        Parameters
        ----------
        path : str or path-like
            Ends in .html.
        title : str, optional
            Default: the game, and what the results are called.

        Returns
        -------
        pathlib.Path
            Of the page.
        """
        from marlfast.reports import report

        return report(self, path, title)

    def _game(self):
        return next(iter(self.results.values())).experiment.game.name


def _named(results, more):
    """Results by label, checked."""
    if isinstance(results, dict):
        if more:
            raise TypeError("results: a dict has them all; give nothing after it")
        given = dict(results)
    else:
        given = {}
        several = list(results) if isinstance(results, (list, tuple)) else [results]
        for one in [_opened(f"results[{k}]", one) for k, one in enumerate([*several, *more])]:
            name, k = one.experiment.learner.name, 2
            while name in given:
                name, k = f"{one.experiment.learner.name} ({k})", k + 1
            given[name] = one
    if not given:
        raise ValueError("results: expected at least one")
    if len({str(name) for name in given}) < len(given):
        raise ValueError(f"results: expected labels that read differently, got {shown(list(given))}")
    given = {str(name): _opened(f"results[{name!r}]", one) for name, one in given.items()}
    games = {name: one.experiment.game.name for name, one in given.items()}
    if len(set(games.values())) > 1:
        first = next(iter(games))
        other = next(name for name, game in games.items() if game != games[first])
        raise ValueError(f"results: {first!r} is of the game {games[first]} and {other!r} of {games[other]}; "
                         "only results of one game can be compared")
    return given


def is_return(measure):
    """Whether this is what episodes return, and not a measure of the game's."""
    return measure in ("team_return", "return") or measure.startswith("return_")


def _measure(results, measure):
    """What is compared, by name."""
    first = next(iter(results.values()))
    apart = any(len(one.sides) > 1 for one in results.values())
    usual, looked_at = "return" if apart else "team_return", list(measures.known(first.experiment.game))
    if measure is not None:
        own = [f"return_{i}" for i in range(first.experiment.game.agents)]
        zero = any("agent 0" in one.sides for one in results.values())
        if measure == "team_return" and zero:
            raise ValueError(f"measure: what the agents of {first.experiment.game.name!r} earn adds up to 0, so that a "
                             "team return says nothing; compare 'return' (each agent's) or 'return_0'")
        if not among(measure, [*own, *looked_at, "team_return", *(["return"] if apart else [])]):
            raise unknown("measure", measure, [usual, *looked_at, *own[:8]])
        return measure
    return looked_at[0] if looked_at and not any(one.team_returns.size for one in results.values()) else usual


def _scores(result, measure):
    """(side, float64 [R]) of what is compared; "" where all agents are one side."""
    if measure == "return":
        return [(name, statistics.scores(result, agents=who)) for name, who in result.sides.items()]
    if measure == "team_return":
        return [("", statistics.scores(result))]
    if is_return(measure):
        return [("", statistics.scores(result, agents=[int(measure.rpartition("_")[2])]))]
    found = result.measures()
    return [("", found[measure].values if measure in found else np.full(len(result.steps), np.nan))]


def _opened(name, given):
    if isinstance(given, Result):
        return given
    from marlfast.files import load

    return load(errors.path(given, name, "a Result, or the path of one")) if not isinstance(given, dict) else _no(
        name, given)


def _no(name, given):
    raise TypeError(f"{name}: expected a Result, or the path of one, got {shown(given)}")


def _notes(results):
    """What must not be overlooked."""
    notes = []
    for name, result in results.items():
        if result.failed.any():
            reason = next(r for r in result.stop_reason if r.startswith("failed"))
            notes.append(f"{name}: {int(result.failed.sum())} of {len(result.failed)} runs failed ({reason}) and are "
                         "in no score.")
        if result.interrupted:
            notes.append(f"{name}: training was interrupted; these are the numbers until then.")
    first, *others = results.items()
    for name, result in others:
        ours, theirs = (one.experiment.game.to_dict() if not _has_functions(one) else {} for one in
                        (first[1], result))
        differ = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
        if differ:
            notes.append(f"{name}: its game differs from that of {first[0]} in {', '.join(differ)}.")
    few = min(int((~result.failed).sum()) for result in results.values())
    if few < 5:
        notes.append(f"{few} {'run' if few == 1 else 'runs'}: too few to say how others would go; ten or more are "
                     "usual.")
    return notes


def _has_functions(result):
    try:
        result.experiment.game.to_dict()
    except TypeError:
        return True
    return False


def _text(value):
    return "-" if np.isnan(value) else f"{value:,.5g}"
