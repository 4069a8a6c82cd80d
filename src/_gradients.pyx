"""Policy gradients: softmax policies, and the ways to learn them. Twin: ``marlfast/reference/gradients.py``.

One mechanism: steps are kept in a *rollout*; once that is full, or an episode over, a critic says what each step was
worth, and the logits climb. What the published rules differ in are four parts: what the critic looks at (own rows, or
those of the whole state), what it values (states, or joint actions of a team), how long a rollout is, and whether the
surrogate is clipped.
"""
import numpy as np

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.gradients as leaf
cimport marlfast.core.tabular as tabular
from marlfast.core._kernels cimport Learner, ids, longs, reals
from marlfast.core._schedules cimport Schedule
from marlfast.core.actors cimport Actors, Logits, climb_rows, logits_of, some_of
from marlfast.core.critics cimport Critics, value_centre, value_spread, worth
from marlfast.core.gradients cimport TOGETHER
from marlfast.core.operations cimport Status, Transition
from marlfast.core.schedules cimport ScheduleData, schedule_follow
from marlfast.declarations.gradients import POLICY_GRADIENT, SOFTMAX

cdef enum Late:             # what a tick leaves to the next update to say
    NOTHING = 0
    MOVED = 1               # a greedy action changed
    FAILED = 2              # a value stopped being finite

cdef enum Over:             # what follows a step of the rollout
    GOES_ON = 0
    TERMINATED = 1
    CUT = 2                 # the time limit: the successor is worth what the critic says


cdef struct Context:
    Actors actors               # first, so that a pointer to this is one to it
    Critics critics
    int64_t counterfactual, normalise, across, epochs, minibatch, length
    const double *discount      # [R]
    const double *decay         # [R] lambda
    const double *clip          # [R]; NULL: the surrogate is plain
    const double *value_clip    # [R]; NULL: values move freely
    ScheduleData *rate
    ScheduleData *critic_rate
    ScheduleData *entropy
    int32_t *rollout_rows               # [R, T, W]
    int32_t *ahead              # [R, T, W] rows of the successors
    int32_t *taken              # [R, T, N]
    int32_t *over               # [R, T]
    double *rewards             # [R, T, U]
    int32_t *known              # [R]
    int32_t *late               # [R]
    double *scratch             # [R, T * (2 U + L * (A + 3))]
    int64_t scratch_size


cdef struct Work:               # one run's part of the scratch
    double *value               # [T, U] before anything is learned
    double *target              # [T, U]
    double *advantage           # [T, L]
    double *old                 # [T, L] probability of the action taken, before anything is learned
    double *greedy              # [T, L] the greedy action, before anything is learned
    double *policy              # [T, L, A] and then its gradient


# -- acting ---------------------------------------------------------------------------------------

cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    """Actions drawn from the policies. Reads the rows of the agents that it controls, and nothing else."""
    cdef const Actors *c = <const Actors *> context
    cdef int64_t r, j, i, begin, some
    cdef int64_t[TOGETHER] action
    cdef double[TOGETHER] u
    cdef Logits[TOGETHER] logits
    for r in range(count):
        begin = 0
        while begin < c.n_ids:
            some = min(c.n_ids - begin, <int64_t> TOGETHER)
            for j in range(some):
                i = c.agent_ids[begin + j]
                u[j] = draws[r * stride + i * c.draws]
                if not 0.0 <= u[j] < 1.0:
                    return Status.BAD_DRAW
                logits[j] = logits_of(c, first + r, i, rows + r * c.stride + i * c.active, j)
                if logits[j] == NULL:
                    return Status.BAD_ROW
            leaf.draw(logits, c.n_own_actions + begin, some, c.max_actions, u,
                      c.weight + (first + r) * TOGETHER * c.max_actions, action)
            for j in range(some):
                actions[r * c.n_agents + c.agent_ids[begin + j]] = <int32_t> action[j]
            begin += some
    return 0


cdef int _play(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
               int64_t stride, int32_t *actions) noexcept nogil:
    """The likeliest actions, or (exploring) any. Reads the rows of the agents that it controls, and nothing else."""
    cdef const Actors *c = <const Actors *> context
    cdef int64_t r, j, i, action
    cdef const double *draw
    cdef const double *logits
    cdef tabular.Chance chance
    for r in range(count):
        chance = tabular.epsilon_chance(c.exploration.value[first + r], c.strict, c.several)
        for j in range(c.n_ids):
            i = c.agent_ids[j]
            draw = draws + r * stride + i * c.draws
            if draw[0] < chance.bound:
                action = tabular.random_choice(&chance, draw, c.n_actions[i])
                if action < 0:
                    return Status.BAD_DRAW
            else:
                logits = logits_of(c, first + r, i, rows + r * c.stride + i * c.active, 0)
                if logits == NULL:
                    return Status.BAD_ROW
                action = leaf.likeliest(logits, c.n_actions[i])
            actions[r * c.n_agents + i] = <int32_t> action
    return 0


cdef void _play_tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const Actors *c = <const Actors *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(c.exploration, first + r, ended[r])


cdef class Softmax(Learner):
    """Plays softmax policies, and learns nothing.

    An agent's logits are those of its active rows, added up. It draws its action from them by its first draw; with
    ``exploration`` it takes the first of the greatest, or (exploring) any.

    Parameters
    ----------
    See ``marlfast/declarations/gradients.py``.
    """
    cdef Actors actors

    def __init__(self, **given):
        self._take(SOFTMAX.check(given))

    cdef object _take(self, object a):
        cdef Schedule exploration = a.exploration
        room, weight = np.zeros((a.R, TOGETHER + 1, a.A)), np.zeros((a.R, TOGETHER, a.A))
        n_own_actions = a.n_actions[a.agent_ids].astype(np.int64)
        self.held = (a.kept, room, weight, n_own_actions)
        self.runs, self.agents, self.draws, self.active = a.R, a.N, a.draws, a.active
        self.actors = Actors(
            n_agents=a.N, n_ids=a.L, agent_ids=ids(a.agent_ids), table_of=ids(a.table_of), n_actions=ids(a.n_actions),
            n_own_actions=longs(n_own_actions), n_rows=a.n_rows, tables=a.T, max_actions=a.A, logits=reals(a.logits),
            active=a.active,
            stride=a.N * a.active, draws=a.draws, exploration=NULL, strict=a.strict, several=a.several, room=reals(room),
            weight=reals(weight))
        self.operations.context = &self.actors
        self.operations.act = _act
        self.operations.update = NULL
        self.operations.tick = NULL
        if exploration is not None:
            self.actors.exploration = &exploration.data
            self.operations.act, self.operations.tick = _play, _play_tick


# -- what a step was worth ------------------------------------------------------------------------

cdef inline int joint_number(const Context *c, const int32_t *taken, int64_t unit, int64_t *number) noexcept nogil:
    """The number of the joint action of a unit's members."""
    cdef int64_t m, i
    number[0] = 0
    for m in range(c.critics.begin[unit], c.critics.begin[unit + 1]):
        i = c.actors.agent_ids[c.critics.members[m]]
        if <uint32_t> taken[i] >= <uint32_t> c.actors.n_actions[i]:
            return Status.BAD_ACTION
        number[0] += c.critics.weights[i] * taken[i]
    return 0


cdef int policies_of(const Context *c, int64_t run, const int32_t *rows, double *policy) noexcept nogil:
    """The policy [L, A] of each agent that is controlled, where the state is in these rows."""
    cdef const Actors *a = &c.actors
    cdef int64_t begin = 0, some
    cdef Logits[TOGETHER] logits
    cdef int status
    while begin < a.n_ids:
        status = some_of(a, run, rows, begin, logits, &some)
        if status:
            return status
        leaf.policies(logits, a.n_own_actions + begin, some, a.max_actions, policy + begin * a.max_actions)
        begin += some
    return 0


cdef int expected(const Context *c, int64_t run, int64_t unit, const int32_t *rows, double *policy,
                  double *value) noexcept nogil:
    """What is to come after a cut: of joint actions the mean over the members' policies. ``policy``: room [L, A]."""
    cdef const Critics *k = &c.critics
    cdef const Actors *a = &c.actors
    cdef int64_t number, last = 0, m, j, i, begin = k.begin[unit], end = k.begin[unit + 1]
    cdef double chance, one
    cdef int status
    if not c.counterfactual:
        return worth(k, run, unit, rows, 0, value)
    status = policies_of(c, run, rows, policy)
    if status:
        return status
    for m in range(begin, end):
        i = a.agent_ids[k.members[m]]
        last += k.weights[i] * (a.n_actions[i] - 1)
    value[0] = 0.0
    for number in range(last + 1):
        chance = 1.0
        for m in range(begin, end):
            j = k.members[m]
            i = a.agent_ids[j]
            chance *= policy[j * a.max_actions + number // k.weights[i] % a.n_actions[i]]
        status = worth(k, run, unit, rows, number, &one)
        if status:
            return status
        value[0] += chance * one
    return 0


cdef int look_back(const Context *c, int64_t run, int64_t known, const Work *w) noexcept nogil:
    """Values of all steps, and their targets: the returns of TD(lambda)."""
    cdef const Critics *k = &c.critics
    cdef int64_t t, u, at, step, number
    cdef double reward, ahead, decay = c.decay[run]
    cdef int status
    for t in range(known):
        step = run * c.length + t
        for u in range(k.units):
            status = joint_number(c, c.taken + step * c.actors.n_agents, u, &number)
            if status == 0:
                status = worth(k, run, u, c.rollout_rows + step * c.actors.stride, number, w.value + t * k.units + u)
            if status:
                return status
    for t in range(known - 1, -1, -1):
        step = run * c.length + t
        for u in range(k.units):
            at = t * k.units + u
            reward = c.rewards[step * k.units + u]
            if c.over[step] == TERMINATED:
                w.target[at] = reward
            else:
                if c.over[step] == CUT or t == known - 1:
                    status = expected(c, run, u, c.ahead + step * c.actors.stride, w.policy, &ahead)
                    if status:
                        return status
                else:
                    ahead = (1.0 - decay) * w.value[at + k.units] + decay * w.target[at + k.units]
                w.target[at] = reward + c.discount[run] * ahead
            if w.target[at] - w.target[at] != 0.0:
                return Status.BAD_VALUE
    return 0


cdef int learn_values(const Context *c, int64_t run, int64_t known, const Work *w) noexcept nogil:
    """Move the critic to its targets: steps in the order of time, units in theirs."""
    cdef const Critics *k = &c.critics
    cdef int64_t _epoch, t, u, j, at, step, number
    cdef double value, error, rate = c.critic_rate.value[run] / <double> k.active, bounded, limit, scale
    cdef const int32_t *rows
    cdef double *cell
    if k.values == NULL:
        return 0
    for _epoch in range(c.epochs):
        for t in range(known):
            step = run * c.length + t
            for u in range(k.units):
                at, number = t * k.units + u, 0
                if c.counterfactual:
                    joint_number(c, c.taken + step * c.actors.n_agents, u, &number)
                rows = c.rollout_rows + step * c.actors.stride
                worth(k, run, u, rows, number, &value)
                error, scale = w.target[at] - value, value_spread(k, run, u)
                if c.value_clip != NULL:
                    limit = c.value_clip[run] * scale
                    bounded = value - w.value[at]
                    bounded = w.value[at] + (limit if bounded > limit else -limit if bounded < -limit else bounded)
                    bounded = w.target[at] - bounded
                    # The greater of two squared errors counts, and that of a clipped value has no slope.
                    if bounded * bounded > error * error:
                        continue
                for j in range(k.active):
                    cell = k.values + number + k.joint * (
                        (run * k.n_rows + rows[k.place[u] + j]) * k.tables + k.table[u])
                    value = cell[0] + rate * (error / scale)
                    if value - value != 0.0:
                        return Status.BAD_VALUE
                    cell[0] = value
    return 0


cdef int judge(const Context *c, int64_t run, int64_t known, const Work *w) noexcept nogil:
    """The advantage of every action taken: over the value of its step, or over what else the agent might have done."""
    cdef const Critics *k = &c.critics
    cdef const Actors *a = &c.actors
    cdef int64_t t, j, i, u, m, x, at, step, number, row, base, known_unit
    cdef double mean, spread, value, baseline, count
    cdef const int32_t *rows
    for t in range(known):
        step, known_unit, number = run * c.length + t, -1, 0
        for j in range(a.n_ids):
            i = a.agent_ids[j]
            u = k.unit_of[i]
            at = t * a.n_ids + j
            if not c.counterfactual:
                w.advantage[at] = w.target[t * k.units + u] - w.value[t * k.units + u]
                continue
            if u != known_unit:
                known_unit = u
                joint_number(c, c.taken + step * a.n_agents, u, &number)
            base = number - k.weights[i] * c.taken[step * a.n_agents + i]
            rows = c.rollout_rows + step * a.stride
            value, baseline = 0.0, 0.0
            for x in range(k.active):
                row = ((run * k.n_rows + rows[k.place[u] + x]) * k.tables + k.table[u]) * k.joint
                value += k.values[row + number]
                baseline += leaf.mean_value(w.policy + at * a.max_actions, k.values + row + base, k.weights[i],
                                            a.n_actions[i])
            w.advantage[at] = (value - baseline) * value_spread(k, run, u)
    if not c.normalise:
        return 0
    for u in range(k.units):
        mean, spread, count = 0.0, 0.0, <double> (known * (k.begin[u + 1] - k.begin[u]))
        for t in range(known):
            for m in range(k.begin[u], k.begin[u + 1]):
                mean += w.advantage[t * a.n_ids + k.members[m]]
        mean /= count
        for t in range(known):
            for m in range(k.begin[u], k.begin[u + 1]):
                at = t * a.n_ids + k.members[m]
                w.advantage[at] -= mean
                spread += w.advantage[at] * w.advantage[at]
        spread = 1.0 / (sqrt(spread / count) + 1e-8)
        for t in range(known):
            for m in range(k.begin[u], k.begin[u + 1]):
                w.advantage[t * a.n_ids + k.members[m]] *= spread
    return 0


cdef int account(const Context *c, int64_t run, int64_t known, const Work *w) noexcept nogil:
    """The running mean of targets and of their squares, by which values are from now on what they stand for."""
    cdef const Critics *k = &c.critics
    cdef int64_t t, u, at
    cdef double total, square
    if k.weight == NULL:
        return 0
    for u in range(k.units):
        total, square, at = 0.0, 0.0, run * k.units + u
        for t in range(known):
            total += w.target[t * k.units + u]
            square += w.target[t * k.units + u] * w.target[t * k.units + u]
        if square - square != 0.0:
            return Status.BAD_VALUE
        k.mean[at] = 0.99999 * k.mean[at] + (1.0 - 0.99999) * (total / <double> known)
        k.square[at] = 0.99999 * k.square[at] + (1.0 - 0.99999) * (square / <double> known)
        k.weight[at] = 0.99999 * k.weight[at] + (1.0 - 0.99999)
    return 0


# -- climbing -------------------------------------------------------------------------------------

cdef int learn_policies(const Context *c, int64_t run, int64_t known, const Work *w) noexcept nogil:
    """Climb the surrogate: the gradients of a minibatch are taken where it begins, and added up."""
    cdef const Actors *a = &c.actors
    cdef int64_t size = c.minibatch if c.minibatch else known, _epoch, first, last, t, j, i, at, begin, some
    cdef double rate = c.rate.value[run] / <double> a.active, entropy = c.entropy.value[run]
    cdef double clip = -1.0 if c.clip == NULL else c.clip[run]
    cdef const int32_t *rows
    cdef int64_t[TOGETHER] action
    cdef Logits[TOGETHER] logits
    cdef bint fresh = True          # the policies in the scratch are those that the logits say
    cdef int status
    for _epoch in range(c.epochs):
        last = 0
        while last < known:
            first, last = last, min(last + size, known)
            for t in range(first, last):
                begin = 0
                while begin < a.n_ids:
                    some_of(a, run, c.rollout_rows + (run * c.length + t) * a.stride, begin, logits, &some)
                    for j in range(some):
                        action[j] = c.taken[(run * c.length + t) * a.n_agents + a.agent_ids[begin + j]]
                    at = t * a.n_ids + begin
                    leaf.ascent(logits, a.n_own_actions + begin, some, a.max_actions, action, w.advantage + at,
                                w.old + at,
                                clip,
                                entropy, fresh, w.policy + at * a.max_actions)
                    begin += some
            for t in range(first, last):
                for j in range(a.n_ids):
                    i = a.agent_ids[j]
                    rows = c.rollout_rows + (run * c.length + t) * a.stride + i * a.active
                    status = climb_rows(a, run, i, rows, w.policy + (t * a.n_ids + j) * a.max_actions, rate)
                    if status:
                        return status
            fresh = False
    return 0


cdef int learn(const Context *c, int64_t run, bint *moved) noexcept nogil:
    """Learn from the rollout, and forget it."""
    cdef const Actors *a = &c.actors
    cdef int64_t known = c.known[run], steps = c.length, units = c.critics.units, t, j, i, at
    cdef double *scratch = c.scratch + run * c.scratch_size
    cdef const int32_t *rows
    cdef const double *logits
    cdef Work w
    cdef int status
    if <uint64_t> known > <uint64_t> steps:
        return Status.BAD_ROW
    w.value, w.target = scratch, scratch + steps * units
    w.advantage = w.target + steps * units
    w.old, w.greedy = w.advantage + steps * a.n_ids, w.advantage + 2 * steps * a.n_ids
    w.policy = w.advantage + 3 * steps * a.n_ids
    status = look_back(c, run, known, &w)
    for t in range(known):
        if status:
            return status
        rows = c.rollout_rows + (run * steps + t) * a.stride
        status = policies_of(c, run, rows, w.policy + t * a.n_ids * a.max_actions)
        for j in range(a.n_ids if status == 0 else 0):
            i = a.agent_ids[j]
            at = t * a.n_ids + j
            w.old[at] = w.policy[at * a.max_actions + c.taken[(run * steps + t) * a.n_agents + i]]
            w.greedy[at] = <double> leaf.likeliest(logits_of(a, run, i, rows + i * a.active, 0), a.n_actions[i])
    if status == 0:
        status = learn_values(c, run, known, &w)
    if status == 0:
        status = judge(c, run, known, &w)
    if status == 0:
        status = learn_policies(c, run, known, &w)
    if status == 0:
        status = account(c, run, known, &w)
    if status:
        return status
    for t in range(known):
        for j in range(a.n_ids):
            i = a.agent_ids[j]
            logits = logits_of(a, run, i, c.rollout_rows + (run * steps + t) * a.stride + i * a.active, 0)
            moved[0] |= <double> leaf.likeliest(logits, a.n_actions[i]) != w.greedy[t * a.n_ids + j]
    c.known[run] = 0
    return 0


cdef inline int _keep(const Context *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                      const int32_t *actions, const double *rewards, bint over) noexcept nogil:
    """Put a step into the rollout."""
    cdef const Actors *a = &c.actors
    cdef const Critics *k = &c.critics
    cdef int64_t step, j, i, x, u
    cdef double total
    if <uint32_t> c.known[run] >= <uint64_t> c.length:
        return Status.BAD_ROW
    for j in range(a.n_ids):
        i = a.agent_ids[j]
        if <uint32_t> actions[i] >= <uint32_t> a.n_actions[i]:
            return Status.BAD_ACTION
        for x in range(i * a.active, (i + 1) * a.active):
            if <uint32_t> rows[x] >= <uint64_t> a.n_rows or <uint32_t> next_rows[x] >= <uint64_t> a.n_rows:
                return Status.BAD_ROW
    for x in range(a.n_agents * a.active, a.stride):
        if <uint32_t> rows[x] >= <uint64_t> k.n_rows or <uint32_t> next_rows[x] >= <uint64_t> k.n_rows:
            return Status.BAD_ROW
    step = run * c.length + c.known[run]
    for x in range(a.stride):
        c.rollout_rows[step * a.stride + x], c.ahead[step * a.stride + x] = rows[x], next_rows[x]
    for x in range(a.n_agents):
        c.taken[step * a.n_agents + x] = actions[x]
    for u in range(k.units):
        total = 0.0
        for x in range(k.begin[u], k.begin[u + 1]):
            total += rewards[a.agent_ids[k.members[x]]]
        c.rewards[step * k.units + u] = total / <double> (k.begin[u + 1] - k.begin[u])
    c.over[step] = TERMINATED if over else GOES_ON
    c.known[run] += 1
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef const Actors *a = &c.actors
    cdef int64_t r, run
    cdef bint moved
    cdef int status
    for r in range(count):
        run, moved = first + r, False
        if c.late[run] != NOTHING:
            if c.late[run] != MOVED:
                return Status.BAD_VALUE
            c.late[run], moved = NOTHING, True
        status = _keep(c, run, t.rows + r * a.stride, t.next_rows + r * a.stride, t.actions + r * a.n_agents,
                       t.rewards + r * a.n_agents, t.terminated[r])
        if status == 0 and (c.known[run] == c.length or (t.terminated[r] and not c.across)):
            status = learn(c, run, &moved)
        if status:
            return status
        changed[r] |= moved
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    """An episode that the time limit ended is learned from here, or (across episodes) cut."""
    cdef const Context *c = <const Context *> context
    cdef int64_t r, run, last
    cdef bint moved
    for r in range(count):
        run, moved = first + r, False
        if ended[r] and 0 < c.known[run] <= c.length:
            if c.across:
                last = run * c.length + c.known[run] - 1
                if c.over[last] == GOES_ON:
                    c.over[last] = CUT
            elif learn(c, run, &moved):
                c.late[run] = FAILED
            elif moved and c.late[run] == NOTHING:
                c.late[run] = MOVED
        schedule_follow(c.rate, run, ended[r])
        schedule_follow(c.critic_rate, run, ended[r])
        schedule_follow(c.entropy, run, ended[r])


cdef class PolicyGradient(Softmax):
    """Policy gradients with a critic: of states or of joint actions, of single agents or of teams.

    Once a rollout is over: the critic's targets are the returns of TD(lambda), ``target[t] = reward[t] + discount *
    ((1 - decay) * value[t + 1] + decay * target[t + 1])``. It moves to them, ``value += critic_rate * (target -
    value)``, step by step. Then the logits climb ``sum_t weight[t] * log policy(action[t]) + entropy * H(policy)``,
    where the weight is the advantage ``target - value`` or, counterfactual, the value of the joint action less the mean
    over the agent's own policy; with ``clip`` the first term is the clipped surrogate of the advantages.

    Parameters
    ----------
    See ``marlfast/declarations/gradients.py``.
    """
    cdef Context own

    def __init__(self, **given):
        a = POLICY_GRADIENT.check(given)
        cdef Schedule rate = a.rate, critic_rate = a.critic_rate, entropy = a.entropy
        self._take(a)
        self.central = a.central
        begins = np.cumsum([0, *map(len, a.members)], dtype=np.int64)
        members = np.array([j for own in a.members for j in own], np.int64)
        scratch = np.zeros((a.R, a.length * (2 * a.U + a.L * (a.A + 3))))
        values = a.critic is not None
        cdef Context *c = &self.own
        c.actors = self.actors
        c.actors.stride = self.active_rows
        c.critics = Critics(
            units=a.U, values=reals(a.critic), n_rows=a.states if values else 2**31, tables=a.tables if values else 0,
            joint=a.J if values else 0, active=a.central or a.active, place=longs(a.places), table=ids(a.units),
            unit_of=ids(a.unit_of), begin=longs(begins), members=longs(members), weights=longs(a.weights),
            mean=reals(a.value_mean), square=reals(a.value_square), weight=reals(a.value_weight))
        c.counterfactual, c.normalise, c.across = a.counterfactual, a.normalise, a.across
        c.epochs, c.minibatch, c.length = a.epochs, a.minibatch, a.length
        c.discount, c.decay, c.clip, c.value_clip = (reals(a.discount), reals(a.decay), reals(a.clip),
                                                     reals(a.value_clip))
        c.rate, c.critic_rate, c.entropy = &rate.data, &critic_rate.data, &entropy.data
        c.rollout_rows, c.ahead, c.taken, c.over = ids(a.rollout_rows), ids(a.ahead), ids(a.taken), ids(a.over)
        c.rewards, c.known, c.late, c.scratch = reals(a.rewards), ids(a.known), ids(a.late), reals(scratch)
        c.scratch_size = scratch.shape[1]
        self.held = (self.held, a.places, begins, members, scratch)
        self.operations.context = c
        self.operations.update, self.operations.tick = _update, _tick
