"""Commands that read: comparisons, JSON, help, completion; and names that are nearly right."""
import json

import numpy as np
import pytest

import marlfast as mf
from marlfast import registry, toml


@pytest.fixture
def saved():
    game = mf.games.Climbing(horizon=5)
    for name, learner in (("a", mf.IQL()), ("b", mf.learners.HystereticQ())):
        mf.train(game, learner, episodes=30, runs=5, seed=1).save(f"{name}.npz")


@pytest.mark.parametrize("arguments,said", [
    (("--game", "pricing"), "did you mean 'logit_bertrand'?"), (("--game", "Logit-Bertrand"), "'logit_bertrand'"),
    (("--learner", "QMIX"), "did you mean 'qmix'?"), (("--learner", "TFT"), "did you mean 'tit_for_tat'?"),
    (("--learner", "climbing"), "'climbing' is a game"), (("--game", "calvano"), "marlfast reproduce calvano2020"),
    (("--set", "learner.learning_rate=abc"), "learning_rate: expected a number, or the name of a schedule"),
    (("--set", "learner.learning_rate=linaer"), "did you mean 'linear'?"),
    (("--game", "x" * 5000), "unknown game 'xxx"),
])
def test_names_that_are_nearly_right(marlfast, arguments, said):
    status, out, err = marlfast("train", *arguments)
    assert (status, out) == (2, "") and said in err and len(err) < 500 and err.count("\n") == 1


def test_what_is_derived_has_not_the_other_names_of_its_base(marlfast, monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", {kind: dict(known) for kind, known in registry._REGISTRY.items()})

    class Derived(mf.IQL):
        name = "derived_in_a_test"

    assert Derived.also == () and "q_learning" in mf.IQL.also
    assert "did you mean 'iql'?" in marlfast("train", "--learner", "Q-learning")[2]


def test_compare(marlfast, saved, tmp_path):
    status, out, err = marlfast("compare", "a.npz", "mine=b.npz", "--table", "t.csv", "--statistic", "mean")
    assert (status, err) == (0, "")
    assert out == f"{mf.compare({'a': 'a.npz', 'mine': 'b.npz'}, statistic='mean')}\n"
    assert [line.split(",")[0] for line in (tmp_path / "t.csv").read_text().splitlines()] == ["name", "a", "mine"]
    found = json.loads(marlfast("compare", "a.npz", "b.npz", "--json")[1])
    wanted = mf.compare({"a": "a.npz", "b": "b.npz"}).table()
    assert [row["iqm"] for row in found["results"]] == wanted["iqm"].tolist() and found["notes"] == []
    best = str(wanted["name"][np.argmax(wanted["iqm"])])
    assert marlfast("compare", "a.npz", "b.npz", "--quiet") == (0, f"{best}\n", "")


def test_compare_refuses(marlfast, saved, tmp_path):
    (tmp_path / "folder").mkdir()
    for arguments, said in ((("a.npz", "a.npz"), "another result is called 'a' already; give labels, such as a=a.npz"),
                            (("a.npz", "folder"), "folder: a folder; only results are compared"),
                            (("a.npz", "none.npz"), "none.npz: no such file"),
                            (("a.npz", "--table", "t.xls"), "--table: its ending: expected one of '.csv'"),
                            (("a.npz", "--plot", "none/t.png"), "cannot write in none")):
        status, out, err = marlfast("compare", *arguments)
        assert (status, out) == (2, "") and said in err


def test_report_and_plot_of_several(marlfast, saved, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    assert marlfast("report", "a.npz", "b.npz") == (0, "comparison.html\n", "")
    assert "Probability of improvement" in (tmp_path / "comparison.html").read_text()
    assert marlfast("plot", "a.npz", "b.npz", "--output", "two.pdf") == (0, "two.pdf\n", "")
    assert (tmp_path / "two.pdf").read_bytes().startswith(b"%PDF")
    assert "of several results only curve" in marlfast("plot", "a.npz", "b.npz", "--kind", "policy")[2]


def test_json_of_what_there_is(marlfast):
    games = json.loads(marlfast("games", "--json")[1])
    climbing = next(game for game in games if game["name"] == "climbing")
    assert set(climbing) == {"name", "summary", "options"} and climbing["options"]["horizon"] == "1"
    one = json.loads(marlfast("learners", "iql", "--json")[1])
    assert one["name"] == "iql" and "Independent Q-learning" in one["description"]
    assert set(json.loads(marlfast("parts", "--json")[1])) >= {"encoders", "schedules", "stop"}
    assert [part["name"] for part in json.loads(marlfast("parts", "stop", "--json")[1])["stop"]] == [
        "episodes", "greedy_stable", "return_reached", "steps"]
    studies = json.loads(marlfast("reproduce", "--json")[1])
    assert {"name", "summary", "source", "runs"} == set(studies[0])


def test_json_and_quiet_of_an_evaluation(marlfast, saved):
    found = json.loads(marlfast("evaluate", "a.npz", "--episodes", 20, "--json")[1])
    wanted = mf.evaluate(mf.games.Climbing(horizon=5), mf.load("a.npz"), episodes=20).team_returns.mean(axis=1)
    assert found["team_return"]["learned"] == pytest.approx(wanted.tolist())
    assert len(found["team_return"]["random"]) == 5
    assert found["episodes"] == 20 and found["learner"] == "iql"
    quiet = marlfast("evaluate", "a.npz", "--episodes", 20, "--quiet")[1]
    assert float(quiet) == pytest.approx(wanted.mean(), rel=1e-5)


def test_outputs_of_a_study(marlfast, tmp_path):
    options = ("reproduce", "tan1993", "--runs", 2, "--set", "trials=20", "--set", "last=10")
    status, out, _ = marlfast(*options, "--json", "--table", "t.csv")
    found = json.loads(out)
    assert status == 0 and found["runs"] == 2 and found["study"]["name"] == "tan1993"
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "figure,published,published_error,obtained,error,apart,differs"
    assert len(lines) == len(found["figures"]) + 1
    assert marlfast(*options, "--quiet")[1] == found["summary"] + "\n"
    status, out, err = marlfast("reproduce", "tan1993", "--plot", "p.gif")
    assert (status, out) == (2, "") and "--plot: its ending: expected one of '.png', '.svg', '.pdf', got '.gif'" in err


def test_pictures_and_pages_of_a_study(marlfast, tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    status, _, err = marlfast("reproduce", "tan1993", "--runs", 2, "--plot", "p.png", "--report", "p.html", "--quiet")
    assert (status, err) == (0, "")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "p.html").read_text()
    assert "two hunters, one prey, learned" in page and "marlfast reproduce tan1993 --runs 2 --seed 0" in page


def test_help(marlfast):
    assert marlfast("help")[1] == marlfast("--help")[1]
    assert marlfast("help", "train")[1] == marlfast("train", "--help")[1]
    assert marlfast("help", "climbing")[1].startswith("climbing\n")
    assert "--set learner.explore.OPTION=VALUE" in marlfast("help", "epsilon_greedy")[1]
    assert "did you mean 'level_foraging'?" in marlfast("help", "lbf")[2]


def test_completion(marlfast):
    pytest.importorskip("shtab")
    status, out, _ = marlfast("completion", "bash")
    assert status == 0 and "_shtab_marlfast" in out and "compare" in out and "--checkpoint" in out
    assert "SHELL: expected one of 'bash', 'zsh', 'tcsh', got 'fish'" in marlfast("completion", "fish")[2]


def test_tune(marlfast, tmp_path):
    pytest.importorskip("optuna")
    call = ("tune", "--game", "climbing", "--rewards", "cooperative", "--episodes", 60, "--seed", 0, "--trials", 6,
            "--batch", 3, "--seeds", 2, "--report-seeds", "[7, 8, 9]", "--over", "learner.discount=[0.0, 0.5]",
            "--over", "learner.learning_rate={low = 0.01, high = 1.0, log = true}")
    status, out, err = marlfast(*call, "--output", "best.toml", "--table", "trials.csv")
    assert (status, err) == (0, "") and "6 trials on 2 seeds each" in out and "on 3 other seeds" in out
    rows = (tmp_path / "trials.csv").read_text().splitlines()
    assert rows[0] == "trial,state,value,checkpoint,learner.discount,learner.learning_rate" and len(rows) == 7
    said = json.loads(marlfast(*call, "--json")[1])
    assert list(said["best"]) == ["learner.discount", "learner.learning_rate"] and len(said["trials"]) == 6
    assert marlfast("train", "best.toml", "--quiet")[0] == 0
    best = toml.read("best.toml")
    assert best["learner"]["learning_rate"] == said["best"]["learner.learning_rate"] and best["seed"] == [7, 8, 9]
    zero_sum = ("tune", "--game", "matching_pennies", "--episodes", 40, "--seed", 0, "--trials", 2, "--over",
                "learner.discount=[0.0]")
    assert marlfast(*zero_sum, "--objective", "return_0", "--quiet") == (0, '"learner.discount" = 0.0\n', "")
    for options, message in (((), "objective: what the agents of game 'matching_pennies' earn adds up to 0"),
                             (("--objective", "wins"), "objective: unknown measure"),
                             (("--over", "x"), "--over x: expected NAME=VALUES"),
                             (("--output", "best.txt"), "--output: its ending")):
        status, out, err = marlfast(*zero_sum, *options)
        assert (status, out) == (2, "") and err.startswith(f"marlfast: error: {message}")
    assert marlfast("tune", "--game", "climbing")[2].startswith("marlfast: error: --over: say what to look for")


def test_sides_of_a_game_are_told_apart(marlfast):
    call = ("--game", "soccer", "--set", "game.horizon=50", "--episodes", 500)
    status, out, _ = marlfast("train", *call, "--runs", 2, "--seed", 0, "--output", "s.npz", "--no-plot")
    assert status == 0 and "learned team, greedy: agent 0" in out and "team return" not in out
    assert "Share of episodes that agent 0 wins" in out
    status, out, _ = marlfast("evaluate", "s.npz")
    assert status == 0 and "random team: agent 1" in out and "of each side by itself" in out
    found = json.loads(marlfast("evaluate", "s.npz", "--json")[1])["returns"]["learned"]
    assert found["agent 0"] == [-value for value in found["agent 1"]] and any(found["agent 0"])
    numbers = [float(word) for word in marlfast("evaluate", "s.npz", "--quiet")[1].split()]
    assert numbers == pytest.approx([np.mean(found["agent 0"]), np.mean(found["agent 1"])], rel=1e-4)
    status, out, _ = marlfast("sweep", *call, "--seeds", 2, "--over", "learner.discount=[0.5, 0.9]", "--no-progress")
    assert status == 0 and "Return of agent 0 of the last tenth" in out and "return 0" in out
    status, out, _ = marlfast("compare", "s.npz", "--measure", "return_0")
    assert status == 0 and "agent 0's return" in out
    assert "adds up to 0" in marlfast("compare", "s.npz", "--measure", "team_return")[2]


def test_lists_print_names_alone_and_checks_are_json(marlfast, saved, tmp_path):
    for command, kind in (("games", "game"), ("learners", "learner")):
        assert marlfast(command, "--quiet") == (0, "\n".join(registry.names(kind)) + "\n", "")
    assert marlfast("games", "soccer", "--quiet") == (0, "soccer\n", "")
    assert marlfast("parts", "stop", "--quiet")[1].split() == list(registry.names("stop rule"))
    found = json.loads(marlfast("check", "a.npz", "--json")[1])
    assert found == {"source": "a.npz", "whole": True, "said": ["a.npz: whole"], "damaged": []}
    (tmp_path / "cut.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-40])
    status, out, err = marlfast("check", "cut.npz", "--json")
    assert (status, err) == (1, "") and not json.loads(out)["whole"] and json.loads(out)["damaged"][0]["why"]


def test_every_command_can_be_quiet():
    from marlfast.cli import parsers

    spoken = {"bench", "help", "completion"}        # whose output is all that they are for
    for name, parser in parsers()[1].items():
        options = {option for action in parser._actions for option in action.option_strings}
        assert name in spoken or "--quiet" in options, name
