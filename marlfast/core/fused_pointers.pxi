# The game's part in the fused loop by its pointers: any game's.


cdef inline int _fused_play "mf_hook_play"(Fused *f, int64_t n_agents, int64_t size, double *state,
                                           const int32_t *actions, const double *uniforms, const double *normals,
                                           double *raw, uint8_t *terminated) noexcept nogil:
    cdef Parts *parts = <Parts *> f.parts
    parts.draws.uniforms, parts.draws.normals = uniforms, normals
    return parts.game.step(parts.game.context, f.run, 1, state, actions, &parts.draws, raw, terminated)


cdef inline int _fused_start "mf_hook_start"(Fused *f, int64_t n_agents, int64_t size, double *state,
                                             const double *uniforms, const double *normals) noexcept nogil:
    cdef Parts *parts = <Parts *> f.parts
    parts.starts.uniforms, parts.starts.normals = uniforms, normals
    return parts.game.start(parts.game.context, f.run, 1, state, &parts.starts)
