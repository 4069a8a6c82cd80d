"""Pictures of results. Needs matplotlib: ``pip install 'marlfast[plot]'``."""
import numpy as np

from marlfast.errors import extra

BINS = 100
LOW, HIGH = 10, 90           # percentiles of the band

_COLOUR = "#1f5fa8"
_INK = "#444444"


def learning_curve(result, axes=None):
    """Draw how the team return rose: a mean over runs, with a band.

    Episodes are averaged in about 100 bins, so that the line shows learning and not the luck of an episode.

    Parameters
    ----------
    result : Result
        With at least one recorded episode.
    axes : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, made without ``pyplot``.

    Returns
    -------
    matplotlib.axes.Axes
        Save the picture with ``axes.figure.savefig("curve.png")``.

    Notes
    -----
    The band reaches from the 10th to the 90th percentile over runs; one run has none. Where runs end after
    different numbers of episodes, each bin is over the runs that were still training then.
    """
    returns = result.team_returns
    if not returns.size:
        raise ValueError("result: no episode is recorded, so there is nothing to draw; train for more episodes, "
                         "with record_every at least 1 and at most as many")
    if axes is None:
        figure = extra("matplotlib.figure", "plot", "a learning curve").Figure(figsize=(8.0, 4.5), layout="constrained")
        axes = figure.subplots()
    every, runs = result.experiment.record_every, len(returns)
    edges, values = binned(returns)
    episodes = (every * (edges[:-1] + edges[1:]) + 1) / 2.0       # the middle of each bin; episodes count from 1
    uneven = bool(np.isnan(returns).any())

    means, lows, highs = (np.empty(len(episodes)) for _ in range(3))
    for k, column in enumerate(values.T):
        training = column[~np.isnan(column)]        # at least one: the run with the most episodes
        means[k] = training.mean()
        lows[k], highs[k] = np.percentile(training, [LOW, HIGH])
    marker = "o" if len(episodes) < 5 else None
    label = "one run" if runs == 1 else f"mean of {runs} runs" + (" (those still training)" if uneven else "")
    axes.plot(episodes, means, color=_COLOUR, linewidth=1.8, marker=marker, label=label)
    if runs > 1:
        band = {"color": _COLOUR, "alpha": 0.2, "label": f"{LOW}th to {HIGH}th percentile over runs"}
        if len(episodes) > 1:
            axes.fill_between(episodes, lows, highs, linewidth=0, **band)
        else:                                       # a band of a single point has no width
            axes.vlines(episodes, lows, highs, linewidth=12, **band)
    _dress(axes, result, returns.shape[1], len(episodes))
    return axes


def binned(returns, most=BINS):
    """Means over bins of episodes, for each run.

    Parameters
    ----------
    returns : float64 [R, E]
        NaN after a run's end.
    most : int
        At most so many bins, of equal width up to one episode.

    Returns
    -------
    edges : int64 [B + 1]
        Bin b holds the entries from ``edges[b]`` to ``edges[b + 1] - 1``.
    means : float64 [R, B]
        NaN where a run has no episode in a bin.
    """
    entries = returns.shape[1]
    edges = np.linspace(0, entries, min(most, entries) + 1).round().astype(np.int64)
    there = ~np.isnan(returns)
    sums = np.add.reduceat(np.where(there, returns, 0.0), edges[:-1], axis=1)
    counts = np.add.reduceat(there, edges[:-1], axis=1, dtype=np.int64)
    return edges, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _dress(axes, result, entries, bins):
    """Title, labels and a quiet frame."""
    experiment = result.experiment
    game, learner, agents = experiment.game.name, experiment.learner.name, experiment.game.agents
    last = entries * experiment.record_every
    width = last / bins
    each = "" if width == 1 else f"  (each point: mean of {'about ' if width % 1 else ''}{width:,.0f} episodes)"
    axes.set_title(f"{game}: {agents} {'agent' if agents == 1 else 'agents'}, {learner}", loc="left", fontsize=12)
    axes.set_xlabel(f"episode{each}", color=_INK)
    axes.set_ylabel("team return per episode\n(sum of rewards, mean over agents)", color=_INK)
    axes.set_xlim(0.5, last + 0.5)
    ticker = extra("matplotlib.ticker", "plot", "a learning curve")
    axes.xaxis.set_major_locator(ticker.MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter(_plain_number)
    axes.margins(y=0.08)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=_INK)
    axes.legend(frameon=False)


def _plain_number(value, position):
    """A tick's number with thousands separated, and no more decimals than it has."""
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:.3g}"


#: Colour of each kind of mark on a board.
_KINDS = {"agent": "#1f5fa8", "rival": "#b5402a", "target": "#3d8b40", "object": "#c98a1b", "goal": "#8a5fb0",
          "wall": "#555555"}


def frame(game, state, axes=None):
    """Draw one state of a game on squares.

    Parameters
    ----------
    game : Game
        One with a board; see ``game.board``.
    state : float64 [S]
        Of one run, such as ``env.state[0]``.
    axes : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, made without ``pyplot``.

    Returns
    -------
    matplotlib.axes.Axes
    """
    board = game.board(state)
    if board is None:
        raise ValueError(f"game: {game.name!r} is not played on squares; use game.render(state) for its text")
    patches = extra("matplotlib.patches", "plot", "a frame")
    if axes is None:
        size = 0.55
        figure = extra("matplotlib.figure", "plot", "a frame").Figure(
            figsize=(max(2.0, size * board.width + 0.4), max(1.2, size * board.height + 0.7)), layout="constrained")
        axes = figure.subplots()
    axes.set(xlim=(0, board.width), ylim=(board.height, 0), aspect="equal")
    axes.set_xticks(range(board.width + 1), [])
    axes.set_yticks(range(board.height + 1), [])
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.tick_params(length=0)
    axes.set_axisbelow(True)
    shared = {}
    for mark in board.marks:
        shared.setdefault((mark.row, mark.column), []).append(mark)
    for (row, column), marks in shared.items():
        for k, mark in enumerate(marks):
            x, y, share = column + (k + 0.5) / len(marks), row + 0.5, 1.0 / len(marks)
            colour = _KINDS[mark.kind]
            if mark.kind in ("agent", "rival"):
                axes.add_patch(patches.Ellipse((x, y), 0.8 * share, 0.8, color=colour))
            else:
                axes.add_patch(patches.Rectangle((x - 0.44 * share, y - 0.44), 0.88 * share, 0.88, color=colour,
                                                 alpha=0.35 if mark.kind == "goal" else 1.0))
            axes.text(x, y, mark.text, ha="center", va="center", color="white" if mark.kind != "goal" else _INK,
                      fontsize=11 if share == 1.0 else 8)
    if board.caption:
        axes.set_xlabel(board.caption, color=_INK, fontsize=9)
    return axes
