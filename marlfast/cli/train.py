"""``marlfast train``."""
import itertools
import os
import shlex
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from marlfast import toml
from marlfast.backends import BACKENDS
from marlfast.cli.arguments import (
    long_arguments,
    progress_arguments,
    quiet_argument,
    shows_progress,
    what_arguments,
    whole,
)
from marlfast.cli.changes import apply_changes, complete
from marlfast.cli.evaluate import EVALUATION_EPISODES, load_result
from marlfast.cli.experiment import NUMBERS, apply_names, experiment_of
from marlfast.cli.printing import MAX_SIDES, WIDTH, fail, in_words, lines_of, meaning, play, plural, sentence, table
from marlfast.disk import write_atomically
from marlfast.errors import TrainingError, integer
from marlfast.experiment import PARTS
from marlfast.registry import from_dict
from marlfast.train import train


def add(command):
    """Give the command line its command."""
    _train_arguments(command("train", _train, "Train a team; without arguments: the article's game.", epilog=(
        "Names and their options are listed by: marlfast games, marlfast learners, marlfast parts.")))


def _train_arguments(parser):
    add = parser.add_argument
    add("experiment", nargs="?", metavar="EXPERIMENT.toml",
        help="experiment file; default: the article's game, 4 agents, 8 runs of 5,000 episodes")
    what_arguments(parser)
    long = long_arguments(parser, "; with --resume: so many more")
    long.add_argument("--runs", type=whole, metavar="N", help="teams trained from scratch, each by its own draws")
    long.add_argument("--first-run", type=whole, metavar="N", help="number of the first run (default: 0)")
    long.add_argument("--seed", type=whole, metavar="N")
    how = parser.add_argument_group("how (changes nothing in the numbers)")
    how.add_argument("--threads", type=whole, metavar="N", help="default: as many as there are processors")
    how.add_argument("--block", type=whole, metavar="STEPS", help="steps between returns to Python")
    how.add_argument("--backend", choices=BACKENDS, default="cython")
    how.add_argument("--resume", metavar="FILE.npz", help="go on with an earlier result")
    how.add_argument("--checkpoint", metavar="FILE.npz",
                     help="keep there what was learned so far; the same command goes on from there when it was killed")
    how.add_argument("--interval-seconds", "--every", type=float, metavar="SECONDS",
                     help="between checkpoints (default: 60); --every is its old name")
    out = parser.add_argument_group("output")
    out.add_argument("--output", metavar="FILE.npz", help="default: runs/GAME-LEARNER.npz, or the next free name")
    out.add_argument("--force", action="store_true", help="overwrite what --output names")
    out.add_argument("--no-plot", action="store_true", help="no picture of the learning curve")
    progress_arguments(out)
    quiet_argument(out, "where it saved")


def _train(args):
    for key in ("threads", "block"):            # the rest is checked with the experiment
        if getattr(args, key) is not None:
            integer(key, getattr(args, key), 1)
    if args.interval_seconds is not None and args.checkpoint is None:
        raise ValueError("--interval-seconds: says how often --checkpoint is written, which is not there")
    earlier, more = (None, {}) if args.resume is None else _resume(args)
    experiment = experiment_of(args) if earlier is None else earlier.experiment
    path = _output(args, experiment)
    if not args.quiet:
        _header(experiment, args.resume)
    how = {"threads": args.threads, "block": args.block, "backend": args.backend,
           "progress": shows_progress(args)}
    how |= {key: getattr(args, key) for key in ("checkpoint", "interval_seconds") if getattr(args, key) is not None}
    failure = None
    try:
        if earlier is None:
            result = train(experiment, **how)
        else:
            result = train(resume=earlier, **more, **how)
    except TrainingError as error:
        result, failure = error.result, error
        if result is None:
            return fail(error, 1)
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
        fail(str(failure).replace("are kept in error.result", f"are saved in {saved[0]}" if saved else "are lost"), 1)
    if trouble is not None:
        fail(trouble, 1)
    if failure is not None or trouble is not None:
        return 1
    if stopped:
        name = shlex.quote(str(saved[0]))
        print("marlfast: interrupted" + (
            f"; what was learned is in {name}; go on to the end with: marlfast train --resume {name} (for N episodes "
            "more: add --episodes N)" if result.interrupted else ""), file=sys.stderr)
        return 130
    return 0


def _resume(args):
    """An earlier result, and how much longer it is to train."""
    if args.experiment is not None:
        raise ValueError("--resume: goes on with its own experiment; leave the experiment file out")
    for key in (*PARTS, *NUMBERS):
        if getattr(args, key) is not None and key not in ("episodes", "steps", "stop"):
            raise ValueError(f"--{key.replace('_', '-')}: cannot change with --resume; only --episodes, --steps and "
                             "--stop can")
    earlier = load_result(args.resume, args.backend)
    reasons = earlier.stop_reason
    if all(reason.startswith("failed") for reason in reasons):
        raise ValueError(f"{args.resume}: nothing to go on with, every run has {reasons[0].replace(':', ' (')})")
    more = {key: getattr(args, key) for key in ("episodes", "steps") if getattr(args, key) is not None}
    values = {"stop": earlier.experiment.to_dict().get("stop", [])}
    if "stop" in apply_names(values, args) | apply_changes(values, args.changes, allowed=("stop",)):
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
    write_atomically(path, lambda file: axes.figure.savefig(file, format="png", dpi=200))


def _header(experiment, resumed):
    e = experiment
    long = [f"{n:,} {word}" for n, word in ((e.episodes, "episodes"), (e.steps, "steps")) if n]
    runs = f"{e.runs} {'team' if e.runs == 1 else 'teams'} of {e.game.agents} {plural(e.game.agents, 'agent')}"
    going = f"Going on with {resumed}" if resumed else "Training"
    print(f"{going}: {runs}, game {e.game.name}, learner {e.learner.name}"
          + (f", {' or '.join(long)} each" if long else "") + f", {e.seed_text()}\n")
    values = e.to_dict()
    for key in PARTS:
        value = values.get(key)
        for k, part in enumerate(value if isinstance(value, list) else [value] if value else []):
            text = f"  {key if k == 0 else '':<9}{in_words(part)}"
            print(textwrap.fill(text, WIDTH, subsequent_indent=" " * 13, break_long_words=False,
                                break_on_hyphens=False))
    print(flush=True)


def _tenth(result, first):
    """Mean return of each side in the first or last tenth of each run's recorded episodes: {side: float64 [R]}."""
    found = {}
    for side, who in list(result.sides.items())[:MAX_SIDES]:
        means = []
        for returns in result.returns[:, :, who].mean(axis=2):
            returns = returns[~np.isnan(returns)]
            n = max(1, int(round(len(returns) * 0.1)))
            if len(returns):
                means.append((returns[:n] if first else returns[-n:]).mean())
        found[side] = np.array(means)
    return found


def _report(result, args):
    """What was reached, beside a random team."""
    e, sides = result.experiment, result.sides
    how = {"threads": args.threads, "backend": args.backend}
    rows, note = [], None
    try:
        if result.episodes.any() or e.game.horizon:      # else an episode may never end
            rows += lines_of("random team", play(e.game, "random", EVALUATION_EPISODES, 0, e.runs, how, sides))
    except (ValueError, TrainingError) as error:
        note = f"Not compared with a random team: {sentence(error)}"
    compared = bool(rows)
    if result.team_returns.size:
        rows += lines_of("first tenth of training", _tenth(result, True))
        rows += lines_of("last tenth of training", _tenth(result, False))
    try:
        if compared:
            rows += lines_of("learned team, greedy", play(e.game, result, EVALUATION_EPISODES, 0, e.runs, how, sides))
    except (ValueError, TrainingError) as error:
        note = f"The learned team was not evaluated: {sentence(error)}"
    if rows:
        print(table(rows, "team return" if len(sides) == 1 else "return"))
        print(meaning(sides))
    for measure in result.measures().values():
        if not np.isnan(measure.mean):
            print(f"{measure.label[0].upper()}{measure.label[1:]}: {measure.mean:.4g}")
    if note:
        print(note)
    reasons = result.stop_reason
    if set(reasons) - {"episodes", "steps"}:
        print("Runs ended by: " + ", ".join(f"{r} ({reasons.count(r)})" for r in dict.fromkeys(reasons)))
    steps = int(result.steps.sum()) * e.game.agents
    rate = f", {steps / result.seconds:,.0f} agent-steps per second" if result.seconds else ""
    print(f"Trained {steps:,} agent-steps in {result.seconds:.1f} s{rate}.")


def _say_saved(result, saved, finished):
    """Where things are, and what to type next."""
    if not saved:
        return
    what = {".npz": "result", ".toml": "experiment", ".png": "learning curve"}
    print("Saved " + ", ".join(f"{path} ({what[path.suffix]})" for path in saved) + ".")
    if len(saved) == 2 and result.team_returns.size and not _has_matplotlib():
        print("For a picture of the learning curve: pip install 'marlfast[plot]'")
    if finished:
        print(f"Next: marlfast {'evaluate' if result.episodes.any() else 'report'} {shlex.quote(str(saved[0]))}")


def _has_matplotlib():
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True
