"""JAX: ``vmap`` over runs, ``lax.scan`` over the steps of an episode, ``jit`` around it.

Shapes are static: every new combination of runs, agents, state variables, actions and grid compiles
again (a few seconds); any number of episodes reuses the same code. Values are float32, JAX's
default. Only many runs at a time pay: XLA on a CPU spends microseconds on every operation of a step.

An episode's random numbers are drawn at once, and actions are scaled uniforms: ``randint`` and the
"rbg" generator were slower on a CPU. A step gathers the values of one row per run and writes one
back; those of the row it leaves are carried along.
"""
import functools
import importlib.util

import numpy as np

NAME = "JAX: vmap over runs, scan over steps, dense grid, float32"


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("jax") is not None and importlib.util.find_spec("jaxlib") is not None


@functools.cache
def _compile(runs, agents, state_size, actions, low, high, bins, horizon=100):
    """The function that trains all runs for one episode."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    origin = np.array(low, np.float32)
    scale = np.array(bins, np.float32) / (np.array(high, np.float32) - origin)
    last = np.array(bins, np.int32) - 1
    strides = np.array([np.prod(bins[d + 1:], dtype=np.int32) for d in range(state_size)], np.int32)

    def encode(state):
        """Grid row of a state; the outer bins are open."""
        return (jnp.clip(jnp.floor((state - origin) * scale), 0, last).astype(jnp.int32) * strides).sum()

    def step(q, state, row, here, epsilon, u, random_action, z):
        """One step of one run; ``here`` is ``q[row]``."""
        chosen = jnp.where(u < epsilon, random_action, jnp.argmax(here, axis=1))
        state = (state + 0.1 * z).at[0].add(0.05 * chosen.sum())
        next_row = encode(state)
        there = q[next_row]

        hot = chosen[:, None] == jnp.arange(actions)
        distinct = hot.any(axis=0).sum()
        raw = -jnp.abs(state[0]) + jnp.where(chosen < actions // 2, 0.1, 0.0)
        reward = raw + 0.2 * distinct / agents - 0.1 * (agents - distinct)
        target = reward + 0.95 * there.max(axis=1)
        updated = jnp.where(hot, here + 0.1 * (target[:, None] - here), here)
        q = q.at[row].set(updated)
        # Gathered before the update: stale where the state has not left its cell.
        there = jnp.where(next_row == row, updated, there)
        return q, state, next_row, there, raw.mean()

    all_runs = jax.vmap(step, in_axes=(0, 0, 0, 0, None, 0, 0, 0))

    @functools.partial(jax.jit, donate_argnums=0)
    def episode(q, key, number, epsilon):
        keys = jax.random.split(jax.random.fold_in(key, number), 4)
        state = jax.random.normal(keys[0], (runs, state_size))
        z = jax.random.normal(keys[1], (horizon, runs, state_size))
        u = jax.random.uniform(keys[2], (horizon, runs, agents))
        random_actions = (jax.random.uniform(keys[3], (horizon, runs, agents)) * actions).astype(jnp.int32)
        row = jax.vmap(encode)(state)
        here = q[jnp.arange(runs), row]

        def body(carry, draws):
            *carry, raw = all_runs(*carry, epsilon, *draws)
            return tuple(carry), raw

        (q, *_), raw = lax.scan(body, (q, state, row, here), (u, random_actions, z))
        return q, raw.sum(axis=0)

    return episode


def warm_up(**shapes):
    """Compile for the default shapes, or for those given: the arguments of ``train`` without ``episodes``."""
    train(1, **shapes)


def train(episodes, runs=256, agents=4, state_size=2, actions=5, low=(-2.0, -4.0), high=(80.0, 4.0), bins=(200, 40),
          seed=0):
    """Train independent Q-learners on the drift game, all runs at the same time.

    Parameters
    ----------
    episodes, runs, agents, state_size, actions : int
    low, high, bins : tuple
        The grid: one entry per state variable.
    seed : int

    Returns
    -------
    float64 [runs, episodes]
        Unshaped team return of each episode: the mean over agents.
    """
    if not len(low) == len(high) == len(bins) == state_size:
        raise ValueError(f"low, high, bins: expected one entry for each of the {state_size} state variables")
    import jax
    import jax.numpy as jnp

    # With a single run XLA's CPU compiler copies the whole table at every step: two are faster by far.
    batch = max(runs, 2)
    episode = _compile(batch, agents, state_size, actions, tuple(low), tuple(high), tuple(bins))
    q = jnp.zeros((batch, int(np.prod(bins)), agents, actions), jnp.float32)
    key = jax.random.key(seed)
    returns = []
    epsilon = 1.0
    for number in range(episodes):
        q, total = episode(q, key, number, epsilon)
        returns.append(total)
        epsilon = max(epsilon * 0.995, 0.05)
    return np.stack(returns, axis=1).astype(np.float64)[:runs]
