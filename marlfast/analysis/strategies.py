"""Joint strategies: what every agent does in every state, for many runs at once."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.model import Model, model
from marlfast.encoders import Numbered
from marlfast.errors import integer, real, shown
from marlfast.learners.q_learning import IQL
from marlfast.policy import Policy
from marlfast.result import Result


@dataclass(frozen=True, eq=False, repr=False)
class Strategies:
    """Stationary strategies of all agents, for R runs: by state, not by table row.

    Attributes
    ----------
    model : Model
    actions : int32 [R, S, N] or None
        Pure strategies.
    probabilities : tuple of N float64 [R, S, A_i] or None
        Mixed ones.
    last : int64 [R] or None
        The state in which training ended, where they come from a Result; None in games with terminal states, where
        play begins at the start again and again.
    """

    model: Model
    actions: np.ndarray | None = None
    probabilities: tuple | None = None
    last: np.ndarray | None = None

    @property
    def pure(self):
        return self.actions is not None

    @property
    def runs(self):
        """R."""
        return len(self.actions if self.pure else self.probabilities[0])

    @property
    def certain(self):
        """Whether play leaves nothing to chance: pure strategies in a game whose transitions are certain."""
        return self.pure and self.model.certain

    def some(self, where):
        """Those of some runs: a slice or numbers."""
        return Strategies(self.model, self.actions[where] if self.pure else None,
                          None if self.pure else tuple(p[where] for p in self.probabilities),
                          None if self.last is None else self.last[where])

    def mixture(self, run, agent):
        """Probabilities of one agent's actions in one run: float64 [S, A]."""
        if not self.pure:
            return self.probabilities[agent][run]
        return np.eye(self.model.actions[agent])[self.actions[run, :, agent]]

    def joint(self, run):
        """Probabilities of joint actions in one run: float64 [S, J]."""
        together = self.mixture(run, 0)
        for i in range(1, self.model.agents):
            together = (together[:, :, None] * self.mixture(run, i)[:, None, :]).reshape(len(together), -1)
        return together

    def __repr__(self):
        return f"Strategies({self.model.game.name}, runs={self.runs}, {'pure' if self.pure else 'mixed'})"


def strategies(game, given, mixed=False):
    """Joint strategies, from what was learned or from arrays.

    Parameters
    ----------
    game : Game or Model
    given : Result, Policy, array or sequence of arrays
        Of a Result, the greedy strategies of all its runs. An int array [rows, N] or [R, rows, N]: an action for every
        row of the table. A list of N float arrays [rows, A_i] or [R, rows, A_i]: probabilities of actions, whose sum is
        1 (within 1e-8).
    mixed : bool
        Of a Result: the mixed policies that its learners keep, instead of what they would do greedily.

    Returns
    -------
    Strategies
    """
    m = model(game)
    if isinstance(given, Strategies):
        if given.model is m or given.model.actions == m.actions and given.model.size == m.size:
            return given if given.model is m else Strategies(m, given.actions, given.probabilities, given.last)
        raise ValueError(f"strategies: are of a game with {given.model.size} states and actions {given.model.actions}, "
                         f"this one has {m.size} and {m.actions}")
    if isinstance(given, (Result, Policy)):
        _check_fits(m, given)
        if mixed:
            return _policies(m, given)
        return Strategies(m, _greedy(m, given), None, _last(m, given))
    if isinstance(given, np.ndarray) and given.dtype.kind in "iu":
        return _pure(m, given)
    if isinstance(given, (list, tuple)):
        return _mixed(m, given)
    raise TypeError("strategies: expected a Result, a Policy, an int array [rows, N] or [R, rows, N], or a list with "
                    f"an array of probabilities for each agent, got {shown(given)}")


def _check_fits(m, given):
    theirs = given.experiment.game
    for name, ours, other in (("agents", m.agents, theirs.agents),
                              ("actions", m.actions, tuple(theirs.action_counts.tolist())),
                              ("observations", m.game.observations, theirs.observations)):
        if ours != other:
            raise ValueError(f"strategies: were learned in a game with {name} {other}, this one has {ours}")


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
    if (m.seen == np.arange(m.size)[:, None]).all() and actions.shape[1] == m.size:
        return np.ascontiguousarray(actions, np.int32)
    return np.stack([actions[:, m.seen[:, i], i] for i in range(m.agents)], axis=2).astype(np.int32)


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
        if not ((p >= 0.0).all() and (np.abs(sums - 1.0) <= 1e-8).all()):
            raise ValueError(f"strategies[{i}]: expected probabilities that sum to 1 in every row")
        found.append((p / sums[:, :, None])[:, m.seen[:, i]])
    runs = max(len(p) for p in found)
    if any(len(p) not in (1, runs) for p in found):
        raise ValueError(f"strategies: expected as many runs for every agent, got {[len(p) for p in found]}")
    return Strategies(m, None, tuple(np.broadcast_to(p, (runs, *p.shape[1:])) for p in found))


# -- what was learned -----------------------------------------------------------------------------

def _parts(given):
    """(prefix of the arrays, learner, seats) of every learner."""
    return given.experiment.resolved.parts


def _last(m, given):
    """The state in which each run's training ended; None where that is none of the model's, or tells nothing."""
    if not isinstance(given, Result) or m.terminal.any():
        return None
    try:
        return m.numbers(given.arrays["state"])
    except ValueError:
        return None


def _greedy(m, given):
    """Greedy actions of a Result or Policy: int32 [R, S, N]."""
    e, runs = given.experiment, len(next(a for n, a in given.arrays.items() if n.startswith("learner.")))
    if m.observation is not None and m.game.observations is None:
        return _greedy_by_observation(m, given, runs)
    actions = np.zeros((runs, m.rows, m.agents), np.int32)
    quick = isinstance(e.encoder, Numbered) and all(type(one).actions is IQL.actions for _, one, _ in _parts(given))
    if not quick:       # learners with rules of their own, or rows that are told apart, are asked row by row
        for r in range(runs):
            policy = given if isinstance(given, Policy) else given.policy(r)
            for row in range(m.rows):
                actions[r, row] = policy(np.full((m.game.views, 1), row))
        return _by_state(m, actions)
    for prefix, one, seats in _parts(given):
        greedy, table = given.arrays[f"learner.{prefix}greedy"], one.tables(seats)
        for i in seats.leads:
            actions[:, :, i] = greedy[:, :m.rows, table[i]]
    return _by_state(m, actions)


def _greedy_by_observation(m, given, runs):
    """Of learners behind an encoder: what their policies do in each state."""
    actions = np.zeros((runs, m.size, m.agents), np.int32)
    for r in range(runs):
        policy = given if isinstance(given, Policy) else given.policy(r)
        for s in np.flatnonzero(~m.terminal):
            actions[r, s] = policy(m.observation[s])
    return actions


def _policies(m, given):
    """Mixed policies that learners keep, by their method ``probabilities``."""
    parts = _parts(given)
    for _, one, _ in parts:
        if not hasattr(one, "probabilities"):
            raise ValueError(f"mixed: learner {one.name!r} keeps no mixed policy; leave mixed out for what it would do "
                             "greedily")
    if not isinstance(given.experiment.encoder, Numbered):
        raise ValueError(f"mixed: the policies are of rows of encoder {given.experiment.encoder.name!r}, "
                         "not of numbered observations")
    runs = 1 if isinstance(given, Policy) else len(given.steps)
    found = [np.zeros((runs, m.rows, n)) for n in m.actions]
    for r in range(runs):
        policy = given if isinstance(given, Policy) else given.policy(r)
        for prefix, one, seats in _parts(policy):
            start = f"learner.{prefix}"
            tables = {name[len(start):]: a for name, a in policy.arrays.items() if name.startswith(start)}
            for i in seats.leads:
                found[i][r] = one.probabilities(seats, tables, i)[:m.rows]
    mixed = _mixed(m, found)
    return Strategies(m, None, mixed.probabilities, _last(m, given))


# -- arguments that several analyses have ---------------------------------------------------------

def discounted(value, below_one=True):
    """A discount, checked: in [0, 1), or in [0, 1]."""
    value = real("discount", value, 0.0, 1.0)
    if below_one and value == 1.0:
        raise ValueError("discount: expected less than 1, got 1.0; play need not end, and 0.999 comes near")
    return value


def agent_number(m, agent):
    return integer("agent", agent, 0, m.agents - 1)


def starts(s, start):
    """Where play begins in each run: float64 [R, S].

    ``start``: None (the last state of training where there is one, else the game's start), a state, one per run, or a
    distribution float64 [S].
    """
    m = s.model
    if start is None:
        if s.last is None:
            return np.broadcast_to(m.start, (s.runs, m.size))
        start = s.last
    array = np.asarray(start)
    if array.dtype.kind == "f" and array.shape == (m.size,):
        if not ((array >= 0.0).all() and abs(array.sum() - 1.0) <= 1e-8):
            raise ValueError(f"start: expected {m.size} probabilities that sum to 1, got sum {array.sum():.12g}")
        return np.broadcast_to(array, (s.runs, m.size))
    return np.eye(m.size)[start_states(s, start)]


def start_states(s, start):
    """The state in which each run begins, where it is a single one: int64 [R]."""
    m = s.model
    if start is None:
        if s.last is not None:
            return s.last
        if (m.start > 0).sum() != 1:
            raise ValueError(f"start: game {m.game.name!r} starts in one of {int((m.start > 0).sum())} states; give "
                             "the state to start from, or one for each run")
        return np.full(s.runs, m.start.argmax())
    array = np.asarray(start)
    if array.dtype.kind not in "iu" or array.shape not in ((), (s.runs,)):
        raise ValueError(f"start: expected a state, one for each of {s.runs} runs, or {m.size} probabilities, "
                         f"got {shown(start)}")
    if ((array < 0) | (array >= m.size)).any():
        raise ValueError(f"start: expected states 0 to {m.size - 1}, got {array.min()} to {array.max()}")
    return np.array(np.broadcast_to(array, s.runs), np.int64)
