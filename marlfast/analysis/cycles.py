"""Where frozen strategies end up: limit cycles, long-run play, and what is earned there."""
from dataclasses import dataclass

import numpy as np

from marlfast.analysis.model import Model, endless
from marlfast.analysis.strategies import start_states, starts, strategies
from marlfast.analysis.summary import Summarised
from marlfast.analysis.values import chain, dense, flat, joint_numbers, paths
from marlfast.errors import integer, shown


@dataclass(frozen=True, eq=False, repr=False)
class Cycles(Summarised):
    """The limit cycle of each run's frozen strategies, from a state; L is the length of the longest.

    Attributes
    ----------
    length : int64 [R]
        States on each run's cycle.
    transient : int64 [R]
        Steps until the cycle is entered; 0: the first state lies on it.
    states : int32 [R, L]
        In order, beginning with the lowest number; -1 after the end.
    actions : int32 [R, L, N]
        What is played there; -1 after the end.
    rewards : float64 [R, L, N]
        What is (expected to be) paid there; NaN after the end.
    exact : bool
        True: the cycles themselves, not a simulation of some length.
    kind : str
        Which of what learners play it is: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    limit_cycles : Makes it.
    basins : Gathers the runs that end in the same cycle.
    """

    length: np.ndarray
    transient: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    exact: bool = True
    kind: str = "policy"
    left_out: np.ndarray | None = None

    @property
    def mean_rewards(self):
        """Average over the cycle: float64 [R, N]."""
        return np.nansum(self.rewards, axis=1) / self.length[:, None]

    def on(self, size):
        """Say which states lie on each run's cycle.

        Parameters
        ----------
        size : int
            S, how many states there are.

        Returns
        -------
        bool [R, S]
            True for the states of the cycle.
        """
        on = np.zeros((len(self.length), size), bool)
        run, place = np.nonzero(self.states >= 0)
        on[run, self.states[run, place]] = True
        return on

    def shares(self):
        """Count how long the cycles are.

        Returns
        -------
        dict of int to float
            Share of the runs with each length of cycle, shortest first.
        """
        lengths, counts = np.unique(self.kept(self.length), return_counts=True)
        return {int(n): float(c) / counts.sum() for n, c in zip(lengths, counts, strict=True)}

    def summary(self):
        lengths = ", ".join(f"{n}: {share:.3f}" for n, share in list(self.shares().items())[:5])
        earned = ", ".join(f"{r:.6g}" for r in self.kept(self.mean_rewards).mean(axis=0))
        return f"{self.of_runs(len(self.length))}; share by length of cycle {lengths}; mean rewards by agent {earned}"


def limit_cycles(game, given, start=None):
    """Where the frozen strategies of each run lead in the end.

    Parameters
    ----------
    game : Game or Model
        Its transitions must be certain.
    given : Strategies, or what :func:`strategies` takes
        Pure strategies; of learners that draw, ``strategies(game, result, kind="greedy")`` are.
    start : int or int [R], optional
        The state to begin in. Default: that in which training ended, if episodes have no end; else the game's only
        start.

    Returns
    -------
    Cycles
        The cycle of each run, with what is played and earned there.

    See Also
    --------
    long_run : The same where chance plays a part.
    basins : Gathers the runs that end in the same cycle.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.PrisonersDilemma(memory=1, start="uniform", horizon=0)
    >>> tit_for_tat = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])    # after CC, CD, DC, DD
    >>> cycles = analysis.limit_cycles(game, tit_for_tat, start=1)
    >>> cycles.length.tolist(), cycles.states.tolist(), cycles.mean_rewards.tolist()
    ([2], [[1, 2]], [[2.5, 2.5]])
    """
    s = strategies(endless(game), given)
    refuse_chance(s, "limit_cycles", "long_run")
    m = s.model
    successor, rewards = paths(s)
    begin = np.arange(s.runs) * m.size + start_states(s, start)
    leap = flat(successor)
    on = _on_cycle(leap, begin, m.size)
    transient, at = np.zeros(s.runs, np.int64), begin.copy()
    while True:
        away = ~on[at]
        if not away.any():
            break
        transient += away
        at = np.where(away, leap[at], at)
    walk = _walk(leap, at)
    length = (walk >= 0).sum(axis=1)
    # Every cycle begins with its lowest state, so that equal ones look equal.
    first = np.where(walk >= 0, walk, np.iinfo(np.int64).max).argmin(axis=1)
    place = np.arange(walk.shape[1])
    rolled = np.take_along_axis(walk, (first[:, None] + place) % length[:, None], axis=1)
    there = place < length[:, None]
    states = np.where(there, rolled % m.size, -1).astype(np.int32)
    run = np.arange(s.runs)[:, None]
    actions = np.where(there[:, :, None], s.actions[run, states], -1)
    return Cycles(length, transient, states, actions, np.where(there[:, :, None], rewards[run, states], np.nan),
                  kind=s.kind, left_out=s.left_out)


def refuse_chance(s, name, other):
    if not s.certain:
        why = "the game's transitions are left to chance" if s.pure else "the strategies are mixed"
        greedy = "" if s.pure else ", or the greedy ones: strategies(game, result, kind='greedy')"
        raise ValueError(f"{name}: {why}, so play has no limit cycle; use {other}{greedy}")


def _settled(leap, at, states):
    """Places that lie on the cycles which are reached from ``at``."""
    steps = 1
    while steps < states:
        leap, steps = leap[leap], 2 * steps
    return leap[at]


def _on_cycle(leap, begin, states):
    """Which places lie on a cycle that is reached from ``begin``: bool [R * S]."""
    at = np.unique(_settled(leap, begin, states))
    on = np.zeros(len(leap), bool)
    while len(at):
        on[at] = True
        at = leap[at]
        at = at[~on[at]]
    return on


def _walk(leap, at):
    """Once around, from places on cycles: int64 [n, longest cycle], -1 after the end."""
    columns, here, going = [at], leap[at], leap[at] != at
    while going.any():
        columns.append(np.where(going, here, -1))
        here = leap[here]
        going = going & (here != at)
    return np.stack(columns, axis=1)


def cycle_means(successor, rewards):
    """Average rewards of the cycle that each state leads to: float64 [R, S, N]."""
    runs, states, agents = rewards.shape
    leap = flat(successor)
    reached, place = np.unique(_settled(leap, np.arange(runs * states), states), return_inverse=True)
    walk = _walk(leap, reached)
    paid = np.where((walk >= 0)[:, :, None], rewards.reshape(-1, agents)[walk], 0.0).sum(axis=1)
    return (paid / (walk >= 0).sum(axis=1)[:, None])[place.ravel()].reshape(runs, states, agents)


# -- the long run -----------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False, repr=False)
class LongRun(Summarised):
    """Where frozen strategies spend their time, and what they earn a step, in the long run.

    Attributes
    ----------
    occupancy : float64 [R, S]
        Share of the time in each state.
    joint : float64 [R, J]
        Share of the time in which each joint action is played.
    rewards : float64 [R, N]
        Average per step.
    exact : bool
        True: solved, not simulated.
    ends : str
        How the game ends, where it does: this is play without that end, or after it.
    kind : str
        Which of what learners play it is: see :func:`strategies`.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    long_run : Makes it.
    """

    occupancy: np.ndarray
    joint: np.ndarray
    rewards: np.ndarray
    exact: bool = True
    ends: str = ""
    kind: str = "policy"
    left_out: np.ndarray | None = None

    def summary(self):
        earned = ", ".join(f"{r:.6g}" for r in self.kept(self.rewards).mean(axis=0))
        visited = (self.kept(self.occupancy) > 0).sum(axis=1)
        ends = f"; {self.ends}: see expected_return" if self.ends else ""
        return (f"{self.of_runs(len(self.rewards))}; average rewards by agent {earned}; {visited.min()} to "
                f"{visited.max()} states are visited for ever{ends}")


def _how_it_ends(m):
    """That a game ends, in words, where it does."""
    last = m.game.horizon
    if last and m.game.ends_at_horizon:
        return f"the game ends after {last:,} round{'s' * (last > 1)}, which endless play leaves out of account"
    return "the game is over in some states, after which nothing is paid" if m.terminal.any() else ""


def long_run(game, given, start=None):
    """Where play spends its time in the long run, with or without chance.

    Parameters
    ----------
    game : Game or Model
        What is played.
    given : Strategies, or what :func:`strategies` takes
        What all agents do.
    start : int, int [R] or float64 [S], optional
        A state, one per run, or a distribution. Default: that in which training ended, if episodes have no end; else
        the game's start.

    Returns
    -------
    LongRun
        Shares of the time by state and by joint action, and average rewards.

    See Also
    --------
    limit_cycles : Where nothing is left to chance: the cycle itself.
    expected_return : Of games that end.

    Notes
    -----
    Time averages of a finite Markov chain: the chance to end in each of its recurrent classes, times the stationary
    distribution there. What is over stays over and pays nothing; a last round or time limit is left out of account
    (:func:`expected_return` takes it into account).

    References
    ----------
    J. G. Kemeny and J. L. Snell, "Finite Markov chains" (1960), chapters 3 and 5.

    Examples
    --------
    >>> from marlfast import analysis, games
    >>> game = games.MatchingPennies(horizon=0)
    >>> analysis.long_run(game, [[[0.5, 0.5]], [[0.25, 0.75]]]).joint.tolist()
    [[0.125, 0.375, 0.125, 0.375]]
    """
    s = strategies(endless(game), given)
    m, occupancy = s.model, occupied(s, start)
    joint, rewards = np.zeros((s.runs, m.joint)), np.empty((s.runs, m.agents))
    if s.certain:
        np.add.at(joint, (np.arange(s.runs)[:, None], joint_numbers(s)), occupancy)
        paid = paths(s)[1]
        return LongRun(occupancy, joint, (occupancy[:, :, None] * paid).sum(axis=1), True, _how_it_ends(m), s.kind,
                       s.left_out)
    for r in range(s.runs):
        played = s.joint(r)
        joint[r] = (occupancy[r][:, None] * played).sum(axis=0)
        rewards[r] = (occupancy[r][:, None] * (played[:, :, None] * m.expected).sum(axis=1)).sum(axis=0)
    return LongRun(occupancy, joint, rewards, True, _how_it_ends(m), s.kind, s.left_out)


def occupied(s, start):
    """Share of the time in each state in the long run: float64 [R, S]. ``start``: see :func:`long_run`."""
    m, begin = s.model, starts(s, start)
    occupancy = np.zeros((s.runs, m.size))
    if s.certain:
        _certain_occupancy(s, begin, occupancy)
    else:
        for r in range(s.runs):
            occupancy[r] = time_averages(dense(m, chain(m, s.joint(r), s.outcomes(r))[0]), begin[r])
    return occupancy


def reached(s, start):
    """Which states play can come to at all: bool [R, S]. ``start``: see :func:`long_run`."""
    m, on = s.model, starts(s, start) > 0.0
    if s.certain:
        leap, places = flat(paths(s)[0]), on.ravel().copy()
        at = np.flatnonzero(places)
        while len(at):
            at = np.unique(leap[at])
            at = at[~places[at]]
            places[at] = True
        return places.reshape(on.shape)
    for r in range(s.runs):
        here, successor, _ = chain(m, s.joint(r), s.outcomes(r))[0]
        count = 0
        while count < on[r].sum():
            count = on[r].sum()
            on[r, successor[on[r, here]]] = True
    return on


def _certain_occupancy(s, begin, occupancy):
    run, state = np.nonzero(begin)
    leap = flat(paths(s)[0])
    walk = _walk(leap, _settled(leap, run * s.model.size + state, s.model.size))
    there = walk >= 0
    share = begin[run, state] / there.sum(axis=1)
    np.add.at(occupancy.reshape(-1), walk[there], np.broadcast_to(share[:, None], walk.shape)[there])


def time_averages(p, begin):
    """Time averages [S] of a chain with transition probabilities p, from a distribution."""
    reach = (p > 0.0) | np.eye(len(p), dtype=bool)
    while True:
        further = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0.0
        if (further == reach).all():
            break
        reach = further
    recurrent = (~reach | reach.T).all(axis=1)
    passing = ~recurrent
    # Expected visits to the states that are left for good, hence where the others are entered.
    entered = np.where(recurrent, begin, 0.0)
    if (begin[passing] > 0).any():
        visits = np.linalg.solve((np.eye(int(passing.sum())) - p[np.ix_(passing, passing)]).T, begin[passing])
        entered[recurrent] += visits @ p[np.ix_(passing, recurrent)]
    occupancy, left = np.zeros(len(p)), recurrent & (reach[begin > 0].any(axis=0))
    while left.any():
        members = np.flatnonzero(reach[left.argmax()])
        left[members] = False
        # pi (I - P) = 0 with sum 1: one of the equations follows from the others.
        a = np.eye(len(members)) - p[np.ix_(members, members)].T
        a[-1] = 1.0
        b = np.zeros(len(members))
        b[-1] = 1.0
        occupancy[members] = entered[members].sum() * np.linalg.solve(a, b)
    return occupancy


# -- what play in the end looks like ------------------------------------------------------------------

def cooperation_rate(game, played, cooperate, start=None):
    """How often agents cooperate: the share of actions (of all agents) that lie in a set.

    Parameters
    ----------
    game : Game or Model
        What is played.
    played : Strategies or what :func:`strategies` takes, Cycles, or int [..., N]
        Strategies are taken in the long run. An int array is recorded play, such as [R, T, N]; pure strategies given
        so must be made :func:`strategies` first.
    cooperate : int or sequence of int, or a list with a sequence for each agent
        The actions that count as cooperation.
    start : int, int [R] or float64 [S], optional
        Where strategies begin, see :func:`long_run`.

    Returns
    -------
    float64 [R, N]
        For each agent; ``[N]`` of recorded play [T, N].

    See Also
    --------
    limit_cycles : The cycle in which pure strategies end.
    long_run : Shares of the time of all joint actions.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> analysis.cooperation_rate(games.PrisonersDilemma(), np.array([[0, 1], [0, 0]]), cooperate=0).tolist()
    [1.0, 0.5]
    """
    actions = game.actions if isinstance(game, Model) else tuple(np.asarray(game.action_counts).tolist())
    sets = _action_sets(actions, cooperate)
    if isinstance(played, Cycles):
        counted = np.stack([np.isin(played.actions[:, :, i], sets[i]) for i in range(len(actions))], axis=2)
        return counted.sum(axis=1) / played.length[:, None]
    if isinstance(played, np.ndarray) and played.dtype.kind in "iu":
        if played.ndim < 2 or played.shape[-1] != len(actions):
            raise ValueError(f"played: expected actions of shape (..., {len(actions)}), got {played.shape}")
        return np.stack([np.isin(played[..., i], sets[i]) for i in range(len(actions))], axis=-1).mean(axis=-2)
    end = long_run(game, played, start)
    digits = np.stack(np.unravel_index(np.arange(end.joint.shape[1]), actions), axis=1)
    return np.stack([end.joint[:, np.isin(digits[:, i], sets[i])].sum(axis=1) for i in range(len(actions))], axis=1)


def _action_sets(actions, cooperate):
    several = np.iterable(cooperate) and any(np.iterable(part) for part in cooperate)
    sets = list(cooperate) if several else [cooperate] * len(actions)
    if len(sets) != len(actions):
        raise ValueError(f"cooperate: expected a set of actions for each of {len(actions)} agents, got {len(sets)}")
    return [[integer(f"cooperate[{i}]", a, 0, n - 1) for a in (part if np.iterable(part) else [part])]
            for i, (part, n) in enumerate(zip(sets, actions, strict=True))]


@dataclass(frozen=True, eq=False, repr=False)
class ProfitGain(Summarised):
    """Profits on a scale on which 0 is the one-shot equilibrium and 1 joint profit maximisation.

    Attributes
    ----------
    gain : float64 [R]
        Of the agents' mean profit.
    by_agent : float64 [R, N]
        Of each agent's own profit.
    left_out : bool [R] or None
        Runs that are in no mean, as they failed, or are unfinished where others have finished; None: all are in.

    See Also
    --------
    profit_gain : Makes it.
    """

    gain: np.ndarray
    by_agent: np.ndarray
    left_out: np.ndarray | None = None

    @property
    def mean(self):
        """Mean gain over runs: float."""
        return float(self.kept(self.gain).mean())

    @property
    def deviation(self):
        """Standard deviation over the same."""
        gain = self.kept(self.gain)
        return float(gain.std(ddof=1)) if len(gain) > 1 else float("nan")

    @property
    def standard_error(self):
        """Standard error of the mean gain: float, NaN of a single run."""
        return self.deviation / float(np.sqrt(len(self.kept(self.gain))))

    def summary(self):
        return (f"profit gain {self.mean:.4f} (standard error {self.standard_error:.4f}; "
                f"{self.of_runs(len(self.gain))})")


def profit_gain(game, profits, nash=None, monopoly=None):
    """How much of the way from competition to collusion: ``(profit - nash) / (monopoly - nash)``.

    Parameters
    ----------
    game : Game or Model
        One that knows its equilibrium and joint profits, unless both are given.
    profits : Cycles, LongRun or float64 [R, N]
        What each agent earns a step.
    nash, monopoly : float or float64 [N], optional
        Profits that count as 0 and as 1. Default: the game's own ``nash_profits`` and ``monopoly_profits``.

    Returns
    -------
    ProfitGain
        Of each run, and of each agent.

    See Also
    --------
    limit_cycles : What is earned on the limit cycle.
    marlfast.games.LogitBertrand : A game that knows these profits.

    References
    ----------
    E. Calvano, G. Calzolari, V. Denicolo and S. Pastorello, "Artificial intelligence, algorithmic pricing, and
    collusion", American Economic Review 110 (2020), equation 9.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast import analysis, games
    >>> game = games.LogitBertrand()
    >>> halfway = (game.nash_profits + game.monopoly_profits) / 2
    >>> analysis.profit_gain(game, halfway[None])
    ProfitGain(profit gain 0.5000 (standard error nan; 1 runs))
    """
    game = game.game if isinstance(game, Model) else game
    left_out = getattr(profits, "left_out", None)
    profits = (profits.mean_rewards if isinstance(profits, Cycles) else profits.rewards
               if isinstance(profits, LongRun) else np.asarray(profits, np.float64))
    if profits.ndim != 2 or profits.shape[1] != game.agents:
        raise ValueError(f"profits: expected shape (runs, {game.agents}), got {profits.shape}")
    ends = {}
    for name, value in (("nash", nash), ("monopoly", monopoly)):
        if value is None:
            value = getattr(game, f"{name}_profits", None)
            if value is None:
                raise ValueError(f"{name}: game {game.name!r} has no {name}_profits; give {name}=")
        try:
            ends[name] = np.broadcast_to(np.asarray(value, np.float64), game.agents)
        except (TypeError, ValueError):
            raise ValueError(f"{name}: expected one profit, or one for each of {game.agents} agents, "
                             f"got {shown(value)}") from None
    low, high = ends["nash"], ends["monopoly"]
    if not (high > low).all():
        raise ValueError(f"monopoly: expected more than the Nash profits {low.tolist()}, got {high.tolist()}")
    gain = (profits.mean(axis=1) - low.mean()) / (high.mean() - low.mean())
    return ProfitGain(gain, (profits - low) / (high - low), left_out)


@dataclass(frozen=True, eq=False, repr=False)
class Basin(Summarised):
    """Runs that end in the same play.

    Attributes
    ----------
    joint : tuple of tuple of int
        The joint actions of the cycle, in order; of all orders around it the first.
    runs : int64 [n]
        Numbers of the runs.
    share : float
        Of all runs, in (0, 1].
    rewards : float64 [N]
        Average over the cycle, mean over these runs.

    See Also
    --------
    basins : Makes them.
    """

    joint: tuple
    runs: np.ndarray
    share: float
    rewards: np.ndarray

    def summary(self):
        return f"{self.share:.3f} of the runs end in " + ", then ".join(" ".join(map(str, j)) for j in self.joint)


def basins(cycles):
    """Which play the runs end in, and how many of them (of those that are not left out): the largest basin first.

    Parameters
    ----------
    cycles : Cycles
        Where each run ends, as :func:`limit_cycles` gives it.

    Returns
    -------
    list of Basin
        By size; of equal ones that with the lowest run first.

    See Also
    --------
    limit_cycles : Where each run ends.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> game = mf.games.BattleOfTheSexes(horizon=0)
    >>> run = mf.train(game, mf.IQL(0.1), steps=20_000, runs=20, seed=0)
    >>> for basin in analysis.basins(analysis.limit_cycles(game, run)):
    ...     print(basin)
    Basin(0.650 of the runs end in 1 1)
    Basin(0.350 of the runs end in 0 0)
    """
    if not isinstance(cycles, Cycles):
        raise TypeError(f"cycles: expected what limit_cycles gives, got {shown(cycles)}")
    groups, paid = {}, cycles.mean_rewards
    counted = np.arange(len(cycles.length))
    for r in cycles.kept(counted).tolist():
        n = cycles.length[r]
        groups.setdefault(tuple(map(tuple, cycles.actions[r, :n].tolist())), []).append(r)
    merged = {}
    for joint, runs in groups.items():
        first = min(joint[k:] + joint[:k] for k in range(len(joint)))
        merged.setdefault(first, []).extend(runs)
    return [Basin(joint, np.array(sorted(runs)), len(runs) / len(cycles.kept(counted)), paid[sorted(runs)].mean(axis=0))
            for joint, runs in sorted(merged.items(), key=lambda item: (-len(item[1]), item[0]))]
