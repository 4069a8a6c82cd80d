"""Repeated games in normal form, in NumPy: the twin of ``src/_matrix.pyx``."""

import numpy as np

from marlfast.declarations.matrix import REPEATED
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, fine, pick, whole


@REPEATED.document
class Repeated(Game):
    """A game in normal form, played again and again: see :class:`marlfast.games.matrix.NormalForm`."""

    def __init__(self, *by_position, **given):
        a = REPEATED.check(given, by_position)
        self.n_actions, self.rewards, self.chances, self.begin = a.actions, a.rewards, a.chances, a.begin
        self.joint, self.outcomes, self.memory = a.J, a.K, a.memory
        self.histories, self.shorter = a.histories, a.n_shorter
        self._declare(a.N, 1, 1, 1, (1 if a.K > 1 else 0, 0, 1 if a.begin < 0 else 0, 0))

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
