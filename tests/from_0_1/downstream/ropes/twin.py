import numpy as np

from marlfast.reference.kernels import BAD_ACTION, Game, allowed, fine


class Rope(Game):
    def __init__(self, reach, slip):
        self._declare(2, 1, 1, 1, (1, 0, 0, 0))
        self.reach, self.slip = float(reach), slip

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = 0.0
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        good = allowed(actions, 3)
        pull = np.where(good & (uniforms[:, 0] >= self.slip), actions[:, 0] - actions[:, 1], 0)
        state[:, 0] += pull
        terminated[:] = np.abs(state[:, 0]) >= self.reach
        won = np.where(terminated, np.where(state[:, 0] > 0.0, 1.0, -1.0), 0.0)
        rewards[:, 0] = won - 0.05 * actions[:, 0]
        rewards[:, 1] = -won - 0.05 * actions[:, 1]
        return np.where(good, 0, BAD_ACTION)

    def stage_observe(self, runs, state, observation):
        observation[:, 0, 0] = np.clip(state[:, 0] + self.reach + 1.0, 0.0, 2.0 * self.reach + 2.0)
        return fine(len(runs))
