"""What a deviation leads to: impulse responses."""
import numpy as np

from marlfast import analysis, statistics
from marlfast.errors import choice, flag, integer
from marlfast.plotting.style import (
    axes_for,
    colours,
    labels,
    legend,
    picture,
    plain_number,
    quiet,
    shade,
    tones,
    whole_ticks,
)

MAX_LINES = 50


@picture
def impulse_response(game, result, agent=0, action="static", periods=1, length=15, what="actions", numbers=None,
                     ax=None, runs=False, level=0.95, resamples=1000, seed=0, discount=None):
    """Draw how all agents act, or what they earn, after one of them deviates from where play had settled.

    Period 0 is the long run before the deviation; the agent deviates from period 1 on.

    Parameters
    ----------
    game : Game or Model
        What is played.
    result : Result, Strategies, or what :func:`marlfast.analysis.strategies` takes
        What all agents do.
    agent : int
        Who deviates.
    action : int, "static" or "best"
        What to: see :func:`marlfast.analysis.deviation`.
    periods : int
        For how many steps.
    length : int
        T, how many steps to draw.
    what : {"actions", "rewards"}
        What is drawn; actions as ``numbers`` say.
    numbers : float64 [N, A], optional
        What actions stand for. Default: a game's ``prices``, where it has them, else the actions' numbers.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    runs : bool
        Draw single runs too, as thin lines, where there are at most 50 of them.
    level : float
        How sure the bootstrap intervals of the means are, in (0, 1).
    resamples : int
        How often the bootstrap draws.
    seed : int
        Of the bootstrap.
    discount : float, optional
        In [0, 1); with ``action="best"``.

    Returns
    -------
    matplotlib.axes.Axes
        A line for each agent, dotted at what it did before; where the game knows its one-shot equilibrium and its
        joint maximum, they are drawn as well.

    See Also
    --------
    marlfast.analysis.deviation : The numbers.

    References
    ----------
    E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020), figures 4 and 5.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.LogitBertrand(actions=3)
    >>> run = mf.train(game, mf.IQL(discount=0.95), steps=2000, runs=4, seed=0)
    >>> ax = mf.plotting.impulse_response(game, run, length=10)
    >>> [text.get_text() for text in ax.get_legend().get_texts()][:2]
    ['agent 0 (deviates)', 'agent 1']
    """
    choice("what", what, ("actions", "rewards"))
    if numbers is None and what == "actions":
        numbers = getattr(game, "prices", None)
    found = analysis.deviation(game, result, integer("agent", agent, 0), action, periods, length, numbers=numbers,
                               discount=discount)
    values = found.kept(found.actions if what == "actions" else found.rewards)          # [R, T, N]
    before = found.kept(found.before_actions if what == "actions" else found.before_rewards)
    if not len(values):
        raise ValueError("result: no run is left to draw; all failed, or none has finished")
    ax, runs = axes_for(ax, "an impulse response", (7.0, 4.2)), flag("runs", runs)
    at = np.arange(values.shape[1] + 1)
    agents = values.shape[2]
    for i, colour in enumerate(colours(agents)):
        lines = np.concatenate([before[:, None, i], values[:, :, i]], axis=1)
        if runs and 1 < len(lines) <= MAX_LINES:
            for line in lines:
                ax.plot(at, line, color=colour, linewidth=0.5, alpha=0.3)
        e = statistics.estimate_each(lines, "mean", level, resamples, seed)
        if len(lines) > 1:
            ax.fill_between(at, e.low, e.high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(at, e.value, color=colour, linewidth=2.0, marker="o" if i == found.agent else "s", markersize=4,
                label=f"agent {i} (deviates)" if i == found.agent else f"agent {i}")
        ax.axhline(e.value[0], color=colour, linewidth=0.8, linestyle=":")
    for name, word, style in (("nash", "one-shot equilibrium", "--"), ("monopoly", "joint maximum", "-.")):
        known = getattr(game, f"{name}_{'prices' if what == 'actions' else 'profits'}", None)
        if known is not None and len(set(np.round(np.asarray(known, float), 12).tolist())) == 1:
            ax.axhline(float(known[0]), color=shade(6), linewidth=1.0, linestyle=style)
            ax.annotate(word, (1.0, float(known[0])), xytext=(-2, 2), xycoords=ax.get_yaxis_transform(),
                        textcoords="offset points", ha="right", va="bottom", fontsize="small", color=tones().ink)
    ax.axvspan(0.5, periods + 0.5, color=shade(4), alpha=0.12, linewidth=0)
    quiet(ax)
    whole_ticks(ax.xaxis)
    ax.yaxis.set_major_formatter(plain_number)
    unit = "price" if what == "actions" and hasattr(game, "prices") else what[:-1]
    told = "one run" if len(values) == 1 else f"mean of {found.of_runs(len(found.actions))}, {100 * level:g} % interval"
    labels(ax, x="period (shaded: the deviation)", y=unit, title=told)
    legend(ax)
    return ax
