"""What compiled games, encoders, rewards and learners have in common.

Each is a C struct of functions (``marlfast/core/operations.pxd``) with the
arrays and parameters that it works on. The loop calls the struct; the methods
here call the same functions from Python, after checking every array, so that
no call can read or write outside them. Twin: ``marlfast/reference/kernels.py``.
"""
import numpy as np

from cpython.buffer cimport Py_buffer, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t

from marlfast.core.operations cimport Draws, Status, Transition, show
from marlfast.declarations import base


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
    Status.NO_LEGAL: "an agent is to act, but has no legal action",
    Status.ILLEGAL: "an action is not legal",
}


# A dtype's name takes microseconds to find out; an object is compared at once.
cdef dict DTYPES = {name: np.dtype(name) for name in ("float64", "int32", "int64", "bool", "uint32", "uint64")}


cdef bint _fits(object array, str dtype, tuple shape, bint writable):
    if not isinstance(array, np.ndarray):
        return False
    if array.dtype is not DTYPES[dtype] and array.dtype != DTYPES[dtype]:
        return False
    cdef tuple came = array.shape
    how = array.flags
    if not how.c_contiguous or writable and not how.writeable or len(came) != len(shape):
        return False
    if came != shape:
        for axis in range(len(shape)):
            if shape[axis] >= 0 and came[axis] != shape[axis]:
                return False
    return True


cdef object check(object array, str name, str dtype, tuple shape, bint writable):
    """The array, if it is C-contiguous with this dtype and shape (-1: any length); else an error."""
    if _fits(array, dtype, shape, writable):
        return array
    return base.check(array, name, dtype, shape, writable)      # which says what is wrong with it


cdef int64_t check_cells(object array, str name, str dtype, tuple shape) except -1:
    """Check an array [R, rows, T] or [R, rows, T, A] whose cells lie at equal distances; returns that in items."""
    return base.check_cells(array, name, dtype, shape)


cdef void *_address(object array) except? NULL:
    """Where an array begins, which was checked before: whoever keeps the pointer keeps the array. NULL for None."""
    cdef Py_buffer view
    if array is None:
        return NULL
    PyObject_GetBuffer(array, &view, PyBUF_STRIDES)
    cdef void *begin = view.buf
    PyBuffer_Release(&view)
    return begin


cdef double *reals(object array) except? NULL:
    return <double *> _address(array)


cdef int32_t *ids(object array) except? NULL:
    return <int32_t *> _address(array)


cdef int64_t *longs(object array) except? NULL:
    return <int64_t *> _address(array)


cdef uint8_t *flags(object array) except? NULL:
    return <uint8_t *> _address(array)


cdef object check_status(int status, str what):
    if status != 0:
        raise ValueError(f"{what}: {STATUS_TEXT.get(status, f'the kernel stopped with status {status}')}")


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
    participation : tuple of str
        Which of "present", "to_act", "legal" and "truncated" it says of a state.
    max_actions : int
        A of the shapes below, of a game that says what is legal; else 0.
    """

    cdef object _declare(self, void *context, int64_t n_agents, int64_t state_size, int64_t views, int64_t features,
                         tuple draws):
        """Set the facts; ``draws``: uniforms and normals of a step, then of a start."""
        self.operations.context = context
        self.agents, self.state_size, self.views, self.features = n_agents, state_size, views, features
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
        cdef int64_t n_runs = _runs(self, state)
        cdef Draws draws
        cdef double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), True))
        cdef const int32_t *a = ids(check(actions, "actions", "int32", (n_runs, self.agents), False))
        draws.uniforms = reals(check(uniforms, "uniforms", "float64", (n_runs, self.step_uniforms), False))
        draws.uniform_stride = self.step_uniforms
        draws.normals = reals(check(normals, "normals", "float64", (n_runs, self.step_normals), False))
        draws.normal_stride = self.step_normals
        cdef double *r = reals(check(rewards, "rewards", "float64", (n_runs, self.agents), True))
        cdef uint8_t *t = flags(check(terminated, "terminated", "bool", (n_runs,), True))
        cdef int status
        with nogil:
            status = self.operations.step(self.operations.context, 0, n_runs, s, a, &draws, r, t)
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
        cdef int64_t n_runs = _runs(self, state)
        cdef Draws draws
        cdef double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), True))
        draws.uniforms = reals(check(uniforms, "uniforms", "float64", (n_runs, self.start_uniforms), False))
        draws.uniform_stride = self.start_uniforms
        draws.normals = reals(check(normals, "normals", "float64", (n_runs, self.start_normals), False))
        draws.normal_stride = self.start_normals
        cdef int status
        with nogil:
            status = self.operations.start(self.operations.context, 0, n_runs, s, &draws)
        self._raise(status, "start")

    def observe(self, state, observation):
        """What the agents see.

        Parameters
        ----------
        state : float64 [R, S]
        observation : float64 [R, V, D]
            Written.
        """
        cdef int64_t n_runs = _runs(self, state)
        cdef const double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        cdef double *o = reals(
            check(observation, "observation", "float64", (n_runs, self.views, self.features), True))
        cdef int status
        with nogil:
            status = show(&self.operations, 0, n_runs, s, self.views * self.features, o)
        self._raise(status, "observe")

    @property
    def participation(self):
        return tuple(name for name, said in (
            ("present", self.operations.present != NULL), ("to_act", self.operations.to_act != NULL),
            ("legal", self.operations.legal != NULL), ("truncated", self.operations.truncated != NULL)) if said)

    def present(self, state, present):
        """Who is in the game.

        Parameters
        ----------
        state : float64 [R, S]
        present : bool [R, N]
            Written.
        """
        if self.operations.present == NULL:
            raise ValueError("present: all agents of this game are in it at all times")
        cdef int64_t n_runs = _runs(self, state)
        cdef const double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        cdef uint8_t *p = flags(check(present, "present", "bool", (n_runs, self.agents), True))
        cdef int status
        with nogil:
            status = self.operations.present(self.operations.context, 0, n_runs, s, p)
        self._raise(status, "present")

    def to_act(self, state, to_act):
        """Who acts in the next step.

        Parameters
        ----------
        state : float64 [R, S]
        to_act : bool [R, N]
            Written.
        """
        if self.operations.to_act == NULL:
            raise ValueError("to_act: all agents of this game act in each step")
        cdef int64_t n_runs = _runs(self, state)
        cdef const double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        cdef uint8_t *a = flags(check(to_act, "to_act", "bool", (n_runs, self.agents), True))
        cdef int status
        with nogil:
            status = self.operations.to_act(self.operations.context, 0, n_runs, s, a)
        self._raise(status, "to_act")

    def legal(self, state, legal):
        """What they may do.

        Parameters
        ----------
        state : float64 [R, S]
        legal : bool [R, N, A]
            Written.
        """
        if self.operations.legal == NULL:
            raise ValueError("legal: all actions of this game are allowed at all times")
        cdef int64_t n_runs = _runs(self, state)
        cdef const double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        cdef uint8_t *a = flags(check(legal, "legal", "bool", (n_runs, self.agents, self.max_actions), True))
        cdef int status
        with nogil:
            status = self.operations.legal(self.operations.context, 0, n_runs, s, a)
        self._raise(status, "legal")

    def truncated(self, state, truncated):
        """Whether a limit of the game's own cuts the episode off.

        Parameters
        ----------
        state : float64 [R, S]
        truncated : bool [R]
            Written.
        """
        if self.operations.truncated == NULL:
            raise ValueError("truncated: this game has no limit but its horizon")
        cdef int64_t n_runs = _runs(self, state)
        cdef const double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        cdef uint8_t *t = flags(check(truncated, "truncated", "bool", (n_runs,), True))
        cdef int status
        with nogil:
            status = self.operations.truncated(self.operations.context, 0, n_runs, s, t)
        self._raise(status, "truncated")

    def counterfactual(self, state, actions, rewards, counterfactual):
        """The team's total reward of the last step, had agent i not been there.

        Parameters
        ----------
        state : float64 [R, S]
            After the step.
        actions : int32 [R, N]
        rewards : float64 [R, N]
            Of the step.
        counterfactual : float64 [R, N]
            Written.
        """
        if self.operations.counterfactual == NULL:
            raise ValueError("counterfactual: this game cannot say what would have happened without an agent")
        cdef int64_t n_runs = _runs(self, state)
        cdef const double *s = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        cdef const int32_t *a = ids(check(actions, "actions", "int32", (n_runs, self.agents), False))
        cdef const double *r = reals(check(rewards, "rewards", "float64", (n_runs, self.agents), False))
        cdef double *w = reals(check(counterfactual, "counterfactual", "float64", (n_runs, self.agents), True))
        cdef int status
        with nogil:
            status = self.operations.counterfactual(self.operations.context, 0, n_runs, s, a, r, w)
        check_status(status, "counterfactual")


cdef class Encoder:
    """Turns observations into table rows. Twin: ``marlfast.reference.kernels.Encoder``."""

    def __cinit__(self, *args, **kwargs):
        self.active = 1

    @property
    def rows(self):
        """Rows there is room for."""
        return self.operations.n_rows

    @property
    def grows(self):
        """Whether rows are numbered as observations come."""
        return self.operations.used != NULL

    def encode(self, observation, rows):
        """Table rows of an observation of every run.

        Parameters
        ----------
        observation : float64 [R, V, D]
        rows : int32 [R, N * k]
            Written: the k active rows of each agent. Encoders that grow also write their own tables.
        """
        _made(self.operations.encode != NULL, "encode")
        cdef const double *o = reals(
            check(observation, "observation", "float64", (self.runs, self.views, self.features), False))
        cdef int32_t *r = ids(check(rows, "rows", "int32", (self.runs, self.agents * self.active), True))
        cdef int status
        with nogil:
            status = self.operations.encode(self.operations.context, 0, self.runs, o, r)
        check_status(status, "encode")


cdef class Reward:
    """A reward structure or a shaping component. Twin: ``marlfast.reference.kernels.Reward``."""

    def begin(self, rows, observation):
        """Remember what is needed of the start of an episode (rows [R, N], observation [R, V, D])."""
        cdef const int32_t *n = ids(check(rows, "rows", "int32", (self.runs, self.agents), False))
        cdef const double *o = reals(
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
        cdef int64_t n_runs = self.runs, n_agents = self.agents
        _made(self.operations.apply != NULL, "apply")
        transition.distinct = NULL
        transition.rows = ids(check(rows, "rows", "int32", (n_runs, n_agents), False))
        transition.actions = ids(check(actions, "actions", "int32", (n_runs, n_agents), False))
        transition.raw = reals(check(raw, "raw", "float64", (n_runs, n_agents), False))
        transition.rewards = reals(check(rewards, "rewards", "float64", (n_runs, n_agents), True))
        transition.next_rows = ids(check(next_rows, "next_rows", "int32", (n_runs, n_agents), False))
        transition.state = reals(check(state, "state", "float64", (n_runs, self.state_size), False))
        transition.observation = reals(
            check(observation, "observation", "float64", (n_runs, self.views, self.features), False))
        transition.terminated = flags(check(terminated, "terminated", "bool", (n_runs,), False))
        transition.truncated = flags(check(truncated, "truncated", "bool", (n_runs,), False))
        cdef int status
        with nogil:
            status = self.operations.apply(self.operations.context, 0, n_runs, &transition)
        check_status(status, "apply")


cdef class Learner:
    """Acts and learns. Twin: ``marlfast.reference.kernels.Learner``."""

    def __cinit__(self, *args, **kwargs):
        self.active, self.central = 1, 0

    @property
    def active_rows(self):
        """W, rows of a run that it reads: k of each agent, then those of the whole state."""
        return self.agents * self.active + self.central

    def act(self, rows, draws, actions):
        """Actions of the agents that this learner controls, in every run.

        Parameters
        ----------
        rows : int32 [R, W]
        draws : float64 [R, N, K]
            In [0, 1); K is at least this learner's ``draws``.
        actions : int32 [R, N]
            Written for the learner's own agents.
        """
        _made(self.operations.act != NULL, "act")
        cdef const int32_t *n = ids(check(rows, "rows", "int32", (self.runs, self.active_rows), False))
        check(draws, "draws", "float64", (self.runs, self.agents, self.draws), False)
        cdef const double *d = reals(draws)
        cdef int32_t *a = ids(check(actions, "actions", "int32", (self.runs, self.agents), True))
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
        cdef int64_t n_runs = self.runs, n_agents = self.agents
        transition.rows = ids(check(rows, "rows", "int32", (n_runs, self.active_rows), False))
        transition.actions = ids(check(actions, "actions", "int32", (n_runs, n_agents), False))
        transition.raw, transition.distinct = NULL, NULL
        transition.rewards = reals(check(rewards, "rewards", "float64", (n_runs, n_agents), False))
        transition.next_rows = ids(check(next_rows, "next_rows", "int32", (n_runs, self.active_rows), False))
        transition.state = NULL
        transition.observation = NULL
        transition.terminated = flags(check(terminated, "terminated", "bool", (n_runs,), False))
        transition.truncated = NULL
        cdef uint8_t *c = flags(check(changed, "changed", "bool", (n_runs,), True))
        cdef int status = 0
        if self.operations.update != NULL:
            with nogil:
                status = self.operations.update(self.operations.context, 0, n_runs, &transition, c)
        check_status(status, "update")

    def tick(self, ended):
        """Move the schedules on by one step; ``ended`` (bool [R]): an episode is over."""
        _made(self.operations.act != NULL, "tick")
        cdef const uint8_t *e = flags(check(ended, "ended", "bool", (self.runs,), False))
        if self.operations.tick == NULL:
            return
        with nogil:
            self.operations.tick(self.operations.context, 0, self.runs, e)
