"""Repeated games in normal form, in NumPy: the twin of ``src/_matrix.pyx``."""
import math

import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, check, fine, pick, whole

MAX_NUMBERED = 2**31 - 1        # observations, and joint actions, that can be numbered


class Repeated(Game):
    """A game in normal form, played again and again: see :class:`marlfast.games.matrix.NormalForm`.

    Parameters
    ----------
    actions : int32 [N]
        Actions of each agent; J is their product.
    rewards : float64 [J, K, N]
        Of each joint action (the first agent's action the most significant) in each of its K outcomes.
    chances : float64 [J, K] or [K], or None
        Running sums of the probabilities of outcomes; None where K is 1.
    memory : int
        How many joint actions the state remembers; the number of histories, J ** memory, is at most 2**31 - 1.
    shorter : bool
        Whether histories shorter than ``memory`` have numbers too, from J ** memory on.
    begin : int
        The first state; -1: one of the J ** memory histories, equally likely.
    """

    def __init__(self, actions, rewards, chances, memory, shorter, begin):
        check(actions, "actions", "int32", (-1,), False)
        n_agents = len(actions)
        if n_agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        for i in range(n_agents):
            if actions[i] < 1:
                raise ValueError(f"actions: agent {i} needs at least 1 action, got {actions[i]}")
        joint = math.prod(actions.tolist())
        outcomes = check(rewards, "rewards", "float64", (joint, -1, n_agents), False).shape[1]
        if outcomes < 1 or joint > MAX_NUMBERED:
            raise ValueError(f"rewards: expected at least one outcome and at most {MAX_NUMBERED} joint actions, "
                             f"got {outcomes} and {joint}")
        if outcomes > 1:
            each = getattr(chances, "ndim", 1) == 2
            check(chances, "chances", "float64", (joint, outcomes) if each else (outcomes,), False)
        if memory < 0 or (joint > 1 and memory > 31) or memory > MAX_NUMBERED:
            raise ValueError(f"memory: expected 0 or more, and at most {MAX_NUMBERED} histories, got {memory}")
        histories, nodes = joint**memory, memory
        if joint > 1:
            nodes = (histories - 1) // (joint - 1)
        nodes = nodes if shorter else 0
        if histories + nodes > MAX_NUMBERED:
            raise ValueError(f"memory: expected 0 or more, and at most {MAX_NUMBERED} histories, got {memory}")
        if not -1 <= begin < histories + nodes:
            raise ValueError(f"begin: expected a state from 0 to {histories + nodes - 1}, or -1, got {begin}")
        self.n_actions, self.rewards, self.chances, self.begin = actions, rewards, chances, begin
        self.joint, self.outcomes, self.memory, self.histories, self.shorter = joint, outcomes, memory, histories, nodes
        self._declare(n_agents, 1, 1, 1, (1 if outcomes > 1 else 0, 0, 1 if begin < 0 else 0, 0))

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        if self.begin >= 0:
            state[:, 0] = self.begin
            return status
        history = pick(uniforms[:, 0], self.histories)
        status[history < 0] = BAD_DRAW
        state[:, 0] = np.where(history < 0, state[:, 0], history)
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        history = whole(state[:, 0], self.histories + self.shorter)
        status = fine(len(runs))
        if self.outcomes > 1:
            u = uniforms[:, 0]
            status[~((u >= 0.0) & (u < 1.0))] = BAD_DRAW
        status[((actions < 0) | (actions >= self.n_actions)).any(axis=1)] = BAD_ACTION
        status[history < 0] = BAD_STATE
        good = status == 0
        joint = np.zeros(good.sum(), np.int64)
        for i, n in enumerate(self.n_actions.tolist()):
            joint = joint * n + actions[good, i]
        outcome = 0
        if self.outcomes > 1:
            chances = self.chances[joint] if self.chances.ndim == 2 else self.chances[None]
            outcome = (u[good, None] >= chances[:, :-1]).sum(axis=1)
        rewards[good] = self.rewards[joint, outcome]
        state[good, 0] = self._after(history[good], joint)
        terminated[good] = False
        return status

    def _after(self, history, joint):
        """The state once a joint action has been played."""
        full = (history * self.joint + joint) % self.histories
        if not self.shorter:
            return full
        node = (history - self.histories) * self.joint + 1 + joint
        grown = np.where(node >= self.shorter, node - self.shorter, node + self.histories)
        return np.where(history >= self.histories, grown, full)

    def stage_observe(self, runs, state, observation):
        observation[:, 0] = state
        return fine(len(runs))
