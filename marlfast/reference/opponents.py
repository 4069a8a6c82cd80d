"""Opponents in NumPy: the twin of ``src/_opponents.pyx``, vectorised over runs."""
import numpy as np

from marlfast.declarations.opponents import (
    EXP3,
    FICTITIOUS_PLAY,
    FIXED_POLICY,
    OPPONENT,
    REGRET_MATCHING,
    TIT_FOR_TAT,
    WIN_STAY_LOSE_SHIFT,
)
from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_ROW, BAD_VALUE, Learner, fine
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


@OPPONENT.document
class Opponent(Learner):
    """What opponents have in common."""

    def __init__(self, **given):
        self._take(self.declared.check(given))

    def _take(self, a):
        self.held, self.runs, self.agents, self.draws = a.kept, a.R, a.N, a.draws
        self._actions = a.n_actions
        self._own = [(j, i, int(a.n_actions[i])) for j, i in enumerate(a.agent_ids.tolist())]

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
        for j, i, count in self._own:
            kept = self._memory[runs, j]
            known = (kept >= 0) & (kept <= count)
            actions[:, i] = np.where(known & (kept > 0), kept - 1, self._opening)
            status = np.where(status == 0, np.where(known, 0, BAD_ACTION), status)
        return status.astype(np.int32)

    def stage_tick(self, runs, ended):
        self._memory[runs[ended]] = 0


@FIXED_POLICY.document
class FixedPolicy(Opponent):
    """Draws its actions from probabilities that never change."""

    learning = False

    def _take(self, a):
        super()._take(a)
        self._policy = a.policy

    def stage_act(self, runs, rows, draws, actions):
        status, policy = fine(len(runs)), self._policy
        for j, i, count in self._own:
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


@TIT_FOR_TAT.document
class TitForTat(_Remembering):
    """Does what another agent did in the step before."""

    def _take(self, a):
        super()._take(a)
        self._memory, self._opening, self._of = a.memory, a.opening, a.of

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = fine(len(runs))
        for j, _, count in self._own:
            other = actions[:, self._of[j]]
            status = np.where(status == 0, np.where((other >= 0) & (other < count), 0, BAD_ACTION), status)
            good = status == 0
            self._memory[runs[good], j] = other[good] + 1
        return status.astype(np.int32)


@WIN_STAY_LOSE_SHIFT.document
class WinStayLoseShift(_Remembering):
    """Repeats its action where the reward reaches a threshold; else takes the next one, after the last the first."""

    def _take(self, a):
        super()._take(a)
        self._memory, self._opening, self._threshold = a.memory, a.opening, a.threshold

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = fine(len(runs))
        for j, i, count in self._own:
            own = actions[:, i]
            status = np.where(status == 0, np.where((own >= 0) & (own < count), 0, BAD_ACTION), status)
            good = status == 0
            own, wins = own[good], rewards[good, i] >= self._threshold[runs[good]]
            self._memory[runs[good], j] = np.where(wins, own, np.where(own + 1 < count, own + 1, 0)) + 1
        return status.astype(np.int32)


@FICTITIOUS_PLAY.document
class FictitiousPlay(Opponent):
    """Best replies to how often the others have taken each of their joint actions."""

    def _take(self, a):
        super()._take(a)
        self._payoffs, self._strides = a.payoffs, a.strides
        self._totals, self._counts, self.learning = a.totals, a.counts, a.learning

    def stage_act(self, runs, rows, draws, actions):
        for j, i, count in self._own:
            actions[:, i] = _best(self._totals[runs, j], count)
        return fine(len(runs))

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        status = self._known(actions)
        at = np.flatnonzero(status == 0)
        for i in range(self.agents):
            self._counts[runs[at], i, actions[at, i]] += 1
        for j, i, count in self._own:
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


@REGRET_MATCHING.document
class RegretMatching(Opponent):
    """Actions by how much better they would have done."""

    def _take(self, a):
        super()._take(a)
        self._payoffs, self._strides = a.payoffs, a.strides
        self._regrets, self._steps, self._inertia, self._learns = a.regrets, a.steps, a.inertia, a.learning
        self._memory, self._counts, self._conditional = a.memory, a.counts, a.conditions > 1

    def stage_act(self, runs, rows, draws, actions):
        status = fine(len(runs))
        for j, i, count in self._own:
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
        for j, i, count in self._own:
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


@EXP3.document
class Exp3(Opponent):
    """Exponential weights for exploring and exploiting."""

    def _take(self, a):
        super()._take(a)
        self._weights, self._gamma, self._low, self._high = a.weights, a.gamma, a.low, a.high
        self.learning = a.learning

    def stage_act(self, runs, rows, draws, actions):
        status = fine(len(runs))
        gamma = self._gamma[runs]
        for j, i, count in self._own:
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
        for j, i, count in self._own:
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
