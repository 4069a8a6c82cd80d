# A game's own instances of the fused loop, with its leaf in them, for modules that include ranges.pxi: see fused.h.
# `MF_FUSED_GAME`, defined before, names the header that says which instances there are.
include "marlfast/core/fused.pxi"
from marlfast.core.fused cimport Advance


cdef inline int _fused_play "mf_hook_play"(Fused *f, int64_t agents, const double *uniforms,
                                           const double *normals) noexcept nogil:
    """The leaf, on a copy of what it reads, in which the number of agents may be a constant."""
    cdef leaf.Data game = (<const leaf.Data *> (<Parts *> f.parts).game.context)[0]
    game.agents = agents
    return leaf.step(&game, f.state, f.actions, uniforms, normals, f.raw, &f.terminated)


cdef Advance *_choose(const Fused *f) noexcept nogil:
    return fused_choose(f)
