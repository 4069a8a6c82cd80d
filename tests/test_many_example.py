"""The example of many agents draws its figures and prints its tables; here of few runs and small parts."""
import importlib.util
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def many():
    spec = importlib.util.spec_from_file_location("many_agents", ROOT / "examples" / "many_agents.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.RUNS, module.TEMPERATURES, module.LOOKS = 2, (0.6,), 16
    return module


def test_figures_and_tables(many, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    train = many.mf.train
    monkeypatch.setattr(many.mf, "train", lambda *args, **options: train(
        *args, **options | {key: min(options[key], 60) for key in ("episodes", "steps") if key in options}))
    many.main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"many_{name}{tone}.png" for name in ("hierarchy", "mean_field", "sharing") for tone in ("-dark", "")]
    printed = capsys.readouterr().out
    for words in ("Four hunters", "16 workers", "Ising model, 20 x 20: order", "20 drivers", "Within the first room"):
        assert words in printed


def test_order_of_a_chessboard(many):
    board = np.where(many.COLOUR, 1.0, -1.0).reshape(1, 400)
    assert many.order(board).tolist() == [1.0] and many.order(np.ones((3, 400))).tolist() == [1.0] * 3


def test_rooms_are_connected_by_their_doors(many):
    game, number = many.rooms((11, 11))
    assert len(number) == sum(line.count(".") for line in many.PLAN) and set(many.DOORS) <= set(number)
    assert game.agents == 2 and game.action_counts.tolist() == [3, 3]
    # From the corner: agent 0 down (2), agent 1 right (2); into a wall nobody goes.
    assert game.transitions[number[1, 1], 8].argmax() == number[2, 2]
    assert game.transitions[number[1, 1], 0].argmax() == number[1, 1]
    assert game.rewards[number[11, 10], 3 * 1 + 2].tolist() == [1.0, 1.0]
