"""Exploration: how an agent departs from its greedy action, and which of several greatest action values is greedy.

One draw an agent and step says all (see ``docs/explain/draws.md``); with ``draws=2``, as in many published programs, a
second says which action is explored, and a third, with ``ties="random"``, which of the tied ones is taken.
"""
from copy import copy
from dataclasses import dataclass, fields, replace

import numpy as np

from marlfast.errors import choice, integer, real_per_run, shown
from marlfast.registry import Definition, option
from marlfast.renamed import attribute
from marlfast.schedules import Constant, Exponential, Schedule, per_run_field, schedule, together

EPISODE = 100       # steps that count as an episode where none ends

__all__ = ["Boltzmann", "EpsilonGreedy", "Exploration"]

SEVERAL_DRAWS, BOLTZMANN, ONE_DRAW = range(3)         # kinds, as kernels know them
DRAWN, KEPT = 1, 2                                    # ties, in bits, as kernels know them


class Exploration(Definition):
    """Base of explorations.

    ``parameter`` is what changes, such as ``"epsilon"``, and ``schedule`` how; ``n_draws`` are taken per agent and
    step, and kernels know it by its ``code``.

    See Also
    --------
    EpsilonGreedy : Explores now and then.
    Boltzmann : Explores by how little an action seems worse.

    Examples
    --------
    >>> import marlfast as mf
    >>> mf.EpsilonGreedy(0.1).n_draws, mf.EpsilonGreedy(0.1, draws=2).n_draws
    (1, 3)
    """

    kind = "exploration"
    strict = True
    several = False
    decay = per = None
    level = attribute("level", "schedule")

    def _decays(self, parameter, most=np.inf):
        """Set the schedule: the parameter's own, or, by ``decay``, ``minimum`` and ``per``, one that falls from it."""
        choice("per", self.per, (None, "episode", "step"))
        self._set(minimum=real_per_run("minimum", self.minimum, 0.0, most))
        if self.decay is not None:
            if not isinstance(parameter, Constant):
                raise ValueError(f"decay: {self.parameter} is a schedule already; leave decay out")
            self._set(decay=real_per_run("decay", self.decay, 0.0, 1.0))
            together(self)
            parameter = Exponential(parameter.value, self.decay, self.minimum, self.per or "episode")
        elif np.any(np.asarray(self.minimum) != 0.0):
            raise ValueError(f"minimum: only means something together with decay, got {shown(self.minimum)}")
        self._set(schedule=parameter)

    @property
    def keeps(self):
        """Whether the greedy action stays so until another's value is greater; else it is the first of the greatest."""
        return self.ties == "incumbent" or self.ties == "random" and not self.several

    @property
    def ties_code(self):
        """``ties`` as kernels know them."""
        return DRAWN * (self.ties == "random") + KEPT * self.keeps

    def bound(self, runs, backend):
        """Make the kernel of its schedule over arrays of its own.

        Parameters
        ----------
        runs : int
            R.
        backend : {"cython", "numpy"}
            Which kernels.

        Returns
        -------
        Schedule
            A kernel.
        """
        return self.schedule.bind(self.schedule.allocate(runs), backend)

    def endless(self):
        """Make the exploration that a game has whose episodes never end.

        Returns
        -------
        Exploration
            The same, but for ticks that would wait for the end of an episode.
        """
        if self.decay is None or self.per is not None:
            return self
        decay = [d ** (1.0 / EPISODE) for d in np.ravel(self.decay).tolist()]
        other = copy(self)              # told as before, so that it follows when a parameter changes
        other._set(schedule=Exponential(self.schedule.start, decay if np.ndim(self.decay) else decay[0], self.minimum,
                                        "step"))
        return other


@dataclass(frozen=True, repr=False, eq=False)
class EpsilonGreedy(Exploration):
    """With probability epsilon any action, each as likely; else the greedy one.

    Parameters
    ----------
    epsilon : float, Schedule, or sequence of float [R]
        In [0, 1]. A sequence has one number per run, here as for ``decay`` and ``minimum``.
    decay : float, optional
        Epsilon is multiplied by this at every tick; only with a number for ``epsilon``.
    minimum : float
        Epsilon never falls below it; only with ``decay``.
    per : {"episode", "step"}, optional
        What a tick of ``decay`` is. Default: an episode; in a game whose episodes never end a step, at which epsilon is
        multiplied by ``decay ** (1 / 100)``, as if 100 steps were an episode.
    ties : {"random", "incumbent", "first"}
        Which of several greatest action values an agent takes: one drawn at each use; or the one that was greedy before
        (at first one that depends on seed, run, row and table), until another is greater; or the first. Policies, which
        do not explore, draw none: they keep to the incumbent with "random", too.
    strict : bool
        Explore iff ``u < epsilon`` (True) or iff ``u <= epsilon`` (False; some published programs).
    draws : {1, 2}
        1: one draw says whether to explore and, if so, which action. 2: a second says which action, as in many
        published programs (and a third which of the tied ones, with random ties).

    See Also
    --------
    Boltzmann : Explores by how little an action seems worse.
    marlfast.schedules.Schedule : Other ways to change over time.

    Examples
    --------
    >>> import marlfast as mf
    >>> learner = mf.IQL(explore=mf.EpsilonGreedy(1.0, decay=0.99, minimum=0.05))
    >>> run = mf.train(mf.games.StagHunt(), learner, episodes=500, seed=0)
    >>> run.policy(0)(0).tolist()
    [1, 1]
    """

    name = "epsilon_greedy"
    parameter = "epsilon"
    epsilon: float | Schedule = option(0.1, kind="schedule", per_run=True)
    decay: float | None = option(None, per_run=True)
    minimum: float = option(0.0, per_run=True)
    per: str | None = None
    ties: str = "random"
    strict: bool = True
    draws: int = 1

    def __post_init__(self):
        choice("ties", self.ties, ("random", "incumbent", "first"))
        choice("strict", self.strict, (True, False))
        self._set(draws=integer("draws", self.draws, 1, 2), epsilon=per_run_field("epsilon", self.epsilon))
        self._decays(schedule("epsilon", self.epsilon, 0.0, 1.0), 1.0)

    @property
    def several(self):
        return self.draws == 2

    @property
    def code(self):
        """The number by which kernels know it: int."""
        return SEVERAL_DRAWS if self.several else ONE_DRAW

    @property
    def n_draws(self):
        """How many draws an agent takes in a step: int."""
        return 1 if not self.several else 3 if self.ties == "random" else 2


@dataclass(frozen=True, repr=False, eq=False)
class Boltzmann(Exploration):
    """Action a with probability proportional to exp(q[a] / temperature).

    Parameters
    ----------
    temperature : float, Schedule, or sequence of float [R]
        Greater than 0 at all times; a schedule that falls needs a ``minimum``.
    ties : {"incumbent", "first"}
        Which of several greatest action values is greedy, where a greedy action is asked for.
    decay : float, optional
        The temperature is multiplied by this at every tick; only with a number for ``temperature``, and a ``minimum``.
    minimum : float
        The temperature never falls below it; only with ``decay``.
    per : {"episode", "step"}, optional
        What a tick of ``decay`` is, as in :class:`EpsilonGreedy`.

    See Also
    --------
    EpsilonGreedy : Explores now and then, whatever actions seem worth.
    marlfast.schedules.Exponential : A temperature that falls.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.IQL(explore=mf.Boltzmann(0.2)), episodes=500, seed=0)
    >>> run.policy(0).probabilities(0)[0].round(2).tolist()
    [0.02, 0.98]
    """

    name = "boltzmann"
    parameter = "temperature"
    code = BOLTZMANN
    n_draws = 1
    temperature: float | Schedule = option(1.0, kind="schedule", per_run=True)
    ties: str = "incumbent"
    decay: float | None = option(None, per_run=True)
    minimum: float = option(0.0, per_run=True)
    per: str | None = None

    def __post_init__(self):
        choice("ties", self.ties, ("incumbent", "first"))
        self._set(temperature=per_run_field("temperature", self.temperature))
        self._decays(schedule("temperature", self.temperature))
        least = self.schedule.bounds()[0]
        if least <= 0.0:
            raise ValueError(f"temperature: expected greater than 0 at all times, got {least}; give a falling schedule "
                             "a minimum")


def in_endless(definition):
    """A definition, such as a learner, whose explorations decay in a game whose episodes never end."""
    if isinstance(definition, Exploration):
        return definition.endless()
    changes = {}
    for f in fields(definition):
        value = getattr(definition, f.name)
        if isinstance(value, tuple) and any(isinstance(part, Definition) for part in value):
            new = tuple(in_endless(part) if isinstance(part, Definition) else part for part in value)
            changed = any(a is not b for a, b in zip(new, value, strict=True))
        else:
            new = in_endless(value) if isinstance(value, Definition) else value
            changed = new is not value
        if changed:
            changes[f.name] = new
    return replace(definition, **changes) if changes else definition
