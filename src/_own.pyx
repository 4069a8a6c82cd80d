"""Games of one's own: C functions for one run, or Python functions for many. Twin: ``marlfast/reference/own.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, intptr_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from marlfast.core._kernels cimport Game, check
from marlfast.core.operations cimport Draws, Status

# The functions of a game in C, each for one run. They return 0; anything else stops the run.
ctypedef int (*Step)(const double *parameters, double *state, const int32_t *actions, const double *uniforms,
                     const double *normals, double *rewards, uint8_t *terminated) noexcept nogil
ctypedef int (*Start)(const double *parameters, double *state, const double *uniforms,
                      const double *normals) noexcept nogil
ctypedef int (*Observe)(const double *parameters, const double *state, double *observation) noexcept nogil

# Who is in the game, who acts, what is legal.
ctypedef int (*Say)(const double *parameters, const double *state, uint8_t *said) noexcept nogil

cdef enum:
    SMALL = 32              # state variables that are kept on the stack

cdef struct Data:
    Step step
    Start start
    Observe observe
    Say present
    Say to_act
    Say legal
    int64_t max_actions
    const double *parameters
    int64_t agents, state_size, observation_size, step_uniforms, step_normals, start_uniforms, start_normals
    void *kernel            # the Python object that this stands in, for what goes wrong


cdef object _array(const double *data, int64_t n_runs, int64_t length, int64_t stride):
    """A copy, float64 [runs, width]: what runs others' code must not point into memory of ours."""
    array = np.empty((n_runs, length))
    cdef double[:, ::1] view = array
    cdef int64_t r
    if length and n_runs:
        for r in range(n_runs):
            memcpy(&view[r, 0], data + r * stride, length * sizeof(double))
    return array


cdef object _ids(const int32_t *data, int64_t n_runs, int64_t length):
    array = np.empty((n_runs, length), np.int32)
    cdef int32_t[:, ::1] view = array
    if length and n_runs:
        memcpy(&view[0, 0], data, n_runs * length * sizeof(int32_t))
    return array


# -- C functions ----------------------------------------------------------------------------------------


cdef void _failed(const Data *game, str what, int64_t run, int status, const double *state, const int32_t *actions,
                  const double *uniforms, const double *normals):
    """Keep the exception of one run whose function returned a status."""
    kernel = <Compiled> game.kernel
    cdef bint start = what == "start"
    failure = None
    if kernel.repeat is not None:
        failure = kernel.repeat(
            what, _array(state, 1, game.state_size, 0)[0] if state != NULL else None,
            _ids(actions, 1, game.agents)[0] if actions != NULL else None,
            _array(uniforms, 1, game.start_uniforms if start else game.step_uniforms, 0)[0] if uniforms != NULL
            else None,
            _array(normals, 1, game.start_normals if start else game.step_normals, 0)[0] if normals != NULL else None)
    if failure is None:
        failure = RuntimeError(f"{what} returned {status}")
    kernel.failures[run] = failure


cdef int _start(void *context, int64_t first, int64_t count, double *state, const Draws *draws) noexcept nogil:
    cdef const Data *game = <const Data *> context
    cdef int64_t r
    cdef int status
    cdef const double *uniforms
    cdef const double *normals
    for r in range(count):
        uniforms, normals = draws.uniforms + r * draws.uniform_stride, draws.normals + r * draws.normal_stride
        status = game.start(game.parameters, state + r * game.state_size, uniforms, normals)
        if status:
            with gil:
                _failed(game, "start", first + r, status, NULL, NULL, uniforms, normals)
            return Status.OWN_ERROR
    return 0


cdef int _step(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
               const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef const Data *game = <const Data *> context
    cdef int64_t r, size = game.state_size
    cdef int status = 0
    cdef double[SMALL] small
    cdef double *before = small         # a failing step leaves the state as it was
    cdef const double *uniforms
    cdef const double *normals
    if size > SMALL:
        before = <double *> malloc(size * sizeof(double))
        if before == NULL:
            return Status.OWN_ERROR
    for r in range(count):
        memcpy(before, state + r * size, size * sizeof(double))
        uniforms, normals = draws.uniforms + r * draws.uniform_stride, draws.normals + r * draws.normal_stride
        terminated[r] = 0
        status = game.step(game.parameters, state + r * size, actions + r * game.agents, uniforms, normals,
                           rewards + r * game.agents, terminated + r)
        if status:
            memcpy(state + r * size, before, size * sizeof(double))
            terminated[r] = 0
            with gil:
                _failed(game, "step", first + r, status, before, actions + r * game.agents, uniforms, normals)
            status = Status.OWN_ERROR
            break
        terminated[r] = terminated[r] != 0
    if size > SMALL:
        free(before)
    return status


cdef int _observe(void *context, int64_t first, int64_t count, const double *state,
                  double *observation) noexcept nogil:
    cdef const Data *game = <const Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = game.observe(game.parameters, state + r * game.state_size, observation + r * game.observation_size)
        if status:
            with gil:
                _failed(game, "observe", first + r, status, state + r * game.state_size, NULL, NULL, NULL)
            return Status.OWN_ERROR
    return 0


cdef int _say(const Data *game, Say say, str what, int64_t first, int64_t count, const double *state, uint8_t *said,
              int64_t size) noexcept nogil:
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = say(game.parameters, state + r * game.state_size, said + r * size)
        if status:
            with gil:
                _failed(game, what, first + r, status, state + r * game.state_size, NULL, NULL, NULL)
            return Status.OWN_ERROR
    return 0


cdef int _present(void *context, int64_t first, int64_t count, const double *state, uint8_t *present) noexcept nogil:
    cdef const Data *game = <const Data *> context
    return _say(game, game.present, "present", first, count, state, present, game.agents)


cdef int _to_act(void *context, int64_t first, int64_t count, const double *state, uint8_t *to_act) noexcept nogil:
    cdef const Data *game = <const Data *> context
    return _say(game, game.to_act, "to_act", first, count, state, to_act, game.agents)


cdef int _legal(void *context, int64_t first, int64_t count, const double *state, uint8_t *legal) noexcept nogil:
    cdef const Data *game = <const Data *> context
    return _say(game, game.legal, "legal", first, count, state, legal, game.agents * game.max_actions)


cdef class Compiled(Game):
    """A game whose functions are C functions for one run: see :class:`marlfast.games.own.CompiledGame`.

    Parameters
    ----------
    step, start, observe : int
        Their addresses; ``observe`` 0: all see the state as it is. Whoever gives an address vouches for it.
    parameters : float64 [P]
        Passed to each of them.
    agents, state_size, views, features : int
        At least 1 each.
    draws : (int, int, int, int)
        Uniforms and normals of a step, then of a start.
    repeat : callable, optional
        ``repeat(what, state, actions, uniforms, normals)`` gives the exception of a call that returned a status.
    functions : object
        What keeps the addresses valid: held as long as the kernel.
    present, to_act, legal : int
        Addresses, too; 0: all are in the game, all act, all actions are allowed.
    max_actions : int
        A, the greatest number of actions; where there is ``legal``.
    """
    cdef Data game
    cdef object repeat

    def __init__(self, *, step, start, observe, parameters, agents, state_size, views, features, draws, repeat,
                 functions, present=0, to_act=0, legal=0, max_actions=0):
        cdef const double[::1] values = check(parameters, "parameters", "float64", (-1,), False)
        if step == 0 or start == 0:
            raise ValueError("step, start: expected the address of a function, got 0")
        if min(agents, state_size, views, features) < 1 or views not in (1, agents):
            raise ValueError(f"agents, state_size, views, features: expected at least 1 each, views 1 or one an agent, "
                             f"got {agents}, {state_size}, {views}, {features}")
        if observe == 0 and (views, features) != (1, state_size):
            raise ValueError("observe: views and features other than the state's take a function that writes them")
        if len(draws) != 4 or min(draws) < 0:
            raise ValueError(f"draws: expected four numbers, at least 0 each, got {draws}")
        if legal and max_actions < 1:
            raise ValueError(f"max_actions: expected at least 1 where there is legal, got {max_actions}")
        self.game = Data(step=<Step> <intptr_t> step, start=<Start> <intptr_t> start,
                         observe=<Observe> <intptr_t> observe, present=<Say> <intptr_t> present,
                         to_act=<Say> <intptr_t> to_act, legal=<Say> <intptr_t> legal, max_actions=max_actions,
                         parameters=NULL, agents=agents, state_size=state_size,
                         observation_size=views * features, step_uniforms=draws[0], step_normals=draws[1],
                         start_uniforms=draws[2], start_normals=draws[3], kernel=<void *> self)
        if values.shape[0]:
            self.game.parameters = &values[0]
        self.repeat, self.held, self.failures = repeat, (functions, parameters), {}
        self._declare(&self.game, agents, state_size, views, features, tuple(draws))
        self.operations.step = _step
        self.operations.start = _start
        if observe:
            self.operations.observe = _observe
        if present:
            self.operations.present = _present
        if to_act:
            self.operations.to_act = _to_act
        if legal:
            self.operations.legal, self.max_actions = _legal, max_actions


# -- Python functions -----------------------------------------------------------------------------------


cdef object _runs(int64_t first, int64_t count):
    return np.arange(first, first + count)


cdef int _play_start(void *context, int64_t first, int64_t count, double *state, const Draws *draws) noexcept with gil:
    kernel = <Python> context
    cdef const double[:, ::1] made
    cdef int64_t at = first, end = first + count, n = count if kernel.operations.lockstep else 1, r
    try:
        while at < end:
            r = at - first
            made = check(kernel.player.start(
                _runs(at, n), _array(draws.uniforms + r * draws.uniform_stride, n, kernel.start_uniforms,
                                     draws.uniform_stride),
                _array(draws.normals + r * draws.normal_stride, n, kernel.start_normals, draws.normal_stride)),
                "start: state", "float64", (n, kernel.state_size), False)
            memcpy(state + r * kernel.state_size, &made[0, 0], n * kernel.state_size * sizeof(double))
            at += n
    except BaseException as error:
        kernel.failures[at] = error
        return Status.OWN_ERROR
    return 0


cdef int _play_step(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
                    const Draws *draws, double *rewards, uint8_t *terminated) noexcept with gil:
    kernel = <Python> context
    cdef const double[:, ::1] made, earned
    cdef const uint8_t[::1] over
    cdef int64_t at = first, end = first + count, n = count if kernel.operations.lockstep else 1, r
    cdef int64_t size = kernel.state_size, n_agents = kernel.agents
    try:
        while at < end:
            r = at - first
            answer = kernel.player.step(
                _runs(at, n), _array(state + r * size, n, size, size), _ids(actions + r * n_agents, n, n_agents),
                _array(draws.uniforms + r * draws.uniform_stride, n, kernel.step_uniforms, draws.uniform_stride),
                _array(draws.normals + r * draws.normal_stride, n, kernel.step_normals, draws.normal_stride))
            if not isinstance(answer, tuple) or len(answer) != 3:
                raise TypeError("step: expected (state, rewards, terminated)")
            made = check(answer[0], "step: state", "float64", (n, size), False)
            earned = check(answer[1], "step: rewards", "float64", (n, n_agents), False)
            over = check(answer[2], "step: terminated", "bool", (n,), False).view(np.uint8)
            memcpy(state + r * size, &made[0, 0], n * size * sizeof(double))
            memcpy(rewards + r * n_agents, &earned[0, 0], n * n_agents * sizeof(double))
            memcpy(terminated + r, &over[0], n)
            at += n
    except BaseException as error:
        kernel.failures[at] = error
        return Status.OWN_ERROR
    return 0


cdef int _play_observe(void *context, int64_t first, int64_t count, const double *state,
                       double *observation) noexcept with gil:
    kernel = <Python> context
    cdef const double[:, :, ::1] obs
    cdef int64_t at = first, end = first + count, n = count if kernel.operations.lockstep else 1, r
    cdef int64_t size = kernel.state_size, observation_size = kernel.views * kernel.features
    try:
        while at < end:
            r = at - first
            obs = check(kernel.player.observe(_runs(at, n), _array(state + r * size, n, size, size)),
                        "observe: observation", "float64", (n, kernel.views, kernel.features), False)
            memcpy(observation + r * observation_size, &obs[0, 0, 0], n * observation_size * sizeof(double))
            at += n
    except BaseException as error:
        kernel.failures[at] = error
        return Status.OWN_ERROR
    return 0


cdef int _play_say(Python kernel, object say, str what, int64_t first, int64_t count, const double *state,
                   uint8_t *said, tuple shape):
    cdef const uint8_t[::1] made
    cdef int64_t at = first, end = first + count, n = count if kernel.operations.lockstep else 1
    cdef int64_t size = kernel.state_size, length = np.prod(shape)
    try:
        while at < end:
            made = check(say(_runs(at, n), _array(state + (at - first) * size, n, size, size)), what, "bool",
                         (n, *shape), False).reshape(-1).view(np.uint8)
            memcpy(said + (at - first) * length, &made[0], n * length)
            at += n
    except BaseException as error:
        kernel.failures[at] = error
        return Status.OWN_ERROR
    return 0


cdef int _play_present(void *context, int64_t first, int64_t count, const double *state,
                       uint8_t *present) noexcept with gil:
    kernel = <Python> context
    return _play_say(kernel, kernel.player.present, "present", first, count, state, present, (kernel.agents,))


cdef int _play_to_act(void *context, int64_t first, int64_t count, const double *state,
                      uint8_t *to_act) noexcept with gil:
    kernel = <Python> context
    return _play_say(kernel, kernel.player.to_act, "to_act", first, count, state, to_act, (kernel.agents,))


cdef int _play_legal(void *context, int64_t first, int64_t count, const double *state,
                     uint8_t *legal) noexcept with gil:
    kernel = <Python> context
    return _play_say(kernel, kernel.player.legal, "legal", first, count, state, legal,
                     (kernel.agents, kernel.max_actions))


cdef int _play_truncated(void *context, int64_t first, int64_t count, const double *state,
                         uint8_t *truncated) noexcept with gil:
    kernel = <Python> context
    return _play_say(kernel, kernel.player.truncated, "truncated", first, count, state, truncated, ())


cdef class Python(Game):
    """A game that a Python object plays, for many runs at once.

    Parameters
    ----------
    player : object
        With the methods below. Arrays that it is given are its own; those that it returns are C-contiguous, of exactly
        the type and shape that is said here. ``runs`` (int64 [n]) says which runs of the session they are.

        - ``start(runs, uniforms [n, start_uniforms], normals [n, start_normals]) -> state``, float64 [n, S]
        - ``step(runs, state [n, S], actions [n, N], uniforms [n, step_uniforms], normals [n, step_normals])
          -> (state float64 [n, S], rewards float64 [n, N], terminated bool [n])``
        - ``observe(runs, state [n, S]) -> observation``, float64 [n, V, D]; or None in its place: all see the state
        - ``present(runs, state) -> bool [n, N]``, ``to_act(runs, state) -> bool [n, N]``, ``legal(runs, state) -> bool
          [n, N, A]``, ``truncated(runs, state) -> bool [n]``; or None, or nothing: see
          :attr:`marlfast.games.Game.participation`
    agents, state_size, views, features : int
        N, S, V and D; at least 1 each.
    draws : (int, int, int, int)
        Uniforms and normals of a step, then of a start.
    lockstep : bool
        True: called for many runs at once; where that raises, once more for each of them alone, so that only
        those at fault stop. The player must then keep nothing between calls. False: always called for one run.
    max_actions : int
        A, the greatest number of actions; where there is ``legal``.
    """
    cdef readonly object player

    def __init__(self, player, agents, state_size, views, features, draws, lockstep, max_actions=0):
        if min(agents, state_size, views, features) < 1 or views not in (1, agents):
            raise ValueError(f"agents, state_size, views, features: expected at least 1 each, views 1 or one an agent, "
                             f"got {agents}, {state_size}, {views}, {features}")
        if player.observe is None and (views, features) != (1, state_size):
            raise ValueError("observe: views and features other than the state's take a function that gives them")
        if len(draws) != 4 or min(draws) < 0:
            raise ValueError(f"draws: expected four numbers, at least 0 each, got {draws}")
        self.player, self.failures, self.serial = player, {}, True
        self._declare(<void *> self, agents, state_size, views, features, tuple(draws))
        self.operations.step = _play_step
        self.operations.start = _play_start
        if player.observe is not None:
            self.operations.observe = _play_observe
        if getattr(player, "present", None) is not None:
            self.operations.present = _play_present
        if getattr(player, "to_act", None) is not None:
            self.operations.to_act = _play_to_act
        if getattr(player, "legal", None) is not None:
            if max_actions < 1:
                raise ValueError(f"max_actions: expected at least 1 where there is legal, got {max_actions}")
            self.operations.legal, self.max_actions = _play_legal, max_actions
        if getattr(player, "truncated", None) is not None:
            self.operations.truncated = _play_truncated
        self.operations.lockstep = lockstep
