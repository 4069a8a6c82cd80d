"""Games given as arrays."""
import math
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, shown
from marlfast.games.base import Game


def _array(name, value, ndim, dtype=np.float64):
    """A read-only array of its own, of ``ndim`` dimensions (one or several numbers; None: any) and finite numbers."""
    wanted = ndim if isinstance(ndim, tuple) else (ndim,)
    said = " or ".join(map(str, wanted))
    try:
        array = np.array(value, dtype=dtype)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected an array of {np.dtype(dtype).name}, got {shown(value)}") from None
    if ndim is not None and array.ndim not in wanted:
        raise ValueError(f"{name}: expected {said} dimensions, got {array.ndim} (shape {array.shape})")
    if dtype is np.float64 and not np.isfinite(array).all():
        at = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}{list(at)}: expected a finite number, got {array[at]}")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, repr=False, eq=False)
class MarkovGame(Game):
    """A finite Markov game given as arrays. It runs as fast as a hand-written one.

    Dynamics
        The next state is drawn from ``transitions[state, joint action]``.
    Observation
        The state's number, the same for every agent.
    Action
        0 to ``actions[i] - 1`` for agent i. A joint action's number has the first agent's action as the
        most significant: for two agents ``a0 * actions[1] + a1``.
    Reward
        ``rewards[state, joint action]``, one per agent.
    Start
        Drawn from ``start``.
    End
        Terminated on entering a state marked in ``terminal``; truncated after ``horizon`` steps.

    Parameters
    ----------
    transitions : float64 [S, J, S]
        Probabilities; each row sums to 1 (within 1e-8).
    rewards : float64 [S, J, N] or [S, J]
        Without the last axis: the same for every agent.
    actions : sequence of int [N]
        Actions of each agent, J is their product.
    start : float64 [S], optional
        Start distribution. Default: state 0.
    terminal : bool [S], optional
        Default: none.
    horizon : int
        0: no limit.

    Notes
    -----
    Source: L. S. Shapley, "Stochastic games", PNAS 39 (1953).
    """

    name = "markov"
    features = 1
    transitions: np.ndarray
    rewards: np.ndarray
    actions: tuple
    start: np.ndarray | None = None
    terminal: np.ndarray | None = None
    horizon: int = 0

    def __post_init__(self):
        if not np.iterable(self.actions):
            raise TypeError(f"actions: expected the number of actions of each agent, such as (2, 2), "
                            f"got {shown(self.actions)}")
        actions = tuple(integer(f"actions[{i}]", n, 1, 2**31 - 1) for i, n in enumerate(self.actions))
        if not actions:
            raise ValueError("actions: expected at least one agent, got none")
        joint = math.prod(actions)
        transitions = _array("transitions", self.transitions, 3)
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
        rewards = _array("rewards", self.rewards, (2, 3))
        if rewards.ndim == 2:
            rewards = _array("rewards", np.repeat(rewards[:, :, None], len(actions), axis=2), 3)
        if rewards.shape != (states, joint, len(actions)):
            raise ValueError(f"rewards: expected shape {(states, joint, len(actions))} or {(states, joint)}, "
                             f"got {rewards.shape}")
        start = np.eye(1, states)[0] if self.start is None else self.start
        start = _array("start", start, 1)
        if start.shape != (states,) or (start < 0).any() or abs(start.sum() - 1.0) > 1e-8:
            raise ValueError(f"start: expected {states} probabilities that sum to 1, got shape {start.shape}, "
                             f"sum {start.sum():.12g}")
        terminal = np.zeros(states, bool) if self.terminal is None else self.terminal
        terminal = _array("terminal", terminal, 1, np.bool_)
        if terminal.shape != (states,):
            raise ValueError(f"terminal: expected {states} flags, got {terminal.shape}")
        if (terminal & (start > 0)).any():
            raise ValueError(f"start: state {int((terminal & (start > 0)).argmax())} is terminal; "
                             "a game cannot start there")
        self._set(actions=actions, transitions=transitions, rewards=rewards, start=start, terminal=terminal,
                  horizon=integer("horizon", self.horizon, 0))

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
        return len(self.transitions)

    def kernel(self, backend="cython"):
        certain = (self.transitions == 1.0).any(axis=2).all()
        successor = self.transitions.argmax(axis=2).astype(np.int32) if certain else None
        cumulative = None if certain else _running_sums(self.transitions)
        return kernels(backend, "markov").Markov(self.action_counts, successor, cumulative, self.rewards,
                                                 _running_sums(self.start), self.terminal)


def _running_sums(probabilities):
    """Running sums that reach past 1 at the last possible outcome, so that rounding cannot draw an impossible one."""
    sums = np.cumsum(probabilities, axis=-1)
    width = probabilities.shape[-1]
    last = width - 1 - (probabilities[..., ::-1] > 0).argmax(axis=-1)
    sums[np.arange(width) >= last[..., None]] = 2.0
    return sums
