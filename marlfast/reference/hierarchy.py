"""Hierarchical teams in NumPy: the twin of ``src/_hierarchy.pyx``, vectorised over runs."""
import numpy as np

from marlfast.reference.kernels import BAD_VALUE, Learner, check, fine
from marlfast.reference.mean_field import within
from marlfast.reference.q_learning import QLearning

NOTHING, MOVED, FAILED = range(3)


class Hierarchy(Learner):
    """Members whose rows say their sub-goal too, row * G + goal, and a coordinator that sets the goals.

    Every ``goal_every`` steps, and at the start of an episode, each chooser sets a goal by the row of its head. The
    coordinator learns from the steps between as from one (Sutton, Precup and Singh 1999): its reward is the sum of the
    team's mean rewards, discounted from step to step, and what follows is discounted by as many steps.

    Parameters
    ----------
    members : Learner
        Over tables with G rows for each of ``rows``.
    coordinator : QLearning
        Of the choosers, as agents with G actions. It takes ``power`` for its discount.
    rows, goals, goal_every : int
        Rows of the table without goals; G; k.
    agent_ids : int32 [L]
        The agents that ``members`` leads.
    chooser_of, member_of : int32 [N]
        Who sets an agent's goal, and its team.
    head, team_of : int32 [C]
        Whose row a chooser looks at, and its team; as many choosers as teams, or more.
    goal_reward : float64 [G, rows] or None
        Added to the reward of a member with that goal whose successor is in that row.
    goal, since, last : int32 [R, C]
        Modified: goals, the rows when they were set, and the rows now.
    clock : int64 [R]
        Modified: steps since then; 0: goals are to be set.
    gathered : float64 [R, teams]
        Modified: the teams' discounted rewards since then.
    power : float64 [R]
        Modified: discount ** clock.
    late : int32 [R]
        Modified: what the last ``tick`` leaves to say: 0 nothing, 1 a greedy goal changed, 2 it failed.
    offset : int
        Of the draws of an agent, where the coordinator's begin.
    """

    def __init__(self, members, coordinator, rows, goals, goal_every, agent_ids, chooser_of, member_of, head, team_of,
                 goal_reward, goal, since, last, clock, gathered, power, late, offset):
        if not isinstance(coordinator, QLearning):
            raise TypeError(f"coordinator: expected QLearning, got {type(coordinator).__name__}")
        runs, agents, choosers = members.runs, members.agents, coordinator.agents
        if members.active != 1 or members.central != 0:
            raise ValueError("members: expected a learner of one row of each agent")
        if coordinator.runs != runs:
            raise ValueError(f"coordinator: expected {runs} runs, got {coordinator.runs}")
        if goals < 1 or goal_every < 1 or rows < 1 or rows * goals > 2**31 - 1:
            raise ValueError(f"rows, goals, goal_every: expected at least 1, and at most 2**31 - 1 rows in all, got "
                             f"{rows}, "
                             f"{goals}, {goal_every}")
        if offset < 0 or offset + coordinator.draws > members.draws:
            raise ValueError(f"offset: expected room for {coordinator.draws} of {members.draws} draws, got {offset}")
        check(agent_ids, "agent_ids", "int32", (-1,), False)
        check(chooser_of, "chooser_of", "int32", (agents,), False)
        check(member_of, "member_of", "int32", (agents,), False)
        check(head, "head", "int32", (choosers,), False)
        check(team_of, "team_of", "int32", (choosers,), False)
        check(gathered, "gathered", "float64", (runs, -1), True)
        teams = gathered.shape[1]
        if not 1 <= teams <= choosers:
            raise ValueError(f"gathered: expected 1 to {choosers} teams, got {teams}")
        for name, array, most in (("agent_ids", agent_ids, agents), ("chooser_of", chooser_of, choosers),
                                  ("member_of", member_of, teams), ("head", head, agents),
                                  ("team_of", team_of, teams)):
            if len(array) < 1 or array.min() < 0 or array.max() >= most:
                raise ValueError(f"{name}: expected at least one number from 0 to {most - 1}")
        self.sizes = np.bincount(member_of[agent_ids], minlength=teams).astype(np.float64)
        if self.sizes.min() < 1.0:
            raise ValueError("member_of: expected a controlled agent in every team")
        for name, array in (("goal", goal), ("since", since), ("last", last)):
            check(array, name, "int32", (runs, choosers), True)
        check(clock, "clock", "int64", (runs,), True)
        check(power, "power", "float64", (runs,), True)
        check(late, "late", "int32", (runs,), True)
        if goal_reward is not None:
            check(goal_reward, "goal_reward", "float64", (goals, rows), False)
        self.members, self.coordinator = members, coordinator
        self.rows, self.goals, self.goal_every = rows, goals, goal_every
        self.agent_ids, self.chooser_of, self.member_of, self.head, self.team_of = (agent_ids, chooser_of, member_of,
                                                                                    head,
                                                                               team_of)
        self.goal_reward, self.goal, self.since, self.last = goal_reward, goal, since, last
        self.clock, self.gathered, self.power, self.late, self.offset = clock, gathered, power, late, offset
        self.discount, coordinator.discount = coordinator.discount, power
        self.runs, self.agents, self.draws = runs, agents, members.draws

    def _within(self, rows, goals):
        inside = np.full(rows.shape, -1, np.int32)
        inside[:, self.agent_ids] = within(rows[:, self.agent_ids], self.rows, self.goals, goals)
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
            known = (there >= 0) & (there < self.rows) & (goals >= 0) & (goals < self.goals)
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
