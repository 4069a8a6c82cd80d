"""Games on squares: a state, an episode, and what an agent would do from every square."""
import numpy as np

from marlfast.errors import extra, integer, real, shown
from marlfast.plotting.style import COLOURS, axes_for, labels, literal, picture, tones

#: Colour of each kind of mark on a board.
_KINDS = {"agent": COLOURS[0], "rival": COLOURS[1], "target": COLOURS[2], "object": "#B07A00", "goal": COLOURS[3],
          "wall": "#555555"}
_ARROWS = {(-1, 0): "↑", (1, 0): "↓", (0, -1): "←", (0, 1): "→", (-1, -1): "↖", (-1, 1): "↗", (1, -1): "↙",
           (1, 1): "↘"}


@picture
def frame(game, state, ax=None):
    """Draw one state of a game on squares.

    Parameters
    ----------
    game : Game
        One with a board; see ``game.board``.
    state : float64 [S]
        Of one run, such as ``env.state[0]``.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure, made without ``pyplot``.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    animate : A whole episode.
    board_policy : What an agent does on every square.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> game = mf.games.Soccer()
    >>> env = game.env(seed=0)
    >>> _ = env.reset()
    >>> ax = plotting.frame(game, env.state[0])
    """
    board = _board(game, state)
    ax = _squares(board, ax, "a frame")
    _marks(ax, board.marks)
    if board.caption:
        ax.set_xlabel(literal(board.caption), color=tones().ink, fontsize="medium")
    return ax


def _board(game, state):
    board = game.board(state)
    if board is None:
        raise ValueError(f"game: {game.name!r} is not played on squares; use game.render(state) for its text")
    return board


def _squares(board, ax, what):
    """Axes with the empty squares of a board."""
    size = 0.55
    ax = axes_for(ax, what, (max(2.0, size * board.width + 0.4), max(1.2, size * board.height + 0.7)))
    ax.set(xlim=(0, board.width), ylim=(board.height, 0), aspect="equal")
    ax.set_xticks(range(board.width + 1), [])
    ax.set_yticks(range(board.height + 1), [])
    ax.grid(color=tones().pale, linewidth=0.8)
    ax.tick_params(length=0)
    ax.set_axisbelow(True)
    return ax


def _marks(ax, marks):
    patches = extra("matplotlib.patches", "plot", "a frame")
    shared = {}
    for mark in marks:
        shared.setdefault((mark.row, mark.column), []).append(mark)
    for (row, column), there in shared.items():
        for k, mark in enumerate(there):
            x, y, share = column + (k + 0.5) / len(there), row + 0.5, 1.0 / len(there)
            colour = _KINDS[mark.kind]
            if mark.kind in ("agent", "rival"):
                ax.add_patch(patches.Ellipse((x, y), 0.8 * share, 0.8, color=colour))
            else:
                ax.add_patch(patches.Rectangle((x - 0.44 * share, y - 0.44), 0.88 * share, 0.88, color=colour,
                                               alpha=0.35 if mark.kind == "goal" else 1.0))
            ax.text(x, y, mark.text, ha="center", va="center", color="white" if mark.kind != "goal" else tones().ink,
                    fontsize=11 if share == 1.0 else 8)


# -- what an agent would do from every square ---------------------------------------------------------


@picture
def board_policy(policy, state, agent=0, run=0, names=None, ax=None):
    """Draw what one agent does on every square of the board, all else being as in a state.

    Where its policy is mixed, the likeliest action is drawn, with its probability.

    Parameters
    ----------
    policy : Policy or Result
        Of a game on squares, in which the agent's place is part of the state.
    state : float64 [S]
        Where the others are, such as ``env.state[0]``.
    agent : int
        Whose actions.
    run : int
        Of a Result: which run.
    names : sequence of str, optional
        What to write for each action, such as ``"←"``. Default: an arrow for an action that moves the agent, the
        action's number for the others.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it is drawn.

    See Also
    --------
    frame : A state itself.
    policy_map : The same row by row, for any game.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> game = mf.games.Soccer()
    >>> run = mf.train(game, mf.IQL(), episodes=50, seed=0)
    >>> env = game.env(seed=0)
    >>> _ = env.reset()
    >>> ax = plotting.board_policy(run, env.state[0], agent=1)
    """
    policy = policy.policy(run) if hasattr(policy, "policy") else policy
    game = policy.experiment.game
    agent = integer("agent", agent, 0, game.agents - 1)
    state = np.array(state, np.float64)
    board = _board(game, state)
    mine = _mark_of(board, agent)
    places = _places(game, state, agent)
    if len(places) < 2:
        raise ValueError(f"agent: the place of agent {agent} in game {game.name!r} is not found in its state, so "
                         "there is no map; use plotting.frame")
    kernel = game.kernel("numpy")
    count = int(game.action_counts[agent])
    if names is None:
        names = _directions(game, kernel, places, agent, count)
    elif len(names) != count:
        raise ValueError(f"names: expected one for each of {count} actions, got {shown(names)}")
    ax = _squares(board, ax, "a map of a policy")
    others = [mark for mark in board.marks if mark is not mine]
    _marks(ax, others)
    taken = {(mark.row, mark.column) for mark in others if mark.kind not in ("goal",)}
    shades = COLOURS if count <= len(COLOURS) else [tones().ink] * count
    for (row, column), there in places.items():
        if (row, column) in taken or not (0 <= row < board.height and 0 <= column < board.width):
            continue
        obs = np.empty((1, game.views, game.features))
        try:
            kernel.observe(there[None], obs)
            chances = policy.probabilities(obs[0])[agent]
            action = int(chances.argmax())
        except ValueError:          # no state that can be
            continue
        text = names[action] if chances[action] == 1.0 else f"{names[action]} {chances[action]:.0%}"
        ax.text(column + 0.5, row + 0.5, literal(text), ha="center", va="center", color=shades[action],
                fontsize=15 if len(text) == 1 else 9, fontweight="bold")
    labels(ax, title=f"greedy action of {mine.text or f'agent {agent}'} on each square")
    ax.title.set_fontsize(9)
    return ax


def _mark_of(board, agent):
    """The mark of an agent: they stand on the board in their order."""
    found = [mark for mark in board.marks if mark.kind in ("agent", "rival")]
    if agent >= len(found):
        raise ValueError(f"agent: the board shows {len(found)} agents, so not agent {agent}")
    return found[agent]


def _places(game, state, agent):
    """{(row, column): the state with the agent there}, found by trying what each number of the state moves."""
    board = game.board(state)
    home = _mark_of(board, agent)
    rows, columns, cells = {}, {}, {}
    for v in range(len(state)):
        found = {}
        for value in range(max(board.height * board.width, board.height, board.width)):
            other = state.copy()
            other[v] = value
            try:
                mark = _mark_of(game.board(other), agent)
            except (ValueError, IndexError):
                continue
            if 0 <= mark.row < board.height and 0 <= mark.column < board.width:
                found.setdefault((mark.row, mark.column), value)
        at_rows, at_columns = {r for r, _ in found}, {c for _, c in found}
        if len(at_rows) > 1 and len(at_columns) > 1:
            cells = {(r, c): {v: value} for (r, c), value in found.items()}
        elif len(at_rows) > 1:
            rows = {r: {v: value} for (r, _), value in found.items()}
        elif len(at_columns) > 1:
            columns = {c: {v: value} for (_, c), value in found.items()}
    rows, columns = rows or {home.row: {}}, columns or {home.column: {}}
    if not cells:
        cells = {(r, c): rows[r] | columns[c] for r in rows for c in columns}
    places = {}
    for place, changes in cells.items():
        there = state.copy()
        for v, value in changes.items():
            there[v] = value
        places[place] = there
    return places


def _directions(game, kernel, places, agent, count):
    """A sign for every action: where it moves the agent most often, the others taking their first one."""
    names = []
    for action in range(count):
        moves = {}
        for (row, column), there in places.items():
            state, actions = there[None].copy(), np.zeros((1, game.agents), np.int32)
            actions[0, agent] = action
            uniforms, normals = np.full((1, kernel.step_uniforms), 0.5), np.zeros((1, kernel.step_normals))
            try:
                kernel.step(state, actions, uniforms, normals, np.zeros((1, game.agents)), np.zeros(1, bool))
                mark = _mark_of(game.board(state[0]), agent)
            except (ValueError, IndexError):
                continue
            move = mark.row - row, mark.column - column
            moves[move] = moves.get(move, 0) + 1
        moved = {move: n for move, n in moves.items() if move in _ARROWS}
        most = max(moved, key=moved.get, default=None)
        # Walls, and others in the way, keep it where it is; so a few moves say more than many that failed.
        names.append(_ARROWS[most] if most and moved[most] > len(places) // 4 else str(action))
    return names if len({n for n in names if n in _ARROWS.values()}) == sum(n in _ARROWS.values() for n in names) else [
        str(action) for action in range(count)]


# -- an episode ---------------------------------------------------------------------------------------


def animate(replay, path, seconds=0.5):
    """Write a :class:`marlfast.replay.Replay` as a GIF: boards as pictures, other games as their text.

    Parameters
    ----------
    replay : Replay
        The episode, as :func:`marlfast.replay` keeps it.
    path : str or path-like
        The file to write; one that is there is replaced.
    seconds : float
        That a picture stays, from 0.02.

    Returns
    -------
    matplotlib.figure.Figure
        Of the last state.

    See Also
    --------
    marlfast.replay : Plays an episode and keeps it.
    frame : A single state.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import plotting
    >>> episode = mf.replay(mf.games.Soccer(), "random", seed=0, max_steps=5)
    >>> figure = plotting.animate(episode, "soccer.gif", seconds=0.2)
    """
    seconds = real("seconds", seconds, 0.02)
    writer = extra("matplotlib.animation", "plot", "a GIF").PillowWriter(fps=1.0 / seconds)
    game, captions = replay.game, replay.captions()
    boards = [game.board(state) for state in replay.states]
    # Wide enough for the captions, and of one size for all states.
    wide = max(3.6, 0.075 * max(map(len, captions)))
    if boards[0] is not None:
        size = max(wide, 0.55 * boards[0].width + 0.4), max(1.4, 0.55 * boards[0].height + 1.1)
    else:
        lines = [game.render(state).splitlines() for state in replay.states]
        size = (max(wide, 0.105 * max((len(line) for text in lines for line in text), default=0) + 0.4),
                max(1.2, 0.22 * max(map(len, lines)) + 0.6))
    figure = extra("matplotlib.figure", "plot", "a GIF").Figure(figsize=size, layout="constrained")
    extra("matplotlib.backends.backend_agg", "plot", "a GIF").FigureCanvasAgg(figure)
    with writer.saving(figure, str(path), dpi=80):
        for state, caption in zip(replay.states, captions, strict=True):
            figure.clear()
            ax = figure.subplots()
            if boards[0] is not None:
                frame(game, state, ax)
            else:
                ax.axis("off")
                ax.text(0.0, 1.0, literal(game.render(state)), family="monospace", va="top", transform=ax.transAxes)
            ax.set_title(literal(caption), loc="left", fontsize="small", color=tones().ink)
            writer.grab_frame()
    return figure
