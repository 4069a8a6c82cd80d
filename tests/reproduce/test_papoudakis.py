"""The foraging tasks of the EPyMARL benchmark: what tables know of observations, and how returns are added up."""
import numpy as np
import pytest

from marlfast import evaluate, games, reproduce
from marlfast.reproduce import papoudakis2021

Study = reproduce.Papoudakis2021


def test_rows_are_those_of_the_places():
    game = games.LevelForaging(**papoudakis2021.TASKS["8x8-2p-2f-coop"])
    # Food is inside the border, 6 x 6 places; the second may be gone (-1) or there, 0 to 6; agents are anywhere.
    assert Study(features="places").encoder(game).rows(game) == 6 * 6 * 8 * 8 * 8**4
    assert Study(features="first").encoder(game).rows(game) == 6 * 6 * 8**4
    assert Study(features="tiles").encoder(game).rows(game) == 2 * 6 * 8 + 36 * 64 + 64 * 64 + 36 * 64


@pytest.mark.parametrize("task", papoudakis2021.TASKS)
@pytest.mark.parametrize("features", papoudakis2021.FEATURES)
def test_every_observation_that_comes_has_a_cell_of_its_own(task, features):
    study, game = Study(features=features), games.LevelForaging(**papoudakis2021.TASKS[task])
    try:
        encoder = study.encoder(game)
        encoder.check(game)
    except ValueError as error:
        assert features == "places" and "use fewer bins" in str(error)
        return
    low, high, bins = (np.array(array) for array in (encoder.low, encoder.high, encoder.bins))
    known, env = bins > 1, game.env(runs=20, seed=0)
    observation, rng = env.reset(), np.random.default_rng(0)
    ended = np.zeros(20, bool)
    while not ended.any():
        places = observation[..., known]
        assert (places >= low[known]).all() and (places <= high[known]).all()
        assert not known.reshape(-1, 3)[:, 2].any()                 # levels are not known
        observation, _, terminated, truncated = env.step(rng.integers(0, 6, (20, game.agents)).astype(np.int32))[:4]
        ended = terminated | truncated
    assert ((high - low)[known] == bins[known]).all()               # cells are one place wide


def test_returns_are_added_up_over_agents():
    study = Study(tasks=["10x10-3p-3f"], steps=3000)
    report, trained = study.run(runs=2, seed=4), study.trained("10x10-3p-3f", 2, 4)
    game = games.LevelForaging(**papoudakis2021.TASKS["10x10-3p-3f"])
    for figure, kind in zip(report.figures, ("behaviour", "policy"), strict=True):
        played = evaluate(game, trained, 1000, seed=4, kind=kind)
        assert figure.obtained == pytest.approx(played.returns.sum(axis=2).mean()) and 0 <= figure.obtained <= 1
    assert trained.q.shape[2] == 1 and "3,000 steps of each of 2 runs" in report.notes[1]


@pytest.mark.slow
def test_tiles_learn_the_smallest_task():
    exploring = Study(tasks=["8x8-2p-2f-coop"], steps=3_000_000).run(runs=1).figures[0]
    assert exploring.obtained > 0.6


@pytest.mark.parametrize(("options", "kind", "words"), [
    ({"tasks": "8x8-2p-2f-coop"}, TypeError, "tasks: expected names"),
    ({"tasks": []}, TypeError, "tasks: expected names"),
    ({"tasks": ["8x8-2p-2f"]}, ValueError, "tasks: unknown task"),
    ({"features": "levels"}, ValueError, "features"),
    ({"steps": 0}, ValueError, "steps"),
    ({"minimum": 0.0}, ValueError, "minimum"),
])
def test_bad_options_are_told(options, kind, words):
    with pytest.raises(kind, match=words):
        Study(**options)
