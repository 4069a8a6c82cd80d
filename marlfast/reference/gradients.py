"""Policy gradients in NumPy: the twin of ``src/_gradients.pyx``, vectorised over runs."""
import numpy as np

from marlfast.declarations.gradients import POLICY_GRADIENT, SOFTMAX
from marlfast.reference.draws import _log, exp_values
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_ROW, BAD_VALUE, Learner, fine
from marlfast.reference.tabular import Chance, first_fault, first_greatest

NOTHING, MOVED, FAILED = range(3)       # what a tick leaves to the next update to say
GOES_ON, TERMINATED, CUT = range(3)     # what follows a step of the rollout


def greatest(logits, n_actions):
    """The first of the greatest of the first ``n_actions`` of logits [n, A]."""
    return first_greatest(logits, np.full(len(logits), n_actions))


def softmax(logits, n_actions, best):
    """Policies [n, A]; 0 beyond the first ``n_actions`` actions. Twin of ``softmax``."""
    policy, total = np.zeros(logits.shape), np.zeros(len(logits))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        top = logits[np.arange(len(logits)), best]
        for a in range(n_actions):
            policy[:, a] = exp_values(logits[:, a] - top)
        for a in range(n_actions):
            total = total + policy[:, a]
        share = 1.0 / total
        for a in range(n_actions):
            policy[:, a] *= share
    return policy


def draw(logits, n_actions, best, u):
    """Actions drawn from softmax policies by inverse transform. Twin of ``boltzmann`` at temperature 1."""
    weights, total, running = [], np.zeros(len(u)), np.zeros(len(u))
    with np.errstate(over="ignore", invalid="ignore"):
        top = logits[np.arange(len(logits)), best]
        for a in range(n_actions):
            weights.append(exp_values((logits[:, a] - top) / 1.0))
            total = total + weights[-1]
        u, action = u * total, np.full(len(u), n_actions - 1)
        found = np.zeros(len(u), bool)
        for a in range(n_actions - 1):
            running = running + weights[a]
            here = ~found & (u < running)
            action[here] = a
            found |= here
    return action


def clipped(advantage, ratio, clip):
    """d min(ratio * advantage, clip(ratio, 1 - clip, 1 + clip) * advantage) / d log ratio. Twin of ``clipped``."""
    with np.errstate(over="ignore", invalid="ignore"):
        flat = np.where(advantage >= 0.0, ratio > 1.0 + clip, ratio < 1.0 - clip)
        return np.where(flat, 0.0, advantage * ratio)


def ascent(logits, policy, n_actions, best, action, weight, entropy):
    """d (weight * log policy[action] + entropy * H(policy)) / d logits: [n, A]. Twin of ``ascent``."""
    gradient, n, spread = np.zeros(logits.shape), np.arange(len(logits)), np.zeros(len(logits))
    with np.errstate(over="ignore", invalid="ignore"):
        for a in range(n_actions):
            gradient[:, a] = weight * ((action == a).astype(np.float64) - policy[:, a])
        if not (entropy != 0.0).any():
            return gradient
        top, lead = logits[n, best], _log(policy[n, best])
        for a in range(n_actions):
            spread = spread - policy[:, a] * ((logits[:, a] - top) + lead)
        for a in range(n_actions):
            more = gradient[:, a] - (entropy * policy[:, a]) * (((logits[:, a] - top) + lead) + spread)
            gradient[:, a] = np.where(entropy != 0.0, more, gradient[:, a])
    return gradient


@SOFTMAX.document
class Softmax(Learner):
    """Plays softmax policies, and learns nothing.

    An agent's logits are those of its active rows, added up. It draws its action from them by its first draw; with
    ``exploration`` it takes the first of the greatest, or (exploring) any.
    """

    learning = False

    def __init__(self, **given):
        self._take(self.declared.check(given))

    def _take(self, a):
        vars(self).update(a.arguments)
        self.exploration, self.strict, self.runs, self.agents = a.exploration, a.strict, a.R, a.N

    def _logits(self, runs, agent, rows):
        """Logits [n, A] of an agent, of the sum of its active rows [n, k]; and where all of these are rows."""
        inside = (rows >= 0) & (rows < self.logits.shape[1])
        at, table = np.where(inside, rows, 0), self.table_of[agent]
        total = self.logits[runs, at[:, 0], table].copy()
        with np.errstate(over="ignore", invalid="ignore"):
            for j in range(1, self.active):
                total += self.logits[runs, at[:, j], table]
        return total, inside.all(axis=1)

    def _rows_of(self, agent):
        return slice(agent * self.active, (agent + 1) * self.active)

    def stage_act(self, runs, rows, draws, actions):
        status = np.zeros((len(runs), len(self.agent_ids)), np.int32)
        for j, i in enumerate(self.agent_ids.tolist()):
            n_actions = int(self.n_actions[i])
            logits, inside = self._logits(runs, i, rows[:, self._rows_of(i)])
            best = greatest(logits, n_actions)
            if self.exploration is None:
                u = draws[:, i, 0]
                sound, explores = (u >= 0.0) & (u < 1.0), np.zeros(len(runs), bool)
                chosen = draw(logits, n_actions, best, np.where(sound, u, 0.0))
            else:
                chance = Chance(self.exploration.value[runs], self.strict, self.several)
                explores, chosen = chance.explores(draws[:, i]), chance.random_choices(draws[:, i], n_actions)
                sound = ~explores | (chosen >= 0)
                chosen = np.where(explores, chosen, best)
            status[:, j] = np.where(sound, np.where(explores | inside, 0, BAD_ROW), BAD_DRAW)
            actions[:, i] = chosen
        return first_fault(status)

    def stage_tick(self, runs, ended):
        if self.exploration is not None:
            self.exploration.stage_tick(runs, ended)


@POLICY_GRADIENT.document
class PolicyGradient(Softmax):
    """Policy gradients with a critic: of states or of joint actions, of single agents or of teams.

    Once a rollout is over: the critic's targets are the returns of TD(lambda), ``target[t] = reward[t] + discount *
    ((1 - decay) * value[t + 1] + decay * target[t + 1])``. It moves to them, ``value += critic_rate * (target -
    value)``, step by step. Then the logits climb ``sum_t weight[t] * log policy(action[t]) + entropy * H(policy)``,
    where the weight is the advantage ``target - value`` or, counterfactual, the value of the joint action less the mean
    over the agent's own policy; with ``clip`` the first term is the clipped surrogate of the advantages.
    """

    learning = True

    def _take(self, a):
        super()._take(a)
        self.length, self.members = a.length, a.members
        # Places of the rows that each unit's critic looks at.
        self.places = [slice(a.N * a.active, self.active_rows)
                       if a.central else self._rows_of(a.agent_ids[own[0]].item())
                       for own in a.members]

    # -- what a step was worth ------------------------------------------------------------------

    def _joint(self, unit, taken):
        """Numbers of the joint actions of a unit's members (taken [n, N]), and whether all of them are actions."""
        number, known = np.zeros(len(taken), np.int64), np.ones(len(taken), bool)
        for j in self.members[unit]:
            i = self.agent_ids[j]
            here = (taken[:, i] >= 0) & (taken[:, i] < self.n_actions[i])
            number += self.weights[i] * np.where(here, taken[:, i], 0)
            known &= here
        return number, known

    def _scale(self, runs, unit):
        """What values of 0, and of 1 above that, stand for: [n], [n]."""
        if self.value_weight is None:
            return np.zeros(len(runs)), np.ones(len(runs))
        weight = self.value_weight[runs, unit]
        known = weight > 0.0
        safe = np.where(known, weight, 1.0)
        mean = self.value_mean[runs, unit] / safe
        square = self.value_square[runs, unit] / safe - mean * mean
        return np.where(known, mean, 0.0), np.where(known, np.sqrt(np.where(square > 0.01, square, 0.01)), 1.0)

    def _worth(self, runs, unit, rows, number):
        """Values of a unit's joint actions in the states of these rows [n, W], and statuses."""
        total, status = np.zeros(len(runs)), fine(len(runs))
        if self.critic is None:
            return total, status
        own = rows[:, self.places[unit]]
        inside = (own >= 0) & (own < self.critic.shape[1])
        own = np.where(inside, own, 0)
        with np.errstate(over="ignore", invalid="ignore"):
            for j in range(own.shape[1]):
                one = self.critic[runs, own[:, j], self.units[unit], number]
                total = one if j == 0 else total + one
            if self.value_weight is not None:
                centre, spread = self._scale(runs, unit)
                total = total * spread + centre
        sound = inside.all(axis=1)
        status[~sound] = BAD_ROW
        return np.where(sound, total, 0.0), status

    def _policies(self, runs, rows):
        """Policies [n, L, A], greedy actions [n, L], and statuses."""
        policy = np.zeros((len(runs), len(self.agent_ids), self.logits.shape[3]))
        greedy, status = np.zeros(policy.shape[:2], np.int64), fine(len(runs))
        for j, i in enumerate(self.agent_ids.tolist()):
            logits, inside = self._logits(runs, i, rows[:, self._rows_of(i)])
            greedy[:, j] = greatest(logits, self.n_actions[i])
            policy[:, j] = softmax(logits, int(self.n_actions[i]), greedy[:, j])
            status[~inside] = BAD_ROW
        return policy, greedy, status

    def _expected(self, runs, unit, rows):
        """What is to come after a cut, and statuses."""
        if not self.counterfactual:
            return self._worth(runs, unit, rows, 0)
        policy, _, status = self._policies(runs, rows)
        members = self.members[unit]
        agents = self.agent_ids[members]
        last = int((self.weights[agents] * (self.n_actions[agents] - 1)).sum())
        value = np.zeros(len(runs))
        with np.errstate(over="ignore", invalid="ignore"):
            for number in range(last + 1):
                chance = np.ones(len(runs))
                for j, i in zip(members, agents, strict=True):
                    chance = chance * policy[:, j, number // self.weights[i] % self.n_actions[i]]
                one, fault = self._worth(runs, unit, rows, number)
                status = np.where(status == 0, fault, status)
                value = value + chance * one
        return value, status

    def _look_back(self, runs, known):
        """Values and targets [n, T, U] of all steps, and statuses."""
        status, steps, units = fine(len(runs)), int(known.max(initial=0)), len(self.units)
        value, target = np.zeros((len(runs), steps, units)), np.zeros((len(runs), steps, units))
        discount, decay = self.discount[runs], self.decay[runs]
        for t in range(steps):
            for u in range(units):
                n = np.flatnonzero((status == 0) & (t < known))
                number, sound = self._joint(u, self.taken[runs[n], t])
                value[n, t, u], fault = self._worth(runs[n], u, self.rollout_rows[runs[n], t], number)
                status[n] = np.where(sound, fault, BAD_ACTION)
        for t in range(steps - 1, -1, -1):
            for u in range(units):
                n = np.flatnonzero((status == 0) & (t < known))
                r, over = runs[n], self.over[runs[n], t]
                ends = (over == CUT) | (t == known[n] - 1)
                ahead, reward = np.zeros(len(n)), self.rewards[r, t, u]
                with np.errstate(over="ignore", invalid="ignore"):
                    if t + 1 < steps:
                        ahead = (1.0 - decay[n]) * value[n, t + 1, u] + decay[n] * target[n, t + 1, u]
                    cut = np.flatnonzero(ends & (over != TERMINATED))
                    if len(cut):
                        ahead[cut], status[n[cut]] = self._expected(r[cut], u, self.ahead[r[cut], t])
                    one = np.where(over == TERMINATED, reward, reward + discount[n] * ahead)
                good = status[n] == 0
                target[n[good], t, u] = one[good]
                status[n[good & ~np.isfinite(one)]] = BAD_VALUE
        return value, target, status

    def _learn_values(self, runs, known, value, target, status):
        """Move the critic to its targets: steps in the order of time, units in theirs."""
        if self.critic is None:
            return
        for _ in range(self.epochs):
            for t in range(target.shape[1]):
                for u, unit in enumerate(self.units.tolist()):
                    n = np.flatnonzero((status == 0) & (t < known))
                    r, rows = runs[n], self.rollout_rows[runs[n], t]
                    number, _ = self._joint(u, self.taken[r, t])
                    now, _ = self._worth(r, u, rows, number)
                    rows = rows[:, self.places[u]]
                    spread = self._scale(r, u)[1]
                    with np.errstate(over="ignore", invalid="ignore"):
                        error = target[n, t, u] - now
                        moves = np.ones(len(n), bool)
                        if self.value_clip is not None:
                            limit, bounded = self.value_clip[r] * spread, now - value[n, t, u]
                            bounded = value[n, t, u] + np.where(
                                bounded > limit, limit, np.where(bounded < -limit, -limit, bounded))
                            bounded = target[n, t, u] - bounded
                            moves = ~(bounded * bounded > error * error)
                        for j in range(rows.shape[1]):
                            w = np.flatnonzero(moves & (status[n] == 0))
                            cell = r[w], rows[w, j], unit, number[w]
                            step = self.critic_rate.value[r[w]] / float(rows.shape[1])
                            new = self.critic[cell] + step * (error[w] / spread[w])
                            sound = np.isfinite(new)
                            self.critic[tuple(c[sound] if np.ndim(c) else c for c in cell)] = new[sound]
                            status[n[w[~sound]]] = BAD_VALUE

    def _judge(self, runs, known, value, target, policy, status):
        """Advantages [n, T, L]."""
        steps, n_ids = target.shape[1], len(self.agent_ids)
        advantage = np.zeros((len(runs), steps, n_ids))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for t in range(steps):
                n = np.flatnonzero((status == 0) & (t < known))
                for j, i in enumerate(self.agent_ids.tolist()):
                    u = int(self.unit_of[i])
                    if not self.counterfactual:
                        advantage[n, t, j] = target[n, t, u] - value[n, t, u]
                        continue
                    number, _ = self._joint(u, self.taken[runs[n], t])
                    base = number - self.weights[i] * self.taken[runs[n], t, i]
                    rows, table = self.rollout_rows[runs[n], t][:, self.places[u]], self.units[u]
                    own, baseline = np.zeros(len(n)), np.zeros(len(n))
                    for x in range(rows.shape[1]):
                        own = own + self.critic[runs[n], rows[:, x], table, number]
                        mean = np.zeros(len(n))
                        for a in range(self.n_actions[i]):
                            mean = mean + policy[n, t, j, a] * self.critic[
                                runs[n], rows[:, x], table, base + a * self.weights[i]]
                        baseline = baseline + mean
                    advantage[n, t, j] = (own - baseline) * self._scale(runs[n], u)[1]
            for members in self.members if self.normalise else ():
                mean, spread = np.zeros(len(runs)), np.zeros(len(runs))
                count = (known * len(members)).astype(np.float64)
                places = [(t, j) for t in range(steps) for j in members]
                for t, j in places:
                    mean = np.where(t < known, mean + advantage[:, t, j], mean)
                mean = mean / count
                for t, j in places:
                    advantage[:, t, j] -= mean
                    spread = np.where(t < known, spread + advantage[:, t, j] * advantage[:, t, j], spread)
                spread = 1.0 / (np.sqrt(spread / count) + 1e-8)
                for t, j in places:
                    advantage[:, t, j] *= spread
        return advantage

    def _account(self, runs, known, target, status):
        """The running mean of targets and of their squares; writes statuses."""
        if self.value_weight is None:
            return
        for u in range(len(self.units)):
            total, square = np.zeros(len(runs)), np.zeros(len(runs))
            with np.errstate(over="ignore", invalid="ignore"):
                for t in range(target.shape[1]):
                    on = t < known
                    total = np.where(on, total + target[:, t, u], total)
                    square = np.where(on, square + target[:, t, u] * target[:, t, u], square)
            status[(status == 0) & ~np.isfinite(square)] = BAD_VALUE
            n = np.flatnonzero(status == 0)
            at, count = (runs[n], u), known[n].astype(np.float64)
            for array, batch in ((self.value_mean, total[n] / count), (self.value_square, square[n] / count),
                                 (self.value_weight, 1.0)):
                array[at] = 0.99999 * array[at] + (1.0 - 0.99999) * batch

    # -- climbing -------------------------------------------------------------------------------

    def _climb(self, runs, agent, rows, gradient, rate):
        """Move logits along gradients [n, A]; returns statuses."""
        status, table, n_actions = fine(len(runs)), self.table_of[agent], int(self.n_actions[agent])
        for j in range(self.active):
            n = np.flatnonzero(status == 0)
            with np.errstate(over="ignore", invalid="ignore"):
                new = self.logits[runs[n], rows[n, j], table, :n_actions] + rate[n, None] * gradient[n, :n_actions]
            sound = np.isfinite(new).all(axis=1)
            self.logits[runs[n[sound]], rows[n[sound], j], table, :n_actions] = new[sound]
            status[n[~sound]] = BAD_VALUE
        return status

    def _learn_policies(self, runs, known, advantage, old, policy, status):
        """Climb the surrogate: the gradients of a minibatch are taken where it begins, and added up."""
        steps, fresh = advantage.shape[1], True
        rate, entropy = self.rate.value[runs] / float(self.active), self.entropy.value[runs]
        for _ in range(self.epochs):
            for begin in range(0, steps, self.minibatch or max(steps, 1)):
                places = [(t, j, i) for t in range(begin, min(begin + (self.minibatch or steps), steps))
                          for j, i in enumerate(self.agent_ids.tolist())]
                for t, j, i in places:
                    n = np.flatnonzero((status == 0) & (t < known))
                    r, action, n_actions = runs[n], self.taken[runs[n], t, i], int(self.n_actions[i])
                    logits, _ = self._logits(r, i, self.rollout_rows[r, t][:, self._rows_of(i)])
                    best = greatest(logits, n_actions)
                    if not fresh:
                        policy[n, t, j] = softmax(logits, n_actions, best)
                    weight = advantage[n, t, j]
                    if self.clip is not None:
                        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                            ratio = policy[n, t, j, action] / old[n, t, j]
                        weight = clipped(weight, ratio, self.clip[r])
                    policy[n, t, j] = ascent(logits, policy[n, t, j], n_actions, best, action, weight, entropy[n])
                for t, j, i in places:
                    n = np.flatnonzero((status == 0) & (t < known))
                    status[n] = self._climb(runs[n], i, self.rollout_rows[runs[n], t][:, self._rows_of(i)],
                                            policy[n, t, j],
                                            rate[n])
                fresh = False

    def _learn(self, runs, moved):
        """Learn from the rollouts of some runs, and forget them; returns statuses."""
        known = self.known[runs].astype(np.int64)
        outcome = np.where((known < 0) | (known > self.length), BAD_ROW, 0).astype(np.int32)
        whole = np.flatnonzero(outcome == 0)
        runs, known = runs[whole], known[whole]
        value, target, status = self._look_back(runs, known)
        steps, n_ids = target.shape[1], len(self.agent_ids)
        policy = np.zeros((len(runs), steps, n_ids, self.logits.shape[3]))
        old, greedy = np.zeros((len(runs), steps, n_ids)), np.zeros((len(runs), steps, n_ids), np.int64)
        for t in range(steps):
            n = np.flatnonzero((status == 0) & (t < known))
            policy[n, t], greedy[n, t], status[n] = self._policies(runs[n], self.rollout_rows[runs[n], t])
            n = n[status[n] == 0]
            old[n, t] = np.take_along_axis(policy[n, t], self.taken[runs[n], t][:, self.agent_ids, None], axis=2)[:, :,
                                                                                                                  0]
        self._learn_values(runs, known, value, target, status)
        advantage = self._judge(runs, known, value, target, policy, status)
        self._learn_policies(runs, known, advantage, old, policy, status)
        self._account(runs, known, target, status)
        for t in range(steps):
            n = np.flatnonzero((status == 0) & (t < known))
            for j, i in enumerate(self.agent_ids.tolist()):
                logits, _ = self._logits(runs[n], i, self.rollout_rows[runs[n], t][:, self._rows_of(i)])
                moved[runs[n[greatest(logits, self.n_actions[i]) != greedy[n, t, j]]]] = True
        self.known[runs[status == 0]] = 0
        outcome[whole] = status
        return outcome

    def _keep(self, runs, rows, next_rows, actions, rewards, over):
        """Put a step into the rollouts; returns statuses."""
        known, agent_ids, table = self.known[runs], self.agent_ids, self.logits.shape[1]
        faults = [np.where((known < 0) | (known >= self.length), BAD_ROW, 0)]

        def outside(places, bound):
            return ((rows[:, places] < 0) | (rows[:, places] >= bound) | (next_rows[:, places] < 0)
                    | (next_rows[:, places] >= bound)).any(axis=1)

        for i in agent_ids.tolist():
            faults.append(np.where((actions[:, i] < 0) | (actions[:, i] >= self.n_actions[i]), BAD_ACTION, 0))
            faults.append(np.where(outside(self._rows_of(i), table), BAD_ROW, 0))
        bound = 2**31 if self.critic is None else self.critic.shape[1]
        faults.append(np.where(outside(slice(self.agents * self.active, None), bound), BAD_ROW, 0))
        status = first_fault(np.stack(faults, axis=1))
        n = np.flatnonzero(status == 0)
        at = runs[n], known[n]
        self.rollout_rows[at], self.ahead[at], self.taken[at] = rows[n], next_rows[n], actions[n]
        with np.errstate(over="ignore", invalid="ignore"):
            for u, members in enumerate(self.members):
                total = np.zeros(len(n))
                for j in members:
                    total = total + rewards[n, agent_ids[j]]
                self.rewards[at[0], at[1], u] = total / float(len(members))
        self.over[at] = np.where(over[n], TERMINATED, GOES_ON)
        self.known[runs[n]] += 1
        return status

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status, moved, said = fine(len(runs)), np.zeros(self.runs, bool), self.late[runs]
        status[(said != NOTHING) & (said != MOVED)] = BAD_VALUE
        moved[runs[said == MOVED]] = True
        self.late[runs[said == MOVED]] = NOTHING
        n = np.flatnonzero(status == 0)
        status[n] = self._keep(runs[n], rows[n], next_rows[n], actions[n], rewards[n], terminated[n])
        n = n[status[n] == 0]
        n = n[(self.known[runs[n]] == self.length) | (terminated[n] & (not self.across))]
        status[n] = self._learn(runs[n], moved)
        changed |= moved[runs] & (status == 0)
        return status

    def stage_tick(self, runs, ended):
        over = runs[ended & (self.known[runs] > 0) & (self.known[runs] <= self.length)]
        if self.across:
            last = over, self.known[over] - 1
            self.over[last] = np.where(self.over[last] == GOES_ON, CUT, self.over[last])
        elif len(over):
            moved = np.zeros(self.runs, bool)
            failed = self._learn(over, moved) != 0
            self.late[over[failed]] = FAILED
            here = over[~failed & moved[over] & (self.late[over] == NOTHING)]
            self.late[here] = MOVED
        for schedule in (self.rate, self.critic_rate, self.entropy):
            schedule.stage_tick(runs, ended)
