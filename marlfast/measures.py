"""What users of a game look at, beside its return: profit gains and prices, cooperation, steps to a capture.

A game says which (``Game.measures``): a tuple of the names below, or a dictionary from names to functions of a result
that give one number a run. ``result.measures()``, ``result.table()``, comparisons, reports and the command line show
them.
"""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import among, shown, unknown


@dataclass(frozen=True, eq=False)
class Measure:
    """One number for each run, and what it means.

    Attributes
    ----------
    name : str
        Such as ``"profit_gain"``.
    label : str
        What it is, in words, for tables and axes.
    values : float64 [R]
        NaN of a run that is in no mean, and where there is no such number.

    See Also
    --------
    measures : Makes them.
    """

    name: str
    label: str
    values: np.ndarray

    @property
    def mean(self):
        """Mean over the runs that have it; NaN where none does."""
        there = self.values[~np.isnan(self.values)]
        return float(there.mean()) if len(there) else float("nan")

    def __repr__(self):
        return f"Measure({self.name} {self.mean:.5g}, {int((~np.isnan(self.values)).sum())} of {len(self.values)} runs)"


def measures(result):
    """What users of its game look at, of each run.

    Parameters
    ----------
    result : Result
        What was learned; it is judged by what the agents play (see :func:`marlfast.analysis.strategies`).

    Returns
    -------
    dict of str to Measure
        By name, in the order in which the game says them. Those that cannot be worked out (of learners that exact
        analysis cannot take, say) are left out.

    See Also
    --------
    marlfast.compare : Puts them beside each other for several results.
    marlfast.analysis : The functions behind them.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.measures import measures
    >>> run = mf.train(mf.games.PrisonersDilemma(), mf.IQL(), episodes=500, runs=4, seed=0)
    >>> measures(run)
    {'cooperation_rate': Measure(cooperation_rate 0, 4 of 4 runs)}
    """
    found, shared = {}, _Shared(result)
    for name, rule, label in _asked(result.experiment.game):
        try:
            values = np.asarray(rule(shared if rule in _OURS else result), np.float64)
        except (ValueError, MemoryError):
            if rule not in _OURS:
                raise
            continue                            # exact analysis says what it cannot take
        if values.shape != result.steps.shape:
            raise ValueError(f"measures: {name}: expected one number a run, shape {result.steps.shape}, got "
                             f"{values.shape}")
        found[name] = Measure(name, label, np.where(result.left_out, np.nan, values))
    return found


def columns(result):
    """Give what users of its game look at as columns, for ``measure=`` of a sweep.

    Parameters
    ----------
    result : Result
        Of some runs.

    Returns
    -------
    dict of str to float64 [R]
        All that the game says; NaN where there is no such number.

    See Also
    --------
    marlfast.sweep : Takes it by default where no episode ends.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast.measures import columns
    >>> columns(mf.train(mf.games.PrisonersDilemma(), mf.IQL(), episodes=500, runs=2, seed=0))
    {'cooperation_rate': array([0., 0.])}
    """
    found = measures(result)
    none = np.full(len(result.steps), np.nan)
    return {name: found[name].values if name in found else none for name in known(result.experiment.game)}


def column_of(table, swept=None):
    """Name the column of a sweep's table by which its runs are judged.

    Parameters
    ----------
    table : dict of str to ndarray
        Of a sweep.
    swept : sequence of str, optional
        Its parameters. Where they are known, all other numbers that a game or a user measured count, too.

    Returns
    -------
    str
        ``"team_return"``; where no run has one, as no episode ended, the first measure of a game's that some run has.

    See Also
    --------
    columns : Puts measures into a sweep.

    Examples
    --------
    >>> import numpy as np
    >>> from marlfast.measures import column_of
    >>> column_of({"team_return": np.array([np.nan]), "failed": np.array([False]), "price": np.array([1.5])})
    'price'
    """
    from marlfast.statistics import counted

    more = [] if swept is None else [
        name for name in table if name not in _COLUMNS and name not in swept and not name.startswith("return_")
        and np.asarray(table[name]).dtype.kind in "bif"]
    return next((name for name in ("team_return", *RULES, *more) if name in table and
                 not np.isnan(counted(table, name)).all()), "team_return")


def known(game):
    """Names and labels of what users of a game look at: {name: label}.

    Parameters
    ----------
    game : Game
        What is played.

    Returns
    -------
    dict of str to str
        In the order in which the game says them.

    See Also
    --------
    measures : The numbers.

    Examples
    --------
    >>> from marlfast import games
    >>> from marlfast.measures import known
    >>> list(known(games.LogitBertrand()))
    ['profit_gain', 'price', 'cycle_length', 'nash_on_path']
    """
    return {name: label for name, _, label in _asked(game)}


def _asked(game):
    given = game.measures
    if isinstance(given, dict):
        for name, rule in given.items():
            if not isinstance(name, str) or not name.isidentifier() or not callable(rule):
                raise TypeError(f"game {game.name!r}: measures: expected functions by their names, got {shown(given)}")
            if name in _COLUMNS or name.startswith("return_"):
                raise ValueError(f"game {game.name!r}: measures: {name!r} is a column of every table; choose another "
                                 "name")
        return [(name, rule, name.replace("_", " ")) for name, rule in given.items()]
    for name in given:
        if not among(name, RULES):
            raise unknown("measure", name, RULES)
    return [(name, *RULES[name]) for name in given]


#: What every table has anyway.
_COLUMNS = frozenset({"point", "run", "seed", "steps", "episodes", "stop_reason", "failed", "team_return"})


class _Shared:
    """A result, and what several measures need of it, worked out once."""

    def __init__(self, result):
        self.result, self.game, self._kept = result, result.experiment.game, {}

    def once(self, name, make):
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def strategies(self):
        from marlfast import analysis

        return self.once("strategies", lambda: analysis.strategies(self.game, self.result))

    def long_run(self):
        from marlfast import analysis

        return self.once("long_run", lambda: analysis.long_run(self.game, self.strategies()))

    def cycles(self):
        from marlfast import analysis

        return self.once("cycles", lambda: analysis.limit_cycles(self.game, self.strategies()))


def _profit_gain(s):
    return np.asarray(s.game.profit_gain(s.long_run().rewards)).mean(axis=1)


def _price(s):
    end, prices = s.long_run(), s.game.prices
    digits = np.stack(np.unravel_index(np.arange(end.joint.shape[1]), prices.shape[1:] * len(prices)), axis=1)
    paid = np.stack([prices[i][digits[:, i]] for i in range(len(prices))], axis=1).mean(axis=1)
    return end.joint @ paid


def _cycle_length(s):
    return s.cycles().length.astype(np.float64)


def _nash_on_path(s):
    from marlfast import analysis

    discounts = [part.discount for _, part, _ in s.result.experiment.resolved.parts]
    if any(map(np.ndim, discounts)) or len(set(discounts)) > 1:
        raise ValueError("nash_on_path: agents or runs have discounts of their own")
    return analysis.nash_test(s.game, s.strategies(), discounts[0]).on_path.astype(np.float64)


def _cooperation_rate(s):
    from marlfast import analysis

    return analysis.cooperation_rate(s.game, s.strategies(), s.game.cooperate).mean(axis=1)


def _optimum(s):
    from marlfast import analysis

    # Of policies that stay a little mixed, as those by temperatures, what they do most.
    end = analysis.long_run(s.game, analysis.strategies(s.game, s.result, kind="greedy"))
    total, matrices = end.rewards.sum(axis=1), [np.asarray(m, float) for m in s.game.matrices()]
    best = sum(matrices).max() * (s.game.agents if len(matrices) == 1 else 1)       # one: all agents earn the same
    return (total >= best - 1e-9 * max(1.0, abs(best))).astype(np.float64)


def _steps(s):
    result, found = s.result, np.full(len(s.result.steps), np.nan)
    record_every = result.experiment.record_every
    for r, lengths in enumerate(result.lengths):
        lengths = lengths[lengths >= 0]
        if len(lengths):
            found[r] = lengths[-max(1, round(0.1 * len(lengths))):].mean() / record_every
    return found


#: What can be asked for by name: {name: (function, label)}.
RULES = {
    "profit_gain": (_profit_gain, "profit gain (0: one-shot equilibrium, 1: joint maximum)"),
    "price": (_price, "mean price in the long run"),
    "cycle_length": (_cycle_length, "length of the limit cycle in steps"),
    "nash_on_path": (_nash_on_path, "share of runs whose strategies are best replies on the path"),
    "cooperation_rate": (_cooperation_rate, "share of actions that cooperate, in the long run"),
    "optimum": (_optimum, "share of runs at the greatest sum of rewards"),
    "episode_length": (_steps, "steps of an episode, over the last tenth"),
}
_OURS = {rule for rule, _ in RULES.values()}
