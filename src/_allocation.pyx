"""Kernels of task allocation. Twin: ``marlfast/reference/allocation.py``."""
from libc.stdint cimport int32_t, int64_t

cimport marlfast.core.allocation as leaf
from marlfast.core._kernels cimport Game, check

include "marlfast/core/ranges.pxi"


cdef int _counterfactual(void *context, int64_t first, int64_t count, const double *state, const int32_t *actions,
                         const double *rewards, double *counterfactual) noexcept nogil:
    cdef const leaf.Data *game = <const leaf.Data *> context
    cdef int64_t r
    cdef int status
    for r in range(count):
        status = leaf.counterfactual(game, state + r * game.state_size, actions + r * game.agents,
                                     counterfactual + r * game.agents)
        if status:
            return status
    return 0


cdef class Allocation(Game):
    """Task allocation: see :class:`marlfast.games.allocation.TaskAllocation` for its rules.

    Parameters
    ----------
    skills : int32 [N, kinds]
        Units of work that an agent does at a kind in a step; at most 64 kinds.
    arrivals : float64 [kinds]
        Probability that a task arrives.
    capacity, size, practice : int
        Most tasks in a queue; units of work in a task; units more from an agent that stays at its kind.
    value, waiting, effort, switching : float
        Of a finished task; costs of a task that waits, of working, and of working at another kind than before.
    own : bool
        Whether those are paid who work, or all alike.
    sees_last : bool
        Whether an agent sees at which kind it last worked.
    numbered : bool
        Whether an observation is one number.
    """
    cdef leaf.Data game

    def __init__(self, *, skills, arrivals, capacity, size, practice, value, waiting, effort, switching, own, sees_last,
                 numbered):
        cdef const int32_t[:, ::1] s = check(skills, "skills", "int32", (-1, -1), False)
        cdef int64_t n_agents = s.shape[0], kinds = s.shape[1]
        if n_agents < 1 or not 1 <= kinds <= leaf.MAX_KINDS:
            raise ValueError(f"skills: expected at least 1 agent and 1 to 64 kinds, got shape {skills.shape}")
        if skills.min() < 0:
            raise ValueError(f"skills: expected at least 0, got {skills.min()}")
        cdef const double[::1] a = check(arrivals, "arrivals", "float64", (kinds,), False)
        for name, number, least in (("capacity", capacity, 1), ("size", size, 1), ("practice", practice, 0)):
            if not least <= number <= 2**20:
                raise ValueError(f"{name}: expected {least} to {2**20}, got {number}")
        if capacity * size >= 2**31:
            raise ValueError(f"capacity, size: expected less than 2**31 units in a queue, got {capacity * size}")
        if numbered and (capacity + 1)**kinds * (kinds + 1) > 2**53:
            raise ValueError("numbered: expected at most 2**53 observations; see the queues as they are")
        self.held = (skills, arrivals)
        features = 1 if numbered else kinds + bool(sees_last)
        views = n_agents if sees_last else 1
        self.game = leaf.Data(
            agents=n_agents, state_size=2 * (kinds + n_agents), observation_size=views * features, kinds=kinds,
            capacity=capacity,
            size=size, practice=practice, own=bool(own), sees_last=bool(sees_last), numbered=bool(numbered),
            value=value, waiting=waiting, effort=effort, switching=switching, arrivals=&a[0], skills=&s[0, 0])
        self._declare(&self.game, n_agents, self.game.state_size, views, features, (kinds, 0, kinds, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = _counterfactual
