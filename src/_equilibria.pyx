"""Equilibria of games of two players, given as matrices. Twin: ``marlfast/reference/equilibria.py``."""
import numpy as np

from libc.stdint cimport int64_t

cimport marlfast.core.equilibria as leaf
from marlfast.core._kernels cimport check


cdef object _explain(int status, int64_t game):
    if status == leaf.NOT_FINITE:
        raise ValueError(f"payoffs[{game}]: expected finite numbers, not too far apart for their difference to be one")
    if status:
        raise ValueError(f"payoffs[{game}]: no equilibrium was found; the numbers are too unequal for doubles")


def solve_zero_sum(payoffs, value, row_policy, column_policy):
    """Minimax equilibria of games in which the column player loses what the row player earns.

    Exact for pure saddle points (the first row and first column that have one) and, but for rounding, for 2 x 2;
    else by the primal simplex. Against anything ``row_policy`` earns at least ``value``, and ``column_policy`` loses
    at most 1e-9 of the payoffs' range more than that. If all payoffs are equal, every action is as likely.

    Parameters
    ----------
    payoffs : float64 [n, A, B]
        What the row player earns.
    value : float64 [n]
        Written: what the row player's policy earns at least.
    row_policy : float64 [n, A]
    column_policy : float64 [n, B]
        Written: probabilities.

    Notes
    -----
    Source: G. B. Dantzig, "A proof of the equivalence of the programming problem and the game problem" (1951);
    R. G. Bland, "New finite pivoting rules for the simplex method" (1977).
    """
    cdef const double[:, :, ::1] p = check(payoffs, "payoffs", "float64", (-1, -1, -1), False)
    cdef int64_t games = p.shape[0], m = p.shape[1], n = p.shape[2], k
    cdef double[::1] v = check(value, "value", "float64", (games,), True)
    cdef double[:, ::1] x = check(row_policy, "row_policy", "float64", (games, m), True)
    cdef double[:, ::1] y = check(column_policy, "column_policy", "float64", (games, n), True)
    if m < 1 or n < 1:
        raise ValueError(f"payoffs: expected at least one action of each player, got shape {payoffs.shape}")
    cdef double[::1] scratch = np.empty(leaf.zero_sum_scratch(m, n))
    cdef int status = 0
    for k in range(games):
        with nogil:
            status = leaf.zero_sum(&p[k, 0, 0], m, n, &scratch[0], &x[k, 0], &y[k, 0], &v[k])
        _explain(status, k)


def solve_nash(payoffs, other, values, row_policy, column_policy):
    """One Nash equilibrium of each game, always the same one.

    Of the pure equilibria that with the greatest sum of payoffs, the first of these; where none is pure, the one
    that Lemke and Howson's path (lexicographic pivots) reaches by dropping the row player's first action. Nobody
    gains more than 1e-9 of its payoffs' range by deviating; where payoffs differ so much in size that this cannot be
    had on any path, 1e-5. If all payoffs of both are equal, every action is as likely.

    Parameters
    ----------
    payoffs, other : float64 [n, A, B]
        What the row player and the column player earn.
    values : float64 [n, 2]
    row_policy : float64 [n, A]
    column_policy : float64 [n, B]
        Written.

    Notes
    -----
    Source: C. E. Lemke and J. T. Howson, "Equilibrium points of bimatrix games", SIAM J. 12 (1964).
    """
    cdef const double[:, :, ::1] p = check(payoffs, "payoffs", "float64", (-1, -1, -1), False)
    cdef int64_t games = p.shape[0], m = p.shape[1], n = p.shape[2], k
    cdef const double[:, :, ::1] q = check(other, "other", "float64", (games, m, n), False)
    cdef double[:, ::1] v = check(values, "values", "float64", (games, 2), True)
    cdef double[:, ::1] x = check(row_policy, "row_policy", "float64", (games, m), True)
    cdef double[:, ::1] y = check(column_policy, "column_policy", "float64", (games, n), True)
    if m < 1 or n < 1:
        raise ValueError(f"payoffs: expected at least one action of each player, got shape {payoffs.shape}")
    cdef double[::1] scratch = np.empty(leaf.nash_scratch(m, n))
    cdef int status = 0
    for k in range(games):
        with nogil:
            status = leaf.nash(&p[k, 0, 0], &q[k, 0, 0], m, n, &scratch[0], &x[k, 0], &y[k, 0], &v[k, 0], &v[k, 1])
        _explain(status, k)


def solve_correlated(payoffs, other, objective, values, joint):
    """A correlated equilibrium of each game: both are told what to do, and neither gains by doing otherwise.

    Nobody gains more than 1e-7 of its payoffs' range by deviating (but in the libertarian case), and the objective is
    within 1e-7 of the best. If several are best, which of them is found follows from the order of actions. If all
    payoffs of both are equal, every joint action is as likely. Where payoffs differ so much in size that rounding
    spoils the linear program, the Nash equilibrium of ``solve_nash`` is taken.

    Parameters
    ----------
    payoffs, other : float64 [n, A, B]
        What the row player and the column player earn.
    objective : int
        0 utilitarian: greatest sum of payoffs. 1 egalitarian: greatest smaller payoff. 2 republican: greatest
        payoff of one of them. 3 libertarian: each plays its own part, alone, of the equilibrium that is best for it.
    values : float64 [n, 2]
    joint : float64 [n, A, B]
        Written.

    Notes
    -----
    Source: A. Greenwald and K. Hall, "Correlated Q-learning", ICML 2003, section 2.
    """
    cdef const double[:, :, ::1] p = check(payoffs, "payoffs", "float64", (-1, -1, -1), False)
    cdef int64_t games = p.shape[0], m = p.shape[1], n = p.shape[2], k
    cdef const double[:, :, ::1] q = check(other, "other", "float64", (games, m, n), False)
    cdef double[:, ::1] v = check(values, "values", "float64", (games, 2), True)
    cdef double[:, :, ::1] x = check(joint, "joint", "float64", (games, m, n), True)
    if m < 1 or n < 1:
        raise ValueError(f"payoffs: expected at least one action of each player, got shape {payoffs.shape}")
    if objective not in (0, 1, 2, 3):
        raise ValueError(f"objective: expected 0, 1, 2 or 3, got {objective}")
    cdef int64_t kind = objective
    cdef double[::1] scratch = np.empty(leaf.correlated_scratch(m, n))
    cdef int status = 0
    for k in range(games):
        with nogil:
            status = leaf.correlated(&p[k, 0, 0], &q[k, 0, 0], m, n, kind, &scratch[0], &x[k, 0, 0], &v[k, 0], &v[k, 1])
        _explain(status, k)
