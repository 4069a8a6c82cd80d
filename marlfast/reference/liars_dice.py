"""Liar's dice with a die each, in NumPy: the twin of ``src/_liars_dice.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_DRAW, BAD_STATE, ILLEGAL, fine, pick, whole
from marlfast.reference.turns import _TurnGame

MAX_SIDES = 6
COUNTS = np.array([bin(k).count("1") for k in range(1 << 2 * MAX_SIDES)])
HIGHEST = np.array([k.bit_length() - 1 for k in range(1 << 2 * MAX_SIDES)])


class LiarsDice(_TurnGame):
    """Liar's dice with a die each: see :class:`marlfast.games.LiarsDice` for its rules and source.

    Parameters
    ----------
    sides : int
        Of each die, 2 to 6.
    """

    def __init__(self, sides):
        if not 2 <= sides <= MAX_SIDES:
            raise ValueError(f"sides: expected 2 to {MAX_SIDES}, got {sides}")
        self.sides, self.bids, self.max_actions = sides, 2 * sides, 2 * sides + 1
        self._declare(2, 4, 2, 1, (0, 0, 2, 0))

    def _read(self, state):
        dice, bids, called = whole(state[:, :2], self.sides), whole(state[:, 2], 1 << self.bids), whole(state[:, 3], 2)
        sound = (dice >= 0).all(axis=1) & (bids >= 0) & (called >= 0) & ((bids > 0) | (called == 0))
        return (dice, bids, called), sound

    def _turn(self, here):
        return np.where(here[2] == 0, COUNTS[here[1]] & 1, -1)

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        dice = pick(uniforms, self.sides)
        status[(dice < 0).any(axis=1)] = BAD_DRAW
        good = status == 0
        state[good] = 0.0
        state[good, :2] = dice[good]
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        (dice, bids, called), sound = here, _ = self._read(state)
        status, turn, action = self._moved(here, sound, actions, self.bids + 1)
        last = HIGHEST[bids]
        status[(status == 0) & ((action <= last) | (action == self.bids) & (last < 0))] = ILLEGAL
        good = np.flatnonzero(status == 0)
        dice, bids, turn, action, last = dice[good], bids[good], turn[good], action[good], last[good]
        calls = action == self.bids
        there = ((dice == (last % self.sides)[:, None]) | (dice == self.sides - 1)).sum(axis=1)
        own = np.where(there >= 1 + last // self.sides, -1.0, 1.0)
        won = np.where(calls, own, 0.0)
        rewards[good, turn], rewards[good, 1 - turn] = won, 0.0 - won
        terminated[good] = calls
        state[good, 2] = np.where(calls, bids, bids | 1 << np.minimum(action, self.bids - 1))
        state[good, 3] = calls
        return status

    def stage_observe(self, runs, state, observation):
        (dice, bids, called), sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        number = np.where(called[:, None] > 0, self.sides << self.bids, (dice << self.bids) + bids[:, None])
        observation[sound, :, 0] = number[sound]
        return status

    def stage_legal(self, runs, state, legal):
        (_, bids, called), sound = self._read(state)
        status, actions = fine(len(runs)), np.arange(self.bids + 1)
        status[~sound] = BAD_STATE
        last = HIGHEST[bids][:, None]
        allowed = (called == 0)[:, None] & (actions > last) & ((actions < self.bids) | (last >= 0))
        legal[sound] = allowed[sound][:, None]
        return status
