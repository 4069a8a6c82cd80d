"""Congestion games in NumPy: the twin of ``src/_congestion.pyx``."""
import numpy as np

from marlfast.declarations.congestion import CONGESTION
from marlfast.reference.kernels import BAD_ACTION, BAD_STATE, Game, fine, whole


@CONGESTION.document
class Congestion(Game):
    """A congestion game: see :class:`marlfast.games.congestion.CongestionGame`."""

    def __init__(self, **given):
        a = CONGESTION.check(given)
        self.resources, self.cost, self.sees_loads = a.resources, a.cost, a.sees_loads
        self.first, self.n_actions = a.first_choice[a.kind_of_agent], np.diff(a.first_choice)[a.kind_of_agent]
        self.choices, self.first_use, self.used, self.counted = a.choices, a.first_use, a.used, a.counted
        self.apart, self.history, self.histories = a.apart, a.history, 2**a.memory
        self.watched, self.threshold = a.watched, a.threshold
        self._declare(a.N, a.history + (a.memory > 0), 1, a.resources if a.sees_loads else 1, (0, 0, 0, 0))

    def _uses(self, s):
        """Resources of a strategy, and whether it counts there."""
        return zip(self.used[self.first_use[s]:self.first_use[s + 1]].tolist(),
                   self.counted[self.first_use[s]:self.first_use[s + 1]].tolist(), strict=True)

    def _allowed(self, actions):
        return ((actions >= 0) & (actions < self.n_actions)).all(axis=1)

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = 0.0
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[~self._allowed(actions)] = BAD_ACTION
        if self.histories > 1:
            status[whole(state[:, self.history], self.histories) < 0] = BAD_STATE
        good = np.flatnonzero(status == 0)
        strategies = len(self.first_use) - 1
        taken = self.choices[self.first + actions[good]]
        chosen = np.zeros((len(good), strategies))
        np.add.at(chosen, (np.arange(len(good))[:, None], taken), 1.0)
        loads, payers = np.zeros((2, len(good), self.resources))
        for s in range(strategies):
            for r, counted in self._uses(s):
                payers[:, r] += chosen[:, s]
                loads[:, r] += chosen[:, s] * counted
        prices = np.zeros((len(good), strategies))
        at = loads.astype(np.int64)
        for s in range(strategies):
            for r, _ in self._uses(s):
                prices[:, s] += self.cost[r, at[:, r]]
        rewards[good] = np.take_along_axis(0.0 - prices, taken, axis=1)
        state[good, :self.resources] = loads
        if self.apart:
            state[good, self.resources:2 * self.resources] = payers
        if self.histories > 1:
            past = 2 * state[good, self.history].astype(np.int64) + (loads[:, self.watched] > self.threshold)
            state[good, self.history] = past & (self.histories - 1)
        terminated[good] = False
        return status

    def stage_observe(self, runs, state, observation):
        if self.sees_loads:
            observation[:, 0] = state[:, :self.resources]
        else:
            observation[:, 0, 0] = state[:, self.history] if self.histories > 1 else 0.0
        return fine(len(runs))

    def stage_counterfactual(self, runs, state, actions, rewards, counterfactual):
        """The others' total reward without agent i: what the team pays, less what changes by i's leaving."""
        loads = whole(state[:, :self.resources], self.agents + 1)
        payers = state[:, self.resources:2 * self.resources] if self.apart else state[:, :self.resources]
        status = fine(len(runs))
        status[((loads < 0) | (whole(payers, self.agents + 1) < 0)).any(axis=1)] = BAD_STATE
        status[~self._allowed(actions)] = BAD_ACTION
        good = np.flatnonzero(status == 0)
        loads, payers, team = loads[good], payers[good], np.zeros(len(good))
        for r in range(self.resources):
            team += payers[:, r] * self.cost[r, loads[:, r]]
        strategies = len(self.first_use) - 1
        changes, possible = np.zeros((len(good), strategies)), np.ones((len(good), strategies), bool)
        for s in range(strategies):
            for r, counted in self._uses(s):
                left = loads[:, r] - counted
                possible[:, s] &= left >= 0     # else not the loads that these actions make
                changes[:, s] += (payers[:, r] * self.cost[r, loads[:, r]]
                                  - (payers[:, r] - 1.0) * self.cost[r, np.maximum(left, 0)])
        taken = self.choices[self.first + actions[good]]
        status[good[~np.take_along_axis(possible, taken, axis=1).all(axis=1)]] = BAD_STATE
        counterfactual[good] = np.take_along_axis(changes, taken, axis=1) - team[:, None]
        return status
