/* The fused loop with the agents in the lanes of vector registers: fused.h includes this once for each width, MF_W.
 *
 * All agents are in the same row, and each has a table of its own. A row is [A + 1][agents]: register k holds what
 * action k is worth to each agent, the last one holds in each lane the greedy action (low word) and the visits. So
 * acting, bootstrapping, learning, and which action is greedy then, are a few operations on whole registers, without
 * branches on what chance decides; and whole registers are stored, which later loads need not wait for.
 *
 * Whatever is out of the ordinary in a step (a draw, a value, a greedy action) is left to the leaves of q_learning.h,
 * one agent after the other: statuses, and what is written before one stops the run, are then theirs. */

#define MF_JOIN_(a, b) a##b
#define MF_JOIN(a, b) MF_JOIN_(a, b)
#define MF_NAME(name) MF_JOIN(name, MF_W)
#define MF_REALS MF_NAME(mf_reals_)
#define MF_WORDS MF_NAME(mf_words_)

typedef double MF_REALS __attribute__((vector_size(8 * MF_W), may_alias));
typedef int64_t MF_WORDS __attribute__((vector_size(8 * MF_W), may_alias));

#if MF_W == 4
#define MF_PICK(mask, a, b) _mm256_blendv_pd((__m256d)(b), (__m256d)(a), (__m256d)(mask))
#define MF_SIGNS(x) _mm256_movemask_pd((__m256d)(x))
#define MF_MOST(a, b) _mm256_max_pd(a, b)
#define MF_LEAST(a, b) _mm256_min_pd(a, b)
#define MF_WHOLE(x) ((MF_WORDS)_mm256_cvtepi32_epi64(_mm256_cvttpd_epi32(x)))
#define MF_ALL(x) _mm256_set1_pd(x)
#define MF_WORD(x) ((MF_WORDS)_mm256_set1_epi64x(x))
#define MF_EACH_OF(p) ((MF_REALS){(p)[0], (p)[1], (p)[2], (p)[3]})
#define MF_WHOLE_OF(p) ((MF_WORDS){(p)[0], (p)[1], (p)[2], (p)[3]})
#else
#define MF_PICK(mask, a, b) _mm_blendv_pd((__m128d)(b), (__m128d)(a), (__m128d)(mask))
#define MF_SIGNS(x) _mm_movemask_pd((__m128d)(x))
#define MF_MOST(a, b) _mm_max_pd(a, b)
#define MF_LEAST(a, b) _mm_min_pd(a, b)
#define MF_WHOLE(x) ((MF_WORDS)_mm_cvtepi32_epi64(_mm_cvttpd_epi32(x)))
#define MF_ALL(x) _mm_set1_pd(x)
#define MF_WORD(x) ((MF_WORDS)_mm_set1_epi64x(x))
#define MF_EACH_OF(p) ((MF_REALS){(p)[0], (p)[1]})
#define MF_WHOLE_OF(p) ((MF_WORDS){(p)[0], (p)[1]})
#endif

/* The draws of a register's agents: which of two it is where each has two. Beyond the last agent there is nothing to
 * read, but zeros. */
MF_LANES_INLINE void MF_NAME(mf_lanes_draws_)(const double *draws, const int64_t left, const int several,
                                              MF_REALS *first, MF_REALS *second) {
#if MF_W == 4
    if (left >= 4) {
        if (several) {
            const __m256d a = _mm256_loadu_pd(draws), b = _mm256_loadu_pd(draws + 4);
            *first = _mm256_permute4x64_pd(_mm256_unpacklo_pd(a, b), 0xD8);
            *second = _mm256_permute4x64_pd(_mm256_unpackhi_pd(a, b), 0xD8);
        } else {
            *first = *second = _mm256_loadu_pd(draws);
        }
    } else {
        const MF_WORDS place = {0, 1, 2, 3};
        if (several) {
            const MF_WORDS low = place < 2 * left, high = place + 4 < 2 * left;
            const __m256d a = _mm256_maskload_pd(draws, (__m256i)low);
            const __m256d b = 2 * left > 4 ? _mm256_maskload_pd(draws + 4, (__m256i)high) : _mm256_setzero_pd();
            *first = _mm256_permute4x64_pd(_mm256_unpacklo_pd(a, b), 0xD8);
            *second = _mm256_permute4x64_pd(_mm256_unpackhi_pd(a, b), 0xD8);
        } else {
            *first = *second = _mm256_maskload_pd(draws, (__m256i)(place < left));
        }
    }
#else
    (void)left;
    if (several) {
        const __m128d a = _mm_loadu_pd(draws), b = _mm_loadu_pd(draws + 2);
        *first = _mm_unpacklo_pd(a, b);
        *second = _mm_unpackhi_pd(a, b);
    } else {
        *first = *second = _mm_loadu_pd(draws);
    }
#endif
}

/* As mf_fused_each of fused.h; `A` actions, `H` registers side by side, and the number of agents, are constants. */
MF_LANES_INLINE int MF_NAME(mf_lanes_)(mf_fused *f, const int64_t count, const double *explore,
                                       const double *uniforms, const double *normals, const int A, const int H,
                                       const int64_t agents) {
    const int P = MF_W * H;
    const mf_qlearning c = *f->learner;
    const int64_t run = f->run, first = *f->steps, most_steps = f->most_steps, most_stable = f->most_stable;
    const int64_t row_bytes = (int64_t)(A + 1) * P * 8, after = f->stable_after[run];
    const MF_WORDS low = MF_WORD(0xFFFFFFFF), once = MF_WORD(1ll << 32), around = MF_WORD((int64_t)c.around);
    const MF_REALS discount = MF_ALL(f->discount[run]);
    char *const cells = c.cells + run * c.run_bytes;
    double *const raw_ = f->raw, *const rewards_ = f->rewards;
    const int several = f->several;
    mf_chance chance = mf_fused_chance(f);
    MF_REALS rate = MF_ALL(f->rate[run]), returns[2], shaped[2], live[2];
    int64_t steps = first, episode_steps = *f->episode_steps, stable = *f->stable;
    int64_t at = (uint32_t)f->rows[0], row;      /* of the state, of its successor */
    int lost = at >= c.bound, status = MF_FINE, h, k;
    char *here = cells + (lost ? 0 : at) * row_bytes;
    for (h = 0; h < H; h++) {
        double own[2][MF_W] = {{0.0}};
        int64_t lane[MF_W];
        for (k = 0; k < MF_W; k++) {
            const int there = h * MF_W + k < agents;
            lane[k] = there ? -1 : 0;
            if (there) {
                own[0][k] = f->episode_return[h * MF_W + k];
                own[1][k] = f->episode_shaped[h * MF_W + k];
            }
        }
        returns[h] = MF_EACH_OF(own[0]);
        shaped[h] = MF_EACH_OF(own[1]);
        live[h] = (MF_REALS)MF_WHOLE_OF(lane);
    }
    f->ended = f->full = 0;
    while (steps - first < count) {
        MF_WORDS action[2], before[2], meta[2];
        MF_REALS raw[2], reward[2], value[2];
        char *next;
        int odd = lost, bad = 0;
        uint8_t changed = 0;
        if (f->used && f->used[run] > f->fits) {
            f->full = 1;
            break;
        }
        for (h = 0; h < H; h++) {
            MF_REALS whether, which, place;
            MF_WORDS explores;
            meta[h] = *(const MF_WORDS *)(here + (int64_t)(A * P + h * MF_W) * 8);
            before[h] = meta[h] & low;
            MF_NAME(mf_lanes_draws_)(explore + h * MF_W * (1 + several), agents - h * MF_W, several, &whether, &which);
            explores = whether < MF_ALL(chance.bound);
            place = MF_LEAST(which * chance.scale * (double)A, MF_ALL((double)(A - 1)));
            action[h] = before[h];
            if (c.drawn) {
                /* One of the greatest, each as likely; where there is but one, as there mostly is, it stays. */
                const MF_REALS *own = (const MF_REALS *)here + h;
                MF_REALS top = own[0];
                MF_WORDS ties = MF_WORD(0);
                for (k = 1; k < A; k++)
                    top = MF_MOST(top, own[k * H]);
                for (k = 0; k < A; k++)
                    ties -= own[k * H] == top;
                if (MF_SIGNS((ties > 1) & (MF_WORDS)live[h])) {
                    const MF_REALS n = __builtin_convertvector(ties, MF_REALS);
                    const MF_WORDS nth = MF_WHOLE(
                        MF_MOST(MF_LEAST((which - chance.shift) * chance.rest * n, n - 1.0), MF_ALL(0.0)));
                    MF_WORDS seen = MF_WORD(0);
                    for (k = 0; k < A; k++) {
                        const MF_WORDS equal = own[k * H] == top;
                        action[h] = (MF_WORDS)MF_PICK(equal & (seen == nth), (MF_REALS)MF_WORD(k),
                                                      (MF_REALS)action[h]);
                        seen -= equal;
                    }
                }
            }
            action[h] = (MF_WORDS)MF_PICK(explores, (MF_REALS)MF_WHOLE(place), (MF_REALS)action[h]);
            /* Signs of what must not be negative: of draws outside [0, 1), of actions and greedy ones out of range. */
            odd |= MF_SIGNS(((A - 1) - action[h]) | ((A - 1) - before[h]) | action[h] |
                            (((MF_WORDS)which | ~(MF_WORDS)(which - 1.0)) & explores));
#if MF_W == 4
            _mm_storeu_si128((__m128i *)(f->actions + 4 * h),
                             _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
                                 (__m256i)action[h], _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6))));
#else
            _mm_storel_epi64((__m128i *)f->actions, _mm_shuffle_epi32((__m128i)action[0], 0x08));
#endif
        }
        if (__builtin_expect(odd, 0)) {
            status = mf_lanes_act(f, at, explore, &chance);
            if (status)
                break;
            for (h = 0; h < H; h++)
                action[h] = MF_WHOLE_OF(f->actions + h * MF_W);
        }
        status = mf_hook_play(f, agents, uniforms, normals);
        if (status)
            break;
        if (f->observes) {
            status = mf_hook_observe(f);
            if (status)
                break;
        }
        for (h = 0; h < H; h++) {
            raw[h] = MF_EACH_OF(raw_ + h * MF_W);
            bad |= MF_SIGNS(raw[h] * 0.0 != 0.0);
        }
        if (__builtin_expect(bad, 0)) {
            status = mf_fused_bad_reward(f);
            break;
        }
        mf_fused_count(f, &steps, &episode_steps);
        status = mf_hook_encode_one(f, &row);
        if (status)
            break;
        if (f->paid) {
            for (k = 0; k < P; k++)
                f->next_rows[k] = (int32_t)row;
            status = mf_hook_pay(f);
            if (status)
                break;
            for (h = 0; h < H; h++)
                reward[h] = MF_EACH_OF(rewards_ + h * MF_W);
        } else {
            int64_t distinct = 0;
            for (h = 0; h < H; h++)
                reward[h] = raw[h];
            if (f->amounts) {
                distinct = mf_hook_distinct(f, agents);
                if (distinct < 0) {
                    status = MF_BAD_ACTION;
                    break;
                }
            }
            for (k = 0; k < f->amounts; k++)
                for (h = 0; h < H; h++)
                    reward[h] += MF_ALL(f->amount[k][distinct]);
            if (P != agents)
                for (h = 0; h < H; h++)
                    reward[h] = (MF_REALS)((MF_WORDS)reward[h] & (MF_WORDS)live[h]);
        }
        if (__builtin_expect(lost || (uint64_t)row >= (uint64_t)c.bound, 0)) {
            status = MF_BAD_ROW;
            break;
        }
        next = cells + row * row_bytes;
        for (h = 0; h < H; h++) {
            const MF_REALS *own = (const MF_REALS *)here + h, *ahead = (const MF_REALS *)next + h;
            MF_REALS old = own[0], target = reward[h];
            for (k = 1; k < A; k++)
                old = MF_PICK(action[h] == k, own[k * H], old);
            if (!f->terminated) {
                MF_REALS top = ahead[0];
                for (k = 1; k < A; k++)
                    top = MF_MOST(top, ahead[k * H]);
                target = target + discount * top;
            }
            value[h] = old + rate * (target - old);
            bad |= MF_SIGNS(value[h] - value[h] != 0.0);
        }
        if (__builtin_expect(odd | bad, 0)) {
            memcpy(rewards_, reward, (size_t)H * sizeof reward[0]);
            status = mf_lanes_update(f, at, row, &changed);
            if (status)
                break;
        } else {
            MF_WORDS moved = MF_WORD(0);
            for (h = 0; h < H; h++) {
                MF_REALS *own = (MF_REALS *)here + h, v[8], top;
                const MF_WORDS from = before[h] & around, many = meta[h] >= MF_WORD((int64_t)INT32_MAX << 32);
                MF_WORDS best = MF_WORD(A - 1);
                for (k = 0; k < A; k++) {
                    v[k] = MF_PICK(action[h] == k, value[h], own[k * H]);
                    own[k * H] = v[k];
                }
                top = v[0];
                for (k = 1; k < A; k++)
                    top = MF_MOST(top, v[k]);
                /* The first of the greatest, going round from one place: those before it, then those from it on. */
                for (k = A - 2; k >= 0; k--)
                    best = (MF_WORDS)MF_PICK(v[k] == top, (MF_REALS)MF_WORD(k), (MF_REALS)best);
                for (k = A - 1; k >= 0; k--)
                    best = (MF_WORDS)MF_PICK((v[k] == top) & (from <= k), (MF_REALS)MF_WORD(k), (MF_REALS)best);
                *(MF_WORDS *)(here + (int64_t)(A * P + h * MF_W) * 8) = ((meta[h] & ~low) + (once & ~many)) | best;
                moved |= best ^ before[h];
            }
            changed = MF_SIGNS(moved != 0) != 0;
        }
        if (f->ticks > !f->ended) {
            mf_hook_tick(f);
            chance = mf_fused_chance(f);
            rate = MF_ALL(f->rate[run]);
        }
        stable = mf_fused_stable(stable, steps, after, changed);
        for (h = 0; h < H; h++) {
            returns[h] += raw[h];
            shaped[h] += reward[h];
        }
        explore += f->explore;
        uniforms += f->step_uniforms;
        normals += f->step_normals;
        if (f->ended)
            break;
        here = next;
        at = row;
        lost = 0;
        if (f->paid)
            for (k = 0; k < P; k++)
                f->rows[k] = (int32_t)row;
        if (steps >= most_steps || stable >= most_stable)
            break;
    }
    *f->steps = steps;
    *f->episode_steps = episode_steps;
    *f->stable = stable;
    for (k = 0; k < agents; k++)
        f->rows[k] = (int32_t)at;
    for (h = 0; h < H; h++)
        for (k = 0; k < MF_W && h * MF_W + k < agents; k++) {
            f->episode_return[h * MF_W + k] = returns[h][k];
            f->episode_shaped[h * MF_W + k] = shaped[h][k];
        }
    return status;
}

#undef MF_PICK
#undef MF_SIGNS
#undef MF_MOST
#undef MF_LEAST
#undef MF_WHOLE
#undef MF_ALL
#undef MF_WORD
#undef MF_EACH_OF
#undef MF_WHOLE_OF
#undef MF_REALS
#undef MF_WORDS
#undef MF_NAME
#undef MF_JOIN
#undef MF_JOIN_
