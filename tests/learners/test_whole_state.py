"""Learners who look at the whole state, and observations in several rows: through training, files and evaluation."""
import pytest

import marlfast as mf
from marlfast.learners import MAPPO, Hierarchy, WoLFPHC

GAME = mf.games.Drift(agents=2, state_size=2, actions=3, horizon=20)
TILES = mf.Tiles(4, (-3, -4), (20, 4), (8, 3))
WHOLE = mf.Tiles(2, (-3, -4), (20, 4), (6, 2))
def test_a_team_stepped_by_hand_is_told_the_state():
    game = mf.games.LevelForaging(horizon=9)
    run = mf.train(game, MAPPO(steps=8), encoder=mf.Rounding(0), central=mf.Rounding(0), steps=40, seed=2)
    env = game.env(seed=2)
    team = MAPPO(steps=8).team(game, seed=2, encoder=mf.Rounding(0), central=mf.Rounding(0))
    seen = env.reset()
    for _ in range(40):
        before = env.state.copy()
        actions = team.act(seen)
        then, rewards, terminated, truncated = env.step(actions)
        team.update(seen, actions, rewards, then, terminated, truncated, before, env.state)
        ended = terminated | truncated
        seen = env.reset(ended) if ended.any() else then
    used = int(run.used.max())
    assert (team.arrays["logits"][:, :used] == run.arrays["learner.logits"][:, :used]).all()
    team.act(seen)
    with pytest.raises(ValueError, match="state, next_state"):
        team.update(seen, actions, rewards, then, terminated)
    with pytest.raises(ValueError, match=r"next_state: expected shape \(1, (\d+)\), got \(\1, 1\)"):
        team.update(seen, actions, rewards, then, terminated, state=before, next_state=before.T)


@pytest.mark.parametrize("learner, options, words", [
    (WoLFPHC(), {}, "4 active rows, learner 'wolf_phc' takes one; .* such as iql"),
    (Hierarchy(teams="all"), {}, "learner 'hierarchy' takes one"),
    (mf.IQL(), {"central": WHOLE}, "central: no learner here looks at the whole state"),
    (MAPPO(), {"central": mf.Grid((0,), (1,), (2,))}, "1 values of low"),
])
def test_what_does_not_fit(learner, options, words):
    with pytest.raises(ValueError, match=words):
        mf.train(GAME, learner, encoder=TILES, episodes=1, rewards=mf.rewards.cooperative(), **options)


def test_agents_who_see_different_things_need_an_encoder_of_the_state():
    with pytest.raises(ValueError, match=r"central: learner 'mappo' .* give central=marlfast.Rounding\(0\)"):
        mf.train(mf.games.LevelForaging(), MAPPO(), encoder=mf.Rounding(0), episodes=1)


def test_loops_of_other_parts_are_refused():
    session = mf.train(GAME, MAPPO(), encoder=TILES, episodes=1, rewards=mf.rewards.cooperative())
    arrays = dict(session.arrays) | {"rows": session.arrays["rows"][:, :8].copy()}
    from marlfast.session import Session

    with pytest.raises((TypeError, ValueError), match="rows"):
        Session(session.experiment, arrays)
