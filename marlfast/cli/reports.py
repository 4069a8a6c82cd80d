"""``marlfast report`` and ``marlfast plot``."""
from pathlib import Path

from marlfast.cli.arguments import whole
from marlfast.errors import choice, integer
from marlfast.files import write_atomically
from marlfast.reports.page import is_sweep, opened, report

OF_RESULT, OF_SWEEP = ("curve", "policy", "visits", "values"), ("heat", "parameter")
FORMATS = ("png", "svg", "pdf")


def add(command):
    """Give the command line its commands."""
    page = command("report", _report, "Write one HTML page about a result or a sweep, to be read without a network.")
    page.add_argument("source", metavar="FILE.npz|FOLDER", help="a result, or the folder of a sweep")
    page.add_argument("--output", metavar="FILE.html", help="default: beside the file, or report.html in the folder")
    page.add_argument("--title", metavar="TEXT")
    picture = command("plot", _plot, "Draw a picture of a result or a sweep.")
    add = picture.add_argument
    add("source", metavar="FILE.npz|FOLDER", help="a result, or the folder of a sweep")
    add("--kind", metavar="KIND", help=f"of a result: {', '.join(OF_RESULT)} (default: curve); of a sweep: "
                                       f"{', '.join(OF_SWEEP)} (default: heat, or parameter where there is one)")
    add("--output", metavar="FILE", help=f"ends in .{', .'.join(FORMATS)}; default: beside the source, FILE-KIND.png")
    add("--run", type=whole, default=0, metavar="N", dest="which", help="whose table is drawn (default: 0)")
    add("--agent", type=whole, metavar="N")
    add("--x", metavar="NAME", help="swept parameter below")
    add("--y", metavar="NAME", help="swept parameter beside")
    add("--column", metavar="NAME", default="team_return", help="of the sweep's table (default: team_return)")


def _report(args):
    print(report(args.source, args.output, args.title))
    return 0


def _plot(args):
    from marlfast import plotting

    source, _, beside = opened(args.source)
    kinds = OF_SWEEP if is_sweep(source) else OF_RESULT
    default = kinds[0] if kinds is OF_RESULT or len(source.names) > 1 else kinds[1]
    kind = choice("--kind", default if args.kind is None else args.kind, kinds)
    stem = "" if kinds is OF_SWEEP else beside.stem + "-"
    path = beside.with_name(f"{stem}{kind}.png") if args.output is None else Path(args.output)
    form = choice("--output", path.suffix.lower()[1:], FORMATS)
    if kinds is OF_RESULT:
        run = integer("--run", args.which, 0, len(source.steps) - 1)
    ax = {"curve": lambda: plotting.learning_curve(source),
          "policy": lambda: plotting.policy_map(source, run, args.agent),
          "visits": lambda: plotting.visit_map(source, run, args.agent),
          "values": lambda: plotting.value_map(source, run, args.agent),
          "heat": lambda: plotting.heat_map(source, args.x, args.y, args.column),
          "parameter": lambda: plotting.parameter_curve(source, args.x, args.column)}[kind]()
    write_atomically(path, lambda file: ax.figure.savefig(file, format=form, dpi=150))
    print(path)
    return 0
