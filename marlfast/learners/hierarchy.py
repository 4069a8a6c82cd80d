"""Hierarchical teams: a coordinator sets sub-goals for some steps, members learn what to do under each."""
import math
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, shown
from marlfast.learners.base import Learner, LearnerContext
from marlfast.learners.inner import apart, together
from marlfast.learners.plays import Automaton
from marlfast.learners.q_learning import IQL
from marlfast.learners.tabular import Tabular
from marlfast.limits import MAX_ROWS
from marlfast.memory import Shape, check_memory
from marlfast.registry import option, require
from marlfast.renamed import argument

__all__ = ["Hierarchy"]


def _part(arrays, prefix):
    """The arrays of one level, under their own names."""
    return {name[len(prefix):]: array for name, array in arrays.items() if name.startswith(prefix)}


def _named(arrays, prefix):
    return {prefix + name: array for name, array in arrays.items()}


@dataclass(frozen=True, repr=False, eq=False)
class Hierarchy(Learner):
    """A coordinator in every team sets a sub-goal for some steps, and the members learn what to do under each.

    At the start of an episode, and then every k = ``goal_every`` steps, the coordinator looks at the row s of its
    team's first member and sets the goal g, one of 0 to ``goals`` - 1, epsilon-greedily. The goal means nothing by
    itself: each member has a row of its table for each of its own rows and each goal, and learns in these by its own
    rule. When the goal is done with, after n <= k steps, the coordinator learns from them as from one::

        q[s, g] += learning_rate * (r[1] + ... + discount**(n - 1) * r[n] + discount**n * max q[s'] - q[s, g])

    where r is the mean of the rewards that the team's members learn from, and s' the row of the first member then.
    Nothing is bootstrapped from a terminal state; a time limit ends the goal before its time, and its step bootstraps
    from the true successor, discounted by as many steps as it took.

    Parameters
    ----------
    members : Learner
        Any learner of tables for single agents: :class:`IQL`, :class:`SARSA`, :class:`HystereticQ`, :class:`WoLFPHC`
        ... An ``initial_q`` of three axes has its rows in the order row * goals + goal.
    goals : int
        G, at least 1.
    goal_every : int
        At least 1: k, the steps for which a goal is kept.
    coordinator : IQL
        How the coordinator learns and explores; a tick of its schedules is a step of the game, or the end of an
        episode. ``share="all"``: one table for all coordinators.
    each : bool
        One goal for each member, set by its own row, in place of one for the team. All are learned from the team's
        reward.
    teams : None, "all" or sequence of sequence of int
        Who has a coordinator together: every agent that is controlled stands in one team. Default: the teams of the
        reward structure, or of the game; ``"all"``: one team.
    goal_reward : float64 [G, rows], optional
        Added to the reward of a member that has this goal and comes to this row; the coordinator does not get it. Not
        with an encoder that numbers rows as it first sees them.

    See Also
    --------
    IQL : What members and coordinators are, unless told otherwise.

    Notes
    -----
    A member's step bootstraps under the goal that it was made under, also where the goal ends with it. Members are told
    their goal; the coordinator is told its first member's row, and nothing of the others'. The draws of an agent are
    those of its own exploration, and then those of its coordinator's, whether used or not.

    Arrays: ``members.*`` and ``coordinator.*``, tables of the members as [R, rows, G, ...], of the coordinators [R,
    rows, C, G]; ``goal``, ``since``, ``last`` int32 [R, C], ``clock`` int64 [R], ``gathered`` float64 [R, teams],
    ``power`` float64 [R], ``late`` int32 [R], with C the coordinators, or agents with a goal of their own.

    References
    ----------
    R. S. Sutton, D. Precup, S. Singh, "Between MDPs and semi-MDPs: a framework for temporal abstraction in
    reinforcement learning", Artificial Intelligence 112 (1999), section 3: SMDP Q-learning.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.Hierarchy(goals=2, goal_every=5, teams="all")
    >>> run = mf.train(mf.games.TaskAllocation(), learner, episodes=20, seed=0)
    >>> run.tables(agent=0)["members.q"].shape[2]
    2
    """

    name = "hierarchy"
    also = ("options", "feudal")
    kernels = "hierarchy"
    members: Learner = option(IQL(), kind="learner")
    goals: int = 4
    goal_every: int = 10
    coordinator: Learner = option(IQL(), kind="learner")
    each: bool = False
    teams: Any = None
    goal_reward: Any = None

    def __post_init__(self):
        self._set(members=require("learner", self.members, "members"), goals=integer("goals", self.goals, 1, 2**20),
                  goal_every=integer("goal_every", self.goal_every, 1),
                  coordinator=require("learner", self.coordinator, "coordinator"),
                  each=choice("each", self.each, (True, False)), teams=self._given_teams())
        if not isinstance(self.members, Tabular):
            raise ValueError(f"members: {self.members.name!r} is not a learner of tables for single agents; take iql, "
                             "sarsa, hysteretic_q, wolf_phc or another of them")
        if type(self.coordinator) is not IQL:
            raise ValueError(f"coordinator: learns by Q-learning over goals; expected marlfast.IQL, got "
                             f"{self.coordinator.name!r}")
        if self.goal_reward is not None:
            try:
                reward = np.array(self.goal_reward, np.float64, order="C")
            except (TypeError, ValueError, OverflowError):
                raise TypeError(f"goal_reward: expected an array of numbers, got {shown(self.goal_reward)}") from None
            if reward.ndim != 2 or len(reward) != self.goals:
                raise ValueError(f"goal_reward: expected shape (goals, rows) = ({self.goals}, rows), got "
                                 f"{reward.shape}")
            if not np.isfinite(reward).all():
                raise ValueError(f"goal_reward: expected finite numbers, got {reward[~np.isfinite(reward)][0]}")
            reward.flags.writeable = False
            self._set(goal_reward=reward)

    def _given_teams(self):
        if self.teams is None or isinstance(self.teams, str):
            return choice("teams", self.teams, (None, "all"))
        try:
            teams = tuple(tuple(integer(f"teams[{k}]", i, 0) for i in team) for k, team in enumerate(self.teams))
        except TypeError:
            raise TypeError(f"teams: expected None, 'all' or a list of lists of agents such as [[0, 1], [2]], "
                            f"got {shown(self.teams)}") from None
        if not teams or not all(teams):
            raise ValueError(f"teams: expected at least one agent in every team, got {shown(self.teams)}")
        return teams

    @property
    def derived(self):
        return tuple(f"{level}.{name}" for level, one in self._levels() for name in one.derived)

    @property
    def by_row(self):
        return tuple(f"{level}.{name}" for level, one in self._levels() for name in one.by_row)

    def _levels(self):
        return ("members", self.members), ("coordinator", self.coordinator)

    def team_lists(self, context):
        """List the members of each team, of those that are controlled.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        list of list of int
            In order.
        """
        ids, given = list(context.agent_ids), self.teams
        if given is None:
            if context.teams is None:
                raise ValueError(f"hierarchy: a coordinator needs a team, but neither game {context.game.name!r} nor "
                                 "the rewards say who plays with whom; use rewards=marlfast.rewards.mixed(teams), or "
                                 "Hierarchy(teams='all') for one team of all that it controls")
            own = set(ids)
            given = [[i for i in team if i in own] for team in context.teams]
        teams = [ids] if given == "all" else [list(team) for team in given if len(team)]
        members = [i for team in teams for i in team]
        if sorted(members) != sorted(ids):
            raise ValueError(f"teams: expected every agent that is controlled, {shown(ids)}, in one team, got "
                             f"{shown(teams)}")
        return teams

    def _plan(self, context):
        """(head, team_of) of the choosers, (chooser_of, member_of) of the agents: int32 arrays."""
        return context.once(("plan", self), lambda: self._laid_out(context))

    def _laid_out(self, context):
        teams, n_agents = self.team_lists(context), context.agents
        chooser_of, member_of = np.zeros(n_agents, np.int32), np.zeros(n_agents, np.int32)
        for k, team in enumerate(teams):
            member_of[team] = k
        chooser_of[:] = member_of
        head = [team[0] for team in teams]
        team_of = list(range(len(teams)))
        if self.each:
            head = list(context.agent_ids)
            chooser_of[head] = np.arange(len(head))
            team_of = member_of[head]
        return np.array(head, np.int32), np.array(team_of, np.int32), chooser_of, member_of

    def _above(self, context):
        """The coordinator's context: the choosers are its agents, goals their actions."""
        return context.once(("above", self), lambda: self._context(context))

    def _context(self, context):
        choosers = len(self._plan(context)[0])
        game = SimpleNamespace(name="goals", agents=choosers, action_counts=np.full(choosers, self.goals, np.int32),
                               participation=(), teams=None, setting="mixed", views=0)     # rows alone
        return LearnerContext(game, SimpleNamespace(teams=None), context.runs, seeds=context.seeds,
                              run_numbers=context.run_numbers)

    def check(self, context, rows=None):
        self.team_lists(context)
        if rows is not None and rows * self.goals > MAX_ROWS:
            raise ValueError(f"goals: {rows:,} rows with {self.goals:,} goals each are more than the {MAX_ROWS:,} "
                             "that can be numbered; take fewer goals or a coarser encoder")
        if self.goal_reward is not None:
            if rows is None:
                raise ValueError("goal_reward: rows are numbered as they are first seen, so that nothing can be said "
                                 "of them before; take a game with numbered observations, or a Grid")
            if self.goal_reward.shape[1] != rows:
                raise ValueError(f"goal_reward: expected shape (goals, rows) = ({self.goals}, {rows}), got "
                                 f"{self.goal_reward.shape}")
        for level, one, own, size in (("members", self.members, context, None if rows is None else rows * self.goals),
                                      ("coordinator", self.coordinator, self._above(context), rows)):
            try:
                one.check(own, size)
            except ValueError as error:
                raise ValueError(f"{level}: {error}") from None

    def shapes(self, context, rows):
        above, n_runs = self._above(context), context.runs
        choosers, teams = above.game.agents, len(self.team_lists(context))
        members = {name: Shape((one.shape[0], rows, self.goals, *one.shape[2:]), one.dtype)
                   if name in self.members.by_row else one
                   for name, one in self.members.shapes(context, rows * self.goals).items()}
        return _named(members, "members.") | _named(self.coordinator.shapes(above, rows), "coordinator.") | {
            "goal": Shape((n_runs, choosers), "int32"), "since": Shape((n_runs, choosers), "int32"),
            "last": Shape((n_runs, choosers), "int32"), "clock": Shape((n_runs,), "int64"),
            "gathered": Shape((n_runs, teams)), "power": Shape((n_runs,)), "late": Shape((n_runs,), "int32")}

    def allocate(self, context, rows):
        above, n_runs = self._above(context), context.runs
        members = apart(self.members.allocate(context, rows * self.goals), self.members.by_row, self.goals)
        choosers, teams = above.game.agents, len(self.team_lists(context))
        return _named(members, "members.") | _named(self.coordinator.allocate(above, rows), "coordinator.") | {
            "goal": np.zeros((n_runs, choosers), np.int32), "since": np.zeros((n_runs, choosers), np.int32),
            "last": np.zeros((n_runs, choosers), np.int32), "clock": np.zeros(n_runs, np.int64),
            "gathered": np.zeros((n_runs, teams)), "power": np.ones(n_runs), "late": np.zeros(n_runs, np.int32)}

    def begin(self, context, arrays):
        """Forget the episode under way.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            Its own; they are changed.
        """
        for name, value in (("clock", 0), ("gathered", 0.0), ("power", 1.0), ("late", 0)):
            arrays[name][:] = value

    def _below(self, arrays):
        """The members' arrays as they have them."""
        return together(_part(arrays, "members."), self.members.by_row)

    def grow(self, context, arrays, rows, backend):
        members = self.members.grow(context, self._below(arrays), rows * self.goals, backend)
        above = self.coordinator.grow(self._above(context), _part(arrays, "coordinator."), rows, backend)
        members = apart(members, self.members.by_row, self.goals)
        return arrays | _named(members, "members.") | _named(above, "coordinator.")

    def derive(self, context, arrays, backend):
        members, above = self._below(arrays), _part(arrays, "coordinator.")
        self.members.derive(context, members, backend)
        self.coordinator.derive(self._above(context), above, backend)
        arrays |= _named(apart(members, self.members.by_row, self.goals), "members.") | _named(above, "coordinator.")

    def bounds(self):
        return {f"{level}.{name}": bounds for level, one in self._levels() for name, bounds in one.bounds().items()}

    # Played greedily, each level takes the two draws of epsilon-greedy exploration.

    def draws(self):
        return sum(max(2, one.draws()) for _, one in self._levels())

    def discounts(self):
        return self.members.discounts() | self.coordinator.discounts()

    @property
    def by_kernel(self):
        return self.members.by_kernel

    def exploring(self, how):
        return how              # each level says for itself

    def plays(self, context, arrays, kind="policy"):
        """Automata, one for each goal that is set: what is remembered is clock * goals + goal."""
        head, _, chooser_of, _ = self._plan(context)
        members = {p.agents[0]: p for p in self.members.plays(context, self._below(arrays), kind)}
        choosers = self.coordinator.plays(self._above(context), _part(arrays, "coordinator."), kind)
        return [Automaton(group, [int(context.action_counts[i]) for i in group], self.goal_every * self.goals,
                          partial(self._under_goals, [members[i] for i in group]), partial(self._moves, head, chooser),
                          partial(self._begins, head, chooser), partial(self._now, head, chooser, arrays, c),
                          by_run=True)
                for c, chooser in enumerate(choosers)
                if (group := [i for i in context.agent_ids if chooser_of[i] == c])]

    def _under_goals(self, members, run, rows):
        """Probabilities [n, M, J] of what the members with one goal do, each drawing for itself."""
        goals, joint = np.arange(self.goals), math.prod(one.counts[0] for one in members)
        check_memory(f"hierarchy: probabilities of {joint:,} joint actions of {len(members)} members under "
                     f"{self.goals * self.goal_every} goals and clocks",
                     8 * len(rows) * self.goals * self.goal_every * joint,
                     "what a team under one goal plays is a distribution over joint actions; take fewer members")
        inside = np.where(rows[:, None] >= 0, rows[:, None] * self.goals + goals[:, None], -1)
        joint = np.ones((len(rows) * self.goals, 1))
        for one in members:
            own = one.chances(run, inside.reshape(-1, rows.shape[1]))[:, 0]
            joint = (joint[:, :, None] * own[:, None, :]).reshape(len(joint), -1)
        return np.tile(joint.reshape(len(rows), self.goals, -1), (1, self.goal_every, 1))

    def _begins(self, head, chooser, run, rows):
        """Goals that are set in these rows, at clock 0: float64 [n, M]."""
        begin = np.zeros((len(rows), self.goal_every * self.goals))
        begin[:, :self.goals] = chooser.chances(run, rows[:, head])[:, 0]
        return begin

    def _moves(self, head, chooser, run, memory, actions, rewards, rows):
        following = np.zeros((len(rows), self.goal_every * self.goals))
        goes_on = memory + self.goals < following.shape[1]
        following[np.flatnonzero(goes_on), memory[goes_on] + self.goals] = 1.0
        following[~goes_on] = self._begins(head, chooser, run, rows[~goes_on])
        return following

    def _now(self, head, chooser, arrays, c, run, rows):
        clock = int(arrays["clock"][run])
        if clock:
            return clock * self.goals + int(arrays["goal"][run, c])
        return int(self._begins(head, chooser, run, rows)[0].argmax())

    def actions(self, context, arrays, rows):
        """What the members do next, under the goals that are set, or that would be set next."""
        head, _, chooser_of, _ = self._plan(context)
        rows, ids = np.asarray(rows), list(context.agent_ids)
        goals = arrays["goal"][0].astype(np.int64)
        if arrays["clock"][0] == 0:
            goals = self.coordinator.actions(self._above(context), _part(arrays, "coordinator."), rows[head])
        inside = np.full(context.agents, -1, np.int64)
        inside[ids] = np.where(rows[ids] >= 0, rows[ids] * self.goals + goals[chooser_of[ids]], -1)
        return self.members.actions(context, self._below(arrays), inside)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        head, team_of, chooser_of, member_of = self._plan(context)
        members, = self.members.bind(context, self._below(arrays), backend, max(draws or 0, self.draws()), learning,
                                     self.members.exploring(exploration))
        above, = self.coordinator.bind(self._above(context), _part(arrays, "coordinator."), backend, 2, learning,
                                       self.coordinator.exploring(exploration))
        return [kernels(backend, self.kernels).Hierarchy(
            members=members, coordinator=above, n_rows=arrays["members.q"].shape[1], goals=self.goals,
            goal_every=self.goal_every, agent_ids=context.ids(), chooser_of=chooser_of, member_of=member_of, head=head,
            team_of=team_of, goal_reward=self.goal_reward, offset=max(2, self.members.draws()),
            **{name: arrays[name] for name in ("goal", "since", "last", "clock", "gathered", "power", "late")})]


argument(Hierarchy, "every", "goal_every")
