"""The drift game in NumPy: the twin of ``src/_drift.pyx``."""
import numpy as np

from marlfast.reference.kernels import Game, fine


class Drift(Game):
    """The drift game: see :class:`marlfast.games.Drift` for its rules and source.

    Parameters
    ----------
    agents, state_size : int
        At least 1.
    noise, push, bonus : float
    bonus_below : int
        Actions below this earn the bonus.
    """

    def __init__(self, agents, state_size, noise, push, bonus, bonus_below):
        if agents < 1 or state_size < 1:
            raise ValueError(f"agents, state_size: expected at least 1, got {agents}, {state_size}")
        self._declare(agents, state_size, 1, state_size, (0, state_size, 0, state_size))
        self.noise, self.push, self.bonus, self.bonus_below = noise, push, bonus, bonus_below

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = normals
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        state += normals * self.noise
        state[:, 0] += actions.sum(axis=1, dtype=np.int64) * self.push
        team = -np.abs(state[:, 0])
        rewards[:] = team[:, None] + self.bonus * (actions < self.bonus_below)
        terminated[:] = False
        return fine(len(runs))

    def stage_observe(self, runs, state, observation):
        observation[:, 0] = state
        return fine(len(runs))

    def stage_counterfactual(self, runs, state, actions, rewards, counterfactual):
        earns = actions < self.bonus_below
        others = earns.sum(axis=1)[:, None] - earns
        counterfactual[:] = -np.abs(state[:, :1] - actions * self.push) * (self.agents - 1.0) + others * self.bonus
        return fine(len(runs))
