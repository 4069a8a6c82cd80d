"""Kernels of a game given as arrays. Twin: ``marlfast/reference/markov.py``."""
import math

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.markov as leaf
from marlfast.core._kernels cimport Game, check

cdef extern from *:
    """
    #define MF_FUSED_GAME "fused_markov.h"
    """

include "marlfast/core/inlined.pxi"
include "marlfast/core/ranges.pxi"
include "marlfast/core/fused_game.pxi"
include "marlfast/core/fused_numbered.pxi"


cdef class Markov(Game):
    """A game given as arrays: see :class:`marlfast.games.MarkovGame`.

    S states, J joint actions, hence S * J cells, K outcomes.

    Parameters
    ----------
    actions : int32 [N]
        Actions of each agent; J is their product.
    first : int64 [S * J + 1] or None
        First outcome of each cell, and K; a cell has at least one. None: each has exactly one.
    successors : int32 [K]
        The next state.
    sums : float64 [K] or None
        Running sums of the probabilities of each cell's outcomes; None where ``first`` is.
    rewards : float64 [K, N] or [S * J, N]
        Of the outcomes, or of the cells.
    start : float64 [S]
        Running sums of the start distribution.
    terminal : bool [S]
    obs : int32 [S, 1] or [S, N] or None
        What all agents, or each of them, observe in a state; None: the state's number.
    """
    cdef leaf.Data game

    def __init__(self, actions, first, successors, sums, rewards, start, terminal, obs):
        cdef const int32_t[::1] a = check(actions, "actions", "int32", (-1,), False)
        cdef int64_t n_agents = a.shape[0], i
        if n_agents < 1:
            raise ValueError("actions: expected at least one agent, got none")
        for i in range(n_agents):
            if a[i] < 1:
                raise ValueError(f"actions: agent {i} needs at least 1 action, got {a[i]}")
        cdef const double[::1] b = check(start, "start", "float64", (-1,), False)
        cdef int64_t states = b.shape[0], views = 1
        if states < 1:
            raise ValueError("start: expected at least one state, got none")
        cdef const uint8_t[::1] t = check(terminal, "terminal", "bool", (states,), False).view("uint8")
        joint = math.prod(actions.tolist())         # of any size: a product of 64 bits could wrap around
        cells = int(states) * joint
        if first is None and sums is not None:
            raise ValueError("first: expected an array, as sums is one, or None for both")
        cdef const int64_t[::1] f
        cdef const double[::1] c
        cdef const int32_t[::1] s = check(successors, "successors", "int32", (cells if first is None else -1,), False)
        cdef int64_t outcomes = s.shape[0]
        if first is not None:
            f = check(first, "first", "int64", (cells + 1,), False)
            if f[0] != 0 or f[f.shape[0] - 1] != outcomes or (np.diff(first) < 1).any():
                raise ValueError(f"first: expected numbers that rise from 0 to {outcomes}, an outcome for every cell")
            c = check(sums, "sums", "float64", (outcomes,), False)
            self.game.first, self.game.sums = &f[0], &c[0]
        if successors.min() < 0 or successors.max() >= states:
            raise ValueError(f"successors: expected states from 0 to {states - 1}")
        cdef const double[:, ::1] q = check(rewards, "rewards", "float64", (-1, n_agents), False)
        if q.shape[0] != outcomes and q.shape[0] != cells:
            raise ValueError(f"rewards: expected a row for each of {outcomes} outcomes or {cells} cells, "
                             f"got {q.shape[0]}")
        cdef const int32_t[:, ::1] o
        if obs is not None:
            o = check(obs, "obs", "int32", (states, -1), False)
            views = o.shape[1]
            if views != 1 and views != n_agents:
                raise ValueError(f"obs: expected 1 or {n_agents} columns, got {views}")
            self.game.obs = &o[0, 0]
        self.held = (actions, first, successors, sums, rewards, start, terminal, obs)
        self.game.agents, self.game.state_size, self.game.observation_size = n_agents, 1, views
        self.game.states, self.game.joint, self.game.own = states, joint, q.shape[0] == outcomes
        self.game.n_actions, self.game.successors, self.game.rewards = &a[0], &s[0], &q[0, 0]
        self.game.start, self.game.terminal = &b[0], &t[0]
        self._declare(&self.game, n_agents, 1, views, 1, (0 if first is None else 1, 0, 1, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = NULL          # the state as it is
        if obs is not None:
            self.operations.observe = _observe
        self.operations.counterfactual = NULL
        self.operations.fused = <void *> _choose
