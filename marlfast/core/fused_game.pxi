# A game's own instances of the fused loop, with its leaf in them, for modules that include ranges.pxi: see fused.h.
# `MF_FUSED_GAME`, defined before, names the header that says which instances there are.
include "marlfast/core/fused.pxi"
from marlfast.core.fused cimport Advance


cdef inline int _fused_play "mf_hook_play"(Fused *f, int64_t n_agents, int64_t size, double *state,
                                           const int32_t *actions, const double *uniforms, const double *normals,
                                           double *raw, uint8_t *terminated) noexcept nogil:
    """The leaf, on a copy of what it reads, in which numbers of agents and of state variables may be constants."""
    cdef leaf.Data game = (<const leaf.Data *> (<Parts *> f.parts).game.context)[0]
    game.agents, game.state_size = n_agents, size
    return leaf.step(&game, state, actions, uniforms, normals, raw, terminated)


cdef inline int _fused_start "mf_hook_start"(Fused *f, int64_t n_agents, int64_t size, double *state,
                                             const double *uniforms, const double *normals) noexcept nogil:
    cdef leaf.Data game = (<const leaf.Data *> (<Parts *> f.parts).game.context)[0]
    game.agents, game.state_size = n_agents, size
    return leaf.start(&game, state, uniforms, normals)


cdef Advance *_choose(const Fused *f) noexcept nogil:
    return fused_choose(f)
