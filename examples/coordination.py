"""Coordination: which learners find the best joint action, in the climbing and penalty games.

After L. Matignon, G. J. Laurent and N. Le Fort-Piat, "Independent reinforcement learners in cooperative Markov games: a
survey regarding coordination problems" (Knowledge Engineering Review 27, 2012): two agents with a common reward, who do
not see each other's actions. The paper compares five learners; here is every learner that can play these games. One
command, some minutes on two cores:

    python examples/coordination.py coordination
"""
import argparse
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast import plotting
from marlfast.reproduce import Matignon2012
from marlfast.reproduce.matignon2012 import GAMES, PUBLISHED

LEARNERS = {
    "independent": "iql sarsa expected_sarsa double_q frequency_adjusted_q distributed_q hysteretic_q lmrl2 "
                   "recursive_fmq phc wolf_phc",
    "policy gradient": "reinforce ia2c maa2c coma ippo mappo",
    "of a team": "vdn qmix",
    "joint actions": "central_q jal",
    "no regret": "fictitious_play regret_matching exp3",
}


def learner(study, name, game):
    """A learner with the parameters of the study; those that must know something of the game are told it."""
    payoffs = np.moveaxis(game.expected, -1, 0)
    if name == "fictitious_play":           # at first it believes that all actions of the other are as likely
        return mf.learners.FictitiousPlay(payoffs, initial=payoffs[0].mean(axis=1))
    if name == "regret_matching":
        return mf.learners.RegretMatching(payoffs)
    if name == "exp3":
        low, high = game.reward_bounds
        return mf.learners.Exp3(0.05, low=low, high=high)
    if name == "phc":
        return mf.learners.PHC(study.learning_rate, discount=0.0, explore=mf.EpsilonGreedy(0.05))
    return study.learner(name)


def shares(study, trials, seed=0):
    """Share of trials that end in a best joint action: {learner: [games]}."""
    found = {}
    for name in (name for names in LEARNERS.values() for name in names.split()):
        found[name] = []
        for game in GAMES.values():
            steps = study.fmq_repetitions if name == "recursive_fmq" else study.repetitions
            result = mf.train(game, learner(study, name, game), steps=steps, runs=trials, seed=seed, record_every=0)
            joint = np.array([result.policy(run, kind="greedy")([[0.0]]) for run in range(trials)])
            worth = game.expected[..., 0]
            found[name].append(float((worth[tuple(joint.T)] == worth.max()).mean()))
    return found


def draw(found, path):
    """One picture: a line for each learner, a column for each game; published shares in brackets."""
    figure = plotting.style.figure((6.6, 0.26 * len(found) + 1.4), "a comparison")
    ax = figure.subplots()
    values = np.array(list(found.values()))
    ink, back = plotting.style.tones().strong, plotting.style.tones().back
    image = ax.pcolormesh(values, cmap="cividis", vmin=0, vmax=1, edgecolors=back, linewidth=0.5)
    for i, name in enumerate(found):
        for j, value in enumerate(values[i]):
            known = PUBLISHED.get(name, (None,) * len(GAMES))[j]
            text = f"{value:.2f}" + ("" if known is None else f" ({known:.2f})")
            ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=8,
                    color=plotting.style.readable_on(image.cmap(value)))
    ax.set_yticks(np.arange(len(found)) + 0.5, list(found))
    words = [name.replace(", ", ",\n").replace("partly by", "partly\nby") for name in GAMES]
    ax.set_xticks(np.arange(len(GAMES)) + 0.5, words)
    ax.invert_yaxis()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    edge = 0
    for names in list(LEARNERS.values())[:-1]:
        edge += len(names.split())
        ax.axhline(edge, color=ink, linewidth=1.2)
    ax.set_title("Share of trials that end in a best joint action (in brackets: published)", loc="left", fontsize=10)
    for ending in ("pdf", "png"):
        figure.savefig(path.with_suffix(f".{ending}"), dpi=200)


def main(folder="coordination", trials=1000):
    """Train, draw and print; returns the shares."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = shares(Matignon2012(), trials)
    draw(found, folder / "coordination")
    print(f"{'':22}" + "".join(f"{word.replace(', ', ' '):>28}" for word in GAMES))
    for name, row in found.items():
        print(f"{name:22}" + "".join(f"{value:28.2f}" for value in row))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="coordination")
    parser.add_argument("--trials", type=int, default=1000)
    main(**vars(parser.parse_args()))
