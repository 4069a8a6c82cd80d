"""Policy gradients for agents and for teams: softmax policies, which climb what a critic makes of their actions."""
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real_per_run, shown
from marlfast.learners.base import Learner, as_share, check_common, check_shared
from marlfast.learners.joint import _large, _weights
from marlfast.learners.plays import Plays, no_average, one_hot, softmax
from marlfast.memory import UNCHECKED, Shape, check_memory, memory_there
from marlfast.registry import option
from marlfast.schedules import Schedule, per_run_field, schedule, spread

__all__ = ["COMA", "IA2C", "IPPO", "MAA2C", "MAPPO", "Reinforce"]

_MAX_STEPS = 2**20
_RUNNING = ("mean", "square", "weight")     # what is kept of targets, where values are normalised


class _Gradient(Learner):
    """Base of policy gradients: what they differ in are the attributes below, and which fields they have.

    Attributes
    ----------
    across : bool
        A rollout goes on after the end of an episode, until it is full.
    counterfactual : bool
        The critic is of joint actions, and says what an agent's own action was worth beside its others.
    rates : dict of str to str
        Fields that are schedules, by the name of their arrays.
    """

    kernels = "gradients"
    sparse = True
    across = False
    counterfactual = False
    rates = {"rate": "actor_rate", "critic_rate": "critic_rate", "entropy": "entropy"}
    # Of those who do not have the field.
    baseline, trace_decay, epochs, minibatch, clip, value_clip, normalise = "value", 1.0, 1, 0, None, None, False
    normalise_values = False

    def __post_init__(self):
        schedules = {}
        for name, own in self.rates.items():
            self._set(**{own: per_run_field(own, getattr(self, own))})
            schedules[name] = schedule(own, getattr(self, own), 0.0, 1.0 if own == "critic_rate" else None)
        self._set(schedules=schedules, discount=real_per_run("discount", self.discount, 0.0, 1.0))
        self._set(share=as_share(self.share))
        own = type(self).__dataclass_fields__
        if "trace_decay" in own:
            self._set(trace_decay=real_per_run("trace_decay", self.trace_decay, 0.0, 1.0))
        if "baseline" in own:
            self._set(baseline=choice("baseline", self.baseline, ("value", "none")))
        for name in {"steps", "longest"} & set(own):
            if getattr(self, name) is not None:
                self._set(**{name: integer(name, getattr(self, name), 1, _MAX_STEPS)})
        if "clip" in own:
            self._set(clip=real_per_run("clip", self.clip, 0.0, 1.0), epochs=integer("epochs", self.epochs, 1, 2**20),
                      minibatch=integer("minibatch", self.minibatch, 0, _MAX_STEPS))
            if self.value_clip is not None:
                self._set(value_clip=real_per_run("value_clip", self.value_clip, 0.0))
        for name in {"normalise", "normalise_values"} & set(own):
            value = getattr(self, name)
            if not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{name}: expected True or False, got {shown(value)}")
            self._set(**{name: bool(value)})

    # -- tables ---------------------------------------------------------------------------------

    @property
    def by_row(self):
        """The tables over an agent's own rows."""
        return ("logits",) if self.central or self.baseline == "none" else ("logits", "critic")

    @property
    def by_central(self):
        """The tables over rows of the whole state."""
        return ("critic",) if self.central else ()

    def tables(self, context):
        """Say which table each agent's logits are in.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        int32 [N]
            0 for agents that it does not control.
        """
        return context.tables(self.share)

    def teams(self, context):
        """List the agents of each team that are controlled; without teams they are one.

        Parameters
        ----------
        context : LearnerContext
            What it is told about the game.

        Returns
        -------
        list of list of int
            In order.
        """
        teams = context.teams or [context.agent_ids]
        own = set(context.agent_ids)
        return [part for part in (sorted(own.intersection(team)) for team in teams) if part]

    def plan(self, context):
        """Lay the critic out.

        Parameters
        ----------
        context : LearnerContext
            Of the agents that are controlled.

        Returns
        -------
        units : int32 [U]
            Table of each unit: a team that has a critic of its own, or an agent.
        unit_of : int32 [N]
            Unit of each agent.
        weights : int64 [N]
            What an agent's action counts for in the number of its team's joint action; 0: the critic is of states.
        joint : int
            The most joint actions of any unit.
        """
        return context.once(("plan", self), lambda: self._laid_out(context))

    def _laid_out(self, context):
        unit_of, weights, joint = np.zeros(context.agents, np.int32), [0] * context.agents, 1
        members = self.teams(context) if self.central else [[i] for i in context.agent_ids]
        for u, team in enumerate(members):
            unit_of[team] = u
            if self.counterfactual:
                own, size = _weights(team, context.action_counts)
                weights = [a + b for a, b in zip(weights, own, strict=True)]
                joint = max(joint, size)
        units = range(len(members)) if self.central else self.tables(context)[list(context.agent_ids)]
        weights = np.array([min(weight, 2**62) for weight in weights], np.int64)    # too long ones: see ``check``
        return np.array(units, np.int32), unit_of, weights, joint

    def length(self, game):
        """Say how many steps a rollout has.

        Parameters
        ----------
        game : Game
            Its horizon is the default of some.

        Returns
        -------
        int
            At least 1.
        """
        if "steps" in type(self).__dataclass_fields__:
            return self.steps
        return self.longest or game.horizon or 1000

    def memory(self, context, rows):
        """Say how many bytes its tables and its rollout take.

        Parameters
        ----------
        context : LearnerContext
            Of the agents that are controlled.
        rows : int
            Rows of the table of what an agent sees.

        Returns
        -------
        int
            Bytes, of all runs.
        """
        units, _, _, joint = self.plan(context)
        actor = rows * (int(self.tables(context).max()) + 1) * context.max_actions
        critic = 0 if self.baseline == "none" else (context.central if self.central else rows) * (
            int(units.max()) + 1) * joint
        active_rows = context.agents * context.active + (context.central_active if self.central else 0)
        step = 8 * active_rows + 4 * context.agents + 4 + 24 * len(units)
        step += 8 * len(context.agent_ids) * (context.max_actions + 3)
        return context.runs * (8 * (actor + critic) + step * self.length(context.game))

    def check(self, context, rows=None):
        check_shared(self.tables(context), context)
        if self.central:
            for team in self.teams(context):
                try:
                    check_common(self.name, context.of_agents(tuple(team)), mean=True)
                except ValueError as error:
                    raise ValueError(str(error).partition("; ")[0] + "; train with rewards=marlfast.rewards.mixed"
                                     "(teams), or with a learner of single agents: ia2c, ippo, reinforce") from None
        *_, joint = self.plan(context)
        size = self.memory(context, rows or 1)
        present = memory_there() if size > UNCHECKED else None
        if joint > 2**31 - 1 or present is not None and size > present:
            have = "" if present is None else f", this machine has {1e-9 * present:,.1f} GB"
            gigabytes = f"{1e-9 * size:,.1f}" if size < 10**18 else _large(size // 10**9)
            what = f"a critic of {_large(joint)} joint actions" if self.counterfactual else "tables and rollouts"
            raise ValueError(f"{self.name}: {what}, for {context.runs:,} runs, {rows or 1:,} rows and "
                             f"{context.central:,} of the whole state, need {gigabytes} GB{have}; take fewer agents, "
                             "actions, rows, steps or runs"
                             + (", or mappo, whose critic is of states" if self.counterfactual else ""))

    def _tables(self, context, rows):
        """Shapes of the tables."""
        units, _, _, joint = self.plan(context)
        shapes = {"logits": Shape((context.runs, rows, int(self.tables(context).max()) + 1, context.max_actions))}
        if self.baseline != "none":
            shapes["critic"] = Shape((context.runs, context.central if self.central else rows, int(units.max()) + 1,
                                      joint))
        return shapes

    def _empty(self, context, rows):
        return {name: np.zeros(*one) for name, one in self._tables(context, rows).items()}

    def shapes(self, context, rows):
        units, *_ = self.plan(context)
        n_runs, length = context.runs, self.length(context.game)
        active_rows = context.agents * context.active + (context.central_active if self.central else 0)
        return self._tables(context, max(rows, 1)) | {
            "rollout_rows": Shape((n_runs, length, active_rows), "int32"),
            "ahead": Shape((n_runs, length, active_rows), "int32"),
            "taken": Shape((n_runs, length, context.agents), "int32"), "over": Shape((n_runs, length), "int32"),
            "rewards": Shape((n_runs, length, len(units))), "known": Shape((n_runs,), "int32"),
            "late": Shape((n_runs,), "int32")} | {
                f"value_{name}": Shape((n_runs, len(units))) for name in _RUNNING if self.normalise_values} | \
            self._schedule_shapes(n_runs)

    def allocate(self, context, rows):
        """``logits`` float64 [R, rows, T, A], ``critic`` [R, rows, tables, J], the rollout and the schedules'."""
        check_memory(f"{self.name}: tables and rollouts", self.memory(context, rows),
                     "take fewer agents, actions, rows, steps or runs")
        return {name: np.zeros(*one) for name, one in self.shapes(context, rows).items()} | \
            self._fresh_schedules(context.runs)

    def grow(self, context, arrays, rows, backend):
        larger = arrays | self._empty(context, rows)
        for name in ("logits", "critic"):
            if name in arrays:
                if larger[name].shape[1] < arrays[name].shape[1]:
                    larger[name] = arrays[name]
                larger[name][:, :arrays[name].shape[1]] = arrays[name]
        return larger

    # -- the rest -------------------------------------------------------------------------------

    def draws(self):
        """One: which action of the policy."""
        return 1

    def discounts(self):
        return set(np.atleast_1d(self.discount).tolist())

    def plays(self, context, arrays, kind="policy"):
        if kind == "average":
            raise no_average(self.name)
        return [Plays((i,), (context.action_counts[i],), partial(self._chances, context, arrays, kind, i))
                for i in context.agent_ids]

    def _chances(self, context, arrays, kind, agent, run, rows):
        own, count = rows.reshape(len(rows), context.agents, context.active)[:,
                                                                             agent], int(context.action_counts[agent])
        table = arrays["logits"][run, :, self.tables(context)[agent], :count]
        logits = np.zeros((len(rows), count))
        for j in range(context.active):           # in the order in which the kernels add; what was never seen adds none
            logits = logits + np.where((own[:, j] >= 0)[:, None], table[np.maximum(own[:, j], 0)], 0.0)
        return one_hot(logits.argmax(axis=1), count) if kind == "greedy" else softmax(logits)

    def actions(self, context, arrays, rows):
        """The likeliest actions; an observation that was never seen gets the first one."""
        one = np.asarray(rows)[None]
        return np.array([self._chances(context, arrays, "greedy", i, 0, one)[0].argmax() for i in context.agent_ids],
                        np.int32)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        n_runs, module = len(arrays["logits"]), kernels(backend, self.kernels)
        counts = np.minimum(context.action_counts, context.max_actions).astype(np.int32)
        common = {"logits": arrays["logits"], "table_of": self.tables(context), "n_actions": counts,
                  "agent_ids": context.ids(),
                  "active": context.active}
        if not learning or exploration is not None:
            acting = exploration and exploration.bound(n_runs, backend)
            needed = exploration.n_draws if exploration else 1
            return [module.Softmax(**common, exploration=acting or None,
                                   strict=exploration is None or exploration.strict,
                                   several=exploration is not None and exploration.several,
                                   draws=max(draws or 0, needed))]
        units, unit_of, weights, _ = self.plan(context)
        bound = self._bound_schedules(arrays, backend)
        clip, value_clip = (None if value is None else spread(value, n_runs) for value in (self.clip, self.value_clip))
        return [module.PolicyGradient(
            **common, draws=max(draws or 0, 1), critic=arrays.get("critic"), units=units, unit_of=unit_of,
            weights=weights, central=context.central_active if self.central else 0,
            discount=spread(self.discount, n_runs), decay=spread(self.trace_decay, n_runs), clip=clip,
            value_clip=value_clip, **{name: bound[name] for name in ("rate", "critic_rate", "entropy")},
            counterfactual=self.counterfactual, normalise=self.normalise, across=self.across, epochs=self.epochs,
            minibatch=self.minibatch, **{name: arrays[name] for name in (
                "rollout_rows", "ahead", "taken", "over", "rewards", "known", "late")},
            **{f"value_{name}": arrays.get(f"value_{name}") for name in _RUNNING})]


@dataclass(frozen=True, repr=False, eq=False)
class Reinforce(_Gradient):
    """REINFORCE: actions that were followed by more than was to be expected become more likely.

    Once an episode is over, with ``g[t] = reward[t] + discount * g[t + 1]`` and all gradients taken before anything
    moves::

        logits[row t] += actor_rate * ((g[t] - value[row t]) * (onehot(action t) - policy(row t))
                                       + entropy * dH/dlogits)
        value[row t]  += critic_rate * (g[t] - value[row t])

    Where the time limit ended the episode, g goes on with the value of its true successor (with 0 where there is no
    baseline). The steps of an episode count alike: there is no factor ``discount ** t``.

    Parameters
    ----------
    actor_rate : float, Schedule, or sequence of float [R]
        At least 0. A sequence has one number per run, here as for the other parameters.
    critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        In [0, 1].
    entropy : float, Schedule, or sequence of float [R]
        At least 0: how much the entropy of a policy is worth at each step. It keeps policies from becoming certain.
    baseline : {"value", "none"}
        What an agent learns to expect in each of its rows; or nothing.
    longest : int, optional
        Steps that are kept. A longer episode is learned from in pieces, each as if the time limit had ended it.
        Default: the horizon of the game, or 1000 where it has none.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing, of logits and values, as of :class:`IQL`.

    See Also
    --------
    IA2C : Learns before the episode is over.
    COMA : What an agent's own action was worth.

    Notes
    -----
    Tables: ``logits`` float64 [R, rows, T, A], ``critic`` float64 [R, rows, T, 1]. Its policy
    is mixed, also where it is evaluated.

    References
    ----------
    R. J. Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement
    learning", Machine Learning 8 (1992), section 4, with the reward to go.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.learners.Reinforce(0.5), episodes=1000, seed=0)
    >>> [chances.round(1).tolist() for chances in run.policy(0).probabilities(0)]
    [[0.0, 1.0], [0.0, 1.0]]
    """

    name = "reinforce"
    also = ("policy_gradient", "pg")
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    entropy: float | Schedule = option(0.0, kind="schedule", per_run=True)
    baseline: str = "value"
    longest: int | None = None
    share: Any = "none"


@dataclass(frozen=True, repr=False, eq=False)
class IA2C(_Gradient):
    """Independent advantage actor-critics: each agent learns values of its own rows, and climbs its advantages.

    After ``steps`` steps, or once the episode is over, with ``target[t] = reward[t] + discount * ((1 - trace_decay) *
    value[row t+1] + trace_decay * target[t+1])``, which begins with the value of the last successor (nothing is
    bootstrapped from a terminal state, a truncated episode bootstraps from its true successor)::

        logits[row t] += actor_rate * ((target[t] - value[row t]) * (onehot(action t) - policy(row t))
                                       + entropy * dH/dlogits)
        value[row t]  += critic_rate * (target[t] - value[row t])

    Parameters
    ----------
    actor_rate : float, Schedule, or sequence of float [R]
        At least 0: how fast policies move.
    critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1]: how fast values move.
    discount : float or sequence of float [R]
        In [0, 1].
    entropy : float, Schedule, or sequence of float [R]
        At least 0: how much the entropy of a policy is worth at each step, as of :class:`Reinforce`.
    trace_decay : float or sequence of float [R]
        Lambda, in [0, 1]; 1: the returns of up to ``steps`` steps, 0: one-step errors.
    steps : int
        Steps of a rollout; with 1 every step is learned from at once.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    normalise : bool
        Advantages of a rollout get mean 0 and standard deviation 1, for each agent.
    normalise_values : bool
        The critic's tables hold values less the running mean of targets, divided by their running standard deviation:
        rows that were never seen are worth that mean.

    See Also
    --------
    MAA2C : With a critic of the whole state.
    IPPO : Goes over a rollout several times.

    References
    ----------
    V. Mnih et al., "Asynchronous methods for deep reinforcement learning", ICML 2016, algorithm S3, of one
    worker; as independent learners: G. Papoudakis et al., "Benchmarking multi-agent deep reinforcement learning
    algorithms in cooperative tasks", NeurIPS 2021.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.learners.IA2C(0.5), episodes=1000, seed=0)
    >>> [chances.round(1).tolist() for chances in run.policy(0).probabilities(0)]
    [[0.0, 1.0], [0.0, 1.0]]
    """

    name = "ia2c"
    also = ("independent_actor_critic",)
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    entropy: float | Schedule = option(0.01, kind="schedule", per_run=True)
    trace_decay: float = option(1.0, per_run=True)
    steps: int = 5
    share: Any = "none"
    normalise: bool = False
    normalise_values: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class MAA2C(_Gradient):
    """Actor-critics with a central critic: the team learns values of the whole state, while each sees its own rows.

    As :class:`IA2C`, but ``value`` is of the rows of the whole state, one table for each team, and the reward is the
    mean of the team members' rewards. Acting reads an agent's own rows only.

    Parameters
    ----------
    actor_rate : float, Schedule, or sequence of float [R]
        At least 0: how fast policies move.
    critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1]: how fast values move.
    discount : float or sequence of float [R]
        In [0, 1].
    entropy : float, Schedule, or sequence of float [R]
        At least 0: how much the entropy of a policy is worth at each step, as of :class:`Reinforce`.
    trace_decay : float or sequence of float [R]
        Lambda, in [0, 1].
    steps : int
        Steps of a rollout.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing of the logits, as of :class:`IQL`.
    normalise : bool
        Advantages of a rollout get mean 0 and standard deviation 1, for each team.
    normalise_values : bool
        The critic's tables hold values less the running mean of targets, divided by their running standard deviation:
        rows that were never seen are worth that mean.

    See Also
    --------
    IA2C : With critics of the agents' own rows.
    MAPPO : Goes over a rollout several times.

    Notes
    -----
    Teams are those of the reward structure or of the game; without them all agents that are controlled are one.

    References
    ----------
    G. Papoudakis et al., "Benchmarking multi-agent deep reinforcement learning algorithms in cooperative
    tasks", NeurIPS 2021: MAA2C.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.TwoStep(), mf.learners.MAA2C(0.1), episodes=1000, seed=0)
    >>> run.tables(agent=0)["critic"].shape[-1]
    1
    """

    name = "maa2c"
    also = ("a2c", "central_v")
    central = True
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    entropy: float | Schedule = option(0.01, kind="schedule", per_run=True)
    trace_decay: float = option(1.0, per_run=True)
    steps: int = 5
    share: Any = "none"
    normalise: bool = False
    normalise_values: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class COMA(_Gradient):
    """Counterfactual multi-agent policy gradients: each agent learns by what its own action added to the return.

    A central critic learns values of joint actions, ``q[central row, joint]``, one table for each team. Once an
    episode is over, first the critic, with ``target[t] = reward[t] + discount * ((1 - trace_decay) * q[t+1] +
    trace_decay * target[t+1])`` and the mean reward of the team, then the actors::

        q[row t, joint t] += critic_rate * (target[t] - q[row t, joint t])
        advantage[i, t]    = q[row t, joint t] - sum_a policy_i(a) * q[row t, joint t with a for the action of i]
        logits_i[row t]   += actor_rate * (advantage[i, t] * (onehot(action t) - policy_i) + entropy * dH/dlogits)

    Where the time limit ended the episode, what comes next is the expected value of the true successor over the joint
    actions of the policies.

    Parameters
    ----------
    actor_rate : float, Schedule, or sequence of float [R]
        At least 0: how fast policies move.
    critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1]: how fast values move.
    discount : float or sequence of float [R]
        In [0, 1].
    entropy : float, Schedule, or sequence of float [R]
        At least 0: how much the entropy of a policy is worth at each step, as of :class:`Reinforce`.
    trace_decay : float or sequence of float [R]
        Lambda, in [0, 1].
    longest : int, optional
        Steps that are kept; a longer episode is learned from in pieces, as of :class:`Reinforce`. Default: the horizon
        of the game, or 1000 where it has none.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing of the logits, as of :class:`IQL`.
    normalise : bool
        Advantages of a rollout get mean 0 and standard deviation 1, for each team.
    normalise_values : bool
        The critic's tables hold values less the running mean of targets, divided by their running standard deviation:
        rows that were never seen are worth that mean.

    See Also
    --------
    MAA2C : A critic of states alone.
    Reinforce : No critic of joint actions.

    Notes
    -----
    The critic is a table over joint actions, which are numbered with the first agent's action as the most significant:
    ``memory(context, rows)`` says its bytes, and what cannot fit is refused before it is made. (A critic that adds up
    one term for each agent would need no such table, but then what an agent's action is worth does not depend on what
    the others do, which is the point of this rule.) There is no target network: targets are those before the update.

    References
    ----------
    J. Foerster et al., "Counterfactual multi-agent policy gradients", AAAI 2018, equation 4 and algorithm 1.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.learners.COMA(0.5), episodes=1000, seed=0)
    >>> run.tables(agent=0)["critic"].shape[-1]
    4
    """

    name = "coma"
    central = True
    counterfactual = True
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    entropy: float | Schedule = option(0.01, kind="schedule", per_run=True)
    trace_decay: float = option(0.8, per_run=True)
    longest: int | None = None
    share: Any = "none"
    normalise: bool = False
    normalise_values: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class IPPO(_Gradient):
    """Independent proximal policy optimisation: several passes over a rollout, none of which goes far from it.

    After ``steps`` steps, whatever episodes end on the way, with the targets of :class:`IA2C` and ``advantage[t] =
    target[t] - value[row t]``, ``epochs`` times over: the values move to the targets, and the logits climb::

        min(ratio * advantage[t], clip(ratio, 1 - clip, 1 + clip) * advantage[t]) + entropy * H(policy(row t))

    where ``ratio`` is the probability of the action taken, over what it was when it was taken.

    Parameters
    ----------
    actor_rate : float, Schedule, or sequence of float [R]
        At least 0: how fast policies move.
    critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1]: how fast values move.
    discount : float or sequence of float [R]
        In [0, 1].
    entropy : float, Schedule, or sequence of float [R]
        At least 0: how much the entropy of a policy is worth at each step, as of :class:`Reinforce`.
    trace_decay : float or sequence of float [R]
        Lambda of the generalised advantage estimates, in [0, 1].
    steps : int
        T, steps of a rollout.
    epochs : int
        How often a rollout is gone through, at least 1.
    clip : float or sequence of float [R]
        In [0, 1]: how far the ratio may go from 1 before it counts no more.
    minibatch : int
        Steps whose gradients are added up (not averaged) before the logits move; 0: the whole rollout. Minibatches
        are in the order of time, not shuffled. A table's rows hardly touch each other, so that with 1 the clip holds
        at each step.
    value_clip : float, optional, or sequence of float [R]
        Values are clipped to so far from what they were, and no longer move where that is the greater error.
    normalise : bool
        Advantages of a rollout get mean 0 and standard deviation 1, for each agent (or, of a central critic, each
        team).
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    normalise_values : bool
        The critic's tables hold values less the running mean of targets, divided by their running standard deviation:
        rows that were never seen are worth that mean, and ``value_clip`` counts standard deviations.

    See Also
    --------
    MAPPO : With a critic of the whole state.
    IA2C : Goes over a rollout once.

    References
    ----------
    J. Schulman, F. Wolski, P. Dhariwal, A. Radford, O. Klimov, "Proximal policy optimization algorithms"
    (2017), equations 7 and 9 to 12; independent: C. Schroeder de Witt et al., "Is independent learning all you need in
    the StarCraft multi-agent challenge?" (2020).

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.learners.IPPO(0.1), steps=5000, seed=0)
    >>> [chances.round(1).tolist() for chances in run.policy(0).probabilities(0)]
    [[0.0, 1.0], [0.0, 1.0]]
    """

    name = "ippo"
    also = ("ppo",)
    across = True
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    entropy: float | Schedule = option(0.01, kind="schedule", per_run=True)
    trace_decay: float = option(0.95, per_run=True)
    steps: int = 128
    epochs: int = 4
    clip: float = option(0.2, per_run=True)
    minibatch: int = 1
    value_clip: float | None = option(None, per_run=True)
    normalise: bool = True
    share: Any = "none"
    normalise_values: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class MAPPO(_Gradient):
    """Proximal policy optimisation for teams: the critic looks at the whole state, each actor at its own rows.

    As :class:`IPPO`, but ``value`` is of the rows of the whole state, one table for each team, and the reward is the
    mean of the team members' rewards. Acting reads an agent's own rows only.

    Parameters
    ----------
    actor_rate : float, Schedule, or sequence of float [R]
        At least 0: how fast policies move.
    critic_rate : float, Schedule, or sequence of float [R]
        In [0, 1]: how fast values move.
    discount : float or sequence of float [R]
        In [0, 1].
    entropy : float, Schedule, or sequence of float [R]
        At least 0: how much the entropy of a policy is worth at each step, as of :class:`Reinforce`.
    trace_decay : float or sequence of float [R]
        Lambda, in [0, 1].
    steps : int
        Steps of a rollout.
    epochs : int
        How often a rollout is gone through, at least 1.
    clip : float or sequence of float [R]
        In [0, 1]: how far the ratio of probabilities may go from 1.
    minibatch : int
        Steps whose gradients are added up before the logits move; 0: the whole rollout.
    value_clip : float, optional, or sequence of float [R]
        How far values may go from what they were. Default: as far as they do.
    normalise : bool
        Whether advantages of a rollout get mean 0 and standard deviation 1.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing of the logits, as of :class:`IQL`.
    normalise_values : bool
        The critic's tables hold values less the running mean of targets, divided by their running standard deviation:
        rows that were never seen are worth that mean, and ``value_clip`` counts standard deviations.

    See Also
    --------
    IPPO : With critics of the agents' own rows.
    MAA2C : Goes over a rollout once.

    Notes
    -----
    Teams are those of the reward structure or of the game; without them all agents that are controlled are one.

    References
    ----------
    C. Yu et al., "The surprising effectiveness of PPO in cooperative multi-agent games", NeurIPS 2022,
    algorithm 1, without recurrence and value normalisation.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.TwoStep(), mf.learners.MAPPO(0.1), steps=5000, seed=0)
    >>> run.returns.shape[-1]
    2
    """

    name = "mappo"
    across = True
    central = True
    actor_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    critic_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    entropy: float | Schedule = option(0.01, kind="schedule", per_run=True)
    trace_decay: float = option(0.95, per_run=True)
    steps: int = 128
    epochs: int = 4
    clip: float = option(0.2, per_run=True)
    minibatch: int = 1
    value_clip: float | None = option(None, per_run=True)
    normalise: bool = True
    share: Any = "none"
    normalise_values: bool = False

