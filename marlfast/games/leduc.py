"""Leduc poker: six cards, two rounds of bets."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.games.turns import TurnGame


@dataclass(frozen=True, repr=False, eq=False)
class LeducPoker(TurnGame):
    """Two players, six cards, two rounds of bets and a card that both see.

    Dynamics
        Both have paid 1. In each of two rounds the first player begins; in turn each folds, calls (pays what the other
        has paid more; checks, where that is nothing) or raises, by 2 in the first round and by 4 in the second, at
        most twice a round together. A round ends when both have paid the same and both have moved. Then a public card
        is drawn; after the second round who has the rank of the public card wins, else the higher rank; with the same
        rank nobody wins.
    Observation
        One of 1117 numbers for each: ``6 * card + bets`` in the first round, ``36 + ((6 * card + public) * 5 + end) *
        6 + bets`` in the second, 1116 once it is over. Card c has rank ``c // 2``; bets 0 none, 1 c, 2 r, 3 cr, 4 rr,
        5 crr (c a call, r a raise); end says how the first round ended: 0 cc, 1 rc, 2 crc, 3 rrc, 4 crrc.
    Action
        0 fold (only where there is something to pay), 1 call, 2 raise (at most twice in a round).
    Reward
        At the end what the other has paid, to the winner, and the same less to the loser.
    Start
        Each gets one of six cards, two of each of three ranks.
    End
        Terminated when somebody has folded, or the second round is over.

    Parameters
    ----------
    horizon : int
        Steps of an episode; 0: no limit, as every play ends.
    at_horizon : {"terminated", "truncated"}, optional
        What the horizon is: the game's end, or a limit put on it, see :class:`Game`.

    See Also
    --------
    KuhnPoker : Smaller.
    marlfast.solvers.cfr : Solves it.

    References
    ----------
    F. Southey, M. Bowling, B. Larson, C. Piccione, N. Burch, D. Billings and C. Rayner, "Bayes' bluff: opponent
    modelling in poker", UAI 2005. Rules and cards (six that can be told apart) are those of OpenSpiel's
    ``leduc_poker``.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> solvers.tree(games.LeducPoker())
    Tree(leduc: 2 players, 9,451 histories, 936 information sets)
    """

    name = "leduc"
    views = 2                   # each sees its own
    also = ("leduc_poker",)
    measures = ("exploitability",)
    cuts = 4
    start_cuts = (6, 5)
    horizon: int = 0

    @property
    def action_counts(self):
        return np.full(2, 3, np.int32)

    @property
    def observations(self):
        return 1117

    @property
    def reward_bounds(self):
        return (-13.0, 13.0)

    def render(self, state):
        card, other, public, end, bets = (int(x) for x in state)
        shown = ["JQK"[c // 2] + "sh"[c % 2] if c < 6 else "-" for c in (card, other, public)]
        first = ("cc", "rc", "crc", "rrc", "crrc", "")[end]
        now = ("", "c", "r", "cr", "rr", "crr", "over")[bets]
        return f"cards {shown[0]} {shown[1]}, public {shown[2]}, bets {first + '/' * (end < 5)}{now}"

    def kernel(self, backend="cython"):
        return kernels(backend, "leduc").LeducPoker()
