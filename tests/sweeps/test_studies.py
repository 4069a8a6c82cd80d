"""A published study is swept over its options, by their names or by the paper's; what is not there is refused."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import cli
from marlfast.reproduce import Calvano2020, Tan1993

SMALL = {"actions": 3, "beta": 1e-3, "stable": 200}
pytestmark = pytest.mark.filterwarnings("ignore::marlfast.errors.MarlfastWarning")


def test_the_paper_s_names_are_taken():
    study = Calvano2020(alpha=0.1, delta=0.9, mu=0.5, xi=0.2, firms=3, **SMALL)
    assert study == Calvano2020(learning_rate=0.1, discount=0.9, differentiation=0.5, margin=0.2, agents=3, actions=3,
                                decay=1e-3, stable=200)
    assert (study.alpha, study.beta, study.mu, study.firms) == (0.1, 1e-3, 0.5, 3)


def test_a_study_is_swept_and_each_run_is_that_of_the_study(tmp_path):
    found = mf.sweep(Calvano2020(**SMALL), over={"alpha": [0.05, 0.3], "firms": [2, 3]}, seeds=2, seed=4,
                     out=tmp_path / "s", measure=None)
    table = found.table()
    assert found.names == ["alpha", "firms"] and table["alpha"].tolist() == [0.05] * 4 + [0.3] * 4
    for k in (0, 7):
        alone = Calvano2020(alpha=table["alpha"][k], firms=int(table["firms"][k]), **SMALL)
        run = alone.train(runs=1, seed=int(table["seed"][k]))
        assert run.steps[0] == table["steps"][k]
        np.testing.assert_equal(run.measures()["profit_gain"].values[0], table["profit_gain"][k])
    again = mf.load(tmp_path / "s")
    assert again.names == ["alpha", "firms"]
    assert mf.sweeps.resume(tmp_path / "s").table()["price"].tolist() == table["price"].tolist()
    with pytest.raises(mf.errors.FileError, match="holds another sweep"):
        mf.sweep(Calvano2020(mu=0.5, **SMALL), over={"alpha": [0.05, 0.3], "firms": [2, 3]}, seeds=2, seed=4,
                 out=tmp_path / "s")


@pytest.mark.parametrize(("over", "options", "text"), [
    ({"alfa": [0.1]}, {}, "unknown option of the study 'calvano2020' in over 'alfa'; did you mean 'alpha'"),
    ({"alpha": [0.1], "learning_rate": [0.2]}, {}, "alpha and learning_rate are the same option"),
    ({"mu": [0.0]}, {}, r"over: differentiation: .* \(at point 0 \(mu=0.0\)\)"),
    ({"alpha": [0.1]}, {"episodes": 3}, "episodes: the study 'calvano2020' says that itself"),
])
def test_what_cannot_be_swept_is_refused(over, options, text, tmp_path):
    with pytest.raises(ValueError, match=text):
        mf.sweep(Calvano2020(**SMALL), over=over, seeds=1, out=tmp_path / "s", **options)


def test_a_study_of_several_experiments_is_not_swept(tmp_path):
    with pytest.raises(ValueError, match="study 'tan1993': is not a single experiment"):
        mf.sweep(Tan1993(), over={"trials": [1, 2]}, seeds=1, out=tmp_path / "s")


def test_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sweep", "calvano2020", "--over", "alpha=[0.1, 0.2]", "--seeds", "1", "--set", "actions=3",
                     "--set", "beta=1e-3", "--set", "stable=200"]) == 0
    assert "Swept over alpha: 2 points x 1 seed" in capsys.readouterr().out
    assert cli.main(["sweep", "calvano2020", "--over", "alpha=[0.1]", "--learner", "iql"]) == 2
    assert "--learner: the study 'calvano2020' says that itself" in capsys.readouterr().err


@pytest.mark.parametrize(("make", "text"), [
    (lambda: mf.games.LogitBertrand(mu=0.3), "unknown option of LogitBertrand 'mu'; did you mean 'differentiation'"),
    (lambda: mf.games.LogitBertrand(firms=3), "did you mean 'agents'"),
    (lambda: mf.IQL(alpha=0.1), "unknown option of IQL 'alpha'; did you mean 'learning_rate'"),
    (lambda: mf.IQL(gamma=0.1), "did you mean 'discount'"),
    (lambda: Calvano2020(alpha=0.1, learning_rate=0.2), "learning_rate: given twice, as alpha= too"),
])
def test_options_that_are_not_there_are_refused_with_a_sentence(make, text):
    with pytest.raises(TypeError, match=text):
        make()
