"""Hunters and prey on squares in NumPy: the twin of ``src/_pursuit.pyx``.

Places are int64 [runs, beings, 2], a row and a column each: hunters, then prey, then the scout.
"""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, fine, pick, whole

# Up, down, right, left.
MOVES = np.array([(-1, 0), (1, 0), (0, 1), (0, -1)])


class Pursuit(Game):
    """Hunters and prey: see :class:`marlfast.games.Pursuit` for its rules and source.

    Parameters
    ----------
    height, width, hunters, prey : int
        1 to 1000.
    depth : int
        0 to 1000.
    scout : int
        -1: no scout; else the depth of what it sees.
    joint, sharing, see_partner : bool
    """

    def __init__(self, *, height, width, hunters, prey, depth, scout, joint, sharing, see_partner):
        if not (1 <= min(height, width, hunters, prey) and max(height, width, hunters, prey) <= 1000):
            raise ValueError(f"height, width, hunters, prey: expected 1 to 1000, "
                             f"got {height}, {width}, {hunters}, {prey}")
        if not (0 <= depth <= 1000 and -1 <= scout <= 1000):
            raise ValueError(f"depth, scout: expected 0 to 1000 (no scout: -1), got {depth}, {scout}")
        told = scout >= 0 or sharing
        moving = prey + (scout >= 0)
        self._declare(hunters, 2 * (hunters + moving), hunters, 1, (moving, 0, hunters + moving, 0))
        self.size, self.prey, self.scouts = np.array([height, width]), prey, int(scout >= 0)
        self.depth, self.scout_depth = depth, scout
        self.reach = max(height, width) - 1 if told else depth
        self.joint, self.sharing, self.see_partner = joint, sharing, see_partner

    def _places(self, state):
        """Places of all, and whether they are on the board."""
        pairs = state.reshape(len(state), self.state_size // 2, 2)
        places = np.stack([whole(pairs[:, :, axis], self.size[axis]) for axis in (0, 1)], axis=2)
        return places, (places >= 0).all(axis=(1, 2))

    def _capture(self, places, rewards):
        """Pay the hunters who capture a prey; in which runs anybody does."""
        hunters, captured = places[:, :self.agents], np.zeros(len(places), bool)
        for j in range(self.agents, self.agents + self.prey):
            there = _apart(hunters, places[:, j:j + 1]) <= (1 if self.joint else 0)
            enough = there.sum(axis=1) >= (2 if self.joint else 1)
            captured |= enough
            rewards[there & enough[:, None]] = 1.0
        return captured

    def stage_start(self, runs, state, uniforms, normals):
        status, height_width = fine(len(runs)), int(self.size[0] * self.size[1])
        squares = pick(uniforms, height_width)
        good = (squares >= 0).all(axis=1)
        status[~good] = BAD_DRAW
        places = np.stack(np.divmod(squares[good], self.size[1]), axis=2)
        state[good] = places.reshape(len(places), self.state_size)
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        places, inside = self._places(state)
        chance = pick(uniforms, 4)
        status[(chance < 0).any(axis=1)] = BAD_DRAW
        status[~allowed(actions, 4)] = BAD_ACTION
        status[~inside] = BAD_STATE
        good = status == 0
        places, earned = places[good], np.full((good.sum(), self.agents), -0.1)
        places[:, :self.agents] = self._moved(places[:, :self.agents], actions[good])
        over = np.zeros(len(places), bool) if self.joint else self._capture(places, earned)
        moving = ~over          # a captured prey moves no more
        places[moving, self.agents:] = self._moved(places[moving, self.agents:], chance[good][moving])
        late = earned[moving]
        over[moving] = self._capture(places[moving], late)
        earned[moving] = late
        state[good] = places.reshape(len(places), self.state_size)
        rewards[good], terminated[good] = earned, over
        return status

    def _moved(self, places, moves):
        return np.clip(places + MOVES[moves], 0, self.size - 1)

    def _offset(self, here, there):
        rows_columns = there - here + self.reach
        return rows_columns[:, 0] * (2 * self.reach + 1) + rows_columns[:, 1]

    def _reported(self, places, i, prey):
        """In which runs somebody tells hunter i of a prey."""
        told = np.zeros(len(places), bool)
        if self.scouts:
            told |= _apart(places[:, -1], prey) <= self.scout_depth
        if self.sharing:
            others = np.delete(places[:, :self.agents], i, axis=1)
            told |= (_apart(others, prey[:, None]) <= self.depth).any(axis=1)
        return told

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        places, inside = self._places(state)
        status[~inside] = BAD_STATE
        places = places[inside]
        far, none = int(self.size.sum()), (2 * self.reach + 1) ** 2
        for i in range(self.agents):
            here = places[:, i]
            obs, best = np.full(len(places), none), np.full(len(places), 4 * far)
            for j in range(self.agents, self.agents + self.prey):
                prey = places[:, j]
                own = _apart(here, prey) <= self.depth
                distance = _moves(here, prey) + np.where(own, 0, far)      # farther than any that it sees itself
                closer = (own | self._reported(places, i, prey)) & (distance < best)
                obs, best = np.where(closer, self._offset(here, prey), obs), np.where(closer, distance, best)
            if self.see_partner:
                partner, best = np.full(len(places), none), np.full(len(places), far)
                for j in range(self.agents):
                    distance = _moves(here, places[:, j])
                    closer = (distance < best) & (self.sharing or _apart(here, places[:, j]) <= self.depth)
                    if j != i:
                        partner = np.where(closer, self._offset(here, places[:, j]), partner)
                        best = np.where(closer, distance, best)
                obs = obs * (none + 1) + partner
            observation[inside, i, 0] = obs
        return status


def _apart(places, others):
    """How many squares apart along the axis on which they are farther."""
    return np.abs(places - others).max(axis=-1)


def _moves(places, others):
    """How many moves lead from one place to the other."""
    return np.abs(places - others).sum(axis=-1)
