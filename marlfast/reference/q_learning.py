"""Tabular Q-learning in NumPy: the twin of ``src/_q_learning.pyx``, vectorised over runs and tables."""
import numpy as np

from marlfast.declarations.q_learning import BOLTZMANN, EPSILON_GREEDY, FIND_GREEDY, Q_LEARNING
from marlfast.reference.kernels import (
    BAD_ACTION,
    BAD_DRAW,
    BAD_ROW,
    BAD_VALUE,
    ILLEGAL,
    NO_LEGAL,
    Learner,
    fine,
    none,
)
from marlfast.reference.moves import Legal
from marlfast.reference.tabular import (
    MAX_VISITS,
    Chance,
    boltzmann_weights,
    first_fault,
    first_greatest,
    greatest_from,
    share_of,
    value_of,
    waves,
    write_values,
)


@Q_LEARNING.document
class QLearning(Learner):
    """Q-learning (Watkins 1989), one table an agent or shared, as the index ``table_of`` says.

    ``q[row, action] += rate * (reward + discount * max q[next row] - q[row, action])``; agents in
    order, so that agents who share a table see each other's writes of the same step.
    """

    def __init__(self, **given):
        self._take(self.declared.check(given))

    def _take(self, a):
        vars(self).update(a.arguments)
        self.runs, self.agents = a.R, a.N
        self.kind = BOLTZMANN if a.kind == BOLTZMANN else EPSILON_GREEDY
        self.several, self.drawn, self.around = bool(a.several), bool(a.drawn), bool(a.around)
        # With several rows an agent can fail halfway, after which no other learns: one after the other.
        self.waves = waves(a.agent_ids, a.table_of) if a.active == 1 else [np.array([i]) for i in a.agent_ids.tolist()]

    def _own(self, rows):
        """Rows of every agent: [n, N], or with several active rows [n, N, k]."""
        return rows if self.active == 1 else rows.reshape(len(rows), self.agents, self.active)

    def _inside(self, rows):
        """Whether all active rows of an observation lie in the table, and rows that do."""
        inside = (rows >= 0) & (rows < self.q.shape[1])
        places = rows if none(~inside) else np.where(inside, rows, 0)
        return (inside, places) if self.active == 1 else (inside.all(axis=-1), places)

    def _seen(self, values, run, row, *where):
        """Entries of some table of values, added up over the active rows."""
        if self.active == 1:
            return values[(run, row, *where)]
        total = values[(run, row[..., 0], *where)]
        with np.errstate(over="ignore", invalid="ignore"):
            for j in range(1, self.active):
                total = total + values[(run, row[..., j], *where)]
        return total

    def _best(self, values, greedy, run, row, table, n_actions):
        """Greedy actions: as noted, or with several active rows those of the greatest sums."""
        if self.active == 1:
            return greedy[run, row, table].astype(np.int64)
        return self._greedy_sums(self._seen(values, run, row, table), run, row, table, n_actions)

    def _greedy_sums(self, sums, run, row, table, n_actions):
        """The first of the greatest sums, going round from the greedy action of the first active row."""
        counts = np.broadcast_to(n_actions, sums.shape[:-1]).ravel()
        start = np.broadcast_to(self.greedy[run, row[..., 0], table] if self.around else 0, sums.shape[:-1]).ravel()
        return greatest_from(sums.reshape(-1, sums.shape[-1]), counts, start).reshape(sums.shape[:-1])

    def _shift(self, values, run, row, table, action, by):
        """Move action values by their active rows, each by the k-th part: whether all stay finite, bool [n]."""
        by, good = by / self.active, np.ones(len(run), bool)
        for j in range(self.active):
            at = run, row[:, j], table, action
            with np.errstate(over="ignore", invalid="ignore"):
                value = values[at] + by
            good &= np.isfinite(value)
            values[tuple(a[good] for a in at)] = value[good]
        return good

    def stage_act(self, runs, rows, draws, actions):
        agent_ids, n_actions = self.agent_ids, self.n_actions[self.agent_ids]
        draws = draws[:, agent_ids]
        exploration = self.exploration.value[runs][:, None]
        inside, row = self._inside(self._own(rows)[:, agent_ids])
        at = runs[:, None], row, self.table_of[agent_ids]
        greedy = self._best(self.q, self.greedy, *at, n_actions)
        known = (greedy >= 0) & (greedy < n_actions)
        if self.kind == BOLTZMANN:
            explores = np.zeros(greedy.shape, bool)
            with np.errstate(over="ignore", invalid="ignore"):
                chosen = self._boltzmann(self._seen(self.q, *at), np.where(known, greedy, 0), n_actions, exploration,
                                         draws[:, :, 0])
        else:
            chance = self._chance(runs)
            explores, chosen = chance.explores(draws), greedy
            if self.drawn:
                chosen = self._random_greatest(self._seen(self.q, *at), np.where(known, greedy, 0), n_actions,
                                               chance.tie_share(draws))
            chosen = np.where(explores, chance.random_choices(draws, n_actions), chosen)
        status = np.where(explores, np.where((chosen >= 0) & (chosen < n_actions), 0, BAD_DRAW),
                          np.where(inside, np.where(known, 0, BAD_ACTION), BAD_ROW))
        actions[:, agent_ids] = chosen
        return first_fault(status)

    def _chance(self, runs):
        return Chance(self.exploration.value[runs], self.strict, self.several)

    @staticmethod
    def _boltzmann(q, best, n_actions, temperature, u):
        """Inverse transform; sums run over the actions in order."""
        max_actions = q.shape[2]
        weight = boltzmann_weights(q, n_actions, best, temperature)
        total = np.zeros(best.shape)
        for a in range(max_actions):
            total = total + weight[a]
        chosen = np.broadcast_to(n_actions - 1, best.shape).astype(np.int64)
        running, left = np.zeros(best.shape), u * total
        found = np.zeros(best.shape, bool)
        for a in range(max_actions - 1):
            running = running + weight[a]
            here = ~found & (left < running) & (a < n_actions - 1)
            chosen[here] = a
            found |= here
        return chosen

    @staticmethod
    def _random_greatest(q, best, n_actions, share):
        """One of the actions whose value equals the greatest, each as likely, by shares in [0, 1)."""
        ties = (q == value_of(q, best)[:, :, None]) & (np.arange(q.shape[2]) < n_actions[:, None])
        count = ties.sum(axis=2)
        if none(count != 1):
            return best
        which = share_of(share, count)
        chosen = (ties & (ties.cumsum(axis=2) == which[:, :, None] + 1)).argmax(axis=2)
        return np.where((count == 1) | (which < 0) | (which >= count), best, chosen)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status, rows, next_rows = fine(len(runs)), self._own(rows), self._own(next_rows)
        for wave in self.waves:
            status = self._update_wave(wave, status, runs, rows[:, wave], actions[:, wave], rewards[:, wave],
                                       next_rows[:, wave], terminated, changed)
        return status

    def _update_wave(self, wave, status, runs, rows, actions, rewards, next_rows, terminated, changed):
        row, next_row, action, here, best, fault = self._look(wave, runs, rows, actions, next_rows, terminated)
        n_actions, tables, over, r = self.n_actions[wave], self.table_of[wave], terminated[:, None], runs[:, None]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ahead = self._ahead(runs, self._seen(self.q, r, next_row, tables), n_actions, best)
            target = np.where(over, rewards, rewards + self.discount[runs][:, None] * ahead)
            old = self._seen(self.q, r, row, tables, action)
            rate = self._rates(runs, row, tables)
            value = self._value(runs, self._seen(self.q, r, row, tables), n_actions, here, action, old, target, rate)
        learns, status = self._sound(status, fault, value)
        n, j = np.nonzero(learns)
        self._learnt(status, runs[n], row[n, j], tables[j], n_actions[j], action[n, j], value[n, j], old[n, j], n,
                     changed)
        return status

    def _learnt(self, status, run, row, table, n_actions, action, value, old, r, changed):
        """Write new values of actions, one in each of some cells, or of observations of different runs."""
        if self.active == 1:
            self._write(run, row, table, n_actions, action, value, old, r, changed)
            return
        sums = self._seen(self.q, run, row, table)
        best = self._greedy_sums(sums, run, row, table, n_actions)
        good = self._shift(self.q, run, row, table, action, value - old)
        status[r[~good]] = BAD_VALUE
        run, row, table, n_actions, action, value, r, sums, best = (
            a[good] for a in (run, row, table, n_actions, action, value, r, sums, best))
        for j in range(self.active):
            self.visits[run, row[:, j], table] += self.visits[run, row[:, j], table] < MAX_VISITS
        sums[np.arange(len(run)), action] = value
        changed[r[self._greedy_sums(sums, run, row, table, n_actions) != best]] = True

    def _look(self, wave, runs, rows, actions, next_rows, terminated):
        """Rows, actions and greedy actions as places (0 where they are none), and the statuses [n, wave]."""
        n_actions, tables = self.n_actions[wave], self.table_of[wave]
        known = (actions >= 0) & (actions < n_actions)
        (inside, row), (next_inside, next_row) = self._inside(rows), self._inside(next_rows)
        inside, action = inside & next_inside, np.where(known, actions, 0)
        best = self._best(self.q, self.greedy, runs[:, None], next_row, tables, n_actions)
        here = self._best(self.q, self.greedy, runs[:, None], row, tables, n_actions)
        follows = (best >= 0) & (best < n_actions)
        sane = (terminated[:, None] | follows) & (here >= 0) & (here < n_actions)
        fault = np.where(known & inside & sane, 0, np.where(known & ~inside, BAD_ROW, BAD_ACTION))
        return row, next_row, action, np.where(sane, here, 0), np.where(follows, best, 0), fault

    @staticmethod
    def _sound(status, fault, value):
        """Which agents learn (bool [n, wave]), and the runs' statuses: agents from a run's first fault on do not."""
        finite = np.isfinite(value)
        if none(~finite) and none(fault):
            return finite & (status == 0)[:, None], status
        fault = np.where((fault == 0) & ~finite, BAD_VALUE, fault)
        learns = (status == 0)[:, None] & (np.maximum.accumulate(fault != 0, axis=1) == 0)
        return learns, np.where(status == 0, first_fault(fault), status)

    def _ahead(self, runs, q, n_actions, best):
        """What the successor is worth: q [n, wave, A], of which ``best`` is greedy."""
        return value_of(q, best)

    def _rates(self, runs, row, tables):
        """Learning rates [n, wave], which may count the visits of the (first active) rows."""
        first = row if self.active == 1 else row[..., 0]
        return self.rate.stage_at(runs, self.visits[runs[:, None], first, tables])

    def _value(self, runs, q, n_actions, best, action, old, target, rate):
        """The new value of the action taken in a row with action values ``q`` [n, wave, A]."""
        return old + rate * (target - old)

    def _write(self, run, row, table, n_actions, action, value, old, r, changed):
        visits = self.visits[run, row, table]
        self.visits[run, row, table] = visits + (visits < MAX_VISITS)
        changed[r[write_values(self.q, self.greedy, run, row, table, n_actions, action, value, old,
                               self.around)]] = True

    def _gather(self, runs, agent, row, legal):
        """Values of an agent's legal actions in some rows [n, k], and the stored greedy ones [n]."""
        table, first = self.table_of[agent], row if self.active == 1 else row[:, 0]
        known = self.greedy[runs, first, table].astype(np.int64)
        return Legal(self._seen(self.q, runs, row, table), legal, self.n_actions[agent], known, self._incumbent)

    @property
    def _incumbent(self):
        """Whether the greedy action is looked for from the stored one on."""
        return bool(self.around)

    def stage_act_some(self, runs, rows, draws, moves, actions):
        """Those who are to act, among what is legal; agents in order."""
        status, rows = fine(len(runs)), self._own(rows)
        for i in self.agent_ids.tolist():
            n = np.flatnonzero((status == 0) & moves.acts[:, i])
            inside, row = self._inside(rows[n, i][:, None])
            row = row[:, 0]
            status[n] = np.where(inside[:, 0], 0, BAD_ROW)
            found = self._gather(runs[n], i, row, moves.legal[n, i])
            own, chosen = draws[n, i][:, None], found.best
            status[n] = np.where((status[n] == 0) & (found.count == 0), NO_LEGAL, status[n])
            count, q = np.maximum(found.count, 1)[:, None], found.q[:, None]
            if self.kind == BOLTZMANN:
                temperature = self.exploration.value[runs[n]][:, None]
                with np.errstate(over="ignore", invalid="ignore"):
                    chosen = self._boltzmann(q, chosen[:, None], count, temperature, own[:, :, 0])[:, 0]
            else:
                chance = self._chance(runs[n])
                if self.drawn:
                    chosen = self._random_greatest(q, chosen[:, None], count, chance.tie_share(own))[:, 0]
                explores = chance.explores(own)[:, 0]
                chosen = np.where(explores, chance.random_choices(own, count)[:, 0], chosen)
                status[n] = np.where((status[n] == 0) & (chosen < 0), BAD_DRAW, status[n])
            good = status[n] == 0
            actions[n[good], i] = found.places[np.flatnonzero(good), chosen[good]]
        return status

    def stage_update_some(self, runs, rows, actions, rewards, next_rows, terminated, moves, changed):
        """Those whose own transition is complete; agents in order, who see what those before them wrote."""
        status, next_rows = fine(len(runs)), self._own(next_rows)
        for i in self.agent_ids.tolist():
            n = np.flatnonzero((status == 0) & moves.learns[:, i])
            if len(n):
                self._learn_some(i, n, runs[n], moves.of(n), next_rows[n, i], status, changed)
        return status

    def _learn_some(self, i, n, run, moves, next_rows, status, changed):
        """One agent, in the runs whose places are n."""
        own = moves.rows[:, i, 0] if self.active == 1 else moves.rows[:, i]
        n_actions, table, over = int(self.n_actions[i]), self.table_of[i], moves.over[:, i]
        action = moves.actions[:, i].astype(np.int64)
        known = (action >= 0) & (action < n_actions)
        (inside, row), (next_inside, next_row) = (
            tuple(part[:, 0] for part in self._inside(given[:, None])) for given in (own, next_rows))
        first, next_first = (given if self.active == 1 else given[:, 0] for given in (row, next_row))
        here, best = self.greedy[run, first, table], self.greedy[run, next_first, table]
        sane = (here >= 0) & (here < n_actions) & (over | (best >= 0) & (best < n_actions)) | (self.active > 1)
        status[n] = np.where(known, np.where(inside & next_inside, np.where(sane, 0, BAD_ACTION), BAD_ROW), BAD_ACTION)
        found = self._gather(run, i, row, moves.moved_legal[:, i])
        follows = self._gather(run, i, next_row, moves.next_legal[:, i])
        status[n] = np.where((status[n] == 0) & ((found.count == 0) | ~over & (follows.count == 0)), NO_LEGAL,
                             status[n])
        at = found.place_of(action)
        status[n] = np.where((status[n] == 0) & (at < 0), ILLEGAL, status[n])
        at = np.maximum(at, 0)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            count = np.maximum(follows.count, 1)[:, None]
            ahead = self._ahead(run, follows.q[:, None], count, follows.best[:, None])[:, 0]
            earned = moves.rewards[:, i]
            target = np.where(over, earned, earned + self.discount[run] * moves.ahead[:, i] * ahead)
            old = found.q[np.arange(len(n)), at]
            rate = self.rate.stage_at(run, self.visits[run, first, table])
            value = self._value(run, found.q[:, None], np.maximum(found.count, 1)[:, None], found.best[:, None],
                                at[:, None], old[:, None], target[:, None], rate[:, None])[:, 0]
        status[n] = np.where((status[n] == 0) & ~np.isfinite(value), BAD_VALUE, status[n])
        good = np.flatnonzero(status[n] == 0)
        self._write_some(i, n[good], run[good], row[good], found.of(good), action[good], at[good], value[good],
                         old[good], status, changed)

    def _write_some(self, i, n, run, row, found, action, at, value, old, status, changed):
        """Give legal actions their new values, and keep which of them is greedy."""
        table = self.table_of[i]
        if self.active > 1:
            good = self._shift(self.q, run, row, table, action, value - old)
            status[n[~good]] = BAD_VALUE
            n, run, row, at, value = (a[good] for a in (n, run, row, at, value))
            found = found.of(good)
            for j in range(self.active):
                self.visits[run, row[:, j], table] += self.visits[run, row[:, j], table] < MAX_VISITS
            start = found.start
        else:
            self.visits[run, row, table] += self.visits[run, row, table] < MAX_VISITS
            self.q[run, row, table, action] = value
            start = found.best if self._incumbent else np.zeros(len(n), np.int64)
        each = np.arange(len(n))
        found.q[each, at] = value
        best = greatest_from(found.q, found.count, start)
        changed[n[best != found.best]] = True
        if self.active == 1:
            self.greedy[run, row, table] = found.places[each, best]

    def stage_tick(self, runs, ended):
        self.rate.stage_tick(runs, ended)
        self.exploration.stage_tick(runs, ended)


@FIND_GREEDY.document
def find_greedy(q, n_actions, greedy, shares=None):
    """One of the greatest action values of every cell."""
    if FIND_GREEDY.check({"q": q, "n_actions": n_actions, "greedy": greedy, "shares": shares}).cells:
        best = first_greatest(q, n_actions)
        if shares is not None:
            best = QLearning._random_greatest(q[:, None], best[:, None], n_actions[:, None], shares[:, None])[:, 0]
        greedy[:] = best
