"""Numba: the whole training loop fused by hand into one compiled function, one thread.

The numbers of agents, of state variables and of actions are compile-time constants (a quarter
faster than reading them from the arrays' shapes), so each combination compiles once. Distinct
actions are counted in a bit mask.

Draws: uniforms from xoshiro256++ written out in the loop, normals from a ``numpy.random.Generator``
(a ziggurat), which Numba can call. The same loop with other draws, relative to this one's speed:

- ``np.random.random`` and ``np.random.standard_normal`` inside the function: 0.33
- xoshiro256++ and Box-Muller normals: 0.56; Marsaglia's polar method: 0.86
- the ``Generator`` for uniforms as well: 0.94
- xoshiro256++ and a ziggurat written out here: 1.07, but on tables that are private to Numba; not used
"""
import functools
import importlib.util
import math

import numpy as np

NAME = "Numba: one hand-fused compiled function, dense grid, one thread"


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _compile(agents, state_size, actions):
    """The training loop for one number of agents, state variables and actions."""
    from numba import njit

    u64 = np.uint64
    golden, mix1, mix2 = u64(0x9E3779B97F4A7C15), u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)

    @njit(inline="always")
    def splitmix(counter):
        """Scramble a counter; fills the state of the other generator."""
        x = counter * golden
        x = (x ^ (x >> u64(30))) * mix1
        x = (x ^ (x >> u64(27))) * mix2
        return x ^ (x >> u64(31))

    @njit(inline="always")
    def uniform(s0, s1, s2, s3):
        """xoshiro256++ (Blackman, Vigna); its state stays in four registers."""
        x = s0 + s3
        bits = ((x << u64(23)) | (x >> u64(41))) + s0
        t = s1 << u64(17)
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = (s3 << u64(45)) | (s3 >> u64(19))
        return s0, s1, s2, s3, (bits >> u64(11)) * 2.0**-53

    @njit(inline="always")
    def encode(state, low, scale, bins):
        """Grid row of a state; the outer bins are open."""
        row = 0
        for d in range(state_size):
            k = int(math.floor((state[d] - low[d]) * scale[d]))
            row = row * bins[d] + min(max(k, 0), bins[d] - 1)
        return row

    @njit(nogil=True, cache=False, error_model="numpy")
    def loop(q, returns, low, scale, bins, horizon, seed, rng):
        runs, episodes = returns.shape
        state = np.empty(state_size)
        chosen = np.empty(agents, np.int64)
        for r in range(runs):
            first = (u64(seed) << u64(32)) + u64(4 * r)
            s0, s1 = splitmix(first + u64(1)), splitmix(first + u64(2))
            s2, s3 = splitmix(first + u64(3)), splitmix(first + u64(4))
            epsilon = 1.0
            for e in range(episodes):
                for d in range(state_size):
                    state[d] = rng.standard_normal()
                row = encode(state, low, scale, bins)
                total = 0.0
                for _ in range(horizon):
                    here = q[r, row]
                    push = 0
                    mask = 0
                    for i in range(agents):
                        s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                        if u < epsilon:
                            s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                            a = int(u * actions)
                        else:
                            a = 0
                            best = here[i, 0]
                            for b in range(1, actions):
                                if here[i, b] > best:
                                    best = here[i, b]
                                    a = b
                        chosen[i] = a
                        push += a
                        mask |= 1 << a

                    for d in range(state_size):
                        state[d] += 0.1 * rng.standard_normal()
                    state[0] += 0.05 * push
                    next_row = encode(state, low, scale, bins)

                    distinct = 0
                    for b in range(actions):
                        distinct += (mask >> b) & 1
                    team = -abs(state[0])
                    shaping = 0.2 * distinct / agents - 0.1 * (agents - distinct)
                    there = q[r, next_row]
                    bonuses = 0.0
                    for i in range(agents):
                        a = chosen[i]
                        bonus = 0.1 if a < actions // 2 else 0.0
                        bonuses += bonus
                        best = there[i, 0]
                        for b in range(1, actions):
                            best = max(best, there[i, b])
                        here[i, a] += 0.1 * (team + bonus + shaping + 0.95 * best - here[i, a])
                    total += team + bonuses / agents
                    row = next_row
                returns[r, e] = total
                epsilon = max(epsilon * 0.995, 0.05)

    return loop


def warm_up(**shapes):
    """Compile for the default numbers of agents, state variables and actions, or for those given."""
    train(1, **shapes)


def train(episodes, runs=1, agents=4, state_size=2, actions=5, low=(-2.0, -4.0), high=(80.0, 4.0), bins=(200, 40),
          seed=0):
    """Train independent Q-learners on the drift game, one run after the other.

    Parameters
    ----------
    episodes, runs, agents, state_size, actions : int
        At most 63 actions.
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
    if actions > 63:
        raise ValueError(f"actions: expected at most 63, got {actions}")
    low, high, bins = np.array(low, float), np.array(high, float), np.array(bins, np.int64)
    q = np.zeros((runs, int(bins.prod()), agents, actions))
    returns = np.zeros((runs, episodes))
    _compile(agents, state_size, actions)(q, returns, low, bins / (high - low), bins, 100, seed,
                                          np.random.default_rng(seed))
    return returns
