"""Cooperative box pushing in NumPy: the twin of ``src/_pushing.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, fine, pick, whole

LEFT, RIGHT, FORWARD, STAY = range(4)
NORTH, EAST, SOUTH, WEST = range(4)
NOTHING, LARGE = 0, 4       # 1: the left small box, 2: the right one, 3: both
EMPTY, WALL, AGENT, SMALL_BOX, LARGE_BOX = range(5)
START = (0, EAST, 3, WEST, NOTHING)


class BoxPushing(Game):
    """Cooperative box pushing: see :class:`marlfast.games.BoxPushing` for its rules and source.

    Parameters
    ----------
    success : float
        In [0, 1].
    full, on_success, continuing : bool
        Everybody sees the whole state; rewards are for what happened and not for what was tried; the episode goes on.
    """

    def __init__(self, success, full, on_success, continuing):
        if not 0.0 <= success <= 1.0:
            raise ValueError(f"success: expected 0 to 1, got {success}")
        self._declare(2, 5, 1 if full else 2, 1, (2, 0, 0, 0))
        self.success, self.full, self.on_success, self.continuing = success, full, on_success, continuing

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = START
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[(pick(uniforms, 1) < 0).any(axis=1)] = BAD_DRAW
        status[~allowed(actions, 4)] = BAD_ACTION
        here, valid = _states(state)
        status[~valid] = BAD_STATE
        good = status == 0
        here, act, succeeds = here[good], actions[good], uniforms[good] < self.success
        columns, headings, finished = here[:, 0:4:2], here[:, 1:4:2], here[:, 4] != NOTHING
        tries = act == FORWARD
        moved, pushed, earned = _forward(columns, headings, tries & succeeds)
        if not self.on_success:
            earned = _forward(columns, headings, tries)[2]
        turned = (headings + np.where(act == LEFT, 3, np.where(act == RIGHT, 1, 0)) * succeeds) % 4
        after = np.stack([moved[:, 0], turned[:, 0], moved[:, 1], turned[:, 1], pushed], axis=1)
        after[finished] = START
        state[good] = after
        rewards[good] = np.where(finished, 0.0, -0.2 + earned)[:, None]
        terminated[good] = (pushed != NOTHING) & ~finished & (not self.continuing)
        return status

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        here, valid = _states(state)
        status[~valid] = BAD_STATE
        here = here[valid]
        observation[valid, :, 0] = _number(here)[:, None] if self.full else _fronts(here)
        return status


def _states(state):
    """The states as int64, and which of them are states."""
    numbers = np.concatenate([whole(state[:, :4], 4), whole(state[:, 4:], 5)], axis=1)
    return numbers, (numbers >= 0).all(axis=1) & (numbers[:, 0] < numbers[:, 2])


def _ahead(columns, headings):
    """The columns of the squares in front."""
    return columns + (headings == EAST) - (headings == WEST)


def _forward(columns, headings, goes):
    """Let some agents move forward, both at once: columns then, what is pushed, and what that earns."""
    north, sideways = headings == NORTH, (headings == EAST) | (headings == WEST)
    front = _ahead(columns, headings)
    together = (goes & north & (columns == (1, 2))).all(axis=1)
    push = goes & north & (columns == (0, 3))
    meet = (goes & sideways).all(axis=1) & (front[:, 0] == front[:, 1])
    free = sideways & (front >= 0) & (front <= 3) & (front != columns[:, ::-1]) & ~meet[:, None]
    bumps = goes & ~push & ~free & ~together[:, None]
    moved = np.where(goes & free, front, columns)
    pushed = np.where(together, LARGE, push[:, 0] + 2 * push[:, 1])
    earned = -5.0 * bumps.sum(axis=1) + 10.0 * push.sum(axis=1)
    return moved, pushed, np.where(together, 100.0, earned)


def _number(here):
    """The number of each state, 0 to 99, in the order of the published model."""
    first, heading, second, other, pushed = here.T
    before = np.array([4, 52, 84, 0])[first]
    number = before + (4 * (3 - first) * heading + 4 * (second - first - 1) + other)
    return np.where(pushed != NOTHING, pushed - 1, number)


def _fronts(here):
    """What each agent sees on the square in front of it."""
    columns, headings = here[:, 0:4:2], here[:, 1:4:2]
    front = _ahead(columns, headings)
    box = np.where((columns == 0) | (columns == 3), SMALL_BOX, LARGE_BOX)
    wall = (headings == SOUTH) | (front < 0) | (front > 3)
    obs = np.where(headings == NORTH, box, np.where(wall, WALL, np.where(front == columns[:, ::-1], AGENT, EMPTY)))
    return np.where(here[:, 4:] != NOTHING, EMPTY, obs)
