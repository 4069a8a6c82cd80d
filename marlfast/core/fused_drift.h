/* Instances of the fused loop for the drift game: four agents side by side, two state variables. */
#if MF_HAVE_AVX2_VARIANT
MF_SIDE(4, 5, 1, 4, 2, MF_STATE_SEEN)
#endif

MF_FUNCTION mf_advance *mf_fused_choose(const mf_fused *f) {
#if MF_HAVE_AVX2_VARIANT
    if (mf_state_seen(f) && f->lanes == 4 && f->n_agents == 4 && f->few == 5 && f->state_size == 2)
        return MF_SIDE_OF(4, 5, 1);
#endif
    return 0;
}
