# Who acts, and what is legal, in a game whose leaves stand in a header that is known here as `leaf`: beside ranges.pxi.
# The header has the functions `to_act`, see to_act.pxi, and `legal`, as it is called below, and its `Data` a member
# `max_actions` (A). The kernel's class sets `self.operations.to_act`, `self.operations.legal` and `self.max_actions`.
include "marlfast/core/to_act.pxi"


cdef int _legal(void *context, int64_t first, int64_t count, const double *state, uint8_t *legal) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.legal(game, state + r * game.state_size, legal + r * game.agents * game.max_actions)
        if status:
            return status
    return 0
