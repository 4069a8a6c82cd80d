"""Leduc poker in NumPy: the twin of ``src/_leduc.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_DRAW, BAD_STATE, ILLEGAL, fine, pick, whole
from marlfast.reference.turns import _TurnGame

CARDS, FOLD, CALL, RAISE, ACTIONS, ENDS, FIRST_ROUND, OBSERVATIONS = 6, 0, 1, 2, 3, 5, 5, 1117
NOTHING, C, R, CR, RR, CRR, OVER = range(7)
MOVER = np.array([0, 1, 1, 0, 0, 1, -1])
RAISED = np.array([R, CR, RR, CRR, -1, -1, -1])
PAID_BEFORE = np.array([0, 0, 0, 0, 1, 1, 0])
RAISES = np.array([0, 1, 1, 2, 2, 0])           # of each end: cc, rc, crc, rrc, crrc
MAY = np.array([[False, True, True], [False, True, True], [True, True, True], [True, True, True],
                [True, True, False], [True, True, False], [False, False, False]])


class LeducPoker(_TurnGame):
    """Leduc poker: see :class:`marlfast.games.LeducPoker` for its rules and source."""

    def __init__(self):
        self._declare(2, 5, 2, 1, (1, 0, 2, 0))
        self.max_actions = ACTIONS

    def _read(self, state):
        card, other, public, end, bets = (whole(state[:, k], n) for k, n in enumerate(
            (CARDS, CARDS, CARDS + 1, ENDS + 1, OVER + 1)))
        sound = ((card | other | public | end | bets) >= 0) & (card != other) & (card != public) & (other != public)
        sound &= (public == CARDS) == (end == FIRST_ROUND)
        return (card, other, public, end, bets), sound

    def _turn(self, here):
        return MOVER[here[4]]

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        card, other = pick(uniforms[:, 0], CARDS), pick(uniforms[:, 1], CARDS - 1)
        status[(card < 0) | (other < 0)] = BAD_DRAW
        fixed = [np.full(len(card), value) for value in (CARDS, FIRST_ROUND, 0)]
        good = status == 0
        state[good] = np.stack([card, other + (other >= card), *fixed], axis=1)[good]
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        here, sound = self._read(state)
        status, turn, action = self._moved(here, sound, actions, ACTIONS)
        draw = pick(uniforms[:, 0], CARDS - 2)
        legal = MAY[here[4], np.clip(action, 0, RAISE)]
        status[(status == 0) & (draw < 0) & legal] = BAD_DRAW
        status[(status == 0) & ~legal] = ILLEGAL
        good = np.flatnonzero(status == 0)
        card, other, public, end, bets = (part[good] for part in here)
        turn, action, draw = turn[good], action[good], draw[good]
        first = end == FIRST_ROUND
        low, high = np.minimum(card, other), np.maximum(card, other)
        draw = draw + (draw >= low)
        draw = draw + (draw >= high)
        goes_on = (action == RAISE) | (action == CALL) & (bets == NOTHING)
        shows = ~goes_on & (action == CALL) & first
        over = ~goes_on & ~shows
        lost = 1 + np.where(first, 0, 2 * RAISES[end])
        folded = lost + np.where(first, 2, 4) * PAID_BEFORE[bets]
        called = (lost + 4 * RAISES[np.clip(bets - 1, 0, ENDS)]) * _showdown(card, other, public)
        won = np.where(action == FOLD, np.where(turn == 1, folded, -folded), called)
        rewards[good, 0] = np.where(over, won, 0.0)
        rewards[good, 1] = 0.0 - rewards[good, 0]
        terminated[good] = over
        state[good, 2] = np.where(shows, draw, public)
        state[good, 3] = np.where(shows, bets - 1, end)
        state[good, 4] = np.where(over, OVER, np.where(shows, NOTHING, np.where(action == RAISE, RAISED[bets], C)))
        return status

    def stage_observe(self, runs, state, observation):
        (card, other, public, end, bets), sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        for i, own in enumerate((card, other)):
            second = 36 + ((own * CARDS + public) * ENDS + end) * 6 + bets
            number = np.where(bets == OVER, OBSERVATIONS - 1, np.where(end == FIRST_ROUND, 6 * own + bets, second))
            observation[sound, i, 0] = number[sound]
        return status

    def stage_legal(self, runs, state, legal):
        here, sound = self._read(state)
        status = fine(len(runs))
        status[~sound] = BAD_STATE
        legal[sound] = MAY[here[4]][sound][:, None]
        return status


def _showdown(card, other, public):
    """1, 0 or -1: whether the first player's hand is better."""
    card, other, public = card // 2, other // 2, public // 2
    higher = np.where(card == public, 1, np.where(other == public, -1, np.where(card > other, 1, -1)))
    return np.where(card == other, 0, higher)
