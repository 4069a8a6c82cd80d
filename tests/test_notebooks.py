"""The notebooks run from top to bottom, and are kept without what they print."""
import json
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["article", "coordination", "pricing"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_no_outputs_and_cells_of_its_own(path):
    kept = cells(path)
    assert [cell for cell in kept if cell.get("outputs") or cell.get("execution_count")] == []
    assert len({cell["id"] for cell in kept}) == len(kept) >= 8
    assert kept[0]["cell_type"] == "markdown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    monkeypatch.chdir(tmp_path)
    names = {"__name__": "notebook"}
    try:
        for k, cell in enumerate(cells(path)):
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), f"{path.name}, cell {k}", "exec"), names)
        assert pyplot.get_fignums()
        for number in pyplot.get_fignums():
            pyplot.figure(number).savefig(tmp_path / f"{number}.png", dpi=20)      # drawn, not only planned
    finally:
        pyplot.close("all")
    globals()[f"look_at_{path.stem}"](names, capsys.readouterr().out)


# What the prose says of the numbers.


def look_at_article(names, printed):
    means = dict(zip(names["names"], names["means"], strict=True))
    assert names["runs"][1].used.mean() > 50 * names["runs"][0].used.mean()
    assert names["marks"]["random"] < -1900 and names["marks"]["everyone plays 0"] > -100
    for name in ("look less far ahead, 0.5", "one table for all", "optimists (distributed Q)"):
        assert means["as printed"] + 200 < means[name] < names["marks"]["everyone plays 0"]
    for name in ("hysteretic", "look further ahead, 0.99"):
        assert means[name] < means["as printed"] - 200
    shaped = {name: names["played"](run).mean for name, run in names["shaped"].items()}
    assert abs(shaped["as printed"] - shaped["none"]) < 50 < shaped["none"] - shaped["as printed, ten times"]


def look_at_coordination(names, printed):
    outcome = names["outcome"]
    assert outcome["independent Q", "climbing"][0, 0] < 0.3 < outcome["independent Q", "climbing"][1, 1]
    assert outcome["hysteretic Q", "climbing"][0, 0] > 0.95 and outcome["lenient (LMRL2)", "climbing"][0, 0] > 0.7
    assert names["best"][-1] == 1.0 > 0.3 > names["best"][0]
    assert names["share"][0, 0] < 0.05                  # the optimist, where chance plays a part


def look_at_pricing(names, printed):
    answer = names["answer"]
    path = np.vstack([answer.before_actions.mean(axis=0), answer.mean_actions])
    assert names["gain"].mean > 0.6
    assert path[1, 0] < path[0, 0] - 0.1 and path[2, 1] < path[0, 1] - 0.1      # undercut, and answered
    assert abs(path[-1] - path[0]).max() < 0.03                                # back
    assert [line.split()[0] for line in printed.splitlines()].count("discount") == 4
    assert names["found"].mean < 0.1                    # neither patience nor memory
