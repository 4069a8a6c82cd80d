"""Independent learners that find an optimum together, by forgiving what the others' exploration costs them."""
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import real_per_run
from marlfast.exploration import EpsilonGreedy, Exploration
from marlfast.initial import initial_field
from marlfast.learners.base import check_common
from marlfast.learners.plays import Plays, no_average, softmax, tied
from marlfast.learners.tabular import Tabular
from marlfast.memory import Shape
from marlfast.registry import option
from marlfast.schedules import Schedule, spread


class _Beside(Tabular):
    """Base of those with further tables beside the action values.

    Attributes
    ----------
    beside : tuple of str
        Their names; float64 [R, rows, T, A] each.
    """

    kernels = "coordination"
    beside = ()

    def check(self, context, rows=None):
        check_common(self.name, context)
        super().check(context, rows)

    def _first(self, arrays):
        """The further tables as they begin, {name: array}, from the first values of ``q``."""
        raise NotImplementedError

    def allocate(self, context, rows):
        arrays = super().allocate(context, rows)
        return arrays | self._first(arrays)

    def shapes(self, context, rows):
        known = super().shapes(context, rows)
        return known | dict.fromkeys(self.beside, known["q"])

    def grow(self, context, arrays, rows, backend):
        larger = super().grow(context, arrays, rows, backend)
        for name, table in self._first(larger).items():
            if name in self.beside:
                table[:, :arrays[name].shape[1]] = arrays[name]
                larger[name] = table
        return larger


@dataclass(frozen=True, repr=False, eq=False)
class LMRL2(_Beside):
    """Lenient learning (LMRL2): bad outcomes are forgiven while an action is young, as the others still explore.

    Every action a of a row s has a temperature ``T[s, a]``, at first ``max_temperature``; ``mean T[s]`` is their
    mean. An agent acts with probabilities proportional to ``exp(q[s, a] / (action_moderation * mean T[s]))``, or,
    where ``mean T[s] < min_temperature``, greedily with ties broken at random. It learns from the reward r and the
    successor s' by::

        target = r + discount * max q[s']                            (r, where the game is over)
        q[s, a] += learning_rate * (target - q[s, a])
                    if target >= q[s, a] or u < 1 - exp(-1 / (lenience_moderation * T[s, a]))
        T[s, a] = temperature_decay * ((1 - diffusion) * T[s, a] + diffusion * mean T[s'])
                    (temperature_decay * T[s, a], where the game is over)

    with a draw u of each step. Hot actions are forgiven, cold ones are judged.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    discount : float or sequence of float [R]
        In [0, 1].
    max_temperature, min_temperature : float, or sequence of float [R]
        Temperature of every action at first, and the mean temperature of a row below which it is acted greedily.
    temperature_decay : float, or sequence of float [R]
        In [0, 1].
    diffusion : float, or sequence of float [R]
        In [0, 1]: how much of the successor's temperature is taken over. For games of one row: 0, as the next round is
        not a new situation.
    action_moderation, lenience_moderation : float, or sequence of float [R]
        Greater than 0: omega and theta of the article. The greater the latter, the longer bad outcomes are forgiven; a
        deterministic game wants it great (10**7), one in which chance plays a part does not.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        Initial action values, broadcast as those of :class:`IQL`. The article begins with infinite values where rewards
        are negative; a finite ``initial_q`` above what can be earned does the same here.

    See Also
    --------
    HystereticQ : Lenient by a second rate.
    RecursiveFMQ : Judges by how often an outcome comes.

    Notes
    -----
    Two draws an agent and step: one to act, one for leniency. It has no exploration beside its temperatures, so that
    its policy is what they make of its values. Arrays: those of ``IQL``, and ``temperature`` float64 [R, rows, T, A],
    ``coins`` float64 [R, N].

    References
    ----------
    E. Wei and S. Luke, "Lenient learning in independent-learner stochastic cooperative games", Journal of
    Machine Learning Research 17 (2016), section 4: LMRL2.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.learners.LMRL2(0.1, diffusion=0.0, lenience_moderation=1e3)
    >>> run = mf.train(mf.games.Climbing(), learner, episodes=2000, seed=0)
    >>> run.policy(0)(0).tolist()
    [0, 0]
    """

    name = "lmrl2"
    also = ("lenient", "leniency")
    beside = ("temperature",)
    by_row = (*Tabular.by_row, "temperature")
    # Not used, but by its number of draws; its `greedy` is the first of the greatest.
    explore = EpsilonGreedy(0.0, ties="first", draws=2)
    learning_rate: float | Schedule = option(0.1, kind="schedule", per_run=True)
    discount: float = option(0.9, per_run=True)
    max_temperature: float = option(50.0, per_run=True)
    min_temperature: float = option(2.0, per_run=True)
    temperature_decay: float = option(0.995, per_run=True)
    diffusion: float = option(0.1, per_run=True)
    action_moderation: float = option(1.0, per_run=True)
    lenience_moderation: float = option(1.0, per_run=True)
    share: Any = "none"
    initial_q: Any = initial_field()

    def __post_init__(self):
        super().__post_init__()
        for name, most in (("max_temperature", 1e100), ("min_temperature", 1e100), ("temperature_decay", 1.0),
                           ("diffusion", 1.0)):
            self._set(**{name: real_per_run(name, getattr(self, name), 0.0, most)})
        for name in ("action_moderation", "lenience_moderation"):
            self._set(**{name: real_per_run(name, getattr(self, name))})
            if np.any(np.asarray(getattr(self, name)) <= 0.0):
                raise ValueError(f"{name}: expected greater than 0, got {np.min(getattr(self, name))}")

    def _first(self, arrays):
        q = arrays["q"]
        temperature = np.empty(q.shape)
        temperature[:] = spread(self.max_temperature, len(q))[:, None, None, None]
        return {"temperature": temperature}

    def _more(self, context, rows):
        return {"coins": Shape((context.runs, context.agents))}

    def still(self):
        return None

    def plays(self, context, arrays, kind="policy"):
        if kind == "greedy":
            return super().plays(context, arrays, kind)
        if kind == "average":
            raise no_average(self.name)
        return [Plays((i,), (context.action_counts[i],), partial(self._heated, context, arrays, i))
                for i in context.agent_ids]

    def _heated(self, context, arrays, agent, run, rows):
        values, best = self._judged(context, arrays, agent, run, rows)
        own, count, n_runs = rows[:, agent], values.shape[1], context.runs
        heat = arrays["temperature"][run][np.maximum(own, 0), self.tables(context)[agent], :count].mean(axis=1)
        heat = np.where(own >= 0, heat, spread(self.max_temperature, n_runs)[run])
        cold = (heat < spread(self.min_temperature, n_runs)[run]) | ~(heat > 0.0)
        warm = softmax(values, np.where(cold, 1.0, spread(self.action_moderation, n_runs)[run] * heat)[:, None])
        return np.where(cold[:, None], tied(values, best), warm)

    def bind(self, context, arrays, backend, draws=None, learning=True, exploration=None):
        """Without learning, and without another exploration, its own temperatures say what it plays."""
        own = not learning and exploration is None
        return super().bind(context, arrays | {"own": own}, backend, draws, learning, exploration)

    def _frozen(self, backend, common, arrays, bound):
        if arrays["own"]:
            return self._kernel(kernels(backend, self.kernels), common, arrays, bound)
        return super()._frozen(backend, common, arrays, bound)

    def _kernel(self, module, common, arrays, bound):
        n_runs = len(arrays["q"])
        return module.Lenient(
            **common, temperature=arrays["temperature"], coins=arrays["coins"],
            decay=spread(self.temperature_decay, n_runs), min_temperature=spread(self.min_temperature, n_runs),
            diffusion=spread(self.diffusion, n_runs), boldness=spread(self.action_moderation, n_runs),
            lenience=spread(self.lenience_moderation, n_runs))


@dataclass(frozen=True, repr=False, eq=False)
class RecursiveFMQ(_Beside):
    """Recursive FMQ: an action is worth its greatest outcome as far as that comes often, and its mean as far as not.

    With the reward r of action a::

        mean[a] += learning_rate * (r - mean[a])
        frequency[a] = 1                                             where r > greatest[a], which becomes r
        frequency[a] += frequency_rate * (1 - frequency[a])          where r == greatest[a]
        frequency[a] -= frequency_rate * frequency[a]                where r < greatest[a]
        q[a] = (1 - frequency[a]) * mean[a] + frequency[a] * greatest[a]

    and acts by the evaluations ``q`` as :class:`IQL` does by its values. A low outcome that is due to the others'
    exploration is rare where they explore rarely; one that is the game's chance is not.

    Parameters
    ----------
    learning_rate : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for all other numbers that may be one.
    frequency_rate : float, Schedule, or sequence of float [R]
        In [0, 1].
    discount : float or sequence of float [R]
        The rule is one for games of a single row, where 0 is right. Otherwise ``discount * max mean[next row]`` is
        added to r for the mean, and ``discount * max greatest[next row]`` for the greatest outcome and its frequency,
        at a cost that grows with the number of actions.
    explore : Exploration
        How actions are chosen while learning, by the evaluations.
    share : {"none", "all", "team"} or sequence of int [L]
        Parameter sharing: a table for each agent, one for all, one per team, or the table of each agent, as of
        :class:`IQL`.
    initial_q : float or array
        The first mean and the first greatest outcome, broadcast as those of :class:`IQL`; it should be no more than
        what can be earned.

    See Also
    --------
    HystereticQ : Lenient by a second rate.
    LMRL2 : Forgives at first, and judges later.

    Notes
    -----
    The articles' parameters are not known to us. With the defaults, 10,000 rounds end in an optimal joint action in
    100 % of runs in the penalty games, in some 94 % in the climbing game, and in some 88 % in the partially and in the
    fully stochastic climbing game (published: 100, 100, 100 and 58 %).

    Arrays: those of ``IQL`` (``q`` holds the evaluations), and ``mean``, ``greatest``, ``frequency`` float64
    [R, rows, T, A]. Of several greatest evaluations the one that was it before stays greedy, as in the article.

    References
    ----------
    L. Matignon, G. J. Laurent and N. Le Fort-Piat, "A study of FMQ heuristic in cooperative multi-agent games",
    AAMAS 2008 workshop on multi-agent sequential decision making; "Independent reinforcement learners in cooperative
    Markov games: a survey regarding coordination problems", Knowledge Engineering Review 27 (2012), algorithm 5.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.Penalty(), mf.learners.RecursiveFMQ(), episodes=10_000, runs=10, seed=0)
    >>> sorted({tuple(run.policy(r)(0).tolist()) for r in range(10)})
    [(0, 0), (2, 2)]
    """

    name = "recursive_fmq"
    also = ("fmq", "rfmq")
    beside = ("mean", "greatest", "frequency")
    by_row = (*Tabular.by_row, "mean", "greatest", "frequency")
    rates = Tabular.rates | {"second": "frequency_rate"}
    learning_rate: float | Schedule = option(0.03, kind="schedule", per_run=True)
    frequency_rate: float | Schedule = option(0.02, kind="schedule", per_run=True)
    discount: float = option(0.0, per_run=True)
    explore: Exploration = option(EpsilonGreedy(0.05, ties="incumbent"), kind="exploration")
    share: Any = "none"
    initial_q: Any = initial_field()

    def _first(self, arrays):
        q = arrays["q"]
        return {"mean": np.array(q), "greatest": np.array(q), "frequency": np.ones(q.shape)}

    def _kernel(self, module, common, arrays, bound):
        return module.RecursiveFMQ(**common, **{name: arrays[name] for name in self.beside}, second=bound["second"])
