"""What all tests share: both backends, the kernels' modules, and an example of every game."""
import importlib
from pathlib import Path

import pytest
from hypothesis import settings

from marlfast.backends import BACKENDS, kernels

# The same examples in every session: a failure can always be seen again.
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=40)
settings.load_profile("fixed")


def _examples():
    """Every registered game, by name, with instances on which both backends are compared.

    They stand beside the tests of each game: ``EXAMPLES`` in ``tests/games/test_NAME.py``.
    """
    found = {}
    for path in sorted((Path(__file__).parent / "games").glob("test_*.py")):
        for game in getattr(importlib.import_module(f"games.{path.stem}"), "EXAMPLES", ()):
            found.setdefault(game.name, []).append(game)
    return found


GAME_EXAMPLES = _examples()
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
