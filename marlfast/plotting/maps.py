"""What was learned, row by row: greedy actions, action values, visits."""
import numpy as np

from marlfast.errors import extra, integer, shown
from marlfast.learners.tabular import Tabular
from marlfast.plotting.style import (
    INK,
    NONE,
    SEQUENTIAL,
    axes_for,
    bar,
    colours,
    labels,
    literal,
    plain_number,
    readable_on,
    whole_ticks,
)
from marlfast.result import Result

STRIP = 60          # rows that are shown side by side with all agents; more of them are wrapped


def policy_map(result, run=0, agent=None, names=None, shape=None, axes_labels=None, ax=None):
    """Draw the greedy action of each table row.

    Rows of two features stand in their plane; others side by side, an agent below the other; many of them, or where
    ``shape`` is given, in lines from left to right. Rows that were never updated are grey, as their first
    action means nothing.

    Parameters
    ----------
    result : Result
        Of a training with tables.
    run : int
        Which of its runs.
    agent : int, optional
        Default: all of them, where rows stand side by side; else agent 0.
    names : sequence of str, optional
        Of the actions.
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
    places, agents = _places(result, run, agent, shape)
    game = result.experiment.game
    actions, certain = (found[:, agents] for found in likeliest_actions(result, run))
    what = "greedy actions" if certain.all() else "likeliest actions of mixed policies"
    actions = actions.astype(np.float64)
    visits = _visits(result, run, agents)
    if visits is not None:
        actions[visits == 0] = np.nan
    count = int(max(game.action_counts[agents]))
    if names is not None and len(names) < count:
        raise ValueError(f"names: expected one for each of {count} actions, got {shown(names)}")
    names = [str(k) for k in range(count)] if names is None else [str(name) for name in names]
    matplotlib = extra("matplotlib.colors", "plot", "a map")
    tones = colours(count)
    look = matplotlib.ListedColormap(tones)
    ax, image, picture = _drawn(places, agents, actions, ax, "a map of a policy", axes_labels, result,
                                cmap=look, norm=matplotlib.BoundaryNorm(np.arange(count + 1) - 0.5, count))
    shown_ticks = range(count) if count <= 12 else np.linspace(0, count - 1, 6).astype(int).tolist()
    made = bar(ax, image, "greedy action" if certain.all() else "likeliest action", ticks=list(shown_ticks))
    made.ax.set_yticklabels([literal(names[k]) for k in shown_ticks])
    made.ax.minorticks_off()
    if picture.size <= 150:
        _written(ax, picture, [names[int(v)] if np.isfinite(v) else "" for v in picture.ravel()],
                 [readable_on(tones[int(v)]) if np.isfinite(v) else INK for v in picture.ravel()])
    labels(ax, title=_title(result, run, agents, what))
    return ax


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
    places, agents = _places(result, run, agent, shape)
    visits = _visits(result, run, agents)
    if visits is None:
        raise ValueError(f"result: learner {result.experiment.learner.name!r} counts no visits")
    counts = visits.astype(np.float64)
    counts[counts == 0] = np.nan
    most = float(np.nanmax(counts)) if np.isfinite(counts).any() else 1.0
    scale = extra("matplotlib.colors", "plot", "a map").LogNorm(1.0, max(most, 2.0))
    ax, image, _ = _drawn(places, agents, counts, ax, "a map of visits", axes_labels, result, cmap=SEQUENTIAL,
                          norm=scale)
    ax.set_facecolor("white")
    bar(ax, image, "updates of the row", format=plain_number)
    labels(ax, title=_title(result, run, agents, "visits"))
    return ax


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
    places, agents = _places(result, run, agent, shape)
    visits, values = _visits(result, run, agents), None
    game = result.experiment.game
    for k, i in enumerate(agents):
        tables, one = result.tables(i), _learner(result, i)
        if not isinstance(one, Tabular) or np.ndim(tables.get("q")) != 4:
            raise ValueError(f"result: learner {one.name!r} has no values of an agent's own actions by row")
        if values is None:
            values = np.full((tables["q"].shape[1], len(agents)), np.nan)
        values[:, k] = tables["q"][run, :, _table(result, i), :int(game.action_counts[i])].max(axis=-1)
    values = values[:len(places)]
    if visits is not None:
        values[visits == 0] = np.nan
    ax, image, _ = _drawn(places, agents, values, ax, "a map of values", axes_labels, result, cmap=SEQUENTIAL)
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


def _places(result, run, agent, shape):
    """Observations of the rows [rows, D], and numbers of the agents to show."""
    if not isinstance(result, Result):
        raise TypeError(f"result: expected a Result, got {shown(result)}")
    run = integer("run", run, 0, len(result.steps) - 1)
    if result.experiment.encoder.active(result.experiment.game) > 1:
        raise ValueError(f"result: encoder {result.experiment.encoder.name!r} puts an observation into several rows, "
                         "so that a row alone has no action and no value")
    rows = result.rows[run]
    if not len(rows):
        raise ValueError("result: no table row is in use")
    if shape is not None:
        lines, columns = (integer(f"shape[{k}]", n, 1) for k, n in enumerate(shape))
        if lines * columns != len(rows):
            raise ValueError(f"shape: expected numbers whose product is the number of rows, {len(rows)}, got "
                             f"{shown(shape)}")
        rows = np.stack(np.divmod(np.arange(len(rows)), columns), axis=1)[:, ::-1].astype(np.float64)
    elif rows.shape[1] != 2 and len(rows) > STRIP:
        columns = int(np.ceil(np.sqrt(len(rows))))
        rows = np.stack(np.divmod(np.arange(len(rows)), columns), axis=1)[:, ::-1].astype(np.float64)
    agents = result.experiment.game.agents
    if rows.shape[1] == 2:
        return rows, [0 if agent is None else integer("agent", agent, 0, agents - 1)]
    return rows, list(range(agents)) if agent is None else [integer("agent", agent, 0, agents - 1)]


def _drawn(places, agents, values, ax, what, axes_labels, result, **look):
    """The picture of ``values`` [rows, agents]: axes, image, and the numbers in it [lines, columns]."""
    plane = places.shape[1] == 2
    if plane:
        xs, x = np.unique(places[:, 0], return_inverse=True)
        ys, y = np.unique(places[:, 1], return_inverse=True)
        picture = np.full((len(ys), len(xs)), np.nan)
        picture[y, x] = values[:, 0]
        size = 6.0, 4.8
    else:
        xs, ys, picture = np.arange(len(places)), np.arange(len(agents)), values.T
        size = 8.0, 1.3 + 0.45 * len(agents)
    ax = axes_for(ax, what, size)
    image = ax.pcolormesh(_edges(xs), _edges(ys), np.ma.masked_invalid(picture), **look)
    ax.set_facecolor(NONE)
    given = _told(result, plane, len(xs))
    wanted = given if axes_labels is None else axes_labels
    labels(ax, x=wanted[0], y=wanted[1])
    if plane and axes_labels is None and given[0].startswith("row"):
        ax.invert_yaxis()
    if not plane:
        ax.set_yticks(ys, [f"agent {i}" for i in agents])
        ax.invert_yaxis()
        if result.experiment.game.observations is None and places.shape[1] == 1 and len(places) <= 25:
            ax.set_xticks(xs, [plain_number(v) for v in places[:, 0]], rotation=90 if len(places) > 12 else 0)
        else:
            whole_ticks(ax.xaxis)
    ax.tick_params(colors=INK)
    ax.spines[:].set_visible(False)
    return ax, image, picture


def _told(result, plane, columns):
    """What stands below and beside."""
    game = result.experiment.game
    if plane and game.observations is None and game.features == 2:
        return "feature 0 of the observation", "feature 1 of the observation"
    if plane:
        return f"row of the table, modulo {columns}", f"row of the table / {columns}"
    if game.observations is None and game.features == 1:
        return "observation (in the order first seen)" if result.experiment.encoder.grows else "observation", None
    return "row of the table", None


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
        ax.text(x, y, literal(text), ha="center", va="center", fontsize=8, color=ink)


def _title(result, run, agents, what):
    e = result.experiment
    of = f", agent {agents[0]}" if len(agents) == 1 and e.game.agents > 1 else ""
    many = f", run {run}" if len(result.steps) > 1 else ""
    return f"{e.game.name}, {e.learner.name}: {what}{of}{many}"
