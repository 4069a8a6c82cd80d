"""Stable-Baselines3's PPO on a game of marlfast: all agents of all runs share one network.

Needs ``pip install 'marlfast[gymnasium]' stable-baselines3`` (which brings PyTorch). Stable-Baselines3 has an interface
of its own for many environments at once; the class below is all that lies between it and Gymnasium's.
"""
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

import marlfast as mf
from marlfast.adapters.gymnasium import vector_env


class Runs(VecEnv):
    """Many runs of a game; each agent is an environment. Stable-Baselines3 expects a new episode in the same step."""

    def __init__(self, game, runs):
        self.env = vector_env(game, runs, agents="separate", autoreset_mode=AutoresetMode.SAME_STEP)
        super().__init__(self.env.num_envs, self.env.single_observation_space, self.env.single_action_space)

    def reset(self):
        observation, _ = self.env.reset(seed=self._seeds[0])
        self._reset_seeds()
        return observation

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        observation, rewards, terminated, truncated, infos = self.env.step(self.actions)
        ended, notes = terminated | truncated, [{} for _ in range(self.num_envs)]
        for k in np.flatnonzero(ended):
            notes[k] = {"terminal_observation": infos["final_obs"][k], "TimeLimit.truncated": bool(truncated[k])}
        return observation, rewards, ended, notes

    def close(self):
        self.env.close()

    def get_attr(self, name, indices=None):
        return [getattr(self.env, name)] * self.num_envs

    def set_attr(self, name, value, indices=None):
        raise NotImplementedError

    def env_method(self, name, *arguments, indices=None, **named):
        raise NotImplementedError

    def env_is_wrapped(self, wrapper, indices=None):
        return [False] * self.num_envs


def team_return(game, model, runs=64, seed=1):
    """Mean return of a team that acts by ``model``; None: at random."""
    env = vector_env(game, runs, agents="separate", autoreset_mode=AutoresetMode.DISABLED)
    observation, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    total = np.zeros(env.num_envs)
    for _ in range(game.horizon):
        actions = env.action_space.sample() if model is None else model.predict(observation)[0]
        observation, rewards, *_ = env.step(actions)
        total += rewards
    return total.mean()


def main(steps=200_000, runs=32, seed=0):
    torch.set_num_threads(1)        # the network is too small for more
    game = mf.games.Drift(agents=2, horizon=25)
    model = PPO("MlpPolicy", Runs(game, runs), n_steps=32, batch_size=512, seed=seed, device="cpu")
    print(f"random team: {team_return(game, None):.2f}")
    print(f"before training: {team_return(game, model):.2f}")
    model.learn(steps)
    after = team_return(game, model)
    print(f"after {model.num_timesteps:,} steps of PPO: {after:.2f}")
    return after


if __name__ == "__main__":
    main()
