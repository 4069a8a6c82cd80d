"""The Ising game in NumPy: the twin of ``src/_ising.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, fine


class Ising(Game):
    """The Ising game: see :class:`marlfast.games.ising.Ising` for its rules and source.

    Parameters
    ----------
    height, width : int
        At least 1.
    """

    def __init__(self, height, width):
        if height < 1 or width < 1:
            raise ValueError(f"height, width: expected at least 1, got {height}, {width}")
        n_agents = height * width
        self.height, self.width = height, width
        self._declare(n_agents, n_agents, n_agents, 1, (0, 0, n_agents, 0))

    def _neighbours(self, spins):
        """The sum of each agent's four neighbours' spins."""
        grid = spins.reshape(-1, self.height, self.width)
        sums = np.roll(grid, 1, 1) + np.roll(grid, -1, 1) + np.roll(grid, 1, 2) + np.roll(grid, -1, 2)
        return sums.reshape(spins.shape)

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        good = status == 0
        state[good] = np.where(uniforms[good] >= 0.5, 1.0, -1.0)
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[~allowed(actions, 2)] = BAD_ACTION
        good = status == 0
        spins = 2.0 * actions[good] - 1.0
        state[good] = spins
        rewards[good] = 0.5 * spins * self._neighbours(spins)
        terminated[good] = False
        return status

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        status[~((state == 1.0) | (state == -1.0)).all(axis=1)] = BAD_STATE
        good = status == 0
        observation[good, :, 0] = 0.5 * self._neighbours(state[good]) + 2.0
        return status

    def stage_counterfactual(self, runs, state, actions, rewards, counterfactual):
        """The others' total reward, had agent i's square been empty: each neighbour loses what i had from it."""
        total = np.zeros(len(runs))
        for i in range(self.agents):
            total += rewards[:, i]
        counterfactual[:] = total[:, None] - 2.0 * rewards + ((self.height == 1) + (self.width == 1))
        return fine(len(runs))
