"""Three ways to your own reward: a matrix, a potential, and a function of your own in a step-by-step loop."""
import numpy as np

import marlfast as mf

AGENTS = 4
GAME = mf.games.Drift(agents=AGENTS)
LEARNER = mf.IQL()
# Only the first state variable matters to the rewards: one cell for all values of the second.
GRID = mf.Grid(low=(-2, -4), high=(60, 4), bins=(62, 1))


def nearness(cells):
    """A potential: how near to zero the first state variable is, in each cell (float64 [rows, 2] -> [rows])."""
    return -np.abs(cells[:, 0])


def with_train(episodes, runs, seed):
    """Rewards that ``train`` knows; returns the team return of the learned, greedy teams by name."""
    ring = np.roll(np.eye(AGENTS), 1, axis=0)
    choices = {
        "each its own reward": {},
        # Half from itself, a quarter from each neighbour on a ring.
        "own and neighbours' rewards": {"rewards": mf.rewards.matrix(0.5 * np.eye(AGENTS) + 0.25 * (ring + ring.T))},
        # Changes what is learned first, not what is best.
        "own reward and a potential": {"shaping": mf.rewards.PotentialBased(nearness)},
    }
    found = {}
    for name, options in choices.items():
        run = mf.train(GAME, LEARNER, encoder=GRID, episodes=episodes, runs=runs, seed=seed, **options)
        found[name] = mf.evaluate(GAME, run, episodes=20, seed=seed)
        print(f"{name:28} {found[name].mean:8.1f} (standard error {found[name].standard_error:.1f})")
    return found


def effort(rewards, actions, before):
    """A reward of your own: the game's, less what an agent's push costs, less a fee for changing its mind."""
    return rewards - 0.5 * actions - 0.2 * (actions != before)


def step_by_step(reward, episodes, runs, seed):
    """Learn from ``reward(rewards, actions, actions before)``; returns the mean action of the last tenth."""
    env, team = GAME.env(runs=runs, seed=seed), LEARNER.team(GAME, runs=runs, seed=seed, encoder=GRID)
    pushes = np.zeros(episodes)
    for episode in range(episodes):
        obs, before, truncated = env.reset(), np.zeros((runs, AGENTS), np.int32), np.zeros(runs, bool)
        while not truncated.all():
            actions = team.act(obs)
            next_obs, rewards, terminated, truncated = env.step(actions)
            team.update(obs, actions, reward(rewards, actions, before), next_obs, terminated, truncated)
            pushes[episode] += actions.mean() / GAME.horizon
            obs, before = next_obs, actions
    return pushes[-max(1, episodes // 10):].mean()


def main(episodes=500, runs=8, seed=0):
    """Compare the rewards; returns the evaluations by name, and the mean actions without and with effort."""
    print(f"Greedy team return after {episodes} episodes, {runs} runs:")
    found = with_train(episodes, runs, seed)
    plain = step_by_step(lambda rewards, actions, before: rewards, episodes, runs, seed)
    dear = step_by_step(effort, episodes, runs, seed)
    print(f"Mean action in the last tenth of training: {plain:.2f}; where effort costs, {dear:.2f}")
    return found, plain, dear


if __name__ == "__main__":
    main()
