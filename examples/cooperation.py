"""Cooperation: where it emerges in iterated dilemmas, over the discount factor and the length of the memory.

Two independent Q-learners play the prisoner's dilemma, chicken and the stag hunt again and again; each sees the last
``memory`` joint actions, and values what comes later at ``discount``. In the dilemma nobody can reward or punish
without a memory, and nobody cares to without a future: the question is how much of both it takes. In the spirit of
T. W. Sandholm and R. H. Crites, "Multiagent reinforcement learning in the iterated prisoner's dilemma" (Biosystems 37,
1996). One command, some minutes on two cores:

    python examples/cooperation.py cooperation

Stopped at any moment, the same command goes on where it was.
"""
import argparse
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast import plotting

DISCOUNTS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MEMORIES = (0, 1, 2, 3)
GAMES = {"Prisoner's dilemma": mf.games.PrisonersDilemma, "Chicken": mf.games.Chicken, "Stag hunt": mf.games.StagHunt}


def swept(game, steps, runs, out):
    """Share of cooperative actions in the long run, over discounts and memories."""
    # From always exploring to once in a thousand steps, over four fifths of the time.
    explore = mf.EpsilonGreedy(mf.schedules.Exponential(1.0, 0.001 ** (1.25 / steps), minimum=0.001))
    return mf.sweep(game(memory=1, horizon=0), mf.IQL(0.1, explore=explore), seeds=runs, seed=0, steps=steps, out=out,
                    over={"game.memory": list(MEMORIES), "learner.discount": list(DISCOUNTS)})


def main(folder="cooperation", steps=200_000, runs=100):
    """Train, draw and print; returns the mean shares, {game: [memories, discounts]}."""
    folder, found = Path(folder), {}
    folder.mkdir(parents=True, exist_ok=True)
    figure = plotting.style.figure((12.0, 3.4), "maps")
    for ax, (name, game) in zip(figure.subplots(1, len(GAMES)), GAMES.items(), strict=True):
        sweep = swept(game, steps, runs, folder / game.name)
        plotting.heat_map(sweep, "learner.discount", "game.memory", "cooperation_rate", statistic="mean", ax=ax,
                          best=False, limits=(0.0, 1.0), title=name, xlabel="discount factor",
                          ylabel="memory in rounds")
        table = sweep.table()
        found[name] = np.array([[table["cooperation_rate"][(table["game.memory"] == m)
                                                           & (table["learner.discount"] == d)].mean()
                                 for d in DISCOUNTS] for m in MEMORIES])
        print(f"{name}: share of cooperation, lines: memory {MEMORIES}, columns: discount {DISCOUNTS}")
        print("\n".join("  " + " ".join(f"{value:5.2f}" for value in row) for row in found[name]))
    for ending in ("pdf", "png"):
        figure.savefig(folder / f"cooperation.{ending}", dpi=200)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="cooperation")
    parser.add_argument("--steps", type=int, default=200_000, help="of each run")
    parser.add_argument("--runs", type=int, default=100, help="of each point")
    main(**vars(parser.parse_args()))
