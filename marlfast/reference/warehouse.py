"""A warehouse of robots, in plain Python: the twin of ``src/_warehouse.pyx``.

Run by run, since who moves depends on chains of robots.
"""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, check, fine, pick, whole

MAX_ROBOTS, MAX_CELLS, MAX_SHELVES, MAX_GOALS, MAX_REQUESTS = 16, 1024, 512, 16, 64
PER_ROBOT, GLOBAL, INDIVIDUAL, TWO_STAGE = 5, 0, 1, 2
UP, DOWN, LEFT, RIGHT = range(4)
TO_RIGHT, TO_LEFT = (RIGHT, LEFT, UP, DOWN), (LEFT, RIGHT, DOWN, UP)    # where each heads once it has turned
FORWARD, TOGGLE = 1, 4


class Warehouse(Game):
    """A warehouse of robots: see :class:`marlfast.games.Warehouse` for its rules and source.

    Parameters
    ----------
    agents : int
        1 to 16, and no more than cells.
    highway : bool [height, columns]
        Where no shelf stands; at most 1024 cells, of which 1 to 512 are for shelves.
    goals : int32 [G]
        Cells, row by row; 1 to 16, on the highway.
    requests : int
        1 to 64, less than shelves.
    bits, reach, pay : int
        0 to 4; 0 to 16; 0 to all alike, 1 to who delivers, 2 half of that and half for bringing the shelf back.
    """

    def __init__(self, agents, highway, goals, requests, bits, reach, pay):
        check(highway, "highway", "bool", (-1, -1), False)
        check(goals, "goals", "int32", (-1,), False)
        height, columns = highway.shape
        n_cells, shelves = height * columns, int((~highway).sum())
        if not 1 <= n_cells <= MAX_CELLS or not 1 <= agents <= min(MAX_ROBOTS, n_cells):
            raise ValueError("agents, highway: expected 1 to 16 robots and as many cells, at most 1024, got "
                             f"{agents}, {n_cells}")
        if not 1 <= shelves <= MAX_SHELVES:
            raise ValueError(f"highway: expected 1 to 512 cells that are not, for shelves, got {shelves}")
        if not 1 <= len(goals) <= MAX_GOALS or goals.min() < 0 or goals.max() >= n_cells or not (
                highway.ravel()[goals].all()):
            raise ValueError("goals: expected 1 to 16 cells of the highway")
        if not 1 <= requests <= min(MAX_REQUESTS, shelves - 1):
            raise ValueError(f"requests: expected 1 to 64, less than {shelves} shelves, got {requests}")
        if not 0 <= bits <= 4 or not 0 <= reach <= 16 or pay not in (0, 1, 2):
            raise ValueError(f"bits, reach, pay: expected 0 to 4, 0 to 16 and 0 to 2, got {bits}, {reach}, {pay}")
        self.height, self.columns, self.n_cells, self.shelves = height, columns, n_cells, shelves
        self.highway, self.goals = highway.ravel().copy(), goals.tolist()
        self.requests, self.bits, self.reach, self.pay = requests, bits, reach, pay
        features = 8 + (2 * reach + 1) ** 2 * (7 + bits)
        self._declare(agents, PER_ROBOT * agents + shelves + requests, agents, features,
                      (len(goals), 0, 2 * agents + requests, 0))

    def _read(self, state):
        """(robots int64 [n, N, 5], cells of shelves [n, S], requested shelves [n, Q], which are states [n])."""
        n, split = self.agents, PER_ROBOT * self.agents
        robots = state[:, :split].reshape(len(state), n, PER_ROBOT)
        robots = np.stack([whole(robots[..., k], most) for k, most in enumerate(
            (self.n_cells, 4, self.shelves + 1, 2, 1 << self.bits))], axis=2)
        at = whole(state[:, split:split + self.shelves], self.n_cells)
        queue = whole(state[:, split + self.shelves:], self.shelves + 1)
        sound = (robots >= 0).all(axis=(1, 2)) & (at >= 0).all(axis=1) & (queue >= 1).all(axis=1)
        for r in np.flatnonzero(sound).tolist():
            carried = robots[r, :, 2]
            sound[r] = (len(set(robots[r, :, 0].tolist())) == n and len(set(queue[r].tolist())) == self.requests
                        and all(not c or at[r, c - 1] == cell
                                for cell, c in zip(robots[r, :, 0], carried, strict=True)))
        return robots, at, queue, sound

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        n = self.agents
        for r in np.flatnonzero(status == 0).tolist():
            u, robots, taken = uniforms[r], np.zeros((n, PER_ROBOT)), []
            for i in range(n):
                robots[i, 0] = _among(int(pick(u[2 * i], self.n_cells - i)), taken)
                robots[i, 1] = pick(u[2 * i + 1], 4)
            taken = []
            queue = [1 + _among(int(pick(u[2 * n + k], self.shelves - k)), taken) for k in range(self.requests)]
            state[r] = np.concatenate([robots.ravel(), np.flatnonzero(~self.highway), queue])
        return status

    def _ahead(self, cell, heading):
        row, column = divmod(cell, self.columns)
        if heading == UP:
            return cell - self.columns if row > 0 else cell
        if heading == DOWN:
            return cell + self.columns if row < self.height - 1 else cell
        if heading == LEFT:
            return cell - 1 if column > 0 else cell
        return cell + 1 if column < self.columns - 1 else cell

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        robots, at, queue, sound = self._read(state)
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        status[~sound] = BAD_STATE
        status[~allowed(actions, 5 << self.bits)] = BAD_ACTION
        for r in np.flatnonzero(status == 0).tolist():
            here, shelves, wanted = robots[r].tolist(), at[r].tolist(), queue[r].tolist()
            rewards[r] = self._moved(here, shelves, wanted, actions[r].tolist(), uniforms[r].tolist())
            state[r] = np.concatenate([np.ravel(here), shelves, wanted])
            terminated[r] = False
        return status

    def _moved(self, robots, at, queue, actions, uniforms):
        """One step; changes the lists. Returns rewards."""
        occupied = {robot[0]: i for i, robot in enumerate(robots)}
        shelf = {cell: k + 1 for k, cell in enumerate(at)}
        targets, rewards = [], [0.0] * self.agents
        for robot, action in zip(robots, actions, strict=True):
            if self.bits:
                robot[4] = action // 5
            target = self._ahead(robot[0], robot[1]) if action % 5 == FORWARD else robot[0]
            other = occupied.get(target)
            blocked = robot[2] and target != robot[0] and target in shelf and not (
                other is not None and robots[other][2])
            targets.append(robot[0] if blocked else target)
        moves = _resolved([robot[0] for robot in robots], targets, occupied)
        for i, (robot, action) in enumerate(zip(robots, actions, strict=True)):
            action %= 5
            if i in moves:
                robot[0] = targets[i]
                if robot[2]:
                    at[robot[2] - 1] = targets[i]
            elif action in (2, 3):
                robot[1] = (TO_LEFT if action == 2 else TO_RIGHT)[robot[1]]
            elif action == TOGGLE and not robot[2]:
                robot[2] = shelf.get(robot[0], 0)
            elif action == TOGGLE and not self.highway[robot[0]]:
                if robot[3] and self.pay == TWO_STAGE:
                    rewards[i] += 0.5
                robot[2] = robot[3] = 0
        for goal, u in zip(self.goals, uniforms, strict=True):
            for i, robot in enumerate(robots):
                if robot[0] != goal or robot[2] not in queue:
                    continue
                others = [k for k in range(1, self.shelves + 1) if k not in queue]
                queue[queue.index(robot[2])] = others[int(pick(u, len(others)))]
                if self.pay == GLOBAL:
                    rewards = [reward + 1.0 for reward in rewards]
                elif self.pay == INDIVIDUAL:
                    rewards[i] += 1.0
                else:
                    robot[3] = 1
                    rewards[i] += 0.5
                break
        return rewards

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        robots, at, queue, sound = self._read(state)
        status[~sound] = BAD_STATE
        for r in np.flatnonzero(status == 0).tolist():
            occupied = {robot[0]: robot for robot in robots[r].tolist()}
            shelf, wanted = {cell: k + 1 for k, cell in enumerate(at[r].tolist())}, set(queue[r].tolist())
            for i, (cell, heading, carried, *_) in enumerate(robots[r].tolist()):
                row, column = divmod(cell, self.columns)
                shown = [column, row, carried > 0, *_one_of_four(heading), self.highway[cell]]
                for y in range(row - self.reach, row + self.reach + 1):
                    for x in range(column - self.reach, column + self.reach + 1):
                        inside = 0 <= y < self.height and 0 <= x < self.columns
                        near = y * self.columns + x if inside else -1
                        robot, k = occupied.get(near), shelf.get(near, 0)
                        shown += [robot is not None, *_one_of_four(robot[1] if robot else 0)]
                        shown += [robot[4] >> bit & 1 if robot else 0 for bit in range(self.bits)]
                        shown += [k > 0, k in wanted]
                observation[r, i] = shown
        return status


def _one_of_four(k):
    return [float(k == n) for n in range(4)]


def _among(k, taken):
    """Number k of those that are not among the taken ones, which are in order; it joins them."""
    for other in taken:
        if k >= other:
            k += 1
    taken.append(k)
    taken.sort()
    return k


def _resolved(cells, targets, occupied):
    """Who of those that head for another cell gets there: see ``resolve`` in ``marlfast/core/warehouse.pxd``."""
    n = len(cells)
    named = [min([2 * i] + [2 * j + 1 for j in range(i) if targets[j] == cells[i]]) for i in range(n)]
    ahead = [occupied.get(target) if target != cell else i for i, (cell, target) in enumerate(
        zip(cells, targets, strict=True))]
    moves, lines = set(), {}        # lines: robots of ways that end at a free cell, by where they want to go
    for i in range(n):
        way, at = [i], ahead[i]
        while at is not None and at not in way:
            way.append(at)
            at = ahead[at]
        if at == i and len(way) >= 3:
            moves.add(i)
        if at is None:
            lines.setdefault(targets[i], []).append(i)
    for cell in [target for target in lines if target not in occupied]:
        at = cell
        while at in lines:
            best = min(lines[at], key=lambda i: (-_behind(i, lines, cells), named[i]))
            moves.add(best)
            at = cells[best]
    return moves


def _behind(i, lines, cells):
    """How many robots the longest line that ends with this one has."""
    return 1 + max((_behind(j, lines, cells) for j in lines.get(cells[i], ())), default=0)
