"""Tables of action values in NumPy: the twin of ``marlfast/core/tabular.pxd``, for many cells at once."""
import numpy as np

from marlfast.reference.draws import exp_values

EPSILON_GREEDY, BOLTZMANN = range(2)
MOST_VISITS = 2**31 - 1


def waves(leads, table_of):
    """Stretches of agents, in order, in which no table comes twice: they cannot see each other's writes."""
    waves, seen, tables = [[]], set(), table_of.tolist()
    for i in leads.tolist():
        if tables[i] in seen:
            waves.append([])
            seen.clear()
        waves[-1].append(i)
        seen.add(tables[i])
    return [np.array(wave) for wave in waves]


def first_greatest(q, actions):
    """The first of the greatest of the first ``actions`` values of each cell (q [n, A], actions [n])."""
    within = np.where(np.arange(q.shape[1]) < actions[:, None], q, -np.inf)
    # As the compiled rule, which compares by > from the first value on: a NaN is never greater, and a first one stays.
    first = np.isnan(within[:, 0])
    return np.where(first, 0, np.where(np.isnan(within), -np.inf, within).argmax(axis=1))


def write_values(q, greedy, run, row, table, choices, action, value, old):
    """Write one action value in each of some cells and keep ``greedy``; where it changed. Twin of ``write_value``."""
    q[run, row, table, action] = value
    best = greedy[run, row, table].astype(np.int64)
    top = q[run, row, table, best]
    new = np.where((action != best) & ((value > top) | ((value == top) & (action < best))), action, best)
    fallen = np.flatnonzero((action == best) & (value < old))
    if len(fallen):
        new[fallen] = first_greatest(q[run[fallen], row[fallen], table[fallen]], choices[fallen])
    greedy[run, row, table] = new
    return new != best


def epsilon_greedy_values(q, choices, best, epsilon):
    """Expected action values under epsilon-greedy policies: q [..., A], the others as it without its last axis."""
    lanes = np.zeros((*q.shape[:-1], 4))
    for a in range(q.shape[-1]):
        lanes[..., a % 4] += np.where(a < choices, q[..., a], 0.0)
    total = (lanes[..., 0] + lanes[..., 1]) + (lanes[..., 2] + lanes[..., 3])
    top = np.take_along_axis(q, best[..., None], axis=-1)[..., 0]
    return (1.0 - epsilon) * top + epsilon * (total / choices)


def boltzmann_weights(q, choices, best, temperature):
    """exp((q[a] - q[best]) / temperature) of each action, 0 beyond the agent's own: as many arrays as actions."""
    power = (q - np.take_along_axis(q, best[..., None], axis=-1)) / temperature[..., None]
    return [np.where(a < choices, exp_values(power[..., a]), 0.0) for a in range(q.shape[-1])]


def boltzmann_values(q, choices, best, temperature):
    """Expected action values under Boltzmann policies."""
    total, value = np.zeros(best.shape), np.zeros(best.shape)
    for a, weight in enumerate(boltzmann_weights(q, choices, best, temperature)):
        total = total + weight
        value = value + weight * np.where(a < choices, q[..., a], 0.0)
    return value / total


def boltzmann_probability(q, choices, best, temperature, action):
    """Probability of an action under Boltzmann policies."""
    total, own = np.zeros(best.shape), np.zeros(best.shape)
    for a, weight in enumerate(boltzmann_weights(q, choices, best, temperature)):
        total = total + weight
        own = np.where(action == a, weight, own)
    return own / total


def sample(policy, choices, u):
    """Actions drawn from policies [..., A] of which the first ``choices`` count, by uniforms u. Twin of ``sample``."""
    running, last, found = np.zeros(u.shape), np.zeros(u.shape, np.int64), np.zeros(u.shape, bool)
    for a in range(policy.shape[-1]):
        here = ~found & (a < choices) & (policy[..., a] > 0.0)
        last[here] = a
        running = np.where(here, running + policy[..., a], running)
        found |= here & (u < running)
    return last


def policy_values(learner, runs, q, choices, best):
    """Expected action values under the policy that explores as it does now: q [n, L, A]."""
    level = learner.exploration.value[runs][:, None]
    values = epsilon_greedy_values if learner.kind == EPSILON_GREEDY else boltzmann_values
    return values(q, choices, best, level)


def first_fault(status):
    """The first non-zero status of each run (status [n, agents])."""
    at = (status != 0).argmax(axis=1)
    return status[np.arange(len(status)), at].astype(np.int32)
