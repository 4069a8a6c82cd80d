"""Games of one's own beside the same games of the package: full training, ratios of CPU time.

    python benchmarks/peers/own_games.py [--quick]

Each ratio is the median over pairs that were run in turn in one process. A game whose step is numba's should take
at most 1.3 times as long as the same game compiled here.
"""
import argparse
import importlib.util
import statistics
import time

import numpy as np

import marlfast as mf
from marlfast.games.own import CompiledGame, NumPyGame

TARGET = 1.3
PAYOFFS = np.array([[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]])


def available():
    return importlib.util.find_spec("numba") is not None


def drift_in_numba():
    """The game of :class:`marlfast.games.Drift`, as one would write it in numba."""
    import numba

    @numba.njit
    def start(parameters, state, uniforms, normals):
        for k in range(state.size):
            state[k] = normals[k]

    @numba.njit
    def step(parameters, state, actions, uniforms, normals, rewards):
        total = 0
        for k in range(state.size):
            state[k] += normals[k] * 0.1
        for action in actions:
            total += action
        state[0] += total * 0.05
        team = -abs(state[0])
        for i in range(rewards.size):
            rewards[i] = team + (0.1 if actions[i] < 2 else 0.0)
        return False

    return CompiledGame(step, start, agents=4, actions=5, state_size=2, step_normals=2, start_normals=2, horizon=100)


def climbing_in_numba():
    """The climbing game, as one would write it in numba."""
    import numba

    payoffs = PAYOFFS

    @numba.njit
    def start(parameters, state, uniforms, normals):
        state[0] = 0.0

    @numba.njit
    def step(parameters, state, actions, uniforms, normals, rewards):
        rewards[:] = payoffs[actions[0], actions[1]]
        return False

    return CompiledGame(step, start, agents=2, actions=3, state_size=1, observations=1, horizon=1)


def drift_in_numpy():
    """The same as :func:`drift_in_numba`, for many runs at once."""
    def step(state, actions, uniforms, normals):
        state += normals * 0.1
        state[:, 0] += actions.sum(axis=1) * 0.05
        return state, -np.abs(state[:, :1]) + 0.1 * (actions < 2), False

    return NumPyGame(step, lambda uniforms, normals: normals, agents=4, actions=5, state_size=2, step_normals=2,
                     start_normals=2, horizon=100)


def pairs():
    """(what, one's own game, the package's, encoder, runs, target) of every pair."""
    drift, climbing = mf.games.Drift(), mf.games.MatrixGame(PAYOFFS)
    yield "drift in numba", drift_in_numba(), drift, mf.Rounding(0), 1, TARGET
    yield "climbing game in numba", climbing_in_numba(), climbing, None, 1, TARGET
    yield "drift in NumPy", drift_in_numpy(), drift, mf.Rounding(0), 1, None
    yield "drift in NumPy", drift_in_numpy(), drift, mf.Rounding(0), 256, None


def train(game, encoder, steps, runs):
    """The same training for either side, in one thread."""
    mf.train(game, mf.IQL(), encoder=encoder, steps=steps, runs=runs, seed=0, threads=1, record_every=1000)


def seconds(game, encoder, steps, runs):
    """CPU time of one training."""
    begun = time.process_time()
    train(game, encoder, steps, runs)
    return time.process_time() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="rougher")
    quick = parser.parse_args().quick
    for what, ours, theirs, encoder, runs, target in pairs():
        steps = (100_000 if quick else 400_000) // (1 if target else 100)
        for game in (ours, theirs):     # compiled, checked and warm
            train(game, encoder, 1000, 1)
        ratios = []
        for k in range(5 if quick else 15):
            times = {game: seconds(game, encoder, steps, runs) for game in (
                (ours, theirs) if k % 2 else (theirs, ours))}
            ratios.append(times[ours] / times[theirs])
        median = statistics.median(ratios)
        said = f", target {target} {'met' if median <= target else 'MISSED'}" if target else ""
        print(f"{what} / compiled here, {runs} run{'s' * (runs > 1)}: {median:.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f}){said}", flush=True)


if __name__ == "__main__":
    main()
