"""What all tests share: both backends, the kernels' modules, and examples of every game and learner."""
import importlib
from pathlib import Path

import pytest
from hypothesis import settings

from marlfast import seeds
from marlfast.backends import BACKENDS, kernels

# The same examples in every session: a failure can always be seen again.
settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=40)
settings.load_profile("fixed")


FRESH, seeds.fresh = seeds.fresh, lambda: 0     # also for fixtures that serve a whole module


def _examples(which="EXAMPLES"):
    """Every registered game, by name, with instances on which both backends are compared.

    They stand beside the tests of each game: ``EXAMPLES`` in ``tests/games/test_NAME.py``. Games with turns, where not
    every action of everybody can be played at any time, have tests of their own: ``TURN_EXAMPLES`` there.
    """
    found = {}
    for path in sorted((Path(__file__).parent / "games").glob("test_*.py")):
        for game in getattr(importlib.import_module(f"games.{path.stem}"), which, ()):
            name = "with_history" if hasattr(game, "without_history") else game.name
            found.setdefault(name, []).append(game)
    return found


GAME_EXAMPLES, TURN_EXAMPLES = _examples(), _examples("TURN_EXAMPLES")


def _learner_examples():
    """Examples of learners, {name of the file: {name: Example}}.

    They stand beside the tests of each learner: ``EXAMPLES`` in ``tests/learners/test_NAME.py``.
    """
    from learners.example import Example

    found = {}
    for path in sorted((Path(__file__).parent / "learners").glob("test_*.py")):
        examples = getattr(importlib.import_module(f"learners.{path.stem}"), "EXAMPLES", {})
        found[path.stem[5:]] = {name: one if isinstance(one, Example) else Example(one)
                                for name, one in examples.items()}
    return {stem: examples for stem, examples in found.items() if examples}


LEARNER_EXAMPLES = _learner_examples()
_EXAMPLES = [(name, k, game) for name, games in GAME_EXAMPLES.items() for k, game in enumerate(games)]


def pytest_generate_tests(metafunc):
    """Run a test that asks for ``game_example``, or for a learner's ``example``, once for each."""
    if "game_example" in metafunc.fixturenames:
        metafunc.parametrize("game_example", [game for *_, game in _EXAMPLES],
                             ids=[f"{name}-{k}" for name, k, _ in _EXAMPLES])
    if "example" in metafunc.fixturenames:
        named = [(f"{stem}: {name}", one) for stem, examples in LEARNER_EXAMPLES.items()
                 for name, one in examples.items()]
        names = "example, example_name" if "example_name" in metafunc.fixturenames else "example"
        metafunc.parametrize(names, [(one, name) if "," in names else one for name, one in named],
                             ids=[name for name, _ in named])


@pytest.fixture(autouse=True)
def no_entropy(monkeypatch, request):
    """Where a test gives no seed, it is 0; but for tests of fresh seeds, marked ``entropy``."""
    if request.node.get_closest_marker("entropy") is not None:
        monkeypatch.setattr(seeds, "fresh", FRESH)


@pytest.fixture
def game_examples():
    """Examples by registered name."""
    return GAME_EXAMPLES


@pytest.fixture(scope="session")
def learner_examples():
    """Examples of learners, {name of the file: {name: Example}}."""
    return LEARNER_EXAMPLES


@pytest.fixture(scope="session")
def exploration_examples():
    """Every way of exploring, by name."""
    return importlib.import_module("test_every_part").EXAMPLES["exploration"]


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
