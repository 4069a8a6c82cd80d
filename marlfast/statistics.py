"""How good, and how sure: statistics of a few runs, as the field reports them.

Every function takes *scores*: one number per run, such as :func:`scores` takes from a result. Intervals are bootstrap
intervals with a fixed seed, so that the same call gives the same interval.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville and M. G. Bellemare, "Deep reinforcement learning at the
edge of the statistical precipice", NeurIPS 2021.
"""
from dataclasses import dataclass

import numpy as np

from marlfast.errors import choice, flag, integer, real, shown
from marlfast.result import Result

__all__ = ["Estimate", "Profile", "estimate", "estimate_each", "interquartile_mean", "mean", "median", "optimality_gap",
           "performance_profile", "probability_of_improvement", "scores"]

_PIECE = 4_000_000          # numbers of resampled scores that are held at once


# -- scores -----------------------------------------------------------------------------------------

def scores(result, share=0.1, failed=False, agents=None):
    """The score of each run: its mean team return over the last part of its episodes.

    Parameters
    ----------
    result : Result
        Of a training; its recorded episodes count.
    share : float
        Which part of the recorded episodes, in (0, 1]; at least one of them.
    failed : bool
        True: also of runs that failed, or are unfinished where others have finished, as far as they came.
    agents : sequence of int, optional
        The mean over these. Default: all; where what they earn adds up to 0, they have to be given.

    Returns
    -------
    float64 [R]
        NaN of a run without a recorded episode, and of one that failed: every statistic leaves it out.

    See Also
    --------
    estimate : A statistic of scores, with an interval.

    Examples
    --------
    >>> import marlfast as mf
    >>> from marlfast import statistics
    >>> run = mf.train(mf.games.Climbing(), mf.IQL(0.2), episodes=500, runs=4, seed=0)
    >>> statistics.scores(run).round(1).tolist()
    [4.6, 4.7, 4.3, 4.9]
    """
    share, failed = real("share", share, 0.0, 1.0), flag("failed", failed)
    found, out, own = np.full(len(result.steps), np.nan), result.left_out, result.returns
    if agents is None and "agent 0" in result.sides:
        raise ValueError(f"agents: what the agents of {result.experiment.game.name!r} earn adds up to 0, so that their "
                         "mean says nothing; give agents=[0], whose return it is to be")
    if agents is not None:
        own = own[:, :, [integer(f"agents[{k}]", i, 0, own.shape[2] - 1) for k, i in enumerate(agents)]]
    for r, returns in enumerate(own.mean(axis=2)):
        returns = returns[~np.isnan(returns)]
        if len(returns) and (failed or not out[r]):
            found[r] = returns[-max(1, int(round(len(returns) * share))):].mean()
    return found


def counted(table, column="team_return"):
    """A column of a sweep's table, without runs that failed: float64 [R], NaN in their place."""
    values = np.array(table[column], np.float64)
    values[failures(table)] = np.nan
    return values


def failures(table):
    """Which runs of a sweep's table failed: bool [R]."""
    reasons = table.get("stop_reason", ())
    return np.array([str(reason).startswith("failed") for reason in reasons], bool) if len(reasons) else \
        np.zeros(len(next(iter(table.values()))), bool)


def _tasks(name, given):
    """Scores as a list with an array for each task, without NaN."""
    if isinstance(given, Result):
        given = scores(given)
    several = isinstance(given, (list, tuple)) and any(np.ndim(part) for part in given)
    try:
        tasks = [np.asarray(part, np.float64) for part in given] if several else np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected numbers, one per run, got {shown(given)}") from None
    if not several:
        if tasks.ndim not in (1, 2):
            raise ValueError(f"{name}: expected scores [runs] or [runs, tasks], or a list with the scores of each "
                             f"task, got shape {tasks.shape}")
        tasks = [tasks] if tasks.ndim == 1 else list(tasks.T)
    tasks = [task[~np.isnan(task)] for task in tasks]
    for k, task in enumerate(tasks):
        if task.ndim != 1 or not len(task):
            which = f"{name}: task {k}" if len(tasks) > 1 else name
            raise ValueError(f"{which} has no score that is a number; give at least one run")
    if not tasks:
        raise ValueError(f"{name}: expected scores, got none")
    return tasks


# -- statistics: of tasks, each [..., runs], to [...] ---------------------------------------------------

def _trimmed(values):
    """Mean over the last axis without its lowest and highest quarter (rounded down)."""
    n = values.shape[-1]
    cut = n // 4
    return np.sort(values, axis=-1)[..., cut:n - cut].mean(axis=-1)


def _iqm(tasks, target):
    return _trimmed(np.concatenate(tasks, axis=-1))


def _mean(tasks, target):
    return np.mean([task.mean(axis=-1) for task in tasks], axis=0)


def _median(tasks, target):
    if len(tasks) == 1:
        return np.median(tasks[0], axis=-1)
    return np.median([task.mean(axis=-1) for task in tasks], axis=0)


def _gap(tasks, target):
    return target - np.minimum(np.concatenate(tasks, axis=-1), target).mean(axis=-1)


_STATISTICS = {"iqm": _iqm, "mean": _mean, "median": _median, "optimality_gap": _gap}
#: Names of the statistics, as they are written out.
NAMES = {"iqm": "interquartile mean", "mean": "mean", "median": "median", "optimality_gap": "optimality gap"}


def interquartile_mean(given):
    """Mean of the middle half of all scores: a quarter of them, rounded down, is left out at either end.

    Parameters
    ----------
    given : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        One number per run; NaN is left out, here and in the other functions.

    Returns
    -------
    float
        A quarter of the scores, rounded down, is left out at either end.

    See Also
    --------
    estimate : With an interval.
    mean, median, optimality_gap : Other statistics.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.interquartile_mean([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    return float(_iqm(_tasks("given", given), None))


def mean(given):
    """Mean over tasks of the mean over runs.

    Parameters
    ----------
    given : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        One number per run; NaN is left out.

    Returns
    -------
    float
        Each task counts the same, however many runs it has.

    See Also
    --------
    interquartile_mean : Less moved by single runs.
    estimate : With an interval.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.mean([0.0, 1.0, 2.0, 100.0])
    25.75
    """
    return float(_mean(_tasks("given", given), None))


def median(given):
    """Median over tasks of the mean over runs; of a single task: the median over runs.

    Parameters
    ----------
    given : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        One number per run; NaN is left out.

    Returns
    -------
    float
        Half of the tasks (or runs) lie below it.

    See Also
    --------
    interquartile_mean : Uses more of the scores.
    estimate : With an interval.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.median([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    return float(_median(_tasks("given", given), None))


def optimality_gap(given, target):
    """By how much scores fall short of a target, on average.

    Parameters
    ----------
    given : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        One number per run; NaN is left out.
    target : float
        What should be reached; a score above it counts as the target.

    Returns
    -------
    float
        0 where every run reaches it.

    See Also
    --------
    estimate : With an interval.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.optimality_gap([0.0, 1.0, 2.0, 100.0], target=2.0)
    0.75
    """
    return float(_gap(_tasks("given", given), real("target", target)))


# -- how sure -------------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Estimate:
    """A statistic with its bootstrap interval.

    Attributes
    ----------
    value, low, high : float, or float64 [C] from :func:`estimate_each`
        NaN where there was no score.
    runs : int, or int64 [C]
        How many scores it is made of.
    level : float
        How sure the interval is meant to be.
    statistic : str
        Its name, such as ``"iqm"``.
    of : int
        How many runs were given; those without a score, such as failed ones, are left out.

    See Also
    --------
    estimate : Makes it.
    """

    value: float
    low: float
    high: float
    runs: int
    level: float
    statistic: str
    of: int | None = None

    def __repr__(self):
        if np.ndim(self.value):
            return f"Estimate({self.statistic} of {len(self.value)} columns)"
        return (f"Estimate({self.statistic} {self.value:.6g}, {100 * self.level:g} % interval {self.low:.6g} to "
                f"{self.high:.6g}, {_of(self.runs, self.of)})")


def _of(runs, of):
    """How many runs of how many."""
    return f"{runs} of {of} runs" if of not in (None, runs) else f"{runs} {'run' if runs == 1 else 'runs'}"


def _given(given):
    """How many scores were given, with those that are none."""
    if isinstance(given, Result):
        return len(given.steps)
    return sum(np.size(part) for part in given)


def estimate(given, statistic="iqm", level=0.95, resamples=2000, seed=0, target=None):
    """A statistic with a stratified bootstrap interval: runs are drawn again within each task.

    Parameters
    ----------
    given : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        Tasks should be on one scale.
    statistic : {"iqm", "mean", "median", "optimality_gap"}
        What is computed: see the functions of these names (``"iqm"``: :func:`interquartile_mean`).
    level : float
        In (0, 1).
    resamples : int
        More of them steady the ends of the interval.
    seed : int
        Of the bootstrap.
    target : float, optional
        Of the optimality gap.

    Returns
    -------
    Estimate
        Between the percentiles of the resampled statistic. One run gives an interval without width.

    See Also
    --------
    estimate_each : Of every column of an array.
    probability_of_improvement : Of two teams.
    marlfast.plotting.intervals : A picture of several.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.estimate([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    Estimate(iqm 4.5, 95 % interval 2.5 to 6.5, 8 runs)
    """
    tasks = _tasks("given", given)
    if len(tasks) == 1:
        e = estimate_each(tasks[0][:, None], statistic, level, resamples, seed, target)
        return Estimate(float(e.value[0]), float(e.low[0]), float(e.high[0]), int(e.runs[0]), e.level, statistic,
                        _given(given))
    rule, target, level, resamples = _checked(statistic, target, level, resamples)
    random = np.random.default_rng(integer("seed", seed, 0))
    low, high = _percentiles(_again(tasks, resamples, random, lambda tasks: rule(tasks, target)), level)
    return Estimate(float(rule(tasks, target)), float(low), float(high), sum(map(len, tasks)), level, statistic,
                    _given(given))


def estimate_each(values, statistic="iqm", level=0.95, resamples=2000, seed=0, target=None):
    """Estimate every column by itself, such as each point of a learning curve or of a sweep.

    Parameters
    ----------
    values : float64 [R, C]
        NaN: this run has no score there.
    statistic : {"iqm", "mean", "median", "optimality_gap"}
        Over the runs of a column.
    level : float
        In (0, 1).
    resamples : int
        More of them steady the ends of the intervals.
    seed : int
        Of the bootstrap.
    target : float, optional
        Of the optimality gap.

    Returns
    -------
    Estimate
        Of arrays [C].

    See Also
    --------
    estimate : Of one set of scores.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.estimate_each([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]).value.tolist()
    [2.0, 20.0]
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2:
        raise ValueError(f"values: expected scores [runs, columns], got shape {values.shape}")
    rule, target, level, resamples = _checked(statistic, target, level, resamples)
    seed = integer("seed", seed, 0)
    values = np.sort(values, axis=0)                # NaN comes last
    counts = (~np.isnan(values)).sum(axis=0)
    value, low, high = (np.full(values.shape[1], np.nan) for _ in range(3))
    for runs in np.unique(counts[counts > 0]).tolist():
        columns = np.flatnonzero(counts == runs)
        for piece in np.array_split(columns, -(-resamples * len(columns) // _PIECE)):
            there = values[:runs, piece]
            value[piece] = rule([there.T], target)
            drawn = _by_rank(there, statistic, target, resamples, np.random.default_rng(seed))
            low[piece], high[piece] = _percentiles(drawn, level)
    return Estimate(value, low, high, counts, level, statistic, len(values))


def _by_rank(ordered, statistic, target, resamples, random):
    """The statistic of columns whose runs are drawn again: [resamples, C].

    Which ranks are drawn can be the same for all columns, as each stands by itself. In order, the statistic is a sum of
    them with fixed weights; so for columns in order it is a product of matrices, however many there are.
    """
    runs = len(ordered)
    middle = {"iqm": slice(runs // 4, runs - runs // 4), "median": slice((runs - 1) // 2, runs // 2 + 1)}.get(
        statistic, slice(None))
    if target is not None:
        ordered = np.minimum(ordered, target)
    most, drawn = max(1, _PIECE // runs), []
    for begun in range(0, resamples, most):
        many = min(most, resamples - begun)
        ranks = np.sort(random.integers(0, runs, (many, runs)), axis=1)[:, middle]
        places = (ranks + runs * np.arange(many)[:, None]).ravel()
        weights = np.bincount(places, minlength=many * runs).reshape(many, runs) / ranks.shape[1]
        drawn.append(weights @ ordered)
    drawn = np.concatenate(drawn)
    return drawn if target is None else target - drawn


def probability_of_improvement(given, other, level=0.95, resamples=2000, seed=0):
    """How likely a run of ``given`` scores higher than a run of ``other``; ties count half.

    Parameters
    ----------
    given, other : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        Of the same tasks, over which the probabilities are averaged.
    level : float
        In (0, 1).
    resamples : int
        More of them steady the ends of the interval.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Estimate
        Around 0.5 they are as good as each other. ``runs`` counts both.

    See Also
    --------
    estimate : Of one team.
    performance_profile : The whole distribution of scores.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.probability_of_improvement([1.0, 2.0, 3.0], [0.0, 0.5, 2.0])
    Estimate(probability of improvement 0.833333, 95 % interval 0.444444 to 1, 6 runs)
    """
    ours, theirs = _tasks("given", given), _tasks("other", other)
    if len(ours) != len(theirs):
        raise ValueError(f"other: expected scores of the same {len(ours)} tasks, got {len(theirs)}")
    _, _, level, resamples = _checked("iqm", None, level, resamples)
    random = np.random.default_rng(integer("seed", seed, 0))

    def better(both):
        ours, theirs = both[:len(both) // 2], both[len(both) // 2:]
        return np.mean([_better(x, y) for x, y in zip(ours, theirs, strict=True)], axis=0)

    drawn = _again([*ours, *theirs], resamples, random, better)
    low, high = _percentiles(drawn, level)
    runs = sum(map(len, [*ours, *theirs]))
    return Estimate(float(better([*ours, *theirs])), float(low), float(high), runs, level, "probability of improvement")


def _better(x, y):
    """Share of pairs in which x [..., R] is greater than y [..., Q], ties by half."""
    x, y = x[..., :, None], y[..., None, :]
    return ((x > y) + 0.5 * (x == y)).mean(axis=(-2, -1))


@dataclass(frozen=True, eq=False)
class Profile:
    """Shares of runs whose score exceeds each of K thresholds, with bootstrap intervals.

    Attributes
    ----------
    thresholds : float64 [K]
        As given.
    shares, low, high : float64 [K]
        Share of the runs that score more, and the ends of its interval.
    runs : int
        How many scores it is made of.
    level : float
        How sure the interval is meant to be.
    of : int
        How many runs were given; those without a score are left out.

    See Also
    --------
    performance_profile : Makes it.
    marlfast.plotting.profiles : Draws several.
    """

    thresholds: np.ndarray
    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray
    runs: int
    level: float
    of: int | None = None

    def __repr__(self):
        return f"Profile({len(self.thresholds)} thresholds, {_of(self.runs, self.of)})"


def performance_profile(given, thresholds=None, level=0.95, resamples=2000, seed=0):
    """The share of runs that score more than each threshold (mean over tasks).

    Parameters
    ----------
    given : float [R], array [R, T], a list with the scores of each of T tasks, or a Result
        One number per run; NaN is left out.
    thresholds : sequence of float [K], optional
        Default: 101 of them, from the lowest score to the highest.
    level : float
        In (0, 1).
    resamples : int
        More of them steady the ends of the interval.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Profile
        The share at each threshold; a mean over tasks.

    See Also
    --------
    marlfast.plotting.profiles : Draws several.

    Examples
    --------
    >>> from marlfast import statistics
    >>> statistics.performance_profile([1.0, 2.0, 3.0, 4.0], thresholds=[0.0, 2.0, 5.0]).shares.tolist()
    [1.0, 0.5, 0.0]
    """
    tasks = _tasks("given", given)
    _, _, level, resamples = _checked("iqm", None, level, resamples)
    random = np.random.default_rng(integer("seed", seed, 0))
    if thresholds is None:
        pooled = np.concatenate(tasks)
        thresholds = np.linspace(pooled.min(), pooled.max(), 101)
    thresholds = np.asarray(thresholds, np.float64)
    if thresholds.ndim != 1 or not len(thresholds) or np.isnan(thresholds).any():
        raise ValueError(f"thresholds: expected a sequence of numbers, got {shown(thresholds)}")

    def shares(tasks):
        # Of every threshold: how many of the sorted scores lie at or below it.
        found = []
        for task in tasks:
            ordered, runs = np.sort(task, axis=-1), task.shape[-1]
            below = np.stack([(ordered <= t).sum(axis=-1) for t in thresholds], axis=-1)
            found.append(1.0 - below / runs)
        return np.mean(found, axis=0)

    low, high = _percentiles(_again(tasks, resamples, random, shares), level)
    return Profile(thresholds, shares(tasks), low, high, sum(map(len, tasks)), level, _given(given))


def _checked(statistic, target, level, resamples):
    choice("statistic", statistic, tuple(_STATISTICS))
    if statistic == "optimality_gap":
        if target is None:
            raise ValueError("target: the optimality gap needs one, such as the greatest return that can be reached")
        target = real("target", target)
    elif target is not None:
        raise ValueError(f"target: only of the optimality gap, not of {statistic!r}")
    return _STATISTICS[statistic], target, level_of(level), integer("resamples", resamples, 1)


def level_of(level):
    """A level of confidence, checked."""
    level = real("level", level)
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: expected more than 0 and less than 1, got {level}")
    return level


def _again(tasks, resamples, random, rule):
    """``rule`` of tasks whose runs are drawn again, with replacement: [resamples, ...]."""
    most = max(1, _PIECE // max(1, sum(map(len, tasks))))
    drawn = []
    for begun in range(0, resamples, most):
        many = min(most, resamples - begun)
        drawn.append(rule([task[random.integers(0, len(task), (many, len(task)))] for task in tasks]))
    return np.concatenate(drawn)


def _percentiles(drawn, level):
    tail = 50.0 * (1.0 - level)
    return np.percentile(drawn, [tail, 100.0 - tail], axis=0)
