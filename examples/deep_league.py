"""A network that is warm-started from a table, and meets every generation of a league of tables.

Needs ``pip install torch``. Two Q-learners play soccer in a league. A network learns, by supervision, what the last
generation's first agent does; it can then be trained further by any library (see ``torchrl_training.py``). And it plays
against the second agent of every generation, as the table that it was made from does. Nothing here is about PyTorch but
``warm_start``: a policy is any function of an observation.
"""
import numpy as np
import torch

import marlfast as mf


def warm_start(result, agent, epochs=400, seed=0):
    """A network with the greedy actions of one agent's table, and in how many of its rows it has them."""
    torch.manual_seed(seed)
    table = result.tables(agent)
    rows = np.flatnonzero(table["visits"][0, :, 0])         # soccer's observations are numbers, and these its rows
    inputs, wanted = torch.tensor(rows), torch.tensor(table["greedy"][0, rows, 0].astype(np.int64))
    n_actions = int(result.experiment.game.action_counts[agent])
    network = torch.nn.Sequential(torch.nn.Embedding(table["q"].shape[1], 32), torch.nn.Linear(32, 128),
                                  torch.nn.ReLU(), torch.nn.Linear(128, n_actions))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(epochs):
        loss = torch.nn.functional.cross_entropy(network(inputs), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return network, float((network(inputs).argmax(1) == wanted).float().mean())


def against(first, result):
    """A team: its first agent acts by a function of what it observes, the second by a table."""
    table = result.policy()

    def team(observation):
        actions = np.array(table(observation))
        actions[0] = first(observation[0])
        return actions

    return team


def main(generations=4, steps=40_000, episodes=300):
    torch.set_num_threads(1)
    game = mf.games.Soccer(horizon=100)
    league = mf.League(game, [mf.IQL(), mf.IQL()], seed=0)
    league.train(generations, steps=steps)
    last = league.checkpoint()
    network, same = warm_start(last, agent=0)
    table = last.policy()
    print(f"the network does what the table does in {same:.0%} of the table's rows")

    def deep(observation):
        with torch.no_grad():
            return int(network(torch.tensor(int(observation[0]))).argmax())

    def tabular(observation):
        return int(table(np.broadcast_to(observation, (game.views, game.features)))[0])

    margins = []
    for generation in range(generations + 1):
        there = league.checkpoint(generation)
        played = [mf.evaluate(game, against(first, there), episodes=episodes, seed=1) for first in (deep, tabular)]
        margins.append([float((one.returns[..., 0] - one.returns[..., 1]).mean() / 2) for one in played])
        print(f"against generation {generation}: network {margins[-1][0]:+.2f}, table {margins[-1][1]:+.2f}")
    return same, margins


if __name__ == "__main__":
    main()
