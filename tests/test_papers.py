"""The three papers among the examples draw their figures and print their tables; here of few runs and short ones."""
import importlib.util
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


def example(name):
    pytest.importorskip("matplotlib")
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures(folder):
    return sorted(path.name for path in folder.glob("*.*") if path.suffix in (".pdf", ".png"))


@pytest.mark.filterwarnings("ignore::marlfast.errors.MarlfastWarning")
def test_pricing(tmp_path, capsys):
    module = example("pricing_study")
    study = module.Calvano2020(actions=6, beta=2e-4, stable=1000)
    found = module.main(tmp_path, points=2, sessions=4, study=study)
    assert pictures(tmp_path) == sorted(f"{name}.{ending}" for ending in ("pdf", "png") for name in (
        "1-profit-gain", "2-nash-on-path", "3-prices", "4-deviation-prices", "5-deviation-profits", "6-cycles"))
    printed = capsys.readouterr().out
    assert len(found) == 7 and all(f"{what}: {value:.3g}" in printed for what, value in found.items())
    assert (tmp_path / "grid" / "table.csv").read_text().startswith("point,alpha,beta,seed,")
    for path in tmp_path.glob("*.pdf"):
        assert b"/Type3" not in path.read_bytes()


def test_periods_until_prices_are_back():
    module = example("pricing_study")

    class Found:
        actions = np.array([[[1.0, 2], [1, 1], [2, 2], [2, 2]], [[1, 2], [1, 2], [1, 2], [1, 2]],
                            [[2, 2], [2, 2], [2, 2], [2, 2]]])
        before_actions, back = np.full((3, 2), 2.0), np.array([True, False, True])

    np.testing.assert_array_equal(module.recovery(Found), [3.0, np.nan, 1.0])


def test_coordination(tmp_path, capsys):
    module = example("coordination")
    module.LEARNERS = {"some": "hysteretic_q phc", "others": "fictitious_play regret_matching exp3"}
    found = module.main(tmp_path, trials=4)
    assert pictures(tmp_path) == ["coordination.pdf", "coordination.png"]
    assert found["hysteretic_q"][:3] == [1.0, 1.0, 1.0] and found["fictitious_play"][2] == 0.0
    assert "fictitious_play" in capsys.readouterr().out


def test_coordination_names_learners_that_there_are():
    from marlfast.registry import names

    listed = " ".join(example("coordination").LEARNERS.values()).split()
    assert set(listed) <= set(names("learner")) and len(listed) == len(set(listed)) >= 24


def test_cooperation(tmp_path, capsys):
    module = example("cooperation")
    module.DISCOUNTS, module.MEMORIES = (0.0, 0.9), (0, 1)
    found = module.main(tmp_path, steps=2000, runs=3)
    assert pictures(tmp_path) == ["cooperation.pdf", "cooperation.png"]
    assert found["Prisoner's dilemma"].shape == (2, 2) and found["Prisoner's dilemma"][0, 0] == 0.0
    assert "Chicken: share of cooperation" in capsys.readouterr().out
