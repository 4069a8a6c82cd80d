"""Agents of different runs, put together: do they get on with others than those they learned with?"""
from dataclasses import dataclass, replace

import numpy as np

from marlfast.analysis.cycles import cycle_means, long_run
from marlfast.analysis.model import model
from marlfast.analysis.strategies import (
    discounted,
    game_start,
    of_joint,
    of_marginals,
    of_plays,
    rows_of,
    runs_of,
    starts,
    strategies,
)
from marlfast.analysis.summary import Summarised
from marlfast.analysis.values import _state_values, paths, rounds
from marlfast.errors import integer, shown
from marlfast.evaluate import MAX_STEPS, evaluate
from marlfast.learners.plays import Chosen
from marlfast.policy import Policy, Together, plays_of
from marlfast.registry import require
from marlfast.renamed import takes
from marlfast.result import Result


@dataclass(frozen=True, eq=False, repr=False)
class CrossPlay(Summarised):
    """What agents of run i earn together with the other agents of run j.

    Attributes
    ----------
    rewards : float64 [R, Q, N]
        Entry (i, j): what each agent earns; R runs give ``agents``, Q runs the others. NaN where either run failed, or
        is unfinished while others have finished (``Result.left_out``).
    agents : tuple of int
        Who comes from the first of the two runs.
    measure : str
        What is meant by earning.
    exact : bool
        True: solved. False: mean returns of simulated episodes.
    kind : str
        Which of what learners play it is: see :func:`strategies`.

    See Also
    --------
    cross_play : Makes it.
    marlfast.plotting.cross_play_matrix : Draws it as a matrix.
    """

    rewards: np.ndarray
    agents: tuple
    measure: str
    exact: bool
    kind: str = "policy"

    @property
    def team(self):
        """Mean over agents: float64 [R, Q]."""
        return self.rewards.mean(axis=2)

    @property
    def own(self):
        """Mean over runs with themselves; NaN unless R is Q."""
        r, q = self.team.shape
        return _mean(np.diagonal(self.team)) if r == q else float("nan")

    @property
    def others(self):
        """Mean over pairs of different runs; NaN unless R is Q and more than 1."""
        r, q = self.team.shape
        return _mean(self.team[~np.eye(r, dtype=bool)]) if r == q > 1 else float("nan")

    def summary(self):
        r, q = self.team.shape
        how = "exact" if self.exact else "simulated"
        there = ~np.isnan(self.team)
        ours, theirs = int(there.any(axis=1).sum()), int(there.any(axis=0).sum())
        of = f"{ours} of " if ours < r else ""
        if r == q:
            return (f"{of}{r} runs: {self.measure} with their own {self.own:.6g}, with others {self.others:.6g} "
                    f"({how})")
        return (f"{of}{r} x {f'{theirs} of ' if theirs < q else ''}{q} runs: {self.measure} {_mean(self.team):.6g} "
                f"({how})")


def _mean(values):
    """Mean of what is there."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else float("nan")


@takes(most_steps="max_steps")
def cross_play(game, given, other=None, agents=(0,), discount=None, start=None, episodes=100, seed=0,
               max_steps=MAX_STEPS, horizon=None, kind="policy"):
    """Let agents of each run play with the other agents of every run.

    Where the game has an explicit model, the numbers are exact: the discounted value from the game's start; or, without
    a ``discount``, the average reward of the long run (of the limit cycle, where nothing is left to chance), for a game
    with terminal states or a last round the expected return. Where it has none, episodes are simulated: the mean
    return. Agents of one run who draw together go on doing so where they are all taken; else each draws for itself.

    Parameters
    ----------
    game : Game or Model
        A game that must be explored for its model, such as soccer, is simulated unless its :func:`model` is given.
    given : Strategies, or what :func:`strategies` takes
        The R runs that give ``agents``. To simulate: a Result or Policy.
    other : Strategies, or what :func:`strategies` takes, optional
        The Q runs that give all other agents. Default: the same.
    agents : sequence of int
        Who comes from ``given``.
    discount : float, optional
        In [0, 1]. Only where there is a model.
    start : int or float64 [S], optional
        A state or a distribution. Default: the game's start.
    episodes : int
        Episodes of each pair, where they are simulated: at least 1.
    seed : int
        Of the draws of a simulation, see :func:`marlfast.evaluate`.
    max_steps : int
        A simulated episode that takes longer is refused, see :func:`marlfast.evaluate`.
    horizon : int, optional
        See :func:`state_values`; only where there is a model.
    kind : {"policy", "behaviour", "greedy", "average"}
        What is played, where Results or Policies are given: see :func:`strategies`.

    Returns
    -------
    CrossPlay
        What each agent earns, for every pair of runs.

    See Also
    --------
    marlfast.League : Teams that learn with those that were made before.
    marlfast.plotting.cross_play_matrix : Draws the result.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import analysis
    >>> game = mf.games.BattleOfTheSexes()
    >>> run = mf.train(game, mf.IQL(0.1), episodes=500, runs=20, seed=0)
    >>> found = analysis.cross_play(game, run)
    >>> found.rewards.shape, found.exact
    ((20, 20, 2), True)
    >>> found.own, round(found.others, 3)
    (2.5, 1.197)
    """
    m, why = _model_or_reason(game)
    game = m or require("game", game, "game")
    n = game.agents
    chosen = tuple(sorted({integer(f"agents[{k}]", i, 0, n - 1) for k, i in enumerate(agents)}))
    if not 0 < len(chosen) < n:
        raise ValueError(f"agents: expected some of the {n} agents, but not all, got {shown(agents)}")
    if m is None:
        if discount is not None or start is not None or horizon is not None:
            raise ValueError(f"discount, start, horizon: only with an exact analysis, and there is none here ({why})")
        return _simulated(game, given, given if other is None else other, chosen, integer("episodes", episodes, 1),
                          seed,
                          max_steps, kind)
    first = strategies(m, given, kind=kind)
    second = first if other is None else strategies(m, other, kind=kind)
    split = first.model.split is not None or second.model.split is not None
    horizon = rounds(first, horizon)
    if discount is None:
        discount, measure = (1.0, "return") if m.terminal.any() or horizon else (None, "average reward")
    else:
        discount = discounted(discount)
        measure = f"value with discount {discount:g}"
    rewards = np.empty((first.runs, second.runs, n))
    for i in range(first.runs):
        if split:
            pairs = _remembering(m, given, given if other is None else other, i, chosen, kind)
        else:
            pairs = _paired(first, second, i, chosen)
        begin = game_start(pairs) if start is None else starts(pairs, start)
        if discount is not None:
            rewards[i] = (begin[:, :, None] * _state_values(pairs, discount, horizon)).sum(axis=1)
        elif pairs.certain:
            rewards[i] = (begin[:, :, None] * cycle_means(*paths(pairs))).sum(axis=1)
        else:
            rewards[i] = long_run(m, replace(pairs, last=None), start).rewards
    for s, rows in ((first, rewards), (second, rewards.transpose(1, 0, 2))):
        if s.left_out is not None:
            rows[s.left_out] = np.nan
    return CrossPlay(rewards, chosen, measure, True, first.kind)


def _model_or_reason(game):
    """(model or None, why there is none)."""
    try:
        return model(game), None
    except ValueError as error:
        return None, str(error)


def _paired(first, second, i, chosen):
    """Strategies of run i's ``chosen`` and of every run's other agents."""
    m, runs = first.model, second.runs
    if not (first.correlated or second.correlated):
        return of_marginals(m, tuple(
            np.broadcast_to(first.mixture(i, k), (runs, m.size, m.actions[k])) if k in chosen
            else np.stack([second.mixture(r, k) for r in range(runs)]) for k in range(m.agents)))
    own = _part(m, first.joint(i), chosen)
    others = [_part(m, second.joint(r), [k for k in range(m.agents) if k not in chosen]) for r in range(runs)]
    return of_joint(m, np.stack([(own * rest).reshape(m.size, -1) for rest in others]))


def _part(m, joint, agents):
    """What some agents do together: [S, ...], with an axis for each agent, of length 1 for the others."""
    left_out = tuple(1 + k for k in range(m.agents) if k not in agents)
    return joint.reshape(m.size, *m.actions).sum(axis=left_out, keepdims=True)


def _remembering(m, given, other, i, chosen, kind):
    """The same of agents who remember something."""
    for name, one in (("given", given), ("other", other)):
        if not isinstance(one, (Result, Policy)):
            raise TypeError(f"{name}: agents here remember something, so a Result or a Policy is needed, "
                            f"got {shown(one)}")
    if any(getattr(rows_of(m, one), "differ", False) for one in (given, other)):
        raise ValueError("given: agents remember something, and each run numbers what it observes in its own way; "
                         "train with numbered observations, or a Grid")
    rest = [k for k in range(m.agents) if k not in chosen]
    plays = [Chosen(p, chosen, i) for p in plays_of(given, kind) if set(p.agents) & set(chosen)]
    plays += [Chosen(p, rest) for p in plays_of(other, kind) if set(p.agents) & set(rest)]
    return of_plays(m, plays, rows_of(m, given), runs_of(other), None, kind)


def _policies(given, name, kind):
    if isinstance(given, Policy):
        return [given]
    if isinstance(given, Result):
        return [None if out else given.policy(r, kind=kind) for r, out in enumerate(given.left_out.tolist())]
    raise TypeError(f"{name}: the game has no explicit model, so a Result or a Policy is needed to simulate it, "
                    f"got {shown(given)}")


def _simulated(game, given, other, chosen, episodes, seed, max_steps, kind):
    ours, theirs = _policies(given, "given", kind), _policies(other, "other", kind)
    rewards = np.full((len(ours), len(theirs), game.agents), np.nan)
    for i, j in ((i, j) for i in range(len(ours)) for j in range(len(theirs))):
        one, rest = ours[i], theirs[j]
        if one is not None and rest is not None:
            pair = Together([(one, chosen), (rest, [k for k in range(game.agents) if k not in chosen])], seed)
            rewards[i, j] = evaluate(game, pair, episodes, seed=seed, max_steps=max_steps).returns[0].mean(axis=0)
    return CrossPlay(rewards, chosen, "mean return", False, kind)
