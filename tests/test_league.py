"""Leagues: who meets whom, that copies stay as they were, tables and ratings."""
import warnings

import numpy as np
import pytest

import marlfast as mf
from marlfast.analysis import elo, expected_score
from marlfast.learners import COMA, MAPPO, QMIX, FixedPolicy, Frozen, WoLFPHC


def q_learner(**changes):
    return mf.IQL(**{"learning_rate": 0.2, "discount": 0.9,
                     "explore": mf.EpsilonGreedy(0.2, ties="random")} | changes)


def soccer(runs=2, **changes):
    return mf.League(mf.games.Soccer(), [q_learner(), q_learner()], runs=runs, seed=3, **changes)


def pool_equal(one, other):
    return all((a[name] == b[name]).all() for left, right in zip(one._pool, other._pool, strict=True)
               for a, b in zip(left, right, strict=True) for name in a)


# -- frozen learners ------------------------------------------------------------------------------


def test_a_frozen_learner_keeps_its_table_and_plays_the_greedy_actions():
    game = mf.games.MatrixGame(np.zeros((2, 2)), np.array([[0.0, 1.0], [5.0, 7.0]]), horizon=1)
    known = mf.IQL(initial_q=[[0.0, 1.0]])          # greedy action 1
    run = mf.train(game, learners=[Frozen(known), mf.IQL(discount=0.0)], steps=600, seed=1, runs=3)
    assert (run.tables(0)["q"] == [0.0, 1.0]).all() and (run.tables(0)["visits"] == 0).all()
    assert run.tables(1)["visits"].sum() == 1800
    # Against action 1 the second agent earns 5 or 7: nothing else was ever seen.
    met = run.tables(1)["q"]
    assert np.abs(met[0, 0, 0] - [5.0, 7.0]).max() < 0.1
    again = mf.train(resume=run, steps=50)
    assert (again.tables(0)["q"] == [0.0, 1.0]).all() and (again.tables(0)["epsilon.ticks"] == 0).all()


def test_a_frozen_learner_may_explore():
    noted = []
    for explore in (mf.EpsilonGreedy(0.0), mf.EpsilonGreedy(1.0)):
        copying = FixedPolicy([0.5, 0.5])
        run = mf.train(mf.games.PrisonersDilemma(memory=1, horizon=0), learners=[
            Frozen(mf.IQL(initial_q=[[1.0, 0.0]]), explore), copying], steps=400, seed=1)
        noted.append(run.arrays["episode_return"][0])
    assert (noted[0] != noted[1]).any()


def test_a_frozen_copy_of_a_mixed_policy_plays_it_mixed():
    pennies = mf.games.MatchingPennies()
    run = mf.train(pennies, learners=[Frozen(WoLFPHC()), mf.IQL(mf.schedules.Harmonic(1.0, 1.0), 0.0)],
                   steps=20_000, seed=0)
    # Against (1/2, 1/2) nothing can be earned; a pure policy would soon be found out, and 1 be earned.
    assert np.abs(run.tables(1)["q"]).max() < 0.3


def test_frozen_learners_save_load_and_evaluate(tmp_path):
    run = mf.train(mf.games.Drift(agents=2), learners=[Frozen(mf.IQL()), mf.IQL()], encoder=mf.Rounding(0), episodes=30,
                   seed=0)
    run.save(tmp_path / "run.npz")
    back = mf.load(tmp_path / "run.npz")
    assert all((back.arrays[name][:, :3] == array[:, :3]).all() for name, array in run.arrays.items()
               if name.endswith(".q"))
    assert mf.evaluate(mf.games.Drift(agents=2), back, 5).mean == mf.evaluate(mf.games.Drift(agents=2), run, 5).mean


@pytest.mark.parametrize("learner, words", [(lambda: Frozen(mf.IQL()), "'frozen'"), (lambda: 3, "expected")])
def test_what_cannot_be_frozen(learner, words):
    with pytest.raises((TypeError, ValueError), match=words):
        Frozen(learner())


# -- leagues --------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_league_with_either_backend_and_any_threads():
    one, two, three = soccer(threads=1), soccer(threads=2), soccer(backend="numpy")
    for league in (one, two, three):
        league.train(2, steps=600)
        league.train(1, steps=600)
    assert pool_equal(one, two) and pool_equal(one, three)
    assert one.generations == 3 and one.checkpoints == [0, 1, 2, 3]
    assert np.abs(one._own[0]["q"]).sum() > 0.0
    other = mf.League(mf.games.Soccer(), [q_learner(), q_learner()], runs=2, seed=4)
    other.train(3, steps=600)
    assert not pool_equal(one, other)


def test_while_one_team_learns_the_others_stand_still():
    league = soccer()
    before = league._copy()
    league._leg(0, {"steps": 500})
    assert (league._own[1]["q"] == before[1]["q"]).all() and (league._own[0]["q"] != before[0]["q"]).any()
    assert (league._common["steps"] == 500).all()
    league._leg(1, {"steps": 500})
    assert (league._own[1]["q"] != before[1]["q"]).any() and (league._common["steps"] == 1000).all()


def meetings(latest, generations=6, runs=300):
    """Which checkpoints the runs meet, given a pool of so many and one."""
    league = mf.League(mf.games.MatchingPennies(), [mf.IQL(), mf.IQL()], runs=runs, seed=0, latest=latest)
    met = []
    original = league._met
    league._met = lambda team, which: met.append(which.copy()) or original(team, which)
    league._pool = league._pool * (generations + 1)
    league._leg(0, {"steps": 1})
    return np.bincount(met[0], minlength=generations + 1)


def test_whom_the_runs_meet():
    assert meetings(1.0).tolist() == [0] * 6 + [300]
    earlier = meetings(0.0)
    assert earlier[6] == 0 and (earlier[:6] > 25).all()     # 50 each, standard deviation 6.5
    half = meetings(0.5)
    assert abs(half[6] - 150) < 45 and (half[:6] > 8).all()


def test_a_run_meets_what_its_own_past_knew():
    league = soccer(runs=3)
    league.train(2, steps=400)
    which = np.array([0, 2, 1])
    met = league._met(1, which)
    for run, g in enumerate(which):
        assert (met["q"][run] == league._pool[g][1]["q"][run]).all()


def test_the_pool_is_bounded():
    league = soccer(pool=2)
    league.train(4, steps=100)
    assert league.checkpoints == [3, 4] and len(league._pool) == 2
    assert (league.checkpoint(4).tables(0)["q"] == league._own[0]["q"]).all()
    with pytest.raises(ValueError, match="generation"):
        league.checkpoint(1)


def test_learning_beats_earlier_selves_and_the_ratings_say_so():
    league = soccer(runs=8, latest=0.0)
    league.train(4, steps=30_000)
    table = league.table(episodes=20)
    assert table.wins.shape == (5, 5) and table.returns.shape == (5, 5, 8, 2)
    assert table.wins[4, 1:4].mean() > 0.6 and table.wins[1, 2:].mean() < 0.4
    assert np.allclose(table.margins, 2.0 * table.returns[..., 0].mean(axis=2))     # zero sum
    ratings = league.elo(episodes=20)
    assert ratings.shape == (2, 5) and (ratings[:, 4] - ratings[:, 0] > 150).all()


def test_teams_of_several_agents_that_grow_their_tables():
    league = mf.League(mf.games.Drift(agents=4), [mf.IQL(share="all"), mf.IQL()], [[0, 2], [1, 3]],
                       encoder=mf.Rounding(0), runs=2, seed=0, rewards=mf.rewards.individual())
    league.train(3, episodes=20)
    assert league._common["encoder.used"].min() > 256       # more than the first arrays had room for
    table = league.table(team=1, episodes=2, generations=[0, 3])
    assert table.team == (1, 3) and np.isfinite(table.returns).all()
    assert league.checkpoint(0).tables(0)["q"].sum() == 0.0
    numpy = mf.League(mf.games.Drift(agents=4), [mf.IQL(share="all"), mf.IQL()], [[0, 2], [1, 3]],
                      encoder=mf.Rounding(0), runs=2, seed=0, rewards=mf.rewards.individual(), backend="numpy")
    numpy.train(1, episodes=20)
    for team in (0, 1):
        used = numpy._pool[1][team]["q"].shape[1]
        assert (league._pool[1][team]["q"][:, :used] == numpy._pool[1][team]["q"][:, :used]).all()


@pytest.mark.parametrize("learner", [MAPPO(steps=16), COMA(), QMIX()], ids=lambda one: one.name)
def test_learners_of_the_whole_state_play_frozen_ones(learner, tmp_path):
    # Both encoders grow under way; who is frozen looks at no state, and keeps its tables of states.
    one, other = (mf.League(mf.games.LevelForaging(horizon=15), [learner, mf.IQL()], [[0], [1]],
                            encoder=mf.Rounding(0), central=mf.Rounding(0), runs=2, seed=0, backend=backend)
                  for backend in ("cython", "numpy"))
    one.train(2, episodes=20)
    other.train(1, episodes=20)
    for team in (0, 1):
        for name, array in other._pool[1][team].items():
            assert array.tobytes() == one._pool[1][team][name].tobytes(), name
    assert one._common["encoder.used"].min() > 1024 and one._common["central.used"].min() > 512
    assert np.isfinite(one.table(episodes=2).returns).all()
    one.checkpoint().save(tmp_path / "checkpoint.npz")
    assert mf.load(tmp_path / "checkpoint.npz").experiment.central.name == "rounding"


def test_a_checkpoint_is_a_result(tmp_path):
    league = soccer()
    league.train(1, steps=300)
    result = league.checkpoint()
    result.save(tmp_path / "checkpoint.npz")
    assert (mf.load(tmp_path / "checkpoint.npz").tables(1)["q"] == league._own[1]["q"]).all()
    assert result.policy(0)(np.zeros(1)).shape == (2,)


def test_an_interrupted_generation_does_not_count(monkeypatch):
    league = soccer()
    league.train(1, steps=100)
    before = league._copy()
    legs = []

    def cut(team, length, leg=league._leg):
        legs.append(team)
        if team == 1:
            raise KeyboardInterrupt
        leg(team, length)

    monkeypatch.setattr(league, "_leg", cut)
    with pytest.raises(KeyboardInterrupt):
        league.train(2, steps=100)
    assert legs == [0, 1] and league.generations == 1 and len(league._pool) == 2
    assert (league._own[0]["q"] == before[0]["q"]).all() and (league._common["steps"] == 200).all()


def test_a_run_that_diverges_is_told():
    game = mf.games.MatrixGame(np.array([[1e308]]), np.array([[-1e308]]), horizon=0)
    league = mf.League(game, [mf.IQL(discount=1.0, learning_rate=1.0), mf.IQL()], runs=1, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(mf.TrainingError, match="finite"):
            league.train(1, steps=50)
    assert league.generations == 0


@pytest.mark.parametrize("make, words", [
    (lambda: mf.League(mf.games.Soccer(), mf.IQL()), "learners: expected a list"),
    (lambda: mf.League(mf.games.Soccer(), [mf.IQL()]), "one for each of 2 teams, got 1"),
    (lambda: mf.League(mf.games.Drift(), [mf.IQL()], [[0, 1, 2, 3]], encoder=mf.Rounding(0)), "at least two"),
    (lambda: mf.League(mf.games.Drift(), [mf.IQL(), mf.IQL()], [[0, 1], [2]], encoder=mf.Rounding(0)), "3|4 agents"),
    (lambda: mf.League(mf.games.Drift(), [mf.IQL(), mf.IQL()], [[0, 1], [2, 3]]), "encoder"),
    (lambda: mf.League(mf.games.Climbing(), [mf.IQL(), mf.IQL()], [[0], [1]], rewards=mf.rewards.mixed([[0, 1]])),
     "other teams"),
    (lambda: soccer(latest=1.5), "latest"),
    (lambda: soccer(pool=0), "pool"),
    (lambda: soccer().train(0, steps=1), "generations"),
    (lambda: soccer().train(1), "steps, episodes"),
    (lambda: soccer().train(1, steps=1, episodes=1), "steps, episodes"),
    (lambda: soccer().table(team=2), "team"),
    (lambda: soccer().table(generations=[1]), "generations"),
    (lambda: mf.League(mf.games.Drift(agents=3), [mf.IQL()] * 3, encoder=mf.Rounding(0)).elo(), "two teams"),
])
def test_what_is_refused(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


# -- teams of an experiment -----------------------------------------------------------------------


def test_teams_are_cooperative_within_and_competitive_between():
    given = mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=1, teams=[[0, 2], [1, 3]])
    assert given.rewards.name == "mixed" and given.resolved.context.teams == ((0, 2), (1, 3))
    assert given.rewards.matrix(given.game).tolist() == [
        [0.5, -0.5, 0.5, -0.5], [-0.5, 0.5, -0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [-0.5, 0.5, -0.5, 0.5]]
    assert mf.Experiment.from_dict(given.to_dict()).teams == ((0, 2), (1, 3))
    own = given.replace(rewards=mf.rewards.individual())
    assert own.rewards.name == "individual" and own.resolved.context.teams == ((0, 2), (1, 3))


def test_teams_say_who_shares_a_table_whatever_the_rewards():
    run = mf.train(mf.games.Drift(), mf.IQL(share="team"), encoder=mf.Rounding(0), episodes=2, teams=[[0, 1, 3], [2]],
                   rewards=mf.rewards.individual())
    assert run.q.shape[2] == 2 and run.visits.sum(axis=(0, 1)).tolist() == [600, 200]


@pytest.mark.parametrize("changes, words", [
    ({"teams": [[0, 1], [2]]}, "every agent from 0 to 3"),
    ({"teams": [[0, 1], [1, 2, 3]]}, "agent 1 stands in the teams more than once"),
    ({"teams": 3}, "list of lists"),
    ({"teams": [[0, 1], [2, 3]], "rewards": mf.rewards.mixed([[0], [1, 2, 3]])}, "other teams"),
    ({"game": mf.games.Climbing(), "encoder": None, "teams": [[0], [1]]}, "always earn the same"),
])
def test_teams_that_do_not_fit(changes, words):
    with pytest.raises((TypeError, ValueError), match=words):
        mf.Experiment(**{"game": mf.games.Drift(), "learner": mf.IQL(), "encoder": mf.Rounding(0),
                         "episodes": 1} | changes)


# -- ratings --------------------------------------------------------------------------------------


def test_ratings_of_two_by_hand():
    # Three wins to one: the odds are 3, 400 log10(3) = 190.85 points. A weak prior leaves them so.
    ratings = elo([[0, 3000], [1000, 0]], prior=1e-6)
    assert ratings[0] - ratings[1] == pytest.approx(400 * np.log10(3.0), abs=1e-6) and ratings.mean() == 1500.0
    # With prior 2 and one game won: by symmetry p and 1/p; p = (1 + 1) / (1 / (p + 1/p) + 2 / (p + 1)), so
    # p**2 (2p + 2... ) solved below by bisection of the same equation.
    low, high = 1.0, 10.0
    for _ in range(100):
        p = 0.5 * (low + high)
        low, high = (p, high) if 2.0 / (1.0 / (p + 1.0 / p) + 2.0 / (p + 1.0)) > p else (low, p)
    ratings = elo([[0, 1], [0, 0]], prior=2.0)
    assert ratings[0] - ratings[1] == pytest.approx(800 * np.log10(p), abs=1e-6)


def test_ratings_find_the_strengths_that_made_the_games():
    true = np.array([1300.0, 1450.0, 1500.0, 1750.0])
    wins = 1e6 * expected_score(true)
    assert np.abs(elo(wins, prior=1e-3) - true).max() < 1e-3
    assert expected_score([1500.0, 1900.0])[0, 1] == pytest.approx(1.0 / 11.0)
    beaten = elo([[0, 5], [0, 0]])
    assert np.isfinite(beaten).all() and beaten[0] > beaten[1]
    assert elo([[7.0]]).tolist() == [1500.0]


@pytest.mark.parametrize("wins, prior", [([[0, 1]], 1.0), ([[0, -1], [0, 0]], 1.0), ([[0, np.nan], [0, 0]], 1.0),
                                         ([[0, 1], [0, 0]], 0.0), ("a", 1.0), (np.zeros((0, 0)), 1.0)])
def test_what_cannot_be_rated(wins, prior):
    with pytest.raises((TypeError, ValueError), match="wins|prior"):
        elo(wins, prior)
