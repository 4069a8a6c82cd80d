"""The command line: ``marlfast train | evaluate | compare | sweep | tune | merge | report | plot | games | ...``.

An experiment starts as a dictionary (the article's game, or a TOML file), is changed by options and ``--set``,
and is then checked in one go. Every error is one sentence on stderr; the exit status is 0 when all went well,
1 when training or saving failed, 2 for bad input and 130 after Ctrl-C.
"""
import os
import re
import sys
import warnings

from marlfast.cli import bench, check, evaluate, help, lists, reports, reproduce, sweep, train, tune
from marlfast.cli.arguments import Parser
from marlfast.cli.printing import fail
from marlfast.errors import unknown


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
        return fail(error, 2)


def _dispatch(argv):
    if argv[:1] == ["bench"]:
        return bench.run(argv[1:])
    parser, commands = parsers()
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


def parsers():
    """The parser, and those of the commands by name."""
    from marlfast import __version__

    parser = Parser(prog="marlfast", allow_abbrev=False,
                    description="Train teams of agents that learn together, at the speed of C.",
                    epilog="Begin with: marlfast train")
    parser.add_argument("--version", action="version", version=f"marlfast {__version__}")
    group = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands = {}

    def command(name, run, text, **more):
        commands[name] = group.add_parser(name, help=text, description=text, allow_abbrev=False, **more)
        commands[name].set_defaults(run=run)
        return commands[name]

    for module in (train, sweep, tune, check, evaluate, lists, reproduce, reports, bench, help):
        module.add(command)
    return parser, commands
