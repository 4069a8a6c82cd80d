import numpy as np
from forgetting import ForgettingQ

import marlfast as mf

game = mf.games.Climbing(horizon=0)
for fade in (0.0, 0.01, 1.0):
    run = mf.train(game, ForgettingQ(discount=0.9, fade=fade), steps=20_000, runs=100, seed=0)
    best = np.mean([run.policy(r)(0).tolist() == [0, 0] for r in range(100)])
    print(f"fade {fade}: {best:.0%} of 100 pairs find the best joint action")
