"""Hierarchical teams in NumPy: the twin of ``src/_hierarchy.pyx``, vectorised over runs."""
import numpy as np

from marlfast.declarations.hierarchy import HIERARCHY
from marlfast.reference.kernels import BAD_VALUE, Learner, fine
from marlfast.reference.mean_field import within
from marlfast.reference.q_learning import QLearning

NOTHING, MOVED, FAILED = range(3)


@HIERARCHY.document
class Hierarchy(Learner):
    """Members whose rows say their sub-goal too, row * G + goal, and a coordinator that sets the goals.

    Every ``goal_every`` steps, and at the start of an episode, each chooser sets a goal by the row of its head. The
    coordinator learns from the steps between as from one (Sutton, Precup and Singh 1999): its reward is the sum of the
    team's mean rewards, discounted from step to step, and what follows is discounted by as many steps.
    """

    def __init__(self, **given):
        a = self.declared.check(given)
        if not isinstance(a.coordinator, QLearning):
            raise TypeError(f"coordinator: expected QLearning, got {type(a.coordinator).__name__}")
        for name in (*HIERARCHY.arguments, "sizes"):
            setattr(self, name, getattr(a, name))
        self.discount, self.coordinator.discount = self.coordinator.discount, self.power
        self.runs, self.agents, self.draws = a.R, a.N, self.members.draws

    def _within(self, rows, goals):
        inside = np.full(rows.shape, -1, np.int32)
        inside[:, self.agent_ids] = within(rows[:, self.agent_ids], self.n_rows, self.goals, goals)
        return inside

    def _goals(self, runs):
        """The goals of the agents that are controlled: int64 [n, L]."""
        return self.goal[runs[:, None], self.chooser_of[self.agent_ids]].astype(np.int64)

    def stage_act(self, runs, rows, draws, actions):
        status = fine(len(runs))
        n = np.flatnonzero(self.clock[runs] == 0)
        if len(n):
            now = runs[n]
            self.since[now] = rows[n][:, self.head]
            drawn = draws[n][:, self.head, self.offset:self.offset + self.coordinator.draws]
            goals = self.goal[now]
            status[n] = self.coordinator.stage_act(now, self.since[now], drawn, goals)
            self.goal[now] = goals
        n = np.flatnonzero(status == 0)
        chosen = actions[n]
        status[n] = self.members.stage_act(runs[n], self._within(rows[n], self._goals(runs[n])), draws[n], chosen)
        actions[n] = chosen
        return status

    def _decide(self, runs, over, changed):
        """The goals are done with: the coordinator learns what came of them, and the next act sets others."""
        status = fine(len(runs))
        if self.coordinator.learning and len(runs):
            status = self.coordinator.stage_update(runs, self.since[runs], self.goal[runs],
                                                   self.gathered[runs][:, self.team_of], self.last[runs], over, changed)
        self.clock[runs], self.power[runs], self.gathered[runs] = 0, 1.0, 0.0
        return status

    def stage_update(self, runs, rows, actions, rewards, next_rows, terminated, changed):
        said, status = self.late[runs], fine(len(runs))
        status[(said != NOTHING) & (said != MOVED)] = BAD_VALUE
        changed |= said == MOVED
        self.late[runs[said == MOVED]] = NOTHING
        n = np.flatnonzero(status == 0)
        which, goals = runs[n], self._goals(runs[n])
        totals, own = np.zeros((len(n), len(self.sizes))), rewards[n]
        for i in self.agent_ids.tolist():
            with np.errstate(over="ignore", invalid="ignore"):
                totals[:, self.member_of[i]] += rewards[n, i]
        if self.goal_reward is not None:
            there = next_rows[n][:, self.agent_ids]
            known = (there >= 0) & (there < self.n_rows) & (goals >= 0) & (goals < self.goals)
            with np.errstate(over="ignore", invalid="ignore"):
                added = own[:, self.agent_ids] + self.goal_reward[np.where(known, goals, 0), np.where(known, there, 0)]
            own[:, self.agent_ids] = np.where(known, added, own[:, self.agent_ids])
        if self.members.learning and len(n):
            flags = changed[n]
            status[n] = self.members.stage_update(which, self._within(rows[n], goals), actions[n], own,
                                                  self._within(next_rows[n], goals), terminated[n], flags)
            changed[n] = flags
        learned = status[n] == 0
        n, totals = n[learned], totals[learned]
        which = runs[n]
        with np.errstate(over="ignore", invalid="ignore"):
            self.gathered[which] += self.power[which][:, None] * (totals / self.sizes)
            self.power[which] = self.power[which] * self.discount[which]
        self.last[which] = next_rows[n][:, self.head]
        self.clock[which] += 1
        done = n[terminated[n] | (self.clock[which] >= self.goal_every)]
        flags = changed[done]
        status[done] = self._decide(runs[done], terminated[done], flags)
        changed[done] = flags
        return status

    def stage_tick(self, runs, ended):
        over = runs[ended & (self.clock[runs] != 0)]
        moved = np.zeros(len(over), bool)
        status = self._decide(over, np.zeros(len(over), bool), moved)
        self.late[over[status != 0]] = FAILED
        self.late[over[(status == 0) & moved]] = MOVED
        self.members.stage_tick(runs, ended)
        self.coordinator.stage_tick(runs, ended)
