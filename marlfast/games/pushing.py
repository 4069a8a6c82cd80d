"""Cooperative box pushing."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, real
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark


@dataclass(frozen=True, repr=False, eq=False)
class BoxPushing(Game):
    """Two agents push boxes into a goal; the large box, worth ten small ones, needs both at once.

    Dynamics
        Three rows of four squares: the goal above, below it a small box, a large box two squares wide and a small
        box, and the agents in the bottom row. An agent's action succeeds with probability ``success``, else the agent
        stays as it is; each agent has its own chance. Forward is judged by where all stood before the step: an agent
        under a small box that heads north pushes it into the goal; two agents under the large box who both go north
        push that. An agent *bumps*, and stays, if there is a wall, the other agent or an unmoved large box in front
        of it, or if both head for the same square.
    Observation
        ``sight="front"``: one whole number for each agent, what is on the square in front of it: 0 nothing, 1 a wall,
        2 the other agent, 3 a small box, 4 the large box. ``sight="full"``: the number of the state, 0 to 99, the same
        for both. Once a box is in the goal: 0, and the numbers 0 (left small box), 1 (right), 2 (both), 3 (large box).
    Action
        0 turn left, 1 turn right, 2 forward, 3 stay.
    Reward
        To both alike: -0.2 a step, 10 for each small box, 100 for the large box, -5 for each agent who bumps.
        ``reward_for="attempt"``: 10, 100 and -5 for what would happen if all actions of the step succeeded, which is
        the published model; ``"success"``: for what does happen.
    Start
        The first agent on the left, heading east, the second on the right, heading west.
    End
        Terminated when a box is in the goal, truncated after ``horizon`` steps. With ``continuing`` it does not
        terminate: the next step puts everything back to the start, whatever the agents do, and earns nothing.

    Parameters
    ----------
    success : float
        In [0, 1].
    sight : {"front", "full"}
        What agents see: the square in front, or the state.
    reward_for : {"attempt", "success"}
        What is paid for.
    continuing : bool
        Whether a box in the goal is put back, and the episode goes on.
    horizon : int
        0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    LevelForaging : Several agents and loads.

    References
    ----------
    S. Seuken and S. Zilberstein, "Improved memory-bounded dynamic programming for decentralized POMDPs", UAI
    2007. Where the article is silent (who bumps, what an attempt earns, the numbers of states, actions and
    observations), this is the model that its authors handed out, ``boxPushingUAI07.dpomdp``, with ``continuing``.
    Its optimal values with ``sight="front"`` are known: 17.6 for 2 steps, 66.081 for 3, 98.593613 for 4.

    Examples
    --------
    >>> from marlfast import games
    >>> games.BoxPushing().observations, games.BoxPushing(sight="full").observations
    (5, 100)
    """

    name = "box_pushing"
    also = ("pushing",)
    measures = ("episode_length",)
    integer_state = True
    features = 1
    agents = 2
    setting = "cooperative"
    reward_bounds = (-10.2, 99.8)
    success: float = 0.9
    sight: str = "front"
    reward_for: str = "attempt"
    continuing: bool = False
    horizon: int = 100

    def __post_init__(self):
        self._set(success=real("success", self.success, 0.0, 1.0), **self.checked_horizon())
        choice("sight", self.sight, ("front", "full"))
        choice("reward_for", self.reward_for, ("attempt", "success"))
        choice("continuing", self.continuing, (False, True))

    @property
    def views(self):
        return 1 if self.sight == "full" else 2

    @property
    def action_counts(self):
        return np.full(2, 4, np.int32)

    @property
    def observations(self):
        return 100 if self.sight == "full" else 5

    @property
    def ends(self):
        return self.horizon > 0 or not self.continuing

    def board(self, state):
        first, heading, second, other, pushed = (int(x) for x in state)
        rows = [0 if pushed in moved else 1 for moved in ((1, 3), (4,), (2, 3))]
        marks = [Mark(0, column, "g", "goal") for column in range(4)]
        marks += [Mark(rows[0], 0, "s", "object"), Mark(rows[1], 1, "L", "object"), Mark(rows[1], 2, "L", "object"),
                  Mark(rows[2], 3, "s", "object")]
        for column, way in ((first, heading), (second, other)):
            # Who pushed a box stands where the box was.
            followed = way == 0 and rows[(0, 1, 1, 2)[column]] == 0
            marks.append(Mark(1 if followed else 2, column, "^>v<"[way], "agent"))
        return Board(3, 4, tuple(marks))

    def kernel(self, backend="cython"):
        return kernels(backend, "pushing").BoxPushing(self.success, self.sight == "full", self.reward_for == "success",
                                                      self.continuing)
