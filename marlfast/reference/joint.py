"""Learners whose tables are over joint actions: the twin of ``src/_joint.pyx``.

Acting and the values' update are vectorised over runs; what follows from a cell's values is found cell by cell.
"""
import numpy as np

from marlfast.declarations.joint import JOINT
from marlfast.reference.equilibria import correlated, nash, zero_sum
from marlfast.reference.kernels import (
    BAD_ACTION,
    BAD_DRAW,
    BAD_ROW,
    BAD_VALUE,
    Learner,
    check_status,
    fine,
)
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import BOLTZMANN, EPSILON_GREEDY, MAX_VISITS, Chance, greatest_from

GREATEST, MINIMAX, BELIEF, NASH, CORRELATED = range(5)


def _greatest(values, start=0):
    """The first of the greatest, going round from ``start``."""
    return int(greatest_from(np.asarray(values)[None], np.array([len(values)]), np.array([start]))[0])


def _sample(policy, u):
    """A choice of each run (policy [n, choices], u [n]) by inverse transform; never one of probability 0."""
    last, running, found = np.zeros(len(u), np.int64), np.zeros(len(u)), np.zeros(len(u), bool)
    chosen = np.zeros(len(u), np.int64)
    for a in range(policy.shape[1]):
        able = ~found & (policy[:, a] > 0.0)
        last[able] = a
        running = np.where(able, running + policy[:, a], running)
        here = able & (u < running)
        chosen[here] = a
        found |= here
    return np.where(found, chosen, last)


@JOINT.document
class Joint(Learner):
    """Joint actions' values: ``q[row, joint] += rate * (reward + discount * value[next row] - q[row, joint])``.

    A joint action's number is the sum, over agents, of action times weight. In every cell (one row of one table) the
    learner chooses one of ``n_choices``; choice k stands for the joint actions from ``k * steps`` on. Agent i then does
    its part of it, ``k * steps // weights[i] % actions[i]``.
    """

    def __init__(self, **given):
        a = self.declared.check(given)
        vars(self).update(a.arguments)
        self.runs, self.agents, self.signal, self.drawn = a.R, a.N, a.signal, bool(a.chance)
        self.kind = BOLTZMANN if a.kind == BOLTZMANN else EPSILON_GREEDY
        self.several, self.around = bool(a.several), bool(a.around)

    def stage_act(self, runs, rows, draws, actions):
        status, exploration = fine(len(runs)), self.exploration.value[runs]
        chance = Chance(exploration, self.strict, self.several)
        for i in self.agent_ids.tolist():
            t, by = int(self.table_of[i]), int(self.chooses_by[i])
            explores = np.zeros(len(runs), bool)
            if self.kind != BOLTZMANN:
                explores = chance.explores(draws[:, by if self.together else i])
            if self.together and not self.several:      # any joint action
                random = chance.random_choices(draws[:, by], self.n_choices[t])
                sound, random = random >= 0, random * self.steps[t] // self.weights[t, i] % self.n_actions[i]
            elif self.kind != BOLTZMANN:
                random = chance.random_choices(draws[:, i], self.n_actions[i])
                sound = random >= 0
            else:
                random = sound = np.zeros(len(runs), bool)
            row = rows[:, self.reads[t]].astype(np.int64)
            inside = (row >= 0) & (row < self.q.shape[1])
            choice, bad = self._choose(runs, np.where(inside, row, 0), t, exploration, draws[:, by], chance)
            fault = np.where(explores, np.where(sound, 0, BAD_DRAW), np.where(inside, bad, BAD_ROW))
            chosen = np.where(explores, random, choice * self.steps[t] // self.weights[t, i] % self.n_actions[i])
            fit = (status == 0) & (fault == 0)
            actions[fit, i] = chosen[fit]
            status = np.where(status == 0, fault, status)
        return status.astype(np.int32)

    def _choose(self, runs, row, t, exploration, draws, chance):
        """(choice, status) of each run without exploring."""
        count = int(self.n_choices[t])
        if self.drawn:
            u = draws[:, self.signal]
            sound = (u >= 0.0) & (u < 1.0)
            share = np.where(sound, u if self.signal or self.kind == BOLTZMANN else chance.tie_share(draws), 0.0)
        if self.rule not in (GREATEST, BELIEF):
            policy = self.policy[runs, row, 0 if self.rule == CORRELATED else t, :count]
            return _sample(policy, share), np.where(sound, 0, BAD_DRAW)
        choice = self.greedy[runs, row, t].astype(np.int64)
        known = (choice >= 0) & (choice < count)
        choice = np.where(known, choice, 0)
        fault = np.where(known, 0, BAD_ACTION)
        if self.drawn:
            fault, share = np.where(sound, fault, BAD_DRAW), share[:, None]
            values = (self.policy if self.rule == BELIEF else self.q)[runs, row, t, :count][:, None]
            best, counts = choice[:, None], np.array([count])
            if self.kind == BOLTZMANN:
                choice = QLearning._boltzmann(values, best, counts, exploration[:, None], share)[:, 0]
            else:
                choice = QLearning._random_greatest(values, best, counts, share)[:, 0]
        return choice, fault

    def _start(self, run, row, t):
        """From where the greatest is looked for: ties go to the incumbent, or to the first."""
        return int(self.greedy[run, row, t]) if self.around else 0

    def _note(self, run, row, t, value, best):
        moved = int(self.greedy[run, row, t]) != best
        self.value[run, row, t], self.greedy[run, row, t] = value, best
        return moved

    def _believe(self, run, row, t):
        """What every own action is expected to earn: others act independently, as often as they have acted so far."""
        own, columns = int(self.reads[t]), np.arange(int(self.steps[t]))
        likely, offset = np.ones(len(columns)), 0
        for k, n in enumerate(self.n_actions.tolist()):
            if k != own:
                counts = self.counts[run, row, t, offset:offset + n].astype(np.float64)
                total = 0.0
                for count in counts.tolist():
                    total += count
                share = counts / total if total > 0.0 else np.full(n, 1.0 / n)
                likely = likely * share[columns // self.weights[t, k] % n]
                offset += n
        q = self.q[run, row, t].reshape(int(self.n_choices[t]), -1)
        expected = np.zeros(len(q))
        for column in columns.tolist():
            expected = expected + likely[column] * q[:, column]
        return expected

    def _solve(self, run, row, t):
        """(status, whether the most likely choice moved): what follows from a cell's values."""
        q = self.q[run, row, t]
        if self.rule == GREATEST:
            best = _greatest(q, self._start(run, row, t))
            return 0, self._note(run, row, t, q[best], best)
        if self.rule == BELIEF:
            expected = self._believe(run, row, t)
            self.policy[run, row, t, :len(expected)] = expected
            best = _greatest(expected, self._start(run, row, t))
            if not np.isfinite(expected[best]):
                return BAD_VALUE, False
            return 0, self._note(run, row, t, expected[best], best)
        if self.rule == MINIMAX:
            status, x, _, value = zero_sum(q.reshape(int(self.n_choices[t]), -1))
            if status:
                return BAD_VALUE, False
            self.policy[run, row, t, :len(x)] = x
            return 0, self._note(run, row, t, value, _greatest(x))
        p, q = self.q[run, row].reshape(2, int(self.n_actions[0]), int(self.n_actions[1]))
        if self.rule == NASH:
            status, x, y, first, second = nash(p, q)
            if status:
                return BAD_VALUE, False
            self.policy[run, row, 0, :len(x)], self.policy[run, row, 1, :len(y)] = x, y
            best = _greatest(x), _greatest(y)
        else:
            status, x, first, second = correlated(p, q, self.objective)
            if status:
                return BAD_VALUE, False
            self.policy[run, row, 0, :len(x)] = x
            best = _greatest(x), _greatest(x)
        moved = self._note(run, row, 0, first, best[0])
        return 0, self._note(run, row, 1, second, best[1]) or moved

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status, moved = fine(len(runs)), np.zeros(len(runs), bool)
        with np.errstate(all="ignore"):
            for t in range(self.q.shape[2]):
                status = self._update_table(t, status, runs, rows, actions, rewards, next_rows, terminated, moved)
        changed |= moved & (status == 0)
        return status

    def _update_table(self, t, status, runs, rows, actions, rewards, next_rows, terminated, moved):
        weights, pair = self.weights[t], self.rule >= NASH
        known = ((weights == 0) | ((actions >= 0) & (actions < self.n_actions))).all(axis=1)
        reader = int(self.reads[t])
        row, next_row = rows[:, reader].astype(np.int64), next_rows[:, reader].astype(np.int64)
        inside = (row >= 0) & (row < self.q.shape[1]) & (next_row >= 0) & (next_row < self.q.shape[1])
        row, next_row = np.where(inside, row, 0), np.where(inside, next_row, 0)
        index = np.where(known[:, None], actions, 0).astype(np.int64) @ weights
        best = self.greedy[runs, row, t].astype(np.int64)
        sane = (best >= 0) & (best < self.n_choices[t])
        if self.together:
            target = np.zeros(len(runs))
            for k in self.agent_ids.tolist():
                target = target + rewards[:, k]
            target = target / len(self.agent_ids)
        else:
            target = rewards[:, t if pair else reader]
        ahead = target + self.discount[runs] * self.value[runs, next_row, t]
        target = np.where(terminated, target, ahead)
        old = self.q[runs, row, t, index]
        value = old + self.rate.value[runs] * (target - old)
        fault = np.where(known, np.where(inside, np.where(sane, np.where(np.isfinite(value), 0, BAD_VALUE), BAD_ACTION),
                                         BAD_ROW), BAD_ACTION)
        status = np.where(status == 0, fault, status).astype(np.int32)
        for r in np.flatnonzero(status == 0).tolist():
            run, here, joint = int(runs[r]), int(row[r]), int(index[r])
            self.visits[run, here, t] += self.visits[run, here, t] < MAX_VISITS
            self.q[run, here, t, joint] = value[r]
            if self.rule == GREATEST:
                moved[r] |= self._write(run, here, t, joint, value[r], old[r], int(best[r]))
                continue
            if self.rule == BELIEF:
                offset = 0
                for k, n in enumerate(self.n_actions.tolist()):
                    if k != reader:
                        self.counts[run, here, t, offset + actions[r, k]] += 1
                        offset += n
            if not pair or t == 1:
                status[r], there = self._solve(run, here, 0 if pair else t)
                moved[r] |= there
        return status

    def _write(self, run, row, t, joint, value, old, best):
        """Keep the greatest value's place, as the leaf that compares with what stood there before."""
        cell, now = self.q[run, row, t], best
        if joint == best:
            if value < old:
                now = _greatest(cell, best if self.around else 0)
        elif value > cell[best] or (value == cell[best] and joint < best and not self.around):
            now = joint
        self.greedy[run, row, t], self.value[run, row, t] = now, cell[now]
        return now != best

    def stage_tick(self, runs, ended):
        self.rate.stage_tick(runs, ended)
        self.exploration.stage_tick(runs, ended)

    def settle(self, first):
        """Make ``value``, ``greedy`` and ``policy`` of rows from ``first`` on, in every run, from the rest."""
        if not 0 <= first <= self.q.shape[1]:
            raise ValueError(f"first: expected 0 to {self.q.shape[1]}, got {first}")
        status = fine(1)
        with np.errstate(all="ignore"):
            for run in range(self.runs):
                for row in range(first, self.q.shape[1]):
                    for t in range(1 if self.rule >= NASH else self.q.shape[2]):
                        if not status[0]:
                            status[0] = self._solve(run, row, t)[0]
        check_status(status, "settle")
