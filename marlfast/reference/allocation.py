"""Task allocation in NumPy: the twin of ``src/_allocation.pyx``."""
import numpy as np

from marlfast.declarations.allocation import ALLOCATION
from marlfast.reference.kernels import BAD_ACTION, BAD_DRAW, BAD_STATE, Game, allowed, fine, whole


@ALLOCATION.document
class Allocation(Game):
    """Task allocation: see :class:`marlfast.games.allocation.TaskAllocation` for its rules."""

    def __init__(self, **given):
        a = ALLOCATION.check(given)
        vars(self).update(a.arguments, kinds=a.kinds)
        # A column for idling, at which nothing is done.
        self.skills = np.concatenate([a.skills, np.zeros((a.N, 1), np.int32)], axis=1).astype(np.int64)
        self._declare(a.N, a.state_size, a.V, a.D, (a.kinds, 0, a.kinds, 0))

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
