"""Games whose agents play against each other: their mean says nothing, so each side is shown by itself, everywhere."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import measures, statistics
from marlfast.result import sides_of

PENNIES = mf.games.MatchingPennies(horizon=4)


@pytest.fixture(scope="module")
def pennies():
    return mf.train(PENNIES, mf.IQL(discount=0.0), episodes=60, runs=6, seed=0)


@pytest.fixture(scope="module")
def three():
    """Three agents who divide nothing: what one wins, the others lose."""
    first = np.zeros((2, 2, 2, 3))
    first[1] = [2.0, -1.0, -1.0]
    game = mf.games.MatrixGame(*np.moveaxis(first, -1, 0), horizon=2)
    return mf.train(game, mf.IQL(discount=0.0), episodes=40, runs=5, seed=0)


def test_who_is_a_side(pennies, three):
    assert pennies.sides == {"agent 0": [0], "agent 1": [1]}
    assert three.experiment.game.setting == "mixed"
    assert three.sides == {"agent 0": [0], "agent 1": [1], "agent 2": [2]}        # as the numbers show
    assert mf.train(mf.games.StagHunt(), mf.IQL(), episodes=5, seed=0).sides == {"team": [0, 1]}
    drift = mf.train(mf.games.Drift(agents=4), mf.IQL(), encoder=mf.Rounding(0), teams=[[0, 1], [2, 3]],
                     episodes=2, seed=0)
    assert drift.sides == {"team 0": [0, 1], "team 1": [2, 3]}
    assert sides_of(mf.games.SimpleTag()) == {f"team {k}": list(t) for k, t in enumerate(mf.games.SimpleTag().teams)} \
        if mf.games.SimpleTag().teams else sides_of(mf.games.SimpleTag()) == {"team": [0, 1, 2, 3]}
    # Nothing was earned, or nothing was recorded: no sign of a game in which one wins what the other loses.
    assert sides_of(mf.games.StagHunt(), np.zeros((1, 3, 2))) == {"team": [0, 1]}
    assert sides_of(mf.games.StagHunt(), np.full((1, 3, 2), np.nan)) == {"team": [0, 1]}


def test_in_words(pennies, three):
    last = pennies.returns[:, -6:, 0].mean()
    assert f"agent 0 return={last:.4g}" in repr(pennies) and "team return" not in repr(pennies)
    assert f"agent 1 return: first tenth {pennies.returns[:, :6, 1].mean():.2f}, last tenth {-last:.2f}" in \
        pennies.summary()
    assert "agent 2 return" in three.summary() and "team return" not in three.summary()
    played = mf.evaluate(PENNIES, pennies, episodes=3)
    assert f"agent 0 return {played.returns[:, :, 0].mean():.2f}" in played.summary() and "team" not in repr(played)
    many = mf.games.MatrixGame(*np.moveaxis(np.stack([np.eye(10)[0] - 0.1] * 2), -1, 0).reshape(10, 2, *[1] * 9))
    assert "... and 2 more agents" in mf.train(many, mf.IQL(), episodes=3, seed=0).summary()


def test_scores_ask_whose(pennies):
    for ask in (statistics.scores, statistics.estimate, statistics.mean):
        with pytest.raises(ValueError, match="agents: what the agents of 'matching_pennies' earn adds up to 0"):
            ask(pennies)
    np.testing.assert_allclose(statistics.scores(pennies, agents=[0]), pennies.returns[:, -6:, 0].mean(axis=1))
    np.testing.assert_allclose(statistics.scores(pennies, agents=[0, 1]), 0.0)
    with pytest.raises(ValueError, match=r"agents\[0\]: expected 0 to 1, got 2"):
        statistics.scores(pennies, agents=[2])


def test_compared_side_by_side(pennies, tmp_path):
    other = mf.train(PENNIES, mf.learners.FixedPolicy([0.5, 0.5]), episodes=60, runs=6, seed=1)
    found = mf.compare({"IQL": pennies, "even": other})
    assert found.measure == "return" and list(found.scores) == ["IQL, agent 0", "IQL, agent 1", "even, agent 0",
                                                                "even, agent 1"]
    table = found.table()
    assert table["name"].tolist() == list(found.scores)
    np.testing.assert_allclose(table["mean"][0], pennies.returns[:, -6:, 0].mean())
    np.testing.assert_allclose(table["mean"][0], -table["mean"][1])
    # Each side beats the same side of the first.
    ours, first = (run.returns[:, -6:, 1].mean(axis=1) for run in (other, pennies))
    assert table["beats_first"][3] == pytest.approx(((ours[:, None] > first) + 0.5 * (ours[:, None] == first)).mean())
    assert found.improvement().shape == (4, 4) and "each side" in str(found)
    assert mf.compare(pennies, other, measure="return_1").scores.keys() == {"iql", "fixed_policy"}
    with pytest.raises(ValueError, match="measure: what the agents of 'matching_pennies' earn adds up to 0"):
        mf.compare(pennies, other, measure="team_return")
    pytest.importorskip("matplotlib"), pytest.importorskip("jinja2")
    assert len(found.plot().axes) == 3
    page = found.report(tmp_path / "page.html").read_text()
    assert "even, agent 1" in page and "12 runs in all" in page


def test_in_pictures(pennies):
    pytest.importorskip("matplotlib")
    ax = mf.plotting.learning_curve(pennies)
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"agent 0", "agent 1"}
    assert ax.get_ylabel() == "return of an episode"
    ax = mf.plotting.learning_curve({"a": pennies, "b": pennies})
    assert "b, agent 1" in {text.get_text() for text in ax.get_legend().get_texts()}
    assert "agent 1 return" in mf.plotting.distribution(pennies, "return_1").get_xlabel()
    with pytest.raises(ValueError, match="unknown measure of game 'matching_pennies' 'team_return'"):
        mf.plotting.distribution(pennies, "team_return")


def test_in_reports(pennies, tmp_path):
    pytest.importorskip("matplotlib"), pytest.importorskip("jinja2")
    from marlfast.reports import report

    page = report(pennies, tmp_path / "page.html").read_text()
    assert "team, last tenth" not in page and "agent 1, last tenth" in page and "agent 1 return, last tenth" in page


def test_in_sweeps(tmp_path):
    found = mf.sweep(PENNIES, mf.IQL(), over={"learner.learning_rate": [0.1, 0.3], "learner.discount": [0.0, 0.5]},
                     seeds=2, seed=0, episodes=30, out=tmp_path / "pennies")
    table = found.table()
    assert measures.adds_up_to_zero(table) and measures.column_of(table) == "return_0"
    table["failed"][0], table["stop_reason"][0] = True, "failed: value"
    table["team_return"][0] = 5.0               # a run that failed is no witness
    assert measures.adds_up_to_zero(table)
    assert not measures.adds_up_to_zero({"team_return": np.zeros(2), "return_0": np.zeros(2)})
    pytest.importorskip("matplotlib"), pytest.importorskip("jinja2")
    assert mf.plotting.heat_map(found).get_title(loc="left") == "return of agent 0 (framed: highest)"
    from marlfast.reports import report

    page = report(found, tmp_path / "page.html").read_text()
    assert "points are compared by the return of agent 0" in page


def test_trackers_write_each_side():
    from marlfast.adapters.trackers import Tracker

    written = []

    class Kept(Tracker):
        def write(self, step, values):
            written.append(values)

    mf.train(PENNIES, mf.IQL(), episodes=20, seed=0, callback=Kept())
    assert {"agent_0_return", "agent_1_return"} <= set(written[-1]) and "team_return" not in written[-1]
