"""Reward structure and shaping in NumPy: the twin of ``src/_rewards.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_ROW, Reward, check, fine


class Mix(Reward):
    """Linear reward structure.

    ``rewards[i] = own * raw[i] + sum_k weights[team of i, k] * (sum of raw over team k)``,
    agents and teams in order.

    Parameters
    ----------
    runs : int
    game : Game
    own : float
    weights : float64 [T, T]
        T may be 0: each agent has its own rewards.
    team_of_agent : int32 [N]
        0 to T - 1; not read where T is 0.
    """

    def __init__(self, runs, game, own, weights, team_of_agent):
        self._shapes(runs, game)
        check(weights, "weights", "float64", (-1, -1), False)
        teams = len(weights)
        check(weights, "weights", "float64", (teams, teams), False)
        check(team_of_agent, "team_of_agent", "int32", (game.agents,), False)
        if teams and (team_of_agent.min() < 0 or team_of_agent.max() >= teams):
            raise ValueError(f"team_of_agent: expected teams 0 to {teams - 1}")
        self.teams, self.own, self.weights, self.team_of_agent = teams, own, weights, team_of_agent

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        rewards[:] = self.own * raw
        sums = np.zeros((len(runs), self.teams))
        if self.teams:
            for i in range(self.agents):
                sums[:, self.team_of_agent[i]] += raw[:, i]
        for k in range(self.teams):
            rewards += self.weights[self.team_of_agent, k] * sums[:, k:k + 1]
        return fine(len(runs))


class Difference(Reward):
    """Difference rewards (Wolpert and Tumer 2002): the team's total, minus what it would be without agent i.

    Parameters
    ----------
    runs : int
    game : Game
        One that can say what would have happened without an agent.
    """

    def __init__(self, runs, game):
        self._shapes(runs, game)
        if game.stage_counterfactual is None:
            raise ValueError("game: cannot say what would have happened without an agent")
        self.game = game

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        status = self.game.stage_counterfactual(runs, state, actions, raw, rewards)
        total = np.zeros(len(runs))
        for i in range(self.agents):
            total += raw[:, i]
        rewards[:] = total[:, None] - rewards
        return status


class _Distinct(Reward):
    """What depends on how many different actions were taken."""

    def _set(self, runs, game, actions, weight):
        self._shapes(runs, game)
        if actions < 1:
            raise ValueError(f"actions: expected at least 1, got {actions}")
        self.n_actions, self.weight = actions, weight

    def stage_apply(self, runs, rows, actions, raw, rewards, next_rows, state, observation, terminated):
        good = ((actions >= 0) & (actions < self.n_actions)).all(axis=1)
        ordered = np.sort(actions[good], axis=1)
        distinct = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
        rewards[good] = self._add(rewards[good], distinct[:, None])
        return np.where(good, 0, BAD_ACTION).astype(np.int32)


class Diversity(_Distinct):
    """Adds ``weight * distinct actions / agents`` to every agent.

    Parameters
    ----------
    runs : int
    game : Game
    actions : int
        Actions are 0 to actions - 1.
    weight : float
    """

    def __init__(self, runs, game, actions, weight):
        self._set(runs, game, actions, weight)

    def _add(self, rewards, distinct):
        return rewards + self.weight * (distinct / self.agents)


class Redundancy(_Distinct):
    """Takes ``penalty * (agents - distinct actions)`` from every agent.

    Parameters
    ----------
    runs : int
    game : Game
    actions : int
        Actions are 0 to actions - 1.
    penalty : float
    """

    def __init__(self, runs, game, actions, penalty):
        self._set(runs, game, actions, penalty)

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


class PotentialTable(_Potential):
    """Adds ``discount * potential(next row) - potential(row)``, 0 at a terminal state (Ng et al. 1999, eq. 2).

    Parameters
    ----------
    runs : int
    game : Game
    discount : float
    table : float64 [1 or N, rows]
    """

    def __init__(self, runs, game, discount, table):
        self._shapes(runs, game)
        check(table, "table", "float64", (-1, -1), False)
        if len(table) not in (1, game.agents) or table.shape[1] < 1:
            raise ValueError(f"table: expected shape (1 or {game.agents}, rows), got {table.shape}")
        self.discount, self.table, self.previous = discount, table, np.zeros((runs, game.agents))

    def _potential(self, rows, observation):
        inside = (rows >= 0) & (rows < self.table.shape[1])
        which = np.arange(self.agents) if len(self.table) > 1 else 0
        potential = np.where(inside, self.table[which, np.where(inside, rows, 0)], 0.0)
        return potential, np.where(inside.all(axis=1), 0, BAD_ROW).astype(np.int32)


class PotentialDistance(_Potential):
    """Potential-based shaping by a weighted distance: ``-sum_d weights[d] * |x[d] - target[d]| ** order``.

    Parameters
    ----------
    runs : int
    game : Game
    discount : float
    target, weights : float64 [D]
    order : int
        1 or 2.
    """

    def __init__(self, runs, game, discount, target, weights, order):
        self._shapes(runs, game)
        check(target, "target", "float64", (game.features,), False)
        check(weights, "weights", "float64", (game.features,), False)
        if order not in (1, 2):
            raise ValueError(f"order: expected 1 or 2, got {order}")
        self.discount, self.target, self.weights, self.order = discount, target, weights, order
        self.previous = np.zeros((runs, game.agents))

    def _potential(self, rows, observation):
        gap = np.abs(observation - self.target)
        if self.order == 2:
            gap = gap * gap
        total = np.zeros(observation.shape[:2])
        for d in range(self.features):
            total += self.weights[d] * gap[:, :, d]
        return np.broadcast_to(-total, (len(observation), self.agents)), fine(len(observation))
