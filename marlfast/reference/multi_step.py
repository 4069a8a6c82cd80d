"""Value-based learners that learn from more than one step in NumPy: the twin of ``src/_multi_step.pyx``."""
import numpy as np

from marlfast.declarations.multi_step import EPISODES, TRACES
from marlfast.reference.kernels import BAD_ACTION, BAD_ROW, BAD_VALUE, fine
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import MAX_VISITS, policy_values, write_values

NOTHING, MOVED, FAILED = range(3)       # what a tick leaves to the next update to say


class _Later(QLearning):
    """Learners that learn from a step only once they know more of what came after it.

    Agents learn one after the other, in all runs at once. ``tick`` can report nothing: what it has to say stands in
    ``late`` until the next update.
    """

    late = None

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status, moved = fine(len(runs)), np.zeros(self.runs, bool)
        rows, next_rows = self._own(rows), self._own(next_rows)
        if self.late is not None:
            said = self.late[runs]
            status[(said != NOTHING) & (said != MOVED)] = BAD_VALUE
            moved[runs[said == MOVED]] = True
            self.late[runs[said == MOVED]] = NOTHING
        for i in self.agent_ids.tolist():
            n = np.flatnonzero(status == 0)
            wave = np.array([i])
            row, next_row, action, here, best, fault = (a[:, 0] for a in self._look(
                wave, runs[n], rows[n][:, wave], actions[n][:, wave], next_rows[n][:, wave], terminated[n]))
            status[n] = fault
            good = fault == 0
            n = n[good]
            status[n] = self._learn_from(i, runs[n], row[good], action[good], rewards[n, i], next_row[good],
                                         here[good], best[good], terminated[n], moved)
        changed |= moved[runs] & (status == 0)
        return status

    def stage_tick(self, runs, ended):
        over, moved = runs[ended], np.zeros(self.runs, bool)
        for i in self.agent_ids.tolist():
            failed = self._break_off(i, over, moved)
            if self.late is not None:
                self.late[over[failed]] = FAILED
        if self.late is not None:
            here = over[moved[over] & (self.late[over] == NOTHING)]
            self.late[here] = MOVED
        super().stage_tick(runs, ended)

    def _policy_value(self, i, runs, row, best):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return policy_values(self, runs, self._seen(self.q, runs, row, self.table_of[i])[:, None],
                                  self.n_actions[[i]], best[:, None])[:, 0]

    def _move(self, i, runs, row, action, value, old, moved):
        """Write one value of each run, of a cell."""
        size = len(runs)
        new = write_values(self.q, self.greedy, runs, row, np.full(size, self.table_of[i]),
                           np.full(size, self.n_actions[i]), action, value, old, self.around)
        moved[runs[new]] = True

    def _count(self, i, runs, row):
        self.visits[runs, row, self.table_of[i]] += self.visits[runs, row, self.table_of[i]] < MAX_VISITS

    def _places(self, i, runs, rows, actions):
        """Rows and actions as places, greedy actions, and statuses."""
        wave = np.array([i])
        row, _, action, here, _, fault = self._look(wave, runs, rows[:, None], actions[:, None], rows[:, None],
                                                    np.ones(len(runs), bool))
        return row[:, 0], action[:, 0], here[:, 0], fault[:, 0]


@TRACES.document
class Traces(_Later):
    """SARSA(lambda) and Watkins's Q(lambda): an error also moves the values of cells that were visited before.

    ``q[cell] += rate * error * eligibility[cell]`` for all eligible cells of an agent, whose eligibility then falls by
    ``discount * decay``. SARSA's error needs the next action: a step waits for it until the next update, in which it
    comes first; where the episode is truncated, ``tick`` takes the expected value under the exploring policy instead.
    """

    def _take(self, a):
        super()._take(a)
        self.length = a.length

    def _learn_from(self, i, runs, row, action, reward, next_row, here, best, over, moved):
        table = self.table_of[i]
        if self.on_policy:
            status = self._finish(i, runs, action, moved)
            well = status == 0
            waits = well & ~over
            self.waiting[runs[waits], i] = np.column_stack([np.ones_like(action), row, action, next_row])[waits]
            self.waiting_reward[runs[waits], i] = reward[waits]
            learns, target = well & over, reward
        else:
            status = fine(len(runs))
            exploring = self._seen(self.q, runs, row, table, action) < self._seen(self.q, runs, row, table, here)
            self._forget(i, runs[exploring])
            with np.errstate(over="ignore", invalid="ignore"):
                target = np.where(over, reward, reward + self.discount[runs] * self._seen(
                    self.q, runs, next_row, table, best))
            learns = np.ones(len(runs), bool)
        n = np.flatnonzero(learns)
        status[n] = self._learn(i, runs[n], row[n], action[n], target[n], moved)
        return status

    def _break_off(self, i, runs, moved):
        failed = np.zeros(len(runs), bool)
        if self.on_policy:
            failed = self._finish(i, runs, None, moved) != 0
        self._forget(i, runs)
        return failed

    def _finish(self, i, runs, next_action, moved):
        """Learn from the steps that wait for the next action; None: which will never be known."""
        status, table = fine(len(runs)), self.table_of[i]
        n = np.flatnonzero(self.waiting[runs, i, 0] != 0)
        r = runs[n]
        k, waiting = self.active, self.waiting[r, i]
        rows, actions, next_rows = waiting[:, 1:k + 1], waiting[:, k + 1], waiting[:, k + 2:]
        if k == 1:
            rows, next_rows = rows[:, 0], next_rows[:, 0]
        row, next_row, action, _, best, fault = (a[:, 0] for a in self._look(
            np.array([i]), r, rows[:, None], actions[:, None], next_rows[:, None], np.zeros(len(n), bool)))
        ahead = self._policy_value(i, r, next_row, best) if next_action is None else \
            self._seen(self.q, r, next_row, table, next_action[n])
        with np.errstate(over="ignore", invalid="ignore"):
            target = self.waiting_reward[r, i] + self.discount[r] * ahead
        good = fault == 0
        fault[good] = self._learn(i, r[good], row[good], action[good], target[good], moved)
        self.waiting[r[fault == 0], i, 0] = 0
        status[n] = fault
        return status

    def _learn(self, i, runs, row, action, target, moved):
        """Move the values of all eligible cells, the one just visited among them, by its error."""
        table, status = self.table_of[i], fine(len(runs))
        rows = row[:, None] if self.active == 1 else row
        before = self._best(self.q, self.greedy, runs, row, table, self.n_actions[i])
        with np.errstate(over="ignore", invalid="ignore"):
            step = self.rate.value[runs] * (target - self._seen(self.q, runs, row, table, action))
        if self.active > 1:
            step = step / self.active
        status[(self.eligible[runs, i] < 0) | (self.eligible[runs, i] > self.length)] = BAD_ROW
        good = status == 0
        for j in range(self.active):
            self._visit(i, runs[good], rows[good, j], action[good])
        count = self.eligible[runs, i]
        for k in range(int(count[good].max(initial=0))):
            n = np.flatnonzero((status == 0) & (k < count))
            r = runs[n]
            where, what, fault = self._cell(i, r, self.cells[r, i, k])
            old = self.q[r, where, table, what]
            with np.errstate(over="ignore", invalid="ignore"):
                value = old + step[n] * self.eligibility[r, i, k]
            status[n] = np.where((fault == 0) & ~np.isfinite(value), BAD_VALUE, fault)
            w = np.flatnonzero(status[n] == 0)
            if self.active == 1:
                self._move(i, r[w], where[w], what[w], value[w], old[w], moved)
            else:
                self.q[r[w], where[w], table, what[w]] = value[w]
        good = status == 0
        for j in range(self.active):
            self._count(i, runs[good], rows[good, j])
        if self.active > 1:
            # Which other observations share the cells is not known: only the one that was learned from is looked at.
            after = self._best(self.q, self.greedy, runs, row, table, self.n_actions[i])
            moved[runs[good & (after != before)]] = True
        self._fade(i, runs[good])
        return status

    def _cell(self, i, runs, cell):
        """Rows and actions of cells as places, and statuses: first the row is looked at, then the action."""
        inside = (cell[:, 0] >= 0) & (cell[:, 0] < self.q.shape[1])
        known = (cell[:, 1] >= 0) & (cell[:, 1] < self.n_actions[i])
        row, action = np.where(inside, cell[:, 0], 0), np.where(known, cell[:, 1], 0)
        if self.active == 1:
            greedy = self.greedy[runs, row, self.table_of[i]]
            known &= (greedy >= 0) & (greedy < self.n_actions[i])
        return row, action, np.where(inside, np.where(known, 0, BAD_ACTION), BAD_ROW)

    def _visit(self, i, runs, row, action):
        """Make a cell eligible; where there is no room for it, in place of the least eligible one."""
        count, places = self.eligible[runs, i], np.arange(self.length)
        cells, eligibility = self.cells[runs, i], self.eligibility[runs, i]
        among = places < count[:, None]
        same = among & (cells[:, :, 0] == row[:, None]) & (cells[:, :, 1] == action[:, None])
        known, full = same.any(axis=1), count == self.length
        place = np.where(known, same.argmax(axis=1), np.where(full, _first_least(eligibility), count))
        old = eligibility[np.arange(len(runs)), place]
        self.eligibility[runs, i, place] = np.where(known & self.accumulate, old + 1.0, 1.0)
        self.cells[runs, i, place, 0], self.cells[runs, i, place, 1] = row, action
        self.eligible[runs, i] += ~known & ~full

    def _fade(self, i, runs):
        count, places = self.eligible[runs, i][:, None], np.arange(self.length)
        cells, eligibility = self.cells[runs, i], self.eligibility[runs, i]
        with np.errstate(over="ignore", invalid="ignore"):
            faded = eligibility * (self.discount[runs] * self.decay[runs])[:, None]
        keep = (places < count) & (faded >= self.cutoff)
        order, kept = np.argsort(~keep, axis=1, kind="stable"), keep.sum(axis=1)[:, None]
        stays, goes = places < kept, places < count
        faded, moved = np.take_along_axis(faded, order, axis=1), np.take_along_axis(cells, order[:, :, None], axis=1)
        self.eligibility[runs, i] = np.where(stays, faded, np.where(goes, 0.0, eligibility))
        self.cells[runs, i] = np.where(stays[:, :, None], moved, np.where(goes[:, :, None], 0, cells))
        self.eligible[runs, i] = kept[:, 0]

    def _forget(self, i, runs):
        goes = np.arange(self.length) < self.eligible[runs, i][:, None]
        self.eligibility[runs, i] = np.where(goes, 0.0, self.eligibility[runs, i])
        self.cells[runs, i] = np.where(goes[:, :, None], 0, self.cells[runs, i])
        self.eligible[runs, i] = 0


def _first_least(eligibility):
    """The first of the least of each run, as the compiled rule finds it: a NaN is never less."""
    place = np.zeros(len(eligibility), np.int64)
    runs = np.arange(len(eligibility))
    for k in range(1, eligibility.shape[1]):
        place = np.where(eligibility[:, k] < eligibility[runs, place], k, place)
    return place


@EPISODES.document
class Episodes(_Later):
    """Every-visit Monte-Carlo control: ``q[row, action] += rate * (return - q[row, action])``, once an episode ended.

    Steps are gone through from the last to the first. Where an episode is truncated, the return goes on with the
    expected value of its successor under the exploring policy.
    """

    def _take(self, a):
        super()._take(a)
        self.length = a.H

    def _learn_from(self, i, runs, row, action, reward, next_row, here, best, over, moved):
        status, k = fine(len(runs)), self.known[runs, i]
        status[(k < 0) | (k >= self.length)] = BAD_ROW
        n = np.flatnonzero(status == 0)
        r = runs[n]
        self.cells[r, i, k[n]] = np.column_stack([row, action])[n]
        self.rewards[r, i, k[n]], self.known[r, i] = reward[n], k[n] + 1
        self._own(self.last)[r, i] = next_row[n]
        n = n[over[n] | (k[n] + 1 == self.length)]
        value = np.where(over[n], 0.0, self._policy_value(i, runs[n], next_row[n], best[n]))
        status[n] = self._look_back(i, runs[n], value, moved)
        return status

    def _look_back(self, i, runs, value, moved):
        """Learn from the returns of every step of an agent's episodes, the last first."""
        status, count, table = fine(len(runs)), self.known[runs, i], self.table_of[i]
        status[(count < 0) | (count > self.length)] = BAD_ROW
        value = value.copy()
        for k in range(int(count[status == 0].max(initial=0)) - 1, -1, -1):
            n = np.flatnonzero((status == 0) & (k < count))
            r = runs[n]
            rows = self.cells[r, i, k, :-1]
            row, action, _, fault = self._places(i, r, rows[:, 0] if self.active == 1 else rows,
                                                 self.cells[r, i, k, -1])
            old = self._seen(self.q, r, row, table, action)
            with np.errstate(over="ignore", invalid="ignore"):
                value[n] = self.rewards[r, i, k] + self.discount[r] * value[n]
                new = old + self.rate.value[r] * (value[n] - old)
            status[n] = np.where((fault == 0) & ~np.isfinite(new), BAD_VALUE, fault)
            w, changed = np.flatnonzero(status[n] == 0), np.zeros(len(status), bool)
            tables, n_actions = np.full(len(w), table), np.full(len(w), self.n_actions[i])
            self._learnt(status, r[w], row[w], tables, n_actions, action[w], new[w], old[w], n[w], changed)
            moved[runs[changed]] = True
        self.known[runs[status == 0], i] = 0
        return status

    def _break_off(self, i, runs, moved):
        failed = np.zeros(len(runs), bool)
        n = np.flatnonzero(self.known[runs, i] != 0)
        r = runs[n]
        row, _, best, fault = self._places(i, r, self._own(self.last)[r, i], np.zeros(len(n), np.int32))
        good = fault == 0
        fault[good] = self._look_back(i, r[good], self._policy_value(i, r[good], row[good], best[good]), moved)
        failed[n] = fault != 0
        return failed
