"""Numba: independent advantage actor-critics in a repeated 2 x 2 game with memory 1, one compiled function, one thread.

Fused by hand: softmax policies, draws, rollouts and updates are one loop over plain arrays. Policies are kept beside
the logits, and worked out again only where logits have moved. Uniforms come from xoshiro256++ written out in the loop.
The length of a rollout is a compile-time constant.
"""
import functools
import importlib.util
import math

import numpy as np

NAME = "Numba: IA2C in a repeated 2 x 2 game, one hand-fused compiled function, one thread"


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _compile(rollout):
    """The training loop of two agents with two actions, for one length of a rollout."""
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
    def loop(logits, values, payoffs, actor, critic, discount, entropy, seed, steps):
        policy = np.full((4, 2), 0.5)               # of action 0, of each row and agent
        for row in range(4):
            for i in range(2):
                policy[row, i] = 1.0 / (1.0 + math.exp(logits[row, i, 1] - logits[row, i, 0]))
        rows, chosen = np.empty(rollout + 1, np.int64), np.empty((rollout, 2), np.int64)
        s0, s1 = splitmix(u64(4 * seed + 1)), splitmix(u64(4 * seed + 2))
        s2, s3 = splitmix(u64(4 * seed + 3)), splitmix(u64(4 * seed + 4))
        rows[0] = 0
        for _ in range(steps // rollout):
            for t in range(rollout):
                for i in range(2):
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    chosen[t, i] = 1 if u >= policy[rows[t], i] else 0
                rows[t + 1] = 2 * chosen[t, 0] + chosen[t, 1]
            for i in range(2):
                target = values[rows[rollout], i]
                for k in range(rollout):
                    t = rollout - 1 - k
                    row, a = rows[t], chosen[t, i]
                    target = payoffs[rows[t + 1], i] + discount * target
                    p = policy[row, i]
                    advantage = target - values[row, i]
                    # Of the entropy: p (1 - p) log((1 - p) / p), for action 0; the other one's is its opposite.
                    slope = p * (1.0 - p) * (logits[row, i, 1] - logits[row, i, 0])
                    move = actor * (advantage * ((1.0 if a == 0 else 0.0) - p) + entropy * slope)
                    logits[row, i, 0] += move
                    logits[row, i, 1] -= move
                    values[row, i] += critic * advantage
                for k in range(rollout):
                    row = rows[k]
                    policy[row, i] = 1.0 / (1.0 + math.exp(logits[row, i, 1] - logits[row, i, 0]))
            rows[0] = rows[rollout]

    return loop


def warm_up():
    """Compile for rollouts of five steps."""
    train(10)


def train(steps, rollout=5, actor=0.1, critic=0.1, discount=0.95, entropy=0.01, seed=0,
          payoffs=((3.0, 3.0), (0.0, 5.0), (5.0, 0.0), (1.0, 1.0))):
    """Train two agents for so many steps.

    Parameters
    ----------
    steps, rollout : int
    actor, critic, discount, entropy : float
    seed : int
    payoffs : sequence
        Of both agents, by joint action.

    Returns
    -------
    float64 [4, 2, 2]
        Logits, by the last joint action, agent and action.
    """
    logits, values = np.zeros((4, 2, 2)), np.zeros((4, 2))
    _compile(rollout)(logits, values, np.array(payoffs), actor, critic, discount, entropy, seed, steps)
    return logits
