"""A game given as arrays, in NumPy: the twin of ``src/_markov.pyx``."""

import numpy as np

from marlfast.declarations.markov import MARKOV
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, fine, whole

COUNTED = 64        # as many outcomes are counted


def draw(sums, low, count, u):
    """The first place with u < sums, else the last, in ranges of ``sums`` that are ``count`` long from ``low``.

    Of few they are counted, of many found by bisection: where sums do not rise, that is not the same.
    """
    few = count <= COUNTED
    counted = np.zeros(len(low), np.int64)
    for k in range(int(count[few].max(initial=1)) - 1):
        counted += (k < count - 1) & (u >= sums[np.minimum(low + k, len(sums) - 1)])
    low, count = np.where(few, low + counted, low), np.where(few, 1, count)
    while (count > 1).any():
        half = count >> 1
        # Where one place is left, half is 0; what is looked at then does not matter.
        low += np.where(u >= sums[np.maximum(low + half - 1, 0)], half, 0)
        count -= half
    return low


def _below_one(u):
    return (u >= 0.0) & (u < 1.0)


@MARKOV.document
class Markov(Game):
    """A game given as arrays: see :class:`marlfast.games.MarkovGame`.

    S states, J joint actions, hence S * J cells, K outcomes.
    """

    def __init__(self, *by_position, **given):
        a = MARKOV.check(given, by_position)
        self._declare(a.N, 1, a.V, 1, (0 if a.first is None else 1, 0, 1, 0))
        self.joint, self.states, self.own = a.J, a.S, a.n_rewards == a.K
        self.n_actions, self.first, self.successors, self.sums = a.actions, a.first, a.successors, a.sums
        self.rewards, self.start_sums, self.terminal, self.obs = a.rewards, a.start, a.terminal, a.obs
        self.movers = a.movers
        if self.movers is not None:
            self.stage_to_act = self._to_act

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        good = _below_one(uniforms[:, 0])
        status[~good] = BAD_DRAW
        n = int(good.sum())
        state[good, 0] = draw(self.start_sums, np.zeros(n, np.int64), np.full(n, self.states), uniforms[good, 0])
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status, here = fine(len(runs)), whole(state[:, 0], self.states)
        if self.first is not None:
            status[~_below_one(uniforms[:, 0])] = BAD_DRAW
        if self.movers is not None:
            waits = np.arange(self.agents) != self.movers[np.maximum(here, 0)][:, None]
            actions = np.where(waits, 0, actions)
        status[((actions < 0) | (actions >= self.n_actions)).any(axis=1)] = BAD_ACTION
        status[here < 0] = BAD_STATE
        good = status == 0
        joint = np.zeros(good.sum(), np.int64)
        for i, n in enumerate(self.n_actions.tolist()):
            joint = joint * n + actions[good, i]
        outcome = cell = here[good] * self.joint + joint
        if self.first is not None:
            low = self.first[cell]
            outcome = draw(self.sums, low, self.first[cell + 1] - low, uniforms[good, 0])
        rewards[good] = self.rewards[outcome if self.own else cell]
        successors = self.successors[outcome]
        state[good, 0] = successors
        terminated[good] = self.terminal[successors]
        return status

    def stage_observe(self, runs, state, observation):
        if self.obs is None:
            observation[:, 0] = state
            return fine(len(runs))
        here = whole(state[:, 0], self.states)
        good = here >= 0
        observation[good, :, 0] = self.obs[here[good]]
        return np.where(good, 0, BAD_STATE).astype(np.int32)

    def _to_act(self, runs, state, to_act):
        here = whole(state[:, 0], self.states)
        to_act[:] = np.arange(self.agents) == self.movers[np.maximum(here, 0)][:, None]
        return np.where(here >= 0, 0, BAD_STATE).astype(np.int32)
