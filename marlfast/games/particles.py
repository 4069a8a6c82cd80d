"""Particles that push each other and talk: four games of the multi-particle environments, compiled."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark

SPREAD, TAG, SPEAKER, REFERENCE = range(4)
BOARD = 21          # squares of a side of the pictures, for places from -1.5 to 1.5


class _Particles(Game):
    """What the four games have in common."""

    _kind = None
    _landmarks, _chasers, _goals, _ratio = 3, 0, 0, 0.5

    @property
    def views(self):
        return self.agents

    @property
    def action_counts(self):
        return np.full(self.agents, 5, np.int32)

    @property
    def features(self):
        return self.kernel("numpy").features

    @property
    def ends(self):
        return self.horizon > 0

    def board(self, state):
        def square(x, y):
            row, column = (int(np.clip(np.floor((v + 1.5) / 3.0 * BOARD), 0, BOARD - 1)) for v in (-y, x))
            return row, column

        n = self.agents
        marks = [Mark(*square(*state[4 * n + 2 * k:][:2]), "o", "target" if self._kind != TAG else "wall")
                 for k in range(self._landmarks)]
        marks += [Mark(*square(*state[4 * i:][:2]), str(i), "rival" if i < self._chasers else "agent")
                  for i in range(n)]
        return Board(BOARD, BOARD, tuple(marks))

    def kernel(self, backend="cython"):
        return kernels(backend, "particles").Particles(self._kind, self.agents, self._landmarks, self._chasers,
                                                       self._ratio)


@dataclass(frozen=True, repr=False, eq=False)
class SimpleSpread(_Particles):
    """Agents cover landmarks, and keep out of each other's way.

    Dynamics
        Positions and velocities are reals. In a step of 0.1 an agent moves on by its velocity, which then falls by a
        quarter and changes by its forces (mass 1): its own of 5 in the direction it takes, and what bodies that touch
        push each other with: along the line between them ``100 * 0.001 * log(1 + exp((reach - distance) / 0.001))``,
        reach being the sum of both radii (0.15 each).
    Observation
        Each its own: velocity, position, each landmark and each other agent relative to itself, and two zeros for each
        other agent, which says nothing.
    Action
        0 none, 1 left, 2 right, 3 down, 4 up.
    Reward
        ``1 - local_ratio`` times what all get, the sum over landmarks of minus the distance to the nearest agent, and
        ``local_ratio`` times -1 for each other agent that it touches.
    Start
        Agents and landmarks anywhere in [-1, 1) x [-1, 1), at rest.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    players : int
        Agents and landmarks: 1 to 16.
    local_ratio : float
        In [0, 1]: how much an agent's own part counts.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    SimpleTag : Some chase others.
    SpeakerListener : One who sees the goal, one who can go there.

    References
    ----------
    R. Lowe, Y. Wu, A. Tamar, J. Harb, P. Abbeel and I. Mordatch, "Multi-agent actor-critic for mixed cooperative-
    competitive environments", NIPS 2017; I. Mordatch and P. Abbeel, "Emergence of grounded compositional language in
    multi-agent populations", AAAI 2018. Rules are those of ``simple_spread_v3`` of the package ``mpe2`` 1.1; forces
    are as there to 1e-12. Two bodies in the very same place, which there give NaN, do not push each other.

    Examples
    --------
    >>> from marlfast import games
    >>> games.SimpleSpread().env(seed=0).reset().shape
    (1, 3, 18)
    """

    name = "simple_spread"
    also = ("spread", "mpe")
    setting = "mixed"
    _kind = SPREAD
    players: int = 3
    local_ratio: float = 0.5
    horizon: int = 25

    def __post_init__(self):
        self._set(players=integer("players", self.players, 1, 16), **self.checked_horizon(),
                  local_ratio=real("local_ratio", self.local_ratio, 0.0, 1.0))

    @property
    def agents(self):
        return self.players

    @property
    def _landmarks(self):
        return self.players

    @property
    def _ratio(self):
        return self.local_ratio


@dataclass(frozen=True, repr=False, eq=False)
class SimpleTag(_Particles):
    """Slow chasers hunt agents that are faster, between obstacles.

    Dynamics
        Positions and velocities are reals. In a step of 0.1 an agent moves on by its velocity, which then falls by a
        quarter and changes by its forces (mass 1): its own of 3 (chasers) or 4 in the direction it takes, and what
        bodies that touch push each other with: along the line between them ``100 * 0.001 * log(1 + exp((reach -
        distance) / 0.001))``, reach being the sum of both radii (chasers 0.075, the others 0.05, obstacles 0.2).
        Nobody is faster than 1 (chasers) or 1.3.
    Observation
        Each its own: velocity, position, each obstacle and each other agent relative to itself, and the velocities of
        the others that are chased; two zeros at the end for who is chased, so that all observe as many numbers.
    Action
        0 none, 1 left, 2 right, 3 down, 4 up.
    Reward
        Chasers: 10 for each pair of a chaser and a chased agent that touch, to all chasers. Chased: -10 for each
        chaser that touches it, and for both coordinates, x from the middle: -10 (x - 0.9) from 0.9 on, -min(exp(2x -
        2), 10) from 1 on.
    Start
        Agents anywhere in [-1, 1) x [-1, 1), obstacles in [-0.9, 0.9) x [-0.9, 0.9), at rest.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    chasers, chased : int
        At least 1; together at most 16. Chasers come first.
    obstacles : int
        0 to 16.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Pursuit : On squares.
    SimpleSpread : All want the same.

    References
    ----------
    R. Lowe, Y. Wu, A. Tamar, J. Harb, P. Abbeel and I. Mordatch, "Multi-agent actor-critic for mixed cooperative-
    competitive environments", NIPS 2017; I. Mordatch and P. Abbeel, "Emergence of grounded compositional language in
    multi-agent populations", AAAI 2018. Rules are those of ``simple_tag_v3`` of the package ``mpe2`` 1.1; forces are
    as there to 1e-12. Two bodies in the very same place, which there give NaN, do not push each other.

    Examples
    --------
    >>> from marlfast import games
    >>> games.SimpleTag().env(seed=0).reset().shape
    (1, 4, 16)
    """

    name = "simple_tag"
    also = ("predator_prey", "tag")
    setting = "mixed"
    _kind = TAG
    chasers: int = 3
    chased: int = 1
    obstacles: int = 2
    horizon: int = 25

    def __post_init__(self):
        self._set(chasers=integer("chasers", self.chasers, 1, 15), chased=integer("chased", self.chased, 1, 15),
                  obstacles=integer("obstacles", self.obstacles, 0, 16), **self.checked_horizon())
        if self.agents > 16:
            raise ValueError(f"chasers, chased: expected at most 16 together, got {self.agents}")

    @property
    def agents(self):
        return self.chasers + self.chased

    @property
    def teams(self):
        return [list(range(self.chasers)), list(range(self.chasers, self.agents))]

    @property
    def _landmarks(self):
        return self.obstacles

    @property
    def _chasers(self):
        return self.chasers


@dataclass(frozen=True, repr=False, eq=False)
class SpeakerListener(_Particles):
    """One sees which landmark is the goal and can only speak; the other hears it and must go there.

    Dynamics
        Positions and velocities are reals. In a step of 0.1 an agent moves on by its velocity, which then falls by a
        quarter and changes by its forces (mass 1): its own of 5 in the direction it takes. Only the listener moves.
        What the speaker says is heard after the step.
    Observation
        Speaker (agent 0): the colour of the goal, three numbers, 0.65 at the place of its number and 0.15 else, and
        zeros. Listener: velocity, each of three landmarks relative to itself, and which of three words was said last
        (all 0: none yet).
    Action
        Speaker: which of three words. Listener: 0 none, 1 left, 2 right, 3 down, 4 up.
    Reward
        To both alike: minus the square of the distance from listener to goal.
    Start
        Agents and landmarks anywhere in [-1, 1) x [-1, 1), at rest; the goal is any of the three landmarks.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    SimpleReference : Both speak, both move.
    SimpleSpread : Without words.

    References
    ----------
    R. Lowe, Y. Wu, A. Tamar, J. Harb, P. Abbeel and I. Mordatch, "Multi-agent actor-critic for mixed cooperative-
    competitive environments", NIPS 2017; I. Mordatch and P. Abbeel, "Emergence of grounded compositional language in
    multi-agent populations", AAAI 2018. Rules are those of ``simple_speaker_listener_v4`` of the package ``mpe2`` 1.1;
    forces are as there to 1e-12. Two bodies in the very same place, which there give NaN, do not push each other.

    Examples
    --------
    >>> from marlfast import games
    >>> games.SpeakerListener().env(seed=0).reset().shape
    (1, 2, 11)
    """

    name = "simple_speaker_listener"
    also = ("speaker_listener",)
    setting = "cooperative"
    _kind = SPEAKER
    horizon: int = 25
    _goals = 1

    @property
    def agents(self):
        return 2

    @property
    def action_counts(self):
        return np.array([3, 5], np.int32)


@dataclass(frozen=True, repr=False, eq=False)
class SimpleReference(_Particles):
    """Each of two knows where the other is to go, and both move and speak.

    Dynamics
        Positions and velocities are reals. In a step of 0.1 an agent moves on by its velocity, which then falls by a
        quarter and changes by its forces (mass 1): its own of 5 in the direction it takes. What is said is heard after
        the step.
    Observation
        Each its own: velocity, each of three landmarks relative to itself, the colour of the landmark that the other
        is to go to (0.75 at the place of its number, 0.25 else), and which of ten words the other said last (all 0:
        none yet).
    Action
        ``5 * word + move``; moves 0 none, 1 left, 2 right, 3 down, 4 up.
    Reward
        ``local_ratio`` times minus the distance of the other from where it is to go, and ``1 - local_ratio`` times the
        mean of both.
    Start
        Agents and landmarks anywhere in [-1, 1) x [-1, 1), at rest; each goal is any of the three landmarks.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    local_ratio : float
        In [0, 1]: how much an agent's own part counts.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    SpeakerListener : One speaks, the other moves.

    References
    ----------
    R. Lowe, Y. Wu, A. Tamar, J. Harb, P. Abbeel and I. Mordatch, "Multi-agent actor-critic for mixed cooperative-
    competitive environments", NIPS 2017; I. Mordatch and P. Abbeel, "Emergence of grounded compositional language in
    multi-agent populations", AAAI 2018. Rules are those of ``simple_reference_v3`` of the package ``mpe2`` 1.1; forces
    are as there to 1e-12. Two bodies in the very same place, which there give NaN, do not push each other.

    Examples
    --------
    >>> from marlfast import games
    >>> games.SimpleReference().env(seed=0).reset().shape
    (1, 2, 21)
    """

    name = "simple_reference"
    also = ("reference",)
    setting = "mixed"
    _kind = REFERENCE
    local_ratio: float = 0.5
    horizon: int = 25
    _goals = 2

    def __post_init__(self):
        self._set(local_ratio=real("local_ratio", self.local_ratio, 0.0, 1.0), **self.checked_horizon())

    @property
    def agents(self):
        return 2

    @property
    def action_counts(self):
        return np.full(2, 50, np.int32)

    @property
    def _ratio(self):
        return self.local_ratio
