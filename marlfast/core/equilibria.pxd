# cython: language_level=3
"""Equilibria of one game of two players, given as matrices: the leaves of ``src/_equilibria.pyx``.

Payoffs are first shifted and divided, each player's by its own range, so that every tolerance below is relative to
that range. All three solvers exchange variables in a *condensed tableau*: a row for each basic variable, a column for
each of the others, and the right-hand side as the last column. They allocate nothing: ``scratch`` comes from the
caller, and ``*_scratch`` says how many doubles. They always end: pivots are counted, and who needs too many is STUCK.
"""
from libc.stdint cimport int32_t, int64_t

cdef enum Outcome:
    SOLVED = 0
    NOT_FINITE = 1          # a payoff is not finite, or payoffs lie further apart than a double can say
    STUCK = 2               # more pivots than allowed, or a solution that is none

cdef enum Objective:
    UTILITARIAN = 0         # the sum of both payoffs
    EGALITARIAN = 1         # the smaller one
    REPUBLICAN = 2          # the greater one
    LIBERTARIAN = 3         # each its own, and then plays its part of that on its own

# Declared here, defined where they are used, so that the twin can say the same numbers.
cdef extern from *:
    """
    #define MF_REDUCED 1e-11    /* a reduced cost counts as negative below minus this */
    #define MF_PIVOT 1e-11       /* smaller entries are no pivots */
    #define MF_BROKEN 1e-10     /* a constraint counts as broken below minus this */
    #define MF_HEALED 1e-8      /* and as kept, where nothing can mend it, down to minus this */
    #define MF_NUDGE 1e-8       /* how far objectives are moved apart, so that none are tied */
    #define MF_STRAY 1e-12       /* how far below 0 a reduced cost may fall for the sake of a greater pivot */
    #define MF_TEMPTED 1e-7     /* most that doing otherwise than told may gain */
    #define MF_TIE 1e-12        /* Lemke and Howson: ratios nearer than this are tied */
    #define MF_REGRET 1e-9      /* most that a deviation may gain; */
    #define MF_WORSE 1e-5       /* and where no path ends so well, because payoffs differ too much in size */
    #define MF_NOTHING 1e-12    /* smaller probabilities are 0 */
    """
    const double MF_REDUCED, MF_PIVOT, MF_BROKEN, MF_HEALED, MF_NUDGE, MF_STRAY, MF_TEMPTED, MF_TIE, MF_NOTHING
    const double MF_REGRET, MF_WORSE


cdef inline int64_t zero_sum_scratch(int64_t m, int64_t n) noexcept nogil:
    return (m + 1) * (n + 1) + (m + n + 1) // 2


cdef inline int64_t nash_scratch(int64_t m, int64_t n) noexcept nogil:
    return n * (m + 1) + m * (n + 1) + 2 * (m + n)


cdef inline int64_t correlated_scratch(int64_t m, int64_t n) noexcept nogil:
    cdef int64_t rows = m * (m - 1) + n * (n - 1) + 4, stride = m * n + 2
    return rows * stride + (rows + stride + 1) // 2 + m * n + m + n


cdef inline int scale(const double *payoff, int64_t count, double *least, double *span) noexcept nogil:
    """The smallest payoff and how far the greatest lies above it."""
    cdef int64_t k
    cdef double low = payoff[0], high = payoff[0]
    for k in range(count):
        if payoff[k] - payoff[k] != 0.0:
            return NOT_FINITE
        if payoff[k] < low:
            low = payoff[k]
        if payoff[k] > high:
            high = payoff[k]
    least[0], span[0] = low, high - low
    return NOT_FINITE if span[0] - span[0] != 0.0 else SOLVED


cdef inline void pivot(double *tableau, int64_t rows, int64_t stride, int64_t r, int64_t e) noexcept nogil:
    """Exchange the basic variable of row r for that of column e."""
    cdef double *row = tableau + r * stride
    cdef double *line
    cdef double inverse = 1.0 / row[e], factor
    cdef int64_t i, j
    row[e] = 1.0
    for j in range(stride):
        row[j] = row[j] * inverse
    for i in range(rows):
        if i != r:
            line = tableau + i * stride
            factor = line[e]
            line[e] = 0.0
            for j in range(stride):
                line[j] = line[j] - factor * row[j]


cdef inline int probabilities(double *x, int64_t n) noexcept nogil:
    """Make numbers probabilities: next to nothing, and less, becomes 0, and all together 1."""
    cdef int64_t k
    cdef double total = 0.0
    for k in range(n):
        if not x[k] > MF_NOTHING:
            x[k] = 0.0
        total += x[k]
    if not total > 0.0 or total - total != 0.0:
        return STUCK
    for k in range(n):
        x[k] = x[k] / total
    return SOLVED


cdef inline void uniform(double *x, int64_t n) noexcept nogil:
    cdef int64_t k
    for k in range(n):
        x[k] = 1.0 / <double> n


cdef inline void only(double *x, int64_t n, int64_t which) noexcept nogil:
    cdef int64_t k
    for k in range(n):
        x[k] = 0.0
    x[which] = 1.0


cdef inline int zero_sum(const double *payoff, int64_t m, int64_t n, double *scratch, double *x, double *y,
                         double *value) noexcept nogil:
    """The row player, who wants much, has m actions; the column player, who wants little, has n.

    ``value`` is what ``x`` earns at least. Where all payoffs are equal, both play every action as likely. Where a pure
    saddle point exists, the first row and the first column that have one are played.
    """
    cdef double *tableau = scratch
    cdef int32_t *rows = <int32_t *> (scratch + (m + 1) * (n + 1))
    cdef int32_t *columns = rows + m
    cdef int64_t i, j, e, r, count, stride = n + 1, best_row = 0, best_column = 0
    cdef double least, span, extreme, best = 0.0, other = 0.0, ratio, a, b, c, d
    cdef int32_t label
    cdef int status = scale(payoff, m * n, &least, &span)
    if status:
        return status
    if span == 0.0:
        uniform(x, m)
        uniform(y, n)
        value[0] = least
        return SOLVED
    for i in range(m):
        extreme = payoff[i * n]
        for j in range(n):
            if payoff[i * n + j] < extreme:
                extreme = payoff[i * n + j]
        if i == 0 or extreme > best:
            best, best_row = extreme, i
    for j in range(n):
        extreme = payoff[j]
        for i in range(m):
            if payoff[i * n + j] > extreme:
                extreme = payoff[i * n + j]
        if j == 0 or extreme < other:
            other, best_column = extreme, j
    if best == other:
        only(x, m, best_row)
        only(y, n, best_column)
        value[0] = best
        return SOLVED
    if m == 2 and n == 2:
        a, b = (payoff[0] - least) / span, (payoff[1] - least) / span
        c, d = (payoff[2] - least) / span, (payoff[3] - least) / span
        x[0] = (d - c) / ((a - b) + (d - c))
        x[1] = 1.0 - x[0]
        y[0] = (d - b) / ((a - c) + (d - b))
        y[1] = 1.0 - y[0]
    else:
        # Greatest sum of y, where payoffs (1 to 2) times y are at most 1; then y and the shadow prices x, each
        # divided by its sum, are what the players do.
        for i in range(m):
            for j in range(n):
                tableau[i * stride + j] = (payoff[i * n + j] - least) / span + 1.0
            tableau[i * stride + n] = 1.0
            rows[i] = <int32_t> (n + i)
        for j in range(n):
            tableau[m * stride + j] = -1.0
            columns[j] = <int32_t> j
        tableau[m * stride + n] = 0.0
        for count in range(50 * (m + n)):
            e = -1
            if count < 4 * (m + n):     # the greatest gain; then, should it go in circles, the first one (Bland)
                for j in range(n):
                    if tableau[m * stride + j] < -MF_REDUCED and (
                            e < 0 or tableau[m * stride + j] < tableau[m * stride + e]):
                        e = j
            else:
                for j in range(n):
                    if tableau[m * stride + j] < -MF_REDUCED and (e < 0 or columns[j] < columns[e]):
                        e = j
            if e < 0:
                break
            r = -1
            for i in range(m):
                if tableau[i * stride + e] > MF_PIVOT:
                    ratio = tableau[i * stride + n] / tableau[i * stride + e]
                    if r < 0 or ratio < extreme or (ratio == extreme and rows[i] < rows[r]):
                        r, extreme = i, ratio
            if r < 0:
                return STUCK
            pivot(tableau, m + 1, stride, r, e)
            label = rows[r]
            rows[r] = columns[e]
            columns[e] = label
        else:
            return STUCK
        for i in range(m):
            x[i] = 0.0
        for j in range(n):
            y[j] = 0.0
        for j in range(n):
            if columns[j] >= n:
                x[columns[j] - n] = tableau[m * stride + j]
        for i in range(m):
            if rows[i] < n:
                y[rows[i]] = tableau[i * stride + n]
    if probabilities(x, m) or probabilities(y, n):
        return STUCK
    for j in range(n):
        ratio = 0.0
        for i in range(m):
            ratio += x[i] * payoff[i * n + j]
        if j == 0 or ratio < best:
            best = ratio
    value[0] = best
    return SOLVED if best - best == 0.0 else NOT_FINITE


cdef inline double _slack(const double *tableau, int64_t stride, const int32_t *rows, const int32_t *columns,
                          int64_t i, int32_t label) noexcept nogil:
    """Entry of row i in the column of one variable, which may be basic."""
    cdef int64_t j
    for j in range(stride - 1):
        if columns[j] == label:
            return tableau[i * stride + j]
    return 1.0 if rows[i] == label else 0.0


cdef inline int64_t _lexicographic(const double *tableau, int64_t count, int64_t stride, const int32_t *rows,
                                   const int32_t *columns, int64_t e, int32_t slack) noexcept nogil:
    """The row that leaves: the lexicographically least ratio of the right-hand side and the slack columns, so that
    degenerate games end. ``slack`` is the first slack variable's label. -1: none."""
    cdef int64_t i, k, r = -1
    cdef double difference
    for i in range(count):
        if not tableau[i * stride + e] > MF_PIVOT:
            continue
        if r < 0:
            r = i
            continue
        difference = (tableau[i * stride + stride - 1] * tableau[r * stride + e]
                      - tableau[r * stride + stride - 1] * tableau[i * stride + e])
        k = 0
        while -MF_TIE <= difference <= MF_TIE and k < count:
            difference = (_slack(tableau, stride, rows, columns, i, <int32_t> (slack + k)) * tableau[r * stride + e]
                          - _slack(tableau, stride, rows, columns, r, <int32_t> (slack + k)) * tableau[i * stride + e])
            k += 1
        if difference < -MF_TIE:
            r = i
    return r


cdef inline int lemke_howson(const double *p, const double *q, int64_t m, int64_t n, double p_least, double p_span,
                             double q_least, double q_span, int64_t dropped, double regret, double *scratch,
                             double *x, double *y) noexcept nogil:
    """The equilibrium at the other end of the path that begins where nobody plays, by dropping one label."""
    cdef double *first = scratch                            # of x: a row for each reply of the column player
    cdef double *second = first + n * (m + 1)               # of y: a row for each reply of the row player
    cdef int32_t *rows = <int32_t *> (second + m * (n + 1))     # of the first, n; then of the second, m
    cdef int32_t *columns = rows + n + m                        # of the first, m; then of the second, n
    cdef int64_t i, j, e, r, _step
    cdef bint in_first = dropped < m
    cdef int32_t entering = <int32_t> dropped, leaving
    cdef double total, most, earned
    for j in range(n):
        for i in range(m):
            first[j * (m + 1) + i] = (q[i * n + j] - q_least) / q_span + 1.0
        first[j * (m + 1) + m] = 1.0
        rows[j] = <int32_t> (m + j)
        columns[m + j] = <int32_t> (m + j)
    for i in range(m):
        for j in range(n):
            second[i * (n + 1) + j] = (p[i * n + j] - p_least) / p_span + 1.0
        second[i * (n + 1) + n] = 1.0
        rows[n + i] = <int32_t> i
        columns[i] = <int32_t> i
    for _step in range(100 * (m + n)):
        e = 0
        if in_first:
            while columns[e] != entering:
                e += 1
            r = _lexicographic(first, n, m + 1, rows, columns, e, <int32_t> m)
            if r < 0:
                return STUCK
            pivot(first, n, m + 1, r, e)
            leaving = rows[r]
            rows[r] = entering
            columns[e] = leaving
        else:
            while columns[m + e] != entering:
                e += 1
            r = _lexicographic(second, m, n + 1, rows + n, columns + m, e, 0)
            if r < 0:
                return STUCK
            pivot(second, m, n + 1, r, e)
            leaving = rows[n + r]
            rows[n + r] = entering
            columns[m + e] = leaving
        if leaving == dropped:
            break
        entering, in_first = leaving, not in_first
    else:
        return STUCK
    for i in range(m):
        x[i] = 0.0
    for j in range(n):
        y[j] = 0.0
    for j in range(n):
        if rows[j] < m:
            x[rows[j]] = first[j * (m + 1) + m]
    for i in range(m):
        if rows[n + i] >= m:
            y[rows[n + i] - m] = second[i * (n + 1) + n]
    if probabilities(x, m) or probabilities(y, n):
        return STUCK
    # Nobody may gain by deviating, whatever rounding did on the way.
    most, earned = 0.0, 0.0
    for i in range(m):
        total = 0.0
        for j in range(n):
            total += (p[i * n + j] - p_least) / p_span * y[j]
        earned += x[i] * total
        if total > most:
            most = total
    if not most - earned <= regret:
        return STUCK
    most, earned = 0.0, 0.0
    for j in range(n):
        total = 0.0
        for i in range(m):
            total += (q[i * n + j] - q_least) / q_span * x[i]
        earned += y[j] * total
        if total > most:
            most = total
    return SOLVED if most - earned <= regret else STUCK


cdef inline int nash(const double *p, const double *q, int64_t m, int64_t n, double *scratch, double *x, double *y,
                     double *p_value, double *q_value) noexcept nogil:
    """An equilibrium, always the same one: of the pure ones that with the greatest sum of payoffs (the first of these);
    where none is pure, the one that Lemke and Howson's path finds by dropping the row player's first action (should
    rounding spoil that path, the next action's). Where all payoffs of both are equal, every action as likely."""
    cdef double *top_p = scratch
    cdef double *top_q = scratch + n
    cdef int64_t i, j, k, found = -1
    cdef double p_least, p_span, q_least, q_span, most = 0.0, both
    cdef int status = scale(p, m * n, &p_least, &p_span)
    if status:
        return status
    status = scale(q, m * n, &q_least, &q_span)
    if status:
        return status
    if p_span == 0.0 and q_span == 0.0:
        uniform(x, m)
        uniform(y, n)
        p_value[0], q_value[0] = p_least, q_least
        return SOLVED
    for j in range(n):
        top_p[j] = p[j]
    for i in range(m):
        top_q[i] = q[i * n]
        for j in range(n):
            if p[i * n + j] > top_p[j]:
                top_p[j] = p[i * n + j]
            if q[i * n + j] > top_q[i]:
                top_q[i] = q[i * n + j]
    for i in range(m):
        for j in range(n):
            k = i * n + j
            if p[k] == top_p[j] and q[k] == top_q[i]:
                both = p[k] + q[k]
                if found < 0 or both > most:
                    found, most = k, both
    if found >= 0:
        only(x, m, found // n)
        only(y, n, found % n)
        p_value[0], q_value[0] = p[found], q[found]
        return SOLVED
    for k in range(2 * (m + n)):
        if lemke_howson(p, q, m, n, p_least, p_span, q_least, q_span, k % (m + n),
                        MF_REGRET if k < m + n else MF_WORSE, scratch, x, y) == SOLVED:
            p_value[0], q_value[0] = 0.0, 0.0
            for i in range(m):
                for j in range(n):
                    both = x[i] * y[j]
                    p_value[0] += both * p[i * n + j]
                    q_value[0] += both * q[i * n + j]
            if p_value[0] - p_value[0] != 0.0 or q_value[0] - q_value[0] != 0.0:
                return NOT_FINITE
            return SOLVED
    return STUCK


cdef inline int best_correlated(const double *p, const double *q, int64_t m, int64_t n, double p_least, double p_span,
                                double q_least, double q_span, double p_weight, double q_weight, bint smaller,
                                double *scratch, double *x) noexcept nogil:
    """The correlated equilibrium with the greatest ``p_weight * p + q_weight * q``, or greatest smaller payoff.

    A dual simplex: it begins at the joint action that is best of all, and as long as somebody would rather do
    otherwise than told, repairs what is worst.
    """
    cdef int64_t joint = m * n, variables = joint + (1 if smaller else 0), stride = variables + 1
    cdef int64_t told = m * (m - 1) + n * (n - 1), count = told + 1 + (2 if smaller else 0), last = count
    cdef double *tableau = scratch
    cdef int32_t *rows = <int32_t *> (scratch + (told + 4) * (joint + 2))
    cdef int32_t *columns = rows + count
    cdef int64_t i, j, k, other, r, e, step, start
    cdef double low, span, ratio, best = 0.0
    cdef int32_t label, whole = <int32_t> (joint + 1)       # the slack of "all together 1": it never comes back
    for k in range((count + 1) * stride):
        tableau[k] = 0.0
    for j in range(joint):
        tableau[j] = 1.0
    tableau[stride - 1] = 1.0
    r = 1
    for i in range(m):
        for other in range(m):
            if other != i:
                for j in range(n):
                    tableau[r * stride + i * n + j] = (p[other * n + j] - p_least) / p_span - (
                        p[i * n + j] - p_least) / p_span
                r += 1
    for j in range(n):
        for other in range(n):
            if other != j:
                for i in range(m):
                    tableau[r * stride + i * n + j] = (q[i * n + other] - q_least) / q_span - (
                        q[i * n + j] - q_least) / q_span
                r += 1
    # Each temptation in a unit of its own, whatever it is worth: its greatest number is 1.
    for i in range(1, told + 1):
        best = 0.0
        for j in range(joint):
            ratio = tableau[i * stride + j]
            ratio = ratio if ratio >= 0.0 else -ratio
            if ratio > best:
                best = ratio
        if best > MF_NOTHING:
            for j in range(joint):
                tableau[i * stride + j] = tableau[i * stride + j] / best
    for i in range(count):
        rows[i] = <int32_t> (joint + 1 + i)
    for j in range(variables):
        columns[j] = <int32_t> j
    if smaller:
        # Both payoffs in the same unit, since they are compared: at most the smaller one is earned.
        low = p_least if p_least < q_least else q_least
        span = p_least + p_span if p_least + p_span > q_least + q_span else q_least + q_span
        span = span - low
        if span - span != 0.0:
            return NOT_FINITE
        if span == 0.0:
            span = 1.0
        for j in range(joint):
            tableau[r * stride + j] = -((p[j] - low) / span)
            tableau[(r + 1) * stride + j] = -((q[j] - low) / span)
        tableau[r * stride + joint] = 1.0
        tableau[(r + 1) * stride + joint] = 1.0
        tableau[last * stride + joint] = -1.0
        pivot(tableau, count + 1, stride, r, joint)
        label = rows[r]
        rows[r] = columns[joint]
        columns[joint] = label
    else:
        for j in range(joint):
            tableau[last * stride + j] = -(p_weight * ((p[j] - p_least) / p_span)
                                           + q_weight * ((q[j] - q_least) / q_span))
    # Tied objectives would let the pivots go in circles.
    for j in range(joint):
        ratio = <double> (j + 1) * 0.6180339887498949
        tableau[last * stride + j] -= MF_NUDGE * (ratio - <double> (<int64_t> ratio))
    start = 0
    for j in range(joint):
        if tableau[last * stride + j] < tableau[last * stride + start]:
            start = j
    pivot(tableau, count + 1, stride, 0, start)
    label = rows[0]
    rows[0] = columns[start]
    columns[start] = label
    for step in range(50 * (count + variables)):
        r = -1
        if step < 6 * (count + variables):      # what is most broken; then, should it go in circles, the first (Bland)
            for i in range(count):
                if tableau[i * stride + stride - 1] < -MF_BROKEN and (
                        r < 0 or tableau[i * stride + stride - 1] < tableau[r * stride + stride - 1]):
                    r = i
        else:
            for i in range(count):
                if tableau[i * stride + stride - 1] < -MF_BROKEN and (r < 0 or rows[i] < rows[r]):
                    r = i
        if r < 0:
            break
        # How far the objective can go; then, of those that are tied within a trifle, the greatest pivot.
        e = -1
        for j in range(variables):
            if tableau[r * stride + j] < -MF_PIVOT and columns[j] != whole:
                ratio = tableau[last * stride + j]
                ratio = ((ratio if ratio > 0.0 else 0.0) + MF_STRAY) / -tableau[r * stride + j]
                if e < 0 or ratio < best:
                    e, best = j, ratio
        if e < 0:
            if tableau[r * stride + stride - 1] < -MF_HEALED:
                return STUCK
            tableau[r * stride + stride - 1] = 0.0
            continue
        for j in range(variables):
            if tableau[r * stride + j] < tableau[r * stride + e] and columns[j] != whole:
                if tableau[last * stride + j] <= best * -tableau[r * stride + j]:
                    e = j
        pivot(tableau, count + 1, stride, r, e)
        label = rows[r]
        rows[r] = columns[e]
        columns[e] = label
    else:
        return STUCK
    for j in range(joint):
        x[j] = 0.0
    for i in range(count):
        if rows[i] < joint:
            x[rows[i]] = tableau[i * stride + stride - 1]
    if probabilities(x, joint):
        return STUCK
    # Nobody may be tempted, whatever rounding did on the way.
    for i in range(m):
        for other in range(m):
            ratio = 0.0
            for j in range(n):
                ratio += x[i * n + j] * ((p[other * n + j] - p_least) / p_span - (p[i * n + j] - p_least) / p_span)
            if not ratio <= MF_TEMPTED:
                return STUCK
    for j in range(n):
        for other in range(n):
            ratio = 0.0
            for i in range(m):
                ratio += x[i * n + j] * ((q[i * n + other] - q_least) / q_span - (q[i * n + j] - q_least) / q_span)
            if not ratio <= MF_TEMPTED:
                return STUCK
    return SOLVED


cdef inline int expected(const double *payoff, const double *x, int64_t count, double *value) noexcept nogil:
    cdef int64_t k
    cdef double total = 0.0
    for k in range(count):
        total += x[k] * payoff[k]
    value[0] = total
    return NOT_FINITE if total - total != 0.0 else SOLVED


cdef inline int _chosen(const double *p, const double *q, int64_t m, int64_t n, int64_t objective, double *scratch,
                        double *x) noexcept nogil:
    """The correlated equilibrium that ``objective`` says; see ``correlated``."""
    cdef int64_t joint = m * n, i, j
    cdef double *second = scratch + correlated_scratch(m, n) - joint - m - n
    cdef double *row = second + joint
    cdef double *column = row + m
    cdef double p_least, p_span, q_least, q_span, p_unit, q_unit, mine = 0.0, yours = 0.0, high
    cdef int status = scale(p, joint, &p_least, &p_span)
    if status:
        return status
    status = scale(q, joint, &q_least, &q_span)
    if status:
        return status
    if p_span == 0.0 and q_span == 0.0:
        uniform(x, joint)
        return SOLVED
    p_unit, q_unit = p_span if p_span > 0.0 else 1.0, q_span if q_span > 0.0 else 1.0
    if objective == EGALITARIAN and (p_least + p_span <= q_least or q_least + q_span <= p_least):
        # The smaller payoff is always the same player's.
        high = 1.0 if p_least + p_span <= q_least else 0.0
        status = best_correlated(p, q, m, n, p_least, p_unit, q_least, q_unit, high, 1.0 - high, False, scratch, x)
        if status:
            return status
    elif objective == UTILITARIAN or objective == EGALITARIAN:
        # Each payoff counts by its range, in units of the greater range.
        high = p_unit if p_span > q_span else q_unit
        status = best_correlated(p, q, m, n, p_least, p_unit, q_least, q_unit, p_span / high, q_span / high,
                                 objective == EGALITARIAN, scratch, x)
        if status:
            return status
    else:
        status = best_correlated(p, q, m, n, p_least, p_unit, q_least, q_unit, 1.0, 0.0, False, scratch, x)
        if status:
            return status
        status = best_correlated(p, q, m, n, p_least, p_unit, q_least, q_unit, 0.0, 1.0, False, scratch, second)
        if status:
            return status
        if objective == REPUBLICAN:
            if expected(p, x, joint, &mine) or expected(q, second, joint, &yours):
                return NOT_FINITE
            if yours > mine:
                for j in range(joint):
                    x[j] = second[j]
        else:
            for i in range(m):
                row[i] = 0.0
                for j in range(n):
                    row[i] += x[i * n + j]
            for j in range(n):
                column[j] = 0.0
                for i in range(m):
                    column[j] += second[i * n + j]
            for i in range(m):
                for j in range(n):
                    x[i * n + j] = row[i] * column[j]
    return SOLVED


cdef inline int correlated(const double *p, const double *q, int64_t m, int64_t n, int64_t objective, double *scratch,
                           double *x, double *p_value, double *q_value) noexcept nogil:
    """A correlated equilibrium: ``x`` [m, n] is the distribution from which both are told what to do.

    Which one says ``objective``. The libertarian one is each player's part of the equilibrium best for itself, played
    independently, which need not be an equilibrium. Where all payoffs of both are equal, every joint action as likely.
    Where payoffs differ so much in size that rounding spoils the linear program, it is the equilibrium of ``nash``.
    """
    cdef int64_t joint = m * n, i, j
    cdef double *row = scratch + correlated_scratch(m, n) - m - n
    cdef double *column = row + m
    cdef int status = _chosen(p, q, m, n, objective, scratch, x)
    if status == STUCK:
        status = nash(p, q, m, n, scratch, row, column, p_value, q_value)
        if status:
            return status
        for i in range(m):
            for j in range(n):
                x[i * n + j] = row[i] * column[j]
    elif status:
        return status
    if expected(p, x, joint, p_value) or expected(q, x, joint, q_value):
        return NOT_FINITE
    return SOLVED
