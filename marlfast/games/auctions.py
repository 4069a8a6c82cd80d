"""Auctions in which all bid at once."""
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marlfast.errors import choice, integer, real, shown
from marlfast.games.matrix import MAX_AGENTS, NormalForm, per_agent, room


@dataclass(frozen=True, repr=False, eq=False)
class SealedBidAuction(NormalForm):
    """Bidders bid at once for one good; the highest bid wins and pays by a rule between first and second price.

    Dynamics
        Auctions, one after another. Nothing is remembered of them, or the bids of the last ``memory``.
    Observation
        0; with memory the number of these bids, the same for all: see :class:`~marlfast.games.matrix.NormalForm`.
    Action
        The number of a bid in ``bids``.
    Reward
        The winner's value less the payment; 0 to all others. Of those who bid the same, one is drawn to win
        (``ties="drawn"``), or each earns what it would win, divided by how many they are (``ties="shared"``).
    Start
        See :class:`~marlfast.games.matrix.NormalForm`.
    End
        Truncated after ``horizon`` auctions; by default never.

    Parameters
    ----------
    agents : int
        Bidders, at least 2.
    values : float or sequence of float [N]
        What the good is worth to each.
    bids : sequence of float
        Increasing. Default: 0.05, 0.10, ..., 0.95.
    payment : {"first", "second"} or float
        The winner pays its own bid, or the highest of the other bids, or with a number a from 1 to 2
        ``(2 - a) * first + (a - 1) * second``.
    ties : {"drawn", "shared"}
        Who wins a tie. The two have the same expected rewards; what learners make of them differs.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.
    memory : int
        How many rounds are remembered, see :class:`~marlfast.games.NormalForm`. 0: none.
    start : {"empty", "uniform"} or sequence
        The history that an episode begins with, see :class:`~marlfast.games.NormalForm`.
    horizon : int
        Rounds of an episode; 0: no limit.

    See Also
    --------
    LogitBertrand : Sellers who set prices.
    marlfast.reproduce.Banchio2022 : What learners bid.

    References
    ----------
    M. Banchio and A. Skrzypacz, "Artificial intelligence and auction design", ACM Conference on Economics and
    Computation (2022).

    Examples
    --------
    >>> from marlfast.games.auctions import SealedBidAuction
    >>> game = SealedBidAuction(payment="second")
    >>> float(game.revenue[game.joint((18, 9))]), game.expected[18, 9].tolist()
    (0.5, [0.5, 0.0])
    """

    name = "sealed_bid_auction"
    also = ("auction",)
    measures = ("revenue", "cycle_length")
    agents: int = 2
    values: Any = 1.0
    bids: Any = tuple(k / 20 for k in range(1, 20))
    payment: Any = "first"
    ties: str = "drawn"
    horizon: int = field(default=0, kw_only=True)

    def __post_init__(self):
        self._set(agents=integer("agents", self.agents, 2, MAX_AGENTS),
                  ties=choice("ties", self.ties, ("drawn", "shared")))
        values = per_agent("values", self.values, self.agents, real)
        self._set(_values=values, values=values if np.iterable(self.values) else values[0])
        if isinstance(self.bids, str) or not np.iterable(self.bids):
            raise TypeError(f"bids: expected a sequence of numbers, got {shown(self.bids)}")
        bids = tuple(real(f"bids[{k}]", b) for k, b in enumerate(self.bids))
        if not bids:
            raise ValueError("bids: expected at least one, got none")
        for k in range(1, len(bids)):
            if not bids[k] > bids[k - 1]:
                raise ValueError(f"bids[{k}]: expected more than the bid before it ({bids[k - 1]}), got {bids[k]}")
        self._set(bids=bids)
        if isinstance(self.payment, str):
            choice("payment", self.payment, ("first", "second"))
        else:
            self._set(payment=real("payment", self.payment, 1.0, 2.0))
        room((len(bids),) * self.agents, self.agents if self.ties == "drawn" else 1)
        super().__post_init__()

    @property
    def _joint_bids(self):
        """The bids of every joint action: numbers of bids, int64 [J, N]."""
        counts = (len(self.bids),) * self.agents
        return np.stack(np.unravel_index(np.arange(len(self.bids)**self.agents), counts), axis=1)

    @property
    def revenue(self):
        """What the winner of each joint action pays, whoever it is: float64 [J]."""
        ordered = np.sort(self._joint_bids, axis=1)
        first, second = (np.array(self.bids)[ordered[:, -k]] for k in (1, 2))
        a = {"first": 1.0, "second": 2.0}.get(self.payment, self.payment)
        return (2.0 - a) * first + (a - 1.0) * second

    @property
    def _tied(self):
        """Who bids highest: bool [J, N]."""
        bids = self._joint_bids
        return bids == bids.max(axis=1, keepdims=True)

    def matrices(self):
        tied, n = self._tied, self.agents
        shape = (len(self.bids),) * n
        earned = np.array(self._values) - self.revenue[:, None]
        if self.ties == "shared":
            shares = np.where(tied, earned / tied.sum(axis=1, keepdims=True), 0.0)
            return [shares[:, i].reshape(shape) for i in range(n)]
        place = np.where(tied, tied.cumsum(axis=1) - 1, -1)     # of each among those who are tied
        return [np.where(place[:, i, None] == np.arange(n), earned[:, i, None], 0.0).reshape(*shape, n)
                for i in range(n)]

    def chances(self):
        if self.ties == "shared":
            return None
        many = self._tied.sum(axis=1, keepdims=True)
        return np.where(np.arange(self.agents) < many, 1.0 / many, 0.0).reshape((len(self.bids),) * self.agents + (-1,))

    def names_of_actions(self, agent=0):
        return [f"{bid:.4g}" for bid in self.bids]

    def render(self, state):
        if not self.memory:
            return super().render(state)
        return "\n".join("bids " + " ".join(f"{self.bids[a]:.5g}" for a in joint[:12])
                         + (" ..." if len(joint) > 12 else "") for joint in self.history(state[0])[-20:]
                         ) or "no auction yet"
