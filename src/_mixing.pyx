"""Teams whose value is made of their members' utilities: sums (VDN) and monotone networks (QMIX).

They act, explore and keep greedy actions as Q-learning does (``src/_q_learning.pyx``); a team's members learn together, from
one error. Twin: ``marlfast/reference/mixing.py``.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.mixing as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core._kernels cimport ids, longs, reals
from marlfast.core._schedules cimport Schedule
from marlfast.core._q_learning cimport QLearning
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport Context, View, cell_of, count_visit, look_at, see
from marlfast.declarations.mixing import MIXING


cdef struct MixingContext:
    Context base                # first, so that a pointer to this is one to it
    int64_t active, central, width, teams, hidden, room, size, bounded
    const int32_t *members      # agents, team after team
    const int64_t *starts       # [teams + 1] where each team begins in it
    int64_t states              # rows of the whole state
    double *mixer               # [R, states, teams, size]; NULL: the team's value is the sum
    ScheduleData *mixing        # rate of the mixer; NULL without one
    double *target_q            # [R, rows, tables, A]; NULL: learns from its own values
    double *target_mixer
    int64_t *since              # [R] steps since the target was renewed
    int64_t every
    double *scratch             # [R, reals]
    int64_t *before             # [R, whole] greedy actions before a step
    int64_t reals, whole
    # Of the base.
    int (*act)(void *, int64_t, int64_t, const int32_t *, const double *, int64_t, int32_t *) noexcept nogil


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    """Q-learning's own, run by run, as a run may have rows of the whole state behind its own."""
    cdef const MixingContext *c = <const MixingContext *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = c.act(context, first + r, 1, rows + r * c.width, draws + r * stride, stride,
                       actions + r * c.base.agents)
        if status:
            return status
    return 0


cdef inline double judge(const MixingContext *c, int64_t run, int64_t agent, const int32_t *rows,
                         double *sums) noexcept nogil:
    """The greatest of an agent's utilities by the target's table."""
    cdef const Context *b = &c.base
    cdef const double *cell = c.target_q + cell_of(b, run, rows[0], agent) * b.width
    cdef int64_t k, a
    for a in range(b.actions[agent]):
        sums[a] = cell[a]
    for k in range(1, c.active):
        cell = c.target_q + cell_of(b, run, rows[k], agent) * b.width
        for a in range(b.actions[agent]):
            sums[a] += cell[a]
    return sums[tabular.first_greatest(sums, b.actions[agent])]


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


cdef int _learn(const MixingContext *c, int64_t run, int64_t team, const int32_t *rows, const int32_t *next_rows,
                const int32_t *actions, const double *rewards, bint over, bint *moved) noexcept nogil:
    """One team learns from one transition."""
    cdef const Context *b = &c.base
    cdef const int32_t *members = c.members + c.starts[team]
    cdef int64_t n = c.starts[team + 1] - c.starts[team], j, k, i, p, cell
    cdef double *sums = c.scratch + run * c.reals
    cdef double *utilities = sums + b.width
    cdef double *then = utilities + c.room
    cdef double *out = then + c.room
    cdef double *slope = out + c.hidden
    cdef double *room = slope + c.hidden
    cdef double *gradient = room + c.size
    cdef int64_t *before = c.before + run * c.whole
    cdef double target = 0.0, total, error, step, value
    cdef const double *w = NULL
    cdef double *cells
    cdef const int32_t *own
    cdef View here, ahead
    cdef int status
    for j in range(n):
        i = members[j]
        own = next_rows + i * c.active
        status = look_at(b, run, i, actions[i], rows + i * c.active, own, over, &here, &ahead)
        if status:
            return status
        utilities[j], before[j] = here.q[actions[i]], here.greedy[0]
        if not over:
            then[j] = ahead.q[ahead.greedy[0]] if c.target_q == NULL else judge(c, run, i, own, sums)
        target += rewards[i]
    target = target / <double> n
    if not over:
        if c.mixer == NULL:
            total = then[0]
            for j in range(1, n):
                total += then[j]
        else:
            w = weights(c, c.mixer if c.target_mixer == NULL else c.target_mixer, run, team,
                        next_rows + b.agents * c.active, room)
            total = leaf.mix(w, c.room, c.hidden, then, n, out, slope)
        target += b.discount[run] * total
    if c.mixer == NULL:
        total = utilities[0]
        for j in range(1, n):
            total += utilities[j]
    else:
        w = weights(c, c.mixer, run, team, rows + b.agents * c.active, room)
        total = leaf.mix(w, c.room, c.hidden, utilities, n, out, slope)
    error = target - total
    if error - error != 0.0:
        return Status.BAD_VALUE
    if c.mixer != NULL:
        leaf.by_weights(w, c.room, c.hidden, utilities, n, out, slope, gradient)
        for j in range(n):
            utilities[j] = leaf.by_utility(w, c.hidden, j, slope)       # from here on its derivative
        if c.bounded:
            total = value = 0.0
            for j in range(n):
                total += utilities[j] * utilities[j]
            for p in range(c.size):
                value += gradient[p] * gradient[p]
            total = b.rate.value[run] * total + c.mixing.value[run] * value
            if total - total != 0.0:
                return Status.BAD_VALUE
            if total > 1.0:
                error = error / total
    for j in range(n):
        i = members[j]
        step = b.rate.value[run] / <double> c.active * error
        if c.mixer != NULL:
            step = step * utilities[j]
        for k in range(c.active):
            cell = cell_of(b, run, rows[i * c.active + k], i)
            value = b.q[cell * b.q_step + actions[i]] + step
            if value - value != 0.0:
                return Status.BAD_VALUE
            count_visit(b, cell)
            if c.active == 1:
                moved[0] |= tabular.write_value(b.q + cell * b.q_step, b.greedy + cell * b.greedy_step, b.actions[i],
                                           actions[i], value, b.around)
            else:
                b.q[cell * b.q_step + actions[i]] = value
    if c.active > 1:            # what is greedy is a matter of the sums, after all of a shared table is written
        for j in range(n):
            see(b, run, members[j], rows + members[j] * c.active, 0, &here)
            moved[0] |= before[j] != here.greedy[0]
    if c.mixer == NULL:
        return 0
    step = c.mixing.value[run] / <double> c.central * error
    for k in range(c.central):
        cells = c.mixer + ((run * c.states + rows[b.agents * c.active + k]) * c.teams + team) * c.size
        total = 0.0
        for p in range(c.size):
            value = cells[p] + step * gradient[p]
            total += value - value          # 0, or NaN once one of them is not finite
        if total != 0.0:
            return Status.BAD_VALUE
        for p in range(c.size):
            cells[p] = cells[p] + step * gradient[p]
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Teams in order, so that teams who share a table see each other's writes of the same step."""
    cdef const MixingContext *c = <const MixingContext *> context
    cdef const Context *b = &c.base
    cdef int64_t r, m, k, run
    cdef const int32_t *rows
    cdef const int32_t *next_rows
    cdef bint moved
    cdef int status
    for r in range(count):
        run, moved = first + r, False
        rows, next_rows = t.rows + r * c.width, t.next_rows + r * c.width
        for k in range(b.agents * c.active, c.width):
            if <uint32_t> rows[k] >= <uint64_t> c.states or <uint32_t> next_rows[k] >= <uint64_t> c.states:
                return Status.BAD_ROW
        for m in range(c.teams):
            status = _learn(c, run, m, rows, next_rows, t.actions + r * b.agents, t.rewards + r * b.agents,
                            t.terminated[r], &moved)
            if status:
                return status
        changed[r] |= moved
        if c.target_q != NULL:
            c.since[run] += 1
            if c.since[run] >= c.every:
                _renew(c, run)
    return 0


cdef void _renew(const MixingContext *c, int64_t run) noexcept nogil:
    """The target becomes what was learned so far."""
    cdef const Context *b = &c.base
    cdef int64_t cell, a, p, first = run * b.rows * b.tables, size = c.states * c.teams * c.size
    c.since[run] = 0
    for cell in range(first, first + b.rows * b.tables):
        for a in range(b.width):
            c.target_q[cell * b.width + a] = b.q[cell * b.q_step + a]
    if c.mixer != NULL:
        for p in range(run * size, (run + 1) * size):
            c.target_mixer[p] = c.mixer[p]


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const MixingContext *c = <const MixingContext *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(c.base.rate, first + r, ended[r])
        schedule_follow(c.base.exploration, first + r, ended[r])
        if c.mixing != NULL:
            schedule_follow(c.mixing, first + r, ended[r])


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
        cdef int64_t width = self.context.width
        c.base, c.active, c.central, c.width = self.context, a.active, a.central, a.N * a.active + a.central
        c.teams, c.hidden, c.room, c.size = a.M, a.hidden, a.room, leaf.mixer_size(a.room, a.hidden)
        c.members, c.starts, c.every, c.bounded = ids(a.members), longs(a.starts), a.every, a.bounded
        c.states, c.mixer, c.mixing = a.states, reals(a.mixer), NULL if mixing is None else &mixing.data
        c.target_q, c.target_mixer, c.since = reals(a.target_q), reals(a.target_mixer), longs(a.since)
        # Room for one team's sums at a time; whole cache lines, as other threads work on other runs.
        c.reals = (width + 2 * c.room + 2 * c.hidden + 2 * c.size + 7) // 8 * 8
        c.whole = (c.room + 7) // 8 * 8
        scratch, before = np.zeros(self.runs * c.reals + 8), np.zeros(self.runs * c.whole + 8, np.int64)
        c.scratch, c.before, c.act = reals(scratch), longs(before), self.operations.act
        self.held = (self.held, scratch, before)
        self.central = a.central
        self.operations.context = c
        self.operations.act = _act
        if a.learning:
            self.operations.update = _update
        self.operations.tick = _tick
        if self.context.rate.kind == self.context.exploration.kind == CONSTANT and (
                mixing is None or mixing.data.kind == CONSTANT):
            self.operations.tick = NULL
