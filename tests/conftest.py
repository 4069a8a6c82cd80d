"""What all tests share: both backends, the kernels' modules, and an example of every game."""
import importlib

import numpy as np
import pytest
from hypothesis import settings

from marlfast.backends import BACKENDS, kernels
from marlfast.games import Drift, MarkovGame, MatrixGame

# The same examples in every session: a failure can always be seen again.
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=40)
settings.load_profile("fixed")


def _chance_game():
    """Three agents with 2, 1 and 3 actions, chance in the moves and in the start, one terminal state."""
    generator = np.random.default_rng(7)
    transitions = generator.dirichlet(np.ones(4), size=(4, 6))
    rewards = generator.integers(-3, 4, size=(4, 6, 3)).astype(float)
    return MarkovGame(transitions, rewards, (2, 1, 3), start=[0.5, 0.25, 0.25, 0.0],
                      terminal=[False, False, False, True], horizon=9)


def _certain_game():
    """One agent walks a ring of three states until the horizon."""
    transitions = np.zeros((3, 2, 3))
    for state in range(3):
        transitions[state, 0, state] = transitions[state, 1, (state + 1) % 3] = 1.0
    return MarkovGame(transitions, [[0.0, 1.0], [0.5, -1.0], [0.0, 2.0]], (2,), horizon=4)


# Every registered game, with instances on which both backends are compared. A new game adds its own here.
GAME_EXAMPLES = {
    "drift": [
        Drift(),
        Drift(agents=1, state_size=1, actions=1, horizon=3),
        Drift(agents=7, state_size=3, actions=4, horizon=0, noise=0.3, push=-0.2, bonus=1.5, bonus_below=3),
    ],
    "markov": [_chance_game(), _certain_game(), MatrixGame([[11, -30, 0], [-30, 7, 6], [0, 0, 5]], horizon=2)],
}

_EXAMPLES = [(name, k, game) for name, games in GAME_EXAMPLES.items() for k, game in enumerate(games)]


def pytest_generate_tests(metafunc):
    """Run a test that asks for ``game_example`` once per example game."""
    if "game_example" in metafunc.fixturenames:
        metafunc.parametrize("game_example", [game for *_, game in _EXAMPLES],
                             ids=[f"{name}-{k}" for name, k, _ in _EXAMPLES])


@pytest.fixture
def game_examples():
    """Examples by registered name."""
    return GAME_EXAMPLES


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend in turn."""
    return request.param


@pytest.fixture
def module(backend):
    """``module(name)``: kernels of the backend under test."""
    return lambda name: kernels(backend, name)


@pytest.fixture
def both():
    """``both(name)``: the compiled module and its twin."""
    return lambda name: (importlib.import_module(f"marlfast.core._{name}"),
                         importlib.import_module(f"marlfast.reference.{name}"))
