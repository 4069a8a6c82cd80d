"""The training loop. Twin: ``marlfast/reference/loop.py``.

    draws -> act -> step -> observe, encode -> structure + shaping -> update -> schedules
          -> (record, start) -> stop rule -> next step

One run goes through a whole block before the next one begins, so that its
tables stay in the cache; only games that ask for it (``GameOperations.lockstep``)
are stepped for all runs of a range at once. Runs share nothing: any thread may
take any range of them, and nothing a run computes depends on the blocks it was
cut into.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from marlfast.core._kernels cimport Encoder, Game, Learner, Reward, check, flags, ids, longs, reals
from marlfast.core._q_learning cimport QLearning
from marlfast.core.draws cimport GROUP, Window, window_at, window_of_run, window_records
from marlfast.core.fused cimport AMOUNTS, PAD, Advance, Cells, Choose
from marlfast.core.moves cimport Participants, Step
from marlfast.core.operations cimport DISTINCT_ACTIONS, LearnerOperations, Moves, show
from marlfast.core.schedules cimport CONSTANT, VISITS, ScheduleData
from marlfast.declarations.loop import LOOP

# Measured: a copy of what a step is made of that both ways of going through the runs share costs 7 % of a whole step.
include "marlfast/core/inlined.pxi"
include "marlfast/core/fused.pxi"
include "marlfast/core/fused_pointers.pxi"
include "marlfast/core/fused_unnumbered.pxi"

cdef extern from "greatest.h" nogil:
    int has_wide "mf_has_wide"() noexcept


def has_lanes():
    """Whether this processor has what the fused loop takes to have agents side by side."""
    return has_wide() != 0


# Why a run stopped (0: it has not). Statuses of operations.pxd are reported as FAILED + status.
cdef enum Reason:
    RUNNING = 0
    STEPS = 1
    EPISODES = 2
    GREEDY_STABLE = 3
    RETURN_REACHED = 4
    FAILED = 64

# Why a run paused before the end of its block.
cdef enum Pause:
    NONE = 0
    ROWS = 1                # the encoder may need more rows than there is room for
    RECORDS = 2             # no room to record another episode
    DRAWS = 3               # supplied draws are used up

cdef enum:
    EPISODES_AHEAD = 8      # starts drawn at once
    MAX_AHEAD = 1073741824 # starts in which nothing is drawn
    WINDOWS = 5             # explore, step uniforms, step normals, start uniforms, start normals
    MAX_PARTS = 64         # reward components, and learners; as in what is declared
    MAX_DRAWS = 4194304    # held for the runs of a range that are stepped together


cdef struct Data:
    int64_t n_agents, state_size, observation_size, horizon, capacity, record_every, window, explore
    bint begins                 # whether rewards need not be told of a start
    bint ends_are_limits        # whether ends by the game's own rules are told to learners as limits
    bint horizon_ends           # whether the horizon is an end of the game, not a limit put on it
    int64_t active_rows, own    # W, rows of a run, of which those of the agents come first
    int64_t max_steps, max_episodes, max_stable
    double min_return
    GameOperations *game
    EncoderOperations *encoder
    EncoderOperations *central  # of the whole state; NULL: what the first agent sees is all of it
    RewardOperations **rewards
    int64_t reward_count
    LearnerOperations **learners
    int64_t learner_count
    double *state               # [R, S]
    double *observation         # [R, V, D]
    int32_t *rows               # [R, W]
    int64_t *steps              # [R]
    int64_t *episodes           # [R]
    int64_t *episode_steps      # [R]
    double *episode_return      # [R, N] raw, of the episode under way
    double *episode_shaped      # [R, N]
    double *returns             # [R, capacity, N]
    double *shaped_returns      # [R, capacity, N]
    int64_t *lengths            # [R, capacity]
    int64_t *stable             # [R] steps since a greedy action last changed, the step of the change counted
    const int64_t *stable_after # [R] steps that are not counted
    double *recent              # [R, window] team returns of the last episodes
    double *recent_sum          # [R]
    int32_t *reason             # [R]
    int64_t *run_numbers        # [R]
    int64_t *fault              # [R] agent that a status is about, or -1
    Advance *advance            # the fused loop; NULL: the staged one
    int64_t views
    Participants participants


cdef inline int _start_draws(Data *d, int64_t r, Window *windows, Draws *draws) noexcept nogil:
    """The draws of a start are at the position of the episode."""
    draws.uniforms = window_at(&windows[3], d.episodes[r], EPISODES_AHEAD)
    draws.normals = window_at(&windows[4], d.episodes[r], EPISODES_AHEAD)
    draws.uniform_stride, draws.normal_stride = windows[3].n_draws, windows[4].n_draws
    return Status.NO_DRAWS if draws.uniforms == NULL or draws.normals == NULL else 0


cdef inline int _encode(Data *d, int64_t r, const double *observation, int32_t *rows) noexcept nogil:
    """Rows of what the agents see and, where a learner asks for them, of the state."""
    cdef int status = d.encoder.encode(d.encoder.context, r, 1, observation, rows)
    if d.active_rows == d.own or status:
        return status
    if d.central != NULL:
        return d.central.encode(d.central.context, r, 1, d.state + r * d.state_size, rows + d.own)
    memcpy(rows + d.own, rows, (d.active_rows - d.own) * sizeof(int32_t))
    return 0


cdef inline bint _rows_fit(const EncoderOperations *encoder, int64_t r) noexcept nogil:
    """Whether an encoder has room for all that one step may show it: the successor, and the start after it."""
    return encoder == NULL or encoder.used == NULL or encoder.used[r] <= encoder.n_rows - 2 * encoder.views


cdef int _first_sight(Data *d, int64_t r, int32_t *rows) noexcept nogil:
    """What is seen of a start: encode it, and let the rewards begin."""
    cdef int64_t p
    cdef int status = _encode(d, r, d.observation + r * d.observation_size, rows)
    for p in range(d.reward_count):
        if status == 0 and d.rewards[p].begin != NULL:
            status = d.rewards[p].begin(d.rewards[p].context, r, 1, rows, d.observation + r * d.observation_size)
    return status


cdef int _begin_episode(Data *d, int64_t r, Window *windows, int32_t *rows) noexcept nogil:
    """Start, observe and encode."""
    cdef Draws draws
    cdef int status = _start_draws(d, r, windows, &draws)
    if status:
        return status
    d.episode_steps[r] = 0
    status = d.game.start(d.game.context, r, 1, d.state + r * d.state_size, &draws)
    if status == 0:
        status = show(d.game, r, 1, d.state + r * d.state_size, d.observation_size, d.observation + r * d.observation_size)
    if d.participants.max_actions and status == 0:
        status = _begin_moves(d, r)
    return _first_sight(d, r, rows) if status == 0 else status


cdef void _record(Data *d, int64_t r) noexcept nogil:
    """Write down an episode that is over; `every` episodes share an entry, which becomes their mean."""
    cdef int64_t i, entry, place
    cdef double team = 0.0
    cdef double *total
    cdef double *shaped
    for i in range(d.n_agents):
        team += d.episode_return[r * d.n_agents + i]
    team = team / <double> d.n_agents
    if d.record_every:
        entry = r * d.capacity + d.episodes[r] // d.record_every
        total = d.returns + entry * d.n_agents
        shaped = d.shaped_returns + entry * d.n_agents
        for i in range(d.n_agents):
            total[i] += d.episode_return[r * d.n_agents + i]
            shaped[i] += d.episode_shaped[r * d.n_agents + i]
        d.lengths[entry] += d.episode_steps[r]
        if d.record_every > 1 and (d.episodes[r] + 1) % d.record_every == 0:
            for i in range(d.n_agents):
                total[i] = total[i] / <double> d.record_every
                shaped[i] = shaped[i] / <double> d.record_every
    if d.window:
        place = r * d.window + d.episodes[r] % d.window
        d.recent_sum[r] += team - d.recent[place]
        d.recent[place] = team
    if d.participants.max_actions:
        _record_steps(d, r)
    for i in range(d.n_agents):
        d.episode_return[r * d.n_agents + i] = 0.0
        d.episode_shaped[r * d.n_agents + i] = 0.0
    d.episodes[r] += 1


cdef int _reason(Data *d, int64_t r, bint ended) noexcept nogil:
    """The first stop rule that holds, in the order of the enumeration."""
    if d.steps[r] >= d.max_steps:
        return Reason.STEPS
    if d.episodes[r] >= d.max_episodes:
        return Reason.EPISODES
    if d.stable[r] >= d.max_stable:
        return Reason.GREEDY_STABLE
    if ended and d.window and d.episodes[r] >= d.window and d.recent_sum[r] / <double> d.window >= d.min_return:
        return Reason.RETURN_REACHED
    return Reason.RUNNING


cdef inline int64_t _at_hand(Data *d, int64_t r, int64_t target, Window *windows, const double **explore,
                             Draws *draws) noexcept nogil:
    """Point at the draws of the next steps; for how many steps, up to `target`, they lie in a row (0: none)."""
    cdef int64_t k, count = target - d.steps[r]
    explore[0] = window_at(&windows[0], d.steps[r], count)
    draws.uniforms = window_at(&windows[1], d.steps[r], count)
    draws.normals = window_at(&windows[2], d.steps[r], count)
    if explore[0] == NULL or draws.uniforms == NULL or draws.normals == NULL:
        return 0
    for k in range(3):
        count = min(count, windows[k].first + windows[k].count - d.steps[r])
    return count


cdef inline int _episode_fits(Data *d, int64_t r, Window *windows) noexcept nogil:
    """Whether the episode under way can be recorded, and the one after it begun; else the pause."""
    if d.record_every and d.episodes[r] // d.record_every >= d.capacity:
        return Pause.RECORDS
    if window_at(&windows[3], d.episodes[r] + 1, EPISODES_AHEAD) == NULL \
            or window_at(&windows[4], d.episodes[r] + 1, EPISODES_AHEAD) == NULL:
        return Pause.DRAWS
    return Pause.NONE


cdef int _bad_reward(Data *d, int64_t r, const double *raw) noexcept nogil:
    cdef int64_t i
    for i in range(d.n_agents):
        if raw[i] - raw[i] != 0.0:
            d.fault[r] = i
            break
    return Status.BAD_REWARD


cdef inline int _act(Data *d, int64_t r, const int32_t *rows, const double *explore,
                     int32_t *actions) noexcept nogil:
    cdef int64_t p
    cdef int status = 0
    for p in range(d.learner_count):
        status |= d.learners[p].act(d.learners[p].context, r, 1, rows, explore, d.explore, actions)
    return status


cdef inline int _learn(Data *d, int64_t r, const double *observation, const double *raw, double *rewards,
                       const int32_t *rows, int32_t *next_rows, uint8_t *terminated, uint8_t *truncated,
                       Transition *transition, uint8_t *ended) noexcept nogil:
    """All of a step that follows on the game's part in it, up to the end of the episode."""
    cdef int64_t n_agents = d.n_agents, i, p
    # Where each agent has its own rewards, there is nothing to mix.
    cdef int64_t plain = d.rewards[0].plain
    cdef double finite = 0.0
    cdef uint8_t changed = 0
    cdef int status
    cdef LearnerOperations *learner
    for i in range(n_agents):
        finite += raw[i] * 0.0
    if finite != 0.0:
        return _bad_reward(d, r, raw)
    d.steps[r] += 1
    d.episode_steps[r] += 1
    truncated[0] = 0
    if terminated[0]:
        terminated[0], truncated[0] = not d.ends_are_limits, d.ends_are_limits
    elif d.episode_steps[r] == d.horizon:
        terminated[0], truncated[0] = d.horizon_ends, not d.horizon_ends
    ended[0] = terminated[0] | truncated[0]

    status = _encode(d, r, observation, next_rows)
    if status:
        return status
    transition.rows, transition.next_rows, transition.distinct[0] = rows, next_rows, -1
    if plain:
        for i in range(n_agents):
            rewards[i] = raw[i]
    for p in range(plain, d.reward_count):
        status = d.rewards[p].apply(d.rewards[p].context, r, 1, transition)
        if status:
            return status

    for p in range(d.learner_count):
        learner = d.learners[p]
        if learner.update != NULL:
            status = learner.update(learner.context, r, 1, transition, &changed)
            if status:
                return status
        if learner.tick != NULL:
            learner.tick(learner.context, r, 1, ended)
    if d.steps[r] <= d.stable_after[r]:
        d.stable[r] = 0
    else:
        d.stable[r] = 1 if changed else d.stable[r] + 1
    for i in range(n_agents):
        d.episode_return[r * n_agents + i] += raw[i]
        d.episode_shaped[r * n_agents + i] += rewards[i]
    return 0


cdef struct Room:           # of one run under way
    double *raw             # [N], at least PAD long, as the next ones are
    double *rewards
    int32_t *actions
    int32_t *rows           # [W]
    int32_t *next_rows
    uint8_t ended, full     # how the last steps ended; full: an encoder may have no room for another


cdef int _staged(Data *d, int64_t r, int64_t count, const double *explore, const Draws *given, double *observation,
                 Room *room) noexcept nogil:
    """Up to `count` steps: to the end of an episode, to where a rule stops the run, or to where it needs room."""
    cdef Draws draws = given[0]
    cdef Transition transition
    cdef uint8_t terminated = 0, truncated = 0
    cdef int64_t distinct, _s
    cdef int status = 0
    cdef double *state = d.state + r * d.state_size
    cdef GameOperations *game = d.game
    transition.actions, transition.raw, transition.rewards = room.actions, room.raw, room.rewards
    transition.state, transition.observation = state, observation
    transition.terminated, transition.truncated, transition.distinct = &terminated, &truncated, &distinct
    room.ended = room.full = 0
    for _s in range(count):
        # Everything a step may need is there before it begins: a step is never half done.
        if not (_rows_fit(d.encoder, r) and _rows_fit(d.central, r)):
            room.full = 1
            break
        status = _act(d, r, room.rows, explore, room.actions)
        if status:
            break
        status = game.step(game.context, r, 1, state, room.actions, &draws, room.raw, &terminated)
        if status:
            break
        if game.observe != NULL:
            status = game.observe(game.context, r, 1, state, observation)
            if status:
                break
        status = _learn(d, r, observation, room.raw, room.rewards, room.rows, room.next_rows, &terminated, &truncated,
                        &transition, &room.ended)
        if status or room.ended:
            break
        explore += d.explore
        draws.uniforms += draws.uniform_stride
        draws.normals += draws.normal_stride
        room.rows, room.next_rows = room.next_rows, room.rows
        if d.steps[r] >= d.max_steps or d.stable[r] >= d.max_stable:
            break
    return status


cdef inline int64_t _ahead(const Window *window, int64_t record) noexcept nogil:
    """How many records from one on are at hand; any number, where there is nothing in them."""
    return window.first + window.count - record if window.n_draws else MAX_AHEAD


cdef void _episodes_ahead(Data *d, int64_t r, Window *windows, Fused *f) noexcept nogil:
    """How many episodes the fused loop may begin by itself, and where it records those that end.

    Not the last one that there are starts or room for, nor one after which a rule may stop the run: what follows on
    these is decided outside.
    """
    cdef int64_t episode = d.episodes[r], entry
    f.more = 0
    if d.window or not d.begins:
        return
    f.more = min(d.max_episodes - 1 - episode,
                 min(_ahead(&windows[3], episode + 1), _ahead(&windows[4], episode + 1)) - 1)
    if d.record_every:
        f.more = min(f.more, d.capacity * d.record_every - 1 - episode)
        entry = r * d.capacity + episode // d.record_every
        f.entered = episode % d.record_every
        f.returns, f.shaped_returns = d.returns + entry * d.n_agents, d.shaped_returns + entry * d.n_agents
        f.length = d.lengths + entry
    f.more = max(f.more, 0)
    f.uniforms = windows[3].data + (episode + 1 - windows[3].first) * windows[3].n_draws
    f.normals = windows[4].data + (episode + 1 - windows[4].first) * windows[4].n_draws


cdef int _fused(Data *d, int64_t r, int64_t count, const double *explore, const Draws *draws, double *observation,
                Window *windows, Room *room, Fused *f) noexcept nogil:
    """The same by the fused loop; episodes that end may be recorded, and others begun."""
    cdef int64_t n = d.n_agents
    cdef Parts *parts = <Parts *> f.parts
    cdef int status
    f.run, f.state, f.observation = r, d.state + r * d.state_size, observation
    f.raw, f.rewards, f.actions, f.rows, f.next_rows = room.raw, room.rewards, room.actions, room.rows, room.next_rows
    f.steps, f.episode_steps, f.stable, f.fault = d.steps + r, d.episode_steps + r, d.stable + r, d.fault + r
    f.episodes = d.episodes + r
    f.episode_return, f.episode_shaped = d.episode_return + r * n, d.episode_shaped + r * n
    parts.draws = draws[0]
    parts.starts.uniform_stride, parts.starts.normal_stride = windows[3].n_draws, windows[4].n_draws
    _episodes_ahead(d, r, windows, f)
    parts.transition.actions, parts.transition.raw, parts.transition.rewards = f.actions, f.raw, f.rewards
    parts.transition.state, parts.transition.observation = f.state, f.observation
    status = d.advance(f, count, explore, draws.uniforms, draws.normals)
    room.rows, room.next_rows, room.ended, room.full = f.rows, f.next_rows, f.ended, f.full
    return status


include "marlfast/core/moves.pxi"


cdef int _advance_run(Data *d, int64_t r, int64_t target, Window *windows, Room *room, Fused *fused,
                      Step *next_) noexcept nogil:
    """Take one run to `target` steps, to a pause or to its end. Returns the pause."""
    cdef Draws draws
    cdef int64_t count = 0, before
    cdef int status = 0, pause
    cdef const double *explore
    cdef double *state = d.state + r * d.state_size
    cdef bint some = d.participants.max_actions != 0
    # A game that shows its state as it is needs no copy of it until the block is over.
    cdef double *observation = state if d.game.observe == NULL and not some else d.observation + r * d.observation_size
    draws.uniform_stride, draws.normal_stride = windows[1].n_draws, windows[2].n_draws
    memcpy(room.rows, d.rows + r * d.active_rows, d.active_rows * sizeof(int32_t))
    pause = _episode_fits(d, r, windows)
    while pause == 0 and d.reason[r] == 0 and d.steps[r] < target:
        if count == 0:
            count = _at_hand(d, r, target, windows, &explore, &draws)
            if count <= 0:
                pause = Pause.DRAWS
                break
        before = d.steps[r]
        if d.advance != NULL:
            status = _fused(d, r, count, explore, &draws, observation, windows, room, fused)
        elif some:
            status = _staged_some(d, r, count, explore, &draws, observation, room, next_)
        else:
            status = _staged(d, r, count, explore, &draws, observation, room)
        if status:
            break
        before = d.steps[r] - before        # steps that were made
        count -= before
        explore += before * d.explore
        draws.uniforms += before * draws.uniform_stride
        draws.normals += before * draws.normal_stride
        if room.ended:
            _record(d, r)
            status = _begin_episode(d, r, windows, room.rows)
            if status:
                break
            d.reason[r] = _reason(d, r, True)
            pause = _episode_fits(d, r, windows)
        elif room.full:
            pause = Pause.ROWS
        elif d.steps[r] >= d.max_steps or d.stable[r] >= d.max_stable:
            d.reason[r] = _reason(d, r, False)
    memcpy(d.rows + r * d.active_rows, room.rows, d.active_rows * sizeof(int32_t))
    if d.game.observe == NULL:
        memcpy(d.observation + r * d.observation_size, state, d.observation_size * sizeof(double))
    if status:
        d.reason[r] = Reason.FAILED + status
        return Pause.NONE
    return Pause.NONE if d.reason[r] or d.steps[r] >= target else pause


# -- runs that are stepped together ---------------------------------------------------------------------

cdef struct Together:           # of n runs, the first of which is `lo`
    int64_t lo, n
    Window *windows             # [n, WINDOWS]
    double *raw                 # [n, N]
    double *rewards             # [n, N]
    double *uniforms            # [n, n_draws] of the step, or of the start, that is asked for
    double *normals
    int32_t *actions            # [n, N]
    int32_t *next_rows          # [n, W]
    int32_t *status             # [n]
    uint8_t *terminated         # [n]
    uint8_t *asked              # [n] whether the game is to step, or to start, the run
    uint8_t *paused             # [n]

cdef enum Part:
    START, STEP, OBSERVE


cdef inline void _keep_draws(Together *t, int64_t k, const Draws *draws) noexcept nogil:
    memcpy(t.uniforms + k * draws.uniform_stride, draws.uniforms, draws.uniform_stride * sizeof(double))
    memcpy(t.normals + k * draws.normal_stride, draws.normals, draws.normal_stride * sizeof(double))


cdef int _play_part(Data *d, Together *t, Part part, int64_t k, int64_t count) noexcept nogil:
    """One call of the game for runs k to k + count - 1 of a range."""
    cdef Draws draws
    cdef int64_t first = t.lo + k, w = 3 if part == Part.START else 1
    cdef double *state = d.state + first * d.state_size
    draws.uniform_stride, draws.normal_stride = t.windows[w].n_draws, t.windows[w + 1].n_draws
    draws.uniforms, draws.normals = t.uniforms + k * draws.uniform_stride, t.normals + k * draws.normal_stride
    if part == Part.START:
        return d.game.start(d.game.context, first, count, state, &draws)
    if part == Part.STEP:
        return d.game.step(d.game.context, first, count, state, t.actions + k * d.n_agents, &draws,
                           t.raw + k * d.n_agents, t.terminated + k)
    return show(d.game, first, count, state, d.observation_size, d.observation + first * d.observation_size)


cdef void _play(Data *d, Together *t, Part part) noexcept nogil:
    """Step or start the runs that ask for it, and observe them: neighbours in one call."""
    cdef int64_t k = 0, count, j
    cdef Part parts[2]
    cdef int p
    cdef bint fine
    parts[0], parts[1] = part, Part.OBSERVE
    while k < t.n:
        count = 0
        while k + count < t.n and t.asked[k + count]:
            t.status[k + count] = 0
            count += 1
        fine = True
        for p in range(2 if count else 0):
            if fine:
                j = _play_part(d, t, parts[p], k, count)
                if j == 0:
                    continue
                if count == 1:
                    t.status[k], fine = <int> j, False
            for j in range(k, k + count):       # one by one, so that only those at fault stop
                if t.status[j] == 0:
                    t.status[j] = _play_part(d, t, parts[p], j, 1)
                    fine = fine and t.status[j] == 0
        k += count + 1


cdef inline void _failed(Data *d, int64_t r, int status) noexcept nogil:
    if status:
        d.reason[r] = Reason.FAILED + status


cdef void _begin_together(Data *d, Together *t) noexcept nogil:
    """Begin the next episode of the runs that ask for it; those that fail ask no more."""
    cdef Draws draws
    cdef int64_t k, r
    cdef int status
    for k in range(t.n):
        if t.asked[k]:
            r = t.lo + k
            status = _start_draws(d, r, t.windows + k * WINDOWS, &draws)
            if status == 0:
                d.episode_steps[r] = 0
                _keep_draws(t, k, &draws)
            _failed(d, r, status)
            t.asked[k] = status == 0
    _play(d, t, Part.START)
    for k in range(t.n):
        if t.asked[k]:
            r, status = t.lo + k, t.status[k]
            if d.participants.max_actions and status == 0:
                status = _begin_moves(d, r)
            if status == 0:
                status = _first_sight(d, r, d.rows + r * d.active_rows)
            _failed(d, r, status)
            t.asked[k] = status == 0


cdef int64_t _advance_together(Data *d, Together *t, const int64_t[::1] goals, Step *next_) noexcept nogil:
    """Take the runs of a range to their goals, to a pause or to their end, a step of all of them at a time.

    Returns why some paused, as bits.
    """
    cdef Draws draws
    cdef Transition transition
    cdef uint8_t truncated = 0, ended
    cdef int64_t n_agents = d.n_agents, k, r, distinct, pauses = 0
    cdef const double *explore
    cdef Window *windows
    cdef bint working = True, some = d.participants.max_actions != 0
    cdef int status, pause
    transition.truncated, transition.distinct = &truncated, &distinct
    while working:
        working = False
        for k in range(t.n):
            r, windows = t.lo + k, t.windows + k * WINDOWS
            t.asked[k] = 0
            if t.paused[k] or d.reason[r] != 0 or d.steps[r] >= goals[r]:
                continue
            pause = _episode_fits(d, r, windows)
            if pause == 0 and _at_hand(d, r, goals[r], windows, &explore, &draws) <= 0:
                pause = Pause.DRAWS
            if pause == 0 and not (_rows_fit(d.encoder, r) and _rows_fit(d.central, r)):
                pause = Pause.ROWS
            if pause:
                t.paused[k] = 1
                pauses |= 1 << (pause - 1)
                continue
            if some:
                status = _act_some(d, r, d.rows + r * d.active_rows, explore, t.actions + k * n_agents)
            else:
                status = _act(d, r, d.rows + r * d.active_rows, explore, t.actions + k * n_agents)
            _failed(d, r, status)
            if status == 0:
                draws.uniform_stride, draws.normal_stride = windows[1].n_draws, windows[2].n_draws
                _keep_draws(t, k, &draws)
                t.asked[k] = working = True
        _play(d, t, Part.STEP)
        for k in range(t.n):
            if not t.asked[k]:
                continue
            t.asked[k] = 0
            r, status = t.lo + k, t.status[k]
            if status == 0:
                transition.actions, transition.raw = t.actions + k * n_agents, t.raw + k * n_agents
                transition.rewards, transition.terminated = t.rewards + k * n_agents, t.terminated + k
                transition.state, transition.observation = d.state + r * d.state_size, d.observation + r * d.observation_size
                if some:
                    status = _learn_some(d, r, t.raw + k * n_agents, transition.rewards, d.rows + r * d.active_rows,
                                         t.next_rows + k * d.active_rows, t.terminated + k, &truncated, &transition, &ended,
                                         next_)
                else:
                    status = _learn(d, r, transition.observation, transition.raw, transition.rewards,
                                    d.rows + r * d.active_rows, t.next_rows + k * d.active_rows, t.terminated + k, &truncated,
                                    &transition, &ended)
            _failed(d, r, status)
            if status:
                continue
            if ended:
                _record(d, r)
                t.asked[k] = 1
            else:
                memcpy(d.rows + r * d.active_rows, t.next_rows + k * d.active_rows, d.active_rows * sizeof(int32_t))
                if d.steps[r] >= d.max_steps or d.stable[r] >= d.max_stable:
                    d.reason[r] = _reason(d, r, False)
        _begin_together(d, t)
        for k in range(t.n):
            if t.asked[k]:
                d.reason[t.lo + k] = _reason(d, t.lo + k, True)
    return pauses


cdef class Loop:
    """Runs, and all that it takes to take them further.

    Parameters
    ----------
    See ``marlfast/declarations/loop.py``.
    """
    cdef Data data
    cdef RewardOperations *reward_parts[MAX_PARTS]
    cdef LearnerOperations *learner_parts[MAX_PARTS]
    cdef object held
    cdef readonly int64_t runs
    cdef const uint64_t *seeds
    cdef uint32_t purpose
    cdef Window[WINDOWS] templates
    cdef object supplied
    cdef Fused fused
    cdef Parts parts
    cdef readonly str staged            # why the staged loop runs; None: the fused one does

    def __init__(self, **given):
        a = LOOP.check(given)
        cdef Data *d = &self.data
        cdef Game game = a.game
        cdef Encoder encoder = a.encoder, central = a.central
        cdef Reward reward
        cdef Learner learner
        cdef int64_t p
        d.rewards, d.learners = self.reward_parts, self.learner_parts
        d.reward_count, d.learner_count = len(a.rewards), len(a.learners)
        d.begins = True
        for p, reward in enumerate(a.rewards):
            d.rewards[p] = &reward.operations
            d.begins = d.begins and d.rewards[p].begin == NULL
        for p, learner in enumerate(a.learners):
            d.learners[p] = &learner.operations
        d.game, d.encoder = &game.operations, &encoder.operations
        d.central = NULL if central is None or central is encoder else &central.operations
        d.own, d.active_rows, d.capacity, d.window = a.own, a.active_rows, a.E, a.window
        d.n_agents, d.state_size, d.observation_size, d.explore = a.N, a.S, a.V * a.D, a.n_draws[0]
        d.horizon, d.horizon_ends, d.record_every = a.horizon, a.horizon_ends, a.record_every
        d.ends_are_limits = a.ends_are_limits
        d.max_steps, d.max_episodes, d.max_stable = a.max_steps, a.max_episodes, a.max_stable
        d.min_return, d.stable_after = a.min_return, longs(a.stable_after)
        d.state, d.observation, d.rows = reals(a.state), reals(a.observation), ids(a.rows)
        d.steps, d.episodes, d.episode_steps = longs(a.steps), longs(a.episodes), longs(a.episode_steps)
        d.episode_return, d.episode_shaped = reals(a.episode_return), reals(a.episode_shaped)
        d.returns, d.shaped_returns, d.lengths = reals(a.returns), reals(a.shaped_returns), longs(a.lengths)
        d.stable, d.recent, d.recent_sum = longs(a.stable), reals(a.recent), reals(a.recent_sum)
        d.reason, d.run_numbers, d.fault = ids(a.reason), longs(a.run_numbers), longs(a.fault)
        cdef const uint64_t[::1] seeds = a.seeds
        self.runs, self.seeds, self.purpose, self.held = a.R, &seeds[0], a.purpose, a.kept
        self._participate(game, a)
        self._windows(a.n_draws, a.streams)
        self._choose(game, a.learners, a.loop)

    cdef object _participate(self, Game game, object a):
        """Take the arrays of a game that says who is there, who acts or what is legal."""
        cdef Data *d = &self.data
        cdef Participants *p = &d.participants
        cdef Learner learner
        d.views = a.V
        p.max_actions = 0
        if not game.participation:
            return
        for k, learner in enumerate(a.learners):
            if learner.operations.act_some == NULL or learner.operations.update != NULL \
                    and learner.operations.update_some == NULL:
                raise ValueError(f"learners[{k}]: made for games in which all agents act and may do anything")
        p.max_actions, p.by_move = a.A, a.by_move
        p.counts, p.discounts = ids(a.action_counts), reals(a.discounts)
        p.present, p.acts, p.legal, p.last_obs = flags(a.present), flags(a.acts), flags(a.legal), reals(a.last_obs)
        p.waits, p.moved_rows, p.moved_actions = flags(a.waits), ids(a.moved_rows), ids(a.moved_actions)
        p.moved_legal, p.moved_rewards, p.moved_ahead = flags(a.moved_legal), reals(a.moved_rewards), reals(a.moved_ahead)
        p.agent_steps, p.agent_lengths = longs(a.agent_steps), longs(a.agent_lengths)

    cdef object _choose(self, Game game, object learners, object loop):
        """Take the fused loop where it fits, unless the other one is asked for."""
        self.staged = "it was asked for" if loop == "staged" else self._unfit(game, learners)
        if self.staged is None:
            self._fuse(learners[0], game.views)
            if game.operations.fused != NULL:
                self.data.advance = (<Choose> game.operations.fused)(&self.fused)
            if self.data.advance == NULL:
                self.data.advance = fused_choose(&self.fused)
        elif loop == "fused":
            raise ValueError(f"loop: the fused one cannot run here: {self.staged}")

    cdef object _unfit(self, Game game, object learners):
        """Why the fused loop cannot run, or None."""
        cdef QLearning learner
        if game.operations.lockstep:
            return "the game is stepped for many runs at once"
        if self.data.participants.max_actions:
            return "the game says who is there, who acts or what is legal"
        if self.data.ends_are_limits:
            return "ends of the game are told as limits"
        if len(learners) > 1:
            return "there are several learners"
        if not isinstance(learners[0], QLearning):
            return f"the learner's kernel is {type(learners[0]).__name__}"
        learner = learners[0]
        if learner.context.act != NULL and not learner.learns_by_cells:
            return f"the learner's kernel is {type(learner).__name__}"
        if learner.operations.update == NULL:
            return "nothing is learned"
        if learner.context.rate.kind == VISITS:
            return "the learning rate counts visits"
        if learner.context.act == NULL:
            return "an observation is in several rows, or the tables are not in one piece"
        if learner.operations.act != learner.context.act:
            return "exploration is not epsilon-greedy"
        if learner.context.cells.lanes and learner.draws != 1 + learner.context.several:
            return "there are more exploration draws than agents take"
        return None

    cdef object _fuse(self, QLearning learner, int64_t views):
        """What the fused loop has to know of a session."""
        cdef Data *d = &self.data
        cdef Fused *f = &self.fused
        cdef Parts *parts = &self.parts
        cdef int64_t p
        cdef bint paid = not d.rewards[0].plain
        cdef reward_leaf.Distinct *distinct
        cdef ScheduleData *schedules[3]
        f.n_agents, f.few, f.wide = d.n_agents, learner.context.few, learner.wide
        f.one_row = views == 1 and d.n_agents <= PAD
        for p in range(d.n_agents):
            f.one_row = f.one_row and learner.context.agent_ids[p] == p
        f.learner = <const Cells *> &learner.context.cells
        f.explore, f.step_uniforms, f.step_normals = d.explore, self.templates[1].n_draws, self.templates[2].n_draws
        f.horizon, f.horizon_ends, f.max_steps, f.max_stable = d.horizon, d.horizon_ends, d.max_steps, d.max_stable
        f.strict, f.several, f.observes = learner.context.strict, learner.context.several, d.game.observe != NULL
        f.lanes, f.kind = learner.context.cells.lanes, d.encoder.kind
        f.state_size, f.record_every = d.state_size, d.record_every
        f.start_uniforms, f.start_normals = self.templates[3].n_draws, self.templates[4].n_draws
        f.foreign = 0 in self.supplied
        f.rate, f.discount = learner.context.rate.value, learner.context.discount
        f.epsilon = learner.context.exploration.value
        f.ticks = 0
        schedules[0], schedules[1], schedules[2] = learner.context.rate, learner.context.exploration, learner.second
        for p in range(3):
            if schedules[p] != NULL and schedules[p].kind != CONSTANT:
                f.ticks = max(f.ticks, 1 if schedules[p].per_episode else 2)
        f.stable_after = d.stable_after
        f.used, f.fits = d.encoder.used, d.encoder.n_rows - 2 * d.encoder.views
        parts.game, parts.encoder, parts.rewards, parts.reward_count = d.game, d.encoder, d.rewards, d.reward_count
        parts.plain = d.rewards[0].plain
        parts.rate = schedules[0] if schedules[0].kind != CONSTANT else NULL
        parts.exploration = schedules[1] if schedules[1].kind != CONSTANT else NULL
        parts.second = schedules[2] if schedules[2] != NULL and schedules[2].kind != CONSTANT else NULL
        # Components that only count different actions are added in the loop, if they are all there is.
        f.amounts = d.reward_count - 1
        for p in range(1, d.reward_count):
            distinct = <reward_leaf.Distinct *> d.rewards[p].context
            if d.rewards[p].kind != DISTINCT_ACTIONS or p > AMOUNTS or distinct.n_actions > 64 \
                    or distinct.n_actions < learner.context.max_actions:
                paid = True
                break
            f.amount[p - 1] = distinct.amounts
        f.paid = paid

    cdef object _windows(self, tuple n_draws, dict streams):
        cdef Window *w
        cdef int64_t k
        self.supplied = streams
        for k in range(WINDOWS):
            w = &self.templates[k]
            w.n_draws, w.normal = n_draws[k], k in (2, 4)
            w.stream = 8 * self.purpose + k
            w.records = 0 if k in streams else window_records(w.n_draws, 8 if k > 2 else 512)
            w.buffer, w.data, w.first, w.count = NULL, NULL, 0, 0

    def begin(self, lo, hi):
        """Start the first episode of runs lo to hi - 1."""
        return self._work(lo, hi, None, True)

    def advance(self, lo, hi, target):
        """Take runs lo to hi - 1 to ``target`` (int64 [R]) steps each, or to their end.

        Threads may call this at the same time for ranges that do not overlap.

        Returns
        -------
        int
            0, or why a run paused: 1 rows, 2 records, 4 supplied draws (added up over runs).
        """
        return self._work(lo, hi, target, False)

    cdef object _work(self, int64_t lo, int64_t hi, object target, bint begin):
        cdef Data *d = &self.data
        cdef Together t
        cdef Room room
        cdef Fused fused
        cdef Parts parts
        cdef Window *windows
        cdef const int64_t[::1] goals = None
        cdef const double[:, :, ::1] given
        cdef const int64_t[::1] given_first
        cdef const double *bases[WINDOWS]
        cdef const int64_t *firsts[WINDOWS]
        cdef int64_t[WINDOWS] counts, records
        cdef int64_t r, k, w, n, size, pauses = 0, widest = 0
        cdef double *buffer
        cdef int32_t *ids
        cdef uint8_t *flags
        cdef Step next_
        cdef int pause
        if not 0 <= lo <= hi <= self.runs:
            raise ValueError(f"lo, hi: expected 0 <= lo <= hi <= {self.runs}, got {lo}, {hi}")
        if not begin:
            goals = check(target, "target", "int64", (self.runs,), False)
        if lo == hi:
            return 0
        # Room for one run at a time, or for all of them.
        n = hi - lo if d.game.lockstep else 1
        size = 0
        for w in range(WINDOWS):
            bases[w], firsts[w], counts[w], records[w] = NULL, NULL, 0, self.templates[w].records
            if w in self.supplied:
                given, given_first = self.supplied[w]
                counts[w] = given.shape[1]
                firsts[w] = &given_first[0]
                bases[w] = &given[0, 0, 0] if given.shape[1] and given.shape[2] else <const double *> d
                continue
            if self.templates[w].n_draws:
                records[w] = max(1, min(records[w], MAX_DRAWS // (WINDOWS * self.templates[w].n_draws * n)))
            size += self.templates[w].n_draws * records[w] + 2 * GROUP
        for w in range(1, WINDOWS):
            widest = max(widest, self.templates[w].n_draws)
        size += 2 * (d.n_agents + PAD) + (2 * widest if d.game.lockstep else 0)
        buffer = <double *> calloc(n * size, sizeof(double))
        ids = <int32_t *> calloc(n * (d.n_agents + 2 * d.active_rows + 1) + 3 * PAD, sizeof(int32_t))
        # What a step needs of its own where the game says who is there.
        flags = <uint8_t *> calloc(3 * n + (4 + d.participants.max_actions) * d.n_agents, 1)
        windows = <Window *> malloc(n * WINDOWS * sizeof(Window))
        if buffer == NULL or ids == NULL or flags == NULL or windows == NULL:
            free(buffer)
            free(ids)
            free(flags)
            free(windows)
            raise MemoryError("advance: no memory for a block's draws")
        with nogil:
            t.lo, t.n, t.windows = lo, n, windows
            t.raw, t.rewards = buffer, buffer + n * d.n_agents
            t.uniforms = t.rewards + n * d.n_agents
            t.normals = t.uniforms + (n * widest if d.game.lockstep else 0)
            size = 2 * n * (d.n_agents + PAD + (widest if d.game.lockstep else 0))
            room.raw, room.rewards, room.actions = buffer, buffer + d.n_agents + PAD, ids
            room.rows, room.next_rows = ids + d.n_agents + PAD, ids + d.n_agents + d.active_rows + 2 * PAD
            fused, parts = self.fused, self.parts
            fused.parts = &parts
            parts.transition.terminated, parts.transition.truncated = &fused.terminated, &fused.truncated
            parts.transition.distinct = &parts.distinct
            t.actions, t.next_rows = ids, ids + n * d.n_agents
            t.status = ids + n * (d.n_agents + 2 * d.active_rows)
            t.terminated, t.asked, t.paused = flags, flags + n, flags + 2 * n
            next_.present, next_.acts = flags + 3 * n, flags + 3 * n + d.n_agents
            next_.learns, next_.over = next_.acts + d.n_agents, next_.acts + 2 * d.n_agents
            next_.legal = next_.over + d.n_agents
            for k in range(n):
                for w in range(WINDOWS):
                    windows[k * WINDOWS + w] = self.templates[w]
                    if bases[w] == NULL:
                        windows[k * WINDOWS + w].records = records[w]
                        windows[k * WINDOWS + w].buffer = buffer + size
                        size += windows[w].n_draws * records[w] + 2 * GROUP
            for r in range(lo, hi):
                k = r - lo if d.game.lockstep else 0
                for w in range(WINDOWS):
                    window_of_run(&windows[k * WINDOWS + w], self.seeds[r], <uint32_t> d.run_numbers[r])
                    if bases[w] != NULL:
                        windows[k * WINDOWS + w].data = bases[w] + r * counts[w] * windows[w].n_draws
                        windows[k * WINDOWS + w].first, windows[k * WINDOWS + w].count = firsts[w][r], counts[w]
                if d.game.lockstep:
                    t.asked[k] = begin
                elif begin:
                    _failed(d, r, _begin_episode(d, r, windows, d.rows + r * d.active_rows))
                elif d.reason[r] == 0:
                    pause = _advance_run(d, r, goals[r], windows, &room, &fused, &next_)
                    if pause:
                        pauses |= 1 << (pause - 1)
            if d.game.lockstep and begin:
                _begin_together(d, &t)
            elif d.game.lockstep:
                pauses = _advance_together(d, &t, goals, &next_)
        free(buffer)
        free(ids)
        free(flags)
        free(windows)
        return pauses
