"""Opponent shaping with exact gradients in iterated games of two players with two actions."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.summary import Summarised
from marlfast.errors import integer, real
from marlfast.games.matrix import NormalForm
from marlfast.registry import require

STATES = ("CC", "CD", "DC", "DD", "start")


@dataclass(frozen=True, eq=False, repr=False)
class Shaped(Summarised):
    """What two learners with exact gradients have come to in an iterated game.

    Attributes
    ----------
    probabilities : float64 [R, 2, 5]
        How likely each player takes its action 0 after both took 0, the first alone did, the second alone did, neither
        did, and at the start: the same order for both.
    returns : float64 [R, 2]
        Discounted returns times ``1 - discount``: what a round earns.
    history : float64 [steps + 1, R, 2]
        The same before each step and after the last.
    game : str
        Its name.
    method : str
        Which rule.

    See Also
    --------
    lola : Makes it.
    """

    probabilities: np.ndarray
    returns: np.ndarray
    history: np.ndarray
    game: str
    method: str

    def summary(self):
        runs = len(self.returns)
        return (f"{self.method} in iterated {self.game}: {runs} run{'s' * (runs != 1)}, a round earns "
                f"{self.returns.mean():.4g} on average")


class _Iterated:
    """Values of an iterated 2 x 2 game and their derivatives, for R pairs of strategies at once.

    With q [R, 2, 5] the probabilities of action 0, the chain's row s is the product of both distributions in s, and
    ``V = start (I - g P)^-1 r``. All of P and start are linear in each player's own q, so that derivatives by q are the
    same expressions with a row exchanged.
    """

    def __init__(self, payoffs, discount):
        self.rewards = np.ascontiguousarray(payoffs.reshape(4, 2).T)        # [2, 4]
        self.discount = discount

    @staticmethod
    def _joint(one, two):
        """Distributions over the four joint actions: one, two [..., 2] to [..., 4]."""
        return (one[..., :, None] * two[..., None, :]).reshape(*one.shape[:-1], 4)

    def __call__(self, q):
        """(values [R, 2]; first derivatives [R, 2 values, 2 players, 5]; mixed ones [R, 2 values, 5, 5])."""
        runs, g = len(q), self.discount
        both = np.stack([q, 1.0 - q], axis=-1)                  # [R, 2, 5, 2]
        rows = self._joint(both[:, 0], both[:, 1])              # [R, 5, 4]
        chain, start = rows[:, :4], rows[:, 4]
        inverse = np.linalg.inv(np.eye(4) - g * chain)          # [R, 4, 4]
        worth = np.einsum("rst,vt->rvs", inverse, self.rewards)     # values of each state
        visits = np.einsum("rs,rst->rt", start, inverse)            # discounted
        values = np.einsum("rs,rvs->rv", start, worth)
        sign = np.broadcast_to([1.0, -1.0], (runs, 5, 2))
        # What one more of action 0 in a state changes its row by: of the first player, of the second, of both at once.
        first, second = self._joint(sign, both[:, 1]), self._joint(both[:, 0], sign)
        mixed = self._joint(sign, sign)
        # How often a state is, discounted, and what its successor counts: 1 at the start, discount elsewhere.
        weight = np.concatenate([g * visits, np.ones((runs, 1))], axis=1)       # [R, 5]
        by = np.stack([first, second], axis=1)                                   # [R, 2, 5, 4]
        slopes = np.einsum("rk,rpkt,rvt->rvpk", weight, by, worth)
        # A change in the row of k moves visits to all states, whose own change then counts: g (dP_k) inverse.
        onward = g * np.einsum("rpkt,rts->rpks", by, inverse)                    # [R, 2, 5, 4]
        gain = np.einsum("rpkt,rvt->rvpk", by, worth)                            # [R, 2 values, 2, 5]
        cross = np.zeros((runs, 2, 5, 5))       # by first player's k, second player's l
        cross[..., :, :4] += np.einsum("rk,rkl,rvl->rvkl", weight, onward[:, 0], gain[:, :, 1, :4])
        cross[..., :4, :] += np.einsum("rl,rlk,rvk->rvkl", weight, onward[:, 1], gain[:, :, 0, :4])
        same = np.einsum("rk,rkt,rvt->rvk", weight, mixed, worth)
        cross[..., np.arange(5), np.arange(5)] += same
        return values, slopes, cross


def lola(game, steps=200, discount=0.96, rate=1.0, shaping=0.5, runs=20, seed=0):
    """Opponent shaping with exact gradients: each learner counts on how its own strategy changes the other's next step.

    Both remember the last round: a strategy is five numbers, whose logistic functions are probabilities of action 0.
    Player 1 steps by ``rate * (dV1/dx1 + shaping * (dV1/dx2) . d2V2/dx2 dx1)``, player 2 likewise, both at once.
    ``shaping=0`` are naive learners, who follow their own gradient.

    Parameters
    ----------
    game : NormalForm
        Two players with two actions each: what a round pays. Its own memory and horizon do not matter.
    steps : int
        Of learning.
    discount : float
        In [0, 1), of what later rounds pay.
    rate : float
        At least 0.
    shaping : float
        At least 0: how large a step of the other is counted on, in units of ``rate``.
    runs : int
        Pairs of learners.
    seed : int
        Of their first strategies: standard normals.

    Returns
    -------
    Shaped
        Strategies and what they earn.

    See Also
    --------
    marlfast.reproduce.Lola2018 : The published figures.

    References
    ----------
    J. Foerster, R. Y. Chen, M. Al-Shedivat, S. Whiteson, P. Abbeel and I. Mordatch, "Learning with
    opponent-learning awareness", AAMAS 2018.

    Examples
    --------
    >>> from marlfast import games, solvers
    >>> pennies = solvers.lola(games.MatchingPennies(), discount=0.9, rate=0.1, steps=1000, runs=4)
    >>> bool(abs(pennies.returns).max() < 0.05)
    True
    """
    game = require("game", game, "game")
    if not isinstance(game, NormalForm) or game.action_counts.tolist() != [2, 2]:
        raise ValueError("game: expected a game in normal form of two players with two actions each, got "
                         f"{game.name!r}")
    steps, runs = integer("steps", steps, 0), integer("runs", runs, 1)
    discount = real("discount", discount, 0.0, 1.0)
    if discount == 1.0:
        raise ValueError("discount: expected less than 1, as rounds never end")
    rate, shaping = real("rate", rate, 0.0), real("shaping", shaping, 0.0)
    values_of = _Iterated(np.asarray(game.expected, np.float64), discount)
    x = np.random.default_rng(integer("seed", seed, 0)).standard_normal((runs, 2, 5))
    history = []
    for step in range(steps + 1):
        q = 1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0)))
        values, slopes, cross = values_of(q)
        history.append(values * (1.0 - discount))
        if step == steps:
            break
        inner = q * (1.0 - q)                                       # derivative of the logistic function
        slopes = slopes * inner[:, None]
        cross = cross * inner[:, None, 0, :, None] * inner[:, None, 1, None, :]
        change = np.stack([slopes[:, 0, 0] + shaping * np.einsum("rl,rkl->rk", slopes[:, 0, 1], cross[:, 1]),
                           slopes[:, 1, 1] + shaping * np.einsum("rk,rkl->rl", slopes[:, 1, 0], cross[:, 0])], axis=1)
        x = x + rate * change
    return Shaped(q, history[-1], np.array(history), game.name, "LOLA" if shaping else "naive learning")
