"""Games whose agents see their last observations. Twin: ``marlfast/reference/history.py``."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

cimport marlfast.core.history as leaf
from marlfast.core._kernels cimport Game
from marlfast.core.operations cimport Draws, show


cdef inline Draws _of_run(const Draws *draws, int64_t r) noexcept nogil:
    cdef Draws own = draws[0]
    own.uniforms += r * draws.uniform_stride
    own.normals += r * draws.normal_stride
    return own


cdef int _one_by_one(const leaf.Data *game, int64_t first, int64_t count, double *state, const int32_t *actions,
                     const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    """A step of each run, or a start where there are no actions; the states of the game within are where they are."""
    cdef int64_t r, size = game.within_views * game.within_features
    cdef double *own
    cdef Draws drawn
    cdef int status
    for r in range(count):
        own, drawn = state + r * game.state_size, _of_run(draws, r)
        if actions == NULL:
            status = game.within.start(game.within.context, first + r, 1, own, &drawn)
        else:
            status = game.within.step(game.within.context, first + r, 1, own, actions + r * game.n_agents, &drawn,
                                      rewards + r * game.n_agents, terminated + r)
        if status:
            return status
        if actions != NULL:
            leaf.remember(game, own, actions + r * game.n_agents)
        status = show(game.within, first + r, 1, own, size, leaf.newest(game, own))
        if status:
            return status
        if actions == NULL:
            leaf.begin(game, own)
    return 0


cdef int _at_once(const leaf.Data *game, int64_t first, int64_t count, double *state, const int32_t *actions,
                  const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    """The same in one call of the game within, which is shown states that stand side by side."""
    cdef int64_t r, size = game.within_views * game.within_features, within = game.within_size
    cdef double *states = <double *> malloc(count * (within + size) * sizeof(double))
    cdef double *observations = states + count * within
    cdef double *own
    cdef int status
    if states == NULL:
        return _one_by_one(game, first, count, state, actions, draws, rewards, terminated)
    for r in range(count):
        memcpy(states + r * within, state + r * game.state_size, within * sizeof(double))
    if actions == NULL:
        status = game.within.start(game.within.context, first, count, states, draws)
    else:
        status = game.within.step(game.within.context, first, count, states, actions, draws, rewards, terminated)
    if status == 0:
        status = show(game.within, first, count, states, size, observations)
    if status == 0:         # else nothing has changed
        for r in range(count):
            own = state + r * game.state_size
            memcpy(own, states + r * within, within * sizeof(double))
            if actions != NULL:
                leaf.remember(game, own, actions + r * game.n_agents)
            memcpy(leaf.newest(game, own), observations + r * size, size * sizeof(double))
            if actions == NULL:
                leaf.begin(game, own)
    free(states)
    return status


cdef int _step(void *context, int64_t first, int64_t count, double *state, const int32_t *actions, const Draws *draws,
               double *rewards, uint8_t *terminated) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    if game.within.lockstep and count > 1:
        return _at_once(game, first, count, state, actions, draws, rewards, terminated)
    return _one_by_one(game, first, count, state, actions, draws, rewards, terminated)


cdef int _start(void *context, int64_t first, int64_t count, double *state, const Draws *draws) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    if game.within.lockstep and count > 1:
        return _at_once(game, first, count, state, NULL, draws, NULL, NULL)
    return _one_by_one(game, first, count, state, NULL, draws, NULL, NULL)


cdef int _observe(void *context, int64_t first, int64_t count, const double *state,
                  double *observation) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r, size = game.views * game.n_remembered * (game.within_features + game.actions)
    for r in range(count):
        leaf.observe(game, state + r * game.state_size, observation + r * size)
    return 0


cdef int _counterfactual(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                         const double *rewards, double *counterfactual) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r, n = game.n_agents
    cdef int status = 0
    for r in range(count):
        status = game.within.counterfactual(game.within.context, first + r, 1, state + r * game.state_size,
                                            actions + r * n, rewards + r * n, counterfactual + r * n)
        if status:
            break
    return status


ctypedef int (*Says)(void *, int64_t, int64_t, const double *, uint8_t *) noexcept nogil


cdef int _ask(const leaf.Data *game, Says says, int64_t first, int64_t count, const double *state, uint8_t *said,
              int64_t size) noexcept nogil:
    """What the game within says of each state: ``size`` flags."""
    cdef int64_t r
    cdef int status = 0
    for r in range(count):
        status = says(game.within.context, first + r, 1, state + r * game.state_size, said + r * size)
        if status:
            break
    return status


cdef int _present(void *context, int64_t first, int64_t count, const double *state, uint8_t *present) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    return _ask(game, game.within.present, first, count, state, present, game.n_agents)


cdef int _to_act(void *context, int64_t first, int64_t count, const double *state, uint8_t *to_act) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    return _ask(game, game.within.to_act, first, count, state, to_act, game.n_agents)


cdef int _legal(void *context, int64_t first, int64_t count, const double *state, uint8_t *legal) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    return _ask(game, game.within.legal, first, count, state, legal, game.n_agents * game.max_actions)


cdef int _truncated(void *context, int64_t first, int64_t count, const double *state,
                    uint8_t *truncated) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    return _ask(game, game.within.truncated, first, count, state, truncated, 1)


cdef class History(Game):
    """Another game, whose agents see their last k observations: see :class:`marlfast.games.WithHistory`.

    Parameters
    ----------
    within : Game
    k : int
        At least 1.
    actions : bool
        Whether each agent sees its own last k actions as well.
    """
    cdef leaf.Data game

    def __init__(self, Game within not None, k, actions):
        if not 1 <= k <= 1024:
            raise ValueError(f"k: expected 1 to 1024, got {k}")
        cdef int64_t views = within.agents if actions else within.views
        cdef int64_t size = within.state_size + k * (within.views * within.features + (within.agents if actions else 0))
        self.held, self.failures, self.serial, self.max_actions = within, within.failures, within.serial, within.max_actions
        self.game = leaf.Data(&within.operations, within.agents, k, within.state_size, size, within.views,
                              within.features, views, within.max_actions, actions)
        self._declare(&self.game, within.agents, size, views, k * (within.features + (1 if actions else 0)),
                      (within.step_uniforms, within.step_normals, within.start_uniforms, within.start_normals))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.lockstep = within.operations.lockstep
        if within.operations.counterfactual != NULL:
            self.operations.counterfactual = _counterfactual
        if within.operations.present != NULL:
            self.operations.present = _present
        if within.operations.to_act != NULL:
            self.operations.to_act = _to_act
        if within.operations.legal != NULL:
            self.operations.legal = _legal
        if within.operations.truncated != NULL:
            self.operations.truncated = _truncated
