"""A game given as arrays, in NumPy: the twin of ``src/_markov.pyx``."""
import math

import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, check, fine, whole

COUNTED = 64        # as many outcomes are counted


def draw(sums, low, count, u):
    """The first place with u < sums, else the last, in ranges of ``sums`` that are ``count`` long from ``low``.

    Of few they are counted, of many found by bisection: where sums do not rise, that is not the same.
    """
    few = count <= COUNTED
    counted = np.zeros(len(low), np.int64)
    for k in range(int(count[few].max(initial=1)) - 1):
        counted += (k < count - 1) & (u >= sums[np.minimum(low + k, len(sums) - 1)])
    low, count = np.where(few, low + counted, low), np.where(few, 1, count)
    while (count > 1).any():
        half = count >> 1
        # Where one place is left, half is 0; what is looked at then does not matter.
        low += np.where(u >= sums[np.maximum(low + half - 1, 0)], half, 0)
        count -= half
    return low


def _below_one(u):
    return (u >= 0.0) & (u < 1.0)


class Markov(Game):
    """A game given as arrays: see :class:`marlfast.games.MarkovGame`.

    S states, J joint actions, hence S * J cells, K outcomes.

    Parameters
    ----------
    actions : int32 [N]
        Actions of each agent; J is their product.
    first : int64 [S * J + 1] or None
        First outcome of each cell, and K; a cell has at least one. None: each has exactly one.
    successors : int32 [K]
        The next state.
    sums : float64 [K] or None
        Running sums of the probabilities of each cell's outcomes; None where ``first`` is.
    rewards : float64 [K, N] or [S * J, N]
        Of the outcomes, or of the cells.
    start : float64 [S]
        Running sums of the start distribution.
    terminal : bool [S]
    obs : int32 [S, 1] or [S, N] or None
        What all agents, or each of them, observe in a state; None: the state's number.
    """

    def __init__(self, actions, first, successors, sums, rewards, start, terminal, obs):
        check(actions, "actions", "int32", (-1,), False)
        n_agents = len(actions)
        if n_agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        for i in range(n_agents):
            if actions[i] < 1:
                raise ValueError(f"actions: agent {i} needs at least 1 action, got {actions[i]}")
        check(start, "start", "float64", (-1,), False)
        states, views = len(start), 1
        if states < 1:
            raise ValueError("start: expected at least one state, got none")
        check(terminal, "terminal", "bool", (states,), False)
        self.joint = math.prod(actions.tolist())
        cells = states * self.joint
        if first is None and sums is not None:
            raise ValueError("first: expected an array, as sums is one, or None for both")
        check(successors, "successors", "int32", (cells if first is None else -1,), False)
        outcomes = len(successors)
        if first is not None:
            check(first, "first", "int64", (cells + 1,), False)
            if first[0] != 0 or first[-1] != outcomes or (np.diff(first) < 1).any():
                raise ValueError(f"first: expected numbers that rise from 0 to {outcomes}, an outcome for every cell")
            check(sums, "sums", "float64", (outcomes,), False)
        if successors.min() < 0 or successors.max() >= states:
            raise ValueError(f"successors: expected states from 0 to {states - 1}")
        check(rewards, "rewards", "float64", (-1, n_agents), False)
        if len(rewards) not in (outcomes, cells):
            raise ValueError(f"rewards: expected a row for each of {outcomes} outcomes or {cells} cells, "
                             f"got {len(rewards)}")
        if obs is not None:
            check(obs, "obs", "int32", (states, -1), False)
            views = obs.shape[1]
            if views not in (1, n_agents):
                raise ValueError(f"obs: expected 1 or {n_agents} columns, got {views}")
        self._declare(n_agents, 1, views, 1, (0 if first is None else 1, 0, 1, 0))
        self.states, self.own = states, len(rewards) == outcomes
        self.n_actions, self.first, self.successors, self.sums, self.rewards = actions, first, successors, sums, rewards
        self.start_sums, self.terminal, self.obs = start, terminal, obs

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        good = _below_one(uniforms[:, 0])
        status[~good] = BAD_DRAW
        n = int(good.sum())
        state[good, 0] = draw(self.start_sums, np.zeros(n, np.int64), np.full(n, self.states), uniforms[good, 0])
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status, here = fine(len(runs)), whole(state[:, 0], self.states)
        if self.first is not None:
            status[~_below_one(uniforms[:, 0])] = BAD_DRAW
        status[((actions < 0) | (actions >= self.n_actions)).any(axis=1)] = BAD_ACTION
        status[here < 0] = BAD_STATE
        good = status == 0
        joint = np.zeros(good.sum(), np.int64)
        for i, n in enumerate(self.n_actions.tolist()):
            joint = joint * n + actions[good, i]
        outcome = cell = here[good] * self.joint + joint
        if self.first is not None:
            low = self.first[cell]
            outcome = draw(self.sums, low, self.first[cell + 1] - low, uniforms[good, 0])
        rewards[good] = self.rewards[outcome if self.own else cell]
        successors = self.successors[outcome]
        state[good, 0] = successors
        terminated[good] = self.terminal[successors]
        return status

    def stage_observe(self, runs, state, observation):
        if self.obs is None:
            observation[:, 0] = state
            return fine(len(runs))
        here = whole(state[:, 0], self.states)
        good = here >= 0
        observation[good, :, 0] = self.obs[here[good]]
        return np.where(good, 0, BAD_STATE).astype(np.int32)
