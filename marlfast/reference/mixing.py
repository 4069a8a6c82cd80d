"""Value decomposition in NumPy: the twin of ``src/_mixing.pyx``, vectorised over runs."""
import numpy as np

from marlfast.declarations.mixing import MIXING
from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import BAD_ACTION, BAD_ROW, BAD_VALUE, fine
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import MOST_VISITS, first_greatest, write_values


def mixer_size(room, hidden):
    """Numbers of a network with room for so many members."""
    return (room + 2) * hidden + 1


def mix(w, room, hidden, utilities):
    """Networks w [n, size] of utilities [n, members]: values [n], hidden units [n, H] and slopes [n, H]."""
    b = room * hidden
    out, total = w[:, b:b + hidden].copy(), w[:, b + 2 * hidden].copy()
    second = np.abs(w[:, b + hidden:b + 2 * hidden])
    for j in range(utilities.shape[1]):
        out = out + utilities[:, j, None] * np.abs(w[:, j * hidden:(j + 1) * hidden])
    bent = out <= 0.0
    power = exp_values(np.where(bent, out, 0.0))
    out, slope = np.where(bent, power - 1.0, out), np.where(bent, second * power, second)
    for h in range(hidden):
        total = total + out[:, h] * second[:, h]
    return total, out, slope


def by_utility(w, hidden, member, slope):
    """Derivatives of the values by one member's utility: [n]."""
    total = np.zeros(len(w))
    for h in range(hidden):
        total = total + slope[:, h] * np.abs(w[:, member * hidden + h])
    return total


def _along(value, weight):
    return np.where(weight > 0.0, value, np.where(weight < 0.0, -value, 0.0))


def by_weights(w, room, hidden, utilities, out, slope):
    """Derivatives of the values by every number of the networks: [n, size]."""
    gradient, b = np.zeros(w.shape), room * hidden
    for j in range(utilities.shape[1]):
        at = slice(j * hidden, (j + 1) * hidden)
        gradient[:, at] = _along(slope * utilities[:, j, None], w[:, at])
    gradient[:, b:b + hidden] = slope
    gradient[:, b + hidden:b + 2 * hidden] = _along(out, w[:, b + hidden:b + 2 * hidden])
    gradient[:, b + 2 * hidden] = 1.0
    return gradient


@MIXING.document
class Mixing(QLearning):
    """Value decomposition: teams learn the value of their joint actions, made of their members' utilities.

    A member's utility of an action is the sum of ``q`` over its active rows; the team's value is their sum, or what the
    team's network in the state's active rows makes of them. ``error = mean reward of the team + discount * value of
    the greedy actions in the next rows - value``; every utility, and every number of the network, moves by its rate
    times the error times the derivative of the value by it, shared among active rows.
    """

    def _take(self, a):
        super()._take(a)
        self.room = a.room
        self.teams = [a.members[k:n].tolist() for k, n in zip(a.starts.tolist(), a.starts[1:].tolist(), strict=False)]

    def stage_act(self, runs, rows, draws, actions):
        return super().stage_act(runs, rows[:, :self.agents * self.active], draws, actions)

    def _add_up(self, q, runs, agent, rows):
        """Utilities of all of an agent's actions: [n, A]."""
        table = self.table_of[agent]
        sums = q[runs, rows[:, 0], table].copy()
        for k in range(1, self.active):
            sums = sums + q[runs, rows[:, k], table]
        return sums

    def _greatest(self, sums, agent):
        return first_greatest(sums, np.full(len(sums), self.actions[agent]))

    def _greedy(self, sums, runs, agent, rows):
        return self._greedy_sums(sums, runs, rows, self.table_of[agent], self.actions[agent])

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        own, status, moved = self.agents * self.active, fine(len(runs)), np.zeros(len(runs), bool)
        if self.central:
            states = self.mixer.shape[1]
            bad = [((r[:, own:] < 0) | (r[:, own:] >= states)).any(axis=1) for r in (rows, next_rows)]
            status[bad[0] | bad[1]] = BAD_ROW
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for m, team in enumerate(self.teams):
                on = np.flatnonzero(status == 0)
                flags = moved[on]
                status[on] = self._learn(m, team, runs[on], rows[on], actions[on], rewards[on], next_rows[on],
                                         terminated[on], flags)
                moved[on] = flags
        good = status == 0
        changed[good & moved] = True
        if self.target_q is not None:
            learned = runs[good]
            self.since[learned] += 1
            due = learned[self.since[learned] >= self.every]
            self.since[due] = 0
            self.target_q[due] = self.q[due]
            if self.mixer is not None:
                self.target_mixer[due] = self.mixer[due]
        return status

    def _places(self, team, runs, rows, actions, next_rows, over, status):
        """Writes the statuses of what cannot be learned from, by agent."""
        k = self.active
        for i in team:
            action, table, choices = actions[:, i], self.table_of[i], self.actions[i]
            own, ahead = rows[:, i * k:(i + 1) * k], next_rows[:, i * k:(i + 1) * k]
            inside = ((own >= 0) & (own < self.q.shape[1]) & (ahead >= 0) & (ahead < self.q.shape[1])).all(axis=1)
            sane = np.ones(len(runs), bool)
            if k == 1:
                here, then = (self.greedy[runs, np.where(inside, r[:, 0], 0), table] for r in (own, ahead))
                sane = (here >= 0) & (here < choices) & (over | ((then >= 0) & (then < choices)))
            found = np.where((action < 0) | (action >= choices), BAD_ACTION,
                             np.where(inside, np.where(sane, 0, BAD_ACTION), BAD_ROW))
            status[:] = np.where(status == 0, found, status)

    def _weights(self, mixer, m, runs, rows):
        """Networks of a team in some states: [n, size]."""
        w = mixer[runs, rows[:, 0], m].copy()
        for k in range(1, self.central):
            w = w + mixer[runs, rows[:, k], m]
        return w

    def _value(self, mixer, m, runs, rows, utilities):
        """Values [n] of a team's utilities [n, members], and what their derivatives follow from."""
        if mixer is None:
            total = utilities[:, 0]
            for j in range(1, utilities.shape[1]):
                total = total + utilities[:, j]
            return total, None
        w = self._weights(mixer, m, runs, rows[:, self.agents * self.active:])
        total, out, slope = mix(w, self.room, self.hidden, utilities)
        return total, (w, out, slope)

    def _learn(self, m, team, runs, rows, actions, rewards, next_rows, over, moved):
        """One team learns; writes where a greedy action changed, returns the statuses."""
        status, k = fine(len(runs)), self.active
        self._places(team, runs, rows, actions, next_rows, over, status)
        on = np.flatnonzero(status == 0)
        if len(on) == 0:
            return status
        runs, rows, actions, rewards, next_rows, over = (
            a[on] for a in (runs, rows, actions, rewards, next_rows, over))
        n, every = len(on), np.arange(len(on))
        target = np.zeros(n)
        for i in team:
            target = target + rewards[:, i]
        target = target / float(len(team))
        # What is no place where the game is over is not read there.
        ahead = np.empty((n, len(team)))
        for j, i in enumerate(team):
            then = next_rows[:, i * k:(i + 1) * k]
            if k == 1 and self.target_q is None:
                best = self.greedy[runs, then[:, 0], self.table_of[i]].astype(np.int64)
                ahead[:, j] = self.q[runs, then[:, 0], self.table_of[i], np.where(over, 0, best)]
            else:
                sums = self._add_up(self.q if self.target_q is None else self.target_q, runs, i, then)
                best = self._greedy(sums, runs, i, then) if self.target_q is None else self._greatest(sums, i)
                ahead[:, j] = sums[every, best]
        judge = self.mixer if self.target_mixer is None else self.target_mixer
        worth = self._value(judge, m, runs, next_rows, ahead)[0]
        target = np.where(over, target, target + self.discount[runs] * worth)
        utilities, before = np.empty((n, len(team))), {}
        for j, i in enumerate(team):
            now = rows[:, i * k:(i + 1) * k]
            sums = self._add_up(self.q, runs, i, now)
            utilities[:, j] = sums[every, actions[:, i]]
            before[i] = self._greedy(sums, runs, i, now)
        total, network = self._value(self.mixer, m, runs, rows, utilities)
        error = target - total
        alive = np.isfinite(error)
        if network is not None:
            w, out, slope = network
            gradient = by_weights(w, self.room, self.hidden, utilities, out, slope)
            slopes = [by_utility(w, self.hidden, j, slope) for j in range(len(team))]
            if self.bounded:
                size = self._first_order(runs, slopes, gradient)
                alive &= np.isfinite(size)
                error = np.where(size > 1.0, error / np.where(size > 1.0, size, 1.0), error)
        flags = np.zeros(n, bool)
        for j, i in enumerate(team):
            step = self.rate.value[runs] / float(k) * error
            if network is not None:
                step = step * slopes[j]
            for c in range(i * k, (i + 1) * k):
                alive &= np.isfinite(self.q[runs, rows[:, c], self.table_of[i], actions[:, i]] + step)
                self._write_one(alive, runs, rows[:, c], i, actions[:, i], step, flags)
        if k > 1:           # what is greedy is a matter of the sums, after all of a shared table is written
            for i in team:
                now = rows[:, i * k:(i + 1) * k]
                flags |= self._greedy(self._add_up(self.q, runs, i, now), runs, i, now) != before[i]
        if network is not None:
            self._write_network(alive, m, runs, rows[:, self.agents * k:], error, gradient)
        moved[on] |= flags
        status[on[~alive]] = BAD_VALUE
        return status

    def _write_one(self, alive, runs, row, agent, action, step, flags):
        """Move one weight of a member's utility in each run that goes on."""
        at = np.flatnonzero(alive)
        run, row, action, table = runs[at], row[at], action[at].astype(np.int64), self.table_of[agent]
        old = self.q[run, row, table, action]
        self.visits[run, row, table] += self.visits[run, row, table] < MOST_VISITS
        if self.active > 1:
            self.q[run, row, table, action] = old + step[at]
            return
        tables, choices = np.full(len(at), table), np.full(len(at), self.actions[agent])
        flags[at] |= write_values(self.q, self.greedy, run, row, tables, choices, action, old + step[at], old,
                                  self.around)

    def _first_order(self, runs, slopes, gradient):
        """By what share of its error a step would move the value, to first order: [n]."""
        own, theirs = np.zeros(len(runs)), np.zeros(len(runs))
        for slope in slopes:
            own = own + slope * slope
        for p in range(gradient.shape[1]):
            theirs = theirs + gradient[:, p] * gradient[:, p]
        return self.rate.value[runs] * own + self.mixing.value[runs] * theirs

    def _write_network(self, alive, m, runs, rows, error, gradient):
        """Move the networks in the active rows of the states; what is not finite is not written."""
        step = self.mixing.value[runs] / float(self.central) * error
        for k in range(self.central):
            new = self.mixer[runs, rows[:, k], m] + step[:, None] * gradient
            alive &= np.isfinite(new).all(axis=1)
            self.mixer[runs[alive], rows[alive, k], m] = new[alive]

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        if self.mixing is not None:
            self.mixing.stage_tick(runs, ended)
