"""Kernels of repeated games in normal form. Twin: ``marlfast/reference/matrix.py``."""
import math

from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.matrix as leaf
from marlfast.core._kernels cimport Game, check
from marlfast.core.operations cimport Draws

cdef extern from *:
    """
    #define MF_FUSED_GAME "fused_matrix.h"
    """

include "marlfast/core/inlined.pxi"
include "marlfast/core/ranges.pxi"
include "marlfast/core/fused_game.pxi"
include "marlfast/core/fused_numbered.pxi"

cdef int _step_one(void *context, int64_t first, int64_t count, double *state, const int32_t *actions,
                   const Draws *draws, double *rewards, uint8_t *terminated) noexcept nogil:
    """The loop asks for one run at a time."""
    if count != 1:
        return _step(context, first, count, state, actions, draws, rewards, terminated)
    return leaf.step(<const leaf.Data *> context, state, actions, draws.uniforms, draws.normals, rewards, terminated)


MAX_NUMBERED = 2**31 - 1        # observations, and joint actions, that can be numbered


cdef class Repeated(Game):
    """A game in normal form, played again and again: see :class:`marlfast.games.matrix.NormalForm`.

    Parameters
    ----------
    actions : int32 [N]
        Actions of each agent; J is their product.
    rewards : float64 [J, K, N]
        Of each joint action (the first agent's action the most significant) in each of its K outcomes.
    chances : float64 [J, K] or [K], or None
        Running sums of the probabilities of outcomes; None where K is 1.
    memory : int
        How many joint actions the state remembers; the number of histories, J ** memory, is at most 2**31 - 1.
    shorter : bool
        Whether histories shorter than ``memory`` have numbers too, from J ** memory on.
    begin : int
        The first state; -1: one of the J ** memory histories, equally likely.
    """
    cdef leaf.Data game

    def __init__(self, actions, rewards, chances, memory, shorter, begin):
        cdef const int32_t[::1] a = check(actions, "actions", "int32", (-1,), False)
        cdef int64_t n_agents = a.shape[0], i
        if n_agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        for i in range(n_agents):
            if a[i] < 1:
                raise ValueError(f"actions: agent {i} needs at least 1 action, got {a[i]}")
        joint = math.prod(actions.tolist())         # of any size: a product of 64 bits could wrap around
        cdef const double[:, :, ::1] r = check(rewards, "rewards", "float64", (joint, -1, n_agents), False)
        cdef int64_t outcomes = r.shape[1]
        if outcomes < 1 or joint > MAX_NUMBERED:
            raise ValueError(f"rewards: expected at least one outcome and at most {MAX_NUMBERED} joint actions, "
                             f"got {outcomes} and {joint}")
        cdef const double[::1] c
        if outcomes > 1:
            each = getattr(chances, "ndim", 1) == 2
            c = check(chances, "chances", "float64", (joint, outcomes) if each else (outcomes,), False).reshape(-1)
            self.game.chances = &c[0]
            self.game.chances_step = outcomes if each else 0
        if memory < 0 or (joint > 1 and memory > 31) or memory > MAX_NUMBERED:
            raise ValueError(f"memory: expected 0 or more, and at most {MAX_NUMBERED} histories, got {memory}")
        histories, nodes = joint**memory, memory
        if joint > 1:
            nodes = (histories - 1) // (joint - 1)
        nodes = nodes if shorter else 0
        if histories + nodes > MAX_NUMBERED:
            raise ValueError(f"memory: expected 0 or more, and at most {MAX_NUMBERED} histories, got {memory}")
        if not -1 <= begin < histories + nodes:
            raise ValueError(f"begin: expected a state from 0 to {histories + nodes - 1}, or -1, got {begin}")
        self.held = (actions, rewards, chances)
        self.game.agents, self.game.state_size, self.game.observation_size = n_agents, 1, 1
        self.game.memory, self.game.joint, self.game.outcomes = memory, joint, outcomes
        self.game.histories, self.game.shorter, self.game.begin = histories, nodes, begin
        self.game.kept = max(1, histories // joint)
        self.game.n_actions = &a[0]
        self.game.rewards = &r[0, 0, 0]
        self._declare(&self.game, n_agents, 1, 1, 1, (1 if outcomes > 1 else 0, 0, 1 if begin < 0 else 0, 0))
        self.operations.step = _step_one
        self.operations.start = _start
        self.operations.observe = NULL      # the state as it is
        self.operations.counterfactual = NULL
        self.operations.fused = <void *> _choose
