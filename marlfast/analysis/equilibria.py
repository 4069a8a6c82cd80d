"""Equilibria of games of two players in normal form: all extreme ones of small games, one of larger ones."""
import itertools
import math
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.backends import kernels
from marlfast.errors import choice, integer, shown
from marlfast.games.matrix import NormalForm
from marlfast.registry import require
from marlfast.renamed import takes

OBJECTIVES = ("utilitarian", "egalitarian", "republican", "libertarian")
MAX_BASES = 200_000    # of a polytope, whose vertices are looked for among them: 10 x 10 actions have 184,756
TIGHT = 1e-9            # how near to 0 what is 0 comes; payoffs are scaled to 1 to 2
SINGULAR = 1e-10        # determinants of bases nearer to 0 than this belong to none


@dataclass(frozen=True, eq=False, repr=False)
class Equilibrium(Summarised):
    """A Nash equilibrium in mixed strategies.

    Attributes
    ----------
    strategies : (float64 [A_0], float64 [A_1])
        Probabilities of each player's actions.
    payoffs : float64 [2]
        Expected payoff of each player.
    regret : float64 [2]
        What each player could gain by another strategy: 0 but for rounding.

    See Also
    --------
    equilibria : Finds them.
    """

    strategies: tuple
    payoffs: np.ndarray
    regret: np.ndarray

    @property
    def pure(self):
        """Whether both players play one action each."""
        return all((p > 0.0).sum() == 1 for p in self.strategies)

    def summary(self):
        shown = " | ".join(" ".join(f"{p:.4g}" for p in x) for x in self.strategies)
        return f"{shown}; payoffs {self.payoffs[0]:.6g}, {self.payoffs[1]:.6g}; regret {self.regret.max():.1g}"


@dataclass(frozen=True, eq=False, repr=False)
class Equilibria(Summarised):
    """Nash equilibria of a game: a sequence of :class:`Equilibrium`.

    Attributes
    ----------
    found : tuple of Equilibrium
        Pure ones first.
    complete : bool
        Whether these are all extreme equilibria; else the game was too large, and there is one of them.
    degenerate : bool or None
        Whether some strategy has more best replies than actions that it plays. Then there may be infinitely many
        equilibria: all mixtures of extreme ones in which one player's strategy is the same, and more. None: not known.
    components : tuple of tuple of int, or None
        Numbers of the extreme equilibria that hang together: from each to any other of its component a path of
        equilibria leads. A component of one is isolated.

    See Also
    --------
    equilibria : Finds them.
    """

    found: tuple
    complete: bool
    degenerate: bool | None
    components: tuple | None

    def __len__(self):
        return len(self.found)

    def __iter__(self):
        return iter(self.found)

    def __getitem__(self, which):
        return self.found[which]

    def summary(self):
        if not self.complete:
            return f"one equilibrium of a game too large for all: {self.found[0].summary()}"
        pure = sum(one.pure for one in self.found)
        said = f"{len(self.found)} extreme equilibria, {pure} of them pure" if len(self.found) > 1 else (
            f"one equilibrium: {self.found[0].summary()}")
        if self.degenerate:
            several = sum(len(part) > 1 for part in self.components)
            said += "; the game is degenerate" + (
                f", and between extreme equilibria of {several} component{'s' * (several > 1)} lie infinitely many"
                if several else "")
        return said


@dataclass(frozen=True, eq=False, repr=False)
class CorrelatedEquilibrium(Summarised):
    """A correlated equilibrium: a distribution of joint actions that nobody gains by departing from.

    Attributes
    ----------
    distribution : float64 [A_0, A_1]
        Probability of each joint action.
    payoffs : float64 [2]
        Expected payoff of each player.
    regret : float64 [2]
        What each player could gain by doing otherwise than told.
    objective : str
        What it is best by.

    See Also
    --------
    correlated_equilibrium : Finds it.
    """

    distribution: np.ndarray
    payoffs: np.ndarray
    regret: np.ndarray
    objective: str

    def summary(self):
        return (f"{self.objective}: payoffs {self.payoffs[0]:.6g}, {self.payoffs[1]:.6g}, "
                f"{int((self.distribution > 0.0).sum())} joint actions; regret {self.regret.max():.1g}")


def _payoffs(game):
    """Expected payoffs of both players: float64 [A, B] twice."""
    game = require("game", game, "game")
    if not isinstance(game, NormalForm):
        raise ValueError(f"game: expected one in normal form, got {shown(game.name)}; analysis.exploitability and "
                         "nash_test judge strategies of any game")
    if game.agents != 2:
        raise ValueError(f"game: equilibria are found for two players, {game.name!r} has {game.agents}; "
                         "game.pure_equilibria() is for any number")
    return tuple(np.ascontiguousarray(game.expected[..., i]) for i in range(2))


@takes(most_bases="max_bases")
def equilibria(game, max_bases=MAX_BASES):
    """Nash equilibria of a single round of a game of two players.

    Of games of up to some ten actions each, all extreme equilibria: pairs of vertices of the two best-reply polytopes
    that have all labels together. All other equilibria are mixtures of them. Of larger games one equilibrium: a pure
    one where there is one, else that of Lemke and Howson's path.

    Parameters
    ----------
    game : NormalForm
        Its payoffs of a round count, expected ones where they are drawn; not its memory or its horizon.
    max_bases : int
        How many bases of a polytope, ``(A + B)! / (A! B!)``, are looked at.

    Returns
    -------
    Equilibria
        A sequence of :class:`Equilibrium`, with what is known of them together.

    See Also
    --------
    correlated_equilibrium : One draw for both players.
    exploitability : How far strategies are from one.
    marlfast.learners.NashQ : Learns them.

    References
    ----------
    C. E. Lemke and J. T. Howson, "Equilibrium points of bimatrix games", SIAM J. 12 (1964); D. Avis,
    G. D. Rosenberg, R. Savani and B. von Stengel, "Enumeration of Nash equilibria for two-player games", Economic
    Theory 42 (2010).

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> for one in analysis.equilibria(games.BattleOfTheSexes()):
    ...     print(one)
    Equilibrium(1 0 | 1 0; payoffs 3, 2; regret 0)
    Equilibrium(0 1 | 0 1; payoffs 2, 3; regret 0)
    Equilibrium(0.6 0.4 | 0.4 0.6; payoffs 1.2, 1.2; regret 2e-16)
    """
    a, b = _payoffs(game)
    m, n = a.shape
    if math.comb(m + n, m) > integer("max_bases", max_bases, 1):
        values, x, y = np.zeros((1, 2)), np.zeros((1, m)), np.zeros((1, n))
        kernels("cython", "equilibria").solve_nash(a[None], b[None], values, x, y)
        return Equilibria((_judged(a, b, x[0], y[0]),), False, None, None)
    xs, x_labels, x_more = _vertices(_scaled(b).T)
    ys, y_labels, y_more = _vertices(_scaled(a))
    # Labels 0 to m - 1 are the first player's actions: not played (of x), or best replies (to y).
    x_labels, y_labels = x_labels, np.concatenate([y_labels[:, n:], y_labels[:, :n]], axis=1)
    pairs = [(i, j) for i in range(len(xs)) for j in np.flatnonzero((x_labels[i] | y_labels).all(axis=1)).tolist()]
    found = [(_judged(a, b, xs[i], ys[j]), i, j) for i, j in pairs]
    found.sort(key=lambda one: (not one[0].pure, [-p for x in one[0].strategies for p in x.round(9).tolist()]))
    return Equilibria(tuple(one for one, *_ in found), True, x_more or y_more,
                      _components([(i, j) for _, i, j in found]))


def _scaled(payoff):
    """Payoffs between 1 and 2: equilibria stay the same."""
    span = payoff.max() - payoff.min()
    return np.ones(payoff.shape) if span == 0.0 else 1.0 + (payoff - payoff.min()) / span


def _vertices(replies):
    """Vertices of ``{x >= 0, replies @ x <= 1}``, but for 0, made probabilities.

    Returns
    -------
    (x float64 [V, m], labels bool [V, m + n], whether some vertex has more than m labels)
    """
    n, m = replies.shape
    rows, sides = np.concatenate([-np.eye(m), replies]), np.concatenate([np.zeros(m), np.ones(n)])
    found = []
    for some in _batches(itertools.combinations(range(m + n), m), max(1, 200_000 // (m * m))):
        bases = np.array(some)
        matrices = rows[bases]
        good = np.abs(np.linalg.det(matrices)) > SINGULAR
        if good.any():
            x = np.linalg.solve(matrices[good], sides[bases[good]][:, :, None])[:, :, 0]
            inside = (x >= -TIGHT).all(axis=1) & (x @ replies.T <= 1.0 + TIGHT).all(axis=1)
            found.append(x[inside])
    x = np.maximum(np.concatenate(found), 0.0)
    x = x[x.sum(axis=1) > TIGHT]
    _, first = np.unique(np.round(x, 7), axis=0, return_index=True)
    x = x[np.sort(first)]
    labels = np.concatenate([x <= TIGHT, x @ replies.T >= 1.0 - TIGHT], axis=1)
    x = np.where(x <= TIGHT, 0.0, x)
    return x / x.sum(axis=1, keepdims=True), labels, bool((labels.sum(axis=1) > m).any())


def _batches(items, size):
    while batch := list(itertools.islice(items, size)):
        yield batch


def _judged(a, b, x, y):
    of_rows, of_columns = a @ y, x @ b
    payoffs = np.array([x @ of_rows, of_columns @ y])
    return Equilibrium((x, y), payoffs, np.maximum(np.array([of_rows.max(), of_columns.max()]) - payoffs, 0.0))


def _components(pairs):
    """Equilibria that share a strategy of either player hang together."""
    parts = []
    for k, (i, j) in enumerate(pairs):
        joined = [part for part in parts if any(pairs[q][0] == i or pairs[q][1] == j for q in part)]
        parts = [part for part in parts if part not in joined] + [sorted(sum(joined, [k]))]
    return tuple(tuple(part) for part in sorted(parts))


def correlated_equilibrium(game, objective="utilitarian"):
    """A correlated equilibrium of a single round of a game of two players: the best by a criterion.

    Parameters
    ----------
    game : NormalForm
        As of :func:`equilibria`.
    objective : {"utilitarian", "egalitarian", "republican", "libertarian"}
        The greatest sum of payoffs (welfare); the greatest smaller payoff; the greatest payoff of either player; or
        each plays alone its own part of the equilibrium that is best for itself, which need be none: see ``regret``.

    Returns
    -------
    CorrelatedEquilibrium
        The distribution, with payoffs and regrets.

    See Also
    --------
    equilibria : Of players who draw apart.
    marlfast.learners.CorrelatedQ : Learns it.

    Notes
    -----
    By a linear program. The objective is within 1e-7 of the best, and nobody gains more than 1e-7 of its payoffs'
    range (but for the libertarian one).

    References
    ----------
    R. J. Aumann, "Subjectivity and correlation in randomized strategies", Journal of Mathematical Economics 1
    (1974); A. Greenwald and K. Hall, "Correlated Q-learning", ICML 2003, section 2.

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> analysis.correlated_equilibrium(games.BattleOfTheSexes(), "egalitarian").payoffs.round(6).tolist()
    [2.5, 2.5]
    """
    a, b = _payoffs(game)
    which = OBJECTIVES.index(choice("objective", objective, OBJECTIVES))
    values, joint = np.zeros((1, 2)), np.zeros((1, *a.shape))
    kernels("cython", "equilibria").solve_correlated(a[None], b[None], which, values, joint)
    p = joint[0]
    regret = [(p @ a.T - (p * a).sum(axis=1)[:, None]).max(axis=1).clip(0.0).sum(),
              (p.T @ b - (p * b).sum(axis=0)[:, None]).max(axis=1).clip(0.0).sum()]
    return CorrelatedEquilibrium(p, values[0], np.array(regret), objective)
