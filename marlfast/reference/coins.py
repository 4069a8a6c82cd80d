"""The coin game in NumPy: the twin of ``src/_coins.pyx``."""
import numpy as np

from marlfast.reference.kernels import (
    BAD_ACTION,
    BAD_DRAW,
    BAD_STATE,
    Game,
    allowed,
    column_move,
    fine,
    pick,
    row_move,
    whole,
)


class Coins(Game):
    """The coin game: see :class:`marlfast.games.coins.CoinGame` for its rules and source.

    Parameters
    ----------
    agents, size : int
        From 1 to 64 and to 1,024; ``size * size`` is more than ``agents``.
    stay, alternate : bool
    numbered : bool
        Only where there are fewer than 2**31 - 1 numbers.
    """

    def __init__(self, agents, size, stay, alternate, numbered):
        if not 1 <= agents <= 64 or not 1 <= size <= 1024 or size * size <= agents:
            raise ValueError("agents, size: expected 1 to 64 agents and at most 1024, with more squares than agents, "
                             f"got {agents}, {size}")
        if numbered and size ** (2 * agents + 2) * agents >= 2**31 - 1:
            raise ValueError("numbered: there are too many observations to number them")
        self._declare(agents, 2 * agents + 3, 1, 1 if numbered else 2 * agents + 3, (1, 0, agents + 1, 0))
        self.size, self.n_actions, self.alternate, self.numbered = size, 5 if stay else 4, alternate, numbered

    def _squares(self, state):
        """Squares of the agents, and then of the coin, counted row by row: int64 [n, agents + 1]."""
        return (state[:, 0:-1:2] * self.size + state[:, 1:-1:2]).astype(np.int64)

    def _occupied(self, squares, n_agents):
        """The squares of the first ``agents`` agents in order, each once; then -1 to fill up."""
        ordered = np.sort(squares[:, :n_agents], axis=1)
        again = np.zeros(ordered.shape, bool)
        again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
        return np.where(again, -1, ordered)

    def _put(self, squares, n_agents, k):
        """Row and column [n, 2] of the k-th square, from 0, that is free of the first ``agents`` agents."""
        occupied = self._occupied(squares, n_agents)
        for i in range(n_agents):
            k = k + ((occupied[:, i] >= 0) & (occupied[:, i] <= k))
        return np.column_stack((k // self.size, k % self.size)).astype(np.float64)

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        n_agents, squares = self.agents, self.size * self.size
        status[(pick(uniforms, 1) < 0).any(axis=1)] = BAD_DRAW
        good = status == 0
        begun, uniforms = np.zeros((int(good.sum()), self.state_size)), uniforms[good]
        for i in range(n_agents):
            begun[:, 2 * i:2 * i + 2] = self._put(self._squares(begun), i, pick(uniforms[:, i], squares - i))
        k = pick(uniforms[:, n_agents], (squares - n_agents) * n_agents)
        begun[:, 2 * n_agents:2 * n_agents + 2] = self._put(self._squares(begun), n_agents, k // n_agents)
        begun[:, -1] = k % n_agents
        state[good] = begun
        return status

    def _sound(self, state):
        """Whether these are states: every row and column on the board, the colour an agent's."""
        return (whole(state[:, :-1], self.size) >= 0).all(axis=1) & (whole(state[:, -1], self.agents) >= 0)

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        n_agents = self.agents
        status[pick(uniforms[:, 0], 1) < 0] = BAD_DRAW
        status[~allowed(actions, self.n_actions)] = BAD_ACTION
        status[~self._sound(state)] = BAD_STATE

        good = status == 0
        next_state, moves, u = state[good], actions[good], uniforms[good, 0]
        next_state[:, 0:2 * n_agents:2] = (next_state[:, 0:2 * n_agents:2] + row_move(moves)) % self.size
        next_state[:, 1:2 * n_agents:2] = (next_state[:, 1:2 * n_agents:2] + column_move(moves)) % self.size
        squares, colour, each = self._squares(next_state), next_state[:,
                                                                      -1].astype(np.int64), np.arange(len(next_state))
        gained, collects = np.zeros((len(next_state), n_agents)), squares[:, :n_agents] == squares[:, n_agents:]
        for i in range(n_agents):
            gained[:, i] += collects[:, i]
            gained[each, colour] -= 2.0 * (collects[:, i] & (colour != i))
        taken = collects.any(axis=1)
        empty = self.size * self.size - (self._occupied(squares, n_agents) >= 0).sum(axis=1)
        if self.alternate:
            k, following = pick(u, empty), (colour + 1) % n_agents
        else:
            k = pick(u, empty * n_agents)
            k, following = k // n_agents, k % n_agents
        next_state[taken, 2 * n_agents:2 * n_agents + 2] = self._put(squares, n_agents, k)[taken]
        next_state[taken, -1] = following[taken]
        state[good] = next_state
        rewards[good] = gained
        terminated[good] = False
        return status

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        good = self._sound(state)
        status[~good] = BAD_STATE
        if not self.numbered:
            observation[good, 0] = state[good]
            return status
        number = np.zeros(int(good.sum()), np.int64)
        for here in self._squares(state[good]).T:
            number = number * self.size * self.size + here
        observation[good, 0, 0] = number * self.agents + state[good, -1].astype(np.int64)
        return status
