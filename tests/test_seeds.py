"""Seeds that nobody gave."""
import numpy as np
import pytest

import marlfast as mf

GAME = mf.games.PrisonersDilemma(horizon=0)


@pytest.mark.entropy
def test_ten_trainings_without_a_seed_are_ten():
    runs = [mf.train(GAME, mf.IQL(), steps=50) for _ in range(10)]
    assert len({run.experiment.seed for run in runs}) == 10
    assert len({run.q.tobytes() for run in runs}) == 10
    for run in runs[:2]:        # and each can be repeated by the seed that it says
        again = mf.train(GAME, mf.IQL(), steps=50, seed=run.experiment.seed)
        np.testing.assert_array_equal(again.q, run.q)
        assert f"seed {run.experiment.seed}" in run.summary()


@pytest.mark.entropy
def test_a_file_says_which_seed_it_was(tmp_path):
    run = mf.train(GAME, mf.IQL(), steps=50)
    run.save(tmp_path / "run.npz")
    assert mf.load(tmp_path / "run.npz").experiment.seed == run.experiment.seed


@pytest.mark.entropy
@pytest.mark.parametrize("make", [lambda: GAME.env(), lambda: mf.Env(GAME), lambda: mf.IQL().team(GAME),
                                  lambda: mf.Team(mf.IQL(), GAME), lambda: mf.Experiment(GAME, mf.IQL(), steps=1)])
def test_what_is_stepped_by_hand_draws_one_too(make):
    found = {make().seed for _ in range(5)}
    assert len(found) == 5 and all(0 <= seed < 2**53 for seed in found)


def test_evaluation_keeps_its_own():
    run = mf.train(GAME, mf.IQL(), steps=50, seed=1)
    limited = mf.games.PrisonersDilemma(horizon=3)
    one, other = (mf.evaluate(limited, mf.RandomPolicy(), episodes=20) for _ in range(2))
    assert one.returns.tolist() == other.returns.tolist()
    assert run.experiment.seed == 1


@pytest.mark.entropy
def test_a_checkpoint_goes_on_with_its_seed(tmp_path):
    path = tmp_path / "run.npz"
    first = mf.train(GAME, mf.IQL(), steps=50, checkpoint=path)
    again = mf.train(GAME, mf.IQL(), steps=50, checkpoint=path)
    assert again.experiment.seed == first.experiment.seed
    with pytest.raises(ValueError, match="another experiment"):
        mf.train(GAME, mf.IQL(), steps=50, checkpoint=path, seed=(first.experiment.seed + 1) % 2**53)


@pytest.mark.entropy
def test_a_sweep_goes_on_with_its_seeds(tmp_path):
    options = {"over": {"learner.learning_rate": [0.1, 0.2]}, "seeds": 3, "steps": 20}
    one, again, other = (mf.sweep(GAME, mf.IQL(), out=tmp_path / name, **options) for name in ("a", "a", "b"))
    assert one.seeds == again.seeds == list(range(one.seeds[0], one.seeds[0] + 3)) and one.seeds != other.seeds
    chosen = mf.sweep(GAME, mf.IQL(), out=tmp_path / "c", seed=one.seeds[0], **options)
    assert chosen.table()["team_return"].tobytes() == one.table()["team_return"].tobytes()


def test_shards_need_a_seed(tmp_path):
    with pytest.raises(ValueError, match="shards of a sweep must have the same seeds.*give seed="):
        mf.sweep(GAME, mf.IQL(), seeds=2, steps=20, out=tmp_path / "s", shard="1/2")


@pytest.mark.parametrize("seed", ["1", 1.5, -1, 2**64, True])
def test_seeds_are_whole_numbers(seed):
    for make in (lambda: mf.train(GAME, mf.IQL(), steps=1, seed=seed), lambda: GAME.env(seed=seed),
                 lambda: mf.IQL().team(GAME, seed=seed)):
        with pytest.raises((TypeError, ValueError), match="seed: expected"):
            make()
