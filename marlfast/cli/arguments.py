"""What the commands' arguments have in common."""
import argparse


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
