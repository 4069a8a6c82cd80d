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
    kind : str
        Which of what learners play it is: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    nash_test : Makes it.
    """

    on_path: np.ndarray
    everywhere: np.ndarray
    best: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    off: np.ndarray
    exact: bool = True
    kind: str = "policy"
    left_out: np.ndarray | None = None

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
        on_path, everywhere, loss = map(self.kept, (self.on_path, self.everywhere, self.loss_on_path))
        return (f"Nash on path in {on_path.mean():.3f} of {self.of_runs(len(self.on_path))}, everywhere in "
                f"{everywhere.mean():.3f}; mean loss on path {loss.mean():.4g}")


def nash_test(game, given, discount, start=None, continuation="frozen", tolerance=1e-8, horizon=None):
    """Test whether strategies are best replies to each other, and measure what they lose.

    What is played is as good as anything else in a state if its value is less than the greatest one there by at most
    ``tolerance`` times the greatest value of any state, or the greatest reward if that is more.
    Of correlated strategies, following what one is told must be as good as anything else, whatever that is: it is a
    correlated equilibrium.

    Agents must be able to tell the game's states apart.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    discount : float
        In [0, 1]. With 1 play must end, or have a horizon.
    start : int, int [R] or float64 [S], optional
        Where the path begins, as in :func:`long_run`, with the same default.
    continuation : {"frozen", "best"}
        What action values assume of the agent's own play from the next step on. ``"frozen"``: it goes on with its
        strategy, so that one-shot deviations are tested; this is what the source's program computes, and its published
        shares stand for. ``"best"``: it goes on as well as can be, so that all deviations are tested; this is what the
        source's text defines. For ``everywhere`` both are the same test (the one-shot deviation principle); on the path
        the second refuses more.
    tolerance : float
        At least 0. Mixed strategies that were solved for or learned are never as good to the last digit.
    horizon : int, optional
        Rounds to play, see :func:`state_values`: with several, the greatest losses of any round are told, and the path
        is all that play can come to.

    Returns
    -------
    NashTest
        Of each run, state and agent.

    See Also
    --------
    exploitability : One number for how far strategies are from an equilibrium.
    q_loss : What is lost, by state.

    References
    ----------
    E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020), section on equilibrium play.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.PrisonersDilemma(memory=1, start="uniform", horizon=0)
    >>> grim = np.array([[0, 0], [1, 1], [1, 1], [1, 1]])       # after CC, CD, DC, DD
    >>> analysis.nash_test(game, grim, discount=0.9, start=0)
    NashTest(Nash on path in 1.000 of 1 runs, everywhere in 1.000; mean loss on path 0)
    >>> analysis.nash_test(game, grim, discount=0.1, start=0).on_path.tolist()
    [False]
    """
    s = strategies(game, given)
    tolerance, horizon = real("tolerance", tolerance, 0.0), values.rounds(s, horizon)
    gap, loss, scale = _losses(s, discounted(discount), choice("continuation", continuation, ("frozen", "best")),
                               horizon)
    over = s.model.terminal
    path = reached(s, start) & ~over if over.any() or horizon else occupied(s, start) > 0.0
    best = gap <= tolerance * scale[:, None]
    loss = np.where(best, 0.0, loss)
    by_state = best.all(axis=2)
    return NashTest((by_state | ~path).all(axis=1), by_state.all(axis=1), best, loss, path, ~path & ~over, kind=s.kind,
                    left_out=s.left_out)


def q_loss(game, given, discount, continuation="frozen", horizon=None):
    """What the played action loses to the best one, relative to its value: ``(max_a Q - Q(played)) / |max_a Q|``.

    Q are the true action values against the others' frozen strategies, not learned ones: see :func:`action_values`.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    discount : float
        In [0, 1]. With 1 play must end, or have a horizon.
    continuation : {"frozen", "best"}
        What the agent does from the next step on, see :func:`nash_test`.
    horizon : int, optional
        Rounds to play, see :func:`state_values`.

    Returns
    -------
    float64 [R, S, N]
        0 where nothing is lost but by rounding; infinite where the best value is 0.

    See Also
    --------
    nash_test : Whether anything is lost, on the path and off it.

    References
    ----------
    That of :func:`nash_test`; there it is the Q-loss of a session.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.PrisonersDilemma()
    >>> analysis.q_loss(game, np.array([[0, 1]]), discount=1.0).tolist()
    [[[1.0, 0.0], [0.0, 0.0]]]
    """
    s = strategies(game, given)
    return _losses(s, discounted(discount), choice("continuation", continuation, ("frozen", "best")),
                   values.rounds(s, horizon))[1]


def _losses(s, discount, continuation, horizon):
    """(what is lost to the best action, the same relative to its value, both [R, S, N]; greatest values [R, N])."""
    m = s.model
    for i in range(m.agents):
        values.check_tells_apart(m, i)
    gap, loss = np.empty((s.runs, m.size, m.agents)), np.empty((s.runs, m.size, m.agents))
    scale = np.empty((s.runs, m.agents))
    for some in values.chunks(s, m.size * max(m.actions)) if s.certain and not horizon else [
            [r] for r in range(s.runs)]:
        part = s.some(some)
        gap[some], loss[some], scale[some] = _rounds_losses(part, discount, continuation, horizon) if horizon else (
            _lost(part, discount, continuation, values._state_values(part, discount))[:3])
    return gap, loss, scale


def _rounds_losses(s, discount, continuation, horizon):
    """The greatest losses of any of so many rounds."""
    later = np.zeros((1, s.model.size, s.model.agents))
    rest = later.copy()
    found = None
    for v in values.backwards(s, 0, discount, horizon):
        one = _lost(s, discount, continuation, later, rest)
        found = one if found is None else tuple(map(np.maximum, found, one))
        later = v[None]
        rest = np.stack([best for best in one[3]], axis=2) if continuation == "best" else rest
    return found[:3]


def _lost(s, discount, continuation, later, best_later=None):
    """Losses where what follows is worth ``later`` [R, S, N] (and ``best_later`` to best play)."""
    m = s.model
    gap, loss, best_values = np.empty(later.shape), np.empty(later.shape), []
    greatest = np.empty((s.runs, m.agents))
    for i in range(m.agents):
        if continuation == "frozen":
            q = _action_values(s, discount, i, later[:, :, i])
        elif best_later is None:
            q = values._best(s, i, discount)[2]
        else:
            q = _action_values(s, discount, i, best_later[:, :, i])
        best, played = _worth(s, i, q)
        best_values.append(best)
        greatest[:, i] = np.maximum(np.abs(q).reshape(s.runs, -1).max(axis=1), np.abs(m.expected[:, :, i]).max())
        lost = np.maximum(best - played, 0.0)
        gap[:, :, i] = lost
        lost = np.where(lost > ROUNDING * greatest[:, i, None], lost, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            loss[:, :, i] = np.where(lost > 0.0, lost / np.abs(best), 0.0)
    return gap, loss, greatest, best_values


def _action_values(s, discount, agent, v):
    """Action values [R, S, A]; of correlated strategies [R, S, A, A], by what the agent is told."""
    if not s.correlated:
        return values._action_values(s, discount, agent, v)
    return np.stack([values.told_values(s, r, discount, agent, v[r]) for r in range(s.runs)])


def _worth(s, agent, q):
    """(the greatest value, the value of what an agent plays), both float64 [R, S]."""
    if s.correlated:
        return q.max(axis=3).sum(axis=2), np.trace(q, axis1=2, axis2=3)
    if s.pure:
        played = np.take_along_axis(q, s.actions[:, :, agent, None].astype(np.int64), axis=2)[:, :, 0]
    else:
        played = (q * s.probabilities[agent]).sum(axis=2)
    return q.max(axis=2), played
