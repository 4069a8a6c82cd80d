"""Judges of populations: who is worth what among agents that meet each other."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import integer, real


@dataclass(frozen=True, eq=False, repr=False)
class AlphaRank(Summarised):
    """How often evolution is where, between populations that change one member's strategy at a time.

    Attributes
    ----------
    masses : float64 [S] or [S1, ..., SN]
        The stationary distribution over strategies of one population, or over profiles of N.
    strategies : list of float64 [S_i]
        The same by each population's own strategies.
    transitions : float64 [P, P]
        From profile to profile, in a step.

    See Also
    --------
    alpha_rank : Makes it.
    """

    masses: np.ndarray
    strategies: list
    transitions: np.ndarray

    @property
    def ranking(self):
        """Profiles by their number, that with the greatest mass first: int64 [P]."""
        return np.argsort(-self.masses.ravel(), kind="stable")

    def summary(self):
        top = self.ranking[:3]
        shown = ", ".join(f"{tuple(map(int, np.unravel_index(k, self.masses.shape)))} {self.masses.ravel()[k]:.3g}"
                          for k in top)
        return f"{self.masses.size} profiles, most mass at {shown}"


def _population(payoffs):
    """Payoffs of one population, [S, S], or of N, [S1, ..., SN, N]; which."""
    payoffs = np.asarray(payoffs, np.float64)
    if not np.isfinite(payoffs).all():
        raise ValueError("payoffs: expected finite numbers")
    alone = payoffs.ndim == 2 and payoffs.shape[0] == payoffs.shape[1]
    if not alone and (payoffs.ndim < 3 or payoffs.shape[-1] != payoffs.ndim - 1):
        raise ValueError("payoffs: expected shape (S, S), what each strategy of one population earns against each, or "
                         f"(S1, ..., SN, N), what each of N populations earns; got {payoffs.shape}")
    if payoffs.size == 0 or max(payoffs.shape if alone else payoffs.shape[:-1]) < 2:
        raise ValueError("payoffs: a population of one has nobody to be compared with; give at least two strategies")
    return payoffs, alone


def _fixation(gain, alpha, population):
    """How likely one mutant takes over, by what it earns more than the residents."""
    u = alpha * gain
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # (1 - exp(-u)) / (1 - exp(-m u)); for u < 0 both multiplied by exp(m u), so that nothing overflows.
        up = np.expm1(-np.abs(u)) / np.expm1(-population * np.abs(u))
        down = up * np.exp((population - 1) * np.minimum(u, 0.0))
    return np.where(u == 0.0, 1.0 / population, np.where(u > 0.0, up, down))


def _stationary(transitions):
    """The stationary distribution of a chain all of whose states can be reached: by elimination without differences.

    W. K. Grassmann, M. I. Taksar and D. P. Heyman, "Regenerative analysis and steady state distributions for Markov
    chains", Operations Research 33 (1985).
    """
    chain, size = transitions.copy(), len(transitions)
    for k in range(size - 1, 0, -1):
        out = chain[k, :k].sum()
        if not out > 0.0:
            raise ValueError("alpha: so large that some changes cannot be told from impossible ones; give less, or "
                             "None for its limit")
        chain[:k, k] /= out
        chain[:k, :k] += np.outer(chain[:k, k], chain[k, :k])
    mass = np.zeros(size)
    mass[0] = 1.0
    for k in range(1, size):
        mass[k] = mass[:k] @ chain[:k, k]
    return mass / mass.sum()


def alpha_rank(payoffs, alpha=100.0, population=50, epsilon=0.01):
    """Rank strategies by evolution: alpha-rank.

    One member of a population at a time tries another strategy, which takes over or dies out before the next one tries.
    With ``u = alpha * (what the mutant earns more than the residents)`` it takes over with probability
    ``(1 - exp(-u)) / (1 - exp(-population * u))``, or ``1 / population`` where both earn the same.

    Parameters
    ----------
    payoffs : float64 [S, S] or [S1, ..., SN, N]
        One population: what each strategy earns against each. N populations: what each of them earns, by what all play.
        Such as the ``wins`` of a league's table, or the rewards of a cross-play.
    alpha : float or None
        How strong selection is. None: its limit, in which who earns less takes over with probability ``epsilon``.
    population : int
        Members of each population, at least 2.
    epsilon : float
        In (0, 0.5), for the limit only.

    Returns
    -------
    AlphaRank
        How much time is spent where.

    See Also
    --------
    nash_averaging : Ranks by an equilibrium.
    marlfast.analysis.elo : Ratings, which do not see circles.

    References
    ----------
    S. Omidshafiei et al., "alpha-Rank: multi-agent evaluation by evolution", Scientific Reports 9 (2019); the limit is
    that of M. Rowland et al., "Multiagent evaluation under incomplete information", NeurIPS 2019.

    Examples
    --------
    >>> from marlfast import solvers
    >>> solvers.alpha_rank([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]).masses.round(6).tolist()
    [0.333333, 0.333333, 0.333333]
    """
    payoffs, alone = _population(payoffs)
    if alpha is not None:
        alpha = real("alpha", alpha, 0.0)
    population = integer("population", population, 2)
    if not 0.0 < real("epsilon", epsilon, 0.0, 0.5) < 0.5:
        raise ValueError(f"epsilon: expected more than 0 and less than 0.5, got {epsilon}")
    shape = payoffs.shape[:1] if alone else payoffs.shape[:-1]
    size, ways = int(np.prod(shape)), sum(n - 1 for n in shape)
    chain = np.zeros((size, size))
    numbers = np.arange(size).reshape(shape)
    for i in range(len(shape)):
        lines = np.moveaxis(numbers, i, -1).reshape(-1, shape[i])
        for line in lines:
            if alone:
                gain = payoffs.T - payoffs       # [from, to]: the mutant against residents, less these against it
            else:
                own = payoffs[..., i].ravel()[line]
                gain = own[None, :] - own[:, None]
            if alpha is None:
                take = np.where(gain > 0.0, 1.0 - epsilon, np.where(gain < 0.0, epsilon, 0.5))
            else:
                take = _fixation(gain, alpha, population)
            chain[np.ix_(line, line)] += take * ~np.eye(len(line), dtype=bool) / ways
    np.fill_diagonal(chain, 0.0)
    mass = _stationary(chain).reshape(shape)
    np.fill_diagonal(chain, 1.0 - chain.sum(axis=1))
    axes = range(len(shape))
    return AlphaRank(mass, [mass.sum(axis=tuple(j for j in axes if j != i)) for i in axes], chain)


@dataclass(frozen=True, eq=False, repr=False)
class NashAverage(Summarised):
    """What agents are worth against those that nobody can beat.

    Attributes
    ----------
    weights : float64 [S]
        The Nash equilibrium of greatest entropy.
    ratings : float64 [S]
        What each earns against it: 0 for all that are in it, and for nobody more.

    See Also
    --------
    nash_averaging : Makes it.
    """

    weights: np.ndarray
    ratings: np.ndarray

    def summary(self):
        return (f"{len(self.weights)} agents, {int((self.weights > 1e-6).sum())} in the equilibrium, ratings "
                f"{self.ratings.min():.4g} to {self.ratings.max():.4g}")


def nash_averaging(payoffs):
    """Rate agents by the Nash equilibrium of greatest entropy of the game of choosing one of them.

    Copies of an agent, and agents that beat only the weak, change nobody's rating.

    Parameters
    ----------
    payoffs : float64 [S, S]
        What each earns against each: antisymmetric, such as the difference of both, or log-odds of winning. Shares of
        wins (which add up to 1 with those of the other) are taken as ``wins - 1/2``.

    Returns
    -------
    NashAverage
        Weights and ratings.

    See Also
    --------
    alpha_rank : Ranks by evolution, for any number of populations.

    References
    ----------
    D. Balduzzi, K. Tuyls, J. Perolat and T. Graepel, "Re-evaluating evaluation", NeurIPS 2018.

    Examples
    --------
    >>> from marlfast import solvers
    >>> solvers.nash_averaging([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]).weights.round(6).tolist()
    [0.333333, 0.333333, 0.333333]
    """
    payoffs, alone = _population(payoffs)
    if not alone:
        raise ValueError(f"payoffs: expected shape (S, S), got {payoffs.shape}")
    scale = max(float(np.abs(payoffs).max()), 1e-300)
    if np.abs(payoffs + payoffs.T - 1.0).max() <= 1e-9 and payoffs.min() >= 0.0:
        payoffs = payoffs - 0.5
    elif np.abs(payoffs + payoffs.T).max() > 1e-9 * scale:
        at = np.unravel_index(np.abs(payoffs + payoffs.T).argmax(), payoffs.shape)
        raise ValueError("payoffs: expected what one earns to be what the other loses, or shares of wins; those of "
                         f"{int(at[0])} and {int(at[1])} are {payoffs[at]:.6g} and {payoffs[at[::-1]]:.6g}")
    scale = max(float(np.abs(payoffs).max()), 1e-300)
    weights = _most_even(0.5 * (payoffs - payoffs.T) / scale)
    return NashAverage(weights, payoffs @ weights)


def _most_even(a):
    """The symmetric equilibrium of greatest entropy of an antisymmetric game with payoffs up to 1."""
    inside = _support(a)
    support = np.flatnonzero(inside > 0.0)
    own, others = a[np.ix_(support, support)], np.delete(a, support, axis=0)[:, support]
    # Within the support nobody may earn anything, whoever is outside must lose: all equilibria, none at a border.
    fixed = np.concatenate([own, np.ones((1, len(support)))])
    _, sizes, right = np.linalg.svd(fixed)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    free = right[rank:].T
    p = inside[support]
    p = p + np.linalg.lstsq(fixed, np.append(np.zeros(len(support)), 1.0) - fixed @ p, rcond=1e-9)[0]
    for weight in 10.0 ** -np.arange(0, 15) if len(others) else (0.0,):
        p = _centred(p, free, others, weight) if free.size else p
    found = np.zeros(len(a))
    found[support] = p / p.sum()
    return found


def _support(a):
    """An equilibrium with all that any equilibrium has, and exactly 0 for the rest.

    Follows the path of ``p * (e - a p) = e / n`` to e = 0, by Newton's method: its end is strictly complementary.
    """
    n = len(a)
    p, slack, e = np.full(n, 1.0 / n), np.ones(n), 1.0
    while e > 1e-12:
        e *= 0.5
        for _ in range(50):
            missing, off = e - a @ p - slack, slack * p - e / n
            if max(np.abs(missing).max(), np.abs(off).max() * n) < 1e-2 * e:
                break
            step = np.linalg.solve(np.diag(slack / p) - a, -off / p - missing)
            change, size = missing - a @ step, 1.0
            for x, d in ((p, step), (slack, change)):
                if (d < 0.0).any():
                    size = min(size, 0.9 * float((x[d < 0.0] / -d[d < 0.0]).min()))
            p, slack = p + size * step, slack + size * change
    return np.where(p > slack, p, 0.0)


def _centred(p, free, others, weight):
    """Least ``sum p log p - weight * sum log(-others p)`` along the columns of ``free``, from a p inside."""
    def worth(p):
        away = -others @ p
        if not ((p > 0.0).all() and (away > 0.0).all()):
            return np.inf
        return float((p * np.log(p)).sum() - weight * np.log(away).sum())

    now = worth(p)
    for _ in range(100):
        away = -others @ p
        slope = free.T @ (np.log(p) + 1.0 + weight * (others / away[:, None]).sum(axis=0))
        rows = np.concatenate([free / np.sqrt(p)[:, None], np.sqrt(weight) * (others @ free) / away[:, None]])
        step = -np.linalg.lstsq(rows.T @ rows, slope, rcond=None)[0]
        decrease = -float(slope @ step)
        if decrease < 1e-20:
            break
        size = 1.0
        while size > 1e-10 and not worth(p + size * (free @ step)) <= now - 0.1 * size * decrease:
            size *= 0.5
        if size <= 1e-10:
            break
        p = p + size * (free @ step)
        now = worth(p)
    return p
