"""Learners whose tables are over joint actions. Twin: ``marlfast/reference/joint.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.equilibria as game
cimport marlfast.core.tabular as leaf
from marlfast.core._kernels cimport Learner, check, check_cells, check_status
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport CONSTANT, ScheduleData, schedule_follow
from marlfast.core.tabular cimport BOLTZMANN, EPSILON_GREEDY, MOST_VISITS

# How a cell's values become what is done, and what the cell is worth.
cdef enum Rule:
    GREATEST = 0            # the greatest value
    MINIMAX = 1             # the mixed policy that earns most against the worst that others can do
    BELIEF = 2              # the greatest value expected if others do what they have done so far
    NASH = 3                # a Nash equilibrium of two tables
    CORRELATED = 4          # a correlated equilibrium of two tables

cdef struct Context:
    int64_t agents, led, rows, tables, joint, width, policies, remembered
    const int32_t *leads        # [led]
    const int32_t *table_of     # [N]
    const int32_t *actions      # [N]
    const int64_t *weights      # [tables, N] what one agent's action counts for in a joint action's number; 0: nothing
    const int64_t *choices      # [tables] between so many it chooses
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
    int64_t rule, objective, kind, strict, random_ties, together, draws


cdef inline int64_t _sample(const double *policy, int64_t choices, double u) noexcept nogil:
    """A choice by inverse transform; never one of probability 0."""
    cdef int64_t a, last = 0
    cdef double running = 0.0
    for a in range(choices):
        if policy[a] > 0.0:
            last = a
            running += policy[a]
            if u < running:
                return a
    return last


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, t, row, cell, choice
    cdef const double *draw
    cdef const double *chooser
    cdef const double *values
    cdef double level
    for r in range(count):
        level = c.exploration.value[first + r]
        if c.kind == EPSILON_GREEDY:
            level = leaf.below(level, c.strict)
        for j in range(c.led):
            i = c.leads[j]
            t = c.table_of[i]
            draw = draws + r * stride + i * c.draws
            chooser = draws + r * stride + c.chooses_by[i] * c.draws
            if c.kind == EPSILON_GREEDY and (chooser[0] if c.together else draw[0]) < level:
                if not 0.0 <= draw[1] < 1.0:
                    return Status.BAD_DRAW
                actions[r * c.agents + i] = <int32_t> (draw[1] * <double> c.actions[i])
                continue
            if <uint32_t> rows[r * c.agents + c.reads[t]] >= <uint64_t> c.rows:
                return Status.BAD_ROW
            row = (first + r) * c.rows + rows[r * c.agents + c.reads[t]]
            cell = row * c.tables + t
            if c.rule == GREATEST or c.rule == BELIEF:
                choice = c.greedy[cell * c.greedy_step]
                if <uint64_t> choice >= <uint64_t> c.choices[t]:
                    return Status.BAD_ACTION
                values = c.policy + (row * c.policies + t) * c.width if c.rule == BELIEF else c.q + cell * c.q_step
                if (c.kind == BOLTZMANN or c.random_ties) and not 0.0 <= chooser[2 if c.random_ties else 0] < 1.0:
                    return Status.BAD_DRAW
                if c.kind == BOLTZMANN:
                    choice = leaf.boltzmann(values, c.choices[t], choice, level, chooser[0])
                elif c.random_ties:
                    choice = leaf.random_greatest(values, c.choices[t], choice, chooser[2])
            else:
                if not 0.0 <= chooser[2] < 1.0:
                    return Status.BAD_DRAW
                values = c.policy + (row * c.policies + (0 if c.rule == CORRELATED else t)) * c.width
                choice = _sample(values, c.choices[t], chooser[2])
            actions[r * c.agents + i] = <int32_t> (choice * c.steps[t] // c.weights[t * c.agents + i] % c.actions[i])
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
    for k in range(c.agents):
        if k != own:
            total = 0.0
            for a in range(c.actions[k]):
                total += <double> counts[offset + a]
            for a in range(c.actions[k]):
                share[a] = <double> counts[offset + a] / total if total > 0.0 else 1.0 / <double> c.actions[k]
            # Of what is known of the agents before, as many columns as this one has actions; from the last one on.
            for column in range(columns - 1, -1, -1):
                base = likely[column]
                for a in range(c.actions[k] - 1, -1, -1):
                    likely[column * c.actions[k] + a] = base * share[a]
            columns *= c.actions[k]
            offset += c.actions[k]
    for a in range(c.choices[t]):
        total = 0.0
        for column in range(columns):
            total += likely[column] * q[a * columns + column]
        expected[a] = total


cdef int _solve(const Context *c, int64_t run, int64_t row, int64_t t, bint *moved) noexcept nogil:
    """From the values of a cell what is done there and what it is worth; of two players both tables at once."""
    cdef int64_t place = run * c.rows + row, cell = place * c.tables + t, best
    cdef double *q = c.q + cell * c.q_step
    cdef double *policy = c.policy + (place * c.policies + (0 if c.rule == CORRELATED else t)) * c.width
    cdef double *scratch = c.scratch + run * c.room
    cdef double first = 0.0, second = 0.0
    if c.rule == GREATEST:
        best = leaf.first_greatest(q, c.joint)
        _note(c, cell, q[best], best, moved)
    elif c.rule == BELIEF:
        _believe(c, cell, t, scratch, policy)
        best = leaf.first_greatest(policy, c.choices[t])
        if policy[best] - policy[best] != 0.0:
            return Status.BAD_VALUE
        _note(c, cell, policy[best], best, moved)
    elif c.rule == MINIMAX:
        if game.zero_sum(q, c.choices[t], c.steps[t], scratch + c.steps[t], policy, scratch, &first):
            return Status.BAD_VALUE
        _note(c, cell, first, leaf.first_greatest(policy, c.choices[t]), moved)
    elif c.rule == NASH:
        if game.nash(q, q + c.q_step, c.choices[0], c.choices[1], scratch, policy, policy + c.width, &first, &second):
            return Status.BAD_VALUE
        _note(c, cell, first, leaf.first_greatest(policy, c.choices[0]), moved)
        _note(c, cell + 1, second, leaf.first_greatest(policy + c.width, c.choices[1]), moved)
    else:
        if game.correlated(q, q + c.q_step, c.actions[0], c.actions[1], c.objective, scratch, policy, &first, &second):
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
        actions = t.actions + r * c.agents
        for table in range(c.tables):
            weights = c.weights + table * c.agents
            index = 0
            for k in range(c.agents):
                if weights[k]:
                    if <uint32_t> actions[k] >= <uint32_t> c.actions[k]:
                        return Status.BAD_ACTION
                    index += actions[k] * weights[k]
            row, next_ = t.rows[r * c.agents + c.reads[table]], t.next_rows[r * c.agents + c.reads[table]]
            if <uint64_t> row >= <uint64_t> c.rows or <uint64_t> next_ >= <uint64_t> c.rows:
                return Status.BAD_ROW
            cell = ((first + r) * c.rows + row) * c.tables + table
            if <uint64_t> c.greedy[cell * c.greedy_step] >= <uint64_t> c.choices[table]:
                return Status.BAD_ACTION
            if c.together:
                target = 0.0
                for k in range(c.led):
                    target += t.rewards[r * c.agents + c.leads[k]]
                target = target / <double> c.led
            else:
                target = t.rewards[r * c.agents + (table if c.rule >= NASH else c.reads[table])]
            if not t.terminated[r]:
                target += c.discount[first + r] * c.value[(((first + r) * c.rows + next_) * c.tables + table)
                                                          * c.value_step]
            q = c.q + cell * c.q_step
            old = q[index]
            value = old + c.rate.value[first + r] * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            visits = c.visits + cell * c.visits_step
            visits[0] += visits[0] < MOST_VISITS
            if c.rule == GREATEST:
                moved |= leaf.write_value(q, c.greedy + cell * c.greedy_step, c.joint, index, value)
                c.value[cell * c.value_step] = q[c.greedy[cell * c.greedy_step]]
                continue
            q[index] = value
            if c.rule == BELIEF:
                offset = cell * c.remembered
                for k in range(c.agents):
                    if k != c.reads[table]:
                        c.counts[offset + actions[k]] += 1
                        offset += c.actions[k]
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
    q : float64 [R, rows, T, J]
        Modified: values of T tables.
    value : float64 [R, rows, T]
        Modified: what a row is worth, by the rule.
    greedy : int32 [R, rows, T]
        Modified: the most likely choice.
    visits : int32 [R, rows, T]
        Modified: how often each row of each table was updated; it stays at 2**31 - 1 once there.
    policy : float64 [R, rows, P, W]
        Modified: probabilities of the choices; by rule 2 what each is expected to earn. P is T, but 1 by rule 4. Rule
        0 has none (W is 0).
    counts : int64 [R, rows, T, C]
        Modified, by rule 2 only: how often each other agent, in order, did each of its actions. Else C is 0.
    table_of, actions : int32 [N]
        Table, and number of actions, of every agent.
    leads : int32 [L]
        The agents that this learner leads.
    weights : int64 [T, N]
        0 for agents whose actions a table does not know.
    choices, steps : int64 [T]
    reads : int32 [T]
        The agent whose row, and (but by rules 3 and 4, where tables are those of agents 0 and 1) whose reward it is.
    chooses_by : int32 [N]
        The agent whose draw decides for each agent.
    discount : float64 [R]
    rate, exploration : Schedule
        Learning rate, and epsilon or temperature.
    rule : int
        0 the greatest value; 1 minimax of a zero-sum game; 2 the greatest value expected from what others did so far;
        3 Nash equilibrium; 4 correlated equilibrium.
    objective : int
        Of correlated equilibria: see ``solve_correlated``.
    kind : int
        0: epsilon-greedy; 1: Boltzmann (rules 0 and 2 only).
    strict : bool
        Explore iff u < epsilon; else iff u <= epsilon.
    random_ties : bool
        Ties broken by a third draw (rules 0 and 2 only); else the first of the greatest.
    together : bool
        One table for all agents that are led: it learns from the mean of their rewards, and they explore together.
    draws : int
        K, exploration draws per agent in the whole team.
    learning : bool
        False: the tables are frozen.
    """
    cdef Context context

    def __init__(self, q, value, greedy, visits, policy, counts, table_of, actions, leads, weights, choices, steps,
                 reads, chooses_by, discount, Schedule rate not None, Schedule exploration not None, rule, objective,
                 kind, strict, random_ties, together, draws, learning):
        cdef int64_t q_step = check_cells(q, "q", "float64", (-1, -1, -1, -1)), value_step, greedy_step, visits_step
        cdef double[:, :, :, :] q_ = q
        cdef int64_t runs = q_.shape[0], rows = q_.shape[1], tables = q_.shape[2], joint = q_.shape[3], room = 8, k
        if runs < 1 or rows < 1 or tables < 1 or joint < 1:
            raise ValueError(f"q: expected at least one run, row, table and joint action, got shape {q.shape}")
        value_step = check_cells(value, "value", "float64", (runs, rows, tables))
        greedy_step = check_cells(greedy, "greedy", "int32", (runs, rows, tables))
        visits_step = check_cells(visits, "visits", "int32", (runs, rows, tables))
        cdef double[:, :, :] v = value
        cdef int32_t[:, :, :] g = greedy
        cdef int32_t[:, :, :] n = visits
        if rule not in (GREATEST, MINIMAX, BELIEF, NASH, CORRELATED):
            raise ValueError(f"rule: expected 0 to 4, got {rule}")
        policies = 1 if rule == CORRELATED else tables
        cdef double[:, :, :, ::1] p = check(policy, "policy", "float64", (runs, rows, policies, -1), True)
        cdef int64_t[:, :, :, ::1] m = check(counts, "counts", "int64", (runs, rows, tables, -1), True)
        cdef const int32_t[::1] t = check(table_of, "table_of", "int32", (-1,), False)
        cdef int64_t agents = t.shape[0]
        if agents < 1:
            raise ValueError("table_of: expected at least one agent, got none")
        cdef const int32_t[::1] a = check(actions, "actions", "int32", (agents,), False)
        cdef const int32_t[::1] led = check(leads, "leads", "int32", (-1,), False)
        cdef const int64_t[:, ::1] w = check(weights, "weights", "int64", (tables, agents), False)
        cdef const int64_t[::1] ch = check(choices, "choices", "int64", (tables,), False)
        cdef const int64_t[::1] st = check(steps, "steps", "int64", (tables,), False)
        cdef const int32_t[::1] re = check(reads, "reads", "int32", (tables,), False)
        cdef const int32_t[::1] cb = check(chooses_by, "chooses_by", "int32", (agents,), False)
        cdef const double[::1] d = check(discount, "discount", "float64", (runs,), False)
        _check_plan(q.shape, policy.shape[3], counts.shape[3], table_of, actions, leads, weights, choices, steps, reads,
                    chooses_by, rule, objective, kind, random_ties, together)
        if rate.runs != runs or exploration.runs != runs:
            raise ValueError(f"rate, exploration: expected {runs} runs, got {rate.runs}, {exploration.runs}")
        needed = 1 if kind == BOLTZMANN else 3 if random_ties or rule not in (GREATEST, BELIEF) else 2
        if draws < needed:
            raise ValueError(f"draws: expected at least {needed}, got {draws}")
        if rule == MINIMAX:
            for k in range(tables):
                room = max(room, game.zero_sum_scratch(ch[k], st[k]) + st[k])
        elif rule == BELIEF:
            room = max(room, m.shape[3] + steps.max())
        elif rule == NASH:
            room = max(room, game.nash_scratch(a[0], a[1]))
        elif rule == CORRELATED:
            room = max(room, game.correlated_scratch(a[0], a[1]))
        room = (room + 7) // 8 * 8      # neighbouring runs share no cache line
        scratch = np.zeros((runs, room))
        cdef double[:, ::1] s = scratch
        self.held = (q, value, greedy, visits, policy, counts, table_of, actions, leads, weights, choices, steps, reads,
                     chooses_by, discount, rate, exploration, scratch)
        self.runs, self.agents, self.draws = runs, agents, draws
        cdef Context *c = &self.context
        c.agents, c.led, c.rows, c.tables, c.joint = agents, led.shape[0], rows, tables, joint
        c.width, c.policies, c.remembered = p.shape[3], p.shape[2], m.shape[3]
        c.leads, c.table_of, c.actions = &led[0], &t[0], &a[0]
        c.weights, c.choices, c.steps = &w[0, 0], &ch[0], &st[0]
        c.reads, c.chooses_by = &re[0], &cb[0]
        c.q, c.value, c.greedy, c.visits = &q_[0, 0, 0, 0], &v[0, 0, 0], &g[0, 0, 0], &n[0, 0, 0]
        c.q_step, c.value_step, c.greedy_step, c.visits_step = q_step, value_step, greedy_step, visits_step
        c.policy, c.counts = NULL, NULL
        if p.shape[3]:
            c.policy = &p[0, 0, 0, 0]
        if m.shape[3]:
            c.counts = &m[0, 0, 0, 0]
        c.scratch, c.room = &s[0, 0], room
        c.discount, c.rate, c.exploration = &d[0], &rate.data, &exploration.data
        c.rule, c.objective, c.kind, c.draws = rule, objective, kind, draws
        c.strict, c.random_ties, c.together = 1 if strict else 0, 1 if random_ties else 0, 1 if together else 0
        self.operations.context = c
        self.operations.act = _act
        self.operations.update = NULL
        if learning:
            self.operations.update = _update
        self.operations.tick = _tick
        if rate.data.kind == CONSTANT and exploration.data.kind == CONSTANT:
            self.operations.tick = NULL

    def settle(self, first):
        """Make ``value``, ``greedy`` and ``policy`` of rows from ``first`` on, in every run, from the rest."""
        cdef Context *c = &self.context
        if c.q == NULL:
            raise ValueError("settle: this object was not made by its constructor")
        if not 0 <= first <= c.rows:
            raise ValueError(f"first: expected 0 to {c.rows}, got {first}")
        cdef int64_t begin = first, run, row, t, runs = self.runs
        cdef bint moved = False
        cdef int status = 0
        with nogil:
            for run in range(runs):
                for row in range(begin, c.rows):
                    for t in range(1 if c.rule >= NASH else c.tables):
                        if not status:
                            status = _solve(c, run, row, t, &moved)
        check_status(status, "settle")


def _check_plan(shape, width, remembered, table_of, actions, leads, weights, choices, steps, reads, chooses_by, rule,
                objective, kind, random_ties, together):
    """Refuse arguments of ``Joint`` by which a kernel could leave its arrays. ``shape`` is that of ``q``."""
    tables, joint = shape[2:]
    agents = len(table_of)
    if table_of.min() < 0 or table_of.max() >= tables:
        raise ValueError(f"table_of: expected tables 0 to {tables - 1}, got {table_of.min()} to {table_of.max()}")
    if actions.min() < 1:
        raise ValueError(f"actions: expected at least 1, got {actions.min()}")
    for name, numbers in (("leads", leads), ("reads", reads), ("chooses_by", chooses_by)):
        if len(numbers) < 1 or numbers.min() < 0 or numbers.max() >= agents:
            raise ValueError(f"{name}: expected agents from 0 to {agents - 1}")
    if choices.min() < 1 or steps.min() < 1 or weights.min() < 0:
        raise ValueError("choices, steps, weights: expected at least 1, 1 and 0")
    for t in range(tables):
        most = sum((int(n) - 1) * int(weight) for n, weight in zip(actions, weights[t], strict=True))
        if most >= joint or (int(choices[t]) - 1) * int(steps[t]) >= joint:
            raise ValueError(f"weights, choices, steps: table {t} has joint actions up to {most}, q to {joint - 1}")
        if rule in (1, 2) and int(choices[t]) * int(steps[t]) != joint:
            raise ValueError(f"choices, steps: expected {joint} joint actions in table {t}")
        if rule in (0, 4) and (choices[t] != joint or steps[t] != 1):
            raise ValueError(f"choices, steps: expected {joint} choices, one step apart, in table {t}")
        if rule and choices[t] > width:
            raise ValueError(f"choices: policy has room for {width}, table {t} has {choices[t]}")
    for i in leads:
        if weights[table_of[i], i] < 1:
            raise ValueError(f"weights: agent {i} is led, and its table does not know its action")
    if rule == 2:
        for t in range(tables):
            others, weight = [k for k in range(agents) if k != reads[t]], 1
            fits = sum(int(actions[k]) for k in others) <= remembered
            for k in reversed(others):
                fits, weight = fits and weights[t, k] == weight, weight * int(actions[k])
            if not fits or steps[t] != weight or weights[t, reads[t]] != weight:
                raise ValueError("counts, weights: expected room for every other agent's actions, in their order")
    if rule > 2 and (tables != 2 or agents != 2 or int(actions[0]) * int(actions[1]) != joint
                     or (weights != [[actions[1], 1]] * 2).any() or table_of[0] != 0 or table_of[1] != 1
                     or reads[0] != reads[1] or rule == 3 and (choices != actions).any()):
        raise ValueError("rule: equilibria need two tables, over the joint actions of two agents")
    if rule == 3 and (steps[0] != actions[1] or steps[1] != 1):
        raise ValueError(f"steps: expected {actions[1]} and 1, got {steps[0]} and {steps[1]}")
    if objective not in (0, 1, 2, 3):
        raise ValueError(f"objective: expected 0 to 3, got {objective}")
    if kind not in (0, 1):
        raise ValueError(f"kind: expected 0 or 1, got {kind}")
    if (kind == 1 or random_ties) and rule not in (0, 2):
        raise ValueError("kind, random_ties: mixed policies explore by epsilon, and have no ties")
    if together and (tables != 1 or rule != 0):
        raise ValueError("together: expected one table, and rule 0")
