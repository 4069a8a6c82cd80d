"""Draws from outside: each asked for once, in order, by generators that cannot go back."""
import numpy as np
import pytest
from training_helpers import assert_same

import marlfast as mf

GAME = mf.games.Drift(agents=2, horizon=7)
LEARNER = mf.IQL(explore=mf.EpsilonGreedy(0.5))
K = {"explore": (2, 1), "dynamics": (GAME.kernel("numpy").step_uniforms + GAME.kernel("numpy").step_normals,),
     "start": (GAME.kernel("numpy").start_uniforms + GAME.kernel("numpy").start_normals,)}


class Once:
    """One generator a run that gives uniforms in order, and notes who asked for what."""

    def __init__(self, name, first=0):
        self.shape, self.first, self.next, self.generators, self.asked = K[name], first, {}, {}, 0

    def __call__(self, run, first, n):
        generator = self.generators.setdefault(run, np.random.default_rng(run))
        begin = self.next.setdefault(run, first)
        assert first == begin and n > 0                 # never a record twice, never one left out
        self.next[run] = first + n
        self.asked += n
        return generator.random((n, *self.shape))


def supplied(first=0):
    return {name: Once(name, first) for name, shape in K.items() if shape[-1]}


@pytest.mark.parametrize("backend", ["cython", "numpy"])
@pytest.mark.parametrize("options", [
    {"encoder": mf.Rounding(1), "steps": 60}, {"encoder": mf.Rounding(0), "episodes": 9, "record_every": 1},
    {"encoder": mf.Rounding(0), "steps": 200, "stop": mf.stop.GreedyStable(3)}], ids=["growth", "records", "stops"])
def test_generators_that_cannot_go_back(backend, options):
    """Growing encoders, records that are full and runs that stop, in blocks of any size: the same numbers."""
    runs = [mf.train(GAME, LEARNER, runs=3, seed=1, draws=supplied(), block=block, threads=1, backend=backend,
                     **options)
            for block in (1, 7, None)]
    assert_same(runs[0], runs[1])
    assert_same(runs[0], runs[2])


def test_a_resumed_training_asks_from_where_it_is():
    part = mf.train(GAME, LEARNER, encoder=mf.Rounding(0), runs=2, seed=1, steps=10, draws=supplied(), threads=1)
    draws = supplied()
    noted = []
    real = draws["explore"].__call__
    mf.train(resume=part, steps=5, threads=1,
             draws=draws | {"explore": lambda run, first, n: noted.append((run, first)) or real(run, first, n)})
    assert sorted({run: first for run, first in reversed(noted)}.items()) == [(0, 10), (1, 10)]
