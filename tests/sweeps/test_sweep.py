"""Sweeps: what is trained, how it is packed and cut, what the folder holds, and what is refused."""
import concurrent.futures
import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast.sweeps import chunks, engines, merge, points, tables
from marlfast.sweeps import folder as folders
from marlfast.sweeps import run as running
from marlfast.sweeps import work as working
from marlfast.sweeps.parts import Changes
from marlfast.sweeps.plan import Plan
from marlfast.sweeps.progress import Progress
from marlfast.sweeps.store import Store
from marlfast.tables import csv_lines, texts

GAME = mf.games.PrisonersDilemma(memory=1, horizon=10)
OVER = {"learner.learning_rate": [0.1, 0.2, 0.5], "game.temptation": [4.0, 5.0], "learner.explore.epsilon": [0.3, 0.7]}


def sweep(out, **options):
    options = {"over": OVER, "seeds": 3, "seed": 0, "steps": 200, "workers": 2} | options
    return mf.sweep(options.pop("game", GAME), options.pop("learner", mf.IQL(explore=mf.EpsilonGreedy(0.1))), out=out,
                    **options)


def files(folder):
    """Contents of a folder's files by name, without the log, which alone has times in it."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in Path(folder).rglob("*")
            if p.is_file() and p.name != "log.jsonl" and not p.parent.name.startswith("shard-")}


# -- what is trained -----------------------------------------------------------------------------

def test_each_run_is_the_run_that_train_gives(tmp_path):
    found = sweep(tmp_path / "s", keep="results", steps=205, record_every=2)
    table, curves = found.table(), found.curves()
    assert list(table) == ["point", *OVER, "seed", "steps", "episodes", "stop_reason", "failed", "team_return",
                           "return_0", "return_1", "cooperation_rate"]
    assert table["point"].tolist() == np.repeat(np.arange(12), 3).tolist()
    assert table["seed"].tolist() == [0, 1, 2] * 12
    for i in range(0, 36, 5):
        row = {name: column[i] for name, column in table.items()}
        alone = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=10, temptation=row["game.temptation"]),
                         mf.IQL(row["learner.learning_rate"], explore=mf.EpsilonGreedy(row["learner.explore.epsilon"])),
                         steps=205, seed=int(row["seed"]), record_every=2)
        assert (row["steps"], row["episodes"], row["stop_reason"]) == (205, 20, "steps")
        assert row["team_return"] == pytest.approx(alone.last_return(), rel=1e-14)
        assert [row["return_0"], row["return_1"]] == pytest.approx(alone.returns[0, -1], rel=1e-14)
        assert curves["episodes"].tolist() == list(range(2, 21, 2))
        np.testing.assert_array_equal(curves["returns"][i], alone.returns[0])
        kept = found.load_run(i)
        assert kept.experiment.to_dict() == alone.experiment.to_dict()
        for name, array in alone.arrays.items():
            if name not in ("returns", "shaped_returns", "lengths"):        # which have room for more
                assert kept.arrays[name].tobytes() == array.tobytes(), name
        np.testing.assert_array_equal(kept.returns, alone.returns)
    again = mf.load(tmp_path / "s")
    for name, column in again.table().items():
        np.testing.assert_array_equal(column, table[name])
    for name, array in again.curves().items():
        np.testing.assert_array_equal(array, curves[name])
    assert (again.missing, again.failures, again.names, again.over) == (0, [], list(OVER), OVER)
    assert "36 of 36 runs" in repr(again)


def test_runs_that_may_differ_in_one_call_are_in_one_call(tmp_path, monkeypatch):
    calls = []
    genuine = working.Session
    monkeypatch.setattr(working, "Session", lambda e, *rest: calls.append(e) or genuine(e, *rest))
    sweep(tmp_path / "s", workers=1)
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), OVER, points.points(OVER)[1], [0, 1, 2])
    assert plan.packed == {"learner.learning_rate", "learner.explore.epsilon"}
    assert [(e.game.temptation, len(s.runs)) for s in plan.task(0, 36, {}).segments
            for e in [plan.changes.make(s.fixed)]] == [(4.0, 18), (5.0, 18)]
    assert sum(e.runs for e in calls) == 36 and max(e.runs for e in calls) > 3
    assert any(np.ndim(e.learner.learning_rate) and np.ndim(e.learner.explore.epsilon) for e in calls)


@pytest.mark.parametrize("over, packed", [
    ({"learner.learning_rate": [0.1, 0.2]}, ["learner.learning_rate"]),
    ({"learner.name": ["iql", "wolf_phc"], "learner.learning_rate": [0.1, 0.2]}, ["learner.learning_rate"]),
    ({"learner": ["iql", mf.learners.WoLFPHC(0.3)], "game.horizon": [3, 4]}, []),
    ({"learner.explore.decay": [None, 0.9]}, []),
    ({"learner.share": ["all", "none"], "learner.discount": [0.0, 0.9]}, ["learner.discount"]),
    ({"steps": [10, 20]}, []),
])
def test_what_is_packed(over, packed, tmp_path):
    lists = points.lists(over)
    plan = Plan(mf.Experiment(GAME, mf.IQL(explore=mf.EpsilonGreedy(0.5)), steps=30), lists, points.points(lists)[1],
                [5])
    assert sorted(plan.packed) == packed
    given = {} if "learner" in over else {"learner": mf.IQL(explore=mf.EpsilonGreedy(0.5))}
    found = mf.sweep(GAME, **given, over=over, seeds=[5], out=tmp_path / "s", **({} if "steps" in over else
                                                                                 {"steps": 30}))
    for point in range(plan.points.count):
        alone = mf.train(found.plan.experiment_at(point, 5))
        assert found.table()["team_return"][point] == pytest.approx(alone.last_return(), rel=1e-14)


def test_several_learners_and_schedules_are_packed(tmp_path):
    learners = [mf.IQL(mf.schedules.Linear(0.5, 0.0, 100)), mf.learners.WoLFPHC(0.2)]
    over = {"learner.learners.0.learning_rate.duration": [10, 100], "learner.learners.1.delta_win": [0.001, 0.002]}
    found = mf.sweep(GAME, learners=learners, over=over, steps=100, out=tmp_path / "s", seeds=2)
    assert found.plan.packed == set(over)
    assert found.table()["learner.learners.0.learning_rate.duration"].dtype == np.int64
    alone = mf.train(GAME, learners=[mf.IQL(mf.schedules.Linear(0.5, 0.0, 100)), mf.learners.WoLFPHC(0.2,
                                                                                                     delta_win=0.002)],
                     steps=100, seed=1)
    assert found.table()["team_return"][7] == pytest.approx(alone.last_return(), rel=1e-14)


def test_parts_that_refuse_runs_that_differ_go_alone(tmp_path):
    """Shaping that takes its discount from the learner needs all runs of a call to have the same."""
    options = {"encoder": mf.Grid(-3.0, 6.0, 6), "steps": 30,
               "shaping": mf.rewards.PotentialBased(mf.rewards.Distance(0.0))}
    game = mf.games.Drift(agents=2, state_size=1, horizon=9)
    found = mf.sweep(game, mf.IQL(), over={"learner.discount": [0.5, 0.9]}, seeds=2, out=tmp_path / "s", **options)
    alone = mf.train(game, mf.IQL(discount=0.9), seed=1, **options)
    assert found.table()["team_return"][3] == pytest.approx(alone.last_return(), rel=1e-14)


def test_a_default_that_follows_from_another_option_still_follows():
    changes = Changes(mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=1))
    assert changes.make({"game.actions": 9}).game.bonus_below == 4
    fixed = Changes(mf.Experiment(mf.games.Drift(bonus_below=1), mf.IQL(), encoder=mf.Rounding(0), episodes=1))
    assert fixed.make({"game.actions": 9}).game.bonus_below == 1


def test_changes_are_made_together():
    base = mf.Experiment(GAME, mf.IQL(explore=mf.EpsilonGreedy(0.3, decay=0.9, minimum=0.2)), steps=9)
    made = Changes(base).make({"learner.explore.epsilon": 0.1, "learner.explore.minimum": 0.05})
    assert made.learner.explore == mf.EpsilonGreedy(0.1, decay=0.9, minimum=0.05)
    made = Changes(base).make({"learner.name": "wolf_phc", "learner.delta_win": 0.005, "stop": ["greedy_stable"]}
                              | {"stop": (mf.GreedyStable(3),)})
    assert made.learner == mf.learners.WoLFPHC(delta_win=0.005) and made.stop == (mf.GreedyStable(3),)


def test_teams_of_different_sizes_and_runs_of_different_lengths(tmp_path):
    over = {"game.agents": [1, 3], "episodes": [4, 250]}
    found = mf.sweep(mf.games.Drift(horizon=2), mf.IQL(), encoder=mf.Rounding(0), over=over, seeds=2,
                     out=tmp_path / "s")
    table, curves = found.table(), found.curves()
    assert np.isnan(table["return_1"]).tolist() == [True] * 4 + [False] * 4
    assert curves["episodes"].tolist() == list(range(10, 251, 10))       # at most 100 bins: 10 episodes each
    assert curves["returns"].shape == (8, 25, 3)
    alone = mf.train(mf.games.Drift(horizon=2, agents=3), mf.IQL(), encoder=mf.Rounding(0), episodes=250, seed=1)
    np.testing.assert_allclose(curves["returns"][7], alone.returns[0].reshape(25, 10, 3).mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(curves["team_return"][7], alone.team_returns[0].reshape(25, 10).mean(axis=1), rtol=1e-13)
    short = mf.train(mf.games.Drift(horizon=2, agents=1), mf.IQL(), encoder=mf.Rounding(0), episodes=4)
    assert curves["team_return"][0, 0] == pytest.approx(short.team_returns[0].mean(), rel=1e-13)
    assert np.isnan(curves["team_return"][0, 1:]).all() and np.isnan(curves["returns"][0, :, 1:]).all()


@pytest.mark.parametrize("options", [{"steps": 20}, {"steps": 5000}, {"episodes": 3000},
                                     {"steps": 10**5, "episodes": 7}, {"steps": 5000, "record_every": 100},
                                     {"steps": 50, "record_every": 0}])
def test_as_many_runs_in_a_call_as_there_is_room_for(options, monkeypatch):
    monkeypatch.setattr(working, "MAX_BYTES", 2**22)
    experiment = mf.Experiment(mf.games.PrisonersDilemma(), mf.IQL(), **options)
    most = working._most_runs(experiment, "cython")
    session = working.Session(experiment.replace(runs=most, seed=list(range(most))))
    session.work(1)
    assert 2**20 < sum(array.nbytes for array in session.arrays.values()) <= 2**22


def test_widths_of_bins_divide_each_other():
    widths = [working.bin_width(n, 10) for n in (0, 10, 11, 20, 21, 100, 101, 10**6)]
    assert widths == [1, 1, 2, 2, 10, 10, 20, 100000]
    assert working.bin_width(3, 1) == 10


@pytest.mark.parametrize("agents", [1, 2, 3, 9])
def test_what_is_kept_of_a_run_does_not_depend_on_the_runs_beside_it(agents):
    """Sums are added in an order that only the run's own returns have a part in, to the last bit."""
    rng = np.random.default_rng(agents)
    experiment = mf.Experiment(mf.games.Drift(agents=agents), mf.IQL(), encoder=mf.Rounding(0), episodes=3000, runs=7)
    episodes = np.array([3000, 1, 0, 2999, 3000, 137, 1024])

    def summary(runs, room):
        arrays = {"returns": np.zeros((len(runs), room, agents)), "episodes": episodes[runs], "steps": episodes[runs],
                  "reason": np.zeros(len(runs), np.int32)}
        arrays["returns"][:, :3000] = returns[runs]
        return working.summary(mf.Result(experiment.replace(runs=len(runs)), arrays), 20)

    returns = rng.standard_normal((7, 3000, agents)) * 10.0 ** rng.integers(-8, 8, (7, 3000, 1))
    whole = summary(np.arange(7), 3000)
    for runs in ([3], [0, 4], [6, 5, 2, 1], [0]):
        part = summary(np.array(runs), 4096)
        for name, array in part.items():
            kept = whole[name][runs]
            kept = kept[:, :array.shape[1]] if array.ndim == 3 else kept
            assert array.tobytes() == np.ascontiguousarray(kept).tobytes(), name
    mean = returns[3, :2999].reshape(2999, agents)[-300:].mean(axis=0)
    np.testing.assert_allclose(whole["returns"][3], mean, rtol=1e-9)
    np.testing.assert_allclose(whole["sums"][0, 1], returns[0, 200:400].sum(axis=0), rtol=1e-9)


def test_bins_that_are_made_wider_later_by_hand(tmp_path):
    """Runs of 3 and of 25 episodes, at most 3 bins: 1 and 10 episodes wide; the first run's become one bin."""
    arrays = {"agents": np.array([1, 1]), "returns": np.zeros((2, 1)), "entries": np.array([3, 25]),
              "width": np.array([1, 10]), "steps": np.array([9, 90]), "episodes": np.array([6, 50]),
              "reason": np.ones(2, np.int32), "sums": np.array([[1.0, 2.0, 6.0], [10.0, 20.0, 15.0]])[:, :, None]}
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1, record_every=2), {}, points.Grid([]), [0, 1])
    (tmp_path / "x.npz").write_bytes(chunks.content(b"0" * 16, 0, 2, arrays))
    curves = tables.curves(Store(plan, [(0, 2, tmp_path / "x.npz")], b"0" * 16))
    assert curves["episodes"].tolist() == [20, 40, 50]
    np.testing.assert_array_equal(curves["team_return"], [[3.0, np.nan, np.nan], [1.0, 2.0, 3.0]])


def test_no_records_and_no_episodes(tmp_path):
    none = sweep(tmp_path / "none", over={}, record_every=0)
    assert np.isnan(none.table()["team_return"]).all() and none.curves()["returns"].shape == (3, 0, 2)
    short = sweep(tmp_path / "short", over={}, steps=5)             # no episode ends
    assert np.isnan(short.table()["return_1"]).all() and short.curves()["episodes"].size == 0
    assert short.table()["episodes"].tolist() == [0, 0, 0]


def test_one_point_and_one_seed(tmp_path):
    found = sweep(tmp_path / "s", over={"learner.learning_rate": [0.3]}, seeds=[2**64 - 1])
    assert found.table()["seed"].tolist() == [2**64 - 1] and found.table()["point"].tolist() == [0]


def test_seeds_are_counted_from_the_experiments(tmp_path):
    base = mf.Experiment(GAME, mf.IQL(), steps=20, runs=3, seed=7)
    assert mf.sweep(base, out=tmp_path / "a").seeds == [7, 8, 9]
    assert mf.sweep(base, out=tmp_path / "b", seeds=2).seeds == [7, 8]
    assert mf.sweep(base.replace(seed=[4, 1, 2]), out=tmp_path / "c").seeds == [4, 1, 2]


def test_a_run_that_fails_says_so_and_the_others_go_on(tmp_path):
    """Values that grow without bound stop a run, in a call of its own or with others."""
    game = mf.games.MatrixGame([[1e300, 1e300], [1e300, 1e300]])
    over = {"learner.learning_rate": [0.0, 1.0], "learner.discount": [0.5, 1.0]}
    options = {"game": game, "over": over, "steps": 10**5, "record_every": 100, "learner": mf.IQL()}
    found = sweep(tmp_path / "a", **options)
    reasons = found.table()["stop_reason"].reshape(4, 3)
    assert (reasons[:2] == "steps").all()
    sweep(tmp_path / "b", chunk_seconds=1e-9, **options)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def quarter(result):
    """A measure that can be imported by its name."""
    return {"first": result.returns[:, 0, 0], "long": result.steps > 100, "name": np.array(["x"] * len(result.steps))}


def test_measures_add_columns(tmp_path):
    found = sweep(tmp_path / "s", measure=quarter, over={"steps": [50, 150]}, steps=None)
    table = mf.load(tmp_path / "s").table()
    assert list(table)[-3:] == ["first", "long", "name"]
    assert table["long"].tolist() == [False] * 3 + [True] * 3 and set(table["name"]) == {"x"}
    assert table["first"][4] == mf.train(found.plan.experiment_at(1, 1)).returns[0, 0, 0]


@pytest.mark.parametrize("measure, words", [
    (lambda result: 3, "expected a dictionary of arrays, got 3"),
    (lambda result: {"x": 1.0}, "x: expected one number or word per run, shape (1,), got float64 ()"),
    (lambda result: {"seed": result.steps}, "'seed' cannot be the name of a column"),
    (lambda result: {"return_0": result.steps}, "'return_0' cannot be the name of a column"),
    (lambda result: 1 / 0, "ZeroDivisionError"),
])
def test_measures_that_are_none(tmp_path, measure, words):
    found = sweep(tmp_path / "s", measure=measure, over={}, seeds=1)
    assert [name for name, _ in found.failures] == ["00000000-00000001"]
    assert words in found.failures[0][1] and "Traceback" in found.failures[0][1]


# -- tables --------------------------------------------------------------------------------------

def test_csv_and_data_frames(tmp_path):
    found = sweep(tmp_path / "s")
    found.to_csv(tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text()
    assert text == (tmp_path / "s" / "table.csv").read_text()
    lines = text.splitlines()
    assert lines[0] == "point,learner.learning_rate,game.temptation,learner.explore.epsilon,seed,steps,episodes," \
                       "stop_reason,failed,team_return,return_0,return_1,cooperation_rate"
    assert len(lines) == 37 and lines[1].startswith("0,0.1,4.0,0.3,0,200,20,steps,")
    assert [float(line.split(",")[9]) for line in lines[1:]] == found.table()["team_return"].tolist()
    for library in ("pandas", "polars"):
        try:
            __import__(library)
        except ImportError:
            with pytest.raises(ImportError, match=rf"pip install 'marlfast\[{library}\]'"):
                found.dataframe(library)
        else:
            frame = found.dataframe(library)
            assert list(frame.columns) == list(found.table()) and frame.shape == (36, 13)
    with pytest.raises(ValueError, match="library: expected one of 'pandas', 'polars'"):
        found.dataframe("excel")


def test_columns_of_words_and_gaps():
    assert points.column([True, False]).dtype == bool
    assert points.column([1, 2]).dtype == np.int64 and points.column([1, 2.5]).dtype == np.float64
    assert np.isnan(points.column([None, 0.5])[0])
    assert points.column(["all", [0, 1]]).tolist() == ["all", "[0, 1]"]
    assert points.column([mf.IQL(), "wolf_phc"]).tolist() == ["iql", "wolf_phc"]
    assert points.column([{"name": "a", "x": 1}, {"name": "a", "x": 2}]).tolist() == [
        '{ name = "a", x = 1 }', '{ name = "a", x = 2 }']
    assert csv_lines([texts(np.array([0.1, np.nan])), texts(np.array(['x,"y"', ""]))]) == \
        '0.1,"x,""y"""\n,\n'


def test_the_callers_table_is_its_own(tmp_path):
    found = sweep(tmp_path / "s", over={}, seeds=1)
    found.table()["steps"][:] = 0
    assert found.table()["steps"].tolist() == [200]


def test_results_are_only_there_where_they_were_kept(tmp_path):
    found = sweep(tmp_path / "s", over={}, seeds=1)
    with pytest.raises(FileNotFoundError, match='keep="results"'):
        found.load_run(0)
    with pytest.raises(ValueError, match="i: expected 0 to 0, got 1"):
        found.load_run(1)


# -- points --------------------------------------------------------------------------------------

def test_a_grid_by_hand():
    values, grid = points.points(points.lists({"a": [1, 2], "b": [3, 4, 5]}))
    index = grid.digits(np.arange(grid.count))
    assert values == {"a": [1, 2], "b": [3, 4, 5]} and index.dtype == np.int32
    assert index.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


def test_samples_of_a_grid_are_different_points():
    lists = points.lists({"a": list(range(5)), "b": list(range(7))})
    index = points.points(lists, 35)[1].index
    assert len({tuple(point) for point in index.tolist()}) == 35
    assert points.points(lists, 10)[1].index.tolist() == index[:10].tolist()      # more samples are more of the same
    assert points.points(lists, 10, 1)[1].index.tolist() != index[:10].tolist()
    huge = points.points(points.lists({str(k): list(range(1000)) for k in range(6)}), 1000)[1].index
    assert len({tuple(point) for point in huge.tolist()}) == 1000 and huge.max() > 900


def test_samples_of_ranges():
    lists = points.lists({"a": {"low": 0.001, "high": 1.0, "log": True}, "b": [1, 2], "c": {"low": 2, "high": 4,
                                                                                          "whole": True}})
    values, sample = points.points(lists, 400)
    index = sample.index
    a = np.array(values["a"])[index[:, 0]]
    assert 0.001 <= a.min() and a.max() <= 1.0 and 150 < (a < 0.001**0.5).sum() < 250
    assert values["b"] == [1, 2] and sorted(values["c"]) == [2, 3, 4]
    assert 100 < (index[:, 1] == 0).sum() < 300 and min(np.bincount(index[:, 2])) > 90
    with pytest.raises(ValueError, match="only 3 different points could be drawn, not 4"):
        points.points(points.lists({"c": {"low": 2, "high": 4, "whole": True}}), 4)


def test_a_sample_is_read_again(tmp_path):
    over = {"learner.learning_rate": {"low": 0.01, "high": 1.0, "log": True}, "learner.discount": [0.0, 0.5]}
    found = sweep(tmp_path / "s", over=over, samples=4, seeds=2)
    again = mf.load(tmp_path / "s")
    assert again.over == found.over and len(again.over["learner.learning_rate"]) == 4
    np.testing.assert_array_equal(again.table()["learner.learning_rate"], found.table()["learner.learning_rate"])


def test_a_hundred_thousand_points_are_planned_at_once():
    """Far from quadratic: every point is a group of its own, and its task is made on demand."""
    over = points.lists({"game.temptation": np.linspace(4.0, 5.0, 1000).tolist(), "learner.learning_rate":
                         np.linspace(0.1, 0.9, 100).tolist()})
    values, index = points.points(over)
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), values, index, range(10))
    plan.check()
    assert plan.total == 1_000_000 and plan.order.group([99_999]) == [999]
    done = [(2 * k, 2 * k + 1) for k in range(200_000)]
    assert len(plan.missing(done)) == 200_000
    task = plan.task(999_000, 1_000_000, {})
    (segment,) = task.segments
    assert segment.fixed == {"game.temptation": 5.0} and len(segment.packed["learner.learning_rate"]) == 1000


def test_every_run_is_planned_once():
    rng = np.random.default_rng(0)
    index = rng.integers(0, 3, (50, 2)).astype(np.int32)
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), {"game.temptation": [4.0, 5.0, 6.0],
                                                        "learner.discount": [0.1, 0.2, 0.3]}, index, [3, 4])
    runs = [run for s in plan.task(0, 100, {}).segments for run in s.runs.tolist()]
    assert sorted(runs) == list(range(100)) and len(plan.task(0, 100, {}).segments) == 3
    for segment in plan.task(7, 61, {}).segments:
        for point, run, seed in zip(segment.points, segment.runs, segment.seeds, strict=True):
            assert divmod(run, 2) == (point, seed - 3)
    assert plan.missing([]) == [(0, 100)] and plan.missing([(0, 100)]) == []
    assert plan.missing([(10, 20), (90, 100)]) == [(0, 10), (20, 90)]


# -- engines, chunks, kills ----------------------------------------------------------------------

@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The files of a small sweep."""
    folder = tmp_path_factory.mktemp("reference") / "s"
    sweep(folder, keep="results", measure=quarter)
    return files(folder)


@pytest.mark.parametrize("options", [
    {"workers": 1}, {"chunk_seconds": 1e-9}, {"chunk_seconds": 1e9, "workers": 1}, {"block": 7},
])
def test_how_it_is_cut_changes_no_byte(tmp_path, reference, options):
    sweep(tmp_path / "s", keep="results", measure=quarter, **options)
    found = files(tmp_path / "s")
    assert set(found) == set(reference) and len(found) == 4 + 36
    assert [name for name in found if found[name] != reference[name]] == []


def test_processes_change_no_byte(tmp_path, reference):
    found = sweep(tmp_path / "s", keep="results", measure=quarter, engine="processes")
    assert found.failures == [] and files(tmp_path / "s") == reference


class InTurn(concurrent.futures.Executor):
    """An executor that does all at once, in this thread."""

    def submit(self, function, *arguments):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def test_any_executor_will_do(tmp_path, reference):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        sweep(tmp_path / "a", keep="results", measure=quarter, engine=pool)
    sweep(tmp_path / "b", keep="results", measure=quarter, engine=InTurn())
    assert files(tmp_path / "a") == files(tmp_path / "b") == reference


def test_shards_put_together_are_the_whole(tmp_path, reference):
    for i in (3, 1, 2):
        part = sweep(tmp_path / "s", keep="results", measure=quarter, shard=f"{i}/3")
        assert part.missing == 0 and len(part.table()["seed"]) == 12
    merged = merge(tmp_path / "s")
    found = {p.relative_to(tmp_path / "s").as_posix(): p.read_bytes() for p in (tmp_path / "s").rglob("*")
             if p.is_file() and "shard-" not in p.as_posix()}
    assert found == reference and len(merged.table()["seed"]) == 36
    assert merge(tmp_path / "t", [tmp_path / "s" / f"shard-{i}-of-3" for i in (2, 3, 1)]).missing == 0
    assert files(tmp_path / "t") == reference
    assert merge(tmp_path / "s").missing == 0           # once more does no harm


def test_more_shards_than_runs(tmp_path):
    for i in range(1, 6):
        sweep(tmp_path / "s", over={}, seeds=2, shard=(i, 5))
    assert merge(tmp_path / "s").table()["seed"].tolist() == [0, 1]


def test_a_chunk_that_fails_once_is_tried_again(tmp_path, reference, monkeypatch):
    genuine, failed = working.work, []

    def once(task, stop=None):
        if task.lo > 0 and not failed:
            failed.append(task.lo)
            raise ConnectionError("lost")
        return genuine(task, stop)

    monkeypatch.setattr(engines, "work", once)
    found = sweep(tmp_path / "s", keep="results", measure=quarter)
    assert failed and found.failures == [] and files(tmp_path / "s") == reference


def test_a_chunk_that_fails_twice_is_reported_and_the_rest_goes_on(tmp_path, reference, monkeypatch):
    genuine, tries = working.work, []

    def never(task, stop=None):
        if task.lo <= 20 < task.hi:
            tries.append((task.lo, task.hi))
            raise ZeroDivisionError("a bad one")
        return genuine(task, stop)

    monkeypatch.setattr(engines, "work", never)
    found = sweep(tmp_path / "s", keep="results", measure=quarter)
    (lo, hi), = set(tries)
    assert len(tries) == 2 and found.missing == hi - lo
    (name, text), = found.failures
    assert name == f"{lo:08d}-{hi:08d}" and "a bad one" in text and "Traceback" in text
    assert f"runs {lo} to {hi - 1} of the plan, from point" in text
    part = mf.load(tmp_path / "s")
    assert part.failures == found.failures and len(part.table()["seed"]) == 36 - (hi - lo)
    assert part.curves()["team_return"].shape[0] == 36 - (hi - lo)
    monkeypatch.setattr(engines, "work", genuine)
    again = sweep(tmp_path / "s", keep="results", measure=quarter)      # only what is missing is done
    assert again.failures == [] and again.missing == 0 and files(tmp_path / "s") == reference
    assert mf.load(tmp_path / "s").failures == []


def die(result):
    """A measure that kills its process, unless a file says that it has done so already; always for seed 2."""
    import os
    import signal

    mark = Path(os.environ["MARLFAST_TEST_MARK"])
    if 2 in np.atleast_1d(result.experiment.seed) or not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"x": result.steps}


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
@pytest.mark.parametrize("seeds", [[0, 1], [0, 1, 2, 3]])
def test_a_process_that_dies_costs_its_chunk(tmp_path, monkeypatch, seeds):
    monkeypatch.setenv("MARLFAST_TEST_MARK", str(tmp_path / "mark"))
    found = sweep(tmp_path / "s", over={}, seeds=seeds, measure=die, engine="processes", chunk_seconds=1e-9)
    assert (tmp_path / "mark").exists()
    if 2 not in seeds:
        assert found.failures == [] and found.missing == 0
    else:                           # the others are done, though they were in the pool that broke
        assert [name for name, _ in found.failures] == ["00000002-00000003"]
        assert "BrokenProcessPool" in found.failures[0][1]
        assert found.table()["seed"].tolist() == [0, 1, 3]


def test_a_foreign_executor_that_breaks_is_no_ones_to_renew(tmp_path):
    class Broken(concurrent.futures.Executor):
        def submit(self, function, *arguments):
            raise concurrent.futures.BrokenExecutor("gone")

    with pytest.raises(RuntimeError, match="engine: its workers are gone.*what was done is kept"):
        sweep(tmp_path / "s", engine=Broken())


def test_what_is_done_is_not_done_again(tmp_path, reference, monkeypatch):
    """Interrupted after every chunk, again and again: each run is trained once, and no byte differs."""
    genuine, trained = folders.Folder.add, []

    def add(self, lo, hi, *rest):
        genuine(self, lo, hi, *rest)
        trained.extend(range(lo, hi))
        raise KeyboardInterrupt

    monkeypatch.setattr(folders.Folder, "add", add)
    for _ in range(100):
        try:
            sweep(tmp_path / "s", keep="results", measure=quarter, workers=1, chunk_seconds=1e-9)
            break
        except KeyboardInterrupt:
            assert mf.load(tmp_path / "s").missing == 36 - len(trained)
    assert sorted(trained) == list(range(36))
    assert files(tmp_path / "s") == reference


def test_ctrl_c_keeps_what_is_there(tmp_path, monkeypatch):
    import signal

    genuine = folders.Folder.add

    def add(self, lo, hi, *rest):
        genuine(self, lo, hi, *rest)
        if hi >= 5 and not pressed:
            pressed.append(hi)
            signal.raise_signal(signal.SIGINT)

    pressed = []
    monkeypatch.setattr(folders.Folder, "add", add)
    before = signal.getsignal(signal.SIGINT)
    found = sweep(tmp_path / "s", workers=1, chunk_seconds=1e-9, steps=20_000)
    assert found.interrupted and 0 < found.missing < 36 and signal.getsignal(signal.SIGINT) is before
    assert len(found.table()["seed"]) == 36 - found.missing
    monkeypatch.setattr(folders.Folder, "add", genuine)
    assert sweep(tmp_path / "s", steps=20_000).missing == 0


def test_ctrl_c_that_the_work_itself_notices(tmp_path):
    """An executor in this very thread: the loop under way gets the signal, and not the sweep."""
    import signal

    def press(result):
        if 2 in np.atleast_1d(result.experiment.seed):
            signal.raise_signal(signal.SIGINT)
        return {}

    found = sweep(tmp_path / "s", over={}, seeds=[0, 1, 2, 3, 4, 5, 6], engine=InTurn(), measure=press)
    assert found.interrupted and found.missing > 0


def test_what_a_killed_process_was_writing_is_removed(tmp_path, reference):
    (tmp_path / "s" / "chunks").mkdir(parents=True)
    (tmp_path / "s" / ".sweep.json.abc.part").write_text("{")
    (tmp_path / "s" / "chunks" / ".00000000-00000001.npz.abc.part").write_text("PK")
    sweep(tmp_path / "s", keep="results", measure=quarter)
    assert files(tmp_path / "s") == reference


@pytest.mark.parametrize("last", ["00000000-00000036.npz", "table.csv", "sweep.json"])
def test_killed_while_it_puts_the_chunks_together(tmp_path, reference, monkeypatch, last):
    genuine = folders.write_atomically

    def write(path, function):
        if Path(path).name == last and (Path(path).parent / "chunks").exists() + (last[0] == "0"):
            raise KeyboardInterrupt
        genuine(path, function)

    monkeypatch.setattr(folders, "write_atomically", write)
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path / "s", keep="results", measure=quarter)
    assert len(mf.load(tmp_path / "s").table()["seed"]) == 36
    monkeypatch.setattr(folders, "write_atomically", genuine)
    sweep(tmp_path / "s", keep="results", measure=quarter)
    assert files(tmp_path / "s") == reference


def test_two_sweeps_on_one_folder(tmp_path):
    begun, over = threading.Event(), threading.Event()

    def slow(result):
        begun.set()
        assert over.wait(60)
        return {}

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(sweep, tmp_path / "s", over={}, seeds=1, measure=slow)
        assert begun.wait(60)
        with pytest.raises(ValueError, match="out: another sweep is at work in "):
            sweep(tmp_path / "s", over={}, seeds=1, measure=slow)
        over.set()
        assert first.result().missing == 0


def test_progress_says_how_far_how_fast_and_how_long(tmp_path, capsys):
    sweep(tmp_path / "s", progress=True)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("sweep: 100 %, 36 of 36 runs, ") and "agent-steps/s" in line
    plan = Plan(mf.Experiment(GAME, mf.IQL(), steps=1), {}, points.Grid([]), range(100))
    shown = Progress(plan, 60, True)
    shown.add(30, 3000, "a")
    shown.fail(5)
    assert shown.line(300.0) == "sweep:  70 %, 70 of 100 runs, 5 failed, 25 to go, 20 agent-steps/s, 5 min, 4 min left"
    shown.add(20, 2000, "b")
    assert shown.line(500.0).endswith(" to go, 20 agent-steps/s, 8 min, 50.0 s left; by node: a 30, b 20")
    for k in range(9):
        shown.add(0, 0, f"c{k}")
    assert shown.line(500.0).endswith("a 30, b 20, c0 0, c1 0, c2 0, c3 0, c4 0, c5 0 and 0 on 3 more")


# -- other engines -------------------------------------------------------------------------------

@pytest.mark.slow
def test_ray_changes_no_byte(tmp_path, reference, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")         # else it writes a token into the home directory
    here = {"PYTHONPATH": f"{Path(__file__).parents[1]}:{Path(mf.__file__).parents[1]}"}     # where the measure stands
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": here})
    try:
        found = sweep(tmp_path / "s", keep="results", measure=quarter, engine="ray")
    finally:
        ray.shutdown()
    assert found.failures == [] and files(tmp_path / "s") == reference


@pytest.mark.slow
def test_dask_changes_no_byte(tmp_path, reference):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        found = sweep(tmp_path / "s", keep="results", measure=quarter, engine=client)
    assert found.failures == [] and files(tmp_path / "s") == reference


# -- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("options, error, words", [
    ({"over": {"learner.learning_rat": [0.1]}}, ValueError, "'learning_rat'; did you mean 'learning_rate'?"),
    ({"over": {"lerner.learning_rate": [0.1]}}, ValueError, "'lerner'; did you mean 'learner'?"),
    ({"over": {"stps": [1]}}, ValueError, "unknown parameter 'stps'; did you mean 'steps'?"),
    ({"over": {"game.epsilon": [1]}}, ValueError, "unknown option of game 'prisoners_dilemma' 'epsilon'; "),
    ({"over": {"learner.explore.epsilon.start": [1]}}, ValueError, "which has no option 'start'"),
    ({"over": {"steps.x": [1]}}, ValueError, "steps.x: steps is a number, which has no parts"),
    ({"over": {"stop.0.n": [1]}}, ValueError, "stop: has no entries, got '0'"),
    ({"over": {"seed": [1, 2]}, "seed": None}, ValueError, "seed cannot be swept over; give seeds="),
    ({"over": {"record_every": [1, 2]}}, ValueError, "record_every cannot be swept over"),
    ({"over": {"learner.learning_rate": []}}, ValueError, "learner.learning_rate: expected at least one value"),
    ({"over": {"learner.learning_rate": 0.1}}, TypeError, "expected a list of values, got 0.1"),
    ({"over": {"learner.learning_rate": [0.1, 0.2, 0.1]}}, ValueError, "learner.learning_rate: 0.1 is there twice"),
    ({"over": {"game.horizon": [1, 1.0]}}, ValueError, "game.horizon: 1.0 is there twice"),
    ({"over": {"learner.learning_rate": [0.1, float("nan")]}}, ValueError, "learning_rate[1]: expected a finite"),
    ({"over": {"learner.learning_rate": [0.1, 1.5]}}, ValueError, "learning_rate: expected 0.0 to 1.0, got 1.5 (at "
                                                                  "point 1 (learner.learning_rate=1.5))"),
    ({"over": {"learner": ["iql"], "learner.discount": [0.1]}, "learner": None}, ValueError,
     "learner.discount stands inside learner, which is swept over too"),
    ({"over": {"learner": ["iql"]}}, ValueError, "learner: is given both one value and, in over, several"),
    ({"over": {"steps": [1, 2]}}, ValueError, "steps: is given both one value and, in over, several"),
    ({"over": [("a", [1])]}, TypeError, "over: expected values by name"),
    ({"over": {"learner.learning_rate": {"low": 0.1, "high": 1.0}}}, ValueError, "give samples="),
    ({"over": {"learner.learning_rate": {"low": 1.0, "high": 0.1}}, "samples": 3}, ValueError, "low less than high"),
    ({"over": {"learner.learning_rate": {"low": 0.1, "hi": 1.0}}, "samples": 3}, ValueError, "did you mean 'high'"),
    ({"over": {"learner.learning_rate": {"low": 0, "high": 1, "log": True}}, "samples": 3}, ValueError, "logarithm"),
    ({"samples": 13}, ValueError, "samples: expected at most 12"),
    ({"samples": 0}, ValueError, "samples: expected 1 to"),
    ({"over": {}, "samples": 2}, ValueError, "samples: nothing to draw from"),
    ({"seeds": []}, ValueError, "seeds: expected at least one"),
    ({"seeds": 0}, ValueError, "seeds: expected 1 to"),
    ({"seeds": [1, 2, 1]}, ValueError, "seeds: 1 is there twice"),
    ({"seeds": [1, -1]}, ValueError, "seeds[1]: expected 0 to"),
    ({"engine": "thread"}, ValueError, "unknown engine 'thread'; did you mean 'threads'?"),
    ({"engine": 3}, TypeError, "engine: expected one of threads, processes, ray, dask"),
    ({"workers": 0}, ValueError, "workers: expected 1 to"),
    ({"shard": "0/3"}, ValueError, "shard: expected 1/3 to 3/3, got 0/3; shards are counted from 1"),
    ({"shard": "4/3"}, ValueError, "shard: expected 1/3 to 3/3"),
    ({"shard": "x"}, ValueError, "shard: expected i/n, such as 1/8"),
    ({"shard": 3}, ValueError, "shard: expected i/n"),
    ({"chunk_seconds": 0.0}, ValueError, "chunk_seconds: expected greater than 0"),
    ({"bins": 0}, ValueError, "bins: expected 1 to"),
    ({"keep": "all"}, ValueError, "keep: expected one of None, 'results'"),
    ({"measure": "mean"}, TypeError, "measure: expected a function of a result"),
    ({"backend": "c"}, ValueError, "backend: expected one of"),
    ({"learner": mf.IQL([0.1, 0.2])}, ValueError, "learner.learning_rate: "),
    ({"learners": [mf.IQL(), mf.IQL()]}, ValueError, "learners: give either"),
    ({"over": {"game.name": ["drfit"]}}, ValueError, "unknown game 'drfit'; did you mean 'drift'?"),
])
def test_what_is_refused_before_anything_is_written(tmp_path, options, error, words):
    with pytest.raises(error) as caught:
        sweep(tmp_path / "s", **options)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("name, module", [("ray", "ray"), ("dask", "distributed")])
def test_an_engine_that_is_not_installed(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"engine='{name}' needs {module}: pip install 'marlfast\[{name}\]'"):
        sweep(tmp_path / "s", engine=name)
    assert not (tmp_path / "s").exists()


def test_what_cannot_be_sent_to_a_process(tmp_path):
    with pytest.raises(ValueError, match="engine: the experiment cannot be sent to another process"):
        sweep(tmp_path / "s", engine="processes", measure=lambda result: {})


def test_folders_that_hold_something_else(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"out: .* holds something else \(notes.txt\); choose a new or an empty"):
        sweep(tmp_path)
    with pytest.raises(ValueError, match="notes.txt is a file; give a folder"):
        sweep(tmp_path / "notes.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(mf.FileError, match="not the folder of a sweep"):
        mf.load(tmp_path)


@pytest.mark.parametrize("changes, words", [
    ({"steps": 201}, "holds another sweep (experiment.steps is 200 there and 201 here)"),
    ({"seeds": 4}, "holds another sweep (seeds is [0, 1, 2] there and [0, 1, 2, 3] here)"),
    ({"over": {**OVER, "learner.explore.epsilon": [0.3, 0.8]}}, "over.learner.explore.epsilon is [0.3, 0.7] there"),
    ({"samples": 5}, "points is None there"),
    ({"bins": 10}, "bins is 100 there and 10 here"),
    ({"keep": "results"}, "keep is None there and 'results' here"),
])
def test_other_sweeps_do_not_mix(tmp_path, changes, words):
    sweep(tmp_path / "s")
    before = files(tmp_path / "s")
    with pytest.raises(mf.FileError) as caught:
        sweep(tmp_path / "s", **changes)
    assert words in str(caught.value) and files(tmp_path / "s") == before


def test_other_versions_do_not_mix(tmp_path, monkeypatch):
    sweep(tmp_path / "s")
    monkeypatch.setattr(mf, "__version__", "9.9")
    with pytest.raises(mf.FileError, match=r"begun with marlfast .*, this is 9.9, whose numbers may differ"):
        sweep(tmp_path / "s")
    assert mf.load(tmp_path / "s").missing == 0         # to look at it is no mixing


def shards(folder, n=2, **options):
    for i in range(1, n + 1):
        sweep(folder, shard=(i, n), **options)


def test_shards_that_cannot_be_put_together(tmp_path, monkeypatch):
    def refused(words, paths=None, folder="s"):
        with pytest.raises(mf.FileError) as caught:
            merge(tmp_path / folder, paths and [tmp_path / p for p in paths])
        assert words in str(caught.value) and "\n" not in str(caught.value)

    refused("has no shards", folder="none")
    shards(tmp_path / "s", 3)
    refused("shards are missing: 2 of 3", ["s/shard-1-of-3", "s/shard-3-of-3"], "new")
    refused("shards overlap: ", ["s/shard-1-of-3", "s/shard-1-of-3"], "new")
    shards(tmp_path / "two")
    refused("shards overlap: ", ["two/shard-1-of-2", "s/shard-2-of-3", "s/shard-3-of-3"], "new")
    shards(tmp_path / "other", 3, steps=100)
    refused("holds another sweep (experiment.steps is ", ["s/shard-1-of-3", "other/shard-2-of-3", "s/shard-3-of-3"],
            "new")
    with pytest.raises(mf.FileError, match="holds shards that are not put together yet; do so by: marlfast merge"):
        mf.load(tmp_path / "s")
    with pytest.raises(ValueError, match="holds shards; put them together by: marlfast merge"):
        sweep(tmp_path / "s")
    next((tmp_path / "s/shard-2-of-3/chunks").iterdir()).unlink()
    refused("shard 2/3 is not finished, ")
    sweep(tmp_path / "s", shard="2/3")
    assert merge(tmp_path / "s").missing == 0
    refused("is no shard, but a whole sweep", ["s"], "new")
    manifest = json.loads((tmp_path / "two/shard-2-of-2/sweep.json").read_text())
    (tmp_path / "two/shard-2-of-2/sweep.json").write_text(json.dumps({**manifest, "numpy": "0.1"}))
    refused("begun with numpy 0.1", folder="two")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("text, words", [
    ("{", "its sweep.json cannot be read"), ("[]", "of another kind"), ('{"format": "marlfast sweep"}', "another kind"),
    ('{"format": "marlfast sweep", "version": 99}', "newer marlfast"),
    ('{"format": "marlfast sweep", "version": 1}', "incomplete"),
])
def test_damaged_folders(tmp_path, text, words):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(mf.FileError) as caught:
        mf.load(tmp_path)
    assert words in str(caught.value)


def test_a_sweep_without_runs_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(running._Work, "run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sweep(tmp_path / "s")
    found = mf.load(tmp_path / "s")
    assert found.missing == 36
    with pytest.raises(mf.FileError, match="no run is finished yet"):
        found.table()


def test_games_with_functions_of_their_own(tmp_path):
    def step(state, actions, uniforms, normals):
        return state, np.repeat(actions[:, :1], 2, axis=1).astype(float), False

    game = mf.games.NumPyGame(step=step, start=lambda uniforms, normals: np.zeros((len(uniforms), 1)), agents=2,
                              actions=3, state_size=1, observations=1, horizon=2)
    found = sweep(tmp_path / "s", game=game, over={"learner.learning_rate": [0.1, 0.9], "game.horizon": [2, 50]},
                  keep="results", seeds=1)
    table = found.table()
    assert table["episodes"].tolist() == [100, 4, 100, 4] and (table["team_return"][[1, 3]] > 50.0).all()
    with pytest.raises(mf.FileError, match=r"its game has functions of its own.*load\(folder, game=game\)"):
        mf.load(tmp_path / "s")
    again = mf.load(tmp_path / "s", game=game)
    np.testing.assert_array_equal(again.table()["return_1"], table["return_1"])
    assert again.load_run(3).experiment.game.horizon == 50
