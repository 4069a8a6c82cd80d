# Who acts in a game whose leaves stand in a header that is known here as `leaf`: beside ranges.pxi. The header has the
# function `to_act`, as it is called below. The kernel's class sets `self.operations.to_act`.


cdef int _to_act(void *context, int64_t first, int64_t count, const double *state, uint8_t *to_act) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.to_act(game, state + r * game.state_size, to_act + r * game.agents)
        if status:
            return status
    return 0
