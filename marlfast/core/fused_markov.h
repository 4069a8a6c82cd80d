/* Instances of the fused loop for games given as arrays: two to four agents side by side, two to five actions each. */
#if MF_HAVE_AVX2_VARIANT
MF_SIDE(2, 2, 1, 2, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(2, 3, 1, 2, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(2, 4, 1, 2, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(2, 5, 1, 2, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(4, 2, 1, f->n_agents, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(4, 3, 1, f->n_agents, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(4, 4, 1, f->n_agents, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(4, 5, 1, f->n_agents, 1, MF_STATE_SEEN | MF_NUMBERED)
#endif

MF_FUNCTION mf_advance *mf_fused_choose(const mf_fused *f) {
#if MF_HAVE_AVX2_VARIANT
    if (mf_state_seen(f) && f->state_size == 1 && f->few <= 5) {
        if (f->lanes == 2 && f->n_agents == 2)
            return f->few == 2 ? MF_SIDE_OF(2, 2, 1) : f->few == 3 ? MF_SIDE_OF(2, 3, 1) :
                   f->few == 4 ? MF_SIDE_OF(2, 4, 1) : MF_SIDE_OF(2, 5, 1);
        if (f->lanes == 4)
            return f->few == 2 ? MF_SIDE_OF(4, 2, 1) : f->few == 3 ? MF_SIDE_OF(4, 3, 1) :
                   f->few == 4 ? MF_SIDE_OF(4, 4, 1) : MF_SIDE_OF(4, 5, 1);
    }
#endif
    return 0;
}
