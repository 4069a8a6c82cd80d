"""Learners who look at the whole state, and observations in several rows: through training, files and evaluation."""
import numpy as np
import pytest
from training_helpers import differing

import marlfast as mf
from marlfast.learners import COMA, IA2C, IPPO, MAA2C, MAPPO, QMIX, SARSA, VDN, Hierarchy, Reinforce, WoLFPHC

GAME = mf.games.Drift(agents=2, state_size=2, actions=3, horizon=20)
TILES = mf.Tiles(4, (-3, -4), (20, 4), (8, 3))
WHOLE = mf.Tiles(2, (-3, -4), (20, 4), (6, 2))
LEARNERS = {"reinforce": Reinforce(), "ia2c": IA2C(), "maa2c": MAA2C(), "coma": COMA(), "ippo": IPPO(steps=16),
            "mappo": MAPPO(steps=16), "vdn": VDN(), "qmix": QMIX(), "iql": mf.IQL(), "sarsa": SARSA(trace_decay=0.5)}
CASES = [(name, central) for name, one in LEARNERS.items() for central in ((None, WHOLE) if one.central else (None,))]


def train(name, central, **options):
    options = {"encoder": TILES, "central": central, "episodes": 6, "runs": 2, "seed": 1,
               "rewards": mf.rewards.cooperative()} | options
    return mf.train(GAME, LEARNERS[name], **options)


@pytest.mark.parametrize("name, central", CASES, ids=lambda v: v if isinstance(v, str) else "whole" if v else "shared")
def test_tiles_of_observations_and_of_states(name, central, tmp_path):
    one, other = train(name, central), train(name, central, backend="numpy")
    assert differing(one, other) == []
    assert one.arrays["rows"].shape == (2, 8 + (0 if not LEARNERS[name].central else 4 if central is None else 2))
    train(name, central, episodes=3).save(tmp_path / "half.npz")
    assert differing(one, mf.train(resume=mf.load(tmp_path / "half.npz"), episodes=3)) == []
    seen = np.array([1.3, -0.4])
    team = one.policy(0)(seen)
    assert [one.policy(0, agent=i)(seen) for i in range(2)] == team.tolist()
    played = [mf.evaluate(GAME, one, 3, backend=backend).returns for backend in ("cython", "numpy")]
    assert played[0].tobytes() == played[1].tobytes()


@pytest.mark.parametrize("name", ["qmix", "mappo", "coma"])
def test_states_that_are_numbered_as_they_are_seen(name, tmp_path):
    game = mf.games.LevelForaging(horizon=20)
    options = {"encoder": mf.Rounding(0), "central": mf.Rounding(0), "runs": 2, "seed": 3}
    one, other = (mf.train(game, LEARNERS[name], episodes=30, backend=backend, **options)
                  for backend in ("cython", "numpy"))
    assert differing(one, other) == []
    assert one.arrays["central.used"].min() > 256 and one.arrays["encoder.used"].min() > 256      # both grew
    assert (one.arrays["central.used"] != one.arrays["encoder.used"]).all()
    mf.train(game, LEARNERS[name], episodes=11, **options).save(tmp_path / "part.npz")
    part = mf.load(tmp_path / "part.npz")
    assert differing(one, mf.train(resume=part, episodes=19)) == []
    # Without learning nobody looks at the state.
    assert np.isfinite(mf.evaluate(game, part, episodes=3).returns).all()


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
    with pytest.raises(ValueError, match="state, next_state"):
        team.update(seen, actions, rewards, then, terminated)


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
