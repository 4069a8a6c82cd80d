"""``marlfast sweep`` and ``marlfast merge``."""
import copy
import shlex
import sys
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
from marlfast.cli.changes import listed, parse_value
from marlfast.cli.experiment import NUMBERS, experiment_of
from marlfast.cli.printing import fail, plural
from marlfast.errors import unknown
from marlfast.experiment import PARTS
from marlfast.measures import adds_up_to_zero, column_of, known, label_of
from marlfast.statistics import counted

BEST = 5                    # points that a sweep shows
SWEEP_KEYS = ("over", "seeds", "samples", "sample_seed", "out", "engine", "workers", "chunk_seconds", "bins", "keep",
              "table", "interval_seconds")


def add(command):
    """Give the command line its commands."""
    _sweep_arguments(command("sweep", _sweep, (
        "Train at every point of a grid, or of a random sample, with every seed. The same command goes on where it was "
        "killed.")))
    merged = command("merge", _merge, "Put the shards of a sweep together.")
    merged.add_argument("folder", metavar="FOLDER", help="where the whole is to be")
    merged.add_argument("shards", nargs="*", metavar="SHARD", help="folders of the shards (default: those in FOLDER)")
    merged.add_argument("--table", metavar="FORMAT", default="csv", help="csv (default) or parquet")
    quiet_argument(merged, "the folder")


def _sweep_arguments(parser):
    parser.add_argument("experiment", nargs="?", metavar="EXPERIMENT.toml|STUDY",
                        help="experiment file, with a table [sweep]; or a published study, such as calvano2020, to be "
                             "swept over its options (--over 'alpha=[0.05, 0.15]'); default: the article's game")
    points = parser.add_argument_group("points")
    points.add_argument("--over", metavar="NAME=VALUES", action="append", default=[],
                        help="sweep over an option, such as learner.learning_rate='[0.1, 0.2]', or with --samples "
                             "'{low = 0.001, high = 1.0, log = true}'; may be repeated")
    points.add_argument("--seeds", metavar="N", help="how many (default: runs of the experiment), or which: '[3, 5]'")
    points.add_argument("--samples", type=whole, metavar="N", help="points drawn at random (default: all of the grid)")
    points.add_argument("--sample-seed", type=whole, metavar="N", help="of what is drawn (default: 0)")
    what_arguments(parser)
    long_arguments(parser, "")
    how = parser.add_argument_group("how (changes nothing in the numbers)")
    how.add_argument("--engine", metavar="NAME", help="threads (default), processes, ray or dask")
    how.add_argument("--workers", type=whole, metavar="N", help="tasks at once (default: as many as processors)")
    how.add_argument("--shard", metavar="I/N", help="only part I of N, from 1 on; see marlfast merge")
    how.add_argument("--chunk-seconds", type=float, metavar="S", help="how long one task takes (default: 2)")
    how.add_argument("--interval-seconds", type=float, metavar="S",
                     help="how often runs that take long keep what they have learned (default: 60)")
    how.add_argument("--resume", metavar="FOLDER", help="go on with what a folder says; nothing else is needed")
    how.add_argument("--plan", action="store_true",
                     help="train nothing but a few runs for some seconds, and say what all will cost: core hours, disk")
    how.add_argument("--backend", choices=BACKENDS, default="cython")
    out = parser.add_argument_group("output")
    out.add_argument("--output", "--out", dest="out", metavar="FOLDER",
                     help="default: sweeps/NAME-OF-THE-FILE; --out is its old name")
    out.add_argument("--bins", type=whole, metavar="N", help="most bins of a learning curve (default: 100)")
    out.add_argument("--table", metavar="FORMAT", help="csv (default) or parquet")
    out.add_argument("--keep-results", action="store_true", help="keep the whole result of each run")
    progress_arguments(out)
    quiet_argument(out, "the folder")
    parser.set_defaults(runs=None, first_run=None, seed=None)


def _sweep(args):
    from marlfast.sweeps import cost, sweep
    from marlfast.sweeps import points as points_of

    if args.resume is not None:
        return _resumed(args)
    how = _sweep_table(args)
    over = how["over"] = points_of.lists(how.get("over"))
    named = {change.partition("=")[0].strip() for change in args.changes}
    for name in over:
        option = next((f"--set {n}" for n in named if n == name), None) or next(
            (f"--{key.replace('_', '-')}" for key in (*PARTS, *NUMBERS)
             if getattr(args, key) is not None and name in (key, f"{key}.name")), None)
        if option:
            raise ValueError(f"{option}: {name} is swept over; leave one of them out")
    if _is_study(args):
        experiment, stem = _study_of(args), args.experiment
    else:
        heads = {name.removesuffix(".name"): values[0] for name, values in over.items() if isinstance(values, list)}
        whole = {key: value for key, value in heads.items() if key in (*PARTS, "episodes", "steps")}
        experiment = experiment_of(args, whole)
        stem = Path(args.experiment).stem if args.experiment else f"{experiment.game.name}-{experiment.learner.name}"
    out = Path(how.pop("out", Path("sweeps") / stem))
    if args.plan:
        print(cost(experiment, out=out, shard=args.shard, backend=args.backend, **how).text())
        return 0
    found = sweep(experiment, out=out, shard=args.shard, backend=args.backend,
                  progress=shows_progress(args), **how)
    return _ended(found, out, args)


def _is_study(args):
    from marlfast.reproduce import studies

    return args.experiment in studies() and not Path(args.experiment).exists()


def _study_of(args):
    """The study that the command line names, with its ``--set``; it has all else itself."""
    from marlfast.cli.reproduce import study_of

    for key in (*PARTS, *NUMBERS, "teams"):
        if getattr(args, key, None) is not None:
            raise ValueError(f"--{key.replace('_', '-')}: the study {args.experiment!r} says that itself; change its "
                             "options by --set, or sweep over them")
    return study_of(args.experiment, args.changes)


def _resumed(args):
    from marlfast.sweeps import resume

    if args.experiment is not None or args.over or args.changes:
        raise ValueError("--resume: goes on with what its folder says; leave out what is swept over what")
    how = {key: getattr(args, key) for key in ("engine", "workers", "chunk_seconds", "table", "interval_seconds")
           if getattr(args, key) is not None}
    found = resume(args.resume, backend=args.backend, progress=shows_progress(args), **how)
    whole = Path(args.resume).parent if found.plan.hi - found.plan.lo < found.plan.total else Path(args.resume)
    return _ended(found, whole, args)


def _ended(found, out, args):
    """Say what came of it; returns the exit status."""
    print(found.folder) if args.quiet else _say_swept(found, out)
    for name, text in found.failures:
        first, *_, last = text.strip().splitlines()
        fail(f"chunk {name}: {first} {last} (all of it is in {found.folder / 'log.jsonl'})", 1)
    if found.interrupted:
        print(f"marlfast: interrupted; what is done is in {found.folder}, and the same command goes on",
              file=sys.stderr)
        return 130
    return 1 if found.failures else 0


def _sweep_table(args):
    """The arguments of a sweep: those of the table in the file, changed by options."""
    from marlfast.sweeps import points

    values = {}
    if args.experiment and not args.experiment.endswith(".npz") and not _is_study(args):
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
    for key in ("samples", "sample_seed", "out", "engine", "workers", "chunk_seconds", "bins", "table",
                "interval_seconds"):
        if getattr(args, key) is not None:
            how[key] = getattr(args, key)
    if args.keep_results:
        how["keep"] = "results"
    return how


def _say_swept(found, out):
    """The best points, and where all is."""
    if found.plan.hi - found.plan.lo == found.missing:
        return
    e, points, seeds = found.experiment, found.plan.points.count, len(found.plan.seeds)
    what = listed(found.names) if found.names else "seeds alone"
    print(f"Swept over {what}: {points:,} {plural(points, 'point')} x "
          f"{seeds:,} {plural(seeds, 'seed')}, game {e.game.name}, learner {e.learner.name}")
    column = _judged_by(found)
    means, there, runs, reasons = _means(found, points, column)
    order = [int(k) for k in np.argsort(-means, kind="stable")[:BEST] if not np.isnan(means[k])]
    if order:
        word, told = column.replace("_", " "), label_of(column)
        told = f"{told} of the last tenth" if "return" in column else told
        print(f"\n{told[0].upper()}{told[1:]}, mean over seeds; the best of {np.count_nonzero(runs):,} points:\n")
        rows = [(word, "runs", *found.names)]
        rows += [(f"{means[k]:.6g}", f"{there[k]} of {runs[k]}",
                  *(str(found.plan.column(name, np.array([k]))[0]) for name in found.names)) for k in order]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        for row in rows:
            print("  " + "   ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    print("\nRuns ended by: " + ", ".join(f"{reason} ({n:,})" for reason, n in sorted(reasons.items())))
    if found.missing:
        return
    if found.folder != out:
        print(f"Saved {found.folder}. When all shards are done: marlfast merge {shlex.quote(str(out))}")
    else:
        tables = [str(out / name) for name in ("table.csv", "table.parquet") if (out / name).exists()]
        print(f"Saved {', '.join(tables)} (a row per run).")


def _judged_by(found):
    """The column by which points are compared."""
    usual = ["team_return", "return_0", "stop_reason", "failed"]
    there = list(next(iter(found.batches(size=1))))
    zero, returned, looked_at = True, False, None
    for batch in found.batches([name for name in (*usual, *known(found.experiment.game)) if name in there]):
        if not np.isnan(counted(batch)).all():
            zero, returned = zero and adds_up_to_zero(batch), True
        elif looked_at is None and (column := column_of(batch)) not in usual:
            looked_at = column
    return ("return_0" if zero else "team_return") if returned else looked_at or "team_return"


def _means(found, points, column):
    """Of each point: mean of a column, how many runs it is of, how many there are; and {reason: runs ended by it}."""
    sums, there, runs, reasons = np.zeros(points), np.zeros(points, int), np.zeros(points, int), {}
    for batch in found.batches(["point", "stop_reason", "failed", column]):
        values, place = counted(batch, column), batch["point"]      # a run that failed is in no mean
        good = ~np.isnan(values)
        np.add.at(sums, place[good], values[good])
        np.add.at(there, place[good], 1)
        np.add.at(runs, place, 1)
        for reason, count in zip(*np.unique(batch["stop_reason"], return_counts=True), strict=True):
            reasons[str(reason)] = reasons.get(str(reason), 0) + int(count)
    with np.errstate(invalid="ignore"):
        return sums / there, there, runs, reasons


def _merge(args):
    from marlfast.sweeps import merge

    found = merge(args.folder, args.shards or None, table=args.table)
    print(found.folder) if args.quiet else _say_swept(found, found.folder)
    return 0
