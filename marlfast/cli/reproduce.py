"""``marlfast reproduce``: published experiments."""
import json
import textwrap

from marlfast.cli.arguments import (
    json_argument,
    output_arguments,
    progress_arguments,
    quiet_argument,
    refuse_outputs,
    shows_progress,
    whole,
)
from marlfast.cli.changes import parse_value, put_option
from marlfast.cli.printing import WIDTH, fail, first_line, plural, short, show
from marlfast.errors import TrainingError, integer
from marlfast.registry import from_dict, lookup
from marlfast.tables import json_text


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
    output_arguments(parser, "the figures")
    progress_arguments(parser)
    quiet_argument(parser, "the sentence that says what agrees")
    json_argument(parser)


def _reproduce(args):
    from marlfast import reproduce  # games and learners of every study

    if args.name is None:
        if args.json:
            print(json.dumps([{"name": name, "summary": first_line(cls), "source": cls.source, "runs": cls.runs}
                              for name, cls in reproduce.studies().items()]))
            return 0
        for name, cls in reproduce.studies().items():
            print(textwrap.fill(f"{name}: {first_line(cls)} {cls.source}", WIDTH, subsequent_indent="  ",
                                break_long_words=False, break_on_hyphens=False))
        print("\nRun one: marlfast reproduce NAME, with as many runs as were published: marlfast reproduce NAME --full")
        return 0
    study = study_of(args.name, args.changes)
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
    refuse_outputs(args)
    if not (args.quiet or args.json):
        _header(study, runs, args.seed)
    try:
        report = study.run(runs, args.seed, args.threads, shows_progress(args))
    except TrainingError as error:
        return fail(error, 1)
    if args.json:
        print(json.dumps({"study": study.to_dict(), "runs": runs, "seed": args.seed, "summary": report.summary(),
                          "figures": json.loads(json_text(report.table())), "notes": list(report.notes)}))
    elif args.quiet:
        print(report.summary())
    else:
        print(f"{report}\n\nTook {report.seconds:.1f} s. What was chosen and why: docs/reproduce/{study.name}.md")
    if args.table is not None:
        report.write(args.table)
    if args.plot is not None:
        report.draw(args.plot)
    if args.report is not None:
        from marlfast.reports import report as write_report

        write_report(report, args.report)
    return 0


def _header(study, runs, seed):
    print(f"{study.name}: {first_line(type(study))}\n{textwrap.fill(study.source, WIDTH)}")
    print(f"{runs:,} {plural(runs, 'run')} (--full: {study.runs:,}), seed {seed}")
    changed = study.changed()
    if changed:
        print("Not as published: " + ", ".join(f"{key} {short(value)}" for key, value in changed.items()))
    print(flush=True)


def study_of(name, changes):
    """The study of a name, with what every ``--set`` says."""
    values = {"name": name}
    lookup("study", name)
    for change in changes:
        path, equals, text = change.partition("=")
        try:
            if not equals:
                raise ValueError("expected OPTION=VALUE")
            values = put_option(values, "study", path.strip().split("."), parse_value(text))
        except ValueError as error:
            raise ValueError(f"--set {path.strip()}: {error}") from None
    return from_dict("study", values)
