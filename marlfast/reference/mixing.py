"""Value decomposition in NumPy: the twin of ``src/_mixing.pyx``, vectorised over runs."""
import numpy as np

from marlfast.declarations.mixing import ADAM, MIXING, NORMALISED, OPTIMISTIC, RMSPROP, SGD
from marlfast.reference.draws import exp_values, fill
from marlfast.reference.kernels import BAD_ACTION, BAD_ROW, BAD_VALUE, fine
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import MAX_VISITS, first_greatest, write_values


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


def dot(a, b):
    """Sums of products [n] of [n, m]: those of every eighth are added up in order, then these sums, pair by pair."""
    products, part = a * b, np.zeros((len(a), 8))
    for k in range(0, products.shape[1], 8):
        block = products[:, k:k + 8]
        part[:, :block.shape[1]] = part[:, :block.shape[1]] + block
    while part.shape[1] > 1:
        part = part[:, ::2] + part[:, 1::2]
    return part[:, 0]


def along_network(room, hidden, by, a, b):
    """How far steps along ``a`` move values whose derivatives are ``b``, to first order: [n].

    Weights move by ``by`` times their derivative; biases, which have the unit of values, by all of it.
    """
    first, second, last = room * hidden, (room + 1) * hidden, (room + 2) * hidden
    biases = dot(a[:, first:second], b[:, first:second]) + a[:, last] * b[:, last]
    return biases + by * (dot(a[:, :first], b[:, :first]) + dot(a[:, second:last], b[:, second:last]))


def scale_weights(room, hidden, by, gradient):
    """Derivatives by weights, times ``by`` [n]."""
    second = (room + 1) * hidden
    for weights in (slice(0, room * hidden), slice(second, second + hidden)):
        gradient[:, weights] = gradient[:, weights] * by[:, None]


GOES_ON, TERMINATED, CUT = range(3)     # what follows a transition


def rmsprop(gradient, square):
    """What numbers move by for a rate of 1, and the new means of squares."""
    square = 0.99 * square + 0.01 * (gradient * gradient)
    return gradient / (np.sqrt(square) + 1e-5), square


def adam(gradient, first, second, mean, square):
    """Likewise, and the new means first; ``first`` and ``second`` are what the means are divided by."""
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * (gradient * gradient)
    return mean / first / (np.sqrt(square / second) + 1e-8), mean, square


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
        self.room, self.normalised = a.room, a.optimizer == NORMALISED
        self.optimizer = SGD if self.normalised else a.optimizer
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
        return first_greatest(sums, np.full(len(sums), self.n_actions[agent]))

    def _greedy(self, sums, runs, agent, rows):
        return self._greedy_sums(sums, runs, rows, self.table_of[agent], self.n_actions[agent])

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status, moved = fine(len(runs)), np.zeros(len(runs), bool)
        status[self._outside(rows) | self._outside(next_rows)] = BAD_ROW
        with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
            if self.replay_rows is not None:
                on = np.flatnonzero(status == 0)
                status[on] = self._keep(runs[on], rows[on], next_rows[on], actions[on], rewards[on], terminated[on])
                kept = self.replay_kept[runs]
                on = np.flatnonzero((status == 0) & (kept >= self.batch) & (kept % self.update_every == 0))
                flags = moved[on]
                status[on] = self._replay(runs[on], flags)
                moved[on] = flags
            for m, team in enumerate(self.teams if self.replay_rows is None else ()):
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
            due = learned[self.since[learned] >= self.target_every]
            self.since[due] = 0
            self.target_q[due] = self.q[due]
            if self.mixer is not None:
                self.target_mixer[due] = self.mixer[due]
            if self.joint_q is not None:
                self.target_joint_q[due] = self.joint_q[due]
        return status

    def _places(self, team, runs, rows, actions, next_rows, over, status):
        """Writes the statuses of what cannot be learned from, by agent."""
        k = self.active
        for i in team:
            action, table, n_actions = actions[:, i], self.table_of[i], self.n_actions[i]
            own, ahead = rows[:, i * k:(i + 1) * k], next_rows[:, i * k:(i + 1) * k]
            inside = ((own >= 0) & (own < self.q.shape[1]) & (ahead >= 0) & (ahead < self.q.shape[1])).all(axis=1)
            sane = np.ones(len(runs), bool)
            if k == 1:
                here, next_own = (self.greedy[runs, np.where(inside, r[:, 0], 0), table] for r in (own, ahead))
                sane = (here >= 0) & (here < n_actions) & (over | ((next_own >= 0) & (next_own < n_actions)))
            found = np.where((action < 0) | (action >= n_actions), BAD_ACTION,
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

    def _outside(self, rows):
        """Where a row of the whole state lies outside the table."""
        if not self.central:
            return np.zeros(len(rows), bool)
        own = rows[:, self.agents * self.active:]
        return ((own < 0) | (own >= self.mixer.shape[1])).any(axis=1)

    def _joint_action(self, team, actions):
        """Numbers [n] of the actions of a team's members, one array for each."""
        which = np.zeros(len(actions[0]), np.int64)
        for i, own in zip(team, actions, strict=True):
            which = which * int(self.n_actions[i]) + own
        return which

    def _joint_value(self, values, m, runs, rows, which):
        """What joint actions are worth in states: sums over their active rows."""
        own = rows[:, self.agents * self.active:]
        value = values[runs, own[:, 0], m, which]
        for k in range(1, self.central):
            value = value + values[runs, own[:, k], m, which]
        return value

    def _weigh(self, m, team, runs, rows, actions, best, target, total, error, alive):
        """Errors of networks, weighted; learns the values of the joint actions that were taken."""
        taken = self._joint_action(team, [actions[:, i].astype(np.int64) for i in team])
        greedy = self._joint_action(team, [best[i].astype(np.int64) for i in team])
        if self.weighting == OPTIMISTIC:
            full = total < target
        else:
            full = (taken == greedy) | (target > self._joint_value(self.joint_q, m, runs, rows, greedy))
        step = self.rate.value[runs] / float(self.central) * (
            target - self._joint_value(self.joint_q, m, runs, rows, taken))
        for k in range(self.central):
            at = runs, rows[:, self.agents * self.active + k], m, taken
            alive &= np.isfinite(self.joint_q[at] + step)
            live = np.flatnonzero(alive)
            self.joint_q[runs[live], at[1][live], m, taken[live]] += step[live]
        return np.where(full, error, error * self.alpha)

    def _ahead(self, m, team, runs, next_rows, over):
        """Values of the greedy joint actions of what comes next; where the game is over, no such place is read."""
        k, each = self.active, np.arange(len(runs))
        if self.joint_q is not None:
            best = [self._greedy(self._add_up(self.q, runs, i, own), runs, i, own)
                    for i in team for own in (next_rows[:, i * k:(i + 1) * k],)]
            values = self.joint_q if self.target_joint_q is None else self.target_joint_q
            return self._joint_value(values, m, runs, next_rows, self._joint_action(team, best))
        ahead = np.empty((len(runs), len(team)))
        for j, i in enumerate(team):
            next_own = next_rows[:, i * k:(i + 1) * k]
            if k == 1 and (self.target_q is None or self.double):
                best = self.greedy[runs, next_own[:, 0], self.table_of[i]].astype(np.int64)
                judge = self.q if self.target_q is None else self.target_q
                ahead[:, j] = judge[runs, next_own[:, 0], self.table_of[i], np.where(over, 0, best)]
                continue
            sums = self._add_up(self.q if self.target_q is None else self.target_q, runs, i, next_own)
            if self.target_q is None:
                best = self._greedy(sums, runs, i, next_own)
            elif self.double:
                best = self._greedy(self._add_up(self.q, runs, i, next_own), runs, i, next_own)
            else:
                best = self._greatest(sums, i)
            ahead[:, j] = sums[each, best]
        return self._value(self.mixer if self.target_mixer is None else self.target_mixer, m, runs, next_rows, ahead)[0]

    def _learn(self, m, team, runs, rows, actions, rewards, next_rows, over, moved, given=None):
        """One team learns, towards what was ``given`` or what follows; writes where a greedy action changed.

        Returns the statuses.
        """
        status, k = fine(len(runs)), self.active
        self._places(team, runs, rows, actions, next_rows, over, status)
        on = np.flatnonzero(status == 0)
        if len(on) == 0:
            return status
        runs, rows, actions, next_rows, over = (a[on] for a in (runs, rows, actions, next_rows, over))
        n, each = len(on), np.arange(len(on))
        if given is None:
            target = np.zeros(n)
            for i in team:
                target = target + rewards[on, i]
            target = target / float(len(team))
            worth = self._ahead(m, team, runs, next_rows, over)
            target = np.where(over, target, target + self.discount[runs] * worth)
        else:
            target = given[on]
        utilities, best, before = np.empty((n, len(team))), np.empty((n, len(team))), {}
        for j, i in enumerate(team):
            now = rows[:, i * k:(i + 1) * k]
            sums = self._add_up(self.q, runs, i, now)
            before[i] = self._greedy(sums, runs, i, now)
            utilities[:, j], best[:, j] = sums[each, actions[:, i]], sums[each, before[i]]
        total, network = self._value(self.mixer, m, runs, rows, utilities)
        error = target - total
        alive, slopes, gradient, size = np.isfinite(error), None, None, np.zeros(n)
        if self.joint_q is not None:
            error = self._weigh(m, team, runs, rows, actions, before, target, total, error, alive)
        if network is not None:
            w, out, slope = network
            gradient = by_weights(w, self.room, self.hidden, utilities, out, slope)
            slopes = [by_utility(w, self.hidden, j, slope) for j in range(len(team))]
            if self.normalised:
                unit = self._unit(target, total, utilities, best)
                by = 1.0 / (unit * unit)
                _, out, slope = mix(w, self.room, self.hidden, best)
                there = by_weights(w, self.room, self.hidden, best, out, slope)
                theirs = [np.where(actions[:, i] == before[i], by_utility(w, self.hidden, j, slope), 0.0)
                          for j, i in enumerate(team)]
                size = self._first_order(runs, slopes, slopes,
                                         along_network(self.room, self.hidden, by, gradient, gradient))
                ahead = np.abs(self._first_order(runs, slopes, theirs,
                                                 along_network(self.room, self.hidden, by, gradient, there)))
                size = np.where(ahead > size, ahead, size)
                scale_weights(self.room, self.hidden, by, gradient)
            elif self.bounded and self.optimizer == SGD:
                theirs = np.zeros(n)
                for p in range(gradient.shape[1]):
                    theirs = theirs + gradient[:, p] * gradient[:, p]
                size = self._first_order(runs, slopes, slopes, theirs)
        elif self.normalised:
            size = self.rate.value[runs] * float(len(team))
        alive &= np.isfinite(size)
        error = np.where(size > 1.0, error / np.where(size > 1.0, size, 1.0), error)
        if self.max_norm > 0.0:
            norm = self._norm(error, len(team), slopes, gradient)
            alive &= np.isfinite(norm)
            error = np.where(norm > self.max_norm, error * (self.max_norm / norm), error)
        if self.optimizer == ADAM:
            self.powers[runs[alive]] *= np.array([0.9, 0.999])
        flags = np.zeros(n, bool)
        for j, i in enumerate(team):
            step = self.rate.value[runs] / float(k)
            if self.optimizer == SGD:
                step = step * error
                if network is not None:
                    step = step * slopes[j]
            own = error if network is None else error * slopes[j]
            for c in range(i * k, (i + 1) * k):
                if self.optimizer == SGD:
                    alive &= np.isfinite(self.q[runs, rows[:, c], self.table_of[i], actions[:, i]] + step)
                    self._write_one(alive, runs, rows[:, c], i, actions[:, i], step, flags)
                else:
                    at = (runs, rows[:, c], np.full(n, self.table_of[i]), actions[:, i].astype(np.int64))
                    by = self._descend(alive, runs, step, own, self.q, at, self.q_mean, self.q_square)
                    self._write_one(alive, runs, rows[:, c], i, actions[:, i], by, flags)
        if k > 1:           # what is greedy is a matter of the sums, after all of a shared table is written
            for i in team:
                now = rows[:, i * k:(i + 1) * k]
                flags |= self._greedy(self._add_up(self.q, runs, i, now), runs, i, now) != before[i]
        if network is not None:
            self._write_network(alive, m, runs, rows[:, self.agents * k:], error, gradient)
        moved[on] |= flags
        status[on[~alive]] = BAD_VALUE
        return status

    def _norm(self, error, members, slopes, gradient):
        """Norms of the gradients: [n]."""
        total = np.zeros(len(error))
        for j in range(members):
            total = total + (1.0 if slopes is None else slopes[j] * slopes[j])
        for p in range(0 if gradient is None else gradient.shape[1]):
            total = total + gradient[:, p] * gradient[:, p]
        return np.abs(error) * np.sqrt(total)

    def _descend(self, alive, runs, rate, gradient, values, at, means, squares):
        """What numbers move by, where all stays finite (else ``alive`` becomes false); writes what the optimiser keeps.

        ``at`` are places of single numbers, or of networks: then ``gradient`` is [n, size].
        """
        wide = (lambda a: a[:, None]) if gradient.ndim == 2 else (lambda a: a)
        square = squares[at]
        if self.optimizer == RMSPROP:
            by, square = rmsprop(gradient, square)
        else:
            first, second = (wide(1.0 - self.powers[runs, c]) for c in (0, 1))
            by, mean, square = adam(gradient, first, second, means[at], square)
        by = wide(rate) * by
        sound = np.isfinite(values[at] + by) & np.isfinite(square)
        alive &= sound.all(axis=1) if gradient.ndim == 2 else sound
        live = tuple(a[alive] if np.ndim(a) else a for a in at)
        squares[live] = square[alive]
        if self.optimizer == ADAM:
            means[live] = mean[alive]
        return by

    def _write_one(self, alive, runs, row, agent, action, step, flags):
        """Move one weight of a member's utility in each run that goes on."""
        at = np.flatnonzero(alive)
        run, row, action, table = runs[at], row[at], action[at].astype(np.int64), self.table_of[agent]
        old = self.q[run, row, table, action]
        self.visits[run, row, table] += self.visits[run, row, table] < MAX_VISITS
        if self.active > 1:
            self.q[run, row, table, action] = old + step[at]
            return
        tables, n_actions = np.full(len(at), table), np.full(len(at), self.n_actions[agent])
        flags[at] |= write_values(self.q, self.greedy, run, row, tables, n_actions, action, old + step[at], old,
                                  self.around)

    # -- a buffer ---------------------------------------------------------------------------------

    def _keep(self, runs, rows, next_rows, actions, rewards, over):
        """Put transitions into the buffers; returns statuses."""
        status = np.where(self.replay_kept[runs] < 0, BAD_ROW, 0).astype(np.int32)
        on = np.flatnonzero(status == 0)
        runs = runs[on]
        at = runs, self.replay_kept[runs] % self.replay_rows.shape[1]
        self.replay_rows[at], self.replay_next_rows[at], self.replay_actions[at] = rows[on], next_rows[on], actions[on]
        for m, team in enumerate(self.teams):
            total = np.zeros(len(on))
            for i in team:
                total = total + rewards[on, i]
            self.replay_rewards[(*at, m)] = total / float(len(team))
        self.replay_over[at] = np.where(over[on], TERMINATED, GOES_ON)
        self.replay_kept[runs] += 1
        return status

    def _return_of(self, m, team, runs, at, newest, status):
        """Lambda returns [n] of the next few steps, from places ``at`` of the buffers on; writes statuses."""
        capacity, over, k = self.replay_rows.shape[1], self.replay_over, self.active
        count, last = np.ones(len(runs), np.int64), at.copy()
        going = np.ones(len(runs), bool)
        for _ in range(self.steps - 1):
            going &= (over[runs, last] == GOES_ON) & (last != newest)
            last = np.where(going, (last + 1) % capacity, last)
            count += going
        target, decay = np.zeros(len(runs)), self.trace_decay[runs]
        for t in range(int(count.max(initial=0)) - 1, -1, -1):
            n = np.flatnonzero((t < count) & (status == 0))
            run, place = runs[n], (at[n] + t) % capacity
            ends, ahead = over[run, place] == TERMINATED, np.zeros(len(n))
            asks = np.flatnonzero(~ends & ((t == count[n] - 1) | (decay[n] < 1.0)))
            next_rows = self.replay_next_rows[run[asks], place[asks]]
            bad = self._outside(next_rows)
            fault = np.where(bad, BAD_ROW, 0)
            for i in team:
                own = next_rows[:, i * k:(i + 1) * k]
                bad |= ((own < 0) | (own >= self.q.shape[1])).any(axis=1)
            fault[bad] = BAD_ROW
            if k == 1 and (self.target_q is None or self.double):
                for i in team:
                    best = self.greedy[run[asks], np.where(bad, 0, next_rows[:, i]), self.table_of[i]]
                    fault = np.where((fault == 0) & ((best < 0) | (best >= self.n_actions[i])), BAD_ACTION, fault)
            status[n[asks]] = fault
            fine_ones = fault == 0
            n_asks = asks[fine_ones]
            ahead[n_asks] = self._ahead(m, team, run[n_asks], next_rows[fine_ones], np.zeros(len(n_asks), bool))
            later, here = t < count[n] - 1, decay[n]
            blend = np.where(here < 1.0, (1.0 - here) * ahead + here * target[n], target[n])
            ahead = np.where(later, blend, ahead)
            reward = self.replay_rewards[run, place, m]
            target[n] = np.where(ends, reward, reward + self.discount[run] * ahead)
        return target

    def _replay(self, runs, moved):
        """An update: learn from some transitions of the buffers, one after the other; returns statuses."""
        status = np.where((self.replay_updates[runs] < 0) | (self.replay_updates[runs] >= 2**40), BAD_ROW,
                          0).astype(np.int32)
        capacity, kept = self.replay_rows.shape[1], self.replay_kept[runs]
        known, newest = np.minimum(kept, capacity), (kept - 1) % capacity
        draws = np.zeros((len(runs), self.batch))
        for seed in np.unique(self.seeds[runs]).tolist():
            n = np.flatnonzero((self.seeds[runs] == seed) & (status == 0))
            block = np.empty((len(n), self.batch))
            fill(int(seed), self.stream, self.run_numbers[runs[n]], self.replay_updates[runs[n]] * self.batch, block,
                 False)
            draws[n] = block
        for k in range(self.batch):
            at = (draws[:, k] * known).astype(np.int64)
            rows, next_rows = self.replay_rows[runs, at], self.replay_next_rows[runs, at]
            status[(status == 0) & (self._outside(rows) | self._outside(next_rows))] = BAD_ROW
            actions = self.replay_actions[runs, at]
            for m, team in enumerate(self.teams):
                target = self._return_of(m, team, runs, at, newest, status)
                on = np.flatnonzero(status == 0)
                flags = moved[on]
                status[on] = self._learn(m, team, runs[on], rows[on], actions[on], None, next_rows[on],
                                         np.ones(len(on), bool), flags, target[on])
                moved[on] |= flags
        self.replay_updates[runs[status == 0]] += 1
        return status

    @staticmethod
    def _unit(target, total, utilities, best):
        """What weights count in: else a step that suits small values is long for great ones."""
        unit = np.ones(len(total))
        for value in (target, total, *utilities.T, *best.T):
            unit = np.where(np.abs(value) > unit, np.abs(value), unit)
        return unit

    def _first_order(self, runs, slopes, slopes_there, network):
        """By what share of its error a step would move the value whose slopes are those ``there``: [n]."""
        own = np.zeros(len(runs))
        for slope, other in zip(slopes, slopes_there, strict=True):
            own = own + slope * other
        return self.rate.value[runs] * own + self.mixing.value[runs] * network

    def _write_network(self, alive, m, runs, rows, error, gradient):
        """Move the networks in the active rows of the states; what is not finite is not written."""
        step = self.mixing.value[runs] / float(self.central)
        for k in range(self.central if self.optimizer != SGD else 0):
            at = runs, rows[:, k].astype(np.int64), m
            by = self._descend(alive, runs, step, error[:, None] * gradient, self.mixer, at, self.mixer_mean,
                               self.mixer_square)
            self.mixer[runs[alive], rows[alive, k], m] += by[alive]
        step = step * error
        for k in range(self.central if self.optimizer == SGD else 0):
            new = self.mixer[runs, rows[:, k], m] + step[:, None] * gradient
            alive &= np.isfinite(new).all(axis=1)
            self.mixer[runs[alive], rows[alive, k], m] = new[alive]

    def stage_tick(self, runs, ended):
        super().stage_tick(runs, ended)
        if self.mixing is not None:
            self.mixing.stage_tick(runs, ended)
        if self.replay_rows is not None:
            over = runs[ended & (self.replay_kept[runs] > 0)]
            at = over, (self.replay_kept[over] - 1) % self.replay_rows.shape[1]
            self.replay_over[at] = np.where(self.replay_over[at] == GOES_ON, CUT, self.replay_over[at])
