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


@pytest.mark.parametrize("kind", ["policy", ("greedy", )], ids=["by kernels", "step by step"])
def test_evaluation_leaves_them_out(run, kind):
    found = mf.evaluate(HUGE, run, episodes=2, kind=kind)
    assert found.left_out.tolist() == [False, False, True, False]
    assert np.isnan(found.team_returns[:, 0]).tolist() == [False, False, True, False]
    assert found.lengths.tolist() == [[2, 2], [2, 2], [0, 0], [2, 2]]
    assert found.mean == 2e307 and found.standard_error == 0.0 and "3 of 4 runs x 2 episodes" in repr(found)
    assert statistics.estimate(found.team_returns.mean(axis=1)).runs == 3
    every = mf.evaluate(HUGE, run, episodes=2, kind=kind, failed=True)
    assert not np.isnan(every.returns).any() and "; 4 runs x 2 episodes" in repr(every)
    np.testing.assert_array_equal(every.returns[[0, 1, 3]], found.returns[[0, 1, 3]])


def test_evaluation_of_failures_alone_is_refused():
    with pytest.raises(mf.TrainingError) as error:
        mf.train(HUGE, mf.IQL(1.0, discount=1.0), episodes=20, runs=2, seed=0)
    with pytest.raises(ValueError, match=r"policy: all 2 runs failed \(failed: value\); failed=True plays"):
        mf.evaluate(HUGE, error.value.result, episodes=2)
    assert mf.evaluate(HUGE, error.value.result, episodes=2, failed=True).mean == 2e307
    with pytest.raises(TypeError, match="failed: expected True or False, got 1"):
        mf.evaluate(HUGE, error.value.result, episodes=2, failed=1)


def test_the_command_line_says_how_many_it_evaluates(run, tmp_path, capsys):
    from marlfast.cli import main

    run.save(tmp_path / "run.npz")
    assert main(["evaluate", str(tmp_path / "run.npz"), "--episodes", "2"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "learned team" in line)
    assert "(3 of 4 runs)" in line and "nan" not in line


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
    assert any("2 of 4 runs" in text.get_text() for text in ax.get_legend().get_texts())
    table = {"a": np.array([1, 1, 2, 2]), "b": np.array([1, 2, 1, 2])} | {
        name: np.array(sweep.table()[name]) for name in ("stop_reason", "failed", "team_return")}
    ax = plotting.heat_map(table)
    assert any("2 of 4 runs" in one.get_ylabel() for one in ax.figure.axes)
