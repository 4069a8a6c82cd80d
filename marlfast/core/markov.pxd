# cython: language_level=3
"""A game given as arrays, one run: the leaves of ``src/_markov.pyx``.

A *cell* is a state and a joint action, ``state * joint + number of the joint action``. What can come of it are its
*outcomes*; those of all cells stand one after another, in compressed sparse rows.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from marlfast.core.cells cimport whole
from marlfast.core.operations cimport Status

cdef enum:
    COUNTED = 64                    # outcomes: 50 of them take 0.9 of the whole step's time by bisection

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t states
    int64_t joint                   # joint actions
    int64_t own                     # 1: each outcome has rewards of its own; 0: each cell has
    const int32_t *n_actions        # [N] actions of each agent
    const int64_t *first            # [cells + 1] first outcome of each cell; NULL: one outcome each
    const int32_t *successors       # [outcomes]
    const double *sums              # [outcomes] running sums of the probabilities, cell by cell; NULL as `first` is
    const double *rewards           # [outcomes, N] or [cells, N]
    const double *start             # [states] running sums of the start distribution
    const uint8_t *terminal         # [states]
    const int32_t *obs              # [states, observation_size] what is observed; NULL: the state
    const int32_t *movers           # [states] who acts; NULL: all do


cdef inline int64_t draw(const double *sums, int64_t n, double u) noexcept nogil:
    """The first k with u < sums[k], the last if there is none, without a branch on what chance decides.

    Of few they are counted, whose loads do not wait for each other as those of a bisection do.
    """
    cdef int64_t low = 0, half, k
    if n <= COUNTED:
        for k in range(n - 1):
            low += u >= sums[k]
        return low
    while n > 1:
        half = n >> 1
        low += half & -<int64_t> (u >= sums[low + half - 1])
        n -= half
    return low


cdef inline int64_t joint_action(const Data *game, const int32_t *actions) noexcept nogil:
    """Number of a joint action, the first agent's action the most significant; -1 if out of range."""
    cdef int64_t i, joint = 0
    for i in range(game.agents):
        if <uint32_t> actions[i] >= <uint32_t> game.n_actions[i]:
            return -1
        joint = joint * game.n_actions[i] + actions[i]
    return joint


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    if not (uniforms[0] >= 0.0 and uniforms[0] < 1.0):      # NaN fails too
        return Status.BAD_DRAW
    state[0] = <double> draw(game.start, game.states, uniforms[0])
    return 0


cdef inline int64_t action_of_one(const Data *game, int64_t here, const int32_t *actions) noexcept nogil:
    """Number of the joint action where one agent acts, and what the others would do counts as 0; -1 if out of range."""
    cdef int64_t i, joint = 0, who = game.movers[here]
    if <uint32_t> actions[who] >= <uint32_t> game.n_actions[who]:
        return -1
    for i in range(game.agents):
        joint = joint * game.n_actions[i] + (actions[i] if i == who else 0)
    return joint


cdef inline int64_t arrive(const Data *game, int64_t here, int64_t joint, const double *uniforms, double *rewards,
                           uint8_t *terminated) noexcept nogil:
    """The next state where a joint action of this number is taken, or minus a status; -1 is no joint action."""
    cdef int64_t n_agents = game.agents, cell, outcome, low, i
    cdef const double *paid = game.rewards
    if joint < 0:
        return -Status.BAD_ACTION
    cell = outcome = here * game.joint + joint
    if game.first != NULL:
        if not (uniforms[0] >= 0.0 and uniforms[0] < 1.0):
            return -Status.BAD_DRAW
        low = game.first[cell]
        outcome = low + draw(game.sums + low, game.first[cell + 1] - low, uniforms[0])
        if game.own:
            cell = outcome
    paid += cell * n_agents
    for i in range(n_agents):
        rewards[i] = paid[i]
    here = game.successors[outcome]
    terminated[0] = game.terminal[here]
    return here


cdef inline int64_t turn(const Data *game, int64_t here, const int32_t *actions, const double *uniforms,
                         double *rewards, uint8_t *terminated) noexcept nogil:
    """A step, in which all act, from a state that is one of these numbers: the next one, or minus a status."""
    return arrive(game, here, joint_action(game, actions), uniforms, rewards, terminated)


cdef inline int64_t number(const Data *game, const double *state) noexcept nogil:
    """The number that a state is, or -1."""
    return whole(state[0], game.states)


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t here = number(game, state)
    if here < 0:
        return Status.BAD_STATE
    if game.movers == NULL:
        here = turn(game, here, actions, uniforms, rewards, terminated)
    else:
        here = arrive(game, here, action_of_one(game, here, actions), uniforms, rewards, terminated)
    if here < 0:
        return <int> -here
    state[0] = <double> here
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t here = whole(state[0], game.states), view
    if here < 0:
        return Status.BAD_STATE
    for view in range(game.observation_size):
        observation[view] = <double> game.obs[here * game.observation_size + view]
    return 0


cdef inline int to_act(const Data *game, const double *state, uint8_t *acts) noexcept nogil:
    cdef int64_t here = number(game, state), i
    if here < 0:
        return Status.BAD_STATE
    for i in range(game.agents):
        acts[i] = game.movers[here] == i
    return 0
