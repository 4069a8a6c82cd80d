"""``marlfast report``, ``marlfast plot`` and ``marlfast compare``."""
import json
from pathlib import Path

import numpy as np

from marlfast.cli.arguments import json_argument, output_arguments, quiet_argument, refuse_outputs, whole
from marlfast.comparison import compare
from marlfast.errors import choice, integer
from marlfast.plotting.style import save_picture
from marlfast.reports.page import is_sweep, opened, report
from marlfast.tables import json_text

OF_RESULT = ("curve", "policy", "visits", "values", "distribution", "response", "cycles")
OF_SWEEP = ("heat", "parameter")
FORMATS = ("png", "svg", "pdf")


def add(command):
    """Give the command line its commands."""
    page = command("report", _report, "Write one HTML page about a result, several of them, or a sweep, to be read "
                                      "without a network.")
    page.add_argument("sources", nargs="+", metavar="FILE.npz|FOLDER",
                      help="a result, several of one game, or the folder of a sweep")
    page.add_argument("--output", metavar="FILE.html",
                      help="default: beside the file, report.html in the folder, or comparison.html here")
    page.add_argument("--title", metavar="TEXT")
    quiet_argument(page, "where the page is, as always")
    several = command("compare", _compare, "Put results of one game beside each other.")
    several.add_argument("sources", nargs="+", metavar="[LABEL=]FILE.npz", help="results, with labels of your own")
    several.add_argument("--statistic", choices=("iqm", "mean", "median"), default="iqm")
    several.add_argument("--measure", metavar="NAME", help="what is compared: team_return, return_0 and so on, or what "
                                                           "users of the game look at, such as profit_gain")
    output_arguments(several, "the scores")
    quiet_argument(several, "the label with the highest score")
    json_argument(several)
    picture = command("plot", _plot, "Draw a picture of a result or a sweep.")
    add = picture.add_argument
    add("sources", nargs="+", metavar="FILE.npz|FOLDER",
        help="a result, several of one game, or the folder of a sweep")
    add("--kind", metavar="KIND", help=f"of a result: {', '.join(OF_RESULT)} (default: curve); of a sweep: "
                                       f"{', '.join(OF_SWEEP)} (default: heat, or parameter where there is one)")
    add("--output", metavar="FILE", help=f"ends in .{', .'.join(FORMATS)}; default: beside the source, FILE-KIND.png")
    add("--run", type=whole, default=0, metavar="N", dest="which", help="whose table is drawn (default: 0)")
    add("--agent", type=whole, metavar="N")
    add("--x", metavar="NAME", help="swept parameter below")
    add("--y", metavar="NAME", help="swept parameter beside")
    add("--column", metavar="NAME", help="of the sweep's table (default: team_return; in endless games, what its users "
                                        "look at first); of a distribution: the measure")
    quiet_argument(picture, "where the picture is, as always")
    add("--title", metavar="TEXT")
    add("--size", metavar="WIDTHxHEIGHT", help="in inches, such as 6.4x4")
    add("--style", metavar="NAME", action="append", help="light (default), dark, column (3.4 inches wide, for a column "
                                                         "of a journal), or one of matplotlib's; may be repeated")


def _report(args):
    source = args.sources[0] if len(args.sources) == 1 else _labelled(args.sources)
    print(report(source, args.output, args.title))
    return 0


def _labelled(sources):
    """Results by label: that before an equals sign, else the file's name without what all have in common."""
    given = {}
    for text in sources:
        label, equals, path = text.rpartition("=") if not Path(text).exists() else ("", "", text)
        label = label if equals else Path(path).name.removesuffix(".npz")
        if label in given:
            raise ValueError(f"{text}: another result is called {label!r} already; give labels, such as a={path}")
        if Path(path).is_dir():
            raise ValueError(f"{path}: a folder; only results are compared")
        given[label] = path
    return given


def _compare(args):
    refuse_outputs(args)
    found = compare(_labelled(args.sources), measure=args.measure, statistic=args.statistic)
    if args.json:
        print(json.dumps({"results": json.loads(json_text(found.table())), "notes": found.notes}))
    elif args.quiet:
        print(list(found.scores)[int(np.nanargmax(found.table()[found.statistic]))])
    else:
        print(found)
    if args.table is not None:
        found.write(args.table)
    if args.plot is not None:
        save_picture(found.plot(), args.plot)
    if args.report is not None:
        found.report(args.report)
    return 0


def _size(text):
    if text is None:
        return None
    try:
        width, height = map(float, text.lower().split("x"))
    except ValueError:
        raise ValueError(f"--size: expected width and height in inches, such as 6.4x4, got {text!r}") from None
    return width, height


def _cycles(result, how):
    from marlfast import analysis, plotting

    game = result.experiment.game
    prices = getattr(game, "prices", None)
    return plotting.cycle_diagram(analysis.limit_cycles(game, result), numbers=prices,
                                  name="action" if prices is None else "price", **how)


def _plot(args):
    from marlfast import plotting

    if len(args.sources) > 1:
        if args.kind not in (None, "curve"):
            raise ValueError(f"--kind: of several results only curve can be drawn, got {args.kind!r}")
        path = Path("comparison.png" if args.output is None else args.output)
        choice("--output", path.suffix.lower()[1:], FORMATS)
        save_picture(compare(_labelled(args.sources)).plot(), path)
        print(path)
        return 0
    source, _, beside = opened(args.sources[0])
    kinds = OF_SWEEP if is_sweep(source) else OF_RESULT
    default = kinds[0] if kinds is OF_RESULT or len(source.names) > 1 else kinds[1]
    kind = choice("--kind", default if args.kind is None else args.kind, kinds)
    stem = "" if kinds is OF_SWEEP else beside.stem + "-"
    path = beside.with_name(f"{stem}{kind}.png") if args.output is None else Path(args.output)
    choice("--output", path.suffix.lower()[1:], FORMATS)
    if kinds is OF_RESULT:
        run = integer("--run", args.which, 0, len(source.steps) - 1)
    how = {"title": args.title, "style": args.style, "size": _size(args.size)}
    ax = {"curve": lambda: plotting.learning_curve(source, **how),
          "policy": lambda: plotting.policy_map(source, run, args.agent, **how),
          "visits": lambda: plotting.visit_map(source, run, args.agent, **how),
          "values": lambda: plotting.value_map(source, run, args.agent, **how),
          "distribution": lambda: plotting.distribution(source, args.column, **how),
          "response": lambda: plotting.impulse_response(source.experiment.game, source, args.agent or 0, **how),
          "cycles": lambda: _cycles(source, how),
          "heat": lambda: plotting.heat_map(source, args.x, args.y, args.column, **how),
          "parameter": lambda: plotting.parameter_curve(source, args.x, args.column, **how)}[kind]()
    save_picture(ax.figure, path)
    print(path)
    return 0
