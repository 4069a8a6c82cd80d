"""Dilemmas of commons: apples that grow back where some are left, and a river that somebody has to clean."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer, real, sequence
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark

MAX_SIDE, MAX_AGENTS, NEARBY = 32, 64, 12
_TURNED = "^v><"


class _Commons(Game):
    """Base of both: agents who turn and move, apples, and a beam that fines."""

    agents = 2
    river = 0

    def _check(self):
        """Check what both have."""
        self._set(agents=integer("agents", self.agents, 1, MAX_AGENTS), rows=integer("rows", self.rows, 1, MAX_SIDE),
                  columns=integer("columns", self.columns, 1, MAX_SIDE), view=integer("view", self.view, 0, MAX_SIDE),
                  reach=integer("reach", self.reach, 0, MAX_SIDE), fine=real("fine", self.fine, 0.0),
                  cost=real("cost", self.cost, 0.0), **self.checked_horizon())
        if self.agents > self.rows * self.columns:
            raise ValueError(f"agents: expected at most one for each of the {self.rows * self.columns} squares, got "
                             f"{self.agents}")

    @property
    def _orchard(self):
        return self.columns

    @property
    def views(self):
        """N: each sees what is around itself."""
        return self.agents

    @property
    def features(self):
        """D, the squares around an agent, and where it is turned to."""
        return (2 * self.view + 1) ** 2 + 1

    @property
    def action_counts(self):
        """Actions of each agent."""
        return np.full(self.agents, 7 if self.river else 6, np.int32)

    @property
    def bounds(self):
        """Squares are 0 to 4, directions 0 to 3."""
        return np.zeros(self.features), np.array([4.0] * (self.features - 1) + [3.0])

    @property
    def reward_bounds(self):
        """From fines by all others and a beam of its own to an apple."""
        return -self.cost - self.fine * (self.agents - 1), 1.0

    @property
    def setting(self):
        """One agent alone is a team of its own."""
        return "mixed" if self.agents > 1 else "cooperative"

    @property
    def ends(self):
        """At the horizon alone."""
        return self.horizon > 0

    def _rates(self):
        """What the kernel takes of growth."""
        raise NotImplementedError

    def kernel(self, backend="cython"):
        return kernels(backend, "commons").Commons(
            agents=self.agents, rows=self.rows, columns=self.columns, river=self.river, orchard=self._orchard,
            reach=self.reach, view=self.view, fine=self.fine, cost=self.cost, **self._rates())

    def board(self, state):
        agents = np.asarray(state[:3 * self.agents]).reshape(-1, 3).astype(int).tolist()
        split = 3 * self.agents + self.rows * self._orchard
        apples = np.asarray(state[3 * self.agents:split]).reshape(self.rows, self._orchard)
        waste = np.asarray(state[split:]).reshape(self.rows, self.river)
        marks = [Mark(row, column + self.columns - self._orchard, "a", "target")
                 for row, column in np.argwhere(apples).tolist()]
        marks += [Mark(row, column, "w", "wall") for row, column in np.argwhere(waste).tolist()]
        marks += [Mark(row, column, f"{i}{_TURNED[turned]}") for i, (row, column, turned) in enumerate(agents)]
        caption = f"{int(apples.sum())} apples"
        return Board(self.rows, self.columns, tuple(marks), caption + (
            f", {int(waste.sum())} of {waste.size} squares of the river are polluted" if self.river else ""))


@dataclass(frozen=True, repr=False, eq=False)
class Harvest(_Commons):
    """Apples grow back the faster the more are left nearby, and not at all where none is: a common that greed destroys.

    Dynamics
        Agents turn to where they want to go, and go there unless that is off the board or somebody stands there; one
        after the other, from a random one on. An apple is eaten by who stands on its square. A fining beam goes
        ``reach`` squares ahead, three squares wide. Then an apple grows on each square without an apple or an agent
        with a probability by the number of apples on the 12 squares at a distance of at most 2 (``regrowth``; the
        last also for more).
    Observation
        Each agent its own: the squares up to ``view`` away, row by row, 0 empty, 1 an apple, 3 an agent, 4 beyond the
        edge; then where it is turned to, 0 north, 1 south, 2 east, 3 west.
    Action
        0 north, 1 south, 2 east, 3 west, 4 stand, 5 fine.
    Reward
        1 for an apple, ``-cost`` for a beam, ``-fine`` for each beam that one stands in.
    Start
        Agents on different squares, turned anywhere, any as likely as another; an apple on every other square.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    agents : int
        1 to 64, at most one for each square.
    rows, columns : int
        Of the board, 1 to 32.
    view, reach : int
        How far agents see, and fine: 0 to 32.
    regrowth : sequence of float
        Probabilities by the number of apples nearby, from 0 on; at most 13.
    fine, cost : float
        At least 0.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Cleanup : Where apples grow only if somebody works.
    CongestionGame : A common in a single step.

    Notes
    -----
    A small form for tables: agents move by directions of the board and are turned to where they last wanted to go,
    where the papers have turns and steps aside; nobody is sent off the board; the board has no walls.

    References
    ----------
    The game: J. Perolat, J. Z. Leibo, V. Zambaldi, C. Beattie, K. Tuyls, T. Graepel, "A multi-agent reinforcement
    learning model of common-pool resource appropriation", NIPS 2017; fines of 50 at a cost of 1: E. Hughes et al.,
    "Inequity aversion improves cooperation in intertemporal social dilemmas", NeurIPS 2018; dilemmas of this kind: J.
    Z. Leibo, V. Zambaldi, M. Lanctot, J. Marecki, T. Graepel, "Multi-agent reinforcement learning in sequential
    social dilemmas", AAMAS 2017. Probabilities 0, .005, .02, .05 are those of the programs published after them.

    Examples
    --------
    >>> from marlfast import games
    >>> env = games.Harvest(rows=3, columns=4).env(seed=0)
    >>> env.reset().shape
    (1, 2, 10)
    >>> print(env.render())
    a  a  a  0>
    a  a  1< a
    a  a  a  a
    10 apples
    """

    name = "harvest"
    integer_state = True
    agents: int = 2
    rows: int = 7
    columns: int = 7
    view: int = 1
    reach: int = 3
    regrowth: tuple = (0.0, 0.005, 0.02, 0.05)
    fine: float = 50.0
    cost: float = 1.0
    horizon: int = 200

    def __post_init__(self):
        self._check()
        given = sequence("regrowth", self.regrowth, "probabilities")
        chances = tuple(real(f"regrowth[{k}]", p, 0.0, 1.0) for k, p in enumerate(given))
        if not 1 <= len(chances) <= NEARBY + 1:
            raise ValueError(f"regrowth: expected 1 to {NEARBY + 1} probabilities, got {len(chances)}")
        self._set(regrowth=chances)

    def _rates(self):
        chances = np.array(self.regrowth + self.regrowth[-1:] * (NEARBY + 1 - len(self.regrowth)))
        return {"depletion": 1.0, "restoration": 0.0, "apple_rate": 0.0, "waste_rate": 0.0, "start_waste": 0.0,
                "regrowth": chances}


@dataclass(frozen=True, repr=False, eq=False)
class Cleanup(_Commons):
    """A river pollutes itself, and apples across the board grow the worse the dirtier it is: somebody has to clean.

    Dynamics
        Agents turn, move, eat and fine as in :class:`Harvest`. A cleaning beam, alike, takes the first waste in each
        of its three lines away. Then an apple grows on each square of the orchard without an apple or an agent, with
        probability ``apple_rate`` where at most the part ``restoration`` of the river is polluted, 0 from
        ``depletion`` on, and in between in proportion; and, unless that much is polluted, with probability
        ``waste_rate`` one clean square of the river, any as likely as another, gets polluted.
    Observation
        Each agent its own: the squares up to ``view`` away, row by row, 0 empty, 1 an apple, 2 waste, 3 an agent, 4
        beyond the edge; then where it is turned to, 0 north, 1 south, 2 east, 3 west.
    Action
        0 north, 1 south, 2 east, 3 west, 4 stand, 5 fine, 6 clean.
    Reward
        1 for an apple, ``-cost`` for a fining beam, ``-fine`` for each of them that one stands in. Cleaning earns
        nothing.
    Start
        Agents on different squares, turned anywhere, any as likely as another; no apples; the part ``start_waste`` of
        the river, from its first rows on, is polluted.
    End
        Truncated after ``horizon`` steps.

    Parameters
    ----------
    agents : int
        1 to 64, at most one for each square.
    rows, columns : int
        Of the board, 1 to 32.
    river, orchard : int
        Columns of the river, which are the first, and of the orchard, the last; together at most all.
    view, reach : int
        How far agents see, and beams go: 0 to 32.
    apple_rate, waste_rate : float
        Probabilities, see above.
    depletion, restoration : float
        Parts of the river, see above; ``restoration`` is less.
    start_waste : float
        Part of the river that is polluted at first.
    fine, cost : float
        At least 0.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    Harvest : Where restraint is what is missing.
    PublicGoods : The same question in a single step.

    Notes
    -----
    A small form for tables, as :class:`Harvest` is.

    References
    ----------
    E. Hughes, J. Z. Leibo, M. Phillips, K. Tuyls, E. Dueñez-Guzman et al., "Inequity aversion improves cooperation in
    intertemporal social dilemmas", NeurIPS 2018, whose program has the rates and thresholds that are the defaults.

    Examples
    --------
    >>> from marlfast import games
    >>> env = games.Cleanup(rows=3, columns=5).env(seed=0)
    >>> env.reset().shape
    (1, 2, 10)
    >>> print(env.render())
    w  w  .  .  0>
    w  .  .  1v .
    .  .  .  .  .
    0 apples, 3 of 6 squares of the river are polluted
    """

    name = "cleanup"
    also = ("clean_up",)
    integer_state = True
    agents: int = 2
    rows: int = 5
    columns: int = 6
    river: int = 2
    orchard: int = 2
    view: int = 1
    reach: int = 3
    apple_rate: float = 0.05
    waste_rate: float = 0.5
    depletion: float = 0.4
    restoration: float = 0.0
    start_waste: float = 0.5
    fine: float = 50.0
    cost: float = 1.0
    horizon: int = 200

    def __post_init__(self):
        self._check()
        self._set(river=integer("river", self.river, 1, MAX_SIDE), orchard=integer("orchard", self.orchard, 1,
        MAX_SIDE),
                  **{name: real(name, getattr(self, name), 0.0, 1.0) for name in (
                      "apple_rate", "waste_rate", "depletion", "restoration", "start_waste")})
        if self.river + self.orchard > self.columns:
            raise ValueError(f"columns: expected at least {self.river + self.orchard}, for the river and the orchard, "
                             f"got {self.columns}")
        if self.restoration >= self.depletion:
            raise ValueError(f"restoration: expected less than depletion, {self.depletion:g}, got {self.restoration:g}")

    @property
    def _orchard(self):
        return self.orchard

    def _rates(self):
        return {"depletion": self.depletion, "restoration": self.restoration, "apple_rate": self.apple_rate,
                "waste_rate": self.waste_rate, "start_waste": self.start_waste, "regrowth": np.zeros(NEARBY + 1)}
