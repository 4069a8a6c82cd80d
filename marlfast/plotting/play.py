"""How agents play with each other: joint actions, cross-play, dynamics, cycles."""
import numpy as np

from marlfast.errors import extra, integer, shown
from marlfast.plotting.style import (
    SEQUENTIAL,
    axes_for,
    bar,
    colours,
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
from marlfast.renamed import takes

WRITTEN = 12        # up to so many lines and columns have their numbers written in


@takes(most="max_shown")
@picture
def joint_actions(played, ax=None, counts=None, names=None, bins=60, max_shown=7, times=None, unit="step"):
    """Draw how often each joint action is played, over time, as areas that add up to 1.

    Parameters
    ----------
    played : StrategyRecorder, int [T, N] or [R, T, N], or float64 [T, J]
        Strategies kept while training (their product: agents choose each by itself); actions that were played, such as
        those of a :class:`marlfast.replay.Replay`; or frequencies. A negative number is no action.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    counts : sequence of int [N], optional
        Actions of each agent. Default: as many as there are in ``played``.
    names : sequence, optional
        Of actions: one for all agents, or one for each.
    bins : int
        Of time, for actions that were played.
    max_shown : int
        The most frequent ones; all else is one area.
    times : sequence of float [T], optional
        When; default: 1, 2, ....
    unit : str
        What time is counted in.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    marlfast.analysis.StrategyRecorder : Keeps strategies while training goes on.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis, plotting
    >>> path = analysis.StrategyRecorder()
    >>> game, learner = mf.games.PrisonersDilemma(), mf.IQL(0.1, explore=mf.Boltzmann(0.5))
    >>> _ = mf.train(game, learner, steps=100, runs=3, seed=0, block=20, callback=path)
    >>> ax = plotting.joint_actions(path)
    """
    at, shares, counts = _frequencies(played, counts, integer("bins", bins, 1), times)
    joint = list(np.ndindex(*counts)) if counts else [(j,) for j in range(shares.shape[1])]
    told = [" ".join(_action(names, i, a) for i, a in enumerate(actions)) for actions in joint]
    ax = axes_for(ax, "joint actions", (8.0, 4.0))
    order = np.argsort(-np.nansum(shares, axis=0), kind="stable")[:integer("max_shown", max_shown, 1)]
    rest = np.setdiff1d(np.arange(shares.shape[1]), order)
    layers = [shares[:, j] for j in order] + ([shares[:, rest].sum(axis=1)] if len(rest) else [])
    shades = colours(len(order)) + (["#bbbbbb"] if len(rest) else [])
    texts = [told[j] for j in order] + ([f"{len(rest)} others"] if len(rest) else [])
    if len(at) == 1:
        at, layers = np.array([at[0] - 0.5, at[0] + 0.5]), [np.repeat(layer, 2) for layer in layers]
    ax.stackplot(at, layers, colors=shades, labels=[literal(text) for text in texts], linewidth=0.4,
                 edgecolor=tones().back)
    ax.set_xlim(at[0], at[-1])
    ax.set_ylim(0.0, 1.0)
    ax.xaxis.set_major_formatter(plain_number)
    quiet(ax, grid=None)
    labels(ax, x=unit, y="share of joint actions")
    handles, legend = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], legend[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5),
              title="joint action")
    return ax


def _frequencies(played, counts, bins, times):
    """(times [T], shares [T, J], counts or None)."""
    if hasattr(type(played), "joint"):
        if not len(played.times):
            raise ValueError("played: nothing was recorded; give the recorder to train as its callback")
        return played.times, played.joint.mean(axis=1), tuple(s.shape[-1] for s in played.strategies)
    played = np.asarray(played)
    if played.dtype.kind == "f" and played.ndim == 2 and played.size:
        at = np.arange(1, len(played) + 1) if times is None else np.asarray(times, np.float64)
        return at, played, None if counts is None else tuple(counts)
    if played.dtype.kind not in "iu" or played.ndim not in (2, 3) or not played.size:
        raise ValueError("played: expected a StrategyRecorder, actions int [T, N] or [R, T, N], or frequencies "
                         f"float64 [T, J], got {shown(played)}")
    played = played[None] if played.ndim == 2 else played
    there = (played >= 0).all(axis=2)
    counts = tuple(played.max(axis=(0, 1)).clip(min=0) + 1) if counts is None else tuple(
        integer(f"counts[{i}]", n, 1) for i, n in enumerate(counts))
    if len(counts) != played.shape[2] or (played.max(axis=(0, 1)) >= counts).any():
        raise ValueError(f"counts: expected the number of actions of each of {played.shape[2]} agents, more than any "
                         f"that was played, got {shown(counts)}")
    size = int(np.prod(counts))
    if size > 100_000:
        raise ValueError(f"counts: {size:,} joint actions are too many to be counted")
    steps = played.shape[1]
    number = np.ravel_multi_index(tuple(np.where(there[..., None], played, 0).transpose(2, 0, 1)), counts)
    edges = np.linspace(0, steps, min(bins, steps) + 1).round().astype(int)
    shares = np.zeros((len(edges) - 1, size))
    for k, (a, b) in enumerate(zip(edges, edges[1:], strict=False)):
        shares[k] = np.bincount(number[:, a:b][there[:, a:b]], minlength=size)
    total = shares.sum(axis=1, keepdims=True)
    shares = shares / np.maximum(total, 1.0)
    at = (edges[:-1] + edges[1:] + 1) / 2.0
    if times is not None:
        times = np.asarray(times, np.float64)
        at = np.array([times[a:b].mean() for a, b in zip(edges, edges[1:], strict=False)])
    return at, shares, counts


def _action(names, agent, action):
    if names is None:
        return str(action)
    own = names[agent] if len(names) and isinstance(names[0], (list, tuple, np.ndarray)) else names
    value = own[action]
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


# -- cross-play ---------------------------------------------------------------------------------------


@picture
def cross_play_matrix(crossplay, ax=None, agent=None):
    """Draw what agents of each run earn with those of every other.

    Parameters
    ----------
    crossplay : CrossPlay
        Of :func:`marlfast.analysis.cross_play`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    agent : int, optional
        Whose reward; default: the mean over agents.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    marlfast.analysis.cross_play : The numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis, plotting
    >>> game = mf.games.BattleOfTheSexes()
    >>> run = mf.train(game, mf.IQL(), episodes=500, runs=6, seed=0)
    >>> ax = plotting.cross_play_matrix(analysis.cross_play(game, run))
    """
    if agent is None:
        values, who = crossplay.team, "mean over agents"
    else:
        values = crossplay.rewards[:, :, integer("agent", agent, 0, crossplay.rewards.shape[2] - 1)]
        who = f"agent {agent}"
    lines, columns = values.shape
    ax = axes_for(ax, "cross-play", (5.8, 4.8))
    image = ax.pcolormesh(np.ma.masked_invalid(values), cmap=SEQUENTIAL, edgecolors="none")
    ax.set_facecolor(tones().none)
    if lines == columns:
        patches = extra("matplotlib.patches", "plot", "cross-play")
        for k in range(lines):
            ax.add_patch(patches.Rectangle((k, k), 1, 1, fill=False, edgecolor=tones().strong,
                                           linewidth=1.5 if lines <= 40 else 0.5))
    if max(lines, columns) <= WRITTEN:
        for i, line in enumerate(values):
            for j, value in enumerate(line):
                if np.isfinite(value):
                    ax.text(j + 0.5, i + 0.5, f"{value:.3g}", ha="center", va="center", fontsize="small",
                            color=readable_on(image.cmap(image.norm(value))))
    for axis, count in ((ax.xaxis, columns), (ax.yaxis, lines)):
        shown_runs = np.arange(0, count, -(-count // 10))
        axis.set_ticks(shown_runs + 0.5, [str(k) for k in shown_runs])
    ax.set(aspect="equal")
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    bar(ax, image, f"{crossplay.measure}, {who}", format=plain_number)
    from_first = ", ".join(map(str, crossplay.agents))
    labels(ax, x="run of the other agents", y=f"run of agent{'s' if len(crossplay.agents) > 1 else ''} {from_first}",
           title="cross-play (framed: with their own)" if lines == columns else "cross-play")
    return ax


# -- dynamics of 2 x 2 games ----------------------------------------------------------------------------


@takes(most="max_shown")
@picture
def direction_field(field, paths=(), ax=None, names=None, max_shown=30):
    """Draw where a dynamics leads in a game of two agents with two actions, and how learners went.

    Parameters
    ----------
    field : Field
        Of :func:`marlfast.analysis.field`.
    paths : Trajectory, StrategyRecorder, or a sequence of them
        Of :func:`marlfast.analysis.replicator` or ``faq_dynamics``; and of learning, run by run.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    names : (str, str), optional
        Of action 0 of agent 0 and of agent 1; or one for both.
    max_shown : int
        Runs or starts that are drawn of each path.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    marlfast.analysis.field : The arrows.
    marlfast.analysis.StrategyRecorder : The way of learners.

    Examples
    --------
    >>> from marlfast import analysis, games, plotting
    >>> game = games.StagHunt()
    >>> path = analysis.replicator(game, [[0.6, 0.4], [0.6, 0.4]])
    >>> ax = plotting.direction_field(analysis.field(game), path, names=("stag", "stag"))
    """
    if not all(hasattr(field, name) for name in ("x", "y", "dx", "dy")):
        raise TypeError(f"field: expected what marlfast.analysis.field gives, got {shown(field)}")
    paths = list(paths) if isinstance(paths, (list, tuple)) else [paths]
    ax = axes_for(ax, "a field of directions", (5.6, 5.2))
    x, y = np.meshgrid(field.x, field.y, indexing="ij")
    speed = np.hypot(field.dx, field.dy)
    longest = speed.max() or 1.0
    # Arrows of one length show directions where everything is slow; their tone says how fast it is.
    safe = np.where(speed > 1e-12 * longest, speed, np.inf)
    ax.quiver(x, y, field.dx / safe, field.dy / safe, speed, cmap="Greys", pivot="mid", scale=1.6 * len(field.x),
              width=0.004, clim=(-0.5 * longest, longest))
    shades = [tone for tone in colours(8) if tone != tones().strong.upper()]
    for k, path in enumerate(paths):
        learned = not hasattr(path, "exact")
        first, second = (s[..., 0].reshape(len(s), -1) for s in path.strategies)
        colour, count = shades[k % len(shades)], min(first.shape[1], integer("max_shown", max_shown, 1))
        for b in range(count):
            told = ("learning" if learned else "dynamics") + (f" ({count})" if count > 1 else "")
            ax.plot(first[:, b], second[:, b], color=colour, linewidth=1.0 if learned else 2.0, zorder=2.5 if learned
                    else 2.0, linestyle="-" if learned else (0, (4, 1.5)), label=told if b == 0 else None)
        ax.scatter(first[0, :count], second[0, :count], s=22, facecolors=tones().back, edgecolors=colour, zorder=3)
        ax.scatter(first[-1, :count], second[-1, :count], s=26, color=colour, zorder=4)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    quiet(ax, grid=None)
    names = ("action 0", "action 0") if names is None else (names, names) if isinstance(names, str) else names
    labels(ax, x=f"probability of {names[0]}, agent 0", y=f"probability of {names[1]}, agent 1")
    if paths:
        ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=len(paths),
                  title=None, labelcolor=tones().ink)
    return ax


# -- cycles ---------------------------------------------------------------------------------------------


@picture
def cycle_diagram(cycles, ax=None, numbers=None, agents=None, name="action"):
    """Draw the limit cycles of all runs: where play ends, and how it goes round.

    Of two agents, in the plane of their actions. Of more, every joint action is a line from agent to agent.

    Parameters
    ----------
    cycles : Cycles
        Of :func:`marlfast.analysis.limit_cycles`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    numbers : sequence of float, or one for each agent, optional
        What actions stand for, such as ``game.prices``.
    agents : sequence of int, optional
        Which of them. Default: all. With a single agent: its action now and next.
    name : str
        What an action is called, such as "price".

    Returns
    -------
    matplotlib.axes.Axes
        A circle's area is the share of the runs' time spent there; an arrow's width the share of runs that go along it.
        Of more than two agents, a line's width is the share of the runs' time, and its colour the length of the cycle.

    See Also
    --------
    marlfast.analysis.limit_cycles : The numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis, plotting
    >>> game = mf.games.BattleOfTheSexes(memory=1, start="uniform", horizon=0)
    >>> run = mf.train(game, mf.IQL(), steps=2000, runs=10, seed=0)
    >>> ax = plotting.cycle_diagram(analysis.limit_cycles(game, run))
    """
    count = cycles.actions.shape[2]
    chosen = range(count) if agents is None else [integer(f"agents[{k}]", a, 0, count - 1)
                                                  for k, a in enumerate(agents)]
    if not len(chosen):
        raise ValueError("agents: expected at least one, got none")
    ax = axes_for(ax, "a diagram of cycles", (5.8, 5.2) if len(chosen) < 3 else (6.4, 4.0))
    if len(chosen) > 2:
        _cycles_of_many(ax, cycles, list(chosen), numbers, name)
        return ax
    alone = len(chosen) == 1
    i, j = (chosen[0], chosen[-1])
    time, moves = {}, {}
    for length, actions in zip(cycles.length.tolist(), cycles.actions, strict=True):
        here = [(int(a[i]), int(actions[(t + 1) % length][j] if alone else a[j])) for t, a in
                enumerate(actions[:length])]
        for t, place in enumerate(here):
            time[place] = time.get(place, 0.0) + 1.0 / length
            successor = here[(t + 1) % length]
            if successor != place:
                moves[place, successor] = moves.get((place, successor), 0) + 1
    runs = len(cycles.length)

    def at(place):
        return tuple(_number(numbers, i if k == 0 else j, a) for k, a in enumerate(place))

    patches = extra("matplotlib.patches", "plot", "a diagram of cycles")
    crowded = len(moves) > 40
    for (a, b), n in moves.items():
        ax.add_patch(patches.FancyArrowPatch(
            at(a), at(b), connectionstyle="arc3,rad=0.15", arrowstyle="-|>", mutation_scale=11, color=shade(1),
            linewidth=(0.4 if crowded else 0.8) + 4.0 * n / runs, alpha=0.35 if crowded else 0.75, shrinkA=5, shrinkB=5,
            zorder=2))
    places = list(time)
    points = np.array([at(place) for place in places])
    shares = np.array([time[place] for place in places]) / runs
    sizes = 25 + 1200 * shares
    ax.scatter(points[:, 0], points[:, 1], s=sizes, color=shade(0), alpha=0.85, zorder=3, linewidths=1,
               edgecolors=tones().back)
    for k in np.argsort(-shares)[:5]:
        if shares[k] >= 0.05:
            radius = np.sqrt(sizes[k] / np.pi)
            ax.annotate(f"{100 * shares[k]:.0f} %", points[k], textcoords="offset points", xytext=(radius + 2, 0),
                        ha="left", va="center", fontsize="small", color=tones().strong, zorder=4,
                        bbox={"boxstyle": "square,pad=0.1", "facecolor": tones().back, "alpha": 0.7,
                              "edgecolor": "none"})
    ax.margins(0.15)
    ax.set(aspect="equal" if numbers is None else "auto")
    quiet(ax, grid="both")
    ax.xaxis.set_major_formatter(plain_number)
    ax.yaxis.set_major_formatter(plain_number)
    if alone:
        labels(ax, x=f"{name} of agent {i}", y=f"its next {name}")
    else:
        labels(ax, x=f"{name} of agent {i}", y=f"{name} of agent {j}")
    labels(ax, title=_lengths(cycles))
    return ax


def _lengths(cycles):
    """How many runs end in which kind of cycle."""
    runs, still = len(cycles.length), int((cycles.length == 1).sum())
    return (f"limit cycles of {runs} {'run' if runs == 1 else 'runs'}: {still} stand still, longest "
            f"{int(cycles.length.max())}")


def _cycles_of_many(ax, cycles, chosen, numbers, name):
    """A line over the agents for every joint action, as wide as it is frequent, coloured by the length of its cycle."""
    time = {}
    for length, actions in zip(cycles.length.tolist(), cycles.actions, strict=True):
        for t in range(length):
            key = min(length, 3), tuple(int(actions[t][i]) for i in chosen)
            time[key] = time.get(key, 0.0) + 1.0 / (length * len(cycles.length))
    shades, words = colours(3), {1: "one joint action", 2: "cycles of two", 3: "longer cycles"}
    told = set()
    for (kind, joint), share in sorted(time.items(), key=lambda item: -item[1]):
        heights = [_number(numbers, i, a) for i, a in zip(chosen, joint, strict=True)]
        ax.plot(range(len(chosen)), heights, color=shades[kind - 1], linewidth=0.6 + 12.0 * share, alpha=0.6,
                marker="o", markersize=3.5, solid_capstyle="round", label=None if kind in told else words[kind])
        told.add(kind)
    ax.set_xticks(range(len(chosen)), [f"agent {i}" for i in chosen])
    ax.set_xlim(-0.15, len(chosen) - 0.85)
    ax.yaxis.set_major_formatter(plain_number)
    quiet(ax)
    labels(ax, y=name, title=_lengths(cycles))
    made = legend(ax)
    for line in made.get_lines():
        line.set_linewidth(3.0)


def _number(numbers, agent, action):
    """What an action stands for."""
    if numbers is None:
        return float(action)
    own = numbers[agent] if np.ndim(numbers[0]) else numbers
    return float(own[action])
