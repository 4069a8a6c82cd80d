"""Games whose agents see their last observations, in NumPy: the twin of ``src/_history.pyx``."""
import numpy as np

from marlfast.reference.kernels import Game, fine


class History(Game):
    """Another game, whose agents see their last k observations: see :class:`marlfast.games.WithHistory`.

    Parameters
    ----------
    within : Game
    k : int
        At least 1.
    actions : bool
        Whether each agent sees its own last k actions as well.
    """

    def __init__(self, within, k, actions):
        if not 1 <= k <= 1024:
            raise ValueError(f"k: expected 1 to 1024, got {k}")
        self.within, self.k, self.actions = within, k, actions
        self.failures, self.serial, self.max_actions = within.failures, within.serial, within.max_actions
        self._size, self._block = within.state_size, within.views * within.features
        size = self._size + k * (self._block + (within.agents if actions else 0))
        self._declare(within.agents, size, within.agents if actions else within.views,
                      k * (within.features + bool(actions)),
                      (within.step_uniforms, within.step_normals, within.start_uniforms, within.start_normals))
        for name in ("counterfactual", "present", "to_act", "legal", "truncated"):
            if getattr(within, f"stage_{name}") is not None:
                setattr(self, f"stage_{name}", self._passed_on(getattr(within, f"stage_{name}")))

    def _passed_on(self, stage):
        """A stage of the game within, which is shown its own part of the state."""
        return lambda runs, state, *others: stage(runs, np.ascontiguousarray(state[:, :self._size]), *others)

    def _blocks(self, state):
        """Observations [n, k, V, D] and actions [n, k, N] as they are kept, the newest first."""
        end = self._size + self.k * self._block
        return (state[:, self._size:end].reshape(len(state), self.k, self.within.views, self.within.features),
                state[:, end:].reshape(len(state), -1, self.agents))

    def _observed(self, runs, within, status):
        """The new observations [n, V, D] of the runs in which all is well, and their statuses."""
        good = status == 0
        observation = np.zeros((int(good.sum()), self.within.views, self.within.features))
        status[good] = self.within.stage_observe(runs[good], within[good], observation)
        return observation[status[good] == 0], status == 0

    def _keep(self, state, good, within, observations, actions):
        state[good, :self._size] = within[good]
        kept = [observations.reshape(len(observations), -1)]
        state[good, self._size:] = np.concatenate(kept + ([actions.reshape(len(actions), -1)] if self.actions else []),
                                                  axis=1)

    def stage_start(self, runs, state, uniforms, normals):
        within = np.ascontiguousarray(state[:, :self._size])
        status = self.within.stage_start(runs, within, uniforms, normals)
        observation, good = self._observed(runs, within, status)
        self._keep(state, good, within, np.repeat(observation[:, None], self.k, axis=1),
                   np.full((len(observation), self.k, self.agents), -1.0))
        return status

    def stage_step(self, runs, state, actions, uniforms, normals, rewards, terminated):
        within = np.ascontiguousarray(state[:, :self._size])
        status = self.within.stage_step(runs, within, actions, uniforms, normals, rewards, terminated)
        observation, good = self._observed(runs, within, status)
        observations, own = self._blocks(state[good])
        observations = np.concatenate([observation[:, None], observations[:, :-1]], axis=1)
        self._keep(state, good, within, observations,
                   np.concatenate([actions[good][:, None], own[:, :self.k - 1]], axis=1))
        return status

    def stage_observe(self, runs, state, observation):
        observations, own = self._blocks(state)
        entries = observations.transpose(0, 2, 1, 3)        # [n, views, k, features]
        if self.actions:
            entries = np.concatenate([np.broadcast_to(entries, (len(state), self.agents, *entries.shape[2:])),
                                      own.transpose(0, 2, 1)[..., None]], axis=3)
        observation[:] = entries.reshape(observation.shape)
        return fine(len(runs))
