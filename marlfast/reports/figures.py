"""The pictures of a report, as addresses that hold the picture themselves."""
import base64
import io

import numpy as np

from marlfast import plotting, statistics
from marlfast.analysis import limit_cycles
from marlfast.errors import extra
from marlfast.measures import column_of
from marlfast.plotting.curves import binned

MAX_SVG = 120_000          # bytes; larger ones become pixels
MAX_MAPPED = 10_000        # table rows that are drawn
CURVES, PAIRS, SINGLE = 3, 3, 4


def of_result(result):
    """Pictures of one result."""
    e, found = result.experiment, []
    if result.team_returns.size and not result.failed.all():
        found.append(_figure(lambda ax: plotting.learning_curve(result, ax), (9.0, 4.2), wide=True,
                             caption="Learning curve: the return over training. Thin lines are single runs."))
        if len(result.sides) < e.game.agents <= 8:
            found.append(_figure(lambda ax: _agents(result, ax), (6.4, 4.4), "Learning curves of the agents, each by "
                                                                             "its own rewards."))
    if hasattr(e.game, "prices"):
        found.append(_figure(lambda ax: plotting.distribution(result, "price", ax=ax), (6.4, 4.0),
                             "Mean prices of the runs once learning is over."))
        found.append(_figure(lambda ax: plotting.cycle_diagram(limit_cycles(e.game, result), ax, e.game.prices,
                                                               name="price"), (6.4, 4.0),
                             "The prices at which runs end, and the cycles that they go through."))
        found.append(_figure(lambda ax: plotting.impulse_response(e.game, result, ax=ax), (9.0, 4.2), wide=True,
                             caption="What follows when agent 0 deviates to its best reply of the moment, for one "
                                     "period; dotted: before."))
    if int(result.used.max()) <= MAX_MAPPED:
        for draw, caption in ((plotting.policy_map, "What was learned in run 0: the greedy action of each table row; "
                                                    "grey: never updated."),
                              (plotting.visit_map, "How often each table row was updated in run 0; white: never.")):
            many = draw is plotting.policy_map and plotting.maps.as_table(result)
            found.append(_figure(lambda ax, draw=draw: draw(result, ax=ax), (9.6, 5.6) if many else (6.4, 4.4),
                                 caption.replace("grey: never", "those updated most; –: never") if many else caption,
                                 wide=many))
    return [figure for figure in found if figure]


def _agents(result, ax):
    """A curve for each agent."""
    returns, record_every = result.returns[~result.left_out], result.experiment.record_every
    for i, colour in enumerate(plotting.style.colours(returns.shape[2])):
        edges, values = binned(returns[:, :, i])
        episodes = (record_every * (edges[:-1] + edges[1:]) + 1) / 2.0
        plotting.draw_curve(ax, episodes, values, colour, f"agent {i}", runs=False)
        ax.get_lines()[-1].set_linestyle((0, (6, 2 * i)) if i else "-")     # agents who earn the same are all seen
    _curve_labels(ax, "return per episode")


def of_sweep(sweep, table, points, place, estimates, order):
    """Pictures of a sweep."""
    found = []
    levels = {name: len(np.unique(np.asarray(table[name]).astype(str))) for name in sweep.names}
    varied = [name for name in sweep.names if levels[name] > 1]
    pairs = [(x, y) for k, x in enumerate(varied) for y in varied[k + 1:]]
    if np.isfinite(estimates.value).any():
        for x, y in pairs[:PAIRS]:
            put = "" if len(varied) == 2 else " Runs that differ in other parameters are put together."
            found.append(_figure(lambda ax, x=x, y=y: plotting.heat_map(table, x, y, ax=ax), (6.4, 5.0),
                                 f"Interquartile mean of the scores over {x} and {y}; framed: the highest.{put}"))
        for name in varied[:SINGLE]:
            put = "" if len(varied) == 1 else " Runs that differ in other parameters are put together."
            found.append(_figure(lambda ax, name=name: plotting.parameter_curve(table, name, ax=ax), (6.4, 4.4),
                                 f"Scores over {name}: single runs, interquartile mean and interval.{put}"))
        shown = order[:8][np.isfinite(estimates.value[order[:8]])]
        found.append(_figure(lambda ax: _best(sweep, table, points, place, shown, ax), (6.4, 1.2 + 0.5 * len(shown)),
                             "The best points: every run a dot, the interquartile mean with its interval."))
    elif varied:
        found.append({"data": None, "caption": "Maps and curves over the parameters", "wide": True,
                      "said": "all runs failed" if statistics.failures(table).all() else "no run has a number"})
    curves = sweep.curves()
    if curves["team_return"].size:
        found.append(_figure(lambda ax: _curves(sweep, table, points, place, curves, estimates, order, ax), (9.0, 4.4),
                             "Learning curves of the best point, the one in the middle and the last, with their "
                             "intervals.", wide=True))
    return [figure for figure in found if figure]


def _best(sweep, table, points, place, shown, ax):
    scores = {}
    for k in shown.tolist():
        runs = np.flatnonzero(place == k)
        scores[_told(sweep, table, points, runs, k)] = statistics.counted(table, column_of(table, sweep.names))[runs]
    plotting.intervals(scores, ax)


def _told(sweep, table, points, runs, k):
    """A point in a few words."""
    values = ", ".join(plotting.sweeps._short(table[name][runs[0]]) for name in sweep.names)
    return f"{int(points[k])}: {values}" if values else f"point {int(points[k])}"


def _curves(sweep, table, points, place, curves, estimates, order, ax):
    first = column_of(table, sweep.names) == "return_0"         # the mean over agents is 0
    returns = curves["returns"][:, :, 0] if first else curves["team_return"]
    there = order[np.isfinite(estimates.value[order])]
    chosen = dict.fromkeys(there[[0, len(there) // 2, -1]].tolist() if len(there) else order[:1].tolist())
    names = ["best", "middle", "last"] if len(chosen) == CURVES else ["best", "last"][:len(chosen)]
    for k, name, colour in zip(chosen, names, plotting.style.colours(len(chosen)), strict=True):
        kept = (place == k) & ~statistics.failures(table)
        plotting.draw_curve(ax, curves["episodes"], returns[kept], colour,
                            f"{name} (point {int(points[k])})")
    _curve_labels(ax, "return of agent 0 per episode" if first else "team return per episode")


def _curve_labels(ax, y):
    plotting.style.labels(ax, x="episode", y=y)
    plotting.style.whole_ticks(ax.xaxis)
    ax.yaxis.set_major_formatter(plotting.style.plain_number)
    plotting.style.quiet(ax)
    plotting.style.legend(ax)


def _figure(draw, size, caption, wide=False):
    """A picture as an address with its data; where there is nothing that can be drawn, what is said in its place."""
    matplotlib = extra("matplotlib", "report", "a report")
    figure = extra("matplotlib.figure", "report", "a report").Figure(figsize=size, layout="constrained")
    # The same picture has the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "marlfast", "svg.fonttype": "path"}):
        try:
            draw(figure.subplots())
        except ValueError as error:
            return {"data": None, "said": str(error), "caption": caption, "wide": True}
        # Once is enough to find the places of all parts: saving would do it twice.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        content = io.BytesIO()
        if _bytes(figure) > MAX_SVG:
            kind = "png"
            figure.savefig(content, format="png", dpi=130, metadata={"Software": None})
        else:
            kind = "svg+xml"
            figure.savefig(content, format="svg", metadata={"Date": None})
    address = base64.b64encode(content.getvalue()).decode()
    return {"data": f"data:image/{kind};base64,{address}", "caption": caption, "wide": wide}


def _bytes(figure):
    """About how many bytes of SVG its lines, dots and squares would take."""
    lines = [line for ax in figure.axes for line in ax.get_lines()]
    marks = [c for ax in figure.axes for c in ax.collections]
    return sum(20 * len(line.get_xdata()) for line in lines) + sum(
        100 * len(c.get_offsets()) + (250 * np.size(c.get_array()) if c.get_array() is not None else 0) for c in marks)
