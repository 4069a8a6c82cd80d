"""Parameters that were swept, and what came of them."""
import numpy as np

from marlfast import statistics
from marlfast.errors import choice, extra, flag, real, unknown
from marlfast.measures import RULES, column_of, label_of
from marlfast.plotting.style import (
    SEQUENTIAL,
    axes_for,
    bar,
    labels,
    legend,
    literal,
    picture,
    plain_number,
    quiet,
    readable_on,
    shade,
    tones,
)

WRITTEN = 10        # up to so many lines and columns have their numbers written in


@picture
def heat_map(sweep, x=None, y=None, column=None, statistic="iqm", ax=None, best=True, limits=None):
    """Draw a statistic of the runs over two swept parameters.

    Parameters
    ----------
    sweep : Sweep, or dict of str to ndarray
        Its table: a column for each parameter, an entry for each run.
    x, y : str, optional
        Names of the parameters. Default: the first two that were swept. Runs that differ in others are put together.
    column : str, optional
        What is drawn: a column of the table. Default: ``team_return``; where no run has one, as in endless games, what
        users of the game look at first, such as ``profit_gain``.
    statistic : {"iqm", "mean", "median"}
        Over the runs of a place.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    best : bool
        Mark the place with the highest value.
    limits : (float, float), optional
        Where the colours begin and end. Default: at the lowest and the highest value.

    Returns
    -------
    matplotlib.axes.Axes
        Places without a number are grey. Where few places of the grid have runs, as with points drawn at random, they
        are dots in the plane instead.

    See Also
    --------
    parameter_curve : Over one parameter, with intervals.
    marlfast.Sweep.table : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import plotting
    >>> table = {"rate": np.array([0.1, 0.1, 0.2, 0.2]), "discount": np.array([0.8, 0.9, 0.8, 0.9]),
    ...          "team_return": np.array([1.0, 2.0, 3.0, 2.5])}
    >>> ax = plotting.heat_map(table, x="rate", y="discount")
    """
    choice("statistic", statistic, ("iqm", "mean", "median"))
    best = flag("best", best)
    table, names = _table(sweep)
    x, y = _named(table, names, (x, y))
    column, values = _column(table, column, None if isinstance(sweep, dict) else names)
    xs, at_x = _levels(table[x])
    ys, at_y = _levels(table[y])
    picture = np.full((len(ys), len(xs)), np.nan)
    place = at_y * len(xs) + at_x
    rule = {"iqm": statistics.interquartile_mean, "mean": statistics.mean, "median": statistics.median}[statistic]
    for k in np.unique(place):
        runs = values[place == k]
        runs = runs[~np.isnan(runs)]
        if len(runs):
            picture.flat[k] = rule(runs)
    ax = axes_for(ax, "a heat map", (5.6, 4.4))
    labels(ax, x=x, y=y, title=label_of(column).split(" (")[0] + (" (framed: highest)" if best else ""))
    told = f"{statistics.NAMES[statistic]}{_held(values)}"
    if picture.size > 4 * len(np.unique(place)):
        _dots(ax, picture, xs, ys, told, best)
        return ax
    low, high = (None, None) if limits is None else (real(f"limits[{k}]", limits[k]) for k in range(2))
    image = ax.pcolormesh(np.ma.masked_invalid(picture), cmap=SEQUENTIAL, vmin=low, vmax=high)
    ax.set_facecolor(tones().none)
    for (i, j), text in _numbers(ax, picture):
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize="small",
                color=readable_on(image.cmap(image.norm(picture[i, j]))))
    if best and np.isfinite(picture).any() and picture.size > 1:
        i, j = np.unravel_index(np.nanargmax(picture), picture.shape)
        patches = extra("matplotlib.patches", "plot", "a heat map")
        ax.add_patch(patches.Rectangle((j, i), 1, 1, fill=False, edgecolor=shade(1), linewidth=2.5, clip_on=False))
    longest = max((len(_short(level)) for level in xs), default=0)
    most = min(10, len(xs), max(1, int(_room(ax)[0] / (longest + 1.5))))
    turned = most < min(len(xs), 5)
    for axis, levels, room in ((ax.xaxis, xs, 10 if turned else most), (ax.yaxis, ys, 10)):
        chosen = np.arange(0, len(levels), -(-len(levels) // room))
        axis.set_ticks(chosen + 0.5, [literal(_short(levels[k])) for k in chosen])
    if turned:
        ax.tick_params(axis="x", rotation=30)
    ax.tick_params(colors=tones().ink)
    ax.spines[:].set_visible(False)
    bar(ax, image, told, format=plain_number)
    return ax


def _room(ax):
    """About how many small letters fit beside, and lines below, each other in the axes."""
    size = ax.figure.get_size_inches() * ax.get_position().size * 0.85
    points = float(extra("matplotlib", "plot", "a picture").rcParams["font.size"])
    return size[0] * 72.0 / (0.52 * points), size[1] * 72.0 / (1.3 * points)


def _numbers(ax, picture):
    """(place, text) of the numbers of a map, with as many digits as the squares have room for; none where too few."""
    lines, columns = picture.shape
    letters, height = _room(ax)[0] / columns, _room(ax)[1] / lines
    if max(lines, columns) > WRITTEN or height < 1.0:
        return []
    there = [place for place in np.ndindex(lines, columns) if np.isfinite(picture[place])]
    for digits in (4, 3, 2):
        texts = [f"{picture[place]:.{digits}g}" for place in there]
        if texts and max(map(len, texts)) + 0.5 <= letters:
            return list(zip(there, texts, strict=True))
    size = np.nanmax(np.abs(picture)) if there else 0.0
    texts = [f"{picture[place]:.2f}" for place in there]        # shares: two decimals say enough
    return list(zip(there, texts, strict=True)) if size < 100 and texts and max(map(len, texts)) <= letters else []


def _dots(ax, picture, xs, ys, told, best):
    """Places with a number as dots, each axis on a scale on which they are not crowded."""
    i, j = np.nonzero(np.isfinite(picture))
    for axis, levels, set_scale in (("x", xs, ax.set_xscale), ("y", ys, ax.set_yscale)):
        at, scale = _scale(levels, sampled=True)
        if scale == "log":
            set_scale("log")
        elif scale in ("even", "words"):
            chosen = np.arange(0, len(levels), -(-len(levels) // 8))
            getattr(ax, f"set_{axis}ticks")(at[chosen], [literal(_short(levels[k])) for k in chosen])
    where_x, where_y = _scale(xs, sampled=True)[0][j], _scale(ys, sampled=True)[0][i]
    image = ax.scatter(where_x, where_y, c=picture[i, j], s=70, cmap=SEQUENTIAL, edgecolors=tones().ink, linewidths=0.5)
    if best and len(i):
        k = int(picture[i, j].argmax())
        ax.scatter(where_x[k], where_y[k], s=220, facecolors="none", edgecolors=shade(1), linewidths=2.5)
    quiet(ax, grid="both")
    bar(ax, image, told, format=plain_number)


@picture
def parameter_curve(sweep, x=None, column=None, statistic="iqm", ax=None, level=0.95, resamples=2000, seed=0):
    """Draw a statistic of the runs, with its bootstrap interval, over one swept parameter; every run is a dot.

    Parameters
    ----------
    sweep : Sweep, or dict of str to ndarray
        Its table: a column for each parameter, an entry for each run.
    x : str, optional
        Name of the parameter. Default: the first. Runs that differ in others are put together.
    column : str, optional
        What is drawn: a column of the table. Default: ``team_return``; where no run has one, as in endless games, what
        users of the game look at first, such as ``profit_gain``.
    statistic : {"iqm", "mean", "median"}
        Over the runs of a place.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    level : float
        Of the intervals, in (0, 1).
    resamples : int
        Of the bootstrap, see :func:`marlfast.statistics.estimate`.
    seed : int
        Of the bootstrap.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    heat_map : Over two parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import plotting
    >>> table = {"rate": np.array([0.1, 0.1, 0.2, 0.2]), "team_return": np.array([1.0, 2.0, 3.0, 2.5])}
    >>> ax = plotting.parameter_curve(table, x="rate")
    """
    table, names = _table(sweep)
    (x,) = _named(table, names, (x,))
    column, values = _column(table, column, None if isinstance(sweep, dict) else names)
    levels, at = _levels(table[x])
    # A level for each of many points: they were drawn at random, and differ in all parameters.
    sampled = len(names) > 1 and "point" in table and len(levels) > 4 and len(levels) == len(np.unique(table["point"]))
    where, scale = _scale(levels, sampled)
    most = int(np.bincount(at).max())
    columns = np.full((most, len(levels)), np.nan)
    for k in range(len(levels)):
        runs = values[at == k]
        columns[:len(runs), k] = runs
    e = statistics.estimate_each(columns, statistic, level, resamples, seed)
    ax = axes_for(ax, "a curve over a parameter", (7.0, 4.2))
    if scale == "log":
        ax.set_xscale("log")
    ax.scatter(where[at], values, s=12, color=shade(0), alpha=0.4, linewidths=0, label="runs")
    ax.errorbar(where, e.value, [e.value - e.low, e.high - e.value], color=tones().strong, linewidth=1.5, marker="_",
                markersize=10, capsize=3, linestyle="none" if scale == "words" or sampled else "-",
                label=f"{statistics.NAMES[statistic]}, {100 * level:g} % interval{_held(values)}")
    if scale == "words":
        ax.set_xlim(-0.5, len(levels) - 0.5)
    if (scale != "linear" or len(levels) <= 8) and not sampled:
        chosen = np.arange(0, len(levels), -(-len(levels) // 8))
        ax.set_xticks(where[chosen], [literal(_short(levels[k])) for k in chosen])
        ax.minorticks_off()
        if sum(len(_short(levels[k])) for k in chosen) > 60:
            ax.tick_params(axis="x", rotation=20)
    elif scale == "linear":
        ax.xaxis.set_major_formatter(plain_number)
    ax.yaxis.set_major_formatter(plain_number)
    quiet(ax)
    labels(ax, x=x, y=label_of(column))
    legend(ax)
    return ax


def _table(sweep):
    """The table, and the names that were swept."""
    table = sweep if isinstance(sweep, dict) else sweep.table()
    fixed = {"point", "seed", "steps", "episodes", "stop_reason", "failed", "team_return", *RULES}
    names = [n for n in table if n not in fixed and not n.startswith("return_")] if isinstance(sweep, dict) \
        else list(sweep.names)
    return table, names


def _named(table, names, given):
    """Names of parameters, the first that are left where None is given."""
    left = [name for name in names if name not in given]
    chosen = [left.pop(0) if name is None and left else name for name in given]
    for name in chosen:
        if name is None:
            few = f" ({', '.join(map(str, names))}); parameter_curve draws a single one" if len(names) == 1 else ""
            raise ValueError(f"x, y: expected {len(given)} swept parameters, there are {len(names)}{few}")
        if name not in table:
            raise ValueError(f"{unknown('column', name, table)}; swept were: {', '.join(map(str, names))}")
    return chosen


def _column(table, column, swept):
    """(name, float64 [R]) of what is drawn; refused where no run has such a number."""
    if column is None:
        column = column_of(table, swept)
    if column not in table:
        raise unknown("column", column, table)
    values = statistics.counted(table, column)
    if np.isnan(values).all():
        failed = statistics.failures(table).all()
        why = "all runs failed" if failed else "no episode came to its end" if column == "team_return" else \
            "it is not a number in any"
        others = "" if failed else "; sweep with measure=, a function of a result, and draw its column"
        raise ValueError(f"column: no run has a {column}, because {why}{others}")
    return column, values


def _held(values):
    """Where a picture does not hold all runs, how many of how many it holds."""
    there = int(np.isfinite(values).sum())
    return f" ({there} of {len(values)} runs)" if there < len(values) else ""


def _levels(values):
    """(levels in order, place of each entry's): numbers from low to high, all else as it comes."""
    values = np.asarray(values)
    if values.dtype.kind in "iufb":
        return np.unique(values, return_inverse=True)
    texts = [_short(v) for v in values]
    levels = list(dict.fromkeys(texts))
    number = {text: k for k, text in enumerate(levels)}
    return levels, np.array([number[text] for text in texts])


def _scale(levels, sampled=False):
    """(where levels stand on an axis, "linear", "log", "even" or "words"), so that none of them are crowded.

    ``sampled``: levels were drawn at random, so that some lie close together on any scale.
    """
    places = np.arange(len(levels), dtype=np.float64)
    numbers = np.asarray(levels)
    if numbers.dtype.kind not in "iuf":
        return places, "words"
    numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all():
        return places, "even"
    if sampled and len(numbers) > 2:
        middle = np.median(numbers)
        skewed = (numbers > 0).all() and middle ** 2 < 2.0 * numbers[0] * numbers[-1]
        return numbers, "log" if skewed and numbers[-1] > 8 * numbers[0] else "linear"
    if len(numbers) < 3 or np.diff(numbers).max() <= 8 * np.diff(numbers).min():
        return numbers, "linear"
    if (numbers > 0).all() and np.diff(np.log(numbers)).max() <= 8 * np.diff(np.log(numbers)).min():
        return numbers, "log"
    return places, "even"


def _short(value):
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= 30 else text[:27] + "..."

