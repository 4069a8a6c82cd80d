"""Pricing in turns: profits by hand, the order of moves, and learning against known benchmarks."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marlfast as mf
from marlfast.games.sequential import SequentialPricing

EXAMPLES = [SequentialPricing(), SequentialPricing(k=1, horizon=3), SequentialPricing(k=11, horizon=20)]


def stepped(game, state, actions, backend="cython"):
    """(next state, rewards) of one step."""
    kernel = game.kernel(backend)
    state, rewards, ended = np.array([[float(state)]]), np.zeros((1, 2)), np.ones(1, bool)
    kernel.step(state, np.array([actions], np.int32), np.zeros((1, 0)), np.zeros((1, 0)), rewards, ended)
    assert not ended[0]
    return int(state[0, 0]), rewards[0].tolist()


@pytest.mark.parametrize("turn, standing, set_to, next_state, mover, other", [
    # Prices in sixths. 3 under 4: sells 1 - 1/2 at 1/2; 4 over 3 sells nothing, and the 3 that stands earns.
    (0, 4, 3, 7 + 3, 0.25, 0.0), (0, 3, 4, 7 + 4, 0.0, 0.25), (0, 3, 3, 7 + 3, 0.125, 0.125),
    (1, 4, 3, 3, 0.25, 0.0), (1, 3, 4, 4, 0.0, 0.25), (1, 3, 3, 3, 0.125, 0.125),
    # 2 under 6: (1/3)(2/3) = 2/9. At 6 nobody buys, at 0 nobody earns.
    (0, 6, 2, 7 + 2, 2 / 9, 0.0), (1, 6, 6, 6, 0.0, 0.0), (0, 0, 0, 7, 0.0, 0.0), (1, 1, 0, 0, 0.0, 0.0),
])
def test_by_hand(backend, turn, standing, set_to, next_state, mover, other):
    game = SequentialPricing()
    for ignored in range(7):
        actions, rewards = ([set_to, ignored], [mover, other]) if turn == 0 else ([ignored, set_to], [other, mover])
        state, paid = stepped(game, 7 * turn + standing, actions, backend)
        assert state == next_state and paid == pytest.approx(rewards, abs=1e-15)


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_the_firms_are_alike(k, seed):
    # Who moves second at what the first mover met earns what that one earned.
    n = k + 1
    generator = np.random.default_rng(seed)
    standing, price, ignored = generator.integers(0, n, 3).tolist()
    game = SequentialPricing(k=k)
    state, rewards = stepped(game, standing, [price, ignored])
    mirrored, swapped = stepped(game, n + standing, [ignored, price])
    assert state - n == mirrored == price and rewards == swapped[::-1]


@given(st.integers(1, 12))
def test_no_pair_earns_more_than_a_monopoly(k):
    game = SequentialPricing(k=k)
    prices = np.arange(k + 1) / k
    totals = game.markov.rewards.sum(axis=2)
    assert totals.max() == pytest.approx((prices * (1 - prices)).max()) and totals.min() == 0.0
    assert game.reward_bounds == (0.0, pytest.approx(totals.max()))


def test_facts():
    game = SequentialPricing()
    assert (game.agents, game.action_counts.tolist(), game.observations, game.views) == (2, [7, 7], 14, 1)
    assert (game.setting, game.horizon, game.ends) == ("mixed", 0, False)
    assert game.kernel().step_uniforms == 0
    assert game.to_dict() == {"name": "sequential_pricing", "k": 6, "horizon": 0, "turns": False}
    assert game.render([7 + 2]) == "firm 1 to set its price, firm 0 stands at 2/6"
    # What the class says without its arrays is what they say.
    for example in EXAMPLES:
        arrays = example.markov
        assert (arrays.agents, arrays.observations, arrays.ends) == (example.agents, example.observations, example.ends)
        assert arrays.action_counts.tolist() == example.action_counts.tolist()


def test_a_start_is_any_standing_price_and_the_first_firms_turn():
    env = SequentialPricing(k=3).env(runs=400, seed=2)
    assert sorted(set(env.reset().ravel().tolist())) == [0.0, 1.0, 2.0, 3.0]
    assert np.bincount(env.state.ravel().astype(int)).min() > 60


def test_what_is_learned_against_a_rival_that_stays_has_the_papers_values():
    """The recursion of the paper, two periods at a time, and the one of single steps have the same values.

    The rival always answers with price 4 (of 6): the firm earns by what it charges, then by what it charges while the
    rival's answer stands beside it.
    """
    discount, game = 0.95, SequentialPricing()
    price = np.arange(7) / 6
    profit = price[:, None] * np.where(price[:, None] < price, 1 - price[:, None],
                                       np.where(price[:, None] == price, (1 - price[:, None]) / 2, 0.0))  # [own, other]
    q = np.zeros((7, 7))                                                                # [rival's, own]
    for _ in range(2000):
        q = profit.T + discount * profit[:, 4][None, :] + discount**2 * q[4].max()
    table = game.markov.transitions.reshape(14, 7, 7)[:, :, 4], game.markov.rewards.reshape(14, 7, 7, 2)[:, :, 4, 0]
    single = np.zeros((14, 7))
    for _ in range(4000):
        single = table[1] + discount * single[table[0]].max(axis=2)
    assert single[:7] == pytest.approx(q, abs=1e-9)
    assert np.ptp(single[7:], axis=1).max() < 1e-9       # who waits, waits whatever it does


def test_patient_learners_end_above_the_competitive_profit():
    learner = mf.IQL(0.3, discount=0.95, explore=mf.EpsilonGreedy(mf.schedules.Exponential(1.0, 0.99998, per="step")))
    run = mf.train(SequentialPricing(), learner, steps=500_000, runs=8, seed=3, record_every=0)
    played = mf.evaluate(SequentialPricing(horizon=200), run, episodes=1)
    # Between undercutting to nothing and a monopoly shared.
    mean = played.returns.mean() / 200
    assert 0.05 < mean <= 0.125 + 1e-12


@pytest.mark.parametrize("options, error, message", [
    ({"k": 0}, ValueError, "k: expected 1 to 1073741824, got 0"), ({"k": 2.5}, TypeError, "k: expected a whole number"),
    ({"horizon": -1}, ValueError, "horizon: expected at least 0"),
    ({"k": 10**6}, MemoryError, "k: transitions between 1000001 prices need about 10**10 GB, more than there is ")])
def test_bad_input(options, error, message):
    with pytest.raises(error) as caught:
        SequentialPricing(**options)
    assert str(caught.value).startswith(message)


# -- in turns, as in the paper --------------------------------------------------------------------

def test_in_turns_who_waits_has_no_action(backend):
    game = mf.games.SequentialPricing(k=2, turns=True)
    assert game.participation == ("to_act",) and game.to_dict()["turns"] is True
    env = game.env(seed=0, backend=backend)
    first = int(env.reset()[0, 0, 0])
    assert env.to_act.tolist() == [[True, False]] and first in (0, 1, 2)
    obs, rewards, *_ = env.step([[1, 2]])           # the 2 of the firm that waits is not looked at
    assert int(obs[0, 0, 0]) == 3 + 1 and env.to_act.tolist() == [[False, True]]
    wanted = {0: [0.0, 0.0], 1: [0.125, 0.125], 2: [0.25, 0.0]}[first]
    assert rewards.tolist() == [wanted]
    plain = mf.games.SequentialPricing(k=2).env(seed=0, backend=backend)
    plain.reset()
    for a, b in zip(env.step([[0, 0]]), (plain.step([[1, 0]]), plain.step([[0, 0]]))[1], strict=True):
        assert a.tolist() == b.tolist()


def test_in_turns_a_firm_learns_as_the_paper_says(backend):
    """The only price is 1/2, rate 1/2, discount 0.9: 1/8 + 0.9 / 8 + 0.81 * max Q, by hand."""
    game = mf.games.MarkovGame(*ONE_PRICE, to_act=[0, 1])
    run = mf.train(game, mf.IQL(0.5, discount=0.9), steps=3, seed=0, backend=backend)
    pair = 0.125 + 0.9 * 0.125
    q = run.q[0, :, :, 0].T
    assert q[0].tolist() == [pytest.approx(0.5 * pair, rel=1e-15), 0.0]
    assert q[1].tolist() == [0.0, pytest.approx(0.5 * pair, rel=1e-15)] and run.steps.tolist() == [3]
    run = mf.train(resume=run, steps=2)
    q = run.q[0, :, :, 0].T
    assert q[0, 0] == pytest.approx(0.5 * pair + 0.5 * (pair + 0.81 * 0.5 * pair - 0.5 * pair), rel=1e-15)
    by_move = mf.games.MarkovGame(*ONE_PRICE, to_act=[0, 1], discounting="move")
    run = mf.train(by_move, mf.IQL(0.5, discount=0.9), steps=3, seed=0, backend=backend)
    assert run.q[0, 0, 0, 0] == pytest.approx(0.5 * 0.25, rel=1e-15)


#: Two firms, whose only price is 1/2: transitions, rewards, actions.
ONE_PRICE = np.array([[1], [0]]), np.full((2, 1, 2), 0.125), (1, 1)


def test_learning_in_turns_is_the_same_in_both_backends_and_gets_on(tmp_path):
    game = mf.games.SequentialPricing(turns=True)
    learner = mf.IQL(0.3, discount=0.95, explore=mf.EpsilonGreedy(1.0, decay=0.999, per="step", minimum=0.001))
    short, other = (mf.train(game, learner, steps=300, runs=2, seed=1, backend=backend)
                    for backend in ("cython", "numpy"))
    assert short.q.tobytes() == other.q.tobytes()
    one = mf.train(game, learner, steps=20_000, runs=2, seed=1)
    one.save(tmp_path / "run.npz")
    assert mf.load(tmp_path / "run.npz").experiment.game == game
    played = mf.evaluate(mf.games.SequentialPricing(turns=True, horizon=2000), one, episodes=1).returns / 2000
    assert (played.mean(axis=2) > 0.05).all()           # competition earns less, a monopoly 1/8


@pytest.mark.parametrize("movers, words", [
    ([0], "to_act: expected who acts in each of 2 states"), ([0, 2], r"to_act\[1\]: expected 0 to 1, got 2"),
    ([0.5, 1], "to_act: expected an array of")])
def test_who_acts_must_be_said_of_each_state(movers, words):
    with pytest.raises(ValueError, match=words):
        mf.games.MarkovGame(*ONE_PRICE, to_act=movers, horizon=3)
