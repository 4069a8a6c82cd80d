"""Reward shaping: compiled components that add up, after the structure."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, real, several, shown
from marlfast.registry import Definition, option

__all__ = ["Distance", "Diversity", "PotentialBased", "Redundancy", "Shaping"]


class Shaping(Definition):
    """Base of shaping components.

    See Also
    --------
    PotentialBased : Does not change what is optimal.
    Diversity, Redundancy : Rewards for different roles.

    Examples
    --------
    >>> import marlfast as mf
    >>> run = mf.train(mf.games.StagHunt(), mf.IQL(), shaping=mf.rewards.Diversity(0.1), episodes=100, seed=0)
    >>> run.shaped_returns.shape
    (1, 100, 2)
    """

    kind = "shaping"

    def check(self, game, encoder):
        """Refuse a game or an encoder that this component does not fit.

        Parameters
        ----------
        game : Game
            What is played.
        encoder : Encoder
            Of what is observed.
        """

    def bind(self, game, kernel, encoder, discount, runs, backend):
        """Make the kernel, which adds to what every agent learns from.

        Parameters
        ----------
        game : Game
            What is played.
        kernel : object
            That of the game.
        encoder : Encoder
            Of what is observed.
        discount : float
            That of the learner.
        runs : int
            R.
        backend : {"cython", "numpy"}
            Which kernels.

        Returns
        -------
        object
            The kernel.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False, eq=False)
class Diversity(Shaping):
    """Adds ``weight * distinct actions / agents`` to every agent: a bonus for different roles.

    Parameters
    ----------
    weight : float
        Of the share of distinct actions.

    See Also
    --------
    Redundancy : The same as a penalty.

    Examples
    --------
    >>> import marlfast as mf
    >>> game, bonus = mf.games.TaskAllocation(), mf.rewards.Diversity(0.5)
    >>> run = mf.train(game, mf.IQL(), shaping=bonus, episodes=20, seed=0)
    >>> bool((run.shaped_returns > run.returns).all())
    True
    """

    name = "diversity"
    weight: float = 0.2

    def __post_init__(self):
        self._set(weight=real("weight", self.weight))

    def bind(self, game, kernel, encoder, discount, runs, backend):
        return kernels(backend, "rewards").Diversity(runs, kernel, game.max_actions, self.weight)


@dataclass(frozen=True, repr=False, eq=False)
class Redundancy(Shaping):
    """Takes ``penalty * (agents - distinct actions)`` from every agent: work done twice costs.

    Parameters
    ----------
    penalty : float
        Of each action that another agent takes, too.

    See Also
    --------
    Diversity : The same as a bonus.

    Examples
    --------
    >>> import marlfast as mf
    >>> game, cost = mf.games.TaskAllocation(), mf.rewards.Redundancy(0.5)
    >>> run = mf.train(game, mf.IQL(), shaping=cost, episodes=20, seed=0)
    >>> bool((run.shaped_returns < run.returns).all())
    True
    """

    name = "redundancy"
    penalty: float = 0.1

    def __post_init__(self):
        self._set(penalty=real("penalty", self.penalty))

    def bind(self, game, kernel, encoder, discount, runs, backend):
        return kernels(backend, "rewards").Redundancy(runs, kernel, game.max_actions, self.penalty)


class Potential(Definition):
    kind = "potential"


@dataclass(frozen=True, repr=False, eq=False)
class Distance(Potential):
    """A potential that rises towards a target: ``-sum_d weights[d] * |observation[d] - target[d]| ** order``.

    Parameters
    ----------
    target, weights : float or sequence of float [D]
        Where it is greatest, and how much each feature counts.
    order : {1, 2}
        The power of each difference.

    See Also
    --------
    PotentialBased : Takes it.

    Examples
    --------
    >>> import marlfast as mf
    >>> shaping = mf.rewards.PotentialBased(mf.rewards.Distance(target=0.0, weights=[1.0, 0.0]))
    >>> run = mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), shaping=shaping, episodes=20, seed=0)
    >>> run.shaped_returns.shape
    (1, 20, 4)
    """

    name = "distance"
    target: Any = 0.0
    weights: Any = 1.0
    order: int = 1

    def __post_init__(self):
        for name in ("target", "weights"):
            value = getattr(self, name)
            if several(name, value):
                value = tuple(real(f"{name}[{d}]", v) for d, v in enumerate(list(value)))
            else:
                value = real(name, value)
            self._set(**{name: value})
        choice("order", self.order, (1, 2))


@dataclass(frozen=True, repr=False, eq=False)
class PotentialBased(Shaping):
    """Adds ``discount * potential(s') - potential(s)``: changes what is learned first, not what is optimal.

    The potential of a terminal state is 0; a truncated episode has its true successor's.

    Parameters
    ----------
    potential : array, callable or Distance
        A potential per table row, float64 [rows] or [N, rows] (dense encoders, numbered observations).
        A callable takes the centres of all rows, float64 [rows, D], and returns float64 [rows]; it is
        called once, before training. ``Distance`` works with every encoder.
    discount : float, optional
        Default: the learner's.

    See Also
    --------
    Distance : A potential for every encoder.

    References
    ----------
    A. Y. Ng, D. Harada and S. Russell, "Policy invariance under reward transformations: theory and
    application to reward shaping", ICML 1999, equation (2).

    Examples
    --------
    >>> import marlfast as mf
    >>> game = mf.games.TwoStep()
    >>> shaping = mf.rewards.PotentialBased([0.0, 7.0, 8.0, 0.0])
    >>> run = mf.train(game, mf.IQL(), shaping=shaping, episodes=100, seed=0)
    >>> run.shaped_returns.shape
    (1, 100, 2)
    """

    name = "potential_based"
    potential: Any = option(kind="potential")
    discount: float | None = None

    def __post_init__(self):
        if self.discount is not None:
            self._set(discount=real("discount", self.discount, 0.0, 1.0))
        if isinstance(self.potential, Distance) or callable(self.potential):
            return
        try:
            potential = np.atleast_2d(np.array(self.potential, np.float64))
        except (TypeError, ValueError, OverflowError):
            raise TypeError("potential: expected an array per row, a callable or rewards.Distance(...), "
                            f"got {shown(self.potential)}") from None
        if potential.ndim != 2 or not np.isfinite(potential).all():
            raise ValueError("potential: expected finite numbers of shape (rows,) or (agents, rows), "
                             f"got shape {potential.shape}")
        potential.flags.writeable = False
        self._set(potential=potential)

    def check(self, game, encoder):
        if isinstance(self.potential, Distance):
            for name in ("target", "weights"):
                value = getattr(self.potential, name)
                if isinstance(value, tuple) and len(value) != game.features:
                    raise ValueError(f"potential: {name} has {len(value)} values, "
                                     f"but game {game.name!r} has {game.features} features")
            return
        if encoder.active(game) > 1:
            raise ValueError(f"potential: encoder {encoder.name!r} puts an observation in {encoder.active(game)} rows, "
                             "a table of potentials is of one; use Distance, which looks at the observation")
        if encoder.grows:
            raise ValueError(f"potential: encoder {encoder.name!r} numbers its rows as it goes; "
                             "use rewards.Distance(...) or a Grid")
        self._table(game, encoder)

    def _table(self, game, encoder):
        rows, potential = encoder.rows(game), self.potential
        if callable(potential):
            potential = np.atleast_2d(np.asarray(potential(encoder.centres(game, {}, 0)), np.float64))
            if not np.isfinite(potential).all():
                raise ValueError("potential: the callable returned a number that is not finite")
        if potential.shape not in ((1, rows), (game.agents, rows)):
            raise ValueError(f"potential: expected shape ({rows},) or ({game.agents}, {rows}), got {potential.shape}")
        return np.ascontiguousarray(potential)

    def bind(self, game, kernel, encoder, discount, runs, backend):
        discount = discount if self.discount is None else self.discount
        module = kernels(backend, "rewards")
        if isinstance(self.potential, Distance):
            wide = [np.array(np.broadcast_to(np.asarray(v, np.float64), game.features))
                    for v in (self.potential.target, self.potential.weights)]
            return module.PotentialDistance(runs, kernel, discount, *wide, self.potential.order)
        return module.PotentialTable(runs, kernel, discount, self._table(game, encoder))
