"""Nim in NumPy: the twin of ``src/_nim.pyx``."""
import math

import numpy as np

from marlfast.reference.kernels import BAD_STATE, ILLEGAL, check, fine, whole
from marlfast.reference.turns import _TurnGame

MAX_PILES = 16


class Nim(_TurnGame):
    """Nim: see :class:`marlfast.games.Nim` for its rules and source.

    Parameters
    ----------
    piles : int32 [n]
        What is in each of 1 to 16 piles at the start, at least 1; with at most 2**31 - 1 positions.
    misere : bool
        Whether who takes the last loses.
    """

    def __init__(self, piles, misere):
        check(piles, "piles", "int32", (-1,), False)
        n = len(piles)
        if not 1 <= n <= MAX_PILES or min(piles) < 1 or math.prod(1 + int(k) for k in piles) >= 2**31:
            raise ValueError(f"piles: expected 1 to {MAX_PILES} of at least 1, with less than 2**31 positions, got "
                             f"{piles.tolist()}")
        self.piles, self.misere = piles.astype(np.int64), bool(misere)
        self.max_actions = n * int(piles.max())
        self._declare(2, n + 1, 1, 1, (0, 0, 0, 0))

    def _read(self, state):
        left = np.stack([whole(state[:, k], size + 1) for k, size in enumerate(self.piles.tolist())], axis=1)
        who = whole(state[:, -1], 2)
        return (left, who), (left >= 0).all(axis=1) & (who >= 0)

    def _turn(self, here):
        left, who = here
        return np.where(left.sum(axis=1) > 0, who, -1)

    def stage_start(self, runs, state, uniforms, normals):
        state[:, :-1], state[:, -1] = self.piles, 0.0
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        (left, who), sound = here, _ = self._read(state)
        status, turn, action = self._moved(here, sound, actions, self.max_actions)
        pile, take = action % len(self.piles), action // len(self.piles) + 1
        run = np.arange(len(action))
        status[(status == 0) & (take > left[run, pile])] = ILLEGAL
        good = np.flatnonzero(status == 0)
        last = take[good] == left[good].sum(axis=1)
        state[good, pile[good]] = left[good, pile[good]] - take[good]
        state[good, -1] = 1 - turn[good]
        won = np.where(last, -1.0 if self.misere else 1.0, 0.0)
        rewards[good, turn[good]], rewards[good, 1 - turn[good]] = won, 0.0 - won
        terminated[good] = last
        return status

    def stage_observe(self, runs, state, observation):
        (left, _), sound = self._read(state)
        status, number = fine(len(runs)), np.zeros(len(runs), np.int64)
        status[~sound] = BAD_STATE
        for k, size in enumerate(self.piles.tolist()):
            number = number * (size + 1) + left[:, k]
        observation[sound, 0, 0] = number[sound]
        return status

    def stage_legal(self, runs, state, legal):
        (left, _), sound = self._read(state)
        status, actions = fine(len(runs)), np.arange(self.max_actions)
        status[~sound] = BAD_STATE
        legal[sound] = (actions // len(self.piles) < left[:, actions % len(self.piles)])[sound][:, None]
        return status
