# The staged loop's stages for games that say who is there, who acts or what is legal; included by src/_loop.pyx.
# Twin: marlfast/reference/moves.py.

cdef enum:
    NOBODY = -1                 # in place of a status


cdef int _ask(Data *d, int64_t r, uint8_t *present, uint8_t *acts, uint8_t *legal) noexcept nogil:
    """Who is there, who acts and what they may do, in a state that is not over. A status, or NOBODY."""
    cdef Participants *p = &d.participants
    cdef GameOperations *game = d.game
    cdef const double *state = d.state + r * d.state_size
    cdef int64_t n = d.n_agents, i, a
    cdef int status = 0
    cdef uint8_t some = 0
    memset(present, 1, n)
    memset(acts, 1, n)
    memset(legal, 1, n * p.max_actions)
    if game.present != NULL:
        status = game.present(game.context, r, 1, state, present)
        if status:
            return status
        for i in range(n):
            some |= present[i]
        if not some:
            return NOBODY
    if game.to_act != NULL:
        status = game.to_act(game.context, r, 1, state, acts)
    if game.legal != NULL and status == 0:
        status = game.legal(game.context, r, 1, state, legal)
    if status:
        return status
    for i in range(n):
        present[i] = present[i] != 0
        acts[i] = present[i] & (acts[i] != 0)
        some = 0
        for a in range(p.max_actions):
            legal[i * p.max_actions + a] = acts[i] & (a < p.counts[i]) & (legal[i * p.max_actions + a] != 0)
            some |= legal[i * p.max_actions + a]
        if acts[i] and not some:
            d.fault[r] = i
            return Status.NO_LEGAL
    return 0


cdef void _see(Data *d, int64_t r, const uint8_t *acts) noexcept nogil:
    """Those who act next look; the others keep to what they saw when they last were to act."""
    cdef int64_t v, features = d.observation_size // d.views
    cdef double *last_obs = d.participants.last_obs + r * d.observation_size
    cdef const double *observation = d.observation + r * d.observation_size
    for v in range(d.views):
        if d.views == 1 or acts == NULL or acts[v]:
            memcpy(last_obs + v * features, observation + v * features, features * sizeof(double))


cdef int _begin_moves(Data *d, int64_t r) noexcept nogil:
    """Who is there when an episode begins; nobody waits."""
    cdef Participants *p = &d.participants
    cdef int64_t n = d.n_agents
    cdef int status = _ask(d, r, p.present + r * n, p.acts + r * n, p.legal + r * n * p.max_actions)
    memset(p.waits + r * n, 0, n)
    _see(d, r, NULL)
    return Status.BAD_STATE if status == NOBODY else status


cdef void _record_steps(Data *d, int64_t r) noexcept nogil:
    """For how many steps of an episode that is over each agent was there."""
    cdef Participants *p = &d.participants
    cdef int64_t i, entry
    for i in range(d.n_agents):
        if d.record_every:
            entry = r * d.capacity + d.episodes[r] // d.record_every
            p.agent_lengths[entry * d.n_agents + i] += p.agent_steps[r * d.n_agents + i]
        p.agent_steps[r * d.n_agents + i] = 0


cdef int _act_some(Data *d, int64_t r, const int32_t *rows, const double *explore, int32_t *actions) noexcept nogil:
    """Those who are to act do; what they choose must be legal."""
    cdef Participants *p = &d.participants
    cdef Moves moves
    cdef int64_t n = d.n_agents, i
    cdef int status
    cdef LearnerOperations *learner
    moves.max_actions, moves.acts, moves.legal = p.max_actions, p.acts + r * n, p.legal + r * n * p.max_actions
    for i in range(n):
        actions[i] = -1
    for i in range(d.learner_count):
        learner = d.learners[i]
        status = learner.act_some(learner.context, r, rows, explore, &moves, actions)
        if status:
            return status
    for i in range(n):
        if moves.acts[i]:
            if <uint32_t> actions[i] >= <uint64_t> p.max_actions or not moves.legal[i * p.max_actions + actions[i]]:
                d.fault[r] = i
                return Status.ILLEGAL
        else:
            actions[i] = -1
    return 0


cdef void _earn(Data *d, int64_t r, const int32_t *rows, const int32_t *actions, const double *rewards) noexcept nogil:
    """Who has acted begins a transition; who waits adds to its own."""
    cdef Participants *p = &d.participants
    cdef int64_t n = d.n_agents, k = d.own // n, i, at
    for i in range(n):
        at = r * n + i
        if p.acts[at]:
            p.waits[at], p.moved_actions[at] = 1, actions[i]
            memcpy(p.moved_rows + at * k, rows + i * k, k * sizeof(int32_t))
            memcpy(p.moved_legal + at * p.max_actions, p.legal + at * p.max_actions, p.max_actions)
            p.moved_rewards[at], p.moved_ahead[at] = rewards[i], 1.0
        elif p.waits[at]:
            if not p.by_move:
                p.moved_ahead[at] *= p.discounts[at]
            p.moved_rewards[at] += p.moved_ahead[at] * rewards[i]


cdef int _end(Data *d, int64_t r, uint8_t *terminated, uint8_t *truncated, Step *next_) noexcept nogil:
    """Whether a step ends the episode, and how; who is there after it, who acts, what they may do."""
    cdef bint over = terminated[0]
    cdef int status = NOBODY
    truncated[0] = 0
    if not over or d.ends_are_limits:
        status = _ask(d, r, next_.present, next_.acts, next_.legal)
        if status > 0:
            return status
        if status == 0 and over:
            terminated[0], truncated[0] = 0, 1
        elif status == 0 and d.episode_steps[r] == d.horizon:
            terminated[0], truncated[0] = d.horizon_ends, not d.horizon_ends
        elif status == 0 and d.game.truncated != NULL:
            status = d.game.truncated(d.game.context, r, 1, d.state + r * d.state_size, truncated)
            if status:
                return status
            truncated[0] = truncated[0] != 0
    if status == NOBODY:
        terminated[0] = 1
        memset(next_.present, 0, d.n_agents)
        memset(next_.acts, 0, d.n_agents)
        memset(next_.legal, 0, d.n_agents * d.participants.max_actions)
    return 0


cdef int _learn_some(Data *d, int64_t r, double *raw, double *rewards, const int32_t *rows,
                     int32_t *next_rows, uint8_t *terminated, uint8_t *truncated, Transition *transition,
                     uint8_t *ended, Step *next_) noexcept nogil:
    """All of a step that follows on the game's part in it, as `_learn` does it where all act."""
    cdef Participants *p = &d.participants
    cdef int64_t n_agents = d.n_agents, i, q, at
    cdef int64_t plain = d.rewards[0].plain
    cdef double finite = 0.0
    cdef uint8_t changed = 0
    cdef int status
    cdef LearnerOperations *learner
    cdef Moves moves
    for i in range(n_agents):
        if not p.present[r * n_agents + i]:
            raw[i] = 0.0
        finite += raw[i] * 0.0
    if finite != 0.0:
        return _bad_reward(d, r, raw)
    d.steps[r] += 1
    d.episode_steps[r] += 1
    for i in range(n_agents):
        p.agent_steps[r * n_agents + i] += p.present[r * n_agents + i]
    status = _end(d, r, terminated, truncated, next_)
    if status:
        return status
    ended[0] = terminated[0] | truncated[0]

    _see(d, r, next_.acts)
    status = _encode(d, r, p.last_obs + r * d.observation_size, next_rows)
    if status:
        return status
    transition.rows, transition.next_rows, transition.distinct[0] = rows, next_rows, -1
    if plain:
        for i in range(n_agents):
            rewards[i] = raw[i]
    for q in range(plain, d.reward_count):
        status = d.rewards[q].apply(d.rewards[q].context, r, 1, transition)
        if status:
            return status
    for i in range(n_agents):
        if not p.present[r * n_agents + i]:
            rewards[i] = 0.0
    _earn(d, r, rows, transition.actions, rewards)
    for i in range(n_agents):
        at = r * n_agents + i
        next_.over[i] = terminated[0] | (not next_.present[i])
        next_.learns[i] = p.waits[at] & (next_.over[i] | next_.acts[i])
    moves.max_actions, moves.acts = p.max_actions, p.acts + r * n_agents
    moves.legal = p.legal + r * n_agents * p.max_actions
    moves.next_acts, moves.next_legal, moves.learns, moves.over = next_.acts, next_.legal, next_.learns, next_.over
    moves.rows, moves.actions = p.moved_rows + r * d.own, p.moved_actions + r * n_agents
    moves.moved_legal = p.moved_legal + r * n_agents * p.max_actions
    moves.rewards, moves.ahead = p.moved_rewards + r * n_agents, p.moved_ahead + r * n_agents
    for q in range(d.learner_count):
        learner = d.learners[q]
        if learner.update != NULL:
            status = learner.update_some(learner.context, r, transition, &moves, &changed)
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
        p.waits[r * n_agents + i] &= not next_.learns[i]
    memcpy(p.present + r * n_agents, next_.present, n_agents)
    memcpy(p.acts + r * n_agents, next_.acts, n_agents)
    memcpy(p.legal + r * n_agents * p.max_actions, next_.legal, n_agents * p.max_actions)
    return 0


cdef int _staged_some(Data *d, int64_t r, int64_t count, const double *explore, const Draws *given,
                      double *observation, Room *room, Step *next_) noexcept nogil:
    """Up to `count` steps, as `_staged` does them where all act."""
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
        if not (_rows_fit(d.encoder, r) and _rows_fit(d.central, r)):
            room.full = 1
            break
        status = _act_some(d, r, room.rows, explore, room.actions)
        if status == 0:
            status = game.step(game.context, r, 1, state, room.actions, &draws, room.raw, &terminated)
        if status == 0:
            status = show(game, r, 1, state, d.observation_size, observation)
        if status == 0:
            status = _learn_some(d, r, room.raw, room.rewards, room.rows, room.next_rows, &terminated, &truncated,
                                 &transition, &room.ended, next_)
        if status or room.ended:
            break
        explore += d.explore
        draws.uniforms += draws.uniform_stride
        draws.normals += draws.normal_stride
        room.rows, room.next_rows = room.next_rows, room.rows
        if d.steps[r] >= d.max_steps or d.stable[r] >= d.max_stable:
            break
    return status
