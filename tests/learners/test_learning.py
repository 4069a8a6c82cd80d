"""Teams do learn: against random teams by a wide margin, and to published outcomes."""
import numpy as np
import pytest

import marlfast as mf

DRIFT = mf.games.Drift()       # the article's game: 4 agents, 2 state variables, 5 actions, 100 steps


def play(policy, runs=8):
    """Mean team return of each run, over 200 episodes."""
    return mf.evaluate(DRIFT, policy, episodes=200, runs=runs).team_returns.mean(axis=1)


def learn(episodes, learner=None, rewards=None, shaping=()):
    return mf.train(DRIFT, learner or mf.IQL(), encoder=mf.Rounding(0), rewards=rewards, shaping=shaping,
                    episodes=episodes, runs=8)


@pytest.fixture(scope="module")
def random():
    """Random teams reach -2034 to -2008; standard deviation over runs 9."""
    returns = play("random")
    assert -2060 < returns.min() and returns.max() < -1980
    return returns


@pytest.fixture(scope="module")
def apart():
    """The default learner, a table each, rewards shared, 2000 episodes."""
    return play(learn(2000, rewards=mf.rewards.cooperative()))


def test_a_cooperative_team_beats_a_random_one(random):
    """5000 episodes: -735 to -462, mean -617, standard deviation over runs 108; random: -2034 to -2008.

    The worst learned run is 1270 above the best random one, the means are 13 standard deviations apart.
    """
    run = learn(5000, rewards=mf.rewards.cooperative())
    learned = play(run)
    assert learned.min() > random.max() + 1000
    assert learned.mean() - random.mean() > 8 * max(learned.std(ddof=1), random.std(ddof=1))
    # It is seen in training too: from the level of a random team, in the first 100 episodes, to less than half of it.
    training = run.team_returns
    assert abs(training[:, :100].mean() - random.mean()) < 50
    assert training[:, -500:].mean(axis=1).min() > random.mean() / 2
    # Per run and quarter, better and better.
    quarters = training.reshape(8, 4, -1).mean(axis=2)
    assert (np.diff(quarters, axis=1) > 0).all()


@pytest.mark.parametrize("rewards", [None, mf.rewards.difference()])
def test_other_structures_beat_a_random_team(random, rewards):
    """2000 episodes: individual rewards -1350 to -910, difference rewards -1216 to -491."""
    learned = play(learn(2000, rewards=rewards))
    assert learned.min() > random.max() + 500
    assert learned.mean() - random.mean() > 3 * learned.std(ddof=1)


def test_shaping_as_in_the_article(random):
    """Diversity and redundancy added: -1309 to -795 after 2000 episodes."""
    shaping = [mf.rewards.Diversity(), mf.rewards.Redundancy()]
    learned = play(learn(2000, rewards=mf.rewards.cooperative(), shaping=shaping))
    assert learned.min() > random.max() + 500


def test_difference_rewards_learn_faster_than_shared_ones(apart):
    """2000 episodes: mean -986 against -1130 (with two draws and ties first -834 and -1154), standard error 95."""
    difference = play(learn(2000, rewards=mf.rewards.difference()))
    error = np.sqrt(difference.var(ddof=1) / 8 + apart.var(ddof=1) / 8)
    assert difference.mean() - apart.mean() > error


def test_sharing_a_table_learns_faster(apart):
    """2000 episodes: -240 to -107 with one table, -1403 to -880 with a table each."""
    shared = play(learn(2000, mf.IQL(share="all"), mf.rewards.cooperative()))
    assert shared.min() > apart.max() + 400


def test_nothing_is_learned_with_rate_zero(random):
    """The other tests' control: with learning rate 0 the team acts as at first (always 0), in training at random."""
    run = learn(300, mf.IQL(0.0, explore=mf.EpsilonGreedy(1.0)))
    assert not run.q.any()
    assert abs(run.team_returns.mean() - random.mean()) < 30


def greedy_pairs(run):
    """The greedy joint action of every run of a stateless game of two."""
    return [tuple(pair) for pair in run.q[:, 0].argmax(axis=2).tolist()]


def train_stateless(payoffs, learner, steps, runs, **options):
    return mf.train(mf.games.MatrixGame(*payoffs), learner, steps=steps, runs=runs, record_every=0, **options)


DILEMMA = [[[3.0, 0.0], [5.0, 1.0]], [[3.0, 5.0], [0.0, 1.0]]]


@pytest.mark.parametrize("rewards,pair,value", [
    # Defection is dominant for selfish agents; shared rewards make cooperation the best reply to itself.
    (mf.rewards.individual(), (1, 1), 1.0), (mf.rewards.cooperative(), (0, 0), 3.0),
    (mf.rewards.competitive(), (1, 1), 0.0)])
def test_prisoners_dilemma(rewards, pair, value):
    """Every one of 50 runs ends in the known outcome, with the value that it pays (but for 1 % exploration)."""
    learner = mf.IQL(0.1, discount=0.0, explore=mf.EpsilonGreedy(1.0, decay=0.999, minimum=0.01))
    run = train_stateless(DILEMMA, learner, 10_000, 50, rewards=rewards)
    assert set(greedy_pairs(run)) == {pair}
    taken = run.q[:, 0, [0, 1], pair]
    assert np.abs(taken.mean(axis=0) - value).max() < 0.05


@pytest.mark.parametrize("payoffs,optimal,published", [
    ([[10, 0, 0], [0, 2, 0], [0, 0, 10]], {(0, 0), (2, 2)}, 1.00),
    ([[10, 0, -100], [0, 2, 0], [-100, 0, 10]], {(0, 0), (2, 2)}, 0.97),
    ([[11, -30, 0], [-30, 7, 6], [0, 0, 5]], {(0, 0)}, 0.16),
], ids=["penalty 0", "penalty -100", "climbing"])
def test_published_shares_of_optimal_joint_actions(payoffs, optimal, published):
    """Decentralised Q-learning of Matignon, Laurent and Le Fort-Piat (2012): 100, 97 and 16 % of the trials.

    Stateless, rate 0.1, softmax with temperature 5000 * 0.997 ** t, 3000 repetitions. Here, 1000 runs: 100, 96 and
    13.4 %; the standard error of a share of 16 % is 1.2 points.
    """
    temperature = mf.schedules.Exponential(5000.0, 0.997, minimum=1e-3)
    run = train_stateless([payoffs], mf.IQL(0.1, discount=0.0, explore=mf.Boltzmann(temperature)), 3000, 1000)
    share = np.mean([pair in optimal for pair in greedy_pairs(run)])
    assert abs(share - published) < 0.05


def test_a_lone_agent_finds_the_best_arm_in_chance():
    """States drawn at random: action 1 pays 0.9 in state 0 and 0.3 in state 1, action 0 always 0.5."""
    transitions = np.full((2, 2, 2), 0.5)
    game = mf.games.MarkovGame(transitions, [[0.5, 0.9], [0.5, 0.3]], (2,), horizon=20)
    learner = mf.IQL(mf.schedules.Harmonic(0.5, 0.01), discount=0.0, explore=mf.EpsilonGreedy(0.2))
    run = mf.train(game, learner, episodes=500, runs=20)
    assert (run.q[:, 0, 0].argmax(axis=1) == 1).all() and (run.q[:, 1, 0].argmax(axis=1) == 0).all()
    assert np.abs(run.q[:, :, 0] - [[0.5, 0.9], [0.5, 0.3]]).max() < 1e-3


def test_memory_makes_the_difference_between_states():
    """With a grid every run ends at -435 or better; of those that see nothing some drift off, to -2000 and below."""
    seeing, blind = (play(mf.train(DRIFT, mf.IQL(share="all"), encoder=encoder, rewards=mf.rewards.cooperative(),
                                   episodes=500, runs=8)) for encoder in (mf.Grid(-5, 5, [10, 1]), mf.Grid(-5, 5, 1)))
    assert seeing.min() > -600 and blind.min() < -1500


# -- games that strict dominance decides --------------------------------------------------------------

def _undominated(payoffs):
    """Actions that are left where strictly dominated ones are left out, again and again: a list for each agent."""
    left = [list(range(n)) for n in payoffs.shape[:-1]]
    while True:
        before = sum(map(len, left))
        for i in range(len(left)):
            own = np.moveaxis(payoffs[np.ix_(*left)][..., i], i, 0).reshape(len(left[i]), -1)
            left[i] = [a for k, a in enumerate(left[i]) if not any((other > own[k]).all() for other in own)]
        if sum(map(len, left)) == before:
            return left


# All of the library that one round of them decides, the two-price duopoly included; nobody knows that it is one.
DECIDED = [
    mf.games.PrisonersDilemma(), mf.games.PublicGoods(), mf.games.PublicGoods(2, multiplier=1.5), mf.games.Braess(4),
    mf.games.LogitBertrand(2, 2, memory=0, horizon=1), mf.games.LogitBertrand(3, 2, memory=0, horizon=1),
]


@pytest.mark.parametrize("game", DECIDED, ids=lambda one: f"{one.name}, {one.agents}")
def test_games_that_dominance_decides_end_in_their_solution_at_all_defaults(game):
    """400 teams of the dilemma, 100 of the others; 5,000 episodes, as the command line has them."""
    m = mf.analysis.model(game)
    solution = _undominated(m.expected[0].reshape(*m.actions, m.agents))
    assert all(len(actions) == 1 for actions in solution)
    run = mf.train(game, mf.IQL(), episodes=5000, runs=400 if game.name == "prisoners_dilemma" else 100, seed=0,
                   record_every=0)
    played = mf.analysis.strategies(game, run).actions[:, 0]
    assert (played == np.concatenate(solution)).all()
    assert run.q.max() <= max(0.0, m.expected.max()) + 1e-9           # nothing is worth more than the game pays


def test_no_other_normal_form_is_decided_by_dominance():
    from marlfast.registry import names

    found = []
    for name, cls in names("game").items():
        try:
            game = cls()
        except (TypeError, ValueError):
            continue                        # made of payoffs or functions
        if hasattr(game, "expected") and all(len(actions) == 1 for actions in _undominated(game.expected)):
            found.append(name)
    assert found == ["prisoners_dilemma"]
