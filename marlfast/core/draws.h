/* Draws: Philox4x32-10 uniforms and Box-Muller normals, filled in groups of 16.
 *
 * A stream is a pure function of (seed, run, stream, position): nothing is
 * stored, so a draw does not depend on threads, block sizes or order.
 *
 * Generator: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11 (Philox4x32, 10 rounds). key = (low, high word of the seed);
 * counter = (low, high word of the block number, run, stream).
 *
 * Position p lies in group g = p / 16. A group is 8 consecutive Philox blocks,
 * one per lane: positions 0..7 of the group are the first uniform of the 8
 * blocks (words 0 and 1), positions 8..15 their second (words 2 and 3). Lane
 * by lane is how vector registers hold them, so nothing has to be shuffled.
 *
 * The arithmetic is the same, operation by operation, in every variant below
 * and in marlfast/reference/draws.py. Never compile this with -ffast-math or
 * with contraction into fused multiply-adds.
 */
#ifndef MARLFAST_DRAWS_H
#define MARLFAST_DRAWS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define MF_GROUP 16
#define MF_LANES 8

#define MF_PHILOX_M0 0xD2511F53u
#define MF_PHILOX_M1 0xCD9E8D57u
#define MF_PHILOX_W0 0x9E3779B9u
#define MF_PHILOX_W1 0xBB67AE85u

/* Compiled with MARLFAST_PORTABLE, everything takes the ways that other processors and compilers take. */
#if !defined(MARLFAST_PORTABLE) && defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define MF_HAVE_AVX2_VARIANT 1
#include <immintrin.h>
#else
#define MF_HAVE_AVX2_VARIANT 0
#endif

/* What every x86-64 processor has. */
#if !defined(MARLFAST_PORTABLE) && (defined(__x86_64__) || defined(_M_X64))
#define MF_HAVE_SSE2_DRAWS 1
#include <emmintrin.h>
#else
#define MF_HAVE_SSE2_DRAWS 0
#endif

/* What every 64-bit ARM processor has. */
#if !defined(MARLFAST_PORTABLE) && defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define MF_HAVE_NEON_DRAWS 1
#include <arm_neon.h>
#else
#define MF_HAVE_NEON_DRAWS 0
#endif

#if defined(__GNUC__) || defined(__clang__)
#define MF_INLINE static inline __attribute__((always_inline, unused))
#define MF_FUNCTION static __attribute__((unused))
#define MF_SQRT(x) __builtin_sqrt(x)
#elif defined(_MSC_VER)
#define MF_INLINE static __forceinline
#define MF_FUNCTION static
#define MF_SQRT(x) sqrt(x)
#else
#define MF_INLINE static inline
#define MF_FUNCTION static
#define MF_SQRT(x) sqrt(x)
#endif

/* Before a loop over a number of agents that is a constant. */
#if defined(__clang__)
#define MF_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define MF_UNROLL _Pragma("GCC unroll 8")
#else
#define MF_UNROLL
#endif

MF_INLINE double mf_from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

MF_INLINE uint64_t mf_to_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- leaves: log, exp, and a quarter-turn sine and cosine ------------------
 * Polynomials were fitted at Chebyshev nodes; tests bound their error in ulps. */

/* Natural logarithm of a positive, finite, normal x. */
MF_INLINE double mf_log(double x) {
    const uint64_t root_half = 0x3FE6A09E667F3BCDull; /* bits of sqrt(1/2) */
    uint64_t shifted = mf_to_bits(x) + (0x3FF0000000000000ull - root_half);
    /* x = 2^k * m with m in [sqrt(1/2), sqrt(2)); k as a double without a
       64-bit integer conversion, which AVX2 does not have. */
    double k = mf_from_bits((shifted >> 52) | 0x4330000000000000ull) - (4503599627370496.0 + 1023.0);
    double m = mf_from_bits((shifted & 0x000FFFFFFFFFFFFFull) + root_half);
    double f = m - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double w = z * z;
    double p = ((0x1.0c039c49989c6p-3 * z + 0x1.0fbe95d716020p-3) * w +
                (0x1.3b1c355a8f7a2p-3 * z + 0x1.745cf9048dd95p-3)) * (w * w) +
               ((0x1.c71c720159177p-3 * z + 0x1.2492492476cccp-2) * w +
                (0x1.9999999999a38p-2 * z + 0x1.5555555555555p-1));
    /* log m = f - s (f - z p): a small correction of an exact number. */
    return k * 0x1.62e42feep-1 + (f - (s * (f - z * p) - k * 1.9082149292705877e-10));
}

/* exp(x) for finite x; 0 below -708 and capped at exp(709) above. */
MF_INLINE double mf_exp(double x) {
    double y = x < 709.0 ? x : 709.0;
    double k, r, p, scale;
    y = y > -708.0 ? y : -708.0;
    k = (y * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0;
    r = (y - k * 0x1.62e42feep-1) - k * 1.9082149292705877e-10;
    p = 2.0914679376583935e-09;
    p = p * r + 2.510520637395701e-08;
    p = p * r + 2.7557273661348637e-07;
    p = p * r + 2.7557255425746435e-06;
    p = p * r + 2.4801587325533363e-05;
    p = p * r + 0.00019841269874800493;
    p = p * r + 0.0013888888888883752;
    p = p * r + 0.008333333333326141;
    p = p * r + 0.04166666666666667;
    p = p * r + 0.1666666666666667;
    p = p * r + 0.5;
    p = (p * r) * r + r;
    scale = mf_from_bits((mf_to_bits((k + 1023.0) + 4503599627370496.0) & 0xFFFull) << 52);
    return x > -708.0 ? scale + scale * p : 0.0;
}

/* Two normals from two uniforms in [0, 1): G. E. P. Box and M. E. Muller (1958), in two halves.
 * The first makes the radius in place of the first uniform. */
MF_INLINE double mf_radius(double u) { return MF_SQRT(-2.0 * mf_log(1.0 - u)); }

/* The second turns the radius by the angle that the second uniform stands for. */
MF_INLINE void mf_turn(double radius, double v, double *first, double *second) {
    double t = 4.0 * v;
    uint64_t q = mf_to_bits(t + 6755399441055744.0); /* low bits: nearest quarter turn */
    double f = t - ((t + 6755399441055744.0) - 6755399441055744.0);
    double z = f * f, w = z * z;
    double s, c;
    uint64_t odd, sine, cosine;
    s = ((5.633933781537854e-08 * z + -3.59864335298231e-06) * w +
         (0.0001604411507421909 * z + -0.004681754132340976)) * (w * z) +
        ((0.07969262624604301 * w + -0.6459640975062443 * z) + 1.5707963267948966);
    s = s * f;
    c = ((-6.321256869628588e-09 * z + 4.710609726757823e-07) * w +
         (-2.520203677046026e-05 * z + 0.0009192602741831558)) * (w * w) +
        ((-0.02086348076331121 * z + 0.2536695079010467) * w + (-1.2337005501361697 * z + 1.0));
    odd = 0ull - (q & 1ull);
    sine = mf_to_bits(s);
    cosine = mf_to_bits(c);
    *first = radius * mf_from_bits(((cosine & ~odd) | (sine & odd)) ^ (((q + 1ull) & 2ull) << 62));
    *second = radius * mf_from_bits(((sine & ~odd) | (cosine & odd)) ^ ((q & 2ull) << 62));
}

/* ---- Philox4x32-10 -------------------------------------------------------- */

MF_INLINE void mf_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    int round;
    for (round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)c0 * MF_PHILOX_M0;
        uint64_t p1 = (uint64_t)c2 * MF_PHILOX_M1;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += MF_PHILOX_W0;
        k1 += MF_PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* 52 of the 64 bits (a, b) as a multiple of 2^-52 in [0, 1). */
MF_INLINE double mf_unit(uint32_t a, uint32_t b) {
    return mf_from_bits(((uint64_t)a << 20) | (b >> 12) | 0x3FF0000000000000ull) - 1.0;
}

MF_FUNCTION void mf_uniform_portable(uint64_t seed, uint32_t run, uint32_t stream, int64_t group,
                                     int64_t groups, double *out) {
    uint32_t key[2], counter[4], word[4];
    int64_t g;
    int lane;
    key[0] = (uint32_t)seed;
    key[1] = (uint32_t)(seed >> 32);
    counter[2] = run;
    counter[3] = stream;
    for (g = group; g < group + groups; g++, out += MF_GROUP) {
        for (lane = 0; lane < MF_LANES; lane++) {
            uint64_t block = (uint64_t)g * MF_LANES + (uint64_t)lane;
            counter[0] = (uint32_t)block;
            counter[1] = (uint32_t)(block >> 32);
            mf_philox(counter, key, word);
            out[lane] = mf_unit(word[0], word[1]);
            out[lane + MF_LANES] = mf_unit(word[2], word[3]);
        }
    }
}

/* Halves apart, some groups at a time: the processor then works on the divisions and roots of many
 * groups at once. */
MF_INLINE void mf_normal_body(int64_t groups, double *out) {
    while (groups > 0) {
        const int64_t some = groups < 32 ? groups : 32;
        int64_t g;
        int lane;
        for (g = 0; g < some; g++)
            for (lane = 0; lane < MF_LANES; lane++)
                out[g * MF_GROUP + lane] = mf_radius(out[g * MF_GROUP + lane]);
        for (g = 0; g < some; g++) {
            double *first = out + g * MF_GROUP, *second = first + MF_LANES;
            for (lane = 0; lane < MF_LANES; lane++)
                mf_turn(first[lane], second[lane], first + lane, second + lane);
        }
        out += some * MF_GROUP;
        groups -= some;
    }
}

MF_FUNCTION void mf_normal_portable(int64_t groups, double *out) { mf_normal_body(groups, out); }

#if MF_HAVE_SSE2_DRAWS
/* Two blocks a register, two registers at a time. Only the low half of each 64-bit lane counts, as below. */
MF_FUNCTION void mf_uniform_sse2(uint64_t seed, uint32_t run, uint32_t stream, int64_t group, int64_t groups,
                                 double *out) {
    const __m128i m0 = _mm_set1_epi64x(MF_PHILOX_M0), m1 = _mm_set1_epi64x(MF_PHILOX_M1);
    const __m128i one = _mm_set1_epi64x(0x3FF0000000000000ll), two = _mm_set1_epi64x(2);
    const __m128d unit = _mm_set1_pd(1.0);
    const __m128i runs = _mm_set1_epi64x(run), streams = _mm_set1_epi64x(stream);
    const long long first = (long long)group * MF_LANES;
    __m128i block = _mm_set_epi64x(first + 1, first);
    __m128i key0[10], key1[10];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    int64_t half;
    int pair, round;
    for (round = 0; round < 10; round++, k0 += MF_PHILOX_W0, k1 += MF_PHILOX_W1) {
        key0[round] = _mm_set1_epi64x(k0);
        key1[round] = _mm_set1_epi64x(k1);
    }
    for (half = 0; half < 2 * groups; half++) {
        double *at = out + (half >> 1) * MF_GROUP + (half & 1) * 4;
        __m128i c0[2], c1[2], c2[2], c3[2];
        for (pair = 0; pair < 2; pair++) {
            c0[pair] = block;
            c1[pair] = _mm_srli_epi64(block, 32);
            c2[pair] = runs;
            c3[pair] = streams;
            block = _mm_add_epi64(block, two);
        }
        for (round = 0; round < 10; round++)
            for (pair = 0; pair < 2; pair++) {
                const __m128i p0 = _mm_mul_epu32(c0[pair], m0), p1 = _mm_mul_epu32(c2[pair], m1);
                c0[pair] = _mm_xor_si128(_mm_srli_epi64(p1, 32), _mm_xor_si128(c1[pair], key0[round]));
                c2[pair] = _mm_xor_si128(_mm_srli_epi64(p0, 32), _mm_xor_si128(c3[pair], key1[round]));
                c1[pair] = p1;
                c3[pair] = p0;
            }
        for (pair = 0; pair < 2; pair++) {
            const __m128i a = _mm_or_si128(_mm_srli_epi64(_mm_slli_epi64(c0[pair], 32), 12),
                                           _mm_srli_epi64(_mm_slli_epi64(c1[pair], 32), 44));
            const __m128i b = _mm_or_si128(_mm_srli_epi64(_mm_slli_epi64(c2[pair], 32), 12),
                                           _mm_srli_epi64(_mm_slli_epi64(c3[pair], 32), 44));
            _mm_storeu_pd(at + 2 * pair, _mm_sub_pd(_mm_castsi128_pd(_mm_or_si128(a, one)), unit));
            _mm_storeu_pd(at + MF_LANES + 2 * pair, _mm_sub_pd(_mm_castsi128_pd(_mm_or_si128(b, one)), unit));
        }
    }
}
#endif

#if MF_HAVE_NEON_DRAWS
/* Two blocks a register, four registers a group: a product of two words fills a register twice as wide. */
MF_FUNCTION void mf_uniform_neon(uint64_t seed, uint32_t run, uint32_t stream, int64_t group, int64_t groups,
                                 double *out) {
    const uint32x2_t m0 = vdup_n_u32(MF_PHILOX_M0), m1 = vdup_n_u32(MF_PHILOX_M1);
    const uint64x2_t one = vdupq_n_u64(0x3FF0000000000000ull), two = vdupq_n_u64(2);
    const float64x2_t unit = vdupq_n_f64(1.0);
    const uint64_t first = (uint64_t)group * MF_LANES;
    uint64x2_t block = vsetq_lane_u64(first + 1, vdupq_n_u64(first), 1);
    uint32x2_t key0[10], key1[10];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    int64_t g;
    int pair, round;
    for (round = 0; round < 10; round++, k0 += MF_PHILOX_W0, k1 += MF_PHILOX_W1) {
        key0[round] = vdup_n_u32(k0);
        key1[round] = vdup_n_u32(k1);
    }
    for (g = 0; g < groups; g++, out += MF_GROUP) {
        uint32x2_t c0[4], c1[4], c2[4], c3[4];
        for (pair = 0; pair < 4; pair++) {
            c0[pair] = vmovn_u64(block);
            c1[pair] = vshrn_n_u64(block, 32);
            c2[pair] = vdup_n_u32(run);
            c3[pair] = vdup_n_u32(stream);
            block = vaddq_u64(block, two);
        }
        for (round = 0; round < 10; round++)
            for (pair = 0; pair < 4; pair++) {
                const uint64x2_t p0 = vmull_u32(c0[pair], m0), p1 = vmull_u32(c2[pair], m1);
                c0[pair] = veor_u32(vshrn_n_u64(p1, 32), veor_u32(c1[pair], key0[round]));
                c2[pair] = veor_u32(vshrn_n_u64(p0, 32), veor_u32(c3[pair], key1[round]));
                c1[pair] = vmovn_u64(p1);
                c3[pair] = vmovn_u64(p0);
            }
        for (pair = 0; pair < 4; pair++) {
            const uint64x2_t a = vorrq_u64(vshlq_n_u64(vmovl_u32(c0[pair]), 20), vmovl_u32(vshr_n_u32(c1[pair], 12)));
            const uint64x2_t b = vorrq_u64(vshlq_n_u64(vmovl_u32(c2[pair]), 20), vmovl_u32(vshr_n_u32(c3[pair], 12)));
            vst1q_f64(out + 2 * pair, vsubq_f64(vreinterpretq_f64_u64(vorrq_u64(a, one)), unit));
            vst1q_f64(out + MF_LANES + 2 * pair, vsubq_f64(vreinterpretq_f64_u64(vorrq_u64(b, one)), unit));
        }
    }
}
#endif

#if MF_HAVE_AVX2_VARIANT
/* Four blocks a register, two registers a group. Only the low half of each
 * 64-bit lane counts (the multiply ignores the rest), so nothing is masked. */
__attribute__((target("avx2"), unused)) static void mf_uniform_avx2(uint64_t seed, uint32_t run,
                                                                    uint32_t stream, int64_t group,
                                                                    int64_t groups, double *out) {
    const __m256i m0 = _mm256_set1_epi64x(MF_PHILOX_M0), m1 = _mm256_set1_epi64x(MF_PHILOX_M1);
    const __m256i one = _mm256_set1_epi64x(0x3FF0000000000000ll);
    const __m256d unit = _mm256_set1_pd(1.0);
    const __m256i runs = _mm256_set1_epi64x(run), streams = _mm256_set1_epi64x(stream);
    const __m256i four = _mm256_set1_epi64x(4);
    const long long first = (long long)group * MF_LANES;
    __m256i block = _mm256_set_epi64x(first + 3, first + 2, first + 1, first);
    __m256i key0[10], key1[10];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    int64_t g;
    int half, round;
    for (round = 0; round < 10; round++, k0 += MF_PHILOX_W0, k1 += MF_PHILOX_W1) {
        key0[round] = _mm256_set1_epi64x(k0);
        key1[round] = _mm256_set1_epi64x(k1);
    }
    for (g = 0; g < groups; g++, out += MF_GROUP) {
        __m256i c0[2], c1[2], c2[2], c3[2];
        for (half = 0; half < 2; half++) {
            c0[half] = block;
            c1[half] = _mm256_srli_epi64(block, 32);
            c2[half] = runs;
            c3[half] = streams;
            block = _mm256_add_epi64(block, four);
        }
        for (round = 0; round < 10; round++)
            for (half = 0; half < 2; half++) {
                __m256i p0 = _mm256_mul_epu32(c0[half], m0), p1 = _mm256_mul_epu32(c2[half], m1);
                c0[half] = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(c1[half], key0[round]));
                c2[half] = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(c3[half], key1[round]));
                c1[half] = p1;
                c3[half] = p0;
            }
        for (half = 0; half < 2; half++) {
            __m256i a = _mm256_or_si256(_mm256_srli_epi64(_mm256_slli_epi64(c0[half], 32), 12),
                                        _mm256_srli_epi64(_mm256_slli_epi64(c1[half], 32), 44));
            __m256i b = _mm256_or_si256(_mm256_srli_epi64(_mm256_slli_epi64(c2[half], 32), 12),
                                        _mm256_srli_epi64(_mm256_slli_epi64(c3[half], 32), 44));
            _mm256_storeu_pd(out + 4 * half, _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(a, one)), unit));
            _mm256_storeu_pd(out + MF_LANES + 4 * half,
                             _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(b, one)), unit));
        }
    }
}

__attribute__((target("avx2"), unused)) static void mf_normal_avx2(int64_t groups, double *out) {
    mf_normal_body(groups, out);
}

/* All eight blocks of a group in a register, four groups side by side: one round waits for the last. */
#define MF_AVX512 target("avx512f,avx512vl,avx512dq,bmi,bmi2,popcnt")
#define MF_AVX512_GROUPS 4
__attribute__((MF_AVX512, always_inline, unused)) static inline void mf_uniform_avx512_some(
    const __m512i *key0, const __m512i *key1, const __m512i runs, const __m512i streams, __m512i block, const int some,
    double *out) {
    const __m512i m0 = _mm512_set1_epi64(MF_PHILOX_M0), m1 = _mm512_set1_epi64(MF_PHILOX_M1);
    const __m512i one = _mm512_set1_epi64(0x3FF0000000000000ll), eight = _mm512_set1_epi64(MF_LANES);
    const __m512d unit = _mm512_set1_pd(1.0);
    __m512i c0[MF_AVX512_GROUPS], c1[MF_AVX512_GROUPS], c2[MF_AVX512_GROUPS], c3[MF_AVX512_GROUPS];
    int g, round;
    for (g = 0; g < some; g++) {
        c0[g] = block;
        c1[g] = _mm512_srli_epi64(block, 32);
        c2[g] = runs;
        c3[g] = streams;
        block = _mm512_add_epi64(block, eight);
    }
    for (round = 0; round < 10; round++)
        for (g = 0; g < some; g++) {
            const __m512i p0 = _mm512_mul_epu32(c0[g], m0), p1 = _mm512_mul_epu32(c2[g], m1);
            c0[g] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), c1[g], key0[round], 0x96); /* xor of three */
            c2[g] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), c3[g], key1[round], 0x96);
            c1[g] = p1;
            c3[g] = p0;
        }
    for (g = 0; g < some; g++) {
        const __m512i a = _mm512_ternarylogic_epi64(_mm512_srli_epi64(_mm512_slli_epi64(c0[g], 32), 12),
                                                    _mm512_srli_epi64(_mm512_slli_epi64(c1[g], 32), 44), one, 0xFE);
        const __m512i b = _mm512_ternarylogic_epi64(_mm512_srli_epi64(_mm512_slli_epi64(c2[g], 32), 12),
                                                    _mm512_srli_epi64(_mm512_slli_epi64(c3[g], 32), 44), one, 0xFE);
        _mm512_storeu_pd(out + g * MF_GROUP, _mm512_sub_pd(_mm512_castsi512_pd(a), unit)); /* or of three, above */
        _mm512_storeu_pd(out + g * MF_GROUP + MF_LANES, _mm512_sub_pd(_mm512_castsi512_pd(b), unit));
    }
}

__attribute__((MF_AVX512, unused)) static void mf_uniform_avx512(uint64_t seed, uint32_t run, uint32_t stream,
                                                                 int64_t group, int64_t groups, double *out) {
    const __m512i runs = _mm512_set1_epi64(run), streams = _mm512_set1_epi64(stream);
    const __m512i lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    __m512i key0[10], key1[10], block = _mm512_add_epi64(_mm512_set1_epi64((long long)group * MF_LANES), lanes);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    int round;
    for (round = 0; round < 10; round++, k0 += MF_PHILOX_W0, k1 += MF_PHILOX_W1) {
        key0[round] = _mm512_set1_epi64(k0);
        key1[round] = _mm512_set1_epi64(k1);
    }
    for (; groups >= MF_AVX512_GROUPS; groups -= MF_AVX512_GROUPS, out += MF_AVX512_GROUPS * MF_GROUP) {
        mf_uniform_avx512_some(key0, key1, runs, streams, block, MF_AVX512_GROUPS, out);
        block = _mm512_add_epi64(block, _mm512_set1_epi64(MF_AVX512_GROUPS * MF_LANES));
    }
    for (; groups > 0; groups--, out += MF_GROUP) {
        mf_uniform_avx512_some(key0, key1, runs, streams, block, 1, out);
        block = _mm512_add_epi64(block, _mm512_set1_epi64(MF_LANES));
    }
}

__attribute__((MF_AVX512, unused)) static void mf_normal_avx512(int64_t groups, double *out) {
    mf_normal_body(groups, out);
}
#endif

/* 2: registers of 512 bits, and masks; 1: of 256 bits; 0: neither. What is worked out is the same. Compiled with
 * MF_MAX_WIDTH, no more than that is used: tests have all of them on one machine. */
#ifndef MF_MAX_WIDTH
#define MF_MAX_WIDTH 2
#endif
MF_INLINE int mf_width(void) {
#if MF_HAVE_AVX2_VARIANT
    if (MF_MAX_WIDTH >= 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("bmi2"))
        return 2;
    return MF_MAX_WIDTH >= 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

/* Fill `groups` groups of 16 draws, from group number `group` of a stream.
 * `normal` != 0 turns them into standard normals. */
MF_FUNCTION void mf_fill(int normal, uint64_t seed, uint32_t run, uint32_t stream, int64_t group,
                         int64_t groups, double *out) {
#if MF_HAVE_AVX2_VARIANT
    const int width = mf_width();
    if (width == 2) {
        mf_uniform_avx512(seed, run, stream, group, groups, out);
        if (normal)
            mf_normal_avx512(groups, out);
        return;
    }
    if (width == 1) {
        mf_uniform_avx2(seed, run, stream, group, groups, out);
        if (normal)
            mf_normal_avx2(groups, out);
        return;
    }
#endif
#if MF_HAVE_SSE2_DRAWS
    mf_uniform_sse2(seed, run, stream, group, groups, out);
#elif MF_HAVE_NEON_DRAWS
    mf_uniform_neon(seed, run, stream, group, groups, out);
#else
    mf_uniform_portable(seed, run, stream, group, groups, out);
#endif
    if (normal)
        mf_normal_portable(groups, out);
}

#endif
