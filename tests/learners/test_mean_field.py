"""Mean field learners in training: both backends, many agents, the Ising model, and all that is refused."""
import math

import numpy as np
import pytest
from training_helpers import random_markov

import marlfast as mf
from learners.example import Example
from marlfast.learners.base import LearnerContext
from marlfast.learners.mean_field import MeanFieldAC, MeanFieldQ

S = mf.schedules
RUNS = 3
RING = [[2, 1], [0, 2], [1, 0]]

EXAMPLES = {
    "mean_field_q": MeanFieldQ(),
    "mean_field_q, shared": Example(MeanFieldQ(0.4, share="all", neighbours="others", bins=1), (3, 3, 3)),
    "mean_field_q, lists": Example(MeanFieldQ(neighbours=[[1], [], [0, 0, 1]],
                                              explore=mf.EpsilonGreedy(0.3, ties="random")), (3, 3, 3)),
    "mean_field_q, schedules": Example(MeanFieldQ(S.Harmonic(0.5, 0.1), bins=3, explore=mf.Boltzmann(
        S.Exponential(3.0, 0.9, minimum=0.1))), (2, 2, 2, 2)),
    "mean_field_q, runs": Example(MeanFieldQ([0.1, 0.2, 0.3], discount=[0.0, 0.5, 1.0], initial_q=2.0,
                                             neighbours=RING), (3, 3, 3)),
    "mean_field_q, team": Example(MeanFieldQ(neighbours="team"), (3, 3, 3), teams=[[0, 2], [1]]),
    "mean_field_ac": MeanFieldAC(),
    "mean_field_ac, shared": Example(MeanFieldAC(0.5, 0.4, share="all", neighbours="others", bins=1), (3, 3, 3)),
    "mean_field_ac, lists": Example(MeanFieldAC(neighbours=[[1], [], [0, 0, 1]], discount=0.5), (3, 3, 3)),
    "mean_field_ac, schedules": Example(MeanFieldAC(S.Harmonic(0.9, 0.1), S.Linear(0.5, 0.1, 9, per="episode"), bins=3),
                                        (2, 2, 2, 2)),
    "mean_field_ac, runs": Example(MeanFieldAC([0.1, 0.2, 0.3], [0.5, 0.6, 0.7], discount=[0.0, 0.5, 1.0],
                                               neighbours=RING), (3, 3, 3)),
}


def train(learner, game=None, **options):
    game = game or random_markov(4, (3, 3, 3), terminal=True)
    return mf.train(game, learner, **{"steps": 90, "runs": RUNS, "seed": 3} | options)


# -- what it is made of --------------------------------------------------------------------------

def test_without_neighbours_and_with_one_action_it_is_expected_sarsa():
    game, explore = random_markov(2, (3, 2), terminal=True), mf.EpsilonGreedy(0.3)
    plain = mf.train(game, mf.learners.ExpectedSARSA(0.2, explore=explore), steps=200, seed=1)
    alone = mf.train(game, MeanFieldQ(0.2, explore=explore, neighbours=[[], []]), steps=200, seed=1)
    assert alone.arrays["learner.q"][:, :, 0].tobytes() == plain.arrays["learner.q"].tobytes()
    single = mf.games.MatrixGame(np.zeros(1))
    for learner in (MeanFieldQ(), MeanFieldAC(), MeanFieldQ(neighbours="others"), MeanFieldAC(neighbours="others")):
        assert mf.train(single, learner, steps=5).steps.tolist() == [5]


def test_policies_go_by_the_mean_action_of_the_step_before():
    game = mf.games.Ising(2, 2, horizon=3)
    run = mf.train(game, MeanFieldQ(bins=4, neighbours="others"), steps=1)
    q, greedy, mean = (run.arrays[f"learner.{name}"] for name in ("q", "greedy", "mean"))
    greedy[0, 2, :, 0] = [0, 1, 0, 1, 1]
    greedy[0, 2, :, 1:] = 0
    assert q.shape == (1, 5, 5, 4, 2)
    for last, action in ((1, 0), (2, 1), (3, 0), (4, 1), (0, 0)):
        mean[0, 0] = last
        assert run.policy(0, kind="greedy")(np.full((4, 1), 2.0)).tolist() == [action, 0, 0, 0]


def test_the_first_mean_action_of_a_policy_is_the_kernels():
    for choices, sizes in ((2, 3), (3, 4), (4, 2), (5, 4), (1, 3)):
        game = random_markov(0, (choices,) * (sizes + 1))
        for learner in (MeanFieldQ(), MeanFieldQ(neighbours=[[1], []] + [[0]] * (sizes - 1)), MeanFieldQ(bins=3)):
            context = LearnerContext(game, mf.rewards.individual())
            near = learner.near(context)
            kernel = learner.bind(context, learner.allocate(context, 1), "numpy")[0].near
            assert near.first(context).tolist() == kernel.first.tolist() and near.means == kernel.means


@pytest.mark.parametrize("neighbours", [None, "others", "team", [[]]])
def test_an_agent_alone_learns_as_one_without_neighbours(neighbours):
    game, options = random_markov(2, (3,), terminal=True), {"steps": 200, "seed": 1, "rewards": mf.rewards.mixed([[0]])}
    explore = mf.EpsilonGreedy(0.3)
    plain = mf.train(game, mf.learners.ExpectedSARSA(0.2, explore=explore), **options)
    for backend in ("cython", "numpy"):
        alone = mf.train(game, MeanFieldQ(0.2, explore=explore, neighbours=neighbours), backend=backend, **options)
        assert alone.arrays["learner.q"][:, :, 0].tobytes() == plain.arrays["learner.q"].tobytes()
        assert mf.train(game, MeanFieldAC(neighbours=neighbours), backend=backend, **options).steps.tolist() == [200]


def test_an_agent_alone_in_its_team_has_no_neighbours():
    game = random_markov(2, (3, 3, 2), terminal=True)       # of two actions, of which the others' mean says nothing
    options = {"steps": 200, "seed": 1, "rewards": mf.rewards.mixed([[0, 1], [2]])}
    lists, teams = (mf.train(game, MeanFieldQ(neighbours=near), **options) for near in ([[1], [0], []], "team"))
    assert lists.arrays["learner.q"].tobytes() == teams.arrays["learner.q"].tobytes()


def test_neighbours_on_a_torus():
    assert mf.games.Ising(3, 4).neighbours()[5].tolist() == [1, 9, 4, 6]
    assert sorted(mf.games.Ising(2, 3).neighbours()[0].tolist()) == [1, 2, 3, 3]
    assert sorted(mf.games.Ising(1, 4).neighbours()[0].tolist()) == [1, 3]
    assert mf.games.Ising(1, 1).neighbours().shape == (1, 0)
    for game in (mf.games.Ising(1, 1), mf.games.Ising(1, 5), mf.games.Ising(2, 2), mf.games.Ising(5, 3)):
        assert mf.train(game, MeanFieldQ(), steps=4).steps.tolist() == [4]
    assert mf.games.Drift().neighbours() is None


def test_the_mean_action_on_a_torus_is_what_agents_see_next():
    # Ising shows how many neighbours are up: what the mean action says in bins of 1/4.
    run = mf.train(mf.games.Ising(4, 5), MeanFieldQ(), steps=7, runs=2)
    assert (run.arrays["learner.mean"] - 1 == run.arrays["rows"]).all()


@pytest.mark.parametrize("learner", [MeanFieldQ(), MeanFieldQ(neighbours="others", bins=4), MeanFieldAC()],
                         ids=["torus", "others", "ac"])
def test_ten_thousand_agents(learner):
    one, other = (mf.train(mf.games.Ising(100, 100), learner, steps=2, backend=backend)
                  for backend in ("cython", "numpy"))
    assert one.arrays["state"].tobytes() == other.arrays["state"].tobytes()
    assert one.arrays["learner.q"].tobytes() == other.arrays["learner.q"].tobytes()


def test_values_that_grow_without_bound_stop_their_run():
    game = mf.games.MatrixGame(np.full((2, 2), 8e307), horizon=0)
    for learner in (MeanFieldQ([1.0, 0.0], discount=1.0), MeanFieldAC(0.5, [1.0, 0.0], discount=1.0)):
        for backend in ("cython", "numpy"):
            with pytest.warns(RuntimeWarning, match="diverged"):
                run = mf.train(game, learner, steps=9, runs=2, backend=backend)
            assert run.stop_reason[0] != run.stop_reason[1] == "steps"


# -- known limits --------------------------------------------------------------------------------

@pytest.mark.parametrize("temperature, least, most", [(0.8, 0.9, 1.0), (1.0, 0.8, 1.0), (1.5, 0.0, 0.25),
                                                      (2.5, 0.0, 0.15)])
def test_spins_order_below_the_critical_temperature_and_not_above(temperature, least, most):
    """Values are what Glauber's dynamics at twice the temperature has: T_c = 1 / ln(1 + sqrt 2) = 1.13.

    All agents move at once, so that those on the black squares of a chessboard meet the white ones of the step before
    only, and order apart from them; on a torus with an odd side they are one.
    """
    assert 1.0 < 1.0 / math.log(1.0 + math.sqrt(2.0)) < 1.5
    learner = MeanFieldQ(0.1, discount=0.0, explore=mf.Boltzmann(temperature), share="all")
    even, odd = (mf.train(mf.games.Ising(n, n), learner, steps=700, runs=6, seed=1) for n in (20, 21))
    spins = even.arrays["state"].reshape(-1, 20, 20)
    black = np.add.outer(np.arange(20), np.arange(20)) % 2 == 0
    orders = [np.abs(spins[:, colour].mean(axis=1)) for colour in (black, ~black)]
    assert least <= np.median(orders) <= most
    assert least <= np.median(odd.experiment.game.order(odd.arrays["state"])) <= most
    # The values are rewards: half the neighbours' sum, for and against.
    assert np.abs(odd.q[0, 2, :, 0, 1] - [-2, -1, 0, 1, 2])[1:4].max() < 0.2 or temperature < 1.0


def test_an_actor_and_its_critic_agree_on_a_side():
    run = mf.train(mf.games.Ising(5, 5), MeanFieldAC(0.2, 0.2, discount=0.0, share="all"), steps=1500, runs=4, seed=1)
    assert (run.experiment.game.order(run.arrays["state"]) > 0.9).all()


# -- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    ({"learning_rate": 2.0}, ValueError, "learning_rate: expected 0.0 to 1.0"),
    ({"discount": -0.1}, ValueError, "discount: expected"), ({"explore": 0.5}, TypeError, "explore: expected"),
    ({"share": 3}, TypeError, "share: expected"), ({"initial_q": np.nan}, ValueError, "initial_q: expected finite"),
    ({"neighbours": "all"}, ValueError, "neighbours: expected 'others', 'team' or a list"),
    ({"neighbours": 3}, TypeError, "neighbours: expected 'others'"),
    ({"neighbours": [3]}, TypeError, "neighbours: expected 'others'"),
    ({"neighbours": [[-1]]}, ValueError, r"neighbours\[0\]: expected at least 0"),
    ({"neighbours": [[0.5]]}, TypeError, "neighbours: expected 'others'"),
    ({"bins": 0}, ValueError, "bins: expected 1"), ({"bins": 1.5}, TypeError, "bins: expected a whole number"),
])
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        MeanFieldQ(**arguments)
    if not {"learning_rate", "explore", "initial_q"} & set(arguments):
        with pytest.raises(error, match=message):
            MeanFieldAC(**arguments)


@pytest.mark.parametrize("name", ["actor_rate", "critic_rate"])
def test_bad_rates_are_refused_by_name(name):
    with pytest.raises(ValueError, match=f"^{name}"):
        MeanFieldAC(**{name: 1.5})
    with pytest.raises(ValueError, match=f"^{name}"):
        MeanFieldAC(**{name: S.Constant(-1.0)})


@pytest.mark.parametrize("kind", [MeanFieldQ, MeanFieldAC])
def test_neighbourhoods_that_do_not_fit_are_refused(kind):
    game = random_markov(0, (2, 2, 2))
    for near, message in (([[1], [0], [3]], "agent 2 has the neighbour 3, but game 'markov' has the agents 0 to 2"),
                          ([[1], [1], [0]], "agent 1 is named as its own neighbour"),
                          ([[1], [0]], "expected a list for each of 3 agents, got 2"),
                          ("team", "'team' needs teams; use rewards=marlfast.rewards.mixed")):
        with pytest.raises(ValueError, match=f"^neighbours: {message}"):
            mf.train(game, kind(neighbours=near), steps=1)
    mf.train(game, kind(neighbours="team"), steps=1, rewards=mf.rewards.mixed([[0, 1], [2]]))
    with pytest.raises(ValueError, match=r"neighbours: have different numbers of actions, \[2, 3\]"):
        mf.train(random_markov(0, (2, 3, 2)), kind(), steps=1)
    mf.train(random_markov(0, (2, 3, 2)), kind(neighbours=[[2], [0, 2], [0]]), steps=1)
    with pytest.raises(ValueError, match="bins: the shares of 5 actions in 20 bins make 10,626 mean actions.*"
                                         r"give bins=15 or fewer \(at most 4,096\)"):
        mf.train(mf.games.Drift(agents=21), kind(), encoder=mf.Rounding(0), steps=1)
    with pytest.raises(ValueError, match="bins: .* rows with .* that can be numbered"):
        mf.train(mf.games.Drift(agents=14, state_size=3), kind(bins=14), steps=1, encoder=mf.Grid(0.0, 1.0, 99))
    with pytest.raises(ValueError, match="share: agents"):
        mf.train(random_markov(0, (2, 3)), kind(neighbours=[[], []], share="all"), steps=1)
