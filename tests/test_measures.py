"""What users of a game look at: numbers against those that analysis gives, and where there are none."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis, measures, registry

MARKET = mf.games.LogitBertrand(actions=4)
HOW = {"steps": 3000, "runs": 5, "seed": 0}
LEARNER = mf.IQL(0.15, discount=0.95, explore=mf.EpsilonGreedy(mf.schedules.Exponential(1.0, 0.998, per="step")))

OF_MARKETS = ["profit_gain", "price", "profit", "consumer_surplus", "cycle_length", "nash_on_path", "nash_off_path",
              "deviation_gain", "deviation_response", "deviation_back"]


@pytest.fixture(scope="module")
def market():
    return mf.train(MARKET, LEARNER, **HOW)


def test_pricing(market):
    found = market.measures()
    assert list(found) == OF_MARKETS == list(measures.known(MARKET))
    cycles = analysis.limit_cycles(MARKET, market)
    np.testing.assert_allclose(found["profit_gain"].values, analysis.profit_gain(MARKET, cycles).gain)
    np.testing.assert_array_equal(found["cycle_length"].values, cycles.length)
    np.testing.assert_array_equal(found["nash_on_path"].values, analysis.nash_test(MARKET, market, 0.95).on_path)
    for r in range(5):
        played = cycles.actions[r, :cycles.length[r]]
        paid = np.mean([MARKET.prices[i, a] for step in played for i, a in enumerate(step)])
        assert found["price"].values[r] == pytest.approx(paid)


def test_the_price_of_firms_with_price_lists_of_their_own():
    game = mf.games.LogitBertrand(actions=3, cost=[1.0, 0.75])
    run = mf.train(game, LEARNER, **HOW)
    cycles = analysis.limit_cycles(game, run)
    wanted = [np.mean([game.prices[i, a] for step in cycles.actions[r, :cycles.length[r]] for i, a in enumerate(step)])
              for r in range(5)]
    np.testing.assert_allclose(run.measures()["price"].values, wanted)


def test_they_are_in_tables_summaries_and_comparisons(market):
    assert list(market.table())[-10:] == OF_MARKETS
    assert "profit gain (0: one-shot equilibrium, 1: joint maximum): " in market.summary()
    found = mf.compare({"a": market, "b": market})          # no episode ends, so this is what is compared
    assert found.measure == "profit_gain"
    np.testing.assert_array_equal(found.scores["a"], market.measures()["profit_gain"].values)
    assert "Scores: profit gain (0" in str(found)
    assert mf.compare(market, measure="price").measure == "price"
    with pytest.raises(ValueError, match="unknown measure 'prise'; did you mean 'price'"):
        mf.compare(market, measure="prise")
    with pytest.raises(ValueError, match="has no team_return to compare, because no episode was recorded"):
        mf.compare(market, measure="team_return")


def test_cooperation_and_the_optimum():
    run = mf.train(mf.games.PrisonersDilemma(), mf.IQL(), episodes=2000, runs=6, seed=0)
    assert run.measures()["cooperation_rate"].values.tolist() == [0.0] * 6
    game = mf.games.Climbing(horizon=5)
    run = mf.train(game, mf.learners.HystereticQ(), episodes=3000, runs=8, rewards=mf.rewards.cooperative(), seed=0)
    assert run.measures()["optimum"].values.tolist() == [0.0] * 8 and run.measures()["optimum"].mean == 0.0
    assert (mf.evaluate(game, run, episodes=1).team_returns == 5 * 7.0).all()       # the optimum is 11 a round
    coordinated = mf.train(mf.games.CoordinationGame(), mf.IQL(), episodes=2000, runs=4, seed=0)
    assert coordinated.measures()["optimum"].values.tolist() == [1.0] * 4


def test_steps_to_a_capture():
    game = mf.games.Pursuit(horizon=50)
    run = mf.train(game, mf.IQL(), episodes=40, runs=3, record_every=2, seed=0)
    np.testing.assert_allclose(run.measures()["capture_time"].values, run.lengths[:, -2:].mean(axis=1) / 2)


def test_runs_that_are_left_out_have_none(market):
    run = mf.train(MARKET, LEARNER, **HOW)
    run.arrays["reason"][1] = 64 + 4
    values = run.measures()["profit_gain"].values
    assert np.isnan(values[1]) and not np.isnan(np.delete(values, 1)).any()


def test_what_cannot_be_worked_out_is_left_out():
    learner = mf.IQL(0.15, discount=[0.9, 0.95, 0.9, 0.95, 0.9])          # a discount for each run
    assert list(mf.train(MARKET, learner, **HOW).measures()) == OF_MARKETS[:5]
    assert mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=2, seed=0).measures() == {}


def test_a_game_of_ones_own_says_them(monkeypatch):
    monkeypatch.setattr(mf.games.Climbing, "measures", {"steps_done": lambda result: result.steps})
    run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=7, runs=2, seed=0)
    assert run.measures()["steps_done"].values.tolist() == [7.0, 7.0] and run.table()["steps_done"].tolist() == [7, 7]
    assert repr(run.measures()["steps_done"]) == "Measure(steps_done 7, 2 of 2 runs)"
    for wrong, error, said in (({"a b": len}, TypeError, "measures: expected functions by their names"),
                               (("prise",), ValueError, "unknown measure 'prise'"),
                               ({"seed": len}, ValueError, "'seed' is a column of every table"),
                               ({"bad": lambda result: int("x")}, ValueError, "invalid literal"),
                               ({"one": lambda result: 3.0}, ValueError, r"expected one number a run, shape \(2,\)")):
        monkeypatch.setattr(mf.games.Climbing, "measures", wrong)
        with pytest.raises(error, match=said):
            run.measures()


def test_sweeps_of_endless_games_have_them_by_default(tmp_path):
    over = {"learner.learning_rate": [0.1, 0.2], "learner.discount": [0.9, 0.95]}
    found = mf.sweep(MARKET, LEARNER, over=over, seeds=2, steps=500, out=tmp_path / "market")
    table = found.table()
    assert list(table)[-10:] == OF_MARKETS
    alone = mf.train(MARKET, mf.IQL(0.2, discount=0.95, explore=LEARNER.explore), steps=500, seed=1)
    assert table["profit_gain"][7] == alone.measures()["profit_gain"].values[0]
    again = mf.sweeps.resume(tmp_path / "market")
    assert again.missing == 0 and again.table()["price"].tolist() == table["price"].tolist()


def test_sweeps_of_games_that_end_have_them_beside_the_return(tmp_path, monkeypatch):
    dilemma, how = mf.games.PrisonersDilemma(horizon=2), {"seeds": 2, "episodes": 5, "seed": 0}
    found = mf.sweep(dilemma, mf.IQL(), out=tmp_path / "dilemma", **how)
    assert list(found.table())[-4:] == ["team_return", "return_0", "return_1", "cooperation_rate"]
    # A folder that was begun without them, as by an earlier version, goes on without them.
    with monkeypatch.context() as earlier:
        earlier.setattr(mf.games.PrisonersDilemma, "measures", ())
        mf.sweep(dilemma, mf.IQL(), out=tmp_path / "before", **how)
    assert list(mf.sweep(dilemma, mf.IQL(), out=tmp_path / "before", **how).table())[-1] == "return_1"


def test_heat_maps_draw_what_there_is():
    pytest.importorskip("matplotlib")
    from marlfast.plotting import heat_map, parameter_curve

    table = {"learner.learning_rate": np.array([0.1, 0.1, 0.2, 0.2]),
             "learner.discount": np.array([0.8, 0.9, 0.8, 0.9]),
             "team_return": np.full(4, np.nan), "stop_reason": np.array(["steps"] * 4), "failed": np.zeros(4, bool),
             "profit_gain": np.array([0.1, 0.2, 0.3, 0.4])}
    ax = heat_map(table)
    assert sorted(float(text.get_text()) for text in ax.texts) == [0.1, 0.2, 0.3, 0.4]
    assert "profit gain" in ax.get_title(loc="left")
    table["profit_gain"][:] = np.nan
    for draw in (heat_map, parameter_curve):
        with pytest.raises(ValueError, match="column: no run has a team_return, because no episode came to its end"):
            draw(table)
    table["failed"], table["stop_reason"] = np.ones(4, bool), np.array(["failed: value"] * 4)
    with pytest.raises(ValueError, match="because all runs failed"):
        heat_map(table | {"team_return": np.ones(4)})


def test_an_impulse_response_draws_what_analysis_says(market):
    pytest.importorskip("matplotlib")
    from marlfast.plotting import impulse_response

    ax = impulse_response(MARKET, market, agent=1, length=6)
    found = analysis.deviation(MARKET, market, 1, length=6, numbers=MARKET.prices)
    lines = {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}
    assert set(lines) == {"agent 0", "agent 1 (deviates)"}
    assert {text.get_text() for text in ax.texts} == {"one-shot equilibrium", "joint maximum"}
    drawn = lines["agent 1 (deviates)"].get_ydata()
    assert drawn[0] == pytest.approx(found.before_actions[:, 1].mean())
    np.testing.assert_allclose(drawn[1:], found.actions[:, :, 1].mean(axis=0))
    rewards = impulse_response(MARKET, market, what="rewards", length=6)
    assert "reward" in rewards.get_ylabel()
    with pytest.raises(ValueError, match="what: expected one of 'actions', 'rewards', got 'prices'"):
        impulse_response(MARKET, market, what="prices")


def test_a_sweep_of_an_endless_game_is_judged_by_what_its_users_look_at(tmp_path, monkeypatch, capsys):
    from marlfast import cli

    monkeypatch.chdir(tmp_path)
    assert cli.main(["sweep", "--game", "logit_bertrand", "--set", "game.actions=4", "--over",
                     "learner.learning_rate=[0.1, 0.2]", "--steps", "300", "--seeds", "5", "--output", "s"]) == 0
    out = capsys.readouterr().out
    found = mf.load("s").table()
    assert measures.column_of(found) == "profit_gain"
    means = found["profit_gain"].reshape(2, 5).mean(axis=1)
    rows = [line.split() for line in out.splitlines() if line.startswith("  ")][1:]
    assert "Profit gain (0: one-shot equilibrium, 1: joint maximum), mean over seeds" in out
    assert [float(row[0]) for row in rows] == pytest.approx(sorted(means, reverse=True), rel=1e-5)
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    page = mf.report("s").read_text()
    assert "profit gain of the best point" in page and "points are compared by profit gain" in page


def duopoly(policy, start=3, **options):
    """A market of two prices, and what measures say of frozen strategies: a table [states, firms] of actions."""
    game = mf.games.LogitBertrand(actions=2, nash=1.5, monopoly=2.0, margin=0.0, **options)
    run = mf.train(game, mf.learners.IQL(0.1, discount=0.5), steps=1, seed=0)
    shared = measures._Shared(run)
    given = analysis.strategies(game, np.array(policy))
    shared.strategies = lambda: replace(given, last=np.array([start]))
    return game, shared


def test_the_surplus_of_consumers_by_hand():
    game = mf.games.LogitBertrand()
    nash, monopoly = (game._market.surplus([price] * 2) for price in (1.47293, 1.92498))
    # .25 log(2 exp((2 - 1.47293) / .25) + 1) = .25 log(17.468) and .25 log(2 exp(.30008) + 1) = .25 log(3.69994).
    assert nash == pytest.approx(0.71509, abs=1e-5) and monopoly == pytest.approx(0.32708, abs=1e-5)
    # Buying nothing alone: its own worth.
    assert mf.games.LogitBertrand(agents=2)._market.surplus([1e6, 1e6]) == pytest.approx(0.0, abs=1e-12)
    drawn = mf.games.LogitBertrand(outside=[0.0, 0.5], probabilities=[0.25, 0.75])
    each = [0.25 * np.log(2.0 * np.exp((2.0 - 1.5) / 0.25) + np.exp(none / 0.25)) for none in (0.0, 0.5)]
    assert drawn._market.surplus([1.5, 1.5]) == pytest.approx(0.25 * each[0] + 0.75 * each[1])
    assert game.consumer_surplus.shape == (15, 15) and game.consumer_surplus[0, 0] > game.consumer_surplus[14, 14]
    # Its derivative by a price is what is sold (Roy's identity): q = .47138 each at the Nash prices.
    step = 1e-6
    sold = (nash - game._market.surplus([1.47293 + step, 1.47293])) / step
    assert sold == pytest.approx(game.nash_profits[0] / 0.47293, rel=1e-5)


def test_deviations_by_hand():
    # Both charge the high price (action 1) as long as both did; once somebody undercuts, the low one for ever.
    game, s = duopoly([[0, 0], [0, 0], [0, 0], [1, 1]])
    high, low = game.expected[1, 1, 0], game.expected[0, 0, 0]
    undercut = game.expected[0, 1, 0]
    assert undercut > high > low
    # Discount 1/2: on the path high / (1 - 1/2); the deviation pays once, and low follows for ever.
    wanted = (undercut + 0.5 * low / 0.5) / (high / 0.5) - 1.0
    values = {name: float(measures.RULES[name][0](s)[0]) for name in OF_MARKETS if name != "cycle_length"}
    assert values["deviation_gain"] == pytest.approx(wanted)
    assert values["deviation_response"] == pytest.approx(1.5 - 2.0)     # the other firm's price in the next period
    assert values["deviation_back"] == 0.0
    assert values["profit"] == pytest.approx(high) and values["price"] == 2.0
    assert values["profit_gain"] == pytest.approx((high - game.nash_profits[0]) /
                                                  (game.monopoly_profits[0] - game.nash_profits[0]))
    assert values["consumer_surplus"] == pytest.approx(0.25 * np.log(2.0 * np.exp(0.0) + 1.0))
    assert values["nash_on_path"] == float(wanted <= 0.0)
    # Off the path the low price answers the low price: a best reply of the moment, and nothing follows from it.
    assert values["nash_off_path"] == float(game.expected[0, 0, 0] >= game.expected[1, 0, 0])


def test_a_deviation_that_is_forgiven_is_back():
    # Whatever happened, both charge the high price: an undercut is answered by nothing.
    _, s = duopoly([[1, 1]] * 4)
    assert measures.RULES["deviation_back"][0](s).tolist() == [1.0]
    assert measures.RULES["deviation_response"][0](s).tolist() == [0.0]


def test_three_firms_and_one(market):
    run = mf.train(mf.games.LogitBertrand(agents=3, actions=3), LEARNER, **HOW)
    assert all(np.isfinite(m.values).all() for name, m in run.measures().items() if name != "nash_off_path")
    alone = mf.train(mf.games.LogitBertrand(agents=1, actions=3, nash=1.2, monopoly=1.6), LEARNER, **HOW)
    found = alone.measures()
    assert np.isnan(found["deviation_response"].values).all() and found["price"].mean > 1.0


def test_pricing_in_turns():
    game = mf.games.SequentialPricing(k=2)
    # Prices 0, 1/2, 1. Whoever has its turn sets 1/2, whatever the other's: each earns (1 - 1/2) / 2 * 1/2 = 1/8.
    run = mf.train(game, mf.IQL(discount=0.5), steps=1, seed=0)
    shared = measures._Shared(run)
    given = analysis.strategies(game, np.ones((6, 2), int))
    shared.strategies = lambda: replace(given, last=np.array([1]))
    assert measures.RULES["price"][0](shared).tolist() == [0.5]
    assert measures.RULES["profit"][0](shared).tolist() == [0.125]
    assert measures.RULES["cycle_length"][0](shared).tolist() == [2.0]
    # Undercutting: who sets 0 while the other stands at 1/2, and so on: the lower of both is the market's.
    assert game.market_prices.shape == (6, 9)
    assert game.market_prices[1].reshape(3, 3)[:, 0].tolist() == [0.0, 0.5, 0.5]      # firm 0's turn, 1/2 stands
    assert game.market_prices[5].reshape(3, 3)[0].tolist() == [0.0, 0.5, 1.0]         # firm 1's turn, 1 stands


def test_order_auctions_public_goods_and_two_steps():
    run = mf.train(mf.games.Ising(3, 3), mf.IQL(discount=0.0), steps=50, runs=4, seed=0)
    spins = run.arrays["state"] > 0
    np.testing.assert_allclose(run.measures()["order_parameter"].values, np.abs(2 * spins.sum(axis=1) - 9) / 9)
    # With a horizon, training ends at the start of an episode, whose order says nothing of what was learned.
    assert mf.train(mf.games.Ising(3, 3, horizon=10), mf.IQL(), episodes=5, seed=0).measures() == {}
    within = mf.train(mf.games.Ising(3, 3, horizon=10), mf.IQL(), steps=55, seed=0)
    assert list(within.measures()) == ["order_parameter"]
    auction = mf.games.SealedBidAuction(agents=2, bids=(0.25, 0.5), payment="second")
    shared = measures._Shared(mf.train(auction, mf.IQL(discount=0.0), steps=1, seed=0))
    shared.strategies = lambda: analysis.strategies(auction, np.array([[1, 0]]))
    assert measures.RULES["revenue"][0](shared).tolist() == [0.25]
    goods = mf.train(mf.games.PublicGoods(agents=40), mf.IQL(0.1, discount=0.0), episodes=400, runs=2, seed=0)
    assert goods.measures()["cooperation_rate"].values.tolist() == [0.0, 0.0]
    mixed = mf.train(mf.games.PublicGoods(agents=40), mf.learners.FixedPolicy([0.25, 0.75]), episodes=5, runs=2, seed=0)
    np.testing.assert_allclose(mixed.measures()["cooperation_rate"].values, 0.75)
    qmix = mf.train(mf.games.TwoStep(), mf.learners.CentralQ(discount=0.99, initial_q=10.0), episodes=2000, runs=2,
                    rewards=mf.rewards.cooperative(), seed=0)
    assert qmix.measures()["optimum"].values.tolist() == [1.0, 1.0]


def test_coins_are_counted_as_they_are_collected():
    # Two agents: the owner alone, the other alone, both, nobody; three: both others, and all.
    for rewards, owner, own, others in (([1, 0], 0, 1, 0), ([1, -2], 1, 0, 1), ([1, -1], 1, 1, 1), ([0, 0], 1, 0, 0),
                                        ([1, 1, -4], 2, 0, 2), ([1, 1, -3], 2, 1, 2)):
        found = measures._collected(np.array([rewards], float), np.array([owner]))
        assert [part.tolist() for part in found] == [[own], [others]]
    at_random = mf.train(mf.games.CoinGame(horizon=0), mf.learners.FixedPolicy([0.25] * 4), steps=10, runs=20, seed=0)
    assert at_random.measures()["own_coins"].mean == pytest.approx(0.5, abs=0.05)


def test_wins_and_what_could_be_gained():
    run = mf.train(mf.games.TicTacToe(), mf.IQL(), episodes=400, runs=3, seed=0)
    found = {name: measure.values for name, measure in run.measures().items()}
    last = run.returns[:, -40:, 0]
    np.testing.assert_allclose(found["wins"], (last > 0).mean(axis=1))
    np.testing.assert_allclose(found["wins"] + found["losses"] + found["draws"], 1.0)
    coarse = mf.train(mf.games.TicTacToe(), mf.IQL(), episodes=400, record_every=10, seed=0)
    assert coarse.measures() == {}              # the mean of ten episodes does not say who won
    pennies = mf.train(mf.games.MatchingPennies(), mf.IQL(discount=0.0), episodes=50, runs=2, seed=0)
    assert pennies.measures()["exploitability"].values.tolist() == [1.0, 1.0]        # pure: one gains 2, the other 0
    kuhn = mf.train(mf.games.KuhnPoker(), mf.IQL(0.05), episodes=500, runs=2, seed=0)
    from marlfast import solvers

    tree = solvers.tree(mf.games.KuhnPoker())
    wanted = [tree.nash_conv(tree.of_rows([kuhn.policy(r).table(i) for i in range(2)])) / 2 for r in range(2)]
    np.testing.assert_allclose(kuhn.measures()["exploitability"].values, wanted)


def test_the_page_lists_each_with_its_games():
    page = (Path(__file__).resolve().parents[1] / "docs" / "reference" / "measures.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `")]
    listed = {name.strip(" `"): {game.strip(" `") for game in games.split(",")} for name, _, games in rows}
    wanted = {name: set() for name in measures.RULES}
    for game in registry.names("game"):
        for name in registry.lookup("game", game).measures:
            wanted[name].add(game)
    assert listed == wanted


def test_all_games_that_have_them_name_known_ones(game_example):
    if not isinstance(game_example.measures, dict):
        assert set(game_example.measures) <= set(measures.RULES)
