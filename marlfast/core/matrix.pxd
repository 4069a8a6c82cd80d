# cython: language_level=3
"""Repeated games in normal form, one run: the leaves of ``src/_matrix.pyx``.

The state is one whole number. Histories of ``memory`` joint actions are the numbers in base ``joint`` whose digits
are the joint actions, the most recent the least significant. Shorter ones follow them, as the nodes of a tree whose
root, 0, is the empty history: what joint action j makes of node t is node ``t * joint + 1 + j``.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from marlfast.core.cells cimport pick, whole
from marlfast.core.operations cimport Status

ctypedef struct Data:
    int64_t agents
    int64_t state_size          # 1
    int64_t observation_size               # 1
    int64_t memory              # joint actions that are remembered
    int64_t joint               # J, joint actions there are
    int64_t outcomes            # K, outcomes that a joint action can have
    int64_t histories           # J ** memory
    int64_t kept                # J ** (memory - 1): what is left of a history when its oldest joint action goes
    int64_t shorter             # numbers of shorter histories; 0 where there are none
    int64_t begin               # first state; -1: any history of full length, by a draw
    int64_t chances_step        # from one joint action's chances to the next one's; 0: all have the same
    const int32_t *n_actions    # [N] actions of each agent
    const double *rewards       # [J, K, N]
    const double *chances       # [J, K] or [K] running sums of probabilities; not read where K is 1


cdef inline int start(const Data *game, double *state, const double *uniforms,
                      const double *normals) noexcept nogil:
    cdef int64_t history = game.begin
    if history < 0:
        history = pick(uniforms[0], game.histories)
        if history < 0:
            return Status.BAD_DRAW
    state[0] = <double> history
    return 0


cdef inline int64_t after(const Data *game, int64_t history, int64_t joint) noexcept nogil:
    """The state once a joint action has been played."""
    if history >= game.histories:       # then shorter > 0, and history - histories is a node
        history = (history - game.histories) * game.joint + 1 + joint
        return history - game.shorter if history >= game.shorter else history + game.histories
    if game.memory <= 1:                # without a division, which costs more than all the rest of a step
        return joint if game.memory else 0
    return <int64_t> (<uint32_t> history % <uint32_t> game.kept) * game.joint + joint


cdef inline int64_t turn(const Data *game, int64_t history, const int32_t *actions, const double *uniforms,
                         double *rewards, uint8_t *terminated) noexcept nogil:
    """A step from a state that is one of these numbers: the next one, or minus a status."""
    cdef int64_t n_agents = game.agents, joint = 0, k, i
    cdef const double *paid
    cdef const double *chances
    cdef double u
    for i in range(n_agents):
        if <uint32_t> actions[i] >= <uint32_t> game.n_actions[i]:
            return -Status.BAD_ACTION
        joint = joint * game.n_actions[i] + actions[i]
    paid = game.rewards + joint * game.outcomes * n_agents
    if game.outcomes > 1:
        u = uniforms[0]
        if not (u >= 0.0 and u < 1.0):
            return -Status.BAD_DRAW
        chances = game.chances + joint * game.chances_step
        for k in range(game.outcomes - 1):
            paid += n_agents if u >= chances[k] else 0
    for i in range(n_agents):
        rewards[i] = paid[i]
    terminated[0] = 0
    return after(game, history, joint)


cdef inline int64_t number(const Data *game, const double *state) noexcept nogil:
    """The number that a state is, or -1."""
    return whole(state[0], game.histories + game.shorter)


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t here = number(game, state)
    if here < 0:
        return Status.BAD_STATE
    here = turn(game, here, actions, uniforms, rewards, terminated)
    if here < 0:
        return <int> -here
    state[0] = <double> here
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    observation[0] = state[0]
    return 0
