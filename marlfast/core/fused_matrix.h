/* Instances of the fused loop for games in normal form with two agents: side by side, or with 8 to 16 actions. */
#if MF_HAVE_AVX2_VARIANT
MF_SIDE(2, 2, 1, 2, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_SIDE(2, 3, 1, 2, 1, MF_STATE_SEEN | MF_NUMBERED)
MF_WIDE MF_ROW_OF(mf_row_wide, 2, 1, MF_STATE_SEEN | MF_NUMBERED, 0, 15, mf_scan_wide, mf_tied_wide)
__attribute__((MF_AVX512)) MF_ROW_OF(mf_row_masks, 2, 1, MF_STATE_SEEN | MF_NUMBERED, 0, 15, mf_scan_masks, mf_tied_masks)
#endif

MF_FUNCTION mf_advance *mf_fused_choose(const mf_fused *f) {
#if MF_HAVE_AVX2_VARIANT
    if (mf_state_seen(f) && f->lanes == 2 && f->n_agents == 2) {
        if (f->few == 2)
            return MF_SIDE_OF(2, 2, 1);
        if (f->few == 3)
            return MF_SIDE_OF(2, 3, 1);
    }
    if (mf_state_seen(f) && f->one_row && f->n_agents == 2 && f->wide)
        return mf_width() == 2 ? mf_row_masks : mf_row_wide;
#endif
    return 0;
}
