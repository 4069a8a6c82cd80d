"""Learners who look at the whole state, and observations in several rows: through training, files and evaluation."""
import dataclasses

import numpy as np
import pytest
from training_helpers import assert_same, part_of

import marlfast as mf
from marlfast.analysis import joint_values
from marlfast.learners import MAPPO, QMIX, Hierarchy, WoLFPHC

GAME = mf.games.Drift(agents=2, state_size=2, actions=3, horizon=20)
TILES = mf.Tiles(4, (-3, -4), (20, 4), (8, 3))
WHOLE = mf.Tiles(2, (-3, -4), (20, 4), (6, 2))
def test_a_team_stepped_by_hand_is_told_the_state():
    game = mf.games.LevelForaging(horizon=9)
    run = mf.train(game, MAPPO(steps=8), encoder=mf.Rounding(0), central=mf.Rounding(0), steps=40, seed=2)
    env = game.env(seed=2)
    team = MAPPO(steps=8).team(game, seed=2, encoder=mf.Rounding(0), central=mf.Rounding(0))
    obs = env.reset()
    for _ in range(40):
        before = env.state.copy()
        actions = team.act(obs)
        next_obs, rewards, terminated, truncated = env.step(actions)
        team.update(obs, actions, rewards, next_obs, terminated, truncated, before, env.state)
        ended = terminated | truncated
        obs = env.reset(ended) if ended.any() else next_obs
    used = int(run.used.max())
    assert (team.arrays["logits"][:, :used] == run.arrays["learner.logits"][:, :used]).all()
    team.act(obs)
    with pytest.raises(ValueError, match="state, next_state"):
        team.update(obs, actions, rewards, next_obs, terminated)
    with pytest.raises(ValueError, match=r"next_state: expected shape \(1, (\d+)\), got \(\1, 1\)"):
        team.update(obs, actions, rewards, next_obs, terminated, state=before, next_state=before.T)


@pytest.mark.parametrize("learner, options, words", [
    (WoLFPHC(), {}, "4 active rows, learner 'wolf_phc' takes one; .* such as iql"),
    (Hierarchy(teams="all"), {}, "learner 'hierarchy' takes one"),
    (mf.IQL(), {"central": WHOLE}, "central: no learner here looks at the whole state"),
    (MAPPO(), {"central": mf.Grid((0,), (1,), (2,))}, "1 values of low"),
])
def test_what_does_not_fit(learner, options, words):
    with pytest.raises(ValueError, match=words):
        mf.train(GAME, learner, encoder=TILES, episodes=1, rewards=mf.rewards.cooperative(), **options)


@pytest.mark.parametrize("game", [
    mf.games.LevelForaging(size=4, food=1, horizon=9), mf.games.Pursuit(3, 3, 2, depth=1, horizon=9),
    mf.games.BoxPushing(sight="front", horizon=9), mf.games.Ising(2, 2, horizon=9),
    mf.games.TaskAllocation(sees_last=True, horizon=9)], ids=lambda game: game.name)
def test_states_of_whole_numbers_are_numbered_where_no_encoder_is_given(game, backend):
    options = {"encoder": None if game.observations is not None else mf.Rounding(0), "steps": 40, "seed": 2,
               "rewards": mf.rewards.cooperative(), "backend": backend}
    run = mf.train(game, MAPPO(steps=8), **options)
    assert_same(run, part_of(mf.train(game, MAPPO(steps=8), central=mf.Rounding(0), **options), 0, 1))
    used = int(run.arrays["central.used"][0])
    assert (f"whole state: the game's state, numbered as it was first seen (no central= was given); {used} to {used} "
            "rows in use") in run.summary()


def _drawn(uniforms, normals):
    return uniforms.copy()


def _step(state, actions, uniforms, normals):
    return _drawn(uniforms, normals), np.repeat(state, 2, axis=1), False


# A real number is drawn at each step; one agent sees whether it is above .3, the other whether it is above .6.
HIDDEN = mf.games.NumPyGame(
    _step, _drawn, lambda state: np.stack([state > 0.3, state > 0.6], axis=1) * 1.0, agents=2, state_size=1, actions=2,
    views=2, features=1, observations=2, step_uniforms=1, start_uniforms=1, horizon=6, terminates=False)


def test_numbers_that_all_agents_see_together_stand_for_states_that_are_not(backend, tmp_path):
    """Three of four pairs can be seen."""
    learner = QMIX(hidden=2)
    run = mf.train(HIDDEN, learner, steps=60, runs=2, seed=1, rewards=mf.rewards.cooperative(), backend=backend)
    assert run.arrays["central.used"].tolist() == [3, 3] and run.arrays["central.keys"].shape[2] == 2
    assert "whole state: what all agents see, side by side" in run.summary()
    half = mf.train(HIDDEN, learner, steps=25, runs=2, seed=1, rewards=mf.rewards.cooperative(), backend=backend)
    half.save(tmp_path / "half.npz")
    half = mf.load(tmp_path / "half.npz", game=HIDDEN)
    assert_same(run, mf.train(resume=half, steps=35, backend=backend))
    for pair in ([0.0, 0.0], [1.0, 0.0], [1.0, 1.0]):
        assert joint_values(run, pair, {0: 0.1, 1: 0.4, 2: 0.9}[sum(pair)]).shape == (2, 2)


def test_states_that_cannot_be_numbered_need_an_encoder():
    game = dataclasses.replace(HIDDEN, observations=None)
    with pytest.raises(ValueError, match=r"central: learner 'mappo' .* give central=marlfast.Rounding\(0\)"):
        mf.train(game, MAPPO(), encoder=mf.Rounding(0), episodes=1)


def test_loops_of_other_parts_are_refused():
    session = mf.train(GAME, MAPPO(), encoder=TILES, episodes=1, rewards=mf.rewards.cooperative())
    arrays = dict(session.arrays) | {"rows": session.arrays["rows"][:, :8].copy()}
    from marlfast.session import Session

    with pytest.raises((TypeError, ValueError), match="rows"):
        Session(session.experiment, arrays)
