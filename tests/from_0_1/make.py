"""What 0.1 saved in the middle of an episode, and what came of it: makes ``results.tar.xz``, which is never made again.

Run with marlfast 0.1.0, as ``PYTHONPATH=.:tests python tests/from_0_1/make.py FOLDER``. Every registered learner has
trained in three ways: where the compiled loop takes one run after another, by numbered states that end (``states``)
and by rows that are numbered as they are seen (``rounding``); and where a game in Python is stepped for all runs at
once, by rows of each agent's own that grow (``lockstep``). ``NAME-WAY-part.npz`` is the result after some steps,
``NAME-WAY-whole.npz`` after some more. ``GAME_K-games-part.npz`` and so on are of Q-learning in the examples of every
game (but those of functions).
"""
import sys
import tarfile
from pathlib import Path

import numpy as np
from conftest import GAME_EXAMPLES
from lockstep import LOCKSTEP

import marlfast as mf
from marlfast.learners import coordination, gradients, hierarchy, joint, mean_field, mixing, opponents, phc, td

S = mf.schedules
PAYOFFS = np.random.default_rng(5).normal(size=(3, 3)).round(3)
RANDOM_TIES = mf.EpsilonGreedy(S.Linear(0.9, 0.1, 60), ties="random", strict=False)
FALLING = mf.EpsilonGreedy(0.8, decay=0.9, minimum=0.1)
STEPS, MORE = {"states": 23, "rounding": 31, "lockstep": 23}, 40


def states():
    """A Markov game of four states, the last of which is terminal."""
    rng = np.random.default_rng(4)
    transitions = rng.random((4, 9, 4)).round(2) + 0.01
    transitions /= transitions.sum(axis=2, keepdims=True)
    return mf.games.MarkovGame(transitions, rng.normal(size=(4, 9, 2)).round(2), (3, 3),
                               terminal=[False] * 3 + [True], horizon=7)


WAYS = {
    "states": {"game": states(), "encoder": None},
    "rounding": {"game": mf.games.Drift(agents=2, state_size=1, actions=3, horizon=9), "encoder": mf.Rounding(0)},
    "lockstep": {"game": LOCKSTEP, "encoder": mf.AgentIndex(mf.Rounding(1))},
}
# Both agents are led by these; ``central``, ``rewards`` and ``teams`` where they need them.
LEARNERS = {
    "iql": mf.IQL(S.Harmonic(0.5, 0.05), explore=FALLING),
    "iql_first_ties": mf.IQL(),
    "iql_random_ties": mf.IQL([0.2, 0.4], discount=[0.5, 0.9], explore=RANDOM_TIES, share="all",
                              initial_q=[0.0, 1.0, 1.0]),
    "iql_boltzmann": mf.IQL(0.3, explore=mf.Boltzmann(S.Exponential(2.0, 0.95, minimum=0.2))),
    "sarsa": td.SARSA(0.3, explore=FALLING, trace_decay=0.7, trace_length=4, traces="accumulating"),
    "q_lambda": td.QLambda(0.3, explore=RANDOM_TIES, trace_length=5),
    "expected_sarsa": td.ExpectedSARSA(0.3, explore=FALLING, initial_q=0.5),
    "distributed_q": td.DistributedQ(explore=FALLING, initial_q=-1.0),
    "hysteretic_q": td.HystereticQ(0.4, S.Linear(0.2, 0.0, 50), explore=FALLING),
    "frequency_adjusted_q": td.FrequencyAdjustedQ(0.3, 0.1),
    "double_q": td.DoubleQ(0.3, explore=FALLING, initial_q=0.25),
    "monte_carlo": td.MonteCarlo(0.3, explore=FALLING),
    "phc": phc.PHC(0.3, delta=S.Linear(0.5, 0.0, 90)), "wolf_phc": phc.WoLFPHC(0.3, share="all"),
    "lmrl2": coordination.LMRL2(0.5, max_temperature=3.0, temperature_decay=0.9),
    "recursive_fmq": coordination.RecursiveFMQ(0.3, frequency_rate=0.1, discount=0.5, explore=FALLING),
    "central_q": joint.CentralQ(0.3, explore=FALLING), "jal": joint.JointActionLearner(0.3, explore=FALLING),
    "minimax_q": joint.MinimaxQ(0.3, initial_q=0.5), "friend_or_foe": joint.FriendOrFoe(0.3, friends="all"),
    "nash_q": joint.NashQ(0.3), "correlated_q": joint.CorrelatedQ(0.3, objective="egalitarian"),
    "mean_field_q": mean_field.MeanFieldQ(0.3), "mean_field_ac": mean_field.MeanFieldAC(0.3, 0.4),
    "reinforce": gradients.Reinforce(0.3), "ia2c": gradients.IA2C(0.3, trace_decay=0.5),
    "ippo": gradients.IPPO(steps=8, value_clip=0.5), "maa2c": gradients.MAA2C(0.3), "coma": gradients.COMA(0.3),
    "mappo": gradients.MAPPO(steps=11, minibatch=4), "vdn": mixing.VDN(0.3, target_every=7, explore=FALLING),
    "qmix": mixing.QMIX(0.1, 0.1, hidden=2, target_every=13, explore=RANDOM_TIES),
    "hierarchy": hierarchy.Hierarchy(mf.IQL(0.3, explore=FALLING), 3, 4, mf.IQL(0.2, explore=FALLING), teams="all"),
    "frozen": mf.learners.Frozen(mf.IQL(initial_q=[1.0, 1.0, 0.0])),
    "each": [mf.IQL(0.2, explore=FALLING), td.SARSA(0.2)],
    "random": [opponents.Random(), mf.IQL()], "fixed_policy": [opponents.FixedPolicy([0.2, 0.0, 0.8]), mf.IQL()],
    "tit_for_tat": [opponents.TitForTat(opening=1), mf.IQL()],
    "win_stay_lose_shift": [mf.IQL(), opponents.WinStayLoseShift(threshold=0.5, opening=2)],
    "fictitious_play": [opponents.FictitiousPlay(PAYOFFS, initial=[0.0, 0.5, 0.1]), mf.IQL()],
    "regret_matching": [opponents.RegretMatching(PAYOFFS), opponents.RegretMatching(PAYOFFS, regret="external")],
    "exp3": [opponents.Exp3(0.3, low=-4.0, high=4.0), mf.IQL()],
}
TRUSTING = ("distributed_q", "lmrl2", "recursive_fmq", "coma", "maa2c", "mappo", "vdn", "qmix")
CENTRAL = ("coma", "maa2c", "mappo", "qmix")
# Joint learners take a row that all agents share, which an agent's own is not.
ALIKE = ("central_q", "jal", "minimax_q", "friend_or_foe", "nash_q", "correlated_q")


def options(name, way):
    """What ``marlfast.train`` is given for a learner in one of the ways."""
    given = WAYS[way] | {"runs": 2, "seed": 7}
    if way == "lockstep":
        given["central"] = mf.Rounding(1) if name in CENTRAL else None
        if name in ALIKE:
            given["encoder"] = mf.Rounding(1)
    if way == "rounding" and name in CENTRAL:
        given["central"] = mf.Rounding(0)
    if name in TRUSTING:
        given["rewards"] = mf.rewards.cooperative()
    if name in ("iql", "sarsa", "monte_carlo"):
        given["rewards"] = mf.rewards.mixed([[1], [0]])
        given["shaping"] = [mf.rewards.Diversity(), mf.rewards.Redundancy(0.2)]
        if way == "rounding":
            given["shaping"] = [mf.rewards.PotentialBased(mf.rewards.Distance(0.5))]
    if name == "iql_first_ties":
        given |= {"stop": [mf.GreedyStable(50), mf.ReturnReached(100.0, window=3)], "record_every": 2}
    return given


def main(folder):
    """Train every learner in every way, and write what there is after some steps and after some more."""
    assert mf.__version__ == "0.1.0", mf.__version__
    folder.mkdir(parents=True, exist_ok=True)
    for way in WAYS:
        for name, learner in LEARNERS.items():
            part = mf.train(learner=learner, steps=STEPS[way], **options(name, way))
            assert (part.arrays["episode_steps"] > 0).any(), (name, way)
            part.save(folder / f"{name}-{way}-part.npz")
            mf.train(resume=part, steps=MORE).save(folder / f"{name}-{way}-whole.npz")
    for name, games in GAME_EXAMPLES.items():
        for k, game in enumerate(games if name not in ("numpy", "compiled") else ()):
            if (game.observations or 0) * game.agents * game.most_actions > 10_000 or game.features > 16:
                continue            # large tables, small differences
            encoder = mf.Rounding(0) if game.observations is None else None
            part = mf.train(game, mf.IQL(0.3), encoder=encoder, steps=12, runs=2, seed=7)
            part.save(folder / f"{name}_{k}-games-part.npz")
            mf.train(resume=part, steps=MORE).save(folder / f"{name}_{k}-games-whole.npz")
    with tarfile.open(Path(__file__).with_name("results.tar.xz"), "w:xz", preset=9) as archive:
        for path in sorted(folder.glob("*.npz")):
            entry = archive.gettarinfo(path, path.name)
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            with open(path, "rb") as file:
                archive.addfile(entry, file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
