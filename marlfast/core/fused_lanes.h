/* The fused loop with the agents in the lanes of vector registers: fused.h includes this once for each width, MF_W, and
 * once more for processors with masks (MF_MASKS: AVX-512 on registers of the same width).
 *
 * All agents are in the same row, and each has a table of its own. A row is [A + 1][agents]: register k holds what
 * action k is worth to each agent, the last one holds in each lane the greedy action (low word) and the visits. So
 * acting, bootstrapping, learning, and which action is greedy then, are a few operations on whole registers, without
 * branches on what chance decides; and whole registers are stored, which later loads need not wait for.
 *
 * Whether any greedy action changes is a branch all the same: it seldom happens once something was learned, and the next
 * step's actions then do not wait for this step's values.
 *
 * Whatever is out of the ordinary in a step (a draw, a value, a greedy action) is left to the leaves of q_learning.h,
 * one agent after the other: statuses, and what is written before one stops the run, are then theirs. */

#define MF_JOIN_(a, b) a##b
#define MF_JOIN(a, b) MF_JOIN_(a, b)
#if MF_MASKS
#define MF_NAME(name) MF_JOIN(MF_JOIN(name, masks_), MF_W)
#define MF_LANES_INLINE static inline __attribute__((always_inline, unused, MF_AVX512))
#else
#define MF_NAME(name) MF_JOIN(name, MF_W)
#define MF_LANES_INLINE static inline __attribute__((always_inline, unused, target("avx2,bmi,bmi2")))
#endif
#define MF_REALS MF_NAME(mf_reals_)
#define MF_WORDS MF_NAME(mf_words_)

typedef double MF_REALS __attribute__((vector_size(8 * MF_W), may_alias));
typedef int64_t MF_WORDS __attribute__((vector_size(8 * MF_W), may_alias));

#if MF_W == 4
#define MF_OF(name) _mm256_##name
#define MF_R(x) ((__m256d)(x))
#define MF_I(x) ((__m256i)(x))
#define MF_EACH_OF(p) ((MF_REALS){(p)[0], (p)[1], (p)[2], (p)[3]})
#define MF_WHOLE_OF(p) ((MF_WORDS){(p)[0], (p)[1], (p)[2], (p)[3]})
#define MF_WORD(x) ((MF_WORDS)_mm256_set1_epi64x(x))
#else
#define MF_OF(name) _mm_##name
#define MF_R(x) ((__m128d)(x))
#define MF_I(x) ((__m128i)(x))
#define MF_EACH_OF(p) ((MF_REALS){(p)[0], (p)[1]})
#define MF_WHOLE_OF(p) ((MF_WORDS){(p)[0], (p)[1]})
#define MF_WORD(x) ((MF_WORDS)_mm_set1_epi64x(x))
#endif
#define MF_ALL(x) ((MF_REALS)MF_OF(set1_pd)(x))
#define MF_MAX(a, b) ((MF_REALS)MF_OF(max_pd)(MF_R(a), MF_R(b)))
#define MF_MIN(a, b) ((MF_REALS)MF_OF(min_pd)(MF_R(a), MF_R(b)))

/* Comparisons of reals and of words, what is made of them, and whether they hold anywhere. */
#if MF_MASKS
#define MF_MASK __mmask8
#define MF_EQUAL(a, b) MF_OF(cmp_pd_mask)(MF_R(a), MF_R(b), _CMP_EQ_OQ)
#define MF_LESS(a, b) MF_OF(cmp_pd_mask)(MF_R(a), MF_R(b), _CMP_LT_OQ)
#define MF_UNEQUAL(a, b) MF_OF(cmp_pd_mask)(MF_R(a), MF_R(b), _CMP_NEQ_UQ)
#define MF_IS(a, b) MF_OF(cmpeq_epi64_mask)(MF_I(a), MF_I(b))
#define MF_ABOVE(a, b) MF_OF(cmpgt_epi64_mask)(MF_I(a), MF_I(b))
#define MF_NEGATIVE(a) MF_OF(movepi64_mask)(MF_I(a))
#define MF_PICK(mask, a, b) ((MF_REALS)MF_OF(mask_blend_pd)(mask, MF_R(b), MF_R(a)))
#define MF_CHOOSE(mask, a, b) ((MF_WORDS)MF_OF(mask_blend_epi64)(mask, MF_I(b), MF_I(a)))
#define MF_COUNT(n, mask) ((MF_WORDS)MF_OF(mask_add_epi64)(MF_I(n), mask, MF_I(n), MF_I(MF_WORD(1))))
#define MF_BOTH(a, b) ((MF_MASK)((a) & (b)))
#define MF_BUT(a, b) ((MF_MASK)((a) & ~(b)))
#define MF_PLACES(mask) ((int)(mask))
#define MF_WHOLE(x) ((MF_WORDS)MF_OF(cvttpd_epi64)(MF_R(x)))
#else
#define MF_MASK MF_WORDS
#define MF_EQUAL(a, b) ((MF_WORDS)((a) == (b)))
#define MF_LESS(a, b) ((MF_WORDS)((a) < (b)))
#define MF_UNEQUAL(a, b) ((MF_WORDS)((a) != (b)))
#define MF_IS(a, b) ((MF_WORDS)((a) == (b)))
#define MF_ABOVE(a, b) ((MF_WORDS)((a) > (b)))
#define MF_NEGATIVE(a) ((MF_WORDS)(a))
#define MF_PICK(mask, a, b) ((MF_REALS)MF_OF(blendv_pd)(MF_R(b), MF_R(a), MF_R(mask)))
#define MF_CHOOSE(mask, a, b) ((MF_WORDS)MF_OF(blendv_pd)(MF_R(b), MF_R(a), MF_R(mask)))
#define MF_COUNT(n, mask) ((n) - (mask))
#define MF_BOTH(a, b) ((a) & (b))
#define MF_BUT(a, b) ((a) & ~(b))
#define MF_PLACES(mask) MF_OF(movemask_pd)(MF_R(mask))
#if MF_W == 4
#define MF_WHOLE(x) ((MF_WORDS)_mm256_cvtepi32_epi64(_mm256_cvttpd_epi32(MF_R(x))))
#else
#define MF_WHOLE(x) ((MF_WORDS)_mm_cvtepi32_epi64(_mm_cvttpd_epi32(MF_R(x))))
#endif
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

/* As mf_fused_each of fused.h; `A` actions, `H` registers side by side, the number of agents, and what is `known`, are
 * constants; so is `size` where the state is known to be what is seen. */
MF_LANES_INLINE int MF_NAME(mf_lanes_)(mf_fused *f, const int64_t count, const double *explore,
                                       const double *uniforms, const double *normals, const int A, const int H,
                                       const int64_t n_agents, const int64_t size, const int known) {
    const int P = MF_W * H, own = known & MF_STATE_SEEN, numbered = known & MF_NUMBERED;
    const int paid = own ? 0 : f->paid != 0, observes = own ? 0 : f->observes != 0;
    const mf_qlearning c = *f->learner;
    const int rule = own ? MF_Q : (int)c.rule;
    const int64_t run = f->run, first = *f->steps, amounts = numbered ? 0 : f->amounts, ticks = f->ticks, bound = c.bound;
    const int64_t row_bytes = (int64_t)(A + 1) * P * 8, after = f->stable_after[run];
    const int64_t explores_step = f->explore, uniforms_step = f->step_uniforms, normals_step = f->step_normals;
    const MF_WORDS low = MF_WORD(0xFFFFFFFF), once = MF_WORD(1ll << 32), around = MF_WORD(rule == MF_DISTRIBUTED ? 0xFFFFFFFF : (int64_t)c.around);
    const MF_REALS discount = MF_ALL(f->discount[run]), zero = MF_ALL(0.0);
    char *const cells = c.cells + run * c.run_bytes;
    double state_[MF_STATE_MOST] = {0.0}, raw__[MF_PAD];
    int32_t actions_[MF_PAD];
    uint8_t terminated_ = 0;
    /* Where nothing else looks at them, what passes between the parts of a step stays in registers. */
    double *const state = own ? state_ : f->state, *const raw_ = own ? raw__ : f->raw, *const rewards_ = f->rewards;
    int32_t *const actions = own ? actions_ : f->actions;
    uint8_t *const terminated = own ? &terminated_ : &f->terminated;
    const int several = (int)f->several, foreign = (int)f->foreign, drawn = c.drawn != 0;
    mf_chance chance = mf_fused_chance(f);
    MF_REALS rate = MF_ALL(f->rate[run]), returns[2], shaped[2];
    MF_MASK live[2];
    int64_t steps = first, episode_steps = *f->episode_steps, stable = *f->stable;
    int64_t at = (uint32_t)f->rows[0], row = 0;      /* of the state, of its successor */
    int64_t now = -1;       /* the state's number, if it is no longer `state` */
    /* Looked at before the first step of an episode, and then whenever a row comes next. */
    int unsound = 1, lost = at >= bound, status = MF_FINE, ended = 0, h, k;
    char *here = cells + (lost ? 0 : at) * row_bytes;
    for (h = 0; h < H; h++) {
        double sums[2][MF_W] = {{0.0}};
        int64_t lane[MF_W];
        for (k = 0; k < MF_W; k++) {
            const int there = h * MF_W + k < n_agents;
            lane[k] = there ? -1 : 0;
            if (there) {
                sums[0][k] = f->episode_return[h * MF_W + k];
                sums[1][k] = f->episode_shaped[h * MF_W + k];
            }
        }
        returns[h] = MF_EACH_OF(sums[0]);
        shaped[h] = MF_EACH_OF(sums[1]);
        live[h] = MF_NEGATIVE(MF_WHOLE_OF(lane));
    }
    if (own)
        for (k = 0; k < size; k++)
            state[k] = f->state[k];
    for (k = 0; k < MF_PAD; k++)
        raw__[k] = 0.0;
    f->ended = f->full = 0;
    while (steps - first < count) {
        const mf_span span = mf_fused_span(f, count - (steps - first), steps, episode_steps, stable, after);
        int64_t left = span.length;
        while (left) {
            MF_WORDS action[2], before[2], meta[2];
            MF_REALS raw[2], reward[2], value[2], v[2][8];
            char *next;
            int odd = 0, bad = 0, moved = 0;
            if (!own && f->used && f->used[run] > f->fits) {
                f->full = 1;
                break;
            }
            for (h = 0; h < H; h++) {
                MF_REALS whether, which, place;
                MF_MASK explores;
                meta[h] = *(const MF_WORDS *)(here + (int64_t)(A * P + h * MF_W) * 8);
                before[h] = meta[h] & low;
                for (k = 0; k < A; k++)
                    v[h][k] = ((const MF_REALS *)here)[k * H + h];
                MF_NAME(mf_lanes_draws_)(explore + h * MF_W * (1 + several), n_agents - h * MF_W, several, &whether,
                                         &which);
                explores = MF_LESS(whether, MF_ALL(chance.bound));
                place = MF_MIN(which * chance.scale * (double)A, MF_ALL((double)(A - 1)));
                action[h] = before[h];
                if (drawn) {
                    /* One of the greatest, each as likely; where there is but one, as there mostly is, it stays. */
                    MF_REALS top = v[h][0];
                    MF_WORDS ties = MF_WORD(0);
                    for (k = 1; k < A; k++)
                        top = MF_MAX(top, v[h][k]);
                    for (k = 0; k < A; k++)
                        ties = MF_COUNT(ties, MF_EQUAL(v[h][k], top));
                    if (MF_PLACES(MF_BOTH(MF_BUT(MF_ABOVE(ties, MF_WORD(1)), explores), live[h]))) {
                        const MF_REALS n = (MF_REALS)(ties | (MF_WORDS)MF_ALL(0x1p52)) - 0x1p52;
                        const MF_WORDS nth = MF_WHOLE(
                            MF_MAX(MF_MIN((which - chance.shift) * chance.rest * n, n - 1.0), zero));
                        MF_WORDS counted = MF_WORD(0);
                        for (k = 0; k < A; k++) {
                            const MF_MASK equal = MF_EQUAL(v[h][k], top);
                            action[h] = MF_CHOOSE(MF_BOTH(equal, MF_IS(counted, nth)), MF_WORD(k), action[h]);
                            counted = MF_COUNT(counted, equal);
                        }
                    }
                }
                action[h] = MF_CHOOSE(explores, MF_WHOLE(place), action[h]);
                /* Signs of what must not be negative: of greedy actions out of range, of draws outside [0, 1). */
                if (unsound)
                    odd |= lost | MF_PLACES(MF_NEGATIVE((A - 1) - before[h]));
                if (foreign)
                    odd |= MF_PLACES(MF_BOTH(MF_NEGATIVE((MF_WORDS)which | ~(MF_WORDS)(which - 1.0)), explores));
#if MF_W == 4
                _mm_storeu_si128((__m128i *)(actions + 4 * h),
                                 _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
                                     (__m256i)action[h], _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6))));
#else
                _mm_storel_epi64((__m128i *)actions, _mm_shuffle_epi32((__m128i)action[0], 0x08));
#endif
            }
            if (__builtin_expect(odd, 0)) {
                status = mf_lanes_act(f, at, explore, &chance);
                if (status)
                    break;
                for (h = 0; h < H; h++)
                    action[h] = MF_WHOLE_OF(f->actions + h * MF_W);
                for (k = 0; k < P && own; k++)
                    actions[k] = f->actions[k];
            }
            if (numbered) {
                row = mf_hook_turn(f, n_agents, at, actions, uniforms, raw_, terminated);
                status = row < 0 ? (int)-row : MF_FINE;
                now = row < 0 ? now : row;
            } else {
                status = mf_hook_play(f, n_agents, size, state, actions, uniforms, normals, raw_, terminated);
            }
            if (status)
                break;
            if (observes) {
                status = mf_hook_observe(f);
                if (status)
                    break;
            }
            for (h = 0; h < H; h++) {
                raw[h] = MF_EACH_OF(raw_ + h * MF_W);
                bad |= MF_PLACES(MF_UNEQUAL(raw[h] * 0.0, zero));
            }
            if (__builtin_expect(bad, 0)) {
                status = mf_fused_bad_reward(f, raw_);
                break;
            }
            ended = --left == 0 && span.ends;
            if (!own)
                f->truncated = ended & !*terminated & !span.terminal;
            *terminated |= ended & span.terminal;
            ended |= *terminated;
            if (!numbered)
                status = mf_hook_encode_one(f, own ? size : 0, own ? state : f->observation, &row);
            if (status)
                break;
            if (paid) {
                for (k = 0; k < P; k++)
                    f->next_rows[k] = (int32_t)row;
                status = mf_hook_pay(f);
                if (status)
                    break;
                for (h = 0; h < H; h++)
                    reward[h] = MF_EACH_OF(rewards_ + h * MF_W);
            } else {
                for (h = 0; h < H; h++)
                    reward[h] = raw[h];
                if (amounts) {
                    const int64_t distinct = mf_hook_distinct(n_agents, actions);
                    if (distinct < 0) {
                        status = MF_BAD_ACTION;
                        break;
                    }
                    for (k = 0; k < amounts; k++)
                        for (h = 0; h < H; h++)
                            reward[h] += MF_ALL(f->amount[k][distinct]);
                }
                if (P != n_agents)
                    for (h = 0; h < H; h++)
                        reward[h] = MF_PICK(live[h], reward[h], zero);
            }
            if (__builtin_expect(lost | ((uint64_t)row >= (uint64_t)bound), 0)) {
                status = MF_BAD_ROW;
                break;
            }
            next = cells + row * row_bytes;
            for (h = 0; h < H; h++) {
                const MF_REALS *ahead = (const MF_REALS *)next + h;
                MF_REALS old = v[h][0], target = reward[h];
                for (k = 1; k < A; k++)
                    old = MF_PICK(MF_IS(action[h], MF_WORD(k)), v[h][k], old);
                if (!*terminated) {
                    MF_REALS top = ahead[0];
                    for (k = 1; k < A; k++)
                        top = MF_MAX(top, ahead[k * H]);
                    odd |= MF_PLACES(MF_NEGATIVE((A - 1) - ((MF_WORDS)ahead[A * H] & low)));
                    if (rule == MF_EXPECTED) {
                        MF_REALS sum[4] = {zero, zero, zero, zero};
                        for (k = 0; k < A; k++)
                            sum[k % 4] += ahead[k * H];
                        top = MF_ALL(1.0 - f->epsilon[run]) * top +
                              MF_ALL(f->epsilon[run]) * (((sum[0] + sum[1]) + (sum[2] + sum[3])) / (double)A);
                    }
                    target = MF_TARGET(reward[h], discount, top);
                }
                if (rule == MF_DISTRIBUTED)
                    value[h] = target;
                else if (rule == MF_HYSTERETIC)
                    value[h] = MF_MOVED(old, MF_PICK(MF_LESS(target - old, zero), MF_ALL(c.second[run]), rate), target);
                else
                    value[h] = MF_MOVED(old, rate, target);
                bad |= MF_PLACES(MF_UNEQUAL(value[h] - value[h], zero));
                if (rule == MF_DISTRIBUTED)
                    value[h] = MF_MAX(value[h], old);
            }
            if (__builtin_expect(odd | bad, 0)) {
                uint8_t changed = 0;
                memcpy(rewards_, reward, (size_t)H * sizeof reward[0]);
                for (k = 0; k < P && own; k++)
                    f->actions[k] = actions[k];
                f->terminated = *terminated;
                status = mf_lanes_update(f, at, row, &changed);
                if (status)
                    break;
                moved = changed;
            } else {
                MF_REALS top[2];
                int other = c.around == 0 && rule != MF_DISTRIBUTED;
                for (h = 0; h < H; h++) {
                    MF_REALS *cell = (MF_REALS *)here + h, known_best;
                    for (k = 0; k < A; k++) {
                        v[h][k] = MF_PICK(MF_IS(action[h], MF_WORD(k)), value[h], v[h][k]);
                        cell[k * H] = v[h][k];
                    }
                    top[h] = known_best = v[h][0];
                    for (k = 1; k < A; k++) {
                        top[h] = MF_MAX(top[h], v[h][k]);
                        known_best = MF_PICK(MF_IS(before[h], MF_WORD(k)), v[h][k], known_best);
                    }
                    meta[h] += once;
                    /* The greedy action is no longer one of the greatest, or the visits cannot be counted any more. */
                    other |= MF_PLACES(MF_LESS(known_best, top[h])) | MF_PLACES(MF_NEGATIVE(meta[h]));
                }
                if (other) {
                    for (h = 0; h < H; h++) {
                        const MF_WORDS from = before[h] & around;
                        MF_WORDS best = MF_WORD(A - 1);
                        /* The first of the greatest, going round from one place: those before it, then the others. */
                        for (k = A - 2; k >= 0; k--)
                            best = MF_CHOOSE(MF_EQUAL(v[h][k], top[h]), MF_WORD(k), best);
                        for (k = A - 1; k >= 0; k--)
                            best = MF_CHOOSE(MF_BUT(MF_EQUAL(v[h][k], top[h]), MF_ABOVE(from, MF_WORD(k))), MF_WORD(k),
                                             best);
                        meta[h] = MF_CHOOSE(MF_NEGATIVE(meta[h]), meta[h] - once, meta[h]);
                        meta[h] = (meta[h] & ~low) | best;
                        moved |= MF_PLACES(MF_NEGATIVE(-(best ^ before[h])));
                    }
                }
                for (h = 0; h < H; h++)
                    *(MF_WORDS *)(here + (int64_t)(A * P + h * MF_W) * 8) = meta[h];
            }
            if (ticks > !ended) {
                f->ended = (uint8_t)ended;
                mf_hook_tick(f);
                chance = mf_fused_chance(f);
                rate = MF_ALL(f->rate[run]);
            }
            stable = (moved ? 1 : stable + 1) & span.counts;
            for (h = 0; h < H; h++) {
                returns[h] += raw[h];
                shaped[h] += reward[h];
            }
            explore += explores_step;
            uniforms += uniforms_step;
            normals += normals_step;
            if (ended)
                break;
            here = next;
            at = row;
            lost = unsound = 0;
            if (paid)
                for (k = 0; k < P; k++)
                    f->rows[k] = (int32_t)row;
        }
        steps += span.length - left;
        episode_steps += span.length - left;
        f->ended = (uint8_t)ended;
        if (status || f->full || steps >= f->max_steps || stable >= f->max_stable)
            break;
        if (ended) {
            double sums[2][MF_PAD];
            if (f->more == 0)
                break;
            for (h = 0; h < H; h++) {
                memcpy(sums[0] + h * MF_W, &returns[h], sizeof returns[h]);
                memcpy(sums[1] + h * MF_W, &shaped[h], sizeof shaped[h]);
                returns[h] = shaped[h] = zero;
            }
            mf_fused_record(f, n_agents, episode_steps, sums[0], sums[1]);
            episode_steps = 0;
            now = -1;
            f->ended = 0;
            ended = 0;
            status = mf_hook_start(f, n_agents, size, state, f->uniforms, f->normals);
            f->uniforms += f->start_uniforms;
            f->normals += f->start_normals;
            if (status == MF_FINE && observes)
                status = mf_hook_observe(f);
            if (status == MF_FINE)
                status = mf_hook_encode_one(f, own ? size : 0, own ? state : f->observation, &at);
            if (status)
                break;
            lost = (uint64_t)at >= (uint64_t)bound;
            unsound = 1;
            here = cells + (lost ? 0 : at) * row_bytes;
            if (paid)
                for (k = 0; k < P; k++)
                    f->rows[k] = (int32_t)at;
        }
    }
    if (numbered && now >= 0)
        state[0] = (double)now;
    if (own)
        for (k = 0; k < size; k++)
            f->state[k] = state[k];
    *f->steps = steps;
    *f->episode_steps = episode_steps;
    *f->stable = stable;
    for (k = 0; k < n_agents; k++)
        f->rows[k] = (int32_t)at;
    for (h = 0; h < H; h++)
        for (k = 0; k < MF_W && h * MF_W + k < n_agents; k++) {
            f->episode_return[h * MF_W + k] = returns[h][k];
            f->episode_shaped[h * MF_W + k] = shaped[h][k];
        }
    return status;
}

#undef MF_OF
#undef MF_R
#undef MF_I
#undef MF_ALL
#undef MF_MAX
#undef MF_MIN
#undef MF_WORD
#undef MF_EACH_OF
#undef MF_WHOLE_OF
#undef MF_MASK
#undef MF_EQUAL
#undef MF_LESS
#undef MF_UNEQUAL
#undef MF_IS
#undef MF_ABOVE
#undef MF_NEGATIVE
#undef MF_PICK
#undef MF_CHOOSE
#undef MF_COUNT
#undef MF_BOTH
#undef MF_BUT
#undef MF_PLACES
#undef MF_WHOLE
#undef MF_LANES_INLINE
#undef MF_REALS
#undef MF_WORDS
#undef MF_NAME
#undef MF_JOIN
#undef MF_JOIN_
