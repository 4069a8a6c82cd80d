"""Kernels of particles that push each other and talk. Twin: ``marlfast/reference/particles.py``."""
cimport marlfast.core.particles as leaf
from marlfast.core._kernels cimport Game

include "marlfast/core/ranges.pxi"


cdef class Particles(Game):
    """Particles that push each other and talk: see :mod:`marlfast.games.particles` for rules and source.

    Parameters
    ----------
    kind : int
        0 spread, 1 tag, 2 speaker and listener, 3 reference.
    agents, landmarks : int
        1 to 16; of kinds 2 and 3 two and three.
    chasers : int
        Of kind 1: less than ``agents``; else 0.
    local_ratio : float
        In [0, 1].
    """
    cdef leaf.Data game

    def __init__(self, kind, agents, landmarks, chasers, local_ratio):
        if kind not in (0, 1, 2, 3):
            raise ValueError(f"kind: expected 0 to 3, got {kind}")
        if not 1 <= agents <= leaf.MAX_AGENTS or not 0 <= landmarks <= leaf.MAX_LANDMARKS:
            raise ValueError(f"agents, landmarks: expected 1 and 0 to 16, got {agents}, {landmarks}")
        if kind >= 2 and (agents, landmarks) != (2, 3):
            raise ValueError(f"agents, landmarks: expected 2 and 3 of this kind, got {agents}, {landmarks}")
        if not (1 <= chasers < agents if kind == 1 else chasers == 0):
            raise ValueError(f"chasers: expected 1 to {agents - 1} in tag, else 0, got {chasers}")
        if not 0.0 <= local_ratio <= 1.0:
            raise ValueError(f"local_ratio: expected 0 to 1, got {local_ratio}")
        goals = (0, 0, 1, 2)[kind]
        features = (2 * landmarks + 4 * agents, 2 + 2 * landmarks + 2 * agents + 2 * (agents - chasers), 11, 21)[kind]
        size = 4 * agents + 2 * landmarks + 2 * goals
        self.game = leaf.Data(agents=agents, state_size=size, observation_size=agents * features, features=features,
                              landmarks=landmarks, kind=kind, chasers=chasers, goals=goals, words=(0, 0, 3, 10)[kind],
                              local_ratio=local_ratio)
        self._declare(&self.game, agents, size, agents, features, (0, 0, 2 * (agents + landmarks) + goals, 0))
        self.operations.step = _step
        self.operations.start = _start
        self.operations.observe = _observe
        self.operations.counterfactual = NULL
