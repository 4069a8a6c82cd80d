"""Learners whose tables are over joint actions: the twin of ``src/_joint.pyx``.

Acting and the values' update are vectorised over runs; what follows from a cell's values is found cell by cell.
"""
import numpy as np

from marlfast.reference.equilibria import correlated, nash, zero_sum
from marlfast.reference.kernels import (
    BAD_ACTION,
    BAD_DRAW,
    BAD_ROW,
    BAD_VALUE,
    Learner,
    check,
    check_cells,
    check_status,
    fine,
)
from marlfast.reference.q_learning import QLearning
from marlfast.reference.tabular import BOLTZMANN, MOST_VISITS, first_greatest

GREATEST, MINIMAX, BELIEF, NASH, CORRELATED = range(5)


def _greatest(values):
    """The first of the greatest."""
    return int(first_greatest(np.asarray(values)[None], np.array([len(values)]))[0])


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


class Joint(Learner):
    """Joint actions' values: ``q[row, joint] += rate * (reward + discount * value[next row] - q[row, joint])``.

    A joint action's number is the sum, over agents, of action times weight. In every cell (one row of one table) the
    learner chooses one of ``choices``; choice k stands for the joint actions from ``k * steps`` on. Agent i then does
    its part of it, ``k * steps // weights[i] % actions[i]``.

    Parameters
    ----------
    q : float64 [R, rows, T, J]
        Modified: values of T tables.
    value : float64 [R, rows, T]
        Modified: what a row is worth, by the rule.
    greedy : int32 [R, rows, T]
        Modified: the most likely choice.
    visits : int32 [R, rows, T]
        Modified: how often each row of each table was updated; it stays at 2**31 - 1 once there.
    policy : float64 [R, rows, P, W]
        Modified: probabilities of the choices; by rule 2 what each is expected to earn. P is T, but 1 by rule 4. Rule
        0 has none (W is 0).
    counts : int64 [R, rows, T, C]
        Modified, by rule 2 only: how often each other agent, in order, did each of its actions. Else C is 0.
    table_of, actions : int32 [N]
        Table, and number of actions, of every agent.
    leads : int32 [L]
        The agents that this learner leads.
    weights : int64 [T, N]
        0 for agents whose actions a table does not know.
    choices, steps : int64 [T]
    reads : int32 [T]
        The agent whose row, and (but by rules 3 and 4, where tables are those of agents 0 and 1) whose reward it is.
    chooses_by : int32 [N]
        The agent whose draw decides for each agent.
    discount : float64 [R]
    rate, exploration : Schedule
        Learning rate, and epsilon or temperature.
    rule : int
        0 the greatest value; 1 minimax of a zero-sum game; 2 the greatest value expected from what others did so far;
        3 Nash equilibrium; 4 correlated equilibrium.
    objective : int
        Of correlated equilibria: see ``solve_correlated``.
    kind : int
        0: epsilon-greedy; 1: Boltzmann (rules 0 and 2 only).
    strict : bool
        Explore iff u < epsilon; else iff u <= epsilon.
    random_ties : bool
        Ties broken by a third draw (rules 0 and 2 only); else the first of the greatest.
    together : bool
        One table for all agents that are led: it learns from the mean of their rewards, and they explore together.
    draws : int
        K, exploration draws per agent in the whole team.
    learning : bool
        False: the tables are frozen.
    """

    def __init__(self, q, value, greedy, visits, policy, counts, table_of, actions, leads, weights, choices, steps,
                 reads, chooses_by, discount, rate, exploration, rule, objective, kind, strict, random_ties, together,
                 draws, learning):
        check_cells(q, "q", "float64", (-1, -1, -1, -1))
        runs, rows, tables, joint = q.shape
        if runs < 1 or rows < 1 or tables < 1 or joint < 1:
            raise ValueError(f"q: expected at least one run, row, table and joint action, got shape {q.shape}")
        check_cells(value, "value", "float64", (runs, rows, tables))
        check_cells(greedy, "greedy", "int32", (runs, rows, tables))
        check_cells(visits, "visits", "int32", (runs, rows, tables))
        if rule not in range(5):
            raise ValueError(f"rule: expected 0 to 4, got {rule}")
        check(policy, "policy", "float64", (runs, rows, 1 if rule == CORRELATED else tables, -1), True)
        check(counts, "counts", "int64", (runs, rows, tables, -1), True)
        check(table_of, "table_of", "int32", (-1,), False)
        agents = len(table_of)
        if agents < 1:
            raise ValueError("table_of: expected at least one agent, got none")
        check(actions, "actions", "int32", (agents,), False)
        check(leads, "leads", "int32", (-1,), False)
        check(weights, "weights", "int64", (tables, agents), False)
        check(choices, "choices", "int64", (tables,), False)
        check(steps, "steps", "int64", (tables,), False)
        check(reads, "reads", "int32", (tables,), False)
        check(chooses_by, "chooses_by", "int32", (agents,), False)
        check(discount, "discount", "float64", (runs,), False)
        _check_plan(q.shape, policy.shape[3], counts.shape[3], table_of, actions, leads, weights, choices, steps, reads,
                    chooses_by, rule, objective, kind, random_ties, together)
        if rate.runs != runs or exploration.runs != runs:
            raise ValueError(f"rate, exploration: expected {runs} runs, got {rate.runs}, {exploration.runs}")
        needed = 1 if kind == BOLTZMANN else 3 if random_ties or rule not in (GREATEST, BELIEF) else 2
        if draws < needed:
            raise ValueError(f"draws: expected at least {needed}, got {draws}")
        self.runs, self.agents, self.draws = runs, agents, draws
        self.q, self.value, self.greedy, self.visits, self.policy, self.counts = (
            q, value, greedy, visits, policy, counts)
        self.table_of, self.actions, self.leads, self.weights = table_of, actions, leads, weights
        self.choices, self.steps, self.reads, self.chooses_by = choices, steps, reads, chooses_by
        self.discount, self.rate, self.exploration = discount, rate, exploration
        self.rule, self.objective, self.kind, self.strict = rule, objective, kind, bool(strict)
        self.random_ties, self.together, self.learning = bool(random_ties), bool(together), bool(learning)

    def stage_act(self, runs, rows, draws, actions):
        status, level = fine(len(runs)), self.exploration.value[runs]
        for i in self.leads.tolist():
            t, by = int(self.table_of[i]), int(self.chooses_by[i])
            explores = np.zeros(len(runs), bool)
            if self.kind != BOLTZMANN:
                u = draws[:, by if self.together else i, 0]
                explores = u < level if self.strict else u <= level
            u = draws[:, i, min(1, self.draws - 1)]
            sound = (u >= 0.0) & (u < 1.0)
            random = (np.where(sound, u, 0.0) * self.actions[i]).astype(np.int64)
            row = rows[:, self.reads[t]].astype(np.int64)
            inside = (row >= 0) & (row < self.q.shape[1])
            choice, bad = self._choose(runs, np.where(inside, row, 0), t, level, draws[:, by])
            fault = np.where(explores, np.where(sound, 0, BAD_DRAW), np.where(inside, bad, BAD_ROW))
            chosen = np.where(explores, random, choice * self.steps[t] // self.weights[t, i] % self.actions[i])
            fit = (status == 0) & (fault == 0)
            actions[fit, i] = chosen[fit]
            status = np.where(status == 0, fault, status)
        return status.astype(np.int32)

    def _choose(self, runs, row, t, level, draws):
        """(choice, status) of each run without exploring."""
        count = int(self.choices[t])
        if self.rule not in (GREATEST, BELIEF):
            u = draws[:, 2]
            sound = (u >= 0.0) & (u < 1.0)
            policy = self.policy[runs, row, 0 if self.rule == CORRELATED else t, :count]
            return _sample(policy, np.where(sound, u, 0.0)), np.where(sound, 0, BAD_DRAW)
        choice = self.greedy[runs, row, t].astype(np.int64)
        known = (choice >= 0) & (choice < count)
        choice = np.where(known, choice, 0)
        fault = np.where(known, 0, BAD_ACTION)
        if self.kind == BOLTZMANN or self.random_ties:
            u = draws[:, 2 if self.random_ties else 0]
            sound = (u >= 0.0) & (u < 1.0)
            fault, u = np.where(known & ~sound, BAD_DRAW, fault), np.where(sound, u, 0.0)[:, None]
            values = (self.policy if self.rule == BELIEF else self.q)[runs, row, t, :count][:, None]
            best, counts = choice[:, None], np.array([count])
            if self.kind == BOLTZMANN:
                choice = QLearning._boltzmann(values, best, counts, level[:, None], u)[:, 0]
            else:
                choice = QLearning._random_greatest(values, best, counts, u)[:, 0]
        return choice, fault

    def _note(self, run, row, t, value, best):
        moved = int(self.greedy[run, row, t]) != best
        self.value[run, row, t], self.greedy[run, row, t] = value, best
        return moved

    def _believe(self, run, row, t):
        """What every own action is expected to earn: others act independently, as often as they have acted so far."""
        own, columns = int(self.reads[t]), np.arange(int(self.steps[t]))
        likely, offset = np.ones(len(columns)), 0
        for k, n in enumerate(self.actions.tolist()):
            if k != own:
                counts = self.counts[run, row, t, offset:offset + n].astype(np.float64)
                total = 0.0
                for count in counts.tolist():
                    total += count
                share = counts / total if total > 0.0 else np.full(n, 1.0 / n)
                likely = likely * share[columns // self.weights[t, k] % n]
                offset += n
        q = self.q[run, row, t].reshape(int(self.choices[t]), -1)
        expected = np.zeros(len(q))
        for column in columns.tolist():
            expected = expected + likely[column] * q[:, column]
        return expected

    def _solve(self, run, row, t):
        """(status, whether the most likely choice moved): what follows from a cell's values."""
        q = self.q[run, row, t]
        if self.rule == GREATEST:
            best = _greatest(q)
            return 0, self._note(run, row, t, q[best], best)
        if self.rule == BELIEF:
            expected = self._believe(run, row, t)
            self.policy[run, row, t, :len(expected)] = expected
            best = _greatest(expected)
            if not np.isfinite(expected[best]):
                return BAD_VALUE, False
            return 0, self._note(run, row, t, expected[best], best)
        if self.rule == MINIMAX:
            status, x, _, value = zero_sum(q.reshape(int(self.choices[t]), -1))
            if status:
                return BAD_VALUE, False
            self.policy[run, row, t, :len(x)] = x
            return 0, self._note(run, row, t, value, _greatest(x))
        p, q = self.q[run, row].reshape(2, int(self.actions[0]), int(self.actions[1]))
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
        known = ((weights == 0) | ((actions >= 0) & (actions < self.actions))).all(axis=1)
        reader = int(self.reads[t])
        row, next_row = rows[:, reader].astype(np.int64), next_rows[:, reader].astype(np.int64)
        inside = (row >= 0) & (row < self.q.shape[1]) & (next_row >= 0) & (next_row < self.q.shape[1])
        row, next_row = np.where(inside, row, 0), np.where(inside, next_row, 0)
        index = np.where(known[:, None], actions, 0).astype(np.int64) @ weights
        best = self.greedy[runs, row, t].astype(np.int64)
        sane = (best >= 0) & (best < self.choices[t])
        if self.together:
            target = np.zeros(len(runs))
            for k in self.leads.tolist():
                target = target + rewards[:, k]
            target = target / len(self.leads)
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
            self.visits[run, here, t] += self.visits[run, here, t] < MOST_VISITS
            self.q[run, here, t, joint] = value[r]
            if self.rule == GREATEST:
                moved[r] |= self._write(run, here, t, joint, value[r], old[r], int(best[r]))
                continue
            if self.rule == BELIEF:
                offset = 0
                for k, n in enumerate(self.actions.tolist()):
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
                now = _greatest(cell)
        elif value > cell[best] or (value == cell[best] and joint < best):
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


def _check_plan(shape, width, remembered, table_of, actions, leads, weights, choices, steps, reads, chooses_by, rule,
                objective, kind, random_ties, together):
    """Refuse arguments of ``Joint`` by which a kernel could leave its arrays. ``shape`` is that of ``q``."""
    runs, rows, tables, joint = shape
    agents = len(table_of)
    if table_of.min() < 0 or table_of.max() >= tables:
        raise ValueError(f"table_of: expected tables 0 to {tables - 1}, got {table_of.min()} to {table_of.max()}")
    if actions.min() < 1:
        raise ValueError(f"actions: expected at least 1, got {actions.min()}")
    for name, numbers in (("leads", leads), ("reads", reads), ("chooses_by", chooses_by)):
        if len(numbers) < 1 or numbers.min() < 0 or numbers.max() >= agents:
            raise ValueError(f"{name}: expected agents from 0 to {agents - 1}")
    if choices.min() < 1 or steps.min() < 1 or weights.min() < 0:
        raise ValueError("choices, steps, weights: expected at least 1, 1 and 0")
    for t in range(tables):
        most = sum((int(n) - 1) * int(weight) for n, weight in zip(actions, weights[t], strict=True))
        if most >= joint or (int(choices[t]) - 1) * int(steps[t]) >= joint:
            raise ValueError(f"weights, choices, steps: table {t} has joint actions up to {most}, q to {joint - 1}")
        if rule in (1, 2) and int(choices[t]) * int(steps[t]) != joint:
            raise ValueError(f"choices, steps: expected {joint} joint actions in table {t}")
        if rule in (0, 4) and (choices[t] != joint or steps[t] != 1):
            raise ValueError(f"choices, steps: expected {joint} choices, one step apart, in table {t}")
        if rule and choices[t] > width:
            raise ValueError(f"choices: policy has room for {width}, table {t} has {choices[t]}")
    for i in leads:
        if weights[table_of[i], i] < 1:
            raise ValueError(f"weights: agent {i} is led, and its table does not know its action")
    if rule == 2:
        for t in range(tables):
            others, weight = [k for k in range(agents) if k != reads[t]], 1
            fits = sum(int(actions[k]) for k in others) <= remembered
            for k in reversed(others):
                fits, weight = fits and weights[t, k] == weight, weight * int(actions[k])
            if not fits or steps[t] != weight or weights[t, reads[t]] != weight:
                raise ValueError("counts, weights: expected room for every other agent's actions, in their order")
    if rule > 2 and (tables != 2 or agents != 2 or int(actions[0]) * int(actions[1]) != joint
                     or (weights != [[actions[1], 1]] * 2).any() or table_of[0] != 0 or table_of[1] != 1
                     or reads[0] != reads[1] or rule == 3 and (choices != actions).any()):
        raise ValueError("rule: equilibria need two tables, over the joint actions of two agents")
    if rule == 3 and (steps[0] != actions[1] or steps[1] != 1):
        raise ValueError(f"steps: expected {actions[1]} and 1, got {steps[0]} and {steps[1]}")
    if objective not in (0, 1, 2, 3):
        raise ValueError(f"objective: expected 0 to 3, got {objective}")
    if kind not in (0, 1):
        raise ValueError(f"kind: expected 0 or 1, got {kind}")
    if (kind == 1 or random_ties) and rule not in (0, 2):
        raise ValueError("kind, random_ties: mixed policies explore by epsilon, and have no ties")
    if together and (tables != 1 or rule != 0):
        raise ValueError("together: expected one table, and rule 0")
