"""``marlfast check``: whether a file that marlfast wrote, or the folder of a sweep, is whole."""
import json
import sys

from marlfast import errors
from marlfast.cli.arguments import json_argument


def add(command):
    """Give the command line its command."""
    parser = command("check", _check, "Say whether a result, a policy, a team or the folder of a sweep is whole.")
    parser.add_argument("source", metavar="FOLDER|FILE",
                        help="folder of a sweep, or .npz file of a result, policy or team")
    parser.add_argument("--quiet", action="store_true", help="print only what is damaged")
    json_argument(parser)


def _check(args):
    path = errors.path(args.source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    lines, damaged, remedy = _folder(path) if path.is_dir() else _file(path)
    if args.json:
        print(json.dumps({"source": str(path), "whole": not damaged, "said": lines,
                          "damaged": [{"name": name, "why": why} for name, why in damaged]}))
        return 1 if damaged else 0
    for line in [] if args.quiet else lines:
        print(line)
    for name, why in damaged:
        print(f"marlfast: damaged: {why if name in why else f'{name}: {why}'}", file=sys.stderr)
    if damaged and remedy:
        print(f"marlfast: {remedy}", file=sys.stderr)
    return 1 if damaged else 0


def _folder(path):
    from marlfast.sweeps import check

    found = check(path)
    left = found.total - found.done
    lines = [*found.lines, f"{found.done:,} of {found.total:,} runs are there" + (
        f", {left:,} to go: the same sweep, called again, goes on" if left and not found.damaged else "")]
    return lines, found.damaged, "the same sweep, called again, sets damaged files aside, and makes them again"


def _file(path):
    from marlfast import files

    problems = files.check(path)
    lines = [] if problems else [f"{path}: whole"]
    return lines, [(f"{path}: {member}" if member else str(path), why) for member, why in problems], ""
