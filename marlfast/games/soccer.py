"""Soccer on squares: two players, one ball, two goals."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import choice, integer, real
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark


@dataclass(frozen=True, repr=False, eq=False)
class Soccer(Game):
    """Two players, a ball and two goals on a small board: whoever cannot be predicted scores.

    Dynamics
        Both choose a move; the two moves are then made one after the other, in random order. A move into the
        other player's square is not made, and the ball goes (or stays with) the player who stood there. A move
        off the board is not made, but for one: with the ball into the own goal to score in. These goals lie
        beyond the left edge for player A (agent 0) and beyond the right edge for player B (agent 1), at the two
        middle rows (the middle one, where the height is odd). Once a goal is scored, the other move is not made.
    Observation
        One of ``2 n (n - 1)`` numbers, ``n = height * width``: where both are, and who has the ball. With
        squares counted row by row from 0, ``(ball * n + own) * (n - 1) + other``, less 1 where ``other > own``;
        ``own`` is A's square, ``other`` is B's, and ``ball`` is 0 if A has it. With ``mirrored`` player B sees
        the board turned by half, ``own`` being itself: the very number that A would see in its place.
    Action
        0 north, 1 south, 2 east, 3 west, 4 stand. With ``mirrored`` those of player B are turned with its
        board: its north is south and its east is west.
    Reward
        1 to a player who scores, -1 to the other.
    Start
        Player A in the upper middle row, next to the last column; player B in the lower middle row, next to the
        first column (in these columns themselves, where the width is 3; in the same row, where the height is
        odd). Either has the ball with probability 1/2.
    End
        Terminated by a goal; and with ``draw_probability`` after a step without a goal. With ``restart`` both of
        these begin a new game within the episode, which then never terminates. Truncated after ``horizon`` steps.

    Parameters
    ----------
    height, width : int
        At least 2 (on one row nobody could pass the other) and 3; at most 32,767 squares.
    draw_probability : float
        In [0, 1].
    restart : bool
        Whether a goal (or draw) begins a new game within the episode. See the notes.
    mirrored : bool
        Whether player B sees the board as A would in its place. Then one table fits both players.
    horizon : int
        Steps of an episode; 0: no limit. Two players who both stand would play for ever.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    marlfast.learners.MinimaxQ : Made for it.
    marlfast.reproduce.Littman1994 : How learners fare in it.

    Notes
    -----
    Littman's training resets the board after a goal and goes on, so that what is learned bootstraps from the new
    start: that is ``restart=True``, with ``horizon`` the number of training steps. His tests, whose games end in
    a draw with probability 0.1 a step, are ``draw_probability=0.1``. The default makes every goal a terminal
    state of value 0. Both agree where the players are equals: turned by half, a start with the ball at A is
    one with the ball at B, so the value of a random start is 0 when both play alike, or play a minimax
    equilibrium.

    References
    ----------
    M. L. Littman, "Markov games as a framework for multi-agent reinforcement learning", ICML (1994),
    section 5 and figure 2 (board, start, "left for A, right for B"). What happens at the edge of the board, and
    at the goal that the other one scores in, is not said there; here such moves are not made.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.Soccer()
    >>> env = game.env(seed=0)
    >>> _ = env.reset()
    >>> print(game.render(env.state[0]))
    #  .  .  .  .  .  #
    a  .  .  .  A* .  b
    a  .  B  .  .  .  b
    #  .  .  .  .  .  #
    A has the ball; A scores at a, B at b
    """

    name = "soccer"
    also = ("football",)
    measures = ("wins", "losses", "draws")
    integer_state = True
    agents = 2
    features = 1
    setting = "competitive"
    reward_bounds = (-1.0, 1.0)
    teams = ((0,), (1,))
    height: int = 4
    width: int = 5
    draw_probability: float = 0.0
    restart: bool = False
    mirrored: bool = False
    horizon: int = 200

    def __post_init__(self):
        self._set(height=integer("height", self.height, 2, 32767), width=integer("width", self.width, 3, 32767),
                  draw_probability=real("draw_probability", self.draw_probability, 0, 1),
                  restart=bool(choice("restart", self.restart, (False, True))),
                  mirrored=bool(choice("mirrored", self.mirrored, (False, True))),
                  **self.checked_horizon())
        if self.height * self.width > 32767:
            raise ValueError(f"height, width: expected at most 32767 squares, got {self.height} x {self.width}")

    @property
    def action_counts(self):
        return np.full(2, 5, np.int32)

    @property
    def views(self):
        return 2 if self.mirrored else 1

    @property
    def observations(self):
        squares = self.height * self.width
        return 2 * squares * (squares - 1)

    @property
    def ends(self):
        return self.horizon > 0 or not self.restart

    def board(self, state):
        row_a, column_a, row_b, column_b, ball = (int(x) for x in state)
        goal_rows = ((self.height - 1) // 2, self.height // 2)
        # The goals lie beyond the edges: the picture has one more column on either side.
        marks = [Mark(row, column, text if row in goal_rows else "#", "goal" if row in goal_rows else "wall")
                 for column, text in ((0, "a"), (self.width + 1, "b")) for row in range(self.height)]
        marks += [Mark(row_a, column_a + 1, "A" if ball else "A*", "agent"),
                  Mark(row_b, column_b + 1, "B*" if ball else "B", "rival")]
        return Board(self.height, self.width + 2, tuple(marks), f"{'AB'[ball]} has the ball; A scores at a, B at b")

    def kernel(self, backend="cython"):
        return kernels(backend, "soccer").Soccer(self.height, self.width, self.draw_probability, self.restart,
                                                 self.mirrored)
