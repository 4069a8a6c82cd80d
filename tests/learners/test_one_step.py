"""Independent learners of action values beyond Q-learning: what each of them is known to do, and what it refuses."""

import numpy as np
import pytest
from training_helpers import assert_same, random_markov

import marlfast as mf
from learners.example import Example
from marlfast.learners.multi_step import SARSA, MonteCarlo, QLambda
from marlfast.learners.one_step import DistributedQ, DoubleQ, ExpectedSARSA, FrequencyAdjustedQ, HystereticQ

BOLD = mf.EpsilonGreedy(0.3)
VISITS = mf.schedules.VisitCount(0.9, 0.5, power=0.6)
EXAMPLES = {
    "expected_sarsa, visits": ExpectedSARSA(VISITS, explore=BOLD),
    "hysteretic_q, visits": Example(HystereticQ(VISITS, 0.1, explore=BOLD), (2, 4, 3)),
    "frequency_adjusted_q, visits": FrequencyAdjustedQ(VISITS, 0.1),
    "double_q, visits": DoubleQ(VISITS, explore=BOLD, share="all"),
    "expected_sarsa": Example(ExpectedSARSA(0.3, explore=BOLD, initial_q=0.5), (2, 4, 3)),
    "expected_sarsa, Boltzmann": ExpectedSARSA(mf.schedules.Harmonic(0.5, 0.01), explore=mf.Boltzmann(0.7)),
    "expected_sarsa, seven actions": Example(ExpectedSARSA(0.3, explore=BOLD, share="all"), (7, 7)),
    "distributed_q": Example(DistributedQ(explore=BOLD, initial_q=-1.0), (2, 4, 3), alike=True),
    "distributed_q, runs": Example(DistributedQ(discount=[0.0, 0.5, 1.0], share="all"), alike=True),
    "hysteretic_q": Example(HystereticQ(0.4, mf.schedules.Linear(0.2, 0.0, 50), explore=BOLD), (2, 4, 3)),
    "hysteretic_q, runs": HystereticQ([0.1, 0.5, 0.9], [0.0, 0.2, 0.9], share="all"),
    "frequency_adjusted_q": Example(FrequencyAdjustedQ(0.3, 0.1), (2, 4, 3)),
    "frequency_adjusted_q, runs": FrequencyAdjustedQ(0.2, [0.01, 0.5, 1.0], share="all"),
    "double_q": Example(DoubleQ(0.3, explore=BOLD, initial_q=0.25), (2, 4, 3)),
    "double_q, ties": DoubleQ(0.3, explore=mf.EpsilonGreedy(0.3, ties="random"), share="all"),
}
MARKOV = random_markov(3, (3, 4), states=4, horizon=7, terminal=True)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_frozen_team_plays_its_tables(name):
    learner = EXAMPLES[name].learner if isinstance(EXAMPLES[name], Example) else EXAMPLES[name]
    if learner.share != "none" or learner.runs_given():
        pytest.skip("for agents of different numbers of actions, one run")
    rewards = mf.rewards.cooperative() if learner.name == "distributed_q" else mf.rewards.individual()
    run = mf.train(MARKOV, learner, rewards=rewards, episodes=100, seed=2)
    greedy = run.policy(0, kind="greedy")
    by_tables = mf.evaluate(MARKOV, greedy, episodes=6, seed=4, kind="greedy")
    by_hand = mf.evaluate(MARKOV, lambda obs: greedy(obs), episodes=6, seed=4)
    assert (by_tables.returns == by_hand.returns).all()
    assert sum(run.tables(0)["visits"].ravel()) <= 2 * run.steps.sum()


# -- stateless games (Matignon, Laurent, Le Fort-Piat 2012) -----------------------------------------

CLIMBING = [[11, -30, 0], [-30, 7, 6], [0, 0, 5]]
# A third agent, who acts at random, is the chance of the stochastic games.
CHANCE = mf.IQL(explore=mf.EpsilonGreedy(1.0))
STATELESS = {
    "penalty 0": ([[10, 0, 0], [0, 2, 0], [0, 0, 10]], ([0, 0], [2, 2])),
    "penalty -100": ([[10, 0, -100], [0, 2, 0], [-100, 0, 10]], ([0, 0], [2, 2])),
    "climbing": (CLIMBING, ([0, 0],)),
    "partially stochastic": (np.stack([[[11, -30, 0], [-30, 14, 6], [0, 0, 5]],
                                       [[11, -30, 0], [-30, 0, 6], [0, 0, 5]]], axis=2), ([0, 0],)),
    "fully stochastic": (np.stack([[[10, 5, 8], [5, 14, 12], [8, 12, 10]],
                                   [[12, -65, -8], [-65, 0, 0], [-8, 0, 0]]], axis=2), ([0, 0],)),
}
COLD = mf.Boltzmann(mf.schedules.Exponential(5000.0, 0.997, minimum=1e-6))
DECENTRALISED = mf.IQL(0.1, discount=0.0, explore=COLD)
HYSTERETIC = HystereticQ(0.1, 0.01, discount=0.0, explore=COLD)
DISTRIBUTED = DistributedQ(discount=0.0, explore=COLD)
PUBLISHED = [
    (DECENTRALISED, "penalty 0", 100), (DECENTRALISED, "penalty -100", 97), (DECENTRALISED, "climbing", 16),
    (HYSTERETIC, "penalty 0", 100), (HYSTERETIC, "penalty -100", 100), (HYSTERETIC, "climbing", 100),
    (HYSTERETIC, "partially stochastic", 82), (HYSTERETIC, "fully stochastic", 0),
    (DISTRIBUTED, "penalty 0", 100), (DISTRIBUTED, "penalty -100", 100), (DISTRIBUTED, "climbing", 100),
]


def optimal(learner, game, runs):
    """Per cent of runs whose greedy joint action is optimal after 3000 rounds."""
    payoffs, best = STATELESS[game]
    pairs = [(learner, [0, 1])] + [(CHANCE, [2])] * (np.ndim(payoffs) == 3)
    result = mf.train(mf.games.MatrixGame(payoffs), learners=pairs, steps=3000, runs=runs, seed=1, record_every=0)
    return 100 * np.mean([pair in best for pair in result.tables(0)["greedy"][:, 0].tolist()])


@pytest.mark.parametrize("learner, game, published", PUBLISHED)
def test_stateless_coordination(learner, game, published):
    # Within 5 points, as the published numbers were reproduced, and 4 standard errors of 150 runs.
    error = 400 * np.sqrt(max(published * (100 - published) / 100**2, 0.01) / 150)
    assert abs(optimal(learner, game, 150) - published) <= 5 + error


@pytest.mark.slow
@pytest.mark.parametrize("learner, game, published", PUBLISHED)
def test_stateless_coordination_in_3000_runs(learner, game, published):
    assert abs(optimal(learner, game, 3000) - published) <= 5


def test_an_optimist_believes_in_luck():
    # Published: 7 %. What (b, b) pays at best, 14, is more than the 11 of the optimal joint action.
    assert optimal(DISTRIBUTED, "partially stochastic", 150) <= 12


# -- one agent -----------------------------------------------------------------------------------

def cliff():
    """Sutton and Barto (2018), example 6.6: 4 x 12 squares, -1 a step, -100 and back to the start for a fall."""
    transitions, rewards, start = np.zeros((48, 4, 48)), np.full((48, 4), -1.0), np.zeros(48)
    for state in range(48):
        row, column = divmod(state, 12)
        for action, (down, right) in enumerate(((-1, 0), (1, 0), (0, 1), (0, -1))):
            to = min(max(row + down, 0), 3), min(max(column + right, 0), 11)
            falls = to[0] == 3 and 0 < to[1] < 11
            transitions[state, action, 36 if falls else to[0] * 12 + to[1]] = 1.0
            rewards[state, action] = -100.0 if falls else -1.0
    start[36] = 1.0
    return mf.games.MarkovGame(transitions, rewards, (4,), start=start, terminal=np.arange(48) == 47)


CLIFF = cliff()


def on_the_cliff(make):
    """Mean return of the last 300 of 1500 episodes, and the lengths of the greedy paths, of 10 runs."""
    explore = mf.EpsilonGreedy(0.1, ties="first", draws=2)
    run = mf.train(CLIFF, make(discount=1.0, explore=explore), episodes=1500, runs=10, seed=1)
    where, lengths = np.full(10, 36), np.zeros(10, int)
    for _ in range(48):
        action = run.tables()["greedy"][np.arange(10), where, 0]
        lengths += where != 47
        where = np.where(where == 47, 47, CLIFF.transitions[where, action].argmax(axis=1))
    return run.returns[:, -300:].mean(), lengths


def test_q_learning_takes_the_edge_of_the_cliff_and_sarsa_the_safe_path():
    # The shortest path, along the edge, has 13 steps; the safest 17.
    q, edge = on_the_cliff(lambda **options: mf.IQL(0.1, **options))
    assert (edge == 13).all() and q < -40
    for make in (lambda **options: SARSA(0.1, **options), lambda **options: ExpectedSARSA(0.1, **options),
                 lambda **options: SARSA(0.1, trace_decay=0.5, **options)):
        safe, path = on_the_cliff(make)
        assert (path >= 15).all() and (path <= 17).all() and safe > -30


def biased():
    """Sutton and Barto (2018), example 6.7: right ends with 0; left leads to where all actions cost 0.1 on average.

    The second agent is chance. Even actions of the first are left.
    """
    width = 10
    transitions, rewards = np.zeros((3, width, 2, 3)), np.zeros((3, width, 2, 2))
    transitions[0, ::2, :, 1] = transitions[0, 1::2, :, 2] = transitions[1:, :, :, 2] = 1.0
    rewards[1, :, 0, 0], rewards[1, :, 1, 0] = -1.1, 0.9
    return mf.games.MarkovGame(transitions.reshape(3, -1, 3), rewards.reshape(3, -1, 2), (width, 2),
                               terminal=[False, False, True])


def test_double_q_is_not_misled_by_luck():
    # At best 5 % of the steps from the start go left, all of them by exploration.
    explore, left = mf.EpsilonGreedy(0.1, ties="random"), {}
    for make in (mf.IQL, DoubleQ):
        run = mf.train(biased(), learners=[make(0.1, discount=1.0, explore=explore), CHANCE], episodes=300, runs=300,
                       seed=1)
        left[make] = (run.lengths == 2).mean(axis=0)
    assert left[mf.IQL][5:60].mean() > 0.85 and left[mf.IQL][100:200].mean() > 0.3
    assert left[DoubleQ][5:60].mean() < 0.5 and left[DoubleQ][200:].mean() < 0.09


def walk():
    """Sutton and Barto (2018), example 6.2: five states in a row, left and right alike, 1 for leaving on the right."""
    transitions, rewards, start = np.zeros((7, 1, 7)), np.zeros((7, 1)), np.zeros(7)
    for state in range(1, 6):
        transitions[state, 0, [state - 1, state + 1]] = 0.5
    transitions[0, 0, 0] = transitions[6, 0, 6] = start[3] = 1.0
    return transitions, rewards, start


@pytest.mark.parametrize("learner", [
    SARSA(0.02, discount=1.0), SARSA(0.02, discount=1.0, trace_decay=0.8),
    SARSA(0.02, discount=1.0, trace_decay=0.8, traces="accumulating"), QLambda(0.02, discount=1.0, trace_decay=0.8),
    ExpectedSARSA(0.02, discount=1.0), DoubleQ(0.04, discount=1.0), MonteCarlo(0.01, discount=1.0),
    MonteCarlo(0.01, discount=1.0, initial_q=0.5)], ids=lambda learner: learner.name)
def test_values_of_a_random_walk(learner):
    # Rewards depend on state and action alone: leaving on the right leads to a state that is left with a reward of 1.
    transitions, rewards, start = walk()
    transitions, start = np.pad(transitions, ((0, 1), (0, 0), (0, 1))), np.append(start, 0.0)
    transitions[6, 0] = transitions[7, 0] = transitions[0, 0] = np.arange(8) == 7
    rewards = np.append(rewards, [[0.0]], axis=0)
    rewards[6] = 1.0
    game = mf.games.MarkovGame(transitions, rewards, (1,), start=start, terminal=np.arange(8) == 7, horizon=200)
    run = mf.train(game, learner, episodes=1000, runs=40, seed=1, record_every=0)
    assert run.q[:, 1:6, 0, 0].mean(axis=0) == pytest.approx(np.arange(1, 6) / 6, abs=0.03)


@pytest.mark.parametrize("learner", [SARSA(0.5, discount=0.5, trace_decay=1.0, trace_cutoff=1e-9),
                                     QLambda(0.5, discount=0.5, trace_decay=1.0, trace_cutoff=1e-9),
                                     MonteCarlo(0.5, discount=0.5)], ids=lambda learner: learner.name)
def test_what_comes_last_reaches_the_whole_episode(learner, backend):
    # A corridor of 6 squares, 8 at its end: after one episode 1/2 * 8 / 2**k, k squares from the end; Q-learning knows
    # the last square only.
    transitions = np.zeros((7, 1, 7))
    transitions[np.arange(7), 0, np.minimum(np.arange(7) + 1, 6)] = 1.0
    rewards = np.zeros((7, 1))
    rewards[5] = 8.0
    game = mf.games.MarkovGame(transitions, rewards, (1,), terminal=np.arange(7) == 6, horizon=20)
    run = mf.train(game, learner, episodes=1, backend=backend)
    assert run.q[0, :, 0, 0].tolist() == [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 0.0]
    alone = mf.train(game, mf.IQL(0.5, discount=0.5), episodes=1, backend=backend)
    assert alone.q[0, :, 0, 0].tolist() == [0.0] * 5 + [4.0, 0.0]


def test_monte_carlo_in_pieces_of_one_step_is_expected_sarsa(backend):
    game = random_markov(6, (3, 2), states=5)
    one, other = (mf.train(game, make, steps=200, seed=1, backend=backend) for make in (
        MonteCarlo(0.3, longest=1), ExpectedSARSA(0.3)))
    assert one.q.tobytes() == other.q.tobytes()


def test_how_much_of_an_episode_monte_carlo_keeps():
    for horizon, longest, kept in ((0, None, 1000), (0, 7, 7), (9, None, 9), (9, 4, 4)):
        game = mf.games.MatrixGame(CLIMBING, horizon=horizon)
        one, other = (mf.train(game, MonteCarlo(longest=longest), steps=30, runs=2, seed=1, backend=backend)
                      for backend in ("cython", "numpy"))
        assert one.arrays["learner.rewards"].shape == (2, 2, kept)
        assert_same(one, other)


@pytest.mark.parametrize("learner, error", [
    (DistributedQ(discount=0.8, explore=mf.EpsilonGreedy(1.0), initial_q=-20.0), 1e-9),
    (HystereticQ(0.5, 0.1, discount=0.8, explore=mf.EpsilonGreedy(1.0)), 1e-6),
    (DoubleQ(0.5, discount=0.8, explore=mf.EpsilonGreedy(1.0)), 1e-6),
    (QLambda(0.3, discount=0.8, explore=mf.EpsilonGreedy(0.5)), 1e-3),
    (ExpectedSARSA(0.5, discount=0.8, explore=mf.EpsilonGreedy(0.4)), 1e-6),
], ids=lambda value: getattr(value, "name", None))
def test_the_values_of_a_decision_problem(learner, error):
    # Those of the optimal policy; on-policy, those of the best policy that explores as the learner does.
    game, exploring = random_markov(5, (3,), states=5, certain=True), 0.4 if learner.name == "expected_sarsa" else 0.0
    best = np.zeros((5, 3))
    for _ in range(300):
        ahead = (1.0 - exploring) * best.max(axis=1) + exploring * best.mean(axis=1)
        best = game.rewards[:, :, 0] + 0.8 * (game.transitions @ ahead)
    run = mf.train(game, learner, steps=6000, seed=1)
    assert run.q[0, :, 0] == pytest.approx(best, abs=error)


# -- frequency adjustment: the dynamics that it follows (Kaisers and Tuyls 2010) -----------------

def dynamics(a, b, x, y, temperature, time, steps=800):
    """Replicator dynamics with mutation of two populations: selection by payoff / temperature, mutation by entropy."""
    def one(p, pay):
        return p * ((pay - p @ pay) / temperature - (np.log(p) - p @ np.log(p)))

    def both(z):
        return np.array([one(z[0], a @ z[1]), one(z[1], b.T @ z[0])])

    z, h = np.array([x, y]), time / steps
    for _ in range(steps):
        k1 = both(z)
        k2 = both(z + h / 2 * k1)
        k3 = both(z + h / 2 * k2)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + both(z + h * k3))
    return z


DILEMMA, PENNIES = np.array([[3.0, 0.0], [5.0, 1.0]]), np.array([[1.0, -1.0], [-1.0, 1.0]])


def policies(make, a, b, x, y, temperature, steps):
    """Mean probabilities of both agents' first action, where they begin with x and y."""
    level = a.mean()
    q = [[level + temperature * np.log(p / (1.0 - p)), level] for p in (x, y)]
    learner = make(discount=0.0, explore=mf.Boltzmann(temperature), initial_q=q)
    run = mf.train(mf.games.MatrixGame(a, b), learner, steps=steps, runs=60, seed=1, record_every=0)
    q = run.q[:, 0] / temperature
    return (1.0 / (1.0 + np.exp(q[:, :, 1] - q[:, :, 0]))).mean(axis=0)


@pytest.mark.parametrize("steps", [600, 1500, 4000])
@pytest.mark.parametrize("a, b, x, y, temperature", [
    (DILEMMA, DILEMMA.T, 0.9, 0.8, 0.5), (DILEMMA, DILEMMA.T, 0.7, 0.35, 0.5), (PENNIES, -PENNIES, 0.8, 0.4, 0.2)])
def test_frequency_adjusted_q_follows_its_dynamics(a, b, x, y, temperature, steps):
    # Standard errors of the means are below 0.005, and so is what finite rates make.
    time = steps * 0.01 * 0.05
    expected = dynamics(a, b, [x, 1 - x], [y, 1 - y], temperature, time)[:, 0]
    got = policies(lambda **options: FrequencyAdjustedQ(0.01, 0.05, **options), a, b, x, y, temperature, steps)
    assert got == pytest.approx(expected, abs=0.02)
    if a is DILEMMA:        # where Q-learning, at half chances as fast, does not
        other = policies(lambda **options: mf.IQL(0.001, **options), a, b, x, y, temperature, steps)
        assert np.abs(other - expected).max() > 0.02


# -- what they refuse ----------------------------------------------------------------------------

@pytest.mark.parametrize("make, error, message", [
    (lambda: SARSA(1.5), ValueError, "learning_rate.*: expected 0.0 to 1.0, got 1.5"),
    (lambda: SARSA(discount=-0.1), ValueError, "discount: expected 0.0 to 1.0, got -0.1"),
    (lambda: SARSA(trace_decay=1.1), ValueError, "trace_decay: expected 0.0 to 1.0, got 1.1"),
    (lambda: SARSA(trace_decay="much"), TypeError, "trace_decay: expected a number, got 'much'"),
    (lambda: SARSA(trace_length=0), ValueError, "trace_length: expected 1 to 1048576, got 0"),
    (lambda: SARSA(trace_length=2.5), TypeError, "trace_length: expected a whole number, got 2.5"),
    (lambda: SARSA(trace_cutoff=0.0), ValueError, "trace_cutoff: expected greater than 0 and at most 1, got 0.0"),
    (lambda: SARSA(trace_cutoff=2.0), ValueError, "trace_cutoff: expected greater than 0 and at most 1, got 2.0"),
    (lambda: QLambda(traces="dutch"), ValueError, "traces: expected one of 'replacing', 'accumulating', got 'dutch'"),
    (lambda: QLambda(explore="boltzman"), ValueError, "did you mean 'boltzmann'"),
    (lambda: HystereticQ(0.1, -0.1), ValueError, "decrease_rate.*: expected 0.0 to 1.0, got -0.1"),
    (lambda: HystereticQ(0.1, [0.1, 2.0]), ValueError, r"decrease_rate\[1\]: expected 0.0 to 1.0, got 2.0"),
    (lambda: FrequencyAdjustedQ(0.1, 1.5), ValueError, "beta.*: expected 0.0 to 1.0, got 1.5"),
    (lambda: FrequencyAdjustedQ(explore=BOLD), ValueError,
     "explore: frequency-adjusted Q-learning needs the probabilities of marlfast.Boltzmann, got 'epsilon_greedy'"),
    (lambda: DistributedQ(learning_rate=0.1), TypeError, "learning_rate"),
    (lambda: DoubleQ(initial_q=[np.nan]), ValueError, "initial_q: expected finite numbers"),
    (lambda: ExpectedSARSA(share=3), TypeError, "share: expected 'none', 'all', 'team' or a table for each agent"),
    (lambda: MonteCarlo(longest=0), ValueError, "longest: expected 1 to 1048576, got 0"),
    (lambda: mf.train(MARKOV, DoubleQ(share="all"), episodes=1), ValueError, "share: agents .* share a table"),
    (lambda: mf.train(MARKOV, HystereticQ(0.1, [0.1, 0.2]), episodes=1, runs=3), ValueError,
     "learner.decrease_rate: expected one value per run, 3, got 2"),
    (lambda: mf.train(MARKOV, SARSA(trace_decay=[0.1, 0.2]), episodes=1, runs=3), ValueError,
     "learner.trace_decay: expected one value per run, 3, got 2"),
])
def test_arguments_that_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
