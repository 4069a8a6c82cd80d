"""Value-based learners that learn from one step at once in NumPy: the twin of ``src/_one_step.pyx``."""
import numpy as np

from marlfast.declarations.one_step import DISTRIBUTED, DOUBLE_Q, EXPECTED, FREQUENCY, HYSTERETIC, ONE_STEP
from marlfast.reference.kernels import BAD_ACTION, BAD_VALUE
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import MAX_VISITS, boltzmann_probability, policy_values, write_values


@ONE_STEP.document
class OneStep(QLearning):
    """Learners that differ from Q-learning in one line: the target, or the rate.

    With ``target = reward + discount * ahead`` and ``error = target - q[row, action]``:

    0, Expected SARSA: ``ahead`` is the expected value of the successor under the exploring policy.
    1, distributed: ``q[row, action] = max(q[row, action], target)``, and the greedy action changes only where the
    greatest value of the row rises. 2, hysteretic: the rate is ``rate`` for errors of at least 0, else ``second``.
    3, frequency adjusted: the rate is ``min(second / x, 1) * rate``, where x is the action's Boltzmann probability.
    All but the first look ahead as Q-learning does, at the greatest value of the successor.
    """

    def _ahead(self, runs, q, n_actions, best):
        if self.rule == EXPECTED:
            return policy_values(self, runs, q, n_actions, best)
        return super()._ahead(runs, q, n_actions, best)

    def _value(self, runs, q, n_actions, best, action, old, target, rate):
        if self.rule == DISTRIBUTED:
            return target
        if self.rule == HYSTERETIC:
            rate = np.where(target - old >= 0.0, rate, self.second.value[runs][:, None])
        elif self.rule == FREQUENCY:
            temperature = self.exploration.value[runs][:, None]
            scale = self.second.value[runs][:, None] / boltzmann_probability(q, n_actions, best, temperature, action)
            rate = np.where(scale < 1.0, scale, 1.0) * rate
        return old + rate * (target - old)

    def _write(self, run, row, table, n_actions, action, value, old, r, changed):
        if self.rule != DISTRIBUTED:
            super()._write(run, row, table, n_actions, action, value, old, r, changed)
            return
        self.visits[run, row, table] += self.visits[run, row, table] < MAX_VISITS
        rises = np.flatnonzero(value > old)
        run, row, table, action, value, r = (a[rises] for a in (run, row, table, action, value, r))
        # The policy changes only where the greatest value rises, so that all agents keep to one optimum.
        best = self.greedy[run, row, table].astype(np.int64)
        moves = (action != best) & (value > self.q[run, row, table, best])
        self.greedy[run, row, table] = np.where(moves, action, best)
        changed[r[moves]] = True
        self.q[run, row, table, action] = value

    @property
    def _incumbent(self):
        return super()._incumbent or self.rule == DISTRIBUTED     # who keeps to what was greatest first

    def _write_some(self, i, n, run, row, found, action, at, value, old, status, changed):
        if self.rule != DISTRIBUTED:
            super()._write_some(i, n, run, row, found, action, at, value, old, status, changed)
            return
        table = self.table_of[i]
        self.visits[run, row, table] += self.visits[run, row, table] < MAX_VISITS
        rises = np.flatnonzero(value > old)
        n, run, row, action, at, value = (a[rises] for a in (n, run, row, action, at, value))
        found = found.of(rises)
        moves = (at != found.best) & (value > found.q[np.arange(len(n)), found.best])
        best = np.where(moves, at, found.best)
        self.greedy[run, row, table] = found.places[np.arange(len(n)), best]
        changed[n[moves]] = True
        self.q[run, row, table, action] = value

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        if self.second is not None:
            self.second.stage_tick(runs, ended)


@DOUBLE_Q.document
class DoubleQ(QLearning):
    """Double Q-learning: two tables, each of which judges the other's greedy action; acts by their mean, ``q``.

    Heads: ``first[row, action] += rate * (reward + discount * second[next, greedy of first] - first[row, action])``;
    tails: the same with the tables exchanged.
    """

    def _take(self, a):
        super()._take(a)
        self.coin = a.coin
        self.moves = False              # its two tables are judged by all actions

    def stage_act(self, runs, rows, draws, actions):
        status = super().stage_act(runs, rows, draws, actions)
        if self.learning:
            well = status == 0
            self.coins[runs[well][:, None], self.agent_ids] = draws[well][:, self.agent_ids, self.coin] < 0.5
        return status

    def _update_wave(self, wave, status, runs, rows, actions, rewards, next_rows, terminated, changed):
        row, next_row, action, _, _, fault = self._look(wave, runs, rows, actions, next_rows, np.ones(len(runs), bool))
        n_actions, tables, over, r = self.n_actions[wave], self.table_of[wave], terminated[:, None], runs[:, None]
        heads = self.coins[r, wave] != 0

        def of(first, second):
            return np.where(heads, first, second)

        def greedy(row):
            return of(self._best(self.first, self.first_greedy, r, row, tables, n_actions),
                      self._best(self.second, self.second_greedy, r, row, tables, n_actions))

        def both(row, action):
            return self._seen(self.first, r, row, tables, action), self._seen(self.second, r, row, tables, action)

        here, best = greedy(row), greedy(next_row)
        sane = (here >= 0) & (here < n_actions) & (over | ((best >= 0) & (best < n_actions)))
        fault = np.where((fault == 0) & ~sane, BAD_ACTION, fault)
        best = np.where((best >= 0) & (best < n_actions), best, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            ahead = self.discount[runs][:, None] * of(*both(next_row, best)[::-1])
            target = np.where(over, rewards, rewards + ahead)
            old = of(*both(row, action))
            value = old + self._rates(runs, row, tables) * (target - old)
        learns, status = self._sound(status, fault, value)
        for which, table, best in ((heads, self.first, self.first_greedy), (~heads, self.second, self.second_greedy)):
            n, j = np.nonzero(learns & which)
            where, what, change = (runs[n], row[n, j], tables[j]), action[n, j], value[n, j]
            if self.active == 1:
                write_values(table, best, *where, n_actions[j], what, change, old[n, j], self.around)
            else:
                good = self._shift(table, *where, what, change - old[n, j])
                status[n[~good]] = BAD_VALUE
                learns[n[~good]] = False
        n, j = np.nonzero(learns)
        mean = 0.5 * value + 0.5 * of(*both(row, action)[::-1])
        self._learnt(status, runs[n], row[n, j], tables[j], n_actions[j], action[n, j], mean[n, j],
                     self._seen(self.q, r, row, tables, action)[n, j], n, changed)
        return status
