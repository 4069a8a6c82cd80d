"""A game to step from outside, in NumPy: the twin of ``src/_env.pyx``."""
import numpy as np

from marlfast.declarations.env import ENV
from marlfast.reference.kernels import BAD_REWARD, check
from marlfast.reference.loop import _Windows

MAX_DRAWS = 4194304


@ENV.document
class Env:
    """Runs of a game that are stepped from outside, under the same draws as in training."""

    def __init__(self, **given):
        a = self.declared.check(given)
        for name in ("game", "action_counts", "state", "observation", "rewards", "terminated", "truncated", "steps",
                     "starts", "episode_steps", "horizon", "horizon_ends", "ends_are_limits"):
            setattr(self, name, getattr(a, name))
        self.runs, self.agents, game = a.R, a.N, a.game
        widths = (game.step_uniforms, game.step_normals, game.start_uniforms, game.start_normals)
        self.windows = []
        for k, n_draws in enumerate(widths):
            most = max(1, min(8 if k > 1 else 64, MAX_DRAWS // (4 * max(n_draws, 1) * self.runs)))
            self.windows.append(_Windows(n_draws, k % 2 == 1, a.seeds, 8 * a.purpose + k + 1, a.run_numbers, None,
                                         most))

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
        least = -1 if self.game.participation else 0        # the action of an agent who does not act
        outside = (actions[runs] < least) | (actions[runs] >= self.action_counts)
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
