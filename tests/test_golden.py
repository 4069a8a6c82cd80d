"""Every game still plays as it is written down in tests/golden."""
import pytest
from conftest import GAME_EXAMPLES, TURN_EXAMPLES
from playthrough import FOLDER, cases, playthrough

CASES = cases(GAME_EXAMPLES | TURN_EXAMPLES)


def test_every_playthrough_belongs_to_an_example_and_every_game_has_one_or_two():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {name for name, _ in CASES}


@pytest.mark.parametrize("name, game", CASES, ids=[name for name, _ in CASES])
def test_a_game_plays_as_written_down(name, game):
    # Where another play is meant: python tests/playthrough.py, and read the difference.
    assert playthrough(game) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
