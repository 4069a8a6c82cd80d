"""Sweeps as 0.1 left them: makes ``sweeps.tar.xz``, which is never made again.

Run with marlfast 0.1.0, as ``PYTHONPATH=.:tests/from_0_1 python -c "import make_sweeps; make_sweeps.main(FOLDER)"``.
``whole`` was finished; ``part`` is the same sweep, stopped after some of its chunks; ``shards`` are its two halves, one
of them finished; ``growing`` has a table that grows, other numbers of agents, and results of its runs.
"""
import tarfile
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast.sweeps import engines

GAME, LEARNER = mf.games.PrisonersDilemma(memory=1, horizon=10), mf.IQL(explore=mf.EpsilonGreedy(0.1))
OVER = {"learner.learning_rate": [0.1, 0.2, 0.5], "game.temptation": [4.0, 5.0]}


def measure(result):
    """Of every run: a number, whether it is great, and a word."""
    first = result.q[:, 0, 0, 0]
    return {"first": first, "great": first > 1.0, "word": np.where(first > 1.0, "great", "small")}


def sweep(out, **options):
    return mf.sweep(GAME, LEARNER, **{
        "over": OVER, "seeds": [7, 8, 9], "steps": 200, "out": out, "engine": "threads", "workers": 1,
        "measure": measure, "bins": 8, "chunk_seconds": 0.0001} | options)


def main(folder):
    folder = Path(folder)
    sweep(folder / "whole")
    genuine, left = engines.work, [6]

    def work(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return genuine(*arguments, **options)

    sweep(folder / "shards", shard="1/2")
    engines.work = work
    for options in ({"out": folder / "part"}, {"out": folder / "shards", "shard": "2/2"}):
        left[0] = 6
        try:
            sweep(**options)
        except KeyboardInterrupt:
            pass
    engines.work = genuine
    mf.sweep(mf.games.Drift(horizon=9, state_size=1, actions=3), mf.IQL(), encoder=mf.Rounding(0), seeds=[1, 2],
             over={"game.agents": [2, 3], "learner.discount": [0.0, 0.9]}, steps=60, out=folder / "growing", workers=1,
             keep="results")
    with tarfile.open(folder / "sweeps.tar.xz", "w:xz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in (".lock", "log.jsonl", "sweeps.tar.xz"):
                archive.add(path, str(path.relative_to(folder)))
