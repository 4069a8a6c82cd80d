"""Teams who learn the value of their joint actions, made of utilities that each member knows: VDN and QMIX."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer
from marlfast.exploration import EpsilonGreedy, Exploration
from marlfast.learners.base import check_common
from marlfast.learners.tabular import Tabular
from marlfast.memory import Shape
from marlfast.registry import option
from marlfast.schedules import Schedule

GOLDEN = 0.6180339887498949     # multiples of it, without their whole part, are spread evenly and never meet


class _Decomposed(Tabular):
    """What both have in common: utilities, teams, and targets."""

    kernels = "mixing"
    sparse = True
    by_row = (*Tabular.by_row, "target_q")
    hidden = 0
    bounded = False

    def __post_init__(self):
        super().__post_init__()
        self._set(target_every=integer("target_every", self.target_every, 0, 2**62))

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

    def allocate(self, context, rows):
        """As other tables; with ``target_every`` also ``target_q`` [R, rows, T, A] and ``since`` int64 [R]."""
        arrays = super().allocate(context, rows)
        if self.target_every:
            arrays |= {"target_q": np.array(arrays["q"], order="C"), "since": np.zeros(context.runs, np.int64)}
        return arrays

    def shapes(self, context, rows):
        shapes = super().shapes(context, rows)
        if self.target_every:
            shapes |= {"target_q": shapes["q"], "since": Shape((context.runs,), "int64")}
        return shapes

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        if self.target_every:
            old = arrays["target_q"]
            larger["target_q"] = np.array(larger["q"], order="C")
            larger["target_q"][:, :old.shape[1]] = old
        return larger

    def _utilities(self, context, arrays, run, rows, agent):
        """An agent's utilities of all of its actions: float64 [A of the agent]. Rows of -1 are as they began."""
        table, count = self.tables(context)[agent], context.action_counts[agent]
        initial = np.broadcast_to(np.asarray(self.initial_q, np.float64), arrays["q"].shape[1:]) / context.active
        parts = [arrays["q"][run, row, table, :count] if row >= 0 else initial[0, table, :count]
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
        every = np.stack([grid.ravel() for grid in np.meshgrid(*utilities, indexing="ij")], axis=1)
        return self._values(context, arrays, np.asarray(states), run, team, every).reshape([len(u) for u in utilities])

    def _values(self, context, arrays, states, run, team, utilities):
        """The team's values [n] of utilities [n, members]."""
        total = utilities[:, 0]
        for j in range(1, utilities.shape[1]):
            total = total + utilities[:, j]
        return total

    @property
    def tables_of_values(self):
        return 2 if self.target_every else 1

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        # What makes the kernel needs to know the teams, too.
        return super().bind(context, arrays | {"context": context}, backend, draws, learning, exploration)

    def _kernel(self, module, common, arrays, bound):
        context, mixer = arrays["context"], arrays.get("mixer")
        teams = self.teams(context)
        members = np.array([agent for team in teams for agent in team], np.int32)
        starts = np.cumsum([0, *map(len, teams)]).astype(np.int64)
        central = context.central_active if self.central else 0
        return module.Mixing(**common, central=central, members=members, starts=starts, hidden=self.hidden, mixer=mixer,
                             mixing=bound.get("mixing"), every=self.target_every, bounded=self.bounded,
                             **{name: arrays.get(name) for name in ("target_q", "target_mixer", "since")})


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
        In [0, 1]. A sequence has one number per run, here as for ``discount`` and in the exploration.
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

    References
    ----------
    P. Sunehag et al., "Value-decomposition networks for cooperative multi-agent learning based on team reward",
    AAMAS 2018, section 3. Tables stand for its recurrent networks; each transition is learned from once, as it is
    made, in place of replay.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.TwoStep(), mf.learners.VDN(0.05), episodes=2000, seed=0)
    >>> run.policy(0)([0.0])[0].tolist()
    1
    """

    name = "vdn"
    also = ("value_decomposition",)
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(1.0, decay=0.995, minimum=0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = 0.0
    target_every: int = 0


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
        Where Q would move, to first order, by more than the error, the step is shortened to that: the error is divided
        by ``learning_rate * sum of (dQ/du)**2 + mixing_rate * sum of (dQ/d of each)**2``, if that is more than 1. It
        stands for the source's bound on the gradient; without it, great values need small rates.

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

    It may diverge: a step that is right for the actions taken can raise the value of the greedy ones by more, and so
    the target by more than the error was, over and over. A target that is renewed rarely (``target_every``) and a
    small ``mixing_rate`` prevent it; what diverges stops, with a warning.

    References
    ----------
    T. Rashid et al., "QMIX: monotonic value function factorisation for deep multi-agent reinforcement
    learning", ICML 2018, section 4 and figure 2 (JMLR 21, 2020). Tables stand for its recurrent networks and for its
    hypernetworks; each transition is learned from once, as it is made, in place of replay, by plain gradient steps.

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
    by_central = ("mixer", "target_mixer")
    rates = Tabular.rates | {"mixing": "mixing_rate"}
    learning_rate: float | Schedule = option(0.02, kind="schedule", per_run=True)
    mixing_rate: float | Schedule = option(0.02, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(1.0, decay=0.995, minimum=0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = 0.0
    hidden: int = 8
    target_every: int = 1000
    bounded: bool = True

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
        return arrays

    def shapes(self, context, rows):
        teams = self.teams(context)
        mixer = Shape((context.runs, max(context.central, 1), len(teams), (max(map(len, teams)) + 2) * self.hidden + 1))
        return super().shapes(context, rows) | {"mixer": mixer} | ({"target_mixer": mixer} if self.target_every else {})

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        for name in self.by_central:
            if name in arrays and arrays[name].shape[1] < context.central:
                larger[name] = self._networks(context, context.central)
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
