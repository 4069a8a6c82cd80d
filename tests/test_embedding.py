"""The step-level face: a hand-written loop over ``game.env`` and ``learner.team`` is ``train``, bit for bit."""
import tracemalloc

import numpy as np
import pytest
from training_helpers import random_markov

import marlfast as mf

EXPLORE = mf.EpsilonGreedy(1.0, decay=0.9, minimum=0.2, ties="random")
CASES = {
    "drift, rounding that grows": (
        mf.games.Drift(agents=3, noise=9.0, horizon=6), mf.IQL(explore=EXPLORE), mf.Rounding(1), 400),
    "rounding, initial values": (
        mf.games.Drift(agents=2, noise=9.0, horizon=6), mf.IQL(initial_q=[[0, 1, 2, 1, 0]]), mf.Rounding(1), 400),
    "grid": (mf.games.Drift(agents=2, horizon=5),
             mf.IQL(mf.schedules.Linear(0.9, 0.1, 50), explore=mf.Boltzmann(0.3)), mf.Grid(-2, 2, 5), 120),
    "certain, no limit": (
        random_markov(2, (3,), states=4, certain=True, horizon=0), mf.IQL(explore=EXPLORE), None, 100),
}


def by_hand(game, learner, encoder, steps, runs, seed, backend):
    """A training loop as a caller would write it."""
    env = game.env(runs=runs, seed=seed, backend=backend)
    team = learner.team(game, runs=runs, seed=seed, encoder=encoder, backend=backend)
    obs = env.reset()
    total = np.zeros((runs, game.agents))
    for _ in range(steps):
        actions = team.act(obs)
        next_obs, rewards, terminated, truncated = env.step(actions)
        team.update(obs, actions, rewards, next_obs, terminated, truncated)
        total += rewards
        ended = terminated | truncated
        obs = env.reset(ended) if ended.any() else next_obs
    return env, team, total


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("backend, runs", [("cython", 1), ("cython", 3), ("numpy", 3)])
def test_by_hand_is_train(name, backend, runs):
    game, learner, encoder, steps = CASES[name]
    run = mf.train(game, learner, encoder=encoder, steps=steps, runs=runs, seed=8, record_every=0)
    env, team, _ = by_hand(game, learner, encoder, steps, runs, 8, backend)
    rows = int(run.used.max())
    assert team.q[:, :rows].tobytes() == run.q.tobytes()
    assert team.arrays["visits"][:, :rows].tobytes() == run.visits.tobytes()
    for part in ("rate", learner.explore.parameter):
        assert team.arrays[f"{part}.value"].tolist() == run.arrays[f"learner.{part}.value"].tolist()
    if encoder is not None and encoder.grows:
        assert team.encoder_arrays["used"].tolist() == run.used.tolist()
        assert rows > 256 or steps < 400        # it did grow
    assert env.starts.tolist() == (run.episodes + 1).tolist()
    assert env.state.tobytes() == run.arrays["state"].tobytes()


def test_returns_by_hand():
    game = mf.games.Drift(agents=2, horizon=10)
    _, _, total = by_hand(game, mf.IQL(), mf.Rounding(1), 10, 2, 3, "cython")
    run = mf.train(game, mf.IQL(), encoder=mf.Rounding(1), episodes=1, runs=2, seed=3)
    assert total.tolist() == run.returns[:, 0].tolist()


def test_team_shares_tables_by_teams():
    """A Team told its teams is a training run under mixed() whose learners share by team."""
    game, learner = mf.games.Drift(agents=3, horizon=5), mf.IQL(share="team")
    team = learner.team(game, encoder=mf.Grid(-1, 1, 3), teams=[[0, 2], [1]])
    assert team.q.shape == (1, 9, 2, 5)
    obs = game.env().reset()
    team.act(obs)
    team.update(obs, [[0, 0, 0]], [[1.0, 10.0, 1.0]], obs, True)
    # 0.1 * 1 = 0.1, then 0.1 + 0.1 * (1 - 0.1) = 0.19 in the table of agents 0 and 2; 0.1 * 10 in agent 1's.
    assert sorted(team.q[team.q != 0.0].tolist()) == pytest.approx([0.19, 1.0], abs=1e-15)
    assert team.arrays["visits"].sum() == 3


class TestEnv:
    def test_the_first_observation_is_the_start_of_training(self):
        env = mf.games.Drift(agents=2).env(runs=2, seed=5)
        starts = np.stack([mf.draws.stream(5, r, "start_normals", 0, 2) for r in range(2)])
        assert env.reset()[:, 0].tolist() == starts.tolist()

    def test_observation_after_the_end_is_the_true_successor(self):
        """State 0 leads to state 2, where the game is over; the next episode starts in 0 again."""
        game = mf.games.MarkovGame(np.eye(3)[[[2], [1], [2]]], np.ones((3, 1)), (1,), terminal=[False, False, True])
        env = game.env()
        assert env.reset().tolist() == [[[0.0]]]
        next_obs, rewards, terminated, truncated = env.step([0])
        assert (next_obs.tolist(), rewards.tolist(), terminated.tolist(), truncated.tolist()) == (
            [[[2.0]]], [[1.0]], [True], [False])
        assert env.reset().tolist() == [[[0.0]]]

    def test_termination_at_the_time_limit_is_no_truncation(self):
        game = mf.games.MarkovGame(np.eye(2)[[[1], [1]]], np.ones((2, 1)), (1,), terminal=[False, True], horizon=1)
        env = game.env()
        env.reset()
        _, _, terminated, truncated = env.step([0])
        assert terminated.tolist() == [True] and truncated.tolist() == [False]

    def test_truncation_after_the_horizon(self):
        env = mf.games.Drift(agents=1, horizon=3).env(runs=2)
        env.reset()
        flags = [env.step([[0], [0]])[3].tolist() for _ in range(3)]
        assert flags == [[False] * 2, [False] * 2, [True] * 2]
        with pytest.raises(ValueError, match="run 0: its episode is over.*reset"):
            env.step([[0], [0]])
        env.reset([True, False])
        with pytest.raises(ValueError, match="run 1: its episode is over.*reset"):
            env.step([[0], [0]])

    def test_reset_of_some_runs_leaves_the_others(self):
        env = mf.games.Drift(agents=1).env(runs=3, seed=1)
        first = env.reset()
        second = env.reset(np.array([False, True, False]))
        assert (first != second).any(axis=(1, 2)).tolist() == [False, True, False]
        assert env.starts.tolist() == [1, 2, 1]

    @pytest.mark.parametrize("backend", ["cython", "numpy"])
    def test_a_step_of_some_runs_leaves_the_others(self, backend):
        """Runs that wait are as if nobody had stepped: with the others' steps in between, each gets its own draws."""
        game = mf.games.Drift(agents=2, horizon=4)
        together, apart = (game.env(runs=3, seed=2, backend=backend) for _ in range(2))
        together.reset()
        apart.reset()
        actions = np.array([[0, 1], [4, 2], [3, 3]])
        wanted = [together.step(actions) for _ in range(4)]
        outside = np.where([[False], [True], [True]], 99, actions)     # what is not stepped is not read either
        for k in range(4):
            found = apart.step(outside, where=[True, False, False])
            assert all((a[0] == b[0]).all() for a, b in zip(found, wanted[k], strict=True))
        assert apart.steps.tolist() == [4, 0, 0] and apart.truncated.tolist() == [True, False, False]
        for k in range(4):                  # run 0 is over, which does not keep the others from their steps
            found = apart.step(actions, where=np.array([False, True, True]))
            assert all((a[1:] == b[1:]).all() for a, b in zip(found, wanted[k], strict=True))
        assert all((a == b).all() for a, b in zip(found, wanted[3], strict=True))
        apart.reset()
        with pytest.raises(ValueError, match=r"actions\[2, 1\]: expected 0 to 4, got 5"):
            apart.step([[0, 9], [0, 9], [0, 5]], where=[False, False, True])
        with pytest.raises(ValueError, match="where: expected bool of shape"):
            apart.step(actions, where=[True])

    @pytest.mark.parametrize("backend", ["cython", "numpy"])
    def test_the_first_run_says_which_draws(self, backend):
        game = mf.games.Drift(agents=1)
        assert game.env(runs=3, seed=5).reset()[1:].tolist() == mf.Env(
            game, runs=2, seed=5, first_run=1, backend=backend).reset().tolist()

    def test_another_horizon(self):
        game = mf.games.Drift(agents=1, horizon=3)
        longer, endless = mf.Env(game, horizon=5), mf.Env(game, horizon=0)
        longer.reset()
        endless.reset()
        assert [bool(longer.step([0])[3][0]) for _ in range(5)] == [False] * 4 + [True]
        assert not any(endless.step([0])[3][0] for _ in range(20))

    def test_copies_unless_told_otherwise(self):
        game = mf.games.Drift(agents=1)
        env = game.env()
        before = env.reset()
        kept = before.copy()
        next_obs = env.step([0])
        assert before.tolist() == kept.tolist()
        env.step([0])
        assert next_obs[0].tolist() != env.observation.tolist()
        shared = game.env(copy=False)
        assert shared.reset() is shared.observation
        assert shared.step([0])[1] is shared.rewards

    def test_a_refused_step_changes_nothing(self):
        env = mf.games.Drift(agents=2, actions=3).env(runs=2)
        env.reset()
        state = env.state.copy()
        for actions in ([[0, 1], [2, 3]], [[0, -1], [0, 0]]):
            with pytest.raises(ValueError, match=r"actions\["):
                env.step(actions)
        assert env.state.tolist() == state.tolist() and env.steps.tolist() == [0, 0]

    @pytest.mark.parametrize("backend", ["cython", "numpy"])
    def test_unequal_action_counts(self, backend):
        env = random_markov(0, (2, 3)).env(backend=backend)
        env.reset()
        env.step([1, 2])
        with pytest.raises(ValueError, match=r"actions\[0, 0\]: expected 0 to 1, got 2"):
            env.step([2, 0])

    @pytest.mark.parametrize("actions,error,words", [
        ([[0, 0]], ValueError, ["actions", "(2, 2)", "(1, 2)"]),
        ([0, 0], ValueError, ["actions", "(2, 2)", "(2,)"]),
        ([[0.0, 0.0], [1.0, 1.0]], TypeError, ["actions", "whole numbers", "float64"]),
        ([[True, False], [True, False]], TypeError, ["actions", "whole numbers", "bool"]),
        ([["a", "b"], ["c", "d"]], TypeError, ["actions", "whole numbers"]),
        ([[0, 0], [0, 2**40]], ValueError, ["actions", str(2**40)]),
        ([[0, 0], [0, -(2**40)]], ValueError, ["actions", str(-(2**40))]),
        (None, TypeError, ["actions", "whole numbers"]),
        ([[0, 0], [0]], (TypeError, ValueError), ["actions"]),
    ])
    def test_actions_that_are_refused(self, actions, error, words):
        env = mf.games.Drift(agents=2).env(runs=2)
        env.reset()
        with pytest.raises(error) as caught:
            env.step(actions)
        assert all(word in str(caught.value) for word in words), str(caught.value)

    @pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64, np.uint64])
    def test_whole_numbers_of_any_kind(self, dtype):
        env = mf.games.Drift(agents=2).env(runs=2)
        env.reset()
        _, rewards, _, _ = env.step(np.array([[4, 0], [1, 3]], dtype))
        # Actions 0 and 1 earn the bonus of 0.1.
        assert (rewards[:, 0] - rewards[:, 1]).tolist() == pytest.approx([-0.1, 0.1])

    @pytest.mark.parametrize("order", ["F", "strided", "read-only"])
    def test_arrays_of_any_layout(self, order):
        env = mf.games.Drift(agents=2).env(runs=2)
        env.reset()
        actions = np.array([[4, 0], [1, 3]], np.int32)
        given = np.asfortranarray(actions) if order == "F" else np.repeat(actions, 2, axis=1)[:, ::2]
        if order == "read-only":
            given = actions.copy()
            given.flags.writeable = False
        _, rewards, _, _ = env.step(given)
        assert (rewards[:, 0] - rewards[:, 1]).tolist() == pytest.approx([-0.1, 0.1])

    def test_step_before_reset(self):
        with pytest.raises(ValueError, match="reset"):
            mf.games.Drift(agents=1).env().step([0])

    @pytest.mark.parametrize("where", [[1, 0], [True], np.ones((2, 1), bool), "all"])
    def test_where_that_is_refused(self, where):
        with pytest.raises(ValueError, match="where: expected bool of shape"):
            mf.games.Drift(agents=1).env(runs=2).reset(where)

    @pytest.mark.parametrize("options,error,words", [
        ({"runs": 0}, ValueError, ["runs", "0"]), ({"runs": -1}, ValueError, ["runs", "-1"]),
        ({"runs": 1.5}, TypeError, ["runs", "1.5"]), ({"runs": "2"}, TypeError, ["runs", "'2'"]),
        ({"seed": -1}, ValueError, ["seed", "-1"]), ({"seed": 2**64}, ValueError, ["seed", str(2**64)]),
        ({"seed": "0"}, TypeError, ["seed", "'0'"]), ({"backend": "c"}, ValueError, ["backend", "'c'", "'cython'"]),
        ({"horizon": -1}, ValueError, ["horizon", "-1"]), ({"horizon": "x"}, TypeError, ["horizon", "'x'"]),
        ({"first_run": -1}, ValueError, ["first_run", "-1"]),
        ({"first_run": 2**32}, ValueError, ["first_run", str(2**32)]),
    ])
    def test_options_that_are_refused(self, options, error, words):
        with pytest.raises(error) as caught:
            mf.Env(mf.games.Drift(), **options)
        assert all(word in str(caught.value) for word in words), str(caught.value)

    @pytest.mark.parametrize("game", [None, 3, mf.games.Drift, mf.IQL()])
    def test_game_that_is_none(self, game):
        with pytest.raises(TypeError, match="game: expected a game"):
            mf.Env(game)


class TestTeam:
    GAME = mf.games.Drift(agents=2)

    def team(self, runs=2, **options):
        return mf.IQL().team(self.GAME, runs=runs, encoder=mf.Grid(-1, 1, 3), **options)

    def update(self, **changes):
        obs = np.zeros((2, 1, 2))
        arguments = {"observation": obs, "actions": [[0, 1], [2, 3]], "rewards": [[0.0, 1.0], [2.0, 3.0]],
                     "next_observation": obs, "terminated": [False, True], "truncated": None}
        team = self.team()
        team.act(obs)
        return team.update(**{**arguments, **changes})

    @pytest.mark.parametrize("changes,error,words", [
        ({"observation": np.zeros((2, 3))}, ValueError, ["observation", "(2, 1, 2)", "(2, 3)"]),
        ({"observation": np.zeros((1, 2, 2))}, ValueError, ["observation", "(2, 1, 2)", "(1, 2, 2)"]),
        ({"next_observation": np.zeros((2, 2))}, ValueError, ["next_observation", "(2, 1, 2)", "(2, 2)"]),
        ({"actions": [0, 1, 2, 3]}, ValueError, ["actions", "(2, 2)", "(4,)"]),
        ({"rewards": np.zeros((1, 2, 2))}, ValueError, ["rewards", "(2, 2)", "(1, 2, 2)"]),
        ({"terminated": [[False], [True]]}, ValueError, ["terminated", "(2,)", "(2, 1)"]),
        ({"observation": np.full((2, 1, 2), np.nan)}, ValueError, ["observation", "finite"]),
        ({"next_observation": np.full((2, 1, 2), np.inf)}, ValueError, ["next_observation", "finite"]),
        ({"next_observation": "abcd"}, (TypeError, ValueError), ["next_observation"]),
        ({"observation": [["a", "b"]] * 2}, (TypeError, ValueError), ["observation"]),
        ({"actions": [[0, 1]]}, ValueError, ["actions", "(2, 2)", "(1, 2)"]),
        ({"actions": [[0.0, 1.0], [2.0, 3.0]]}, TypeError, ["actions", "whole numbers", "float64"]),
        ({"actions": [[0, 5], [0, 0]]}, ValueError, ["actions", "0 to 4", "5"]),
        ({"actions": [[0, -1], [0, 0]]}, ValueError, ["actions", "0 to 4", "-1"]),
        ({"rewards": [[0.0, 1.0]]}, ValueError, ["rewards", "(2, 2)", "(1, 2)"]),
        ({"rewards": [[0.0, np.nan], [0.0, 0.0]]}, ValueError, ["rewards", "finite"]),
        ({"rewards": [[0.0, -np.inf], [0.0, 0.0]]}, ValueError, ["rewards", "finite"]),
        ({"rewards": [["a", "b"], ["c", "d"]]}, (TypeError, ValueError), ["rewards"]),
        ({"terminated": [0, 1]}, (TypeError, ValueError), ["terminated", "bool", "int64"]),
        ({"terminated": [True]}, ValueError, ["terminated", "(2,)", "(1,)"]),
        ({"truncated": [0.0, 1.0]}, (TypeError, ValueError), ["truncated", "bool", "float64"]),
    ])
    def test_updates_that_are_refused(self, changes, error, words):
        with pytest.raises(error) as caught:
            self.update(**changes)
        assert all(word in str(caught.value) for word in words), str(caught.value)

    def test_a_refused_update_learns_nothing(self):
        team = self.team()
        obs = np.zeros((2, 1, 2))
        team.act(obs)
        with pytest.raises(ValueError):
            team.update(obs, [[0, 1], [2, 3]], [[1.0, 1.0], [1.0, np.nan]], obs, [False, False])
        assert not team.q.any() and team.steps.tolist() == [0, 0]

    def test_an_update_without_an_act_learns_nothing(self):
        team, obs = self.team(), np.zeros((2, 1, 2))
        given = obs, [[0, 1], [2, 3]], np.ones((2, 2)), obs, [False, False]
        with pytest.raises(ValueError, match="update: expected act before it.* since the team was made"):
            team.update(*given)
        team.act(obs)
        team.update(*given)
        once = team.q.copy()
        with pytest.raises(ValueError, match="update: expected act before it.* since the last update"):
            team.update(*given)
        assert once.any() and team.q.tobytes() == once.tobytes() and team.steps.tolist() == [1, 1]

    @pytest.mark.parametrize("observation", [np.zeros((1, 1, 2)), [[1.0, 2.0]], np.zeros((2, 2, 2)), 3.0,
                                             np.zeros((2, 2)), np.zeros((1, 2, 2)), np.zeros(4)])
    def test_acting_on_a_wrong_shape(self, observation):
        with pytest.raises(ValueError, match="observation: expected shape"):
            self.team().act(observation)

    @pytest.mark.parametrize("options,error,words", [
        ({"runs": 0}, ValueError, ["runs", "0"]), ({"runs": "x"}, TypeError, ["runs", "'x'"]),
        ({"seed": -1}, ValueError, ["seed", "-1"]), ({"backend": "c"}, ValueError, ["backend", "'c'"]),
        ({"teams": [[0]]}, ValueError, ["teams", "[0]"]),
    ])
    def test_options_that_are_refused(self, options, error, words):
        with pytest.raises(error) as caught:
            self.team(**{"runs": 1, **options})
        assert all(word in str(caught.value) for word in words), str(caught.value)

    def test_an_encoder_that_does_not_fit(self):
        with pytest.raises(ValueError, match="encoder: .*Rounding"):
            mf.IQL().team(self.GAME)
        with pytest.raises(ValueError, match="encoder: .*numbered observations"):
            mf.IQL().team(random_markov(0, (2,)), encoder=mf.Rounding(1))
        with pytest.raises(ValueError, match="share: 'team' needs teams"):
            mf.IQL(share="team").team(self.GAME, encoder=mf.Rounding(1))

    @pytest.mark.parametrize("learner,game,name", [
        (0.1, mf.games.Drift(), "learner"), (None, mf.games.Drift(), "learner"), (mf.IQL(), None, "game"),
        (mf.IQL(), mf.IQL(), "game"),
    ])
    def test_parts_of_the_wrong_kind(self, learner, game, name):
        with pytest.raises(TypeError, match=f"{name}: expected a {name}"):
            mf.Team(learner, game, encoder=mf.Rounding(1))

    def test_observations_of_numbered_games_are_range_checked(self):
        game = random_markov(0, (2,), states=3)
        team = mf.IQL().team(game)
        assert team.act([[[2.0]]]).shape == (1, 1)
        for value in (3.0, -1.0, 0.5):
            with pytest.raises(ValueError):
                team.act([[[value]]])

    @pytest.mark.parametrize("most", [1, 2, 5])
    def test_as_many_different_observations_as_max_rows(self, most):
        team = mf.IQL().team(mf.games.Drift(agents=2), encoder=mf.Rounding(0, max_rows=most))
        for k in range(most):
            team.act([[[10.0 * k, 0.0]]])
        team.act([[[0.0, 0.0]]])
        with pytest.raises(mf.TrainingError, match=f"max_rows={most}"):
            team.act([[[10.0 * most, 0.0]]])

    def test_acting_is_greedy_where_nothing_is_explored(self):
        game = mf.games.MatrixGame([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
        team = mf.IQL(1.0, explore=mf.EpsilonGreedy(0.0, ties="first")).team(game)
        obs = [[[0.0]]]
        team.act(obs)
        team.update(obs, [[2, 1]], [[1.0, 1.0]], obs, True)
        assert team.act(obs).tolist() == [[2, 1]]
        team.update(obs, [[2, 1]], [[-1.0, 2.0]], obs, True)
        assert team.act(obs).tolist() == [[0, 1]]


# -- stepping many runs -------------------------------------------------------------------------


@pytest.mark.parametrize("game", [mf.games.LevelForaging(), mf.games.Soccer(), mf.games.Drift(), mf.games.ElFarol(),
                                  mf.games.LogitBertrand()], ids=lambda game: game.name)
def test_stepping_without_copies_allocates_nothing(game):
    """What is handed out are the environment's own arrays, and hundreds of steps of 256 runs take no memory."""
    env = game.env(runs=256, seed=1, copy=False)
    actions = (np.random.default_rng(0).random((16, 256, game.agents)) * game.action_counts).astype(np.int32)
    everywhere = np.ones(256, bool)

    def play(calls):
        for k in range(calls):
            env.step(actions[k % 16])
            env.reset(everywhere)

    assert env.reset() is env.observation
    for given, own in zip(env.step(actions[0]), (env.observation, env.rewards, env.terminated, env.truncated),
                          strict=True):
        assert given is own
    env.reset(everywhere)
    play(64)
    tracemalloc.start()
    try:
        play(16)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        play(400)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # One more observation array alone would be more than this; Python's own integers and views are less.
    assert after - before < 512 and peak - before < 256 * 8 * min(2, game.features + 1)
