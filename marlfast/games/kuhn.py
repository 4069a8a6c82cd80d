"""Kuhn poker: three cards, one bet."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.games.turns import TurnGame


@dataclass(frozen=True, repr=False, eq=False)
class KuhnPoker(TurnGame):
    """Two players, three cards, a card and at most one bet each: bluffing pays.

    Dynamics
        Both have paid 1. The first player passes or bets 1 more. After a bet the other folds (passes) or calls (bets);
        after a pass it may pass too, or bet, and then the first player folds or calls. Who has the higher card wins,
        unless somebody folded.
    Observation
        One of 13 numbers for each: ``4 * card + history``, where cards are 0, 1, 2 and histories 0 nothing, 1 a pass,
        2 a bet, 3 a pass and a bet; 12 once it is over.
    Action
        0 pass, 1 bet.
    Reward
        At the end what the other has paid, to the winner, and the same less to the loser: 1 or 2.
    Start
        Each gets one of the three cards, as likely.
    End
        Terminated when nobody has to answer.

    Parameters
    ----------
    horizon : int
        Steps of an episode; 0: no limit, as every play ends.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    LeducPoker : Larger.
    marlfast.solvers.cfr : Solves it.

    References
    ----------
    H. W. Kuhn, "A simplified two-person poker", Contributions to the Theory of Games I (1950). Its value for the first
    player is -1/18.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> found = solvers.cfr(games.KuhnPoker(), iterations=1000)
    >>> round(float(found.values[0]), 4)
    -0.0556
    """

    name = "kuhn"
    views = 2                   # each sees its own
    also = ("kuhn", "poker")
    measures = ("exploitability",)
    start_cuts = (3, 2)
    horizon: int = 0

    @property
    def action_counts(self):
        return np.full(2, 2, np.int32)

    @property
    def observations(self):
        return 13

    @property
    def reward_bounds(self):
        return (-2.0, 2.0)

    def render(self, state):
        card, other, history = (int(x) for x in state)
        played = ("-", "p", "b", "pb", "pp", "bp", "bb", "pbp", "pbb")[history]
        return f"cards {'JQK'[card]} {'JQK'[other]}, played {played}"

    def kernel(self, backend="cython"):
        return kernels(backend, "kuhn").KuhnPoker()
