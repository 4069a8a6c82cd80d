"""Training end to end: numbers worked by hand, potentials, what a result holds."""
import signal
import sys
import threading

import numpy as np
import pytest
from training_helpers import actions_as_draws, assert_same, constant_draws, differing, random_markov

import marlfast as mf

BACKENDS = pytest.mark.parametrize("backend", ["cython", "numpy"])

# -- numbers worked by hand ----------------------------------------------------------------------

# Two states, two agents with two actions each. Joint actions in order: 00, 01, 10, 11.
BY_HAND = mf.games.MarkovGame(
    transitions=[[[1.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.0, 1.0]],
                 [[0.5, 0.5], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]],
    rewards=[[[1, 0], [2, -2], [4, 8], [0, 0]],
             [[0, 4], [-4, 2], [8, 6], [2, 2]]],
    actions=(2, 2), start=[0.5, 0.5])
DRAWS = {
    # [step, agent, (explore?, which)], epsilon 1/2:
    "explore": constant_draws([
        [[0.0, 0.5], [0.75, 0.9]],      # agent 0 explores: action floor(0.5 * 2) = 1; agent 1 is greedy
        [[0.5, 0.9], [0.25, 0.99]],     # agent 0 is greedy (0.5 is not below 0.5); agent 1 explores: action 1
        [[0.9, 0.0], [0.6, 0.0]],       # both are greedy
    ]),
    # The next state is 0 where the draw is below its probability.
    "dynamics": constant_draws([[0.25], [0.1], [0.25]]),
    "start": constant_draws([[0.25]]),  # below 0.5: state 0
}


def train_by_hand(backend, share="none", **options):
    learner = mf.IQL(0.5, discount=0.5, explore=mf.EpsilonGreedy(0.5, ties="first", draws=2), share=share)
    return mf.train(BY_HAND, learner, steps=3, draws=DRAWS, backend=backend, **options)


@BACKENDS
def test_three_steps_by_hand(backend):
    """Learning rate 1/2, discount 1/2, all values 0 at first.

    Step 1, state 0: actions 1, 0 (joint 10), rewards 4, 8; 0.25 is not below 0.25: state 1.
        agent 0: q[0, 1] = 0 + (4 + 0.5 * 0 - 0) / 2 = 2      agent 1: q[0, 0] = 8 / 2 = 4
    Step 2, state 1: actions 0, 1 (joint 01), rewards -4, 2; state 1 for certain.
        agent 0: q[1, 0] = (-4 + 0.5 * 0) / 2 = -2            agent 1: q[1, 1] = (2 + 0.5 * 0) / 2 = 1
    Step 3, state 1: greedy are now 1 (0 against -2) and 1 (1 against 0), rewards 2, 2; 0.25 < 0.5: state 0.
        agent 0: q[1, 1] = (2 + 0.5 * 2) / 2 = 1.5            agent 1: q[1, 1] = 1 + (2 + 0.5 * 4 - 1) / 2 = 2.5
    """
    run = train_by_hand(backend)
    assert run.q[0, :, 0].tolist() == [[0.0, 2.0], [-2.0, 1.5]]
    assert run.q[0, :, 1].tolist() == [[4.0, 0.0], [0.0, 2.5]]
    assert run.visits[0].tolist() == [[1, 1], [2, 2]]
    assert run.arrays["state"].tolist() == [[0.0]]
    assert run.arrays["episode_return"].tolist() == [[4.0 - 4.0 + 2.0, 8.0 + 2.0 + 2.0]]
    # Greedy: agent 0: 1 in state 0 (2 against 0), 1 in state 1; agent 1: 0 in state 0, 1 in state 1.
    assert [run.policy(0)([s]).tolist() for s in (0.0, 1.0)] == [[1, 0], [1, 1]]


@BACKENDS
def test_three_steps_cooperative_by_hand(backend):
    """Everybody learns from the mean reward.

    Step 1: mean 6: q0[0, 1] = 3, q1[0, 0] = 3. Step 2: mean -1: q0[1, 0] = q1[1, 1] = -0.5.
    Step 3: greedy in state 1 is 1 for agent 0 and still 0 for agent 1 (joint 10), rewards 8, 6; state 0 for certain.
        mean 7: q0[1, 1] = q1[1, 0] = (7 + 0.5 * 3) / 2 = 4.25
    """
    run = train_by_hand(backend, rewards=mf.rewards.cooperative())
    assert run.q[0, :, 0].tolist() == [[0.0, 3.0], [-0.5, 4.25]]
    assert run.q[0, :, 1].tolist() == [[3.0, 0.0], [4.25, -0.5]]
    assert run.arrays["episode_return"].tolist() == [[4.0 - 4.0 + 8.0, 8.0 + 2.0 + 6.0]]
    assert run.arrays["episode_shaped"].tolist() == [[6.0 - 1.0 + 7.0] * 2]


@BACKENDS
def test_three_steps_competitive_by_hand(backend):
    """Own reward minus the other's.

    Step 1: -4, 4: q0[0, 1] = -2, q1[0, 0] = 2. Step 2: -6, 6: q0[1, 0] = -3, q1[1, 1] = 3.
    Step 3: actions 1, 1, rewards 0, 0, state 0:
        q0[1, 1] = (0 + 0.5 * max(0, -2)) / 2 = 0, q1[1, 1] = 3 + (0 + 0.5 * 2 - 3) / 2 = 2
    """
    run = train_by_hand(backend, rewards=mf.rewards.competitive())
    assert run.q[0, :, 0].tolist() == [[0.0, -2.0], [-3.0, 0.0]]
    assert run.q[0, :, 1].tolist() == [[2.0, 0.0], [0.0, 2.0]]


@BACKENDS
def test_three_steps_shaped_by_hand(backend):
    """Diversity(1/2) adds 1/2 for two different actions, 1/4 for one; Redundancy(1/4) takes 1/4 where both do the same.

    Step 1: 4.5, 8.5: q0[0, 1] = 2.25, q1[0, 0] = 4.25. Step 2: -3.5, 2.5: q0[1, 0] = -1.75, q1[1, 1] = 1.25.
    Step 3: actions 1, 1: 2 + 1/4 - 1/4 = 2:
        q0[1, 1] = (2 + 0.5 * 2.25) / 2 = 1.5625, q1[1, 1] = 1.25 + (2 + 0.5 * 4.25 - 1.25) / 2 = 2.6875
    """
    run = train_by_hand(backend, shaping=[mf.rewards.Diversity(0.5), mf.rewards.Redundancy(0.25)])
    assert run.q[0, :, 0].tolist() == [[0.0, 2.25], [-1.75, 1.5625]]
    assert run.q[0, :, 1].tolist() == [[4.25, 0.0], [0.0, 2.6875]]
    assert run.arrays["episode_return"].tolist() == [[2.0, 12.0]]
    assert run.arrays["episode_shaped"].tolist() == [[4.5 - 3.5 + 2.0, 8.5 + 2.5 + 2.0]]


@BACKENDS
def test_three_steps_with_a_potential_by_hand(backend):
    """Potential 2 in state 0, -4 in state 1; adds potential(s') / 2 - potential(s).

    Step 1: 0 to 1: -2 - 2 = -4: rewards 0, 4: q0[0, 1] = 0, q1[0, 0] = 2.
    Step 2: 1 to 1: -2 + 4 = 2: rewards -2, 4: q0[1, 0] = -1, q1[1, 1] = 2.
    Step 3: actions 1, 1; 1 to 0: 1 + 4 = 5: rewards 7, 7:
        q0[1, 1] = (7 + 0.5 * 0) / 2 = 3.5, q1[1, 1] = 2 + (7 + 0.5 * 2 - 2) / 2 = 5
    """
    run = train_by_hand(backend, shaping=mf.rewards.PotentialBased([2.0, -4.0]))
    assert run.q[0, :, 0].tolist() == [[0.0, 0.0], [-1.0, 3.5]]
    assert run.q[0, :, 1].tolist() == [[2.0, 0.0], [0.0, 5.0]]


@BACKENDS
def test_three_steps_with_one_table_by_hand(backend):
    """Agents share a table and learn in order, each seeing what the one before wrote.

    Step 1: q[0, 1] = 2, q[0, 0] = 4. Step 2: q[1, 0] = -2, q[1, 1] = (2 + 0.5 * 0) / 2 = 1.
    Step 3: actions 1, 1: q[1, 1] = 1 + (2 + 0.5 * 4 - 1) / 2 = 2.5, then 2.5 + (2 + 0.5 * 4 - 2.5) / 2 = 3.25
    """
    run = train_by_hand(backend, share="all")
    assert run.q[0].tolist() == [[[4.0, 2.0]], [[-2.0, 3.25]]]
    assert run.visits[0].tolist() == [[2], [4]]


# One agent, two actions; state 0 leads to 1, state 1 to 0. Reward 1 in state 0. Values at first: see the rows.
TO_AND_FRO = {"transitions": np.eye(2)[[[1, 1], [0, 0]]], "rewards": [[1.0, 1.0], [0.0, 0.0]], "actions": (2,)}
TO_AND_FRO_LEARNER = mf.IQL(0.5, discount=0.5, explore=mf.EpsilonGreedy(0.0, ties="first", draws=2),
                            initial_q=[[[0.0, 1.0]], [[8.0, 6.0]]])


@BACKENDS
def test_truncated_bootstraps_from_the_true_successor(backend):
    """Target 1 + 0.5 * 8 (the value of state 1, not of state 0, where the next episode starts).

    Both episodes start in state 0, where action 1 is greedy: q[0, 1] = 1 + (5 - 1) / 2 = 3, then 3 + (5 - 3) / 2 = 4.
    State 1, in which the episodes ended, is never acted in.
    """
    game = mf.games.MarkovGame(**TO_AND_FRO, horizon=1, at_horizon="truncated")
    run = mf.train(game, TO_AND_FRO_LEARNER, episodes=2, seed=0, backend=backend)
    assert run.q[0, :, 0].tolist() == [[0.0, 4.0], [8.0, 6.0]]
    assert run.visits[0].tolist() == [[2], [0]]
    assert run.arrays["state"].tolist() == [[0.0]] and run.arrays["rows"].tolist() == [[0]]


@BACKENDS
@pytest.mark.parametrize("horizon", [0, 1])
def test_terminated_does_not_bootstrap(backend, horizon):
    """Target 1: q[0, 1] stays 1 + (1 - 1) / 2 = 1, also where the time limit comes in the same step."""
    game = mf.games.MarkovGame(**TO_AND_FRO, terminal=[False, True], horizon=horizon)
    run = mf.train(game, TO_AND_FRO_LEARNER, episodes=2, backend=backend)
    assert run.q[0, :, 0].tolist() == [[0.0, 1.0], [8.0, 6.0]]
    assert run.visits[0].tolist() == [[2], [0]]
    assert run.lengths.tolist() == [[1, 1]]


@BACKENDS
def test_an_episode_that_goes_on_bootstraps_too(backend):
    """Without a limit: state 0 (q = 3 as above), then state 1, action 0: 8 + (0 + 0.5 * 3 - 8) / 2 = 4.75."""
    run = mf.train(mf.games.MarkovGame(**TO_AND_FRO), TO_AND_FRO_LEARNER, steps=2, backend=backend)
    assert run.q[0, :, 0].tolist() == [[0.0, 3.0], [4.75, 6.0]]


@BACKENDS
def test_schedules_by_hand(backend):
    """One state, one action, reward 1, discount 0; the rate is 1/2, 1/4, 1/8 in episodes of two steps.

    What is missing to 1 shrinks by the factors 1/2, 1/2 | 3/4, 3/4 | 7/8, 7/8.
    """
    learner = mf.IQL(mf.schedules.Table([0.5, 0.25, 0.125], per="episode"), discount=0.0)
    game = mf.games.MatrixGame([1.0], horizon=2)
    missing = [1 - mf.train(game, learner, steps=n, backend=backend).q.item() for n in range(1, 7)]
    assert missing == [1 / 2, 1 / 4, 3 / 16, 9 / 64, 63 / 512, 441 / 4096]


@BACKENDS
def test_epsilon_decays_by_hand(backend):
    """Epsilon 1/2, halved each step, at least 1/8: 1/2, 1/4, 1/8, 1/8. Draws at it and just below it tell.

    Action 1 is taken only by exploring (it earns -1), so that the returns show who explored.
    """
    game = mf.games.MatrixGame([0.0, -1.0])
    levels = np.array([0.5, 0.25, 0.125, 0.125])
    for strict, draws, explored in ((True, levels, 0), (True, levels - 1e-12, 4), (False, levels, 4),
                                    (False, levels + 1e-12, 0)):
        learner = mf.IQL(explore=mf.EpsilonGreedy(0.5, decay=0.5, minimum=0.125, per="step", strict=strict,
                                                  ties="first", draws=2))
        visited = []
        run = mf.train(game, learner, steps=4, draws={"explore": constant_draws([[[u, 0.75]] for u in draws])},
                       block=1, backend=backend,
                       callback=lambda session,
                       visited=visited: visited.append(session.arrays["learner.epsilon.value"].item()))
        assert visited == [0.25, 0.125, 0.125, 0.125]
        assert -run.returns.sum() == explored


@BACKENDS
def test_drift_by_hand(backend):
    """One step of the drift game of two agents, with difference rewards.

    Start 1.0, 2.0; normals 0.5, -1.0: state[0] = 1.0 + 0.1 * 0.5 + 0.05 * (4 + 1) = 1.3, state[1] = 1.9.
    Raw rewards: -1.3 (action 4), -1.3 + 0.1 (action 1 < 2). Team total -2.5.
    Without agent 0 the other alone: -|1.3 - 0.2| + 0.1 = -1.0; without agent 1: -|1.3 - 0.05| = -1.25.
    Difference: -2.5 + 1.0 = -1.5 and -2.5 + 1.25 = -1.25.
    """
    draws = {"explore": actions_as_draws([[4, 1]], [5, 5]), "dynamics": constant_draws([[0.5, -1.0]]),
             "start": constant_draws([[1.0, 2.0]])}
    learner = mf.IQL(1.0, discount=0.0, explore=mf.EpsilonGreedy(1.0, ties="first", draws=2))
    run = mf.train(mf.games.Drift(agents=2, horizon=1), learner,
                   encoder=mf.Grid(-5, 5, 1), rewards=mf.rewards.difference(), episodes=1, draws=draws, backend=backend)
    assert run.returns[0, 0].tolist() == pytest.approx([-1.3, -1.2], abs=1e-15)
    assert run.shaped_returns[0, 0].tolist() == pytest.approx([-1.5, -1.25], abs=1e-15)
    assert run.q[0, 0, 0].tolist() == pytest.approx([0, 0, 0, 0, -1.5], abs=1e-15)
    assert run.q[0, 0, 1].tolist() == pytest.approx([0, -1.25, 0, 0, 0], abs=1e-15)


# -- potential-based shaping ---------------------------------------------------------------------

DISCOUNT = 0.9


def optimal_values(game):
    """Action values of the optimal policy of a one-agent game, by value iteration to machine precision."""
    values = np.zeros(game.rewards.shape[:2])
    for _ in range(2000):
        best = np.where(game.terminal, 0.0, values.max(axis=1))
        values = game.rewards[:, :, 0] + DISCOUNT * game.transitions @ best
    return values


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("terminal", [False, True])
def test_a_potential_leaves_the_optimal_policy(seed, terminal):
    """Learned to the end in a game without chance: Q' = Q - potential in every state, and the same greedy actions.

    With learning rate 1 and uniform exploration Q-learning finds the exact fixed point.
    """
    game = random_markov(seed, (3,), states=5, certain=True, horizon=6, terminal=terminal)
    learner = mf.IQL(1.0, discount=DISCOUNT, explore=mf.EpsilonGreedy(1.0, ties="first", draws=2))
    potential = np.random.default_rng(seed + 100).normal(scale=10.0, size=5)
    optimal = optimal_values(game)
    playable = ~game.terminal
    plain = mf.train(game, learner, steps=20_000, seed=seed)
    shaped = mf.train(game, learner, steps=20_000, seed=seed, shaping=mf.rewards.PotentialBased(potential))
    visited = playable & (plain.visits[0, :, 0] > 200)
    assert visited.sum() >= 3
    assert np.abs(plain.q[0, :, 0] - optimal)[visited].max() < 1e-9
    assert np.abs(shaped.q[0, :, 0] + potential[:, None] - optimal)[visited].max() < 1e-9
    for s in np.flatnonzero(visited):
        best = optimal[s].argmax()
        assert plain.policy(0)([float(s)]).item() == shaped.policy(0)([float(s)]).item() == best
    # Not by chance: the shaping moved the values much further than the policy's margins.
    assert np.abs(shaped.q - plain.q)[0, visited].max() > 1.0


def test_a_potential_leaves_the_optimal_policy_of_a_game_of_chance():
    """With a learning rate that falls, in a game of chance: the greedy policy is the optimal one with and without."""
    game = random_markov(8, (3,), states=4, horizon=5, terminal=True)
    optimal = optimal_values(game)
    margin = np.sort(optimal, axis=1)
    assert (margin[:3, -1] - margin[:3, -2]).min() > 0.1
    learner = mf.IQL(mf.schedules.Harmonic(0.5, 1e-3), discount=DISCOUNT,
                     explore=mf.EpsilonGreedy(1.0, ties="first", draws=2))
    potential = mf.rewards.PotentialBased([5.0, -5.0, 3.0, 7.0])
    for shaping, offset in (((), np.zeros(3)), (potential, np.array([5.0, -5.0, 3.0]))):
        run = mf.train(game, learner, steps=400_000, runs=3, shaping=shaping)
        assert np.abs(run.q[:, :3, 0] + offset[:, None] - optimal[:3]).max() < 0.1
        assert (run.q[:, :3, 0].argmax(axis=2) == optimal[:3].argmax(axis=1)).all()


@pytest.mark.parametrize("kind", ["table", "per agent", "callable", "distance"])
@pytest.mark.parametrize("per", ["step", "episode"])
def test_a_potential_is_an_initial_value(kind, per):
    """Learning with a potential is, step by step, learning from initial values raised by it (Wiewiora 2003).

    Two agents, every structure of time: chance, termination (potential 0 there), truncation, learning rates per step or
    episode. The greedy actions are the same, so both see the same experience, and Q' = Q - potential all along.
    """
    game = random_markov(21, (2, 3), states=4, horizon=5, terminal=True)
    table = np.array([3.0, -1.0, 2.0, 5.0])
    potential = {"table": table, "per agent": np.array([table, -table]),
                 "callable": lambda centres: 2.0 * centres[:, 0],
                 "distance": mf.rewards.Distance(1.0, weights=0.5, order=2)}[kind]
    phi = {"table": np.array([table, table]), "per agent": np.array([table, -table]),
           "callable": np.array([[0.0, 2.0, 4.0, 6.0]] * 2), "distance": np.array([[-0.5, 0.0, -0.5, -2.0]] * 2)}[kind]
    initial = np.zeros((4, 2, 3)) + phi.T[:, :, None]
    options = {"steps": 500, "runs": 2, "rewards": mf.rewards.cooperative()}
    rate = mf.schedules.Linear(0.8, 0.1, 100, per=per)
    explore = mf.EpsilonGreedy(0.3, ties="first", draws=2)
    shaped = mf.train(game, mf.IQL(rate, explore=explore), shaping=mf.rewards.PotentialBased(potential), **options)
    raised = mf.train(game, mf.IQL(rate, explore=explore, initial_q=initial), **options)
    playable = slice(0, 3)
    assert np.abs(shaped.q + phi.T[:, :, None] - raised.q)[:, playable][..., :2].max() < 1e-12
    assert (shaped.visits == raised.visits).all() and shaped.visits[:, playable].min() > 10
    assert np.abs(shaped.q - raised.q).max() > 0.4


def test_shaping_adds_up():
    """Two components add what each adds alone: seen in the shaped returns of the same play."""
    game = mf.games.Drift(agents=3, horizon=10)
    draws = {"explore": constant_draws(np.random.default_rng(0).random((50, 3, 2)))}
    parts = {"plain": [], "diversity": [mf.rewards.Diversity(0.5)], "redundancy": [mf.rewards.Redundancy(2.0)]}
    parts["both"] = parts["diversity"] + parts["redundancy"]
    learner = mf.IQL(explore=mf.EpsilonGreedy(1.0, ties="first", draws=2))
    shaped = {name: mf.train(game, learner, encoder=mf.Grid(-1, 1, 2), shaping=shaping, episodes=5, draws=draws)
              for name, shaping in parts.items()}
    for run in shaped.values():
        assert run.returns.tolist() == shaped["plain"].returns.tolist()
    added = {name: run.shaped_returns - run.returns for name, run in shaped.items()}
    assert not added["plain"].any() and added["diversity"].min() > 0.0 and added["redundancy"].max() < 0.0
    assert np.abs(added["both"] - added["diversity"] - added["redundancy"]).max() < 1e-12


# -- what a result holds -------------------------------------------------------------------------

COUNTING = mf.games.MatrixGame([0.0, 1.0, 2.0, 3.0])      # one agent: its action is its return
ALWAYS_EXPLORE = mf.IQL(explore=mf.EpsilonGreedy(1.0, ties="first", draws=2))


def counting(actions, **options):
    return mf.train(COUNTING, ALWAYS_EXPLORE, draws={"explore": actions_as_draws(np.array(actions)[:, None], [4])},
                    **options)


@BACKENDS
def test_records_of_several_episodes_are_their_mean(backend):
    actions = [0, 1, 2, 3, 3, 3, 1, 2]
    each = counting(actions, episodes=8, backend=backend)
    assert each.returns[0, :, 0].tolist() == [0, 1, 2, 3, 3, 3, 1, 2]
    assert each.lengths.tolist() == [[1] * 8]
    three = counting(actions, episodes=8, record_every=3, backend=backend)
    # Two full entries; the third lacks an episode and is not shown.
    assert three.returns[0, :, 0].tolist() == [1.0, 3.0]
    assert three.lengths.tolist() == [[3, 3]]
    none = counting(actions, episodes=8, record_every=0, backend=backend)
    assert none.returns.shape == (1, 0, 1) and none.lengths.shape == (1, 0)
    assert none.q.tolist() == each.q.tolist() == three.q.tolist()


def test_runs_of_different_length_are_filled_with_nan():
    """Run 0 ends after 2 episodes, run 1 after 4."""
    draws = {"explore": lambda run, first, n: np.array(
        [[[0.0, (3.5 if first + k >= (1, 3)[run] else 0.5) / 4]] for k in range(n)])}
    run = mf.train(COUNTING, ALWAYS_EXPLORE, episodes=9, runs=2, draws=draws, stop=mf.ReturnReached(3.0, window=1))
    assert run.episodes.tolist() == [2, 4]
    np.testing.assert_equal(run.returns[:, :, 0], [[0, 3, np.nan, np.nan], [0, 0, 0, 3]])
    np.testing.assert_equal(run.team_returns, run.returns[:, :, 0])
    np.testing.assert_equal(run.shaped_returns, run.returns)
    assert run.lengths.tolist() == [[1, 1, -1, -1], [1, 1, 1, 1]]
    # Means of the first and the last episode of each run (a tenth, at least one).
    assert run.first_return() == 0.0 and run.last_return() == 3.0
    assert run.last_return(share=0.5) == (3.0 + 1.5) / 2


def test_tenths():
    run = counting([0] * 10 + [1] * 80 + [3] * 10, episodes=100)
    assert run.first_return() == 0.0 and run.last_return() == 3.0
    assert run.first_return(0.2) == 0.5 and run.last_return(0.2) == 2.0


def test_returns_of_an_episode_under_way_are_not_shown():
    run = mf.train(mf.games.Drift(horizon=10), mf.IQL(), encoder=mf.Rounding(1), steps=25)
    assert run.returns.shape == (1, 2, 4) and run.lengths.tolist() == [[10, 10]]
    assert run.arrays["episode_steps"].tolist() == [5]


def test_rows_of_rounding_are_what_was_seen():
    game = mf.games.Drift(agents=2, horizon=5)
    run = mf.train(game, mf.IQL(), encoder=mf.Rounding(1), episodes=20, runs=2, seed=3)
    for r in range(2):
        rows = run.rows[r]
        assert rows.shape == (run.used[r], 2)
        assert np.array_equal(rows, np.round(rows, 1)) and len(np.unique(rows, axis=0)) == len(rows)
        start = mf.draws.stream(3, r, "start_normals", 0, 2)
        assert np.array_equal(rows[0], np.round(start, 1))
        # Each row but the last steps' is visited; nothing beyond the rows in use is.
        assert run.visits[r, :run.used[r]].sum() == 2 * 100
    assert run.q.shape == (2, run.used.max(), 2, 5)


def test_rows_of_a_grid_are_its_cells():
    """A visited row's centre is the cell in which the observation lay."""
    game = mf.games.Drift(agents=1, noise=0.0, push=0.0, horizon=1)
    draws = {"start": constant_draws([[-0.4, 0.9], [7.0, -9.0], [0.0, 0.0]])}
    run = mf.train(game, mf.IQL(), encoder=mf.Grid([-1, -1], [1, 1], [2, 4]), episodes=3, draws=draws)
    assert run.rows[0].shape == (8, 2)
    visited = run.rows[0][run.visits[0, :, 0] > 0]
    assert sorted(visited.tolist()) == [[-0.5, 0.75], [0.5, -0.75], [0.5, 0.25]]


@BACKENDS
def test_rows_that_are_added_begin_with_the_initial_values(backend):
    """Tables that grow from 256 rows on: new rows have the initial values, and their greedy action is one of the
    greatest, 2 or 4."""
    initial = [1.0, 0.0, 2.0, 1.0, 2.0]
    game, options = mf.games.Drift(agents=2, noise=9.0, horizon=5), {"encoder": mf.Rounding(1), "steps": 700}
    run = mf.train(game, mf.IQL(0.0, initial_q=initial), backend=backend, **options)
    assert run.used[0] > 512
    assert (run.q == initial).all()
    assert set(np.unique(run.arrays["learner.greedy"]).tolist()) == {2, 4}
    learned = mf.train(game, mf.IQL(initial_q=initial), backend=backend, **options)
    greedy = learned.arrays["learner.greedy"][:, :learned.q.shape[1], :, None]
    assert (np.take_along_axis(learned.q, greedy, axis=3)[..., 0] == learned.q.max(axis=3)).all()


def test_policy_of_what_was_never_seen_is_the_initial_one():
    learner = mf.IQL(initial_q=[[0, 0, 3, 0, 0], [0, 4, 0, 0, 0]], explore=mf.EpsilonGreedy(0.1, ties="first", draws=2))
    run = mf.train(mf.games.Drift(agents=2), learner, encoder=mf.Rounding(1), episodes=1, runs=2)
    policy = run.policy(1)
    before = {name: array.copy() for name, array in policy.arrays.items()}
    assert policy([1e6, -1e6]).tolist() == [2, 1]
    assert all(np.array_equal(before[name], policy.arrays[name]) for name in before)
    visited = run.rows[1][0]
    assert policy(visited).tolist() == run.q[1, 0].argmax(axis=1).tolist()


def test_policies_are_of_their_runs():
    run = counting([1, 2, 3, 0], episodes=4, runs=1)
    assert run.policy(0)([0.0]).tolist() == [3]
    for wrong in (1, -1):
        with pytest.raises(ValueError, match=f"run: expected 0 to 0, got {wrong}"):
            run.policy(wrong)


def test_summary_says_what_happened():
    run = mf.train(mf.games.Drift(agents=3, horizon=10), mf.IQL(), encoder=mf.Rounding(1), episodes=20, runs=2, seed=7)
    text = run.summary()
    for word in ("drift", "3 agents", "iql", "2 runs", "seed 7", "steps 400", "episodes 40", "episodes (2)",
                 f"{run.first_return():.2f}", f"{run.last_return():.2f}", "agent-steps/s"):
        assert word in text, word
    assert "steps=400" in repr(run) and f"{run.last_return():.4g}" in repr(run)
    assert mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(1), steps=5).summary()       # no episode over yet


# -- how train is called -------------------------------------------------------------------------

def test_names_and_dictionaries_stand_for_definitions():
    given = mf.Experiment(
        mf.games.Drift(agents=2, horizon=5), mf.IQL(explore=mf.Boltzmann(mf.schedules.Linear(1.0, 0.5, 10))),
        encoder=mf.Grid(-1, 1, 3), rewards=mf.rewards.mixed([[0], [1]]),
        shaping=[mf.rewards.Diversity(), mf.rewards.PotentialBased(mf.rewards.Distance(0.0))], episodes=3,
        stop=[mf.GreedyStable(1000)])
    as_dict = given.to_dict()
    assert isinstance(as_dict["game"], dict)
    run = mf.train(given)
    assert_same(mf.train(as_dict), run)
    assert_same(mf.train(mf.Experiment.from_dict(as_dict)), run)
    assert_same(mf.train(as_dict["game"], as_dict["learner"], encoder=as_dict["encoder"], rewards=as_dict["rewards"],
                         shaping=as_dict["shaping"], episodes=3, stop=as_dict["stop"]), run)
    plain = mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(), rewards=mf.rewards.cooperative(),
                     shaping=[mf.rewards.Redundancy()], episodes=2)
    assert_same(mf.train("drift", "iql", encoder="rounding", rewards="cooperative", shaping="redundancy", episodes=2),
                plain)


def test_an_experiment_with_changes():
    given = mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(), episodes=2)
    changed = mf.train(given, mf.IQL(0.5), seed=4, runs=2)
    assert_same(changed, mf.train(mf.games.Drift(), mf.IQL(0.5), encoder=mf.Rounding(), episodes=2, seed=4, runs=2))
    assert given.seed == 0 and given.runs == 1


def test_numpy_numbers_and_arrays_as_arguments():
    plain = mf.train(
        mf.games.Drift(agents=2, actions=3, horizon=5, noise=0.5),
        mf.IQL(0.5, discount=0.75, share=[0, 1], initial_q=[1, 2, 3]),
        encoder=mf.Grid([-1, -2], [1, 2], [3, 4]), rewards=mf.rewards.mixed([[0], [1]]), episodes=4, runs=2, seed=9,
        shaping=[mf.rewards.PotentialBased(mf.rewards.Distance([0.0, 1.0]))], stop=[mf.GreedyStable(500)])
    other = mf.train(
        mf.games.Drift(agents=np.int64(2), actions=np.uint8(3), horizon=np.int32(5), noise=np.float32(0.5)),
        mf.IQL(np.float64(0.5), discount=np.float32(0.75), share=np.array([0, 1]), initial_q=np.array([1, 2, 3])),
        encoder=mf.Grid(np.array([-1, -2]), np.array([1.0, 2.0]), np.array([3, 4])),
        rewards=mf.rewards.mixed(np.array([[0], [1]])), episodes=np.int16(4), runs=np.int64(2), seed=np.uint64(9),
        shaping=(mf.rewards.PotentialBased(mf.rewards.Distance(np.array([0.0, 1.0]))),),
        stop=(mf.GreedyStable(np.int64(500)),),
        threads=np.int64(1), block=np.int32(3))
    assert_same(plain, other)
    assert other.experiment.to_dict() == plain.experiment.to_dict()


def test_lists_for_arrays():
    listed = mf.games.MarkovGame([[[1, 0], [0, 1]], [[0, 1], [1, 0]]], [[1, 2], [3, 4]], [2], start=[1, 0],
                                 terminal=[0, 0], horizon=3)
    arrays = mf.games.MarkovGame(np.eye(2)[[[0, 1], [1, 0]]], np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), (2,),
                                 horizon=3)
    assert_same(mf.train(listed, mf.IQL(), episodes=5), mf.train(arrays, mf.IQL(), episodes=5))


def test_definitions_do_not_change_with_the_arrays_they_were_made_from():
    transitions, rewards, initial = np.ones((1, 2, 1)), np.array([[0.0, 1.0]]), np.array([5.0, 6.0])
    potential, weights = np.array([3.0]), np.eye(1)
    game, learner = mf.games.MarkovGame(transitions, rewards, (2,), horizon=1), mf.IQL(initial_q=initial)
    shaping, structure = mf.rewards.PotentialBased(potential), mf.rewards.matrix(weights)
    before = mf.train(game, learner, episodes=5, shaping=shaping, rewards=structure)
    rewards[:], initial[:], potential[:], weights[:] = -7.0, 0.0, 100.0, -1.0
    assert_same(mf.train(game, learner, episodes=5, shaping=shaping, rewards=structure), before)


@pytest.mark.parametrize("agents,state_size,actions,horizon", [
    (1, 1, 1, 1), (1, 1, 1, 0), (2, 1, 1, 1), (1, 5, 2, 3), (1000, 2, 5, 10), (3, 2, 1000, 10), (64, 1, 64, 1)])
def test_small_and_large(agents, state_size, actions, horizon):
    game = mf.games.Drift(agents=agents, state_size=state_size, actions=actions, horizon=horizon)
    run = mf.train(game, mf.IQL(), encoder=mf.Rounding(0), rewards=mf.rewards.cooperative(),
                   shaping=[mf.rewards.Diversity(), mf.rewards.Redundancy()], steps=25, runs=1)
    assert run.steps.tolist() == [25] and run.episodes.tolist() == [25 // horizon if horizon else 0]
    assert run.visits.sum() == 25 * agents
    assert run.policy(0)(run.rows[0][0]).shape == (agents,)
    assert run.returns.shape == (1, run.episodes[0], agents)


def test_one_episode_of_one_run():
    run = mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), episodes=1, runs=1)
    assert run.returns.shape == (1, 1, 1) and run.steps.tolist() == [100] and run.stop_reason == ["episodes"]
    assert run.first_return() == run.last_return() == run.returns.item()


def test_seeds_of_any_size():
    game = mf.games.Drift(agents=1)
    runs = {seed: mf.train(game, mf.IQL(), encoder=mf.Rounding(1), episodes=1, seed=seed).returns.item()
            for seed in (0, 1, 2**32, 2**63, 2**64 - 1)}
    assert len(set(runs.values())) == 5


def test_the_last_run_numbers():
    last = mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), episodes=1, runs=2, first_run=2**32 - 2)
    first = mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), episodes=1, runs=2)
    assert len({*last.returns.ravel(), *first.returns.ravel()}) == 4


@pytest.mark.parametrize("block", [1, 10**6, 2**40])
def test_blocks_of_any_size(block):
    run = mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), steps=50, block=block)
    assert run.steps.tolist() == [50]


def test_the_callback_sees_every_block():
    visited = []
    run = mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), steps=25, runs=2, block=10,
                   callback=lambda session: visited.append(session.arrays["steps"].tolist()))
    assert visited == [[10, 10], [20, 20], [25, 25]]
    assert run.stop_reason == ["steps", "steps"]


def test_training_leaves_the_signal_handler(capsys):
    before = signal.getsignal(signal.SIGINT)
    mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), steps=5)
    assert signal.getsignal(signal.SIGINT) is before
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("limits", [
    {"episodes": 20}, {"steps": 200}, {"episodes": 50, "stop": [mf.ReturnReached(-1e9, window=3)]},
    {"stop": [mf.GreedyStable(50)], "record_every": 0}])
@pytest.mark.parametrize("tqdm", [True, False])
def test_progress_changes_nothing(limits, tqdm, capsys, monkeypatch):
    if not tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    options = {"encoder": mf.Grid(-1, 1, 2), "runs": 2, **limits}
    quiet = mf.train(mf.games.Drift(agents=1, horizon=5), mf.IQL(), **options)
    assert capsys.readouterr() == ("", "")
    shown = mf.train(mf.games.Drift(agents=1, horizon=5), mf.IQL(), progress=True, block=7, **options)
    assert_same(quiet, shown)
    out, err = capsys.readouterr()
    assert out == "" and "training" in err
    what = "episodes" if "episodes" in limits else "steps"
    assert what in err


def test_plain_progress_counts_all_runs(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    mf.train(mf.games.Drift(agents=1, horizon=5), mf.IQL(), encoder=mf.Grid(-1, 1, 2), runs=3, episodes=4,
             progress=True)
    err = capsys.readouterr().err
    assert "100 %" in err and "12 episodes" in err


def test_training_in_another_thread():
    """Where signals cannot be handled, training works all the same."""
    results = []
    thread = threading.Thread(target=lambda: results.append(
        mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), steps=50)))
    thread.start()
    thread.join()
    assert differing(results[0], mf.train(mf.games.Drift(agents=1), mf.IQL(), encoder=mf.Rounding(1), steps=50)) == []
