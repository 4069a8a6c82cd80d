"""Statistics of runs: by hand, against other libraries where they are installed, and the same twice."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import statistics

RANDOM = np.random.default_rng(7)
ONE = RANDOM.normal(size=11)
SEVERAL = RANDOM.normal([0.0, 1.0, 3.0], 1.0, size=(10, 3))


def ends(estimate):
    return [estimate.low, estimate.high]


# -- by hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "expected"), [
    ([5.0], 5.0),
    ([1.0, 2.0, 9.0], 4.0),                                 # three runs: nothing is left out
    ([0.0, 1.0, 2.0, 100.0], 1.5),
    ([9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -7.0], 3.5),       # two at either end
    ([3.0, np.nan, 5.0], 4.0),
    ([[0.0, 10.0], [1.0, 20.0]], 5.5),                      # 0, 1, 10, 20 together
    ([[1.0, 1.0, 1.0], [4.0]], 1.0),                        # tasks with different numbers of runs
])
def test_interquartile_mean(given, expected):
    assert statistics.interquartile_mean(given) == pytest.approx(expected)


def test_mean_median_and_gap():
    tasks = np.array([[1.0, 5.0, 0.0], [3.0, 7.0, 2.0]])    # means 2, 6, 1
    assert statistics.mean(tasks) == 3.0
    assert statistics.median(tasks) == 2.0
    assert statistics.median([1.0, 2.0, 30.0, 40.0]) == 16.0        # of one task: over runs
    assert statistics.optimality_gap([0.0, 0.5, 3.0], target=1.0) == 0.5     # 1, 0.5, and 3 counts as 1


def test_probability_of_improvement_by_hand():
    # 9 pairs: 1 beats 0 and 0.5; 2 beats both and ties; 3 beats all: 2 + 2.5 + 3.
    assert statistics.probability_of_improvement([1, 2, 3], [0, 0.5, 2]).value == pytest.approx(7.5 / 9)
    assert statistics.probability_of_improvement(ONE, ONE).value == 0.5
    both = statistics.probability_of_improvement([[1.0], [0.0]], [[0.0, 0.0], [1.0, 1.0]])
    assert (both.value, both.runs) == (0.5, 6)              # all of the first task, none of the second


def test_better_runs_are_told_from_worse_ones():
    clear = statistics.probability_of_improvement(ONE + 5.0, ONE)
    assert (clear.value, clear.low, clear.high) == (1.0, 1.0, 1.0)
    unclear = statistics.probability_of_improvement(ONE + 0.1, ONE)
    assert unclear.low < 0.5 < unclear.high


def test_performance_profile_by_hand():
    profile = statistics.performance_profile([1.0, 2.0, 2.0, 4.0], thresholds=[0.0, 1.0, 1.5, 2.0, 3.0, 4.0])
    assert profile.shares.tolist() == [1.0, 0.75, 0.75, 0.25, 0.25, 0.0]
    assert (profile.low <= profile.shares).all() and (profile.shares <= profile.high).all()
    # Tasks count alike, however many runs they have.
    assert statistics.performance_profile([[1.0, 1.0, 1.0], [3.0]], [2.0]).shares.tolist() == [0.5]
    assert len(statistics.performance_profile(ONE).thresholds) == 101


# -- intervals ----------------------------------------------------------------------------------


def test_same_call_same_interval():
    a, b, c = (statistics.estimate(SEVERAL, seed=seed) for seed in (3, 3, 4))
    assert ends(a) == ends(b) and ends(a) != ends(c)
    assert a.low < a.value < a.high and a.runs == 30


def test_one_run_has_an_interval_without_width():
    assert ends(statistics.estimate([2.5])) == [2.5, 2.5]
    assert repr(statistics.estimate([2.5])) == "Estimate(iqm 2.5, 95 % interval 2.5 to 2.5, 1 run)"


def test_strata_are_kept():
    # Two tasks without spread of their own: runs drawn again within each of them change nothing.
    tasks = np.array([[0.0, 10.0]] * 5)
    for name in ("iqm", "mean", "median"):
        assert ends(statistics.estimate(tasks, name)) == [5.0, 5.0]
    assert statistics.estimate(tasks.ravel(), "mean").low < 4.0     # as runs of one task they do


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    random, covered = np.random.default_rng(0), 0
    for k in range(300):
        e = statistics.estimate(random.normal(2.0, 1.0, 20), level=0.9, resamples=300, seed=k)
        covered += e.low <= 2.0 <= e.high
    assert 0.80 < covered / 300 < 0.95


@pytest.mark.parametrize("statistic", ["iqm", "mean", "median", "optimality_gap"])
def test_each_column_is_as_if_it_were_alone(statistic):
    target = 1.0 if statistic == "optimality_gap" else None
    values = SEVERAL.copy()
    values[4:, 1] = np.nan                                  # runs that ended early
    values = np.column_stack([values, np.full(10, np.nan)])
    each = statistics.estimate_each(values, statistic, target=target)
    assert each.runs.tolist() == [10, 4, 10, 0]
    assert np.isnan([each.value[3], each.low[3], each.high[3]]).all()
    for k in range(3):
        alone = statistics.estimate(values[:, k], statistic, target=target)
        assert each.value[k] == pytest.approx(alone.value)
        assert each.low[k] <= each.value[k] <= each.high[k]
        assert [each.low[k], each.high[k]] == pytest.approx(ends(alone))


@pytest.mark.parametrize("statistic", ["iqm", "mean", "median", "optimality_gap"])
@pytest.mark.parametrize("runs", [1, 2, 3, 4, 7, 12])
def test_drawn_by_rank_is_drawn_run_by_run(statistic, runs):
    """Weights of ranks give what the statistic itself gives of the runs that were drawn."""
    values = np.sort(np.random.default_rng(1).normal(size=(runs, 3)), axis=0)
    target = 0.5 if statistic == "optimality_gap" else None
    found = statistics._by_rank(values, statistic, target, 50, np.random.default_rng(2))
    ranks = np.random.default_rng(2).integers(0, runs, (50, runs))
    function = statistics._STATISTICS[statistic]
    np.testing.assert_allclose(found, [[function([column[drawn]], target) for column in values.T] for drawn in ranks],
                               rtol=1e-12, atol=1e-12)


def test_pieces_give_the_same_as_the_whole(monkeypatch):
    whole = statistics.estimate_each(SEVERAL)
    monkeypatch.setattr(statistics, "_PIECE", 1000)
    pieces = statistics.estimate_each(SEVERAL)
    np.testing.assert_allclose([whole.low, whole.high], [pieces.low, pieces.high], rtol=1e-12)
    assert statistics.estimate(SEVERAL).low == pytest.approx(statistics.estimate(SEVERAL, seed=1).low, abs=0.2)


def test_scores_of_a_result():
    run = mf.train(mf.games.Drift(agents=2, horizon=5), mf.IQL(), encoder=mf.Rounding(0), episodes=40, runs=5, seed=1)
    assert statistics.scores(run).tolist() == run.team_returns[:, -4:].mean(axis=1).tolist()
    assert statistics.scores(run, 1.0).tolist() == run.team_returns.mean(axis=1).tolist()
    assert statistics.scores(run).mean() == pytest.approx(run.last_return())
    assert statistics.estimate(run).value == statistics.interquartile_mean(statistics.scores(run))
    none = mf.train(mf.games.Drift(agents=2, horizon=5), mf.IQL(), encoder=mf.Rounding(0), steps=3, runs=2)
    assert np.isnan(statistics.scores(none)).all()
    with pytest.raises(ValueError, match="given has no score that is a number"):
        statistics.estimate(none)


# -- against other libraries ------------------------------------------------------------------------


def test_like_scipy():
    stats = pytest.importorskip("scipy.stats")
    for n in range(1, 30):
        values = RANDOM.normal(size=n)
        assert statistics.interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))
    theirs = stats.bootstrap((ONE,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), n_resamples=5000,
                             method="percentile", rng=np.random.default_rng(0)).confidence_interval
    assert ends(statistics.estimate(ONE, resamples=5000)) == pytest.approx(list(theirs), abs=0.06)
    u = stats.mannwhitneyu(ONE, SEVERAL[:, 0]).statistic
    assert statistics.probability_of_improvement(ONE, SEVERAL[:, 0]).value == pytest.approx(u / 110)


@pytest.mark.filterwarnings("ignore")
def test_like_rliable():
    try:
        from rliable import library, metrics
    except Exception as error:      # some of its own dependencies do not fit together
        pytest.skip(f"needs rliable ({type(error).__name__})")

    def all_of(x):
        return np.array([metrics.aggregate_iqm(x), metrics.aggregate_mean(x), metrics.aggregate_median(x),
                         metrics.aggregate_optimality_gap(x, 2.0)])

    points, intervals = library.get_interval_estimates({"x": SEVERAL}, all_of, reps=4000)
    for k, name in enumerate(["iqm", "mean", "median", "optimality_gap"]):
        ours = statistics.estimate(SEVERAL, name, resamples=4000, target=2.0 if name == "optimality_gap" else None)
        assert ours.value == pytest.approx(points["x"][k])
        assert ends(ours) == pytest.approx(intervals["x"][:, k].tolist(), abs=0.08)
    other = SEVERAL - 0.3
    ours = statistics.probability_of_improvement(SEVERAL, other)
    assert ours.value == pytest.approx(metrics.probability_of_improvement(SEVERAL, other))
    thresholds = np.linspace(-2.0, 4.0, 7)
    shares, _ = library.create_performance_profile({"x": SEVERAL}, thresholds, reps=50)
    np.testing.assert_allclose(statistics.performance_profile(SEVERAL, thresholds).shares, shares["x"])


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: statistics.estimate([]), ValueError, "given has no score that is a number; give at least one run"),
    (lambda: statistics.estimate([[1.0], []]), ValueError, "given: task 1 has no score"),
    (lambda: statistics.estimate(np.zeros((2, 2, 2))), ValueError, r"given: expected scores \[runs\]"),
    (lambda: statistics.estimate(["a"]), TypeError, "given: expected numbers, one per run"),
    (lambda: statistics.estimate([1.0], "iq"), ValueError, "statistic: expected one of 'iqm'"),
    (lambda: statistics.estimate([1.0], level=1.0), ValueError, "level: expected more than 0 and less than 1"),
    (lambda: statistics.estimate([1.0], level=95), ValueError, "level: expected more than 0 and less than 1"),
    (lambda: statistics.estimate([1.0], resamples=0), ValueError, "resamples: expected at least 1"),
    (lambda: statistics.estimate([1.0], seed=-1), ValueError, "seed: expected at least 0"),
    (lambda: statistics.estimate([1.0], "optimality_gap"), ValueError, "target: the optimality gap needs one"),
    (lambda: statistics.estimate([1.0], target=1.0), ValueError, "target: only of the optimality gap"),
    (lambda: statistics.estimate_each([1.0]), ValueError, r"values: expected scores \[runs, columns\]"),
    (lambda: statistics.probability_of_improvement([1.0], np.ones((1, 2))), ValueError, "other: expected scores of"),
    (lambda: statistics.performance_profile([1.0], [np.nan]), ValueError, "thresholds: expected a sequence"),
])
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
