"""Independent learners of action values that learn from more than one step: traces, and whole episodes."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from marlfast.errors import choice, integer, real, real_per_run, shown
from marlfast.exploration import EpsilonGreedy, Exploration
from marlfast.initial import initial_field
from marlfast.learners.tabular import Tabular
from marlfast.memory import Shape
from marlfast.registry import option
from marlfast.schedules import Schedule, spread

__all__ = ["SARSA", "MonteCarlo", "QLambda"]

_DECAYING = EpsilonGreedy(1.0, decay=0.995, minimum=0.05)


class _Traced(Tabular):
    """Base of those whose errors also reach cells that were visited before."""

    kernels = "multi_step"
    sparse = True
    on_policy = None

    def __post_init__(self):
        super().__post_init__()
        self._set(trace_decay=real_per_run("trace_decay", self.trace_decay, 0.0, 1.0),
                  trace_length=integer("trace_length", self.trace_length, 1, 2**20),
                  trace_cutoff=real("trace_cutoff", self.trace_cutoff),
                  traces=choice("traces", self.traces, ("replacing", "accumulating")))
        if not 0.0 < self.trace_cutoff <= 1.0:
            raise ValueError(f"trace_cutoff: expected greater than 0 and at most 1, got {shown(self.trace_cutoff)}")

    def _more(self, context, rows):
        """Beside IQL's arrays the eligible cells of each agent: ``cells`` int32 [R, N, L, 2] (row, action),
        ``eligibility`` float64 [R, N, L], and how many they are: ``eligible`` int32 [R, N].
        """
        shape = (context.runs, context.agents)
        # A visit makes each active row's cell eligible.
        length = context.active * (self.trace_length if np.any(self.trace_decay) else 1)
        return {"cells": Shape((*shape, length, 2), "int32"), "eligibility": Shape((*shape, length)),
                "eligible": Shape(shape, "int32")}

    def _kernel(self, module, common, arrays, bound):
        return module.Traces(
            **common, on_policy=self.on_policy, accumulate=self.traces == "accumulating", cutoff=self.trace_cutoff,
            decay=spread(self.trace_decay, len(arrays["q"])), **{name: arrays.get(name) for name in (
                "cells", "eligibility", "eligible", "waiting", "waiting_reward", "late")})


@dataclass(frozen=True, repr=False, eq=False)
class SARSA(_Traced):
    """SARSA and SARSA(lambda): what comes next is worth the value of the action that is taken next.

    ``error = reward + discount * q[next row, next action] - q[row, a]``; then ``q[cell] += learning_rate * error *
    e[cell]`` for all eligible cells. The cell (row, a) has e = 1 (or one more than it had), and after each step all e
    are multiplied by ``discount * trace_decay``. Without ``trace_decay`` that is plain SARSA.

    A step is learned from when the next action is known: in the next step's update, before anything else, with that
    step's learning rate. In a terminal state nothing is bootstrapped, and the step is learned from at once. Where the
    time limit ends the episode, no next action is taken: its place is taken by the expected value of the true successor
    under the exploring policy.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    trace_decay : float or sequence of float [R]
        In [0, 1]; lambda.
    trace_length : int
        How many cells of an agent are eligible at most; where one more is visited, the least eligible one is forgotten.
        Where an observation is in several rows, as many of each.
    trace_cutoff : float
        In (0, 1]; cells whose e is less are forgotten.
    traces : {"replacing", "accumulating"}
        A visit sets e to 1, or adds 1 to it.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    ExpectedSARSA : Without a wait for the next action.
    QLambda : Traces of Q-learning.

    References
    ----------
    G. A. Rummery, M. Niranjan, "On-line Q-learning using connectionist systems" (1994); S. P. Singh,
    R. S. Sutton, "Reinforcement learning with replacing eligibility traces", Machine Learning 22 (1996).

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.SARSA(0.2, trace_decay=0.8, share="all")
    >>> run = mf.train(mf.games.Pursuit(4, 4, hunters=1), learner, episodes=500, seed=0)
    >>> bool(run.lengths[0, -100:].mean() < run.lengths[0, :100].mean())
    True
    """

    name = "sarsa"
    on_policy = True
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    trace_decay: float = option(0.0, per_run=True)
    trace_length: int = 32
    trace_cutoff: float = 0.01
    traces: str = "replacing"
    share: Any = "none"
    initial_q: Any = initial_field()

    def _more(self, context, rows):
        """And the step that waits for its next action: ``waiting`` int32 [R, N, 2 + 2 k], ``waiting_reward`` [R, N]."""
        shape = (context.runs, context.agents)
        return super()._more(context, rows) | {
            "waiting": Shape((*shape, 2 + 2 * context.active), "int32"), "waiting_reward": Shape(shape),
            "late": Shape((context.runs,), "int32")}


@dataclass(frozen=True, repr=False, eq=False)
class QLambda(_Traced):
    """Watkins's Q(lambda): Q-learning whose errors reach back over the greedy actions taken before.

    ``error = reward + discount * max q[next row] - q[row, a]``; then ``q[cell] += learning_rate * error * e[cell]`` for
    all eligible cells. The cell (row, a) has e = 1 (or one more than it had), and after each step all e are multiplied
    by ``discount * trace_decay``. An action that is not greedy ends the trace of all cells before it; so does the end
    of an episode.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    trace_decay : float or sequence of float [R]
        Lambda, in [0, 1].
    trace_length : int
        How many cells of an agent are eligible at most, as of :class:`SARSA`.
    trace_cutoff : float
        In (0, 1]; cells that are less eligible are forgotten.
    traces : {"replacing", "accumulating"}
        A visit sets the eligibility to 1, or adds 1 to it.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    SARSA : On-policy traces.
    IQL : Without traces.

    References
    ----------
    C. J. C. H. Watkins, "Learning from delayed rewards" (1989); in the form of R. S. Sutton, A. G. Barto,
    "Reinforcement learning" (1998), figure 7.14.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.QLambda(0.2, trace_decay=0.8, share="all")
    >>> run = mf.train(mf.games.Pursuit(4, 4, hunters=1), learner, episodes=500, seed=0)
    >>> bool(run.lengths[0, -100:].mean() < run.lengths[0, :100].mean())
    True
    """

    name = "q_lambda"
    also = ("watkins", "eligibility_traces")
    on_policy = False
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    trace_decay: float = option(0.9, per_run=True)
    trace_length: int = 32
    trace_cutoff: float = 0.01
    traces: str = "replacing"
    share: Any = "none"
    initial_q: Any = initial_field()


@dataclass(frozen=True, repr=False, eq=False)
class MonteCarlo(Tabular):
    """Every-visit Monte-Carlo control: values follow the returns of whole episodes, and nothing is bootstrapped.

    Once an episode is over, from its last step to its first: ``g = reward + discount * g; q[row, a] += learning_rate *
    (g - q[row, a])``, beginning with g = 0. Where the time limit ended it, g begins with the expected value of the true
    successor under the exploring policy.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        How actions are chosen while learning.
    longest : int, optional
        Steps that are kept for each agent. A longer episode is learned from in pieces, each as if the time limit had
        ended it. Default: the horizon of the game, or 1000 where it has none. With 1, this is Expected SARSA.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.

    See Also
    --------
    SARSA : Bootstraps after a step.
    Reinforce : Policies from whole episodes.

    References
    ----------
    R. S. Sutton, A. G. Barto, "Reinforcement learning", 2nd edition (2018), section 5.4 (its on-policy control,
    with every visit), with a constant step size as in equation 6.1.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.TwoStep(), mf.learners.MonteCarlo(0.1), episodes=1000, seed=0)
    >>> run.q.shape
    (1, 4, 2, 2)
    """

    name = "monte_carlo"
    also = ("mc",)
    kernels = "multi_step"
    sparse = True
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(_DECAYING, kind="exploration")
    longest: int | None = None
    share: Any = "none"
    initial_q: Any = initial_field()

    def __post_init__(self):
        super().__post_init__()
        if self.longest is not None:
            self._set(longest=integer("longest", self.longest, 1, 2**20))

    def _more(self, context, rows):
        """Beside IQL's arrays the episode under way: ``cells`` int32 [R, N, H, k + 1] (rows, action), ``rewards``
        float64 [R, N, H], how many steps these are (``known``), and the rows after the last (``last`` [R, N * k])."""
        shape, length, k = (context.runs, context.agents), self.longest or context.game.horizon or 1000, context.active
        return {"cells": Shape((*shape, length, k + 1), "int32"), "rewards": Shape((*shape, length)),
                "known": Shape(shape, "int32"), "last": Shape((context.runs, context.agents * k), "int32"),
                "late": Shape((context.runs,), "int32")}

    def _kernel(self, module, common, arrays, bound):
        return module.Episodes(**common, **{name: arrays[name] for name in (
            "cells", "rewards", "known", "last", "late")})
