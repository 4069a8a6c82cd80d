"""Tic-tac-toe in NumPy: the twin of ``src/_tic_tac_toe.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_STATE, ILLEGAL, fine, whole
from marlfast.reference.turns import _TurnGame

SQUARES, FULL = 9, 511
LINES = np.array([7, 56, 448, 73, 146, 292, 273, 84])
SETS = np.arange(512)
COUNT = sum(SETS >> k & 1 for k in range(SQUARES))
NUMBER = sum(3**k * (SETS >> k & 1) for k in range(SQUARES))
LINE = ((SETS[:, None] & LINES) == LINES).any(axis=1)


class TicTacToe(_TurnGame):
    """Tic-tac-toe: see :class:`marlfast.games.TicTacToe` for its rules and source."""

    def __init__(self):
        self._declare(2, 2, 1, 1, (0, 0, 0, 0))
        self.max_actions = SQUARES

    def _read(self, state):
        own = whole(state, FULL + 1)
        more = COUNT[own[:, 0]] - COUNT[own[:, 1]]
        return own, (own >= 0).all(axis=1) & (own[:, 0] & own[:, 1] == 0) & ((more == 0) | (more == 1))

    @staticmethod
    def _over(own):
        return LINE[own[:, 0]] | LINE[own[:, 1]] | (own[:, 0] | own[:, 1] == FULL)

    def _turn(self, here):
        return np.where(self._over(here), -1, COUNT[here[:, 0] | here[:, 1]] & 1)

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = 0.0
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        own, sound = self._read(state)
        status, turn, action = self._moved(own, sound, actions, SQUARES)
        status[(status == 0) & ((own[:, 0] | own[:, 1]) >> np.clip(action, 0, 8) & 1 == 1)] = ILLEGAL
        good = np.flatnonzero(status == 0)
        turn, own = turn[good], own[good]
        own[np.arange(len(good)), turn] |= 1 << action[good]
        state[good] = own
        won = np.where(LINE[own[np.arange(len(good)), turn]], 1.0, 0.0)
        rewards[good, turn], rewards[good, 1 - turn] = won, 0.0 - won
        terminated[good] = self._over(own)
        return status

    def stage_observe(self, runs, state, observation):
        own, sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        observation[sound, 0, 0] = (NUMBER[own[:, 0]] + 2 * NUMBER[own[:, 1]])[sound]
        return status

    def stage_legal(self, runs, state, legal):
        own, sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        taken = np.where(self._over(own), FULL, own[:, 0] | own[:, 1])
        free = (taken[:, None] >> np.arange(SQUARES) & 1) == 0
        legal[sound] = free[sound][:, None]
        return status
