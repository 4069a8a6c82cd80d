"""Numba: Q-learning in a game given as arrays, one run after the other, in one compiled function, one thread.

Fused by hand: draws, choices, the game's step and updates are one loop over plain arrays. The joint action is a running
index, what comes next is found by bisection in running sums, and greedy actions are kept and looked for again only
where the value of one falls. Uniforms come from xoshiro256++ written out in the loop. The numbers of agents and of
their actions are compile-time constants.
"""
import functools
import importlib.util

import numpy as np

NAME = "Numba: a game given as arrays, one hand-fused compiled function, one thread"


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _compile(agents, actions):
    """The training loop for so many agents with so many actions each."""
    from numba import njit

    u64 = np.uint64
    golden, mix1, mix2 = u64(0x9E3779B97F4A7C15), u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)
    joint_actions = actions**agents

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
    def loop(q, greedy, sums, rewards, rate, discount, epsilon, seed, steps):
        states = sums.shape[1]
        chosen = np.empty(agents, np.int64)
        for r in range(len(q)):
            first = (u64(seed) << u64(32)) + u64(4 * r)
            s0, s1 = splitmix(first + u64(1)), splitmix(first + u64(2))
            s2, s3 = splitmix(first + u64(3)), splitmix(first + u64(4))
            scale = actions / epsilon if epsilon > 0.0 else 0.0
            state = 0
            for _ in range(steps):
                joint = 0
                for i in range(agents):
                    # One uniform is enough: below epsilon it is as likely to be anywhere there.
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    a = int(u * scale) if u < epsilon else greedy[r, state, i]
                    chosen[i] = a
                    joint = joint * actions + a
                cell = state * joint_actions + joint
                s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                low, n = 0, states
                while n > 1:
                    half = n >> 1
                    low += half if u >= sums[cell, low + half - 1] else 0
                    n -= half
                for i in range(agents):
                    a, best = chosen[i], greedy[r, state, i]
                    old = q[r, state, i, a]
                    value = old + rate * (rewards[cell, i] + discount * q[r, low, i, greedy[r, low, i]] - old)
                    q[r, state, i, a] = value
                    if a == best:
                        if value < old:
                            for b in range(actions):
                                if q[r, state, i, b] > q[r, state, i, best]:
                                    best = b
                            greedy[r, state, i] = best
                    elif value > q[r, state, i, best]:
                        greedy[r, state, i] = a
                state = low

    return loop


def warm_up():
    """Compile for three agents with three actions."""
    train(game(2), 10)


def game(states, agents=3, actions=3, seed=0):
    """A game whose successors and rewards are drawn: (probabilities [S, J, S], rewards [S, J, N])."""
    random = np.random.default_rng(seed)
    joint = actions**agents
    return random.dirichlet(np.full(states, 0.1), (states, joint)), random.normal(size=(states, joint, agents))


def train(given, steps, runs=1, actions=3, rate=0.1, discount=0.95, epsilon=0.1, seed=0):
    """Train independent Q-learners in a game without end.

    Parameters
    ----------
    given : tuple of ndarray
        As :func:`game` makes them.
    steps, runs, actions : int
    rate, discount, epsilon : float
    seed : int

    Returns
    -------
    float64 [R, S, N, A]
        Action values.
    """
    probabilities, rewards = given
    states, joint, agents = rewards.shape
    sums = np.ascontiguousarray(np.cumsum(probabilities, axis=2).reshape(states * joint, states))
    q, greedy = np.zeros((runs, states, agents, actions)), np.zeros((runs, states, agents), np.int64)
    paid = np.ascontiguousarray(rewards.reshape(-1, agents))
    _compile(agents, actions)(q, greedy, sums, paid, rate, discount, epsilon, seed, steps)
    return q
