"""Pricing in turns: two firms that sell the same good set their prices in alternate periods."""
from dataclasses import dataclass, field

import numpy as np

from marlfast.errors import flag, integer
from marlfast.games.markov import MarkovGame, Tabular
from marlfast.memory import check_memory


@dataclass(frozen=True, repr=False, eq=False)
class SequentialPricing(Tabular):
    """Two firms sell the same good and set their prices in turns.

    Dynamics
        A step is a period. The firm whose turn it is sets its price, the other's stands; then it is the other's turn.
    Observation
        ``turn * (k + 1) + standing``, the same for both firms: whose turn it is, and the number of the price at which
        the other firm stands. So there are ``2 * (k + 1)`` observations.
    Action
        The number of a price, 0 to k; price number a is ``a / k``. The action of the firm whose turn it is not is
        ignored; with ``turns`` it has none.
    Reward
        A period's profit: the firm's price times what it sells. Costs are 0. The firm with the lower price p sells
        ``1 - p``, the other nothing; at equal prices each sells half of it.
    Start
        The first firm's turn; the second firm stands at any price, all equally likely.
    End
        Never, but for ``horizon``.

    Parameters
    ----------
    k : int
        There are k + 1 prices.
    horizon : int
        Periods of an episode; 0: no limit.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    turns : bool
        Whether a firm acts, and learns, in its own periods only, as in the paper. False: in all, see below.

    See Also
    --------
    LogitBertrand : Firms that set prices at once.

    Notes
    -----
    A firm earns in every period, also while its price stands, so a learner's discount is the paper's discount of one
    period (there 0.95). With ``turns`` a firm learns as the paper's does, once in two periods, from both profits and
    the value two periods on: ``profit + discount * next profit + discount**2 * max Q``. Without, a learner updates in
    every period, and learns the same in two parts: what it does earns the profit and the discounted value of waiting;
    and waiting earns the next profit and the discounted value of its next turn. Both have the same fixed point, in
    which all (ignored) actions of a firm that waits have the same value; the way there differs, and learners that do
    not take games with turns, and exact analysis, take it.

    At the monopoly price 1/2 each firm earns 1/8 a period, when both charge it (k even).

    References
    ----------
    T. Klein, "Autonomous algorithmic collusion: Q-learning under sequential pricing", RAND Journal of Economics
    52 (2021), after E. Maskin and J. Tirole, "A theory of dynamic oligopoly, II", Econometrica 56 (1988).

    Examples
    --------
    >>> from marlfast import games
    >>> game = games.SequentialPricing(k=6)
    >>> game.observations, game.action_counts.tolist()
    (14, [7, 7])
    """

    name = "sequential_pricing"
    also = ("maskin_tirole", "klein")
    measures = ("price", "profit", "cycle_length", "nash_on_path")
    k: int = 6
    horizon: int = 0
    turns: bool = field(default=False, kw_only=True)

    def __post_init__(self):
        k = integer("k", self.k, 1, 2**30)
        # Of every state and joint action: where it leads, and two profits.
        check_memory(f"k: transitions between {k + 1} prices", 2 * (k + 1) ** 3 * (4 + 16), "take fewer")
        self._set(k=k, **self.checked_horizon(), turns=flag("turns", self.turns))

    @property
    def participation(self):
        return ("to_act",) if self.turns else ()

    @property
    def agents(self):
        return 2

    @property
    def action_counts(self):
        return np.full(2, self.k + 1, np.int32)

    @property
    def observations(self):
        return 2 * (self.k + 1)

    @property
    def ends(self):
        return self.horizon > 0

    @property
    def market_prices(self):
        """The lower price of a period, at which is sold, by state and joint action: float64 [S, J]."""
        price = np.arange(self.k + 1) / self.k
        lower = np.minimum(price[:, None], price)           # by the price that stands and the one that is set
        shape = (self.k + 1,) * 3
        return np.stack([np.broadcast_to(lower[:, :, None], shape), np.broadcast_to(lower[:, None, :], shape)]).reshape(
            2 * (self.k + 1), -1)

    def arrays(self):
        n = self.k + 1
        price = np.arange(n) / self.k
        own, other = price[:, None], price[None, :]
        profit = own * np.where(own < other, 1.0 - own, np.where(own == other, (1.0 - own) / 2.0, 0.0))
        # Axes: whose turn, the price that stands, action of firm 0, action of firm 1.
        successors, rewards = np.empty((2, n, n, n), np.int32), np.empty((2, n, n, n, 2))
        successors[0] = n + np.arange(n)[None, :, None]     # firm 0's new price stands, and it is firm 1's turn
        successors[1] = np.arange(n)[None, None, :]
        rewards[0, ..., 0], rewards[0, ..., 1] = profit.T[:, :, None], profit[:, :, None]
        rewards[1, ..., 0], rewards[1, ..., 1] = profit[:, None, :], profit.T[:, None, :]
        start = np.zeros(2 * n)
        start[:n] = 1.0 / n
        return MarkovGame(successors.reshape(2 * n, n * n), rewards.reshape(2 * n, n * n, 2), (n, n), start=start,
                          horizon=self.horizon, to_act=np.repeat([0, 1], n) if self.turns else None)

    def render(self, state):
        turn, standing = divmod(int(state[0]), self.k + 1)
        return f"firm {turn} to set its price, firm {1 - turn} stands at {standing}/{self.k}"
