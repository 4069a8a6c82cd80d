"""Numba: firms that set prices by Q-learning, one run after the other, in one compiled function, one thread.

The learning of Calvano, Calzolari, Denicolo and Pastorello (2020), fused by hand: draws, choices, updates and the rule
that stops a run are one loop over plain arrays. Greedy prices are kept and looked for again only where the value of one
falls. Uniforms come from xoshiro256++ written out in the loop. The numbers of prices and of firms are compile-time
constants.
"""
import functools
import importlib.util
import math

import numpy as np

NAME = "Numba: pricing by Q-learning, one hand-fused compiled function, one thread"


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _compile(actions):
    """The training loop of two firms for one number of prices."""
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

    @njit(nogil=True, cache=False, error_model="numpy")
    def loop(q, greedy, profits, initial, rate, discount, decay, stable, most, seed, states, periods):
        chosen = np.empty(2, np.int64)
        for r in range(len(periods)):
            first = (u64(seed) << u64(32)) + u64(4 * r)
            s0, s1 = splitmix(first + u64(1)), splitmix(first + u64(2))
            s2, s3 = splitmix(first + u64(3)), splitmix(first + u64(4))
            for s in range(actions * actions):
                for i in range(2):
                    best = 0
                    for a in range(actions):
                        q[r, s, i, a] = initial[i, a]
                        if initial[i, a] > initial[i, best]:
                            best = a
                    greedy[r, s, i] = best
            s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
            state = int(u * (actions * actions))
            epsilon, unchanged, period = 1.0, 0, 0
            while period < most and unchanged < stable:
                for i in range(2):
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    if u <= epsilon:
                        s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                        chosen[i] = int(u * actions)
                    else:
                        chosen[i] = greedy[r, state, i]
                epsilon *= decay
                joint = actions * chosen[0] + chosen[1]
                unchanged += 1
                for i in range(2):
                    a, best = chosen[i], greedy[r, state, i]
                    old = q[r, state, i, a]
                    value = old + rate * (profits[joint, i] + discount * q[r, joint, i, greedy[r, joint, i]] - old)
                    q[r, state, i, a] = value
                    now = best
                    if a == best:
                        if value < old:
                            now = 0
                            most_worth = q[r, state, i, 0]
                            for b in range(1, actions):
                                if q[r, state, i, b] > most_worth:
                                    most_worth = q[r, state, i, b]
                                    now = b
                    elif value > q[r, state, i, best] or (value == q[r, state, i, best] and a < best):
                        now = a
                    if now != best:
                        greedy[r, state, i] = now
                        unchanged = 0
                state = joint
                period += 1
            states[r], periods[r] = state, period

    return loop


def warm_up():
    """Compile for 15 prices."""
    train(1, most=10)


def train(runs=1, seed=0, actions=15, rate=0.15, discount=0.95, decay=4e-6, stable=100_000, most=10**9):
    """Train two firms in each run until their greedy prices are stable.

    Parameters
    ----------
    runs, seed : int
    actions : int
        Prices of each firm.
    rate, discount, decay : float
        A firm explores with probability ``exp(-decay * t)`` in period t.
    stable, most : int
        A run is over when no greedy price has changed for ``stable`` periods, or after ``most``.

    Returns
    -------
    periods : int64 [runs]
    gain : float64 [runs]
        Profit gain of both firms, over the limit cycle of their greedy prices.
    """
    profits, nash, monopoly = _market(actions)
    table = profits.reshape(actions, actions, 2)
    initial = np.stack([table[:, :, 0].mean(axis=1), table[:, :, 1].mean(axis=0)]) / (1.0 - discount)
    q, greedy = np.zeros((runs, actions**2, 2, actions)), np.zeros((runs, actions**2, 2), np.int64)
    states, periods = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
    _compile(actions)(q, greedy, profits, initial, rate, discount, math.exp(-decay), stable, most, seed, states,
                      periods)
    gain = np.array([_gain(greedy[r, :, 0] * actions + greedy[r, :, 1], states[r], profits) for r in range(runs)])
    return periods, (gain - nash) / (monopoly - nash)


def _market(actions, nash=1.47293, monopoly=1.92498, margin=0.1):
    """Profits of every pair of prices, float64 [actions**2, 2], and of one firm in equilibrium and in monopoly."""
    def profit(own, other):
        weight = np.exp((2.0 - own) / 0.25)
        return (own - 1.0) * weight / (weight + np.exp((2.0 - other) / 0.25) + 1.0)

    beyond = margin * (monopoly - nash)
    prices = np.linspace(nash - beyond, monopoly + beyond, actions)
    own = profit(prices[:, None], prices[None, :])
    profits = np.ascontiguousarray(np.stack([own, own.T], axis=2).reshape(-1, 2))
    return profits, profit(nash, nash), profit(monopoly, monopoly)


def _gain(following, state, profits):
    """Mean profit over the cycle that a path of pairs of prices ends in."""
    for _ in range(len(following)):
        state = following[state]
    first, earned = state, []
    while not earned or state != first:
        state = following[state]
        earned.append(profits[state].mean())
    return np.mean(earned)
