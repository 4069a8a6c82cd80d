"""A game to step from outside. Twin: ``marlfast/reference/env.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from marlfast.core._kernels cimport Game, check, longs
from marlfast.core.draws cimport GROUP, Window, window_at, window_records
from marlfast.core.operations cimport Draws, GameOperations, Status, show
from marlfast.declarations.env import ENV

cdef enum:
    WINDOWS = 4             # step uniforms, step normals, start uniforms, start normals
    MAX_DRAWS = 4194304    # held for all runs together


cdef class Env:
    """Runs of a game that are stepped from outside, under the same draws as in training.

    Parameters
    ----------
    See ``marlfast/declarations/env.py``.
    """
    cdef Game game
    cdef object held
    cdef readonly int64_t runs, agents
    cdef int64_t horizon
    cdef bint horizon_ends, ends_are_limits
    cdef bint waiting                   # an agent may have no action, -1
    cdef const int32_t[::1] action_counts
    cdef double[:, ::1] state, rewards
    cdef double[:, :, ::1] observation
    cdef uint8_t[::1] terminated, truncated
    cdef int64_t[::1] steps, starts, episode_steps
    cdef tuple before                   # of a game whose own code can fail: state and observation, to go back to
    cdef Window *windows
    cdef double *buffer
    cdef double *uniforms               # of games that are stepped together: the draws of all runs, side by side
    cdef double *normals

    def __cinit__(self):
        self.windows, self.buffer, self.uniforms = NULL, NULL, NULL

    def __init__(self, **given):
        a = ENV.check(given)
        cdef Game game = a.game
        cdef int64_t n_runs = a.R, r, k, size = 0, n_draws, records, at = 0
        cdef const int64_t *numbers = longs(a.run_numbers)
        cdef const uint64_t[::1] seeds = a.seeds
        self.game, self.runs, self.agents = game, n_runs, a.N
        self.waiting = len(game.participation) > 0
        self.state, self.observation, self.rewards = a.state, a.observation, a.rewards
        self.action_counts = a.action_counts
        self.terminated, self.truncated = a.terminated.view(np.uint8), a.truncated.view(np.uint8)
        self.steps, self.starts, self.episode_steps = a.steps, a.starts, a.episode_steps
        self.horizon, self.horizon_ends, self.ends_are_limits = a.horizon, a.horizon_ends, a.ends_are_limits
        free(self.windows)
        free(self.buffer)
        free(self.uniforms)
        self.windows, self.buffer, self.uniforms = NULL, NULL, NULL
        self.before = None if game.failures is None else (a.state.copy(), a.observation.copy())
        widths = (game.step_uniforms, game.step_normals, game.start_uniforms, game.start_normals)
        lengths = []
        for k, n_draws in enumerate(widths):
            records = window_records(n_draws, 8 if k > 1 else 64)
            if n_draws:
                records = max(1, min(records, MAX_DRAWS // (4 * n_draws * n_runs)))
            lengths.append(records)
            size += (n_draws * records + 2 * GROUP) * n_runs
        self.windows = <Window *> malloc(n_runs * WINDOWS * sizeof(Window))
        self.buffer = <double *> malloc(size * sizeof(double))
        n_draws = max(game.step_uniforms, game.start_uniforms)
        if game.operations.lockstep:
            self.uniforms = <double *> malloc(
                (n_runs * (n_draws + max(game.step_normals, game.start_normals)) + 1) * sizeof(double))
            self.normals = self.uniforms + n_runs * n_draws
        if self.windows == NULL or self.buffer == NULL or game.operations.lockstep and self.uniforms == NULL:
            raise MemoryError(f"env: no memory for the draws of {n_runs} runs")
        for r in range(n_runs):
            for k in range(WINDOWS):
                n_draws, records = widths[k], lengths[k]
                self.windows[r * WINDOWS + k] = Window(
                    buffer=self.buffer + at, data=NULL, n_draws=n_draws, records=records, first=0, count=0,
                    normal=k % 2, stream=8 * a.purpose + k + 1, run=<uint32_t> numbers[r], seed=seeds[r])
                at += n_draws * records + 2 * GROUP

    def __dealloc__(self):
        free(self.windows)
        free(self.buffer)
        free(self.uniforms)

    cdef void _draws(self, int64_t r, int64_t kind, int64_t record, Draws *draws) noexcept nogil:
        """Uniforms and normals of one run: of a step (kind 0), or of a start (2)."""
        cdef Window *windows = self.windows + r * WINDOWS + kind
        draws.uniforms = window_at(&windows[0], record, windows[0].records)
        draws.normals = window_at(&windows[1], record, windows[1].records)
        draws.uniform_stride, draws.normal_stride = windows[0].n_draws, windows[1].n_draws

    cdef void _gather(self, int64_t r, int64_t kind, int64_t record) noexcept nogil:
        """The same, put where those of all runs lie side by side."""
        cdef Draws draws
        self._draws(r, kind, record, &draws)
        memcpy(self.uniforms + r * draws.uniform_stride, draws.uniforms, draws.uniform_stride * sizeof(double))
        memcpy(self.normals + r * draws.normal_stride, draws.normals, draws.normal_stride * sizeof(double))

    cdef int _start(self, int64_t r, int64_t count) noexcept nogil:
        """Start and observe neighbouring runs."""
        cdef GameOperations *game = &self.game.operations
        cdef Draws draws
        cdef int64_t observation_size = self.observation.shape[1] * self.observation.shape[2]
        cdef int status
        self._draws(r, 2, self.starts[r], &draws)
        if game.lockstep:
            draws.uniforms = self.uniforms + r * draws.uniform_stride
            draws.normals = self.normals + r * draws.normal_stride
        status = game.start(game.context, r, count, &self.state[r, 0], &draws)
        if status == 0:
            status = show(game, r, count, &self.state[r, 0], observation_size, &self.observation[r, 0, 0])
        return status

    cdef int _step(self, int64_t r, int64_t count, const int32_t *actions) noexcept nogil:
        """Step and observe neighbouring runs."""
        cdef GameOperations *game = &self.game.operations
        cdef Draws draws
        cdef int64_t observation_size = self.observation.shape[1] * self.observation.shape[2], i
        cdef double *rewards = &self.rewards[r, 0]
        cdef double finite = 0.0
        cdef int status
        self._draws(r, 0, self.steps[r], &draws)
        if game.lockstep:
            draws.uniforms = self.uniforms + r * draws.uniform_stride
            draws.normals = self.normals + r * draws.normal_stride
        status = game.step(game.context, r, count, &self.state[r, 0], actions, &draws, rewards, &self.terminated[r])
        if status == 0:
            status = show(game, r, count, &self.state[r, 0], observation_size, &self.observation[r, 0, 0])
        for i in range(count * self.agents):
            finite += rewards[i] * 0.0
        return Status.BAD_REWARD if status == 0 and finite != 0.0 else status

    def reset(self, which):
        """Begin the next episode of the runs that ``which`` (bool [R]) marks."""
        cdef const uint8_t[::1] w = check(which, "which", "bool", (self.runs,), False).view(np.uint8)
        cdef int64_t r = 0, count, k
        cdef int status = 0
        cdef bint lockstep = self.game.operations.lockstep
        self._remember()
        with nogil:
            while r < self.runs:
                if not w[r]:
                    r += 1
                    continue
                count = 1
                while lockstep and r + count < self.runs and w[r + count]:
                    count += 1
                for k in range(r, r + count if lockstep else r):
                    self._gather(k, 2, self.starts[k])
                status = self._start(r, count)
                if status:
                    break
                r += count
        self._sound(status, "reset")
        for r in range(self.runs):
            if w[r]:
                self.starts[r] += 1
                self.episode_steps[r] = 0
                self.terminated[r] = self.truncated[r] = 0

    cdef object _remember(self):
        if self.before is not None:
            self.before[0][:], self.before[1][:] = self.state, self.observation

    cdef object _sound(self, int status, str what):
        """Raise what a status says; a game whose own code failed is taken back to where it was."""
        if status == 0:
            return
        if self.before is not None:
            np.asarray(self.state)[:], np.asarray(self.observation)[:] = self.before
        self.game._raise(status, what)

    def step(self, actions, which=None):
        """One step of every run (actions int32 [R, N]), or of those that ``which`` (bool [R]) marks.

        Refused, and nothing changed, if one cannot be made.
        """
        cdef const int32_t[:, ::1] taken
        cdef const uint8_t[::1] w = None
        cdef bint some = which is not None, lockstep = self.game.operations.lockstep
        try:
            taken = actions
        except (TypeError, ValueError):
            check(actions, "actions", "int32", (self.runs, self.agents), False)
            raise
        cdef int64_t r, i, k, count, bad_run = -1, bad_agent = -1
        cdef int status = 0
        if taken is None or taken.shape[0] != self.runs or taken.shape[1] != self.agents:
            check(actions, "actions", "int32", (self.runs, self.agents), False)
        if some:
            w = check(which, "which", "bool", (self.runs,), False).view(np.uint8)
        with nogil:
            for r in range(self.runs):
                if some and not w[r]:
                    continue
                if self.terminated[r] or self.truncated[r] or self.starts[r] == 0:
                    bad_run = r
                    break
                for i in range(self.agents):
                    if <uint32_t> taken[r, i] >= <uint32_t> self.action_counts[i] \
                            and not (self.waiting and taken[r, i] == -1):
                        bad_run, bad_agent = r, i
                        break
        if bad_agent >= 0:
            raise ValueError(f"actions[{bad_run}, {bad_agent}]: expected 0 to {self.action_counts[bad_agent] - 1}, "
                             f"got {taken[bad_run, bad_agent]}")
        if bad_run >= 0:
            raise ValueError(f"run {bad_run}: its episode is over, or was never begun; call reset first")
        self._remember()
        cdef bint fails = self.before is not None
        with nogil:
            r = 0
            while r < self.runs:
                if some and not w[r]:
                    r += 1
                    continue
                count = 1
                while lockstep and r + count < self.runs and (not some or w[r + count]):
                    count += 1
                for k in range(r, r + count if lockstep else r):
                    self._gather(k, 0, self.steps[k])
                status = self._step(r, count, &taken[r, 0])
                if status:
                    break
                r += count
            for r in range(self.runs):
                if some and not w[r]:
                    continue
                if status == 0:
                    self.steps[r] += 1
                    self.episode_steps[r] += 1
                    self.truncated[r] = 0
                    if self.terminated[r]:
                        self.terminated[r], self.truncated[r] = not self.ends_are_limits, self.ends_are_limits
                    elif self.episode_steps[r] == self.horizon:
                        self.terminated[r], self.truncated[r] = self.horizon_ends, not self.horizon_ends
                elif fails:
                    self.terminated[r] = 0
        self._sound(status, "step")
