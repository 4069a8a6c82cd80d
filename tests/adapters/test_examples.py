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
    returns = example("torchrl_training").main(batches=12, episodes=10)
    assert -90 < returns[0] < -40 and max(returns[-4:]) > returns[0] + 15
