"""Learners whose tables are over joint actions. Twin: ``marlfast/reference/joint.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.equilibria as game
cimport marlfast.core.tabular as leaf
from marlfast.core._kernels cimport Learner, check_status, ids, longs, reals
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport BOLTZMANN, EPSILON_GREEDY, MAX_VISITS
from marlfast.declarations.joint import JOINT
from marlfast.declarations.base import zeros

# How a cell's values become what is done, and what the cell is worth.
cdef enum Rule:
    GREATEST = 0            # the greatest value
    MINIMAX = 1             # the mixed policy that earns most against the worst that others can do
    BELIEF = 2              # the greatest value expected if others do what they have done so far
    NASH = 3                # a Nash equilibrium of two tables
    CORRELATED = 4          # a correlated equilibrium of two tables

cdef struct Context:
    int64_t n_agents, n_ids, n_rows, tables, joint, policy_actions, policies, remembered
    const int32_t *agent_ids        # [n_ids]
    const int32_t *table_of     # [N]
    const int32_t *n_actions    # [N]
    const int64_t *weights      # [tables, N] what one agent's action counts for in a joint action's number; 0: nothing
    const int64_t *n_choices    # [tables] between so many it chooses
    const int64_t *steps        # [tables] joint actions from one choice to the next
    const int32_t *reads        # [tables] whose row and reward
    const int32_t *chooses_by   # [N] whose draw
    double *q                   # [R, rows, tables, joint]; cells lie q_step apart
    double *value               # [R, rows, tables]
    int32_t *greedy
    int32_t *visits
    int64_t q_step, value_step, greedy_step, visits_step
    double *policy              # [R, rows, policies, width]
    int64_t *counts             # [R, rows, tables, remembered]
    double *scratch             # [R, room]
    int64_t room
    const double *discount
    ScheduleData *rate
    ScheduleData *exploration
    int64_t rule, objective, kind, strict, several, ties_drawn, together, draws
    int64_t signal              # place of the draw by which others choose, too; 0: none, each by its own
    uint32_t around             # all ones where ties go to the incumbent, else 0


cdef inline int64_t _sample(const double *policy, int64_t n_actions, double u) noexcept nogil:
    """A choice by inverse transform; never one of probability 0."""
    cdef int64_t a, last = 0
    cdef double running = 0.0
    for a in range(n_actions):
        if policy[a] > 0.0:
            last = a
            running += policy[a]
            if u < running:
                return a
    return last


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, t, row, cell, choice, action
    cdef bint drawn = c.kind == BOLTZMANN or c.ties_drawn or not (c.rule == GREATEST or c.rule == BELIEF)
    cdef const double *draw
    cdef const double *chooser
    cdef const double *values
    cdef double share
    cdef leaf.Chance chance
    for r in range(count):
        chance = leaf.epsilon_chance(c.exploration.value[first + r], c.strict, c.several)
        for j in range(c.n_ids):
            i = c.agent_ids[j]
            t = c.table_of[i]
            draw = draws + r * stride + i * c.draws
            chooser = draws + r * stride + c.chooses_by[i] * c.draws
            if c.kind == EPSILON_GREEDY and (chooser[0] if c.together else draw[0]) < chance.bound:
                if c.together and not c.several:        # any joint action
                    choice = leaf.random_choice(&chance, chooser, c.n_choices[t])
                    action = choice * c.steps[t] // c.weights[t * c.n_agents + i] % c.n_actions[i]
                else:
                    choice = action = leaf.random_choice(&chance, draw, c.n_actions[i])
                if choice < 0:
                    return Status.BAD_DRAW
                actions[r * c.n_agents + i] = <int32_t> action
                continue
            if <uint32_t> rows[r * c.n_agents + c.reads[t]] >= <uint64_t> c.n_rows:
                return Status.BAD_ROW
            row = (first + r) * c.n_rows + rows[r * c.n_agents + c.reads[t]]
            cell = row * c.tables + t
            share = 0.0
            if drawn:
                if not 0.0 <= chooser[c.signal] < 1.0:
                    return Status.BAD_DRAW
                share = chooser[c.signal] if c.signal or c.kind == BOLTZMANN else leaf.tie_share(&chance, chooser)
            if c.rule == GREATEST or c.rule == BELIEF:
                choice = c.greedy[cell * c.greedy_step]
                if <uint64_t> choice >= <uint64_t> c.n_choices[t]:
                    return Status.BAD_ACTION
                values = c.policy + (row * c.policies +
                                     t) * c.policy_actions if c.rule == BELIEF else c.q + cell * c.q_step
                if c.kind == BOLTZMANN:
                    choice = leaf.boltzmann(values, c.n_choices[t], choice, c.exploration.value[first + r], share)
                elif c.ties_drawn:
                    choice = leaf.random_greatest(values, c.n_choices[t], choice, share)
            else:
                values = c.policy + (row * c.policies + (0 if c.rule == CORRELATED else t)) * c.policy_actions
                choice = _sample(values, c.n_choices[t], share)
            actions[r * c.n_agents + i] = <int32_t> (
                choice * c.steps[t] // c.weights[t * c.n_agents + i] % c.n_actions[i])
    return 0


cdef inline void _note(const Context *c, int64_t cell, double value, int64_t best, bint *moved) noexcept nogil:
    c.value[cell * c.value_step] = value
    moved[0] |= c.greedy[cell * c.greedy_step] != best
    c.greedy[cell * c.greedy_step] = <int32_t> best


cdef void _believe(const Context *c, int64_t cell, int64_t t, double *share, double *expected) noexcept nogil:
    """What every own action is expected to earn: others act independently, as often as they have acted so far."""
    cdef const int64_t *counts = c.counts + cell * c.remembered
    cdef const double *q = c.q + cell * c.q_step
    cdef int64_t own = c.reads[t], columns = 1, k, a, offset = 0, column
    cdef double *likely = share + c.remembered
    cdef double total, base
    likely[0] = 1.0
    for k in range(c.n_agents):
        if k != own:
            total = 0.0
            for a in range(c.n_actions[k]):
                total += <double> counts[offset + a]
            for a in range(c.n_actions[k]):
                share[a] = <double> counts[offset + a] / total if total > 0.0 else 1.0 / <double> c.n_actions[k]
            # Of what is known of the agents before, as many columns as this one has actions; from the last one on.
            for column in range(columns - 1, -1, -1):
                base = likely[column]
                for a in range(c.n_actions[k] - 1, -1, -1):
                    likely[column * c.n_actions[k] + a] = base * share[a]
            columns *= c.n_actions[k]
            offset += c.n_actions[k]
    for a in range(c.n_choices[t]):
        total = 0.0
        for column in range(columns):
            total += likely[column] * q[a * columns + column]
        expected[a] = total


cdef int _solve(const Context *c, int64_t run, int64_t row, int64_t t, bint *moved) noexcept nogil:
    """From the values of a cell what is done there and what it is worth; of two players both tables at once."""
    cdef int64_t place = run * c.n_rows + row, cell = place * c.tables + t, best
    cdef double *q = c.q + cell * c.q_step
    cdef double *policy = c.policy + (place * c.policies + (0 if c.rule == CORRELATED else t)) * c.policy_actions
    cdef double *scratch = c.scratch + run * c.room
    cdef double first = 0.0, second = 0.0
    if c.rule == GREATEST:
        best = leaf.greatest_from(q, c.joint, c.greedy[cell * c.greedy_step] if c.around else 0)
        _note(c, cell, q[best], best, moved)
    elif c.rule == BELIEF:
        _believe(c, cell, t, scratch, policy)
        best = leaf.greatest_from(policy, c.n_choices[t], c.greedy[cell * c.greedy_step] if c.around else 0)
        if policy[best] - policy[best] != 0.0:
            return Status.BAD_VALUE
        _note(c, cell, policy[best], best, moved)
    elif c.rule == MINIMAX:
        if game.zero_sum(q, c.n_choices[t], c.steps[t], scratch + c.steps[t], policy, scratch, &first):
            return Status.BAD_VALUE
        _note(c, cell, first, leaf.first_greatest(policy, c.n_choices[t]), moved)
    elif c.rule == NASH:
        if game.nash(q, q + c.q_step, c.n_choices[0], c.n_choices[1], scratch, policy, policy + c.policy_actions,
                     &first,
                     &second):
            return Status.BAD_VALUE
        _note(c, cell, first, leaf.first_greatest(policy, c.n_choices[0]), moved)
        _note(c, cell + 1, second, leaf.first_greatest(policy + c.policy_actions, c.n_choices[1]), moved)
    else:
        if game.correlated(q, q + c.q_step, c.n_actions[0], c.n_actions[1], c.objective, scratch, policy, &first,
                           &second):
            return Status.BAD_VALUE
        best = leaf.first_greatest(policy, c.joint)
        _note(c, cell, first, best, moved)
        _note(c, cell + 1, second, best, moved)
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef const int32_t *actions
    cdef const int64_t *weights
    cdef double *q
    cdef int32_t *visits
    cdef int64_t r, k, table, row, next_, cell, index, offset
    cdef double target, old, value
    cdef bint moved
    cdef int status
    for r in range(count):
        moved = False
        actions = t.actions + r * c.n_agents
        for table in range(c.tables):
            weights = c.weights + table * c.n_agents
            index = 0
            for k in range(c.n_agents):
                if weights[k]:
                    if <uint32_t> actions[k] >= <uint32_t> c.n_actions[k]:
                        return Status.BAD_ACTION
                    index += actions[k] * weights[k]
            row, next_ = t.rows[r * c.n_agents + c.reads[table]], t.next_rows[r * c.n_agents + c.reads[table]]
            if <uint64_t> row >= <uint64_t> c.n_rows or <uint64_t> next_ >= <uint64_t> c.n_rows:
                return Status.BAD_ROW
            cell = ((first + r) * c.n_rows + row) * c.tables + table
            if <uint64_t> c.greedy[cell * c.greedy_step] >= <uint64_t> c.n_choices[table]:
                return Status.BAD_ACTION
            if c.together:
                target = 0.0
                for k in range(c.n_ids):
                    target += t.rewards[r * c.n_agents + c.agent_ids[k]]
                target = target / <double> c.n_ids
            else:
                target = t.rewards[r * c.n_agents + (table if c.rule >= NASH else c.reads[table])]
            if not t.terminated[r]:
                target += c.discount[first + r] * c.value[(((first + r) * c.n_rows + next_) * c.tables + table)
                                                          * c.value_step]
            q = c.q + cell * c.q_step
            old = q[index]
            value = old + c.rate.value[first + r] * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            visits = c.visits + cell * c.visits_step
            visits[0] += visits[0] < MAX_VISITS
            if c.rule == GREATEST:
                moved |= leaf.write_value(q, c.greedy + cell * c.greedy_step, c.joint, index, value, c.around)
                c.value[cell * c.value_step] = q[c.greedy[cell * c.greedy_step]]
                continue
            q[index] = value
            if c.rule == BELIEF:
                offset = cell * c.remembered
                for k in range(c.n_agents):
                    if k != c.reads[table]:
                        c.counts[offset + actions[k]] += 1
                        offset += c.n_actions[k]
            if c.rule < NASH or table == 1:
                status = _solve(c, first + r, row, 0 if c.rule >= NASH else table, &moved)
                if status:
                    return status
        changed[r] |= moved
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(c.rate, first + r, ended[r])
        schedule_follow(c.exploration, first + r, ended[r])


cdef class Joint(Learner):
    """Joint actions' values: ``q[row, joint] += rate * (reward + discount * value[next row] - q[row, joint])``.

    A joint action's number is the sum, over agents, of action times weight. In every cell (one row of one table) the
    learner chooses one of ``choices``; choice k stands for the joint actions from ``k * steps`` on. Agent i then does
    its part of it, ``k * steps // weights[i] % actions[i]``.

    Parameters
    ----------
    See ``marlfast/declarations/joint.py``.
    """
    cdef Context context

    def __init__(self, **given):
        a = JOINT.check(given)
        cdef Schedule rate = a.rate, exploration = a.exploration
        cdef int64_t room = 8, k
        if a.rule == MINIMAX:
            for k in range(a.T):
                room = max(room, game.zero_sum_scratch(a.n_choices[k], a.steps[k]) + a.steps[k])
        elif a.rule == BELIEF:
            room = max(room, a.C + a.steps.max())
        elif a.rule == NASH:
            room = max(room, game.nash_scratch(a.n_actions[0], a.n_actions[1]))
        elif a.rule == CORRELATED:
            room = max(room, game.correlated_scratch(a.n_actions[0], a.n_actions[1]))
        room = (room + 7) // 8 * 8      # neighbouring runs share no cache line
        scratch = zeros("actions", "tableaus", (a.R, room))
        self.held = (a.kept, scratch)
        self.runs, self.agents, self.draws = a.R, a.N, a.draws
        self.context = Context(
            n_agents=a.N, n_ids=a.L, n_rows=a.n_rows, tables=a.T, joint=a.J,
            policy_actions=a.policy_actions, policies=a.P,
            remembered=a.C,
            agent_ids=ids(a.agent_ids), table_of=ids(a.table_of), n_actions=ids(a.n_actions), weights=longs(a.weights),
            n_choices=longs(a.n_choices), steps=longs(a.steps), reads=ids(a.reads), chooses_by=ids(a.chooses_by),
            q=reals(a.q), value=reals(a.value), greedy=ids(a.greedy), visits=ids(a.visits), q_step=a.q_step,
            value_step=a.value_step, greedy_step=a.greedy_step, visits_step=a.visits_step,
            policy=reals(a.policy if a.policy_actions else None), counts=longs(a.counts if a.C else None),
            scratch=reals(scratch),
            room=room, discount=reals(a.discount), rate=&rate.data, exploration=&exploration.data, rule=a.rule,
            objective=a.objective, kind=BOLTZMANN if a.kind == BOLTZMANN else EPSILON_GREEDY, strict=a.strict,
            several=a.several, ties_drawn=a.drawn, together=a.together, draws=a.draws, signal=a.signal, around=a.around)
        self.operations.context = &self.context
        self.operations.act = _act
        self.operations.update = NULL
        if a.learning:
            self.operations.update = _update
        self.operations.tick = _tick
        if rate.data.kind == CONSTANT and exploration.data.kind == CONSTANT:
            self.operations.tick = NULL

    def settle(self, first):
        """Make ``value``, ``greedy`` and ``policy`` of rows from ``first`` on, in every run, from the rest."""
        cdef Context *c = &self.context
        if c.q == NULL:
            raise ValueError("settle: this object was not made by its constructor")
        if not 0 <= first <= c.n_rows:
            raise ValueError(f"first: expected 0 to {c.n_rows}, got {first}")
        cdef int64_t begin = first, run, row, t, n_runs = self.runs
        cdef bint moved = False
        cdef int status = 0
        with nogil:
            for run in range(n_runs):
                for row in range(begin, c.n_rows):
                    for t in range(1 if c.rule >= NASH else c.tables):
                        if not status:
                            status = _solve(c, run, row, t, &moved)
        check_status(status, "settle")
