"""Prints what the test looks at: numbers by hand, and whether both backends train alike."""
import json

import forgetting
import numpy as np

import marlfast as mf

by_hand = {}
for backend in ("cython", "numpy"):
    game = mf.games.MatrixGame([1.0, 0.0, 0.0], horizon=0)
    learner = forgetting.ForgettingQ(0.5, discount=0.0, fade=0.25, explore=mf.EpsilonGreedy(0.0),
                                     initial_q=[2.0, 4.0, 1.0])
    by_hand[backend] = mf.train(game, learner, steps=2, backend=backend).q[0, 0, 0].tolist()
same = []
for game, encoder in ((mf.games.PrisonersDilemma(memory=1, horizon=7), None), (mf.games.Drift(), mf.Rounding(0))):
    for share in ("none", "all"):
        learner = forgetting.ForgettingQ(0.3, fade=0.05, share=share, explore=mf.EpsilonGreedy(0.3), initial_q=0.5)
        runs = [mf.train(game, learner, encoder=encoder, steps=600, runs=4, seed=3, backend=backend)
                for backend in ("cython", "numpy")]
        same.append(all(runs[0].arrays[name].tobytes() == array.tobytes() for name, array in runs[1].arrays.items()))
runs[0].save("run.npz")
again = mf.load("run.npz")
print(json.dumps({
    "marlfast": mf.__file__, "package": forgetting.__file__, "by_hand": by_hand, "same": same,
    "loaded": again.experiment.learner == learner, "resumed": mf.train(resume=again, steps=100).steps.tolist(),
    "evaluated": np.isfinite(mf.evaluate(game, runs[0], episodes=3).mean).item()}))
