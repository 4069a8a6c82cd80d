"""What an episode is expected to return: the exact counterpart of evaluation."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.cycles import time_averages
from marlfast.analysis.model import endless
from marlfast.analysis.strategies import discounted, game_start, starts, strategies
from marlfast.analysis.summary import Summarised
from marlfast.analysis.values import chain, dense, must_end, paths, rounds, solved
from marlfast.errors import integer
from marlfast.policy import Policy
from marlfast.result import Result


@dataclass(frozen=True, eq=False, repr=False)
class ExpectedReturn(Summarised):
    """What agents are expected to earn in an episode.

    Attributes
    ----------
    returns : float64 [R, N]
        Expected (discounted) sum of each agent's rewards.
    lengths : float64 [R]
        Expected number of rounds; infinite where play goes on for ever.
    horizon : int
        Rounds after which an episode is over at the latest; 0: none.
    discount : float
        Of rewards, by which they count less round by round; 1: they do not.
    exact : bool
        True: solved, not simulated.
    kind : str
        Which of what learners play it is: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    expected_return : Makes it.
    """

    returns: np.ndarray
    lengths: np.ndarray
    horizon: int
    discount: float
    exact: bool = True
    kind: str = "policy"
    left_out: np.ndarray | None = None

    @property
    def team_returns(self):
        """Mean over agents: float64 [R]."""
        return self.returns.mean(axis=1)

    @property
    def mean(self):
        """Mean team return over the runs that are not left out."""
        return float(self.kept(self.team_returns).mean())

    def summary(self):
        earned = ", ".join(f"{r:.6g}" for r in self.kept(self.returns).mean(axis=0))
        rest = f"horizon {self.horizon:,}" if self.horizon else "no horizon"
        rest += "" if self.discount == 1.0 else f", discount {self.discount:g}"
        return (f"{self.of_runs(len(self.returns))}; expected returns by agent {earned}; "
                f"{self.kept(self.lengths).mean():.6g} rounds "
                f"({rest})")


def expected_return(game, given=None, horizon=None, discount=1.0, start=None, kind="policy", episodes=None):
    """What an episode is expected to return, exactly: what :func:`marlfast.evaluate` estimates.

    By backward induction over the rounds: ``V_t(s) = r(s) + discount * sum_s' P(s' | s) V_{t-1}(s')``, ``V_0 = 0``;
    without a horizon by the linear equations.

    Parameters
    ----------
    game : Game, Model, Result or Policy
        Of a Result or Policy: the game that it was trained in, and ``given`` may be left out.
    given : Strategies, or what :func:`strategies` takes, optional
        What all agents do; needed with a Game or Model.
    horizon : int, optional
        Rounds of an episode, whether that is an end or a time limit; 0: none. Default: that of the game.
    discount : float
        In [0, 1]. Without a horizon, 1 is for games that must end.
    start : int, int [R] or float64 [S], optional
        Where episodes begin: a state, one per run, or a distribution. Default: as the game says.
    kind : {"policy", "behaviour", "greedy", "average"}, or one for each agent
        What is played, where a Result is given: see :func:`strategies`.
    episodes : int, optional
        Some remember something from one episode to the next (regret matching its last action): the mean over so many
        episodes from now on. Default: over infinitely many. For all others every episode is like the next.

    Returns
    -------
    ExpectedReturn
        Of each run and agent, with the expected length.

    See Also
    --------
    marlfast.evaluate : Estimates it by playing.
    long_run : Of play without end.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> game = mf.games.PrisonersDilemma(memory=1, horizon=10)
    >>> run = mf.train(game, [mf.learners.TitForTat(), mf.learners.FixedPolicy([0.5, 0.5])], steps=100, seed=0)
    >>> analysis.expected_return(run)
    ExpectedReturn(1 runs; expected returns by agent 21.75, 24.25; 10 rounds (horizon 10))
    >>> mf.evaluate(game, run, episodes=10_000, seed=0).returns.mean(axis=(0, 1)).round(1).tolist()
    [21.8, 24.3]
    """
    if isinstance(game, (Result, Policy)):
        given = game if given is None else given
        game = game.experiment.game
    if given is None:
        raise ValueError("given: expected strategies, a Result or a Policy; only a Result or a Policy says itself what "
                         "game it is of")
    m, discount = endless(game), discounted(discount)
    s = strategies(m, given, kind=kind)
    horizon = rounds(s, m.game.horizon if horizon is None else horizon)
    episodes = None if episodes is None else integer("episodes", episodes, 1)
    begin = game_start(s) if start is None else starts(s, start)
    returns, lengths = np.empty((s.runs, m.agents)), np.empty(s.runs)
    for r in range(s.runs):
        one, values, last = begin[r], *_values(s, r, discount, horizon)
        if s.model.kept:
            one = _later_starts(s.model, one, _forward(s, r, horizon), episodes)
        returns[r], lengths[r] = one @ values, _dot(one, last)
    return ExpectedReturn(returns, lengths, horizon, discount, kind=s.kind, left_out=s.left_out)


def _dot(p, x):
    """Expected value, of numbers that may be infinite where they have no chance."""
    return float((p[p > 0.0] * x[p > 0.0]).sum())


def _values(s, run, discount, horizon):
    """(values [S, N], expected rounds [S]) of one run."""
    m, ones = s.model, (~s.model.terminal).astype(np.float64)
    if s.certain:
        successor, rewards = (part[0] for part in paths(s.some([run])))
        links = np.arange(m.size), successor, np.ones(m.size)
    else:
        links, rewards = chain(m, s.joint(run), s.outcomes(run))
    if not horizon:
        lengths = np.full(m.size, np.inf)
        ends = must_end(m, links)
        if ends.all():
            lengths = solved(m, links, ones[:, None], 1.0)[:, 0]
        return solved(m, links, rewards, discount), lengths
    here, successor, weight = links
    both = np.column_stack([rewards, ones])
    scale = np.append(np.full(m.agents, discount), 1.0)
    v = both
    for _ in range(horizon - 1):
        v = both + scale * np.stack([np.bincount(here, weight * v[successor, i], m.size) for i in range(v.shape[1])],
                                    axis=1)
    return v[:, :-1], v[:, -1]


# -- those who remember something from one episode to the next ----------------------------------------

def _forward(s, run, horizon):
    """Where an episode leads: transition probabilities [S, S] of all of its rounds together."""
    if not horizon:
        raise ValueError("horizon: agents remember something from one episode to the next, and without a horizon there "
                         "is no telling when that is; give one")
    step = dense(s.model, chain(s.model, s.joint(run), s.outcomes(run))[0])
    return np.linalg.matrix_power(step, horizon)


def _later_starts(m, begin, episode, episodes):
    """Where episodes begin, on average over those to come: float64 [S]."""
    kept = [tuple(row) for row in m.memory[:, list(m.kept)].tolist()]
    known = {memory: k for k, memory in enumerate(dict.fromkeys(kept))}
    of_state = np.array([known[memory] for memory in kept])
    # What is forgotten, and the game's state, begin as they do now; what is kept is what it was.
    others = np.column_stack([m.place, np.delete(m.memory, list(m.kept), axis=1)])
    start = np.zeros((len(known), m.size))
    for state in np.flatnonzero(begin):
        alike = (others == others[state]).all(axis=1)
        for k in range(len(known)):
            start[k, alike & (of_state == k)] += begin[state]
    chances = start.sum(axis=1)
    start[chances > 0.0] /= chances[chances > 0.0, None]
    member = np.eye(len(known))[of_state]
    moves, now = start @ episode @ member, begin @ member
    if episodes is None:
        return time_averages(moves, now) @ start
    mean, at = np.zeros(len(known)), now
    for _ in range(episodes):
        mean, at = mean + at / episodes, at @ moves
    return mean @ start
