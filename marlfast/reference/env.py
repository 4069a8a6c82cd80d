"""A game to step from outside, in NumPy: the twin of ``src/_env.pyx``."""
import numpy as np

from marlfast.reference.kernels import BAD_REWARD, check
from marlfast.reference.loop import _Windows

MAX_DRAWS = 4194304


class Env:
    """Runs of a game that are stepped from outside, under the same draws as in training.

    Parameters
    ----------
    game : Game
    action_counts : int32 [N]
    horizon : int
        Steps after which an episode is over; 0: never.
    horizon_ends : bool
        Whether it is then terminated (the game ends there) or truncated.
    state : float64 [R, S]
    observation : float64 [R, V, D]
    rewards : float64 [R, N]
    terminated, truncated : bool [R]
        All five: written.
    steps, starts, episode_steps : int64 [R]
        Modified: steps, episodes begun, and steps of the episode under way.
    run_numbers : int64 [R]
    seed : int, or uint64 [R]
        Of each run.
    purpose : int
    ends_are_limits : bool
        Whether ends by the game's own rules are truncated, too, so that learners count on what would have followed.
    """

    def __init__(self, game, action_counts, horizon, horizon_ends, state, observation, rewards, terminated,
                 truncated, steps, starts, episode_steps, run_numbers, seed, purpose, ends_are_limits=False):
        check(state, "state", "float64", (-1, game.state_size), True)
        runs = len(state)
        if runs < 1:
            raise ValueError("state: expected at least one run, got none")
        check(action_counts, "action_counts", "int32", (game.agents,), False)
        check(observation, "observation", "float64", (runs, game.views, game.features), True)
        check(rewards, "rewards", "float64", (runs, game.agents), True)
        for name, array, dtype in (("terminated", terminated, "bool"), ("truncated", truncated, "bool"),
                                   ("steps", steps, "int64"), ("starts", starts, "int64"),
                                   ("episode_steps", episode_steps, "int64"), ("run_numbers", run_numbers, "int64")):
            check(array, name, dtype, (runs,), name != "run_numbers")
        if run_numbers.min() < 0 or run_numbers.max() >= 2**32:
            raise ValueError("run_numbers: expected 0 to 2**32 - 1")
        for name, array in (("steps", steps), ("starts", starts), ("episode_steps", episode_steps)):
            if array.min() < 0:
                raise ValueError(f"{name}: expected at least 0, got {array.min()}")
        if horizon < 0:
            raise ValueError(f"horizon: expected at least 0, got {horizon}")
        seeds = seed if isinstance(seed, np.ndarray) else np.full(runs, seed, np.uint64)
        check(seeds, "seed", "uint64", (runs,), False)
        self.game, self.runs, self.agents = game, runs, game.agents
        self.horizon, self.horizon_ends, self.ends_are_limits = horizon, bool(horizon_ends), bool(ends_are_limits)
        self.action_counts, self.state, self.observation, self.rewards = action_counts, state, observation, rewards
        self.terminated, self.truncated, self.steps, self.starts = terminated, truncated, steps, starts
        self.episode_steps = episode_steps
        widths = (game.step_uniforms, game.step_normals, game.start_uniforms, game.start_normals)
        self.windows = []
        for k, n_draws in enumerate(widths):
            most = max(1, min(8 if k > 1 else 64, MAX_DRAWS // (4 * max(n_draws, 1) * runs)))
            self.windows.append(_Windows(n_draws, k % 2 == 1, seeds, 8 * purpose + k + 1,
                                         run_numbers, None, most))

    def reset(self, which):
        """Begin the next episode of the runs that ``which`` (bool [R]) marks."""
        runs = np.flatnonzero(check(which, "which", "bool", (self.runs,), False))
        state, observation = self.state[runs], self.observation[runs]
        draws = [window.at(runs, self.starts[runs]) for window in self.windows[2:]]
        self.game._raise(self.game.stage_start(runs, state, *draws), "reset")
        self.game._raise(self.game.stage_observe(runs, state, observation), "reset")
        self.state[runs], self.observation[runs] = state, observation
        self.starts[runs] += 1
        self.episode_steps[runs] = 0
        self.terminated[runs] = self.truncated[runs] = False

    def step(self, actions, which=None):
        """One step of every run (actions int32 [R, N]), or of those that ``which`` (bool [R]) marks.

        Refused, and nothing changed, if one cannot be made.
        """
        check(actions, "actions", "int32", (self.runs, self.agents), False)
        runs = np.arange(self.runs) if which is None else np.flatnonzero(
            check(which, "which", "bool", (self.runs,), False))
        outside = (actions[runs] < 0) | (actions[runs] >= self.action_counts)
        over = (self.terminated | self.truncated | (self.starts == 0))[runs]
        bad = np.flatnonzero(over | outside.any(axis=1))
        if len(bad) and not over[bad[0]]:
            r, i = int(runs[bad[0]]), int(outside[bad[0]].argmax())
            raise ValueError(f"actions[{r}, {i}]: expected 0 to {self.action_counts[i] - 1}, got {actions[r, i]}")
        if len(bad):
            raise ValueError(f"run {runs[bad[0]]}: its episode is over, or was never begun; call reset first")
        arrays = self.state, self.observation, self.rewards, self.terminated
        state, observation, rewards, terminated = (array[runs] for array in arrays)
        draws = [window.at(runs, self.steps[runs]) for window in self.windows[:2]]
        status = self.game.stage_step(runs, state, actions[runs], *draws, rewards, terminated)
        status = np.where(status == 0, self.game.stage_observe(runs, state, observation), status)
        status = np.where((status == 0) & ~np.isfinite(rewards).all(axis=1), BAD_REWARD, status)
        if self.game.failures is None or not status.any():      # where its own code failed, all stays as it was
            for array, part in zip(arrays, (state, observation, rewards, terminated), strict=True):
                array[runs] = part
        self.game._raise(status, "step")
        self.steps[runs] += 1
        self.episode_steps[runs] += 1
        at_horizon = ~terminated & (self.episode_steps[runs] == self.horizon)
        self.truncated[runs] = at_horizon & (not self.horizon_ends) | terminated & self.ends_are_limits
        self.terminated[runs] = terminated & (not self.ends_are_limits) | at_horizon & self.horizon_ends
