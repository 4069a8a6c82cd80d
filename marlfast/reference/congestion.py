"""Congestion games in NumPy: the twin of ``src/_congestion.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_STATE, Game, check, fine, whole


def _check_lists(starts_name, starts, name, values, below, least):
    """Lists of numbers from 0 to below - 1, list k from ``starts[k]`` to ``starts[k + 1]``."""
    if len(starts) < 2 or starts[0] != 0 or starts[len(starts) - 1] != len(values) or (np.diff(starts) < least).any():
        raise ValueError(f"{starts_name}: expected numbers that rise by at least {least} from 0 to {len(values)}, "
                         f"the length of {name}")
    if len(values) and (values.min() < 0 or values.max() >= below):
        raise ValueError(f"{name}: expected numbers from 0 to {below - 1}")


class Congestion(Game):
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

    def __init__(self, *, kind_of_agent, first_choice, choices, first_use, used, counted, cost, sees_loads=False,
                 memory=0, watched=0, threshold=0):
        n_agents = len(check(kind_of_agent, "kind_of_agent", "int32", (-1,), False))
        if n_agents < 1:
            raise ValueError("kind_of_agent: expected at least one agent, got none")
        resources = len(check(cost, "cost", "float64", (-1, n_agents + 1), False))
        if resources < 1:
            raise ValueError("cost: expected at least one resource, got none")
        check(first_use, "first_use", "int32", (-1,), False)
        check(used, "used", "int32", (-1,), False)
        check(counted, "counted", "bool", (len(used),), False)
        _check_lists("first_use", first_use, "used", used, resources, 0)
        for s in range(len(first_use) - 1):
            if len(set(used[first_use[s]:first_use[s + 1]].tolist())) < first_use[s + 1] - first_use[s]:
                raise ValueError(f"used: strategy {s} has a resource twice")
        check(first_choice, "first_choice", "int32", (-1,), False)
        check(choices, "choices", "int32", (-1,), False)
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
        self.resources, self.cost, self.sees_loads = resources, cost, bool(sees_loads)
        self.first, self.n_actions = first_choice[kind_of_agent], np.diff(first_choice)[kind_of_agent]
        self.choices, self.first_use, self.used, self.counted = choices, first_use, used, counted
        self.apart = not counted.all()
        self.history, self.histories = resources * (2 if self.apart else 1), 2**memory
        self.watched, self.threshold = watched, threshold
        self._declare(n_agents, self.history + (memory > 0), 1, resources if sees_loads else 1, (0, 0, 0, 0))

    def _uses(self, s):
        """Resources of a strategy, and whether it counts there."""
        return zip(self.used[self.first_use[s]:self.first_use[s + 1]].tolist(),
                   self.counted[self.first_use[s]:self.first_use[s + 1]].tolist(), strict=True)

    def _allowed(self, actions):
        return ((actions >= 0) & (actions < self.n_actions)).all(axis=1)

    def stage_start(self, runs, state, uniforms, normals):
        state[:] = 0.0
        return fine(len(runs))

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[~self._allowed(actions)] = BAD_ACTION
        if self.histories > 1:
            status[whole(state[:, self.history], self.histories) < 0] = BAD_STATE
        good = np.flatnonzero(status == 0)
        strategies = len(self.first_use) - 1
        taken = self.choices[self.first + actions[good]]
        chosen = np.zeros((len(good), strategies))
        np.add.at(chosen, (np.arange(len(good))[:, None], taken), 1.0)
        loads, payers = np.zeros((2, len(good), self.resources))
        for s in range(strategies):
            for r, counted in self._uses(s):
                payers[:, r] += chosen[:, s]
                loads[:, r] += chosen[:, s] * counted
        prices = np.zeros((len(good), strategies))
        at = loads.astype(np.int64)
        for s in range(strategies):
            for r, _ in self._uses(s):
                prices[:, s] += self.cost[r, at[:, r]]
        rewards[good] = np.take_along_axis(0.0 - prices, taken, axis=1)
        state[good, :self.resources] = loads
        if self.apart:
            state[good, self.resources:2 * self.resources] = payers
        if self.histories > 1:
            past = 2 * state[good, self.history].astype(np.int64) + (loads[:, self.watched] > self.threshold)
            state[good, self.history] = past & (self.histories - 1)
        terminated[good] = False
        return status

    def stage_observe(self, runs, state, observation):
        if self.sees_loads:
            observation[:, 0] = state[:, :self.resources]
        else:
            observation[:, 0, 0] = state[:, self.history] if self.histories > 1 else 0.0
        return fine(len(runs))

    def stage_counterfactual(self, runs, state, actions, rewards, counterfactual):
        """The others' total reward without agent i: what the team pays, less what changes by i's leaving."""
        loads = whole(state[:, :self.resources], self.agents + 1)
        payers = state[:, self.resources:2 * self.resources] if self.apart else state[:, :self.resources]
        status = fine(len(runs))
        status[((loads < 0) | (whole(payers, self.agents + 1) < 0)).any(axis=1)] = BAD_STATE
        status[~self._allowed(actions)] = BAD_ACTION
        good = np.flatnonzero(status == 0)
        loads, payers, team = loads[good], payers[good], np.zeros(len(good))
        for r in range(self.resources):
            team += payers[:, r] * self.cost[r, loads[:, r]]
        strategies = len(self.first_use) - 1
        changes, possible = np.zeros((len(good), strategies)), np.ones((len(good), strategies), bool)
        for s in range(strategies):
            for r, counted in self._uses(s):
                left = loads[:, r] - counted
                possible[:, s] &= left >= 0     # else not the loads that these actions make
                changes[:, s] += (payers[:, r] * self.cost[r, loads[:, r]]
                                  - (payers[:, r] - 1.0) * self.cost[r, np.maximum(left, 0)])
        taken = self.choices[self.first + actions[good]]
        status[good[~np.take_along_axis(possible, taken, axis=1).all(axis=1)]] = BAD_STATE
        counterfactual[good] = np.take_along_axis(changes, taken, axis=1) - team[:, None]
        return status
