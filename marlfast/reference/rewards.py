"""Reward structure and shaping in NumPy: the twin of ``src/_rewards.pyx``."""
import numpy as np

from marlfast.declarations.rewards import (
    DIFFERENCE,
    DIVERSITY,
    MIX,
    POTENTIAL_DISTANCE,
    POTENTIAL_TABLE,
    REDUNDANCY,
)
from marlfast.reference.kernels import BAD_ACTION, BAD_ROW, Reward, allowed, fine


@MIX.document
class Mix(Reward):
    """Linear reward structure.

    ``rewards[i] = own * raw[i] + sum_k weights[team of i, k] * (sum of raw over team k)``,
    agents and teams in order.
    """

    def __init__(self, *by_position, **given):
        a = self._shaped(MIX.check(given, by_position))
        self.teams, self.own, self.weights, self.team_of_agent = a.T, a.own, a.weights, a.team_of_agent

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        rewards[:] = self.own * raw
        sums = np.zeros((len(runs), self.teams))
        if self.teams:
            for i in range(self.agents):
                sums[:, self.team_of_agent[i]] += raw[:, i]
        for k in range(self.teams):
            rewards += self.weights[self.team_of_agent, k] * sums[:, k:k + 1]
        return fine(len(runs))


@DIFFERENCE.document
class Difference(Reward):
    """Difference rewards (Wolpert and Tumer 2002): the team's total, minus what it would be without agent i."""

    def __init__(self, *by_position, **given):
        self.game = self._shaped(DIFFERENCE.check(given, by_position)).game
        if self.game.stage_counterfactual is None:
            raise ValueError("game: cannot say what would have happened without an agent")

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        status = self.game.stage_counterfactual(runs, state, actions, raw, rewards)
        total = np.zeros(len(runs))
        for i in range(self.agents):
            total += raw[:, i]
        rewards[:] = total[:, None] - rewards
        return status


class _Distinct(Reward):
    """What depends on how many different actions were taken."""

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        status = np.where(allowed(actions, self.n_actions), 0, BAD_ACTION).astype(np.int32)
        ordered = np.sort(actions, axis=1)
        distinct = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
        rewards[:] = np.where(status[:, None] == 0, self._add(rewards, distinct[:, None]), rewards)
        return status


@DIVERSITY.document
class Diversity(_Distinct):
    """Adds ``weight * distinct actions / agents`` to every agent."""

    def __init__(self, *by_position, **given):
        a = self._shaped(DIVERSITY.check(given, by_position))
        self.n_actions, self.weight = a.n_actions, a.weight

    def _add(self, rewards, distinct):
        return rewards + self.weight * (distinct / self.agents)


@REDUNDANCY.document
class Redundancy(_Distinct):
    """Takes ``penalty * (agents - distinct actions)`` from every agent."""

    def __init__(self, *by_position, **given):
        a = self._shaped(REDUNDANCY.check(given, by_position))
        self.n_actions, self.weight = a.n_actions, a.penalty

    def _add(self, rewards, distinct):
        return rewards - self.weight * (self.agents - distinct)


class _Potential(Reward):
    """``discount * potential after - potential before``; ``previous`` [R, N] remembers the latter."""

    def stage_begin(self, runs, rows, observation):
        potential, status = self._potential(rows, observation)
        self.previous[runs] = potential
        return status

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        potential, status = self._potential(next_rows, observation)
        potential = np.where(terminated[:, None], 0.0, potential)
        rewards += self.discount * potential - self.previous[runs]
        self.previous[runs] = potential
        return np.where(terminated, 0, status).astype(np.int32)


@POTENTIAL_TABLE.document
class PotentialTable(_Potential):
    """Adds ``discount * potential(next row) - potential(row)``, 0 at a terminal state (Ng et al. 1999, eq. 2)."""

    def __init__(self, *by_position, **given):
        a = self._shaped(POTENTIAL_TABLE.check(given, by_position))
        self.discount, self.table, self.previous = a.discount, a.table, np.zeros((a.R, a.N))

    def _potential(self, rows, observation):
        inside = (rows >= 0) & (rows < self.table.shape[1])
        which = np.arange(self.agents) if len(self.table) > 1 else 0
        potential = np.where(inside, self.table[which, np.where(inside, rows, 0)], 0.0)
        return potential, np.where(inside.all(axis=1), 0, BAD_ROW).astype(np.int32)


@POTENTIAL_DISTANCE.document
class PotentialDistance(_Potential):
    """Potential-based shaping by a weighted distance: ``-sum_d weights[d] * |x[d] - target[d]| ** order``."""

    def __init__(self, *by_position, **given):
        a = self._shaped(POTENTIAL_DISTANCE.check(given, by_position))
        self.discount, self.target, self.weights, self.order = a.discount, a.target, a.weights, a.order
        self.previous = np.zeros((a.R, a.N))

    def _potential(self, rows, observation):
        gap = np.abs(observation - self.target)
        if self.order == 2:
            gap = gap * gap
        total = np.zeros(observation.shape[:2])
        for d in range(self.features):
            total += self.weights[d] * gap[:, :, d]
        return np.broadcast_to(-total, (len(observation), self.agents)), fine(len(observation))
