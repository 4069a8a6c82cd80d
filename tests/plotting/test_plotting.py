"""The learning curve shows the numbers it says it shows."""
import subprocess
import sys

import numpy as np
import pytest

import marlfast as mf
from marlfast import statistics
from marlfast.plotting import BINS, binned, learning_curve
from marlfast.plotting.curves import MAX_LINES

matplotlib = pytest.importorskip("matplotlib")


def small(**changes):
    values = {"game": mf.games.Drift(agents=2, horizon=5), "learner": mf.IQL(), "encoder": mf.Rounding(0),
              "episodes": 30, "runs": 3, "seed": 4}
    return mf.train(**{**values, **changes})


def line(axes):
    """The thick line: it is drawn last, over the thin ones of single runs."""
    drawn = axes.get_lines()[-1]
    assert drawn.get_linewidth() == 2.0
    return drawn.get_xdata(), drawn.get_ydata()


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_binned_by_hand():
    returns = np.array([[1.0, 3.0, 5.0, 7.0, 9.0], [2.0, 4.0, 6.0, np.nan, np.nan]])
    edges, means = binned(returns, max_bins=2)
    assert edges.tolist() == [0, 2, 5]
    np.testing.assert_array_equal(means, [[2.0, 7.0], [3.0, 6.0]])
    edges, means = binned(returns)
    assert edges.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(means, returns)


@pytest.mark.parametrize("entries", [1, 2, 99, 100, 101, 250, 1999])
def test_bins_hold_every_episode_once(entries):
    edges, means = binned(np.arange(float(entries))[None])
    widths = np.diff(edges)
    assert edges[0] == 0 and edges[-1] == entries
    assert len(widths) == min(entries, BINS)
    assert widths.min() >= 1 and widths.max() - widths.min() <= 1
    assert (means[0] * widths).sum() == pytest.approx(entries * (entries - 1) / 2)


def test_line_band_and_single_runs():
    result = small(runs=5)
    axes = learning_curve(result)
    episodes, values = line(axes)
    np.testing.assert_array_equal(episodes, np.arange(1, 31))
    ordered = np.sort(result.team_returns, axis=0)
    np.testing.assert_allclose(values, ordered[1:4].mean(axis=0), rtol=1e-12)      # the lowest and highest left out
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    at_ten = np.unique(corners[corners[:, 0] == 10.0][:, 1])
    expected = statistics.estimate_each(result.team_returns[:, :30], resamples=1000)
    np.testing.assert_allclose(at_ten, [expected.low[9], expected.high[9]], rtol=1e-12)
    thin = axes.get_lines()[:-1]
    np.testing.assert_array_equal([one.get_ydata() for one in thin], result.team_returns)
    assert sorted(legend(axes)) == ["95 % interval", "IQM of 5 runs", "runs"]
    assert axes.get_title(loc="left") == "drift: 2 agents, iql"
    assert axes.get_xlabel() == "episode"
    assert axes.get_ylabel() == "team return of an episode"


def test_mean_and_percentiles():
    result = small()
    axes = learning_curve(result, statistic="mean", band="percentiles", runs=False)
    np.testing.assert_allclose(line(axes)[1], result.team_returns.mean(axis=0), rtol=1e-12)
    corners = axes.collections[0].get_paths()[0].vertices
    at_ten = np.unique(corners[corners[:, 0] == 10.0][:, 1])
    np.testing.assert_allclose(at_ten, np.percentile(result.team_returns[:, 9], [10, 90]), rtol=1e-12)
    assert sorted(legend(axes)) == ["10th to 90th percentile", "mean of 3 runs"]
    bare = learning_curve(result, band=None, runs=False)
    assert not bare.collections and len(bare.get_lines()) == 1


def test_several_results():
    axes = learning_curve({"a $ sign": small(), "<b>": small(runs=1, episodes=10)}, runs=False)
    assert legend(axes) == [r"a \$ sign", "<b>"]
    assert axes.get_title(loc="left") == "team return: interquartile mean of runs, 95 % interval"
    first, second = axes.get_lines()
    assert first.get_color() != second.get_color()
    assert axes.get_xlim() == (0.5, 30.5)
    axes.figure.canvas.draw()


def test_very_many_runs_are_not_drawn_one_by_one():
    result = small(runs=MAX_LINES + 1, episodes=4)
    assert len(learning_curve(result).get_lines()) == 1


def test_points_of_several_episodes_stand_in_their_middle():
    result = small(episodes=400, record_every=2)          # 200 entries, 100 bins of 2 entries of 2 episodes
    episodes, values = line(learning_curve(result))
    assert episodes[:3].tolist() == [2.5, 6.5, 10.5] and episodes[-1] == 398.5
    np.testing.assert_allclose(values[0], result.team_returns[:, :2].mean(), rtol=1e-12)      # three runs: the mean
    assert "in bins of 4" in learning_curve(result).get_xlabel()


def test_one_run_has_no_band():
    axes = learning_curve(small(runs=1))
    assert not axes.collections
    assert legend(axes) == ["one run"]


@pytest.mark.parametrize("runs", [1, 3])
def test_one_episode(runs):
    axes = learning_curve(small(episodes=1, runs=runs))
    episodes, values = line(axes)
    assert episodes.tolist() == [1.0] and np.isfinite(values).all()
    assert axes.get_lines()[-1].get_marker() == "o"        # a line through one point would be invisible
    assert len(axes.collections) == (runs > 1)
    axes.figure.canvas.draw()
    left, right = axes.get_xlim()
    assert [t.get_text() for t in axes.get_xticklabels() if left <= t.get_position()[0] <= right] == ["1"]


def test_runs_of_different_length():
    result = small(episodes=200, runs=4, stop=mf.ReturnReached(-2.5, window=3))
    returns = result.team_returns
    assert len(set(result.episodes.tolist())) > 1
    episodes, values = line(learning_curve(result))
    assert len(episodes) == min(BINS, returns.shape[1])
    assert np.isfinite(values).all()
    longest = returns[result.episodes.argmax()]
    others_over = np.sort(result.episodes)[-2]
    edges, _ = binned(returns)
    alone = edges[:-1] >= others_over                      # bins in which only the longest run was training
    assert alone.any()
    k = int(np.flatnonzero(alone)[0])
    assert values[k] == pytest.approx(longest[edges[k]:edges[k + 1]].mean())
    assert "IQM of 4 runs, while they train" in legend(learning_curve(result))


@pytest.mark.parametrize("changes", [{"record_every": 0}, {"episodes": None, "steps": 3}])
def test_nothing_recorded(changes):
    with pytest.raises(ValueError, match="no episode is recorded"):
        learning_curve(small(**changes))


def test_draws_into_given_axes_and_into_a_file(tmp_path):
    figure = matplotlib.figure.Figure()
    left, right = figure.subplots(1, 2)
    assert small().plot(right) is right
    assert not left.get_lines() and len(right.get_lines()) == 4
    path = tmp_path / "curve.png"
    figure.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_leaves_pyplot_alone():
    code = ("import sys, marlfast as mf\n"
            "assert 'matplotlib' not in sys.modules\n"
            "mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=2).plot()\n"
            "assert 'matplotlib.figure' in sys.modules\n"
            "print('pyplot' if 'matplotlib.pyplot' in sys.modules else 'clean')\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "clean\n", done.stderr


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"needs matplotlib: pip install 'marlfast\[plot\]'"):
        learning_curve(small(episodes=2))


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda r: learning_curve(r, statistic="gap"), ValueError, "statistic: expected one of 'iqm'"),
    (lambda r: learning_curve(r, band="wide"), ValueError, "band: expected one of 'interval'"),
    (lambda r: learning_curve([r]), TypeError, "result: expected a Result or a dict of them"),
    (lambda r: learning_curve(r, level=2.0), ValueError, "level: expected"),
])
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call(small(episodes=3))
