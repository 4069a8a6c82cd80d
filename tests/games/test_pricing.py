"""Pricing: published prices and profits, profits by the formula, and prices that nobody would leave."""
import math

import numpy as np
import pytest

import marlfast as mf
from marlfast.games.pricing import LogitBertrand
from marlfast.registry import from_dict

ASYMMETRIC = LogitBertrand(3, 4, quality=(2.0, 2.5, 3.0), cost=(1.0, 1.2, 0.8), decimals=15)
STOCHASTIC = LogitBertrand(2, 5, outside=(-0.5, 0.5), decimals=15)
EXAMPLES = [
    LogitBertrand(), LogitBertrand(horizon=20), ASYMMETRIC, STOCHASTIC,
    LogitBertrand(1, 2, nash=1.0, monopoly=1.8, memory=0), LogitBertrand(2, 3, memory=2, start="empty", horizon=9),
    LogitBertrand(2, 3, outside=(0.0, 0.1, 0.3), probabilities=(0.5, 0.25, 0.25), memory=2, start=[[0, 2], [1, 1]]),
]


def formula(prices, quality, cost, outside, mu):
    """Profit of each firm, as the article has it."""
    weights = [math.exp((a - p) / mu) for a, p in zip(quality, prices, strict=True)]
    total = sum(weights) + math.exp(outside / mu)
    return [(p - c) * w / total for p, c, w in zip(prices, cost, weights, strict=True)]


def expected(game, prices):
    """Expected profits by the formula."""
    quality, cost = (np.broadcast_to(v, game.agents) for v in (game.quality, game.cost))
    outside = np.atleast_1d(game.outside)
    chances = game.probabilities or [1 / len(outside)] * len(outside)
    return sum(c * np.array(formula(prices, quality, cost, o, game.differentiation))
               for c, o in zip(chances, outside, strict=True))


# -- published ------------------------------------------------------------------------------------


def test_published_prices_and_profits():
    game = LogitBertrand()
    assert game.nash_prices == (1.47293, 1.47293) and game.monopoly_prices == (1.92498, 1.92498)
    assert game.nash_profits.round(5).tolist() == [0.22293] * 2
    assert game.monopoly_profits.round(5).tolist() == [0.33749] * 2
    assert (game.agents, game.action_counts.tolist(), game.observations, game.setting) == (2, [15, 15], 225, "mixed")
    assert (game.memory, game.start, game.horizon, game.ends) == (1, "uniform", 0, False)


def test_the_grid():
    # A tenth of 1.92498 - 1.47293 = 0.45205 beyond either end, and 14 equal steps between.
    prices = LogitBertrand().prices
    assert prices.shape == (2, 15) and (prices[0] == prices[1]).all()
    assert prices[0, [0, -1]] == pytest.approx([1.427725, 1.970185], abs=1e-12)
    assert np.diff(prices[0]) == pytest.approx(np.full(14, 0.54246 / 14), abs=1e-12)


def test_as_computed_instead_of_typed():
    game = LogitBertrand(decimals=15)
    assert game.nash_prices[0] == pytest.approx(1.4729266600306, abs=1e-12)
    assert game.monopoly_prices[0] == pytest.approx(1.9249809190178, abs=1e-12)


def test_initial_values_as_published():
    # Mean profit over the rival's 15 prices, divided by 1 - 0.95.
    game = LogitBertrand()
    values = game.against_random(0.95)
    assert values.shape == (2, 15) and values[0] == pytest.approx(values[1], abs=1e-12)
    for k in (0, 14):
        pairs = [(game.prices[0, k], p) for p in game.prices[1]]
        mean = sum(formula(pair, (2, 2), (1, 1), 0, 0.25)[0] for pair in pairs) / 15
        assert values[0, k] == pytest.approx(mean / 0.05, rel=1e-12)


# -- profits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_profits_by_the_formula(game):
    table = game.profits
    assert table.shape == (game.actions,) * game.agents + (game.agents,)
    for joint in np.ndindex(table.shape[:-1]):
        prices = [game.prices[i, a] for i, a in enumerate(joint)]
        assert table[joint] == pytest.approx(expected(game, prices), rel=1e-12, abs=1e-15)


def test_what_is_played_is_paid(backend):
    game = LogitBertrand()
    env = game.env(runs=4, backend=backend)
    env.reset()
    corners = np.array([[0, 0], [0, 14], [14, 0], [14, 14]], np.int32)
    obs, rewards, *_ = env.step(corners)
    low, high = 1.427725, 1.970185
    assert rewards == pytest.approx(np.array([formula(p, (2, 2), (1, 1), 0, 0.25) for p in (
        (low, low), (low, high), (high, low), (high, high))]), rel=1e-9)
    assert obs.ravel().tolist() == [0, 14, 210, 224]


def test_symmetric_firms_have_a_symmetric_table():
    table = LogitBertrand(actions=7).profits
    assert (table[..., 0] == table[..., 1].T).all()
    three = LogitBertrand(3, 4).profits
    assert three[..., 0] == pytest.approx(three[..., 1].swapaxes(0, 1), rel=1e-14)


@pytest.mark.parametrize("game", [LogitBertrand(), ASYMMETRIC, STOCHASTIC], ids=["default", "asymmetric", "stochastic"])
def test_some_buy_nothing(game):
    margins = np.stack(np.meshgrid(*(p - c for p, c in zip(game.prices, np.broadcast_to(game.cost, game.agents),
                                                           strict=True)), indexing="ij"), axis=-1)
    shares = game.profits / margins
    assert (shares > 0).all() and (shares.sum(axis=-1) < 1).all()


def test_extreme_prices_stay_finite():
    game = LogitBertrand(2, 3, differentiation=1e-4, nash=1.0, monopoly=500.0, quality=(2.0, 900.0))
    assert np.isfinite(game.profits).all() and (game.profits >= 0).sum() > 0
    # At the lowest prices (1 - 49.9) all buy from the better firm; its margin is 1 - 49.9 - 1.
    assert game.profits[0, 0].tolist() == pytest.approx([0.0, -49.9])


# -- stochastic demand ----------------------------------------------------------------------------


def test_stochastic_demand_is_one_of_two():
    game = LogitBertrand(outside=(-0.2, 0.2), horizon=0)
    assert game.kernel().step_uniforms == 1
    env = game.env(runs=4000, seed=2)
    env.reset()
    rewards = env.step(np.tile(np.array([3, 9], np.int32), (4000, 1)))[1]
    prices = (game.prices[0, 3], game.prices[1, 9])
    low, high = (formula(prices, (2, 2), (1, 1), o, 0.25) for o in (-0.2, 0.2))
    first = np.isclose(rewards[:, 0], low[0], rtol=1e-12)
    assert rewards[first] == pytest.approx(np.tile(low, (first.sum(), 1)))
    assert rewards[~first] == pytest.approx(np.tile(high, ((~first).sum(), 1)))
    assert abs(first.mean() - 0.5) < 3 * 0.5 / np.sqrt(4000)


def test_one_value_of_the_outside_good_is_no_chance():
    sure = LogitBertrand(outside=(0.0,))
    assert sure.kernel().step_uniforms == 0 and sure.nash_prices == LogitBertrand().nash_prices
    two = LogitBertrand(outside=(0.0, 0.0))
    assert two.profits == pytest.approx(LogitBertrand().profits, rel=1e-14)


# -- prices that nobody would leave ---------------------------------------------------------------

MARKETS = [
    LogitBertrand(decimals=15), ASYMMETRIC, STOCHASTIC, LogitBertrand(decimals=15, differentiation=0.02),
    LogitBertrand(decimals=15, differentiation=3.0), LogitBertrand(6, 2, decimals=15),
    LogitBertrand(2, 3, quality=(2.0, 6.0), cost=(1.0, 0.5), decimals=15),
    LogitBertrand(2, 3, outside=(-1.0, 0.5, 1.0), probabilities=(0.2, 0.5, 0.3), cost=(1.0, 0.5), decimals=15),
]


@pytest.mark.parametrize("game", MARKETS, ids=range(len(MARKETS)))
def test_no_firm_gains_by_another_price_than_the_nash_price(game):
    at = np.array(game.nash_prices)
    for i in range(game.agents):
        for step in (-0.3, -0.01, -1e-4, 1e-4, 0.01, 0.3):
            other = at.copy()
            other[i] += step * game.differentiation
            assert expected(game, other)[i] < expected(game, at)[i]


@pytest.mark.parametrize("game", MARKETS, ids=range(len(MARKETS)))
def test_no_other_prices_have_a_greater_sum_of_profits(game):
    at, generator = np.array(game.monopoly_prices), np.random.default_rng(0)
    most = expected(game, at).sum()
    for size in (1.0, 0.1, 1e-3):
        for _ in range(20):
            other = at + size * game.differentiation * generator.normal(size=game.agents)
            assert expected(game, other).sum() < most


def test_first_order_conditions():
    # p - c = mu / (1 - q) at the Nash prices; at the others a common mark-up of mu / (share that buys nothing).
    cost, mu = np.array(ASYMMETRIC.cost), 0.25
    at = np.array(ASYMMETRIC.nash_prices)
    shares = ASYMMETRIC.nash_profits / (at - cost)
    assert at - cost == pytest.approx(mu / (1 - shares), rel=1e-12)
    at = np.array(ASYMMETRIC.monopoly_prices)
    shares = ASYMMETRIC.monopoly_profits / (at - cost)
    assert at - cost == pytest.approx(np.full(3, mu / (1 - shares.sum())), rel=1e-12)


def test_given_prices_are_taken():
    game = LogitBertrand(2, 2, nash=(1.4, 1.5), monopoly=1.9, margin=0.0)
    assert game.nash_prices == (1.4, 1.5) and game.monopoly_prices == (1.9, 1.9)
    assert game.prices.tolist() == [[1.4, 1.9], [1.5, 1.9]]
    assert LogitBertrand(nash=1.47293, monopoly=1.92498).profits.tobytes() == LogitBertrand().profits.tobytes()


def test_profit_gain():
    game = ASYMMETRIC
    nash, monopoly = game.nash_profits, game.monopoly_profits
    assert game.profit_gain(nash).tolist() == [0.0] * 3
    assert game.profit_gain(np.stack([monopoly, (nash + monopoly) / 2])) == pytest.approx(
        np.array([[1.0] * 3, [0.5] * 3]), rel=1e-12)


# -- as data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("game", EXAMPLES, ids=range(len(EXAMPLES)))
def test_written_and_made_again(game):
    again = from_dict("game", game.to_dict())
    assert again == game and again.profits.tobytes() == game.profits.tobytes()


def test_what_it_looks_like():
    assert LogitBertrand().render([15.0 * 14 + 0]) == "prices 1.9702 1.4277"
    assert LogitBertrand(memory=2, start="empty").render([225.0**2]) == "no period yet"
    assert LogitBertrand(memory=0).render([0.0]) == "nothing is remembered"


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make, error, words", [
    (lambda: LogitBertrand(0), ValueError, "agents: expected 1 to 30, got 0"),
    (lambda: LogitBertrand(2.5), TypeError, "agents: expected a whole number"),
    (lambda: LogitBertrand(1), ValueError, "monopoly: expected a price above the Nash price"),
    (lambda: LogitBertrand(2, 1), ValueError, "actions: expected 2 to 2147483647, got 1"),
    (lambda: LogitBertrand(8), ValueError, "payoffs: 2,562,890,625 joint actions x 1 outcomes x 8 agents are"),
    (lambda: LogitBertrand(quality=(1, 2, 3)), ValueError, "quality: expected one number, or one for each of 2"),
    (lambda: LogitBertrand(cost=(1, "x")), TypeError, "cost[1]: expected a number, got 'x'"),
    (lambda: LogitBertrand(cost=float("inf")), ValueError, "cost: expected a finite number"),
    (lambda: LogitBertrand(outside=()), ValueError, "outside: expected at least one value"),
    (lambda: LogitBertrand(outside=(0, None)), TypeError, "outside[1]: expected a number, got None"),
    (lambda: LogitBertrand(outside="x"), TypeError, "outside: expected a number, got 'x'"),
    (lambda: LogitBertrand(probabilities=0.5), TypeError, "probabilities: expected one for each value of outside"),
    (lambda: LogitBertrand(outside=(0, 1), probabilities=(0.5, 0.6)), ValueError, "probabilities: expected 2 that sum"),
    (lambda: LogitBertrand(outside=(0, 1), probabilities=(1.5, -0.5)), ValueError, "probabilities[0]: expected 0.0 to"),
    (lambda: LogitBertrand(outside=(0, 1), probabilities=(1.0,)), ValueError, "probabilities: expected 2 that sum"),
    (lambda: LogitBertrand(differentiation=0.0), ValueError, "differentiation: expected greater than 0, got 0.0"),
    (lambda: LogitBertrand(margin=-0.1), ValueError, "margin: expected at least 0.0, got -0.1"),
    (lambda: LogitBertrand(nash=2.0), ValueError, "monopoly: expected a price above the Nash price, 2.0, for firm 0"),
    (lambda: LogitBertrand(decimals=16), ValueError, "decimals: expected 0 to 15, got 16"),
    (lambda: LogitBertrand(decimals=2), ValueError, "decimals: 2 are too few for prices that lie 0.452 apart"),
    (lambda: LogitBertrand(memory=4), ValueError, "memory: 4 rounds of 225 joint actions are 2,562,890,625"),
    (lambda: LogitBertrand(start="first"), ValueError, "start: expected one of"),
])
def test_bad_input_is_refused_in_one_sentence(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)


def test_a_table_for_many_periods_is_refused_with_its_size():
    with pytest.raises(ValueError, match=r"2 agents x 15 actions would take 615,093,750,000 bytes"):
        LogitBertrand(memory=4)


# -- known limits ---------------------------------------------------------------------------------


def test_short_sighted_firms_end_near_the_nash_price():
    """Discount 0, no memory: profits near those of the one-shot equilibrium, far from those of a monopoly.

    On this grid both firms at price 1 or both at price 2 (of 0 to 14, the Nash price lies between) are equilibria.
    """
    game = LogitBertrand(memory=0, start="empty")
    assert set(game.pure_equilibria()) <= {(1, 1), (1, 2), (2, 1), (2, 2)}
    learner = mf.IQL(0.1, discount=0.0, explore=mf.EpsilonGreedy(mf.schedules.Exponential(1.0, 0.9998), ties="first",
                                                                      draws=2), initial_q=game.against_random())
    run = mf.train(game, learner, steps=50_000, runs=10, seed=1, record_every=0)
    greedy = run.q[:, 0].argmax(axis=2)
    gain = game.profit_gain(game.profits[greedy[:, 0], greedy[:, 1]])
    assert greedy.max() <= 5 and np.abs(gain).mean() < 0.25


def test_published_profit_gain():
    """Two patient firms that remember one period: gain .849 (s.d. .112 over runs), after 1,751,250 periods on average.

    Of 1000 runs. 40 of ours: .853, 1,758,436. Here 5: the gain within three standard errors, the periods within 15 %.
    """
    game = LogitBertrand()
    epsilon = mf.schedules.Exponential(1.0, math.exp(-4e-6))
    learner = mf.IQL(0.15, 0.95, mf.EpsilonGreedy(epsilon, strict=False), initial_q=game.against_random(0.95))
    run = mf.train(game, learner, runs=5, seed=0, record_every=0, stop=mf.GreedyStable(100_000))
    gains = []
    for q, state in zip(run.q, run.arrays["state"][:, 0].astype(int), strict=True):
        greedy = q.argmax(axis=2)
        path = [state]
        while path.count(path[-1]) == 1:
            path.append(int(game.joint(greedy[path[-1]])))
        cycle = path[path.index(path[-1]):-1]
        gains.append(np.mean([game.profit_gain(game.profits[tuple(greedy[s])]) for s in cycle]))
    assert abs(np.mean(gains) - 0.849) < 3 * 0.112 / np.sqrt(5)
    assert abs((run.arrays["steps"] - 100_000).mean() / 1_751_250 - 1) < 0.15


def test_both_backends_learn_alike():
    for game in EXAMPLES:
        runs = [mf.train(game, mf.IQL(), steps=40, runs=2, seed=3, backend=backend) for backend in ("cython", "numpy")]
        assert runs[0].q.tobytes() == runs[1].q.tobytes()


@pytest.mark.parametrize("name", ["quality", "cost"])
def test_a_market_needs_qualities_and_costs(name):
    with pytest.raises(TypeError, match=f"^{name}: expected a number, got None"):
        LogitBertrand(**{name: None})
    with pytest.raises(ValueError, match=rf"^{name}: expected one number, or one for each of 2 agents, got 0"):
        LogitBertrand(**{name: []})
