"""Three ways to learn with many agents, each where it helps and where it does not: figures and tables.

Parameter sharing (one table for all agents), mean field learning (the mean action of the neighbours in place of each of
theirs) and hierarchical teams (a coordinator sets sub-goals), beside plain independent learners. Takes some minutes;
each figure is drawn on light and on dark:

    python examples/many_agents.py docs/images
    python examples/many_agents.py docs/images sharing
"""
import sys
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast.learners.hierarchy import Hierarchy
from marlfast.learners.mean_field import MeanFieldQ
from marlfast.plotting import style

RUNS = 30
TEMPERATURES = (0.4, 0.6, 0.8, 1.0, 1.1, 1.2, 1.4, 1.8, 2.4)
LOOKS = 16

# -- a game of rooms -----------------------------------------------------------------------------

PLAN = """
    #############
    #.....#.....#
    #.....#.....#
    #...........#
    #.....#.....#
    #.....#.....#
    ##.####.....#
    #.....###.###
    #.....#.....#
    #.....#.....#
    #...........#
    #.....#.....#
    #############
    """.split()
DOORS = ((3, 6), (6, 2), (7, 9), (10, 6))


def rooms(end, start=(1, 1), horizon=100):
    """Two agents carry something through four rooms: one moves it up or down, the other left or right, or neither.

    Both see where it is. They earn 1 when it comes to ``end``, which is the end of the episode, and nothing before.

    Returns
    -------
    MarkovGame, and {square: its number}
    """
    squares = [(y, x) for y, line in enumerate(PLAN) for x, square in enumerate(line) if square == "."]
    number = {square: k for k, square in enumerate(squares)}
    transitions, rewards = np.zeros((len(squares), 9, len(squares))), np.zeros((len(squares), 9, 2))
    for (y, x), k in number.items():
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                row = y + down if (y + down, x) in number else y
                column = x + right if (row, x + right) in number else x
                joint = 3 * (down + 1) + right + 1
                transitions[k, joint, number[row, column]] = 1.0
                rewards[k, joint] = (row, column) == end
    begin, over = np.zeros(len(squares)), np.zeros(len(squares), bool)
    begin[number[start]], over[number[end]] = 1.0, True
    return mf.games.MarkovGame(transitions, rewards, (3, 3), start=begin, terminal=over, horizon=horizon), number


def levels(number, goal_reward=True):
    """Flat members, and under a coordinator: goals 0 to 3 are the doors, goal 4 is nothing but the game's reward."""
    explore = mf.EpsilonGreedy(0.1, ties="random")
    member = mf.IQL(0.2, discount=0.97, explore=explore)
    reward = np.zeros((5, len(number)))
    for goal, door in enumerate(DOORS):
        reward[goal, number[door]] = 1.0
    return member, Hierarchy(member, goals=5, goal_every=8, coordinator=member, teams="all",
                             goal_reward=reward if goal_reward else None)


# -- the Ising model -----------------------------------------------------------------------------

COLOUR = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0


def order(spins):
    """|up - down| / agents among the black squares of a chessboard and among the white ones, their mean: [R].

    All agents move at once, so that black squares meet what the white ones did before, and the other way round: two
    systems that order apart from each other.
    """
    spins = spins.reshape(-1, 20, 20)
    return (np.abs(spins[:, COLOUR].mean(axis=1)) + np.abs(spins[:, ~COLOUR].mean(axis=1))) / 2


def ising(learner, every, looks):
    """Order of each run after every some steps: [R, looks]."""
    run, found = None, []
    for _ in range(looks):
        run = mf.train(resume=run, steps=every) if run else mf.train(
            mf.games.Ising(20, 20), learner, steps=every, runs=RUNS, seed=1)
        found.append(order(run.arrays["state"]))
    return np.stack(found, axis=1)


def spinners(temperature):
    """Learners of a game of one move (discount 0), at one temperature."""
    explore = mf.Boltzmann(temperature)
    return {"MF-Q, one table": MeanFieldQ(0.1, discount=0.0, explore=explore, share="all"),
            "MF-Q, a table each": MeanFieldQ(0.1, discount=0.0, explore=explore),
            "IQL, one table": mf.IQL(0.1, discount=0.0, explore=explore, share="all"),
            "IQL, a table each": mf.IQL(0.1, discount=0.0, explore=explore)}


# -- figures -------------------------------------------------------------------------------------

KEPT = {}


def once(key, make):
    """What was trained for one figure, kept for the same on dark."""
    if key not in KEPT:
        KEPT[key] = make()
    return KEPT[key]


def line_and_band(axes, at, values, name):
    """The mean over runs, and where the middle 80 % of runs are; values [runs, places]."""
    line, = axes.plot(at, values.mean(axis=0), label=name, marker="." if len(at) < 12 else None)
    axes.fill_between(at, *np.quantile(values, (0.1, 0.9), axis=0), alpha=0.2, color=line.get_color(), linewidth=0)


def dress(axes, title, x, y):
    axes.set_title(title, fontsize=10, loc="left")
    style.labels(axes, x=x, y=y)
    style.quiet(axes)
    axes.legend(fontsize=7, frameon=False)


def curves(axes, title, train, bins=60):
    """Learning curves of several results."""
    def kept():
        found = {name: run.team_returns for name, run in train().items()}
        print(f"\n{title}: team return per episode, mean of {RUNS} runs, first to last fifth of the episodes")
        for name, returns in found.items():
            fifths = [returns[:, part].mean() for part in np.array_split(np.arange(returns.shape[1]), 5)]
            print(f"  {name:32}" + "".join(f"{value:10.2f}" for value in fifths))
        return found

    for name, returns in once(title, kept).items():
        parts = np.array_split(np.arange(returns.shape[1]), bins)
        smooth = np.stack([returns[:, part].mean(axis=1) for part in parts], axis=1)
        line_and_band(axes, [part.mean() for part in parts], smooth, name)
    dress(axes, title, "episode", "team return")


def trained(game, learners, episodes, **options):
    return {name: mf.train(game, one, episodes=episodes, runs=RUNS, seed=1, **options)
            for name, one in learners.items()}


def sharing(left, right):
    explore = mf.EpsilonGreedy(0.1)
    both = {"a table each": mf.IQL(0.1, discount=0.9, explore=explore),
            "one table": mf.IQL(0.1, discount=0.9, explore=explore, share="all")}
    hunt = mf.games.Pursuit(hunters=4, prey=1, depth=9, capture="joint", horizon=200)
    curves(left, "Four hunters, each sees its prey", lambda: trained(hunt, both, 900))
    work = mf.games.TaskAllocation(agents=16, kinds=4, size=3, capacity=4, arrivals=0.9)
    curves(right, "16 workers with different skills, same view", lambda: trained(work, both, 600))


def order_by_temperature():
    """Of each learner the mean of what is seen after 1,000, 1,200, ... 2,000 steps: {name: [runs, temperatures]}."""
    print(f"\nIsing model, 20 x 20: order, mean of {RUNS} runs\n  {'temperature':32}"
          + "".join(f"{t:6.1f}" for t in TEMPERATURES))
    found = {}
    for name in spinners(1.0):
        found[name] = np.array([ising(spinners(t)[name], 200, 10)[:, 4:].mean(axis=1) for t in TEMPERATURES]).T
        print(f"  {name:32}" + "".join(f"{value:6.2f}" for value in found[name].mean(axis=0)))
    return found


def order_over_time():
    """At one temperature, after 400, 800, ... steps: {name: [runs, looks]}."""
    print("\nIsing model, temperature 0.6: order after 400, 1,600, 3,200 and 6,400 steps")
    found = {}
    for name in ("MF-Q, a table each", "IQL, a table each"):
        found[name] = ising(spinners(0.6)[name], 400, LOOKS)
        print(f"  {name:32}" + "".join(f"{value:6.2f}" for value in found[name].mean(axis=0)[[0, 3, 7, 15]]))
    return found


def mean_field(left, middle, right):
    for name, values in once("temperatures", order_by_temperature).items():
        line_and_band(left, TEMPERATURES, values, name)
    left.axvline(1.0 / np.log(1.0 + np.sqrt(2.0)), color=style.tones().quiet, linestyle=":", linewidth=1)
    dress(left, "Ising model: order", "temperature", "|up - down| / agents")
    for name, values in once("steps", order_over_time).items():
        line_and_band(middle, 400 * np.arange(1, LOOKS + 1), values, name)
    dress(middle, "Ising model, temperature 0.6", "step", "|up - down| / agents")
    explore = mf.EpsilonGreedy(0.1)
    road = mf.games.CongestionGame(np.tile(np.arange(21.0), (2, 1)), [[0], [1]], horizon=10)
    curves(right, "20 drivers, two roads", lambda: trained(road, {
        "IQL, a table each": mf.IQL(0.1, discount=0.9, explore=explore),
        "MF-Q, a table each": MeanFieldQ(0.1, discount=0.9, explore=explore)}, 200))


def hierarchy(left, right):
    for axes, title, end, episodes in ((left, "From the first room to the last", (11, 11), 1500),
                                       (right, "Within the first room", (5, 5), 300)):
        game, number = rooms(end)
        member, goals = levels(number)
        learners = {"independent": member, "goals with rewards of their own": goals,
                    "goals without": levels(number, goal_reward=False)[1]}
        curves(axes, title, lambda game=game, learners=learners, n=episodes: trained(game, learners, n))


def main(folder, *names):
    for name, draw, panels in (("sharing", sharing, 2), ("mean_field", mean_field, 3), ("hierarchy", hierarchy, 2)):
        if not names or name in names:
            for tone, ending in (("light", ""), ("dark", "-dark")):
                with style.look(tone):
                    figure = style.figure((4 * panels, 3), "a comparison")
                    axes = figure.subplots(1, panels)
                    for one in axes:
                        one.set_prop_cycle(color=style.colours(4))
                    draw(*axes)
                    figure.savefig(Path(folder) / f"many_{name}{ending}.png", dpi=180)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["."])
