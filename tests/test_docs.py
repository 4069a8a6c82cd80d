"""What the documents say is so: their programs run and print what is claimed, their commands and links exist."""
import ast
import importlib.util
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import marlfast as mf
from marlfast import cli
from marlfast.games import own
from marlfast.session import allocate

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
SITE = ROOT / "docs"
# Lines that tell how long something took, or whether there was matplotlib to draw a picture with.
TIMED = re.compile(r"agent-steps/s$|agent-steps per second\.$|^Took |^Saved ")


def fences(path):
    """(language, text) of every fenced block."""
    return re.findall(r"^```([^\n`]*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


def claims(path):
    """(language, program, what it prints or None) of every block that is run: of Python and, on the site, of a shell.

    What it prints is the text block that comes next.
    """
    run = ("python", "sh") if path.is_relative_to(SITE) else ("python",)
    blocks = [*fences(path), ("", "")]
    for (language, text), (follower, output) in itertools.pairwise(blocks):
        if language in run:
            yield language, text, output if follower == "text" else None


def sources(path):
    """(name, text) of every block that is announced as a file: "...; `name.c`:"."""
    return re.findall(r"`([\w.]+)`:\n\n```(?:c|toml|sh)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


def in_shell(program, folder):
    """Run a program of a shell, for which ``marlfast`` is the one under test; what it printed."""
    commands = folder / "commands"
    commands.mkdir(exist_ok=True)
    (commands / "marlfast").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m marlfast "$@"\n', encoding="utf-8")
    (commands / "marlfast").chmod(0o755)
    environment = {**os.environ, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-ec", program], cwd=folder, env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def skip_without_extras(programs):
    """Skip where a document's programs import an extra, or call a compiler or a shell, that is not there."""
    text = "\n".join(program for _, program, _ in programs)
    if any(language == "sh" for language, _, _ in programs) and not shutil.which("sh"):
        pytest.skip("needs a shell")
    for extra in ("numba",):
        if re.search(rf"^import {extra}$", text, re.M):
            pytest.importorskip(extra)
    if '"cc"' in text and not shutil.which("cc"):
        pytest.skip("needs a C compiler")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def without_times(text):
    return [line for line in text.splitlines() if not TIMED.search(line)]


# -- programs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if any(claims(p))], ids=name_of)
def test_programs_run_and_print_what_is_claimed(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    skip_without_extras(list(claims(path)))
    for name, text in sources(path):
        (tmp_path / name).write_text(text, encoding="utf-8")
    names = {"__name__": "document"}
    for k, (language, program, output) in enumerate(claims(path)):
        if language == "sh":
            printed = in_shell(program, tmp_path)
        else:
            try:
                exec(compile(program, f"{name_of(path)}, program {k + 1}", "exec"), names)
            except ImportError as error:
                if "marlfast[" not in str(error):
                    raise
                pytest.skip(str(error))         # it says which extra it needs
            printed = capsys.readouterr().out
        if output is not None:
            assert without_times(printed) == without_times(output)


def unseeded_calls(program):
    """Calls in a program that would draw a seed of their own, as source."""
    for node in ast.walk(ast.parse(program)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        given = {keyword.arg for keyword in node.keywords}
        starts = {"train", "sweep", "League"} if ast.unparse(node.func.value) == "mf" else {"env", "team"}
        from_result = node.args and ast.unparse(node.args[0]).endswith(".experiment")
        if node.func.attr in starts and not given & {"seed", "resume", None} and not from_result:
            yield ast.unparse(node)


def test_unseeded_calls_are_found():
    program = "a = mf.train(game, runs=2)\nb = mf.train(a.experiment)\nmf.train(resume=a, episodes=1)\ngame.env(runs=1)"
    assert list(unseeded_calls(program)) == ["mf.train(game, runs=2)", "game.env(runs=1)"]


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted((ROOT / "examples").glob("*.py"))], ids=name_of)
def test_programs_give_seeds(path):
    programs = [path.read_text(encoding="utf-8")] if path.suffix == ".py" else [
        text for language, text in fences(path) if language in ("python", "py")]
    assert [call for program in programs for call in unseeded_calls(program)] == []


# Where blocks of these languages are looked at, beside those of Python, shell and TOML here.
COMPARED = {"c": ["docs/own_games/c.md"], "cython": ["docs/own_games/cython.md", "docs/howto/own_learner.md"],
            "py": ["docs/howto/own_learner.md"],        # tests/own
            "diff": ["docs/from_0_1.md"]}               # tests/from_0_1


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.is_relative_to(SITE)], ids=name_of)
def test_no_block_of_the_site_goes_unseen(path):
    for language, text in fences(path):
        if language == "bash":          # only shown: it sets up, or is for a scheduler that is not here
            assert "pip install" in text or "#SBATCH" in text
        elif language in COMPARED:
            assert name_of(path) in COMPARED[language]
        else:
            assert language in ("python", "sh", "toml", "text", "") or language.startswith("{"), language


def test_what_contributing_takes_away_stands_in_the_tree():
    where = ""
    for line in (line for language, text in fences(ROOT / "CONTRIBUTING.md") if language == "diff"
                 for line in text.splitlines()):
        if line.startswith("--- "):
            path = ROOT / line[4:]
            where = path.read_text(encoding="utf-8") if path.is_file() else ""
        elif not line.startswith("+"):
            assert f"\n{line[1:]}\n" in where, line


def test_the_page_on_c_shows_the_signatures_that_are_taken():
    text = " ".join((ROOT / "docs" / "own_games" / "c.md").read_text(encoding="utf-8").split())
    assert [s for s in own.SIGNATURES.values() if f"{s};" not in text] == []


def test_the_first_program_of_the_readme_is_short_and_its_output_is_shown():
    _, program, output = next(claims(README))
    assert len(program.strip().splitlines()) <= 16
    assert output and "team return" in output


@pytest.mark.parametrize(("path", "text"), [pytest.param(path, text, id=f"{name_of(path)}-{k}") for path in DOCUMENTS
                         for k, (language, text) in enumerate(fences(path)) if language == "toml"])
def test_experiment_files_are_understood(path, text, tmp_path, monkeypatch):
    (tmp_path / "experiment.toml").write_text(text, encoding="utf-8")
    how = ["sweep", "--seeds", "1", "--out", "out"] if "[sweep]" in text else [
        "train", "--runs", "1", "--output", "out.npz", "--no-plot"]
    monkeypatch.chdir(tmp_path)
    assert cli.main([*how, "experiment.toml", "--episodes", "1", "--quiet"]) == 0


# -- commands -----------------------------------------------------------------------------------


def set_up_commands():
    return [text for language, text in fences(README) if language == "sh"]


def test_readme_has_exactly_two_set_up_commands_of_one_line():
    train, test = set_up_commands()
    for command in (train, test):
        assert len(command.splitlines()) == 1
        # Each works alone, on a fresh machine.
        assert command.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install -e ")
    assert train.rstrip().endswith("&& marlfast train")
    assert "'.[test]'" in test and test.rstrip().endswith("&& pytest")


def ci(folder):
    return subprocess.run(["bash", folder / ".ci" / "run", "--commands"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_ci_takes_the_commands_out_of_the_readme():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    found = ci(ROOT)
    assert (found.returncode, found.stdout, found.stderr) == (0, "".join(set_up_commands()), "")


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(("old", "new"), [
    ("<!-- command: test -->\n", ""),
    ("<!-- command: test -->", "<!-- command: train -->"),
    ("<!-- command: train -->", "<!-- command: train -->\n\nFirst this:\n"),
    ("<!-- command: train -->\n```sh\n", "<!-- command: train -->\n```sh\ncd marlfast\n"),
    ("## Installation\n", "## Installation\n\n<!-- command: more -->\n```sh\nmake\n```\n"),
], ids=["one", "the same twice", "no block", "two lines", "three"])
def test_ci_refuses_a_readme_without_its_two_commands(tmp_path, old, new):
    text = README.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "README.md").write_text(text.replace(old, new), encoding="utf-8")
    found = ci(tmp_path)
    assert found.returncode == 1 and found.stdout == ""
    assert "README.md: expected" in found.stderr


def command_lines():
    """Every ``marlfast ...`` in a block without language."""
    for path in DOCUMENTS:
        for language, text in fences(path):
            if language == "":
                for line in text.splitlines():
                    for command in line.partition("#")[0].split(";"):
                        if command.strip().startswith("marlfast "):
                            yield command.strip()


@pytest.mark.parametrize("command", list(dict.fromkeys(command_lines())))
def test_command_lines_are_understood(command):
    words = shlex.split(command)[1:]
    if words[0] == "bench":
        pytest.importorskip("marlfast.bench")
        words = words[:1]
    parser, commands = cli.parsers()
    assert words[0] in commands
    assert parser.parse_args(words).command == words[0]
    if words[0] in ("help", "games", "learners", "parts"):          # what they name is there
        assert cli.main(words) == 0


# -- words and links ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_relative_links_lead_somewhere(path):
    prose = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    inner = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inner if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", [ROOT / "CONTRIBUTING.md", ROOT / "docs" / "design.md"], ids=name_of)
def test_files_that_are_named_exist(path):
    there = {p.relative_to(ROOT).as_posix() for folder in ("marlfast", "src", "tests", "benchmarks", "docs", "examples")
             for p in (ROOT / folder).rglob("*")} | {p.name for p in ROOT.iterdir()}
    named = re.findall(r"`([\w/.]+\.(?:pyx|pxd|pyi|py|h|md|toml))`", path.read_text(encoding="utf-8"))
    assert len(named) >= 5
    assert [n for n in named if "NAME" not in n and not any(f"/{t}".endswith(f"/{n}") for t in there)] == []


def test_design_names_every_array():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    arrays = allocate(mf.Experiment(mf.games.Drift(), mf.IQL(), encoder=mf.Rounding(0), episodes=1).resolved, "numpy")
    told = set(re.findall(r"`([\w.*]+)`", text))
    assert [n for n in arrays if n not in told and f"{n.rpartition('.')[0]}.*" not in told] == []


# -- examples -----------------------------------------------------------------------------------


def example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested():
    others = {"sb3_training", "torchrl_training", "deep_league",
              # the three above with other libraries: tests/adapters/test_examples.py
              "many_agents",                            # tests/test_many_example.py
              "pricing_study", "coordination", "cooperation",       # tests/test_papers.py
              "tiles_drift"}                            # tests/test_tiles.py
    assert {p.stem for p in (ROOT / "examples").glob("*.py")} == {
        "article", "article_with_train", "custom_reward"} | others


def test_article_by_hand_and_with_train_are_the_same_to_the_last_bit(capsys):
    by_hand = example("article").main(episodes=30, runs=3, seed=5)
    printed = capsys.readouterr().out.splitlines()
    run = example("article_with_train").main(episodes=30, runs=3, seed=5)
    assert by_hand.tobytes() == run.team_returns.tobytes()
    assert printed[-1] == capsys.readouterr().out.splitlines()[-1]
    assert printed[-1].startswith("random team: -20") and "last tenth of training: -" in printed[-1]
    assert [line.partition(":")[0] for line in printed[:-1]] == [f"episode {n:5}" for n in range(3, 31, 3)]


def test_shaping_of_the_article_by_hand():
    shape_reward = example("article").shape_reward
    actions = np.array([[0, 0, 1, 2], [3, 3, 3, 3], [4, 1, 2, 0]], np.int32)
    shaped = shape_reward(np.full((3, 4), -1.0), actions)
    # Distinct 3, 1, 4 of 4: bonus .15, .05, .2; penalty .1, .3, 0.
    np.testing.assert_allclose(shaped, np.repeat([[-0.95], [-1.25], [-0.8]], 4, axis=1), rtol=0, atol=1e-15)


def test_article_with_train_learns(capsys):
    run = example("article_with_train").main()
    last = capsys.readouterr().out.splitlines()[-1]
    # A random team has -2021.9 with a spread over runs of about 10.
    assert last == f"random team: -2021.9; last tenth of training: {run.last_return():.1f}"
    assert (run.team_returns[:, -200:].mean(axis=1) > -1800).all()


def test_custom_reward(capsys):
    module = example("custom_reward")
    found, plain, dear = module.main(episodes=150, runs=4, seed=1)
    assert plain == pytest.approx(2.0, abs=0.3)         # still close to random, whose mean action is 2
    assert dear < plain - 0.05                          # pushing costs; a reward that is ignored makes them equal
    printed = capsys.readouterr().out
    assert len(found) == 3 and all(f"{name:28} {e.mean:8.1f}" in printed for name, e in found.items())
    assert len({e.mean for e in found.values()}) == 3   # each reward teaches something else
    rewards = module.effort(np.array([[1.0, 1.0]]), np.array([[2, 0]]), np.array([[2, 3]]))
    np.testing.assert_allclose(rewards, [[0.0, 0.8]], rtol=0, atol=1e-15)
    assert module.nearness(np.array([[-1.5, 3.0], [2.0, 0.0]])).tolist() == [-1.5, -2.0]
