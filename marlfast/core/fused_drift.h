/* Instances of the fused loop for the drift game: four agents side by side. */
#if MF_HAVE_AVX2_VARIANT
MF_SIDE(4, 5, 1, 4)
#endif

MF_FUNCTION mf_advance *mf_fused_choose(const mf_fused *f) {
#if MF_HAVE_AVX2_VARIANT
    if (f->lanes == 4 && f->agents == 4 && f->few == 5)
        return mf_lanes_4_5_1;
#endif
    return 0;
}
