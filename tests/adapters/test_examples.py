"""The examples with other libraries run, and teach something. They take minutes with what PyTorch brings."""
import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")       # of libraries about each other
def test_sb3_training(capsys):
    pytest.importorskip("stable_baselines3")
    pytest.importorskip("gymnasium")
    after = example("sb3_training").main(steps=30_000, runs=16)
    random = float(capsys.readouterr().out.splitlines()[0].removeprefix("random team: "))
    assert -80 < random < -55 and after > random + 15


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torchrl_training():
    pytest.importorskip("torchrl")
    pytest.importorskip("pettingzoo")
    (returns,), (row,) = example("torchrl_training").main(batches=12, episodes=10, seeds=(0,))
    assert -90 < returns[0] < -40 and max(returns[-4:]) > returns[0] + 15
    random, networks, _, longer = row[:4]
    assert networks > random + 15 and longer > random + 30


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_deep_league():
    pytest.importorskip("torch")
    same, margins = example("deep_league").main(generations=2, steps=20_000, episodes=50)
    assert same > 0.95 and margins[0][0] > 0.8 and abs(margins[-1][0] - margins[-1][1]) < 0.5
