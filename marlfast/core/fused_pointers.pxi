# The game's part in the fused loop by its pointer: any game's.


cdef inline int _fused_play "mf_hook_play"(Fused *f, int64_t agents, const double *uniforms,
                                           const double *normals) noexcept nogil:
    cdef Parts *parts = <Parts *> f.parts
    parts.draws.uniforms, parts.draws.normals = uniforms, normals
    return parts.game.step(parts.game.context, f.run, 1, f.state, f.actions, &parts.draws, f.raw, &f.terminated)
