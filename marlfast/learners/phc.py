"""Policy hill climbing, and its variant that wins or learns fast."""
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import shown
from marlfast.exploration import Boltzmann, EpsilonGreedy, Exploration
from marlfast.initial import initial_field
from marlfast.learners.plays import Plays, mixed_in, no_average, one_hot
from marlfast.learners.tabular import Tabular
from marlfast.registry import option
from marlfast.schedules import Constant, Schedule


class _HillClimbing(Tabular):
    """What both variants have: tables of mixed policies beside the action values.

    Attributes
    ----------
    mixed : tuple of str
        Arrays of probabilities.
    """

    kernels = "phc"
    mixed = ("policy",)
    by_row = (*Tabular.by_row, "policy")
    by_kernel = ("policy", "behaviour")

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.explore, Boltzmann):
            raise ValueError("explore: the policy is mixed by itself; take EpsilonGreedy, or IQL to explore by "
                             "Boltzmann")

    def allocate(self, context, rows):
        """As other tables; and ``policy`` (and ``average``) float64 [R, rows, T, A]."""
        arrays = super().allocate(context, rows)
        return arrays | {name: self._uniform(context, arrays["q"].shape) for name in self.mixed}

    def shapes(self, context, rows):
        shapes = super().shapes(context, rows)
        return shapes | dict.fromkeys(self.mixed, shapes["q"])

    def _uniform(self, context, shape):
        """Policies float64 [R, rows, T, A] in which every action of a table's agents is as likely."""
        policy, tables = np.zeros(shape), self.tables(context)
        for i in context.agent_ids:
            count = int(context.action_counts[i])
            policy[:, :, tables[i], :count] = 1.0 / count
        return policy

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        for name in self.mixed:
            larger[name] = self._uniform(context, larger["q"].shape)
            larger[name][:, :arrays[name].shape[1]] = arrays[name]
        return larger

    def plays(self, context, arrays, kind="policy"):
        """With ``"average"``, of those that keep it: the mean of the policies of all updates of each row."""
        if kind == "average" and "average" not in self.mixed:
            raise no_average(self.name)
        return [Plays((i,), (context.action_counts[i],), partial(self._chances, context, arrays, kind, i))
                for i in context.agent_ids]

    def _chances(self, context, arrays, kind, agent, run, rows):
        own, count = rows[:, agent], int(context.action_counts[agent])
        table = arrays["average" if kind == "average" else "policy"][run, :, self.tables(context)[agent], :count]
        p = np.where((own >= 0)[:, None], table[np.maximum(own, 0)], 1.0 / count)
        if kind == "greedy":
            return one_hot(p.argmax(axis=1), count)
        return mixed_in(p, arrays["epsilon.value"][run]) if kind == "behaviour" else p

    def actions(self, context, arrays, rows):
        """The likeliest actions; an observation that was never seen gets the first one."""
        one = np.asarray(rows)[None]
        return np.array([self._chances(context, arrays, "greedy", i, 0, one)[0].argmax() for i in context.agent_ids],
                        np.int32)

    def _kernel(self, module, common, arrays, bound):
        lose = bound.get("lose", bound.get("delta"))
        return module.PolicyHillClimbing(**common, policy=arrays["policy"], average=arrays.get("average"),
                                         win=bound.get("win", lose), lose=lose)

    def _frozen(self, backend, common, arrays, bound):
        return self._kernel(kernels(backend, self.kernels), common, arrays, bound)


@dataclass(frozen=True, repr=False, eq=False)
class PHC(_HillClimbing):
    """Policy hill climbing: Q-learning, and a mixed policy that moves towards the greedy action by small steps.

    An action is drawn from the policy (or, exploring, any is taken). The action values learn as those of
    :class:`IQL`; then every action but the greedy one gives the greedy one some of its probability::

        policy[row, a] -= min(policy[row, a], delta / (A - 1))      where a is not greedy

    The policy begins with all actions as likely. It can reach mixed policies on its way, but does not stay there:
    in matching pennies it goes round the equilibrium.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : EpsilonGreedy
        Where it does not explore, it draws from its policy; ties do not matter.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.
    delta : float, Schedule, or sequence of float [R]
        In [0, 1]: how much probability moves at once.

    See Also
    --------
    WoLFPHC : With two speeds, which make it converge.

    References
    ----------
    M. Bowling and M. Veloso, "Multiagent learning using a variable learning rate", Artificial Intelligence
    136 (2002), table 3. Arrays: those of ``IQL``, and ``policy`` float64 [R, rows, T, A].

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.PrisonersDilemma(), mf.learners.PHC(0.1), episodes=2000, seed=0)
    >>> run.policy(0).probabilities(0)[0].round(2).tolist()
    [0.0, 1.0]
    """

    name = "phc"
    rates = Tabular.rates | {"delta": "delta"}
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()
    delta: float | Schedule = option(0.01, kind="schedule", per_run=True)


@dataclass(frozen=True, repr=False, eq=False)
class WoLFPHC(_HillClimbing):
    """Win or learn fast: policy hill climbing that takes small steps where it wins and large ones where it loses.

    As :class:`PHC`, with ``delta`` depending on whether the policy is worth more than the mean of the policies of all
    updates of the row, the one before this step included::

        average[row] += (policy[row] - average[row]) / visits[row]
        delta = delta_win if sum(policy[row] * q[row]) > sum(average[row] * q[row]) else delta_lose

    In two-player games with two actions it converges to the equilibrium in self-play.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    explore : EpsilonGreedy
        Where it does not explore, it draws from its policy.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`.
    delta_win, delta_lose : float, Schedule, or sequence of float [R]
        In [0, 1]; where both are numbers, ``delta_win`` is at most ``delta_lose``. The article mostly has
        ``delta_lose = 4 * delta_win``, both falling.

    See Also
    --------
    PHC : With one speed.
    MinimaxQ : Of two players: solves for the mixed policy.

    References
    ----------
    M. Bowling and M. Veloso, "Multiagent learning using a variable learning rate", Artificial Intelligence
    136 (2002), table 5. Arrays: those of ``PHC``, and ``average`` float64 [R, rows, T, A].

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.MatchingPennies(horizon=0)
    >>> run = mf.train(game, mf.learners.WoLFPHC(0.05), steps=50_000, seed=0)
    >>> average = run.policy(0, kind="average").probabilities(0)[0]
    >>> bool(abs(average[0] - 0.5) < 0.1)
    True
    """

    name = "wolf_phc"
    also = ("wolf",)
    mixed = ("policy", "average")
    by_row = (*Tabular.by_row, "policy", "average")
    rates = Tabular.rates | {"win": "delta_win", "lose": "delta_lose"}
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.95, per_run=True)
    explore: Exploration = option(EpsilonGreedy(0.05), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()
    delta_win: float | Schedule = option(0.0025, kind="schedule", per_run=True)
    delta_lose: float | Schedule = option(0.01, kind="schedule", per_run=True)

    def __post_init__(self):
        super().__post_init__()
        win, lose = self.schedules["win"], self.schedules["lose"]
        given = self.runs_given()
        if len({given[name] for name in ("delta_win", "delta_lose") if name in given}) > 1:
            raise ValueError(f"delta_win, delta_lose: expected as many values of each, one per run, got "
                             f"{given['delta_win']} and {given['delta_lose']}")
        if isinstance(win, Constant) and isinstance(lose, Constant) and np.any(
                np.asarray(win.value) > np.asarray(lose.value)):
            raise ValueError(f"delta_win: expected at most delta_lose, got {shown(self.delta_win)} and "
                             f"{shown(self.delta_lose)}; "
                             "it wins or learns fast only if steps are larger where it loses")
