# cython: language_level=3
"""Games in extensive form as arrays: the leaves of ``src/_extensive.pyx``.

Histories are numbered level by level, so that a history's successors stand side by side and after it. A *slot* is one
action of one information set; those of one set stand side by side. What ``marlfast/declarations/extensive.py`` has
checked holds here: every number that stands for a place is one.
"""
from libc.stdint cimport int32_t, int64_t

cdef enum:
    CHANCE = -1             # players who are none: chance moves, the game is over
    OVER = -2

ctypedef struct Data:
    int64_t players
    int64_t histories
    int64_t sets
    const int32_t *player       # [H] who moves
    const int32_t *parent       # [H] -1: the root
    const int32_t *first        # [H] its first successor
    const int32_t *count        # [H] how many there are
    const int32_t *info         # [H] information set of who moves; -1
    const int32_t *slot         # [H] of the move that led here; -1: chance did, or nobody
    const double *chance        # [H] probability of the move that led here, where it was chance's
    const double *returns       # [H, N] where the game is over
    const int32_t *owner        # [I] whose information set it is
    const int32_t *begin        # [I + 1] first slot
    const int32_t *last         # [I] slot of its owner's move before; -1: none
    const int32_t *set_of_slot  # [E]
    const int32_t *order        # [N, H] histories, those with more of the player's moves before them first
    const int64_t *classes      # [N, D + 2] where the histories with D, D - 1, ... such moves begin
    int64_t depth               # D, the most moves of one player


cdef inline double edge(const Data *tree, int64_t h, const double *policy) noexcept nogil:
    """Probability of the move that led to history h."""
    return policy[tree.slot[h]] if tree.slot[h] >= 0 else tree.chance[h]


cdef inline void reach_of_others(const Data *tree, int64_t player, const double *policy, double *reach) noexcept nogil:
    """How likely chance and all others are to let each history happen: writes reach [H]."""
    cdef int64_t h, before
    reach[0] = 1.0
    for h in range(1, tree.histories):
        before = tree.parent[h]
        if tree.player[before] == player:
            reach[h] = reach[before]
        else:
            reach[h] = reach[before] * edge(tree, h, policy)


cdef inline void expected(const Data *tree, int64_t player, const double *policy, double *value) noexcept nogil:
    """What a player earns from each history on: writes value [H]."""
    cdef int64_t h, c
    cdef double total
    for h in range(tree.histories - 1, -1, -1):
        if tree.count[h] == 0:
            value[h] = tree.returns[h * tree.players + player]
            continue
        total = 0.0
        for c in range(tree.first[h], tree.first[h] + tree.count[h]):
            total += edge(tree, c, policy) * value[c]
        value[h] = total


cdef inline void match(const Data *tree, int64_t player, const double *regrets, double *policy) noexcept nogil:
    """Regret matching in a player's information sets: in proportion to positive regrets, or alike."""
    cdef int64_t i, e
    cdef double total, share
    for i in range(tree.sets):
        if tree.owner[i] != player:
            continue
        total = 0.0
        for e in range(tree.begin[i], tree.begin[i + 1]):
            total += regrets[e] if regrets[e] > 0.0 else 0.0
        share = 1.0 / <double> (tree.begin[i + 1] - tree.begin[i])
        for e in range(tree.begin[i], tree.begin[i + 1]):
            if total > 0.0:
                policy[e] = regrets[e] / total if regrets[e] > 0.0 else 0.0
            else:
                policy[e] = share


cdef inline void remember(const Data *tree, int64_t player, double weight, const double *policy, double *own,
                          double *sums) noexcept nogil:
    """Add a player's policy to its average, as likely as the player itself makes each set; own [I] is scratch."""
    cdef int64_t i, e
    for i in range(tree.sets):
        if tree.owner[i] != player:
            continue
        e = tree.last[i]
        own[i] = 1.0 if e < 0 else own[tree.set_of_slot[e]] * policy[e]
        for e in range(tree.begin[i], tree.begin[i + 1]):
            sums[e] += weight * own[i] * policy[e]


cdef inline void regret(const Data *tree, int64_t player, const double *policy, double *reach, double *value,
                        double *gained) noexcept nogil:
    """What each of a player's actions would have earned more, added up over the histories of its set: gained [E]."""
    cdef int64_t h, c, e, i
    cdef double total
    reach_of_others(tree, player, policy, reach)
    for i in range(tree.sets):
        if tree.owner[i] == player:
            for e in range(tree.begin[i], tree.begin[i + 1]):
                gained[e] = 0.0
    for h in range(tree.histories - 1, -1, -1):
        if tree.count[h] == 0:
            value[h] = tree.returns[h * tree.players + player]
            continue
        total = 0.0
        for c in range(tree.first[h], tree.first[h] + tree.count[h]):
            total += edge(tree, c, policy) * value[c]
        value[h] = total
        if tree.player[h] == player:
            for c in range(tree.first[h], tree.first[h] + tree.count[h]):
                gained[tree.slot[c]] += reach[h] * (value[c] - total)


cdef inline void add_regret(const Data *tree, int64_t player, const double *gained, double weight, bint plus,
                            double *regrets) noexcept nogil:
    """Add what was gained to regrets, of which none is less than 0 with ``plus``."""
    cdef int64_t i, e
    for i in range(tree.sets):
        if tree.owner[i] != player:
            continue
        for e in range(tree.begin[i], tree.begin[i + 1]):
            regrets[e] += weight * gained[e]
            if plus and not regrets[e] > 0.0:
                regrets[e] = 0.0


cdef inline double reply(const Data *tree, int64_t player, const double *policy, double *reach, double *value,
                         double *gained, double *chosen) noexcept nogil:
    """A best reply: writes a player's slots of chosen [E], 1 for the first of the best actions of a set, else 0.

    Histories with more of the player's own moves before them come first: when a set is decided, all that follows it
    is.
    """
    cdef int64_t k, n, h, c, e, i, best, first_of
    cdef double total
    cdef const int32_t *order = tree.order + player * tree.histories
    cdef const int64_t *classes = tree.classes + player * (tree.depth + 2)
    reach_of_others(tree, player, policy, reach)
    for e in range(tree.begin[tree.sets]):
        gained[e] = 0.0
    for k in range(tree.depth + 1):
        # First what each action of the sets of this class is worth, then its histories, deepest first.
        for n in range(classes[k], classes[k + 1]):
            h = order[n]
            if tree.player[h] == player:
                for c in range(tree.first[h], tree.first[h] + tree.count[h]):
                    gained[tree.slot[c]] += reach[h] * value[c]
        for n in range(classes[k], classes[k + 1]):
            h = order[n]
            if tree.count[h] == 0:
                value[h] = tree.returns[h * tree.players + player]
            elif tree.player[h] == player:
                i = tree.info[h]
                first_of = tree.begin[i]
                best = first_of
                for e in range(first_of + 1, tree.begin[i + 1]):
                    if gained[e] > gained[best]:
                        best = e
                for e in range(first_of, tree.begin[i + 1]):
                    chosen[e] = 1.0 if e == best else 0.0
                value[h] = value[tree.first[h] + best - first_of]
            else:
                total = 0.0
                for c in range(tree.first[h], tree.first[h] + tree.count[h]):
                    total += edge(tree, c, policy) * value[c]
                value[h] = total
    return value[0]


cdef inline int64_t drawn(const Data *tree, int64_t h, const double *policy, double u) noexcept nogil:
    """The successor of history h that a uniform u takes."""
    cdef int64_t c, end = tree.first[h] + tree.count[h]
    cdef double total = 0.0
    for c in range(tree.first[h], end):
        total += edge(tree, c, policy)
        if u < total:
            return c
    return end - 1


cdef inline void match_one(const Data *tree, int64_t i, const double *regrets, double *policy) noexcept nogil:
    """Regret matching in one information set."""
    cdef int64_t e
    cdef double total = 0.0, share = 1.0 / <double> (tree.begin[i + 1] - tree.begin[i])
    for e in range(tree.begin[i], tree.begin[i + 1]):
        total += regrets[e] if regrets[e] > 0.0 else 0.0
    for e in range(tree.begin[i], tree.begin[i + 1]):
        if total > 0.0:
            policy[e] = regrets[e] / total if regrets[e] > 0.0 else 0.0
        else:
            policy[e] = share


cdef inline void sample(const Data *tree, int64_t player, const double *uniforms, int64_t *used, int64_t *stack,
                        double *value, double *regrets, double *sums, double *policy) noexcept nogil:
    """One walk of external sampling: every action of the player, one of all others' and of chance's.

    A history is looked at twice: on the way down, and after all that was chosen to follow it. stack [H] and value [H]
    are scratch.
    """
    cdef int64_t top = 1, h, c, i, e
    cdef int64_t next_one = (player + 1) % tree.players
    cdef double total
    stack[0] = 0
    while top > 0:
        h = stack[top - 1]
        if h >= 0:
            if tree.count[h] == 0:
                value[h] = tree.returns[h * tree.players + player]
                top -= 1
                continue
            i = tree.info[h]
            if i >= 0:
                match_one(tree, i, regrets, policy)
            stack[top - 1] = -h - 1
            if tree.player[h] == player:
                for c in range(tree.first[h] + tree.count[h] - 1, tree.first[h] - 1, -1):
                    stack[top] = c
                    top += 1
            else:
                c = drawn(tree, h, policy, uniforms[used[0]])
                used[0] += 1
                # An odd guest: the choice is kept where the value will be.
                value[h] = <double> c
                stack[top] = c
                top += 1
            continue
        h = -h - 1
        top -= 1
        if tree.player[h] != player:
            value[h] = value[<int64_t> value[h]]
            if tree.player[h] == next_one:
                i = tree.info[h]
                for e in range(tree.begin[i], tree.begin[i + 1]):
                    sums[e] += policy[e]
            continue
        # Its own regrets do not change below: nobody comes to the same set twice in one play.
        total = 0.0
        for c in range(tree.first[h], tree.first[h] + tree.count[h]):
            total += policy[tree.slot[c]] * value[c]
        value[h] = total
        for c in range(tree.first[h], tree.first[h] + tree.count[h]):
            regrets[tree.slot[c]] += value[c] - total
