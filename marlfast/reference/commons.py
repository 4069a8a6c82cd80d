"""Harvest and clean-up in NumPy: the twin of ``src/_commons.pyx``."""
import numpy as np

from marlfast.reference.kernels import (
    BAD_ACTION,
    BAD_DRAW,
    BAD_STATE,
    Game,
    allowed,
    check,
    column_move,
    fine,
    pick,
    row_move,
    whole,
)

STAND, FINE, CLEAN = 4, 5, 6
NEARBY = [(down, right) for down in range(-2, 3) for right in range(-2, 3) if 0 < down * down + right * right <= 4]


class Commons(Game):
    """Harvest and clean-up: see :class:`marlfast.games.Harvest` and :class:`marlfast.games.Cleanup` for their rules.

    Parameters
    ----------
    agents : int
        1 to 64, with room on the board.
    rows, columns, river, orchard : int
        The board's, 1 to 32; columns of the river (0: harvest) and of the orchard, side by side at most all.
    reach, view : int
        0 to 32.
    fine, cost : float
    depletion, restoration, apple_rate, waste_rate, start_waste : float
        0 to 1; ``restoration`` below ``depletion``.
    regrowth : float64 [13]
        Chances by the number of apples nearby, 0 to 12.
    """

    def __init__(self, *, agents, rows, columns, river, orchard, reach, view, fine, cost, depletion, restoration,
                 apple_rate, waste_rate, start_waste, regrowth):
        self.regrowth = check(regrowth, "regrowth", "float64", (13,), False).copy()
        if not (1 <= rows <= 32 and 1 <= columns <= 32 and 1 <= agents <= min(64, rows * columns)):
            raise ValueError("agents, rows, columns: expected 1 to 32 rows and columns with room for 1 to 64 agents, "
                             f"got {agents}, {rows}, {columns}")
        if not (river >= 0 and orchard >= 1 and river + orchard <= columns):
            raise ValueError(f"river, orchard: expected at most {columns} columns together, got {river}, {orchard}")
        if not (0 <= reach <= 32 and 0 <= view <= 32):
            raise ValueError(f"reach, view: expected 0 to 32, got {reach}, {view}")
        if not (0.0 <= restoration < depletion <= 1.0 and 0.0 <= start_waste <= 1.0):
            raise ValueError("depletion, restoration, start_waste: expected 0 to 1, restoration below depletion, got "
                             f"{depletion}, {restoration}, {start_waste}")
        self._declare(agents, 3 * agents + rows * (orchard + river), agents, (2 * view + 1) ** 2 + 1,
                      (1 + rows * orchard + (2 if river else 0), 0, agents, 0))
        self.rows, self.columns, self.river, self.orchard = rows, columns, river, orchard
        self.reach, self.view, self.fine, self.cost = reach, view, float(fine), float(cost)
        self.depletion, self.restoration, self.apple_rate = float(depletion), float(restoration), float(apple_rate)
        self.waste_rate, self.start_waste = float(waste_rate), float(start_waste)

    def _parts(self, state):
        """Views of agents [n, N, 3], apples [n, rows, orchard] and waste [n, rows, river]."""
        n, ends = len(state), 3 * self.agents + self.rows * self.orchard
        return (state[:, :3 * self.agents].reshape(n, self.agents, 3),
                state[:, 3 * self.agents:ends].reshape(n, self.rows, self.orchard),
                state[:, ends:].reshape(n, self.rows, self.river))

    def _occupied(self, agents):
        """Whether somebody stands on each square: bool [n, rows, columns]."""
        found = np.zeros((len(agents), self.rows, self.columns), bool)
        at = agents.astype(np.int64)
        for i in range(agents.shape[1]):
            found[np.arange(len(agents)), at[:, i, 0], at[:, i, 1]] = True
        return found

    def _sound(self, state):
        agents = state[:, :3 * self.agents].reshape(len(state), self.agents, 3)
        good = (whole(agents[..., 0], self.rows) >= 0) & (whole(agents[..., 1], self.columns) >= 0)
        good &= whole(agents[..., 2], 4) >= 0
        return good.all(axis=1) & (whole(state[:, 3 * self.agents:], 2) >= 0).all(axis=1)

    def stage_start(self, runs, state, uniforms, normals):
        status = np.where((pick(uniforms, 1) < 0).any(axis=1), BAD_DRAW, 0).astype(np.int32)
        good = status == 0
        begun, uniforms = np.zeros((int(good.sum()), self.state_size)), uniforms[good]
        agents, apples, waste = self._parts(begun)
        squares, each = self.rows * self.columns, np.arange(len(begun))
        free = np.ones((len(begun), squares), bool)
        for i in range(self.agents):
            k = pick(uniforms[:, i], 4 * (squares - i))
            square = (np.cumsum(free, axis=1) == (k // 4 + 1)[:, None]).argmax(axis=1)
            free[each, square] = False
            agents[:, i] = np.stack([square // self.columns, square % self.columns, k % 4], axis=1)
        if self.river == 0:
            apples[:] = free.reshape(len(begun), self.rows, self.columns)[:, :, self.columns - self.orchard:]
        polluted = int(self.start_waste * float(self.rows * self.river))
        waste.reshape(len(begun), self.rows * self.river)[:, :polluted] = 1.0
        state[good] = begun
        return status

    def _move(self, agents, first, actions):
        """Turn, and go where nobody stands, one after the other."""
        each = np.arange(len(agents))
        for k in range(self.agents):
            i = (first + k) % self.agents
            action = actions[each, i]
            moves = action < STAND
            row = agents[each, i, 0] + np.where(moves, row_move(action), 0)
            column = agents[each, i, 1] + np.where(moves, column_move(action), 0)
            agents[each, i, 2] = np.where(moves, action, agents[each, i, 2])
            moves &= (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
            moves &= ~((agents[..., 0] == row[:, None]) & (agents[..., 1] == column[:, None])).any(axis=1)
            agents[each, i, 0] = np.where(moves, row, agents[each, i, 0])
            agents[each, i, 1] = np.where(moves, column, agents[each, i, 1])

    def _fined(self, agents, i):
        """Who stands in the beam of agent i: bool [n, N]."""
        direction = agents[:, i, 2].astype(np.int64)
        down, right = (agents[..., k] - agents[:, i, k, None] for k in (0, 1))
        rows, columns = row_move(direction)[:, None], column_move(direction)[:, None]
        ahead, aside = down * rows + right * columns, down * columns + right * rows
        return (ahead >= 1) & (ahead <= self.reach) & (np.abs(aside) <= 1)

    def _clean(self, agents, waste, i, who):
        """In each of the three lines of a beam the first waste is gone."""
        direction = agents[who, i, 2].astype(np.int64)
        down, right = row_move(direction), column_move(direction)
        at = agents[who, i].astype(np.int64)
        for aside in range(-1, 2):
            open_ = np.ones(len(who), bool)
            for ahead in range(1, self.reach + 1):
                row, column = at[:, 0] + ahead * down + aside * right, at[:, 1] + ahead * right + aside * down
                there = open_ & (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.river)
                dirty = np.zeros(len(who), bool)
                dirty[there] = waste[who[there], row[there], column[there]] != 0.0
                waste[who[dirty], row[dirty], column[dirty]] = 0.0
                open_ &= ~dirty

    def _grow(self, agents, apples, waste, uniforms):
        """Apples and waste, by what there was before either."""
        n, squares = len(agents), self.rows * self.orchard
        density = np.zeros(n)
        if self.river:
            polluted = (waste != 0.0).sum(axis=(1, 2))
            density = polluted / float(self.rows * self.river)
            part = self.apple_rate * (1.0 - (density - self.restoration) / (self.depletion - self.restoration))
            part = np.where(density < self.depletion, part, 0.0)
            chance = np.where(density <= self.restoration, self.apple_rate, part)[:, None, None]
        else:
            padded = np.pad((apples != 0.0).astype(np.int64), ((0, 0), (2, 2), (2, 2)))
            nearby = sum(padded[:, 2 + down:2 + down + self.rows, 2 + right:2 + right + self.orchard]
                         for down, right in NEARBY)
            chance = self.regrowth[nearby]
        free = (apples == 0.0) & ~self._occupied(agents)[:, :, self.columns - self.orchard:]
        grown = free & (uniforms[:, :squares].reshape(n, self.rows, self.orchard) < chance)
        apples[:] = (apples != 0.0) | grown
        if self.river:
            dirtier = (density < self.depletion) & (uniforms[:, squares] < self.waste_rate)
            clean = waste.reshape(n, self.rows * self.river) == 0.0
            k = pick(uniforms[:, squares + 1], self.rows * self.river - polluted)
            square = (np.cumsum(clean, axis=1) == (k + 1)[:, None]).argmax(axis=1)
            row, column = np.divmod(square[dirtier], self.river)
            waste[np.flatnonzero(dirtier), row, column] = 1.0

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[(pick(uniforms, 1) < 0).any(axis=1)] = BAD_DRAW
        status[~allowed(actions, 7 if self.river else 6)] = BAD_ACTION
        status[~self._sound(state)] = BAD_STATE
        good = status == 0
        after, actions, uniforms = state[good], actions[good], uniforms[good]
        agents, apples, waste = self._parts(after)
        each, earned = np.arange(len(after)), np.zeros((len(after), self.agents))
        self._move(agents, pick(uniforms[:, 0], self.agents), actions)
        for i in range(self.agents):
            row, column = (agents[:, i, k].astype(np.int64) for k in (0, 1))
            column = column - (self.columns - self.orchard)
            eats = (column >= 0) & (apples[each, row, np.maximum(column, 0)] != 0.0)
            earned[:, i] = eats
            apples[each[eats], row[eats], column[eats]] = 0.0
        for i in range(self.agents):
            fines = actions[:, i] == FINE
            earned[fines, i] -= self.cost
            hit = self._fined(agents, i) & fines[:, None]
            hit[:, i] = False
            earned[hit] -= self.fine
            self._clean(agents, waste, i, np.flatnonzero(actions[:, i] == CLEAN))
        self._grow(agents, apples, waste, uniforms[:, 1:])
        state[good], rewards[good], terminated[good] = after, earned, False
        return status

    def stage_observe(self, runs, state, observation):
        status = np.where(self._sound(state), 0, BAD_STATE).astype(np.int32)
        good = status == 0
        agents, apples, waste = self._parts(state[good])
        n, view = len(agents), self.view
        board = np.full((n, self.rows + 2 * view, self.columns + 2 * view), 4.0)
        inside = board[:, view:view + self.rows, view:view + self.columns]      # a view
        inside[:] = 0.0
        inside[:, :, self.columns - self.orchard:][apples != 0.0] = 1.0
        inside[:, :, :self.river][waste != 0.0] = 2.0
        inside[self._occupied(agents)] = 3.0
        rows, columns = (agents[..., k].astype(np.int64)[..., None, None] for k in (0, 1))
        window = np.arange(2 * view + 1)
        found = board[np.arange(n)[:, None, None, None], rows + window[:, None], columns + window]
        observation[good] = np.concatenate([found.reshape(n, self.agents, len(window) ** 2), agents[..., 2:]], axis=2)
        return status
