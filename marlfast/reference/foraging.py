"""Level-based foraging in NumPy: the twin of ``src/_foraging.pyx``."""
import numpy as np

from marlfast.declarations.foraging import FORAGING
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, fine, pick, whole

ACTIONS, LOAD, LEVELS, FULL_TOTAL, NOWHERE, GONE = 6, 5, 1000, 64000, -8192, -32768
MOVE = np.array([0, -128, 128, -1, 1, 0])       # what each action adds to a place, 128 * row + column


@FORAGING.document
class Foraging(Game):
    """Level-based foraging: see :class:`marlfast.games.foraging.LevelForaging` for its rules and source."""

    def __init__(self, **given):
        a = FORAGING.check(given)
        self.min_player, self.max_player = a.min_player.astype(np.int64), a.max_player.astype(np.int64)
        self.min_food, self.max_food = a.min_food.astype(np.int64), a.max_food
        if a.max_food is not None:
            self.max_food = a.max_food.astype(np.int64)
        self.rows, self.columns, self.foods, self.reach = a.rows, a.columns, a.F, float(min(a.sight, 64))
        self.cooperative, self.normalize, self.penalty = a.cooperative, a.normalize, a.penalty
        self.per_agent, self.leaves = a.per_agent, a.leaves
        self.stage_present = self._present if a.leaves else None
        self._declare(a.N, a.state_size, a.N, a.D, (0, 0, 3 * (a.N + a.F), 0))

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        good = np.flatnonzero(status == 0)
        state[good] = self._started(uniforms[good])
        return status

    def _started(self, uniforms):
        """States [n, S] from draws: for each agent and then each food whose levels it has, its square, its level."""
        n, n_agents, foods = len(uniforms), self.agents, self.foods
        each, state = np.arange(n), np.zeros((n, self.state_size))
        free = np.ones((n, self.rows, self.columns), bool)
        order = _shuffled(uniforms[:, :3 * n_agents:3])
        for i in range(n_agents):
            row, column = _select(free, uniforms[:, 3 * i + 1])
            free[each, row, column] = False
            low, high = self.min_player[order[:, i]], self.max_player[order[:, i]]
            state[:, 3 * i], state[:, 3 * i + 1] = row, column
            state[:, 3 * i + 2] = low + pick(uniforms[:, 3 * i + 2], high - low + 1)
        lowest = np.sort(state[:, 2:3 * n_agents:3].astype(np.int64), axis=1)[:, :3].sum(axis=1)
        free[:, [0, -1]], free[:, :, [0, -1]] = False, False
        order = _shuffled(uniforms[:, 3 * n_agents::3])
        rows, columns = np.arange(self.rows)[:, None], np.arange(self.columns)
        found = np.zeros((n, foods, 3), np.int64)
        for i in range(foods):
            _, place, by = uniforms[:, 3 * (n_agents + i):3 * (n_agents + i) + 3].T
            fits = free.any(axis=(1, 2))
            row, column = _select(free, place)
            down, right = abs(rows - row[:, None, None]), abs(columns - column[:, None, None])
            free &= ~((down <= 1) & (right <= 1) | (down + right == 2) & (down * right == 0))
            high = lowest if self.max_food is None else self.max_food[order[:, i]]
            low = high if self.cooperative else self.min_food[order[:, i]]
            level = low + pick(by, high - low + 1)
            found[:, i] = np.where(fits[:, None], np.stack([row, column, level], axis=1), 0)
        # In reading order; food that found no room comes last.
        place = np.where(found[..., 2] > 0, 128 * found[..., 0] + found[..., 1], 2**20)
        found = np.take_along_axis(found, np.argsort(place, axis=1, kind="stable")[..., None], axis=1)
        state[:, 3 * n_agents:-1] = found.reshape(n, 3 * foods)
        state[:, -1] = found[..., 2].sum(axis=1)
        return state

    def _read(self, state):
        """Places and levels int64 [n, N + F], levels of all food at the start [n], and which are states [n]."""
        n_agents = self.agents
        things = state[:, :-1].reshape(len(state), n_agents + self.foods, 3)
        row, column = whole(things[..., 0], self.rows), whole(things[..., 1], self.columns)
        levels = whole(things[..., 2], LEVELS)
        sound = ((row | column | levels) >= 0).all(axis=1)
        places = 128 * row + column
        there = levels[:, n_agents:] > 0
        border = (row == 0) | (column == 0) | (row == self.rows - 1) | (column == self.columns - 1)
        sound &= ~(there & border[:, n_agents:]).any(axis=1)
        last = np.full(len(state), -1)
        for f in range(self.foods):
            place = places[:, n_agents + f]
            sound &= ~there[:, f] | (place > last)
            last = np.where(there[:, f], place, last)
        places[:, n_agents:][~there] = NOWHERE
        if self.leaves:
            places[:, :n_agents][levels[:, :n_agents] == 0] = GONE
        total = whole(state[:, -1], FULL_TOTAL)
        sound &= total >= levels[:, n_agents:].sum(axis=1)
        return places, levels, total, sound

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        places, levels, total, sound = self._read(state)
        status[~sound] = BAD_STATE
        gone = self.leaves & (state[:, 2:3 * self.agents:3] == 0.0)
        actions = np.where(gone, 0, actions)
        status[~allowed(actions, ACTIONS)] = BAD_ACTION
        good = np.flatnonzero(status == 0)
        places, levels = places[good], levels[good]
        old_places, old_levels = places.copy(), levels.copy()
        earned = self._stepped(places, levels, total[good], actions[good])
        after = state[good]
        things = after[:, :-1].reshape(len(good), self.agents + self.foods, 3)     # a view
        moved = ((places != old_places) & (places != GONE))[:, :self.agents]
        for k, numbers in enumerate(np.divmod(places[:, :self.agents], 128)):
            things[:, :self.agents, k][moved] = numbers[moved]
        things[..., 2][levels != old_levels] = 0.0
        state[good], rewards[good] = after, earned
        terminated[good] = (levels[:, self.agents:] == 0).all(axis=1)
        return status

    def _stepped(self, places, levels, total, actions):
        """Move and load: changes places and levels, returns rewards [n, N]."""
        n_agents, n = self.agents, len(places)
        players, foods = places[:, :n_agents], places[:, n_agents:]
        to = players + MOVE[actions]
        moves = (to >= 0) & (to >> 7 < self.rows) & (to & 127 < self.columns)
        moves &= ~(to[:, :, None] == foods[:, None]).any(axis=2)
        to = np.where(moves, to, players)
        loading = (actions == LOAD) & (_beside(players, foods) >= 0)
        alone = (to[:, :, None] == to[:, None]).sum(axis=2) == 1
        players[:] = np.where(alone, to, players)
        rewards, each = np.zeros((n, n_agents)), np.arange(n)
        for i in range(n_agents):
            f = _beside(players[:, i:i + 1], foods)[:, 0]
            turn = loading[:, i] & (f >= 0)
            place, food = foods[each, f], levels[each, n_agents + f]
            group = turn[:, None] & loading & np.isin(players - place[:, None], MOVE[1:5])
            strength = np.where(group, levels[:, :n_agents], 0).sum(axis=1)
            loading &= ~group
            eaten = turn & (strength >= food)
            share = (levels[:, :n_agents] * food[:, None]).astype(np.float64)
            if self.normalize:
                share /= np.maximum(strength * total, 1).astype(np.float64)[:, None]
            rewards[:] = np.where(group, np.where(eaten[:, None], share, 0.0 - self.penalty), rewards)
            foods[each[eaten], f[eaten]] = NOWHERE
            levels[each[eaten], n_agents + f[eaten]] = 0
            if self.leaves:
                left = group & eaten[:, None]
                players[left], levels[:, :n_agents][left] = GONE, 0
        return rewards

    def _present(self, runs, state, present):
        present[:] = state[:, 2:3 * self.agents:3] != 0.0
        return fine(len(runs))

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        status[~self._read(state)[-1]] = BAD_STATE
        good = np.flatnonzero(status == 0)
        n_agents, foods, per_agent, reach = self.agents, self.foods, self.per_agent, self.reach
        things = state[good, :-1].reshape(len(good), n_agents + foods, 3)
        rows, columns, levels = things[..., 0], things[..., 1], things[..., 2]
        for i in range(n_agents):
            row, column = rows[:, i, None], columns[:, i, None]
            top, left = np.where(row > reach, row - reach, 0.0), np.where(column > reach, column - reach, 0.0)
            away = np.stack([rows - top, columns - left, levels], axis=2)
            visible = (away[..., 0] >= 0.0) & (away[..., 1] >= 0.0)
            food = visible & (levels > 0.0) & (rows <= row + reach) & (columns <= column + reach)
            there = levels > 0.0
            there[:, i] = True
            visible &= there & (away[..., 0] <= 2.0 * reach) & (away[..., 1] <= 2.0 * reach)
            first = [i] + [j for j in range(n_agents) if j != i]
            mine = _packed(away[:, n_agents:], food[:, n_agents:])
            ours = _packed(away[:, first], visible[:, first])[..., :per_agent]
            observation[good, i, :3 * foods] = mine.reshape(len(good), 3 * foods)
            observation[good, i, 3 * foods:] = ours.reshape(len(good), per_agent * n_agents)
        return status


def _shuffled(uniforms):
    """0, ..., k - 1 in random order for each of n runs, by uniforms [n, k]."""
    n, k = uniforms.shape
    each, order = np.arange(n), np.tile(np.arange(k), (n, 1))
    for i in range(k):
        j = i + pick(uniforms[:, i], k - i)
        order[each, i], order[each, j] = order[each, j], order[each, i].copy()
    return order


def _select(free, uniforms):
    """Row and column of one of the free squares of each run; of any square where none is free."""
    counts = np.cumsum(free.reshape(len(free), free.shape[1] * free.shape[2]), axis=1)
    place = np.argmax(counts > pick(uniforms, counts[:, -1])[:, None], axis=1)
    return np.divmod(place, free.shape[2])


def _beside(places, foods):
    """The food north, south, west or east of places [n, m], looked for in this order: int64 [n, m]; -1: none."""
    found = np.full(places.shape, -1)
    for move in MOVE[4:0:-1]:
        here = foods[:, None] == (places + move)[:, :, None]
        found = np.where(here.any(axis=2), here.argmax(axis=2), found)
    return found


def _packed(things, visible):
    """What is seen of things [n, k, 3], in order; then -1, -1, 0 for the rest."""
    order = np.argsort(~visible, axis=1, kind="stable")[..., None]
    return np.where(np.take_along_axis(visible[..., None], order, axis=1), np.take_along_axis(things, order, axis=1),
                    np.array([-1.0, -1.0, 0.0]))
