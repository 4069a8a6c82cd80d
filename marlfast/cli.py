"""The command line: ``marlfast train | evaluate | sweep | merge | report | plot | games | ...``.

An experiment starts as a dictionary (the article's game, or a TOML file), is changed by options and ``--set``,
and is then checked in one go. Every error is one sentence on stderr; the exit status is 0 when all went well,
1 when training or saving failed, 2 for bad input and 130 after Ctrl-C.
"""
import argparse
import copy
import dataclasses
import errno
import inspect
import itertools
import os
import re
import shlex
import sys
import tempfile
import textwrap
import warnings
from pathlib import Path

import numpy as np

from marlfast import toml
from marlfast.backends import BACKENDS
from marlfast.changes import LISTS, PARTS, apply_changes, assign, complete, default_of, listed, parse_value, put_option
from marlfast.errors import TrainingError, integer, unknown
from marlfast.evaluate import evaluate
from marlfast.experiment import Experiment
from marlfast.files import load, write_atomically
from marlfast.registry import from_dict, lookup, names
from marlfast.reports.commands import add as commands_of_reports
from marlfast.train import train

# Rounding to whole numbers: with one decimal the table has tens of thousands of rows, which a few thousand
# episodes cannot fill.
DEFAULT = {
    "game": {"name": "drift"}, "learner": {"name": "iql"}, "encoder": {"name": "rounding", "decimals": 0},
    "rewards": {"name": "individual"},
    "shaping": [{"name": "diversity", "weight": 0.2}, {"name": "redundancy", "penalty": 0.1}],
    "episodes": 5000, "runs": 8, "seed": 0,
}
NUMBERS = ("episodes", "steps", "runs", "seed", "record_every", "first_run")
# What `marlfast parts` lists: its word, the kind, and where such a part stands in an experiment.
KINDS = {"encoders": ("encoder", "encoder"), "rewards": ("reward structure", "rewards"),
         "shaping": ("shaping", "shaping.0"), "potentials": ("potential", "shaping.0.potential"),
         "exploration": ("exploration", "learner.explore"), "schedules": ("schedule", "learner.learning_rate"),
         "stop": ("stop rule", "stop.0")}
EVALUATION_EPISODES = 100
BEST = 5                    # points that a sweep shows
WIDTH = 100

_MEANING = ("Team return: the rewards of one episode added up, without shaping, mean over the agents; "
            "higher is better.")


def main(argv=None):
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        Exit status.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", RuntimeWarning)
            warnings.showwarning = lambda message, *_: print(f"marlfast: warning: {message}", file=sys.stderr)
            status = _dispatch(argv)
        sys.stdout.flush()
        return status
    except SystemExit as stop:                  # --help and --version
        return stop.code or 0
    except KeyboardInterrupt:
        print("marlfast: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:                     # `marlfast games | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, TypeError, OSError, ImportError, OverflowError, MemoryError) as error:
        return _fail(error, 2)


def _dispatch(argv):
    if argv[:1] == ["bench"]:
        return _bench(argv[1:])
    parser, commands = _parsers()
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise unknown("command", argv[0], commands)
    args, rest = parser.parse_known_args(argv)
    if rest:
        if rest[0].startswith("-"):
            known = re.findall(r"--[a-z][a-z-]*", commands[args.command].format_usage() if args.command else "")
            raise unknown("option", rest[0].partition("=")[0], [*known, "--help", "--version"])
        raise ValueError(f"{rest[0]!r}: expected no further argument")
    if args.command is None:
        parser.print_help()
        return 0
    return args.run(args)


def _fail(error, status):
    print(f"marlfast: error: {_sentence(error)}", file=sys.stderr)
    return status


def _sentence(error):
    """An exception in one line."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        text = f"not enough memory ({text}); use fewer runs, agents or table rows"
    return " ".join(text.split())


# -- arguments ----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Errors go the way of all others: one sentence, no usage text."""

    def error(self, message):
        raise ValueError(message)


def _whole(text):
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)                    # 1e6
        if number.is_integer():
            return int(number)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")


def _parsers():
    from marlfast import __version__

    parser = _Parser(prog="marlfast", allow_abbrev=False,
                     description="Train teams of agents that learn together, at the speed of C.",
                     epilog="Begin with: marlfast train")
    parser.add_argument("--version", action="version", version=f"marlfast {__version__}")
    group = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands = {}

    def command(name, run, text, **more):
        commands[name] = group.add_parser(name, help=text, description=text, allow_abbrev=False, **more)
        commands[name].set_defaults(run=run)
        return commands[name]

    _train_arguments(command("train", _train, "Train a team; without arguments: the article's game.", epilog=(
        "Names and their options are listed by: marlfast games, marlfast learners, marlfast parts.")))
    _sweep_arguments(command("sweep", _sweep, (
        "Train at every point of a grid, or of a random sample, with every seed. The same command goes on where it was "
        "killed.")))
    merged = command("merge", _merge, "Put the shards of a sweep together.")
    merged.add_argument("folder", metavar="FOLDER", help="where the whole is to be")
    merged.add_argument("shards", nargs="*", metavar="SHARD", help="folders of the shards (default: those in FOLDER)")
    merged.add_argument("--quiet", action="store_true", help="print nothing but the folder")
    _evaluate_arguments(command("evaluate", _evaluate, "Play with what was learned, beside a random team."))
    for kind, run in (("games", _list_games), ("learners", _list_learners)):
        listed = command(kind, run, f"List {kind}; with a name: its rules, options and source.")
        listed.add_argument("name", nargs="?", metavar="NAME", help="show this one in full")
    parts = command("parts", _list_parts, "List all else an experiment is made of.")
    parts.add_argument("kind", nargs="?", metavar="KIND", help=f"one of {', '.join(KINDS)}; default: all of them")
    _reproduce_arguments(command("reproduce", _reproduce, (
        "Run a published experiment: what was published beside what comes out here. Without a name: list them.")))
    commands_of_reports(command, _whole)
    command("bench", None, "Measure speed, as ratios to other programs.", add_help=False)
    return parser, commands


def _train_arguments(parser):
    add = parser.add_argument
    add("experiment", nargs="?", metavar="EXPERIMENT.toml",
        help="experiment file; default: the article's game, 4 agents, 8 runs of 5,000 episodes")
    _what_arguments(parser)
    long = _long_arguments(parser, "; with --resume: so many more")
    long.add_argument("--runs", type=_whole, metavar="N", help="teams trained from scratch, each by its own draws")
    long.add_argument("--first-run", type=_whole, metavar="N", help="number of the first run (default: 0)")
    long.add_argument("--seed", type=_whole, metavar="N")
    how = parser.add_argument_group("how (changes nothing in the numbers)")
    how.add_argument("--threads", type=_whole, metavar="N", help="default: as many as there are processors")
    how.add_argument("--block", type=_whole, metavar="STEPS", help="steps between returns to Python")
    how.add_argument("--backend", choices=BACKENDS, default="cython")
    how.add_argument("--resume", metavar="FILE.npz", help="go on with an earlier result")
    how.add_argument("--checkpoint", metavar="FILE.npz",
                     help="keep there what was learned so far; the same command goes on from there when it was killed")
    how.add_argument("--every", type=float, metavar="SECONDS", help="between checkpoints (default: 60)")
    out = parser.add_argument_group("output")
    out.add_argument("--output", metavar="FILE.npz", help="default: runs/GAME-LEARNER.npz, or the next free name")
    out.add_argument("--force", action="store_true", help="overwrite what --output names")
    out.add_argument("--no-plot", action="store_true", help="no picture of the learning curve")
    out.add_argument("--no-progress", action="store_true")
    out.add_argument("--quiet", action="store_true", help="print nothing but where it saved")


def _what_arguments(parser):
    what = parser.add_argument_group("what is trained")
    what.add_argument("--game", metavar="NAME", help="another game than the article's comes without its shaping")
    what.add_argument("--learner", metavar="NAME")
    what.add_argument("--encoder", metavar="NAME", help="from observations to table rows; none: leave it out")
    what.add_argument("--central", metavar="NAME",
                      help="encoder of the whole state, for learners that look at it as they learn; none: leave it out")
    what.add_argument("--rewards", metavar="NAME", help="who learns from whose reward")
    what.add_argument("--teams", metavar="TEAMS",
                      help="who plays with whom, such as '[[0, 1], [2, 3]]': cooperative within, competitive between")
    what.add_argument("--shaping", metavar="NAMES", action="append",
                      help="what is added to rewards; several by commas or by repeating; none: nothing")
    what.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="changes",
                      help="change one option, such as game.agents=8, learner.explore.epsilon=0.1 or "
                           "shaping.0.weight=0.5 (VALUE as in TOML; nothing: the default); may be repeated")


def _long_arguments(parser, more):
    long = parser.add_argument_group("for how long")
    long.add_argument("--episodes", type=_whole, metavar="N", help=f"of each run{more}")
    long.add_argument("--steps", type=_whole, metavar="N", help=f"of each run{more}")
    long.add_argument("--stop", metavar="NAMES", action="append",
                      help="further stop rules, such as greedy_stable (then --set stop.0.n=1000)")
    long.add_argument("--record-every", type=_whole, metavar="N", help="episodes per recorded return; 0: none")
    return long


def _sweep_arguments(parser):
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT.toml",
                        help="experiment file, with a table [sweep]; default: the article's game")
    points = parser.add_argument_group("points")
    points.add_argument("--over", metavar="NAME=VALUES", action="append", default=[],
                        help="sweep over an option, such as learner.learning_rate='[0.1, 0.2]', or with --samples "
                             "'{low = 0.001, high = 1.0, log = true}'; may be repeated")
    points.add_argument("--seeds", metavar="N", help="how many (default: runs of the experiment), or which: '[3, 5]'")
    points.add_argument("--samples", type=_whole, metavar="N", help="points drawn at random (default: all of the grid)")
    points.add_argument("--sample-seed", type=_whole, metavar="N", help="of what is drawn (default: 0)")
    _what_arguments(parser)
    _long_arguments(parser, "")
    how = parser.add_argument_group("how (changes nothing in the numbers)")
    how.add_argument("--engine", metavar="NAME", help="threads (default), processes, ray or dask")
    how.add_argument("--workers", type=_whole, metavar="N", help="tasks at once (default: as many as processors)")
    how.add_argument("--shard", metavar="I/N", help="only part I of N, from 1 on; see marlfast merge")
    how.add_argument("--chunk-seconds", type=float, metavar="S", help="how long one task takes (default: 2)")
    how.add_argument("--backend", choices=BACKENDS, default="cython")
    out = parser.add_argument_group("output")
    out.add_argument("--out", metavar="FOLDER", help="default: sweeps/NAME-OF-THE-FILE")
    out.add_argument("--bins", type=_whole, metavar="N", help="most bins of a learning curve (default: 100)")
    out.add_argument("--keep-results", action="store_true", help="keep the whole result of each run")
    out.add_argument("--no-progress", action="store_true")
    out.add_argument("--quiet", action="store_true", help="print nothing but the folder")
    parser.set_defaults(runs=None, first_run=None, seed=None)


def _evaluate_arguments(parser):
    add = parser.add_argument
    add("file", metavar="FILE.npz", help="a result that `marlfast train` saved")
    add("--episodes", type=_whole, default=EVALUATION_EPISODES, metavar="N",
        help=f"of each run (default: {EVALUATION_EPISODES})")
    add("--seed", type=_whole, default=0, metavar="N", help="of the episodes played here (default: 0)")
    add("--game", metavar="NAME", help="another game with the same observations and actions")
    add("--set", metavar="game.KEY=VALUE", action="append", default=[], dest="changes",
        help="change an option of the game, such as game.horizon=200; may be repeated")
    add("--threads", type=_whole, metavar="N", help="default: as many as there are processors")
    add("--backend", choices=BACKENDS, default="cython")


def _reproduce_arguments(parser):
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="which; default: list all")
    add("--runs", type=_whole, metavar="N", help="default: 100, fewer where a run is long")
    add("--full", action="store_true", help="as many runs as were published")
    add("--seed", type=_whole, default=0, metavar="N")
    add("--set", metavar="OPTION=VALUE", action="append", default=[], dest="changes",
        help="change an option of the experiment (VALUE as in TOML); may be repeated")
    add("--options", action="store_true", help="show the options and their values, and run nothing")
    add("--threads", type=_whole, metavar="N", help="default: as many as there are processors")
    add("--plot", metavar="FILE.png", help="save a picture, of studies that have one: article2026")
    add("--no-progress", action="store_true")


# -- experiments as dictionaries ----------------------------------------------------------------


def _apply_names(values, args):
    """Apply --game, --learner and the like; returns the keys that were given."""
    given = [key for key in PARTS if getattr(args, key) is not None]
    for key in given:
        wanted = getattr(args, key)
        if key in LISTS:
            entries = [name.strip() for text in wanted for name in text.split(",")]
            values[key] = [{"name": name} for name in entries if name not in ("", "none")]
            for entry in values[key]:
                lookup(PARTS[key], entry["name"])
        elif key in ("encoder", "central", "rewards") and wanted == "none":
            values.pop(key, None)
        else:
            assign(values, f"{key}.name", wanted)
    return set(given)


def _experiment(args, over=None):
    """The experiment that the arguments of ``train`` describe; of ``sweep``, what its points have in common."""
    if args.experiment is not None and args.experiment.endswith(".npz"):
        raise ValueError(f"{args.experiment}: a result, not an experiment; go on with it by: marlfast train --resume "
                         f"{shlex.quote(args.experiment)}")
    values = copy.deepcopy(DEFAULT) if args.experiment is None else toml.read(args.experiment)
    source = "" if args.experiment is None else f"{args.experiment}: "
    if "sweep" in values:
        if over is None:
            raise ValueError(f"{source}is a sweep; run it by: marlfast sweep {shlex.quote(args.experiment)}")
        values.pop("sweep")
    for key, first in (over or {}).items():
        values.setdefault(key, first)           # what is swept over as a whole needs no value of its own
    for key in LISTS:
        if key in values and not isinstance(values[key], list):
            values[key] = [values[key]]
    before = _name(values.get("game"))
    given = _apply_names(values, args)
    if args.experiment is None and args.steps is not None:
        values.pop("episodes")                  # who asks for steps wants steps, not 5,000 episodes at most
    for key in NUMBERS:
        if getattr(args, key) is not None:
            values[key] = getattr(args, key)
    if args.teams is not None:
        values["teams"] = parse_value(args.teams)
        if args.experiment is None and args.rewards is None:
            values.pop("rewards")               # teams bring their own
    given |= apply_changes(values, args.changes)
    try:
        if _name(values.get("game")) != before and args.experiment is None and "shaping" not in given:
            values.pop("shaping", None)         # it belongs to the article's game
        for key, kind in PARTS.items():
            complete(kind, values.get(key), key)
        _fit_encoder(values, drop=_name(values.get("game")) != before and "encoder" not in given)
        return Experiment.from_dict(values)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{source}{error}") from None


def _name(value):
    return value.get("name") if isinstance(value, dict) else value


def _fit_encoder(values, drop):
    """Another game than the one the encoder was meant for may need none (``drop``); some need one."""
    numbered = "game" not in values or from_dict("game", values["game"]).observations is not None
    if numbered and drop:
        values.pop("encoder", None)
    if not numbered and "encoder" not in values:
        raise ValueError("encoder: the game's observations are real numbers, which need one; give --encoder rounding, "
                         "or --encoder grid with --set encoder.low=... and so on (see: marlfast parts encoders)")


# -- train --------------------------------------------------------------------------------------


def _train(args):
    for key in ("threads", "block"):            # the rest is checked with the experiment
        if getattr(args, key) is not None:
            integer(key, getattr(args, key), 1)
    if args.every is not None and args.checkpoint is None:
        raise ValueError("--every: says how often --checkpoint is written, which is not there")
    earlier, more = (None, {}) if args.resume is None else _resume(args)
    experiment = _experiment(args) if earlier is None else earlier.experiment
    path = _output(args, experiment)
    if not args.quiet:
        _header(experiment, args.resume)
    how = {"threads": args.threads, "block": args.block, "backend": args.backend,
           "progress": not (args.quiet or args.no_progress)}
    how |= {key: getattr(args, key) for key in ("checkpoint", "every") if getattr(args, key) is not None}
    failure = None
    try:
        if earlier is None:
            result = train(experiment, **how)
        else:
            result = train(resume=earlier, **more, **how)
    except TrainingError as error:
        result, failure = error.result, error
        if result is None:
            return _fail(error, 1)
    # A stop rule that came later did not hold from the start: such training cannot be told as one experiment.
    whole = failure is None and not result.interrupted and not (earlier and result.experiment.stop)
    saved, trouble = _save(result, path, args, whole)
    stopped = result.interrupted
    if args.quiet:
        print(*saved[:1], sep="", end="\n" if saved else "")
    else:
        try:
            if failure is None:
                _report(result, args)
        except KeyboardInterrupt:
            stopped = True
        _say_saved(result, saved, finished=failure is None and not stopped)
    if failure is not None:
        _fail(str(failure).replace("are kept in error.result", f"are saved in {saved[0]}" if saved else "are lost"), 1)
    if trouble is not None:
        _fail(trouble, 1)
    if failure is not None or trouble is not None:
        return 1
    if stopped:
        name = shlex.quote(str(saved[0]))
        print("marlfast: interrupted" + (
            f"; what was learned is in {name}; go on to the end with: marlfast train --resume {name} (for N episodes "
            "more: add --episodes N)" if result.interrupted else ""), file=sys.stderr)
        return 130
    return 0


def _load(path, backend):
    """A result, and not a sweep."""
    if os.path.isdir(path):
        raise ValueError(f"{path}: a folder, not a result; a sweep with --keep-results has them in "
                         f"{os.path.join(path, 'results')}")
    return load(path, backend)


def _resume(args):
    """An earlier result, and how much longer it is to train."""
    if args.experiment is not None:
        raise ValueError("--resume: goes on with its own experiment; leave the experiment file out")
    for key in (*PARTS, *NUMBERS):
        if getattr(args, key) is not None and key not in ("episodes", "steps", "stop"):
            raise ValueError(f"--{key.replace('_', '-')}: cannot change with --resume; only --episodes, --steps and "
                             "--stop can")
    earlier = _load(args.resume, args.backend)
    reasons = earlier.stop_reason
    if all(reason.startswith("failed") for reason in reasons):
        raise ValueError(f"{args.resume}: nothing to go on with, every run has {reasons[0].replace(':', ' (')})")
    more = {key: getattr(args, key) for key in ("episodes", "steps") if getattr(args, key) is not None}
    values = {"stop": earlier.experiment.to_dict().get("stop", [])}
    if "stop" in _apply_names(values, args) | apply_changes(values, args.changes, allowed=("stop",)):
        rules = values.get("stop", [])
        rules = rules if isinstance(rules, list) else [rules]
        complete("stop rule", rules, "stop")
        more["stop"] = [from_dict("stop rule", rule, f"stop.{k}") for k, rule in enumerate(rules)]
    return earlier, more


def _beside(path, ending):
    """The name beside a result's: ``team.npz`` and ``.toml`` give ``team.toml``."""
    return path.with_name(path.name.removesuffix(".npz") + ending)


def _taken(path):
    """The first of the files of a result that exists already, or None."""
    files = (path, _beside(path, ".toml"), _beside(path, ".png"))
    return next((file for file in files if os.path.lexists(file)), None)


def _output(args, experiment):
    """Where to save; refused now and not after an hour of training, if nothing can be written there."""
    default = f"{experiment.game.name}-{experiment.learner.name}.npz"
    path = Path("runs") / default if args.output is None else Path(args.output)
    explicit = args.output is not None
    if explicit and (args.output.endswith(("/", os.sep)) or path.is_dir()):
        path, explicit = path / default, False
    if not path.name.endswith(".npz"):
        path = path.with_name(path.name + ".npz")
    taken = _taken(path)
    if explicit and taken is not None and not args.force:
        raise ValueError(f"--output: {taken} exists already; choose another name, or overwrite it with --force")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(error.errno, f"--output: cannot write in {path.parent}: {error.strerror}") from None
    return path


def _claim(path, force):
    """A free name, like the one wanted; its file is made at once, so that no other process can take it."""
    if force:
        return path
    for k in itertools.count(1):
        free = path if k == 1 else _beside(path, f"-{k}.npz")
        if _taken(free) is not None:
            continue
        try:
            free.open("xb").close()
            return free
        except FileExistsError:
            continue


def _save(result, path, args, whole):
    """Save the result, its experiment and its learning curve.

    Returns
    -------
    saved : list of Path
    trouble : Exception or None
        Why not all of it was saved.
    """
    saved = []
    try:
        path = _claim(path, args.force and args.output is not None)
        try:
            result.save(path)
        except BaseException:
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
            raise
        saved.append(path)
        experiment = _beside(path, ".toml")
        again = f"marlfast train {shlex.quote(experiment.name)}"
        toml.write(experiment, result.experiment.to_dict(), comment=(
            f"{again} gives the numbers of {path.name} again, bit for bit." if whole else
            f"{path.name} was not trained in one go; {again} trains from the start."))
        saved.append(experiment)
        if not args.no_plot and result.team_returns.size:
            picture = _beside(path, ".png")
            _plot(result, picture)
            saved.append(picture)
    except ImportError:
        pass                                    # without matplotlib there is no picture; _say_saved says how to get it
    except (OSError, ValueError, TypeError) as error:
        return saved, error
    return saved, None


def _plot(result, path):
    axes = result.plot()
    write_atomically(path, lambda file: axes.figure.savefig(file, format="png", dpi=150))


# -- what is printed ----------------------------------------------------------------------------


def _header(experiment, resumed):
    e = experiment
    long = [f"{n:,} {word}" for n, word in ((e.episodes, "episodes"), (e.steps, "steps")) if n]
    runs = f"{e.runs} {'team' if e.runs == 1 else 'teams'} of {e.game.agents} {_plural(e.game.agents, 'agent')}"
    going = f"Going on with {resumed}" if resumed else "Training"
    print(f"{going}: {runs}, game {e.game.name}, learner {e.learner.name}"
          + (f", {' or '.join(long)} each" if long else "") + f", {e.seed_text()}\n")
    values = e.to_dict()
    for key in PARTS:
        value = values.get(key)
        for k, part in enumerate(value if isinstance(value, list) else [value] if value else []):
            text = f"  {key if k == 0 else '':<9}{_in_words(part)}"
            print(textwrap.fill(text, WIDTH, subsequent_indent=" " * 13, break_long_words=False,
                                break_on_hyphens=False))
    print(flush=True)


def _plural(n, word):
    return word if n == 1 else f"{word}s"


def _in_words(part):
    """A definition's dictionary in a line."""
    options = ", ".join(f"{key} {_short(value)}" for key, value in part.items() if key != "name")
    return f"{part['name']}: {options}" if options else part["name"]


def _short(value):
    if isinstance(value, dict):
        return f"({_in_words(value)})"
    if isinstance(value, str):
        return value
    text = toml.inline(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


def _tenth(result, first):
    """Mean team return of each run's first or last tenth of recorded episodes: float64 [R]."""
    means = []
    for returns in result.team_returns:
        returns = returns[~np.isnan(returns)]
        n = max(1, int(round(len(returns) * 0.1)))
        if len(returns):
            means.append((returns[:n] if first else returns[-n:]).mean())
    return np.array(means)


def _report(result, args):
    """What was reached, beside a random team."""
    e = result.experiment
    how = {"threads": args.threads, "backend": args.backend}
    rows, note = [], None
    try:
        if result.episodes.any() or e.game.horizon:      # else an episode may never end
            rows.append(("random team", _play(e.game, "random", EVALUATION_EPISODES, 0, e.runs, how)))
    except (ValueError, TrainingError) as error:
        note = f"Not compared with a random team: {_sentence(error)}"
    if result.team_returns.size:
        rows.append(("first tenth of training", _tenth(result, True)))
        rows.append(("last tenth of training", _tenth(result, False)))
    try:
        if rows and rows[0][0] == "random team":
            rows.append(("learned team, greedy", _play(e.game, result, EVALUATION_EPISODES, 0, e.runs, how)))
    except (ValueError, TrainingError) as error:
        note = f"The learned team was not evaluated: {_sentence(error)}"
    if rows:
        print(_table(rows))
        print(_MEANING)
    if note:
        print(note)
    reasons = result.stop_reason
    if set(reasons) - {"episodes", "steps"}:
        print("Runs ended by: " + ", ".join(f"{r} ({reasons.count(r)})" for r in dict.fromkeys(reasons)))
    steps = int(result.steps.sum()) * e.game.agents
    rate = f", {steps / result.seconds:,.0f} agent-steps per second" if result.seconds else ""
    print(f"Trained {steps:,} agent-steps in {result.seconds:.1f} s{rate}.")


def _play(game, policy, episodes, seed, runs, how):
    """Mean team return of each run: float64 [R]."""
    return evaluate(game, policy, episodes=episodes, seed=seed, runs=runs, **how).team_returns.mean(axis=1)


def _table(rows):
    """Aligned lines of (label, float64 [R]): mean over runs, lowest and highest."""
    runs = max(len(values) for _, values in rows)
    most = max(float(np.abs(values).max()) for _, values in rows)
    decimals = 1 if most >= 100 else 2 if most >= 1 else 4
    cells = [("team return per episode", *((f"mean of {runs} runs", "lowest run", "highest run") if runs > 1
                                           else ("one run",)))]
    for label, values in rows:
        numbers = (values.mean(), values.min(), values.max()) if runs > 1 else (values.mean(),)
        cells.append((f"  {label}", *(f"{number:,.{decimals}f}" for number in numbers)))
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    lines = ["   ".join(cell.ljust(width) if k == 0 else cell.rjust(width)
                        for k, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in cells]
    return "\n".join(lines) + "\n"


def _say_saved(result, saved, finished):
    """Where things are, and what to type next."""
    if not saved:
        return
    what = {".npz": "result", ".toml": "experiment", ".png": "learning curve"}
    print("Saved " + ", ".join(f"{path} ({what[path.suffix]})" for path in saved) + ".")
    if len(saved) == 2 and result.team_returns.size and not _has_matplotlib():
        print("For a picture of the learning curve: pip install 'marlfast[plot]'")
    if finished:
        print(f"Next: marlfast evaluate {shlex.quote(str(saved[0]))}")


def _has_matplotlib():
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


# -- sweep --------------------------------------------------------------------------------------

SWEEP_KEYS = ("over", "seeds", "samples", "sample_seed", "out", "engine", "workers", "chunk_seconds", "bins", "keep")


def _sweep(args):
    from marlfast.sweeps import points as points_of
    from marlfast.sweeps import sweep

    how = _sweep_table(args)
    over = how["over"] = points_of.lists(how.get("over"))
    named = {change.partition("=")[0].strip() for change in args.changes}
    for name in over:
        option = next((f"--set {n}" for n in named if n == name), None) or next(
            (f"--{key.replace('_', '-')}" for key in (*PARTS, *NUMBERS)
             if getattr(args, key) is not None and name in (key, f"{key}.name")), None)
        if option:
            raise ValueError(f"{option}: {name} is swept over; leave one of them out")
    heads = {name.removesuffix(".name"): values[0] for name, values in over.items() if isinstance(values, list)}
    experiment = _experiment(args, {key: value for key, value in heads.items() if key in (*PARTS, "episodes", "steps")})
    stem = Path(args.experiment).stem if args.experiment else f"{experiment.game.name}-{experiment.learner.name}"
    out = Path(how.pop("out", Path("sweeps") / stem))
    try:
        found = sweep(experiment, out=out, shard=args.shard, backend=args.backend,
                             progress=not (args.quiet or args.no_progress), **how)
    except OSError as error:
        return _fail(error, 1 if error.errno == errno.ENOSPC else 2)
    print(found.folder) if args.quiet else _say_swept(found, out)
    for name, text in found.failures:
        first, *_, last = text.strip().splitlines()
        _fail(f"chunk {name}: {first} {last} (all of it is in {found.folder / 'log.jsonl'})", 1)
    if found.interrupted:
        print(f"marlfast: interrupted; what is done is in {found.folder}, and the same command goes on",
              file=sys.stderr)
        return 130
    return 1 if found.failures else 0


def _sweep_table(args):
    """The arguments of a sweep: those of the table in the file, changed by options."""
    from marlfast.sweeps import points

    values = {}
    if args.experiment and not args.experiment.endswith(".npz"):
        values = toml.read(args.experiment).get("sweep", {})
    if not isinstance(values, dict):
        raise ValueError(f"{args.experiment}: sweep: expected a table, got {values!r}")
    for key in values:
        if key not in SWEEP_KEYS:
            raise unknown("key of the sweep", key, SWEEP_KEYS)
    how = copy.deepcopy(values)
    for text in args.over:
        name, equals, value = text.partition("=")
        name = name.strip()
        try:
            if not equals:
                raise ValueError("expected NAME=VALUES, such as learner.learning_rate='[0.1, 0.2]'")
            how["over"] = points.lists(how.get("over")) | {name: parse_value(value)}
        except ValueError as error:
            raise ValueError(f"--over {name}: {error}") from None
    if args.seeds is not None:
        how["seeds"] = parse_value(args.seeds)
    for key in ("samples", "sample_seed", "out", "engine", "workers", "chunk_seconds", "bins"):
        if getattr(args, key) is not None:
            how[key] = getattr(args, key)
    if args.keep_results:
        how["keep"] = "results"
    return how


def _say_swept(found, out):
    """The best points, and where all is."""
    if found.plan.hi - found.plan.lo == found.missing:
        return
    e, points, seeds = found.experiment, len(found.plan.index), len(found.seeds)
    what = listed(found.names) if found.names else "seeds alone"
    print(f"Swept over {what}: {points:,} {_plural(points, 'point')} x "
          f"{seeds:,} {_plural(seeds, 'seed')}, game {e.game.name}, learner {e.learner.name}")
    columns = found.table()
    points, first, place = np.unique(columns["point"], return_index=True, return_inverse=True)
    returns, there = columns["team_return"], np.bincount(place)
    means = np.bincount(place, returns) / there
    order = [int(k) for k in np.argsort(-means, kind="stable") if not np.isnan(means[k])][:BEST]
    if order:
        print(f"\nTeam return of the last tenth, mean over seeds; the best of {len(points):,} points:\n")
        rows = [("team return", *found.names)]
        rows += [(f"{means[k]:.6g}", *(str(columns[name][first[k]]) for name in found.names)) for k in order]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        for row in rows:
            print("  " + "   ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    reasons, counts = np.unique(columns["stop_reason"], return_counts=True)
    print("\nRuns ended by: " + ", ".join(f"{r} ({n:,})" for r, n in zip(reasons, counts, strict=True)))
    if found.missing:
        return
    if found.folder != out:
        print(f"Saved {found.folder}. When all shards are done: marlfast merge {shlex.quote(str(out))}")
    else:
        print(f"Saved {out / 'table.csv'} (a row per run), {out / 'table.npz'}, {out / 'curves.npz'}.")


def _merge(args):
    from marlfast.sweeps import merge

    found = merge(args.folder, args.shards or None)
    print(found.folder) if args.quiet else _say_swept(found, found.folder)
    return 0


# -- evaluate -----------------------------------------------------------------------------------


def _evaluate(args):
    if args.file.endswith(".toml"):
        raise ValueError(f"{args.file}: an experiment, not a result; train it first: marlfast train "
                         f"{shlex.quote(args.file)}")
    result = _load(args.file, args.backend)
    values = {"game": result.experiment.game.to_dict()}
    if args.game is not None:
        assign(values, "game.name", args.game)
    apply_changes(values, args.changes, allowed=("game",))
    complete("game", values.get("game"), "game")
    game = from_dict("game", values.get("game"))
    how = {"threads": args.threads, "backend": args.backend}
    runs = len(result.steps)
    rows = [(label, _play(game, policy, args.episodes, args.seed, runs, how))
            for label, policy in (("random team", "random"), ("learned team, greedy", result))]
    print(f"{args.file}: game {game.name}, learner {result.experiment.learner.name}, {game.agents} "
          f"{_plural(game.agents, 'agent')}; {args.episodes:,} {_plural(args.episodes, 'episode')} a run, "
          f"seed {args.seed}\n")
    print(_table(rows))
    print(_MEANING)
    return 0


# -- lists --------------------------------------------------------------------------------------


def _list_games(args):
    if args.name is not None:
        cls = lookup("game", args.name)
        _show(cls, "game")
        if not _needed(cls):
            env = cls().env()
            env.reset()
            print(f"\nA start:\n\n{textwrap.indent(env.render(), '    ')}")
        return 0
    _list_names("game")
    print("\nOne in full: marlfast games NAME. Train one: marlfast train --game NAME --set game.OPTION=VALUE")
    return 0


def _list_learners(args):
    if args.name is not None:
        _show(lookup("learner", args.name), "learner")
        return 0
    _list_names("learner")
    print("\nOne in full: marlfast learners NAME. Train with one: marlfast train --learner NAME --set "
          "learner.OPTION=VALUE")
    return 0


def _needed(cls):
    """Options without a default."""
    return [f.name for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING]


def _list_names(kind):
    """Names of a kind, each with the first sentence of its docstring."""
    for name, cls in names(kind).items():
        print(textwrap.fill(f"{name}: {_first_line(cls)}", WIDTH, subsequent_indent="  ", break_long_words=False))


def _show(cls, place):
    """One definition in full: its docstring, then its options with their defaults."""
    prefix = f"{place}." if place else ""
    print(f"{cls.name}\n\n{inspect.getdoc(cls)}\n\nOptions, as --set {prefix}OPTION=VALUE\n")
    for field in dataclasses.fields(cls):
        for key, default in _options(field.name, field):
            print(f"    {key} = {default}")


def _list_parts(args):
    if args.kind is not None and args.kind not in KINDS:
        raise unknown("kind of parts", args.kind, KINDS)
    for k, word in enumerate([args.kind] if args.kind else KINDS):
        kind, place = KINDS[word]
        print(("\n" if k else "") + f"{word.upper()} ({place} of an experiment)")
        _list(kind, place)
    print("\nChange one: marlfast train --set PLACE.name=NAME --set PLACE.OPTION=VALUE")
    return 0


def _list(kind, place):
    """Names of a kind, each with the first sentence of its docstring and its options."""
    for name, cls in names(kind).items():
        text = " ".join((cls.__doc__ or "").split("\n\n")[0].split()).replace("``", "")
        print(textwrap.fill(f"{name}: {text}", WIDTH, subsequent_indent="  ", break_long_words=False))
        for field in dataclasses.fields(cls):
            for key, default in _options(field.name, field):
                print(f"    {key} = {default}")


def _options(key, field):
    """Pairs of key and default of one field, with those inside its default."""
    if field.default is dataclasses.MISSING:
        return [(key, "(needed)")]
    default = default_of(field)
    if default is None:
        return [(key, "(not set)")]
    if isinstance(default, dict):
        return [(f"{key}.{inner}", toml.inline(value)) for inner, value in default.items()]
    return [(key, toml.inline(default))]


# -- reproduce ----------------------------------------------------------------------------------


def _reproduce(args):
    from marlfast import reproduce  # games and learners of every study

    if args.name is None:
        for name, cls in reproduce.studies().items():
            print(textwrap.fill(f"{name}: {_first_line(cls)} {cls.source}", WIDTH, subsequent_indent="  ",
                                break_long_words=False, break_on_hyphens=False))
        print("\nRun one: marlfast reproduce NAME, with as many runs as were published: marlfast reproduce NAME --full")
        return 0
    study = _study(args)
    if args.options:
        _show(type(study), "")
        return 0
    if args.full and args.runs is not None:
        raise ValueError("--full: gives the number of runs already; leave out --runs")
    runs = study.runs if args.full else study.cheap if args.runs is None else args.runs
    integer("runs", runs, 1, 2**31 - 1)
    integer("seed", args.seed, 0, 2**64 - 1)
    if args.threads is not None:
        integer("threads", args.threads, 1)
    if args.plot is not None and not study.picture:
        drawn = [name for name, cls in reproduce.studies().items() if cls.picture]
        raise ValueError(f"--plot: study {study.name!r} has no picture; {', '.join(drawn)} has one")
    print(f"{study.name}: {_first_line(type(study))}\n{textwrap.fill(study.source, WIDTH)}")
    print(f"{runs:,} {_plural(runs, 'run')} (--full: {study.runs:,}), seed {args.seed}")
    changed = study.changed()
    if changed:
        print("Not as published: " + ", ".join(f"{key} {_short(value)}" for key, value in changed.items()))
    print(flush=True)
    try:
        report = study.run(runs, args.seed, args.threads, not args.no_progress)
    except TrainingError as error:
        return _fail(error, 1)
    if args.plot is not None:
        report.draw(args.plot)
    print(f"{report}\n\nTook {report.seconds:.1f} s. What was chosen and why: docs/reproduce/{study.name}.md")
    return 0


def _study(args):
    values = {"name": args.name}
    lookup("study", args.name)
    for change in args.changes:
        path, equals, text = change.partition("=")
        try:
            if not equals:
                raise ValueError("expected OPTION=VALUE")
            values = put_option(values, "study", path.strip().split("."), parse_value(text))
        except ValueError as error:
            raise ValueError(f"--set {path.strip()}: {error}") from None
    return from_dict("study", values)


def _first_line(cls):
    """The first sentence of a definition's docstring."""
    return " ".join(inspect.getdoc(cls).split("\n\n")[0].split()).replace("``", "")


# -- bench --------------------------------------------------------------------------------------


def _bench(argv):
    try:
        from marlfast import bench
    except ImportError as error:
        raise ImportError(f"bench: its program cannot be loaded ({error}); "
                          "install what it needs with: pip install 'marlfast[bench]'") from None
    return bench.main(argv) or 0
