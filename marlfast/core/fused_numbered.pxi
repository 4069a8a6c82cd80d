# Hooks of a game whose states are whole numbers, each of which is its own row where it is seen as it is: see fused.h.


cdef inline int64_t _fused_number "mf_hook_number"(const Fused *f, const double *state) noexcept nogil:
    return leaf.number(<const leaf.Data *> (<Parts *> f.parts).game.context, state)


cdef inline int64_t _fused_turn "mf_hook_turn"(Fused *f, int64_t n_agents, int64_t here, const int32_t *actions,
                                               const double *uniforms, double *raw, uint8_t *terminated) noexcept nogil:
    cdef leaf.Data game = (<const leaf.Data *> (<Parts *> f.parts).game.context)[0]
    game.agents = n_agents
    return leaf.turn(&game, here, actions, uniforms, raw, terminated)
