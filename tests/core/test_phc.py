"""Policy hill climbing, PHC and WoLF-PHC (Bowling and Veloso 2002): by hand, and what both are known to do."""
import numpy as np
import pytest

import marlfast as mf
from marlfast.learners.phc import PHC, WoLFPHC

from .make import Tables, learning_arguments, schedule

PENNIES = mf.games.MatrixGame([[1, -1], [-1, 1]], [[-1, 1], [1, -1]], horizon=0)


class Climber(Tables):
    """A kernel of policy hill climbing over Q-learning's tables, of one table an agent."""

    def __init__(self, module, q, policy, average=None, win=0.125, lose=0.25, exploration=0.0, rate=0.5, **options):
        super().__init__(module, q, exploration=exploration, rate=rate, **options)
        self.policy = np.array(policy, np.float64, order="C")
        self.average = None if average is None else np.array(average, np.float64, order="C")
        runs = self.shape[0]
        self.kernel = module("phc").PolicyHillClimbing(
            **self.common, policy=self.policy, average=self.average, win=schedule(module("schedules"), win, runs),
            lose=schedule(module("schedules"), lose, runs))


# -- the policy ----------------------------------------------------------------------------------

def test_one_step_uphill_by_hand(module):
    # Values: action 1 earns 8 at rate 1/2: 4, now greedy. Each of the two others gives delta / 2 = 1/8.
    t = Climber(module, [[[[0.0, 0.0, 0.0]]]], [[[[0.5, 0.25, 0.25]]]])
    assert t.update([[0]], [[1]], [[8.0]], [[0]], [True]).tolist() == [True]
    assert t.q.tolist() == [[[[0.0, 4.0, 0.0]]]]
    assert t.policy.tolist() == [[[[0.375, 0.5, 0.125]]]]


def test_an_action_gives_no_more_than_it_has(module):
    t = Climber(module, [[[[0.0, 4.0, 0.0]]]], [[[[0.0625, 0.5, 0.4375]]]])
    t.update([[0]], [[1]], [[4.0]], [[0]], [True])
    assert t.policy.tolist() == [[[[0.0, 0.6875, 0.3125]]]]
    for _ in range(5):
        t.update([[0]], [[1]], [[4.0]], [[0]], [True])
    assert t.policy.tolist() == [[[[0.0, 1.0, 0.0]]]]


def test_it_climbs_to_the_greedy_action_not_to_the_one_taken(module):
    t = Climber(module, [[[[0.0, 8.0]]]], [[[[0.5, 0.5]]]])
    t.update([[0]], [[0]], [[4.0]], [[0]], [True])      # action 0 is worth 2 now; action 1 stays greedy
    assert t.policy.tolist() == [[[[0.25, 0.75]]]]


def test_losing_it_takes_the_large_step_and_winning_the_small_one(module):
    # Second update of the row: average = (1/2, 1/2) + ((3/4, 1/4) - (1/2, 1/2)) / 2 = (5/8, 3/8).
    # Values (0, 4): the policy is worth 1, the average 1.5: losing, 1/4 moves.
    lost = Climber(module, [[[[0.0, 0.0]]]], [[[[0.75, 0.25]]]], [[[[0.5, 0.5]]]])
    lost.visits[:] = 1
    lost.update([[0]], [[1]], [[8.0]], [[0]], [True])
    assert lost.average.tolist() == [[[[0.625, 0.375]]]] and lost.policy.tolist() == [[[[0.5, 0.5]]]]
    # Values (4, 0): worth 3 against 2.5: winning, 1/8 moves.
    won = Climber(module, [[[[0.0, 0.0]]]], [[[[0.75, 0.25]]]], [[[[0.5, 0.5]]]])
    won.visits[:] = 1
    won.update([[0]], [[0]], [[8.0]], [[0]], [True])
    assert won.average.tolist() == [[[[0.625, 0.375]]]] and won.policy.tolist() == [[[[0.875, 0.125]]]]


def test_as_much_as_the_average_is_not_winning(module):
    t = Climber(module, [[[[0.0, 0.0]]]], [[[[0.5, 0.5]]]], [[[[0.5, 0.5]]]])
    t.update([[0]], [[0]], [[8.0]], [[0]], [True])
    assert t.policy.tolist() == [[[[0.75, 0.25]]]]


def test_agents_that_share_a_table_climb_in_agent_order(module):
    # Agent 0 makes action 1 worth 4 and moves 1/4 there; agent 1 then makes action 0 worth 6 and moves 1/4 back.
    t = Climber(module, [[[[0.0, 0.0]]]], [[[[0.5, 0.5]]]], table_of=[0, 0])
    t.update([[0, 0]], [[1, 0]], [[8.0, 12.0]], [[0, 0]], [True])
    assert t.q.tolist() == [[[[6.0, 4.0]]]] and t.policy.tolist() == [[[[0.5, 0.5]]]]


def test_a_single_action_keeps_all_probability(module):
    t = Climber(module, [[[[0.0]]]], [[[[1.0]]]], [[[[1.0]]]])
    t.update([[0]], [[0]], [[1.0]], [[0]], [True])
    assert t.policy.tolist() == [[[[1.0]]]] and t.average.tolist() == [[[[1.0]]]]


def test_actions_are_drawn_from_the_policy(module):
    us = [0.0, 0.24, 0.25, 0.5, 1.0 - 2.0**-53]
    policy = np.broadcast_to([0.25, 0.0, 0.75], (5, 1, 1, 3))
    t = Climber(module, np.zeros((5, 1, 1, 3)), policy)
    assert t.act([[0]] * 5, [[[0.9, u]] for u in us]).ravel().tolist() == [0, 0, 2, 2, 2]


def test_exploring_takes_any_action(module):
    t = Climber(module, np.zeros((3, 1, 1, 3)), np.broadcast_to([1.0, 0.0, 0.0], (3, 1, 1, 3)), exploration=0.5)
    assert t.act([[0]] * 3, [[[0.5, 0.9]], [[0.4, 0.9]], [[0.4, 0.4]]]).ravel().tolist() == [0, 2, 1]


def test_rounding_never_draws_an_action_of_probability_zero(module):
    t = Climber(module, [[[[0.0, 0.0, 0.0]]]], [[[[0.5, 0.4999999, 0.0]]]])
    assert t.act([[0]], [[[0.9, 1.0 - 2.0**-53]]]).tolist() == [[1]]


def test_policies_stay_policies_over_thousands_of_steps(module):
    generator = np.random.default_rng(2)
    t = Climber(module, np.zeros((2, 2, 1, 5)), np.full((2, 2, 1, 5), 0.2), np.full((2, 2, 1, 5), 0.2), win=0.003,
                lose=0.0107, rate=0.3)
    for _ in range(2000 if module("q_learning").__name__.endswith("_q_learning") else 200):
        where, taken = generator.integers(0, 2, (2, 1)), generator.integers(0, 5, (2, 1))
        t.update(where, taken, generator.normal(size=(2, 1)), where, [True] * 2)
    for array in (t.policy, t.average):
        assert (array >= 0.0).all() and np.abs(array.sum(axis=3) - 1.0).max() < 1e-12
    assert (np.abs(t.policy - 0.2) > 0.05).any()


def test_bad_input_is_refused_by_the_kernel(module):
    good = learning_arguments(module) | {"policy": np.full((2, 4, 2, 3), 1 / 3), "average": None}
    rates = {name: schedule(module("schedules"), 0.1, 2) for name in ("win", "lose")}
    make = module("phc").PolicyHillClimbing
    make(**good, **rates)
    for changes, message in (({"policy": np.zeros((2, 4, 2, 2))}, "policy: expected shape"),
                             ({"average": np.zeros((2, 4, 2, 2))}, "average: expected shape"),
                             ({"kind": 1}, "kind: expected 0"),
                             ({"lose": schedule(module("schedules"), 0.1, 3)}, "lose: expected 2 runs, got 3")):
        with pytest.raises(ValueError, match=message):
            make(**good | rates | changes)
    kernel, rows = make(**good, **rates), np.zeros((2, 2), np.int32)
    for bad in (1.0, -0.1, np.nan):
        draws = np.full((2, 2, 2), 0.5)
        draws[1, 0, 1] = bad
        with pytest.raises(ValueError, match=r"act: a draw lies outside \[0, 1\)"):
            kernel.act(rows, draws, rows.copy())
    for row in (-1, 4):
        with pytest.raises(ValueError, match="act: a row lies outside the table"):
            kernel.act(np.full((2, 2), row, np.int32), np.full((2, 2, 2), 0.5), rows.copy())


# -- the learners --------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, error, message", [
    ({"explore": mf.Boltzmann(1.0)}, ValueError, "explore: the policy is mixed by itself"),
    ({"delta": 1.5}, ValueError, r"delta.*: expected 0.0 to 1.0, got 1.5"),
    ({"delta": -0.5}, ValueError, r"delta.*: expected 0.0 to 1.0, got -0.5"),
    ({"delta": "fast"}, ValueError, "delta: expected a number, or the name of a schedule"),
    ({"learning_rate": 2.0}, ValueError, "learning_rate"),
    ({"discount": 2.0}, ValueError, "discount"),
])
def test_arguments_of_phc(arguments, error, message):
    with pytest.raises(error, match=message):
        PHC(**arguments)


def test_winning_must_not_be_the_faster():
    with pytest.raises(ValueError, match="delta_win: expected at most delta_lose, got 0.2 and 0.1"):
        WoLFPHC(delta_win=0.2, delta_lose=0.1)
    with pytest.raises(ValueError, match="delta_win: expected at most delta_lose"):
        WoLFPHC(delta_win=[0.01, 0.2], delta_lose=0.1)
    assert WoLFPHC(delta_win=0.1, delta_lose=0.1).delta_win == 0.1
    with pytest.raises(ValueError, match="delta_lose"):
        WoLFPHC(delta_lose=2.0)


def test_agents_begin_with_all_their_actions_as_likely(backend):
    game = mf.games.MatrixGame(np.zeros((2, 3)), horizon=1)
    run = mf.train(game, WoLFPHC(delta_win=0.0, delta_lose=0.0), episodes=1, backend=backend)
    for name in ("policy", "average"):
        assert np.abs(run.tables()[name][0, 0] - [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]).max() < 1e-15



def test_wolf_with_equal_rates_is_phc():
    one = mf.train(PENNIES, PHC(delta=0.01), steps=500, runs=3, seed=2)
    other = mf.train(PENNIES, WoLFPHC(delta_win=0.01, delta_lose=0.01), steps=500, runs=3, seed=2)
    assert (one.tables()["policy"] == other.tables()["policy"]).all() and (one.q == other.q).all()


def test_wolf_finds_the_mixed_equilibrium_where_phc_goes_round_it():
    # Matching pennies: the only equilibrium is (1/2, 1/2). How far from there each is, at 10 times of 20 runs.
    far = {}
    for learner in (PHC(discount=0.0, delta=0.002), WoLFPHC(discount=0.0, delta_win=0.0005, delta_lose=0.002)):
        run = mf.train(PENNIES, learner, steps=60_000, runs=20, seed=1, record_every=0)
        distances = []
        for _ in range(10):
            run = mf.train(resume=run, steps=2_000)
            distances.append(np.abs(run.tables()["policy"][:, 0, :, 0] - 0.5).mean())
        far[learner.name] = np.mean(distances)
    assert far["wolf_phc"] < 0.06 and far["phc"] > 0.2


def test_phc_reaches_the_dominant_action():
    dilemma = mf.games.MatrixGame([[3, 0], [5, 1]], [[3, 5], [0, 1]], horizon=0)
    run = mf.train(dilemma, PHC(discount=0.0), steps=3000, runs=10, seed=4)
    assert (run.tables()["policy"][:, 0, :, 1] == 1.0).all()
    assert run.policy(0)([0.0]).tolist() == [1, 1]


def test_a_frozen_learner_draws_from_its_mixed_policy(backend):
    # Nothing was learned: (1/2, 1/2). 800 rounds; 5 standard errors of the mean payoff are 0.18.
    still = PHC(delta=0.0, explore=mf.EpsilonGreedy(0.0))
    game = mf.games.MatrixGame([[1, -1], [-1, 1]], horizon=20)
    run = mf.train(game, still, episodes=1, seed=3)
    value = mf.evaluate(game, run, episodes=40, seed=5, backend=backend)
    assert abs(value.mean / 20) < 0.18
    assert len(np.unique(value.returns)) > 5


def test_unseen_observations_and_growing_tables():
    game = mf.games.Drift(agents=2, state_size=1, actions=3, horizon=9)
    run = mf.train(game, WoLFPHC(), encoder=mf.Rounding(2), episodes=200, seed=1)
    tables = run.tables()
    assert run.used[0] > 300 and np.abs(tables["policy"].sum(axis=3) - 1.0).max() < 1e-12
    assert run.policy(0, kind="greedy")([1e6]).tolist() == [0, 0]
    obs = run.rows[0][0]
    assert run.policy(0, kind="greedy")(obs).tolist() == tables["policy"][0, 0].argmax(axis=1).tolist()
