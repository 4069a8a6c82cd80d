"""Equilibria of games of two players, given as matrices: the twin of ``src/_equilibria.pyx``.

One game after the other, since every game takes pivots of its own. The leaves' names are those of
``marlfast/core/equilibria.pxd``, which says what they do; they return (status, ...) here.
"""
import numpy as np

from marlfast.reference.kernels import check

SOLVED, NOT_FINITE, STUCK = range(3)
UTILITARIAN, EGALITARIAN, REPUBLICAN, LIBERTARIAN = range(4)

# What they mean is said in marlfast/core/equilibria.pxd.
REDUCED, PIVOT, BROKEN, HEALED, NUDGE, STRAY, TEMPTED = 1e-11, 1e-11, 1e-10, 1e-8, 1e-8, 1e-12, 1e-7
REGRET, WORSE, TIE, NOTHING = 1e-9, 1e-5, 1e-12, 1e-12


def _scale(payoff):
    """(status, the smallest payoff, how far the greatest lies above it)."""
    if not np.isfinite(payoff).all():
        return NOT_FINITE, 0.0, 0.0
    flat = payoff.ravel().tolist()
    low = min(flat)
    span = max(flat) - low
    return (SOLVED if np.isfinite(span) else NOT_FINITE), low, span


def _pivot(tableau, r, e):
    """Exchange the basic variable of row r for that of column e."""
    row = tableau[r]
    inverse = 1.0 / row[e]
    row[e] = 1.0
    row *= inverse
    kept = row.copy()
    factor = tableau[:, e].copy()
    tableau[:, e] = 0.0
    tableau -= factor[:, None] * kept
    tableau[r] = kept


def _probabilities(x):
    """(status, numbers made probabilities); a list."""
    x = [value if value > NOTHING else 0.0 for value in x]
    total = 0.0
    for value in x:
        total += value
    if not total > 0.0 or total - total != 0.0:
        return STUCK, x
    return SOLVED, [value / total for value in x]


def _uniform(n):
    return [1.0 / n] * n


def _only(n, which):
    return [1.0 if k == which else 0.0 for k in range(n)]


def _basic(labels, values, first, count):
    """Values of the variables ``first`` to ``first + count - 1``: those of basic ones, else 0."""
    x = [0.0] * count
    for label, value in zip(labels, values.tolist(), strict=True):
        if first <= label < first + count:
            x[label - first] = value
    return x


def _swap(rows, columns, r, e):
    rows[r], columns[e] = columns[e], rows[r]


def zero_sum(payoff):
    """(status, x, y, value) of one game, float64 [m, n]."""
    m, n = payoff.shape
    status, least, span = _scale(payoff)
    if status:
        return status, _uniform(m), _uniform(n), 0.0
    if span == 0.0:
        return SOLVED, _uniform(m), _uniform(n), least
    lows, highs = [min(row) for row in payoff.tolist()], [max(column) for column in payoff.T.tolist()]
    best, other = max(lows), min(highs)
    if best == other:
        return SOLVED, _only(m, lows.index(best)), _only(n, highs.index(other)), best
    if m == 2 and n == 2:
        a, b, c, d = ((payoff - least) / span).ravel().tolist()
        x, y = (d - c) / ((a - b) + (d - c)), (d - b) / ((a - c) + (d - b))
        x, y = [x, 1.0 - x], [y, 1.0 - y]
    else:
        tableau = np.ones((m + 1, n + 1))
        tableau[:m, :n] = (payoff - least) / span + 1.0
        tableau[m] = -1.0
        tableau[m, n] = 0.0
        rows, columns = list(range(n, n + m)), list(range(n))
        for count in range(50 * (m + n)):
            e = _entering(tableau[m, :n], columns, count >= 4 * (m + n))
            if e < 0:
                break
            r = _leaving(tableau[:m, e].tolist(), tableau[:m, n].tolist(), rows)
            if r < 0:
                return STUCK, _uniform(m), _uniform(n), 0.0
            _pivot(tableau, r, e)
            _swap(rows, columns, r, e)
        else:
            return STUCK, _uniform(m), _uniform(n), 0.0
        x, y = _basic(columns, tableau[m, :n], n, m), _basic(rows, tableau[:m, n], 0, n)
    (bad, x), (worse, y) = _probabilities(x), _probabilities(y)
    if bad or worse:
        return STUCK, x, y, 0.0
    sums = np.zeros(n)
    for i in range(m):
        sums = sums + x[i] * payoff[i]
    value = min(sums.tolist())
    return (SOLVED if value - value == 0.0 else NOT_FINITE), x, y, value


def _entering(reduced, labels, first):
    """The column with the greatest gain; or (Bland) that with the smallest label. -1: none gains."""
    if not first:
        e = int(reduced.argmin())
        return e if reduced[e] < -REDUCED else -1
    gains = np.flatnonzero(reduced < -REDUCED).tolist()
    return min(gains, key=labels.__getitem__, default=-1)


def _leaving(entries, sides, labels):
    """The row with the smallest ratio, of several that with the smallest label. -1: none."""
    r, least = -1, 0.0
    for i, (entry, side) in enumerate(zip(entries, sides, strict=True)):
        if entry > PIVOT:
            ratio = side / entry
            if r < 0 or ratio < least or (ratio == least and labels[i] < labels[r]):
                r, least = i, ratio
    return r


def _slack(tableau, rows, columns, i, label):
    if label in columns:
        return float(tableau[i, columns.index(label)])
    return 1.0 if rows[i] == label else 0.0


def _lexicographic(tableau, rows, columns, e, slack):
    """The row that leaves: the lexicographically least ratio of the right-hand side and the slack columns; -1: none."""
    r, entries, sides = -1, tableau[:, e].tolist(), tableau[:, -1].tolist()
    for i in range(len(entries)):
        if not entries[i] > PIVOT:
            continue
        if r < 0:
            r = i
            continue
        difference = sides[i] * entries[r] - sides[r] * entries[i]
        k = 0
        while -TIE <= difference <= TIE and k < len(entries):
            difference = (_slack(tableau, rows, columns, i, slack + k) * entries[r]
                          - _slack(tableau, rows, columns, r, slack + k) * entries[i])
            k += 1
        if difference < -TIE:
            r = i
    return r


def _lemke_howson(p, q, dropped, regret):
    """(status, x, y) for payoffs p, q in [0, 1]."""
    m, n = p.shape
    stuck = STUCK, _uniform(m), _uniform(n)
    tableaus = np.ones((n, m + 1)), np.ones((m, n + 1))
    tableaus[0][:, :m] = q.T + 1.0
    tableaus[1][:, :n] = p + 1.0
    # The first tableau has slacks m.. as rows and x as columns, the second slacks 0.. as rows and y as columns.
    rows, columns = (list(range(m, m + n)), list(range(m))), (list(range(m)), list(range(m, m + n)))
    which, entering = 0 if dropped < m else 1, dropped
    for _ in range(100 * (m + n)):
        tableau = tableaus[which]
        e = columns[which].index(entering)
        r = _lexicographic(tableau, rows[which], columns[which], e, m if which == 0 else 0)
        if r < 0:
            return stuck
        _pivot(tableau, r, e)
        leaving = rows[which][r]
        _swap(rows[which], columns[which], r, e)
        if leaving == dropped:
            break
        entering, which = leaving, 1 - which
    else:
        return stuck
    bad, x = _probabilities(_basic(rows[0], tableaus[0][:, m], 0, m))
    worse, y = _probabilities(_basic(rows[1], tableaus[1][:, n], m, n))
    if bad or worse:
        return stuck
    for payoff, own, others in ((p, x, y), (q.T, y, x)):
        sums = np.zeros(len(own))
        for k, share in enumerate(others):
            sums = sums + payoff[:, k] * share
        most = earned = 0.0
        for total, share in zip(sums.tolist(), own, strict=True):
            earned += share * total
            most = total if total > most else most
        if not most - earned <= regret:
            return stuck
    return SOLVED, x, y


def nash(p, q):
    """(status, x, y, value of p, value of q) of one game, float64 [m, n]."""
    m, n = p.shape
    (bad, p_least, p_span), (worse, q_least, q_span) = _scale(p), _scale(q)
    if bad or worse:
        return NOT_FINITE, _uniform(m), _uniform(n), 0.0, 0.0
    if p_span == 0.0 and q_span == 0.0:
        return SOLVED, _uniform(m), _uniform(n), p_least, q_least
    found, most = None, 0.0
    for i, j in np.argwhere((p == p.max(axis=0)) & (q == q.max(axis=1)[:, None])).tolist():
        both = float(p[i, j] + q[i, j])
        if found is None or both > most:
            found, most = (i, j), both
    if found is not None:
        return SOLVED, _only(m, found[0]), _only(n, found[1]), float(p[found]), float(q[found])
    p_unit, q_unit = (p - p_least) / p_span, (q - q_least) / q_span
    for k in range(2 * (m + n)):
        status, x, y = _lemke_howson(p_unit, q_unit, k % (m + n), REGRET if k < m + n else WORSE)
        if status == SOLVED:
            p_value = q_value = 0.0
            for i in range(m):
                for j in range(n):
                    both = x[i] * y[j]
                    p_value += both * float(p[i, j])
                    q_value += both * float(q[i, j])
            sound = p_value - p_value == 0.0 and q_value - q_value == 0.0
            return (SOLVED if sound else NOT_FINITE), x, y, p_value, q_value
    return STUCK, _uniform(m), _uniform(n), 0.0, 0.0


def _best_correlated(p, q, p_weight, q_weight, smaller):
    """(status, joint distribution [m * n]) for payoffs p, q in [0, 1].

    ``smaller``: None, or both payoffs in the same unit, the smaller of which is to be great.
    """
    m, n = p.shape
    joint = m * n
    variables = joint + (smaller is not None)
    told = m * (m - 1) + n * (n - 1)
    count = told + 1 + 2 * (smaller is not None)
    tableau, whole = np.zeros((count + 1, variables + 1)), joint + 1
    tableau[0, :joint] = tableau[0, -1] = 1.0
    r = 1
    for i in range(m):
        for other in range(m):
            if other != i:
                tableau[r, i * n:(i + 1) * n] = p[other] - p[i]
                r += 1
    for j in range(n):
        for other in range(n):
            if other != j:
                tableau[r, j:joint:n] = q[:, other] - q[:, j]
                r += 1
    for i in range(1, told + 1):
        best = np.abs(tableau[i, :joint]).max()
        if best > NOTHING:
            tableau[i, :joint] /= best
    rows, columns = list(range(joint + 1, joint + 1 + count)), list(range(variables))
    if smaller is not None:
        tableau[r:r + 2, :joint] = [-smaller[0].ravel(), -smaller[1].ravel()]
        tableau[r:r + 2, joint] = 1.0
        tableau[count, joint] = -1.0
        _pivot(tableau, r, joint)
        _swap(rows, columns, r, joint)
    else:
        tableau[count, :joint] = -(p_weight * p + q_weight * q).ravel()
    ratio = np.arange(1.0, joint + 1.0) * 0.6180339887498949
    tableau[count, :joint] -= NUDGE * (ratio - np.floor(ratio))
    start = int(tableau[count, :joint].argmin())
    _pivot(tableau, 0, start)
    _swap(rows, columns, 0, start)
    for step in range(50 * (count + variables)):
        sides = tableau[:count, -1]
        if step < 6 * (count + variables):
            r = int(sides.argmin())
            r = r if sides[r] < -BROKEN else -1
        else:
            r = min(np.flatnonzero(sides < -BROKEN).tolist(), key=rows.__getitem__, default=-1)
        if r < 0:
            break
        row, reduced = tableau[r, :variables], tableau[count, :variables]
        able = (row < -PIVOT) & (np.array(columns) != whole)
        if not able.any():
            if tableau[r, -1] < -HEALED:
                return STUCK, None
            tableau[r, -1] = 0.0
            continue
        ratio = np.where(able, (np.where(reduced > 0.0, reduced, 0.0) + STRAY) / -np.where(able, row, -1.0), np.inf)
        e = int(ratio.argmin())
        near = np.where(able & (reduced <= ratio[e] * -row), row, np.inf)
        greatest = int(near.argmin())
        e = greatest if near[greatest] < row[e] else e
        _pivot(tableau, r, e)
        _swap(rows, columns, r, e)
    else:
        return STUCK, None
    status, x = _probabilities(_basic(rows, tableau[:count, -1], 0, joint))
    if status:
        return STUCK, None
    x = np.array(x)
    told = x.reshape(m, n)
    for payoff, drawn in ((p, told), (q.T, told.T)):
        for i in range(len(payoff)):
            for other in range(len(payoff)):
                gain = 0.0
                for share, more in zip(drawn[i].tolist(), (payoff[other] - payoff[i]).tolist(), strict=True):
                    gain += share * more
                if not gain <= TEMPTED:
                    return STUCK, None
    return SOLVED, x


def _expected(payoff, x):
    total = 0.0
    for share, earned in zip(x.tolist(), payoff.ravel().tolist(), strict=True):
        total += share * earned
    return (NOT_FINITE if total - total != 0.0 else SOLVED), total


def _chosen(p, q, objective):
    """(status, joint distribution [m * n]) that ``objective`` says."""
    m, n = p.shape
    (bad, p_least, p_span), (worse, q_least, q_span) = _scale(p), _scale(q)
    if bad or worse:
        return NOT_FINITE, None
    if p_span == 0.0 and q_span == 0.0:
        return SOLVED, np.array(_uniform(m * n))
    p_unit, q_unit = p_span if p_span > 0.0 else 1.0, q_span if q_span > 0.0 else 1.0
    p_scaled, q_scaled = (p - p_least) / p_unit, (q - q_least) / q_unit
    if objective == EGALITARIAN and (p_least + p_span <= q_least or q_least + q_span <= p_least):
        first = 1.0 if p_least + p_span <= q_least else 0.0
        return _best_correlated(p_scaled, q_scaled, first, 1.0 - first, None)
    if objective == EGALITARIAN:
        low = p_least if p_least < q_least else q_least
        span = p_least + p_unit if p_least + p_unit > q_least + q_unit else q_least + q_unit
        span = span - low
        if span - span != 0.0:
            return NOT_FINITE, None
        span = span if span != 0.0 else 1.0
        return _best_correlated(p_scaled, q_scaled, 0.0, 0.0, ((p - low) / span, (q - low) / span))
    if objective == UTILITARIAN:
        high = p_unit if p_span > q_span else q_unit
        return _best_correlated(p_scaled, q_scaled, p_span / high, q_span / high, None)
    status, x = _best_correlated(p_scaled, q_scaled, 1.0, 0.0, None)
    if status:
        return status, x
    status, second = _best_correlated(p_scaled, q_scaled, 0.0, 1.0, None)
    if status:
        return status, x
    if objective == REPUBLICAN:
        (bad, mine), (worse, yours) = _expected(p, x), _expected(q, second)
        if bad or worse:
            return NOT_FINITE, None
        return SOLVED, second if yours > mine else x
    x, second = x.reshape(m, n), second.reshape(m, n)
    row, column = np.zeros(m), np.zeros(n)
    for j in range(n):
        row = row + x[:, j]
    for i in range(m):
        column = column + second[i]
    return SOLVED, (row[:, None] * column).ravel()


def correlated(p, q, objective):
    """(status, joint distribution [m * n], value of p, value of q) of one game, float64 [m, n]."""
    status, x = _chosen(p, q, objective)
    if status == STUCK:
        status, row, column, *_ = nash(p, q)
        x = (np.array(row)[:, None] * np.array(column)).ravel()
    if status:
        return status, np.array(_uniform(p.size)), 0.0, 0.0
    (bad, p_value), (worse, q_value) = _expected(p, x), _expected(q, x)
    return (NOT_FINITE if bad or worse else SOLVED), x, p_value, q_value


def _explain(status, game):
    if status == NOT_FINITE:
        raise ValueError(f"payoffs[{game}]: expected finite numbers, not too far apart for their difference to be one")
    if status:
        raise ValueError(f"payoffs[{game}]: no equilibrium was found; the numbers are too unequal for doubles")


def solve_zero_sum(payoffs, value, row_policy, column_policy):
    """Minimax equilibria of games in which the column player loses what the row player earns.

    Parameters
    ----------
    payoffs : float64 [n, A, B]
        What the row player earns.
    value : float64 [n]
        Written: what the row player's policy earns at least.
    row_policy : float64 [n, A]
    column_policy : float64 [n, B]
        Written: probabilities.
    """
    check(payoffs, "payoffs", "float64", (-1, -1, -1), False)
    games, m, n = payoffs.shape
    check(value, "value", "float64", (games,), True)
    check(row_policy, "row_policy", "float64", (games, m), True)
    check(column_policy, "column_policy", "float64", (games, n), True)
    if m < 1 or n < 1:
        raise ValueError(f"payoffs: expected at least one action of each player, got shape {payoffs.shape}")
    with np.errstate(all="ignore"):
        for k in range(games):
            status, row_policy[k], column_policy[k], value[k] = zero_sum(payoffs[k])
            _explain(status, k)


def solve_nash(payoffs, other, values, row_policy, column_policy):
    """One Nash equilibrium of each game, always the same one.

    Parameters
    ----------
    payoffs, other : float64 [n, A, B]
        What the row player and the column player earn.
    values : float64 [n, 2]
    row_policy : float64 [n, A]
    column_policy : float64 [n, B]
        Written.
    """
    check(payoffs, "payoffs", "float64", (-1, -1, -1), False)
    games, m, n = payoffs.shape
    check(other, "other", "float64", (games, m, n), False)
    check(values, "values", "float64", (games, 2), True)
    check(row_policy, "row_policy", "float64", (games, m), True)
    check(column_policy, "column_policy", "float64", (games, n), True)
    if m < 1 or n < 1:
        raise ValueError(f"payoffs: expected at least one action of each player, got shape {payoffs.shape}")
    with np.errstate(all="ignore"):
        for k in range(games):
            status, row_policy[k], column_policy[k], *both = nash(payoffs[k], other[k])
            values[k] = both
            _explain(status, k)


def solve_correlated(payoffs, other, objective, values, joint):
    """A correlated equilibrium of each game: both are told what to do, and neither gains by doing otherwise.

    Parameters
    ----------
    payoffs, other : float64 [n, A, B]
        What the row player and the column player earn.
    objective : int
        0 utilitarian, 1 egalitarian, 2 republican, 3 libertarian.
    values : float64 [n, 2]
    joint : float64 [n, A, B]
        Written.
    """
    check(payoffs, "payoffs", "float64", (-1, -1, -1), False)
    games, m, n = payoffs.shape
    check(other, "other", "float64", (games, m, n), False)
    check(values, "values", "float64", (games, 2), True)
    check(joint, "joint", "float64", (games, m, n), True)
    if m < 1 or n < 1:
        raise ValueError(f"payoffs: expected at least one action of each player, got shape {payoffs.shape}")
    if objective not in (0, 1, 2, 3):
        raise ValueError(f"objective: expected 0, 1, 2 or 3, got {objective}")
    with np.errstate(all="ignore"):
        for k in range(games):
            status, x, *both = correlated(payoffs[k], other[k], objective)
            values[k] = both
            joint[k] = x.reshape(m, n)
            _explain(status, k)
