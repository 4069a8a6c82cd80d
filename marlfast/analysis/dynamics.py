"""Learning dynamics of games in normal form as differential equations, to lay beside what learners do."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import integer, real, shown
from marlfast.games.matrix import NormalForm
from marlfast.registry import require

OFF = 1e-9      # how far from a distribution a step of the integration may lead


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(Summarised):
    """Mixed strategies of all agents over time.

    Attributes
    ----------
    times : float64 [T + 1]
        From 0, in units of the dynamics.
    strategies : tuple of N float64 [T + 1, A_i], or [T + 1, B, A_i] from B starts
        Probabilities of each agent's actions.
    exact : bool
        False: integrated numerically, with an error that falls with the fourth power of ``dt``.

    See Also
    --------
    replicator : Makes one, without exploration.
    faq_dynamics : Makes one, with Boltzmann exploration.
    """

    times: np.ndarray
    strategies: tuple
    exact: bool = False

    @property
    def end(self):
        """The last strategies: tuple of N float64 [A_i] or [B, A_i]."""
        return tuple(x[-1] for x in self.strategies)

    def summary(self):
        ends = "; ".join(" ".join(f"{p:.4g}" for p in x.reshape(-1, x.shape[-1]).mean(axis=0)) for x in self.end)
        return f"{len(self.times) - 1} steps to time {self.times[-1]:.6g}; strategies in the end {ends}"


@dataclass(frozen=True, eq=False, repr=False)
class Field(Summarised):
    """Directions of a dynamics on a grid, for a game of two agents with two actions each.

    Attributes
    ----------
    x, y : float64 [P]
        Probability of action 0, of agent 0 and of agent 1.
    dx, dy : float64 [P, P]
        Their rates of change, by x and y.
    exact : bool
        True: the right-hand side itself.

    See Also
    --------
    field : Makes it.
    marlfast.plotting.direction_field : Draws it as arrows.
    """

    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    exact: bool = True

    def summary(self):
        speed = np.hypot(self.dx, self.dy)
        i, j = np.unravel_index(speed.argmin(), speed.shape)
        return (f"{len(self.x)} x {len(self.y)} points; greatest speed {speed.max():.4g}, least {speed.min():.4g} at "
                f"({self.x[i]:.4g}, {self.y[j]:.4g})")


def payoffs_of_actions(expected, strategies, agent):
    """What each action of an agent is worth against the others' mixed strategies.

    Parameters
    ----------
    expected : float64 [A_0, ..., A_{N-1}, N]
    strategies : sequence of N float64 [..., A_i]
    agent : int

    Returns
    -------
    float64 [..., A_agent]
    """
    agents = expected.ndim - 1
    operands = [expected[..., agent], list(range(agents))]
    for i in range(agents):
        if i != agent:
            operands += [strategies[i], [Ellipsis, i]]
    return np.einsum(*operands, [Ellipsis, agent])


def replicator(game, start, steps=1000, dt=0.01):
    """Replicator dynamics, with a population for each agent: ``x_a' = x_a (u_a(x_-i) - x . u(x_-i))``.

    Parameters
    ----------
    game : NormalForm
        Its expected payoffs of a single round count.
    start : sequence of N float64 [A_i] or [B, A_i]
        Mixed strategies to begin with: one of each agent, or B of each.
    steps : int
        T, at least 1.
    dt : float
        Length of a step, greater than 0. The method is the classical one of Runge and Kutta, of fourth order.

    Returns
    -------
    Trajectory
        Strategies at every step.

    See Also
    --------
    faq_dynamics : With exploration.
    field : Directions on a grid.

    References
    ----------
    P. D. Taylor, "Evolutionarily stable strategies with two types of player", Journal of Applied Probability 16 (1979);
    P. Schuster and K. Sigmund, "Coyness, philandering and stable strategies", Animal Behaviour 29 (1981).

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> path = analysis.replicator(games.PrisonersDilemma(), [[0.9, 0.1], [0.5, 0.5]], steps=1000, dt=0.02)
    >>> path.end[0].round(6).tolist()
    [0.0, 1.0]
    """
    return _integrated(game, start, steps, dt, _replicator)


def faq_dynamics(game, start, alpha=1.0, temperature=1.0, steps=1000, dt=0.01):
    """Dynamics of frequency-adjusted Q-learning with Boltzmann exploration.

    ``x_a' = alpha * x_a * ((u_a - x . u) / temperature - log x_a + sum_b x_b log x_b)``: selection, as in the
    replicator dynamics, and a term that mixes. Its rest points are the logit equilibria ``x_a ~ exp(u_a /
    temperature)``.

    Parameters
    ----------
    game : NormalForm
        Its expected payoffs of a single round count.
    start : sequence of N float64 [A_i] or [B, A_i]
        Mixed strategies to begin with, see :func:`replicator`.
    alpha : float
        Learning rate, greater than 0.
    temperature : float
        Of the exploration, greater than 0.
    steps : int
        T, at least 1.
    dt : float
        Length of a step, greater than 0.

    Returns
    -------
    Trajectory
        Strategies at every step.

    See Also
    --------
    replicator : Without exploration.
    marlfast.learners.FrequencyAdjustedQ : The learner that these are the dynamics of.

    References
    ----------
    K. Tuyls, K. Verbeeck and T. Lenaerts, "A selection-mutation model for Q-learning in multi-agent systems",
    AAMAS 2003; M. Kaisers and K. Tuyls, "Frequency adjusted multi-agent Q-learning", AAMAS 2010, equation 4.

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> path = analysis.faq_dynamics(games.PrisonersDilemma(), [[0.9, 0.1], [0.5, 0.5]], temperature=0.5, dt=0.02)
    >>> path.end[0].round(3).tolist()
    [0.1, 0.9]
    """
    return _integrated(game, start, steps, dt, _faq(alpha, temperature))


def field(game, points=21, dynamics="replicator", alpha=1.0, temperature=1.0):
    """Directions of a dynamics on a grid of strategies, for a game of two agents with two actions each.

    Parameters
    ----------
    game : NormalForm
        Its expected payoffs of a single round count.
    points : int
        P per side, at least 2.
    dynamics : {"replicator", "faq"}
        Which: :func:`replicator` or :func:`faq_dynamics`.
    alpha, temperature : float
        Learning rate and temperature of :func:`faq_dynamics`, greater than 0.

    Returns
    -------
    Field
        Rates of change at every point of the grid.

    See Also
    --------
    replicator : A path along these directions.
    marlfast.plotting.direction_field : Draws them as arrows.

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> arrows = analysis.field(games.StagHunt(), points=3)
    >>> arrows.x.tolist(), arrows.dx.shape
    ([0.0, 0.5, 1.0], (3, 3))
    """
    expected = _expected(game)
    if expected.shape != (2, 2, 2):
        raise ValueError(f"game: expected two agents with two actions each, got {expected.shape[:-1]} actions")
    if dynamics not in ("replicator", "faq"):
        raise ValueError(f"dynamics: expected 'replicator' or 'faq', got {shown(dynamics)}")
    points = integer("points", points, 2)
    rule = _replicator if dynamics == "replicator" else _faq(alpha, temperature)
    grid = np.linspace(0.0, 1.0, points)
    x, y = (part.ravel() for part in np.meshgrid(grid, grid, indexing="ij"))
    strategies = [np.stack([p, 1.0 - p], axis=1) for p in (x, y)]
    dx, dy = (rule(strategies[i], payoffs_of_actions(expected, strategies, i))[:, 0].reshape(points, points)
              for i in range(2))
    return Field(grid, grid.copy(), dx, dy)


def _replicator(x, u):
    return x * (u - (x * u).sum(axis=-1, keepdims=True))


def _faq(alpha, temperature):
    alpha, temperature = real("alpha", alpha), real("temperature", temperature)
    for name, value in (("alpha", alpha), ("temperature", temperature)):
        if value <= 0.0:
            raise ValueError(f"{name}: expected greater than 0, got {value}")

    def rule(x, u):
        log = np.log(np.where(x > 0.0, x, 1.0))
        mixing = (x * log).sum(axis=-1, keepdims=True) - log
        return alpha * (_replicator(x, u) / temperature + x * mixing)
    return rule


def _expected(game):
    game = require("game", game, "game")
    if not isinstance(game, NormalForm):
        raise ValueError(f"game: expected a game in normal form, such as MatrixGame, got {shown(game.name)}")
    return game.expected


def _integrated(game, start, steps, dt, rule):
    expected = _expected(game)
    agents, counts = expected.ndim - 1, expected.shape[:-1]
    steps, dt = integer("steps", steps, 1), real("dt", dt)
    if dt <= 0.0:
        raise ValueError(f"dt: expected greater than 0, got {dt}")
    x = _distributions(start, counts)
    paths = [np.empty((steps + 1, *p.shape)) for p in x]

    def rates(x):
        return [rule(x[i], payoffs_of_actions(expected, x, i)) for i in range(agents)]

    for t in range(steps + 1):
        for path, p in zip(paths, x, strict=True):
            path[t] = p
        if t == steps:
            break
        k1 = rates(x)
        k2 = rates([p + 0.5 * dt * k for p, k in zip(x, k1, strict=True)])
        k3 = rates([p + 0.5 * dt * k for p, k in zip(x, k2, strict=True)])
        k4 = rates([p + dt * k for p, k in zip(x, k3, strict=True)])
        x = [_kept(p + dt / 6.0 * (a + 2.0 * b + 2.0 * c + d), dt)
             for p, a, b, c, d in zip(x, k1, k2, k3, k4, strict=True)]
    return Trajectory(dt * np.arange(steps + 1), tuple(paths))


def _kept(x, dt):
    """Distributions again, once rounding is taken off."""
    if not ((x >= -OFF).all() and (np.abs(x.sum(axis=-1) - 1.0) <= OFF).all()):
        raise ValueError(f"dt: a step of {dt} is too long for these payoffs, it leads to what is no mixed strategy; "
                         "give a smaller dt")
    x = np.maximum(x, 0.0)
    return x / x.sum(axis=-1, keepdims=True)


def _distributions(start, counts):
    if not isinstance(start, (list, tuple, np.ndarray)) or len(start) != len(counts):
        raise ValueError(f"start: expected a mixed strategy of each of {len(counts)} agents, got {shown(start)}")
    found = []
    for i, (p, n) in enumerate(zip(start, counts, strict=True)):
        try:
            p = np.asarray(p, np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"start[{i}]: expected probabilities of {n} actions, got {shown(p)}") from None
        if p.ndim not in (1, 2) or p.shape[-1] != n or not p.size:
            raise ValueError(f"start[{i}]: expected probabilities of {n} actions, or one row of them for each start, "
                             f"got shape {p.shape}")
        if not ((p >= 0.0).all() and (np.abs(p.sum(axis=-1) - 1.0) <= 1e-8).all()):
            raise ValueError(f"start[{i}]: expected probabilities that sum to 1")
        found.append(p / p.sum(axis=-1, keepdims=True))
    if len({p.shape[:-1] for p in found}) > 1:
        raise ValueError(f"start: expected as many starts for each agent, got shapes {[p.shape for p in found]}")
    return found
