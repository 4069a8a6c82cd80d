"""Whether strategies are best replies to each other, and what the played actions lose."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis import values
from marlfast.analysis.cycles import occupied, reached
from marlfast.analysis.strategies import discounted, strategies
from marlfast.analysis.summary import Summarised
from marlfast.errors import choice, real

ROUNDING = 1e-13        # of the greatest value: smaller differences are none


@dataclass(frozen=True, eq=False, repr=False)
class NashTest(Summarised):
    """Whether each agent's strategy is a best reply to the others', on the path of play and off it.

    Attributes
    ----------
    on_path : bool [R]
        In every state of the path, for every agent. The path is the limit cycle (with chance: the states that are
        visited for ever); in games that end, all states that play can come to from the start.
    everywhere : bool [R]
        In every state, for every agent.
    best : bool [R, S, N]
        Whether what agent i does in state s is as good as any other action.
    loss : float64 [R, S, N]
        See :func:`q_loss`.
    path : bool [R, S]
        The states on the path.
    off : bool [R, S]
        All others, but for those in which the game is over.
    exact : bool
        True: from solved values, not from samples.
    """

    on_path: np.ndarray
    everywhere: np.ndarray
    best: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    off: np.ndarray
    exact: bool = True

    def _mean(self, what, where):
        """Mean over the states marked in ``where``: float64 [R, N]; NaN where there are none."""
        count = where.sum(axis=1)[:, None]
        sums = np.where(where[:, :, None], what, 0.0).sum(axis=1)
        return np.where(count > 0, sums / np.maximum(count, 1), np.nan)

    @property
    def share_off_path(self):
        """Share of the states off the path in which each agent replies best: float64 [R, N]; NaN where all are on."""
        return self._mean(self.best, self.off)

    @property
    def loss_on_path(self):
        """Mean loss over the states of the path: float64 [R, N]."""
        return self._mean(self.loss, self.path)

    @property
    def loss_off_path(self):
        """Mean loss over all other states: float64 [R, N]; NaN where there are none."""
        return self._mean(self.loss, self.off)

    def summary(self):
        """A line of text."""
        return (f"Nash on path in {self.on_path.mean():.3f} of {len(self.on_path)} runs, everywhere in "
                f"{self.everywhere.mean():.3f}; mean loss on path {self.loss_on_path.mean():.4g}")


def nash_test(game, given, discount, start=None, continuation="frozen", tolerance=1e-12):
    """Test whether strategies are best replies to each other, and measure what they lose.

    What is played is as good as anything else in a state if its value is less than the greatest one there by at most
    ``tolerance`` times the greatest value of any state.

    Agents must be able to tell the states apart.

    Parameters
    ----------
    game : Game or Model
    given : Strategies, or what :func:`strategies` takes
    discount : float
        In [0, 1).
    start : int, int [R] or float64 [S], optional
        Where the path begins, as in :func:`long_run`, with the same default.
    continuation : {"frozen", "best"}
        What action values assume of the agent's own play from the next step on. ``"frozen"``: it goes on with its
        strategy, so that one-shot deviations are tested; this is what the source's program computes, and its published
        shares stand for. ``"best"``: it goes on as well as can be, so that all deviations are tested; this is what the
        source's text defines. For ``everywhere`` both are the same test (the one-shot deviation principle); on the path
        the second refuses more.
    tolerance : float
        At least 0.

    Returns
    -------
    NashTest

    Notes
    -----
    Source: E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020), section on equilibrium play.
    """
    s = strategies(game, given)
    tolerance = real("tolerance", tolerance, 0.0)
    gap, loss, scale = _losses(s, discounted(discount), choice("continuation", continuation, ("frozen", "best")))
    over = s.model.terminal
    path = reached(s, start) & ~over if over.any() else occupied(s, start) > 0.0
    best = gap <= tolerance * scale[:, None]
    by_state = best.all(axis=2)
    return NashTest((by_state | ~path).all(axis=1), by_state.all(axis=1), best, loss, path, ~path & ~over)


def q_loss(game, given, discount, continuation="frozen"):
    """What the played action loses to the best one, relative to its value: ``(max_a Q - Q(played)) / |max_a Q|``.

    Q are the true action values against the others' frozen strategies, not learned ones: see :func:`action_values`.

    Parameters
    ----------
    game, given, discount, continuation
        See :func:`nash_test`.

    Returns
    -------
    float64 [R, S, N]
        0 where nothing is lost but by rounding; infinite where the best value is 0.

    Notes
    -----
    Source: see :func:`nash_test`; there it is the Q-loss of a session.
    """
    s = strategies(game, given)
    return _losses(s, discounted(discount), choice("continuation", continuation, ("frozen", "best")))[1]


def _losses(s, discount, continuation):
    """(what is lost to the best action, the same relative to its value, both [R, S, N]; greatest values [R, N])."""
    m = s.model
    gap, loss, scale = np.empty((s.runs, m.size, m.agents)), np.empty((s.runs, m.size, m.agents)), []
    for some in values.chunks(s, m.size * max(m.actions)) if s.certain else [slice(None)]:
        part = s.some(some)
        v = values._state_values(part, discount)
        greatest = np.empty((part.runs, m.agents))
        for i in range(m.agents):
            values.check_tells_apart(m, i)
            if continuation == "best":
                q = values._best(part, i, discount)[2]
            else:
                q = values._action_values(part, discount, i, v[:, :, i])
            best = q.max(axis=2)
            greatest[:, i] = np.abs(q).max(axis=(1, 2))
            lost = np.maximum(best - _played(part, i, q), 0.0)
            gap[some, :, i] = lost
            lost = np.where(lost > ROUNDING * greatest[:, i, None], lost, 0.0)
            with np.errstate(divide="ignore", invalid="ignore"):
                loss[some, :, i] = np.where(lost > 0.0, lost / np.abs(best), 0.0)
        scale.append(greatest)
    return gap, loss, np.concatenate(scale)


def _played(s, agent, q):
    """Value of what an agent plays: float64 [R, S]."""
    if s.pure:
        return np.take_along_axis(q, s.actions[:, :, agent, None].astype(np.int64), axis=2)[:, :, 0]
    return (q * s.probabilities[agent]).sum(axis=2)
