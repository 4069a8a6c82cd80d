"""Plain Python: objects, dictionaries and one table per agent, in the style of the article the game comes from."""
# ruff: noqa: NPY002 - the style draws from NumPy's global generator
import random
from dataclasses import dataclass, field

import numpy as np

NAME = "plain Python: dictionaries of actions and rewards, one table keyed by a string per agent"


@dataclass
class MultiAgentEnvironment:
    """A shared state that all agents push; the team pays for its distance from zero."""

    num_agents: int
    state_size: int
    action_size: int
    max_steps: int = 100
    state: np.ndarray = field(init=False)
    step_count: int = field(init=False, default=0)

    def __post_init__(self):
        self.state = np.zeros(self.state_size)

    def reset(self):
        """Begin an episode; returns a copy of the state."""
        self.state = np.random.randn(self.state_size)
        self.step_count = 0
        return self.state.copy()

    def step(self, actions):
        """Move all agents at once; returns the state, rewards by agent, and whether time is up."""
        self.step_count += 1
        self.state += np.random.randn(self.state_size) * 0.1
        self.state[0] += sum(actions.values()) * 0.05
        done = self.step_count >= self.max_steps
        return self.state.copy(), self._compute_rewards(actions), done

    def _compute_rewards(self, actions):
        team_reward = -abs(float(self.state[0]))
        rewards = {}
        for agent_id, action in actions.items():
            individual_bonus = 0.1 if action < self.action_size // 2 else 0.0
            rewards[agent_id] = team_reward + individual_bonus
        return rewards


@dataclass
class QLearner:
    """Epsilon-greedy Q-learning in a dictionary: rounded state to action values."""

    action_size: int
    learning_rate: float = 0.1
    discount: float = 0.95
    epsilon: float = 1.0
    epsilon_decay: float = 0.995
    epsilon_min: float = 0.05
    q_table: dict = field(default_factory=dict)

    def state_key(self, state):
        """The state, rounded to one decimal, as a string."""
        # As in the article, so "-0.0" and "0.0" are two states: barely visible in early returns, not in late ones.
        return str(np.round(state, 1).tolist())

    def values(self, state):
        """Action values of a state; zeros where it is new."""
        key = self.state_key(state)
        if key not in self.q_table:
            self.q_table[key] = [0.0] * self.action_size
        return self.q_table[key]

    def select_action(self, state):
        """A random action with probability epsilon, else the first of the best."""
        if random.random() < self.epsilon:
            return random.randrange(self.action_size)
        values = self.values(state)
        return values.index(max(values))

    def update(self, state, action, reward, next_state):
        """Move one value towards its target; time running out is no terminal state, so always bootstrap."""
        values = self.values(state)
        target = reward + self.discount * max(self.values(next_state))
        values[action] += self.learning_rate * (target - values[action])

    def decay_epsilon(self):
        """Explore a little less from the next episode on."""
        self.epsilon = max(self.epsilon * self.epsilon_decay, self.epsilon_min)


def shape_reward(base_reward, agent_action, teammate_actions):
    """Add a bonus for diverse actions and a penalty for redundant ones."""
    all_actions = [agent_action] + teammate_actions
    distinct = len(set(all_actions))
    diversity_bonus = 0.2 * distinct / len(all_actions)
    redundancy_penalty = -0.1 * (len(all_actions) - distinct)
    return base_reward + diversity_bonus + redundancy_penalty


def run_episode(env, learners):
    """Play and learn one episode; returns the mean over agents of the unshaped return."""
    state = env.reset()
    total = 0.0
    done = False
    while not done:
        actions = {agent_id: learner.select_action(state) for agent_id, learner in learners.items()}
        next_state, rewards, done = env.step(actions)
        for agent_id, learner in learners.items():
            teammates = [action for other, action in actions.items() if other != agent_id]
            reward = shape_reward(rewards[agent_id], actions[agent_id], teammates)
            learner.update(state, actions[agent_id], reward, next_state)
        total += sum(rewards.values()) / len(rewards)
        state = next_state
    for learner in learners.values():
        learner.decay_epsilon()
    return total


def available():
    """Whether this peer can run here."""
    return True


def warm_up(**shapes):
    """Nothing to compile."""


def train(episodes, runs=1, agents=4, state_size=2, actions=5, low=None, high=None, bins=None, seed=0):
    """Train independent Q-learners on the drift game, one run after the other.

    Parameters
    ----------
    episodes, runs, agents, state_size, actions : int
    low, high, bins : ignored
        States are rounded to one decimal instead.
    seed : int

    Returns
    -------
    float64 [runs, episodes]
        Unshaped team return of each episode: the mean over agents.
    """
    random.seed(seed)
    np.random.seed(seed)
    returns = np.zeros((runs, episodes))
    for run in range(runs):
        env = MultiAgentEnvironment(agents, state_size, actions)
        learners = {f"agent_{i}": QLearner(actions) for i in range(agents)}
        for episode in range(episodes):
            returns[run, episode] = run_episode(env, learners)
    return returns
