# cython: language_level=3
"""Task allocation, one run: the leaves of ``src/_allocation.pyx``.

The state, in whole numbers: work waiting in each kind's queue [kinds], the same before the last step's work [kinds],
the kind at which each agent last worked [N], and that before the last step [N] (``kinds``: none yet).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from marlfast.core.cells cimport allowed, whole
from marlfast.core.operations cimport Status

cdef enum:
    MAX_KINDS = 64

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t kinds
    int64_t capacity            # most tasks in a queue
    int64_t size                # units of work in a task
    int64_t practice            # units more from an agent that stays at its kind
    int64_t own                 # 1: whoever works is paid; 0: equal shares
    int64_t sees_last           # 1: an agent sees at which kind it last worked
    int64_t numbered            # 1: an observation is one number
    double value
    double waiting
    double effort
    double switching
    const double *arrivals      # [kinds] probability that a task arrives
    const int32_t *skills       # [N, kinds] units of work in a step


cdef inline int64_t tasks(const Data *game, int64_t units) noexcept nogil:
    """How many tasks so much work is; one that is begun counts. 32 bits hold all that can wait: they divide faster."""
    return <int64_t> (<uint32_t> (units + game.size - 1) // <uint32_t> game.size)


cdef inline int64_t given(const Data *game, int64_t i, int64_t kind, int64_t previous) noexcept nogil:
    """Units of work that agent i does at a kind."""
    return game.skills[i * game.kinds + kind] + (game.practice if previous == kind else 0)


cdef inline int64_t left(int64_t units, int64_t work) noexcept nogil:
    return units - work if units > work else 0


cdef inline double profit(const Data *game, int64_t finished, int64_t waiting, int64_t working,
                          int64_t switched) noexcept nogil:
    """What all agents earn together."""
    return (game.value * <double> finished - game.waiting * <double> waiting - game.effort * <double> working
            - game.switching * <double> switched)


cdef inline bint sound(const double *numbers, int64_t count, int64_t below) noexcept nogil:
    """Whether all are whole numbers from 0 to below - 1."""
    cdef int64_t k
    for k in range(count):
        if whole(numbers[k], below) < 0:
            return False
    return True


cdef inline void arrive(const Data *game, double *queues, const double *uniforms) noexcept nogil:
    """One task more where chance says so and the queue has room."""
    cdef int64_t m, units
    for m in range(game.kinds):
        units = <int64_t> queues[m]
        if uniforms[m] < game.arrivals[m] and tasks(game, units) < game.capacity:
            queues[m] = <double> (units + game.size)


cdef inline bint drawn(const Data *game, const double *uniforms) noexcept nogil:
    """Whether all of a step's draws lie in [0, 1)."""
    cdef int64_t m
    for m in range(game.kinds):
        if not (uniforms[m] >= 0.0 and uniforms[m] < 1.0):
            return False
    return True


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t k
    if not drawn(game, uniforms):
        return Status.BAD_DRAW
    for k in range(2 * game.kinds):
        state[k] = 0.0
    for k in range(2 * game.kinds, game.state_size):
        state[k] = <double> game.kinds
    arrive(game, state, uniforms)
    return 0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t kinds = game.kinds, n_agents = game.agents
    cdef double *before = state + kinds
    cdef double *last = before + kinds
    cdef double *previous = last + n_agents
    cdef int64_t[MAX_KINDS] work
    cdef int64_t[MAX_KINDS] done       # tasks finished at each kind
    cdef int64_t i, m, units, finished = 0, waiting = 0, working = 0, switched = 0, here, rest
    cdef double share
    if not (sound(state, kinds, game.capacity * game.size + 1) and sound(last, n_agents, kinds + 1)):
        return Status.BAD_STATE
    if not allowed(actions, n_agents, kinds + 1):
        return Status.BAD_ACTION
    if not drawn(game, uniforms):
        return Status.BAD_DRAW
    for m in range(kinds):
        work[m] = 0
    for i in range(n_agents):
        m = actions[i]
        here = <int64_t> last[i]
        previous[i] = last[i]
        if m < kinds:
            work[m] += given(game, i, m, here)
            working += 1
            switched += here < kinds and here != m
            last[i] = <double> m
    for m in range(kinds):
        units = <int64_t> state[m]
        rest = left(units, work[m])
        done[m] = tasks(game, units) - tasks(game, rest)
        finished += done[m]
        waiting += tasks(game, rest)
        before[m] = state[m]
        state[m] = <double> rest
    if game.own:
        share = game.waiting * <double> waiting / <double> n_agents
        for i in range(n_agents):
            m = actions[i]
            if m < kinds:
                here = <int64_t> previous[i]
                rewards[i] = ((game.value * <double> done[m] * <double> given(game, i, m, here) / <double> work[m]
                               if work[m] > 0 else 0.0) - game.effort
                              - (game.switching if here < kinds and here != m else 0.0) - share)
            else:
                rewards[i] = 0.0 - share
    else:
        share = profit(game, finished, waiting, working, switched) / <double> n_agents
        for i in range(n_agents):
            rewards[i] = share
    arrive(game, state, uniforms)
    terminated[0] = 0
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t kinds = game.kinds, views = game.agents if game.sees_last else 1, number = 0, i, m
    cdef const double *last = state + 2 * kinds
    cdef double *obs
    if not (sound(state, kinds, game.capacity * game.size + 1) and sound(last, game.agents, kinds + 1)):
        return Status.BAD_STATE
    if game.numbered:
        for m in range(kinds):
            number = number * (game.capacity + 1) + tasks(game, <int64_t> state[m])
        for i in range(views):
            observation[i] = <double> (number * (kinds + 1) + <int64_t> last[i] if game.sees_last else number)
    else:
        for m in range(kinds):
            observation[m] = <double> tasks(game, <int64_t> state[m])
        for i in range(views):
            obs = observation + i * (kinds + game.sees_last)
            if i > 0:
                memcpy(obs, observation, kinds * sizeof(double))
            if game.sees_last:
                obs[kinds] = last[i]
    return 0


cdef inline int counterfactual(const Data *game, const double *state, const int32_t *actions,
                               double *others_total) noexcept nogil:
    """The others' total reward, had agent i idled and taken no share."""
    cdef int64_t kinds = game.kinds, n_agents = game.agents
    cdef const double *before = state + kinds
    cdef const double *previous = before + kinds + n_agents
    cdef int64_t[MAX_KINDS] work
    cdef int64_t[MAX_KINDS] waits      # tasks left at each kind
    cdef int64_t i, m, units, finished = 0, waiting = 0, working = 0, switched = 0, here, more
    if not (sound(before, kinds, game.capacity * game.size + 1) and sound(previous, n_agents, kinds + 1)):
        return Status.BAD_STATE
    if not allowed(actions, n_agents, kinds + 1):
        return Status.BAD_ACTION
    for m in range(kinds):
        work[m] = 0
    for i in range(n_agents):
        m = actions[i]
        here = <int64_t> previous[i]
        if m < kinds:
            work[m] += given(game, i, m, here)
            working += 1
            switched += here < kinds and here != m
    for m in range(kinds):
        units = <int64_t> before[m]
        waits[m] = tasks(game, left(units, work[m]))
        finished += tasks(game, units) - waits[m]
        waiting += waits[m]
    for i in range(n_agents):
        m = actions[i]
        if n_agents == 1:
            others_total[i] = 0.0
        elif m < kinds:
            here = <int64_t> previous[i]
            more = tasks(game, left(<int64_t> before[m], work[m] - given(game, i, m, here))) - waits[m]
            others_total[i] = profit(game, finished - more, waiting + more, working - 1,
                                     switched - (here < kinds and here != m))
        else:
            others_total[i] = profit(game, finished, waiting, working, switched)
    return 0
