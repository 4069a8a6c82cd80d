"""``marlfast help`` and ``marlfast completion``."""
import sys

from marlfast.cli.printing import show
from marlfast.errors import choice, extra, unknown
from marlfast.registry import names

# Kinds that `help` explains, and where such a part stands in an experiment.
_PLACES = {"game": "game", "learner": "learner", "encoder": "encoder", "reward structure": "rewards",
           "shaping": "shaping.0", "potential": "shaping.0.potential", "exploration": "learner.explore",
           "schedule": "learner.learning_rate", "stop rule": "stop.0", "study": ""}
SHELLS = ("bash", "zsh", "tcsh")


def add(command):
    """Give the command line its commands."""
    parser = command("help", _help, "Explain a command, or a game, learner or other part by its name.")
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="default: what marlfast can do")
    shell = command("completion", _completion, "Print what makes a shell complete commands and options.", epilog=(
        "For bash: marlfast completion bash > ~/.local/share/bash-completion/completions/marlfast"))
    shell.add_argument("shell", metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


def _help(args):
    from marlfast.cli import parsers
    from marlfast.reproduce import studies

    parser, commands = parsers()
    if args.topic is None:
        parser.print_help()
        return 0
    if args.topic in commands:
        if args.topic == "bench":               # it has arguments of its own
            from marlfast.cli import bench

            return bench.run(["--help"])
        commands[args.topic].print_help()
        return 0
    studies()                                   # imported, so that their names are known
    known, also = [*commands], {}
    for kind, place in _PLACES.items():
        found = names(kind)
        if args.topic in found:
            show(found[args.topic], place)
            return 0
        known += found
        also |= {other: name for name, cls in found.items() for other in cls.also}
    raise unknown("topic", args.topic, known, also)


def _completion(args):
    from marlfast.cli import parsers

    choice("SHELL", args.shell, SHELLS)
    shtab = extra("shtab", "completion", "completion")
    sys.stdout.write(shtab.complete(parsers()[0], args.shell) + "\n")
    return 0
