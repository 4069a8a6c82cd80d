"""Kuhn poker in NumPy: the twin of ``src/_kuhn.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_DRAW, BAD_STATE, fine, pick, whole
from marlfast.reference.turns import _TurnGame

CARDS, PLAYING, HISTORIES, OBSERVATIONS = 3, 4, 9, 13
# Nothing, p, b, pb; over: pp, bp, bb, pbp, pbb. What follows each by p and by b, and who moves there.
FOLLOWING = np.array([[1, 2], [4, 3], [5, 6], [7, 8]])
MOVER = np.array([0, 1, 1, 0])
STAKE = np.array([1, 0, 2, 0, 2])       # of a showdown
FOLDED = np.array([0, 1, 0, -1, 0])     # what the first player earns where there is none


class KuhnPoker(_TurnGame):
    """Kuhn poker: see :class:`marlfast.games.KuhnPoker` for its rules and source."""

    def __init__(self):
        self._declare(2, 3, 2, 1, (0, 0, 2, 0))
        self.max_actions = 2

    def _read(self, state):
        cards, history = whole(state[:, :2], CARDS), whole(state[:, 2], HISTORIES)
        sound = (cards >= 0).all(axis=1) & (history >= 0) & (cards[:, 0] != cards[:, 1])
        return (cards, history), sound

    def _turn(self, here):
        history = here[1]
        return np.where(history < PLAYING, MOVER[np.minimum(history, PLAYING - 1)], -1)

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        card, other = pick(uniforms[:, 0], CARDS), pick(uniforms[:, 1], CARDS - 1)
        status[(card < 0) | (other < 0)] = BAD_DRAW
        good = status == 0
        state[good] = np.stack([card, other + (other >= card), np.zeros(len(card))], axis=1)[good]
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        (cards, history), sound = self._read(state)
        status, turn, action = self._moved((cards, history), sound, actions, 2)
        good = np.flatnonzero(status == 0)
        after = FOLLOWING[history[good], action[good]]
        over = after >= PLAYING
        end = np.where(over, after - PLAYING, 0)
        won = np.where(cards[good, 0] > cards[good, 1], STAKE[end], -STAKE[end]) + FOLDED[end]
        state[good, 2], terminated[good] = after, over
        rewards[good, 0] = np.where(over, won, 0.0)
        rewards[good, 1] = 0.0 - rewards[good, 0]
        return status

    def stage_observe(self, runs, state, observation):
        (cards, history), sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        numbers = np.where(history[:, None] >= PLAYING, OBSERVATIONS - 1, PLAYING * cards + history[:, None])
        observation[sound, :, 0] = numbers[sound]
        return status

    def stage_legal(self, runs, state, legal):
        legal[:] = True
        return fine(len(runs))
