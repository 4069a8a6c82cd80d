"""The article's program, step by step: a team of independent Q-learners in a drifting world.

The environment, the learners and the training loop are marlfast's; the shaping is written by hand. Everything
has a leading axis of runs: ``runs`` teams learn side by side, each by its own draws. ``article_with_train.py``
trains the same teams in one call, to the last bit.

From: "Multi-Agent Reinforcement Learning for Task Optimization: Agents That Improve Together" (CallSphere blog, 2026).
"""
import numpy as np

import marlfast as mf


def shape_reward(rewards, actions):
    """Add a bonus for diverse actions and a penalty for redundant ones.

    Parameters
    ----------
    rewards : float64 [R, N]
    actions : int32 [R, N]

    Returns
    -------
    float64 [R, N]
    """
    agents = actions.shape[1]
    ordered = np.sort(actions, axis=1)
    distinct = 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1, keepdims=True)
    diversity_bonus = 0.2 * (distinct / agents)
    redundancy_penalty = 0.1 * (agents - distinct)
    return rewards + diversity_bonus - redundancy_penalty


def train_team(env, team, episodes, report=None):
    """The article's training loop.

    Returns
    -------
    float64 [R, episodes]
        Team return of each episode: unshaped rewards, mean over agents.
    """
    returns = np.zeros((env.runs, episodes))
    for episode in range(episodes):
        state = env.reset()
        total = np.zeros((env.runs, env.game.agents))
        done = False
        while not done:
            actions = team.act(state)
            next_state, rewards, terminated, truncated = env.step(actions)
            team.update(state, actions, shape_reward(rewards, actions), next_state, terminated, truncated)
            total += rewards
            state = next_state
            done = truncated.all()          # every run of this game ends after 100 steps
        returns[:, episode] = total.mean(axis=1)
        if report and (episode + 1) % report == 0:
            recent = returns[:, episode + 1 - report:episode + 1].mean()
            print(f"episode {episode + 1:5,}: team return {recent:8.1f} (mean of {report} episodes, {env.runs} runs)")
    return returns


def main(episodes=2000, runs=8, seed=0):
    """Train, print progress, and compare with a random team; returns the team returns [R, episodes]."""
    game = mf.games.Drift(agents=4, state_size=2, actions=5)
    learner = mf.IQL(learning_rate=0.1, discount=0.95, explore=mf.EpsilonGreedy(1.0, decay=0.995, minimum=0.05))
    # The article rounds to one decimal; its table then has tens of thousands of rows, too many to fill.
    team = learner.team(game, runs=runs, seed=seed, encoder=mf.Rounding(decimals=0))
    returns = train_team(game.env(runs=runs, seed=seed), team, episodes, report=max(1, episodes // 10))
    random_team = mf.evaluate(game, "random", episodes=100, runs=runs, seed=seed)
    last = returns[:, -max(1, episodes // 10):].mean()
    print(f"random team: {random_team.mean:.1f}; last tenth of training: {last:.1f}")
    return returns


if __name__ == "__main__":
    main()
