"""Models of games that end with their last round: the round is a part of the state."""
from dataclasses import replace

import numpy as np

from marlfast.analysis.explore import room


def unrolled(m, horizon, max_states):
    """The model of a game that ends after ``horizon`` rounds, from the model ``m`` of one without end.

    State ``round * S + state`` for each of the rounds, then a single terminal state. What agents see does not tell the
    rounds apart: their strategies have the rows of ``m``.
    """
    states, joint, agents, over = m.size, m.joint, m.agents, horizon * m.size
    room(m.game, over + 1, max_states, joint)
    outcomes, size = len(m.successors), np.arange(horizon)
    successors = (m.successors[None, :] + (size[:, None] + 1) * states).astype(np.int64)
    successors[-1] = over
    if m.terminal.any():            # a state that ended the game before goes on leading to itself
        stays = m.terminal[m.cells // joint]
        successors[:, stays] = (m.successors[None, stays] + size[:, None] * states)
    first = (m.first[None, :-1] + size[:, None] * outcomes).ravel()
    last = horizon * outcomes
    arrays = {
        "first": np.concatenate([first, last + np.arange(joint + 1)]),
        "successors": np.concatenate([successors.ravel(), np.full(joint, over)]).astype(np.int32),
        "probabilities": np.concatenate([np.tile(m.probabilities, horizon), np.ones(joint)]),
        "paid": None if m.paid is None else np.concatenate([np.tile(m.paid, (horizon, 1)), np.zeros((joint, agents))]),
        "expected": np.concatenate([np.tile(m.expected, (horizon, 1, 1)), np.zeros((1, joint, agents))]),
        "terminal": np.append(np.tile(m.terminal, horizon), True),
        "start": np.concatenate([m.start, np.zeros(over + 1 - states)]),
        "obs": np.concatenate([np.tile(m.obs, (horizon, 1)), np.zeros((1, agents), np.int32)]),
        "states": np.concatenate([np.tile(m.states, (horizon, 1)), np.full_like(m.states[:1], np.nan)]),
        "observation": None if m.observation is None else np.concatenate(
            [np.tile(m.observation, (horizon, 1, 1)), np.zeros_like(m.observation[:1])]),
    }
    for array in arrays.values():
        if array is not None:
            array.flags.writeable = False
    return replace(m, rounds=horizon, endless=m, **arrays)
