"""Games given as arrays."""
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, shown
from marlfast.games.base import Game, checked_names, checked_state_names
from marlfast.games.outcomes import Outcomes, array_of, numbers_below, of_dense, of_sparse, of_successors
from marlfast.memory import check_memory
from marlfast.registry import option, require
from marlfast.renamed import argument


@dataclass(frozen=True, repr=False, eq=False)
class MarkovGame(Game):
    """A finite Markov game given as arrays. It runs as fast as a hand-written one.

    Dynamics
        The next state is drawn from ``transitions[state, joint action]``.
    Observation
        The state's number, the same for every agent; or what ``obs`` says.
    Action
        0 to ``actions[i] - 1`` for agent i. A joint action's number has the first agent's action as the
        most significant: for two agents ``a0 * actions[1] + a1``.
    Reward
        ``rewards[state, joint action]``, one per agent; where rewards depend on what comes of it,
        ``rewards[state, joint action, next state]`` or those of the :class:`Outcomes`.
    Start
        Drawn from ``start``.
    End
        Terminated on entering a state marked in ``terminal``; truncated after ``horizon`` steps.

    Parameters
    ----------
    transitions : float64 [S, J, S], int [S, J], Outcomes or sparse matrix [S * J, S]
        Probabilities, whose rows each sum to 1 (within 1e-8); or next states, where nothing is left to chance;
        or a list of what can happen, which is the form for many states with chance. A matrix of SciPy becomes one.
    rewards : float64 [S, J, N] or [S, J], or [S, J, S, N] with transitions [S, J, S]
        Without the last axis of the first: the same for every agent. ``"own"``: the outcomes have rewards of their own.
    actions : sequence of int [N]
        Actions of each agent, J is their product.
    start : float64 [S], optional
        Start distribution. Default: state 0.
    terminal : bool [S], optional
        Default: none.
    horizon : int
        0: no limit.
    obs : int [S] or [S, N], optional
        Number of the observation that all agents, or each of them, make in a state. Default: the state's number.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    action_names : sequence of str, or one for each agent, optional
        What actions are called, in pictures and texts.
    state_names : sequence of str, optional
        What states are called: one name for each.
    to_act : int [S], optional
        Which agent acts in each state, in a game with turns; what the others would do counts as their action 0.
        Default: all act.
    discounting : {"step", "move"}
        Where agents take turns: whether learners discount in each step, or from an agent's move to its next one once.

    See Also
    --------
    Tabular : A class of such games, told by few parameters.
    Outcomes : Transitions as a list.
    tabulate : Makes one of an environment or a function.

    Notes
    -----
    Without a horizon, two things are refused, because episodes would go on for ever: terminal states none of which can
    be reached from the start; and a state that can be reached, always leads back to itself, pays nothing and is not
    marked terminal (in games of several states). Single states that cannot be reached do no harm.

    References
    ----------
    L. S. Shapley, "Stochastic games", PNAS 39 (1953).

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import games
    >>> game = games.MarkovGame(np.array([[1, 2], [2, 2], [2, 2]]), np.array([[0, 1], [5, 0], [0, 0]]), actions=[2],
    ...                         terminal=[False, False, True])
    >>> game.agents, game.observations
    (1, 3)
    """

    name = "markov"
    also = ("stochastic_game", "tabular_game")
    integer_state = True
    features = 1
    transitions: np.ndarray | Outcomes = option(kind="transitions")
    rewards: np.ndarray | str
    actions: tuple
    start: np.ndarray | None = None
    terminal: np.ndarray | None = None
    horizon: int = 0
    obs: np.ndarray | None = None
    action_names: tuple | None = field(default=None, kw_only=True)
    state_names: tuple | None = field(default=None, kw_only=True)
    to_act: np.ndarray | None = field(default=None, kw_only=True)
    discounting: str = field(default="step", kw_only=True)

    def __post_init__(self):
        if not np.iterable(self.actions):
            raise TypeError(f"actions: expected the number of actions of each agent, such as (2, 2), "
                            f"got {shown(self.actions)}")
        actions = tuple(integer(f"actions[{i}]", n, 1, 2**31 - 1) for i, n in enumerate(self.actions))
        if not actions:
            raise ValueError("actions: expected at least one agent, got none")
        joint = math.prod(actions)
        transitions, states = _transitions(self.transitions, actions, joint)
        rewards = _rewards(self.rewards, transitions, states, joint, len(actions))
        start = np.eye(1, states)[0] if self.start is None else self.start
        start = array_of("start", start, 1)
        if start.shape != (states,) or (start < 0).any() or abs(start.sum() - 1.0) > 1e-8:
            raise ValueError(f"start: expected {states} probabilities that sum to 1, got shape {start.shape}, "
                             f"sum {start.sum():.12g}")
        terminal = np.zeros(states, bool) if self.terminal is None else self.terminal
        terminal = array_of("terminal", terminal, 1, np.bool_)
        if terminal.shape != (states,):
            raise ValueError(f"terminal: expected {states} flags, got {terminal.shape}")
        if (terminal & (start > 0)).any():
            raise ValueError(f"start: state {int((terminal & (start > 0)).argmax())} is terminal; "
                             "a game cannot start there")
        obs = self.obs
        if obs is not None:
            obs = numbers_below("obs", obs, (1, 2), 2**31 - 1, np.int32)
            if obs.shape not in ((states,), (states, len(actions))):
                raise ValueError(f"obs: expected shape {(states,)} or {(states, len(actions))}, got {obs.shape}")
        self._set(actions=actions, transitions=transitions, rewards=rewards, start=start, terminal=terminal,
                  **self.checked_horizon(), obs=obs,
                  discounting=choice("discounting", self.discounting, ("step", "move")))
        if self.to_act is not None:
            movers = numbers_below("to_act", self.to_act, (1,), len(actions), np.int32)
            if movers.shape != (states,):
                raise ValueError(f"to_act: expected who acts in each of {states} states, got shape {movers.shape}")
            self._set(to_act=movers)
        self._set(action_names=checked_names(self), state_names=checked_state_names(self.state_names, states))
        if isinstance(transitions, Outcomes) or not self.horizon:
            table = self.table          # made now: outcomes are checked against actions and terminal states there
            if not self.horizon:
                self._refuse_endless(table)

    def _refuse_endless(self, table):
        """Refuse games in which an episode that should end cannot; see the notes of the class."""
        terminal, states = self.terminal, len(self.terminal)
        cells = len(table.first) - 1
        stays = np.zeros(cells, bool)
        if states > 1:
            only = np.diff(table.first) == 1
            lead = table.first[:-1]
            paid = table.rewards[lead] if table.own else table.rewards
            stays = only & (table.successors[lead] == np.arange(cells) // (cells // states)) & (paid == 0.0).all(axis=1)
        stuck = (stays.reshape(states, -1) | ~self._played).all(axis=1) & ~terminal
        if not stuck.any() and not terminal.any():
            return
        reached = table.reachable(self.start > 0, np.repeat(self._played, np.diff(table.first)))
        if (stuck & reached).any():
            raise ValueError(f"terminal: state {int((stuck & reached).argmax())} leads only to itself and pays "
                             "nothing, so an episode that comes there never ends; mark it in terminal, or give a "
                             "horizon")
        if terminal.any() and not (terminal & reached).any():
            raise ValueError(f"terminal: state {int(terminal.argmax())} can never be reached from the start, nor can "
                             "any other terminal state, and without a horizon no episode would end; give a horizon, "
                             "or correct transitions, start or terminal")

    @cached_property
    def table(self):
        """What can come of each state and joint action, whichever way it was given: a Table (games/outcomes.py)."""
        if isinstance(self.transitions, Outcomes):
            rewards = None if isinstance(self.rewards, str) else self.rewards
            return self.transitions.table(math.prod(self.actions), self.terminal, rewards, self.agents)
        if self.transitions.ndim == 2:
            return of_successors(self.transitions, self.rewards)
        return of_dense(self.transitions, self.rewards)

    @property
    def participation(self):
        return () if self.to_act is None else ("to_act",)

    @property
    def agents(self):
        return len(self.actions)

    @property
    def ends(self):
        return self.horizon > 0 or bool(self.terminal.any())

    @property
    def action_counts(self):
        return np.array(self.actions, np.int32)

    @property
    def observations(self):
        return len(self.terminal) if self.obs is None else int(self.obs.max()) + 1

    @property
    def views(self):
        return 1 if self.obs is None or self.obs.ndim == 1 else self.agents

    @cached_property
    def _played(self):
        """Which joint actions can be taken in a state: bool [S, J]; none in terminal ones."""
        counts, joint = self.actions, math.prod(self.actions)
        played = np.ones((len(self.terminal), joint), bool)
        if self.to_act is not None:
            numbers = np.arange(joint)
            for who in np.unique(self.to_act).tolist():
                step = math.prod(counts[who + 1:])
                played[self.to_act == who] = (numbers % step == 0) & (numbers < step * counts[who])
        played[self.terminal] = False
        return played

    @cached_property
    def _paid(self):
        """Rewards [*, N] of all that can happen in states in which the game is played."""
        table, played = self.table, self._played.ravel()
        return table.rewards[np.repeat(played, np.diff(table.first)) if table.own else played]

    @cached_property
    def setting(self):
        paid = self._paid
        if (paid == paid[:, :1]).all():
            return "cooperative"
        return "competitive" if self.agents == 2 and np.abs(paid.sum(axis=1)).max() <= 1e-9 else "mixed"

    @cached_property
    def reward_bounds(self):
        return float(self._paid.min()), float(self._paid.max())

    def names_of_observations(self):
        return None if self.obs is not None else super().names_of_observations()       # they are of the states

    def render(self, state):
        return super().render(state) if self.state_names is None else self.state_names[int(state[0])]

    def kernel(self, backend="cython"):
        table = self.table
        first, sums = (None, None) if table.certain else (table.first, table.sums())
        obs = None if self.obs is None else np.ascontiguousarray(self.obs.reshape(len(self.terminal), -1))
        return kernels(backend, "markov").Markov(self.action_counts, first, table.successors, sums, table.rewards,
                                                 _start_sums(self.start), self.terminal, obs, movers=self.to_act)


def _transitions(value, actions, joint):
    """(transitions in one of the three forms that a game keeps, number of states)."""
    if isinstance(value, (Outcomes, dict, str)):
        if isinstance(value, str) and value != Outcomes.name:
            raise ValueError(f"transitions: expected an array or outcomes, got {shown(value)}")
        value = require("transitions", value, "transitions")
        return value, value.states
    if hasattr(value, "tocsr"):
        value = of_sparse(value, joint)
        return value, value.states
    try:
        array = np.asarray(value)
    except ValueError:                      # ragged: worded below
        array = None
    if array is not None and array.ndim == 2 and array.dtype.kind in "iu":
        if array.shape[0] < 1 or array.shape[1] != joint:
            raise ValueError(f"transitions: expected next states of shape (S, {joint}), S at least 1, for actions "
                             f"{actions}; got {array.shape}")
        return numbers_below("transitions", array, 2, len(array), np.int32), len(array)
    transitions = array_of("transitions", value, 3)
    states = len(transitions)
    if states < 1 or transitions.shape != (states, joint, states):
        raise ValueError(f"transitions: expected shape (S, {joint}, S), S at least 1, for actions {actions}; "
                         f"got {transitions.shape}")
    if (transitions < 0).any():
        at = tuple(int(k) for k in np.argwhere(transitions < 0)[0])
        raise ValueError(f"transitions{list(at)}: expected a probability, got {transitions[at]}")
    sums = transitions.sum(axis=2)
    if (np.abs(sums - 1.0) > 1e-8).any():
        s, j = (int(k) for k in np.argwhere(np.abs(sums - 1.0) > 1e-8)[0])
        raise ValueError(f"transitions[{s}, {j}]: expected a row that sums to 1, got {sums[s, j]:.12g}")
    return transitions, states


def _rewards(value, transitions, states, joint, agents):
    """Rewards [S, J, N] or [S, J, S, N]; "own" where the outcomes have theirs."""
    own = isinstance(transitions, Outcomes) and transitions.rewards is not None
    if own:
        if not isinstance(value, str) or value != "own":
            raise ValueError(f"rewards: the outcomes have rewards of their own; give 'own' here, not {shown(value)}")
        if transitions.rewards.shape[1:] not in ((), (agents,)):
            raise ValueError(f"rewards: expected outcomes with rewards of shape (K,) or (K, {agents}), "
                             f"got {transitions.rewards.shape}")
        return value
    dense = isinstance(transitions, np.ndarray) and transitions.ndim == 3
    rewards = array_of("rewards", value, (2, 3, 4) if dense else (2, 3))
    check_memory(f"rewards: {states} states with {joint} joint actions", 8 * states * joint * agents,
                 "take fewer states or actions")
    if rewards.ndim == 2:
        rewards = array_of("rewards", np.repeat(rewards[:, :, None], agents, axis=2), 3)
    if rewards.shape != ((states, joint, agents) if rewards.ndim == 3 else (states, joint, states, agents)):
        more = f" or {(states, joint, states, agents)}" if rewards.ndim == 4 else ""
        raise ValueError(f"rewards: expected shape {(states, joint, agents)} or {(states, joint)}{more}, "
                         f"got {rewards.shape}")
    return rewards


def _start_sums(start):
    """Running sums that reach past 1 at the last possible state, so that rounding cannot draw an impossible one."""
    sums = np.cumsum(start)
    sums[np.flatnonzero(start)[-1]:] = 2.0
    return sums


class Tabular(Game):
    """Base of games that are made of arrays, but are told by few parameters.

    A subclass is a frozen dataclass with a ``name`` and its parameters, and writes :meth:`arrays`; kernel and facts
    follow from those. Files hold the name and the parameters, not the arrays. If it has a ``horizon``, it passes that
    on to the :class:`MarkovGame`.

    Parameters
    ----------
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    MarkovGame : The arrays themselves.
    TwoStep : One of them.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> from marlfast import games
    >>> @dataclass(frozen=True, repr=False, eq=False)
    ... class Corridor(games.Tabular):
    ...     length: int = 3
    ...     def arrays(self):
    ...         ahead = np.minimum(np.arange(self.length) + 1, self.length - 1)
    ...         return games.MarkovGame(np.stack([np.arange(self.length), ahead], axis=1),
    ...                                 np.array([[0.0, 0.0]] * (self.length - 2) + [[0.0, 1.0], [0.0, 0.0]]), [2],
    ...                                 terminal=np.arange(self.length) == self.length - 1, horizon=50)
    >>> Corridor(5).observations
    5
    """

    integer_state = True
    features = 1

    def arrays(self):
        """Make the game as a :class:`MarkovGame`. Called once; see :attr:`markov`.

        Returns
        -------
        MarkovGame
            With the horizon, if there is one.
        """
        raise NotImplementedError

    @cached_property
    def markov(self):
        """The game as a :class:`MarkovGame`."""
        return self.arrays()

    @property
    def agents(self):
        return self.markov.agents

    @property
    def action_counts(self):
        return self.markov.action_counts

    @property
    def observations(self):
        return self.markov.observations

    @property
    def views(self):
        return self.markov.views

    @property
    def ends(self):
        return self.markov.ends

    @property
    def participation(self):
        return self.markov.participation

    @property
    def discounting(self):
        return self.markov.discounting

    @property
    def setting(self):
        return self.markov.setting

    @property
    def reward_bounds(self):
        return self.markov.reward_bounds

    def kernel(self, backend="cython"):
        return self.markov.kernel(backend)


argument(MarkovGame, "seen", "obs")
