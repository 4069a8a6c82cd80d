"""What users of a game look at: numbers against those that analysis gives, and where there are none."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import analysis, measures

MARKET = mf.games.LogitBertrand(actions=4)
HOW = {"steps": 3000, "runs": 5, "seed": 0}
LEARNER = mf.IQL(0.15, discount=0.95, explore=mf.EpsilonGreedy(mf.schedules.Exponential(1.0, 0.998, per="step")))


@pytest.fixture(scope="module")
def market():
    return mf.train(MARKET, LEARNER, **HOW)


def test_pricing(market):
    found = market.measures()
    assert list(found) == ["profit_gain", "price", "cycle_length", "nash_on_path"] == list(measures.known(MARKET))
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
    assert list(market.table())[-4:] == ["profit_gain", "price", "cycle_length", "nash_on_path"]
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
    np.testing.assert_allclose(run.measures()["episode_length"].values, run.lengths[:, -2:].mean(axis=1) / 2)


def test_runs_that_are_left_out_have_none(market):
    run = mf.train(MARKET, LEARNER, **HOW)
    run.arrays["reason"][1] = 64 + 4
    values = run.measures()["profit_gain"].values
    assert np.isnan(values[1]) and not np.isnan(np.delete(values, 1)).any()


def test_what_cannot_be_worked_out_is_left_out():
    learner = mf.IQL(0.15, discount=[0.9, 0.95, 0.9, 0.95, 0.9])          # a discount for each run
    assert list(mf.train(MARKET, learner, **HOW).measures()) == ["profit_gain", "price", "cycle_length"]
    assert mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=2, seed=0).measures() == {}


def test_a_game_of_ones_own_says_them(monkeypatch):
    monkeypatch.setattr(mf.games.Climbing, "measures", {"steps_done": lambda result: result.steps})
    run = mf.train(mf.games.Climbing(), mf.IQL(), episodes=7, runs=2, seed=0)
    assert run.measures()["steps_done"].values.tolist() == [7.0, 7.0] and run.table()["steps_done"].tolist() == [7, 7]
    assert repr(run.measures()["steps_done"]) == "Measure(steps_done 7, 2 of 2 runs)"
    for wrong, error, said in (({"a b": len}, TypeError, "measures: expected functions by their names"),
                               (("profit",), ValueError, "unknown measure 'profit'"),
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
    assert list(table)[-4:] == ["profit_gain", "price", "cycle_length", "nash_on_path"]
    alone = mf.train(MARKET, mf.IQL(0.2, discount=0.95, explore=LEARNER.explore), steps=500, seed=1)
    assert table["profit_gain"][7] == alone.measures()["profit_gain"].values[0]
    again = mf.sweeps.resume(tmp_path / "market")
    assert again.missing == 0 and again.table()["price"].tolist() == table["price"].tolist()
    one = mf.sweep(mf.games.PrisonersDilemma(horizon=2), mf.IQL(), seeds=2, episodes=5, out=tmp_path / "dilemma")
    assert "cooperation_rate" not in one.table()
    more = mf.sweep(mf.games.PrisonersDilemma(horizon=2), mf.IQL(), seeds=2, episodes=5, out=tmp_path / "more",
                    measure=measures.columns)
    assert "cooperation_rate" in more.table()


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
