"""Curves over training, and scores at its end."""
import numpy as np

from marlfast import measures, statistics
from marlfast.errors import choice, flag, integer, shown, unknown
from marlfast.plotting.style import (
    axes_for,
    colours,
    labels,
    legend,
    literal,
    picture,
    plain_number,
    quiet,
    tones,
    whole_ticks,
)
from marlfast.renamed import takes
from marlfast.result import Result

BINS = 100
LOW, HIGH = 10, 90           # percentiles of the band
MAX_LINES = 50              # single runs that are drawn
MAX_SIDES = 8               # agents that have curves of their own

_SHORT = {"iqm": "IQM", "mean": "mean", "median": "median"}


@picture
def learning_curve(result, ax=None, statistic="iqm", band="interval", runs=True, level=0.95, resamples=1000, seed=0):
    """Draw how the team return rose: a statistic over runs with its interval, and each run by itself.

    Where agents play against each other, each of their ``sides`` (:attr:`marlfast.Result.sides`) has a curve.

    Episodes are averaged in about 100 bins, so that the line shows learning and not the luck of an episode.

    Parameters
    ----------
    result : Result, or dict of str to Result
        With at least one recorded episode. Several, by their labels, are laid over each other.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, made without ``pyplot``.
    statistic : {"iqm", "mean", "median"}
        Of the runs, in each bin. ``"iqm"``: the interquartile mean.
    band : {"interval", "percentiles"} or None
        The bootstrap interval of the statistic; or from the 10th to the 90th percentile over runs; or none. One run
        has none.
    runs : bool
        Draw single runs too, as thin lines, where there are at most 50 of them.
    level : float
        Of the interval, in (0, 1).
    resamples : int
        Of the bootstrap, see :func:`marlfast.statistics.estimate`.
    seed : int
        Of the bootstrap.

    Returns
    -------
    matplotlib.axes.Axes
        Save the picture with ``ax.figure.savefig("curve.png")``.

    See Also
    --------
    intervals : The last scores alone, run by run.
    marlfast.statistics.estimate_each : The numbers behind the line.

    Notes
    -----
    Where runs end after different numbers of episodes, each bin is over the runs that were still training then.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=200, runs=5, seed=0)
    >>> ax = plotting.learning_curve(run)
    >>> ax.figure.savefig("curve.png")
    """
    choice("statistic", statistic, tuple(_SHORT))
    choice("band", band, ("interval", "percentiles", None))
    several = isinstance(result, dict)
    results = result if several else {None: result}
    for one in results.values():
        if not isinstance(one, Result):
            raise TypeError(f"result: expected a Result or a dict of them, got {shown(one)}")
        if one.failed.all():
            raise ValueError(f"result: all {len(one.failed)} runs failed ({', '.join(sorted(set(one.stop_reason)))}), "
                             "and failed runs are not drawn")
        if not one.team_returns.size:
            raise ValueError("result: no episode is recorded, so there is nothing to draw; train for more episodes, "
                             "with record_every at least 1 and at most as many")
    ax = axes_for(ax, "a learning curve")
    last, widths = 0, []
    apart = [(name, one, side, who) for name, one in results.items() for side, who in _sides(one)]
    sided = any(side != "team" for *_, side, _ in apart)
    for (name, one, side, who), colour in zip(apart, colours(len(apart)), strict=True):
        returns, record_every = one.returns[~one.left_out][:, :, who].mean(axis=2), one.experiment.record_every
        if side != "team":
            name = side if name is None else f"{name}, {side}"
        if one.left_out.any():
            why = " or ".join(word for word, which in (("failed", one.failed), (
                "are unfinished", one.unfinished & one.left_out)) if which.any())
            left = f"{len(returns)} of {len(one.failed)} runs, without those that {why}"
            name = left if name is None else f"{name} ({left})"
        edges, values = binned(returns)
        episodes = (record_every * (edges[:-1] + edges[1:]) + 1) / 2.0   # the middle of each bin; episodes count from 1
        draw_curve(ax, episodes, values, colour, name, statistic, band, runs, level, resamples, seed)
        last = max(last, returns.shape[1] * record_every)
        widths.append(returns.shape[1] * record_every / len(episodes))
    _dress(ax, last, widths, "return" if sided else "team return")
    if several:
        counts = sorted({int((~one.left_out).sum()) for one in results.values()})
        told = "runs" if len(counts) > 1 else f"{counts[0]} runs" if counts[0] > 1 else "one run"
        around = "" if counts[-1] == 1 or not band else f", {100 * level:g} % interval" if band == "interval" else \
            f", {LOW}th to {HIGH}th percentile"
        word = "return" if sided else "team return"
        labels(ax, title=f"{word}: {statistics.NAMES[statistic]} of {told}{around}" if counts[-1] > 1 else word)
    else:
        e = result.experiment
        labels(ax, title=f"{e.game.name}: {e.game.agents} {'agent' if e.game.agents == 1 else 'agents'}, "
                         f"{e.learner.name}")
    return ax


def draw_curve(ax, x, values, colour=None, name=None, statistic="iqm", band="interval", runs=True, level=0.95,
               resamples=1000, seed=0):
    """Draw one curve into given axes, as :func:`learning_curve` does.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : float64 [B]
        Where each bin stands.
    values : float64 [R, B]
        NaN where a run has none; so bins without any are a gap.
    colour : str, optional
        Any colour of matplotlib's. Default: the first one.
    name : str, optional
        What it is called in the legend.
    statistic : {"iqm", "mean", "median"}
        Of the runs, in each bin.
    band : {"interval", "percentiles"} or None
        What is drawn around it.
    runs : bool
        Draw single runs too, where there are at most 50 of them.
    level : float
        Of the interval, in (0, 1).
    resamples : int
        Of the bootstrap, see :func:`marlfast.statistics.estimate`.
    seed : int
        Of the bootstrap.

    See Also
    --------
    learning_curve : Draws those of results.
    binned : Makes bins of episodes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from marlfast import plotting
    >>> ax = Figure().subplots()
    >>> plotting.draw_curve(ax, [0, 1, 2], [[0.0, 1.0, 2.0], [1.0, 1.5, 3.0]], name="two runs")
    """
    values, colour = np.asarray(values, np.float64), colour or colours(1)[0]
    count = int((~np.isnan(values)).any(axis=1).sum())
    uneven = bool(np.isnan(values).any())
    if flag("runs", runs) and 1 < count <= MAX_LINES:
        for k, line in enumerate(values):
            ax.plot(x, line, color=colour, linewidth=0.6, alpha=0.35, marker="." if len(x) < 5 else None,
                    label="runs" if k == 0 and name is None else None)
    estimate = statistics.estimate_each(values, statistic, level, resamples, seed)
    if count > 1 and band:
        if band == "interval":
            lows, highs, told = estimate.low, estimate.high, f"{100 * level:g} % interval"
        else:
            lows, highs = _percentiles(values)
            told = f"{LOW}th to {HIGH}th percentile"
        look = {"color": colour, "alpha": 0.25, "label": told if name is None else None}
        if len(x) > 1:
            ax.fill_between(x, lows, highs, linewidth=0, **look)
        else:                                       # a band of a single point has no width
            ax.vlines(x, lows, highs, linewidth=12, **look)
    told = "one run" if count == 1 else f"{_SHORT[statistic]} of {count} runs" + (
        ", while they train" if uneven else "")
    ax.plot(x, estimate.value, color=colour, linewidth=2.0, marker="o" if len(x) < 5 else None,
            label=literal(told if name is None else name))


def _percentiles(values):
    """Percentiles of each column's numbers: two float64 [B], NaN where there is none."""
    ends = np.full((2, values.shape[1]), np.nan)
    for k, column in enumerate(values.T):
        there = column[~np.isnan(column)]
        if len(there):
            ends[:, k] = np.percentile(there, [LOW, HIGH])
    return ends


@takes(most="max_bins")
def binned(returns, max_bins=BINS):
    """Average over bins of episodes, for each run.

    Parameters
    ----------
    returns : float64 [R, E]
        NaN after a run's end.
    max_bins : int
        At most so many bins, of equal width up to one episode.

    Returns
    -------
    edges : int64 [B + 1]
        Bin b holds the entries from ``edges[b]`` to ``edges[b + 1] - 1``.
    means : float64 [R, B]
        NaN where a run has no episode in a bin.

    See Also
    --------
    learning_curve : Draws what comes of it.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import plotting
    >>> edges, means = plotting.binned(np.array([[1.0, 2.0, 3.0, 4.0]]), max_bins=2)
    >>> edges.tolist(), means.tolist()
    ([0, 2, 4], [[1.5, 3.5]])
    """
    entries = returns.shape[1]
    edges = np.linspace(0, entries, min(max_bins, entries) + 1).round().astype(np.int64)
    there = ~np.isnan(returns)
    sums = np.add.reduceat(np.where(there, returns, 0.0), edges[:-1], axis=1)
    counts = np.add.reduceat(there, edges[:-1], axis=1, dtype=np.int64)
    return edges, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _sides(result):
    """Whose curves are drawn: at most eight (name, agents)."""
    return list(result.sides.items())[:MAX_SIDES]


def _dress(ax, last, widths, word):
    """Labels and a quiet frame."""
    same, width = len(set(widths)) == 1, widths[0]
    each = "" if width == 1 or not same else f" (in bins of {'about ' if width % 1 else ''}{width:,.0f})"
    labels(ax, x=f"episode{each}", y=f"{word} of an episode")
    ax.set_xlim(0.5, last + 0.5)
    whole_ticks(ax.xaxis)
    ax.yaxis.set_major_formatter(plain_number)
    ax.margins(y=0.08)
    quiet(ax)
    legend(ax)


@picture
def intervals(scores, ax=None, statistic="iqm", level=0.95, resamples=2000, seed=0, target=None):
    """Draw scores of several teams: every run a dot, the statistic a line with its interval.

    Parameters
    ----------
    scores : dict of str to scores
        By label: one number per run, or a Result; see :mod:`marlfast.statistics`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    statistic : {"iqm", "mean", "median", "optimality_gap"}
        What the line stands for, see :func:`marlfast.statistics.estimate`.
    level : float
        Of the intervals, in (0, 1).
    resamples : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.
    target : float, optional
        Of the optimality gap.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    marlfast.statistics.estimate : The numbers.
    profiles : All of the distribution.

    Examples
    --------
    >>> from marlfast import plotting
    >>> ax = plotting.intervals({"one": [1.0, 2.0, 3.0], "other": [2.0, 2.5, 4.0]})
    """
    scores = _several("scores", scores)
    ax = axes_for(ax, "a picture of scores", (8.0, 1.2 + 0.55 * len(scores)))
    for k, ((_, given), colour) in enumerate(zip(scores.items(), colours(len(scores)), strict=True)):
        dots = statistics.scores(given) if isinstance(given, Result) else np.concatenate(
            [np.ravel(part) for part in given] if any(map(np.ndim, given)) else [np.ravel(given)])
        dots = dots[~np.isnan(dots)]
        e = statistics.estimate(given, statistic, level, resamples, seed, target)
        # A fixed scatter across the bar, so that equal scores can be seen apart.
        apart = 0.36 * (np.arange(len(dots)) * 0.618034 % 1.0 - 0.5)
        ax.plot([e.low, e.high], [k, k], color=colour, linewidth=9, alpha=0.35, solid_capstyle="butt")
        ax.scatter(dots, k + apart, s=18, color=colour, alpha=0.8, linewidths=0.4, edgecolors=tones().back, zorder=3)
        ax.plot([e.value, e.value], [k - 0.3, k + 0.3], color=tones().strong, linewidth=2, zorder=4)
    ax.set_yticks(range(len(scores)), [literal(name) for name in scores])
    ax.set_ylim(len(scores) - 0.4, -0.6)
    ax.xaxis.set_major_formatter(plain_number)
    quiet(ax, grid="x")
    labels(ax, x=f"score of a run (dots); {statistics.NAMES[statistic]} with {100 * level:g} % interval")
    return ax


@picture
def distribution(results, measure=None, ax=None, bins=20, statistic="mean"):
    """Draw how a measure is distributed over runs, such as prices or profit gains of many sessions.

    Parameters
    ----------
    results : Result, dict of str to Result, or dict of str to float64 [R]
        Of one game; or the numbers themselves, by label.
    measure : str, optional
        What users of the game look at, such as ``"price"`` or ``"profit_gain"``, see :mod:`marlfast.measures`; or
        ``"team_return"``, or ``"return_0"`` and so on of an agent. Default: the first measure of the game, where it
        has any.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    bins : int
        Of equal width, the same for all results.
    statistic : {"iqm", "mean", "median"} or None
        Drawn as a line.

    Returns
    -------
    matplotlib.axes.Axes
        A step line for each result: the share of its runs in each bin.

    See Also
    --------
    intervals : Every run as a dot, with intervals.
    marlfast.measures : What can be measured.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.LogitBertrand(actions=5), mf.IQL(discount=0.95), steps=3000, runs=20, seed=0)
    >>> ax = mf.plotting.distribution(run, "price")
    >>> ax.get_xlabel()
    'mean price in the long run'
    """
    if statistic is not None:
        choice("statistic", statistic, tuple(_SHORT))
    bins = integer("bins", bins, 1, 10_000)
    results = _several("results", results) if isinstance(results, dict) else {None: results}
    found = [_measured(one, measure) for one in results.values()]
    label = found[0][0]
    joined = np.concatenate([values for _, values in found])
    low, high = float(joined.min()), float(joined.max())
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    edges = np.linspace(low, high, bins + 1)
    ax = axes_for(ax, "a distribution")
    for (name, (_, values)), colour in zip(zip(results, found, strict=True), colours(len(found)), strict=True):
        counts, _ = np.histogram(values, edges)
        told = literal(f"{len(values)} runs" if name is None else name)
        ax.stairs(counts / len(values), edges, color=colour, fill=len(found) == 1, linewidth=2.0, label=told,
                  alpha=0.85 if len(found) == 1 else 1.0)
        if statistic is not None:
            at = statistics.estimate(values, statistic, resamples=1).value
            ax.axvline(at, color=colour if len(found) > 1 else tones().strong, linewidth=1.2, linestyle="--",
                       label=f"{_SHORT[statistic]} {at:.4g}" if len(found) == 1 else None)
    ax.set_ylim(bottom=0.0)
    ax.margins(x=0.02)
    ax.xaxis.set_major_formatter(plain_number)
    quiet(ax)
    labels(ax, x=label, y="share of runs")
    legend(ax)
    return ax


def _measured(one, measure):
    """(what it is, float64 [R] of those runs that have it)."""
    if isinstance(one, Result):
        known = one.measures()
        if measure is None:
            measure = next(iter(known), next(iter(measures.returns_of(one))))
        own = measures.returns_of(one, each=True)
        if measure in own:
            label, values = own[measure]
        elif measure in known:
            label, values = known[measure].label, known[measure].values
        else:
            raise unknown(f"measure of game {one.experiment.game.name!r}", measure, [*known, *own])
    else:
        label = "value" if measure is None else str(measure).replace("_", " ")
        try:
            values = np.asarray(one, np.float64).ravel()
        except (TypeError, ValueError):
            raise TypeError(f"results: expected a Result, or numbers by label, got {shown(one)}") from None
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError(f"measure: no run has a {measure}, so there is nothing to draw")
    return label, values


@picture
def profiles(scores, ax=None, thresholds=None, level=0.95, resamples=1000, seed=0):
    """Draw performance profiles: the share of runs that score more than each threshold.

    Parameters
    ----------
    scores : dict of str to scores
        By label: one number per run, or a Result; see :mod:`marlfast.statistics`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    thresholds : sequence of float, optional
        Default: from the lowest score of all to the highest.
    level : float
        Of the bands, in (0, 1).
    resamples : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    marlfast.statistics.performance_profile : The numbers.
    intervals : A single statistic.

    Examples
    --------
    >>> from marlfast import plotting
    >>> ax = plotting.profiles({"one": [1.0, 2.0, 3.0], "other": [2.0, 2.5, 4.0]})
    """
    scores = _several("scores", scores)
    ax = axes_for(ax, "performance profiles", (6.5, 4.0))
    found = {name: statistics.performance_profile(given, thresholds, level, resamples, seed)
             for name, given in scores.items()}
    if thresholds is None:
        ends = [(p.thresholds[0], p.thresholds[-1]) for p in found.values()]
        thresholds = np.linspace(min(low for low, _ in ends), max(high for _, high in ends), 101)
        found = {name: statistics.performance_profile(given, thresholds, level, resamples, seed)
                 for name, given in scores.items()}
    for (name, profile), colour in zip(found.items(), colours(len(found)), strict=True):
        ax.plot(profile.thresholds, profile.shares, color=colour, linewidth=2, label=literal(name),
                drawstyle="steps-post")
        ax.fill_between(profile.thresholds, profile.low, profile.high, color=colour, alpha=0.2, linewidth=0,
                        step="post")
    ax.set_ylim(-0.03, 1.03)
    ax.xaxis.set_major_formatter(plain_number)
    quiet(ax)
    labels(ax, x="threshold (score)", y="share of runs that score more")
    legend(ax)
    return ax


def _several(name, given):
    if not isinstance(given, dict) or not given:
        raise TypeError(f"{name}: expected a dict from labels to scores, got {shown(given)}")
    return given
