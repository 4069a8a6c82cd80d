"""Kernels of a game given as arrays. Twin: ``marlfast/reference/markov.py``."""
import math

from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.markov as leaf
from marlfast.core._kernels cimport Game, check
from marlfast.core.operations cimport Draws, Status


cdef int _start(void *context, int64_t first, int64_t count, double *state,
                const Draws *draws) noexcept nogil:
    cdef const leaf.Markov *game = <const leaf.Markov *> context
    cdef int64_t r
    for r in range(count):
        state[r] = <double> leaf.markov_draw(game.start, game.states, draws.uniforms[r * draws.uniform_stride])
    return 0


cdef int _step(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
               const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    cdef const leaf.Markov *game = <const leaf.Markov *> context
    cdef int64_t r, i, joint, cell, successor
    for r in range(count):
        if not 0.0 <= state[r] < <double> game.states:
            return Status.BAD_OBSERVATION
        joint = leaf.markov_joint(game, actions + r * game.agents)
        if joint < 0:
            return Status.BAD_ACTION
        cell = <int64_t> state[r] * game.joint + joint
        for i in range(game.agents):
            rewards[r * game.agents + i] = game.rewards[cell * game.agents + i]
        if game.successor != NULL:
            successor = game.successor[cell]
        else:
            successor = leaf.markov_draw(game.cumulative + cell * game.states, game.states,
                                         draws.uniforms[r * draws.uniform_stride])
        state[r] = <double> successor
        terminated[r] = game.terminal[successor]
    return 0


cdef int _observe(void *context, int64_t first, int64_t count, const double *state,
                  double *observation) noexcept nogil:
    cdef int64_t r
    for r in range(count):
        observation[r] = state[r]
    return 0


cdef class Markov(Game):
    """A game given as arrays: see :class:`marlfast.games.MarkovGame`.

    Parameters
    ----------
    actions : int32 [N]
        Actions of each agent; J is their product.
    successor : int32 [S, J] or None
        The next state, where it is certain.
    cumulative : float64 [S, J, S] or None
        Running sums of the transition probabilities, where ``successor`` is None.
    rewards : float64 [S, J, N]
    start : float64 [S]
        Running sums of the start distribution.
    terminal : bool [S]
    """
    cdef leaf.Markov game

    def __init__(self, actions, successor, cumulative, rewards, start, terminal):
        cdef const int32_t[::1] a = check(actions, "actions", "int32", (-1,), False)
        cdef int64_t agents = a.shape[0], joint = 1, i
        if agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        for i in range(agents):
            if a[i] < 1:
                raise ValueError(f"actions: agent {i} needs at least 1 action, got {a[i]}")
        product = math.prod(actions.tolist())       # of any size: a product of 64 bits could wrap around
        cdef const double[:, :, ::1] q = check(rewards, "rewards", "float64", (-1, product, agents), False)
        joint = product
        cdef int64_t states = q.shape[0]
        if states < 1:
            raise ValueError("rewards: expected at least one state, got none")
        cdef const double[::1] b = check(start, "start", "float64", (states,), False)
        cdef const uint8_t[::1] t = check(terminal, "terminal", "bool", (states,), False).view("uint8")
        cdef const int32_t[:, ::1] s
        cdef const double[:, :, ::1] c
        if successor is not None:
            s = check(successor, "successor", "int32", (states, joint), False)
            if successor.min() < 0 or successor.max() >= states:
                raise ValueError(f"successor: expected states from 0 to {states - 1}")
            self.game.successor = &s[0, 0]
        else:
            c = check(cumulative, "cumulative", "float64", (states, joint, states), False)
            self.game.cumulative = &c[0, 0, 0]
        self.held = (actions, successor, cumulative, rewards, start, terminal)
        self.game.agents, self.game.states, self.game.joint = agents, states, joint
        self.game.actions = &a[0]
        self.game.rewards = &q[0, 0, 0]
        self.game.start = &b[0]
        self.game.terminal = &t[0]
        self.agents, self.state_size, self.views, self.features = agents, 1, 1, 1
        self.step_uniforms, self.step_normals = 0 if successor is not None else 1, 0
        self.start_uniforms, self.start_normals = 1, 0
        self.operations.context = &self.game
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.without = NULL
