"""Joint strategies: what every agent does in every state, for many runs at once."""
import warnings
from dataclasses import dataclass, replace

import numpy as np

from marlfast.analysis.model import Model, model
from marlfast.analysis.product import product
from marlfast.encoders import Numbered
from marlfast.errors import integer, real, shown
from marlfast.policy import Policy, plays_of
from marlfast.resolved import part_of
from marlfast.result import Result

ROUNDING = 1e-12        # probabilities nearer to a product of marginals than this are one
SINGLE = 1e-6           # how far sums of probabilities may be from 1: those of float32 are


@dataclass(frozen=True, eq=False, repr=False)
class Strategies:
    """What all agents play, for R runs: by state, not by table row.

    Where agents remember something (tit for tat, goals of a hierarchy), states are those of the game split by what is
    remembered: see :class:`Model`. So strategies depend on nothing but the state.

    Attributes
    ----------
    model : Model
        Of the game; its states are those that strategies speak of.
    actions : int32 [R, S, N] or None
        Pure strategies.
    probabilities : tuple of N float64 [R, S, A_i] or None
        Mixed ones; of correlated ones the marginals.
    last : int64 [R] or None
        The state in which training ended, where they come from a Result; None in games with terminal states, where
        play begins at the start again and again.
    distribution : float64 [R, S, J] or None
        Of joint actions, where what agents do is correlated: one draw decides for several of them.
    weights : float64 [R, K] or None
        Probabilities of the model's outcomes in each run, where what agents remember makes them differ.
    begin : float64 [R, S] or None
        Where the game begins in each run, where that differs.
    kind : str
        Which of what learners play it is: "policy", "behaviour", "greedy" or "average".
    left_out : bool [R] or None
        Runs of a Result that are in no mean: see ``Result.left_out``; None: all are in.

    See Also
    --------
    strategies : Makes them.
    """

    model: Model
    actions: np.ndarray | None = None
    probabilities: tuple | None = None
    last: np.ndarray | None = None
    distribution: np.ndarray | None = None
    weights: np.ndarray | None = None
    begin: np.ndarray | None = None
    kind: str = "policy"
    left_out: np.ndarray | None = None

    @property
    def pure(self):
        """Whether every agent plays a single action in every state."""
        return self.actions is not None

    @property
    def correlated(self):
        """Whether agents draw together."""
        return self.distribution is not None

    @property
    def runs(self):
        """R, number of runs."""
        return len(self.actions if self.pure else self.probabilities[0])

    @property
    def certain(self):
        """Whether play leaves nothing to chance: pure strategies in a game whose transitions are certain."""
        return self.pure and self.model.certain and self.weights is None

    def some(self, where):
        """Choose some of the runs.

        Parameters
        ----------
        where : slice or sequence of int
            Which of them.

        Returns
        -------
        Strategies
            Those of these runs.
        """
        def part(array):
            return None if array is None else array[where]

        return replace(self, actions=part(self.actions), last=part(self.last), distribution=part(self.distribution),
                       weights=part(self.weights), begin=part(self.begin), left_out=part(self.left_out),
                       probabilities=None if self.pure else tuple(p[where] for p in self.probabilities))

    def mixture(self, run, agent):
        """Give the probabilities of one agent's actions in one run.

        Parameters
        ----------
        run, agent : int
            Their numbers.

        Returns
        -------
        float64 [S, A]
            In each state; a row sums to 1.
        """
        if not self.pure:
            return self.probabilities[agent][run]
        return np.eye(self.model.actions[agent])[self.actions[run, :, agent]]

    def joint(self, run):
        """Give the probabilities of joint actions in one run.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        float64 [S, J]
            In each state; a row sums to 1.
        """
        if self.correlated:
            return self.distribution[run]
        return together(self.model, [self.mixture(run, i) for i in range(self.model.agents)])

    def against(self, run, agent):
        """Give the probabilities of what all others do, whatever the agent's own action.

        Parameters
        ----------
        run, agent : int
            Their numbers.

        Returns
        -------
        float64 [S, J]
            For each joint action what the others' part of it is played with.
        """
        m = self.model
        if self.correlated:
            cube = self.distribution[run].reshape(m.size, *m.actions)
            return np.broadcast_to(cube.sum(axis=1 + agent, keepdims=True), cube.shape).reshape(m.size, -1)
        return together(m, [np.ones((m.size, n)) if i == agent else self.mixture(run, i)
                            for i, n in enumerate(m.actions)])

    def outcomes(self, run):
        """Give the probabilities of the model's outcomes in one run.

        Parameters
        ----------
        run : int
            Its number.

        Returns
        -------
        float64 [K]
            Given the cell that each belongs to.
        """
        return self.model.probabilities if self.weights is None else self.weights[run]

    def __repr__(self):
        how = "pure" if self.pure else "correlated" if self.correlated else "mixed"
        kind = "" if self.kind == "policy" else f", kind={self.kind!r}"
        split = "" if self.model.split is None else ", split by what agents remember"
        return f"Strategies({self.model.game.name}, runs={self.runs}, {how}{kind}{split})"


def together(m, mixtures):
    """Probabilities [S, J] of independent agents' mixtures, N arrays [S, A_i]."""
    joint = mixtures[0]
    for p in mixtures[1:]:
        joint = (joint[:, :, None] * p[:, None, :]).reshape(m.size, -1)
    return joint


def strategies(game, given, mixed=None, kind="policy"):
    """Joint strategies, from what was learned or from arrays.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Result, Policy, array or sequence of arrays
        Of a Result, what the agents of all its runs play; those that failed, or are unfinished where others have
        finished, are in the arrays of what is worked out, and in no mean. An int array [rows, N] or [R, rows, N]: an
        action for every row of the table. A list of N float arrays [rows, A_i] or [R, rows, A_i]: probabilities of
        actions, whose sum is 1 (within 1e-6). A float array [rows, A_0, ..., A_N-1] or [R, rows, A_0, ..., A_N-1]:
        probabilities of joint actions.
    mixed : bool, optional
        Deprecated: True is ``kind="policy"``, False ``kind="greedy"``.
    kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
        Of a Result: what agents play when they do not explore (of Boltzmann's exploration: at its last temperature);
        as they explore now; the likeliest actions alone; or on average over training, which some learners keep.

    Returns
    -------
    Strategies
        What all agents play in every state.

    See Also
    --------
    marlfast.Result.policy : What one run learned, to be called with observations.
    model : The states that strategies speak of.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> game = mf.games.RockPaperScissors(horizon=0)
    >>> run = mf.train(game, mf.learners.MinimaxQ(), steps=20_000, seed=0)
    >>> analysis.strategies(game, run).mixture(0, 0).round(3).tolist()
    [[0.333, 0.333, 0.333]]
    >>> analysis.strategies(game, run, kind="greedy")
    Strategies(rock_paper_scissors, runs=1, pure, kind='greedy')
    """
    if mixed is not None:
        warnings.warn(f"mixed={mixed} is deprecated: give kind='policy', which is the default, or kind='greedy'",
                      DeprecationWarning, stacklevel=2)
        kind = "policy" if mixed else "greedy"
    m = model(game)
    if isinstance(given, Strategies):
        theirs = given.model
        if theirs is m or theirs.split is m:
            return given
        if theirs.split is None and theirs.actions == m.actions and theirs.size == m.size:
            return replace(given, model=m)
        if theirs.split is not None and theirs.split.game is m.game and theirs.split.size == m.size:
            return given
        if theirs.split is None and theirs.rounds and theirs.actions == m.actions and theirs.per_round == m.size:
            return _first_round(m, given)
        raise ValueError(f"strategies: are of a game with {theirs.size} states and actions {theirs.actions}, "
                         f"this one has {m.size} and {m.actions}")
    if isinstance(given, (Result, Policy)):
        _check_fits(m, given)
        if isinstance(given, Policy) and isinstance(kind, str) and kind == "policy":
            kind = given.kind
        found = of_plays(m, plays_of(given, kind), rows_of(m, given), runs_of(given), _last(m, given), kind)
        return found if isinstance(given, Policy) else _without_failures(found, given)
    if isinstance(given, np.ndarray) and given.dtype.kind in "iu":
        return _pure(m, given)
    if isinstance(given, np.ndarray) and given.dtype.kind == "f" and given.shape[-m.agents:] == m.actions \
            and given.ndim in (m.agents + 1, m.agents + 2) and m.agents > 1:
        return _correlated(m, given)
    if isinstance(given, (list, tuple)):
        return _mixed(m, given)
    raise TypeError("strategies: expected a Result, a Policy, an int array [rows, N] or [R, rows, N], or a list with "
                    f"an array of probabilities for each agent, got {shown(given)}")


def _without_failures(s, result):
    """The same strategies, which know the runs that are in no mean."""
    if not result.left_out.any():
        return s
    if result.left_out.all():
        why = ", ".join(sorted(set(result.stop_reason)))
        raise ValueError(f"strategies: all {s.runs} runs failed ({why}); result.policy(run) is what one of them had "
                         "learned until then")
    return replace(s, left_out=result.left_out)


def _first_round(m, s):
    """The same strategies in the game without end: they are alike in every round."""
    def part(array):
        return None if array is None else array[:, :m.size]

    return replace(s, model=m, actions=part(s.actions), distribution=part(s.distribution), last=None,
                   probabilities=None if s.pure else tuple(map(part, s.probabilities)))


def _check_fits(m, given):
    theirs = given.experiment.game
    for name, ours, other in (("agents", m.agents, theirs.agents),
                              ("actions", m.actions, tuple(theirs.action_counts.tolist())),
                              ("observations", m.game.observations, theirs.observations)):
        if ours != other:
            remedy = "; give the game that was trained on, experiment.game" * hasattr(theirs, "without_history")
            raise ValueError(f"strategies: were learned in a game with {name} {other}, this one has {ours}{remedy}")


def _pure(m, given):
    actions = given[None] if given.ndim == 2 else given
    if actions.ndim != 3 or actions.shape[1:] != (m.rows, m.agents) or not len(actions):
        raise ValueError(f"strategies: expected actions of shape {(m.rows, m.agents)} (rows, agents), or one such "
                         f"array per run, got {given.shape}")
    if ((actions < 0) | (actions >= np.array(m.actions))).any():
        raise ValueError(f"strategies: expected actions 0 to {[n - 1 for n in m.actions]}, got {actions.min()} to "
                         f"{actions.max()}")
    return Strategies(m, _by_state(m, actions))


def _by_state(m, actions):
    """Actions [R, rows, N] as [R, S, N]."""
    if (m.obs == np.arange(m.size)[:, None]).all() and actions.shape[1] == m.size:
        return np.ascontiguousarray(actions, np.int32)
    return np.stack([actions[:, m.obs[:, i], i] for i in range(m.agents)], axis=2).astype(np.int32)


def _mixed(m, given):
    if len(given) != m.agents:
        raise ValueError(f"strategies: expected probabilities for each of {m.agents} agents, got {len(given)} arrays "
                         "(actions, rather than probabilities, are given as one int array)")
    found = []
    for i, p in enumerate(given):
        try:
            p = np.asarray(p, np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"strategies[{i}]: expected an array of numbers, got {shown(p)}") from None
        p = p[None] if p.ndim == 2 else p
        if p.ndim != 3 or p.shape[1:] != (m.rows, m.actions[i]) or not len(p):
            raise ValueError(f"strategies[{i}]: expected probabilities of shape {(m.rows, m.actions[i])} (rows, "
                             f"actions), or one such array per run, got {np.shape(given[i])}")
        sums = p.sum(axis=2)
        if not ((p >= 0.0).all() and (np.abs(sums - 1.0) <= SINGLE).all()):
            raise ValueError(f"strategies[{i}]: expected probabilities that sum to 1 in every row")
        found.append((p / sums[:, :, None])[:, m.obs[:, i]])
    runs = max(len(p) for p in found)
    if any(len(p) not in (1, runs) for p in found):
        raise ValueError(f"strategies: expected as many runs for every agent, got {[len(p) for p in found]}")
    return Strategies(m, None, tuple(np.broadcast_to(p, (runs, *p.shape[1:])) for p in found))


def _correlated(m, given):
    """Probabilities of joint actions by row, which all agents must share."""
    joint = np.asarray(given, np.float64).reshape(-1, *given.shape[-m.agents - 1:]) if given.ndim == m.agents + 2 else (
        np.asarray(given, np.float64)[None])
    if joint.shape[1] != m.rows:
        raise ValueError(f"strategies: expected probabilities of joint actions of shape {(m.rows, *m.actions)} (rows, "
                         f"actions of each agent), or one such array per run, got {given.shape}")
    if (m.obs != m.obs[:, :1]).any():
        raise ValueError("strategies: joint actions are drawn by one row, and here agents see different ones")
    joint = joint.reshape(len(joint), m.rows, -1)
    sums = joint.sum(axis=2)
    if not ((joint >= 0.0).all() and (np.abs(sums - 1.0) <= SINGLE).all()):
        raise ValueError("strategies: expected probabilities of joint actions that sum to 1 in every row")
    return of_joint(m, (joint / sums[:, :, None])[:, m.obs[:, 0]])


def of_joint(m, joint, **more):
    """Strategies from probabilities of joint actions [R, S, J]: correlated ones, or what is simpler and the same."""
    runs = len(joint)
    cube = joint.reshape(runs, m.size, *m.actions)
    marginals = tuple(cube.sum(axis=tuple(2 + k for k in range(m.agents) if k != i)) for i in range(m.agents))
    apart = marginals[0]
    for p in marginals[1:]:
        apart = (apart[..., :, None] * p[..., None, :]).reshape(runs, m.size, -1)
    if np.abs(apart - joint).max() > ROUNDING:
        return Strategies(m, None, marginals, distribution=np.ascontiguousarray(joint), **more)
    return of_marginals(m, marginals, **more)


def of_marginals(m, marginals, **more):
    """Strategies from N arrays of probabilities [R, S, A_i]: pure ones, if they leave nothing to chance."""
    if all(((p == 0.0) | (p == 1.0)).all() for p in marginals):
        return Strategies(m, np.stack([p.argmax(axis=2) for p in marginals], axis=2).astype(np.int32), **more)
    return Strategies(m, None, marginals, **more)


# -- what was learned -----------------------------------------------------------------------------

def runs_of(given):
    """R of a Result, 1 of a Policy."""
    return 1 if isinstance(given, Policy) else len(given.steps)


def _last(m, given):
    """The state in which each run's training ended; None where that is none of the model's, or tells nothing."""
    if not isinstance(given, Result) or m.terminal.any():
        return None
    try:
        return m.numbers(given.arrays["state"])
    except ValueError:
        return None


def rows_of(m, given):
    """Active rows of all agents in each state of the model: a function ``run -> int64 [S, N * k]``."""
    e = given.experiment
    if isinstance(e.encoder, Numbered):
        rows = m.obs.astype(np.int64)
        return lambda run: rows
    if m.observation is None:
        raise ValueError(f"strategies: were learned behind encoder {e.encoder.name!r}, and the game given as arrays "
                         "does not say what is observed; give the game that was trained on")
    cached = {}

    def rows(run):
        run = run if e.encoder.grows else 0
        if run not in cached:
            tables = {name: array[run:run + 1] for name, array in part_of(given.arrays, "encoder").items()}
            found = np.full((m.size, m.agents * e.encoder.active(e.game)), -1, np.int64)
            for s in np.flatnonzero(~m.terminal):
                found[s] = e.encoder.find(e.game, tables, m.observation[s])
            cached[run] = found
        return cached[run]

    rows.differ = e.encoder.grows
    return rows


def of_plays(m, plays, rows, runs, last=None, kind="policy"):
    """Strategies of agents who play as ``plays`` say; with a memory, on the game split by what is remembered.

    Parameters
    ----------
    m : Model
    plays : list of Plays
        Of all agents, each once.
    rows : callable
        ``run -> int64 [S, N * k]``.
    runs : int
    last : int64 [R], optional
        Where the runs are now.
    kind : str

    Returns
    -------
    Strategies
    """
    more = {"kind": kind if isinstance(kind, str) else ", ".join(kind)}
    memories = [p for p in plays if p.memories > 1]
    if not memories and not getattr(rows, "differ", False):
        actions = _sure(m, plays, rows(0), runs)
        if actions is not None:
            return Strategies(m, actions, last=last, **more)
    if memories:
        base, obs = m, rows
        m, weights, begin, last = product(base, plays, rows, runs, last)
        more |= {"weights": weights, "begin": begin}
        rows = lambda run: obs(run)[m.place]       # noqa: E731
    return _drawn(m, plays, memories, rows, runs, more | {"last": last})


def _sure(m, plays, rows, runs):
    """Actions int32 [R, S, N] where all agents leave nothing to chance; else None."""
    actions = np.zeros((runs, m.size, m.agents), np.int32)
    for p in plays:
        own = p.actions(rows)
        if own is None:
            return None
        actions[:, :, list(p.agents)] = own
    return actions


def _drawn(m, plays, memories, rows, runs, more):
    """Strategies by the probabilities that ``plays`` give, run by run."""
    correlated, order = False, np.argsort([i for p in plays for i in p.agents])
    marginals = [np.empty((runs, m.size, n)) for n in m.actions]
    parts = [[] for _ in plays]
    for r in range(runs):
        obs = rows(r)
        for k, p in enumerate(plays):
            chances = p.chances(r, obs)
            remembered = m.memory[:, memories.index(p)] if p in memories else 0
            chances = chances[np.arange(m.size), remembered].reshape(m.size, *p.counts)
            apart = np.ones((m.size, 1))
            for j, i in enumerate(p.agents):
                own = chances.sum(axis=tuple(1 + q for q in range(len(p.agents)) if q != j))
                marginals[i][r] = own
                apart = (apart[:, :, None] * own[:, None, :]).reshape(m.size, -1)
            if len(p.agents) > 1:
                parts[k].append(chances.reshape(m.size, -1))
                correlated |= bool(np.abs(apart - parts[k][-1]).max() > ROUNDING)
            else:
                parts[k].append(chances)
    if not correlated:
        return of_marginals(m, tuple(marginals), **more)
    counts = [n for p in plays for n in p.counts]
    joint = np.ones((runs, m.size, 1))
    for part in parts:
        joint = (joint[:, :, :, None] * np.stack(part)[:, :, None, :]).reshape(runs, m.size, -1)
    joint = joint.reshape(runs, m.size, *counts).transpose(0, 1, *(2 + order)).reshape(runs, m.size, -1)
    return Strategies(m, None, tuple(marginals), distribution=np.ascontiguousarray(joint), **more)


# -- arguments that several analyses have ---------------------------------------------------------

def discounted(value):
    """A discount, checked: in [0, 1]. With 1 play must end, which is checked where values are worked out."""
    return real("discount", value, 0.0, 1.0)


def agent_number(m, agent):
    return integer("agent", agent, 0, m.agents - 1)


def game_start(s):
    """The game's own start in each run: float64 [R, S]."""
    if s.begin is not None:
        return s.begin
    return np.broadcast_to(s.model.start, (s.runs, s.model.size))


def starts(s, start):
    """Where play begins in each run: float64 [R, S].

    ``start``: None (the last state of training where there is one, else the game's start), a state of the game, one per
    run, or a distribution float64 over the game's states. What agents remember is then what they do at the start of an
    episode.
    """
    m = s.model
    if start is None:
        return game_start(s) if s.last is None else np.eye(m.size)[s.last]
    array = np.asarray(start)
    size = m.size if m.split is None else m.split.size
    if array.dtype.kind == "f" and array.shape == (size,):
        if not ((array >= 0.0).all() and abs(array.sum() - 1.0) <= SINGLE):
            raise ValueError(f"start: expected {size} probabilities that sum to 1, got sum {array.sum():.12g}")
        found = np.zeros((s.runs, m.size))
        for state in np.flatnonzero(array):
            found[np.arange(s.runs), _split(s, np.full(s.runs, state))] += array[state]
        return found if m.split is not None else np.broadcast_to(array, (s.runs, m.size))
    return np.eye(m.size)[start_states(s, start)]


def start_states(s, start):
    """The state in which each run begins, where it is a single one: int64 [R]."""
    m = s.model
    if start is None:
        if s.last is not None:
            return s.last
        begin = game_start(s) > 0
        if (begin.sum(axis=1) != 1).any():
            raise ValueError(f"start: game {m.game.name!r} starts in one of {int(begin.sum(axis=1).max())} states; "
                             "give the state to start from, or one for each run")
        return begin.argmax(axis=1)
    array, size = np.asarray(start), m.size if m.split is None else m.split.size
    if array.dtype.kind not in "iu" or array.shape not in ((), (s.runs,)):
        raise ValueError(f"start: expected a state, one for each of {s.runs} runs, or {size} probabilities, "
                         f"got {shown(start)}")
    if ((array < 0) | (array >= size)).any():
        raise ValueError(f"start: expected states 0 to {size - 1}, got {array.min()} to {array.max()}")
    return _split(s, np.array(np.broadcast_to(array, s.runs), np.int64))


def _split(s, states):
    """The model's states that stand for states of the game at the start of an episode: int64 [R]."""
    m = s.model
    if m.split is None:
        return states
    found, begin = np.empty(len(states), np.int64), game_start(s) > 0.0
    for r, state in enumerate(states):
        at = np.flatnonzero((m.place == state) & begin[r])
        if len(at) != 1:
            at = np.flatnonzero(m.place == state)
        if len(at) != 1:
            known = sorted(set(m.place[begin[r]].tolist()))
            raise ValueError(f"start: in state {int(state)} agents may remember {len(at)} different things, so that it "
                             f"alone says too little; leave start out, or begin where the game does, in {known[:10]}")
        found[r] = at[0]
    return found
