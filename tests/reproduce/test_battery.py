"""The battery: what is in it, and that every learner and every game of it can be run."""
import numpy as np
import pytest

from marlfast import IQL, EpsilonGreedy, games, reproduce, train
from marlfast.registry import names
from marlfast.reproduce.battery import BOUNDS, LEARNERS, score
from marlfast.rewards.structure import cooperative


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
    for key in table:
        np.testing.assert_array_equal(table[key], other[key])
    assert len(set(table["game"])) == 17 and set(table["learner"]) == {"iql", "vdn", "mappo", "central_q"}
    assert np.isfinite(table["team_return"]).all() and not table["failed"].any()
    assert ((table["low"] <= table["team_return"]) & (table["team_return"] <= table["high"])).all()
    taken = {(game, learner) for game, learner in zip(table["game"].tolist(), table["learner"].tolist(), strict=True)}
    # One wins what the other loses; in soccer each is a team of its own.
    assert ("matching pennies", "vdn") not in taken and ("soccer", "vdn") in taken
    text = str(one)
    assert "foraging 5x5-2p-1f-coop" in text and "runs failed; " in one.summary()
    scored = np.isfinite(table["score"])
    assert set(table["game"][~scored].tolist()) == {"soccer", "matching pennies"}
    pytest.importorskip("matplotlib")
    one.draw(tmp_path / "battery.png")
    assert (tmp_path / "battery.png").read_bytes()[:4] == b"\x89PNG"


def test_scores_place_a_return_between_random_play_and_the_best():
    for title, (random, best, _) in BOUNDS.items():
        assert random < best and score(title, random) == 0.0 and score(title, best) == 1.0
    assert np.isnan(score("soccer", 0.0)) and BOUNDS.keys() < reproduce.Battery().games().keys()


@pytest.mark.parametrize("title", BOUNDS)
def test_random_play_is_what_it_is_said_to_be(title):
    game, encoder, _ = reproduce.Battery().games()[title]
    random = train(game, IQL(explore=EpsilonGreedy(1.0)), rewards=cooperative(), steps=40_000, runs=4, seed=9,
                   encoder=encoder if game.observations is None else None).team_returns
    means = np.nanmean(random, axis=1)
    allowed = 5.0 * means.std(ddof=1) / 2.0 + 0.002 * abs(BOUNDS[title][1] - BOUNDS[title][0])
    assert abs(means.mean() - BOUNDS[title][0]) < allowed


def test_the_best_is_what_follows_from_the_games():
    found = {title: game for title, (game, _, _) in reproduce.Battery().games().items()}
    assert BOUNDS["climbing, 25 rounds"][1] == 25 * 11 and BOUNDS["penalty, 25 rounds"][1] == 25 * 10
    game = found["random Markov game"]
    value = np.zeros(8)
    for _ in range(25):
        value = (np.reshape(game.rewards, (8, 9, -1)).mean(axis=2) + np.reshape(game.transitions, (8, 9, 8)) @ value
                 ).max(axis=1)
    assert BOUNDS["random Markov game"][1] == pytest.approx(value[0], abs=5e-4)
    # Four of six who come are paid 1, in each of 25 rounds; nine spins have two bonds each.
    assert BOUNDS["El Farol"][1] == pytest.approx(25 * 4 / 6) and BOUNDS["Ising 3x3"][1] == 25 * 2


@pytest.mark.parametrize("options, words", [({"only": ["ikl"]}, "learner of the battery 'ikl'"),
                                            ({"share": 0.0}, "share: expected")])
def test_a_battery_that_makes_no_sense(options, words):
    with pytest.raises(ValueError, match=words):
        reproduce.Battery(**options)
    assert isinstance(reproduce.Battery().games()["two-step"][0], games.TwoStep)
