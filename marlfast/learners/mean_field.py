"""Mean field learners: of many agents, each meets the mean action of its neighbours, and not every one of them."""
import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, shown
from marlfast.exploration import Boltzmann, Exploration
from marlfast.initial import initial_field
from marlfast.learners.base import Learner
from marlfast.learners.inner import apart, together
from marlfast.learners.one_step import ExpectedSARSA
from marlfast.learners.plays import Automaton, one_hot
from marlfast.learners.q_learning import IQL
from marlfast.limits import MAX_ROWS
from marlfast.memory import Shape
from marlfast.registry import option
from marlfast.schedules import Schedule, per_run_field, schedule

__all__ = ["MeanFieldAC", "MeanFieldQ"]

MAX_MEANS = 4096


class _Near(NamedTuple):
    """Neighbourhoods as the kernels take them; see ``MeanField`` in ``src/_mean_field.pyx``."""

    n_near_actions: int
    bins: int
    edges: np.ndarray | None
    neighbours: np.ndarray | None
    group: np.ndarray | None

    @property
    def means(self):
        """How many mean actions there are."""
        return math.comb(self.bins + self.n_near_actions - 1, self.n_near_actions - 1)

    def sizes(self, context):
        """How many neighbours each agent that is controlled has: int64 [L]."""
        if self.group is None:
            return np.diff(self.edges)
        own = self.group[list(context.agent_ids)]
        return np.where(own < 0, 0, np.bincount(self.group + 1, minlength=2)[own + 1] - 1)

    def first(self, context):
        """Number of the mean action before anybody acted, for each agent that is controlled: int64 [L]."""
        equal = sum(math.comb((2 * a * self.bins + self.n_near_actions) // (2 * self.n_near_actions) + a - 1, a)
                    for a in range(1, self.n_near_actions))
        return np.where(self.sizes(context) > 0, equal, 0)

    def of(self, context, agent, actions):
        """Number of the mean action of an agent's neighbours, by the actions int [n, N] of all: int64 [n]."""
        at = context.agent_ids.index(agent)
        if self.group is None:
            near = np.asarray(self.neighbours[self.edges[at]:self.edges[at + 1]])
        else:
            near = np.flatnonzero((self.group == self.group[agent]) & (np.arange(context.agents) != agent))
            near = near if self.group[agent] >= 0 else near[:0]
        if not len(near):
            return np.zeros(len(actions), np.int64)
        number, below = np.zeros(len(actions), np.int64), np.zeros(len(actions), np.int64)
        for a in range(1, self.n_near_actions):        # halves are rounded up, as in core/mean_field.pxd
            below += (actions[:, near] == self.n_near_actions - a).sum(axis=1)
            taken = below if len(near) == self.bins else (2 * below * self.bins + len(near)) // (2 * len(near))
            number += np.array([math.comb(int(t) + a - 1, a) for t in taken], np.int64)
        return number


def _lists(given):
    """Neighbourhoods as a name, or as a tuple of agents for each agent that is controlled."""
    if given is None or isinstance(given, str):
        if given not in (None, "others", "team"):
            raise ValueError(f"neighbours: expected 'others', 'team' or a list of agents for each agent, got "
                             f"{shown(given)}")
        return given
    try:
        return tuple(tuple(integer(f"neighbours[{i}]", agent, 0) for agent in near) for i, near in enumerate(given))
    except TypeError:
        raise TypeError("neighbours: expected 'others', 'team' or a list of agents for each agent, such as [[1], [0]], "
                        f"got {shown(given)}") from None


class _MeanField(Learner):
    """What mean field learners have in common: neighbourhoods, and the number of the mean action in them."""

    kernels = "mean_field"

    def _given(self):
        self._set(neighbours=_lists(self.neighbours),
                  bins=None if self.bins is None else integer("bins", self.bins, 1, 2**20))

    def near(self, context):
        """Give the neighbourhoods of the agents that are controlled.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        tuple
            As the kernels take them.
        """
        return context.once(("near", self), lambda: self._near(context))

    def _near(self, context):
        given, counts = self.neighbours, context.action_counts
        if given is None:
            known = context.game.neighbours()
            given = "others" if known is None else [known[i] for i in context.agent_ids]
        if isinstance(given, str):
            group, edges, near = self._group(given, context), None, None
            group[np.bincount(group + 1, minlength=2)[group + 1] == 1] = -1     # alone in it, it is nobody's neighbour
            own = group[list(context.agent_ids)]
            sizes = np.where(own < 0, 0, np.bincount(group + 1, minlength=2)[own + 1] - 1)
            looked = np.flatnonzero(np.isin(group, group[list(context.agent_ids)][sizes > 0]))
        else:
            group = None
            edges, near = self._edges(given, context)
            sizes, looked = np.diff(edges), np.unique(near)
        if len(set(counts[looked].tolist())) > 1:
            raise ValueError(f"neighbours: have different numbers of actions, {sorted(set(counts[looked].tolist()))}, "
                             "of which there is no mean; name neighbours of one kind, or take iql")
        n_actions = int(counts[looked[0]]) if len(looked) else 1
        return _Near(n_actions, int(max(1, sizes.max())) if self.bins is None else self.bins, edges, near, group)

    def _group(self, given, context):
        """The group of each agent, int32 [N]; -1 for those whom nobody that is controlled is with."""
        group = np.full(context.agents, -1, np.int32)
        if given == "others":
            group[:] = 0
            return group
        if context.teams is None:
            raise ValueError("neighbours: 'team' needs teams; use rewards=marlfast.rewards.mixed(teams), or 'others'")
        own = set(context.agent_ids)
        for k, team in enumerate(team for team in context.teams if not own.isdisjoint(team)):
            group[list(team)] = k
        return group

    def _edges(self, given, context):
        if len(given) != len(context.agent_ids):
            raise ValueError(f"neighbours: expected a list for each of {len(context.agent_ids)} agents, got "
                             f"{len(given)}")
        for i, near in zip(context.agent_ids, given, strict=True):
            near = np.asarray(near)
            if near.size and (near.min() < 0 or near.max() >= context.agents):
                missing = int(near[(near < 0) | (near >= context.agents)][0])
                raise ValueError(f"neighbours: agent {i} has the neighbour {missing}, but game {context.game.name!r} "
                                 f"has the agents 0 to {context.agents - 1}")
            if (near == i).any():
                raise ValueError(f"neighbours: agent {i} is named as its own neighbour; leave it out, as its own "
                                 "action is told apart from theirs")
        edges = np.concatenate([[0], np.cumsum([len(near) for near in given])]).astype(np.int64)
        return edges, np.concatenate([*(np.asarray(near, np.int32) for near in given), np.zeros(0, np.int32)])

    def _check_near(self, context, rows):
        near = self.near(context)
        if near.means > MAX_MEANS:
            fits = next((b for b in range(near.bins, 0, -1) if near._replace(bins=b).means <= MAX_MEANS), None)
            instead = f"give bins={fits} or fewer" if fits else "take iql"
            raise ValueError(f"bins: the shares of {near.n_near_actions} actions in {near.bins} bins make "
                             f"{near.means:,} mean actions, for each of which every row has values; {instead} "
                             f"(at most {MAX_MEANS:,})")
        if rows is not None and rows * near.means > MAX_ROWS:
            raise ValueError(f"bins: {rows:,} rows with {near.means:,} mean actions each are more than the "
                             f"{MAX_ROWS:,} that can be numbered; give fewer bins or a coarser encoder")
        return near

    def begin(self, context, arrays):
        """Forget the episode under way.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            Its own; they are changed.
        """
        if "mean" in arrays:
            arrays["mean"][:] = 0


@dataclass(frozen=True, repr=False, eq=False)
class MeanFieldQ(_MeanField):
    """Mean field Q-learning: what an action is worth beside the mean action of the neighbours.

    In the row s, beside neighbours whose mean action was m in this step, with the successor s'::

        q[s, m, a] += learning_rate * (reward + discount * v(s', m) - q[s, m, a])
        v(s', m) = sum_b p(b | s', m) q[s', m, b]

    where p are the probabilities of the agent's own exploring policy, by ``explore``. It acts by the mean action of the
    step before; at the start of an episode as if every action had had the same share. Nothing is bootstrapped from a
    terminal state, a truncated episode bootstraps from its true successor.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : Exploration
        The paper takes ``marlfast.Boltzmann``.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`. One of three axes has its rows in the order row *
        mean actions + mean action.
    neighbours : None, "others", "team" or sequence of sequence of int
        A list of agents for each agent that is controlled, who may stand there more than once; or all other agents, or
        those of its team. Default: those that the game knows of (:meth:`Game.neighbours`), else all others. The cost
        of a step is that of the lists; "others" and "team" cost no more with 10,000 agents than with 10.
    bins : int, optional
        The share of each action among the neighbours is rounded to multiples of 1 / bins. With A actions there are
        (bins + A - 1 over A - 1) mean actions, at most 4,096: bins + 1 with two, 70 with five actions and 4 bins.
        Default: as many bins as an agent has neighbours at most, with which nothing is rounded.

    See Also
    --------
    MeanFieldAC : With a policy that need not see the neighbours.
    JointActionLearner : Every other agent counted by itself.

    Notes
    -----
    Arrays: ``q`` float64 [R, rows, M, T, A], ``greedy`` and ``visits`` int32 [R, rows, M, T], with M mean actions, and
    ``mean`` int32 [R, N]: one more than the number of the mean action of the step before, 0 at the start of an episode.
    Numbers of mean actions count the bins of the last actions first: with two actions, the bins of action 1.

    References
    ----------
    Y. Yang, R. Luo, M. Li, M. Zhou, W. Zhang, J. Wang, "Mean field multi-agent reinforcement learning", ICML
    2018, equations 8 to 12 and algorithm 1.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Ising(4, 4, horizon=50)
    >>> run = mf.train(game, mf.learners.MeanFieldQ(0.1, explore=mf.Boltzmann(0.5), share="all"), episodes=20, seed=0)
    >>> run.returns.shape
    (1, 20, 16)
    """

    name = "mean_field_q"
    also = ("mfq",)
    derived = property(lambda self: self.inner.derived)
    by_row = ("q", "greedy", "visits")
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(Boltzmann(1.0), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()
    neighbours: Any = None
    bins: int | None = None

    def __post_init__(self):
        inner = ExpectedSARSA(self.learning_rate, self.discount, self.explore, self.share, self.initial_q)
        self._set(inner=inner, learning_rate=inner.learning_rate, discount=inner.discount, explore=inner.explore,
                  share=inner.share, initial_q=inner.initial_q)
        self._given()

    def check(self, context, rows=None):
        near = self._check_near(context, rows)
        self.inner.check(context, None if rows is None else rows * near.means)

    def shapes(self, context, rows):
        means = self.near(context).means
        return {name: Shape((one.shape[0], rows, means, *one.shape[2:]), one.dtype) if name in self.by_row else one
                for name, one in self.inner.shapes(context, rows * means).items()} | {
            "mean": Shape((context.runs, context.agents), "int32")}

    def allocate(self, context, rows):
        means = self.near(context).means
        arrays = apart(self.inner.allocate(context, rows * means), self.by_row, means)
        return arrays | {"mean": np.zeros((context.runs, context.agents), np.int32)}

    def _inner(self, arrays):
        return {name: array for name, array in together(arrays, self.by_row).items() if name != "mean"}

    def grow(self, context, arrays, rows, backend):
        means = arrays["q"].shape[2]
        larger = self.inner.grow(context, self._inner(arrays), rows * means, backend)
        return apart(larger, self.by_row, means) | {"mean": arrays["mean"]}

    def derive(self, context, arrays, backend):
        means, own = arrays["q"].shape[2], self._inner(arrays)
        self.inner.derive(context, own, backend)
        arrays |= apart(own, self.by_row, means)

    def bounds(self):
        return self.inner.bounds()

    def draws(self):
        return self.inner.draws()

    def discounts(self):
        return self.inner.discounts()

    def exploring(self, how):
        return self.inner.exploring(how)

    def plays(self, context, arrays, kind="policy"):
        """An automaton, which remembers the mean action of the step before: 0 at the start of an episode."""
        near, own = self.near(context), self._inner(arrays)
        inside = {p.agents[0]: p for p in self.inner.plays(context, own, kind)}
        return [Automaton((i,), inside[i].counts, near.means + 1, partial(self._beside, near, context, i, inside[i]),
                          partial(self._next, near, context, i), 0, lambda run, rows, i=i: arrays["mean"][run, i])
                for i in context.agent_ids]

    @staticmethod
    def _beside(near, context, agent, inside, run, rows):
        """Probabilities [n, M, A] by what is remembered."""
        means = np.concatenate([[near.first(context)[context.agent_ids.index(agent)]], np.arange(near.means)])
        within = np.where(rows[:, None] >= 0, rows[:, None] * near.means + means[None, :, None], -1)
        return inside.chances(run, within.reshape(-1, rows.shape[1])).reshape(len(rows), len(means), -1)

    @staticmethod
    def _next(near, context, agent, run, memory, actions, rewards, rows):
        return one_hot(near.of(context, agent, actions) + 1, near.means + 1)

    def actions(self, context, arrays, rows):
        """What they would do next, beside neighbours who go on as they did."""
        near, ids = self.near(context), list(context.agent_ids)
        last = arrays["mean"][0, ids].astype(np.int64)
        inside = np.full(context.agents, -1, np.int64)
        rows = np.asarray(rows)[ids]
        inside[ids] = np.where(rows >= 0, rows * near.means + np.where(last > 0, last - 1, near.first(context)), -1)
        return self.inner.actions(context, self._inner(arrays), inside)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        inner, = self.inner.bind(context, self._inner(arrays), backend, draws, learning, exploration)
        return [kernels(backend, self.kernels).MeanField(
            inner=inner, mean=arrays["mean"], n_rows=arrays["q"].shape[1], agent_ids=context.ids(),
            **self.near(context)._asdict())]


@dataclass(frozen=True, repr=False, eq=False)
class MeanFieldAC(_MeanField):
    """Mean field actor-critic: a policy over what an agent sees, and a critic that looks at the neighbours too.

    In the row s, beside neighbours whose mean action was m in this step, with the successor s', agents in order::

        q[s, m, a] += critic_rate * (reward + discount * v(s', m) - q[s, m, a])
        advantage = q[s, m, a] - v(s, m)                    with the value just learned
        logits[s, b] += actor_rate * advantage * ((b == a) - p(b | s))
        v(s, m) = sum_b p(b | s) q[s, m, b]

    where p is the softmax of the logits. So acting needs no neighbours. Nothing is bootstrapped from a terminal state,
    a truncated episode bootstraps from its true successor.

    Parameters
    ----------
    actor_rate, critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    share : {"none", "all", "team"} or sequence of int [L]
        As of :class:`IQL`; actor and critic are shared alike.
    neighbours : None, "others", "team" or sequence of sequence of int
        Who counts as a neighbour of each agent, as of :class:`MeanFieldQ`.
    bins : int, optional
        To how many parts the share of each action is rounded, as of :class:`MeanFieldQ`.

    See Also
    --------
    MeanFieldQ : Acts by the neighbours' last mean action.
    IA2C : A critic that sees nobody.

    Notes
    -----
    The paper climbs ``q[s, m, a]``; what is subtracted here does not depend on the action, so that the expected step is
    the same, and its variance smaller. Its policy is mixed, also where it is evaluated.
    Arrays: ``logits`` float64 [R, rows, T, A], ``greedy`` and ``visits`` int32
    [R, rows, T], ``q`` float64 [R, rows, M, T, A] with M mean actions.

    References
    ----------
    Y. Yang, R. Luo, M. Li, M. Zhou, W. Zhang, J. Wang, "Mean field multi-agent reinforcement learning", ICML
    2018, section 3.3 and algorithm 2.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.Ising(4, 4, horizon=50)
    >>> run = mf.train(game, mf.learners.MeanFieldAC(share="all"), episodes=20, seed=0)
    >>> sorted(name for name in run.tables(agent=0) if name in ("logits", "q"))
    ['logits', 'q']
    """

    name = "mean_field_ac"
    also = ("mfac",)
    derived = ("greedy",)
    by_row = ("logits", "greedy", "visits", "q")
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    share: Any = "none"
    neighbours: Any = None
    bins: int | None = None

    def __post_init__(self):
        schedules = {}
        for name in ("actor_rate", "critic_rate"):
            self._set(**{name: per_run_field(name, getattr(self, name))})
            schedules[name.removesuffix("_rate")] = schedule(name, getattr(self, name), 0.0, 1.0)
        # Softmax policies over logits are kept and played as Boltzmann's over action values at temperature 1 are.
        actor = _Actor(self.actor_rate, self.discount, Boltzmann(1.0, ties="first"), self.share)
        self._set(schedules=schedules, actor=actor, discount=actor.discount, share=actor.share)
        self._given()

    def check(self, context, rows=None):
        self._check_near(context, rows)
        self.actor.check(context, rows)

    def shapes(self, context, rows):
        actor = self._named(self.actor.shapes(context, rows))
        n_runs, rows, *cell = actor["logits"].shape
        return actor | {"q": Shape((n_runs, rows, self.near(context).means, *cell))} | {
            "critic.value": Shape((n_runs,)), "critic.ticks": Shape((n_runs,), "int64")}

    def allocate(self, context, rows):
        actor, n_runs = self._named(self.actor.allocate(context, rows)), context.runs
        q = self._critic(actor["logits"].shape, self.near(context).means)
        return actor | {"q": q} | {f"critic.{k}": v for k, v in self.schedules["critic"].allocate(n_runs).items()}

    @staticmethod
    def _critic(shape, means):
        n_runs, n_rows, tables, n_actions = shape
        try:
            return np.zeros((n_runs, n_rows, means, tables, n_actions))
        except (MemoryError, ValueError):
            need = 8e-9 * math.prod((n_runs, n_rows, means, tables, n_actions))
            raise MemoryError(f"learner: values of {n_rows} rows x {means} mean actions x {tables} tables x "
                              f"{n_actions} actions in {n_runs} runs need {need:,.1f} GB, more than there is; take "
                              "fewer bins, rows, tables or runs") from None

    @staticmethod
    def _named(arrays):
        """The actor's arrays by the names that they have here; its temperature is 1 always."""
        names = {"q": "logits", "rate.value": "actor.value", "rate.ticks": "actor.ticks"}
        return {names.get(name, name): array for name, array in arrays.items() if not name.startswith("temperature.")}

    def _actors(self, arrays):
        """The arrays as the actor has them."""
        names = {"logits": "q", "actor.value": "rate.value", "actor.ticks": "rate.ticks"}
        temperature = self.actor.explore.schedule.allocate(len(arrays["logits"]))
        return {names[name] if name in names else name: array for name, array in arrays.items()
                if name != "q" and not name.startswith("critic.")} | {
                    f"temperature.{k}": v for k, v in temperature.items()}

    def grow(self, context, arrays, rows, backend):
        larger = arrays | self._named(self.actor.grow(context, self._actors(arrays), rows, backend))
        larger["q"] = self._critic(larger["logits"].shape, arrays["q"].shape[2])
        larger["q"][:, :arrays["q"].shape[1]] = arrays["q"]
        return larger

    def derive(self, context, arrays, backend):
        own = self._actors(arrays)
        self.actor.derive(context, own, backend)
        arrays |= self._named(own)

    def draws(self):
        return self.actor.draws()

    def discounts(self):
        return self.actor.discounts()

    def plays(self, context, arrays, kind="policy"):
        return self.actor.plays(context, self._actors(arrays), kind)

    def actions(self, context, arrays, rows):
        """The likeliest actions; an observation that was never seen gets the first one."""
        return self.actor.actions(context, self._actors(arrays), rows)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        own = self._actors(arrays) | {
            "critic": {"values": arrays["q"], "critic": self._bound_schedules(arrays, backend)["critic"],
                       **self.near(context)._asdict()}}
        return self.actor.bind(context, own, backend, draws, learning, exploration)


class _Actor(IQL):
    """Policies and the critic's values, in the place of action values."""

    kernels = "mean_field"
    sparse = False

    def _kernel(self, module, common, arrays, bound):
        return module.MeanFieldActorCritic(**common, **arrays["critic"])
