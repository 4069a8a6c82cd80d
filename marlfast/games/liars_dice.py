"""Liar's dice, with a die each."""
from dataclasses import dataclass

import numpy as np

from marlfast.backends import kernels
from marlfast.errors import integer
from marlfast.games.turns import TurnGame


@dataclass(frozen=True, repr=False, eq=False)
class LiarsDice(TurnGame):
    """Two players with a die each bid ever more, until one calls the other a liar.

    Dynamics
        In turn each bids that there are one or two dice of a side, more than the last bid (two of any side are more
        than one of any; of as many the higher side is more), or calls the last bid a lie. The highest side counts as
        any side. Then dice are shown: who called wins if there are fewer than was bid.
    Observation
        A number for each: ``die * 2 ** (2 * sides) + bids``, where bit b of bids says that b was bid; the greatest
        number once it is over.
    Action
        Less than ``2 * sides``: to bid ``a // sides + 1`` dice of side ``a % sides``, which must be more than the last
        bid; ``2 * sides`` calls it a lie.
    Reward
        1 to the winner, -1 to the loser, at the end.
    Start
        Each die as it falls.
    End
        Terminated by a call.

    Parameters
    ----------
    sides : int
        Of each die, 2 to 6.
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
    Rules are those of OpenSpiel's ``liars_dice`` with one die each: M. Lanctot et al., "OpenSpiel: a framework for
    reinforcement learning in games" (2019).

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> solvers.tree(games.LiarsDice(sides=3))
    Tree(liars_dice: 2 players, 1,144 histories, 192 information sets)
    """

    name = "liars_dice"
    views = 2                   # each sees its own
    also = ("dice",)
    measures = ("wins",)
    sides: int = 6
    horizon: int = 0

    def __post_init__(self):
        self._set(sides=integer("sides", self.sides, 2, 6), **self.checked_horizon())

    @property
    def start_cuts(self):
        """Where the uniforms of a start make a difference: the dice."""
        return (self.sides, self.sides)

    @property
    def action_counts(self):
        return np.full(2, 2 * self.sides + 1, np.int32)

    @property
    def observations(self):
        return (self.sides << 2 * self.sides) + 1

    def render(self, state):
        die, other, bids, called = (int(x) for x in state)
        said = [f"{b // self.sides + 1}x{b % self.sides + 1}" for b in range(2 * self.sides) if bids >> b & 1]
        return f"dice {die + 1} {other + 1}, bids {' '.join(said) or '-'}{' liar!' if called else ''}"

    def kernel(self, backend="cython"):
        return kernels(backend, "liars_dice").LiarsDice(self.sides)
