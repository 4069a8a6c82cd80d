"""``marlfast reproduce``: published experiments."""
import textwrap

from marlfast.cli.arguments import whole
from marlfast.cli.changes import parse_value, put_option
from marlfast.cli.printing import WIDTH, fail, first_line, plural, short, show
from marlfast.errors import TrainingError, integer
from marlfast.registry import from_dict, lookup


def add(command):
    """Give the command line its command."""
    _reproduce_arguments(command("reproduce", _reproduce, (
        "Run a published experiment: what was published beside what comes out here. Without a name: list them.")))


def _reproduce_arguments(parser):
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="which; default: list all")
    add("--runs", type=whole, metavar="N", help="default: 100, fewer where a run is long")
    add("--full", action="store_true", help="as many runs as were published")
    add("--seed", type=whole, default=0, metavar="N")
    add("--set", metavar="OPTION=VALUE", action="append", default=[], dest="changes",
        help="change an option of the experiment (VALUE as in TOML); may be repeated")
    add("--options", action="store_true", help="show the options and their values, and run nothing")
    add("--threads", type=whole, metavar="N", help="default: as many as there are processors")
    add("--plot", metavar="FILE.png", help="save a picture, of studies that have one: article2026")
    add("--no-progress", action="store_true")


def _reproduce(args):
    from marlfast import reproduce  # games and learners of every study

    if args.name is None:
        for name, cls in reproduce.studies().items():
            print(textwrap.fill(f"{name}: {first_line(cls)} {cls.source}", WIDTH, subsequent_indent="  ",
                                break_long_words=False, break_on_hyphens=False))
        print("\nRun one: marlfast reproduce NAME, with as many runs as were published: marlfast reproduce NAME --full")
        return 0
    study = _study(args)
    if args.options:
        show(type(study), "")
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
    print(f"{study.name}: {first_line(type(study))}\n{textwrap.fill(study.source, WIDTH)}")
    print(f"{runs:,} {plural(runs, 'run')} (--full: {study.runs:,}), seed {args.seed}")
    changed = study.changed()
    if changed:
        print("Not as published: " + ", ".join(f"{key} {short(value)}" for key, value in changed.items()))
    print(flush=True)
    try:
        report = study.run(runs, args.seed, args.threads, not args.no_progress)
    except TrainingError as error:
        return fail(error, 1)
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
