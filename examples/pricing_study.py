"""Algorithmic pricing: profit gains over learning and exploration rates, prices, and the answer to a deviation.

The figures of E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing,
and collusion" (American Economic Review 110, 2020), drawn again: two Q-learning firms set prices in a logit market,
over a grid of learning rates (alpha) and of how fast exploration falls (beta). One command, under half an hour on two
cores:

    python examples/pricing_study.py pricing
    python examples/pricing_study.py pricing --points 4 --sessions 20       # a look, in a minute or two

Stopped at any moment, the same command goes on where it was. The folder then has the figures as PDF and PNG, and
``grid/table.csv`` with a row for each session.
"""
import argparse
from pathlib import Path

import numpy as np

import marlfast as mf
from marlfast import analysis, plotting
from marlfast.reproduce import Calvano2020

ALPHA, BETA = (0.025, 0.25), (2e-6, 2e-5)       # lowest and highest, as in the paper's grid


def grid(study, points, sessions, out):
    """Train ``sessions`` pairs of firms at each of ``points`` x ``points`` combinations."""
    over = {"alpha": np.linspace(*ALPHA, points).round(6), "beta": np.linspace(*BETA, points).round(12)}
    return mf.sweep(study, over=over, seeds=sessions, seed=0, out=out)


def recovery(found):
    """Of each run the first period from which all prices are those of before for good; NaN where they never are."""
    away = (np.abs(found.actions - found.before_actions[:, None]) > 1e-9).any(axis=2)       # [runs, periods]
    last = np.where(away.any(axis=1), away.shape[1] - 1 - away[:, ::-1].argmax(axis=1), -1)
    return np.where(found.back, last + 2.0, np.nan)         # periods count from 1, the first of which deviates


def described(study, result):
    """Check what the paper says of deviations; returns its numbers by name."""
    game = study.game
    found = analysis.deviation(game, result, agent=0, length=25, numbers=game.prices)
    deviates = np.abs(found.actions[:, 0, 0] - found.before_actions[:, 0]) > 1e-9
    if not deviates.any():
        return {"runs in which the static best reply is another price": 0.0}
    at_once = (found.rewards[:, 0, 0] - found.before_rewards[:, 0])[deviates]
    return {
        "runs in which the static best reply is another price": deviates.mean(),
        "of these, profit rises in the period of the deviation": (at_once > 0).mean(),
        "of these, the deviation pays in the long run": (found.gain(study.discount)[deviates, 0] > 0).mean(),
        "of these, the rival cuts its price in the next period":
            (found.actions[deviates, 1, 1] < found.before_actions[deviates, 1] - 1e-9).mean(),
        "of these, prices are back within 7 periods": (recovery(found)[deviates] <= 7 + 1).mean(),
        "of these, prices are back within 25 periods": np.isfinite(recovery(found)[deviates]).mean(),
        "periods until prices are back, median": np.nanmedian(recovery(found)[deviates]) - 1,
    }


def main(folder="pricing", points=10, sessions=100, study=None):
    """Train, draw and check; returns what was checked."""
    folder, study = Path(folder), Calvano2020() if study is None else study
    folder.mkdir(parents=True, exist_ok=True)
    swept = grid(study, points, sessions, folder / "grid")
    baseline = study.train(runs=sessions, seed=0)
    game, cycles = study.game, analysis.limit_cycles(study.game, baseline)
    pictures = {
        "1-profit-gain": plotting.heat_map(swept, "beta", "alpha", "profit_gain", title="Profit gain"),
        "2-nash-on-path": plotting.heat_map(swept, "beta", "alpha", "nash_on_path", statistic="mean", best=False,
                                            title="Share of sessions in equilibrium on the path"),
        "3-prices": plotting.distribution(baseline, "price"),
        "4-deviation-prices": plotting.impulse_response(game, baseline, runs=False),
        "5-deviation-profits": plotting.impulse_response(game, baseline, what="rewards"),
        "6-cycles": plotting.cycle_diagram(cycles, numbers=game.prices, name="price"),
    }
    for name, ax in pictures.items():
        for ending in ("pdf", "png"):
            ax.figure.savefig(folder / f"{name}.{ending}", dpi=200)
    found = described(study, baseline)
    gains = game.profit_gain(cycles.mean_rewards).mean(axis=1)
    print(f"{sessions} sessions at alpha {study.alpha}, beta {study.beta}: profit gain {gains.mean():.3f} "
          f"(standard deviation {gains.std(ddof=1):.3f})")
    for what, value in found.items():
        print(f"{what}: {value:.3g}")
    table = swept.table()
    low, high = (f(table["profit_gain"]) for f in (np.nanmin, np.nanmax))
    print(f"{len(table['point'])} sessions on the grid: profit gains from {low:.2f} to {high:.2f}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="pricing")
    parser.add_argument("--points", type=int, default=10, help="values of alpha, and of beta")
    parser.add_argument("--sessions", type=int, default=100, help="of each point")
    main(**vars(parser.parse_args()))
