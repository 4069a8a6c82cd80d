"""docs/games.md and docs/learners.md list all there is, the games with the facts of their defaults."""
import dataclasses
import re
from pathlib import Path

from marlfast import registry

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "games.md"
LEARNER = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (.*) \|$", re.M)
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*) \|$", re.M)


def ours(kind):
    """What the package registers, without what other tests have."""
    return {name: cls for name, cls in registry.names(kind).items() if cls.__module__.startswith("marlfast.")}


def facts(name, cls):
    """The row of a game, cell by cell."""
    text = " ".join(cls.__doc__.split("\n\n")[0].split())
    if any(f.default is f.default_factory is dataclasses.MISSING for f in dataclasses.fields(cls)):
        return name, cls.__name__, "any", "any", "a number", "as given", text
    game = cls()
    actions = " ".join(map(str, sorted(set(game.action_counts.tolist()))))
    seen = f"{game.observations:,}" if game.observations is not None else f"{game.features} numbers"
    seen += ", own" if game.views > 1 else ""
    return name, cls.__name__, f"{game.agents:,}", actions, seen, game.setting, text


def test_every_game_is_listed_once_with_its_facts():
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    games = ours("game")
    assert sorted(row[0] for row in rows) == sorted(games)
    assert {row[0]: row for row in rows} == {name: facts(name, cls) for name, cls in games.items()}


def test_every_learner_is_listed_once():
    rows = LEARNER.findall((DOCS / "learners.md").read_text(encoding="utf-8"))
    learners = ours("learner")
    assert sorted(rows) == sorted((name, cls.__name__, " ".join(cls.__doc__.split("\n\n")[0].split()))
                                  for name, cls in learners.items())
