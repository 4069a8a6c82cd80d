"""Numbers as tables: what they hold, and what each format keeps of them."""
import csv
import io
import json

import numpy as np
import pytest

import marlfast as mf
from marlfast import tables

GAME = mf.games.PrisonersDilemma(horizon=3)


@pytest.fixture(scope="module")
def run():
    return mf.train(GAME, mf.IQL(), episodes=20, runs=3, seed=[4, 5, 6])


class Odd(tables.Tables):
    def table(self):
        return {"=sum": np.array(["=1+1", "-x", "a,b"]), "learner.learning_rate": np.array([0.5, np.nan, -2e-9]),
                "n": np.array([1, -2, 3]), "yes": np.array([True, False, True])}


def test_a_row_for_each_run(run):
    found = run.table()
    assert list(found) == ["run", "seed", "steps", "episodes", "stop_reason", "failed", "team_return", "return_0",
                           "return_1", "cooperation_rate"]
    assert found["seed"].tolist() == [4, 5, 6] and found["steps"].tolist() == [60] * 3
    assert found["stop_reason"].tolist() == ["episodes"] * 3 and not found["failed"].any()
    np.testing.assert_array_equal(found["return_1"], run.returns[:, -2:, 1].mean(axis=1))   # a tenth of 20
    np.testing.assert_allclose(found["team_return"], run.team_returns[:, -2:].mean(axis=1))


def test_a_row_for_each_episode():
    run = mf.train(GAME, mf.IQL(), episodes=8, runs=2, record_every=2, seed=0)
    found = run.table(per="episode")
    assert found["run"].tolist() == [0] * 4 + [1] * 4 and found["episode"].tolist() == [2, 4, 6, 8] * 2
    assert found["length"].tolist() == [6] * 8          # of two episodes together
    np.testing.assert_array_equal(found["return_0"].reshape(2, 4), run.returns[:, :, 0])
    with pytest.raises(ValueError, match="per: expected one of 'run', 'episode', got 'step'"):
        run.table(per="step")


def test_runs_that_have_no_episode_have_no_return():
    found = mf.train(mf.games.PrisonersDilemma(horizon=0), mf.IQL(), steps=5, runs=2, seed=0).table()
    assert np.isnan(found["team_return"]).all() and np.isnan(found["return_0"]).all()


def test_csv_is_read_back_and_runs_nothing(tmp_path):
    Odd().to_csv(tmp_path / "t.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert rows == [["'=sum", "learner.learning_rate", "n", "yes"], ["'=1+1", "0.5", "1", "True"],
                    ["'-x", "", "-2", "False"], ["a,b", "-2e-09", "3", "True"]]


def test_latex():
    assert Odd().to_latex(digits=2) == "\n".join([
        r"\begin{tabular}{lrrl}", r"\toprule", r"=sum & learner.learning\_rate & n & yes \\", r"\midrule",
        r"=1+1 & 0.5 & 1 & yes \\", r"-x & -- & $-2$ & no \\", r"a,b & $-2 \times 10^{-9}$ & 3 & yes \\",
        r"\bottomrule", r"\end{tabular}", ""])
    assert tables.latex({"a\\b": np.array(["50 % & $1_000#{~^}"])}).splitlines()[2:5:2] == [
        r"a\textbackslash{}b \\", r"50 \% \& \$1\_000\#\{\textasciitilde{}\textasciicircum{}\} \\"]


def test_names_for_stata_are_names_and_differ():
    names = tables.stata_names(["learner.explore.epsilon.value_of_the_run", "learner.explore.epsilon.value_of_the_one",
                                "0", "é", "a b", "a-b"])
    assert names == ["learner_explore_epsilon_value_of", "learner_explore_epsilon_value__2", "_0", "_", "a_b", "a_b_2"]
    assert len(set(names)) == 6 and max(map(len, names)) <= 32


def test_every_ending_is_written_and_others_are_refused(run, tmp_path):
    written = [".csv", ".json", ".tex"]
    for package, ending in (("pandas", ".dta"), ("pyarrow", ".parquet")):
        try:
            __import__(package)
            written.append(ending)
        except ImportError:
            with pytest.raises(ImportError, match="marlfast\\["):
                run.write(tmp_path / f"none{ending}")
    for ending in written:
        run.write(tmp_path / f"t{ending}")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == sorted(written)
    rows = json.loads((tmp_path / "t.json").read_text())
    assert [row["seed"] for row in rows] == [4, 5, 6] and list(rows[0]) == list(run.table())
    with pytest.raises(ValueError, match="path: its ending: expected one of '.csv'.*got '.xlsx'"):
        run.write(tmp_path / "t.xlsx")
    assert len(list(tmp_path.iterdir())) == len(written)


def test_parquet_and_data_frames_hold_the_same(run, tmp_path):
    pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    pandas = pytest.importorskip("pandas")
    run.to_parquet(tmp_path / "t.parquet", per="episode")
    found, wanted = parquet.read_table(tmp_path / "t.parquet").to_pydict(), run.table(per="episode")
    assert {name: column.tolist() for name, column in wanted.items()} == found
    frame = run.dataframe("pandas")
    assert isinstance(frame, pandas.DataFrame) and list(frame) == list(run.table()) and len(frame) == 3
    run.to_stata(tmp_path / "t.dta")
    again = pandas.read_stata(tmp_path / "t.dta")
    assert again["team_return"].tolist() == run.table()["team_return"].tolist()
    assert again["failed"].tolist() == [0, 0, 0] and again["stop_reason"].tolist() == ["episodes"] * 3
