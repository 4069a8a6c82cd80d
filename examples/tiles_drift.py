"""Tile coding against grids in the drift game with four state variables, of which one matters.

Every encoder has at most ``MAX_ROWS`` rows, learns by IQL for the same number of episodes, and gets the learning rate
that is best for it among ``RATES`` (found with other seeds than the ones that are reported). What is reported is the
team's return of the greedy policies, the mean of the agents' returns, over 20 new episodes of each of 32 runs.

    python examples/tiles_drift.py [image.svg]
"""
import sys
from pathlib import Path

import numpy as np

import marlfast as mf

GAME = mf.games.Drift(agents=4, state_size=4)
MAX_ROWS, EPISODES, RUNS, PILOT = 1296, 1000, 32, 8
RATES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
RANGES = ((-2.0, 2.0), (-2.0, 6.0), (-3.0, 13.0))
EACH_ALONE = ((0,), (1,), (2,), (3,))


def grids():
    """Grids that look at all variables alike, finer at the first, or at the first alone; {what they are: grids}."""
    alike = [(b, b, b, b) for b in (2, 3, 4, 5, 6)]
    finer = [(b, 2, 2, 2) for b in (6, 12, 25, 50, 100, 162)] + [(b, 3, 3, 3) for b in (6, 12, 24, 48)]
    first = [(b, 1, 1, 1) for b in (4, 8, 12, 16, 24, 32, 48, 64, 128, 256, 1296)]
    return {what: [mf.Grid(low, high, bins) for low, high in RANGES for bins in some]
            for what, some in (("grid, all variables alike", alike), ("grid, finer at the first", finer),
                               ("grid, the first alone", first))}


def tiles():
    """Tilings over all variables together, over each alone, and over the first alone."""
    together = [(4, (3, 3, 3, 3)), (4, (4, 4, 4, 4)), (16, (3, 3, 3, 3)), (16, (10, 2, 2, 2)), (8, (20, 2, 2, 2))]
    return {
        "tiles, all variables together": [mf.Tiles(n, *ends, bins) for ends in RANGES for n, bins in together],
        "tiles, each variable alone": [mf.Tiles(n, *ends, bins, EACH_ALONE) for ends in RANGES for n, bins in (
            (4, 8), (8, 4), (8, 8), (8, 16), (16, 16))],
        "tiles, the first alone": [mf.Tiles(n, *ends, bins, ((0,),)) for ends in RANGES for n, bins in (
            (4, 8), (8, 4), (8, 8), (8, 16), (16, 16))]}


def scores(encoder, rates, runs, seed):
    """Team return of the greedy policies for each rate and run: float64 [rates, runs]."""
    result = mf.train(GAME, mf.IQL(learning_rate=np.repeat(rates, runs)), encoder=encoder, episodes=EPISODES,
                      runs=len(rates) * runs, seed=seed, record_every=0)
    returns = mf.evaluate(GAME, result, episodes=20, seed=seed).returns
    return returns.mean(axis=(1, 2)).reshape(len(rates), runs)


def best_of(encoders):
    """Of some encoders the one that is best with its best learning rate, that rate, and its scores with new seeds."""
    found = []
    for encoder in encoders:
        assert encoder.rows(GAME) <= MAX_ROWS
        means = scores(encoder, RATES, PILOT, seed=1).mean(axis=1)
        found.append((means.max(), RATES[int(means.argmax())], encoder))
        print(f"    {means.max():8.2f} at {found[-1][1]:4} {encoder}", flush=True)
    _, rate, encoder = max(found, key=lambda one: one[0])
    return encoder, rate, scores(encoder, (rate,), RUNS, seed=2)[0]


def main():
    found = {what: best_of(encoders) for what, encoders in (grids() | tiles()).items()}
    print(f"{'best of each kind':32} {'rows':>5} {'rate':>5} {'team return':>12} {'standard error':>15}")
    for what, (encoder, rate, values) in found.items():
        error = values.std(ddof=1) / np.sqrt(len(values))
        print(f"{what:32} {encoder.rows(GAME):5} {rate:5} {values.mean():12.2f} {error:15.2f}   {encoder}")
    if len(sys.argv) > 1:
        draw(found, sys.argv[1])


def draw(found, path):
    """The best of each kind, with standard errors, on light and on dark (``-dark`` in the name)."""
    from marlfast.plotting import style

    path = Path(path)
    for tone, ending in (("light", ""), ("dark", "-dark")):
        with style.look(tone):
            figure = style.figure((6.4, 2.8), "a comparison")
            axes = figure.subplots()
            for y, (_, _, values) in enumerate(found.values()):
                axes.errorbar(values.mean(), -y, xerr=values.std(ddof=1) / np.sqrt(len(values)), fmt="o", capsize=3,
                              color=style.shade(0 if y < 3 else 1))
            axes.set_yticks([-y for y in range(len(found))], list(found))
            style.labels(axes, x="team return of the greedy policies (32 runs, standard errors)")
            style.quiet(axes, grid="x")
            figure.savefig(path.with_name(f"{path.stem}{ending}{path.suffix}"))


if __name__ == "__main__":
    main()
