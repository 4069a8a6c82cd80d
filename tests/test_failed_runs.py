"""Runs that failed are in no mean, and what leaves them out says so."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis, plotting, statistics
from marlfast.stop import RUNNING

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
    all_runs = mf.evaluate(HUGE, run, episodes=2, kind=kind, failed=True)
    assert not np.isnan(all_runs.returns).any() and "; 4 runs x 2 episodes" in repr(all_runs)
    np.testing.assert_array_equal(all_runs.returns[[0, 1, 3]], found.returns[[0, 1, 3]])


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
    assert "over 3 of 4 runs; failed: run 2" in run.summary()


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


# -- analysis, leagues -------------------------------------------------------------------------------

PAIR = mf.games.MatrixGame(np.full((2, 2), 1e307), memory=1, horizon=0)


@pytest.fixture(scope="module")
def pair():
    """Four runs of two agents, of which run 2 fails."""
    with pytest.warns(RuntimeWarning, match="1 of 4 runs diverged"):
        return mf.train(PAIR, mf.IQL(1.0, discount=[0.0, 0.5, 1.0, 0.0]), steps=60, runs=4, seed=0)


JUDGED = {
    "exploitability": lambda run: analysis.exploitability(PAIR, run, 0.5),
    "nash_test": lambda run: analysis.nash_test(PAIR, run, 0.5),
    "long_run": lambda run: analysis.long_run(PAIR, run),
    "limit_cycles": lambda run: analysis.limit_cycles(PAIR, run),
    "best_reply": lambda run: analysis.best_reply(PAIR, run, 0, 0.5),
    "expected_return": lambda run: analysis.expected_return(PAIR, run, horizon=3),
    "cross_play": lambda run: analysis.cross_play(PAIR, run),
    "deviation": lambda run: analysis.deviation(PAIR, run, 0),
    "profit_gain": lambda run: analysis.profit_gain(PAIR, analysis.limit_cycles(PAIR, run), 0.0, 2e307),
}


@pytest.mark.parametrize("name", JUDGED)
def test_analysis_counts_no_failed_run(pair, name):
    assert "3 of 4 runs" in repr(JUDGED[name](pair))


def test_means_of_analysis_are_those_of_the_runs_that_did_not_fail(pair):
    cycles = analysis.limit_cycles(PAIR, pair)
    assert cycles.left_out.tolist() == [False, False, True, False] and len(cycles.length) == 4
    assert sum(cycles.shares().values()) == pytest.approx(1.0)
    found = analysis.basins(cycles)
    assert sum(one.share for one in found) == pytest.approx(1.0)
    assert sorted(r for one in found for r in one.runs) == [0, 1, 3]
    assert analysis.expected_return(PAIR, pair, horizon=2).mean == pytest.approx(2e307)
    cross = analysis.cross_play(PAIR, pair)
    assert np.isnan(cross.rewards[2]).all() and np.isnan(cross.rewards[:, 2]).all()
    assert cross.own == pytest.approx(1e307) and cross.others == pytest.approx(1e307)
    game = mf.games.MatrixGame(np.eye(2), horizon=1)
    s = analysis.strategies(game, np.zeros((3, 1, 2), int))
    assert s.left_out is None                       # arrays have no failed runs


def test_failures_alone_are_not_analysed_together():
    with pytest.raises(mf.TrainingError) as error:
        mf.train(HUGE, mf.IQL(1.0, discount=1.0), episodes=20, runs=2, seed=0)
    with pytest.raises(ValueError, match=r"strategies: all 2 runs failed \(failed: value\); result.policy\(run\) is"):
        analysis.strategies(HUGE, error.value.result)
    assert analysis.expected_return(error.value.result.policy(1)).mean == 2e307


def test_unfinished_runs_are_told_apart(run):
    begun = mf.Result(run.experiment, dict(run.arrays))
    begun.arrays["reason"] = np.where([True, False, False, False], RUNNING, run.arrays["reason"])
    assert begun.unfinished.tolist() == [True, False, False, False]
    assert begun.left_out.tolist() == [True, False, True, False]
    assert "over 2 of 4 runs; failed: run 2; unfinished: run 0" in begun.summary()
    assert statistics.estimate(begun).runs == 2 and "2 of 4 runs" in repr(statistics.estimate(begun))
    assert mf.evaluate(HUGE, begun, episodes=2).left_out.tolist() == [True, False, True, False]
    assert "2 of 4 runs" in repr(analysis.expected_return(begun))
    assert not np.isnan(statistics.scores(begun, failed=True)).any()


def test_pictures_and_reports_tell_unfinished_runs_apart(run):
    pytest.importorskip("matplotlib")
    begun = mf.Result(run.experiment, dict(run.arrays))
    begun.arrays["reason"] = np.where([True, False, False, False], RUNNING, run.arrays["reason"])
    texts = [text.get_text() for text in plotting.learning_curve(begun).get_legend().get_texts()]
    assert any("2 of 4 runs, without those that failed or are unfinished" in text for text in texts), texts
    from marlfast.reports.content import of_result

    notes = of_result(begun)["notes"]
    assert any(note.startswith("1 of 4 runs are unfinished") for note in notes)
    assert any(note.startswith("1 of 4 runs failed") for note in notes)


def test_where_none_has_finished_all_are_taken_as_they_stand(run):
    begun = mf.Result(run.experiment, dict(run.arrays), interrupted=True)
    begun.arrays["reason"] = np.where(run.failed, run.arrays["reason"], RUNNING)
    assert begun.left_out.tolist() == [False, False, True, False]
    assert begun.stop_reason.count("interrupted") == 3 and "interrupted (3)" in begun.summary()
    assert statistics.estimate(begun).runs == 3


def test_a_table_of_a_league_counts_no_failed_run():
    game = mf.games.MatrixGame([[1e307, 1e307]], [[0.0, 0.0]], horizon=2)
    with pytest.warns(RuntimeWarning, match="diverged"):
        league = mf.League(game, [mf.IQL(1.0, discount=[1.0, 0.0, 0.5]), mf.IQL()], runs=3, seed=0)
        league.train(generations=2, steps=60)
    table = league.table(episodes=3)
    assert table.failed.tolist() == [True, False, False] and "2 of 3 runs" in repr(table)
    assert (table.wins == 1.0).all() and (table.margins == 2e307).all()
    assert np.isfinite(league.elo(episodes=3)).all()
