"""Particles that push each other and talk, in NumPy: the twin of ``src/_particles.pyx``."""
import numpy as np

from marlfast.reference.draws import exp_values, log_values
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, fine, pick, whole

MAX_AGENTS, MAX_LANDMARKS = 16, 16
SPREAD, TAG, SPEAKER, REFERENCE = range(4)
X, Y = np.array([0.0, -1.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, -1.0, 1.0])       # what each move pushes to


class Particles(Game):
    """Particles that push each other and talk: see :mod:`marlfast.games.particles` for rules and source.

    Parameters
    ----------
    kind : int
        0 spread, 1 tag, 2 speaker and listener, 3 reference.
    agents, landmarks : int
        1 to 16; of kinds 2 and 3 two and three.
    chasers : int
        Of kind 1: less than ``agents``; else 0.
    local_ratio : float
        In [0, 1].
    """

    def __init__(self, kind, agents, landmarks, chasers, local_ratio):
        if kind not in (0, 1, 2, 3):
            raise ValueError(f"kind: expected 0 to 3, got {kind}")
        if not 1 <= agents <= MAX_AGENTS or not 0 <= landmarks <= MAX_LANDMARKS:
            raise ValueError(f"agents, landmarks: expected 1 and 0 to 16, got {agents}, {landmarks}")
        if kind >= 2 and (agents, landmarks) != (2, 3):
            raise ValueError(f"agents, landmarks: expected 2 and 3 of this kind, got {agents}, {landmarks}")
        if not (1 <= chasers < agents if kind == 1 else chasers == 0):
            raise ValueError(f"chasers: expected 1 to {agents - 1} in tag, else 0, got {chasers}")
        if not 0.0 <= local_ratio <= 1.0:
            raise ValueError(f"local_ratio: expected 0 to 1, got {local_ratio}")
        self.kind, self.landmarks, self.chasers, self.local_ratio = kind, landmarks, chasers, float(local_ratio)
        self.goals, self.words = (0, 0, 1, 2)[kind], (0, 0, 3, 10)[kind]
        features = (2 * landmarks + 4 * agents, 2 + 2 * landmarks + 2 * agents + 2 * (agents - chasers), 11, 21)[kind]
        self.sizes = [0.15 if kind == SPREAD else 0.075 if i < chasers else 0.05 for i in range(agents)]
        self._declare(agents, 4 * agents + 2 * landmarks + 2 * self.goals, agents, features,
                      (0, 0, 2 * (agents + landmarks) + self.goals, 0))

    def _parts(self, state):
        """(positions [n, N, 2], velocities, landmarks [n, L, 2], goals and what was said [n, 2 G])."""
        bodies = state[:, :4 * self.agents].reshape(len(state), self.agents, 4)
        rest = state[:, 4 * self.agents:]
        places = rest[:, :2 * self.landmarks].reshape(len(state), self.landmarks, 2)
        return bodies[:, :, :2], bodies[:, :, 2:], places, rest[:, 2 * self.landmarks:]

    def _sound(self, state):
        goals = self._parts(state)[3]
        fits = (whole(goals[:, :self.goals], self.landmarks) >= 0).all(axis=1)
        fits &= (whole(goals[:, self.goals:], self.words + 1) >= 0).all(axis=1)
        return fits & np.isfinite(state).all(axis=1)

    def _counts(self):
        """How many actions each has."""
        if self.kind == SPEAKER:
            return np.array([self.words, 5])
        return np.full(self.agents, 5 * self.words if self.kind == REFERENCE else 5)

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        good, n = np.flatnonzero(status == 0), self.agents
        u, reach = uniforms[good], 0.9 if self.kind == TAG else 1.0
        fresh = np.zeros((len(good), self.state_size))
        position, _, places, goals = self._parts(fresh)
        position[:] = -1.0 + 2.0 * u[:, :2 * n].reshape(len(good), n, 2)
        places[:] = 2.0 * reach * u[:, 2 * n:2 * (n + self.landmarks)].reshape(places.shape) - reach
        goals[:, :self.goals] = pick(u[:, 2 * (n + self.landmarks):], self.landmarks)
        goals[:, self.goals:] = self.words
        state[good] = fresh
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[((actions < 0) | (actions >= self._counts())).any(axis=1)] = BAD_ACTION
        status[~self._sound(state)] = BAD_STATE
        good = np.flatnonzero(status == 0)
        after = state[good]
        position, velocity, places, goals = self._parts(after)
        moves = actions[good].astype(np.int64)
        if self.kind == SPEAKER:
            goals[:, 1] = moves[:, 0]
            moves[:, 0] = 0
        elif self.kind == REFERENCE:
            goals[:, 2:] = moves // 5
        thrust = np.array([5.0 if self.kind != TAG else 3.0 if i < self.chasers else 4.0 for i in range(self.agents)])
        force = np.stack([X[moves % 5] * thrust, Y[moves % 5] * thrust], axis=2)
        if self.kind <= TAG:
            self._push(position, places, force)
        movable = slice(1 if self.kind == SPEAKER else 0, None)
        position[:, movable] = position[:, movable] + velocity[:, movable] * 0.1
        velocity[:, movable] = velocity[:, movable] * 0.75 + force[:, movable] * 0.1
        if self.kind == TAG:
            speed = np.sqrt(velocity[..., 0] * velocity[..., 0] + velocity[..., 1] * velocity[..., 1])
            most = np.where(np.arange(self.agents) < self.chasers, 1.0, 1.3)
            fast = speed > most
            with np.errstate(invalid="ignore", divide="ignore"):
                velocity[:] = np.where(fast[..., None], velocity / speed[..., None] * most[:, None], velocity)
        state[good], rewards[good] = after, self._paid(position, places, goals)
        terminated[good] = False
        return status

    def _push(self, position, places, force):
        """Add the forces of bodies that touch each other."""
        for i in range(self.agents):
            for j in range(i + 1, self.agents):
                push = _contact(position[:, i], position[:, j], self.sizes[i] + self.sizes[j])
                force[:, i] = push + force[:, i]
                force[:, j] = force[:, j] - push
            for k in range(self.landmarks if self.kind == TAG else 0):
                force[:, i] = _contact(position[:, i], places[:, k], self.sizes[i] + 0.2) + force[:, i]

    def _paid(self, position, places, goals):
        n, own = self.agents, np.zeros((len(position), self.agents))
        common = np.zeros(len(position))
        if self.kind == SPREAD:
            for k in range(self.landmarks):
                common = common - _distance(position, places[:, k, None]).min(axis=1)
            for i in range(n):
                near = _distance(position[:, i, None], position) < 0.3
                near[:, i] = False
                own[:, i] = 0.0 - near.sum(axis=1)
            return common[:, None] * (1.0 - self.local_ratio) + own * self.local_ratio
        if self.kind == TAG:
            for j in range(self.chasers, n):
                for i in range(self.chasers):
                    caught = _distance(position[:, i], position[:, j]) < self.sizes[i] + self.sizes[j]
                    common = common + np.where(caught, 10.0, 0.0)
                    own[:, j] = own[:, j] - np.where(caught, 10.0, 0.0)
                own[:, j] = own[:, j] - _outside(position[:, j, 0]) - _outside(position[:, j, 1])
            own[:, :self.chasers] = common[:, None]
            return own
        run = np.arange(len(position))
        goal = places[run[:, None], goals[:, :self.goals].astype(np.int64)]
        if self.kind == SPEAKER:
            away = position[:, 1] - goal[:, 0]
            own[:] = (0.0 - (away[:, 0] * away[:, 0] + away[:, 1] * away[:, 1]))[:, None]
            return own
        own[:, 0], own[:, 1] = (0.0 - _distance(position[:, 1 - i], goal[:, i]) for i in range(2))
        common = (own[:, 0] + own[:, 1]) / 2.0
        return common[:, None] * (1.0 - self.local_ratio) + own * self.local_ratio

    def stage_observe(self, runs, state, observation):
        status = fine(len(runs))
        status[~self._sound(state)] = BAD_STATE
        good = np.flatnonzero(status == 0)
        position, velocity, places, goals = self._parts(state[good])
        shown = np.zeros((len(good), self.agents, self.features))
        for i in range(self.agents):
            if self.kind == SPEAKER and i == 0:
                shown[:, 0, :3] = np.where(goals[:, :1] == np.arange(3), 0.65, 0.15)
                continue
            parts = [velocity[:, i], position[:, i]] if self.kind <= TAG else [velocity[:, i]]
            parts.append((places - position[:, i, None]).reshape(len(good), -1))
            others = [j for j in range(self.agents) if j != i]
            if self.kind <= TAG:
                parts += [position[:, j] - position[:, i] for j in others]
            if self.kind == TAG:
                parts += [velocity[:, j] for j in others if j >= self.chasers]
            elif self.kind == REFERENCE:
                parts.append(np.where(goals[:, i, None] == np.arange(3), 0.75, 0.25))
            if self.kind >= SPEAKER:
                said = goals[:, 1] if self.kind == SPEAKER else goals[:, 2 + 1 - i]
                parts.append((said[:, None] == np.arange(self.words)).astype(np.float64))
            row = np.concatenate(parts, axis=1)
            shown[:, i, :row.shape[1]] = row
        observation[good] = shown
        return status


def _distance(one, other):
    away = one - other
    return np.sqrt(away[..., 0] * away[..., 0] + away[..., 1] * away[..., 1])


def _softened(x):
    """log(1 + exp(x)); 0 where that is less than 1e-17."""
    most = np.clip(np.abs(x), 0.0, 40.0)
    soft = log_values(1.0 + exp_values(0.0 - most))
    return np.where(x < -40.0, 0.0, np.where(x > 0.0, np.where(x < 40.0, x + soft, x), soft))


def _contact(one, other, reach):
    """Force on one of two bodies that touch each other at a distance of ``reach``: float64 [n, 2]."""
    away, distance = one - other, _distance(one, other)
    soft = _softened(0.0 - (distance - reach) / 1e-3)
    apart = (soft == 0.0) | (distance == 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        push = 100.0 * away / distance[:, None] * (soft * 1e-3)[:, None]
    return np.where(apart[:, None], 0.0, push)


def _outside(x):
    """What being this far from the middle costs who is chased."""
    x = np.abs(x)
    far = exp_values(2.0 * np.clip(x, 1.0, 3.0) - 2.0)
    return np.where(x < 0.9, 0.0, np.where(x < 1.0, (x - 0.9) * 10.0, np.where(x < 3.0, np.minimum(far, 10.0), 10.0)))
