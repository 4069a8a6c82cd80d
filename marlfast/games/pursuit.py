"""Hunters and prey on squares."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark


@dataclass(frozen=True, repr=False, eq=False)
class Pursuit(Game):
    """Hunters seek to capture prey that moves at random on a board with edges.

    Dynamics
        First all hunters move at once, then every prey, and the scout if there is one, moves up, down,
        right or left, each as likely. Into an edge nobody moves. Any number may share a square.
        ``capture="single"``: a prey is captured when a hunter is on its square, after the hunters' move or after
        the prey's. ``capture="joint"``: when, after all have moved, at least two hunters are on its square or on
        one of the eight next to it.
    Observation
        One whole number for each hunter: where the closest prey in its visual field is. The field reaches
        ``depth`` squares to each side. A prey ``r`` rows below and ``c`` columns to the right has the number
        ``(r + reach) * (2 * reach + 1) + c + reach``; the last number, ``(2 * reach + 1)**2``, means that none is seen.
        The closest is the one that the fewest moves lead to, the first of those equally close. ``reach`` is
        ``depth``; with a scout or sharing it is ``max(height, width) - 1``, because a hunter that sees no prey is
        then told of the closest to itself of those that the scout, or another hunter, sees.
        ``see_partner``: that number times ``(2 * reach + 1)**2 + 1`` plus the number, made in the same way, of the
        closest other hunter in the visual field; with sharing, of the closest at any distance.
    Action
        0 up, 1 down, 2 right, 3 left.
    Reward
        1 to each hunter who takes part in a capture, -0.1 to every other.
    Start
        All on squares drawn uniformly, each on its own; a hunter who happens to stand on a prey has not captured it
        yet.
    End
        Terminated when a prey is captured (see ``at_capture``); truncated after ``horizon`` steps.

    Parameters
    ----------
    height, width : int
        1 to 1000.
    hunters, prey : int
        1 to 1000; a joint capture, sharing and seeing a partner need two hunters.
    depth : int
        0 to 1000.
    capture : {"single", "joint"}
        Whether one hunter is enough.
    scout : int, optional
        Depth of the visual field of a scout, 0 to 1000: it moves at random, captures nothing and tells every hunter of
        the prey it sees. Default: no scout.
    sharing : bool
        Whether each hunter is a scout for the others.
    see_partner : bool
        Whether hunters see each other.
    at_capture : {"terminated", "truncated"}
        What a capture is to those who learn: an end, after which nothing is worth anything; or one more step, after
        which the place where the prey was caught is worth what it is worth at other times. The episode is over either
        way.
    horizon : int
        0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    marlfast.reproduce.Tan1993 : What learners need.

    References
    ----------
    M. Tan, "Multi-agent reinforcement learning: independent vs. cooperative agents", ICML 1993. The original
    leaves the order of moves, and what "next to" means, open. With the order above hunters who move at random need on
    average 122.96 steps for one prey and one hunter (solved exactly), about 60 with two hunters, 381 in the joint
    task with one prey and 208 with two; published, means over 200 trials: 123.08, 56.47, 354.45, 224.92. Moving all at
    once without looking in between would need 208 steps in the first task; in the joint tasks looking in between would
    need 310 and 166, four neighbours 577 and 308. There, ties between equally close prey are broken by chance, and a
    trial begins with only the rewarded hunters on new squares. The published numbers of perceptual states count offsets
    up to the board's size (442), one more than can occur. The update printed there has no case for a capture: hunters
    who learn so (``IQL(0.8, 0.9, Boltzmann(0.4))`` and ``at_capture="truncated"``) need about 25.5 and 11 steps,
    against 25.32 and 12.21; with captures as ends 50 and 25.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.Pursuit(depth=2)
    >>> game.observations, game.agents
    (26, 2)
    """

    name = "pursuit"
    also = ("predator_prey", "hunters")
    measures = ("capture_time",)
    integer_state = True
    features = 1
    height: int = 10
    width: int = 10
    hunters: int = 2
    prey: int = 1
    depth: int = 4
    capture: str = "single"
    scout: int | None = None
    sharing: bool = False
    see_partner: bool = False
    at_capture: str = "terminated"
    horizon: int = 0

    def __post_init__(self):
        for name in ("height", "width", "hunters", "prey"):
            self._set(**{name: integer(name, getattr(self, name), 1, 1000)})
        self._set(depth=integer("depth", self.depth, 0, 1000), **self.checked_horizon())
        if self.scout is not None:
            self._set(scout=integer("scout", self.scout, 0, 1000))
        choice("capture", self.capture, ("single", "joint"))
        choice("at_capture", self.at_capture, ("terminated", "truncated"))
        choice("sharing", self.sharing, (False, True))
        choice("see_partner", self.see_partner, (False, True))
        for name, wanted in (("capture", self.capture == "joint"), ("sharing", self.sharing),
                             ("see_partner", self.see_partner)):
            if wanted and self.hunters < 2:
                raise ValueError(f"{name}: {getattr(self, name)!r} needs at least 2 hunters, got {self.hunters}")

    @property
    def agents(self):
        return self.hunters

    @property
    def ends_are_limits(self):
        return self.at_capture == "truncated"

    @property
    def views(self):
        return self.hunters

    @property
    def action_counts(self):
        return np.full(self.hunters, 4, np.int32)

    @property
    def observations(self):
        told = self.scout is not None or self.sharing
        reach = max(self.height, self.width) - 1 if told else self.depth
        offsets = (2 * reach + 1) ** 2 + 1
        return offsets ** 2 if self.see_partner else offsets

    @property
    def reward_bounds(self):
        return -0.1, 1.0

    @property
    def setting(self):
        alike = self.hunters == (2 if self.capture == "joint" else 1)
        return "cooperative" if alike else "mixed"

    def board(self, state):
        places = np.asarray(state).reshape(-1, 2).astype(int).tolist()
        kinds = [("H", self.hunters, "agent"), ("P", self.prey, "target"), ("S", self.scout is not None, "object")]
        marks = []
        for letter, count, kind in kinds:
            for k in range(count):
                row, column = places[len(marks)]
                marks.append(Mark(row, column, f"{letter}{k + 1}" if 1 < count < 100 else letter, kind))
        return Board(self.height, self.width, tuple(marks))

    def kernel(self, backend="cython"):
        return kernels(backend, "pursuit").Pursuit(
            height=self.height, width=self.width, hunters=self.hunters, prey=self.prey, depth=self.depth,
            scout=-1 if self.scout is None else self.scout, joint=self.capture == "joint", sharing=self.sharing,
            see_partner=self.see_partner)
