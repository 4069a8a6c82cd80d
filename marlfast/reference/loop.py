"""The training loop in NumPy: the twin of ``src/_loop.pyx``, all runs of a range side by side.

    draws -> act -> step -> observe, encode -> structure + shaping -> update -> schedules
          -> (record, start) -> stop rule -> next step
"""
import numpy as np

from marlfast.declarations.loop import ARRAYS, LOOP
from marlfast.reference import moves as participation
from marlfast.reference.draws import fill
from marlfast.reference.kernels import BAD_REWARD, NO_DRAWS, check, fine, none

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
        """Where supplied draws of a record can be had."""
        return (record >= self.first[runs]) & (record < self.first[runs] + self.count[runs])

    def at(self, runs, record):
        """Draws [n, n_draws] of one record of each run."""
        if self.n_draws == 0:
            return np.empty((len(runs), 0))
        if not self.fixed:
            offset = record - self.first[runs]
            stale = (offset < 0) | (offset >= self.count[runs])
            if not none(stale):
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


class _Step:
    """What a step of some runs has come to: arrays with those runs as their first axis, and tuples of such."""

    def __init__(self, **arrays):
        vars(self).update(arrays)

    def keep(self, which):
        """Leave all other runs out."""
        for name, part in vars(self).items():
            setattr(self, name, part.of(which) if isinstance(part, participation.Moves) else
                    tuple(a[which] for a in part) if isinstance(part, tuple) else part[which])


def first(status, more):
    """The first status of each run that is not 0."""
    return more if none(status) else np.where(status == 0, more, status)


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
            over = (self.reason[runs] != RUNNING) | (self.steps[runs] >= target[runs])
            runs, pause = self._ready(runs if none(over) else runs[~over])
            pauses |= pause
            if len(runs) == 0:
                return pauses
            self._step(runs)

    def _range(self, lo, hi):
        if not 0 <= lo <= hi <= self.runs:
            raise ValueError(f"lo, hi: expected 0 <= lo <= hi <= {self.runs}, got {lo}, {hi}")

    def _fail(self, runs, status):
        """Stop the runs whose status is not 0; true where it is."""
        bad = status != 0
        if not none(bad):
            self.reason[runs[bad]] = FAILED + status[bad]
        return ~bad

    def _leave(self, s, status):
        """Stop the runs whose status is not 0, which take no further part in the step."""
        if not none(status):
            s.keep(self._fail(s.runs, status))

    def _ready(self, runs):
        """The runs that have all that a step may need, and why the others pause."""
        pauses = 0
        for encoder in (self.encoder, self.central):
            if encoder is not None and encoder.used is not None:
                room = encoder.used[runs] + 2 * encoder.views <= encoder.rows
                pauses |= ROWS if not room.all() else 0
                runs = runs[room]
        if self.record_every:
            full = self.episodes[runs] // self.record_every >= self.returns.shape[1]
            if not none(full):
                pauses |= RECORDS
                runs = runs[~full]
        explore, step_uniforms, step_normals, start_uniforms, start_normals = self.windows
        for windows, record in (((explore, step_uniforms, step_normals), self.steps),
                                ((start_uniforms, start_normals), self.episodes + 1)):
            for window in windows:
                if window.fixed:
                    reach = window.reaches(runs, record[runs])
                    pauses |= DRAWS if not reach.all() else 0
                    runs = runs[reach]
        return runs, pauses

    def _begin(self, runs):
        """Start, observe and encode. The draws of a start are at the position of the episode."""
        episode = self.episodes[runs]
        status = fine(len(runs))
        for window in self.windows[3:]:
            if window.fixed:
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
        own, central = rows[:, :self.own], rows[:, self.own:]
        status = self.encoder.stage_encode(runs, observation, own)
        if self.central is self.encoder:
            central[:] = own[:, :self.active_rows - self.own]
        elif self.central is not None:
            good = np.flatnonzero(status == 0)
            part = central[good]
            status[good] = self.central.stage_encode(runs[good], state[good, None], part)
            central[good] = part
        return status

    def _step(self, runs):
        """One step of some runs. Runs that fail leave at the stage where they fail."""
        n = len(runs)
        s = _Step(runs=runs, rows=self.rows[runs], state=self.state[runs],
                  actions=np.zeros((n, self.agents), np.int32), raw=np.zeros((n, self.agents)),
                  terminated=np.zeros(n, bool))
        self._act(s)
        self._play(s)
        some = self.participants
        self.steps[s.runs] += 1
        self.episode_steps[s.runs] += 1
        if some is not None:
            some.agent_steps[s.runs] += some.present[s.runs]
            s.terminated, s.truncated, s.after, status = some.end(self, s.runs, s.state, s.terminated)
            self._leave(s, status)
            some.see(s.runs, s.observation, s.after[1])
        else:
            at_horizon = ~s.terminated & (self.episode_steps[s.runs] == self.horizon)
            s.truncated = at_horizon & (not self.horizon_ends) | s.terminated & self.ends_are_limits
            s.terminated = s.terminated & (not self.ends_are_limits) | at_horizon & self.horizon_ends
        s.next_rows = np.zeros((len(s.runs), self.active_rows), np.int32)
        self._leave(s, self._encode(s.runs, s.state, s.observation if some is None else some.last_obs[s.runs],
                                    s.next_rows))
        s.rewards, status = np.zeros(s.raw.shape), fine(len(s.runs))
        for reward in self.rewards:
            status = first(status, reward.stage_apply(
                s.runs, s.rows[:, :self.agents], s.actions, s.raw, s.rewards, s.next_rows[:, :self.agents], s.state,
                s.observation, s.terminated))
        self._leave(s, status)
        s.ended, s.changed = s.terminated | s.truncated, np.zeros(len(s.runs), bool)
        if some is not None:
            s.rewards[~some.present[s.runs]] = 0.0
            some.earn(s.runs, s.rows[:, :self.own], s.actions, s.rewards)
            s.moves = some.moves(s.runs, s.terminated, s.after)
        self._learn(s)
        runs, ended = s.runs, s.ended
        counted = np.where(s.changed, 1, self.stable[runs] + 1)       # the step of the change counts
        self.stable[runs] = np.where(self.steps[runs] <= self.stable_after[runs], 0, counted)
        with np.errstate(over="ignore"):        # as the compiled sums, which say nothing either
            self.episode_return[runs] += s.raw
            self.episode_shaped[runs] += s.rewards
        if some is not None:
            some.go_on(runs, s.after, s.moves.learns)
        if none(ended):
            self.rows[runs] = s.next_rows
        else:
            over, good = runs[ended], ~ended
            self.rows[runs[good]] = s.next_rows[good]
            self._record(over)
            good[ended] = self._fail(over, self._begin(over))
            runs, ended = runs[good], ended[good]
        self._stop(runs, ended)

    def _act(self, s):
        explore = self.windows[0].at(s.runs, self.steps[s.runs]).reshape(*s.actions.shape, -1)
        if self.participants is not None:
            status = self.participants.act(self.learners, s.runs, s.rows, explore, s.actions)
        else:
            status = fine(len(s.runs))
            for learner in self.learners:
                status = first(status, learner.stage_act(s.runs, s.rows[:, :learner.active_rows], explore, s.actions))
        self._leave(s, status)

    def _play(self, s):
        """The game's step, its rewards before shaping, and what is observed after it."""
        steps = self.steps[s.runs]
        status = self.game.stage_step(s.runs, s.state, s.actions, self.windows[1].at(s.runs, steps),
                                      self.windows[2].at(s.runs, steps), s.raw, s.terminated)
        self.state[s.runs] = s.state
        s.observation = self.observation[s.runs]
        status = first(status, self.game.stage_observe(s.runs, s.state, s.observation))
        self.observation[s.runs] = s.observation
        if self.participants is not None:
            s.raw[~self.participants.present[s.runs]] = 0.0
        infinite = ~np.isfinite(s.raw)
        if not none(infinite):
            unsound = (status == 0) & infinite.any(axis=1)
            self.fault[s.runs[unsound]] = infinite.argmax(axis=1)[unsound]
            status = np.where(unsound, BAD_REWARD, status)
        self._leave(s, status)

    def _learn(self, s):
        for learner in self.learners:
            if learner.learning:
                active = learner.active_rows
                given = s.runs, s.rows[:, :active], s.actions, s.rewards, s.next_rows[:, :active], s.terminated
                self._leave(s, learner.stage_update(*given, s.changed) if self.participants is None else
                            learner.stage_update_some(*given, s.moves, s.changed))
            learner.stage_tick(s.runs, s.ended)

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
        reason = np.full(len(runs), RUNNING, np.int32)
        if self.window:
            reached = (ended & (self.episodes[runs] >= self.window)
                       & (self.recent_sum[runs] / self.window >= self.min_return))
            reason[reached] = RETURN_REACHED
        reason[self.stable[runs] >= self.max_stable] = GREEDY_STABLE
        reason[self.episodes[runs] >= self.max_episodes] = EPISODES
        reason[self.steps[runs] >= self.max_steps] = STEPS
        self.reason[runs] = reason
