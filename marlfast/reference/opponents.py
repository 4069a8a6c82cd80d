"""Opponents in NumPy: the twin of ``src/_opponents.pyx``, vectorised over runs."""
import numpy as np

from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_ROW, BAD_VALUE, Learner, check, fine
from marlfast.reference.tabular import first_greatest, sample


def _best(values, count):
    """The first greatest of the first ``count`` values of each row."""
    return first_greatest(values, np.full(len(values), count))


def _by_regret(regret, u):
    """Actions with probability proportional to their positive regret [n, A]; any where none is."""
    n, n_actions = regret.shape
    total = np.zeros(n)
    for a in range(n_actions):
        total = np.where(regret[:, a] > 0.0, total + regret[:, a], total)
    some = total > 0.0
    with np.errstate(invalid="ignore"):
        drawn = sample(np.where(some[:, None], regret, 0.0), n_actions, np.where(some, u * total, 0.0))
    return np.where(some, drawn, (u * n_actions).astype(np.int64))


def _switch_by_regret(regret, played, scale, u):
    """Another action with probability regret / scale where that is positive; else the one last played."""
    n, n_actions = regret.shape
    running, chosen, found = np.zeros(n), played.copy(), np.zeros(n, bool)
    for a in range(n_actions):
        here = ~found & (a != played) & (regret[:, a] > 0.0)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            running = np.where(here, running + regret[:, a] / scale, running)
        here &= u < running
        chosen[here] = a
        found |= here
    return chosen


def _total_weight(weights):
    """Sum of exp(weights), each less the greatest; and the greatest."""
    top, total = weights[np.arange(len(weights)), _best(weights, weights.shape[1])], np.zeros(len(weights))
    with np.errstate(invalid="ignore"):
        for a in range(weights.shape[1]):
            total = total + exp_values(weights[:, a] - top)
    return total, top


def _exp3_probability(weight, top, total, gamma, count):
    with np.errstate(invalid="ignore"):
        return (1.0 - gamma) * (exp_values(weight - top) / total) + gamma / float(count)


class Opponent(Learner):
    """What opponents have in common.

    Parameters
    ----------
    runs : int
    actions : int32 [N]
        Number of actions of every agent of the team.
    agent_ids : int32 [L]
        The agents that are controlled.
    draws : int
        K, exploration draws per agent in the whole team.
    """

    def __init__(self, runs, actions, agent_ids, draws):
        check(actions, "actions", "int32", (-1,), False)
        check(agent_ids, "agent_ids", "int32", (-1,), False)
        agents = len(actions)
        if runs < 1:
            raise ValueError(f"runs: expected at least 1, got {runs}")
        if agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        if actions.min() < 1:
            raise ValueError(f"actions: expected at least 1 action, got {actions.min()}")
        if len(agent_ids) < 1 or agent_ids.min() < 0 or agent_ids.max() >= agents:
            raise ValueError(f"agent_ids: expected at least one agent from 0 to {agents - 1}")
        if draws < 1:
            raise ValueError(f"draws: expected at least 1, got {draws}")
        self.runs, self.agents, self.draws = runs, agents, draws
        self._actions, self._leads = actions, agent_ids
        self._led = [(j, i, int(actions[i])) for j, i in enumerate(agent_ids.tolist())]
        self._width = int(actions[agent_ids].max())

    def _remember(self, memory):
        self._memory = check(memory, "memory", "int32", (self.runs, len(self._led)), True)

    def _open(self, opening):
        least = self._actions[self._leads].min()
        if not 0 <= opening < least:
            raise ValueError(f"opening: expected 0 to {least - 1}, got {opening}")
        self._opening = opening

    def _pay(self, payoffs):
        """Check payoffs [L, joint actions], and say how far apart an agent's actions lie in them."""
        self._strides, joint = [1] * self.agents, 1
        for i in range(self.agents - 1, -1, -1):
            self._strides[i] = joint
            joint *= int(self._actions[i])
        self._payoffs = check(payoffs, "payoffs", "float64", (len(self._led), joint), False)

    def _alternatives(self, j, i, count, actions):
        """What agent i would have earned by each of its actions: float64 [n, count]."""
        place = np.zeros(len(actions), np.int64)
        for other in range(self.agents):
            if other != i:
                place += self._strides[other] * actions[:, other].astype(np.int64)
        return self._payoffs[j, place[:, None] + self._strides[i] * np.arange(count)]

    def stage_tick(self, runs, ended):
        pass

    def _known(self, actions):
        """Status of each run: whether every agent's action is one of its own."""
        return np.where(((actions >= 0) & (actions < self._actions)).all(axis=1), 0, BAD_ACTION).astype(np.int32)


def _sound(u):
    return (u >= 0.0) & (u < 1.0)


class _Remembering(Opponent):
    """What those that remember one action have in common."""

    def stage_act(self, runs, rows, draws, actions):
        status = fine(len(runs))
        for j, i, count in self._led:
            kept = self._memory[runs, j]
            known = (kept >= 0) & (kept <= count)
            actions[:, i] = np.where(known & (kept > 0), kept - 1, self._opening)
            status = np.where(status == 0, np.where(known, 0, BAD_ACTION), status)
        return status.astype(np.int32)

    def stage_tick(self, runs, ended):
        self._memory[runs[ended]] = 0


class FixedPolicy(Opponent):
    """Draws its actions from probabilities that never change.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    policy : float64 [L, rows, A] or None
        Probabilities; one row: the same in all. None: every action as likely.
    """

    learning = False

    def __init__(self, runs, actions, agent_ids, draws, policy):
        super().__init__(runs, actions, agent_ids, draws)
        if policy is not None:
            check(policy, "policy", "float64", (len(self._led), -1, self._width), False)
            if policy.shape[1] < 1:
                raise ValueError("policy: expected at least one row, got none")
        self._policy = policy

    def stage_act(self, runs, rows, draws, actions):
        status, policy = fine(len(runs)), self._policy
        for j, i, count in self._led:
            sound, inside = _sound(draws[:, i, 0]), np.ones(len(runs), bool)
            u = np.where(sound, draws[:, i, 0], 0.0)
            if policy is None:
                actions[:, i] = (u * count).astype(np.int64)
            else:
                row = np.zeros(len(runs), np.int64)
                if policy.shape[1] > 1:
                    inside = (rows[:, i] >= 0) & (rows[:, i] < policy.shape[1])
                    row = np.where(inside, rows[:, i], 0)
                actions[:, i] = sample(policy[j, row], count, u)
            status = np.where(status == 0, np.where(sound, np.where(inside, 0, BAD_ROW), BAD_DRAW), status)
        return status.astype(np.int32)


class TitForTat(_Remembering):
    """Does what another agent did in the step before.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    memory : int32 [R, L]
        Modified: one more than the action to come, 0 at the start of an episode.
    of : int32 [L]
        Whose actions are copied.
    opening : int
        Action of an episode's first step.
    """

    def __init__(self, runs, actions, agent_ids, draws, memory, of, opening):
        super().__init__(runs, actions, agent_ids, draws)
        check(of, "of", "int32", (len(self._led),), False)
        self._open(opening)
        self._remember(memory)
        if of.min() < 0 or of.max() >= self.agents:
            raise ValueError(f"of: expected agents from 0 to {self.agents - 1}, got {of.min()} to {of.max()}")
        self._of = of

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = fine(len(runs))
        for j, _, count in self._led:
            other = actions[:, self._of[j]]
            status = np.where(status == 0, np.where((other >= 0) & (other < count), 0, BAD_ACTION), status)
            good = status == 0
            self._memory[runs[good], j] = other[good] + 1
        return status.astype(np.int32)


class WinStayLoseShift(_Remembering):
    """Repeats its action where the reward reaches a threshold; else takes the next one, after the last the first.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    memory : int32 [R, L]
        Modified: one more than the action to come, 0 at the start of an episode.
    threshold : float64 [R]
    opening : int
        Action of an episode's first step.
    """

    def __init__(self, runs, actions, agent_ids, draws, memory, threshold, opening):
        super().__init__(runs, actions, agent_ids, draws)
        check(threshold, "threshold", "float64", (self.runs,), False)
        self._open(opening)
        self._remember(memory)
        self._threshold = threshold

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = fine(len(runs))
        for j, i, count in self._led:
            own = actions[:, i]
            status = np.where(status == 0, np.where((own >= 0) & (own < count), 0, BAD_ACTION), status)
            good = status == 0
            own, wins = own[good], rewards[good, i] >= self._threshold[runs[good]]
            self._memory[runs[good], j] = np.where(wins, own, np.where(own + 1 < count, own + 1, 0)) + 1
        return status.astype(np.int32)


class FictitiousPlay(Opponent):
    """Best replies to how often the others have taken each of their joint actions.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    learning : bool
        False: totals stay as they are.
    payoffs : float64 [L, joint actions]
        Of each agent that is controlled; the first agent's action is the most significant.
    totals : float64 [R, L, A]
        Modified: what each action would have earned in all steps together.
    counts : int64 [R, N, most actions]
        Modified: how often every agent took each action.
    """

    def __init__(self, runs, actions, agent_ids, draws, learning, payoffs, totals, counts):
        super().__init__(runs, actions, agent_ids, draws)
        self._totals = check(totals, "totals", "float64", (self.runs, len(self._led), self._width), True)
        self._counts = check(counts, "counts", "int64", (self.runs, self.agents, actions.max()), True)
        self._pay(payoffs)
        self.learning = bool(learning)

    def stage_act(self, runs, rows, draws, actions):
        for j, i, count in self._led:
            actions[:, i] = _best(self._totals[runs, j], count)
        return fine(len(runs))

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = self._known(actions)
        at = np.flatnonzero(status == 0)
        for i in range(self.agents):
            self._counts[runs[at], i, actions[at, i]] += 1
        for j, i, count in self._led:
            at = np.flatnonzero(status == 0)
            totals = self._totals[runs[at], j, :count]
            best = _best(totals, count)
            with np.errstate(invalid="ignore", over="ignore"):
                totals = totals + (self._alternatives(j, i, count, actions[at]) - 0.0)
            self._totals[runs[at], j, :count] = totals
            finite = np.isfinite(totals).all(axis=1)
            status[at[~finite]] = BAD_VALUE
            changed[at] |= finite & (best != _best(totals, count))
        return status


class RegretMatching(Opponent):
    """Actions by how much better they would have done.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    learning : bool
        False: regrets stay as they are.
    payoffs : float64 [L, joint actions]
        Of each agent that is controlled; the first agent's action is the most significant.
    regrets : float64 [R, L, A, A] or [R, L, 1, A]
        Modified: what the action of the last axis would have earned more, added up over the steps in which the
        action of the axis before was taken; or over all steps.
    memory : int32 [R, L]
        Modified: one more than the action of the step before, 0 before the first.
    steps : int64 [R]
        Modified: steps learned from.
    inertia : float64 [L]
        By which mean regrets are divided; greater than 0. Only read with [R, L, A, A].
    counts : int64 [R, joint actions]
        Modified: how often every joint action was learned from.
    """

    def __init__(self, runs, actions, agent_ids, draws, learning, payoffs, regrets, memory, steps, inertia, counts):
        super().__init__(runs, actions, agent_ids, draws)
        check(regrets, "regrets", "float64", (self.runs, len(self._led), -1, self._width), True)
        check(steps, "steps", "int64", (self.runs,), True)
        check(inertia, "inertia", "float64", (len(self._led),), False)
        if regrets.shape[2] not in (1, self._width):
            raise ValueError(f"regrets: expected 1 or {self._width} conditions, got {regrets.shape[2]}")
        if not (inertia > 0.0).all():
            raise ValueError(f"inertia: expected greater than 0, got {inertia.min()}")
        self._pay(payoffs)
        check(counts, "counts", "int64", (self.runs, self._payoffs.shape[1]), True)
        self._remember(memory)
        self._regrets, self._steps, self._inertia, self._learns = regrets, steps, inertia, bool(learning)
        self._counts = counts
        self._conditional = regrets.shape[2] > 1

    def stage_act(self, runs, rows, draws, actions):
        status = fine(len(runs))
        for j, i, count in self._led:
            sound, kept = _sound(draws[:, i, 0]), self._memory[runs, j].astype(np.int64)
            u, known = np.where(sound, draws[:, i, 0], 0.0), (kept >= 0) & (kept <= count)
            if self._conditional:
                played = np.where(known & (kept > 0), kept - 1, 0)
                scale = self._inertia[j] * self._steps[runs].astype(np.float64)
                switched = _switch_by_regret(self._regrets[runs, j, played, :count], played, scale, u)
                actions[:, i] = np.where(kept == 0, (u * count).astype(np.int64), switched)
            else:
                actions[:, i] = _by_regret(self._regrets[runs, j, 0, :count], u)
            status = np.where(status == 0, np.where(sound, np.where(known, 0, BAD_ACTION), BAD_DRAW), status)
        return status.astype(np.int32)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = self._known(actions)
        for j, i, count in self._led:
            at = np.flatnonzero(status == 0)
            which, own = runs[at], actions[at, i].astype(np.int64)
            self._memory[which, j] = own + 1
            if not self._learns:
                continue
            payoffs = self._alternatives(j, i, count, actions[at])
            condition = own if self._conditional else np.zeros_like(own)
            regret = self._regrets[which, j, condition, :count]
            best = _best(regret, count)
            with np.errstate(invalid="ignore", over="ignore"):
                regret = regret + (payoffs - payoffs[np.arange(len(at)), own][:, None])
            self._regrets[which, j, condition, :count] = regret
            finite = np.isfinite(regret).all(axis=1)
            status[at[~finite]] = BAD_VALUE
            changed[at] |= finite & (best != _best(regret, count))
        if self._learns:
            at = np.flatnonzero(status == 0)
            self._steps[runs[at]] += 1
            joint = np.zeros(len(at), np.int64)
            for i, count in enumerate(self._actions):
                joint = joint * int(count) + actions[at, i]
            self._counts[runs[at], joint] += 1
        return status


class Exp3(Opponent):
    """Exponential weights for exploring and exploiting.

    Parameters
    ----------
    runs, actions, agent_ids, draws
        See ``Opponent``.
    learning : bool
        False: weights stay as they are.
    weights : float64 [R, L, A]
        Modified: logarithms of the actions' weights.
    gamma : float64 [R]
        Share of steps in which any action is taken.
    low, high : float
        Range of rewards; those outside count as the nearer end.
    """

    def __init__(self, runs, actions, agent_ids, draws, learning, weights, gamma, low, high):
        super().__init__(runs, actions, agent_ids, draws)
        check(weights, "weights", "float64", (self.runs, len(self._led), self._width), True)
        check(gamma, "gamma", "float64", (self.runs,), False)
        if not ((gamma > 0.0) & (gamma <= 1.0)).all():
            raise ValueError(f"gamma: expected greater than 0 and at most 1, got {gamma.min()} to {gamma.max()}")
        if not low < high:
            raise ValueError(f"low, high: expected low < high, got {low}, {high}")
        self._weights, self._gamma, self._low, self._high = weights, gamma, low, high
        self.learning = bool(learning)

    def stage_act(self, runs, rows, draws, actions):
        status = fine(len(runs))
        gamma = self._gamma[runs]
        for j, i, count in self._led:
            sound, weights = _sound(draws[:, i, 0]), self._weights[runs, j, :count]
            u, (total, top) = draws[:, i, 0], _total_weight(weights)
            running, chosen, found = np.zeros(len(runs)), np.full(len(runs), count - 1), np.zeros(len(runs), bool)
            for a in range(count - 1):
                running = running + _exp3_probability(weights[:, a], top, total, gamma, count)
                here = ~found & (u < running)
                chosen[here] = a
                found |= here
            actions[:, i] = chosen
            status = np.where(status == 0, np.where(sound, 0, BAD_DRAW), status)
        return status.astype(np.int32)

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = fine(len(runs))
        for j, i, count in self._led:
            known = (actions[:, i] >= 0) & (actions[:, i] < count)
            status = np.where(status == 0, np.where(known, 0, BAD_ACTION), status)
            at = np.flatnonzero(status == 0)
            which, own, gamma, reward = runs[at], actions[at, i], self._gamma[runs[at]], rewards[at, i]
            weights = self._weights[which, j, :count]
            total, top = _total_weight(weights)
            old = weights[np.arange(len(at)), own]
            chance = _exp3_probability(old, top, total, gamma, count)
            with np.errstate(invalid="ignore", over="ignore"):
                inner = (reward - self._low) / (self._high - self._low)
                gain = np.where(reward <= self._low, 0.0, np.where(reward >= self._high, 1.0, inner)) / chance
                gain = old + gamma * gain / float(count)
            finite = np.isfinite(gain)
            status[at[~finite]] = BAD_VALUE
            best = _best(weights, count)
            self._weights[which[finite], j, own[finite]] = gain[finite]
            changed[at] |= finite & (best != _best(self._weights[which, j, :count], count))
        return status.astype(np.int32)
