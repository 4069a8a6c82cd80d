"""Results beside each other: the table by hand, what is refused, what is said, the picture and the page."""
import numpy as np
import pytest

import marlfast as mf
from marlfast import statistics

GAME = mf.games.Climbing(horizon=5)
HOW = {"rewards": mf.rewards.cooperative(), "episodes": 40, "runs": 6, "seed": 0}


@pytest.fixture(scope="module")
def runs():
    return {"plain": mf.train(GAME, mf.IQL(), **HOW), "hysteretic": mf.train(GAME, mf.learners.HystereticQ(), **HOW),
            "slow": mf.train(GAME, mf.IQL(0.01), **HOW)}


def test_the_table(runs):
    found = mf.compare(runs, statistic="mean", resamples=300, seed=3)
    assert found.names == ("plain", "hysteretic", "slow") and found.notes == []
    columns = found.table()
    assert columns["learner"].tolist() == ["iql", "hysteretic_q", "iql"]
    assert columns["runs"].tolist() == columns["of"].tolist() == [6] * 3
    for k, name in enumerate(runs):
        scores = runs[name].team_returns[:, -4:].mean(axis=1)          # the last tenth of 40
        e = statistics.estimate(scores, "mean", resamples=300, seed=3)
        assert [columns[c][k] for c in ("mean", "low", "high", "lowest", "highest")] == pytest.approx(
            [scores.mean(), e.low, e.high, scores.min(), scores.max()])
        assert columns["deviation"][k] == pytest.approx(scores.std(ddof=1))
    assert np.isnan(columns["beats_first"][0])
    first, third = (runs[name].team_returns[:, -4:].mean(axis=1) for name in ("plain", "slow"))
    pairs = (third[:, None] > first) + 0.5 * (third[:, None] == first)
    assert columns["beats_first"][2] == pytest.approx(pairs.mean())
    improvement = found.improvement()
    assert improvement[2, 0] == pytest.approx(pairs.mean()) and improvement[0, 2] == pytest.approx(1.0 - pairs.mean())
    assert np.isnan(np.diag(improvement)).all()
    text = str(found)
    assert text.splitlines()[0].split("   ")[-1] == "beats plain" and text.count("\n") == 5


def test_results_without_labels_are_called_by_their_learners(runs, tmp_path):
    runs["slow"].save(tmp_path / "slow.npz")
    found = mf.compare(runs["plain"], runs["hysteretic"], tmp_path / "slow.npz")
    assert found.names == ("iql", "hysteretic_q", "iql (2)")
    assert mf.compare([runs["plain"]]).names == ("iql",)


def test_notes_say_what_must_not_be_overlooked(runs):
    longer = mf.train(mf.games.Climbing(horizon=6), mf.IQL(), **(HOW | {"runs": 2}))
    found = mf.compare({"plain": runs["plain"], "longer": longer})
    assert found.notes == ["longer: its game differs from that of plain in horizon.",
                           "2 runs: too few to say how others would go; ten or more are usual."]
    assert str(found).endswith("\n".join(found.notes))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_failed_runs_are_counted_and_left_out(runs):
    result = mf.train(GAME, mf.IQL(), **HOW)
    result.arrays["reason"][2] = 64 + 4
    result.arrays["reason"][0] = 64 + 4
    found = mf.compare({"plain": runs["plain"], "half": result})
    columns = found.table()
    assert columns["runs"].tolist() == [6, 4] and columns["of"].tolist() == [6, 6]
    left = np.delete(result.team_returns[:, -4:].mean(axis=1), [0, 2])
    assert columns["mean"][1] == pytest.approx(left.mean())
    assert found.notes[0].startswith("half: 2 of 6 runs failed (failed: ") and "4 of 6" in str(found)
    result.arrays["reason"][:] = 64 + 4
    with pytest.raises(ValueError, match=r"results\['half'\]: has no team_return to compare, because every run failed"):
        mf.compare({"plain": runs["plain"], "half": result})


@pytest.mark.parametrize("make,error,words", [
    (lambda r: mf.compare({}), ValueError, "results: expected at least one"),
    (lambda r: mf.compare({"a": 3}), TypeError, "results['a']: expected a Result, or the path of one, got 3"),
    (lambda r: mf.compare({1: r["plain"], "1": r["slow"]}), ValueError, "labels that read differently, got [1, '1']"),
    (lambda r: mf.compare(r, r["plain"]), TypeError, "results: a dict has them all"),
    (lambda r: mf.compare(r, statistic="gap"), ValueError, "statistic: expected one of 'iqm'"),
    (lambda r: mf.compare(r | {"other": mf.train(mf.games.Penalty(horizon=5), mf.IQL(), episodes=20, seed=0)}),
     ValueError, "'plain' is of the game climbing and 'other' of penalty; only results of one game"),
    (lambda r: mf.compare(r | {"none": mf.train(GAME, mf.IQL(), episodes=20, record_every=0, seed=0)}), ValueError,
     "results['none']: has no team_return to compare, because no episode was recorded"),
])
def test_what_is_refused(runs, make, error, words):
    with pytest.raises(error) as caught:
        make(runs)
    assert words in str(caught.value)


def test_the_picture_shows_every_result(runs):
    pytest.importorskip("matplotlib")
    figure = mf.compare(runs).plot(title="A & B", size=(7.0, 5.0))
    assert figure.get_size_inches().tolist() == [7.0, 5.0] and figure._suptitle.get_text() == "A & B"
    curves, scores, profiles = figure.axes
    assert [text.get_text() for text in scores.get_yticklabels()] == list(runs)
    for ax in (curves, profiles):
        told = [text.get_text() for text in ax.get_legend().get_texts()]
        assert len(told) == 3 and all(text.startswith(name) for text, name in zip(told, runs, strict=True))


def test_fonts_in_files_are_truetype_and_text(runs, tmp_path):
    pytest.importorskip("matplotlib")
    figure = mf.compare(runs).plot()
    figure.savefig(tmp_path / "c.pdf")
    figure.savefig(tmp_path / "c.svg")
    assert b"/Type3" not in (tmp_path / "c.pdf").read_bytes() and b"/CIDFontType2" in (tmp_path / "c.pdf").read_bytes()
    assert "hysteretic" in (tmp_path / "c.svg").read_text()
    runs["plain"].plot().figure.savefig(tmp_path / "curve.pdf")
    assert b"/Type3" not in (tmp_path / "curve.pdf").read_bytes()


def test_the_page_holds_all_of_it(runs, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    path = mf.compare(runs).report(tmp_path / "c.html", title="Three & more")
    page = path.read_text()
    assert "<h1>Three &amp; more</h1>" in page and page.count("<figure") == 3
    for text in ("Scores", "Probability of improvement", "slow: learner.learning_rate", "beats plain"):
        assert text in page
    assert mf.report(runs, tmp_path / "d.html").read_text().count("<figure") == 3
