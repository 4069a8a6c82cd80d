"""Evaluation: how good a policy is, without learning."""
import numpy as np
import pytest
from training_helpers import actions_as_draws, random_markov

import marlfast as mf

BACKENDS = pytest.mark.parametrize("backend", ["cython", "numpy"])
GAME = mf.games.Drift(agents=2, horizon=10)


@pytest.fixture(scope="module")
def run():
    learner = mf.IQL(explore=mf.EpsilonGreedy(0.5, ties="random", draws=2))
    return mf.train(GAME, learner, encoder=mf.Rounding(0), episodes=200,
                    runs=3)


@BACKENDS
def test_by_hand(backend):
    """State 0: action 1 earns 2 and leads to state 1; there action 0 earns 3 and ends the game in state 2.

    Trained on exactly these two steps (rate 1, discount 0): the greedy policy plays them, return 5 in 2 steps.
    """
    game = mf.games.MarkovGame(np.eye(3)[[[0, 1], [2, 0], [2, 2]]], [[-1.0, 2.0], [3.0, -4.0], [0.0, 0.0]], (2,),
                               terminal=[False, False, True], horizon=7)
    draws = {"explore": actions_as_draws([[1], [0]], [2])}
    learner = mf.IQL(1.0, discount=0.0, explore=mf.EpsilonGreedy(1.0, ties="first", draws=2))
    trained = mf.train(game, learner, steps=2, draws=draws)
    for policy in (trained, trained.policy(0), lambda observation: [[1], [0]][int(observation[0, 0])]):
        played = mf.evaluate(game, policy, episodes=4, backend=backend)
        assert played.returns.tolist() == [[[5.0]] * 4] and played.lengths.tolist() == [[2] * 4]
        assert played.mean == 5.0 and played.standard_error == 0.0
    # Never trained: action 0 in state 0 for ever, -1 a step until the horizon.
    plain = mf.train(game, mf.IQL(0.0), steps=1)
    played = mf.evaluate(game, plain, episodes=2, backend=backend)
    assert played.returns.ravel().tolist() == [-7.0, -7.0] and played.lengths.tolist() == [[7, 7]]


@BACKENDS
def test_a_result_plays_the_policies_of_all_its_runs(run, backend):
    together = mf.evaluate(GAME, run, episodes=5, seed=2, backend=backend)
    assert together.returns.shape == (3, 5, 2)
    assert not np.array_equal(together.returns[0], together.returns[1])
    # Run 0 of an evaluation has the same episodes whosever policy plays.
    assert mf.evaluate(GAME, run.policy(0), episodes=5, seed=2).returns.tolist() == together.returns[:1].tolist()


def test_a_policy_is_the_function_that_it_is(run):
    """Played by the kernels or step by step from Python: the same episodes and the same actions."""
    compiled = mf.evaluate(GAME, run.policy(1), episodes=3, seed=4)
    policy = run.policy(1)
    # Evaluation has streams of its own, which an Env does not read: compare on a game without chance.
    certain = random_markov(3, (2, 3), states=5, certain=True, horizon=6, start="first")
    trained = mf.train(certain, mf.IQL(), episodes=100)
    fast = mf.evaluate(certain, trained.policy(0), episodes=3)
    slow = mf.evaluate(certain, lambda observation: trained.policy(0)(observation), episodes=3)
    assert fast.returns.tolist() == slow.returns.tolist() and fast.lengths.tolist() == slow.lengths.tolist()
    assert compiled.returns.shape == (1, 3, 2) and policy([0.0, 0.0]).shape == (2,)


def test_evaluating_learns_nothing_and_changes_nothing(run):
    before = {name: array.copy() for name, array in run.arrays.items()}
    policy = run.policy(0)
    kept = {name: array.copy() for name, array in policy.arrays.items()}
    for _ in range(2):
        mf.evaluate(GAME, run, episodes=20)
        mf.evaluate(GAME, policy, episodes=20)
    for name, array in run.arrays.items():
        assert array.tobytes() == before[name].tobytes(), name
    for name, array in policy.arrays.items():
        assert array.tobytes() == kept[name].tobytes(), name
    assert mf.evaluate(GAME, run, episodes=20).returns.tolist() == mf.evaluate(GAME, run, episodes=20).returns.tolist()


def test_evaluation_plays_other_episodes_than_training():
    """The same seed: starts are not those of training."""
    game = mf.games.Drift(agents=1, noise=0.0, push=0.0, horizon=1, bonus=0.0)      # the return is -|start|
    trained = mf.train(game, mf.IQL(), encoder=mf.Grid(-1, 1, 1), episodes=5, seed=3)
    played = mf.evaluate(game, trained, episodes=5, seed=3)
    assert not np.isin(played.returns, trained.returns).any()
    starts = mf.draws.stream(3, 0, "start_normals", 0, 10, purpose="evaluation").reshape(5, 2)[:, 0]
    assert played.returns.ravel().tolist() == (-np.abs(starts)).tolist()
    assert mf.evaluate(game, trained, episodes=5, seed=4).returns.tolist() != played.returns.tolist()


@BACKENDS
def test_random_team(backend):
    """Actions 0 to 3 pay 0 to 3: mean 1.5, standard deviation sqrt(1.25); 4 standard errors of 8000 are 0.05."""
    game = mf.games.MatrixGame([0.0, 1.0, 2.0, 3.0])
    played = mf.evaluate(game, "random", episodes=200, runs=40, backend=backend)
    assert abs(played.mean - 1.5) < 0.05
    counts = np.bincount(played.returns.astype(int).ravel(), minlength=4)
    # A binomial of 8000 and 1/4 has a standard deviation of 38.7.
    assert np.abs(counts - 2000).max() < 4 * 38.7
    assert mf.evaluate(game, mf.RandomPolicy(), episodes=200, runs=40, backend=backend).returns.tolist() == \
        played.returns.tolist()


def test_a_random_team_on_a_drift_that_leaves_every_grid():
    played = mf.evaluate(mf.games.Drift(agents=3, push=1e6, horizon=50), "random", episodes=2)
    assert played.lengths.tolist() == [[50, 50]] and played.mean < -1e6


def test_threads_do_not_matter(run):
    one = mf.evaluate(GAME, run, episodes=20, threads=1)
    many = mf.evaluate(GAME, run, episodes=20, threads=7)
    assert one.returns.tobytes() == many.returns.tobytes()


def test_beyond_max_rows():
    """Evaluation may see more than training was allowed to."""
    game = mf.games.Drift(agents=1, horizon=20, noise=0.0, push=0.05)
    trained = mf.train(game, mf.IQL(), encoder=mf.Rounding(0, max_rows=50), episodes=1)
    played = mf.evaluate(mf.games.Drift(agents=1, horizon=20, noise=30.0), trained, episodes=50)
    assert played.returns.shape == (1, 50, 1)


def test_another_horizon_and_other_parameters(run):
    longer = mf.evaluate(mf.games.Drift(agents=2, horizon=30, noise=0.0), run.policy(0), episodes=2)
    assert longer.lengths.tolist() == [[30, 30]]


@BACKENDS
def test_policies_of_every_structure_and_sharing(backend):
    game = mf.games.Drift(agents=4, horizon=5)
    for learner, rewards in ((mf.IQL(share="team"), mf.rewards.mixed([[0, 2], [1, 3]])),
                             (mf.IQL(share="all"), mf.rewards.difference()), (mf.IQL(share=[0, 1, 1, 0]), None),
                             (mf.IQL(initial_q=np.arange(5.0)), mf.rewards.cooperative())):
        trained = mf.train(game, learner, encoder=mf.Rounding(0), rewards=rewards, episodes=10, backend=backend)
        assert mf.evaluate(game, trained.policy(0), episodes=2, backend=backend).returns.shape == (1, 2, 4)


def test_standard_error():
    values = np.array([[1.0, 3.0], [5.0, 7.0]])[:, :, None]
    # Over runs: means 2 and 6, standard deviation sqrt(8), over sqrt(2): 2.
    assert mf.Evaluation(values, np.ones((2, 2), int)).standard_error == pytest.approx(2.0)
    # One run: over episodes 1 and 3: sqrt(2) / sqrt(2).
    assert mf.Evaluation(values[:1], np.ones((1, 2), int)).standard_error == pytest.approx(1.0)
    assert np.isnan(mf.Evaluation(values[:1, :1], np.ones((1, 1), int)).standard_error)
    two_agents = mf.Evaluation(np.array([[[1.0, 3.0]]]), np.ones((1, 1), int))
    assert two_agents.mean == 2.0 and two_agents.team_returns.tolist() == [[2.0]]
    assert "4.00" in mf.Evaluation(values, np.ones((2, 2), int)).summary()
    assert "2 runs x 2 episodes" in repr(mf.Evaluation(values, np.ones((2, 2), int)))


def test_a_function_as_policy():
    """It sees [V, D] and gives [N]; runs have their own episodes."""
    shapes = set()

    def policy(observation):
        shapes.add(observation.shape)
        return np.array([0, 4])

    played = mf.evaluate(GAME, policy, episodes=3, runs=2)
    assert shapes == {(1, 2)} and played.returns.shape == (2, 3, 2)
    # Agent 0 earns the bonus of 0.1 in each of 10 steps, agent 1 never does.
    assert np.abs(played.returns[:, :, 0] - played.returns[:, :, 1] - 1.0).max() < 1e-12
    assert not np.array_equal(played.returns[0], played.returns[1])


@pytest.mark.parametrize("policy,error,words", [
    ("greedy", (TypeError, ValueError), ["policy", "'greedy'"]), (None, TypeError, ["policy", "None"]),
    (3, TypeError, ["policy", "3"]),
    (lambda observation: [0], ValueError, ["2", "1"]), (lambda observation: [0.5, 0.5], TypeError, ["whole numbers"]),
    (lambda observation: [0, 5], ValueError, ["actions", "0 to 4", "5"]),
    (lambda observation: None, (TypeError, ValueError), ["actions"]),
])
def test_policies_that_are_refused(policy, error, words):
    with pytest.raises(error) as caught:
        mf.evaluate(GAME, policy, episodes=2)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("options,error,words", [
    ({"episodes": 0}, ValueError, ["episodes", "0"]), ({"episodes": -2}, ValueError, ["episodes", "-2"]),
    ({"episodes": 1.5}, TypeError, ["episodes", "1.5"]), ({"episodes": "3"}, TypeError, ["episodes", "'3'"]),
    ({"runs": 0}, ValueError, ["runs", "0"]), ({"runs": None}, TypeError, ["runs", "None"]),
    ({"seed": -1}, ValueError, ["seed", "-1"]), ({"seed": "a"}, TypeError, ["seed", "'a'"]),
    ({"threads": 0}, ValueError, ["threads", "0"]), ({"threads": "two"}, TypeError, ["threads", "'two'"]),
    ({"backend": "c"}, ValueError, ["backend", "'c'"]), ({"max_steps": 0}, ValueError, ["max_steps", "0"]),
    ({"max_steps": 15}, ValueError, ["max_steps", "1 of 2", "15"]),
])
@pytest.mark.parametrize("policy", ["random", "learned", "function"])
def test_options_that_are_refused(run, policy, options, error, words):
    policy = {"random": "random", "learned": run.policy(0), "function": lambda observation: [0, 0]}[policy]
    with pytest.raises(error) as caught:
        mf.evaluate(GAME, policy, **{"episodes": 2, **options})
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("game", [
    mf.games.Drift(agents=3), mf.games.Drift(agents=2, actions=4), mf.games.Drift(agents=2, state_size=3),
    random_markov(0, (5, 5))])
def test_a_game_that_the_policy_does_not_fit(run, game):
    for policy in (run, run.policy(0)):
        with pytest.raises(ValueError, match="game: the policy was trained for"):
            mf.evaluate(game, policy)


def test_an_unknown_game():
    with pytest.raises(ValueError, match="unknown game 'drfit'; did you mean 'drift'"):
        mf.evaluate("drfit", "random")
    assert mf.evaluate("drift", "random", episodes=1).returns.shape == (1, 1, 4)


@pytest.mark.parametrize("observation", [[1.0], [1.0, 2.0, 3.0], 1.0])
def test_a_policy_refuses_other_shapes(run, observation):
    with pytest.raises(ValueError, match="observation: expected shape"):
        run.policy(0)(observation)


@pytest.mark.parametrize("encoder", [mf.Rounding(1), mf.Grid(-1, 1, 3)])
def test_a_policy_refuses_what_is_no_number(encoder):
    policy = mf.train(GAME, mf.IQL(), encoder=encoder, steps=5).policy(0)
    for bad in ([np.nan, 0.0], [np.inf, 0.0]):
        with pytest.raises(ValueError, match="observation"):
            policy(bad)
