"""Runs that failed are in no mean, and what leaves them out says so."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import plotting, statistics

# Each step pays 1e307: with discount 1 and rate 1 a value passes 1.8e308 in step 18, which is in episode 9.
HUGE = mf.games.MatrixGame([1e307], horizon=2)


@pytest.fixture(scope="module")
def run():
    with pytest.warns(RuntimeWarning, match="1 of 4 runs diverged"):
        return mf.train(HUGE, mf.IQL(1.0, discount=[0.0, 0.5, 1.0, 0.0]), episodes=20, runs=4, seed=0)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The failed run has earned as much as the others: where it counted, nobody would see it."""
    return mf.sweep(HUGE, mf.IQL(1.0), over={"learner.discount": [1.0, 0.0]}, seeds=2, seed=0, episodes=20,
                    out=tmp_path_factory.mktemp("failed") / "s")


def test_scores_leave_them_out(run):
    assert run.stop_reason[2] == "failed: value" and run.failed.tolist() == [False, False, True, False]
    assert np.isnan(statistics.scores(run)).tolist() == [False, False, True, False]
    assert not np.isnan(statistics.scores(run, failed=True)).any()


def test_statistics_say_how_many_of_how_many(run):
    for found in (statistics.estimate(run), statistics.estimate(run, "mean"), statistics.performance_profile(run)):
        assert (found.runs, found.of) == (3, 4) and "3 of 4 runs" in repr(found)
    assert statistics.estimate([1.0, 2.0]).of == 2 and "2 runs" in repr(statistics.estimate([1.0, 2.0]))
    assert statistics.mean(run) == pytest.approx(2e307)


def test_the_summary_names_them(run):
    assert "over 3 of 4 runs; failed: runs 2" in run.summary()


def test_curves_say_how_many(run):
    pytest.importorskip("matplotlib")
    texts = [text.get_text() for text in plotting.learning_curve(run).get_legend().get_texts()]
    assert any("3 of 4 runs" in text for text in texts), texts


def test_a_curve_of_failures_is_refused():
    pytest.importorskip("matplotlib")
    with pytest.raises(mf.TrainingError) as error:
        mf.train(HUGE, mf.IQL(1.0, discount=1.0), episodes=20, runs=2, seed=0)
    with pytest.raises(ValueError, match="all 2 runs failed"):
        plotting.learning_curve(error.value.result)


def test_tables_of_sweeps_have_a_column(sweep):
    table = sweep.table()
    assert table["failed"].tolist() == [True, True, False, False]
    assert np.isnan(statistics.counted(table)).tolist() == [True, True, False, False]
    assert np.isfinite(table["team_return"]).all()      # as far as they came: there for who asks


def test_a_ranking_crowns_no_failed_run(sweep, capsys):
    from marlfast.cli.sweep import _say_swept

    _say_swept(sweep, sweep.folder)
    out = capsys.readouterr().out
    ranked = out.partition("team return")[2].partition("Runs ended by")[0]
    assert "2 of 2" in ranked and "0 of 2" not in ranked
    assert "failed: value (2)" in out


def test_pictures_of_sweeps_leave_them_out(sweep):
    pytest.importorskip("matplotlib")
    ax = plotting.parameter_curve(sweep)
    offsets = np.asarray(ax.collections[0].get_offsets().filled(np.nan))
    assert np.isfinite(offsets[:, 1]).sum() == 2
