"""Teams whose value is made of their members' utilities: sums (VDN) and monotone networks (QMIX).

They act, explore and keep greedy actions as Q-learning does (``src/_q_learning.pyx``); a team's members learn together, from
one error: of each transition as it is made, or of some that are drawn from a buffer. Twin: ``marlfast/reference/mixing.py``.
"""
import numpy as np

from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cimport marlfast.core.mixing as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core.draws cimport GROUP, fill_groups
from marlfast.core._kernels cimport ids, longs, reals
from marlfast.core._schedules cimport Schedule
from marlfast.core._q_learning cimport QLearning
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport Context, View, cell_of, count_visit, inside, look_at, see, value_of
from marlfast.declarations.mixing import MIXING

cdef enum Over:             # what follows a transition
    GOES_ON = 0
    TERMINATED = 1
    CUT = 2                 # the time limit: the successor is worth what is learned of it


cdef enum Weighting:        # which errors count in full, where a network's are weighted
    OPTIMISTIC = 1          # those of values that are too low
    CENTRAL = 2             # those of greedy actions, and of what seems to be better than these


cdef struct Replay:
    int64_t capacity        # B; 0: a transition is learned from once, as it is made
    int32_t *rows           # [R, B, W]
    int32_t *next_rows      # [R, B, W]
    int32_t *actions        # [R, B, N]
    double *rewards         # [R, B, M]
    int32_t *over           # [R, B]
    int64_t *kept           # [R] transitions so far
    int64_t *updates        # [R] updates so far
    const uint64_t *seeds   # [R]
    const int64_t *runs     # [R]
    const double *decay     # [R] lambda
    int64_t batch, update_every, steps
    uint32_t stream
    double *draws           # [R, room]
    int64_t room


cdef struct MixingContext:
    Context base                # first, so that a pointer to this is one to it
    int64_t active, central, active_rows, teams, hidden, room, size, bounded
    const int32_t *members      # agents, team after team
    const int64_t *starts       # [teams + 1] where each team begins in it
    int64_t states              # rows of the whole state
    double *mixer               # [R, states, teams, size]; NULL: the team's value is the sum
    ScheduleData *mixing        # rate of the mixer; NULL without one
    double *target_q            # [R, rows, tables, A]; NULL: learns from its own values
    double *target_mixer
    int64_t *since              # [R] steps since the target was renewed
    int64_t target_every
    double *scratch             # [R, reals]
    int64_t *before             # [R, whole] greedy actions before a step
    int64_t reals, whole
    int wide                    # registers of four numbers
    bint double_q
    int64_t optimizer
    bint normalised             # plain steps, in units of values, that overshoot nothing
    double max_norm             # 0: any
    double *joint_q             # [R, states, teams, joint]; NULL: errors are not weighted
    double *target_joint_q
    int64_t joint, weighting
    double alpha
    double *q_mean              # [R, rows, tables, A]
    double *q_square
    double *mixer_mean          # [R, states, teams, size]
    double *mixer_square
    double *powers              # [R, 2]
    Replay replay
    # Of the base.
    int (*act)(void *, int64_t, int64_t, const int32_t *, const double *, int64_t, int32_t *) noexcept nogil


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    """Q-learning's own, run by run, as a run may have rows of the whole state behind its own."""
    cdef const MixingContext *c = <const MixingContext *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = c.act(context, first + r, 1, rows + r * c.active_rows, draws + r * stride, stride,
                       actions + r * c.base.n_agents)
        if status:
            return status
    return 0


cdef inline double judge(const MixingContext *c, int64_t run, int64_t agent, const int32_t *rows,
                         double *sums) noexcept nogil:
    """The greatest of an agent's utilities by the target's table."""
    cdef const Context *b = &c.base
    cdef const double *cell = c.target_q + cell_of(b, run, rows[0], agent) * b.max_actions
    cdef int64_t k, a
    for a in range(b.n_actions[agent]):
        sums[a] = cell[a]
    for k in range(1, c.active):
        cell = c.target_q + cell_of(b, run, rows[k], agent) * b.max_actions
        for a in range(b.n_actions[agent]):
            sums[a] += cell[a]
    return sums[tabular.first_greatest(sums, b.n_actions[agent])]


cdef inline const double *weights(const MixingContext *c, const double *mixer, int64_t run, int64_t team,
                                  const int32_t *rows, double *room) noexcept nogil:
    """A team's network in a state: the sum over its active rows; where there is one, as it lies in memory."""
    cdef const double *cell = mixer + ((run * c.states + rows[0]) * c.teams + team) * c.size
    cdef int64_t k, p
    if c.central == 1:
        return cell
    for p in range(c.size):
        room[p] = cell[p]
    for k in range(1, c.central):
        cell = mixer + ((run * c.states + rows[k]) * c.teams + team) * c.size
        for p in range(c.size):
            room[p] += cell[p]
    return room


cdef inline double joint_value(const MixingContext *c, const double *values, int64_t run, int64_t team,
                               const int32_t *rows, int64_t which) noexcept nogil:
    """What a joint action is worth in a state: the sum over its active rows."""
    cdef double value = values[((run * c.states + rows[0]) * c.teams + team) * c.joint + which]
    cdef int64_t k
    for k in range(1, c.central):
        value += values[((run * c.states + rows[k]) * c.teams + team) * c.joint + which]
    return value


cdef inline int _ahead(const MixingContext *c, int64_t run, int64_t team, const int32_t *next_rows,
                       double *value) noexcept nogil:
    """The value of the greedy joint action of what comes next, where all rows lie inside."""
    cdef const Context *b = &c.base
    cdef const int32_t *members = c.members + c.starts[team]
    cdef int64_t n = c.starts[team + 1] - c.starts[team], j, i
    cdef double *sums = c.scratch + run * c.reals
    cdef double *next_values = sums + b.max_actions + c.room
    cdef double *out = next_values + c.room
    cdef double *slope = out + c.hidden
    cdef const int32_t *own
    cdef View ahead
    cdef int status
    cdef int64_t which = 0
    if c.joint_q != NULL:
        for j in range(n):
            i = members[j]
            status = see(b, run, i, next_rows + i * c.active, 1, &ahead)
            if status:
                return status
            which = which * b.n_actions[i] + ahead.greedy[0]
        value[0] = joint_value(c, c.joint_q if c.target_joint_q == NULL else c.target_joint_q, run, team,
                               next_rows + b.n_agents * c.active, which)
        return 0
    for j in range(n):
        i = members[j]
        own = next_rows + i * c.active
        if c.target_q == NULL or c.double_q:
            status = see(b, run, i, own, 1, &ahead)
            if status:
                return status
            if c.target_q == NULL:
                next_values[j] = ahead.q[ahead.greedy[0]]
            else:
                next_values[j] = value_of(b, c.target_q, b.max_actions, run, i, own, ahead.greedy[0])
        else:
            next_values[j] = judge(c, run, i, own, sums)
    if c.mixer == NULL:
        value[0] = next_values[0]
        for j in range(1, n):
            value[0] += next_values[j]
    else:
        value[0] = leaf.mix(c.wide, weights(c, c.mixer if c.target_mixer == NULL else c.target_mixer, run, team,
                                            next_rows + b.n_agents * c.active, slope + c.hidden), c.room, c.hidden,
                                            next_values,
                            n, out, slope, slope + c.hidden + 2 * c.size)
    return 0


cdef inline double *moment(double *moments, int64_t place) noexcept nogil:
    """What an optimiser keeps of a number; NULL where it keeps nothing of the kind."""
    return NULL if moments == NULL else moments + place


cdef inline bint _descend(const MixingContext *c, int64_t run, double rate, double gradient, double *value,
                          double *mean, double *square) noexcept nogil:
    """Move a number, and what the optimiser keeps of it; false, and nothing moves, where one stops being finite."""
    cdef double m = 0.0, s = square[0], moved
    if c.optimizer == leaf.RMSPROP:
        moved = value[0] + rate * leaf.rmsprop(gradient, &s)
    else:
        m = mean[0]
        moved = value[0] + rate * leaf.adam(gradient, 1.0 - c.powers[2 * run], 1.0 - c.powers[2 * run + 1], &m, &s)
    if moved - moved != 0.0 or s - s != 0.0:
        return False
    value[0], square[0] = moved, s
    if c.optimizer == leaf.ADAM:
        mean[0] = m
    return True


cdef inline double _first_order(const MixingContext *c, int64_t run, int64_t n, const double *w, double by,
                                const double *slopes, const double *gradient, const int32_t *members,
                                const int32_t *actions, const int64_t *best, double *ahead) noexcept nogil:
    """By what share of its error a step would move the value of the actions taken, or, if that is more, of the greedy
    ones, to first order.

    ``best``: the greedy actions; ``ahead``: their utilities, and room for what follows from them.
    """
    cdef double *out = ahead + c.room
    cdef double *slope = out + c.hidden
    cdef double *there = slope + c.hidden
    cdef double *free = there + c.size
    cdef double rate = c.base.rate.value[run], mixing = c.mixing.value[run], taken = 0.0, greedy = 0.0
    cdef int64_t j
    cdef bint alike = True
    for j in range(n):
        taken += slopes[j] * slopes[j]
        alike &= actions[members[j]] == best[j]
    taken = rate * taken + mixing * leaf.along_network(c.wide, c.room, c.hidden, by, gradient, gradient)
    if alike:
        return taken
    leaf.mix(c.wide, w, c.room, c.hidden, ahead, n, out, slope, free)
    leaf.derive(c.wide, w, c.room, c.hidden, ahead, n, out, slope, there, free)
    for j in range(n):
        if actions[members[j]] == best[j]:
            greedy += slopes[j] * ahead[j]
    greedy = fabs(rate * greedy + mixing * leaf.along_network(c.wide, c.room, c.hidden, by, gradient, there))
    return greedy if greedy > taken else taken


cdef inline int _weigh(const MixingContext *c, int64_t run, int64_t team, const int32_t *rows, const int32_t *actions,
                       const int64_t *best, double target, double total, double *error) noexcept nogil:
    """Weigh the error of a network, and learn the value of the joint action that was taken; a status."""
    cdef const Context *b = &c.base
    cdef const int32_t *members = c.members + c.starts[team]
    cdef int64_t n = c.starts[team + 1] - c.starts[team], j, k, taken = 0, greedy = 0, first
    cdef double value, step
    for j in range(n):
        taken = taken * b.n_actions[members[j]] + actions[members[j]]
        greedy = greedy * b.n_actions[members[j]] + best[j]
    if c.weighting == OPTIMISTIC:
        if not total < target:
            error[0] = error[0] * c.alpha
    elif taken != greedy and not target > joint_value(c, c.joint_q, run, team, rows, greedy):
        error[0] = error[0] * c.alpha
    step = b.rate.value[run] / <double> c.central * (target - joint_value(c, c.joint_q, run, team, rows, taken))
    for k in range(c.central):
        first = ((run * c.states + rows[k]) * c.teams + team) * c.joint + taken
        value = c.joint_q[first] + step
        if value - value != 0.0:
            return Status.BAD_VALUE
        c.joint_q[first] = value
    return 0


cdef int _learn(const MixingContext *c, int64_t run, int64_t team, const int32_t *rows, const int32_t *next_rows,
                const int32_t *actions, const double *rewards, bint over, const double *given, bint *moved) noexcept nogil:
    """One team learns from one transition: towards what was ``given``, or what follows from it."""
    cdef const Context *b = &c.base
    cdef const int32_t *members = c.members + c.starts[team]
    cdef int64_t n = c.starts[team + 1] - c.starts[team], j, k, i, p, cell
    cdef double *sums = c.scratch + run * c.reals
    cdef double *utilities = sums + b.max_actions
    cdef double *out = utilities + 2 * c.room
    cdef double *slope = out + c.hidden
    cdef double *room = slope + c.hidden
    cdef double *gradient = room + c.size
    cdef double *free = gradient + c.size
    cdef double *best = free + 3 * c.size
    cdef int64_t *before = c.before + run * c.whole
    cdef double target = 0.0, total, error, step, value, first, second, unit = 1.0
    cdef const double *w = NULL
    cdef double *cells
    cdef View here, ahead
    cdef int status
    for j in range(n):
        i = members[j]
        status = look_at(b, run, i, actions[i], rows + i * c.active, next_rows + i * c.active, over, &here, &ahead)
        if status:
            return status
        utilities[j], before[j] = here.q[actions[i]], here.greedy[0]
        best[j] = here.q[here.greedy[0]]
        if given == NULL:
            target += rewards[i]
    if given != NULL:
        target = given[0]
    else:
        target = target / <double> n
        if not over:
            status = _ahead(c, run, team, next_rows, &total)
            if status:
                return status
            target += b.discount[run] * total
    if c.mixer == NULL:
        total = utilities[0]
        for j in range(1, n):
            total += utilities[j]
    else:
        w = weights(c, c.mixer, run, team, rows + b.n_agents * c.active, room)
        total = leaf.mix(c.wide, w, c.room, c.hidden, utilities, n, out, slope, free)
    error = target - total
    if error - error != 0.0:
        return Status.BAD_VALUE
    if c.joint_q != NULL:
        status = _weigh(c, run, team, rows + b.n_agents * c.active, actions, before, target, total, &error)
        if status:
            return status
    if c.normalised and c.mixer != NULL:    # what weights count in: else a step that suits small values is long for great ones
        unit = max(1.0, fabs(target), fabs(total))
        for j in range(n):
            unit = max(unit, fabs(utilities[j]), fabs(best[j]))
    if c.mixer != NULL:
        # From here on utilities are the derivatives by them.
        leaf.derive(c.wide, w, c.room, c.hidden, utilities, n, out, slope, gradient, free)
        if c.normalised:
            unit = 1.0 / (unit * unit)
            total = _first_order(c, run, n, w, unit, utilities, gradient, members, actions, before, best)
            leaf.scale_weights(c.wide, c.room, c.hidden, unit, gradient)
        elif c.bounded and c.optimizer == leaf.SGD:
            total = value = 0.0
            for j in range(n):
                total += utilities[j] * utilities[j]
            for p in range(c.size):
                value += gradient[p] * gradient[p]
            total = b.rate.value[run] * total + c.mixing.value[run] * value
        else:
            total = 0.0
    else:
        total = b.rate.value[run] * <double> n if c.normalised else 0.0
    if total - total != 0.0:
        return Status.BAD_VALUE
    if total > 1.0:
        error = error / total
    if c.max_norm > 0.0:
        total = 0.0
        for j in range(n):
            total += 1.0 if c.mixer == NULL else utilities[j] * utilities[j]
        if c.mixer != NULL:
            for p in range(c.size):
                total += gradient[p] * gradient[p]
        total = fabs(error) * sqrt(total)
        if total - total != 0.0:
            return Status.BAD_VALUE
        if total > c.max_norm:
            error = error * (c.max_norm / total)
    if c.optimizer == leaf.ADAM:
        c.powers[2 * run] *= 0.9
        c.powers[2 * run + 1] *= 0.999
    for j in range(n):
        i = members[j]
        step = b.rate.value[run] / <double> c.active
        if c.optimizer == leaf.SGD:
            step = step * error
            if c.mixer != NULL:
                step = step * utilities[j]
        else:
            total = error if c.mixer == NULL else error * utilities[j]
        for k in range(c.active):
            cell = cell_of(b, run, rows[i * c.active + k], i)
            value = b.q[cell * b.q_step + actions[i]]
            if c.optimizer == leaf.SGD:
                value = value + step
                if value - value != 0.0:
                    return Status.BAD_VALUE
            else:
                p = cell * b.max_actions + actions[i]
                if not _descend(c, run, step, total, &value, moment(c.q_mean, p), c.q_square + p):
                    return Status.BAD_VALUE
            count_visit(b, cell)
            if c.active == 1:
                moved[0] |= tabular.write_value(b.q + cell * b.q_step, b.greedy + cell * b.greedy_step, b.n_actions[i],
                                           actions[i], value, b.around)
            else:
                b.q[cell * b.q_step + actions[i]] = value
    if c.active > 1:            # what is greedy is a matter of the sums, after all of a shared table is written
        for j in range(n):
            see(b, run, members[j], rows + members[j] * c.active, 0, &here)
            moved[0] |= before[j] != here.greedy[0]
    if c.mixer == NULL:
        return 0
    first = 1.0 if c.powers == NULL else 1.0 - c.powers[2 * run]
    second = 1.0 if c.powers == NULL else 1.0 - c.powers[2 * run + 1]
    step = c.mixing.value[run] / <double> c.central
    for k in range(c.central):
        p = ((run * c.states + rows[b.n_agents * c.active + k]) * c.teams + team) * c.size
        if not leaf.move(c.wide, c.optimizer, c.size, step, error, gradient, c.mixer + p, moment(c.mixer_mean, p),
                         moment(c.mixer_square, p), first, second, free):
            return Status.BAD_VALUE
    return 0


# -- a buffer --------------------------------------------------------------------------------------

cdef inline bint _outside(const MixingContext *c, const int32_t *rows, const int32_t *next_rows) noexcept nogil:
    """Whether a row of the whole state lies outside the table."""
    cdef int64_t k
    for k in range(c.base.n_agents * c.active, c.active_rows):
        if <uint32_t> rows[k] >= <uint64_t> c.states or <uint32_t> next_rows[k] >= <uint64_t> c.states:
            return True
    return False


cdef int _keep(const MixingContext *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
               const int32_t *actions, const double *rewards, bint over) noexcept nogil:
    """Put a transition into the buffer."""
    cdef const Context *b = &c.base
    cdef const Replay *y = &c.replay
    cdef int64_t at = run * y.capacity + y.kept[run] % y.capacity, m, j, n
    cdef double total
    if y.kept[run] < 0:
        return Status.BAD_ROW
    memcpy(y.rows + at * c.active_rows, rows, c.active_rows * sizeof(int32_t))
    memcpy(y.next_rows + at * c.active_rows, next_rows, c.active_rows * sizeof(int32_t))
    memcpy(y.actions + at * b.n_agents, actions, b.n_agents * sizeof(int32_t))
    for m in range(c.teams):
        total, n = 0.0, c.starts[m + 1] - c.starts[m]
        for j in range(n):
            total += rewards[c.members[c.starts[m] + j]]
        y.rewards[at * c.teams + m] = total / <double> n
    y.over[at] = TERMINATED if over else GOES_ON
    y.kept[run] += 1
    return 0


cdef int _return_of(const MixingContext *c, int64_t run, int64_t team, int64_t at, int64_t newest,
                    double *target) noexcept nogil:
    """The lambda return of the next few steps, from place ``at`` of the buffer on."""
    cdef const Context *b = &c.base
    cdef const Replay *y = &c.replay
    cdef int64_t first = run * y.capacity, count = 1, last = at, t, j
    cdef double decay = y.decay[run], ahead
    cdef const int32_t *next_rows
    cdef int status
    while count < y.steps and y.over[first + last] == GOES_ON and last != newest:
        last = last + 1 if last + 1 < y.capacity else 0
        count += 1
    for t in range(count - 1, -1, -1):
        last = at + t if at + t < y.capacity else at + t - y.capacity
        ahead = 0.0
        if y.over[first + last] != TERMINATED and (t == count - 1 or decay < 1.0):
            next_rows = y.next_rows + (first + last) * c.active_rows
            for j in range(c.starts[team], c.starts[team + 1]):
                if not inside(b, next_rows + c.members[j] * c.active):
                    return Status.BAD_ROW
            if _outside(c, next_rows, next_rows):
                return Status.BAD_ROW
            status = _ahead(c, run, team, next_rows, &ahead)
            if status:
                return status
        if t < count - 1:
            ahead = target[0] if not decay < 1.0 else (1.0 - decay) * ahead + decay * target[0]
        target[0] = y.rewards[(first + last) * c.teams + team]
        if y.over[first + last] != TERMINATED:
            target[0] += b.discount[run] * ahead
    return 0


cdef int _replay(const MixingContext *c, int64_t run, bint *moved) noexcept nogil:
    """An update: learn from some transitions of the buffer, as they are drawn, one after the other."""
    cdef const Context *b = &c.base
    cdef const Replay *y = &c.replay
    cdef int64_t known = min(y.kept[run], y.capacity), first = y.updates[run] * y.batch, group = first // GROUP
    cdef int64_t newest = (y.kept[run] - 1) % y.capacity, k, m, at, place
    cdef double *draws = y.draws + run * y.room
    cdef double target
    cdef int status
    if <uint64_t> y.updates[run] >= <uint64_t> 1 << 40:
        return Status.BAD_ROW
    fill_groups(0, y.seeds[run], <uint32_t> y.runs[run], y.stream, group,
                (first - group * GROUP + y.batch + GROUP - 1) // GROUP, draws)
    draws += first - group * GROUP
    for k in range(y.batch):
        at = <int64_t> (draws[k] * <double> known)
        place = run * y.capacity + at
        if _outside(c, y.rows + place * c.active_rows, y.next_rows + place * c.active_rows):
            return Status.BAD_ROW
        for m in range(c.teams):
            status = _return_of(c, run, m, at, newest, &target)
            if status == 0:
                status = _learn(c, run, m, y.rows + place * c.active_rows, y.next_rows + place * c.active_rows,
                                y.actions + place * b.n_agents, NULL, True, &target, moved)
            if status:
                return status
    y.updates[run] += 1
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Teams in order, so that teams who share a table see each other's writes of the same step."""
    cdef const MixingContext *c = <const MixingContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, m, run
    cdef const int32_t *rows
    cdef const int32_t *next_rows
    cdef bint moved
    cdef int status
    for r in range(count):
        run, moved = first + r, False
        rows, next_rows = t.rows + r * c.active_rows, t.next_rows + r * c.active_rows
        if _outside(c, rows, next_rows):
            return Status.BAD_ROW
        if c.replay.capacity:
            status = _keep(c, run, rows, next_rows, t.actions + r * b.n_agents, t.rewards + r * b.n_agents,
                           t.terminated[r])
            if status == 0 and c.replay.kept[run] >= c.replay.batch and c.replay.kept[run] % c.replay.update_every == 0:
                status = _replay(c, run, &moved)
            if status:
                return status
        else:
            for m in range(c.teams):
                status = _learn(c, run, m, rows, next_rows, t.actions + r * b.n_agents, t.rewards + r * b.n_agents,
                                t.terminated[r], NULL, &moved)
                if status:
                    return status
        changed[r] |= moved
        if c.target_q != NULL:
            c.since[run] += 1
            if c.since[run] >= c.target_every:
                _renew(c, run)
    return 0


cdef void _renew(const MixingContext *c, int64_t run) noexcept nogil:
    """The target becomes what was learned so far."""
    cdef const Context *b = &c.base
    cdef int64_t cell, a, p, first = run * b.n_rows * b.tables, size = c.states * c.teams * c.size
    c.since[run] = 0
    for cell in range(first, first + b.n_rows * b.tables):
        for a in range(b.max_actions):
            c.target_q[cell * b.max_actions + a] = b.q[cell * b.q_step + a]
    if c.mixer != NULL:
        for p in range(run * size, (run + 1) * size):
            c.target_mixer[p] = c.mixer[p]
    if c.joint_q != NULL:
        size = c.states * c.teams * c.joint
        for p in range(run * size, (run + 1) * size):
            c.target_joint_q[p] = c.joint_q[p]


cdef inline void _cut(const Replay *y, int64_t run) noexcept nogil:
    """The episode of the newest transition is over, terminated or not."""
    cdef int64_t at
    if y.kept[run] > 0:
        at = run * y.capacity + (y.kept[run] - 1) % y.capacity
        if y.over[at] == GOES_ON:
            y.over[at] = CUT


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const MixingContext *c = <const MixingContext *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(c.base.rate, first + r, ended[r])
        schedule_follow(c.base.exploration, first + r, ended[r])
        if c.mixing != NULL:
            schedule_follow(c.mixing, first + r, ended[r])
        if c.replay.capacity and ended[r]:
            _cut(&c.replay, first + r)


cdef class Mixing(QLearning):
    """Value decomposition: teams learn the value of their joint actions, made of their members' utilities.

    A member's utility of an action is the sum of ``q`` over its active rows; the team's value is their sum, or what the
    team's network in the state's active rows makes of them. ``error = mean reward of the team + discount * value of
    the greedy actions in the next rows - value``; every utility, and every number of the network, moves by its rate
    times the error times the derivative of the value by it, shared among active rows.

    Parameters
    ----------
    See ``marlfast/declarations/mixing.py``.
    """
    cdef MixingContext mix

    def __init__(self, **given):
        a = MIXING.check(given)
        cdef Schedule mixing = a.mixing
        self._take(a)
        cdef MixingContext *c = &self.mix
        cdef int64_t max_actions = self.context.max_actions
        c.base, c.active, c.central, c.active_rows = self.context, a.active, a.central, a.N * a.active + a.central
        c.teams, c.hidden, c.room, c.size = a.M, a.hidden, a.room, leaf.mixer_size(a.room, a.hidden)
        c.members, c.starts, c.target_every, c.bounded = ids(a.members), longs(a.starts), a.target_every, a.bounded
        c.states, c.mixer, c.mixing = a.states, reals(a.mixer), NULL if mixing is None else &mixing.data
        c.target_q, c.target_mixer, c.since = reals(a.target_q), reals(a.target_mixer), longs(a.since)
        c.wide = leaf.mixes_wide()
        c.optimizer = a.optimizer
        c.normalised = c.optimizer == <int64_t> leaf.NORMALISED
        if c.normalised:
            c.optimizer = leaf.SGD
        c.double_q, c.max_norm, c.powers = a.double, a.max_norm, reals(a.powers)
        c.joint_q, c.target_joint_q, c.joint = reals(a.joint_q), reals(a.target_joint_q), a.joint
        c.weighting, c.alpha = a.weighting, a.alpha
        c.q_mean, c.q_square = reals(a.q_mean), reals(a.q_square)
        c.mixer_mean, c.mixer_square = reals(a.mixer_mean), reals(a.mixer_square)
        # Room for one team's sums at a time; whole cache lines, as other threads work on other runs.
        c.reals = (max_actions + 3 * c.room + 4 * c.hidden + 7 * c.size + 7) // 8 * 8
        c.whole = (c.room + 7) // 8 * 8
        scratch, before = np.zeros(self.runs * c.reals + 8), np.zeros(self.runs * c.whole + 8, np.int64)
        c.scratch, c.before, c.act = reals(scratch), longs(before), self.operations.act
        draws = np.zeros((self.runs, (a.batch // GROUP + 2) * GROUP) if a.B else 0)
        c.replay = Replay(
            capacity=a.B, rows=ids(a.replay_rows), next_rows=ids(a.replay_next_rows), actions=ids(a.replay_actions),
            rewards=reals(a.replay_rewards), over=ids(a.replay_over), kept=longs(a.replay_kept),
            updates=longs(a.replay_updates), seeds=<const uint64_t *> longs(a.seeds), runs=longs(a.run_numbers),
            decay=reals(a.trace_decay), batch=a.batch, update_every=a.update_every, steps=a.steps, stream=a.stream,
            draws=reals(draws), room=(a.batch // GROUP + 2) * GROUP)
        self.held = (self.held, scratch, before, draws)
        self.central = a.central
        self.operations.context = c
        self.operations.act = _act
        if a.learning:
            self.operations.update = _update
        self.operations.tick = _tick
        if not a.B and self.context.rate.kind == self.context.exploration.kind == CONSTANT and (
                mixing is None or mixing.data.kind == CONSTANT):
            self.operations.tick = NULL
