"""Tabular Q-learning for any number of agents and tables. Twin: ``marlfast/reference/q_learning.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport marlfast.core.tabular as leaf
from marlfast.core._kernels cimport Learner, ids, longs, reals
from marlfast.core._schedules cimport Schedule
from marlfast.core.operations cimport Moves, Status, Transition
from marlfast.core.schedules cimport CONSTANT, VISITS, schedule_at, schedule_follow
from marlfast.declarations.q_learning import FIND_GREEDY, Q_LEARNING, SIDE_BY_SIDE, lanes_of
from marlfast.core.tabular cimport (
    BOLTZMANN, EPSILON_GREEDY, Q_RULE, Cells, Context, Agent, Legal, View, chance_of, gather, inside,
    look_at, own_transition, put, put_legal, see)

cdef extern from "q_learning.h" nogil:
    enum:
        MF_FEW_ACTIONS
    int act_few "mf_act_few"(const Cells *c, int64_t run, const int32_t *rows, const double *draws,
                             const leaf.Chance *chance, int32_t *actions) noexcept
    int act_many "mf_act_many"(const Cells *c, int64_t run, const int32_t *rows, const double *draws,
                               const leaf.Chance *chance, int32_t *actions) noexcept
    int act_lanes "mf_act_lanes"(const Cells *c, int64_t run, const int32_t *rows, const double *draws,
                                 const leaf.Chance *chance, int32_t *actions) noexcept
    int update_few "mf_update_few"(const Cells *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                                   const int32_t *actions, const double *rewards, int over, double rate,
                                   double discount, uint8_t *changed) noexcept
    int update_many "mf_update_many"(const Cells *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                                     const int32_t *actions, const double *rewards, int over, double rate,
                                     double discount, uint8_t *changed) noexcept
    int update_wide "mf_update_wide"(const Cells *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                                     const int32_t *actions, const double *rewards, int over, double rate,
                                     double discount, uint8_t *changed) noexcept
    int update_lanes "mf_update_lanes"(const Cells *c, int64_t run, const int32_t *rows, const int32_t *next_rows,
                                       const int32_t *actions, const double *rewards, int over, double rate,
                                       double discount, uint8_t *changed) noexcept
    int has_wide "mf_has_wide"() noexcept


# The table is in one piece: by the leaf for numbers of actions, and a layout, such as its own.

cdef int _act_in_cells(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
                       int64_t stride, int32_t *actions) noexcept nogil:
    """Epsilon-greedy."""
    cdef const Context *c = <const Context *> context
    cdef leaf.Chance chance
    cdef int64_t r
    cdef int status
    for r in range(count):
        chance = chance_of(c, first + r)
        status = c.act_in_cells(&c.cells, first + r, rows + r * c.n_agents, draws + r * stride, &chance,
                                actions + r * c.n_agents)
        if status:
            return status
    return 0


cdef int _update_in_cells(void *context, int64_t first, int64_t count, const Transition *t,
                          uint8_t *changed) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r, at
    cdef int status
    for r in range(count):
        at = r * c.n_agents
        status = c.update_in_cells(&c.cells, first + r, t.rows + at, t.next_rows + at, t.actions + at, t.rewards + at,
                                   t.terminated[r], c.rate.value[first + r], c.discount[first + r], changed + r)
        if status:
            return status
    return 0


cdef int _act(void *context, int64_t first, int64_t count, const int32_t *rows, const double *draws,
              int64_t stride, int32_t *actions) noexcept nogil:
    """Any exploration, any number of actions."""
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, action, n_actions
    cdef const double *draw
    cdef const int32_t *own
    cdef leaf.Chance chance
    cdef int status
    cdef View view
    for r in range(count):
        chance = chance_of(c, first + r)
        for j in range(c.n_ids):
            i = c.agent_ids[j]
            n_actions = c.n_actions[i]
            draw = draws + r * stride + i * c.draws
            if c.kind == EPSILON_GREEDY and draw[0] < chance.bound:
                action = leaf.random_choice(&chance, draw, n_actions)
                if action < 0:
                    return Status.BAD_DRAW
            else:
                own = rows + (r * c.n_agents + i) * c.active
                if not inside(c, own):
                    return Status.BAD_ROW
                status = see(c, first + r, i, own, 0, &view)
                if status:
                    return status
                action = view.greedy[0]
                if c.kind == BOLTZMANN:
                    action = leaf.boltzmann(view.q, n_actions, action, c.exploration.value[first + r], draw[0])
                elif c.drawn:
                    action = leaf.random_greatest(view.q, n_actions, action, leaf.tie_share(&chance, draw))
            actions[r * c.n_agents + i] = <int32_t> action
    return 0


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    """Any layout, any schedule of the rate; an observation may be in several rows, whose values add up."""
    cdef const Context *c = <const Context *> context
    cdef int64_t r, j, i, at, run, action
    cdef double target, old, value
    cdef int status
    cdef bint over, moved
    cdef View here, ahead
    for r in range(count):
        run, over, moved = first + r, t.terminated[r], False
        for j in range(c.n_ids):
            i = c.agent_ids[j]
            at = r * c.n_agents + i
            action = t.actions[at]
            status = look_at(c, run, i, action, t.rows + at * c.active, t.next_rows + at * c.active, over, &here,
                             &ahead)
            if status:
                return status
            target = t.rewards[at]
            if not over:
                target += c.discount[run] * ahead.q[ahead.greedy[0]]
            old = here.q[action]
            value = old + schedule_at(c.rate, run, c.visits[here.cell * c.visits_step]) * (target - old)
            if value - value != 0.0:
                return Status.BAD_VALUE
            status = put(c, run, i, t.rows + at * c.active, &here, action, value, &moved)
            if status:
                return status
        changed[r] |= moved
    return 0


cdef int _act_some(void *context, int64_t run, const int32_t *rows, const double *draws, const Moves *moves,
                   int32_t *actions) noexcept nogil:
    """Those who are to act, among what is legal."""
    cdef const Context *c = <const Context *> context
    cdef leaf.Chance chance = chance_of(c, run)
    cdef int64_t j, i, at
    cdef const double *draw
    cdef int status
    cdef View view
    cdef Legal found
    for j in range(c.n_ids):
        i = c.agent_ids[j]
        if not moves.acts[i]:
            continue
        draw = draws + i * c.draws
        if not inside(c, rows + i * c.active):
            return Status.BAD_ROW
        status = see(c, run, i, rows + i * c.active, 0, &view)
        if status == 0:
            status = gather(c, run, i, &view, moves.legal + i * moves.max_actions, 0, &found)
        if status:
            return status
        at = found.best
        if c.kind == EPSILON_GREEDY and draw[0] < chance.bound:
            at = leaf.random_choice(&chance, draw, found.n)
            if at < 0:
                return Status.BAD_DRAW
        elif c.kind == BOLTZMANN:
            at = leaf.boltzmann(found.q, found.n, at, c.exploration.value[run], draw[0])
        elif c.drawn:
            at = leaf.random_greatest(found.q, found.n, at, leaf.tie_share(&chance, draw))
        actions[i] = found.places[at]
    return 0


cdef int _update_some(void *context, int64_t run, const Transition *t, const Moves *moves,
                      uint8_t *changed) noexcept nogil:
    """Those whose own transition is complete."""
    cdef const Context *c = <const Context *> context
    cdef int64_t j, i, at, k = c.active
    cdef double target, old, value
    cdef int status
    cdef bint moved = False
    cdef View here
    cdef Legal found, ahead
    for j in range(c.n_ids):
        i = c.agent_ids[j]
        if not moves.learns[i]:
            continue
        status = own_transition(c, run, i, t, moves, &here, &found, &ahead, &at)
        if status:
            return status
        target = moves.rewards[i]
        if not moves.over[i]:
            target += c.discount[run] * moves.ahead[i] * ahead.q[ahead.best]
        old = found.q[at]
        value = old + schedule_at(c.rate, run, c.visits[here.cell * c.visits_step]) * (target - old)
        if value - value != 0.0:
            return Status.BAD_VALUE
        status = put_legal(c, run, i, moves.rows + i * k, &here, &found, at, value, &moved)
        if status:
            return status
    changed[0] |= moved
    return 0


cdef void _tick(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    cdef const Context *c = <const Context *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(c.rate, first + r, ended[r])
        schedule_follow(c.exploration, first + r, ended[r])


cdef void _tick_exploration(void *context, int64_t first, int64_t count, const uint8_t *ended) noexcept nogil:
    """Where the rate stays as it is."""
    cdef const Context *c = <const Context *> context
    cdef int64_t r
    for r in range(count):
        schedule_follow(c.exploration, first + r, ended[r])


cdef class QLearning(Learner):
    """Q-learning (Watkins 1989), one table an agent or shared, as the index ``table_of`` says.

    ``q[row, action] += rate * (reward + discount * max q[next row] - q[row, action])``; agents in
    order, so that agents who share a table see each other's writes of the same step.

    Parameters
    ----------
    See ``marlfast/declarations/q_learning.py``.
    """
    def __init__(self, **given):
        cdef int64_t lanes = lanes_of(given) if type(self) is QLearning else 0
        self.context.cells.lanes = lanes
        self._take((SIDE_BY_SIDE if lanes else Q_LEARNING).check(given))

    cdef object _take(self, object a):
        # A run's sums fill cache lines of their own, which threads do not share.
        cdef int64_t pitch = (a.A + 8) // 8 * 8
        sums = np.zeros((a.R if a.active > 1 else 1, 3, pitch))
        cdef Schedule rate = a.rate, exploration = a.exploration
        gathered = np.zeros((a.R, 2, pitch)) if a.moves else None
        places = np.zeros((a.R, 2, 2 * pitch), np.int32) if a.moves else None
        self.held = (a.kept, sums, gathered, places)
        self.runs, self.agents, self.draws, self.active = a.R, a.N, a.draws, a.active
        self.context = Context(
            n_agents=a.N, n_ids=a.L, agent_ids=ids(a.agent_ids), table_of=ids(a.table_of), n_actions=ids(a.n_actions),
            n_rows=a.n_rows,
            tables=a.T, max_actions=a.A, q=reals(a.q), greedy=ids(a.greedy), visits=ids(a.visits), q_step=a.q_step,
            greedy_step=a.greedy_step, visits_step=a.visits_step, discount=reals(a.discount), rate=&rate.data,
            exploration=&exploration.data, kind=BOLTZMANN if a.kind == BOLTZMANN else EPSILON_GREEDY,
            strict=a.strict, several=a.several, drawn=a.drawn, around=a.around, draws=a.draws,
            few=0, cells=Cells(0, NULL, 0, 0, 0, NULL, 0, 0, self.context.cells.lanes, a.around, a.drawn, Q_RULE,
                               NULL, NULL),
            act_in_cells=NULL, update_in_cells=NULL, act=NULL, update=NULL, active=a.active,
            sums=reals(sums), pitch=pitch, gathered=reals(gathered), places=ids(places), incumbent=a.around != 0)
        self.operations.context = &self.context
        self.operations.act = _act
        self.operations.update = NULL
        if a.learning:
            self.operations.update = _update
        if a.moves:
            self.operations.act_some = _act_some
            if a.learning and type(self) is QLearning:      # who derives from it learns otherwise
                self.operations.update_some = _update_some
        self.operations.tick = _tick
        if a.active == 1 and rate.data.kind != VISITS:
            self._packed(a.table_of, a.n_actions, a.agent_ids)
        if rate.data.kind == CONSTANT:
            self.operations.tick = _tick_exploration
            if exploration.data.kind == CONSTANT:
                self.operations.tick = NULL

    cdef object _packed(self, object table_of, object actions, object agent_ids):
        """Take a faster way where the table is in one piece, the fastest where all have the same few actions."""
        cdef Context *c = &self.context
        cdef int64_t pitch = 8 * c.q_step, row_bytes = pitch * c.tables
        if c.cells.lanes:
            pitch, row_bytes = 8, 8 * c.cells.lanes * (c.max_actions + 1)
        elif pitch != 4 * c.greedy_step or pitch != 4 * c.visits_step:
            return
        few = c.max_actions <= MF_FEW_ACTIONS and (actions == c.max_actions).all()
        own = np.ascontiguousarray(
            np.stack([agent_ids, table_of[agent_ids] * pitch, agent_ids.astype(np.int64) * c.draws, actions[agent_ids]],
                     axis=1),
            np.int64)
        self.held = (self.held, own)
        c.few = c.max_actions if few else 0
        c.cells = Cells(n_ids=c.n_ids, agents=<const Agent *> longs(own), bound=c.n_rows, row_bytes=row_bytes,
                        run_bytes=row_bytes * c.n_rows, cells=<char *> c.q, greedy=<char *> c.greedy - <char *> c.q,
                        visits=<char *> c.visits - <char *> c.q, lanes=c.cells.lanes, around=c.around,
                        drawn=c.drawn, rule=Q_RULE, second=NULL, epsilon=NULL)
        if c.cells.lanes:
            c.act_in_cells, c.update_in_cells = act_lanes, update_lanes
        elif few:
            c.act_in_cells, c.update_in_cells = act_few, update_few
        else:
            c.act_in_cells, c.update_in_cells = act_many, update_many
            if has_wide() and 8 <= actions[agent_ids].min() and actions[agent_ids].max() <= 16:
                c.update_in_cells, self.wide = update_wide, True
        c.act, c.update = _act_in_cells, _update_in_cells
        if c.kind == EPSILON_GREEDY:
            self.operations.act = c.act
        if self.operations.update != NULL:
            self.operations.update = c.update
        self.learns_by_cells = type(self) is QLearning


def find_greedy(q, n_actions, greedy, shares=None):
    """One of the greatest action values of every cell.

    Parameters
    ----------
    See ``marlfast/declarations/q_learning.py``.
    """
    given = FIND_GREEDY.check({"q": q, "n_actions": n_actions, "greedy": greedy, "shares": shares})
    cdef const double *values = reals(q)
    cdef const double *share = reals(shares)
    cdef const int32_t *counts = ids(n_actions)
    cdef int32_t *best = ids(greedy)
    cdef int64_t cells = given.cells, max_actions = given.A, k
    with nogil:
        for k in range(cells):
            best[k] = leaf.first_greatest(values + k * max_actions, counts[k])
            if share != NULL:
                best[k] = <int32_t> leaf.random_greatest(values + k * max_actions, counts[k], best[k], share[k])
