"""PettingZoo: a Markov game given as arrays, as a parallel environment is usually written, stepped in a loop."""
import importlib.util

import numpy as np

NAME = "PettingZoo: one parallel environment at a time, dictionaries of actions and rewards"


def available():
    """Whether this peer can run here."""
    return all(importlib.util.find_spec(name) is not None for name in ("pettingzoo", "gymnasium"))


def parallel_env(transitions, rewards, actions, seed=0):
    """A ``ParallelEnv`` over transitions [S, J, S] and rewards [S, J, N]; it starts in state 0 and never ends."""
    from gymnasium.spaces import Discrete
    from pettingzoo import ParallelEnv

    class MarkovEnv(ParallelEnv):
        metadata = {"name": "markov"}

        def __init__(self):
            self.possible_agents = [f"agent_{i}" for i in range(len(actions))]
            self.observation_spaces = {agent: Discrete(len(transitions)) for agent in self.possible_agents}
            self.action_spaces = {agent: Discrete(n) for agent, n in zip(self.possible_agents, actions, strict=True)}

        def observation_space(self, agent):
            return self.observation_spaces[agent]

        def action_space(self, agent):
            return self.action_spaces[agent]

        def reset(self, seed=None, options=None):
            self.generator, self.state, self.agents = np.random.default_rng(seed), 0, list(self.possible_agents)
            return dict.fromkeys(self.agents, 0), {agent: {} for agent in self.agents}

        def step(self, taken):
            joint = 0
            for agent, n in zip(self.agents, actions, strict=True):
                joint = joint * n + int(taken[agent])
            earned = rewards[self.state, joint]
            self.state = int(self.generator.choice(len(transitions), p=transitions[self.state, joint]))
            return (dict.fromkeys(self.agents, self.state), dict(zip(self.agents, earned.tolist(), strict=True)),
                    dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, False),
                    {agent: {} for agent in self.agents})

    env = MarkovEnv()
    env.reset(seed=seed)
    return env


class Player:
    """An environment under random actions; ``work(steps)`` takes so many more steps."""

    def __init__(self, transitions, rewards, actions):
        self.env = parallel_env(transitions, rewards, actions)
        drawn = np.random.default_rng(0).integers(0, actions, (4096, len(actions))).tolist()
        self.actions = [dict(zip(self.env.possible_agents, one, strict=True)) for one in drawn]

    def work(self, steps):
        for k in range(steps):
            self.env.step(self.actions[k % 4096])
