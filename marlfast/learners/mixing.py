"""Teams who learn the value of their joint actions, made of utilities that each member knows: VDN and QMIX."""
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real, real_per_run
from marlfast.exploration import EpsilonGreedy, Exploration
from marlfast.initial import initial_field
from marlfast.learners.base import check_common
from marlfast.learners.tabular import Tabular
from marlfast.memory import Shape, check_memory, total
from marlfast.registry import option
from marlfast.schedules import Schedule, spread

GOLDEN = 0.6180339887498949     # multiples of it, without their whole part, are spread evenly and never meet


OPTIMIZERS = ("sgd", "rmsprop", "adam", "normalised")     # as the kernel numbers them
# What they keep of each number.
MOMENTS = {"sgd": (), "normalised": (), "rmsprop": ("square",), "adam": ("mean", "square")}
WEIGHTINGS = ("optimistic", "central")      # as the kernel numbers them, from 1 on
REPLAY = 6      # number of the stream that says what is replayed, among the 16 that the tables of an agent have


class _Decomposed(Tabular):
    """What both have in common: utilities, teams, targets, optimisers and a buffer."""

    kernels = "mixing"
    sparse = True
    by_row = (*Tabular.by_row, "target_q", "q_mean", "q_square")
    hidden = 0
    bounded = False
    weighting = None

    def __post_init__(self):
        super().__post_init__()
        self._set(target_every=integer("target_every", self.target_every, 0, 2**62),
                  buffer=integer("buffer", self.buffer, 0, 2**31 - 1), batch=integer("batch", self.batch, 1, 2**20),
                  update_every=integer("update_every", self.update_every, 1, 2**31),
                  steps=integer("steps", self.steps, 1, 2**20), max_norm=real("max_norm", self.max_norm, 0.0),
                  trace_decay=real_per_run("trace_decay", self.trace_decay, 0.0, 1.0))
        choice("optimizer", self.optimizer, OPTIMIZERS)
        choice("double", self.double, (True, False))
        if self.buffer and self.batch > self.buffer:
            raise ValueError(f"batch: expected at most the {self.buffer} transitions of the buffer, got {self.batch}; "
                             "give a smaller batch or a larger buffer")
        if self.steps > 1 and not self.buffer:
            raise ValueError(f"steps: {self.steps} rewards are looked up in a buffer, and there is none; give buffer=")

    def teams(self, context):
        """List the members of each team, as far as they are controlled; who is in none makes one alone.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        list of list of int
            In order.
        """
        return context.once(("teams", self), lambda: self._teams(context))

    @staticmethod
    def _teams(context):
        ids = list(context.agent_ids)
        if context.teams is None:
            return [sorted(ids)]
        own = set(ids)
        teams = [sorted(own.intersection(team)) for team in context.teams]
        alone = [[agent] for agent in sorted(own - {agent for team in teams for agent in team})]
        return [team for team in teams if team] + alone

    def check(self, context, rows=None):
        for team in self.teams(context):
            check_common(self.name, context.of_agents(tuple(team)), mean=True)
        super().check(context, rows)

    @property
    def remedies(self):
        """What may help where it diverges, by its options."""
        ways = {"smaller learning rates": True, "discounts": True, "rewards": True,
                "optimizer='normalised' (its steps do not grow with values)": self.optimizer != "normalised",
                "a smaller mixing_rate": self.central,
                "bounded=True": self.central and not self.bounded and self.optimizer == "sgd",
                "targets renewed more rarely (target_every=1000)": self.target_every < 1000,
                "double=True": not self.double}
        return tuple(way for way, fits in ways.items() if fits)

    def _check_size(self, context, rows, cell):
        super()._check_size(context, rows, cell)
        self._check_buffer(context)

    def _check_buffer(self, context):
        """Refuse a buffer that there is no memory for."""
        check_memory(f"buffer: {self.buffer:,} transitions for {context.runs:,} runs", total(self._buffer(context)),
                     "give a smaller buffer= or fewer runs")

    def _buffer(self, context):
        """Shapes of the transitions that are kept, with the rows of the agents, then those of the whole state."""
        if not self.buffer:
            return {}
        size, count = (context.runs, self.buffer), Shape((context.runs,), "int64")
        active_rows = context.agents * context.active + (context.central_active if self.central else 0)
        rows = Shape((*size, active_rows), "int32")
        return {"replay_rows": rows, "replay_next_rows": rows, "replay_over": Shape(size, "int32"),
                "replay_actions": Shape((*size, context.agents), "int32"),
                "replay_rewards": Shape((*size, len(self.teams(context)))), "replay_kept": count,
                "replay_updates": count}

    def _more(self, context, rows):
        table = Shape(self._table(context, rows))
        return {f"q_{name}": table for name in MOMENTS[self.optimizer]} | self._buffer(context)

    def allocate(self, context, rows):
        """As other tables, and what the options need: see the Notes of the class."""
        self._check_buffer(context)
        arrays = super().allocate(context, rows)
        if self.target_every:
            arrays |= {"target_q": np.array(arrays["q"], order="C"), "since": np.zeros(context.runs, np.int64)}
        return arrays | ({"powers": np.ones((context.runs, 2))} if self.optimizer == "adam" else {})

    def shapes(self, context, rows):
        shapes = super().shapes(context, rows)
        if self.target_every:
            shapes |= {"target_q": shapes["q"], "since": Shape((context.runs,), "int64")}
        return shapes | ({"powers": Shape((context.runs, 2))} if self.optimizer == "adam" else {})

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        for name in ("target_q", "q_mean", "q_square"):
            if name in arrays:
                old = arrays[name]
                larger[name] = np.array(larger["q"], order="C") if name == "target_q" else np.zeros(larger["q"].shape)
                larger[name][:, :old.shape[1]] = old
        return larger

    def _utilities(self, context, arrays, run, rows, agent):
        """An agent's utilities of all of its actions: float64 [A of the agent]. Rows of -1 are as they began."""
        table, count = self.tables(context)[agent], context.action_counts[agent]
        initial = self._unseen(context, arrays)[run, table, :count]
        parts = [arrays["q"][run, row, table, :count] if row >= 0 else initial
                 for row in rows[agent * context.active:(agent + 1) * context.active].tolist()]
        total = parts[0].copy()
        for part in parts[1:]:
            total = total + part
        return total

    def joint_values(self, context, arrays, rows, states, run=0, team=0):
        """Work out the team's value of every joint action of its members, exactly as it learns it.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            The learner's.
        rows : int [N * k]
            Active rows of every agent; -1: never seen.
        states : int [C]
            Active rows of the whole state; ignored by a learner who does not look at it.
        run, team : int
            Their numbers.

        Returns
        -------
        float64
            One axis for each member, in order.
        """
        members = self.teams(context)[team]
        utilities = [self._utilities(context, arrays, run, np.asarray(rows), i) for i in members]
        joint = np.stack([grid.ravel() for grid in np.meshgrid(*utilities, indexing="ij")], axis=1)
        return self._values(context, arrays, np.asarray(states), run, team, joint).reshape([len(u) for u in utilities])

    def _values(self, context, arrays, states, run, team, utilities):
        """The team's values [n] of utilities [n, members]."""
        total = utilities[:, 0]
        for j in range(1, utilities.shape[1]):
            total = total + utilities[:, j]
        return total

    @property
    def tables_of_values(self):
        return 1 + (self.target_every > 0) + len(MOMENTS[self.optimizer])

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        # What makes the kernel needs to know the teams, too.
        return super().bind(context, arrays | {"context": context}, backend, draws, learning, exploration)

    def _kernel(self, module, common, arrays, bound):
        context, mixer = arrays["context"], arrays.get("mixer")
        teams = self.teams(context)
        members = np.array([agent for team in teams for agent in team], np.int32)
        starts = np.cumsum([0, *map(len, teams)]).astype(np.int64)
        central = context.central_active if self.central else 0
        kept = ("target_q", "target_mixer", "since", "q_mean", "q_square", "mixer_mean", "mixer_square", "powers")
        replay = {}
        if self.buffer:
            n_runs = context.runs
            replay = {name: array for name, array in arrays.items() if name.startswith("replay_")} | {
                "seeds": np.zeros(n_runs, np.uint64) if context.seeds is None else np.array(context.seeds),
                "run_numbers": np.arange(n_runs) if context.run_numbers is None else np.array(context.run_numbers),
                "trace_decay": spread(self.trace_decay, n_runs), "stream": REPLAY + 16 * (context.agent_ids[0] + 1),
                "batch": self.batch, "update_every": self.update_every, "steps": self.steps}
        if self.weighting:
            replay |= {"weighting": 1 + WEIGHTINGS.index(self.weighting), "alpha": self.alpha,
                       "joint_q": arrays["joint_q"], "target_joint_q": arrays.get("target_joint_q")}
        return module.Mixing(**common, central=central, members=members, starts=starts, hidden=self.hidden, mixer=mixer,
                             mixing=bound.get("mixing"), target_every=self.target_every, bounded=self.bounded,
                             double=self.double, optimizer=OPTIMIZERS.index(self.optimizer), max_norm=self.max_norm,
                             **{name: arrays.get(name) for name in kept}, **replay)


@dataclass(frozen=True, repr=False, eq=False)
class VDN(_Decomposed):
    """Value decomposition networks: the team's value is the sum of its members' utilities, each in a table.

    With Q the sum over the team's members of ``q[row, action]``, each at its own row and action::

        error = mean reward of the team + discount * (sum of max q[next row]) - Q
        q[row, action] += learning_rate * error                     of every member

    All members learn from one error, so that each knows what it adds; and each acts by its own utilities, whose
    greedy actions together are the greedy joint action. Q moves by the rate times the number of members, which should
    stay below 2. What is no sum it cannot say: see :class:`QMIX`.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for ``discount`` and in the exploration. The default is
        the battery's (``marlfast reproduce battery``): .1 misses El Farol and the Ising game, where many members move Q
        at once; .01 is slower everywhere but in drift, where it alone succeeds.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        Of each agent, by its own utilities.
    share : {"none", "all", "team"} or sequence of int [L]
        As for :class:`IQL`.
    initial_q : float or array
        Initial utilities, broadcast as those of :class:`IQL`. Where an observation is in several rows, each holds its
        part.
    target_every : int
        Judge what follows by tables that are renewed after every so many steps, at the cost of copying them; 0: by
        those that learn.
    buffer : int
        Transitions that are kept, the oldest of which makes room; 0: each is learned from once, as it is made.
    batch : int
        Transitions of an update, drawn from the buffer, each as likely.
    update_every : int
        Steps between updates.
    steps : int
        Rewards of a return: the target is the lambda return of up to so many steps, as far as the episode (or what is
        known of it) goes. 1: the next reward and what follows.
    trace_decay : float or sequence of float [R]
        In [0, 1]: lambda. 1: what follows is looked up after the last step alone.
    double : bool
        With ``target_every``: what is greedy is a matter of the utilities that learn, and only its worth of the
        target's (double Q-learning); else the target's say both.
    optimizer : {"sgd", "rmsprop", "adam", "normalised"}
        Plain steps; or steps divided by the root of a running mean of squared gradients, with RMSprop (.99, 1e-5) or
        Adam (.9, .999, 1e-8): what they keep of a number moves where that number has a gradient. Or plain steps that
        are shortened where Q would move by more than the error.
    max_norm : float
        Gradients longer than this are shortened to it; 0: none.

    See Also
    --------
    QMIX : What is no sum, but rises in every utility.
    CentralQ : Any function of joint actions, at the cost of a table.
    marlfast.analysis.joint_values : The team's value of every joint action.

    Notes
    -----
    Teams are those of the reward structure or of the game; without any, all agents that are controlled make one. Each
    team learns for itself. Where its members' rewards differ, it learns from their mean. A truncated episode bootstraps
    from its true successor. Arrays: those of ``IQL``, and with ``target_every`` ``target_q`` float64 [R, rows, T, A]
    and ``since`` int64 [R].

    Transitions of a batch are learned from one after the other, so that those of one row do not add up: tables have no
    use for a mean over a batch. Which ones are drawn depends on the seed and number of the run and on the update alone.
    With a buffer also ``replay_rows`` and ``replay_next_rows`` int32 [R, buffer, W], ``replay_actions`` int32 [R,
    buffer, N], ``replay_rewards`` float64 [R, buffer, teams], ``replay_over`` int32 [R, buffer] (0 the episode goes on,
    1 it is terminated, 2 it is cut), ``replay_kept`` and ``replay_updates`` int64 [R]; with an optimiser ``q_square``
    (and ``q_mean``) as large as ``q``, and with Adam ``powers`` float64 [R, 2].

    References
    ----------
    P. Sunehag et al., "Value-decomposition networks for cooperative multi-agent learning based on team reward",
    AAMAS 2018, section 3. Tables stand for its recurrent networks; by default each transition is learned from once, as
    it is made, which is all that tables need: a sum of utilities never misjudges an action that was not taken.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.TwoStep(), mf.learners.VDN(0.05), episodes=2000, seed=0)
    >>> run.policy(0)([0.0])[0].tolist()
    1
    """

    name = "vdn"
    also = ("value_decomposition",)
    learning_rate: float | Schedule = option(0.03, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(1.0, decay=0.995, minimum=0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()
    target_every: int = 0
    buffer: int = 0
    batch: int = 32
    update_every: int = 8
    steps: int = 1
    trace_decay: float = option(1.0, per_run=True)
    double: bool = True
    optimizer: str = "sgd"
    max_norm: float = 0.0


@dataclass(frozen=True, repr=False, eq=False)
class QMIX(_Decomposed):
    """QMIX: a network that knows the whole state mixes the members' utilities to the team's value, rising in each.

    With the utilities ``u[i] = q[row, action]`` of the members, each at its own row and action, in a state s::

        z[h] = b1[s, h] + sum over i of u[i] * |w1[s, i, h]|
        Q = v[s] + sum over h of elu(z[h]) * |w2[s, h]|
        error = mean reward of the team + discount * Q of the greedy actions in the next rows - Q
        u[i] += learning_rate * error * dQ/du[i]                    of every member
        w1, b1, w2, v[s] += mixing_rate * error * dQ/d of each

    As Q rises in every utility, the greedy actions of all members together are the greedy joint action: each acts by
    its own utilities, and the state is needed only to learn. What is not monotone it cannot say; ``marlfast.learners.
    CentralQ`` can, at the cost of a table of joint actions.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other rates and ``discount``.
    mixing_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        Of each agent, by its own utilities.
    share : {"none", "all", "team"} or sequence of int [L]
        As for :class:`IQL`. The network tells members apart in any case.
    initial_q : float or array
        Initial utilities, broadcast as those of :class:`IQL`. Where an observation is in several rows, each holds its
        part.
    hidden : int
        H, hidden units of the network.
    target_every : int
        Judge what follows by tables and networks that are renewed after every so many steps, at the cost of copying
        them; 0: by those that learn.
    bounded : bool
        Of plain steps (``optimizer="sgd"``): where Q would move, to first order, by more than the error, the step is
        shortened to that: the error is divided by ``learning_rate * sum of (dQ/du)**2 + mixing_rate * sum of (dQ/d of
        each)**2``, if that is more than 1. Without it great values need small rates.
    buffer : int
        Transitions that are kept, the oldest of which makes room; 0: each is learned from once, as it is made.
    batch : int
        Transitions of an update, drawn from the buffer, each as likely.
    update_every : int
        Steps between updates.
    steps : int
        Rewards of a return: the target is the lambda return of up to so many steps, as far as the episode (or what is
        known of it) goes. 1: the next reward and what follows.
    trace_decay : float or sequence of float [R]
        In [0, 1]: lambda. 1: what follows is looked up after the last step alone.
    double : bool
        With ``target_every``: what is greedy is a matter of the utilities that learn, and only its worth of the
        target's (double Q-learning); else the target's say both.
    optimizer : {"normalised", "sgd", "rmsprop", "adam"}
        Plain steps in units of the values at hand, that overshoot nothing (see the Notes); plain ones; or steps divided
        by the root of a running mean of squared gradients, with RMSprop (.99, 1e-5) or Adam (.9, .999, 1e-8): what they
        keep of a number moves where that number has a gradient.
    max_norm : float
        Gradients longer than this are shortened to it; 0: none.

    See Also
    --------
    VDN : A sum of utilities.
    CentralQ : Any function of joint actions, at the cost of a table.
    marlfast.analysis.joint_values : The team's value of every joint action.

    Notes
    -----
    Teams are those of the reward structure or of the game; without any, all agents that are controlled make one. Each
    team has networks of its own, and learns for itself. Where its members' rewards differ, it learns from their mean. A
    truncated episode bootstraps from its true successor.

    The network's numbers are a linear function of the state's active rows: with a table, every state has a network of
    its own; with several active rows, it is the sum of what they say (before absolute values are taken), and a rate
    is shared among them. The derivative of an absolute value is 0 at 0. They begin the same in every state: with
    ``f(k)`` the part of ``0.618... * (k + 1)`` behind the point, the weight of member i to unit h is
    ``0.5 + f(i * hidden + h)``, the bias of unit h ``2 * f(h) - 1``, its second weight ``(0.5 + f(h)) / hidden``, and
    the last bias 0; so no two units are alike.

    Arrays: those of ``IQL``; ``mixer`` float64 [R, states, teams, (most members + 2) * hidden + 1], in the order w1
    [most members, hidden], b1, w2, v; with ``target_every`` ``target_q``, ``target_mixer`` and ``since`` int64 [R].

    Transitions of a batch are learned from one after the other, so that those of one row do not add up: tables have no
    use for a mean over a batch. Which ones are drawn depends on the seed and number of the run and on the update alone.
    With a buffer also ``replay_rows`` and ``replay_next_rows`` int32 [R, buffer, W], ``replay_actions`` int32 [R,
    buffer, N], ``replay_rewards`` float64 [R, buffer, teams], ``replay_over`` int32 [R, buffer] (0 the episode goes on,
    1 it is terminated, 2 it is cut), ``replay_kept`` and ``replay_updates`` int64 [R]; with an optimiser ``q_square``
    (and ``q_mean``) as large as ``q``, ``mixer_square`` (and ``mixer_mean``) as large as ``mixer``, and with Adam
    ``powers`` float64 [R, 2].

    By plain steps (``optimizer="sgd"``) it may diverge: a step that is right for the actions taken can raise the value
    of the greedy ones by more, and so the target by more than the error was, over and over; and as Q is a product of
    weights and utilities, a rate that suits small values is too great for great ones. Normalised steps end both. A
    weight has no unit, and counts in units of U, the greatest of 1, the target, Q, and the members' utilities of the
    actions taken and of the greedy ones (absolute values): ``w1`` and ``w2`` move by
    ``mixing_rate * error * (dQ/dw) / U**2``. And the error is divided by what Q of the actions taken, or of the greedy
    ones, would move by to first order for an error of 1, where that is more than 1.

    The defaults follow from that: on a 3 x 3 board with values between -20 and 10, 30 of 30 runs end with Q-learning's
    return, and with rewards multiplied by .05 and by 10 as well; by plain steps without a buffer 5 to 10 of 10 runs
    diverge. RMSprop, whose steps are as long for small errors as for great ones, needs a learning rate of .001 where
    rewards are rare, and then learns slowly where they are great.

    References
    ----------
    T. Rashid et al., "QMIX: monotonic value function factorisation for deep multi-agent reinforcement
    learning", ICML 2018, section 4 and figure 2 (JMLR 21, 2020), with its replay, targets and RMSprop. Tables stand for
    its recurrent networks and for its hypernetworks. Double targets: H. van Hasselt, A. Guez, D. Silver, "Deep
    reinforcement learning with double Q-learning", AAAI 2016, as its authors' program has them; lambda returns of
    greedy values: J. Peng, R. J. Williams, "Incremental multi-step Q-learning", Machine Learning 22 (1996); Adam: D. P.
    Kingma, J. Ba, ICLR 2015.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.QMIX(discount=0.99, explore=mf.EpsilonGreedy(1.0))
    >>> run = mf.train(mf.games.TwoStep(), learner, episodes=10_000, seed=0)
    >>> run.policy(0)([0.0])[0].tolist()
    1
    """

    name = "qmix"
    central = True
    by_central = ("mixer", "target_mixer", "mixer_mean", "mixer_square")
    rates = Tabular.rates | {"mixing": "mixing_rate"}
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    mixing_rate: float | Schedule = option(0.03, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(1.0, decay=0.995, minimum=0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()
    hidden: int = 8
    target_every: int = 1000
    bounded: bool = True
    buffer: int = 5000
    batch: int = 32
    update_every: int = 8
    steps: int = 1
    trace_decay: float = option(1.0, per_run=True)
    double: bool = True
    optimizer: str = "normalised"
    max_norm: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        self._set(hidden=integer("hidden", self.hidden, 1, 2**12))
        choice("bounded", self.bounded, (True, False))

    def _first(self, context):
        """The networks of one state as they begin: float64 [teams, size]."""
        teams = self.teams(context)
        room, hidden = max(map(len, teams)), self.hidden
        spread_out = GOLDEN * np.arange(1, room * hidden + 1)
        spread_out -= np.floor(spread_out)
        first = np.zeros((len(teams), (room + 2) * hidden + 1))
        for m, team in enumerate(teams):
            first[m, :len(team) * hidden] = 0.5 + spread_out[:len(team) * hidden]
        b = room * hidden
        first[:, b:b + hidden] = 2.0 * spread_out[:hidden] - 1.0
        first[:, b + hidden:b + 2 * hidden] = (0.5 + spread_out[:hidden]) / hidden
        return first / context.central_active

    def _networks(self, context, states):
        """Fresh networks of so many states: float64 [R, states, teams, size]."""
        first = self._first(context)
        try:
            networks = np.empty((context.runs, states, *first.shape))
        except (MemoryError, ValueError):
            raise MemoryError(
                f"mixer: networks for {context.runs} runs x {states} states x {first.size} numbers need "
                f"{8e-9 * context.runs * states * first.size:,.1f} GB, more than there is; take fewer rows (a coarser "
                "central encoder), hidden units or runs") from None
        networks[:] = first
        return networks

    def allocate(self, context, rows):
        """As other tables, and ``mixer``; with ``target_every`` also ``target_q``, ``target_mixer`` and ``since``."""
        arrays = super().allocate(context, rows) | {"mixer": self._networks(context, max(context.central, 1))}
        if self.target_every:
            arrays["target_mixer"] = arrays["mixer"].copy()
        return arrays | {f"mixer_{name}": np.zeros(arrays["mixer"].shape) for name in MOMENTS[self.optimizer]}

    def shapes(self, context, rows):
        teams = self.teams(context)
        mixer = Shape((context.runs, max(context.central, 1), len(teams), (max(map(len, teams)) + 2) * self.hidden + 1))
        shapes = super().shapes(context, rows) | {"mixer": mixer} | {
            f"mixer_{name}": mixer for name in MOMENTS[self.optimizer]}
        return shapes | ({"target_mixer": mixer} if self.target_every else {})

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        for name in self.by_central:
            if name in arrays and arrays[name].shape[1] < context.central:
                if name in ("mixer", "target_mixer"):
                    larger[name] = self._networks(context, context.central)
                else:
                    larger[name] = np.zeros((context.runs, context.central, *arrays[name].shape[2:]))
                larger[name][:, :arrays[name].shape[1]] = arrays[name]
        return larger

    def _values(self, context, arrays, states, run, team, utilities):
        first = self._first(context)
        parts = [arrays["mixer"][run, row, team] if row >= 0 else first[team] for row in states.tolist()]
        w = parts[0].copy()
        for part in parts[1:]:
            w = w + part
        room = max(map(len, self.teams(context)))
        mix = kernels("numpy", "mixing").mix
        return mix(np.broadcast_to(w, (len(utilities), len(w))), room, self.hidden, utilities)[0]


@dataclass(frozen=True, repr=False, eq=False)
class WeightedQMIX(QMIX):
    """QMIX whose errors count less where the value is thought to be too high, so that what it cannot say costs less.

    Beside the network there is a table of joint actions in each state, which can say anything; what follows is judged
    by it, at the greedy joint action of the utilities::

        target = mean reward of the team + discount * joint_q[next state, greedy joint action]
        joint_q[state, joint action] += learning_rate * (target - joint_q[state, joint action])
        error = weight * (target - Q)                               of QMIX

    The weight is 1 or ``alpha``. *Optimistic*: 1 where Q is lower than the target. *Central*: 1 where the greedy joint
    action was taken, or where the target is more than ``joint_q`` of the greedy one.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1], of utilities and of the table of joint actions.
    mixing_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        Of each agent, by its own utilities.
    share : {"none", "all", "team"} or sequence of int [L]
        As for :class:`IQL`.
    initial_q : float or array
        Initial utilities. The table of joint actions begins with 0.
    hidden : int
        H, hidden units of the network.
    target_every : int
        As for :class:`QMIX`; the table of joint actions is renewed as well.
    bounded : bool
        As for :class:`QMIX`.
    buffer, batch, update_every, steps : int
        As for :class:`QMIX`.
    trace_decay : float or sequence of float [R]
        As for :class:`QMIX`.
    double : bool
        True: the greedy joint action is a matter of the utilities that learn.
    optimizer : {"normalised", "sgd", "rmsprop", "adam"}
        As for :class:`QMIX`.
    max_norm : float
        As for :class:`QMIX`.
    weighting : {"optimistic", "central"}
        OW-QMIX or CW-QMIX.
    alpha : float
        In [0, 1]: weight of the other errors. 1: all count in full.

    See Also
    --------
    QMIX : Every error counts in full.
    CentralQ : Acts by a table of joint actions.

    Notes
    -----
    Arrays: those of :class:`QMIX`, ``joint_q`` float64 [R, states, teams, joint actions], the last member's action the
    fastest, and with ``target_every`` ``target_joint_q``. It is for teams whose joint actions can be listed.

    References
    ----------
    T. Rashid, G. Farquhar, B. Peng, S. Whiteson, "Weighted QMIX: expanding monotonic value function factorisation for
    deep multi-agent reinforcement learning", NeurIPS 2020, sections 4 and 5, equations 7 and 8, with a table for its
    unrestricted network.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.WeightedQMIX()
    >>> run = mf.train(mf.games.Penalty(horizon=25), learner, episodes=2000, seed=0)
    >>> run.policy()([0.0]).tolist()
    [2, 2]
    """

    name = "weighted_qmix"
    also = ("wqmix", "ow_qmix", "cw_qmix")
    by_central = (*QMIX.by_central, "joint_q", "target_joint_q")
    weighting: str = "optimistic"
    alpha: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        choice("weighting", self.weighting, WEIGHTINGS)
        self._set(alpha=real("alpha", self.alpha, 0.0, 1.0))
        if not self.double:
            raise ValueError("double: expected True, as the table of joint actions is looked up where the utilities "
                             "are greedy, got False")

    def _joint(self, context):
        """The table of joint actions."""
        most = max(math.prod(int(context.action_counts[i]) for i in team) for team in self.teams(context))
        return Shape((context.runs, max(context.central, 1), len(self.teams(context)), most))

    def shapes(self, context, rows):
        table = self._joint(context)
        return super().shapes(context, rows) | {"joint_q": table} | (
            {"target_joint_q": table} if self.target_every else {})

    def allocate(self, context, rows):
        """As QMIX, and ``joint_q``; with ``target_every`` also ``target_joint_q``."""
        table = self._joint(context)
        check_memory(f"joint_q: {table.shape[-1]:,} joint actions of a team in {table.shape[1]:,} states", total(
            self.shapes(context, rows)), "take fewer agents or states (a coarser central encoder), or QMIX")
        arrays = super().allocate(context, rows) | {"joint_q": np.zeros(table.shape)}
        return arrays | ({"target_joint_q": np.zeros(table.shape)} if self.target_every else {})
