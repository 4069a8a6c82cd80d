"""Prints what the test looks at: where things come from, numbers by hand, and whether both backends train alike."""
import json

import numpy as np
import ropes
from ropes import _rope

import marlfast as mf

game = ropes.Rope(reach=3, slip=0.25)
kernel = game.kernel()
state, rewards, over = np.array([[0.0], [0.0], [2.0], [-2.0]]), np.zeros((4, 2)), np.zeros(4, bool)
kernel.step(state, np.array([[2, 1], [2, 1], [1, 0], [0, 2]], np.int32), np.array([[0.25], [0.2], [0.9], [0.9]]),
            np.zeros((4, 0)), rewards, over)
obs = np.zeros((4, 1, 1))
kernel.observe(state, obs)
try:
    kernel.step(state, np.full((4, 2), 3, np.int32), np.zeros((4, 1)), np.zeros((4, 0)), rewards, over)
    refused = None
except ValueError as error:
    refused = str(error)
runs = [mf.train(game, mf.IQL(), episodes=300, runs=4, seed=0, backend=backend) for backend in ("cython", "numpy")]
same = all(runs[0].arrays[name].tobytes() == array.tobytes() for name, array in runs[1].arrays.items())
runs[0].save("rope.npz")
print(json.dumps({
    "marlfast": mf.__file__, "rope": _rope.__file__, "state": state[:, 0].tolist(), "rewards": rewards.tolist(),
    "over": over.tolist(), "obs": obs[:, 0, 0].tolist(), "refused": refused, "same": same,
    "loaded": mf.load("rope.npz").experiment.game == game, "returns": runs[0].returns.shape}))
