"""Connect four in NumPy: the twin of ``src/_connect_four.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_STATE, ILLEGAL, fine, whole
from marlfast.reference.turns import _TurnGame

MAX_BITS = 53


class ConnectFour(_TurnGame):
    """Connect four: see :class:`marlfast.games.ConnectFour` for its rules and source.

    Parameters
    ----------
    height, columns : int
        At least 1; ``(height + 1) * columns`` is at most 53.
    connect : int
        How many in a line win, at least 2 and at most the longer side.
    """

    def __init__(self, height, columns, connect):
        if height < 1 or columns < 1 or (height + 1) * columns > MAX_BITS:
            raise ValueError(f"height, columns: expected at least 1, and (height + 1) * columns at most {MAX_BITS}, "
                             f"got {height}, {columns}")
        if not 2 <= connect <= max(height, columns):
            raise ValueError(f"connect: expected 2 to {max(height, columns)}, got {connect}")
        self.height, self.max_actions, self.connect = height, columns, connect
        self.bottom = sum(1 << (k * (height + 1)) for k in range(columns))
        self.full = ((1 << height) - 1) * self.bottom
        rows, across = np.arange(height)[::-1, None], np.arange(columns)
        self.bits = (across * (height + 1) + rows).ravel()
        self._declare(2, 2, 1, height * columns, (0, 0, 0, 0))

    def _read(self, state):
        own = whole(state, self.full + 1)
        taken = own[:, 0] | own[:, 1]
        squares = own[:, :, None] >> self.bits & 1
        more = squares[:, 0].sum(axis=1) - squares[:, 1].sum(axis=1)
        sound = (own >= 0).all(axis=1) & (own[:, 0] & own[:, 1] == 0) & (taken & ~self.full == 0)
        sound &= (taken & ~self.bottom) & ~(taken << 1) == 0
        return own, sound & ((more == 0) | (more == 1))

    def _line(self, own):
        found = np.zeros(len(own), bool)
        for shift in (1, self.height, self.height + 1, self.height + 2):
            left = own.copy()
            for d in range(1, self.connect):
                left &= own >> min(d * shift, 63)
            found |= left != 0
        return found

    def _over(self, own):
        return (own[:, 0] | own[:, 1] == self.full) | self._line(own[:, 0]) | self._line(own[:, 1])

    def _turn(self, here):
        taken = ((here[:, 0] | here[:, 1])[:, None] >> self.bits & 1).sum(axis=1)
        return np.where(self._over(here), -1, taken & 1)

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = 0.0
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        own, sound = self._read(state)
        status, turn, action = self._moved(own, sound, actions, self.max_actions)
        taken = own[:, 0] | own[:, 1]
        low = np.clip(action, 0, self.max_actions - 1) * (self.height + 1)
        column = ((1 << self.height) - 1) << low
        status[(status == 0) & (taken & column == column)] = ILLEGAL
        good = np.flatnonzero(status == 0)
        taken, column, low, turn, own = taken[good], column[good], low[good], turn[good], own[good]
        own[np.arange(len(good)), turn] |= ((taken & column) + (1 << low)) & column & ~taken
        state[good] = own
        line = self._line(own[np.arange(len(good)), turn])
        won = np.where(line, 1.0, 0.0)
        rewards[good, turn], rewards[good, 1 - turn] = won, 0.0 - won
        terminated[good] = line | (own[:, 0] | own[:, 1] == self.full)
        return status

    def stage_observe(self, runs, state, observation):
        own, sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        squares = own[:, :, None] >> self.bits & 1
        observation[sound, 0] = (squares[:, 0] + 2 * squares[:, 1])[sound]
        return status

    def stage_legal(self, runs, state, legal):
        own, sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        tops = np.arange(self.max_actions) * (self.height + 1) + self.height - 1
        free = ((own[:, 0] | own[:, 1])[:, None] >> tops & 1 == 0) & ~self._over(own)[:, None]
        legal[sound] = free[sound][:, None]
        return status
