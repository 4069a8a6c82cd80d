"""A game given as arrays, in NumPy: the twin of ``src/_markov.pyx``."""
import math

import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_OBSERVATION, Game, check, fine


def _draw(cumulative, u):
    """The first k with u < cumulative[:, k], the last k if there is none."""
    return np.minimum((u[:, None] >= cumulative).sum(axis=1), cumulative.shape[1] - 1)


class Markov(Game):
    """A game given as arrays: see :class:`marlfast.games.MarkovGame`.

    Parameters
    ----------
    actions : int32 [N]
        Actions of each agent; J is their product.
    successor : int32 [S, J] or None
        The next state, where it is certain.
    cumulative : float64 [S, J, S] or None
        Running sums of the transition probabilities, where ``successor`` is None.
    rewards : float64 [S, J, N]
    start : float64 [S]
        Running sums of the start distribution.
    terminal : bool [S]
    """

    def __init__(self, actions, successor, cumulative, rewards, start, terminal):
        check(actions, "actions", "int32", (-1,), False)
        agents = len(actions)
        if agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        for i in range(agents):
            if actions[i] < 1:
                raise ValueError(f"actions: agent {i} needs at least 1 action, got {actions[i]}")
        joint = math.prod(actions.tolist())
        check(rewards, "rewards", "float64", (-1, joint, agents), False)
        states = len(rewards)
        if states < 1:
            raise ValueError("rewards: expected at least one state, got none")
        check(start, "start", "float64", (states,), False)
        check(terminal, "terminal", "bool", (states,), False)
        if successor is not None:
            check(successor, "successor", "int32", (states, joint), False)
            if successor.min() < 0 or successor.max() >= states:
                raise ValueError(f"successor: expected states from 0 to {states - 1}")
        else:
            check(cumulative, "cumulative", "float64", (states, joint, states), False)
        self.agents, self.state_size, self.views, self.features = agents, 1, 1, 1
        self.step_uniforms, self.step_normals = 0 if successor is not None else 1, 0
        self.start_uniforms, self.start_normals = 1, 0
        self.states, self.actions, self.successor, self.cumulative = states, actions, successor, cumulative
        self.rewards, self.start_sums, self.terminal = rewards, start, terminal

    def stage_start(self, runs, state, uniforms, normals):
        state[:, 0] = _draw(np.broadcast_to(self.start_sums, (len(state), self.states)), uniforms[:, 0])
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[((actions < 0) | (actions >= self.actions)).any(axis=1)] = BAD_ACTION
        status[~((state[:, 0] >= 0.0) & (state[:, 0] < self.states))] = BAD_OBSERVATION
        good = status == 0
        joint = np.zeros(good.sum(), np.int64)
        for i, n in enumerate(self.actions.tolist()):
            joint = joint * n + actions[good, i]
        here = state[good, 0].astype(np.int64)
        rewards[good] = self.rewards[here, joint]
        if self.successor is not None:
            successor = self.successor[here, joint].astype(np.int64)
        else:
            successor = _draw(self.cumulative[here, joint], uniforms[good, 0])
        state[good, 0] = successor
        terminated[good] = self.terminal[successor]
        return status

    def stage_observe(self, runs, state, observation):
        observation[:, 0, 0] = state[:, 0]
        return fine(len(runs))
