"""Mean field learning in NumPy: the twin of ``src/_mean_field.pyx``, vectorised over runs."""
import math

import numpy as np

from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import BAD_ACTION, Learner, check
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import BOLTZMANN, MOST_VISITS, first_greatest


def within(rows, bound, parts, part):
    """Rows of an inner table that has ``parts`` rows for each of ``bound``; -1 where the row or the part is none."""
    inside = (rows >= 0) & (rows < bound) & (part >= 0) & (part < parts)
    return np.where(inside, rows.astype(np.int64) * parts + part, -1).astype(np.int32)


class _Neighbourhoods:
    """Checks neighbourhoods, and says the mean actions in them."""

    def __init__(self, agents, leads, choices, bins, edges, neighbours, group):
        check(leads, "leads", "int32", (-1,), False)
        if len(leads) < 1 or leads.min() < 0 or leads.max() >= agents:
            raise ValueError(f"leads: expected at least one agent from 0 to {agents - 1}")
        if choices < 1 or bins < 1 or bins > 2**20 or choices > 2**20:
            raise ValueError(f"choices, bins: expected 1 to 2**20, got {choices}, {bins}")
        self.means = math.comb(bins + choices - 1, choices - 1)
        if self.means > 2**31 - 1:
            raise ValueError(f"bins: {bins} bins of {choices} actions have more than 2**31 - 1 means")
        self.ranks = np.array([[math.comb(t, a + 1) if t <= bins + a else 0 for t in range(bins + choices - 1)]
                               for a in range(choices - 1)] or [[0]], np.int64)
        if (group is None) == (edges is None) or (edges is None) != (neighbours is None):
            raise ValueError("edges, neighbours, group: expected either lists of neighbours or groups")
        if group is None:
            check(edges, "edges", "int64", (len(leads) + 1,), False)
            check(neighbours, "neighbours", "int32", (-1,), False)
            if edges[0] != 0 or np.diff(edges).min() < 0 or edges[-1] != len(neighbours):
                raise ValueError(f"edges: expected to rise from 0 to {len(neighbours)}")
            if len(neighbours) and (neighbours.min() < 0 or neighbours.max() >= agents):
                raise ValueError(f"neighbours: expected agents 0 to {agents - 1}, got {neighbours.min()} to "
                                 f"{neighbours.max()}")
            self.sizes = np.diff(edges)
        else:
            check(group, "group", "int32", (agents,), False)
            if group.min() < -1 or group.max() >= agents:
                raise ValueError(f"group: expected -1 to {agents - 1}, got {group.min()} to {group.max()}")
            own = group[leads]
            self.sizes = np.where(own < 0, 0, np.bincount(group + 1, minlength=2)[own + 1] - 1).astype(np.int64)
        self.leads, self.choices, self.bins = leads, choices, bins
        self.edges, self.neighbours, self.group = edges, neighbours, group
        equal = self._points([np.full(len(leads), a) for a in range(1, choices)], np.full(len(leads), choices))
        self.first = np.where(self.sizes > 0, equal, 0)

    def _points(self, below, sizes):
        """Numbers of means, from how many of ``sizes`` actions are among the last 1, 2, ... actions."""
        index = np.zeros(np.broadcast_shapes(sizes.shape, *(count.shape for count in below)), np.int64)
        some = np.maximum(sizes, 1)
        for a, count in enumerate(below):
            count = np.where(sizes > 0, count, 0)
            index += self.ranks[a, (2 * count * self.bins + some) // (2 * some) + a]
        return np.where(sizes > 0, index, 0)

    def of(self, actions):
        """Numbers of the mean actions [n, L] of the neighbours, and statuses [n]."""
        looked = self.neighbours if self.group is None else np.flatnonzero(self.group >= 0)
        seen = actions[:, looked]
        bad = ((seen < 0) | (seen >= self.choices)).any(axis=1)
        below = [np.zeros((len(actions), len(self.leads)), np.int64)]
        for a in range(self.choices - 1, 0, -1):
            below.append(below[-1] + self._count(actions, a))
        points = self._points(below[1:], np.where(bad[:, None], 0, self.sizes))
        return points, np.where(bad, BAD_ACTION, 0).astype(np.int32)

    def _count(self, actions, a):
        """How many of each led agent's neighbours take action a."""
        if self.group is None:
            running = np.zeros((len(actions), len(self.neighbours) + 1), np.int64)
            (actions[:, self.neighbours] == a).cumsum(axis=1, out=running[:, 1:])
            return running[:, self.edges[1:]] - running[:, self.edges[:-1]]
        counts = np.zeros((len(actions), int(self.group.max()) + 2), np.int64)
        runs, agents = np.nonzero(actions == a)
        np.add.at(counts, (runs, self.group[agents] + 1), 1)
        return counts[:, self.group[self.leads] + 1] - (actions[:, self.leads] == a)


class MeanField(Learner):
    """A learner whose rows say the mean action of an agent's neighbours too: row * means + mean action.

    It acts by the mean action of the step before, and learns by that of the step that is learned from, in the row and
    in its successor. The first step of an episode is acted in as if all actions had had the same share.

    Parameters
    ----------
    inner : Learner
        Of as many runs and agents, over tables with ``means`` rows for each of ``rows``.
    mean : int32 [R, N]
        Modified: one more than the number of the last mean action; 0 at the start of an episode.
    rows : int
        Of the table without mean actions.
    leads : int32 [L]
        The agents that ``inner`` leads.
    choices : int
        M, actions of every neighbour.
    bins : int
        Shares are multiples of 1 / bins; so there are ``means`` = (bins + M - 1 over M - 1) mean actions.
    edges, neighbours : int64 [L + 1], int32 [E]; or None
        Neighbours of led agent j: ``neighbours[edges[j]:edges[j + 1]]``.
    group : int32 [N] or None
        In place of lists: an agent's neighbours are the others of its group; -1: it is in none.
    """

    def __init__(self, inner, mean, rows, leads, choices, bins, edges, neighbours, group):
        if inner.active != 1 or inner.central != 0:
            raise ValueError("inner: expected a learner of one row of each agent")
        check(mean, "mean", "int32", (inner.runs, inner.agents), True)
        self.near = _Neighbourhoods(inner.agents, leads, choices, bins, edges, neighbours, group)
        if rows < 1 or rows * self.near.means > 2**31 - 1:
            raise ValueError(f"rows: expected at least 1, and at most 2**31 - 1 in all with "
                             f"{self.near.means} means, got {rows}")
        self.inner, self.mean, self.rows, self.leads = inner, mean, rows, leads
        self.runs, self.agents, self.draws = inner.runs, inner.agents, inner.draws

    def _within(self, rows, means):
        inside = np.full(rows.shape, -1, np.int32)
        inside[:, self.leads] = within(rows[:, self.leads], self.rows, self.near.means, means)
        return inside

    def stage_act(self, runs, rows, draws, actions):
        last = self.mean[runs[:, None], self.leads].astype(np.int64)
        return self.inner.stage_act(runs, self._within(rows, np.where(last != 0, last - 1, self.near.first)), draws,
                                    actions)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        means, status = self.near.of(actions)
        n = np.flatnonzero(status == 0)
        self.mean[runs[n][:, None], self.leads] = means[n] + 1
        if self.inner.learning and len(n):
            flags = changed[n]
            status[n] = self.inner.stage_update(
                runs[n], self._within(rows[n], means[n]), actions[n], rewards[n], self._within(next_rows[n], means[n]),
                terminated[n], flags)
            changed[n] = flags
        return status

    def stage_tick(self, runs, ended):
        self.mean[runs[ended][:, None], self.leads] = 0
        self.inner.stage_tick(runs, ended)


class MeanFieldActorCritic(QLearning):
    """Softmax policies over rows, which climb action values over rows and the mean action m of the neighbours.

    ``q[row, m, action] += critic * (reward + discount * v(next row, m) - q[row, m, action])``, where v is the expected
    value under the policy; then ``logits[row, a] += rate * (q[row, m, action] - v(row, m)) * ((a == action) - p(a))``.

    Parameters
    ----------
    logits, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict, random_ties, draws,
    learning
        As those of ``marlfast.reference.q_learning.QLearning``; ``kind`` is 1, and the temperature 1.
    q : float64 [R, rows, means, T, A]
        Modified.
    critic : Schedule
        Learning rate of the critic.
    choices, bins, edges, neighbours, group
        As those of :class:`MeanField`.
    """

    def __init__(self, logits, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict,
                 random_ties, draws, learning, q, critic, choices, bins, edges, neighbours, group):
        super().__init__(logits, greedy, visits, table_of, actions, leads, discount, rate, exploration, kind, strict,
                         random_ties, draws, learning)
        if kind != BOLTZMANN:
            raise ValueError(f"kind: expected 1, got {kind}")
        if critic.runs != self.runs:
            raise ValueError(f"critic: expected {self.runs} runs, got {critic.runs}")
        self.near = _Neighbourhoods(self.agents, leads, choices, bins, edges, neighbours, group)
        runs, rows, tables, width = logits.shape
        check(q, "q", "float64", (runs, rows, self.near.means, tables, width), True)
        self.logits, self.values, self.critic = logits, q, critic
        self.points = np.zeros((self.runs, self.agents), np.int64)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        points, status = self.near.of(actions)
        self.points[runs[:, None], self.leads] = points
        n = np.flatnonzero(status == 0)
        if len(n):
            flags = changed[n]
            status[n] = super().stage_update(runs[n], rows[n], actions[n], rewards[n], next_rows[n], terminated[n],
                                             flags)
            changed[n] = flags
        return status

    @staticmethod
    def _worth(logits, best, q, choices):
        """Expected values of q [n, wave, A] under softmax policies, and these."""
        top = np.take_along_axis(logits, best[..., None], axis=2)[..., 0]
        weights, total, value = [], np.zeros(best.shape), np.zeros(best.shape)
        for a in range(q.shape[2]):
            weights.append(np.where(a < choices, exp_values(logits[..., a] - top), 0.0))
            total = total + weights[a]
        weights = [weight / total for weight in weights]
        for a, weight in enumerate(weights):
            value = np.where(a < choices, value + weight * q[..., a], value)
        return value, weights

    def _update_wave(self, wave, status, runs, rows, actions, rewards, next_rows, terminated, changed):
        row, next_row, action, here, best, fault = self._look(wave, runs, rows, actions, next_rows, terminated)
        choices, tables, r = self.actions[wave], self.table_of[wave], runs[:, None]
        point, rate = self.points[r, wave], self.rate.value[r]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ahead, _ = self._worth(self.logits[r, next_row, tables], best, self.values[r, next_row, point, tables],
                                   choices)
            target = np.where(terminated[:, None], rewards, rewards + self.discount[r] * ahead)
            q, logits = self.values[r, row, point, tables], self.logits[r, row, tables]
            old = np.take_along_axis(q, action[..., None], axis=2)[..., 0]
            value = old + self.critic.value[r] * (target - old)
            taken = np.arange(q.shape[2]) == action[..., None]
            mean, weights = self._worth(logits, here, np.where(taken, value[..., None], q), choices)
            advantage = value - mean
            moved = np.stack([np.where(a < choices, logits[..., a] + rate * (
                advantage * (taken[..., a].astype(np.float64) - weight)), logits[..., a])
                for a, weight in enumerate(weights)], axis=2)
        own = np.arange(q.shape[2]) < choices[:, None]
        sound = np.isfinite(value) & np.isfinite(np.where(own, moved, 0.0)).all(axis=2)
        learns, status = self._sound(status, fault, np.where(sound, 0.0, np.nan))
        n, j = np.nonzero(learns)
        at = runs[n], row[n, j], tables[j]
        self.values[runs[n], row[n, j], point[n, j], tables[j], action[n, j]] = value[n, j]
        self.logits[at] = moved[n, j]
        self.visits[at] += self.visits[at] < MOST_VISITS
        now = first_greatest(moved[n, j], choices[j])
        changed[n[now != self.greedy[at]]] = True
        self.greedy[at] = now
        return status

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        self.critic.stage_tick(runs, ended)
