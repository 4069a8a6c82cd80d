"""What compiled games, encoders, rewards and learners have in common.

Each is a C struct of functions (``marlfast/core/operations.pxd``) with the
arrays and parameters that it works on. The loop calls the struct; the methods
here call the same functions from Python, after checking every array, so that
no call can read or write outside them. Twin: ``marlfast/reference/kernels.py``.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.operations cimport Draws, Status, Transition, show


STATUS_TEXT = {
    Status.BAD_OBSERVATION: "an observation is not finite or lies outside what the encoder can number",
    Status.BAD_REWARD: "a reward is not finite",
    Status.BAD_ACTION: "an action lies outside the agent's actions",
    Status.BAD_DRAW: "a draw lies outside [0, 1)",
    Status.BAD_ROW: "a row lies outside the table",
    Status.BAD_VALUE: "a learned value stopped being finite",
    Status.TABLE_FULL: "the table has no room for a new row",
    Status.NO_DRAWS: "the supplied draws are used up",
    Status.BAD_STATE: "the state is not one of the game's",
    Status.OWN_ERROR: "the game's own code failed",
}


# A dtype's name takes microseconds to find out; an object is compared at once.
cdef dict DTYPES = {name: np.dtype(name) for name in ("float64", "int32", "int64", "bool", "uint32", "uint64")}


cdef object _check_kind(object array, str name, str dtype, tuple shape):
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array of {dtype}, got {type(array).__name__}")
    if array.dtype is not DTYPES[dtype] and array.dtype != DTYPES[dtype]:
        raise TypeError(f"{name}: expected {dtype}, got {array.dtype}; convert it with .astype({dtype!r})")
    cdef tuple came = array.shape
    if came == shape:
        return
    fits = len(came) == len(shape)
    if fits:
        for axis in range(len(shape)):
            if shape[axis] >= 0 and came[axis] != shape[axis]:
                fits = False
    if not fits:
        raise ValueError(f"{name}: expected shape {shape}, got {came}")


cdef object check(object array, str name, str dtype, tuple shape, bint writable):
    """The array, if it is C-contiguous with this dtype and shape (-1: any length); else an error."""
    _check_kind(array, name, dtype, shape)
    flags = array.flags
    if not flags.c_contiguous:
        raise ValueError(f"{name}: expected a C-contiguous array; copy it with numpy.ascontiguousarray")
    if writable and not flags.writeable:
        raise ValueError(f"{name}: is written to, but the array is read-only")
    return array


cdef int64_t check_cells(object array, str name, str dtype, tuple shape) except -1:
    """Check an array [R, rows, T] or [R, rows, T, A] whose cells lie at equal distances; returns that in items.

    A table keeps the action values, the greedy action and the visits of a cell side by side, so that
    they share a cache line: each of the three arrays is then a view with gaps.
    """
    _check_kind(array, name, dtype, shape)
    if not array.flags.writeable:
        raise ValueError(f"{name}: is written to, but the array is read-only")
    cell = array.strides[2]
    width = array.shape[3] if array.ndim == 4 else 1
    if (cell % array.itemsize or cell < width * array.itemsize or array.strides[1] != cell * array.shape[2]
            or array.strides[0] != cell * array.shape[2] * array.shape[1]
            or array.ndim == 4 and width > 1 and array.strides[3] != array.itemsize):
        raise ValueError(f"{name}: expected a C-contiguous array, or one whose cells lie at equal distances")
    return cell // array.itemsize


cdef object check_status(int status, str what):
    if status != 0:
        raise ValueError(f"{what}: {STATUS_TEXT.get(status, f'the kernel stopped with status {status}')}")


# What an empty array points at: nothing is read there, but NULL would mean an exception.
cdef double _no_reals
cdef int32_t _no_ids
cdef uint8_t _no_flags


cdef inline double *_reals(object array) except? NULL:
    cdef double[::1] view = array.reshape(-1)
    if view.shape[0] == 0:
        return &_no_reals
    return &view[0]


cdef inline const double *_const_reals(object array) except? NULL:
    cdef const double[::1] view = array.reshape(-1)
    if view.shape[0] == 0:
        return &_no_reals
    return &view[0]


cdef inline int32_t *_ids(object array) except? NULL:
    cdef int32_t[::1] view = array.reshape(-1)
    if view.shape[0] == 0:
        return &_no_ids
    return &view[0]


cdef inline const int32_t *_const_ids(object array) except? NULL:
    cdef const int32_t[::1] view = array.reshape(-1)
    if view.shape[0] == 0:
        return &_no_ids
    return &view[0]


cdef inline uint8_t *_flags(object array) except? NULL:
    cdef uint8_t[::1] view = array.reshape(-1).view(np.uint8)
    if view.shape[0] == 0:
        return &_no_flags
    return &view[0]


cdef inline const uint8_t *_const_flags(object array) except? NULL:
    cdef const uint8_t[::1] view = array.reshape(-1).view(np.uint8)
    if view.shape[0] == 0:
        return &_no_flags
    return &view[0]


cdef object _made(bint made, str what):
    """Refuse a kernel whose ``__init__`` never ran, or that is a bare base: it has no functions to call."""
    if not made:
        raise TypeError(f"{what}: this kernel was never made; use one of the classes derived from it")


cdef int64_t _runs(Game game, object state) except -1:
    _made(game.operations.step != NULL, "state")
    return len(check(state, "state", "float64", (-1, game.state_size), False))


cdef class Game:
    """A game's compiled functions. Twin: ``marlfast.reference.kernels.Game``.

    Attributes
    ----------
    agents, state_size, views, features : int
        N, S, V (1 or N) and D of the shapes below.
    step_uniforms, step_normals, start_uniforms, start_normals : int
        How many draws one step, and one start, takes.
    failures : dict of int to Exception, or None
        What was raised in the game's own code, by run; None: a game of the package, whose code raises nothing.
    serial : bool
        Its code runs under Python's global lock, so that more threads gain nothing.
    """

    cdef object _declare(self, void *context, int64_t agents, int64_t state_size, int64_t views, int64_t features,
                         tuple draws):
        """Set the facts; ``draws``: uniforms and normals of a step, then of a start."""
        self.operations.context = context
        self.agents, self.state_size, self.views, self.features = agents, state_size, views, features
        self.step_uniforms, self.step_normals, self.start_uniforms, self.start_normals = draws

    cdef object _raise(self, int status, str what):
        """Raise what a status says; an exception of the game's own code as it is."""
        if status != 0 and self.failures:
            failure = self.failures[min(self.failures)]
            self.failures.clear()
            if status == Status.OWN_ERROR:
                raise failure
        check_status(status, what)

    def step(self, state, actions, uniforms, normals, rewards, terminated):
        """One step of every run.

        Parameters
        ----------
        state : float64 [R, S]
            Modified in place.
        actions : int32 [R, N]
        uniforms : float64 [R, step_uniforms]
            In [0, 1).
        normals : float64 [R, step_normals]
        rewards : float64 [R, N]
            Written.
        terminated : bool [R]
            Written.
        """
        cdef int64_t runs = _runs(self, state)
        cdef Draws draws
        cdef double *s = _reals(check(state, "state", "float64", (runs, self.state_size), True))
        cdef const int32_t *a = _const_ids(check(actions, "actions", "int32", (runs, self.agents), False))
        draws.uniforms = _const_reals(check(uniforms, "uniforms", "float64", (runs, self.step_uniforms), False))
        draws.uniform_stride = self.step_uniforms
        draws.normals = _const_reals(check(normals, "normals", "float64", (runs, self.step_normals), False))
        draws.normal_stride = self.step_normals
        cdef double *r = _reals(check(rewards, "rewards", "float64", (runs, self.agents), True))
        cdef uint8_t *t = _flags(check(terminated, "terminated", "bool", (runs,), True))
        cdef int status
        with nogil:
            status = self.operations.step(self.operations.context, 0, runs, s, a, &draws, r, t)
        self._raise(status, "step")

    def start(self, state, uniforms, normals):
        """A new episode in every run.

        Parameters
        ----------
        state : float64 [R, S]
            Written.
        uniforms : float64 [R, start_uniforms]
        normals : float64 [R, start_normals]
        """
        cdef int64_t runs = _runs(self, state)
        cdef Draws draws
        cdef double *s = _reals(check(state, "state", "float64", (runs, self.state_size), True))
        draws.uniforms = _const_reals(check(uniforms, "uniforms", "float64", (runs, self.start_uniforms), False))
        draws.uniform_stride = self.start_uniforms
        draws.normals = _const_reals(check(normals, "normals", "float64", (runs, self.start_normals), False))
        draws.normal_stride = self.start_normals
        cdef int status
        with nogil:
            status = self.operations.start(self.operations.context, 0, runs, s, &draws)
        self._raise(status, "start")

    def observe(self, state, observation):
        """What the agents see.

        Parameters
        ----------
        state : float64 [R, S]
        observation : float64 [R, V, D]
            Written.
        """
        cdef int64_t runs = _runs(self, state)
        cdef const double *s = _const_reals(check(state, "state", "float64", (runs, self.state_size), False))
        cdef double *o = _reals(
            check(observation, "observation", "float64", (runs, self.views, self.features), True))
        cdef int status
        with nogil:
            status = show(&self.operations, 0, runs, s, self.views * self.features, o)
        self._raise(status, "observe")

    def without(self, state, actions, rewards, without):
        """The team's total reward of the last step, had agent i not been there.

        Parameters
        ----------
        state : float64 [R, S]
            After the step.
        actions : int32 [R, N]
        rewards : float64 [R, N]
            Of the step.
        without : float64 [R, N]
            Written.
        """
        if self.operations.without == NULL:
            raise ValueError("without: this game cannot say what would have happened without an agent")
        cdef int64_t runs = _runs(self, state)
        cdef const double *s = _const_reals(check(state, "state", "float64", (runs, self.state_size), False))
        cdef const int32_t *a = _const_ids(check(actions, "actions", "int32", (runs, self.agents), False))
        cdef const double *r = _const_reals(check(rewards, "rewards", "float64", (runs, self.agents), False))
        cdef double *w = _reals(check(without, "without", "float64", (runs, self.agents), True))
        cdef int status
        with nogil:
            status = self.operations.without(self.operations.context, 0, runs, s, a, r, w)
        check_status(status, "without")


cdef class Encoder:
    """Turns observations into table rows. Twin: ``marlfast.reference.kernels.Encoder``."""

    def __cinit__(self, *args, **kwargs):
        self.active = 1

    @property
    def rows(self):
        """Rows there is room for."""
        return self.operations.rows

    def encode(self, observation, rows):
        """Table rows of an observation of every run.

        Parameters
        ----------
        observation : float64 [R, V, D]
        rows : int32 [R, N * k]
            Written: the k active rows of each agent. Encoders that grow also write their own tables.
        """
        _made(self.operations.encode != NULL, "encode")
        cdef const double *o = _const_reals(
            check(observation, "observation", "float64", (self.runs, self.views, self.features), False))
        cdef int32_t *r = _ids(check(rows, "rows", "int32", (self.runs, self.agents * self.active), True))
        cdef int status
        with nogil:
            status = self.operations.encode(self.operations.context, 0, self.runs, o, r)
        check_status(status, "encode")


cdef class Reward:
    """A reward structure or a shaping component. Twin: ``marlfast.reference.kernels.Reward``."""

    def begin(self, rows, observation):
        """Remember what is needed of the start of an episode (rows [R, N], observation [R, V, D])."""
        cdef const int32_t *n = _const_ids(check(rows, "rows", "int32", (self.runs, self.agents), False))
        cdef const double *o = _const_reals(
            check(observation, "observation", "float64", (self.runs, self.views, self.features), False))
        cdef int status = 0
        if self.operations.begin != NULL:
            with nogil:
                status = self.operations.begin(self.operations.context, 0, self.runs, n, o)
        check_status(status, "begin")

    def apply(self, rows, actions, raw, rewards, next_rows, state, observation, terminated, truncated):
        """The structure writes ``rewards``; a shaping component adds to it.

        Parameters
        ----------
        rows, actions, next_rows : int32 [R, N]
        raw : float64 [R, N]
            The game's rewards.
        rewards : float64 [R, N]
            Modified in place.
        state : float64 [R, S]
        observation : float64 [R, V, D]
            Both of the true successor.
        terminated, truncated : bool [R]
        """
        cdef Transition transition
        cdef int64_t runs = self.runs, agents = self.agents
        _made(self.operations.apply != NULL, "apply")
        transition.distinct = NULL
        transition.rows = _const_ids(check(rows, "rows", "int32", (runs, agents), False))
        transition.actions = _const_ids(check(actions, "actions", "int32", (runs, agents), False))
        transition.raw = _const_reals(check(raw, "raw", "float64", (runs, agents), False))
        transition.rewards = _reals(check(rewards, "rewards", "float64", (runs, agents), True))
        transition.next_rows = _const_ids(check(next_rows, "next_rows", "int32", (runs, agents), False))
        transition.state = _const_reals(check(state, "state", "float64", (runs, self.state_size), False))
        transition.observation = _const_reals(
            check(observation, "observation", "float64", (runs, self.views, self.features), False))
        transition.terminated = _const_flags(check(terminated, "terminated", "bool", (runs,), False))
        transition.truncated = _const_flags(check(truncated, "truncated", "bool", (runs,), False))
        cdef int status
        with nogil:
            status = self.operations.apply(self.operations.context, 0, runs, &transition)
        check_status(status, "apply")


cdef class Learner:
    """Acts and learns. Twin: ``marlfast.reference.kernels.Learner``."""

    def __cinit__(self, *args, **kwargs):
        self.active, self.central = 1, 0

    @property
    def width(self):
        """W, rows of a run that it reads: k of each agent, then those of the whole state."""
        return self.agents * self.active + self.central

    def act(self, rows, draws, actions):
        """Actions of the agents that this learner leads, in every run.

        Parameters
        ----------
        rows : int32 [R, W]
        draws : float64 [R, N, K]
            In [0, 1); K is at least this learner's ``draws``.
        actions : int32 [R, N]
            Written for the learner's own agents.
        """
        _made(self.operations.act != NULL, "act")
        cdef const int32_t *n = _const_ids(check(rows, "rows", "int32", (self.runs, self.width), False))
        check(draws, "draws", "float64", (self.runs, self.agents, self.draws), False)
        cdef const double *d = _const_reals(draws)
        cdef int32_t *a = _ids(check(actions, "actions", "int32", (self.runs, self.agents), True))
        cdef int64_t stride = self.agents * self.draws
        cdef int status
        with nogil:
            status = self.operations.act(self.operations.context, 0, self.runs, n, d, stride, a)
        check_status(status, "act")

    def update(self, rows, actions, rewards, next_rows, terminated, changed):
        """Learn from one transition of every run.

        Parameters
        ----------
        rows, next_rows : int32 [R, W]
        actions : int32 [R, N]
        rewards : float64 [R, N]
        terminated : bool [R]
            True: the game is over, nothing is bootstrapped from ``next_rows``.
        changed : bool [R]
            Set to True where the greedy action of a visited row changed.
        """
        cdef Transition transition
        cdef int64_t runs = self.runs, agents = self.agents
        transition.rows = _const_ids(check(rows, "rows", "int32", (runs, self.width), False))
        transition.actions = _const_ids(check(actions, "actions", "int32", (runs, agents), False))
        transition.raw, transition.distinct = NULL, NULL
        transition.rewards = <double *> _const_reals(check(rewards, "rewards", "float64", (runs, agents), False))
        transition.next_rows = _const_ids(check(next_rows, "next_rows", "int32", (runs, self.width), False))
        transition.state = NULL
        transition.observation = NULL
        transition.terminated = _const_flags(check(terminated, "terminated", "bool", (runs,), False))
        transition.truncated = NULL
        cdef uint8_t *c = _flags(check(changed, "changed", "bool", (runs,), True))
        cdef int status = 0
        if self.operations.update != NULL:
            with nogil:
                status = self.operations.update(self.operations.context, 0, runs, &transition, c)
        check_status(status, "update")

    def tick(self, ended):
        """Move the schedules on by one step; ``ended`` (bool [R]): an episode is over."""
        _made(self.operations.act != NULL, "tick")
        cdef const uint8_t *e = _const_flags(check(ended, "ended", "bool", (self.runs,), False))
        if self.operations.tick == NULL:
            return
        with nogil:
            self.operations.tick(self.operations.context, 0, self.runs, e)
