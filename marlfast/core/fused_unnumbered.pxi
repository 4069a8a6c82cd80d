# The hooks of fused_numbered.pxi where states are something else: they are never called.


cdef inline int64_t _fused_number "mf_hook_number"(const Fused *f, const double *state) noexcept nogil:
    return -1


cdef inline int64_t _fused_turn "mf_hook_turn"(Fused *f, int64_t n_agents, int64_t here, const int32_t *actions,
                                               const double *uniforms, double *raw, uint8_t *terminated) noexcept nogil:
    return -1
