"""The battery: what is in it, and that every learner and every game of it can be run."""
import numpy as np
import pytest

from marlfast import games, reproduce
from marlfast.registry import names
from marlfast.reproduce.battery import LEARNERS


def test_the_battery_has_games_of_every_kind_and_learners_with_defaults():
    study = reproduce.Battery()
    found = study.games()
    assert len(found) >= 16 and len({type(game) for game, _, _ in found.values()}) >= 12
    assert {game.setting for game, _, _ in found.values()} == {"cooperative", "competitive", "mixed"}
    for name in LEARNERS:
        assert names("learner")[name]().name == name


def test_a_battery_runs_and_is_the_same_by_any_number_of_threads(tmp_path):
    study = reproduce.Battery(share=0.002, only=["iql", "vdn", "mappo", "central_q"])
    one, two = (study.run(2, seed=3, threads=threads) for threads in (1, 2))
    table, other = one.table(), two.table()
    assert all((table[key] == other[key]).all() for key in table)
    assert len(set(table["game"])) == 17 and set(table["learner"]) == {"iql", "vdn", "mappo", "central_q"}
    assert np.isfinite(table["team_return"]).all() and not table["failed"].any()
    assert ((table["low"] <= table["team_return"]) & (table["team_return"] <= table["high"])).all()
    taken = {(game, learner) for game, learner in zip(table["game"].tolist(), table["learner"].tolist(), strict=True)}
    # One wins what the other loses; in soccer each is a team of its own.
    assert ("matching pennies", "vdn") not in taken and ("soccer", "vdn") in taken
    text = str(one)
    assert "foraging 5x5-2p-1f-coop" in text and one.summary().endswith("runs failed.")
    pytest.importorskip("matplotlib")
    one.draw(tmp_path / "battery.png")
    assert (tmp_path / "battery.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("options, words", [({"only": ["ikl"]}, "learner of the battery 'ikl'"),
                                            ({"share": 0.0}, "share: expected")])
def test_a_battery_that_makes_no_sense(options, words):
    with pytest.raises(ValueError, match=words):
        reproduce.Battery(**options)
    assert isinstance(reproduce.Battery().games()["two-step"][0], games.TwoStep)
