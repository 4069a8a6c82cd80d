"""Learners whose tables are over joint actions: of a whole team, against opponents, and for equilibria."""
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from marlfast.backends import at_hand, kernels
from marlfast.errors import among, choice, unknown
from marlfast.exploration import ONE_DRAW, EpsilonGreedy, Exploration
from marlfast.initial import NO_ROW, InitialValues, check_shape, first_values, initial_field, is_zero
from marlfast.learners.base import Learner
from marlfast.learners.plays import Plays, by_exploration, leaves_to_chance, mixed_in, no_average, one_hot
from marlfast.learners.q_learning import IQL
from marlfast.learners.tabular import held
from marlfast.memory import UNCHECKED, Shape, memory_there
from marlfast.registry import option
from marlfast.schedules import Constant, Schedule, spread

__all__ = ["CentralQ", "CorrelatedQ", "FriendOrFoe", "JointActionLearner", "MinimaxQ", "NashQ"]

GREATEST, MINIMAX, BELIEF, NASH, CORRELATED = range(5)

# Entries of one matrix whose equilibrium is looked for at every step. Beyond these a step takes milliseconds.
MAX_MATRIX = {MINIMAX: 4096, NASH: 4096, CORRELATED: 256}


def _large(n):
    """A whole number, in words that stay short."""
    return f"{n:,}" if n < 10**18 else f"about 10**{int((n.bit_length() - 1) * 0.30103)}"


class _Plan(NamedTuple):
    """How a learner's tables are laid out; see the parameters of ``Joint`` in ``src/_joint.pyx``."""

    rule: int
    table_of: np.ndarray
    weights: np.ndarray
    n_choices: np.ndarray
    steps: np.ndarray
    reads: np.ndarray
    chooses_by: np.ndarray
    joint: int
    remembered: int = 0

    @property
    def tables(self):
        return len(self.n_choices)

    @property
    def policies(self):
        return 1 if self.rule == CORRELATED else self.tables

    @property
    def policy_actions(self):
        """Numbers in a policy; 0: there is none."""
        return 0 if self.rule == GREATEST else int(max(self.n_choices))


def _weights(order, counts):
    """(what each agent's action counts for in a joint action's number, how many there are); the first most."""
    weights, joint = [0] * len(counts), 1
    for agent in reversed(order):
        weights[agent] = joint
        joint *= int(counts[agent])
    return weights, joint


def _plan(rule, context, tables, joint, reads, chooses_by, remembered=0):
    """A plan from (weights, n_choices, steps) of each table; table k is that of the k-th agent controlled."""
    table_of = np.zeros(context.agents, np.int32)
    table_of[list(context.agent_ids)] = np.arange(len(context.agent_ids)) if len(tables) > 1 else 0
    most = 2**62        # longer numbers are refused by ``check``, for the memory that they would take
    weights, n_choices, steps = (np.array(np.minimum(np.array(list(part), object), most).tolist(), np.int64)
                               for part in zip(*tables, strict=True))
    by = np.arange(context.agents, dtype=np.int32)
    by[list(context.agent_ids)] = chooses_by
    return _Plan(rule, table_of, weights, n_choices, steps, np.array(reads, np.int32), by, joint, remembered)


@dataclass(frozen=True, repr=False, eq=False)
class _Joint(Learner):
    """What learners over joint actions have in common; ``_laid_out`` is all that they differ in."""

    kernels = "joint"
    by_row = ("q", "value", "greedy", "visits", "policy")
    signal = None           # whether some may choose by the draw of another; None: all choose by the greatest value
    policy_name = "policy"
    objective_code = 0
    together = False
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(1.0, decay=0.995, minimum=0.05), kind="exploration")
    initial_q: Any = initial_field()

    def __post_init__(self):
        checked = IQL(self.learning_rate, self.discount, self.explore, initial_q=self.initial_q)
        self._set(learning_rate=checked.learning_rate, discount=checked.discount, explore=checked.explore,
                  initial_q=checked.initial_q, schedules=checked.schedules)

    @property
    def derived(self):
        """What follows from the values, but for who was greedy first among equals."""
        return ("value", self.policy_name, *(() if self.explore.keeps else ("greedy",)))

    def plan(self, context):
        """Lay the tables out.

        Parameters
        ----------
        context : LearnerContext
            Of the agents that are controlled.

        Returns
        -------
        tuple
            As the kernel takes it.
        """
        return context.once(("plan", self), lambda: self._laid_out(context))

    def _laid_out(self, context):
        raise NotImplementedError

    # -- what fits ------------------------------------------------------------------------------

    def _fits(self, context):
        """Refuse games that the rule does not fit."""

    def _only_epsilon(self):
        if not isinstance(self.explore, EpsilonGreedy):
            raise ValueError(f"explore: {self.name} plays mixed policies; it explores by EpsilonGreedy")

    def _two(self, context, instead):
        if context.agents != 2:
            raise ValueError(f"{self.name}: is for two players, game {context.game.name!r} has {context.agents} "
                             f"agents; {instead}")

    def _same_view(self, context):
        if len(context.agent_ids) > 1 and context.game.views > 1:
            raise ValueError(f"{self.name}: its agents share one table, but game {context.game.name!r} shows each its "
                             f"own (views={context.game.views}); friend_or_foe and jal have a table for each agent")

    def memory(self, context, rows):
        """Say how many bytes its tables take.

        Parameters
        ----------
        context : LearnerContext
            Of the agents that are controlled.
        rows : int
            Rows of the table.

        Returns
        -------
        int
            Bytes, of all runs.
        """
        plan = self.plan(context)
        cell = plan.tables * (plan.joint + 2 + plan.remembered) + plan.policies * plan.policy_actions
        return 8 * context.runs * rows * cell

    def check(self, context, rows=None):
        self._fits(context)
        plan, counts = self.plan(context), context.action_counts
        told = self._cost(context, 1 if rows is None else rows)
        needed = self.memory(context, rows or 1)
        present = memory_there() if needed > UNCHECKED else None
        if plan.joint > 2**31 - 1 or present is not None and needed > present:
            have = "" if present is None else f", this machine has {1e-9 * present:,.1f} GB"
            raise ValueError(f"{self.name}: {told}{have}; take fewer agents, actions, rows or runs, or learners "
                             "without joint tables (iql)")
        most = MAX_MATRIX.get(plan.rule)
        if most is not None and plan.joint > most:
            raise ValueError(f"{self.name}: finds an equilibrium at every step, of matrices of at most {most} entries; "
                             f"here they have {plan.joint:,} ({' x '.join(map(str, counts.tolist()))} actions)")
        check_shape(self.initial_q, (rows, plan.tables, plan.joint), "tables, joint actions")

    def _cost(self, context, rows):
        """What the tables cost, in words."""
        plan = self.plan(context)
        known = context.action_counts[(plan.weights > 0).any(axis=0)].tolist()
        shown = " x ".join(map(str, known[:8])) + (f" x ... of {len(known)} agents" if len(known) > 8 else "")
        size = self.memory(context, rows)
        gigabytes = f"{1e-9 * size:,.1f}" if size < 10**18 else _large(size // 10**9)
        return (f"tables for {context.runs:,} runs x {rows:,} rows x {plan.tables} tables x {_large(plan.joint)} joint "
                f"actions ({shown}) need {gigabytes} GB")

    # -- arrays ---------------------------------------------------------------------------------

    def _empty(self, context, rows):
        """Zeros for every array over rows; a cell's ``q``, ``value``, ``greedy`` and ``visits`` side by side."""
        plan, n_runs = self.plan(context), context.runs
        shape = n_runs, rows, plan.tables, plan.joint + 2
        needed = self.memory(context, rows)
        there = memory_there() if needed > UNCHECKED else None
        if there is not None and needed > there:
            raise MemoryError(f"{self.name}: {self._cost(context, rows)}, more than there is; take fewer agents, "
                              "actions, rows or runs")
        memory = np.zeros(math.prod(shape) + 8)
        policy = np.zeros((n_runs, rows, plan.policies, plan.policy_actions))
        counts = np.zeros((n_runs, rows, plan.tables, plan.remembered), np.int64)
        first = (-memory.ctypes.data % 64) // 8         # from the start of a cache line
        memory = memory[first:first + math.prod(shape)].reshape(shape)
        halves, end = memory.view(np.int32), 2 * plan.joint + 2
        arrays = {"q": memory[..., :plan.joint], "value": memory[..., plan.joint], "greedy": halves[..., end],
                  "visits": halves[..., end + 1]}
        if plan.policy_actions:
            arrays[self.policy_name] = policy
            if plan.rule != BELIEF:             # where all values are equal, so are the probabilities
                for t in range(plan.policies):
                    policy[:, :, t, :plan.n_choices[t]] = 1.0 / float(plan.n_choices[t])
        if plan.remembered:
            arrays["counts"] = counts
        return arrays

    def shapes(self, context, rows):
        plan, n_runs = self.plan(context), context.runs
        cell = n_runs, rows, plan.tables
        shapes = {"q": Shape((*cell, plan.joint)), "value": Shape(cell), "greedy": Shape(cell, "int32"),
                  "visits": Shape(cell, "int32")}
        if plan.policy_actions:
            shapes[self.policy_name] = Shape((n_runs, rows, plan.policies, plan.policy_actions))
        if plan.remembered:
            shapes["counts"] = Shape((*cell, plan.remembered), "int64")
        return shapes | self._schedule_shapes(n_runs)

    def allocate(self, context, rows):
        """``q`` float64 [R, rows, T, J], ``value`` and ``visits``, the policy, and the schedules'."""
        arrays = self._empty(context, rows)
        arrays |= self._fresh_schedules(context.runs)
        self._begin(context, arrays, 0, at_hand())
        return arrays

    def _begin(self, context, arrays, first, backend, number=None):
        """Give rows from ``first`` on their initial values, and all that follows from them.

        ``number``: of the first of them, where that is another.
        """
        plan, zero, number = self.plan(context), is_zero(self.initial_q), first if number is None else number
        if not zero:
            arrays["q"][:, first:] = first_values(
                self.initial_q, context, list(context.agent_ids[:plan.tables]), [plan.joint] * plan.tables, number,
                arrays["q"].shape[1] - first, backend)
            self._kernel(context, arrays, backend).settle(first)
        if not self.explore.keeps or plan.rule not in (GREATEST, BELIEF):
            return
        owners = [int(context.agent_ids[0])] if self.together else plan.reads.tolist()
        shares = context.shares(owners, number, arrays["q"].shape[1] - first, backend)
        top = plan.n_choices.astype(np.float64)
        if zero:
            arrays["greedy"][:, first:] = np.minimum(shares * top, top - 1.0)
            return
        flat = np.ascontiguousarray(arrays["q" if plan.rule == GREATEST else self.policy_name][:, first:])
        flat, counts = flat.reshape(-1, flat.shape[-1]), plan.n_choices.astype(np.int32)
        greedy = np.zeros(len(flat), np.int32)
        kernels(backend, "q_learning").find_greedy(flat, np.tile(counts, len(flat) // len(counts)), greedy,
                                                   shares.reshape(-1))
        arrays["greedy"][:, first:] = greedy.reshape(shares.shape)

    def grow(self, context, arrays, rows, backend):
        """The same tables with room for ``rows``."""
        old = arrays["q"].shape[1]
        larger = arrays | self._empty(context, rows)
        for name in set(self.by_row) & set(arrays):
            larger[name][:, :old] = arrays[name]
        self._begin(context, larger, old, backend)
        return larger

    def derive(self, context, arrays, backend):
        """Make the derived arrays from the others."""
        fresh = self._empty(context, arrays["q"].shape[1])
        for name in set(self.by_row) - set(self.derived):
            if name in arrays and arrays[name].any():
                fresh[name][:] = arrays[name]
        arrays |= fresh
        if arrays["q"].any():
            self._kernel(context, arrays, backend).settle(0)

    # -- the rest -------------------------------------------------------------------------------

    def draws(self):
        """Exploration draws per agent and step; the draw by which others choose, too, is one of its own."""
        if self.signal is None:
            return self.explore.n_draws
        return 1 + self.signal if self.explore.code == ONE_DRAW else max(self.explore.n_draws, 3)

    def discounts(self):
        return set(np.atleast_1d(self.discount).tolist())

    @property
    def by_kernel(self):
        return ("policy", "behaviour", "greedy") if self._plays_pure else ("policy", "behaviour")

    _plays_pure = True          # whether it plays one of its choices, or draws from a policy

    def plays(self, context, arrays, kind="policy"):
        """Of agents that one draw decides for, together: correlated equilibria, coalitions, ties of a team."""
        if kind == "average":
            raise no_average(self.name)
        plan, groups = self.plan(context), {}
        drawn = plan.rule not in (GREATEST, BELIEF) and kind != "greedy" or leaves_to_chance(self.explore, kind)
        for i in context.agent_ids:
            groups.setdefault(int(plan.chooses_by[i]) if drawn else i, []).append(i)
        counts = context.action_counts
        return [Plays(group, counts[group], partial(self._chances, context, arrays, plan, kind, tuple(group)),
                      None if drawn else partial(self._sure, context, arrays, plan, tuple(group)))
                for group in groups.values()]

    def _sure(self, context, arrays, plan, group, rows):
        """The greedy actions int [R, n, agents] of all runs."""
        return np.stack([np.stack([self._part(context, plan, i, self._choice(context, arrays, plan, i, run, rows))
                                   for i in group], axis=1) for run in range(len(arrays["q"]))])

    def _fresh(self, context):
        """The tables of one row that was never seen, in every run."""
        return context.once(("unseen", self), lambda: self._made_fresh(context))

    def _made_fresh(self, context):
        fresh = self._empty(context, 1) | self._fresh_schedules(context.runs)
        several = np.ndim(self.initial_q) == 4 if not isinstance(self.initial_q, InitialValues) else False
        one_row = self if not several else replace(self, initial_q=self.initial_q[:, :1])
        one_row._begin(context, fresh, 0, at_hand(), NO_ROW if isinstance(self.initial_q, InitialValues) else None)
        return fresh

    def _at(self, context, arrays, name, plan, table, run, rows):
        """A table's entries in the rows of the agent that it looks at: [n, ...]."""
        own = rows[:, plan.reads[table]]
        found = arrays[name][run][np.maximum(own, 0)]
        if (own < 0).any():
            found = np.where((own < 0).reshape(-1, *(1,) * (found.ndim - 1)), self._fresh(context)[name][run, 0], found)
        return found[:, min(table, found.shape[1] - 1)]

    def _choice(self, context, arrays, plan, agent, run, rows):
        """The greedy choice of an agent's table: int [n]."""
        return self._at(context, arrays, "greedy", plan, plan.table_of[agent], run, rows).astype(np.int64)

    @staticmethod
    def _part(context, plan, agent, choice):
        """An agent's own part of a choice."""
        t = plan.table_of[agent]
        return choice * int(plan.steps[t]) // int(plan.weights[t, agent]) % int(context.action_counts[agent])

    def _choices(self, context, arrays, plan, kind, agent, run, rows):
        """Probabilities of the choices of an agent's table, none explored: float64 [n, choices]."""
        t = plan.table_of[agent]
        best = self._choice(context, arrays, plan, agent, run, rows)
        if plan.rule not in (GREATEST, BELIEF):
            if kind == "greedy":
                return one_hot(best, int(plan.n_choices[t]))
            p = self._at(context, arrays, self.policy_name, plan, t, run, rows)[:, :plan.n_choices[t]]
            return p / p.sum(axis=1, keepdims=True)
        values = self._at(context, arrays, self.policy_name if plan.rule == BELIEF else "q", plan, t, run, rows)
        kind = "policy" if kind == "behaviour" else kind
        now = arrays[f"{self.explore.parameter}.value"][run]
        return by_exploration(values[:, :plan.n_choices[t]], best, self.explore, now, kind)

    def _chances(self, context, arrays, plan, kind, group, run, rows):
        """Probabilities [n, J] of what agents do together whose choices one number decides."""
        counts = [int(context.action_counts[i]) for i in group]
        chances = [self._choices(context, arrays, plan, kind, i, run, rows) for i in group]
        joint = _by_one_draw(chances)
        places = np.indices(joint.shape[1:]).reshape(len(group) if joint.ndim > 2 else 1, -1)
        parts = [self._part(context, plan, i, places[min(k, len(places) - 1)]) for k, i in enumerate(group)]
        p = np.zeros((len(rows), math.prod(counts)))
        np.add.at(p.T, np.ravel_multi_index(parts, counts), joint.reshape(len(rows), -1).T)
        if kind != "behaviour" or self.explore.name == "boltzmann":
            return p
        epsilon = arrays["epsilon.value"][run]
        if self.together:
            return mixed_in(p, epsilon)
        cube = p.reshape(len(rows), *counts)
        for k, n in enumerate(counts):          # each explores by itself
            cube = (1.0 - epsilon) * cube + epsilon / n * cube.sum(axis=1 + k, keepdims=True)
        return cube.reshape(len(rows), -1)

    def actions(self, context, arrays, rows):
        """The most likely action, or part of the most likely joint action, of each agent it controls."""
        plan, one = self.plan(context), np.asarray(rows)[None]
        return np.array([self._part(context, plan, i, self._choice(context, arrays, plan, i, 0, one))[0]
                         for i in context.agent_ids], np.int32)

    def _kernel(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        plan, n_runs = self.plan(context), len(arrays["q"])
        shape = arrays["q"].shape
        explore, bound = self.explore, self._bound_schedules(arrays, backend)
        if exploration is not None:
            explore, bound[exploration.parameter] = exploration, exploration.bound(n_runs, backend)
        elif not learning:                          # it explores as it does now
            bound[explore.parameter] = held(arrays[f"{explore.parameter}.value"], backend)
        if not learning:
            bound["rate"] = Constant(0.0).bind(Constant(0.0).allocate(n_runs), backend)
        policy = arrays.get(self.policy_name, np.zeros((*shape[:2], plan.policies, 0)))
        counts = arrays.get("counts", np.zeros((*shape[:3], 0), np.int64))
        return kernels(backend, self.kernels).Joint(
            **{name: arrays[name] for name in ("q", "value", "greedy", "visits")}, policy=policy, counts=counts,
            table_of=plan.table_of, n_actions=np.ascontiguousarray(context.action_counts, np.int32),
            agent_ids=context.ids(),
            weights=plan.weights, n_choices=plan.n_choices, steps=plan.steps, reads=plan.reads,
            chooses_by=plan.chooses_by, discount=spread(self.discount, n_runs), rate=bound["rate"],
            exploration=bound[explore.parameter], rule=plan.rule, objective=self.objective_code, kind=explore.code,
            strict=explore.strict, ties=explore.ties_code if plan.rule in (GREATEST, BELIEF) else 0,
            together=self.together, draws=max(draws or 0, self.draws(), explore.n_draws), learning=learning)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return [self._kernel(context, arrays, backend, draws, learning, exploration)]


@dataclass(frozen=True, repr=False, eq=False)
class CentralQ(_Joint):
    """Central Q-learning: one table over the joint actions of the team, as if it were one agent.

    ``q[row, joint] += learning_rate * (mean reward + discount * max q[next row] - q[row, joint])``, where the reward
    is the mean over the agents that it controls. Acting and learning cost the same however many joint actions there
    are; the table does not: ``memory(context, rows)`` says its bytes, and what cannot fit is refused before it is made.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for ``discount`` and in the exploration.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        The team explores as one: the first agent's draw says whether, then each agent's own says which action, so
        that every joint action is as likely. Boltzmann is over joint actions.
    initial_q : float or array
        Initial values, broadcast to (rows, 1, joint actions), or without rows where the encoder numbers them as it
        goes. A joint action's number has the first agent's action as the most significant.

    See Also
    --------
    IQL : Each agent by itself.
    VDN : A sum in place of a table of joint actions.
    JointActionLearner : Each agent for itself, knowing what others do.

    Notes
    -----
    Tables: ``q`` float64 [R, rows, 1, J], ``value`` [R, rows, 1] (the greatest), ``greedy`` and ``visits``.

    References
    ----------
    C. Claus and C. Boutilier, "The dynamics of reinforcement learning in cooperative multiagent systems", AAAI
    1998, section 1; C. Boutilier, "Planning, learning and coordination in multiagent decision processes", TARK 1996.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Climbing(), mf.learners.CentralQ(0.1), episodes=2000, seed=0)
    >>> run.policy(0)(0).tolist()
    [0, 0]
    """

    name = "central_q"
    together = True

    def _fits(self, context):
        self._same_view(context)

    def _laid_out(self, context):
        ids = list(context.agent_ids)
        weights, joint = _weights(ids, context.action_counts)
        return _plan(GREATEST, context, [(weights, joint, 1)], joint, ids[:1], ids[0])


@dataclass(frozen=True, repr=False, eq=False)
class JointActionLearner(_Joint):
    """Joint-action learner: values of joint actions, weighed by what the others have done so far.

    ``q[row, own, others] += learning_rate * (reward + discount * value[next row] - q[row, own, others])``; then
    ``expected[row, own] = sum over others' actions of q[row, own, others] * product of their frequencies in this row``,
    and ``value[row] = max expected[row]``. In a row where the others were never seen all their actions are as likely.
    Each agent that is controlled has a table of its own; all agents' actions are seen.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1]; the paper, whose games have no states, has 0.
    explore : Exploration
        By the expected values. The paper's is ``Boltzmann``, its temperature falling.
    initial_q : float or array
        Initial values, broadcast to (rows, tables, joint actions), or without rows where the encoder numbers them as it
        goes. A joint action's number has the own action as the most significant, then the others' in order.

    See Also
    --------
    CentralQ : One table for the team.
    FictitiousPlay : Knows its payoffs, and need not learn them.

    Notes
    -----
    Tables: ``q`` float64 [R, rows, T, J], ``expected`` [R, rows, T, A], ``counts`` int64 [R, rows, T, actions of all
    others, in order], ``value``, ``greedy`` and ``visits``.

    References
    ----------
    C. Claus and C. Boutilier, "The dynamics of reinforcement learning in cooperative multiagent systems", AAAI
    1998, section 3: the expected value EV, and frequencies of each other agent's actions. Values of successor states
    are not in the paper, whose games have one state.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.JointActionLearner(0.1, discount=0.0)
    >>> run = mf.train(mf.games.StagHunt(), learner, episodes=1000, seed=0)
    >>> int(run.tables(agent=0)["counts"].sum())
    2000
    """

    name = "jal"
    also = ("joint_action_learner", "joint_q")
    by_row = ("q", "value", "greedy", "visits", "expected", "counts")
    policy_name = "expected"

    def _laid_out(self, context):
        counts, tables = context.action_counts, []
        for agent in context.agent_ids:
            weights, joint = _weights([agent] + [k for k in range(context.agents) if k != agent], counts)
            tables.append((weights, int(counts[agent]), joint // int(counts[agent])))
        most = max(int(counts.sum()) - int(counts[agent]) for agent in context.agent_ids)
        return _plan(BELIEF, context, tables, joint, context.agent_ids, context.agent_ids, most)


@dataclass(frozen=True, repr=False, eq=False)
class FriendOrFoe(_Joint):
    """Friend-or-foe Q-learning: friends are trusted to help, foes are feared to harm.

    ``q[row, ours, theirs] += learning_rate * (reward + discount * value[next row] - q[row, ours, theirs])`` and
    ``value[row] = max over mixed policies of min over theirs of sum of policy[ours] * q[row, ours, theirs]``, where
    ``ours`` are the joint actions of the agent and its friends, ``theirs`` those of its foes. Without foes that is the
    greatest value, and no equilibrium need be looked for; else a linear program is solved at every update. Each agent
    that is controlled has a table of its own, and does its own part of what its coalition should; friends draw by the
    same number, so that those with equal tables do a joint action of theirs.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        ``EpsilonGreedy`` where there are foes; each agent by itself.
    initial_q : float or array
        Initial values, broadcast to (rows, tables, joint actions), or without rows where the encoder numbers them as it
        goes. A joint action's number has the actions of the own coalition, in agent order, as the most significant.
    friends : {"team", "all", "none"}
        Agents of the own team (of the reward structure, or else of the game) are friends; or all are, or none.

    See Also
    --------
    MinimaxQ : Without friends.
    CentralQ : With friends alone, who share a table.

    Notes
    -----
    Tables: ``q`` float64 [R, rows, T, J], ``policy`` [R, rows, T, policy_actions] (probabilities of the coalition's
    joint actions; only where there are foes), ``value``, ``greedy`` (the most likely) and ``visits``. Where all values
    of a row are equal, the policy is uniform.

    References
    ----------
    M. L. Littman, "Friend-or-foe Q-learning in general-sum games", ICML 2001, section 3.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.FriendOrFoe(0.1, friends="none")
    >>> run = mf.train(mf.games.MatchingPennies(horizon=0), learner, steps=2000, seed=0)
    >>> run.policy(0).probabilities(0)[0].round(1).tolist()
    [0.5, 0.5]
    """

    name = "friend_or_foe"
    also = ("ffq", "friend_q", "foe_q")
    signal = True
    friends: str = "team"

    def __post_init__(self):
        super().__post_init__()
        if not among(self.friends, ("team", "all", "none")):
            raise unknown("friends", self.friends, ("team", "all", "none"))

    @property
    def _plays_pure(self):
        return self.friends == "all"

    def _coalition(self, agent, context):
        if self.friends != "team":
            return list(range(context.agents)) if self.friends == "all" else [agent]
        if context.teams is None:
            raise ValueError("friends: 'team' needs teams; use rewards=marlfast.rewards.mixed(teams), or friends='all' "
                             "or 'none'")
        return sorted(next((team for team in context.teams if agent in team), (agent,)))

    def _laid_out(self, context):
        counts, tables, first = context.action_counts, [], []
        for agent in context.agent_ids:
            ours = self._coalition(agent, context)
            weights, joint = _weights(ours + [k for k in range(context.agents) if k not in ours], counts)
            n_choices = math.prod(int(counts[k]) for k in ours)
            tables.append((weights, n_choices, joint // n_choices))
            first.append(ours[0])
        rule = GREATEST if all(steps == 1 for *_, steps in tables) else MINIMAX
        return _plan(rule, context, tables, joint, context.agent_ids, first)

    def _fits(self, context):
        if self.plan(context).rule == MINIMAX:
            self._only_epsilon()


@dataclass(frozen=True, repr=False, eq=False)
class MinimaxQ(FriendOrFoe):
    """Minimax-Q: of two players, each learns what it can earn against the worst that the other could do.

    ``q[row, own, other] += learning_rate * (reward + discount * value[next row] - q[row, own, other])`` and
    ``value[row] = max over mixed policies of min over other of sum of policy[own] * q[row, own, other]``, by a linear
    program at every update. It leads one player, or both, each with a table of its own and from its own view.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. Littman's: ``Exponential(1.0, 10 ** (-2 / 10**6))``.
    discount : float or sequence of float [R]
        In [0, 1]. Littman's: 0.9.
    explore : EpsilonGreedy
        Littman's: 0.2.
    initial_q : float or array
        Initial values, broadcast to (rows, tables, joint actions), or without rows where the encoder numbers them as it
        goes. A joint action's number is own action times the other's actions, plus the other's. Littman's: 1.
    friends : {"none"}
        Nobody is; :class:`FriendOrFoe` has others.

    See Also
    --------
    FriendOrFoe : Of more than two players.
    NashQ : Where what one wins the other need not lose.

    Notes
    -----
    Tables: ``q`` float64 [R, rows, T, J], ``policy`` [R, rows, T, A], ``value`` (what the policy earns at least),
    ``greedy`` (the most likely action) and ``visits``. Where all values of a row are equal, the policy is uniform.

    References
    ----------
    M. L. Littman, "Markov games as a framework for multi-agent reinforcement learning", ICML 1994, figure 1.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.RockPaperScissors(horizon=0)
    >>> run = mf.train(game, mf.learners.MinimaxQ(), steps=20_000, seed=0)
    >>> run.policy(0).probabilities(0)[0].round(2).tolist()
    [0.33, 0.33, 0.33]
    """

    name = "minimax_q"
    also = ("minimax",)
    signal = False
    explore: Exploration = option(EpsilonGreedy(0.2), kind="exploration")
    friends: str = "none"

    def __post_init__(self):
        super().__post_init__()
        choice("friends", self.friends, ("none",))

    def _fits(self, context):
        self._two(context, "friend_or_foe fits any number in teams, central_q and jal any number, iql anything")
        if context.game.setting == "cooperative":
            raise ValueError(f"minimax_q: in game {context.game.name!r} both players always earn the same, and neither "
                             "is the other's foe; central_q, jal and friend_or_foe(friends='all') fit")
        self._only_epsilon()


@dataclass(frozen=True, repr=False, eq=False)
class _Pair(_Joint):
    """Of two players that see the same: a table of each, side by side."""

    rule = None
    _plays_pure = False
    explore: Exploration = option(EpsilonGreedy(0.2), kind="exploration")

    def _fits(self, context):
        self._two(context, "friend_or_foe fits any number in teams, central_q and jal any number, iql anything")
        if len(context.agent_ids) != 2:
            raise ValueError(f"{self.name}: learns both players' values from both players' rewards; let it control "
                             f"both "
                             "agents, or use minimax_q, friend_or_foe or jal for one of them")
        self._same_view(context)
        self._only_epsilon()

    def _laid_out(self, context):
        counts = [int(n) for n in context.action_counts]
        if context.agents != 2:
            self._fits(context)
        weights, joint = _weights([0, 1], counts)
        if self.rule == NASH:
            tables = [(weights, counts[0], counts[1]), (weights, counts[1], 1)]
        else:
            tables = [(weights, joint, 1)] * 2
        return _plan(self.rule, context, tables, joint, [0, 0], [0, 1] if self.rule == NASH else [0, 0])


@dataclass(frozen=True, repr=False, eq=False)
class NashQ(_Pair):
    """Nash-Q: two players learn both players' values, and play an equilibrium of them in every row.

    ``q[row, i, joint] += learning_rate * (reward of i + discount * value[next row, i] - q[row, i, joint])`` for both i,
    and ``value[row, i]`` is what i earns in a Nash equilibrium of the matrices ``q[row, 0]`` and ``q[row, 1]``.

    Both players' tables would be the same in either's head, since both see everything: they are kept once. Of several
    equilibria both mean the same one: of the pure ones that with the greatest sum of values (of these the first); if
    none is pure, that at the end of Lemke and Howson's path for the first player's first action.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    explore : EpsilonGreedy
        Each player by itself.
    initial_q : float or array
        Initial values, broadcast to (rows, 2, joint actions), or without rows where the encoder numbers them as it
        goes. A joint action's number is the first player's action times the second's actions, plus the second's.

    See Also
    --------
    CorrelatedQ : One draw for both players.
    marlfast.analysis.equilibria : All equilibria of one round.

    Notes
    -----
    Tables: ``q`` float64 [R, rows, 2, J], ``policy`` [R, rows, 2, A], ``value``, ``greedy`` (the most likely action)
    and ``visits`` [R, rows, 2].

    References
    ----------
    J. Hu and M. P. Wellman, "Nash Q-learning for general-sum stochastic games", JMLR 4 (2003), section 3.
    It converges where every game met on the way has an equilibrium best for all, or a saddle point.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.BattleOfTheSexes(horizon=0), mf.learners.NashQ(), steps=5000, seed=0)
    >>> run.policy(0)(0).tolist()
    [1, 1]
    """

    name = "nash_q"
    signal = False
    rule = NASH


@dataclass(frozen=True, repr=False, eq=False)
class CorrelatedQ(_Pair):
    """Correlated-Q: two players learn both players' values, and are told what to do by a joint distribution.

    ``q[row, i, joint] += learning_rate * (reward of i + discount * value[next row, i] - q[row, i, joint])`` for both i,
    and ``value[row, i]`` is what i earns in a correlated equilibrium of ``q[row, 0]`` and ``q[row, 1]``: a distribution
    of joint actions under which neither gains by doing otherwise than told. One draw, the first player's, tells both.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    explore : EpsilonGreedy
        Each player by itself.
    initial_q : float or array
        Initial values, broadcast to (rows, 2, joint actions), or without rows where the encoder numbers them as it
        goes. A joint action's number is the first player's action times the second's actions, plus the second's.
    objective : {"utilitarian", "egalitarian", "republican", "libertarian"}
        Which equilibrium: that with the greatest sum of values, the greatest smaller value, or the greatest value of
        either player; or each player's own part, played independently, of the equilibrium that is best for itself.

    See Also
    --------
    NashQ : Players who draw apart.
    marlfast.analysis.correlated_equilibrium : That of one round.

    Notes
    -----
    Tables: ``q`` float64 [R, rows, 2, J], ``policy`` [R, rows, 1, J], ``value`` [R, rows, 2], ``greedy`` (the most
    likely joint action) and ``visits``.

    References
    ----------
    A. Greenwald and K. Hall, "Correlated Q-learning", ICML 2003, section 3.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.CorrelatedQ(objective="egalitarian")
    >>> run = mf.train(mf.games.BattleOfTheSexes(horizon=0), learner, steps=5000, seed=0)
    >>> run.tables(agent=0)["policy"].shape[-1]
    4
    """

    name = "correlated_q"
    also = ("ce_q",)
    signal = True
    rule = CORRELATED
    objective: str = "utilitarian"

    def __post_init__(self):
        super().__post_init__()
        choice("objective", self.objective, _OBJECTIVES)

    @property
    def objective_code(self):
        return _OBJECTIVES.index(self.objective)


_OBJECTIVES = ("utilitarian", "egalitarian", "republican", "libertarian")


def _by_one_draw(chances):
    """Probabilities of what several choose by one draw, each by the running sums of its own probabilities.

    Parameters
    ----------
    chances : list of float64 [n, choices]

    Returns
    -------
    float64 [n, choices of the first, choices of the second, ...]
        Of several whose probabilities are all the same: [n, choices], what they all choose.
    """
    if all(p.shape == chances[0].shape and (p == chances[0]).all() for p in chances[1:]):
        return chances[0]
    shape = tuple(p.shape[1] for p in chances)
    joint = np.zeros((len(chances[0]), *shape))
    for n in range(len(joint)):
        ends = [np.minimum(np.cumsum(p[n]), 1.0) for p in chances]
        for edge, p in zip(ends, chances, strict=True):
            edge[np.flatnonzero(p[n])[-1]:] = 1.0           # where the running sums stop short of 1 by rounding
        cuts = np.unique(np.concatenate([[0.0], *ends]))
        middles = 0.5 * (cuts[1:] + cuts[:-1])
        at = tuple(np.searchsorted(edge, middles, side="right") for edge in ends)
        np.add.at(joint[n], tuple(np.minimum(k, size - 1) for k, size in zip(at, shape, strict=True)), np.diff(cuts))
    return joint
