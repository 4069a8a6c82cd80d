"""The Ising game: agents on a torus are rewarded for agreeing with their neighbours."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer
from marlfast.games.base import Game
from marlfast.games.board import Board, Mark


@dataclass(frozen=True, repr=False, eq=False)
class Ising(Game):
    """Agents on a torus choose spins and are rewarded for agreeing with their four neighbours.

    Dynamics
        All agents choose their spins at once. Agent ``row * width + column`` has the neighbours above, below, left and
        right of it, across the edges. On a torus of two rows (or columns) the one above is the one below, and
        counts twice; on a torus of one row an agent is its own neighbour above and below, and counts as both.
    Observation
        How many of its neighbours are up, 0 to 4, for each agent its own.
    Action
        0: down; 1: up.
    Reward
        ``1/2 * spin * (sum of the four neighbours' spins)`` after the move, where spins are -1 (down) and 1 (up).
    Start
        Every spin up or down with probability 1/2.
    End
        Truncated after ``horizon`` steps; it never terminates.

    Parameters
    ----------
    height, width : int
        At least 1 each; there are ``height * width`` agents.
    horizon : int
        Steps of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    marlfast.learners.MeanFieldQ : Made for games like this.

    Notes
    -----
    Agents without temperature of their own: how orderly they get depends on how much they explore. For difference
    rewards, the square of an agent that is away is empty.

    References
    ----------
    Y. Yang, R. Luo, M. Li, M. Zhou, W. Zhang, J. Wang, "Mean field multi-agent reinforcement learning",
    ICML 2018, the Ising model.

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.Ising(4, 4)
    >>> float(game.order([1] * 12 + [0] * 4)), game.neighbours()[0].tolist()
    (0.5, [12, 4, 3, 1])
    """

    name = "ising"
    measures = ("order_parameter",)
    integer_state = True
    features = 1
    observations = 5
    height: int = 20
    width: int = 20
    horizon: int = 0

    def __post_init__(self):
        self._set(height=integer("height", self.height, 1, 2**15), width=integer("width", self.width, 1, 2**15),
                  **self.checked_horizon())

    @property
    def agents(self):
        return self.height * self.width

    @property
    def views(self):
        return self.agents

    @property
    def action_counts(self):
        return np.full(self.agents, 2, np.int32)

    @property
    def ends(self):
        return self.horizon > 0

    @property
    def setting(self):
        # Two agents are each other's only neighbours.
        return "cooperative" if self.agents <= 2 else "mixed"

    @property
    def bounds(self):
        return np.zeros(1), np.full(1, 4.0)

    @property
    def reward_bounds(self):
        # Who is its own neighbour, above and below or left and right, always agrees with itself.
        return -2.0 + 2.0 * ((self.height == 1) + (self.width == 1)), 2.0

    def order(self, state):
        """Work out the order parameter: |how many are up - how many are down| / agents.

        Parameters
        ----------
        state : float64 [..., S]
            Of one run, such as ``env.state[0]``, or of several.

        Returns
        -------
        float64 [...]
            From 0 to 1.
        """
        up = (np.asarray(state) > 0).sum(axis=-1)
        return np.abs(2 * up - self.agents) / self.agents

    def neighbours(self):
        """List the agents above, below, left and right of each on the torus, without itself.

        Returns
        -------
        int32 [N, 4]
            Fewer columns on tori of one row or column.
        """
        agents = np.arange(self.agents, dtype=np.int32).reshape(self.height, self.width)
        near = [np.roll(agents, step, axis) for axis in (0, 1) if agents.shape[axis] > 1 for step in (1, -1)]
        return np.stack(near, axis=2).reshape(self.agents, -1) if near else np.zeros((1, 0), np.int32)

    def board(self, state):
        marks = tuple(Mark(i // self.width, i % self.width, *(("+", "agent") if spin > 0 else ("-", "rival")))
                      for i, spin in enumerate(np.asarray(state).tolist()))
        return Board(self.height, self.width, marks, f"order {self.order(state):.3g}")

    def kernel(self, backend="cython"):
        return kernels(backend, "ising").Ising(self.height, self.width)
