# cython: language_level=3
"""Particles that push each other and talk, one run: the leaves of ``src/_particles.pyx``.

A state holds position and velocity of each agent, the position of each landmark, and of games with goals the goal of
each agent that has one and what each that talks said last (``words``: nothing yet).
"""
from libc.math cimport fabs, isfinite, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.cells as cells
from marlfast.core.draws cimport exp_, log_
from marlfast.core.operations cimport Status

cdef enum:
    MAX_AGENTS = 16
    MAX_LANDMARKS = 16

cdef enum Kind:
    SPREAD = 0
    TAG = 1
    SPEAKER = 2
    REFERENCE = 3

ctypedef struct Data:
    int64_t agents
    int64_t state_size
    int64_t observation_size
    int64_t features
    int64_t landmarks
    int64_t kind
    int64_t chasers             # of a game of tag; they come first
    int64_t goals               # agents with a goal, who also talk; they come first
    int64_t words
    double local_ratio          # how much of a reward is the agent's own


cdef inline double size_of(const Data *game, int64_t i) noexcept nogil:
    """Radius of an agent that bumps into others."""
    if game.kind == Kind.SPREAD:
        return 0.15
    return 0.075 if i < game.chasers else 0.05


cdef inline double softened(double x) noexcept nogil:
    """log(1 + exp(x)); 0 where that is less than 1e-17."""
    if x < -40.0:
        return 0.0
    if x > 0.0:
        return x + log_(1.0 + exp_(0.0 - x)) if x < 40.0 else x
    return log_(1.0 + exp_(x))


cdef inline double contact(const double *one, const double *other, double reach, double *push) noexcept nogil:
    """Force on one of two bodies that touch each other at a distance of ``reach``: writes push [2]."""
    cdef double dx = one[0] - other[0], dy = one[1] - other[1], distance = sqrt(dx * dx + dy * dy), soft
    soft = softened(0.0 - (distance - reach) / 1e-3)
    if soft == 0.0 or distance == 0.0:
        push[0] = push[1] = 0.0
        return distance
    soft = soft * 1e-3
    push[0], push[1] = 100.0 * dx / distance * soft, 100.0 * dy / distance * soft
    return distance


cdef inline bint sound(const Data *game, const double *state) noexcept nogil:
    cdef int64_t k, n = 4 * game.agents + 2 * game.landmarks
    for k in range(n):
        if not isfinite(state[k]):
            return False
    for k in range(game.goals):
        if cells.whole(state[n + k], game.landmarks) < 0 or cells.whole(state[n + game.goals + k], game.words + 1) < 0:
            return False
    return True


cdef inline int start(const Data *game, double *state, const double *uniforms, const double *normals) noexcept nogil:
    cdef int64_t n = game.agents, i, goal
    cdef double reach = 0.9 if game.kind == Kind.TAG else 1.0
    for i in range(2 * (n + game.landmarks) + game.goals):
        if not (uniforms[i] >= 0.0 and uniforms[i] < 1.0):
            return Status.BAD_DRAW
    for i in range(n):
        state[4 * i], state[4 * i + 1] = -1.0 + 2.0 * uniforms[2 * i], -1.0 + 2.0 * uniforms[2 * i + 1]
        state[4 * i + 2] = state[4 * i + 3] = 0.0
    state += 4 * n
    uniforms += 2 * n
    for i in range(2 * game.landmarks):
        state[i] = 2.0 * reach * uniforms[i] - reach
    state += 2 * game.landmarks
    for i in range(game.goals):
        state[i] = <double> cells.pick(uniforms[2 * game.landmarks + i], game.landmarks)
        state[game.goals + i] = <double> game.words
    return 0


cdef inline double distance_of(const double *one, const double *other) noexcept nogil:
    cdef double dx = one[0] - other[0], dy = one[1] - other[1]
    return sqrt(dx * dx + dy * dy)


cdef inline double outside(double x) noexcept nogil:
    """What being this far from the middle costs who is chased."""
    if x < 0.9:
        return 0.0
    if x < 1.0:
        return (x - 0.9) * 10.0
    return min(exp_(2.0 * x - 2.0), 10.0) if x < 3.0 else 10.0


cdef inline int step(const Data *game, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef int64_t n = game.agents, i, j, k, move, action
    cdef double force[2 * MAX_AGENTS]
    cdef double push[2]
    cdef double *places = state + 4 * n
    cdef double *goals = places + 2 * game.landmarks
    cdef double *it
    cdef double speed, most, thrust, least, common, own
    if not sound(game, state):
        return Status.BAD_STATE
    for i in range(n):
        action = actions[i]
        if action < 0 or action >= (game.words if game.kind == Kind.SPEAKER and i == 0
                                    else 5 * game.words if game.kind == Kind.REFERENCE else 5):
            return Status.BAD_ACTION
        move = 0 if game.kind == Kind.SPEAKER and i == 0 else action % 5
        thrust = 5.0
        if game.kind == Kind.TAG:
            thrust = 3.0 if i < game.chasers else 4.0
        force[2 * i] = thrust if move == 2 else -thrust if move == 1 else 0.0
        force[2 * i + 1] = thrust if move == 4 else -thrust if move == 3 else 0.0
    if game.kind <= Kind.TAG:
        for i in range(n):
            for j in range(i + 1, n):
                contact(state + 4 * i, state + 4 * j, size_of(game, i) + size_of(game, j), push)
                force[2 * i], force[2 * i + 1] = push[0] + force[2 * i], push[1] + force[2 * i + 1]
                force[2 * j], force[2 * j + 1] = force[2 * j] - push[0], force[2 * j + 1] - push[1]
            if game.kind == Kind.TAG:
                for k in range(game.landmarks):
                    contact(state + 4 * i, places + 2 * k, size_of(game, i) + 0.2, push)
                    force[2 * i], force[2 * i + 1] = push[0] + force[2 * i], push[1] + force[2 * i + 1]
    for i in range(n):
        if game.kind == Kind.SPEAKER and i == 0:
            goals[1] = <double> actions[0]
            continue
        it = state + 4 * i
        it[0], it[1] = it[0] + it[2] * 0.1, it[1] + it[3] * 0.1
        it[2], it[3] = it[2] * 0.75 + force[2 * i] * 0.1, it[3] * 0.75 + force[2 * i + 1] * 0.1
        if game.kind == Kind.TAG:
            speed, most = sqrt(it[2] * it[2] + it[3] * it[3]), 1.0 if i < game.chasers else 1.3
            if speed > most:
                it[2], it[3] = it[2] / speed * most, it[3] / speed * most
        elif game.kind == Kind.REFERENCE:
            goals[2 + i] = <double> (actions[i] // 5)
    terminated[0] = 0
    if game.kind == Kind.SPREAD:
        common = 0.0
        for k in range(game.landmarks):
            least = distance_of(state, places + 2 * k)
            for i in range(1, n):
                least = min(least, distance_of(state + 4 * i, places + 2 * k))
            common -= least
        for i in range(n):
            own = 0.0
            for j in range(n):
                if j != i and distance_of(state + 4 * i, state + 4 * j) < 0.3:
                    own -= 1.0
            rewards[i] = common * (1.0 - game.local_ratio) + own * game.local_ratio
    elif game.kind == Kind.TAG:
        common = 0.0
        for j in range(game.chasers, n):
            it = state + 4 * j
            own = 0.0
            for i in range(game.chasers):
                if distance_of(state + 4 * i, it) < size_of(game, i) + size_of(game, j):
                    common += 10.0
                    own -= 10.0
            rewards[j] = own - outside(fabs(it[0])) - outside(fabs(it[1]))
        for i in range(game.chasers):
            rewards[i] = common
    elif game.kind == Kind.SPEAKER:
        it = places + 2 * <int64_t> goals[0]
        own = (state[4] - it[0]) * (state[4] - it[0]) + (state[5] - it[1]) * (state[5] - it[1])
        rewards[0] = rewards[1] = 0.0 - own
    else:
        # Each is paid for where the other is.
        rewards[0] = 0.0 - distance_of(state + 4, places + 2 * <int64_t> goals[0])
        rewards[1] = 0.0 - distance_of(state, places + 2 * <int64_t> goals[1])
        common = (rewards[0] + rewards[1]) / 2.0
        for i in range(2):
            rewards[i] = common * (1.0 - game.local_ratio) + rewards[i] * game.local_ratio
    return 0


cdef inline int observe(const Data *game, const double *state, double *observation) noexcept nogil:
    cdef int64_t n = game.agents, i, j, k, goal, said
    cdef const double *places = state + 4 * n
    cdef const double *goals = places + 2 * game.landmarks
    cdef const double *it
    cdef double *out
    if not sound(game, state):
        return Status.BAD_STATE
    for i in range(n):
        out = observation + i * game.features
        it = state + 4 * i
        if game.kind == Kind.SPEAKER and i == 0:
            for k in range(3):
                out[k] = 0.65 if k == <int64_t> goals[0] else 0.15
            for k in range(3, game.features):
                out[k] = 0.0
            continue
        out[0], out[1] = it[2], it[3]
        out += 2
        if game.kind <= Kind.TAG:
            out[0], out[1] = it[0], it[1]
            out += 2
        for k in range(game.landmarks):
            out[2 * k], out[2 * k + 1] = places[2 * k] - it[0], places[2 * k + 1] - it[1]
        out += 2 * game.landmarks
        if game.kind <= Kind.TAG:
            for j in range(n):
                if j != i:
                    out[0], out[1] = state[4 * j] - it[0], state[4 * j + 1] - it[1]
                    out += 2
        if game.kind == Kind.SPREAD:
            for k in range(2 * (n - 1)):
                out[k] = 0.0
        elif game.kind == Kind.TAG:
            for j in range(game.chasers, n):
                if j != i:
                    out[0], out[1] = state[4 * j + 2], state[4 * j + 3]
                    out += 2
            if i >= game.chasers:
                out[0] = out[1] = 0.0
        else:
            if game.kind == Kind.REFERENCE:
                for k in range(3):
                    out[k] = 0.75 if k == <int64_t> goals[i] else 0.25
                out += 3
            said = <int64_t> goals[1] if game.kind == Kind.SPEAKER else <int64_t> goals[2 + 1 - i]
            for k in range(game.words):
                out[k] = 1.0 if k == said else 0.0
    return 0
