"""What the commands' arguments have in common."""
import argparse
import sys
from pathlib import Path

from marlfast.disk import clear_way
from marlfast.errors import choice


class Parser(argparse.ArgumentParser):
    """Errors go the way of all others: one sentence, no usage text."""

    def error(self, message):
        raise ValueError(message)


def whole(text):
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


def what_arguments(parser):
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


def long_arguments(parser, more):
    long = parser.add_argument_group("for how long")
    long.add_argument("--episodes", type=whole, metavar="N", help=f"of each run{more}")
    long.add_argument("--steps", type=whole, metavar="N", help=f"of each run{more}")
    long.add_argument("--stop", metavar="NAMES", action="append",
                      help="further stop rules, such as greedy_stable (then --set stop.0.n=1000)")
    long.add_argument("--record-every", type=whole, metavar="N", help="episodes per recorded return; 0: none")
    return long


def progress_arguments(parser):
    """``--progress`` and ``--no-progress``; default: where stderr is a terminal."""
    parser.add_argument("--progress", action=argparse.BooleanOptionalAction, default=None,
                        help="show how far it is (default: on a terminal)")


def shows_progress(args):
    """Whether progress is shown."""
    if args.quiet:
        return False
    return sys.stderr.isatty() if args.progress is None else args.progress


def quiet_argument(parser, what):
    parser.add_argument("--quiet", action="store_true", help=f"print nothing but {what}")


def json_argument(parser):
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


TABLES, PICTURES, PAGES = (".csv", ".json", ".tex", ".dta", ".parquet"), (".png", ".svg", ".pdf"), (".html", ".htm")


def output_arguments(parser, table):
    """``--table``, ``--plot`` and ``--report``."""
    parser.add_argument("--table", metavar="FILE", help=f"save {table} as a table; ends in {', '.join(TABLES)}")
    parser.add_argument("--plot", metavar="FILE", help=f"save a picture; ends in {', '.join(PICTURES)}")
    parser.add_argument("--report", metavar="FILE.html", help="save a page, to be read without a network")


def refuse_outputs(args):
    """Refuse files that cannot be written now, and not after an hour."""
    for option, endings in (("table", TABLES), ("plot", PICTURES), ("report", PAGES)):
        path = getattr(args, option)
        if path is not None:
            choice(f"--{option}: its ending", Path(path).suffix.lower(), endings)
            clear_way(path)
