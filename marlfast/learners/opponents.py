"""Opponents: learners that follow a fixed rule, or an old one of their own, for others to play and learn against.

They take part in a team as any other learner: ``marlfast.train(game, learners=[IQL(), TitForTat()])``. Where they lead
several agents, each plays for itself.
"""
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real, real_per_run, shown
from marlfast.learners.base import Learner
from marlfast.learners.plays import Automaton, Plays, no_average, one_hot, softmax
from marlfast.memory import Shape
from marlfast.registry import option
from marlfast.schedules import spread


def _numbers(name, value):
    """A read-only float64 array of its own, of finite numbers."""
    try:
        array = np.array(value, np.float64, order="C")
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}: expected an array of numbers, got {shown(value)}") from None
    if not np.isfinite(array).all():
        at = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}{list(at)}: expected a finite number, got {array[at]}")
    array.flags.writeable = False
    return array


class _Opponent(Learner):
    """What opponents have in common: no tables over rows, one draw per agent and step, no discount."""

    kernels = "opponents"

    def allocate(self, context, rows):
        return {name: np.zeros(*one) for name, one in self.shapes(context, rows).items()}

    def shapes(self, context, rows):
        return {}

    def grow(self, context, arrays, rows, backend):
        return dict(arrays)

    def draws(self):
        return 1

    def discounts(self):
        return set()

    def _bound(self, backend, kernel, context, draws, **given):
        make = getattr(kernels(backend, self.kernels), kernel)
        return [make(n_runs=context.runs, n_actions=context.action_counts.astype(np.int32), agent_ids=context.ids(),
                     draws=max(draws or 0, 1), **given)]

    def _no_average(self, kind):
        if kind == "average":
            raise no_average(self.name)

    @staticmethod
    def _best(context, values):
        """The first greatest of each controlled agent's values [L, A]: int32 [L]."""
        return np.array([values[j, :context.action_counts[i]].argmax() for j, i in enumerate(context.agent_ids)],
                        np.int32)


def _led(context):
    """(agent, its number of actions) of every agent that is controlled."""
    return [(i, int(context.action_counts[i])) for i in context.agent_ids]


def _shares(counts):
    """Counts or weights [R, A] as shares; where all are 0 as equal ones."""
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.where(total > 0, total, 1), 1.0 / counts.shape[1])


def _always(agent, count, p):
    """Plays of an agent that does the same in every row: ``p`` float64 [A], or [R, A] by run."""
    p = np.atleast_2d(p)
    sure = bool(((p == 0.0) | (p == 1.0)).all()) and len(p)
    return Plays((agent,), (count,), lambda run, rows: np.tile(p[min(run, len(p) - 1)], (len(rows), 1)),
                 (lambda rows: np.tile(p.argmax(axis=1)[:, None, None], (1, len(rows), 1))) if sure else None)


@dataclass(frozen=True, repr=False, eq=False)
class Random(_Opponent):
    """Takes any action, each as likely, whatever it observes. It learns nothing.

    See Also
    --------
    FixedPolicy : Any other policy.
    marlfast.RandomPolicy : A whole team, to be evaluated.

    Notes
    -----
    Its greedy version takes the first action.

    Examples
    --------
    >>> import marlfast as mf
    >>> team = [mf.IQL(0.1), mf.learners.Random()]
    >>> run = mf.train(mf.games.RockPaperScissors(), team, episodes=300, seed=0)
    >>> run.policy(0).probabilities(0)[1].round(3).tolist()
    [0.333, 0.333, 0.333]
    """

    name = "random"
    also = ("uniform",)
    by_kernel = ("policy", "behaviour", "average")

    def plays(self, context, arrays, kind="policy"):
        return [_always(i, n, one_hot([0], n)[0] if kind == "greedy" else np.full(n, 1.0 / n))
                for i, n in _led(context)]

    def actions(self, context, arrays, rows):
        return np.zeros(len(context.agent_ids), np.int32)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return self._bound(backend, "FixedPolicy", context, draws)


@dataclass(frozen=True, repr=False, eq=False)
class FixedPolicy(_Opponent):
    """Plays a given policy and learns nothing.

    Parameters
    ----------
    policy : float64 [A] or [rows, A]
        Probabilities of the actions, the same always or one row for each table row; each row sums to 1 (within 1e-6, as
        those of float32 do).
        With an encoder that numbers rows as it first sees them, only [A]. :meth:`of` takes what was learned before.

    See Also
    --------
    Frozen : A learner that stopped to learn.
    marlfast.Result.policy : What was learned, to be called.

    Examples
    --------
    >>> import marlfast as mf
    >>> team = [mf.IQL(0.1), mf.learners.FixedPolicy([0.8, 0.1, 0.1])]
    >>> game = mf.games.RockPaperScissors()
    >>> run = mf.train(game, team, episodes=1000, seed=0)
    >>> game.action_names[run.policy(0)(0)[0]]
    'paper'
    """

    name = "fixed_policy"
    also = ("fixed", "policy")
    by_kernel = ("policy", "behaviour", "average")
    policy: Any = option()

    def __post_init__(self):
        policy = _numbers("policy", self.policy)
        if policy.ndim not in (1, 2) or policy.size == 0:
            raise ValueError(f"policy: expected shape (actions,) or (rows, actions), got {policy.shape}")
        if (policy < 0.0).any():
            raise ValueError(f"policy: expected probabilities, got {policy.min()}")
        sums = np.atleast_1d(policy.sum(axis=-1))
        if not (np.abs(sums - 1.0) <= 1e-6).all():
            row = int((~(np.abs(sums - 1.0) <= 1e-6)).argmax())
            raise ValueError(f"policy: expected probabilities that sum to 1, row {row} sums to {sums[row]:.12g}")
        if (np.abs(sums - 1.0) > 1e-12).any():
            policy = policy / policy.sum(axis=-1, keepdims=True)
            policy.flags.writeable = False
        self._set(policy=policy)

    @classmethod
    def of(cls, learned, agent=0, run=0, kind="policy"):
        """Take the policy that one agent learned in an earlier training.

        Parameters
        ----------
        learned : Result or Policy
            Trained with an encoder whose rows have fixed numbers.
        agent : int
            Whose policy it was.
        run : int
            Of a Result: which run.
        kind : {"policy", "behaviour", "greedy", "average"}
            Which of what the agent plays: see :meth:`Learner.plays`.

        Returns
        -------
        FixedPolicy
            Its own probabilities, of one that drew together with others, too.
        """
        policy = learned.policy(run) if hasattr(learned, "stop_reason") else learned
        experiment = getattr(policy, "experiment", None)
        if experiment is None:
            raise TypeError(f"learned: expected a Result or a Policy, got {shown(learned)}")
        if experiment.encoder.grows:
            raise ValueError(f"learned: its encoder {experiment.encoder.name!r} numbers rows as it first sees them, so "
                             "that they mean something else in another training; train it with numbered observations "
                             "or a Grid")
        if experiment.encoder.active(experiment.game) > 1:
            raise ValueError(f"learned: its encoder {experiment.encoder.name!r} puts an observation into several rows, "
                             "of which a table of probabilities knows nothing; use marlfast.evaluate, or train it with "
                             "a Grid")
        return cls(policy.table(integer("agent", agent, 0, experiment.game.agents - 1), kind))

    def check(self, context, rows=None):
        counts = context.action_counts[list(context.agent_ids)]
        if (counts != self.policy.shape[-1]).any():
            raise ValueError(f"policy: has {self.policy.shape[-1]} actions, the agents it controls have "
                             f"{counts.tolist()}; give a policy of as many")
        if self.policy.ndim == 2 and rows is None:
            raise ValueError("policy: rows are numbered as they are first seen; give one policy for all of them, "
                             "probabilities of shape (actions,)")
        if self.policy.ndim == 2 and len(self.policy) != rows:
            raise ValueError(f"policy: has {len(self.policy)} rows, the table has {rows}; give as many")

    def plays(self, context, arrays, kind="policy"):
        policy = np.atleast_2d(self.policy)
        if kind == "greedy":
            policy = one_hot(policy.argmax(axis=1), policy.shape[1])
        if len(policy) == 1:
            return [_always(i, n, policy[0]) for i, n in _led(context)]
        return [Plays((i,), (n,), lambda run, rows, i=i: policy[np.maximum(rows[:, i], 0)]) for i, n in _led(context)]

    def actions(self, context, arrays, rows):
        """The likeliest actions; an observation that was never seen gets those of the first row."""
        policy = np.atleast_2d(self.policy)
        return np.array([policy[max(rows[i], 0) if len(policy) > 1 else 0].argmax() for i in context.agent_ids],
                        np.int32)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        policy = np.repeat(np.atleast_2d(self.policy)[None], len(context.agent_ids), axis=0)
        return self._bound(backend, "FixedPolicy", context, draws, policy=policy)


class _Remembering(_Opponent):
    """What those that remember the last step have in common."""

    def shapes(self, context, rows):
        """``memory`` int32 [R, L]: one more than the action to come, 0 at the start of an episode."""
        return {"memory": Shape((context.runs, len(context.agent_ids)), "int32")}

    def begin(self, context, arrays):
        """Forget the episode under way.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.
        arrays : dict of str to ndarray
            Its own; they are changed.
        """
        arrays["memory"][:] = 0

    def check(self, context, rows=None):
        least = int(context.action_counts[list(context.agent_ids)].min())
        if self.opening >= least:
            raise ValueError(f"opening: an agent has the actions 0 to {least - 1}, got {self.opening}")

    def _automaton(self, arrays, at, agent, count, **more):
        """What the agent with place ``at`` among those controlled plays: what it remembers says what it does."""
        does = one_hot([self.opening, *range(count)], count)
        return Automaton((agent,), (count,), count + 1, lambda run, rows: np.tile(does, (len(rows), 1, 1)),
                         begin=0, now=lambda run, rows: arrays["memory"][run, at], **more)

    def actions(self, context, arrays, rows):
        """What they would do next."""
        memory = arrays["memory"][0]
        return np.where(memory > 0, memory - 1, self.opening).astype(np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class TitForTat(_Remembering):
    """Does what another agent did in the step before; begins every episode by cooperating.

    Parameters
    ----------
    of : int, optional
        The agent whose actions are copied; it must have as many actions. Default, in games of two agents: the other.
    opening : int
        Action of an episode's first step; 0 is to cooperate in this package's dilemmas.

    See Also
    --------
    WinStayLoseShift : Looks at its own reward.

    References
    ----------
    R. Axelrod and W. D. Hamilton, "The evolution of cooperation", Science 211 (1981); the strategy is
    A. Rapoport's.

    Examples
    --------
    >>> import marlfast as mf
    >>> team = [mf.IQL(0.1, discount=0.9), mf.learners.TitForTat()]
    >>> game = mf.games.PrisonersDilemma(memory=1, horizon=20)
    >>> run = mf.train(game, team, episodes=1000, seed=0)
    >>> mf.evaluate(game, run, episodes=1).returns[0, 0].tolist()
    [60.0, 60.0]
    """

    name = "tit_for_tat"
    also = ("tft",)
    of: int | None = None
    opening: int = 0

    def __post_init__(self):
        self._set(of=None if self.of is None else integer("of", self.of, 0),
                  opening=integer("opening", self.opening, 0, 2**31 - 1))

    def _whom(self, context):
        """Whose actions each controlled agent copies: int32 [L]."""
        if self.of is None and context.agents != 2:
            raise ValueError(f"of: the game has {context.agents} agents; say whose actions are copied, such as of=0")
        if self.of is None:
            return np.array([1 - i for i in context.agent_ids], np.int32)
        if self.of >= context.agents:
            raise ValueError(f"of: the game has the agents 0 to {context.agents - 1}, got {self.of}")
        if self.of in context.agent_ids:
            raise ValueError(f"of: agent {self.of} would copy itself; name another one")
        return np.full(len(context.agent_ids), self.of, np.int32)

    def check(self, context, rows=None):
        counts = context.action_counts
        for i, other in zip(context.agent_ids, self._whom(context).tolist(), strict=True):
            if counts[i] != counts[other]:
                raise ValueError(f"of: agent {i} has {counts[i]} actions and cannot copy agent {other}, which has "
                                 f"{counts[other]}; WinStayLoseShift looks at no other agent")
        super().check(context, rows)

    def plays(self, context, arrays, kind="policy"):
        """Automata, which remember one more than the action to come; 0 at the start of an episode."""
        self._no_average(kind)
        return [self._automaton(arrays, at, i, n, moves=lambda run, memory, actions, rewards, rows, n=n, other=other:
                                one_hot(actions[:, other] + 1, n + 1))
                for at, ((i, n), other) in enumerate(zip(_led(context), self._whom(context).tolist(), strict=True))]

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return self._bound(backend, "TitForTat", context, draws, memory=arrays["memory"], of=self._whom(context),
                           opening=self.opening)


@dataclass(frozen=True, repr=False, eq=False)
class WinStayLoseShift(_Remembering):
    """Repeats its action where it earned enough; else takes the next one, after the last the first (Pavlov).

    Parameters
    ----------
    threshold : float, or sequence of float [R]
        A reward of at least this wins. In the prisoner's dilemma a number between the payoffs of mutual defection
        and mutual cooperation.
    opening : int
        Action of an episode's first step.

    See Also
    --------
    TitForTat : Looks at what another agent did.

    References
    ----------
    M. Nowak and K. Sigmund, "A strategy of win-stay, lose-shift that outperforms tit-for-tat in the
    prisoner's dilemma game", Nature 364 (1993).

    Examples
    --------
    >>> import marlfast as mf
    >>> pavlov = mf.learners.WinStayLoseShift(threshold=2.0)
    >>> game = mf.games.PrisonersDilemma(horizon=10)
    >>> run = mf.train(game, [pavlov, mf.learners.FixedPolicy([0.0, 1.0])], episodes=1, seed=0)
    >>> run.returns[0, 0].tolist()
    [5.0, 30.0]
    """

    name = "win_stay_lose_shift"
    also = ("wsls", "pavlov")
    threshold: float = option(0.0, per_run=True)
    opening: int = 0

    def __post_init__(self):
        self._set(threshold=real_per_run("threshold", self.threshold),
                  opening=integer("opening", self.opening, 0, 2**31 - 1))

    def plays(self, context, arrays, kind="policy"):
        """Automata, which remember one more than the action to come; 0 at the start of an episode."""
        self._no_average(kind)
        if context.structure.name != "individual":
            raise ValueError(f"plays: {self.name} looks at the rewards that agents learn from, and "
                             f"rewards={context.structure.name}() makes others of those that a game pays; use "
                             "marlfast.evaluate")
        enough = spread(self.threshold, context.runs)

        def moves(agent, count, run, memory, actions, rewards, rows):
            own = actions[:, agent]
            return one_hot(np.where(rewards[:, agent] >= enough[run], own, (own + 1) % count) + 1, count + 1)

        return [self._automaton(arrays, at, i, n, moves=partial(moves, i, n), by_reward=True,
                                by_run=bool((enough != enough[0]).any())) for at, (i, n) in enumerate(_led(context))]

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return self._bound(backend, "WinStayLoseShift", context, draws, memory=arrays["memory"],
                           threshold=spread(self.threshold, context.runs), opening=self.opening)


class _Paid(_Opponent):
    """What those that know their payoffs have in common."""

    def _check_payoffs(self):
        payoffs = _numbers("payoffs", self.payoffs)
        if payoffs.ndim < 1 or payoffs.size == 0:
            raise ValueError("payoffs: expected one axis per agent with at least one action, got shape "
                             f"{payoffs.shape}")
        if np.abs(payoffs).max() > 1e100:
            raise ValueError(f"payoffs: expected numbers up to 1e100, got {np.abs(payoffs).max()}")
        self._set(payoffs=payoffs)

    def _own(self, context):
        """Payoffs of each controlled agent: float64 [L, joint actions]."""
        n_ids, shape = len(context.agent_ids), tuple(context.action_counts.tolist())
        if self.payoffs.shape == shape:
            return np.repeat(self.payoffs.reshape(1, -1), n_ids, axis=0)
        if self.payoffs.shape == (n_ids, *shape):
            return np.ascontiguousarray(self.payoffs.reshape(n_ids, -1))
        raise ValueError(f"payoffs: expected its own payoff of every joint action, shape {shape}, or {(n_ids, *shape)} "
                         f"for each agent that it controls, got {self.payoffs.shape}")

    def check(self, context, rows=None):
        self._own(context)


@dataclass(frozen=True, repr=False, eq=False)
class FictitiousPlay(_Paid):
    """Fictitious play: the best reply to how often the others have taken each of their joint actions.

    ``totals[a]``, the sum over past steps of what action a would have earned against what the others did, is greatest
    for a best reply to these frequencies. With two players that is Brown's rule; with more, what the others do
    together is what is counted (correlated beliefs). The first of several best replies is taken.

    Parameters
    ----------
    payoffs : float64 [A_0, ..., A_{N-1}] or [L, A_0, ..., A_{N-1}]
        Its own payoff of every joint action; or one array for each agent that it controls.
    initial : float or float64 [A]
        Totals to begin with: what it believes before it has seen anything.

    See Also
    --------
    RegretMatching : Draws by what it regrets.
    JointActionLearner : Learns its payoffs.

    Notes
    -----
    What it observes and is rewarded does not matter to it. Arrays: ``totals`` float64 [R, L, A], and ``counts`` int64
    [R, N, most actions], how often every agent took each action.

    References
    ----------
    G. W. Brown, "Iterative solution of games by fictitious play", in: Activity Analysis of Production and
    Allocation (1951).

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.MatchingPennies(horizon=0)
    >>> payoffs = mf.learners.FictitiousPlay([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]])
    >>> run = mf.train(game, payoffs, steps=10_000, seed=0)
    >>> run.policy(0, kind="average").probabilities(0)[0].round(2).tolist()
    [0.5, 0.5]
    """

    name = "fictitious_play"
    payoffs: Any = option()
    initial: Any = 0.0

    def __post_init__(self):
        self._check_payoffs()
        initial = _numbers("initial", self.initial)
        if initial.ndim > 1:
            raise ValueError(f"initial: expected a number or one per action, got shape {initial.shape}")
        self._set(initial=initial if initial.ndim else float(initial))

    def check(self, context, rows=None):
        super().check(context, rows)
        counts = context.action_counts[list(context.agent_ids)]
        if np.ndim(self.initial) and (counts != len(self.initial)).any():
            raise ValueError(f"initial: expected one number per action, {counts.tolist()}, got {len(self.initial)}")

    def shapes(self, context, rows):
        return {"totals": Shape((context.runs, len(context.agent_ids), context.max_actions)),
                "counts": Shape((context.runs, context.agents, int(context.action_counts.max())), "int64")}

    def allocate(self, context, rows):
        arrays = super().allocate(context, rows)
        arrays["totals"][:] = self.initial
        return arrays

    def plays(self, context, arrays, kind="policy"):
        """With ``"average"``: how often each of its actions was taken in training."""
        if kind == "average":
            return [_always(i, n, _shares(arrays["counts"][:, i, :n])) for i, n in _led(context)]
        return [_always(i, n, one_hot(arrays["totals"][:, at, :n].argmax(axis=1), n))
                for at, (i, n) in enumerate(_led(context))]

    def actions(self, context, arrays, rows):
        return self._best(context, arrays["totals"][0])

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return self._bound(backend, "FictitiousPlay", context, draws, learning=learning, payoffs=self._own(context),
                           totals=arrays["totals"], counts=arrays["counts"])


@dataclass(frozen=True, repr=False, eq=False)
class RegretMatching(_Paid):
    """Regret matching: actions by how much better they would have done.

    With ``regret="internal"`` the procedure that leads to correlated equilibria: after action j, action k is taken
    with probability ``max(0, mean regret[j, k]) / inertia``, else j again, where ``mean regret[j, k]`` is the sum, over
    the steps in which it took j, of what k would have earned more, divided by the number of all steps. The first
    action is drawn from all. With ``regret="external"`` action k is taken with probability in proportion to the
    positive part of what it would have earned more in all steps, and any where no such part is positive.

    Parameters
    ----------
    payoffs : float64 [A_0, ..., A_{N-1}] or [L, A_0, ..., A_{N-1}]
        Its own payoff of every joint action; or one array for each agent that it controls.
    regret : {"internal", "external"}
        Compared with each action in place of another, or with each action throughout.
    inertia : float, optional
        Greater than 0; only with internal regret. The article's mu. Default: 1.01 (greatest payoff - least payoff)
        (A - 1), a little more than keeps all probabilities below 1.

    See Also
    --------
    FictitiousPlay : Always replies best.
    Exp3 : Need not know payoffs.

    Notes
    -----
    What it observes and is rewarded does not matter to it. Arrays: ``regrets`` float64 [R, L, A, A] (external:
    [R, L, 1, A]), sums; ``memory`` int32 [R, L], one more than its last action; ``steps`` int64 [R]; ``counts`` int64
    [R, J], how often every joint action was played.

    References
    ----------
    S. Hart and A. Mas-Colell, "A simple adaptive procedure leading to correlated equilibrium", Econometrica
    68 (2000), equations 2.1 to 2.3 and, for external regret, 4.1.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.MatchingPennies(horizon=0)
    >>> learner = mf.learners.RegretMatching([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]], regret="external")
    >>> run = mf.train(game, learner, steps=10_000, seed=0)
    >>> run.policy(0, kind="average").probabilities(0)[0].round(1).tolist()
    [0.5, 0.5]
    """

    name = "regret_matching"
    also = ("regret",)
    added = ("counts",)
    by_kernel = ("policy", "behaviour")
    payoffs: Any = option()
    regret: str = "internal"
    inertia: float | None = None

    def __post_init__(self):
        self._check_payoffs()
        choice("regret", self.regret, ("internal", "external"))
        if self.inertia is not None:
            if self.regret == "external":
                raise ValueError(f"inertia: only means something with internal regret, got {shown(self.inertia)}")
            self._set(inertia=real("inertia", self.inertia))
            if self.inertia <= 0.0:
                raise ValueError(f"inertia: expected greater than 0, got {shown(self.inertia)}")

    def _inertia(self, context, payoffs):
        """By which each controlled agent's mean regrets are divided: float64 [L]."""
        if self.inertia is not None:
            return np.full(len(context.agent_ids), self.inertia)
        spans = (payoffs.max(axis=1) - payoffs.min(axis=1)) * (context.action_counts[list(context.agent_ids)] - 1)
        return np.where(spans > 0.0, 1.01 * spans, 1.0)

    def shapes(self, context, rows):
        n_ids, most = len(context.agent_ids), context.max_actions
        return {"regrets": Shape((context.runs, n_ids, most if self.regret == "internal" else 1, most)),
                "memory": Shape((context.runs, n_ids), "int32"), "steps": Shape((context.runs,), "int64"),
                "counts": Shape((context.runs, math.prod(context.action_counts.tolist())), "int64")}

    def plays(self, context, arrays, kind="policy"):
        """With internal regret automata, which remember one more than their last action, across episodes, too.

        With ``"average"``: how often each joint action of those controlled was taken in training, a distribution of
        joint actions. It is that which comes near correlated (external regret: coarse correlated) equilibria.
        """
        if kind == "average":
            return [self._counted(context, arrays)]
        if self.regret == "internal":
            return [self._switching(context, arrays, kind, at) for at in range(len(context.agent_ids))]
        regrets = np.maximum(arrays["regrets"][:, :, 0], 0.0)
        found = [(i, n, _shares(regrets[:, at, :n])) for at, (i, n) in enumerate(_led(context))]
        return [_always(i, n, one_hot(p.argmax(axis=1), n) if kind == "greedy" else p) for i, n, p in found]

    def _counted(self, context, arrays):
        ids, counts = list(context.agent_ids), context.action_counts
        others = tuple(1 + i for i in range(context.agents) if i not in ids)
        played = arrays["counts"].reshape(-1, *counts.tolist()).sum(axis=others).reshape(len(arrays["counts"]), -1)
        p = _shares(played)
        return Plays(ids, counts[ids], lambda run, rows: np.tile(p[run], (len(rows), 1)))

    def _switching(self, context, arrays, kind, at):
        agent, count = _led(context)[at]
        inertia = self._inertia(context, self._own(context))[at]

        def chances(run, rows):
            p = np.full((count + 1, count), 1.0 / count)                # 0: the first action of all
            for j in range(count):
                goes = np.maximum(arrays["regrets"][run, at, j, :count], 0.0)
                goes[j] = 0.0
                goes = goes / (inertia * max(int(arrays["steps"][run]), 1))
                p[j + 1] = np.diff(np.minimum(np.cumsum(goes), 1.0), prepend=0.0)
                p[j + 1, j] = max(0.0, 1.0 - p[j + 1].sum())
            return np.tile(one_hot(p.argmax(axis=1), count) if kind == "greedy" else p, (len(rows), 1, 1))

        def moves(run, memory, actions, rewards, rows):
            return one_hot(actions[:, agent] + 1, count + 1)

        def now(run, rows):
            return arrays["memory"][run, at]

        def begin(run, rows):
            return np.tile(one_hot([now(run, rows)], count + 1), (len(rows), 1))

        differ = len(np.unique(arrays["memory"][:, at])) > 1
        return Automaton((agent,), (count,), count + 1, chances, moves, begin, now, forgets=False, by_run=differ)

    def actions(self, context, arrays, rows):
        """The likeliest actions."""
        one = np.asarray(rows)[None]
        return np.array([p.chances(0, one)[0, p.now(0, one)].argmax() for p in self.plays(context, arrays)], np.int32)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        payoffs = self._own(context)
        return self._bound(backend, "RegretMatching", context, draws, learning=learning, payoffs=payoffs,
                           inertia=self._inertia(context, payoffs),
                           **{name: arrays[name] for name in ("regrets", "memory", "steps", "counts")})


@dataclass(frozen=True, repr=False, eq=False)
class Exp3(_Opponent):
    """Exponential weights for exploring and exploiting: no regret, whatever the others do.

    Action a of A is taken with probability ``p[a] = (1 - gamma) * w[a] / sum(w) + gamma / A``; then the weight of the
    action taken grows, ``w[a] *= exp(gamma * x / (p[a] * A))``, where x is the reward's place between ``low`` and
    ``high``, 0 to 1. Whatever the rewards, it is expected to earn at most ``(e - 1) gamma T + A ln(A) / gamma`` (times
    ``high - low``) less in T steps than the best single action would have.

    Parameters
    ----------
    gamma : float, or sequence of float [R]
        Greater than 0 and at most 1.
    low, high : float
        Range of the rewards it learns from; those outside count as the nearer end.

    See Also
    --------
    RegretMatching : Knows its payoffs.

    Notes
    -----
    What it observes does not matter to it. Arrays: ``weights`` float64 [R, L, A], logarithms.

    References
    ----------
    P. Auer, N. Cesa-Bianchi, Y. Freund and R. E. Schapire, "The nonstochastic multiarmed bandit problem",
    SIAM Journal on Computing 32 (2002), figure 1 and theorem 3.1.

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.MatchingPennies(horizon=0)
    >>> run = mf.train(game, mf.learners.Exp3(0.05, low=-1.0, high=1.0), steps=1000, seed=0)
    >>> run.tables(agent=0)["weights"].shape[-1]
    2
    """

    name = "exp3"
    by_kernel = ("policy", "behaviour")
    gamma: float = option(0.1, per_run=True)
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self):
        self._set(gamma=real_per_run("gamma", self.gamma, None, 1.0), low=real("low", self.low),
                  high=real("high", self.high))
        if np.any(np.asarray(self.gamma) <= 0.0):
            raise ValueError(f"gamma: expected greater than 0, got {np.min(self.gamma)}")
        if not self.low < self.high or not np.isfinite(self.high - self.low):
            raise ValueError(f"low, high: expected low < high, got {shown(self.low)} and {shown(self.high)}")

    def check(self, context, rows=None):
        known = context.game.reward_bounds
        if known is not None and (known[0] < self.low or known[1] > self.high):
            raise ValueError(f"low, high: rewards of game {context.game.name!r} lie in {known[0]} to {known[1]}, "
                             f"got {shown(self.low)} to {shown(self.high)}; give low={known[0]}, high={known[1]}")

    def shapes(self, context, rows):
        return {"weights": Shape((context.runs, len(context.agent_ids), context.max_actions))}

    def plays(self, context, arrays, kind="policy"):
        """It explores by ``gamma`` always, so that this is part of its policy."""
        self._no_average(kind)
        gamma, found = spread(self.gamma, context.runs)[:, None], []
        for at, (i, n) in enumerate(_led(context)):
            weights = arrays["weights"][:, at, :n]
            p = one_hot(weights.argmax(axis=1), n) if kind == "greedy" else (1.0 - gamma) * softmax(weights) + gamma / n
            found.append(_always(i, n, p))
        return found

    def actions(self, context, arrays, rows):
        """The likeliest actions."""
        return self._best(context, arrays["weights"][0])

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        return self._bound(backend, "Exp3", context, draws, learning=learning, weights=arrays["weights"],
                           gamma=spread(self.gamma, context.runs), low=self.low, high=self.high)
