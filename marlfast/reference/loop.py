"""The training loop in NumPy: the twin of ``src/_loop.pyx``, all runs of a range side by side.

    draws -> act -> step -> observe, encode -> structure + shaping -> update -> schedules
          -> (record, start) -> stop rule -> next step
"""
import numpy as np

from marlfast.declarations.loop import ARRAYS, LOOP
from marlfast.reference import moves as participation
from marlfast.reference.draws import fill
from marlfast.reference.kernels import BAD_REWARD, NO_DRAWS, check, fine

RUNNING, STEPS, EPISODES, GREEDY_STABLE, RETURN_REACHED = range(5)
FAILED = 64
ROWS, RECORDS, DRAWS = 1, 2, 4


class _Windows:
    """Draws of one stream for many runs, filled some records at a time."""

    def __init__(self, n_draws, normal, seeds, stream, run_numbers, supplied, most):
        self.n_draws, self.normal, self.seeds, self.stream = n_draws, normal, seeds, stream
        self.run_numbers = run_numbers
        n_runs = len(run_numbers)
        self.fixed = supplied is not None
        if self.fixed:
            self.data, self.first = supplied
            self.records = self.data.shape[1]
            self.count = np.full(n_runs, self.records)
        else:
            self.records = max(1, min(most, 2048 // max(n_draws, 1)))
            self.data = np.empty((n_runs, self.records, n_draws))
            self.first, self.count = np.zeros(n_runs, np.int64), np.zeros(n_runs, np.int64)

    def reaches(self, runs, record):
        """Where the draws of a record can be had."""
        if not self.fixed:
            return np.ones(len(runs), bool)
        return (record >= self.first[runs]) & (record < self.first[runs] + self.count[runs])

    def at(self, runs, record):
        """Draws [n, n_draws] of one record of each run."""
        if self.n_draws == 0:
            return np.empty((len(runs), 0))
        if not self.fixed:
            stale = (record < self.first[runs]) | (record >= self.first[runs] + self.count[runs])
            if stale.any():
                which = runs[stale]
                out = np.empty((len(which), self.records * self.n_draws))
                first, numbers, seeds = record[stale] * self.n_draws, self.run_numbers[which], self.seeds[which]
                for seed in np.unique(seeds):
                    same = seeds == seed
                    part = np.empty((int(same.sum()), out.shape[1]))
                    fill(int(seed), self.stream, numbers[same], first[same], part, self.normal)
                    out[same] = part
                self.data[which] = out.reshape(len(which), self.records, self.n_draws)
                self.first[which], self.count[which] = record[stale], self.records
        return self.data[runs, record - self.first[runs]]


def has_lanes():
    """Nothing is side by side here."""
    return False


@LOOP.document
class Loop:
    """Runs, and all that it takes to take them further. There is but one loop here: ``loop`` makes no difference."""

    staged = "NumPy has but one loop"

    def __init__(self, **given):
        a = self.declared.check(given)
        self.held = a.kept
        for name in (*ARRAYS, "stable_after", "game", "encoder", "central", "rewards", "learners", "own", "active_rows",
                     "window", "horizon", "horizon_ends", "ends_are_limits", "record_every", "max_steps",
                     "max_episodes", "max_stable", "min_return"):
            setattr(self, name, getattr(a, name))
        self.runs, self.agents = a.R, a.N
        self.participants = participation.bind(a)
        self.windows = [_Windows(n_draws, k in (2, 4), a.seeds, 8 * a.purpose + k, self.run_numbers, a.streams.get(k),
                                 8 if k > 2 else 64) for k, n_draws in enumerate(a.n_draws)]

    def begin(self, lo, hi):
        """Start the first episode of runs lo to hi - 1."""
        self._range(lo, hi)
        runs = np.arange(lo, hi)
        self._fail(runs, self._begin(runs))
        return 0

    def advance(self, lo, hi, target):
        """Take runs lo to hi - 1 to ``target`` (int64 [R]) steps each, or to their end.

        Returns
        -------
        int
            0, or why a run paused: 1 rows, 2 records, 4 supplied draws (added up over runs).
        """
        self._range(lo, hi)
        check(target, "target", "int64", (self.runs,), False)
        runs, pauses = np.arange(lo, hi), 0
        while True:
            runs = runs[(self.reason[runs] == RUNNING) & (self.steps[runs] < target[runs])]
            runs, pause = self._ready(runs)
            pauses |= pause
            if len(runs) == 0:
                return pauses
            self._step(runs)

    def _range(self, lo, hi):
        if not 0 <= lo <= hi <= self.runs:
            raise ValueError(f"lo, hi: expected 0 <= lo <= hi <= {self.runs}, got {lo}, {hi}")

    def _fail(self, runs, status):
        """Stop the runs whose status is not 0; true where it is."""
        self.reason[runs] = np.where(status == 0, self.reason[runs], FAILED + status)
        return status == 0

    def _ready(self, runs):
        """The runs that have all that a step may need, and why the others pause."""
        pauses = 0
        for encoder in (self.encoder, self.central):
            if encoder is not None and encoder.used is not None:
                room = encoder.used[runs] + 2 * encoder.views <= encoder.rows
                pauses |= ROWS if not room.all() else 0
                runs = runs[room]
        if self.record_every:
            room = self.episodes[runs] // self.record_every < self.returns.shape[1]
            pauses |= RECORDS if not room.all() else 0
            runs = runs[room]
        explore, step_uniforms, step_normals, start_uniforms, start_normals = self.windows
        reach = np.ones(len(runs), bool)
        for window in (explore, step_uniforms, step_normals):
            reach &= window.reaches(runs, self.steps[runs])
        for window in (start_uniforms, start_normals):
            reach &= window.reaches(runs, self.episodes[runs] + 1)
        pauses |= DRAWS if not reach.all() else 0
        return runs[reach], pauses

    def _begin(self, runs):
        """Start, observe and encode. The draws of a start are at the position of the episode."""
        episode = self.episodes[runs]
        status = fine(len(runs))
        for window in self.windows[3:]:
            status[~window.reaches(runs, episode)] = NO_DRAWS
        good = np.flatnonzero(status == 0)
        which = runs[good]
        state, observation = self.state[which], self.observation[which]
        self.episode_steps[which] = 0
        bad = self.game.stage_start(which, state, *(w.at(which, episode[good]) for w in self.windows[3:]))
        self.state[which] = state
        bad = np.where(bad == 0, self.game.stage_observe(which, state, observation), bad)
        self.observation[which] = observation
        if self.participants is not None:
            fit = np.flatnonzero(bad == 0)
            bad[fit] = self.participants.begin(which[fit], state[fit], observation[fit])
        status[good] = bad
        good = good[bad == 0]
        which = runs[good]
        rows = self.rows[which]
        status[good] = self._encode(which, self.state[which], self.observation[which], rows)
        self.rows[which] = rows
        good = good[status[good] == 0]
        for reward in self.rewards:
            status[good] = reward.stage_begin(runs[good], self.rows[runs[good], :self.agents],
                                              self.observation[runs[good]])
            good = good[status[good] == 0]
        return status

    def _encode(self, runs, state, observation, rows):
        """Rows of what the agents see and, where a learner asks for them, of the state; writes rows [n, W]."""
        own, central = rows[:, :self.own].copy(), rows[:, self.own:].copy()
        status = self.encoder.stage_encode(runs, observation, own)
        if self.central is self.encoder:
            central[:] = own[:, :self.active_rows - self.own]
        elif self.central is not None:
            good = np.flatnonzero(status == 0)
            part = central[good]
            status[good] = self.central.stage_encode(runs[good], state[good, None], part)
            central[good] = part
        rows[:, :self.own], rows[:, self.own:] = own, central
        return status

    def _step(self, runs):
        """One step of some runs. Runs that fail leave at the stage where they fail."""
        n = len(runs)
        steps = self.steps[runs]
        rows, state = self.rows[runs], self.state[runs]
        explore = self.windows[0].at(runs, steps).reshape(n, self.agents, -1)
        actions, raw, terminated = np.zeros((n, self.agents), np.int32), np.zeros((n, self.agents)), np.zeros(n, bool)
        status, some = fine(n), self.participants
        if some is not None:
            status = some.act(self.learners, runs, rows, explore, actions)
        for learner in self.learners if some is None else ():
            status = np.where(status == 0, learner.stage_act(runs, rows[:, :learner.active_rows], explore, actions),
                              status)
        keep = self._fail(runs, status)
        runs, steps, rows, state, actions, raw, terminated = (
            a[keep] for a in (runs, steps, rows, state, actions, raw, terminated))
        status = self.game.stage_step(runs, state, actions, self.windows[1].at(runs, steps),
                                      self.windows[2].at(runs, steps), raw, terminated)
        self.state[runs] = state
        observation = self.observation[runs]
        status = np.where(status == 0, self.game.stage_observe(runs, state, observation), status)
        self.observation[runs] = observation
        if some is not None:
            raw[~some.present[runs]] = 0.0
        finite = np.isfinite(raw)
        unsound = (status == 0) & ~finite.all(axis=1)
        self.fault[runs[unsound]] = (~finite).argmax(axis=1)[unsound]
        keep = self._fail(runs, np.where(unsound, BAD_REWARD, status))
        runs, rows, state, actions, raw, terminated, observation = (
            a[keep] for a in (runs, rows, state, actions, raw, terminated, observation))
        self.steps[runs] += 1
        self.episode_steps[runs] += 1
        if some is not None:
            some.agent_steps[runs] += some.present[runs]
            terminated, truncated, after, status = some.end(self, runs, state, terminated)
            keep = self._fail(runs, status)
            runs, rows, state, actions, raw, terminated, truncated, observation = (
                a[keep] for a in (runs, rows, state, actions, raw, terminated, truncated, observation))
            after = tuple(a[keep] for a in after)
            some.see(runs, observation, after[1])
        else:
            at_horizon = ~terminated & (self.episode_steps[runs] == self.horizon)
            truncated = at_horizon & (not self.horizon_ends) | terminated & self.ends_are_limits
            terminated = terminated & (not self.ends_are_limits) | at_horizon & self.horizon_ends

        next_rows = np.zeros((len(runs), self.active_rows), np.int32)
        obs = observation if some is None else some.last_obs[runs]
        keep = self._fail(runs, self._encode(runs, state, obs, next_rows))
        if some is not None:
            after = tuple(a[keep] for a in after)
        (runs, rows, state, actions, raw, terminated, truncated, observation, next_rows) = (
            a[keep] for a in (runs, rows, state, actions, raw, terminated, truncated, observation, next_rows))

        rewards, changed = np.zeros(raw.shape), np.zeros(len(runs), bool)
        status = fine(len(runs))
        for reward in self.rewards:
            status = np.where(status == 0, reward.stage_apply(
                runs, rows[:, :self.agents], actions, raw, rewards, next_rows[:, :self.agents], state, observation,
                terminated), status)
        keep = self._fail(runs, status)
        (runs, rows, actions, raw, terminated, truncated, next_rows, rewards, changed) = (
            a[keep] for a in (runs, rows, actions, raw, terminated, truncated, next_rows, rewards, changed))
        ended = terminated | truncated
        if some is not None:
            after = tuple(a[keep] for a in after)
            rewards[~some.present[runs]] = 0.0
            some.earn(runs, rows[:, :self.own], actions, rewards)
            moves = some.moves(runs, terminated, after)
        alive = np.arange(len(runs))
        for learner in self.learners:
            if learner.learning:
                flags = changed[alive]
                active = learner.active_rows
                given = (runs[alive], rows[alive, :active], actions[alive], rewards[alive], next_rows[alive, :active],
                         terminated[alive])
                status = learner.stage_update(*given, flags) if some is None else \
                    learner.stage_update_some(*given, moves.of(alive), flags)
                changed[alive] = flags
                alive = alive[self._fail(runs[alive], status)]
            learner.stage_tick(runs[alive], ended[alive])
        runs, raw, rewards, next_rows, ended, changed = (
            a[alive] for a in (runs, raw, rewards, next_rows, ended, changed))
        counted = np.where(changed, 1, self.stable[runs] + 1)       # the step of the change counts
        self.stable[runs] = np.where(self.steps[runs] <= self.stable_after[runs], 0, counted)

        with np.errstate(over="ignore"):        # as the compiled sums, which say nothing either
            self.episode_return[runs] += raw
            self.episode_shaped[runs] += rewards
        if some is not None:
            some.go_on(runs, tuple(a[alive] for a in after), moves.learns[alive])
        self.rows[runs[~ended]] = next_rows[~ended]
        over = runs[ended]
        good = np.ones(len(runs), bool)
        if len(over):
            self._record(over)
            good[ended] = self._fail(over, self._begin(over))
        self._stop(runs[good], ended[good])

    def _record(self, runs):
        """Write down an episode that is over; ``record_every`` episodes share an entry, which becomes their mean."""
        team = np.zeros(len(runs))
        for i in range(self.agents):
            team += self.episode_return[runs, i]
        team /= self.agents
        episode = self.episodes[runs]
        if self.record_every:
            entry = episode // self.record_every
            self.returns[runs, entry] += self.episode_return[runs]
            self.shaped_returns[runs, entry] += self.episode_shaped[runs]
            self.lengths[runs, entry] += self.episode_steps[runs]
            full = (episode + 1) % self.record_every == 0
            if self.record_every > 1 and full.any():
                self.returns[runs[full], entry[full]] /= self.record_every
                self.shaped_returns[runs[full], entry[full]] /= self.record_every
        if self.participants is not None:
            self.participants.record(runs, episode // self.record_every if self.record_every else None)
        if self.window:
            place = episode % self.window
            self.recent_sum[runs] += team - self.recent[runs, place]
            self.recent[runs, place] = team
        self.episode_return[runs] = 0.0
        self.episode_shaped[runs] = 0.0
        self.episodes[runs] += 1

    def _stop(self, runs, ended):
        """The first stop rule that holds."""
        reason = np.zeros(len(runs), np.int32)
        if self.window:
            reached = (ended & (self.episodes[runs] >= self.window)
                       & (self.recent_sum[runs] / self.window >= self.min_return))
            reason[reached] = RETURN_REACHED
        reason[self.stable[runs] >= self.max_stable] = GREEDY_STABLE
        reason[self.episodes[runs] >= self.max_episodes] = EPISODES
        reason[self.steps[runs] >= self.max_steps] = STEPS
        self.reason[runs] = reason
