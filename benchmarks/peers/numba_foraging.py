"""Numba: level-based foraging with Q-learning over hashed observations, in one compiled function, one thread.

Two players and two foods on a small board, as ``LevelForaging`` plays it: who moves into whom stays, who loads beside a
food loads it together if their levels are enough. Every player sees the whole board: its observation is one 64-bit key,
found in a hash table with open addressing that holds the row of its table. Fused by hand: draws, moves, loading, keys,
look-ups and updates are one loop over plain arrays; the greatest value of a row is looked for where it is needed.
"""
import functools
import importlib.util

import numpy as np

NAME = "Numba: foraging with hashed observations, one hand-fused compiled function, one thread"
PLAYERS, FOODS, ACTIONS = 2, 2, 6


def available():
    """Whether this peer can run here."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def _compile(size):
    """The training loop for one size of the board."""
    from numba import njit

    u64 = np.uint64
    golden, mix1, mix2 = u64(0x9E3779B97F4A7C15), u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)

    @njit(inline="always")
    def splitmix(counter):
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
    def row_of(key, keys, rows, used, mask):
        """The row of a key, a new one where it was never seen: (row, rows in use)."""
        slot = np.int64(splitmix(key) & u64(mask))
        while rows[slot] >= 0:
            if keys[slot] == key:
                return rows[slot], used
            slot = (slot + 1) & mask
        keys[slot] = key
        rows[slot] = used
        return used, used + 1

    @njit(nogil=True, cache=False, error_model="numpy")
    def loop(q, keys, rows, returns, horizon, rate, discount, start, decay, least, seed):
        mask, used = len(rows) - 1, 0
        place, level = np.empty((PLAYERS, 2), np.int64), np.empty(PLAYERS, np.int64)
        food, food_level = np.empty((FOODS, 2), np.int64), np.empty(FOODS, np.int64)
        want, blocked = np.empty((PLAYERS, 2), np.int64), np.empty(PLAYERS, np.bool_)
        chosen, row, reward = np.empty(PLAYERS, np.int64), np.empty(PLAYERS, np.int64), np.empty(PLAYERS)
        s0, s1 = splitmix(u64(4 * seed + 1)), splitmix(u64(4 * seed + 2))
        s2, s3 = splitmix(u64(4 * seed + 3)), splitmix(u64(4 * seed + 4))
        epsilon = start
        for e in range(len(returns)):
            for i in range(PLAYERS):
                s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                level[i] = 1 + int(u * 2)
            for k in range(FOODS):      # away from the edges and from each other
                while True:
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    food[k, 0] = 1 + int(u * (size - 2))
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    food[k, 1] = 1 + int(u * (size - 2))
                    free = True
                    for other in range(k):
                        free &= abs(food[k, 0] - food[other, 0]) + abs(food[k, 1] - food[other, 1]) > 1
                    if free:
                        break
                s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                food_level[k] = 1 + int(u * (level[0] + level[1]))
            for i in range(PLAYERS):
                while True:
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    place[i, 0] = int(u * size)
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    place[i, 1] = int(u * size)
                    free = True
                    for k in range(FOODS):
                        free &= place[i, 0] != food[k, 0] or place[i, 1] != food[k, 1]
                    for other in range(i):
                        free &= place[i, 0] != place[other, 0] or place[i, 1] != place[other, 1]
                    if free:
                        break
            worth = food_level.sum()
            total, left = 0.0, FOODS
            for i in range(PLAYERS):
                key = u64(0)
                for k in range(FOODS):
                    key = key * u64(4096) + u64((food[k, 0] * 16 + food[k, 1]) * 16 + food_level[k])
                for j in range(PLAYERS):
                    p = (i + j) % PLAYERS
                    key = key * u64(1024) + u64((place[p, 0] * 16 + place[p, 1]) * 4 + level[p])
                row[i], used = row_of(key, keys, rows, used, mask)
            for _ in range(horizon):
                for i in range(PLAYERS):
                    s0, s1, s2, s3, u = uniform(s0, s1, s2, s3)
                    if u < epsilon:
                        chosen[i] = min(int(u / epsilon * ACTIONS), ACTIONS - 1)
                    else:
                        a = 0
                        for b in range(1, ACTIONS):
                            if q[i, row[i], b] > q[i, row[i], a]:
                                a = b
                        chosen[i] = a
                for i in range(PLAYERS):    # 0 nothing, 1 north, 2 south, 3 west, 4 east, 5 load
                    a = chosen[i]
                    want[i, 0] = place[i, 0] + (1 if a == 2 else 0) - (1 if a == 1 else 0)
                    want[i, 1] = place[i, 1] + (1 if a == 4 else 0) - (1 if a == 3 else 0)
                    stays = want[i, 0] < 0 or want[i, 0] >= size or want[i, 1] < 0 or want[i, 1] >= size
                    for k in range(FOODS):
                        stays |= food_level[k] > 0 and want[i, 0] == food[k, 0] and want[i, 1] == food[k, 1]
                    if stays:
                        want[i, 0], want[i, 1] = place[i, 0], place[i, 1]
                    reward[i] = 0.0
                if want[0, 0] != want[1, 0] or want[0, 1] != want[1, 1]:
                    for i in range(PLAYERS):
                        place[i, 0], place[i, 1] = want[i, 0], want[i, 1]
                for k in range(FOODS):
                    if food_level[k] > 0:
                        strength = 0
                        for i in range(PLAYERS):
                            beside = abs(place[i, 0] - food[k, 0]) + abs(place[i, 1] - food[k, 1]) == 1
                            blocked[i] = beside and chosen[i] == 5
                            strength += level[i] if blocked[i] else 0
                        if strength >= food_level[k]:
                            for i in range(PLAYERS):
                                if blocked[i]:
                                    reward[i] += level[i] * food_level[k] / (strength * worth)
                            food_level[k] = 0
                            left -= 1
                over = left == 0
                for i in range(PLAYERS):
                    key = u64(0)
                    for k in range(FOODS):
                        key = key * u64(4096) + (u64((food[k, 0] * 16 + food[k, 1]) * 16 + food_level[k])
                                                 if food_level[k] > 0 else u64(0))
                    for j in range(PLAYERS):
                        p = (i + j) % PLAYERS
                        key = key * u64(1024) + u64((place[p, 0] * 16 + place[p, 1]) * 4 + level[p])
                    successor, used = row_of(key, keys, rows, used, mask)
                    ahead = 0.0
                    if not over:
                        ahead = q[i, successor, 0]
                        for b in range(1, ACTIONS):
                            ahead = max(ahead, q[i, successor, b])
                    here = q[i, row[i]]
                    here[chosen[i]] += rate * (reward[i] + discount * ahead - here[chosen[i]])
                    row[i] = successor
                    total += reward[i]
                if over:
                    break
            returns[e] = total
            epsilon = max(epsilon * decay, least)
        return used

    return loop


def warm_up():
    """Compile for a board of five by five."""
    train(1)


def train(episodes, size=5, horizon=50, rate=0.1, discount=0.95, start=1.0, decay=0.995, least=0.05, seed=0,
          rows=2**21):
    """Train two players for so many episodes, one run.

    Parameters
    ----------
    episodes, size, horizon : int
    rate, discount, start, decay, least : float
    seed : int
    rows : int
        Observations there is room for; a power of two, twice as many as are seen.

    Returns
    -------
    returns : float64 [episodes]
        Of all players together.
    used : int
        Different observations.
    """
    # Zeros that were never touched cost nothing.
    q, keys, found = np.zeros((PLAYERS, rows, ACTIONS)), np.zeros(rows, np.uint64), np.full(rows, -1, np.int64)
    returns = np.zeros(episodes)
    used = _compile(size)(q, keys, found, returns, horizon, rate, discount, start, decay, least, seed)
    return returns, used
