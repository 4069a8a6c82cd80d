from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core._q_learning cimport QLearning
from marlfast.core.operations cimport Status, Transition
from marlfast.core.tabular cimport Context, count_visit, first_greatest, look


cdef struct Forgetting:
    Context base            # first, so that Q-learning's own functions find it
    double fade


cdef int _update(void *context, int64_t first, int64_t count, const Transition *t, uint8_t *changed) noexcept nogil:
    cdef const Forgetting *c = <const Forgetting *> context
    cdef const Context *b = &c.base
    cdef int64_t r, j, i, a, at, here, ahead, action, run
    cdef double target, value
    cdef double *q
    cdef int32_t *greedy
    cdef int32_t best
    cdef int status
    for r in range(count):
        run = first + r
        for j in range(b.n_ids):
            i = b.agent_ids[j]
            at = r * b.n_agents + i
            action = t.actions[at]
            # The cells of this row and the next, once all that leads to them is known to lie inside.
            status = look(b, run, i, action, t.rows[at], t.next_rows[at], t.terminated[r], &here, &ahead)
            if status:
                return status
            target = t.rewards[at]
            if not t.terminated[r]:
                target += b.discount[run] * b.q[ahead * b.q_step + b.greedy[ahead * b.greedy_step]]
            q, greedy = b.q + here * b.q_step, b.greedy + here * b.greedy_step
            value = q[action] + b.rate.value[run] * (target - q[action])
            if value - value != 0.0:        # it stopped being finite
                return Status.BAD_VALUE
            count_visit(b, here)
            for a in range(b.n_actions[i]):
                q[a] -= c.fade * q[a]
            q[action] = value
            best = first_greatest(q, b.n_actions[i])
            changed[r] |= best != greedy[0]
            greedy[0] = best
    return 0


cdef class ForgettingQ(QLearning):
    cdef Forgetting own

    def __init__(self, fade, **common):
        super().__init__(**common)
        self.own = Forgetting(self.context, fade)
        self.operations.context = &self.own
        if common["learning"]:
            self.operations.update = _update
