"""lbforaging: level-based foraging in plain Python, stepped in a loop; what ``LevelForaging`` follows step by step."""
import importlib.util

import numpy as np

NAME = "lbforaging: one environment at a time, objects and dictionaries"


def available():
    """Whether this peer can run here."""
    return all(importlib.util.find_spec(name) is not None for name in ("lbforaging", "gymnasium"))


class Player:
    """An environment that goes on and on under random actions, with a new episode where one is over.

    Parameters
    ----------
    players, size, food : int
        Levels are those of its registered games: players 1 or 2, food up to the three lowest together.
    seed : int
    """

    def __init__(self, players=2, size=8, food=2, seed=0):
        from lbforaging.foraging import ForagingEnv

        self.env = ForagingEnv(
            players=players, min_player_level=1, max_player_level=2, min_food_level=1, max_food_level=None,
            field_size=(size, size), max_num_food=food, sight=size, max_episode_steps=50, force_coop=False)
        self.env.reset(seed=seed)
        self.actions = np.random.default_rng(seed).integers(0, 6, (4096, players)).tolist()
        self.steps = 0

    def work(self, steps):
        """Take so many steps; returns the rewards of all together."""
        env, actions, total = self.env, self.actions, 0.0
        for k in range(self.steps, self.steps + steps):
            _, rewards, done, _, _ = env.step(actions[k % 4096])
            total += sum(rewards)
            if done:
                env.reset()
        self.steps += steps
        return total


def warm_up(**shapes):
    """Nothing to compile."""


def play(steps, players=2, size=8, food=2, seed=0):
    """Play so many steps in a fresh environment; returns the rewards of all together."""
    return Player(players, size, food, seed).work(steps)
