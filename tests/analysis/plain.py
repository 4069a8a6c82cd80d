"""What the tests of the analysis compare with: the same things in plain Python, by definition and by enumeration."""
import itertools

import numpy as np

import marlfast as mf
from marlfast import analysis

# After CC, CD, DC, DD; action 0 cooperates.
TIT_FOR_TAT = [[0, 0], [1, 0], [0, 1], [1, 1]]
DILEMMA = mf.games.PrisonersDilemma(memory=1, start="uniform", horizon=0)


def next_states(m, actions, state):
    """[(probability, next state, rewards)] of pure actions [S, N] in a state."""
    return m.outcomes(state, actions[state])


def values(m, actions, discount, steps=400):
    """Values [S, N] by ``steps`` of the Bellman equation."""
    v = np.zeros((m.size, m.agents))
    for _ in range(steps):
        v = np.array([sum(p * (paid + discount * v[successor]) for p, successor, paid in next_states(m, actions, s))
                      for s in range(m.size)])
    return v


def solved(m, actions, discount):
    """Values by linear equations, written out."""
    p, r = np.zeros((m.size, m.size)), np.zeros((m.size, m.agents))
    for s in range(m.size):
        for chance, successor, paid in m.outcomes(s, actions[s]):
            p[s, successor] += chance
            r[s] += chance * paid
    return np.linalg.solve(np.eye(m.size) - discount * p, r)


def with_agent(actions, agent, own):
    """Actions [S, N] where one agent plays ``own`` [S]."""
    changed = np.array(actions)
    changed[:, agent] = own
    return changed


def all_strategies(m, agent):
    """Every pure stationary strategy of an agent: tuples of length S."""
    return itertools.product(range(m.actions[agent]), repeat=m.size)


def best_values(m, actions, agent, discount, steps=400):
    """The greatest value of each state over all pure stationary strategies of an agent: float64 [S]."""
    return np.max([values(m, with_agent(actions, agent, own), discount, steps)[:, agent]
                   for own in all_strategies(m, agent)], axis=0)


def walk(m, actions, state, steps):
    """(states visited, rewards [steps, N]) of pure strategies where transitions are certain."""
    states, rewards = [state], []
    for _ in range(steps):
        (_, state, paid), = next_states(m, actions, state)
        states.append(state)
        rewards.append(paid)
    return states, np.array(rewards)


def random_actions(rng, m, runs=None):
    """Random pure strategies: int64 [rows, N], or [runs, rows, N]."""
    shape = (m.rows,) if runs is None else (runs, m.rows)
    return np.stack([rng.integers(n, size=shape) for n in m.actions], axis=-1)


def random_mixed(rng, m, runs=1):
    """Random mixed strategies, a list of N arrays [runs, rows, A]."""
    return [rng.dirichlet(np.ones(n), size=(runs, m.rows)) for n in m.actions]


def model_of(seed, actions, states=3, certain=False, terminal=False):
    """The model of a random Markov game."""
    from training_helpers import random_markov

    return analysis.model(random_markov(seed, actions, states, certain=certain, terminal=terminal))
