"""Whole training beside the programs of ``peers/`` and beside the NumPy reference: see README.md.

Within a group every program trains as many runs for as many episodes, set-up included. ``marlfast bench``
measures the same pairs in turn, which is less disturbed by what else the machine does.
"""
import numpy as np
import pytest

from marlfast.bench import peers

# group: (episodes, runs, programs). Slow programs meet the fast ones on little work only.
GROUPS = {
    "20 episodes of 1 run": (20, 1, ("marlfast", "numpy", "seed_style", "numba_fused")),
    "5000 episodes of 1 run": (5000, 1, ("marlfast", "numba_fused")),
    "1000 episodes of 8 runs": (1000, 8, ("marlfast", "numba_fused", "jax_vmap")),
    "10 episodes of 256 runs": (10, 256, ("marlfast", "numpy", "numba_fused", "jax_vmap")),
}


def program(name):
    """Its ``train(episodes, runs)``, and what compiles it."""
    if name == "marlfast":
        return peers.train, lambda **shapes: None
    if name == "numpy":
        return lambda episodes, runs: peers.train(episodes, runs, backend="numpy"), lambda **shapes: None
    try:
        peer = peers.load_peer(name)
    except peers.Unavailable as reason:
        pytest.skip(str(reason))
    return peer.train, peer.warm_up


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, (*_, names) in GROUPS.items() for name in names])
def test_training(benchmark, group, name):
    episodes, runs, _ = GROUPS[group]
    train, warm_up = program(name)
    warm_up(runs=runs)
    benchmark.group = f"training: {group}"
    returns = benchmark.pedantic(train, args=(episodes, runs), rounds=3, warmup_rounds=0)
    assert returns.shape == (runs, episodes) and np.isfinite(returns).all()
    benchmark.extra_info["agent_steps"] = episodes * runs * peers.HORIZON * peers.AGENTS
