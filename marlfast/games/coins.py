"""The coin game: collecting a coin of another's colour hurts its owner."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark

#: Observations are numbered by default where there are at most so many.
_NUMBERED = 100_000
_ROWS = 2**31 - 2


@dataclass(frozen=True, repr=False, eq=False)
class CoinGame(Game):
    """Agents collect coins; a coin of another's colour is as good as one's own, but hurts its owner.

    Dynamics
        All agents move at once, one square on a board whose edges are joined (a torus). They may share squares.
        Whoever then stands on the coin collects it, several agents together if they arrive together. A new coin
        lies at once on a square without agents, each as likely as any other; its colour is drawn, or with
        ``colours="alternate"`` the one after the last coin's.
    Observation
        Rows and columns of the agents, those of the coin, and whose colour it has, the same for every agent:
        ``2 * agents + 3`` whole numbers, or, ``numbered``, one in their place. With squares counted row by row
        from 0 and n of them, that is ``((agent 0 * n + agent 1) * n + coin) * 2 + colour`` for two agents: 1,458
        numbers on 3 x 3.
    Action
        0 north, 1 south, 2 east, 3 west; with ``stay`` also 4 stand.
    Reward
        1 to each agent that collects the coin. Its owner, the agent of its colour, loses 2 for every other agent
        that does.
    Start
        Agents on different squares, the coin on another, all equally likely; its colour is drawn.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    size : int
        Rows and columns of the board, at most 1,024; there must be more squares than agents.
    agents : int
        1 to 64, which is also the number of colours.
    stay : bool
        Whether standing still is an action.
    colours : {"random", "alternate"}
        Whose a new coin is: drawn, or in turn.
    numbered : bool, optional
        Default: where there are at most 100,000 observations.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    PrisonersDilemma : The same dilemma in one choice.

    Notes
    -----
    Two agents together gain 1 from a coin that its owner collects, lose 1 by one that the other collects, and
    neither by one that they collect together. At random each earns 0 on average.

    References
    ----------
    A. Lerer and A. Peysakhovich, "Maintaining cooperation in complex social dilemmas using deep
    reinforcement learning", arXiv:1707.01068 (2017), on 5 x 5; on 3 x 3, with four moves and 150 steps,
    J. Foerster et al., "Learning with opponent-learning awareness", AAMAS (2018). New coins have a random colour
    in their text (``"random"``), the other colour in the code they published (``"alternate"``). That two agents
    who arrive together both collect, and that agents start on different squares, is as in that code. More than
    two agents are a generalisation of this package.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.CoinGame()
    >>> game.observations, game.reward_bounds
    (1458, (-2.0, 1.0))
    """

    name = "coins"
    also = ("coin_game",)
    measures = ("own_coins",)
    integer_state = True
    size: int = 3
    agents: int = 2
    stay: bool = False
    colours: str = "random"
    numbered: bool | None = None
    horizon: int = 150

    def __post_init__(self):
        self._set(size=integer("size", self.size, 1, 1024), agents=integer("agents", self.agents, 1, 64),
                  stay=bool(choice("stay", self.stay, (False, True))),
                  colours=choice("colours", self.colours, ("random", "alternate")),
                  **self.checked_horizon())
        if self.size * self.size <= self.agents:
            raise ValueError(f"size: expected more squares than agents ({self.agents}), so that there is room for a "
                             f"coin; got {self.size} x {self.size}")
        count = self._count
        if self.numbered is None:
            self._set(numbered=count <= _NUMBERED)
        self._set(numbered=bool(choice("numbered", self.numbered, (False, True))))
        if self.numbered and count > _ROWS:
            raise ValueError(f"numbered: there are more than {_ROWS} observations, too many to number; "
                             "use numbered=False")

    @property
    def _count(self):
        return self.size ** (2 * self.agents + 2) * self.agents

    @property
    def action_counts(self):
        return np.full(self.agents, 5 if self.stay else 4, np.int32)

    @property
    def features(self):
        return 1 if self.numbered else 2 * self.agents + 3

    @property
    def observations(self):
        return self._count if self.numbered else None

    @property
    def bounds(self):
        if self.numbered:
            return np.zeros(1), np.array([self._count - 1.0])
        return np.zeros(self.features), np.array([self.size - 1.0] * (self.features - 1) + [self.agents - 1.0])

    @property
    def reward_bounds(self):
        return -2.0 * (self.agents - 1), 1.0

    @property
    def setting(self):
        return "mixed" if self.agents > 1 else "cooperative"

    @property
    def ends(self):
        return self.horizon > 0

    def board(self, state):
        *places, row, column, colour = (int(x) for x in state)
        # Agent 0 and its coin are told from the others' by their kind too, for the picture.
        marks = [Mark(places[2 * i], places[2 * i + 1], str(i), "rival" if i else "agent") for i in range(self.agents)]
        marks.append(Mark(row, column, f"c{colour}", "object"))
        return Board(self.size, self.size, tuple(marks), f"c{colour}: agent {colour}'s coin")

    def kernel(self, backend="cython"):
        return kernels(backend, "coins").Coins(self.agents, self.size, self.stay, self.colours == "alternate",
                                               self.numbered)
