"""docs/games.md and docs/learners.md list all there is, the games with the facts of their defaults.

``python tests/test_lists.py`` writes their rows anew; what is new comes last, and may be moved to where it belongs.
"""
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
    observed = f"{game.observations:,}" if game.observations is not None else f"{game.features} numbers"
    observed += ", own" if game.views > 1 else ""
    return name, cls.__name__, f"{game.agents:,}", actions, observed, game.setting, text


def learner_facts(name, cls):
    """The row of a learner, cell by cell."""
    return name, cls.__name__, " ".join(cls.__doc__.split("\n\n")[0].split())


def test_every_game_is_listed_once_with_its_facts():
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    games = ours("game")
    assert sorted(row[0] for row in rows) == sorted(games)
    assert {row[0]: row for row in rows} == {name: facts(name, cls) for name, cls in games.items()}


def test_every_learner_is_listed_once():
    rows = LEARNER.findall((DOCS / "learners.md").read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(learner_facts(name, cls) for name, cls in ours("learner").items())


def test_the_readme_names_every_game_and_learner_with_its_source():
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    for cls in [*ours("game").values(), *ours("learner").values()]:
        assert f"[{cls.__name__}]({cls.__module__.replace('.', '/')}.py)" in text, cls.__name__


def written(text, row, wanted):
    """The text of a page with the rows that are wanted, {name: cells}, in the order that it has."""
    lines = text.split("\n")
    places = [k for k, line in enumerate(lines) if row.match(line)]
    there = {row.match(lines[k])[1]: k for k in places}
    lines[places[-1]] += "".join("\n" + line_of(wanted[name]) for name in wanted if name not in there)
    for name, k in there.items():
        line, *new = lines[k].split("\n")
        lines[k] = "\n".join([line_of(wanted[name]) if name in wanted else "", *new]).strip("\n")
    gone = {there[name] for name in there if name not in wanted}
    return "\n".join(line for k, line in enumerate(lines) if k not in gone or line)


def line_of(cells):
    name, cls, *rest = cells
    return f"| {' | '.join([f'`{name}`', f'`{cls}`', *rest])} |"


def test_rows_are_written_anew():
    for path, row, wanted in pages():
        text = path.read_text(encoding="utf-8")
        assert written(text, row, wanted) == text
        name, *rest = wanted.popitem()[1]
        fewer = written(text, row, wanted)
        assert f"| `{name}` |" not in fewer and len(fewer.split("\n")) == len(text.split("\n")) - 1
        again = written(fewer, row, wanted | {name: (name, *rest)})
        assert sorted(again.split("\n")) == sorted(text.split("\n"))
        assert written(text.replace("Two", "Three"), row, wanted | {name: (name, *rest)}).count("| Three") == 0


def pages():
    """(page, pattern of its rows, rows it should have) of both pages."""
    return [(PAGE, ROW, {name: facts(name, cls) for name, cls in ours("game").items()}),
            (DOCS / "learners.md", LEARNER, {name: learner_facts(name, cls) for name, cls in ours("learner").items()})]


if __name__ == "__main__":
    import marlfast

    for package in (marlfast.games, marlfast.learners):
        for public in package.__all__:
            getattr(package, public)
    for path, row, wanted in pages():
        path.write_text(written(path.read_text(encoding="utf-8"), row, wanted), encoding="utf-8")
