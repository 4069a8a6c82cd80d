"""What was learned, row by row: greedy actions, action values, visits."""
from typing import NamedTuple

import numpy as np

from marlfast.errors import extra, integer, shown
from marlfast.games.matrix import NormalForm
from marlfast.learners.tabular import Tabular
from marlfast.plotting.style import (
    SEQUENTIAL,
    axes_for,
    bar,
    colours,
    labels,
    literal,
    picture,
    plain_number,
    readable_on,
    tones,
    whole_ticks,
)
from marlfast.result import Result

STRIP = 60          # rows that are shown side by side with all agents; more of them are wrapped
BESIDE = 25         # rows with names that stand side by side
LINES, LINE, LETTER = 30, 0.185, 0.082      # of a table: lines of a block; inches of a line and of a letter
LONG = 24           # letters of a row's name that fit below a picture


@picture
def policy_map(result, run=0, agent=None, names=None, shape=None, axes_labels=None, ax=None):
    """Draw the greedy action of each table row.

    Rows of two features stand in their plane, and so do, where they are many or ``agent`` is given, the last two
    actions of a game of two agents with a memory of one round; others stand side by side, an agent below the other.
    Where they are too many for that, they are a table (:func:`policy_table`). Rows that were never updated are grey,
    as their first action means nothing. Actions and states have the names that the game gives them
    (``action_names``, ``state_names``).

    Parameters
    ----------
    result : Result
        Of a training with tables.
    run : int
        Which of its runs.
    agent : int, optional
        Default: all of them, where rows stand side by side; else agent 0.
    names : sequence of str, optional
        Of the actions. Default: the game's own.
    shape : (int, int), optional
        Rows as a picture of so many lines and columns, such as (5, 5) for the prices of two firms before.
    axes_labels : (str, str), optional
        What stands below and beside the picture.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    visit_map : How often each row was updated.
    value_map : What it is worth.
    board_policy : On the squares of a board.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> game = mf.games.PrisonersDilemma(memory=1, horizon=0)
    >>> run = mf.train(game, mf.IQL(), steps=2000, seed=0)
    >>> ax = plotting.policy_map(run, names=["cooperate", "defect"])
    """
    layout = _places(result, run, agent, shape)
    if _is_table(layout, result, run):
        return policy_table(result, run, agent, names, ax)
    agents, game = layout.agents, result.experiment.game
    actions, certain = (found[:, agents] for found in likeliest_actions(result, run))
    what = "greedy actions" if certain.all() else "likeliest actions of mixed policies"
    actions = actions.astype(np.float64)
    visits = _visits(result, run, agents)
    if visits is not None:
        actions[visits == 0] = np.nan
    names = _names(game, agents, names)
    count = len(names)
    matplotlib = extra("matplotlib.colors", "plot", "a map")
    shades = colours(count)
    look = matplotlib.ListedColormap(shades)
    ax, image, picture = _drawn(layout, actions, ax, "a map of a policy", axes_labels, result,
                                cmap=look, norm=matplotlib.BoundaryNorm(np.arange(count + 1) - 0.5, count))
    shown_ticks = range(count) if count <= 12 else np.linspace(0, count - 1, 6).astype(int).tolist()
    made = bar(ax, image, "greedy action" if certain.all() else "likeliest action", ticks=list(shown_ticks))
    made.ax.set_yticklabels([literal(names[k]) for k in shown_ticks])
    made.ax.minorticks_off()
    if picture.size <= 150:
        _written(ax, picture, [names[int(v)] if np.isfinite(v) else "" for v in picture.ravel()],
                 [readable_on(shades[int(v)]) if np.isfinite(v) else tones().ink for v in picture.ravel()])
    labels(ax, title=_title(result, run, agents, what))
    return ax


def _is_table(layout, result, run):
    return layout.many or layout.places is None and max(map(len, _row_names(result, run))) > LONG


def as_table(result, run=0):
    """Whether :func:`policy_map` draws a table."""
    try:
        return _is_table(_places(result, run, None, None), result, run)
    except ValueError:
        return False


def _names(game, agents, names):
    """What actions are called: as given, else as the game calls those of these agents, where they agree."""
    count = int(max(game.action_counts[agents]))
    if names is not None:
        if len(names) < count:
            raise ValueError(f"names: expected one for each of {count} actions, got {shown(names)}")
        return [str(name) for name in names][:count]
    own = [game.names_of_actions(i) for i in agents]
    longest = max(own, key=len)
    return longest if all(one == longest[:len(one)] for one in own) else [str(k) for k in range(count)]


@picture
def policy_table(result, run=0, agent=None, names=None, ax=None, max_rows=90):
    """Write what is done in each table row as a table: for states that stand in no plane.

    Parameters
    ----------
    result : Result
        Of a training with tables.
    run : int
        Which of its runs.
    agent : int, optional
        Default: all of them, at most six.
    names : sequence of str, optional
        Of the actions. Default: the game's own.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    max_rows : int
        So many are written; those that were updated most.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    policy_map : As a picture.
    marlfast.Policy.table : The numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.PrisonersDilemma(memory=2, horizon=0), mf.IQL(), steps=5000, seed=0)
    >>> ax = mf.plotting.policy_table(run)
    """
    layout, game = _places(result, run, agent, None), result.experiment.game
    agents = (list(range(game.agents)) if agent is None else layout.agents)[:6]
    max_rows = integer("max_rows", max_rows, 1, 2000)
    actions = likeliest_actions(result, run)[0][:, agents]
    visits, called = _visits(result, run, agents), _row_names(result, run)
    order = np.arange(len(actions))
    if len(actions) > max_rows:         # those that count
        order = np.sort(np.argsort(-visits.sum(axis=1) if visits is not None else order, kind="stable")[:max_rows])
    words = [_names(game, [i], names) for i in agents]
    shades = colours(max(map(len, words)))
    # Columns in letters: the state, then each agent; blocks beside each other, as many as there is room for.
    wide = [max(5, *(len(called[k]) for k in order)) + 1.5, *(max(7, *map(len, w)) + 1.5 for w in words)]
    blocks = max(1, -(-len(order) // LINES))
    if ax is not None:
        inches = ax.figure.get_size_inches() * ax.get_position().size
        blocks = max(1, min(blocks, int(inches[0] / (LETTER * sum(wide)))))
        order = order[:blocks * max(1, int(inches[1] / LINE) - 1)]
        blocks = min(blocks, len(order))
    lines = -(-len(order) // blocks)
    ax = axes_for(ax, "a table of a policy", (max(3.0, blocks * LETTER * sum(wide) + 0.2), 0.5 + LINE * (lines + 1)))
    ax.set(xlim=(0, blocks * sum(wide)), ylim=(lines, -1))
    ax.axis("off")
    rights = np.cumsum(wide)[1:] - 0.75
    for b in range(blocks):
        at = b * sum(wide)
        ax.text(at + 0.5, -0.5, "state", ha="left", va="center", fontsize="small", color=tones().ink, fontweight="bold")
        for right, i in zip(rights, agents, strict=True):
            ax.text(at + right, -0.5, f"agent {i}", ha="right", va="center", fontsize="small", color=tones().ink,
                    fontweight="bold")
    for place, k in enumerate(order.tolist()):
        (b, line), at = divmod(place, lines), place // lines * sum(wide)
        if line % 2 == 0:
            ax.add_patch(extra("matplotlib.patches", "plot", "a table").Rectangle(
                (at + 0.1, line), sum(wide) - 0.6, 1, color=tones().pale, alpha=0.45, linewidth=0))
        ax.text(at + 0.5, line + 0.5, literal(called[k]), ha="left", va="center", fontsize="small", color=tones().ink)
        for j, right in enumerate(rights):
            never = visits is not None and visits[k, j] == 0
            ax.text(at + right, line + 0.5, "–" if never else literal(words[j][actions[k, j]]), ha="right",
                    va="center", fontsize="small", fontweight="bold",
                    color=tones().quiet if never else shades[actions[k, j]])
    left = len(actions) - len(order)
    labels(ax, title=_title(result, run, layout.agents if agent is not None else list(agents), "policy")
           + (f" ({len(order)} of {len(actions)} states, the most visited)" if left else ""))
    return ax


def _row_names(result, run):
    """What the rows of a table are called, as the game calls what is seen there; else the observations themselves."""
    game, rows = result.experiment.game, result.rows[run]
    called = game.names_of_observations() if game.observations is not None else None
    if called is not None and result.experiment.encoder.name == "numbered" and len(rows) <= len(called):
        return [called[int(row[0])] for row in rows]
    return [", ".join(plain_number(v) for v in row) for row in rows]


@picture
def visit_map(result, run=0, agent=None, shape=None, axes_labels=None, ax=None):
    """Draw how often each table row was updated, on a logarithmic scale; white: never.

    Parameters
    ----------
    result : Result
        Of a training with tables.
    run : int
        Which of its runs.
    agent : int, optional
        Default: all of them, where rows stand side by side; else agent 0.
    shape : (int, int), optional
        Rows as a picture of so many lines and columns.
    axes_labels : (str, str), optional
        What stands below and beside the picture.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    policy_map : What is done in each row.
    marlfast.Result.visits : The numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=0), mf.IQL(), steps=2000, seed=0)
    >>> ax = plotting.visit_map(run)
    """
    layout = _places(result, run, agent, shape)
    agents = layout.agents
    visits = _visits(result, run, agents)
    if visits is None:
        raise ValueError(f"result: learner {result.experiment.learner.name!r} counts no visits")
    counts = visits.astype(np.float64)
    counts[counts == 0] = np.nan
    most = float(np.nanmax(counts)) if np.isfinite(counts).any() else 1.0
    scale = extra("matplotlib.colors", "plot", "a map").LogNorm(1.0, max(most, 2.0))
    ax, image, _ = _drawn(layout, counts, ax, "a map of visits", axes_labels, result, cmap=SEQUENTIAL,
                          norm=scale)
    ax.set_facecolor(tones().back)
    bar(ax, image, "updates of the row", format=plain_number)
    labels(ax, title=_title(result, run, agents, "visits"))
    return ax


@picture
def value_map(result, run=0, agent=None, shape=None, axes_labels=None, ax=None):
    """Draw the greatest action value of each table row that was visited.

    Parameters
    ----------
    result : Result
        Of a training with tables.
    run : int
        Which of its runs.
    agent : int, optional
        Default: all of them, where rows stand side by side; else agent 0.
    shape : (int, int), optional
        Rows as a picture of so many lines and columns.
    axes_labels : (str, str), optional
        What stands below and beside the picture.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    policy_map : What is done in each row.
    marlfast.Result.q : The numbers.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=0), mf.IQL(), steps=2000, seed=0)
    >>> ax = plotting.value_map(run, agent=1)
    """
    layout = _places(result, run, agent, shape)
    agents = layout.agents
    visits, values = _visits(result, run, agents), None
    game = result.experiment.game
    for k, i in enumerate(agents):
        tables, one = result.tables(i), _learner(result, i)
        if not isinstance(one, Tabular) or np.ndim(tables.get("q")) != 4:
            raise ValueError(f"result: learner {one.name!r} has no values of an agent's own actions by row")
        if values is None:
            values = np.full((tables["q"].shape[1], len(agents)), np.nan)
        values[:, k] = tables["q"][run, :, _table(result, i), :int(game.action_counts[i])].max(axis=-1)
    values = values[:len(result.rows[run])]
    if visits is not None:
        values[visits == 0] = np.nan
    ax, image, _ = _drawn(layout, values, ax, "a map of values", axes_labels, result, cmap=SEQUENTIAL)
    bar(ax, image, "greatest action value", format=plain_number)
    labels(ax, title=_title(result, run, agents, "values"))
    return ax


def likeliest_actions(result, run=0):
    """What every agent does most likely in each row in use, and whether it is certain: int32 and bool [rows, N]."""
    policy, game = result.policy(run), result.experiment.game
    tables = [policy.table(i) for i in range(game.agents)]
    return (np.stack([p.argmax(axis=1) for p in tables], axis=1).astype(np.int32),
            np.stack([p.max(axis=1) == 1.0 for p in tables], axis=1))


def _learner(result, agent):
    """The learner that controls an agent."""
    return result.experiment.resolved.part(agent)[1]


def _table(result, agent):
    """Which table an agent uses."""
    _, one, context = result.experiment.resolved.part(agent)
    return int(one.tables(context)[agent]) if callable(getattr(one, "tables", None)) else 0


def _visits(result, run, agents):
    """Updates of each row for each agent: int [rows, agents]; None where a learner does not count."""
    used, found = int(result.used[run]), []
    for i in agents:
        tables = result.tables(i)
        if np.ndim(tables.get("visits")) != 3:
            return None
        visits = tables["visits"][run, :used]
        found.append(visits[:, min(_table(result, i), visits.shape[1] - 1)])
    return np.stack(found, axis=1)


class _Layout(NamedTuple):
    """Where rows stand: in a plane (x and y of each, ``names`` of the places on each axis) or side by side."""

    places: np.ndarray | None       # [rows, 2]; None: side by side
    agents: list
    kept: np.ndarray                # which rows are drawn
    axes: tuple = (None, None)      # what is written below and beside
    names: tuple = (None, None)     # of the places along each axis, in the order of their numbers
    many: bool = False              # too many for a picture that can be read
    numbered: bool = False          # lines from left to right, then down


def _places(result, run, agent, shape):
    """The layout of a run's rows, and of the agents to show."""
    if not isinstance(result, Result):
        raise TypeError(f"result: expected a Result, got {shown(result)}")
    run = integer("run", run, 0, len(result.steps) - 1)
    game, encoder = result.experiment.game, result.experiment.encoder
    if encoder.active(game) > 1:
        raise ValueError(f"result: encoder {encoder.name!r} puts an observation into several rows, "
                         "so that a row alone has no action and no value")
    rows = result.rows[run]
    if not len(rows):
        raise ValueError("result: no table row is in use")
    whole = np.ones(len(rows), bool)
    one = [0 if agent is None else integer("agent", agent, 0, game.agents - 1)]
    if shape is not None:
        lines, columns = (integer(f"shape[{k}]", n, 1) for k, n in enumerate(shape))
        if lines * columns != len(rows):
            raise ValueError(f"shape: expected numbers whose product is the number of rows, {len(rows)}, got "
                             f"{shown(shape)}")
        return _Layout(_lines(len(rows), columns), one, whole, _in_lines(columns), numbered=True)
    if rows.shape[1] == 2:
        plain = game.observations is None and game.features == 2
        return _Layout(rows, one, whole, ("feature 0 of the observation", "feature 1 of the observation") if plain
                       else (None, None))
    if game.agents == 2 and game.observations is not None and getattr(game, "memory", 0) == 1 and \
            isinstance(game, NormalForm) and (len(rows) > BESIDE or agent is not None):
        joints = int(np.prod(game.action_counts))
        obs = rows[:, 0].astype(np.int64)
        kept = obs < joints                        # the empty history stands in no plane
        if kept.sum() > 2:
            first, second = np.divmod(obs[kept], int(game.action_counts[1]))
            return _Layout(np.stack([first, second], axis=1).astype(np.float64), one, kept,
                           ("last action of agent 0", "last action of agent 1"),
                           (game.names_of_actions(0), game.names_of_actions(1)))
    agents = list(range(game.agents)) if agent is None else one
    if len(rows) <= STRIP:
        return _Layout(None, agents, whole)
    columns = int(np.ceil(np.sqrt(len(rows))))
    return _Layout(_lines(len(rows), columns), one, whole, _in_lines(columns), many=True, numbered=True)


def _lines(count, columns):
    return np.stack(np.divmod(np.arange(count), columns), axis=1)[:, ::-1].astype(np.float64)


def _in_lines(columns):
    return f"rows of the table, {columns} in a line", None


def _drawn(layout, values, ax, what, axes_labels, result, **look):
    """The picture of ``values`` [rows, agents]: axes, image, and the numbers in it [lines, columns]."""
    agents, values = layout.agents, values[layout.kept]
    plane = layout.places is not None
    if plane:
        xs, x = np.unique(layout.places[:, 0], return_inverse=True)
        ys, y = np.unique(layout.places[:, 1], return_inverse=True)
        picture = np.full((len(ys), len(xs)), np.nan)
        picture[y, x] = values[:, 0]
        size = 5.6, 4.6
    else:
        xs, ys, picture = np.arange(len(values)), np.arange(len(agents)), values.T
        size = 6.4, 1.3 + 0.45 * len(agents)
    ax = axes_for(ax, what, size)
    image = ax.pcolormesh(_edges(xs), _edges(ys), np.ma.masked_invalid(picture), **look)
    ax.set_facecolor(tones().none)
    wanted = layout.axes if axes_labels is None else axes_labels
    labels(ax, x=wanted[0], y=wanted[1])
    if layout.numbered:
        ax.invert_yaxis()
        if axes_labels is None:
            ax.set_xticks([])
            ax.set_yticks([])
    for axis, names, at in ((ax.xaxis, layout.names[0], xs), (ax.yaxis, layout.names[1], ys)):
        if names is not None:
            chosen = np.arange(0, len(at), -(-len(at) // 8))
            axis.set_ticks(at[chosen], [literal(names[int(at[k])]) for k in chosen])
    if not plane:
        _name_rows(ax, xs, ys, agents, result, axes_labels)
    ax.tick_params(colors=tones().ink)
    ax.spines[:].set_visible(False)
    return ax, image, picture


def _name_rows(ax, xs, ys, agents, result, axes_labels):
    """Agents beside rows that stand side by side, and below what the rows are."""
    ax.set_yticks(ys, [f"agent {i}" for i in agents])
    ax.invert_yaxis()
    run = next(k for k in range(len(result.rows)) if len(result.rows[k]) >= len(xs))
    game, named = result.experiment.game, _row_names(result, run)
    if len(xs) <= BESIDE and max(map(len, named)) <= LONG and (
            game.names_of_observations() is not None or result.rows[run].shape[1] == 1):
        turned = max(map(len, named)) * len(xs) > 60
        ax.set_xticks(xs, [literal(name) for name in named[:len(xs)]], rotation=90 if turned else 0)
        what = "state" if game.names_of_observations() is not None else "observation"
    else:
        whole_ticks(ax.xaxis)
        what = "row of the table"
    if axes_labels is None:
        labels(ax, x=what)


def _edges(values):
    """Edges of cells around ascending values."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2.0
    return np.concatenate([[values[0] - (middle[0] - values[0])], middle, [values[-1] + (values[-1] - middle[-1])]])


def _written(ax, picture, texts, inks):
    """Text in every cell."""
    lines, columns = picture.shape
    if max(map(len, texts)) > 4 or columns > 30:
        return
    quads = ax.collections[0].get_coordinates()
    centres = (quads[:-1, :-1] + quads[1:, 1:]) / 2.0
    for (x, y), text, ink in zip(centres.reshape(-1, 2), texts, inks, strict=True):
        ax.text(x, y, literal(text), ha="center", va="center", fontsize="small", color=ink)


def _title(result, run, agents, what):
    e = result.experiment
    of = f", agent {agents[0]}" if len(agents) == 1 and e.game.agents > 1 else ""
    many = f", run {run}" if len(result.steps) > 1 else ""
    return f"{e.game.name}, {e.learner.name}: {what}{of}{many}"
