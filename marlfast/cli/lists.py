"""``marlfast games``, ``marlfast learners`` and ``marlfast parts``: what there is."""
import dataclasses
import inspect
import json
import textwrap

from marlfast.cli.arguments import json_argument, quiet_argument
from marlfast.cli.printing import WIDTH, first_line, options, show
from marlfast.errors import unknown
from marlfast.registry import lookup, names

# What `marlfast parts` lists: its word, the kind, and where such a part stands in an experiment.
KINDS = {"encoders": ("encoder", "encoder"), "rewards": ("reward structure", "rewards"),
         "shaping": ("shaping", "shaping.0"), "potentials": ("potential", "shaping.0.potential"),
         "exploration": ("exploration", "learner.explore"), "schedules": ("schedule", "learner.learning_rate"),
         "stop": ("stop rule", "stop.0")}


def add(command):
    """Give the command line its commands."""
    for kind, run in (("games", _list_games), ("learners", _list_learners)):
        listed = command(kind, run, f"List {kind}; with a name: its rules, options and source.")
        listed.add_argument("name", nargs="?", metavar="NAME", help="show this one in full")
        json_argument(listed)
        quiet_argument(listed, "the names")
    parts = command("parts", _list_parts, "List all else an experiment is made of.")
    parts.add_argument("kind", nargs="?", metavar="KIND", help=f"one of {', '.join(KINDS)}; default: all of them")
    json_argument(parts)
    quiet_argument(parts, "the names")


def _list_games(args):
    if args.json:
        return _print_json("game", args.name)
    if args.quiet:
        return _print_names("game", args.name)
    if args.name is not None:
        cls = lookup("game", args.name)
        show(cls, "game")
        if not _needed(cls):
            env = cls().env()
            env.reset()
            print(f"\nA start:\n\n{textwrap.indent(env.render(), '    ')}")
        return 0
    _list_names("game")
    print("\nOne in full: marlfast games NAME. Train one: marlfast train --game NAME --set game.OPTION=VALUE")
    return 0


def _list_learners(args):
    if args.json:
        return _print_json("learner", args.name)
    if args.quiet:
        return _print_names("learner", args.name)
    if args.name is not None:
        show(lookup("learner", args.name), "learner")
        return 0
    _list_names("learner")
    print("\nOne in full: marlfast learners NAME. Train with one: marlfast train --learner NAME --set "
          "learner.OPTION=VALUE")
    return 0


def _print_names(kind, name=None):
    """Nothing but names, a line each."""
    print("\n".join(names(kind)) if name is None else lookup(kind, name).name)
    return 0


def _needed(cls):
    """Options without a default."""
    return [f.name for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING]


def _list_names(kind):
    """Names of a kind, each with the first sentence of its docstring."""
    for name, cls in names(kind).items():
        print(textwrap.fill(f"{name}: {first_line(cls)}", WIDTH, subsequent_indent="  ", break_long_words=False))


def _list_parts(args):
    if args.kind is not None and args.kind not in KINDS:
        raise unknown("kind of parts", args.kind, KINDS)
    if args.json:
        print(json.dumps({word: [_described(cls) for cls in names(KINDS[word][0]).values()]
                          for word in ([args.kind] if args.kind else KINDS)}))
        return 0
    if args.quiet:
        for word in [args.kind] if args.kind else KINDS:
            _print_names(KINDS[word][0])
        return 0
    for k, word in enumerate([args.kind] if args.kind else KINDS):
        kind, place = KINDS[word]
        print(("\n" if k else "") + f"{word.upper()} ({place} of an experiment)")
        _list(kind, place)
    print("\nChange one: marlfast train --set PLACE.name=NAME --set PLACE.OPTION=VALUE")
    return 0


def _list(kind, place):
    """Names of a kind, each with the first sentence of its docstring and its options."""
    for name, cls in names(kind).items():
        text = " ".join((cls.__doc__ or "").split("\n\n")[0].split()).replace("``", "")
        print(textwrap.fill(f"{name}: {text}", WIDTH, subsequent_indent="  ", break_long_words=False))
        for field in dataclasses.fields(cls):
            for key, default in options(field.name, field):
                print(f"    {key} = {default}")


def _print_json(kind, name):
    """One definition, or all of a kind, as JSON."""
    print(json.dumps([_described(cls) for cls in names(kind).values()] if name is None
                     else _described(lookup(kind, name)) | {"description": inspect.getdoc(lookup(kind, name))}))
    return 0


def _described(cls):
    """A definition as plain values: its name, what it is, and its options with their defaults."""
    return {"name": cls.name, "summary": first_line(cls), "options": {
        key: default for field in dataclasses.fields(cls) for key, default in options(field.name, field)}}
