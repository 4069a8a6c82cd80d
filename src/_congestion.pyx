"""Kernels of congestion games. Twin: ``marlfast/reference/congestion.py``."""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t

cimport marlfast.core.congestion as leaf
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


cdef object _check_lists(str starts_name, object starts, str name, object values, int64_t below, int64_t least):
    """Lists of numbers from 0 to below - 1, list k from ``starts[k]`` to ``starts[k + 1]``."""
    if len(starts) < 2 or starts[0] != 0 or starts[len(starts) - 1] != len(values) or (np.diff(starts) < least).any():
        raise ValueError(f"{starts_name}: expected numbers that rise by at least {least} from 0 to {len(values)}, "
                         f"the length of {name}")
    if len(values) and (values.min() < 0 or values.max() >= below):
        raise ValueError(f"{name}: expected numbers from 0 to {below - 1}")


cdef class Congestion(Game):
    """A congestion game: see :class:`marlfast.games.congestion.CongestionGame`.

    Parameters
    ----------
    kind_of_agent : int32 [N]
    first_choice : int32 [kinds + 1]
        Kind k's actions are the strategies ``choices[first_choice[k]:first_choice[k + 1]]``.
    choices : int32
    first_use : int32 [strategies + 1]
        Strategy s pays for the resources ``used[first_use[s]:first_use[s + 1]]``, none of them twice.
    used : int32
    counted : bool
        Beside ``used``: whether who chooses the strategy adds to the resource's load.
    cost : float64 [resources, N + 1]
        Of each resource at each load.
    sees_loads : bool
        Whether agents see the loads, or else what is remembered.
    memory : int
        How many steps are remembered; 0 to 30.
    watched, threshold : int
        What is remembered of a step: whether the load of resource ``watched`` was above ``threshold``.
    """
    cdef leaf.Data game

    def __init__(self, *, kind_of_agent, first_choice, choices, first_use, used, counted, cost, sees_loads=False,
                 memory=0, watched=0, threshold=0):
        cdef const int32_t[::1] kind = check(kind_of_agent, "kind_of_agent", "int32", (-1,), False)
        cdef int64_t n_agents = kind.shape[0]
        if n_agents < 1:
            raise ValueError("kind_of_agent: expected at least one agent, got none")
        cdef const double[:, ::1] costs = check(cost, "cost", "float64", (-1, n_agents + 1), False)
        cdef int64_t resources = costs.shape[0]
        if resources < 1:
            raise ValueError("cost: expected at least one resource, got none")
        cdef const int32_t[::1] uses = check(first_use, "first_use", "int32", (-1,), False)
        cdef const int32_t[::1] resource = check(used, "used", "int32", (-1,), False)
        cdef const uint8_t[::1] counts = check(counted, "counted", "bool", (len(used),), False).view("uint8")
        _check_lists("first_use", first_use, "used", used, resources, 0)
        for s in range(len(first_use) - 1):
            if len(set(used[first_use[s]:first_use[s + 1]].tolist())) < first_use[s + 1] - first_use[s]:
                raise ValueError(f"used: strategy {s} has a resource twice")
        cdef const int32_t[::1] firsts = check(first_choice, "first_choice", "int32", (-1,), False)
        cdef const int32_t[::1] strategies = check(choices, "choices", "int32", (-1,), False)
        _check_lists("first_choice", first_choice, "choices", choices, len(first_use) - 1, 1)
        if kind_of_agent.min() < 0 or kind_of_agent.max() >= len(first_choice) - 1:
            raise ValueError(f"kind_of_agent: expected kinds 0 to {len(first_choice) - 2}")
        if not 0 <= memory <= 30:
            raise ValueError(f"memory: expected 0 to 30, got {memory}")
        if memory and sees_loads:
            raise ValueError("sees_loads, memory: agents see the loads or what is remembered, not both")
        if not 0 <= watched < resources:
            raise ValueError(f"watched: expected 0 to {resources - 1}, got {watched}")
        if not 0 <= threshold <= n_agents:
            raise ValueError(f"threshold: expected 0 to {n_agents}, got {threshold}")
        self.held = (kind_of_agent, first_choice, choices, first_use, used, counted, cost)
        apart = not counted.all()
        features = resources if sees_loads else 1
        history = resources * (2 if apart else 1)
        self.game.agents, self.game.resources, self.game.strategies = n_agents, resources, uses.shape[0] - 1
        self.game.state_size, self.game.observation_size = history + (memory > 0), features
        self.game.payers = resources if apart else 0
        self.game.history, self.game.histories = history, 2**memory
        self.game.watched, self.game.threshold, self.game.sees_loads = watched, threshold, bool(sees_loads)
        self.game.few = self.game.strategies <= min(<int64_t> leaf.FEW, n_agents)
        self.game.kind, self.game.first_choice, self.game.choices = &kind[0], &firsts[0], &strategies[0]
        self.game.first_use, self.game.cost = &uses[0], &costs[0, 0]
        if resource.shape[0]:
            self.game.used, self.game.counted = &resource[0], &counts[0]
        self._declare(&self.game, n_agents, self.game.state_size, 1, features, (0, 0, 0, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = _counterfactual
