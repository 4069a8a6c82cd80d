"""What is trained, here and by the programs to compare with."""
import importlib.util
from pathlib import Path

import marlfast as mf

ROOT = Path(__file__).resolve().parents[2]
AGENTS, STATE_SIZE, ACTIONS, HORIZON = 4, 2, 5, 100
LOW, HIGH, BINS = (-2.0, -4.0), (80.0, 4.0), (200, 40)


def experiment(episodes, runs=1, bins=BINS, record_every=1):
    """The training that every program here is timed on."""
    return mf.Experiment(
        mf.games.Drift(agents=AGENTS, state_size=STATE_SIZE, actions=ACTIONS, horizon=HORIZON),
        mf.IQL(learning_rate=0.1, discount=0.95, explore=mf.EpsilonGreedy(1.0, decay=0.995, minimum=0.05)),
        encoder=mf.Grid(LOW, HIGH, bins), rewards=mf.rewards.individual(),
        shaping=(mf.rewards.Diversity(0.2), mf.rewards.Redundancy(0.1)), episodes=episodes, runs=runs, seed=0,
        record_every=record_every)


def train(episodes, runs=1, threads=1, backend="cython"):
    """Train as the peers do. Returns the mean over agents of each episode's return, float64 [runs, episodes]."""
    return mf.train(experiment(episodes, runs), threads=threads, backend=backend).returns.mean(axis=2)


class Unavailable(Exception):
    """Why a row of the table cannot be measured here."""


def load_peer(name, root=None):
    """A program to compare with: the module ``benchmarks/peers/name.py`` of a checkout.

    Raises
    ------
    Unavailable
        Where there is no checkout, or what the program needs is not installed.
    """
    path = Path(root or ROOT) / "benchmarks" / "peers" / f"{name}.py"
    if not path.is_file():
        raise Unavailable(f"needs benchmarks/peers/{name}.py beside the package: run it from a checkout of the source")
    spec = importlib.util.spec_from_file_location(f"marlfast_peer_{name}", path)
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    if not peer.available():
        remedy = {"numba_fused": "numba is not installed: pip install 'marlfast[bench]'",
                  "own_games": "numba is not installed: pip install 'marlfast[bench]'",
                  **dict.fromkeys(("numba_calvano", "numba_markov", "numba_foraging", "numba_ia2c"),
                                  "numba is not installed: pip install 'marlfast[bench]'"),
                  "jax_vmap": "jax is not installed: pip install jax",
                  "openspiel_iql": "OpenSpiel is not installed: pip install open_spiel",
                  "pettingzoo_loop": "pettingzoo is not installed: pip install 'marlfast[pettingzoo]'",
                  "lbforaging_loop": "lbforaging is not installed: pip install lbforaging==2.0.0"}
        raise Unavailable(remedy.get(name, f"{name} cannot run here"))
    return peer
