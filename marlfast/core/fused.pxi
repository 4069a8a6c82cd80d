# The hooks of the fused loop, for modules that instantiate it: see fused.h. All but `mf_hook_play` are the same
# everywhere; a game that has its own leaf there defines that itself (fused_game.pxi).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cimport marlfast.core.encoders as encoder_leaf
cimport marlfast.core.rewards as reward_leaf
from marlfast.core.fused cimport Fused, Parts, fused_choose
from marlfast.core.operations cimport (
    DISCRETE_ENCODER, GRID_ENCODER, Draws, EncoderOperations, GameOperations, RewardOperations, Status, Transition)
from marlfast.core.schedules cimport schedule_follow


cdef inline int _fused_observe "mf_hook_observe"(Fused *f) noexcept nogil:
    cdef GameOperations *game = (<Parts *> f.parts).game
    return game.observe(game.context, f.run, 1, f.state, f.observation)


cdef inline int _fused_encode "mf_hook_encode"(Fused *f, int32_t *rows) noexcept nogil:
    """The common encoders by their leaves, the others by their pointers."""
    cdef EncoderOperations *encoder = (<Parts *> f.parts).encoder
    cdef const encoder_leaf.Grid *grid = <const encoder_leaf.Grid *> encoder.context
    if f.kind == GRID_ENCODER:
        return encoder_leaf.grid_rows(grid, f.observation, rows)
    if f.kind == DISCRETE_ENCODER:
        return encoder_leaf.discrete_rows(grid, f.observation, rows)
    return encoder.encode(encoder.context, f.run, 1, f.observation, rows)


cdef inline int _fused_encode_one "mf_hook_encode_one"(Fused *f, int64_t features, const double *observation,
                                                       int64_t *row) noexcept nogil:
    """The same, where all agents are in one row."""
    cdef EncoderOperations *encoder = (<Parts *> f.parts).encoder
    cdef const encoder_leaf.Grid *given = <const encoder_leaf.Grid *> encoder.context
    cdef encoder_leaf.Grid grid
    cdef int status
    if f.kind == GRID_ENCODER:
        grid.low, grid.scale, grid.bins = given.low, given.scale, given.bins
        grid.features = features if features else given.features
        row[0] = encoder_leaf.grid_row(&grid, observation)
        return Status.FINE if row[0] >= 0 else Status.BAD_OBSERVATION
    if f.kind == DISCRETE_ENCODER:
        row[0] = encoder_leaf.discrete_row(given, observation)
        return Status.FINE if row[0] >= 0 else Status.BAD_OBSERVATION
    status = encoder.encode(encoder.context, f.run, 1, observation, f.next_rows)
    row[0] = <int64_t> <uint32_t> f.next_rows[0]
    return status


cdef inline int64_t _fused_distinct "mf_hook_distinct"(int64_t n_agents, const int32_t *actions) noexcept nogil:
    return reward_leaf.distinct(n_agents, 64, actions, NULL)


cdef inline int _fused_pay "mf_hook_pay"(Fused *f) noexcept nogil:
    """Structure and shaping by their pointers."""
    cdef Parts *parts = <Parts *> f.parts
    cdef RewardOperations *part
    cdef int64_t p, i
    cdef int status
    parts.transition.rows, parts.transition.next_rows, parts.distinct = f.rows, f.next_rows, -1
    if parts.plain:
        for i in range(f.n_agents):
            f.rewards[i] = f.raw[i]
    for p in range(parts.plain, parts.reward_count):
        part = parts.rewards[p]
        status = part.apply(part.context, f.run, 1, &parts.transition)
        if status:
            return status
    return 0


cdef inline void _fused_tick "mf_hook_tick"(Fused *f) noexcept nogil:
    cdef Parts *parts = <Parts *> f.parts
    if parts.rate != NULL:
        schedule_follow(parts.rate, f.run, f.ended)
    if parts.exploration != NULL:
        schedule_follow(parts.exploration, f.run, f.ended)
    if parts.second != NULL:
        schedule_follow(parts.second, f.run, f.ended)
