"""The command line, driven in process: what it prints, what it saves, what it refuses and how it ends."""
import copy
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import cli, registry, toml
from marlfast.cli import changes, printing, train
from marlfast.cli.experiment import DEFAULT, experiment_of

SMALL = ["--episodes", "12", "--runs", "2", "--no-progress", "--no-plot"]
MATRIX = """
episodes = 40
runs = 2

[game]
name = "markov"
transitions = [[[1.0], [1.0], [1.0], [1.0]]]
rewards = [[[3.0, 3.0], [0.0, 5.0], [5.0, 0.0], [1.0, 1.0]]]
actions = [2, 2]
horizon = 3

[learner]
name = "iql"
"""


@pytest.fixture
def refused(marlfast, tmp_path):
    """``refused(*arguments)``: the sentence with which they are refused; nothing may be left behind."""
    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        status, out, err = marlfast(*arguments)
        assert status == 2, (out, err)
        assert out == ""
        assert err.startswith("marlfast: error: ") and err.count("\n") == 1, err
        assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == [p for p in before if p.is_file()]
        return err.removeprefix("marlfast: error: ").rstrip("\n")
    return run


def row(out, label):
    """The numbers of one line of the table."""
    (line,) = [line for line in out.splitlines() if line.strip().startswith(label)]
    return [float(number.replace(",", "")) for number in re.findall(r"-?[\d,]+\.\d+", line)]


def callback(monkeypatch, function):
    """Have every training call ``function`` after each block."""
    genuine = train.train
    monkeypatch.setattr(train, "train", lambda *rest, **named: genuine(*rest, callback=function, **named))


# -- the article's game -------------------------------------------------------------------------


def test_no_argument_trains_the_articles_game():
    parser, _ = cli.parsers()
    experiment = experiment_of(parser.parse_args(["train"]))
    wanted = mf.Experiment(
        mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(decimals=0), rewards=mf.rewards.individual(),
        shaping=[mf.rewards.Diversity(0.2), mf.rewards.Redundancy(0.1)], episodes=5000, runs=8, seed=0)
    assert experiment.to_dict() == wanted.to_dict()
    assert experiment.game.agents == 4


def test_report_and_files(marlfast, tmp_path):
    status, out, err = marlfast("train", "--episodes", 60, "--runs", 3, "--no-progress", "--no-plot")
    assert status == 0 and err == ""
    result = mf.load("runs/drift-iql.npz")
    wanted = mf.train(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=60, runs=3,
                      shaping=[mf.rewards.Diversity(0.2), mf.rewards.Redundancy(0.1)])
    np.testing.assert_array_equal(result.returns, wanted.returns)
    np.testing.assert_array_equal(result.q, wanted.q)

    def spread(values):
        return [float(f"{x:.1f}") for x in (values.mean(), values.min(), values.max())]

    team = wanted.team_returns
    assert row(out, "random team") == spread(
        mf.evaluate(mf.games.Drift(), "random", runs=3).team_returns.mean(axis=1))
    assert row(out, "learned team, greedy") == spread(
        mf.evaluate(mf.games.Drift(), wanted).team_returns.mean(axis=1))
    assert row(out, "first tenth of training") == spread(team[:, :6].mean(axis=1))
    assert row(out, "last tenth of training") == spread(team[:, -6:].mean(axis=1))
    assert row(out, "first tenth of training")[0] == float(f"{wanted.first_return():.1f}")
    assert row(out, "last tenth of training")[0] == float(f"{wanted.last_return():.1f}")
    assert "3 teams of 4 agents, game drift, learner iql, 60 episodes each, seed 0" in out
    assert "Trained 72,000 agent-steps" in out and "agent-steps per second" in out
    assert "higher is better" in out
    assert "Saved runs/drift-iql.npz (result), runs/drift-iql.toml (experiment)." in out
    assert out.rstrip().endswith("Next: marlfast evaluate runs/drift-iql.npz")
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["drift-iql.npz", "drift-iql.toml"]


def test_table_is_aligned(marlfast):
    _, out, _ = marlfast("train", *SMALL)
    begin = out.index("team return per episode")
    lines = out[begin:out.index("\n\n", begin)].splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert max(map(len, out.splitlines())) <= 120


def test_one_run_has_no_spread(marlfast):
    _, out, _ = marlfast("train", *SMALL, "--runs", 1)
    assert "lowest" not in out
    assert len(row(out, "random team")) == 1


def test_learning_curve_is_saved(marlfast, tmp_path):
    pytest.importorskip("matplotlib")
    status, out, _ = marlfast("train", "--episodes", 12, "--runs", 2, "--no-progress")
    assert status == 0
    assert (tmp_path / "runs/drift-iql.png").read_bytes().startswith(b"\x89PNG")
    assert "runs/drift-iql.png (learning curve)" in out


def test_without_matplotlib_it_trains_all_the_same(marlfast, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, out, err = marlfast("train", "--episodes", 12, "--runs", 2, "--no-progress")
    assert status == 0 and err == ""
    assert "pip install 'marlfast[plot]'" in out
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["drift-iql.npz", "drift-iql.toml"]


def test_progress_goes_to_stderr(marlfast):
    _, out, err = marlfast("train", "--episodes", 12, "--runs", 2, "--no-plot", "--progress")
    assert "training" in err and "training:" not in out
    for options in (SMALL, ["--episodes", 12, "--runs", 2, "--no-plot"], ["--episodes", 12, "--quiet", "--progress"]):
        assert marlfast("train", *options)[2] == ""         # where stderr is no terminal, only who asks is shown it


def test_there_are_bars_on_terminals_alone(monkeypatch):
    from marlfast import progress

    class Stream(list):
        write, flush = list.append, lambda self: None

    terminal, file = Stream(), Stream()
    terminal.isatty, file.isatty = lambda: True, lambda: False
    assert progress._draws_bars(terminal) and not progress._draws_bars(file)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert progress._draws_bars(file)


def test_quiet_prints_only_the_file(marlfast):
    assert marlfast("train", "--episodes", 12, "--runs", 2, "--no-plot", "--quiet") == (0, "runs/drift-iql.npz\n", "")


@pytest.mark.parametrize("options", [["--threads", "2"], ["--block", "7"], ["--backend", "numpy"]])
def test_how_it_trains_changes_no_number(marlfast, options):
    small = [*SMALL, "--quiet", "--set", "game.horizon=20"]
    assert marlfast("train", *small, "--output", "a.npz")[0] == 0
    assert marlfast("train", *small, *options, "--output", "b.npz")[0] == 0
    np.testing.assert_array_equal(mf.load("a.npz").returns, mf.load("b.npz").returns)
    np.testing.assert_array_equal(mf.load("a.npz").q, mf.load("b.npz").q)


def test_the_parameters_reach_train(monkeypatch, marlfast):
    noted = {}
    genuine = train.train
    monkeypatch.setattr(train, "train", lambda *rest, **named: noted.update(named) or genuine(*rest, **named))
    marlfast("train", *SMALL, "--threads", 2, "--block", 50, "--backend", "numpy", "--quiet", "--set", "game.horizon=2")
    assert noted == {"threads": 2, "block": 50, "backend": "numpy", "progress": False}


# -- experiment files ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    [], ["--set", "learner.learning_rate=0.3", "--set", "game.noise=0.123456789012345678", "--seed", "9"],
    ["--encoder", "grid", "--set", "encoder.low=[-3.0, -2]", "--set", "encoder.high=3", "--set", "encoder.bins=[6, 4]",
     "--rewards", "mixed", "--set", "rewards.teams=[[0, 3], [1, 2]]", "--first-run", "3", "--record-every", "2"],
    ["--stop", "greedy_stable,return_reached", "--set", "stop.0.n=40", "--set", "stop.1.value=-1e3",
     "--set", "learner.explore.name=boltzmann", "--steps", "500"],
])
def test_the_file_beside_the_result_gives_the_same_numbers(marlfast, tmp_path, options):
    assert marlfast("train", *SMALL, *options, "--output", "first.npz")[0] == 0
    assert marlfast("train", "first.toml", "--no-progress", "--no-plot", "--output", "second.npz")[0] == 0
    first, second = mf.load("first.npz"), mf.load("second.npz")
    assert first.experiment.to_dict() == second.experiment.to_dict()
    assert first.returns.size and first.steps.sum() > 0
    for name in first.arrays:
        np.testing.assert_array_equal(first.arrays[name], second.arrays[name], err_msg=name)
    assert (tmp_path / "first.toml").read_text().replace("first.", "second.") == (tmp_path / "second.toml").read_text()


def test_options_and_set_change_the_file(marlfast, tmp_path):
    (tmp_path / "e.toml").write_text(MATRIX)
    status, out, _ = marlfast("train", "e.toml", "--set", "learner.learning_rate=0.5", "--episodes", "7", "--no-plot",
                              "--no-progress", "--output", "m")
    assert status == 0
    assert "e.toml" not in out
    experiment = mf.load("m.npz").experiment
    assert experiment.learner.learning_rate == 0.5
    assert (experiment.episodes, experiment.runs, experiment.game.name) == (7, 2, "markov")
    assert experiment.shaping == ()          # the article's shaping does not leak into files
    assert (tmp_path / "e.toml").read_text() == MATRIX


@pytest.mark.parametrize("text, message", [
    ("lerner = 3\n", "e.toml: unknown key of the experiment 'lerner'; did you mean 'learner'?"),
    ("game = 'drift'\nlearner = 'iql'\nencoder = 'rounding'\n", "e.toml: episodes: nothing says when to stop"),
    ("episodes = 3\n", "e.toml: game: the experiment does not name one"),
    ("episodes = 3\n[game]\nname = 'drift'\nagent = 3\n", "e.toml: unknown option of game 'drift' (game) 'agent'; did "
                                                          "you mean 'agents'?"),
    ("episodes =\n", "e.toml: line 1: not TOML"),
    ("stop = {name = 'steps'}\n", "e.toml: stop.0: stop rule 'steps' needs n;"),
])
def test_bad_experiment_files(refused, tmp_path, text, message):
    (tmp_path / "e.toml").write_text(text)
    assert refused("train", "e.toml").startswith(message)


# -- --set and the names ------------------------------------------------------------------------


def changed(*given):
    values = copy.deepcopy(DEFAULT)
    changes.apply_changes(values, given)
    return values


def test_set_paths():
    values = changed("learner.learning_rate=0.2", "game.agents=8", "shaping.0.weight=0.5", "runs=3",
                     "learner.share=[0,0,1,1,0,0,1,1]")
    assert values["learner"] == {"name": "iql", "learning_rate": 0.2, "share": [0, 0, 1, 1, 0, 0, 1, 1]}
    assert values["game"] == {"name": "drift", "agents": 8}
    assert values["shaping"] == [{"name": "diversity", "weight": 0.5}, {"name": "redundancy", "penalty": 0.1}]
    assert values["runs"] == 3


def test_set_goes_into_defaults():
    explore = changed("learner.explore.epsilon=0.5")["learner"]["explore"]
    assert explore == {**mf.IQL().explore.to_dict(), "epsilon": 0.5}


def test_defaults_that_follow_from_other_options_still_follow():
    assert mf.Experiment.from_dict(changed("game.actions=9")).game.bonus_below == 4


def test_set_another_name_replaces_the_table():
    assert changed("encoder.name=grid")["encoder"] == {"name": "grid"}
    assert changed("encoder.name=rounding")["encoder"] == {"name": "rounding", "decimals": 0}
    assert changed("shaping.0.name=redundancy")["shaping"][0] == {"name": "redundancy"}
    learner = changed("learner.explore.epsilon.name=linear", "learner.explore.epsilon.start=1.0",
                      "learner.explore.decay=", "learner.explore.minimum=")["learner"]
    assert learner["explore"] == {"name": "epsilon_greedy", "epsilon": {"name": "linear", "start": 1.0},
                                  "ties": "random", "strict": True, "draws": 1}


def test_set_adds_and_removes_entries():
    assert changed("shaping.2.name=diversity")["shaping"][2] == {"name": "diversity"}
    assert changed("shaping.0=")["shaping"] == [{"name": "redundancy", "penalty": 0.1}]
    assert "shaping" not in changed("shaping=")
    assert changed("stop.0.name=steps", "stop.0.n=5")["stop"] == [{"name": "steps", "n": 5}]
    assert changed("learner.initial_q=[[0, 1], [2, 3]]", "learner.initial_q.1.0=7")["learner"]["initial_q"] \
        == [[0, 1], [7, 3]]


@pytest.mark.parametrize("text, value", [
    ("3", 3), ("-0.5", -0.5), ("1e-3", 0.001), ("true", True), ("none", "none"), ("'two words'", "two words"),
    (" [1, 2] ", [1, 2]), ('{name = "linear", start = 1}', {"name": "linear", "start": 1}), ("epsilon_greedy",
                                                                                          "epsilon_greedy"),
])
def test_values_of_set(text, value):
    parsed = changes.parse_value(text)
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize("change, message", [
    ("game.agent=3", "--set game.agent: unknown option of game 'drift' 'agent'; did you mean 'agents'?"),
    ("lerner.learning_rate=1", "--set lerner.learning_rate: unknown key of the experiment 'lerner'; did you mean "
                               "'learner'?"),
    ("learner.explore.epsilom=1", "--set learner.explore.epsilom: unknown option of exploration 'epsilon_greedy' "
                                  "'epsilom'; did you mean 'epsilon'?"),
    ("game.name=drfit", "--set game.name: unknown game 'drfit'; did you mean 'drift'?"),
    ("game.name=", "--set game.name: expected the name of the game, got nothing"),
    ("game.agents", "--set game.agents: expected KEY=VALUE"),
    ("game.agents=[1", "--set game.agents: '[1' is not a value as in TOML"),
    ("game.agents=1\nseed=2", "--set game.agents: '1 seed=2' is not a value"),
    ("shaping.weight=1", "--set shaping.weight: expected the number of an entry, 0 to 2, got 'weight'"),
    ("shaping.7.weight=1", "--set shaping.7.weight: expected the number of an entry, 0 to 2, got '7'"),
    ("game.agents.x=1", "--set game.agents.x: what stands before 'x' is 4, which has no parts"),
    ("learner.learning_rate.start=1", "--set learner.learning_rate.start: the schedule is 0.1, which has no options; "
                                      "set its name first"),
    ("learner.learning_rate=2", "learner: learning_rate: expected 0.0 to 1.0, got 2.0"),
    ("game.agents=2.5", "game: agents: expected a whole number, got 2.5"),
    ("game.agents=0", "game: agents: expected 1 to "),
    ("learner.discount=nan", "learner: discount: expected a finite number"),
    ("runs=0", "runs: expected 1 to "),
])
def test_set_refuses(refused, change, message):
    sentence = refused("train", "--set", change)
    assert sentence.startswith(message.replace("\\n", " ")) or message in sentence.replace("\\n", " ")


def test_names(marlfast):
    status, _, err = marlfast("train", *SMALL, "--rewards", "cooperative", "--shaping", "redundancy", "--shaping",
                              "diversity,redundancy", "--encoder", "rounding", "--learner", "iql", "--game", "drift",
                              "--output", "a")
    assert status == 0, err
    values = mf.load("a.npz").experiment.to_dict()
    assert values["rewards"] == {"name": "cooperative"}
    assert [s["name"] for s in values["shaping"]] == ["redundancy", "diversity", "redundancy"]
    assert values["encoder"] == {"name": "rounding", "decimals": 0}       # the same name keeps its options
    marlfast("train", *SMALL, "--shaping", "none", "--output", "b")
    assert mf.load("b.npz").experiment.shaping == ()


def test_another_game_comes_without_the_articles_shaping_and_encoder(marlfast):
    table = ["--set", "game.transitions=[[[1.0], [1.0], [1.0], [1.0]]]", "--set", "game.rewards=[[1.0, 0.0, 0.0, 2.0]]",
             "--set", "game.actions=[2, 2]", "--set", "game.horizon=2"]
    status, _, err = marlfast("train", "--game", "markov", *table, *SMALL, "--output", "a")
    assert status == 0, err
    experiment = mf.load("a.npz").experiment
    assert experiment.shaping == () and experiment.encoder.name == "numbered"
    marlfast("train", "--game", "markov", *table, *SMALL, "--shaping", "diversity", "--output", "b")
    assert [part.name for part in mf.load("b.npz").experiment.shaping] == ["diversity"]


def test_steps_take_the_place_of_the_default_episodes(marlfast):
    marlfast("train", "--steps", "1e3", "--runs", 1, "--no-progress", "--no-plot", "--output", "a")
    experiment = mf.load("a.npz").experiment
    assert (experiment.steps, experiment.episodes) == (1000, None)


@pytest.mark.parametrize("arguments, message", [
    (["train", "--game", "drft"], "unknown game 'drft'; did you mean 'drift'?"),
    (["train", "--learner", "iqll"], "unknown learner 'iqll'; did you mean 'iql'?"),
    (["train", "--shaping", "diversty"], "unknown shaping 'diversty'; did you mean 'diversity'?"),
    (["train", "--encoder", "grid"], "encoder: encoder 'grid' needs low, high and bins; give each by "
                                     "--set encoder.low=VALUE or in an experiment file"),
    (["train", "--game", "markov"], "game: game 'markov' needs transitions, rewards and actions;"),
    (["train", "--stop", "steps"], "stop.0: stop rule 'steps' needs n;"),
    (["train", "--shaping", "potential_based"], "shaping.0: shaping 'potential_based' needs potential;"),
    (["train", "--set", "learner.learning_rate.name=linear"], "learner.learning_rate: schedule 'linear' needs start, "
                                                              "end and duration;"),
    (["train", "--encoder", "none"], "encoder: the game's observations are real numbers, which need one; give "
                                     "--encoder rounding"),
    (["train", "--episodes", "many"], "argument --episodes: expected a whole number, got 'many'"),
    (["train", "--episodes", "1e400"], "argument --episodes: expected a whole number, got '1e400'"),
    (["train", "--episodes", "0"], "episodes: expected at least 1, got 0"),
    (["train", "--seed", "-1"], "seed: expected 0 to 18446744073709551615, got -1"),
    (["train", "--threads", "0"], "threads: expected at least 1, got 0"),
    (["train", "--block", "0"], "block: expected at least 1, got 0"),
    (["train", "--backend", "fortran"], "argument --backend: invalid choice: 'fortran'"),
    (["train", "--epsiodes", "5"], "unknown option '--epsiodes'; did you mean '--episodes'?"),
    (["train", "--quie"], "unknown option '--quie'; did you mean '--quiet'?"),
    (["train", "a.toml", "b.toml"], "'b.toml': expected no further argument"),
    (["train", "nothing.toml"], "nothing.toml: no such file"),
    (["train", "team.npz"], "team.npz: a result, not an experiment; go on with it by: marlfast train --resume "),
    (["train", "--resume", "nothing.npz"], "nothing.npz: no such file"),
    (["train", "--resume", "a.npz", "b.toml"], "--resume: goes on with its own experiment"),
    (["train", "--resume", "a.npz", "--runs", "3"], "--runs: cannot change with --resume"),
    (["train", "--resume", "a.npz", "--game", "drift"], "--game: cannot change with --resume"),
    (["trian"], "unknown command 'trian'; did you mean 'train'?"),
    (["parts", "shapings"], "unknown kind of parts 'shapings'; did you mean 'shaping'?"),
    (["evaluate"], "the following arguments are required: FILE.npz"),
    (["evaluate", "e.toml"], "e.toml: an experiment, not a result; train it first: marlfast train e.toml"),
    (["evaluate", "nothing.npz"], "nothing.npz: no such file"),
    (["evaluate", "."], ".: a folder, not a result"),
])
def test_bad_input_is_refused_in_one_sentence(refused, arguments, message):
    assert refused(*arguments).startswith(message)


def test_too_little_memory(marlfast, monkeypatch):
    def greedy(*rest, **named):
        raise MemoryError("Unable to allocate 29.8 GiB")

    monkeypatch.setattr(train, "train", greedy)
    status, _, err = marlfast("train", *SMALL)
    assert status == 2
    assert err == ("marlfast: error: not enough memory (Unable to allocate 29.8 GiB); use fewer runs, agents or "
                   "table rows\n")


# -- where it saves -----------------------------------------------------------------------------


def test_never_overwrites(marlfast, tmp_path):
    for name in ("drift-iql", "drift-iql-2", "drift-iql-3"):
        assert marlfast("train", *SMALL, "--quiet")[1] == f"runs/{name}.npz\n"
    first = (tmp_path / "runs/drift-iql.npz").read_bytes()
    (tmp_path / "runs/drift-iql-4.toml").write_text("mine")          # any of the three makes a name taken
    (tmp_path / "runs/drift-iql-5.png").symlink_to("nowhere")
    assert marlfast("train", *SMALL, "--quiet")[1] == "runs/drift-iql-6.npz\n"
    assert (tmp_path / "runs/drift-iql.npz").read_bytes() == first
    assert (tmp_path / "runs/drift-iql-4.toml").read_text() == "mine"


@pytest.mark.parametrize("existing", ["team.npz", "team.toml", "team.png"])
def test_an_explicit_output_that_exists_is_refused(marlfast, refused, tmp_path, existing):
    (tmp_path / existing).write_text("mine")
    assert refused("train", *SMALL, "--output", "team.npz") == (
        f"--output: {existing} exists already; choose another name, or overwrite it with --force")
    assert marlfast("train", *SMALL, "--output", "team.npz", "--force", "--quiet")[:2] == (0, "team.npz\n")
    assert mf.load("team.npz").experiment.runs == 2


def test_a_name_taken_while_it_trained_is_left_alone(marlfast, tmp_path, monkeypatch):
    callback(monkeypatch, lambda session: (tmp_path / "team.npz").write_text("someone else's"))
    assert marlfast("train", *SMALL, "--output", "team", "--quiet")[1] == "team-2.npz\n"
    assert (tmp_path / "team.npz").read_text() == "someone else's"
    assert mf.load("team-2.npz").experiment.runs == 2


@pytest.mark.parametrize("given, saved", [
    ("team", "team.npz"), ("team.v2", "team.v2.npz"), ("new/", "new/drift-iql.npz"), ("deep/er/a.npz", "deep/er/a.npz"),
])
def test_names_of_the_output(marlfast, tmp_path, given, saved):
    assert marlfast("train", *SMALL, "--output", given, "--quiet")[1] == f"{saved}\n"
    assert (tmp_path / saved).exists()
    assert (tmp_path / saved.replace(".npz", ".toml")).exists()


def test_an_output_that_cannot_be_written_is_refused_before_training(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "train", lambda *rest, **named: pytest.fail("trained all the same"))
    (tmp_path / "runs").write_text("a file, no directory")
    assert refused("train", *SMALL) == "--output: cannot write in runs: File exists"


def test_a_full_disk_leaves_nothing_half_written(marlfast, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, out, err = marlfast("train", *SMALL)
    assert status == 1
    assert err.startswith("marlfast: error: cannot write runs/drift-iql.npz: No space left on device")
    assert "learned team, greedy" in out                     # what was reached is told all the same
    assert list((tmp_path / "runs").iterdir()) == []


# -- interrupted, failed, resumed ---------------------------------------------------------------


def interrupt_after(monkeypatch, blocks):
    noted = []

    def on_block(session):
        noted.append(session)
        if len(noted) == blocks:
            os.kill(os.getpid(), signal.SIGINT)

    callback(monkeypatch, on_block)


def test_ctrl_c_saves_what_was_learned_and_resume_goes_on(marlfast, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        status, out, err = marlfast("train", *SMALL, "--block", 100, "--output", "part")
    assert status == 130
    assert "go on to the end with: marlfast train --resume part.npz" in err and "--episodes N" in err
    assert "interrupted (2)" in out and "Saved part.npz" in out and "Next:" not in out
    part = mf.load("part.npz")
    assert part.interrupted and part.steps.tolist() == [300, 300]

    assert marlfast("train", "--resume", "part.npz", "--no-progress", "--no-plot", "--output", "whole")[0] == 0
    assert marlfast("train", *SMALL, "--output", "straight")[0] == 0
    whole, straight = mf.load("whole.npz"), mf.load("straight.npz")
    np.testing.assert_array_equal(whole.returns, straight.returns)
    np.testing.assert_array_equal(whole.q, straight.q)
    # The experiment beside the part trains the whole of it.
    assert marlfast("train", "part.toml", "--no-progress", "--no-plot", "--output", "again")[0] == 0
    np.testing.assert_array_equal(mf.load("again.npz").returns, straight.returns)


def test_quiet_ctrl_c(marlfast, monkeypatch):
    interrupt_after(monkeypatch, 1)
    status, out, err = marlfast("train", *SMALL, "--block", 10, "--quiet")
    assert (status, out) == (130, "runs/drift-iql.npz\n")
    assert err.startswith("marlfast: interrupted; what was learned is in runs/drift-iql.npz")


def test_ctrl_c_after_training_keeps_the_result(marlfast, monkeypatch):
    def interrupted(*rest, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(printing, "evaluate", interrupted)
    status, out, err = marlfast("train", *SMALL)
    assert (status, err) == (130, "marlfast: interrupted\n")
    assert "Saved runs/drift-iql.npz" in out
    assert mf.load("runs/drift-iql.npz").episodes.tolist() == [12, 12]


def test_resume_with_more_episodes(marlfast, tmp_path):
    marlfast("train", *SMALL, "--output", "a")
    status, out, err = marlfast("train", "--resume", "a.npz", "--episodes", 8, "--no-plot", "--no-progress",
                                "--output", "b")
    assert status == 0, err
    assert "Going on with a.npz" in out
    marlfast("train", *SMALL, "--episodes", 20, "--output", "c")
    np.testing.assert_array_equal(mf.load("b.npz").returns, mf.load("c.npz").returns)
    assert "bit for bit" in (tmp_path / "b.toml").read_text()


def test_resume_with_another_stop_rule(marlfast, tmp_path):
    marlfast("train", *SMALL, "--output", "a")
    status, _, err = marlfast("train", "--resume", "a.npz", "--episodes", 500, "--stop", "greedy_stable", "--set",
                              "stop.0.n=3", "--no-plot", "--no-progress", "--output", "b")
    assert status == 0, err
    assert mf.load("b.npz").stop_reason == ["greedy stable"] * 2
    # The rule did not hold from the start, so the experiment file cannot promise the same numbers.
    text = (tmp_path / "b.toml").read_text()
    assert "bit for bit" not in text and "was not trained in one go" in text


def test_resume_of_a_finished_result_needs_to_know_for_how_long(marlfast, refused):
    marlfast("train", *SMALL, "--output", "a")
    assert "every run has reached its end" in marlfast("train", "--resume", "a.npz")[2]
    assert refused("train", "--resume", "a.npz", "--set", "game.agents=2") == (
        "--set game.agents: only stop can be changed here")


def test_a_run_that_fails_is_saved(marlfast, refused):
    status, out, err = marlfast("train", *SMALL, "--set", "game.push=1e308", "--output", "a")
    assert status == 1
    assert err.startswith("marlfast: error: run 0, step ") and err.count("\n") == 1
    assert "the other runs are saved in a.npz" in err and "error.result" not in err
    assert "Saved a.npz (result), a.toml (experiment)." in out and "Next:" not in out
    assert mf.load("a.npz").stop_reason[0].startswith("failed")
    if all(reason.startswith("failed") for reason in mf.load("a.npz").stop_reason):
        assert "nothing to go on with" in refused("train", "--resume", "a.npz")


def test_a_table_that_is_full_is_saved(marlfast):
    status, _, err = marlfast("train", *SMALL, "--set", "encoder.max_rows=10", "--output", "a")
    assert status == 1
    assert err.startswith("marlfast: error: max_rows: run ")
    assert mf.load("a.npz").used.max() > 10


# -- evaluate -----------------------------------------------------------------------------------


def test_evaluate(marlfast):
    marlfast("train", *SMALL, "--output", "a")
    status, out, err = marlfast("evaluate", "a.npz", "--episodes", 5, "--seed", 3)
    assert (status, err) == (0, "")
    result, game = mf.load("a.npz"), mf.games.Drift()
    for label, policy in (("learned team, greedy", result), ("random team", "random")):
        wanted = mf.evaluate(game, policy, episodes=5, seed=3, runs=2).team_returns.mean(axis=1)
        assert row(out, label) == [float(f"{x:.1f}") for x in (wanted.mean(), wanted.min(), wanted.max())]
    assert "5 episodes a run, seed 3" in out
    assert marlfast("evaluate", "a.npz", "--episodes", 5, "--seed", 3, "--backend", "numpy", "--threads", 1)[1] == out


def test_evaluate_on_another_game(marlfast, refused):
    marlfast("train", *SMALL, "--output", "a")
    _, out, _ = marlfast("evaluate", "a.npz", "--episodes", 5, "--set", "game.horizon=3")
    wanted = mf.evaluate(mf.games.Drift(horizon=3), mf.load("a.npz"), episodes=5).mean
    assert row(out, "learned team, greedy")[0] == pytest.approx(wanted, abs=0.005)
    assert "the policy was trained for" in refused("evaluate", "a.npz", "--set", "game.agents=3")
    assert refused("evaluate", "a.npz", "--set", "runs=3") == "--set runs: only game can be changed here"
    assert refused("evaluate", "a.npz", "--game", "markov").startswith("game: game 'markov' needs transitions")
    assert refused("evaluate", "a.npz", "--episodes", "0").startswith("episodes: expected at least 1, got 0")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"plain text\n" * 50])
def test_evaluate_refuses_what_is_no_result(refused, tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    assert refused("evaluate", "bad.npz").startswith("bad.npz: not a marlfast result")


def test_evaluate_refuses_a_result_cut_short(marlfast, refused, tmp_path):
    np.save("array.npy", np.zeros(3))
    assert refused("evaluate", "array.npy").startswith("array.npy: not a marlfast result")
    marlfast("train", *SMALL, "--output", "a")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:len(whole) // 2])
    assert refused("evaluate", "cut.npz").startswith("cut.npz: not a marlfast result")
    np.savez("other.npz", a=np.zeros(3))
    assert "it has no manifest" in refused("evaluate", "other.npz")


# -- lists, help, bench -------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, kind", [
    (["games"], "game"), (["learners"], "learner"), (["parts", "encoders"], "encoder"),
    (["parts", "stop"], "stop rule"),
    (["parts", "rewards"], "reward structure"), (["parts", "shaping"], "shaping"), (["parts", "schedules"], "schedule"),
    (["parts", "exploration"], "exploration"), (["parts", "potentials"], "potential"),
])
def test_lists(marlfast, arguments, kind):
    status, out, _ = marlfast(*arguments)
    assert status == 0
    for name, definition in registry.names(kind).items():
        assert f"\n{name}: " in f"\n{out}"
        assert " ".join(definition.__doc__.split()[:4]).replace("``", "") in out


def test_lists_say_options_and_defaults(marlfast):
    _, out, _ = marlfast("games", "drift")
    assert "    agents = 4\n" in out and "    noise = 0.1\n" in out and "Reward\n    ``-|state[0]|``" in out
    assert "A start:\n\n    state -0.475452 0.378392\n" in out
    _, out, _ = marlfast("games", "markov")
    assert "    transitions = (needed)\n" in out and "A start" not in out
    status, _, err = marlfast("games", "soccr")
    assert status == 2 and "did you mean 'soccer'" in err
    _, out, _ = marlfast("learners", "iql")
    assert "    explore.decay = 0.995\n" in out and '    share = "none"\n' in out
    _, out, _ = marlfast("parts")
    assert "ENCODERS (encoder of an experiment)" in out and "SHAPING (shaping.0 of an experiment)" in out


def test_every_part_of_an_experiment_has_an_option():
    parser, commands = cli.parsers()
    known = set(re.findall(r"--[a-z-]+", commands["train"].format_help()))
    fields = {field.replace("_", "-") for field in mf.Experiment.__dataclass_fields__}
    assert {f"--{field}" for field in fields} <= known
    values = mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(), shaping=mf.rewards.Diversity(),
                           episodes=1, stop=mf.Steps(3)).to_dict()
    assert {key for key, value in values.items() if isinstance(value, (dict, list))} | {"central"} == set(changes.PARTS)
    assert {key for key, value in values.items() if isinstance(value, list)} == set(changes.LISTS)


def test_version_and_help(marlfast):
    assert marlfast("--version") == (0, f"marlfast {mf.__version__}\n", "")
    for arguments in ([], ["--help"]):
        status, out, _ = marlfast(*arguments)
        assert status == 0
        assert all(word in out for word in ("train", "evaluate", "games", "learners", "parts", "bench"))
    status, out, _ = marlfast("train", "--help")
    assert status == 0 and "--set KEY=VALUE" in out


def test_bench_passes_its_arguments_on(marlfast, monkeypatch):
    noted = []
    stand_in = types.ModuleType("marlfast.bench")
    stand_in.main = noted.append
    monkeypatch.setitem(sys.modules, "marlfast.bench", stand_in)
    monkeypatch.setattr(mf, "bench", stand_in, raising=False)
    assert marlfast("bench", "--runs", 3, "--help")[0] == 0
    assert noted == [["--runs", "3", "--help"]]


def test_bench_that_cannot_be_imported(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "marlfast.bench", None)
    monkeypatch.delattr(mf, "bench", raising=False)
    assert "pip install 'marlfast[bench]'" in refused("bench")


def test_as_a_module(tmp_path):
    package = os.path.dirname(os.path.dirname(os.path.abspath(mf.__file__)))
    done = subprocess.run([sys.executable, "-m", "marlfast", "train", "--seed", "x"], capture_output=True, text=True,
                          cwd=tmp_path, env={**os.environ, "PYTHONPATH": package})
    assert done.returncode == 2
    assert done.stderr == "marlfast: error: argument --seed: expected a whole number, got 'x'\n"


def test_the_file_is_toml_that_anyone_can_read(marlfast, tmp_path):
    marlfast("train", *SMALL, "--output", "a")
    values = toml.read("a.toml")
    assert values == mf.load("a.npz").experiment.to_dict()
    assert (tmp_path / "a.toml").read_text().startswith(
        "# marlfast train a.toml gives the numbers of a.npz again, bit for bit.\n")


def test_runs_that_diverge_are_a_warning_of_one_line(marlfast, tmp_path):
    (tmp_path / "e.toml").write_text("""
steps = 40
runs = 2
[game]
name = "matrix"
payoffs = [[1e308, 1e308]]
horizon = 0
[learner]
name = "iql"
learning_rate = 1.0
discount = [0.0, 1.0]
""")
    status, out, err = marlfast("train", str(tmp_path / "e.toml"), "--no-plot", "--no-progress")
    assert status == 0 and err.startswith("marlfast: warning: 1 of 2 runs diverged") and err.count("\n") == 1


# -- sweeps -------------------------------------------------------------------------------------

SWEEP = """
steps = 200
runs = 2

[game]
name = "prisoners_dilemma"

[learner]
name = "iql"

[sweep]
seeds = 3

[sweep.over]
learner.learning_rate = [0.1, 0.5]
"learner.explore.epsilon" = [0.1, 0.2]
"""


@pytest.fixture
def swept(tmp_path):
    """A file with a sweep."""
    (tmp_path / "e.toml").write_text(SWEEP)
    return "e.toml"


def test_a_sweep(marlfast, swept):
    status, out, err = marlfast("sweep", swept, "--progress")
    assert status == 0 and err.startswith("sweep: 100 %, 12 of 12 runs, ")
    assert ("Swept over learner.learning_rate and learner.explore.epsilon: 4 points x 3 seeds, game "
            "prisoners_dilemma, learner iql") in out
    assert "the best of 4 points" in out and "Runs ended by: steps (12)" in out
    assert out.rstrip().endswith("Saved sweeps/e/table.csv (a row per run).")
    found = mf.load("sweeps/e")
    assert found.seeds == [0, 1, 2] and found.over == {"learner.learning_rate": [0.1, 0.5],
                                                      "learner.explore.epsilon": [0.1, 0.2]}
    wanted = mf.sweep(mf.games.PrisonersDilemma(), mf.IQL(), over=found.over, seeds=3, steps=200, out="wanted")
    for name, column in wanted.table().items():
        np.testing.assert_array_equal(found.table()[name], column)
    means = wanted.table()["team_return"].reshape(4, 3).mean(axis=1)
    best = [line.split() for line in out.splitlines() if line.startswith("  ")][1:]
    assert [float(row[0]) for row in best] == pytest.approx(sorted(means, reverse=True), rel=1e-5)
    assert marlfast("sweep", swept, "--quiet") == (0, "sweeps/e\n", "")        # all is there already


def test_options_of_a_sweep(marlfast, swept):
    status, out, _ = marlfast(
        "sweep", swept, "--over", "learner.discount={low = 0.5, high = 0.9}", "--samples", 4, "--seeds", "[7, 9]",
        "--out", "o", "--set", "game.temptation=4.5", "--engine", "threads", "--workers", 1, "--bins", 7,
        "--keep-results",
        "--chunk-seconds", "0.5", "--sample-seed", 3, "--no-progress", "--steps", 50, "--record-every", 2)
    assert status == 0
    found = mf.load("o")
    assert list(found.over) == ["learner.learning_rate", "learner.explore.epsilon", "learner.discount"]
    assert (len(found.over["learner.discount"]), found.seeds, found.experiment.game.temptation) == (4, [7, 9], 4.5)
    assert found.load_run(7).steps.tolist() == [50] and len(found.curves()["episodes"]) <= 7
    assert found.experiment.record_every == 2


def test_a_sweep_of_the_articles_game(marlfast):
    status, _, err = marlfast("sweep", "--over", "learner.learning_rate=[0.1, 0.2]", "--episodes", 3, "--seeds", 1,
                              "--no-progress")
    assert (status, err) == (0, "")
    assert mf.load("sweeps/drift-iql").experiment.game == mf.games.Drift()


def test_what_is_swept_over_as_a_whole_needs_no_value_of_its_own(marlfast):
    status, _, err = marlfast("sweep", "--game", "prisoners_dilemma", "--over", "learner=[iql, phc]", "--no-progress")
    assert status == 2 and "is not a value as in TOML" in err
    status, _, err = marlfast("sweep", "--game", "prisoners_dilemma", "--over", 'learner.name=["iql", "phc"]', "--over",
                              "episodes=[5, 6]", "--no-progress", "--seeds", 1)
    assert (status, err) == (0, "")
    assert mf.load("sweeps/prisoners_dilemma-iql").table()["learner.name"].tolist() == ["iql", "iql", "phc", "phc"]


def test_shards_and_merging(marlfast, swept, tmp_path):
    for k in (2, 1):
        status, out, _ = marlfast("sweep", swept, "--shard", f"{k}/2", "--no-progress")
        assert status == 0
        assert out.rstrip().endswith(f"Saved sweeps/e/shard-{k}-of-2. When all shards are done: marlfast merge "
                                     "sweeps/e")
    status, out, err = marlfast("merge", "sweeps/e")
    assert status == 0 and err == "" and "Saved sweeps/e/table.csv" in out
    assert marlfast("merge", "sweeps/e", "--quiet") == (0, "sweeps/e\n", "")
    assert marlfast("sweep", swept, "--out", "whole", "--quiet")[0] == 0
    for name in ("table.csv", "chunks/00000000-00000012.npz", "sweep.json"):
        assert (tmp_path / "sweeps/e" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert marlfast("merge", "sweeps/e", "sweeps/e/shard-1-of-2")[0] == 2


@pytest.mark.parametrize("options, message", [
    (["--over", "learner.learning_rat=[1]"], "over: unknown option of learner 'iql' 'learning_rat'; did you mean"),
    (["--over", "learner.discount"], "--over learner.discount: expected NAME=VALUES"),
    (["--over", "learner.discount=[0.1"], "--over learner.discount: '[0.1' is not a value as in TOML"),
    (["--over", "learner.discount=0.5"], "over: learner.discount: expected a list of values, got 0.5"),
    (["--set", "learner.learning_rate=0.3"], "--set learner.learning_rate: learner.learning_rate is swept over; leave"),
    (["--over", "steps=[3]", "--steps", "3"], "--steps: steps is swept over"),
    (["--over", "learner.name=['iql']", "--learner", "iql"], "--learner: learner.name is swept over"),
    (["--engine", "rey"], "unknown engine 'rey'; did you mean 'ray'?"),
    (["--shard", "3/2"], "shard: expected 1/2 to 2/2, got 3/2"),
    (["--seeds", "[]"], "seeds: expected at least one"), (["--seeds", "many"], "seeds: expected a whole number"),
    (["--samples", "5"], "samples: expected at most 4"), (["--chunk-seconds", "0"], "chunk_seconds: expected greater"),
    (["--seed", "3"], "unknown option '--seed'; did you mean '--seeds'?"),
])
def test_what_a_sweep_refuses(refused, swept, options, message):
    assert refused("sweep", swept, *options).startswith(message)


def test_files_of_sweeps_and_folders(refused, tmp_path, swept):
    assert refused("train", swept) == "e.toml: is a sweep; run it by: marlfast sweep e.toml"
    (tmp_path / "bad.toml").write_text(SWEEP.replace("seeds", "seds"))
    assert refused("sweep", "bad.toml").startswith("unknown key of the sweep 'seds'; did you mean 'seeds'?")
    (tmp_path / "bad.toml").write_text("sweep = 3\n")
    assert refused("sweep", "bad.toml").startswith("bad.toml: sweep: expected a table, got 3")
    assert refused("merge", "nowhere").startswith("nowhere: has no shards")
    (tmp_path / "folder").mkdir()
    assert refused("evaluate", "folder").startswith("folder: a folder, not a result; a sweep with --keep-results")
    assert refused("train", "--resume", "folder").startswith("folder: a folder, not a result")


def test_a_sweep_that_fails_or_is_interrupted(marlfast, swept, monkeypatch):
    from marlfast.sweeps import engines, folder, work

    def fail(task, stop=None):
        raise ZeroDivisionError("a bad one")

    monkeypatch.setattr(engines, "work", fail)
    status, out, err = marlfast("sweep", swept, "--no-progress")
    assert status == 1 and out == ""
    assert "chunk 00000000-00000001: runs 0 to 0 of the plan, from point 0" in err
    assert "a bad one (all of it is in" in err
    monkeypatch.setattr(engines, "work", work.work)
    genuine, pressed = folder.Folder.add, []

    def add(*given):
        genuine(*given)
        if pressed.append(given) is None and len(pressed) == 1:     # once: a second Ctrl-C does not wait
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(folder.Folder, "add", add)
    status, _, err = marlfast("sweep", swept, "--no-progress", "--workers", 1, "--steps", 30_000)
    assert status == 2 and "holds another sweep" in err
    status, _, err = marlfast("sweep", swept, "--no-progress", "--workers", 1, "--chunk-seconds", "1e-9")
    assert status == 130 and "interrupted; what is done is in sweeps/e, and the same command goes on" in err


def test_a_sweep_waits_while_the_disk_is_full(marlfast, swept, monkeypatch):
    from marlfast.sweeps import folder, run

    genuine, trouble = folder.put, []

    def full(path, content):
        if not trouble:
            trouble.append(path)
            raise OSError(28, f"cannot write {path}: No space left on device")
        genuine(path, content)

    monkeypatch.setattr(folder, "put", full)
    monkeypatch.setattr(run, "_pause", lambda: None)
    status, _, err = marlfast("sweep", swept, "--no-progress")
    assert status == 0 and err.count("\n") == 1
    assert err.startswith("marlfast: warning: sweep: cannot write sweeps/e/chunks/")
    assert err.endswith("No space left on device; it waits until there is room, and goes on\n")


def test_what_a_sweep_will_cost(marlfast, swept, monkeypatch):
    from marlfast import sweeps

    genuine = sweeps.cost
    monkeypatch.setattr(sweeps, "cost", lambda *a, **k: genuine(*a, try_seconds=0.1, **k))
    status, out, err = marlfast("sweep", swept, "--plan", "--seeds", "1000", "--keep-results")
    assert status == 0 and err == "" and not Path("sweeps").exists()
    lines = out.splitlines()
    assert lines[0] == "4 points x 1,000 seeds = 4,000 runs" and lines[1].startswith("A run: 200 steps, ")
    assert " core hours; " in lines[2] and lines[3].startswith("Folder: ") and ", results " in lines[3]
    assert lines[4].startswith("Measured on ") and lines[4].endswith(" runs.")


def test_going_on_with_what_a_folder_says(marlfast, refused, swept):
    assert marlfast("sweep", swept, "--no-progress")[0] == 0
    (Path("sweeps/e") / "table.csv").unlink()
    assert marlfast("sweep", "--resume", "sweeps/e", "--quiet") == (0, "sweeps/e\n", "")
    assert (Path("sweeps/e") / "table.csv").exists()
    assert refused("sweep", swept, "--resume", "sweeps/e").startswith("--resume: goes on with what its folder says")


def test_what_is_whole(marlfast, swept):
    marlfast("sweep", swept, "--shard", "1/2", "--quiet", "--out", "parts")
    status, out, err = marlfast("check", "parts")
    assert (status, err) == (0, "") and re.fullmatch(
        r"parts/shard-1-of-2: a shard, 6 of 6 runs in [1-6] whole chunks\n6 of 6 runs are there\n", out)
    marlfast("sweep", swept, "--quiet", "--keep-results")
    status, out, err = marlfast("check", "sweeps/e")
    assert (status, err) == (0, "") and out.splitlines() == [
        "sweeps/e: finished, 12 of 12 runs in 1 whole chunks", "sweeps/e/table.csv: whole",
        "sweeps/e/results: 12 whole results", "12 of 12 runs are there"]
    (Path("sweeps/e/chunks/00000000-00000012.npz")).write_bytes(b"PK")
    (Path("sweeps/e/results/00000003.npz")).write_bytes(b"PK")
    (Path("sweeps/e/table.csv")).write_text("x")
    status, out, err = marlfast("check", "sweeps/e", "--quiet")
    assert (status, out) == (1, "")
    assert [line.split(":")[2].strip() for line in err.splitlines()[:3]] == [
        "sweeps/e/chunks/00000000-00000012.npz", "sweeps/e/table.csv", "sweeps/e/results/00000003.npz"]
    assert err.splitlines()[3].startswith("marlfast: the same sweep, called again, sets damaged files aside")
    mf.train(mf.games.PrisonersDilemma(), mf.IQL(), steps=5).save("r.npz")
    assert marlfast("check", "r.npz") == (0, "r.npz: whole\n", "")
    team = mf.IQL().team(mf.games.PrisonersDilemma(), seed=0)
    team.act(mf.games.PrisonersDilemma().env(seed=0).reset())
    team.save("t.npz")
    mf.load("r.npz").policy(0).save("p.npz")
    for name in ("t.npz", "p.npz"):
        assert marlfast("check", name) == (0, f"{name}: whole\n", "")
        data = bytearray(Path(name).read_bytes())
        data[-800] ^= 1
        Path(name).write_bytes(data)
        status, out, err = marlfast("check", name)
        assert status == 1 and out == "" and err.startswith(f"marlfast: damaged: {name}: "), err
    Path("r.npz").write_bytes(Path("r.npz").read_bytes()[:500])
    status, out, err = marlfast("check", "r.npz")
    assert status == 1 and out == "" and err == (
        "marlfast: damaged: r.npz: not a marlfast result (it is damaged or of another kind (BadZipFile))\n")


def test_checkpoints(marlfast, refused, tmp_path):
    small = ["train", *SMALL, "--set", "game.horizon=20"]
    assert marlfast(*small, "--output", "a", "--checkpoint", "c.npz", "--every", "0.5")[0] == 0
    np.testing.assert_array_equal(mf.load("a.npz").returns, mf.load("c.npz").returns)
    assert marlfast(*small, "--output", "b", "--checkpoint", "c.npz")[0] == 0
    np.testing.assert_array_equal(mf.load("a.npz").q, mf.load("b.npz").q)
    status, _, err = marlfast("train", "--seed", "3", "--checkpoint", "c.npz")
    assert status == 2 and err.startswith("marlfast: error: checkpoint: c.npz holds another experiment")
    assert refused("train", "--every", "3").startswith("--interval-seconds: says how often --checkpoint is written")


def test_progress_of_training_says_how_fast_and_how_long(capsys, monkeypatch):
    from marlfast import progress

    monkeypatch.setitem(sys.modules, "tqdm", None)
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: float(next(clock)))
    experiment = types.SimpleNamespace(runs=2, stop=())
    session = types.SimpleNamespace(
        resolved=types.SimpleNamespace(limits=types.SimpleNamespace(episodes=100, steps=2**62)),
        experiment=experiment, running=lambda: np.ones(2, bool),
        arrays={"episodes": np.array([10, 10])})
    with progress.Progress(session, True) as bar:
        session.arrays["episodes"][:] = 20
        bar.update(session)
        session.arrays["episodes"][:] = 60
        bar.update(session)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["training:  20 %, 40 episodes in 10.0 s, 2 a second, 80.0 s left",
                     "training:  60 %, 120 episodes in 20.0 s, 5 a second, 16.0 s left"]
    # A rule that may stop runs earlier leaves open how long it takes.
    experiment.stop = (mf.GreedyStable(5),)
    with progress.Progress(session, True) as bar:
        session.arrays["episodes"][:] = 80
        bar.update(session)
    assert capsys.readouterr().err == "training:  80 %, 160 episodes in 10.0 s, 4 a second\n"
    assert [progress.duration(s) for s in (0.04, 99.94, 100.0, 5940.0, 6000.0)] == [
        "0.0 s", "99.9 s", "2 min", "99 min", "1 h 40 min"]
