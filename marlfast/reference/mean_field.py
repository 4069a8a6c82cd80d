"""Mean field learning in NumPy: the twin of ``src/_mean_field.pyx``, vectorised over runs."""
import numpy as np

from marlfast.declarations.mean_field import MEAN_FIELD, MEAN_FIELD_ACTOR_CRITIC
from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import BAD_ACTION, Learner
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import MAX_VISITS, greatest_from


def within(rows, bound, parts, part):
    """Rows of an inner table that has ``parts`` rows for each of ``bound``; -1 where the row or the part is none."""
    inside = (rows >= 0) & (rows < bound) & (part >= 0) & (part < parts)
    return np.where(inside, rows.astype(np.int64) * parts + part, -1).astype(np.int32)


class _Neighbourhoods:
    """Says the mean actions in neighbourhoods."""

    def __init__(self, a):
        self.means, self.ranks, self.n_near_actions, self.bins = a.means, a.ranks, a.n_near_actions, a.bins
        self.agent_ids, self.edges, self.neighbours, self.group = a.agent_ids, a.edges, a.neighbours, a.group
        if a.group is None:
            self.sizes = np.diff(a.edges)
        else:
            own = a.group[a.agent_ids]
            self.sizes = np.where(own < 0, 0, np.bincount(a.group + 1, minlength=2)[own + 1] - 1).astype(np.int64)
        equal = self._points([np.full(a.L, k) for k in range(1, a.n_near_actions)], np.full(a.L, a.n_near_actions))
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
        near_actions = actions[:, looked]
        bad = ((near_actions < 0) | (near_actions >= self.n_near_actions)).any(axis=1)
        below = [np.zeros((len(actions), len(self.agent_ids)), np.int64)]
        for a in range(self.n_near_actions - 1, 0, -1):
            below.append(below[-1] + self._count(actions, a))
        points = self._points(below[1:], np.where(bad[:, None], 0, self.sizes))
        return points, np.where(bad, BAD_ACTION, 0).astype(np.int32)

    def _count(self, actions, a):
        """How many of each controlled agent's neighbours take action a."""
        if self.group is None:
            running = np.zeros((len(actions), len(self.neighbours) + 1), np.int64)
            (actions[:, self.neighbours] == a).cumsum(axis=1, out=running[:, 1:])
            return running[:, self.edges[1:]] - running[:, self.edges[:-1]]
        counts = np.zeros((len(actions), int(self.group.max()) + 2), np.int64)
        runs, agents = np.nonzero(actions == a)
        np.add.at(counts, (runs, self.group[agents] + 1), 1)
        return counts[:, self.group[self.agent_ids] + 1] - (actions[:, self.agent_ids] == a)


@MEAN_FIELD.document
class MeanField(Learner):
    """A learner whose rows say the mean action of an agent's neighbours too: row * means + mean action.

    It acts by the mean action of the step before, and learns by that of the step that is learned from, in the row and
    in its successor. The first step of an episode is acted in as if all actions had had the same share.
    """

    def __init__(self, **given):
        a = self.declared.check(given)
        self.near = _Neighbourhoods(a)
        self.inner, self.mean, self.n_rows, self.agent_ids = a.inner, a.mean, a.n_rows, a.agent_ids
        self.runs, self.agents, self.draws = a.R, a.N, a.inner.draws

    def _within(self, rows, means):
        inside = np.full(rows.shape, -1, np.int32)
        inside[:, self.agent_ids] = within(rows[:, self.agent_ids], self.n_rows, self.near.means, means)
        return inside

    def stage_act(self, runs, rows, draws, actions):
        last = self.mean[runs[:, None], self.agent_ids].astype(np.int64)
        return self.inner.stage_act(runs, self._within(rows, np.where(last != 0, last - 1, self.near.first)), draws,
                                    actions)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        means, status = self.near.of(actions)
        n = np.flatnonzero(status == 0)
        self.mean[runs[n][:, None], self.agent_ids] = means[n] + 1
        if self.inner.learning and len(n):
            flags = changed[n]
            status[n] = self.inner.stage_update(
                runs[n], self._within(rows[n], means[n]), actions[n], rewards[n], self._within(next_rows[n], means[n]),
                terminated[n], flags)
            changed[n] = flags
        return status

    def stage_tick(self, runs, ended):
        self.mean[runs[ended][:, None], self.agent_ids] = 0
        self.inner.stage_tick(runs, ended)


@MEAN_FIELD_ACTOR_CRITIC.document
class MeanFieldActorCritic(QLearning):
    """Softmax policies over rows, which climb action values over rows and the mean action m of the neighbours.

    ``q[row, m, action] += critic * (reward + discount * v(next row, m) - q[row, m, action])``, where v is the expected
    value under the policy; then ``logits[row, a] += rate * (q[row, m, action] - v(row, m)) * ((a == action) - p(a))``.
    """

    def _take(self, a):
        super()._take(a)
        self.near, self.logits = _Neighbourhoods(a), a.q
        self.points = np.zeros((a.R, a.N), np.int64)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        points, status = self.near.of(actions)
        self.points[runs[:, None], self.agent_ids] = points
        n = np.flatnonzero(status == 0)
        if len(n):
            flags = changed[n]
            status[n] = super().stage_update(runs[n], rows[n], actions[n], rewards[n], next_rows[n], terminated[n],
                                             flags)
            changed[n] = flags
        return status

    @staticmethod
    def _worth(logits, best, q, n_actions):
        """Expected values of q [n, wave, A] under softmax policies, and these."""
        top = np.take_along_axis(logits, best[..., None], axis=2)[..., 0]
        weights, total, value = [], np.zeros(best.shape), np.zeros(best.shape)
        for a in range(q.shape[2]):
            weights.append(np.where(a < n_actions, exp_values(logits[..., a] - top), 0.0))
            total = total + weights[a]
        weights = [weight / total for weight in weights]
        for a, weight in enumerate(weights):
            value = np.where(a < n_actions, value + weight * q[..., a], value)
        return value, weights

    def _update_wave(self, wave, status, runs, rows, actions, rewards, next_rows, terminated, changed):
        row, next_row, action, here, best, fault = self._look(wave, runs, rows, actions, next_rows, terminated)
        n_actions, tables, r = self.n_actions[wave], self.table_of[wave], runs[:, None]
        point, rate = self.points[r, wave], self.rate.value[r]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ahead, _ = self._worth(self.logits[r, next_row, tables], best, self.values[r, next_row, point, tables],
                                   n_actions)
            target = np.where(terminated[:, None], rewards, rewards + self.discount[r] * ahead)
            q, logits = self.values[r, row, point, tables], self.logits[r, row, tables]
            old = np.take_along_axis(q, action[..., None], axis=2)[..., 0]
            value = old + self.critic.value[r] * (target - old)
            taken = np.arange(q.shape[2]) == action[..., None]
            mean, weights = self._worth(logits, here, np.where(taken, value[..., None], q), n_actions)
            advantage = value - mean
            moved = np.stack([np.where(a < n_actions, logits[..., a] + rate * (
                advantage * (taken[..., a].astype(np.float64) - weight)), logits[..., a])
                for a, weight in enumerate(weights)], axis=2)
        own = np.arange(q.shape[2]) < n_actions[:, None]
        sound = np.isfinite(value) & np.isfinite(np.where(own, moved, 0.0)).all(axis=2)
        learns, status = self._sound(status, fault, np.where(sound, 0.0, np.nan))
        n, j = np.nonzero(learns)
        at = runs[n], row[n, j], tables[j]
        self.values[runs[n], row[n, j], point[n, j], tables[j], action[n, j]] = value[n, j]
        self.logits[at] = moved[n, j]
        self.visits[at] += self.visits[at] < MAX_VISITS
        before = self.greedy[at].astype(np.int64) if self.around else np.zeros(len(n), np.int64)
        now = greatest_from(moved[n, j], n_actions[j], before)
        changed[n[now != self.greedy[at]]] = True
        self.greedy[at] = now
        return status

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        self.critic.stage_tick(runs, ended)
