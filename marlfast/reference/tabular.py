"""Tables of action values in NumPy: the twin of ``marlfast/core/tabular.pxd``, for many cells at once."""
import numpy as np

from marlfast.reference.draws import exp_values
from marlfast.reference.kernels import none

EPSILON_GREEDY, BOLTZMANN, ONE_DRAW = range(3)
SMALL = 2.0**-1000
MAX_VISITS = 2**31 - 1


def waves(agent_ids, table_of):
    """Stretches of agents, in order, in which no table comes twice: they cannot see each other's writes."""
    waves, used, tables = [[]], set(), table_of.tolist()
    for i in agent_ids.tolist():
        if tables[i] in used:
            waves.append([])
            used.clear()
        waves[-1].append(i)
        used.add(tables[i])
    return [np.array(wave) for wave in waves]


def first_greatest(q, n_actions):
    """The first of the greatest of the first ``actions`` values of each cell (q [n, A], actions [n])."""
    within = np.where(np.arange(q.shape[1]) < n_actions[:, None], q, -np.inf)
    # As the compiled rule, which compares by > from the first value on: a NaN is never greater, and a first one stays.
    first = np.isnan(within[:, 0])
    return np.where(first, 0, np.where(np.isnan(within), -np.inf, within).argmax(axis=1))


def value_of(q, action):
    """Values of one action in each cell: q [..., A], action [...]."""
    return q.reshape(-1, q.shape[-1])[np.arange(action.size), action.ravel()].reshape(action.shape)


def greatest_from(q, n_actions, start):
    """The first of the greatest of each cell (q [n, A], actions [n]), going round from ``start`` [n]."""
    first = first_greatest(q, n_actions)
    place = np.arange(q.shape[1])
    later = (q == value_of(q, first)[:, None]) & (place >= start[:, None]) & (place < n_actions[:, None])
    return np.where((first < start) & later.any(axis=1), later.argmax(axis=1), first)


def write_values(q, greedy, run, row, table, n_actions, action, value, old, around):
    """Write one action value in each of some cells and keep ``greedy``; where it changed. Twin of ``write_value``."""
    q[run, row, table, action] = value
    best = greedy[run, row, table].astype(np.int64)
    top = q[run, row, table, best]
    equal = (value == top) & (action < best) & (not around)
    own = action == best
    new = np.where(~own & ((value > top) | equal), action, best)
    fallen = (own & (value < old)).nonzero()[0]
    if len(fallen):
        new[fallen] = greatest_from(q[run[fallen], row[fallen], table[fallen]], n_actions[fallen],
                                    best[fallen] if around else 0 * best[fallen])
    greedy[run, row, table] = new
    return new != best


class Chance:
    """How runs explore now, by epsilon [n]: twin of ``mf_chance`` in ``marlfast/core/explore.h``.

    By one draw u an agent explores iff ``u < bound``. Then u / bound says which action it takes; else (u - bound) /
    (1 - bound) says which of several tied actions. By several draws the second and the third say so.
    """

    def __init__(self, epsilon, strict, several):
        self.several = several
        self.bound = epsilon if strict else np.nextafter(epsilon, np.inf)
        self.scale = 1.0 / np.where(self.bound > SMALL, self.bound, SMALL)
        self.rest = 1.0 / np.where(1.0 - self.bound > SMALL, 1.0 - self.bound, SMALL)

    def explores(self, draws):
        """Which agents do: draws [n, agents, K]; one run's agents have its epsilon."""
        return draws[..., 0] < self._each(self.bound, draws)

    def random_choices(self, draws, count):
        """Any of ``count`` choices, by the draws of agents who explore; -1 where a draw is no uniform."""
        u = draws[..., 1 if self.several else 0]
        sound = (u >= 0.0) & (u < 1.0)
        share = np.where(sound, u, 0.0)
        if not self.several:
            share = share * self._each(self.scale, draws)
        return np.where(sound, share_of(share, count), -1)

    def tie_share(self, draws):
        """The share by which agents who do not explore draw: one of the tied, or of a mixed policy."""
        if self.several:
            return draws[..., 2]
        with np.errstate(over="ignore", invalid="ignore"):
            return (draws[..., 0] - self._each(self.bound, draws)) * self._each(self.rest, draws)

    @staticmethod
    def _each(values, draws):
        return values.reshape(values.shape + (1,) * (draws.ndim - 2))


def share_of(share, count):
    """Which of ``count``, for shares in [0, 1) of them: the product is rounded, and may reach it."""
    last = np.subtract(count, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        x = share * count
    # fmin: a product that is no number is not less than the last choice.
    return np.fmax(np.fmin(x, last), 0.0).astype(np.int64)


def epsilon_greedy_values(q, n_actions, best, epsilon):
    """Expected action values under epsilon-greedy policies: q [..., A], the others as it without its last axis."""
    lanes = np.zeros((*q.shape[:-1], 4))
    for a in range(q.shape[-1]):
        lanes[..., a % 4] += np.where(a < n_actions, q[..., a], 0.0)
    total = (lanes[..., 0] + lanes[..., 1]) + (lanes[..., 2] + lanes[..., 3])
    return (1.0 - epsilon) * value_of(q, best) + epsilon * (total / n_actions)


def boltzmann_weights(q, n_actions, best, temperature):
    """exp((q[a] - q[best]) / temperature) of each action, 0 beyond the agent's own: as many arrays as actions."""
    power = (q - value_of(q, best)[..., None]) / temperature[..., None]
    return [np.where(a < n_actions, exp_values(power[..., a]), 0.0) for a in range(q.shape[-1])]


def boltzmann_values(q, n_actions, best, temperature):
    """Expected action values under Boltzmann policies."""
    total, value = np.zeros(best.shape), np.zeros(best.shape)
    for a, weight in enumerate(boltzmann_weights(q, n_actions, best, temperature)):
        total = total + weight
        value = value + weight * np.where(a < n_actions, q[..., a], 0.0)
    return value / total


def boltzmann_probability(q, n_actions, best, temperature, action):
    """Probability of an action under Boltzmann policies."""
    total, own = np.zeros(best.shape), np.zeros(best.shape)
    for a, weight in enumerate(boltzmann_weights(q, n_actions, best, temperature)):
        total = total + weight
        own = np.where(action == a, weight, own)
    return own / total


def sample(policy, n_actions, u):
    """Actions drawn from policies [..., A], of which the first ``n_actions`` count, by uniforms u."""
    running, last, found = np.zeros(u.shape), np.zeros(u.shape, np.int64), np.zeros(u.shape, bool)
    for a in range(policy.shape[-1]):
        here = ~found & (a < n_actions) & (policy[..., a] > 0.0)
        last[here] = a
        running = np.where(here, running + policy[..., a], running)
        found |= here & (u < running)
    return last


def policy_values(learner, runs, q, n_actions, best):
    """Expected action values under the policy that explores as it does now: q [n, L, A]."""
    temperature = learner.exploration.value[runs][:, None]
    values = epsilon_greedy_values if learner.kind == EPSILON_GREEDY else boltzmann_values
    return values(q, n_actions, best, temperature)


def first_fault(status):
    """The first non-zero status of each run (status [n, agents])."""
    if none(status):
        return np.zeros(len(status), np.int32)
    at = (status != 0).argmax(axis=1)
    return status[np.arange(len(status)), at].astype(np.int32)
