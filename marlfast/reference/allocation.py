"""Task allocation in NumPy: the twin of ``src/_allocation.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, check, fine, whole


class Allocation(Game):
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

    def __init__(self, *, skills, arrivals, capacity, size, practice, value, waiting, effort, switching, own, sees_last,
                 numbered):
        n_agents, kinds = check(skills, "skills", "int32", (-1, -1), False).shape
        if n_agents < 1 or not 1 <= kinds <= 64:
            raise ValueError(f"skills: expected at least 1 agent and 1 to 64 kinds, got shape {skills.shape}")
        if skills.min() < 0:
            raise ValueError(f"skills: expected at least 0, got {skills.min()}")
        check(arrivals, "arrivals", "float64", (kinds,), False)
        for name, number, least in (("capacity", capacity, 1), ("size", size, 1), ("practice", practice, 0)):
            if not least <= number <= 2**20:
                raise ValueError(f"{name}: expected {least} to {2**20}, got {number}")
        if capacity * size >= 2**31:
            raise ValueError(f"capacity, size: expected less than 2**31 units in a queue, got {capacity * size}")
        if numbered and (capacity + 1)**kinds * (kinds + 1) > 2**53:
            raise ValueError("numbered: expected at most 2**53 observations; see the queues as they are")
        self.kinds, self.arrivals, self.capacity, self.size, self.practice = kinds, arrivals, capacity, size, practice
        self.value, self.waiting, self.effort, self.switching = value, waiting, effort, switching
        self.own, self.sees_last, self.numbered = bool(own), bool(sees_last), bool(numbered)
        # A column for idling, at which nothing is done.
        self.skills = np.concatenate([skills, np.zeros((n_agents, 1), np.int32)], axis=1).astype(np.int64)
        self._declare(n_agents, 2 * (kinds + n_agents), n_agents if sees_last else 1,
                      1 if numbered else kinds + self.sees_last, (kinds, 0, kinds, 0))

    def _tasks(self, units):
        return (units + self.size - 1) // self.size

    def _profit(self, finished, waiting, working, switched):
        return self.value * finished - self.waiting * waiting - self.effort * working - self.switching * switched

    def _sound(self, queues, kinds_of_agents):
        return ((whole(queues, self.capacity * self.size + 1) >= 0).all(axis=1)
                & (whole(kinds_of_agents, self.kinds + 1) >= 0).all(axis=1))

    def _parts(self, state):
        """Queues, queues before the work, last kinds, and last kinds before the step."""
        return np.split(state, [self.kinds, 2 * self.kinds, 2 * self.kinds + self.agents], axis=1)

    def _arrive(self, queues, uniforms):
        comes = (uniforms < self.arrivals) & (self._tasks(queues) < self.capacity)
        return queues + self.size * comes

    def _worked(self, actions, previous, queues):
        """Units given, who switched, work and what is left at each kind; all int64."""
        runs, agents = np.arange(len(actions))[:, None], np.arange(self.agents)
        works = actions < self.kinds
        given = self.skills[agents, actions] + self.practice * (works & (previous == actions))
        switched = works & (previous < self.kinds) & (previous != actions)
        work = np.zeros((len(actions), self.kinds + 1), np.int64)
        np.add.at(work, (runs, actions), given)
        return given, switched, work, np.maximum(queues - work[:, :self.kinds], 0)

    def stage_start(self, runs, state, uniforms, normals):
        status = fine(len(runs))
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        good = status == 0
        begun = np.zeros((good.sum(), self.state_size))
        begun[:, 2 * self.kinds:] = self.kinds
        begun[:, :self.kinds] = self._arrive(np.zeros((len(begun), self.kinds), np.int64), uniforms[good])
        state[good] = begun
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        status = fine(len(runs))
        status[~((uniforms >= 0.0) & (uniforms < 1.0)).all(axis=1)] = BAD_DRAW
        status[~allowed(actions, self.kinds + 1)] = BAD_ACTION
        queues, _, last, _ = self._parts(state)
        status[~self._sound(queues, last)] = BAD_STATE
        good = status == 0
        actions, queues, previous = actions[good], queues[good].astype(np.int64), last[good].astype(np.int64)
        works = actions < self.kinds
        given, switched, work, rest = self._worked(actions, previous, queues)
        done, left = self._tasks(queues) - self._tasks(rest), self._tasks(rest).sum(axis=1)
        if self.own:
            share = self.waiting * left / self.agents
            done = np.concatenate([done, np.zeros((len(done), 1), np.int64)], axis=1)
            done, work = np.take_along_axis(done, actions, axis=1), np.take_along_axis(work, actions, axis=1)
            paid = np.where(work > 0, self.value * done * given / np.maximum(work, 1), 0.0)
            earned = paid - self.effort - np.where(switched, self.switching, 0.0)
            rewards[good] = np.where(works, earned, 0.0) - share[:, None]
        else:
            team = self._profit(done.sum(axis=1), left, works.sum(axis=1), switched.sum(axis=1))
            rewards[good] = (team / self.agents)[:, None]
        state[good] = np.concatenate([self._arrive(rest, uniforms[good]), queues, np.where(works, actions, previous),
                                      previous], axis=1)
        terminated[good] = False
        return status

    def stage_observe(self, runs, state, observation):
        queues, _, last, _ = self._parts(state)
        status = fine(len(runs))
        status[~self._sound(queues, last)] = BAD_STATE
        good = status == 0
        obs, last = self._tasks(queues[good].astype(np.int64)), last[good].astype(np.int64)
        if self.numbered:
            number = np.zeros((len(obs), 1), np.int64)
            for m in range(self.kinds):
                number = number * (self.capacity + 1) + obs[:, m:m + 1]
            observation[good, :, 0] = number * (self.kinds + 1) + last if self.sees_last else number
        else:
            observation[good, :, :self.kinds] = obs[:, None]
            if self.sees_last:
                observation[good, :, self.kinds] = last
        return status

    def stage_counterfactual(self, runs, state, actions, rewards, counterfactual):
        """The others' total reward, had agent i idled and taken no share."""
        status = fine(len(runs))
        status[~allowed(actions, self.kinds + 1)] = BAD_ACTION
        _, before, _, previous = self._parts(state)
        status[~self._sound(before, previous)] = BAD_STATE
        good = status == 0
        actions, before, previous = actions[good], before[good].astype(np.int64), previous[good].astype(np.int64)
        works = actions < self.kinds
        given, switched, work, rest = self._worked(actions, previous, before)
        waits = self._tasks(rest)
        idle = np.zeros((len(actions), 1), np.int64)
        waits_there, before_there = (np.take_along_axis(np.concatenate([a, idle], axis=1), actions, axis=1)
                                     for a in (waits, before))
        others = np.take_along_axis(work, actions, axis=1) - given
        more = self._tasks(np.maximum(before_there - others, 0)) - waits_there
        finished, left = (self._tasks(before) - waits).sum(axis=1)[:, None], waits.sum(axis=1)[:, None]
        total = self._profit(finished - more, left + more, works.sum(axis=1)[:, None] - works,
                             switched.sum(axis=1)[:, None] - switched)
        counterfactual[good] = total if self.agents > 1 else 0.0
        return status
