"""Independent learners of action values that learn from one step at once, beyond Q-learning."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from marlfast.errors import shown
from marlfast.exploration import Boltzmann, EpsilonGreedy, Exploration
from marlfast.initial import initial_field
from marlfast.learners.base import check_common
from marlfast.learners.tabular import Tabular
from marlfast.memory import Shape
from marlfast.registry import option
from marlfast.schedules import Schedule

__all__ = ["DistributedQ", "DoubleQ", "ExpectedSARSA", "FrequencyAdjustedQ", "HystereticQ"]

_DECAYING = EpsilonGreedy(1.0, decay=0.995, minimum=0.05)
# Rules of the kernel that learns from one step at once.
_EXPECTED, _DISTRIBUTED, _HYSTERETIC, _FREQUENCY = range(4)


class _OneStep(Tabular):
    """Base of those that differ from Q-learning in one line: the target, or the rate."""

    kernels = "one_step"
    sparse = True
    moves = True
    rule = None

    def lanes(self, context):
        return 0 if self.rule == _FREQUENCY else self._side_by_side(context)

    def _kernel(self, module, common, arrays, bound):
        return module.OneStep(**common, rule=self.rule, second=bound.get("second"))


@dataclass(frozen=True, repr=False, eq=False)
class ExpectedSARSA(_OneStep):
    """Expected SARSA: what comes next is worth what the agent's own exploring policy makes of it.

    ``q[row, a] += learning_rate * (reward + discount * sum_b p(b) q[next row, b] - q[row, a])``, where p are the
    probabilities with which the agent would act in the next row, explored as in this step; nothing is bootstrapped from
    a terminal state, a truncated episode bootstraps from its true successor.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    SARSA : Looks ahead by the action that is taken.
    IQL : Looks ahead by the greatest value.

    Notes
    -----
    The cost of a step grows with the number of actions.

    References
    ----------
    H. van Seijen, H. van Hasselt, S. Whiteson, M. Wiering, "A theoretical and empirical analysis of Expected
    Sarsa", ADPRL 2009, algorithm 1.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.PrisonersDilemma(horizon=10)
    >>> run = mf.train(game, mf.learners.ExpectedSARSA(0.1), episodes=500, seed=0)
    >>> run.policy(0)(0).tolist()
    [1, 1]
    """

    name = "expected_sarsa"
    rule = _EXPECTED
    counts_visits = True
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()


@dataclass(frozen=True, repr=False, eq=False)
class DistributedQ(_OneStep):
    """Distributed Q-learning: an optimist, who believes that the others will do their best, and so never unlearns.

    ``q[row, a] = max(q[row, a], reward + discount * max q[next row])``. The greedy action changes only where the
    greatest value of the row rises, so that all agents keep to one of several optimal joint actions. In a deterministic
    cooperative game this finds an optimal joint policy; where chance plays a part, it believes in luck.

    Parameters
    ----------
    discount : float or sequence of float [R]
        In [0, 1]. A sequence has one number per run.
    explore : Exploration
        How actions are chosen while learning. Ties are never drawn: all agents keep to the action found first.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing, as of :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`. Values never fall: it should be no more than what can
        be earned.

    See Also
    --------
    HystereticQ : Forgets luck, slowly.
    LMRL2 : Forgives at first, and judges later.

    References
    ----------
    M. Lauer, M. Riedmiller, "An algorithm for distributed reinforcement learning in cooperative multi-agent
    systems", ICML 2000: its update of the values, and of the policy.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Climbing(), mf.learners.DistributedQ(), episodes=500, runs=10, seed=0)
    >>> [run.policy(r)(0).tolist() for r in range(3)]
    [[0, 0], [0, 0], [0, 0]]
    """

    name = "distributed_q"
    draws_ties = False
    sparse = False          # a sum of rows that others move cannot be kept from falling
    rule = _DISTRIBUTED
    derived = ()            # the greedy action depends on what was greatest first
    rates = {}
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()

    def check(self, context, rows=None):
        check_common(self.name, context)
        super().check(context, rows)


@dataclass(frozen=True, repr=False, eq=False)
class HystereticQ(_OneStep):
    """Hysteretic Q-learning: values rise faster than they fall, as bad outcomes may be due to the others' exploration.

    With ``error = reward + discount * max q[next row] - q[row, a]``: ``q[row, a] += learning_rate * error`` for errors
    of at least 0, ``q[row, a] += decrease_rate * error`` for others.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]; alpha of the paper.
    decrease_rate : float, Schedule, or sequence of float [R]
        In [0, 1], smaller than ``learning_rate`` to mean something; beta of the paper.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    IQL : With equal rates.
    DistributedQ : With a second rate of 0, and a first one of 1.

    References
    ----------
    L. Matignon, G. J. Laurent, N. Le Fort-Piat, "Hysteretic Q-learning: an algorithm for decentralized
    reinforcement learning in cooperative multi-agent teams", IROS 2007: its update.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.HystereticQ(0.1, 0.01)
    >>> run = mf.train(mf.games.Climbing(), learner, episodes=2000, runs=10, seed=0)
    >>> [run.policy(r)(0).tolist() for r in range(3)]
    [[1, 1], [0, 0], [1, 1]]
    """

    name = "hysteretic_q"
    also = ("hysteretic", "hql")
    rule = _HYSTERETIC
    rates = {"rate": "learning_rate", "second": "decrease_rate"}
    counts_visits = True
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    decrease_rate: float | Schedule = option(0.01, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()


@dataclass(frozen=True, repr=False, eq=False)
class FrequencyAdjustedQ(_OneStep):
    """Frequency-adjusted Q-learning: actions that are rarely taken are learned in larger steps, as if all were taken.

    ``q[row, a] += min(beta / x, 1) * learning_rate * (reward + discount * max q[next row] - q[row, a])``, where x is
    the probability with which Boltzmann exploration takes the action. So the policy follows the dynamics of a
    population (selection by the replicator, mutation by the temperature), which Q-learning's policy leaves where
    actions are rare.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]; alpha of the paper. The dynamics are followed in the limit of small rates.
    beta : float, Schedule, or sequence of float [R]
        In [0, 1]. Actions of this probability or less are learned with the full learning rate.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Boltzmann
        Its probabilities are those that learning is adjusted by.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    IQL : Without the adjustment.
    marlfast.analysis.faq_dynamics : What it follows in the limit of small rates.

    Notes
    -----
    The cost of a step grows with the number of actions.

    The defaults are the battery's (``marlfast reproduce battery``), whose games have rewards from 1 to 100: a
    temperature that falls. To follow the paper's dynamics, give a constant temperature and small rates.

    References
    ----------
    M. Kaisers, K. Tuyls, "Frequency adjusted multi-agent Q-learning", AAMAS 2010: its update.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.FrequencyAdjustedQ(0.1, beta=0.05, explore=mf.Boltzmann(0.5))
    >>> run = mf.train(mf.games.PrisonersDilemma(), learner, episodes=1000, seed=0)
    >>> [chances.round(1).tolist() for chances in run.policy(0).probabilities(0)]
    [[0.1, 0.9], [0.1, 0.9]]
    """

    name = "frequency_adjusted_q"
    rule = _FREQUENCY
    rates = {"rate": "learning_rate", "second": "beta"}
    counts_visits = True
    learning_rate: float | Schedule = option(0.3, kind="schedule", per_run=True)
    beta: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(Boltzmann(10.0, decay=0.995, minimum=0.02), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.explore, Boltzmann):
            raise ValueError(f"explore: frequency-adjusted Q-learning needs the probabilities of marlfast.Boltzmann, "
                             f"got {shown(self.explore.name)}")


@dataclass(frozen=True, repr=False, eq=False)
class DoubleQ(Tabular):
    """Double Q-learning: two tables judge each other's greedy actions, so that luck is not mistaken for value.

    A fair coin says which table learns. Heads: ``first[row, a] += learning_rate * (reward + discount * second[next row,
    greedy action of first] - first[row, a])``; tails: the same with the tables exchanged. The agent acts by their mean,
    ``q``.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    IQL : One table, which takes luck for value.

    Notes
    -----
    The coin is one more draw for each agent and step, after those of the exploration.

    References
    ----------
    H. van Hasselt, "Double Q-learning", NIPS 2010, algorithm 1.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Climbing(chance="full"), mf.learners.DoubleQ(0.1), episodes=500, seed=0)
    >>> sorted(name for name in run.tables(agent=0) if name in ("first", "second", "q"))
    ['first', 'q', 'second']
    """

    name = "double_q"
    kernels = "one_step"
    sparse = True
    tables_of_values = 3
    by_row = ("q", "greedy", "visits", "first", "first_greedy", "second", "second_greedy")
    counts_visits = True
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()

    def draws(self):
        return self.explore.n_draws + 1

    @property
    def derived(self):
        return () if self.explore.keeps else ("greedy", "first_greedy", "second_greedy")

    def _both(self, arrays, make):
        """The two tables, made in the way of the one that Q-learning has."""
        for name in ("first", "second"):
            own = {"q": arrays.get(name), "greedy": arrays.get(f"{name}_greedy"), "visits": arrays["visits"]}
            own = make(own) or own
            arrays[name] = own["q"]
            if own.get("greedy") is not None:
                arrays[f"{name}_greedy"] = own["greedy"]
        return arrays

    def allocate(self, context, rows):
        """``first`` and ``second`` float64 [R, rows, T, A] beside IQL's arrays, and ``coins`` int32 [R, N]."""
        arrays = super().allocate(context, rows)
        self._both(arrays, lambda own: super(DoubleQ, self).allocate(context, rows))
        return arrays | {"coins": np.zeros((context.runs, context.agents), np.int32)}

    def shapes(self, context, rows):
        shapes = super().shapes(context, rows)
        for name in ("first", "second"):
            shapes |= {name: shapes["q"], f"{name}_greedy": shapes["greedy"]}
        return shapes | {"coins": Shape((context.runs, context.agents), "int32")}

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        grown = self._both(dict(arrays), lambda own: super(DoubleQ, self).grow(context, own, rows, backend))
        return larger | {name: grown[name] for name in self.by_row[3:]}

    def derive(self, context, arrays, backend):
        super().derive(context, arrays, backend)
        self._both(arrays, lambda own: super(DoubleQ, self).derive(context, own, backend))

    def _kernel(self, module, common, arrays, bound):
        return module.DoubleQ(**common, **{name: arrays[name] for name in (
            "first", "first_greedy", "second", "second_greedy", "coins")})
