"""Auctions: who wins, who pays what, ties, and published revenues' direction."""
import itertools

import numpy as np
import pytest

import marlfast as mf
from marlfast.games.auctions import SealedBidAuction
from marlfast.registry import from_dict

BIDS = (1.0, 2.0, 3.0)
THREE = SealedBidAuction(3, (10.0, 20.0, 30.0), BIDS, "second")
EXAMPLES = [
    SealedBidAuction(), SealedBidAuction(payment="second", horizon=10), SealedBidAuction(ties="shared", payment=1.5),
    THREE, SealedBidAuction(4, 1.0, (0.5,)), SealedBidAuction(2, (1.0, 0.5), BIDS, memory=2, horizon=6),
    SealedBidAuction(3, 1.0, (0.0, 0.25), 1.25, "shared", memory=1, start="uniform"),
]


def outcomes(values, bids, payment):
    """Every way it can end, with its probability: by the rules, in words."""
    best = max(bids)
    tied = [i for i, b in enumerate(bids) if b == best]
    for winner in tied:
        others = max(b for i, b in enumerate(bids) if i != winner)
        a = {"first": 1.0, "second": 2.0}.get(payment, payment)
        paid = (2 - a) * best + (a - 1) * others
        yield 1 / len(tied), [values[i] - paid if i == winner else 0.0 for i in range(len(bids))], paid


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_expected_rewards_and_revenue_by_the_rules(game):
    values = np.broadcast_to(game.values, game.agents)
    for joint in itertools.product(range(len(game.bids)), repeat=game.agents):
        ends = list(outcomes(values, [game.bids[a] for a in joint], game.payment))
        wanted = sum(p * np.array(rewards) for p, rewards, _ in ends)
        assert game.expected[joint] == pytest.approx(wanted, abs=1e-14)
        assert game.revenue[game.joint(joint)] == pytest.approx(sum(p * paid for p, _, paid in ends), abs=1e-14)


def test_the_published_auction():
    game = SealedBidAuction()
    assert (game.agents, game.observations, game.horizon, game.setting) == (2, 1, 0, "mixed")
    assert game.bids == pytest.approx(np.arange(1, 20) * 0.05) and game.bids[0] == 0.05 and game.bids[-1] == 0.95
    assert game.reward_bounds == (0.0, 0.95)
    # Bids .50 and .30: the first wins .50; the second price leaves it .70; halfway .60.
    for payment, reward in (("first", 0.5), (1.0, 0.5), ("second", 0.7), (2.0, 0.7), (1.5, 0.6)):
        game = SealedBidAuction(payment=payment)
        assert game.expected[9, 5].tolist() == [pytest.approx(reward), 0.0]
        assert game.expected[5, 9].tolist() == [0.0, pytest.approx(reward)]


def test_a_tie_of_two_is_won_by_one(backend):
    """4000 draws: all or nothing, each half the time, within three standard deviations."""
    env = SealedBidAuction().env(runs=4000, seed=3, backend=backend)
    env.reset()
    rewards = env.step(np.full((4000, 2), 7, np.int32))[1]
    assert set(map(tuple, rewards.tolist())) == {(0.6, 0.0), (0.0, 0.6)}
    assert abs((rewards[:, 0] > 0).mean() - 0.5) < 3 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("u, winner", [(0.0, 0), (0.33, 0), (0.34, 1), (0.66, 1), (0.67, 2), (1 - 2**-53, 2)])
def test_a_tie_of_three_by_its_draw(backend, u, winner):
    kernel, rewards = THREE.kernel(backend), np.zeros((1, 3))
    assert kernel.step_uniforms == 1
    kernel.step(np.zeros((1, 1)), np.full((1, 3), 1, np.int32), np.array([[u]]), np.zeros((1, 0)), rewards,
                np.ones(1, bool))
    wanted = np.zeros(3)
    wanted[winner] = 10.0 * (winner + 1) - 2.0       # all bid 2: the second price is 2
    assert rewards[0].tolist() == wanted.tolist()


@pytest.mark.parametrize("u, winner", [(0.0, 0), (0.49, 0), (0.5, 2), (1 - 2**-53, 2)])
def test_a_tie_of_two_of_three(backend, u, winner):
    kernel, rewards = THREE.kernel(backend), np.zeros((1, 3))
    kernel.step(np.zeros((1, 1)), np.array([[2, 0, 2]], np.int32), np.array([[u]]), np.zeros((1, 0)), rewards,
                np.ones(1, bool))
    assert np.flatnonzero(rewards[0]).tolist() == [winner] and rewards[0, winner] == 10.0 * (winner + 1) - 3.0


def test_the_draw_changes_nothing_where_there_is_no_tie(backend):
    kernel = THREE.kernel(backend)
    for u in (0.0, 0.5, 1 - 2**-53):
        rewards = np.zeros((1, 3))
        kernel.step(np.zeros((1, 1)), np.array([[0, 2, 1]], np.int32), np.array([[u]]), np.zeros((1, 0)), rewards,
                    np.ones(1, bool))
        assert rewards.tolist() == [[0.0, 18.0, 0.0]]       # 20 less the second price, 2


def test_a_shared_tie_pays_what_a_drawn_one_does_on_average():
    drawn, shared = (SealedBidAuction(3, (1.0, 2.0, 3.0), BIDS, ties=ties) for ties in ("drawn", "shared"))
    assert shared.expected == pytest.approx(drawn.expected, abs=1e-14)
    assert shared.kernel().step_uniforms == 0 and shared.expected[1, 1, 1].tolist() == [-1 / 3, 0.0, 1 / 3]
    assert (shared.revenue == drawn.revenue).all()


def test_it_is_weakly_best_to_bid_the_most_in_a_second_price_auction():
    # Value 1 above every bid: the highest bid is never worse than another, whatever the other bids.
    own = SealedBidAuction(payment="second").expected[..., 0]
    assert (own[-1] >= own).all()


def test_equilibria():
    # First price, bids 1/32 apart: at (b, b) each has (1 - b) / 2, and 1 - b - 1/32 by bidding one step more, which is
    # no gain iff b >= 30/32 (numbers 29 and, where none can bid more, 30).
    assert SealedBidAuction(bids=[k / 32 for k in range(1, 32)]).pure_equilibria() == [(29, 29), (30, 30)]


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_written_and_made_again(game):
    again = from_dict("game", game.to_dict())
    assert again == game and (again.expected == game.expected).all()


def test_what_it_looks_like():
    game = SealedBidAuction(memory=1)
    assert game.render([19.0 * 18 + 0]) == "bids 0.95 0.05" and game.render([361.0]) == "no auction yet"
    assert SealedBidAuction().render([0.0]) == "nothing is remembered"


@pytest.mark.parametrize("make, error, words", [
    (lambda: SealedBidAuction(1), ValueError, "agents: expected 2 to 30, got 1"),
    (lambda: SealedBidAuction(31), ValueError, "agents: expected 2 to 30, got 31"),
    (lambda: SealedBidAuction(values=(1, 2, 3)), ValueError, "values: expected one number, or one for each of 2"),
    (lambda: SealedBidAuction(values=(1, None)), TypeError, "values[1]: expected a number, got None"),
    (lambda: SealedBidAuction(bids=0.5), TypeError, "bids: expected a sequence of numbers, got 0.5"),
    (lambda: SealedBidAuction(bids=()), ValueError, "bids: expected at least one, got none"),
    (lambda: SealedBidAuction(bids=(0.1, 0.1)), ValueError, "bids[1]: expected more than the bid before it (0.1)"),
    (lambda: SealedBidAuction(bids=(0.1, "x")), TypeError, "bids[1]: expected a number"),
    (lambda: SealedBidAuction(payment="third"), ValueError, "payment: expected one of 'first', 'second', got 'third'"),
    (lambda: SealedBidAuction(payment=2.5), ValueError, "payment: expected 1.0 to 2.0, got 2.5"),
    (lambda: SealedBidAuction(payment=None), TypeError, "payment: expected a number, got None"),
    (lambda: SealedBidAuction(ties="split"), ValueError, "ties: expected one of 'drawn', 'shared', got 'split'"),
    (lambda: SealedBidAuction(8), ValueError, "payoffs: 16,983,563,041 joint actions x 8 outcomes x 8 agents are"),
    (lambda: SealedBidAuction(memory=4), ValueError, "memory: 4 rounds of 361 joint actions are 17,030,739,605 "),
])
def test_bad_input_is_refused_in_one_sentence(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


def test_both_backends_learn_alike():
    for game in EXAMPLES:
        runs = [mf.train(game, mf.IQL(), steps=40, runs=2, seed=3, backend=backend) for backend in ("cython", "numpy")]
        assert runs[0].q.tobytes() == runs[1].q.tobytes()


def test_published_revenues():
    """Mean revenue .2265 at the first price and .9471 at the second, of 1000 runs of 10^6 periods.

    The standard deviation over runs is .08 and .10 (60 runs: means .241 and .938): within three standard errors of 6.
    """
    learner = mf.IQL(0.05, discount=0.99, initial_q=100.0,
                     explore=mf.EpsilonGreedy(mf.schedules.Exponential(0.025, float(np.exp(-2e-4)))))
    for payment, published, deviation in (("first", 0.2265, 0.08), ("second", 0.9471, 0.10)):
        game = SealedBidAuction(payment=payment)
        run = mf.train(game, learner, steps=1_000_000, runs=6, seed=1, record_every=0)
        revenue = game.revenue[game.joint(run.q[:, 0].argmax(axis=2))].mean()
        assert abs(revenue - published) < 3 * deviation / np.sqrt(6)
