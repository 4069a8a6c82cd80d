"""Soccer on squares in NumPy: the twin of ``src/_soccer.pyx``."""
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


class Soccer(Game):
    """Soccer on squares: see :class:`marlfast.games.soccer.Soccer` for its rules and source.

    Parameters
    ----------
    height, width : int
        At least 2 and 3; at most 32,767 squares.
    draw_probability : float
        In [0, 1].
    restart, mirrored : bool
    """

    def __init__(self, height, width, draw_probability, restart, mirrored):
        if height < 2 or width < 3 or height * width > 32767:
            raise ValueError("height, width: expected at least 2 and 3, and at most 32767 squares, "
                             f"got {height}, {width}")
        if not 0.0 <= draw_probability <= 1.0:
            raise ValueError(f"draw_probability: expected 0 to 1, got {draw_probability}")
        self._declare(2, 5, 2 if mirrored else 1, 1, (2 if draw_probability > 0.0 else 1, 0, 1, 0))
        self.height, self.width, self.draw_probability = height, width, draw_probability
        self.restart, self.mirrored = restart, mirrored
        self.top, self.bottom, self.column = (height - 1) // 2, height // 2, 1 if width > 3 else 0

    def _read(self, state):
        """Rows [n, 2], columns [n, 2], ball [n] in whole numbers, and which runs' are a state."""
        rows, columns = whole(state[:, 0:4:2], self.height), whole(state[:, 1:4:2], self.width)
        ball = whole(state[:, 4], 2)
        shared = (rows[:, 0] == rows[:, 1]) & (columns[:, 0] == columns[:, 1])
        return rows, columns, ball, (rows >= 0).all(axis=1) & (columns >= 0).all(axis=1) & (ball >= 0) & ~shared

    def _begin(self, which, possession, rows, columns, ball):
        """Both players where a game begins, in some of the runs."""
        rows[which] = self.top, self.bottom
        columns[which] = self.width - 1 - self.column, self.column
        ball[which] = possession[which]

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        possession = pick(uniforms[:, 0], 2)
        status[possession < 0] = BAD_DRAW
        good = status == 0
        state[good] = self.top, self.width - 1 - self.column, self.bottom, self.column, 0.0
        state[good, 4] = possession[good]
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        rows, columns, ball, sound = self._read(state)
        chance = pick(uniforms[:, 0], 4)
        drawn = np.zeros(len(runs), bool)
        status[chance < 0] = BAD_DRAW
        if self.draw_probability > 0.0:
            drawn = uniforms[:, 1] < self.draw_probability
            status[~((uniforms[:, 1] >= 0.0) & (uniforms[:, 1] < 1.0))] = BAD_DRAW
        status[~allowed(actions, 5)] = BAD_ACTION
        status[~sound] = BAD_STATE

        good = status == 0
        rows, columns, ball, chance, drawn = rows[good], columns[good], ball[good], chance[good], drawn[good]
        moves = actions[good].astype(np.int64)
        if self.mirrored:
            moves[:, 1] = np.where(moves[:, 1] < 4, moves[:, 1] ^ 1, moves[:, 1])
        each, gained, scored = np.arange(len(ball)), np.zeros((len(ball), 2)), np.zeros(len(ball), bool)
        for k in range(2):
            i = (chance >> 1) ^ k
            row, column = rows[each, i] + row_move(moves[each, i]), columns[each, i] + column_move(moves[each, i])
            bumps = ~scored & (row == rows[each, 1 - i]) & (column == columns[each, 1 - i])
            inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
            goal = ((ball == i) & (column == np.where(i == 1, self.width, -1)) & (row >= self.top)
                    & (row <= self.bottom) & ~scored)
            steps = inside & ~bumps & ~scored
            ball = np.where(bumps, 1 - i, ball)
            rows[each[steps], i[steps]], columns[each[steps], i[steps]] = row[steps], column[steps]
            gained[each[goal], i[goal]], gained[each[goal], 1 - i[goal]] = 1.0, -1.0
            scored |= goal
        over = scored | drawn
        if self.restart:
            self._begin(over, chance & 1, rows, columns, ball)
        state[good] = np.column_stack((rows[:, 0], columns[:, 0], rows[:, 1], columns[:, 1], ball))
        rewards[good] = gained
        terminated[good] = over & (not self.restart)
        return status

    def _number(self, own, other, rivals_ball):
        squares = self.height * self.width
        return (rivals_ball * squares + own) * (squares - 1) + other - (other > own)

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        rows, columns, ball, sound = self._read(state)
        status[~sound] = BAD_STATE
        rows, columns, ball = rows[sound], columns[sound], ball[sound]
        a, b = rows[:, 0] * self.width + columns[:, 0], rows[:, 1] * self.width + columns[:, 1]
        observation[sound, 0, 0] = self._number(a, b, (ball != 0).astype(np.int64))
        if self.mirrored:
            last = self.height * self.width - 1
            observation[sound, 1, 0] = self._number(last - b, last - a, (ball != 1).astype(np.int64))
        return status
